// The global itself, and words that all these files share.

type BufferSource = ArrayBufferView<ArrayBuffer> | ArrayBuffer;
type BlobPart = BufferSource | Blob | string;
type BodyInit = ReadableStream | Blob | BufferSource | FormData | URLSearchParams | string | AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
type HeadersInit = Headers | Iterable<readonly [string, string]> | Record<string, string>;
type RequestInfo = Request | string | URL;
type FormDataEntryValue = File | string;
type Transferable = ArrayBuffer | MessagePort | ReadableStream | WritableStream | TransformStream;

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
