//! Which apps ran when workers crashed, or broke the threads of workers that were worn out. What did so several times is not started again
//! for a while, so that one app does not end the whole server again and again.

use std::collections::{BTreeMap, VecDeque};

use nano_core::limits::{POISON_APPS_MAX, POISON_CRASHES_MAX, POISON_WINDOW_MS};

/// What is remembered.
#[derive(Debug, Default)]
pub struct Poison {
    /// When each app ran in a crash, or had a part in wearing a worker out.
    crashes: BTreeMap<String, VecDeque<u64>>,
    /// Until when each is quarantined.
    quarantined: BTreeMap<String, u64>,
}

impl Poison {
    /// A worker crashed while an app ran, or is worn out by it; whether the app is quarantined from now on.
    pub fn crashed(&mut self, app: &str, now_ms: u64) -> bool {
        if self.crashes.len() >= POISON_APPS_MAX && !self.crashes.contains_key(app) {
            let oldest = self.crashes.iter().min_by_key(|(_, times)| times.back().copied()).map(|(app, _)| app.clone());
            oldest.map(|app| self.crashes.remove(&app));
        }
        let times = self.crashes.entry(app.to_string()).or_default();
        while times.front().is_some_and(|time| time + POISON_WINDOW_MS <= now_ms) {
            times.pop_front();
        }
        times.push_back(now_ms);
        if times.len() < POISON_CRASHES_MAX {
            return false;
        }
        self.crashes.remove(app);
        self.quarantined.insert(app.to_string(), now_ms + POISON_WINDOW_MS).is_none()
    }

    /// An app is given another chance; whether it was quarantined.
    pub fn release(&mut self, app: &str) -> bool {
        self.crashes.remove(app);
        self.quarantined.remove(app).is_some()
    }

    /// The apps that are.
    pub fn quarantined(&self) -> impl Iterator<Item = &str> {
        self.quarantined.keys().map(String::as_str)
    }

    /// When the first of them is to be released.
    pub fn due_ms(&self) -> Option<u64> {
        self.quarantined.values().min().copied()
    }

    /// Those whose time is over.
    pub fn over(&self, now_ms: u64) -> Vec<String> {
        self.quarantined.iter().filter(|(_, until)| **until <= now_ms).map(|(app, _)| app.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_quarantined_for_what_it_did_lately() {
        let mut poison = Poison::default();
        assert!(!poison.crashed("a", 0) && !poison.crashed("a", 1) && !poison.crashed("b", 2));
        assert!(!poison.crashed("a", POISON_WINDOW_MS + 1), "the first two are forgotten");
        assert!(!poison.crashed("a", POISON_WINDOW_MS + 2) && poison.crashed("a", POISON_WINDOW_MS + 3));
        assert_eq!(poison.quarantined().collect::<Vec<_>>(), ["a"]);
        let until = poison.due_ms().expect("a time");
        assert_eq!((poison.over(until - 1), poison.over(until)), (vec![], vec!["a".to_string()]));
        assert!(poison.release("a") && !poison.release("a"));
        assert!(!poison.crashed("a", until) && poison.due_ms().is_none(), "it begins anew");
    }

    #[test]
    fn not_more_is_remembered_than_fits() {
        let mut poison = Poison::default();
        (0..POISON_APPS_MAX as u64 + 10).for_each(|n| assert!(!poison.crashed(&format!("app-{n}"), n)));
        assert_eq!(poison.crashes.len(), POISON_APPS_MAX);
        assert!(!poison.crashes.contains_key("app-0") && poison.crashes.contains_key("app-1000"));
    }
}
