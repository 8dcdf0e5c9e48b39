"use strict";
// FormData, and multipart/form-data in both directions.
// Specifications: https://xhr.spec.whatwg.org/#interface-formdata, https://html.spec.whatwg.org/#multipart-form-data
(nano) => {
  const { ObjectDefineProperty, ObjectSetPrototypeOf, RegExpPrototypeExec, TypeError } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, converters, isObject, pairIterable, requiredArguments } = nano.webidl;
  const { bodyExtractors, lazyBody } = nano.fetch;
  const { Pieces, blobData, createFile, dataOf, fileFields, isBlob, isFile, typeOf } = nano.part("blob");

  // Lists without a prototype, so that no setter of an app is in the way of list[list.length] = x.
  const newList = () => ObjectSetPrototypeOf([], null);

  // https://xhr.spec.whatwg.org/#create-an-entry; what is no string is a Blob.
  const entryValue = (value, filename) => {
    if (typeof value === "string") return value;
    if (isFile(value)) {
      if (filename === undefined) return value;
      return createFile(blobData(value), typeOf(value), filename, fileFields(value).lastModified);
    }
    return createFile(blobData(value), typeOf(value), filename ?? "blob");
  };

  let listOf;
  let setList;
  let isFormData;

  const enter = (form, operation, count, required) => {
    const prefix = `Failed to execute '${operation}' on 'FormData'`;
    if (!isFormData(form)) throw new TypeError(`${prefix}: Illegal invocation`);
    requiredArguments(count, required, prefix);
    return prefix;
  };

  // append() and set() are overloaded: with a file name the value has to be a Blob.
  const convertEntry = (args, prefix) => {
    const name = converters.USVString(args[0], prefix, "parameter 1");
    let value = args[1];
    if (args.length > 2) {
      if (!isBlob(value)) throw new TypeError(`${prefix}: parameter 2 is not of type 'Blob'.`);
    } else if (!isBlob(value)) {
      value = converters.USVString(value, prefix, "parameter 2");
    }
    const filename = args.length > 2 && args[2] !== undefined
      ? converters.USVString(args[2], prefix, "parameter 3")
      : undefined;
    return [name, entryValue(value, filename)];
  };

  const without = (list, name) => {
    const rest = newList();
    for (let i = 0; i < list.length; i++) if (list[i][0] !== name) rest[rest.length] = list[i];
    return rest;
  };

  const nameArgument = (value, prefix) => converters.USVString(value, prefix, "parameter 1");

  class FormData {
    // Entries: [name, a string or a File]
    #list = newList();

    constructor(form = undefined) {
      if (form !== undefined) throw new TypeError("Failed to construct 'FormData': parameter 1 is not of type 'HTMLFormElement'.");
    }

    append(name, value) {
      const prefix = enter(this, "append", arguments.length, 2);
      const entry = convertEntry(arguments, prefix);
      const list = this.#list;
      list[list.length] = entry;
    }

    delete(name) {
      name = nameArgument(name, enter(this, "delete", arguments.length, 1));
      this.#list = without(this.#list, name);
    }

    get(name) {
      name = nameArgument(name, enter(this, "get", arguments.length, 1));
      const list = this.#list;
      for (let i = 0; i < list.length; i++) if (list[i][0] === name) return list[i][1];
      return null;
    }

    getAll(name) {
      name = nameArgument(name, enter(this, "getAll", arguments.length, 1));
      const list = this.#list;
      const values = [];
      for (let i = 0; i < list.length; i++) {
        if (list[i][0] !== name) continue;
        ObjectDefineProperty(values, values.length, {
          __proto__: null, value: list[i][1], writable: true, enumerable: true, configurable: true,
        });
      }
      return values;
    }

    has(name) {
      name = nameArgument(name, enter(this, "has", arguments.length, 1));
      const list = this.#list;
      for (let i = 0; i < list.length; i++) if (list[i][0] === name) return true;
      return false;
    }

    set(name, value) {
      const prefix = enter(this, "set", arguments.length, 2);
      const entry = convertEntry(arguments, prefix);
      const list = this.#list;
      const kept = newList();
      let placed = false;
      for (let i = 0; i < list.length; i++) {
        if (list[i][0] !== entry[0]) kept[kept.length] = list[i];
        else if (!placed) {
          kept[kept.length] = entry;
          placed = true;
        }
      }
      if (!placed) kept[kept.length] = entry;
      this.#list = kept;
    }

    static {
      isFormData = (value) => isObject(value) && #list in value;
      listOf = (form) => {
        if (!isFormData(form)) throw new TypeError("Illegal invocation");
        return form.#list;
      };
      setList = (form, list) => {
        form.#list = list;
      };
    }
  }
  pairIterable("FormData", FormData, (form) => listOf(form));
  configureInterface(FormData);

  // https://html.spec.whatwg.org/#multipart/form-data-encoding-algorithm
  const VALUE = 0;
  const NAME = 1;
  const FILENAME = 2;

  const serialize = (list, boundary) => {
    const pieces = new Pieces();
    for (let i = 0; i < list.length; i++) {
      const value = list[i][1];
      const head = `--${boundary}\r\nContent-Disposition: form-data; name="${ops.formText(list[i][0], NAME)}"`;
      if (typeof value === "string") {
        pieces.add(`${head}\r\n\r\n${ops.formText(value, VALUE)}\r\n`);
      } else {
        const type = typeOf(value) === "" ? "application/octet-stream" : typeOf(value);
        pieces.add(`${head}; filename="${ops.formText(fileFields(value).name, FILENAME)}"\r\nContent-Type: ${type}\r\n\r\n`);
        pieces.addData(blobData(value));
        pieces.add("\r\n");
      }
    }
    pieces.add(`--${boundary}--\r\n`);
    return pieces.join();
  };

  const extractFormData = (value) => {
    if (!isFormData(value)) return undefined;
    const boundary = `----formdata-nano-${ops.randomUuid()}`;
    return lazyBody(serialize(listOf(value), boundary), `multipart/form-data; boundary=${boundary}`);
  };
  ObjectDefineProperty(bodyExtractors, bodyExtractors.length, { __proto__: null, value: extractFormData, writable: true });

  // https://fetch.spec.whatwg.org/#dom-body-formdata

  const ascii = /^[\0-\x7f]*$/;

  const parseMultipart = (source, boundary) => {
    const list = newList();
    const data = dataOf(source);
    // A body is read as a whole; a slice of a blob is copied to be one.
    const whole = data.size === 0 || (data.start === 0 && data.size === ops.blobSize(data.resource)) ? data : dataOf(data.bytes());
    const flat = whole.size === 0 ? undefined : ops.multipartParse(whole.resource, boundary);
    if (flat === undefined) throw new TypeError("The body is empty, which is not valid multipart/form-data.");
    for (let i = 0; i < flat.length; i += 5) {
      const filename = flat[i + 1];
      let value = flat[i + 3];
      if (filename !== null) {
        const type = flat[i + 2] ?? "text/plain";
        value = createFile(whole.slice(value, flat[i + 4]), RegExpPrototypeExec(ascii, type) === null ? "" : type, filename);
      }
      list[list.length] = [flat[i], value];
    }
    return list;
  };

  const parseUrlencoded = (source) => {
    const list = newList();
    const data = dataOf(source);
    const end = data.start + data.size;
    for (let at = data.start; at < end;) {
      const flat = ops.urlencodedParse(data.resource, at, end, list.length);
      for (let i = 1; i < flat.length; i += 2) list[list.length] = [flat[i], flat[i + 1]];
      at = flat[0];
    }
    return list;
  };

  const fromBody = (source, flatHeaders) => {
    const mime = ops.mimeExtract(flatHeaders);
    const essence = mime === undefined ? "" : mime[0];
    let list;
    if (essence === "multipart/form-data") {
      if (mime[2] === null) throw new TypeError("The Content-Type multipart/form-data lacks its boundary.");
      list = parseMultipart(source, mime[2]);
    } else if (essence === "application/x-www-form-urlencoded") {
      list = parseUrlencoded(source);
    } else {
      throw new TypeError(`The Content-Type '${essence}' is neither multipart/form-data nor application/x-www-form-urlencoded.`);
    }
    const form = new FormData();
    setList(form, list);
    return form;
  };

  return { __proto__: null, FormData, fromBody };
};
