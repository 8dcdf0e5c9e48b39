//! Memory outside the heap: whatever form it takes, it is counted before there is any.

use nano_core::{App, Body, Payload, RequestInit, Runtime, Status};

use crate::support::*;

const MIB: usize = 1 << 20;

/// An app whose handler is `body`, with time to collect its garbage.
fn app_of(runtime: &Runtime, name: &str, body: &str) -> App {
    let mut options = options(name, &format!("export default {{ fetch() {{ {body} }} }}"));
    options.limits.cpu_ms = 10_000;
    runtime.load(options).expect("loads")
}

/// The error's name and the number of an answer like "RangeError 12".
fn refused_at(app: &App) -> (String, u32) {
    let answer = text(app, "/");
    let (name, count) = answer.split_once(' ').expect("two words");
    (name.to_string(), count.parse().expect("a number"))
}

#[test]
fn wasm_memories_are_counted() {
    let runtime = runtime(1);
    let source = "const kept = []; try { for (;;) kept.push(new WebAssembly.Memory({ initial: 64, maximum: 64 })); } \
        catch (e) { return new Response(e.name + ' ' + kept.length); }";
    assert_eq!(refused_at(&app_of(&runtime, "many", source)), ("RangeError".into(), 8), "of 4 MiB each in 32");
    let source = "const kept = new ArrayBuffer(16 << 20), memory = new WebAssembly.Memory({ initial: 1 }); let n = 1; \
        try { for (;; n++) memory.grow(1); } catch (e) { return new Response(e.name + ' ' + (n * 65536 + kept.byteLength)); }";
    let (name, bytes) = refused_at(&app_of(&runtime, "grown", source));
    assert_eq!(name, "RangeError");
    assert_eq!(bytes as usize, 32 * MIB, "a buffer and a memory share the budget");
}

#[test]
fn resizable_buffers_are_counted() {
    let runtime = runtime(1);
    let source = "const b = new ArrayBuffer(1 << 20, { maxByteLength: 32 << 20 }), kept = new ArrayBuffer(16 << 20); let n = 1; \
        try { for (;; n++) b.resize((n + 1) << 20); } catch (e) { b.resize(0); b.resize(4 << 20); return new Response(e.name + ' ' + n); }";
    assert_eq!(refused_at(&app_of(&runtime, "resized", source)), ("RangeError".into(), 16));
    let source = "try { new ArrayBuffer(0, { maxByteLength: 2 ** 31 }); } catch (e) { return new Response(e.name + ' 0'); } return new Response('none 1');";
    assert_eq!(refused_at(&app_of(&runtime, "reserved", source)), ("RangeError".into(), 0), "address space is bounded as well");
}

#[test]
fn small_arrays_get_their_buffers_when_the_budget_is_used_up() {
    let runtime = runtime(1);
    let source = "const kept = new ArrayBuffer(32 << 20), small = Array.from({ length: 1000 }, () => new Uint8Array(64)); \
        let bytes = 0; for (const array of small) bytes += array.buffer.byteLength; \
        try { new ArrayBuffer(65); } catch (e) { return new Response(e.name + ' ' + (bytes + kept.byteLength)); }";
    assert_eq!(refused_at(&app_of(&runtime, "small", source)), ("RangeError".into(), 64_000 + (32 << 20)));
    assert_eq!(runtime.stats().parked, 0);
}

#[test]
fn a_little_memory_outside_a_full_heap_does_not_cost_the_thread() {
    let runtime = runtime(1);
    // How far a heap is beyond its limit when V8 says so differs from run to run.
    for number in 0..40 {
        let bytes = 512 << (number % 12);
        let source = format!(
            "const kept = new ArrayBuffer({bytes}); \
            export default {{ async fetch() {{ for (const all = []; ; ) all.push(new Array(1000).fill(1.5)); }} }}"
        );
        let mut options = options(&format!("full {number}"), &source);
        options.limits.heap_bytes = 16 << 20;
        options.limits.cpu_ms = 10_000;
        let app = runtime.load(options).expect("loads");
        assert_eq!(fetch(&app, "/").expect_err("its heap is full").status, Status::MemoryLimit);
        assert_eq!(runtime.stats().parked, 0, "with {bytes} bytes outside, app {number}");
    }
}

#[test]
fn an_app_may_ask_in_vain_as_often_as_it_likes() {
    let runtime = runtime(1);
    let source = "const kept = new ArrayBuffer(32 << 20); let name, n = 0; \
        while (n < 20) try { new ArrayBuffer(1000); } catch (e) { name = e.name; n++; } return new Response(name + ' ' + n + kept.byteLength);";
    assert_eq!(refused_at(&app_of(&runtime, "asks", source)), ("RangeError".into(), 2_033_554_432));
}

#[test]
fn the_number_of_wasm_memories_is_bounded_and_dropped_ones_come_back() {
    let runtime = runtime(1);
    let source = "const kept = []; try { for (;;) kept.push(new WebAssembly.Memory({ initial: 0 })); } \
        catch (e) { return new Response(e.name + ' ' + kept.length); }";
    let app = app_of(&runtime, "small", source);
    assert_eq!(refused_at(&app), ("RangeError".into(), 32));
    let source = "for (let i = 0; i < 200; i++) new WebAssembly.Memory({ initial: 64, maximum: 64 }); return new Response('none 200');";
    assert_eq!(refused_at(&app_of(&runtime, "dropped", source)).1, 200);
}

fn upload(path: &str) -> RequestInit {
    let mut init = get(path);
    init.head.method = "POST".into();
    init.body = Body::Stream;
    init
}

const NEVER_READS: &str = "export default { fetch() { return new Promise(() => {}); } }";

#[test]
fn a_body_that_nobody_reads_is_counted_against_its_app() {
    let runtime = runtime(1);
    let app = load(&runtime, "never", NEVER_READS);
    let id = app.dispatch(upload("/")).expect("accepted");
    assert_eq!(runtime.request_write(id, &[b'x'; 50_000]).expect("is open"), 50_000);
    assert_eq!(app.stats().waiting_bytes, 50_000);
    runtime.request_cancel(id).expect("is open");
    until_end(&runtime, id);
    assert_eq!(app.stats().waiting_bytes, 0);
}

#[test]
fn more_waiting_bodies_than_the_app_may_hold_are_refused() {
    let runtime = runtime(1);
    let mut options = options("never", NEVER_READS);
    options.limits.external_bytes = 4 * MIB;
    let app = runtime.load(options).expect("loads");
    let first = app.dispatch(post("/", &"x".repeat(3 * MIB))).expect("accepted");
    assert_eq!(app.stats().waiting_bytes, 3 * MIB as u64);
    let error = app.dispatch(post("/", &"x".repeat(3 * MIB))).expect_err("6 MiB of 4");
    assert!(error.status == Status::Overloaded && error.message.contains("external_bytes"), "{error}");
    // A stream still moves, in small steps.
    let third = app.dispatch(post("/", &"x".repeat(MIB))).expect("4 MiB of 4");
    let stream = app.dispatch(upload("/")).expect("accepted");
    let accepted = runtime.request_write(stream, &[b'x'; 60_000]).expect("is open");
    assert!((1..60_000).contains(&accepted), "{accepted}");
    assert_eq!(runtime.request_write(stream, &[b'x'; 60_000]).expect("is open"), 0);
    for id in [first, third, stream] {
        runtime.request_cancel(id).expect("is open");
    }
    assert_eq!(app.stats().waiting_bytes, 0);
}

#[test]
fn a_response_is_counted_until_the_host_takes_it() {
    let runtime = runtime(1);
    let app = load(&runtime, "large", "export default { fetch() { return new Response('x'.repeat(1 << 20)); } }");
    let id = app.dispatch(get("/")).expect("accepted");
    while app.stats().waiting_bytes < MIB as u64 {
        std::thread::yield_now();
    }
    assert_eq!(app.stats().waiting_bytes, MIB as u64);
    assert!(matches!(until_end(&runtime, id).pop(), Some(Payload::Response { body, .. }) if body.len() == MIB));
    assert_eq!(app.stats().waiting_bytes, 0);
}

#[test]
fn responses_that_the_host_does_not_take_end_in_errors_not_in_its_memory() {
    let runtime = runtime(1);
    let mut options = options("flood", "export default { fetch() { return new Response('x'.repeat(1 << 20)); } }");
    options.limits.external_bytes = 2 * MIB;
    options.limits.cpu_ms = 10_000;
    let app = runtime.load(options).expect("loads");
    let mut accepted = 0;
    for _ in 0..40 {
        accepted += usize::from(app.dispatch(get("/")).is_ok());
        while app.stats().in_flight > 0 {
            std::thread::yield_now();
        }
        assert!(app.stats().waiting_bytes <= 9 * MIB as u64);
    }
    assert!(accepted < 40, "refused at the door while too much waits");
    let mut events = Vec::new();
    while events.len() < accepted {
        runtime.wait(1_000, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer");
        events.retain(|event| event.payload.is_terminal());
    }
    assert_eq!(app.stats().waiting_bytes, 0);
    assert_eq!(text(&app, "/").len(), MIB);
}

#[test]
fn a_blocking_fetch_does_not_collect_a_stream_without_end() {
    let runtime = runtime(1);
    let source = "export default { fetch() { const chunk = new Uint8Array(60000); \
        return new Response(new ReadableStream({ pull(c) { c.enqueue(chunk.slice()); } })); } }";
    let mut options = options("endless", source);
    options.limits.cpu_ms = 10_000;
    let app = runtime.load(options).expect("loads");
    let error = fetch(&app, "/").expect_err("has no end");
    assert!(error.status == Status::TooLarge && error.message.contains("external_bytes"), "{error}");
    assert_eq!(app.stats().waiting_bytes, 0);
}

#[test]
fn responses_of_requests_that_were_already_in_are_bounded_too() {
    let runtime = runtime(1);
    let source =
        "export default { async fetch() { await new Promise((r) => setTimeout(r, 1)); return new Response('x'.repeat(1 << 20)); } }";
    let mut options = options("late", source);
    options.limits.external_bytes = 2 * MIB;
    options.limits.cpu_ms = 10_000;
    let app = runtime.load(options).expect("loads");
    for _ in 0..20 {
        app.dispatch(get("/")).expect("nothing waits yet");
    }
    while app.stats().in_flight > 0 {
        std::thread::yield_now();
    }
    assert!(app.stats().waiting_bytes <= 9 * MIB as u64, "{} bytes wait", app.stats().waiting_bytes);
    let mut events = Vec::new();
    while events.len() < 20 {
        assert!(runtime.wait(1_000, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer") > 0, "no event came");
        events.retain(|event| event.payload.is_terminal());
    }
    let refused = |event: &&nano_core::Event| matches!(&event.payload, Payload::Error(error, _) if error.status == Status::MemoryLimit);
    assert_eq!(events.iter().filter(refused).count(), 11);
}
