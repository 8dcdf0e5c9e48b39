//! `nanod types` and `nanod doctor`, and how all commands say things.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::{Folder, GOOD, nanod};

#[test]
fn types_are_written_and_compared() {
    let folder = Folder::new(
        "types",
        &[
            ("shop/index.ts", GOOD),
            ("shop/nano.toml", "vars.A = \"1\"\nservices.AUTH = { app = \"auth\", entrypoint = \"Admin\" }\n[env.live.vars]\nB = \"2\"\n"),
            ("shop/.dev.vars", "LOCAL=x\n"),
            ("auth-app/src/index.ts", GOOD),
            ("auth-app/nano.toml", "name = \"auth\"\n"),
            ("broken/nano.toml", "nope = 1\n"),
        ],
    );
    let file = "shop/worker-configuration.d.ts";
    assert_eq!(nanod(&folder.0, &["types", "shop", "--check"]).code, Some(1));
    assert!(!folder.0.join(file).exists());
    assert_eq!(nanod(&folder.0, &["types", "shop"]).code, Some(0));
    let text = folder.read(file);
    for line in [
        "// Made from nano.toml by",
        "    readonly A: string;\n",
        "    readonly AUTH: Service<typeof import(\"../auth-app/src/index\").Admin extends ",
        "    readonly B?: string;\n",
        "    readonly LOCAL: string;\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert_eq!(nanod(&folder.0, &["types", "shop", "--check"]).code, Some(0));
    assert_eq!(nanod(&folder.0, &["types", "shop", "-O", "-"]).out, text);
    folder.write("shop/nano.toml", "vars.C = \"1\"\n");
    assert_eq!(nanod(&folder.0, &["types", "shop", "--check"]).code, Some(1));
    let said = nanod(&folder.0, &["types", "broken"]);
    assert!(said.code == Some(1) && said.err.contains("broken/nano.toml:1:1"), "{said:?}");
}

#[test]
fn doctor_says_how_each_thing_is() {
    let taken = std::net::TcpListener::bind("127.0.0.1:9229");
    let said = nanod(Path::new("/"), &["doctor", "--json"]);
    let lines: Vec<serde_json::Value> = said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let named = |name: &str| lines.iter().find(|line| line["check"] == name).unwrap_or_else(|| panic!("{name}: {}", said.out));
    for name in ["kernel", "processor", "address space", "overcommit", "memory", "mappings", "open files", "port 8787"] {
        assert!(["ok", "warn", "fail"].iter().any(|word| named(name)["state"] == **word), "{name}");
    }
    // Whoever has it: it is not free.
    assert_eq!(named("port 9229")["state"], "warn");
    assert!(named("port 9229")["remedy"].as_str().is_some_and(|remedy| remedy.contains("--inspect-address")));
    drop(taken);
    let limited = format!("ulimit -n 64; exec {} doctor", env!("CARGO_BIN_EXE_nanod"));
    let output = Command::new("sh").args(["-c", &limited]).output().expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(0) && text.contains("warn open files           64, at most 64\n"), "{text}");
    assert!(text.contains("LimitNOFILE=16384"), "{text}");
}

#[test]
fn whatever_is_asked_for_comes_as_json_too() {
    let folder = Folder::new("json", &[("shop/index.ts", GOOD), ("shop/nano.toml", "vars.A = \"1\"\n")]);
    let json = |words: &[&str]| {
        let said = nanod(&folder.0, words);
        assert!(said.code == Some(0) && said.out.lines().count() == 1, "{words:?}: {said:?}");
        serde_json::from_str::<serde_json::Value>(&said.out).unwrap_or_else(|error| panic!("{words:?}: {error}: {}", said.out))
    };
    let version = json(&["version", "--json"]);
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert!(version["v8"].is_string());
    assert_eq!([json(&["--version", "--json"]), json(&["--json", "-V"])], [version.clone(), version]);
    assert!(json(&["help", "--json"])["commands"].as_array().is_some_and(|commands| commands.len() > 10));
    let serve = json(&["help", "serve", "--json"]);
    assert_eq!((&serve["command"], json(&["serve", "--help", "--json"])), (&"serve".into(), serve.clone()));
    assert_eq!(json(&["completions", "bash", "--json"])["script"], nanod(&folder.0, &["completions", "bash"]).out);
    let types = json(&["types", "shop", "--out", "-", "--json"]);
    assert!(types["declarations"].as_str().is_some_and(|text| text.contains("readonly A: string;")), "{types}");
}

#[test]
fn what_is_wrong_with_a_command_line_comes_as_json_too() {
    for words in [&["serve", "--json", "--bogus", "x"][..], &["serve", "--json"], &["frobnicate", "--json"], &["--json", "dev", "-q", "-v"]]
    {
        let said = nanod(Path::new("/"), words);
        let json: serde_json::Value = serde_json::from_str(&said.err).unwrap_or_else(|error| panic!("{words:?}: {error}: {said:?}"));
        assert_eq!((said.code, &json["level"]), (Some(2), &"error".into()), "{words:?}");
        assert!(json["message"].as_str().is_some_and(|message| message.starts_with("nanod")), "{json}");
    }
}

/// What nanod writes on a terminal.
fn on_a_terminal(words: &str, no_color: Option<&str>) -> String {
    let mut command = Command::new("script");
    command.args(["-qec", &format!("{} {words}", env!("CARGO_BIN_EXE_nanod")), "/dev/null"]).env("TERM", "xterm").stdin(Stdio::null());
    match no_color {
        Some(value) => command.env("NO_COLOR", value),
        None => command.env_remove("NO_COLOR"),
    };
    String::from_utf8(command.output().expect("script").stdout).expect("text")
}

#[test]
fn colors_are_for_terminals_whose_users_want_them() {
    let cases = [
        ("", None, true),
        ("", Some(""), true),
        ("", Some("1"), false),
        ("--color never", None, false),
        ("--color always", Some("1"), true),
        ("--color always --json", None, false),
    ];
    for (option, no_color, expected) in cases {
        for words in ["serve /nowhere/at/all", "serve --bogus"] {
            let said = on_a_terminal(&format!("{words} {option}"), no_color);
            assert!(said.contains("error") && said.contains('\u{1b}') == expected, "{words} {option} {no_color:?}: {said:?}");
        }
    }
    for (option, expected) in [("auto", false), ("always", true)] {
        let said = nanod(Path::new("/"), &["serve", "/nowhere/at/all", "--color", option]);
        assert_eq!(said.err.contains('\u{1b}'), expected, "{said:?}");
    }
}

#[test]
fn bash_takes_the_completions() {
    let script = nanod(Path::new("/"), &["completions", "bash"]).out;
    let bash = |arguments: &[&str], input: &str| {
        let mut command = Command::new("bash");
        let command = command.arg("--norc").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("bash");
        std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), input.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("its end");
        (output.status.success(), [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text")))
    };
    assert_eq!(bash(&["-n"], &script), (true, [String::new(), String::new()]));
    let (taken, [out, err]) = bash(&[], &format!("{script}\ncomplete -p nanod\n"));
    assert!(taken && err.is_empty() && out.contains("complete") && out.trim_end().ends_with(" nanod"), "{out} {err}");
}

#[test]
fn a_file_that_is_none_or_has_no_end_is_refused() {
    let folder = Folder::new("endless", &[("a/index.js", GOOD)]);
    let pipe = folder.0.join("pipe").display().to_string();
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo").success());
    for file in ["/dev/zero", &pipe] {
        let cases: [&[&str]; 5] = [
            &["serve", ".", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--token-file", file],
            &["serve", ".", "--listen", "127.0.0.1:0", "--no-admin", "--tls-cert", file, "--tls-key", file],
            &["serve", ".", "--listen", "127.0.0.1:0", "--no-admin", "--roots", &format!("file:{file}")],
            &["tail", "--token-file", file],
            &["types", "a", "--check", "--out", file],
        ];
        for words in cases {
            let said = nanod(&folder.0, words);
            assert!(said.code.is_some_and(|code| code > 0) && said.err.contains(file), "{words:?}: {said:?}");
        }
    }
}

#[test]
fn what_the_command_line_names_and_is_not_there_has_one_code_and_what_may_be_meant() {
    let folder = Folder::new("missing", &[("apps/a/index.js", GOOD), ("body.txt", "text")]);
    let cases: &[(&[&str], &str)] = &[
        (&["serve", "aps", "--no-admin"], "aps: there is no such folder; did you mean apps?"),
        (&["serve", "aps", "--no-admin", "--workers", "2"], "aps: there is no such folder; did you mean apps?"),
        (&["dev", "aps"], "aps: there is no such folder; did you mean apps?"),
        (&["check", "aps"], "aps: there is no such folder; did you mean apps?"),
        (&["types", "aps"], "aps: there is no such folder; did you mean apps?"),
        (&["run", "aps"], "aps: there is no such file or folder; did you mean apps?"),
        (&["run", "apps/a", "-r", "/", "-d", "@boddy.txt"], "boddy.txt: there is no such file; did you mean body.txt?"),
        (&["serve", "apps", "--no-admin", "--grants", "bodi.txt"], "bodi.txt: there is no such file; did you mean body.txt?"),
        (
            &["serve", "apps", "--admin", "127.0.0.1:0", "--token-file", "bodi.txt"],
            "bodi.txt: there is no such file; did you mean body.txt?",
        ),
        (&["tail", "--token-file", "bodi.txt"], "bodi.txt: there is no such file; did you mean body.txt?"),
        (&["serve", "apps/a/index.js", "--no-admin"], "apps/a/index.js is no folder: give the folder that it is in, apps/a"),
        (&["dev", "apps/a/index.js"], "apps/a/index.js is no folder: give the folder that it is in, apps/a"),
        (&["check", "apps/a/index.js"], "apps/a/index.js is no folder: give the folder that it is in, apps/a"),
        (&["types", "apps/a/index.js"], "apps/a/index.js is no folder: give the folder that it is in, apps/a"),
        (&["check", "body.txt"], "body.txt is no folder: give the folder that it is in, ."),
    ];
    for (words, expected) in cases {
        let said = nanod(&folder.0, words);
        assert!(said.code == Some(3) && said.err.contains(expected), "{words:?}: {said:?}");
    }
}
