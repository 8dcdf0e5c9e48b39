//! V8 as NANO uses it, behind a face without a single V8 type.
//!
//! - `engine`: the process-wide part: start, flags, tasks, the snapshot, values, exceptions, modules.
//! - `web`: the native halves of the web platform, beside `web/js` with the JavaScript halves.
//! - `inspector`: debuggers of one app.
//! - `isolate`: one instance: a started isolate, its budgets, its turns, its end.
//!
//! Only a shard's thread may touch an [`Instance`]; everything else here is safe to call from anywhere.

mod engine;
mod inspector;
mod isolate;
mod web;

pub use engine::cage::{code as code_fill, heaps as heaps_fill};
pub use engine::loss::{Loss, on_loss};
pub use engine::modules::url_under;
pub use engine::process::{ProcessOptions, start_process};
pub use engine::snapshot::{build_part_caches, build_snapshot};
pub use inspector::{Debugger, Inspector, Post};
pub use isolate::app::{AppCode, AppSettings, ModuleCode, Positions, Variables};
pub use isolate::binding::{Binding, ClassShape, Shape};
pub use isolate::errand::{Allowance, Errand, ErrandError, ErrandResult, ErrandValue, Progress};
pub use isolate::host::{Ask, BODY_GONE, FilesAnswer, Host, LogLevel, OpenCache, Outbound, Pull, Refusal, Verdict};
pub use isolate::image::Image;
pub use isolate::instance::{Delivery, Instance, InstanceLimits, Outcome, Started, TerminateHandle, Turns};
pub use isolate::sockets::{Dialing, Message, Opening, SocketEvent, Sockets};

pub use web::builtins::builtin;

/// The version of V8 that is linked in.
pub fn v8_version() -> &'static str {
    v8::V8::get_version()
}
