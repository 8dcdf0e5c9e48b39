//! Links the target that has V8 in it as the library is linked.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for symbol in include_str!("../third_party/v8/wraps.txt").lines() {
        println!("cargo:rustc-link-arg-bin=abi_sequences=-Wl,--wrap={symbol}");
    }
}
