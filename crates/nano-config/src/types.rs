//! `worker-configuration.d.ts`: what an app's `env` holds, for TypeScript.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::manifest::{Manifest, Var};

/// What a queue in `env` can do.
const QUEUE: &str = "{ send(body: unknown, options?: { delaySeconds?: number; contentType?: string }): Promise<void>; \
                     sendBatch(messages: Iterable<{ body: unknown; delaySeconds?: number }>): Promise<void> }";

/// Where to find the app behind a binding.
pub trait Neighbours {
    /// The path that a declaration in the app's folder imports another app's main module by, if it is TypeScript and there.
    fn module(&self, app: &str) -> Option<String>;
}

/// Knows of none.
impl Neighbours for () {
    fn module(&self, _: &str) -> Option<String> {
        None
    }
}

/// The declarations for an app as it is in each of its environments; what only some of them have may be missing. `dev_vars` are the
/// names in `.dev.vars`, `source` the file that says all this.
pub fn generate(environments: &[&Manifest], dev_vars: &[&str], source: &str, neighbours: &dyn Neighbours) -> String {
    let mut members: BTreeMap<&str, Member> = BTreeMap::new();
    for manifest in environments {
        for (name, kind) in entries(manifest, neighbours) {
            let member = members.entry(name).or_default();
            member.seen += 1;
            if !member.kinds.contains(&kind) {
                member.kinds.push(kind);
            }
        }
    }
    for name in dev_vars {
        members.entry(name).or_insert_with(|| Member { kinds: vec!["string".into()], seen: environments.len() });
    }
    let source: String = source.chars().filter(|c| !c.is_control()).collect();
    let mut out = format!(
        "// Made from {source} by \"nanod types\": changes here are lost.\n\ndeclare namespace Cloudflare {{\n  interface Env {{\n"
    );
    for (name, member) in &members {
        let optional = if member.seen < environments.len() { "?" } else { "" };
        let _ = writeln!(out, "    readonly {}{optional}: {};", property(name), member.kinds.join(" | "));
    }
    out.push_str("  }\n}\n\ninterface Env extends Cloudflare.Env {}\n");
    out
}

#[derive(Default)]
struct Member {
    kinds: Vec<String>,
    seen: usize,
}

fn entries<'a>(manifest: &'a Manifest, neighbours: &dyn Neighbours) -> Vec<(&'a str, String)> {
    let mut list: Vec<(&str, String)> = Vec::new();
    list.extend(manifest.vars.iter().map(|(name, var)| (&**name, kind_of(var))));
    list.extend(manifest.secrets.iter().map(|(name, _)| (&**name, "string".to_string())));
    for (index, name) in manifest.required.iter().enumerate() {
        let is_told = list.iter().any(|(told, _)| told == name) || manifest.required[..index].contains(name);
        if !is_told {
            list.push((name, "string".to_string()));
        }
    }
    for service in &manifest.services {
        let module = neighbours.module(&service.app);
        let kind = match (&service.entrypoint, module) {
            (Some(entrypoint), Some(module)) if is_identifier(entrypoint) => {
                // A class answers with an instance of its own, an object with itself.
                let export = format!("typeof import({}).{entrypoint}", quoted(&module));
                format!("Service<{export} extends abstract new (...args: any) => infer Instance ? Instance : {export}>")
            }
            _ => "Service<Record<string, (...args: any[]) => any>>".to_string(),
        };
        list.push((&service.name, kind));
    }
    list.extend(manifest.producers.iter().map(|(name, _)| (&**name, QUEUE.to_string())));
    list
}

/// What a variable is; of what its value may change to only the kind is said.
fn kind_of(var: &Var) -> String {
    match var {
        Var::Text(_) => "string".to_string(),
        Var::Json(json) => shape_of(json),
    }
}

fn shape_of(json: &serde_json::Value) -> String {
    match json {
        serde_json::Value::Null => "null".to_string(),
        serde_json::Value::Bool(_) => "boolean".to_string(),
        serde_json::Value::Number(_) => "number".to_string(),
        serde_json::Value::String(_) => "string".to_string(),
        serde_json::Value::Array(list) => {
            let kinds: BTreeSet<String> = list.iter().map(shape_of).collect();
            match kinds.len() {
                0 => "unknown[]".to_string(),
                _ => format!("({})[]", kinds.into_iter().collect::<Vec<_>>().join(" | ")),
            }
        }
        serde_json::Value::Object(members) if members.is_empty() => "{}".to_string(),
        serde_json::Value::Object(members) => {
            let members: Vec<String> = members.iter().map(|(name, value)| format!("{}: {}", property(name), shape_of(value))).collect();
            format!("{{ {} }}", members.join("; "))
        }
    }
}

fn property(name: &str) -> String {
    if is_identifier(name) { name.to_string() } else { quoted(name) }
}

fn is_identifier(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '$';
    name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit())
}

/// A string of TypeScript: that of JSON is one.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Flavour, read};

    struct One;

    impl Neighbours for One {
        fn module(&self, app: &str) -> Option<String> {
            (app == "auth").then(|| "../auth/src/index".into())
        }
    }

    fn manifest(text: &str, environment: Option<&str>) -> Manifest {
        read(text, "nano.toml", Flavour::Nano, "a", environment).manifest.expect("a manifest")
    }

    #[test]
    fn env_is_declared_by_name() {
        let text = "vars = { B = \"1\", A = 2, \"odd name\" = \"\", LIST = [1, \"a\", true], T = { on = false, \"a-b\" = {} } }\nsecrets.KEY = { file = \"f\" }\nqueues.producers.JOBS = \"jobs\"\n\
                    [services]\nAUTH = { app = \"auth\", entrypoint = \"Admin\" }\nOTHER = \"other\"\n";
        let declared = generate(&[&manifest(text, None)], &["LOCAL", "A"], "nano.toml", &One);
        assert_eq!(
            declared,
            format!(
                "// Made from nano.toml by \"nanod types\": changes here are lost.\n\n\
                 declare namespace Cloudflare {{\n  interface Env {{\n    readonly A: number;\n    readonly AUTH: Service<typeof import(\"../auth/src/index\").Admin extends abstract new (...args: any) => infer Instance ? Instance : typeof import(\"../auth/src/index\").Admin>;\n    \
                 readonly B: string;\n    readonly JOBS: {QUEUE};\n    readonly KEY: string;\n    readonly LIST: (boolean | number | string)[];\n    readonly LOCAL: string;\n    \
                 readonly OTHER: Service<Record<string, (...args: any[]) => any>>;\n    readonly T: {{ on: boolean; \"a-b\": {{}} }};\n    readonly \"odd name\": string;\n  }}\n}}\n\n\
                 interface Env extends Cloudflare.Env {{}}\n"
            )
        );
    }

    #[test]
    fn what_only_some_environments_have_may_be_missing() {
        let text = "vars.A = \"1\"\n[env.s.vars]\nB = \"2\"\n";
        let declared = generate(&[&manifest(text, None), &manifest(text, Some("s"))], &[], "nano.toml", &());
        assert!(declared.contains("readonly A: string;\n    readonly B?: string;\n"), "{declared}");
    }

    #[test]
    fn secrets_whose_names_alone_are_known_are_text() {
        let text = "vars.A = 1\nsecrets.required = [\"A\", \"B\", \"LOCAL\", \"B\"]\n[env.s.secrets]\nrequired = [\"B\"]\n";
        let one = |environment| read(text, "wrangler.toml", Flavour::Wrangler, "a", environment).manifest.expect("a manifest");
        let declared = generate(&[&one(None), &one(Some("s"))], &["LOCAL"], "wrangler.toml", &());
        for line in ["readonly A?: number;\n", "readonly B: string;\n", "readonly LOCAL?: string;\n"] {
            assert!(declared.contains(line), "{line}{declared}");
        }
    }

    #[test]
    fn names_cannot_break_out() {
        let text = "vars = { \"a\\\"; evil: \\n*/\" = \"1\" }\n";
        let declared = generate(&[&manifest(text, None)], &[], "x\n*/ evil", &());
        assert!(declared.contains("readonly \"a\\\"; evil: \\n*/\": string;"), "{declared}");
        assert!(declared.starts_with("// Made from x*/ evil by"), "{declared}");
    }
}
