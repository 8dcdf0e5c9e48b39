//! The modules that an app can import by name. Each is a part of the platform: `nano.builtin(part)` gives its exports.

/// A module's full name and the part that makes it. Parts of one file have a `#` in their names.
const BUILTINS: &[(&str, &str)] = &[
    ("cloudflare:sockets", "module_cloudflare_sockets"),
    ("cloudflare:workers", "module_cloudflare_workers"),
    ("node:assert", "node/assert"),
    ("node:assert/strict", "node/assert_strict"),
    ("node:async_hooks", "node/async_hooks"),
    ("node:buffer", "node/buffer"),
    ("node:child_process", "node/absent#child_process"),
    ("node:cluster", "node/absent#cluster"),
    ("node:console", "node/console"),
    ("node:constants", "node/constants"),
    ("node:crypto", "node/crypto"),
    ("node:dgram", "node/absent#dgram"),
    ("node:diagnostics_channel", "node/diagnostics_channel"),
    ("node:dns", "node/dns"),
    ("node:dns/promises", "node/dns#promises"),
    ("node:domain", "node/absent#domain"),
    ("node:events", "node/events"),
    ("node:fs", "node/fs"),
    ("node:fs/promises", "node/fs#promises"),
    ("node:http", "node/http"),
    ("node:http2", "node/absent#http2"),
    ("node:https", "node/http#https"),
    ("node:inspector", "node/absent#inspector"),
    ("node:inspector/promises", "node/absent#inspector"),
    ("node:module", "node/module"),
    ("node:net", "node/net"),
    ("node:os", "node/os"),
    ("node:path", "node/path"),
    ("node:path/posix", "node/path"),
    ("node:path/win32", "node/path_win32"),
    ("node:perf_hooks", "node/perf_hooks"),
    ("node:process", "node/process"),
    ("node:punycode", "node/punycode"),
    ("node:querystring", "node/querystring"),
    ("node:readline", "node/absent#readline"),
    ("node:readline/promises", "node/absent#readline_promises"),
    ("node:repl", "node/absent#repl"),
    ("node:sqlite", "node/absent#sqlite"),
    ("node:stream", "node/stream"),
    ("node:stream/consumers", "node/stream_consumers"),
    ("node:stream/promises", "node/stream_promises"),
    ("node:stream/web", "node/stream_web"),
    ("node:string_decoder", "node/string_decoder"),
    ("node:sys", "node/util"),
    ("node:test", "node/absent#test"),
    ("node:timers", "node/timers"),
    ("node:timers/promises", "node/timers_promises"),
    ("node:tls", "node/tls"),
    ("node:trace_events", "node/absent#trace_events"),
    ("node:tty", "node/absent#tty"),
    ("node:url", "node/url"),
    ("node:util", "node/util"),
    ("node:util/types", "node/types"),
    ("node:v8", "node/absent#v8"),
    ("node:vm", "node/absent#vm"),
    ("node:wasi", "node/absent#wasi"),
    ("node:worker_threads", "node/absent#worker_threads"),
    ("node:zlib", "node/zlib"),
];

/// What an app that imports a module of Node's has in place of the web's: this part runs first.
pub(crate) const GLOBALS_OF_NODE: &str = "node/global_timers";

/// Without `node:` these are names of packages.
const ONLY_WITH_PREFIX: &[&str] = &["node:sqlite", "node:test"];

/// The full name of the module that a specifier means, with or without `node:`.
pub fn builtin(specifier: &str) -> Option<&'static str> {
    let find = |wanted: &dyn Fn(&str) -> bool| BUILTINS.iter().map(|(name, _)| *name).find(|name| wanted(name));
    find(&|name| name == specifier)
        .or_else(|| find(&|name| name.strip_prefix("node:") == Some(specifier)).filter(|name| !ONLY_WITH_PREFIX.contains(name)))
}

/// `builtinPart(specifier)`: the part that makes the module a specifier means, or undefined
pub(super) fn builtin_part(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let specifier = super::ops::text(scope, &args, 0);
    let Some(part) = builtin(&specifier).and_then(part_of) else { return };
    if let Some(part) = v8::String::new(scope, part) {
        rv.set(part.into());
    }
}

/// `builtinNames()`: the full names of all modules
pub(super) fn builtin_names(scope: &mut v8::PinScope, _args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let names: Vec<v8::Local<v8::Value>> =
        BUILTINS.iter().filter_map(|(name, _)| v8::String::new(scope, name)).map(|name| name.into()).collect();
    rv.set(v8::Array::new_with_elements(scope, &names).into());
}

/// The part that makes a module.
pub(crate) fn part_of(name: &str) -> Option<&'static str> {
    BUILTINS.iter().find(|(known, _)| *known == name).map(|(_, part)| *part)
}
