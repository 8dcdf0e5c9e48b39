//! From a checked `nano.toml` or `nano.jsonc` to a manifest. Values of the wrong type have been told and are left out here.

use std::ops::Range;

use super::environment::Inheritance;
use super::schema::{Key, number};
use super::{Consumer, EgressDefault, Manifest, SecretSource, Service, keys, limits, parts};
use crate::routes::{Dialect, Host, Path, Route};
use crate::text::finding::Findings;
use crate::text::{Entry, Node, Table};

/// Everything is inherited, and tables of entries are joined.
pub const INHERITANCE: Inheritance =
    Inheritance { joined: &["vars", "secrets", "services", "limits", "egress", "queues"], own: &[], same: &[] };

/// Reads what is there over `manifest`.
pub fn read(table: &Table, manifest: &mut Manifest, findings: &mut Findings<'_>) {
    parts::read_common(table, manifest, findings);
    if let Some(list) = table.find("routes").and_then(Node::list) {
        for node in list {
            match (node.text(), node.table()) {
                (Some(text), _) => parts::add_route(text, Dialect::Nano, &node.span, manifest, findings),
                (_, Some(route)) => read_route(route, &node.span, manifest, findings),
                _ => {}
            }
        }
    }
    for entry in entries(table, "secrets") {
        if let Some(source) = entry.1.table().and_then(|secret| read_secret(entry.0, secret, &entry.1.span, findings)) {
            manifest.secrets.push((entry.0.to_string(), source));
        }
    }
    for Entry { key: name, key_span, node } in table.find("services").and_then(Node::table).into_iter().flat_map(|services| &services.0) {
        match (node.text(), node.table()) {
            (Some(app), _) => {
                let service = Service { name: name.clone(), app: app.into(), entrypoint: None };
                parts::take_service(service, (key_span, None), manifest, findings);
            }
            (_, Some(service)) => match service.find("app").and_then(Node::text) {
                Some(app) => {
                    let node = service.find("entrypoint");
                    let entrypoint = node.and_then(Node::text).map(str::to_string);
                    let service = Service { name: name.clone(), app: app.into(), entrypoint };
                    parts::take_service(service, (key_span, node.map(|node| &node.span)), manifest, findings);
                }
                None => findings.error(&node.span, format!("services.{name} does not say which app"), "add app = \"NAME\""),
            },
            _ => {}
        }
    }
    if let Some(limits) = table.find("limits").and_then(Node::table) {
        limits::read(limits, &mut manifest.limits);
    }
    if let Some(egress) = table.find("egress").and_then(Node::table) {
        read_egress(egress, manifest, findings);
    }
    manifest.crons = parts::read_crons(table.find("crons"), findings);
    let tail = table.find("tail").map(Node::texts).unwrap_or_default();
    manifest.tail = tail.iter().map(|(app, _)| app.to_string()).collect();
    if let Some(queues) = table.find("queues").and_then(Node::table) {
        read_queues(queues, manifest, findings);
    }
    if let Some(node) = table.find("base_url")
        && let Some(url) = node.text()
    {
        match parts::check_base_url(url) {
            Ok(()) => manifest.base_url = Some(url.to_string()),
            Err(why) => findings.error(&node.span, format!("base_url: {why}"), ""),
        }
    }
    let flag = |key: &str| table.find(key).and_then(Node::bool);
    manifest.default = flag("default").unwrap_or(false);
    manifest.code_generation = flag("code_generation").unwrap_or(false);
    manifest.lazy = flag("lazy");
}

fn entries<'a>(table: &'a Table, key: &str) -> impl Iterator<Item = (&'a str, &'a Node)> + use<'a> {
    let inner = table.find(key).and_then(Node::table);
    inner.into_iter().flat_map(|table| table.0.iter().map(|entry| (&*entry.key, &entry.node)))
}

fn read_route(route: &Table, span: &Range<usize>, manifest: &mut Manifest, findings: &mut Findings<'_>) {
    let text = |key: &str| route.find(key).and_then(|node| Some((node.text()?, &node.span)));
    let host = match text("host") {
        None => Ok(Host::Any),
        Some((host, span)) => Host::parse(host).map_err(|why| match apart(host) {
            Some(help) => findings.error(span, format!("\"{host}\" is a host and a port"), help),
            None => findings.error(span, why, ""),
        }),
    };
    let mut bad = |span: &Range<usize>, why: String| findings.error(span, why, "");
    let path = match text("path") {
        None => Ok(Path::all()),
        Some((path, span)) => Path::parse(path, Dialect::Nano).map_err(|why| bad(span, why)),
    };
    let port = route.find("port").and_then(Node::integer).and_then(|port| u16::try_from(port).ok());
    if route.0.is_empty() {
        bad(span, "the route says nothing: host, path or port".into());
    } else if let (Ok(host), Ok(path)) = (host, path) {
        parts::take_route(Route { host, port, path }, span, manifest, findings);
    }
}

/// How a host and its port are said, of whoever has written them as one.
fn apart(text: &str) -> Option<String> {
    let port = Route::parse(text, Dialect::Nano).ok()?.first()?.port?;
    let host = text.strip_suffix(&format!(":{port}"))?;
    Some(format!("write host = \"{host}\", port = {port}"))
}

fn read_secret(name: &str, secret: &Table, span: &Range<usize>, findings: &mut Findings<'_>) -> Option<SecretSource> {
    let file = secret.find("file").and_then(Node::text);
    let command = secret.find("command").map(Node::texts);
    match (file, command) {
        (Some(file), None) if !file.is_empty() => Some(SecretSource::File(file.to_string())),
        (None, Some(command)) if command.first().is_some_and(|(program, _)| !program.is_empty()) => {
            Some(SecretSource::Command(command.into_iter().map(|(part, _)| part.to_string()).collect()))
        }
        _ => {
            let message = format!("secrets.{name} must say where the value is: file or command, one of the two and not empty");
            findings.error(span, message, "write { file = \"/run/secrets/NAME\" }");
            None
        }
    }
}

fn read_egress(egress: &Table, manifest: &mut Manifest, findings: &mut Findings<'_>) {
    manifest.egress.default = match egress.find("default").and_then(Node::text) {
        Some("deny") => EgressDefault::Deny,
        Some("any") => EgressDefault::Any,
        Some("host") => EgressDefault::Host,
        _ => EgressDefault::Public,
    };
    let mut rules = |key: &str| {
        let texts = egress.find(key).map(Node::texts).unwrap_or_default();
        for (rule, span) in &texts {
            if rule.is_empty() || rule.contains("://") || rule.contains(char::is_whitespace) || rule.contains('@') {
                let message = format!("egress.{key}: \"{rule}\" is no rule");
                findings.error(span, message, "write a host, *.host, an address or a block of them, with or without :port");
            }
        }
        texts.into_iter().map(|(rule, _)| rule.to_string()).collect()
    };
    manifest.egress.allow = rules("allow");
    manifest.egress.deny = rules("deny");
}

fn read_queues(queues: &Table, manifest: &mut Manifest, findings: &mut Findings<'_>) {
    for (name, queue) in entries(queues, "producers") {
        manifest.producers.extend(queue.text().map(|queue| (name.to_string(), queue.to_string())));
    }
    let consumers = queues.find("consumers").and_then(Node::table);
    for Entry { key: queue, key_span, node } in consumers.into_iter().flat_map(|consumers| &consumers.0) {
        let Some(table) = node.table() else { continue };
        findings.place(format!("queues.consumers.{queue}"), key_span);
        let mut consumer = Consumer::new(queue.as_str());
        let value = |name: &str| {
            let key: &Key = keys::CONSUMER.iter().find(|key| key.name == name)?;
            number(table.find(name)?, key.kind).ok()
        };
        let small = |name: &str, default: u32| value(name).and_then(|number| u32::try_from(number).ok()).unwrap_or(default);
        consumer.batch = small("batch", consumer.batch);
        consumer.batch_wait_ms = value("batch_wait_ms").unwrap_or(consumer.batch_wait_ms);
        consumer.retries = small("retries", consumer.retries);
        consumer.retry_delay_ms = value("retry_delay_ms").unwrap_or(consumer.retry_delay_ms);
        consumer.concurrency = small("concurrency", consumer.concurrency);
        consumer.dead_letters = table.find("dead_letters").and_then(Node::text).map(str::to_string);
        manifest.consumers.push(consumer);
    }
}
