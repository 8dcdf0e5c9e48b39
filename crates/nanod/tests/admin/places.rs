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

/// Nothing is known of an app by this name.
fn is_nobody(server: &Server, name: &str) {
    for (method, path) in [("GET", ""), ("DELETE", ""), ("POST", "/drain"), ("POST", "/reload")] {
        let Answer(status, _, body) = server.ask(method, &format!("/apps/{name}{path}"));
        assert!(status == 404 && body.contains("NO_APP"), "{method} {path}: {status} {body}");
    }
    for path in ["/apps", "/stats"] {
        let json = server.ask("GET", path).json();
        assert!(json["apps"].as_array().unwrap().iter().all(|app| app["name"] != name), "{json}");
    }
}

#[test]
fn an_archive_of_a_new_app_that_does_not_start_leaves_nothing_and_its_name_is_free() {
    let mut server = Server::start("never", &[("y/index.js", &says("y")), ("z/index.js", &says("z"))], &[]);
    let throws = tar(&[("index.js", "throw new Error('no');")]);
    let wants = tar(&[("index.js", &says("fresh")), ("nano.toml", "code_generation = true\nroutes = [\"fresh.test\"]\n")]);
    for archive in [throws, wants] {
        let Answer(status, _, body) = server.put("fresh", &archive);
        assert!(status == 422 && body.contains("DOES_NOT_START"), "{status} {body}");
        is_nobody(&server, "fresh");
        assert_eq!(server.host("fresh.test").0, 404);
    }
    let manifest = server.folder.join("manifest");
    fs::write(&manifest, "name = \"fresh\"\n").unwrap();
    fs::rename(&manifest, server.folder.join("apps/z/nano.toml")).unwrap();
    server.wait_for("1 deployed");
    assert_eq!((server.ask("POST", "/apps/fresh/drain").0, server.app("fresh").0), (200, 503));
    let Answer(status, _, body) = server.ask("POST", "/apps/fresh/reload");
    assert_eq!((status, server.app("fresh")), (200, (200, "z".into())), "{body}");
}

#[test]
fn an_app_whose_folder_never_rested_and_that_does_not_start_goes_with_its_folder() {
    let server = Server::start("never-rested", &[("one/index.js", &says("one"))], &[]);
    let (folder, stop) = (server.folder.join("apps/log"), AtomicBool::new(false));
    fs::create_dir(&folder).unwrap();
    let mut file = fs::File::create(folder.join("app.log")).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                file.write_all(b"x").unwrap();
                file.set_len(0).unwrap();
            }
        });
        fs::write(folder.join("index.js"), "throw new Error('no');").unwrap();
        let Answer(status, _, body) = server.ask("POST", "/apps/log/reload");
        let known = server.ask("GET", "/apps/log").json();
        fs::remove_dir_all(&folder).unwrap();
        stop.store(true, Ordering::Relaxed);
        assert!(status == 422 && body.contains("DOES_NOT_START"), "{status} {body}");
        assert!(known["failure"].as_str().is_some_and(|why| why.contains("Error: no")), "{known}");
    });
    while server.ask("GET", "/apps/log").0 != 404 {
        std::thread::yield_now();
    }
    is_nobody(&server, "log");
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
