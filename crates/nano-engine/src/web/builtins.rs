//! The modules that an app can import by name. Each is a part of the platform: `nano.builtin(part)` gives its exports.

/// A module's full name and the part that makes it.
const BUILTINS: &[(&str, &str)] = &[
    ("cloudflare:sockets", "module_cloudflare_sockets"),
    ("cloudflare:workers", "module_cloudflare_workers"),
    ("node:assert", "node/assert"),
    ("node:assert/strict", "node/assert_strict"),
    ("node:async_hooks", "node/async_hooks"),
    ("node:buffer", "node/buffer"),
    ("node:events", "node/events"),
    ("node:path", "node/path"),
    ("node:path/posix", "node/path"),
    ("node:path/win32", "node/path_win32"),
    ("node:process", "node/process"),
    ("node:querystring", "node/querystring"),
    ("node:string_decoder", "node/string_decoder"),
    ("node:timers", "node/timers"),
    ("node:timers/promises", "node/timers_promises"),
    ("node:url", "node/url"),
    ("node:util", "node/util"),
    ("node:util/types", "node/types"),
];

/// The full name of the module that a specifier means, with or without `node:`.
pub fn builtin(specifier: &str) -> Option<&'static str> {
    let find = |wanted: &dyn Fn(&str) -> bool| BUILTINS.iter().map(|(name, _)| *name).find(|name| wanted(name));
    find(&|name| name == specifier).or_else(|| find(&|name| name.strip_prefix("node:") == Some(specifier)))
}

/// `builtinPart(specifier)`: the part that makes the module a specifier means, or undefined
pub(super) fn builtin_part(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let specifier = super::ops::text(scope, &args, 0);
    let Some(part) = builtin(&specifier).and_then(part_of) else { return };
    if let Some(part) = v8::String::new(scope, part) {
        rv.set(part.into());
    }
}

/// The part that makes a module.
pub(crate) fn part_of(name: &str) -> Option<&'static str> {
    BUILTINS.iter().find(|(known, _)| *known == name).map(|(_, part)| *part)
}
