//! How runtimes, apps, requests and listeners are made. The names are the core's; zero is each number's default.

const std = @import("std");
const nano = @import("nano.zig");
const c = nano.c;
const Allocator = std.mem.Allocator;

pub const RuntimeOptions = struct {
    /// Threads that run JavaScript; one per core by default.
    threads: u32 = 0,
    apps: u32 = 0,
    instances: u32 = 0,
    requests: u32 = 0,
    log_events: u32 = 0,
    pool: u32 = 0,
    cache_bytes: u64 = 0,
    /// Deliver .log events: what apps say on their console.
    logs: bool = false,
    /// Deliver .change events: what becomes of apps.
    changes: bool = false,
    /// A clock that only advance moves.
    manual_clock: bool = false,
    clock_unix_ms: u64 = 0,
    /// Whose certificates apps trust: "webpki", "system", or "file:PATH".
    roots: []const u8 = "",

    pub fn describe(options: RuntimeOptions) c.nano_runtime_options {
        var raw: c.nano_runtime_options = .{ .size = @sizeOf(c.nano_runtime_options) };
        inline for (.{ "threads", "apps", "instances", "requests", "log_events", "pool", "cache_bytes", "clock_unix_ms" }) |name| {
            @field(raw, name) = @field(options, name);
        }
        if (options.logs) raw.events |= c.NANO_EVENTS_LOG;
        if (options.changes) raw.events |= c.NANO_EVENTS_APP;
        if (options.manual_clock) raw.flags |= c.NANO_RUNTIME_MANUAL_CLOCK;
        raw.roots = nano.lend(options.roots);
        return raw;
    }
};

pub const SourceKind = enum(u32) {
    /// One module, or a script in service-worker syntax.
    text = c.NANO_SOURCE_TEXT,
    /// The path of one file.
    file = c.NANO_SOURCE_FILE,
    /// The path of a folder: index.js, or what its package.json names, and what that imports.
    folder = c.NANO_SOURCE_FOLDER,
    /// The built-in app that answers each request with what it received as JSON.
    echo = c.NANO_SOURCE_ECHO,
    typescript = c.NANO_SOURCE_TYPESCRIPT,
    tsx = c.NANO_SOURCE_TSX,
};

pub const Variable = struct { name: []const u8, value: []const u8 };

pub const Header = struct { name: []const u8, value: []const u8 };

/// One entry of env that is not a string.
pub const Binding = struct {
    name: []const u8,
    kind: union(enum) {
        /// env.NAME.fetch(request), env.NAME.method(...): calls of yours.
        object,
        /// env.NAME(...): calls of yours.
        function,
        /// new env.NAME(...): calls of yours.
        class: struct { methods: []const []const u8 = &.{}, properties: []const []const u8 = &.{}, constructible: bool = true },
        /// Another app of the runtime answers.
        app: struct { name: []const u8, entrypoint: []const u8 = "" },
        /// A queue of the runtime's.
        queue: []const u8,
        /// A variable that is no text, as JSON.
        json: []const u8,
    },
};

/// A queue whose messages an app takes; null is none at all.
pub const Consumer = struct {
    queue: []const u8,
    dead_letters: []const u8 = "",
    batch: u32 = 0,
    batch_wait_ms: ?u32 = 0,
    retries: ?u32 = 0,
    retry_delay_ms: u32 = 0,
    concurrency: u32 = 0,
};

/// What one app may use; docs/limits.md says what each guards.
pub const Limits = struct {
    heap_bytes: u64 = 0,
    external_bytes: u64 = 0,
    body_bytes: u64 = 0,
    upload_bytes: u64 = 0,
    storage_bytes: u64 = 0,
    cache_bytes: u64 = 0,
    cpu_ms: u32 = 0,
    start_cpu_ms: u32 = 0,
    wall_ms: u32 = 0,
    idle_ms: u32 = 0,
    errand_cpu_ms: u32 = 0,
    requests: u32 = 0,
    subrequests: u32 = 0,
    subrequests_at_once: u32 = 0,
    timers: u32 = 0,
    errands: u32 = 0,
    sockets: u32 = 0,
    log_bytes_per_s: u32 = 0,
    env_entries: u32 = 0,
    env_entry_bytes: u32 = 0,
    url_bytes: u32 = 0,
    header_bytes: u32 = 0,
    storage_entries: u32 = 0,
    host_objects: u32 = 0,
};

pub const AppOptions = struct {
    /// Unique in the runtime.
    name: []const u8 = "app",
    source: []const u8,
    kind: SourceKind = .text,
    env: []const Variable = &.{},
    bindings: []const Binding = &.{},
    limits: Limits = .{},
    /// The binding that answers the app's global fetch instead of the network.
    outbound: []const u8 = "",
    egress: enum(u32) { public = c.NANO_EGRESS_PUBLIC, deny = c.NANO_EGRESS_DENY, any = c.NANO_EGRESS_ANY } = .public,
    egress_allow: []const []const u8 = &.{},
    egress_deny: []const []const u8 = &.{},
    base_url: []const u8 = "",
    /// Code from strings and bytes: only for apps that you trust.
    code_generation: bool = false,
    /// Its first request starts it, and finds its errors.
    lazy: bool = false,
    /// The app's files are yours: calls of the kind .files.
    host_files: bool = false,
    /// Its randomness follows from this number: for tests, never for an app that serves.
    random_seed: ?u64 = null,
    crons: []const []const u8 = &.{},
    consumers: []const Consumer = &.{},
    tail: []const []const u8 = &.{},
    /// What you know this version by: Call.userData of the calls that it makes, and one .version_end when it makes no more, also if it was not
    /// loaded; but not if that was for error.OutOfMemory.
    user_data: ?*anyopaque = null,

    pub fn describe(options: AppOptions, arena: Allocator) Allocator.Error!c.nano_app_options {
        var raw: c.nano_app_options = .{ .size = @sizeOf(c.nano_app_options) };
        inline for (comptime std.meta.fieldNames(Limits)) |name| @field(raw, name) = @field(options.limits, name);
        inline for (.{ "name", "source", "outbound", "base_url" }) |name| @field(raw, name) = nano.lend(@field(options, name));
        inline for (.{ "egress_allow", "egress_deny", "crons", "tail" }) |name| {
            const list = @field(options, name);
            @field(raw, name) = try texts(arena, list);
            @field(raw, name ++ "_count") = list.len;
        }
        raw.user_data = options.user_data;
        raw.source_kind = @backingInt(options.kind);
        raw.egress = @backingInt(options.egress);
        if (options.lazy) raw.flags |= c.NANO_APP_LAZY;
        if (options.host_files) raw.flags |= c.NANO_APP_HOST_FILES;
        if (options.code_generation) raw.flags |= c.NANO_APP_CODE_GENERATION;
        if (options.random_seed) |seed| {
            raw.flags |= c.NANO_APP_SEEDED;
            raw.random_seed = seed;
        }
        const env = try arena.alloc(c.nano_variable, options.env.len);
        for (env, options.env) |*to, from| to.* = .{ .name = nano.lend(from.name), .value = nano.lend(from.value) };
        raw.env = env.ptr;
        raw.env_count = env.len;
        const bindings = try arena.alloc(c.nano_binding, options.bindings.len);
        for (bindings, options.bindings) |*to, from| to.* = try describeBinding(arena, from);
        raw.env_bindings = bindings.ptr;
        raw.env_bindings_count = bindings.len;
        const consumers = try arena.alloc(c.nano_consumer, options.consumers.len);
        for (consumers, options.consumers) |*to, from| to.* = .{
            .queue = nano.lend(from.queue),
            .dead_letters = nano.lend(from.dead_letters),
            .batch = from.batch,
            .batch_wait_ms = from.batch_wait_ms orelse c.NANO_CONSUMER_NONE,
            .retries = from.retries orelse c.NANO_CONSUMER_NONE,
            .retry_delay_ms = from.retry_delay_ms,
            .concurrency = from.concurrency,
        };
        raw.consumers = consumers.ptr;
        raw.consumers_count = consumers.len;
        return raw;
    }
};

fn describeBinding(arena: Allocator, binding: Binding) Allocator.Error!c.nano_binding {
    var raw: c.nano_binding = .{ .name = nano.lend(binding.name) };
    switch (binding.kind) {
        .object => raw.kind = c.NANO_BINDING_OBJECT,
        .function => raw.kind = c.NANO_BINDING_FUNCTION,
        .class => |class| {
            raw.kind = c.NANO_BINDING_CLASS;
            if (!class.constructible) raw.flags = c.NANO_CLASS_NOT_CONSTRUCTIBLE;
            raw.methods = try texts(arena, class.methods);
            raw.methods_count = class.methods.len;
            raw.properties = try texts(arena, class.properties);
            raw.properties_count = class.properties.len;
        },
        .app => |app| {
            raw.kind = c.NANO_BINDING_APP;
            raw.app = nano.lend(app.name);
            raw.entrypoint = nano.lend(app.entrypoint);
        },
        .queue => |queue| {
            raw.kind = c.NANO_BINDING_QUEUE;
            raw.app = nano.lend(queue);
        },
        .json => |json| {
            raw.kind = c.NANO_BINDING_JSON;
            raw.app = nano.lend(json);
        },
    }
    return raw;
}

fn texts(arena: Allocator, list: []const []const u8) Allocator.Error![*c]const c.nano_bytes {
    const raw = try arena.alloc(c.nano_bytes, list.len);
    for (raw, list) |*to, from| to.* = nano.lend(from);
    return raw.ptr;
}

/// A request. Everything in it is lent for the call.
pub const Request = struct {
    method: []const u8 = "GET",
    /// Absolute, http or https.
    url: []const u8,
    headers: []const Header = &.{},
    body: union(enum) {
        none,
        whole: []const u8,
        /// It follows by Runtime.write and end.
        stream,
        /// None, and the host has the client's connection. If the app answers with a WebSocket, the response has the status 101; what the client
        /// sends from then on follows by Runtime.write and end, and chunks are what it gets, byte for byte.
        upgrade,
    } = .none,
    /// A shorter wall limit than the app's, or zero.
    deadline_ms: u32 = 0,

    pub fn describe(request: Request, arena: Allocator) Allocator.Error!c.nano_request_init {
        var raw: c.nano_request_init = .{
            .size = @sizeOf(c.nano_request_init),
            .method = nano.lend(request.method),
            .url = nano.lend(request.url),
            .headers = try headersOf(arena, request.headers),
            .headers_count = request.headers.len,
            .deadline_ms = request.deadline_ms,
        };
        switch (request.body) {
            .none => {},
            .stream => raw.body_kind = c.NANO_BODY_STREAM,
            .upgrade => raw.body_kind = c.NANO_BODY_UPGRADE,
            .whole => |bytes| {
                raw.body_kind = c.NANO_BODY_WHOLE;
                const lent = nano.lend(bytes);
                raw.body = .{ .ptr = lent.ptr, .len = lent.len };
            },
        }
        return raw;
    }
};

pub fn headersOf(arena: Allocator, headers: []const Header) Allocator.Error![*c]const c.nano_header {
    const raw = try arena.alloc(c.nano_header, headers.len);
    for (raw, headers) |*to, from| to.* = .{ .name = nano.lend(from.name), .value = nano.lend(from.value) };
    return raw.ptr;
}

/// Which requests are an app's.
pub const Route = struct {
    /// A name without a port; empty for all that no route names.
    host: []const u8 = "",
    /// What the path begins with, at the end of a segment: /api is for /api and /api/x, not for /apis. Empty for every path.
    path: []const u8 = "",
    /// One of the runtime's: nobody answers for another's. Its handle may be freed as soon as the call has returned.
    app: nano.App,
};

/// A certificate of a listener. It is for the names in it.
pub const Certificate = struct {
    /// The certificate, in PEM, and behind it those that vouch for it.
    chain: []const u8,
    /// Its private key, in PEM: PKCS #8, PKCS #1 or SEC 1.
    key: []const u8,
};

/// Where to listen, and for whom. Everything in it is lent for the call.
pub const ListenOptions = struct {
    /// IP:PORT, of which port 0 is any that is free, unix:PATH, or fd:NUMBER for a socket that somebody else has bound.
    address: []const u8,
    /// Whose the requests are; of those that fit the one with the longest path. Others are answered with 404.
    routes: []const Route = &.{},
    /// With certificates the listener speaks TLS, and HTTP/2 beside HTTP/1.1. Clients that ask for no name, or for one that none is for,
    /// get the first.
    certificates: []const Certificate = &.{},
    /// All requests come by a proxy, and what it puts last into X-Forwarded-For and X-Forwarded-Proto is true.
    behind_proxy: bool = false,
    /// Connections at once.
    connections: u32 = 0,
    /// Connections that are at a request of one app; requests beyond are answered with 503.
    connections_of_app: u32 = 0,
    /// The head of a request: its first line and all headers.
    head_bytes: u32 = 0,
    /// Headers of a request.
    headers: u32 = 0,
    /// How long a client may take for the head of a request.
    head_ms: u32 = 0,
    /// How long a connection may be open between two requests.
    idle_ms: u32 = 0,
    /// How long a body may stand still, in either direction.
    body_ms: u32 = 0,
    /// How long a client may take for the handshake of TLS.
    handshake_ms: u32 = 0,

    pub fn describe(options: ListenOptions, arena: Allocator) Allocator.Error!c.nano_listen_options {
        var raw: c.nano_listen_options = .{ .size = @sizeOf(c.nano_listen_options), .address = nano.lend(options.address) };
        inline for (.{ "connections", "connections_of_app", "head_bytes", "headers", "head_ms", "idle_ms", "body_ms", "handshake_ms" }) |name| {
            @field(raw, name) = @field(options, name);
        }
        if (options.behind_proxy) raw.flags |= c.NANO_LISTEN_BEHIND_PROXY;
        const routes = try arena.alloc(c.nano_route, options.routes.len);
        for (routes, options.routes) |*to, from| to.* = .{ .host = nano.lend(from.host), .path = nano.lend(from.path), .app = from.app.raw };
        raw.routes = routes.ptr;
        raw.routes_count = routes.len;
        raw.certificates = try certificatesOf(arena, options.certificates);
        raw.certificates_count = options.certificates.len;
        return raw;
    }
};

pub fn certificatesOf(arena: Allocator, certificates: []const Certificate) Allocator.Error![*c]const c.nano_certificate {
    const raw = try arena.alloc(c.nano_certificate, certificates.len);
    for (raw, certificates) |*to, from| to.* = .{ .chain = nano.lend(from.chain), .key = nano.lend(from.key) };
    return raw.ptr;
}
