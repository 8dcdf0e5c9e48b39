"use strict";
// FileSystemWritableFileStream: what is written to a file, seen when it is closed.
// Specification: https://fs.spec.whatwg.org/#api-filesystemwritablefilestream
(nano) => {
  const {
    ArrayBufferIsView, MathMin, PromisePrototypeThen, PromiseReject, PromiseResolve, PromiseWithResolvers, TypeError,
    TypedArrayPrototypeGetBuffer, TypedArrayPrototypeGetByteLength, TypedArrayPrototypeGetByteOffset, Uint8Array,
  } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, converters, dictionary, enumeration, illegalConstructor, isArrayBuffer, isObject, nullable, requiredArguments } =
    nano.webidl;
  const { bytesOf } = nano.encoding;
  nano.part("streams");
  const { WritableStream, acquireWritableStreamDefaultWriter, createWritableSlots, fromSlots, writableOf,
    writableStreamDefaultWriterRelease, writableStreamDefaultWriterWrite } = nano.streamsInternal;

  const CREATE = { __proto__: null };
  // What is sent at once.
  const PIECE_BYTES = 1048576;

  const blob = () => nano.part("blob");

  // (BufferSource or Blob or USVString)
  const fileData = (value, prefix, context) => {
    if (isObject(value)) {
      if (ArrayBufferIsView(value) || isArrayBuffer(value)) return converters.BufferSource(value, prefix, context);
      if (blob().isBlob(value)) return value;
    }
    return converters.USVString(value, prefix, context);
  };

  const writeParams = dictionary("WriteParams", [
    { key: "data", converter: nullable(fileData) },
    { key: "position", converter: nullable(converters["unsigned long long"]) },
    { key: "size", converter: nullable(converters["unsigned long long"]) },
    { key: "type", converter: enumeration("WriteCommandType", ["write", "seek", "truncate"]), required: true },
  ]);

  const bytesOfData = (data) => {
    if (typeof data === "string") return ops.utf8Encode(data);
    if (blob().isBlob(data)) return blob().blobData(data).bytes();
    return bytesOf(data);
  };

  // https://fs.spec.whatwg.org/#write-a-chunk
  const toCommand = (chunk) => {
    const prefix = "Failed to write";
    const isData = !isObject(chunk) || ArrayBufferIsView(chunk) || isArrayBuffer(chunk) || blob().isBlob(chunk);
    if (isData) return { __proto__: null, type: "write", data: fileData(chunk, prefix, "the chunk"), position: null };
    const params = writeParams(chunk, prefix, "the chunk");
    const { type } = params;
    if (type === "write" && (params.data === undefined || params.data === null)) throw new TypeError(`${prefix}: 'write' needs data.`);
    if (type === "seek" && (params.position === undefined || params.position === null)) {
      throw new TypeError(`${prefix}: 'seek' needs a position.`);
    }
    if (type === "truncate" && (params.size === undefined || params.size === null)) {
      throw new TypeError(`${prefix}: 'truncate' needs a size.`);
    }
    return params;
  };

  class Sink {
    writer;
    size;
    request;
    offset = 0;

    constructor(writer, size, request) {
      this.writer = writer;
      this.size = size;
      this.request = request;
    }

    write(chunk) {
      try {
        const command = toCommand(chunk);
        switch (command.type) {
          case "seek":
            this.offset = command.position;
            return PromiseResolve();
          case "truncate": return this.truncate(command.size);
          default: return this.put(command.position ?? this.offset, bytesOfData(command.data));
        }
      } catch (error) {
        return PromiseReject(error);
      }
    }

    truncate(size) {
      return PromisePrototypeThen(this.request("truncate", [this.writer, size]), () => {
        this.size = size;
        if (this.offset > size) this.offset = size;
      });
    }

    put(position, bytes) {
      const total = TypedArrayPrototypeGetByteLength(bytes);
      const buffer = TypedArrayPrototypeGetBuffer(bytes);
      const start = TypedArrayPrototypeGetByteOffset(bytes);
      const step = (done) => {
        const length = MathMin(total - done, PIECE_BYTES);
        const piece = new Uint8Array(buffer, start + done, length);
        return PromisePrototypeThen(this.request("write", [this.writer, position + done, piece]), () => {
          if (done + length < total) return step(done + length);
          this.offset = position + total;
          if (this.size < this.offset) this.size = this.offset;
          return undefined;
        });
      };
      return step(0);
    }
  }

  // Sends one chunk through a writer that lives as long as that takes.
  const writeThrough = (stream, chunk) => {
    const deferred = PromiseWithResolvers();
    try {
      const writer = acquireWritableStreamDefaultWriter(writableOf(stream));
      writableStreamDefaultWriterWrite(writer, chunk, deferred);
      writableStreamDefaultWriterRelease(writer);
    } catch (error) {
      return PromiseReject(error);
    }
    return deferred.promise;
  };

  class FileSystemWritableFileStream extends WritableStream {
    #brand;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      super(fromSlots, arguments[1]);
    }

    write(data) {
      try {
        this.#brand;
        requiredArguments(arguments.length, 1, "Failed to execute 'write' on 'FileSystemWritableFileStream'");
      } catch (error) {
        return PromiseReject(error);
      }
      return writeThrough(this, data);
    }

    seek(position) {
      try {
        const prefix = "Failed to execute 'seek' on 'FileSystemWritableFileStream'";
        this.#brand;
        requiredArguments(arguments.length, 1, prefix);
        position = converters["unsigned long long"](position, prefix, "parameter 1");
      } catch (error) {
        return PromiseReject(error);
      }
      return writeThrough(this, { __proto__: null, type: "seek", position });
    }

    truncate(size) {
      try {
        const prefix = "Failed to execute 'truncate' on 'FileSystemWritableFileStream'";
        this.#brand;
        requiredArguments(arguments.length, 1, prefix);
        size = converters["unsigned long long"](size, prefix, "parameter 1");
      } catch (error) {
        return PromiseReject(error);
      }
      return writeThrough(this, { __proto__: null, type: "truncate", size });
    }
  }
  configureInterface(FileSystemWritableFileStream);

  return {
    __proto__: null,
    FileSystemWritableFileStream,
    create(writer, size, request) {
      const sink = new Sink(writer, size, request);
      const end = (name) => PromisePrototypeThen(request(name, [writer]), () => undefined);
      const slots = createWritableSlots(() => undefined, (chunk) => sink.write(chunk), () => end("close"), () => end("abort"), 1, () => 1);
      return new FileSystemWritableFileStream(CREATE, slots);
    },
  };
};
