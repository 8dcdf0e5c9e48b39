//! What is in the folder of apps, and what becomes of it.

use std::fs;
use std::os::unix::fs::symlink;

use nano_base::limits::UNLOADS_AT_ONCE;

use crate::support::{READY, Server, folder, nanod, says};

#[test]
fn every_app_answers_by_its_name() {
    let files = [("my_app/index.js", &*says("underscore")), ("api.v2/index.js", &says("dot")), ("two words/index.js", &says("none"))];
    let mut server = Server::begin("names", &files, &[]);
    let said = server.await_ready(READY);
    assert!(said.contains("two words: error: the folder's name: ' ' cannot be in an app's name"), "{said}");
    assert!(said.contains("2 apps on ") && !said.contains("http://two"), "{said}");
    assert_eq!(server.ask("my_app.localhost", "/"), (200, "underscore".into()));
    assert_eq!(server.ask("API.v2.localhost", "/"), (200, "dot".into()));
}

#[test]
fn a_link_to_the_folder_of_apps_is_followed_when_it_is_switched() {
    let releases = folder("switched", &[("1/a/index.js", &says("first")), ("2/a/index.js", &says("second"))]);
    let link = releases.join("current");
    symlink("1", &link).unwrap();
    let mut server = Server::run(nanod(&link, &[]), releases.clone());
    server.await_ready(READY);
    assert_eq!(server.ask("a.localhost", "/"), (200, "first".into()));
    symlink("2", releases.join("new")).unwrap();
    fs::rename(releases.join("new"), &link).unwrap();
    server.wait_for("1 deployed");
    assert_eq!(server.ask("a.localhost", "/"), (200, "second".into()));
    server.write("2/b/index.js", &says("b"));
    server.wait_for("1 deployed");
    assert_eq!(server.ask("b.localhost", "/"), (200, "b".into()));
}

#[test]
fn a_folder_with_its_code_in_src_is_one_app_whenever_that_comes() {
    let mut server = Server::begin("source", &[("readme.md", "")], &[]);
    assert!(server.await_ready(READY).contains("there is no app in it"));
    server.write("src/index.ts", &says("first"));
    server.wait_for("1 deployed");
    assert_eq!(server.ask("anything.test", "/"), (200, "first".into()));
    // Neither a reload nor what comes beside it makes something else of it; nor does a start.
    server.write("src/index.ts", &says("second"));
    server.wait_for("1 deployed");
    server.signal("-HUP");
    assert_eq!(server.ask("anything.test", "/"), (200, "second".into()));
    server.write("other/index.js", &says("other"));
    server.wait_for("1 deployed");
    assert_eq!(server.ask("anything.test", "/"), (200, "second".into()), "it is alone, whatever is in its folder");
    fs::remove_dir_all(server.folder.join("other")).unwrap();
    let folder = std::mem::take(&mut server.folder);
    let name = folder.file_name().unwrap().to_str().unwrap().to_string();
    drop(server);
    let mut again = Server::run(nanod(&folder, &[]), folder);
    let said = again.await_ready(READY);
    assert!(said.contains(&format!("http://{name}.localhost")), "{said}");
    assert_eq!(again.ask("anything.test", "/"), (200, "second".into()));
}

#[test]
fn a_folder_that_has_become_one_app_does_not_grant_itself_anything() {
    let mut server = Server::begin("own-grants", &[("readme.md", "")], &[]);
    server.await_ready(READY);
    server.write("index.js", &says("app"));
    server.wait_for("1 deployed");
    server.write("nanod.toml", &format!("[apps.\"{}\"]\ntrust = true\n", server.folder.file_name().unwrap().to_str().unwrap()));
    server.write("nano.toml", "code_generation = true\n");
    server.wait_for("is not granted");
}

#[test]
fn apps_that_exchange_their_names_are_both_deployed_and_lose_no_request() {
    let slow = |text: &str| {
        format!(
            "export default {{ async fetch(request) {{ if (request.url.endsWith('/slow')) {{ console.log('begun'); await scheduler.wait(300); }} return new Response('{text}'); }} }};\n"
        )
    };
    let named = |name: &str| format!("name = \"{name}\"\nroutes = [\"{name}.test\"]\n");
    let files = [("x/index.js", &*slow("x")), ("x/nano.toml", &*named("a")), ("y/index.js", &*slow("y")), ("y/nano.toml", &*named("b"))];
    let mut server = Server::start("exchange", &files);
    for round in 0..4 {
        let (of_x, of_y, before) = if round % 2 == 0 { ("b", "a", "x") } else { ("a", "b", "y") };
        let mut under_way = server.send("a.test", "/slow");
        server.wait_for("begun");
        server.write("x/nano.toml", &named(of_x));
        server.write("y/nano.toml", &named(of_y));
        // Until both have the other's name each answers as it did; none fails in between.
        loop {
            let answers = ["a.test", "b.test", "a.localhost", "b.localhost"].map(|host| server.ask(host, "/"));
            assert!(answers.iter().all(|(status, _)| *status == 200), "{answers:?}");
            if answers[3].1 == before {
                break;
            }
        }
        let answers = ["a.test", "a.localhost", "b.test", "b.localhost"].map(|host| server.ask(host, "/").1);
        let after = if before == "x" { "y" } else { "x" };
        assert_eq!(answers, [after, after, before, before], "round {round}");
        assert_eq!(crate::support::read(&mut under_way), (200, before.into()), "what was begun ends where it was");
        let said = server.read_to_any(&["deployed, "]);
        assert!(said.contains("2 deployed, 0 failed") && !said.contains("taken"), "{said}");
    }
    // One that does not start keeps both as they are, and is tried again with the other when it is mended.
    server.write("y/index.js", "syntax error");
    server.write("x/nano.toml", &named("b"));
    server.write("y/nano.toml", &named("a"));
    server.wait_for_all(&["0 deployed, 2 failed", "it is deployed together with "]);
    assert_eq!(["a.test", "b.test"].map(|host| server.ask(host, "/").1), ["x", "y"]);
    server.write("y/index.js", &slow("mended"));
    server.wait_for("2 deployed, 0 failed");
    assert_eq!(["a.test", "b.test"].map(|host| server.ask(host, "/").1), ["mended", "x"]);
}

#[test]
fn folders_that_go_at_once_make_few_threads() {
    let hangs = "export default { async fetch() { console.log('begun'); await scheduler.wait(60_000); return new Response(''); } };\n";
    let apps = UNLOADS_AT_ONCE + 16;
    let names: Vec<String> = (0..apps).map(|number| format!("app{number}")).collect();
    let files: Vec<String> = names.iter().map(|name| format!("{name}/index.js")).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|file| (file.as_str(), hangs)).collect();
    let mut server = Server::start("many-go", &files);
    let _asked: Vec<_> = names.iter().map(|name| server.send(&format!("{name}.localhost"), "/")).collect();
    names.iter().for_each(|_| drop(server.wait_for("begun")));
    names.iter().for_each(|name| fs::remove_dir_all(server.folder.join(name)).unwrap());
    let mut gone = 0;
    while gone < apps {
        let line = server.wait_for(" removed");
        gone += line.trim_end().trim_end_matches(" removed").rsplit(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    }
    let tasks = fs::read_dir(format!("/proc/{}/task", server.child.id())).unwrap();
    let names = tasks.flatten().filter_map(|task| fs::read_to_string(task.path().join("comm")).ok());
    let threads = names.filter(|name| name.trim_end() == "nanod-unload").count();
    assert!((1..=UNLOADS_AT_ONCE + 1).contains(&threads), "{threads} threads");
}
