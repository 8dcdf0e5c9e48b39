/* nano.h: written by scripts/header.sh from nano-ffi/src; change it there.
 *
 * NANO: an embeddable, multi-tenant JavaScript host.
 *
 * Link one library, and your server runs thousands of Workers-style apps inside its own process, each in an isolate of
 * its own that can hang, leak or die without taking another one, or you, along.
 *
 * CONCEPTS
 *
 * A runtime is a set of threads of NANO's own and one queue of events. An app is JavaScript with a name, variables and
 * limits. You dispatch requests to apps; everything that comes of them arrives as events in the queue: responses, body
 * chunks, ends, errors, and the calls that apps make to you.
 *
 * Guarantees:
 *
 *  1. After nano_dispatch or nano_invoke says NANO_OK exactly one terminal event arrives for that id (it has
 *     NANO_FLAG_END): also on cancel, limit, reload, kill, unload, drain, close and a defect inside NANO.
 *  2. Everything passed in is borrowed for the call only and copied, except a nano_owned with a release function, whose
 *     release runs exactly once, also when the call fails.
 *  3. Everything in an event belongs to the library until nano_event_release, or until the _free that the event names.
 *  4. Only these block: nano_runtime_new, _drain, _close, _free; nano_app_load, _reload, _kill, _unload;
 *     nano_fetch, nano_invoke_wait and nano_wait.
 *  5. Every function may be called from any thread; a pointer to const means: also at the same time. The queue has one
 *     consumer at a time; a second one gets NANO_E_BUSY.
 *  6. A stale or foreign id is NANO_E_NOT_FOUND, a NULL handle or out-parameter NANO_E_INVALID; never undefined behaviour.
 *  7. In a child after fork every function with a status returns NANO_E_FORKED and every _free does nothing. Make
 *     runtimes after the fork, or fork and exec.
 *  8. NANO installs no signal handler and calls no code of yours but the doorbell and the release of a nano_owned.
 *  9. The library stays loaded after dlclose; V8 starts once per process and is never torn down.
 *
 * Ownership: what a function returns through a pointer to a pointer is yours until its _free. Every _free takes NULL.
 * An accessor's result lives as long as what it was taken from. A const void * or nano_bytes that you receive is never
 * yours to free.
 *
 * Text and bytes are nano_bytes: pointer and length, no NUL needed; {NULL, 0} is empty. Text is UTF-8.
 *
 * Options are structs whose first field is their size: begin with NANO_..._INIT, set what you need. Zero is the default
 * of every number. A library that is older than your header refuses fields it does not know with NANO_E_TOO_NEW,
 * unless they are zero. Structs that the library fills begin the same way.
 *
 * Errors are values: a nano_status (0 success, above 0 a condition, below 0 an error), and where a sentence helps, a
 * last parameter nano_error **, which may be NULL. There is no thread-local last error.
 *
 * Lifecycle: nano_runtime_new, nano_app_load, then dispatch and poll. To stop: nano_runtime_drain (or _close), poll until
 * the count is zero, nano_app_free, nano_runtime_free. A handle must not be in use by another thread when it is freed.
 *
 * The smallest program is examples/c/hello.c; a server with its own event loop is examples/c/server.c.
 */

#ifndef NANO_H
#define NANO_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define NANO_API __attribute__((visibility("default")))
#define NANO_MUST_USE __attribute__((warn_unused_result))
#else
#define NANO_API
#define NANO_MUST_USE
#endif

/* ================================================================================================================
 * Numbers.
 * ============================================================================================================= */

/** It worked. */
#define NANO_OK 0
/** Not everything was accepted: go on after a WRITABLE event. */
#define NANO_AGAIN 1
/** The time given passed first. */
#define NANO_TIMEOUT 2
/** An argument is wrong; the message says which. */
#define NANO_E_INVALID (-1)

/** A struct uses fields or flags that this library does not know. */
#define NANO_E_TOO_NEW (-2)

/** No such app, request or call (any more). */
#define NANO_E_NOT_FOUND (-3)

/** Another thread is consuming this queue, or the name is taken. */
#define NANO_E_BUSY (-4)

/** The host or the client gave the request up. */
#define NANO_E_CANCELED (-5)

/** The app used more CPU than one event may. */
#define NANO_E_CPU_LIMIT (-6)

/** The app used more memory than it may. */
#define NANO_E_MEMORY_LIMIT (-7)

/** The event took longer than it may. */
#define NANO_E_WALL_LIMIT (-8)

/** The app threw; message and stack are for the host's log, never for clients. */
#define NANO_E_EXCEPTION (-9)

/** The app's code does not compile or its imports do not resolve. */
#define NANO_E_COMPILE (-10)

/** Too much is waiting for this app or runtime already. */
#define NANO_E_OVERLOADED (-11)

/** A ceiling of the process is reached; the message names it. */
#define NANO_E_CAPACITY (-12)

/** The runtime has been closed. */
#define NANO_E_SHUTDOWN (-13)

/** The app or the runtime takes no new work. */
#define NANO_E_DRAINING (-14)

/** This process is a fork of the one that started NANO. */
#define NANO_E_FORKED (-15)

/** Already done with other options. */
#define NANO_E_ALREADY (-16)

/** The process may not reserve the address space that V8 needs. */
#define NANO_E_ADDRESS_SPACE (-17)

/** A policy forbids it. */
#define NANO_E_POLICY (-18)

/** A file could not be read; the message names it. */
#define NANO_E_IO (-19)

/** A defect inside NANO was contained; the runtime is still usable. */
#define NANO_E_PANIC (-20)

/** Not available in this build or on this platform. */
#define NANO_E_UNSUPPORTED (-21)

/** The thread that ran the request was given up because an app broke it; the request may have had effects. */
#define NANO_E_SHARD_LOST (-22)

/** A value, a head or a body is larger than it may be; the message names the limit. */
#define NANO_E_TOO_LARGE (-23)

/** env.NAME.fetch(request) and env.NAME.method(...args): calls of the kinds FETCH and METHOD. */
#define NANO_BINDING_OBJECT 0
/** env.NAME(...args): calls of the kind FUNCTION. */
#define NANO_BINDING_FUNCTION 1

/**
 * new env.NAME(...args): calls of the kind CONSTRUCT, and OBJECT_METHOD, OBJECT_GET and OBJECT_SET of what came of it.
 */
#define NANO_BINDING_CLASS 2

/**
 * env.NAME.fetch(request) and env.NAME.method(...args), answered by another app of the runtime. You see nothing of it.
 */
#define NANO_BINDING_APP 3

/**
 * env.NAME.send(value) and env.NAME.sendBatch(messages): a queue of the runtime's, for the app among whose consumers it is.
 */
#define NANO_BINDING_QUEUE 4
/** env.NAME, a variable that is no string: a number, a list, an object. */
#define NANO_BINDING_JSON 5

/** Of a class: apps cannot make objects, they only get those you return from calls. */
#define NANO_CLASS_NOT_CONSTRUCTIBLE 1

/**
 * The runtime lives by a clock that only nano_runtime_advance moves: what apps read, their timers, wall limits and idle times.
 * For tests, simulations and replays. While it stands still no wall limit strikes and nothing is evicted for being idle; CPU limits
 * always go by the processor's time.
 */
#define NANO_RUNTIME_MANUAL_CLOCK 1

/** Deliver LOG events: what apps say on their console. */
#define NANO_EVENTS_LOG 1
/** Deliver APP events: apps that are loaded, started, evicted, reloaded, unloaded. */
#define NANO_EVENTS_APP 2

/** The source is the text of one module, or of a script in service-worker syntax. */
#define NANO_SOURCE_TEXT 0
/** The source is the path of one file. */
#define NANO_SOURCE_FILE 1
/** The source is the path of a folder: index.js, or what its package.json names, and what that imports. */
#define NANO_SOURCE_FOLDER 2
/** The built-in app that answers each request with what it received as JSON, for testing a host. */
#define NANO_SOURCE_ECHO 3
/** The source is the text of one TypeScript module. */
#define NANO_SOURCE_TYPESCRIPT 4
/** The source is the text of one module with TypeScript and JSX in it. */
#define NANO_SOURCE_TSX 5

/** Only register the app: its first request starts it, and finds its errors. */
#define NANO_APP_LAZY 1

/**
 * For tests that must run the same way every time: crypto.getRandomValues, crypto.randomUUID and Math.random of each instance
 * follow from random_seed alone. Whoever knows the seed knows every token such an app makes: never for an app that serves.
 * Keys made by crypto.subtle stay random.
 */
#define NANO_APP_SEEDED 2

/**
 * The app's files are yours: navigator.storage.getDirectory() and what is done with it become CALL events of the kind FILES.
 * Without it they are in memory, and gone when the app is unloaded.
 */
#define NANO_APP_HOST_FILES 4

/**
 * The app may make code from strings and bytes: eval, new Function, WebAssembly.compile. Only for apps that you trust.
 */
#define NANO_APP_CODE_GENERATION 8

/**
 * The app may connect to public addresses: not to this machine, its networks or what they keep for themselves. The addresses that
 * a name stands for are looked at, not the name.
 */
#define NANO_EGRESS_PUBLIC 0
/** The app may connect to nothing. */
#define NANO_EGRESS_DENY 1
/** The app may connect to everything, this machine included. Only for apps that you trust. */
#define NANO_EGRESS_ANY 2

/** In a nano_consumer: none at all, where zero means the default. */
#define NANO_CONSUMER_NONE UINT32_MAX

/** There is no body. */
#define NANO_BODY_NONE 0
/** The body is all there. */
#define NANO_BODY_WHOLE 1
/** The body follows in pieces. */
#define NANO_BODY_STREAM 2

/**
 * There is no body, and the host has the client's connection: if the app answers with a WebSocket, RESPONSE has the status 101 and all headers
 * that the client needs. From then on what the client sends follows by nano_request_write and nano_request_end, byte for byte, and CHUNK
 * events are what it gets; with END or ERROR the connection is closed. Before an ERROR other than NANO_E_CANCELED the last CHUNK tells the
 * client why. Without it such an answer is NANO_E_UNSUPPORTED. Of requests only.
 */
#define NANO_BODY_UPGRADE 3

/** The version of this header: it changes incompatibly with the first number. */
#define NANO_VERSION_MAJOR 0
/** The second number. */
#define NANO_VERSION_MINOR 1
/** The third number. */
#define NANO_VERSION_PATCH 0

/** The version of the binary interface; compare it with nano_abi_version(). */
#define NANO_ABI_VERSION 1

/** Nothing; what an event becomes when it is released. */
#define NANO_EVENT_NONE 0
/** A response: as.response. With NANO_FLAG_END it has its whole body, otherwise CHUNK events and END follow. */
#define NANO_EVENT_RESPONSE 1
/** A piece of a response's body: as.chunk. Give its length back with nano_response_credit. */
#define NANO_EVENT_CHUNK 2
/** A response that came in pieces is complete. */
#define NANO_EVENT_END 3
/** The request or invocation failed: as.error. Also in the middle of a body. */
#define NANO_EVENT_ERROR 4
/** There is room again in the body that nano_request_write or nano_call_write said NANO_AGAIN for. */
#define NANO_EVENT_WRITABLE 5
/** What an invocation returned: as.value, CBOR. */
#define NANO_EVENT_RESULT 6

/**
 * An app calls you; id is a nano_call. Look with nano_call_request; answer once with nano_call_respond, nano_call_return
 * or nano_call_fail, when you like.
 */
#define NANO_EVENT_CALL 7
/** A piece of the body of an app's call: as.chunk, empty at its end. Give its length back with nano_call_credit. */
#define NANO_EVENT_CALL_CHUNK 8
/** Nobody waits for the answer to this call any more. */
#define NANO_EVENT_CALL_CANCELED 9
/** An app said something on its console: as.log. Only if asked for by NANO_EVENTS_LOG. */
#define NANO_EVENT_LOG 10
/** An app changed its state: as.app. Only if asked for by NANO_EVENTS_APP. */
#define NANO_EVENT_APP 11

/**
 * An app has given back an object of yours, once: id is your number, as.release says whose it was. For each time you gave an
 * object there is exactly one such event: when the app's garbage is collected, and at the latest when its instance ends.
 */
#define NANO_EVENT_RELEASE 12

/**
 * A version of an app has ended; user_data is what you gave with it. It makes no more calls, holds no more objects of yours, and this is the
 * last event that is about it: free what you keep for it. There is exactly one for each nano_app_load and nano_app_reload with user_data: when
 * a later version serves, or the app is unloaded or its runtime closed, and what the version has begun has ended; or, if it was not loaded,
 * whatever the status was, when nothing of it is left. Only where an argument was NULL, the size of the struct wrong or the process a fork,
 * nothing has begun, and nothing ends. After nano_poll or nano_wait has said NANO_E_SHUTDOWN there is none any more: what has had none by then
 * is yours again, as is what you give after that.
 */
#define NANO_EVENT_VERSION_END 13

/** The last event of its id: free what you keep for it. */
#define NANO_FLAG_END 1

/** console.debug. */
#define NANO_LOG_DEBUG 0
/** console.log and console.info. */
#define NANO_LOG_INFO 1
/** console.warn. */
#define NANO_LOG_WARN 2
/** console.error and uncaught exceptions. */
#define NANO_LOG_ERROR 3

/** env.NAME.fetch(request): answer with nano_call_respond. */
#define NANO_CALL_FETCH 1
/** env.NAME.method(...args): answer with nano_call_return. */
#define NANO_CALL_METHOD 2
/** env.NAME(...args): answer with nano_call_return. */
#define NANO_CALL_FUNCTION 3

/**
 * new env.NAME(...args): answer with nano_call_return and an object of that class, tag 27 over ["HostObject", "NAME", number]. The
 * number is yours to choose; a pointer will do.
 */
#define NANO_CALL_CONSTRUCT 4
/** object.method(...args): answer with nano_call_return. */
#define NANO_CALL_OBJECT_METHOD 5
/** object.property: answer with nano_call_return. */
#define NANO_CALL_OBJECT_GET 6

/**
 * object.property = value: answer with nano_call_return; what you return is dropped. A failure goes to the app's log.
 */
#define NANO_CALL_OBJECT_SET 7
/** A file operation of an app with NANO_APP_HOST_FILES: the table is in docs/embedding-c.md. */
#define NANO_CALL_FILES 8

/**
 * All requests come by a proxy, and what it puts last into X-Forwarded-For and X-Forwarded-Proto is true. Without it apps find the
 * address of the connection there (and in CF-Connecting-IP), whatever the client says.
 */
#define NANO_LISTEN_BEHIND_PROXY 1

/* ================================================================================================================
 * Types.
 * ============================================================================================================= */

/**
 * A handle of a loaded app. The app itself lives in its runtime until it is unloaded, however many handles there are.
 */
typedef struct nano_app nano_app;

/** Why something failed: a status, a sentence, and the app's stack where it threw. */
typedef struct nano_error nano_error;

/** A listener. It is in its runtime, and closed with it. */
typedef struct nano_listener nano_listener;

/** The names of the queues that a runtime had when it was asked. */
typedef struct nano_queues nano_queues;

/** A response: of nano_fetch, or of a RESPONSE event. */
typedef struct nano_response nano_response;

/** A set of threads that run JavaScript, and their queue of events. */
typedef struct nano_runtime nano_runtime;

/** Text that the library made for you. */
typedef struct nano_text nano_text;

/**
 * How a call ended: 0 success, above 0 a condition, below 0 an error. Numbers are never reused, and new ones may come.
 */
typedef int32_t nano_status;

/**
 * Bytes that belong to somebody else: borrowed for the call when you pass them, the library's when you receive them.
 * No NUL is needed at the end; {NULL, 0} is empty. nano_str("text") makes one of a C string.
 */
typedef struct nano_bytes {
  /** The first byte; NULL if len is 0. */
  const uint8_t *ptr;
  /** How many bytes. */
  size_t len;
} nano_bytes;

/** How V8 starts. Begin with NANO_INIT_OPTIONS_INIT. */
typedef struct nano_init_options {
  /** sizeof(nano_init_options). */
  size_t size;
  /** More flags for V8, for experiments; not part of the stable interface. */
  struct nano_bytes v8_flags;
  /** Not zero: run without generating machine code, for kernels that forbid it. */
  uint32_t jitless;
  /** Zero. */
  uint32_t reserved;
  /** The most that all heaps of the process may use together; the default, and the most there is, is 3,500 MiB. */
  uint64_t heaps_bytes;
} nano_init_options;

/** How a runtime is made. Begin with NANO_RUNTIME_OPTIONS_INIT; zero is each number's default. */
typedef struct nano_runtime_options {
  /** sizeof(nano_runtime_options). */
  size_t size;
  /** Threads that run JavaScript; the default is one per core. */
  uint32_t threads;
  /** Apps registered at once. */
  uint32_t apps;
  /** Instances alive at once. */
  uint32_t instances;
  /** Requests accepted and not yet ended. */
  uint32_t requests;
  /** LOG and APP events waiting in the queue; more are dropped and counted. */
  uint32_t log_events;
  /** Started blank isolates that each thread keeps ready; 64 at most. */
  uint32_t pool;
  /** The optional events you want: NANO_EVENTS_LOG | NANO_EVENTS_APP. */
  uint32_t events;
  /** NANO_RUNTIME_... */
  uint32_t flags;
  /** Of NANO_RUNTIME_MANUAL_CLOCK: when it begins, in milliseconds since 1970; zero is 2026-01-01. */
  uint64_t clock_unix_ms;
  /** What the caches of all apps keep together, by the Cache API; at the limit the least recently used of all goes. */
  uint64_t cache_bytes;
  /**
   * Whose certificates apps trust in TLS: empty or "webpki" for Mozilla's, as built in, "system" for this machine's, "file:PATH"
   * for those in a file of PEM and no others.
   */
  struct nano_bytes roots;
} nano_runtime_options;

/** What a runtime holds and has done. Begin with NANO_RUNTIME_COUNTERS_INIT. */
typedef struct nano_runtime_counters {
  /** sizeof(nano_runtime_counters). */
  size_t size;
  /** Apps registered. */
  uint64_t apps;
  /** Instances alive, in this process. */
  uint64_t instances;
  /** Requests accepted. */
  uint64_t requests;
  /** Of these, waiting or running. */
  uint64_t in_flight;
  /** Requests refused because something was full. */
  uint64_t refused;
  /** Instances started. */
  uint64_t starts;
  /** Instances evicted back to cold. */
  uint64_t evictions;
  /** Instances that broke a limit. */
  uint64_t condemned;
  /** Requests moved away from behind an app that hogged its thread. */
  uint64_t rescued;
  /** Threads that V8 gave up, or on which NANO's own code failed. */
  uint64_t parked;
  /** Threads left behind in something that could not be stopped. */
  uint64_t abandoned;
  /** Memory of instances on parked threads, written off. */
  uint64_t lost_bytes;
  /** Log lines dropped. */
  uint64_t logs_dropped;
  /** Scheduled events that were due and did not take place. */
  uint64_t skipped;
  /** Events that tail consumers were not told of. */
  uint64_t untold;
} nano_runtime_counters;

/** One variable of an app's env. */
typedef struct nano_variable {
  /** Its name in env. */
  struct nano_bytes name;
  /** Its text. */
  struct nano_bytes value;
} nano_variable;

/** One entry of env that is not a string. Begin with zeros: nano_binding binding = {0}; */
typedef struct nano_binding {
  /** Its name in env. */
  struct nano_bytes name;
  /** NANO_BINDING_... */
  uint32_t kind;
  /** Of CLASS: NANO_CLASS_... */
  uint32_t flags;
  /**
   * Of APP: the other app's name. It need not be loaded before it is called; who has that name then, answers. Of QUEUE: the queue's.
   * Of JSON: the value, as JSON.
   */
  struct nano_bytes app;
  /** Of APP: the export of its main module that answers, an object or a class; empty for the default export. */
  struct nano_bytes entrypoint;
  /** Of CLASS: the names of its methods. Not "then", "constructor", "toJSON" or "__proto__". */
  const struct nano_bytes *methods;
  /** How many there are. */
  size_t methods_count;
  /** Of CLASS: the names of its properties. In JavaScript, reading one gives a promise. */
  const struct nano_bytes *properties;
  /** How many there are. */
  size_t properties_count;
  /** Zero. */
  uint64_t reserved[2];
} nano_binding;

/** A queue whose messages an app takes; a queue has one consumer. Begin with zeros: nano_consumer consumer = {0}; */
typedef struct nano_consumer {
  /** The queue's name. */
  struct nano_bytes queue;
  /** The queue for messages that failed for good; empty for none: they are dropped, and the app's log says so. */
  struct nano_bytes dead_letters;
  /** Messages of one batch at most, up to 100; the default is 10. */
  uint32_t batch;
  /** How long a batch waits to become full, up to 60,000; the default is 5,000, NANO_CONSUMER_NONE for not at all. */
  uint32_t batch_wait_ms;
  /** How often a message is tried again, up to 100; the default is 3, NANO_CONSUMER_NONE for never. */
  uint32_t retries;
  /** How long it waits before that, unless the app says; the default is not at all. */
  uint32_t retry_delay_ms;
  /** Batches at once, up to 250; the default is 1. */
  uint32_t concurrency;
  /** Zero. */
  uint32_t reserved;
} nano_consumer;

/** An app: code, env and limits. Begin with NANO_APP_OPTIONS_INIT; zero is each number's default. */
typedef struct nano_app_options {
  /** sizeof(nano_app_options). */
  size_t size;
  /** Its name, unique in the runtime. */
  struct nano_bytes name;
  /** The text or the path of its code, according to source_kind. */
  struct nano_bytes source;
  /** NANO_SOURCE_... */
  uint32_t source_kind;
  /** NANO_APP_... */
  uint32_t flags;
  /** Variables and secrets: strings in env. */
  const struct nano_variable *env;
  /** How many there are. */
  size_t env_count;
  /**
   * Names in env that you answer: env.NAME.fetch(request) and env.NAME.method(...args) become CALL events. The short way
   * to say env_bindings of the kind NANO_BINDING_OBJECT.
   */
  const struct nano_bytes *bindings;
  /** How many there are. */
  size_t bindings_count;
  /** The JavaScript heap of one instance. */
  uint64_t heap_bytes;
  /** ArrayBuffers and wasm memories of one instance; counted apart, the app's bodies that wait between it and you. */
  uint64_t external_bytes;
  /** A request body that is handed over whole. */
  uint64_t body_bytes;
  /** CPU time of one event: all its turns, and what it leaves running. */
  uint32_t cpu_ms;
  /** CPU time of starting an instance. */
  uint32_t start_cpu_ms;
  /** Wall time of one event; a streaming body counts from its last progress. */
  uint32_t wall_ms;
  /** How long an instance may idle before it is evicted. */
  uint32_t idle_ms;
  /** Requests waiting or running at once. */
  uint32_t requests;
  /** Calls to the host of one event. */
  uint32_t subrequests;
  /** Of these, those that are open at once; others wait until one is answered. */
  uint32_t subrequests_at_once;
  /** Timers alive at once in one instance. */
  uint32_t timers;
  /** Log text per second; more is dropped and counted. */
  uint32_t log_bytes_per_s;
  /** Entries of env. */
  uint32_t env_entries;
  /** Bytes of one entry of env, name and value together. */
  uint32_t env_entry_bytes;
  /** The URL of a request. */
  uint32_t url_bytes;
  /** All header names and values of a request together. */
  uint32_t header_bytes;
  /** Zero. */
  uint32_t reserved;
  /** What else is in env: functions, classes, other apps. */
  const struct nano_binding *env_bindings;
  /** How many there are. */
  size_t env_bindings_count;
  /** Of NANO_APP_SEEDED: where its randomness begins. */
  uint64_t random_seed;
  /** The files of the app in memory, together. */
  uint64_t storage_bytes;
  /** How many files and directories these may be. */
  uint32_t storage_entries;
  /** Objects of yours that one instance holds. */
  uint32_t host_objects;
  /**
   * The name of the binding that answers the app's global fetch, one of the kind OBJECT or APP, instead of the network.
   */
  struct nano_bytes outbound;
  /**
   * What relative URLs in fetch, Request and Response.redirect are relative to, an absolute URL; without one they are refused.
   */
  struct nano_bytes base_url;
  /** Errands (native work beside the turns, as WebCrypto's) of one instance, waiting or running at once. */
  uint32_t errands;
  /** CPU time of the errands of one event. */
  uint32_t errand_cpu_ms;
  /**
   * What the app's caches keep, by the Cache API, all instances together; at the limit the least recently used goes.
   */
  uint64_t cache_bytes;
  /**
   * Where the app may connect to besides: a host (api.example.com, *.example.com), an address or a network (10.1.0.0/16), each with
   * or without a port (:443).
   */
  const struct nano_bytes *egress_allow;
  /** How many there are. */
  size_t egress_allow_count;
  /** Where it may not connect to, whatever is allowed. */
  const struct nano_bytes *egress_deny;
  /** How many there are. */
  size_t egress_deny_count;
  /** NANO_EGRESS_...: what is said of everything else. */
  uint32_t egress;
  /** Sockets of one instance at once: WebSockets both ways, and what `connect` gives. */
  uint32_t sockets;
  /**
   * When the app's scheduled() is called: cron expressions of five fields as Workers have them ("0 3 * * MON", 1 is Sunday), in UTC.
   */
  const struct nano_bytes *crons;
  /** How many there are. */
  size_t crons_count;
  /** The queues whose messages its queue() takes. */
  const struct nano_consumer *consumers;
  /** How many there are. */
  size_t consumers_count;
  /** The names of apps whose tail() is told of each of its events. They need not be loaded before they are told. */
  const struct nano_bytes *tail;
  /** How many there are. */
  size_t tail_count;
  /** A request body that comes in pieces, from you or a client. */
  uint64_t upload_bytes;
  /**
   * What you know this version of the app by, or NULL: the calls that it makes carry it, whichever version serves by then, and exactly one
   * NANO_EVENT_VERSION_END gives it back.
   */
  void *user_data;
} nano_app_options;

/** What an app has used since it was loaded. Begin with NANO_APP_COUNTERS_INIT. */
typedef struct nano_app_counters {
  /** sizeof(nano_app_counters). */
  size_t size;
  /** Requests and invocations accepted. */
  uint64_t requests;
  /** Of these, still waiting or running. */
  uint64_t in_flight;
  /** Ended with an error. */
  uint64_t errors;
  /** CPU time of all starts and turns, also of those after a request's end, and of its sockets. */
  uint64_t cpu_us;
  /** Instances started. */
  uint64_t starts;
  /** Instances that broke a limit. */
  uint64_t condemned;
  /** Threads the app broke. */
  uint64_t strikes;
  /** Versions loaded. */
  uint64_t versions;
  /** Bytes of bodies between you and the app that the other side has not taken yet. */
  uint64_t waiting_bytes;
  /** Scheduled events that were due and did not take place: the one before had not ended, or there was no room. */
  uint64_t skipped;
  /** Events that a tail consumer was not told of, because it was not there or too slow. */
  uint64_t untold;
} nano_app_counters;

/** One header of a request or a response. Names arrive in lower case. */
typedef struct nano_header {
  /** The name, a token of HTTP. */
  struct nano_bytes name;
  /** The value, without line breaks and NUL. */
  struct nano_bytes value;
} nano_header;

/**
 * Bytes that you may hand over. With release NULL they are borrowed and copied like any nano_bytes. Otherwise they belong
 * to the library from the moment of the call, and release(ctx) runs exactly once, possibly on a thread of NANO's and
 * possibly before the call returns: also if the call fails, unless the struct they are in is NULL or its size is wrong.
 * It must not call NANO.
 */
typedef struct nano_owned {
  /** The first byte; NULL if len is 0. */
  const uint8_t *ptr;
  /** How many bytes. */
  size_t len;
  /** Called once when the bytes are no longer needed, or NULL. */
  void (*release)(void *ctx);
  /** What release is called with. */
  void *ctx;
} nano_owned;

/** A request. Begin with NANO_REQUEST_INIT. */
typedef struct nano_request_init {
  /** sizeof(nano_request_init). */
  size_t size;
  /** GET, POST, ... */
  struct nano_bytes method;
  /**
   * The absolute URL, http or https, without credentials. The app reads it as the web writes it, and without a fragment.
   */
  struct nano_bytes url;
  /** The headers. */
  const struct nano_header *headers;
  /** How many there are. */
  size_t headers_count;
  /** The body of NANO_BODY_WHOLE, otherwise empty. */
  struct nano_owned body;
  /** NANO_BODY_...; with STREAM it follows by nano_request_write and nano_request_end. */
  uint32_t body_kind;
  /** A shorter wall limit than the app's, or zero. */
  uint32_t deadline_ms;
} nano_request_init;

/** The id of a request or invocation; never 0, never given twice. */
typedef uint64_t nano_request;

/** What an app said on its console. Only the library makes these; fields may be added at the end. */
typedef struct nano_log {
  /** NANO_LOG_... */
  uint32_t level;
  /** Zero. */
  uint32_t reserved;
  /** Lines of this app that were dropped before this one, because they were more than its limit. */
  uint64_t dropped;
  /** The app's name; empty where the runtime itself has something to say. */
  struct nano_bytes app;
  /** The text. */
  struct nano_bytes text;
} nano_log;

/** An app's change of state. Only the library makes these; fields may be added at the end. */
typedef struct nano_app_change {
  /** The app's name. */
  struct nano_bytes app;
  /** "loaded", "started", "evicted", "condemned", "reloaded", "unloaded", "quarantined"; there may be more. */
  struct nano_bytes state;
  /** Why, where there is a reason. */
  struct nano_bytes reason;
} nano_app_change;

/** An object that is not held any more. Only the library makes these; fields may be added at the end. */
typedef struct nano_release {
  /** The app's name. */
  struct nano_bytes app;
  /** The object's class. */
  struct nano_bytes binding;
} nano_release;

/** What an event carries; its type says which. */
typedef union nano_event_as {
  /** Of RESPONSE. To keep it, take the pointer, set this to NULL, and free it with nano_response_free. */
  struct nano_response *response;
  /** Of ERROR. To keep it, take the pointer, set this to NULL, and free it with nano_error_free. */
  struct nano_error *error;
  /** Of CHUNK and CALL_CHUNK. To keep it, keep the event. */
  struct nano_bytes chunk;
  /** Of RESULT, in CBOR. To keep it, keep the event. */
  struct nano_bytes value;
  /** Of LOG. */
  const struct nano_log *log;
  /** Of APP. */
  const struct nano_app_change *app;
  /** Of RELEASE. */
  const struct nano_release *release;
  /** Room for what later versions bring. */
  uint64_t reserved[4];
} nano_event_as;

/**
 * Something that happened. Types you do not know are to be skipped; debug builds of the library deliver one such event
 * first of all. An event is a value: you may move its 64 bytes elsewhere, and release it there, once, whenever you like.
 */
typedef struct nano_event {
  /** NANO_EVENT_... */
  uint32_t type;
  /** NANO_FLAG_... */
  uint32_t flags;
  /**
   * The request, invocation or call it belongs to; your number of the object for RELEASE; 0 for LOG, APP and VERSION_END.
   */
  uint64_t id;
  /** What you gave with the request, or for VERSION_END with the version; NULL for calls, RELEASE, LOG and APP. */
  void *user_data;
  /** What it carries. */
  union nano_event_as as;
  /** The library's. */
  void *owner;
} nano_event;

/** What one request used. Begin with NANO_ACCOUNT_INIT. */
typedef struct nano_account {
  /** sizeof(nano_account). */
  size_t size;
  /** CPU time of its turns. */
  uint64_t cpu_us;
  /** Time from acceptance to its end. */
  uint64_t wall_us;
  /** The instance's heap at its end. */
  uint64_t heap_bytes;
  /** The instance's memory outside the heap at its end. */
  uint64_t external_bytes;
  /** Calls to the host. */
  uint64_t subrequests;
  /** Body bytes received. */
  uint64_t bytes_in;
  /** Body bytes sent. */
  uint64_t bytes_out;
} nano_account;

/** What a queue of messages holds and has done. Begin with NANO_QUEUE_COUNTERS_INIT. */
typedef struct nano_queue_counters {
  /** sizeof(nano_queue_counters). */
  size_t size;
  /** Messages that wait or are being delivered. */
  uint64_t messages;
  /** Their bytes. */
  uint64_t bytes;
  /** Messages sent to it. */
  uint64_t sent;
  /** Messages that are done with. */
  uint64_t acked;
  /** Deliveries that failed, or were asked for again. */
  uint64_t retried;
  /** Messages that failed for good and went to the queue for those. */
  uint64_t dead;
  /** Messages that failed for good and are lost. */
  uint64_t dropped;
} nano_queue_counters;

/** The id of an app's call to the host; never 0, never given twice, never that of a request. */
typedef uint64_t nano_call;

/**
 * What an app asks. Only the library makes these; fields may be added at the end. It is a copy of the call: it stays valid
 * until nano_call_view_free, whatever becomes of the call. Fail a kind that you do not know.
 */
typedef struct nano_call_view {
  /** NANO_CALL_... */
  uint32_t kind;
  /** Of FETCH: NANO_BODY_...; with STREAM the body comes in CALL_CHUNK events. */
  uint32_t body_kind;
  /** The request on whose behalf the app calls, or 0. */
  nano_request request;
  /** The app's name. */
  struct nano_bytes app;
  /** The binding's name in env; of OBJECT_... the name of the class. */
  struct nano_bytes binding;
  /**
   * Of FETCH: GET, POST, ... Of METHOD, OBJECT_METHOD and FILES: the method's name. Of OBJECT_GET and OBJECT_SET: the property's.
   */
  struct nano_bytes method;
  /** Of FETCH: the URL. */
  struct nano_bytes url;
  /** Of FETCH: the headers. */
  const struct nano_header *headers;
  /** How many there are. */
  size_t headers_count;
  /** Of FETCH: the body if body_kind is NANO_BODY_WHOLE. */
  struct nano_bytes body;
  /** Of all but FETCH: the arguments, a CBOR array; of OBJECT_SET with the value alone in it. */
  struct nano_bytes args;
  /**
   * Of OBJECT_METHOD, OBJECT_GET and OBJECT_SET: your number of the object. It is not released before the call is answered.
   */
  uint64_t object;
  /** What you gave with the version of the app that calls, or NULL. */
  void *user_data;
} nano_call_view;

/** Your answer to an app's fetch call. Begin with NANO_CALL_RESPONSE_INIT. */
typedef struct nano_call_response {
  /** sizeof(nano_call_response). */
  size_t size;
  /** 200 to 599. */
  uint32_t status;
  /** NANO_BODY_...; with STREAM it follows by nano_call_write and nano_call_end. */
  uint32_t body_kind;
  /** The reason phrase; may be empty. */
  struct nano_bytes status_text;
  /** The headers. */
  const struct nano_header *headers;
  /** How many there are. */
  size_t headers_count;
  /** The body of NANO_BODY_WHOLE, otherwise empty. */
  struct nano_owned body;
} nano_call_response;

/** Which requests are an app's. */
typedef struct nano_route {
  /** The host's name, without a port; empty for all that no route names. */
  struct nano_bytes host;
  /**
   * What the path begins with, at the end of a segment: /api is for /api and /api/x, not for /apis. Empty for every path.
   */
  struct nano_bytes path;
  /** The app. Its handle may be freed as soon as the call has returned. */
  const struct nano_app *app;
} nano_route;

/** A certificate of a listener. It is for the names in it. */
typedef struct nano_certificate {
  /** The certificate, in PEM, and behind it those that vouch for it. */
  struct nano_bytes chain;
  /** Its private key, in PEM: PKCS #8, PKCS #1 or SEC 1. */
  struct nano_bytes key;
} nano_certificate;

/** Where to listen, and for whom. Begin with NANO_LISTEN_OPTIONS_INIT; zero is each number's default. */
typedef struct nano_listen_options {
  /** sizeof(nano_listen_options). */
  size_t size;
  /**
   * IP:PORT (127.0.0.1:8080, [::1]:8080), unix:/PATH, or fd:NUMBER for a socket that somebody else has bound. Port 0 is any that
   * is free. A path's file goes when the listener is closed.
   */
  struct nano_bytes address;
  /** Whose the requests are; of those that fit the one with the longest path. Others are answered with 404. */
  const struct nano_route *routes;
  /** How many there are. */
  size_t routes_count;
  /** Connections at once. */
  uint32_t connections;
  /** How long a client may take for the head of a request. */
  uint32_t head_ms;
  /** How long a connection may be open between two requests. */
  uint32_t idle_ms;
  /** How long a body may stand still, in either direction. */
  uint32_t body_ms;
  /** The head of a request: its first line and all headers. */
  uint32_t head_bytes;
  /** Headers of a request; 128 at most, which is the default. */
  uint32_t headers;
  /**
   * With certificates the listener speaks TLS, and HTTP/2 beside HTTP/1.1. Clients that ask for no name, or for one that none is for,
   * get the first.
   */
  const struct nano_certificate *certificates;
  /** How many there are. */
  size_t certificates_count;
  /** How long a client may take for the handshake of TLS. */
  uint32_t handshake_ms;
  /** NANO_LISTEN_... */
  uint32_t flags;
  /**
   * Connections that are at a request of one app; requests beyond are answered with 503. By default four fifths of connections, or
   * all of them where there is one app alone.
   */
  uint32_t connections_of_app;
  /** Zero. */
  uint32_t reserved;
} nano_listen_options;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/* ================================================================================================================
 * Statuses: how every call ends.
 * ============================================================================================================= */

/**
 * The name of a status, such as "NANO_E_CPU_LIMIT"; "NANO_E_UNKNOWN" for a number that is none. Static, NUL-terminated.
 */
NANO_API const char *nano_status_name(nano_status status);

/* ================================================================================================================
 * The process: versions, and how V8 starts.
 * ============================================================================================================= */

/** The library's version, such as "nano/0.1.0 v8/15.2.27 abi/1". Static, NUL-terminated. */
NANO_API const char *nano_version(void);

/** The binary interface that the library speaks: unequal to NANO_ABI_VERSION, it is not the library of this header. */
NANO_API uint32_t nano_abi_version(void);

/**
 * Starts V8 with other than the default options. Optional, once per process, before the first runtime; again with the
 * same options it is NANO_OK, with others NANO_E_ALREADY. NANO_E_ADDRESS_SPACE if the process may not reserve what V8
 * needs. options may be NULL.
 */
NANO_API nano_status nano_init(const struct nano_init_options *options, struct nano_error **error);

/* ================================================================================================================
 * Runtimes: threads that run JavaScript, and one queue of events.
 * ============================================================================================================= */

/**
 * Makes a runtime, and starts V8 if it is the process's first. options may be NULL. Blocks until the threads are there.
 */
NANO_API NANO_MUST_USE
nano_status nano_runtime_new(const struct nano_runtime_options *options,
                             struct nano_runtime **runtime,
                             struct nano_error **error);

/**
 * Moves the clock of a runtime with NANO_RUNTIME_MANUAL_CLOCK on, and has the threads look at it: timers that are due run, wall
 * limits that are due strike. Does not wait for that. NANO_E_INVALID for other runtimes, and beyond a hundred years.
 */
NANO_API
nano_status nano_runtime_advance(const struct nano_runtime *runtime,
                                 uint64_t ms);

/**
 * Closes the listeners, closes WebSockets with 1001, and waits until clients have their answers; then takes no new requests, waits until
 * those in flight have ended, and ends the rest with NANO_E_DRAINING. All of this takes grace_ms at most; NANO_TIMEOUT if there was a
 * rest. Events can be polled. Blocks.
 */
NANO_API
nano_status nano_runtime_drain(const struct nano_runtime *runtime,
                               uint32_t grace_ms);

/**
 * Ends every request with NANO_E_SHUTDOWN and stops the threads. What was in the queue, and these last events, can be
 * polled; after them nano_poll and nano_wait say NANO_E_SHUTDOWN, and nothing comes any more. Blocks until the threads
 * have stopped. A second close does nothing.
 */
NANO_API nano_status nano_runtime_close(const struct nano_runtime *runtime);

/**
 * Closes the runtime if it is not closed, and frees it with the events that were not polled. Apps of it that you still
 * hold stay valid, and refuse everything. Blocks.
 */
NANO_API void nano_runtime_free(struct nano_runtime *runtime);

/**
 * A descriptor for poll, epoll and the like: readable exactly while events wait. It stays the runtime's: do not read from
 * it or close it. -1 for NULL and in a forked child.
 */
NANO_API
int nano_runtime_fd(const struct nano_runtime *runtime);

/**
 * Sets the function that is called, on a thread of NANO's, whenever the queue becomes non-empty; NULL for none. It must
 * not block, unwind or call NANO: let it wake your own loop, which then polls until the count is zero, and may find
 * that it is zero already. When this returns the function set before is not running and will not be called again. Poll
 * once after setting it.
 */
NANO_API nano_status nano_runtime_set_doorbell(const struct nano_runtime *runtime, void (*ring)(void *ctx), void *ctx);

/** What the runtime holds and has done. counters begins with NANO_RUNTIME_COUNTERS_INIT. */
NANO_API nano_status nano_runtime_stats(const struct nano_runtime *runtime, struct nano_runtime_counters *counters);

/** The same and more as Prometheus text. Free it with nano_text_free. */
NANO_API nano_status nano_runtime_metrics(const struct nano_runtime *runtime, struct nano_text **text);

/** The text's bytes. */
NANO_API struct nano_bytes nano_text_bytes(const struct nano_text *text);

/** Frees a text. */
NANO_API void nano_text_free(struct nano_text *text);

/* ================================================================================================================
 * Apps: loading, replacing and unloading them.
 * ============================================================================================================= */

/**
 * Loads an app: reads, compiles and starts it, or explains why not, with file, line and column. NANO_E_BUSY if there is
 * one of this name. Blocks.
 */
NANO_API NANO_MUST_USE
nano_status nano_app_load(const struct nano_runtime *runtime,
                          const struct nano_app_options *options,
                          struct nano_app **app,
                          struct nano_error **error);

/**
 * Loads a new version of the app: its name stays, whatever options says. The old version serves until the new one has
 * started, finishes what it began, and goes on serving if the new one does not start. Blocks.
 */
NANO_API NANO_MUST_USE
nano_status nano_app_reload(const struct nano_app *app,
                            const struct nano_app_options *options,
                            struct nano_error **error);

/**
 * Takes no new requests, lets those in flight end within grace_ms, ends the rest with NANO_E_DRAINING, and forgets the
 * app: its name is free again. The handle is still yours to free. NANO_TIMEOUT if an instance could not be stopped yet.
 * Blocks.
 */
NANO_API nano_status nano_app_unload(const struct nano_app *app, uint32_t grace_ms, struct nano_error **error);

/**
 * Ends the app's instances now, in the middle of what they do: requests that it has end with NANO_E_CANCELED, and the next
 * one starts a fresh instance. How many there were is stored in instances, which may be NULL. NANO_TIMEOUT if one could
 * not be stopped yet. Blocks.
 */
NANO_API
nano_status nano_app_kill(const struct nano_app *app,
                          uint32_t *instances,
                          struct nano_error **error);

/** A handle of the app with this name; free it with nano_app_free. NANO_E_NOT_FOUND if there is none. */
NANO_API nano_status nano_app_find(const struct nano_runtime *runtime, struct nano_bytes name, struct nano_app **app);

/** The app's name. */
NANO_API struct nano_bytes nano_app_name(const struct nano_app *app);

/** What the app has used. counters begins with NANO_APP_COUNTERS_INIT. */
NANO_API nano_status nano_app_stats(const struct nano_app *app, struct nano_app_counters *counters);

/** Frees the handle. The app goes on serving: it ends with nano_app_unload or with its runtime. */
NANO_API void nano_app_free(struct nano_app *app);

/* ================================================================================================================
 * Requests: from acceptance to their one terminal event.
 * ============================================================================================================= */

/**
 * Hands a request over and stores its id; never blocks. Its events carry the id and user_data, and exactly one of them
 * has NANO_FLAG_END. If this fails there are no events. NANO_E_TOO_LARGE for a URL, headers or body over the app's
 * limits, NANO_E_OVERLOADED while too much waits; nano_error_http_status says what to answer the client.
 */
NANO_API NANO_MUST_USE
nano_status nano_dispatch(const struct nano_app *app,
                          const struct nano_request_init *init,
                          void *user_data,
                          nano_request *id,
                          struct nano_error **error);

/**
 * Dispatches a request and waits for its whole response, which is yours to free. No event comes of it. Its body is NONE
 * or WHOLE. NANO_TIMEOUT, and the request ended, when timeout_ms has passed first; with 0 only the app's own limits
 * count. Blocks.
 */
NANO_API NANO_MUST_USE
nano_status nano_fetch(const struct nano_app *app,
                       const struct nano_request_init *init,
                       uint32_t timeout_ms,
                       struct nano_response **response,
                       struct nano_error **error);

/**
 * Appends to the body of a request with NANO_BODY_STREAM, or of one with NANO_BODY_UPGRADE that is a WebSocket by now; how
 * much was taken is stored in accepted. NANO_AGAIN if that is less than all: a WRITABLE event says when to offer the rest.
 * Never blocks.
 */
NANO_API
nano_status nano_request_write(const struct nano_runtime *runtime,
                               nano_request id,
                               struct nano_bytes bytes,
                               size_t *accepted);

/** Ends the body of a request with NANO_BODY_STREAM, or what the client of a WebSocket sends. */
NANO_API nano_status nano_request_end(const struct nano_runtime *runtime, nano_request id);

/**
 * The body of a request with NANO_BODY_STREAM was cut short: the app's read of it fails with this text, and the app may
 * still answer.
 */
NANO_API nano_status nano_request_abort(const struct nano_runtime *runtime, nano_request id, struct nano_bytes why);

/**
 * Gives a request or invocation up: an ERROR event with NANO_E_CANCELED ends it, and the app learns of it by its abort
 * signal. NANO_E_NOT_FOUND if it has ended; its last event may still wait in the queue.
 */
NANO_API nano_status nano_request_cancel(const struct nano_runtime *runtime, nano_request id);

/**
 * Makes room for bytes more of a response's body: as many as you have passed on or dropped of its CHUNK events. It begins
 * with room for 64 KiB, and may go over it by one chunk.
 */
NANO_API
nano_status nano_response_credit(const struct nano_runtime *runtime,
                                 nano_request id,
                                 uint32_t bytes);

/* ================================================================================================================
 * Invocations: calling any function that an app exports.
 * ============================================================================================================= */

/**
 * Calls the function that the app exports under this name, with the arguments in args: a CBOR array, or {NULL, 0} for
 * none. Never blocks. One RESULT or ERROR event follows, with the id and user_data; nano_request_cancel gives it up.
 */
NANO_API NANO_MUST_USE
nano_status nano_invoke(const struct nano_app *app,
                        struct nano_bytes export_name,
                        struct nano_bytes args,
                        void *user_data,
                        nano_request *id,
                        struct nano_error **error);

/**
 * The same, and waits: result becomes the RESULT event, with its value and account, to be released with
 * nano_event_release. NANO_TIMEOUT, and the invocation ended, when timeout_ms has passed first; with 0 only the app's own
 * limits count. Blocks.
 */
NANO_API NANO_MUST_USE
nano_status nano_invoke_wait(const struct nano_app *app,
                             struct nano_bytes export_name,
                             struct nano_bytes args,
                             uint32_t timeout_ms,
                             struct nano_event *result,
                             struct nano_error **error);

/**
 * Calls the app's scheduled() for this time, in milliseconds since 1970, with these words as controller.cron: for hosts that have a
 * scheduler of their own; the app's crons have no part in it. Never blocks. One RESULT event follows, of an object with outcome ("ok")
 * and noRetry (true or false), or an ERROR event.
 */
NANO_API NANO_MUST_USE
nano_status nano_app_schedule(const struct nano_app *app,
                              struct nano_bytes cron,
                              uint64_t time_unix_ms,
                              void *user_data,
                              nano_request *id,
                              struct nano_error **error);

/* ================================================================================================================
 * Events: what happened, in 64 bytes.
 * ============================================================================================================= */

/**
 * What the request used so far, of a RESPONSE, END, ERROR or RESULT event: all of it if the event is the last one.
 * NANO_E_NOT_FOUND for other events, and if you took the payload: then ask nano_response_account or nano_error_account.
 * account begins with NANO_ACCOUNT_INIT.
 */
NANO_API nano_status nano_event_account(const struct nano_event *event, struct nano_account *account);

/**
 * Frees what is left in count events, in any order and on any thread, and makes them NANO_EVENT_NONE, which may be
 * released again. A response or an error whose pointer you set to NULL is yours and stays.
 */
NANO_API void nano_event_release(struct nano_event *events, size_t count);

/* ================================================================================================================
 * The queue: events in batches, for one consumer at a time.
 * ============================================================================================================= */

/**
 * Takes up to capacity events; never blocks. How many is stored in count: with fewer than capacity the queue was empty.
 * Release them with nano_event_release. NANO_E_SHUTDOWN when the runtime is closed and nothing is left.
 */
NANO_API NANO_MUST_USE
nano_status nano_poll(const struct nano_runtime *runtime,
                      struct nano_event *events,
                      size_t capacity,
                      size_t *count);

/**
 * Waits until there are events, then takes up to capacity of them: NANO_OK with at least one, or NANO_TIMEOUT when
 * timeout_ms has passed first. A negative timeout_ms waits without end. nano_runtime_close wakes it. Blocks.
 */
NANO_API NANO_MUST_USE
nano_status nano_wait(const struct nano_runtime *runtime,
                      struct nano_event *events,
                      size_t capacity,
                      int32_t timeout_ms,
                      size_t *count);

/* ================================================================================================================
 * Responses: status, headers, body, and what they cost.
 * ============================================================================================================= */

/** The status code; 0 for NULL. */
NANO_API uint16_t nano_response_status(const struct nano_response *response);

/** The reason phrase; often empty. */
NANO_API struct nano_bytes nano_response_status_text(const struct nano_response *response);

/** The headers in their order, names in lower case; how many is stored in count. NULL if there are none. */
NANO_API const struct nano_header *nano_response_headers(const struct nano_response *response, size_t *count);

/** The value of the first header with this name, whatever its case; {NULL, 0} if there is none. */
NANO_API struct nano_bytes nano_response_header(const struct nano_response *response, struct nano_bytes name);

/**
 * The whole body of a response that is complete: from nano_fetch, or of a RESPONSE event with NANO_FLAG_END. Empty for
 * one whose body follows in CHUNK events.
 */
NANO_API struct nano_bytes nano_response_body(const struct nano_response *response);

/** What the request used so far: all of it if the response is complete. account begins with NANO_ACCOUNT_INIT. */
NANO_API nano_status nano_response_account(const struct nano_response *response, struct nano_account *account);

/** Frees a response. */
NANO_API void nano_response_free(struct nano_response *response);

/* ================================================================================================================
 * Queues of messages: what each holds and has done.
 * ============================================================================================================= */

/**
 * What the queue of this name holds and has done. A queue is there while it has messages or an app that takes them;
 * otherwise NANO_E_NOT_FOUND. counters begins with NANO_QUEUE_COUNTERS_INIT.
 */
NANO_API
nano_status nano_queue_stats(const struct nano_runtime *runtime,
                             struct nano_bytes name,
                             struct nano_queue_counters *counters);

/** The queues that are there now. Free the list with nano_queues_free. */
NANO_API nano_status nano_runtime_queues(const struct nano_runtime *runtime, struct nano_queues **queues);

/** Their names, in no order; how many is stored in count. NULL if there are none. */
NANO_API const struct nano_bytes *nano_queues_names(const struct nano_queues *queues, size_t *count);

/** Frees the list. */
NANO_API void nano_queues_free(struct nano_queues *queues);

/* ================================================================================================================
 * Host calls: what apps ask of you, by env.NAME.fetch(request), env.NAME.method(...args), env.NAME(...args), new env.NAME(...args).
 * ============================================================================================================= */

/** What a call asks. NANO_E_NOT_FOUND if it has been answered or given up. */
NANO_API
nano_status nano_call_request(const struct nano_runtime *runtime,
                              nano_call call,
                              struct nano_call_view **view);

/** Frees a view. The call goes on waiting for its answer. */
NANO_API void nano_call_view_free(struct nano_call_view *view);

/**
 * Answers a fetch call. With NANO_BODY_STREAM the body follows by nano_call_write and nano_call_end. If this fails the
 * call still waits, unless it was not found.
 */
NANO_API
nano_status nano_call_respond(const struct nano_runtime *runtime,
                              nano_call call,
                              const struct nano_call_response *response,
                              struct nano_error **error);

/**
 * Answers a call of any kind but FETCH with a value in CBOR; {NULL, 0} is undefined. Each object in the value is held by the app
 * from here on, if this succeeds: one NANO_EVENT_RELEASE follows for each, sooner or later.
 */
NANO_API
nano_status nano_call_return(const struct nano_runtime *runtime,
                             nano_call call,
                             struct nano_bytes value,
                             struct nano_error **error);

/**
 * Appends to the body of an answer with NANO_BODY_STREAM; how much was taken is stored in accepted. NANO_AGAIN if that is
 * less than all: a WRITABLE event with the call's id says when to offer the rest. Never blocks.
 */
NANO_API
nano_status nano_call_write(const struct nano_runtime *runtime,
                            nano_call call,
                            struct nano_bytes bytes,
                            size_t *accepted);

/** Ends the body of an answer with NANO_BODY_STREAM. */
NANO_API nano_status nano_call_end(const struct nano_runtime *runtime, nano_call call);

/**
 * Fails a call: the app's promise is rejected with this message, which the app can read. After nano_call_respond with
 * NANO_BODY_STREAM it breaks the body off instead.
 */
NANO_API nano_status nano_call_fail(const struct nano_runtime *runtime, nano_call call, struct nano_bytes message);

/**
 * Fails a call as nano_call_fail does, with an error of this name: of JavaScript's class of the same name, or a DOMException, if it is one of
 * theirs, otherwise an Error whose name it is. A FETCH, whose errors are TypeErrors, and a body that is broken off have "name: message" as their message; of
 * FILES the name is the DOMException's. An empty name is none.
 */
NANO_API
nano_status nano_call_throw(const struct nano_runtime *runtime,
                            nano_call call,
                            struct nano_bytes name,
                            struct nano_bytes message);

/**
 * Makes room for bytes more of the body of an app's call: as many as you have passed on or dropped of its CALL_CHUNK
 * events. It begins with room for 64 KiB.
 */
NANO_API nano_status nano_call_credit(const struct nano_runtime *runtime, nano_call call, uint32_t bytes);

/* ================================================================================================================
 * Errors: why something failed.
 * ============================================================================================================= */

/** The status; NANO_OK for NULL. */
NANO_API nano_status nano_error_code(const struct nano_error *error);

/**
 * The status with which an HTTP server answers its client: 413, 414 or 431 for NANO_E_TOO_LARGE, 503 for what may be tried
 * again, 504 for what took too long, 400 for a request that is wrong, 501 for an app's WebSocket that nobody carries, otherwise
 * 500. 0 for NULL.
 */
NANO_API
uint16_t nano_error_http_status(const struct nano_error *error);

/** What happened and what to do, in one or two sentences. For your log: an app's exception is quoted in it. */
NANO_API struct nano_bytes nano_error_message(const struct nano_error *error);

/** The app's JavaScript stack, empty if it has none to do with it. For your log, never for clients. */
NANO_API struct nano_bytes nano_error_stack(const struct nano_error *error);

/**
 * What the request that failed used; NANO_E_NOT_FOUND if the error ended no request. account begins with
 * NANO_ACCOUNT_INIT.
 */
NANO_API nano_status nano_error_account(const struct nano_error *error, struct nano_account *account);

/** Frees an error. */
NANO_API void nano_error_free(struct nano_error *error);

/* ================================================================================================================
 * The built-in HTTP server: for hosts that have none of their own.
 * ============================================================================================================= */

/**
 * Listens for HTTP on every thread of the runtime. Requests go to their apps and responses to their clients without a word to
 * you: there are no events of them. NANO_E_IO if the address cannot be had, NANO_E_INVALID for an app of another runtime.
 */
NANO_API NANO_MUST_USE
nano_status nano_listen(const struct nano_runtime *runtime,
                        const struct nano_listen_options *options,
                        struct nano_listener **listener,
                        struct nano_error **error);

/** What clients connect to, with the port that port 0 has become. */
NANO_API struct nano_bytes nano_listener_address(const struct nano_listener *listener);

/** Connections that are open. */
NANO_API uint64_t nano_listener_connections(const struct nano_listener *listener);

/**
 * Gives a listener that speaks TLS other certificates. Connections there are keep theirs. If one of them cannot be used nothing changes,
 * and the error says which.
 */
NANO_API NANO_MUST_USE
nano_status nano_listener_set_certificates(const struct nano_listener *listener,
                                           const struct nano_certificate *certificates,
                                           size_t count,
                                           struct nano_error **error);

/**
 * Accepts no more connections. Those there are end with the request they are at, or one that comes within half a second. Does not wait
 * for them; nano_runtime_drain does. A second close does nothing.
 */
NANO_API
nano_status nano_listener_close(const struct nano_listener *listener);

/** Closes the listener and frees the handle. */
NANO_API void nano_listener_free(struct nano_listener *listener);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

/* ================================================================================================================
 * Beginnings of structs: nano_app_options options = NANO_APP_OPTIONS_INIT;
 * ============================================================================================================= */

#ifdef __cplusplus
#define NANO_BEGIN(type) ([] { type begun = type(); begun.size = sizeof(type); return begun; }())
#else
#define NANO_BEGIN(type) { .size = sizeof(type) }
#endif

#define NANO_INIT_OPTIONS_INIT NANO_BEGIN(nano_init_options)
#define NANO_RUNTIME_OPTIONS_INIT NANO_BEGIN(nano_runtime_options)
#define NANO_APP_OPTIONS_INIT NANO_BEGIN(nano_app_options)
#define NANO_REQUEST_INIT NANO_BEGIN(nano_request_init)
#define NANO_CALL_RESPONSE_INIT NANO_BEGIN(nano_call_response)
#define NANO_LISTEN_OPTIONS_INIT NANO_BEGIN(nano_listen_options)
#define NANO_ACCOUNT_INIT NANO_BEGIN(nano_account)
#define NANO_RUNTIME_COUNTERS_INIT NANO_BEGIN(nano_runtime_counters)
#define NANO_APP_COUNTERS_INIT NANO_BEGIN(nano_app_counters)
#define NANO_QUEUE_COUNTERS_INIT NANO_BEGIN(nano_queue_counters)

/** The bytes of a C string, without its NUL; of NULL none. */
static inline nano_bytes nano_str(const char *text) {
  nano_bytes bytes = { (const uint8_t *)text, 0 };
  while (text && text[bytes.len]) bytes.len++;
  return bytes;
}

#endif /* NANO_H */
