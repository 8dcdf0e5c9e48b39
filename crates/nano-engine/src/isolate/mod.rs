//! One instance: a started isolate, what it may use, its turns and its end.

pub(crate) mod app;
pub(crate) mod binding;
pub(crate) mod errand;
pub(crate) mod host;
pub(crate) mod image;
pub(crate) mod instance;
pub(crate) mod sockets;
pub(crate) mod state;
pub(crate) mod stop;
