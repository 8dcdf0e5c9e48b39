//! What clients do that nobody means well, or that comes at the worst moment: stopping, stalling, sending on.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use nano_core::{App, Body, ListenLimits, Listener, Payload, RequestInit, Runtime, Status};

use crate::listening::{connect, head, listen, listen_with, response, rest};
use crate::support::{PATIENCE, load, manual_runtime, options, post, runtime, text, until, until_end};

const HELLO: &str = "export default { fetch() { return new Response('hello'); } }";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// It answers `/loop` a little later, and lets nobody else have a turn meanwhile.
const BUSY: &str = "export default { fetch(request) {
    if (request.url.endsWith('/loop')) for (let n = 0; n < 3e7; n++);
    return new Response('hello');
} }";

/// A client whose request keeps the only shard busy.
fn occupied(listener: &Listener, app: &App) -> TcpStream {
    let mut busy = connect(listener);
    busy.write_all(b"GET /loop HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    while app.stats().in_flight == 0 {
        std::thread::yield_now();
    }
    busy
}

/// Lets time pass, and whatever is due then have its turn.
fn pass(runtime: &Runtime, listener: &Listener, ms: u64) {
    runtime.advance_clock(ms).unwrap();
    turn(listener);
}

/// When the second of two requests is answered, the turn that the first one came in is over. A connection that came in a turn which had read
/// the clock before it was moved is found to be idle.
fn turn(listener: &Listener) {
    let mut answered = 0;
    while answered < 2 {
        let (mut stream, mut status) = (connect(listener), [0; 12]);
        let asked = stream.write_all(b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
        if asked.is_ok() && stream.read_exact(&mut status).is_ok() {
            assert_eq!(status, *b"HTTP/1.1 204");
            answered += 1;
        }
    }
}

#[test]
fn a_connection_may_be_idle_for_longer_than_a_body_may_stand_still() {
    let runtime = manual_runtime(1);
    let limits = ListenLimits { idle_ms: 60_000, body_ms: 1_000, ..ListenLimits::default() };
    let listener = listen_with(&runtime, load(&runtime, "hello", HELLO), limits);
    let mut stream = connect(&listener);
    for _ in 0..2 {
        stream.write_all(GET).unwrap();
        assert_eq!(response(&mut stream).1, "hello");
        pass(&runtime, &listener, 30_000);
    }
    pass(&runtime, &listener, 60_000);
    assert_eq!(rest(&mut stream), "");
}

#[test]
fn the_beginning_of_a_request_that_came_with_the_one_before_is_not_idleness() {
    let runtime = manual_runtime(1);
    let limits = ListenLimits { idle_ms: 60_000, head_ms: 1_000, ..ListenLimits::default() };
    let listener = listen_with(&runtime, load(&runtime, "hello", HELLO), limits);
    let mut stream = connect(&listener);
    stream.write_all(&[GET, b"GET / HT"].concat()).unwrap();
    assert_eq!(response(&mut stream).1, "hello");
    pass(&runtime, &listener, 2_000);
    assert!(rest(&mut stream).starts_with("HTTP/1.1 408"));
}

/// It streams its answer: what comes, or something else while it leaves the body alone or gives it up.
const ASKS: &str = "export default { async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/cancel') await request.body.cancel();
    return new Response(pathname === '/echo' ? request.body : new ReadableStream({ start(c) { c.enqueue(new Uint8Array([46])); c.close(); } }));
} }";

#[test]
fn a_client_that_asks_first_is_told_to_go_on_before_an_answer_that_reads_while_it_is_written() {
    let runtime = runtime(1);
    let listener = listen(&runtime, load(&runtime, "asks", ASKS));
    let asks = |path: &str| {
        let mut stream = connect(&listener);
        write!(stream, "POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n").unwrap();
        (head(&mut stream), stream)
    };
    let (told, mut stream) = asks("/echo");
    assert_eq!(told, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").unwrap();
    let (head, body) = response(&mut stream);
    assert!(head.starts_with("HTTP/1.1 200") && body == "abc", "{head}{body}");
    assert!(asks("/cancel").0.starts_with("HTTP/1.1 200"), "nobody will read it");
}

#[test]
fn a_body_that_comes_byte_by_byte_is_no_better_than_one_that_stands_still() {
    let runtime = manual_runtime(1);
    let source = "export default { async fetch(request) { return new Response((await request.text()).length); } }";
    let mut options = options("reads", source);
    options.limits.wall_ms = 1_000_000;
    let listener = listen(&runtime, runtime.load(options).expect("loads"));
    let post = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (mut slow, mut quick) = (connect(&listener), connect(&listener));
    slow.write_all(post).unwrap();
    quick.write_all(post).unwrap();
    let piece = [b"1f40\r\n", &[b'x'; 8_000][..], b"\r\n"].concat();
    for _ in 0..2 {
        slow.write_all(b"1\r\nx\r\n").unwrap();
        quick.write_all(&piece).unwrap();
        turn(&listener);
        pass(&runtime, &listener, 20_000);
    }
    let answer = rest(&mut slow);
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains(r#""code":"REQUEST_TIMEOUT""#), "{answer}");
    quick.write_all(b"0\r\n\r\n").unwrap();
    assert_eq!(response(&mut quick).1, "16000");
}

/// An app that reads what it is sent ten seconds later, asked with these headers; bodies have one second.
fn asked_of_a_late_reader(headers: &str) -> (Runtime, Listener, TcpStream) {
    let runtime = manual_runtime(1);
    let limits = ListenLimits { body_ms: 1_000, ..ListenLimits::default() };
    let source = "export default { async fetch(request) {
        await scheduler.wait(10_000);
        return new Response((await request.text()).length);
    } }";
    let app = load(&runtime, "late", source);
    let listener = listen_with(&runtime, app.clone(), limits);
    let mut stream = connect(&listener);
    write!(stream, "POST / HTTP/1.1\r\nHost: a\r\n{headers}\r\n\r\n").unwrap();
    until(|| app.stats().in_flight > 0);
    (runtime, listener, stream)
}

#[test]
fn a_body_that_has_not_been_asked_for_is_not_late() {
    let (runtime, listener, mut stream) = asked_of_a_late_reader("Content-Length: 3\r\nExpect: 100-continue");
    turn(&listener);
    pass(&runtime, &listener, 5_000);
    pass(&runtime, &listener, 6_000);
    assert_eq!(head(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").unwrap();
    assert_eq!(response(&mut stream).1, "3");
}

#[test]
fn an_app_may_take_its_time_with_a_body_that_waits_for_it() {
    let (runtime, listener, mut stream) = asked_of_a_late_reader("Content-Length: 100000");
    // More than the app is given before it reads.
    stream.write_all(&[b'x'; 66_000]).unwrap();
    turn(&listener);
    pass(&runtime, &listener, 5_000);
    pass(&runtime, &listener, 6_000);
    stream.write_all(&[b'x'; 34_000]).unwrap();
    assert_eq!(response(&mut stream).1, "100000");
}

#[test]
fn what_a_client_sends_after_its_last_request_does_not_cost_it_the_answer() {
    let runtime = runtime(1);
    let listener = listen(&runtime, load(&runtime, "long", "export default { fetch() { return new Response('x'.repeat(3_000_000)); } }"));
    let mut stream = connect(&listener);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    stream.write_all(&GET.repeat(3_000)).unwrap();
    assert_eq!(response(&mut stream).1.len(), 3_000_000);
    assert_eq!(rest(&mut stream), "");
}

#[test]
fn what_follows_a_chunk_that_is_none_does_not_cost_the_client_the_answer() {
    let runtime = runtime(1);
    let source = "export default { async fetch(request) {
        try { return new Response(await request.text()); } catch { return new Response('x'.repeat(3_000_000), { status: 400 }); }
    } }";
    let listener = listen(&runtime, load(&runtime, "read", source));
    let mut stream = connect(&listener);
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").unwrap();
    stream.write_all(&[b'x'; 500_000]).unwrap();
    let (head, body) = response(&mut stream);
    assert!(head.starts_with("HTTP/1.1 400") && head.contains("connection: close"), "{head}");
    assert_eq!(body.len(), 3_000_000);
}

#[test]
fn draining_waits_until_answers_are_with_their_clients() {
    let runtime = runtime(2);
    let app = load(&runtime, "long", "export default { fetch() { return new Response('x'.repeat(20_000_000)); } }");
    let listener = listen(&runtime, app.clone());
    let mut stream = connect(&listener);
    stream.write_all(GET).unwrap();
    // The app is done when the first bytes are here.
    let first = head(&mut stream);
    let length: usize = first.split("content-length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
    while app.stats().in_flight > 0 {
        std::thread::yield_now();
    }
    let ending = std::thread::spawn(move || {
        let drained = runtime.drain(PATIENCE);
        runtime.free();
        drained
    });
    assert_eq!(rest(&mut stream).len(), length);
    drop(stream);
    assert!(ending.join().unwrap(), "everything was answered");
    assert_eq!(listener.connections(), 0);
}

#[test]
fn a_request_that_is_on_its_way_when_the_listener_closes_is_answered() {
    let runtime = manual_runtime(2);
    let listener = listen(&runtime, load(&runtime, "hello", HELLO));
    let mut streams: Vec<_> = (0..16).map(|_| connect(&listener)).collect();
    for stream in &mut streams {
        stream.write_all(GET).unwrap();
        assert_eq!(response(stream).1, "hello");
    }
    listener.close();
    let mut last = streams.pop().unwrap();
    for mut stream in streams {
        stream.write_all(GET).unwrap();
        let answer = rest(&mut stream);
        assert!(answer.contains("connection: close\r\n") && answer.ends_with("hello"), "{answer}");
    }
    runtime.advance_clock(1_000).unwrap();
    assert_eq!(rest(&mut last), "");
}

#[test]
fn a_client_that_waits_in_the_queue_when_the_listener_closes_is_answered() {
    let runtime = runtime(1);
    let app = load(&runtime, "busy", BUSY);
    let listener = listen(&runtime, app.clone());
    let mut busy = occupied(&listener, &app);
    let mut waiting: Vec<_> = (0..100).map(|_| connect(&listener)).collect();
    for stream in &mut waiting {
        stream.write_all(GET).unwrap();
    }
    listener.close();
    for mut stream in waiting {
        assert!(rest(&mut stream).ends_with("hello"));
    }
    assert!(rest(&mut busy).ends_with("hello"));
}

#[test]
fn the_end_that_comes_with_a_request_is_seen() {
    let runtime = runtime(1);
    let app = load(&runtime, "busy", BUSY);
    let listener = listen(&runtime, app.clone());
    let mut stream = connect(&listener);
    stream.write_all(GET).unwrap();
    assert_eq!(response(&mut stream).1, "hello");
    let _busy = occupied(&listener, &app);
    stream.write_all(GET).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    // Nothing else would end it before the time for idle connections is up.
    assert!(rest(&mut stream).ends_with("hello"));
}

#[test]
fn a_response_that_stands_still_is_canceled_when_its_client_leaves_in_silence() {
    let runtime = manual_runtime(1);
    let source = "let canceled = 0; let go;
    export default { fetch(request) {
        if (request.url.endsWith('/canceled')) return new Response(String(canceled));
        if (request.url.endsWith('/go')) { go.enqueue(new Uint8Array([33])); go.close(); return new Response('gone'); }
        return new Response(new ReadableStream({ start(c) { go = c; c.enqueue(new Uint8Array([46])); }, cancel() { canceled++; } }));
    } }";
    let mut limited = options("feed", source);
    limited.limits.wall_ms = 1_000_000;
    let app = runtime.load(limited).expect("the app loads");
    let listener = listen(&runtime, app.clone());
    let begin = || {
        let mut stream = connect(&listener);
        stream.write_all(b"GET /feed HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
        let mut seen = Vec::new();
        while !seen.ends_with(b".\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            seen.push(byte[0]);
        }
        stream.shutdown(Shutdown::Write).unwrap();
        stream
    };
    // One that has closed only its own side gets what is on its way.
    let mut half = begin();
    assert_eq!(text(&app, "/go"), "gone");
    assert!(rest(&mut half).ends_with("1\r\n!\r\n0\r\n\r\n"));
    drop(begin());
    for seconds in 0.. {
        if text(&app, "/canceled") == "1" {
            break;
        }
        assert!(seconds < 1_000, "the app is told");
        runtime.advance_clock(1_000).unwrap();
    }
}

/// It answers `/left` when it learns that its client has gone, and says how many requests have come so far to whoever asks by `/begun`.
const LEFT: &str = "let begun = 0;
export default { async fetch(request) {
    if (request.url.endsWith('/begun')) return new Response(String(begun));
    begun++;
    const body = await request.text().catch(() => 'half of it');
    const { signal } = request;
    if (!signal.aborted) await new Promise((left) => signal.addEventListener('abort', left));
    return new Response(`${signal.reason.name} ${body}`);
} }";

#[test]
fn an_app_learns_of_a_client_that_closes_its_side_and_may_still_answer() {
    let runtime = runtime(1);
    let mut options = options("left", LEFT);
    options.limits.wall_ms = 1_000_000;
    let app = runtime.load(options).expect("the app loads");
    let listener = listen(&runtime, app.clone());
    let get = b"GET /left HTTP/1.1\r\nHost: a\r\n\r\n".to_vec();
    let post = |length, body| format!("POST /left HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes();
    let chunks = b"POST /left HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nall\r\n0\r\n\r\n".to_vec();
    let cases = [(get, ""), (post(3, "all"), "all"), (chunks, "all"), (post(100_000, "half"), "half of it")];
    for (n, (request, body)) in cases.iter().enumerate() {
        // Before the app has it, and after.
        for later in [false, true] {
            let mut stream = connect(&listener);
            stream.write_all(request).unwrap();
            while later && text(&app, "/begun") != (2 * n + 2).to_string() {
                std::thread::yield_now();
            }
            stream.shutdown(Shutdown::Write).unwrap();
            let answer = rest(&mut stream);
            assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(&format!("\r\n\r\nAbortError {body}")), "{n} {answer}");
        }
    }
    // One that has closed both sides looks the same.
    let mut stream = connect(&listener);
    stream.write_all(&cases[0].0).unwrap();
    drop(stream);
    while text(&app, "/begun") != "9" || app.stats().in_flight > 0 || listener.connections() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn who_does_not_read_is_let_go_and_the_kernel_keeps_nothing() {
    let runtime = manual_runtime(1);
    let limits = ListenLimits { body_ms: 1_000, ..ListenLimits::default() };
    let app = load(&runtime, "long", "export default { fetch() { return new Response('x'.repeat(20_000_000)); } }");
    let listener = listen_with(&runtime, app.clone(), limits);
    let mut stream = connect(&listener);
    stream.write_all(GET).unwrap();
    head(&mut stream);
    while app.stats().in_flight > 0 {
        std::thread::yield_now();
    }
    turn(&listener);
    pass(&runtime, &listener, 2_000);
    while listener.connections() > 0 {
        std::thread::yield_now();
    }
    let error = stream.read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn who_waits_in_vain_when_the_grace_is_over_is_told() {
    let runtime = runtime(1);
    let app = load(&runtime, "never", "export default { fetch() { return new Promise(() => setTimeout(() => {}, 1e6)); } }");
    let listener = listen(&runtime, app.clone());
    let mut stream = connect(&listener);
    stream.write_all(GET).unwrap();
    while app.stats().in_flight == 0 {
        std::thread::yield_now();
    }
    assert!(!runtime.drain(std::time::Duration::from_millis(10)));
    runtime.free();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains(r#""code":"DRAINING""#), "{answer}");
}

#[test]
fn who_is_idle_makes_room_for_who_is_not() {
    let runtime = manual_runtime(1);
    let limits = ListenLimits { connections: 3, ..ListenLimits::default() };
    let listener = listen_with(&runtime, load(&runtime, "hello", HELLO), limits);
    let asked = |stream: &mut TcpStream| {
        stream.write_all(GET).unwrap();
        response(stream).1
    };
    let [mut oldest, mut older, mut newest] = [(); 3].map(|()| {
        let mut stream = connect(&listener);
        assert_eq!(asked(&mut stream), "hello");
        runtime.advance_clock(10).unwrap();
        stream
    });
    runtime.advance_clock(1_000).unwrap();
    assert_eq!((asked(&mut older), asked(&mut newest)), ("hello".into(), "hello".into()));
    let mut another = connect(&listener);
    assert_eq!(asked(&mut another), "hello");
    assert_eq!(rest(&mut oldest), "");
    assert_eq!((asked(&mut older), asked(&mut newest)), ("hello".into(), "hello".into()), "they were busy a moment ago");
}

#[test]
fn a_port_that_somebody_listens_on_is_not_shared() {
    let first = runtime(2);
    let listener = listen(&first, load(&first, "first", HELLO));
    let second = runtime(1);
    let options = |address: &str| nano_core::ListenOptions {
        address: address.into(),
        router: std::sync::Arc::new(load(&second, "second", HELLO)),
        limits: ListenLimits::default(),
        tls: None,
    };
    let error = second.listen(options(listener.address())).expect_err("taken");
    assert!(error.status == nano_core::Status::Io && error.message.contains("in use"), "{}", error.message);
}

#[test]
fn a_body_in_pieces_has_a_limit_as_well() {
    let runtime = runtime(1);
    let source = "let begun = 0; export default { async fetch(request) {
        begun++;
        if (request.method === 'GET') return new Response(String(begun));
        let bytes = 0;
        for await (const piece of request.body) bytes += piece.length;
        return new Response(String(bytes));
    } }";
    let mut options = options("app", source);
    options.limits.upload_bytes = 200_000;
    let app = runtime.load(options).expect("loads");
    let listener = listen(&runtime, app.clone());
    let answer = |framing: &str, body: &[u8]| {
        let mut stream = connect(&listener);
        write!(stream, "POST / HTTP/1.1\r\nHost: a\r\n{framing}\r\n\r\n").unwrap();
        // It may be answered, and closed, before all has been sent.
        let _ = stream.write_all(body);
        let (head, body) = response(&mut stream);
        (head.split(' ').nth(1).expect("a status").to_string(), body)
    };
    assert_eq!(answer("Content-Length: 200000", &[b'x'; 200_000]), ("200".into(), "200000".into()));
    let chunks = |count: usize| [format!("2710\r\n{}\r\n", "x".repeat(10_000)).repeat(count), "0\r\n\r\n".into()].concat();
    assert_eq!(answer("Transfer-Encoding: chunked", chunks(20).as_bytes()), ("200".into(), "200000".into()));
    let (status, body) = answer("Content-Length: 200001", &[b'x'; 200_001]);
    assert!(status == "413" && body.contains("TOO_LARGE"), "{status} {body}");
    assert_eq!(answer("Content-Length: 99999999999\r\nExpect: 100-continue", b"").0, "413", "not asked to go on");
    assert_eq!(text(&app, "/"), "3", "the app has seen none of these");
    let (status, body) = answer("Transfer-Encoding: chunked", chunks(21).as_bytes());
    assert!(status == "413" && body.contains("TOO_LARGE"), "{status} {body}");
    // A host's own.
    let id = app.dispatch(RequestInit { body: Body::Stream, ..post("/", "") }).expect("accepted");
    let error = loop {
        match runtime.request_write(id, &[0; 10_000]) {
            Ok(0) => std::thread::yield_now(),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.status, Status::NotFound, "{error:?}");
    let end = until_end(&runtime, id);
    assert!(
        matches!(&end[..], [.., Payload::Error(error, _)] if error.status == Status::TooLarge && error.http_status() == 413),
        "{end:?}"
    );
}
