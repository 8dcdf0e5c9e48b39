//! `nanod.toml`: what whoever runs nanod grants to apps beyond what any app has. It is read from the folder of apps, never from an app's.

use std::collections::BTreeMap;
use std::path::{Component, Path};

use nano_base::limits::AppLimits;

use super::schema::{Key, Kind, check};
use super::{Demand, Manifest, limits, read_text};
use crate::routes::{Dialect, Route};
use crate::text::finding::Findings;
use crate::text::{Finding, Format, Node, Severity, Table, parse};

/// What the file is called.
pub const GRANTS_FILE: &str = "nanod.toml";

/// What nanod's operator grants.
#[derive(Clone, Debug, PartialEq)]
pub struct Grants {
    /// Everything, to every app.
    pub trust: bool,
    /// Apps are strangers to one another: routes, names, services, queues and tails are granted too, not taken.
    pub strangers: bool,
    /// How far any app may raise its limits.
    pub ceilings: AppLimits,
    /// What single apps have, by their folders' names: an app's name is what its manifest says.
    pub apps: BTreeMap<String, Grant>,
}

/// What one app is granted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grant {
    /// Everything.
    pub trust: bool,
    /// Programs are run for its secrets.
    pub commands: bool,
    /// Files and folders outside its own that its secrets may be in.
    pub files: Vec<String>,
    /// Code is made from text.
    pub code_generation: bool,
    /// Rules of `egress.allow`, as the manifest has them; `*` for `egress.default = "any"` and all rules.
    pub egress: Vec<String>,
    /// How far it may raise its limits, where that is further than others may.
    pub limits: Option<AppLimits>,
    /// The routes that it may have, with all that is below them.
    pub routes: Vec<Route>,
    /// It may answer what no route is for.
    pub default: bool,
    /// It may have another name than its folder.
    pub name: Option<String>,
    /// The apps that it may call; `*` for all.
    pub services: Vec<String>,
    /// The queues that it may send to and take from; `*` for all.
    pub queues: Vec<String>,
    /// The apps that it may tell of its events; `*` for all.
    pub tail: Vec<String>,
}

/// The keys of the file.
pub(super) const KEYS: &[Key] = &[
    key(
        "strangers",
        Kind::Bool,
        "false",
        "true",
        "Apps come from people who do not trust one another: routes, `default`, names that are not the folder's, services, queues and `tail` need a grant too.",
    ),
    key("ceilings", Kind::Table(limits::KEYS), "see above", "{ cpu_ms = \"5s\" }", "How far any app may raise its limits."),
    key(
        "apps",
        Kind::Map(&Kind::Table(GRANT)),
        "",
        "{ shop = { commands = true } }",
        "What single apps are granted, by the names of their folders.",
    ),
];

/// The keys of one app.
pub(super) const GRANT: &[Key] = &[
    key("trust", Kind::Bool, "false", "true", "Everything below."),
    key("commands", Kind::Bool, "false", "true", "Programs may be run for its secrets."),
    key(
        "files",
        Kind::Texts,
        "",
        "[\"/run/secrets/shop\"]",
        "Files outside its folder, or folders with all in them, that its secrets may be read from.",
    ),
    key("code_generation", Kind::Bool, "false", "true", "It may make code from text."),
    key(
        "egress",
        Kind::Texts,
        "",
        "[\"10.1.2.3:5432\"]",
        "Rules of its `egress.allow` that reach what is not public; `\"*\"` for all, and for `egress.default = \"any\"`.",
    ),
    key("limits", Kind::Table(limits::KEYS), "the ceilings", "{ heap_bytes = \"512 MiB\" }", "How far it may raise its limits."),
    key(
        "routes",
        Kind::Texts,
        "",
        "[\"shop.example\", \"*.shop.example\"]",
        "With `strangers`: the routes it may have, and all that is below them.",
    ),
    key("default", Kind::Bool, "false", "true", "With `strangers`: it may answer what no route is for."),
    key("name", Kind::Text, "the folder's name", "\"shop\"", "With `strangers`: the name it may have."),
    key("services", Kind::Texts, "", "[\"auth\"]", "With `strangers`: the apps it may call; `\"*\"` for all."),
    key(
        "queues",
        Kind::Texts,
        "",
        "[\"orders\"]",
        "With `strangers`: the queues it may send to, take from and leave dead letters in; `\"*\"` for all.",
    ),
    key("tail", Kind::Texts, "", "[\"logs\"]", "With `strangers`: the apps it may tell of its events; `\"*\"` for all."),
];

const fn key(name: &'static str, kind: Kind, default: &'static str, example: &'static str, about: &'static str) -> Key {
    Key { name, kind, default, example, about }
}

impl Default for Grants {
    fn default() -> Self {
        Self { trust: false, strangers: false, ceilings: AppLimits::ceilings(), apps: BTreeMap::new() }
    }
}

impl Grants {
    /// Everything, to every app: `--trust`.
    pub fn everything() -> Self {
        Self { trust: true, ..Self::default() }
    }

    /// Reads the file. None if there is none; an error if it cannot be used, or be told whether it is there.
    pub fn load(path: &Path) -> Result<Option<Self>, Vec<Finding>> {
        // A link that leads nowhere is there: somebody wanted it to lead to grants.
        if std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            return Ok(None);
        }
        let shown = path.display().to_string();
        let text = read_text(path).map_err(|why| vec![Finding::of_file(Severity::Error, &shown, why, "")])?;
        Self::read(&text, &shown).map(Some)
    }

    /// Reads its text; `file` is what findings call it.
    pub fn read(text: &str, file: &str) -> Result<Self, Vec<Finding>> {
        let mut findings = Findings::new(file, text);
        let mut grants = Self::default();
        if let Some(table) = parse(text, Format::of(file), &mut findings) {
            check(&table, KEYS, "", &mut findings);
            grants.strangers = flag(&table, "strangers");
            if let Some(ceilings) = table.find("ceilings").and_then(Node::table) {
                limits::read(ceilings, &mut grants.ceilings);
            }
            for entry in table.find("apps").and_then(Node::table).into_iter().flat_map(|apps| &apps.0) {
                if let Some(table) = entry.node.table() {
                    let grant = read_grant(table, &grants.ceilings, &mut findings);
                    grants.apps.insert(entry.key.clone(), grant);
                }
            }
        }
        if findings.has_errors() { Err(findings.into_list()) } else { Ok(grants) }
    }

    /// What an app whose folder is `place`, from `/`, asks for and is not granted. `is_private` says of a rule whether it names what is not public; what is behind a name
    /// nobody knows before it is asked for, so rules that are not granted must never reach that.
    pub fn refused(&self, folder: &str, place: &Path, manifest: &Manifest, is_private: &dyn Fn(&str) -> bool) -> Vec<Demand> {
        if self.trust {
            return Vec::new();
        }
        let none = Grant::default();
        let grant = self.apps.get(folder).unwrap_or(&none);
        if grant.trust {
            return Vec::new();
        }
        let mut demands = manifest.demands(place, grant.limits.as_ref().unwrap_or(&self.ceilings));
        if self.strangers {
            if manifest.name != folder {
                demands.push(Demand::Name(manifest.name.clone()));
            }
            demands.extend(manifest.demands_of_others());
        }
        let harmless = |demand: &Demand| matches!(demand, Demand::Egress(rule) if rule != "*" && !is_private(rule));
        demands.retain(|demand| !harmless(demand) && !self.grants(grant, demand));
        demands
    }

    /// Whether an app's secret may be read from a file outside its folder.
    pub fn allows_file(&self, folder: &str, file: &Path) -> bool {
        self.trust || self.apps.get(folder).is_some_and(|grant| grant.trust || grant.covers_file(file))
    }

    /// Whether a rule of an app's may reach what is not public.
    pub fn allows_egress(&self, folder: &str, rule: &str) -> bool {
        self.trust || self.apps.get(folder).is_some_and(|grant| grant.trust || grant.covers_egress(rule))
    }

    fn grants(&self, grant: &Grant, demand: &Demand) -> bool {
        match demand {
            Demand::Command(_) => grant.commands,
            Demand::OutsideFile(_, path) => grant.covers_file(path),
            Demand::CodeGeneration => grant.code_generation,
            Demand::Egress(rule) => grant.covers_egress(rule),
            Demand::Limit(..) => false,
            Demand::Default => !self.strangers || grant.default,
            Demand::Route(route) => !self.strangers || grant.routes.iter().any(|granted| granted.covers(route)),
            Demand::Name(name) => grant.name.as_ref() == Some(name),
            Demand::Service(app) => names(&grant.services, app),
            Demand::Queue(queue) => names(&grant.queues, queue),
            Demand::Tail(app) => names(&grant.tail, app),
        }
    }
}

impl Grant {
    fn covers_file(&self, file: &Path) -> bool {
        let plain = file.is_absolute() && !file.components().any(|part| part == Component::ParentDir);
        plain && self.files.iter().any(|granted| file.starts_with(granted))
    }

    fn covers_egress(&self, rule: &str) -> bool {
        self.egress.iter().any(|granted| granted == rule || granted == "*")
    }
}

/// Whether a list grants a name.
fn names(granted: &[String], name: &str) -> bool {
    granted.iter().any(|granted| granted == name || granted == "*")
}

fn flag(table: &Table, key: &str) -> bool {
    table.find(key).and_then(Node::bool).unwrap_or(false)
}

fn read_grant(table: &Table, ceilings: &AppLimits, findings: &mut Findings<'_>) -> Grant {
    let texts = |key: &str| table.find(key).map(Node::texts).unwrap_or_default();
    let owned = |key: &str| texts(key).into_iter().map(|(text, _)| text.to_string()).collect::<Vec<_>>();
    let limits = table.find("limits").and_then(Node::table).map(|table| {
        let mut raised = ceilings.clone();
        limits::read(table, &mut raised);
        raised
    });
    for (file, span) in texts("files") {
        let path = Path::new(file);
        if !path.is_absolute() {
            findings.error(&span, format!("files: \"{file}\" is not an absolute path"), "write where it is from /");
        } else if path.components().any(|part| part == Component::ParentDir) {
            findings.error(&span, format!("files: \"{file}\" grants nothing, for it has \"..\""), "write where it is without");
        }
    }
    let mut routes = Vec::new();
    for (text, span) in texts("routes") {
        match Route::parse(text, Dialect::Nano) {
            Ok(parsed) => routes.extend(parsed),
            Err(why) => findings.error(&span, why, ""),
        }
    }
    Grant {
        trust: flag(table, "trust"),
        commands: flag(table, "commands"),
        files: owned("files"),
        code_generation: flag(table, "code_generation"),
        egress: owned("egress"),
        limits,
        routes,
        default: flag(table, "default"),
        name: table.find("name").and_then(Node::text).map(str::to_string),
        services: owned("services"),
        queues: owned("queues"),
        tail: owned("tail"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Flavour, read};

    fn refused(grants: &str, manifest: &str) -> Vec<String> {
        let grants = Grants::read(grants, "nanod.toml").expect("grants");
        let manifest = read(manifest, "nano.toml", Flavour::Nano, "app", None).manifest.expect("a manifest");
        grants.refused("app", Path::new("/srv/app"), &manifest, &|rule| rule.starts_with("10.")).iter().map(|demand| demand.key()).collect()
    }

    #[test]
    fn an_operators_own_folder_needs_no_grants_for_routes_and_modest_limits() {
        let modest = "default = true\nroutes = [\"shop.example\"]\nname = \"shop\"\nservices.A = \"auth\"\nlimits.cpu_ms = \"200ms\"\n\
                      egress = { default = \"deny\", allow = [\"api.example.com:443\"] }";
        assert_eq!(refused("", modest), Vec::<String>::new());
    }

    #[test]
    fn what_reaches_beyond_the_app_needs_one() {
        let greedy = "code_generation = true\nlimits.cpu_ms = \"1h\"\negress = { default = \"any\", allow = [\"10.0.0.0/8\"] }\n\
                      [secrets]\nA = { command = [\"id\"] }\nB = { file = \"/etc/shadow\" }\n";
        let all = ["secrets.A", "secrets.B", "code_generation", "egress.default", "egress.allow", "limits.cpu_ms"];
        assert_eq!(refused("", greedy), all);
        assert_eq!(refused("apps.other.trust = true", greedy), all);
        assert_eq!(refused("apps.app.trust = true", greedy), Vec::<String>::new());
        let some =
            "[apps.app]\ncommands = true\nfiles = [\"/etc\"]\ncode_generation = true\negress = [\"10.0.0.0/8\"]\nlimits.cpu_ms = \"2h\"\n";
        assert_eq!(refused(some, greedy), ["egress.default"]);
        assert_eq!(refused("ceilings.cpu_ms = \"1h\"", greedy), all[..5]);
        assert_eq!(refused("apps.app.files = [\"/etc/sha\"]", "secrets.B = { file = \"/etc/shadow\" }"), ["secrets.B"]);
        assert_eq!(refused("apps.app.files = [\"/run\"]", "secrets.B = { file = \"/run/../etc/shadow\" }"), ["secrets.B"]);
        assert_eq!(refused("apps.app.files = [\"/srv/keys\"]", "secrets.B = { file = \"../keys/../key\" }"), ["secrets.B"]);
        assert_eq!(refused("apps.app.files = [\"/srv/keys\"]", "secrets.B = { file = \"../keys/b\" }"), Vec::<String>::new());
    }

    #[test]
    fn strangers_take_nothing_without_a_grant() {
        let claims = "default = true\nroutes = [\"shop.example/api\"]\nname = \"shop\"\nservices.A = \"auth\"\ntail = [\"logs\"]\n\
                      [queues]\nproducers.Q = \"orders\"\nconsumers.orders = { dead_letters = \"lost\" }\n";
        assert_eq!(
            refused("strangers = true", claims),
            ["default", "routes.shop.example/api", "name", "services", "queues", "queues", "tail"]
        );
        let granted = "strangers = true\n[apps.app]\ndefault = true\nroutes = [\"shop.example\"]\nname = \"shop\"\nservices = [\"auth\"]\n\
                       queues = [\"orders\", \"lost\"]\ntail = [\"*\"]\n";
        assert_eq!(refused(granted, claims), Vec::<String>::new());
        assert_eq!(refused(&granted.replace("shop.example", "shop.example/ap"), claims), ["routes.shop.example/api"]);
        assert_eq!(refused(&granted.replace("\"lost\"", "\"order\""), claims), ["queues"]);
        assert_eq!(refused("", claims), Vec::<String>::new());
    }

    #[test]
    fn a_file_that_says_nonsense_grants_nothing() {
        for (text, expected) in [
            ("strangerz = true", "unknown key \"strangerz\""),
            ("apps.a.files = [\"run\"]", "not an absolute path"),
            ("apps.a.files = [\"/srv/a/../key\"]", "has \"..\""),
            ("apps.a.routes = [\"a b\"]", "no host name"),
            ("apps.a.trust = 1", "true or false"),
        ] {
            let findings = Grants::read(text, "nanod.toml").expect_err(text);
            assert!(findings[0].to_string().contains(expected), "{}", findings[0]);
        }
    }
}
