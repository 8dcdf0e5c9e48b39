//! Apps that reach the network, by a peer on this machine that does what it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

use nano_core::policy::{Mode, Policy, Rule};
use nano_core::{App, AppOptions, Runtime};

use crate::support::{options, runtime, text};

/// A server that answers each connection by a function of its own; its port.
fn serve(answer: impl Fn(TcpStream) + Send + Clone + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || answer(stream));
        }
    });
    port
}

/// Reads a head; what it says, and the rest.
fn head(stream: &TcpStream) -> (String, BufReader<TcpStream>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && reader.read_line(&mut head).is_ok_and(|bytes| bytes > 0) {}
    (head, reader)
}

fn here() -> Policy {
    Policy::new(Mode::Public, vec![Rule::parse("127.0.0.0/8").unwrap()], Vec::new())
}

fn load(runtime: &Runtime, source: &str) -> App {
    let options = AppOptions { egress: here(), ..options("net", source) };
    runtime.load(options).expect("the app loads")
}

#[test]
fn fetch_sends_a_request_and_reads_its_response() {
    let port = serve(|mut stream| {
        loop {
            let (head, mut rest) = head(&stream);
            if head.is_empty() {
                return;
            }
            let mut body = vec![0; 5];
            rest.read_exact(&mut body).unwrap();
            let said = format!("{} {}", head.lines().next().unwrap(), String::from_utf8_lossy(&body));
            write!(stream, "HTTP/1.1 201 Made\r\nX-A: b\r\nContent-Length: {}\r\n\r\n{said}", said.len()).unwrap();
        }
    });
    let runtime = runtime(1);
    let source = format!(
        "export default {{ async fetch() {{
            const answers = [];
            for (let i = 0; i < 2; i++) {{
                const response = await fetch('http://127.0.0.1:{port}/p?q', {{ method: 'POST', body: 'hello' }});
                answers.push(response.status, response.statusText, response.headers.get('x-a'), await response.text());
            }}
            return Response.json(answers);
        }} }}"
    );
    let app = load(&runtime, &source);
    let answer = r#"201,"Made","b","POST /p?q HTTP/1.1 hello""#;
    assert_eq!(text(&app, "/"), format!("[{answer},{answer}]"));
}

#[test]
fn a_cache_mode_is_told_to_the_caches_on_the_way() {
    let port = serve(|mut stream| {
        let (head, _) = head(&stream);
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{head}", head.len()).unwrap();
    });
    let runtime = runtime(1);
    let source = format!(
        "export default {{ async fetch() {{
            const said = {{}};
            const ask = async (name, init) => {{
                const lines = (await (await fetch('http://127.0.0.1:{port}/', init)).text()).split('\\r\\n');
                said[name] = lines.filter((line) => /^(pragma|cache-control):/.test(line)).sort().join();
            }};
            for (const cache of ['default', 'force-cache', 'no-cache', 'no-store', 'reload']) await ask(cache, {{ cache }});
            await ask('own', {{ cache: 'no-store', headers: {{ 'cache-control': 'max-age=5', pragma: 'x' }} }});
            return Response.json(said);
        }} }}"
    );
    let none = "cache-control: no-cache,pragma: no-cache";
    let expected = format!(
        r#"{{"default":"","force-cache":"","no-cache":"cache-control: max-age=0","no-store":"{none}","reload":"{none}","own":"cache-control: max-age=5,pragma: x"}}"#
    );
    assert_eq!(text(&load(&runtime, &source), "/"), expected);
}

#[test]
fn bodies_stream_both_ways_within_their_windows() {
    let port = serve(|mut stream| {
        let (_, mut rest) = head(&stream);
        let mut size = 0;
        loop {
            let mut line = String::new();
            rest.read_line(&mut line).unwrap();
            let length = usize::from_str_radix(line.trim(), 16).unwrap();
            let mut chunk = vec![0; length + 2];
            rest.read_exact(&mut chunk).unwrap();
            size += length;
            if length == 0 {
                break;
            }
        }
        write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        for _ in 0..size / 1000 {
            write!(stream, "3e8\r\n{}\r\n", "x".repeat(1000)).unwrap();
        }
        write!(stream, "0\r\n\r\n").unwrap();
    });
    let runtime = runtime(1);
    let source = format!(
        "export default {{ async fetch() {{
            let left = 500;
            const body = new ReadableStream({{ pull(c) {{ left-- > 0 ? c.enqueue(new Uint8Array(2000)) : c.close(); }} }});
            const response = await fetch('http://127.0.0.1:{port}/', {{ method: 'POST', body, duplex: 'half' }});
            let bytes = 0;
            for await (const chunk of response.body) bytes += chunk.length;
            return new Response(`${{bytes}}`);
        }} }}"
    );
    let app = load(&runtime, &source);
    assert_eq!(text(&app, "/"), "1000000");
}

#[test]
fn what_is_not_public_is_refused_with_the_reason() {
    let runtime = runtime(1);
    let source = "export default { async fetch(request) {
        const url = new URL(request.url).searchParams.get('u');
        return new Response(await fetch(url).then(() => 'reached', (error) => `${error.name}: ${error.message}`));
    } }";
    let app = runtime.load(options("public", source)).unwrap();
    for (url, host) in [
        ("http://127.0.0.1/", "127.0.0.1:80"),
        ("http://2130706433/", "127.0.0.1:80"),
        ("http://0x7f.1/", "127.0.0.1:80"),
        ("http://[::1]/", "[::1]:80"),
        ("http://[::ffff:10.0.0.1]/", "[::ffff:10.0.0.1]:80"),
        ("http://169.254.169.254/", "169.254.169.254:80"),
        ("http://localhost:9999/", "localhost:9999"),
        ("http://10.0.0.1/", "10.0.0.1:80"),
    ] {
        let said = text(&app, &format!("/?u={url}"));
        let expected = format!("TypeError: {host} was refused by the egress policy: it is no public address");
        assert!(said.starts_with(&expected), "{url}: {said}");
    }
    for url in ["http://a@127.0.0.1/", "http://example.com@127.0.0.1:8080/"] {
        let said = text(&app, &format!("/?u={url}"));
        assert!(said.ends_with("is a URL with credentials."), "{url}: {said}");
    }
    let said = text(&app, "/?u=http://127.0.0.1:1/");
    assert!(said.contains("127.0.0.1:1 was refused: port 1 is blocked"), "{said}");
    let closed = AppOptions { egress: Policy::new(Mode::Deny, Vec::new(), Vec::new()), ..options("closed", source) };
    let closed = runtime.load(closed).unwrap();
    let said = text(&closed, "/?u=http://example.com/");
    assert_eq!(said, "TypeError: fetch failed: this app may not use the network: use a binding in env");
}

#[test]
fn a_peer_that_breaks_off_fails_what_waits_for_it() {
    let port = serve(|mut stream| {
        let (head, _) = head(&stream);
        if head.contains("/body") {
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").unwrap();
        }
    });
    let runtime = runtime(1);
    let source = format!(
        "export default {{ async fetch(request) {{
            const {{ pathname }} = new URL(request.url);
            return new Response(await fetch('http://127.0.0.1:{port}' + pathname).then((r) => r.text()).catch((e) => e.name));
        }} }}"
    );
    let app = load(&runtime, &source);
    assert_eq!((text(&app, "/head").as_str(), text(&app, "/body").as_str()), ("TypeError", "TypeError"));
}

#[test]
fn aborting_ends_the_connection() {
    let (sender, ended) = std::sync::mpsc::channel();
    let port = serve(move |stream| {
        let (_, mut rest) = head(&stream);
        // Nothing is answered; the end is all that comes.
        let _ = sender.send(rest.read(&mut [0; 1]).is_ok_and(|bytes| bytes == 0));
    });
    let runtime = runtime(1);
    let source = format!(
        "export default {{ async fetch() {{
            const controller = new AbortController();
            const answer = fetch('http://127.0.0.1:{port}/', {{ signal: controller.signal }});
            await scheduler.wait(20);
            controller.abort();
            return new Response(await answer.catch((error) => error.name));
        }} }}"
    );
    assert_eq!(text(&load(&runtime, &source), "/"), "AbortError");
    assert!(ended.recv_timeout(crate::support::PATIENCE).unwrap(), "the peer sees the end");
}

#[test]
fn redirects_are_judged_at_each_hop() {
    let port = serve(|mut stream| {
        let (head, _) = head(&stream);
        let to = if head.contains("/private") { "http://169.254.169.254/" } else { "/private" };
        write!(stream, "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    });
    let runtime = runtime(1);
    let source = format!(
        "export default {{ async fetch() {{
            return new Response(await fetch('http://127.0.0.1:{port}/').then((r) => r.url, (error) => error.message));
        }} }}"
    );
    let said = text(&load(&runtime, &source), "/");
    assert!(said.contains("169.254.169.254:80 was refused by the egress policy: it is no public address"), "{said}");
}
