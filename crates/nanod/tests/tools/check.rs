//! `nanod check`.

use crate::{Folder, GOOD, nanod};

#[test]
fn check_tells_everything_at_once_with_places() {
    let folder = Folder::new(
        "check",
        &[
            ("good/index.js", GOOD),
            ("manifest/index.js", GOOD),
            ("manifest/nano.toml", "rutes = []\n[limits]\ncpu_ms = \"9\"\n"),
            ("import/index.js", "import \"./nope.js\";\nexport default {};\n"),
            ("syntax/index.ts", "export default {\n  fetch() {\n    const x: number = ;\n  }\n}\n"),
            ("start/index.ts", "interface A { b: string }\n\nexport default { fetch() {} };\nthrow new Error('at start');\n"),
            ("service/index.js", GOOD),
            ("service/nano.toml", "services.AUTH = \"god\"\nroutes = [\"x.test\"]\n"),
            ("twin/index.js", GOOD),
            ("twin/nano.toml", "routes = [\"x.test\"]\n"),
        ],
    );
    let said = nanod(&folder.0, &["check"]);
    let expected = [
        "./manifest/nano.toml:1:1: error: unknown key \"rutes\" (did you mean \"routes\"?)\n> 1 | rutes = []\n    | ^\n",
        "./manifest/nano.toml:3:10: error: limits.cpu_ms: \"9\" needs a unit",
        "./import/index.js:1:8: error: cannot import \"./nope.js\"",
        "./syntax/index.ts:3:23: error: SyntaxError: Unexpected token\n",
        "> 3 |     const x: number = ;\n    |                       ^\n",
        "./start/index.ts:4:7: error: Error: at start\n",
        "services.AUTH: there is no app \"god\" here (did you mean \"good\"?)",
        "x.test",
        "7 apps, ",
    ];
    for text in expected {
        assert!(said.out.contains(text), "{text}\n{}", said.out);
    }
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
}

#[test]
fn check_succeeds_unless_warnings_count() {
    let folder = Folder::new("strict", &[("a/index.js", GOOD), ("a/nano.toml", "services.B = \"b\"\n"), ("c/index.js", "syntax error")]);
    let args: &[&[&str]] =
        &[&["check", "a"], &["check", ".", "--no-compile"], &["check", ".", "--no-compile", "--strict"], &["check", "."]];
    let codes: Vec<Option<i32>> = args.iter().map(|args| nanod(&folder.0, args).code).collect();
    assert_eq!(codes, [Some(0), Some(0), Some(1), Some(1)]);
    assert_eq!(nanod(&folder.0, &["check", "nowhere"]).code, Some(3));
    assert!(nanod(&folder.0, &["check", "a", "-q"]).out.is_empty());
}

#[test]
fn check_names_the_modules_of_node_that_there_are() {
    let code = "import 'node:querystring';\nimport 'node:url';\nexport default { fetch() {} };\n";
    let folder = Folder::new("node", &[("a/index.js", code), ("a/nano.toml", "compatibility_flags = [\"nodejs_compat\"]\n")]);
    let said = nanod(&folder.0, &["check", "a"]);
    assert!(said.code == Some(0) && said.out.contains(" querystring, ") && said.out.contains(" url "), "{said:?}");
}

#[test]
fn check_and_run_of_one_app_heed_the_grants_beside_its_folder() {
    let files =
        [("apps/a/index.js", GOOD), ("apps/a/nano.toml", "code_generation = true\n"), ("apps/a/nanod.toml", "apps.a.trust = true\n")];
    let folder = Folder::new("beside", &files);
    let run = |command: &str| nanod(&folder.0, &[command, "apps/a"]);
    let said = run("check");
    assert!(said.out.contains("is not granted") && said.out.contains("1 warning"), "what an app grants itself does not count: {said:?}");
    let said = run("run");
    assert!(said.err.contains("(write code_generation = true below [apps.a] in nanod.toml, beside the app's folder)"), "{said:?}");
    folder.write("apps/nanod.toml", "apps.a.code_generation = true\n");
    assert!(run("check").out.contains("0 warnings") && run("run").code == Some(0));
}

#[test]
fn check_says_where_a_service_a_tail_and_a_secret_are_named() {
    let manifest =
        "tail = [\"nobody\"]\n[services]\nAUTH = \"god\"\n[secrets]\nA = { file = \"/etc/hostname\" }\nB = { file = \"none\" }\n";
    let folder = Folder::new("where", &[("a/index.js", GOOD), ("a/nano.toml", manifest)]);
    let said = nanod(&folder.0, &["check", ".", "--no-compile"]);
    for text in [
        "./a/nano.toml:1:1: warning: tail: there is no app \"nobody\" here (",
        "./a/nano.toml:3:1: warning: services.AUTH: there is no app \"god\" here (",
        "./a/nano.toml:5:1: warning: reading the secret A from /etc/hostname, outside the app's folder, is not granted",
        "./a/nano.toml:6:1: warning: secrets.B: cannot read ",
    ] {
        assert!(said.out.contains(text), "{text}\n{}", said.out);
    }
    assert!(said.out.contains("4 warnings"), "{}", said.out);
}

#[test]
fn check_says_where_a_main_module_is_named_that_is_not_there() {
    let folder = Folder::new("main", &[("a/nano.toml", "default = true\nmain = \"nope.js\"\n")]);
    let said = nanod(&folder.0, &["check", "a"]);
    assert!(said.out.contains("a/nano.toml:2:1: error: main is \"nope.js\", and there is no such file"), "{}", said.out);
}

#[test]
fn check_runs_no_command_for_a_secret() {
    let manifest = "secrets.KEY = { command = [\"touch\", \"ran\"] }\n";
    let folder = Folder::new("secret", &[("a/index.js", GOOD), ("a/nano.toml", manifest)]);
    let said = nanod(&folder.0, &["check", "a"]);
    assert!(said.code == Some(0) && !folder.0.join("a/ran").exists(), "{said:?}");
}

#[test]
fn check_speaks_json_to_machines() {
    let folder = Folder::new("json", &[("a/index.js", "import './b.js';\n")]);
    let said = nanod(&folder.0, &["check", "a", "--json"]);
    let lines: Vec<serde_json::Value> = said.out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(
        (lines[0]["file"].as_str(), lines[0]["line"].as_u64(), lines[0]["severity"].as_str()),
        (Some("a/index.js"), Some(1), Some("error"))
    );
    assert_eq!(lines[1], serde_json::json!({ "apps": 1, "errors": 1, "warnings": 0 }));
}

#[test]
fn check_shows_lines_of_what_it_checks_and_of_nothing_else() {
    let folder = Folder::new(
        "places",
        &[
            ("apps/a/index.js", "const e = new Error('x');\ne.stack = 'Error: x\\n    at f (../../secret.js:1:1)';\nthrow e;\n"),
            ("apps/b/index.js", "const e = new Error('x');\ne.stack = 'Error: x\\n    at f (/dev/zero:1:1)';\nthrow e;\n"),
            ("secret.js", "hidden\n"),
        ],
    );
    let said = nanod(&folder.0, &["check", "apps"]);
    assert!(said.code == Some(1) && said.out.contains("2 errors") && !said.out.contains("hidden"), "{said:?}");
}

#[test]
fn check_says_both_places_of_what_two_apps_claim() {
    let files = [
        ("one/index.js", GOOD),
        ("one/nano.toml", "name = \"shop\"\ndefault = true\nroutes = [\"x.test\", \"y.test/a\"]\n"),
        ("two/index.js", GOOD),
        ("two/nano.toml", "routes = [\n  { host = \"y.test\", path = \"/a\" },\n]\ndefault = true\nname = \"shop\"\n"),
    ];
    let folder = Folder::new("twice", &files);
    let said = nanod(&folder.0, &["check", ".", "--no-compile"]);
    for text in [
        "./two/nano.toml:2:3: error: y.test/a is claimed by \"shop\" already, in ./one/nano.toml:3:21 (",
        "./two/nano.toml:4:1: error: default = true is claimed by \"shop\" already, in ./one/nano.toml:2:1 (",
        "./two/nano.toml:5:1: error: another app is named \"shop\" too, in ./one/nano.toml:1:1 (",
    ] {
        assert!(said.out.contains(text), "{text}\n{}", said.out);
    }
    assert!(said.out.contains("3 errors"), "{}", said.out);
}

#[test]
fn check_names_entrypoints_that_are_not_there() {
    let auth = "export class Admin { list() { return []; } }\nexport const tokens = { fetch() {} };\nexport function helper() {}\nexport default {};\n";
    let manifest = "[services]\nA = { app = \"auth\", entrypoint = \"Admn\" }\nB = { app = \"auth\", entrypoint = \"Admin\" }\n\
                    C = { app = \"auth\", entrypoint = \"tokens\" }\nD = { app = \"auth\", entrypoint = \"helper\" }\nE = \"auth\"\n";
    let files = [("auth/index.js", auth), ("shop/index.js", GOOD), ("shop/nano.toml", manifest)];
    let folder = Folder::new("entrypoints", &files);
    let said = nanod(&folder.0, &["check"]);
    for text in [
        "./shop/nano.toml:2:34: warning: services.A: the app \"auth\" has no entrypoint \"Admn\" (did you mean \"Admin\"?)",
        "./shop/nano.toml:5:34: warning: services.D: the app \"auth\" has no entrypoint \"helper\" (known: Admin, tokens)",
        "2 apps, 0 errors, 2 warnings",
    ] {
        assert!(said.out.contains(text), "{text}\n{}", said.out);
    }
}

#[test]
fn check_names_a_queue_that_two_apps_take_from() {
    let files = [
        ("a/index.js", GOOD),
        ("a/nano.toml", "[queues.consumers]\njobs = {}\nmine = {}\n"),
        ("b/index.js", GOOD),
        ("b/wrangler.toml", "queues = { consumers = [\n  { queue = \"jobs\" },\n] }\n"),
    ];
    let folder = Folder::new("queues", &files);
    let said = nanod(&folder.0, &["check", "--no-compile"]);
    let expected = "./b/wrangler.toml:2:3: error: the queue \"jobs\" has a consumer already, \"a\", in ./a/nano.toml:2:1 (";
    assert!(said.code == Some(1) && said.out.contains(expected) && said.out.contains("1 error,"), "{said:?}");
}

#[test]
fn check_tells_of_a_secret_that_is_larger_than_env_has_room_for() {
    let manifest = "limits.env_entry_bytes = 64\n[secrets]\nA = { file = \"a\" }\nB = { file = \"b\" }\n";
    let (fits, large) = ("x".repeat(63), "x".repeat(64));
    let folder = Folder::new("large", &[("a/index.js", GOOD), ("a/nano.toml", manifest), ("a/a", &fits), ("a/b", &large)]);
    let said = nanod(&folder.0, &["check", "a"]);
    let expected = "a/nano.toml:4:1: error: secrets.B has 65 bytes; the limit env_entry_bytes is 64 (raise limits.env_entry_bytes)";
    assert!(said.code == Some(1) && said.out.contains(expected) && said.out.contains("1 error,"), "{said:?}");
}

#[test]
fn what_is_wrong_with_variables_for_development_counts() {
    let other = "export class Admin {}\nexport default { fetch() { return new Response(); } };\n";
    let manifest = "services.A = { app = \"a\", entrypoint = \"Admin\" }\n";
    let files =
        [("a/index.ts", other), ("a/nano.toml", ""), ("a/.dev.vars", "A=1\nhunter2\n"), ("b/index.js", GOOD), ("b/nano.toml", manifest)];
    let folder = Folder::new("dev-vars", &files);
    let expected = "a/.dev.vars:2:1: error: the line has no =";
    for words in [&["check", "--no-compile"][..], &["check"]] {
        let said = nanod(&folder.0, words);
        let once = said.out.matches(expected).count() == 1 && said.err.is_empty() && !said.out.contains("hunter2");
        assert!(said.code == Some(1) && once && said.out.contains("1 error,"), "{words:?}: {said:?}");
    }
    let said = nanod(&folder.0, &["check", "--json"]);
    assert!(said.out.contains("\"line\":2") && said.out.contains("\"errors\":1") && said.err.is_empty(), "{said:?}");
    for words in [&["types", "a"][..], &["types", "a", "--check"], &["run", "a", "-r", "/"]] {
        let said = nanod(&folder.0, words);
        assert!(said.code == Some(1) && said.err.contains(expected) && !said.err.contains("hunter2"), "{words:?}: {said:?}");
    }
    assert!(!folder.0.join("a/worker-configuration.d.ts").exists());
}

#[test]
fn a_secret_that_an_app_of_wranglers_requires_and_nobody_gives_is_told() {
    let manifest = "vars = { A = \"1\" }\n[secrets]\nrequired = [\"A\", \"KEY\", \"LOCAL\"]\n";
    let folder = Folder::new("required", &[("a/index.js", GOOD), ("a/wrangler.toml", manifest), ("a/.dev.vars", "LOCAL=x\n")]);
    let expected = "a/wrangler.toml:3:1: warning: the secret KEY is required, and nothing gives it (";
    for words in [&["check", "a"][..], &["check", "a", "--no-compile"]] {
        let said = nanod(&folder.0, words);
        assert!(said.code == Some(0) && said.out.contains(expected) && said.out.contains("1 warning\n"), "{words:?}: {said:?}");
    }
    let said = nanod(&folder.0, &["run", "a", "-r", "/"]);
    assert!(said.code == Some(0) && said.err.matches("is required").count() == 1 && said.err.contains(expected), "{said:?}");
    let said = nanod(&folder.0, &["run", "a", "-r", "/", "--var", "KEY=x"]);
    assert!(said.code == Some(0) && !said.err.contains("is required"), "{said:?}");
}

#[test]
fn check_gives_a_name_to_who_would_have_it() {
    let folder = Folder::new("case", &[("SHOP/index.js", GOOD), ("shop/index.js", GOOD)]);
    let said = nanod(&folder.0, &["check", ".", "--no-compile"]);
    assert!(said.code == Some(1) && said.out.contains("./SHOP: error: "), "{said:?}");
}
