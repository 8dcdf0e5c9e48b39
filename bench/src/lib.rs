//! What the benchmarks share: the small app, a request, process memory and CPU time, a line of JSON per figure.

use std::time::Duration;

use nano_core::{App, AppOptions, Headers, RequestHead, RequestInit, Runtime, RuntimeLimits, RuntimeOptions, Source};

/// The app of every benchmark: small, as most apps are.
pub const HELLO: &str = "export default { fetch(request) { return new Response('Hello World'); } };\n";

/// A GET with eight headers.
pub fn get() -> RequestInit {
    let mut headers = Headers::new();
    for (name, value) in HEADERS {
        assert!(headers.push(name.as_bytes(), value.as_bytes()));
    }
    let head = RequestHead { method: "GET".into(), url: "http://hello.test/path?query=1".into(), headers };
    RequestInit { head, ..RequestInit::default() }
}

/// What a browser sends.
pub const HEADERS: [(&str, &str); 8] = [
    ("host", "hello.test"),
    ("user-agent", "Mozilla/5.0 (X11; Linux x86_64)"),
    ("accept", "text/html,application/xhtml+xml"),
    ("accept-language", "en-US,en;q=0.5"),
    ("accept-encoding", "gzip, deflate, br"),
    ("connection", "keep-alive"),
    ("cache-control", "max-age=0"),
    ("cookie", "session=0123456789abcdef"),
];

/// A runtime with so many shards, and a pool of so many blank isolates.
pub fn runtime(threads: u32, pool: u32) -> Runtime {
    if let Ok(v8_flags) = std::env::var("NANO_BENCH_V8_FLAGS") {
        nano_core::init(&nano_core::ProcessOptions { v8_flags, ..Default::default() }).expect("V8 starts with these flags");
    }
    let limits = RuntimeLimits { threads, pool, ..RuntimeLimits::default() };
    Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime")
}

/// Loads the small app under a name.
pub fn load(runtime: &Runtime, name: &str, lazy: bool) -> App {
    load_text(runtime, name, HELLO, lazy)
}

/// Loads an app under a name.
pub fn load_text(runtime: &Runtime, name: &str, text: &str, lazy: bool) -> App {
    let mut options = AppOptions::new(name, Source::Text(text.into()));
    options.lazy = lazy;
    load_options(runtime, options)
}

/// Loads an app as the options say, but for good.
pub fn load_options(runtime: &Runtime, mut options: AppOptions) -> App {
    // Idle apps are what is measured: they must not be evicted under the measurement.
    options.limits.idle_ms = 3_600_000;
    runtime.load(options).expect("the app loads")
}

/// One request, waited for.
pub fn fetch(app: &App) {
    let response = app.fetch(get(), Some(Duration::from_secs(60))).expect("a response");
    assert_eq!(response.body, b"Hello World");
}

/// Resident kilobytes of this process, by smaps.
pub fn resident_kb() -> f64 {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").expect("Linux");
    let line = rollup.lines().find(|line| line.starts_with("Rss:")).expect("a line for Rss");
    line.split_ascii_whitespace().nth(1).and_then(|kb| kb.parse().ok()).expect("a number")
}

/// CPU milliseconds of this process, all threads. One system call: reading it must not be what is measured.
pub fn cpu_ms() -> f64 {
    nano_core::sys::thread::process_cpu_ns() as f64 / 1e6
}

/// Lets time pass.
pub fn pause(time: Duration) {
    let (_sender, receiver) = std::sync::mpsc::channel::<()>();
    let _ = receiver.recv_timeout(time);
}

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Prints one figure for the runner to collect.
pub fn report(name: &str, value: f64, unit: &str, runs: usize, note: &str) {
    println!("{{\"name\": \"{name}\", \"value\": {value:.3}, \"unit\": \"{unit}\", \"runs\": {runs}, \"note\": \"{note}\"}}");
}
