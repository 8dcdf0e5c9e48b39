//! A turn ends, or is stopped, and never takes the blow of another one.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use crate::meet::{Turn, TurnTimes};

fn times(n: u64) -> TurnTimes {
    TurnTimes { started_ns: n, cpu_started_ns: n, cpu_limit_ns: n }
}

/// A thread with two turns: each ends with a reason exactly if a blow fell during it.
fn two_turns(turn: &Turn, blows: &AtomicU64) -> u64 {
    let mut stopped = 0;
    for n in 1..=2 {
        turn.begin(times(n));
        let why = turn.end();
        stopped += u64::from(why.is_some());
        // Relaxed: it is the turn's word that must carry the blow over.
        assert_eq!(blows.load(Ordering::Relaxed), stopped, "turn {n} ended with {why:?}");
    }
    stopped
}

/// Stops the turn that runs, as the watchdog does; whether it did.
fn stop(turn: &Turn, blows: &AtomicU64, why: u8) -> bool {
    let Some(view) = turn.view() else { return false };
    let stopped = turn.stop(view.sequence, why, || {
        blows.fetch_add(1, Ordering::Relaxed);
    });
    if stopped {
        // What it was judged by was its own.
        assert_eq!(view.times, times(view.sequence / 4));
        assert!(!view.stopped);
    }
    stopped
}

#[test]
fn a_blow_never_falls_on_the_next_turn() {
    loom::model(|| {
        let shared = Arc::new((Turn::new(), AtomicU64::new(0)));
        let watchdog = thread::spawn({
            let shared = shared.clone();
            move || stop(&shared.0, &shared.1, 0)
        });
        let noticed = two_turns(&shared.0, &shared.1);
        let dealt = u64::from(watchdog.join().unwrap());
        assert_eq!((noticed, shared.1.load(Ordering::Relaxed)), (dealt, dealt));
        assert!(!shared.0.is_running());
    });
}

#[test]
fn of_two_who_stop_a_turn_one_does_and_the_turn_learns_why() {
    loom::model(|| {
        let shared = Arc::new((Turn::new(), AtomicU64::new(0)));
        shared.0.begin(times(1));
        let others = [5, 7].map(|why| {
            let shared = shared.clone();
            thread::spawn(move || stop(&shared.0, &shared.1, why).then_some(why))
        });
        let why = shared.0.end();
        let claimed: Vec<u8> = others.into_iter().filter_map(|other| other.join().unwrap()).collect();
        assert_eq!(claimed, Vec::from_iter(why));
    });
}

#[test]
fn a_stopped_turn_does_not_end_while_something_is_done_about_it() {
    loom::model(|| {
        let shared = Arc::new((Turn::new(), AtomicU64::new(0)));
        shared.0.begin(times(1));
        let watchdog = thread::spawn({
            let shared = shared.clone();
            move || {
                let Some(view) = shared.0.view() else { return };
                if shared.0.stop(view.sequence, 0, || {}) {
                    shared.0.while_stopped(view.sequence, || {
                        shared.1.store(1, Ordering::Relaxed);
                        shared.1.store(0, Ordering::Relaxed);
                    });
                }
            }
        });
        shared.0.end();
        assert_eq!(shared.1.load(Ordering::Relaxed), 0, "it is being done");
        watchdog.join().unwrap();
    });
}
