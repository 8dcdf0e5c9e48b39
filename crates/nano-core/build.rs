//! Builds the snapshot by running the engine itself, so that it always matches the engine that will load it.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Functions of V8 that the engine stands in for (`__wrap_` in nano-engine).
    for symbol in include_str!("../../third_party/v8/wraps.txt").lines() {
        println!("cargo:rustc-link-arg=-Wl,--wrap={symbol}");
    }
    nano_engine::start_process(&nano_engine::ProcessOptions::default()).expect("V8 starts");
    let snapshot = nano_engine::build_snapshot();
    let out = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(Path::new(&out).join("snapshot.bin"), snapshot).expect("the build folder is writable");
}
