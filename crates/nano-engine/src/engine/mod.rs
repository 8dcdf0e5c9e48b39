//! V8 itself: everything here is about the process or the language, nothing about apps.

pub(crate) mod bytes;
pub(crate) mod caches;
pub(crate) mod cage;
pub(crate) mod clock;
pub(crate) mod exceptions;
pub(crate) mod host_objects;
mod json;
mod languages;
pub(crate) mod locks;
pub(crate) mod loss;
pub(crate) mod modules;
pub(crate) mod native;
pub(crate) mod pages;
pub(crate) mod process;
mod reg_exps;
pub(crate) mod resources;
pub(crate) mod snapshot;
pub(crate) mod space;
pub(crate) mod stacks;
pub(crate) mod tasks;
pub(crate) mod values;
pub(crate) mod wasm_types;
