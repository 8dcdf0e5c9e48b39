//! The programs (`.py`) of WPT's server that tests need, doing what their Python does. One that is not here answers 501.

use std::collections::HashMap;

use nano_core::Headers;

use crate::query::Query;

/// What arrived.
pub struct Request {
    /// `GET`, ...
    pub method: String,
    /// Without the slash it begins with.
    pub path: String,
    /// Behind the question mark.
    pub query: Query,
    /// As they are on the wire.
    pub headers: Headers,
    /// All of it.
    pub body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<Vec<u8>> {
        let mut found: Option<Vec<u8>> = None;
        for (_, value) in self.headers.iter().filter(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes())) {
            found = Some(found.map_or_else(|| value.to_vec(), |before| [&before, b", ".as_slice(), value].concat()));
        }
        found
    }

    fn header_or(&self, name: &str, missing: &str) -> Vec<u8> {
        self.header(name).unwrap_or_else(|| missing.into())
    }

    fn folder(&self) -> String {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder).to_string()
    }
}

/// What goes back.
#[derive(Debug, Default)]
pub struct Reply {
    /// 200 to 599, or what no client takes for an answer.
    pub status: u16,
    /// The reason phrase.
    pub text: String,
    /// Names and values in their order.
    pub headers: Vec<(Vec<u8>, Vec<u8>)>,
    /// All of it, unless `slow` says more.
    pub body: Vec<u8>,
    /// A body that takes its time.
    pub slow: Option<Slow>,
    /// How long it takes until the head goes out.
    pub delay_ms: u32,
}

/// A body that takes its time: pieces, with a pause before each.
#[derive(Clone, Debug, Default)]
pub struct Slow {
    /// Sent first.
    pub first: Vec<u8>,
    /// Sent again and again.
    pub piece: Vec<u8>,
    /// How often; `None` for as long as anybody listens.
    pub count: Option<u32>,
    /// Before each.
    pub pause_ms: u32,
    /// The connection breaks at the end.
    pub breaks: bool,
    /// Where in the stash it is written that the other side has gone.
    pub state_key: Option<(String, String)>,
    /// What in the stash ends it.
    pub abort_key: Option<(String, String)>,
}

impl Reply {
    /// A status without anything.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// Adds a header.
    pub fn with(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.into(), value.as_ref().into()));
        self
    }

    fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self { status: 200, text: "OK".into(), body: body.into(), ..Self::default() }
    }

    fn allow_any(self, request: &Request) -> Self {
        match request.header("origin") {
            Some(origin) => self.with("Access-Control-Allow-Origin", origin).with("Access-Control-Allow-Credentials", "true"),
            None => self.with("Access-Control-Allow-Origin", "*"),
        }
    }
}

/// What programs leave for each other: values by path and key.
pub type Stash = HashMap<(String, String), String>;

/// Runs the program that the path names, if it is one of these.
pub fn run(request: &Request, stash: &mut Stash) -> Option<Reply> {
    let query = &request.query;
    let own_key = |name: &str| query.text(name).map(|key| (request.path.clone(), key));
    let folder_key = |name: &str| query.text(name).map(|key| (request.folder(), key));
    Some(match request.path.as_str() {
        "fetch/api/resources/authentication.py" => match request.header("authorization").as_deref() {
            Some(b"Basic dXNlcjpwYXNzd29yZA==") => Reply::ok("Authentication done"),
            _ => Reply {
                text: "Unauthorized".into(),
                body: "Please login with credentials 'user' and 'password'".into(),
                ..Reply::status(401)
            }
            .with("WWW-Authenticate", format!("Basic realm=\"{}\"", query.text("realm").unwrap_or("test".into()))),
        },
        "fetch/api/resources/bad-chunk-encoding.py" => {
            let pause_ms = query.number("ms").unwrap_or(1000);
            let count = Some(query.number("count").unwrap_or(50));
            let slow = Slow { piece: "TEST_CHUNK".into(), count, pause_ms, breaks: true, ..Slow::default() };
            Reply { slow: Some(slow), delay_ms: pause_ms, ..Reply::ok("") }
        }
        "fetch/api/resources/cache.py" => match request.header("if-none-match").as_deref() {
            Some(b"\"123abc\"") => Reply { text: "Not Modified".into(), ..Reply::status(304) }.with("X-HTTP-STATUS", "304"),
            _ => Reply::ok("lorem ipsum dolor sit amet").with("ETag", "\"123abc\"").with("Content-Type", "text/plain"),
        },
        "fetch/api/resources/clean-stash.py" => {
            let taken = own_key("token").and_then(|key| stash.remove(&key));
            Reply::ok(if taken.is_some() { "1" } else { "0" })
        }
        "fetch/api/resources/dump-authorization-header.py" => {
            let reply = Reply::ok(request.header_or("authorization", "none"));
            reply.with("Content-Type", "text/html").with("Cache-Control", "no-cache").allow_any(request)
        }
        "fetch/api/resources/echo-content.py" => Reply::ok(request.body.clone())
            .with("X-Request-Method", &request.method)
            .with("X-Request-Content-Length", request.header_or("content-length", "NO"))
            .with("X-Request-Content-Type", request.header_or("content-type", "NO"))
            .with("Content-Type", "text/plain"),
        "fetch/api/resources/echo-content.h2.py" => Reply::ok(request.body.clone()).with("Content-Type", "text/plain"),
        "fetch/api/resources/huge-response.py" => {
            let slow = Slow { piece: vec![0; 1 << 20], count: Some(8192), ..Slow::default() };
            Reply { slow: Some(slow), ..Reply::ok("") }.with("Content-type", "text/plain").with("Content-Length", (8_u64 << 30).to_string())
        }
        "fetch/api/resources/infinite-slow-response.py" => {
            let state_key = folder_key("stateKey");
            if let Some(key) = &state_key {
                stash.insert(key.clone(), "\"open\"".into());
            }
            let abort_key = folder_key("abortKey");
            let slow = Slow { first: vec![b'.'; 2048], piece: ".".into(), pause_ms: 10, state_key, abort_key, ..Slow::default() };
            Reply { slow: Some(slow), ..Reply::ok("") }.with("Content-type", "text/plain")
        }
        "fetch/api/resources/inspect-headers.py" => inspect_headers(request),
        "fetch/api/resources/method.py" => {
            let mut reply = Reply::ok(request.body.clone()).with("x-request-method", &request.method);
            for name in ["type", "length", "encoding", "language", "location"] {
                reply = reply.with(&format!("x-request-content-{name}"), request.header_or(&format!("content-{name}"), "NO"));
            }
            reply
        }
        "fetch/api/resources/redirect-empty-location.py" => Reply::status(302).with("Location", ""),
        "fetch/api/resources/redirect.h2.py" => {
            let reply = Reply::status(query.number("redirect_status").unwrap_or(302) as u16).with("Content-Type", "text/plain");
            match query.first("location") {
                Some(location) => reply.with("Location", location),
                None => reply,
            }
        }
        "fetch/api/resources/redirect.py" => redirect(request, stash),
        "fetch/api/resources/script-with-header.py" => {
            let body = if query.first("content") == Some(b"empty") { "" } else { "console.log('Script loaded')" };
            Reply::ok(body).with("Content-type", query.first("mime").unwrap_or_default())
        }
        "fetch/api/resources/stash-put.py" => {
            if let (Some(key), Some(value)) = (folder_key("key"), query.text("value")) {
                stash.insert(key, serde_json::Value::from(value).to_string());
            }
            Reply::ok("done").with("Access-Control-Allow-Origin", "*")
        }
        "fetch/api/resources/stash-take.py" => {
            let value = folder_key("key").and_then(|key| stash.remove(&key));
            Reply::ok(value.unwrap_or("null".into())).with("Content-Type", "application/json").with("Access-Control-Allow-Origin", "*")
        }
        "fetch/range/resources/stash-take.py" => {
            let value = query.text("key").and_then(|key| stash.remove(&("/fetch/range/".into(), key)));
            Reply::ok(value.unwrap_or("null".into())).with("Content-Type", "application/json")
        }
        "fetch/range/resources/long-wav.py" => {
            if let Some(key) = query.text("accept-encoding-key") {
                let value = String::from_utf8_lossy(&request.header_or("accept-encoding", "")).into_owned();
                stash.insert(("/fetch/range/".into(), key), serde_json::Value::from(value).to_string());
            }
            // The sound itself is silence.
            Reply::ok(vec![0; 44]).with("Content-Type", "audio/wav").with("Accept-Ranges", "bytes").with("Cache-Control", "no-cache")
        }
        "fetch/api/resources/status.py" | "xhr/resources/status.py" => {
            let text = query.text("text").unwrap_or("OMG".into());
            let body = query.first("content").unwrap_or_default().to_vec();
            let reply = Reply { text, body, ..Reply::status(query.number("code").unwrap_or(200) as u16) };
            reply.with("Content-Type", query.first("type").unwrap_or_default()).with("X-Request-Method", &request.method)
        }
        "fetch/api/resources/trickle.py" => {
            let pause_ms = query.number("ms").unwrap_or(500);
            let slow =
                Slow { piece: "TEST_TRICKLE\n".into(), count: Some(query.number("count").unwrap_or(50)), pause_ms, ..Slow::default() };
            let reply = Reply { slow: Some(slow), delay_ms: pause_ms, ..Reply::ok("") };
            if query.has("notype") { reply } else { reply.with("Content-type", "text/plain") }
        }
        "common/redirect.py" => {
            let status = query.number("status").unwrap_or(302) as u16;
            Reply::status(status).with("Location", query.first("location").unwrap_or_default())
        }
        "service-workers/cache-storage/resources/fetch-status.py" => Reply::status(query.number("status").unwrap_or(0) as u16),
        "service-workers/cache-storage/resources/vary.py" => vary(request),
        "xhr/resources/parse-headers.py" => match query.first("my-custom-header") {
            Some(value) => Reply::ok("").with("My-Custom-Header", value),
            None => Reply::ok(""),
        },
        "xhr/resources/echo-headers.py" => {
            let mut body = Vec::new();
            for (name, value) in request.headers.iter() {
                body.extend_from_slice(&[name, b": ", value, b"\n"].concat());
            }
            Reply::ok(body).with("Content-Type", "text/plain")
        }
        _ => return None,
    })
}

/// `vary.py`: the value of Vary is what a cookie says, or the query.
fn vary(request: &Request) -> Reply {
    const COOKIE: &str = "vary-value-override=";
    let query = &request.query;
    if query.has("clear-vary-value-override-cookie") {
        return Reply::ok("vary cookie cleared").with("Set-Cookie", format!("{COOKIE}; Max-Age=0; Path=/"));
    }
    if let Some(value) = query.text("set-vary-value-override-cookie").filter(|value| !value.is_empty()) {
        return Reply::ok("vary cookie set").with("Set-Cookie", format!("{COOKIE}{value}; Path=/"));
    }
    let cookies = String::from_utf8_lossy(&request.header_or("cookie", "")).into_owned();
    let overriding = cookies.split("; ").find_map(|cookie| cookie.strip_prefix(COOKIE)).map(str::to_string);
    match overriding.or(query.text("vary")).filter(|value| !value.is_empty()) {
        Some(value) => Reply::ok("vary response").with("vary", value),
        None => Reply::ok("vary response"),
    }
}

fn inspect_headers(request: &Request) -> Reply {
    let mut reply = Reply::ok("");
    let asked = request.query.text("headers").unwrap_or_default();
    for name in asked.split('|').filter(|name| !name.is_empty()) {
        if let Some(value) = request.header(name) {
            reply = reply.with(&format!("x-request-{name}"), value);
        }
    }
    if request.query.has("cors") {
        reply = reply.allow_any(request).with("Access-Control-Allow-Methods", "GET, POST, HEAD");
    }
    reply.with("content-type", "text/plain")
}

/// `redirect.py`: counts how often it was asked, by token, and appends what it was asked with to where it redirects to.
fn redirect(request: &Request, stash: &mut Stash) -> Reply {
    let query = &request.query;
    let mut reply = Reply::default().with("Content-Type", "text/plain").with("Cache-Control", "no-cache").with("Pragma", "no-cache");
    reply = reply.allow_any(request);
    let key = query.text("token").map(|token| (request.path.clone(), token));
    let before = key.as_ref().and_then(|key| stash.remove(key)).and_then(|count| count.parse().ok());
    let mut count: u32 = before.unwrap_or(0);
    if request.method == "OPTIONS" && !query.has("redirect_preflight") {
        if let Some(key) = key {
            stash.insert(key, count.to_string());
        }
        return Reply { status: 200, ..reply };
    }
    reply.status = query.number("redirect_status").unwrap_or(302) as u16;
    count += 1;
    if let Some(mut url) = query.text("location") {
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|char| char.is_ascii_alphanumeric() || "+-.".contains(char));
        if !query.has("simple") && (!is_scheme || scheme == "http" || scheme == "https") {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&format!("{}&count={count}", query.encode()));
        }
        let bytes: Vec<u8> = url.chars().map(|char| char as u8).collect();
        reply = reply.with("Location", bytes);
    }
    if let Some(policy) = query.first("redirect_referrerpolicy") {
        reply = reply.with("Referrer-Policy", policy);
    }
    reply.delay_ms = query.number("delay").unwrap_or(0);
    if let Some(key) = key {
        stash.insert(key, count.to_string());
        if query.number("max_count").is_some_and(|most| count > most) {
            return Reply::ok((count - 1).to_string());
        }
    }
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str, query: &str) -> Request {
        let query = Query::parse(query);
        Request { method: "GET".into(), path: path.into(), query, headers: Headers::new(), body: Vec::new() }
    }

    #[test]
    fn redirects_are_counted_and_keep_their_parameters() {
        let mut stash = Stash::new();
        let request = get("fetch/api/resources/redirect.py", "token=t&max_count=1&location=a%3Fb");
        let reply = run(&request, &mut stash).expect("is there");
        assert_eq!(reply.status, 302);
        let location = reply.headers.iter().find(|(name, _)| name == b"Location").map(|(_, value)| value.clone());
        assert_eq!(location, Some(b"a?b&token=t&max_count=1&location=a%3Fb&count=1".to_vec()));
        let reply = run(&request, &mut stash).expect("is there");
        assert_eq!((reply.status, reply.body), (200, b"1".to_vec()));
    }

    #[test]
    fn what_is_put_into_the_stash_can_be_taken_once() {
        let mut stash = Stash::new();
        run(&get("fetch/api/resources/stash-put.py", "key=k&value=v"), &mut stash);
        let take = get("fetch/api/resources/stash-take.py", "key=k");
        assert_eq!(run(&take, &mut stash).map(|reply| reply.body), Some(b"\"v\"".to_vec()));
        assert_eq!(run(&take, &mut stash).map(|reply| reply.body), Some(b"null".to_vec()));
    }
}
