//! Responses that say how they are encoded: as in Workers the platform does it, unless the app says that it has.

use std::io::{Read, Write};

use nano_core::{App, Binding, BindingKind, Listener, Runtime};

use crate::listening::{connect, listen};
use crate::outbound::here;
use crate::support::*;

/// Gzip of "hello", made elsewhere.
const HELLO: &str = "new Uint8Array([31,139,8,0,0,0,0,0,0,3,203,72,205,201,201,7,0,134,166,16,54,5,0,0,0])";

/// An app behind a listener, and one that asks it by a path and says what it has read.
fn pair(body: &str) -> (Runtime, Listener, App) {
    let runtime = runtime(1);
    let source = format!(
        "export default {{ async fetch(request, env) {{ const {{ pathname }} = new URL(request.url); const hello = {HELLO}; {body} }} }}"
    );
    let mut options = here("coded", &source);
    options.limits.cpu_ms = 1_000;
    options.bindings = vec![Binding { name: "SELF".into(), kind: BindingKind::App { app: "coded".into(), entrypoint: None } }];
    let listener = listen(&runtime, runtime.load(options).expect("the app loads"));
    let ask = format!(
        "export default {{ async fetch(request) {{
            const response = await fetch('http://{}' + new URL(request.url).pathname);
            const text = await response.text();
            return new Response(`${{response.headers.get('content-encoding')}} ${{text.length > 99 ? text.length : text}}`);
        }} }}",
        listener.address()
    );
    let app = runtime.load(here("asks", &ask)).expect("the app loads");
    (runtime, listener, app)
}

/// What comes over the wire, head and all, with the method and path.
fn raw(listener: &Listener, asked: &str) -> Vec<u8> {
    let mut stream = connect(listener);
    write!(stream, "{asked} HTTP/1.1\r\nHost: app.test\r\nConnection: close\r\n\r\n").unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    all
}

fn head_and_body(all: &[u8]) -> (String, &[u8]) {
    let end = all.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    (String::from_utf8(all[..end].to_vec()).unwrap(), &all[end..])
}

#[test]
fn a_response_that_says_its_coding_is_encoded_when_it_is_sent() {
    let (_runtime, listener, app) = pair(
        "const body = { '/text': () => 'hello', '/bytes': () => new TextEncoder().encode('hello'), '/blob': () => new Blob(['hel', 'lo']),
             '/large': () => 'hello '.repeat(50_000), '/empty': () => '', '/stream': () => new Response('hello').body.pipeThrough(new TransformStream()),
             '/br': () => 'hello', '/automatic': () => 'hello' }[pathname]();
         const headers = { 'Content-Encoding': pathname === '/br' ? 'br' : 'GZIP' };
         return new Response(body, pathname === '/automatic' ? { headers, encodeBody: 'automatic' } : { headers });",
    );
    for path in ["/text", "/bytes", "/blob", "/stream", "/br", "/automatic"] {
        assert_eq!(text(&app, path), "null hello", "{path}");
    }
    assert_eq!(text(&app, "/large"), "null 300000");
    assert_eq!(text(&app, "/empty"), "null ");
    let all = raw(&listener, "GET /text");
    let (head, body) = head_and_body(&all);
    assert!(head.contains("content-encoding: GZIP\r\n") && head.contains(&format!("content-length: {}\r\n", body.len())), "{head}");
    assert_eq!(&body[..2], [31, 139]);
    let all = raw(&listener, "HEAD /text");
    let (head, body) = head_and_body(&all);
    assert!(head.contains("content-encoding: GZIP\r\n") && !head.contains("content-length") && body.is_empty(), "{head}");
}

#[test]
fn what_is_encoded_already_is_sent_as_it_is() {
    let (_runtime, listener, app) = pair(
        "const init = { headers: { 'content-encoding': 'gzip' }, encodeBody: 'manual' };
         if (pathname === '/manual') return new Response(hello, init);
         if (pathname === '/clone') return new Response(hello, init).clone();
         if (pathname === '/init') return new Response(hello, new Response(null, init));
         // Bytes of another app that has encoded them: their label goes with them.
         const given = await env.SELF.fetch('http://a/manual');
         if (pathname === '/passed') return given;
         if (pathname === '/copied') return new Response(given.body, { headers: given.headers });
         if (pathname === '/cached') {
             await caches.default.put('http://a/', new Response(hello, init));
             return caches.default.match('http://a/');
         }
         return new Response(hello, { headers: { 'content-encoding': 'deflate' } });",
    );
    for path in ["/manual", "/clone", "/init", "/passed", "/copied", "/cached"] {
        assert_eq!(text(&app, path), "null hello", "{path}");
    }
    let all = raw(&listener, "GET /other");
    let (head, body) = head_and_body(&all);
    assert!(head.contains("content-encoding: deflate\r\n") && body.len() == 25 && body[..2] == [31, 139], "{head}");
}

#[test]
fn an_app_that_asks_another_reads_what_that_has_written() {
    let (_runtime, _listener, app) = pair(
        "if (pathname === '/inner') return new Response('hello', { headers: { 'content-encoding': 'gzip', 'x-a': 'b' } });
         if (pathname === '/kept') await caches.default.put('http://a/', await env.SELF.fetch('http://a/inner'));
         const given = pathname === '/kept' ? await caches.default.match('http://a/') : await env.SELF.fetch('http://a/inner');
         if (pathname === '/passed') return given;
         return Response.json([given.headers.get('content-encoding'), given.headers.get('x-a'), await given.text()]);",
    );
    assert_eq!(text(&app, "/passed"), "null hello");
    for path in ["/read", "/kept"] {
        assert_eq!(text(&app, path), r#"null [null,"b","hello"]"#);
    }
}

#[test]
fn encode_body_is_one_of_two_words() {
    let (_runtime, _listener, app) = pair(
        "const seen = [];
         for (const encodeBody of ['gzip', '', null, 1]) {
             try { new Response('', { encodeBody }); seen.push('none'); } catch (error) { seen.push(error.name); }
         }
         new Response('', { encodeBody: undefined });
         return Response.json([...new Set(seen)]);",
    );
    assert_eq!(text(&app, "/"), r#"null ["TypeError"]"#);
}
