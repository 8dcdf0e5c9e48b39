//! What an app puts on the prototypes of everything is never handed what is the platform's own.

use std::collections::BTreeSet;
use std::path::Path;

use nano_core::{
    App, Binding, BindingKind, CallContent, ClassShape, Event, HostObject, Payload, QueueConsumer, ResponseHead, Runtime, Value,
};

use crate::listening::listen;
use crate::outbound::here;
use crate::support::*;

/// Every word of the platform's own JavaScript: each may be the name of a property there.
fn words() -> String {
    fn read(folder: &Path, words: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).expect("the sources are there").flatten() {
            let path = entry.path();
            if path.is_dir() {
                read(&path, words);
            } else if path.extension().is_some_and(|ending| ending == "js") {
                let text = std::fs::read_to_string(&path).expect("text");
                let split = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '$'));
                words.extend(split.filter(|word| word.starts_with(|c: char| !c.is_ascii_digit())).map(str::to_owned));
            }
        }
    }
    let mut words_found = BTreeSet::new();
    read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../nano-engine/src/web/js"), &mut words_found);
    assert!(words_found.contains("readableStreamCancel") && words_found.contains("enumerable"), "the words are there");
    let quoted: Vec<String> = words_found.into_iter().filter(|word| word != "__proto__").map(|word| format!("\"{word}\"")).collect();
    format!("[{}]", quoted.join(","))
}

fn source(how: &str) -> String {
    format!("const NAMES = {}, HOW = \"{how}\";\n{}", words(), include_str!("inherited.js"))
}

fn app(runtime: &Runtime, how: &str) -> App {
    let mut options = options("inherited", &source(how));
    let shape = ClassShape { methods: vec!["query".into()], properties: vec!["name".into()], constructible: true };
    options.bindings = vec![
        "HOST".into(),
        Binding { name: "hash".into(), kind: BindingKind::Function },
        Binding { name: "Database".into(), kind: BindingKind::Class(shape) },
        Binding { name: "JOBS".into(), kind: BindingKind::Queue { queue: "jobs".into() } },
        Binding { name: "OTHER".into(), kind: BindingKind::App { app: "other".into(), entrypoint: None } },
    ];
    options.consumers = vec![QueueConsumer { batch: 2, ..QueueConsumer::new("jobs") }];
    options.outbound = Some("HOST".into());
    options.limits.cpu_ms = 60_000;
    options.limits.start_cpu_ms = 60_000;
    options.limits.subrequests = 100;
    runtime.load(options).expect("loads")
}

/// Answers what the app asks its host.
fn answer(runtime: &Runtime, event: &Event) {
    let Ok(view) = runtime.call_view(event.id) else { return };
    let sent = match view.content {
        CallContent::Fetch { head, .. } => {
            let mut answer = ResponseHead { status: 200, ..Default::default() };
            let mut body = "body";
            assert!(answer.headers.push(b"x-from", b"host"));
            if head.url.ends_with("/redirect") {
                answer.status = 302;
                assert!(answer.headers.push(b"location", b"/there"));
            } else if head.url.ends_with("/events") {
                assert!(answer.headers.push(b"content-type", b"text/event-stream"));
                body = "id: 7\nevent: tick\ndata: one\ndata: two\n\n";
            }
            runtime.call_respond(event.id, nano_core::CallResponse { head: answer, body: nano_core::Body::Whole(body.into()) })
        }
        CallContent::Method { name, .. } if name == "fail" => runtime.call_fail(event.id, "no"),
        CallContent::Method { name, .. } if name == "objects" => {
            let inner = Value::Object(vec![("b".into(), Value::Int(2))]);
            runtime.call_return(event.id, Value::Object(vec![("a".into(), Value::Array(vec![Value::Int(1), inner]))]))
        }
        CallContent::Function { args } => runtime.call_return(event.id, Value::Array(args)),
        CallContent::Construct { .. } => {
            runtime.call_return(event.id, Value::HostObject(HostObject { class: view.binding, id: 1, keeper: None }))
        }
        CallContent::ObjectMethod { args, .. } => runtime.call_return(event.id, Value::Int(args.len() as i64)),
        CallContent::ObjectGet { name, .. } => runtime.call_return(event.id, Value::Text(name)),
        CallContent::ObjectSet { .. } => runtime.call_return(event.id, Value::Undefined),
        _ => runtime.call_return(event.id, Value::Text("answer".into())),
    };
    // A call that the app has given up meanwhile is nobody's.
    let _ = sent;
}

/// The body of the answer to a request; the host does its part.
fn asked(runtime: &Runtime, app: &App, path: &str) -> String {
    let id = app.dispatch(get(path)).expect("accepted");
    let mut whole = Vec::new();
    wait_for(runtime, |event| match &event.payload {
        Payload::Call => {
            answer(runtime, event);
            None
        }
        Payload::Chunk(bytes) if event.id == id => {
            whole.extend_from_slice(bytes);
            None
        }
        Payload::Response { body, end, .. } if event.id == id => {
            whole.extend_from_slice(body);
            end.then_some(())
        }
        Payload::End(_) if event.id == id => Some(()),
        Payload::Error(error, _) if event.id == id => panic!("{path}: {error:?}"),
        _ => None,
    });
    String::from_utf8(whole).expect("UTF-8")
}

fn check(how: &str) {
    let runtime = runtime(1);
    let app = app(&runtime, how);
    load(
        &runtime,
        "other",
        "export default { fetch: () => new Response('other'), sum: (list) => ({ sum: list[0] + list[1] }), fails() { throw new RangeError('far'); } };",
    );
    assert_eq!(asked(&runtime, &app, "/stream"), "abc");
    let sum = app.invoke_wait("add", vec![Value::Int(1), Value::Int(2)], Some(PATIENCE)).expect("returns").0;
    assert_eq!(sum, Value::Int(3));
    let told = asked(&runtime, &app, "/all");
    if !told.is_empty() {
        std::fs::write(format!("/tmp/setters/{how}.txt"), &told).unwrap();
    }
    assert!(told.is_empty(), "{told}");
}

/// The same for what goes over the network, between an app and itself.
fn check_network(how: &str) {
    let runtime = runtime(1);
    let mut options = here("inherited", &source(how));
    options.limits.cpu_ms = 60_000;
    options.limits.start_cpu_ms = 60_000;
    options.code_generation = true;
    let app = runtime.load(options).expect("loads");
    let listener = listen(&runtime, app.clone());
    let mut init = get("/network");
    assert!(init.head.headers.push(b"address", listener.address().to_string().as_bytes()));
    let told = app.fetch(init, Some(PATIENCE)).expect("a response").body;
    assert!(told.is_empty(), "{}", String::from_utf8_lossy(&told));
}

#[test]
fn the_platform_does_what_this_asks_for_where_nobody_has_put_anything() {
    check("nothing");
    check_network("nothing");
}

#[test]
fn what_is_on_object_prototype_is_not_taken_for_what_the_platform_looks_for() {
    check("values");
    check_network("values");
}

#[test]
fn setters_on_object_prototype_are_not_handed_what_is_the_platforms() {
    check("accessors");
    check_network("accessors");
}

#[test]
fn the_platform_does_not_ask_for_the_species_of_what_it_copies() {
    check("species");
    check_network("species");
}

#[test]
fn a_proxy_above_arrays_is_not_handed_what_is_the_platforms() {
    check("proxy");
    check_network("proxy");
}

#[test]
fn setters_are_not_handed_what_belongs_to_an_event_of_a_script() {
    let runtime = runtime(1);
    let source = format!(
        "const told = []; const ObjectPrototype = Object.prototype; \
         for (const name of {}) if (name !== 'then' && !(name in ObjectPrototype)) Object.defineProperty(ObjectPrototype, name, {{ __proto__: null, \
           set() {{ 'use strict'; told.push(name); }}, get() {{ 'use strict'; if (typeof this === 'object' && !(this instanceof Event)) told.push(name); }} }}); \
         addEventListener('fetch', (event) => {{ event.waitUntil(Promise.resolve()); event.respondWith((async () => new Response(told.join()))()); }});",
        words()
    );
    let app = load(&runtime, "script", &source);
    assert_eq!(asked(&runtime, &app, "/"), "");
    assert_eq!(asked(&runtime, &app, "/"), "");
}
