//! The keys of wrangler's files: those that NANO follows, those that say nothing to it, and those that an app would miss.

use super::schema::{Key, Kind};

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, default: "", example: "", about: "" }
}

const BINDING: &str = "NANO has no such binding: offer one from the host, or bind another app under services";
const DEPLOYS: &str = "it is about deploying to Cloudflare";
const BUNDLES: &str = "NANO bundles nothing: it loads the folder as it is";

/// The keys of the file.
pub const KEYS: &[Key] = &[
    key("$schema", Kind::Ignored("")),
    key("name", Kind::Text),
    key("main", Kind::Text),
    key("compatibility_date", Kind::Text),
    key("compatibility_flags", Kind::Texts),
    key("vars", Kind::Map(&Kind::Any)),
    key("route", ROUTE),
    key("routes", Kind::List(&ROUTE)),
    key("services", Kind::List(&Kind::Table(SERVICE))),
    key("triggers", Kind::Table(TRIGGERS)),
    key("queues", Kind::Table(QUEUES)),
    key("limits", Kind::Table(LIMITS)),
    key("env", Kind::Environments),
    key("rules", Kind::List(&Kind::Table(RULE))),
    key("observability", Kind::Ignored("logs go where nanod sends them")),
    key("logpush", Kind::Ignored("logs go where nanod sends them")),
    key("logfwdr", Kind::Ignored("logs go where nanod sends them")),
    key("tail_consumers", Kind::List(&Kind::Table(TAIL))),
    key("streaming_tail_consumers", Kind::Warned("apps are told of events when these are over: see tail_consumers")),
    key("account_id", Kind::Ignored(DEPLOYS)),
    key("workers_dev", Kind::Ignored(DEPLOYS)),
    key("preview_urls", Kind::Ignored(DEPLOYS)),
    key("keep_vars", Kind::Ignored(DEPLOYS)),
    key("send_metrics", Kind::Ignored(DEPLOYS)),
    key("placement", Kind::Ignored(DEPLOYS)),
    key("compliance_region", Kind::Ignored(DEPLOYS)),
    key("previews", Kind::Ignored(DEPLOYS)),
    key("dependencies_instrumentation", Kind::Ignored(DEPLOYS)),
    key("legacy_env", Kind::Ignored(DEPLOYS)),
    key("usage_model", Kind::Ignored(DEPLOYS)),
    key("cache", Kind::Ignored("nanod keeps no answers: each request is the app's")),
    key("python_modules", Kind::Ignored("NANO runs no Python")),
    key("first_party_worker", Kind::Ignored(DEPLOYS)),
    key("zone_id", Kind::Ignored(DEPLOYS)),
    key("zone_name", Kind::Ignored(DEPLOYS)),
    key("dev", Kind::Ignored("nanod dev has options of its own")),
    key("minify", Kind::Ignored(BUNDLES)),
    key("no_bundle", Kind::Ignored("")),
    key("keep_names", Kind::Ignored(BUNDLES)),
    key("find_additional_modules", Kind::Ignored("")),
    key("preserve_file_names", Kind::Ignored("")),
    key("base_dir", Kind::Ignored("")),
    key("upload_source_maps", Kind::Ignored("source maps are used if they are there")),
    key("tsconfig", Kind::Warned("NANO reads tsconfig.json in the app's folder")),
    key("jsx_factory", Kind::Warned("set jsxFactory in tsconfig.json")),
    key("jsx_fragment", Kind::Warned("set jsxFragmentFactory in tsconfig.json")),
    key("define", Kind::Unsupported(BUNDLES)),
    key("alias", Kind::Unsupported("NANO bundles nothing: use imports in package.json")),
    key("build", Kind::Warned("NANO does not run it: run it yourself before you deploy")),
    key("site", Kind::Unsupported("NANO serves no static files of its own")),
    key("assets", Kind::Unsupported("NANO serves no static files of its own")),
    key("pages_build_output_dir", Kind::Unsupported("this is a file of Pages, not of a Worker")),
    key("text_blobs", Kind::Unsupported("import the file")),
    key("data_blobs", Kind::Unsupported("import the file")),
    key("wasm_modules", Kind::Unsupported("import the file")),
    key("secrets", Kind::Table(SECRETS)),
    key("kv_namespaces", Kind::Unsupported(BINDING)),
    key("d1_databases", Kind::Unsupported(BINDING)),
    key("r2_buckets", Kind::Unsupported(BINDING)),
    key("durable_objects", Kind::Unsupported("NANO has no Durable Objects")),
    key("migrations", Kind::Unsupported("NANO has no Durable Objects")),
    key("workflows", Kind::Unsupported("NANO has no Workflows")),
    key("containers", Kind::Unsupported("NANO has no containers")),
    key("cloudchamber", Kind::Unsupported("NANO has no containers")),
    key("ai", Kind::Unsupported(BINDING)),
    key("analytics_engine_datasets", Kind::Unsupported(BINDING)),
    key("browser", Kind::Unsupported(BINDING)),
    key("dispatch_namespaces", Kind::Unsupported(BINDING)),
    key("email", Kind::Unsupported(BINDING)),
    key("send_email", Kind::Unsupported(BINDING)),
    key("hyperdrive", Kind::Unsupported(BINDING)),
    key("images", Kind::Unsupported(BINDING)),
    key("media", Kind::Unsupported(BINDING)),
    key("mtls_certificates", Kind::Unsupported(BINDING)),
    key("pipelines", Kind::Unsupported(BINDING)),
    key("ratelimits", Kind::Unsupported(BINDING)),
    key("secrets_store_secrets", Kind::Unsupported("put secrets into nano.toml: secrets.NAME = { file = \"...\" }")),
    key("unsafe", Kind::Unsupported(BINDING)),
    key("unsafe_hello_world", Kind::Unsupported(BINDING)),
    key("vectorize", Kind::Unsupported(BINDING)),
    key("version_metadata", Kind::Unsupported(BINDING)),
    key("worker_loaders", Kind::Unsupported(BINDING)),
    key("vpc_services", Kind::Unsupported(BINDING)),
];

const ROUTE: Kind = Kind::Either(&[
    Kind::Text,
    Kind::Table(&[
        key("pattern", Kind::Text),
        key("zone_name", Kind::Ignored("")),
        key("zone_id", Kind::Ignored("")),
        key("custom_domain", Kind::Bool),
        key("enabled", Kind::Ignored("")),
        key("previews_enabled", Kind::Ignored("")),
    ]),
]);

const SERVICE: &[Key] = &[
    key("binding", Kind::Text),
    key("service", Kind::Text),
    key("entrypoint", Kind::Text),
    key("environment", Kind::Warned("an app is bound by its name: NAME-ENVIRONMENT, if it was deployed so")),
    key("props", Kind::Warned("ctx.props is empty")),
    key("remote", Kind::Warned("the app of that name in this process answers")),
];

const TAIL: &[Key] =
    &[key("service", Kind::Text), key("environment", Kind::Warned("an app is found by its name: NAME-ENVIRONMENT, if it was deployed so"))];

const TRIGGERS: &[Key] = &[key("crons", Kind::Texts)];

const LIMITS: &[Key] = &[key("cpu_ms", Kind::Count(1, 86_400_000)), key("subrequests", Kind::Count(1, u32::MAX as u64))];

/// Names alone: their values are in `.dev.vars` or a manifest of NANO's.
const SECRETS: &[Key] = &[key("required", Kind::Texts)];

const RULE: &[Key] = &[
    key("type", Kind::Choice(&["ESModule", "CommonJS", "CompiledWasm", "Text", "Data", "PythonModule", "PythonRequirement"])),
    key("globs", Kind::Texts),
    key("fallthrough", Kind::Bool),
];

const QUEUES: &[Key] = &[key("producers", Kind::List(&Kind::Table(PRODUCER))), key("consumers", Kind::List(&Kind::Table(CONSUMER)))];

const PRODUCER: &[Key] = &[
    key("binding", Kind::Text),
    key("queue", Kind::Text),
    key("delivery_delay", Kind::Warned("messages are delivered at once, unless send() says otherwise")),
    key("remote", Kind::Warned("the queue is in this process")),
];

/// The keys of one consumer; its times are in seconds.
pub const CONSUMER: &[Key] = &[
    key("queue", Kind::Text),
    key("type", Kind::Choice(&["worker"])),
    key("max_batch_size", Kind::Count(1, 100)),
    key("max_batch_timeout", Kind::Count(0, 60)),
    key("max_retries", Kind::Count(0, 100)),
    key("retry_delay", Kind::Count(0, 43_200)),
    key("max_concurrency", Kind::Either(&[Kind::Count(1, 250), Kind::Ignored("")])),
    key("dead_letter_queue", Kind::Text),
    key("visibility_timeout_ms", Kind::Ignored("")),
];
