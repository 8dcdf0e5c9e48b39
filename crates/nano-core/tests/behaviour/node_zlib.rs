//! node:zlib where Node differs from CompressionStream: what follows the end, what is cut short, what is flushed.

use crate::node::check;

#[test]
fn members_of_gzip_are_joined_and_what_follows_is_as_in_node() {
    check(
        "import zlib from 'node:zlib'; import { Readable } from 'node:stream'; import { text } from 'node:stream/consumers';",
        "const gzip = (s) => zlib.gzipSync(s), both = [gzip('abc'), gzip('def')], cat = (...list) => Buffer.concat(list), garbage = Buffer.from('garbage that follows');
        const long = 'a text that is long '.repeat(20_000), random = crypto.getRandomValues(Buffer.alloc(65_536));
        t(zlib.gunzipSync(cat(...both)).toString(), 'abcdef'); t(zlib.unzipSync(cat(...both, Buffer.alloc(10))).toString(), 'abcdef');
        t(zlib.gunzipSync(cat(gzip('abc'), Buffer.alloc(1), gzip('def'))).toString(), 'abc'); t(zlib.gunzipSync(cat(gzip(long), gzip(random), gzip(long))).length, long.length * 2 + 65_536);
        t(zlib.gunzipSync(cat(gzip('abc'), Buffer.alloc(200_000))).toString(), 'abc');
        fails(() => zlib.gunzipSync(cat(both[0], garbage)), 'Z_DATA_ERROR'); fails(() => zlib.gunzipSync(cat(both[0], Buffer.from('x'))), 'Z_BUF_ERROR');
        for (const [pack, unpack] of [['deflate', 'inflate'], ['deflateRaw', 'inflateRaw'], ['brotliCompress', 'brotliDecompress']]) t(zlib[unpack + 'Sync'](cat(zlib[pack + 'Sync']('abc'), garbage, Buffer.alloc(99_999))).toString(), 'abc', unpack);
        const bytes = []; for (const byte of cat(...both, Buffer.alloc(3))) bytes.push(Buffer.of(byte));
        t(await text(Readable.from(bytes).pipe(zlib.createGunzip())), 'abcdef'); t(await text(Readable.from(bytes).pipe(zlib.createUnzip())), 'abcdef');
        const web = new Response(cat(...both)).body.pipeThrough(new DecompressionStream('gzip')); t(await new Response(web).text().catch((e) => e.name), 'TypeError');",
    );
}

#[test]
fn data_that_is_cut_short_is_told_apart() {
    check(
        "import zlib from 'node:zlib';",
        "const text = 'hello hello hello hello world', { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH } = zlib.constants;
        const said = (f) => { try { return f().toString(); } catch (e) { return [e.code, e.errno, e.message]; } }, cut = ['Z_BUF_ERROR', -5, 'unexpected end of file'];
        for (const [pack, unpack] of [['gzip', 'gunzip'], ['deflate', 'inflate'], ['deflateRaw', 'inflateRaw'], ['brotliCompress', 'brotliDecompress'], ['gzip', 'unzip']]) {
            const whole = zlib[pack + 'Sync'](text), part = whole.subarray(0, -5), finishFlush = pack[0] === 'b' ? BROTLI_OPERATION_FLUSH : Z_SYNC_FLUSH, run = zlib[unpack + 'Sync'];
            t(said(() => run(part)), cut, unpack); t(said(() => run('')), cut, unpack); t(text.startsWith(said(() => run(part, { finishFlush }))), true, unpack);
            const name = 'create' + unpack[0].toUpperCase() + unpack.slice(1), stream = (given, options) => new Promise((resolve) => zlib[name](options).on('error', (e) => resolve([e.code, e.errno, e.message])).on('end', () => resolve('end')).resume().end(given));
            t(await stream(part), cut, name); t(await stream(''), cut, name); t(await stream(part, { finishFlush }), 'end', name); t(await stream(whole), 'end', name);
        }
        t(said(() => zlib.gunzipSync('no gzip'))[0], 'Z_DATA_ERROR');",
    );
}

#[test]
fn a_flush_gives_out_what_has_been_written() {
    check(
        "import zlib from 'node:zlib';",
        "const { Z_SYNC_FLUSH, BROTLI_OPERATION_FLUSH } = zlib.constants;
        for (const [make, unpack] of [['createGzip', 'gunzipSync'], ['createDeflateRaw', 'inflateRawSync'], ['createBrotliCompress', 'brotliDecompressSync']]) {
            const options = { finishFlush: make.includes('Brotli') ? BROTLI_OPERATION_FLUSH : Z_SYNC_FLUSH }, pack = zlib[make](), pieces = []; pack.on('data', (piece) => pieces.push(piece));
            pack.write('hello '); await new Promise((resolve) => pack.flush(resolve)); t(zlib[unpack](Buffer.concat(pieces), options).toString(), 'hello ', make);
            pack.write('world'); await new Promise((resolve) => pack.flush(2, resolve)); t(zlib[unpack](Buffer.concat(pieces), options).toString(), 'hello world', make);
            pack.end('!'); await new Promise((resolve) => pack.on('end', resolve)); t(zlib[unpack](Buffer.concat(pieces)).toString(), 'hello world!', make);
        }
        const each = zlib.createGzip({ flush: Z_SYNC_FLUSH }), pieces = []; each.on('data', (piece) => pieces.push(piece)); await new Promise((resolve) => each.write('at once', resolve));
        t(zlib.gunzipSync(Buffer.concat(pieces), { finishFlush: Z_SYNC_FLUSH }).toString(), 'at once');
        const unpack = zlib.createGunzip(); let told = false; unpack.flush(() => { told = true; }); unpack.resume().end(zlib.gzipSync('x')); await new Promise((resolve) => unpack.on('end', resolve)); t(told, true);",
    );
}

#[test]
fn a_stream_gives_no_more_than_is_read() {
    check(
        "import zlib from 'node:zlib';",
        "const SIZE = 8 << 20, bomb = zlib.gzipSync(Buffer.alloc(SIZE)), unpack = zlib.createGunzip(); unpack.end(bomb);
        await new Promise((resolve) => setTimeout(resolve)); t(unpack.readableLength > 0 && unpack.readableLength < 300_000, true, unpack.readableLength);
        let length = 0, most = 0; for await (const piece of unpack) { length += piece.length; most = Math.max(most, unpack.readableLength); } t(length, SIZE); t(most < 300_000, true, most);
        const left = zlib.createGunzip(); left.on('data', () => left.destroy()); left.end(bomb); await new Promise((resolve) => left.on('close', resolve)); t([left.destroyed, left.readableEnded], [true, false]);
        for (let i = 0; i < 100; i++) zlib.createBrotliCompress().destroy();",
    );
}

#[test]
fn a_stream_is_finished_when_all_is_written_and_ends_when_all_is_read() {
    check(
        "import zlib from 'node:zlib';",
        "const packed = zlib.gzipSync('hello hello'), brotli = zlib.brotliCompressSync('hello'), events = (stream) => { const log = []; for (const name of ['finish', 'end', 'error', 'close']) stream.on(name, () => log.push(name)); return log; };
        const run = async (stream, data) => { const log = events(stream); stream.resume().end(data, (error) => error || log.push('written')); await new Promise((resolve) => stream.on('close', resolve)); return log.join(); };
        const whole = 'written,finish,end,close', cut = 'written,finish,error,close';
        for (const [stream, data] of [[zlib.createGzip(), 'text'], [zlib.createGzip(), ''], [zlib.createBrotliCompress(), 'text'], [zlib.createGunzip(), packed], [zlib.createUnzip(), packed], [zlib.createBrotliDecompress(), brotli]]) t(await run(stream, data), whole);
        t(await run(zlib.createGunzip(), packed.subarray(0, 12)), cut); t(await run(zlib.createGunzip(), ''), cut); t(await run(zlib.createBrotliDecompress(), brotli.subarray(0, 4)), cut); t(await run(zlib.createGunzip(), 'no gzip'), 'error,close');
        // Nobody reads.
        for (const [stream, data] of [[zlib.createGzip(), 'text'], [zlib.createGunzip(), packed], [zlib.createGzip({ readableHighWaterMark: 1 }), 'text']]) {
            const log = events(stream); await new Promise((resolve) => stream.end(data, resolve)); await new Promise((resolve) => setTimeout(resolve)); t(log.join(), 'finish');
            stream.resume(); await new Promise((resolve) => stream.on('close', resolve)); t(log.join(), 'finish,end,close');
        }
        const late = zlib.createGzip(), told = events(late); late.end('text'); late.flush(() => told.push('flushed')); late.resume(); await new Promise((resolve) => late.on('close', resolve)); t(told.join(), 'finish,end,flushed,close');",
    );
}
