//! `nanod new`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::dev::Dev;
use crate::{Folder, nanod};

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
    let written = std::fs::read_to_string(folder.0.join("My typescript/nano.d.ts")).expect("the declarations");
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../bindings/types")).expect("the package") {
        let file = file.expect("a file").path();
        if file.to_string_lossy().ends_with(".d.ts") && !file.ends_with("index.d.ts") {
            assert!(written.contains(&std::fs::read_to_string(&file).expect("text")), "{}", file.display());
        }
    }
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
fn an_app_of_hono_works_when_its_package_is_there() {
    let folder = Folder::new("new-hono", &[]);
    let said = nanod(&folder.0, &["new", "My hono", "-t", "hono"]);
    assert!(said.code == Some(0) && said.out.contains("(cd 'My hono' && npm install)\n"), "{said:?}");
    // Nobody has installed it: that is all that is wrong.
    let said = nanod(&folder.0, &["check", "My hono", "--strict"]);
    assert!(said.code == Some(1) && said.out.contains("src/index.ts:1:"), "{said:?}");
    assert!(said.out.contains("cannot import \"hono\"") && said.out.ends_with("1 app, 1 error, 0 warnings\n"), "{said:?}");
    let package: serde_json::Value = serde_json::from_str(&folder.read("My hono/package.json")).expect("JSON");
    assert_eq!((&package["name"], package["dependencies"]["hono"].is_string()), (&"my-hono".into(), true));
    // As much of it as the app uses, where npm would put it.
    folder.write("My hono/node_modules/hono/package.json", "{ \"name\": \"hono\", \"type\": \"module\", \"exports\": \"./index.js\" }\n");
    folder.write("My hono/node_modules/hono/index.js", HONO);
    let said = nanod(&folder.0, &["check", "My hono", "--strict"]);
    assert_eq!((said.code, said.out.as_str()), (Some(0), "1 app, 0 errors, 0 warnings\n"), "{said:?}");
    assert_eq!(nanod(&folder.0, &["run", "My hono", "-r", "/"]).out, "Hello from my-hono\n");
    assert_eq!(nanod(&folder.0, &["run", "My hono", "-r", "/hello/Ada"]).out.trim_end(), "{\"message\":\"Hello, Ada\"}");
}

const HONO: &str = "export class Hono {
  #routes = [];
  get(path, handler) {
    this.#routes.push([new URLPattern({ pathname: path }), handler]);
    return this;
  }
  fetch = (request, env) => {
    for (const [pattern, handler] of this.#routes) {
      const found = pattern.exec(request.url)?.pathname.groups;
      const text = (text) => new Response(text);
      if (found) return handler({ env, text, json: (value) => Response.json(value), req: { param: (name) => found[name] } });
    }
    return new Response('', { status: 404 });
  };
}
";

#[test]
fn an_app_of_websockets_answers_by_them() {
    let folder = Folder::new("new-websocket", &[]);
    assert_eq!(nanod(&folder.0, &["new", "chat", "-t", "websocket"]).code, Some(0));
    let dev = Dev::start(&folder, &[]);
    assert!(dev.ask("chat.localhost", "/", "text/html").1.contains("new WebSocket("), "its page opens one");
    let mut socket = TcpStream::connect(&dev.address).expect("a connection");
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // As a browser writes the word.
    let more = "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    write!(socket, "GET / HTTP/1.1\r\nHost: chat.localhost\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n{more}\r\n\r\n").unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        socket.read_exact(&mut byte).expect("it stays open");
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("text").to_ascii_lowercase();
    // Of the key above, in the standard's own example.
    assert!(head.starts_with("http/1.1 101 ") && head.contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="), "{head}");
    // Text and bytes, under a mask of zeros.
    socket.write_all(b"\x81\x84\0\0\0\0word\x82\x83\0\0\0\0\x01\x02\x03").unwrap();
    let mut answers = [0; 21];
    socket.read_exact(&mut answers).expect("it stays open");
    assert_eq!(&answers, b"\x81\x0eYou said: word\x82\x03\x01\x02\x03");
}
