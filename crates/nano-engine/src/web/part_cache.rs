//! Code caches of the platform's parts, made by the build step after the parts have done some work: loading a part then takes
//! neither parsing nor compiling what it ran there.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;

/// The caches of this process, by the name of the file.
static CACHES: OnceLock<HashMap<&'static str, &'static [u8]>> = OnceLock::new();

thread_local! {
    /// The scripts compiled on this thread, while the build step collects them.
    static COMPILED: RefCell<Option<Vec<(&'static str, v8::Global<v8::UnboundScript>)>>> = const { RefCell::new(None) };
}

/// Makes the caches that the build step made known; the first call counts.
pub(crate) fn install(packed: &'static [u8]) {
    CACHES.get_or_init(|| unpack(packed).unwrap_or_default());
}

/// The cache of a file, if it has one.
pub(super) fn of(name: &str) -> Option<&'static [u8]> {
    CACHES.get()?.get(name).copied()
}

/// Remembers a script, if scripts are being collected.
pub(super) fn note(scope: &v8::PinScope, name: &'static str, script: v8::Local<v8::Script>) {
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(compiled) = compiled {
            let script = script.get_unbound_script(scope);
            compiled.push((name, v8::Global::new(scope, script)));
        }
    });
}

/// Collects the scripts that `run` compiles, and packs their code caches, as full as `run` left them.
pub(crate) fn collect<'s, 'i>(scope: &mut v8::PinScope<'s, 'i>, run: impl FnOnce(&mut v8::PinScope<'s, 'i>)) -> Vec<u8> {
    COMPILED.set(Some(Vec::new()));
    run(scope);
    let mut packed = Vec::new();
    for (name, script) in COMPILED.take().unwrap_or_default() {
        let cache = v8::Local::new(scope, script).create_code_cache().expect("V8 caches what it compiled");
        for field in [name.as_bytes(), &cache] {
            packed.extend((field.len() as u32).to_le_bytes());
            packed.extend(field);
        }
    }
    packed
}

/// Names and caches, each after its length.
fn unpack(mut packed: &'static [u8]) -> Option<HashMap<&'static str, &'static [u8]>> {
    let mut caches = HashMap::new();
    while !packed.is_empty() {
        let name = std::str::from_utf8(field(&mut packed)?).ok()?;
        caches.insert(name, field(&mut packed)?);
    }
    Some(caches)
}

fn field(packed: &mut &'static [u8]) -> Option<&'static [u8]> {
    let (len, rest) = packed.split_first_chunk::<4>()?;
    let (field, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    *packed = rest;
    Some(field)
}
