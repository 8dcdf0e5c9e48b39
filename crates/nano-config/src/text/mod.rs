//! Files that people write: parsed with the place of each value, and errors that help.

pub mod finding;
pub mod node;
pub mod parse;
pub mod suggest;
pub mod units;

pub use finding::{Finding, Findings, Severity};
pub use node::{Entry, Node, Table, Value};
pub use parse::{Format, parse};
