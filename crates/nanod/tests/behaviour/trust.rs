//! What manifests may not grant themselves.

use crate::support::{Server, says};

const ENV: &str = "export default { fetch(request, env) { return new Response(env.KEY ?? 'none'); } };\n";

#[test]
fn an_app_that_asks_for_more_than_it_is_granted_is_not_deployed_until_it_is() {
    let manifest = "name = \"app\"\n\n[secrets]\nKEY = { command = [\"echo\", \"from a program\"] }\n";
    let mut server = Server::start("commands", &[("app/index.js", ENV), ("other/index.js", &says("other"))]);
    server.write("app/nano.toml", manifest);
    // They are said on two pipes.
    let said = server.wait_for_all(&["is not granted", "1 failed"]);
    assert!(said.contains("app/nano.toml:4:1") && said.contains("commands = true below [apps.app] in nanod.toml"), "{said}");
    assert_eq!(server.ask("app.localhost", "/"), (200, "none".into()), "the version before");
    server.write("nanod.toml", "[apps.app]\ncommands = true\n");
    server.wait_for("1 deployed");
    assert_eq!(server.ask("app.localhost", "/"), (200, "from a program".into()));
    server.write("nanod.toml", "[apps.app]\nnonsense = true\n");
    server.wait_for("unknown key");
    assert_eq!(server.ask("app.localhost", "/"), (200, "from a program".into()));
}

#[test]
fn what_was_never_deployed_says_so_to_its_clients() {
    let server = Server::start(
        "refused",
        &[("app/index.js", ENV), ("app/nano.toml", "code_generation = true\nroutes = [\"taken.test\"]\n"), ("b/index.js", &says("b"))],
    );
    let (status, body) = server.ask("app.localhost", "/");
    assert!(status == 503 && body.contains("NOT_DEPLOYED"), "{status} {body}");
    assert_eq!(server.ask("taken.test", "/").0, 404, "what it claims does not count");
    let server = Server::with("trusted", &[("app/index.js", ENV), ("app/nano.toml", "code_generation = true\n")], &["--trust"]);
    assert_eq!(server.ask("app.localhost", "/"), (200, "none".into()));
}

#[test]
fn a_link_in_an_apps_folder_does_not_lead_its_secrets_out_of_it() {
    let secret = std::env::temp_dir().join(format!("nanod-secret-{}", std::process::id()));
    std::fs::write(&secret, "of somebody else").unwrap();
    let mut server = Server::start("links", &[("app/index.js", ENV), ("b/index.js", &says("b"))]);
    std::os::unix::fs::symlink(&secret, server.folder.join("app/key")).unwrap();
    server.write("app/nano.toml", "secrets.KEY = { file = \"key\" }\n");
    server.wait_for("outside the app's folder");
    server.write("nanod.toml", &format!("[apps.app]\nfiles = [\"{}\"]\n", secret.display()));
    server.wait_for("1 deployed");
    assert_eq!(server.ask("app.localhost", "/"), (200, "of somebody else".into()));
    let _ = std::fs::remove_file(secret);
}

#[test]
fn strangers_do_not_take_one_anothers_hosts() {
    let files = [
        ("nanod.toml", "strangers = true\n[apps.bank]\nroutes = [\"bank.test\"]\n"),
        ("aaa/index.js", &*says("a thief")),
        ("aaa/nano.toml", "routes = [\"bank.test\"]\n"),
        ("bank/index.js", &*says("the bank")),
        ("bank/nano.toml", "routes = [\"bank.test\"]\n"),
    ];
    let server = Server::start("strangers", &files);
    assert_eq!(server.ask("bank.test", "/"), (200, "the bank".into()));
}
