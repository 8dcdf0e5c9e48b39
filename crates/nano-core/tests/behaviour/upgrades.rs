//! Apps that answer with WebSockets, as clients of the built-in listener see them.

use std::net::Shutdown;
use std::sync::Arc;
use std::time::Duration;

use nano_core::{App, ListenLimits, ListenOptions, Listener, Runtime, Status};
use nano_http::ws::Event;
use socket2::SockRef;

use crate::frames::Wire;
use crate::support::*;

fn listen(runtime: &Runtime, app: &App) -> Listener {
    let options =
        ListenOptions { address: "127.0.0.1:0".into(), router: Arc::new(app.clone()), limits: ListenLimits::default(), tls: None };
    runtime.listen(options).expect("a free port")
}

/// An app whose server's end is `socket`; what it notes is given out by a plain request.
fn source(body: &str) -> String {
    format!(
        "let notes = [];
         const note = (...what) => notes.push(what.join(' '));
         export default {{ async fetch(request) {{
            if (request.headers.get('upgrade') !== 'websocket') return new Response(notes.splice(0).join(';'));
            const [client, socket] = Object.values(new WebSocketPair());
            {body}
            return new Response(null, {{ status: 101, webSocket: client }});
         }} }}"
    )
}

const ECHO: &str = "socket.accept();
    socket.addEventListener('message', ({ data }) => socket.send(data));
    socket.addEventListener('close', ({ code, reason, wasClean }) => note('closed', code, reason, wasClean));
    socket.addEventListener('error', ({ message }) => note('error', message));";

struct Served {
    runtime: Runtime,
    app: App,
    listener: Listener,
}

fn serve(body: &str) -> Served {
    serve_on(runtime(1), body)
}

fn serve_on(runtime: Runtime, body: &str) -> Served {
    let mut options = options("sockets", &source(body));
    options.limits.cpu_ms = 1_000;
    let app = runtime.load(options).unwrap();
    let listener = listen(&runtime, &app);
    Served { runtime, app, listener }
}

impl Served {
    fn open(&self) -> Wire {
        Wire::open(self.listener.address(), "/")
    }

    /// What the app has noted, as soon as it has.
    fn notes(&self) -> String {
        let mut notes = String::new();
        until(|| {
            notes = text(&self.app, "/notes");
            !notes.is_empty()
        });
        notes
    }
}

#[test]
fn messages_go_both_ways_and_the_closing_handshake_is_clean() {
    let served = serve(ECHO);
    let mut wire = served.open();
    wire.text("gr\u{fc}\u{df} dich");
    assert_eq!(wire.next_text(), "gr\u{fc}\u{df} dich");
    let long: Vec<u8> = (0..300_000_u32).map(|at| at as u8).collect();
    wire.binary(&long);
    assert_eq!(wire.next(), Some(Event::Binary(long)));
    wire.text("");
    assert_eq!(wire.next_text(), "");
    wire.close(Some((3001, "enough")));
    assert_eq!(wire.next_close().0, 3001);
    assert_eq!(wire.next(), None, "the server ends the connection");
    assert_eq!(served.notes(), "closed 3001 enough true");
}

#[test]
fn who_says_all_at_once_and_closes_has_its_answers_before_the_close() {
    let served = serve(ECHO);
    let mut wire = served.open();
    let mut all = Vec::new();
    for text in ["a", "b"] {
        wire.socket.text(&mut all, text, false, [7; 4]).unwrap();
    }
    wire.socket.close(&mut all, Some((3002, "that was it")), [7; 4]).unwrap();
    wire.raw(&all);
    assert_eq!((wire.next_text(), wire.next_text()), ("a".into(), "b".into()));
    assert_eq!(wire.next_close().0, 3002);
    assert_eq!(wire.next(), None, "the server ends the connection");
    assert_eq!(served.notes(), "closed 3002 that was it true");
}

#[test]
fn what_was_said_before_the_response_is_heard_after_it() {
    let served = serve("socket.accept(); socket.send('first'); socket.send('second'); socket.close(4000, 'bye');");
    let mut wire = served.open();
    assert_eq!((wire.next_text(), wire.next_text()), ("first".into(), "second".into()));
    assert_eq!(wire.next_close(), (4000, "bye".into()));
}

#[test]
fn what_comes_waits_until_the_socket_is_accepted() {
    let served = serve(
        "socket.addEventListener('message', ({ data }) => { note(data); if (data === 'b') socket.send('seen'); });
         scheduler.wait(20).then(() => { note('accepted'); socket.accept(); });",
    );
    let mut wire = served.open();
    wire.text("a");
    wire.text("b");
    assert_eq!(wire.next_text(), "seen");
    let notes = served.notes();
    assert_eq!(notes, "accepted;a;b");
}

#[test]
fn subprotocol_headers_and_compression_are_agreed_on() {
    let runtime = runtime(1);
    let source = "export default { fetch(request) {
        const [client, socket] = Object.values(new WebSocketPair());
        socket.accept();
        socket.onmessage = ({ data }) => socket.send(data);
        return new Response(null, { status: 101, webSocket: client, headers: { 'sec-websocket-protocol': 'two', 'x-own': 'yes' } });
    } }";
    let app = load(&runtime, "agree", source);
    let listener = listen(&runtime, &app);
    let asked = "Sec-WebSocket-Protocol: one, two\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let (head, mut wire) = Wire::ask(listener.address(), "/", asked);
    for expected in
        ["101 ", "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "sec-websocket-protocol: two", "permessage-deflate", "x-own: yes"]
    {
        assert!(head.contains(expected), "{head}");
    }
    let long = "so much of the same ".repeat(1_000);
    wire.text(&long);
    assert_eq!(wire.next_text(), long);
    wire.text("short");
    assert_eq!(wire.next_text(), "short");
}

#[test]
fn fragments_and_pings_between_them_are_one_message_and_a_pong() {
    let served = serve(ECHO);
    let mut wire = served.open();
    // "He" and "llo" masked by zeros, with a ping between.
    wire.raw(&[0x01, 0x82, 0, 0, 0, 0, b'H', b'e']);
    wire.ping(b"still there?");
    wire.raw(&[0x80, 0x83, 0, 0, 0, 0]);
    for byte in b"llo" {
        wire.raw(&[*byte]);
    }
    assert_eq!(wire.next(), Some(Event::Pong(b"still there?".to_vec())));
    assert_eq!(wire.next_text(), "Hello");
}

#[test]
fn who_breaks_the_rules_is_told_which() {
    let bad_text: &[u8] = &[0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28];
    let no_mask: &[u8] = &[0x81, 0x01, b'x'];
    let reserved: &[u8] = &[0xb1, 0x80, 0, 0, 0, 0];
    let too_long: &[u8] = &[0x82, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 1, 0, 0, 0, 0];
    let half_code: &[u8] = &[0x88, 0x81, 0, 0, 0, 0, 3];
    let served = serve(ECHO);
    for (frame, code) in [(bad_text, 1007), (no_mask, 1002), (reserved, 1002), (too_long, 1009), (half_code, 1002)] {
        let mut wire = served.open();
        wire.raw(frame);
        assert_eq!(wire.next_close().0, code, "{frame:02x?}");
        assert_eq!(wire.next(), None);
        let notes = served.notes();
        assert!(notes.starts_with("error the client broke the rules") && notes.ends_with("closed 1006  false"), "{notes}");
    }
}

#[test]
fn an_end_without_a_word_is_told_as_one() {
    let served = serve(ECHO);
    let mut wire = served.open();
    wire.text("last");
    wire.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(wire.next_text(), "last");
    assert_eq!(wire.next(), None);
    assert_eq!(served.notes(), "closed 1006  false");
    drop(served.open());
    assert_eq!(served.notes(), "closed 1006  false");
}

#[test]
fn an_open_socket_keeps_its_instance_and_outlives_the_wall_limit() {
    let served = serve_on(manual_runtime(1), ECHO);
    let mut wire = served.open();
    wire.text("a");
    assert_eq!(wire.next_text(), "a");
    served.runtime.advance_clock(10 * 60_000).unwrap();
    wire.text("b");
    assert_eq!(wire.next_text(), "b");
    assert_eq!(served.app.stats().starts, 1);
    wire.close(None);
    assert_eq!(wire.next_close().0, 1005);
}

#[test]
fn each_message_has_a_budget_of_its_own() {
    let runtime = runtime(1);
    let mut options = options(
        "budget",
        &source(
            "socket.accept(); socket.onmessage = ({ data }) => {
        for (const end = performance.now(), limit = Number(data), start = Date.now(); ;) { let n = 0; while (n < limit) n++; break; }
        socket.send('done');
    };",
        ),
    );
    options.limits.cpu_ms = 400;
    let app = runtime.load(options).unwrap();
    let listener = listen(&runtime, &app);
    let mut wire = Wire::open(listener.address(), "/");
    // Together far more than one event may use.
    while app.stats().cpu_us < 800_000 {
        wire.text("30000000");
        assert_eq!(wire.next_text(), "done");
    }
    wire.text("Infinity");
    assert_eq!(wire.next_close(), (1011, "CPU_LIMIT".into()));
    assert_eq!(wire.next(), None);
}

#[test]
fn a_loop_in_a_message_does_not_disturb_a_neighbour() {
    let runtime = runtime(2);
    let hog = runtime.load({
        let mut options = options("hog", &source("socket.accept(); socket.onmessage = () => { for (;;); };"));
        options.limits.cpu_ms = 2_000;
        options
    });
    let hog = hog.unwrap();
    let neighbour = load(&runtime, "neighbour", &source(ECHO));
    let (hogs, neighbours) = (listen(&runtime, &hog), listen(&runtime, &neighbour));
    let mut looping = Wire::open(hogs.address(), "/");
    looping.text("go");
    let mut wire = Wire::open(neighbours.address(), "/");
    wire.text("still here");
    assert_eq!(wire.next_text(), "still here");
    assert_eq!(looping.next_close(), (1011, "CPU_LIMIT".into()));
    wire.text("and now");
    assert_eq!(wire.next_text(), "and now");
}

#[test]
fn a_reload_closes_the_sockets_of_the_old_version() {
    let served = serve(ECHO);
    let mut wire = served.open();
    wire.text("a");
    assert_eq!(wire.next_text(), "a");
    served.app.reload(options("sockets", &source(ECHO))).unwrap();
    assert_eq!(wire.next_close(), (1012, "RELOAD".into()));
    let mut wire = served.open();
    wire.text("new");
    assert_eq!(wire.next_text(), "new");
}

#[test]
fn unloading_closes_sockets_at_once() {
    let served = serve(ECHO);
    let mut wire = served.open();
    wire.text("a");
    assert_eq!(wire.next_text(), "a");
    // The sockets are no reason to wait for all of that.
    served.app.unload(Duration::from_secs(3_600)).unwrap();
    assert_eq!(wire.next_close(), (1001, "DRAINING".into()));
    assert_eq!(wire.next(), None);
}

#[test]
fn draining_closes_sockets_at_once() {
    let served = serve(ECHO);
    let mut wire = served.open();
    wire.text("a");
    assert_eq!(wire.next_text(), "a");
    assert!(served.runtime.drain(Duration::from_secs(3_600)), "the sockets are no reason to wait for all of that");
    assert_eq!(wire.next_close(), (1001, "DRAINING".into()));
    assert_eq!(wire.next(), None);
}

#[test]
fn a_thread_that_is_lost_closes_its_sockets() {
    let runtime = runtime(1);
    let lost = |name: &str, body: &str, cpu_ms: u32, reason: &str| {
        let mut options = options(name, &source(&format!("socket.accept(); socket.onmessage = () => {{ {body} }};")));
        options.limits.cpu_ms = cpu_ms;
        let app = runtime.load(options).unwrap();
        let listener = listen(&runtime, &app);
        let mut wire = Wire::open(listener.address(), "/");
        wire.text("go");
        assert_eq!(wire.next_close(), (1011, reason.into()));
        assert_eq!(wire.next(), None);
    };
    // One operation that takes more memory than there may be, and one that no limit interrupts.
    lost("greedy", "new RegExp('a|'.repeat(1e6)).test('b');", 20_000, "MEMORY_LIMIT");
    let stats = runtime.stats();
    assert_eq!((stats.parked, stats.abandoned), (1, 0));
    lost("deaf", "new Array(1e9).fill(0);", 10, "CPU_LIMIT");
    let stats = runtime.stats();
    assert_eq!((stats.parked, stats.abandoned), (1, 1));
}

#[test]
fn a_client_that_does_not_read_is_left_behind_and_one_that_reads_is_not() {
    let body = "socket.accept();
        socket.onerror = ({ message }) => note(message);
        socket.onmessage = () => { for (let i = 0; i < 400; i++) { socket.send(new Uint8Array(50_000)); if (socket.readyState !== 1) break; } };";
    let served = serve(body);
    let mut wire = served.open();
    wire.text("flood");
    assert!(served.notes().contains("more waits to be sent"), "the app hears of it");
    // Whatever had been written before comes; then the end.
    while let Some(event) = wire.next() {
        assert!(matches!(event, Event::Binary(_)), "{event:?}");
    }
    until(|| served.app.stats().waiting_bytes == 0);
}

#[test]
fn more_messages_than_the_app_keeps_up_with_wait_and_arrive_in_order() {
    let served = serve(
        "socket.accept(); let n = 0; socket.onmessage = ({ data }) => { n += data.length; if (data === 'end') socket.send(String(n)); };",
    );
    let mut wire = served.open();
    let piece = "x".repeat(10_000);
    for _ in 0..500 {
        wire.text(&piece);
    }
    wire.text("end");
    assert_eq!(wire.next_text(), "5000003");
    until(|| served.app.stats().waiting_bytes == 0);
}

/// A client that has sent more than there is room for on the way to an app that does not read yet.
fn crowded(served: &Served) -> Wire {
    let mut wire = served.open();
    // More than the window has, and no more than the kernel takes besides: an end comes behind it.
    for _ in 0..11 {
        wire.text(&"x".repeat(10_000));
    }
    until(|| served.app.stats().waiting_bytes >= 64 << 10);
    wire
}

#[test]
fn a_client_that_has_gone_is_let_go_also_where_the_app_has_no_room_for_what_it_has_sent() {
    for is_reset in [true, false] {
        let served = serve_on(manual_runtime(1), "");
        let wire = crowded(&served);
        if is_reset {
            SockRef::from(&wire.stream).set_linger(Some(Duration::ZERO)).unwrap();
            drop(wire);
        } else {
            wire.stream.shutdown(Shutdown::Write).unwrap();
        }
        until(|| {
            served.runtime.advance_clock(1_000).unwrap();
            served.listener.connections() == 0
        });
        until(|| served.app.stats().in_flight == 0 && served.app.stats().waiting_bytes == 0);
    }
}

#[test]
fn an_app_that_reads_in_time_has_all_that_a_client_had_sent_that_is_gone() {
    let runtime = manual_runtime(1);
    let source = "let socket; export default { async fetch(request) {
        if (request.headers.get('upgrade') === 'websocket') {
            const [client, server] = Object.values(new WebSocketPair());
            socket = server;
            return new Response(null, { status: 101, webSocket: client });
        }
        let n = 0;
        socket.onmessage = ({ data }) => { n += data.length; };
        const closed = new Promise((done) => { socket.onclose = done; });
        socket.accept();
        await closed;
        return new Response(n);
    } }";
    let app = load(&runtime, "late", source);
    let served = Served { listener: listen(&runtime, &app), runtime, app };
    let wire = crowded(&served);
    wire.stream.shutdown(Shutdown::Write).unwrap();
    served.runtime.advance_clock(5_000).unwrap();
    assert_eq!(text(&served.app, "/"), "110000");
}

#[test]
fn sockets_have_a_limit_and_come_back_to_it() {
    let runtime = runtime(1);
    let mut options = options("few", &source(ECHO));
    options.limits.sockets = 2;
    let app = runtime.load(options).unwrap();
    let listener = listen(&runtime, &app);
    let mut first = Wire::open(listener.address(), "/");
    let _second = Wire::open(listener.address(), "/");
    assert!(Wire::ask(listener.address(), "/", "").0.starts_with("HTTP/1.1 500 "));
    first.close(Some((1000, "")));
    assert_eq!(first.next_close().0, 1000);
    until(|| text(&app, "/") == "closed 1000  true");
    Wire::open(listener.address(), "/");
}

#[test]
fn who_cannot_have_a_socket_gets_an_error_with_a_code() {
    let served = serve(ECHO);
    // Asked for by the host, which has no connection to give.
    let mut init = get("/");
    assert!(init.head.headers.push(b"upgrade", b"websocket"));
    let error = served.app.fetch(init, Some(PATIENCE)).expect_err("no socket");
    assert_eq!((error.status, error.http_status()), (Status::Unsupported, 501), "{error:?}");
    // The app gives one to a client that did not ask for it.
    let app = load(
        &served.runtime,
        "eager",
        "export default { fetch() {
        return new Response(null, { status: 101, webSocket: new WebSocketPair()[0] });
    } }",
    );
    let listener = listen(&served.runtime, &app);
    let mut stream = std::net::TcpStream::connect(listener.address()).unwrap();
    std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(crate::frames::head(&mut stream).starts_with("HTTP/1.1 426 "));
}

#[test]
fn who_asks_for_a_socket_wrongly_is_told_how_and_the_app_has_no_error() {
    let served = serve_on(runtime(1), ECHO);
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let ask = |method: &str, more: &str| {
        let mut stream = std::net::TcpStream::connect(served.listener.address()).unwrap();
        let head =
            format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{more}\r\n");
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        crate::frames::head(&mut stream)
    };
    let old = ask("GET", &format!("Sec-WebSocket-Version: 8\r\n{key}"));
    assert!(old.starts_with("HTTP/1.1 426 Upgrade Required\r\ncontent-type: application/problem+json\r\n"), "{old}");
    assert!(old.contains("\r\nsec-websocket-version: 13\r\n") && old.contains("\r\nupgrade: websocket\r\n"), "{old}");
    assert!(old.contains("\r\nconnection: upgrade\r\n"), "{old}");
    assert!(ask("GET", "Sec-WebSocket-Version: 13\r\n").starts_with("HTTP/1.1 400 "));
    assert!(ask("GET", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n").starts_with("HTTP/1.1 400 "));
    assert!(ask("GET", &format!("Sec-WebSocket-Version: 13\r\n{key}Sec-WebSocket-Extensions: ;=\r\n")).starts_with("HTTP/1.1 400 "));
    assert!(ask("GET", &format!("Sec-WebSocket-Version: 13\r\n{key}Sec-WebSocket-Protocol: a,,b\r\n")).starts_with("HTTP/1.1 400 "));
    let post = ask("POST", &format!("Sec-WebSocket-Version: 13\r\n{key}"));
    assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("\r\nallow: GET\r\n"), "{post}");
    assert_eq!(served.app.stats().errors, 0);
    // Whatever had been logged would come before this.
    let last = load(&served.runtime, "last", "export default { fetch() { console.log('last'); return new Response(); } }");
    fetch(&last, "/").expect("a response");
    let logged = wait_for(&served.runtime, |event| match &event.payload {
        nano_core::Payload::Log { text, .. } => Some(text.clone()),
        _ => None,
    });
    assert_eq!(logged, "last");
    Wire::open(served.listener.address(), "/");
}

#[test]
fn a_request_that_announces_a_body_gets_no_websocket_and_the_body_is_not_taken_for_frames() {
    let served = serve(ECHO);
    let frame = [&[0x81, 0x85, 0, 0, 0, 0], &b"frame"[..]].concat();
    let long = "x".repeat(20_000);
    for (framing, body) in [
        ("Content-Length: 5", "hello"),
        ("Content-Length: 100000", ""),
        ("Content-Length: 100000", &long),
        ("Transfer-Encoding: chunked", ""),
        ("Transfer-Encoding: chunked", "5\r\nhello\r\n0\r\n\r\n"),
    ] {
        let mut stream = std::net::TcpStream::connect(served.listener.address()).unwrap();
        let asked = format!(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{framing}\r\n\r\n{body}"
        );
        std::io::Write::write_all(&mut stream, asked.as_bytes()).unwrap();
        let head = crate::frames::head(&mut stream);
        assert!(head.starts_with("HTTP/1.1 400 "), "{framing} {body:.9}: {head}");
        // The connection may be closed by now.
        let _ = std::io::Write::write_all(&mut stream, &frame);
        let mut rest = Vec::new();
        let _ = std::io::Read::read_to_end(&mut stream, &mut rest);
        assert!(!rest.windows(5).any(|part| part == b"frame"), "{framing} {body:.9}: no echo");
    }
    assert_eq!(served.app.stats().errors, 0);
}

#[test]
fn a_response_takes_a_websocket_with_its_status_only() {
    let runtime = runtime(1);
    let source = "export default { fetch() {
        const { 0: client, 1: server } = new WebSocketPair();
        const error = (make) => { try { make(); return 'none'; } catch (error) { return error.name; } };
        const response = new Response(null, { status: 101, webSocket: client });
        return Response.json([response.status, response.webSocket === client, new Response().webSocket,
            error(() => new Response(null, { status: 101 })), error(() => new Response(null, { webSocket: client })),
            error(() => new Response('body', { status: 101, webSocket: client })), error(() => new Response(null, { status: 101, webSocket: {} }))]);
    } }";
    let app = load(&runtime, "responses", source);
    assert_eq!(text(&app, "/"), r#"[101,true,null,"RangeError","RangeError","TypeError","TypeError"]"#);
}
