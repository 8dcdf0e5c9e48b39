//! The file system of apps: in memory, and kept by the host.

use nano_core::{App, CallContent, Clock, EventMask, Payload, Runtime, RuntimeLimits, RuntimeOptions, Value};

use crate::support::*;

fn app_with(runtime: &Runtime, name: &str, body: &str) -> App {
    load(runtime, name, &source(body))
}

fn source(body: &str) -> String {
    format!(
        "const say = (promise) => promise.then((v) => v, (e) => e.name); \
         const put = async (dir, name, text) => {{ const f = await dir.getFileHandle(name, {{ create: true }}); const w = await f.createWritable(); await w.write(text); await w.close(); return f; }}; \
         export default {{ async fetch(request, env) {{ const root = await navigator.storage.getDirectory(); const path = new URL(request.url).pathname; {body} }} }}"
    )
}

#[test]
fn files_are_written_read_listed_and_removed() {
    let runtime = runtime(1);
    let app = app_with(
        &runtime,
        "app",
        "const file = await put(root, 'a.txt', 'hello'); const dir = await root.getDirectoryHandle('d', { create: true }); await put(dir, 'b', new Uint8Array([65, 66])); \
         const read = await file.getFile(); const names = []; for await (const [name, handle] of root) names.push(name + ':' + handle.kind); \
         const keys = []; for await (const key of dir.keys()) keys.push(key); const values = []; for await (const v of dir.values()) values.push(v.name); \
         const inner = await dir.getFileHandle('b'); \
         const out = [root.name === '', root.kind, file.name, read instanceof File, read.name, read.size, await read.text(), names.join('+'), keys, values, await (await inner.getFile()).text(), \
           (await root.resolve(inner)).join('/'), await dir.resolve(file), (await dir.resolve(dir)).length, await file.isSameEntry(await root.getFileHandle('a.txt')), await file.isSameEntry(inner), \
           await say(root.removeEntry('d')), await root.removeEntry('d', { recursive: true }), await say(dir.getFileHandle('b')), await say(inner.getFile())]; \
         return new Response(out.join());",
    );
    assert_eq!(
        text(&app, "/"),
        "true,directory,a.txt,true,a.txt,5,hello,a.txt:file+d:directory,b,b,AB,d/b,,0,true,false,InvalidModificationError,,NotFoundError,NotFoundError"
    );
}

#[test]
fn names_and_kinds_are_checked() {
    let runtime = runtime(1);
    let app = app_with(
        &runtime,
        "app",
        "await put(root, 'f', ''); await root.getDirectoryHandle('d', { create: true }); const out = []; \
         for (const name of ['', '.', '..', 'a/b', 'a\\0b', '/']) out.push(await say(root.getFileHandle(name, { create: true })), await say(root.removeEntry(name))); \
         out.push(await say(root.getFileHandle('d')), await say(root.getDirectoryHandle('f')), await say(root.getFileHandle('x')), await say(root.removeEntry('x')), await say(root.getFileHandle()), \
           await say(FileSystemFileHandle.prototype.getFile.call(root)), await say(FileSystemDirectoryHandle.prototype.getFileHandle.call({}, 'f')), (() => { try { new FileSystemHandle(); } catch (e) { return e.message; } })(), \
           (await say(root.getFileHandle('...', { create: true }))).name); \
         return new Response(out.join());",
    );
    let mut expected = vec!["TypeError"; 12];
    expected.extend(["TypeMismatchError", "TypeMismatchError", "NotFoundError", "NotFoundError", "TypeError", "TypeError", "TypeError"]);
    expected.extend(["Illegal constructor", "..."]);
    assert_eq!(text(&app, "/"), expected.join(","));
}

#[test]
fn a_stream_writes_seeks_and_truncates_and_is_seen_when_it_is_closed() {
    let runtime = runtime(1);
    let app = app_with(
        &runtime,
        "app",
        "const file = await put(root, 'f', '0123456789'); const now = async () => JSON.stringify(await (await file.getFile()).text()); \
         const w = await file.createWritable({ keepExistingData: true }); const out = []; \
         await w.write('ab'); await w.write({ type: 'seek', position: 4 }); await w.write(new Blob(['cd'])); await w.write({ type: 'write', position: 8, data: new Uint8Array([88]).buffer }); \
         out.push(await now(), await say(root.removeEntry('f'))); await w.write(new DataView(new Uint8Array([89, 90]).buffer)); await w.close(); out.push(await now()); \
         const t = await file.createWritable({ keepExistingData: true }); await t.truncate(3); await t.write('!'); await t.seek(6); await t.write({ type: 'write', data: 'z' }); await t.close(); out.push(await now()); \
         const a = await file.createWritable(); await a.write('gone'); await a.abort(); out.push(await now()); \
         for (const bad of [{ type: 'write' }, { type: 'seek' }, { type: 'truncate' }, { type: 'jump' }, { type: 'write', data: null }]) { const s = await file.createWritable(); out.push(await say(s.write(bad))); } \
         const l = await file.createWritable(); const lock = l.getWriter(); out.push(await say(l.write('x')), l instanceof WritableStream, l.locked); lock.releaseLock(); await l.close(); out.push(await now(), await say(l.write('x'))); \
         const p = await file.createWritable(); await new Response('piped').body.pipeTo(p); out.push(await now()); \
         return new Response(out.join());",
    );
    assert_eq!(
        text(&app, "/"),
        "\"0123456789\",NoModificationAllowedError,\"ab23cd67XYZ\",\"!b2\\u0000\\u0000\\u0000z\",\"!b2\\u0000\\u0000\\u0000z\",TypeError,TypeError,TypeError,TypeError,TypeError,TypeError,true,true,\"\",TypeError,\"piped\""
    );
}

#[test]
fn files_are_shared_by_instances_survive_reloads_and_end_with_the_app() {
    let runtime = runtime(2);
    let body = "if (path === '/put') await put(root, 'n', 'kept'); const f = await say(root.getFileHandle('n')); return new Response(f.name ? await (await f.getFile()).text() : f);";
    let app = app_with(&runtime, "app", body);
    let other = app_with(&runtime, "other", body);
    assert_eq!(text(&app, "/put"), "kept");
    assert_eq!(text(&other, "/"), "NotFoundError");
    app.reload(options("app", &source(body))).expect("reloads");
    assert_eq!(text(&app, "/"), "kept");
    app.unload(PATIENCE).expect("unloads");
    let app = app_with(&runtime, "app", body);
    assert_eq!(text(&app, "/"), "NotFoundError");
}

#[test]
fn the_quota_holds_and_writers_of_an_instance_that_ends_go_with_it() {
    let runtime = runtime(1);
    let mut options = options(
        "app",
        &source(
            "const { usage, quota } = await navigator.storage.estimate(); if (path === '/usage') return new Response(usage + ' of ' + quota); \
             const f = await root.getFileHandle('f', { create: true }); const w = await f.createWritable(); \
             if (path === '/leave') { await w.write('x'.repeat(900)); for (;;); } \
             return new Response(await say(w.write(new Uint8Array(2000))) + (await navigator.storage.persisted()));",
        ),
    );
    options.limits.storage_bytes = 1_000;
    let app = runtime.load(options).expect("loads");
    assert_eq!(text(&app, "/"), "QuotaExceededErrorfalse");
    assert!(fetch(&app, "/leave").is_err());
    assert_eq!(text(&app, "/usage"), "1 of 1000");
}

#[test]
fn patched_built_ins_do_not_reach_into_the_file_system() {
    let runtime = runtime(1);
    let app = app_with(
        &runtime,
        "app",
        "const f = await put(root, 'f', 'abc'); const get = f.getFile.bind(f), list = root.keys(), next = list.next.bind(list); \
         Array.prototype.push = Array.prototype.slice = Array.prototype[Symbol.iterator] = String.prototype.includes = RegExp.prototype.exec = () => { throw new Error('patched'); }; \
         Object.defineProperty(Array.prototype, 0, { configurable: true, set() { throw new Error('setter'); } }); \
         const file = await get(); const first = await next(); delete Array.prototype[0]; \
         return new Response(file.size + first.value + await say(root.getFileHandle('a/b')));",
    );
    assert_eq!(text(&app, "/"), "3fTypeError");
}

#[test]
fn the_host_may_keep_the_files() {
    let runtime = runtime(1);
    let mut options = options(
        "app",
        &source(
            "const out = []; const f = await put(root, 'f', 'hello'); out.push(await (await f.getFile()).text()); \
             for await (const name of root.keys()) out.push(name); out.push(await say(root.getFileHandle('missing')), await say(root.removeEntry('odd'))); \
             out.push((await Promise.all(Array.from({ length: 9 }, () => root.getFileHandle('f')))).length, (await navigator.storage.estimate()).quota); \
             return new Response(out.join());",
        ),
    );
    options.host_files = true;
    let app = runtime.load(options).expect("loads");
    let id = app.dispatch(get("/")).expect("accepted");
    let mut asked = Vec::new();
    let body = loop {
        let mut events = Vec::new();
        assert!(runtime.wait(1, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer") > 0);
        let event = events.pop().expect("one event");
        match event.payload {
            Payload::Call => {
                let view = runtime.call_view(event.id).expect("is open");
                let CallContent::Files { name, args } = view.content else { panic!("{view:?}") };
                asked.push(name.clone());
                let text = |index: usize| if let Some(Value::Text(text)) = args.get(index) { text.as_str() } else { "" };
                let answer = match (name.as_str(), text(0)) {
                    ("open", "missing") => Err("NotFoundError: no such file"),
                    ("open", "f") => Ok(Value::Undefined),
                    ("writer", "f") => Ok(Value::Array(vec![Value::Int(7), Value::Int(0)])),
                    ("write", _) => {
                        assert_eq!(args, [Value::Int(7), Value::Int(0), Value::Bytes(b"hello".to_vec())]);
                        Ok(Value::Undefined)
                    }
                    ("close", _) => Ok(Value::Undefined),
                    ("stat", "f") => Ok(Value::Array(vec![Value::Int(5), Value::Int(1_000)])),
                    ("read", "f") => Ok(Value::Bytes(b"hello".to_vec())),
                    ("list", "") => Ok(Value::Array(vec![Value::Array(vec![Value::Text("f".into()), Value::Text("file".into())])])),
                    ("estimate", _) => Ok(Value::Array(vec![Value::Int(1), Value::Int(99)])),
                    _ => Err("the disk is away"),
                };
                match answer {
                    Ok(value) => runtime.call_return(event.id, value).expect("is open"),
                    Err(message) => runtime.call_fail(event.id, message).expect("is open"),
                }
            }
            Payload::Response { body, .. } if event.id == id => break String::from_utf8(body).expect("UTF-8"),
            Payload::Error(error, _) => panic!("{error}"),
            _ => {}
        }
    };
    assert_eq!(body, "hello,f,NotFoundError,UnknownError,9,99");
    assert_eq!(asked[..6], ["open", "writer", "write", "close", "stat", "read"]);
}

#[test]
fn a_seeded_app_runs_the_same_way_every_time() {
    let body = "const a = new Uint32Array(3); crypto.getRandomValues(a); \
        export default { fetch: () => new Response([a, crypto.randomUUID(), Math.random(), Math.random.name, Math.random() < 1].join()) }";
    let run = |seed: Option<u64>| {
        let runtime = runtime(1);
        let mut options = options("app", body);
        options.random_seed = seed;
        text(&runtime.load(options).expect("loads"), "/")
    };
    assert_eq!(run(Some(1)), run(Some(1)));
    assert_ne!(run(Some(1)), run(Some(2)));
    assert_ne!(run(None), run(None));
}

#[test]
fn a_manual_clock_is_moved_by_the_host() {
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let clock = Clock::manual_at(1_000_000);
    let runtime =
        Runtime::new(RuntimeOptions { limits, events: EventMask { logs: true, apps: false }, clock, ..RuntimeOptions::default() })
            .expect("a runtime");
    let app = load(
        &runtime,
        "app",
        "export default { async fetch() { const before = Date.now(); console.log('waits'); await new Promise((done) => setTimeout(done, 5000)); return new Response([before, Date.now()].join()); } }",
    );
    let id = app.dispatch(get("/")).expect("accepted");
    wait_for(&runtime, |event| matches!(event.payload, Payload::Log { .. }).then_some(()));
    runtime.advance_clock(5_001).expect("a manual clock");
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, .. }) => assert_eq!(String::from_utf8_lossy(&body), "1000000,1005001"),
        other => panic!("unexpected {other:?}"),
    }
    assert!(runtime.advance_clock(u64::MAX).is_err());
    assert!(crate::support::runtime(1).advance_clock(1).is_err());
}
