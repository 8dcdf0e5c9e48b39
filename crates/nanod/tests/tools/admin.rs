//! `nanod tail` and `nanod top`, with a listener that answers as the admin listener does.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::JoinHandle;

use crate::{Folder, Said, nanod};

/// Answers one connection after the other; what each asked.
fn listen(answers: Vec<String>) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let answering = move || answers.iter().map(|answer| exchange(listener.accept().expect("a connection").0, answer)).collect();
    (address, std::thread::spawn(answering))
}

fn exchange(mut stream: TcpStream, answer: &str) -> String {
    let mut head = String::new();
    let mut lines = BufReader::new(stream.try_clone().expect("a descriptor"));
    while !head.ends_with("\r\n\r\n") {
        assert!(lines.read_line(&mut head).expect("text") > 0, "a head: {head}");
    }
    stream.write_all(answer.as_bytes()).expect("room");
    head
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// In chunks that break events anywhere.
fn chunked(body: &str) -> String {
    let mut out = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_string();
    for piece in body.as_bytes().chunks(7) {
        out.push_str(&format!("{:x}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).expect("ASCII")));
    }
    out + "0\r\n\r\n"
}

fn refused() -> String {
    let body = "{\"status\":401,\"detail\":\"no token\",\"code\":\"NO_TOKEN\"}";
    format!("HTTP/1.1 401 Unauthorized\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

fn with_token(words: &[&str], token: &str) -> Said {
    let output =
        Command::new(env!("CARGO_BIN_EXE_nanod")).args(words).env("NANOD_TOKEN", token).stdin(Stdio::null()).output().expect("nanod runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn tail_follows_and_goes_on_where_it_was() {
    let first = "event: log\nid: 7\ndata: {\"seq\":7,\"unix_ms\":45296000,\"app\":\"shop\",\"level\":\"error\",\"text\":\
                 \"Uncaught Error: \\u001b[2J\\n    at f (a.js:1:2)\\n    at g (nano:b.js:1:2)\"}\n\n\
                 event: dropped\ndata: {\"lines\":4}\n\n";
    let second =
        "event: log\nid: 9\ndata: {\"seq\":9,\"unix_ms\":0,\"app\":\"shop\",\"level\":\"info\",\"event\":\"started\",\"text\":\"\"}\n\n";
    let (address, asked) = listen(vec![chunked(first), chunked(second), refused()]);
    let words = ["tail", "shop", "a b", "--admin", &address, "--level", "warn", "--search", "x&y"];
    let said = with_token(&words, "a-token-of-enough-letters");
    let expected = "12:34:56 error shop Uncaught Error: \u{fffd}[2J\n             at f (a.js:1:2)\n4 lines are missing here\n00:00:00       shop started\n";
    assert_eq!((said.code, said.out.as_str()), (Some(4), expected), "{}", said.err);
    let asked = asked.join().expect("requests");
    assert!(asked[0].starts_with("GET /logs?level=warn&tail=10&app=shop&app=a%20b&search=x%26y HTTP/1.1\r\n"), "{}", asked[0]);
    assert!(asked[0].contains("Authorization: Bearer a-token-of-enough-letters\r\n") && !asked[0].contains("Last-Event-ID"));
    assert!(asked[1].contains("Last-Event-ID: 7\r\n") && asked[2].contains("Last-Event-ID: 9\r\n"));
}

#[test]
fn top_shows_rates_in_the_order_that_is_asked_for() {
    let app = |name: &str, requests: u64, cpu_us: u64, heap: u64| {
        format!(
            "{{\"name\":\"{name}\",\"state\":\"warm\",\"requests\":{requests},\"cpu_us\":{cpu_us},\"heap_bytes\":{heap},\"p99_us\":1500}}"
        )
    };
    let stats = |unix_ms: u64, apps: [String; 2]| {
        ok(&format!("{{\"unix_ms\":{unix_ms},\"runtime\":{{\"apps\":2}},\"apps\":[{}]}}", apps.join(",")))
    };
    let two_looks = || {
        vec![
            stats(1_000, [app("a", 5, 100, 1 << 20), app("b", 0, 0, 3 << 20)]),
            stats(3_000, [app("a", 25, 1_000_100, 1 << 20), app("b", 2, 0, 3 << 20)]),
        ]
    };
    for (by, order) in [("cpu", ["a", "b"]), ("heap", ["b", "a"]), ("name", ["a", "b"])] {
        let (address, asked) = listen(two_looks());
        let said = nanod(Path::new("/"), &["top", "--admin", &address, "--once", "--interval", "100ms", "--sort", by, "--json"]);
        let json: serde_json::Value = serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {said:?}"));
        let names: Vec<&str> = json["apps"].as_array().expect("apps").iter().filter_map(|app| app["name"].as_str()).collect();
        assert_eq!((said.code, names), (Some(0), order.to_vec()), "{by}");
        let a = json["apps"].as_array().expect("apps").iter().find(|app| app["name"] == "a").expect("a");
        assert_eq!((a["requests_per_s"].as_f64(), a["cpu_percent"].as_f64()), (Some(10.0), Some(50.0)));
        asked.join().expect("two requests");
    }
    let (address, asked) = listen(two_looks());
    let said = nanod(Path::new("/"), &["top", "--admin", &address, "--once", "--interval", "100ms"]);
    assert!(said.out.contains("a    warm            10.0   50.0        -   1.5 ms   1.0 MiB"), "{}", said.out);
    asked.join().expect("two requests");
}

#[test]
fn who_does_not_answer_is_named() {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").to_string();
    let folder = Folder::new("token", &[("token", "from-a-file-of-letters\n")]);
    for command in ["tail", "top"] {
        let said = nanod(Path::new("/"), &[command, "--admin", &free]);
        assert!(said.code == Some(4) && said.err.contains(&free) && said.err.contains("--admin"), "{said:?}");
        let (address, asked) = listen(vec![refused()]);
        let said = nanod(&folder.0, &[command, "--admin", &address, "--token-file", "token"]);
        assert!(said.code == Some(4) && said.err.contains("no token") && said.err.contains("--token-file"), "{said:?}");
        assert!(asked.join().expect("a request")[0].contains("Bearer from-a-file-of-letters\r\n"));
        let said = nanod(&folder.0, &[command, "--admin", &address, "--token-file", "nowhere"]);
        assert!(said.code == Some(3) && said.err.contains("nowhere"), "{said:?}");
    }
}

#[test]
fn what_is_not_a_nanod_is_named() {
    let (address, asked) = listen(vec!["SSH-2.0-other\r\n".to_string()]);
    let said = nanod(Path::new("/"), &["top", "--admin", &address]);
    assert!(said.code == Some(4) && said.err.contains("is no nanod"), "{said:?}");
    asked.join().expect("a request");
}

#[test]
fn what_answers_and_is_no_nanod_has_no_logs_to_follow() {
    let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 3\r\n\r\n<p>".to_string();
    for answer in [page, ok("{}")] {
        let (address, asked) = listen(vec![answer]);
        let said = nanod(Path::new("/"), &["tail", "--admin", &address]);
        assert!(said.code == Some(4) && said.err.contains(&format!("{address} is no nanod")), "{said:?}");
        asked.join().expect("a request");
    }
}
