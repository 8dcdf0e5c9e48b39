"use strict";
// node:fs and node:fs/promises: there are no files by this way (an app's own are in navigator.storage). What looks for one finds none; what
// would make or change one says that it is not supported. https://nodejs.org/api/fs.html
(nano, part) => {
  const { Error, ObjectDefineProperty, PromiseReject, StringPrototypeSplit } = nano.primordials;
  const { asModule, invalidArgType, validateFunction, withCode } = nano.part("node/errors");
  const { absent } = nano.part("node/absent");
  const { fs: constants, shown } = nano.part("node/numbers");

  const pathOf = (path) => {
    if (typeof path === "string") return path;
    if (path === null || typeof path !== "object") throw invalidArgType("path", "of type string or an instance of Buffer or URL", path);
    return typeof path.pathname === "string" ? path.pathname : `${path}`;
  };

  // The calls of the system by which Node's functions look for a file.
  const lookups = {
    __proto__: null,
    access: "access", lstat: "lstat", open: "open", opendir: "opendir", readFile: "open", readdir: "scandir", readlink: "readlink", realpath: "realpath",
    stat: "stat", statfs: "statfs",
  };
  const missing = (name, path) => {
    const syscall = lookups[name];
    const error = withCode(new Error(`ENOENT: no such file or directory, ${syscall} '${path}'`), "ENOENT");
    const more = { __proto__: null, errno: -2, syscall, path };
    const keys = ["errno", "syscall", "path"];
    for (let i = 0; i < keys.length; i++) {
      ObjectDefineProperty(error, keys[i], { __proto__: null, value: more[keys[i]], writable: true, enumerable: true, configurable: true });
    }
    return error;
  };

  const changes = "appendFile chmod chown copyFile cp glob lchmod lchown link lutimes mkdir mkdtemp rename rm rmdir symlink truncate unlink utimes watch writeFile";
  const byHandle = "close fchmod fchown fdatasync fstat fsync ftruncate futimes read readv write writev";

  const each = (names, f) => {
    const list = StringPrototypeSplit(names, " ");
    for (let i = 0; i < list.length; i++) f(list[i]);
  };

  const promised = () => {
    const members = { __proto__: null, constants: shown(constants), FileHandle: absent("fs", "FileHandle") };
    each(changes, (name) => {
      const fail = absent("fs.promises", name);
      members[name] = async () => fail();
    });
    const names = nano.primordials.ObjectKeys(lookups);
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      members[name] = (path) => {
        try {
          return PromiseReject(missing(name, pathOf(path)));
        } catch (error) {
          return PromiseReject(error);
        }
      };
    }
    return asModule(members);
  };
  if (part === "node/fs#promises") return promised();

  const members = { __proto__: null, constants: shown(constants), promises: nano.part("node/fs#promises").default };
  each(`${changes} ${byHandle}`, (name) => {
    members[name] = absent("fs", name);
    members[`${name}Sync`] = absent("fs", `${name}Sync`);
  });
  delete members.watchSync;
  each("Dir Dirent FileReadStream FileWriteStream ReadStream Stats WriteStream createReadStream createWriteStream openAsBlob", (name) => {
    members[name] = absent("fs", name);
  });
  members.unwatchFile = () => undefined;
  members.watchFile = absent("fs", "watchFile");
  const names = nano.primordials.ObjectKeys(lookups);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    members[`${name}Sync`] = (path, options) => {
      const error = missing(name, pathOf(path));
      if (options?.throwIfNoEntry === false) return undefined;
      throw error;
    };
    members[name] = (path, ...args) => {
      const callback = args[args.length - 1];
      validateFunction(callback, "cb");
      const error = missing(name, pathOf(path));
      nano.queueMicrotask(() => callback(error));
    };
  }
  members.existsSync = () => false;
  members.exists = (path, callback) => {
    validateFunction(callback, "cb");
    nano.queueMicrotask(() => callback(false));
  };
  each("F_OK R_OK W_OK X_OK", (name) => {
    members[name] = constants[name];
  });
  return asModule(members);
};
