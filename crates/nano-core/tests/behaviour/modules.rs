//! How an app's code gets in: TypeScript, packages, imports of every kind, and stacks that name what the author wrote.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use nano_core::{App, AppOptions, Error, Runtime, Source, Status, Value};

use crate::support::*;

/// A folder of its own that goes away.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("nano-modules-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let folder = Self(std::env::temp_dir().join(name));
        for (path, text) in files {
            folder.write(path, text.as_bytes());
        }
        folder
    }

    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("a folder");
        std::fs::write(path, bytes).expect("a file");
    }

    pub(crate) fn options(&self) -> AppOptions {
        AppOptions::new(self.0.file_name().expect("named").to_string_lossy(), Source::Folder(self.0.clone()))
    }

    fn load(&self, runtime: &Runtime) -> App {
        runtime.load(self.options()).expect("the app loads")
    }

    fn refused(&self, runtime: &Runtime) -> Error {
        runtime.load(self.options()).expect_err("the app does not load")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What a folder answers to GET /.
fn answer(files: &[(&str, &str)]) -> String {
    let runtime = runtime(1);
    let folder = Folder::new(files);
    text(&folder.load(&runtime), "/")
}

/// Why a folder is not loaded.
fn refusal(files: &[(&str, &str)]) -> String {
    let runtime = runtime(1);
    let error = Folder::new(files).refused(&runtime);
    assert_eq!(error.status, Status::Compile, "{error:?}");
    error.message
}

#[test]
fn typescript_is_javascript_with_types() {
    let index = "import { greet, type Name } from './lib/greet.js';\nimport type { Nothing } from './missing';\n\
        enum Colour { Red = 1, Green }\n\
        interface Env { WHO: string }\n\
        class Box<T> { constructor(private readonly value: T) {} get(): T { return this.value; } }\n\
        namespace Space { export const one: number = 1; }\n\
        export default { async fetch(request: Request, env: Env): Promise<Response> {\n\
        const name = new Box<Name>('you' as Name).get()!;\n\
        return new Response(greet(name) + Colour.Green + Space.one satisfies string); } };";
    let greet = "export type Name = string;\nexport function greet(name: Name): string { return `hi ${name}`; }";
    assert_eq!(answer(&[("src/index.ts", index), ("src/lib/greet.ts", greet)]), "hi you21");
}

#[test]
fn a_typescript_text_has_a_name() {
    let runtime = runtime(1);
    let source = "export default { fetch(r: Request): Response { return new Response('t' as string); } }";
    let app = runtime.load(AppOptions::new("named", Source::Named("index.ts".into(), source.into()))).expect("loads");
    assert_eq!(text(&app, "/"), "t");
}

#[test]
fn jsx_becomes_calls() {
    let index = "/** @jsxImportSource ./jsx */\nexport default { fetch() { return new Response(<a b=\"c\">d{1}</a>) } }";
    let jsx = "export const jsx = (type, props) => `${type}:${JSON.stringify(props)}`; export const jsxs = jsx;";
    assert_eq!(answer(&[("index.tsx", index), ("jsx/jsx-runtime.js", jsx)]), r#"a:{"b":"c","children":["d",1]}"#);
    let classic = "/** @jsx h */\nconst h = (...args: unknown[]) => JSON.stringify(args);\n\
        export default { fetch() { return new Response(<p/>) } }";
    assert_eq!(
        answer(&[("index.tsx", classic), ("tsconfig.json", "{ // as people write it\n \"compilerOptions\": { \"jsx\": \"react\", } }")]),
        r#"["p",null]"#
    );
}

#[test]
fn errors_in_typescript_look_like_v8s() {
    let message = refusal(&[("index.ts", "const a: number = 1;\nexport default { fetch( { } };\n")]);
    assert!(message.starts_with("index.ts:2:") && message.contains(": SyntaxError: "), "{message}");
    let message = refusal(&[("index.ts", "type A = 1;\n\nimport { x } from './gone';\nexport default { fetch() { return x } };\n")]);
    assert!(message.starts_with("index.ts:3:") && message.contains("cannot import \"./gone\""), "{message}");
}

#[test]
fn stacks_name_what_the_author_wrote() {
    let index = "interface A {\n  a: string;\n}\ntype B = A;\n\nfunction fail(b: B): never {\n  throw new TypeError(`no ${b.a}`);\n}\n\
        export default {\n  async fetch(request: Request) {\n    try { fail({ a: 'x' }); } catch (error) { return new Response((error as Error).stack); }\n  },\n};\n";
    let stack = answer(&[("index.ts", index)]);
    assert!(stack.starts_with("TypeError: no x\n    at fail (index.ts:7:9)\n    at Object.fetch (index.ts:11:11)"), "{stack}");
    // What reaches the log is mapped as well.
    let runtime = runtime(1);
    let folder = Folder::new(&[("index.ts", "type A = 1;\n\nexport default { fetch() {\n  throw new Error('x' as string);\n} }")]);
    let error = fetch(&folder.load(&runtime), "/").expect_err("throws");
    assert!(error.stack.contains("index.ts:4:9"), "{error:?}");
}

#[test]
fn a_bundle_is_mapped_by_the_file_beside_it() {
    // One generated line: column 0 comes from src/a.ts 9:4, column 30 from src/b.ts 1:0.
    let map = r#"{"version":3,"sources":["../src/a.ts","../src/b.ts"],"mappings":"AAQI,8BCRJ","names":[]}"#;
    let index = "export const f = () => { /* */ throw new Error('x') }; export default { fetch() { try { f() } catch (e) { return new Response(e.stack) } } }\n//# sourceMappingURL=index.js.map\n";
    let stack = answer(&[("dist/index.js", index), ("dist/index.js.map", map), ("package.json", r#"{"main": "dist/index.js"}"#)]);
    assert!(stack.contains("at f (src/b.ts:1:1)"), "{stack}");
    // A map that is not one changes nothing.
    let stack = answer(&[("index.js", index), ("index.js.map", "{")]);
    assert!(stack.contains("at f (index.js:1:38)"), "{stack}");
}

#[test]
fn an_app_may_prepare_its_own_stacks() {
    let index = "Error.prepareStackTrace = (error: Error, sites: any[]) => `${sites.length > 0} ${typeof sites[0].getLineNumber()}`;\n\
        export default { fetch() { return new Response(new Error('x').stack); } }";
    assert_eq!(answer(&[("index.ts", index)]), "true number");
    let hostile = "Error.prepareStackTrace = () => { throw new RangeError('mine') };\n\
        export default { fetch() { const e = new Error('x'); try { return new Response(String(e.stack as string)); } \
        catch (other) { return new Response('caught'); } } }";
    assert_eq!(answer(&[("index.ts", hostile)]), "caught");
    let hostile = "Object.defineProperty(Error.prototype, 'toString', { value() { throw 1 } });\nString.prototype.concat = () => { throw 2 };\n\
        export default { fetch() { const e = new Error('x'); Object.defineProperty(e, 'name', { get() { throw 3 } }); return new Response((e.stack as string).split('\\n')[1]); } }";
    assert!(answer(&[("index.ts", hostile)]).contains("at Object.fetch (index.ts:3:"));
}

const PACKAGE: &[(&str, &str)] = &[
    (
        "index.js",
        "import a from 'conditions'; import b from 'conditions/deep/x.js'; import c from '#own'; import d from '#own/y'; \
        import e from '@scope/plain'; import f from '@scope/plain/lib/f'; import g from 'nested'; \
        export default { fetch() { return new Response([a, b, c, d, e, f, g].join()) } }",
    ),
    ("package.json", r##"{"imports": {"#own": "./lib/own.js", "#own/*": {"node": "./no.js", "default": "./lib/own-*.js"}}}"##),
    ("lib/own.js", "export default 'own'"),
    ("lib/own-y.js", "export default 'own-y'"),
    (
        "node_modules/conditions/package.json",
        r#"{"exports": {".": {"node": "./node.js", "workerd": "./workerd.js", "default": "./d.js"},
        "./deep/*": ["./missing.txt.no", "./src/*"], "./deep/secret/*": null}}"#,
    ),
    ("node_modules/conditions/workerd.js", "export default 'workerd'"),
    ("node_modules/conditions/missing.txt.no", "export default 'array'"),
    ("node_modules/@scope/plain/package.json", r#"{"module": "esm.js", "main": "cjs.js"}"#),
    ("node_modules/@scope/plain/esm.js", "export default 'esm'"),
    ("node_modules/@scope/plain/lib/f/index.js", "export { default } from './other';"),
    ("node_modules/@scope/plain/lib/f/other.mjs", "export default 'f'"),
    ("node_modules/nested/index.js", "import inner from 'inner'; export default inner"),
    ("node_modules/nested/node_modules/inner/index.js", "export default 'inner'"),
];

#[test]
fn packages_are_found_as_node_and_workers_find_them() {
    let mut files = PACKAGE.to_vec();
    files[4].1 = r#"{"exports": {".": {"node": "./node.js", "workerd": "./workerd.js", "default": "./d.js"}, "./deep/*": "./src/*", "./deep/secret/*": null}}"#;
    files.push(("node_modules/conditions/src/x.js", "export default 'x'"));
    assert_eq!(answer(&files), "workerd,x,own,own-y,esm,f,inner");
    for (specifier, why) in [
        ("conditions/deep/secret/x.js", "has no \"./deep/secret/x.js\" for a Worker"),
        ("conditions/src/x.js", "has no \"./src/x.js\" for a Worker"),
        ("conditions/deep/../../../../x", "neither a path nor a package"),
        ("conditions/deep/%2e%2e/x.js", "has no \"./deep/%2e%2e/x.js\""),
        ("left-pad", "install it there"),
        ("#nothing", "does not list it"),
        ("node:ffi", "does not have this module of Node"),
        ("sqlite", "install it there"),
        ("https://example.com/x.js", "the app's folder only"),
        ("../outside.js", "outside the app's folder"),
        ("./x/../../outside.js", "outside the app's folder"),
    ] {
        let index = format!("import x from '{specifier}'; export default {{ fetch() {{ return new Response(x) }} }}");
        let mut files = files.clone();
        files[0].1 = &index;
        let message = refusal(&files);
        assert!(message.starts_with("index.js:1:") && message.contains(why), "{specifier}: {message}");
    }
}

#[cfg(unix)]
#[test]
fn links_that_leave_the_folder_are_refused() {
    let secret = Folder::new(&[("secret.js", "export default 'secret'"), ("package/index.js", "export default 'secret'")]);
    let runtime = runtime(1);
    for (name, target, specifier) in
        [("linked.js", "secret.js", "./linked.js"), ("folder", ".", "./folder/secret.js"), ("node_modules/package", "package", "package")]
    {
        let index = format!("import x from '{specifier}'; export default {{ fetch() {{ return new Response(x) }} }}");
        let folder = Folder::new(&[("index.js", &index), ("node_modules/other/index.js", "")]);
        std::os::unix::fs::symlink(secret.0.join(target), folder.0.join(name)).expect("a link");
        let message = folder.refused(&runtime).message;
        assert!(message.contains("outside the app's folder"), "{message}");
    }
    // Links within the folder are how some package managers lay packages out.
    let folder = Folder::new(&[
        ("index.js", "import x from 'p'; export default { fetch() { return new Response(x) } }"),
        ("node_modules/.store/p/index.js", "export default 'stored'"),
    ]);
    std::os::unix::fs::symlink(folder.0.join("node_modules/.store/p"), folder.0.join("node_modules/p")).expect("a link");
    assert_eq!(text(&folder.load(&runtime), "/"), "stored");
}

#[test]
fn packages_in_the_older_format_are_modules_too() {
    let files = [
        (
            "index.js",
            "import all, { a, b, more, c } from 'old'; import * as again from 'old'; import data from 'old/data.json'; \
            export default { fetch() { return new Response([a, b(), more, c, all.a === a, again.default === all, data.n].join()) } }",
        ),
        ("node_modules/old/package.json", r#"{"main": "lib"}"#),
        ("node_modules/old/data.json", r#"{"n": 7}"#),
        (
            "node_modules/old/lib/index.js",
            "'use strict'; const more = require('./more'); const data = require('../data'); \
            exports.a = 1 + (this === exports); exports.b = () => data.n; Object.defineProperty(exports, 'c', { get() { return 'c' } }); exports.more = more; ",
        ),
        ("node_modules/old/lib/more.js", "module.exports = typeof require('node:fs2') "),
    ];
    let message = {
        let runtime = runtime(1);
        let folder = Folder::new(&files);
        folder.refused(&runtime).message
    };
    assert!(message.contains("cannot require \"node:fs2\" from node_modules/old/lib/more.js"), "{message}");
    let mut files = files;
    files[4].1 = "module.exports = 'more' + (typeof __filename) + require('./cycle').seen";
    let cycle = [("node_modules/old/lib/cycle.js", "exports.seen = typeof require('./index.js').a; ")];
    assert_eq!(answer(&[&files[..], &cycle[..]].concat()), "2,7,morestringundefined,c,true,true,7");
}

#[test]
fn what_is_imported_by_name_from_an_older_package_is_found_when_it_runs() {
    let index = "import lo, { chunk, late as later, /* and */ gone } from 'lo'; export { late } from 'lo'; import { own } from './own.js'; \
        export default { fetch() { return new Response([chunk(), later, typeof gone, lo.chunk === chunk, own].join()) } }";
    let lo =
        ";(function () { function lo() {} lo.chunk = () => 'chunk'; lo.late = 'late'; (module || 0)['exp' + 'orts'] = lo; }.call(this));";
    let own = "import { late } from 'lo'; export const own = `own ${late}`;";
    let files = [("index.js", index), ("own.js", own), ("node_modules/lo/index.js", lo)];
    assert_eq!(answer(&files), "chunk,late,undefined,true,own late");
    // Of an ES module a name that it does not export stays an error.
    let es = ("node_modules/lo/index.mjs", "export const chunk = 1; export default 1");
    let message = refusal(&[files[0], files[1], es, ("node_modules/lo/package.json", r#"{"main": "index.mjs"}"#)]);
    assert!(message.contains("does not provide an export named"), "{message}");
}

#[test]
fn a_package_may_have_other_code_for_what_is_no_node() {
    let table = r#"{"type": "module", "exports": "./index.js", "browser": {"./lib/node.js": "./lib/web.js", "./lib/extra": false, "fs": false, "util": "./lib/util.js",
        "other": "another", "./lib/out.js": "../../../secret.js"}}"#;
    let files = [
        ("index.js", "import p from 'p'; export default { async fetch() { return new Response(await p()) } }"),
        ("node_modules/p/package.json", table),
        (
            "node_modules/p/index.js",
            "import where from './lib/node.js'; import extra from './lib/extra/index.js'; import fs, { readFile } from 'fs'; import { mine } from 'util'; \
            import { inspect } from 'node:util'; import other from 'other'; const out = () => import('./lib/out.js').catch((e) => /outside/.test(e.message)); \
            export default async () => [where, JSON.stringify(extra), typeof fs, typeof readFile, mine, typeof inspect, other, await out()].join()",
        ),
        ("node_modules/p/lib/node.js", "import 'net'; export default 'node'"),
        ("node_modules/p/lib/web.js", "export default 'web'"),
        ("node_modules/p/lib/util.js", "export const mine = 'mine'"),
        ("node_modules/p/lib/extra/index.js", "export default 'extra'"),
        ("node_modules/p/lib/out.js", "export default 'out'"),
        ("node_modules/another/index.js", "module.exports = 'another'"),
    ];
    assert_eq!(answer(&files), "web,{},object,undefined,mine,function,another,true");
}

#[test]
fn import_is_a_function_too() {
    let files = [
        (
            "index.js",
            "const name = './lazy' + '.js'; export const seen = []; \
            export default { async fetch(request) { const path = new URL(request.url).pathname; \
            if (path === '/literal') { const one = await import('./lazy.js'); return new Response(one.value + (one === await import(name)) + seen); } \
            if (path === '/main') return new Response((await import('./index.js')).default === this); \
            if (path === '/builtin') return new Response(typeof (await import('cloudflare:workers')).WorkerEntrypoint); \
            if (path === '/json') return new Response((await import('./data.json', { with: { type: 'json' } })).default.n); \
            return import(path.slice(1)).catch((error) => new Response(error.name + ': ' + error.message)); } }",
        ),
        (
            "lazy.js",
            "import { seen } from './index.js'; seen.push('ran'); await null; export const value = 'lazy'; if (false) import('./broken.js'); import.meta;",
        ),
        ("broken.js", "export const = 1;"),
        ("throws.js", "throw new RangeError('from the top')"),
        ("data.json", r#"{"n": 5}"#),
        ("list.txt", "import('./throws.js')"),
    ];
    let runtime = runtime(1);
    let folder = Folder::new(&files);
    let app = folder.load(&runtime);
    assert_eq!(text(&app, "/literal"), "lazytrueran");
    assert_eq!(text(&app, "/main"), "true");
    assert_eq!(text(&app, "/builtin"), "function");
    assert_eq!(text(&app, "/json"), "5");
    assert_eq!(
        text(&app, "/left-pad"),
        "TypeError: cannot import \"left-pad\": only files of the app can be imported, by a path that begins with ./ or ../"
    );
    assert!(text(&app, "/./throws.js").contains("cannot import"));
    let message = text(&app, "/%2e/broken.js");
    assert!(message.contains("Error"), "{message}");
    // Nothing an app has done to promises gets between.
    let hostile = "Object.defineProperty(Promise, Symbol.species, { get() { return function (f) { f(() => {}, () => {}); return 1 } } }); \
        Object.defineProperty(Promise.prototype, 'constructor', { get() { throw new Error('mine') }, configurable: true }); \
        export default { async fetch() { try { await import('./other.js'); } catch {} return new Response('alive') } }";
    let folder = Folder::new(&[("index.js", hostile), ("other.js", "export default 1")]);
    let _ = fetch(&folder.load(&runtime), "/");
    assert_eq!(text(&app, "/json"), "5");
}

#[test]
fn a_module_knows_where_it_is() {
    let files = [
        (
            "index.js",
            "import other from './a b/other.js'; export default { fetch() { return Response.json([import.meta.url, import.meta.main, other, \
            import.meta.resolve('./a b/other.js'), import.meta.resolve('node:events'), new URL('./x.txt', import.meta.url).href]) } }",
        ),
        ("a b/other.js", "export default [import.meta.url, import.meta.main]"),
    ];
    assert_eq!(
        answer(&files),
        r#"["file:///index.js",true,["file:///a%20b/other.js",false],"file:///a%20b/other.js","node:events","file:///x.txt"]"#
    );
}

#[test]
fn files_are_values() {
    let files = [
        (
            "index.js",
            "import json from './d.json' with { type: 'json' }; import same from './d.json'; import text from './t.html'; \
            import source from './lib.js' with { type: 'text' }; import bytes from './b.bin'; import view from './d.json' with { type: 'bytes' }; \
            export default { fetch() { return Response.json([json === same, json.n, text, source, bytes instanceof ArrayBuffer, bytes.byteLength, \
            view instanceof Uint8Array, view.length]) } }",
        ),
        ("d.json", r#"{"n": 1}"#),
        ("t.html", "<p>"),
        ("lib.js", "not(really"),
        ("b.bin", "abc"),
    ];
    assert_eq!(answer(&files), r#"[true,1,"<p>","not(really",true,3,true,8]"#);
    for (import, why) in [
        ("import x from './t.html' with { type: 'json' }", "is no .json file"),
        ("import x from './t.html' with { type: 'css' }", "there is no type \"css\""),
        ("import x from './t.html' with { type: 'text', colour: 'red' }", "colour"),
    ] {
        let index = format!("{import}; export default {{ fetch() {{}} }}");
        let message = refusal(&[("index.js", &index), ("t.html", "")]);
        assert!(message.contains(why), "{message}");
    }
}

#[test]
fn wasm_comes_from_files_only() {
    // (module (func (export "add") (param i32 i32) (result i32) local.get 0 local.get 1 i32.add))
    let wasm: &[u8] = &[
        0, 0x61, 0x73, 0x6d, 1, 0, 0, 0, 1, 7, 1, 0x60, 2, 0x7f, 0x7f, 1, 0x7f, 3, 2, 1, 0, 7, 7, 1, 3, b'a', b'd', b'd', 0, 0, 10, 9, 1,
        7, 0, 0x20, 0, 0x20, 1, 0x6a, 0x0b,
    ];
    let index = "import add from './add.wasm'; import bytes from './add.wasm' with { type: 'bytes' }; \
        const instance = new WebAssembly.Instance(add); \
        export default { async fetch() { let refused; try { new WebAssembly.Module(bytes) } catch (error) { refused = error.name } \
        return Response.json([add instanceof WebAssembly.Module, instance.exports.add(1, 2), refused]) } }";
    let runtime = runtime(2);
    let folder = Folder::new(&[("index.js", index)]);
    folder.write("add.wasm", wasm);
    let app = folder.load(&runtime);
    assert_eq!(text(&app, "/"), r#"[true,3,"CompileError"]"#);
    app.reload(folder.options()).expect("again");
    assert_eq!(text(&app, "/"), r#"[true,3,"CompileError"]"#);
    folder.write("add.wasm", b"\0asm nonsense");
    let message = app.reload(folder.options()).expect_err("no WebAssembly").message;
    assert!(message.contains("WebAssembly"), "{message}");
}

#[test]
fn cycles_and_top_level_await_keep_their_order() {
    let files = [
        (
            "index.js",
            "import './a.js'; import { order } from './order.js'; export default { fetch() { return new Response(order.join()) } }",
        ),
        ("order.js", "export const order = []"),
        ("a.js", "import { order } from './order.js'; import { b } from './b.js'; order.push('a' + b()); export const a = () => 'A';"),
        (
            "b.js",
            "import { order } from './order.js'; import { a } from './a.js'; await null; order.push('b'); export const c = () => a; export function b() { return 'B' }",
        ),
    ];
    assert_eq!(answer(&files), "b,aB");
}

#[test]
fn hostile_nesting_is_an_error() {
    let runtime = runtime(1);
    for (name, before, repeated) in [
        ("index.ts", "x=", "("),
        ("index.ts", "x=", "["),
        ("index.ts", "type A=", "["),
        ("index.tsx", "x=", "<a>"),
        ("index.ts", "", "{"),
        ("index.js", "x=", "("),
        ("index.js", "x=", "["),
    ] {
        for count in [20_000, 300_000] {
            let folder = Folder::new(&[(name, &(before.to_string() + &repeated.repeat(count)))]);
            let error = folder.refused(&runtime);
            assert!(matches!(error.status, Status::Compile | Status::TooLarge), "{name} {repeated}: {:?}", error.status);
        }
    }
    // What compiles well but nests deeply is V8's to refuse.
    let folder =
        Folder::new(&[("index.ts", &format!("export default {{ fetch() {{ return {}1{} }} }}", "[".repeat(20_000), "]".repeat(20_000)))]);
    folder.refused(&runtime);
    let folder = Folder::new(&[(
        "index.ts",
        &format!("const x: string = ''{}; export default {{ fetch() {{ return new Response(x) }} }}", "+'a'".repeat(5_000)),
    )]);
    assert_eq!(text(&folder.load(&runtime), "/").len(), 5_000);
}

#[test]
fn entrypoints_are_classes() {
    let index = "import { WorkerEntrypoint, DurableObject, RpcTarget, env, waitUntil, withEnv } from 'cloudflare:workers';\n\
        const early = env.NAME;\n\
        export default class Main extends WorkerEntrypoint<{ NAME: string }> {\n\
          async fetch(request: Request) {\n\
            waitUntil(Promise.resolve());\n\
            const other = await withEnv({ NAME: 'other' }, async () => { await null; return env.NAME; });\n\
            return Response.json([this.env.NAME, early, env.NAME, other, 'NAME' in env, Object.keys(env), typeof this.ctx.waitUntil, new Room({}, env).env === env]);\n\
          }\n\
          add(a: number, b: number) { return a + b + this.env.NAME; }\n\
          scheduled(event: any) { return event.cron + this.env.NAME; }\n\
          #secret() {} own = () => 1;\n\
        }\n\
        export class Admin extends WorkerEntrypoint { async who() { return `admin of ${(this.env as any).NAME}`; } }\n\
        export class Room extends DurableObject {}\nexport class Thing extends RpcTarget {}";
    let runtime = runtime(1);
    let folder = Folder::new(&[("index.ts", index)]);
    let mut options = folder.options();
    options.env = vec![("NAME".into(), "nano".into())];
    let app = runtime.load(options).expect("loads");
    assert_eq!(text(&app, "/"), r#"["nano","nano","nano","other",true,["NAME"],"function",true]"#);
    let call = |name: &str, args: Vec<Value>| app.invoke_wait(name, args, Some(PATIENCE)).map(|(value, _)| value);
    assert_eq!(call("add", vec![Value::Int(1), Value::Int(2)]).expect("a method"), Value::Text("3nano".into()));
    assert_eq!(call("Admin.who", vec![]).expect("a named entrypoint"), Value::Text("admin of nano".into()));
    for name in ["own", "constructor", "Admin.constructor", "Admin.toString", "Admin.gone", "Room.x", "hasOwnProperty"] {
        assert!(call(name, vec![]).is_err(), "{name}");
    }
}

#[test]
fn typescripts_decorators_are_compiled_when_the_project_says_so() {
    let source = "const out: string[] = [];
        const say = (name: string) => (...args: any[]) => { out.push(name + args.length); };
        function twice(_: any, __: string, d: PropertyDescriptor) { const f = d.value; d.value = function (x: number) { return 2 * f.call(this, x); }; return d; }
        function named(Class: any) { return class extends Class { extra = 'yes'; } as any; }
        @named @say('class') class A {
            @say('field') x: number = 1;
            @say('outer') @say('inner') @twice double(@say('param') n: number) { return n + this.x; }
            @say('static') static s() {}
        }
        export default { fetch() { const a: any = new A(); return new Response([a.double(2), a.extra, ...out].join()); } };";
    let config = r#"{ "compilerOptions": { "experimentalDecorators": true, "emitDecoratorMetadata": true } }"#;
    assert_eq!(answer(&[("index.ts", source), ("tsconfig.json", config)]), "6,yes,field3,param3,inner3,outer3,static3,class1");
}
