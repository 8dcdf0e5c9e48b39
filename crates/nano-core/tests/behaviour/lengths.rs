//! Bodies that come in pieces and whose length is known all the same: it is told to whoever they go to, and kept.

use std::io::{Read, Write};
use std::net::TcpStream;

use nano_core::{App, Binding, BindingKind, Listener, Runtime};

use crate::frames::{self, serve};
use crate::listening::{connect, head, listen, response};
use crate::outbound::here;
use crate::support::*;

/// More than what is buffered before an app sees it.
const LARGE: usize = 300_000;

/// What a message's head says of its body.
fn framing(head: &str) -> String {
    let of_framing = |line: &&str| line.starts_with("content-length:") || line.starts_with("transfer-encoding:");
    head.to_ascii_lowercase().lines().filter(of_framing).collect::<Vec<_>>().join(",")
}

/// A server: to /seen, it says how the request was framed; all others it answers with a body.
fn origin() -> u16 {
    serve(|mut stream| {
        let asked = frames::head(&mut stream);
        if asked.contains(" /seen ") {
            let framing = framing(&asked);
            let length = framing.strip_prefix("content-length: ").map_or(0, |length| length.parse().unwrap());
            // Of what is too short the end of the connection is seen.
            let _ = stream.read_exact(&mut vec![0; length]);
            return write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{framing}", framing.len()).unwrap();
        }
        // A request that was broken off before it began.
        if asked.is_empty() {
            return;
        }
        let (status, headers, length) = if asked.contains(" /part ") {
            (206, "Content-Range: bytes 0-9/20\r\n", 10)
        } else if asked.contains(" /none ") {
            (200, "", 0)
        } else {
            (200, "", LARGE)
        };
        write!(stream, "HTTP/1.1 {status} OK\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n").unwrap();
        // A client that has broken off does not read it.
        let _ = stream.write_all(&vec![b'a'; length]);
    })
}

fn app(runtime: &Runtime, name: &str, port: u16, body: &str) -> App {
    let source = format!(
        "const fixed = (length, text) => {{
             const {{ readable, writable }} = new FixedLengthStream(length);
             const writer = writable.getWriter();
             writer.write(new TextEncoder().encode(text)).catch(() => {{}});
             writer.close().catch(() => {{}});
             return readable;
         }};
         export default {{ async fetch(request, env) {{ {} }} }}",
        body.replace("ORIGIN", &format!("http://127.0.0.1:{port}"))
    );
    let mut options = here(name, &source);
    if name != "api" {
        options.bindings = vec![Binding { name: "API".into(), kind: BindingKind::App { app: "api".into(), entrypoint: None } }];
    }
    runtime.load(options).expect("the app loads")
}

/// An app behind a listener.
fn listening(body: &str) -> (Runtime, Listener) {
    let runtime = runtime(1);
    let port = origin();
    app(&runtime, "api", port, "return new Response(request.body, { headers: { 'x-length': request.headers.get('content-length') } });");
    let listener = listen(&runtime, app(&runtime, "lengths", port, body));
    (runtime, listener)
}

fn ask(stream: &mut TcpStream, method: &str, path: &str) {
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: app.test\r\n\r\n").unwrap();
}

#[test]
fn a_response_from_a_stream_of_fixed_length_says_how_long_it_is() {
    let (_runtime, listener) = listening(
        "const response = new Response(fixed(5, 'hello'), { headers: { 'content-length': '77' } });
         return request.url.endsWith('/clone') ? response.clone() : response;",
    );
    let mut stream = connect(&listener);
    for path in ["/", "/clone"] {
        ask(&mut stream, "GET", path);
        let (head, body) = response(&mut stream);
        assert_eq!((framing(&head).as_str(), body.as_str()), ("content-length: 5", "hello"));
    }
}

#[test]
fn head_says_how_long_the_answer_to_get_would_be() {
    let (_runtime, listener) = listening(
        "const { pathname } = new URL(request.url);
         if (pathname === '/fixed') return new Response(fixed(5, 'hello'));
         if (pathname === '/text') return new Response('h\u{fc}');
         if (pathname === '/bytes') return new Response(new Uint8Array(3));
         if (pathname === '/blob') return new Response(new Blob(['abcd']));
         if (pathname === '/own') return new Response('abc', { headers: { 'content-length': '9' } });
         return new Response(new ReadableStream());",
    );
    let mut stream = connect(&listener);
    for (path, length) in [("fixed", 5), ("text", 3), ("bytes", 3), ("blob", 4), ("own", 9)] {
        ask(&mut stream, "HEAD", &format!("/{path}"));
        assert_eq!(framing(&head(&mut stream)), format!("content-length: {length}"), "{path}");
    }
    ask(&mut stream, "HEAD", "/stream");
    assert_eq!(framing(&head(&mut stream)), "");
}

#[test]
fn a_response_that_is_not_as_long_as_it_says_is_broken_off() {
    let (_runtime, listener) = listening("return new Response(fixed(5, request.url.endsWith('/long') ? 'hello, you' : 'hel'));");
    for path in ["/short", "/long"] {
        let mut stream = connect(&listener);
        ask(&mut stream, "GET", path);
        let mut all = Vec::new();
        // It ends by a reset, or before its end.
        let _ = stream.read_to_end(&mut all);
        let all = String::from_utf8(all).unwrap();
        assert!(all.contains("content-length: 5\r\n") && !all.contains("hello"), "{path}: {all}");
    }
}

#[test]
fn an_upload_of_a_known_length_says_so() {
    let (_runtime, listener) = listening(
        "const put = async (body) => (await fetch('ORIGIN/seen', { method: 'PUT', body })).text();
         const response = await fetch('ORIGIN/part');
         const seen = [
             await put(fixed(5, 'hello')),
             await put(response.body),
             await put(new Response(fixed(2, 'hi')).body),
             await put(new Response('text').body),
             await put((await fetch('ORIGIN/large')).clone().body),
             await put(fixed(5, 'hel')).catch((error) => error.name),
             await put(fixed(5, 'hello, you')).catch((error) => error.name),
             await put(fixed(2, 'no').pipeThrough(new TransformStream())),
         ];
         return Response.json(seen);",
    );
    let mut stream = connect(&listener);
    ask(&mut stream, "GET", "/");
    let known = r#""content-length: 5","content-length: 10","content-length: 2","content-length: 4","content-length: 300000""#;
    assert_eq!(response(&mut stream).1, format!("[{known},\"TypeError\",\"TypeError\",\"transfer-encoding: chunked\"]"));
}

#[test]
fn what_is_passed_on_keeps_its_length() {
    let (_runtime, listener) = listening("const { pathname } = new URL(request.url); return fetch('ORIGIN' + pathname, request);");
    for (path, length) in [("large", LARGE), ("part", 10), ("none", 0)] {
        let mut stream = connect(&listener);
        ask(&mut stream, "GET", &format!("/{path}"));
        let (head, body) = response(&mut stream);
        assert_eq!((framing(&head), body.len()), (format!("content-length: {length}"), length), "{path}");
        // The connection is whole.
        ask(&mut stream, "HEAD", &format!("/{path}"));
        assert_eq!(framing(&self::head(&mut stream)), format!("content-length: {length}"), "{path}");
    }
    let mut stream = connect(&listener);
    write!(stream, "POST /seen HTTP/1.1\r\nHost: app.test\r\nContent-Length: {LARGE}\r\n\r\n").unwrap();
    stream.write_all(&vec![b'a'; LARGE]).unwrap();
    assert_eq!(response(&mut stream).1, format!("content-length: {LARGE}"));
}

#[test]
fn between_apps_it_is_the_body_s_own_length_that_counts() {
    let (_runtime, listener) = listening(
        "const own = await env.API.fetch('http://api/', { method: 'POST', body: fixed(5, 'hello') });
         if (request.url.endsWith('/own')) return own;
         // What is said of another body goes with nobody's.
         const stale = { 'content-length': '9' };
         const body = new Response('more').body.pipeThrough(new TransformStream());
         return env.API.fetch('http://api/', { method: 'POST', body, headers: stale });",
    );
    let mut stream = connect(&listener);
    for (path, said, length, body) in
        [("/own", "content-length: 5", "x-length: 5", "hello"), ("/stale", "transfer-encoding: chunked", "x-length: null", "more")]
    {
        ask(&mut stream, "GET", path);
        let (head, read) = response(&mut stream);
        assert_eq!((framing(&head).as_str(), read.as_str()), (said, body));
        assert!(head.contains(length), "{head}");
    }
}

#[test]
fn a_host_is_told_the_length() {
    let runtime = runtime(1);
    let app = app(&runtime, "api", 0, "return new Response(fixed(5, 'hello'));");
    let response = fetch(&app, "/").expect("a response");
    assert_eq!((response.head.headers.value(b"content-length"), response.body.as_slice()), (Some(&b"5"[..]), &b"hello"[..]));
}

#[test]
fn a_host_is_not_told_the_length_of_another_body() {
    let runtime = runtime(1);
    let stream = "new ReadableStream({ async pull(out) { await null; out.enqueue(new TextEncoder().encode('hello')); out.close(); } })";
    let app = app(&runtime, "api", 0, &format!("return new Response({stream}, {{ headers: {{ 'content-length': '3' }} }});"));
    let response = fetch(&app, "/").expect("a response");
    assert_eq!((response.head.headers.value(b"content-length"), response.body.as_slice()), (None, &b"hello"[..]));
}
