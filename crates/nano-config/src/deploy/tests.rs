//! Folders on disk, looked at with a clock that is told the time.

mod together;

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use super::*;

/// A folder of apps that is removed in the end.
struct Disk(PathBuf);

impl Disk {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("nano-config-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().canonicalize().expect("a temporary folder").join(name);
        fs::create_dir_all(path.join("apps")).expect("a folder");
        Self(path)
    }

    fn root(&self) -> PathBuf {
        self.0.join("apps")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    fn rename(&self, from: &str, to: &str) {
        fs::rename(self.0.join(from), self.0.join(to)).expect("a rename");
    }

    fn link(&self, target: impl AsRef<Path>, path: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        symlink(target, path).expect("a link");
    }

    fn remove(&self, path: &str) {
        fs::remove_dir_all(self.0.join(path)).or_else(|_| fs::remove_file(self.0.join(path))).expect("removed");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The folder, its scanner and what is deployed of it. Time passes when it is told to; to the file system everything is always new.
struct Host {
    disk: Disk,
    scanner: Scanner,
    deployment: Deployment,
    now_ms: u64,
}

const QUIET_MS: u64 = 100;

impl Host {
    fn new(options: ScanOptions) -> Self {
        let disk = Disk::new();
        let scanner = Scanner::new(disk.root(), options);
        Self { disk, scanner, deployment: Deployment::new(QUIET_MS), now_ms: 1_000 }
    }

    /// One look after so long.
    fn look(&mut self, after_ms: u64) -> Step {
        self.now_ms += after_ms;
        let seen = self.scanner.scan(&Touched::All, 0);
        let step = self.deployment.observe(&seen, self.now_ms, 0);
        if !step.changes.is_empty() {
            self.scanner.decide();
        }
        step
    }

    /// What changes once everything is still.
    fn settle(&mut self) -> Vec<String> {
        let mut changes: Vec<Change> = self.look(0).changes;
        changes.extend(self.look(QUIET_MS).changes);
        shown(&changes)
    }

    fn digest(&self, name: &str) -> Option<Digest> {
        self.deployment.deployed().apps.get(name).and_then(|app| app.digest)
    }
}

fn shown(changes: &[Change]) -> Vec<String> {
    changes
        .iter()
        .map(|change| match change {
            Change::Added(name) => format!("+{name}"),
            Change::Changed(name) => format!("~{name}"),
            Change::Removed(name) => format!("-{name}"),
        })
        .collect()
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn folders_come_change_and_go() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    host.disk.write("apps/b/src/index.ts", "1");
    host.disk.write("apps/c/nano.toml", "name = \"sea\"\nmain = \"x.js\"");
    host.disk.write("apps/c/x.js", "");
    host.disk.write("apps/d/package.json", "{\"main\": \"lib/d.js\"}");
    host.disk.write("apps/no-app/readme.md", "");
    host.disk.write("apps/.hidden/index.js", "");
    host.disk.write("apps/file.js", "");
    assert_eq!(host.settle(), ["+a", "+b", "+c", "+d"]);
    let names: Vec<Option<&str>> = host.deployment.deployed().apps.values().map(AppState::app_name).collect();
    assert_eq!(names, [Some("a"), Some("b"), Some("sea"), Some("d")]);
    assert_eq!(host.settle(), none());
    host.disk.write("apps/a/index.js", "22");
    host.disk.write("apps/c/data/new.txt", "");
    host.disk.remove("apps/b");
    host.disk.write("apps/no-app/index.js", "");
    assert_eq!(host.settle(), ["~a", "-b", "~c", "+no-app"]);
    assert_eq!(host.settle(), none());
}

#[test]
fn what_had_stopped_changing_when_it_was_read_is_not_read_again() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    host.disk.write("apps/a/nano.toml", "");
    let mut look = |after_ms: u64, newest_ms: Option<u64>| {
        let newest_ms = newest_ms.unwrap_or_else(|| host.scanner.scan(&Touched::All, 0).apps["a"].newest_unix_ms);
        (host.scanner.scan(&Touched::All, newest_ms + after_ms).apps["a"].clone(), newest_ms)
    };
    // It could have changed once more within the same tick of the file system's clock, with the same stamp.
    let (racy, newest) = look(1_000, None);
    let (clean, _) = look(1_001, Some(newest));
    let (later, _) = look(5_000, Some(newest));
    let (again, _) = look(9_000, Some(newest));
    let same = |a: &AppState, b: &AppState| std::sync::Arc::ptr_eq(&a.reading, &b.reading);
    assert_eq!([same(&racy, &clean), same(&clean, &later), same(&later, &again)], [false, true, true]);
    assert_eq!([racy.digest, clean.digest, later.digest], [again.digest; 3]);
    host.disk.write("apps/a/nano.toml", "nmae = 1");
    let changed = host.scanner.scan(&Touched::All, newest + 10_000).apps["a"].clone();
    assert!(changed.digest != again.digest && changed.reading.manifest.is_none());
}

#[test]
fn an_app_by_itself_is_a_folder_of_one() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/index.ts", "1");
    host.disk.write("apps/other/index.ts", "1");
    host.scanner = Scanner::new(host.disk.root(), ScanOptions::default());
    assert_eq!(host.settle(), ["+."]);
    assert_eq!(host.deployment.deployed().apps["."].app_name(), Some("apps"));
    // Nor does it become a folder of apps when somebody builds it anew.
    host.disk.remove("apps/index.ts");
    assert_eq!(host.settle(), none());
}

#[test]
fn what_is_put_into_a_folder_of_apps_does_not_make_one_app_of_it() {
    for file in ["src/index.js", "index.js", "nano.toml", "package.json"] {
        let mut host = Host::new(ScanOptions::default());
        host.disk.write("apps/a/index.js", "1");
        host.disk.write("apps/b/index.js", "1");
        assert_eq!(host.settle(), ["+a", "+b"]);
        host.disk.write(&format!("apps/{file}"), "{\"main\": \"a/index.js\"}");
        let findings = host.look(0).findings;
        let changes = shown(&host.look(QUIET_MS).changes);
        if file == "src/index.js" {
            assert_eq!((changes, findings), (vec!["+src".to_string()], Vec::new()), "it is a folder like any other");
        } else {
            assert_eq!(changes, none(), "{file}");
            assert!(
                findings.len() == 1 && findings[0].to_string().contains(&format!("/apps/{file}: warning: it is not served")),
                "{findings:?}"
            );
        }
    }
}

#[test]
fn a_folder_with_its_code_in_src_is_one_app_unless_something_says_otherwise() {
    for (files, one_app) in [
        (&["src/index.js"][..], true),
        (&["src/index.js", "lib/x.js", ".old/index.js", "node_modules/index.js"][..], true),
        (&["src/index.js", "nanod.toml"][..], false),
        (&["src/index.js", "a/index.js"][..], false),
        (&["src/index.js", "a/index.js", "nano.toml"][..], true),
        (&["index.js", "nanod.toml"][..], true),
        (&["a/index.js"][..], false),
    ] {
        let disk = Disk::new();
        files.iter().for_each(|file| disk.write(&format!("apps/{file}"), ""));
        let seen = Scanner::new(disk.root(), ScanOptions::default()).scan(&Touched::All, 0);
        assert_eq!(seen.apps.contains_key("."), one_app, "{files:?}");
    }
}

#[test]
fn only_what_matters_changes_an_app() {
    let mut host = Host::new(ScanOptions::default());
    let modules = "apps/a/node_modules";
    host.disk.write("apps/a/index.js", "1");
    host.disk.write(&format!("{modules}/p/index.js"), "1");
    host.settle();
    for (path, matters) in [
        ("apps/a/index.js~".into(), false),
        ("apps/a/.index.js.swp".into(), false),
        ("apps/a/.git/HEAD".into(), false),
        ("apps/a/.env".into(), false),
        (format!("{modules}/.package-lock.json"), false),
        (format!("{modules}/p/readme.md"), false),
        (format!("{modules}/p/index.d.ts"), false),
        (format!("{modules}/p/test/x.js"), false),
        (format!("{modules}/p/lib/x.js"), true),
        (format!("{modules}/p/package.json"), true),
        ("apps/a/readme.md".into(), true),
        ("apps/a/test/x.js".into(), true),
    ] {
        let before = host.digest("a");
        host.disk.write(&path, "x");
        assert_eq!(host.settle(), if matters { vec!["~a".to_string()] } else { none() }, "{path}");
        assert_eq!(host.digest("a") != before, matters, "{path}");
    }
}

#[test]
fn variables_for_development_count_in_development_only() {
    let mut host = Host::new(ScanOptions { dev_vars: true, ..ScanOptions::default() });
    host.disk.write("apps/a/index.js", "1");
    host.settle();
    for file in [".dev.vars", ".env.staging"] {
        host.disk.write(&format!("apps/a/{file}"), "A=1");
        assert_eq!(host.settle(), ["~a"], "{file}");
    }
    for file in [".envrc", "src/.env"] {
        host.disk.write(&format!("apps/a/{file}"), "A=1");
        assert_eq!(host.settle(), none(), "{file}");
    }
}

#[test]
fn the_same_contents_are_the_same_app_however_they_got_there() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    host.disk.write("apps/a/lib/x.js", "1");
    host.settle();
    let before = host.digest("a");
    // Saved without a change, and saved by writing another file and renaming it.
    host.disk.write("apps/a/index.js", "1");
    host.disk.write("apps/a/lib/x.js.tmp", "1");
    host.disk.rename("apps/a/lib/x.js.tmp", "apps/a/lib/x.js");
    assert_eq!((host.settle(), host.digest("a")), (none(), before));
    host.disk.rename("apps/a/lib/x.js", "apps/a/lib/y.js");
    assert_eq!(host.settle(), ["~a"], "a name is part of it");
    host.disk.write("apps/a/index.js", "2");
    host.look(0);
    host.disk.write("apps/a/index.js", "1");
    assert_eq!(host.settle(), none(), "changed back before it was still");
}

#[test]
fn a_folder_that_is_being_copied_waits_until_it_is_still() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    for file in ["one.js", "two.js", "three.js"] {
        let step = host.look(QUIET_MS - 1);
        assert_eq!((shown(&step.changes), step.again_ms), (none(), Some(QUIET_MS)), "{file}");
        host.disk.write(&format!("apps/a/{file}"), file);
    }
    assert_eq!(host.look(QUIET_MS).again_ms, Some(QUIET_MS));
    assert_eq!(host.look(QUIET_MS - 1).again_ms, Some(1));
    assert_eq!(host.deployment.waiting(), Touched::Some(["a".to_string()].into()));
    let step = host.look(1);
    assert_eq!((shown(&step.changes), step.again_ms), (vec!["+a".to_string()], None));
    // Away for a moment, as when a folder is exchanged by two renames.
    host.disk.rename("apps/a", "old");
    assert_eq!(shown(&host.look(1_000).changes), none());
    host.disk.rename("old", "apps/a");
    assert_eq!(host.settle(), none());
}

#[test]
fn a_folder_that_is_refused_is_not_waited_for() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    host.disk.write("apps/b/index.js", "1");
    host.disk.write("apps/b/nano.toml", "nme = 1");
    assert_eq!((host.look(0).refused, host.deployment.is_still()), (0, false));
    let step = host.look(QUIET_MS);
    assert_eq!((shown(&step.changes), step.refused, host.deployment.is_still()), (vec!["+a".to_string()], 1, true));
    assert_eq!((host.look(QUIET_MS).refused, host.deployment.is_still()), (0, true), "it counts once");
    host.disk.write("apps/b/nano.toml", "");
    assert_eq!((host.look(0).refused, host.deployment.is_still()), (0, false));
    assert_eq!((shown(&host.look(QUIET_MS).changes), host.deployment.is_still()), (vec!["+b".to_string()], true));
}

#[test]
fn what_is_written_under_a_hidden_name_first_is_waited_for() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    host.disk.write("apps/a/lib.js", "1");
    host.disk.write("apps/a/.git/HEAD", "1");
    host.settle();
    let before = host.digest("a");
    // As rsync does it: each file is written beside its place, and then put there.
    host.disk.write("apps/a/.index.js.x1", "2");
    host.disk.rename("apps/a/.index.js.x1", "apps/a/index.js");
    for part in 0..10 {
        host.disk.write("apps/a/.lib.js.x2", &"2".repeat(part));
        let step = host.look(QUIET_MS);
        assert_eq!((shown(&step.changes), step.again_ms.is_some()), (none(), true), "{part}");
    }
    host.disk.rename("apps/a/.lib.js.x2", "apps/a/lib.js");
    assert_eq!(host.settle(), ["~a"]);
    assert!(host.digest("a") != before);
    // By the file system's clock what counts is old; what does not is not.
    host.disk.write("apps/b/index.js", "1");
    let counted = host.scanner.scan(&Touched::All, 0).apps["b"].newest_unix_ms;
    let mut deployment = Deployment::new(QUIET_MS);
    let mut look = |hidden_ms: u64, now_ms: u64| {
        let mut seen = host.scanner.scan(&Touched::All, 0);
        seen.apps.retain(|name, _| name == "b");
        seen.apps.get_mut("b").expect("an app").hidden.newest_unix_ms = counted + hidden_ms;
        shown(&deployment.observe(&seen, 0, counted + now_ms).changes)
    };
    assert_eq!((look(1_000, 2_999), look(1_000, 3_000)), (none(), vec!["+b".to_string()]));
}

#[test]
fn what_is_hidden_and_never_rests_does_not_keep_an_app_from_being_deployed() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    host.settle();
    host.disk.write("apps/a/index.js", "22");
    let mut looks = 0;
    let changes = loop {
        looks += 1;
        host.disk.write("apps/a/.log", &"x".repeat(looks));
        let step = host.look(1_000);
        if !step.changes.is_empty() {
            break shown(&step.changes);
        }
    };
    // The first look finds the change, and so does the one after the name of the log is new.
    assert_eq!((changes, looks), (vec!["~a".to_string()], 61));
    host.disk.write("apps/a/.log", "by itself it is no change");
    assert_eq!(host.settle(), none());
}

#[test]
fn a_folder_that_does_not_come_to_rest_is_told_once() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    let mut said = Vec::new();
    for look in 0..400 {
        host.disk.write("apps/a/log/app.log", &"x".repeat(look));
        let step = host.look(QUIET_MS / 2);
        assert_eq!(shown(&step.changes), none());
        said.extend(step.findings.iter().map(|finding| (look, finding.message.clone())));
    }
    let message = "it has not been still for 10s, and is not deployed until it is: log/app.log changes";
    assert_eq!(said, [(200, message.to_string())]);
    assert_eq!(host.settle(), ["+a"]);
    // What was still, and could not be deployed, begins anew.
    host.disk.write("apps/a/nano.toml", "nonsense = 1");
    host.settle();
    host.now_ms += 100_000;
    host.disk.write("apps/a/nano.toml", "nonsense = 22");
    assert_eq!(host.look(0).findings, []);
}

#[test]
fn what_serves_is_replaced_when_its_folder_has_been_still_for_longer() {
    let mut host = Host::new(ScanOptions::default());
    host.deployment = Deployment::new(QUIET_MS).with_patience(5 * QUIET_MS);
    host.disk.write("apps/a/index.js", "1");
    assert_eq!(host.settle(), ["+a"]);
    host.disk.write("apps/a/index.js", "22");
    assert_eq!((host.settle(), host.look(0).again_ms), (none(), Some(4 * QUIET_MS)));
    assert_eq!(shown(&host.look(4 * QUIET_MS).changes), ["~a"]);
}

#[test]
fn what_was_not_there_any_more_when_it_was_to_be_deployed_is_looked_at_again() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    host.settle();
    let state = |host: &Host| host.deployment.deployed().apps["a"].clone();
    let deployed = state(&host);
    host.disk.write("apps/a/.git/HEAD", "1");
    host.disk.write("apps/a/index.js", "1");
    assert!(!deployed.has_moved(false), "it is the same again");
    host.disk.write("apps/a/index.js", "2");
    assert!(deployed.has_moved(false));
    host.disk.write("apps/a/index.js", "1");
    host.deployment.doubt("a", host.now_ms);
    assert_eq!((host.settle(), state(&host).app_name(), host.settle()), (vec!["~a".to_string()], Some("a"), none()));
    host.disk.remove("apps/a");
    assert!(deployed.has_moved(false));
}

#[test]
fn what_has_been_still_for_long_by_the_file_systems_clock_is_deployed_at_once() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    let seen = host.scanner.scan(&Touched::All, 0);
    let changed = seen.apps["a"].newest_unix_ms;
    assert!(host.deployment.observe(&seen, 0, changed + 1_999).changes.is_empty());
    assert_eq!(shown(&host.deployment.observe(&seen, 0, changed + 2_000).changes), ["+a"]);
}

#[test]
fn a_broken_version_leaves_the_old_one_and_is_told_once() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    host.disk.write("apps/a/nano.toml", "name = \"a\"");
    host.settle();
    let good = host.digest("a");
    host.disk.write("apps/a/nano.toml", "nmae = \"a\"");
    host.look(0);
    let step = host.look(QUIET_MS);
    let said: Vec<&str> = step.findings.iter().map(|finding| &*finding.message).collect();
    assert_eq!(said, ["unknown key \"nmae\"", "what was deployed before goes on serving"]);
    assert_eq!((shown(&step.changes), host.digest("a")), (none(), good));
    assert_eq!(host.look(QUIET_MS).findings, []);
    host.disk.write("apps/a/nano.toml", "name = \"aa\"");
    assert_eq!(host.settle(), ["~a"]);
    // The main module is gone while something builds it anew, and without a manifest the folder is no app.
    host.disk.remove("apps/a/nano.toml");
    host.disk.remove("apps/a/index.js");
    assert_eq!(host.settle(), none());
    host.disk.remove("apps/a");
    assert_eq!(host.settle(), ["-a"]);
}

#[test]
fn a_manifest_that_names_a_file_that_is_not_there_yet_waits_for_it() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/nano.toml", "main = \"dist/x.js\"");
    assert_eq!(host.settle(), none());
    host.disk.write("apps/a/dist/x.js", "1");
    assert_eq!(host.settle(), ["+a"]);
}

#[test]
fn two_folders_cannot_have_one_name() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    host.disk.write("apps/b/index.js", "1");
    host.disk.write("apps/b/nano.toml", "name = \"a\"");
    host.look(0);
    let step = host.look(QUIET_MS);
    assert_eq!(shown(&step.changes), ["+a"]);
    let said = step.findings[0].to_string();
    assert!(said.contains("/apps/b/nano.toml:1:1: error: the name \"a\" is taken by ") && said.contains("/apps/a ("), "{said}");
    host.disk.remove("apps/a");
    assert_eq!(host.settle(), ["-a", "+b"]);
}

#[test]
fn names_that_differ_in_case_are_one_name() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/shop/index.js", "1");
    assert_eq!(host.settle(), ["+shop"]);
    host.disk.write("apps/SHOP/index.js", "1");
    host.look(0);
    let step = host.look(QUIET_MS);
    assert_eq!(shown(&step.changes), none());
    assert!(step.findings[0].to_string().contains("/apps/SHOP: error: the name \"SHOP\" is taken by "), "{:?}", step.findings);
    // Nor after a start, when both are found at once.
    host.deployment = Deployment::new(QUIET_MS);
    assert_eq!(host.settle(), ["+shop"]);
    host.disk.remove("apps/shop");
    assert_eq!(host.settle(), ["+SHOP", "-shop"]);
}

#[test]
fn links_are_followed_at_the_top_and_never_out_of_an_app() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/.releases/1/index.js", "1");
    host.disk.write("apps/.releases/2/index.js", "2");
    host.disk.write("outside/index.js", "1");
    host.disk.write("secret.txt", "1");
    host.disk.link(".releases/1", "apps/a");
    host.disk.link(host.disk.0.join("outside"), "apps/b");
    host.disk.write("apps/c/index.js", "1");
    host.disk.link("../../secret.txt", "apps/c/secret.txt");
    host.disk.link("../..", "apps/c/up");
    host.disk.link("nowhere", "apps/c/dangling");
    host.look(0);
    let step = host.look(QUIET_MS);
    assert_eq!(shown(&step.changes), ["+a", "+c"]);
    let before = host.digest("c");
    host.disk.write("secret.txt", "2");
    assert_eq!((host.settle(), host.digest("c")), (none(), before), "nothing outside is read");
    // A release as Capistrano and others make it: the link changes in one step.
    host.disk.link(".releases/2", "apps/new");
    host.disk.rename("apps/new", "apps/a");
    assert_eq!(host.settle(), ["~a"]);
    host.scanner = Scanner::new(host.disk.root(), ScanOptions { outside_links: true, ..ScanOptions::default() });
    assert_eq!(host.settle(), ["+b"]);
}

#[test]
fn the_folder_may_be_a_link_that_is_switched() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("releases/1/a/index.js", "1");
    host.disk.write("releases/2/a/index.js", "2");
    host.disk.write("releases/3/index.js", "3");
    host.disk.remove("apps");
    host.disk.link("releases/1", "apps");
    assert_eq!(host.settle(), ["+a"]);
    host.disk.link("releases/2", "new");
    host.disk.rename("new", "apps");
    assert_eq!(host.settle(), ["~a"]);
    // One app is called as the link is, whatever release that leads to.
    host.disk.link("releases/3", "site");
    host.scanner = Scanner::new(host.disk.0.join("site"), ScanOptions::default());
    host.deployment = Deployment::new(QUIET_MS);
    assert_eq!(host.settle(), ["+."]);
    let state = &host.deployment.deployed().apps["."];
    assert_eq!((state.app_name(), state.called()), (Some("site"), "site"));
}

#[test]
fn a_link_that_leads_outside_is_told_once() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("outside/index.js", "1");
    host.disk.link("../outside", "apps/b");
    let said = host.look(0).findings;
    assert!(said.len() == 1 && said[0].message.contains("outside"), "{said:?}");
    assert_eq!(host.look(QUIET_MS).findings, []);
}

#[test]
fn a_config_map_is_exchanged_by_one_link() {
    let mut host = Host::new(ScanOptions::default());
    for (version, text) in [("..1", "1"), ("..2", "2")] {
        host.disk.write(&format!("apps/a/{version}/index.js"), text);
        host.disk.write(&format!("apps/a/{version}/lib/x.js"), "same");
    }
    host.disk.link("..1", "apps/a/..data");
    host.disk.link("..data/index.js", "apps/a/index.js");
    host.disk.link("..data/lib", "apps/a/lib");
    assert_eq!(host.settle(), ["+a"]);
    host.disk.link("..2", "apps/a/..new");
    host.disk.rename("apps/a/..new", "apps/a/..data");
    assert_eq!(host.settle(), ["~a"]);
}

#[test]
fn a_secret_that_is_exchanged_deploys_its_app_anew() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("key", "1");
    host.disk.write("apps/a/index.js", "");
    host.disk.write("apps/a/nano.toml", "secrets.KEY = { file = \"../../key\" }");
    assert_eq!(host.settle(), ["+a"]);
    host.disk.write("key.new", "22");
    host.disk.rename("key.new", "key");
    assert_eq!((host.settle(), host.settle()), (vec!["~a".to_string()], none()));
}

#[test]
fn what_was_not_touched_is_not_looked_at() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    host.disk.write("apps/b/index.js", "1");
    host.settle();
    host.disk.write("apps/a/index.js", "22");
    host.disk.write("apps/b/index.js", "22");
    let seen = host.scanner.scan(&Touched::Some(["b".to_string()].into()), 0);
    assert_eq!(shown(&plan(host.deployment.deployed(), &seen)), ["~b"]);
}

#[test]
fn a_folder_that_cannot_be_opened_removes_nothing() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    host.settle();
    host.disk.rename("apps", "away");
    let step = host.look(10_000);
    assert!(step.findings.len() == 1 && step.findings[0].message.starts_with("cannot be opened"), "{step:?}");
    assert_eq!(host.settle(), none());
}

#[test]
fn a_folder_that_cannot_be_entered_removes_nothing() {
    let mut host = Host::new(ScanOptions::default());
    let name = "a".repeat(60);
    host.disk.write(&format!("apps/{name}/index.js"), "1");
    assert_eq!(host.settle(), [format!("+{name}")]);
    // Whoever runs this may enter any folder, but not by a path that is too long.
    let mut deep = host.disk.0.join("deep");
    while deep.as_os_str().len() < 3_800 {
        deep.push("d".repeat(200));
    }
    fs::create_dir_all(&deep).expect("folders");
    deep.push("d".repeat(4_050 - deep.as_os_str().len()));
    fs::rename(host.disk.root(), &deep).expect("a rename");
    host.disk.link(&deep, "apps");
    let step = host.look(10_000);
    assert!(step.findings.len() == 1 && step.findings[0].message.starts_with("cannot be entered"), "{step:?}");
    assert_eq!((shown(&step.changes), host.settle()), (none(), none()));
}

#[test]
fn a_link_that_leads_nowhere_removes_nothing_until_it_goes() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/.releases/1/index.js", "1");
    host.disk.write("apps/.releases/2/index.js", "2");
    host.disk.link(".releases/1", "apps/a");
    assert_eq!(host.settle(), ["+a"]);
    host.disk.remove("apps/.releases/1");
    host.look(10_000);
    let step = host.look(10_000);
    assert_eq!((shown(&step.changes), host.look(100_000).changes), (none(), Vec::new()));
    host.disk.link(".releases/2", "apps/new");
    host.disk.rename("apps/new", "apps/a");
    assert_eq!(host.settle(), ["~a"]);
    host.disk.remove("apps/a");
    assert_eq!(host.settle(), ["-a"]);
}

#[test]
fn what_was_to_be_an_app_and_cannot_be_is_told() {
    let mut host = Host::new(ScanOptions::default());
    let root = host.disk.root();
    for folder in ["docs/img", "socket", "folder/index.js", "file", "pack/package.json", "deeper/src"] {
        fs::create_dir_all(root.join(folder)).expect("a folder");
    }
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket/nano.toml")).expect("a socket");
    host.disk.link("nowhere", "apps/link/index.js");
    host.disk.link("nowhere", "apps/dangling");
    host.disk.link("nowhere", "apps/deeper/src/index.ts");
    host.disk.write("apps/readme.md", "");
    fs::create_dir(root.join(std::ffi::OsStr::from_bytes(b"caf\xe9"))).expect("a folder");
    let mut said: Vec<String> =
        host.look(0).findings.iter().map(|finding| finding.to_string().replace(&*root.to_string_lossy(), "")).collect();
    said.sort();
    assert_eq!(
        said,
        [
            "/caf\u{fffd}: warning: it is no app: its name is not UTF-8 (rename the folder)",
            "/dangling: warning: it is no app: the link cannot be followed: No such file or directory (os error 2)",
            "/deeper: warning: it is no app: src/index.ts is a link that leads nowhere",
            "/folder: warning: it is no app: index.js is no regular file",
            "/link: warning: it is no app: index.js is a link that leads nowhere",
            "/pack: warning: it is no app: package.json is no regular file",
            "/socket: warning: it is no app: nano.toml is no regular file",
        ]
    );
    assert_eq!((host.look(QUIET_MS).findings, host.settle()), (Vec::new(), none()), "it is told once");
}

#[test]
fn a_folder_without_end_is_refused() {
    let mut host = Host::new(ScanOptions::default());
    host.disk.write("apps/a/index.js", "1");
    host.disk.write(&format!("apps/a/{}x.js", "d/".repeat(nano_base::limits::DEPLOY_DEPTH_MAX + 1)), "1");
    host.look(0);
    let step = host.look(QUIET_MS);
    assert!(step.changes.is_empty() && step.findings[0].message.contains("deeper"), "{step:?}");
}

#[test]
fn the_operating_system_tells_of_a_change() {
    let disk = Disk::new();
    disk.write("apps/a/src/index.js", "1");
    let mut scanner = Scanner::new(disk.root(), ScanOptions::default());
    let (woken, wait) = mpsc::channel();
    let mut notifier = Notifier::start(&disk.root(), Vec::new(), move || {
        let _ = woken.send(());
    })
    .expect("a watch");
    assert_eq!(notifier.cover(&scanner.scan(&Touched::All, 0)), Ok(true));
    assert_eq!((notifier.cover(&scanner.scan(&Touched::All, 0)), notifier.take()), (Ok(false), Hints::None));
    disk.write("apps/a/src/index.js", "2");
    wait.recv_timeout(Duration::from_secs(60)).expect("a hint");
    assert_eq!(notifier.take(), Hints::Touched(Touched::Some(["a".to_string()].into())));
    disk.write("apps/b/index.js", "1");
    while notifier.take() != Hints::Touched(Touched::All) {
        wait.recv_timeout(Duration::from_secs(60)).expect("a hint");
    }
}

#[test]
fn the_operating_system_tells_of_what_is_no_app_yet_is_another_by_now_and_is_elsewhere() {
    let disk = Disk::new();
    disk.write("apps/a/index.js", "1");
    disk.write("apps/a/nano.toml", "secrets.KEY = { file = \"../../run/key\" }");
    disk.write("run/key", "1");
    disk.write("etc/grants.toml", "");
    disk.rename("apps", "first");
    disk.link("first", "apps");
    let mut scanner = Scanner::new(disk.root(), ScanOptions::default());
    let (woken, wait) = mpsc::channel();
    let wake = move || {
        let _ = woken.send(());
    };
    let mut notifier = Notifier::start(&disk.root(), vec![disk.0.join("etc/grants.toml")], wake).expect("a watch");
    let mut hears = |what: &str, change: &dyn Fn()| {
        // Until nothing is new, and nothing is heard of what was before.
        while notifier.cover(&scanner.scan(&Touched::All, 0)).expect("watches") {}
        notifier.take();
        change();
        while notifier.take() == Hints::None {
            wait.recv_timeout(Duration::from_secs(60)).expect(what);
        }
    };
    let folder = |path: &str| fs::create_dir(disk.0.join(path)).expect("a folder");
    hears("a folder", &|| folder("apps/new"));
    hears("its main module", &|| disk.write("apps/new/index.js", "1"));
    hears("that it goes", &|| disk.remove("apps/new/index.js"));
    hears("that it is there again", &|| disk.write("apps/new/index.js", "2"));
    hears("another folder", &|| folder("apps/deep"));
    hears("a folder in it", &|| folder("apps/deep/src"));
    hears("a main module in that", &|| disk.write("apps/deep/src/index.ts", "1"));
    hears("a secret", &|| disk.write("run/key", "2"));
    hears("grants", &|| disk.write("etc/grants.toml", "strangers = true"));
    disk.write("second/a/index.js", "2");
    hears("another folder of apps, by a link", &|| {
        disk.link("second", "other");
        disk.rename("other", "apps");
    });
    hears("a change in that", &|| disk.write("second/a/index.js", "3"));
    disk.remove("apps");
    disk.rename("second", "apps");
    disk.write("third/a/index.js", "4");
    hears("that it is put aside", &|| disk.rename("apps", "away"));
    hears("that another is in its place", &|| disk.rename("third", "apps"));
    hears("a change in the third", &|| disk.write("apps/a/index.js", "5"));
}

#[test]
fn the_examples_are_apps() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/apps");
    let seen = Scanner::new(&examples, ScanOptions::default()).scan(&Touched::All, 0);
    let mut deployment = Deployment::new(0);
    let step = deployment.observe(&seen, 0, 0);
    assert_eq!(step.findings, []);
    let folders = std::fs::read_dir(&examples).unwrap().filter_map(|entry| entry.ok().filter(|entry| entry.path().is_dir()));
    let mut expected: Vec<String> = folders.map(|folder| format!("+{}", folder.file_name().display())).collect();
    expected.sort();
    assert_eq!(shown(&step.changes), expected);
}
