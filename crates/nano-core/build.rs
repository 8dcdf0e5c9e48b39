//! Builds the snapshot by running the engine itself, so that it always matches the engine that will load it.

use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // V8 aborts through this function without asking any handler: send it to the one that parks the thread.
    println!("cargo:rustc-link-arg=-Wl,--wrap=_ZN2v84base21FatalNoSecurityImpactEPKcz");
    nano_engine::start_process(&nano_engine::ProcessOptions::default()).expect("V8 starts");
    let snapshot = nano_engine::build_snapshot();
    let out = std::env::var_os("OUT_DIR").expect("cargo sets OUT_DIR");
    std::fs::write(Path::new(&out).join("snapshot.bin"), snapshot).expect("the build folder is writable");
}
