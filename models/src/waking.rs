//! A thread that goes to sleep sees what was left for it, or is rung for.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use loom::thread;

use crate::meet::Waking;

struct Shard {
    waking: Waking,
    queued: AtomicU64,
    rung: AtomicBool,
}

impl Shard {
    fn submit(&self) {
        // Relaxed, as in the shard: the word of `Waking` must carry it over.
        self.queued.fetch_add(1, Ordering::Relaxed);
        if self.waking.must_ring() {
            self.rung.swap(true, Ordering::AcqRel);
        }
    }

    /// Looks, and sleeps if there is nothing; whether it would sleep on, without having been rung for.
    fn sleeps(&self) -> bool {
        self.waking.doze();
        if self.queued.load(Ordering::Relaxed) > 0 {
            self.waking.rise();
            return false;
        }
        true
    }
}

fn shard() -> Arc<Shard> {
    Arc::new(Shard { waking: Waking::new(), queued: AtomicU64::new(0), rung: AtomicBool::new(false) })
}

#[test]
fn what_is_left_for_a_thread_is_seen_or_rung_for() {
    loom::model(|| {
        let shard = shard();
        let host = thread::spawn({
            let shard = shard.clone();
            move || shard.submit()
        });
        let sleeps = shard.sleeps();
        host.join().unwrap();
        assert!(!sleeps || shard.rung.load(Ordering::Acquire), "it sleeps beside a request");
    });
}

#[test]
fn two_hosts_ring_once_for_a_thread_that_sleeps() {
    loom::model(|| {
        let shard = shard();
        assert!(shard.sleeps());
        let others = [(); 2].map(|()| {
            let shard = shard.clone();
            thread::spawn(move || shard.waking.must_ring())
        });
        let rings = others.map(|other| usize::from(other.join().unwrap()));
        assert_eq!(rings.iter().sum::<usize>(), 1);
    });
}
