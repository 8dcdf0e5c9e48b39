//! Which app a request is for.

mod pattern;
mod table;

pub use pattern::{Dialect, Host, Path, PathKind, Route};
pub use table::{Claim, Conventions, Routes};
