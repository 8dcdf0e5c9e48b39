//! The modules that an app can import by name. Each is a part of the platform: `nano.builtin(part)` gives its exports.

/// A module's full name and the part that makes it.
const BUILTINS: &[(&str, &str)] = &[
    ("cloudflare:workers", "module_cloudflare_workers"),
    ("node:assert", "module_node_assert"),
    ("node:assert/strict", "module_node_assert_strict"),
    ("node:async_hooks", "module_node_async_hooks"),
    ("node:buffer", "module_node_buffer"),
    ("node:events", "module_node_events"),
    ("node:path", "module_node_path"),
    ("node:path/posix", "module_node_path"),
    ("node:path/win32", "module_node_path_win32"),
    ("node:process", "module_node_process"),
    ("node:querystring", "module_node_querystring"),
    ("node:string_decoder", "module_node_string_decoder"),
    ("node:timers", "module_node_timers"),
    ("node:timers/promises", "module_node_timers_promises"),
    ("node:url", "module_node_url"),
    ("node:util", "module_node_util"),
];

/// The full name of the module that a specifier means, with or without `node:`.
pub fn builtin(specifier: &str) -> Option<&'static str> {
    let find = |wanted: &dyn Fn(&str) -> bool| BUILTINS.iter().map(|(name, _)| *name).find(|name| wanted(name));
    find(&|name| name == specifier).or_else(|| find(&|name| name.strip_prefix("node:") == Some(specifier)))
}

/// The part that makes a module.
pub(crate) fn part_of(name: &str) -> Option<&'static str> {
    BUILTINS.iter().find(|(known, _)| *known == name).map(|(_, part)| *part)
}
