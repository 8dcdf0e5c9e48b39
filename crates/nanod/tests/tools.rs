//! nanod's tools as people use them: arguments in, text and exit codes out.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A folder of the test's own, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let folder = std::env::temp_dir().join(format!("nanod-tools-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        let folder = Self(folder);
        files.iter().for_each(|(file, text)| folder.write(file, text));
        folder
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap_or_default()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a command said.
#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

fn nanod(within: &Path, words: &[&str]) -> Said {
    nanod_with(within, words, "")
}

fn nanod_with(within: &Path, words: &[&str], input: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_nanod"))
        .args(words)
        .current_dir(within)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("nanod starts");
    // A command that does not read it may have ended.
    let _ = child.stdin.take().expect("a pipe").write_all(input.as_bytes());
    let output = child.wait_with_output().expect("nanod ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

const GOOD: &str = "export default { fetch() { return new Response('ok'); } };\n";

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
    assert_eq!(nanod(&folder.0, &["check", "nowhere"]).code, Some(1));
    assert!(nanod(&folder.0, &["check", "a", "-q"]).out.is_empty());
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

const TOOL: &str = "interface A { n: number }
console.log('begun');
export const add = (a: number, b: number): number => a + b;
export const things = () => new Map<string, unknown>([['date', new Date(0)], ['nothing', undefined], ['set', new Set([1])]]);
export function fail(): number {
  const a: A | undefined = undefined;
  return a!.n;
}
export default {
  async fetch(request: Request, env: { WHO: string }): Promise<Response> {
    if (request.url.endsWith('/fail')) fail();
    const body = { method: request.method, url: request.url, kind: request.headers.get('x-kind'), who: env.WHO, body: await request.text() };
    return Response.json(body, { status: 201, headers: { 'x-out': 'yes' } });
  },
};
";

#[test]
fn run_calls_a_function_and_prints_json() {
    let folder = Folder::new("call", &[("tool.ts", TOOL)]);
    let said = nanod(&folder.0, &["run", "tool.ts", "--call", "add", "--arg", "1", "--arg", "2.5"]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "3.5\n", "tool: begun\n"));
    let said = nanod(&folder.0, &["run", "tool.ts", "--call", "things"]);
    assert_eq!(said.out, "{\"date\":\"1970-01-01T00:00:00.000Z\",\"nothing\":null,\"set\":[1]}\n");
}

#[test]
fn run_sends_a_request_and_prints_the_body_alone() {
    let folder = Folder::new("request", &[("tool.ts", TOOL)]);
    let words = ["run", "tool.ts", "-r", "/a?b", "-X", "PUT", "-H", "X-Kind: k", "-d", "-", "--var", "WHO=me", "-v"];
    let said = nanod_with(&folder.0, &words, "from outside");
    let expected = r#"{"method":"PUT","url":"http://localhost/a?b","kind":"k","who":"me","body":"from outside"}"#;
    assert_eq!((said.code, said.out.as_str()), (Some(0), expected));
    assert!(said.err.contains("201 Created\n") && said.err.contains("x-out: yes\n"), "{}", said.err);
    let said = nanod(&folder.0, &["run", "tool.ts", "-r", "http://x/", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&said.out).expect("JSON");
    assert_eq!(json["status"], 201);
}

#[test]
fn run_fails_with_the_place_in_what_was_written() {
    let folder =
        Folder::new("fail", &[("tool.ts", TOOL), ("loop.js", "export default { fetch() { for (;;); } };"), ("bad.ts", "export let = ;")]);
    for words in [["--call", "fail"], ["-r", "/fail"]] {
        let said = nanod(&folder.0, &[&["run", "tool.ts"], &words[..]].concat());
        assert!(said.code == Some(1) && said.out.is_empty(), "{said:?}");
        assert!(said.err.contains("at fail (tool.ts:7:13)") && said.err.contains("> 7 |   return a!.n;\n"), "{}", said.err);
        assert_eq!(said.err.matches("Cannot read properties").count(), 1, "{}", said.err);
        assert!(!said.err.contains("nano:"), "{}", said.err);
    }
    let said = nanod(&folder.0, &["run", "loop.js", "-r", "/", "--cpu", "20ms"]);
    assert!(said.code == Some(1) && said.err.contains("more than 20 ms of CPU"), "{said:?}");
    let said = nanod(&folder.0, &["run", "bad.ts"]);
    assert!(said.code == Some(1) && said.err.contains("bad.ts:1:12"), "{said:?}");
    for (words, reason) in
        [(&["run", "nowhere.ts"][..], "nowhere.ts"), (&["run", "tool.ts", "--call", "nope"], "exports no function 'nope'")]
    {
        let said = nanod(&folder.0, words);
        assert!(said.code == Some(1) && said.err.contains(reason), "{said:?}");
    }
}

#[test]
fn run_waits_for_what_a_module_starts() {
    let script = "setTimeout(() => { console.log('one'); setTimeout(() => console.log('two'), 1); }, 1);\nexport {};\n";
    let folder = Folder::new(
        "wait",
        &[("script.js", script), ("app.js", &format!("{script}{GOOD}")), ("never.js", "setInterval(() => {}, 1); export {};")],
    );
    for file in ["script.js", "app.js"] {
        let said = nanod(&folder.0, &["run", file]);
        let name = file.strip_suffix(".js").unwrap();
        assert_eq!((said.code, said.out.as_str(), said.err), (Some(0), "", format!("{name}: one\n{name}: two\n")), "{file}");
    }
    let said = nanod(&folder.0, &["run", "never.js", "--timeout", "100ms"]);
    assert!(said.code == Some(1) && said.err.contains("100 ms"), "{said:?}");
}

#[test]
fn new_makes_apps_that_work_at_once() {
    let folder = Folder::new("new", &[]);
    for template in ["plain", "typescript", "websocket"] {
        let dir = format!("My {template}");
        let said = nanod(&folder.0, &["new", &dir, "-t", template]);
        assert!(said.code == Some(0) && said.out.contains(&format!("nanod dev 'My {template}'")), "{said:?}");
        let said = nanod(&folder.0, &["check", &dir, "--strict"]);
        assert_eq!((said.code, said.out.as_str()), (Some(0), "1 app, 0 errors, 0 warnings\n"), "{said:?}");
        assert!(folder.read(&format!("{dir}/nano.toml")).starts_with(&format!("name = \"my-{template}\"\n")));
    }
    assert_eq!(nanod(&folder.0, &["run", "My plain", "-r", "/"]).out, "Hello from my-plain\n");
    assert_eq!(nanod(&folder.0, &["run", "My typescript", "-r", "/?name=Ada"]).out, "Hello, Ada\n");
    let page = nanod(&folder.0, &["run", "My websocket", "-r", "/"]).out;
    assert!(page.contains("<title>my-websocket</title>"), "{page}");
    // The types are those that "nanod types" makes.
    assert_eq!(nanod(&folder.0, &["types", "My typescript", "--check"]).code, Some(0));
}

#[test]
fn new_overwrites_nothing() {
    let folder = Folder::new("overwrite", &[("app/index.js", "mine"), ("beside/README.md", "mine")]);
    let said = nanod(&folder.0, &["new", "app"]);
    assert!(said.code == Some(1) && said.err.contains("index.js"), "{said:?}");
    assert_eq!((folder.read("app/index.js").as_str(), folder.0.join("app/nano.toml").exists()), ("mine", false));
    assert_eq!(nanod(&folder.0, &["new", "beside"]).code, Some(0));
    assert_eq!(folder.read("beside/README.md"), "mine");
    assert_eq!(nanod(&folder.0, &["new", "..."]).code, Some(1));
}

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
        "    readonly AUTH: Service<import(\"../auth-app/src/index\").Admin>;\n",
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
