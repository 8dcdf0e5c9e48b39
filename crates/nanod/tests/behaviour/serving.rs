//! Folders of apps, deployed and served.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use crate::support::{PATIENCE, Server, read, says, send};

#[test]
fn every_folder_is_an_app_under_its_name() {
    let server = Server::start("names", &[("one/index.js", &says("first")), ("two/index.js", &says("second"))]);
    assert_eq!(server.ask("one.localhost", "/"), (200, "first".into()));
    assert_eq!(server.ask("two.localhost", "/"), (200, "second".into()));
    let (status, body) = server.ask("three.localhost", "/");
    assert!(status == 404 && body.contains("NO_APP"), "{status} {body}");
}

#[test]
fn a_manifest_says_where_an_app_is_and_what_it_is_given() {
    let server = Server::start(
        "manifest",
        &[
            ("shop/src/main.js", "export default { fetch(request, env) { return env.API.fetch('http://api/inside'); } };\n"),
            ("shop/nano.toml", "main = \"src/main.js\"\nroutes = [\"shop.test\"]\n\n[services]\nAPI = \"api\"\n"),
            ("api/index.js", "export default { fetch(request, env) { return new Response(env.GREETING + ' from ' + request.url); } };\n"),
            ("api/nano.toml", "[vars]\nGREETING = \"hello\"\n"),
        ],
    );
    assert_eq!(server.ask("shop.test", "/"), (200, "hello from http://api/inside".into()));
}

#[test]
fn a_change_is_deployed_and_a_broken_one_is_not() {
    let mut server = Server::start("reload", &[("app/index.js", &says("one"))]);
    assert_eq!(server.ask("app.localhost", "/").1, "one");
    server.write("app/index.js", &says("two"));
    server.wait_for("1 deployed");
    assert_eq!(server.ask("app.localhost", "/").1, "two");
    server.write("app/index.js", "export default {");
    let said = server.wait_for_all(&["the version before goes on serving", "1 failed"]);
    assert!(said.find("NANO_E_COMPILE") < said.find("the version before"), "first what is wrong: {said}");
    assert_eq!(server.ask("app.localhost", "/").1, "two");
    server.write("app/index.js", &says("three"));
    server.wait_for("1 deployed");
    assert_eq!(server.ask("app.localhost", "/").1, "three");
    fs::remove_dir_all(server.folder.join("app")).unwrap();
    server.wait_for("1 removed");
    assert_eq!(server.ask("app.localhost", "/").0, 404);
}

#[test]
fn a_version_that_does_not_start_changes_neither_routes_nor_names() {
    let manifest = |name: &str, route: &str| format!("name = \"{name}\"\nroutes = [\"{route}\"]\n");
    let files = [("app/index.js", &*says("one")), ("app/nano.toml", &manifest("app", "a.test")), ("b/index.js", &says("b"))];
    let mut server = Server::start("routes", &files);
    server.write("app/index.js", "export default {");
    server.wait_for("1 failed");
    server.write("app/nano.toml", &manifest("other", "b.test"));
    server.wait_for("1 failed");
    for (host, expected) in [("a.test", 200), ("app.localhost", 200), ("b.test", 404), ("other.localhost", 404)] {
        assert_eq!(server.ask(host, "/").0, expected, "{host}");
    }
    server.write("app/index.js", &says("two"));
    server.wait_for("1 deployed");
    for (host, expected) in [("a.test", 404), ("app.localhost", 404), ("b.test", 200), ("other.localhost", 200)] {
        assert_eq!(server.ask(host, "/").0, expected, "{host}");
    }
}

#[test]
fn a_signal_lets_requests_end() {
    // It ends when its client has said all, which is when nobody else can connect.
    let listens = "export default { async fetch(request) { console.log('begun'); return new Response(await request.text()); } };\n";
    let mut server = Server::start("drain", &[("app/index.js", listens)]);
    let mut request = TcpStream::connect(&server.address).expect("a connection");
    request.set_read_timeout(Some(PATIENCE)).expect("a limit");
    let head = b"POST / HTTP/1.1\r\nHost: app.localhost\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    request.write_all(head).expect("it is open");
    server.wait_for("begun");
    server.signal("-TERM");
    server.wait_for("stopping");
    while TcpStream::connect(&server.address).is_ok() {
        std::thread::yield_now();
    }
    request.write_all(b"4\r\ndone\r\n0\r\n\r\n").expect("it is open");
    assert_eq!(read(&mut request), (200, "done".into()));
    assert!(server.child.wait().expect("its end").success());
}

#[test]
fn a_second_signal_does_not_wait() {
    let never = "export default { async fetch() { console.log('begun'); await new Promise(() => {}); } };\n";
    let mut server = Server::start("impatient", &[("app/index.js", never)]);
    let _request = server.send("app.localhost", "/");
    server.wait_for("begun");
    server.signal("-TERM");
    server.wait_for("stopping");
    server.signal("-INT");
    assert_eq!(server.child.wait().expect("its end").code(), Some(130));
}

#[test]
fn a_request_that_does_not_end_in_time_is_cut_off_and_its_client_told_why() {
    let mut server = Server::with("cut-off", &[("app/index.js", NEVER_ENDS)], &["--drain", "1s"]);
    let request = server.send("app.localhost", "/");
    server.wait_for("begun");
    server.signal("-TERM");
    assert_is_cut_off(&mut server, request);
}

#[test]
fn a_worker_cuts_off_as_well_and_its_supervisor_says_so() {
    let mut server = Server::with("cut-off-2", &[("app/index.js", NEVER_ENDS)], &["--workers", "2", "--threads", "1", "--drain", "1s"]);
    let request = server.send("app.localhost", "/");
    server.wait_for("begun");
    server.signal("-TERM");
    let said = assert_is_cut_off(&mut server, request);
    assert!(!said.contains("it is killed"), "the worker ended by itself: {said}");
}

const NEVER_ENDS: &str = "export default { async fetch() { console.log('begun'); await new Promise(() => {}); } };\n";

/// A request is open that never ends, and nanod was told to: the client hears of it before the connection closes, and whoever started
/// nanod by what it ends with; all that nanod says to its end.
fn assert_is_cut_off(server: &mut Server, mut request: TcpStream) -> String {
    let mut answer = String::new();
    request.read_to_string(&mut answer).expect("an answer");
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 503 ") && head.contains("content-type: application/problem+json"), "{head}");
    let problem: serde_json::Value = serde_json::from_str(body).expect("JSON");
    assert_eq!((problem["status"].as_u64(), problem["code"].as_str()), (Some(503), Some("DRAINING")), "{body}");
    let (code, said) = server.end();
    assert_eq!(code, Some(5), "{said}");
    assert!(said.ends_with("stopped, with requests that did not end in time\n"), "{said}");
    said
}

#[test]
fn what_cannot_be_served_is_said_in_a_line() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_nanod")).args(arguments).output().expect("nanod runs");
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = run(&["serve", "/nowhere/at/all"]);
    assert!(code == Some(3) && said.contains("/nowhere/at/all"), "{code:?} {said}");
    let (code, said) = run(&["serve", ".", "--nonsense"]);
    assert!(code == Some(2) && said.contains("--nonsense"), "{code:?} {said}");
}

#[test]
fn without_watching_changes_wait_for_a_signal() {
    let server = Server::with("unwatched", &[("app/index.js", &says("one"))], &["--no-watch"]);
    server.write("app/index.js", &says("two"));
    server.write("other/index.js", &says("other"));
    server.signal("-HUP");
    // What serves must have been still for longer than what is new.
    while server.ask("app.localhost", "/").1 != "two" || server.ask("other.localhost", "/").1 != "other" {
        std::thread::yield_now();
    }
}

#[test]
fn a_route_that_names_a_port_opens_it_for_as_long_as_it_is_there() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
    let manifest = format!("routes = [\":{}\"]\n", free.port());
    let mut server =
        Server::start("port", &[("app/index.js", &says("by its port")), ("app/nano.toml", &manifest), ("b/index.js", &says("b"))]);
    let address = free.to_string();
    assert_eq!(read(&mut send(&address, "anything.test", "/")), (200, "by its port".into()));
    assert_eq!(server.ask("anything.test", "/").0, 404);
    server.write("app/nano.toml", "");
    server.wait_for("is closed");
    assert!(TcpStream::connect(&address).is_err());
    server.write("app/nano.toml", "routes = [\":1\"]\n");
    server.wait_for_any(&["a route names port 1: cannot listen", "a route names port 1: listening"]);
    assert_eq!(server.ask("app.localhost", "/").0, 200, "the rest goes on");
}

#[test]
fn the_longest_beginning_of_a_path_says_which_app_a_request_is_for() {
    let where_it_is = |name: &str| {
        format!("export default {{ fetch(request) {{ return new Response('{name} ' + new URL(request.url).pathname); }} }};\n")
    };
    let [site, api, old, exact] = ["site", "api", "old", "exact"].map(where_it_is);
    let mut server = Server::start(
        "paths",
        &[
            ("site/index.js", &site),
            ("site/nano.toml", "routes = [\"shop.test\"]\n"),
            ("api/index.js", &api),
            ("api/nano.toml", "routes = [\"shop.test/api\"]\n"),
            ("old/index.js", &old),
            ("old/nano.toml", "routes = [{ host = \"shop.test\", path = \"/api/v1*\" }]\n"),
            ("exact/index.js", &exact),
            ("exact/nano.toml", "routes = [\"/everywhere\"]\n"),
        ],
    );
    // An app has the whole path: what routed it is not taken off.
    for (host, path, expected) in [
        ("shop.test", "/", "site /"),
        ("shop.test", "/api", "api /api"),
        ("shop.test", "/api/x?y=/api/v1", "api /api/x"),
        ("shop.test", "/apis", "site /apis"),
        ("shop.test", "/api/v1", "old /api/v1"),
        ("shop.test", "/api/v10/x", "old /api/v10/x"),
        ("other.test", "/everywhere/x", "exact /everywhere/x"),
    ] {
        assert_eq!(server.ask(host, path), (200, expected.into()), "{host}{path}");
    }
    for (host, path) in [("other.test", "/api"), ("other.test", "/everywhereelse")] {
        assert_eq!(server.ask(host, path).0, 404, "{host}{path}");
    }
    server.write("api/nano.toml", "routes = [\"shop.test/v2\"]\n");
    server.wait_for("1 deployed");
    assert_eq!((server.ask("shop.test", "/api/x").1, server.ask("shop.test", "/v2/x").1), ("site /api/x".into(), "api /v2/x".into()));
}

#[test]
fn whoever_sends_requests_here_has_time_to_notice_that_it_ends() {
    let mut server = Server::with("delay", &[("app/index.js", &says("still here"))], &["--drain-delay", "1h"]);
    server.signal("-TERM");
    server.wait_for("stopping");
    assert_eq!(server.ask("app.localhost", "/"), (200, "still here".into()));
    server.signal("-TERM");
    assert_eq!(server.child.wait().expect("its end").code(), Some(143));
}

#[test]
fn behind_a_proxy_that_is_trusted_the_client_is_whom_it_names() {
    let who = "export default { fetch(request) { return new Response(request.headers.get('cf-connecting-ip') + ' ' + request.url); } };\n";
    let ask = |server: &Server| {
        let mut stream = TcpStream::connect(&server.address).expect("a connection");
        let head = "GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 9.9.9.9, 192.0.2.7\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n";
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        read(&mut stream).1
    };
    assert_eq!(ask(&Server::start("direct", &[("app/index.js", who)])), "127.0.0.1 http://a.test/");
    assert_eq!(ask(&Server::with("proxied", &[("app/index.js", who)], &["--trust-proxy"])), "192.0.2.7 https://a.test/");
}
