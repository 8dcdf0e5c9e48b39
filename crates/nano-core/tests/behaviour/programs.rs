//! Apps that are run for what they do, not for what they answer.

use nano_core::{AppOptions, Clock, EventMask, Payload, Runtime, RuntimeLimits, RuntimeOptions, Source, Status};

use crate::support::options;

fn programs() -> Runtime {
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let events = EventMask { logs: true, apps: true };
    Runtime::new(RuntimeOptions { limits, events, clock: Clock::manual(), ..RuntimeOptions::default() }).expect("a runtime")
}

/// What apps said, and how their instances ended, up to the first end.
fn until_ended(runtime: &Runtime) -> Vec<String> {
    let (mut said, mut events) = (Vec::new(), Vec::new());
    loop {
        runtime.wait(64, 1, &mut events).expect("events");
        for event in events.drain(..) {
            match event.payload {
                Payload::Log { text, .. } => said.push(text),
                Payload::App { state: "evicted", reason, .. } => {
                    said.push(reason);
                    return said;
                }
                _ => {}
            }
        }
        // Whatever timers it has, their time comes.
        runtime.advance_clock(1_000).expect("a manual clock");
    }
}

#[test]
fn a_program_needs_no_handler_and_ends_when_all_it_has_begun_has_ended() {
    let runtime = programs();
    let source =
        "console.log('begun'); setTimeout(() => { console.log('one'); setTimeout(() => console.log('two'), 5000); }, 5000); export {};";
    let refused = runtime.load(options("app", source)).expect_err("an app handles something");
    assert_eq!(refused.status, Status::Compile);
    let program = || AppOptions { program: true, ..options("program", source) };
    let app = runtime.load(program()).expect("it starts");
    app.reload(AppOptions { source: Source::Text(b"export default {}".to_vec()), lazy: true, ..program() }).expect("a successor");
    let said = until_ended(&runtime);
    // The app that was refused has begun, too.
    assert_eq!(said[said.len() - 4..], ["begun", "one", "two", "reload"], "{said:?}");
    assert!(app.invoke_wait("nothing", Vec::new(), None).is_err());
}

#[test]
fn an_app_that_is_replaced_does_not_wait_for_its_timers() {
    let runtime = programs();
    let source = "setInterval(() => console.log('tick'), 100000); export default { fetch() {} };";
    let app = runtime.load(options("app", source)).expect("it starts");
    app.reload(AppOptions { lazy: true, ..options("app", source) }).expect("a successor");
    assert_eq!(until_ended(&runtime), ["reload"]);
}
