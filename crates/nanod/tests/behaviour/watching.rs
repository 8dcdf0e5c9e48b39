//! `nanod tail` and `nanod top` beside a nanod that serves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Lines, READY, Server, folder, says};

const TOKEN: &str = "a-token-that-only-tests-know";

/// Says what it is asked for.
const SPEAKS: &str = "export default { fetch(request) {
  const [, level, text] = new URL(request.url).pathname.split('/');
  console[level](text);
  return new Response('said');
} };\n";

/// A folder of these apps, with nanod over them, which has its admin listener and its token in the folder, too.
fn serve(name: &str, files: &[(&str, &str)]) -> Server {
    again(folder(name, files), TOKEN)
}

fn again(folder: PathBuf, token: &str) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nanod"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", &socket(&folder)])
        .arg(&folder)
        .env("NANOD_TOKEN", token)
        .stdin(Stdio::null());
    let mut server = Server::run(command, folder);
    server.await_ready(READY);
    server
}

fn socket(folder: &Path) -> String {
    format!("unix:{}", folder.join(".admin").display())
}

/// A command beside nanod, with its address and token.
fn command(server: &Server, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nanod"));
    command.args(words).args(["--admin", &socket(&server.folder)]).env("NANOD_TOKEN", TOKEN).stdin(Stdio::null());
    command
}

/// What a command that ends said: its code, its result, and what it had to say of it.
fn said(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().expect("nanod runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// What an app said, without the time of day, which must look like one.
fn untimed(line: &str) -> &str {
    let (time, rest) = line.split_at(9);
    let digits = |at: usize| time.as_bytes()[at].is_ascii_digit();
    assert!([0, 1, 3, 4, 6, 7].into_iter().all(digits) && [2, 5].into_iter().all(|at| time.as_bytes()[at] == b':'), "{line}");
    rest
}

#[test]
fn tail_shows_what_apps_have_said_and_say() {
    let server = serve("tail", &[("shop/index.js", SPEAKS), ("other/index.js", SPEAKS)]);
    server.ask("shop.localhost", "/log/before");
    let mut all = Lines::of(command(&server, &["tail"]));
    let mut shop = Lines::of(command(&server, &["tail", "shop", "--level", "warn"]));
    let mut found = Lines::of(command(&server, &["tail", "--search", "NEEDLE", "--errors"]));
    assert_eq!(untimed(&all.next_with("before")), "      shop before\n");
    server.ask("shop.localhost", "/log/a-needle");
    server.ask("other.localhost", "/error/a-needle");
    server.ask("other.localhost", "/warn/of-another");
    server.ask("shop.localhost", "/warn/slowly");
    server.ask("shop.localhost", "/error/the-last");
    server.ask("other.localhost", "/error/this-needle-too");
    let lines = |text: &str| text.lines().map(|line| untimed(line).to_string()).collect::<Vec<_>>();
    assert_eq!(lines(&shop.up_to("the-last")), ["warn  shop slowly", "error shop the-last"]);
    assert_eq!(lines(&found.up_to("too")), ["error other a-needle", "error other this-needle-too"]);
    let spoken = lines(&all.up_to("too"));
    let expected = ["      shop a-needle", "error other a-needle", "warn  other of-another", "warn  shop slowly", "error shop the-last"];
    assert_eq!(spoken[..5], expected);
}

#[test]
fn tail_writes_one_object_a_line_and_nothing_else() {
    let server = serve("tail-json", &[("shop/index.js", SPEAKS)]);
    server.ask("shop.localhost", "/warn/one");
    let mut tail = Lines::of(command(&server, &["tail", "--json"]));
    tail.next_with("\"one\"");
    server.ask("shop.localhost", "/error/%22two%22");
    let line: Value = serde_json::from_str(&tail.next_line()).expect("JSON");
    assert_eq!((&line["app"], &line["level"], &line["text"]), (&"shop".into(), &"error".into(), &"%22two%22".into()));
    assert!(line["unix_ms"].is_u64() && line["seq"].is_u64(), "{line}");
}

#[test]
fn tail_goes_on_with_the_next_nanod() {
    let mut server = serve("tail-again", &[("shop/index.js", SPEAKS)]);
    server.ask("shop.localhost", "/log/first");
    let mut tail = Lines::of(command(&server, &["tail", "shop", "--level", "info"]));
    tail.up_to("first");
    let folder = std::mem::take(&mut server.folder);
    drop(server);
    let mut server = again(folder, TOKEN);
    // All that it has said comes, more than of one that is met first.
    let expected: Vec<String> = (0..20).map(|number| format!("      shop number-{number}")).collect();
    (0..20).for_each(|number| assert_eq!(server.ask("shop.localhost", &format!("/log/number-{number}")).0, 200));
    let said = tail.up_to("number-19");
    let numbers: Vec<&str> = said.lines().filter(|line| line.contains("number")).map(untimed).collect();
    assert_eq!(numbers, expected);
    let folder = std::mem::take(&mut server.folder);
    drop(server);
    // One with another token is not asked for ever.
    let _server = again(folder, "another-token-that-tests-know");
    let (code, rest, complaint) = tail.end();
    assert_eq!((code, rest.as_str()), (Some(4), ""), "{complaint}");
    assert_eq!(complaint.matches("the connection has ended; waiting for nanod").count(), 2, "{complaint}");
    assert!(complaint.contains("answers 401") && complaint.contains("the token is another nanod's"), "{complaint}");
}

#[test]
fn tail_ends_when_nobody_reads_it() {
    let server = serve("tail-pipe", &[("shop/index.js", SPEAKS)]);
    server.ask("shop.localhost", "/log/first");
    let mut tail = command(&server, &["tail"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("nanod starts");
    drop(tail.stdout.take());
    server.ask("shop.localhost", "/log/second");
    let output = tail.wait_with_output().expect("its end");
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), b"".as_slice()));
}

#[test]
fn top_shows_what_each_app_does() {
    let files = [
        ("good/index.js", &*says("good")),
        ("bad/index.js", "export default { fetch() { throw new Error('bad'); } };\n"),
        ("idle/index.js", &says("")),
        ("idle/nano.toml", "lazy = true\n"),
    ];
    let server = serve("top", &files);
    assert_eq!(
        (server.ask("good.localhost", "/").0, server.ask("bad.localhost", "/").0, server.ask("bad.localhost", "/").0),
        (200, 500, 500)
    );
    let (code, text, complaint) = said(&mut command(&server, &["top", "--once", "--json", "--sort", "errors", "--interval", "100ms"]));
    assert_eq!((code, text.lines().count(), complaint.as_str()), (Some(0), 1, ""));
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let rows: Vec<_> = json["apps"]
        .as_array()
        .expect("apps")
        .iter()
        .map(|row| (row["name"].as_str().unwrap(), row["state"].as_str().unwrap(), &row["errors"]))
        .collect();
    assert_eq!(rows, [("bad", "warm", &2.into()), ("good", "warm", &0.into()), ("idle", "cold", &0.into())]);
    let good = &json["apps"][1];
    assert!(
        good["heap_bytes"].as_u64() > Some(0) && good["p99_us"].as_u64() >= good["p50_us"].as_u64() && good["p50_us"].as_u64() > Some(0),
        "{good}"
    );
    // Nobody asked between the two looks.
    assert_eq!(
        (good["requests_per_s"].as_f64(), good["in_flight"].as_u64(), json["apps"][2]["heap_bytes"].as_u64()),
        (Some(0.0), Some(0), Some(0))
    );
    assert_eq!((&json["runtime"]["apps"], &json["runtime"]["requests"]), (&3.into(), &3.into()));

    let (code, text, complaint) = said(&mut command(&server, &["top", "--once", "--sort", "name", "--interval", "100ms"]));
    assert_eq!((code, complaint.as_str()), (Some(0), ""));
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("nanod top ") && lines[0].ends_with("  3 apps, 2 instances, 0 requests in flight"), "{text}");
    let words = |line: &str| line.split_whitespace().take(3).map(str::to_string).collect::<Vec<_>>();
    let table: Vec<_> = lines[3..].iter().map(|line| words(line)).collect();
    assert_eq!(table, [["APP", "STATE", "REQ/S"], ["bad", "warm", "0.0"], ["good", "warm", "0.0"], ["idle", "cold", "0.0"]]);
}

#[test]
fn top_ends_with_its_nanod() {
    let server = serve("top-end", &[("one/index.js", &says("one"))]);
    let mut top = Lines::of(command(&server, &["top", "--json", "--interval", "100ms"]));
    let first: Value = serde_json::from_str(&top.next_line()).expect("JSON");
    let second: Value = serde_json::from_str(&top.next_line()).expect("JSON");
    assert!(second["unix_ms"].as_u64() > first["unix_ms"].as_u64(), "{first} {second}");
    drop(server);
    let (code, _, complaint) = top.end();
    assert!(code == Some(4) && complaint.contains("no nanod answers at unix:"), "{code:?} {complaint}");
}

#[test]
fn the_token_that_nanod_keeps_is_found_and_another_refused() {
    let folder = folder("kept-token", &[("one/index.js", &says("one"))]);
    let kept = folder.join(".run");
    fs::create_dir(&kept).unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_nanod"));
    server.args(["serve", "--listen", "127.0.0.1:0", "--admin", &socket(&folder)]).arg(&folder).stdin(Stdio::null());
    server.env_remove("NANOD_TOKEN").env_remove("RUNTIME_DIRECTORY").env("XDG_RUNTIME_DIR", &kept);
    let mut server = Server::run(server, folder.clone());
    server.await_ready(READY);
    for words in [&["top", "--once", "--interval", "100ms"][..], &["tail"][..]] {
        let with = |change: &dyn Fn(&mut Command)| {
            let mut command = command(&server, words);
            command
                .env_remove("NANOD_TOKEN")
                .env_remove("RUNTIME_DIRECTORY")
                .env("XDG_RUNTIME_DIR", folder.join("one"))
                .env("HOME", "/nowhere");
            change(&mut command);
            command
        };
        let refused = |command: &mut Command, why: &str| {
            let (code, text, complaint) = said(command);
            assert!(code == Some(4) && text.is_empty() && complaint.contains("answers 401"), "{words:?}: {code:?} {text} {complaint}");
            assert!(complaint.contains(why), "{words:?}: {complaint}");
        };
        refused(&mut with(&|_| ()), "give --token-file FILE or NANOD_TOKEN");
        refused(&mut with(&|command| _ = command.env("NANOD_TOKEN", TOKEN)), "the token is another nanod's");
        let mut found = Lines::of(with(&|command| _ = command.env("XDG_RUNTIME_DIR", &kept)));
        found.next_with("one");
    }
}

#[test]
fn tail_of_an_app_that_is_not_there_says_so_and_ends() {
    let files = [("shop/index.js", SPEAKS), ("ship/index.js", SPEAKS), ("cold/index.js", SPEAKS), ("cold/nano.toml", "lazy = true\n")];
    let server = serve("tail-typo", &files);
    for words in [&["tail", "shp"][..], &["tail", "shop", "shp"][..]] {
        let (code, text, complaint) = said(&mut command(&server, words));
        assert_eq!((code, text.as_str()), (Some(1), ""), "{complaint}");
        let expected = "answers 404 NO_APP: there is no app named \"shp\" (did you mean \"ship\" or \"shop\"?)";
        assert!(complaint.contains(expected), "{complaint}");
    }
    let mut cold = Lines::of(command(&server, &["tail", "cold"]));
    // It follows before the app has ever run.
    server.ask("cold.localhost", "/log/warm-by-now");
    cold.next_with("warm-by-now");
}
