//! An app that writes large pieces to many who do not read: what is not taken stays with the app, where it is counted.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};

use nano_core::policy::{Mode, Policy, Rule};
use nano_core::{App, AppOptions, ListenLimits, ListenOptions, Payload, Runtime};
use nano_http::ws::Event;

use crate::frames::{Wire, serve};
use crate::support::*;

const MIB: usize = 1 << 20;
const EXTERNAL_BYTES: usize = 12 * MIB;
const PIECE_BYTES: usize = 5 * MIB;
const MANY: usize = 20;
/// Two pieces fit; of each of the others there is a window's worth, and no more than one beyond it.
const MOST_BYTES: usize = EXTERNAL_BYTES + MANY * (128 << 10);

/// An app with a piece that it may write often, and that says how often.
fn app(runtime: &Runtime, body: &str) -> App {
    let rule = Rule::parse("127.0.0.0/8").expect("a rule");
    let source = format!(
        "import {{ connect }} from 'cloudflare:sockets';
         const piece = new Uint8Array({PIECE_BYTES}).fill(7);
         const twice = () => {{
           let left = 2;
           return new ReadableStream({{ pull(c) {{ if (left-- === 0) c.close(); else c.enqueue(piece); }} }});
         }};
         export function turn() {{}}
         export default {{ async fetch(request) {{ {body} }} }}"
    );
    let mut options = AppOptions { egress: Policy::new(Mode::Public, vec![rule], Vec::new()), ..options("large", &source) };
    options.limits.external_bytes = EXTERNAL_BYTES;
    options.limits.cpu_ms = 30_000;
    options.limits.subrequests_at_once = 50;
    runtime.load(options).expect("loads")
}

/// Whatever there is to write has been; what waits then.
fn settled(app: &App) -> usize {
    let mut before = None;
    loop {
        app.invoke_wait("turn", Vec::new(), Some(PATIENCE)).expect("a turn");
        let now = app.stats().waiting_bytes as usize;
        if before == Some(now) {
            return now;
        }
        before = Some(now);
    }
}

#[test]
fn responses_of_large_pieces_wait_with_the_app() {
    let runtime = runtime(1);
    let app = app(&runtime, "return new Response(twice());");
    for _ in 0..MANY {
        app.dispatch(get("/")).expect("accepted");
    }
    let waiting = settled(&app);
    assert!((2 * PIECE_BYTES..=MOST_BYTES).contains(&waiting), "{waiting}");
    // Once the host takes them, it gets all of them.
    let (mut ended, mut bytes, mut events) = (0, 0, Vec::new());
    while ended < MANY {
        runtime.wait(100, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer");
        for event in events.drain(..) {
            match event.payload {
                Payload::Chunk(chunk) => {
                    assert!(chunk.iter().all(|byte| *byte == 7));
                    bytes += chunk.len();
                    // The request may have ended with it.
                    let _ = runtime.credit(event.id, chunk.len() as u32);
                }
                Payload::End(_) => ended += 1,
                Payload::Response { .. } => {}
                other => panic!("{other:?}"),
            }
        }
        assert!(app.stats().waiting_bytes as usize <= MOST_BYTES);
    }
    assert_eq!(bytes, MANY * 2 * PIECE_BYTES);
    assert_eq!(app.stats().waiting_bytes, 0);
}

/// A server that reads nothing of a connection before it is told to; what reading them gave.
fn deaf<T: Send + 'static>(read: fn(TcpStream) -> T) -> (u16, Sender<()>, Receiver<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let ((go, wait), (tell, told)) = (mpsc::channel::<()>(), mpsc::channel());
    let wait = Arc::new(Mutex::new(wait));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (wait, tell) = (wait.clone(), tell.clone());
            std::thread::spawn(move || {
                // It ends when nobody can say it any more.
                let _ = wait.lock().map(|wait| wait.recv());
                let _ = tell.send(read(stream));
            });
        }
    });
    (port, go, told)
}

/// Reads an upload in chunks: the longest of them, and how long it is.
fn chunks(stream: TcpStream) -> (usize, usize) {
    let mut reader = BufReader::new(stream);
    let (mut line, mut longest, mut all) = (String::new(), 0, 0);
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).expect("a line");
    }
    loop {
        line.clear();
        reader.read_line(&mut line).expect("a line");
        let size = usize::from_str_radix(line.trim(), 16).expect("a size");
        let mut chunk = vec![0; size + 2];
        reader.read_exact(&mut chunk).expect("a chunk");
        if size == 0 {
            return (longest, all);
        }
        assert!(chunk[..size].iter().all(|byte| *byte == 7));
        (longest, all) = (longest.max(size), all + size);
    }
}

#[test]
fn uploads_of_large_pieces_wait_with_the_app() {
    let (port, go, told) = deaf(chunks);
    let runtime = runtime(1);
    let send = format!("fetch('http://127.0.0.1:{port}/', {{ method: 'POST', body: twice(), duplex: 'half' }}).catch(() => {{}})");
    let app = app(&runtime, &format!("await Promise.all(Array.from({{ length: {MANY} }}, () => {send})); return new Response('sent');"));
    let id = app.dispatch(get("/")).expect("accepted");
    until(|| app.stats().waiting_bytes as usize >= 2 * PIECE_BYTES);
    let waiting = settled(&app);
    assert!(waiting <= MOST_BYTES, "{waiting}");
    drop(go);
    for _ in 0..MANY {
        let (longest, all) = told.recv().expect("an upload");
        // What the network has at a time is counted by nobody.
        assert!(longest <= 64 << 10, "{longest}");
        assert_eq!(all, 2 * PIECE_BYTES);
    }
    until_end(&runtime, id);
    until(|| app.stats().waiting_bytes == 0);
}

#[test]
fn large_pieces_for_sockets_wait_with_the_app() {
    let (port, go, told) = deaf(|mut stream| {
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("all of it");
        assert!(bytes.iter().all(|byte| *byte == 7));
        bytes.len()
    });
    let runtime = runtime(1);
    let send = format!(
        "const socket = connect('127.0.0.1:{port}'), writer = socket.writable.getWriter(); \
         writer.write(piece); await writer.write(piece); await writer.close();"
    );
    let app = app(
        &runtime,
        &format!("await Promise.all(Array.from({{ length: {MANY} }}, async () => {{ {send} }})); return new Response('sent');"),
    );
    let id = app.dispatch(get("/")).expect("accepted");
    until(|| app.stats().waiting_bytes as usize >= 2 * PIECE_BYTES);
    let waiting = settled(&app);
    assert!(waiting <= MOST_BYTES, "{waiting}");
    drop(go);
    for _ in 0..MANY {
        assert_eq!(told.recv().expect("a connection"), 2 * PIECE_BYTES);
    }
    let seen = until_end(&runtime, id);
    assert!(format!("{seen:?}").contains(&format!("{:?}", b"sent")), "{seen:?}");
    until(|| app.stats().waiting_bytes == 0);
}

#[test]
fn a_socket_that_breaks_in_the_middle_of_a_piece_fails_its_write() {
    let (port, go, _told) = deaf(|mut stream| stream.read_exact(&mut [0; 1]).expect("a byte"));
    let runtime = runtime(1);
    let app = app(
        &runtime,
        &format!(
            "const write = () => {{ const writer = connect('127.0.0.1:{port}').writable.getWriter();
               return writer.write(piece).then(() => writer.write(piece)).then(() => 'written', (e) => e.constructor.name); }};
             return new Response((await Promise.all([write(), write(), write()])).join());"
        ),
    );
    let id = app.dispatch(get("/")).expect("accepted");
    until(|| app.stats().waiting_bytes as usize >= 2 * PIECE_BYTES);
    drop(go);
    let seen = until_end(&runtime, id);
    assert!(format!("{seen:?}").contains(&format!("{:?}", b"TypeError,TypeError,TypeError")), "{seen:?}");
    until(|| app.stats().waiting_bytes == 0);
}

/// What a message's first frame brings, of which more is to come.
const UNFINISHED_BYTES: usize = 1_000_000;
/// As many of them as fit.
const GATHERED_MAX: usize = EXTERNAL_BYTES / UNFINISHED_BYTES;

/// A frame that is not the last of its message.
fn unfinished(mask: Option<[u8; 4]>) -> Vec<u8> {
    let mut frame = vec![2, if mask.is_some() { 0xff } else { 0x7f }];
    frame.extend_from_slice(&(UNFINISHED_BYTES as u64).to_be_bytes());
    frame.extend_from_slice(&mask.unwrap_or_default()[..mask.map_or(0, |mask| mask.len())]);
    frame.resize(frame.len() + UNFINISHED_BYTES, 0);
    frame
}

#[test]
fn messages_that_never_end_are_counted_and_end_the_websocket_where_there_is_no_room() {
    let runtime = runtime(1);
    let source = "export default { fetch() { const [client, socket] = Object.values(new WebSocketPair()); socket.accept(); \
        return new Response(null, { status: 101, webSocket: client }); } }";
    let mut options = options("sockets", source);
    options.limits.external_bytes = EXTERNAL_BYTES;
    let app = runtime.load(options).expect("loads");
    let listen = ListenOptions { address: "127.0.0.1:0".into(), router: Arc::new(app.clone()), limits: ListenLimits::default(), tls: None };
    let listener = runtime.listen(listen).expect("a free port");
    let mut wires: Vec<Wire> = (0..MANY).map(|_| Wire::open(listener.address(), "/")).collect();
    for (number, wire) in wires.iter_mut().enumerate() {
        // It may be closed before all has gone.
        let _ = wire.stream.write_all(&unfinished(Some([0; 4])));
        if number < GATHERED_MAX {
            until(|| app.stats().waiting_bytes as usize == (number + 1) * UNFINISHED_BYTES);
        } else {
            let said = wire.next();
            // Of a connection that is closed while it is written to, the last word may be lost.
            assert!(matches!(said, None | Some(Event::Close(Some((1009, _))))), "{said:?}");
            until(|| app.stats().waiting_bytes as usize == GATHERED_MAX * UNFINISHED_BYTES);
        }
    }
    drop(wires);
    until(|| app.stats().waiting_bytes == 0);
}

#[test]
fn the_same_of_websockets_that_the_app_has_opened() {
    let port = serve(|stream| {
        let (_, mut wire) = Wire::answer(stream, None, None);
        let _ = wire.stream.write_all(&unfinished(None));
        // Until the app goes.
        while wire.next().is_some() {}
    });
    let runtime = runtime(1);
    let app = app(
        &runtime,
        &format!(
            "let failed = 0; await new Promise((enough) => {{ for (let i = 0; i < {MANY}; i++)
               new WebSocket('ws://127.0.0.1:{port}/').onerror = () => {{ if (++failed === {MANY} - {GATHERED_MAX}) enough(); }}; }});
             await new Promise((resolve) => {{ globalThis.go = resolve; }}); return new Response('done');"
        ),
    );
    let id = app.dispatch(get("/")).expect("accepted");
    until(|| app.stats().waiting_bytes as usize == GATHERED_MAX * UNFINISHED_BYTES);
    assert_eq!(settled(&app), GATHERED_MAX * UNFINISHED_BYTES);
    runtime.request_cancel(id).expect("is under way");
    until_end(&runtime, id);
    until(|| app.stats().waiting_bytes == 0);
}
