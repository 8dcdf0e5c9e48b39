//! Blob, File, FormData, and bodies made of them.

use nano_core::{Status, Value};

use crate::support::*;

/// What an app that is one async function, `run(request)`, returns as JSON.
fn run(body: &str) -> String {
    run_within(32 << 20, body)
}

fn run_within(external_bytes: usize, body: &str) -> String {
    let runtime = runtime(1);
    let source = format!(
        "const error = async (f) => {{ try {{ return ['no error', await f()]; }} catch (e) {{ return e.name; }} }};\n\
         const entries = (form) => [...form].map(([k, v]) => [k, typeof v === 'string' ? v : [v.name, v.type, v.size]]);\n\
         export default {{ async fetch(request) {{ {body} }} }}"
    );
    let mut options = options("forms", &source);
    options.limits.external_bytes = external_bytes;
    options.limits.cpu_ms = 5_000;
    let app = runtime.load(options).expect("the app loads");
    text(&app, "/")
}

#[test]
fn a_blob_holds_its_parts_in_order() {
    let seen =
        run(r#"const blob = new Blob(['h\u00e9', new Uint8Array([108, 108]), new Blob(['o']), new ArrayBuffer(1), 7], { type: 'A/B' });
        const chunks = [];
        for await (const chunk of new Blob(['x'.repeat(70000)]).stream()) chunks.push(chunk.length);
        return Response.json([blob.size, blob.type, await blob.slice(0, 6).text(), [...await blob.slice(-3).bytes()],
            (await blob.slice(2, 4, 'c').arrayBuffer()).byteLength, chunks, String(blob)]);"#);
    assert_eq!(seen, "[8,\"a/b\",\"h\u{e9}llo\",[111,0,55],2,[65536,4464],\"[object Blob]\"]");
}

#[test]
fn a_byte_stream_of_a_blob_fills_the_readers_memory() {
    let seen = run(r#"const reader = new Blob(['hello']).stream().getReader({ mode: 'byob' });
        const { value } = await reader.read(new Uint8Array(3));
        return Response.json([...value]);"#);
    assert_eq!(seen, "[104,101,108]");
}

#[test]
fn slices_share_the_bytes_of_their_blob() {
    // A hundred slices of 512 KiB out of 1 MiB: 50 MiB if each were a copy, and not even their garbage may be one.
    let seen = run_within(
        3 << 20,
        r#"const blob = new Blob([new Uint8Array(1 << 20).fill(120)]);
        const slices = [];
        for (let i = 0; i < 100; i++) slices.push(blob.slice(i, i + (1 << 19)));
        const again = slices.map((slice) => new Blob([slice]));
        return Response.json([again.length, await again[99].slice(0, 2).text(), structuredClone(slices[7]).size]);"#,
    );
    assert_eq!(seen, "[100,\"xx\",524288]");
}

#[test]
fn a_blob_beyond_the_budget_is_a_range_error() {
    let seen = run_within(
        4 << 20,
        r#"const blob = new Blob(['x'.repeat(3 << 20)]);
        return Response.json([await error(() => new Blob([blob, blob])), await error(() => blob.arrayBuffer()), blob.size]);"#,
    );
    assert_eq!(seen, r#"["RangeError","RangeError",3145728]"#);
}

#[test]
fn bodies_of_forms_and_blobs_name_their_type() {
    let seen = run(r#"const form = new FormData();
        form.append('a', 'b');
        const bodies = [new Blob(['x'], { type: 'text/x' }), new Blob(['x']), new URLSearchParams('a=b'), form, 'x', new Uint8Array(1)];
        return Response.json(bodies.map((body) => new Response(body).headers.get('content-type')?.split('; boundary=')[0] ?? null));"#);
    assert_eq!(
        seen,
        r#"["text/x",null,"application/x-www-form-urlencoded;charset=UTF-8","multipart/form-data","text/plain;charset=UTF-8",null]"#
    );
}

#[test]
fn a_form_survives_the_way_through_multipart() {
    let seen = run(r#"const form = new FormData();
        form.append('a"\r\nb', 'one\ntwo');
        form.append('f', new File(['bytes'], 'n"\u00e9.txt', { type: 'text/x' }));
        form.append('f', new Blob(['q']));
        form.append('empty', '');
        const back = await new Request('http://a/', { method: 'POST', body: form }).formData();
        return Response.json([entries(back), await back.get('f').text(), back.get('f') instanceof File]);"#);
    let entries = "[[\"a\\\"\\r\\nb\",\"one\\r\\ntwo\"],[\"f\",[\"n\\\"\u{e9}.txt\",\"text/x\",5]],[\"f\",[\"blob\",\"application/octet-stream\",1]],[\"empty\",\"\"]]";
    assert_eq!(seen, format!("[{entries},\"bytes\",true]"));
}

#[test]
fn a_posted_form_is_read_from_the_wire() {
    let runtime = runtime(1);
    let app = load(
        &runtime,
        "upload",
        "export default { async fetch(request) { const form = await request.formData(); \
         return new Response([...form].map(([k, v]) => k + '=' + (v.name ?? v)).join('&') + ' ' + await form.get('file').text()); } }",
    );
    let body = "--xyz\r\nContent-Disposition: form-data; name=\"who\"\r\n\r\nme\r\n--xyz\r\nContent-Disposition: form-data; name=\"file\"; \
                filename=\"a.bin\"\r\nContent-Type: application/octet-stream\r\n\r\n\0data--xyz\r\n--xyz--\r\n";
    let mut init = post("/", body);
    assert!(init.head.headers.push(b"content-type", b"multipart/form-data; boundary=\"xyz\""));
    let response = app.fetch(init, Some(PATIENCE)).expect("a response");
    assert_eq!(String::from_utf8_lossy(&response.body), "who=me&file=a.bin \0data--xyz");
}

#[test]
fn malformed_forms_are_type_errors() {
    let seen = run(
        r#"const read = (type, body) => error(() => new Response(body, { headers: { 'content-type': type } }).formData().then(entries));
        const good = '--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--B--';
        const cut = [];
        for (let i = 0; i < good.length; i++) cut.push(await read('multipart/form-data; boundary=B', good.slice(0, i)));
        return Response.json([
            await read('multipart/form-data; boundary=B', good),
            [...new Set(cut)],
            await read('multipart/form-data', good),
            await read('multipart/form-data; boundary=C', good),
            await read('multipart/form-data; boundary=B', null),
            await read('text/plain', 'a=b'),
            await read('multipart/form-data; boundary=B', '--B\r\n\r\n'.repeat(1000)),
            await read('multipart/form-data; boundary=B', '--B\r\nContent-Disposition: form-data; name="' + 'x'.repeat(20000) + '"\r\n\r\n1\r\n--B--'),
            await read('multipart/form-data; boundary=B', '--B' + '\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n--B'.repeat(10001) + '--'),
            await read('application/x-www-form-urlencoded', '\ufeffa=%ff&b=+%2B&&c'),
        ]);"#,
    );
    let type_error = "\"TypeError\"";
    let expected = format!(
        "[[\"no error\",[[\"a\",\"1\"]]],[{type_error}],{},[\"no error\",[[\"\u{feff}a\",\"\u{fffd}\"],[\"b\",\" +\"],[\"c\",\"\"]]]]",
        [type_error; 7].join(",")
    );
    assert_eq!(seen, expected);
}

#[test]
fn an_app_that_patches_every_built_in_does_not_reach_into_forms() {
    let seen = run(r#"let stolen = '';
        Array.prototype.push = Array.prototype[Symbol.iterator] = () => { stolen += ' array'; throw 1; };
        String.prototype.replace = String.prototype.split = RegExp.prototype.exec = RegExp.prototype[Symbol.replace] = () => { stolen += ' text'; throw 2; };
        Object.defineProperty(Object.getPrototypeOf(Uint8Array.prototype), 'length', { get() { stolen += ' length'; return 0; } });
        ArrayBuffer.prototype.slice = Map.prototype.get = Set.prototype.add = () => { stolen += ' more'; throw 3; };
        Response.prototype.text = Blob.prototype.text = Blob.prototype.slice = () => { stolen += ' own'; throw 4; };
        const bytes = Blob.prototype.bytes;
        const trap = { __proto__: null, set() { stolen += ' set'; }, get() { return undefined; }, configurable: true };
        const { defineProperty } = Object;
        for (let index = 0; index < 5; index++) defineProperty(Array.prototype, index, trap);
        const traps = { name: trap, value: trap, then: trap, type: trap };
        for (const key in traps) defineProperty(Object.prototype, key, trap);
        const form = new FormData();
        form.append('f', new File({ *[Symbol.iterator]() { yield 'a'; yield 'bc'; } }, 'n'));
        form.append('k', 'v');
        const back = await new Response(form).formData();
        const read = await Reflect.apply(bytes, back.get('f'), []);
        let at = '';
        form.forEach((value, key) => { at += key; });
        return new Response(`${read[0]} ${read[2]} ${back.get('k')} ${at} ${stolen}`);"#);
    assert_eq!(seen, "97 99 v fk ");
}

#[test]
fn getters_and_conversions_that_throw_or_change_things_are_survived() {
    let seen = run(r#"const buffer = new ArrayBuffer(8);
        const late = new Blob([buffer, 'x'], { get type() { buffer.transfer(); return 'a/b'; } });
        const thrown = [];
        for (const make of [
            () => new Blob([{ toString() { throw new RangeError(); } }]),
            () => new Blob([Symbol()]),
            () => new Blob({ get [Symbol.iterator]() { throw new RangeError(); } }),
            () => new File([], { toString() { throw new RangeError(); } }),
            () => new FormData().append('a', {}, 'name'),
            () => new FormData(null),
            () => Blob.prototype.slice.call({}),
            () => Blob(['a']),
        ]) try { make(); thrown.push('nothing'); } catch (e) { thrown.push(e.name); }
        const proxied = new Proxy(new Blob(['x']), {});
        return Response.json([late.size, thrown, await error(() => Blob.prototype.text.call(proxied)), await new Response(proxied).text()]);"#);
    let thrown = r#"["RangeError","TypeError","RangeError","RangeError","TypeError","TypeError","TypeError","TypeError"]"#;
    assert_eq!(seen, format!("[1,{thrown},\"TypeError\",\"[object Blob]\"]"));
}

#[test]
fn the_bytes_of_a_body_become_those_of_its_blob_without_a_copy() {
    // 5 MiB in a budget of 8: twice would not fit.
    let runtime = runtime(1);
    let mut options = options(
        "adopt",
        "export default { async fetch(request) { const blob = await request.blob(); const half = blob.slice(blob.size / 2); \
         return Response.json([blob.size, blob.type, (await half.slice(0, 4).text())]); } }",
    );
    options.limits.external_bytes = 8 << 20;
    let app = runtime.load(options).expect("the app loads");
    let mut init = post("/", &"x".repeat(5 << 20));
    assert!(init.head.headers.push(b"content-type", b"Text/Plain"));
    let response = app.fetch(init, Some(PATIENCE)).expect("a response");
    assert_eq!(String::from_utf8_lossy(&response.body), r#"[5242880,"text/plain","xxxx"]"#);
}

#[test]
fn a_blob_cannot_cross_to_the_host() {
    let runtime = runtime(1);
    let app = load(&runtime, "export", "export function give() { return new Blob(['x']); }");
    match app.invoke_wait("give", Vec::new(), Some(PATIENCE)) {
        Ok((value, _)) => assert_eq!(value, Value::Object(Vec::new())),
        Err(error) => assert_eq!(error.status, Status::Exception),
    }
}

#[test]
fn search_params_write_every_character_and_read_it_back() {
    let body = r#"
        const wrong = [];
        const points = Array.from({ length: 0x3000 }, (_, n) => n).concat(0xd7ff, 0xe000, 0xfffd, 0xffff, 0x10000, 0x1f600, 0x10ffff);
        const unreserved = /^[A-Za-z0-9*._-]$/;
        for (const point of points) {
            const text = String.fromCodePoint(point);
            const bytes = [...new TextEncoder().encode(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
            const written = text === ' ' ? '+' : unreserved.test(text) ? text : bytes;
            const query = new URLSearchParams([[`a${text}`, text], [text, `${text}${text}b`]]).toString();
            const read = [...new URLSearchParams(query)].flat();
            const expected = [`a${text}`, text, text, `${text}${text}b`];
            if (query !== `a${written}=${written}&${written}=${written}${written}b` || read.join() !== expected.join()) wrong.push(point);
        }
        return Response.json([wrong, String(new URLSearchParams([['\ud83d', 'x\ude00']]))]);"#;
    assert_eq!(run(body), r#"[[],"%EF%BF%BD=x%EF%BF%BD"]"#);
}

#[test]
fn search_params_read_what_no_form_has_written() {
    let body = r#"
        const list = (query) => [...new URLSearchParams(query)].flat().join('|');
        return Response.json(['&&a&=&b=&=c&d==e=f&', 'a+b=+%2B+', '%zz=%4&%=%41%', '%ff=%C3%A4%C3', '?a=?&?b', 'a%3Db=%26&c%2', '+=%20'].map(list));"#;
    let expected =
        [r#"a||||b|||c|d|=e=f"#, r#"a b| + "#, r#"%zz|%4|%|A%"#, "\u{fffd}|\u{e4}\u{fffd}", r#"a|?|?b|"#, r#"a=b|&|c%2|"#, r#" | "#];
    assert_eq!(run(body), format!("[{}]", expected.map(|list| format!("\"{list}\"")).join(",")));
}
