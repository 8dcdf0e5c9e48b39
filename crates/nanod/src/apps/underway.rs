//! Deployments that have begun: one of a folder at a time, and what is said about those that take long, and about all of one look together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use nano_base::limits::DEPLOY_TOLD_MS;
use nano_config::deploy::AppState;

use crate::admin::Pending;
use crate::output;

/// Who wanted a deployment.
pub enum Why {
    /// Something has changed: with what else one look has found.
    Change(u64),
    /// An operator, who waits for it.
    Operator(Box<Pending>),
}

/// One deployment.
pub struct Underway {
    pub state: AppState,
    pub why: Why,
    /// The name that the app will have.
    pub name: String,
    /// The name that it then gives up.
    pub gives_up: Option<String>,
    /// An app that serves gets a new version.
    pub reloads: bool,
    /// A thread has it, or will; else it waits for its name to be free.
    pub given: bool,
    /// When a thread began with it; zero until then.
    pub began_ms: Arc<AtomicU64>,
    /// Whether it was said that it is waited for.
    pub told: bool,
    /// The folder has gone meanwhile: nothing is to come of it.
    pub dropped: bool,
    /// What is to be deployed after it, for what change.
    pub next: Option<(AppState, u64)>,
}

impl Underway {
    pub fn new(state: &AppState, name: &str, why: Why) -> Self {
        Self {
            state: state.clone(),
            why,
            name: name.to_string(),
            gives_up: None,
            reloads: false,
            given: false,
            began_ms: Arc::default(),
            told: false,
            dropped: false,
            next: None,
        }
    }

    fn is_slow(&self, for_ms: u64, now_ms: u64) -> bool {
        let began_ms = self.began_ms.load(Ordering::Relaxed);
        !self.told && began_ms > 0 && began_ms.saturating_add(for_ms) <= now_ms
    }
}

/// When to say that something is slow, if anything may be.
pub fn due_ms(all: &BTreeMap<String, Underway>, looked_ms: u64) -> u64 {
    let since = |underway: &Underway| match underway.began_ms.load(Ordering::Relaxed) {
        0 => looked_ms,
        began_ms => began_ms,
    };
    let untold = all.values().filter(|underway| !underway.told);
    untold
        .map(|underway| since(underway).max(looked_ms.saturating_sub(DEPLOY_TOLD_MS)).saturating_add(DEPLOY_TOLD_MS))
        .min()
        .unwrap_or(u64::MAX)
}

/// Says which apps have been starting for so long.
pub fn tell_slow(all: &mut BTreeMap<String, Underway>, for_ms: u64, now_ms: u64) {
    let mut names = Vec::new();
    for underway in all.values_mut().filter(|underway| underway.is_slow(for_ms, now_ms)) {
        underway.told = true;
        names.push(underway.name.clone());
    }
    if !names.is_empty() {
        output::say(&format!("waiting for {} to start", names.join(", ")));
    }
}

/// What becomes of the changes that one look has found.
#[derive(Debug, Default)]
pub struct Batch {
    pub deployed: usize,
    pub failed: usize,
    pub removed: usize,
    /// Newer changes have come before these were deployed.
    pub superseded: usize,
    /// Deployments that have not ended.
    pub left: usize,
}

impl Batch {
    /// Says it.
    pub fn tell(&self) {
        if self.superseded == 0 || self.deployed + self.failed + self.removed > 0 {
            output::say(&format!("{} deployed, {} failed, {} removed", self.deployed, self.failed, self.removed));
        }
    }
}
