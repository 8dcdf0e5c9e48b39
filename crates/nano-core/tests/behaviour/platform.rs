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
