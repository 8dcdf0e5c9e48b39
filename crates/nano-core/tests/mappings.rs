//! The kernel ends a process that has too many memory mappings: what an instance takes of them is what admission counts.

use nano_core::limits::MAPPINGS_PER_INSTANCE;

mod support;

use support::*;

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").expect("Linux").lines().count()
}

/// Apps alive while counting.
const APPS: usize = 300;

#[test]
fn an_instance_takes_no_more_mappings_than_admission_counts() {
    let runtime = runtime(2);
    let source = "export default { fetch() { return new Response('x'.repeat(1000)); } }";
    let first = load(&runtime, "first", source);
    assert_eq!(text(&first, "/").len(), 1000);
    let before = mappings();
    let apps: Vec<_> = (0..APPS).map(|n| load(&runtime, &format!("app {n}"), source)).collect();
    for app in &apps {
        assert_eq!(text(app, "/").len(), 1000);
    }
    let each = (mappings() - before).div_ceil(APPS);
    println!("{} mappings for {APPS} instances", mappings() - before);
    assert!(each <= MAPPINGS_PER_INSTANCE, "{each} mappings for each instance; admission counts {MAPPINGS_PER_INSTANCE}");
}
