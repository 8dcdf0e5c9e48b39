//! The words that command lines are made of. Parsing, help and completions are all made of the tables in `commands`.

/// A command of nanod's.
#[derive(Clone, Copy, Debug)]
pub struct Command {
    /// Its name.
    pub name: &'static str,
    /// One line.
    pub about: &'static str,
    /// What else there is to say, below its options.
    pub more: &'static str,
    /// What it takes without a name.
    pub positional: Positional,
    /// What it takes by name.
    pub options: &'static [Opt],
}

/// What a command takes without a name.
#[derive(Clone, Copy, Debug)]
pub struct Positional {
    /// How help calls it; empty if there is none.
    pub name: &'static str,
    /// What it is.
    pub kind: ValueKind,
    /// At least so many.
    pub min: usize,
    /// At most so many.
    pub max: usize,
}

/// What a command takes by name.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// Behind `--`.
    pub name: &'static str,
    /// Behind `-`.
    pub short: Option<char>,
    /// What follows it.
    pub kind: ValueKind,
    /// How help calls what follows.
    pub value: &'static str,
    /// Whether it may be there several times.
    pub many: bool,
    /// What it is if it is not there, in words; empty for nothing.
    pub default: &'static str,
    /// What it is for.
    pub about: &'static str,
}

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// None: the option is there or not.
    Flag,
    /// Text.
    Text,
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A whole number between two.
    Count(u64, u64),
    /// A duration between two, in milliseconds.
    Duration(u64, u64),
    /// A size between two, in bytes.
    Size(u64, u64),
    /// Where to listen or connect.
    Address,
    /// One of these words.
    Choice(&'static [&'static str]),
}

impl Opt {
    /// A flag.
    pub const fn flag(name: &'static str, about: &'static str) -> Self {
        Self { name, short: None, kind: ValueKind::Flag, value: "", many: false, default: "", about }
    }

    /// An option with a value.
    pub const fn value(name: &'static str, kind: ValueKind, value: &'static str, default: &'static str, about: &'static str) -> Self {
        Self { name, short: None, kind, value, many: false, default, about }
    }

    /// The same, also behind one dash.
    pub const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    /// The same, as often as wanted.
    pub const fn many(mut self) -> Self {
        self.many = true;
        self
    }
}

impl Positional {
    /// None.
    pub const NONE: Self = Self { name: "", kind: ValueKind::Text, min: 0, max: 0 };

    /// Exactly one.
    pub const fn one(name: &'static str, kind: ValueKind) -> Self {
        Self { name, kind, min: 1, max: 1 }
    }

    /// One or none.
    pub const fn maybe(name: &'static str, kind: ValueKind) -> Self {
        Self { name, kind, min: 0, max: 1 }
    }

    /// Any number.
    pub const fn any(name: &'static str, kind: ValueKind) -> Self {
        Self { name, kind, min: 0, max: usize::MAX }
    }
}
