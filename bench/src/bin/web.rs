//! The web platform's figures: the CPU that the work of bench/web_app.mjs takes, which peers run from the same source.
//!
//! Clocks stand still within a turn, so everything is timed here: some work is done many times per request, some is the request
//! itself, with what the host does for it. CPU is that of all threads.
//!
//! web [LESS [NAME]]: everything so many times less often; only the figures whose names begin so.

use std::time::Duration;

use nano_bench::{cpu_ms, load_options, median, report, runtime};
use nano_core::{App, AppOptions, Body, Headers, Payload, RequestHead, RequestInit, Runtime, Source};

const APP: &str = include_str!("../../web_app.mjs");
/// Batches whose CPU is not looked at: until then code is being optimized.
const WARM: usize = 20;
/// Batches of which the median is taken.
const BATCHES: usize = 7;
/// Requests in flight at once, where one is too short to be waited for alone.
const AT_ONCE: usize = 16;
/// Pieces of a streamed body.
const PIECE_BYTES: usize = 65_536;
const ECHO_BYTES: usize = 1 << 20;

fn main() {
    // How many times less than it should.
    let quick: usize = std::env::args().nth(1).and_then(|quick| quick.parse().ok()).unwrap_or(1);
    let bench = Bench::new(quick.max(1), std::env::args().nth(2).unwrap_or_default());
    let order = bench.whole("/order", &[], Body::None);

    let json = [("content-type".to_string(), "application/json".to_string())];
    let note = format!("request.json() and Response.json() of {} bytes, from the host and back, {AT_ONCE} at once", order.len());
    let request = || init("/json", &json, Body::Whole(order.clone()));
    bench.figure("web.json_roundtrip_us", "us", 1.0, 1_000, &note, |count| bench.requests(count, request));

    let headers: Vec<_> = (0..60).map(|n| (format!("x-header-{n}"), format!("value {n} of a header that is forty long"))).collect();
    let note = format!("60 headers read, copied and sent back, from the host and back, {AT_ONCE} at once");
    let request = || init("/headers", &headers, Body::None);
    bench.figure("web.headers60_us", "us", 1.0, 500, &note, |count| bench.requests(count, request));

    let megabytes = ECHO_BYTES as f64 / 1e6;
    for (name, path, what) in [
        ("web.echo_mb_per_s", "/echo", "new Response(request.body)"),
        ("web.echo_transform_mb_per_s", "/transform", "the same through a TransformStream"),
    ] {
        let note = format!("{what}: 1 MiB in pieces of 64 KiB, from the host and back, per second of CPU");
        bench.figure(name, "MB/s", megabytes, 20, &note, |count| (0..count).for_each(|_| bench.echo(path)));
    }

    let list = String::from_utf8(bench.whole("/figures", &[], Body::None)).expect("text");
    for line in list.lines() {
        let parts: Vec<_> = line.splitn(5, ' ').collect();
        let [name, unit, amount, count, note] = parts[..] else { panic!("a line of /figures: {line}") };
        let (amount, count) = (amount.parse().expect("a number"), count.parse().expect("a number"));
        bench.figure(name, unit, amount, count, note, |count| {
            let answer = bench.whole(&format!("/run/{name}?count={count}"), &[], Body::None);
            assert!(answer.starts_with(b"ok "), "{name}: {}", String::from_utf8_lossy(&answer));
        });
    }
}

struct Bench {
    runtime: Runtime,
    app: App,
    quick: usize,
    only: String,
}

impl Bench {
    fn new(quick: usize, only: String) -> Self {
        let runtime = runtime(1, 0);
        let mut options = AppOptions::new("web", Source::Text(APP.into()));
        // A batch is one request.
        options.limits.cpu_ms = 60_000;
        options.limits.errand_cpu_ms = 60_000;
        let app = load_options(&runtime, options);
        Self { runtime, app, quick, only }
    }

    /// Reports what a batch of so many times costs: microseconds each, or how much of a unit per second.
    fn figure(&self, name: &str, unit: &str, amount: f64, count: usize, note: &str, batch: impl Fn(usize)) {
        if !name.starts_with(&self.only) {
            return;
        }
        let count = (count / self.quick).max(1);
        let (warm, batches) = if self.quick > 1 { (0, 1) } else { (WARM, BATCHES) };
        (0..warm).for_each(|_| batch(count));
        let spent = (0..batches).map(|_| {
            let before = cpu_ms();
            batch(count);
            cpu_ms() - before
        });
        // A quick batch may take less than the kernel counts.
        let one_us = median(spent.collect()).max(0.001) * 1000.0 / count as f64;
        let value = if unit.ends_with("/s") { amount * 1e6 / one_us } else { one_us };
        report(name, value, unit, batches, note);
    }

    fn whole(&self, path: &str, headers: &[(String, String)], body: Body) -> Vec<u8> {
        let response = self.app.fetch(init(path, headers, body), Some(Duration::from_secs(60))).expect("a response");
        assert_eq!(response.head.status, 200, "{path}");
        response.body
    }

    /// So many requests, some of them at once.
    fn requests(&self, count: usize, request: impl Fn() -> RequestInit) {
        let (mut sent, mut done) = (0, 0);
        let mut events = Vec::new();
        while done < count {
            while sent < count && sent - done < AT_ONCE {
                self.app.dispatch(request()).expect("accepted");
                sent += 1;
            }
            let _ = self.runtime.wait(64, 60_000, &mut events).expect("the only consumer");
            for event in events.drain(..) {
                let Payload::Response { head, end: true, .. } = event.payload else { panic!("{:?}", event.payload) };
                assert_eq!(head.status, 200);
                done += 1;
            }
        }
    }

    /// Streams a body in and takes it back as it comes out.
    fn echo(&self, path: &str) {
        let id = self.app.dispatch(init(path, &[], Body::Stream)).expect("accepted");
        let piece = [b'a'; PIECE_BYTES];
        let (mut sent, mut taken) = (0, 0);
        let mut events = Vec::new();
        loop {
            while sent < ECHO_BYTES {
                let rest = &piece[..PIECE_BYTES - sent % PIECE_BYTES];
                let accepted = self.runtime.request_write(id, rest).expect("the body is wanted");
                if accepted == 0 {
                    break;
                }
                sent += accepted;
                if sent == ECHO_BYTES {
                    self.runtime.request_end(id).expect("its end is wanted");
                }
            }
            let _ = self.runtime.wait(64, 60_000, &mut events).expect("the only consumer");
            for event in events.drain(..) {
                match event.payload {
                    Payload::Chunk(bytes) => {
                        taken += bytes.len();
                        self.runtime.credit(id, bytes.len() as u32).expect("the request goes on");
                    }
                    Payload::Response { end: false, .. } | Payload::Writable => {}
                    Payload::End(_) => {
                        assert_eq!(taken, ECHO_BYTES);
                        return;
                    }
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}

fn init(path: &str, headers: &[(String, String)], body: Body) -> RequestInit {
    let mut list = Headers::new();
    for (name, value) in headers {
        assert!(list.push(name.as_bytes(), value.as_bytes()));
    }
    let method = if body == Body::None { "GET" } else { "POST" };
    let head = RequestHead { method: method.into(), url: format!("http://web.test{path}"), headers: list };
    RequestInit { head, body, ..RequestInit::default() }
}
