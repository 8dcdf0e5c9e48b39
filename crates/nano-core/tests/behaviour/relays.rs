//! WebSockets through a host's own server: after a response with the status 101 the request's body is what the client sends, and the
//! response's is what it gets, byte for byte.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};

use nano_core::{App, Body, Payload, RequestInit, Runtime, Status, Value};
use nano_http::h1::{self, RequestParser, Scheme, write_switch_head};
use nano_http::ws::Event;

use crate::frames::{Wire, head};
use crate::support::*;

const ECHO: &str = "const notes = [];
    export default { fetch(request) {
        if (request.headers.get('upgrade') !== 'websocket') return new Response(notes.splice(0).join(';'));
        const [client, socket] = Object.values(new WebSocketPair());
        socket.accept();
        socket.onmessage = ({ data }) => socket.send(data);
        socket.onclose = ({ code, wasClean }) => notes.push(`closed ${code} ${wasClean}`);
        return new Response(null, { status: 101, webSocket: client, headers: { 'x-own': 'yes' } });
    } }";

/// What a host does for one connection: all that an app answers with goes to the client, and all that the client says to the app. How it ended.
fn relay(runtime: &Runtime, app: &App, mut stream: TcpStream) -> Payload {
    let text = head(&mut stream);
    let request = RequestParser::new().parse(text.as_bytes(), Scheme::Http, None, &h1::Limits::default()).unwrap().expect("a head");
    let init = RequestInit { head: request.head, body: Body::Upgrade, ..RequestInit::default() };
    let id = app.dispatch(init).expect("accepted");
    std::thread::scope(|scope| {
        let mut room: Option<Sender<()>> = None;
        let mut events = Vec::new();
        loop {
            runtime.wait(16, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer");
            for event in events.drain(..).filter(|event| event.id == id) {
                match event.payload {
                    Payload::Response { head, end: false, .. } => {
                        let mut bytes = Vec::new();
                        write_switch_head(&mut bytes, &head);
                        stream.write_all(&bytes).unwrap();
                        let (mut client, (sender, told)) = (stream.try_clone().unwrap(), channel());
                        room = Some(sender);
                        scope.spawn(move || {
                            let mut buffer = [0; 16 << 10];
                            while let Ok(mut left) = client.read(&mut buffer).map(|bytes| &buffer[..bytes]) {
                                if left.is_empty() {
                                    // The request may have ended.
                                    let _ = runtime.request_end(id);
                                    return;
                                }
                                while !left.is_empty() {
                                    let Ok(taken) = runtime.request_write(id, left) else { return };
                                    left = &left[taken..];
                                    if !left.is_empty() && told.recv().is_err() {
                                        return;
                                    }
                                }
                            }
                        });
                    }
                    Payload::Chunk(bytes) => {
                        // The client may have gone.
                        let _ = stream.write_all(&bytes);
                        let _ = runtime.credit(id, bytes.len() as u32);
                    }
                    Payload::Writable => {
                        let _ = room.as_ref().expect("it has begun").send(());
                    }
                    payload => {
                        assert!(payload.is_terminal(), "{payload:?}");
                        let _ = stream.shutdown(Shutdown::Both);
                        return payload;
                    }
                }
            }
        }
    })
}

/// A client, and the host that relays for it, until both are done; how the request ended.
fn meet(app: &App, runtime: &Runtime, client: impl FnOnce(&str) + Send) -> Payload {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::scope(|scope| {
        scope.spawn(move || client(&address));
        relay(runtime, app, listener.accept().unwrap().0)
    })
}

#[test]
fn a_host_relays_a_websocket() {
    let runtime = runtime(1);
    let app = load(&runtime, "echo", ECHO);
    let end = meet(&app, &runtime, |address| {
        let (head, mut wire) = Wire::ask(address, "/", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
        for expected in [
            "HTTP/1.1 101 Switching Protocols\r\n",
            "connection: upgrade\r\n",
            "upgrade: websocket\r\n",
            "sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n",
            "sec-websocket-extensions: permessage-deflate",
            "x-own: yes\r\n",
        ] {
            assert!(head.contains(expected), "{head}");
        }
        wire.text("gr\u{fc}\u{df} dich");
        assert_eq!(wire.next_text(), "gr\u{fc}\u{df} dich");
        // More than fits on the way at a time, in both directions.
        let long: Vec<u8> = (0..900_000_u64).map(|at| ((at * at) >> 7) as u8).collect();
        wire.binary(&long);
        assert_eq!(wire.next(), Some(Event::Binary(long)));
        wire.close(Some((3001, "enough")));
        assert_eq!(wire.next_close().0, 3001);
        assert_eq!(wire.next(), None);
    });
    assert!(matches!(end, Payload::End(_)), "{end:?}");
    assert_eq!(text(&app, "/notes"), "closed 3001 true");
}

#[test]
fn a_client_that_goes_without_a_word_is_noticed() {
    let runtime = runtime(1);
    let app = load(&runtime, "echo", ECHO);
    let end = meet(&app, &runtime, |address| {
        let mut wire = Wire::open(address, "/");
        wire.text("here");
        assert_eq!(wire.next_text(), "here");
    });
    assert!(matches!(end, Payload::End(_)), "{end:?}");
    assert_eq!(text(&app, "/notes"), "closed 1006 false");
}

/// What a client is told, and how its request ends, when this is done while its WebSocket is open.
fn told_when(act: impl FnOnce(&Runtime, &App) + Send) -> ((u16, String), Payload) {
    let runtime = runtime(1);
    let app = load(&runtime, "echo", ECHO);
    let ((opened, open), (tell, told)) = (channel(), channel());
    let end = std::thread::scope(|scope| {
        let (runtime, app) = (&runtime, &app);
        scope.spawn(move || {
            open.recv().unwrap();
            act(runtime, app);
        });
        meet(app, runtime, |address| {
            let mut wire = Wire::open(address, "/");
            opened.send(()).unwrap();
            tell.send(wire.next_close()).unwrap();
        })
    });
    (told.recv().unwrap(), end)
}

#[test]
fn the_app_ends_and_its_client_is_told_why() {
    let (told, end) = told_when(|_, app| app.reload(options("echo", ECHO)).expect("reloads"));
    assert_eq!(told, (1012, "RELOAD".into()));
    assert!(matches!(end, Payload::End(_)), "{end:?}");
}

#[test]
fn a_drain_ends_it_at_once() {
    let (told, end) = told_when(|runtime, _| assert!(runtime.drain(PATIENCE * 60), "it takes no time"));
    assert_eq!(told, (1001, "DRAINING".into()));
    assert!(matches!(end, Payload::End(_)), "{end:?}");
}

/// A request for a WebSocket.
fn asked(body: Body) -> RequestInit {
    let mut asked = RequestInit { body, ..get("/") };
    for (name, value) in [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ] {
        assert!(asked.head.headers.push(name.as_bytes(), value.as_bytes()));
    }
    asked
}

#[test]
fn a_drain_ends_one_that_begins_after_it() {
    let runtime = runtime(1);
    let mut options = options("late", &ECHO.replace("fetch(request) {", "async fetch(request, env) { await env.HOST.wait();"));
    options.bindings = vec!["HOST".into()];
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(asked(Body::Upgrade)).expect("accepted");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    std::thread::scope(|scope| {
        let drain = scope.spawn(|| runtime.drain(PATIENCE));
        // What is open has been told by now.
        until(|| app.dispatch(get("/notes")).is_err_and(|error| error.status == Status::Draining));
        runtime.call_return(call, Value::Null).expect("is open");
        let seen = until_end(&runtime, id);
        assert!(matches!(&seen[..], [Payload::Response { .. }, Payload::Chunk(_), Payload::End(_)]), "{seen:?}");
        assert!(drain.join().expect("no panic"), "nothing else is left");
    });
}

#[test]
fn a_host_that_gives_up_ends_it() {
    let runtime = runtime(1);
    let app = load(&runtime, "echo", ECHO);
    let id = app.dispatch(asked(Body::Upgrade)).expect("accepted");
    let status = wait_for(&runtime, |event| match &event.payload {
        Payload::Response { head, end, .. } if event.id == id => Some((head.status, *end)),
        _ => None,
    });
    assert_eq!(status, (101, false));
    runtime.request_cancel(id).expect("it is open");
    let end = until_end(&runtime, id);
    assert!(matches!(&end[..], [Payload::Error(error, _)] if error.status == Status::Canceled), "{end:?}");
    until(|| text(&app, "/notes") == "closed 1006 false");
}

#[test]
fn who_does_not_carry_websockets_gets_none() {
    let runtime = runtime(1);
    let app = load(&runtime, "echo", ECHO);
    let error = app.fetch(asked(Body::None), Some(PATIENCE)).expect_err("frames are no response");
    assert_eq!((error.status, error.http_status()), (Status::Unsupported, 501));
    assert_eq!(app.fetch(asked(Body::Upgrade), Some(PATIENCE)).expect_err("nobody could send").status, Status::Invalid);
    let id = app.dispatch(asked(Body::None)).expect("accepted");
    let end = until_end(&runtime, id);
    assert!(matches!(&end[..], [Payload::Error(error, _)] if error.status == Status::Unsupported), "{end:?}");
    // The same app answers with something else.
    let plain = RequestInit { body: Body::Upgrade, ..get("/notes") };
    let id = app.dispatch(plain).expect("accepted");
    assert!(matches!(&until_end(&runtime, id)[..], [Payload::Response { end: true, .. }]));
}

#[test]
fn a_thread_is_lost_and_clients_are_told() {
    let runtime = runtime(1);
    let app = load(&runtime, "echo", ECHO);
    let mut breaking = options("breaks", "export default { fetch() { new Array(1e9).fill(0); } }");
    breaking.limits.cpu_ms = 10;
    let breaking = runtime.load(breaking).expect("loads");
    let end = meet(&app, &runtime, |address| {
        let mut wire = Wire::open(address, "/");
        wire.text("here");
        assert_eq!(wire.next_text(), "here");
        breaking.dispatch(get("/")).expect("accepted");
        assert_eq!(wire.next_close(), (1011, "SHARD_LOST".into()));
        assert_eq!(wire.next(), None);
    });
    assert!(matches!(&end, Payload::Error(error, _) if error.status == Status::ShardLost), "{end:?}");
}

#[test]
fn a_client_that_goes_before_the_answer_is_not_waited_for() {
    let runtime = runtime(1);
    let source = ECHO.replace(
        "fetch(request) {",
        "async fetch(request) { if (request.url.endsWith('/late')) await new Promise((done) => { go = done; }); else if (go) go();",
    );
    let app = load(&runtime, "echo", &format!("let go; {source}"));
    let mut late = asked(Body::Upgrade);
    late.head.url = "http://app.test/late".into();
    let id = app.dispatch(late).expect("accepted");
    settle(&runtime);
    runtime.request_end(id).expect("it is open");
    assert_eq!(text(&app, "/go"), "");
    let end = until_end(&runtime, id);
    assert!(matches!(&end[..], [Payload::Response { .. }, Payload::End(_)]), "{end:?}");
    assert_eq!(text(&app, "/notes"), "closed 1006 false");
}

#[test]
fn a_client_that_reads_a_little_does_not_let_any_number_of_frames_wait() {
    let runtime = runtime(1);
    let source = "let socket; export default { fetch(request) {
        if (request.headers.get('upgrade') !== 'websocket') {
            for (let n = 0; n < 1000; n++) socket.send('x');
            return new Response(String(socket.readyState));
        }
        const pair = new WebSocketPair();
        (socket = pair[1]).accept();
        return new Response(null, { status: 101, webSocket: pair[0] });
    } }";
    let app = load(&runtime, "flood", source);
    let id = app.dispatch(asked(Body::Upgrade)).expect("accepted");
    wait_for(&runtime, |event| (event.id == id).then_some(()));
    // What a frame costs while it waits is counted: 4 MiB are some 33,000 of them.
    let thousands = (1..100).find(|_| {
        assert!(fetch(&app, "/").is_ok());
        runtime.credit(id, 3).is_err()
    });
    assert!(thousands.is_some_and(|thousands| thousands < 50), "{thousands:?} thousand frames wait");
}

#[test]
fn what_a_host_has_not_passed_on_is_counted_as_the_app_s() {
    let runtime = runtime(1);
    let source = "const sockets = []; export default { fetch(request) {
        if (request.headers.get('upgrade') !== 'websocket') {
            for (const socket of sockets) socket.send(new Uint8Array(1 << 20));
            return new Response('sent');
        }
        const [client, socket] = Object.values(new WebSocketPair());
        socket.accept();
        sockets.push(socket);
        return new Response(null, { status: 101, webSocket: client });
    } }";
    let mut options = options("app", source);
    options.limits.external_bytes = 6 << 20;
    let app = runtime.load(options).expect("loads");
    let ids: Vec<u64> = (0..4).map(|_| app.dispatch(asked(Body::Upgrade)).expect("accepted")).collect();
    let mut open = 0;
    wait_for(&runtime, |event| {
        open += usize::from(ids.contains(&event.id));
        (open == 4).then_some(())
    });
    // Four mebibytes, which the host takes, and nobody reads.
    assert_eq!(text(&app, "/"), "sent");
    let mut came = 0;
    wait_for(&runtime, |event| {
        if let Payload::Chunk(bytes) = &event.payload {
            came += bytes.len();
        }
        (came >= 4 << 20).then_some(())
    });
    assert!(app.stats().waiting_bytes >= 4 << 20, "{:?}", app.stats());
    // The second of the next ones has no room.
    assert_eq!(text(&app, "/"), "sent");
    let ended =
        wait_for(&runtime, |event| if let Payload::Error(error, _) = &event.payload { Some((event.id, error.status)) } else { None });
    assert_eq!(ended, (ids[1], Status::Canceled));
    // What is passed on makes room again.
    runtime.credit(ids[0], 2 << 20).expect("it is open");
    assert!(app.stats().waiting_bytes < 4 << 20, "{:?}", app.stats());
}

#[test]
fn a_client_that_has_gone_is_not_carried_for_an_app_that_does_not_read() {
    let runtime = manual_runtime(1);
    let source = "export default { fetch() { return new Response(null, { status: 101, webSocket: new WebSocketPair()[0] }); } }";
    let app = load(&runtime, "deaf", source);
    let answered = |id| {
        wait_for(&runtime, |event| (event.id == id && matches!(event.payload, Payload::Response { end: false, .. })).then_some(()));
    };
    for is_early in [false, true] {
        let id = app.dispatch(asked(Body::Upgrade)).expect("accepted");
        if is_early {
            runtime.request_end(id).expect("it is open");
            answered(id);
        } else {
            answered(id);
            runtime.request_write(id, b"a beginning").expect("it is open");
            runtime.request_end(id).expect("it is open");
        }
        let mut events = Vec::new();
        until(|| {
            runtime.advance_clock(10_000).expect("it is a manual one");
            runtime.poll(16, &mut events).expect("the only consumer");
            events.iter().any(|event| event.id == id && event.payload.is_terminal())
        });
        assert!(matches!(events.last().map(|event| &event.payload), Some(Payload::End(_))), "{events:?}");
    }
}
