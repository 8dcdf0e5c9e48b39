//! What is in the folder of apps, and what becomes of it.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{READY, Server, folder, nanod, says};

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
