//! Calls in any order: whatever a host does, each accepted request ends exactly once and nothing hangs.

use std::collections::HashMap;
use std::time::Duration;

use nano_core::{App, Body, CallResponse, Headers, Payload, ResponseHead, Runtime, Value};

use crate::support::*;

/// A small repeatable source of choices.
struct Choices(u64);

impl Choices {
    fn next(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

/// An app that does a little of everything, by the request's path.
const APP: &str = "
export default {
  async fetch(request, env) {
    switch (new URL(request.url).pathname) {
      case '/echo': return new Response(request.body);
      case '/text': return new Response(await request.text());
      case '/call': return new Response(await env.HOST.method('a', 1));
      case '/fetch': return env.HOST.fetch('http://host/', { method: 'POST', body: request.body });
      case '/throw': throw new Error('no');
      case '/never': return new Promise(() => {});
      case '/wait': await new Promise((resolve) => setTimeout(resolve, 2)); return new Response('waited');
      case '/stream': return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(40000)); } }));
    }
    return new Response('plain');
  },
};
export const twice = (n) => n * 2;
";

const PATHS: [&str; 9] = ["/echo", "/text", "/call", "/fetch", "/throw", "/never", "/wait", "/stream", "/"];

#[test]
fn every_accepted_request_ends_exactly_once_whatever_the_host_does() {
    for seed in 1..=40_u64 {
        sequence(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
}

fn sequence(seed: u64) {
    let mut choices = Choices(seed);
    let runtime = runtime(1 + choices.next(3) as u32);
    let mut options = options("any", APP);
    options.bindings = vec!["HOST".into()];
    let mut app = runtime.load(options.clone()).expect("loads");
    let mut ends: HashMap<u64, u32> = HashMap::new();
    let mut calls = Vec::new();
    for _ in 0..120 {
        let some = ends.keys().copied().nth(choices.next(ends.len().max(1) as u64) as usize).unwrap_or(7);
        match choices.next(12) {
            0..4 => {
                let path = PATHS[choices.next(PATHS.len() as u64) as usize];
                let mut init = post(path, "some body");
                if choices.next(2) == 0 {
                    init.body = Body::Stream;
                }
                if let Ok(id) = app.dispatch(init) {
                    assert_eq!(ends.insert(id, 0), None, "an id was given twice");
                }
            }
            4 => {
                if let Ok(id) = app.invoke("twice", vec![Value::Int(21)], 0) {
                    assert_eq!(ends.insert(id, 0), None, "an id was given twice");
                }
            }
            5 => drop(runtime.request_write(some, &vec![1; choices.next(100_000) as usize])),
            6 => drop(runtime.request_end(some)),
            7 => drop(runtime.credit(some, choices.next(100_000) as u32)),
            8 if choices.next(3) == 0 => drop(runtime.request_cancel(some)),
            9 => answer(&runtime, &mut choices, &mut calls),
            10 if choices.next(10) == 0 => app.reload(options.clone()).expect("reloads"),
            11 if choices.next(20) == 0 => {
                app.unload(Duration::ZERO).expect("unloads");
                app = runtime.load(options.clone()).expect("loads again");
            }
            _ => {}
        }
        hear(&runtime, &mut ends, &mut calls);
    }
    runtime.drain(Duration::ZERO);
    // An app that was unloaded is no longer drained with the runtime; its requests have ended before.
    hear(&runtime, &mut ends, &mut calls);
    runtime.free();
    hear(&runtime, &mut ends, &mut calls);
    for (id, count) in ends {
        assert_eq!(count, 1, "request {id:#x} ended {count} times (seed {seed:#x})");
    }
    let _: &App = &app;
}

/// Answers one call in one of the ways there are, or wrongly.
fn answer(runtime: &Runtime, choices: &mut Choices, calls: &mut Vec<u64>) {
    let Some(call) = calls.pop() else { return };
    let head = ResponseHead { status: 200, status_text: String::new(), headers: Headers::new() };
    match choices.next(5) {
        0 => drop(runtime.call_return(call, Value::Text("value".into()))),
        1 => drop(runtime.call_fail(call, "failed")),
        2 => drop(runtime.call_respond(call, CallResponse { head, body: Body::Whole(b"whole".to_vec()) })),
        3 => {
            drop(runtime.call_respond(call, CallResponse { head, body: Body::Stream }));
            drop(runtime.call_write(call, b"piece"));
            drop(runtime.call_end(call));
        }
        _ => {
            drop(runtime.call_respond(call, CallResponse { head, body: Body::Stream }));
            drop(runtime.call_fail(call, "cut short"));
        }
    }
}

/// Takes what waits in the queue.
fn hear(runtime: &Runtime, ends: &mut HashMap<u64, u32>, calls: &mut Vec<u64>) {
    let mut events = Vec::new();
    runtime.poll(1_000, &mut events).expect("the only consumer");
    for event in events {
        match &event.payload {
            Payload::Call => calls.push(event.id),
            payload if payload.is_terminal() => *ends.get_mut(&event.id).expect("an event of an accepted request") += 1,
            _ => {}
        }
    }
}
