//! What an app is given by the files of its folder, and what it cannot have.

use std::process::{Command, Stdio};

use crate::support::{READY, Server, folder, says};

/// Says what it was given.
const TELLS: &str =
    "export default { fetch(request, env) { return Response.json({ GREETING: env.GREETING, KEY: env.KEY, LEVEL: env.LEVEL }); } };\n";
const MANIFEST: &str = "[vars]\nGREETING = \"hello\"\nLEVEL = { at = [3] }\n\n[env.staging.vars]\nGREETING = \"hello, staging\"\n";
const FILES: &[(&str, &str)] = &[
    ("app/index.js", TELLS),
    ("app/nano.toml", MANIFEST),
    ("app/.dev.vars", "GREETING=hello, you\nKEY=mine\n"),
    ("app/.dev.vars.staging", "KEY=mine for staging\nLEVEL=4\n"),
];

/// What the app tells that is served by this command.
fn told(name: &str, command: &str, arguments: &[&str]) -> serde_json::Value {
    let folder = folder(name, FILES);
    let mut nanod = Command::new(env!("CARGO_BIN_EXE_nanod"));
    nanod.args([command, "--listen", "127.0.0.1:0"]).args(arguments).arg(&folder).stdin(Stdio::null());
    let mut server = Server::run(nanod, folder);
    server.await_ready(READY);
    let (status, body) = server.ask("app.localhost", "/");
    assert_eq!(status, 200, "{body}");
    serde_json::from_str(&body).expect("JSON")
}

#[test]
fn variables_for_development_are_laid_over_those_of_the_manifest() {
    assert_eq!(told("dev-vars", "dev", &[]), serde_json::json!({ "GREETING": "hello, you", "KEY": "mine", "LEVEL": { "at": [3] } }));
    let staging = serde_json::json!({ "GREETING": "hello, staging", "KEY": "mine for staging", "LEVEL": "4" });
    assert_eq!(told("dev-vars-staging", "dev", &["--env", "staging"]), staging);
}

#[test]
fn what_serves_others_has_none_of_them() {
    assert_eq!(told("no-dev-vars", "serve", &["--no-admin"]), serde_json::json!({ "GREETING": "hello", "LEVEL": { "at": [3] } }));
}

#[test]
fn an_environment_is_chosen_by_its_name() {
    let staging = serde_json::json!({ "GREETING": "hello, staging", "LEVEL": { "at": [3] } });
    assert_eq!(told("staging", "serve", &["--no-admin", "--env", "staging"]), staging);
}

#[test]
fn connections_by_a_host_are_refused_where_there_is_none() {
    let manifest = "egress.default = \"host\"\n";
    let mut server = Server::begin("host", &[("app/index.js", &says("app")), ("app/nano.toml", manifest), ("b/index.js", &says("b"))], &[]);
    let mut said = server.await_ready(READY);
    let expected = "/app: nano.toml: egress.default = \"host\" is for programs that embed NANO";
    // What is wrong and what serves are said apart, in whatever order.
    if !said.contains(expected) {
        said = server.wait_for(expected);
    }
    assert!(said.lines().any(|line| line.starts_with("error: ") && line.contains(expected)), "{said}");
    let (status, body) = server.ask("app.localhost", "/");
    assert!(status == 503 && body.contains("NOT_DEPLOYED"), "{status} {body}");
    assert_eq!(server.ask("b.localhost", "/"), (200, "b".into()));
    // Whoever checks it before hears the same.
    let mut check = Command::new(env!("CARGO_BIN_EXE_nanod"));
    let output = check.arg("check").arg(&server.folder).output().expect("nanod runs");
    let said = String::from_utf8(output.stdout).expect("text");
    assert!(output.status.code() == Some(1) && said.contains("nano.toml: egress.default = \"host\""), "{said}");
}

#[test]
fn an_app_is_served_without_a_secret_that_it_requires_and_that_is_told() {
    let manifest = "[secrets]\nrequired = [\"KEY\"]\n";
    let mut server = Server::begin("required", &[("app/index.js", TELLS), ("app/wrangler.toml", manifest)], &[]);
    let said = server.await_ready(READY);
    let expected = "wrangler.toml:2:1: warning: the secret KEY is required, and nothing gives it";
    // What is wrong and what serves are said apart, in whatever order.
    if !said.contains(expected) {
        server.wait_for(expected);
    }
    assert_eq!(server.ask("app.localhost", "/"), (200, "{}".into()));
}
