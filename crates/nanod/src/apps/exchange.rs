//! Apps that take names from one another: two manifests that exchange theirs are deployed together, all or none, and no request of either
//! meets an app that is going. The names' holders serve until the new ones do.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nano_config::deploy::{AppState, Change, Snapshot};

use super::job::{Failure, Job};
use super::{Apps, Done, UNLOAD_GRACE};

/// How long whoever has looked up an app before its name was another's may take to hand it a request.
const HANDED_OVER: Duration = Duration::from_millis(200);

impl Apps {
    /// The folders that can only be deployed together with this one, which is among them: each wants a name that another one has. None while
    /// somebody has one of the names who is at something else.
    pub(super) fn company(&self, folder: &str) -> Option<Vec<String>> {
        let mut all = BTreeSet::from([folder.to_string()]);
        loop {
            let mut more = BTreeSet::new();
            for one in &all {
                let wanted = &self.underway.get(one)?.name;
                if self.leaving.contains_key(wanted) {
                    return None;
                }
                if let Some(holder) = self.holder_of(wanted).filter(|holder| *holder != one.as_str()) {
                    match self.underway.get(holder) {
                        Some(other) if other.given => return None,
                        Some(_) => drop(more.insert(holder.to_string())),
                        // It keeps the name; the runtime says so.
                        None => {}
                    }
                }
                if let Some(given_up) = self.serving.get(one).map(|serving| serving.app.name()).filter(|name| name != wanted) {
                    let heirs = self.underway.iter().filter(|(_, other)| !other.given && other.name == given_up);
                    more.extend(heirs.map(|(heir, _)| heir.clone()));
                }
            }
            let before = all.len();
            all.extend(more);
            if all.len() == before {
                return Some(all.into_iter().collect());
            }
        }
    }

    /// The folder whose app serves by a name.
    fn holder_of(&self, name: &str) -> Option<&str> {
        self.runtime.find(name)?;
        self.serving.iter().find(|(_, serving)| serving.app.name() == name).map(|(folder, _)| folder.as_str())
    }

    /// Gives deployments to one thread, which do all or nothing.
    pub(super) fn give_together(&mut self, folders: &[String]) {
        let of: Vec<_> = folders.iter().filter_map(|folder| Some(self.serving.get(folder)?.app.clone())).collect();
        let jobs: Vec<Job> = folders.iter().filter_map(|folder| self.job(folder, None)).collect();
        let mut began = Vec::new();
        for folder in folders {
            if let Some(underway) = self.underway.get_mut(folder) {
                underway.given = true;
                began.push(underway.began_ms.clone());
            }
        }
        let clock = self.clock.clone();
        let given = self.pool.give(move || {
            began.iter().for_each(|began_ms| began_ms.store(clock.now_ms().max(1), Ordering::Relaxed));
            Done::Deployed(Job::run_together(jobs, &of))
        });
        if let Err(error) = given {
            folders.iter().for_each(|folder| self.finish(folder, Err(Failure::Why(format!("cannot start a thread: {error}")))));
        }
    }

    /// The folders whose apps were to give up names that these changes want, and could not when that was tried: they are tried again.
    pub(super) fn held_up(&self, changes: &[Change], deployed: &Snapshot) -> Vec<Change> {
        let wanted = |folder: &str| deployed.apps.get(folder).and_then(AppState::app_name);
        let mut all: BTreeSet<&str> = changes.iter().map(Change::folder).collect();
        let mut next: Vec<&str> = all.iter().copied().collect();
        let mut held = Vec::new();
        while let Some(folder) = next.pop() {
            let Some(holder) = wanted(folder).and_then(|name| self.holder_of(name)) else { continue };
            let gives_up = self.serving.get(holder).is_some_and(|serving| wanted(holder).is_some_and(|name| name != serving.app.name()));
            if gives_up && !self.underway.contains_key(holder) && all.insert(holder) {
                held.push(Change::Changed(holder.to_string()));
                next.push(holder);
            }
        }
        held
    }

    /// Lets go of apps in whose place others are by now.
    pub(super) fn unload_replaced(&mut self) {
        for (app, renamed) in std::mem::take(&mut self.replaced) {
            if renamed {
                self.unloads.add(app, HANDED_OVER, UNLOAD_GRACE, || {});
            } else {
                self.unload_counted(app, UNLOAD_GRACE);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::sync::mpsc::channel;

    use nano_config::deploy::{ScanOptions, Scanner, Touched};
    use nano_config::manifest::Grants;
    use nano_core::{Runtime, RuntimeOptions};

    use super::*;
    use crate::routes::Current;

    #[test]
    fn an_app_that_is_quarantined_while_it_takes_its_name_leaves_nothing_of_the_one_before_it() {
        let folder = std::env::temp_dir().join(format!("nanod-exchange-{}", std::process::id()));
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("a file");
        for (app, name) in [("a", "one"), ("b", "two")] {
            fs::create_dir_all(folder.join(app)).expect("a folder");
            write(&format!("{app}/index.js"), "export default { fetch() { return new Response(''); } };");
            write(&format!("{app}/nano.toml"), &format!("name = \"{name}\"\n"));
        }
        let runtime = Arc::new(Runtime::new(RuntimeOptions::default()).expect("a runtime"));
        let (bell, rung) = channel();
        let ring = move || {
            // The last ends are nobody's business.
            let _ = bell.send(());
        };
        let apps = Apps::new(&runtime, &Current::new(false), Grants::default(), false, None, ring);
        let mut apps = apps.expect("a thread");
        let changes = ["a", "b"].map(|folder| Change::Changed(folder.into()));
        let mut scanner = Scanner::new(&folder, ScanOptions::default());
        let seen = scanner.scan(&Touched::All, 0);
        apps.follow(&changes, 0, &seen);
        while !apps.is_idle() {
            rung.recv().expect("something is done");
            apps.hear(&seen);
        }
        write("a/nano.toml", "name = \"two\"\n");
        write("b/nano.toml", "name = \"one\"\n");
        let seen = scanner.scan(&Touched::All, 0);
        apps.follow(&changes, 0, &seen);
        rung.recv().expect("they are loaded");
        // They have the names already, and this process does not know it.
        apps.quarantine("one", &seen);
        apps.hear(&seen);
        let _ = fs::remove_dir_all(&folder);
        assert_eq!(apps.serving.get("a").map(|serving| serving.app.name()), Some("two"));
        assert!(!apps.serves("b"), "it would serve as \"two\", too");
        assert_eq!(apps.accepted["b"].manifest.as_ref().map(|manifest| &*manifest.name), Some("one"));
        // Both old ones go, and the one that is not to run.
        while runtime.stats().apps > 1 {
            std::thread::yield_now();
        }
        assert!(runtime.find("two").is_some() && runtime.find("one").is_none());
    }
}
