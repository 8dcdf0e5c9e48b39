//! What only a defect does to a shard.

use std::sync::Arc;
use std::time::Duration;

use nano_base::limits::RuntimeLimits;
use nano_base::status::Status;
use nano_base::value::Value;

use super::Command;
use crate::runtime::{Runtime, RuntimeOptions};
use crate::wait::Slot;
use crate::{AppOptions, Payload, RequestHead, RequestInit, Source};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn a_defect_of_a_thread_ends_each_of_its_requests_once_and_is_no_apps_fault() {
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let source = "export default { async fetch(request, env) { \
        if (request.url.endsWith('/held')) await env.HOST.wait(); return new Response('here'); } }";
    let mut options = AppOptions::new("app", Source::Text(source.into()));
    options.bindings = vec!["HOST".into()];
    let app = runtime.load(options).expect("loads");
    let get = |path: &str| {
        let head = RequestHead { method: "GET".into(), url: format!("http://app.test{path}"), ..RequestHead::default() };
        RequestInit { head, ..RequestInit::default() }
    };
    let next = || {
        let mut events = Vec::new();
        assert_eq!(runtime.wait(1, PATIENCE.as_millis() as i32, &mut events).expect("the only consumer"), 1);
        events.remove(0)
    };
    let mut held: Vec<_> = (0..3).map(|_| app.dispatch(get("/held")).expect("accepted")).collect();
    let calls: Vec<_> = (0..3).map(|_| next().id).collect();
    runtime.inner().shards[0].command(Command::Fail);
    for _ in 0..3 {
        // Whoever waits for the answer of a call that is gone is told first.
        let ended = std::iter::repeat_with(next).find(|event| event.payload.is_terminal() && !calls.contains(&event.id)).expect("an end");
        assert!(matches!(&ended.payload, Payload::Error(error, _) if error.status == Status::ShardLost), "{ended:?}");
        let place = held.iter().position(|id| *id == ended.id).expect("each once");
        held.remove(place);
    }
    for call in calls {
        assert_eq!(runtime.call_return(call, Value::Null).expect_err("it is gone").status, Status::NotFound);
    }
    let response = app.fetch(get("/"), Some(PATIENCE)).expect("its successor serves");
    assert_eq!(response.body, b"here");
    let mut events = Vec::new();
    runtime.poll(100, &mut events).expect("the only consumer");
    assert!(events.iter().all(|event| !event.payload.is_terminal()), "nothing has ended but what has: {events:?}");
    assert_eq!((runtime.stats().parked, runtime.ceilings().lost_threads, app.stats().strikes), (1, 0, 0));
}

#[test]
fn whoever_waits_behind_what_is_no_turn_is_helped() {
    let limits = RuntimeLimits { threads: 2, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let app = runtime
        .load(AppOptions::new("app", Source::Text("export default { fetch() { return new Response('here'); } }".into())))
        .expect("loads");
    let home = &runtime.inner().shards[app.report().home];
    let (begun, end) = (Arc::<Slot<()>>::default(), Arc::<Slot<()>>::default());
    home.command(Command::Dwell(begun.clone(), end.clone()));
    begun.wait(None);
    let seat = home.seat().expect("somebody sits there");
    seat.terminate_now();
    assert!(seat.view().is_some_and(|turn| !turn.stopped), "there is nothing in it to stop");
    let head = RequestHead { method: "GET".into(), url: "http://app.test/".into(), ..RequestHead::default() };
    let response = app.fetch(RequestInit { head, ..RequestInit::default() }, Some(PATIENCE)).expect("another shard serves");
    assert_eq!(response.body, b"here");
    assert!(runtime.stats().rescued >= 1);
    end.fill(());
}
