//! The watchdog does not sleep through a turn. Whoever sleeps for good is a deadlock, which the checker reports itself.

use loom::sync::Arc;
use loom::thread;

use crate::meet::{Nap, Turn, TurnTimes};

fn run(turn: &Turn, nap: &Nap) {
    turn.begin(TurnTimes { started_ns: 1, cpu_started_ns: 1, cpu_limit_ns: 1 });
    nap.wake();
}

#[test]
fn a_turn_that_begins_as_the_watchdog_falls_asleep_wakes_it() {
    loom::model(|| {
        let shared = Arc::new((Turn::new(), Nap::new()));
        let shard = thread::spawn({
            let shared = shared.clone();
            move || run(&shared.0, &shared.1)
        });
        let (turn, nap) = &*shared;
        nap.sleep(|| turn.is_running());
        assert!(turn.is_running(), "it woke for nothing");
        shard.join().unwrap();
    });
}

#[test]
fn one_that_was_woken_sleeps_again() {
    // Three threads have too many orders to try them all: those in which two threads are interrupted are enough.
    let mut few = loom::model::Builder::new();
    few.preemption_bound = Some(2);
    few.check(|| {
        let shared = Arc::new((Turn::new(), Turn::new(), Nap::new()));
        let shards = [0, 1].map(|index| {
            let shared = shared.clone();
            thread::spawn(move || run(if index == 0 { &shared.0 } else { &shared.1 }, &shared.2))
        });
        let (first, second, nap) = &*shared;
        let look = || (first.is_running(), second.is_running());
        loop {
            let seen = look();
            if seen == (true, true) {
                break;
            }
            nap.sleep(|| look() != seen);
        }
        shards.into_iter().for_each(|shard| shard.join().unwrap());
    });
}
