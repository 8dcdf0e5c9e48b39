//! How many instances a process may have: what each takes of the kernel's memory mappings, and who makes room.

use std::sync::{Mutex, MutexGuard};

use nano_core::limits::MAPPINGS_PER_INSTANCE;
use nano_core::{Runtime, RuntimeLimits, RuntimeOptions};

mod support;

use support::*;

/// Instances are counted for the whole process, so these tests take turns.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn mappings() -> usize {
    std::fs::read_to_string("/proc/self/maps").expect("Linux").lines().count()
}

/// Apps alive while counting.
const APPS: usize = 300;

#[test]
fn an_instance_takes_no_more_mappings_than_admission_counts() {
    let _alone = alone();
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

/// Address space of this process, in gigabytes.
fn address_space_gb() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("VmSize:")).expect("a size");
    line.split_ascii_whitespace().nth(1).and_then(|kb| kb.parse::<usize>().ok()).expect("a number") >> 20
}

#[test]
fn address_space_is_reserved_for_many_instances_at_once_and_used_again() {
    let _alone = alone();
    let limits = RuntimeLimits { threads: 1, pool: 0, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let round = || {
        let mut reservations = 0;
        let apps: Vec<_> = (0..40)
            .map(|n| {
                let before = address_space_gb();
                let app = load(&runtime, &format!("app {n}"), "export default { fetch() { return new Response('here'); } }");
                assert_eq!(text(&app, "/"), "here");
                reservations += usize::from(address_space_gb() > before + 1);
                app
            })
            .collect();
        for app in apps {
            app.unload(PATIENCE).expect("unloads");
        }
        while runtime.stats().instances > 0 {
            std::thread::yield_now();
        }
        reservations
    };
    // V8 reserves four tables for each instance: 160 of them, by 32 at once.
    let first = round();
    assert!(first <= 7, "address space was reserved for {first} of 40 instances");
    let at_most = address_space_gb();
    assert_eq!(round(), 0, "and again for instances in the place of others");
    assert!(address_space_gb() <= at_most + 1);
}

#[test]
fn a_shard_without_idle_instances_finds_room_on_another() {
    let _alone = alone();
    let limits = RuntimeLimits { threads: 2, instances: 4, pool: 0, ..RuntimeLimits::default() };
    let runtime = Runtime::new(RuntimeOptions { limits, ..RuntimeOptions::default() }).expect("a runtime");
    let source = "export default { fetch() { return new Response('here'); } }";
    // Apps are at home on one shard and the other in turn.
    let apps: Vec<_> = (0..8)
        .map(|n| {
            let mut options = options(&format!("app {n}"), source);
            options.lazy = true;
            runtime.load(options).expect("is only registered")
        })
        .collect();
    for app in apps.iter().step_by(2) {
        assert_eq!(text(app, "/"), "here");
    }
    assert_eq!(runtime.stats().instances, 4, "one shard has them all");
    assert_eq!(text(&apps[1], "/"), "here");
    load(&runtime, "started at once", source);
    let stats = runtime.stats();
    assert_eq!((stats.instances, stats.evictions), (4, 2));
}
