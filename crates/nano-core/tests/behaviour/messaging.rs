//! structuredClone, MessageChannel, what is transferred; WebSocketPair, WebSocket and EventSource; the events of errors.

use crate::support::*;

fn run(body: &str) -> String {
    let runtime = runtime(1);
    let source = format!(
        "const error = async (f) => {{ try {{ return ['no error', await f()]; }} catch (e) {{ return e.name; }} }};\n\
         const next = (target, type) => new Promise((resolve) => target.addEventListener(type, resolve, {{ once: true }}));\n\
         export default {{ async fetch(request) {{ {body} }} }}"
    );
    let mut options = options("messaging", &source);
    options.limits.cpu_ms = 5_000;
    let app = runtime.load(options).expect("the app loads");
    text(&app, "/")
}

#[test]
fn a_clone_is_deep_and_keeps_what_refers_to_what() {
    let seen = run(
        r#"const value = { list: [1, , 3], map: new Map([[{ k: 1 }, new Set([1n])]]), date: new Date(5), regexp: /a/giu, boxed: Object('s'),
            error: new RangeError('m', { cause: { c: 1 } }), view: new Uint16Array([1, 2, 3]).subarray(1) };
        value.self = value;
        value.list.extra = value.view;
        Object.defineProperty(value, '__proto__', { value: 7, enumerable: true });
        const clone = structuredClone(value);
        return Response.json([clone !== value, clone.self === clone, clone.list.extra === clone.view, 1 in clone.list, clone.list.length,
            [...clone.map.keys()][0].k, [...[...clone.map.values()][0]][0] === 1n, +clone.date, String(clone.regexp), typeof clone.boxed,
            clone.error instanceof RangeError, clone.error.message, clone.error.cause.c, clone.error.stack === value.error.stack,
            [...clone.view], clone.view.byteOffset, Object.getOwnPropertyDescriptor(clone, '__proto__').value, Object.getPrototypeOf(clone) === Object.prototype]);"#,
    );
    assert_eq!(seen, r#"[true,true,true,false,3,1,true,5,"/a/giu","object",true,"m",1,true,[2,3],2,7,true]"#);
}

#[test]
fn platform_objects_are_cloned_or_refused() {
    let seen = run(r#"const file = structuredClone({ file: new File(['abc'], 'n', { type: 'a/b', lastModified: 3 }) }).file;
        const exception = structuredClone(new DOMException('m', 'AbortError'));
        const refused = [];
        for (const value of [new Headers(), new Response(), new Request('http://a/'), new URL('http://a/'), new AbortController(), new Event('x'),
            globalThis, new ReadableStream(), new MessageChannel().port1, new TextDecoder(), new FormData(), new CompressionStream('gzip'),
            () => {}, Symbol(), new Proxy({}, {}), new WeakMap(), Promise.resolve(), (function* () {})(), [].values(), new Intl.NumberFormat(),
            (function () { return arguments; })(), new WeakRef({}), class {}]) refused.push(await error(() => structuredClone({ value })));
        return Response.json([file.name, file.type, file.lastModified, await file.text(), file instanceof File, exception.name, exception.message,
            exception.code, exception instanceof DOMException, [...new Set(refused)]]);"#);
    assert_eq!(seen, r#"["n","a/b",3,"abc",true,"AbortError","m",20,true,["DataCloneError"]]"#);
}

#[test]
fn a_quota_that_is_exceeded_has_a_class_of_its_own() {
    let seen = run(r#"const made = new QuotaExceededError('m', { quota: 1, requested: 2 });
        const clone = structuredClone(made);
        let thrown;
        try { crypto.getRandomValues(new Uint8Array(65537)); } catch (error) { thrown = error; }
        const plain = structuredClone(new DOMException('m', 'QuotaExceededError'));
        return Response.json([clone.constructor === QuotaExceededError, clone instanceof DOMException, clone.message, clone.quota, clone.requested,
            thrown instanceof QuotaExceededError, thrown.name, thrown.code, thrown.quota, plain.constructor === DOMException,
            await error(() => new QuotaExceededError('', { quota: 2, requested: 1 })), await error(() => new QuotaExceededError('', { quota: -1 })),
            
            await error(() => Object.getOwnPropertyDescriptor(QuotaExceededError.prototype, 'quota').get.call(plain))]);"#);
    assert_eq!(seen, r#"[true,true,"m",1,2,true,"QuotaExceededError",22,null,true,"RangeError","RangeError","TypeError"]"#);
}

#[test]
fn what_is_transferred_moves_and_nothing_moves_on_an_error() {
    let seen = run(r#"const buffer = new ArrayBuffer(8);
        const view = new Uint8Array(buffer, 2, 3);
        const failed = await error(() => structuredClone({ buffer, f() {} }, { transfer: [buffer] }));
        const kept = buffer.byteLength;
        const moved = structuredClone({ view, map: new Map([[view, buffer]]), set: new Set([1, buffer, 2]) }, { transfer: [buffer] });
        return Response.json([failed, kept, buffer.byteLength, view.length, moved.view.length, moved.map.get(moved.view) === moved.view.buffer,
            [...moved.set].indexOf(moved.view.buffer), await error(() => structuredClone(buffer)), await error(() => structuredClone(1, { transfer: [buffer] })),
            await error(() => { const twice = new ArrayBuffer(1); structuredClone(1, { transfer: [twice, twice] }); }),
            await error(() => structuredClone(1, { transfer: [{}] })), await error(() => structuredClone(1, { transfer: 1 }))]);"#);
    let errors = r#""DataCloneError","DataCloneError","DataCloneError","DataCloneError","TypeError""#;
    assert_eq!(seen, format!("[\"DataCloneError\",8,0,0,3,true,1,{errors}]"));
}

#[test]
fn cloning_cannot_be_made_to_use_up_memory_or_time() {
    // One string ten million times: 10 TB if each were written out.
    let seen = run(r#"const text = 'x'.repeat(1 << 20);
        const list = new Array(100000).fill(text);
        const clone = structuredClone(list);
        const sparse = []; sparse[4000000000] = 1; sparse.name = 2;
        const copy = structuredClone(sparse);
        let deep = {};
        for (let i = 0; i < 100000; i++) deep = { deep };
        return Response.json([clone.length, clone[99999].length, copy.length, copy[4000000000], copy.name, Object.keys(copy).length, await error(() => structuredClone(deep))]);"#);
    assert_eq!(seen, r#"[100000,1048576,4000000001,1,2,2,"RangeError"]"#);
}

#[test]
fn an_app_that_patches_every_built_in_does_not_reach_into_cloning() {
    let seen = run(r#"let stolen = '';
        const value = { list: [1, 2], map: new Map([[1, { z: 1 }]]), buffer: new Uint8Array([1, 2]).buffer, name: 'n', date: new Date(4), error: new TypeError('t') };
        const seen = () => `${clone.list[1]} ${entries(clone.map)} ${clone.buffer.byteLength} ${clone.name} ${getTime(clone.date)} ${clone.error.message} ${stolen}`;
        const { forEach } = Map.prototype;
        const entries = (map) => { let found; Reflect.apply(forEach, map, [(item) => { found = item.z; }]); return found; };
        const getTime = (date) => date.getTime();
        Map.prototype.set = Map.prototype.forEach = Set.prototype.add = Array.prototype.push = ArrayBuffer.prototype.slice = () => { stolen += ' method'; };
        Object.defineProperty(ArrayBuffer, Symbol.species, { get() { stolen += ' species'; } });
        globalThis.Map = globalThis.Date = globalThis.TypeError = class { constructor() { stolen += ' class'; } };
        const trap = { __proto__: null, set() { stolen += ' set'; }, get() { return undefined; }, configurable: true };
        const { defineProperty } = Object;
        for (let index = 0; index < 4; index++) defineProperty(Array.prototype, index, trap);
        const traps = { list: trap, value: trap, name: trap, z: trap };
        for (const key in traps) defineProperty(Object.prototype, key, trap);
        const clone = structuredClone(value);
        return new Response(seen());"#);
    assert_eq!(seen, "2 1 2 n 4 t ");
}

#[test]
fn messages_arrive_in_order_each_in_a_task_of_its_own() {
    let seen = run(r#"const { port1, port2 } = new MessageChannel();
        const log = [];
        let finish;
        const finished = new Promise((resolve) => { finish = resolve; });
        port2.onmessage = (event) => {
            log.push(event.data.n);
            Promise.resolve().then(() => { log.push(`after ${event.data.n}`); if (event.data.n === 3) finish([event.isTrusted, event.ports.length, event.target === port2]); });
        };
        for (let n = 1; n <= 3; n++) port1.postMessage({ n });
        log.push('sent');
        const last = await finished;
        return Response.json([log, last]);"#);
    assert_eq!(seen, r#"[["sent",1,"after 1",2,"after 2",3,"after 3"],[true,0,true]]"#);
}

#[test]
fn a_port_is_transferred_with_the_messages_it_has_not_read() {
    let seen = run(r#"const outer = new MessageChannel();
        const inner = new MessageChannel();
        inner.port1.postMessage('early');
        outer.port1.postMessage('take it', [inner.port2]);
        inner.port1.postMessage('late');
        const arrival = next(outer.port2, 'message');
        outer.port2.start();
        const [port] = (await arrival).ports;
        const first = next(port, 'message');
        port.start();
        const a = (await first).data;
        const b = (await next(port, 'message')).data;
        const closed = next(port, 'close');
        inner.port1.close();
        await closed;
        return Response.json([a, b, await error(() => outer.port1.postMessage(1, [outer.port1])), await error(() => outer.port1.postMessage(1, [inner.port2])),
            await error(() => new MessagePort()), await error(() => outer.port1.postMessage(() => {}))]);"#);
    assert_eq!(seen, r#"["early","late","DataCloneError","DataCloneError","TypeError","DataCloneError"]"#);
}

#[test]
fn streams_are_transferred() {
    let seen = run(r#"const source = new ReadableStream({ start(c) { c.enqueue({ a: 1 }); c.enqueue('b'); c.close(); } });
        const moved = structuredClone(source, { transfer: [source] });
        const chunks = [];
        for await (const chunk of moved) chunks.push(chunk);
        const transform = new TransformStream({ transform(chunk, c) { c.enqueue(chunk * 2); } });
        const { readable, writable } = structuredClone({ transform }, { transfer: [transform] }).transform;
        const writer = writable.getWriter();
        writer.write(21);
        const doubled = (await readable.getReader().read()).value;
        const failing = new ReadableStream({ start(c) { c.error(new RangeError('why')); } });
        const failed = await error(() => structuredClone(failing, { transfer: [failing] }).getReader().read());
        const locked = new ReadableStream();
        locked.getReader();
        return Response.json([source.locked, chunks, doubled, failed, await error(() => structuredClone(locked, { transfer: [locked] })),
            await error(() => structuredClone(source, { transfer: [source] }))]);"#);
    assert_eq!(seen, r#"[false,[{"a":1},"b"],42,"RangeError","DataCloneError","DataCloneError"]"#);
}

#[test]
fn the_ends_of_a_websocket_pair_talk_to_each_other() {
    let seen = run(r#"const [client, server] = Object.values(new WebSocketPair());
        const early = await error(() => client.send('x'));
        server.accept();
        server.addEventListener('message', ({ data }) => server.send(typeof data === 'string' ? `echo ${data}` : data));
        client.accept();
        const first = next(client, 'message');
        client.send('hi');
        const echo = (await first).data;
        const bytes = new Uint8Array([1, 2]);
        const second = next(client, 'message');
        client.send(bytes);
        bytes[0] = 9;
        const binary = new Uint8Array((await second).data);
        const ends = [next(server, 'close'), next(client, 'close')];
        const wrong = [await error(() => client.close(1006)), await error(() => client.close(1000, 'x'.repeat(124)))];
        client.close(1011, 'bye');
        const closing = client.readyState;
        const [there, here] = await Promise.all(ends);
        client.send('lost');
        return Response.json([early, echo, [...binary], wrong, closing, there.code, there.reason, there.wasClean, here.code, client.readyState, client.bufferedAmount]);"#);
    assert_eq!(seen, r#"["TypeError","echo hi",[1,2],["InvalidAccessError","SyntaxError"],2,1011,"bye",true,1011,3,4]"#);
}

#[test]
fn without_a_transport_sockets_and_event_sources_fail_as_the_standard_says() {
    let seen = run(r#"const socket = new WebSocket('https://a.test/x?y', ['p']);
        const log = [socket.url, socket.readyState, socket.binaryType, await error(() => socket.send('x'))];
        socket.onerror = (event) => log.push(event.type, socket.readyState);
        const end = await next(socket, 'close');
        log.push(end.code, end.wasClean, socket.readyState);
        const source = new EventSource('http://a.test/', { withCredentials: true });
        log.push(source.url, source.readyState, source.withCredentials);
        await next(source, 'error');
        log.push(source.readyState);
        for (const make of [() => new WebSocket('ftp://a/'), () => new WebSocket('ws://a/#f'), () => new WebSocket('ws://a/', ['p', 'P']), () => new WebSocket('/x'),
            () => new WebSocket('ws://a/', 'a b'), () => new EventSource('nowhere'), () => new WebSocket()]) log.push(await error(make));
        return Response.json(log);"#);
    let first = r#""wss://a.test/x?y",0,"blob","InvalidStateError","error",3,1006,false,3,"http://a.test/",0,true,2"#;
    assert_eq!(seen, format!("[{first},{},\"TypeError\"]", [r#""SyntaxError""#; 6].join(",")));
}

#[test]
fn a_fixed_length_stream_counts() {
    let seen = run(r#"const through = (length, text) => {
            const stream = new FixedLengthStream(length);
            const writer = stream.writable.getWriter();
            writer.write(new TextEncoder().encode(text)).catch(() => {});
            writer.close().catch(() => {});
            return new Response(stream.readable).text();
        };
        const identity = new IdentityTransformStream();
        const writer = identity.writable.getWriter();
        writer.write(new Uint8Array([1, 2, 3]));
        const reader = identity.readable.getReader({ mode: 'byob' });
        const { value } = await reader.read(new Uint8Array(2));
        return Response.json([await through(5, 'hello'), await error(() => through(6, 'hello')), await error(() => through(4, 'hello')), [...value],
            identity instanceof TransformStream, await error(() => new FixedLengthStream(-1)), await error(() => new IdentityTransformStream().writable.getWriter().write('text'))]);"#);
    assert_eq!(seen, r#"["hello","TypeError","TypeError",[1,2],true,"TypeError","TypeError"]"#);
}

#[test]
fn rejections_are_announced_and_taken_back() {
    let seen = run(r#"const log = [];
        onunhandledrejection = (event) => { log.push(event.type, event.reason, event.promise === late); event.preventDefault(); };
        onrejectionhandled = (event) => log.push(event.type, event.reason, event.promise === late);
        onerror = (message, file, line, column, error) => { log.push(error.message); return true; };
        const late = Promise.reject('why');
        await scheduler.wait(1);
        late.catch(() => {});
        await scheduler.wait(1);
        reportError(new Error('told'));
        return Response.json([log, self === globalThis, navigator.userAgent.startsWith('Cloudflare-Workers NANO/')]);"#);
    assert_eq!(seen, r#"[["unhandledrejection","why",true,"rejectionhandled","why",true,"told"],true,true]"#);
}
