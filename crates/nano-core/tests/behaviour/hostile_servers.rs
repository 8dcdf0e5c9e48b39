//! Servers that want to hurt, with an app that helps them: what they cost is their app's, and nobody else's.

use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use nano_base::limits::{BODY_WINDOW_BYTES, H2_STREAM_WINDOW_BYTES};
use nano_base::status::Status;
use nano_core::policy::{Mode, Policy, Rule};
use nano_core::{App, AppOptions, ListenLimits, ListenOptions, Roots, Runtime, RuntimeLimits, RuntimeOptions, TlsOptions};

use crate::frames::{head, serve};
use crate::support::{fetch, load, options, runtime, text, until};
use crate::tls::one;

/// A member of gzip with nothing in it but a name: long enough to be in no disproportion to what it costs.
const MEMBER: &[u8] = b"\x1f\x8b\x08\x08\0\0\0\0\0\x03a name of its own\0\x03\0\0\0\0\0\0\0\0\0";

/// A server whose response has no end, and nothing in it; its port.
fn endless() -> u16 {
    serve(|mut stream| {
        head(&mut stream);
        let members = MEMBER.repeat(2_000);
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n");
        while stream.write_all(&members).is_ok() {}
    })
}

/// An app that reads all that the server says.
fn reader(runtime: &Runtime, name: &str, port: u16, cpu_ms: u32) -> App {
    let source = format!(
        "export default {{ async fetch(request) {{
            if (request.url.endsWith('/well')) return new Response('well');
            return new Response(await (await fetch('http://127.0.0.1:{port}/')).text());
        }} }}"
    );
    let egress = Policy::new(Mode::Public, vec![Rule::parse("127.0.0.0/8").unwrap()], Vec::new());
    let mut options = AppOptions { egress, ..options(name, &source) };
    options.limits.cpu_ms = cpu_ms;
    runtime.load(options).expect("the app loads")
}

#[test]
fn what_is_decoded_in_vain_is_at_the_expense_of_the_request_that_asked_for_it() {
    let runtime = runtime(1);
    let app = reader(&runtime, "reader", endless(), 100);
    let error = fetch(&app, "/").expect_err("a limit");
    assert_eq!(error.status, Status::CpuLimit, "{error}");
    assert!(error.message.contains("100 ms of CPU time in one event (limit cpu_ms)"), "{error}");
    assert!(app.stats().cpu_us >= 100_000, "{} us", app.stats().cpu_us);
    // Nothing of the app's ran when it was used up: its instance is as good as before.
    assert_eq!(text(&app, "/well"), "well");
}

#[test]
fn a_server_that_keeps_an_app_busy_does_not_keep_its_neighbours_waiting() {
    let runtime = runtime(1);
    let port = endless();
    let busy: Vec<App> = (0..3).map(|n| reader(&runtime, &format!("busy{n}"), port, 3_600_000)).collect();
    let well = load(&runtime, "well", "export default { fetch: () => new Response('well') }");
    std::thread::scope(|scope| {
        let asking: Vec<_> = busy.iter().flat_map(|app| [app; 4]).map(|app| scope.spawn(move || fetch(app, "/"))).collect();
        until(|| busy.iter().all(|app| app.stats().cpu_us > 50_000));
        for _ in 0..20 {
            assert_eq!(text(&well, "/"), "well");
        }
        assert!(!asking.iter().any(|asking| asking.is_finished()));
        for app in &busy {
            app.kill().expect("it is ended");
        }
        for asking in asking {
            assert_eq!(asking.join().unwrap().expect_err("it was ended").status, Status::Canceled);
        }
    });
}

/// Begins a response of brotli: 16 MiB as they are, with a window of 4 MiB.
fn wide(mut stream: TcpStream) {
    head(&mut stream);
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\n\r\n\xcb\xff\xff\xff");
    while stream.write_all(&[b'x'; 1 << 12]).is_ok() {}
}

#[test]
fn what_decoders_of_open_responses_take_counts_for_their_app() {
    let port = serve(wide);
    let source = format!(
        "const open = async () => {{
            const reader = (await fetch('http://127.0.0.1:{port}/')).body.getReader();
            await reader.read();
            return reader;
        }};
        export default {{ async fetch() {{
            const readers = [], refused = [];
            for (let i = 0; i < 20; i++) await open().then((reader) => readers.push(reader), (error) => refused.push(error.message));
            const first = readers.length;
            for (const reader of readers) await reader.cancel();
            await open();
            return Response.json([first, refused.length, refused.every((message) => message.includes('(limit external_bytes)'))]);
        }} }}"
    );
    let runtime = runtime(1);
    let egress = Policy::new(Mode::Public, vec![Rule::parse("127.0.0.0/8").unwrap()], Vec::new());
    let mut options = AppOptions { egress, ..options("wide", &source) };
    options.limits.cpu_ms = 10_000;
    let app = runtime.load(options).expect("the app loads");
    let said = text(&app, "/");
    // Of 32 MiB.
    assert!(["[6,14,true]", "[7,13,true]"].contains(&said.as_str()), "{said}");
}

#[test]
fn what_comes_by_http2_before_it_is_read_counts_for_its_app() {
    const RESPONSES: u64 = 5;
    let roots = Roots::File(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/tls/authority.pem").into());
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, roots, ..RuntimeOptions::default() }).expect("a runtime");
    let server = load(&runtime, "server", "export default { fetch: () => new Response(new Uint8Array(1 << 20)) }");
    let tls = Some(TlsOptions { certificates: vec![one()], ..TlsOptions::default() });
    let limits = ListenLimits::default();
    let options_of = ListenOptions { address: "127.0.0.1:0".into(), router: Arc::new(server), limits, tls };
    let listener = runtime.listen(options_of).expect("a listener");
    let address = listener.address();
    let source = format!(
        "let go;
        export default {{ async fetch(request) {{
            if (request.url.endsWith('/go')) return new Response(String(go()));
            const readers = [], gone = new Promise((resolve) => {{ go = resolve }});
            for (let i = 0; i < {RESPONSES}; i++) readers.push((await fetch('https://{address}/')).body.getReader());
            await gone;
            for (const reader of readers) await reader.cancel();
            return new Response('done');
        }} }}"
    );
    let egress = Policy::new(Mode::Public, vec![Rule::parse("127.0.0.0/8").unwrap()], Vec::new());
    let app = runtime.load(AppOptions { egress, ..options("lazy", &source) }).expect("the app loads");
    std::thread::scope(|scope| {
        let lazy = scope.spawn(|| text(&app, "/"));
        // A body has room for as much as its window; more has come of each.
        until(|| app.stats().waiting_bytes >= RESPONSES * (BODY_WINDOW_BYTES as u64 + u64::from(H2_STREAM_WINDOW_BYTES / 2)));
        assert_eq!(text(&app, "/go"), "undefined");
        assert_eq!(lazy.join().unwrap(), "done");
    });
    until(|| app.stats().waiting_bytes == 0);
}
