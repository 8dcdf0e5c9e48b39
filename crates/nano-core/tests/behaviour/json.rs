//! JSON that others send: what is parsed of it, and what it can do to whoever parses it.

use nano_core::{App, AppOptions, Body, Response, Result, Runtime, Status};

use crate::support::*;

/// An app with the limits that there are by default.
fn with_defaults(name: &str, source: &str) -> AppOptions {
    let mut options = options(name, source);
    options.limits.cpu_ms = AppOptions::new(name, options.source.clone()).limits.cpu_ms;
    options
}

fn send(app: &App, body: Vec<u8>) -> Result<Response> {
    let mut init = post("/", "");
    init.body = Body::Whole(body);
    app.fetch(init, Some(PATIENCE))
}

/// Neither a thread nor the app is the worse for it.
#[track_caller]
fn nothing_is_lost(runtime: &Runtime, app: &App) {
    let stats = runtime.stats();
    assert_eq!((app.stats().strikes, stats.parked, stats.abandoned), (0, 0, 0));
}

/// Gives the errors' names where there are errors.
const READERS: &str = "const told = (error) => `${error.name}: ${error.message}`;
    export default { async fetch(request) {
        const kind = request.headers.get('x-kind');
        try {
            const value = kind === 'json' ? await request.json()
                : kind === 'text' ? JSON.parse(await request.text())
                : await (await import('node:stream/consumers')).json(request.body);
            return new Response(`${typeof value} ${Object.keys(value).length}`);
        } catch (error) { return new Response(told(error)); }
    } }";

#[test]
fn arrays_and_objects_inside_one_another_end_in_an_error_and_cost_no_thread() {
    let runtime = runtime(1);
    let app = load(&runtime, "app", READERS);
    let levels = 1_500_000;
    let deep = [
        "[".repeat(2 * levels),
        "[".repeat(levels) + &"]".repeat(levels),
        "{\"\":".repeat(levels / 2) + "1" + &"}".repeat(levels / 2),
        "\u{2026}".to_string() + &"[".repeat(levels),
        format!("[\"\u{2026}\",{}", "[".repeat(levels)),
    ];
    for kind in ["json", "text", "stream"] {
        for body in &deep {
            let mut init = post("/", body);
            assert!(init.head.headers.push(b"x-kind", kind.as_bytes()));
            let response = app.fetch(init, Some(PATIENCE)).expect("the app catches it");
            let told = String::from_utf8(response.body).expect("UTF-8");
            let syntax = body.starts_with('\u{2026}');
            assert!(syntax || told == "RangeError: JSON with more than 65536 arrays and objects inside one another", "{kind}: {told}");
        }
    }
    nothing_is_lost(&runtime, &app);
    assert_eq!(app.stats().starts, 1, "one instance has had them all");
}

#[test]
fn what_is_as_deep_as_it_may_be_is_parsed_and_brackets_in_strings_are_text() {
    let runtime = runtime(1);
    let source = "export default { fetch() {
        const depth = (value) => { let levels = 0; for (; Array.isArray(value); value = value[0]) levels++; return levels; };
        const nested = (levels) => '['.repeat(levels) + ']'.repeat(levels);
        const refused = (text) => { try { JSON.parse(text); } catch (error) { return error.name; } };
        const brackets = '[{'.repeat(1e5);
        return Response.json([
            depth(JSON.parse(nested(65536))), refused(nested(65537)), refused('['.repeat(65536)), refused('['.repeat(65537)),
            JSON.parse(JSON.stringify({ [brackets]: '\\\\\"' + brackets }))[brackets].length,
            JSON.parse(`[${'[],'.repeat(1e5)}{}]`).length,
        ]);
    } }";
    let app = load(&runtime, "app", source);
    assert_eq!(text(&app, "/"), r#"[65536,"RangeError","SyntaxError","RangeError",200002,100001]"#);
    nothing_is_lost(&runtime, &app);
}

#[test]
fn long_texts_are_parsed_as_short_ones_are() {
    let runtime = runtime(1);
    let source = "const cases = (rest) => {
        const asked = [];
        const text = { toString() { asked.push('toString'); return `{\"a\":[1,{\"b\":2}],\"rest\":\"${rest}\"}`; }, valueOf() { asked.push('valueOf'); return '1'; } };
        const seen = [];
        const revived = JSON.parse(text, function (key, value, context) {
            seen.push(key);
            if (context && context.source && context.source !== String(JSON.stringify(value))) seen.push(context.source);
            return typeof value === 'number' ? value * 2 : value;
        });
        const error = (ask) => { try { ask(); } catch (error) { return error.name; } };
        const { writable, enumerable, configurable } = Object.getOwnPropertyDescriptor(JSON, 'parse');
        return [
            asked, seen, revived.a, revived.rest === rest,
            error(() => JSON.parse(`[\"${rest}\",]`)), error(() => JSON.parse(`[\"${rest}\"`)), error(() => JSON.parse(`[\"${rest}\"] 1`)),
            error(() => JSON.parse(`[\"${rest}\"]`, () => { throw new URIError('of the app'); })),
            error(() => JSON.parse({ toString() { throw new EvalError('of the app'); } })), error(() => JSON.parse(Symbol())),
            JSON.parse(`{\"__proto__\":\"${rest}\"}`).__proto__ === rest,
            JSON.parse.name, JSON.parse.length, String(JSON.parse), writable, enumerable, configurable, 'prototype' in JSON.parse,
        ];
    };
    export default { fetch() {
        const [short, long, wide] = ['x', 'x'.repeat(1e5), '\\u2026'.repeat(1e5)].map(cases).map((list) => JSON.stringify(list));
        return new Response(`${short === long && short === wide} ${short}`);
    } }";
    let app = load(&runtime, "app", source);
    assert_eq!(
        text(&app, "/"),
        "true [[\"toString\"],[\"0\",\"b\",\"1\",\"a\",\"rest\",\"\"],[2,{\"b\":4}],true,\"SyntaxError\",\"SyntaxError\",\"SyntaxError\",\"URIError\",\
         \"EvalError\",\"TypeError\",true,\"parse\",2,\"function parse() { [native code] }\",true,false,true,false]"
    );
}

#[test]
fn broad_texts_end_by_the_cpu_limit_if_at_all_and_cost_no_thread() {
    let runtime = runtime(1);
    let source = "export default { async fetch(request) { if (request.method === 'GET') return new Response('ok');
        try { return new Response(typeof await request.json()); } catch (error) { return new Response(error.name); } } }";
    let app = runtime.load(with_defaults("app", source)).expect("loads");
    let list = |item: &str, bytes: usize| format!("[{}1]", format!("{item},").repeat(bytes / (item.len() + 1)));
    let many_keys: Vec<_> = (0..400_000).map(|n| format!("\"key {n:06}\":{n}")).collect();
    let shapes: Vec<_> = (0..300_000).map(|n| format!("{{\"k{n:06}\":1}}")).collect();
    let bodies = [
        (0..700_000).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(","),
        (0..1_150_000).map(|n| format!("\"{n}\"")).collect::<Vec<_>>().join(","),
        shapes.join(","),
    ]
    .map(|items| format!("[{items}]"));
    let lists = [("{}", 10_000_000), ("[]", 10_000_000), ("1.5e300", 10_000_000), ("0", 7_000_000), ("\"\\u0041\"", 10_000_000)];
    let object = format!("{{{}}}", many_keys.join(","));
    let doubled = format!("{{{}\"a\":1}}", "\"a\":1,".repeat(1_600_000));
    let bodies = bodies.into_iter().chain(lists.map(|(item, bytes)| list(item, bytes))).chain([object, doubled]);
    for body in bodies {
        let beginning = body[..40].to_owned();
        match send(&app, body.into_bytes()) {
            Ok(_) => {}
            Err(error) => assert!(matches!(error.status, Status::CpuLimit | Status::MemoryLimit), "{beginning}: {error:?}"),
        }
        let stats = runtime.stats();
        assert_eq!((app.stats().strikes, stats.parked, stats.abandoned), (0, 0, 0), "{beginning}");
        assert_eq!(text(&app, "/"), "ok");
    }
}

#[test]
fn what_is_certain_to_fill_the_heap_is_not_begun_and_what_has_room_is_parsed() {
    let runtime = runtime(1);
    let source = "export default { async fetch(request) {
        try { return new Response(String((await request.json()).length)); } catch (error) { return new Response(error.message); } } }";
    let mut options = options("app", source);
    options.limits.cpu_ms = 60_000;
    let app = runtime.load(options).expect("loads");
    let refused = "JSON of more values than the app has room for (limit heap_bytes)";
    let row = r#"{"id":1,"name":"a name of some length","tags":["a","b"],"of":{"x":1.5,"y":-2}}"#;
    for (item, count, told) in [
        ("{}", 3_000_000, refused),
        ("[]", 3_000_000, refused),
        ("[{}]", 1_500_000, refused),
        (row, 100_000, "100000"),
        ("1", 3_000_000, "3000000"),
    ] {
        let body = format!("[{}{item}]", format!("{item},").repeat(count - 1));
        let response = send(&app, body.into_bytes()).expect("an answer");
        assert_eq!(String::from_utf8_lossy(&response.body), told, "{item}");
    }
    // A list that V8 keeps outside the heap until the object ends.
    let mut small = with_defaults("small", source);
    (small.limits.heap_bytes, small.limits.external_bytes, small.limits.cpu_ms) = (8 << 20, 8 << 20, 60_000);
    let small = runtime.load(small).expect("loads");
    let body = format!("{{{}\"\":1}}", "\"\":1,".repeat(1_200_000));
    assert_eq!(String::from_utf8_lossy(&send(&small, body.into_bytes()).expect("an answer").body), refused);
    let mut large = with_defaults("large", source);
    (large.limits.body_bytes, large.limits.cpu_ms) = (32 << 20, 60_000);
    let large = runtime.load(large).expect("loads");
    let keys: Vec<_> = (0..2_300_000).map(|n| format!("\"{n:x}\":1")).collect();
    let body = format!("{{{}}}", keys.join(","));
    assert_eq!(String::from_utf8_lossy(&send(&large, body.into_bytes()).expect("an answer").body), refused);
    nothing_is_lost(&runtime, &app);
    nothing_is_lost(&runtime, &small);
    nothing_is_lost(&runtime, &large);
}
