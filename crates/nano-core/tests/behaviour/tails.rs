//! Apps that are told of the events of others.

use nano_core::{AppOptions, Clock, EventMask, MessageBody, Payload, QueueConsumer, Runtime, RuntimeLimits, RuntimeOptions};

use crate::support::*;

fn tail_runtime() -> Runtime {
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let events = EventMask { logs: true, apps: false };
    Runtime::new(RuntimeOptions { limits, events, clock: Clock::manual(), ..RuntimeOptions::default() }).expect("a runtime")
}

fn tailed(source: &str) -> AppOptions {
    let mut options = options("app", source);
    options.tail = vec!["tail".into()];
    options
}

/// What the tail worker says next.
fn next_told(runtime: &Runtime) -> String {
    wait_for(runtime, |event| match &event.payload {
        Payload::Log { app, text, .. } if app == "tail" => Some(text.clone()),
        _ => None,
    })
}

/// A tail worker that says an expression of each event.
fn telling(expression: &str) -> String {
    format!("export default {{ tail(events, env, ctx) {{ for (const e of events) console.log({expression}); }} }}")
}

#[test]
fn an_app_is_told_of_requests_with_their_logs_and_outcome() {
    let runtime = tail_runtime();
    load(
        &runtime,
        "tail",
        &telling(
            "JSON.stringify([e.scriptName, e.outcome, e.event.request.method, e.event.request.url, e.event.response?.status, \
               e.logs.map((l) => [l.level, l.message, typeof l.timestamp]), e.exceptions.map((x) => [x.name, x.message]), \
               typeof e.cpuTime, typeof e.wallTime, typeof e.eventTimestamp, e.truncated])",
        ),
    );
    let app = tailed(
        "export default { async fetch(request, env, ctx) { console.log('one', 2); console.error('bad'); \
           if (request.url.endsWith('/loop')) for (;;); \
           ctx.waitUntil((async () => { await null; console.warn('later'); })()); \
           if (request.url.endsWith('/throw')) throw new RangeError('too far'); \
           return new Response('x', { status: 201 }); } }",
    );
    let app = runtime.load(app).expect("loads");
    for path in ["/a", "/throw", "/loop"] {
        let _ = fetch(&app, path);
    }
    settle(&runtime);
    runtime.advance_clock(250).expect("a manual clock");
    let tail = r#""number","number","number",false]"#;
    let logs = r#"[["log",["one 2"],"number"],["error",["bad"],"number"]"#;
    let later = r#"["warn",["later"],"number"]]"#;
    assert_eq!(next_told(&runtime), format!(r#"["app","ok","GET","http://app.test/a",201,{logs},{later},[],{tail}"#));
    let thrown = r#"[["RangeError","too far"]]"#;
    assert_eq!(next_told(&runtime), format!(r#"["app","exception","GET","http://app.test/throw",null,{logs},{later},{thrown},{tail}"#));
    let over = r#"[["Error","the app used more than 400 ms of CPU time in one event (limit cpu_ms)"]]"#;
    assert_eq!(next_told(&runtime), format!(r#"["app","exceededCpu","GET","http://app.test/loop",null,{logs}],{over},{tail}"#));
}

#[test]
fn secrets_of_a_request_are_shown_to_who_asks() {
    let runtime = tail_runtime();
    let request = "e.event.request";
    load(
        &runtime,
        "tail",
        &telling(&format!(
            "[{request}.headers.authorization, {request}.headers.accept, {request}.url, \
               {request}.getUnredacted().headers.authorization, {request}.getUnredacted().url, Object.keys({request})].join(' ')"
        )),
    );
    let app = runtime.load(tailed("export default { fetch() { return new Response(); } }")).expect("loads");
    let mut init = get("/0123456789abcdef0123456789abcdef");
    assert!(init.head.headers.push(b"Authorization", b"Bearer x"));
    app.fetch(init, Some(PATIENCE)).expect("a response");
    settle(&runtime);
    runtime.advance_clock(250).expect("a manual clock");
    let whole = "http://app.test/0123456789abcdef0123456789abcdef";
    assert_eq!(next_told(&runtime), format!("REDACTED */* http://app.test/REDACTED Bearer x {whole} url,method,headers"));
}

#[test]
fn events_of_every_kind_are_told() {
    let runtime = tail_runtime();
    load(&runtime, "tail", &telling("e.outcome, JSON.stringify(e.event)"));
    let mut app = tailed(
        "export function add(a, b) { return a + b; } export default { scheduled() {}, queue() { throw new Error('x'); }, fetch() {} }",
    );
    app.consumers = vec![QueueConsumer { batch: 1, retries: 0, ..QueueConsumer::new("jobs") }];
    let app = runtime.load(app).expect("loads");
    app.schedule_wait("* * * * *", 5.0, Some(PATIENCE)).expect("an end");
    runtime.queue_send("jobs", vec![(MessageBody::Text("a".into()), 0)]).expect("there is room");
    settle(&runtime);
    app.invoke_wait("add", vec![], Some(PATIENCE)).expect("an end");
    settle(&runtime);
    runtime.advance_clock(250).expect("a manual clock");
    let mut told: Vec<String> = (0..3).map(|_| next_told(&runtime)).collect();
    told.sort();
    let expected =
        [r#"exception {"queue":"jobs","batchSize":1}"#, r#"ok {"cron":"* * * * *","scheduledTime":5}"#, r#"ok {"rpcMethod":"add"}"#];
    assert_eq!(told, expected);
}

#[test]
fn events_are_told_in_batches_and_those_too_many_are_dropped_and_counted() {
    let runtime = tail_runtime();
    load(&runtime, "tail", "export default { tail(events) { console.log(events.length); } }");
    let app = runtime.load(tailed("export default { fetch() { return new Response(); } }")).expect("loads");
    for _ in 0..1_005 {
        fetch(&app, "/").expect("a response");
    }
    settle(&runtime);
    assert_eq!((app.stats().untold, runtime.stats().untold), (5, 5));
    settle(&runtime);
    runtime.advance_clock(250).expect("a manual clock");
    for _ in 0..10 {
        assert_eq!(next_told(&runtime), "100");
    }
    assert!(runtime.metrics().contains("\nnano_tail_dropped_total 5\n"));
}

#[test]
fn a_tail_worker_is_not_told_of_itself_and_telling_is_not_told_on() {
    let runtime = tail_runtime();
    let source = format!("export function own() {{}} {}", telling("e.scriptName, JSON.stringify(e.event.rpcMethod)"));
    let mut tail = options("tail", &source);
    tail.tail = vec!["tail".into(), "app".into()];
    let tail = runtime.load(tail).expect("loads");
    let app = runtime.load(tailed("export function f() {} export default { tail(events) { f(); } }")).expect("loads");
    tail.invoke_wait("own", vec![], Some(PATIENCE)).expect("an end");
    app.invoke_wait("f", vec![], Some(PATIENCE)).expect("an end");
    settle(&runtime);
    runtime.advance_clock(250).expect("a manual clock");
    assert_eq!(next_told(&runtime), "app \"f\"");
    app.invoke_wait("f", vec![], Some(PATIENCE)).expect("an end");
    settle(&runtime);
    runtime.advance_clock(250).expect("a manual clock");
    assert_eq!(next_told(&runtime), "app \"f\"");
    // Two calls of its own and one telling; the other was told twice.
    assert_eq!((app.stats().requests, tail.stats().requests, app.stats().untold), (3, 3, 0));
}

#[test]
fn nobody_waits_for_a_tail_worker_that_is_not_there() {
    let runtime = tail_runtime();
    let app = runtime.load(tailed("export default { fetch() { return new Response('x'); } }")).expect("loads");
    assert_eq!(text(&app, "/"), "x");
    settle(&runtime);
    assert_eq!(app.stats().untold, 1);
    let mut many = options("many", "export default { fetch() {} }");
    many.tail = (0..9).map(|n| format!("tail{n}")).collect();
    assert!(runtime.load(many).expect_err("refused").message.contains("9 tail consumers; the most is 8"));
}
