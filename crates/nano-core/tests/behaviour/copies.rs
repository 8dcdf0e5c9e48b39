//! What is copied out of an app, and what is kept of it natively: counted before there is any, charged to whoever caused it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;

use nano_core::policy::{Mode, Policy, Rule};
use nano_core::value::ErrorValue;
use nano_core::{App, AppOptions, Binding, BindingKind, Body, Payload, Runtime, Status, Value};

use crate::support::*;

const MIB: u64 = 1 << 20;

/// Values that are small in an app and large outside, because they name one thing many times.
const REPEATED: &[(&str, &str)] = &[
    ("a string", "new Array(30).fill('x'.repeat(1 << 20))"),
    ("a buffer", "new Array(30).fill(new ArrayBuffer(1 << 20))"),
    ("a view", "new Array(30).fill(new Float64Array(1 << 17))"),
    ("a number of many words", "new Array(30).fill(1n << 8388608n)"),
    ("a key", "new Array(30).fill({ ['x'.repeat(1 << 20)]: 1 })"),
    ("in a map", "new Map(Array.from({ length: 30 }, (_, i) => [i, 'ü'.repeat(1 << 19)]))"),
    ("nothing, often", "new Array(900_000)"),
];

#[test]
fn what_crosses_is_counted_before_it_is_copied() {
    let runtime = runtime(1);
    let refused = "DataCloneError: a value that takes more than 8 MiB cannot cross to the host";
    for (name, value) in REPEATED {
        let source = format!(
            "const all = async (env, v) => [await env.Q.send(v, {{ contentType: 'v8' }}).catch(String), await env.API.take(v).catch(String), \
               await env.F(v).catch(String), await env.O.take(v).catch(String)]; \
             export default {{ async fetch(r, env) {{ return Response.json(await all(env, {value})); }} }}; \
             export function give() {{ return {value}; }} export function take() {{ return 'taken'; }}"
        );
        let mut options = options("copies", &source);
        options.bindings = vec![
            Binding { name: "Q".into(), kind: BindingKind::Queue { queue: "jobs".into() } },
            Binding { name: "API".into(), kind: BindingKind::App { app: "copies".into(), entrypoint: None } },
            Binding { name: "F".into(), kind: BindingKind::Function },
            "O".into(),
        ];
        options.limits.cpu_ms = 10_000;
        let app = runtime.load(options).expect("loads");
        let said = text(&app, "/");
        assert_eq!(said.matches(refused).count(), 4, "{name}: {said}");
        let error = app.invoke_wait("give", Vec::new(), Some(PATIENCE)).expect_err("is too large");
        assert!(error.message.starts_with(refused), "{name}: {error}");
        app.unload(PATIENCE).expect("unloads");
    }
}

#[test]
fn copying_ends_when_the_turn_is_stopped() {
    let runtime = runtime(1);
    // Nothing is kept of each cause, after most of it has been copied.
    let source = "const e = new Error('e', { cause: [...new Array(7).fill('x'.repeat(1 << 20)), () => {}] }); \
        export function give() { return new Array(9000).fill(e); }";
    let mut options = options("errors", source);
    options.limits.cpu_ms = 50;
    let app = runtime.load(options).expect("loads");
    let error = app.invoke_wait("give", Vec::new(), Some(PATIENCE)).expect_err("takes too long");
    assert_eq!(error.status, Status::CpuLimit, "{error}");
    assert_eq!(app.stats().strikes, 0);
}

#[test]
fn what_is_left_out_of_errors_leaves_nothing() {
    let runtime = runtime(1);
    let source = "const e = new Error('e', { cause: [...new Array(100_000).fill(1), () => {}] }); \
        export function give() { return new Array(500).fill(e); }";
    let mut options = options("errors", source);
    (options.limits.cpu_ms, options.limits.wall_ms) = (60_000, 3_600_000);
    let app = runtime.load(options).expect("loads");
    let (given, _) = app.invoke_wait("give", Vec::new(), Some(PATIENCE)).expect("crosses");
    let Value::Array(given) = given else { panic!("{given:?} is no array") };
    assert_eq!(given.len(), 500);
    let wanted = Value::Error(Box::new(ErrorValue { name: "Error".into(), message: "e".into(), properties: Vec::new() }));
    assert!(given.iter().all(|error| *error == wanted), "{:?}", given[0]);
    assert_eq!((app.stats().strikes, runtime.stats().parked), (0, 0));
}

/// A server that answers each connection by a function of its own; its port.
fn serve(answer: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || answer(stream));
        }
    });
    port
}

/// Reads a head.
fn head(stream: &TcpStream) -> BufReader<TcpStream> {
    let mut reader = BufReader::new(stream.try_clone().expect("the same socket"));
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).expect("a line");
    }
    reader
}

fn online(runtime: &Runtime, source: &str) -> App {
    let rule = Rule::parse("127.0.0.0/8").expect("a rule");
    let mut options = AppOptions { egress: Policy::new(Mode::Public, vec![rule], Vec::new()), ..options("online", source) };
    options.limits.cpu_ms = 10_000;
    options.limits.subrequests_at_once = 50;
    runtime.load(options).expect("loads")
}

#[test]
fn whole_uploads_are_counted_while_they_are_kept() {
    // It accepts, and reads nothing before it is told to.
    let (go, wait) = mpsc::channel::<()>();
    let wait = std::sync::Arc::new(std::sync::Mutex::new(wait));
    let port = serve(move |stream| {
        let _ = wait.lock().map(|wait| wait.recv());
        drop(stream);
    });
    let runtime = runtime(1);
    let source = format!(
        "const text = 'x'.repeat(10 << 20), bytes = new Uint8Array(10 << 20); \
         const bodies = [text, bytes, text, text, new Blob([text.slice(0, 5 << 20)]), new URLSearchParams({{ a: text }})]; \
         export default {{ async fetch(r) {{ const ends = bodies.map((body) => fetch('http://127.0.0.1:{port}/', {{ method: 'POST', body, signal: r.signal }}) \
           .then((r) => 'sent', (e) => {{ console.log(e.message); return e.message; }})); return new Response((await Promise.all(ends)).join()); }} }}"
    );
    let app = online(&runtime, &source);
    let id = app.dispatch(get("/")).expect("accepted");
    for _ in 0..3 {
        let said = wait_for(&runtime, |event| match &event.payload {
            Payload::Log { text, .. } => Some(text.clone()),
            _ => None,
        });
        assert!(said.contains("there is no room for a body of") && said.contains("limit external_bytes"), "{said}");
    }
    let waiting = app.stats().waiting_bytes;
    assert!((30 * MIB..=32 * MIB).contains(&waiting), "three of six: {waiting}");
    runtime.request_cancel(id).expect("is running");
    until_end(&runtime, id);
    until(|| app.stats().waiting_bytes == 0);
    drop(go);
}

#[test]
fn an_upload_that_is_sent_is_counted_no_longer() {
    let port = serve(|mut stream| {
        let mut rest = head(&stream);
        let mut body = vec![0; 5 << 20];
        rest.read_exact(&mut body).expect("all of it");
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nbegun").expect("is read");
        // The rest of the answer never comes.
        let _ = rest.read(&mut [0]);
    });
    let runtime = runtime(1);
    for method in ["POST", "PUT"] {
        let source = format!(
            "export default {{ async fetch() {{ const r = await fetch('http://127.0.0.1:{port}/', {{ method: '{method}', body: 'x'.repeat(5 << 20) }}); \
               const reader = r.body.getReader(); await reader.read(); console.log('begun'); await reader.read(); }} }}"
        );
        let app = online(&runtime, &source);
        let id = app.dispatch(get("/")).expect("accepted");
        wait_for(&runtime, |event| matches!(event.payload, Payload::Log { .. }).then_some(()));
        until(|| app.stats().waiting_bytes == 0);
        runtime.request_cancel(id).expect("is running");
        until_end(&runtime, id);
        app.unload(PATIENCE).expect("unloads");
    }
}

const BYTE_BY_BYTE: &str = "new ReadableStream({ start(c) { for (let i = 0; i < 3000; i++) c.enqueue(new Uint8Array(1)); c.close(); } })";

#[test]
fn small_pieces_of_an_upload_are_joined_where_they_wait() {
    let (tell, told) = mpsc::channel();
    let port = serve(move |mut stream| {
        let mut rest = head(&stream);
        let (mut bytes, mut chunks) = (0, 0);
        loop {
            let mut line = String::new();
            rest.read_line(&mut line).expect("a chunk's size");
            let size = usize::from_str_radix(line.trim(), 16).expect("a number");
            let mut chunk = vec![0; size + 2];
            rest.read_exact(&mut chunk).expect("a chunk");
            if size == 0 {
                break;
            }
            (bytes, chunks) = (bytes + size, chunks + 1);
        }
        tell.send((bytes, chunks)).expect("is heard");
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    });
    let runtime = runtime(1);
    let source = format!(
        "export default {{ async fetch() {{ await fetch('http://127.0.0.1:{port}/', {{ method: 'POST', body: {BYTE_BY_BYTE}, duplex: 'half' }}); \
           return new Response('sent'); }} }}"
    );
    assert_eq!(text(&online(&runtime, &source), "/"), "sent");
    let (bytes, chunks) = told.recv().expect("an upload");
    assert_eq!(bytes, 3_000);
    assert!(chunks < 100, "{chunks} chunks");
}

#[test]
fn small_pieces_between_apps_are_joined_where_they_wait() {
    let runtime = runtime(1);
    let source = format!(
        "export default {{ async fetch(r, env) {{ if (r.method === 'POST') {{ let n = 0; for await (const piece of r.body) n++; return new Response(String(n)); }} \
           return env.SELF.fetch(r.url, {{ method: 'POST', body: {BYTE_BY_BYTE}, duplex: 'half' }}); }} }}"
    );
    let mut options = options("self", &source);
    options.bindings = vec![Binding { name: "SELF".into(), kind: BindingKind::App { app: "self".into(), entrypoint: None } }];
    options.limits.cpu_ms = 10_000;
    let pieces: u32 = text(&runtime.load(options).expect("loads"), "/").parse().expect("a number");
    assert!((1..100).contains(&pieces), "{pieces}");
}

#[test]
fn what_an_app_calls_others_with_is_at_its_own_expense() {
    let runtime = runtime(1);
    // It never starts: what it is called with waits.
    let mut slow = options("slow", "await new Promise(() => setTimeout(() => {}, 1e6)); export function take() {}");
    slow.lazy = true;
    let slow = runtime.load(slow).expect("is registered");
    let mut options = options(
        "caller",
        "const bytes = new Uint8Array(7 << 20); let refused = 0, why; \
         export default { async fetch(r, env) { for (let i = 0; i < 8; i++) env.SLOW.take(bytes).catch((e) => { why = e.message; refused++; if (refused === 4) console.log(why); }); \
           await new Promise(() => setTimeout(() => {}, 1e6)); } }",
    );
    options.bindings = vec![Binding { name: "SLOW".into(), kind: BindingKind::App { app: "slow".into(), entrypoint: None } }];
    options.limits.cpu_ms = 10_000;
    options.limits.subrequests_at_once = 50;
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let said = wait_for(&runtime, |event| match &event.payload {
        Payload::Log { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert!(said.contains("limit external_bytes"), "{said}");
    assert!((28 * MIB..=32 * MIB).contains(&app.stats().waiting_bytes), "{:?}", app.stats());
    // Nobody fills the other one, which is asked as ever.
    assert_eq!(slow.stats().waiting_bytes, 0);
    assert_eq!(slow.stats().in_flight, 4);
    runtime.request_cancel(id).expect("is running");
    until_end(&runtime, id);
    slow.unload(std::time::Duration::ZERO).expect("unloads");
    until(|| app.stats().waiting_bytes == 0);
}

#[test]
fn values_between_apps_wait_at_the_expense_of_who_asked() {
    let runtime = runtime(2);
    let api = load(&runtime, "api", "const bytes = new Uint8Array(7 << 20); export function give() { return bytes; }");
    let mut options = options(
        "caller",
        "export default { async fetch(r, env) { for (let i = 0; i < 8; i++) env.API.give().catch(() => {}); \
           for (;;); } }",
    );
    options.bindings = vec![Binding { name: "API".into(), kind: BindingKind::App { app: "api".into(), entrypoint: None } }];
    options.limits.cpu_ms = 60_000;
    options.limits.wall_ms = 300_000;
    options.limits.subrequests_at_once = 50;
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    // It is busy, and takes none of the answers: those that have no room are refused.
    until(|| api.stats().requests == 8 && api.stats().in_flight == 0);
    let waiting = app.stats().waiting_bytes;
    assert!((28 * MIB..=32 * MIB).contains(&waiting), "four of eight: {waiting}");
    assert_eq!(api.stats().waiting_bytes, 0);
    app.kill().expect("is stopped");
    until_end(&runtime, id);
    until(|| app.stats().waiting_bytes == 0);
}

#[test]
fn long_heads_of_responses_are_counted_like_bodies() {
    let runtime = runtime(1);
    let source = "export default { fetch() { return new Response(null, { headers: { long: 'x'.repeat(100 << 10), short: 'y' } }); } }";
    let mut options = options("heads", source);
    options.limits.external_bytes = 2 << 20;
    options.limits.cpu_ms = 10_000;
    let app = runtime.load(options).expect("loads");
    let ids: Vec<u64> = (0..200).filter_map(|_| app.dispatch(get("/")).ok()).collect();
    until(|| app.stats().in_flight == 0);
    assert!((2 * MIB..=10 * MIB).contains(&app.stats().waiting_bytes), "{:?}", app.stats());
    for id in ids {
        runtime.request_cancel(id).ok();
    }
    let mut events = Vec::new();
    until(|| runtime.poll(100, &mut events).expect("the only consumer") == 0);
    assert_eq!(app.stats().waiting_bytes, 0);
}

#[test]
fn a_form_of_a_field_for_every_other_byte_is_refused() {
    let runtime = runtime(1);
    let mut options = options(
        "form",
        "export default { async fetch(r) { return new Response(await r.formData().then((form) => [...form].length, String)); } }",
    );
    (options.limits.cpu_ms, options.limits.heap_bytes) = (5_000, 128 << 20);
    (options.limits.body_bytes, options.limits.external_bytes) = (64 << 20, 128 << 20);
    let app = runtime.load(options).expect("loads");
    let ask = |body: String| {
        let mut init = post("/", "");
        init.body = Body::Whole(body.into_bytes());
        assert!(init.head.headers.push(b"content-type", b"application/x-www-form-urlencoded"));
        String::from_utf8(app.fetch(init, Some(PATIENCE)).expect("a response").body).expect("UTF-8")
    };
    assert_eq!(ask("&a&b=&=c&&".repeat(1_000)), "3000");
    assert_eq!(ask("a&".repeat(100_000)), "100000");
    assert_eq!(ask("a&".repeat(20 << 20)), "TypeError: the body has more than 100000 fields");
    assert_eq!((app.stats().strikes, runtime.stats().parked), (0, 0));
}

#[test]
fn a_string_put_together_of_others_is_written_out_only_if_there_is_room() {
    let runtime = runtime(1);
    let source = "const long = 'x'.repeat(1 << 28); const name = (f) => { try { f(); return 'made'; } catch (e) { return e.name; } }; \
        export default { async fetch() { const part = 'x'.repeat(1 << 20), headers = {}; for (let i = 0; i < 200; i++) headers['h' + i] = part; \
          const head = new Response(null, { headers }); \
          return Response.json([name(() => btoa(long)), name(() => atob(long)), await caches.open(long).then(() => 'open', (e) => e.name), \
            await caches.default.put('http://a.test/', head).then(() => 'put', (e) => e.name)]); } }";
    let mut options = options("ropes", source);
    options.limits.cpu_ms = 10_000;
    let app = runtime.load(options).expect("loads");
    assert_eq!(text(&app, "/"), r#"["RangeError","RangeError","RangeError","RangeError"]"#);
    assert_eq!(app.stats().strikes, 0);
}

#[test]
fn texts_longer_than_all_memory_outside_the_heap_are_copied_nowhere() {
    let runtime = runtime(1);
    let source = "const long = '\u{e9}'.repeat(1 << 28); const name = async (f) => { try { await f(); return 'made'; } catch (e) { return e.message; } };
        const uses = [() => new TextEncoder().encode(long), () => new URL('http://a/' + long), () => URL.canParse(long, 'http://a/'),
          () => new TextDecoder(long)];
        export default { async fetch(request) { return new Response(await name(uses[new URL(request.url).pathname.slice(1)])); } }";
    let mut options = options("ropes", source);
    options.limits.cpu_ms = 60_000;
    let app = runtime.load(options).expect("loads");
    for number in 0..4 {
        let said = text(&app, &format!("/{number}"));
        assert!(said.contains("limit external_bytes") && said.contains("characters"), "{number}: {said}");
    }
    assert_eq!((app.stats().strikes, runtime.stats().parked), (0, 0));
}

#[test]
fn what_is_thrown_is_told_by_its_beginning() {
    let runtime = runtime(1);
    let mut thrower = options("thrower", "const long = 'x'.repeat(1 << 28); export default { fetch() { throw new Error(long); } }");
    thrower.limits.cpu_ms = 60_000;
    let error = fetch(&runtime.load(thrower).expect("loads"), "/").expect_err("is thrown");
    assert!(error.message.ends_with("xxx...") && error.message.len() < 10_000, "{} bytes", error.message.len());
}
