//! `scheduled`: by cron expressions, and by hand.

use nano_core::{App, AppOptions, LogLevel, Payload, Runtime, RuntimeLimits, RuntimeOptions, Status, Value};

use crate::support::*;

/// A manual clock that begins at a minute's 30th second, and logs.
fn runtime_at(unix_ms: u64) -> Runtime {
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let events = nano_core::EventMask { logs: true, apps: false };
    Runtime::new(RuntimeOptions { limits, events, clock: nano_core::Clock::manual_at(unix_ms), ..RuntimeOptions::default() })
        .expect("a runtime")
}

/// Half past the first minute of 2026, a Thursday.
const BEGIN_MS: u64 = 1_767_225_630_000;

const SAYS_WHEN: &str = "export default { async scheduled(controller, env, ctx) { \
    console.log(controller.cron, new Date(controller.scheduledTime).toISOString()); } }";

fn cron_options(source: &str, crons: &[&str]) -> AppOptions {
    let mut options = options("app", source);
    options.crons = crons.iter().map(|cron| cron.to_string()).collect();
    options
}

fn next_log(runtime: &Runtime) -> String {
    wait_for(runtime, |event| match &event.payload {
        Payload::Log { text, .. } => Some(text.clone()),
        _ => None,
    })
}

fn outcome(app: &App, cron: &str) -> nano_core::Result<Value> {
    app.schedule_wait(cron, 1e12, Some(PATIENCE)).map(|(value, _)| value)
}

fn ok(no_retry: bool) -> Value {
    Value::Object(vec![("outcome".into(), Value::Text("ok".into())), ("noRetry".into(), Value::Bool(no_retry))])
}

#[test]
fn an_app_is_called_in_each_minute_that_its_expressions_name() {
    let runtime = runtime_at(BEGIN_MS);
    let app = runtime.load(cron_options(SAYS_WHEN, &["* * * * *", "2 0 * * thu"])).expect("loads");
    runtime.advance_clock(29_999).expect("a manual clock");
    runtime.advance_clock(1).expect("a manual clock");
    assert_eq!(next_log(&runtime), "* * * * * 2026-01-01T00:01:00.000Z");
    runtime.advance_clock(60_000).expect("a manual clock");
    let mut both = [next_log(&runtime), next_log(&runtime)];
    both.sort();
    assert_eq!(both, ["* * * * * 2026-01-01T00:02:00.000Z", "2 0 * * thu 2026-01-01T00:02:00.000Z"]);
    assert_eq!((app.stats().requests, app.stats().errors, app.stats().skipped), (3, 0, 0));
}

#[test]
fn an_app_that_is_cold_is_started_for_its_event() {
    let runtime = runtime_at(BEGIN_MS);
    let mut options = cron_options(SAYS_WHEN, &["1 0 * * *"]);
    options.lazy = true;
    let app = runtime.load(options).expect("loads");
    assert_eq!(app.stats().starts, 0);
    runtime.advance_clock(60_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "1 0 * * * 2026-01-01T00:01:00.000Z");
    assert_eq!(app.stats().starts, 1);
}

#[test]
fn minutes_that_were_missed_are_one_event() {
    let runtime = runtime_at(BEGIN_MS);
    let app = runtime.load(cron_options(SAYS_WHEN, &["*/10 * * * *", "0 3 * * *"])).expect("loads");
    runtime.advance_clock(26 * 3_600_000).expect("a manual clock");
    let mut both = [next_log(&runtime), next_log(&runtime)];
    both.sort();
    assert_eq!(both, ["*/10 * * * * 2026-01-02T02:00:00.000Z", "0 3 * * * 2026-01-01T03:00:00.000Z"]);
    runtime.advance_clock(600_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "*/10 * * * * 2026-01-02T02:10:00.000Z");
    assert_eq!(app.stats().requests, 3);
}

#[test]
fn an_event_that_takes_long_has_the_next_skipped_and_counted() {
    let runtime = runtime_at(BEGIN_MS);
    let mut options = cron_options(
        "let go; export default { \
           scheduled(controller, env, ctx) { console.log('begun'); ctx.waitUntil(new Promise((done) => { go = done; })); }, \
           fetch() { go(); return new Response(); } }",
        &["* * * * *"],
    );
    options.limits.wall_ms = 3_600_000;
    let app = runtime.load(options).expect("loads");
    runtime.advance_clock(30_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "begun");
    runtime.advance_clock(60_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "a scheduled event of \"* * * * *\" was skipped: the one before has not ended");
    assert_eq!((app.stats().skipped, runtime.stats().skipped, app.stats().in_flight), (1, 1, 1));
    fetch(&app, "/").expect("a response");
    runtime.advance_clock(60_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "begun");
    assert!(runtime.metrics().contains("\nnano_scheduled_skipped_total 1\n"));
}

#[test]
fn a_reload_changes_the_plan_and_an_unload_ends_it() {
    let runtime = runtime_at(BEGIN_MS);
    let app = runtime.load(cron_options(SAYS_WHEN, &["* * * * *"])).expect("loads");
    app.reload(cron_options(SAYS_WHEN, &["2,4 * * * *"])).expect("reloads");
    runtime.advance_clock(30_000).expect("a manual clock");
    runtime.advance_clock(60_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "2,4 * * * * 2026-01-01T00:02:00.000Z");
    assert_eq!(app.stats().requests, 1);
    app.unload(PATIENCE).expect("unloads");
    let other = runtime.load(cron_options(SAYS_WHEN, &["4 * * * *"])).expect("loads");
    runtime.advance_clock(120_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "4 * * * * 2026-01-01T00:04:00.000Z");
    assert_eq!((app.stats().requests, other.stats().requests), (1, 1));
}

#[test]
fn an_expression_that_is_none_is_refused_by_its_words() {
    let runtime = runtime_at(BEGIN_MS);
    let refused = |crons: &[&str]| runtime.load(cron_options(SAYS_WHEN, crons)).expect_err("refused");
    let error = refused(&["* * * * *", "61 * * * *"]);
    assert_eq!(error.status, Status::Invalid);
    assert!(error.message.contains("\"61 * * * *\": \"61\" is no minute (0 to 59"), "{}", error.message);
    assert!(refused(&["0 0 * * 0"]).message.contains("1 is Sunday"));
    assert!(refused(&["* * * * *"; 65]).message.contains("the most is 64"));
}

#[test]
fn a_host_calls_scheduled_itself() {
    let runtime = runtime(1);
    let app = load(
        &runtime,
        "app",
        "export default { async scheduled(controller, env, ctx) { \
           if (controller.cron === 'throw') throw new TypeError('bad'); \
           if (controller.cron === 'late') ctx.waitUntil((async () => { await 1; throw new Error('late'); })()); \
           if (controller.cron === 'loop') for (;;); \
           if (controller.cron === 'once') controller.noRetry(); \
           if (controller.scheduledTime !== 1e12) throw new Error('time'); \
           if (Object.prototype.toString.call(controller) !== '[object ScheduledController]') throw new Error('shape'); \
         } }",
    );
    assert_eq!(outcome(&app, "now"), Ok(ok(false)));
    assert_eq!(outcome(&app, "once"), Ok(ok(true)));
    let error = outcome(&app, "throw").expect_err("thrown");
    assert_eq!((error.status, error.message.as_str()), (Status::Exception, "TypeError: bad"));
    assert_eq!(outcome(&app, "late").expect_err("rejected").message, "Error: late");
    assert_eq!(outcome(&app, "loop").expect_err("stopped").status, Status::CpuLimit);
    let id = app.schedule("now", 1e12, 7).expect("accepted");
    let ended = wait_for(&runtime, |event| (event.id == id).then(|| (event.user_data, format!("{:?}", event.payload))));
    assert!(ended.0 == 7 && ended.1.starts_with("Result("), "{ended:?}");
}

#[test]
fn a_time_that_no_date_has_is_refused() {
    let runtime = runtime(1);
    let source = "export default { scheduled({ scheduledTime }) { new Date(scheduledTime).toISOString(); } }";
    let app = load(&runtime, "app", source);
    for time_ms in [u64::MAX as f64, 8.64e15 + 2.0, -9e15, f64::NAN, f64::INFINITY] {
        assert_eq!(app.schedule("x", time_ms, 0).expect_err("no time").status, Status::Invalid, "{time_ms}");
        assert_eq!(app.schedule_wait("x", time_ms, Some(PATIENCE)).expect_err("no time").status, Status::Invalid, "{time_ms}");
    }
    for time_ms in [8.64e15, 0.0, -8.64e15] {
        app.schedule_wait("x", time_ms, Some(PATIENCE)).expect("a date");
    }
}

#[test]
fn a_scheduled_event_ends_by_the_wall_limit() {
    let runtime = manual_runtime(1);
    let mut options = options("app", "export default { scheduled(c, env, ctx) { return new Promise(() => {}); } }");
    options.limits.wall_ms = 1_000;
    let app = runtime.load(options).expect("loads");
    let id = app.schedule("* * * * *", 0.0, 0).expect("accepted");
    // It has begun when this is answered.
    assert_eq!(app.invoke_wait("nothing", vec![], Some(PATIENCE)).expect_err("no such function").status, Status::Exception);
    runtime.advance_clock(1_000).expect("a manual clock");
    let status = wait_for(&runtime, |event| match &event.payload {
        Payload::Error(error, _) if event.id == id => Some(error.status),
        _ => None,
    });
    assert_eq!(status, Status::WallLimit);
}

#[test]
fn every_kind_of_app_has_a_scheduled_handler() {
    let runtime = runtime(1);
    let script = load(
        &runtime,
        "script",
        "addEventListener('scheduled', (event) => { console.log(event.type, event.cron, event.scheduledTime, typeof event.noRetry); \
           event.waitUntil(Promise.resolve()); \
           const other = new EventTarget(); other.addEventListener('x', () => { throw new Error('told'); }); other.dispatchEvent(new Event('x')); \
           if (event.cron === 'throw') throw new Error('thrown'); });",
    );
    assert_eq!(outcome(&script, "throw").expect_err("thrown").message, "Error: thrown");
    assert_eq!(outcome(&script, "a b"), Ok(ok(false)));
    assert_eq!(next_log(&runtime), "scheduled throw 1000000000000 function");
    assert!(next_log(&runtime).starts_with("Uncaught Error: told"));
    assert!(next_log(&runtime).starts_with("Uncaught Error: thrown"));
    assert_eq!(next_log(&runtime), "scheduled a b 1000000000000 function");
    assert!(next_log(&runtime).starts_with("Uncaught Error: told"));
    let class = "import { WorkerEntrypoint, waitUntil } from 'cloudflare:workers'; \
        export default class extends WorkerEntrypoint { \
          async scheduled(controller) { waitUntil(Promise.resolve()); console.log(this.env.NAME, controller.cron, typeof this.ctx.waitUntil); } }";
    let mut with_env = options("class", class);
    with_env.env = vec![("NAME".into(), "nano".into())];
    let class = runtime.load(with_env).expect("loads");
    assert_eq!(outcome(&class, "x"), Ok(ok(false)));
    assert_eq!(next_log(&runtime), "nano x function");
    let none = load(&runtime, "none", "export default { fetch() { return new Response(); } }");
    let error = outcome(&none, "x").expect_err("no handler");
    assert!(error.message.starts_with("TypeError: This app has no handler 'scheduled'"), "{}", error.message);
    let level = wait_for(&runtime, |event| match &event.payload {
        Payload::Log { app, level, .. } if app == "none" => Some(*level),
        _ => None,
    });
    assert_eq!(level, LogLevel::Error);
}

#[test]
fn apps_cannot_tamper_with_the_events_of_others_to_come() {
    let runtime = runtime(1);
    let app = load(
        &runtime,
        "app",
        "Map.prototype.get = Map.prototype.set = Promise.prototype.then = Array.prototype.push = () => { throw new Error('tampered'); }; \
         Object.prototype.outcome = 'changed'; \
         export default { async scheduled(controller, env, ctx) { ctx.waitUntil((async () => { await 1; })()); await null; } }",
    );
    assert_eq!(outcome(&app, "x"), Ok(ok(false)));
}
