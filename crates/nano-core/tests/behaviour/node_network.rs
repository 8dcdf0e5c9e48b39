//! node:net, node:tls and node:http for clients, by peers on this machine.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc;

use crate::frames::serve;
use crate::outbound::here;
use crate::support::*;

fn ask(port: u16, imports: &str, body: &str) -> String {
    let runtime = runtime(1);
    let source = format!("{imports}; export default {{ async fetch() {{ {} }} }}", body.replace("PORT", &port.to_string()));
    let mut options = here("net", &source);
    options.limits.cpu_ms = 1_000;
    text(&runtime.load(options).expect("the app loads"), "/")
}

#[test]
fn a_socket_of_node_talks() {
    let port = serve(|mut stream| {
        let mut line = String::new();
        BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
        stream.write_all(format!("you said {line}").as_bytes()).unwrap();
    });
    let said = ask(
        port,
        "import net from 'node:net'; import { text } from 'node:stream/consumers'",
        "const log = [], socket = net.connect(PORT, '127.0.0.1', () => log.push('listener'));
         log.push(socket.connecting, socket.readyState);
         socket.on('ready', () => log.push('ready', socket.remotePort === PORT, socket.readyState));
         socket.setNoDelay(true).setKeepAlive(true).unref();
         socket.write('early ');
         await new Promise((resolve) => socket.once('connect', resolve));
         socket.write(Buffer.from('and late\\n'));
         log.push(await text(socket), socket.bytesRead, socket.bytesWritten);
         return Response.json(log);",
    );
    assert_eq!(said, r#"[true,"opening","listener","ready",true,"open","you said early and late\n",24,15]"#);
}

#[test]
fn a_socket_that_cannot_connect_says_so() {
    let said = ask(
        1,
        "import net from 'node:net'; import tls from 'node:tls'",
        "const fail = (socket) => new Promise((resolve) => socket.on('error', (error) => resolve([error.code, socket.destroyed])));
         const codes = [await fail(net.createConnection({ port: PORT, host: '127.0.0.1' })), await fail(tls.connect({ port: PORT, host: '127.0.0.1' }))];
         try { net.connect(70_000); } catch (error) { codes.push(error.code); }
         return Response.json(codes);",
    );
    assert_eq!(said, r#"[["ECONNREFUSED",true],["ECONNREFUSED",true],"ERR_SOCKET_BAD_PORT"]"#);
}

#[test]
fn a_request_of_node_is_answered() {
    let port = serve(|mut stream| {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let (mut head, mut length) = (String::new(), 0);
        while !head.ends_with("\r\n\r\n") {
            let start = head.len();
            reader.read_line(&mut head).unwrap();
            if let Some(value) = head[start..].to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let first = head.lines().next().unwrap();
        let has = head.to_lowercase().contains("x-mine: 1");
        let answer = format!("{first} {has} {}", String::from_utf8(body).unwrap());
        let head = format!(
            "HTTP/1.1 302 Found\r\nLocation: /x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            answer.len()
        );
        stream.write_all(format!("{head}{answer}").as_bytes()).unwrap();
    });
    let said = ask(
        port,
        "import http from 'node:http'; import { text } from 'node:stream/consumers'",
        "const ask = (args, body) => new Promise((resolve, reject) => { const request = http.request(...args, resolve); request.on('error', reject); request.end(body); });
         const one = await ask(['http://127.0.0.1:PORT/path?q=1', { method: 'post', headers: { 'X-Mine': 1, 'Content-Length': 4 } }], 'body');
         const log = [one.statusCode, one.statusMessage, one.headers.location, one.headers['set-cookie'], await text(one)];
         const two = await ask([{ hostname: '127.0.0.1', port: PORT, path: '/get' }]);
         log.push(await text(two), two.complete);
         log.push(await ask(['http://127.0.0.1:1/']).catch((error) => error.code));
         try { http.request('https://example.com/'); } catch (error) { log.push(error.code); }
         return Response.json(log);",
    );
    let expected = r#"[302,"Found","/x",["a=1","b=2"],"POST /path?q=1 HTTP/1.1 true body","GET /get HTTP/1.1 false ",true,"ECONNREFUSED","ERR_INVALID_PROTOCOL"]"#;
    assert_eq!(said, expected);
}

#[test]
fn writes_are_told_when_there_is_no_connection() {
    let said = ask(
        1,
        "import net from 'node:net'",
        "const log = [], told = (name) => (error) => log.push(`${name} ${error?.code}`);
         const closed = (socket) => new Promise((resolve) => socket.on('close', () => setTimeout(resolve)));
         const refused = net.connect(PORT, '127.0.0.1');
         refused.on('error', told('error')); refused.write('x', told('first')); refused.write('y', told('second')); refused.end(told('end'));
         await closed(refused);
         const left = net.connect(PORT, '127.0.0.1');
         left.write('x', told('left')); left.destroy();
         await closed(left);
         const ended = net.connect(PORT, '127.0.0.1');
         ended.on('error', () => {}); ended.end(told('ended'));
         await closed(ended);
         return new Response(log.join());",
    );
    let expected = "error ECONNREFUSED,first ERR_SOCKET_CLOSED_BEFORE_CONNECTION,second ECONNREFUSED,end ECONNREFUSED,\
        left ERR_SOCKET_CLOSED_BEFORE_CONNECTION,ended ECONNREFUSED";
    assert_eq!(said, expected);
}

#[test]
fn tls_over_a_socket_that_is_still_connecting_waits_for_it() {
    let (send, seen) = mpsc::channel();
    let port = serve(move |mut stream| {
        let mut first = [0];
        let read = stream.read(&mut first).unwrap_or(0);
        let _ = send.send((read, first[0]));
    });
    let said = ask(
        port,
        "import net from 'node:net'; import tls from 'node:tls'",
        "const log = [], socket = tls.connect({ socket: net.connect(PORT, '127.0.0.1') });
         log.push(socket.connecting, socket.pending, socket.readyState);
         socket.write('early');
         const error = await new Promise((resolve) => socket.on('error', resolve));
         log.push(error.code !== 'EPIPE');
         return Response.json(log);",
    );
    assert_eq!(said, r#"[true,true,"opening",true]"#);
    // A handshake.
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), (1, 0x16));
}

#[test]
fn tls_that_ends_early_or_cannot_begin_closes_the_socket_below() {
    let (send, seen) = mpsc::channel();
    let port = serve(move |mut stream| {
        let _ = send.send(stream.read(&mut [0]).unwrap_or(0));
    });
    let said = ask(
        port,
        "import net from 'node:net'; import tls from 'node:tls'",
        "const log = [], closed = (socket) => new Promise((resolve) => socket.on('close', resolve)), below = () => net.connect(PORT, '127.0.0.1');
         const early = below(), left = tls.connect({ socket: early }), ends = [closed(early), closed(left)];
         left.destroy();
         await Promise.all(ends);
         log.push(early.destroyed);
         const open = below();
         await new Promise((resolve) => open.on('connect', resolve));
         const gone = closed(open), bad = tls.connect({ socket: open, servername: 'no name' });
         log.push(await new Promise((resolve) => bad.on('error', (error) => resolve(error instanceof Error))));
         await gone;
         log.push(open.destroyed, bad.destroyed);
         const lost = below(), over = tls.connect({ socket: lost });
         const end = closed(over);
         lost.destroy();
         await end;
         log.push(over.destroyed);
         return Response.json(log);",
    );
    assert_eq!(said, "[true,true,true,true,true]");
    // Nothing was sent.
    assert_eq!(seen.recv_timeout(PATIENCE).unwrap(), 0);
}

#[test]
fn a_socket_says_when_it_closes_whether_it_failed() {
    let port = serve(|mut stream| {
        let _ = stream.write_all(b"x");
        let _ = stream.read(&mut [0]);
    });
    let said = ask(
        port,
        "import net from 'node:net'; import tls from 'node:tls'",
        "const log = [], closed = (socket) => new Promise((resolve) => socket.on('error', () => log.push('error')).on('close', (...args) => { log.push(...args); resolve(); }));
         const open = async () => { const socket = net.connect(PORT, '127.0.0.1').resume(); await new Promise((resolve) => socket.on('connect', resolve)); return socket; };
         for (const end of [(socket) => socket.end(), (socket) => socket.destroy(), (socket) => socket.destroy(new Error('mine'))]) { const socket = await open(), gone = closed(socket); end(socket); await gone; }
         await closed(net.connect(1, '127.0.0.1')); await closed(tls.connect(1, '127.0.0.1'));
         const quiet = new net.Socket(), gone = closed(quiet); quiet.destroy(); await gone;
         return new Response(log.join());",
    );
    assert_eq!(said, "false,false,error,true,error,true,error,true,false");
}
