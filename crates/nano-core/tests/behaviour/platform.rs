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
