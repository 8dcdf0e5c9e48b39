// Of Node: https://nodejs.org/api/buffer.html, https://nodejs.org/api/process.html.
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
  fill(value?: BufferPattern | null, offset?: number, end?: number, encoding?: BufferEncoding): this;
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
  asciiSlice(start?: number, end?: number): string;
  base64Slice(start?: number, end?: number): string;
  base64urlSlice(start?: number, end?: number): string;
  latin1Slice(start?: number, end?: number): string;
  hexSlice(start?: number, end?: number): string;
  ucs2Slice(start?: number, end?: number): string;
  utf8Slice(start?: number, end?: number): string;
  asciiWrite(text: string, offset?: number, length?: number): number;
  base64Write(text: string, offset?: number, length?: number): number;
  base64urlWrite(text: string, offset?: number, length?: number): number;
  latin1Write(text: string, offset?: number, length?: number): number;
  hexWrite(text: string, offset?: number, length?: number): number;
  ucs2Write(text: string, offset?: number, length?: number): number;
  utf8Write(text: string, offset?: number, length?: number): number;
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

/** What is written is in the log, line by line. */
interface ProcessOutput {
  readonly fd: number;
  readonly isTTY: boolean;
  readonly writable: boolean;
  write(chunk: string | Uint8Array, encoding?: string, callback?: (error: null) => void): boolean;
  write(chunk: string | Uint8Array, callback: (error: null) => void): boolean;
  end(chunk?: string | Uint8Array): this;
}

/** An EventEmitter, whose events come from the app, but for "unhandledRejection" and "rejectionHandled". */
interface Process {
  stdout: ProcessOutput;
  stderr: ProcessOutput;
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
  /** One of the modules that docs/apps.md lists, or undefined. */
  getBuiltinModule(name: string): any;
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
