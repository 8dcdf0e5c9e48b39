//! What an instance asks of the shard that runs it. The engine knows no shard, socket or queue: only this trait.

use std::any::Any;
use std::sync::Arc;

use nano_base::cache::{Entry, Query};
use nano_base::http::{RequestHead, ResponseHead};
use nano_base::status::Error;
use nano_base::value::{HostObject, Value};

use super::errand::Errand;
use super::sockets::Sockets;

/// How loud a console message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum LogLevel {
    /// `console.debug`.
    Debug = 0,
    /// `console.log` and `console.info`.
    Info = 1,
    /// `console.warn`.
    Warn = 2,
    /// `console.error` and uncaught exceptions.
    Error = 3,
}

/// What [`Host::body_kind`] says of a body whose request or call has ended: whether there was one is forgotten.
pub const BODY_GONE: u32 = 3;

/// A cache that an app has opened.
pub struct OpenCache {
    /// Its number.
    pub cache: u64,
    /// What keeps it, until it is dropped.
    pub keep: Box<dyn Any>,
}

/// A limit that was hit: the text becomes the message of the error in JavaScript.
#[derive(Clone, Debug)]
pub struct Refusal(pub String);

/// The next piece of a streaming body.
#[derive(Debug)]
pub enum Pull {
    /// Bytes, never empty.
    Chunk(Vec<u8>),
    /// The body is complete.
    End,
    /// Nothing yet: `Delivery::BodyReady` follows.
    Pending,
    /// It will never be complete.
    Broken(String),
}

/// Bytes that one op moves: whoever writes as fast as they are moved must not keep a turn from being stopped.
const PIPE_BYTES_MAX: usize = 1 << 20;

/// How far a body has gone into another.
#[derive(Debug, PartialEq, Eq)]
pub enum Piped {
    /// All that there is: `Delivery::BodyReady` of the source follows.
    Empty,
    /// All that there is room for: `Delivery::WriteReady` of the target follows.
    Full,
    /// More than enough for one op: ask again.
    More,
    /// All of it; the target has not been ended yet.
    Done,
    /// Nobody takes any more: the source may end.
    Unwanted,
    /// The source will never be complete.
    Broken(String),
}

/// The body of a call that an app makes.
#[derive(Debug)]
pub enum Outbound {
    /// No body.
    None,
    /// All of it.
    Whole(Vec<u8>),
    /// Pieces follow by `write` and `end`; of so many bytes, if that is known.
    Stream(Option<u64>),
}

/// What an app asks of a function, a class or an object of the host's.
#[derive(Clone, Debug)]
pub enum Ask {
    /// `env.NAME(...args)`.
    Function(Vec<Value>),
    /// `new env.NAME(...args)`.
    Construct(Vec<Value>),
    /// `object.method(...args)`.
    Method(HostObject, String, Vec<Value>),
    /// `object.property`.
    Get(HostObject, String),
    /// `object.property = value`.
    Set(HostObject, String, Value),
}

/// What becomes of a message of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is done with.
    Ack,
    /// It comes again, after so many seconds if the app says how many.
    Retry(Option<u32>),
}

/// What comes of a file operation.
#[derive(Debug)]
pub enum FilesAnswer {
    /// It is done.
    Value(Value),
    /// It failed: the name of a DOMException (or TypeError) and a message.
    Failed(&'static str, String),
    /// The host does it: a call of this number.
    Call(u32),
}

/// The shard's side of one instance. Calls come from inside a turn: they must be quick, must not run JavaScript and must
/// not block. `id` names a request, call or invocation of this instance; an unknown one is ignored or empty.
pub trait Host {
    /// A console message.
    fn log(&self, level: LogLevel, text: String);
    /// An error nobody caught.
    fn exception(&self, error: Error);
    /// Milliseconds since the time origin; stands still within a turn.
    fn now_ms(&self) -> f64;
    /// The time origin, in milliseconds since 1970.
    fn time_origin_ms(&self) -> f64;
    /// Starts a timer.
    fn timer_start(&self, id: u32, delay_ms: f64, repeat: bool) -> Result<(), Refusal>;
    /// Stops a timer.
    fn timer_cancel(&self, id: u32);
    /// Shows the head of a request.
    fn request(&self, id: u32, read: &mut dyn FnMut(&RequestHead));
    /// What a message is, by its index in the batch that an event is about; none if there is no such, or the event has ended.
    fn message(&self, id: u32, index: u32) -> Option<Value>;
    /// Whether another app reads the response to a request.
    fn is_for_app(&self, id: u32) -> bool;
    /// Whether what is passed to a binding goes to another app, or to a queue, which an app takes from.
    fn is_for_apps(&self, binding: u32) -> bool;
    /// 0 none, 1 whole, 2 streaming, [`BODY_GONE`].
    fn body_kind(&self, id: u32) -> u32;
    /// How many bytes a body has that nothing has been read of, if that is known.
    fn body_length(&self, id: u32) -> Option<u64>;
    /// A whole body, once.
    fn body_take(&self, id: u32) -> Vec<u8>;
    /// The next piece of a streaming body.
    fn body_pull(&self, id: u32) -> Pull;
    /// Whether the app may leave so many bytes with whoever it sends them to: asked before they are copied.
    fn check_upload(&self, bytes: usize) -> Result<(), Refusal>;
    /// Nobody will read the rest.
    fn body_cancel(&self, id: u32);
    /// The whole response.
    fn respond(&self, id: u32, head: ResponseHead, body: Vec<u8>);
    /// The head of a response whose body follows, of so many bytes, if that is known.
    fn respond_head(&self, id: u32, head: ResponseHead, length: Option<u64>);
    /// A piece of a response's or a call's body; the credit that is left, or `None` when nobody takes it any more.
    fn write(&self, id: u32, bytes: Vec<u8>) -> Option<i64>;
    /// How much of so many bytes may be written at once: all of it, or no more than a window's worth, for which there always is room.
    fn room(&self, id: u32, bytes: usize) -> usize;
    /// Moves what has come of a streaming body into another one, as far as its credit goes.
    fn pipe(&self, from: u32, to: u32) -> Piped {
        let mut moved = 0;
        while moved < PIPE_BYTES_MAX {
            match self.body_pull(from) {
                Pull::Chunk(chunk) => {
                    moved += chunk.len();
                    match self.write(to, chunk) {
                        None => return Piped::Unwanted,
                        Some(credit) if credit <= 0 => return Piped::Full,
                        Some(_) => {}
                    }
                }
                Pull::End => return Piped::Done,
                Pull::Pending => return Piped::Empty,
                Pull::Broken(why) => return Piped::Broken(why),
            }
        }
        Piped::More
    }
    /// The body is complete.
    fn end(&self, id: u32);
    /// The request or the call's body failed.
    fn fail(&self, id: u32, error: Error);
    /// Work that outlives the response has begun (+1) or ended (-1).
    fn wait_until(&self, id: u32, change: i32);
    /// The call that comes next is part of one that has been counted.
    fn uncount_call(&self);
    /// Calls `fetch` of a binding.
    fn call_fetch(&self, binding: u32, head: RequestHead, body: Outbound) -> Result<u32, Refusal>;
    /// Calls a method of a binding.
    fn call_method(&self, binding: u32, name: String, args: Vec<Value>) -> Result<u32, Refusal>;
    /// Calls a function, a class or an object of the host's.
    fn call_host(&self, binding: u32, ask: Ask) -> Result<u32, Refusal>;
    /// The most objects of the host's that the instance may hold.
    fn host_objects_max(&self) -> u32;
    /// The entrypoint that a request or an invocation is for, if it is not the default export.
    fn entrypoint(&self, id: u32) -> Option<String>;
    /// Does a file operation, by its name and arguments.
    fn files(&self, name: String, args: Vec<Value>) -> Result<FilesAnswer, Refusal>;
    /// Where the app's randomness begins, if it is to repeat.
    fn random_seed(&self) -> Option<u64>;
    /// Gives a call up.
    fn call_cancel(&self, id: u32);
    /// Has a helper thread do something; `Delivery::Errand` follows.
    fn errand(&self, errand: Errand) -> Result<u32, Refusal>;
    /// Opens one of the app's caches by its name, which is made if there is none and `create` says so; none if there is no room for it.
    fn cache_open(&self, name: &[u16], create: bool) -> Option<OpenCache>;
    /// The names of the app's caches, in the order in which they were made.
    fn cache_names(&self) -> Vec<Arc<[u16]>>;
    /// Deletes a cache by its name, but for those who have it open; whether there was one.
    fn cache_forget(&self, name: &[u16]) -> bool;
    /// The first that a cache has for a request. The number of a cache is that of an [`OpenCache`], or 0 for the default one.
    fn cache_find(&self, cache: u64, query: &Query) -> Option<Arc<Entry>>;
    /// All that a cache has for a request, or has.
    fn cache_list(&self, cache: u64, query: Option<&Query>) -> Vec<Arc<Entry>>;
    /// Keeps responses, all or none; false if they are too large, or the app is being unloaded.
    fn cache_put(&self, cache: u64, entries: Vec<Entry>) -> bool;
    /// Forgets what is kept for a request; whether there was anything.
    fn cache_delete(&self, cache: u64, query: &Query) -> bool;
    /// The most that the app may keep.
    fn cache_bytes_max(&self) -> usize;
    /// Its sockets.
    fn sockets(&self) -> &dyn Sockets;
    /// What becomes of one message of the batch that an event is about, or, without an index, of all that nothing was said of; the first
    /// word on a message counts.
    fn settle(&self, id: u32, message: Option<u32>, verdict: Verdict);
    /// An invocation returned.
    fn invoke_return(&self, id: u32, value: Value);
    /// An invocation failed; with what was thrown, if that is an error.
    fn invoke_fail(&self, id: u32, error: Error, thrown: Option<Value>);
    /// A request or an invocation by another app ends with an error of that app's own: nothing of this one has failed.
    fn refuse(&self, id: u32, error: Error);
}
