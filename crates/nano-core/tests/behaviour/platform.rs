//! What the platform promises beneath its interfaces: laziness nobody can see, native state that is given back.

use crate::support::*;

#[test]
fn a_lazy_global_looks_like_any_other_before_its_first_use() {
    let runtime = runtime(1);
    let source = r#"export default { fetch() {
        const seen = Object.getOwnPropertyDescriptor(globalThis, 'TextEncoderStream');
        const same = seen.value === TextEncoderStream && seen.value === globalThis.TextEncoderStream;
        globalThis.TextDecoderStream = 1;
        return Response.json([typeof seen.value, seen.writable, seen.enumerable, seen.configurable, 'get' in seen, same,
            'TextEncoderStream' in globalThis, TextEncoderStream.name, TextDecoderStream]);
    } }"#;
    let app = load(&runtime, "lazy", source);
    assert_eq!(text(&app, "/"), r#"["function",true,false,true,false,true,true,"TextEncoderStream",1]"#);
}

#[test]
fn a_part_lives_in_the_apps_own_context() {
    let runtime = runtime(1);
    let source = r#"export default { async fetch() {
        const { readable, writable } = new TextEncoderStream();
        const writer = writable.getWriter();
        writer.write('hi');
        writer.close();
        const body = new Response(readable);
        return Response.json([await body.text(), Object.getPrototypeOf(TextEncoderStream) === Function.prototype,
            readable instanceof ReadableStream]);
    } }"#;
    let app = load(&runtime, "parts", source);
    assert_eq!(text(&app, "/"), r#"["hi",true,true]"#);
}

#[test]
fn native_state_that_is_garbage_is_given_back() {
    let runtime = runtime(1);
    // Each decoder is in the middle of a stream and then forgotten: together more than the budget holds at once.
    let source = r#"const half = Uint8Array.of(0x81);
    export default { fetch() {
        for (let i = 0; i < 20000; i++) new TextDecoder('gbk').decode(half, { stream: true });
        return new Response('ok');
    } }"#;
    let mut options = options("forgetful", source);
    options.limits.external_bytes = 1 << 20;
    options.limits.cpu_ms = 5_000;
    let app = runtime.load(options).expect("the app loads");
    for _ in 0..3 {
        assert_eq!(text(&app, "/"), "ok");
    }
}

#[test]
fn what_workers_have_beside_the_standards() {
    let runtime = runtime(1);
    let source = r#"export default { fetch() {
        const bare = [204, 205, 304].map((status) => new Response('', { status }).body);
        let refused;
        try { new Response('a', { status: 204 }); } catch (error) { refused = error.name; }
        const [socket] = Object.values(new WebSocketPair());
        return Response.json([bare, refused, WebSocket.READY_STATE_CONNECTING, WebSocket.READY_STATE_OPEN, WebSocket.READY_STATE_CLOSING,
            WebSocket.READY_STATE_CLOSED, socket.READY_STATE_OPEN]);
    } }"#;
    let app = load(&runtime, "workers", source);
    assert_eq!(text(&app, "/"), r#"[[null,null,null],"TypeError",0,1,2,3,1]"#);
}

#[test]
fn what_workers_add_to_interfaces_is_there() {
    let runtime = runtime(1);
    let source = r#"import * as workers from 'cloudflare:workers';
    const bytes = (text) => new TextEncoder().encode(text);
    const stream = (...pieces) => new ReadableStream({ type: 'bytes', start(c) { for (const piece of pieces) c.enqueue(bytes(piece)); c.close(); } });
    const why = (work) => { try { return work(); } catch (error) { return error.name; } };
    export default { async fetch(request, env, ctx) {
        const out = [];
        const { waitUntil } = ctx;
        try { waitUntil(null); } catch (error) { out.push(error.name, error.message.includes('Illegal invocation')); }
        const pair = new WebSocketPair(), [client, server] = pair;
        out.push(client === pair[0], server === pair[1], client instanceof WebSocket);

        const reader = stream('ab', 'cd', 'e').getReader({ mode: 'byob' });
        const text = async (read) => { const { value, done } = await read; return `${new TextDecoder().decode(value)} ${done}`; };
        out.push(await text(reader.readAtLeast(3, new Uint8Array(8))), await reader.readAtLeast(9, new Uint8Array(2)).catch((error) => error.name),
            await reader.readAtLeast(1).catch((error) => error.name));

        const events = [];
        const source = EventSource.from(stream('id: 7\ndata: one\nda', 'ta: two\n\n', 'event: tick\ndata: x\n\n'));
        events.push(source.readyState, source.url);
        source.onopen = () => events.push('open ' + source.readyState);
        source.onmessage = (event) => events.push(event.data, event.lastEventId, event.origin);
        source.addEventListener('tick', (event) => events.push('tick ' + event.data));
        await new Promise((done) => { source.onerror = () => { events.push('error ' + source.readyState); done(); }; });
        out.push(events, why(() => EventSource.from('x')));
        let canceled;
        const open = EventSource.from(new ReadableStream({ pull(c) { c.enqueue(bytes('data: a\n\n')); }, cancel() { canceled = true; } }));
        await new Promise((done) => { open.onmessage = () => { open.close(); done(); }; });
        await scheduler.wait(1);
        out.push(canceled, open.readyState);

        const cf = { a: 1 }, response = new Response('x', { cf });
        out.push(response.cf === cf, response.clone().cf === cf, new Response('y', response).cf === cf, new Response('x').cf === undefined, why(() => new Response('', { cf: 1 })));

        out.push(why(() => new workers.RpcPromise()), why(() => new workers.RpcProperty()), workers.ServiceStub === Fetcher, env.HOST instanceof workers.ServiceStub);
        return Response.json(out);
    } }"#;
    let mut options = options("workers", source);
    options.bindings = vec!["HOST".into()];
    let app = runtime.load(options).expect("loads");
    assert_eq!(
        text(&app, "/"),
        r#"["TypeError",true,true,true,true,"abcde false","RangeError","TypeError",[0,"","open 1","one\ntwo","7","","tick x","error 2"],"TypeError",true,2,true,true,true,true,"TypeError","TypeError","TypeError",true,true]"#
    );
}

#[test]
fn what_is_iterated_over_can_be_a_body() {
    let runtime = runtime(1);
    let source = r#"const bytes = (text) => new TextEncoder().encode(text);
    let returned = 0;
    const pieces = async function* () { try { yield bytes('a'); await scheduler.wait(1); yield bytes('b'); yield bytes('c'); } finally { returned++; } };
    export default { async fetch(request) {
        if (request.url.endsWith('/stream')) return new Response(pieces(), { headers: { 'content-type': 'text/plain' } });
        const own = { [Symbol.asyncIterator]: pieces }, sync = { *[Symbol.iterator]() { yield bytes('s'); yield bytes('t'); } };
        const said = { *[Symbol.iterator]() {}, toString: () => 'said' }, primitive = { *[Symbol.iterator]() {}, [Symbol.toPrimitive]: () => 'primitive' };
        const read = (body) => new Response(body).text().catch((error) => error.name);
        const out = [];
        for (const body of [pieces(), own, sync, said, primitive, [1, 2], new String('string'), {}]) out.push(await read(body));
        out.push(await new Request('http://a/', { method: 'POST', body: pieces() }).text());
        out.push(new Response(pieces()).headers.get('content-type'), new Response(own).body instanceof ReadableStream);
        returned = 0;
        const reader = new Response(pieces()).body.getReader();
        await reader.read();
        await reader.cancel();
        out.push(returned, await read((async function* () { yield 1; })()), await read((async function* () { throw new RangeError(); })()));
        const [first, second] = [new Response(pieces())].flatMap((response) => [response.clone(), response]);
        out.push(await first.text() + await second.text());
        return Response.json(out);
    } }"#;
    let app = load(&runtime, "iterables", source);
    assert_eq!(
        text(&app, "/"),
        r#"["abc","abc","st","said","primitive","1,2","string","[object Object]","abc",null,true,1,"TypeError","RangeError","abcabc"]"#
    );
    assert_eq!(text(&app, "/stream"), "abc");
}
