//! Which folder an operator's app has.

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Answer, Server, names, says, tar};

#[test]
fn an_archive_does_not_take_the_place_or_the_name_of_another_app() {
    let files = [("c/index.js", &*says("the sea")), ("c/nano.toml", "name = \"sea\"\n"), ("LAKE/index.js", &*says("the lake"))];
    let server = Server::start("others", &files, &[]);
    for (name, whose) in [("c", "sea"), ("lake", "LAKE")] {
        let Answer(status, _, body) = server.put(name, &tar(&[("index.js", &says("another"))]));
        assert!(status == 409 && body.contains("TAKEN") && body.contains(whose), "{name}: {status} {body}");
    }
    assert_eq!(server.app("lake"), (200, "the lake".into()));
    assert_eq!((server.app("sea"), names(&server.folder.join("apps/c")).len()), ((200, "the sea".into()), 2));
    let mended = tar(&[("index.js", &*says("mended")), ("nano.toml", "name = \"sea\"\n")]);
    assert_eq!(server.put("sea", &mended).json()["version"], 2);
}

#[test]
fn an_app_whose_folder_never_rests_is_deployed_when_it_is_reloaded() {
    let server = Server::start("restless", &[("one/index.js", &says("one"))], &[]);
    let (folder, stop) = (server.folder.join("apps/log"), AtomicBool::new(false));
    fs::create_dir(&folder).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut file = fs::File::create(folder.join("app.log")).unwrap();
            while !stop.load(Ordering::Relaxed) {
                file.write_all(b"x").unwrap();
                file.set_len(0).unwrap();
            }
        });
        fs::write(folder.join("index.js"), says("as it is")).unwrap();
        let Answer(status, _, body) = server.ask("POST", "/apps/log/reload");
        stop.store(true, Ordering::Relaxed);
        assert_eq!(status, 200, "{body}");
    });
    assert_eq!(server.app("log"), (200, "as it is".into()));
}

#[test]
fn logs_of_an_app_that_is_not_there_are_refused_and_of_one_that_was_are_not() {
    let server = Server::start("unknown-logs", &[("shop/index.js", &says("shop")), ("gone/index.js", &says("gone"))], &[]);
    assert_eq!(server.app("gone").0, 200);
    for path in ["/logs?app=shpo", "/logs?app=shop&app=shpo", "/apps/shpo"] {
        let answer = server.ask("GET", path);
        let json = answer.json();
        assert_eq!((answer.0, &json["code"]), (404, &"NO_APP".into()), "{path}");
        assert_eq!(json["detail"], "there is no app named \"shpo\" (did you mean \"shop\"?)", "{path}");
    }
    assert_eq!(server.ask("DELETE", "/apps/gone").0, 200);
    server.follow("/logs?app=gone", "started");
}

/// A folder `z` that serves as "one", although it wants to be "two" by now, and a folder `a` that wants to be "one".
fn two_of_one_name(name: &str) -> Server {
    let files = [("z/index.js", &*says("z")), ("z/broken.js", "export default {"), ("z/nano.toml", "name = \"one\"\n")];
    let mut server = Server::start(name, &files, &[]);
    let manifest = server.folder.join("manifest");
    fs::write(&manifest, "name = \"two\"\nmain = \"broken.js\"\n").unwrap();
    fs::rename(&manifest, server.folder.join("apps/z/nano.toml")).unwrap();
    server.wait_for("1 failed");
    let a = server.folder.join("a");
    fs::create_dir(&a).unwrap();
    fs::write(a.join("nano.toml"), "name = \"one\"\n").unwrap();
    fs::write(a.join("index.js"), says("a")).unwrap();
    fs::rename(a, server.folder.join("apps/a")).unwrap();
    server.wait_for("2 failed");
    assert_eq!(server.app("one"), (200, "z".into()));
    server
}

#[test]
fn of_two_folders_with_one_name_the_one_that_serves_is_meant() {
    let server = two_of_one_name("meant");
    let app = server.ask("GET", "/apps/one").json();
    assert_eq!((&app["folder"], &app["state"]), (&"z".into(), &"warm".into()), "{app}");
    assert_eq!(server.ask("DELETE", "/apps/one").0, 200);
    assert_eq!(server.app("one").0, 503);
    let left: Vec<String> = names(&server.folder.join("apps")).into_iter().filter(|name| !name.starts_with('.')).collect();
    assert_eq!(left, ["a"]);
}

#[test]
fn of_two_folders_with_one_name_that_do_not_serve_none_is_removed() {
    let server = two_of_one_name("unmeant");
    assert_eq!(server.ask("POST", "/apps/one/drain").0, 200);
    assert_eq!(server.app("one").0, 503);
    for (method, path) in [("DELETE", "/apps/one"), ("POST", "/apps/one/drain")] {
        assert_eq!(server.ask(method, path).0, 409, "{method} {path}");
    }
    assert_eq!(names(&server.folder.join("apps")), ["a", "z"]);
}
