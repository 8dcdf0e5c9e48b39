"use strict";
// The file system of an app: navigator.storage.getDirectory() and the handles it leads to.
// Specification: https://fs.spec.whatwg.org/, https://storage.spec.whatwg.org/#storagemanager
//
// A handle is a kind and a path. Every operation goes by name to whoever keeps the files (ops.files): the app's tree in memory, which
// answers at once, or the host. Nothing here awaits: await goes through Promise.prototype.then, which an app may have patched.
(nano) => {
  const {
    ArrayPrototypePush, ArrayPrototypeSlice, AsyncIteratorPrototype, ObjectDefineProperty, ObjectSetPrototypeOf,
    PromisePrototypeThen, PromiseReject, PromiseResolve, PromiseWithResolvers, RegExpPrototypeExec, StringPrototypeIncludes,
    SymbolAsyncIterator, SymbolToStringTag, TypeError, TypedArrayPrototypeGetByteLength,
  } = nano.primordials;
  const { calls, ops } = nano;
  const { configureInterface, converters, dictionary, illegalConstructor, interface: interfaceType, isObject, requiredArguments } =
    nano.webidl;

  const CREATE = { __proto__: null };

  // What a file is read in.
  const PIECE_BYTES = 1048576;
  // Operations that a host is asked at once; others wait, so that they do not use up what an app may ask at once.
  const AT_ONCE = 3;

  // Operations

  const known = {
    __proto__: null,
    AbortError: true, InvalidModificationError: true, InvalidStateError: true, NoModificationAllowedError: true, NotAllowedError: true,
    NotFoundError: true, NotReadableError: true, NotSupportedError: true, TypeMismatchError: true,
  };

  const fileError = (name, message) => {
    if (name === "TypeError") return new TypeError(message);
    if (name === "QuotaExceededError") return new (nano.part("quota_exceeded_error").QuotaExceededError)(message);
    return new nano.DOMException(message, known[name] ? name : "UnknownError");
  };

  const named = /^([A-Za-z]+Error): ?([^]*)$/;

  // A host says which error it is in front of its message.
  const hostError = (error) => {
    const parts = RegExpPrototypeExec(named, error.message);
    throw parts === null ? fileError("UnknownError", error.message) : fileError(parts[1], parts[2]);
  };

  let hosted = false;
  let running = 0;
  // A list of { run, next }.
  let first;
  let last;

  const next = () => {
    running--;
    if (first === undefined) return;
    const { run } = first;
    first = first.next;
    run();
  };

  const ask = (name, args) => {
    const answer = ops.files(name, args);
    if (typeof answer !== "number") {
      if (answer.length > 1) return PromiseReject(fileError(answer[1], answer[2]));
      // Without a prototype, for a promise looks for a "then" on what it is resolved with.
      return PromiseResolve(isObject(answer[0]) ? ObjectSetPrototypeOf(answer[0], null) : answer[0]);
    }
    hosted = true;
    running++;
    return PromisePrototypeThen(calls.send(() => answer), (value) => {
      next();
      return value;
    }, (error) => {
      next();
      hostError(error);
    });
  };

  const request = (name, args) => {
    try {
      if (!hosted || running < AT_ONCE) return ask(name, args);
    } catch (error) {
      return PromiseReject(error);
    }
    const deferred = PromiseWithResolvers();
    const run = () => {
      try {
        PromisePrototypeThen(ask(name, args), deferred.resolve, deferred.reject);
      } catch (error) {
        deferred.reject(error);
      }
    };
    const entry = { __proto__: null, run, next: undefined };
    if (first === undefined) first = entry;
    else last.next = entry;
    last = entry;
    return deferred.promise;
  };

  // A promise of what steps() gives; an operation that returns a promise reports its errors through it.
  const promiseOf = (steps) => {
    try {
      return steps();
    } catch (error) {
      return PromiseReject(error);
    }
  };

  // Names and paths

  // https://fs.spec.whatwg.org/#valid-file-name
  const validName = (name, prefix) => {
    if (name === "" || name === "." || name === ".." || StringPrototypeIncludes(name, "/") || StringPrototypeIncludes(name, "\0")) {
      throw new TypeError(`${prefix}: Name is not allowed.`);
    }
    return name;
  };

  // Handles

  let isHandle;
  let pathOf;
  let kindOf;

  class FileSystemHandle {
    #kind;
    #path;
    #name;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      this.#kind = arguments[1];
      this.#path = arguments[2];
      this.#name = arguments[3];
    }

    get kind() {
      return this.#kind;
    }

    get name() {
      return this.#name;
    }

    // https://fs.spec.whatwg.org/#dom-filesystemhandle-issameentry
    isSameEntry(other) {
      return promiseOf(() => {
        const prefix = "Failed to execute 'isSameEntry' on 'FileSystemHandle'";
        const path = this.#path;
        requiredArguments(arguments.length, 1, prefix);
        interfaceType("FileSystemHandle", isHandle)(other, prefix, "parameter 1");
        return PromiseResolve(path === other.#path && this.#kind === other.#kind);
      });
    }

    static {
      isHandle = (value) => isObject(value) && #kind in value;
      pathOf = (handle) => handle.#path;
      kindOf = (handle) => handle.#kind;
    }
  }
  configureInterface(FileSystemHandle);

  const checkKind = (value, kind) => {
    if (!isHandle(value) || kindOf(value) !== kind) throw new TypeError("Illegal invocation");
    return pathOf(value);
  };

  // https://fs.spec.whatwg.org/#dom-filesystemfilehandle-getfile
  const readFile = (path, name) => PromisePrototypeThen(request("stat", [path]), (stat) => {
    const blob = nano.part("blob");
    const pieces = new blob.Pieces();
    const size = stat[0], modified = stat[1];
    const step = (offset) => {
      if (offset >= size) return finish(offset);
      return PromisePrototypeThen(request("read", [path, offset, PIECE_BYTES]), (bytes) => {
        // Taken before the bytes are, which leaves none.
        const length = TypedArrayPrototypeGetByteLength(bytes);
        if (length === 0) return finish(offset);
        pieces.addData(blob.dataOf(bytes));
        return step(offset + length);
      });
    };
    const done = () => blob.createFile(pieces.join(), "", name, modified);
    // Only a file that came in several pieces can have changed between them.
    const finish = (length) => {
      if (length <= PIECE_BYTES) return done();
      return PromisePrototypeThen(request("stat", [path]), (again) => {
        if (again[0] !== size || again[1] !== modified) throw fileError("NotReadableError", "the file changed while it was being read");
        return done();
      });
    };
    return step(0);
  });

  const createWritableOptions = dictionary("FileSystemCreateWritableOptions", [
    { key: "keepExistingData", converter: converters.boolean, defaultValue: false },
  ]);

  class FileSystemFileHandle extends FileSystemHandle {
    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      super(CREATE, "file", arguments[1], arguments[2]);
    }

    getFile() {
      return promiseOf(() => readFile(checkKind(this, "file"), nameOf(pathOf(this))));
    }

    createWritable(options = undefined) {
      return promiseOf(() => {
        const path = checkKind(this, "file");
        const { keepExistingData } = createWritableOptions(options, "Failed to execute 'createWritable'", "parameter 1");
        return PromisePrototypeThen(request("writer", [path, keepExistingData]), (writer) =>
          nano.part("fs_writable").create(writer[0], writer[1], request));
      });
    }
  }
  configureInterface(FileSystemFileHandle);

  const nameOf = (path) => {
    const parts = RegExpPrototypeExec(lastName, path);
    return parts[0];
  };
  const lastName = /[^/]*$/;

  const createHandle = (kind, path, name) =>
    kind === "file" ? new FileSystemFileHandle(CREATE, path, name) : new FileSystemDirectoryHandle(CREATE, path, name);

  const getOptions = dictionary("FileSystemGetFileOptions", [
    { key: "create", converter: converters.boolean, defaultValue: false },
  ]);
  const removeOptions = dictionary("FileSystemRemoveOptions", [
    { key: "recursive", converter: converters.boolean, defaultValue: false },
  ]);

  const getEntry = (handle, kind, count, name, options, operation) => promiseOf(() => {
    const prefix = `Failed to execute '${operation}' on 'FileSystemDirectoryHandle'`;
    const parent = checkKind(handle, "directory");
    requiredArguments(count, 1, prefix);
    const wanted = converters.USVString(name, prefix, "parameter 1");
    const { create } = getOptions(options, prefix, "parameter 2");
    const path = parent === "" ? validName(wanted, prefix) : `${parent}/${validName(wanted, prefix)}`;
    return PromisePrototypeThen(request("open", [path, kind, create]), () => createHandle(kind, path, wanted));
  });

  // What keys(), values() and entries() give: https://webidl.spec.whatwg.org/#js-asynchronous-iterable
  class DirectoryIterator {
    #path;
    #pick;
    #entries = undefined;
    #index = 0;
    #ongoing = undefined;

    constructor(path, pick) {
      this.#path = path;
      this.#pick = pick;
    }

    #step() {
      const entries = this.#entries;
      if (entries === undefined) {
        return PromisePrototypeThen(request("list", [this.#path]), (list) => {
          this.#entries = list;
          return this.#step();
        }, (error) => {
          this.#entries = [];
          throw error;
        });
      }
      if (this.#index >= entries.length) return { value: undefined, done: true };
      const entry = entries[this.#index++];
      const name = entry[0];
      if (this.#pick === "keys") return { value: name, done: false };
      const handle = createHandle(entry[1], this.#path === "" ? name : `${this.#path}/${name}`, name);
      return { value: this.#pick === "values" ? handle : [name, handle], done: false };
    }

    next() {
      if (!isObject(this) || !(#path in this)) return PromiseReject(new TypeError("Illegal invocation"));
      const step = () => this.#step();
      const ongoing = this.#ongoing === undefined ? PromisePrototypeThen(PromiseResolve(), step) : PromisePrototypeThen(this.#ongoing, step, step);
      this.#ongoing = ongoing;
      return ongoing;
    }
  }
  delete DirectoryIterator.prototype.constructor;
  ObjectDefineProperty(DirectoryIterator.prototype, "next", { __proto__: null, enumerable: true });
  ObjectDefineProperty(DirectoryIterator.prototype, SymbolToStringTag, {
    __proto__: null, value: "FileSystemDirectoryHandle AsyncIterator", configurable: true,
  });
  ObjectSetPrototypeOf(DirectoryIterator.prototype, AsyncIteratorPrototype);

  class FileSystemDirectoryHandle extends FileSystemHandle {
    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
      super(CREATE, "directory", arguments[1], arguments[2]);
    }

    getFileHandle(name, options = undefined) {
      return getEntry(this, "file", arguments.length, name, options, "getFileHandle");
    }

    getDirectoryHandle(name, options = undefined) {
      return getEntry(this, "directory", arguments.length, name, options, "getDirectoryHandle");
    }

    removeEntry(name, options = undefined) {
      return promiseOf(() => {
        const prefix = "Failed to execute 'removeEntry' on 'FileSystemDirectoryHandle'";
        const parent = checkKind(this, "directory");
        requiredArguments(arguments.length, 1, prefix);
        const wanted = converters.USVString(name, prefix, "parameter 1");
        const { recursive } = removeOptions(options, prefix, "parameter 2");
        const path = parent === "" ? validName(wanted, prefix) : `${parent}/${validName(wanted, prefix)}`;
        return PromisePrototypeThen(request("remove", [path, recursive]), () => undefined);
      });
    }

    // https://fs.spec.whatwg.org/#dom-filesystemdirectoryhandle-resolve
    resolve(possibleDescendant) {
      return promiseOf(() => {
        const prefix = "Failed to execute 'resolve' on 'FileSystemDirectoryHandle'";
        const parent = checkKind(this, "directory");
        requiredArguments(arguments.length, 1, prefix);
        interfaceType("FileSystemHandle", isHandle)(possibleDescendant, prefix, "parameter 1");
        return PromiseResolve(namesBetween(parent, pathOf(possibleDescendant)));
      });
    }

    keys() {
      return new DirectoryIterator(checkKind(this, "directory"), "keys");
    }

    values() {
      return new DirectoryIterator(checkKind(this, "directory"), "values");
    }

    entries() {
      return new DirectoryIterator(checkKind(this, "directory"), "entries");
    }
  }
  configureInterface(FileSystemDirectoryHandle);
  ObjectDefineProperty(FileSystemDirectoryHandle.prototype, SymbolAsyncIterator, {
    __proto__: null, value: FileSystemDirectoryHandle.prototype.entries, writable: true, configurable: true,
  });

  const namesOf = (path) => {
    const names = [];
    for (let start = 0, i = 0; path !== "" && i <= path.length; i++) {
      if (i < path.length && path[i] !== "/") continue;
      let name = "";
      for (let j = start; j < i; j++) name += path[j];
      ArrayPrototypePush(names, name);
      start = i + 1;
    }
    return names;
  };

  const namesBetween = (parent, path) => {
    const above = namesOf(parent);
    const below = namesOf(path);
    if (below.length < above.length) return null;
    for (let i = 0; i < above.length; i++) if (above[i] !== below[i]) return null;
    return ArrayPrototypeSlice(below, above.length);
  };

  // navigator.storage

  class StorageManager {
    #brand;

    constructor() {
      if (arguments[0] !== CREATE) illegalConstructor();
    }

    // What an app keeps is gone when it is unloaded.
    persisted() {
      return promiseOf(() => {
        this.#brand;
        return PromiseResolve(false);
      });
    }

    persist() {
      return promiseOf(() => {
        this.#brand;
        return PromiseResolve(false);
      });
    }

    estimate() {
      return promiseOf(() => {
        this.#brand;
        return PromisePrototypeThen(request("estimate", []), (pair) => ({ usage: pair[0], quota: pair[1] }));
      });
    }

    getDirectory() {
      return promiseOf(() => {
        this.#brand;
        return PromiseResolve(createHandle("directory", "", ""));
      });
    }
  }
  configureInterface(StorageManager);

  nano.serializable[nano.serializable.length] = {
    is: isHandle,
    clone: (handle) => createHandle(kindOf(handle), pathOf(handle), nameOf(pathOf(handle))),
  };

  return {
    __proto__: null, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemHandle, StorageManager,
    get FileSystemWritableFileStream() {
      return nano.part("fs_writable").FileSystemWritableFileStream;
    },
    storage: new StorageManager(CREATE),
  };
};
