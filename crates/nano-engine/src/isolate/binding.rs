//! What an app finds in its `env` besides strings.

/// One entry of `env` that is answered from outside; its place in the list is the number that calls name it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Its name in `env`.
    pub name: String,
    /// What stands there.
    pub shape: Shape,
}

/// What a binding looks like in JavaScript.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// An object with `fetch` and any method.
    Object,
    /// A function.
    Function,
    /// A class.
    Class(ClassShape),
    /// A queue, to send messages to: they are the arguments of its method `send`.
    Queue,
    /// Nothing that can be seen.
    Hidden,
}

/// A class of the host's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassShape {
    /// The names of its methods.
    pub methods: Vec<String>,
    /// The names of its properties.
    pub properties: Vec<String>,
    /// Whether apps may make objects with `new`; otherwise they only come from the host.
    pub constructible: bool,
}
