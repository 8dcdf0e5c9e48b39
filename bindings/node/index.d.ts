/**
 * Thousands of JavaScript apps inside this process, each in an isolate of its own, none able to hurt another or you.
 *
 *     const { Runtime } = require('nano-isolates');
 *     const runtime = new Runtime();
 *     const app = await runtime.load("export default { fetch: (request) => new Response('Hello from ' + request.url) }");
 *     console.log(await (await app.fetch('http://example.com/')).text());
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';

/** The version of V8 that runs apps; not Node's own. */
export const v8Version: string;

/**
 * A `RegExp` of an app's as a value, by what its constructor takes. It is none of Node's before you say so: reading a pattern takes as long as
 * whoever wrote it likes, and so does matching.
 */
export class Pattern {
  constructor(source: string, flags?: string);
  source: string;
  flags: string;
  toRegExp(): RegExp;
  toString(): string;
}

/** What an app may use; docs/limits.md says what each guards. */
export interface AppLimits {
  cpuMs?: number;
  startCpuMs?: number;
  wallMs?: number;
  heapBytes?: number;
  externalBytes?: number;
  timers?: number;
  logBytesPerS?: number;
  envEntries?: number;
  envEntryBytes?: number;
  urlBytes?: number;
  headerBytes?: number;
  bodyBytes?: number;
  uploadBytes?: number;
  subrequests?: number;
  subrequestsAtOnce?: number;
  sockets?: number;
  errands?: number;
  errandCpuMs?: number;
  requests?: number;
  idleMs?: number;
  cacheBytes?: number;
  hostObjects?: number;
  storageBytes?: number;
  storageEntries?: number;
}

/** What a runtime may use. */
export interface RuntimeLimits {
  threads?: number;
  apps?: number;
  instances?: number;
  requests?: number;
  logEvents?: number;
  pool?: number;
  cacheBytes?: number;
  queueMessages?: number;
  queueBytes?: number;
  queuesBytes?: number;
}

export interface RuntimeOptions {
  /** How many threads run apps; one per core by default. */
  threads?: number;
  limits?: RuntimeLimits;
  /**
   * Is called with what apps say on their console, and, of no app (`''`), with what the runtime has to say itself; `dropped` lines before
   * this one were over the app's limit.
   */
  onLog?: (app: string, level: 'debug' | 'log' | 'info' | 'warn' | 'error' | (string & {}), text: string, dropped: number) => void;
  /** Is called with what becomes of apps: `loaded`, `started`, `evicted`, `condemned`, `reloaded`, `unloaded`, `quarantined`. */
  onApp?: (app: string, state: string, reason: string) => void;
  /** A clock that only `advance` moves, for tests. It begins at `clockUnixMs`. */
  manualClock?: boolean;
  clockUnixMs?: number;
  /** Whose certificates apps trust: `webpki` (the default), `system` or `file:PATH`. */
  roots?: string;
}

/** Another app of the runtime as an entry of `env`: `env.NAME.fetch(request)`, `env.NAME.method(...)`. */
export class Service {
  constructor(app: string, entrypoint?: string | null);
  readonly app: string;
  readonly entrypoint: string | null;
}

/** A queue of the runtime's as an entry of `env`: `env.NAME.send(value)`, `env.NAME.sendBatch(messages)`. Apps take its messages as `consumers`. */
export class Queue {
  constructor(queue: string);
  readonly queue: string;
}

/** A queue whose messages an app takes: it is called as `queue(batch)`. */
export interface QueueConsumer {
  queue: string;
  /** With up to so many messages (10), */
  batch?: number;
  /** when so many are there, or the first has waited so long (5,000). */
  batchWaitMs?: number;
  /** How often what fails is tried again (3), */
  retries?: number;
  /** after how long (0), */
  retryDelayMs?: number;
  /** and the queue it goes to then; without one it is dropped. */
  deadLetters?: string;
  /** Batches at once (1). */
  concurrency?: number;
}

/** What a function in `env` finds as `this`. */
export interface CallContext {
  /** The name of the app that calls. */
  readonly app: string;
  /** Aborted when the app no longer waits. */
  readonly signal: AbortSignal;
}

/**
 * What an app finds in `env`: text, what else JSON has (numbers, booleans, null, arrays, plain objects without functions; what it does not have is refused
 * at any depth), functions, classes, objects whose methods it may call, queues, and other apps.
 */
export type EnvEntry =
  string | number | boolean | null | Service | Queue | ((this: CallContext, ...args: any[]) => unknown) | (abstract new (...args: any[]) => object) | object;

type MaybePromise<T> = T | Promise<T>;

/** What keeps an app's files; fail with a DOMException named as docs/embedding-c.md says. */
export interface Files {
  open?(path: string, kind: 'file' | 'directory', create: boolean): MaybePromise<void>;
  stat?(path: string): MaybePromise<[size: number, modifiedMs: number]>;
  read?(path: string, offset: number, length: number): MaybePromise<Uint8Array>;
  list?(path: string): MaybePromise<[name: string, kind: 'file' | 'directory'][]>;
  remove?(path: string, recursive: boolean): MaybePromise<void>;
  writer?(path: string, keep: boolean): MaybePromise<[writer: number, size: number]>;
  write?(writer: number, offset: number, bytes: Uint8Array): MaybePromise<void>;
  truncate?(writer: number, size: number): MaybePromise<void>;
  close?(writer: number): MaybePromise<void>;
  abort?(writer: number): MaybePromise<void>;
  estimate?(): MaybePromise<[used: number, allowed: number]>;
}

export interface AppOptions {
  /** Its name, unique in its runtime. */
  name?: string;
  /**
   * What the source is; by default a `URL` is a path, and so is a string without a line break that names something that exists, unless it
   * begins as modules do, or that looks like one (`./shop`, `shop/index.js`).
   */
  kind?: 'text' | 'typescript' | 'tsx' | 'file' | 'folder' | 'echo';
  env?: Record<string, EnvEntry>;
  limits?: AppLimits;
  /** Answers the app's own `fetch`: a function (also found as `env.OUTBOUND`), or the name of an entry of `env`. */
  outbound?: string | ((request: Request) => MaybePromise<Response>);
  /** Keeps the app's files, which are in memory otherwise. */
  files?: Files;
  /** Where the app may connect to: anywhere public (the default), nowhere, or anywhere. */
  egress?: 'public' | 'deny' | 'any';
  egressAllow?: string[];
  egressDeny?: string[];
  /** What relative URLs in the app are relative to. */
  baseUrl?: string;
  /** Whether it may make code from text: for apps you trust. */
  codeGeneration?: boolean;
  /** When its `scheduled` is called, in UTC. */
  crons?: string[];
  /** The queues whose messages its `queue` takes, by name or with their settings. */
  consumers?: (string | QueueConsumer)[];
  /** Apps whose `tail` is told of each event of this one. */
  tail?: string[];
  /** Where its randomness begins; for tests only. */
  randomSeed?: number;
  /** Only register it: the first request starts it, and finds its errors. */
  lazy?: boolean;
}

/** What clients of a listener may do; docs/embedding-c.md says what happens beyond. */
export interface ListenLimits {
  /** Connections at once, */
  connections?: number;
  /** and those of them that are at a request of one app. */
  connectionsOfApp?: number;
  /** How long a client may take for the head of a request, */
  headMs?: number;
  /** how long a connection may be open between two of them, */
  idleMs?: number;
  /** how long a body may stand still, in either direction, */
  bodyMs?: number;
  /** and how long a client may take for the handshake of TLS. */
  handshakeMs?: number;
  /** The head of a request: its first line and all headers. */
  headBytes?: number;
  /** Headers of a request. */
  headers?: number;
}

/** A certificate of a listener. It is for the names in it. */
export interface Certificate {
  /** The certificate, in PEM, and behind it those that vouch for it. */
  chain: string | Uint8Array;
  /** Its private key, in PEM: PKCS #8, PKCS #1 or SEC 1. */
  key: string | Uint8Array;
}

export interface ListenOptions {
  /**
   * With certificates the listener speaks TLS, and HTTP/2 beside HTTP/1.1. Clients that ask for no name, or for one that none is for, get the
   * first.
   */
  certificates?: Certificate[];
  /** All requests come by a proxy, and what it puts last into `X-Forwarded-For` and `X-Forwarded-Proto` is true. */
  behindProxy?: boolean;
  limits?: ListenLimits;
  /** Closes the listener. */
  signal?: AbortSignal;
}

/**
 * A listener of a runtime's. As a server of Node's it keeps the process alive until it is closed and its connections have ended. It is closed with
 * its runtime, too.
 */
export class Listener {
  private constructor();
  /** What clients connect to, with the port that port 0 has become. */
  readonly address: string;
  /** How many connections are open. */
  readonly connections: number;
  readonly closed: boolean;
  /** Other certificates for the connections to come; those there are keep theirs. Nothing changes if one of them cannot be used. */
  setCertificates(certificates: Certificate[]): void;
  /** Keeps the process alive again. */
  ref(): this;
  /** Does not keep the process alive. */
  unref(): this;
  /**
   * Accepts no more connections. Those there are end with the request they are at, or one that comes within half a second; when all have, the
   * promise is fulfilled. A second close does nothing.
   */
  close(): Promise<void>;
  [Symbol.dispose](): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Threads that run JavaScript, and the apps on them. Closed by `close`, `await using`, or when nobody holds it and its apps. */
export class Runtime {
  constructor(options?: RuntimeOptions);
  /** Loads an app: reads, compiles and starts it, or rejects with what is wrong with it. */
  load(source: string | URL, options?: AppOptions & { signal?: AbortSignal }): Promise<App>;
  /**
   * Listens for HTTP on its own threads. The address is `IP:PORT`, `unix:/PATH`, or `fd:NUMBER` for a socket that somebody else has bound. Requests
   * are one app's, or those of the app at `HOST`, `HOST/path` or `/path` that fits them with the longest path; an empty text is for all that
   * nothing else names. Others are answered with 404.
   */
  listen(address: string, apps: App | Record<string, App> | ReadonlyMap<string, App>, options?: ListenOptions): Listener;
  /** Moves a manual clock on: timers that are due run, wall limits that are due strike. */
  advance(ms: number): void;
  /** What it holds and has done. */
  stats(): RuntimeStats;
  /** What each queue holds and has done, by its name. A queue is there while it has messages or a consumer. */
  queues(): Record<string, QueueStats>;
  /** The same as `stats`, and more, as Prometheus text. */
  metrics(): string;
  /** Takes no new requests, waits for those in flight, and ends the rest; whether there was none. */
  drain(options?: { graceMs?: number; signal?: AbortSignal }): Promise<boolean>;
  readonly closed: boolean;
  /** Ends every request and stops the threads; a second close does nothing. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** What a request used. */
export interface Account {
  cpuUs: number;
  wallUs: number;
  heapBytes: number;
  externalBytes: number;
  subrequests: number;
  bytesIn: number;
  bytesOut: number;
}

/** A global `Response` that says what it cost; null while its body is coming. */
export type AppResponse = Response & { readonly account: Account | null };

export interface FetchInit {
  method?: string;
  headers?: ConstructorParameters<typeof Headers>[0] | Iterable<readonly [string, string]>;
  body?: ConstructorParameters<typeof Response>[0] | AsyncIterable<Uint8Array | string> | Iterable<Uint8Array | string> | null;
  signal?: AbortSignal | null;
  /** How long the app may take, or stand still while a body moves. */
  timeoutMs?: number;
}

/** A loaded app. It serves until it is unloaded, or its runtime is closed. */
export class App {
  private constructor();
  readonly name: string;
  readonly runtime: Runtime;
  /** Asks the app, as `fetch` does, and gives its response. */
  fetch(input: string | URL | Request, init?: FetchInit): Promise<AppResponse>;
  /** Calls a function that the app exports. Values cross by content; docs/embedding-node.md says which, and what is lost. */
  invoke<T = any>(name: string, ...args: unknown[]): Promise<T>;
  /** The same with a signal. */
  invokeWith<T = any>(options: { signal?: AbortSignal }, name: string, ...args: unknown[]): Promise<T>;
  /** Loads a new version, with the options of the one before but for those given. The old one serves until the new one has started. */
  reload(source?: string | URL | null, changes?: Omit<AppOptions, 'name'> & { signal?: AbortSignal }): Promise<void>;
  /** Takes no new requests, lets those in flight end, ends the rest, and forgets the app: its name is free when this ends. */
  unload(options?: { graceMs?: number; signal?: AbortSignal }): Promise<void>;
  /** Calls the app's `scheduled` with these words, for this time (now): for hosts with a scheduler of their own. */
  schedule(cron?: string, options?: { time?: Date | number; signal?: AbortSignal }): Promise<ScheduledResult>;
  /**
   * Ends its instances now, in the middle of what they do: its requests end with `NANO_E_CANCELED`, the next one starts a fresh instance. How many
   * there were.
   */
  kill(options?: { signal?: AbortSignal }): Promise<number>;
  /** What it has used since it was loaded. */
  stats(): AppStats;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How a scheduled event ended, if it did not fail: then the promise is rejected. */
export interface ScheduledResult {
  outcome: 'ok' | (string & {});
  noRetry: boolean;
}

export interface QueueStats {
  messages: number;
  bytes: number;
  sent: number;
  acked: number;
  retried: number;
  dead: number;
  dropped: number;
}

export interface AppStats {
  requests: number;
  inFlight: number;
  errors: number;
  cpuUs: number;
  starts: number;
  condemned: number;
  strikes: number;
  versions: number;
  waitingBytes: number;
  skipped: number;
  untold: number;
}

export interface RuntimeStats {
  apps: number;
  instances: number;
  requests: number;
  inFlight: number;
  refused: number;
  starts: number;
  evictions: number;
  condemned: number;
  rescued: number;
  parked: number;
  abandoned: number;
  lostBytes: number;
  logsDropped: number;
  skipped: number;
  untold: number;
}

/** The codes of errors; docs/errors.md has them all. */
export type NanoCode = 'NANO_TIMEOUT' | `NANO_E_${string}`;

/** An error of NANO's. What has a wrong type is a `TypeError` instead, with the code `NANO_E_INVALID`. */
export class NanoError extends Error {
  constructor(code: NanoCode, message: string, appStack?: string, httpStatus?: number);
  readonly code: NanoCode;
  /** The code's stable number. */
  readonly number: number;
  /** What an HTTP server answers with. */
  readonly httpStatus: number;
  /** The app's JavaScript stack, for your log and never for clients. */
  readonly appStack: string;
}

export interface HandlerOptions {
  /** Is told what clients are not, once they have been answered: by default it is written to the console. What it throws is an uncaught exception. */
  onError?: (error: Error, app: App, request: IncomingMessage | Http2ServerRequest) => void;
}

/** A handler for `node:http`, `https` and `http2` that an app answers. The app sees the URL that the client asked for. */
export function toNodeHandler(
  app: App,
  options?: HandlerOptions,
): (request: IncomingMessage | Http2ServerRequest, response: ServerResponse | Http2ServerResponse) => void;

/**
 * A listener for the event `upgrade` of a server of `node:http` or `https`, also below Express, Fastify and Hono: an app answers, with a
 * WebSocket or with a plain response, after which the connection is closed. It gets all such requests of the server, whatever their path.
 */
export function toUpgradeHandler(app: App, options?: HandlerOptions): (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
