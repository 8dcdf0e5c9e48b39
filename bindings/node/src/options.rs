//! Options of the JavaScript half as the core's. Limits have the core's own names, so that one documentation serves every language.

use nano_core::policy::{Mode, Policy, Rule};
use nano_core::{
    AppLimits, AppOptions, Binding, BindingKind, ClassShape, QueueConsumer, Result, RuntimeLimits, Source, with_app_limits,
    with_runtime_limits,
};
use napi_derive::napi;

use crate::error::invalid;

/// Reads all limits, and sets them by name.
macro_rules! limits {
    (($limits:ident, $read:ident, $set:ident, $doc:literal) $($field:ident),*) => {
        #[doc = $doc]
        #[napi(catch_unwind)]
        pub fn $read() -> Vec<(String, f64)> {
            // A limit that the core gains and its list does not name stops the build.
            let $limits { $($field),* } = $limits::default();
            vec![$((stringify!($field).to_string(), $field as f64)),*]
        }

        pub(crate) fn $set(limits: &mut $limits, given: &[(String, f64)]) -> Result<()> {
            for (name, value) in given {
                match name.as_str() {
                    $(stringify!($field) => limits.$field = whole(name, *value)?,)*
                    other => return Err(invalid(format!("there is no limit \"{other}\""))),
                }
            }
            Ok(())
        }
    };
}

with_app_limits!(limits!(AppLimits, app_limits, set_app_limits, "The limits of an app, with their defaults."));
with_runtime_limits!(limits!(RuntimeLimits, runtime_limits, set_runtime_limits, "The limits of a runtime, with their defaults."));

/// A number of JavaScript's as a whole one.
pub(crate) fn whole<T: TryFrom<u64>>(name: &str, value: f64) -> Result<T> {
    let is_whole = value >= 0.0 && value.fract() == 0.0 && value < 2f64.powi(53);
    let whole = if is_whole { T::try_from(value as u64).ok() } else { None };
    whole.ok_or_else(|| invalid(format!("{name} is {value}: it must be a whole number, not negative and not too large")))
}

fn source(kind: &str, source: String) -> Result<Source> {
    match kind {
        "text" => Ok(Source::Text(source.into_bytes())),
        "typescript" => Ok(Source::Named("index.ts".into(), source.into_bytes())),
        "tsx" => Ok(Source::Named("index.tsx".into(), source.into_bytes())),
        "file" => Ok(Source::File(source.into())),
        "folder" => Ok(Source::Folder(source.into())),
        "echo" => Ok(Source::Echo),
        other => Err(invalid(format!("there is no kind of source \"{other}\""))),
    }
}

fn egress(mode: &str, allow: &[String], deny: &[String]) -> Result<Policy> {
    let mode = match mode {
        "public" => Mode::Public,
        "deny" => Mode::Deny,
        "any" => Mode::Any,
        other => return Err(invalid(format!("egress is \"{other}\", which is none of public, deny and any"))),
    };
    let rules = |list: &[String], name: &str| -> Result<Vec<Rule>> {
        let parse = |text: &String| Rule::parse(text).map_err(|why| invalid(format!("{name} has \"{text}\": {why}")));
        list.iter().map(parse).collect()
    };
    Ok(Policy::new(mode, rules(allow, "egressAllow")?, rules(deny, "egressDeny")?))
}

/// One binding: its name, its kind, and what the kind needs.
#[napi(object, object_to_js = false)]
pub struct GivenBinding {
    pub name: String,
    pub kind: String,
    pub methods: Vec<String>,
    pub properties: Vec<String>,
    pub app: String,
    pub entrypoint: Option<String>,
}

impl GivenBinding {
    fn into_core(self) -> Result<Binding> {
        let Self { name, kind, methods, properties, app, entrypoint } = self;
        let kind = match kind.as_str() {
            "object" => BindingKind::Object,
            "function" => BindingKind::Function,
            "class" => BindingKind::Class(ClassShape { methods, properties, constructible: true }),
            "app" => BindingKind::App { app, entrypoint },
            "queue" => BindingKind::Queue { queue: app },
            "json" => BindingKind::Json { json: app },
            other => return Err(invalid(format!("the binding {name} is of the kind \"{other}\""))),
        };
        Ok(Binding { name, kind })
    }
}

/// A queue whose messages an app takes; what is not given is the core's default.
#[napi(object, object_to_js = false)]
pub struct GivenConsumer {
    pub queue: String,
    pub batch: Option<f64>,
    pub batch_wait_ms: Option<f64>,
    pub retries: Option<f64>,
    pub retry_delay_ms: Option<f64>,
    pub concurrency: Option<f64>,
    pub dead_letters: Option<String>,
}

impl GivenConsumer {
    fn into_core(self) -> Result<QueueConsumer> {
        let default = QueueConsumer::new(self.queue);
        Ok(QueueConsumer {
            batch: given("batch", self.batch, default.batch)?,
            batch_wait_ms: given("batchWaitMs", self.batch_wait_ms, default.batch_wait_ms)?,
            retries: given("retries", self.retries, default.retries)?,
            retry_delay_ms: given("retryDelayMs", self.retry_delay_ms, default.retry_delay_ms)?,
            concurrency: given("concurrency", self.concurrency, default.concurrency)?,
            dead_letters: self.dead_letters,
            queue: default.queue,
        })
    }
}

fn given<T: TryFrom<u64>>(name: &str, value: Option<f64>, default: T) -> Result<T> {
    value.map_or(Ok(default), |value| whole(name, value))
}

/// An app's options but for those that nearly every load has.
#[napi(object, object_to_js = false)]
#[derive(Default)]
pub struct GivenMore {
    pub env: Option<Vec<(String, String)>>,
    pub bindings: Option<Vec<GivenBinding>>,
    pub outbound: Option<String>,
    pub egress: Option<String>,
    pub egress_allow: Option<Vec<String>>,
    pub egress_deny: Option<Vec<String>>,
    pub base_url: Option<String>,
    pub code_generation: Option<bool>,
    pub host_files: Option<bool>,
    pub random_seed: Option<f64>,
    pub crons: Option<Vec<String>>,
    pub consumers: Option<Vec<GivenConsumer>>,
    pub tail: Option<Vec<String>>,
    /// What the JavaScript half knows the version by.
    pub version: Option<f64>,
}

/// All of an app's options. The few that nearly every load has come by position: to look for a property costs as much as to read it.
pub(crate) struct GivenApp {
    pub name: String,
    pub source_kind: String,
    pub source: String,
    pub limits: Option<Vec<(String, f64)>>,
    pub lazy: bool,
    pub more: Option<GivenMore>,
}

impl GivenApp {
    pub(crate) fn into_core(self) -> Result<AppOptions> {
        let mut options = AppOptions::new(self.name, source(&self.source_kind, self.source)?);
        set_app_limits(&mut options.limits, &self.limits.unwrap_or_default())?;
        options.lazy = self.lazy;
        self.more.map_or(Ok(()), |more| more.add_to(&mut options))?;
        Ok(options)
    }
}

impl GivenMore {
    fn add_to(self, options: &mut AppOptions) -> Result<()> {
        let allow = self.egress_allow.unwrap_or_default();
        options.egress = egress(self.egress.as_deref().unwrap_or("public"), &allow, &self.egress_deny.unwrap_or_default())?;
        options.env = self.env.unwrap_or_default();
        options.bindings = self.bindings.into_iter().flatten().map(GivenBinding::into_core).collect::<Result<_>>()?;
        options.outbound = self.outbound;
        options.base_url = self.base_url;
        options.code_generation = self.code_generation.unwrap_or_default();
        options.host_files = self.host_files.unwrap_or_default();
        options.random_seed = self.random_seed.map(|seed| whole("randomSeed", seed)).transpose()?;
        options.crons = self.crons.unwrap_or_default();
        options.consumers = self.consumers.into_iter().flatten().map(GivenConsumer::into_core).collect::<Result<_>>()?;
        options.tail = self.tail.unwrap_or_default();
        options.user_data = self.version.map_or(0, |version| version as u64);
        Ok(())
    }
}
