//! What is in an app's env, and what a host answers that has functions, objects and files of its own.

use std::ptr::null;

use nano::*;

use crate::apps::text;
use crate::calls::bytes;
use crate::host::known;
use crate::program::Program;

/// What a host returns, and the numbers of the objects that it gives with it.
pub const RETURNS: [(&[u8], &[u64]); 14] = [
    // [21], [], [null, "a"], an integer that is no array, nothing, and bytes that are cut short.
    (&[0x81, 0x15], &[]),
    (&[0x80], &[]),
    (&[0x82, 0xf6, 0x61, 0x61], &[]),
    (&[0x01], &[]),
    (&[], &[]),
    (&[0x82, 0x01], &[]),
    // Tag 27 over ["HostObject", "THING", 7]; twice 7 and once 8 in an array; one of class MADE; one of a class that is none.
    (b"\xd8\x1b\x83\x6aHostObject\x65THING\x07", &[7]),
    (
        b"\x83\xd8\x1b\x83\x6aHostObject\x65THING\x07\xd8\x1b\x83\x6aHostObject\x65THING\x07\xd8\x1b\x83\x6aHostObject\x65THING\x08",
        &[7, 7, 8],
    ),
    (b"\xd8\x1b\x83\x6aHostObject\x64MADE\x09", &[9]),
    (b"\xd8\x1b\x83\x6aHostObject\x65OTHER\x0a", &[10]),
    // Of files: [3, 4], a listing, bytes, and nothing.
    (&[0x82, 0x03, 0x04], &[]),
    (b"\x82\x82\x61a\x64file\x82\x61b\x69directory", &[]),
    (b"\x43abc", &[]),
    (&[0xf6], &[]),
];

/// How a host fails a call.
pub const FAILURES: [&str; 4] = ["failed", "NotFoundError: there is no such file", "QuotaExceededError: full", ""];

/// The binding's names that calls may name; those of files name none.
pub const CALLED: [&str; 6] = ["HOST", "FN", "THING", "MADE", "OUT", ""];

const NOTHING: nano_bytes = nano_bytes { ptr: null(), len: 0 };

/// Env of one app: what it declares must live as long as the call that loads it.
pub struct Env {
    names: [nano_bytes; 1],
    bindings: Vec<nano_binding>,
    // The classes point here.
    _members: Box<[nano_bytes; 2]>,
    /// Whether an app may have it.
    pub is_good: bool,
}

impl Env {
    /// What every app has; by most choices but 0, something besides that no app may have.
    pub fn new(choice: u8) -> Self {
        let members = Box::new([text("method"), text("property")]);
        let bindings = vec![
            one("FN", NANO_BINDING_FUNCTION),
            class("THING", &members, 0),
            class("MADE", &members, NANO_CLASS_NOT_CONSTRUCTIBLE),
            one("OUT", NANO_BINDING_OBJECT),
            service("A", "a", ""),
            service("B", "b", ""),
            service("NAMED", "b", "named"),
            service("NOBODY", "nobody", ""),
        ];
        let mut env = Self { names: [text("HOST")], bindings, _members: members, is_good: true };
        env.is_good = false;
        match choice % 8 {
            1 => env.bindings.push(one("HOST", NANO_BINDING_FUNCTION)),
            2 => env.bindings.push(one("X", 99)),
            3 => env.bindings.push(service("X", "", "")),
            4 => env.bindings[0].reserved[1] = 1,
            5 => env.bindings.push(nano_binding { methods_count: 1, ..one("X", NANO_BINDING_CLASS) }),
            choice => {
                env.is_good = true;
                // env inherits from nothing, so this is a name like any other.
                env.bindings.extend((choice == 6).then(|| one("__proto__", NANO_BINDING_OBJECT)));
            }
        }
        env
    }

    /// Puts it into an app's options, which must not outlive it.
    pub fn declare(&self, options: &mut nano_app_options) {
        (options.bindings, options.bindings_count) = (self.names.as_ptr(), self.names.len());
        (options.env_bindings, options.env_bindings_count) = (self.bindings.as_ptr(), self.bindings.len());
    }
}

fn one(name: &'static str, kind: u32) -> nano_binding {
    nano_binding {
        name: text(name),
        kind,
        flags: 0,
        app: NOTHING,
        entrypoint: NOTHING,
        methods: null(),
        methods_count: 0,
        properties: null(),
        properties_count: 0,
        reserved: [0; 2],
    }
}

fn class(name: &'static str, members: &[nano_bytes; 2], flags: u32) -> nano_binding {
    let (methods, properties) = (&raw const members[0], &raw const members[1]);
    nano_binding { flags, methods, methods_count: 1, properties, properties_count: 1, ..one(name, NANO_BINDING_CLASS) }
}

fn service(name: &'static str, app: &'static str, entrypoint: &'static str) -> nano_binding {
    nano_binding { app: text(app), entrypoint: text(entrypoint), ..one(name, NANO_BINDING_APP) }
}

/// What a look at a call shows.
///
/// # Safety
///
/// The view is one of the library's.
pub unsafe fn look_at_call(view: &nano_call_view) {
    assert!((NANO_CALL_FETCH..=NANO_CALL_FILES).contains(&view.kind), "a call of kind {}", view.kind);
    assert!(view.app.len > 0);
    // SAFETY: the library's bytes, as long as the view lives.
    let binding = unsafe { slice(view.binding) };
    assert!(CALLED.iter().any(|name| name.as_bytes() == binding), "a call of {}", String::from_utf8_lossy(binding));
    assert_eq!(view.kind == NANO_CALL_FILES, binding.is_empty());
    let of_object = matches!(view.kind, NANO_CALL_OBJECT_METHOD | NANO_CALL_OBJECT_GET | NANO_CALL_OBJECT_SET);
    assert!(if of_object { (7..=10).contains(&view.object) } else { view.object == 0 }, "object {}", view.object);
    let has_args = !matches!(view.kind, NANO_CALL_FETCH | NANO_CALL_OBJECT_GET);
    assert!(!has_args || view.args.len > 0, "a call of kind {} without arguments", view.kind);
}

/// # Safety
///
/// The bytes are there.
unsafe fn slice<'a>(bytes: nano_bytes) -> &'a [u8] {
    // SAFETY: as the caller says; no bytes may have no address.
    if bytes.len == 0 { &[] } else { unsafe { std::slice::from_raw_parts(bytes.ptr, bytes.len) } }
}

/// Returns something from a call; the numbers of the objects that were given with it.
pub fn answer(runtime: &nano_runtime, call: u64, program: &mut Program) -> &'static [u64] {
    let (value, objects) = program.pick(&RETURNS);
    // SAFETY: valid bytes.
    let status = known(unsafe { nano_call_return(Some(runtime), call, bytes(value), None) });
    if status == NANO_OK { objects } else { &[] }
}
