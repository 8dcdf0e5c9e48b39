//! What healthy apps notice of one that loops: the time their requests take, alone and beside it.
//!
//! There are two shards and a healthy app at home on each, so that one of them shares its shard with the looping app
//! wherever that is placed; the worse of the two is reported.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::Scope;
use std::time::Duration;

use nano_bench::{fetch, get, load, pause, report, runtime};
use nano_core::{App, AppOptions, Clock, Payload, Runtime, Source, Status};

/// The time between a healthy app's answer and its next request.
const THINK: Duration = Duration::from_millis(2);
/// Requests of the looping app in flight at any time.
const LOOPING: usize = 4;

fn main() {
    let seconds: u64 = std::env::args().nth(1).and_then(|seconds| seconds.parse().ok()).unwrap_or(5);
    let runtime = runtime(2, 2);
    let healthy = [load(&runtime, "healthy0", false), load(&runtime, "healthy1", false)];
    let source = Source::Text("export default { fetch() { for (;;); } };\n".into());
    let looping = runtime.load(AppOptions::new("looping", source)).expect("the app loads");

    let alone = std::thread::scope(|scope| worse(measure(scope, &healthy, seconds)));
    let stop = AtomicBool::new(false);
    let (beside, stopped) = std::thread::scope(|scope| {
        let hog = scope.spawn(|| keep_looping(&runtime, &looping, &stop));
        let beside = worse(measure(scope, &healthy, seconds));
        stop.store(true, Ordering::Relaxed);
        (beside, hog.join().expect("the looping app's driver"))
    });
    assert!(stopped > 0, "the neighbour looped");

    let runs = beside.len();
    let note = format!("worse of two healthy apps, 2 shards, {seconds} s; the neighbour was stopped {stopped} times");
    report("neighbour.p50_ms", percentile(&beside, 50), "ms", runs, &note);
    report("neighbour.p99_ms", percentile(&beside, 99), "ms", runs, &note);
    report("neighbour.max_ms", percentile(&beside, 100), "ms", runs, &note);
    report("neighbour.alone_p99_ms", percentile(&alone, 99), "ms", alone.len(), "the same without the looping neighbour");
}

/// Asks each app in a closed loop, all at once; the sorted milliseconds of each.
fn measure<'scope, 'env>(scope: &'scope Scope<'scope, 'env>, apps: &'env [App], seconds: u64) -> Vec<Vec<f64>> {
    let clients: Vec<_> = apps.iter().map(|app| scope.spawn(move || ask(app, seconds))).collect();
    clients.into_iter().map(|client| client.join().expect("a healthy app's client")).collect()
}

fn ask(app: &App, seconds: u64) -> Vec<f64> {
    let clock = Clock::system();
    let end_ms = clock.now_ms() + seconds * 1_000;
    let mut took = Vec::new();
    while clock.now_ms() < end_ms {
        let began_ns = clock.now_ns();
        fetch(app);
        took.push((clock.now_ns() - began_ns) as f64 / 1e6);
        pause(THINK);
    }
    took.sort_by(f64::total_cmp);
    took
}

/// Keeps requests of the looping app in flight until told to stop; how many of them its CPU limit ended.
fn keep_looping(runtime: &Runtime, app: &App, stop: &AtomicBool) -> usize {
    let (mut in_flight, mut stopped) = (0, 0);
    let mut events = Vec::new();
    while !stop.load(Ordering::Relaxed) || in_flight > 0 {
        while in_flight < LOOPING && !stop.load(Ordering::Relaxed) {
            app.dispatch(get()).expect("accepted");
            in_flight += 1;
        }
        let _ = runtime.wait(64, 1_000, &mut events).expect("the only consumer");
        for event in events.drain(..).filter(|event| event.payload.is_terminal()) {
            let Payload::Error(error, _) = event.payload else { panic!("a loop does not answer") };
            assert_eq!(error.status, Status::CpuLimit, "{error}");
            in_flight -= 1;
            stopped += 1;
        }
    }
    stopped
}

/// The series with the higher 99th percentile.
fn worse(series: Vec<Vec<f64>>) -> Vec<f64> {
    series.into_iter().max_by(|a, b| percentile(a, 99).total_cmp(&percentile(b, 99))).expect("two series")
}

/// A percentile of sorted values: the smallest that is not below that share of them.
fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}
