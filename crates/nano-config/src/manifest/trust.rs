//! What a manifest asks for that only whoever runs nanod should grant: a manifest comes with its app, and apps are strangers.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use nano_base::limits::AppLimits;

use super::{EgressDefault, Manifest, SecretSource, limits, parts};
use crate::routes::Route;
use crate::text::Table;
use crate::text::finding::{Place, position};

/// Something to grant or to refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// A program is run for a secret.
    Command(String),
    /// A file outside the app's folder is read for a secret: its name, and the file, from `/`.
    OutsideFile(String, PathBuf),
    /// Code is made from text.
    CodeGeneration,
    /// Everything can be connected to, or this although it may not be public.
    Egress(String),
    /// A limit is above the one that apps have without a word: its name and number.
    Limit(&'static str, u64),
    /// It answers for whatever nobody else does.
    Default,
    /// It answers for a host, or on a port, that is not its own by convention.
    Route(Route),
    /// It has another name than its folder.
    Name(String),
    /// It calls another app.
    Service(String),
    /// It sends to a queue, takes from one, or buries messages in one.
    Queue(String),
    /// It tells another app of its events.
    Tail(String),
}

impl Demand {
    /// The key of the manifest that asks for it.
    pub fn key(&self) -> String {
        match self {
            Self::Command(name) | Self::OutsideFile(name, _) => format!("secrets.{name}"),
            Self::CodeGeneration => "code_generation".into(),
            Self::Egress(rule) if rule == EVERYTHING => "egress.default".into(),
            Self::Egress(_) => "egress.allow".into(),
            Self::Limit(name, _) => format!("limits.{name}"),
            Self::Default => "default".into(),
            Self::Route(route) => format!("routes.{route}"),
            Self::Name(_) => "name".into(),
            Self::Service(_) => "services".into(),
            Self::Queue(_) => "queues".into(),
            Self::Tail(_) => "tail".into(),
        }
    }

    /// What it is, in a sentence that goes on with "is not granted".
    pub fn what(&self) -> String {
        match self {
            Self::Command(name) => format!("running a program for the secret {name}"),
            Self::OutsideFile(name, path) => format!("reading the secret {name} from {}, outside the app's folder,", path.display()),
            Self::CodeGeneration => "making code from text".into(),
            Self::Egress(rule) if rule == EVERYTHING => "connecting to everything".into(),
            Self::Egress(rule) => format!("connecting to {rule}, which is not public,"),
            Self::Limit(name, number) => format!("the limit {name} of {number}"),
            Self::Default => "answering what no route is for".into(),
            Self::Route(route) => format!("the route {route}"),
            Self::Name(name) => format!("the name \"{name}\""),
            Self::Service(app) => format!("calling the app \"{app}\""),
            Self::Queue(queue) => format!("using the queue \"{queue}\""),
            Self::Tail(app) => format!("telling the app \"{app}\" of events"),
        }
    }

    /// The line of `nanod.toml`, below `[apps.FOLDER]`, that grants it.
    pub fn grant(&self) -> String {
        match self {
            Self::Command(_) => "commands = true".into(),
            Self::OutsideFile(_, path) => format!("files = [{}]", quoted(&path.to_string_lossy())),
            Self::CodeGeneration => "code_generation = true".into(),
            Self::Egress(rule) => format!("egress = [{}]", quoted(rule)),
            Self::Limit(name, number) => format!("limits.{name} = {number}"),
            Self::Default => "default = true".into(),
            Self::Route(route) => format!("routes = [{}]", quoted(&route.text())),
            Self::Name(name) => format!("name = \"{name}\""),
            Self::Service(app) => format!("services = [{}]", quoted(app)),
            Self::Queue(queue) => format!("queues = [{}]", quoted(queue)),
            Self::Tail(app) => format!("tail = [{}]", quoted(app)),
        }
    }
}

/// A text of TOML, which has JSON's escapes.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007f")
}

/// The grant of `egress.default = "any"`.
const EVERYTHING: &str = "*";

/// Where a manifest says what may have to be granted.
pub(super) fn places(table: &Table, text: &str) -> Vec<Place> {
    let mut places = Vec::new();
    let mut add = |key: String, at: usize| {
        let (line, column) = position(text, at);
        places.push((key, line, column));
    };
    for entry in &table.0 {
        let key = match entry.key.as_str() {
            "route" => "routes",
            "tail_consumers" => "tail",
            key => key,
        };
        if ["name", "main", "default", "code_generation", "routes", "services", "queues", "tail"].contains(&key) {
            add(key.to_string(), entry.key_span.start);
        }
        if ["secrets", "limits", "egress"].contains(&key) {
            let inner = entry.node.table().into_iter().flat_map(|table| &table.0);
            inner.for_each(|inner| add(format!("{key}.{}", inner.key), inner.key_span.start));
        }
    }
    places
}

impl Manifest {
    /// What it asks for beyond what any app has. `place` is the app's folder, from `/`; `ceilings` are the limits that every app may go up to.
    pub fn demands(&self, place: &Path, ceilings: &AppLimits) -> Vec<Demand> {
        let mut demands = Vec::new();
        for (name, source) in &self.secrets {
            match source {
                SecretSource::Command(_) => demands.push(Demand::Command(name.clone())),
                SecretSource::File(path) => {
                    demands.extend(parts::outside(path, place).map(|path| Demand::OutsideFile(name.clone(), path)));
                }
            }
        }
        if self.code_generation {
            demands.push(Demand::CodeGeneration);
        }
        if self.egress.default == EgressDefault::Any {
            demands.push(Demand::Egress(EVERYTHING.into()));
        }
        // A rule may name what is not public; whether it does only the network's half can tell.
        demands.extend(self.egress.allow.iter().map(|rule| Demand::Egress(rule.clone())));
        let higher = limits::list(&self.limits).zip(limits::list(ceilings)).filter(|((_, asked), (_, ceiling))| asked > ceiling);
        demands.extend(higher.map(|((name, asked), _)| Demand::Limit(name, asked)));
        if self.default {
            demands.push(Demand::Default);
        }
        demands.extend(self.routes.iter().map(|route| Demand::Route(route.clone())));
        demands
    }

    /// What it asks of others: what has to be granted where apps are strangers to one another.
    pub(super) fn demands_of_others(&self) -> Vec<Demand> {
        let services = self.services.iter().map(|service| Demand::Service(service.app.clone()));
        let taken = self.consumers.iter().flat_map(|consumer| [Some(&consumer.queue), consumer.dead_letters.as_ref()]).flatten();
        let queues: BTreeSet<&String> = self.producers.iter().map(|(_, queue)| queue).chain(taken).collect();
        let tails = self.tail.iter().map(|app| Demand::Tail(app.clone()));
        services.chain(queues.into_iter().map(|queue| Demand::Queue(queue.clone()))).chain(tails).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Flavour, Grants, read};
    use crate::routes::Dialect;

    #[test]
    fn what_only_an_operator_should_grant_is_named() {
        let cases = [
            ("", vec![]),
            ("limits = { cpu_ms = 10, heap_bytes = \"32 MiB\" }", vec![]),
            ("secrets.K = { file = \"keys/k\" }", vec![]),
            ("egress = { default = \"deny\", deny = [\"x\"] }", vec![]),
            ("secrets.K = { command = [\"rm\", \"-rf\", \"/\"] }", vec![Demand::Command("K".into())]),
            ("secrets.K = { file = \"/etc/shadow\" }", vec![Demand::OutsideFile("K".into(), "/etc/shadow".into())]),
            ("secrets.K = { file = \"a/../../b/k\" }", vec![Demand::OutsideFile("K".into(), "/srv/b/k".into())]),
            ("secrets.K = { file = \"../a/./k\" }", vec![]),
            ("code_generation = true", vec![Demand::CodeGeneration]),
            ("egress.default = \"any\"", vec![Demand::Egress("*".into())]),
            ("egress.allow = [\"10.0.0.0/8\"]", vec![Demand::Egress("10.0.0.0/8".into())]),
            ("limits = { cpu_ms = 51 }", vec![Demand::Limit("cpu_ms", 51)]),
            ("default = true", vec![Demand::Default]),
            ("routes = [\"bank.example\"]", vec![Demand::Route(Route::parse("bank.example", Dialect::Nano).expect("a route").remove(0))]),
        ];
        for (text, expected) in cases {
            let manifest = read(text, "nano.toml", Flavour::Nano, "a", None).manifest.expect("a manifest");
            assert_eq!(manifest.demands(Path::new("/srv/a"), &AppLimits::default()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_to_be_written_grants_what_was_asked_for() {
        let wrangler = "routes = [\"x.example/api\", \"x.example/\", \"x.example/a*\", \"*.x.example:81/a/*\", \"*/b\"]";
        let nano = "secrets.K = { file = \"/run/a\\\"b\\\\c\" }\negress.allow = [\"10.0.0.1\"]\nroutes = [\"y.example/a\", \":81\"]\nlimits.cpu_ms = 60";
        for (text, file, flavour) in [(wrangler, "wrangler.toml", Flavour::Wrangler), (nano, "nano.toml", Flavour::Nano)] {
            let manifest = read(text, file, flavour, "a", None).manifest.expect("a manifest");
            for demand in manifest.demands(Path::new("/srv/a"), &AppLimits::default()) {
                let text = format!("strangers = true\n[apps.a]\n{}\n", demand.grant());
                let grants = Grants::read(&text, "nanod.toml").unwrap_or_else(|findings| panic!("{text}: {findings:?}"));
                let refused = grants.refused("a", Path::new("/srv/a"), &manifest, &|_| true);
                assert!(!refused.contains(&demand), "{text}: {refused:?}");
            }
        }
    }
}
