//! Apps with long turns, and what their neighbours notice of them.

use nano_core::{App, Payload, RequestInit, Runtime, Status};

use crate::support::*;

const HELLO: &str = "export default { fetch() { return new Response('hi'); } }";
const LOOP: &str = "export default { fetch() { for (;;); } }";

#[test]
fn a_neighbour_answers_while_an_app_loops() {
    let runtime = runtime(2);
    let mut looping = options("looping", "export default { fetch() { for (;;); } }");
    looping.limits.cpu_ms = 3_600_000;
    let looping = runtime.load(looping).expect("loads");
    // Apps are given homes in turn, so the third shares the first one's shard.
    let _other = load(&runtime, "other", HELLO);
    let neighbour = load(&runtime, "neighbour", HELLO);
    let stuck = looping.dispatch(get("/")).expect("accepted");
    for _ in 0..20 {
        assert_eq!(text(&neighbour, "/"), "hi");
    }
    assert!(runtime.stats().rescued >= 1, "it was behind the loop");
    assert!(runtime.request_cancel(stuck).is_ok(), "the loop was still running all that time");
    assert_eq!(looping.kill().expect("ends"), 1);
}

#[test]
fn time_is_up_for_requests_also_while_another_app_has_the_only_thread() {
    let runtime = runtime(1);
    let mut looping = options("looping", LOOP);
    looping.limits.cpu_ms = 3_600_000;
    let looping = runtime.load(looping).expect("loads");
    let source = "export default { async fetch(request) {
        if (request.url.endsWith('/now')) return new Response('hi');
        await new Promise(() => {});
    } }";
    let waiting = load(&runtime, "waiting", source);
    let ask = |deadline_ms: u32| waiting.dispatch(RequestInit { deadline_ms, ..get("/") }).expect("accepted");
    let begun = ask(300);
    // It has come to its app when this is answered, and waits there.
    assert_eq!(text(&waiting, "/now"), "hi");
    let stuck = looping.dispatch(get("/")).expect("accepted");
    until(|| runtime.shards()[0].view.turn.is_some());
    let asked = [begun, ask(10)];
    let mut ended = asked.map(|_| {
        wait_for(&runtime, |event| match &event.payload {
            Payload::Error(error, _) => Some((event.id, error.status)),
            _ => None,
        })
    });
    ended.sort_by_key(|(id, _)| asked.iter().position(|asked| asked == id));
    assert_eq!(ended, asked.map(|id| (id, Status::WallLimit)));
    assert!(runtime.request_cancel(stuck).is_ok(), "the loop was still running all that time");
    assert_eq!(looping.kill().expect("ends"), 1);
    assert_eq!(text(&waiting, "/now"), "hi");
}

/// Two apps that loop as long as they may, each known as a hog.
fn hogs(runtime: &Runtime) -> [App; 2] {
    hogs_named(runtime, ["one", "another"])
}

fn hogs_named(runtime: &Runtime, names: [&str; 2]) -> [App; 2] {
    let hogs = names.map(|name| {
        let mut options = options(name, LOOP);
        options.limits.cpu_ms = 3_600_000;
        runtime.load(options).expect("loads")
    });
    for app in &hogs {
        app.dispatch(get("/")).expect("accepted");
    }
    until(|| hogs.iter().all(|app| app.report().hog));
    for app in &hogs {
        assert_eq!(app.kill().expect("ends"), 1);
    }
    hogs
}

#[test]
fn apps_that_loop_share_one_of_two_shards() {
    let runtime = manual_runtime(2);
    let hogs = hogs(&runtime);
    assert_eq!(hogs.each_ref().map(|app| app.report().home), [1, 1]);
    let one = hogs[0].dispatch(get("/")).expect("accepted");
    until(|| runtime.shards()[1].view.turn.is_some());
    // Apps are given homes in turn, so one of these is to start behind the loop, and comes after the other app that loops.
    let another = hogs[1].dispatch(get("/")).expect("accepted");
    let neighbours = [load(&runtime, "third", HELLO), load(&runtime, "fourth", HELLO)];
    for _ in 0..20 {
        for app in &neighbours {
            assert_eq!(text(app, "/"), "hi");
        }
    }
    for id in [one, another] {
        runtime.request_cancel(id).expect("it was under way all that time");
    }
}

#[test]
fn apps_that_loop_share_the_last_half_of_the_shards() {
    let runtime = manual_runtime(4);
    let _others = [load(&runtime, "first", HELLO), load(&runtime, "second", HELLO), load(&runtime, "third", HELLO)];
    // One has its home there, and the other one, of the first shard, is sent there.
    let hogs = hogs(&runtime);
    assert_eq!(hogs.each_ref().map(|app| app.report().home), [3, 3]);
    let more = hogs_named(&runtime, ["yet another", "and another"]);
    assert_eq!(more.each_ref().map(|app| app.report().home), [2, 2]);
}

#[test]
fn requests_of_a_hog_on_both_shards_do_not_keep_a_neighbour_on_the_way_between_them() {
    let runtime = manual_runtime(2);
    let mut looping = options("looping", LOOP);
    looping.limits.cpu_ms = 200;
    let looping = runtime.load(looping).expect("loads");
    let neighbour = load(&runtime, "neighbour", HELLO);
    let ask = |app: &App, count: usize| -> Vec<u64> { (0..count).map(|_| app.dispatch(get("/")).expect("accepted")).collect() };
    // These come to where it is at home, before anybody knows.
    ask(&looping, 16);
    until(|| looping.report().hog);
    // And these to where hogs belong.
    ask(&looping, 16);
    let wanted = ask(&neighbour, 1);
    let mut ended = 0;
    while wait_for(&runtime, |event| event.payload.is_terminal().then_some(event.id)) != wanted[0] {
        ended += 1;
    }
    assert!(ended <= 12, "{ended} of 32 requests of the hog had their turn first");
    looping.kill().expect("ends");
}

#[test]
fn a_hog_is_forgiven() {
    let runtime = manual_runtime(2);
    let hogs = hogs(&runtime);
    runtime.advance_clock(1_999).expect("a manual clock");
    assert!(hogs.iter().all(|app| app.report().hog));
    runtime.advance_clock(1).expect("a manual clock");
    assert!(hogs.iter().all(|app| !app.report().hog));
    assert_eq!(hogs.each_ref().map(|app| app.report().home), [0, 1], "where they were before");
}

#[test]
fn whoever_breaks_a_limit_is_a_hog() {
    let runtime = manual_runtime(2);
    let mut options = options("full", "const a = []; export default { fetch() { for (;;) a.push(new Array(1e5).fill(1.5)); } }");
    options.limits.heap_bytes = 8 << 20;
    let full = runtime.load(options).expect("loads");
    assert_eq!(full.fetch(get("/"), Some(PATIENCE)).expect_err("is stopped").status, Status::MemoryLimit);
    assert!(full.report().hog);
    let nice = load(&runtime, "nice", HELLO);
    // A turn that a busy machine has made long is one, too, and forgiven.
    until(|| {
        runtime.advance_clock(2_000).expect("a manual clock");
        assert_eq!(text(&nice, "/"), "hi");
        !nice.report().hog
    });
}

#[test]
fn a_long_start_makes_no_hog() {
    let runtime = manual_runtime(2);
    // The start takes its 100 ms by the thread's own time.
    let source = "let n = 0; for (let i = 0; i < 3e8; i++) n += i; export default { fetch() { return new Response(String(n > 0)); } }";
    let mut options = options("slow", source);
    options.limits.start_cpu_ms = 60_000;
    let slow = runtime.load(options).expect("loads");
    assert!(slow.stats().cpu_us > 50_000, "it took long");
    assert!(!slow.report().hog);
    assert_eq!(text(&slow, "/"), "true");
}
