//! When to look at the folder again: soon after the last of a burst of hints, and now and then without any. Knows no clock: it is told
//! the time.

use std::collections::BTreeSet;

use super::scan::Touched;

/// Decides when a scan is due.
#[derive(Clone, Debug)]
pub struct Watch {
    poll_ms: u64,
    last_ms: u64,
    burst: Option<Burst>,
    /// A look that was asked for.
    again: Option<(u64, BTreeSet<String>)>,
}

#[derive(Clone, Debug)]
struct Burst {
    first_ms: u64,
    last_ms: u64,
    touched: Touched,
}

/// Editors and copies make many changes at once: so long after the last of them.
const DEBOUNCE_MS: u64 = 50;
/// So long after the first of them, even if there is no end.
const DEBOUNCE_MS_MAX: u64 = 500;
/// Without hints: how often the folder is looked at.
const POLL_MS: u64 = 1_000;
/// With them: for what the operating system did not tell, such as changes on a network's file system.
const POLL_WITH_HINTS_MS: u64 = 30_000;

impl Watch {
    /// Beginning now, after a first scan. `hints` says whether there is somebody who gives them.
    pub fn new(hints: bool, now_ms: u64) -> Self {
        Self { poll_ms: if hints { POLL_WITH_HINTS_MS } else { POLL_MS }, last_ms: now_ms, burst: None, again: None }
    }

    /// There are hints from now on, or no more.
    pub fn set_hints(&mut self, hints: bool) {
        self.poll_ms = if hints { POLL_WITH_HINTS_MS } else { POLL_MS };
    }

    /// Something may have changed.
    pub fn hint(&mut self, touched: Touched, now_ms: u64) {
        match &mut self.burst {
            None => self.burst = Some(Burst { first_ms: now_ms, last_ms: now_ms, touched }),
            Some(burst) => {
                burst.last_ms = now_ms;
                match (&mut burst.touched, touched) {
                    (Touched::Some(names), Touched::Some(more)) => names.extend(more),
                    (all, _) => *all = Touched::All,
                }
            }
        }
    }

    /// What is not still yet is to be looked at again.
    pub fn again(&mut self, in_ms: u64, touched: Touched, now_ms: u64) {
        let names = match touched {
            Touched::Some(names) => names,
            Touched::All => return self.hint(Touched::All, now_ms),
        };
        self.again = Some((now_ms.saturating_add(in_ms), names));
    }

    /// When the next scan is due, for whoever waits.
    pub fn due_ms(&self) -> u64 {
        let poll = self.last_ms.saturating_add(self.poll_ms);
        let burst = self.burst.as_ref().map_or(u64::MAX, Burst::due_ms);
        poll.min(burst).min(self.again.as_ref().map_or(u64::MAX, |(due, _)| *due))
    }

    /// What to scan, if it is time; then it counts as done.
    pub fn take(&mut self, now_ms: u64) -> Option<Touched> {
        if now_ms < self.due_ms() {
            return None;
        }
        let mut touched = BTreeSet::new();
        let mut all = now_ms >= self.last_ms.saturating_add(self.poll_ms);
        if let Some(burst) = self.burst.take_if(|burst| all || burst.due_ms() <= now_ms) {
            match burst.touched {
                Touched::All => all = true,
                Touched::Some(names) => touched.extend(names),
            }
        }
        if let Some((_, names)) = self.again.take_if(|(due, _)| all || *due <= now_ms) {
            touched.extend(names);
        }
        if all {
            self.last_ms = now_ms;
            return Some(Touched::All);
        }
        Some(Touched::Some(touched))
    }
}

impl Burst {
    fn due_ms(&self) -> u64 {
        self.last_ms.saturating_add(DEBOUNCE_MS).min(self.first_ms.saturating_add(DEBOUNCE_MS_MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some(names: &[&str]) -> Touched {
        Touched::Some(names.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_burst_is_one_scan_after_its_last_hint() {
        let mut watch = Watch::new(true, 0);
        for (now, name) in [(10, "a"), (40, "b"), (80, "a")] {
            watch.hint(some(&[name]), now);
            assert_eq!(watch.take(now), None);
        }
        assert_eq!((watch.due_ms(), watch.take(129)), (130, None));
        assert_eq!((watch.take(130), watch.take(131)), (Some(some(&["a", "b"])), None));
    }

    #[test]
    fn hints_without_end_do_not_hold_a_scan_up() {
        let mut watch = Watch::new(true, 0);
        let scans: Vec<u64> = (0..1_200)
            .step_by(10)
            .filter(|now| {
                watch.hint(some(&["a"]), *now);
                watch.take(*now).is_some()
            })
            .collect();
        assert_eq!(scans, [500, 1_010]);
    }

    #[test]
    fn it_looks_without_hints_rarely_if_they_are_to_be_had() {
        let mut polled = Watch::new(false, 5);
        assert_eq!((polled.take(1_004), polled.take(1_005), polled.due_ms()), (None, Some(Touched::All), 2_005));
        polled.set_hints(true);
        assert_eq!((polled.take(31_004), polled.take(31_005)), (None, Some(Touched::All)));
    }

    #[test]
    fn what_is_not_still_is_looked_at_again_and_one_hint_about_all_is_about_all() {
        let mut watch = Watch::new(true, 0);
        watch.again(100, some(&["a"]), 0);
        watch.hint(some(&["b"]), 20);
        assert_eq!((watch.take(70), watch.take(99), watch.take(100)), (Some(some(&["b"])), None, Some(some(&["a"]))));
        watch.hint(some(&["b"]), 200);
        watch.hint(Touched::All, 210);
        watch.again(1_000, some(&["c"]), 210);
        assert_eq!((watch.take(260), watch.due_ms()), (Some(Touched::All), 30_260), "a look at all is one at what waited");
    }
}
