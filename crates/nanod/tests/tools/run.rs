//! `nanod run`.

use std::process::Command;

use crate::{Folder, GOOD, nanod, nanod_with};

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
    folder.write("body.txt", "of a file");
    let said = nanod(&folder.0, &["run", "tool.ts", "-r", "/", "-d", "@body.txt"]);
    assert!(said.out.contains(r#""method":"POST""#) && said.out.contains(r#""body":"of a file""#), "{said:?}");
    let said = nanod(&folder.0, &["run", "tool.ts", "-r", "/", "-d", "@nowhere"]);
    assert!(said.code.is_some_and(|code| code > 0) && said.err.contains("cannot read nowhere"), "{said:?}");
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
    for (words, code, reason) in
        [(&["run", "nowhere.ts"][..], 3, "nowhere.ts"), (&["run", "tool.ts", "--call", "nope"], 1, "exports no function 'nope'")]
    {
        let said = nanod(&folder.0, words);
        assert!(said.code == Some(code) && said.err.contains(reason), "{said:?}");
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
fn run_fails_if_nobody_catches_what_a_module_throws_and_lets_the_rest_end() {
    let then = "setTimeout(() => console.log('the rest'), 2);";
    for (name, throws, line) in [
        ("rejects", "Promise.reject(new Error('lost'));", "Uncaught Error: lost"),
        ("later", "setTimeout(() => { throw new TypeError('late'); }, 1);", "Uncaught TypeError: late"),
        ("rejects-later", "setTimeout(async () => { throw 'text'; }, 1);", "text"),
    ] {
        let folder = Folder::new(name, &[("script.js", &format!("{throws}\n{then}\nexport {{}};\n"))]);
        let said = nanod(&folder.0, &["run", "script.js"]);
        assert!(said.code == Some(1) && said.err.contains(line) && said.err.contains("script: the rest"), "{name}: {said:?}");
    }
    let caught =
        "import process from 'node:process'; process.on('unhandledRejection', (e) => console.log('caught', e)); Promise.reject('it');";
    let folder = Folder::new("caught", &[("script.js", caught)]);
    let said = nanod(&folder.0, &["run", "script.js"]);
    assert_eq!((said.code, said.err.as_str()), (Some(0), "script: caught it\n"));
}

#[test]
fn run_heeds_what_the_command_line_says_also_where_that_is_the_default() {
    let app = "export default { async fetch(request) { if (request.url.endsWith('/spin')) for (;;); await new Promise(() => setInterval(() => {}, 1000)); } };";
    let manifest = "limits = { cpu_ms = \"200ms\", wall_ms = \"1d\" }\n";
    let folder = Folder::new("default", &[("app/index.js", app), ("app/nano.toml", manifest), ("nanod.toml", "apps.app.trust = true\n")]);
    let said = nanod(&folder.0, &["run", "app", "-r", "/spin"]);
    assert!(said.code == Some(1) && said.err.contains("more than 200 ms of CPU"), "{said:?}");
    let said = nanod(&folder.0, &["run", "app", "-r", "/spin", "--cpu", "50ms"]);
    assert!(said.code == Some(1) && said.err.contains("more than 50 ms of CPU"), "{said:?}");
    let said = nanod(&folder.0, &["run", "app", "-r", "/", "--timeout", "1ms"]);
    assert!(said.code == Some(1) && said.err.contains("1 ms"), "{said:?}");
}

#[test]
fn run_takes_an_environment() {
    let app = "export default { fetch(request, env) { return new Response(`${env.A} ${env.B}`); } };";
    let files = [
        ("app/index.js", app),
        ("app/nano.toml", "vars = { A = \"outer\" }\n[env.staging.vars]\nA = \"inner\"\n"),
        ("app/.dev.vars", "B=any\n"),
        ("app/.dev.vars.staging", "B=staged\n"),
        ("tool.js", app),
    ];
    let folder = Folder::new("environment", &files);
    for (words, expected) in
        [(&["run", "app", "-r", "/"][..], "outer any"), (&["run", "app", "-r", "/", "--env", "staging"], "inner staged")]
    {
        let said = nanod(&folder.0, words);
        assert_eq!((said.code, said.out.as_str()), (Some(0), expected), "{words:?}: {said:?}");
    }
    let said = nanod(&folder.0, &["run", "app", "-r", "/", "-e", "stagin"]);
    assert!(said.code == Some(1) && said.err.contains("there is no environment \"stagin\" (did you mean \"staging\"?)"), "{said:?}");
    let said = nanod(&folder.0, &["run", "tool.js", "-r", "/", "-e", "staging"]);
    assert!(said.code == Some(1) && said.err.contains("tool.js is a file, and has no environments"), "{said:?}");
}

#[test]
fn run_tells_once_that_a_result_cannot_be_had() {
    let folder = Folder::new("result", &[("tool.js", "export function give() { return () => 1; }\n")]);
    let said = nanod(&folder.0, &["run", "tool.js", "--call", "give"]);
    assert!(said.code == Some(1) && said.err.matches("DataCloneError").count() == 1, "{said:?}");
}

#[test]
fn a_program_for_a_secret_has_no_token_of_nanods() {
    let files = [
        ("app/index.js", "export default { fetch(request, env) { return new Response(env.KEY); } };"),
        ("app/nano.toml", "secrets.KEY = { command = [\"sh\", \"-c\", \"echo ${NANOD_TOKEN-none} ${OTHER-none}\"] }\n"),
        ("nanod.toml", "apps.app.commands = true\n"),
    ];
    let folder = Folder::new("token-of", &files);
    let mut nanod = Command::new(env!("CARGO_BIN_EXE_nanod"));
    nanod.args(["run", "app", "-r", "/"]).current_dir(&folder.0).env("NANOD_TOKEN", "a-token").env("OTHER", "other");
    let output = nanod.output().expect("nanod runs");
    assert_eq!(String::from_utf8(output.stdout).expect("text"), "none other");
}
