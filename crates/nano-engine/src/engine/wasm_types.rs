//! The types of wasm modules: V8 keeps one table of all that the process has ever seen, never takes one out of it, and does not survive that
//! it is full. So they are counted, by the bytes that declare them, before V8 sees a module.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Mutex;

use nano_base::limits::{WASM_TYPES_BYTES_MAX, WASM_TYPES_OF_APP_BYTES_MAX};

/// What has been declared so far.
struct Declared {
    /// Sections that have been counted: the same types are one in V8's table.
    seen: Option<HashSet<u64>>,
    by_app: Option<HashMap<String, usize>>,
    bytes: usize,
}

static DECLARED: Mutex<Declared> = Mutex::new(Declared { seen: None, by_app: None, bytes: 0 });

/// Counts the types of a module of this app; why it cannot have them.
pub(super) fn admit(app: &str, module: &[u8]) -> Result<(), String> {
    let Some(section) = type_section(module) else { return Ok(()) };
    let mut hasher = DefaultHasher::new();
    section.hash(&mut hasher);
    let hash = hasher.finish();
    let mut declared = DECLARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if declared.seen.get_or_insert_default().contains(&hash) {
        return Ok(());
    }
    let of_app = declared.by_app.get_or_insert_default().get(app).copied().unwrap_or_default() + section.len();
    if of_app > WASM_TYPES_OF_APP_BYTES_MAX {
        return Err(format!("the types of the app's WebAssembly take {of_app} bytes; {WASM_TYPES_OF_APP_BYTES_MAX} is the most"));
    }
    if declared.bytes + section.len() > WASM_TYPES_BYTES_MAX {
        return Err(format!("the process has no room for more types of WebAssembly: {WASM_TYPES_BYTES_MAX} bytes is the most"));
    }
    declared.bytes += section.len();
    declared.seen.get_or_insert_default().insert(hash);
    declared.by_app.get_or_insert_default().insert(app.to_string(), of_app);
    Ok(())
}

/// The bytes of a module that declare types; none if it declares none, or is no module: V8 says what is wrong with it.
fn type_section(module: &[u8]) -> Option<&[u8]> {
    const TYPES: u8 = 1;
    let mut rest = module.strip_prefix(b"\0asm")?.get(4..)?;
    while let [id, after @ ..] = rest {
        let (bytes, body) = number(after)?;
        if *id == TYPES {
            // What is cut off counts as far as it goes: V8 reads no further either.
            return Some(&body[..bytes.min(body.len())]);
        }
        rest = body.get(bytes..)?;
    }
    None
}

/// A number as wasm has it, of 32 bits, and what follows it.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut number = 0;
    for (n, byte) in bytes.iter().take(5).enumerate() {
        number |= usize::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Some((number, &bytes[n + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(sections: &[(u8, &[u8])]) -> Vec<u8> {
        let mut module = b"\0asm\x01\0\0\0".to_vec();
        for (id, body) in sections {
            let len = body.len();
            module.extend([*id, (len & 0x7f) as u8 | 0x80, (len >> 7 & 0x7f) as u8 | 0x80, (len >> 14) as u8]);
            module.extend(*body);
        }
        module
    }

    #[test]
    fn the_types_of_a_module_are_found() {
        assert_eq!(type_section(&module(&[(0, b"custom"), (1, b"types"), (3, b"f")])), Some(&b"types"[..]));
        assert_eq!(type_section(&module(&[(0, b"custom"), (3, b"f")])), None);
        for cut in [&b""[..], b"\0asm", b"\0asm\x01\0\0\0", b"\0asm\x01\0\0\0\x01", b"\0asm\x01\0\0\0\x01\xff\xff\xff\xff\xff\x01"] {
            assert_eq!(type_section(cut), None);
        }
        assert_eq!(type_section(b"\0asm\x01\0\0\0\x01\x05ab"), Some(&b"ab"[..]));
    }

    #[test]
    fn an_app_has_its_share_and_the_same_types_count_once() {
        let large = vec![7; WASM_TYPES_OF_APP_BYTES_MAX - 10];
        for _ in 0..20 {
            assert_eq!(admit("a", &module(&[(1, &large)])), Ok(()));
        }
        assert_eq!(admit("a", &module(&[(1, b"0123456789")])), Ok(()));
        assert!(admit("a", &module(&[(1, b"1")])).is_err_and(|why| why.contains("the app's WebAssembly")));
        assert_eq!(admit("b", &module(&[(1, &large)])), Ok(()), "they are there already");
        let mut apps = 0;
        let why = loop {
            let types = [&large[..], apps.to_string().as_bytes()].concat();
            if let Err(why) = admit(&apps.to_string(), &module(&[(1, &types)])) {
                break why;
            }
            apps += 1;
        };
        assert!((3..20).contains(&apps) && why.contains("the process has no room"), "{apps} {why}");
    }
}
