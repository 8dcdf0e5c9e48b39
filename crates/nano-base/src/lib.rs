//! The parts of NANO that need no V8: the words every layer shares (status, limits, clock, values), the data structures
//! of a shard (timer wheel, fair lanes, generation-tagged slots), the protocols between threads (`meet`) and the thin wall to
//! the operating system (`sys`).
//!
//! Nothing here may link V8: these parts are tested and fuzzed in seconds.

pub mod app_files;
pub mod base64;
pub mod cache;
pub mod cbor;
pub mod clock;
pub mod cron;
pub mod data_url;
pub mod date;
pub mod dice;
pub mod http;
pub mod lanes;
pub mod limits;
pub mod meet;
pub mod mime;
pub mod module;
pub mod multipart;
pub mod notes;
pub mod numbers;
pub mod problem;
pub mod slots;
pub mod socket_file;
pub mod spare;
pub mod status;
mod sync;
pub mod sys;
pub mod url;
pub mod value;
pub mod wheel;
