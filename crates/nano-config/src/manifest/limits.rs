//! The limits of an app by their names in `AppLimits`: one row each, for the schema, for reading and for the documentation.

use nano_base::limits::{AppLimits, CAGE_BYTES_MAX};

use super::schema::{Key, Kind, number};
use crate::text::Table;

const DAY_MS: u64 = 86_400_000;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// How to write one limit, and how to read it.
type Field = (fn(&mut AppLimits, u64), fn(&AppLimits) -> u64);

macro_rules! limits {
    ($($name:ident: $kind:expr, $default:literal, $example:literal, $about:literal;)*) => {
        /// The keys of the table `limits`.
        pub const KEYS: &[Key] = &[$(Key { name: stringify!($name), kind: $kind, default: $default, example: $example, about: $about },)*];

        // No bound in KEYS is more than its field can hold.
        const FIELDS: &[Field] = &[$((|limits, number| limits.$name = number as _, |limits| limits.$name as u64),)*];
    };
}

limits! {
    cpu_ms: Kind::Duration(1, DAY_MS), "50ms", "\"200ms\"", "CPU time of one event, with all that it leaves running.";
    start_cpu_ms: Kind::Duration(1, DAY_MS), "400ms", "\"1s\"", "CPU time of starting an instance: compiling and evaluating its modules.";
    wall_ms: Kind::Duration(1, DAY_MS), "30s", "\"2m\"", "How long one event may take; a streaming body counts from its last progress.";
    heap_bytes: Kind::Size(2 * MIB, CAGE_BYTES_MAX as u64), "32 MiB", "\"128 MiB\"", "The JavaScript heap of one instance.";
    external_bytes: Kind::Size(MIB, 64 * GIB), "32 MiB", "\"64 MiB\"", "ArrayBuffers and wasm memories of one instance.";
    timers: Kind::Count(1, u32::MAX as u64), "10000", "500", "Timers alive at once in one instance.";
    log_bytes_per_s: Kind::Size(1, GIB), "64 KiB", "\"256 KiB\"", "Log text per second; more is dropped and counted.";
    env_entries: Kind::Count(1, 65_536), "64", "128", "Entries of env.";
    env_entry_bytes: Kind::Size(1, MIB), "5 KiB", "\"16 KiB\"", "One entry of env, name and value together.";
    url_bytes: Kind::Size(64, MIB), "16 KiB", "\"8 KiB\"", "The URL of a request.";
    header_bytes: Kind::Size(256, 16 * MIB), "128 KiB", "\"32 KiB\"", "All header names and values of a request together.";
    body_bytes: Kind::Size(1, 64 * GIB), "10 MiB", "\"1 MiB\"", "A request body that is handed over whole, as small ones are.";
    upload_bytes: Kind::Size(1, 1 << 50), "100 MiB", "\"1 MiB\"", "A request body that comes in pieces, as large ones do.";
    subrequests: Kind::Count(1, u32::MAX as u64), "50", "1000", "Requests and calls that one event makes.";
    subrequests_at_once: Kind::Count(1, 65_536), "6", "20", "Of these, at once; others wait until one is answered.";
    sockets: Kind::Count(1, 1_000_000), "4096", "100", "Sockets of one instance at once: WebSockets both ways, and what connect() gives.";
    errands: Kind::Count(1, 16_384), "64", "16", "Native work on helper threads, waiting or running at once in one instance.";
    errand_cpu_ms: Kind::Duration(1, DAY_MS), "5s", "\"1s\"", "CPU time of the errands of one event.";
    requests: Kind::Count(1, 1_000_000), "10000", "100", "Requests that are waiting or running at once.";
    idle_ms: Kind::Duration(1, 49 * DAY_MS), "1m", "\"1h\"", "How long an instance may idle before it is evicted.";
    cache_bytes: Kind::Size(1, 64 * GIB), "8 MiB", "\"64 MiB\"", "What the app's caches keep; at the limit the least recently used goes.";
    host_objects: Kind::Count(1, u32::MAX as u64), "1000", "50", "Objects of the host's that one instance holds.";
    storage_bytes: Kind::Size(1, 64 * GIB), "8 MiB", "\"1 MiB\"", "The app's files in memory, together.";
    storage_entries: Kind::Count(1, u32::MAX as u64), "1000", "100", "Files and directories of the app in memory.";
}

/// Writes what a checked table says over `limits`.
pub fn read(table: &Table, limits: &mut AppLimits) {
    for (key, (set, _)) in KEYS.iter().zip(FIELDS) {
        if let Some(Ok(value)) = table.find(key.name).map(|node| number(node, key.kind)) {
            set(limits, value);
        }
    }
}

/// Names and numbers of all limits.
pub fn list(limits: &AppLimits) -> impl Iterator<Item = (&'static str, u64)> {
    KEYS.iter().zip(FIELDS).map(|(key, (_, get))| (key.name, get(limits)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::{Node, Value};

    #[test]
    fn every_limit_is_there_and_says_its_default() {
        let debug = format!("{:?}", AppLimits::default());
        let all: Vec<&str> = debug.split(['{', ',']).skip(1).filter_map(|part| part.split_once(':')).map(|(name, _)| name.trim()).collect();
        assert_eq!(all, KEYS.iter().map(|key| key.name).collect::<Vec<_>>());
        for (key, (name, default)) in KEYS.iter().zip(list(&AppLimits::default())) {
            for text in [key.default, key.example.trim_matches('"')] {
                let value = text.parse().map_or_else(|_| Value::Text(text.into()), Value::Integer);
                let read = number(&Node { span: 0..0, value }, key.kind);
                if text == key.default {
                    assert_eq!(read, Ok(default), "{name}");
                }
                let (Kind::Count(min, max) | Kind::Size(min, max) | Kind::Duration(min, max)) = key.kind else {
                    panic!("{name} has no bounds")
                };
                assert!(read.is_ok_and(|read| (min..=max).contains(&read)), "{name}: {text}");
            }
        }
    }

    #[test]
    fn the_largest_value_of_each_fits_its_field() {
        for (key, (set, get)) in KEYS.iter().zip(FIELDS) {
            let (Kind::Count(min, max) | Kind::Size(min, max) | Kind::Duration(min, max)) = key.kind else { continue };
            for bound in [min, max] {
                let mut limits = AppLimits::default();
                set(&mut limits, bound);
                assert_eq!(get(&limits), bound, "{}", key.name);
            }
        }
    }
}
