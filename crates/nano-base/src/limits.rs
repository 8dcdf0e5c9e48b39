//! Every limit of NANO, with its name, its default and what it guards. A number that bounds something for apps or hosts lives here
//! or, for text decoders, beside them; constants elsewhere are rhythms, formats and what was measured of V8.

mod admin;
mod crypto;
mod values;

pub use self::admin::*;
pub use self::crypto::*;
pub use self::values::*;

/// What one app may use. Every field can be set per app; zero is not "unlimited" anywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppLimits {
    /// CPU of one event (all its turns, and what it leaves running), in milliseconds of thread CPU time.
    pub cpu_ms: u32,
    /// CPU of starting an instance: compiling and evaluating the app's modules.
    pub start_cpu_ms: u32,
    /// Wall time of one event; a streaming body counts from its last progress.
    pub wall_ms: u32,
    /// The JavaScript heap of one instance.
    pub heap_bytes: usize,
    /// ArrayBuffers and wasm memories of one instance; counted apart, the app's bodies that wait between it and the host, with what the
    /// decoders of its responses take.
    pub external_bytes: usize,
    /// Timers alive at once in one instance.
    pub timers: u32,
    /// Log text per second; more is dropped and counted.
    pub log_bytes_per_s: u32,
    /// Entries of `env`.
    pub env_entries: u32,
    /// Bytes of one `env` entry, name and value together.
    pub env_entry_bytes: u32,
    /// The request URL.
    pub url_bytes: u32,
    /// All request header names and values together.
    pub header_bytes: u32,
    /// A request body that is handed over whole.
    pub body_bytes: usize,
    /// A request body that comes in pieces, from a client or the host.
    pub upload_bytes: usize,
    /// Host calls of one event.
    pub subrequests: u32,
    /// Of these, those that are open at once; others wait until one is answered.
    pub subrequests_at_once: u32,
    /// Sockets of one instance at once: WebSockets both ways, and what `connect` gives.
    pub sockets: u32,
    /// Errands (native work on helper threads) of one instance, waiting or running at once.
    pub errands: u32,
    /// CPU of the errands of one event, in milliseconds.
    pub errand_cpu_ms: u32,
    /// Requests of the app that are waiting or running at once.
    pub requests: u32,
    /// How long an instance may idle before it is evicted back to cold.
    pub idle_ms: u32,
    /// What the app's caches keep, all instances together; at the limit the least recently used goes.
    pub cache_bytes: usize,
    /// Objects of the host's that one instance holds.
    pub host_objects: u32,
    /// The app's files in memory, together.
    pub storage_bytes: usize,
    /// Files and directories of the app in memory.
    pub storage_entries: u32,
}

impl Default for AppLimits {
    fn default() -> Self {
        Self {
            cpu_ms: 50,
            start_cpu_ms: 400,
            wall_ms: 30_000,
            heap_bytes: 32 << 20,
            external_bytes: 32 << 20,
            timers: 10_000,
            log_bytes_per_s: 64 << 10,
            env_entries: 64,
            env_entry_bytes: 5 << 10,
            url_bytes: 16 << 10,
            header_bytes: 128 << 10,
            body_bytes: 10 << 20,
            upload_bytes: 100 << 20,
            subrequests: 50,
            subrequests_at_once: 6,
            sockets: 4_096,
            errands: 64,
            errand_cpu_ms: 5_000,
            requests: 10_000,
            idle_ms: 60_000,
            cache_bytes: 8 << 20,
            host_objects: 1_000,
            storage_bytes: 8 << 20,
            storage_entries: 1_000,
        }
    }
}

impl AppLimits {
    /// What an app that comes from a stranger may raise its limits to without being asked about: an event of a second, a few times the
    /// memory. With these one app can be slow, and is its neighbours' business no more than before.
    pub fn ceilings() -> Self {
        Self {
            cpu_ms: 1_000,
            start_cpu_ms: 2_000,
            wall_ms: 300_000,
            heap_bytes: 128 << 20,
            external_bytes: 128 << 20,
            log_bytes_per_s: 256 << 10,
            env_entries: 256,
            env_entry_bytes: 64 << 10,
            url_bytes: 64 << 10,
            body_bytes: 100 << 20,
            upload_bytes: 10 << 30,
            subrequests: 1_000,
            subrequests_at_once: 50,
            idle_ms: 600_000,
            cache_bytes: 64 << 20,
            storage_bytes: 64 << 20,
            storage_entries: 10_000,
            ..Self::default()
        }
    }
}

/// What one runtime may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuntimeLimits {
    /// Shards, each one thread. Zero means one per core.
    pub threads: u32,
    /// Apps registered at once.
    pub apps: u32,
    /// Instances alive at once.
    pub instances: u32,
    /// Requests accepted and not yet ended.
    pub requests: u32,
    /// LOG events waiting for the host; more are dropped and counted.
    pub log_events: u32,
    /// Started blank isolates kept ready by each shard.
    pub pool: u32,
    /// What the caches of all apps keep together; at the limit the least recently used of all goes.
    pub cache_bytes: usize,
    /// Messages that wait in one queue.
    pub queue_messages: u32,
    /// Their bytes.
    pub queue_bytes: usize,
    /// The bytes of the messages of all queues.
    pub queues_bytes: usize,
}

impl Default for RuntimeLimits {
    fn default() -> Self {
        Self {
            threads: 0,
            apps: 1_000_000,
            instances: 4_000,
            requests: 100_000,
            log_events: 4_096,
            pool: 2,
            cache_bytes: 256 << 20,
            queue_messages: 10_000,
            queue_bytes: 16 << 20,
            queues_bytes: 128 << 20,
        }
    }
}

/// Gives a macro, after what it is given here, the names of all limits of an app: for bindings, which read and set them by name. Whoever
/// takes the struct apart with them notices what is missing.
#[macro_export]
macro_rules! with_app_limits {
    ($then:ident! $given:tt) => {
        $then! { $given cpu_ms, start_cpu_ms, wall_ms, heap_bytes, external_bytes, timers, log_bytes_per_s, env_entries, env_entry_bytes, url_bytes, header_bytes, body_bytes, upload_bytes, subrequests, subrequests_at_once, sockets, errands, errand_cpu_ms, requests, idle_ms, cache_bytes, host_objects, storage_bytes, storage_entries }
    };
}

/// Gives a macro, after what it is given here, the names of all limits of a runtime: for bindings, which read and set them by name. Whoever
/// takes the struct apart with them notices what is missing.
#[macro_export]
macro_rules! with_runtime_limits {
    ($then:ident! $given:tt) => {
        $then! { $given threads, apps, instances, requests, log_events, pool, cache_bytes, queue_messages, queue_bytes, queues_bytes }
    };
}

/// Shards of one runtime at most.
pub const SHARDS_MAX: usize = 256;
/// Blank isolates that one shard keeps ready at most: each takes as much as an idle app, and nobody asks for it back.
pub const POOL_MAX: u32 = 64;
/// The last time that a `Date` knows, in milliseconds since 1970; the first is as far before.
pub const DATE_MS_MAX: f64 = 8.64e15;
/// Helper threads of one runtime at most; never more than cores, but for the second.
pub const HELPERS_MAX: usize = 4;
/// Errands waiting for the helpers of one runtime.
pub const ERRANDS_MAX: usize = 16_384;
/// The pieces in which data is copied for a helper that reads it piece by piece; a streaming body's window is one.
pub const SPARE_PIECE_BYTES: usize = 64 << 10;
/// Pieces of all runtimes that are kept to be used again while something is going on.
pub const SPARE_PIECES_MAX: usize = 128;
/// CPU of an errand in pieces before others have their turn with its helper.
pub const ERRAND_SLICE_MS: u64 = 5;
/// A turn longer than this has what is queued behind it re-placed on other shards.
pub const RESCUE_AFTER_MS: u64 = 5;
/// CPU of a single turn from which on an app is a hog, and kept from the shards of the others for a while.
pub const HOG_AFTER_CPU_MS: u64 = 25;
/// How long it is kept from them, from the last such turn.
pub const HOG_MS: u64 = 2_000;
/// How often requests are looked for whose time is up, while the thread that would end them is in a turn that takes long.
pub const OVERDUE_LOOK_MS: u64 = 100;
/// How often the watchdog looks while a turn takes longer than that, or lately one was that of a hog.
pub const WATCHDOG_TICK_MS: u64 = 1;
/// The same while turns are short. Each look costs what a short request does; a turn that begins after one is seen before it is in anybody's way.
pub const WATCHDOG_CALM_TICK_MS: u64 = RESCUE_AFTER_MS - 1;
/// A turn that has not ended this much CPU time after it was interrupted is terminated: not all of V8's loops look for interrupts.
pub const INSIST_AFTER_CPU_MS: u64 = 2;
/// A turn that has not ended this much CPU time after it was interrupted is in a builtin that does not see termination.
pub const GIVE_UP_AFTER_CPU_MS: u64 = 150;
/// The same by the clock on the wall, for a thread that is not being scheduled.
pub const GIVE_UP_AFTER_WALL_MS: u64 = 2_000;
/// Shards an app may break before it is refused until it is reloaded.
pub const STRIKES_MAX: u32 = 3;
/// Threads parked or abandoned in one process before instances that might break more are refused.
pub const LOST_THREADS_MAX: u32 = 64;
/// Of these, the threads that one app may have broken, in all its versions, before it is refused as long as the process lives.
pub const LOST_THREADS_OF_APP_MAX: u32 = 16;
/// The part of all heaps that may be lost with threads that one app has broken, before the same: they hold what it had for as long.
pub const LOST_HEAPS_OF_APP_PART: u64 = 8;
/// The part of all heaps that may be lost with all such threads before a worker process is replaced.
pub const LOST_HEAPS_PART: u64 = 4;
/// The stack of a shard's thread, and V8's share of it.
pub const SHARD_STACK_BYTES: usize = 4 << 20;
/// The JavaScript stack, below the shard's own.
pub const JS_STACK_BYTES: usize = 1 << 20;
/// How long a thread stays awake for an answer, or for the next request of somebody who waits for each.
pub const PATIENCE_NS: u64 = 30_000;
/// The window of a streaming body, either way.
pub const BODY_WINDOW_BYTES: usize = 64 << 10;
/// What a stream may be ahead of its reader while its app has more bodies waiting than `external_bytes`.
pub const BODY_STEP_BYTES: usize = 4 << 10;
/// Responses that the host has not taken yet, in multiples of the app's `external_bytes`: beyond it they end in an error.
pub const WAITING_RESPONSES_MAX: usize = 4;
/// Commands waiting for one shard, apart from requests.
pub const MAILBOX_MAX: usize = 1 << 20;
/// Turns of one instance before the next instance has its own.
pub const TURNS_PER_VISIT: u32 = 16;
/// CPU time after which a visit takes no more turns, and after which a shard looks at its connections and sockets again.
pub const VISIT_CPU_NS: u64 = 1_000_000;
/// Requests waiting for one shard, of all apps.
pub const SHARD_QUEUE_MAX: usize = 200_000;
/// Of these, of one app.
pub const SHARD_LANE_MAX: usize = 100_000;
/// How long freeing a runtime waits for threads that are busy ending.
pub const STOP_WAIT_MS: u64 = 5_000;
/// How long a start that awaits something may take, however long the app's events may: whoever deploys it waits. A program, which is run
/// for what it does, may take its `wall_ms`.
pub const START_WALL_MS: u32 = 10_000;
/// What a start may take beyond its own wall limit: the time to notice and replace a shard that is stuck.
pub const START_SLACK_MS: u64 = 10_000;
/// The part of what is left of all heaps that one text or array may take that is larger than its app's whole heap may be.
pub const HEAPS_PIECE_PART: usize = 4;
/// The least room of heap given to an app that is being stopped.
pub const HEADROOM_BYTES: usize = 32 << 20;
/// How exactly the heap's limit follows what array buffers add to it, and how far a heap may be beyond its limit when V8 notices.
pub const HEAP_STEP_BYTES: usize = 1 << 20;
/// Rejected promises remembered within one turn.
pub const REJECTIONS_MAX: usize = 256;
/// A message or a stack kept of an exception: both are chosen by the app.
pub const EXCEPTION_TEXT_BYTES_MAX: usize = 8 << 10;
/// Apps with metrics of their own: with more the totals must do, or the text would not fit a scrape.
pub const APPS_LABELLED_MAX: usize = 1_000;
/// Apps with metrics of their own where only those count that use the most.
pub const METRICS_TOP_APPS: usize = 20;
/// An app's source, all modules together.
pub const SOURCE_BYTES_MAX: usize = 16 << 20;
/// Files of an app's folder that are modules.
pub const SOURCE_FILES_MAX: usize = 2_000;
/// Paths looked at while an app's imports are resolved.
pub const SOURCE_LOOKUPS_MAX: usize = 50_000;
/// Specifiers looked up for one app.
pub const SOURCE_IMPORTS_MAX: usize = 20_000;
/// A TypeScript or JSX file.
pub const TYPESCRIPT_BYTES_MAX: usize = 4 << 20;
/// The stack that a TypeScript compilation may use, at most.
pub const TYPESCRIPT_STACK_BYTES_MAX: usize = 512 << 20;
/// Compilations that took too long and still run, in one process.
pub const TYPESCRIPT_LEFT_BEHIND_MAX: usize = 8;
/// How long one TypeScript file may take, in milliseconds.
pub const TYPESCRIPT_MS_MAX: u64 = 10_000;
/// A source map, and its mappings alone.
pub const SOURCE_MAP_BYTES_MAX: usize = 16 << 20;
/// The mappings of a source map that are kept.
pub const SOURCE_MAPPINGS_BYTES_MAX: usize = 4 << 20;
/// How far `imports` of a package.json may lead from one specifier to the next.
pub const IMPORTS_HOPS_MAX: u32 = 8;
/// Names that one CommonJS module exports.
pub const COMMONJS_NAMES_MAX: usize = 2_000;
/// How far before its `from` an import's list of names may begin, to be read for the names of a CommonJS module.
pub const BRACES_BYTES_MAX: usize = 16 << 10;
/// Modules that one CommonJS module exports again.
pub const EXPORTED_AGAIN_MAX: usize = 200;
/// How deep the conditions of a package.json may nest.
pub const CONDITIONS_DEPTH_MAX: u32 = 16;
/// The names of a source map's sources, all together; longer ones are cut.
pub const SOURCE_MAP_NAMES_BYTES_MAX: usize = 1 << 20;
/// A specifier.
pub const SPECIFIER_BYTES_MAX: usize = 1_024;
/// Frames of a stack that names files as their author wrote them: `Error.stackTraceLimit` is the app's.
pub const STACK_FRAMES_MAX: u32 = 200;
/// Frames of the stack of an app that was stopped because it took too long: as many as V8 keeps of an error.
pub const STOPPED_FRAMES_MAX: usize = 10;
/// One log line.
pub const LOG_LINE_BYTES_MAX: usize = 16 << 10;
/// An app's name.
pub const NAME_BYTES_MAX: usize = 256;
/// The name of a file or directory of an app.
pub const FILE_NAME_BYTES_MAX: usize = 255;
/// The path of a file or directory of an app.
pub const FILE_PATH_BYTES_MAX: usize = 4_096;
/// Responses that one of an app's caches keeps for one URL, by what they vary with.
pub const CACHE_VARIANTS_MAX: usize = 64;
/// Entries of all apps' caches that are looked at, or go, while everybody else waits.
pub const CACHE_STEP_ENTRIES: usize = 256;
/// Cron expressions of one app.
pub const CRONS_MAX: usize = 64;
/// One cron expression.
pub const CRON_BYTES_MAX: usize = 256;
/// How long a scheduled event waits that there was no room for.
pub const SCHEDULE_RETRY_MS: u64 = 1_000;
/// How often the clock is looked at for cron expressions, besides when a minute begins.
pub const SCHEDULE_LOOK_MS: u64 = 10_000;
/// Queues of one runtime that have messages or a consumer.
pub const QUEUES_MAX: usize = 10_000;
/// The body of a message.
pub const QUEUE_MESSAGE_BYTES_MAX: usize = 128_000;
/// Messages sent at once.
pub const QUEUE_SEND_MAX: usize = 100;
/// Their bytes, if it is more than one.
pub const QUEUE_SEND_BYTES_MAX: usize = 256_000;
/// How long a message may be delayed, in seconds.
pub const QUEUE_DELAY_S_MAX: u32 = 86_400;
/// Messages of one batch.
pub const QUEUE_BATCH_MAX: usize = 100;
/// Their bytes, if it is more than one.
pub const QUEUE_BATCH_BYTES_MAX: usize = 256_000;
/// How long a batch may wait to become full.
pub const QUEUE_WAIT_MS_MAX: u64 = 60_000;
/// How often a message may be tried again.
pub const QUEUE_ATTEMPTS_MAX: u32 = 100;
/// Batches of one queue at once.
pub const QUEUE_CONCURRENCY_MAX: u32 = 250;
/// How long a message is kept that nobody takes, retries included: four days.
pub const QUEUE_KEEP_MS: u64 = 4 * 24 * 3_600_000;
/// How often messages are looked for that are older.
pub const QUEUE_SWEEP_MS: u64 = 3_600_000;
/// How long a queue waits whose consumer had no room for a batch.
pub const QUEUE_PAUSE_MS: u64 = 1_000;
/// Tail consumers of one app.
pub const TAIL_CONSUMERS_MAX: usize = 8;
/// Events that one tail consumer is told of at once.
pub const TAIL_BATCH_MAX: usize = 100;
/// How long it waits for more of them.
pub const TAIL_WAIT_MS: u64 = 250;
/// Events that wait for one tail consumer; more are dropped and counted.
pub const TAIL_ITEMS_MAX: usize = 1_000;
/// Their bytes.
pub const TAIL_BYTES_MAX: usize = 4 << 20;
/// The bytes that wait for all tail consumers of a runtime.
pub const TAILS_BYTES_MAX: usize = 64 << 20;
/// Text of the logs and exceptions of one event that a tail consumer is told of.
pub const TRACE_BYTES_MAX: usize = 128 << 10;
/// Logs and exceptions of one event.
pub const TRACE_ENTRIES_MAX: usize = 1_000;
/// How deep apps may call one another.
pub const SERVICE_DEPTH_MAX: u32 = 16;
/// The name of a method that one app calls of another, which is told of it and has it in what its tail consumers are told.
pub const METHOD_NAME_BYTES_MAX: usize = 256;
/// Methods and properties of one class of the host's.
pub const CLASS_MEMBERS_MAX: usize = 256;
/// Calls that construct, remembered before those whose object nobody holds any more are looked for.
pub const CONSTRUCTING_MAX: usize = 64;
/// How far a manual clock moves, in milliseconds: a hundred years.
pub const MANUAL_CLOCK_MS_MAX: u64 = 3_155_760_000_000;
/// When a manual clock can begin: the year 9999, in milliseconds since 1970.
pub const MANUAL_CLOCK_UNIX_MS_MAX: u64 = 253_370_764_800_000;
/// Instances in one process: V8 gives each at least one of its 16,380 dispatch-table segments.
pub const PROCESS_INSTANCES_MAX: usize = 12_000;
/// What all heaps together may use of the 4 GiB that V8 has for them. The rest is room for apps that are being stopped.
pub const CAGE_BYTES_MAX: usize = 3_500 << 20;
/// What V8 has for the machine code of all apps, as much as it can have. Every instance that has any takes a page of 256 KiB.
pub const CODE_BYTES_MAX: usize = 512 << 20;
/// The part of what all heaps may use that machine code may: an eighth. The rest of its region is room for apps that are being stopped.
pub const CODE_PART_OF_HEAPS: usize = 8;
/// The part of its heap limit that one app may use for machine code: a quarter.
pub const CODE_PART_OF_HEAP: usize = 4;
/// The share of what heaps or code may use from which on idle instances are evicted, in percent.
pub const HEAPS_PRESSURE_PERCENT: usize = 85;
/// What a fresh instance takes of it.
pub const FRESH_HEAP_BYTES: usize = 1 << 20;
/// Wasm memories and resizable array buffers alive at once in one instance: each reserves address space and two mappings.
pub const RESERVATIONS_PER_INSTANCE_MAX: usize = 32;
/// The share of `vm.max_map_count` that those of the whole process may use, in percent.
pub const RESERVATIONS_MAPPINGS_PERCENT_MAX: usize = 10;
/// The address space that those of the whole process may reserve, of the 128 TiB there are.
pub const RESERVED_BYTES_MAX: usize = 16 << 40;
/// Reservations of address space for V8's tables of pointers that are made by one call: 16 GB, four of which an instance takes.
pub const TABLES_RESERVED_AT_ONCE: usize = 32;
/// Memory mappings of an instance: 13.6, measured with 300 small ones. The kernel allows 65,530 per process.
pub const MAPPINGS_PER_INSTANCE: usize = 14;
/// The share of `vm.max_map_count` that admission lets instances use, in percent. The rest is for wasm memories (below), for heaps
/// whose pages have fallen apart, and for the host.
pub const MAPPINGS_PERCENT_MAX: usize = 80;
/// Parts of a multipart/form-data body.
pub const MULTIPART_PARTS_MAX: usize = 10_000;
/// Names and values of a body of the type application/x-www-form-urlencoded.
pub const FORM_PAIRS_MAX: usize = 100_000;
/// The headers of one part.
pub const MULTIPART_HEADER_BYTES_MAX: usize = 16 << 10;
/// A boundary; RFC 2046 allows 70, and some senders do not keep to it.
pub const MULTIPART_BOUNDARY_BYTES_MAX: usize = 256;
/// What a compressor or decompressor reads, and what it gives, in one op.
pub const CODEC_STEP_BYTES: usize = 64 << 10;
/// Selectors of one HTMLRewriter, and its document handlers.
pub const REWRITER_SELECTORS_MAX: usize = 128;
/// One selector.
pub const REWRITER_SELECTOR_BYTES_MAX: usize = 1 << 10;
/// What parsing one document may use, charged to the app from start to end; a thirty-second of what is free of `external_bytes` if that
/// is less.
pub const REWRITER_BYTES_MAX: usize = 1 << 20;
/// The name of a host.
pub const HOST_NAME_BYTES_MAX: usize = 253;
/// Threads of one runtime that ask the system for names, besides those that are stuck; an app may keep half of them busy.
pub const RESOLVERS_MAX: usize = 4;
/// The same with those that are stuck: nothing can be done but wait for them.
pub const RESOLVER_THREADS_MAX: usize = 64;
/// The stack of one.
pub const RESOLVER_STACK_BYTES: usize = 256 << 10;
/// How long the system may take for a name before the thread that asks it is stuck.
pub const LOOKUP_STUCK_MS: u64 = 500;
/// Threads that are stuck with the names of one app, from which on it can ask for no more.
pub const LOOKUPS_STUCK_OF_APP_MAX: usize = 4;
/// Names waiting for them.
pub const LOOKUPS_MAX: usize = 4_096;
/// Of these, of one app.
pub const LOOKUPS_OF_APP_MAX: usize = 64;
/// Names that one shard is asking for.
pub const LOOKUPS_OF_SHARD_MAX: usize = 4_096;
/// How long a name may take to resolve.
pub const LOOKUP_MS_MAX: u64 = 5_000;
/// Addresses kept of one name.
pub const ADDRESSES_OF_NAME_MAX: usize = 32;
/// Names that one shard remembers.
pub const NAMES_KEPT_MAX: usize = 8_192;
/// Of these, of one app.
pub const NAMES_KEPT_OF_APP_MAX: usize = 128;
/// Addresses of one name that are tried.
pub const DIAL_ADDRESSES_MAX: usize = 8;
/// How long connecting may take, all addresses together.
pub const DIAL_MS_MAX: u64 = 10_000;
/// Apps whose TLS sessions one shard remembers; the one that has not used them for longest is forgotten.
pub const TLS_APPS_MAX: usize = 1_024;
/// Servers to which one app can come back without a full handshake.
pub const TLS_SESSIONS_OF_APP_MAX: usize = 16;
/// What a connection with TLS holds of what is to be sent.
pub const TLS_BUFFER_BYTES: usize = 64 << 10;
/// How long a TLS handshake may take.
pub const TLS_HANDSHAKE_MS_MAX: u64 = 10_000;
/// How long a client may take for the TLS handshake of a listener, by default.
pub const TLS_ACCEPT_MS: u64 = 10_000;
/// Certificates of one listener, each with its key and its chain.
pub const TLS_CERTIFICATES_MAX: usize = 10_000;
/// One certificate with its chain, or one key, as text.
pub const TLS_PEM_BYTES_MAX: usize = 256 << 10;
/// Certificates of one chain.
pub const TLS_CHAIN_MAX: usize = 16;
/// Names of one certificate that are looked at.
pub const TLS_NAMES_MAX: usize = 1_024;
/// A file of root certificates.
pub const ROOTS_BYTES_MAX: u64 = 16 << 20;
/// Outbound connections of one shard, idle ones too.
pub const CONNECTIONS_OF_SHARD_MAX: usize = 4_096;
/// Outbound connections of the process.
pub const CONNECTIONS_OF_PROCESS_MAX: usize = 16_384;
/// The method of an HTTP request on the wire.
pub const HTTP_METHOD_BYTES_MAX: usize = 32;
/// The target of an HTTP request on the wire: what stands between method and version.
pub const HTTP_TARGET_BYTES_MAX: usize = 16 << 10;
/// A message's head on the wire: its first line and all headers. Also what an app may send of one: `head_bytes`.
pub const HTTP_HEAD_BYTES_MAX: usize = 128 << 10;
/// Header lines of one message on the wire.
pub const HTTP_HEADERS_MAX: usize = 128;
/// Chunk extensions of one body, together: nothing reads them.
pub const HTTP_CHUNK_EXTENSION_BYTES_MAX: usize = 16 << 10;
/// Trailers of one body, together: they are checked and dropped.
pub const HTTP_TRAILER_BYTES_MAX: usize = 16 << 10;
/// Interim responses (1xx) before one final response.
pub const HTTP_INTERIM_RESPONSES_MAX: u32 = 16;
/// Streams of one HTTP/2 connection at once.
pub const H2_STREAMS_MAX: u32 = 100;
/// What the other side may send on one HTTP/2 stream before it is read: what the protocol begins with.
pub const H2_STREAM_WINDOW_BYTES: u32 = 65_535;
/// The same on all streams of a connection together, which is given back as it comes: each stream's own window bounds what is kept.
pub const H2_CONNECTION_WINDOW_BYTES: u32 = 1 << 20;
/// A frame of HTTP/2: the least that everybody takes.
pub const H2_FRAME_BYTES_MAX: usize = 16 << 10;
/// The header table that the other side may fill.
pub const H2_TABLE_BYTES_MAX: usize = 4 << 10;
/// What a header block may become, in multiples of what is taken of one: two bytes of it stand for as much as the table holds. Beyond it ends
/// the connection.
pub const H2_LIST_TIMES_MAX: usize = 8;
/// Streams that were reset whose late frames are still expected.
pub const H2_RESETS_REMEMBERED: usize = 128;
/// What one HTTP/2 connection may cost that leads to nothing: a frame that asks for an answer or says nothing counts 1, a reset 5,
/// and a header block that becomes more than is taken of one as many times that as it becomes.
pub const H2_PATIENCE: u32 = 1_000;
/// A frame of a body with less than this, cut so short by a window, pays for no frames that open windows; nor is a window that is opened by
/// less paid for by what was read.
pub const H2_PIECE_BYTES_MIN: usize = 256;
/// How much of that is forgiven each second.
pub const H2_PATIENCE_PER_S: u32 = 100;
/// What waits to be written from which on nothing more is read of an HTTP/2 connection, and no more bodies are written.
pub const H2_OUT_BYTES_MAX: usize = 64 << 10;
/// A request's body on an HTTP/2 stream up to which the app is given all of it at once.
pub const H2_WHOLE_BODY_BYTES: usize = 8 << 10;
/// Requests of one HTTP/2 connection that are held back until such a body is there; others begin without it.
pub const H2_GATHERED_MAX: usize = 16;
/// How often a request is sent again that a server has done nothing for.
pub const FETCH_REFUSALS_MAX: u32 = 2;
/// How long an HTTP/2 connection of ours may be silent while something is asked on it before it is probed by a ping.
pub const H2_PING_AFTER_MS: u64 = 20_000;
/// How long the answer to that may take.
pub const H2_PING_MS_MAX: u64 = 20_000;
/// A WebSocket message, decompressed.
pub const WEBSOCKET_MESSAGE_BYTES_MAX: usize = 1 << 20;
/// A message of an app's that a binding puts together for its host's server: as long as apps may send.
pub const WEBSOCKET_HOST_MESSAGE_BYTES_MAX: usize = 32 << 20;
/// Fragments of one WebSocket message: empty ones cost a sender nothing.
pub const WEBSOCKET_FRAGMENTS_MAX: u32 = 4_096;
/// Extensions and parameters looked at in one WebSocket handshake.
pub const WEBSOCKET_OFFERS_MAX: usize = 32;
/// Codings on top of one another that are undone of a response's body.
pub const CODINGS_MAX: usize = 3;
/// What a stage of decoding holds for the next.
pub const DECODE_STEP_BYTES: usize = 16 << 10;
/// What a byte counts that is decoded, in bytes that are given: reading the codes is most of the work, and they can lead to nothing.
pub const DECODE_INPUT_COST: usize = 8;
/// What a member of gzip counts, in bytes that are given, as empty as it may be: a decoder is made for it.
pub const DECODE_MEMBER_COST_BYTES: usize = 4 << 10;
/// What a decoder of gzip or deflate takes, which counts into its app's `external_bytes`; one of brotli is counted as it is.
pub const INFLATE_BYTES: usize = 48 << 10;
/// The window of a brotli response's decoder, as a power of two: what everybody's encoders use at most when they are not told otherwise.
pub const DECODE_WINDOW_BITS_MAX: u8 = 22;
/// How many times its size a decoded response may have, after each of its codings.
pub const DECODED_RATIO_MAX: u64 = 200;
/// What it may have in any case.
pub const DECODED_FREE_BYTES: u64 = 16 << 20;
/// A piece of a request's body that is asked for at once.
pub const FETCH_PIECE_BYTES_MAX: usize = 16 << 10;
/// What is read of a response at once.
pub const FETCH_READ_BYTES: usize = 16 << 10;
/// Steps of one exchange before other connections have their turn.
pub const FETCH_STEPS_PER_TURN: usize = 16;
/// How long a server may take to answer, from the last byte it was sent.
pub const FETCH_FIRST_BYTE_MS_MAX: u64 = 100_000;
/// How long a response's body may make no progress while somebody has room for it.
pub const FETCH_BODY_IDLE_MS_MAX: u64 = 60_000;
/// How long an idle connection is kept if its server does not say.
pub const IDLE_MS: u64 = 4_000;
/// How long at most, whatever it says.
pub const IDLE_MS_MAX: u64 = 60_000;
/// Idle connections of one app to one origin.
pub const IDLE_OF_ORIGIN_MAX: usize = 6;
/// Idle connections of one app on one shard.
pub const IDLE_OF_APP_MAX: usize = 24;
/// Idle connections of one shard.
pub const IDLE_OF_SHARD_MAX: usize = 512;
/// Outbound connections of one app on one shard.
pub const CONNECTIONS_OF_APP_MAX: usize = 128;
/// What a socket of an app's may do before others have their turn: bytes that are read, written, decoded and given.
pub const NETWORK_TURN_BYTES: usize = 256 << 10;
/// What a read, a write or a call of a decoder counts of that besides its bytes.
pub const NETWORK_CALL_COST_BYTES: usize = 256;
/// Reads of TLS in vain before others have their turn: its records may carry nothing, or nothing but tickets.
pub const TLS_READS_IN_VAIN_MAX: usize = 6;
/// Reads of a client's TLS in vain, without a moment in which there is nothing to read, before it is let go.
pub const TLS_READS_IN_VAIN_OF_CLIENT_MAX: u32 = 64;
/// What moving a KiB between an app and the network may take before it counts into the CPU time of the event: what TLS and a coding take of a
/// thread on a slow machine. What leads to nothing counts from the start.
pub const NETWORK_FREE_NS_PER_KIB: u64 = 8_000;
/// CPU time of one look at a shard's sockets, all apps together, after which it is taken for a defect.
pub const NETWORK_LOOK_CPU_MS: u64 = 500;
/// CPU that an event has left, whatever it has used, to hear that its request was ended from outside.
pub const CANCEL_CPU_MS: u64 = 5;
/// What is read of a socket at once.
pub const SOCKET_READ_BYTES: usize = 16 << 10;
/// Steps of one socket before others have their turn.
pub const SOCKET_STEPS_PER_TURN: usize = 16;
/// How long opening a WebSocket may take, from the name to the server's answer.
pub const WEBSOCKET_OPEN_MS_MAX: u64 = 30_000;
/// What is read of the answer of a server that opens no WebSocket.
pub const WEBSOCKET_ANSWER_BYTES_MAX: usize = 256 << 10;
/// How long the other side may take to close a WebSocket.
pub const WEBSOCKET_CLOSE_MS_MAX: u64 = 10_000;
/// Frames of one WebSocket that an app has opened before others have their turn.
pub const WEBSOCKET_FRAMES_PER_TURN: usize = 256;
/// Messages of one WebSocket that wait for their app before no more are read.
pub const WEBSOCKET_INBOX_MESSAGES_MAX: usize = 32;
/// Their bytes; one message more than that may wait.
pub const WEBSOCKET_INBOX_BYTES_MAX: usize = 64 << 10;
/// With so much waiting to be sent on a WebSocket, a further message ends it.
pub const WEBSOCKET_OUTBOX_BYTES_MAX: usize = 4 << 20;
/// What a frame counts besides its bytes while it waits to be sent.
pub const WEBSOCKET_FRAME_COST_BYTES: usize = 128;
/// Small pieces that are written to a socket are joined up to this.
pub const SOCKET_JOIN_BYTES: usize = 4 << 10;
/// A message shorter than this is sent as it is: compressing it would take more than it spares.
pub const WEBSOCKET_COMPRESS_BYTES_MIN: usize = 256;
/// What is read of one WebSocket before others have their turns.
pub const WEBSOCKET_SHARE_BYTES: usize = 256 << 10;
/// How long the other side of an idle WebSocket may be silent before the kernel asks whether it is still there, in seconds; then so often.
pub const WEBSOCKET_PROBE_S: u64 = 60;
/// With so much waiting to be sent, pings are not answered.
pub const WEBSOCKET_PONGS_BYTES_MAX: usize = 64 << 10;
/// Connections of one listener at once, by default; of one shard at most.
pub const HTTP_CONNECTIONS_MAX: usize = 50_000;
/// Connections that a listening socket of a shard may have waiting in the kernel.
pub const LISTEN_BACKLOG: i32 = 1_024;
/// Connections accepted by one shard before those it has are looked at.
pub const HTTP_ACCEPTS_MAX: usize = 64;
/// Sockets that one look at a poll tells of.
pub const HTTP_EVENTS_MAX: usize = 256;
/// How long a listener that cannot accept more waits before it tries again.
pub const HTTP_PAUSE_MS: u64 = 50;
/// How often the host is told at most that clients cannot be accepted for want of descriptors.
pub const HTTP_SHORTAGE_TOLD_MS: u64 = 10_000;
/// How long a connection may be idle before it has to make room for another one.
pub const HTTP_SPARED_MS: u64 = 1_000;
/// What is read of a connection at once.
pub const HTTP_READ_BYTES: usize = 64 << 10;
/// What is moved of one connection's body before others have their turns.
pub const HTTP_SHARE_BYTES: usize = 256 << 10;
/// A request's body up to which the app is given all of it at once.
pub const HTTP_WHOLE_BODY_BYTES: usize = 64 << 10;
/// A response's body from which on it is written from where it is.
pub const HTTP_TAIL_BYTES: usize = 16 << 10;
/// What a connection's output keeps of its buffer for the next response.
pub const HTTP_KEPT_BYTES: usize = 2 << 10;
/// What the kernel keeps of a connection's output beside what is on its way: without it megabytes, for each client that does not read.
pub const HTTP_UNSENT_BYTES: u32 = 256 << 10;
/// Steps of one connection, a head or a body's share each, before others have their turns.
pub const HTTP_STEPS_PER_TURN: usize = 64;
/// How long a response may stand still whose client has closed its side: most have closed both.
pub const HTTP_GOODBYE_MS: u64 = 1_000;
/// How long a connection goes on waiting for a request when its listener is closed.
pub const HTTP_PARTING_MS: u64 = 500;
/// What is still read of a connection that is closed early.
pub const HTTP_LINGER_BYTES_MAX: usize = 1 << 20;
/// How long a client may take for a request's head, by default.
pub const HTTP_HEAD_MS: u64 = 10_000;
/// How long a connection may be open between two requests, by default.
pub const HTTP_IDLE_MS: u64 = 60_000;
/// How long a body may stand still, by default.
pub const HTTP_BODY_MS: u64 = 30_000;
/// What a client has to take of a response, or to send of a request's body, in bytes a second, not to stand still.
pub const HTTP_LEAST_BYTES_PER_S: u64 = 256;
/// Of that, the part that it has to take or send on each stream of an HTTP/2 connection: they share what it moves.
pub const H2_LEAST_OF_STREAM_PART: usize = 16;
/// How long a client may stand still while an app refuses requests because of what waits for its clients.
pub const HTTP_PRESSED_MS: u64 = 2_000;
/// How often such clients are looked for at most.
pub const HTTP_PRESS_EVERY_MS: u64 = 250;
/// How long a connection that is closed early is listened to, by default.
pub const HTTP_LINGER_MS: u64 = 2_000;
/// Requests of an app waiting for its home from which on a shard that has connections for it starts an instance of its own.
pub const SPREAD_AFTER: usize = 32;
/// Of the connections of one listener, those that one app's requests may hold, in percent: with all of them nobody else is answered.
pub const HTTP_CONNECTIONS_OF_APP_PERCENT: usize = 80;
/// Ports that routes make a server listen on, besides those it was told.
pub const ROUTE_PORTS_MAX: usize = 64;
/// Apps that a server deploys at the same time; others wait for one of them. Those that take long make room for as many others.
pub const DEPLOYS_AT_ONCE: usize = 16;
/// The same with all that take long.
pub const DEPLOYS_MAX: usize = 256;
/// Apps whose requests a server waits for at the same time when it unloads them. Others take requests until one of these has ended, or their
/// own time is over.
pub const UNLOADS_AT_ONCE: usize = 64;
/// How long the programs that print an app's secrets may take, all of them together, before they are ended.
pub const SECRET_PROGRAMS_MS: u64 = 10_000;
/// How long a deployment takes before it is said that it is waited for.
pub const DEPLOY_TOLD_MS: u64 = 2_000;
/// Log text that waits to be written; more is lost and counted.
pub const LOG_WAITING_BYTES_MAX: usize = 4 << 20;
/// How long the end of a process waits for its last words to be written.
pub const LOG_FLUSH_MS: u64 = 1_000;
/// How long a worker process that died is waited with before it is started again, and at most, doubling each time.
pub const WORKER_RESTART_MS: u64 = 100;
/// The longest of these waits.
pub const WORKER_RESTART_MS_MAX: u64 = 10_000;
/// A worker process that has served this long begins with the shortest wait again.
pub const WORKER_STEADY_MS: u64 = 30_000;
/// Threads that a worker process has lost for good when another takes its place, with half of them left.
pub const WORKER_WORN_THREADS: u64 = LOST_THREADS_MAX as u64 / 2;
/// What a worker process may take beyond the time to drain before it is killed.
pub const WORKER_STOP_SLACK_MS: u64 = 10_000;
/// Crashes of worker processes while an app ran after which the app is quarantined.
pub const POISON_CRASHES_MAX: usize = 3;
/// The time within which these count, and for which it is.
pub const POISON_WINDOW_MS: u64 = 600_000;
/// Apps that crashes are remembered of.
pub const POISON_APPS_MAX: usize = 1_024;
/// A manifest, or a file of variables.
pub const MANIFEST_BYTES_MAX: usize = 1 << 20;
/// Values of a manifest, all tables and lists together.
pub const MANIFEST_VALUES_MAX: usize = 10_000;
/// How deep the tables and lists of a manifest nest.
pub const MANIFEST_DEPTH_MAX: usize = 32;
/// A secret that a file holds or a program prints.
pub const SECRET_BYTES_MAX: usize = 64 << 10;
/// The id of a request, where it is repeated to a client.
pub const REQUEST_ID_BYTES_MAX: usize = 128;
/// Routes of one app.
pub const ROUTES_PER_APP_MAX: usize = 256;
/// What is looked at in the folder of one app.
pub const DEPLOY_ENTRIES_MAX: usize = 100_000;
/// How deep folders nest in it.
pub const DEPLOY_DEPTH_MAX: usize = 64;
/// What is read of it to tell whether it has changed.
pub const DEPLOY_BYTES_MAX: u64 = 256 << 20;
/// What is in a folder of apps.
pub const DEPLOY_FOLDERS_MAX: usize = 100_000;
/// Errors and warnings told of one file.
pub const FINDINGS_MAX: usize = 100;
/// Sockets of the apps of one shard, and what waits for them.
pub const SOCKETS_OF_SHARD_MAX: usize = 65_536;
/// Sockets that one look at a shard's poll tells of.
pub const SOCKET_EVENTS_MAX: usize = 256;
/// What V8's functions of languages take outside the heap for one text.
pub const LANGUAGE_PIECE_BYTES_MAX: usize = 128 << 20;
/// From this size on an app has to have room for a piece; smaller ones there always are, since locks may be held for them.
pub const LANGUAGE_PIECE_BYTES_REFUSED: usize = 64 << 10;
/// What declares the types of all wasm modules of the process: V8 has room for two million, of two bytes at least, and keeps them for ever.
pub const WASM_TYPES_BYTES_MAX: usize = 3 << 20;
/// Of these, those of one app, in all its versions.
pub const WASM_TYPES_OF_APP_BYTES_MAX: usize = WASM_TYPES_BYTES_MAX / 8;
/// Memory of instances that wait to be disposed of when there is time, before it is done at once.
pub const GRAVEYARD_BYTES_MAX: usize = 32 << 20;
/// What an app's instances may leave behind in caches of languages, which are the process's, before the app is not started again.
pub const LEFT_BEHIND_BYTES_MAX: usize = 128 << 20;
/// What V8 may take outside an app's heap for what it does at the moment, in multiples of `heap_bytes`, besides `external_bytes`.
pub const NATIVE_HEAPS_MAX: usize = 4;
/// Arrays and objects inside one another in a text that is parsed as JSON: V8 takes some 100 bytes outside the heap for each at worst.
pub const JSON_DEPTH_MAX: usize = 64 << 10;
/// Characters of JSON that V8 parses in a millisecond of CPU at least, also where the heap becomes full: nothing stops it meanwhile.
pub const JSON_UNITS_PER_MS: usize = 2_000;
/// The longest text of JSON that it has the time for.
pub const JSON_BOUND_UNITS_MAX: usize = 10 << 20;
/// The largest file that an operator names: a token, certificates, declarations.
pub const SMALL_FILE_BYTES_MAX: usize = 16 << 20;
/// The largest file of an app's of which lines are shown beside an error.
pub const SOURCE_SHOWN_BYTES_MAX: usize = 2 << 20;
/// Address space that V8 reserves at its start: the cage of all heaps, aligned, the code range, and room for isolates.
pub const ADDRESS_SPACE_BYTES: usize = 12 << 30;
/// What is kept of an app's source texts while it is written, to be shown beside its errors.
pub const DEV_SOURCES_BYTES_MAX: usize = 16 << 20;
/// Files of an app's that are kept so.
pub const DEV_SOURCES_MAX: usize = 2_000;
/// Lines about requests that wait to be printed while apps are written; more are lost and counted.
pub const DEV_LINES_MAX: usize = 4_096;
/// Apps that can have a debugger at the same time while they are written: each has a thread of its own then.
pub const INSPECTED_APPS_MAX: usize = 8;
/// Debuggers of one app.
pub const INSPECTOR_SESSIONS_MAX: usize = 4;
/// What debuggers have said and an app has not heard yet.
pub const INSPECTOR_MAIL_BYTES_MAX: usize = 16 << 20;
/// The longest message of a debugger's.
pub const INSPECTOR_MESSAGE_BYTES_MAX: usize = 8 << 20;
/// What an app has said and a debugger has not read yet: a debugger that is slower is sent away.
pub const INSPECTOR_OUTBOX_BYTES_MAX: usize = 64 << 20;
/// What a debugger has asked for and a new version is asked for again: breakpoints, most of all.
pub const INSPECTOR_KEPT_MAX: usize = 4_096;
/// The longest source map that a debugger is shown.
pub const INSPECTOR_MAP_BYTES_MAX: usize = 8 << 20;
/// Connections of the debuggers' listener.
pub const INSPECTOR_CONNECTIONS_MAX: usize = 64;
/// How long a client of it may take for a request.
pub const INSPECTOR_REQUEST_MS_MAX: u64 = 10_000;
