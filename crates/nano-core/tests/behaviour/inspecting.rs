//! Debuggers, as those who speak the Chrome DevTools Protocol see them.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use nano_base::base64::forgiving_decode;
use nano_core::{App, AppOptions, Clock, Debugger, DebuggerSession, Post, Runtime, RuntimeLimits, RuntimeOptions, Source, Status};
use serde_json::{Value, json};

use crate::support::{get, options};

/// What comes of a debugger that a test is.
struct Ear {
    said: Sender<Value>,
    text: String,
}

impl Debugger for Ear {
    fn message(&self, text: String) {
        let _ = self.said.send(serde_json::from_str(&text).expect("JSON"));
    }

    fn gone(&self, why: &str) {
        let _ = self.said.send(json!({ "gone": why }));
    }

    fn text(&self, file: &str) -> Option<String> {
        (file == "index.ts").then(|| self.text.clone())
    }
}

/// A debugger that has come.
struct Client {
    session: DebuggerSession,
    said: Receiver<Value>,
    next: u64,
}

impl Client {
    fn attach(app: &App) -> Self {
        Self::with_text(app, "")
    }

    fn with_text(app: &App, text: &str) -> Self {
        let (said, heard) = channel();
        let session = app.inspect(Arc::new(Ear { said, text: text.into() })).expect("a session");
        Self { session, said: heard, next: 0 }
    }

    /// Asks, and does not wait.
    fn say(&mut self, method: &str, params: Value, keep: bool) -> u64 {
        self.next += 1;
        let text = json!({ "id": self.next, "method": method, "params": params }).to_string();
        let keep = keep.then(|| format!("{method} {params}"));
        self.session.post(Post { text, keep }).expect("the app listens");
        self.next
    }

    /// Asks; the answer.
    fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.say(method, params, false);
        self.answer(id)
    }

    /// The same, also of the versions to come.
    fn ask_all(&mut self, method: &str, params: Value) -> Value {
        let id = self.say(method, params, true);
        self.answer(id)
    }

    fn answer(&self, id: u64) -> Value {
        let message = self.until(|message| message["id"] == id);
        assert!(message["error"].is_null(), "{message}");
        message["result"].clone()
    }

    /// The next notification of this name.
    fn heard(&self, method: &str) -> Value {
        self.until(|message| message["method"] == method)["params"].clone()
    }

    /// The next script of this URL.
    fn script(&self, url: &str) -> Value {
        self.until(|message| message["method"] == "Debugger.scriptParsed" && message["params"]["url"] == url)["params"].clone()
    }

    fn until(&self, is_meant: impl Fn(&Value) -> bool) -> Value {
        loop {
            let message = self.said.recv_timeout(Duration::from_secs(60)).expect("the app says something");
            if is_meant(&message) {
                return message;
            }
        }
    }

    fn evaluate(&mut self, pause: &Value, expression: &str) -> Value {
        let frame = &pause["callFrames"][0]["callFrameId"];
        self.ask("Debugger.evaluateOnCallFrame", json!({ "callFrameId": frame, "expression": expression, "returnByValue": true }))["result"]
            ["value"]
            .clone()
    }
}

fn runtime() -> Runtime {
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    Runtime::new(RuntimeOptions { limits, clock: Clock::manual(), inspected_apps: 2, ..RuntimeOptions::default() }).expect("a runtime")
}

const ADDS: &str = "let seen = 0;
export default {
  fetch(request) {
    const two = 2;
    seen += two;
    return new Response(`seen ${seen}`);
  },
};
";

const OTHER: &str = "export default { fetch() { return new Response('other'); } };";

/// Asks an app in a thread of its own, because it may be paused.
fn asked(app: &App) -> std::thread::JoinHandle<nano_core::Result<String>> {
    let app = app.clone();
    std::thread::spawn(move || {
        let response = app.fetch(get("/"), Some(Duration::from_secs(60)))?;
        Ok(String::from_utf8(response.body).expect("text"))
    })
}

fn text(asked: std::thread::JoinHandle<nano_core::Result<String>>) -> String {
    asked.join().expect("a thread").expect("a response")
}

fn break_at_5(client: &mut Client) {
    client.ask_all("Debugger.enable", json!({}));
    let set = client.ask_all("Debugger.setBreakpointByUrl", json!({ "url": "file:///index.js", "lineNumber": 4 }));
    assert_eq!(set["locations"].as_array().map(Vec::len), Some(1), "{set}");
}

#[test]
fn a_breakpoint_stops_a_request_and_nobody_else() {
    let runtime = runtime();
    let app = runtime.load(options("app", ADDS)).expect("it loads");
    let other = runtime.load(options("other", OTHER)).expect("it loads");
    let mut client = Client::attach(&app);
    break_at_5(&mut client);
    let waiting = asked(&app);
    let pause = client.heard("Debugger.paused");
    assert_eq!(pause["callFrames"][0]["location"]["lineNumber"], 4);
    assert_eq!(text(asked(&other)), "other");
    assert_eq!(client.evaluate(&pause, "two"), 2);
    assert_eq!(client.evaluate(&pause, "seen = 2; request.url"), "http://app.test/");
    client.ask("Debugger.stepOver", json!({}));
    assert_eq!(client.heard("Debugger.paused")["callFrames"][0]["location"]["lineNumber"], 5);
    client.ask("Debugger.resume", json!({}));
    assert_eq!(text(waiting), "seen 4");
}

#[test]
fn no_time_passes_for_limits_while_a_debugger_is_there() {
    let runtime = runtime();
    let limits = nano_core::AppLimits { cpu_ms: 20, ..nano_core::AppLimits::default() };
    // It answers in a later turn, when the time of its request would have been over for long.
    let later = ADDS.replace("fetch(", "async fetch(").replace("return new", "await new Promise((go) => setTimeout(go, 1)); return new");
    let app = runtime.load(AppOptions { limits, ..options("app", &later) }).expect("it loads");
    let mut client = Client::attach(&app);
    break_at_5(&mut client);
    let waiting = asked(&app);
    let pause = client.heard("Debugger.paused");
    runtime.advance_clock(3_600_000).expect("a manual clock");
    let burn = "let n = 0; for (let i = 0; i < 1e8; i++) n += i % 3; n";
    assert_eq!(client.evaluate(&pause, burn), 99_999_999);
    client.ask("Debugger.resume", json!({}));
    assert_eq!(text(waiting), "seen 2");
}

#[test]
fn a_profile_says_where_time_was_spent() {
    let runtime = runtime();
    let source = "function busy() { let n = 0; for (let i = 0; i < 1e8; i++) n += i % 3; return n; } \
                  export default { fetch() { return new Response(String(busy())); } };";
    let app = runtime.load(options("app", source)).expect("it loads");
    let mut client = Client::attach(&app);
    client.ask("Profiler.enable", json!({}));
    client.ask("Profiler.start", json!({}));
    assert_eq!(text(asked(&app)), "99999999");
    let profile = client.ask("Profiler.stop", json!({}));
    let nodes = profile["profile"]["nodes"].as_array().expect("nodes");
    let hits = nodes.iter().filter(|node| node["callFrame"]["functionName"] == "busy").filter_map(|node| node["hitCount"].as_u64());
    assert!(hits.sum::<u64>() > 0, "{profile}");
}

#[test]
fn whoever_goes_lets_the_app_go_on() {
    let runtime = runtime();
    let app = runtime.load(options("app", ADDS)).expect("it loads");
    let mut client = Client::attach(&app);
    break_at_5(&mut client);
    let waiting = asked(&app);
    client.heard("Debugger.paused");
    let second = Client::attach(&app);
    drop(second);
    client.ask("Runtime.enable", json!({}));
    drop(client);
    assert_eq!(text(waiting), "seen 2");
    // The same in the middle of something that was asked for.
    let mut client = Client::attach(&app);
    client.ask("Debugger.enable", json!({}));
    client.say("Runtime.evaluate", json!({ "expression": "debugger; 1" }), false);
    client.heard("Debugger.paused");
    drop(client);
    assert_eq!(text(asked(&app)), "seen 2");
}

#[test]
fn a_debugger_statement_does_nothing_without_a_debugger() {
    let runtime = runtime();
    let app = runtime.load(options("app", &ADDS.replace("seen += two;", "debugger; seen += two;"))).expect("it loads");
    assert_eq!(text(asked(&app)), "seen 2");
    let mut client = Client::attach(&app);
    assert_eq!(text(asked(&app)), "seen 2");
    client.ask("Debugger.enable", json!({}));
    let waiting = asked(&app);
    assert_eq!(client.heard("Debugger.paused")["callFrames"][0]["location"]["lineNumber"], 4);
    client.ask("Debugger.resume", json!({}));
    assert_eq!(text(waiting), "seen 4");
}

#[test]
fn a_new_version_has_the_breakpoints_of_the_one_before() {
    let runtime = runtime();
    let app = runtime.load(options("app", ADDS)).expect("it loads");
    let mut client = Client::attach(&app);
    client.ask_all("Runtime.enable", json!({}));
    break_at_5(&mut client);
    let waiting = asked(&app);
    client.heard("Debugger.paused");
    // A version that does not start leaves the one before as it was, but for the pause.
    let failed = app.reload(options("app", "throw new Error('no')")).expect_err("it does not start");
    assert_eq!(failed.status, Status::Exception);
    assert_eq!(text(waiting), "seen 2");
    let waiting = asked(&app);
    client.heard("Debugger.paused");
    app.reload(options("app", &ADDS.replace("seen ${seen}", "new ${seen}"))).expect("it loads");
    assert_eq!(text(waiting), "seen 4");
    client.heard("Runtime.executionContextsCleared");
    assert_eq!(client.heard("Runtime.executionContextCreated")["context"]["name"], "app");
    client.script("file:///index.js");
    let waiting = asked(&app);
    client.heard("Debugger.paused");
    client.ask("Debugger.resume", json!({}));
    assert_eq!(text(waiting), "new 2");
    runtime.find("app").expect("the app").unload(Duration::ZERO).expect("it goes");
    assert_eq!(client.until(|message| !message["gone"].is_null())["gone"], "the app is being unloaded");
}

#[test]
fn an_app_that_does_nothing_else_can_be_paused() {
    let runtime = runtime();
    let app = runtime.load(options("app", "export default { fetch() { let n = 0; while (true) n++; } };"));
    let app = app.expect("it loads");
    let mut client = Client::attach(&app);
    client.ask("Debugger.enable", json!({}));
    let waiting = asked(&app);
    while app.stats().in_flight == 0 {
        std::thread::yield_now();
    }
    client.ask("Debugger.pause", json!({}));
    client.heard("Debugger.paused");
    client.ask("Debugger.resume", json!({}));
    client.ask("Debugger.disable", json!({}));
    app.kill().expect("it can be killed all the same");
    assert_eq!(waiting.join().expect("a thread").map_err(|error| error.status), Err(Status::Canceled));
}

#[test]
fn exceptions_and_the_console_come_to_the_debugger() {
    let runtime = runtime();
    let source = "export default { async fetch() { console.log('it', { a: [1] }); throw new RangeError('oh'); } };";
    let app = runtime.load(options("app", source)).expect("it loads");
    let mut client = Client::attach(&app);
    client.ask("Runtime.enable", json!({}));
    let waiting = asked(&app);
    let said = client.heard("Runtime.consoleAPICalled");
    assert_eq!((&said["type"], &said["args"][0]["value"]), (&json!("log"), &json!("it")));
    assert_eq!(said["args"][1]["className"], "Object");
    assert_eq!(said["stackTrace"]["callFrames"][0]["url"], "file:///index.js");
    let thrown = client.heard("Runtime.exceptionThrown");
    assert!(
        thrown["exceptionDetails"]["exception"]["description"].as_str().is_some_and(|text| text.starts_with("RangeError: oh")),
        "{thrown}"
    );
    assert!(waiting.join().expect("a thread").is_err());
    client.ask("Debugger.enable", json!({}));
    client.ask("Debugger.setPauseOnExceptions", json!({ "state": "uncaught" }));
    let waiting = asked(&app);
    let pause = client.heard("Debugger.paused");
    assert_eq!(pause["data"]["className"], "RangeError");
    client.ask("Debugger.resume", json!({}));
    assert!(waiting.join().expect("a thread").is_err());
}

#[test]
fn typescript_is_shown_as_it_was_written() {
    let runtime = runtime();
    let source = "interface A { b: number }\n\nexport default {\n  fetch(): Response {\n    const a: A = { b: 1 };\n    return Response.json(a);\n  },\n};\n";
    let app = AppOptions::new("app", Source::Named("index.ts".into(), source.into()));
    let app = runtime.load(app).expect("it loads");
    let mut client = Client::with_text(&app, source);
    let enabled = client.say("Debugger.enable", json!({}), false);
    let parsed = client.script("file:///index.ts");
    let url = parsed["sourceMapURL"].as_str().expect("a source map").strip_prefix("data:application/json;base64,").expect("in itself");
    let map: Value = serde_json::from_slice(&forgiving_decode(url.into()).expect("base64")).expect("JSON");
    assert_eq!((&map["sources"], &map["sourcesContent"]), (&json!(["file:///index.ts"]), &json!([source])));
    assert_ne!(map["mappings"], "");
    client.answer(enabled);
}

#[test]
fn a_runtime_that_is_freed_waits_for_no_debugger() {
    let runtime = runtime();
    let app = runtime.load(options("app", ADDS)).expect("it loads");
    let mut client = Client::attach(&app);
    break_at_5(&mut client);
    let waiting = asked(&app);
    client.heard("Debugger.paused");
    runtime.free();
    assert_eq!(waiting.join().expect("a thread").map_err(|error| error.status), Err(Status::Shutdown));
    assert!(client.session.post(Post { text: "{}".into(), keep: None }).is_err());
}

#[test]
fn only_so_many_apps_and_only_where_it_was_asked_for() {
    let plain = Runtime::new(RuntimeOptions::default()).expect("a runtime");
    let app = plain.load(options("app", ADDS)).expect("it loads");
    let attach = |app: &App| app.inspect(Arc::new(Ear { said: channel().0, text: String::new() }));
    assert_eq!(attach(&app).map(drop).map_err(|error| error.status), Err(Status::Invalid));
    let runtime = runtime();
    let apps: Vec<App> = (0..3).map(|number| runtime.load(options(&format!("app{number}"), ADDS)).expect("it loads")).collect();
    let first = attach(&apps[0]).expect("a session");
    let _second = attach(&apps[1]).expect("a session");
    assert_eq!(attach(&apps[2]).map(drop).map_err(|error| error.status), Err(Status::Capacity));
    drop(first);
    attach(&apps[2]).expect("there is room again");
}
