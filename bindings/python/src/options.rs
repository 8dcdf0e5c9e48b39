//! Keyword arguments as the core's options. Names are the core's own, so that one documentation serves every language.

use nano_core::policy::{Mode, Policy, Rule};
use nano_core::{
    AppLimits, AppOptions, Binding, BindingKind, ClassShape, Error, QueueConsumer, Result, RuntimeLimits, Source, Status, with_app_limits,
    with_runtime_limits,
};
use pyo3::conversion::FromPyObjectOwned;
use pyo3::exceptions::{PyOverflowError, PyTypeError, PyUnicodeEncodeError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use crate::error::{OrRaise, exception, wrong_type};

/// Reads all limits, and sets them by name.
macro_rules! limits {
    (($limits:ident, $read:ident, $set:ident, $doc:literal) $($field:ident),*) => {
        #[doc = $doc]
        #[pyfunction]
        pub(crate) fn $read(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
            // A limit that the core gains and its list does not name stops the build.
            let $limits { $($field),* } = $limits::default();
            let all = PyDict::new(py);
            $(all.set_item(stringify!($field), $field)?;)*
            Ok(all)
        }

        pub(crate) fn $set(limits: &mut $limits, given: &Bound<'_, PyDict>) -> PyResult<()> {
            for (name, value) in given {
                match name.extract::<String>()?.as_str() {
                    $(stringify!($field) => limits.$field = value.extract().map_err(|error| explain(given.py(), stringify!($field), error))?,)*
                    other => return Err(wrong_type(given.py(), &format!("there is no limit \"{other}\""))),
                }
            }
            Ok(())
        }
    };
}

with_app_limits!(limits!(AppLimits, app_limits, set_app_limits, "The limits of an app, with their defaults."));
with_runtime_limits!(limits!(RuntimeLimits, runtime_limits, set_runtime_limits, "The limits of a runtime, with their defaults."));

/// Python's own message does not say which argument it is about, and calls a number that is out of range no `ValueError`.
pub(crate) fn explain(py: Python<'_>, name: &str, error: PyErr) -> PyErr {
    let message = format!("{name}: {}", error.value(py));
    if error.is_instance_of::<PyOverflowError>(py) {
        return exception(py, invalid(message));
    }
    if error.get_type(py).is(PyType::new::<PyTypeError>(py)) {
        return wrong_type(py, &message);
    }
    PyErr::from_type(error.get_type(py), message)
}

/// All of something's options. The error is about the value that is wrong, and not about the field that it is for.
pub(crate) fn given<'py, T: FromPyObjectOwned<'py, Error = PyErr>>(options: &Bound<'py, PyDict>) -> PyResult<T> {
    let py = options.py();
    options.extract::<T>().map_err(|error| {
        let Some(mut cause) = error.cause(py) else { return error };
        while let Some(deeper) = cause.cause(py) {
            cause = deeper;
        }
        let field = error.value(py).to_string();
        let name = field.rsplit('.').next().unwrap_or_default();
        // Which says where in the text half a character is.
        if cause.is_instance_of::<PyUnicodeEncodeError>(py) { cause } else { explain(py, name, cause) }
    })
}

/// The text or path of an app's code, by the names that the Python half gives the kinds.
pub(crate) fn source(py: Python<'_>, kind: &str, source: &Bound<'_, PyAny>) -> PyResult<Source> {
    match kind {
        "text" => Ok(Source::Text(source.extract::<String>()?.into_bytes())),
        "typescript" => Ok(Source::Named("index.ts".into(), source.extract::<String>()?.into_bytes())),
        "tsx" => Ok(Source::Named("index.tsx".into(), source.extract::<String>()?.into_bytes())),
        "file" => Ok(Source::File(source.extract()?)),
        "folder" => Ok(Source::Folder(source.extract()?)),
        "echo" => Ok(Source::Echo),
        other => Err(invalid(format!("there is no kind of source \"{other}\""))).or_raise(py),
    }
}

/// Where an app may connect to.
pub(crate) fn egress(mode: &str, allow: &[String], deny: &[String]) -> Result<Policy> {
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
    Ok(Policy::new(mode, rules(allow, "egress_allow")?, rules(deny, "egress_deny")?))
}

/// One binding: its name, its kind, and what the kind needs.
#[derive(FromPyObject)]
pub(crate) struct GivenBinding {
    #[pyo3(item(0))]
    name: String,
    #[pyo3(item(1))]
    kind: String,
    #[pyo3(item(2))]
    methods: Vec<String>,
    #[pyo3(item(3))]
    properties: Vec<String>,
    #[pyo3(item(4))]
    app: String,
    #[pyo3(item(5))]
    entrypoint: Option<String>,
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

/// A queue whose messages an app takes: its name, the most messages of a batch, how long a batch waits, retries, the delay before one,
/// batches at once, and the queue for what failed for good.
type GivenConsumer = (String, u32, u64, u32, u64, u32, Option<String>);

fn consumer(given: GivenConsumer) -> QueueConsumer {
    let (queue, batch, batch_wait_ms, retries, retry_delay_ms, concurrency, dead_letters) = given;
    QueueConsumer { queue, batch, batch_wait_ms, retries, retry_delay_ms, concurrency, dead_letters }
}

/// All of an app's options.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct GivenApp<'py> {
    name: String,
    source_kind: String,
    source: Bound<'py, PyAny>,
    /// Names, what they are, and whether that is JSON.
    env: Vec<(String, String, bool)>,
    bindings: Vec<GivenBinding>,
    outbound: Option<String>,
    egress: String,
    egress_allow: Vec<String>,
    egress_deny: Vec<String>,
    base_url: Option<String>,
    code_generation: bool,
    limits: Bound<'py, PyDict>,
    random_seed: Option<u64>,
    crons: Vec<String>,
    consumers: Vec<GivenConsumer>,
    tail: Vec<String>,
    lazy: bool,
    /// What the Python half knows the version by.
    version: u64,
}

impl GivenApp<'_> {
    pub(crate) fn into_core(self, py: Python<'_>) -> PyResult<AppOptions> {
        let mut options = AppOptions::new(self.name, source(py, &self.source_kind, &self.source)?);
        options.bindings = self.bindings.into_iter().map(GivenBinding::into_core).collect::<Result<_>>().or_raise(py)?;
        for (name, text, is_json) in self.env {
            if is_json {
                options.bindings.push(Binding { name, kind: BindingKind::Json { json: text } });
            } else {
                options.env.push((name, text));
            }
        }
        options.outbound = self.outbound;
        options.egress = egress(&self.egress, &self.egress_allow, &self.egress_deny).or_raise(py)?;
        options.base_url = self.base_url;
        options.code_generation = self.code_generation;
        set_app_limits(&mut options.limits, &self.limits)?;
        options.random_seed = self.random_seed;
        options.crons = self.crons;
        options.consumers = self.consumers.into_iter().map(consumer).collect();
        options.tail = self.tail;
        options.lazy = self.lazy;
        options.user_data = self.version;
        Ok(options)
    }
}

/// The error for a wrong argument.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Status::Invalid, message)
}
