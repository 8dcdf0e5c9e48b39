//! The keys of `nano.toml` and `nano.jsonc`. `docs/manifest.md` is made of this table.

use super::limits;
use super::schema::{Key, Kind};

const fn key(name: &'static str, kind: Kind, default: &'static str, example: &'static str, about: &'static str) -> Key {
    Key { name, kind, default, example, about }
}

const DAY_MS: u64 = 86_400_000;

/// The keys of the file.
pub const KEYS: &[Key] = &[
    key(
        "name",
        Kind::Text,
        "the folder's name",
        "\"shop\"",
        "The app's name: letters, digits, `-`, `_` and `.`, 63 at most. It answers `NAME.localhost`.",
    ),
    key(
        "main",
        Kind::Text,
        "package.json, index.js, index.ts, src/index.ts ...",
        "\"src/index.ts\"",
        "Its main module, inside the folder.",
    ),
    key(
        "routes",
        Kind::List(&Kind::Either(&[Kind::Text, Kind::Table(ROUTE)])),
        "",
        "[\"example.com\", \"*.example.com/api\", { host = \"example.com\", path = \"/shop\", port = 8081 }]",
        "What it answers for: hosts, paths (`/api` with all below it, `/api*` by its letters), ports of listeners. The port decides first, \
         then the longer host, then the longer path.",
    ),
    key("default", Kind::Bool, "false", "true", "It answers what no route is for."),
    key(
        "vars",
        Kind::Map(&Kind::Any),
        "",
        "{ GREETING = \"hello\" }",
        "Variables in `env`: texts, and what JSON has: numbers, booleans, lists, tables. Dates of TOML are text.",
    ),
    key(
        "secrets",
        Kind::Map(&Kind::Table(SECRET)),
        "",
        "{ API_KEY = { file = \"/run/secrets/api_key\" } }",
        "Variables in `env` whose values are not in the file, and are never shown.",
    ),
    key(
        "services",
        Kind::Map(&Kind::Either(&[Kind::Text, Kind::Table(SERVICE)])),
        "",
        "{ AUTH = \"auth\", ADMIN = { app = \"auth\", entrypoint = \"Admin\" } }",
        "Other apps in `env`: `env.AUTH.fetch(request)` and `env.AUTH.method(...args)`.",
    ),
    key("limits", Kind::Table(limits::KEYS), "", "{ cpu_ms = \"200ms\", heap_bytes = \"64 MiB\" }", "What it may use."),
    key("egress", Kind::Table(EGRESS), "", "{ default = \"deny\", allow = [\"api.example.com:443\"] }", "What it may connect to."),
    key(
        "crons",
        Kind::Texts,
        "",
        "[\"*/5 * * * *\"]",
        "When `scheduled` is called: minute, hour, day, month, day of the week (1 is Sunday), in UTC.",
    ),
    key("tail", Kind::Texts, "", "[\"logs\"]", "Apps whose `tail` is told of each of this app's events."),
    key("queues", Kind::Table(QUEUES), "", "{ producers = { JOBS = \"jobs\" }, consumers = { jobs = {} } }", "Queues inside the process."),
    key(
        "base_url",
        Kind::Text,
        "",
        "\"https://example.com/\"",
        "What relative URLs in `fetch`, `Request` and `Response.redirect` are relative to.",
    ),
    key(
        "code_generation",
        Kind::Bool,
        "false",
        "true",
        "Whether it may use `eval`, `new Function` and WebAssembly from bytes. For apps you trust.",
    ),
    key("lazy", Kind::Bool, "false", "true", "Whether it starts with its first request; if not, errors show when it is deployed."),
    key("compatibility_date", Kind::Text, "", "\"2026-01-31\"", "Kept for Workers; NANO has one behaviour."),
    key("compatibility_flags", Kind::Texts, "", "[\"nodejs_compat\"]", "Kept for Workers; flags that would change something are told."),
    key(
        "env",
        Kind::Environments,
        "",
        "{ staging = { vars = { GREETING = \"hi\" } } }",
        "Named environments: the same keys, laid over these with `--env NAME`. `vars`, `secrets`, `services`, `limits`, `egress` and `queues` are joined, others replaced.",
    ),
    key("$schema", Kind::Ignored(""), "", "\"nano.schema.json\"", "For editors."),
];

/// The keys of one route.
pub const ROUTE: &[Key] = &[
    key("host", Kind::Text, "all hosts", "\"*.example.com\"", "A host, or `*.` and a host for all below it."),
    key("path", Kind::Text, "all paths", "\"/api\"", "A path with all below it, or with `*` at its end all that begin so."),
    key("port", Kind::Count(1, 65_535), "all ports", "8081", "The port of a listener of nanod's."),
];

/// The keys of one secret.
pub const SECRET: &[Key] = &[
    key(
        "file",
        Kind::Text,
        "",
        "\"/run/secrets/api_key\"",
        "The file that holds the value, from the app's folder if relative; one newline at its end is not part of it.",
    ),
    key(
        "command",
        Kind::List(&Kind::Text),
        "",
        "[\"pass\", \"show\", \"shop/api_key\"]",
        "The program that prints it, and its arguments; no shell.",
    ),
];

/// The keys of one binding to another app.
pub const SERVICE: &[Key] = &[
    key("app", Kind::Text, "", "\"auth\"", "The app's name."),
    key(
        "entrypoint",
        Kind::Text,
        "the default export",
        "\"Admin\"",
        "The one export that answers. Without it, exported functions are called too.",
    ),
];

/// The keys of the table `egress`.
pub const EGRESS: &[Key] = &[
    key(
        "default",
        Kind::Choice(&["deny", "public", "any", "host"]),
        "\"public\"",
        "\"deny\"",
        "What no rule is for: nothing, public addresses, everything, or whatever the embedding host answers; nanod refuses \"host\".",
    ),
    key(
        "allow",
        Kind::Texts,
        "",
        "[\"api.example.com:443\", \"10.1.0.0/16\"]",
        "Hosts, `*.` hosts, addresses and blocks of them, each with or without a port.",
    ),
    key("deny", Kind::Texts, "", "[\"*.internal\"]", "The same; it wins over `allow`."),
];

/// The keys of the table `queues`.
pub const QUEUES: &[Key] = &[
    key("producers", Kind::Map(&Kind::Text), "", "{ JOBS = \"jobs\" }", "Queues in `env`, by the name there: `env.JOBS.send(value)`."),
    key("consumers", Kind::Map(&Kind::Table(CONSUMER)), "", "{ jobs = { batch = 10 } }", "Queues whose messages the app's `queue` takes."),
];

/// The keys of one consumer.
pub const CONSUMER: &[Key] = &[
    key("batch", Kind::Count(1, 100), "10", "50", "Messages of one call, at most."),
    key("batch_wait_ms", Kind::Duration(0, 60_000), "5s", "\"1s\"", "How long a batch waits to become full."),
    key("retries", Kind::Count(0, 100), "3", "10", "How often a message is tried again."),
    key("retry_delay_ms", Kind::Duration(0, DAY_MS / 2), "0ms", "\"30s\"", "How long it waits before that."),
    key("concurrency", Kind::Count(1, 250), "1", "4", "Batches at once."),
    key(
        "dead_letters",
        Kind::Text,
        "",
        "\"failed\"",
        "The queue for messages that failed for good; without one they are dropped and logged.",
    ),
];
