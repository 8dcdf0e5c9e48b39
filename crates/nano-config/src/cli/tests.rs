//! Command lines and what they ask for.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt;
use std::process::Command as Process;

use super::*;

fn ask(line: &str) -> Result<(Request, Common), String> {
    request(line.split_ascii_whitespace().map(OsString::from)).map_err(|usage| usage.to_string())
}

fn serve(line: &str) -> Serve {
    match ask(line) {
        Ok((Request::Serve(serve), _)) => serve,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn a_folder_is_served_with_what_help_says_are_the_defaults() {
    let expected = Serve {
        dir: "apps".into(),
        listen: vec![Address::Tcp("127.0.0.1".into(), 8787)],
        admin: Some(Address::Tcp("127.0.0.1".into(), 9787)),
        token_file: None,
        env: None,
        workers: 1,
        threads: None,
        tls: None,
        roots: "webpki".into(),
        watch: true,
        follow_links: false,
        trust: false,
        grants: None,
        trust_proxy: false,
        drain_ms: 30_000,
        drain_delay_ms: 0,
        idle_ms: 75_000,
        connections: 10_000,
        metrics_per_app: PerApp::Top,
        log_format: LogFormat::Auto,
    };
    assert_eq!(serve("serve apps"), expected);
    let said = "serve apps --listen 127.0.0.1:8787 --admin 127.0.0.1:9787 --workers 1 --drain 30s --drain-delay 0s --idle 75s \
                --connections 10000 --metrics-per-app top --log-format auto --roots webpki";
    assert_eq!(serve(said), expected);
}

#[test]
fn everything_can_be_said_in_the_usual_ways() {
    let line = "serve -l *:80 --listen=unix:/run/n -lsystemd --no-admin -e staging --workers=4 --threads 8 --tls-cert c --tls-key k --no-watch \
                --follow-links --trust --trust-proxy --drain 1.5m --drain-delay 5s --idle 10s --connections 9 --metrics-per-app off \
                --log-format json --roots file:ours.pem -- -apps";
    let all = serve(line);
    assert_eq!(all.dir.as_os_str(), "-apps");
    assert_eq!(all.listen, [Address::Everywhere(80), Address::Unix("/run/n".into()), Address::Systemd]);
    assert_eq!((all.admin, all.env.as_deref(), all.workers, all.threads), (None, Some("staging"), 4, Some(8)));
    assert_eq!(
        (all.tls, all.watch, all.follow_links, all.trust, all.trust_proxy),
        (Some(("c".into(), "k".into())), false, true, true, true)
    );
    assert_eq!((all.drain_ms, all.drain_delay_ms, all.idle_ms, all.connections), (90_000, 5_000, 10_000, 9));
    assert_eq!((all.metrics_per_app, all.log_format, all.roots.as_str()), (PerApp::Off, LogFormat::Json, "file:ours.pem"));
}

#[test]
fn each_command_is_understood() {
    let listen = vec![Address::Tcp("127.0.0.1".into(), 8787)];
    let admin = Address::Tcp("127.0.0.1".into(), 9787);
    let dev = Dev {
        dir: ".".into(),
        listen,
        env: None,
        inspect: None,
        open: false,
        follow_links: false,
        roots: "webpki".into(),
        threads: None,
        log_format: LogFormat::Auto,
    };
    let types = Types { dir: ".".into(), out: Some("./worker-configuration.d.ts".into()), check: false };
    let check = Check { dirs: vec![".".into()], env: None, strict: false, compile: true, follow_links: false };
    let tail = Tail { apps: vec!["a".into(), "b".into()], admin: admin.clone(), token_file: None, level: "error".into(), search: None };
    let top = Top { admin, token_file: None, interval_ms: 500, sort: "heap".into(), once: true };
    let cases = [
        ("dev", Request::Dev(dev.clone())),
        ("dev a --inspect", Request::Dev(Dev { dir: "a".into(), inspect: Some(Address::Tcp("127.0.0.1".into(), 9229)), ..dev.clone() })),
        ("dev -i 9000 -o", Request::Dev(Dev { inspect: Some(Address::Tcp("127.0.0.1".into(), 9000)), open: true, ..dev })),
        ("check", Request::Check(check.clone())),
        (
            "check a b --strict --no-compile",
            Request::Check(Check { dirs: vec!["a".into(), "b".into()], strict: true, compile: false, ..check }),
        ),
        ("types", Request::Types(types.clone())),
        ("types -O - --check", Request::Types(Types { out: None, check: true, ..types })),
        ("tail a b --errors", Request::Tail(tail.clone())),
        ("tail a b --errors --level error", Request::Tail(tail)),
        ("top --interval 500ms --sort heap --once", Request::Top(top)),
        ("new shop -t hono", Request::New(New { dir: "shop".into(), template: "hono".into() })),
        ("doctor", Request::Doctor),
        ("completions zsh", Request::Completions(Shell::Zsh)),
        ("", Request::Help(None)),
        ("--help", Request::Help(None)),
        ("help", Request::Help(None)),
        ("help dev", Request::Help(Some("dev"))),
        ("dev --help", Request::Help(Some("dev"))),
        ("serve -h", Request::Help(Some("serve"))),
        ("version", Request::Version),
        ("--version", Request::Version),
        ("-V", Request::Version),
        ("--version --json", Request::Version),
        ("--json --version", Request::Version),
    ];
    for (line, expected) in cases {
        assert_eq!(ask(line).map(|(request, _)| request), Ok(expected), "{line}");
    }
}

#[test]
fn an_app_is_run_with_a_request_or_a_call() {
    let words = ["run", "x.ts", "-r", "http://x/", "-H", "A: b:c", "-H", "D:", "-d", "text", "--var", "K=a=b", "--cpu", "2s", "--heap=64m"];
    let Ok((Request::Run(run), _)) = request(words.map(OsString::from)) else { panic!("not understood") };
    let pair = |name: &str, value: &str| (name.to_string(), value.to_string());
    assert_eq!((run.method.as_str(), run.headers, run.vars), ("POST", vec![pair("A", "b:c"), pair("D", "")], vec![pair("K", "a=b")]));
    assert_eq!((run.cpu_ms, run.heap_bytes, run.timeout_ms), (Some(2_000), Some(64 << 20), None));
    let Ok((Request::Run(run), _)) = ask("run x.ts --call f --arg 1 --arg {\"a\":[]}") else { panic!("not understood") };
    assert_eq!((run.args, run.request, run.method.as_str()), (vec![serde_json::json!(1), serde_json::json!({"a": []})], None, "GET"));
}

#[test]
fn what_is_wrong_is_said_with_a_suggestion() {
    let cases = [
        ("serv apps", "nanod: there is no command \"serv\" (did you mean \"serve\"?)"),
        ("frobnicate", "nanod: there is no command \"frobnicate\" (see nanod help)"),
        ("help serv", "nanod: there is no command \"serv\" (did you mean \"serve\"?)"),
        ("serve", "nanod serve: DIR is missing (nanod help serve says more)"),
        ("serve a b", "nanod serve: \"b\" is too much"),
        ("serve a --lisen 80", "nanod serve: there is no option \"--lisen\" (did you mean \"--listen\"?)"),
        ("--listen 80 serve a", "nanod: there is no option \"--listen\" (options of a command come behind it)"),
        ("serve a -z", "nanod serve: there is no option \"-z\", in \"-z\""),
        ("serve a --listen", "nanod serve: --listen needs a value: ADDRESS"),
        ("serve a --json=1", "nanod serve: --json takes no value"),
        ("serve a --env x --env y", "nanod serve: --env is there twice"),
        ("serve a --workers 0", "nanod serve: --workers: 0 is out of bounds: 1 to 256"),
        ("serve a --workers +1", "nanod serve: --workers: \"+1\" is no whole number"),
        ("dev --roots ours.pem", "nanod dev: --roots: \"ours.pem\" is none of webpki, system and file:PATH"),
        ("serve a --drain 30", "nanod serve: --drain: \"30\" needs a unit: ms, s, m, h or d"),
        ("serve a --drain 2d", "nanod serve: --drain: 2d is out of bounds: 0ms to 1d"),
        ("serve a --listen x", "nanod serve: --listen: \"x\" is no address: PORT, HOST:PORT, *:PORT, unix:PATH or systemd"),
        ("serve a --tls-cert c", "nanod serve: --tls-cert and --tls-key need each other"),
        ("serve a --admin 0.0.0.0:1", "nanod serve: --admin needs --token-file if more than this machine reaches it"),
        ("serve a --admin 1 --no-admin", "nanod serve: --admin and --no-admin contradict each other"),
        ("tail --errors --level info", "nanod tail: --errors and --level contradict each other"),
        ("dev -q -v", "nanod dev: --quiet and --verbose contradict each other"),
        ("dev --color red", "nanod dev: --color: \"red\" is not one of auto, always, never"),
        (
            "new a -t typscript",
            "nanod new: --template: \"typscript\" is not one of plain, hono, typescript, websocket; did you mean \"typescript\"?",
        ),
        ("run x --method GET", "nanod run: --method needs --request"),
        ("run x --call f --arg {", "nanod run: --arg: \"{\" is no JSON: EOF while parsing an object at line 1 column 1"),
        ("run x -r u -H nocolon", "nanod run: --header: \"nocolon\" has no :"),
        ("completions tcsh", "nanod completions: SHELL: \"tcsh\" is not one of bash, zsh, fish"),
    ];
    for (line, expected) in cases {
        assert_eq!(ask(line).map(|_| ()), Err(expected.to_string()), "{line}");
    }
}

#[test]
fn paths_may_be_anything_and_other_values_are_text() {
    let odd = || OsString::from_vec(vec![b'a', 0xff]);
    let asked = request(["serve".into(), odd()]);
    assert!(matches!(&asked, Ok((Request::Serve(serve), _)) if serve.dir.as_os_str() == odd()), "{asked:?}");
    let mut option = OsString::from("--tls-cert=");
    option.push(odd());
    assert!(request(["serve".into(), "a".into(), option, "--tls-key".into(), odd()]).is_ok());
    assert!(request(["serve".into(), "a".into(), "--env".into(), odd()]).is_err());
}

#[test]
fn colors_are_for_terminals_that_want_them() {
    type Case<'a> = (&'a str, bool, Option<&'a str>, Option<&'a str>, bool);
    let cases: [Case<'_>; 8] = [
        ("doctor", true, None, Some("xterm"), true),
        ("doctor", false, None, Some("xterm"), false),
        ("doctor", true, Some("1"), None, false),
        ("doctor", true, Some(""), None, true),
        ("doctor", true, None, Some("dumb"), false),
        ("doctor --color always", false, Some("1"), Some("dumb"), true),
        ("doctor --color never", true, None, None, false),
        ("doctor --color always --json", true, None, None, false),
    ];
    for (line, terminal, no_color, term, expected) in cases {
        let (_, common) = ask(line).expect("a request");
        assert_eq!(common.colors(terminal, no_color.map(OsStr::new), term.map(OsStr::new)), expected, "{line} {no_color:?} {term:?}");
    }
}

#[test]
fn what_is_wrong_is_said_as_it_was_asked_for() {
    let cases = [
        ("serve --bogus", false, None),
        ("serve --json --bogus x", true, None),
        ("frobnicate --color never --json", true, Some(false)),
        ("serve --color=always -z", false, Some(true)),
        ("serve -- --json", false, None),
    ];
    for (line, json, color) in cases {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        assert_eq!(how_to_complain(&words), Common { json, color, ..Common::default() }, "{line}");
    }
}

#[test]
fn help_for_programs_names_everything() {
    let overview = help_json(None);
    assert_eq!(overview["commands"].as_array().map(Vec::len), Some(COMMANDS.len()));
    assert_eq!(overview["exit_codes"][5]["code"], 5);
    for command in COMMANDS {
        let help = help_json(Some(command));
        let names: Vec<&str> = help["options"].as_array().expect("options").iter().filter_map(|it| it["option"].as_str()).collect();
        let expected: Vec<String> = command.options.iter().chain(COMMON).map(|option| format!("--{}", option.name)).collect();
        assert_eq!((names, &help["usage"]), (expected.iter().map(String::as_str).collect(), &help::usage(command).into()));
    }
    let new = COMMANDS.iter().find(|command| command.name == "new").expect("a command");
    let template = serde_json::json!({
        "option": "--template", "short": "-t", "value": "NAME", "values": ["plain", "hono", "typescript", "websocket"],
        "default": "plain", "many": false, "about": "What to begin with",
    });
    assert_eq!(help_json(Some(new))["options"][0], template);
}

#[test]
fn the_tables_have_no_name_twice() {
    for command in COMMANDS {
        let mut names = HashSet::new();
        for option in command.options.iter().chain(COMMON) {
            assert!(names.insert(option.name.to_string()), "{} --{}", command.name, option.name);
            assert!(option.short.is_none_or(|short| names.insert(format!("-{short}"))), "{} -{:?}", command.name, option.short);
            assert_eq!(option.value.is_empty(), option.kind == ValueKind::Flag, "{} --{}", command.name, option.name);
        }
    }
}

#[test]
fn help_names_everything_and_fits_a_terminal() {
    let overview = overview();
    for command in COMMANDS {
        assert!(overview.contains(&format!("  {} ", command.name)), "{}", command.name);
        let help = help(command);
        for option in command.options.iter().chain(COMMON) {
            assert!(help.contains(&format!("--{}", option.name)) && help.contains(option.about), "{} --{}", command.name, option.name);
        }
        if let Some(line) = help.lines().chain(overview.lines()).find(|line| line.chars().count() > 140) {
            panic!("{}: {line}", command.name);
        }
    }
    let types = COMMANDS.iter().find(|command| command.name == "types").expect("a command");
    let expected = "Write the types of an app's env\n\nUsage: nanod types [OPTIONS] [DIR]\n\nOptions:\n  \
                    -O, --out FILE  Where to; - for standard output [worker-configuration.d.ts]\n      \
                    --check     Write nothing; exit with 1 if the file is not up to date\n\nOptions of all commands:\n";
    assert!(help(types).starts_with(expected), "{}", help(types));
}

#[test]
fn completions_know_every_command_and_option() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let script = completions(shell);
        for command in COMMANDS {
            assert!(script.contains(command.name), "{shell:?} {}", command.name);
            for option in command.options.iter().chain(COMMON) {
                let written = if shell == Shell::Fish { format!("-l {}", option.name) } else { format!("--{}", option.name) };
                assert!(script.contains(&written), "{shell:?} {} --{}", command.name, option.name);
            }
        }
    }
}

#[test]
fn bash_completes_with_them() {
    let script = completions(Shell::Bash);
    let cases = [
        ("nanod se", "serve"),
        ("nanod serve --dr", "--drain --drain-delay"),
        ("nanod serve x --metrics-per-app t", "top"),
        ("nanod completions f", "fish"),
        ("nanod new x -t h", "hono"),
        ("nanod help do", "doctor"),
    ];
    for (line, expected) in cases {
        let words: Vec<&str> = line.split(' ').collect();
        let ask = format!("{script}\nCOMP_WORDS=({line}); COMP_CWORD={}; _nanod; echo \"${{COMPREPLY[*]}}\"", words.len() - 1);
        let output = Process::new("bash").args(["--norc", "-c", &ask]).output().expect("bash");
        assert_eq!((String::from_utf8_lossy(&output.stdout).trim(), output.stderr.as_slice()), (expected, &b""[..]), "{line}");
    }
}
