//! What is in the folder of apps, and what becomes of it.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{READY, Server, folder, nanod, says};

#[test]
fn every_app_answers_by_its_name() {
    let files = [("my_app/index.js", &*says("underscore")), ("api.v2/index.js", &says("dot")), ("two words/index.js", &says("none"))];
    let mut server = Server::begin("names", &files, &[]);
    let said = server.await_ready(READY);
    assert!(said.contains("two words: error: the folder's name: ' ' cannot be in an app's name"), "{said}");
    assert!(said.contains("2 apps on ") && !said.contains("http://two"), "{said}");
    assert_eq!(server.ask("my_app.localhost", "/"), (200, "underscore".into()));
    assert_eq!(server.ask("API.v2.localhost", "/"), (200, "dot".into()));
}

#[test]
fn a_link_to_the_folder_of_apps_is_followed_when_it_is_switched() {
    let releases = folder("switched", &[("1/a/index.js", &says("first")), ("2/a/index.js", &says("second"))]);
    let link = releases.join("current");
    symlink("1", &link).unwrap();
    let mut server = Server::run(nanod(&link, &[]), releases.clone());
    server.await_ready(READY);
    assert_eq!(server.ask("a.localhost", "/"), (200, "first".into()));
    symlink("2", releases.join("new")).unwrap();
    fs::rename(releases.join("new"), &link).unwrap();
    server.wait_for("1 deployed");
    assert_eq!(server.ask("a.localhost", "/"), (200, "second".into()));
    server.write("2/b/index.js", &says("b"));
    server.wait_for("1 deployed");
    assert_eq!(server.ask("b.localhost", "/"), (200, "b".into()));
}
