//! What V8 takes outside its heaps: for what it does at the moment, and for objects and texts of languages.

use nano_core::{App, Runtime, Status};

use crate::modules::Folder;
use crate::support::*;

const MIB: usize = 1 << 20;

/// An app with a heap of 8 MiB, 4 MiB outside it, and all the time it wants: V8 may take 36 MiB at once for what it does.
fn small(runtime: &Runtime, name: &str, source: &str) -> App {
    let mut options = options(name, source);
    (options.limits.heap_bytes, options.limits.external_bytes) = (8 * MIB, 4 * MIB);
    (options.limits.cpu_ms, options.limits.wall_ms) = (60_000, 120_000);
    runtime.load(options).expect("loads")
}

fn handler(body: &str) -> String {
    format!("export default {{ fetch() {{ {body} }} }}")
}

/// Has an app take too much in one operation: it loses the thread, and what it has taken is known to be lost.
#[track_caller]
fn takes_too_much(runtime: &Runtime, app: &App) {
    let before = runtime.stats();
    let error = fetch(app, "/").expect_err("it is too much");
    assert_eq!(error.status, Status::MemoryLimit, "{error:?}");
    let stats = runtime.stats();
    assert_eq!((app.stats().strikes, stats.parked), (1, before.parked + 1), "{error:?}");
    assert!(stats.lost_bytes - before.lost_bytes > 16 * MIB as u64, "{} bytes", stats.lost_bytes - before.lost_bytes);
}

#[test]
fn large_regular_expressions_are_counted_while_they_are_compiled() {
    let runtime = runtime(1);
    takes_too_much(
        &runtime,
        &small(&runtime, "alternatives", &handler("return new Response(String(new RegExp('a|'.repeat(1e6)).test('b')))")),
    );
    let app = small(&runtime, "small", &handler("return new Response(String(new RegExp('a|'.repeat(1e3)).test('b')))"));
    assert_eq!(text(&app, "/"), "true", "the thread has a successor");
}

#[test]
fn large_functions_of_wasm_are_counted_while_they_are_compiled() {
    let runtime = runtime(1);
    // One function with 50,000 locals and 100,000 blocks, each of which may see other values of them.
    let body = [&[1, 0xd0, 0x86, 3, 0x7e][..], &[0x41, 0, 4, 0x40, 0x0b].repeat(100_000), &[0x0b]].concat();
    let mut wasm = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x03\x02\x01\0\x07\x05\x01\x01f\0\0\x0a".to_vec();
    let code = [&[1][..], &leb(body.len()), &body].concat();
    wasm.extend([&leb(code.len())[..], &code].concat());
    let folder = Folder::new(&[(
        "index.js",
        "import large from './large.wasm'; const { f } = new WebAssembly.Instance(large).exports; export default { fetch() { f(); return new Response('compiled') } }",
    )]);
    folder.write("large.wasm", &wasm);
    let mut options = folder.options();
    (options.limits.heap_bytes, options.limits.external_bytes) = (8 * MIB, 4 * MIB);
    (options.limits.cpu_ms, options.limits.start_cpu_ms) = (60_000, 60_000);
    takes_too_much(&runtime, &runtime.load(options).expect("loads: a function is compiled when it is first called"));
}

/// A number as wasm has it.
fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// A module that declares so many types, each another one, of a few bytes, and a type section of that many bytes.
fn many_types(count: usize) -> (Vec<u8>, usize) {
    let mut types = leb(count);
    for n in 0..count {
        // A function with 24 parameters, of which each is one of two.
        types.extend([0x60, 24]);
        types.extend((0..24).map(|bit| if n >> bit & 1 == 0 { 0x7f } else { 0x7e }));
        types.push(0);
    }
    let module = [&b"\0asm\x01\0\0\0\x01"[..], &leb(types.len()), &types].concat();
    (module, types.len())
}

/// A folder's app that imports this module.
fn with_wasm(runtime: &Runtime, wasm: &[u8]) -> nano_core::Result<App> {
    let folder =
        Folder::new(&[("index.js", "import types from './types.wasm'; export default { fetch: () => new Response(String(types)) }")]);
    folder.write("types.wasm", wasm);
    let mut options = folder.options();
    // V8 may take 9 MiB at once: less than it needs for these types.
    (options.limits.heap_bytes, options.limits.external_bytes) = (2 * MIB, MIB);
    options.limits.start_cpu_ms = 60_000;
    runtime.load(options)
}

#[test]
fn types_of_wasm_are_counted_before_v8_keeps_them_for_ever() {
    let runtime = runtime(2);
    let (large, bytes) = many_types(20_000);
    let error = with_wasm(&runtime, &large).expect_err("they are too many");
    assert!(error.message.contains(&format!("the types of the app's WebAssembly take {bytes} bytes")), "{error:?}");
    let (fits, _) = many_types(10_000);
    assert_eq!(text(&with_wasm(&runtime, &fits).expect("they fit"), "/"), "[object WebAssembly.Module]");
    assert_eq!(runtime.stats().parked, 0);
}

#[test]
fn nobody_waits_for_a_thread_that_was_lost_with_a_lock() {
    let runtime = runtime(2);
    // Bundles of languages that there are not: ICU's table of them grows under its lock, in pieces of any size.
    let source = "let n = 0; const letters = 'abcdefghijklmnopqrstuvwxyz'; \
        const name = (k) => { let text = ''; for (let i = 0; i < 5; i++, k = Math.floor(k / 26)) text += letters[k % 26]; return 'q' + text; }; \
        export default { fetch() { for (let i = 0; i < 30000; i++) new Intl.Locale(name(n++)).getCollations(); return new Response('ok'); } }";
    let app = small(&runtime, "locales", source);
    for _ in 0..5 {
        let _ = fetch(&app, "/");
    }
    for _ in 0..4 {
        let source = handler("return new Response(new Intl.NumberFormat('de').format(1234.5) + new Date(0).toLocaleDateString('fr'))");
        let name = format!("after {}", runtime.stats().apps);
        assert_eq!(text(&small(&runtime, &name, &source), "/"), "1.234,501/01/1970");
    }
}

#[test]
fn a_heap_beyond_its_limit_is_seen_to_after_the_turn() {
    let runtime = runtime(1);
    let source = |keeps: &str| {
        format!(
            "let asked = 0, kept; export default {{ fetch() {{ const long = ('x'.repeat(6e7) + asked).replace('xy', ''); long.charCodeAt(5); {keeps} \
            return new Response(String(++asked)); }} }}"
        )
    };
    let app = small(&runtime, "keeps", &source("kept = long;"));
    assert_eq!([text(&app, "/"), text(&app, "/"), text(&app, "/")], ["1", "1", "1"], "it was answered, and then ended");
    assert_eq!((app.stats().condemned >= 2, app.stats().strikes), (true, 0));
    let app = small(&runtime, "drops", &source(""));
    assert_eq!([text(&app, "/"), text(&app, "/")], ["1", "2"], "what is garbage is collected");
}

#[test]
fn vectors_of_v8_are_counted() {
    let runtime = runtime(1);
    let body = "JSON.parse('[' + '\"\",'.repeat(1.1e6) + '1]', (key, value, context) => value); return new Response('parsed')";
    takes_too_much(&runtime, &small(&runtime, "sources", &handler(body)));
}

#[test]
fn texts_for_languages_are_counted() {
    let runtime = runtime(1);
    for (name, body) in [
        ("list", "return new Response(new Intl.ListFormat('en').format(new Array(1e5).fill('\\u0416'.repeat(1000))).length + '')"),
        (
            "list of large texts",
            "return new Response(new Intl.ListFormat('en').format(new Array(100).fill('x'.repeat(1 << 20))).length + '')",
        ),
        ("no loop of JavaScript's", "return new Response(Array.from({ length: 1e6 }, Intl.Collator).length + '')"),
    ] {
        takes_too_much(&runtime, &small(&runtime, name, &handler(body)));
    }
}

#[test]
fn a_text_that_is_too_large_for_languages_ends_the_thread_and_not_the_process() {
    let runtime = runtime(1);
    let mut options = options("app", &handler("return new Response(typeof new Intl.Segmenter('en').segment('\\u0416'.repeat(7e7)))"));
    (options.limits.cpu_ms, options.limits.wall_ms, options.limits.heap_bytes) = (60_000, 120_000, 512 << 20);
    let app = runtime.load(options).expect("loads");
    assert_eq!(fetch(&app, "/").expect_err("a piece of 140 MB").status, Status::MemoryLimit);
    assert_eq!(runtime.stats().parked, 1);
}

#[test]
fn what_objects_of_languages_hold_is_memory_outside_the_heap() {
    let runtime = runtime(1);
    let source = |body: &str| {
        let define =
            "const text = '\\u0416'.repeat(1e5), kept = [], segments = new Intl.Segmenter('en'), segment = () => segments.segment(text);";
        format!("{define} {}", handler(body))
    };
    let app = small(&runtime, "keeps", &source("kept.push(segment()); return new Response('ok')"));
    let error = (0..100).find_map(|_| fetch(&app, "/").err()).expect("there is an end");
    assert_eq!((error.status, error.message.contains("external_bytes")), (Status::MemoryLimit, true), "{error:?}");
    assert_eq!(text(&app, "/"), "ok", "the next instance");
    // Ten times what there may be, all of it garbage.
    let app = small(&runtime, "drops", &source("segment(); return new Response('ok')"));
    for _ in 0..200 {
        assert_eq!(text(&app, "/"), "ok");
    }
    for (name, call) in [("in one turn", "segment()"), ("in a loop of builtins", "segments.segment(text)")] {
        let app = small(&runtime, name, &source(&format!("for (let n = 0; n < 200; n++) {call}; return new Response('ok')")));
        assert_eq!(text(&app, "/"), "ok", "{name}");
    }
    let error = fetch(&small(&runtime, "kept in one turn", &source("for (;;) kept.push(segment())")), "/").expect_err("there is an end");
    assert_eq!((error.status, error.message.contains("external_bytes")), (Status::MemoryLimit, true), "{error:?}");
    let mut options = options("while it starts", &format!("{}; for (;;) kept.push(segment());", source("")));
    options.limits.start_cpu_ms = 60_000;
    let error = runtime.load(options).expect_err("there is an end");
    assert_eq!((error.status, error.message.contains("external_bytes")), (Status::MemoryLimit, true), "{error:?}");
    assert_eq!(runtime.stats().parked, 0, "nobody else has noticed");
}
