//! How the extension modules are linked, the build script of each: as libnano is, so that they get along with whatever else is in the process.

fn main() {
    println!("cargo:rerun-if-changed=../link.rs");
    // Functions of V8 that the engine stands in for (`__wrap_` in nano-engine).
    for symbol in include_str!("../third_party/v8/wraps.txt").lines() {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--wrap={symbol}");
    }
    // V8's own malloc stays V8's: see nano_base::sys::malloc.
    for symbol in include_str!("../third_party/v8/wraps-malloc.txt").lines() {
        println!("cargo:rustc-cdylib-link-arg=-Wl,--wrap={symbol}");
    }
    for arg in [
        // Threads of NANO's may be running: the code must stay where it is after dlclose.
        "-Wl,-z,nodelete",
        // Nothing of V8 or of other crates is exported: a second V8 in the process must not bind to ours.
        "-Wl,--exclude-libs,ALL",
    ] {
        println!("cargo:rustc-cdylib-link-arg={arg}");
    }
}
