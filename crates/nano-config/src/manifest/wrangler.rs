//! From a checked `wrangler.toml`, `wrangler.json` or `wrangler.jsonc` to a manifest.

use nano_base::app_files::TEXT_ENDINGS;

use super::environment::Inheritance;
use super::{Consumer, Manifest, Service, parts};
use crate::routes::{Dialect, Host, Route};
use crate::text::finding::Findings;
use crate::text::{Node, Table};

/// Bindings belong to the environment that names them; the rest is inherited, and nothing is joined.
pub const INHERITANCE: Inheritance = Inheritance {
    joined: &[],
    own: &["vars", "services", "queues", "tail_consumers", "secrets", "kv_namespaces", "d1_databases", "r2_buckets", "durable_objects"],
    same: &[["route", "routes"]],
};

/// Reads what is there over `manifest`; `outer` is the file without its environment.
pub fn read(table: &Table, outer: &Table, manifest: &mut Manifest, findings: &mut Findings<'_>) {
    parts::read_common(table, manifest, findings);
    name_environment(table, outer, manifest);
    for key in ["route", "routes"] {
        match table.find(key) {
            Some(node) if key == "routes" => node.list().unwrap_or_default().iter().for_each(|node| read_route(node, manifest, findings)),
            Some(node) => read_route(node, manifest, findings),
            None => {}
        }
    }
    for node in tables(table.find("services")) {
        let Some(service) = node.table() else { continue };
        let text = |key: &str| service.find(key).and_then(Node::text).map(str::to_string);
        match (text("binding"), text("service")) {
            (Some(name), Some(app)) => {
                let entrypoint = service.find("entrypoint").map(|node| &node.span);
                let service = Service { name, app, entrypoint: text("entrypoint") };
                parts::take_service(service, (&node.span, entrypoint), manifest, findings);
            }
            _ => findings.error(&node.span, "a service needs binding and service", ""),
        }
    }
    let crons = table.find("triggers").and_then(Node::table).and_then(|triggers| triggers.find("crons"));
    manifest.crons = parts::read_crons(crons, findings);
    for node in tables(table.find("tail_consumers")) {
        match node.table().and_then(|table| table.find("service")).and_then(Node::text) {
            Some(app) => manifest.tail.push(app.to_string()),
            None => findings.error(&node.span, "a tail consumer needs service", ""),
        }
    }
    if let Some(queues) = table.find("queues").and_then(Node::table) {
        read_queues(queues, manifest, findings);
    }
    if let Some(limits) = table.find("limits").and_then(Node::table) {
        let value = |key: &str| limits.find(key).and_then(Node::integer).and_then(|number| u32::try_from(number).ok());
        manifest.limits.cpu_ms = value("cpu_ms").unwrap_or(manifest.limits.cpu_ms);
        manifest.limits.subrequests = value("subrequests").unwrap_or(manifest.limits.subrequests);
    }
    let required = table.find("secrets").and_then(Node::table).and_then(|secrets| secrets.find("required"));
    manifest.required = required.map(Node::texts).unwrap_or_default().iter().map(|(name, _)| name.to_string()).collect();
    for node in tables(table.find("rules")) {
        check_rule(node, findings);
    }
}

/// wrangler deploys `NAME-ENVIRONMENT`, unless the environment has a name of its own.
fn name_environment(table: &Table, outer: &Table, manifest: &mut Manifest) {
    let Some(environment) = &manifest.environment else { return };
    let span = |table: &Table| table.entry("name").map(|entry| entry.key_span.clone());
    if span(table) == span(outer) {
        manifest.name = format!("{}-{environment}", manifest.name);
    }
}

fn tables(node: Option<&Node>) -> &[Node] {
    node.and_then(Node::list).unwrap_or_default()
}

fn read_route(node: &Node, manifest: &mut Manifest, findings: &mut Findings<'_>) {
    if let Some(text) = node.text() {
        if !text.contains('/') {
            let help = format!("write \"{text}/*\" for all paths");
            findings.warning(&node.span, format!("the route \"{text}\" is for the path / alone"), help);
        }
        return parts::add_route(text, Dialect::Wrangler, &node.span, manifest, findings);
    }
    let Some(route) = node.table() else { return };
    let Some(pattern) = route.find("pattern") else {
        return findings.error(&node.span, "the route has no pattern", "");
    };
    let Some(text) = pattern.text() else { return };
    if route.find("custom_domain").and_then(Node::bool) != Some(true) {
        return parts::add_route(text, Dialect::Wrangler, &pattern.span, manifest, findings);
    }
    match Host::parse(text) {
        Ok(host @ Host::Exact(_)) => parts::take_route(Route::host(host), &pattern.span, manifest, findings),
        _ => findings.error(&pattern.span, format!("\"{text}\" is no domain"), "a custom domain has no wildcard, no port and no path"),
    }
}

fn read_queues(queues: &Table, manifest: &mut Manifest, findings: &mut Findings<'_>) {
    for node in tables(queues.find("producers")) {
        let text = |key: &str| node.table().and_then(|table| table.find(key)).and_then(Node::text).map(str::to_string);
        match (text("binding"), text("queue")) {
            (Some(name), Some(queue)) => manifest.producers.push((name, queue)),
            _ => findings.error(&node.span, "a producer needs binding and queue", ""),
        }
    }
    for node in tables(queues.find("consumers")) {
        let Some(table) = node.table() else { continue };
        let Some(queue) = table.find("queue").and_then(Node::text) else {
            findings.error(&node.span, "a consumer needs queue", "");
            continue;
        };
        findings.place(format!("queues.consumers.{queue}"), &node.span);
        let mut consumer = Consumer::new(queue);
        let value = |key: &str| table.find(key).and_then(Node::integer).and_then(|number| u32::try_from(number).ok());
        consumer.batch = value("max_batch_size").unwrap_or(consumer.batch);
        consumer.batch_wait_ms = value("max_batch_timeout").map_or(consumer.batch_wait_ms, |seconds| u64::from(seconds) * 1_000);
        consumer.retries = value("max_retries").unwrap_or(consumer.retries);
        consumer.retry_delay_ms = value("retry_delay").map_or(consumer.retry_delay_ms, |seconds| u64::from(seconds) * 1_000);
        consumer.concurrency = value("max_concurrency").unwrap_or(consumer.concurrency);
        consumer.dead_letters = table.find("dead_letter_queue").and_then(Node::text).map(str::to_string);
        manifest.consumers.push(consumer);
    }
}

/// Endings decide what a module is; a rule that says what they say already needs nothing.
fn check_rule(node: &Node, findings: &mut Findings<'_>) {
    let Some(rule) = node.table() else { return };
    let Some((kind, kind_span)) = rule.find("type").and_then(|node| Some((node.text()?, &node.span))) else {
        return findings.error(&node.span, "the rule has no type", "");
    };
    if kind.starts_with("Python") {
        return findings.error(kind_span, "NANO runs no Python", "");
    }
    for (glob, span) in rule.find("globs").map(Node::texts).unwrap_or_default() {
        let ending = glob.rsplit_once('.').map_or("", |(_, ending)| ending);
        let text = TEXT_ENDINGS.contains(&ending);
        let code = matches!(ending, "js" | "mjs" | "cjs" | "ts" | "mts" | "tsx" | "jsx" | "json" | "wasm");
        let agrees = match kind {
            "ESModule" => matches!(ending, "js" | "mjs" | "ts" | "mts" | "tsx" | "jsx"),
            "CommonJS" => matches!(ending, "cjs" | "js"),
            "CompiledWasm" => ending == "wasm",
            "Text" => text,
            _ => !text && !code && !ending.is_empty(),
        };
        if !agrees {
            let help = match kind {
                "Text" => "import it with { type: \"text\" }",
                "Data" => "import it with { type: \"bytes\" }",
                _ => "rename the file",
            };
            findings.warning(&span, format!("the rule that \"{glob}\" is {kind} is not followed"), help);
        }
    }
}
