//! Files and what comes of them, the good and the bad.

use std::fmt::Write;

use super::*;
use crate::text::{self, Node};

fn nano(text: &str) -> Reading {
    read(text, "nano.toml", Flavour::Nano, "folder", None)
}

fn wrangler(text: &str, environment: Option<&str>) -> Reading {
    read(text, "wrangler.toml", Flavour::Wrangler, "folder", environment)
}

fn manifest(reading: Reading) -> Manifest {
    let said: Vec<String> = reading.findings.iter().map(ToString::to_string).collect();
    reading.manifest.unwrap_or_else(|| panic!("{said:#?}"))
}

fn said(reading: &Reading) -> Vec<String> {
    reading.findings.iter().map(ToString::to_string).collect()
}

const ALL: &str = r#"
name = "shop"
main = "./src/index.ts"
routes = ["shop.example", "*.shop.example/api*", { host = "x.example", path = "/y", port = 8081 }, ":9000"]
default = true
crons = ["*/5 * * * *", "0 0 * * MON"]
tail = ["logs"]
base_url = "https://shop.example/"
code_generation = true
lazy = false
compatibility_date = "2026-01-31"
compatibility_flags = ["nodejs_als"]

[vars]
GREETING = "hello"
NUMBER = 5
TREE = { a = [1, true] }

[secrets]
KEY = { file = "/run/secrets/key" }
TOKEN = { command = ["pass", "show", "x"] }

[services]
AUTH = "auth"
ADMIN = { app = "auth", entrypoint = "Admin" }

[limits]
cpu_ms = "1.5s"
heap_bytes = "64 MiB"
timers = 12
idle_ms = 5000

[egress]
default = "deny"
allow = ["api.example.com:443", "10.0.0.0/8"]
deny = "*.internal"

[queues]
producers = { JOBS = "jobs" }

[queues.consumers.jobs]
batch = 50
batch_wait_ms = "1s"
dead_letters = "failed"
"#;

#[test]
fn everything_that_can_be_said_is_read() {
    let app = manifest(nano(ALL));
    assert_eq!((&*app.name, app.main.as_deref(), app.file.as_deref()), ("shop", Some("src/index.ts"), Some("nano.toml")));
    let routes: Vec<String> = app.routes.iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["shop.example", "*.shop.example/api*", "x.example:8081/y", "*:9000"]);
    let vars: Vec<(&str, String)> = app.vars.iter().map(|(name, var)| (&**name, var.text())).collect();
    assert_eq!(vars, [("GREETING", "hello".into()), ("NUMBER", "5".into()), ("TREE", "{\"a\":[1,true]}".into())]);
    let command = ["pass", "show", "x"].map(String::from).to_vec();
    let secrets = [("KEY".into(), SecretSource::File("/run/secrets/key".into())), ("TOKEN".into(), SecretSource::Command(command))];
    assert_eq!(app.secrets, secrets);
    let service =
        |name: &str, entrypoint: Option<&str>| Service { name: name.into(), app: "auth".into(), entrypoint: entrypoint.map(Into::into) };
    assert_eq!(app.services, [service("AUTH", None), service("ADMIN", Some("Admin"))]);
    let expected = AppLimits { cpu_ms: 1_500, heap_bytes: 64 << 20, timers: 12, idle_ms: 5_000, ..AppLimits::default() };
    assert_eq!(app.limits, expected);
    let egress = Egress {
        default: EgressDefault::Deny,
        allow: vec!["api.example.com:443".into(), "10.0.0.0/8".into()],
        deny: vec!["*.internal".into()],
    };
    assert_eq!(app.egress, egress);
    assert_eq!((app.crons, app.tail), (vec!["*/5 * * * *".to_string(), "0 0 * * MON".to_string()], vec!["logs".to_string()]));
    assert_eq!(app.producers, [("JOBS".to_string(), "jobs".to_string())]);
    let consumer = Consumer { batch: 50, batch_wait_ms: 1_000, dead_letters: Some("failed".into()), ..Consumer::new("jobs") };
    assert_eq!(app.consumers, [consumer]);
    assert_eq!((app.default, app.code_generation, app.lazy), (true, true, Some(false)));
    assert_eq!(app.base_url.as_deref(), Some("https://shop.example/"));
}

#[test]
fn json_says_the_same_as_toml() {
    let table = text::parse(ALL, Format::Toml, &mut Findings::new("", ALL)).expect("parses");
    let json = Node { span: 0..0, value: text::Value::Table(table) }.json().to_string();
    let from_json = manifest(read(&json, "nano.jsonc", Flavour::Nano, "folder", None));
    assert_eq!(from_json, Manifest { file: Some("nano.jsonc".into()), ..manifest(nano(ALL)) });
}

#[test]
fn an_empty_file_is_an_app_named_like_its_folder() {
    assert_eq!(manifest(nano("")), Manifest { file: Some("nano.toml".into()), ..Manifest::new("folder") });
    assert_eq!(said(&nano("")), Vec::<String>::new());
}

#[test]
fn what_is_wrong_is_told_with_its_place_and_a_suggestion() {
    let cases: &[(&str, &str)] = &[
        ("nmae = \"x\"", "1:1: error: unknown key \"nmae\" (did you mean \"name\"?)"),
        ("[limits]\ncpu = 5", "2:1: error: unknown key \"limits.cpu\" (did you mean \"cpu_ms\"?)"),
        ("[limits]\nheap_byte = 5", "2:1: error: unknown key \"limits.heap_byte\" (did you mean \"heap_bytes\"?)"),
        ("name = 5", "1:8: error: name: this is a whole number; it must be text"),
        ("main = \"../x.js\"", "1:8: error: main: \"../x.js\" is not a file inside the app's folder (write it as \"src/index.ts\")"),
        ("main = \"/etc/passwd\"", "1:8: error: main: \"/etc/passwd\" is not a file inside"),
        ("name = \"a/b\"", "1:8: error: name: '/' cannot be in an app's name, which has letters, digits, \"-\", \"_\" and \".\""),
        ("name = \"shop: error: db is gone\"", "1:8: error: name: ':' cannot be in an app's name"),
        ("name = \"shop \"", "1:8: error: name: ' ' cannot be in an app's name"),
        ("name = \"pohs\u{202e}\"", "1:8: error: name: '\\u{202e}' cannot be in an app's name"),
        ("name = \"shop\u{200b}\"", "1:8: error: name: '\\u{200b}' cannot be in an app's name"),
        ("name = \"\"", "1:8: error: name: an app's name has 1 to 63 characters"),
        ("name = \"a..b\"", "1:8: error: name: \"a..b\" has \"-\" or \".\" where no host's name has it"),
        ("name = \"-a\"", "1:8: error: name: \"-a\" has"),
        ("default = \"yes\"", "1:11: error: default: this is text; it must be true or false"),
        ("limits = 5", "1:10: error: limits: this is a whole number; it must be a table"),
        ("limits.cpu_ms = 0", "1:17: error: limits.cpu_ms: 0ms is out of bounds: 1ms to 1d"),
        ("limits.cpu_ms = -5", "1:17: error: limits.cpu_ms: -5 is less than nothing"),
        ("limits.cpu_ms = \"50\"", "1:17: error: limits.cpu_ms: \"50\" needs a unit"),
        ("limits.cpu_ms = 1.5", "1:17: error: limits.cpu_ms: this is a number with a fraction; it must be a duration such as"),
        ("limits.heap_bytes = \"4 GiB\"", "1:21: error: limits.heap_bytes: 4 GiB is out of bounds: 2 MiB to 3500 MiB"),
        ("limits.heap_bytes = \"4 parsecs\"", "1:21: error: limits.heap_bytes: \"parsecs\" is no unit of size"),
        ("limits.timers = \"5\"", "1:17: error: limits.timers: this is text; it must be a whole number"),
        ("routes = \"x\"", "1:10: error: routes: this is text; it must be a list, each text, or a table"),
        ("routes = [5]", "1:11: error: routes[0]: this is a whole number; it must be text, or a table"),
        ("routes = [\"a b\"]", "1:11: error: \"a b\" is no host name"),
        ("routes = [{ hots = \"x\" }]", "1:13: error: unknown key \"routes[0].hots\" (did you mean \"host\"?)"),
        ("routes = [{ port = 70000 }]", "1:20: error: routes[0].port: 70000 is out of bounds: 1 to 65535"),
        ("routes = [{}]", "1:11: error: the route says nothing: host, path or port"),
        (
            "routes = [{ host = \"admin.example:8081\" }]",
            "1:20: error: \"admin.example:8081\" is a host and a port (write host = \"admin.example\", port = 8081)",
        ),
        ("routes = [{ host = \"[::1]:81\" }]", "1:20: error: \"[::1]:81\" is a host and a port (write host = \"[::1]\", port = 81)"),
        (
            "routes = [{ host = \"*.x.example:81\" }]",
            "1:20: error: \"*.x.example:81\" is a host and a port (write host = \"*.x.example\", port = 81)",
        ),
        ("routes = [{ host = \"x.example:\" }]", "1:20: error: \"x.example:\" is no host name"),
        ("routes = [{ host = \"::1\" }]", "1:20: error: \"::1\" is no host name"),
        ("routes = [\"x.example:81:82\"]", "1:11: error: \"x.example:81\" is no host name"),
        ("crons = [\"* *\"]", "1:10: error: \"* *\" has 2 fields"),
        ("crons = [\"* * * * *\", 5]", "1:23: error: crons: this is a whole number, not text"),
        ("secrets.K = \"hunter2\"", "1:13: error: secrets.K: this is text; it must be a table"),
        ("secrets.K = {}", "1:13: error: secrets.K must say where the value is"),
        ("secrets.K = { file = \"a\", command = [\"b\"] }", "1:13: error: secrets.K must say where the value is"),
        ("secrets.K = { command = \"echo hi\" }", "1:25: error: secrets.K.command: this is text; it must be a list of text"),
        ("secrets.K = { command = [\"echo\", 1] }", "1:34: error: secrets.K.command[1]: this is a whole number; it must be text"),
        ("services.A = { entrypoint = \"X\" }", "1:14: error: services.A does not say which app"),
        (
            "egress.default = \"publik\"",
            "1:18: error: egress.default: \"publik\" must be \"deny\" or \"public\" or \"any\" or \"host\" (did you mean \"public\"?)",
        ),
        ("egress.allow = [\"https://x\"]", "1:17: error: egress.allow: \"https://x\" is no rule"),
        ("base_url = \"/x\"", "1:12: error: base_url: \"/x\" is no absolute URL"),
        ("base_url = \"file:///x\"", "1:12: error: base_url: \"file:///x\" is no absolute URL"),
        ("vars.A = \"1\"\nsecrets.A = { file = \"f\" }", "2:9: error: env has two entries named \"A\", in vars and in secrets"),
        ("compatibility_date = \"tomorrow\"", "1:22: error: compatibility_date: \"tomorrow\" is no date"),
        (
            "compatibility_flags = [\"nodejs_comapt\"]",
            "1:24: warning: the flag \"nodejs_comapt\" is unknown (did you mean \"nodejs_compat\"?)",
        ),
        ("env.a.env.b.name = \"x\"", "1:7: error: env.a: environments do not nest"),
        ("env.a.nmae = \"x\"", "1:7: error: unknown key \"env.a.nmae\" (did you mean \"name\"?)"),
        ("name = ", "1:8: error: "),
    ];
    for (text, expected) in cases {
        let reading = nano(text);
        let found = said(&reading);
        assert!(found.iter().any(|line| line.starts_with(&format!("nano.toml:{expected}"))), "{text}\n{found:#?}");
        assert_eq!(reading.manifest.is_none(), !expected.contains("warning"), "{text}");
    }
}

#[test]
fn a_variable_that_is_no_number_of_javascripts_is_an_error() {
    let json = |text: &str| said(&read(text, "nano.json", Flavour::Nano, "folder", None));
    let lost = "vars.A: JSON has no such number (write it as text)";
    assert_eq!(said(&nano("vars.A = inf")), [format!("nano.toml:1:10: error: {lost}")]);
    assert_eq!(said(&nano("[vars]\nA = -nan")), [format!("nano.toml:2:5: error: {lost}")]);
    assert_eq!(json("{\"vars\": {\"A\": 1e400}}"), [format!("nano.json:1:16: error: {lost}")]);
    let rounded = "vars.A.b[1]: in JavaScript 9007199254740993 is the number 9007199254740992 (write it as text)";
    assert_eq!(said(&nano("vars.A = { b = [1, 9007199254740993] }")), [format!("nano.toml:1:20: error: {rounded}")]);
    assert_eq!(json("{\"vars\": {\"A\": {\"b\": [1, 9007199254740993]}}}"), [format!("nano.json:1:26: error: {rounded}")]);
    assert_eq!(
        json("{\"vars\": {\"A\": 12345678901234567890}}"),
        ["nano.json:1:16: error: the number has more than 64 bits (write it as text)"]
    );
    assert_eq!(said(&nano("env.x.vars.A = 9223372036854775807")).len(), 1);
    assert_eq!(said(&wrangler("vars = { A = inf }", None)), [format!("wrangler.toml:1:14: error: {lost}")]);
    let kept = "vars = { A = 9007199254740992, B = -9007199254740994, C = 0.1, D = 1e300, E = 9007199254740991 }";
    assert_eq!(said(&nano(kept)), Vec::<String>::new());
}

#[test]
fn an_entry_that_is_there_twice_is_told_once() {
    let twice = ["vars", "services"].map(|key| format!("{{\"{key}\": {{\"A\": \"b\",\n\"A\": \"c\"}}}}"));
    for text in twice.iter().map(String::as_str).chain(["{\"queues\": {\"producers\": {\"A\": \"b\",\n\"A\": \"c\"}}}"]) {
        let found = said(&read(text, "nano.json", Flavour::Nano, "folder", None));
        assert_eq!(found, ["nano.json:2:1: error: \"A\" is there twice (only one of them would count: remove the other)"]);
    }
    let found = said(&wrangler("services = [{ binding = \"A\", service = \"b\" }, { binding = \"A\", service = \"c\" }]", None));
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn all_errors_are_told_at_once_in_the_order_of_the_file() {
    let found = said(&nano("nam = 1\nmain = 2\n[limits]\ncpu_ms = 0\nwall_ms = \"x\"\n[egres]\n"));
    let places: Vec<&str> = found.iter().filter_map(|line| line.split(": error").next()).collect();
    assert_eq!(places, ["nano.toml:1:1", "nano.toml:2:8", "nano.toml:4:10", "nano.toml:5:11", "nano.toml:6:2"]);
}

#[test]
fn a_secret_written_into_the_file_is_not_repeated_by_the_error() {
    for text in [
        "secrets.K = \"hunter2\"",
        "secrets.K = { value = \"hunter2\" }",
        "secrets.K = { file = [\"hunter2\"] }",
        "secrets = [\"hunter2\"]",
    ] {
        let reading = nano(text);
        assert!(reading.manifest.is_none() && !format!("{:?}", reading.findings).contains("hunter2"), "{text}");
    }
}

#[test]
fn env_keeps_the_apps_own_limits() {
    let mut text = String::from("[vars]\n");
    (0..65).for_each(|i| writeln!(text, "V{i} = \"x\"").expect("a string"));
    assert_eq!(said(&nano(&text)), ["nano.toml:1:2: error: env has 65 entries; the limit env_entries is 64 (raise limits.env_entries)"]);
    assert!(nano(&format!("limits.env_entries = 65\n{text}")).manifest.is_some());
    let long = format!("vars.A = \"{}\"", "x".repeat(5 << 10));
    assert_eq!(
        said(&nano(&long)),
        ["nano.toml:1:6: error: vars.A has 5121 bytes; the limit env_entry_bytes is 5120 (raise limits.env_entry_bytes)"]
    );
}

#[test]
fn an_environment_is_laid_over_the_file() {
    let text = "vars = { A = \"1\", B = \"2\" }\nroutes = [\"x.example\"]\nlimits.timers = 5\n[env.staging]\nvars = { B = \"3\", C = \"4\" }\n\
                routes = [\"y.example\"]\nlimits.cpu_ms = 7\n[env.other]\n";
    let reading = read(text, "nano.toml", Flavour::Nano, "folder", Some("staging"));
    assert_eq!(reading.environments, ["staging", "other"]);
    let app = manifest(reading);
    let vars: Vec<String> = app.vars.iter().map(|(name, var)| format!("{name}{}", var.text())).collect();
    assert_eq!((vars.join(" "), app.routes[0].to_string()), ("A1 B3 C4".into(), "y.example".into()));
    assert_eq!((app.routes.len(), app.limits.timers, app.limits.cpu_ms, &*app.name), (1, 5, 7, "folder"));
    let missing = read(text, "nano.toml", Flavour::Nano, "folder", Some("stagin"));
    assert_eq!(said(&missing), ["nano.toml:4:2: error: there is no environment \"stagin\" (did you mean \"staging\"?)"]);
}

const WRANGLER: &str = r#"
"$schema" = "x"
name = "shop"
main = "src/index.ts"
compatibility_date = "2026-01-31"
compatibility_flags = ["nodejs_als"]
workers_dev = true
routes = ["a.example/*", { pattern = "b.example/x", zone_name = "b.example" }, { pattern = "c.example", custom_domain = true }]
kv_namespaces = []
durable_objects = { bindings = [] }
limits = { cpu_ms = 100 }
services = [{ binding = "AUTH", service = "auth", entrypoint = "Admin" }]
vars = { A = "1" }
tail_consumers = [{ service = "logs" }]
[triggers]
crons = ["0 * * * *"]
[[queues.producers]]
binding = "JOBS"
queue = "jobs"
[[queues.consumers]]
queue = "jobs"
max_batch_timeout = 2
max_retries = 9
dead_letter_queue = "dead"
[observability]
enabled = true
[[rules]]
type = "Text"
globs = ["**/*.html"]
[env.staging]
vars = { A = "2" }
"#;

#[test]
fn a_wrangler_file_is_followed_as_far_as_nano_goes() {
    let reading = wrangler(WRANGLER, None);
    assert_eq!(
        said(&reading),
        [
            "wrangler.toml:7:1: notice: \"workers_dev\" has no effect (it is about deploying to Cloudflare)",
            "wrangler.toml:25:2: notice: \"observability\" has no effect (logs go where nanod sends them)",
        ]
    );
    let app = manifest(reading);
    let routes: Vec<String> = app.routes.iter().map(ToString::to_string).collect();
    assert_eq!(routes, ["a.example", "b.example/x (exactly)", "c.example"]);
    assert_eq!((&*app.name, app.limits.cpu_ms, &*app.crons), ("shop", 100, &["0 * * * *".to_string()][..]));
    assert_eq!(app.tail, ["logs"]);
    assert_eq!(app.services, [Service { name: "AUTH".into(), app: "auth".into(), entrypoint: Some("Admin".into()) }]);
    let consumer = Consumer { batch_wait_ms: 2_000, retries: 9, dead_letters: Some("dead".into()), ..Consumer::new("jobs") };
    assert_eq!((app.consumers, app.producers), (vec![consumer], vec![("JOBS".to_string(), "jobs".to_string())]));
}

#[test]
fn a_wrangler_environment_has_its_own_bindings_and_name() {
    let reading = wrangler(WRANGLER, Some("staging"));
    let lost = "\"services\" is not part of the environment \"staging\" (environments do not inherit it: repeat it in env.staging)";
    assert!(said(&reading).iter().any(|line| line == &format!("wrangler.toml:12:1: warning: {lost}")), "{:#?}", reading.findings);
    let app = manifest(reading);
    assert_eq!((&*app.name, app.services.len(), app.vars[0].1.text(), app.routes.len()), ("shop-staging", 0, "2".into(), 3));
    let named = wrangler("name = \"a\"\n[env.s]\nname = \"b\"\n", Some("s"));
    assert_eq!(manifest(named).name, "b");
}

#[test]
fn the_routes_of_a_wrangler_environment_take_the_place_of_those_outside_it() {
    let shown = |text: &str| {
        let app = manifest(wrangler(text, Some("s")));
        app.routes.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(shown("route = \"a.example/*\"\n[env.s]\nroutes = [\"b.example/*\"]\n"), ["b.example"]);
    assert_eq!(shown("routes = [\"a.example/*\"]\n[env.s]\nroute = \"b.example/*\"\n"), ["b.example"]);
    assert_eq!(shown("routes = [\"a.example/*\"]\n[env.s]\nroutes = []\n"), Vec::<String>::new());
    assert_eq!(shown("route = \"a.example/*\"\n[env.s]\nworkers_dev = true\n"), ["a.example"]);
}

#[test]
fn keys_of_wranglers_that_say_nothing_here_are_notices() {
    let keys = [
        "compliance_region = \"public\"",
        "cache = { enabled = true }",
        "previews = {}",
        "dependencies_instrumentation = { enabled = true }",
        "python_modules = { exclude = [\"**/*.pyc\"] }",
        "legacy_env = true",
        "usage_model = \"bundled\"",
    ];
    for text in keys {
        let reading = wrangler(text, None);
        let key = text.split(' ').next().unwrap_or_default();
        let expected = format!("wrangler.toml:1:1: notice: \"{key}\" has no effect (");
        assert!(matches!(&said(&reading)[..], [line] if line.starts_with(&expected)), "{:?}", said(&reading));
    }
}

#[test]
fn what_an_app_of_wranglers_would_miss_is_an_error() {
    let cases: &[(&str, &str)] = &[
        ("kv_namespaces = [{ binding = \"KV\", id = \"x\" }]", "1:1: error: \"kv_namespaces\" is not supported (NANO has no such binding"),
        (
            "[durable_objects]\nbindings = [{ name = \"X\" }]",
            "1:2: error: \"durable_objects\" is not supported (NANO has no Durable Objects)",
        ),
        ("assets = { directory = \"public\" }", "1:1: error: \"assets\" is not supported (NANO serves no static files"),
        ("build = { command = \"npm run build\" }", "1:1: warning: \"build\" is not supported (NANO does not run it"),
        ("nmae = 1", "1:1: error: unknown key \"nmae\" (did you mean \"name\"?)"),
        ("egress = { default = \"deny\" }", "1:1: error: unknown key \"egress\""),
        ("route = \"x.example\"", "1:9: warning: the route \"x.example\" is for the path / alone (write \"x.example/*\" for all paths)"),
        ("route = { zone_name = \"x\" }", "1:9: error: the route has no pattern"),
        ("routes = [{ pattern = \"x/*\", custom_domain = true }]", "1:23: error: \"x/*\" is no domain"),
        (
            "routes = [{ pattern = \"c.example:9999\", custom_domain = true }]",
            "1:23: error: \"c.example:9999\" is no domain (a custom domain has no wildcard, no port and no path)",
        ),
        ("services = [{ binding = \"A\" }]", "1:13: error: a service needs binding and service"),
        (
            "rules = [{ type = \"Text\", globs = [\"**/*.js\"] }]",
            "1:36: warning: the rule that \"**/*.js\" is Text is not followed (import it with",
        ),
        ("rules = [{ type = \"PythonModule\", globs = [\"**/*.py\"] }]", "1:19: error: NANO runs no Python"),
        ("limits = { cpu_ms = \"5\" }", "1:21: error: limits.cpu_ms: this is text; it must be a whole number"),
        ("tail_consumers = [{}]", "1:19: error: a tail consumer needs service"),
        ("triggers = { crons = [\"x\"] }", "1:23: error: \"x\" has 1 fields"),
    ];
    for (text, expected) in cases {
        let reading = wrangler(text, None);
        let found = said(&reading);
        assert!(found.iter().any(|line| line.starts_with(&format!("wrangler.toml:{expected}"))), "{text}\n{found:#?}");
        assert_eq!(reading.manifest.is_none(), expected.contains("error"), "{text}");
    }
}

#[test]
fn every_example_of_the_reference_is_a_manifest() {
    for key in keys::KEYS {
        let reading = nano(&format!("\"{}\" = {}", key.name, key.example));
        assert!(reading.manifest.is_some(), "{}: {:#?}", key.name, reading.findings);
    }
    let inner: [(&[Key], &str); 7] = [
        (keys::ROUTE, "routes = [{ @ }]"),
        (keys::SECRET, "secrets.X = { @ }"),
        (keys::SERVICE, "services.X = { app = \"a\", @ }"),
        (limits::KEYS, "limits = { @ }"),
        (keys::EGRESS, "egress = { @ }"),
        (keys::QUEUES, "queues = { @ }"),
        (keys::CONSUMER, "queues.consumers.q = { @ }"),
    ];
    for (table, text) in inner {
        for key in table {
            let said = format!("{} = {}", key.name, key.example);
            let text = if key.name == "app" { text.replace("app = \"a\", ", "") } else { text.to_string() };
            let reading = nano(&text.replace('@', &said));
            assert!(reading.manifest.is_some(), "{said}: {:#?}", reading.findings);
        }
    }
}

#[test]
fn the_documentation_has_the_keys_of_the_schema() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/manifest.md");
    let text = std::fs::read_to_string(&path).expect("docs/manifest.md");
    let (before, rest) = text.split_once("<!-- keys -->\n").expect("a mark where the keys begin");
    let (_, after) = rest.split_once("<!-- end of keys -->").expect("a mark where they end");
    let (between, rest) = after.split_once("<!-- grants -->\n").expect("a mark where the operator's keys begin");
    let (_, after) = rest.split_once("<!-- end of grants -->").expect("a mark where they end");
    let (keys, grants) = (docs::reference(), docs::grants_reference());
    let expected =
        format!("{before}<!-- keys -->\n\n{keys}<!-- end of keys -->{between}<!-- grants -->\n\n{grants}<!-- end of grants -->{after}");
    if std::env::var_os("NANO_UPDATE_DOCS").is_some() {
        std::fs::write(&path, &expected).expect("docs/manifest.md");
    }
    let text = std::fs::read_to_string(&path).expect("docs/manifest.md");
    assert!(text == expected, "docs/manifest.md is not what the schema says: run this test with NANO_UPDATE_DOCS=1");
}

#[test]
fn no_file_breaks_the_reader() {
    let mut good = 0;
    for seed in 0..3_000 {
        let mut dice = nano_base::dice::Dice::new(seed);
        let mut roll = |below: usize| dice.roll() as usize % below;
        let (source, flavour) = if seed % 2 == 0 { (ALL, Flavour::Nano) } else { (WRANGLER, Flavour::Wrangler) };
        let mut text: Vec<char> = source.chars().collect();
        for _ in 0..1 + roll(3) {
            let (at, from) = (roll(text.len()), roll(text.len()));
            match roll(4) {
                0 => drop(text.remove(at)),
                1 => text[at] = text[from],
                2 => text.insert(at, ['"', '[', '{', '=', '.', '\u{0}', 'é', '-', '9', '\n', '*', '/'][roll(12)]),
                _ => text.truncate(at.max(1)),
            }
        }
        let text: String = text.into_iter().collect();
        let environment = (seed % 3 == 0).then_some("staging");
        let reading = read(&text, "nano.toml", flavour, "folder", environment);
        let errors = reading.findings.iter().filter(|finding| finding.severity == text::Severity::Error).count();
        assert_eq!(reading.manifest.is_none(), errors > 0, "{text}");
        good += usize::from(reading.manifest.is_some());
        // What is wrong can be shown where it is.
        let lines = text.split('\n').count() as u32;
        assert!(reading.findings.iter().all(|finding| (1..=lines).contains(&finding.line)), "{:#?}", reading.findings);
    }
    assert!((100..2_900).contains(&good), "{good} of 3000 files are good");
}
