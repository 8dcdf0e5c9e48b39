//! How many instances a process may have: what each takes of the kernel's memory mappings, who makes room, and what is lost for good.

use std::io::Write;
use std::sync::{Mutex, MutexGuard};

use nano_core::limits::{
    CAGE_BYTES_MAX, LOST_HEAPS_OF_APP_PART, LOST_THREADS_MAX, LOST_THREADS_OF_APP_MAX, MAPPINGS_PER_INSTANCE, STRIKES_MAX,
};
use nano_core::{
    App, AppOptions, AppState, Binding, BindingKind, CallContent, Clock, MessageBody, Payload, QueueConsumer, Runtime, RuntimeLimits,
    RuntimeOptions, Status, Value,
};

mod support;

use support::*;

/// Instances are counted for the whole process, so these tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").expect("Linux").lines().count()
}

/// Apps alive while counting.
const APPS: usize = 300;

#[test]
fn an_instance_takes_no_more_mappings_than_admission_counts() {
    let _alone = alone();
    let runtime = runtime(2);
    let source = "export default { fetch() { return new Response('x'.repeat(1000)); } }";
    let first = load(&runtime, "first", source);
    assert_eq!(text(&first, "/").len(), 1000);
    let before = mappings();
    let apps: Vec<_> = (0..APPS).map(|n| load(&runtime, &format!("app {n}"), source)).collect();
    for app in &apps {
        assert_eq!(text(app, "/").len(), 1000);
    }
    let each = (mappings() - before).div_ceil(APPS);
    println!("{} mappings for {APPS} instances", mappings() - before);
    assert!(each <= MAPPINGS_PER_INSTANCE, "{each} mappings for each instance; admission counts {MAPPINGS_PER_INSTANCE}");
}

/// Address space of this process, in gigabytes.
fn address_space_gb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmSize:")).expect("a size");
    line.split_ascii_whitespace().nth(1).and_then(|kb| kb.parse::<usize>().ok()).expect("a number") >> 20
}

#[test]
fn address_space_is_reserved_for_many_instances_at_once_and_used_again() {
    let _alone = alone();
    let limits = RuntimeLimits { threads: 1, pool: 0, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let round = || {
        let mut reservations = 0;
        let apps: Vec<_> = (0..40)
            .map(|n| {
                let before = address_space_gb();
                let app = load(&runtime, &format!("app {n}"), "export default { fetch() { return new Response('here'); } }");
                assert_eq!(text(&app, "/"), "here");
                reservations += usize::from(address_space_gb() > before + 1);
                app
            })
            .collect();
        for app in apps {
            app.unload(PATIENCE).expect("unloads");
        }
        while runtime.stats().instances > 0 {
            std::thread::yield_now();
        }
        reservations
    };
    // V8 reserves four tables for each instance: 160 of them, by 32 at once.
    let first = round();
    assert!(first <= 7, "address space was reserved for {first} of 40 instances");
    let at_most = address_space_gb();
    assert_eq!(round(), 0, "and again for instances in the place of others");
    assert!(address_space_gb() <= at_most + 1);
}

#[test]
fn a_shard_without_idle_instances_finds_room_on_another() {
    let _alone = alone();
    let limits = RuntimeLimits { threads: 2, instances: 4, pool: 0, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let source = "export default { fetch() { return new Response('here'); } }";
    // Apps are at home on one shard and the other in turn.
    let apps: Vec<_> = (0..8)
        .map(|n| {
            let mut options = options(&format!("app {n}"), source);
            options.lazy = true;
            runtime.load(options).expect("is only registered")
        })
        .collect();
    for app in apps.iter().step_by(2) {
        assert_eq!(text(app, "/"), "here");
    }
    assert_eq!(runtime.stats().instances, 4, "one shard has them all");
    assert_eq!(text(&apps[1], "/"), "here");
    load(&runtime, "started at once", source);
    let stats = runtime.stats();
    assert_eq!((stats.instances, stats.evictions), (4, 2));
}

#[test]
fn whoever_has_been_idle_longest_makes_room() {
    let _alone = alone();
    let limits = RuntimeLimits { threads: 1, instances: 2, pool: 0, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, clock: Clock::manual(), ..RuntimeOptions::default() }).expect("a runtime");
    let apps = ["a", "b", "c"].map(|name| {
        let mut options = options(name, "let asked = 0; export default { fetch() { return new Response(String(++asked)); } }");
        options.lazy = true;
        runtime.load(options).expect("is only registered")
    });
    let ask = |app: usize| {
        runtime.advance_clock(1).expect("a manual clock");
        text(&apps[app], "/")
    };
    assert_eq!([ask(0), ask(1), ask(0), ask(2)], ["1", "1", "2", "1"]);
    // The second one has gone, and not the first, which was there before it.
    assert_eq!([ask(0), ask(1)], ["3", "1"]);
    assert_eq!(runtime.stats().evictions, 2);
}

#[test]
fn while_nobody_can_make_room_a_start_is_refused_by_the_name_of_the_limit() {
    let _alone = alone();
    let limits = RuntimeLimits { threads: 1, instances: 1, pool: 0, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let mut holds =
        options("holds", "export default { async fetch(request, env) { await env.HOST.wait(); return new Response('held'); } }");
    holds.bindings = vec!["HOST".into()];
    let holds = runtime.load(holds).expect("loads");
    let held = holds.dispatch(get("/")).expect("accepted");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    let source = "export default { fetch() { return new Response('here'); } }";
    let refused = runtime.load(options("other", source)).expect_err("there is no room");
    assert_eq!(refused.status, Status::Capacity);
    assert!(refused.message.contains("limit instances") && refused.message.contains("1 of 1"), "{refused}");
    // Whoever has room is not disturbed, and who had none finds it later.
    runtime.call_return(call, nano_core::Value::Null).expect("is open");
    assert!(matches!(until_end(&runtime, held).pop(), Some(Payload::Response { body, .. }) if body == b"held"));
    assert_eq!(text(&load(&runtime, "other", source), "/"), "here");
}

/// Runs a test again in a process of its own, which it leaves in no state for others; whether this is that process.
fn is_in_its_own_process(test: &str) -> bool {
    if std::env::var_os("IN_ITS_OWN_PROCESS").is_some() {
        return true;
    }
    let program = std::env::current_exe().expect("this program");
    let ran = std::process::Command::new(program).args(["--exact", test]).env("IN_ITS_OWN_PROCESS", "1").output().expect("it runs");
    assert!(ran.status.success(), "{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    false
}

/// Its requests break the thread they run on, each for good: they do what nothing interrupts.
fn breaker(name: &str, what: &str) -> AppOptions {
    let mut options = options(name, &format!("export default {{ fetch() {{ {what} }} }}"));
    options.limits.cpu_ms = 10;
    options
}

/// What takes time without an end.
fn endless(name: &str) -> AppOptions {
    breaker(name, "Array.prototype.lastIndexOf.call({ length: 2 ** 53 - 1 }, 1);")
}

/// Has an app break threads until it is refused, or none are left; how many those were.
fn breaks(runtime: &Runtime, app: &App) -> u32 {
    let before = runtime.ceilings().lost_threads;
    while app.report().state != AppState::Quarantined && runtime.ceilings().lost_threads < u64::from(LOST_THREADS_MAX) {
        let lost = runtime.ceilings().lost_threads;
        fetch(app, "/").expect_err("it breaks");
        assert!(runtime.ceilings().lost_threads > lost, "a thread with each request");
    }
    (runtime.ceilings().lost_threads - before) as u32
}

#[test]
fn threads_that_are_lost_are_counted_for_apps_and_for_the_process() {
    if !is_in_its_own_process("threads_that_are_lost_are_counted_for_apps_and_for_the_process") {
        return;
    }
    let limits = RuntimeLimits { threads: 2, pool: 0, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let source = "let asked = 0; export default { fetch() { return new Response(++asked); } }";
    let neighbour = load(&runtime, "neighbour", source);
    // Apps are at home on one thread and the other in turn: those that break theirs are on the other.
    let load_there = |options: AppOptions| {
        let app = runtime.load(options)?;
        let mut other = self::options(&format!("padding {}", runtime.stats().apps), source);
        other.lazy = true;
        runtime.load(other).map(|_| app)
    };
    let mut app = load_there(endless("first")).expect("loads");
    let why = |app: &App| fetch(app, "/").expect_err("it is refused").message;
    // Each version may break three, until the app has had its part of all.
    let mut lost = breaks(&runtime, &app);
    assert_eq!(lost, STRIKES_MAX);
    assert!(why(&app).contains("until it is reloaded"), "{}", why(&app));
    while lost < LOST_THREADS_OF_APP_MAX {
        app.reload(endless("first")).expect("another version");
        lost += breaks(&runtime, &app);
    }
    assert_eq!(lost, LOST_THREADS_OF_APP_MAX);
    // Neither another version nor another app of the name changes that.
    assert_eq!(app.reload(endless("first")).expect_err("it cannot start").status, Status::MemoryLimit);
    assert!(why(&app).contains("in this process"), "{}", why(&app));
    app.unload(PATIENCE).expect("unloads");
    let mut again = endless("first");
    again.lazy = true;
    app = load_there(again).expect("is only registered");
    assert_eq!(app.report().state, AppState::Quarantined);

    // Memory counts as well: that of a heap far beyond its limit.
    app = load_there(breaker("large", "'x'.repeat(1 << 28).split('');")).expect("loads");
    lost = breaks(&runtime, &app);
    assert!(lost <= STRIKES_MAX && why(&app).contains("in this process"), "{lost} threads, {}", why(&app));
    assert!(runtime.ceilings().lost_heap_bytes >= CAGE_BYTES_MAX as u64 / LOST_HEAPS_OF_APP_PART);

    while runtime.ceilings().lost_threads < u64::from(LOST_THREADS_MAX) {
        app = load_there(endless(&format!("after {}", runtime.ceilings().lost_threads))).expect("loads");
        breaks(&runtime, &app);
    }
    // No more is started then, and nobody makes room for it in vain.
    let refused = runtime.load(options("late", source)).expect_err("there is no room");
    assert!(refused.status == Status::Capacity && refused.message.contains("threads lost"), "{refused:?}");
    assert_eq!((text(&neighbour, "/").as_str(), runtime.stats().evictions), ("1", 0));
}

/// Memory of this process, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a size");
    line.split_ascii_whitespace().nth(1).and_then(|kb| kb.parse::<usize>().ok()).expect("a number") << 10
}

#[test]
fn batches_that_wait_take_what_their_messages_are_counted_as() {
    const BATCHES: u32 = 40;
    const NULLS: usize = 100_000;
    let _alone = alone();
    let runtime = manual_runtime(1);
    let source = "import { env } from 'cloudflare:workers'; await env.ask(); \
                  export default { queue(batch) { return env.ask(batch.messages[0].body.length); } }";
    let mut options = options("consumer", source);
    options.bindings = vec![Binding { name: "ask".into(), kind: BindingKind::Function }];
    options.consumers = vec![QueueConsumer { batch: 1, batch_wait_ms: 0, concurrency: BATCHES, ..QueueConsumer::new("jobs") }];
    options.lazy = true;
    runtime.load(options).expect("is only registered");
    let before = resident();
    for _ in 0..BATCHES {
        let nulls = MessageBody::Value(Value::Array(vec![Value::Null; NULLS]));
        runtime.queue_send("jobs", vec![(nulls, 0)]).expect("there is room");
    }
    let next_call = || wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    let start = next_call();
    assert_eq!(runtime.queue_stats("jobs").map(|queue| queue.messages), Some(BATCHES.into()));
    // As values they would be 190 MB.
    let taken = resident().saturating_sub(before);
    assert!(taken < 64 << 20, "{taken} bytes");
    runtime.call_return(start, Value::Null).expect("is open");
    for _ in 0..BATCHES {
        let call = next_call();
        let CallContent::Function { args } = runtime.call_view(call).expect("is open").content else { panic!("it is none of a function") };
        assert_eq!(args, [Value::Int(NULLS as i64)]);
        runtime.call_return(call, Value::Null).expect("is open");
    }
}

/// Sets how many files this process may have open, by another process: this one could not start any without.
struct Files {
    shell: std::process::Child,
}

impl Files {
    fn new() -> Self {
        let shell = std::process::Command::new("sh").stdin(std::process::Stdio::piped()).spawn().expect("a shell");
        Self { shell }
    }

    fn allow(&mut self, files: u32) {
        let input = self.shell.stdin.as_mut().expect("its input");
        writeln!(input, "prlimit --nofile={files}: --pid={}", std::process::id()).expect("it listens");
        until(|| std::fs::File::open("/dev/null").is_ok() == (files > 3));
    }
}

#[test]
fn a_thread_that_finds_no_files_is_started_again_until_it_does() {
    if !is_in_its_own_process("a_thread_that_finds_no_files_is_started_again_until_it_does") {
        return;
    }
    let limits = RuntimeLimits { threads: 1, pool: 0, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let app = runtime.load(endless("endless")).expect("loads");
    let neighbour = load(&runtime, "neighbour", "export default { fetch() { return new Response('here'); } }");
    let mut files = Files::new();
    let breaking = app.dispatch(get("/")).expect("accepted");
    until(|| runtime.shards()[0].view.turn.is_some());
    files.allow(3);
    until_end(&runtime, breaking);
    // Its successor, and theirs: none has what it takes to begin.
    until(|| runtime.shards()[0].view.lost > 3);
    let waiting = neighbour.dispatch(get("/")).expect("accepted");
    files.allow(1_000);
    assert!(matches!(&until_end(&runtime, waiting)[..], [Payload::Response { .. }]));
    drop(files.shell.stdin.take());
    files.shell.wait().expect("it ends");
}
