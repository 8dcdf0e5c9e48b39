//! A listener that speaks HTTP/2, as clients see it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsRawFd;

use nano_base::http::{Headers, RequestHead};
use nano_core::{App, ListenLimits, ListenOptions, Listener, Runtime};
use nano_http::h1::{Content, Scheme};
use nano_http::h2::{Code, Connection, Event, Limits, Target, hpack};

use crate::support::{PATIENCE, load, manual_runtime, options, runtime, until};
use crate::tls;

fn listen(runtime: &Runtime, app: App) -> Listener {
    let router = std::sync::Arc::new(app);
    let options = ListenOptions { address: "127.0.0.1:0".into(), router, limits: ListenLimits::default(), tls: None };
    runtime.listen(options).expect("a free port")
}

/// What was heard of one stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Heard {
    status: u16,
    headers: String,
    body: Vec<u8>,
    ended: bool,
    reset: Option<Code>,
}

/// A client on some connection.
struct Client<S> {
    socket: S,
    http: Connection,
    heard: std::collections::BTreeMap<u32, Heard>,
    /// Whether what comes makes room for more.
    credits: bool,
    /// The last stream that the server says it takes.
    last: Option<u32>,
}

impl<S: Read + Write> Client<S> {
    fn new(socket: S, scheme: Scheme) -> Self {
        let http = Connection::client(scheme, Limits::default());
        Self { socket, http, heard: Default::default(), credits: true, last: None }
    }

    fn ask(&mut self, method: &str, path: &str, content: Content, headers: &[(&str, &str)]) -> u32 {
        let mut all = Headers::new();
        for (name, value) in headers {
            assert!(all.push(name.as_bytes(), value.as_bytes()));
        }
        let head = RequestHead { method: nano_core::method(method), url: String::new(), headers: all };
        let to = Target { path, authority: "a.test", scheme: "http" };
        let (id, _) = self.http.request(&head, &to, content).unwrap();
        self.heard.insert(id, Heard::default());
        self.flush();
        id
    }

    fn flush(&mut self) {
        let output = std::mem::take(self.http.output());
        self.socket.write_all(&output).unwrap();
        self.socket.flush().unwrap();
    }

    /// Reads until something holds; false if the connection ends before.
    fn until(&mut self, mut holds: impl FnMut(&Self) -> bool) -> bool {
        let mut buffer = [0; 1 << 14];
        while !holds(self) {
            let read = self.socket.read(&mut buffer).expect("something to read");
            if read == 0 {
                return false;
            }
            let mut input = &buffer[..read];
            while let Some(event) = self.http.receive(&mut input).expect("a server that keeps the rules") {
                match event {
                    Event::Response(id, head) => {
                        let heard = self.heard.get_mut(&id).unwrap();
                        heard.status = head.status;
                        heard.headers = String::from_utf8(head.headers.as_flat().to_vec()).unwrap();
                    }
                    Event::Data(id, bytes) => {
                        if self.credits {
                            self.http.credit(id, bytes.len());
                        }
                        self.heard.get_mut(&id).unwrap().body.extend_from_slice(bytes);
                    }
                    Event::End(id) => self.heard.get_mut(&id).unwrap().ended = true,
                    Event::Reset(id, code) => self.heard.get_mut(&id).unwrap().reset = Some(code),
                    Event::Away(last, _) => self.last = Some(last),
                    _ => {}
                }
            }
            self.flush();
        }
        true
    }

    fn answer(&mut self, id: u32) -> Heard {
        assert!(self.until(|client| client.heard[&id].ended || client.heard[&id].reset.is_some()));
        self.heard[&id].clone()
    }

    fn get(&mut self, path: &str) -> Heard {
        let id = self.ask("GET", path, Content::None, &[]);
        self.answer(id)
    }
}

fn connect(listener: &Listener) -> Client<TcpStream> {
    let socket = TcpStream::connect(listener.address()).expect("a connection");
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    Client::new(socket, Scheme::Http)
}

fn text(heard: &Heard) -> String {
    format!("{} {}", heard.status, String::from_utf8_lossy(&heard.body))
}

const ECHO: &str = "export default { async fetch(request) {
    const { method, url } = request;
    if (url.endsWith('/slow')) await new Promise((done) => { globalThis.release = done; });
    if (url.endsWith('/release')) globalThis.release();
    if (url.endsWith('/throw')) throw new Error('secret');
    if (url.endsWith('/body')) return new Response(request.body);
    return new Response([method, url, request.headers.get('host'), await request.text()].join(' '));
} }";

#[test]
fn requests_of_one_connection_are_answered_as_their_apps_are_done() {
    let runtime = runtime(1);
    let listener = listen(&runtime, load(&runtime, "echo", ECHO));
    let mut client = connect(&listener);
    let slow = client.ask("GET", "/slow", Content::None, &[]);
    assert_eq!(text(&client.get("/quick?x")), "200 GET http://a.test/quick?x a.test ");
    assert!(client.heard[&slow].status == 0);
    client.get("/release");
    assert_eq!(text(&client.answer(slow)), "200 GET http://a.test/slow a.test ");
    assert!(client.heard[&slow].headers.contains("date\n"));
    let head = client.ask("HEAD", "/", Content::None, &[]);
    assert_eq!(text(&client.answer(head)), "200 ");
    assert_eq!(listener.connections(), 1);
}

#[test]
fn a_stream_of_fixed_length_says_how_long_it_is_and_is_broken_off_if_it_is_not() {
    let runtime = runtime(1);
    let source = "export default { fetch(request) {
        const text = { '/whole': 'hello', '/none': '' , '/short': 'hel' }[new URL(request.url).pathname];
        const { readable, writable } = new FixedLengthStream(text === '' ? 0 : 5);
        const writer = writable.getWriter();
        if (text !== '') writer.write(new TextEncoder().encode(text)).catch(() => {});
        writer.close().catch(() => {});
        return new Response(readable);
    } }";
    let listener = listen(&runtime, load(&runtime, "fixed", source));
    let mut client = connect(&listener);
    for (path, length, body) in [("/whole", "5", "200 hello"), ("/none", "0", "200 ")] {
        let heard = client.get(path);
        assert_eq!((text(&heard).as_str(), heard.reset), (body, None));
        assert!(heard.headers.contains(&format!("content-length\n{length}")), "{}", heard.headers);
    }
    let heard = client.get("/short");
    assert!(heard.reset.is_some() && !heard.ended && heard.headers.contains("content-length\n5"), "{heard:?}");
}

#[test]
fn errors_are_problems_with_the_id_of_their_request() {
    let runtime = runtime(1);
    let listener = listen(&runtime, load(&runtime, "echo", ECHO));
    let mut client = connect(&listener);
    let heard = client.get("/throw");
    assert!(heard.headers.contains("content-type\napplication/problem+json") && heard.headers.contains("x-request-id\n"), "{heard:?}");
    assert!(text(&heard).starts_with("500 ") && text(&heard).contains("\"code\":\"EXCEPTION\"") && !text(&heard).contains("secret"));
    let long = format!("/{}", "x".repeat(17_000));
    assert!(text(&client.get(&long)).starts_with("414 {"));
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn bodies_stream_both_ways_under_flow_control() {
    let runtime = runtime(2);
    let listener = listen(&runtime, load(&runtime, "echo", ECHO));
    let mut client = connect(&listener);
    let small = client.ask("POST", "/", Content::Length(5), &[]);
    assert_eq!(client.http.send(small, b"small", true), 5);
    client.flush();
    assert!(text(&client.answer(small)).ends_with(" small"));
    let body: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let id = client.ask("POST", "/body", Content::Stream, &[]);
    let mut sent = 0;
    while sent < body.len() {
        sent += client.http.send(id, &body[sent..], true);
        client.flush();
        assert!(sent == body.len() || client.until(|client| client.http.room(id) > 0));
    }
    assert!(client.answer(id).body == body);
}

#[test]
fn a_body_that_is_too_large_is_refused_and_its_connection_goes_on() {
    let runtime = runtime(1);
    let mut options = options("echo", ECHO);
    options.limits.upload_bytes = 200_000;
    let listener = listen(&runtime, runtime.load(options).expect("loads"));
    let mut client = connect(&listener);
    let announced = client.ask("POST", "/", Content::Length(200_001), &[]);
    let answer = text(&client.answer(announced));
    assert!(answer.starts_with("413 ") && answer.contains("TOO_LARGE"), "{answer}");
    for (bytes, status) in [(200_000, 200), (200_001, 413)] {
        let body = vec![b'x'; bytes];
        let id = client.ask("POST", "/", Content::Stream, &[]);
        let mut sent = 0;
        while sent < bytes && client.heard[&id].status == 0 {
            sent += client.http.send(id, &body[sent..], true);
            client.flush();
            assert!(client.until(|client| sent == bytes || client.http.room(id) > 0 || client.heard[&id].status != 0));
        }
        let heard = client.answer(id);
        assert_eq!(heard.status, status, "{bytes} bytes");
    }
    assert_eq!(text(&client.get("/")), "200 GET http://a.test/ a.test ");
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on_before_an_answer_that_reads_while_it_is_written() {
    let runtime = runtime(1);
    let listener = listen(&runtime, load(&runtime, "echo", ECHO));
    assert!(next_head(&mut asks_first(&listener, "/body")).ends_with(&status(100)));
}

/// Frame by frame, a client that sends no body before it is told to.
fn asks_first(listener: &Listener, path: &str) -> TcpStream {
    let mut socket = connect(listener).socket;
    let mut bytes = std::mem::take(Connection::client(Scheme::Http, Limits::default()).output());
    let mut list = Vec::new();
    let fields = [(":method", "POST"), (":scheme", "http"), (":authority", "a"), (":path", path), ("expect", "100-continue")];
    fields.iter().for_each(|(name, value)| hpack::field(name.as_bytes(), value.as_bytes(), &mut list));
    bytes.extend_from_slice(&[0, 0, list.len() as u8, 1, 4, 0, 0, 0, 1]);
    bytes.extend_from_slice(&list);
    socket.write_all(&bytes).unwrap();
    socket
}

/// The next list of fields that comes.
fn next_head(socket: &mut TcpStream) -> Vec<u8> {
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).unwrap();
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        socket.read_exact(&mut payload).unwrap();
        if head[3] == 1 {
            return payload;
        }
    }
}

fn status(status: u16) -> Vec<u8> {
    let mut list = Vec::new();
    hpack::field(b":status", status.to_string().as_bytes(), &mut list);
    list
}

/// A client that has asked for more than its window takes, and the stream of that.
fn behind_a_closed_window(runtime: &Runtime) -> (Client<TcpStream>, u32, Listener) {
    let source = "export default { fetch(request) { return new Response(request.url.endsWith('large') ? 'x'.repeat(1 << 20) : 'ok') } }";
    let listener = listen(runtime, load(runtime, "large", source));
    let mut client = connect(&listener);
    client.credits = false;
    let large = client.ask("GET", "/large", Content::None, &[]);
    assert!(client.until(|client| client.heard[&large].body.len() == 65_535));
    (client, large, listener)
}

#[test]
fn a_window_that_stays_closed_ends_its_stream_and_no_other() {
    let runtime = manual_runtime(1);
    let (mut client, large, _listener) = behind_a_closed_window(&runtime);
    assert_eq!(text(&client.get("/")), "200 ok");
    runtime.advance_clock(30_000).unwrap();
    assert_eq!(client.answer(large).reset, Some(Code::CANCEL));
    assert_eq!(text(&client.get("/")), "200 ok");
}

#[test]
fn a_window_that_is_opened_by_bytes_is_as_good_as_closed() {
    let runtime = manual_runtime(1);
    let (client, large, _listener) = behind_a_closed_window(&runtime);
    // From here on frame by frame.
    let mut socket = client.socket;
    let id = large.to_be_bytes();
    for _ in 0..2 {
        socket.write_all(&[0, 0, 4, 8, 0, id[0], id[1], id[2], id[3], 0, 0, 0, 1]).unwrap();
        let mut data = [0; 10];
        socket.read_exact(&mut data).unwrap();
        assert_eq!(data, [0, 0, 1, 0, 0, id[0], id[1], id[2], id[3], b'x']);
        runtime.advance_clock(20_000).unwrap();
    }
    let mut reset = [0; 13];
    socket.read_exact(&mut reset).unwrap();
    assert_eq!(reset, [0, 0, 4, 3, 0, id[0], id[1], id[2], id[3], 0, 0, 0, 8]);
}

#[test]
fn clients_that_take_nothing_make_room_for_those_that_ask() {
    let runtime = manual_runtime(1);
    let source = "export default { fetch(request) { return new Response(request.url.endsWith('large') ? 'x'.repeat(400_000) : 'ok') } }";
    let mut options = options("large", source);
    options.limits.external_bytes = 8 << 20;
    let app = runtime.load(options).expect("loads");
    let listener = listen(&runtime, app.clone());
    let (mut silent, mut other) = (connect(&listener), connect(&listener));
    silent.credits = false;
    for _ in 0..40 {
        silent.ask("GET", "/large", Content::None, &[]);
    }
    // All of them were let in while nothing waited.
    until(|| app.stats().waiting_bytes > 39 * 400_000);
    assert_eq!(other.get("/").status, 503);
    runtime.advance_clock(2_000).unwrap();
    // The first of these is refused too, and has the others looked for.
    until(|| other.get("/").status == 200);
    assert!(app.stats().waiting_bytes <= 4 << 20);
}

#[test]
fn a_large_head_counts_while_its_request_waits() {
    let runtime = runtime(1);
    let app = load(&runtime, "echo", ECHO);
    let listener = listen(&runtime, app.clone());
    let mut client = connect(&listener);
    let waiting = || app.stats().waiting_bytes;
    let body = client.ask("POST", "/", Content::Length(5), &[("x-large", &"x".repeat(8_000))]);
    assert_eq!(client.get("/").status, 200);
    assert!((8_000..9_000).contains(&waiting()), "{}", waiting());
    assert_eq!(client.http.send(body, b"small", true), 5);
    client.flush();
    assert!(text(&client.answer(body)).ends_with(" small"));
    until(|| waiting() == 0);
}

#[test]
fn a_body_that_ends_behind_a_closed_window_arrives_whole() {
    let runtime = runtime(1);
    let source = "export default { fetch(request) {
        if (!request.url.endsWith('large')) return new Response('ok');
        return new Response(new ReadableStream({ start(c) { for (let i = 0; i < 3; i++) c.enqueue(new Uint8Array(40_000)); c.close(); } }));
    } }";
    let listener = listen(&runtime, load(&runtime, "large", source));
    let mut client = connect(&listener);
    client.credits = false;
    let large = client.ask("GET", "/large", Content::None, &[]);
    assert!(client.until(|client| client.heard[&large].body.len() == 65_535));
    // By now the app has said all.
    assert_eq!(text(&client.get("/")), "200 ok");
    client.credits = true;
    client.http.credit(large, 65_535);
    client.flush();
    assert_eq!(client.answer(large).body.len(), 120_000);
}

#[test]
fn a_stream_that_is_reset_cancels_its_request() {
    let runtime = runtime(1);
    let source = "let canceled = 0;
    export default { async fetch(request) {
        if (request.url.endsWith('/count')) { while (!canceled) await scheduler.wait(1); return new Response('canceled'); }
        return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(1)); }, cancel() { canceled++; } }));
    } }";
    let listener = listen(&runtime, load(&runtime, "cancel", source));
    let mut client = connect(&listener);
    let id = client.ask("GET", "/", Content::None, &[]);
    assert!(client.until(|client| !client.heard[&id].body.is_empty()));
    client.http.reset(id, Code::CANCEL);
    assert_eq!(text(&client.get("/count")), "200 canceled");
}

#[test]
fn a_client_that_closes_its_side_cancels_its_requests() {
    let runtime = runtime(1);
    let app = load(&runtime, "never", "export default { fetch() { return new Promise(() => setTimeout(() => {}, 1e6)); } }");
    let listener = listen(&runtime, app.clone());
    let mut client = connect(&listener);
    client.ask("GET", "/", Content::None, &[]);
    until(|| app.stats().in_flight == 1);
    client.socket.shutdown(std::net::Shutdown::Write).unwrap();
    until(|| app.stats().in_flight == 0);
}

#[test]
fn an_end_that_comes_with_the_last_bytes_is_seen() {
    let runtime = manual_runtime(1);
    let source = "export default { fetch(request) {
        if (!request.url.endsWith('/loop')) return new Promise(() => setTimeout(() => {}, 1e6));
        for (let n = 0; n < 3e7; n++);
        return new Response('done');
    } }";
    let app = load(&runtime, "never", source);
    // Connections whose kernel takes more than is read at once, and then the end.
    let bound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    bound.set_recv_buffer_size(1 << 20).unwrap();
    bound.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    bound.listen(16).unwrap();
    let (address, router) = (format!("fd:{}", bound.as_raw_fd()), std::sync::Arc::new(app.clone()));
    let listener = runtime.listen(ListenOptions { address, router, limits: ListenLimits::default(), tls: None }).expect("it listens");
    // Frames of a kind that nobody knows.
    let more = [&[0, 0x40, 0, 0x42, 0, 0, 0, 0, 0][..], &[0; 16 << 10]].concat().repeat(5);
    for (has_begun, more) in [(true, &[][..]), (true, &more), (false, &more)] {
        let (mut client, mut busy) = (connect(&listener), connect(&listener));
        if has_begun {
            assert_eq!(text(&client.get("/loop")), "200 done");
        }
        assert_eq!(text(&busy.get("/loop")), "200 done");
        let looping = busy.ask("GET", "/loop", Content::None, &[]);
        until(|| app.stats().in_flight == 1);
        // Nobody reads meanwhile.
        client.ask("GET", "/", Content::None, &[]);
        client.socket.write_all(more).unwrap();
        client.socket.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(text(&busy.answer(looping)), "200 done");
        // Nothing else would end it.
        client.socket.read_to_end(&mut Vec::new()).expect("an end");
        until(|| app.stats().in_flight == 0);
    }
}

#[test]
fn a_client_that_asks_for_what_leads_to_nothing_is_sent_away() {
    let runtime = runtime(1);
    let listener = listen(&runtime, load(&runtime, "echo", ECHO));
    let mut socket = TcpStream::connect(listener.address()).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut hello = Connection::client(Scheme::Http, Limits::default());
    let mut bytes = std::mem::take(hello.output());
    // Pings, more than anybody needs.
    bytes.extend_from_slice(&[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8].repeat(2_000));
    socket.write_all(&bytes).unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let told = b"too much that leads to nothing";
    assert!(answer.windows(told.len()).any(|window| window == told));
}

#[test]
fn closing_lets_the_streams_there_are_end() {
    let runtime = runtime(1);
    let listener = listen(&runtime, load(&runtime, "echo", ECHO));
    let mut client = connect(&listener);
    let slow = client.ask("POST", "/body", Content::Stream, &[]);
    client.http.send(slow, b"one ", false);
    client.flush();
    assert!(client.until(|client| client.heard[&slow].body == b"one "));
    listener.close();
    assert!(client.until(|client| client.last.is_some()));
    client.http.send(slow, b"two", true);
    client.flush();
    assert_eq!(text(&client.answer(slow)), "200 one two");
    assert!(!client.until(|_| false), "the connection ends");
}

#[test]
fn what_is_on_its_way_when_the_listener_closes_is_answered() {
    let runtime = manual_runtime(1);
    let listener = listen(&runtime, load(&runtime, "echo", ECHO));
    let (mut busy, mut idle, mut silent) = (connect(&listener), connect(&listener), connect(&listener));
    let slow = busy.ask("GET", "/slow", Content::None, &[]);
    for client in [&mut busy, &mut idle, &mut silent] {
        assert_eq!(client.get("/").status, 200);
    }
    listener.close();
    // What is said of that is there, and the client has not read it.
    for client in [&mut busy, &mut idle, &mut silent] {
        client.socket.peek(&mut [0]).unwrap();
    }
    assert_eq!(text(&idle.get("/late")), "200 GET http://a.test/late a.test ");
    assert!(!idle.until(|_| false), "it has read what was said");
    let late = busy.ask("GET", "/release", Content::None, &[]);
    assert_eq!(busy.answer(late).status, 200);
    assert_eq!(busy.answer(slow).status, 200);
    assert!(!busy.until(|_| false));
    // One that reads nothing is not waited for.
    runtime.advance_clock(1_000).unwrap();
    silent.socket.read_to_end(&mut Vec::new()).unwrap();
}

#[test]
fn what_comes_too_late_does_not_cost_the_others_their_answers() {
    let runtime = manual_runtime(1);
    let listener = listen(&runtime, load(&runtime, "echo", ECHO));
    let mut client = connect(&listener);
    let body = client.ask("POST", "/body", Content::Stream, &[]);
    client.http.send(body, b"one ", false);
    client.flush();
    assert!(client.until(|client| client.heard[&body].body == b"one "));
    listener.close();
    assert!(client.until(|client| client.last == Some(body)));
    // As one that has not read that yet: its own side would not ask any more.
    let late = [
        &[0, 0, 0, 1, 4, 0, 0, 0, 3][..],
        &[0, 0, 1, 0, 0, 0, 0, 0, 3, b'x'],
        &[0, 0, 4, 8, 0, 0, 0, 0, 3, 0, 0, 1, 0],
        &[0, 0, 4, 3, 0, 0, 0, 0, 3, 0, 0, 0, 8],
    ];
    client.socket.write_all(&late.concat()).unwrap();
    client.http.send(body, b"two", true);
    client.flush();
    assert_eq!(text(&client.answer(body)), "200 one two");
    assert!(!client.until(|_| false), "the connection ends");
}

#[test]
fn a_body_that_comes_byte_by_byte_has_one_time_for_all() {
    let runtime = manual_runtime(1);
    let listener =
        listen(&runtime, load(&runtime, "echo", "export default { async fetch(request) { return new Response(await request.text()); } }"));
    let mut client = connect(&listener);
    let id = client.ask("POST", "/", Content::Length(8_000), &[]);
    for _ in 0..2 {
        client.http.send(id, b"x", false);
        client.flush();
        // When another request is answered, the byte has been read, or the time been seen.
        assert_eq!(client.get("/").status, 200);
        runtime.advance_clock(20_000).expect("a manual clock");
        assert_eq!(client.get("/").status, 200);
    }
    assert_eq!(client.answer(id).status, 408);
}

#[test]
fn a_body_whose_length_nobody_knows_has_no_more_time_for_coming_byte_by_byte() {
    let runtime = manual_runtime(1);
    let source = "export default { async fetch(request) { return new Response((await request.text()).length); } }";
    let mut options = options("reads", source);
    options.limits.wall_ms = 1_000_000;
    let listener = listen(&runtime, runtime.load(options).expect("loads"));
    let mut client = connect(&listener);
    let [slow, quick] = [(); 2].map(|()| client.ask("POST", "/", Content::Stream, &[]));
    for _ in 0..2 {
        client.http.send(slow, b"x", false);
        client.http.send(quick, &[b'x'; 500], false);
        client.flush();
        assert_eq!(text(&client.get("/")), "200 0");
        runtime.advance_clock(20_000).expect("a manual clock");
        assert_eq!(text(&client.get("/")), "200 0");
    }
    let answer = client.answer(slow);
    assert!(answer.status == 408 && text(&answer).contains(r#""code":"REQUEST_TIMEOUT""#), "{answer:?}");
    client.http.send(quick, b"", true);
    client.flush();
    assert_eq!(text(&client.answer(quick)), "200 1000");
}

#[test]
fn a_body_that_has_not_been_asked_for_is_not_late() {
    let runtime = manual_runtime(1);
    let source = "export default { async fetch(request) {
        if (request.url.endsWith('/go')) globalThis.go();
        if (request.method === 'POST') await new Promise((resolve) => { globalThis.go = resolve; });
        return new Response((await request.text()).length);
    } }";
    let mut options = options("late", source);
    options.limits.wall_ms = 1_000_000;
    let listener = listen(&runtime, runtime.load(options).expect("loads"));
    let mut socket = asks_first(&listener, "/");
    let mut other = connect(&listener);
    for _ in 0..2 {
        assert_eq!(other.get("/late").status, 200);
        runtime.advance_clock(20_000).expect("a manual clock");
    }
    assert_eq!(other.get("/go").status, 200);
    assert!(next_head(&mut socket).ends_with(&status(100)));
    // Its time begins now.
    runtime.advance_clock(20_000).expect("a manual clock");
    assert_eq!(other.get("/").status, 200);
    socket.write_all(&[0, 0, 3, 0, 1, 0, 0, 0, 1, b'a', b'b', b'c']).unwrap();
    let answer = next_head(&mut socket);
    assert!(answer.starts_with(&status(200)), "{answer:?}");
}

#[test]
fn the_requests_of_one_connection_have_one_seat_at_their_app() {
    let runtime = runtime(1);
    let app = load(
        &runtime,
        "waits",
        "export default { async fetch(request) {
            if (request.url.endsWith('/wait')) await new Promise((resolve) => { globalThis.go = resolve; });
            if (request.url.endsWith('/go')) globalThis.go();
            return new Response('done');
        } }",
    );
    struct Shared(App);
    impl nano_core::Router for Shared {
        fn route(&self, _: &str, _: &str) -> nano_core::Route {
            nano_core::Route::App(self.0.clone())
        }
    }
    let limits = ListenLimits { connections: 10, connections_of_app: 1, ..ListenLimits::default() };
    let router = std::sync::Arc::new(Shared(app.clone()));
    let listener = runtime.listen(ListenOptions { address: "127.0.0.1:0".into(), router, limits, tls: None }).expect("a free port");
    let mut client = connect(&listener);
    let waiting = client.ask("GET", "/wait", Content::None, &[]);
    while app.stats().in_flight == 0 {
        std::thread::yield_now();
    }
    assert_eq!(connect(&listener).get("/").status, 503);
    assert_eq!(client.get("/").status, 200);
    assert_eq!(client.get("/go").status, 200);
    assert_eq!(client.answer(waiting).status, 200);
    drop(client);
}

#[test]
fn over_tls_it_is_what_is_agreed_on() {
    let runtime = runtime(1);
    let router = std::sync::Arc::new(load(&runtime, "echo", ECHO));
    let tls = Some(nano_core::TlsOptions { certificates: vec![tls::one()], ..Default::default() });
    let options = ListenOptions { address: "127.0.0.1:0".into(), router, limits: ListenLimits::default(), tls };
    let listener = runtime.listen(options).unwrap();
    let mut stream = tls::connect(&listener, &tls::client(&[b"h2", b"http/1.1"]), "one.test");
    stream.conn.complete_io(&mut stream.sock).unwrap();
    assert_eq!(stream.conn.alpn_protocol(), Some(&b"h2"[..]));
    let mut client = Client::new(stream, Scheme::Https);
    assert_eq!(text(&client.get("/x")), "200 GET https://a.test/x a.test ");
}
