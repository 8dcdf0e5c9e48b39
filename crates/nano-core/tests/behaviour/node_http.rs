//! node:http and node:https for clients: where a request goes, and how it ends.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;

use nano_core::{App, Runtime};

use crate::frames::{head, serve};
use crate::node::check;
use crate::outbound::here;
use crate::support::*;

const IMPORTS: &str = "import http from 'node:http'; import https from 'node:https'; import net from 'node:net'; import { addAbortSignal } from 'node:stream'; \
     import { finished } from 'node:stream/promises'; \
     import { text } from 'node:stream/consumers'";
const HELPERS: &str = "const log = []; const code = (f) => { try { f(); return 'nothing'; } catch (error) { return error.code; } };
     const closed = (emitter) => new Promise((resolve) => emitter.on('close', resolve));
     const failed = (emitter) => new Promise((resolve) => emitter.on('error', (error) => resolve(error.code)));";

fn app(runtime: &Runtime, port: u16, body: &str) -> App {
    let source =
        format!("{IMPORTS}; export default {{ async fetch(request) {{ {HELPERS} {} }} }}", body.replace("PORT", &port.to_string()));
    let mut options = here("http", &source);
    options.limits.cpu_ms = 1_000;
    runtime.load(options).expect("the app loads")
}

fn ask(port: u16, body: &str) -> String {
    let runtime = runtime(1);
    text(&app(&runtime, port, body), "/")
}

/// Answers with the first line of what it is asked.
fn echo(mut stream: TcpStream) {
    let asked = head(&mut stream);
    let line = asked.lines().next().unwrap_or_default();
    let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{line}", line.len());
}

/// Announces more than it sends.
fn break_off(mut stream: TcpStream) {
    head(&mut stream);
    let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
}

/// Says nothing, or part of a body, for as long as somebody listens.
fn hold(mut stream: TcpStream) {
    if head(&mut stream).starts_with("GET /body ") {
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
    }
    let _ = stream.read(&mut [0]);
}

#[test]
fn a_path_cannot_change_where_a_request_goes() {
    let said = ask(
        serve(echo),
        r"const to = (more) => http.request({ host: '127.0.0.1', port: PORT, headers: { authorization: 'secret' }, ...more });
         for (const path of ['.evil.test/x', ':81/', '@evil.test/', 'x', '?a', '*', 'http://evil.test/']) log.push(code(() => to({ path })));
         for (const path of ['/a b', '/a\n', '/\u0100', '/a#b', '/a\\b']) log.push(code(() => to({ path })));
         for (const host of ['a/b', 'a?b', 'a#b', 'a@b', 'a\\b', 'a%62', 'a\tb']) log.push(code(() => to({ host })));
         log.push(code(() => to({ port: '80@evil.test' })), code(() => to({ port: 70_000 })), code(() => to({ host: 5 })));
         const late = to({}); late.path = '.evil.test/x'; late.end();
         log.push(await failed(late), await failed(to({ host: 'a:b' }).end()));
         const answer = await new Promise((resolve) => to({ path: '//evil.test/x?a\\b' }).on('response', resolve).end());
         log.push(await text(answer));
         return new Response(log.join());",
    );
    let (unmade, unescaped, host) = ("ERR_METHOD_NOT_IMPLEMENTED,", "ERR_UNESCAPED_CHARACTERS,", "ERR_INVALID_ARG_VALUE,");
    let rest = "ERR_SOCKET_BAD_PORT,ERR_SOCKET_BAD_PORT,ERR_INVALID_ARG_TYPE,ERR_METHOD_NOT_IMPLEMENTED,ENOTFOUND,";
    let asked = r"GET //evil.test/x?a\b HTTP/1.1";
    assert_eq!(said, format!("{}{}{}{rest}{asked}", unmade.repeat(7), unescaped.repeat(5), host.repeat(7)));
}

#[test]
fn a_listener_is_found_behind_what_is_absent() {
    check(
        "import http from 'node:http';",
        "const listener = () => {}, url = 'http://127.0.0.1:1/';
        for (const args of [[url, undefined, listener], [url, null, listener], [url, listener], [new URL(url), {}, listener], [{ host: 'x' }, undefined, listener], [{ host: 'x' }, listener]]) {
            t(http.request(...args).listenerCount('response'), 1, args.length);
        }",
    );
}

#[test]
fn a_body_that_breaks_off_closes_message_and_request() {
    let said = ask(
        serve(break_off),
        "const asked = http.get('http://127.0.0.1:PORT/');
         const done = Promise.all([closed(asked), finished(asked).catch((error) => log.push(error.code))]);
         asked.on('error', () => log.push('the request failed'));
         const answer = await new Promise((resolve) => asked.on('response', resolve));
         const gone = closed(answer);
         answer.on('data', (chunk) => log.push(`${chunk}`)).on('aborted', () => log.push('aborted')).on('error', (error) => log.push(error.code)).on('end', () => log.push('end'));
         await done; await gone;
         log.push(answer.aborted, answer.complete, asked.destroyed);
         const each = await new Promise((resolve) => http.get('http://127.0.0.1:PORT/', resolve));
         try { for await (const chunk of each) log.push('chunk'); } catch (error) { log.push(error.code); }
         const quiet = await new Promise((resolve) => http.get('http://127.0.0.1:PORT/', resolve));
         await closed(quiet.resume()); log.push('quiet');
         return new Response(log.join());",
    );
    assert_eq!(said, "part,aborted,ECONNRESET,true,false,true,chunk,ECONNRESET,quiet");
}

#[test]
fn a_message_or_request_that_is_destroyed_closes_both() {
    let port = serve(|mut stream| {
        head(&mut stream);
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart");
        let _ = stream.read(&mut [0]);
    });
    let said = ask(
        port,
        "for (const end of [(asked, answer) => answer.destroy(), (asked) => asked.destroy(), (asked) => asked.destroy(new Error('mine'))]) {
             const asked = http.get('http://127.0.0.1:PORT/');
             asked.on('error', (error) => log.push(error.message));
             const answer = await new Promise((resolve) => asked.on('response', resolve));
             answer.on('aborted', () => log.push('aborted')).on('error', (error) => log.push(error.code));
             const gone = [closed(asked), closed(answer)];
             answer.once('data', () => end(asked, answer));
             await Promise.all(gone);
         }
         return new Response(log.join());",
    );
    assert_eq!(said, "aborted,aborted,ECONNRESET,aborted,mine,ECONNRESET");
}

#[test]
fn a_body_of_a_get_is_an_error() {
    let said = ask(
        serve(echo),
        "const to = (method, body) => { const asked = http.request({ host: '127.0.0.1', port: PORT, method }); asked.end(body); return asked; };
         const answered = (asked) => new Promise((resolve) => asked.on('response', (answer) => resolve(answer.resume().statusCode)));
         log.push(await failed(to('GET', 'body')), await failed(to('HEAD', 'body')), await answered(to('GET', '')), await answered(to('DELETE', 'body')));
         return new Response(log.join());",
    );
    assert_eq!(said, "ERR_METHOD_NOT_IMPLEMENTED,ERR_METHOD_NOT_IMPLEMENTED,200,200");
}

#[test]
fn a_timeout_counts_from_the_last_piece_to_the_end_of_the_body() {
    let (send, more) = mpsc::channel::<&str>();
    let more = std::sync::Arc::new(std::sync::Mutex::new(more));
    let port = serve(move |mut stream| {
        head(&mut stream);
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n1");
        let more = more.lock().unwrap();
        for piece in more.iter().take(2) {
            let _ = stream.write_all(piece.as_bytes());
        }
    });
    let runtime = manual_runtime(1);
    let app = app(
        &runtime,
        port,
        "const { pathname } = new URL(request.url);
         if (pathname === '/state') return new Response(globalThis.state.join());
         globalThis.state = log;
         const asked = http.get('http://127.0.0.1:PORT/', { timeout: 1_000 });
         asked.on('timeout', () => log.push('request'));
         const answer = await new Promise((resolve) => asked.on('response', resolve));
         if (pathname === '/message') answer.setTimeout(500, () => log.push('message'));
         for await (const chunk of answer) log.push(`${chunk}`);
         return new Response(log.join());",
    );
    let state = |wanted: &str| until(|| text(&app, "/state") == wanted);
    for (path, limit, told) in [("/", 1_000, "request"), ("/message", 500, "request,message")] {
        let id = app.dispatch(get(path)).unwrap();
        until(|| fetch(&app, "/state").is_ok_and(|seen| seen.head.status == 200 && seen.body == b"1"));
        runtime.advance_clock(limit - 100).unwrap();
        send.send("2").unwrap();
        state("1,2");
        runtime.advance_clock(limit - 100).unwrap();
        state("1,2");
        runtime.advance_clock(200).unwrap();
        state(&format!("1,2,{told}"));
        send.send("34").unwrap();
        let seen = until_end(&runtime, id);
        assert!(!seen.is_empty());
        runtime.advance_clock(10_000).unwrap();
        state(&format!("1,2,{told},34"));
    }
}

#[test]
fn a_signal_ends_a_request_until_it_closes() {
    let said = ask(
        serve(hold),
        "for (const [path, add] of [['/', false], ['/body', false], ['/', true], ['/body', true]]) {
             const { signal, abort } = (() => { const made = new AbortController(); return { signal: made.signal, abort: () => made.abort() }; })();
             const asked = http.get({ host: '127.0.0.1', port: PORT, path, signal: add ? undefined : signal });
             if (add) addAbortSignal(signal, asked);
             const gone = [closed(asked)];
             asked.on('error', (error) => log.push(error.code));
             if (path === '/') {
                 await new Promise((resolve) => asked.on('finish', () => setTimeout(resolve)));
             } else {
                 const answer = await new Promise((resolve) => asked.on('response', resolve));
                 answer.on('error', (error) => log.push(`answer ${error.code}`));
                 gone.push(closed(answer));
                 await new Promise((resolve) => answer.once('data', resolve));
             }
             abort(); await Promise.all(gone);
         }
         return new Response(log.join());",
    );
    assert_eq!(said, "ABORT_ERR,ABORT_ERR,answer ECONNRESET,ABORT_ERR,ABORT_ERR,answer ECONNRESET");
}

#[test]
fn a_request_has_a_socket_that_stands_for_its_connection() {
    let said = ask(
        serve(hold),
        "const to = (path) => { const asked = http.request({ host: '127.0.0.1', port: PORT, path }); return asked.on('error', (error) => log.push(error.message)); };
         const told = (socket) => socket.on('error', (error) => log.push(`socket ${error.message}`)).on('close', (failed) => log.push(failed));
         const one = to('/body'); log.push(one.socket, one.connection);
         const socket = await new Promise((resolve) => one.on('socket', resolve));
         log.push(socket === one.socket && socket === one.connection, one.writableFinished, socket.connecting, socket.writable, socket.destroyed, socket.encrypted, socket.remoteAddress);
         log.push(socket.setNoDelay(true).setKeepAlive(true, 1000).ref().unref() === socket, code(() => socket.write('x')));
         // As packages do that wait for a connection with what they write.
         if (!socket.connecting) one.end();
         const answer = await new Promise((resolve) => one.on('response', resolve));
         log.push(answer.socket === socket, answer.connection === socket);
         let gone = [closed(told(socket)), closed(one), closed(answer.on('error', (error) => log.push(error.code)))];
         socket.destroy(); await Promise.all(gone); log.push(socket.destroyed, one.destroyed, answer.destroyed, '|');
         for (const end of [(asked, { destroy }) => asked.socket.destroy(), (asked) => asked.socket.destroy(new Error('mine')), (asked) => asked.destroy(), (asked) => asked.destroy(new Error('mine'))]) {
             const asked = to('/'); asked.end();
             gone = [closed(told(await new Promise((resolve) => asked.on('socket', resolve)))), closed(asked)];
             end(asked, asked.socket); await Promise.all(gone); log.push('|');
         }
         const early = to('/'); early.on('socket', () => log.push('a socket')); early.destroy(); await closed(early); log.push(early.socket);
         return new Response(log.join());",
    );
    let here = "true,false,false,true,false,false,,true,ERR_METHOD_NOT_IMPLEMENTED,true,true";
    let ends =
        "false,ECONNRESET,true,true,true,|,socket hang up,false,|,mine,socket mine,true,|,socket hang up,false,|,mine,socket mine,true,|";
    assert_eq!(said, format!(",,{here},{ends},socket hang up,"));
}

#[test]
fn the_socket_of_a_request_tells_of_time() {
    let runtime = manual_runtime(1);
    let app = app(
        &runtime,
        serve(hold),
        "const { pathname } = new URL(request.url);
         if (pathname === '/state') return new Response(globalThis.state.join());
         globalThis.state = log;
         const asked = http.get(`http://127.0.0.1:PORT${pathname}`), gone = closed(asked);
         asked.on('socket', (socket) => {
             socket.setTimeout(1_000, () => log.push('told'));
             socket.addListener('timeout', socket.destroy);
             socket.on('close', () => log.push('closed'));
         });
         asked.on('error', (error) => log.push(error.code)).on('response', (answer) => answer.on('error', (error) => log.push('cut')).on('data', (chunk) => log.push(`${chunk}`)));
         asked.on('finish', () => { if (pathname === '/') log.push('sent'); });
         await gone;
         return new Response(log.join());",
    );
    for (path, begun, ended) in [("/", "sent", "sent,told,ECONNRESET,closed"), ("/body", "part", "part,told,closed,cut")] {
        let id = app.dispatch(get(path)).unwrap();
        until(|| fetch(&app, "/state").is_ok_and(|seen| seen.head.status == 200 && seen.body == begun.as_bytes()));
        runtime.advance_clock(900).unwrap();
        assert_eq!(text(&app, "/state"), begun);
        runtime.advance_clock(200).unwrap();
        until_end(&runtime, id);
        until(|| text(&app, "/state") == ended);
    }
}

#[test]
fn headers_that_come_twice_are_as_in_node() {
    let port = serve(|mut stream| {
        head(&mut stream);
        let twice = "ETag: a\r\nETag: b\r\nContent-Type: text/plain\r\ncontent-type: text/html\r\nX-Own: 1\r\nX-Own: 2\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n";
        let _ = write!(stream, "HTTP/1.1 200 OK\r\n{twice}Content-Length: 0\r\nConnection: close\r\n\r\n");
    });
    let said = ask(
        port,
        "const get = (more) => new Promise((resolve) => http.get({ host: '127.0.0.1', port: PORT, ...more }, resolve));
         const { headers, headersDistinct, trailersDistinct, rawHeaders } = await get(), names = ['etag', 'content-type', 'x-own', 'set-cookie'];
         for (const name of names) log.push(headers[name], headersDistinct[name]);
         log.push(rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1].toLowerCase() === 'etag'), trailersDistinct);
         const joined = (await get({ joinDuplicateHeaders: true })).headers; for (const name of names) log.push(joined[name]);
         return Response.json(log);",
    );
    let each = r#""a",["a","b"],"text/plain",["text/plain","text/html"],"1, 2",["1","2"],["a=1","b=2"],["a=1","b=2"]"#;
    let joined = r#""a, b","text/plain, text/html","1, 2",["a=1","b=2"]"#;
    assert_eq!(said, format!(r#"[{each},["a","b"],{{}},{joined}]"#));
}

#[test]
fn headers_of_a_request_are_set_together_and_trailers_are_refused() {
    check(
        "import http from 'node:http'; import https from 'node:https';",
        "const asked = http.request({ host: '127.0.0.1', port: 1 }); asked.on('error', () => {});
        t(asked.setHeaders(new Map([['X-Mine', '1'], ['list', ['a', 'b']]])) === asked, true); t(asked.getHeaders(), { 'x-mine': '1', list: ['a', 'b'] });
        asked.setHeaders(new Headers([['set-cookie', 'a=1'], ['set-cookie', 'b=2'], ['x-mine', '2']])); t([asked.getHeader('set-cookie'), asked.getHeader('X-Mine')], [['a=1', 'b=2'], '2']);
        for (const wrong of [undefined, {}, [['a', 'b']], 5, null]) fails(() => asked.setHeaders(wrong), 'ERR_INVALID_ARG_TYPE');
        fails(() => asked.addTrailers({ a: 'b' }), 'ERR_METHOD_NOT_IMPLEMENTED');
        const f = () => {}; asked.setTimeout(5_000, f); asked.clearTimeout(f); t(asked.listenerCount('timeout'), 0);
        asked.end(); fails(() => asked.setHeaders(new Map()), 'ERR_HTTP_HEADERS_SENT');
        // What would make something else of the connection.
        const not = 'ERR_METHOD_NOT_IMPLEMENTED', to = (headers) => () => http.request({ host: '127.0.0.1', port: 1, headers });
        for (const headers of [{ connection: 'upgrade', upgrade: 'foo' }, { Upgrade: 'websocket' }, ['UPGRADE', 'h2c'], [['upgrade', 'x']]]) fails(to(headers), not);
        const late = http.request({ host: '127.0.0.1', port: 1 }); fails(() => late.setHeader('Upgrade', 'foo'), not); late.setHeader('Upgrade-Insecure-Requests', '1');
        // Another name than the host's to verify.
        const secure = (more) => () => https.request({ host: '127.0.0.1', port: 1, ...more }).on('error', f);
        fails(secure({ servername: 'other.test' }), not); fails(secure({ agent: new https.Agent({ servername: 'other.test' }) }), not); secure({ servername: '' })(); secure({ servername: '127.0.0.1' })(); http.request({ host: '127.0.0.1', port: 1, servername: 'other.test' }).on('error', f);",
    );
}

#[test]
fn what_says_who_is_asked_and_cannot_be_heeded_is_refused() {
    check(
        "import http from 'node:http'; import https from 'node:https'; import tls from 'node:tls'; import dns from 'node:dns';",
        "const to = (module, more) => () => module.request({ host: '127.0.0.1', port: 1, ...more }).on('error', () => {}), not = 'ERR_METHOD_NOT_IMPLEMENTED', f = () => {};
        class Proxy extends http.Agent { addRequest() {} } class Tunnel extends https.Agent { createConnection() {} }
        for (const more of [{ agent: new Proxy() }, { agent: new Tunnel(), protocol: 'https:' }, { agent: { addRequest: f } }, { createConnection: f }, { socketPath: '/x' }, { lookup: f }, { agent: new http.Agent({ lookup: f }) }]) fails(to(http, more), not);
        for (const more of [{ ca: 'x' }, { cert: 'x' }, { key: 'x' }, { pfx: 'x' }, { rejectUnauthorized: false }, { checkServerIdentity: f }]) { fails(to(https, more), not); fails(to(https, { agent: new https.Agent(more) }), not); to(http, more)(); }
        fails(() => tls.connect({ port: 1, checkServerIdentity: f }), not); fails(() => tls.connect({ port: 1, rejectUnauthorized: false }), not); fails(to(http, { agent: 5 }), 'ERR_INVALID_ARG_TYPE');
        const none = { createConnection: undefined, socketPath: null, lookup: undefined, ca: undefined, checkServerIdentity: undefined, rejectUnauthorized: undefined };
        for (const agent of [undefined, null, false, new https.Agent({ keepAlive: true, maxSockets: 5, rejectUnauthorized: true }), new class extends https.Agent {}()]) to(https, { ...none, agent })();
        to(http, { agent: new https.Agent(), protocol: 'https:' })(); to(http, { lookup: dns.lookup })(); to(https, { checkServerIdentity: tls.checkServerIdentity })();
        fails(to(https, { agent: new http.Agent() }), 'ERR_INVALID_PROTOCOL');
        const before = http.globalAgent; http.globalAgent = new Proxy(); fails(to(http), not); http.globalAgent = before; to(http)();",
    );
}

#[test]
fn http_and_https_share_their_classes() {
    check(
        "import http from 'node:http'; import https from 'node:https'; import net from 'node:net'; import { Readable } from 'node:stream'; import { text } from 'node:stream/consumers';",
        "const asked = https.request('https://127.0.0.1:1/'); asked.on('error', () => {});
        t([asked instanceof http.ClientRequest, asked instanceof http.OutgoingMessage, asked.protocol, asked.agent === https.globalAgent], [true, true, 'https:', true]);
        const connection = await new Promise((resolve) => asked.on('socket', resolve)); t([connection.encrypted, connection.authorized, connection.getPeerCertificate()], [true, true, {}]);
        t([new https.Agent() instanceof http.Agent, https.globalAgent.defaultPort, http.globalAgent.defaultPort, https.Agent.name], [true, 443, 80, 'Agent']);
        const socket = new net.Socket(), message = new http.IncomingMessage(socket);
        t([message.socket === socket, message.connection === socket, message instanceof Readable, message.complete, message.statusCode, message.method, message.url], [true, true, true, false, null, null, '']);
        message.on('data', () => {}).pause(); message.push('pushed '); message.push('by an app'); message.push(null); t(await text(message), 'pushed by an app');",
    );
}
