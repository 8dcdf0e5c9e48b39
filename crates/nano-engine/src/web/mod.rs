//! The native halves of the web platform, one file per area, beside `js/` with the JavaScript halves.

mod blob;
pub(crate) mod builtins;
pub(crate) mod cache;
pub(crate) mod clone;
mod codec;
mod codec_memory;
mod compression;
pub(crate) mod console;
pub(crate) mod contexts;
pub(crate) mod crypto;
pub(crate) mod encoding;
pub(crate) mod errands;
pub(crate) mod fetch;
pub(crate) mod files;
mod forms;
pub(crate) mod host_objects;
pub(crate) mod html_rewriter;
pub(crate) mod ops;
pub(crate) mod part_cache;
pub(crate) mod parts;
pub(crate) mod platform;
pub(crate) mod subtle;
pub(crate) mod subtle_keys;
pub(crate) mod subtle_work;
pub(crate) mod time;
pub(crate) mod types;
pub(crate) mod url;
