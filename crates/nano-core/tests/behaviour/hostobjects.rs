//! Functions, classes and objects of the host's in env.

use std::collections::HashMap;

use nano_core::{
    App, AppOptions, Binding, BindingKind, CallContent, ClassShape, HostObject, Payload, Runtime, RuntimeLimits, RuntimeOptions, Status,
    Value,
};

use crate::support::*;

fn class(name: &str, constructible: bool) -> Binding {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_string()).collect();
    let shape = ClassShape { methods: names(&["query", "same", "open", "fail"]), properties: names(&["name", "size"]), constructible };
    Binding { name: name.into(), kind: BindingKind::Class(shape) }
}

fn object(class: &str, id: u64) -> Value {
    Value::HostObject(HostObject { class: class.into(), id, keeper: None })
}

/// A host with a class `Database`, a class `Row` that only it makes, and a function `hash`.
#[derive(Default)]
struct Host {
    next: u64,
    names: HashMap<u64, Value>,
    seen: Vec<String>,
    /// How often each object has been given and not given back.
    held: HashMap<u64, i64>,
}

impl Host {
    fn give(&mut self, class: &str, id: u64) -> Value {
        *self.held.entry(id).or_default() += 1;
        object(class, id)
    }

    fn released(&mut self, id: u64) {
        *self.held.get_mut(&id).expect("an object that was given") -= 1;
        self.seen.push(format!("release {id}"));
    }

    fn outstanding(&self) -> i64 {
        assert!(self.held.values().all(|count| *count >= 0), "{:?}", self.held);
        self.held.values().sum()
    }

    fn answer(&mut self, runtime: &Runtime, id: u64) {
        let view = runtime.call_view(id).expect("is open");
        let result = match view.content {
            CallContent::Function { args } => Ok(Value::Array(args)),
            CallContent::Construct { args } if args.first() == Some(&Value::Text("bad".into())) => Err("no such database"),
            CallContent::Construct { args } if args.first() == Some(&Value::Text("odd".into())) => Ok(Value::Int(1)),
            CallContent::Construct { args } => {
                self.next += 1;
                self.names.insert(self.next, args.into_iter().next().unwrap_or(Value::Undefined));
                Ok(self.give(&view.binding, self.next))
            }
            CallContent::ObjectGet { object, name } if name == "name" => Ok(self.names.get(&object.id).cloned().unwrap_or(Value::Null)),
            CallContent::ObjectSet { object, value, .. } => {
                self.names.insert(object.id, value);
                Ok(Value::Undefined)
            }
            CallContent::ObjectMethod { object, name, .. } if name == "same" => Ok(self.give(&object.class, object.id)),
            CallContent::ObjectMethod { object, name, .. } if name == "open" => {
                let rows = (0..3).map(|row| self.give("Row", object.id * 100 + row)).collect();
                Ok(Value::Object(vec![("rows".into(), Value::Array(rows))]))
            }
            CallContent::ObjectMethod { object, name, args } if name == "query" => {
                self.seen.push(format!("query {} {args:?}", object.id));
                Ok(Value::Int(args.len() as i64))
            }
            _ => Err("not today"),
        };
        match result {
            Ok(value) => runtime.call_return(id, value).expect("is open"),
            Err(message) => runtime.call_fail(id, message).expect("is open"),
        }
    }

    /// Polls and answers until the request has ended; its body.
    fn serve(&mut self, runtime: &Runtime, app: &App, path: &str) -> String {
        let id = app.dispatch(get(path)).expect("accepted");
        loop {
            let (event_id, payload) = wait_for_any(runtime);
            match payload {
                Payload::Call => self.answer(runtime, event_id),
                Payload::Release { class, .. } => {
                    assert!(class == "Database" || class == "Row");
                    self.released(event_id);
                }
                Payload::Response { body, .. } if event_id == id => return String::from_utf8(body).expect("UTF-8"),
                Payload::Error(error, _) if event_id == id => panic!("{error}"),
                _ => {}
            }
        }
    }

    /// Polls until everything that was given has come back.
    fn until_returned(&mut self, runtime: &Runtime) {
        while self.outstanding() > 0 {
            if let (id, Payload::Release { .. }) = wait_for_any(runtime) {
                self.released(id);
            }
        }
    }
}

fn wait_for_any(runtime: &Runtime) -> (u64, Payload) {
    let mut events = Vec::new();
    let taken = runtime.wait(1, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer");
    assert!(taken > 0, "no event came");
    let event = events.pop().expect("one event");
    (event.id, event.payload)
}

fn app_options(name: &str, body: &str) -> AppOptions {
    let source =
        format!("const kept = []; export default {{ async fetch(request, env) {{ const path = new URL(request.url).pathname; {body} }} }}");
    let mut options = options(name, &source);
    let hash = Binding { name: "hash".into(), kind: BindingKind::Function };
    options.bindings = vec![hash, class("Database", true), class("Row", false), "KV".into()];
    options
}

fn load_with(runtime: &Runtime, body: &str) -> App {
    runtime.load(app_options("app", body)).expect("loads")
}

#[test]
fn a_function_of_the_hosts_is_called_with_values() {
    let (runtime, mut host) = (runtime(1), Host::default());
    let app = load_with(
        &runtime,
        "const h = env.hash; const r = await h(1, 'a', [2n]); \
         return new Response([typeof h, h.name, r.length, r[1], r[2][0] === 2n, await env.KV.get('k').catch((e) => e.message)].join());",
    );
    assert_eq!(host.serve(&runtime, &app, "/"), "function,hash,3,a,true,not today");
}

#[test]
fn an_object_is_constructed_used_and_given_back() {
    let (runtime, mut host) = (runtime(1), Host::default());
    let app = load_with(
        &runtime,
        "const db = new env.Database('main'); \
         const first = await db.query('select', db); \
         db.name = 'other'; \
         return new Response([db instanceof env.Database, String(db), first, await db.name, await db.same() === db, \
           await db.size.catch((e) => e.message), await db.fail().catch((e) => e.message), Object.keys(db).length].join());",
    );
    assert_eq!(host.serve(&runtime, &app, "/"), "true,[object Database],2,other,true,not today,not today,0");
    assert!(host.seen.iter().any(|line| line.contains("query 1") && line.contains("HostObject(Database, 0x1)")), "{:?}", host.seen);
    app.unload(PATIENCE).expect("unloads");
    host.until_returned(&runtime);
    assert_eq!(host.held.len(), 1);
}

#[test]
fn values_of_methods_have_objects_that_only_the_host_makes() {
    let (runtime, mut host) = (runtime(1), Host::default());
    let app = load_with(
        &runtime,
        "const db = new env.Database(); const { rows } = await db.open(); const again = (await db.open()).rows; \
         const made = (() => { try { new env.Row(); } catch (e) { return e.message; } })(); \
         const wrong = await env.Row.prototype.query.call(db).catch((e) => e.message); \
         const forged = await env.Row.prototype.query.call({}).catch((e) => e.message); \
         const clone = (() => { try { structuredClone(db); } catch (e) { return e.name; } })(); \
         return new Response([rows.length, rows[0] instanceof env.Row, rows[1] === again[1], await rows[2].query(), made, wrong, forged, clone].join());",
    );
    assert_eq!(host.serve(&runtime, &app, "/"), "3,true,true,0,Illegal constructor,Illegal invocation,Illegal invocation,DataCloneError");
}

#[test]
fn what_the_host_refuses_to_construct_fails_when_it_is_used() {
    let (runtime, mut host) = (runtime(1), Host::default());
    let app = load_with(
        &runtime,
        "const bad = new env.Database('bad'); const first = await bad.query().catch((e) => e.message); \
         const odd = await new env.Database('odd').name.catch((e) => e.message); \
         const inside = await env.hash([bad]).catch((e) => e.message); \
         return new Response([first, odd, inside, await bad.name.catch((e) => e.message)].join());",
    );
    assert_eq!(
        host.serve(&runtime, &app, "/"),
        "no such database,the host answered new Database() with no object,no such database,no such database"
    );
}

#[test]
fn an_object_may_be_an_argument_before_it_is_constructed() {
    let (runtime, mut host) = (runtime(1), Host::default());
    let app = load_with(
        &runtime,
        "const a = new env.Database('a'), b = new env.Database(a); const [same] = await env.hash({ in: [b] }); \
         return new Response([same.in[0] === b, await b.name === a].join());",
    );
    assert_eq!(host.serve(&runtime, &app, "/"), "true,true");
}

#[test]
fn a_class_can_be_extended() {
    let (runtime, mut host) = (runtime(1), Host::default());
    let app = load_with(
        &runtime,
        "class Mine extends env.Database { #secret = 7; twice(x) { return this.query(x, x); } get secret() { return this.#secret; } } \
         const mine = new Mine('x'); \
         return new Response([await mine.twice(1), mine.secret, mine instanceof env.Database, mine.constructor === Mine].join());",
    );
    assert_eq!(host.serve(&runtime, &app, "/"), "2,7,true,true");
}

#[test]
fn disposed_objects_are_given_back_at_once_and_cannot_be_used() {
    let (runtime, mut host) = (runtime(1), Host::default());
    let app = load_with(
        &runtime,
        "const db = new env.Database('x'); await db.query(); db[Symbol.dispose](); db[Symbol.dispose](); \
         const used = await db.query().catch((e) => e.message); const passed = await env.hash(db).catch((e) => e.name); \
         kept.push(db); return new Response([used, passed].join());",
    );
    assert_eq!(host.serve(&runtime, &app, "/"), "the object has been disposed of,DataCloneError");
    host.until_returned(&runtime);
}

#[test]
fn collected_objects_are_given_back_and_the_limit_counts_what_is_held() {
    let (runtime, mut host) = (runtime(1), Host::default());
    let mut options = app_options(
        "app",
        "if (path === '/keep') { for (let i = 0; i < 8; i++) { const db = new env.Database(i); await db.query(); kept.push(db); } \
           return new Response((() => { try { new env.Database(9); return 'made'; } catch (e) { return e.name + ' ' + kept.length; } })()); } \
         for (let i = 0; i < 40; i++) await new env.Database(i).query(); \
         return new Response('ok');",
    );
    options.limits.host_objects = 8;
    options.limits.subrequests = 1_000;
    options.limits.cpu_ms = 2_000;
    let app = runtime.load(options).expect("loads");
    // Forty one after the other under a limit of eight: the ones that nobody holds must have been collected.
    assert_eq!(host.serve(&runtime, &app, "/loop"), "ok");
    assert_eq!(host.serve(&runtime, &app, "/keep"), "RangeError 8");
    let result = app.dispatch(get("/loop")).expect("accepted");
    assert!(result > 0);
    runtime.free();
}

#[test]
fn an_answer_that_nobody_waits_for_gives_its_objects_back() {
    let (runtime, mut host) = (runtime(1), Host::default());
    let app = load_with(&runtime, "await env.hash(1); return new Response('late');");
    let id = app.dispatch(get("/")).expect("accepted");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    let gift = host.give("Row", 5);
    runtime.call_return(call, Value::Array(vec![gift])).expect("is open");
    until_end(&runtime, id);
    app.unload(PATIENCE).expect("unloads");
    host.until_returned(&runtime);
}

#[test]
fn objects_of_classes_that_the_app_has_not_are_refused() {
    let runtime = runtime(1);
    let app = load_with(&runtime, "return new Response(await env.hash(1));");
    let id = app.dispatch(get("/")).expect("accepted");
    let call = wait_for(&runtime, |event| matches!(event.payload, Payload::Call).then_some(event.id));
    let error = runtime.call_return(call, Value::Array(vec![object("KV", 1)])).expect_err("KV is no class");
    assert_eq!(error.status, Status::Invalid);
    runtime.call_return(call, Value::Text("still open".into())).expect("is open");
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, .. }) => assert_eq!(body, b"still open"),
        other => panic!("unexpected {other:?}"),
    }
    let error = app.invoke("f", vec![object("Row", 1)], 0).expect_err("only answers give objects");
    assert_eq!(error.status, Status::Invalid);
}

#[test]
fn members_that_could_not_work_are_refused_at_the_load() {
    let runtime = runtime(1);
    for name in ["then", "constructor", "", "same"] {
        let mut options = app_options("app", "return new Response();");
        if let BindingKind::Class(class) = &mut options.bindings[1].kind {
            class.properties.push(name.into());
        }
        assert_eq!(runtime.load(options).expect_err(name).status, Status::Invalid);
    }
}

#[test]
fn everything_comes_back_when_the_runtime_ends() {
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let mut host = Host::default();
    let app = load_with(&runtime, "const { rows } = await new env.Database(1).open(); kept.push(rows); return new Response(rows.length);");
    assert_eq!(host.serve(&runtime, &app, "/"), "3");
    runtime.free();
    host.until_returned(&runtime);
}

#[test]
fn an_app_that_patches_the_built_ins_breaks_only_itself() {
    let (runtime, mut host) = (runtime(1), Host::default());
    let source = "for (const name of ['get', 'set', 'has', 'delete']) { Map.prototype[name] = WeakMap.prototype[name] = () => { throw 1; }; } \
        Object.defineProperty(Object.prototype, 'enumerable', { set() { throw 2; }, get() { throw 2; } }); \
        Object.prototype.awaited = 1; Array.prototype[Symbol.iterator] = () => { throw 3; }; Reflect.construct = Object.setPrototypeOf = null; \
        export default { async fetch(r, env) { const db = new env.Database('x'); return new Response(await db.query(1, 2)); } }";
    let mut options = app_options("app", "");
    options.source = nano_core::Source::Text(source.into());
    let app = runtime.load(options).expect("loads");
    assert_eq!(host.serve(&runtime, &app, "/"), "2");
}
