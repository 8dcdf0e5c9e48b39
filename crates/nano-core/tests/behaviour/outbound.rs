//! WebSockets, event streams and connections of bytes that apps open, by peers on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

use nano_core::policy::{Mode, Policy, Rule};
use nano_core::{App, AppOptions, EventMask, ListenLimits, ListenOptions, Runtime, RuntimeLimits, RuntimeOptions};
use nano_http::ws::{Deflate, Event};

use crate::frames::{Wire, head, serve};
use crate::support::*;

/// An app that may reach peers on this machine.
pub(super) fn here(name: &str, source: &str) -> AppOptions {
    let egress = Policy::new(Mode::Public, vec![Rule::parse("127.0.0.0/8").unwrap()], Vec::new());
    AppOptions { egress, ..options(name, source) }
}

/// An app with helpers to wait for events; `PORT` in its body is the peer's.
fn app(runtime: &Runtime, port: u16, body: &str) -> App {
    let source = format!(
        "import {{ connect }} from 'cloudflare:sockets';
         const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, {{ once: true }}));
         const text = (bytes) => new TextDecoder().decode(bytes);
         const bytes = (string) => new TextEncoder().encode(string);
         const all = async (readable) => {{ let out = ''; for await (const chunk of readable) out += text(chunk); return out; }};
         export default {{ async fetch(request) {{ {} }} }}",
        body.replace("PORT", &port.to_string())
    );
    let mut options = here("outbound", &source);
    options.limits.cpu_ms = 1_000;
    runtime.load(options).expect("the app loads")
}

fn ask(port: u16, body: &str) -> String {
    let runtime = runtime(1);
    text(&app(&runtime, port, body), "/")
}

/// Answers every message with itself, then the close frame.
fn echo(mut wire: Wire) {
    while let Some(event) = wire.next() {
        match event {
            Event::Text(text) => wire.text(&String::from_utf8(text).unwrap()),
            Event::Binary(bytes) => wire.binary(&bytes),
            Event::Close(said) => return wire.close(said.as_ref().map(|(code, reason)| (*code, reason.as_str()))),
            _ => {}
        }
    }
}

#[test]
fn a_websocket_opens_talks_and_closes() {
    let port = serve(|stream| {
        let (head, wire) = Wire::answer(stream, Some("chat"), Some(&Deflate::default()));
        assert!(head.starts_with("GET /path?query HTTP/1.1\r\n"), "{head}");
        echo(wire);
    });
    let said = ask(
        port,
        "const socket = new WebSocket('ws://127.0.0.1:PORT/path?query', ['talk', 'chat']);
         const log = [socket.readyState];
         await next(socket, 'open');
         log.push(socket.readyState, socket.protocol, socket.extensions.split(';')[0], socket.url.slice(-11));
         socket.send('text');
         log.push(socket.bufferedAmount, (await next(socket, 'message')).data, socket.bufferedAmount);
         socket.binaryType = 'arraybuffer';
         socket.send(new Uint8Array(100_000).fill(7));
         const { data, origin } = await next(socket, 'message');
         log.push(data.byteLength, new Uint8Array(data)[99_999], origin.startsWith('ws://127.0.0.1'));
         socket.binaryType = 'blob';
         socket.send(new Blob(['from a blob']));
         log.push(await (await next(socket, 'message')).data.text());
         socket.close(3999, 'enough');
         log.push(socket.readyState);
         const end = await next(socket, 'close');
         log.push(end.code, end.reason, end.wasClean, socket.readyState);
         return Response.json(log);",
    );
    let expected = r#"[0,1,"chat","permessage-deflate","/path?query",4,"text",0,100000,7,true,"from a blob",2,3999,"enough",true,3]"#;
    assert_eq!(said, expected);
}

#[test]
fn what_goes_wrong_with_a_websocket_is_an_error_and_a_close_event() {
    let port = serve(|mut stream| {
        let asked = head(&mut stream);
        if asked.contains("/refuse") {
            write!(stream, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
        } else if asked.contains("/garbage") {
            write!(stream, "hello\r\n\r\n").unwrap();
        }
    });
    let runtime = runtime(1);
    let body = "const log = [];
         for (const url of ['ws://127.0.0.1:PORT/refuse', 'ws://127.0.0.1:PORT/garbage', 'ws://127.0.0.1:PORT/gone', 'ws://127.0.0.1:1/', 'ws://10.0.0.1/',
             'ws://localhost:9/']) {
             const socket = new WebSocket(url);
             const error = next(socket, 'error');
             const { code, wasClean } = await next(socket, 'close');
             const { message, type } = await error;
             log.push([type, code, wasClean, url.includes('10.0') ? message : message.length > 10]);
         }
         const socket = new WebSocket('ws://127.0.0.1:PORT/slow');
         socket.close();
         log.push([socket.readyState, (await next(socket, 'close')).code, socket.readyState]);
         return Response.json(log);";
    let said = text(&app(&runtime, port, body), "/");
    let refused = "10.0.0.1:80 was refused by the egress policy: it is no public address (private), and no rule allows it";
    let (others, private) = (r#"["error",1006,false,true],"#, format!(r#"["error",1006,false,"{refused}"],"#));
    assert_eq!(said, format!("[{}{private}{others}[2,1006,3]]", others.repeat(4)));
    let closed = AppOptions {
        egress: Policy::new(Mode::Deny, Vec::new(), Vec::new()),
        ..here(
            "closed",
            "export default { async fetch() {
        const socket = new WebSocket('ws://127.0.0.1:1/');
        return new Response(await new Promise((resolve) => { socket.onerror = ({ message }) => resolve(message); }));
    } }",
        )
    };
    assert_eq!(text(&runtime.load(closed).unwrap(), "/"), "this app may not use the network");
}

#[test]
fn a_server_that_breaks_off_or_breaks_the_rules_is_told_apart() {
    let port = serve(|stream| {
        let (asked, mut wire) = Wire::answer(stream, None, None);
        if asked.contains("/rules") {
            wire.raw(&[0x81, 0x02, 0xc3, 0x28]);
            let _ = wire.next();
        } else if asked.contains("/close") {
            wire.text("before");
            wire.close(Some((1001, "going away")));
            let _ = wire.next();
        }
    });
    let said = ask(
        port,
        "const log = [];
         for (const path of ['rules', 'gone', 'close']) {
             const socket = new WebSocket('ws://127.0.0.1:PORT/' + path);
             const seen = [];
             socket.onerror = () => seen.push('error');
             socket.onmessage = ({ data }) => seen.push(data);
             const { code, reason, wasClean } = await next(socket, 'close');
             log.push([...seen, code, reason, wasClean]);
         }
         return Response.json(log);",
    );
    assert_eq!(said, r#"[["error",1006,"",false],[1006,"",false],["before",1001,"going away",true]]"#);
}

#[test]
fn a_server_is_read_no_faster_than_the_app() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let port = serve(move |stream| {
        let (_, mut wire) = Wire::answer(stream, None, None);
        let piece = vec![1; 50_000];
        for _ in 0..400 {
            wire.binary(&piece);
            counter.fetch_add(piece.len(), Ordering::SeqCst);
        }
        wire.text("end");
        echo(wire);
    });
    let runtime = runtime(1);
    let body = "if (request.url.endsWith('/accept')) return new Response(String(globalThis.accept()));
         const { webSocket: socket } = await fetch('http://127.0.0.1:PORT/', { headers: { upgrade: 'websocket' } });
         await new Promise((resolve) => { globalThis.accept = resolve; });
         let bytes = 0;
         await new Promise((resolve) => {
             socket.onmessage = ({ data }) => { if (data === 'end') resolve(); else bytes += data.byteLength; };
             socket.accept();
         });
         return new Response(String(bytes));";
    let app = app(&runtime, port, body);
    let id = app.dispatch(get("/")).unwrap();
    // It stands still somewhere, at what kernels hold.
    let (mut before, mut same) = (0, 0);
    until(|| {
        let now = sent.load(Ordering::SeqCst);
        same = if now == before && now > 0 { same + 1 } else { 0 };
        before = now;
        same == 1_000
    });
    assert!(before < 20_000_000 && app.stats().waiting_bytes < 1_000_000, "{before}, {:?}", app.stats());
    text(&app, "/accept");
    let seen = until_end(&runtime, id);
    assert!(format!("{seen:?}").contains(&format!("{:?}", b"20000000")), "{seen:?}");
    until(|| app.stats().waiting_bytes == 0);
}

#[test]
fn fetch_upgrades_to_a_websocket_or_gives_the_answer() {
    let port = serve(|mut stream| {
        let mut peeked = [0; 16];
        let length = stream.peek(&mut peeked).unwrap();
        if peeked[..length].starts_with(b"GET /no") {
            head(&mut stream);
            return write!(stream, "HTTP/1.1 401 Unauthorized\r\nX-Why: token\r\nContent-Length: 0\r\n\r\n").unwrap();
        }
        let (head, mut wire) = Wire::answer(stream, Some("v1"), None);
        assert!(head.contains("x-token: secret\r\n"), "{head}");
        wire.text("welcome");
        echo(wire);
    });
    let said = ask(
        port,
        "const headers = { Upgrade: 'websocket', 'Sec-WebSocket-Protocol': 'v1', 'X-Token': 'secret' };
         const refused = await fetch('http://127.0.0.1:PORT/no', { headers });
         const response = await fetch('http://127.0.0.1:PORT/', { headers });
         const { webSocket } = response;
         const log = [refused.status, refused.webSocket, refused.headers.get('x-why'), response.status, response.headers.get('sec-websocket-protocol')];
         try { webSocket.send('early'); } catch (error) { log.push(error.name); }
         await scheduler.wait(5);
         const first = next(webSocket, 'message');
         webSocket.accept();
         log.push((await first).data);
         webSocket.send('echo');
         log.push((await next(webSocket, 'message')).data);
         webSocket.close(1000);
         log.push((await next(webSocket, 'close')).code);
         const failed = await fetch('http://127.0.0.1:1/', { headers }).catch((error) => error.name);
         const controller = new AbortController();
         const aborted = fetch('http://127.0.0.1:PORT/', { headers, signal: controller.signal });
         controller.abort();
         log.push(failed, await aborted.catch((error) => error.name));
         return Response.json(log);",
    );
    assert_eq!(said, r#"[401,null,"token",101,"v1","TypeError","welcome","echo",1000,"TypeError","AbortError"]"#);
}

#[test]
fn what_a_server_says_instead_of_a_websocket_is_read_and_redirects_are_followed() {
    let port = serve(|mut stream| {
        let mut peeked = [0; 16];
        let length = stream.peek(&mut peeked).unwrap();
        if peeked[..length].starts_with(b"GET /ws") {
            return echo(Wire::answer(stream, None, None).1);
        }
        let asked = head(&mut stream);
        let answer = match asked.split(' ').nth(1).unwrap() {
            "/length" => "401 Not you\r\nContent-Length: 9\r\n\r\nnope body",
            "/chunks" => "403 No\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nnope\r\n5\r\n body\r\n0\r\n\r\n",
            "/close" => "400 No\r\nConnection: close\r\n\r\nnope body",
            "/short" => "400 No\r\nContent-Length: 10\r\n\r\nnope body",
            _ => "302 Found\r\nLocation: /ws\r\nContent-Length: 0\r\n\r\n",
        };
        write!(stream, "HTTP/1.1 {answer}").unwrap();
    });
    let said = ask(
        port,
        "const ask = (path, init) => fetch('http://127.0.0.1:PORT/' + path, { headers: { Upgrade: 'websocket' }, ...init });
         const log = [];
         for (const path of ['length', 'chunks', 'close']) {
             const refused = await ask(path);
             log.push(refused.status, refused.statusText, await refused.text());
         }
         log.push(await ask('short').catch((error) => error.name));
         log.push(await ask('moved', { redirect: 'error' }).catch((error) => error.name));
         const manual = await ask('moved', { redirect: 'manual' });
         log.push(manual.status, manual.headers.get('location'));
         const moved = await ask('moved');
         moved.webSocket.accept();
         moved.webSocket.send('there');
         log.push(moved.status, moved.redirected, (await next(moved.webSocket, 'message')).data);
         moved.webSocket.close();
         for (const init of [{ method: 'POST', body: 'x' }, { method: 'HEAD' }]) log.push(await ask('ws', init).catch((error) => error.name));
         return Response.json(log);",
    );
    let refused = r#"401,"Not you","nope body",403,"No","nope body",400,"No","nope body","TypeError""#;
    assert_eq!(said, format!(r#"[{refused},"TypeError",302,"/ws",101,true,"there","TypeError","TypeError"]"#));
}

#[test]
fn a_websocket_s_url_may_have_credentials() {
    let port = serve(|stream| {
        let (head, mut wire) = Wire::answer(stream, None, None);
        wire.text(head.lines().find(|line| line.starts_with("authorization: ")).unwrap_or("none"));
        echo(wire);
    });
    let said = ask(
        port,
        "const heard = async (url) => {
             const socket = new WebSocket(url);
             const { data } = await next(socket, 'message');
             socket.close();
             return data;
         };
         return Response.json([await heard('ws://us%65r:p%40ss@127.0.0.1:PORT/'), await heard('ws://127.0.0.1:PORT/')]);",
    );
    assert_eq!(said, r#"["authorization: Basic dXNlcjpwQHNz","none"]"#);
}

#[test]
fn an_app_hands_a_websocket_through() {
    let port = serve(|stream| echo(Wire::answer(stream, None, None).1));
    let runtime = runtime(1);
    let app = app(&runtime, port, "return fetch('http://127.0.0.1:PORT/', request);");
    let options = ListenOptions { address: "127.0.0.1:0".into(), router: Arc::new(app), limits: ListenLimits::default(), tls: None };
    let listener = runtime.listen(options).unwrap();
    let mut wire = Wire::open(listener.address(), "/");
    wire.text("there and back");
    assert_eq!(wire.next_text(), "there and back");
    let long = vec![5; 900_000];
    wire.binary(&long);
    assert_eq!(wire.next(), Some(Event::Binary(long)));
    wire.close(Some((4001, "end")));
    assert_eq!(wire.next_close().0, 4001);
}

#[test]
fn what_a_request_has_opened_ends_with_it() {
    let (sender, ended) = mpsc::channel();
    let port = serve(move |mut stream| {
        let mut peeked = [0; 3];
        let length = stream.peek(&mut peeked).unwrap();
        if peeked[..length].starts_with(b"GET") {
            let mut wire = Wire::answer(stream, None, None).1;
            let _ = sender.send(format!("{:?}", wire.next()));
        } else {
            let mut rest = String::new();
            let _ = stream.read_to_string(&mut rest);
            let _ = sender.send(rest);
        }
    });
    let runtime = runtime(1);
    let body = "const socket = new WebSocket('ws://127.0.0.1:PORT/');
         await next(socket, 'open');
         globalThis.bytes_ = connect('127.0.0.1:PORT');
         await bytes_.opened;
         await bytes_.writable.getWriter().write(bytes('hello'));
         return new Response('answered');";
    let app = app(&runtime, port, body);
    assert_eq!(text(&app, "/"), "answered");
    let mut seen = [ended.recv_timeout(PATIENCE).unwrap(), ended.recv_timeout(PATIENCE).unwrap()];
    seen.sort();
    assert_eq!(seen, ["Some(Close(Some((1001, \"the request that opened it has ended\"))))", "hello"]);
}

#[test]
fn a_condemned_instance_closes_what_it_has_opened() {
    let (sender, ended) = mpsc::channel();
    let port = serve(move |stream| {
        let mut wire = Wire::answer(stream, None, None).1;
        let _ = sender.send(wire.next());
    });
    let runtime = runtime(1);
    let app = app(&runtime, port, "const socket = new WebSocket('ws://127.0.0.1:PORT/'); await next(socket, 'open'); for (;;);");
    assert!(fetch(&app, "/").is_err());
    assert_eq!(ended.recv_timeout(PATIENCE).unwrap(), Some(Event::Close(Some((1011, "CPU_LIMIT".into())))));
}

#[test]
fn a_thread_that_is_lost_leaves_no_connection_open() {
    let (sender, ended) = mpsc::channel();
    let port = serve(move |stream| {
        let mut wire = Wire::answer(stream, None, None).1;
        wire.text("go");
        let _ = sender.send(wire.next());
    });
    let runtime = runtime(1);
    // One operation that no limit interrupts.
    let body = "const socket = new WebSocket('ws://127.0.0.1:PORT/');
         await next(socket, 'message');
         new Array(1e9).fill(0);";
    let app = app(&runtime, port, body);
    assert!(fetch(&app, "/").is_err());
    assert_eq!(ended.recv_timeout(PATIENCE).expect("the connection ends"), None);
}

#[test]
fn an_event_source_reads_reconnects_and_remembers() {
    let port = serve(|mut stream| {
        let asked = head(&mut stream);
        if !asked.to_ascii_lowercase().contains("last-event-id: 7") {
            assert!(asked.contains("accept: text/event-stream\r\n") && asked.contains("cache-control: no-cache\r\n"), "{asked}");
            if asked.starts_with("GET /start ") {
                return write!(stream, "HTTP/1.1 302 Found\r\nLocation: /moved\r\nContent-Length: 0\r\n\r\n").unwrap();
            }
            let events = "retry: 1\n\nid: 7\ndata: one\ndata: two\n\nevent: own\ndata: \u{fc}\n\n";
            return write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream;charset=utf-8\r\nConnection: close\r\n\r\n{events}")
                .unwrap();
        }
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: again\n\n").unwrap();
        let _ = stream.read(&mut [0]);
    });
    let said = ask(
        port,
        "const source = new EventSource('http://127.0.0.1:PORT/start');
         const log = [];
         source.onopen = () => log.push('open', source.readyState);
         source.onerror = () => log.push('error', source.readyState);
         source.addEventListener('own', ({ data, lastEventId }) => log.push(data, lastEventId));
         await new Promise((resolve) => { source.onmessage = ({ data, origin }) => { log.push(data, origin.slice(0, 16)); if (data === 'again') resolve(); }; });
         source.close();
         log.push(source.readyState);
         return Response.json(log);",
    );
    let origin = "http://127.0.0.1";
    assert_eq!(said, format!("[\"open\",1,\"one\\ntwo\",\"{origin}\",\"\u{fc}\",\"7\",\"error\",0,\"open\",1,\"again\",\"{origin}\",2]"));
}

#[test]
fn an_event_source_is_one_subrequest_however_often_it_connects() {
    let port = serve(|mut stream| {
        head(&mut stream);
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nretry: 1000\ndata: x\n\n").unwrap();
    });
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let events = EventMask { logs: true, apps: false };
    let runtime = Runtime::new(RuntimeOptions { limits, events, clock: nano_core::Clock::manual(), ..RuntimeOptions::default() }).unwrap();
    let body = "const source = new EventSource('http://127.0.0.1:PORT/');
         let seen = 0;
         // Its timer is set when this has run.
         source.onerror = () => queueMicrotask(() => console.log('waits'));
         await new Promise((resolve) => { source.onmessage = () => { if (++seen === 9) resolve(); }; });
         source.close();
         const other = new EventSource('http://127.0.0.1:PORT/');
         const error = await next(other, 'error');
         return Response.json([seen, other.readyState, error.message.includes('limit subrequests')]);";
    let source = format!(
        "const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, {{ once: true }}));
         export default {{ async fetch() {{ {} }} }}",
        body.replace("PORT", &port.to_string())
    );
    let mut options = here("outbound", &source);
    options.limits.subrequests = 1;
    options.limits.wall_ms = 1_000_000;
    let app = runtime.load(options).expect("the app loads");
    let id = app.dispatch(get("/")).expect("is taken");
    let seen = wait_for(&runtime, |event| {
        if event.id == id {
            return Some(format!("{:?}", event.payload));
        }
        runtime.advance_clock(2_000).unwrap();
        None
    });
    assert!(seen.contains(&format!("{:?}", b"[9,2,true]")), "{seen}");
}

#[test]
fn an_event_source_that_may_not_connect_says_why() {
    let said = ask(
        1,
        "const source = new EventSource('http://10.0.0.1/');
         const { message } = await next(source, 'error');
         return Response.json([source.readyState, message.includes('refused by the egress policy')]);",
    );
    assert_eq!(said, "[2,true]");
}

#[test]
fn an_event_source_stops_where_the_standard_says_so() {
    let port = serve(|mut stream| {
        let asked = head(&mut stream);
        let answer = if asked.contains("/204") {
            "204 No Content\r\n\r\n"
        } else if asked.contains("/type") {
            "200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"
        } else {
            "500 No\r\nContent-Type: text/event-stream\r\nContent-Length: 0\r\n\r\n"
        };
        write!(stream, "HTTP/1.1 {answer}").unwrap();
    });
    let said = ask(
        port,
        "const log = [];
         for (const path of ['204', 'type', 'status']) {
             const source = new EventSource('http://127.0.0.1:PORT/' + path);
             await next(source, 'error');
             log.push(source.readyState);
         }
         return Response.json(log);",
    );
    assert_eq!(said, "[2,2,2]");
}

#[test]
fn bytes_go_both_ways_over_a_socket() {
    let port = serve(|stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        let (mut stream, mut rest) = (stream, String::new());
        stream.write_all(format!("you said {line}").as_bytes()).unwrap();
        reader.read_to_string(&mut rest).unwrap();
        write!(stream, "then {rest}").unwrap();
    });
    let said = ask(
        port,
        "const socket = connect({ hostname: '127.0.0.1', port: PORT }, { allowHalfOpen: true });
         const { remoteAddress, localAddress } = await socket.opened;
         const writer = socket.writable.getWriter();
         await writer.write(bytes('hello\\n'));
         const reader = socket.readable.getReader();
         const first = text((await reader.read()).value);
         reader.releaseLock();
         await writer.write(bytes('more'));
         await writer.close();
         const rest = await all(socket.readable);
         await socket.closed;
         return Response.json([remoteAddress === '127.0.0.1:PORT', localAddress.startsWith('127.0.0.1:'), first, rest, socket.secureTransport, socket.upgraded]);",
    );
    assert_eq!(said, r#"[true,true,"you said hello\n","then more","off",false]"#);
}

#[test]
fn a_socket_ends_with_its_other_side_unless_it_may_stay_half_open() {
    let (sender, seen) = mpsc::channel();
    let port = serve(move |mut stream| {
        write!(stream, "all of it").unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut rest = String::new();
        let _ = stream.read_to_string(&mut rest);
        let _ = sender.send(rest);
    });
    let runtime = runtime(1);
    let body = "const allowHalfOpen = new URL(request.url).pathname === '/half';
         const socket = connect('127.0.0.1:PORT', { allowHalfOpen });
         const said = await all(socket.readable);
         const writer = socket.writable.getWriter();
         if (!allowHalfOpen) await socket.closed;
         const wrote = await writer.write(bytes('late')).then(() => 'written', (error) => error.name);
         if (allowHalfOpen) await writer.close();
         await socket.closed;
         return Response.json([said, wrote]);";
    let app = app(&runtime, port, body);
    assert_eq!(text(&app, "/"), r#"["all of it","TypeError"]"#);
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), "");
    assert_eq!(text(&app, "/half"), r#"["all of it","written"]"#);
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), "late");
}

#[test]
fn a_writer_goes_no_faster_than_the_other_side_reads() {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Arc::new(std::sync::Mutex::new(wait));
    let port = serve(move |mut stream| {
        wait.lock().unwrap().recv().unwrap();
        let bytes = std::io::copy(&mut stream, &mut std::io::sink()).unwrap();
        write!(stream, "{bytes}").unwrap();
    });
    let runtime = runtime(1);
    let body = "if (request.url.endsWith('/written')) return new Response(String(globalThis.written));
         const socket = connect('127.0.0.1:PORT', { allowHalfOpen: true });
         const writer = socket.writable.getWriter();
         globalThis.written = 0;
         for (let i = 0; i < 400; i++) { await writer.write(new Uint8Array(100_000)); globalThis.written = i; }
         await writer.close();
         return new Response(await all(socket.readable));";
    let app = app(&runtime, port, body);
    let id = app.dispatch(get("/")).unwrap();
    // It stands still somewhere, at what kernels hold: the same twice.
    let mut before = String::new();
    loop {
        let now = text(&app, "/written");
        if now == before && now != "undefined" {
            break;
        }
        before = now;
        std::thread::yield_now();
    }
    assert!(before.parse::<u32>().unwrap() < 399, "{before}");
    assert!(app.stats().waiting_bytes < 1_000_000);
    go.send(()).unwrap();
    let seen = until_end(&runtime, id);
    assert!(format!("{seen:?}").contains(&format!("{:?}", b"40000000")), "{seen:?}");
}

#[test]
fn what_cannot_be_connected_to_rejects_and_what_is_no_address_throws() {
    let said = ask(
        1,
        "const log = [];
         for (const address of ['127.0.0.1:1', '10.0.0.1:80', 'localhost:22']) {
             const socket = connect(address);
             log.push(await socket.opened.catch((error) => error.name), await socket.closed.catch((error) => error.name),
                 await socket.readable.getReader().read().catch((error) => error.name),
                 await socket.writable.getWriter().write(bytes('x')).catch((error) => error.name));
         }
         for (const address of ['nowhere', 'a:b', 'host:80/path', 'user@host:80', {}, 'a b:80']) {
             try { connect(address); log.push('none'); } catch (error) { log.push(error.name); }
         }
         log.push(await connect('10.0.0.1:80').opened.catch((error) => error.message.includes('refused by the egress policy')));
         try { connect('127.0.0.1:1').startTls(); } catch (error) { log.push(error.message.includes('starttls')); }
         return Response.json([...new Set(log)]);",
    );
    assert_eq!(said, r#"["TypeError",true]"#);
}

#[test]
fn an_address_is_taken_as_it_is_or_not_at_all() {
    let port = serve(drop);
    let said = ask(
        port,
        "const wrong = [];
         const host = '127.0.0.1';
         const addresses = [65536 + PORT, -1, 80.5, NaN, Infinity, 'x', 2 ** 40].map((port) => ({ hostname: host, port }));
         for (const name of ['127.0.0.1\\r\\n', '127.\\t0.0.1', ' 127.0.0.1', '127.0.0.1?', '127.0.0.1#', '127.0.0.1/', '127.0.0.1\\\\', '127.0.0.%31', 'u@127.0.0.1', '']) {
             addresses.push({ hostname: name, port: PORT }, name + ':PORT');
         }
         addresses.push(host + ':PORT/', host + ':PORT?', host + ':PORT#', host + ':\\tPORT', host + ':PORT\\n', host + ':-PORT', host + ':65536', host + ':');
         for (const address of addresses) {
             try { connect(address); wrong.push(address); } catch (error) { if (!(error instanceof TypeError)) wrong.push(String(error)); }
         }
         for (const address of [host + ':PORT', { hostname: host, port: PORT }, { hostname: host, port: 'PORT' }]) {
             await connect(address).opened.catch((error) => wrong.push(address, error.message));
         }
         return Response.json(wrong);",
    );
    assert_eq!(said, "[]");
}

#[test]
fn closing_a_socket_sends_what_was_written() {
    let (sender, seen) = mpsc::channel();
    let port = serve(move |mut stream: TcpStream| {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        let _ = sender.send(rest.len());
    });
    let said = ask(
        port,
        "const socket = connect('127.0.0.1:PORT');
         const writer = socket.writable.getWriter();
         await writer.write(new Uint8Array(60_000));
         await socket.close();
         return new Response(await writer.write(bytes('x')).catch((error) => error.message));",
    );
    assert_eq!(said, "The socket is closed.");
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), 60_000);
}

#[test]
fn what_came_in_the_clear_is_not_read_as_if_it_had_come_by_tls() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut first, _) = listener.accept().unwrap();
        first.write_all(b"S, and more than was agreed on").unwrap();
        // Who hears this has been sent what is above.
        let (mut second, _) = listener.accept().unwrap();
        second.write_all(b"now").unwrap();
        drop(second);
        first.read_to_end(&mut Vec::new()).unwrap()
    });
    let said = ask(
        port,
        "const socket = connect('127.0.0.1:PORT', { secureTransport: 'starttls' });
         await socket.opened;
         await all(connect('127.0.0.1:PORT').readable);
         const secure = socket.startTls();
         const why = (error) => error.message;
         return Response.json([await secure.opened.catch(why), await secure.readable.getReader().read().catch(why)]);",
    );
    assert_eq!(said.matches("came in the clear").count(), 2, "{said}");
    assert_eq!(server.join().unwrap(), 0, "and no TLS was begun");
}
