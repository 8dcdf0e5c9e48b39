//! Apps behind the built-in listener, as clients see them: bytes in, bytes out.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use nano_core::{App, Hosts, ListenLimits, ListenOptions, Listener, ResponseHead, Route, Router, Runtime, Status};

use crate::support::{PATIENCE, get, load, options, runtime};

pub(super) fn listen(runtime: &Runtime, router: impl Router + 'static) -> Listener {
    listen_with(runtime, router, ListenLimits::default())
}

pub(super) fn listen_with(runtime: &Runtime, router: impl Router + 'static, limits: ListenLimits) -> Listener {
    runtime.listen(ListenOptions { address: "127.0.0.1:0".into(), router: Arc::new(router), limits, tls: None }).expect("a free port")
}

pub(super) fn connect(listener: &Listener) -> TcpStream {
    let stream = TcpStream::connect(listener.address()).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Reads one response: its head, and its body by Content-Length or chunks.
pub(super) fn response(stream: &mut impl Read) -> (String, String) {
    let head = head(stream);
    let lower = head.to_ascii_lowercase();
    let mut body = Vec::new();
    if let Some(at) = lower.find("content-length: ") {
        let length: usize = lower[at + 16..].split("\r\n").next().unwrap().parse().unwrap();
        body.resize(length, 0);
        stream.read_exact(&mut body).unwrap();
    } else if lower.contains("transfer-encoding: chunked") {
        loop {
            let size = usize::from_str_radix(line(stream).trim(), 16).unwrap();
            let mut chunk = vec![0; size + 2];
            stream.read_exact(&mut chunk).unwrap();
            if size == 0 {
                break;
            }
            body.extend_from_slice(&chunk[..size]);
        }
    }
    (head, String::from_utf8(body).unwrap())
}

pub(super) fn head(stream: &mut impl Read) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        head.push_str(&line(stream));
    }
    head
}

fn line(stream: &mut impl Read) -> String {
    let mut line = Vec::new();
    let mut byte = [0];
    while !line.ends_with(b"\r\n") {
        stream.read_exact(&mut byte).expect("the rest of a line");
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

/// What a client reads until the server closes.
pub(super) fn rest(stream: &mut impl Read) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("the connection's end");
    text
}

fn ask(listener: &Listener, request: &str) -> (String, String) {
    let mut stream = connect(listener);
    stream.write_all(request.as_bytes()).unwrap();
    response(&mut stream)
}

const ECHO: &str = "export default { async fetch(request) {
    const { method, url } = request;
    return Response.json({ method, url, host: request.headers.get('host'), body: await request.text() }, { headers: { 'x-app': 'echo' } });
} }";

#[test]
fn an_app_answers_over_http_and_the_connection_is_used_again() {
    let runtime = runtime(1);
    let listener = listen(&runtime, load(&runtime, "echo", ECHO));
    let mut stream = connect(&listener);
    for path in ["/a?b=c", "/second"] {
        write!(stream, "GET {path} HTTP/1.1\r\nHost: App.Test:99\r\n\r\n").unwrap();
        let (head, body) = response(&mut stream);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains("x-app: echo\r\n") && head.contains("\r\ndate: "), "{head}");
        assert_eq!(body, format!(r#"{{"method":"GET","url":"http://app.test:99{path}","host":"App.Test:99","body":""}}"#));
    }
    write!(stream, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    assert!(rest(&mut stream).contains("connection: close\r\n"));
}

#[test]
fn requests_that_come_together_are_answered_in_their_order() {
    let runtime = runtime(2);
    let source = "export default { async fetch(request) {
        const n = new URL(request.url).pathname;
        if (n === '/1') await scheduler.wait(5);
        return new Response(n);
    } }";
    let listener = listen(&runtime, load(&runtime, "order", source));
    let mut stream = connect(&listener);
    let get = |n| format!("GET /{n} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all([get(1), get(2), get(3)].concat().as_bytes()).unwrap();
    for n in ["/1", "/2", "/3"] {
        assert_eq!(response(&mut stream).1, n);
    }
}

#[test]
fn bodies_arrive_however_they_are_cut() {
    let runtime = runtime(1);
    let listener = listen(&runtime, load(&runtime, "echo", ECHO));
    let requests = [
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world".to_string(),
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nhello \r\n5;x=y\r\nworld\r\n0\r\nA: b\r\n\r\n".to_string(),
    ];
    for request in requests {
        for cut in 1..request.len() {
            let mut stream = connect(&listener);
            stream.set_nodelay(true).unwrap();
            stream.write_all(&request.as_bytes()[..cut]).unwrap();
            stream.write_all(&request.as_bytes()[cut..]).unwrap();
            let (head, body) = response(&mut stream);
            assert!(head.starts_with("HTTP/1.1 200"), "{cut}: {head}");
            assert!(body.contains(r#""body":"hello world""#), "{cut}: {body}");
        }
    }
}

#[test]
fn a_large_body_streams_both_ways() {
    let runtime = runtime(2);
    let source = "export default { fetch(request) { return new Response(request.body); } }";
    let listener = listen(&runtime, load(&runtime, "pass", source));
    let mut stream = connect(&listener);
    let mut writer = stream.try_clone().unwrap();
    let text: String = (0..300_000).map(|n| format!("{n:07} ")).collect();
    let sent = text.clone();
    let sending = std::thread::spawn(move || {
        write!(writer, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", sent.len()).unwrap();
        writer.write_all(sent.as_bytes()).unwrap();
    });
    let (head, body) = response(&mut stream);
    sending.join().unwrap();
    assert!(head.contains("content-length: 2400000\r\n"), "{head}");
    assert!(body == text, "{} of {} bytes", body.len(), text.len());
    // And the connection goes on.
    write!(stream, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok").unwrap();
    assert_eq!(response(&mut stream).1, "ok");
}

#[test]
fn a_client_that_asks_first_is_told_to_go_on_when_the_app_reads() {
    let runtime = runtime(1);
    let source = "export default { async fetch(request) {
        return new Response(request.url.endsWith('/read') ? await request.text() : 'not wanted');
    } }";
    let listener = listen(&runtime, load(&runtime, "ask", source));
    let request = |path| format!("POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    let mut stream = connect(&listener);
    stream.write_all(request("/read").as_bytes()).unwrap();
    assert_eq!(head(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"abc").unwrap();
    assert_eq!(response(&mut stream).1, "abc");
    let mut stream = connect(&listener);
    stream.write_all(request("/ignore").as_bytes()).unwrap();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("connection: close") && answer.ends_with("not wanted"), "{answer}");
}

#[test]
fn what_is_not_one_request_is_refused_and_the_connection_closed() {
    let runtime = runtime(1);
    let listener = listen(&runtime, load(&runtime, "echo", ECHO));
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 505),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 501),
    ] {
        let mut stream = connect(&listener);
        write!(stream, "{request}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let answer = rest(&mut stream);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:?}: {answer}");
        assert!(answer.contains("content-type: application/problem+json") && answer.contains("\"code\":\""), "{answer}");
        assert_eq!(answer.matches("\r\ndate: ").count(), 1, "{answer}");
    }
    // A chunk that is none: the head was good, so the app learns of it.
    let mut stream = connect(&listener);
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n").unwrap();
    assert!(rest(&mut stream).starts_with("HTTP/1.1 500"), "the app's read of the body fails");
}

#[test]
fn errors_have_a_code_and_an_id_and_keep_what_the_app_said() {
    let runtime = runtime(1);
    let source = "export default { fetch(request) {
        if (request.url.endsWith('/loop')) for (;;);
        throw new Error('the secret');
    } }";
    let listener = listen(&runtime, load(&runtime, "bad", source));
    let (head, body) = ask(&listener, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 500") && head.contains("content-type: application/problem+json"), "{head}");
    assert!(head.contains("x-request-id: ") && body.contains(r#""code":"EXCEPTION""#) && !body.contains("secret"), "{body}");
    let (head, body) = ask(&listener, "GET /loop HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 500") && body.contains(r#""code":"CPU_LIMIT""#), "{head}{body}");
}

struct ByHost(Vec<(&'static str, App)>);

impl Router for ByHost {
    fn route(&self, host: &str, path: &str) -> Route {
        if path == "/robots.txt" {
            return Route::Reply(ResponseHead { status: 200, ..ResponseHead::default() }, b"none".to_vec());
        }
        self.0.iter().find(|(name, _)| *name == host).map_or(Route::Nobody, |(_, app)| Route::App(app.clone()))
    }
}

#[test]
fn a_router_says_whose_a_request_is() {
    let runtime = runtime(2);
    let source = |name: &str| format!("export default {{ fetch() {{ return new Response('{name}') }} }}");
    let apps = ["one.test", "two.test", "[::1]"].map(|name| (name, load(&runtime, name, &source(name))));
    let listener = listen(&runtime, ByHost(apps.into()));
    let get = |host: &str, path: &str| ask(&listener, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    assert_eq!(get("one.test", "/").1, "one.test");
    assert_eq!(get("TWO.test:8080", "/x").1, "two.test");
    assert_eq!(get("[::1]:99", "/").1, "[::1]");
    assert_eq!(get("three.test", "/robots.txt").1, "none");
    let (head, body) = get("three.test", "/");
    assert!(head.starts_with("HTTP/1.1 404") && body.contains(r#""code":"NO_APP""#), "{head}{body}");
}

#[test]
fn a_host_is_the_same_with_the_dot_of_the_root() {
    let runtime = runtime(1);
    let says = |name: &str| load(&runtime, name, &format!("export default {{ fetch() {{ return new Response('{name}') }} }}"));
    let (shop, other, rest) = (says("shop"), says("other"), says("rest"));
    let mut hosts = Hosts::new();
    hosts.insert("Shop.example", "", shop.clone()).unwrap();
    hosts.insert("other.example.", "", other).unwrap();
    hosts.insert("", "", rest).unwrap();
    assert_eq!(hosts.insert("shop.example.", "", shop.clone()).expect_err("the same").status, Status::Already);
    assert_eq!(hosts.insert(".", "", shop).expect_err("no host").status, Status::Invalid);
    let listener = listen(&runtime, hosts);
    for (host, app) in [
        ("shop.example.", "shop"),
        ("SHOP.example.:80", "shop"),
        ("other.example", "other"),
        ("other.example.", "other"),
        ("shop.example..", "rest"),
    ] {
        assert_eq!(ask(&listener, &format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).1, app, "{host}");
    }
}

#[test]
fn routes_that_nobody_would_ever_be_answered_by_are_refused() {
    let (here, elsewhere) = (runtime(1), runtime(1));
    let own = load(&here, "own", "export default { fetch() { return new Response('own'); } }");
    let theirs = load(&elsewhere, "theirs", "export default { fetch() { return new Response('theirs'); } }");
    let mut hosts = Hosts::new();
    hosts.insert("", "", own.clone()).unwrap();
    // Nor would one ever be asked that is for a host with a port.
    for host in ["own.test:8080", "::1", "[::1]:80"] {
        let error = hosts.insert(host, "", own.clone()).expect_err("no host alone");
        assert!(error.status == Status::Invalid && error.message.contains(host), "{error:?}");
    }
    hosts.insert("[::1]", "", own).unwrap();
    hosts.insert("b.test", "/there", theirs.clone()).unwrap();
    let routers: [Arc<dyn Router>; 2] = [Arc::new(theirs), Arc::new(hosts)];
    for router in routers {
        let options = ListenOptions { address: "127.0.0.1:0".into(), router, limits: ListenLimits::default(), tls: None };
        let error = here.listen(options).expect_err("an app of another runtime");
        assert_eq!((error.status, &*error.message), (Status::Invalid, "the app \"theirs\" is another runtime's"));
    }
}

#[test]
fn a_client_that_goes_cancels_its_request() {
    let runtime = runtime(1);
    let source = "let canceled = 0;
    export default { async fetch(request) {
        if (request.url.endsWith('/count')) return new Response(`${canceled}`);
        request.signal.addEventListener('abort', () => canceled++);
        return new Response(new ReadableStream({ pull(controller) { controller.enqueue(new Uint8Array(65536)); } }));
    } }";
    let app = load(&runtime, "stream", source);
    let listener = listen(&runtime, app.clone());
    let mut stream = connect(&listener);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(head(&mut stream).starts_with("HTTP/1.1 200"));
    assert_eq!(app.stats().in_flight, 1);
    drop(stream);
    let mut asked = 0;
    while ask(&listener, "GET /count HTTP/1.1\r\nHost: a\r\n\r\n").1 == "0" {
        asked += 1;
        assert!(asked < 10_000, "the app learns of it");
    }
    // Those that asked are just closing.
    while listener.connections() > 0 {
        std::thread::yield_now();
    }
}

#[test]
fn head_requests_and_old_clients_get_what_they_understand() {
    let runtime = runtime(1);
    let source = "export default { fetch() { return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(3).fill(97)); c.close(); } })); } }";
    let listener = listen(&runtime, load(&runtime, "old", source));
    let mut stream = connect(&listener);
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
    let answer = rest(&mut stream);
    assert!(!answer.contains("chunked") && answer.ends_with("\r\n\r\naaa"), "{answer}");
    let mut stream = connect(&listener);
    stream.write_all(b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let answer = rest(&mut stream);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn closing_lets_requests_end_and_frees_the_address() {
    let runtime = runtime(2);
    let source = "export default { async fetch() { await scheduler.wait(20); return new Response('done'); } }";
    let app = load(&runtime, "slow", source);
    let listener = listen(&runtime, app.clone());
    let address = listener.address().to_string();
    let mut idle = connect(&listener);
    let mut busy = connect(&listener);
    busy.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    while app.stats().in_flight == 0 {
        std::thread::yield_now();
    }
    listener.close();
    assert_eq!(rest(&mut idle), "", "a connection without a request is closed");
    let answer = rest(&mut busy);
    assert!(answer.contains("connection: close") && answer.ends_with("done"), "{answer}");
    let again = runtime.listen(ListenOptions { address, router: Arc::new(app), limits: ListenLimits::default(), tls: None });
    assert!(again.is_ok(), "{again:?}");
}

#[test]
fn the_file_of_a_socket_goes_with_its_listener() {
    let runtime = runtime(2);
    let app = load(&runtime, "echo", ECHO);
    let path = std::env::temp_dir().join(format!("nano-file-{}.sock", std::process::id()));
    let listen = || {
        let address = format!("unix:{}", path.display());
        runtime.listen(ListenOptions { address, router: Arc::new(app.clone()), limits: ListenLimits::default(), tls: None })
    };
    let listener = listen().expect("a path");
    listener.close();
    assert!(!path.exists());
    let other = listen().expect("a path");
    drop(listener);
    assert!(path.exists(), "closed once more, it takes nobody else's");
    // Somebody replaces it.
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "mine").unwrap();
    drop(other);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(listen().unwrap_err().status, Status::Io, "it is no socket that a crash has left");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    std::fs::remove_file(&path).unwrap();
    drop(UnixListener::bind(&path).unwrap());
    let last = listen().expect("what a crash has left is replaced");
    runtime.free();
    assert!(!path.exists());
    drop(last);
}

#[test]
fn unix_sockets_and_bad_addresses() {
    let runtime = runtime(2);
    let app = load(&runtime, "echo", ECHO);
    let path = std::env::temp_dir().join(format!("nano-{}.sock", std::process::id()));
    let at = |address: String| {
        runtime.listen(ListenOptions { address, router: Arc::new(app.clone()), limits: ListenLimits::default(), tls: None })
    };
    let _listener = at(format!("unix:{}", path.display())).expect("a path");
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.write_all(b"GET /u HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert!(response(&mut stream).1.contains("http://a/u"));
    assert_eq!(at(format!("unix:{}", path.display())).unwrap_err().status, Status::Io, "somebody listens there");
    for (address, status) in [
        ("localhost:80", Status::Invalid),
        ("8080", Status::Invalid),
        ("unix:", Status::Invalid),
        ("fd:x", Status::Invalid),
        ("fd:99", Status::Io),
    ] {
        assert_eq!(at(address.into()).unwrap_err().status, status, "{address}");
    }
}

#[test]
fn a_limit_that_could_not_be_kept_to_is_refused() {
    let runtime = runtime(1);
    let app = load(&runtime, "echo", ECHO);
    let with = |headers: usize| {
        let mut limits = ListenLimits::default();
        limits.head.headers = headers;
        runtime.listen(ListenOptions { address: "127.0.0.1:0".into(), router: Arc::new(app.clone()), limits, tls: None })
    };
    let error = with(129).expect_err("more than are ever read");
    assert_eq!((error.status, &*error.message), (Status::Invalid, "headers is 129; the most is 128"));
    let listener = with(128).expect("as many as are read");
    let many = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "x: y\r\n".repeat(count - 1));
    assert!(ask(&listener, &many(128)).0.starts_with("HTTP/1.1 200 "));
    assert!(ask(&listener, &many(129)).0.starts_with("HTTP/1.1 431 "));
}

#[test]
fn a_descriptor_that_nobody_could_come_by_is_refused() {
    use std::os::fd::AsRawFd;
    let runtime = runtime(1);
    let app = load(&runtime, "echo", ECHO);
    let at = |socket: &dyn AsRawFd| {
        let address = format!("fd:{}", socket.as_raw_fd());
        runtime.listen(ListenOptions { address, router: Arc::new(app.clone()), limits: ListenLimits::default(), tls: None })
    };
    let tcp = || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let bound = tcp();
    bound.bind(&"127.0.0.1:0".parse::<std::net::SocketAddr>().unwrap().into()).unwrap();
    let listening = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = TcpStream::connect(listening.local_addr().unwrap()).unwrap();
    let file = std::fs::File::open("/dev/null").unwrap();
    let wrong: [(&dyn AsRawFd, &str); 7] = [
        (&std::net::UdpSocket::bind("127.0.0.1:0").unwrap(), "datagrams (UDP)"),
        (&std::os::unix::net::UnixDatagram::unbound().unwrap(), "datagrams"),
        (&tcp(), "does not listen"),
        (&bound, "does not listen"),
        (&connection, "is a connection"),
        (&UnixStream::pair().unwrap().0, "is a connection"),
        (&file, "ocket"),
    ];
    for (socket, why) in wrong {
        let error = at(socket).expect_err(why);
        assert!(error.status == Status::Io && error.message.contains(why), "{why}: {error}");
        assert!(error.message.starts_with(&format!("cannot listen on fd:{}: ", socket.as_raw_fd())), "{error}");
    }
    let listener = at(&listening).expect("it listens");
    assert_eq!(listener.address(), listening.local_addr().unwrap().to_string());
    assert_eq!(ask(&listener, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").0.split(' ').nth(1), Some("200"));
}

#[test]
fn a_slow_client_is_let_go() {
    let runtime = crate::support::manual_runtime(1);
    let limits = ListenLimits { head_ms: 1_000, idle_ms: 5_000, body_ms: 2_000, ..ListenLimits::default() };
    let listener = listen_with(&runtime, load(&runtime, "echo", ECHO), limits);
    let mut idle = connect(&listener);
    idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    response(&mut idle);
    let mut slow = connect(&listener);
    slow.write_all(b"GET / HT").unwrap();
    while listener.connections() < 2 {
        std::thread::yield_now();
    }
    let mut answer = String::new();
    slow.set_nonblocking(true).unwrap();
    for _ in 0..1_000_000 {
        runtime.advance_clock(10).unwrap();
        match slow.read_to_string(&mut answer) {
            Ok(_) => break,
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => std::thread::yield_now(),
            Err(error) => panic!("{error}"),
        }
    }
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    for _ in 0..10 {
        runtime.advance_clock(1_000).unwrap();
    }
    assert_eq!(rest(&mut idle), "");
}

#[test]
fn a_neighbour_that_loops_does_not_keep_connections_from_being_served() {
    let runtime = runtime(2);
    let hog = nano_core::AppOptions {
        limits: nano_core::AppLimits { cpu_ms: 3_600_000, ..Default::default() },
        ..options("hog", "export default { fetch() { for (;;); } }")
    };
    let hog = runtime.load(hog).unwrap();
    let nice = load(&runtime, "nice", "export default { fetch() { return new Response('here'); } }");
    let listener = listen(&runtime, ByHost(vec![("hog", hog.clone()), ("nice", nice)]));
    // On whichever shard each of them is, some of these are on the one that is about to be stuck.
    let mut streams: Vec<TcpStream> = (0..16).map(|_| connect(&listener)).collect();
    for stream in &mut streams {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: nice\r\n\r\n").unwrap();
        assert_eq!(response(stream).1, "here");
    }
    let mut looping = connect(&listener);
    looping.write_all(b"GET / HTTP/1.1\r\nHost: hog\r\n\r\n").unwrap();
    while hog.stats().in_flight == 0 {
        std::thread::yield_now();
    }
    for stream in &mut streams {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: nice\r\n\r\n").unwrap();
        assert_eq!(response(stream).1, "here");
    }
    assert_eq!(hog.stats().in_flight, 1, "it loops still");
    assert_eq!(hog.kill().expect("ends"), 1);
    assert!(response(&mut looping).1.contains("CANCELED"));
    looping.shutdown(Shutdown::Both).unwrap();
}

struct BehindProxy(App);

impl Router for BehindProxy {
    fn route(&self, _: &str, _: &str) -> Route {
        Route::App(self.0.clone())
    }

    fn is_behind_proxy(&self) -> bool {
        true
    }
}

#[test]
fn an_app_learns_who_asks_from_the_server_and_not_from_the_client() {
    let runtime = runtime(1);
    let source = "export default { fetch(request) {
        const names = ['cf-connecting-ip', 'x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'cf-ipcountry', 'true-client-ip'];
        return new Response(names.map((name) => request.headers.get(name)).join(' ') + ' ' + request.url);
    } }";
    let app = load(&runtime, "who", source);
    let claims = "GET /x HTTP/1.1\r\nHost: a\r\nCF-Connecting-IP: 9.9.9.9\r\nX-Forwarded-For: 9.9.9.9, 192.0.2.7\r\nX-Forwarded-Proto: https\r\n\
                  X-Forwarded-Host: bank\r\nCF-IPCountry: AQ\r\nTrue-Client-IP: 9.9.9.9\r\n\r\n";
    let direct = listen(&runtime, app.clone());
    assert_eq!(ask(&direct, claims).1, "127.0.0.1 127.0.0.1 http    http://a/x");
    let behind = listen(&runtime, BehindProxy(app));
    assert_eq!(ask(&behind, claims).1, "192.0.2.7 9.9.9.9, 192.0.2.7 https bank AQ  https://a/x");
}

#[test]
fn whoever_has_asked_does_not_make_room_for_others() {
    let runtime = crate::support::manual_runtime(1);
    let echo = load(&runtime, "echo", ECHO);
    let mut options = options("spin", "export default { fetch() { for (;;); } }");
    options.limits.cpu_ms = 3_600_000;
    let spin = runtime.load(options).expect("the app loads");
    let listener = listen_with(&runtime, echo, ListenLimits { connections: 1, ..ListenLimits::default() });
    let mut first = connect(&listener);
    first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    response(&mut first);
    runtime.advance_clock(5_000).unwrap();
    // While the thread sees nothing, somebody else comes, and then the one that was idle asks.
    spin.dispatch(get("/")).expect("accepted");
    crate::support::until(|| runtime.shards().iter().any(|shard| shard.view.turn.as_ref().is_some_and(|turn| turn.app == "spin")));
    let mut second = connect(&listener);
    second.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(spin.kill().expect("ends"), 1);
    assert!(response(&mut first).0.starts_with("HTTP/1.1 200"));
    // Now it has nothing to ask any more.
    runtime.advance_clock(5_000).unwrap();
    assert!(response(&mut second).0.starts_with("HTTP/1.1 200"));
    assert_eq!(rest(&mut first), "");
}

#[test]
fn one_app_cannot_hold_all_connections() {
    let runtime = runtime(1);
    let source = "export default { async fetch(request) {
        if (request.url.endsWith('/wait')) { await new Promise((resolve) => { globalThis.go = resolve; }); }
        if (request.url.endsWith('/go')) globalThis.go();
        return new Response('done');
    } }";
    let slow = load(&runtime, "slow", source);
    let quick = load(&runtime, "quick", source);
    let apps = ByHost(vec![("slow", slow.clone()), ("quick", quick)]);
    let listener = listen_with(&runtime, apps, ListenLimits { connections: 10, connections_of_app: 1, ..ListenLimits::default() });
    let mut waiting = connect(&listener);
    waiting.write_all(b"GET /wait HTTP/1.1\r\nHost: slow\r\n\r\n").unwrap();
    while slow.stats().in_flight == 0 {
        std::thread::yield_now();
    }
    let (head, body) = ask(&listener, "GET / HTTP/1.1\r\nHost: slow\r\nX-Request-Id: mine-1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 503") && head.contains("retry-after: 1"), "{head}");
    assert!(body.contains(r#""code":"TOO_MANY_CONNECTIONS""#) && body.contains(r#""request_id":"mine-1""#), "{body}");
    assert_eq!(ask(&listener, "GET / HTTP/1.1\r\nHost: quick\r\n\r\n").1, "done");
    slow.fetch(get("/go"), Some(PATIENCE)).expect("an answer");
    assert_eq!(response(&mut waiting).1, "done");
    assert_eq!(ask(&listener, "GET / HTTP/1.1\r\nHost: slow\r\n\r\n").1, "done", "its place is free again");
    // Alone it takes nothing from anybody.
    let alone = listen_with(&runtime, slow.clone(), ListenLimits { connections: 2, ..ListenLimits::default() });
    let mut waiting = connect(&alone);
    waiting.write_all(b"GET /wait HTTP/1.1\r\nHost: slow\r\n\r\n").unwrap();
    while slow.stats().in_flight == 0 {
        std::thread::yield_now();
    }
    assert_eq!(ask(&alone, "GET /go HTTP/1.1\r\nHost: slow\r\n\r\n").1, "done");
    assert_eq!(response(&mut waiting).1, "done");
}

#[test]
fn a_response_that_breaks_off_does_not_look_complete_to_clients_that_know_no_chunks() {
    let runtime = runtime(1);
    let source = "export default { fetch() {
        return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(1_000)); }, pull() { throw new Error('no more'); } }));
    } }";
    let listener = listen(&runtime, load(&runtime, "breaks", source));
    let mut stream = connect(&listener);
    stream.write_all(b"GET / HTTP/1.0\r\nHost: a\r\n\r\n").unwrap();
    let error = stream.read_to_end(&mut Vec::new()).expect_err("not an end like any other");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
}

#[test]
fn a_client_that_reads_steadily_may_take_as_long_as_it_likes() {
    let runtime = crate::support::manual_runtime(1);
    let source = "export default { fetch(request) { return new Response(request.url.endsWith('large') ? new Uint8Array(12e6) : 'ok'); } }";
    let listener = listen(&runtime, load(&runtime, "large", source));
    let (mut large, mut other) = (connect(&listener), connect(&listener));
    large.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let (mut piece, mut read) = (vec![0; 600_000], 0);
    while read + piece.len() < 12_000_000 {
        large.read_exact(&mut piece).expect("it is not late");
        read += piece.len();
        // When this is answered, what there was room for has been written, nearly always.
        other.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        assert_eq!(response(&mut other).1, "ok");
        // 40 s in all, of 30 s that it may stand still: longer than what kernels hold may hide that it does not.
        runtime.advance_clock(2_000).unwrap();
    }
    assert!(read + large.read_to_end(&mut Vec::new()).expect("the rest") > 12_000_000);
}
