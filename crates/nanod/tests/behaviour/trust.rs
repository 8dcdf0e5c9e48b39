//! What manifests may not grant themselves.

use std::io::{Read, Write};

use crate::support::{READY, Server, kill, nanod, says};

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
fn a_secrets_file_that_is_named_from_its_app_is_granted_as_the_hint_says() {
    let mut server = Server::start("relative", &[("app/index.js", ENV), ("b/index.js", &says("b")), ("keys/key", "from beside the apps")]);
    let key = server.folder.canonicalize().unwrap().join("keys/key");
    let grant = format!("files = [\"{}\"]", key.display());
    server.write("app/nano.toml", "secrets.KEY = { file = \"../keys/key\" }\n");
    let said = server.wait_for_all(&["is not granted", "1 failed"]);
    assert!(said.contains(&format!("write {grant} below [apps.app] in nanod.toml")), "{said}");
    server.write("nanod.toml", &format!("[apps.app]\n{grant}\n"));
    server.wait_for("1 deployed");
    assert_eq!(server.ask("app.localhost", "/"), (200, "from beside the apps".into()));
    // What is read decides, not what it is called.
    let secret = server.folder.join("keys/secret");
    std::fs::write(&secret, "of somebody else").unwrap();
    std::fs::remove_file(&key).unwrap();
    std::os::unix::fs::symlink("secret", &key).unwrap();
    let said = server.wait_for_all(&["outside the app's folder", "1 failed"]);
    assert!(said.contains("keys/secret"), "{said}");
    assert_eq!(server.ask("app.localhost", "/"), (200, "from beside the apps".into()));
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

#[test]
fn a_stranger_named_src_is_an_app_like_any_other() {
    let files = [("nanod.toml", "strangers = true\n"), ("bank/index.js", &*says("the bank")), ("bank/private.txt", "secret")];
    let mut server = Server::start("src", &files);
    server.write("src/nano.toml", "default = true\n");
    server.write("src/index.js", "import secret from '../bank/private.txt';\nexport default { fetch: () => new Response(secret) };\n");
    server.wait_for("is not granted");
    server.write("src/nano.toml", "");
    server.wait_for("1 failed");
    server.write("src/index.js", &says("another"));
    server.wait_for("1 deployed");
    assert_eq!((server.ask("bank.localhost", "/").1, server.ask("src.localhost", "/").1), ("the bank".into(), "another".into()));
    assert_eq!(server.ask("anything.test", "/").0, 404);
    server.write("index.js", &says("everything"));
    server.wait_for("it is not served: this is a folder of apps");
    // A worker that begins by now, or another nanod, takes `src` for nothing else.
    std::fs::remove_file(server.folder.join("index.js")).unwrap();
    let folder = std::mem::take(&mut server.folder);
    drop(server);
    let mut server = Server::run(nanod(&folder, &[]), folder);
    server.await_ready(READY);
    assert_eq!((server.ask("bank.localhost", "/").1, server.ask("anything.test", "/").0), ("the bank".into(), 404));
}

#[test]
fn a_stranger_whose_neighbours_have_gone_does_not_answer_for_them() {
    let files = [
        ("nanod.toml", "strangers = true\n[apps.bank]\nroutes = [\"bank.test\"]\n"),
        ("thief/index.js", &*says("a thief")),
        ("bank/index.js", &*says("the bank")),
        ("bank/nano.toml", "routes = [\"bank.test\"]\n"),
    ];
    let mut server = Server::start("alone", &files);
    assert_eq!(server.ask("bank.test", "/"), (200, "the bank".into()));
    std::fs::remove_dir_all(server.folder.join("bank")).unwrap();
    server.wait_for("1 removed");
    assert_eq!((server.ask("bank.test", "/").0, server.ask("thief.localhost", "/").0), (404, 200));
}

#[test]
fn an_app_whose_neighbour_cannot_be_deployed_is_not_alone() {
    let mut server = Server::start("not-alone", &[("a/index.js", &*says("a")), ("b/nano.toml", "nonsense = 1\n")]);
    assert_eq!((server.ask("a.localhost", "/").0, server.ask("b.test", "/").0), (200, 404));
    std::fs::remove_dir_all(server.folder.join("b")).unwrap();
    server.write("a/index.js", &says("alone"));
    server.wait_for("1 deployed");
    assert_eq!(server.ask("b.test", "/"), (200, "alone".into()));
}

#[test]
fn a_file_of_grants_that_is_gone_for_a_while_grants_nothing() {
    let files = [
        ("nanod.toml", "strangers = true\n[apps.bank]\nroutes = [\"bank.test\"]\n"),
        ("aaa/index.js", &*says("a thief")),
        ("aaa/nano.toml", "routes = [\"other.test\"]\n"),
        ("bank/index.js", &*says("the bank")),
        ("bank/nano.toml", "routes = [\"bank.test\"]\n"),
    ];
    let mut server = Server::start("vanished", &files);
    assert_eq!(server.ask("other.test", "/").0, 404);
    let (file, aside) = (server.folder.join("nanod.toml"), server.folder.join("nanod.toml~"));
    std::fs::rename(&file, &aside).unwrap();
    server.wait_for("the file is not there any more");
    assert_eq!((server.ask("other.test", "/").0, server.ask("bank.test", "/").0), (404, 200));
    std::fs::rename(&aside, &file).unwrap();
    server.write("last/index.js", &says("last"));
    server.wait_for("1 deployed");
    assert_eq!((server.ask("other.test", "/").0, server.ask("bank.test", "/").0), (404, 200));
}

#[test]
fn a_worker_that_is_started_while_it_is_gone_does_not_serve_without_it() {
    let files = [("nanod.toml", "strangers = true\n"), ("app/index.js", &*says("app")), ("app/nano.toml", "routes = [\"other.test\"]\n")];
    let mut server = Server::with("later", &files, &["--workers", "2", "--threads", "1"]);
    let (file, aside) = (server.folder.join("nanod.toml"), server.folder.join("nanod.toml~"));
    std::fs::rename(&file, &aside).unwrap();
    let workers = server.workers();
    kill("-KILL", workers[1]);
    server.wait_for("what is granted to apps cannot be read");
    assert_eq!((server.ask("other.test", "/").0, server.ask("app.localhost", "/").0), (404, 503));
}

#[test]
fn what_is_not_granted_any_more_is_not_used_any_more() {
    let inside = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = inside.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        for stream in inside.incoming() {
            let mut stream = stream.expect("a connection");
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\ninside");
        }
    });
    let granted = format!("strangers = true\n[apps.app]\negress = [\"{address}\"]\nroutes = [\"app.test\"]\n");
    let code = format!("export default {{ async fetch() {{ return new Response(await (await fetch('http://{address}/')).text()); }} }};\n");
    let manifest = format!("routes = [\"app.test\"]\negress = {{ default = \"deny\", allow = [\"{address}\"] }}\n");
    let files = [("nanod.toml", &*granted), ("app/index.js", &code), ("app/nano.toml", &manifest), ("b/index.js", &says("b"))];
    let mut server = Server::start("taken-back", &files);
    assert_eq!(server.ask("app.test", "/"), (200, "inside".into()));
    server.write("nanod.toml", "strangers = true\n[apps.app]\nroutes = [\"app.test\"]\n");
    let said = server.wait_for_all(&["app: out of service, for it uses what is not granted any more", "1 failed"]);
    assert!(!said.contains("goes on"), "{said}");
    let (status, body) = server.ask("app.localhost", "/");
    assert!(status == 503 && body.contains("NOT_DEPLOYED"), "{status} {body}");
    assert_eq!(server.ask("app.test", "/").0, 404, "nor has it its routes");
    server.write("nanod.toml", &granted);
    server.wait_for("1 deployed");
    assert_eq!(server.ask("app.test", "/"), (200, "inside".into()));
}

#[test]
fn apps_trust_the_certificates_that_the_operator_names() {
    let place = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/tls");
    let (chain, key) = (format!("{place}/one.pem"), format!("{place}/one.key"));
    let secure = Server::with("vouched-for", &[("app/index.js", &says("by TLS"))], &["--tls-cert", &chain, "--tls-key", &key]);
    let code = format!(
        "export default {{ async fetch() {{
            return new Response(await fetch('https://{}/').then((answer) => answer.text(), (error) => error.message));
        }} }};\n",
        secure.address
    );
    let manifest = format!("egress = {{ default = \"deny\", allow = [\"{}\"] }}\n", secure.address);
    let files = [("app/index.js", code.as_str()), ("app/nano.toml", &manifest)];
    let roots = format!("file:{place}/authority.pem");
    let trusting = Server::with("trusting", &files, &["--trust", "--roots", &roots, "--workers", "2"]);
    assert_eq!(trusting.ask("app.localhost", "/"), (200, "by TLS".into()));
    let (_, said) = Server::with("distrusting", &files, &["--trust"]).ask("app.localhost", "/");
    assert!(said.contains("UnknownIssuer"), "{said}");
    let mut wrong = Server::begin("no-roots", &files, &["--roots", "file:/nowhere.pem"]);
    let (code, said) = wrong.end();
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("the root certificates of /nowhere.pem cannot be read"), "{said}");
}
