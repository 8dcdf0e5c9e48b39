//! An event has so many calls open at once (`subrequests_at_once`); those beyond wait, and hurt no other event.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use nano_core::policy::{Mode, Policy};
use nano_core::{App, Body, CallContent, CallResponse, Headers, Payload, ResponseHead, Runtime, Value};

use crate::support::*;

/// An app with a binding, that has the default of six.
fn app(runtime: &Runtime, body: &str) -> App {
    let mut options = options(
        "greedy",
        &format!("export default {{ async fetch(request, env) {{ const path = new URL(request.url).pathname; {body} }} }}"),
    );
    options.bindings = vec!["DB".into()];
    runtime.load(options).expect("loads")
}

/// The number that the next call asks with.
fn next(runtime: &Runtime) -> (u64, i64) {
    let call = wait_for(runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    match runtime.call_view(call).expect("is open").content {
        CallContent::Method { args, .. } => match args[..] {
            [Value::Int(number)] => (call, number),
            _ => panic!("unexpected {args:?}"),
        },
        other => panic!("unexpected {other:?}"),
    }
}

fn answer(runtime: &Runtime, (call, number): (u64, i64)) {
    runtime.call_return(call, Value::Int(number as _)).expect("is open");
}

fn text_of(runtime: &Runtime, id: u64) -> String {
    match until_end(runtime, id).pop() {
        Some(Payload::Response { body, .. }) => String::from_utf8(body).expect("UTF-8"),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn those_beyond_wait_until_one_is_answered() {
    let runtime = runtime(1);
    let app = app(
        &runtime,
        "if (path === '/ping') return new Response('pong'); \
        return Response.json(await Promise.all(Array.from({ length: 15 }, (_, i) => env.DB.get(i))));",
    );
    let id = app.dispatch(get("/")).expect("accepted");
    let mut open: Vec<_> = (0..6).map(|_| next(&runtime)).collect();
    // A turn later there is no seventh.
    let ping = app.dispatch(get("/ping")).expect("accepted");
    wait_for(&runtime, |event| {
        assert!(!matches!(event.payload, Payload::Call), "a seventh call is open");
        (event.id == ping && matches!(event.payload, Payload::Response { .. })).then_some(())
    });
    for _ in 6..15 {
        answer(&runtime, open.remove(2));
        open.push(next(&runtime));
    }
    assert_eq!(open.iter().map(|call| call.1).collect::<Vec<_>>()[3..], [12, 13, 14], "in their order");
    open.into_iter().for_each(|call| answer(&runtime, call));
    assert_eq!(text_of(&runtime, id), "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14]");
}

#[test]
fn each_event_has_its_own() {
    let runtime = runtime(1);
    let app = app(&runtime, "return new Response(String(await env.DB.get(Number(path.slice(1)))));");
    // Those whose visitors are still waited for, or have gone, do not keep others out.
    let ids: Vec<u64> = (0..20).map(|number| app.dispatch(get(&format!("/{number}"))).expect("accepted")).collect();
    let open: Vec<_> = ids.iter().map(|_| next(&runtime)).collect();
    open.into_iter().for_each(|call| answer(&runtime, call));
    let mut left = ids;
    while !left.is_empty() {
        let ended = wait_for(&runtime, |event| matches!(event.payload, Payload::Response { .. }).then_some(event.id));
        left.retain(|id| *id != ended);
    }
}

#[test]
fn one_that_waits_can_be_given_up_and_has_its_body_kept() {
    let runtime = runtime(1);
    let app = app(
        &runtime,
        "const calls = Array.from({ length: 6 }, (_, i) => env.DB.get(i)); \
        const aborter = new AbortController(); \
        const ask = (text, signal) => env.DB.fetch('http://db/' + text, { method: 'POST', duplex: 'half', signal, body: new ReadableStream({ \
            start(c) { c.enqueue(new TextEncoder().encode(text)); c.close(); } }) }); \
        const given = ask('never', aborter.signal).catch((e) => e.name), kept = ask('kept'); \
        setTimeout(() => { aborter.abort(); console.log('given up'); }, 0); \
        const answers = await Promise.all([given, ...calls]); \
        return Response.json([answers, await (await kept).text()]);",
    );
    let id = app.dispatch(get("/")).expect("accepted");
    let open: Vec<_> = (0..6).map(|_| next(&runtime)).collect();
    wait_for(&runtime, |event| matches!(event.payload, Payload::Log { .. }).then_some(()));
    open.into_iter().for_each(|call| answer(&runtime, call));
    // What was given up is never asked for.
    let kept = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    match runtime.call_view(kept).expect("is open").content {
        CallContent::Fetch { head, streaming: true, .. } => assert_eq!(head.url, "http://db/kept"),
        other => panic!("unexpected {other:?}"),
    }
    let mut body = Vec::new();
    loop {
        let chunk = wait_for(&runtime, |event| match &event.payload {
            Payload::CallChunk(chunk) if event.id == kept => Some(chunk.clone()),
            _ => None,
        });
        if chunk.is_empty() {
            break;
        }
        body.extend(chunk);
    }
    assert_eq!(body, b"kept");
    let head = ResponseHead { status: 200, status_text: String::new(), headers: Headers::new() };
    runtime.call_respond(kept, CallResponse { head, body: Body::Whole(body) }).expect("is open");
    assert_eq!(text_of(&runtime, id), r#"[["AbortError",0,1,2,3,4,5],"kept"]"#);
}

#[test]
fn requests_to_the_network_wait_too() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    let runtime = runtime(1);
    let mut options = options(
        "greedy",
        &format!(
            "export default {{ async fetch(request) {{ if (request.url.endsWith('ping')) return new Response('pong'); \
            const texts = await Promise.all(Array.from({{ length: 9 }}, async (_, i) => (await fetch('{url}' + i)).text())); \
            return new Response(texts.join()); }} }}"
        ),
    );
    options.egress = Policy::new(Mode::Any, Vec::new(), Vec::new());
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let mut open: Vec<TcpStream> = (0..6).map(|_| listener.accept().expect("a connection").0).collect();
    assert_eq!(text(&app, "/ping"), "pong");
    listener.set_nonblocking(true).expect("works");
    assert!(listener.accept().is_err(), "a seventh request is under way");
    listener.set_nonblocking(false).expect("works");
    let serve = |mut stream: TcpStream| {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("a request");
            head.push(byte[0]);
        }
        let number = char::from(head[5]);
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\n{number}").expect("is read");
    };
    for _ in 6..9 {
        serve(open.remove(0));
        open.push(listener.accept().expect("the next one").0);
    }
    open.into_iter().for_each(serve);
    assert_eq!(text_of(&runtime, id), "0,1,2,3,4,5,6,7,8");
}
