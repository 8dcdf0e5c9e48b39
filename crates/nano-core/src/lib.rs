//! NANO: thousands of JavaScript apps in one process, each in an isolate of its own, none able to hurt another or the host.
//!
//! The face: [`Runtime`] hosts [`App`]s; [`App::dispatch`] hands over a request and never blocks; everything that comes of it
//! arrives as [`Event`]s from [`Runtime::poll`]. No V8 type appears here, and no thread of the caller's ever enters V8.

mod alarms;
mod app;
mod binding;
mod cache;
mod call;
mod event;
mod files;
mod front;
mod helpers;
mod inspect;
mod objects;
mod observe;
mod pipe;
mod prepared;
mod queue;
mod request;
mod runtime;
mod schedule;
mod service;
mod shard;
mod source;
mod tail;
mod trace;
mod version;
mod wait;

pub use app::{App, AppOptions, AppStats, Awaited};
pub use binding::{Binding, BindingKind};
pub use call::{CallContent, CallResponse, CallView};
pub use event::{Account, Event, EventMask, Payload};
pub use front::{Answered, Certificate, CertificatePart, Hosts, ListenLimits, ListenOptions, Listener, Route, Router, TlsOptions, bind};
pub use inspect::DebuggerSession;
pub use nano_base::cbor;
pub use nano_base::clock::Clock;
pub use nano_base::http::{Headers, RequestHead, ResponseHead, method};
pub use nano_base::limits::{self, AppLimits, RuntimeLimits};
pub use nano_base::notes::Notes;
pub use nano_base::problem::{self, Problem};
pub use nano_base::status::{Error, Result, Status};
pub use nano_base::sys;
pub use nano_base::value::{self, HostObject, Value};
pub use nano_base::{with_app_limits, with_runtime_limits};
pub use nano_engine::{ClassShape, Debugger, LogLevel, Post, ProcessOptions, v8_version};
pub use nano_net::policy;
pub use nano_net::tls::Roots;
pub use observe::{
    AppMetrics, AppReport, AppState, Ceilings, Durations, Kill, Outcome, Resident, RuntimeStats, ShardReport, ShardTurn, ShardView,
};
pub use prepared::Prepared;
pub use queue::{MessageBody, QueueConsumer, QueueStats};
pub use request::{Body, RequestInit, Response};
pub use runtime::{Runtime, RuntimeOptions, init};
pub use source::Source;

/// The platform, built by the build script from this very engine.
pub(crate) static IMAGE: nano_engine::Image = nano_engine::Image {
    snapshot: include_bytes!(concat!(env!("OUT_DIR"), "/snapshot.bin")),
    part_caches: include_bytes!(concat!(env!("OUT_DIR"), "/part_caches.bin")),
};
