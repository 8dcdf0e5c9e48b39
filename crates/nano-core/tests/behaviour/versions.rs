//! What the host knows versions of an app by: who calls it, and when one has ended.

use nano_core::{
    App, AppOptions, Binding, BindingKind, ClassShape, Event, HostObject, Payload, Prepared, QueueConsumer, Runtime, RuntimeLimits,
    RuntimeOptions, Status, Value,
};

use crate::support::*;

const ASKS: &str = "export default { async fetch(request, env) { return new Response(await env.ask(new URL(request.url).pathname)); } }";

fn version(user_data: u64, source: &str) -> AppOptions {
    let mut options = options("app", source);
    options.bindings = vec![Binding { name: "ask".into(), kind: BindingKind::Function }];
    options.user_data = user_data;
    options
}

/// The next event that is about a version: a call, the end of a request, what the host has got back, or a version's end.
fn next(runtime: &Runtime) -> Event {
    let about = |event: &Event| !matches!(event.payload, Payload::Log { .. } | Payload::App { .. });
    let mut found = None;
    let mut events = Vec::new();
    while found.is_none() {
        assert!(runtime.wait(1, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer") > 0, "no event came");
        found = events.pop().filter(about);
    }
    found.expect("an event")
}

fn ended(event: &Event) -> Option<u64> {
    matches!(event.payload, Payload::VersionEnd).then_some(event.user_data)
}

fn next_call(runtime: &Runtime) -> u64 {
    let event = next(runtime);
    assert!(matches!(event.payload, Payload::Call), "{event:?}");
    event.id
}

/// Lets a call end, and the request that made it.
fn answer(runtime: &Runtime, call: u64) {
    runtime.call_return(call, Value::Text("answer".into())).expect("is open");
    let event = next(runtime);
    assert!(matches!(event.payload, Payload::Response { end: true, .. }), "{event:?}");
}

/// Whoever is told of an end without end would be told of it again.
fn nothing_more_of(runtime: Runtime) {
    runtime.free();
    let mut events = Vec::new();
    runtime.poll(usize::MAX, &mut events).expect("the only consumer");
    assert!(!events.iter().any(|event| ended(event).is_some()), "{events:?}");
}

fn begin(runtime: &Runtime, app: &App) -> u64 {
    app.dispatch(get("/")).expect("accepted");
    next_call(runtime)
}

#[test]
fn a_call_names_the_version_that_makes_it_and_each_version_ends_after_its_last_one() {
    let runtime = runtime(1);
    let app = runtime.load(version(1, ASKS)).expect("loads");
    let calls: Vec<u64> = (1..=3)
        .map(|number| {
            if number > 1 {
                app.reload(version(number, ASKS)).expect("reloads");
            }
            begin(&runtime, &app)
        })
        .collect();
    for (number, call) in (1..).zip(&calls) {
        assert_eq!(runtime.call_view(*call).expect("is open").user_data, number);
    }
    for (number, call) in [(2, calls[1]), (1, calls[0])] {
        answer(&runtime, call);
        assert_eq!(ended(&next(&runtime)), Some(number));
    }
    answer(&runtime, calls[2]);
    app.unload(PATIENCE).expect("nothing is in flight");
    assert_eq!(ended(&next(&runtime)), Some(3));
    nothing_more_of(runtime);
}

#[test]
fn what_a_request_leaves_running_keeps_its_version() {
    let runtime = runtime(1);
    let source = "export default { async fetch(request, env, ctx) { ctx.waitUntil(env.ask('later')); return new Response('now'); } }";
    let app = runtime.load(version(1, source)).expect("loads");
    app.dispatch(get("/")).expect("accepted");
    let (first, second) = (next(&runtime), next(&runtime));
    let call = [&first, &second].into_iter().find(|event| matches!(event.payload, Payload::Call)).expect("a call").id;
    app.reload(version(0, ASKS)).expect("reloads");
    settle(&runtime);
    assert_eq!(runtime.call_view(call).expect("is open").user_data, 1);
    runtime.call_return(call, Value::Null).expect("is open");
    assert_eq!(ended(&next(&runtime)), Some(1));
    assert_eq!(runtime.call_view(begin(&runtime, &app)).expect("is open").user_data, 0);
    nothing_more_of(runtime);
}

#[test]
fn a_version_that_does_not_come_to_be_ends_once() {
    let runtime = runtime(1);
    let refused = |options| runtime.load(options).map(drop).expect_err("it does not start").status;
    assert_eq!(refused(version(1, "export default { fetch() { return ")), Status::Compile);
    assert_eq!(ended(&next(&runtime)), Some(1));
    // Its module has called before it failed.
    let fails = "import { env } from 'cloudflare:workers'; env.ask('early').catch(() => {}); throw new Error('no')";
    assert_eq!(refused(version(2, fails)), Status::Exception);
    next_call(&runtime);
    assert!(matches!(next(&runtime).payload, Payload::CallCanceled));
    assert_eq!(ended(&next(&runtime)), Some(2));

    let app = runtime.load(version(3, ASKS)).expect("loads");
    assert_eq!(refused(version(4, ASKS)), Status::Busy);
    assert_eq!(ended(&next(&runtime)), Some(4));
    app.reload(version(5, "throw new Error('no')")).expect_err("it does not start");
    assert_eq!(ended(&next(&runtime)), Some(5));
    let call = begin(&runtime, &app);
    assert_eq!(runtime.call_view(call).expect("is open").user_data, 3);
    answer(&runtime, call);
    runtime.free();
    assert_eq!(ended(&next(&runtime)), Some(3));
    assert_eq!(runtime.load(version(6, ASKS)).expect_err("it is freed").status, Status::Shutdown);
    assert_eq!(ended(&next(&runtime)), Some(6));
    nothing_more_of(runtime);
}

#[test]
fn a_version_ends_with_the_thread_that_ran_it() {
    let runtime = runtime(1);
    let source = "export default { async fetch(request, env) { await env.ask(1); new Array(1e9).fill(0); } }";
    let mut breaks = version(1, source);
    breaks.limits.cpu_ms = 10;
    let app = runtime.load(breaks).expect("loads");
    let call = begin(&runtime, &app);
    app.reload(version(2, ASKS)).expect("reloads");
    runtime.call_return(call, Value::Null).expect("is open");
    let event = next(&runtime);
    assert!(matches!(&event.payload, Payload::Error(error, _) if error.status == Status::CpuLimit), "{event:?}");
    assert_eq!(ended(&next(&runtime)), Some(1));
    answer(&runtime, begin(&runtime, &app));
}

#[test]
fn what_a_version_holds_comes_back_before_it_ends() {
    let runtime = runtime(1);
    let source =
        "const kept = []; export default { async fetch(request, env) { kept.push(await env.ask()); return new Response('kept'); } }";
    let mut options = version(1, source);
    let shape = ClassShape { methods: Vec::new(), properties: vec!["name".into()], constructible: false };
    options.bindings.push(Binding { name: "Thing".into(), kind: BindingKind::Class(shape) });
    let app = runtime.load(options).expect("loads");
    let call = begin(&runtime, &app);
    runtime.call_return(call, Value::HostObject(HostObject { class: "Thing".into(), id: 7, keeper: None })).expect("is open");
    assert!(matches!(next(&runtime).payload, Payload::Response { end: true, .. }));
    app.reload(version(2, ASKS)).expect("reloads");
    let event = next(&runtime);
    assert!(matches!(event.payload, Payload::Release { .. }) && event.id == 7, "{event:?}");
    assert_eq!(ended(&next(&runtime)), Some(1));
}

#[test]
fn apps_that_are_loaded_together_do_not_take_one_another_s_name_or_queue() {
    let limits = RuntimeLimits { threads: 1, apps: 4, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let named = |name: &str| options(name, "export default { fetch() {}, queue() {} }");
    let takes = |name: &str, queue: &str| AppOptions { consumers: vec![QueueConsumer::new(queue)], ..named(name) };
    let old = [runtime.load(takes("a", "q")).expect("it starts")];
    runtime.load(named("taken")).expect("it starts");
    let refused = |list: Vec<AppOptions>| {
        let prepared = list.into_iter().map(|options| Prepared::read(options).expect("it compiles")).collect();
        let (index, error) = runtime.load_in_place(prepared, &old).map(drop).expect_err("they cannot be");
        let mut names: Vec<_> = runtime.apps().into_iter().map(|app| app.name).collect();
        names.sort();
        assert_eq!(names, ["a", "taken"], "{error}");
        (index, error.status, error.message)
    };
    let (index, status, why) = refused(vec![takes("a", "q"), takes("b", "q")]);
    assert_eq!((index, status), (1, Status::Busy), "{why}");
    assert!(why.contains("the queue \"q\""), "{why}");
    let (index, status, why) = refused(vec![named("a"), named("b"), named("b")]);
    assert_eq!((index, status), (2, Status::Busy), "{why}");
    assert!(why.contains("\"b\""), "{why}");
    let (index, status, why) = refused(vec![named("a"), named("taken")]);
    assert_eq!((index, status), (1, Status::Busy), "{why}");
    let (index, status, why) = refused(vec![named("a"), named("b"), named("c")]);
    assert_eq!((index, status), (2, Status::Capacity), "{why}");
}

#[test]
fn apps_are_loaded_in_place_of_others_all_or_none() {
    let runtime = runtime(2);
    let named = |name: &str, text: &str| options(name, &format!("export default {{ fetch() {{ return new Response('{text}'); }} }};"));
    let prepared = |list: &[(&str, &str)]| -> Vec<Prepared> {
        list.iter().map(|(name, text)| Prepared::read(named(name, text)).expect("it compiles")).collect()
    };
    let ask = |app: &App| String::from_utf8(app.fetch(get("/"), Some(PATIENCE)).expect("an answer").body).expect("text");
    let answers = || ["a", "b"].map(|name| ask(&runtime.find(name).expect("an app")));
    let old = ["a", "b"].map(|name| runtime.load(named(name, &format!("old {name}"))).expect("it starts"));
    let mut broken = prepared(&[("b", "new b")]);
    broken.push(Prepared::read(options("a", "throw new Error('at start');")).expect("it compiles"));
    let (index, error) = runtime.load_in_place(broken, &old).expect_err("one does not start");
    assert!(index == 1 && error.message.contains("at start"), "{error:?}");
    assert_eq!(answers(), ["old a", "old b"]);
    let (_, error) = runtime.load_in_place(prepared(&[("c", ""), ("a", "")]), &old[1..]).expect_err("a is not given up");
    assert!(error.status == Status::Busy && runtime.find("c").is_none(), "{error:?}");
    let new = runtime.load_in_place(prepared(&[("b", "new b"), ("a", "new a")]), &old).expect("both start");
    assert_eq!((answers(), new[0].name(), runtime.apps().len()), (["new a".to_string(), "new b".into()], "b", 2));
    // Whoever has the old ones goes on with them, and what becomes of them is nobody else's business.
    assert_eq!((ask(&old[0]), ask(&old[1])), ("old a".into(), "old b".into()));
    old.iter().for_each(|app| app.unload(PATIENCE).expect("nothing is left of it"));
    assert_eq!((answers(), runtime.apps().len()), (["new a".to_string(), "new b".into()], 2));
}
