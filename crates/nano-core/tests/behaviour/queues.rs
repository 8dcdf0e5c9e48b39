//! Queues inside the process: what producers send, what consumers get, and what becomes of messages.

use nano_core::limits::QUEUES_MAX;
use nano_core::{
    AppOptions, Binding, BindingKind, Clock, EventMask, MessageBody, Payload, QueueConsumer, QueueStats, Runtime, RuntimeLimits,
};
use nano_core::{RuntimeOptions, Status, Value};

use crate::support::*;

fn queue_runtime(limits: RuntimeLimits) -> Runtime {
    let events = EventMask { logs: true, apps: false };
    Runtime::new(RuntimeOptions { limits, events, clock: Clock::manual(), ..RuntimeOptions::default() }).expect("a runtime")
}

fn one_thread() -> RuntimeLimits {
    RuntimeLimits { threads: 1, ..RuntimeLimits::default() }
}

fn jobs(app: &str, source: &str) -> AppOptions {
    let mut options = options(app, source);
    options.bindings = vec![Binding { name: "JOBS".into(), kind: BindingKind::Queue { queue: "jobs".into() } }];
    options
}

/// An app that takes batches of two from "jobs" without waiting.
fn consumer(source: &str) -> AppOptions {
    let mut options = options("consumer", source);
    options.consumers = vec![QueueConsumer { batch: 2, batch_wait_ms: 0, ..QueueConsumer::new("jobs") }];
    options
}

const LOGS_ALL: &str = "export default { async queue(batch, env, ctx) { \
    for (const m of batch.messages) console.log(batch.queue, JSON.stringify(m.body), m.attempts); } }";

fn next_log(runtime: &Runtime) -> String {
    wait_for(runtime, |event| match &event.payload {
        Payload::Log { text, .. } => Some(text.clone()),
        _ => None,
    })
}

fn send(runtime: &Runtime, texts: &[&str]) {
    let messages = texts.iter().map(|text| (MessageBody::Text(text.to_string()), 0)).collect();
    runtime.queue_send("jobs", messages).expect("there is room");
}

fn stats(runtime: &Runtime) -> QueueStats {
    runtime.queue_stats("jobs").expect("the queue")
}

#[test]
fn what_one_app_sends_another_gets() {
    let runtime = queue_runtime(RuntimeLimits { threads: 2, ..RuntimeLimits::default() });
    runtime.load(consumer(LOGS_ALL)).expect("loads");
    let producer = jobs(
        "producer",
        "export default { async fetch(request, env) { \
           const sent = await env.JOBS.send({ a: [1, null, 'x'] }); \
           await env.JOBS.sendBatch([{ body: 2 }, { body: 'three', contentType: 'text' }].values()); \
           return new Response([sent, String(env.JOBS), typeof env.JOBS.send].join()); } }",
    );
    let producer = runtime.load(producer).expect("loads");
    assert_eq!(text(&producer, "/"), ",[object Queue],function");
    let said: Vec<String> = (0..3).map(|_| next_log(&runtime)).collect();
    assert_eq!(said, ["jobs {\"a\":[1,null,\"x\"]} 1", "jobs 2 1", "jobs \"three\" 1"]);
}

#[test]
fn bodies_come_as_their_content_type_says() {
    let runtime = queue_runtime(one_thread());
    let app = jobs(
        "app",
        "export default { async fetch(request, env) { \
           await env.JOBS.send(new Map([[1, new Date(5)]]), { contentType: 'v8' }); \
           await env.JOBS.send(new Uint16Array([258]), { contentType: 'bytes' }); \
           await env.JOBS.send(new Uint8Array([9, 8]).buffer, { contentType: 'bytes' }); \
           await env.JOBS.send(undefined, { contentType: 'v8' }); \
           return new Response(); }, \
         queue(batch) { for (const m of batch.messages) { const b = m.body; \
           console.log(b instanceof Map ? [...b].map(([k, v]) => k + ':' + v.getTime()) : b instanceof ArrayBuffer ? 'buffer ' + new Uint8Array(b) : typeof b, \
             m.timestamp instanceof Date, m.id.length, m.body === m.body); } } }",
    );
    let mut app = app;
    app.consumers = vec![QueueConsumer { batch: 4, ..QueueConsumer::new("jobs") }];
    let app = runtime.load(app).expect("loads");
    text(&app, "/");
    let said: Vec<String> = (0..4).map(|_| next_log(&runtime)).collect();
    assert_eq!(said, ["[ '1:5' ] true 32 true", "buffer 2,1 true 32 true", "buffer 9,8 true 32 true", "undefined true 32 true"]);
}

#[test]
fn what_cannot_be_sent_is_refused_with_a_reason() {
    let runtime = queue_runtime(RuntimeLimits { queue_messages: 2, ..one_thread() });
    let app = jobs(
        "app",
        "export default { async fetch(request, env) { \
           const why = async (send) => { try { await send(); return 'sent'; } catch (e) { return e.name + ': ' + e.message; } }; \
           return Response.json(await Promise.all([ \
             why(() => env.JOBS.send()), \
             why(() => env.JOBS.send(() => 1)), \
             why(() => env.JOBS.send(1, { contentType: 'xml' })), \
             why(() => env.JOBS.send(1, { contentType: 'text' })), \
             why(() => env.JOBS.send('x', { contentType: 'bytes' })), \
             why(() => env.JOBS.send(1, { delaySeconds: 1.5 })), \
             why(() => env.JOBS.send('x'.repeat(128001), { contentType: 'text' })), \
             why(() => env.JOBS.sendBatch(5)), \
             why(() => env.JOBS.sendBatch([{ body: 1 }, { body: 2 }, { body: 3 }])), \
             why(() => env.JOBS.sendBatch([{ body: 1 }, { body: 2 }])), \
             why(() => env.JOBS.send(3)), \
           ].map(async (it, i, all) => it))); } }",
    );
    let mut app = app;
    app.limits.subrequests_at_once = 50;
    let app = runtime.load(app).expect("loads");
    let said = text(&app, "/");
    let said: Vec<&str> = said.trim_matches(['[', ']', '"']).split("\",\"").collect();
    let expected = [
        "TypeError: Failed to execute 'send' on 'Queue': 1 argument required",
        "TypeError: Failed to execute 'send' on 'Queue': the body is nothing that JSON can say.",
        "TypeError: Failed to execute 'send' on 'Queue': contentType is none of",
        "TypeError: Failed to execute 'send' on 'Queue': the body of the content type",
        "TypeError: cannot send to the queue",
        "RangeError: Failed to execute 'send' on 'Queue': delaySeconds is not a whole number from 0 to 86400.",
        "Error: cannot send to the queue",
        "TypeError: Failed to execute 'sendBatch' on 'Queue': parameter 1 is not a sequence.",
        "Error: cannot send to the queue",
        "sent",
        "Error: cannot send to the queue",
    ];
    assert_eq!(said.len(), expected.len(), "{said:#?}");
    for (said, expected) in said.iter().zip(expected) {
        assert!(said.starts_with(expected), "{said}\n{expected}");
    }
    assert!(said[6].contains("the message has 128001 bytes; the most is 128000"), "{}", said[6]);
    assert!(said[10].contains("has 2 messages: no more than 2 fit (limit queue_messages)"), "{}", said[10]);
    assert_eq!((stats(&runtime).messages, stats(&runtime).sent), (2, 2));
}

#[test]
fn bytes_of_one_queue_and_of_all_are_bounded() {
    let runtime = queue_runtime(RuntimeLimits { queue_bytes: 3_000, queues_bytes: 4_000, ..one_thread() });
    let send = |queue: &str| runtime.queue_send(queue, vec![(MessageBody::Bytes(vec![0; 1_000]), 0)]);
    assert!(send("a").is_ok() && send("a").is_ok());
    let error = send("a").expect_err("full");
    assert!(error.status == Status::Overloaded && error.message.contains("limit queue_bytes"), "{}", error.message);
    assert!(send("b").is_ok());
    assert!(send("b").expect_err("full").message.contains("limit queues_bytes"));
}

#[test]
fn who_fills_queues_leaves_room_for_others() {
    let runtime = queue_runtime(RuntimeLimits { queue_bytes: 100_000, queues_bytes: 100_000, ..one_thread() });
    let sends = "export default { async fetch(request, env) { let sent = 0; \
       try { for (; sent < 100; sent++) await env.JOBS.send('x'.repeat(3000), { contentType: 'text' }); } catch (e) { return new Response(e.message); } \
       return new Response(`${sent} sent`); } }";
    let load = |name: &str| {
        let mut app = jobs(name, sends);
        app.limits.subrequests = 1_000;
        runtime.load(app).expect("loads")
    };
    let greedy = load("greedy");
    assert!(text(&greedy, "/").contains("nobody may have more there than is free (limit queues_bytes, 100000 for all)"));
    let held = stats(&runtime).bytes;
    assert!((45_000..=52_000).contains(&held), "{held}");
    // To be loaded again is no new beginning.
    greedy.unload(PATIENCE).expect("it ends");
    let again = load("greedy");
    assert!(text(&again, "/").contains("nobody may have more"));
    assert_eq!(stats(&runtime).bytes, held);
    text(&load("another"), "/");
    assert!(stats(&runtime).bytes > held + 20_000);
    assert!(runtime.queue_send("jobs", vec![(MessageBody::Bytes(vec![0; 10_000]), 0)]).is_ok(), "the host's own");
}

#[test]
fn messages_that_nobody_takes_are_dropped_after_days() {
    const DAY_MS: u64 = 24 * 3_600_000;
    let runtime = queue_runtime(one_thread());
    send(&runtime, &["old"]);
    runtime.advance_clock(3 * DAY_MS).expect("a manual clock");
    settle(&runtime);
    send(&runtime, &["young"]);
    assert_eq!(stats(&runtime).messages, 2);
    runtime.advance_clock(DAY_MS + 3_600_000).expect("a manual clock");
    until(|| stats(&runtime).dropped == 1);
    assert_eq!(stats(&runtime).messages, 1);
    runtime.load(consumer(LOGS_ALL)).expect("loads");
    assert_eq!(next_log(&runtime), "jobs \"young\" 1");
}

#[test]
fn a_batch_waits_until_it_is_full_or_old() {
    let runtime = queue_runtime(one_thread());
    let mut options = consumer("export default { queue(batch) { console.log(batch.messages.map((m) => m.body).join()); } }");
    options.consumers = vec![QueueConsumer { batch: 3, batch_wait_ms: 5_000, ..QueueConsumer::new("jobs") }];
    runtime.load(options).expect("loads");
    send(&runtime, &["a", "b", "c", "d"]);
    assert_eq!(next_log(&runtime), "a,b,c");
    runtime.advance_clock(4_999).expect("a manual clock");
    settle(&runtime);
    send(&runtime, &["e"]);
    runtime.advance_clock(1).expect("a manual clock");
    assert_eq!(next_log(&runtime), "d,e");
}

#[test]
fn a_message_can_be_sent_for_later() {
    let runtime = queue_runtime(one_thread());
    runtime.load(consumer(LOGS_ALL)).expect("loads");
    let text = |text: &str| MessageBody::Text(text.into());
    runtime.queue_send("jobs", vec![(text("later"), 60), (text("now"), 0), (text("soon"), 1)]).expect("there is room");
    assert_eq!(next_log(&runtime), "jobs \"now\" 1");
    runtime.advance_clock(1_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "jobs \"soon\" 1");
    runtime.advance_clock(59_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "jobs \"later\" 1");
    assert_eq!(runtime.queue_send("jobs", vec![(text("never"), 86_401)]).expect_err("too long").status, Status::Invalid);
}

#[test]
fn an_error_has_the_messages_that_nothing_was_said_of_come_again() {
    let runtime = queue_runtime(one_thread());
    runtime
        .load(consumer(
            "export default { async queue(batch) { console.log(batch.messages.map((m) => m.body + m.attempts).join()); \
               if (batch.messages[0].attempts === 1) { batch.messages[0].ack(); batch.messages[0].retry(); throw new Error('first'); } } }",
        ))
        .expect("loads");
    send(&runtime, &["a", "b"]);
    assert_eq!(next_log(&runtime), "a1,b1");
    assert!(next_log(&runtime).contains("first"));
    assert_eq!(next_log(&runtime), "b2");
    settle(&runtime);
    let QueueStats { messages, bytes, sent, acked, retried, .. } = stats(&runtime);
    assert_eq!((messages, bytes, sent, acked, retried), (0, 0, 2, 2, 1));
}

#[test]
fn a_message_is_retried_when_the_app_asks_and_after_the_time_it_says() {
    let runtime = queue_runtime(one_thread());
    let mut options = consumer(
        "export default { queue(batch) { const [m] = batch.messages; console.log(m.body, m.attempts); \
           if (m.body === 'all') { if (m.attempts < 2) batch.retryAll({ delaySeconds: 2 }); batch.ackAll(); } \
           else if (m.attempts < 3) m.retry({ delaySeconds: 10 }); } }",
    );
    options.consumers[0].batch = 1;
    runtime.load(options).expect("loads");
    send(&runtime, &["one"]);
    assert_eq!(next_log(&runtime), "one 1");
    settle(&runtime);
    runtime.advance_clock(9_999).expect("a manual clock");
    send(&runtime, &["all"]);
    assert_eq!(next_log(&runtime), "all 1");
    settle(&runtime);
    runtime.advance_clock(1).expect("a manual clock");
    assert_eq!(next_log(&runtime), "one 2");
    settle(&runtime);
    runtime.advance_clock(2_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "all 2");
}

#[test]
fn what_fails_for_good_goes_to_the_dead_letters_or_is_told_and_dropped() {
    let runtime = queue_runtime(one_thread());
    let failing = "export default { queue(batch) { console.log(batch.messages[0].attempts); for (;;); } }";
    let is_stopped = |log: String| log.contains("limit cpu_ms");
    let mut options = consumer(failing);
    options.consumers[0] = QueueConsumer { retries: 1, dead_letters: Some("dead".into()), ..options.consumers[0].clone() };
    let app = runtime.load(options.clone()).expect("loads");
    send(&runtime, &["a"]);
    // An instance that is condemned is an attempt like any other.
    for attempt in ["1", "2"] {
        assert_eq!(next_log(&runtime), attempt);
        assert!(is_stopped(next_log(&runtime)));
    }
    let mut dead = self::options("dead", LOGS_ALL);
    dead.consumers = vec![QueueConsumer { batch: 1, ..QueueConsumer::new("dead") }];
    runtime.load(dead).expect("loads");
    assert_eq!(next_log(&runtime), "dead \"a\" 1");
    assert_eq!((app.stats().condemned, stats(&runtime).dead, stats(&runtime).dropped), (2, 1, 0));
    options.consumers[0].dead_letters = None;
    options.consumers[0].retries = 0;
    app.reload(options).expect("reloads");
    send(&runtime, &["b"]);
    assert_eq!(next_log(&runtime), "1");
    assert!(is_stopped(next_log(&runtime)));
    let lost = "1 messages of the queue \"jobs\" failed for good and were dropped: there is no dead-letter queue";
    assert_eq!(next_log(&runtime), lost);
    assert_eq!((stats(&runtime).messages, stats(&runtime).bytes, stats(&runtime).dropped), (0, 0, 1));
}

#[test]
fn no_more_batches_than_allowed_are_under_way_and_none_twice() {
    let runtime = queue_runtime(one_thread());
    let source = "const going = []; export default { \
        queue(batch) { console.log('begin', batch.messages[0].body); return new Promise((done) => going.push(done)); }, \
        fetch() { const n = going.length; going.shift()?.(); return new Response(String(n)); } }";
    let mut options = consumer(source);
    options.consumers[0] = QueueConsumer { batch: 1, concurrency: 2, ..options.consumers[0].clone() };
    options.limits.wall_ms = 1_000_000;
    let app = runtime.load(options).expect("loads");
    send(&runtime, &["a", "b", "c"]);
    assert_eq!([next_log(&runtime), next_log(&runtime)], ["begin a", "begin b"]);
    runtime.advance_clock(600_000).expect("a manual clock");
    assert_eq!(text(&app, "/"), "2");
    assert_eq!(next_log(&runtime), "begin c");
    assert_eq!(text(&app, "/"), "2");
    settle(&runtime);
    assert_eq!((stats(&runtime).messages, stats(&runtime).acked, stats(&runtime).retried), (1, 2, 0));
}

#[test]
fn a_queue_waits_for_a_consumer_that_is_reloaded_or_gone() {
    let runtime = queue_runtime(one_thread());
    send(&runtime, &["early"]);
    let app = runtime.load(consumer(LOGS_ALL)).expect("loads");
    assert_eq!(next_log(&runtime), "jobs \"early\" 1");
    app.reload(consumer(&LOGS_ALL.replace("batch.queue,", "'again',"))).expect("reloads");
    send(&runtime, &["middle"]);
    assert_eq!(next_log(&runtime), "again \"middle\" 1");
    // A version that takes nothing.
    app.reload(options("consumer", LOGS_ALL)).expect("reloads");
    send(&runtime, &["waits"]);
    app.unload(PATIENCE).expect("unloads");
    send(&runtime, &["too"]);
    assert_eq!(stats(&runtime).messages, 2);
    runtime.load(consumer(LOGS_ALL)).expect("loads");
    assert_eq!([next_log(&runtime), next_log(&runtime)], ["jobs \"waits\" 1", "jobs \"too\" 1"]);
}

#[test]
fn a_batch_whose_consumer_is_unloaded_is_delivered_again_as_if_for_the_first_time() {
    let runtime = queue_runtime(one_thread());
    let app = runtime.load(consumer("export default { queue() { console.log('begun'); return new Promise(() => {}); } }")).expect("loads");
    send(&runtime, &["a"]);
    assert_eq!(next_log(&runtime), "begun");
    app.unload(std::time::Duration::ZERO).expect("unloads");
    runtime.load(consumer(LOGS_ALL)).expect("loads");
    runtime.advance_clock(1_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "jobs \"a\" 1");
}

#[test]
fn a_queue_has_one_consumer_and_options_have_bounds() {
    let runtime = queue_runtime(one_thread());
    runtime.load(consumer(LOGS_ALL)).expect("loads");
    let mut second = consumer(LOGS_ALL);
    second.name = "second".into();
    let error = runtime.load(second).expect_err("taken");
    assert_eq!((error.status, error.message.as_str()), (Status::Busy, "the queue \"jobs\" has a consumer already, the app \"consumer\""));
    assert!(runtime.find("second").is_none());
    let refused = |consumer: QueueConsumer| {
        let mut options = options("refused", LOGS_ALL);
        options.consumers = vec![consumer];
        runtime.load(options).expect_err("refused").message
    };
    assert!(refused(QueueConsumer { batch: 101, ..QueueConsumer::new("q") }).contains("batch is 101; it is 1 to 100"));
    assert!(refused(QueueConsumer { concurrency: 0, ..QueueConsumer::new("q") }).contains("concurrency is 0"));
    assert!(refused(QueueConsumer::new("")).contains("a queue's name"));
}

#[test]
fn a_version_that_finds_no_room_for_its_queues_changes_nothing() {
    let runtime = queue_runtime(one_thread());
    let version = |number: u32, queues: &[&str]| {
        let source = format!(
            "export default {{ fetch() {{ return new Response('{number}'); }}, queue(batch) {{ console.log({number}, batch.queue); }}, \
               scheduled(controller) {{ console.log({number}, controller.cron); }} }}"
        );
        let mut options = options("app", &source);
        options.consumers = queues.iter().map(|queue| QueueConsumer { batch: 1, ..QueueConsumer::new(*queue) }).collect();
        options.crons = vec![format!("*/{number} * * * *")];
        options
    };
    let send = |queue: &str| runtime.queue_send(queue, vec![(MessageBody::Text(String::new()), 0)]);
    let app = runtime.load(version(1, &["own"])).expect("loads");
    for number in 1..QUEUES_MAX {
        send(&format!("queue {number}")).expect("there is room");
    }
    let error = app.reload(version(2, &["own", "one more"])).expect_err("there is no room");
    assert_eq!(error.status, Status::Overloaded, "{}", error.message);
    assert_eq!(text(&app, "/"), "1");
    send("own").expect("there is room");
    assert_eq!(next_log(&runtime), "1 own");
    runtime.advance_clock(60_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "1 */1 * * * *");
    settle(&runtime);
    // One for the other there is room for, once nothing waits in it.
    app.reload(version(1, &["another"])).expect("there is room");
    send("another").expect("there is room");
    assert_eq!(next_log(&runtime), "1 another");
    assert_eq!(send("own").expect_err("it has gone").status, Status::Overloaded);
}

#[test]
fn what_is_reloaded_while_it_starts_has_the_events_of_the_version_that_serves() {
    let runtime = queue_runtime(RuntimeLimits { threads: 2, ..RuntimeLimits::default() });
    let version = |number: u32, begin: &str| {
        let source = format!(
            "import {{ env }} from 'cloudflare:workers'; {begin} export default {{ queue(batch) {{ console.log({number}, batch.queue); }}, \
               scheduled(controller) {{ console.log({number}, controller.cron); }} }}"
        );
        let mut options = options("app", &source);
        options.bindings = vec!["HOST".into()];
        options.crons = vec![format!("*/{number} * * * *")];
        options.consumers = vec![QueueConsumer { batch: 1, ..QueueConsumer::new(format!("queue {number}")) }];
        options
    };
    std::thread::scope(|scope| {
        let loading = scope.spawn(|| runtime.load(version(2, "await env.HOST.wait();")).map(drop));
        let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
        runtime.find("app").expect("it is there").reload(AppOptions { lazy: true, ..version(1, "") }).expect("reloads");
        runtime.call_return(call, Value::Null).expect("is open");
        loading.join().expect("no panic").expect("loads");
    });
    assert_eq!(runtime.queues(), ["queue 1"]);
    runtime.advance_clock(120_000).expect("a manual clock");
    assert_eq!(next_log(&runtime), "1 */1 * * * *");
}

#[test]
fn a_queue_without_messages_and_without_consumer_is_none() {
    let runtime = queue_runtime(RuntimeLimits { queue_bytes: 1_000, ..one_thread() });
    let takes = |queue: &str| AppOptions {
        consumers: vec![QueueConsumer { retries: 0, dead_letters: Some("dead".into()), ..QueueConsumer::new(queue) }],
        ..consumer("export default { async queue(batch, env) { await env.HOST.wait(); }, async fetch() {} }")
    };
    let takes = |queue: &str| AppOptions { bindings: vec!["HOST".into()], ..takes(queue) };
    let text = |bytes: usize| vec![(MessageBody::Text("x".repeat(bytes)), 0)];
    assert_eq!(runtime.queue_send("refused", text(1_001)).expect_err("too large").status, Status::Overloaded);
    runtime.queue_send("nothing", Vec::new()).expect("there is room");
    assert_eq!(runtime.queues(), [""; 0]);

    let app = runtime.load(takes("jobs")).expect("loads");
    assert_eq!(stats(&runtime), QueueStats::default());
    app.reload(takes("others")).expect("reloads");
    assert_eq!(runtime.queues(), ["others"]);
    app.reload(options("consumer", LOGS_ALL)).expect("reloads");
    assert_eq!((runtime.queues().len(), runtime.queue_stats("others")), (0, None));

    // What is under way is of its queue until it has ended.
    app.reload(takes("jobs")).expect("reloads");
    send(&runtime, &["a"]);
    runtime.advance_clock(5_000).expect("a manual clock");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    app.reload(options("consumer", LOGS_ALL)).expect("reloads");
    assert_eq!(stats(&runtime).messages, 1);
    runtime.call_fail(call, "no").expect("is open");
    until(|| runtime.queues() == ["dead"]);
    runtime.load(AppOptions { name: "buries".into(), ..takes("dead") }).expect("loads").unload(PATIENCE).expect("unloads");
    assert_eq!(runtime.queue_stats("dead").map(|stats| stats.messages), Some(1));
}

#[test]
fn a_failed_promise_of_wait_until_fails_the_batch_and_scripts_have_the_event() {
    let runtime = queue_runtime(one_thread());
    let source = "addEventListener('queue', (event) => { const [m] = event.messages; console.log(event.type, event.queue, m.attempts); \
        if (m.attempts === 1) event.waitUntil(Promise.reject(new Error('later'))); });";
    runtime.load(consumer(source)).expect("loads");
    send(&runtime, &["a"]);
    assert_eq!(next_log(&runtime), "queue jobs 1");
    assert!(next_log(&runtime).contains("later"));
    assert_eq!(next_log(&runtime), "queue jobs 2");
}

#[test]
fn queues_hold_against_an_app_that_changes_what_it_can() {
    let runtime = queue_runtime(one_thread());
    let mut app = jobs(
        "app",
        "Array.prototype.push = Array.prototype[Symbol.iterator] = JSON.stringify = JSON.parse = Date = () => { throw new Error('tampered'); }; \
         Object.prototype.delaySeconds = undefined; \
         export default { async fetch(request, env) { await env.JOBS.send({ a: 1 }); return new Response('sent'); }, \
           queue(batch) { console.log(batch.messages[0].body.a, batch.messages[0].timestamp.getTime() > 0); } }",
    );
    app.consumers = vec![QueueConsumer { batch: 1, ..QueueConsumer::new("jobs") }];
    let app = runtime.load(app).expect("loads");
    assert_eq!(text(&app, "/"), "sent");
    assert_eq!(next_log(&runtime), "1 true");
    let value = Value::Map(vec![(Value::Int(1), Value::Undefined)]);
    runtime.queue_send("jobs", vec![(MessageBody::Value(value), 0)]).expect("there is room");
    assert!(next_log(&runtime).starts_with("undefined"));
}

#[test]
fn a_message_that_no_app_can_have_fails_alone() {
    let runtime = queue_runtime(one_thread());
    let source = "export default { queue(batch) { console.log(batch.messages.map((m) => m.body + m.attempts).join()); \
                    batch.messages.at(-1).retry(); batch.ackAll(); } }";
    let mut app = options("consumer", source);
    let consumer =
        QueueConsumer { batch: 3, batch_wait_ms: 0, retries: 1, dead_letters: Some("dead".into()), ..QueueConsumer::new("jobs") };
    app.consumers = vec![consumer];
    runtime.load(app).expect("loads");
    let no_pattern = Value::RegExp { source: "(".into(), flags: String::new() };
    let text = |text: &str| MessageBody::Text(text.into());
    runtime.queue_send("jobs", vec![(text("a"), 0), (MessageBody::Value(no_pattern), 0), (text("b"), 0)]).expect("there is room");
    // The first time beside two others, the second time beside the one that is asked for again.
    for says in ["SyntaxError", "a1,b1", "SyntaxError", "b2"] {
        let said = next_log(&runtime);
        assert!(said.contains(says), "{said}");
    }
    until(|| stats(&runtime).dead == 2);
    let QueueStats { messages, acked, retried, .. } = stats(&runtime);
    assert_eq!((messages, acked, retried), (0, 1, 4));
}

#[test]
fn a_message_that_no_app_can_have_holds_nobody_up() {
    let runtime = queue_runtime(one_thread());
    let mut app = options("consumer", LOGS_ALL);
    app.consumers = vec![QueueConsumer { batch: 1, batch_wait_ms: 0, retries: 0, ..QueueConsumer::new("jobs") }];
    runtime.load(app).expect("loads");
    let no_pattern = Value::RegExp { source: "(".into(), flags: String::new() };
    runtime.queue_send("jobs", vec![(MessageBody::Value(no_pattern), 0)]).expect("there is room");
    send(&runtime, &["a"]);
    for says in ["SyntaxError", "1 messages of the queue \"jobs\" failed for good", "jobs \"a\" 1"] {
        let said = next_log(&runtime);
        assert!(said.contains(says), "{said}");
    }
}
