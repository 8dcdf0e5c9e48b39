//! What the listener answers over HTTP: which apps there are, and how to talk to them.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::time::Duration;

use nano_base::limits::INSPECTOR_REQUEST_MS_MAX;
use nano_core::{Headers, ResponseHead, v8_version};
use nano_http::{h1, ws};
use serde_json::{Value, json};

use super::{Targets, protocol, session};

/// What is read at once.
const READ_BYTES: usize = 16 << 10;

/// Serves a connection to its end.
pub fn serve(mut stream: TcpStream, targets: &Targets) -> io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(INSPECTOR_REQUEST_MS_MAX)))?;
    stream.set_write_timeout(Some(Duration::from_millis(INSPECTOR_REQUEST_MS_MAX)))?;
    let mut input = Vec::new();
    loop {
        let Some(request) = read(&mut stream, &mut input)? else { return Ok(()) };
        let host = host_of(&request.head.url).to_string();
        if let Err(why) = check(&request.head.headers, &host) {
            return refuse(&mut stream, &request, 403, why);
        }
        let (path, _) = path_of(&request.head.url);
        if request.websocket {
            let Some(target) = targets.find(path.trim_start_matches('/')) else {
                return refuse(&mut stream, &request, 404, "there is no such app: /json/list has all");
            };
            let opening = match ws::Opening::read(&request.head) {
                Ok(opening) => opening,
                Err(refused) => return refuse(&mut stream, &request, refused.status(), refused.sentence()),
            };
            return match session::Session::attach(&target) {
                Ok(session) => {
                    let (head, _) = opening.accept(&Headers::new(), None, None).map_err(|_| io::ErrorKind::InvalidData)?;
                    let mut bytes = Vec::new();
                    h1::write_switch_head(&mut bytes, &head);
                    stream.write_all(&bytes)?;
                    session.run(stream, input)
                }
                Err(error) => refuse(&mut stream, &request, 503, &error.to_string()),
            };
        }
        if request.framing != h1::Framing::None || !matches!(&*request.head.method, "GET" | "HEAD") {
            return refuse(&mut stream, &request, 405, "there is nothing here but to be read");
        }
        let Some(body) = page(path, &host, targets) else {
            return refuse(&mut stream, &request, 404, "there is nothing here: /json/list has all apps");
        };
        if !answer(&mut stream, &request, 200, "application/json; charset=utf-8", &format!("{body:#}\n"), request.keep_alive)? {
            return Ok(());
        }
    }
}

/// What debuggers ask for before they attach.
fn page(path: &str, host: &str, targets: &Targets) -> Option<Value> {
    match path {
        "/json" | "/json/" | "/json/list" => Some(targets.list(host)),
        "/json/version" => Some(json!({
            "Browser": concat!("nanod/", env!("CARGO_PKG_VERSION")),
            "Protocol-Version": "1.3",
            "V8-Version": v8_version(),
        })),
        "/json/protocol" => protocol::document(),
        _ => None,
    }
}

/// The next request, or none if the client has gone or says nothing that is one.
fn read(stream: &mut TcpStream, input: &mut Vec<u8>) -> io::Result<Option<h1::Request>> {
    let (mut parser, limits) = (h1::RequestParser::new(), h1::Limits::default());
    loop {
        match parser.parse(input, h1::Scheme::Http, None, &limits) {
            Ok(Some(request)) => {
                input.drain(..request.bytes);
                return Ok(Some(request));
            }
            Ok(None) => {}
            Err(fault) => {
                let mut out = Vec::new();
                h1::write_refusal(&mut out, fault, None);
                stream.write_all(&out)?;
                return Ok(None);
            }
        }
        let mut piece = [0; READ_BYTES];
        match stream.read(&mut piece)? {
            0 => return Ok(None),
            length => input.extend_from_slice(&piece[..length]),
        }
    }
}

/// Refuses what did not come from a debugger: a name that somebody else can point here, or a page in a browser.
fn check(headers: &Headers, host: &str) -> Result<(), &'static str> {
    if !is_own_name(host) {
        return Err("debuggers ask for this by an address or localhost, and by no other name");
    }
    match headers.value(b"origin") {
        None => {}
        Some(origin) if origin.starts_with(b"devtools://") => {}
        Some(_) => return Err("pages may not ask for this"),
    }
    match headers.value(b"sec-fetch-site") {
        Some(b"cross-site" | b"same-site") => Err("pages may not ask for this"),
        _ => Ok(()),
    }
}

/// Whether a host is an address, or the one name that no resolver is asked for.
fn is_own_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    name == "localhost" || address.parse::<IpAddr>().is_ok()
}

/// Host and port of an absolute URL.
fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default()
}

/// Path and query of one.
fn path_of(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let target = rest.find('/').map_or("/", |slash| &rest[slash..]);
    target.split_once('?').unwrap_or((target, ""))
}

fn refuse(stream: &mut TcpStream, request: &h1::Request, status: u16, why: &str) -> io::Result<()> {
    answer(stream, request, status, "text/plain; charset=utf-8", &format!("{why}\n"), false).map(drop)
}

/// Answers; whether the connection may be used again.
fn answer(stream: &mut TcpStream, request: &h1::Request, status: u16, kind: &str, body: &str, keep_alive: bool) -> io::Result<bool> {
    let mut headers = Headers::new();
    let written = headers.push(b"content-type", kind.as_bytes()) && headers.push(b"cache-control", b"no-store");
    debug_assert!(written, "headers of our own");
    let head = ResponseHead { status, status_text: String::new(), headers };
    let to_head = request.head.method == "HEAD";
    let content = h1::Content::Length(body.len() as u64);
    let mut out = Vec::new();
    let sent = h1::write_response_head(&mut out, &head, &h1::Answer { version: request.version, to_head, content, keep_alive, date: None })
        .map_err(|_| io::ErrorKind::InvalidData)?;
    if sent.framing != h1::Framing::None {
        out.extend_from_slice(body.as_bytes());
    }
    stream.write_all(&out)?;
    Ok(sent.keep_alive)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> Headers {
        let mut headers = Headers::new();
        pairs.iter().for_each(|(name, value)| assert!(headers.push(name.as_bytes(), value.as_bytes())));
        headers
    }

    #[test]
    fn only_debuggers_on_this_machine_are_answered() {
        for (host, own) in [
            ("127.0.0.1:9229", true),
            ("localhost:9229", true),
            ("localhost", true),
            ("[::1]:9229", true),
            ("evil.example:9229", false),
            ("127.0.0.1.evil.example", false),
            ("app.localhost:9229", false),
        ] {
            assert_eq!(check(&Headers::new(), host).is_ok(), own, "{host}");
        }
        for (pair, own) in [
            (("origin", "devtools://devtools"), true),
            (("origin", "http://127.0.0.1:9229"), false),
            (("origin", "null"), false),
            (("sec-fetch-site", "cross-site"), false),
            (("sec-fetch-site", "none"), true),
        ] {
            assert_eq!(check(&headers(&[pair]), "127.0.0.1:9229").is_ok(), own, "{pair:?}");
        }
    }

    #[test]
    fn urls_have_a_host_and_a_path() {
        assert_eq!((host_of("http://a:1/b/c?d"), path_of("http://a:1/b/c?d")), ("a:1", ("/b/c", "d")));
        assert_eq!((host_of("http://a"), path_of("http://a")), ("a", ("/", "")));
    }
}
