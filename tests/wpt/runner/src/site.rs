//! The site that tests fetch from: the files of the tree.

use std::fs;
use std::path::Path;

use crate::programs::{Reply, Request};

/// The origin that all tests are on.
pub const ORIGIN: &str = "http://web-platform.test:8000";

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

/// Where WPT's own server finds a file, or where the package of the tests has it.
pub fn rewritten(path: &str) -> &str {
    match path {
        "resources/WebIDLParser.js" => "resources/webidl2/lib/webidl2.js",
        "wasm/incrementer.wasm" => "wasm/webapi/resources/incrementer.wasm",
        path => path,
    }
}

/// Answers with a file, and what `?pipe=` does to it.
pub fn serve(root: &Path, request: &Request) -> Reply {
    let path = rewritten(&request.path);
    let Ok(file) = root.join(path).canonicalize() else { return Reply::status(404) };
    let inside = root.canonicalize().is_ok_and(|root| file.starts_with(root));
    if !inside || !file.is_file() {
        return Reply::status(404);
    }
    if path.ends_with(".py") {
        return Reply::status(501);
    }
    let Ok(mut body) = fs::read(&file) else { return Reply::status(404) };
    if path.ends_with(".asis") {
        return as_it_is(&body);
    }
    if path.contains(".sub.") {
        body = substitute(&String::from_utf8_lossy(&body)).into_bytes();
    }
    let mut reply = Reply { status: 200, text: "OK".into(), body, ..Reply::default() };
    let more = fs::read_to_string(format!("{}.headers", file.display())).unwrap_or_default();
    reply.headers.extend(more.lines().filter_map(header_line));
    if !reply.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(b"content-type")) {
        reply = reply.with("Content-Type", content_type(path));
    }
    request.query.text("pipe").unwrap_or_default().split('|').fold(reply, piped)
}

fn header_line(line: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    line.split_once(':').map(|(name, value)| (name.trim().into(), value.trim_matches([' ', '\t']).into()))
}

/// A file that is a whole response, as it is.
fn as_it_is(file: &[u8]) -> Reply {
    let text: String = file.iter().map(|byte| char::from(*byte)).collect();
    let text = text.replace("\r\n", "\n");
    let (head, body) = text.split_once("\n\n").unwrap_or((text.trim_end_matches('\n'), ""));
    let mut lines = head.split('\n');
    let mut words = lines.next().unwrap_or_default().splitn(3, ' ').skip(1);
    let status = words.next().and_then(|code| code.parse().ok()).unwrap_or(0);
    let text = words.next().unwrap_or_default().to_string();
    let body = body.chars().map(|char| char as u8).collect();
    Reply { status, text, headers: lines.filter_map(header_line).collect(), body, ..Reply::default() }
}

/// One function of `?pipe=`: `header(name,value)`, `header(name,value,True)` or `status(code)`.
fn piped(mut reply: Reply, function: &str) -> Reply {
    let (name, arguments) = function.strip_suffix(')').and_then(|call| call.split_once('(')).unwrap_or_default();
    let mut arguments = arguments.splitn(3, ',');
    let (first, second) = (arguments.next().unwrap_or_default(), arguments.next().unwrap_or_default());
    match name {
        "header" => {
            if arguments.next() != Some("True") {
                reply.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(first.as_bytes()));
            }
            reply.with(first, second)
        }
        "status" => Reply { status: first.parse().unwrap_or(0), text: String::new(), ..reply },
        _ => reply,
    }
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

    fn get(path: &str, query: &str) -> Reply {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let (method, headers) = ("GET".into(), nano_core::Headers::new());
        let query = crate::query::Query::parse(query);
        serve(&root, &Request { method, path: path.into(), query, headers, body: Vec::new() })
    }

    #[test]
    fn nothing_outside_the_tree_is_served() {
        assert_eq!(get("main.rs", "").status, 200);
        assert_eq!(get("../Cargo.toml", "").status, 404);
        assert_eq!(get("none.txt", "").status, 404);
    }

    #[test]
    fn pipes_change_status_and_headers() {
        let reply = get("main.rs", "pipe=status(203)|header(content-type,a/b)|header(x,y)|header(x,z,True)");
        assert_eq!(reply.status, 203);
        let headers: Vec<(&[u8], &[u8])> = reply.headers.iter().map(|(name, value)| (name.as_slice(), value.as_slice())).collect();
        assert_eq!(headers, [(b"content-type".as_slice(), b"a/b".as_slice()), (b"x", b"y"), (b"x", b"z")]);
    }

    #[test]
    fn a_response_is_served_as_it_is() {
        let reply = as_it_is(b"HTTP/1.1 280 HELLO\na: 1\na: \t\n\nbody\n");
        assert_eq!((reply.status, reply.text.as_str(), reply.body.as_slice()), (280, "HELLO", b"body\n".as_slice()));
        assert_eq!(reply.headers, [(b"a".to_vec(), b"1".to_vec()), (b"a".to_vec(), Vec::new())]);
    }
}
