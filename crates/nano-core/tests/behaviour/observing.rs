//! What an operator sees of a runtime, and what he can do to an app.

use nano_core::{AppMetrics, AppState, Kill, Outcome, Payload, Status};

use crate::support::*;

const ENDINGS: &str = "export default { async fetch(request) {
  const path = new URL(request.url).pathname;
  if (path === '/throws') throw new Error('no');
  if (path === '/loops') for (;;);
  if (path === '/waits') { console.log('waits'); await new Promise(() => {}); }
  if (path === '/streams') return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(9)); c.close(); } }), { status: 503 });
  return new Response('', { status: Number(path.slice(1)) });
} }";

#[test]
fn requests_are_counted_by_how_they_ended() {
    let runtime = runtime(1);
    let app = load(&runtime, "endings", ENDINGS);
    for path in ["/200", "/302", "/404", "/500", "/streams", "/throws", "/loops"] {
        let _ = fetch(&app, path);
    }
    let report = app.report();
    let expected = [
        (Outcome::Ok, 2),
        (Outcome::ClientError, 1),
        (Outcome::ServerError, 2),
        (Outcome::Exception, 1),
        (Outcome::CpuLimit, 1),
        (Outcome::Canceled, 0),
    ];
    for (outcome, count) in expected {
        assert_eq!(report.outcomes[outcome as usize], count, "{}", outcome.word());
    }
    assert_eq!((report.durations.count(), report.kills[Kill::Cpu as usize]), (7, 1));
}

#[test]
fn durations_are_those_of_the_clock() {
    let runtime = manual_runtime(1);
    let app = load(&runtime, "slow", "export default { async fetch() { await scheduler.wait(40); return new Response('') } }");
    let id = app.dispatch(get("/")).expect("accepted");
    while runtime.poll(8, &mut Vec::new()).expect("the only consumer") == 0 && app.stats().in_flight > 0 {
        runtime.advance_clock(40).expect("a manual clock");
    }
    assert!(id > 0);
    let durations = app.report().durations;
    assert_eq!(durations.count(), 1);
    assert!(durations.sum_us() >= 40_000 && durations.sum_us().is_multiple_of(40_000), "{}", durations.sum_us());
    assert!(app.report().ended_ms.is_some());
}

#[test]
fn an_app_is_cold_warm_busy_or_condemned() {
    let runtime = runtime(1);
    let mut options = options("app", ENDINGS);
    options.lazy = true;
    let app = runtime.load(options).expect("is registered");
    assert_eq!((app.report().state, app.report().instances), (AppState::Cold, 0));
    fetch(&app, "/200").expect("a response");
    let report = app.report();
    assert_eq!((report.state, report.instances), (AppState::Warm, 1));
    assert!(report.heap_bytes > 0 && report.stopped_by.is_none());
    let id = app.dispatch(get("/waits")).expect("accepted");
    wait_for(&runtime, |event| matches!(&event.payload, Payload::Log { text, .. } if text == "waits").then_some(()));
    assert_eq!(app.report().state, AppState::Busy);
    runtime.request_cancel(id).expect("is under way");
    let _ = fetch(&app, "/loops");
    let report = app.report();
    assert_eq!((report.state, report.stopped_by, report.instances), (AppState::Condemned, Some(Kill::Cpu), 0));
    fetch(&app, "/200").expect("a response");
    assert_eq!((app.report().state, app.report().stopped_by), (AppState::Warm, None));
}

#[test]
fn shards_show_what_they_hold_and_run() {
    let runtime = runtime(2);
    let hog = "export default { fetch() { console.log('runs'); for (;;); } }";
    let mut options = options("hog", hog);
    options.limits.cpu_ms = 3_600_000;
    let hog = runtime.load(options).expect("the app loads");
    let quiet = load(&runtime, "quiet", "export default { fetch() { return new Response('') } }");
    let id = hog.dispatch(get("/")).expect("accepted");
    wait_for(&runtime, |event| matches!(&event.payload, Payload::Log { text, .. } if text == "runs").then_some(()));
    let shards = runtime.shards();
    let busy: Vec<_> = shards.iter().filter_map(|shard| shard.view.turn.as_ref()).map(|turn| turn.app.as_str()).collect();
    assert_eq!(busy, ["hog"]);
    let mut held: Vec<_> = shards.iter().flat_map(|shard| &shard.residents).map(|resident| resident.app.as_str()).collect();
    held.sort_unstable();
    assert_eq!(held, ["hog", "quiet"]);
    assert_eq!(quiet.report().instances, 1);
    assert_eq!(hog.kill().expect("ends"), 1);
    assert!(matches!(until_end(&runtime, id).pop(), Some(Payload::Error(error, _)) if error.status == Status::Canceled));
    assert!(runtime.shards().iter().all(|shard| shard.residents.iter().all(|resident| resident.app == "quiet")));
    assert_eq!((hog.report().kills[Kill::Operator as usize], hog.stats().condemned, hog.report().state), (1, 0, AppState::Cold));
    assert_eq!(runtime.stats().abandoned, 0, "the thread was not lost");
}

#[test]
fn an_app_that_was_killed_starts_anew() {
    let runtime = runtime(1);
    let app = load(&runtime, "counts", "let n = 0; export default { fetch() { return new Response(`${++n}`) } }");
    assert_eq!((text(&app, "/"), text(&app, "/")), ("1".into(), "2".into()));
    assert_eq!(app.kill().expect("ends"), 1);
    assert_eq!(text(&app, "/"), "1");
    assert_eq!(app.kill().and_then(|_| app.kill()).expect("there is nothing to end"), 0);
}

#[test]
fn sums_do_not_go_down_when_an_app_goes() {
    let runtime = runtime(1);
    let app = load(&runtime, "endings", ENDINGS);
    for path in ["/200", "/throws", "/loops"] {
        let _ = fetch(&app, path);
    }
    let lines = |metrics: &str| -> Vec<String> {
        let kept = ["nano_requests_ended_total", "nano_request_duration_seconds", "nano_kills_total"];
        metrics.lines().filter(|line| kept.iter().any(|name| line.starts_with(name))).map(str::to_string).collect()
    };
    let cpu_seconds = |metrics: &str| -> f64 {
        let said = metrics.lines().find_map(|line| line.strip_prefix("nano_cpu_seconds_total ")).expect("it is there");
        said.parse().expect("a number")
    };
    let metrics = runtime.metrics();
    let (before, cpu_before) = (lines(&metrics), cpu_seconds(&metrics));
    assert!(cpu_before > 0.0);
    assert!(before.contains(&"nano_requests_ended_total{outcome=\"exception\"} 1".to_string()), "{before:?}");
    assert!(before.contains(&"nano_kills_total{reason=\"cpu\"} 1".to_string()), "{before:?}");
    assert!(before.contains(&"nano_request_duration_seconds_count 3".to_string()), "{before:?}");
    app.unload(PATIENCE).expect("unloads");
    let metrics = runtime.metrics();
    assert_eq!(lines(&metrics), before);
    // What the end of the instance that looped takes is the app's, too, and may come after its answer.
    assert!(cpu_seconds(&metrics) >= cpu_before, "{} after {cpu_before}", cpu_seconds(&metrics));
}

#[test]
fn series_by_app_are_bounded() {
    let runtime = runtime(1);
    for number in 0..30 {
        let mut options = options(&format!("app{number:02}"), "export default { fetch() { return new Response('') } }");
        options.lazy = true;
        runtime.load(options).expect("is registered");
    }
    fetch(&runtime.find("app29").expect("is there"), "/").expect("a response");
    let labelled = |which| runtime.metrics_of(which).lines().filter(|line| line.starts_with("nano_app_requests_total{")).count();
    assert_eq!((labelled(AppMetrics::Off), labelled(AppMetrics::Top), labelled(AppMetrics::All)), (0, 20, 30));
    assert!(runtime.metrics_of(AppMetrics::Top).contains("nano_app_requests_total{app=\"app29\"} 1"), "whoever uses the most is shown");
}

#[test]
fn what_a_long_turn_says_is_heard_before_its_end() {
    let runtime = runtime(1);
    let mut options = options("hog", "export default { fetch() { console.log('runs'); for (;;); } }");
    options.limits.cpu_ms = 3_600_000;
    let hog = runtime.load(options).expect("the app loads");
    hog.dispatch(get("/")).expect("accepted");
    wait_for(&runtime, |event| matches!(&event.payload, Payload::Log { text, .. } if text == "runs").then_some(()));
    assert_eq!(runtime.shards()[0].view.turn.as_ref().map(|turn| turn.app.as_str()), Some("hog"));
    assert_eq!(hog.kill().expect("ends"), 1);
}
