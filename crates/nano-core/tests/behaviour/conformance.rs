//! The conformance corpus (`tests/conformance`), through the Rust face. Its README has the format.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use nano_core::policy::{Mode, Policy};
use nano_core::value::{ErrorValue, TypedArrayKind};
use nano_core::{
    App, AppLimits, AppOptions, Binding, BindingKind, Body, CallContent, CallResponse, ClassShape, Clock, Error, Event, EventMask, Headers,
    HostObject, Payload, RequestHead, RequestInit, ResponseHead, Runtime, RuntimeLimits, RuntimeOptions, Source, Value,
};
use serde_json::{Map, Value as Json};

use crate::support::PATIENCE;

const APP_FIELDS: [&str; 6] = ["source", "source_kind", "env", "limits", "options", "host"];

/// What has come of a request or an invocation.
#[derive(Default)]
struct Outcome {
    head: Option<ResponseHead>,
    streamed: bool,
    body: Vec<u8>,
    value: Option<Value>,
    error: Option<Error>,
    ended: bool,
    writable: bool,
}

impl From<Error> for Outcome {
    fn from(error: Error) -> Self {
        Self { error: Some(error), ended: true, ..Self::default() }
    }
}

/// A line of an app's log, or an app's change of state: its name is the level or the state.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    app: String,
    name: String,
    text: String,
    dropped: u64,
}

/// The answer of `mirror` that is being written: one at a time.
struct Mirrored {
    id: u64,
    body: Vec<u8>,
    sent: usize,
    is_whole: bool,
    is_broken: bool,
}

/// A case that is being replayed.
struct Case<'a> {
    json: &'a Json,
    runtime: Runtime,
    app: App,
    outcomes: HashMap<u64, Outcome>,
    pending: Option<u64>,
    lines: Vec<Said>,
    states: Vec<Said>,
    marks: u32,
    counters: Vec<i64>,
    mirrored: Option<Mirrored>,
}

#[test]
fn every_case_of_the_corpus() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/conformance");
    let mut cases = 0;
    for entry in std::fs::read_dir(folder).expect("the corpus") {
        let path = entry.expect("an entry").path();
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let file: Json = serde_json::from_slice(&std::fs::read(&path).expect("a file")).expect("JSON");
        only(&file, &["about", "cases"]);
        for case in file["cases"].as_array().expect("cases") {
            let at = format!("{}: {}", path.file_stem().unwrap().to_string_lossy(), case["name"].as_str().unwrap());
            replay(case, &at);
            cases += 1;
        }
    }
    assert!(cases > 20, "only {cases} cases");
}

/// What nobody knows is not passed over.
fn only(given: &Json, known: &[&str]) {
    for name in given.as_object().into_iter().flat_map(Map::keys) {
        assert!(known.contains(&name.as_str()), "{name} is not known");
    }
}

/// A text, or `[text, times]`.
fn text_of(given: &Json) -> String {
    given.as_str().map_or_else(|| given[0].as_str().expect("a text").repeat(given[1].as_u64().expect("a number") as usize), Into::into)
}

fn replay(json: &Json, at: &str) {
    only(json, &[&APP_FIELDS[..], &["name", "runtime", "load_error", "steps"]].concat());
    let mut limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    for (name, value) in entries(json, "runtime") {
        match name.as_str() {
            "apps" => limits.apps = value.as_u64().unwrap() as u32,
            "requests" => limits.requests = value.as_u64().unwrap() as u32,
            other => panic!("{at}: limit {other}"),
        }
    }
    let events = EventMask { logs: true, apps: true };
    let runtime = Runtime::new(RuntimeOptions { limits, clock: Clock::manual(), events, ..RuntimeOptions::default() }).expect("a runtime");
    let app = match (runtime.load(options("case", json, json)), json.get("load_error")) {
        (Ok(app), None) => app,
        (Ok(_), Some(_)) => panic!("{at}: it loads"),
        (Err(error), expected) => return check_error(Some(&error), expected, at),
    };
    let mut case = Case {
        json,
        runtime,
        app,
        outcomes: HashMap::new(),
        pending: None,
        lines: Vec::new(),
        states: Vec::new(),
        marks: 0,
        counters: Vec::new(),
        mirrored: None,
    };
    for (index, step) in json["steps"].as_array().expect("steps").iter().enumerate() {
        case.step(step, &format!("{at}, step {index}"));
    }
}

/// What a step may expect; none of the others.
fn expected(verb: &str) -> Option<&'static [&'static str]> {
    match verb {
        "fetch" | "finish" => Some(&["status", "headers", "body", "json", "chunks", "error"]),
        "invoke" => Some(&["value", "error"]),
        "load" | "reload" | "unload" => Some(&["error"]),
        _ => None,
    }
}

impl Case<'_> {
    fn step(&mut self, step: &Json, at: &str) {
        let pending = step.get("pending").is_some();
        let verbs: Vec<_> = step.as_object().unwrap().iter().filter(|(key, _)| !["expect", "pending"].contains(&key.as_str())).collect();
        let [(verb, what)] = verbs[..] else { panic!("{at}: {} steps", verbs.len()) };
        let expect = step.get("expect");
        assert_eq!(expect.is_some(), expected(verb).is_some() && !pending, "{at}: expect");
        assert!(!pending || verb == "fetch", "{at}: pending");
        if pending {
            self.pending = self.fetch(what).ok();
            // Whatever was asked before has had its turn when this is answered: one thread, one queue.
            let _ = self.app.invoke("there is no such function", Vec::new(), 0).map(|id| self.finish(id));
        } else if let Some(expect) = expect {
            only(expect, expected(verb).unwrap());
            let outcome = self.outcome(verb, what).unwrap_or_else(Outcome::from);
            check(&outcome, expect, at);
        } else {
            self.act(verb, what, at);
        }
    }

    /// What comes of a step that may fail.
    fn outcome(&mut self, verb: &str, what: &Json) -> Result<Outcome, Error> {
        match verb {
            "fetch" => {
                let id = self.fetch(what)?;
                return Ok(self.finish(id));
            }
            "finish" => {
                let id = self.pending.take().expect("a pending request");
                return Ok(self.finish(id));
            }
            "invoke" => {
                only(what, &["export", "args"]);
                let args = what["args"].as_array().expect("args").iter().map(value).collect();
                let id = self.app.invoke(what["export"].as_str().unwrap(), args, 0)?;
                return Ok(self.finish(id));
            }
            "load" => {
                only(what, &[&APP_FIELDS[..], &["name"]].concat());
                let name = what.get("name").and_then(Json::as_str).unwrap_or("case");
                self.app = self.runtime.load(options(name, what, what))?;
            }
            "reload" => {
                only(what, &["source", "source_kind", "env"]);
                self.app.reload(options("case", what, self.json))?;
            }
            _ => self.app.unload(Duration::ZERO)?,
        }
        Ok(Outcome::default())
    }

    fn act(&mut self, verb: &str, what: &Json, at: &str) {
        match verb {
            "advance_ms" => self.runtime.advance_clock(what.as_u64().unwrap()).expect("a manual clock"),
            "log" => {
                self.hear_all();
                let have: Vec<_> = heard(&mut self.lines).into_iter().map(|line| (line.name, line.text, line.dropped)).collect();
                let line = |line: &Json| (text_of(&line[0]), text_of(&line[1]), line.get(2).and_then(Json::as_u64).unwrap_or(0));
                assert_eq!(have, what.as_array().unwrap().iter().map(line).collect::<Vec<_>>(), "{at}: log");
            }
            "states" => {
                self.hear_all();
                let mut have = heard(&mut self.states);
                have.sort_unstable();
                let want = what.as_array().unwrap();
                let is = |(have, want): (&Said, &Json)| {
                    have.name == text_of(&want[0]) && have.text.contains(want.get(1).and_then(Json::as_str).unwrap_or_default())
                };
                assert!(have.len() == want.len() && have.iter().zip(want).all(is), "{at}: {have:?}, and not {want:?}");
            }
            "kill" => assert_eq!(self.app.kill().ok().map(u64::from), what.as_u64(), "{at}: instances"),
            "drain" => assert_eq!(Some(!self.runtime.drain(Duration::ZERO)), what.as_bool(), "{at}: were requests left"),
            "close" => self.runtime.free(),
            other => panic!("{at}: there is no step {other}"),
        }
    }

    fn fetch(&mut self, fetch: &Json) -> Result<u64, Error> {
        only(fetch, &["method", "url", "headers", "body", "chunks", "timeout_ms"]);
        let method = fetch.get("method").and_then(Json::as_str).unwrap_or("GET").to_string();
        let mut head = RequestHead { method: method.into(), url: fetch["url"].as_str().unwrap().into(), ..RequestHead::default() };
        for pair in fetch.get("headers").and_then(Json::as_array).into_iter().flatten() {
            assert!(head.headers.push(pair[0].as_str().unwrap().as_bytes(), pair[1].as_str().unwrap().as_bytes()));
        }
        let chunks = fetch.get("chunks").and_then(Json::as_array);
        let body = match (chunks, fetch.get("body")) {
            (Some(_), _) => Body::Stream,
            (None, Some(body)) => Body::Whole(text_of(body).into()),
            (None, None) => Body::None,
        };
        let deadline_ms = fetch.get("timeout_ms").and_then(Json::as_u64).unwrap_or(0) as u32;
        let id = self.app.dispatch(RequestInit { head, body, user_data: 0, deadline_ms })?;
        let Some(chunks) = chunks else { return Ok(id) };
        for chunk in chunks {
            let text = text_of(chunk);
            let mut rest = text.as_bytes();
            while !rest.is_empty() {
                self.outcomes.entry(id).or_default().writable = false;
                // It may have ended: with what, its last event says.
                let Ok(written) = self.runtime.request_write(id, rest) else { return Ok(id) };
                rest = &rest[written..];
                while !rest.is_empty() && !self.outcomes[&id].writable && !self.outcomes[&id].ended {
                    self.take();
                }
            }
        }
        let _ = self.runtime.request_end(id);
        Ok(id)
    }

    fn finish(&mut self, id: u64) -> Outcome {
        while !self.outcomes.entry(id).or_default().ended {
            self.take();
        }
        self.outcomes.remove(&id).unwrap()
    }

    /// Takes one event.
    fn take(&mut self) {
        let mut events = Vec::new();
        self.runtime.wait(1, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer");
        let Event { id, payload, .. } = events.pop().expect("an event");
        let ended = payload.is_terminal();
        match payload {
            Payload::Call => return self.answer(id),
            Payload::Log { app, level, text, dropped } => {
                return self.lines.push(Said { app, name: format!("{level:?}").to_lowercase(), text, dropped });
            }
            Payload::App { app, state, reason } => return self.states.push(Said { app, name: state.into(), text: reason, dropped: 0 }),
            Payload::CallChunk(bytes) => {
                let mirrored = self.mirrored.as_mut().expect("a call of mirror");
                mirrored.body.extend(&bytes);
                mirrored.is_whole = bytes.is_empty();
                let _ = self.runtime.credit(id, bytes.len() as u32);
                return self.mirror_goes_on();
            }
            Payload::Writable if self.mirrored.as_ref().is_some_and(|mirrored| mirrored.id == id) => return self.mirror_goes_on(),
            Payload::CallCanceled | Payload::Release { .. } => return,
            _ => {}
        }
        let outcome = self.outcomes.entry(id).or_default();
        match payload {
            Payload::Response { head, body, end, .. } => {
                outcome.head = Some(head);
                outcome.streamed = !end;
                outcome.body.extend(body);
            }
            Payload::Chunk(bytes) => {
                outcome.body.extend(&bytes);
                // Of a request that has ended there is nothing to give back to.
                let _ = self.runtime.credit(id, bytes.len() as u32);
            }
            Payload::Error(error, _) => outcome.error = Some(error),
            Payload::Result(value, _) => outcome.value = Some(value),
            Payload::Writable => outcome.writable = true,
            _ => {}
        }
        outcome.ended |= ended;
    }

    /// Until all has come that has been said so far: whoever speaks now is heard last. One thread, one queue.
    fn hear_all(&mut self) {
        self.marks += 1;
        let name = format!("mark {}", self.marks);
        let source = Source::Text("console.log('mark'); export function nothing() {}".into());
        self.runtime.load(AppOptions::new(&name, source)).expect("it loads");
        while self.lines.last().is_none_or(|line| line.app != name) {
            self.take();
        }
    }

    /// What an app asks of the host: the README says what there is.
    fn answer(&mut self, id: u64) {
        // The app may have given it up before it was looked at.
        let Ok(call) = self.runtime.call_view(id) else { return };
        let binding = call.binding.as_str();
        let counter = |id: usize| Value::HostObject(HostObject { class: "Counter".into(), id: id as u64, keeper: None });
        let value = match call.content {
            CallContent::Fetch { head, body, streaming } => return self.mirror_begins(id, &head, body, streaming),
            CallContent::Function { args } => match (binding, &args[..]) {
                ("echo", [value]) => Some(value.clone()),
                ("add", [Value::Int(a), Value::Int(b)]) => Some(Value::Int(a + b)),
                _ => None,
            },
            CallContent::Method { name, args } => match (name.as_str(), &args[..]) {
                ("twice", [Value::Text(text)]) => Some(Value::Text(text.repeat(2))),
                _ => None,
            },
            CallContent::Construct { args } => {
                let [Value::Int(start)] = args[..] else { panic!("{args:?}") };
                self.counters.push(start);
                Some(counter(self.counters.len() - 1))
            }
            CallContent::ObjectMethod { object, name, args } => match (name.as_str(), &args[..]) {
                ("itself", []) => Some(counter(object.id as usize)),
                ("add", [Value::Int(n)]) => {
                    self.counters[object.id as usize] += n;
                    Some(Value::Int(self.counters[object.id as usize]))
                }
                _ => None,
            },
            CallContent::ObjectGet { object, .. } => Some(Value::Int(self.counters[object.id as usize])),
            CallContent::ObjectSet { object, value, .. } => {
                let Value::Int(n) = value else { panic!("{value:?}") };
                self.counters[object.id as usize] = n;
                Some(Value::Undefined)
            }
            other => panic!("{other:?}"),
        };
        let answered = value.map_or_else(|| self.runtime.call_fail(id, "no"), |value| self.runtime.call_return(id, value));
        answered.expect("the call waits");
    }

    fn mirror_begins(&mut self, id: u64, asked: &RequestHead, body: Vec<u8>, streaming: bool) {
        let mut headers = Headers::new();
        assert!(headers.push(b"x-method", asked.method.as_bytes()) && headers.push(b"x-url", asked.url.as_bytes()));
        let head = ResponseHead { status: 201, headers, ..ResponseHead::default() };
        self.runtime.call_respond(id, CallResponse { head, body: Body::Stream }).expect("the call waits");
        assert!(self.mirrored.is_none(), "one at a time");
        self.mirrored = Some(Mirrored { id, body, sent: 0, is_whole: !streaming, is_broken: asked.url.ends_with("/broken") });
        self.mirror_goes_on();
    }

    fn mirror_goes_on(&mut self) {
        let Some(mirrored) = &mut self.mirrored else { return };
        while mirrored.sent < mirrored.body.len() {
            let rest = &mirrored.body[mirrored.sent..];
            let written = self.runtime.call_write(mirrored.id, rest).expect("the call waits");
            mirrored.sent += written;
            if written < rest.len() {
                return;
            }
        }
        if !mirrored.is_whole {
            return;
        }
        let Mirrored { id, is_broken, .. } = self.mirrored.take().unwrap();
        if is_broken { self.runtime.call_fail(id, "no") } else { self.runtime.call_end(id) }.expect("the call waits");
    }
}

/// What has been heard of all but those that mark an end.
fn heard(said: &mut Vec<Said>) -> Vec<Said> {
    std::mem::take(said).into_iter().filter(|said| !said.app.starts_with("mark")).collect()
}

/// The options of an app, or of a version of it, which says otherwise what code and env are.
fn options(name: &str, version: &Json, case: &Json) -> AppOptions {
    let own = |field: &str| version.get(field).or_else(|| case.get(field));
    let code = version["source"].as_str().expect("a source");
    let source = match own("source_kind").and_then(Json::as_str).unwrap_or("text") {
        "text" => Source::Text(code.into()),
        "typescript" => Source::Named("index.ts".into(), code.into()),
        "tsx" => Source::Named("index.tsx".into(), code.into()),
        "file" => Source::File(code.into()),
        "echo" => Source::Echo,
        other => panic!("source_kind {other}"),
    };
    let mut options = AppOptions::new(name, source);
    for (name, value) in own("env").and_then(Json::as_object).into_iter().flat_map(Map::iter) {
        options.env.push((name.clone(), value.as_str().unwrap().into()));
    }
    for name in case.get("host").and_then(Json::as_array).into_iter().flatten() {
        let name = name.as_str().unwrap();
        let kind = match name {
            "echo" | "add" | "fail" => BindingKind::Function,
            "mirror" => BindingKind::Object,
            "Counter" => BindingKind::Class(ClassShape {
                methods: ["add", "fail", "itself"].map(String::from).into(),
                properties: vec!["value".into()],
                constructible: true,
            }),
            other => panic!("the host has no {other}"),
        };
        options.bindings.push(Binding { name: name.into(), kind });
    }
    for (name, value) in entries(case, "limits") {
        set_limit(&mut options.limits, name, value.as_u64().unwrap());
    }
    for (name, value) in entries(case, "options") {
        match name.as_str() {
            "outbound" => options.outbound = Some(value.as_str().unwrap().into()),
            "base_url" => options.base_url = Some(value.as_str().unwrap().into()),
            "code_generation" => options.code_generation = value.as_bool().unwrap(),
            "random_seed" => options.random_seed = value.as_u64(),
            "egress" => {
                let mode = match value.as_str().unwrap() {
                    "public" => Mode::Public,
                    "deny" => Mode::Deny,
                    "any" => Mode::Any,
                    other => panic!("egress {other}"),
                };
                options.egress = Policy::new(mode, Vec::new(), Vec::new());
            }
            other => panic!("option {other}"),
        }
    }
    options
}

fn entries<'a>(case: &'a Json, field: &str) -> impl Iterator<Item = (&'a String, &'a Json)> {
    case.get(field).and_then(Json::as_object).into_iter().flat_map(Map::iter)
}

fn set_limit(limits: &mut AppLimits, name: &str, value: u64) {
    match name {
        "start_cpu_ms" => limits.start_cpu_ms = value as u32,
        "cpu_ms" => limits.cpu_ms = value as u32,
        "wall_ms" => limits.wall_ms = value as u32,
        "heap_bytes" => limits.heap_bytes = value as usize,
        "external_bytes" => limits.external_bytes = value as usize,
        "url_bytes" => limits.url_bytes = value as u32,
        "header_bytes" => limits.header_bytes = value as u32,
        "body_bytes" => limits.body_bytes = value as usize,
        "upload_bytes" => limits.upload_bytes = value as usize,
        "env_entries" => limits.env_entries = value as u32,
        "env_entry_bytes" => limits.env_entry_bytes = value as u32,
        "log_bytes_per_s" => limits.log_bytes_per_s = value as u32,
        "host_objects" => limits.host_objects = value as u32,
        "timers" => limits.timers = value as u32,
        "subrequests" => limits.subrequests = value as u32,
        "requests" => limits.requests = value as u32,
        other => panic!("limit {other}"),
    }
}

fn check(outcome: &Outcome, expect: &Json, at: &str) {
    check_error(outcome.error.as_ref(), expect.get("error"), at);
    if let Some(expected) = expect.get("value") {
        assert_eq!(outcome.value, Some(value(expected)), "{at}: value");
    }
    let head = outcome.head.as_ref();
    if let Some(status) = expect.get("status") {
        assert_eq!(head.map(|head| u64::from(head.status)), status.as_u64(), "{at}: status");
    }
    for (name, expected) in entries(expect, "headers") {
        let all: Vec<_> = head.unwrap().headers.iter().filter(|(key, _)| *key == name.as_bytes()).map(|(_, value)| value).collect();
        let found = (!all.is_empty()).then(|| String::from_utf8(all.join(&b", "[..])).unwrap());
        assert_eq!(found.as_deref(), expected.as_str(), "{at}: header {name}");
    }
    if let Some(body) = expect.get("body") {
        let (have, want) = (&outcome.body, text_of(body).into_bytes());
        assert!(*have == want, "{at}: body {:?} of {} bytes, and not of {}", have.get(..100).unwrap_or(have), have.len(), want.len());
    }
    if let Some(json) = expect.get("json") {
        assert_eq!(&serde_json::from_slice::<Json>(&outcome.body).expect("JSON"), json, "{at}: body");
    }
    if let Some(chunks) = expect.get("chunks") {
        assert_eq!(Some(outcome.streamed), chunks.as_bool(), "{at}: chunks");
    }
}

fn check_error(error: Option<&Error>, expected: Option<&Json>, at: &str) {
    let (Some(error), Some(expected)) = (error, expected) else {
        assert_eq!(error.map(ToString::to_string), expected.map(ToString::to_string), "{at}: error");
        return;
    };
    only(expected, &["name", "contains"]);
    assert_eq!(Some(error.status.name()), expected["name"].as_str(), "{at}: {error}");
    let contains = expected.get("contains").and_then(Json::as_str).unwrap_or_default();
    assert!(error.message.contains(contains), "{at}: {error}");
}

/// A value by its JSON.
fn value(json: &Json) -> Value {
    let Json::Object(tagged) = json else {
        return match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => Value::Int(number.as_i64().expect("a whole number")),
            Json::String(text) => Value::Text(text.clone()),
            Json::Array(items) => Value::Array(items.iter().map(value).collect()),
            Json::Object(_) => unreachable!("looked at above"),
        };
    };
    let (tag, content) = tagged.iter().next().expect("a tag");
    let text = |json: &Json| json.as_str().expect("text").to_string();
    let list = || content.as_array().expect("a list").iter();
    match tag.as_str() {
        "undefined" => Value::Undefined,
        "float" => Value::Float(text(content).parse().expect("a number")),
        "bigint" => bigint(&text(content)),
        "repeat" => Value::Text(text_of(content)),
        "bytes" => Value::Bytes(hex(&text(content))),
        "buffer" => Value::Buffer(hex(&text(content))),
        "view" => Value::View(hex(&text(content))),
        "units" => Value::Units(hex(&text(content)).chunks_exact(2).map(|unit| u16::from_be_bytes([unit[0], unit[1]])).collect()),
        "hole" => Value::Hole,
        "regexp" => Value::RegExp { source: text(&content[0]), flags: text(&content[1]) },
        "object" => Value::Object(properties(content)),
        "map" => Value::Map(list().map(|pair| (value(&pair[0]), value(&pair[1]))).collect()),
        "set" => Value::Set(list().map(value).collect()),
        "date_ms" => Value::Date(content.as_f64().expect("a number")),
        "error" => {
            let properties = content.get(2).map(properties).unwrap_or_default();
            Value::Error(Box::new(ErrorValue { name: text(&content[0]), message: text(&content[1]), properties }))
        }
        "typed" => {
            let name = text(&content[0]);
            let kind = TypedArrayKind::ALL.into_iter().find(|kind| format!("{kind:?}") == name).expect("a kind");
            Value::TypedArray { kind, bytes: hex(&text(&content[1])) }
        }
        other => panic!("there is no value {other}"),
    }
}

fn properties(json: &Json) -> Vec<(String, Value)> {
    json.as_array().expect("a list").iter().map(|pair| (pair[0].as_str().expect("text").to_string(), value(&pair[1]))).collect()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn bigint(decimal: &str) -> Value {
    let (negative, digits) = decimal.strip_prefix('-').map_or((false, decimal), |digits| (true, digits));
    Value::bigint(negative, digits.parse::<u128>().expect("digits").to_be_bytes().to_vec())
}
