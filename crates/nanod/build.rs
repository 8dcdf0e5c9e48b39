//! How nanod is linked: without these functions V8 ends the process where the engine would end an app, and nobody counts the heaps. And
//! what it tells debuggers of their protocol, which V8's package describes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=../../Cargo.lock");
    // Functions of V8 that the engine stands in for (`__wrap_` in nano-engine).
    for symbol in include_str!("../../third_party/v8/wraps.txt").lines() {
        println!("cargo:rustc-link-arg-bins=-Wl,--wrap={symbol}");
    }
    // Without it there is nothing to tell, and nothing else is amiss.
    let description = package_of_v8().and_then(|folder| fs::read_to_string(folder.join("v8/include/js_protocol.pdl")).ok());
    if let Some(out) = env::var_os("OUT_DIR") {
        fs::write(Path::new(&out).join("js_protocol.pdl"), description.unwrap_or_default()).expect("cargo's own folder can be written");
    }
}

/// Where the sources of the package `v8` are, which only cargo knows: it says so, unless it would have to download something first.
fn package_of_v8() -> Option<PathBuf> {
    let asked = Command::new(env::var_os("CARGO")?)
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--filter-platform", &env::var("TARGET").ok()?])
        .output()
        .ok()?;
    let text = String::from_utf8(asked.stdout).ok()?;
    let manifest =
        text.split(r#"{"name":"v8","version":"#).nth(1).and_then(|package| package.split(r#""manifest_path":""#).nth(1)?.split('"').next());
    manifest.and_then(|manifest| Path::new(manifest).parent().map(Path::to_path_buf)).or_else(unpacked_v8)
}

/// Where cargo unpacks what comes from a registry.
fn unpacked_v8() -> Option<PathBuf> {
    let lock = fs::read_to_string("../../Cargo.lock").ok()?;
    let version = lock.split("name = \"v8\"\nversion = \"").nth(1)?.split('"').next()?;
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(Path::new(&env::var_os("HOME")?).join(".cargo")))?;
    let registries = fs::read_dir(home.join("registry/src")).ok()?;
    registries.flatten().map(|registry| registry.path().join(format!("v8-{version}"))).find(|folder| folder.exists())
}
