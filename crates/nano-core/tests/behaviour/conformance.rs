//! The conformance corpus (`tests/conformance`), through the Rust face. Its README has the format.

use std::path::Path;

use nano_core::policy::{Mode, Policy};
use nano_core::value::TypedArrayKind;
use nano_core::{
    App, AppLimits, AppOptions, Binding, BindingKind, Body, CallContent, Error, Payload, RequestHead, RequestInit, ResponseHead, Runtime,
    Source, Value,
};
use serde_json::{Map, Value as Json};

use crate::support::{manual_runtime, wait_for};

/// What came of a request or an invocation.
#[derive(Default)]
struct Outcome {
    head: Option<ResponseHead>,
    streamed: bool,
    body: Vec<u8>,
    value: Option<Value>,
    error: Option<Error>,
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
        for case in file["cases"].as_array().expect("cases") {
            let at = format!("{}: {}", path.file_stem().unwrap().to_string_lossy(), case["name"].as_str().unwrap());
            run(case, &at);
            cases += 1;
        }
    }
    assert!(cases > 20, "only {cases} cases");
}

fn run(case: &Json, at: &str) {
    let runtime = manual_runtime(1);
    let app = match (runtime.load(options(case)), case.get("load_error")) {
        (Ok(app), None) => app,
        (Ok(_), Some(_)) => panic!("{at}: it loads"),
        (Err(error), Some(expected)) => return check_error(Some(&error), Some(expected), at),
        (Err(error), None) => panic!("{at}: {error}"),
    };
    let mut pending = None;
    for (index, step) in case["steps"].as_array().expect("steps").iter().enumerate() {
        let at = format!("{at}, step {index}");
        let expect = &step["expect"];
        if let Some(ms) = step.get("advance_ms") {
            runtime.advance_clock(ms.as_u64().unwrap()).expect("a manual clock");
        } else if step.get("finish").is_some() {
            let id = pending.take().expect("a pending request");
            check(&finish(&runtime, id), expect, &at);
        } else if let Some(fetch) = step.get("fetch") {
            match send(&runtime, &app, fetch) {
                Ok(id) if step.get("pending").is_some() => {
                    // So that the clock moves after it has begun, not before.
                    settle(&runtime, &app);
                    pending = Some(id);
                }
                Ok(id) => check(&finish(&runtime, id), expect, &at),
                Err(error) => check(&Outcome { error: Some(error), ..Outcome::default() }, expect, &at),
            }
        } else {
            let invoke = &step["invoke"];
            let args = invoke["args"].as_array().expect("args").iter().map(value).collect();
            match app.invoke(invoke["export"].as_str().unwrap(), args, 0) {
                Ok(id) => check(&finish(&runtime, id), expect, &at),
                Err(error) => check(&Outcome { error: Some(error), ..Outcome::default() }, expect, &at),
            }
        }
    }
}

/// Whatever was asked before has had its turn when this is answered: one thread, one queue.
fn settle(runtime: &Runtime, app: &App) {
    let id = app.invoke("there is no such function", Vec::new(), 0).expect("accepted");
    assert!(finish(runtime, id).error.is_some());
}

fn options(case: &Json) -> AppOptions {
    let text = |field: &str| case.get(field).and_then(Json::as_str).unwrap_or_default().to_string();
    let source = text("source").into_bytes();
    let source = match text("source_kind").as_str() {
        "" | "text" => Source::Text(source),
        "typescript" => Source::Named("index.ts".into(), source),
        "tsx" => Source::Named("index.tsx".into(), source),
        "echo" => Source::Echo,
        other => panic!("source_kind {other}"),
    };
    let mut options = AppOptions::new("case", source);
    for (name, value) in entries(case, "env") {
        options.env.push((name.clone(), value.as_str().unwrap().into()));
    }
    for name in case.get("functions").and_then(Json::as_array).into_iter().flatten() {
        options.bindings.push(Binding { name: name.as_str().unwrap().into(), kind: BindingKind::Function });
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
            "egress" if value == "deny" => options.egress = Policy::new(Mode::Deny, Vec::new(), Vec::new()),
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
        "cpu_ms" => limits.cpu_ms = value as u32,
        "wall_ms" => limits.wall_ms = value as u32,
        "heap_bytes" => limits.heap_bytes = value as usize,
        "external_bytes" => limits.external_bytes = value as usize,
        "url_bytes" => limits.url_bytes = value as u32,
        "header_bytes" => limits.header_bytes = value as u32,
        "body_bytes" => limits.body_bytes = value as usize,
        "upload_bytes" => limits.upload_bytes = value as usize,
        "timers" => limits.timers = value as u32,
        "subrequests" => limits.subrequests = value as u32,
        "requests" => limits.requests = value as u32,
        other => panic!("limit {other}"),
    }
}

fn send(runtime: &Runtime, app: &App, fetch: &Json) -> Result<u64, Error> {
    let method = fetch.get("method").and_then(Json::as_str).unwrap_or("GET").to_string();
    let mut head = RequestHead { method: method.into(), url: fetch["url"].as_str().unwrap().into(), ..RequestHead::default() };
    for pair in fetch.get("headers").and_then(Json::as_array).into_iter().flatten() {
        assert!(head.headers.push(pair[0].as_str().unwrap().as_bytes(), pair[1].as_str().unwrap().as_bytes()));
    }
    let chunks = fetch.get("chunks").and_then(Json::as_array);
    let body = match (chunks, fetch.get("body")) {
        (Some(_), _) => Body::Stream,
        (None, Some(body)) => Body::Whole(body.as_str().unwrap().into()),
        (None, None) => Body::None,
    };
    let deadline_ms = fetch.get("timeout_ms").and_then(Json::as_u64).unwrap_or(0) as u32;
    let id = app.dispatch(RequestInit { head, body, user_data: 0, deadline_ms })?;
    if let Some(chunks) = chunks {
        for chunk in chunks {
            let bytes = chunk.as_str().unwrap().as_bytes();
            assert_eq!(runtime.request_write(id, bytes)?, bytes.len(), "the corpus keeps to the window");
        }
        runtime.request_end(id)?;
    }
    Ok(id)
}

/// Waits for a request's end, and answers what the app calls meanwhile.
fn finish(runtime: &Runtime, id: u64) -> Outcome {
    let mut outcome = Outcome::default();
    wait_for(runtime, |event| {
        if matches!(event.payload, Payload::Call) {
            answer(runtime, event.id);
            return None;
        }
        if event.id != id {
            return None;
        }
        match &event.payload {
            Payload::Response { head, body, end, .. } => {
                outcome.head = Some(head.clone());
                outcome.streamed = !end;
                outcome.body.extend(body);
            }
            Payload::Chunk(bytes) => {
                outcome.body.extend(bytes);
                // Of a request that has ended there is nothing to give back to.
                let _ = runtime.credit(id, bytes.len() as u32);
            }
            Payload::Error(error, _) => outcome.error = Some(error.clone()),
            Payload::Result(value, _) => outcome.value = Some(value.clone()),
            _ => {}
        }
        event.payload.is_terminal().then_some(())
    });
    outcome
}

fn answer(runtime: &Runtime, id: u64) {
    let call = runtime.call_view(id).expect("a call");
    let CallContent::Function { args } = call.content else { panic!("{call:?}") };
    let answered = match (call.binding.as_str(), args.as_slice()) {
        ("echo", [value]) => runtime.call_return(id, value.clone()),
        ("add", [Value::Int(a), Value::Int(b)]) => runtime.call_return(id, Value::Int(a + b)),
        ("fail", _) => runtime.call_fail(id, "no"),
        other => panic!("{other:?}"),
    };
    answered.expect("the call waits");
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
        assert_eq!(Some(String::from_utf8_lossy(&outcome.body).as_ref()), body.as_str(), "{at}: body");
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
        "bytes" => Value::Bytes(hex(&text(content))),
        "object" => Value::Object(list().map(|pair| (text(&pair[0]), value(&pair[1]))).collect()),
        "map" => Value::Map(list().map(|pair| (value(&pair[0]), value(&pair[1]))).collect()),
        "set" => Value::Set(list().map(value).collect()),
        "date_ms" => Value::Date(content.as_f64().expect("a number")),
        "error" => Value::Error { name: text(&content[0]), message: text(&content[1]) },
        "typed" => {
            let name = text(&content[0]);
            let kind = TypedArrayKind::ALL.into_iter().find(|kind| format!("{kind:?}") == name).expect("a kind");
            Value::TypedArray { kind, bytes: hex(&text(&content[1])) }
        }
        other => panic!("there is no value {other}"),
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hex")).collect()
}

fn bigint(decimal: &str) -> Value {
    let (negative, digits) = decimal.strip_prefix('-').map_or((false, decimal), |digits| (true, digits));
    Value::bigint(negative, digits.parse::<u128>().expect("digits").to_be_bytes().to_vec())
}
