//! Folders of apps, deployed and served.

use std::fs;
use std::net::TcpStream;
use std::process::Command;

use crate::support::{Server, read, says, send};

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
    let slow = "export default { async fetch() { console.log('begun'); await scheduler.wait(300); return new Response('done'); } };\n";
    let mut server = Server::start("drain", &[("app/index.js", slow)]);
    let mut request = server.send("app.localhost", "/");
    server.wait_for("begun");
    server.signal("-TERM");
    server.wait_for("stopping");
    assert_eq!(read(&mut request), (200, "done".into()));
    assert!(TcpStream::connect(&server.address).is_err(), "nobody listens any more");
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
