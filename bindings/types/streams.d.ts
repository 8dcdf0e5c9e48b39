// Streams: https://streams.spec.whatwg.org/.

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
  /** Of Workers: read() with a minimum. */
  readAtLeast<View extends ArrayBufferView>(minElements: number, view: View): Promise<ReadableStreamReadResult<View>>;
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
