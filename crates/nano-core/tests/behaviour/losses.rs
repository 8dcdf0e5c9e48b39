//! A thread that an app broke takes nothing with it that somebody waits for.

use nano_core::{App, AppOptions, Payload, Runtime, Status};

use crate::support::*;

/// One operation that no limit interrupts, and that never comes to an end: V8 runs out of memory in it.
const BREAKS: &str = "new Array(1e9).fill(0);";

fn quickly(mut options: AppOptions) -> AppOptions {
    (options.limits.cpu_ms, options.limits.start_cpu_ms) = (10, 10);
    options
}

/// An app whose requests break the thread they run on.
fn bomb(runtime: &Runtime) -> App {
    let source = format!("export default {{ fetch() {{ {BREAKS} }} }}");
    runtime.load(quickly(options("bomb", &source))).expect("the app loads")
}

fn status_of_end(runtime: &Runtime, id: u64) -> Status {
    match until_end(runtime, id).pop() {
        Some(Payload::Error(error, _)) => error.status,
        other => panic!("{other:?} instead of an error"),
    }
}

fn until_logged(runtime: &Runtime, wanted: &str) {
    wait_for(runtime, |event| matches!(&event.payload, Payload::Log { text, .. } if text == wanted).then_some(()));
}

const WAITS: &str = "console.log('waits'); await new Promise(() => {}); export default { fetch() {} };";

#[test]
fn a_request_whose_own_start_breaks_the_thread_ends() {
    let runtime = runtime(1);
    let mut options = quickly(options("breaks", &format!("{BREAKS} export default {{ fetch() {{}} }}")));
    options.lazy = true;
    let app = runtime.load(options).expect("is registered");
    let id = app.dispatch(get("/")).expect("accepted");
    assert_eq!(status_of_end(&runtime, id), Status::CpuLimit);
}

#[test]
fn a_request_that_waits_for_a_start_ends_when_another_app_breaks_the_thread() {
    let runtime = runtime(1);
    let bomb = bomb(&runtime);
    let mut options = options("waits", WAITS);
    options.lazy = true;
    let app = runtime.load(options).expect("is registered");
    let ids = [app.dispatch(get("/1")).expect("accepted"), app.dispatch(get("/2")).expect("accepted")];
    until_logged(&runtime, "waits");
    bomb.dispatch(get("/")).expect("accepted");
    let mut ended = 0;
    wait_for(&runtime, |event| {
        if ids.contains(&event.id) {
            assert!(matches!(&event.payload, Payload::Error(error, _) if error.status == Status::ShardLost), "{:?}", event.payload);
            ended += 1;
        }
        (ended == 2).then_some(())
    });
}

#[test]
fn a_load_that_waits_for_a_start_ends_when_another_app_breaks_the_thread() {
    let runtime = runtime(1);
    let bomb = bomb(&runtime);
    let status = std::thread::scope(|scope| {
        let loading = scope.spawn(|| runtime.load(options("waits", WAITS)).map(drop).expect_err("it never starts").status);
        until_logged(&runtime, "waits");
        bomb.dispatch(get("/")).expect("accepted");
        loading.join().expect("no panic")
    });
    assert_eq!(status, Status::ShardLost);
}

#[test]
fn what_a_thread_was_told_before_it_broke_is_done_by_its_successor() {
    let runtime = runtime(1);
    let hog = load(&runtime, "hog", "export default { fetch() { console.log('busy'); for (;;); } }");
    hog.dispatch(get("/")).expect("accepted");
    // Each load is a command, and the hog lets them gather.
    let broken = std::thread::scope(|scope| {
        let loads: Vec<_> = (0..3)
            .map(|number| {
                let source = format!("{BREAKS} export default {{ fetch() {{}} }}");
                let options = quickly(options(&format!("breaks {number}"), &source));
                let runtime = &runtime;
                scope.spawn(move || runtime.load(options).map(drop).expect_err("it cannot start").status)
            })
            .collect();
        loads.into_iter().map(|load| load.join().expect("no panic")).collect::<Vec<_>>()
    });
    assert_eq!(broken, [Status::CpuLimit; 3]);
    let fine = load(&runtime, "fine", "export default { fetch: () => new Response('fine') }");
    assert_eq!(text(&fine, "/"), "fine");
}
