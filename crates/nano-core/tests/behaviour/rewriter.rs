//! HTMLRewriter as Workers documents it, and what a hostile app may try with it.

use nano_core::{Body, Clock, Payload, Runtime, RuntimeLimits, RuntimeOptions, Status};

use crate::support::*;

/// What every app here has.
const HELPERS: &str = r#"
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
    const html = (text, headers = {}) => new Response(text, { headers: { 'content-type': 'text/html', ...headers } });
    const streamOf = (pieces) => new ReadableStream({ pull(c) { pieces.length ? c.enqueue(pieces.shift()) : c.close(); } }, { highWaterMark: 0 });
    const bytesOf = (text) => new TextEncoder().encode(text);
    const caught = (f) => { try { f(); return 'nothing'; } catch (e) { return `${e.name}: ${e.message}`; } };
    const failure = (promise) => promise.then(() => 'nothing', (e) => `${e.name}: ${e.message}`);
"#;

/// What an app's `run()` returns, as JSON.
fn run(body: &str) -> String {
    let runtime = runtime(1);
    let mut options = options("rewriter", &app(body));
    options.limits.cpu_ms = 10_000;
    let app = runtime.load(options).expect("the app loads");
    text(&app, "/")
}

fn app(body: &str) -> String {
    format!("{HELPERS}{body}\nexport default {{ async fetch(request) {{ return Response.json(await run(request)); }} }}")
}

#[test]
fn elements_are_read_and_changed() {
    let source = r#"async function run() {
        const seen = [];
        const result = await new HTMLRewriter().on('p', { element(e) {
            seen.push(e.tagName, [...e.attributes], e.getAttribute('CLASS'), e.getAttribute('none'), e.hasAttribute('id'), e.removed, e.namespaceURI);
            e.tagName = 'section';
            e.setAttribute('Title', 'a"b').removeAttribute('class').before('<', { html: false }).before('<hr>', { html: true });
            e.prepend('1').append('9').after('&');
        } }).on('i', { element(e) { e.setInnerContent('<new>'); } })
          .on('b', { element(e) { e.replace('<u>', { html: true }); } })
          .on('s', { element(e) { e.remove(); seen.push(e.removed); } })
          .on('u', { element(e) { e.removeAndKeepContent(); } })
          .transform(html('<p class="x" id=y>two</p><i>old<b>c</b></i>|<b>x</b>|<s>gone<i>too</i></s>|<u>kept</u>|<path/>')).text();
        return [result, seen];
    }"#;
    assert_eq!(
        run(source),
        concat!(
            r#"["&lt;<hr><section id=y title=\"a&quot;b\">1two9</section>&amp;<i>&lt;new&gt;</i>|<u>||kept|<path/>","#,
            r#"["p",[["class","x"],["id","y"]],"x",null,true,false,"http://www.w3.org/1999/xhtml",true]]"#
        )
    );
}

#[test]
fn texts_comments_doctypes_end_tags_and_the_end_are_seen() {
    let source = r#"async function run() {
        const seen = [];
        const result = await new HTMLRewriter()
            .on('p', {
                text(t) { seen.push(['text', t.text, t.lastInTextNode, t.removed]); if (t.text === 'one') t.replace('<1>').before('(').after(')'); },
                comments(c) { seen.push(['comment', c.text]); c.text = 'new'; c.after('!'); },
                element(e) { e.onEndTag((t) => { seen.push(['end', t.name]); t.name = 'q'; t.before('<').after('>', { html: true }); }); },
            })
            .onDocument({
                doctype(d) { seen.push(['doctype', d.name, d.publicId, d.systemId]); },
                comments(c) { if (c.text === 'gone') c.remove(); },
                text(t) { if (t.text === 'x') t.remove(); },
                end(e) { e.append('<end>').append('<end>', { html: true }); },
            })
            .transform(html('<!DOCTYPE html PUBLIC "-//a" "b"><!--gone--><p>one<!--old--></p>x')).text();
        return [result, seen];
    }"#;
    assert_eq!(
        run(source),
        concat!(
            r#"["<!DOCTYPE html PUBLIC \"-//a\" \"b\"><p>(&lt;1&gt;)<!--new-->!&lt;</q>>&lt;end&gt;<end>","#,
            r#"[["doctype","html","-//a","b"],["text","one",false,false],["text","",true,false],["comment","old"],["end","p"]]]"#
        )
    );
}

#[test]
fn a_handler_that_waits_holds_up_what_follows_and_nothing_else() {
    let source = r#"async function run() {
        const order = [];
        let release;
        const gate = new Promise((resolve) => { release = resolve; });
        const reader = new HTMLRewriter().on('a', { async element(e) {
            order.push(`begin ${e.getAttribute('n')}`);
            if (e.getAttribute('n') === '1') await gate; else await sleep(1);
            e.setAttribute('done', e.getAttribute('n'));
            e.onEndTag(async (t) => { await sleep(1); t.before('.'); order.push('end tag'); });
            order.push(`end ${e.getAttribute('n')}`);
        } }).transform(html('<b>before</b><a n=1>x</a><a n=2>y</a>')).body.getReader();
        const decoder = new TextDecoder();
        const first = decoder.decode((await reader.read()).value);
        order.push('first chunk');
        release();
        let rest = '';
        for (;;) { const { value, done } = await reader.read(); if (done) break; rest += decoder.decode(value); }
        return [first, rest, order];
    }"#;
    assert_eq!(
        run(source),
        concat!(
            r#"["<b>before</b>","<a n=1 done=\"1\">x.</a><a n=2 done=\"2\">y.</a>","#,
            r#"["begin 1","first chunk","end 1","end tag","begin 2","end 2","end tag"]]"#
        )
    );
}

#[test]
fn where_a_chunk_ends_does_not_matter() {
    let source = r#"async function run() {
        const document = '<!doctype html><p class="\u00fc">caf\u00e9 \u2603<!-- c --></p><script>if (a<b) "</p>"</script><br/>\ud83d\ude00';
        const rewriter = new HTMLRewriter().on('p', { async element(e) { e.setAttribute('seen', e.getAttribute('class')); e.after('\u2603'); } })
            .on('*', { comments(c) { c.text += '!'; }, text(t) { if (t.lastInTextNode) t.after('|'); } });
        const whole = await rewriter.transform(html(document)).text();
        const bytes = bytesOf(document);
        const different = [];
        for (let size = 1; size < 12; size++) {
            const pieces = [];
            for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
            const cut = await rewriter.transform(html(streamOf(pieces))).text();
            if (cut !== whole) different.push([size, cut]);
        }
        return [whole, different];
    }"#;
    assert_eq!(
        run(source),
        "[\"<!doctype html><p class=\\\"ü\\\" seen=\\\"ü\\\">café ☃|<!-- c !--></p>☃<script>if (a<b) \\\"</p>\\\"|</script><br/>😀\",[]]"
    );
}

#[test]
fn streams_and_responses_can_be_inserted() {
    let source = r#"async function run() {
        const stars = bytesOf('\u2603<*>');
        return [
            await new HTMLRewriter().on('a', { element(e) {
                e.before(streamOf([stars.slice(0, 1), stars.slice(1)]));
                e.append(new Response('<b>'), { html: true });
                e.after(new Response(null));
                e.setInnerContent('dropped').setInnerContent(streamOf([bytesOf('in')]));
            } }).transform(html('<a>old</a>.')).text(),
            await failure(new HTMLRewriter().on('a', { element(e) {
                e.before(new ReadableStream({ pull() { throw new RangeError('broken'); } }));
            } }).transform(html('<a>')).text()),
            await failure(new HTMLRewriter().on('a', { element(e) {
                const used = new Response('x'); used.text(); e.before(used);
            } }).transform(html('<a>')).text()),
        ];
    }"#;
    assert_eq!(
        run(source),
        concat!(
            r#"["☃&lt;*&gt;<a>in</a>.","RangeError: broken","#,
            r#""TypeError: Failed to execute 'before': the body of the response has already been used."]"#
        )
    );
}

#[test]
fn a_token_is_gone_when_its_handler_is_done() {
    let source = r#"async function run() {
        const kept = [], during = [];
        await new HTMLRewriter()
            .on('a', { async element(e) { const i = e.attributes; await sleep(1); during.push(i.next().value, e.tagName); kept.push(e, i); }, text(t) { kept.push(t); } })
            .on('b', { element(e) { e.onEndTag((t) => { kept.push(t); }); } })
            .onDocument({ end(e) { kept.push(e); } })
            .transform(html('<a x=1 y=2>t</a><b></b>')).text();
        const [element, iterator, text, , endTag, end] = kept;
        const gone = (f) => caught(f).startsWith('TypeError: This content token is no longer valid.');
        return [during, gone(() => element.tagName), gone(() => element.before('')), gone(() => element.attributes), gone(() => iterator.next()),
            gone(() => text.text), gone(() => endTag.name), gone(() => end.append('')), caught(() => new element.constructor()),
            Object.prototype.toString.call(element)];
    }"#;
    assert_eq!(run(source), r#"[[["x","1"],"a"],true,true,true,true,true,true,true,"TypeError: Illegal constructor","[object Element]"]"#);
}

#[test]
fn an_error_in_a_handler_is_the_error_of_the_body() {
    let source = r#"async function run() {
        const out = [];
        const mine = new SyntaxError('mine');
        for (const handler of [() => { throw mine; }, async () => { throw mine; }, async () => { await sleep(1); throw mine; }]) {
            let canceled = 'not canceled';
            const source = new ReadableStream({ pull(c) { c.enqueue(bytesOf('<a>text')); }, cancel(reason) { canceled = reason === mine; } });
            const body = new HTMLRewriter().on('a', { element: handler }).transform(html(source)).body;
            const reader = body.getReader();
            let error;
            try { for (;;) await reader.read(); } catch (e) { error = e; }
            out.push([error === mine, canceled]);
        }
        const source = new ReadableStream({ pull(c) { c.error(mine); } });
        out.push(await failure(new HTMLRewriter().transform(html(source)).text()));
        out.push(await failure(new HTMLRewriter().on('p', { element(e) { e.setAttribute('a b', ''); } }).transform(html('<p>')).text()));
        out.push(await failure(new HTMLRewriter().on('br', { element(e) { e.onEndTag(() => {}); } }).transform(html('<br>')).text()));
        out.push(await failure(new HTMLRewriter().on('p', { element() {} }).transform(html('<select><xmp><p>')).text()));
        return out;
    }"#;
    assert!(run(source).starts_with(concat!(
        r#"[[true,true],[true,true],[true,true],"SyntaxError: mine","#,
        r#""TypeError: Parser error: The attribute name contains a character that is forbidden in it.","#,
        r#""TypeError: Parser error: No end tag.","TypeError: Parser error: The parser has encountered a text content tag"#
    )));
}

#[test]
fn the_response_keeps_all_but_its_length() {
    let source = r#"async function run() {
        const rewriter = new HTMLRewriter();
        const original = html('<p>', { 'content-length': '3', 'x-mine': 'a', 'set-cookie': 'b=1' });
        original.headers.append('set-cookie', 'c=2');
        const response = rewriter.transform(new Response(original.body, { status: 201, statusText: 'Made', headers: original.headers }));
        const empty = new Response(null, { status: 204 });
        const used = html('x');
        await used.text();
        return [[...response.headers], response.status, response.statusText, await response.text(), rewriter.transform(empty) === empty,
            caught(() => rewriter.transform(used)), caught(() => rewriter.transform('x')), rewriter.on('p', {}) === rewriter];
    }"#;
    assert_eq!(
        run(source),
        concat!(
            r#"[[["content-type","text/html"],["set-cookie","b=1"],["set-cookie","c=2"],["x-mine","a"]],201,"Made","<p>",true,"#,
            r#""TypeError: Failed to execute 'transform' on 'HTMLRewriter': the body has already been used, or its stream is locked.","#,
            r#""TypeError: Failed to execute 'transform' on 'HTMLRewriter': parameter 1 is not of type 'Response'.",true]"#
        )
    );
}

#[test]
fn a_selector_that_is_wrong_is_refused_at_once() {
    let source = r#"async function run() {
        const on = (selector) => caught(() => new HTMLRewriter().on(selector, {}));
        return [on('p >'), on(''), on('p:hover'), on('svg|a'), on('a'.repeat(2000)).slice(0, 40), on('div > p.c#d[e^="f" i]:nth-child(2n+1):not(.g)'),
            caught(() => new HTMLRewriter().on('p')), caught(() => new HTMLRewriter().on('p', { element: 1 })),
            caught(() => { const r = new HTMLRewriter(); for (let i = 0; i < 200; i++) r.on('p', {}); })];
    }"#;
    assert_eq!(
        run(source),
        concat!(
            r#"["TypeError: Parser error: Dangling combinator in selector.","TypeError: Parser error: The selector is empty.","#,
            r#""TypeError: Parser error: Unsupported pseudo-class or pseudo-element in selector.","#,
            r#""TypeError: Parser error: Selectors with explicit namespaces are not supported.","TypeError: Parser error: a selector may ","nothing","#,
            r#""TypeError: Failed to execute 'on' on 'HTMLRewriter': 2 arguments required, but only 1 present.","#,
            r#""TypeError: Failed to execute 'on' on 'HTMLRewriter': the handler 'element' is not a function.","#,
            r#""RangeError: a rewriter may have 128 selectors and document handlers"]"#
        )
    );
}

#[test]
fn documents_are_read_and_written_in_their_encoding() {
    let source = r#"async function run() {
        const latin = new Uint8Array([0x3c, 0x70, 0x20, 0x61, 0x3d, 0xe9, 0x3e, 0xfc]);
        const seen = [];
        const of = (type) => new HTMLRewriter()
            .on('p', { element(e) { seen.push(e.getAttribute('a')); e.setAttribute('b', '\u00e4').append('\u2603\u00f6').prepend(new Response('\u00df')); }, text(t) { seen.push(t.text); } })
            .transform(new Response(latin, { headers: { 'content-type': type } }));
        const written = [...new Uint8Array(await of('text/html; charset="windows-1252"').arrayBuffer())].map((b) => b > 127 ? b.toString(16) : String.fromCharCode(b)).join('');
        return [written, seen, caught(() => of('text/html;charset=utf-16')), caught(() => of('text/html;charset=nonsense'))];
    }"#;
    assert_eq!(
        run(source),
        concat!(
            r#"["<p a=e9 b=\"e4\">dffc",["é","ü",""],"TypeError: Parser error: Expected ASCII-compatible encoding.","#,
            r#""TypeError: Parser error: Unknown character encoding has been provided."]"#
        )
    );
}

#[test]
fn nothing_is_rewritten_that_nobody_reads() {
    let source = r#"async function run() {
        let pulled = 0, handled = 0;
        const source = new ReadableStream({ pull(c) { pulled++; c.enqueue(bytesOf('<p>' + 'x'.repeat(4000) + '</p>')); } }, { highWaterMark: 0 });
        const body = new HTMLRewriter().on('p', { element() { handled++; } }).transform(html(source)).body;
        await sleep(1);
        const before = [pulled, handled];
        const reader = body.getReader();
        await reader.read();
        await sleep(1);
        const after = [pulled, handled];
        await reader.cancel();
        return [before, after[0] < 10 && after[1] < 10 && after[0] > 0];
    }"#;
    assert_eq!(run(source), "[[0,0],true]");
}

#[test]
fn handlers_may_rewrite_cancel_and_read_while_they_run() {
    let source = r#"async function run() {
        const rewriter = new HTMLRewriter().on('a', { async element(e) {
            const depth = +e.getAttribute('d');
            if (depth > 0) e.setInnerContent(await rewriter.transform(html(`<a d=${depth - 1}></a>`)).text(), { html: true });
        } });
        const nested = await rewriter.transform(html('<a d=3></a>')).text();
        let body, reader;
        body = new HTMLRewriter().on('b', { element() { reader.cancel('enough'); } }).transform(html('x<b>y</b>')).body;
        reader = body.getReader();
        const first = await reader.read();
        return [nested, first.done, (await reader.read()).done];
    }"#;
    assert_eq!(run(source), r#"["<a d=3><a d=2><a d=1><a d=0></a></a></a></a>",true,true]"#);
}

#[test]
fn a_handler_that_never_settles_ends_with_its_request() {
    let clock = Clock::manual();
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, clock, ..RuntimeOptions::default() }).expect("a runtime");
    let source = r#"export default { fetch(request) {
        if (request.url.endsWith('/ok')) return new Response('ok');
        return new HTMLRewriter().on('a', { element() { return new Promise(() => {}); } }).transform(new Response('head<a>'));
    } }"#;
    let app = load(&runtime, "never", source);
    let id = app.dispatch(get("/")).expect("accepted");
    assert_eq!(text(&app, "/ok"), "ok");
    runtime.advance_clock(31_000).expect("a manual clock");
    let end = until_end(&runtime, id);
    assert!(matches!(end.last(), Some(Payload::Error(error, _)) if error.status == Status::WallLimit), "{end:?}");
    assert_eq!(text(&app, "/ok"), "ok");
}

#[test]
fn giant_tags_and_deep_nesting_end_the_stream_not_the_app() {
    let source = r#"async function run() {
        const rewriter = () => new HTMLRewriter().on('b', { element() {} });
        const forever = (text) => { const bytes = bytesOf(text); return new ReadableStream({ pull(c) { c.enqueue(bytes.slice()); } }); };
        const giant = new ReadableStream({ start(c) { c.enqueue(bytesOf('<b a="')); }, pull(c) { c.enqueue(bytesOf('x'.repeat(65536))); } });
        const out = [];
        for (const source of [giant, forever('<a>'.repeat(20000)), forever('<b>'.repeat(5000))]) out.push((await failure(rewriter().transform(html(source)).text())).slice(0, 45));
        out.push((await rewriter().transform(html('<b>fine</b>')).text()));
        return out;
    }"#;
    let memory = "RangeError: Parser error: The memory limit ha";
    assert_eq!(run(source), format!(r#"["{memory}","{memory}","{memory}","<b>fine</b>"]"#));
}

#[test]
fn names_that_a_selector_counts_by_have_their_limit() {
    let source = r#"async function run() {
        const rewriter = (selector) => new HTMLRewriter().on(selector, { element() {} });
        let many = '<svg>';
        for (let i = 0; i < 20000; i++) many += `<a${i.toString(36)}/>`;
        const few = '<a></a><b></b><p><i></i></p>'.repeat(20000);
        const out = [];
        for (const selector of ['b:nth-of-type(2)', 'p > b:First-Of-Type', 'b:nth-\\6f f-type(2)'])
            out.push((await failure(rewriter(selector).transform(html(many)).text())).slice(0, 45));
        out.push((await rewriter('b').transform(html(many)).text()) === many);
        out.push((await rewriter('b:nth-of-type(2)').transform(html(few)).text()) === few);
        const second = new HTMLRewriter().on('b:nth-of-type(2)', { element(e) { e.setAttribute('n', '2'); } });
        out.push(await second.transform(html('<p><b></b><i></i><b></b></p>')).text());
        return out;
    }"#;
    let memory = "RangeError: Parser error: The memory limit ha";
    let rewritten = r#"<p><b></b><i></i><b n=\"2\"></b></p>"#;
    assert_eq!(run(source), format!(r#"["{memory}","{memory}","{memory}",true,true,"{rewritten}"]"#));
}

#[test]
fn what_handlers_insert_is_charged_and_given_back() {
    let runtime = runtime(1);
    let body = r#"async function run() {
        const big = 'x'.repeat(100000);
        const out = [];
        out.push(await failure(new HTMLRewriter().on('a', { element(e) { for (let i = 0; i < 10000; i++) e.append(big); } }).transform(html('<a></a>')).text()));
        out.push(await failure(new HTMLRewriter().on('a', { element(e) { for (let i = 0; i < 1000; i++) e.setAttribute('a' + i, big); } }).transform(html('<a></a>')).text()));
        const open = [];
        for (;;) {
            // Each waits in the middle of its document.
            const reader = new HTMLRewriter().on('a', { element() { return new Promise(() => {}); } }).transform(html('-<a>')).body.getReader();
            open.push(reader);
            if ((await failure(reader.read())) !== 'nothing') break;
        }
        out.push(open.length > 40 && open.length < 300);
        for (const reader of open) await reader.cancel().catch(() => {});
        for (let i = 0; i < 200; i++) new HTMLRewriter().on('p', {}).transform(html('<p>'));
        for (let i = 0; i < 200; i++) new HTMLRewriter().on('p', {}).transform(html('<p>-')).body.getReader().read().catch(() => {});
        await sleep(1);
        for (let i = 0; i < 50; i++) await new HTMLRewriter().on('p', { element(e) { e.append(big); } }).transform(html('<p></p>'.repeat(10))).text();
        return out;
    }"#;
    let mut options = options("hungry", &app(body));
    options.limits.external_bytes = 16 << 20;
    options.limits.cpu_ms = 20_000;
    let app = runtime.load(options).expect("the app loads");
    let used_up = "RangeError: the app's memory outside the heap is used up (limit external_bytes)";
    for _ in 0..2 {
        assert_eq!(text(&app, "/"), format!(r#"["{used_up}","{used_up}",true]"#));
    }
}

#[test]
fn an_app_that_patched_everything_rewrites_all_the_same() {
    let source = r#"
        const broken = () => { throw new Error('patched'); };
        const { ownKeys, defineProperty } = Reflect;
        const join = Function.prototype.call.bind(Array.prototype.join);
        const prototypes = [String.prototype, RegExp.prototype, Array.prototype, Set.prototype, Map.prototype, WeakMap.prototype, Uint8Array.prototype];
        for (let i = 0; i < prototypes.length; i++) {
            const keys = ownKeys(prototypes[i]);
            for (let j = 0; j < keys.length; j++) {
                if (keys[j] !== 'constructor' && keys[j] !== 'length') defineProperty(prototypes[i], keys[j], { value: broken });
            }
        }
        for (const key in { html: 1, element: 1, comments: 1, text: 1, then: 1 }) {
            if (key !== 'then') defineProperty(Object.prototype, key, { get() { return undefined; }, set: broken, configurable: true });
        }
        function run() {
            return new HTMLRewriter().on('a', { __proto__: null, async element(e) { await 1; e.append('1'); e.setAttribute('b', e.getAttribute('a')); } })
                .transform(new Response('<a a=x></a>')).text();
        }"#;
    assert_eq!(run(source), r#""<a a=x b=\"x\">1</a>""#);
}

const ECHO: &str = "export default { fetch(request) { return new HTMLRewriter().on('b', { async element(e) { await 1; e.after('!'); } })
    .transform(new Response(request.body)); } }";

#[test]
fn a_request_s_own_body_is_rewritten_whole_or_in_pieces() {
    let runtime = runtime(1);
    let app = load(&runtime, "echo", ECHO);
    let whole = app.fetch(post("/", "a<b>c</b>d"), Some(PATIENCE)).expect("a response");
    assert_eq!(String::from_utf8_lossy(&whole.body), "a<b>c</b>!d");
    let mut init = get("/");
    init.head.method = "POST".into();
    init.body = Body::Stream;
    let id = app.dispatch(init.clone()).expect("accepted");
    for piece in ["a<", "b>c</", "b>d"] {
        runtime.request_write(id, piece.as_bytes()).expect("accepted");
    }
    runtime.request_end(id).expect("ends");
    let body: Vec<u8> = until_end(&runtime, id).into_iter().flat_map(bytes_of).collect();
    assert_eq!(String::from_utf8_lossy(&body), "a<b>c</b>!d");

    let id = app.dispatch(init).expect("accepted");
    runtime.request_write(id, b"a<b>").expect("accepted");
    runtime.request_abort_body(id, "the client went away").expect("running");
    let end = until_end(&runtime, id).pop();
    assert!(matches!(&end, Some(Payload::Error(error, _)) if error.message.contains("the client went away")), "{end:?}");
}

fn bytes_of(payload: Payload) -> Vec<u8> {
    match payload {
        Payload::Response { body, .. } => body,
        Payload::Chunk(body) => body,
        _ => Vec::new(),
    }
}

#[test]
fn a_client_that_goes_away_ends_what_is_read_for_it() {
    let runtime = runtime(1);
    let source = r#"let canceled = 0; export default { fetch(request) {
        if (request.url.endsWith('/count')) return new Response(`${canceled}`);
        const source = new ReadableStream({ pull(c) { c.enqueue(new TextEncoder().encode('<a>')); }, cancel() { canceled++; } });
        const content = new ReadableStream({ pull() { return new Promise(() => {}); }, cancel() { canceled += 10; } });
        return new HTMLRewriter().on('a', { element(e) { e.before(content); return new Promise(() => {}); } }).transform(new Response(source));
    } }"#;
    let app = load(&runtime, "gone", source);
    let id = app.dispatch(get("/")).expect("accepted");
    assert_eq!(text(&app, "/count"), "0");
    runtime.request_cancel(id).expect("running");
    until_end(&runtime, id);
    assert_eq!(text(&app, "/count"), "11");
}

#[test]
fn an_endless_stream_is_inserted_as_far_as_it_is_read() {
    let source = r#"async function run() {
        let pulled = 0;
        const endless = new ReadableStream({ pull(c) { pulled++; c.enqueue(bytesOf('x'.repeat(1000))); } }, { highWaterMark: 0 });
        const reader = new HTMLRewriter().on('a', { element(e) { e.setInnerContent(endless); } }).transform(html('<a></a>')).body.getReader();
        let read = 0;
        while (read < 5000) read += (await reader.read()).value.byteLength;
        await sleep(2);
        const enough = pulled < 10;
        await reader.cancel();
        return enough;
    }"#;
    assert_eq!(run(source), "true");
}
