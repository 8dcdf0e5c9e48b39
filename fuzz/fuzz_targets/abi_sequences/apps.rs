//! The apps that programs load, and how they ask for trouble.

use nano::*;

use crate::env::Env;
use crate::program::Program;

/// Names that apps are loaded under; the last one belongs to the check at the end of a program.
pub const NAMES: [&str; 4] = ["a", "b", "c", "canary"];

/// An app that does a little of everything, by the request's path.
const EVERYTHING: &str = "
const kept = [];
export const named = { fetch: () => new Response('named'), twice: (n) => n * 2, never: () => new Promise(() => {}) };
export default {
  twice: (n) => n * 2,
  never: () => new Promise(() => {}),
  async fetch(request, env, ctx) {
    switch (new URL(request.url).pathname) {
      case '/echo': return new Response(request.body);
      case '/text': return new Response(await request.text());
      case '/ignore': request.body?.cancel(); return new Response('ignored');
      case '/method': return new Response(await env.HOST.method('a', 1));
      case '/forward': return env.HOST.fetch('http://host/', { method: 'POST', body: request.body });
      case '/forget': env.HOST.fetch('http://host/', { method: 'POST', body: 'whole' }).catch(() => {}); return new Response('forgot');
      case '/upload': {
        const body = new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(40000)); } });
        return env.HOST.fetch('http://host/', { method: 'POST', body });
      }
      case '/short': {
        let left = 2;
        const body = new ReadableStream({ pull(c) { if (left--) c.enqueue(new Uint8Array(9000)); else c.error(new Error('short')); } });
        const answer = await env.HOST.fetch('http://host/', { method: 'POST', body });
        return new Response(await answer.text());
      }
      case '/drop': { const answer = await env.HOST.fetch('http://host/'); await answer.body?.cancel(); return new Response('dropped'); }
      case '/abort': return env.HOST.fetch('http://host/', { signal: AbortSignal.timeout(1) });
      case '/throw': throw new Error('no');
      case '/never': return new Promise(() => {});
      case '/wait': await new Promise((resolve) => setTimeout(resolve, 2)); return new Response('waited');
      case '/later': ctx.waitUntil(env.HOST.method('later').catch(() => {})); return new Response('now');
      case '/stream': return new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array(40000)); } }));
      case '/broken': return new Response(new ReadableStream({ start(c) { c.enqueue(new Uint8Array(9)); }, pull() { throw new Error('broken'); } }));
      case '/loop': for (;;);
      case '/heap': for (const all = []; ; ) all.push(new Array(1000).fill(1.5));
      case '/buffer': return new Response(new Uint8Array(1e9));
      case '/function': return new Response(String(await env.FN(1, 'a')));
      case '/class': {
        using thing = new env.THING(1);
        thing.property = 2;
        return new Response(String(await thing.method(await thing.property, thing)));
      }
      case '/made': {
        const made = await env.FN('made');
        kept.push(made);
        return new Response(String(await (Array.isArray(made) ? made[0] : made).method(kept.length > 4 ? kept.shift() : made)));
      }
      case '/unborn': new env.THING().method().catch(() => {}); kept.push(new env.THING()); return new Response('unborn');
      case '/a': return env.A.fetch(new Request('http://a/b', request));
      case '/b': return env.B.fetch('http://b/a', { method: 'POST', body: request.body });
      case '/named': return new Response(String(await env.NAMED.twice(await env.B.twice(2))));
      case '/given': return new Response(String(await env.A.twice(new env.THING())));
      case '/nobody': return env.NOBODY.fetch('http://nobody/');
      case '/leave': env.A.fetch('http://a/never').catch(() => {}); ctx.waitUntil(env.B.never()); return new Response('left');
      case '/outbound': return fetch('/relative', { method: 'POST', body: request.body });
      case '/files': {
        const root = await navigator.storage.getDirectory();
        const file = await root.getFileHandle('a', { create: true });
        const writer = await file.createWritable();
        await writer.write(new Uint8Array(9000));
        await writer.write({ type: 'write', position: 5, data: 'abc' });
        await writer.close();
        let text = await (await file.getFile()).text();
        for await (const [name] of root) text += name;
        await root.removeEntry('a');
        return new Response(text);
      }
      case '/full': {
        const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('b', { create: true });
        for (let i = 0; ; i++) {
          const writer = await (await folder.getFileHandle('f' + i, { create: true })).createWritable({ keepExistingData: true });
          await writer.write({ type: 'write', position: 20000, data: new Uint8Array(20000) });
          await writer.close();
        }
      }
      case '/unclosed': {
        const file = await (await navigator.storage.getDirectory()).getFileHandle('c', { create: true });
        kept.push(await file.createWritable());
        return new Response((await file.getFile()).stream());
      }
      case '/clock': {
        const began = Date.now();
        await new Promise((resolve) => setTimeout(resolve, 40));
        if (Date.now() < began + 40) console.error('the clock went', Date.now() - began);
        return new Response(String(Date.now() - began));
      }
      case '/log': console.log('x'.repeat(5000)); return new Response('logged');
      case '/nothing': return;
    }
    return new Response('plain');
  },
};
export const twice = (n) => n * 2;
export const ask = (env) => 7;
export const loop = () => { for (;;); };
export const never = () => new Promise(() => {});
export const fail = () => { throw new TypeError('failed'); };
";

pub const PATHS: [&str; 39] = [
    "/",
    "/echo",
    "/text",
    "/ignore",
    "/method",
    "/forward",
    "/forget",
    "/upload",
    "/short",
    "/drop",
    "/abort",
    "/throw",
    "/never",
    "/wait",
    "/later",
    "/stream",
    "/broken",
    "/loop",
    "/heap",
    "/buffer",
    "/log",
    "/nothing",
    "/?a=b",
    "/\u{e4}",
    "/function",
    "/class",
    "/made",
    "/unborn",
    "/a",
    "/b",
    "/named",
    "/given",
    "/nobody",
    "/leave",
    "/outbound",
    "/files",
    "/full",
    "/unclosed",
    "/clock",
];

pub const EXPORTS: [&str; 8] = ["twice", "ask", "loop", "never", "fail", "default", "nosuch", ""];

/// CBOR: [21], [], [null, "a"], an integer that is no array, nothing, and bytes that are cut short.
pub const ARGUMENTS: [&[u8]; 6] = [&[0x81, 0x15], &[0x80], &[0x82, 0xf6, 0x61, 0x61], &[0x01], &[], &[0x82, 0x01]];

/// Sources with their kinds; most of them start.
const SOURCES: [(u32, &str); 12] = [
    (NANO_SOURCE_TEXT, EVERYTHING),
    (NANO_SOURCE_TEXT, EVERYTHING),
    (NANO_SOURCE_TEXT, EVERYTHING),
    (NANO_SOURCE_ECHO, ""),
    (NANO_SOURCE_TEXT, "addEventListener('fetch', (event) => event.respondWith(new Response('old')));"),
    (NANO_SOURCE_TEXT, "await new Promise((resolve) => setTimeout(resolve, 3));\nexport default { fetch: () => new Response('late') };"),
    (NANO_SOURCE_TEXT, "await new Promise(() => {});\nexport default { fetch: () => new Response('never') };"),
    (NANO_SOURCE_TEXT, "throw new Error('at the start');"),
    (NANO_SOURCE_TEXT, "for (;;);"),
    (NANO_SOURCE_TEXT, "export default {"),
    (NANO_SOURCE_FILE, "nosuch/index.js"),
    (99, ""),
];

/// The options of an app, as a program chooses them.
pub fn options(program: &mut Program, name: &'static str, env: &Env) -> nano_app_options {
    let (source_kind, source) = program.pick(&SOURCES);
    let mut options = bare(name, source_kind, source);
    env.declare(&mut options);
    let choice = program.byte();
    options.flags = if choice & 1 != 0 { NANO_APP_LAZY } else { 0 } | if choice & 32 != 0 { NANO_APP_HOST_FILES } else { 0 };
    if choice & 64 != 0 {
        (options.outbound, options.base_url) = (text("OUT"), text("http://out/"));
    }
    options.host_objects = if choice & 128 != 0 { 2 } else { 0 };
    options.requests = if choice & 2 != 0 { 3 } else { 0 };
    options.wall_ms = if choice & 4 != 0 { 20 } else { 150 };
    options.subrequests_at_once = if choice & 8 != 0 { 1 } else { 0 };
    options.log_bytes_per_s = if choice & 16 != 0 { 6_000 } else { 0 };
    options.reserved = u32::from(choice == 255);
    options
}

/// The options of an app that starts and answers.
pub fn canary() -> nano_app_options {
    bare(NAMES[NAMES.len() - 1], NANO_SOURCE_TEXT, EVERYTHING)
}

/// Small limits, so that a program is over in time whatever its apps do.
fn bare(name: &'static str, source_kind: u32, source: &'static str) -> nano_app_options {
    // SAFETY: zero is the default of every field, and NULL of every pointer.
    let mut options: nano_app_options = unsafe { std::mem::zeroed() };
    options.size = size_of::<nano_app_options>();
    (options.name, options.source, options.source_kind) = (text(name), text(source), source_kind);
    (options.cpu_ms, options.start_cpu_ms) = (20, 60);
    (options.heap_bytes, options.external_bytes) = (16 << 20, 8 << 20);
    (options.storage_bytes, options.storage_entries) = (100_000, 8);
    options
}

/// A view of a text.
pub fn text(text: &'static str) -> nano_bytes {
    nano_bytes { ptr: text.as_ptr(), len: text.len() }
}
