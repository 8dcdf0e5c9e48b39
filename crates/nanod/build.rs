//! How nanod is linked: without these functions V8 ends the process where the engine would end an app, and nobody counts the heaps.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Functions of V8 that the engine stands in for (`__wrap_` in nano-engine).
    for symbol in include_str!("../../third_party/v8/wraps.txt").lines() {
        println!("cargo:rustc-link-arg-bins=-Wl,--wrap={symbol}");
    }
}
