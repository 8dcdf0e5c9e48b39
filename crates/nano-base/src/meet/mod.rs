//! Where threads meet: four protocols, each small enough for a model checker to try every order of its steps.
//!
//! `models/` includes these files with loom's atomics and locks in place of `std`'s. They may use nothing but
//! `crate::sync`, and know nothing of what they are for above.

mod ended;
mod nap;
mod queue;
mod turn;
mod waking;

pub use ended::Ended;
pub use nap::Nap;
pub use queue::{Flag, Queue};
pub use turn::{Turn, TurnTimes, TurnView};
pub use waking::Waking;
