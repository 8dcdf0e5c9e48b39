//! Caches that an app opens by name: the standard's Cache and CacheStorage, with the expiry and the ranges of Workers.

use nano_core::{Clock, Runtime, RuntimeLimits, RuntimeOptions};

use crate::fetching::{caller, response, run as fetch_and_run};
use crate::support::*;

const HELPERS: &str = "
    const U = 'https://example.com/a';
    const of = (vary, value) => [new Request(U, { headers: { 'x-a': value } }), new Response(value, { headers: { vary } })];
    const texts = async (responses) => { const out = []; for (const r of responses) out.push(await r.text()); return out.join(); };
    const urls = (requests) => requests.map((r) => r.url.slice(20)).join();
    const failure = (promise) => promise.then(() => 'nothing', (e) => `${e.constructor.name} ${e.name}: ${e.message}`);";

fn app(body: &str) -> String {
    format!("{HELPERS}\n{body}\nexport default {{ async fetch(request) {{ return Response.json((await run(request)) ?? null); }} }}")
}

fn run(body: &str) -> String {
    text(&load(&runtime(1), "named", &app(body)), "/")
}

#[test]
fn a_named_cache_gives_back_what_was_put_as_it_was() {
    let source = r#"async function run() {
        const cache = await caches.open('c');
        const shape = (r) => [r.status, r.statusText, r.type, r.url, r.redirected, r.ok, [...r.headers].join(';'), r.body === null];
        const out = [];
        for (const r of [new Response('x', { status: 500, statusText: 'Oh', headers: { 'x-b': '1', age: '5', 'set-cookie': 'a=b' } }), Response.error(),
            Response.redirect('http://b.test/'), new Response(null, { status: 204 }), new Response(new Blob(['blob'], { type: 'a/b' })), await fetch('data:,hi')]) {
            await cache.put(U, r);
            const found = await cache.match(U);
            out.push([...shape(found), await found.text()]);
        }
        let immutable = 'mutable';
        try { (await cache.match(U)).headers.set('a', 'b'); } catch (e) { immutable = e.name; }
        return [out, immutable];
    }"#;
    assert_eq!(
        run(source),
        concat!(
            r#"[[[500,"Oh","default","",false,false,"age,5;content-type,text/plain;charset=UTF-8;x-b,1",false,"x"],"#,
            r#"[0,"","error","",false,false,"",true,""],[302,"","default","",false,false,"location,http://b.test/",true,""],"#,
            r#"[204,"","default","",false,true,"",true,""],[200,"","default","",false,true,"content-type,a/b",false,"blob"],"#,
            r#"[200,"OK","basic","data:,hi",false,true,"content-type,text/plain;charset=US-ASCII",false,"hi"]],"TypeError"]"#
        )
    );
}

#[test]
fn requests_match_by_vary_query_and_method() {
    let source = r#"async function run() {
        const cache = await caches.open('c');
        for (const value of ['1', '2', '1']) await cache.put(...of('X-A', value));
        await cache.put(U + '?q#f', new Response('q'));
        await cache.put(U + 'b', new Response('b'));
        const head = new Request(U + 'b', { method: 'HEAD' });
        const one = (value) => new Request(U, { headers: { 'x-a': value } });
        const out = [urls(await cache.keys()), await texts(await cache.matchAll())];
        out.push(await texts(await cache.matchAll(one('1'))), await texts(await cache.matchAll(U)), await texts(await cache.matchAll(U, { ignoreVary: true })));
        out.push(await texts(await cache.matchAll(U + '?z', { ignoreSearch: true })), await texts(await cache.matchAll(U, { ignoreSearch: 1, ignoreVary: 1 })));
        out.push(await cache.match(head) === undefined, await (await cache.match(head, { ignoreMethod: true })).text(), urls(await cache.keys(head)));
        out.push(await cache.delete(head), await cache.delete(U), await cache.delete(one('2')), await cache.delete(U, { ignoreSearch: true, ignoreVary: true }));
        out.push(urls(await cache.keys()), await cache.match('ftp://a/') === undefined);
        return out;
    }"#;
    assert_eq!(run(source), r##"["a,a,a?q#f,ab","2,1,q,b","1","","2,1","q","2,1,q",true,"b","",false,false,true,true,"ab",true]"##);
}

#[test]
fn keys_are_the_requests_that_were_put() {
    let source = r#"async function run() {
        const cache = await caches.open('c');
        await cache.put(new Request(U, { headers: { 'x-a': '1' }, mode: 'same-origin', cache: 'reload', integrity: 'sha256-a\nb', keepalive: true, redirect: 'error' }), new Response('x'));
        await cache.put(U + 2, new Response('x'));
        await caches.default.put(new Request(U, { headers: { secret: '1' } }), new Response('x'));
        const shape = (r) => [r.method, r.mode, r.cache, r.integrity, r.keepalive, r.redirect, r.credentials, r.referrer, [...r.headers].join()];
        const [one, two] = await cache.keys();
        const usual = JSON.stringify(shape(new Request(U + 2))) === JSON.stringify(shape(two));
        let error;
        try { one.headers.set('a', 'b'); } catch (e) { error = e.name; }
        return [shape(one), usual, error, shape((await caches.default.keys())[0]).at(-1)];
    }"#;
    assert_eq!(
        run(source),
        r#"[["GET","same-origin","reload","sha256-a\nb",true,"error","same-origin","about:client","x-a,1"],true,"TypeError",""]"#
    );
}

#[test]
fn the_storage_lists_finds_and_deletes_caches_by_their_names() {
    let source = r#"async function run() {
        const [b, a] = [await caches.open('b'), await caches.open('a\ud800')];
        await a.put(U, new Response('a'));
        await caches.default.put(U + 'only', new Response('default'));
        const out = [(await caches.keys()).map((name) => name.length), await caches.has('b'), await caches.has('a\ufffd'), await caches.has('a\ud800')];
        out.push(await (await caches.match(U)).text(), await caches.match(U + 'only') === undefined);
        await b.put(U, new Response('b'));
        out.push(await (await caches.match(U)).text(), await (await caches.match(U, { cacheName: 'a\ud800' })).text(), await caches.match(U, { cacheName: 'x' }) === undefined);
        out.push(await caches.has('x'), await caches.delete('b'), await caches.delete('b'), await (await b.match(U)).text());
        await b.put(U + 2, new Response('still there'));
        out.push((await b.keys()).length, (await (await caches.open('b')).keys()).length, (await caches.keys()).at(-1));
        out.push(await failure(caches.delete()), await failure(caches.has()), await failure(caches.match()), await failure(caches.match.call({}, U)));
        return out;
    }"#;
    assert_eq!(
        run(source),
        concat!(
            r#"[[1,2],true,false,true,"a",true,"b","a",true,false,true,false,"b",2,0,"b","#,
            r#""TypeError TypeError: Failed to execute 'delete' on 'CacheStorage': 1 argument required, but only 0 present.","#,
            r#""TypeError TypeError: Failed to execute 'has' on 'CacheStorage': 1 argument required, but only 0 present.","#,
            r#""TypeError TypeError: Failed to execute 'match' on 'CacheStorage': 1 argument required, but only 0 present.","#,
            r#""TypeError TypeError: Cannot read private member #default from an object whose class did not declare it"]"#
        )
    );
}

#[test]
fn what_http_says_of_time_holds_in_named_caches_too() {
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, clock: Clock::manual(), ..RuntimeOptions::default() }).expect("a runtime");
    let source = app(r#"async function run(request) {
        const cache = await caches.open('c');
        if (request.url.endsWith('/put')) {
            await cache.put(U, new Response('minute', { headers: { 'cache-control': 'max-age=60' } }));
            await cache.put(U + 1, new Response('never', { headers: { 'cache-control': 'no-store' } }));
            await cache.put(U + 2, new Response('always', { headers: { etag: '"e"' } }));
        }
        const part = await cache.match(new Request(U + 2, { headers: { range: 'bytes=0-1' } }));
        const same = await cache.match(new Request(U + 2, { headers: { 'if-none-match': '"e"' } }));
        return [urls(await cache.keys()), await cache.match(U) !== undefined, part.status, await part.text(), same.status, same.headers.has('age')];
    }"#);
    let app = load(&runtime, "named", &source);
    assert_eq!(text(&app, "/put"), r#"["a,a2",true,206,"al",304,false]"#);
    runtime.advance_clock(3_600_000).expect("a manual clock");
    runtime.advance_clock(3_600_000 * 24 * 300).expect("a manual clock");
    assert_eq!(text(&app, "/"), r#"["a2",false,206,"al",304,false]"#);
}

#[test]
fn what_is_larger_than_the_quota_is_an_error_and_pushes_nothing_out() {
    let runtime = runtime(1);
    let source = app(r#"async function run() {
        const cache = await caches.open('c');
        await cache.put(U, new Response('small'));
        const large = await failure(cache.put(U, new Response('x'.repeat(20_000))));
        const name = await failure(caches.open('n'.repeat(20_000)));
        return [large, name, await caches.default.put(U, new Response('x'.repeat(20_000))) === undefined, (await cache.keys()).length];
    }"#);
    let mut options = options("small", &source);
    options.limits.cache_bytes = 10_000;
    assert_eq!(
        text(&runtime.load(options).expect("loads"), "/"),
        concat!(
            r#"["DOMException QuotaExceededError: Failed to execute 'put' on 'Cache': the app may not keep so much (limit cache_bytes)","#,
            r#""DOMException QuotaExceededError: Failed to execute 'open' on 'CacheStorage': the app may not keep so much (limit cache_bytes)",true,1]"#
        )
    );
}

/// What `run()` returns, and the URLs that it fetched.
fn fetching(body: &str) -> (String, Vec<String>) {
    let (text, fetched) = fetch_and_run(caller(&app(body)), |head| match head.url.rsplit('/').next().unwrap_or_default() {
        "404" => response(404, &[], ""),
        "206" => response(206, &[], ""),
        "star" => response(200, &[("vary", "*")], ""),
        "moved" => response(302, &[("location", "/a1")], ""),
        "vary" => response(200, &[("vary", "x-a")], "v"),
        path => response(200, &[], path),
    });
    (text, fetched.into_iter().map(|(head, _)| head.url.rsplit('/').next().unwrap_or_default().to_string()).collect())
}

#[test]
fn add_fetches_and_keeps_all_or_nothing() {
    let (text, fetched) = fetching(
        r#"async function run() {
        const cache = await caches.open('c');
        const out = [await cache.add(U + 1) === undefined, await cache.addAll([]) === undefined];
        await cache.addAll([U + 1, U + 2, U + 3, U + 4, U + 5, U + 6, U + 7]);
        out.push(await texts(await cache.matchAll()));
        await cache.add('https://example.com/moved');
        const moved = await cache.match('https://example.com/moved');
        out.push(moved.url, moved.redirected, await moved.text());
        for (const bad of ['404', '206', 'star']) out.push(await failure(cache.addAll([U + 8, 'https://example.com/' + bad])));
        const post = new Request(U + 9, { method: 'POST', body: 'x' });
        out.push(await failure(cache.addAll([U + 9, post])), await failure(cache.add('ftp://a/')), await failure(cache.add()), await failure(cache.addAll(U)));
        out.push(await failure(cache.addAll([U, U + '#f'])), await failure(cache.add(new Request(U, { signal: AbortSignal.abort() }))));
        out.push(await cache.match(U + 8) === undefined, await cache.match(U) === undefined);
        await caches.default.add(U);
        out.push(await (await caches.default.match(U)).text());
        return out;
    }"#,
    );
    assert_eq!(
        text,
        concat!(
            r#"[true,true,"a1,a2,a3,a4,a5,a6,a7","https://example.com/a1",true,"a1","#,
            r#""TypeError TypeError: Failed to execute 'addAll' on 'Cache': the response has the status 404, which is not ok.","#,
            r#""TypeError TypeError: Failed to execute 'addAll' on 'Cache': Cannot cache response to a range request (206 Partial Content).","#,
            r#""TypeError TypeError: Failed to execute 'addAll' on 'Cache': Cannot cache response with 'Vary: *' header.","#,
            r#""TypeError TypeError: Failed to execute 'addAll' on 'Cache': Cannot cache response to non-GET request.","#,
            r#""TypeError TypeError: Failed to execute 'add' on 'Cache': Invalid URL. Cache API keys must be fully-qualified, valid URLs.","#,
            r#""TypeError TypeError: Failed to execute 'add' on 'Cache': 1 argument required, but only 0 present.","#,
            r#""TypeError TypeError: Failed to execute 'addAll' on 'Cache': parameter 1 is not a sequence.","#,
            r#""DOMException InvalidStateError: Failed to execute 'addAll' on 'Cache': two of the requests are for the same entry","#,
            r#""DOMException AbortError: This operation was aborted",true,true,"a"]"#
        )
    );
    assert_eq!(fetched[..8].join(" "), "a1 a1 a2 a3 a4 a5 a6 a7");
}

#[test]
fn entries_that_vary_are_added_together_unless_one_would_replace_the_other() {
    let (text, _) = fetching(
        r#"async function run() {
        const cache = await caches.open('c');
        const one = (a, b) => new Request('https://example.com/vary', { headers: { 'x-a': a, 'x-b': b } });
        await cache.addAll([one('1', '1'), one('2', '1')]);
        return [(await cache.keys()).length, await failure(cache.addAll([one('1', '1'), one('1', '2')])), await failure(caches.default.addAll([one('1', '1'), one('2', '1')]))];
    }"#,
    );
    let error = "DOMException InvalidStateError: Failed to execute 'addAll' on 'Cache': two of the requests are for the same entry";
    assert_eq!(text, format!(r#"[2,"{error}","{error}"]"#));
}

#[test]
fn an_app_that_patched_everything_uses_named_caches_all_the_same() {
    let (text, _) = fetching(
        r#"
        const broken = () => { throw new Error('patched'); };
        const { ownKeys, defineProperty } = Reflect;
        const prototypes = [String.prototype, RegExp.prototype, Array.prototype, Set.prototype, Map.prototype, Uint8Array.prototype, Headers.prototype, Request.prototype];
        async function run() {
            for (let i = 0; i < prototypes.length; i++) {
                const keys = ownKeys(prototypes[i]);
                for (let j = 0; j < keys.length; j++) {
                    if (keys[j] !== 'constructor' && keys[j] !== 'length' && keys[j] !== Symbol.iterator) defineProperty(prototypes[i], keys[j], { value: broken });
                }
            }
            const cache = await caches.open('c');
            await cache.addAll({ [Symbol.iterator]() { let n = 0; return { next: () => ({ done: n === 2, value: U + n++ }) }; } });
            const found = await (await caches.match(U + 1)).text();
            const keys = await cache.keys();
            const all = await cache.matchAll();
            return { found, keys: keys.length, all: all.length, names: (await caches.keys()).length };
        }"#,
    );
    assert_eq!(text, r#"{"found":"a1","keys":2,"all":2,"names":1}"#);
}
