//! Options: what can be chosen, each with its default.

use std::ffi::c_void;

use nano_core::limits::MANUAL_CLOCK_UNIX_MS_MAX;
use nano_core::policy::{Mode, Policy, Rule};
use nano_core::{
    AppLimits, AppOptions, Clock, EventMask, ProcessOptions, QueueConsumer, Result, Roots, RuntimeLimits, RuntimeOptions, Source,
};

use crate::binding::{names, nano_binding};
use crate::guard::invalid;
use crate::open::{Open, too_new};
use crate::types::{array, nano_bytes, nano_header, nano_owned, nano_variable};

/// How V8 starts. Begin with NANO_INIT_OPTIONS_INIT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_init_options {
    /// sizeof(nano_init_options).
    pub size: usize,
    /// More flags for V8, for experiments; not part of the stable interface.
    pub v8_flags: nano_bytes,
    /// Not zero: run without generating machine code, for kernels that forbid it.
    pub jitless: u32,
    /// Zero.
    pub reserved: u32,
    /// The most that all heaps of the process may use together; the default, and the most there is, is 3,500 MiB.
    pub heaps_bytes: u64,
}

/// How a runtime is made. Begin with NANO_RUNTIME_OPTIONS_INIT; zero is each number's default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_runtime_options {
    /// sizeof(nano_runtime_options).
    pub size: usize,
    /// Threads that run JavaScript; the default is one per core.
    pub threads: u32,
    /// Apps registered at once.
    pub apps: u32,
    /// Instances alive at once.
    pub instances: u32,
    /// Requests accepted and not yet ended.
    pub requests: u32,
    /// LOG and APP events waiting in the queue; more are dropped and counted.
    pub log_events: u32,
    /// Started blank isolates that each thread keeps ready; 64 at most.
    pub pool: u32,
    /// The optional events you want: NANO_EVENTS_LOG | NANO_EVENTS_APP.
    pub events: u32,
    /// NANO_RUNTIME_...
    pub flags: u32,
    /// Of NANO_RUNTIME_MANUAL_CLOCK: when it begins, in milliseconds since 1970; zero is 2026-01-01.
    pub clock_unix_ms: u64,
    /// What the caches of all apps keep together, by the Cache API; at the limit the least recently used of all goes.
    pub cache_bytes: u64,
    /// Whose certificates apps trust in TLS: empty or "webpki" for Mozilla's, as built in, "system" for this machine's, "file:PATH"
    /// for those in a file of PEM and no others.
    pub roots: nano_bytes,
}

/// The runtime lives by a clock that only nano_runtime_advance moves: what apps read, their timers, wall limits and idle times.
/// For tests, simulations and replays. While it stands still no wall limit strikes and nothing is evicted for being idle; CPU limits
/// always go by the processor's time.
pub const NANO_RUNTIME_MANUAL_CLOCK: u32 = 1;

/// Deliver LOG events: what apps say on their console.
pub const NANO_EVENTS_LOG: u32 = 1;
/// Deliver APP events: apps that are loaded, started, evicted, reloaded, unloaded.
pub const NANO_EVENTS_APP: u32 = 2;

/// The source is the text of one module, or of a script in service-worker syntax.
pub const NANO_SOURCE_TEXT: u32 = 0;
/// The source is the path of one file.
pub const NANO_SOURCE_FILE: u32 = 1;
/// The source is the path of a folder: index.js, or what its package.json names, and what that imports.
pub const NANO_SOURCE_FOLDER: u32 = 2;
/// The built-in app that answers each request with what it received as JSON, for testing a host.
pub const NANO_SOURCE_ECHO: u32 = 3;
/// The source is the text of one TypeScript module.
pub const NANO_SOURCE_TYPESCRIPT: u32 = 4;
/// The source is the text of one module with TypeScript and JSX in it.
pub const NANO_SOURCE_TSX: u32 = 5;

/// Only register the app: its first request starts it, and finds its errors.
pub const NANO_APP_LAZY: u32 = 1;
/// For tests that must run the same way every time: crypto.getRandomValues, crypto.randomUUID and Math.random of each instance
/// follow from random_seed alone. Whoever knows the seed knows every token such an app makes: never for an app that serves.
/// Keys made by crypto.subtle stay random.
pub const NANO_APP_SEEDED: u32 = 2;
/// The app's files are yours: navigator.storage.getDirectory() and what is done with it become CALL events of the kind FILES.
/// Without it they are in memory, and gone when the app is unloaded.
pub const NANO_APP_HOST_FILES: u32 = 4;
/// The app may make code from strings and bytes: eval, new Function, WebAssembly.compile. Only for apps that you trust.
pub const NANO_APP_CODE_GENERATION: u32 = 8;

/// The app may connect to public addresses: not to this machine, its networks or what they keep for themselves. The addresses that
/// a name stands for are looked at, not the name.
pub const NANO_EGRESS_PUBLIC: u32 = 0;
/// The app may connect to nothing.
pub const NANO_EGRESS_DENY: u32 = 1;
/// The app may connect to everything, this machine included. Only for apps that you trust.
pub const NANO_EGRESS_ANY: u32 = 2;

/// An app: code, env and limits. Begin with NANO_APP_OPTIONS_INIT; zero is each number's default.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_app_options {
    /// sizeof(nano_app_options).
    pub size: usize,
    /// Its name, unique in the runtime.
    pub name: nano_bytes,
    /// The text or the path of its code, according to source_kind.
    pub source: nano_bytes,
    /// NANO_SOURCE_...
    pub source_kind: u32,
    /// NANO_APP_...
    pub flags: u32,
    /// Variables and secrets: strings in env.
    pub env: *const nano_variable,
    /// How many there are.
    pub env_count: usize,
    /// Names in env that you answer: env.NAME.fetch(request) and env.NAME.method(...args) become CALL events. The short way
    /// to say env_bindings of the kind NANO_BINDING_OBJECT.
    pub bindings: *const nano_bytes,
    /// How many there are.
    pub bindings_count: usize,
    /// The JavaScript heap of one instance.
    pub heap_bytes: u64,
    /// ArrayBuffers and wasm memories of one instance; counted apart, the app's bodies that wait between it and you.
    pub external_bytes: u64,
    /// A request body that is handed over whole.
    pub body_bytes: u64,
    /// CPU time of one event: all its turns, and what it leaves running.
    pub cpu_ms: u32,
    /// CPU time of starting an instance.
    pub start_cpu_ms: u32,
    /// Wall time of one event; a streaming body counts from its last progress.
    pub wall_ms: u32,
    /// How long an instance may idle before it is evicted.
    pub idle_ms: u32,
    /// Requests waiting or running at once.
    pub requests: u32,
    /// Calls to the host of one event.
    pub subrequests: u32,
    /// Of these, those that are open at once; others wait until one is answered.
    pub subrequests_at_once: u32,
    /// Timers alive at once in one instance.
    pub timers: u32,
    /// Log text per second; more is dropped and counted.
    pub log_bytes_per_s: u32,
    /// Entries of env.
    pub env_entries: u32,
    /// Bytes of one entry of env, name and value together.
    pub env_entry_bytes: u32,
    /// The URL of a request.
    pub url_bytes: u32,
    /// All header names and values of a request together.
    pub header_bytes: u32,
    /// Zero.
    pub reserved: u32,
    /// What else is in env: functions, classes, other apps.
    pub env_bindings: *const nano_binding,
    /// How many there are.
    pub env_bindings_count: usize,
    /// Of NANO_APP_SEEDED: where its randomness begins.
    pub random_seed: u64,
    /// The files of the app in memory, together.
    pub storage_bytes: u64,
    /// How many files and directories these may be.
    pub storage_entries: u32,
    /// Objects of yours that one instance holds.
    pub host_objects: u32,
    /// The name of the binding that answers the app's global fetch, one of the kind OBJECT or APP, instead of the network.
    pub outbound: nano_bytes,
    /// What relative URLs in fetch, Request and Response.redirect are relative to, an absolute URL; without one they are refused.
    pub base_url: nano_bytes,
    /// Errands (native work beside the turns, as WebCrypto's) of one instance, waiting or running at once.
    pub errands: u32,
    /// CPU time of the errands of one event.
    pub errand_cpu_ms: u32,
    /// What the app's caches keep, by the Cache API, all instances together; at the limit the least recently used goes.
    pub cache_bytes: u64,
    /// Where the app may connect to besides: a host (api.example.com, *.example.com), an address or a network (10.1.0.0/16), each with
    /// or without a port (:443).
    pub egress_allow: *const nano_bytes,
    /// How many there are.
    pub egress_allow_count: usize,
    /// Where it may not connect to, whatever is allowed.
    pub egress_deny: *const nano_bytes,
    /// How many there are.
    pub egress_deny_count: usize,
    /// NANO_EGRESS_...: what is said of everything else.
    pub egress: u32,
    /// Sockets of one instance at once: WebSockets both ways, and what `connect` gives.
    pub sockets: u32,
    /// When the app's scheduled() is called: cron expressions of five fields as Workers have them ("0 3 * * MON", 1 is Sunday), in UTC.
    pub crons: *const nano_bytes,
    /// How many there are.
    pub crons_count: usize,
    /// The queues whose messages its queue() takes.
    pub consumers: *const nano_consumer,
    /// How many there are.
    pub consumers_count: usize,
    /// The names of apps whose tail() is told of each of its events. They need not be loaded before they are told.
    pub tail: *const nano_bytes,
    /// How many there are.
    pub tail_count: usize,
    /// A request body that comes in pieces, from you or a client.
    pub upload_bytes: u64,
    /// What you know this version of the app by, or NULL: the calls that it makes carry it, whichever version serves by then, and exactly one
    /// NANO_EVENT_VERSION_END gives it back.
    pub user_data: *mut c_void,
}

/// In a nano_consumer: none at all, where zero means the default.
pub const NANO_CONSUMER_NONE: u32 = u32::MAX;

/// A queue whose messages an app takes; a queue has one consumer. Begin with zeros: nano_consumer consumer = {0};
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_consumer {
    /// The queue's name.
    pub queue: nano_bytes,
    /// The queue for messages that failed for good; empty for none: they are dropped, and the app's log says so.
    pub dead_letters: nano_bytes,
    /// Messages of one batch at most, up to 100; the default is 10.
    pub batch: u32,
    /// How long a batch waits to become full, up to 60,000; the default is 5,000, NANO_CONSUMER_NONE for not at all.
    pub batch_wait_ms: u32,
    /// How often a message is tried again, up to 100; the default is 3, NANO_CONSUMER_NONE for never.
    pub retries: u32,
    /// How long it waits before that, unless the app says; the default is not at all.
    pub retry_delay_ms: u32,
    /// Batches at once, up to 250; the default is 1.
    pub concurrency: u32,
    /// Zero.
    pub reserved: u32,
}

/// There is no body.
pub const NANO_BODY_NONE: u32 = 0;
/// The body is all there.
pub const NANO_BODY_WHOLE: u32 = 1;
/// The body follows in pieces.
pub const NANO_BODY_STREAM: u32 = 2;
/// There is no body, and the host has the client's connection: if the app answers with a WebSocket, RESPONSE has the status 101 and all headers
/// that the client needs. From then on what the client sends follows by nano_request_write and nano_request_end, byte for byte, and CHUNK
/// events are what it gets; with END or ERROR the connection is closed. Before an ERROR other than NANO_E_CANCELED the last CHUNK tells the
/// client why. Without it such an answer is NANO_E_UNSUPPORTED. Of requests only.
pub const NANO_BODY_UPGRADE: u32 = 3;

/// A request. Begin with NANO_REQUEST_INIT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_request_init {
    /// sizeof(nano_request_init).
    pub size: usize,
    /// GET, POST, ...
    pub method: nano_bytes,
    /// The absolute URL, http or https, without credentials. The app reads it as the web writes it, and without a fragment.
    pub url: nano_bytes,
    /// The headers.
    pub headers: *const nano_header,
    /// How many there are.
    pub headers_count: usize,
    /// The body of NANO_BODY_WHOLE, otherwise empty.
    pub body: nano_owned,
    /// NANO_BODY_...; with STREAM it follows by nano_request_write and nano_request_end.
    pub body_kind: u32,
    /// A shorter wall limit than the app's, or zero.
    pub deadline_ms: u32,
}

/// Your answer to an app's fetch call. Begin with NANO_CALL_RESPONSE_INIT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_call_response {
    /// sizeof(nano_call_response).
    pub size: usize,
    /// 200 to 599.
    pub status: u32,
    /// NANO_BODY_...; with STREAM it follows by nano_call_write and nano_call_end.
    pub body_kind: u32,
    /// The reason phrase; may be empty.
    pub status_text: nano_bytes,
    /// The headers.
    pub headers: *const nano_header,
    /// How many there are.
    pub headers_count: usize,
    /// The body of NANO_BODY_WHOLE, otherwise empty.
    pub body: nano_owned,
}

// SAFETY: integers, pointers and optional functions only; tests.rs has the offsets. `release` is the one field for
// which not every number is meaningful, and C's type for it is the same.
unsafe impl Open for nano_init_options {
    const NAME: &'static str = "nano_init_options";
}
// SAFETY: as above.
unsafe impl Open for nano_runtime_options {
    const NAME: &'static str = "nano_runtime_options";
}
// SAFETY: as above.
unsafe impl Open for nano_app_options {
    const NAME: &'static str = "nano_app_options";
}
// SAFETY: as above.
unsafe impl Open for nano_request_init {
    const NAME: &'static str = "nano_request_init";
}
// SAFETY: as above.
unsafe impl Open for nano_call_response {
    const NAME: &'static str = "nano_call_response";
}

const APP_FLAGS: u32 = NANO_APP_LAZY | NANO_APP_SEEDED | NANO_APP_HOST_FILES | NANO_APP_CODE_GENERATION;

fn check_reserved(reserved: u32, name: &str) -> Result<()> {
    if reserved == 0 { Ok(()) } else { Err(too_new(format!("{name}.reserved is not zero"))) }
}

pub(crate) fn check_flags(flags: u32, known: u32, name: &str) -> Result<()> {
    let unknown = flags & !known;
    if unknown == 0 { Ok(()) } else { Err(too_new(format!("{name} has flags that this library does not know: {unknown:#x}"))) }
}

/// Replaces a default by what the caller set.
fn set(limit: &mut u32, value: u32) {
    if value != 0 {
        *limit = value;
    }
}

fn set_bytes(limit: &mut usize, value: u64) {
    if value != 0 {
        *limit = usize::try_from(value).unwrap_or(usize::MAX);
    }
}

impl nano_init_options {
    /// # Safety
    ///
    /// Its pointers must be valid.
    pub(crate) unsafe fn to_core(self) -> Result<ProcessOptions> {
        check_reserved(self.reserved, "nano_init_options")?;
        // SAFETY: the caller's promise.
        let v8_flags = unsafe { self.v8_flags.text("v8_flags") }?.to_string();
        let mut options = ProcessOptions { jitless: self.jitless != 0, v8_flags, ..ProcessOptions::default() };
        set_bytes(&mut options.heaps_bytes, self.heaps_bytes);
        Ok(options)
    }
}

impl nano_runtime_options {
    /// # Safety
    ///
    /// Its pointers must be valid.
    pub(crate) unsafe fn to_core(self) -> Result<RuntimeOptions> {
        check_flags(self.flags, NANO_RUNTIME_MANUAL_CLOCK, "nano_runtime_options.flags")?;
        let clock = match (self.flags & NANO_RUNTIME_MANUAL_CLOCK != 0, self.clock_unix_ms) {
            (false, 0) => Clock::system(),
            (false, _) => return Err(invalid("clock_unix_ms is for runtimes with NANO_RUNTIME_MANUAL_CLOCK")),
            (true, 0) => Clock::manual(),
            (true, unix_ms) if unix_ms > MANUAL_CLOCK_UNIX_MS_MAX => return Err(invalid("clock_unix_ms is beyond the year 9999")),
            (true, unix_ms) => Clock::manual_at(unix_ms),
        };
        check_flags(self.events, NANO_EVENTS_LOG | NANO_EVENTS_APP, "nano_runtime_options.events")?;
        let mut limits = RuntimeLimits::default();
        set(&mut limits.threads, self.threads);
        set(&mut limits.apps, self.apps);
        set(&mut limits.instances, self.instances);
        set(&mut limits.requests, self.requests);
        set(&mut limits.log_events, self.log_events);
        set(&mut limits.pool, self.pool);
        set_bytes(&mut limits.cache_bytes, self.cache_bytes);
        let events = EventMask { logs: self.events & NANO_EVENTS_LOG != 0, apps: self.events & NANO_EVENTS_APP != 0 };
        // SAFETY: the caller's promise.
        let roots = unsafe { self.roots.text("roots") }?;
        let named = Roots::parse(roots).or_else(|| roots.is_empty().then(Roots::default));
        let roots = named.ok_or_else(|| invalid(format!("roots is \"{roots}\", which is none of webpki, system and file:PATH")))?;
        Ok(RuntimeOptions { limits, events, clock, roots, notes: None, inspected_apps: 0 })
    }
}

impl nano_app_options {
    /// # Safety
    ///
    /// Its pointers must be valid.
    pub(crate) unsafe fn to_core(self) -> Result<AppOptions> {
        check_reserved(self.reserved, "nano_app_options")?;
        check_flags(self.flags, APP_FLAGS, "nano_app_options.flags")?;
        let seeded = self.flags & NANO_APP_SEEDED != 0;
        if !seeded && self.random_seed != 0 {
            return Err(invalid("random_seed is for apps with NANO_APP_SEEDED"));
        }
        // SAFETY: the caller's promise, for these and all that follow.
        let (name, source) = unsafe { (self.name.text("name")?, self.source.slice("source")?) };
        let mut options = AppOptions::new(name, source_of(self.source_kind, source)?);
        options.user_data = self.user_data as usize as u64;
        options.lazy = self.flags & NANO_APP_LAZY != 0;
        options.limits = self.limits();
        options.random_seed = seeded.then_some(self.random_seed);
        options.host_files = self.flags & NANO_APP_HOST_FILES != 0;
        options.code_generation = self.flags & NANO_APP_CODE_GENERATION != 0;
        // SAFETY: as above.
        let (outbound, base_url) = unsafe { (self.outbound.text("outbound")?, self.base_url.text("base_url")?) };
        options.outbound = (!outbound.is_empty()).then(|| outbound.to_string());
        // SAFETY: as above.
        options.egress = unsafe { self.egress() }?;
        options.base_url = (!base_url.is_empty()).then(|| base_url.to_string());
        // SAFETY: as above.
        for variable in unsafe { array(self.env, self.env_count, "env") }? {
            // SAFETY: as above.
            let (name, value) = unsafe { (variable.name.text("a name in env")?, variable.value.text("a value in env")?) };
            options.env.push((name.to_string(), value.to_string()));
        }
        // SAFETY: as above.
        for binding in unsafe { array(self.bindings, self.bindings_count, "bindings") }? {
            // SAFETY: as above.
            options.bindings.push(unsafe { binding.text("a binding's name") }?.into());
        }
        // SAFETY: as above.
        for binding in unsafe { array(self.env_bindings, self.env_bindings_count, "env_bindings") }? {
            // SAFETY: as above.
            options.bindings.push(unsafe { binding.to_core() }?);
        }
        // SAFETY: as above.
        (options.crons, options.tail) =
            unsafe { (names(self.crons, self.crons_count, "crons")?, names(self.tail, self.tail_count, "tail")?) };
        // SAFETY: as above.
        for consumer in unsafe { array(self.consumers, self.consumers_count, "consumers") }? {
            // SAFETY: as above.
            options.consumers.push(unsafe { consumer.to_core() }?);
        }
        Ok(options)
    }

    /// # Safety
    ///
    /// Its pointers must be valid.
    unsafe fn egress(&self) -> Result<Policy> {
        let mode = match self.egress {
            NANO_EGRESS_PUBLIC => Mode::Public,
            NANO_EGRESS_DENY => Mode::Deny,
            NANO_EGRESS_ANY => Mode::Any,
            other => return Err(too_new(format!("egress {other} is not one that this library knows"))),
        };
        // SAFETY: the caller's promise.
        let (allow, deny) = unsafe {
            (
                rules(self.egress_allow, self.egress_allow_count, "egress_allow")?,
                rules(self.egress_deny, self.egress_deny_count, "egress_deny")?,
            )
        };
        Ok(Policy::new(mode, allow, deny))
    }

    fn limits(&self) -> AppLimits {
        let mut limits = AppLimits::default();
        set_bytes(&mut limits.heap_bytes, self.heap_bytes);
        set_bytes(&mut limits.external_bytes, self.external_bytes);
        set_bytes(&mut limits.body_bytes, self.body_bytes);
        set_bytes(&mut limits.upload_bytes, self.upload_bytes);
        set(&mut limits.cpu_ms, self.cpu_ms);
        set(&mut limits.start_cpu_ms, self.start_cpu_ms);
        set(&mut limits.wall_ms, self.wall_ms);
        set(&mut limits.idle_ms, self.idle_ms);
        set(&mut limits.requests, self.requests);
        set(&mut limits.subrequests, self.subrequests);
        set(&mut limits.subrequests_at_once, self.subrequests_at_once);
        set(&mut limits.timers, self.timers);
        set(&mut limits.log_bytes_per_s, self.log_bytes_per_s);
        set(&mut limits.env_entries, self.env_entries);
        set(&mut limits.env_entry_bytes, self.env_entry_bytes);
        set(&mut limits.url_bytes, self.url_bytes);
        set(&mut limits.header_bytes, self.header_bytes);
        set_bytes(&mut limits.storage_bytes, self.storage_bytes);
        set(&mut limits.storage_entries, self.storage_entries);
        set(&mut limits.host_objects, self.host_objects);
        set(&mut limits.sockets, self.sockets);
        set(&mut limits.errands, self.errands);
        set(&mut limits.errand_cpu_ms, self.errand_cpu_ms);
        set_bytes(&mut limits.cache_bytes, self.cache_bytes);
        limits
    }
}

impl nano_consumer {
    /// # Safety
    ///
    /// Its pointers must be valid.
    unsafe fn to_core(self) -> Result<QueueConsumer> {
        check_reserved(self.reserved, "nano_consumer")?;
        // SAFETY: the caller's promise.
        let (queue, dead_letters) = unsafe { (self.queue.text("queue")?, self.dead_letters.text("dead_letters")?) };
        let mut consumer = QueueConsumer::new(queue);
        let or_none = |value: u32| if value == NANO_CONSUMER_NONE { 0 } else { value };
        set(&mut consumer.batch, self.batch);
        set(&mut consumer.concurrency, self.concurrency);
        if self.retries != 0 {
            consumer.retries = or_none(self.retries);
        }
        if self.batch_wait_ms != 0 {
            consumer.batch_wait_ms = or_none(self.batch_wait_ms).into();
        }
        consumer.retry_delay_ms = or_none(self.retry_delay_ms).into();
        consumer.dead_letters = (!dead_letters.is_empty()).then(|| dead_letters.to_string());
        Ok(consumer)
    }
}

/// # Safety
///
/// The pointers must be valid.
unsafe fn rules(list: *const nano_bytes, count: usize, name: &str) -> Result<Vec<Rule>> {
    // SAFETY: the caller's promise.
    let list = unsafe { array(list, count, name) }?;
    list.iter()
        .map(|text| {
            // SAFETY: as above.
            let text = unsafe { text.text(name) }?;
            Rule::parse(text).map_err(|why| invalid(format!("{name} has \"{text}\": {why}")))
        })
        .collect()
}

fn source_of(kind: u32, source: &[u8]) -> Result<Source> {
    use std::os::unix::ffi::OsStrExt;
    let path = || std::path::PathBuf::from(std::ffi::OsStr::from_bytes(source));
    match kind {
        NANO_SOURCE_TEXT => Ok(Source::Text(source.to_vec())),
        NANO_SOURCE_FILE => Ok(Source::File(path())),
        NANO_SOURCE_FOLDER => Ok(Source::Folder(path())),
        NANO_SOURCE_ECHO => Ok(Source::Echo),
        NANO_SOURCE_TYPESCRIPT => Ok(Source::Named("index.ts".into(), source.to_vec())),
        NANO_SOURCE_TSX => Ok(Source::Named("index.tsx".into(), source.to_vec())),
        other => Err(too_new(format!("source_kind {other} is not one that this library knows"))),
    }
}
