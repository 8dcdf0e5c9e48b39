// What an app of NANO finds: the web platform's globals, what Workers add to them, and what its env may hold.
//
// Use it instead of TypeScript's "dom" library: { "compilerOptions": { "lib": ["esnext"], "types": ["nano"] } }.
//
// The test `types` compares every name, getter and number of arguments here with what an instance really has, and prints what is
// missing on either side. It reads this file by line: one member to a line, two spaces before it, a class ends with a line of "}".

/// <reference lib="esnext" />

// ---- Shared words ----

type BufferSource = ArrayBufferView<ArrayBuffer> | ArrayBuffer;
type BlobPart = BufferSource | Blob | string;
type BodyInit = ReadableStream | Blob | BufferSource | FormData | URLSearchParams | string;
type HeadersInit = Headers | Iterable<readonly [string, string]> | Record<string, string>;
type RequestInfo = Request | string | URL;
type FormDataEntryValue = File | string;
type Transferable = ArrayBuffer | MessagePort | ReadableStream | WritableStream | TransformStream;

// ---- Handlers: what the main module exports ----

/** The shape of a main module's default export. */
interface ExportedHandler<Env = unknown, Body = unknown> {
  fetch?(request: Request, env: Env, ctx: ExecutionContext): Response | Promise<Response>;
  scheduled?(controller: ScheduledController, env: Env, ctx: ExecutionContext): void | Promise<void>;
  queue?(batch: MessageBatch<Body>, env: Env, ctx: ExecutionContext): void | Promise<void>;
  tail?(events: TraceItem[], env: Env, ctx: ExecutionContext): void | Promise<void>;
  [method: string]: unknown;
}

/** What goes with one event: hold the instance awake with waitUntil(). */
declare class ExecutionContext {
  private constructor();
  readonly props: Record<string, unknown>;
  waitUntil(promise: unknown): void;
  passThroughOnException(): void;
}

/** The event of service-worker syntax: addEventListener("fetch", (event) => event.respondWith(...)). */
declare class FetchEvent extends Event {
  private constructor();
  readonly request: Request;
  respondWith(response: Response | Promise<Response>): void;
  waitUntil(promise: unknown): void;
  passThroughOnException(): void;
}

/** What scheduled() is called for. */
interface ScheduledController {
  /** The minute that was due, in milliseconds since 1970. */
  readonly scheduledTime: number;
  readonly cron: string;
  noRetry(): void;
}

/** An event of service-worker syntax other than "fetch": it ends when what waitUntil() is given has. */
interface ExtendableEvent extends Event {
  waitUntil(promise: unknown): void;
}
interface ScheduledEvent extends ExtendableEvent, ScheduledController {}
interface QueueEvent<Body = unknown> extends ExtendableEvent, MessageBatch<Body> {}
interface TailEvent extends ExtendableEvent {
  readonly events: TraceItem[];
  readonly traces: TraceItem[];
}

// ---- Queues ----

type QueueContentType = "json" | "text" | "bytes" | "v8";
interface QueueSendOptions {
  contentType?: QueueContentType;
  delaySeconds?: number;
}
/** A queue in env. The promises are rejected when it is full. */
interface Queue<Body = unknown> {
  send(body: Body, options?: QueueSendOptions): Promise<void>;
  sendBatch(messages: Iterable<MessageSendRequest<Body>>, options?: { delaySeconds?: number }): Promise<void>;
}
interface MessageSendRequest<Body = unknown> extends QueueSendOptions {
  body: Body;
}
interface QueueRetryOptions {
  delaySeconds?: number;
}
/** Of ack() and retry(), the first called counts. */
interface Message<Body = unknown> {
  readonly id: string;
  readonly timestamp: Date;
  readonly body: Body;
  /** How often it has been delivered, this time included. */
  readonly attempts: number;
  ack(): void;
  retry(options?: QueueRetryOptions): void;
}
interface MessageBatch<Body = unknown> {
  readonly queue: string;
  readonly messages: readonly Message<Body>[];
  ackAll(): void;
  retryAll(options?: QueueRetryOptions): void;
}

// ---- What a tail worker is told ----

interface TraceItem {
  readonly event: TraceItemFetchEvent | TraceItemScheduledEvent | TraceItemQueueEvent | TraceItemRpcEvent;
  readonly eventTimestamp: number;
  readonly logs: { readonly timestamp: number; readonly level: "debug" | "log" | "warn" | "error"; readonly message: string[] }[];
  readonly exceptions: { readonly timestamp: number; readonly name: string; readonly message: string; readonly stack?: string }[];
  readonly diagnosticsChannelEvents: never[];
  readonly outcome: "ok" | "exception" | "exceededCpu" | "exceededMemory" | "exceededWallTime" | "canceled" | "unknown";
  readonly scriptName: string;
  readonly entrypoint?: string;
  readonly executionModel: "stateless";
  readonly truncated: boolean;
  /** Milliseconds. */
  readonly cpuTime: number;
  readonly wallTime: number;
}
interface TraceRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Record<string, string>;
}
interface TraceItemFetchEvent {
  /** Without what would let its reader act for the sender: getUnredacted() has all of it. */
  readonly request: TraceRequest & { getUnredacted(): TraceRequest };
  readonly response?: { readonly status: number };
}
interface TraceItemScheduledEvent {
  readonly cron: string;
  readonly scheduledTime: number;
}
interface TraceItemQueueEvent {
  readonly queue: string;
  readonly batchSize: number;
}
interface TraceItemRpcEvent {
  readonly rpcMethod: string;
}

/** A binding in env that the host, or another app, answers: fetch(), and every other name is a method that returns a promise. */
declare class Fetcher {
  private constructor();
}
interface Fetcher {
  fetch(input: RequestInfo, init?: RequestInit): Promise<Response>;
}
/** A binding with methods, described by yours: env.API as Service<{ add(a: number, b: number): number }>. */
type Service<Methods = {}> = Fetcher & {
  [Name in keyof Methods]: Methods[Name] extends (...args: infer Args) => infer Result ? (...args: Args) => Promise<Awaited<Result>> : never;
};

/** A function of the host's in env. */
type HostFunction<Args extends unknown[] = unknown[], Result = unknown> = (...args: Args) => Promise<Result>;
/** An object of the host's: reading a property and calling a method give promises. With `using` it is given back at once. */
interface HostObject extends Disposable {}
/** A class of the host's in env. new returns at once; what is called on the object waits until the host has made it. */
interface HostClass<Instance extends HostObject = HostObject, Args extends unknown[] = unknown[]> {
  new (...args: Args): Instance;
  readonly prototype: Instance;
}

// ---- The global itself ----

declare const self: typeof globalThis;
declare var global: typeof globalThis;
declare const caches: CacheStorage;
declare const crypto: Crypto;
declare const navigator: Navigator;
declare const performance: Performance;
declare const scheduler: Scheduler;
declare var onerror: ((message: string, filename: string, lineno: number, colno: number, error: unknown) => unknown) | null;
declare var onunhandledrejection: ((event: PromiseRejectionEvent) => unknown) | null;
declare var onrejectionhandled: ((event: PromiseRejectionEvent) => unknown) | null;

declare function atob(data: string): string;
declare function btoa(data: string): string;
declare function clearImmediate(id?: number): void;
declare function clearInterval(id?: number): void;
declare function clearTimeout(id?: number): void;
/** The network, as far as the app's egress policy goes, or the binding that the host names for it. */
declare function fetch(input: RequestInfo, init?: RequestInit): Promise<Response>;
declare function queueMicrotask(callback: () => void): void;
declare function reportError(error: unknown): void;
declare function setImmediate<Args extends unknown[]>(callback: (...args: Args) => void, ...args: Args): number;
declare function setInterval<Args extends unknown[]>(callback: (...args: Args) => void, delay?: number, ...args: Args): number;
declare function setTimeout<Args extends unknown[]>(callback: (...args: Args) => void, delay?: number, ...args: Args): number;
declare function structuredClone<Value>(value: Value, options?: { transfer?: Transferable[] }): Value;

declare namespace console {
  function assert(condition?: boolean, ...data: unknown[]): void;
  function clear(): void;
  function count(label?: string): void;
  function countReset(label?: string): void;
  function debug(...data: unknown[]): void;
  function dir(item?: unknown, options?: object): void;
  function dirxml(...data: unknown[]): void;
  function error(...data: unknown[]): void;
  function group(...data: unknown[]): void;
  function groupCollapsed(...data: unknown[]): void;
  function groupEnd(): void;
  function info(...data: unknown[]): void;
  function log(...data: unknown[]): void;
  function table(data?: unknown, columns?: string[]): void;
  function time(label?: string): void;
  function timeEnd(label?: string): void;
  function timeLog(label?: string, ...data: unknown[]): void;
  function trace(...data: unknown[]): void;
  function warn(...data: unknown[]): void;
}

declare class Scheduler {
  private constructor();
  wait(delay: number, options?: { signal?: AbortSignal }): Promise<void>;
}

declare class Navigator {
  private constructor();
  readonly hardwareConcurrency: number;
  readonly storage: StorageManager;
  readonly userAgent: string;
}

// ---- Events: https://dom.spec.whatwg.org/ ----

interface EventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}
type EventListenerOrObject = ((event: any) => void) | { handleEvent(event: any): void };
interface AddEventListenerOptions {
  capture?: boolean;
  once?: boolean;
  passive?: boolean;
  signal?: AbortSignal;
}

declare class Event {
  constructor(type: string, init?: EventInit);
  readonly type: string;
  readonly target: EventTarget | null;
  readonly srcElement: EventTarget | null;
  readonly currentTarget: EventTarget | null;
  readonly eventPhase: number;
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly defaultPrevented: boolean;
  readonly timeStamp: number;
  cancelBubble: boolean;
  returnValue: boolean;
  composedPath(): EventTarget[];
  initEvent(type: string, bubbles?: boolean, cancelable?: boolean): void;
  preventDefault(): void;
  stopImmediatePropagation(): void;
  stopPropagation(): void;
  readonly NONE: 0;
  readonly CAPTURING_PHASE: 1;
  readonly AT_TARGET: 2;
  readonly BUBBLING_PHASE: 3;
  static readonly NONE: 0;
  static readonly CAPTURING_PHASE: 1;
  static readonly AT_TARGET: 2;
  static readonly BUBBLING_PHASE: 3;
}

declare class EventTarget {
  constructor();
  addEventListener(type: string, listener: EventListenerOrObject | null, options?: AddEventListenerOptions | boolean): void;
  dispatchEvent(event: Event): boolean;
  removeEventListener(type: string, listener: EventListenerOrObject | null, options?: { capture?: boolean } | boolean): void;
}
declare function addEventListener(type: string, listener: EventListenerOrObject | null, options?: AddEventListenerOptions | boolean): void; // of EventTarget
declare function dispatchEvent(event: Event): boolean; // of EventTarget
declare function removeEventListener(type: string, listener: EventListenerOrObject | null, options?: { capture?: boolean } | boolean): void; // of EventTarget

declare class CustomEvent<Detail = any> extends Event {
  constructor(type: string, init?: EventInit & { detail?: Detail });
  readonly detail: Detail;
  initCustomEvent(type: string, bubbles?: boolean, cancelable?: boolean, detail?: Detail): void;
}

declare class ErrorEvent extends Event {
  constructor(type: string, init?: EventInit & { message?: string; filename?: string; lineno?: number; colno?: number; error?: unknown });
  readonly message: string;
  readonly filename: string;
  readonly lineno: number;
  readonly colno: number;
  readonly error: any;
}

declare class PromiseRejectionEvent extends Event {
  constructor(type: string, init: EventInit & { promise: Promise<unknown>; reason?: unknown });
  readonly promise: Promise<any>;
  readonly reason: any;
}

declare class CloseEvent extends Event {
  constructor(type: string, init?: EventInit & { wasClean?: boolean; code?: number; reason?: string });
  readonly wasClean: boolean;
  readonly code: number;
  readonly reason: string;
}

type MessageEventInit<Data> = EventInit & { data?: Data; origin?: string; lastEventId?: string; source?: MessagePort | null; ports?: MessagePort[] };
declare class MessageEvent<Data = any> extends Event {
  constructor(type: string, init?: MessageEventInit<Data>);
  readonly data: Data;
  readonly origin: string;
  readonly lastEventId: string;
  readonly source: MessagePort | null;
  readonly ports: readonly MessagePort[];
  initMessageEvent(type: string, bubbles?: boolean, cancelable?: boolean, data?: Data, origin?: string, lastEventId?: string, source?: MessagePort | null, ports?: MessagePort[]): void;
}

declare class AbortController {
  constructor();
  readonly signal: AbortSignal;
  abort(reason?: unknown): void;
}

declare class AbortSignal extends EventTarget {
  private constructor();
  readonly aborted: boolean;
  readonly reason: any;
  onabort: ((event: Event) => unknown) | null;
  throwIfAborted(): void;
  static abort(reason?: unknown): AbortSignal;
  static any(signals: Iterable<AbortSignal>): AbortSignal;
  static timeout(milliseconds: number): AbortSignal;
}

declare class MessageChannel {
  constructor();
  readonly port1: MessagePort;
  readonly port2: MessagePort;
}

declare class MessagePort extends EventTarget {
  private constructor();
  onmessage: ((event: MessageEvent) => unknown) | null;
  onmessageerror: ((event: MessageEvent) => unknown) | null;
  onclose: ((event: Event) => unknown) | null;
  close(): void;
  postMessage(message: unknown, transferOrOptions?: Transferable[] | { transfer?: Transferable[] }): void;
  start(): void;
}

// ---- Errors: https://webidl.spec.whatwg.org/#idl-DOMException ----

declare class DOMException {
  constructor(message?: string, nameOrOptions?: string | { name?: string; cause?: unknown });
  readonly name: string;
  readonly message: string;
  readonly code: number;
  readonly INDEX_SIZE_ERR: 1;
  readonly DOMSTRING_SIZE_ERR: 2;
  readonly HIERARCHY_REQUEST_ERR: 3;
  readonly WRONG_DOCUMENT_ERR: 4;
  readonly INVALID_CHARACTER_ERR: 5;
  readonly NO_DATA_ALLOWED_ERR: 6;
  readonly NO_MODIFICATION_ALLOWED_ERR: 7;
  readonly NOT_FOUND_ERR: 8;
  readonly NOT_SUPPORTED_ERR: 9;
  readonly INUSE_ATTRIBUTE_ERR: 10;
  readonly INVALID_STATE_ERR: 11;
  readonly SYNTAX_ERR: 12;
  readonly INVALID_MODIFICATION_ERR: 13;
  readonly NAMESPACE_ERR: 14;
  readonly INVALID_ACCESS_ERR: 15;
  readonly VALIDATION_ERR: 16;
  readonly TYPE_MISMATCH_ERR: 17;
  readonly SECURITY_ERR: 18;
  readonly NETWORK_ERR: 19;
  readonly ABORT_ERR: 20;
  readonly URL_MISMATCH_ERR: 21;
  readonly QUOTA_EXCEEDED_ERR: 22;
  readonly TIMEOUT_ERR: 23;
  readonly INVALID_NODE_TYPE_ERR: 24;
  readonly DATA_CLONE_ERR: 25;
  static readonly INDEX_SIZE_ERR: 1;
  static readonly DOMSTRING_SIZE_ERR: 2;
  static readonly HIERARCHY_REQUEST_ERR: 3;
  static readonly WRONG_DOCUMENT_ERR: 4;
  static readonly INVALID_CHARACTER_ERR: 5;
  static readonly NO_DATA_ALLOWED_ERR: 6;
  static readonly NO_MODIFICATION_ALLOWED_ERR: 7;
  static readonly NOT_FOUND_ERR: 8;
  static readonly NOT_SUPPORTED_ERR: 9;
  static readonly INUSE_ATTRIBUTE_ERR: 10;
  static readonly INVALID_STATE_ERR: 11;
  static readonly SYNTAX_ERR: 12;
  static readonly INVALID_MODIFICATION_ERR: 13;
  static readonly NAMESPACE_ERR: 14;
  static readonly INVALID_ACCESS_ERR: 15;
  static readonly VALIDATION_ERR: 16;
  static readonly TYPE_MISMATCH_ERR: 17;
  static readonly SECURITY_ERR: 18;
  static readonly NETWORK_ERR: 19;
  static readonly ABORT_ERR: 20;
  static readonly URL_MISMATCH_ERR: 21;
  static readonly QUOTA_EXCEEDED_ERR: 22;
  static readonly TIMEOUT_ERR: 23;
  static readonly INVALID_NODE_TYPE_ERR: 24;
  static readonly DATA_CLONE_ERR: 25;
}

declare class QuotaExceededError extends DOMException {
  constructor(message?: string, options?: { quota?: number; requested?: number });
  readonly quota: number | null;
  readonly requested: number | null;
}

// ---- Fetch: https://fetch.spec.whatwg.org/ ----

interface RequestInit {
  method?: string;
  headers?: HeadersInit;
  body?: BodyInit | null;
  redirect?: "follow" | "error" | "manual";
  signal?: AbortSignal | null;
  duplex?: "half";
  cache?: string;
  credentials?: string;
  integrity?: string;
  keepalive?: boolean;
  mode?: string;
  referrer?: string;
  referrerPolicy?: string;
  cf?: unknown;
}
interface ResponseInit {
  status?: number;
  statusText?: string;
  headers?: HeadersInit;
  /** Of Workers, with the status 101: the end of a WebSocketPair that becomes the client's. */
  webSocket?: WebSocket | null;
}

declare class Headers {
  constructor(init?: HeadersInit);
  append(name: string, value: string): void;
  delete(name: string): void;
  get(name: string): string | null;
  getAll(name: "set-cookie" | "Set-Cookie"): string[];
  getSetCookie(): string[];
  has(name: string): boolean;
  set(name: string, value: string): void;
  forEach(callback: (value: string, name: string, headers: Headers) => void, thisArg?: unknown): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

declare class Request {
  constructor(input: RequestInfo, init?: RequestInit);
  readonly method: string;
  readonly url: string;
  readonly headers: Headers;
  readonly destination: string;
  readonly referrer: string;
  readonly referrerPolicy: string;
  readonly mode: string;
  readonly credentials: string;
  readonly cache: string;
  readonly redirect: "follow" | "error" | "manual";
  readonly integrity: string;
  readonly keepalive: boolean;
  readonly isReloadNavigation: boolean;
  readonly isHistoryNavigation: boolean;
  readonly signal: AbortSignal;
  readonly duplex: "half";
  readonly cf: any;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  readonly bodyUsed: boolean;
  arrayBuffer(): Promise<ArrayBuffer>;
  blob(): Promise<Blob>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  clone(): Request;
  formData(): Promise<FormData>;
  json<Value = any>(): Promise<Value>;
  text(): Promise<string>;
}

declare class Response {
  constructor(body?: BodyInit | null, init?: ResponseInit);
  readonly type: string;
  readonly url: string;
  readonly redirected: boolean;
  readonly status: number;
  readonly ok: boolean;
  readonly statusText: string;
  readonly headers: Headers;
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>> | null;
  readonly bodyUsed: boolean;
  /** Of Workers: what a server gives that was asked to upgrade; accept() it. */
  readonly webSocket: WebSocket | null;
  arrayBuffer(): Promise<ArrayBuffer>;
  blob(): Promise<Blob>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  clone(): Response;
  formData(): Promise<FormData>;
  json<Value = any>(): Promise<Value>;
  text(): Promise<string>;
  static error(): Response;
  static json(data: unknown, init?: ResponseInit): Response;
  static redirect(url: string | URL, status?: number): Response;
}

declare class FormData {
  constructor();
  append(name: string, value: string | Blob, filename?: string): void;
  delete(name: string): void;
  get(name: string): FormDataEntryValue | null;
  getAll(name: string): FormDataEntryValue[];
  has(name: string): boolean;
  set(name: string, value: string | Blob, filename?: string): void;
  forEach(callback: (value: FormDataEntryValue, name: string, form: FormData) => void, thisArg?: unknown): void;
  entries(): IterableIterator<[string, FormDataEntryValue]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<FormDataEntryValue>;
  [Symbol.iterator](): IterableIterator<[string, FormDataEntryValue]>;
}

// ---- Of Workers: the cache and HTMLRewriter ----

interface CacheQueryOptions {
  /** Treat the request as if its method were GET. */
  ignoreMethod?: boolean;
  /** The part of URLs behind the question mark makes no difference. */
  ignoreSearch?: boolean;
  /** What responses vary by makes no difference, as in the default cache. */
  ignoreVary?: boolean;
}

interface MultiCacheQueryOptions extends CacheQueryOptions {
  /** Look into this cache only. */
  cacheName?: string;
}

/** Keys are URLs without their fragment, and in named caches what the response varies by. What says so expires as its Cache-Control and Expires say. */
declare class Cache {
  private constructor();
  add(request: RequestInfo): Promise<void>;
  /** Fetches and keeps all of them, or none. */
  addAll(requests: Iterable<RequestInfo>): Promise<void>;
  delete(request: RequestInfo, options?: CacheQueryOptions): Promise<boolean>;
  keys(request?: RequestInfo, options?: CacheQueryOptions): Promise<Request[]>;
  match(request: RequestInfo, options?: CacheQueryOptions): Promise<Response | undefined>;
  matchAll(request?: RequestInfo, options?: CacheQueryOptions): Promise<Response[]>;
  put(request: RequestInfo, response: Response): Promise<void>;
}

declare class CacheStorage {
  private constructor();
  /** Workers' cache: HTTP's rules decide what it keeps, and how long. */
  readonly default: Cache;
  delete(cacheName: string): Promise<boolean>;
  has(cacheName: string): Promise<boolean>;
  keys(): Promise<string[]>;
  match(request: RequestInfo, options?: MultiCacheQueryOptions): Promise<Response | undefined>;
  open(cacheName: string): Promise<Cache>;
}

/** What handlers insert. It is text, and escaped, unless the options say { html: true }. */
type HTMLRewriterContent = string | ReadableStream | Response;
interface HTMLRewriterContentOptions {
  html?: boolean;
}
/** A handler that returns a promise is waited for. */
interface HTMLRewriterElementHandlers {
  element?(element: Element): unknown;
  comments?(comment: Comment): unknown;
  text?(text: Text): unknown;
}
interface HTMLRewriterDocumentHandlers {
  doctype?(doctype: Doctype): unknown;
  comments?(comment: Comment): unknown;
  text?(text: Text): unknown;
  end?(end: DocumentEnd): unknown;
}

/** Changes a document on its way: new HTMLRewriter().on("a[href]", { element(a) { ... } }).transform(response). */
declare class HTMLRewriter {
  constructor();
  on(selector: string, handlers: HTMLRewriterElementHandlers): HTMLRewriter;
  onDocument(handlers: HTMLRewriterDocumentHandlers): HTMLRewriter;
  transform(response: Response): Response;
}

// What handlers get. These are no globals, and each is valid only until its handler is done.

interface Element {
  tagName: string;
  readonly attributes: IterableIterator<[name: string, value: string]>;
  readonly removed: boolean;
  readonly namespaceURI: string;
  getAttribute(name: string): string | null;
  hasAttribute(name: string): boolean;
  setAttribute(name: string, value: string): Element;
  removeAttribute(name: string): Element;
  before(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Element;
  after(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Element;
  replace(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Element;
  prepend(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Element;
  append(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Element;
  setInnerContent(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Element;
  remove(): Element;
  removeAndKeepContent(): Element;
  /** Throws if the element can have no end tag. */
  onEndTag(handler: (endTag: EndTag) => unknown): void;
}

/** A piece of a text: what stands between two tags may come in several. */
interface Text {
  readonly text: string;
  /** Whether this piece, which may be empty, ends the text. */
  readonly lastInTextNode: boolean;
  readonly removed: boolean;
  before(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Text;
  after(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Text;
  replace(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Text;
  remove(): Text;
}

interface Comment {
  text: string;
  readonly removed: boolean;
  before(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Comment;
  after(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Comment;
  replace(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): Comment;
  remove(): Comment;
}

interface Doctype {
  readonly name: string | null;
  readonly publicId: string | null;
  readonly systemId: string | null;
}

interface EndTag {
  name: string;
  before(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): EndTag;
  after(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): EndTag;
  remove(): EndTag;
}

interface DocumentEnd {
  append(content: HTMLRewriterContent, options?: HTMLRewriterContentOptions): DocumentEnd;
}

// ---- Blobs and files: https://w3c.github.io/FileAPI/, https://fs.spec.whatwg.org/ ----

interface BlobPropertyBag {
  type?: string;
  endings?: "transparent" | "native";
}

declare class Blob {
  constructor(parts?: Iterable<BlobPart>, options?: BlobPropertyBag);
  readonly size: number;
  readonly type: string;
  arrayBuffer(): Promise<ArrayBuffer>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
  slice(start?: number, end?: number, contentType?: string): Blob;
  stream(): ReadableStream<Uint8Array<ArrayBuffer>>;
  text(): Promise<string>;
}

declare class File extends Blob {
  constructor(bits: Iterable<BlobPart>, name: string, options?: BlobPropertyBag & { lastModified?: number });
  readonly name: string;
  readonly lastModified: number;
}

declare class ProgressEvent extends Event {
  constructor(type: string, init?: EventInit & { lengthComputable?: boolean; loaded?: number; total?: number });
  readonly lengthComputable: boolean;
  readonly loaded: number;
  readonly total: number;
}

declare class FileReader extends EventTarget {
  constructor();
  readonly readyState: number;
  readonly result: string | ArrayBuffer | null;
  readonly error: DOMException | null;
  onabort: ((event: ProgressEvent) => unknown) | null;
  onerror: ((event: ProgressEvent) => unknown) | null;
  onload: ((event: ProgressEvent) => unknown) | null;
  onloadend: ((event: ProgressEvent) => unknown) | null;
  onloadstart: ((event: ProgressEvent) => unknown) | null;
  onprogress: ((event: ProgressEvent) => unknown) | null;
  abort(): void;
  readAsArrayBuffer(blob: Blob): void;
  readAsBinaryString(blob: Blob): void;
  readAsDataURL(blob: Blob): void;
  readAsText(blob: Blob, encoding?: string): void;
  readonly EMPTY: 0;
  readonly LOADING: 1;
  readonly DONE: 2;
  static readonly EMPTY: 0;
  static readonly LOADING: 1;
  static readonly DONE: 2;
}

/** What an app keeps is in memory and gone when it is unloaded, unless its host keeps it. */
declare class StorageManager {
  private constructor();
  estimate(): Promise<{ usage: number; quota: number }>;
  getDirectory(): Promise<FileSystemDirectoryHandle>;
  persist(): Promise<boolean>;
  persisted(): Promise<boolean>;
}

declare class FileSystemHandle {
  protected constructor();
  readonly kind: "file" | "directory";
  readonly name: string;
  isSameEntry(other: FileSystemHandle): Promise<boolean>;
}

declare class FileSystemFileHandle extends FileSystemHandle {
  private constructor();
  createWritable(options?: { keepExistingData?: boolean }): Promise<FileSystemWritableFileStream>;
  getFile(): Promise<File>;
}

declare class FileSystemDirectoryHandle extends FileSystemHandle {
  private constructor();
  getDirectoryHandle(name: string, options?: { create?: boolean }): Promise<FileSystemDirectoryHandle>;
  getFileHandle(name: string, options?: { create?: boolean }): Promise<FileSystemFileHandle>;
  removeEntry(name: string, options?: { recursive?: boolean }): Promise<void>;
  resolve(possibleDescendant: FileSystemHandle): Promise<string[] | null>;
  entries(): AsyncIterableIterator<[string, FileSystemFileHandle | FileSystemDirectoryHandle]>;
  keys(): AsyncIterableIterator<string>;
  values(): AsyncIterableIterator<FileSystemFileHandle | FileSystemDirectoryHandle>;
  [Symbol.asyncIterator](): AsyncIterableIterator<[string, FileSystemFileHandle | FileSystemDirectoryHandle]>;
}

type FileSystemWriteChunk = BufferSource | Blob | string | { type: "write"; position?: number | null; data: BufferSource | Blob | string } | { type: "seek"; position: number } | { type: "truncate"; size: number };

/** What is written is in the file when the stream is closed. */
declare class FileSystemWritableFileStream extends WritableStream<FileSystemWriteChunk> {
  private constructor();
  seek(position: number): Promise<void>;
  truncate(size: number): Promise<void>;
  write(data: FileSystemWriteChunk): Promise<void>;
}

// ---- Connections: https://websockets.spec.whatwg.org/, https://html.spec.whatwg.org/#server-sent-events ----

declare class WebSocket extends EventTarget {
  constructor(url: string | URL, protocols?: string | string[]);
  readonly url: string;
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly extensions: string;
  readonly protocol: string;
  binaryType: "blob" | "arraybuffer";
  onclose: ((event: CloseEvent) => unknown) | null;
  /** An ErrorEvent, which says why. */
  onerror: ((event: ErrorEvent) => unknown) | null;
  onmessage: ((event: MessageEvent) => unknown) | null;
  onopen: ((event: Event) => unknown) | null;
  close(code?: number, reason?: string): void;
  send(data: string | BufferSource | Blob): void;
  /** Of Workers, for one end of a WebSocketPair and for what fetch() gives. */
  accept(): void;
  deserializeAttachment(): any;
  serializeAttachment(attachment: unknown): void;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSING: 2;
  readonly CLOSED: 3;
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSING: 2;
  static readonly CLOSED: 3;
}

/** Of Workers: two ends that talk to one another. */
declare class WebSocketPair {
  constructor();
}
interface WebSocketPair {
  0: WebSocket;
  1: WebSocket;
}

declare class EventSource extends EventTarget {
  constructor(url: string | URL, init?: { withCredentials?: boolean });
  readonly url: string;
  readonly readyState: number;
  readonly withCredentials: boolean;
  onerror: ((event: Event) => unknown) | null;
  onmessage: ((event: MessageEvent) => unknown) | null;
  onopen: ((event: Event) => unknown) | null;
  close(): void;
  readonly CONNECTING: 0;
  readonly OPEN: 1;
  readonly CLOSED: 2;
  static readonly CONNECTING: 0;
  static readonly OPEN: 1;
  static readonly CLOSED: 2;
}

// ---- Streams: https://streams.spec.whatwg.org/ ----

interface QueuingStrategy<Chunk = any> {
  highWaterMark?: number;
  size?(chunk: Chunk): number;
}
interface UnderlyingSource<Chunk = any> {
  type?: undefined;
  start?(controller: ReadableStreamDefaultController<Chunk>): unknown;
  pull?(controller: ReadableStreamDefaultController<Chunk>): unknown;
  cancel?(reason: unknown): unknown;
}
interface UnderlyingByteSource {
  type: "bytes";
  autoAllocateChunkSize?: number;
  start?(controller: ReadableByteStreamController): unknown;
  pull?(controller: ReadableByteStreamController): unknown;
  cancel?(reason: unknown): unknown;
}
interface UnderlyingSink<Chunk = any> {
  start?(controller: WritableStreamDefaultController): unknown;
  write?(chunk: Chunk, controller: WritableStreamDefaultController): unknown;
  close?(): unknown;
  abort?(reason: unknown): unknown;
}
interface Transformer<In = any, Out = any> {
  start?(controller: TransformStreamDefaultController<Out>): unknown;
  transform?(chunk: In, controller: TransformStreamDefaultController<Out>): unknown;
  flush?(controller: TransformStreamDefaultController<Out>): unknown;
  cancel?(reason: unknown): unknown;
}
interface StreamPipeOptions {
  preventAbort?: boolean;
  preventCancel?: boolean;
  preventClose?: boolean;
  signal?: AbortSignal;
}
interface ReadableWritablePair<Out = any, In = any> {
  readable: ReadableStream<Out>;
  writable: WritableStream<In>;
}
type ReadableStreamReadResult<Chunk> = { done: false; value: Chunk } | { done: true; value: Chunk | undefined };

declare class ReadableStream<Chunk = any> {
  constructor(source?: UnderlyingSource<Chunk> | UnderlyingByteSource, strategy?: QueuingStrategy<Chunk>);
  readonly locked: boolean;
  cancel(reason?: unknown): Promise<void>;
  getReader(options: { mode: "byob" }): ReadableStreamBYOBReader;
  getReader(options?: { mode?: undefined }): ReadableStreamDefaultReader<Chunk>;
  pipeThrough<Out>(transform: ReadableWritablePair<Out, Chunk>, options?: StreamPipeOptions): ReadableStream<Out>;
  pipeTo(destination: WritableStream<Chunk>, options?: StreamPipeOptions): Promise<void>;
  tee(): [ReadableStream<Chunk>, ReadableStream<Chunk>];
  values(options?: { preventCancel?: boolean }): AsyncIterableIterator<Chunk>;
  [Symbol.asyncIterator](options?: { preventCancel?: boolean }): AsyncIterableIterator<Chunk>;
  static from<Item>(iterable: AsyncIterable<Item> | Iterable<Item>): ReadableStream<Item>;
}

declare class ReadableStreamDefaultReader<Chunk = any> {
  constructor(stream: ReadableStream<Chunk>);
  readonly closed: Promise<void>;
  cancel(reason?: unknown): Promise<void>;
  read(): Promise<ReadableStreamReadResult<Chunk>>;
  releaseLock(): void;
}

declare class ReadableStreamBYOBReader {
  constructor(stream: ReadableStream<Uint8Array>);
  readonly closed: Promise<void>;
  cancel(reason?: unknown): Promise<void>;
  read<View extends ArrayBufferView>(view: View, options?: { min?: number }): Promise<ReadableStreamReadResult<View>>;
  releaseLock(): void;
}

declare class ReadableStreamBYOBRequest {
  private constructor();
  readonly view: Uint8Array<ArrayBuffer> | null;
  respond(bytesWritten: number): void;
  respondWithNewView(view: ArrayBufferView): void;
}

declare class ReadableStreamDefaultController<Chunk = any> {
  private constructor();
  readonly desiredSize: number | null;
  close(): void;
  enqueue(chunk?: Chunk): void;
  error(reason?: unknown): void;
}

declare class ReadableByteStreamController {
  private constructor();
  readonly byobRequest: ReadableStreamBYOBRequest | null;
  readonly desiredSize: number | null;
  close(): void;
  enqueue(chunk: ArrayBufferView): void;
  error(reason?: unknown): void;
}

declare class WritableStream<Chunk = any> {
  constructor(sink?: UnderlyingSink<Chunk>, strategy?: QueuingStrategy<Chunk>);
  readonly locked: boolean;
  abort(reason?: unknown): Promise<void>;
  close(): Promise<void>;
  getWriter(): WritableStreamDefaultWriter<Chunk>;
}

declare class WritableStreamDefaultWriter<Chunk = any> {
  constructor(stream: WritableStream<Chunk>);
  readonly closed: Promise<void>;
  readonly desiredSize: number | null;
  readonly ready: Promise<void>;
  abort(reason?: unknown): Promise<void>;
  close(): Promise<void>;
  releaseLock(): void;
  write(chunk?: Chunk): Promise<void>;
}

declare class WritableStreamDefaultController {
  private constructor();
  readonly signal: AbortSignal;
  error(reason?: unknown): void;
}

declare class TransformStream<In = any, Out = any> {
  constructor(transformer?: Transformer<In, Out>, writableStrategy?: QueuingStrategy<In>, readableStrategy?: QueuingStrategy<Out>);
  readonly readable: ReadableStream<Out>;
  readonly writable: WritableStream<In>;
}

declare class TransformStreamDefaultController<Out = any> {
  private constructor();
  readonly desiredSize: number | null;
  enqueue(chunk?: Out): void;
  error(reason?: unknown): void;
  terminate(): void;
}

declare class ByteLengthQueuingStrategy {
  constructor(init: { highWaterMark: number });
  readonly highWaterMark: number;
  readonly size: (chunk: any) => number;
}

declare class CountQueuingStrategy {
  constructor(init: { highWaterMark: number });
  readonly highWaterMark: number;
  readonly size: (chunk: any) => number;
}

/** Of Workers: bytes pass through as they are. */
declare class IdentityTransformStream extends TransformStream<BufferSource, Uint8Array<ArrayBuffer>> {
  constructor(strategy?: QueuingStrategy);
}

/** Of Workers: the same, and a body made of it has a known length. */
declare class FixedLengthStream extends IdentityTransformStream {
  constructor(length: number | bigint, strategy?: QueuingStrategy);
}

declare class CompressionStream {
  constructor(format: "gzip" | "deflate" | "deflate-raw" | "brotli");
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<BufferSource>;
}

declare class DecompressionStream {
  constructor(format: "gzip" | "deflate" | "deflate-raw" | "brotli");
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<BufferSource>;
}

// ---- Encoding: https://encoding.spec.whatwg.org/ ----

declare class TextEncoder {
  constructor();
  readonly encoding: "utf-8";
  encode(input?: string): Uint8Array<ArrayBuffer>;
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number };
}

declare class TextDecoder {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  decode(input?: ArrayBufferView | ArrayBufferLike, options?: { stream?: boolean }): string;
}

declare class TextEncoderStream {
  constructor();
  readonly encoding: "utf-8";
  readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly writable: WritableStream<string>;
}

declare class TextDecoderStream {
  constructor(label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean });
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  readonly readable: ReadableStream<string>;
  readonly writable: WritableStream<BufferSource>;
}

// ---- URLs: https://url.spec.whatwg.org/ ----

declare class URL {
  constructor(url: string | URL, base?: string | URL);
  href: string;
  readonly origin: string;
  protocol: string;
  username: string;
  password: string;
  host: string;
  hostname: string;
  port: string;
  pathname: string;
  search: string;
  readonly searchParams: URLSearchParams;
  hash: string;
  toJSON(): string;
  toString(): string;
  static canParse(url: string | URL, base?: string | URL): boolean;
  /** A `blob:` URL for what is in the blob, which `fetch()` of this app reads until it is revoked. */
  static createObjectURL(blob: Blob): string;
  static revokeObjectURL(url: string): void;
  static parse(url: string | URL, base?: string | URL): URL | null;
}

declare class URLSearchParams {
  constructor(init?: Iterable<readonly [string, string]> | Record<string, string> | string);
  readonly size: number;
  append(name: string, value: string): void;
  delete(name: string, value?: string): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: string): boolean;
  set(name: string, value: string): void;
  sort(): void;
  toString(): string;
  forEach(callback: (value: string, name: string, params: URLSearchParams) => void, thisArg?: unknown): void;
  entries(): IterableIterator<[string, string]>;
  keys(): IterableIterator<string>;
  values(): IterableIterator<string>;
  [Symbol.iterator](): IterableIterator<[string, string]>;
}

interface URLPatternInit {
  protocol?: string;
  username?: string;
  password?: string;
  hostname?: string;
  port?: string;
  pathname?: string;
  search?: string;
  hash?: string;
  baseURL?: string;
}
interface URLPatternOptions {
  ignoreCase?: boolean;
}
interface URLPatternComponentResult {
  input: string;
  /** By name, or by number if they have none; undefined if a group that may be left out was. */
  groups: Record<string, string | undefined>;
}
interface URLPatternResult {
  inputs: [input: string | URLPatternInit] | [input: string, baseURL: string];
  protocol: URLPatternComponentResult;
  username: URLPatternComponentResult;
  password: URLPatternComponentResult;
  hostname: URLPatternComponentResult;
  port: URLPatternComponentResult;
  pathname: URLPatternComponentResult;
  search: URLPatternComponentResult;
  hash: URLPatternComponentResult;
}

/** https://urlpattern.spec.whatwg.org/ */
declare class URLPattern {
  constructor(input: string | URLPatternInit, baseURL: string | URL, options?: URLPatternOptions);
  constructor(input?: string | URLPatternInit, options?: URLPatternOptions);
  readonly protocol: string;
  readonly username: string;
  readonly password: string;
  readonly hostname: string;
  readonly port: string;
  readonly pathname: string;
  readonly search: string;
  readonly hash: string;
  readonly hasRegExpGroups: boolean;
  exec(input?: string | URLPatternInit, baseURL?: string | URL): URLPatternResult | null;
  test(input?: string | URLPatternInit, baseURL?: string | URL): boolean;
}

// ---- Time and randomness ----

declare class Performance extends EventTarget {
  private constructor();
  readonly timeOrigin: number;
  now(): number;
  clearMarks(name?: string): void;
  clearMeasures(name?: string): void;
  getEntries(): PerformanceEntry[];
  getEntriesByName(name: string, type?: string): PerformanceEntry[];
  getEntriesByType(type: string): PerformanceEntry[];
  mark(name: string, options?: { detail?: unknown; startTime?: number }): PerformanceMark;
  measure(name: string, startOrOptions?: string | { detail?: unknown; start?: string | number; duration?: number; end?: string | number }, endMark?: string): PerformanceMeasure;
  toJSON(): object;
}

declare class PerformanceEntry {
  protected constructor();
  readonly name: string;
  readonly entryType: string;
  readonly startTime: number;
  readonly duration: number;
  toJSON(): object;
}

declare class PerformanceMark extends PerformanceEntry {
  constructor(name: string, options?: { detail?: unknown; startTime?: number });
  readonly detail: any;
}

declare class PerformanceMeasure extends PerformanceEntry {
  private constructor();
  readonly detail: any;
}

declare class PerformanceObserver {
  constructor(callback: (entries: PerformanceObserverEntryList, observer: PerformanceObserver, options: { droppedEntriesCount?: number }) => void);
  static readonly supportedEntryTypes: readonly string[];
  observe(options?: { entryTypes: string[] } | { type: string; buffered?: boolean }): void;
  disconnect(): void;
  takeRecords(): PerformanceEntry[];
}

declare class PerformanceObserverEntryList {
  private constructor();
  getEntries(): PerformanceEntry[];
  getEntriesByType(type: string): PerformanceEntry[];
  getEntriesByName(name: string, type?: string): PerformanceEntry[];
}

declare class Crypto {
  private constructor();
  readonly subtle: SubtleCrypto;
  getRandomValues<View extends ArrayBufferView>(array: View): View;
  randomUUID(): `${string}-${string}-${string}-${string}-${string}`;
}
interface Crypto {
  readonly DigestStream: DigestStreamConstructor;
}

/** A stream that gives the digest of what has been written to it: new crypto.DigestStream("SHA-256"). */
interface DigestStream extends WritableStream<BufferSource | string> {
  readonly digest: Promise<ArrayBuffer>;
  readonly bytesWritten: bigint;
}
type DigestStreamConstructor = { new (algorithm: AlgorithmIdentifier): DigestStream; readonly prototype: DigestStream };

/** A name, or an object with the name and what the algorithm takes besides. */
type AlgorithmIdentifier = string | { name: string; [parameter: string]: unknown };
type KeyFormat = "raw" | "spki" | "pkcs8" | "jwk";
type KeyUsage = "encrypt" | "decrypt" | "sign" | "verify" | "deriveKey" | "deriveBits" | "wrapKey" | "unwrapKey";

interface CryptoKeyPair {
  readonly publicKey: CryptoKey;
  readonly privateKey: CryptoKey;
}

interface JsonWebKey {
  kty?: string;
  use?: string;
  key_ops?: string[];
  alg?: string;
  ext?: boolean;
  crv?: string;
  k?: string;
  x?: string;
  y?: string;
  d?: string;
  n?: string;
  e?: string;
  p?: string;
  q?: string;
  dp?: string;
  dq?: string;
  qi?: string;
}

declare class CryptoKey {
  private constructor();
  readonly type: "secret" | "private" | "public";
  readonly extractable: boolean;
  readonly algorithm: { name: string; [parameter: string]: any };
  readonly usages: KeyUsage[];
}

declare class SubtleCrypto {
  private constructor();
  encrypt(algorithm: AlgorithmIdentifier, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  decrypt(algorithm: AlgorithmIdentifier, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  sign(algorithm: AlgorithmIdentifier, key: CryptoKey, data: BufferSource): Promise<ArrayBuffer>;
  verify(algorithm: AlgorithmIdentifier, key: CryptoKey, signature: BufferSource, data: BufferSource): Promise<boolean>;
  digest(algorithm: AlgorithmIdentifier, data: BufferSource): Promise<ArrayBuffer>;
  generateKey(algorithm: AlgorithmIdentifier, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey | CryptoKeyPair>;
  deriveKey(algorithm: AlgorithmIdentifier, baseKey: CryptoKey, derivedKeyType: AlgorithmIdentifier, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
  deriveBits(algorithm: AlgorithmIdentifier, baseKey: CryptoKey, length?: number | null): Promise<ArrayBuffer>;
  importKey(format: KeyFormat, keyData: BufferSource | JsonWebKey, algorithm: AlgorithmIdentifier, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
  exportKey(format: "jwk", key: CryptoKey): Promise<JsonWebKey>;
  exportKey(format: "raw" | "spki" | "pkcs8", key: CryptoKey): Promise<ArrayBuffer>;
  exportKey(format: KeyFormat, key: CryptoKey): Promise<ArrayBuffer | JsonWebKey>;
  wrapKey(format: KeyFormat, key: CryptoKey, wrappingKey: CryptoKey, wrapAlgorithm: AlgorithmIdentifier): Promise<ArrayBuffer>;
  unwrapKey(format: KeyFormat, wrappedKey: BufferSource, unwrappingKey: CryptoKey, unwrapAlgorithm: AlgorithmIdentifier, unwrappedKeyAlgorithm: AlgorithmIdentifier, extractable: boolean, usages: KeyUsage[]): Promise<CryptoKey>;
  timingSafeEqual(a: BufferSource, b: BufferSource): boolean;
}

// ---- Of Node: https://nodejs.org/api/buffer.html, https://nodejs.org/api/process.html ----
//
// The modules node:* that docs/apps.md lists are not declared here: the package @types/node describes them. With it, set "skipLibCheck",
// for it declares some of these globals as well.

type BufferEncoding = "utf8" | "utf-8" | "hex" | "base64" | "base64url" | "latin1" | "binary" | "ascii" | "utf16le" | "utf-16le" | "ucs2" | "ucs-2";
/** What is looked for or filled in; a number is one byte. */
type BufferPattern = string | number | boolean | Uint8Array;

declare var Buffer: BufferConstructor;

interface Buffer extends Uint8Array<ArrayBuffer> {
  readonly parent: ArrayBufferLike;
  readonly offset: number;
  compare(target: Uint8Array, targetStart?: number, targetEnd?: number, sourceStart?: number, sourceEnd?: number): -1 | 0 | 1;
  /** Gives the number of bytes copied. */
  copy(target: Uint8Array, targetStart?: number, sourceStart?: number, sourceEnd?: number): number;
  equals(other: Uint8Array): boolean;
  fill(value: BufferPattern, offset?: number, end?: number, encoding?: BufferEncoding): this;
  fill(value: BufferPattern, offset: number | undefined, encoding: BufferEncoding): this;
  fill(value: BufferPattern, encoding: BufferEncoding): this;
  includes(value: BufferPattern, offset?: number, encoding?: BufferEncoding): boolean;
  includes(value: BufferPattern, encoding: BufferEncoding): boolean;
  indexOf(value: BufferPattern, offset?: number, encoding?: BufferEncoding): number;
  indexOf(value: BufferPattern, encoding: BufferEncoding): number;
  lastIndexOf(value: BufferPattern, offset?: number, encoding?: BufferEncoding): number;
  lastIndexOf(value: BufferPattern, encoding: BufferEncoding): number;
  /** A view of the same memory, unlike that of Uint8Array. */
  slice(start?: number, end?: number): Buffer;
  subarray(start?: number, end?: number): Buffer;
  swap16(): this;
  swap32(): this;
  swap64(): this;
  toJSON(): { type: "Buffer"; data: number[] };
  /** The text as UTF-8: it knows no locales. */
  toLocaleString(): string;
  toString(encoding?: BufferEncoding, start?: number, end?: number): string;
  /** Gives the number of bytes written, which never end in the middle of a character. */
  write(text: string, offset?: number, length?: number, encoding?: BufferEncoding): number;
  write(text: string, offset: number | undefined, encoding: BufferEncoding): number;
  write(text: string, encoding: BufferEncoding): number;
  readInt8(offset?: number): number;
  readInt16LE(offset?: number): number;
  readInt16BE(offset?: number): number;
  readInt32LE(offset?: number): number;
  readInt32BE(offset?: number): number;
  readIntLE(offset: number, byteLength: number): number;
  readIntBE(offset: number, byteLength: number): number;
  readUInt8(offset?: number): number;
  readUInt16LE(offset?: number): number;
  readUInt16BE(offset?: number): number;
  readUInt32LE(offset?: number): number;
  readUInt32BE(offset?: number): number;
  readUIntLE(offset: number, byteLength: number): number;
  readUIntBE(offset: number, byteLength: number): number;
  readUint8(offset?: number): number;
  readUint16LE(offset?: number): number;
  readUint16BE(offset?: number): number;
  readUint32LE(offset?: number): number;
  readUint32BE(offset?: number): number;
  readUintLE(offset: number, byteLength: number): number;
  readUintBE(offset: number, byteLength: number): number;
  readBigInt64LE(offset?: number): bigint;
  readBigInt64BE(offset?: number): bigint;
  readBigUInt64LE(offset?: number): bigint;
  readBigUInt64BE(offset?: number): bigint;
  readBigUint64LE(offset?: number): bigint;
  readBigUint64BE(offset?: number): bigint;
  readFloatLE(offset?: number): number;
  readFloatBE(offset?: number): number;
  readDoubleLE(offset?: number): number;
  readDoubleBE(offset?: number): number;
  writeInt8(value: number, offset?: number): number;
  writeInt16LE(value: number, offset?: number): number;
  writeInt16BE(value: number, offset?: number): number;
  writeInt32LE(value: number, offset?: number): number;
  writeInt32BE(value: number, offset?: number): number;
  writeIntLE(value: number, offset: number, byteLength: number): number;
  writeIntBE(value: number, offset: number, byteLength: number): number;
  writeUInt8(value: number, offset?: number): number;
  writeUInt16LE(value: number, offset?: number): number;
  writeUInt16BE(value: number, offset?: number): number;
  writeUInt32LE(value: number, offset?: number): number;
  writeUInt32BE(value: number, offset?: number): number;
  writeUIntLE(value: number, offset: number, byteLength: number): number;
  writeUIntBE(value: number, offset: number, byteLength: number): number;
  writeUint8(value: number, offset?: number): number;
  writeUint16LE(value: number, offset?: number): number;
  writeUint16BE(value: number, offset?: number): number;
  writeUint32LE(value: number, offset?: number): number;
  writeUint32BE(value: number, offset?: number): number;
  writeUintLE(value: number, offset: number, byteLength: number): number;
  writeUintBE(value: number, offset: number, byteLength: number): number;
  writeBigInt64LE(value: bigint, offset?: number): number;
  writeBigInt64BE(value: bigint, offset?: number): number;
  writeBigUInt64LE(value: bigint, offset?: number): number;
  writeBigUInt64BE(value: bigint, offset?: number): number;
  writeBigUint64LE(value: bigint, offset?: number): number;
  writeBigUint64BE(value: bigint, offset?: number): number;
  writeFloatLE(value: number, offset?: number): number;
  writeFloatBE(value: number, offset?: number): number;
  writeDoubleLE(value: number, offset?: number): number;
  writeDoubleBE(value: number, offset?: number): number;
}

/** What Buffer has from Uint8Array, whose from() is another. */
interface BufferStatics extends Omit<Uint8ArrayConstructor, "from" | "of" | "prototype"> {
  /** @deprecated Use Buffer.from() or Buffer.alloc(). */
  new (size: number): Buffer;
  /** @deprecated Use Buffer.from() or Buffer.alloc(). */
  new (data: string | ArrayLike<number>, encoding?: BufferEncoding): Buffer;
  /** @deprecated Use Buffer.from() or Buffer.alloc(). */
  new (memory: ArrayBufferLike, offset?: number, length?: number): Buffer;
  /** @deprecated Use Buffer.from() or Buffer.alloc(). */
  (size: number): Buffer;
  /** @deprecated Use Buffer.from() or Buffer.alloc(). */
  (data: string | ArrayLike<number>, encoding?: BufferEncoding): Buffer;
  /** @deprecated Use Buffer.from() or Buffer.alloc(). */
  (memory: ArrayBufferLike, offset?: number, length?: number): Buffer;
  readonly prototype: Buffer;
  of(...items: number[]): Buffer;
}

interface BufferConstructor extends BufferStatics {
  poolSize: number;
  readonly [Symbol.species]: Uint8ArrayConstructor;
  alloc(size: number, fill?: BufferPattern, encoding?: BufferEncoding): Buffer;
  /** There is no pool: these two give zeros as well. */
  allocUnsafe(size: number): Buffer;
  allocUnsafeSlow(size: number): Buffer;
  byteLength(value: string | ArrayBufferView | ArrayBufferLike, encoding?: BufferEncoding): number;
  compare(a: Uint8Array, b: Uint8Array): -1 | 0 | 1;
  concat(list: readonly Uint8Array[], length?: number): Buffer;
  /** A copy; offset and length count elements. */
  copyBytesFrom(source: ArrayBufferView & { readonly length: number }, offset?: number, length?: number): Buffer;
  /** A copy. */
  from(data: string | ArrayLike<number>, encoding?: BufferEncoding): Buffer;
  /** A view of that memory. */
  from(memory: ArrayBufferLike, offset?: number, length?: number): Buffer;
  from(text: { valueOf(): string }, encoding?: BufferEncoding): Buffer;
  from(json: { type: "Buffer"; data: readonly number[] }): Buffer;
  isBuffer(value: unknown): value is Buffer;
  isEncoding(encoding: unknown): encoding is BufferEncoding;
}

declare var process: Process;

/** An EventEmitter, whose events come from the app alone. */
interface Process {
  /** A copy of the strings in env. */
  env: Record<string, string | undefined>;
  argv: string[];
  argv0: string;
  execArgv: string[];
  execPath: string;
  exitCode: number | string | null | undefined;
  features: object;
  pid: number;
  ppid: number;
  platform: string;
  arch: string;
  title: string;
  release: { name: string };
  version: string;
  versions: { node: string; [part: string]: string | undefined };
  hrtime: { (before?: [seconds: number, nanoseconds: number]): [seconds: number, nanoseconds: number]; bigint(): bigint };
  /** Always throws: an app lives as long as its host wants. */
  abort(): never;
  /** Always throws: there is one folder. */
  chdir(folder: string): never;
  cwd(): string;
  /** Logs it. */
  emitWarning(warning: string | Error): void;
  /** Always throws: an app lives as long as its host wants. */
  exit(code?: number | string | null): never;
  getBuiltinModule(name: string): undefined;
  /** Zeros: what an app uses is for its host to know. */
  memoryUsage(): { rss: number; heapTotal: number; heapUsed: number; external: number; arrayBuffers: number };
  nextTick<Args extends unknown[]>(callback: (...args: Args) => void, ...args: Args): void;
  umask(): number;
  uptime(): number;
  addListener(type: string | symbol, listener: (...args: any[]) => void): this;
  emit(type: string | symbol, ...args: any[]): boolean;
  eventNames(): (string | symbol)[];
  getMaxListeners(): number;
  listenerCount(type: string | symbol, listener?: (...args: any[]) => void): number;
  listeners(type: string | symbol): ((...args: any[]) => void)[];
  off(type: string | symbol, listener: (...args: any[]) => void): this;
  on(type: string | symbol, listener: (...args: any[]) => void): this;
  once(type: string | symbol, listener: (...args: any[]) => void): this;
  prependListener(type: string | symbol, listener: (...args: any[]) => void): this;
  prependOnceListener(type: string | symbol, listener: (...args: any[]) => void): this;
  rawListeners(type: string | symbol): ((...args: any[]) => void)[];
  removeAllListeners(type?: string | symbol): this;
  removeListener(type: string | symbol, listener: (...args: any[]) => void): this;
  setMaxListeners(count: number): this;
}

// ---- Modules ----

declare module "cloudflare:sockets" {
  /** A connection of bytes over TCP, in the clear or with TLS. */
  export interface Socket {
    readonly readable: ReadableStream<Uint8Array<ArrayBuffer>>;
    readonly writable: WritableStream<BufferSource>;
    readonly opened: Promise<{ remoteAddress: string; localAddress: string }>;
    readonly closed: Promise<void>;
    readonly upgraded: boolean;
    readonly secureTransport: "off" | "on" | "starttls";
    close(): Promise<void>;
    /** The same connection with TLS; this socket is over. */
    startTls(options?: { expectedServerHostname?: string }): Socket;
  }

  export function connect(
    address: string | { hostname: string; port: number },
    options?: { secureTransport?: "off" | "on" | "starttls"; allowHalfOpen?: boolean; highWaterMark?: number },
  ): Socket;
}

declare module "cloudflare:workers" {
  global {
    namespace Cloudflare {
      /** What your env holds; say so by declaring this interface once more. */
      interface Env {}
    }
  }

  /** The env of the event at hand, or of the withEnv() around it. It cannot be changed. */
  export const env: Cloudflare.Env;
  /** Throws if there is no event at hand. */
  export function waitUntil(promise: unknown): void;
  /** Runs the callback, and what it starts, with another env. */
  export function withEnv<Result>(env: object, callback: () => Result): Result;

  /** Its methods, and those of the classes between, are what other apps and the host may call. */
  export class WorkerEntrypoint<Env = Cloudflare.Env> {
    constructor(ctx: ExecutionContext, env: Env);
    ctx: ExecutionContext;
    env: Env;
  }

  /** There are no durable objects: to extend and compare with, as the classes below. */
  export class DurableObject<Env = Cloudflare.Env> {
    constructor(ctx: any, env: Env);
    ctx: any;
    env: Env;
  }

  export class WorkflowEntrypoint<Env = Cloudflare.Env, Params = unknown> {
    constructor(ctx: ExecutionContext, env: Env);
    ctx: ExecutionContext;
    env: Env;
  }

  export class RpcTarget {}

  export class RpcStub {
    private constructor();
  }
}
