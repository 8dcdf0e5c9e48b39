//! The shard that an app's requests go to: its home. Apps whose turns are long share the last half of the shards with their like for a
//! while, so that there are shards that none of them keeps from the others.
//!
//! Nobody is a hog for ever: every app has a long turn now and then, and in the end all of them would be there.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use nano_base::limits::{HOG_MS, RESCUE_AFTER_MS, SPREAD_AFTER};
use nano_base::sys::time;

use crate::app::AppShared;
use crate::runtime::Inner;

/// Until when an app is a hog.
#[derive(Debug, Default)]
pub(crate) struct Hog {
    /// By the runtime's clock; zero for nearly all, so that they need not look at it.
    until_ms: AtomicU64,
}

impl Hog {
    /// It is none any more: another version is served.
    pub(crate) fn forgive(&self) {
        self.until_ms.store(0, Ordering::Relaxed);
    }
}

impl Inner {
    /// An app took a turn that is too long for its neighbours, or broke a limit: it is kept from them for a while.
    pub(crate) fn confine(&self, app: &AppShared) {
        if self.working > 1 && !app.is_inspected() {
            app.hog.until_ms.store(self.clock.now_ms() + HOG_MS, Ordering::Relaxed);
        }
    }

    /// Whether an app is kept from the others.
    pub(crate) fn is_hog(&self, app: &AppShared) -> bool {
        let until_ms = app.hog.until_ms.load(Ordering::Relaxed);
        until_ms > 0 && self.clock.now_ms() < until_ms && !app.is_inspected()
    }

    /// The first of the shards that hogs are kept on; of one there is none.
    fn first_of_hogs(&self) -> usize {
        self.working - self.working / 2
    }

    /// The shard that an app's requests go to. A hog stays where it is if it may.
    pub(crate) fn home(&self, app: &AppShared) -> usize {
        let (home, first) = (app.home.load(Ordering::Relaxed), self.first_of_hogs());
        if home < first && self.is_hog(app) { self.working - 1 - home % (self.working - first) } else { home }
    }

    /// The shard that a request is for that came by the front of shard `here`: this one, if the app is warm here or its home has too
    /// much to do, because a hop to another thread costs more than anything else does.
    pub(crate) fn shard_for(&self, app: &AppShared, here: usize) -> usize {
        if self.is_hog(app) {
            return self.home(app);
        }
        let home = app.home.load(Ordering::Relaxed);
        let stays = home == here
            || (!app.is_inspected()
                && !self.shards[here].is_stuck()
                && (app.warm.load(Ordering::Relaxed) & (1 << (here % 64)) != 0 || self.shards[home].queued() > SPREAD_AFTER));
        if stays { here } else { home }
    }

    /// Where to go from a shard that is hogged: the one with the least to do, if it can be one where hogs are not kept; none if all are hogged.
    pub(crate) fn refuge_from(&self, shard: usize) -> Option<usize> {
        let now_ns = time::monotonic_ns();
        let is_hogged = |index: usize| {
            let seat = self.shards[index].seat();
            let is_long = |started_ns: u64| now_ns.saturating_sub(started_ns) >= RESCUE_AFTER_MS * 1_000_000;
            seat.is_some_and(|seat| {
                seat.view().is_some_and(|turn| is_long(turn.times.started_ns) || seat.app().is_some_and(|app| self.is_hog(&app)))
            })
        };
        let quietest = |among: Range<usize>| {
            among.filter(|index| *index != shard && !is_hogged(*index)).min_by_key(|index| self.shards[*index].load())
        };
        quietest(0..self.first_of_hogs()).or_else(|| quietest(0..self.working))
    }
}
