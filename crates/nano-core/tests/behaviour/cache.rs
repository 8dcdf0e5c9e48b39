//! The Cache API as Workers documents it: what is kept, for whom, how long.

use nano_core::{Clock, Runtime, RuntimeLimits, RuntimeOptions};

use crate::support::*;

/// What every app here has.
const HELPERS: &str = r#"
    const U = 'https://example.com/a';
    const fresh = (body, headers = {}, status = 200) => new Response(body, { status, headers: { 'cache-control': 'max-age=60', ...headers } });
    const get = async (url = U, init = {}) => {
        const found = await caches.default.match(new Request(url, init));
        return found && [found.status, await found.text()];
    };
    const failure = (promise) => promise.then(() => 'nothing', (e) => `${e.name}: ${e.message}`);
"#;

fn app(body: &str) -> String {
    format!(
        "{HELPERS}{body}\nexport default {{ async fetch(request, env, ctx) {{ return Response.json((await run(request, ctx)) ?? null); }} }}"
    )
}

/// What an app's `run()` returns, as JSON.
fn run(body: &str) -> String {
    let runtime = runtime(1);
    let mut options = options("cache", &app(body));
    // Eight megabytes in pieces take a while where nothing is optimized.
    options.limits.cpu_ms = 5_000;
    text(&runtime.load(options).expect("the app loads"), "/")
}

#[test]
fn what_is_put_is_found_until_it_is_deleted() {
    let source = r#"async function run() {
        const out = [await get()];
        out.push(await caches.default.put(U + '#fragment', fresh('one', { 'x-mine': 'a', 'content-type': 'text/x' })));
        const found = await caches.default.match(new Request(U));
        out.push(found.status, found.headers.get('x-mine'), found.headers.get('content-type'), found.headers.get('cf-cache-status'), found.headers.get('age'), await found.text());
        await caches.default.put(U, fresh('two', {}, 404));
        out.push(await get(), await get('HTTPS://EXAMPLE.com:443/a'), await get(U + '?q'));
        out.push(await caches.default.delete(U), await caches.default.delete(U), await get());
        await caches.default.put(U, new Response(null, { headers: { 'cache-control': 'max-age=1' }, status: 204 }));
        out.push((await caches.default.match(U)).body === null);
        return out;
    }"#;
    assert_eq!(run(source), r#"[null,null,200,"a","text/x","HIT","0","one",[404,"two"],[404,"two"],null,true,false,null,true]"#);
}

#[test]
fn named_caches_are_apart() {
    let source = r#"async function run() {
        const one = await caches.open('one');
        await one.put(U, fresh('1'));
        await (await caches.open('default')).put(U, fresh('named'));
        const names = ['one', 'two', 'default', ''];
        const out = [];
        for (const name of names) out.push(await (await (await caches.open(name)).match(U))?.text());
        return [out, await get(), caches instanceof CacheStorage, caches.default instanceof Cache, caches.default === caches.default,
            Object.prototype.toString.call(caches), await failure((async () => new Cache())()), await failure(caches.open())];
    }"#;
    assert_eq!(
        run(source),
        concat!(
            r#"[["1",null,"named",null],null,true,true,true,"[object CacheStorage]","TypeError: Illegal constructor","#,
            r#""TypeError: Failed to execute 'open' on 'CacheStorage': 1 argument required, but only 0 present."]"#
        )
    );
}

#[test]
fn what_cannot_be_kept_is_refused_and_what_must_not_be_is_not_kept() {
    let source = r#"async function run() {
        const put = (request, response) => failure(caches.default.put(request, response)).then((text) => text.replace("Failed to execute 'put' on 'Cache': ", ''));
        const used = fresh('x');
        await used.text();
        const refused = [
            await put(new Request(U, { method: 'POST', body: 'x' }), fresh('x')),
            await put(U, new Response('x', { status: 206 })),
            await put(U, fresh('x', { vary: 'accept, *' })),
            await put(U, used),
            await put(U, Response.error()),
            await put('ftp://example.com/', fresh('x')),
            await put('/relative', fresh('x')),
            await put(U, 'x'),
            await failure(caches.default.put(U)),
        ];
        const kept = [];
        for (const headers of [{ 'cache-control': 'no-store' }, { 'cache-control': 'private' }, { 'cache-control': 'max-age=0' }, { 'set-cookie': 'a=b' },
            { 'cache-control': 'private=Set-Cookie, max-age=9', 'set-cookie': 'a=b' }, { expires: 'Thu, 01 Jan 1970 00:00:00 GMT', 'cache-control': '' }, { vary: 'accept' }]) {
            await caches.default.delete(U);
            await caches.default.put(U, fresh('x', headers));
            const found = await caches.default.match(U);
            kept.push(found ? found.headers.has('set-cookie') : null);
        }
        await caches.default.delete(U);
        await caches.default.put(U, new Response(null, { status: 304 }));
        return [refused, kept, await get()];
    }"#;
    assert_eq!(
        run(source),
        concat!(
            r#"[["TypeError: Cannot cache response to non-GET request.","TypeError: Cannot cache response to a range request (206 Partial Content).","#,
            r#""TypeError: Cannot cache response with 'Vary: *' header.","TypeError: the body has already been used, or its stream is locked.","#,
            r#""TypeError: Cache is unable to store an error response","TypeError: Invalid URL. Cache API keys must be fully-qualified, valid URLs.","#,
            r#""TypeError: Failed to construct 'Request': '/relative' is not a valid absolute URL.","TypeError: parameter 2 is not of type 'Response'.","#,
            r#""TypeError: Failed to execute 'put' on 'Cache': 2 arguments required, but only 1 present."],[null,null,null,null,false,null,false],null]"#
        )
    );
}

#[test]
fn conditions_and_ranges_are_answered() {
    let source = r#"async function run() {
        await caches.default.put(U, fresh('0123456789', { etag: '"v1"', 'last-modified': 'Sun, 06 Nov 1994 08:49:37 GMT' }));
        const with_ = async (headers) => {
            const r = await caches.default.match(new Request(U, { headers }));
            return [r.status, r.headers.get('content-range'), await r.text()];
        };
        return [await with_({ 'if-none-match': '"v1"' }), await with_({ 'if-none-match': '"v2"' }), await with_({ 'if-modified-since': 'Sun, 06 Nov 1994 08:49:37 GMT' }),
            await with_({ range: 'bytes=2-4' }), await with_({ range: 'bytes=-2' }), await with_({ range: 'bytes=99-' })];
    }"#;
    assert_eq!(
        run(source),
        concat!(
            r#"[[304,null,""],[200,null,"0123456789"],[304,null,""],[206,"bytes 2-4/10","234"],[206,"bytes 8-9/10","89"],"#,
            r#"[416,"bytes */10",""]]"#
        )
    );
}

#[test]
fn only_get_is_answered_unless_the_method_is_ignored() {
    let source = r#"async function run() {
        await caches.default.put(U, fresh('x'));
        const head = new Request(U, { method: 'HEAD' });
        return [await caches.default.match(head), (await caches.default.match(head, { ignoreMethod: true })).status,
            await caches.default.delete(head), await caches.default.delete(head, { ignoreMethod: true })];
    }"#;
    assert_eq!(run(source), "[null,200,false,true]");
}

#[test]
fn streams_are_kept_whole_and_what_breaks_is_not_kept() {
    let source = r#"async function run() {
        const encoder = new TextEncoder();
        const streamOf = (n, end) => new ReadableStream({ async pull(c) { await 1; n-- > 0 ? c.enqueue(encoder.encode('piece ')) : end(c); } });
        await caches.default.put(U, fresh(streamOf(3, (c) => c.close())));
        const response = fresh(streamOf(2, (c) => c.close()));
        const [, text] = await Promise.all([caches.default.put(U + 2, response.clone()), response.text()]);
        const broken = await failure(caches.default.put(U + 3, fresh(streamOf(2, (c) => c.error(new RangeError('mine'))))));
        let canceled = false;
        const endless = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(100000)); }, cancel() { canceled = true; } });
        const large = await failure(caches.default.put(U + 4, fresh(endless)));
        // What is found is a copy.
        const found = new Uint8Array(await (await caches.default.match(U)).arrayBuffer());
        found.fill(0);
        return [await get(), await get(U + 2), text, broken, await get(U + 3), large, canceled, await get(U + 4)];
    }"#;
    assert_eq!(
        run(source),
        r#"[[200,"piece piece piece "],[200,"piece piece "],"piece piece ","RangeError: mine",null,"nothing",true,null]"#
    );
}

#[test]
fn freshness_follows_the_clock() {
    let clock = Clock::manual();
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, clock, ..RuntimeOptions::default() }).expect("a runtime");
    let source = app(r#"async function run(request) {
        if (request.url.endsWith('/put')) return caches.default.put(U, fresh('x'));
        const found = await caches.default.match(U);
        return found ? +found.headers.get('age') : 'none';
    }"#);
    let app = load(&runtime, "fresh", &source);
    assert_eq!(text(&app, "/put"), "null");
    assert_eq!(text(&app, "/"), "0");
    runtime.advance_clock(59_000).expect("a manual clock");
    assert_eq!(text(&app, "/"), "59");
    runtime.advance_clock(1_000).expect("a manual clock");
    assert_eq!(text(&app, "/"), "\"none\"");
}

/// Puts a kilobyte at the path's URL, or says what is found there.
const STORE: &str = r#"async function run(request) {
    const url = 'https://example.com' + new URL(request.url).pathname;
    if (request.url.endsWith('?put')) return caches.default.put(url, fresh('x'.repeat(1000)));
    return (await (await caches.default.match(url))?.text())?.length;
}"#;

#[test]
fn apps_never_see_each_others_entries_and_versions_share_theirs() {
    let runtime = runtime(2);
    let source = app(STORE);
    let (one, two) = (load(&runtime, "one", &source), load(&runtime, "two", &source));
    assert_eq!(text(&one, "/a?put"), "null");
    assert_eq!(text(&one, "/a"), "1000");
    assert_eq!(text(&two, "/a"), "null");
    one.reload(options("one", &source)).expect("reloads");
    assert_eq!(text(&one, "/a"), "1000");
    one.unload(PATIENCE).expect("unloads");
    let again = load(&runtime, "one", &source);
    assert_eq!(text(&again, "/a"), "null");
}

#[test]
fn quotas_evict_what_was_used_least_recently() {
    let limits = RuntimeLimits { threads: 1, cache_bytes: 8_000, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let mut options = options("small", &app(STORE));
    options.limits.cache_bytes = 5_500;
    let small = runtime.load(options).expect("loads");
    for path in ["/a", "/b", "/c"] {
        text(&small, &format!("{path}?put"));
    }
    assert_eq!(text(&small, "/a"), "1000");
    text(&small, "/d?put");
    let found = ["/a", "/b", "/c", "/d"].map(|path| text(&small, path) == "1000");
    assert_eq!(found, [true, false, true, true]);
    // Another app's entries push out the oldest of all.
    let other = load(&runtime, "other", &app(STORE));
    for path in ["/a", "/b"] {
        text(&other, &format!("{path}?put"));
    }
    let found = ["/a", "/c", "/d"].map(|path| text(&small, path) == "1000");
    assert_eq!(found, [false, true, true]);
    assert_eq!(text(&other, "/b"), "1000");
}

#[test]
fn an_app_that_patched_everything_is_cached_all_the_same() {
    let source = r#"
        const broken = () => { throw new Error('patched'); };
        const { ownKeys, defineProperty } = Reflect;
        const prototypes = [String.prototype, RegExp.prototype, Array.prototype, Set.prototype, Map.prototype, Uint8Array.prototype, Headers.prototype, Request.prototype];
        for (let i = 0; i < prototypes.length; i++) {
            const keys = ownKeys(prototypes[i]);
            for (let j = 0; j < keys.length; j++) {
                if (keys[j] !== 'constructor' && keys[j] !== 'length') defineProperty(prototypes[i], keys[j], { value: broken });
            }
        }
        globalThis.Request = globalThis.Response2 = broken;
        async function run() {
            await caches.default.put(U, new Response('x'));
            return (await caches.default.match(U)).text();
        }"#;
    assert_eq!(run(source), r#""x""#);
}
