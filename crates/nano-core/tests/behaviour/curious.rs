//! Routers that want to hear how requests ended, and say what a failed one is answered with.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};

use nano_core::{Answered, App, ListenLimits, ListenOptions, Listener, RequestHead, ResponseHead, Route, Router, Runtime};

use crate::support::{MEANT, PATIENCE, load, runtime};

/// What it heard: method and URL, app, status, the error's name.
type Heard = (String, String, u16, Option<&'static str>);

struct Curious {
    app: App,
    heard: Mutex<Sender<Heard>>,
}

impl Router for Curious {
    fn route(&self, _: &str, _: &str) -> Route {
        Route::App(self.app.clone())
    }

    fn route_request(&self, head: &RequestHead, host: &str, path: &str) -> Route {
        match head.headers.value(b"x-stop") {
            Some(why) => Route::Reply(ResponseHead { status: 418, ..ResponseHead::default() }, why.to_vec()),
            None => self.route(host, path),
        }
    }

    fn is_curious(&self) -> bool {
        true
    }

    fn explain(&self, answered: &Answered<'_>) -> Option<(ResponseHead, Vec<u8>)> {
        let error = answered.error.filter(|_| answered.request.headers.value(b"x-plain").is_none())?;
        Some((ResponseHead { status: 500, ..ResponseHead::default() }, format!("explained: {}", error.message).into_bytes()))
    }

    fn answered(&self, answered: &Answered<'_>) {
        assert!(answered.id != 0 && answered.account.wall_us < PATIENCE.as_micros() as u64);
        let asked = format!("{} {}", answered.request.method, answered.request.url);
        let heard = (asked, answered.app.to_string(), answered.status, answered.error.map(|error| error.status.name()));
        self.heard.lock().unwrap().send(heard).unwrap();
    }
}

fn connect(listener: &Listener, path: &str, header: &str) -> TcpStream {
    let mut stream = TcpStream::connect(listener.address()).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{header}\r\n").unwrap();
    stream
}

fn ask(listener: &Listener, path: &str, header: &str) -> String {
    let mut text = String::new();
    connect(listener, path, header).read_to_string(&mut text).expect("an answer");
    text
}

fn listen(runtime: &Runtime, router: impl Router + 'static) -> Listener {
    let (address, limits) = ("127.0.0.1:0".into(), ListenLimits::default());
    runtime.listen(ListenOptions { address, router: Arc::new(router), limits, tls: None }).expect("a free port")
}

#[test]
fn a_curious_router_hears_how_each_request_ended() {
    let runtime = runtime(1);
    let source = "export default { fetch(request) {
        const { pathname } = new URL(request.url);
        if (pathname === '/throw') throw new Error('the message');
        if (pathname === '/never') return new Promise(() => {});
        if (pathname === '/broken') return new Response(new ReadableStream({ pull(c) { c.error(new Error('broken off')); } }));
        if (pathname === '/stream') {
            return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(3)); setTimeout(() => c.close(), 1); } }), { status: 203 });
        }
        return new Response('fine', { status: 201 });
    } }";
    let (sender, heard) = channel();
    let listener = listen(&runtime, Curious { app: load(&runtime, "shop", source), heard: Mutex::new(sender) });
    let next = || heard.recv_timeout(PATIENCE).expect("to hear of it");
    let expected = |path: &str, status, error| (format!("GET http://a{path}"), "shop".to_string(), status, error);
    assert!(ask(&listener, "/fine", "").starts_with("HTTP/1.1 201 "));
    assert_eq!(next(), expected("/fine", 201, None));
    assert!(ask(&listener, "/stream", "").starts_with("HTTP/1.1 203 "));
    assert_eq!(next(), expected("/stream", 203, None));
    assert!(ask(&listener, "/throw", "").ends_with("\r\n\r\nexplained: Error: the message"));
    assert_eq!(next(), expected("/throw", 500, Some("NANO_E_EXCEPTION")));
    let plain = ask(&listener, "/throw", "x-plain: yes\r\n");
    assert!(plain.contains("application/problem+json") && !plain.contains("the message"), "{plain}");
    assert_eq!(next(), expected("/throw", 500, Some("NANO_E_EXCEPTION")));
    // Its head is out: what follows it cannot be an explanation.
    assert!(!ask(&listener, "/broken", "").contains("explained"));
    let (_, _, status, error) = next();
    assert_eq!((status, error), (200, Some("NANO_E_EXCEPTION")));
    // Whoever leaves without having read all resets the connection; the end of what one sends alone is no goodbye.
    let mut leaving = TcpStream::connect(listener.address()).expect("a connection");
    leaving.write_all(b"GET /fine HTTP/1.1\r\nHost: a\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
    assert_eq!(next(), expected("/fine", 201, None));
    leaving.peek(&mut [0]).expect("the first answer");
    drop(leaving);
    assert_eq!(next(), expected("/never", 0, None));
    assert!(ask(&listener, "/fine", "x-stop: here\r\n").ends_with("here"), "a router may go by any header");
    listener.close();
    assert!(heard.try_recv().is_err(), "each is told once");
}

/// A router that fails, as code of NANO's own at a connection would.
struct Defective(App);

impl Router for Defective {
    fn route(&self, _: &str, path: &str) -> Route {
        assert!(path != "/defect", "{MEANT}");
        Route::App(self.0.clone())
    }
}

#[test]
fn a_defect_at_one_connection_closes_it_and_no_other() {
    let runtime = runtime(1);
    let app = load(&runtime, "app", "export default { fetch() { return new Response('here'); } }");
    let listener = listen(&runtime, Defective(app));
    let mut other = TcpStream::connect(listener.address()).expect("a connection");
    other.set_read_timeout(Some(PATIENCE)).unwrap();
    for _ in 0..3 {
        assert_eq!(ask(&listener, "/defect", ""), "", "it is closed without an answer");
        other.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let mut answer = [0; 1024];
        let read = other.read(&mut answer).expect("an answer");
        assert!(answer[..read].ends_with(b"here"));
    }
    assert_eq!((listener.connections(), runtime.stats().parked), (1, 0));
}
