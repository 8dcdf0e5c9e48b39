//! Builds the platform's image by running the engine itself, so that it always matches the engine that will load it.
//!
//! The snapshot and the code caches are made by two processes, because the second needs one that has had no other snapshot.

use std::path::{Path, PathBuf};
use std::process::Command;

fn main() {
    nano_engine::start_process(&nano_engine::ProcessOptions::default()).expect("V8 starts");
    if std::env::args().nth(1).as_deref() == Some("part-caches") {
        let snapshot = std::fs::read(out("snapshot.bin")).expect("the first process wrote it");
        let caches = nano_engine::build_part_caches(snapshot.leak());
        std::fs::write(out("part_caches.bin"), caches).expect("the build folder is writable");
        return;
    }
    println!("cargo:rerun-if-changed=build.rs");
    // Functions of V8 that the engine stands in for (`__wrap_` in nano-engine).
    for symbol in include_str!("../../third_party/v8/wraps.txt").lines() {
        println!("cargo:rustc-link-arg=-Wl,--wrap={symbol}");
    }
    std::fs::write(out("snapshot.bin"), nano_engine::build_snapshot()).expect("the build folder is writable");
    let this = std::env::current_exe().expect("Linux");
    let status = Command::new(this).arg("part-caches").status().expect("the build script can run itself");
    assert!(status.success(), "the code caches could not be made");
}

fn out(file: &str) -> PathBuf {
    let out = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    Path::new(&out).join(file)
}
