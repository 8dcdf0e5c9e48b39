//! CompressionStream and DecompressionStream: every format both ways, what is corrupt, and bombs.

use nano_core::Status;

use crate::support::*;

/// A block of raw deflate that stands for 1 MiB of zeros and ends at a byte, so that blocks can follow one another: 1 to 1,011.
const MEBIBYTE_OF_ZEROS: &str = "7MExAQAAAMKg9U9tCF+gAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA+AwAA//8=";

const HELPERS: &str = r#"
    const block = Uint8Array.from(atob(MEBIBYTE), (c) => c.charCodeAt(0));
    const lastBlock = Uint8Array.of(3, 0);
    // So many MiB of zeros, compressed, a block at a time.
    const bomb = (count) => {
        let sent = 0;
        return new ReadableStream({
            pull(controller) {
                if (sent++ < count) controller.enqueue(block);
                else { controller.enqueue(lastBlock); controller.close(); }
            },
        }).pipeThrough(new DecompressionStream('deflate-raw'));
    };
    // The same in one chunk.
    const wholeBomb = (count) => {
        const bytes = new Uint8Array(block.length * count + 2);
        for (let i = 0; i < count; i++) bytes.set(block, i * block.length);
        bytes.set(lastBlock, block.length * count);
        return new Response(bytes).body.pipeThrough(new DecompressionStream('deflate-raw'));
    };
    const count = async (stream) => {
        let length = 0, largest = 0;
        for await (const chunk of stream) { length += chunk.length; largest = Math.max(largest, chunk.length); }
        return [length, largest];
    };
    const through = (bytes, stream) => new Response(new Response(bytes).body.pipeThrough(stream)).bytes();
    const error = async (f) => { try { return ['no error', await f()]; } catch (e) { return e.name; } };
    const formats = ['gzip', 'deflate', 'deflate-raw', 'brotli'];
"#;

fn app(runtime: &nano_core::Runtime, external_bytes: usize, cpu_ms: u32, body: &str) -> nano_core::App {
    let source = format!("const MEBIBYTE = '{MEBIBYTE_OF_ZEROS}';\n{HELPERS}\nexport default {{ async fetch(request) {{ {body} }} }}");
    let mut options = options("compression", &source);
    options.limits.external_bytes = external_bytes;
    options.limits.cpu_ms = cpu_ms;
    runtime.load(options).expect("the app loads")
}

fn run(external_bytes: usize, cpu_ms: u32, body: &str) -> String {
    let runtime = runtime(1);
    text(&app(&runtime, external_bytes, cpu_ms, body), "/")
}

#[test]
fn every_format_goes_both_ways() {
    let seen = run(
        32 << 20,
        10_000,
        r#"const data = new TextEncoder().encode('hello world '.repeat(20000));
        const noise = crypto.getRandomValues(new Uint8Array(60000));
        const seen = [];
        for (const format of formats) {
            for (const bytes of [data, noise, new Uint8Array()]) {
                const packed = await through(bytes, new CompressionStream(format));
                const back = await through(packed, new DecompressionStream(format));
                seen.push(back.length === bytes.length && back.every((byte, i) => byte === bytes[i]));
                if (bytes === data) seen.push(packed.length < 3000);
            }
        }
        return Response.json(seen);"#,
    );
    assert_eq!(seen, format!("[{}]", ["true"; 16].join(",")));
}

#[test]
fn other_programs_output_is_understood() {
    let seen = run(
        32 << 20,
        10_000,
        r#"const samples = {
            gzip: 'H4sIAAAAAAACA8tIzcnJBwCGphA2BQAAAA==', deflate: 'eJzLSM3JyQcABiwCFQ==', 'deflate-raw': 'y0jNyckHAA==', brotli: 'CwKAaGVsbG8D',
        };
        const seen = [];
        for (const [format, text] of Object.entries(samples)) {
            const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
            seen.push(new TextDecoder().decode(await through(bytes, new DecompressionStream(format))));
        }
        return Response.json(seen);"#,
    );
    assert_eq!(seen, r#"["hello","hello","hello","hello"]"#);
}

#[test]
fn what_is_cut_short_corrupt_or_followed_by_more_is_a_type_error() {
    let seen = run(
        32 << 20,
        10_000,
        r#"const seen = [];
        for (const format of formats) {
            const packed = await through(new TextEncoder().encode('hello'.repeat(100)), new CompressionStream(format));
            const more = new Uint8Array(packed.length + 1);
            more.set(packed);
            const broken = packed.slice();
            broken.fill(255, 0, 4);
            for (const bytes of [packed.slice(0, -1), packed.slice(0, 3), new Uint8Array(), more, broken]) {
                seen.push(await error(() => through(bytes, new DecompressionStream(format))));
            }
            // What is good is given out before the error.
            const stream = new DecompressionStream(format);
            const writer = stream.writable.getWriter();
            writer.write(more).catch(() => {});
            const reader = stream.readable.getReader();
            seen.push((await reader.read()).value.length, await error(() => reader.read()));
        }
        return Response.json(seen);"#,
    );
    let one = r#""TypeError","TypeError","TypeError","TypeError","TypeError",500,"TypeError""#;
    assert_eq!(seen, format!("[{}]", [one; 4].join(",")));
}

#[test]
fn a_chunk_that_is_no_bytes_and_a_format_that_is_none_are_type_errors() {
    let seen = run(
        32 << 20,
        10_000,
        r#"const seen = [];
        for (const chunk of ['text', null, 1, {}, [1]]) {
            const stream = new CompressionStream('gzip');
            const written = stream.writable.getWriter().write(chunk);
            seen.push(await error(() => stream.readable.getReader().read()), await error(() => written));
        }
        for (const make of [() => new CompressionStream(), () => new CompressionStream('zip'), () => new DecompressionStream('GZIP')]) seen.push(await error(make));
        return Response.json([...new Set(seen)]);"#,
    );
    assert_eq!(seen, r#"["TypeError"]"#);
}

#[test]
fn a_chunk_is_written_once_all_it_made_has_been_read() {
    let seen = run(
        32 << 20,
        10_000,
        r#"const seen = [];
        for (const format of formats) {
            const packed = await through(new TextEncoder().encode('hello'), new CompressionStream(format));
            const stream = new DecompressionStream(format);
            const written = stream.writable.getWriter().write(packed).then(() => 'written');
            seen.push((await stream.readable.getReader().read()).value.length);
            // Nothing more is read, and the stream stays open.
            seen.push(await Promise.race([written, scheduler.wait(1000)]));
        }
        return Response.json(seen);"#,
    );
    assert_eq!(seen, format!("[{}]", [r#"5,"written""#; 4].join(",")));
}

#[test]
fn a_bomb_that_is_read_piecewise_takes_no_memory() {
    let seen = run(3 << 20, 30_000, "return Response.json([await count(bomb(64)), await count(wholeBomb(64))]);");
    assert_eq!(seen, "[[67108864,65536],[67108864,65536]]");
}

#[test]
fn a_bomb_that_is_collected_is_a_range_error() {
    // 10 GB of zeros, from a stream and from one chunk of 10 MB.
    let body = "const seen = []; for (const make of [bomb, wholeBomb]) seen.push(await error(() => new Response(make(10000)).bytes())); \
                return Response.json(seen);";
    assert_eq!(run(32 << 20, 30_000, body), r#"["RangeError","RangeError"]"#);
}

#[test]
fn a_bomb_of_ten_gigabytes_that_is_read_to_its_end_meets_the_cpu_limit() {
    let runtime = runtime(1);
    let app = app(&runtime, 32 << 20, 200, "return Response.json(await count(wholeBomb(10000)));");
    assert_eq!(fetch(&app, "/").expect_err("is stopped").status, Status::CpuLimit);
}

#[test]
fn nobody_reads_and_nothing_is_made() {
    // The bytes of one step wait; the rest of the bomb stays compressed until somebody asks.
    let seen = run(
        4 << 20,
        2_000,
        r#"const stream = new DecompressionStream('deflate-raw');
        const writer = stream.writable.getWriter();
        const bytes = new Uint8Array(block.length * 1000);
        for (let i = 0; i < 1000; i++) bytes.set(block, i * block.length);
        let written = false;
        writer.write(bytes).then(() => { written = true; }, () => {});
        const reader = stream.readable.getReader();
        await reader.read();
        await new Promise((resolve) => setTimeout(resolve, 5));
        const before = written;
        await reader.cancel('enough');
        return Response.json([before, await writer.closed.catch((reason) => reason)]);"#,
    );
    assert_eq!(seen, r#"[false,"enough"]"#);
}

#[test]
fn a_reader_that_goes_away_during_the_last_step_is_let_go() {
    let seen = run(
        8 << 20,
        5_000,
        r#"const stream = new CompressionStream('deflate');
        const writer = stream.writable.getWriter();
        const reader = stream.readable.getReader();
        // Noise: as much comes out as goes in, and most of it at the end.
        const noise = new Uint8Array(300000);
        for (let i = 0; i < noise.length; i += 50000) crypto.getRandomValues(noise.subarray(i, i + 50000));
        writer.write(noise).catch(() => {});
        const closed = writer.close().then(() => 'closed', (e) => e);
        await reader.read();
        await reader.cancel('enough');
        return Response.json(await closed);"#,
    );
    assert_eq!(seen, r#""enough""#);
}

#[test]
fn states_are_charged_and_given_back() {
    // Each brotli compressor is charged three MiB, each of gzip a third of one.
    let seen = run(
        8 << 20,
        10_000,
        r#"const held = [];
        const many = await error(() => { for (let i = 0; i < 100; i++) held.push(new CompressionStream('gzip')); });
        const most = held.length;
        held.length = 0;
        await scheduler.wait(1);
        for (let i = 0; i < 50; i++) { new CompressionStream('brotli'); await scheduler.wait(1); }
        const wide = Uint8Array.of(0x0f);
        const stream = new DecompressionStream('brotli');
        stream.writable.getWriter().write(wide).catch(() => {});
        return Response.json([many, most > 10 && most < 30, await error(() => stream.readable.getReader().read())]);"#,
    );
    assert_eq!(seen, r#"["RangeError",true,"RangeError"]"#);
}

#[test]
fn an_app_that_changes_its_chunk_meanwhile_changes_nothing() {
    let seen = run(
        32 << 20,
        10_000,
        r#"const stream = new CompressionStream('deflate');
        const writer = stream.writable.getWriter();
        const chunk = new Uint8Array(200000);
        for (let i = 0; i < chunk.length; i += 50000) crypto.getRandomValues(chunk.subarray(i, i + 50000));
        const before = chunk.slice();
        writer.write(chunk);
        writer.close();
        const reader = stream.readable.getReader();
        const pieces = [(await reader.read()).value];
        structuredClone(chunk, { transfer: [chunk.buffer] });
        for (;;) { const { done, value } = await reader.read(); if (done) break; pieces.push(value); }
        const back = await through(await new Blob(pieces).bytes(), new DecompressionStream('deflate'));
        return Response.json([chunk.length, back.length, back.every((byte, i) => byte === before[i])]);"#,
    );
    assert_eq!(seen, "[0,200000,true]");
}
