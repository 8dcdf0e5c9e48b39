//! Folders that change at once, and what a folder of apps begins as.

use super::*;

#[test]
fn folders_that_exchange_names_are_deployed_together() {
    let named = |host: &Host, folder: &str, name: &str| host.disk.write(&format!("apps/{folder}/nano.toml"), &format!("name = \"{name}\""));
    let mut host = Host::new(ScanOptions::default());
    for folder in ["a", "b", "c"] {
        host.disk.write(&format!("apps/{folder}/index.js"), "1");
    }
    assert_eq!(host.settle(), ["+a", "+b", "+c"]);
    // Around in a ring, and not seen at once.
    named(&host, "a", "b");
    named(&host, "b", "c");
    host.look(0);
    named(&host, "c", "a");
    assert_eq!(host.look(QUIET_MS - 10).changes, []);
    let step = host.look(10);
    assert_eq!((step.changes, step.findings), (Vec::new(), Vec::new()), "c is about to give its name up");
    let step = host.look(QUIET_MS);
    assert_eq!((shown(&step.changes), step.findings), (vec!["~a".to_string(), "~b".into(), "~c".into()], Vec::new()));
    // Who cannot have a name keeps its own, and nobody else gets that.
    named(&host, "a", "a");
    named(&host, "b", "b");
    host.look(0);
    let step = host.look(QUIET_MS);
    assert_eq!(shown(&step.changes), none());
    assert_eq!(step.findings.iter().filter(|finding| finding.message.contains("is taken by")).count(), 2, "{:?}", step.findings);
}

#[test]
fn a_folder_of_nothing_is_what_comes_first() {
    for (files, expected) in [(["src/index.js", "src/x.js"], "+."), (["index.js", "x.js"], "+."), (["a/index.js", "a/x.js"], "+a")] {
        let mut host = Host::new(ScanOptions::default());
        host.disk.write("apps/readme.md", "");
        host.scanner = Scanner::new(host.disk.root(), ScanOptions::default());
        assert_eq!(host.settle(), none());
        files.iter().for_each(|file| host.disk.write(&format!("apps/{file}"), ""));
        assert_eq!(host.settle(), [expected], "{files:?}");
        host.disk.write("apps/b/index.js", "");
        host.disk.write("apps/src/worker.ts", "");
        let later = host.settle();
        assert_eq!(later, if expected == "+." { vec!["~.".to_string()] } else { vec!["+b".into(), "+src".into()] }, "{files:?}");
    }
    // Who was told that it is a folder of apps says what it does not serve.
    let mut host = Host::new(ScanOptions::default());
    host.scanner = Scanner::new(host.disk.root(), ScanOptions::default()).with_one_app(Some(false));
    host.disk.write("apps/src/index.js", "");
    let step = host.look(QUIET_MS);
    assert!(step.findings[0].to_string().contains("/apps/src: warning: it is not served"), "{:?}", step.findings);
    assert_eq!(shown(&host.look(QUIET_MS).changes), none());
}
