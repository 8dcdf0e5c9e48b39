//! What an app finds in `env` besides strings, and who answers it.

use nano_base::status::{Error, Result, Status};
use nano_engine::{ClassShape, Shape};

/// One name in `env` that is no text: mostly one that is answered from outside the app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// The name.
    pub name: String,
    /// What it is.
    pub kind: BindingKind,
}

/// What a binding is, and who answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindingKind {
    /// `env.NAME.fetch(request)` and `env.NAME.method(...args)`, answered by the host.
    Object,
    /// `env.NAME(...args)`, answered by the host.
    Function,
    /// `new env.NAME(...args)` and the objects that come of it, which live with the host.
    Class(ClassShape),
    /// `env.NAME.fetch(request)` and `env.NAME.method(...args)`, answered by another app of the runtime.
    App {
        /// Its name. It need not be loaded before it is called.
        app: String,
        /// The export that answers, if it is not the default one.
        entrypoint: Option<String>,
    },
    /// `env.NAME.send(value)` and `env.NAME.sendBatch(messages)`: a queue of the runtime's.
    Queue {
        /// The queue's name. It need not have a consumer.
        queue: String,
    },
    /// `env.NAME`, a variable that is no text: nobody answers it.
    Json {
        /// What it is, as JSON.
        json: String,
    },
}

impl From<&str> for Binding {
    fn from(name: &str) -> Self {
        Self::from(name.to_string())
    }
}

impl From<String> for Binding {
    fn from(name: String) -> Self {
        Self { name, kind: BindingKind::Object }
    }
}

impl Binding {
    /// What JavaScript sees of it.
    pub(crate) fn shape(&self) -> nano_engine::Binding {
        let shape = match &self.kind {
            BindingKind::Object | BindingKind::App { .. } => Shape::Object,
            BindingKind::Function => Shape::Function,
            BindingKind::Queue { .. } => Shape::Queue,
            BindingKind::Json { .. } => Shape::Hidden,
            BindingKind::Class(class) => Shape::Class(class.clone()),
        };
        nano_engine::Binding { name: self.name.clone(), shape }
    }

    /// What it is, if it is a value.
    pub(crate) fn json(&self) -> Option<&str> {
        match &self.kind {
            BindingKind::Json { json } => Some(json),
            _ => None,
        }
    }

    /// Refuses what could not work in JavaScript.
    pub(crate) fn check(&self, members_max: usize) -> Result<()> {
        let BindingKind::Class(class) = &self.kind else { return Ok(()) };
        let invalid = |what: String| Err(Error::new(Status::Invalid, format!("the class {}: {what}", self.name)));
        let members = class.methods.len() + class.properties.len();
        if members > members_max {
            return invalid(format!("it has {members} methods and properties; the most is {members_max}"));
        }
        let mut names: Vec<&String> = class.methods.iter().chain(&class.properties).collect();
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return invalid(format!("it has two members named \"{}\"", pair[0]));
        }
        // An object with a method `then` would be taken for a promise by every `await`.
        if let Some(name) = names.iter().find(|name| matches!(name.as_str(), "" | "constructor" | "then" | "__proto__" | "toJSON")) {
            return invalid(format!("a member cannot be named \"{name}\""));
        }
        Ok(())
    }
}
