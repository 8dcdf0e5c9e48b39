//! The site that tests fetch from: the files of the tree.

use std::fs;
use std::path::Path;

use nano_core::{Body, CallResponse, Headers, ResponseHead};

/// The origin that all tests are on.
pub const ORIGIN: &str = "http://web-platform.test:8000";

/// The one program of WPT's server that is here too: it gives back what was posted to it.
pub const ECHO: &str = "http://web-platform.test:8000/fetch/api/resources/echo-content.py";

/// What `.sub.` files have in double braces.
const SUBSTITUTIONS: [(&str, &str); 14] = [
    ("{{host}}", "web-platform.test"),
    ("{{hosts[][]}}", "web-platform.test"),
    ("{{hosts[alt][]}}", "not-web-platform.test"),
    ("{{domains[]}}", "web-platform.test"),
    ("{{domains[www]}}", "www.web-platform.test"),
    ("{{domains[www1]}}", "www1.web-platform.test"),
    ("{{domains[www2]}}", "www2.web-platform.test"),
    ("{{ports[http][0]}}", "8000"),
    ("{{ports[http][1]}}", "8001"),
    ("{{ports[https][0]}}", "8443"),
    ("{{ports[https][1]}}", "8444"),
    ("{{ports[ws][0]}}", "8666"),
    ("{{ports[wss][0]}}", "8667"),
    ("{{ports[h2][0]}}", "9000"),
];

/// A template with its values.
pub fn substitute(text: &str) -> String {
    SUBSTITUTIONS.iter().fold(text.to_string(), |text, (name, value)| text.replace(name, value))
}

/// Where WPT's own server finds a file.
pub fn rewritten(path: &str) -> &str {
    if path == "resources/WebIDLParser.js" { "resources/webidl2/lib/webidl2.js" } else { path }
}

/// Answers a GET.
pub fn answer(root: &Path, url: &str) -> CallResponse {
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else { return status(404) };
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let path = rewritten(path.split(['?', '#']).next().unwrap_or_default());
    let Ok(file) = root.join(path).canonicalize() else { return status(404) };
    let inside = root.canonicalize().is_ok_and(|root| file.starts_with(root));
    if !inside || !file.is_file() {
        return status(404);
    }
    if path.ends_with(".py") {
        return status(501);
    }
    let Ok(mut body) = fs::read(&file) else { return status(404) };
    if path.contains(".sub.") {
        body = substitute(&String::from_utf8_lossy(&body)).into_bytes();
    }
    let mut headers = Headers::new();
    let more = fs::read_to_string(format!("{}.headers", file.display())).unwrap_or_default();
    for line in more.lines() {
        if let Some((name, value)) = line.split_once(':') {
            let _ = headers.push(name.as_bytes(), value.as_bytes());
        }
    }
    if headers.value(b"content-type").is_none() {
        let _ = headers.push(b"Content-Type", content_type(path).as_bytes());
    }
    let body = if body.is_empty() { Body::None } else { Body::Whole(body) };
    CallResponse { head: ResponseHead { status: 200, status_text: "OK".into(), headers }, body }
}

fn status(status: u16) -> CallResponse {
    CallResponse { head: ResponseHead { status, ..ResponseHead::default() }, body: Body::None }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" | "htm" => "text/html",
        "js" | "mjs" => "text/javascript",
        "json" => "application/json",
        "txt" | "idl" => "text/plain",
        "css" => "text/css",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_the_tree_is_served() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        assert_eq!(answer(&root, "http://web-platform.test:8000/main.rs").head.status, 200);
        assert_eq!(answer(&root, "http://web-platform.test:8000/../Cargo.toml").head.status, 404);
        assert_eq!(answer(&root, "http://web-platform.test:8000/none.txt").head.status, 404);
    }
}
