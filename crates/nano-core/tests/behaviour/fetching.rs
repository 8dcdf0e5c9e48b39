//! What fetch() does itself: redirects, data: and blob: URLs, integrity; and what reads responses, WebAssembly's streaming functions.

use nano_core::policy::{Mode, Policy};
use nano_core::{AppOptions, Body, CallContent, CallResponse, Headers, Payload, RequestHead, ResponseHead, Runtime};

use crate::support::*;

/// An app whose global fetch goes to its only binding.
pub fn caller(source: &str) -> AppOptions {
    let mut options = options("fetching", source);
    options.bindings = vec!["NET".into()];
    options.outbound = Some("NET".into());
    options
}

pub fn response(status: u16, headers: &[(&str, &str)], body: &str) -> CallResponse {
    let mut list = Headers::new();
    for (name, value) in headers {
        assert!(list.push(name.as_bytes(), value.as_bytes()));
    }
    CallResponse { head: ResponseHead { status, status_text: String::new(), headers: list }, body: Body::Whole(body.into()) }
}

/// Runs the app, and answers what it fetches; gives the text of its response, and what it fetched.
pub fn run(options: AppOptions, answer: impl Fn(&RequestHead) -> CallResponse) -> (String, Vec<(RequestHead, String)>) {
    let runtime = runtime(1);
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let mut fetched = Vec::new();
    loop {
        let next = wait_for(&runtime, |event| match &event.payload {
            Payload::Call => Some(Ok(event.id)),
            Payload::Response { body, .. } if event.id == id => Some(Err(body.clone())),
            _ => None,
        });
        match next {
            Ok(call) => fetched.push(serve(&runtime, call, &answer)),
            Err(body) => return (String::from_utf8(body).expect("UTF-8"), fetched),
        }
    }
}

fn serve(runtime: &Runtime, id: u64, answer: impl Fn(&RequestHead) -> CallResponse) -> (RequestHead, String) {
    match runtime.call_view(id).expect("is open").content {
        CallContent::Fetch { head, body, .. } => {
            runtime.call_respond(id, answer(&head)).expect("is open");
            (head, String::from_utf8(body).expect("UTF-8"))
        }
        other => panic!("unexpected {other:?}"),
    }
}

/// A text of what happened, from an expression.
pub fn app(expression: &str) -> String {
    format!(
        "const caught = (e) => e.name + ': ' + e.message; export default {{ async fetch(request, env) {{ \
        return new Response(String(await (async () => {expression})().catch(caught))); }} }}"
    )
}

#[test]
fn a_redirect_is_followed_and_a_post_becomes_a_get() {
    let source = app(
        "{ const r = await fetch('http://a.test/x', { method: 'POST', body: 'secret', headers: { Authorization: 't', Cookie: 'u', 'Proxy-Authorization': 'v', X: 'y' } }); \
        return [r.url, r.redirected, r.status, await r.text()]; }",
    );
    let (text, fetched) = run(caller(&source), |head| match head.url.as_str() {
        "http://a.test/x" => response(302, &[("Location", "//b.test/y#z")], "moved"),
        _ => response(200, &[], "here"),
    });
    assert_eq!(text, "http://b.test/y,true,200,here");
    let (first, second) = (&fetched[0], &fetched[1]);
    assert_eq!((first.0.method.as_ref(), first.1.as_str()), ("POST", "secret"));
    assert_eq!((second.0.method.as_ref(), second.0.url.as_str(), second.1.as_str()), ("GET", "http://b.test/y", ""));
    let names: Vec<&[u8]> = second.0.headers.iter().map(|(name, _)| name).collect();
    assert_eq!(names, [b"x".as_slice(), b"accept"], "neither what was for the body nor what was for the first origin");
}

#[test]
fn a_redirect_that_keeps_the_method_sends_the_body_again() {
    let source = app("{ const r = await fetch('http://a.test/', { method: 'POST', body: 'again' }); return await r.text(); }");
    let (text, fetched) = run(caller(&source), |head| match head.url.as_str() {
        "http://a.test/" => response(307, &[("Location", "/next")], ""),
        _ => response(200, &[], "done"),
    });
    assert_eq!(text, "done");
    let sent: Vec<&str> = fetched.iter().map(|(_, body)| body.as_str()).collect();
    assert_eq!(sent, ["again", "again"]);
}

#[test]
fn a_body_that_can_be_read_once_is_not_sent_twice() {
    let source = app("{ const body = new ReadableStream({ start(c) { c.enqueue(new Uint8Array(1)); c.close(); } }); \
        await fetch('http://a.test/', { method: 'POST', body }); }");
    let (text, _) = run(caller(&source), |_| response(308, &[("Location", "/next")], ""));
    assert_eq!(
        text,
        "TypeError: fetch failed: the answer is status 308, which asks for the body again, and the body is a stream that can be read once"
    );
}

#[test]
fn redirects_go_on_for_twenty_times_and_not_to_other_schemes() {
    let (text, fetched) = run(caller(&app("{ await fetch('http://a.test/'); }")), |_| response(301, &[("Location", "/")], "again"));
    assert_eq!((text.as_str(), fetched.len()), ("TypeError: fetch failed: the answer is more than 20 redirects", 21));
    let (text, _) = run(caller(&app("{ await fetch('http://a.test/'); }")), |_| response(301, &[("Location", "data:,x")], ""));
    assert_eq!(text, "TypeError: fetch failed: the answer is a redirect to a URL with the scheme 'data:'");
}

#[test]
fn who_follows_no_redirect_sees_it_and_who_wants_none_gets_an_error() {
    let source = app("{ const r = await fetch('http://a.test/', { redirect: 'manual' }); \
        return [r.status, r.headers.get('location'), r.redirected, await fetch('http://a.test/', { redirect: 'error' }).catch(caught)]; }");
    let (text, _) = run(caller(&source), |_| response(302, &[("Location", "/y")], ""));
    assert_eq!(text, "302,/y,false,TypeError: fetch failed: the answer is a redirect, and the request's redirect mode is 'error'");
}

#[test]
fn a_binding_follows_redirects_to_itself() {
    let source = app("{ const r = await env.NET.fetch('http://a.test/'); return [r.url, await r.text()]; }");
    let (text, _) = run(caller(&source), |head| match head.url.as_str() {
        "http://a.test/" => response(302, &[("Location", "http://b.test/")], ""),
        _ => response(200, &[], "still here"),
    });
    assert_eq!(text, "http://b.test/,still here");
}

#[test]
fn data_and_blob_urls_need_no_network() {
    let runtime = runtime(1);
    let source = app("{ \
        const data = await fetch('data:text/x;a=b;base64,aGk='); \
        const url = URL.createObjectURL(new Blob(['0123456789'], { type: 'a/b' })); \
        const noted = new Request(url); \
        const part = await fetch(url, { headers: { Range: 'bytes=2-4' } }); \
        URL.revokeObjectURL(url); \
        return [data.headers.get('content-type'), await data.text(), part.status, part.headers.get('content-range'), await part.text(), \
            await (await fetch(noted.clone())).text(), await fetch(url).catch((e) => e.name), url.slice(0, 10), \
            await fetch('http://a.test/').catch((e) => e.message)]; }");
    let expected = "text/x;a=b,hi,206,bytes 2-4/10,234,0123456789,TypeError,blob:null/,\
        fetch failed: this app may not use the network: use a binding in env";
    let closed = Policy::new(Mode::Deny, Vec::new(), Vec::new());
    let app = runtime.load(AppOptions { egress: closed, ..options("local", &source) }).expect("the app loads");
    assert_eq!(text(&app, "/"), expected);
}

#[test]
fn object_urls_are_bounded() {
    let runtime = runtime(1);
    let source = app(
        "{ const blob = new Blob([]); let n = 0; try { for (;;) { URL.createObjectURL(blob); n++; } } catch (e) { return [n, e.name]; } }",
    );
    assert_eq!(text(&load(&runtime, "many", &source), "/"), "10000,RangeError");
}

#[test]
fn a_response_must_have_the_digest_that_was_asked_for() {
    let right = "sha256-LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=";
    let source = app(&format!(
        "{{ const wrong = 'sha256-' + 'A'.repeat(43) + '='; const get = (integrity) => fetch('http://a.test/', {{ integrity }}).then((r) => r.text(), (e) => e.name); \
        return [await get('{right}'), await get(wrong), await get(wrong + ' {right}'), await get('sha512-x {right}'), await get('md5-x')]; }}"
    ));
    let (text, _) = run(caller(&source), |_| response(200, &[], "hello"));
    assert_eq!(text, "hello,TypeError,hello,TypeError,hello");
}

#[test]
fn a_fetch_that_is_aborted_at_once_is_not_answered() {
    let runtime = runtime(1);
    let source = app("{ const c = new AbortController(); const p = fetch('data:,x', { signal: c.signal }); c.abort(); await p; }");
    assert!(text(&load(&runtime, "aborted", &source), "/").starts_with("AbortError"));
}

#[test]
fn redirects_do_not_mind_what_an_app_has_done_to_the_built_ins() {
    let source = format!(
        "for (const key of ['slice', 'split', 'startsWith', 'includes', 'charCodeAt']) String.prototype[key] = () => {{ throw 'patched'; }};\n\
        Promise.prototype.then = () => {{ throw 'patched'; }}; Array.prototype[Symbol.iterator] = () => {{ throw 'patched'; }};\n{}",
        app("{ return (await fetch('http://a.test/')).url; }").replace(".catch(caught)", "")
    );
    let (text, _) = run(caller(&source), |head| match head.url.as_str() {
        "http://a.test/" => response(302, &[("Location", "/y")], ""),
        _ => response(200, &[], ""),
    });
    assert_eq!(text, "http://a.test/y");
}

#[test]
fn wasm_is_compiled_from_responses_if_the_host_trusts_the_app() {
    let runtime = runtime(1);
    let source = app("{ const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]); \
        const of = (type, status = 200) => new Response(bytes, { status, headers: { 'content-type': type } }); \
        const seen = [await WebAssembly.compileStreaming(of('text/plain')).catch((e) => e.name), \
            await WebAssembly.compileStreaming(of('application/wasm', 404)).catch((e) => e.name)]; \
        const { instance } = await WebAssembly.instantiateStreaming(Promise.resolve(of('application/wasm'))); \
        return [...seen, instance instanceof WebAssembly.Instance]; }");
    assert!(text(&load(&runtime, "plain", &source), "/").starts_with("CompileError"));
    let mut trusted = options("trusted", &source);
    trusted.code_generation = true;
    assert_eq!(text(&runtime.load(trusted).expect("loads"), "/"), "TypeError,TypeError,true");
}

#[test]
fn a_key_can_be_cloned() {
    let runtime = runtime(1);
    let source = app("{ const key = await crypto.subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']); \
        const clone = structuredClone({ key }).key; \
        const signature = await crypto.subtle.sign('HMAC', key, new Uint8Array(3)); \
        return [clone !== key, clone instanceof CryptoKey, clone.extractable, clone.usages, \
            await crypto.subtle.verify('HMAC', clone, signature, new Uint8Array(3))]; }");
    assert_eq!(text(&load(&runtime, "keys", &source), "/"), "true,true,false,sign,verify,true");
}

#[test]
fn what_the_host_answers_is_the_only_way_out() {
    let source = "import { connect } from 'cloudflare:sockets';
        export default { async fetch() {
            const socket = new WebSocket('ws://127.0.0.1:8080/');
            const said = [await new Promise((resolve) => { socket.onerror = ({ message }) => resolve(message); })];
            said.push(await connect('127.0.0.1:8080').opened.catch((error) => error.message));
            said.push(await (await fetch('http://127.0.0.1:8080/')).text());
            return Response.json(said);
        } }";
    let mut options = caller(source);
    // Though the policy of one that goes out by itself would allow it.
    options.egress = Policy::new(Mode::Any, Vec::new(), Vec::new());
    let (text, _) = run(options, |_| response(200, &[], "from the host"));
    assert_eq!(text, r#"["this app has no network","this app has no network","from the host"]"#);
}
