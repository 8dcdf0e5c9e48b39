//! Connections that another thread moves, because their own cannot: nothing is lost when both are at it.

use std::io::{ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread;

use nano_core::{App, AppOptions, Clock, EventMask, ResponseHead, Route, Router, Runtime, RuntimeLimits, RuntimeOptions};

use crate::fairness::{patient, talkers};
use crate::listening::{connect, listen, response};
use crate::outbound::here;
use crate::support::*;

/// A door that whoever comes to waits at, while it is shut.
#[derive(Default)]
struct Door {
    /// Whether it is shut, and whether somebody waits.
    state: Mutex<(bool, bool)>,
    moved: Condvar,
}

impl Door {
    fn shut(&self) {
        *self.state.lock().unwrap() = (true, false);
    }

    fn open(&self) {
        *self.state.lock().unwrap() = (false, false);
        self.moved.notify_all();
    }

    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 = state.0;
        let _open = self.moved.wait_while(state, |(is_shut, _)| *is_shut).unwrap();
    }

    fn is_waited_at(&self) -> bool {
        self.state.lock().unwrap().1
    }
}

fn is_on(name: &str) -> bool {
    thread::current().name() == Some(name)
}

/// Says which thread has moved a connection; the second one waits at a door with what is asked there.
struct Threads {
    door: Arc<Door>,
}

impl Router for Threads {
    fn route(&self, _: &str, path: &str) -> Route {
        let name = thread::current().name().unwrap_or_default().to_string();
        if path == "/door" && is_on("nano-shard-1") {
            self.door.pass();
        }
        Route::Reply(ResponseHead { status: 200, ..ResponseHead::default() }, name.into_bytes())
    }
}

fn ask(stream: &mut TcpStream, path: &str) -> String {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").expect("it is open");
    response(stream).1
}

/// Apps are given homes in turn: this one's is the first thread.
fn load_on_first(runtime: &Runtime, options: AppOptions) -> App {
    let app = runtime.load(options).expect("loads");
    let mut other = self::options(&format!("beside {}", runtime.stats().apps), "export default { fetch() {} }");
    other.lazy = true;
    runtime.load(other).expect("is only registered");
    app
}

#[test]
fn what_comes_while_another_thread_moves_the_connections_is_not_lost() {
    // Nothing happens by time, so that what is lost stays lost.
    let options_of_runtime = RuntimeOptions {
        limits: RuntimeLimits { threads: 2, ..RuntimeLimits::default() },
        clock: Clock::manual(),
        events: EventMask { logs: true, apps: false },
        ..RuntimeOptions::default()
    };
    let runtime = Runtime::new(options_of_runtime).expect("a runtime");
    let looping = load_on_first(
        &runtime,
        patient("looping", "export default { fetch() { for (let n = 0; ; n++) if (n % 1e6 === 0) console.log('on'); } }"),
    );
    let neighbour = load_on_first(&runtime, options("neighbour", "export default { fetch() { return new Response('hi'); } }"));
    let (talker, _echo) = talkers(|options| load_on_first(&runtime, options));
    // The thread looks at its sockets whenever it has turned: it is told of its connections even if it may not move them then.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let source = format!("export default {{ fetch() {{ return fetch('http://{}/'); }} }}", silent.local_addr().expect("an address"));
    load_on_first(&runtime, here("outside", &source)).dispatch(get("/")).expect("accepted");
    let _outside = silent.accept().expect("a connection");

    let door = Arc::new(Door::default());
    let listener = listen(&runtime, Threads { door: door.clone() });
    let clients = (0..64).map(|_| connect(&listener)).filter_map(|mut client| (ask(&mut client, "/") == "nano-shard-0").then_some(client));
    let [mut first, mut second] = clients.take(2).collect::<Vec<_>>().try_into().expect("half of them");

    // The watchdog finds that the first thread cannot move its connections, and is kept from finding that it can again.
    let watchdog = Arc::new(Door::default());
    watchdog.shut();
    let its_door = watchdog.clone();
    let (rung, was_rung) = mpsc::channel();
    runtime.set_doorbell(Some(Box::new(move || {
        if is_on("nano-watchdog") {
            its_door.pass();
        } else {
            let _ = rung.send(());
        }
    })));
    looping.dispatch(get("/")).expect("accepted");
    // What the app says is told by whoever looks first. Until it is taken, nobody tells of more.
    until(|| {
        if was_rung.try_recv().is_ok() {
            runtime.poll(64, &mut Vec::new()).expect("the only consumer");
        }
        watchdog.is_waited_at()
    });
    looping.kill().expect("ends");
    let talk = talker.dispatch(get("/")).expect("accepted");

    // Both move them now; until the second one is at it, and stays at it.
    door.shut();
    loop {
        write!(first, "GET /door HTTP/1.1\r\nHost: a\r\n\r\n").expect("it is open");
        first.set_nonblocking(true).expect("a socket");
        until(|| door.is_waited_at() || !matches!(first.peek(&mut [0]), Err(error) if error.kind() == ErrorKind::WouldBlock));
        first.set_nonblocking(false).expect("a socket");
        if door.is_waited_at() {
            break;
        }
        assert_eq!(response(&mut first).1, "nano-shard-0");
    }
    write!(second, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").expect("it is open");
    for _ in 0..3 {
        assert_eq!(text(&neighbour, "/"), "hi");
    }
    runtime.request_cancel(talk).expect("it was talking all that time");
    talker.kill().expect("ends");
    // Nor does the first thread wait for the second one.
    for _ in 0..3 {
        assert_eq!(text(&neighbour, "/"), "hi");
    }
    watchdog.open();
    until(|| !runtime.shards()[0].view.stuck);
    door.open();
    assert_eq!(response(&mut first).1, "nano-shard-1");
    assert_eq!(response(&mut second).1, "nano-shard-0");
}
