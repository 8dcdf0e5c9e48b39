//! What a manifest asks for that only whoever runs nanod should grant: a manifest comes with its app, and apps are strangers.

use nano_base::limits::AppLimits;

use super::{EgressDefault, Manifest, SecretSource, limits, parts};

/// Something to grant or to refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Demand {
    /// A program is run for a secret.
    Command(String),
    /// A file outside the app's folder is read for a secret.
    OutsideFile(String),
    /// Code is made from text.
    CodeGeneration,
    /// Everything can be connected to, or this although it may not be public.
    Egress(String),
    /// A limit is above the one that apps have without a word: its name and number.
    Limit(&'static str, u64),
    /// It answers for whatever nobody else does.
    Default,
    /// It answers for a host, or on a port, that is not its own by convention.
    Route(String),
}

impl Manifest {
    /// What it asks for beyond what any app has. `ceilings` are the limits that every app may go up to.
    pub fn demands(&self, ceilings: &AppLimits) -> Vec<Demand> {
        let mut demands = Vec::new();
        for (name, source) in &self.secrets {
            match source {
                SecretSource::Command(_) => demands.push(Demand::Command(name.clone())),
                SecretSource::File(path) if parts::inside(path).is_none() => demands.push(Demand::OutsideFile(path.clone())),
                SecretSource::File(_) => {}
            }
        }
        if self.code_generation {
            demands.push(Demand::CodeGeneration);
        }
        if self.egress.default == EgressDefault::Any {
            demands.push(Demand::Egress("*".into()));
        }
        // A rule may name what is not public; whether it does only the network's half can tell.
        demands.extend(self.egress.allow.iter().map(|rule| Demand::Egress(rule.clone())));
        let higher = limits::list(&self.limits).zip(limits::list(ceilings)).filter(|((_, asked), (_, ceiling))| asked > ceiling);
        demands.extend(higher.map(|((name, asked), _)| Demand::Limit(name, asked)));
        if self.default {
            demands.push(Demand::Default);
        }
        demands.extend(self.routes.iter().map(|route| Demand::Route(route.to_string())));
        demands
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Flavour, read};

    #[test]
    fn what_only_an_operator_should_grant_is_named() {
        let cases = [
            ("", vec![]),
            ("limits = { cpu_ms = 10, heap_bytes = \"32 MiB\" }", vec![]),
            ("secrets.K = { file = \"keys/k\" }", vec![]),
            ("egress = { default = \"deny\", deny = [\"x\"] }", vec![]),
            ("secrets.K = { command = [\"rm\", \"-rf\", \"/\"] }", vec![Demand::Command("K".into())]),
            ("secrets.K = { file = \"/etc/shadow\" }", vec![Demand::OutsideFile("/etc/shadow".into())]),
            ("secrets.K = { file = \"a/../../b/k\" }", vec![Demand::OutsideFile("a/../../b/k".into())]),
            ("code_generation = true", vec![Demand::CodeGeneration]),
            ("egress.default = \"any\"", vec![Demand::Egress("*".into())]),
            ("egress.allow = [\"10.0.0.0/8\"]", vec![Demand::Egress("10.0.0.0/8".into())]),
            ("limits = { cpu_ms = 51 }", vec![Demand::Limit("cpu_ms", 51)]),
            ("default = true", vec![Demand::Default]),
            ("routes = [\"bank.example\"]", vec![Demand::Route("bank.example".into())]),
        ];
        for (text, expected) in cases {
            let manifest = read(text, "nano.toml", Flavour::Nano, "a", None).manifest.expect("a manifest");
            assert_eq!(manifest.demands(&AppLimits::default()), expected, "{text}");
        }
    }
}
