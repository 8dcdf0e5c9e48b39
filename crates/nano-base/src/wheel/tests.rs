//! Order, cancelling, jumps, and the same answers as an ordered map.

use std::collections::BTreeMap;

use super::*;

const DAY_MS: u64 = 86_400_000;

fn expired<T>(wheel: &mut TimerWheel<T>, now_ms: u64) -> Vec<T> {
    let mut values = Vec::new();
    wheel.expire(now_ms, &mut |_, value| values.push(value));
    values
}

#[test]
fn due_timers_come_by_deadline() {
    let mut wheel = TimerWheel::new(0);
    for deadline in [5000, 3, 70, 64, 1, 4096, 63, 262_144, 0] {
        wheel.insert(deadline, deadline);
    }
    assert_eq!(expired(&mut wheel, 70), [0, 1, 3, 63, 64, 70]);
    assert_eq!(expired(&mut wheel, 4999), [4096]);
    assert_eq!(expired(&mut wheel, 1_000_000), [5000, 262_144]);
    assert!(wheel.is_empty());
}

#[test]
fn equal_deadlines_come_by_insertion_even_when_set_from_different_times() {
    let mut wheel = TimerWheel::new(0);
    let mut expected = Vec::new();
    // Each round sets the timer from nearer by, so the rounds start on different levels.
    for (round, now) in [0, 4_000, 4_900, 4_990, 5_000].into_iter().enumerate() {
        assert_eq!(expired(&mut wheel, now.min(4_999)), Vec::<usize>::new());
        for timer in 0..3 {
            wheel.insert(5_000, round * 10 + timer);
            expected.push(round * 10 + timer);
        }
    }
    assert_eq!(expired(&mut wheel, 5_000), expected);
}

#[test]
fn nothing_is_due_early() {
    let mut wheel = TimerWheel::new(0);
    for deadline in [1, 63, 64, 65, 4095, 4096, 4097, DAY_MS] {
        wheel.insert(deadline, ());
        assert_eq!(wheel.pop_due(deadline - 1), None, "{deadline}");
        assert!(wheel.pop_due(deadline).is_some(), "{deadline}");
    }
}

#[test]
fn a_cancelled_timer_is_gone_and_its_key_stays_dead() {
    let mut wheel = TimerWheel::new(0);
    let first = wheel.insert(10, "first");
    let middle = wheel.insert(10, "middle");
    let last = wheel.insert(10, "last");
    assert_eq!(wheel.cancel(middle), Some("middle"));
    assert_eq!(wheel.cancel(middle), None);
    let again = wheel.insert(10, "again");
    assert_ne!(again, middle);
    assert_eq!(wheel.cancel(middle), None);
    assert_eq!(wheel.cancel(first), Some("first"));
    assert_eq!(wheel.len(), 2);
    assert_eq!(expired(&mut wheel, 10), ["last", "again"]);
    assert_eq!(wheel.cancel(last), None);
}

#[test]
fn a_timer_can_cancel_one_that_is_due_with_it_and_set_another() {
    let mut wheel = TimerWheel::new(0);
    wheel.insert(100, "a");
    let b = wheel.insert(100, "b");
    assert_eq!(wheel.pop_due(200).map(|(_, value)| value), Some("a"));
    wheel.cancel(b);
    wheel.insert(150, "c");
    wheel.insert(201, "d");
    assert_eq!(expired(&mut wheel, 200), ["c"]);
    assert_eq!(expired(&mut wheel, 201), ["d"]);
}

#[test]
fn a_deadline_in_the_past_is_due_at_once() {
    let mut wheel = TimerWheel::new(1_000);
    wheel.insert(5, "past");
    wheel.insert(0, "further past");
    wheel.insert(1_000, "now");
    assert_eq!(wheel.next_deadline(), Some(1_000));
    assert_eq!(expired(&mut wheel, 1_000), ["past", "further past", "now"]);
}

#[test]
fn time_does_not_run_backwards() {
    let mut wheel = TimerWheel::new(0);
    assert_eq!(wheel.pop_due(500), None);
    wheel.insert(100, ());
    assert!(wheel.pop_due(50).is_some());
}

#[test]
fn jumps_of_any_size_take_no_longer_than_the_timers_they_pass() {
    let mut wheel = TimerWheel::new(0);
    wheel.insert(1, 'a');
    wheel.insert(400 * DAY_MS, 'b');
    wheel.insert(u64::MAX, 'z');
    assert_eq!(expired(&mut wheel, 300 * DAY_MS), ['a']);
    assert_eq!(wheel.next_deadline(), Some(400 * DAY_MS));
    assert_eq!(expired(&mut wheel, 1 << 62), ['b']);
    wheel.insert((1 << 62) + 1, 'c');
    assert_eq!(expired(&mut wheel, u64::MAX - 1), ['c']);
    assert_eq!(wheel.next_deadline(), Some(u64::MAX));
    assert_eq!(expired(&mut wheel, u64::MAX), ['z']);
    wheel.insert(3, 'y');
    assert_eq!(expired(&mut wheel, u64::MAX), ['y']);
}

#[test]
fn the_next_deadline_is_exact_without_cancels() {
    let mut wheel = TimerWheel::new(7);
    assert_eq!(wheel.next_deadline(), None);
    for deadline in [DAY_MS + 1, DAY_MS, 30_000, 29_999, 100, 8] {
        wheel.insert(deadline, ());
        assert_eq!(wheel.next_deadline(), Some(deadline));
    }
}

#[test]
fn waiting_for_the_next_deadline_wakes_few_times_after_cancels() {
    let mut wheel = TimerWheel::new(0);
    let target = 17 * DAY_MS + 12_345;
    wheel.insert(target, ());
    // Every earlier timer that shares a slot with the target on some level leaves its bound behind.
    let others: Vec<TimerKey> = (0..40).map(|bit| wheel.insert(target - (target & ((1 << bit) - 1)), ())).collect();
    for key in others {
        wheel.cancel(key);
    }
    let mut wakes = 0;
    loop {
        let now = wheel.next_deadline().unwrap();
        wakes += 1;
        if wheel.pop_due(now).is_some() {
            assert_eq!(now, target);
            break;
        }
        assert!(wheel.next_deadline().unwrap() > now, "a wake that brings nothing must bring the answer closer");
    }
    assert!(wakes <= LEVELS, "{wakes} wakes");
}

/// The wheel's promises, kept by an ordered map.
struct Model {
    timers: BTreeMap<(u64, u64), (TimerKey, u64)>,
    inserted: u64,
    now_ms: u64,
}

impl Model {
    fn insert(&mut self, deadline_ms: u64, key: TimerKey, value: u64) {
        self.inserted += 1;
        self.timers.insert((deadline_ms.max(self.now_ms), self.inserted), (key, value));
    }

    fn cancel(&mut self, key: TimerKey) -> Option<u64> {
        let place = self.timers.iter().find_map(|(place, timer)| (timer.0 == key).then_some(*place))?;
        self.timers.remove(&place).map(|timer| timer.1)
    }

    fn expire(&mut self, now_ms: u64) -> Vec<(TimerKey, u64)> {
        self.now_ms = self.now_ms.max(now_ms);
        let later = self.timers.split_off(&(self.now_ms.saturating_add(1), 0));
        std::mem::replace(&mut self.timers, later).into_values().collect()
    }
}

#[test]
fn random_use_matches_an_ordered_map() {
    for seed in 1..=20 {
        let mut random = Random(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(seed));
        let mut now = random.next() >> random.below(64);
        let mut wheel = TimerWheel::new(now);
        let mut model = Model { timers: BTreeMap::new(), inserted: 0, now_ms: now };
        let mut keys = Vec::new();
        for step in 0..2_000 {
            match random.below(10) {
                0..=4 => {
                    // Delays of every magnitude, some in the past.
                    let delay = random.next() >> (20 + random.below(44));
                    let deadline = now.saturating_add(delay).saturating_sub(random.below(4));
                    let key = wheel.insert(deadline, step);
                    model.insert(deadline, key, step);
                    keys.push(key);
                }
                5..=6 if !keys.is_empty() => {
                    let key = keys[random.below(keys.len() as u64) as usize];
                    assert_eq!(wheel.cancel(key), model.cancel(key), "seed {seed} step {step}");
                }
                7 => {
                    now = wheel.next_deadline().unwrap_or(now).max(now);
                }
                _ => now = now.saturating_add(random.next() >> (20 + random.below(44))),
            }
            let mut due = Vec::new();
            wheel.expire(now, &mut |key, value| due.push((key, value)));
            assert_eq!(due, model.expire(now), "seed {seed} step {step}");
            assert_eq!(wheel.len(), model.timers.len());
            let exact = model.timers.keys().next().map(|place| place.0);
            match (wheel.next_deadline(), exact) {
                (Some(bound), Some(exact)) => assert!(bound <= exact && bound > now, "seed {seed} step {step}"),
                (bound, exact) => assert_eq!(bound, exact),
            }
        }
    }
}

/// Marsaglia's xorshift64: the same numbers for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}
