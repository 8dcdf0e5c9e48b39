//! Calls between app and host: bindings, methods, invocations.

use nano_core::{
    Binding, BindingKind, Body, CallContent, CallResponse, ClassShape, Headers, HostObject, Payload, ResponseHead, Status, Value,
};

use crate::support::*;

fn head(status: u16) -> ResponseHead {
    ResponseHead { status, status_text: String::new(), headers: Headers::new() }
}

#[test]
fn a_binding_is_fetched_and_answered_by_the_host() {
    let runtime = runtime(1);
    let mut options = options(
        "caller",
        "export default { async fetch(r, env) { const a = await env.API.fetch('http://api/x', { method: 'POST', body: 'ask' }); \
        return new Response(a.status + ' ' + await a.text()); } }",
    );
    options.bindings = vec!["API".into()];
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    let view = runtime.call_view(call).expect("is open");
    assert_eq!((view.app.as_str(), view.binding.as_str(), view.request), ("caller", "API", id));
    match view.content {
        CallContent::Fetch { head, body, streaming } => {
            assert_eq!((&*head.method, head.url.as_str(), &body[..], streaming), ("POST", "http://api/x", &b"ask"[..], false));
        }
        other => panic!("unexpected {other:?}"),
    }
    runtime.call_respond(call, CallResponse { head: head(201), body: Body::Whole(b"answer".to_vec()) }).expect("is open");
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, account, .. }) => {
            assert_eq!(body, b"201 answer");
            assert_eq!(account.subrequests, 1);
        }
        other => panic!("unexpected {other:?}"),
    }
    assert_eq!(runtime.call_fail(call, "again").expect_err("answered").status, Status::NotFound);
}

#[test]
fn a_method_of_a_binding_takes_and_returns_values() {
    let runtime = runtime(1);
    let mut options = options(
        "methods",
        "export default { async fetch(r, env) { const v = await env.DB.query('select', [1, 2n, new Date(0), new Uint8Array([7])]); \
        return Response.json([v.rows, v.big === 123456789012345678901234567890n]); } }",
    );
    options.bindings = vec!["DB".into()];
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    match runtime.call_view(call).expect("is open").content {
        CallContent::Method { name, args } => {
            assert_eq!(name, "query");
            let list = vec![Value::Int(1), Value::BigInt { negative: false, magnitude: vec![2] }, Value::Date(0.0), Value::Bytes(vec![7])];
            assert_eq!(args, vec![Value::Text("select".into()), Value::Array(list)]);
        }
        other => panic!("unexpected {other:?}"),
    }
    let magnitude = 123_456_789_012_345_678_901_234_567_890_u128.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
    let result = Value::Object(vec![
        ("rows".into(), Value::Array(vec![Value::Text("a".into()), Value::Null])),
        ("big".into(), Value::BigInt { negative: false, magnitude }),
    ]);
    runtime.call_return(call, result).expect("is open");
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, .. }) => assert_eq!(String::from_utf8_lossy(&body), r#"[["a",null],true]"#),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn the_global_fetch_goes_to_the_binding_that_is_named_for_it() {
    let runtime = runtime(1);
    let source = "export default { async fetch() { const r = await fetch('../b?c#d'); \
        return Response.json([r.status, await r.text(), new Request('x').url, Response.redirect('/y').headers.get('location')]); } }";
    let mut wrong = options("outbound", source);
    wrong.outbound = Some("NET".into());
    assert_eq!(runtime.load(wrong).expect_err("no such binding").status, Status::Invalid);
    let mut options = options("outbound", source);
    options.bindings = vec!["API".into(), "NET".into()];
    options.outbound = Some("NET".into());
    options.base_url = Some("https://site.test/a/".into());
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    let view = runtime.call_view(call).expect("is open");
    match (view.binding.as_str(), view.content) {
        ("NET", CallContent::Fetch { head, .. }) => assert_eq!(head.url, "https://site.test/b?c"),
        other => panic!("unexpected {other:?}"),
    }
    runtime.call_respond(call, CallResponse { head: head(200), body: Body::Whole(b"hi".to_vec()) }).expect("is open");
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, .. }) => {
            assert_eq!(String::from_utf8_lossy(&body), r#"[200,"hi","https://site.test/a/x","https://site.test/y"]"#);
        }
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn code_from_text_needs_the_hosts_trust() {
    let runtime = runtime(1);
    let source = "export default { fetch() { let a; try { a = eval('1+1') + Function('return 3')(); } catch (e) { a = e.name; } return new Response(a); } }";
    assert_eq!(text(&load(&runtime, "plain", source), "/"), "EvalError");
    let mut options = options("trusted", source);
    options.code_generation = true;
    assert_eq!(text(&runtime.load(options).expect("loads"), "/"), "5");
}

#[test]
fn a_failed_call_rejects_the_apps_promise() {
    let runtime = runtime(1);
    let mut options = options(
        "failing",
        "export default { async fetch(r, env) { try { await env.DB.get('k'); } catch (e) { return new Response(e.message); } } }",
    );
    options.bindings = vec!["DB".into()];
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    runtime.call_fail(call, "the database is away").expect("is open");
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, .. }) => assert_eq!(body, b"the database is away"),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn what_the_host_throws_has_a_name() {
    let runtime = runtime(1);
    let said = "(e) => [e.constructor.name, e.name, e.message, Object.keys(e).length].join()";
    let mut options = options(
        "thrown",
        &format!(
            "export const method = (env) => env; export default {{ async fetch(r, env) {{ \
            const all = []; for (const n of [1, 2, 3]) all.push(await env.DB.get(n).catch({said})); \
            all.push(await env.DB.fetch('http://db/').catch({said})); \
            const broken = await env.DB.fetch('http://db/'); all.push(await broken.text().catch((e) => e.message)); \
            return new Response(all.join('|')); }} }}"
        ),
    );
    options.bindings = vec!["DB".into()];
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let next_call = || wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    for name in ["TypeError", "KeyError", "", "RangeError"] {
        runtime.call_throw(next_call(), name, "no such key").expect("is open");
    }
    let call = next_call();
    runtime.call_respond(call, CallResponse { head: head(200), body: Body::Stream }).expect("is open");
    runtime.call_throw(call, "OSError", "").expect("is open");
    let wanted = "TypeError,TypeError,no such key,0|Error,KeyError,no such key,0|Error,Error,no such key,0|\
        TypeError,TypeError,RangeError: no such key,0|OSError";
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, .. }) => assert_eq!(String::from_utf8_lossy(&body), wanted),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn an_answer_of_the_wrong_kind_is_refused_and_the_call_still_waits() {
    let runtime = runtime(1);
    let source = "export default { async fetch(r, env) { const all = [await (await env.API.fetch('http://api/')).text(), await env.API.get('k'), \
        await env.make()]; const thing = new env.Thing(); await thing.name; return new Response(all.join()); } }";
    let mut options = options("kinds", source);
    let shape = ClassShape { methods: Vec::new(), properties: vec!["name".into()], constructible: true };
    options.bindings = vec![
        "API".into(),
        Binding { name: "make".into(), kind: BindingKind::Function },
        Binding { name: "Thing".into(), kind: BindingKind::Class(shape) },
    ];
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let next_call = || wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    let response = |text: &str| CallResponse { head: head(200), body: Body::Whole(text.into()) };
    let call = next_call();
    assert_eq!(runtime.call_return(call, Value::Int(42)).expect_err("a fetch").status, Status::Invalid);
    runtime.call_respond(call, response("fetched")).expect("is open");
    let thing = Value::HostObject(HostObject { class: "Thing".into(), id: 1, keeper: None });
    for value in [Value::Text("got".into()), Value::Text("made".into()), thing, Value::Text("its name".into())] {
        let call = next_call();
        for body in [Body::Whole(b"no".to_vec()), Body::Stream] {
            let error = runtime.call_respond(call, CallResponse { head: head(200), body }).expect_err("no fetch");
            assert_eq!(error.status, Status::Invalid, "{}", error.message);
        }
        runtime.call_return(call, value).expect("is open");
    }
    assert_eq!(ended_with(&runtime, id), "fetched,got,made");
}

#[test]
fn the_end_of_a_body_that_has_not_begun_is_no_answer() {
    let runtime = runtime(1);
    let source = "export default { async fetch(r, env) { const got = await env.API.get('k'); \
        return new Response(got + ' ' + await (await env.API.fetch('http://api/')).text()); } }";
    let mut options = options("ends", source);
    options.bindings = vec!["API".into()];
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let next_call = || wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    let call = next_call();
    assert_eq!(runtime.call_end(call).expect_err("not answered").status, Status::Invalid);
    runtime.call_return(call, Value::Text("got".into())).expect("is open");
    let call = next_call();
    assert_eq!(runtime.call_end(call).expect_err("not answered").status, Status::Invalid);
    runtime.call_respond(call, CallResponse { head: head(200), body: Body::Stream }).expect("is open");
    runtime.call_write(call, b"streamed").expect("is open");
    runtime.call_end(call).expect("is open");
    assert_eq!(ended_with(&runtime, id), "got streamed");
}

#[test]
fn the_host_invokes_an_exported_function() {
    let runtime = runtime(1);
    let app = load(
        &runtime,
        "functions",
        "export async function add(a, b) { return { sum: a + b }; } export function boom() { throw new Error('bad'); }",
    );
    let (value, _) = app.invoke_wait("add", vec![Value::Int(2), Value::Int(3)], Some(PATIENCE)).expect("returns");
    assert_eq!(value, Value::Object(vec![("sum".into(), Value::Int(5))]));
    let error = app.invoke_wait("boom", Vec::new(), Some(PATIENCE)).expect_err("throws");
    assert_eq!((error.status, error.message.as_str()), (Status::Exception, "Error: bad"));
    assert!(app.invoke_wait("missing", Vec::new(), Some(PATIENCE)).is_err());
}

/// An app that uploads without end, and says what stopped its stream.
const UPLOADER: &str = "export default { async fetch(r, env) { let stopped; const why = new Promise((resolve) => stopped = resolve); \
    const body = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(40000)); }, cancel(e) { stopped(e.name); } }); \
    const answer = await env.API.fetch('http://api/', { method: 'POST', body, duplex: 'half' }); \
    const text = await answer.text().catch((e) => e.name); return new Response(text + ' ' + await why); } }";

/// Takes the call that the app opens, and the first pieces of its upload, up to the window.
fn uploading(runtime: &nano_core::Runtime) -> u64 {
    let call = wait_for(runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    let mut bytes = 0;
    while bytes < 64 << 10 {
        bytes += wait_for(runtime, |event| match &event.payload {
            Payload::CallChunk(chunk) if event.id == call => Some(chunk.len()),
            _ => None,
        });
    }
    call
}

fn ended_with(runtime: &nano_core::Runtime, id: u64) -> String {
    match until_end(runtime, id).pop() {
        Some(Payload::Response { body, .. }) => String::from_utf8_lossy(&body).into_owned(),
        other => panic!("unexpected {other:?}"),
    }
}

#[test]
fn an_upload_ends_when_the_host_has_answered_without_reading_it() {
    let runtime = runtime(1);
    let mut options = options("uploader", UPLOADER);
    options.bindings = vec!["API".into()];
    let app = runtime.load(options).expect("loads");

    let id = app.dispatch(get("/")).expect("accepted");
    let call = uploading(&runtime);
    runtime.call_respond(call, CallResponse { head: head(200), body: Body::Whole(b"enough".to_vec()) }).expect("is open");
    assert_eq!(ended_with(&runtime, id), "enough TypeError");

    let id = app.dispatch(get("/")).expect("accepted");
    let call = uploading(&runtime);
    runtime.call_respond(call, CallResponse { head: head(200), body: Body::Stream }).expect("is open");
    runtime.call_write(call, b"streamed").expect("is open");
    runtime.call_end(call).expect("is open");
    assert_eq!(ended_with(&runtime, id), "streamed TypeError");

    let id = app.dispatch(get("/")).expect("accepted");
    let call = uploading(&runtime);
    runtime.call_respond(call, CallResponse { head: head(200), body: Body::Stream }).expect("is open");
    runtime.call_fail(call, "gone").expect("is open");
    assert_eq!(ended_with(&runtime, id), "TypeError TypeError");

    let id = app.dispatch(get("/")).expect("accepted");
    let call = uploading(&runtime);
    runtime.call_respond(call, CallResponse { head: head(204), body: Body::None }).expect("is open");
    assert_eq!(ended_with(&runtime, id), " TypeError");
}

#[test]
fn a_body_asked_for_after_the_request_has_ended_is_an_error_not_an_empty_text() {
    let runtime = runtime(1);
    let source = "export default { fetch(request, env, ctx) { ctx.waitUntil(new Promise((done) => setTimeout(async () => { \
        console.log(await request.text().then((text) => 'read \"' + text + '\"', (e) => 'failed ' + e.name)); done(); }, 1))); \
        return new Response('answered'); } }";
    let app = load(&runtime, "late", source);
    let logged = |init| {
        app.dispatch(init).expect("accepted");
        wait_for(&runtime, |event| match &event.payload {
            Payload::Log { text, .. } => Some(text.clone()),
            _ => None,
        })
    };
    assert_eq!(logged(post("/", "abc")), "failed TypeError");
    assert_eq!(logged(get("/")), "read \"\"");
}

#[test]
fn a_canceled_requests_body_fails_with_the_reason() {
    let runtime = runtime(1);
    let source = "export default { async fetch(request) { console.log('began'); \
        await new Promise((gone) => request.signal.addEventListener('abort', gone)); \
        console.log(await request.text().then((text) => 'read', (e) => 'failed ' + e.name)); } }";
    let app = load(&runtime, "canceled", source);
    let mut init = post("/", "");
    init.body = Body::Stream;
    let id = app.dispatch(init).expect("accepted");
    let line = |runtime: &nano_core::Runtime| {
        wait_for(runtime, |event| match &event.payload {
            Payload::Log { text, .. } => Some(text.clone()),
            _ => None,
        })
    };
    assert_eq!(line(&runtime), "began");
    runtime.request_cancel(id).expect("is open");
    assert_eq!(line(&runtime), "failed AbortError");
}
