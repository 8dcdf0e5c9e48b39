//! Debuggers. An app that one looks into has a shard of its own, because a pause stops the whole thread: nobody else is to wait for it.
//!
//! The runtime has such shards only if it was made with [`RuntimeOptions::inspected_apps`](crate::RuntimeOptions); all others cannot be
//! debugged. While a debugger is there the app's limits of time do not count, and its instance is not evicted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nano_base::status::{Error, Result, Status};
use nano_engine::{Debugger, Inspector, Post};

use crate::app::{App, AppShared};
use crate::runtime::Inner;
use crate::shard::Command;
use crate::wait::lock;

/// What an app knows of its debuggers.
#[derive(Default)]
pub(crate) struct Inspected {
    /// One more than the number of the shard that it has for itself; zero without debuggers.
    shard: AtomicUsize,
    inspector: Mutex<Option<Arc<Inspector>>>,
}

impl Inspected {
    /// Its debuggers, if there are any.
    pub(crate) fn inspector(&self) -> Option<Arc<Inspector>> {
        // Apps without debuggers, which all but a few are, do not come to the lock.
        (self.shard.load(Ordering::Acquire) > 0).then(|| lock(&self.inspector).clone()).flatten()
    }
}

/// The apps that have debuggers.
#[derive(Default)]
pub(crate) struct Inspections(Mutex<Vec<Inspection>>);

struct Inspection {
    app: u64,
    /// The shard that the app has for itself.
    shard: usize,
    /// Where it was before.
    home: usize,
}

impl AppShared {
    /// Whether a debugger looks into it.
    pub(crate) fn is_inspected(&self) -> bool {
        self.inspected.shard.load(Ordering::Acquire) > 0
    }

    /// The debuggers, on the shard that the app has for them.
    pub(crate) fn inspector_on(&self, shard: usize) -> Option<Arc<Inspector>> {
        self.inspected.inspector().filter(|_| self.inspected.shard.load(Ordering::Acquire) == shard + 1)
    }

    /// Its requests go to this shard from now on, unless it stays where its debuggers are.
    pub(crate) fn move_to(&self, shard: usize) {
        if !self.is_inspected() {
            self.home.store(shard, Ordering::Relaxed);
        }
    }
}

/// A debugger that looks into an app. Dropped, it goes: a pause ends with the last one.
pub struct DebuggerSession {
    app: App,
    inspector: Arc<Inspector>,
    id: u32,
}

impl std::fmt::Debug for DebuggerSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DebuggerSession({} of {})", self.id, self.app.name())
    }
}

impl DebuggerSession {
    /// Says something to the app, in the Chrome DevTools Protocol; the answer comes to the debugger.
    pub fn post(&self, post: Post) -> Result<()> {
        self.inspector.post(self.id, post)
    }

    /// What was kept under names like these is not said to the next version of the app.
    pub fn forget(&self, is_meant: impl Fn(&str) -> bool) {
        self.inspector.forget(self.id, is_meant);
    }
}

impl Drop for DebuggerSession {
    fn drop(&mut self) {
        let inner = &self.app.inner;
        let mut inspections = lock(&inner.inspections.0);
        if self.inspector.close(self.id) == 0 {
            inner.end_inspection(&mut inspections, &self.app.shared, &self.inspector);
        }
    }
}

impl App {
    /// Lets a debugger look into the app. The first one moves it to a shard of its own, where an instance starts anew. Blocks.
    pub fn inspect(&self, debugger: Arc<dyn Debugger>) -> Result<DebuggerSession> {
        let (inner, app) = (&self.inner, &self.shared);
        inner.check_open()?;
        app.check_open()?;
        let (session, shard) = {
            let mut inspections = lock(&inner.inspections.0);
            let (inspector, shard) = match app.inspected.inspector() {
                Some(inspector) => (inspector, None),
                None => {
                    let shard = inner.free_shard(&inspections)?;
                    (Arc::new(inner.inspector(app, shard)), Some(shard))
                }
            };
            let id = inspector.open(debugger)?;
            if let Some(shard) = shard {
                *lock(&app.inspected.inspector) = Some(inspector.clone());
                let home = app.home.swap(shard, Ordering::Relaxed);
                app.inspected.shard.store(shard + 1, Ordering::Release);
                inspections.push(Inspection { app: app.key, shard, home });
                for other in inner.shards.iter().filter(|other| other.index != shard) {
                    other.command(Command::Leave(app.key));
                }
            }
            (DebuggerSession { app: self.clone(), inspector, id }, shard)
        };
        if let Some(shard) = shard {
            inner.start_on(shard, app, &app.version())?;
        }
        Ok(session)
    }
}

impl Inner {
    /// A shard that waits for an app with a debugger.
    fn free_shard(&self, inspections: &[Inspection]) -> Result<usize> {
        let is_free = |shard: &usize| !inspections.iter().any(|inspection| inspection.shard == *shard);
        let most = self.shards.len() - self.working;
        (self.working..self.shards.len()).find(is_free).ok_or_else(|| match most {
            0 => Error::new(Status::Invalid, "the runtime was not made for debuggers"),
            most => Error::new(Status::Capacity, format!("{most} apps have debuggers already")),
        })
    }

    /// Debuggers of an app, heard by this shard.
    fn inspector(self: &Arc<Self>, app: &Arc<AppShared>, shard: usize) -> Inspector {
        let (inner, app) = (Arc::downgrade(self), Arc::downgrade(app));
        Inspector::new(Box::new(move || {
            if let (Some(inner), Some(app)) = (inner.upgrade(), app.upgrade()) {
                inner.shards[shard].command(Command::Hear(app));
            }
        }))
    }

    /// An app has no debuggers any more: it goes back to where it was.
    fn end_inspection(&self, inspections: &mut Vec<Inspection>, app: &AppShared, inspector: &Arc<Inspector>) {
        if !app.inspected.inspector().is_some_and(|current| Arc::ptr_eq(&current, inspector)) {
            return;
        }
        // The time in pauses was not theirs.
        self.each_work(|work| {
            if work.app.key == app.key {
                work.progress();
            }
        });
        *lock(&app.inspected.inspector) = None;
        if let Some(at) = inspections.iter().position(|inspection| inspection.app == app.key) {
            let Inspection { shard, home, .. } = inspections.swap_remove(at);
            app.inspected.shard.store(0, Ordering::Release);
            app.home.store(home, Ordering::Relaxed);
            self.shards[shard].command(Command::Leave(app.key));
        }
    }

    /// An app cannot be debugged any more.
    pub(crate) fn send_debuggers_away(&self, app: &AppShared, why: &str) {
        let Some(inspector) = app.inspected.inspector() else { return };
        let mut inspections = lock(&self.inspections.0);
        inspector.close_all(why);
        self.end_inspection(&mut inspections, app, &inspector);
    }
}
