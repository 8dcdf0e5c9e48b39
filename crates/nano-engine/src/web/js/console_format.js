"use strict";
// Values as text, for console and node:util: an inspector that never runs an app's code. It reads descriptors, not properties,
// stops at proxies, and is bounded in depth, in items and in characters.
// Specification: https://console.spec.whatwg.org/#formatter (what the text looks like is left to us)
(nano) => {
  const {
    ArrayBufferIsView, ArrayBufferPrototype, ArrayBufferPrototypeGetByteLength, ArrayIsArray, ArrayPrototypeIncludes,
    ArrayPrototypeJoin, ArrayPrototypePop, ArrayPrototypePush, ArrayPrototypeSlice, ArrayPrototypeSort, BigIntPrototype, BigIntPrototypeToString,
    BigIntPrototypeValueOf, BooleanPrototype, BooleanPrototypeValueOf, DataViewPrototypeGetByteLength, DatePrototype,
    DatePrototypeGetTime, DatePrototypeToISOString, Error, ErrorPrototype, FunctionPrototypeToString, JSONStringify,
    MapPrototype, MapPrototypeForEach, MapPrototypeGetSize, MathMax, MathMin, NumberIsNaN, NumberParseFloat, NumberParseInt,
    NumberPrototype, NumberPrototypeValueOf, ObjectGetPrototypeOf, ObjectIs,
    ObjectPrototype, PromisePrototype, ReflectApply, ReflectOwnKeys, RegExpPrototype, RegExpPrototypeExec,
    RegExpPrototypeGetDotAll, RegExpPrototypeGetGlobal, RegExpPrototypeGetHasIndices, RegExpPrototypeGetIgnoreCase,
    RegExpPrototypeGetMultiline, RegExpPrototypeGetSource, RegExpPrototypeGetSticky, RegExpPrototypeGetUnicode,
    RegExpPrototypeGetUnicodeSets, SafeMap, SafeWeakMap, SetPrototype, SetPrototypeForEach, SetPrototypeGetSize, String,
    StringPrototype, StringPrototypeIncludes, StringPrototypeIndexOf, StringPrototypePadEnd, StringPrototypeReplaceAll,
    StringPrototypeSlice, StringPrototypeStartsWith, StringPrototypeValueOf, SymbolPrototype, SymbolPrototypeToString,
    SymbolPrototypeValueOf, SymbolToStringTag, TypedArrayPrototypeGetLength, TypedArrayPrototypeGetSymbolToStringTag,
    Uint8Array, WeakMapPrototype, WeakRefPrototype, WeakSetPrototype,
  } = nano.primordials;
  const { ops } = nano;
  const { getOwnProperty, isObject } = nano.webidl;

  const DEPTH_MAX = 4;
  const ITEMS_MAX = 100;
  const STRING_CHARS_MAX = 4096;
  const LINE_CHARS_MAX = 76;
  const PACKED_ITEM_CHARS_MAX = 24;
  const TEXT_CHARS_MAX = 16384;

  // What node:util lets an app choose. custom(object, depth), where there is one, may know the text of an object, or undefined.
  const USUAL = {
    __proto__: null, items: ITEMS_MAX, string: undefined, width: LINE_CHARS_MAX, compact: true, sorted: false, hidden: false, getters: false,
    custom: undefined,
  };

  // A built-in method called on what may not be its kind: undefined when it is not.
  const attempt = (method, value) => {
    try {
      return method(value);
    } catch {
      return undefined;
    }
  };

  // The next object up the prototype chain; a proxy ends it.
  const parentOf = (object) => {
    const parent = ObjectGetPrototypeOf(object);
    return parent === null || ops.isProxy(parent) ? null : parent;
  };

  // A data property, from the object or its prototypes, without running a getter or a trap.
  const readData = (object, key) => {
    for (let holder = object; holder !== null; holder = parentOf(holder)) {
      const descriptor = getOwnProperty(holder, key);
      if (descriptor !== undefined) return descriptor.value;
    }
    return undefined;
  };

  // Which of the built-ins an object descends from, as its prototypes tell; the brand is checked when its content is read.
  const kinds = new SafeMap();
  const kindOf = (object) => {
    for (let holder = parentOf(object); holder !== null; holder = parentOf(holder)) {
      const kind = kinds.get(holder);
      if (kind !== undefined) return kind;
    }
    return undefined;
  };

  const functionName = (fn) => {
    const name = ops.isProxy(fn) ? undefined : getOwnProperty(fn, "name")?.value;
    return typeof name === "string" ? name : "";
  };

  // The name of the constructor of the nearest prototype that has one; null for an object without prototype.
  const className = (object) => {
    if (ObjectGetPrototypeOf(object) === null) return null;
    for (let holder = parentOf(object); holder !== null; holder = parentOf(holder)) {
      const constructor = getOwnProperty(holder, "constructor")?.value;
      if (typeof constructor === "function" && functionName(constructor) !== "") return functionName(constructor);
    }
    return "Object";
  };

  const clip = (text, limit) =>
    text.length <= limit ? text : `${StringPrototypeSlice(text, 0, limit)}... ${text.length - limit} more characters`;

  const quote = (text) => {
    const json = JSONStringify(clip(text, STRING_CHARS_MAX));
    if (StringPrototypeIncludes(json, "'")) return json;
    return `'${StringPrototypeReplaceAll(StringPrototypeSlice(json, 1, -1), '\\"', '"')}'`;
  };

  const quoteUpTo = (text, limit) => {
    const rest = text.length - limit;
    return rest > 0 ? `${quote(StringPrototypeSlice(text, 0, limit))}... ${rest} more character${rest === 1 ? "" : "s"}` : quote(text);
  };

  const identifier = /^[A-Za-z_$][A-Za-z0-9_$]*$/;
  const propertyName = (key) => {
    if (typeof key === "symbol") return `[${SymbolPrototypeToString(key)}]`;
    return RegExpPrototypeExec(identifier, key) !== null ? key : quote(key);
  };

  const primitive = (value) => {
    switch (typeof value) {
      case "string": return quote(value);
      case "symbol": return SymbolPrototypeToString(value);
      case "bigint": return `${clip(BigIntPrototypeToString(value), STRING_CHARS_MAX)}n`;
      case "number": return ObjectIs(value, -0) ? "-0" : String(value);
      default: return String(value);
    }
  };

  // One walk over one value.
  class Inspection {
    depthMax;
    options;
    chars = TEXT_CHARS_MAX;
    path = [];
    circular = new SafeMap();

    constructor(depthMax, options) {
      this.depthMax = depthMax;
      this.options = options;
    }

    value(value) {
      if (isObject(value)) {
        this.chars -= 8;
        return this.object(value);
      }
      const { string } = this.options;
      const text = typeof value === "string" && string !== undefined ? quoteUpTo(value, string) : primitive(value);
      this.chars -= text.length;
      return text;
    }

    object(object) {
      if (ops.isProxy(object)) return typeof object === "function" ? "[Proxy (function)]" : "[Proxy]";
      if (ArrayPrototypeIncludes(this.path, object)) {
        if (!this.circular.has(object)) this.circular.set(object, this.circular.size + 1);
        return `[Circular *${this.circular.get(object)}]`;
      }
      const { custom } = this.options;
      const own = custom === undefined ? undefined : custom(object, this.depthMax - this.path.length);
      if (own !== undefined) {
        this.chars -= own.length;
        return StringPrototypeReplaceAll(own, "\n", `\n${StringPrototypePadEnd("", 2 * this.path.length)}`);
      }
      const name = className(object);
      if (this.path.length > this.depthMax) {
        return ArrayIsArray(object) ? "[Array]" : typeof object === "function" ? functionHead(object) : `[${name ?? "Object"}]`;
      }
      ArrayPrototypePush(this.path, object);
      const { head, open, close, items, skipped } = this.parts(object, name);
      // The keys of a long array are as many strings; what else it carries is not worth them.
      if (skipped !== isArrayKey || items.length <= ITEMS_MAX) this.properties(object, items, skipped);
      ArrayPrototypePop(this.path);

      const mark = this.circular.has(object) ? `<ref *${this.circular.get(object)}> ` : "";
      if (items.length === 0) return `${mark}${head}${open === "" ? "" : `${head === "" ? "" : " "}${open}${close}`}`;
      const body = layOut(items, this.path.length, open === "" ? "{" : open, close === "" ? "}" : close, this.options);
      return `${mark}${head === "" ? "" : `${head} `}${body}`;
    }

    // What is special about a kind of object: its head, its brackets, its items, and which own keys those cover.
    parts(object, name) {
      if (typeof object === "function") return { ...literal(functionHead(object)), skipped: isFunctionKey };
      if (ArrayIsArray(object)) {
        const head = name === "Array" ? "" : `${name ?? "[Array: null prototype]"}(${object.length})`;
        return { ...list(head), items: this.elements(object, object.length) };
      }
      if (name === "Object" && ObjectGetPrototypeOf(object) === ObjectPrototype) return plain(object, "");
      if (ArrayBufferIsView(object)) return this.view(object, name);

      const kind = kindOf(object);
      if (kind !== undefined) {
        const parts = attempt((target) => kind(this, target, name), object);
        if (parts !== undefined) return parts;
      }
      return { ...plain(object, name), items: this.platform(object) };
    }

    // Own properties, after the items that the kind of object brings.
    properties(object, items, skipped) {
      const keys = ReflectOwnKeys(object);
      const first = items.length;
      const full = first + ITEMS_MAX;
      const { hidden, sorted } = this.options;
      for (let i = 0; i < keys.length; i++) {
        const key = keys[i];
        // The length of a list is hidden, and not covered by its items.
        if (skipped(key) && !(hidden && key === "length" && skipped === isArrayKey)) continue;
        const descriptor = getOwnProperty(object, key);
        if (descriptor === undefined || (!descriptor.enumerable && !hidden)) continue;
        if (items.length >= full || this.chars <= 0) {
          ArrayPrototypePush(items, `... ${keys.length - i} more`);
          return;
        }
        const shown = propertyName(key);
        const label = descriptor.enumerable || typeof key === "symbol" ? shown : `[${shown}]`;
        ArrayPrototypePush(items, `${label}: ${this.property(descriptor, object)}`);
      }
      if (sorted !== false && items.length > first + 1) {
        const own = ArrayPrototypeSort(ArrayPrototypeSlice(items, first), sorted === true ? undefined : sorted);
        for (let i = 0; i < own.length; i++) items[first + i] = own[i];
      }
    }

    // The getters of an app are run if it has said so.
    property({ get, set, value }, object = undefined) {
      if (get === undefined) return set === undefined ? this.value(value) : "[Setter]";
      const label = set === undefined ? "Getter" : "Getter/Setter";
      const { getters } = this.options;
      const isWanted = getters === true || (getters === "get" && set === undefined) || (getters === "set" && set !== undefined);
      if (!isWanted || object === undefined) return `[${label}]`;
      try {
        const got = ReflectApply(get, object, []);
        return isObject(got) ? `[${label}] ${this.value(got)}` : `[${label}: ${this.value(got)}]`;
      } catch (error) {
        return `[${label}: <Inspection threw (${isObject(error) ? String(readData(error, "message")) : String(error)})>]`;
      }
    }

    elements(array, length) {
      const items = [];
      let holes = 0;
      const flush = () => {
        if (holes > 0) ArrayPrototypePush(items, `<${holes} empty item${holes === 1 ? "" : "s"}>`);
        holes = 0;
      };
      let i = 0;
      for (; i < length && i < this.options.items && this.chars > 0; i++) {
        const descriptor = getOwnProperty(array, i);
        if (descriptor === undefined) {
          holes++;
        } else {
          flush();
          ArrayPrototypePush(items, this.property(descriptor));
        }
      }
      flush();
      return withRest(items, length - i);
    }

    view(view, name) {
      const kind = TypedArrayPrototypeGetSymbolToStringTag(view);
      if (kind === undefined) {
        const byteLength = attempt(DataViewPrototypeGetByteLength, view) ?? 0;
        return { ...plain(view, name), items: [`byteLength: ${byteLength}`] };
      }
      const length = TypedArrayPrototypeGetLength(view);
      if (nano.bufferPrototype !== undefined && ObjectGetPrototypeOf(view) === nano.bufferPrototype) return literal(bufferText(view, length));
      const items = [];
      const end = MathMin(length, this.options.items);
      for (let i = 0; i < end; i++) ArrayPrototypePush(items, primitive(view[i]));
      return { ...list(`${name ?? kind}(${length})`), items: withRest(items, length - end) };
    }

    bytes(buffer, byteLength) {
      let text = "";
      const end = MathMin(byteLength, ITEMS_MAX / 2);
      const bytes = end === 0 ? [] : new Uint8Array(buffer, 0, end);
      for (let i = 0; i < end; i++) text += `${i === 0 ? "" : " "}${hex[bytes[i] >> 4]}${hex[bytes[i] & 15]}`;
      if (byteLength > end) text += ` ... ${byteLength - end} more bytes`;
      return [`<${text}>`, `byteLength: ${byteLength}`];
    }

    entries(collection, forEach, size, keyed) {
      const items = [];
      let seen = 0;
      forEach(collection, (value, key) => {
        if (seen >= this.options.items || this.chars <= 0) return;
        seen++;
        ArrayPrototypePush(items, keyed ? `${this.value(key)} => ${this.value(value)}` : this.value(value));
      });
      return withRest(items, size - seen);
    }

    cause(error) {
      const cause = getOwnProperty(error, "cause");
      const errors = getOwnProperty(error, "errors");
      const items = [];
      if (cause !== undefined) ArrayPrototypePush(items, `[cause]: ${this.property(cause)}`);
      if (errors !== undefined) ArrayPrototypePush(items, `[errors]: ${this.property(errors)}`);
      return items;
    }

    // The attributes of one of our own interfaces.
    platform(object) {
      const items = [];
      for (let holder = parentOf(object); holder !== null; holder = parentOf(holder)) {
        const getters = nano.shown.get(holder);
        for (let i = 0; getters !== undefined && i < getters.length; i++) {
          const value = attempt((target) => [ReflectApply(getters[i].get, target, [])], object);
          if (value !== undefined) ArrayPrototypePush(items, `${getters[i].name}: ${this.value(value[0])}`);
        }
      }
      return items;
    }
  }

  const hex = "0123456789abcdef";

  // As Node shows a Buffer.
  const BUFFER_BYTES_MAX = 50;
  const bufferText = (bytes, length) => {
    let text = "<Buffer";
    for (let i = 0; i < length && i < BUFFER_BYTES_MAX; i++) text += ` ${hex[bytes[i] >> 4]}${hex[bytes[i] & 15]}`;
    const rest = length - BUFFER_BYTES_MAX;
    return rest > 0 ? `${text} ... ${rest} more byte${rest === 1 ? "" : "s"}>` : `${text}>`;
  };

  const arrayIndex = /^(?:\d+|length)$/;
  const isArrayKey = (key) => typeof key === "string" && RegExpPrototypeExec(arrayIndex, key) !== null;
  const isFunctionKey = (key) => key === "length" || key === "name" || key === "prototype";
  const isErrorKey = (key) => key === "stack" || key === "message" || key === "cause" || key === "errors";
  const isNoKey = () => false;

  const withRest = (items, rest) => {
    if (rest > 0) ArrayPrototypePush(items, `... ${rest} more item${rest === 1 ? "" : "s"}`);
    return items;
  };

  const plain = (object, name) => {
    const tag = readData(object, SymbolToStringTag);
    const label = name === null ? "[Object: null prototype]" : name;
    const tagged = typeof tag === "string" && tag !== "" && !(label !== "" && StringPrototypeStartsWith(label, tag));
    const head = tagged ? `${label === "" ? "Object" : label} [${tag}]` : label;
    return { head, open: "{", close: "}", items: [], skipped: isNoKey };
  };

  // The text that starts a class is its source; an app cannot make it lie.
  const functionHead = (fn) => {
    const name = functionName(fn);
    if (StringPrototypeStartsWith(FunctionPrototypeToString(fn), "class")) {
      const base = ObjectGetPrototypeOf(fn);
      const parent = typeof base === "function" ? functionName(base) : "";
      return `[class ${name === "" ? "(anonymous)" : name}${parent === "" ? "" : ` extends ${parent}`}]`;
    }
    return name === "" ? "[Function (anonymous)]" : `[Function: ${name}]`;
  };

  // Each kind: the parts of an object that has its prototype; it throws when the object only looks the part.

  const list = (head) => ({ head, open: "[", close: "]", items: [], skipped: isArrayKey });
  const literal = (head) => ({ head, open: "", close: "", items: [], skipped: isArrayKey });
  const hidden = (walk, object, name) => ({ ...plain(object, name), items: ["<hidden>"] });
  const boxed = (valueOf) => (walk, object, name) => literal(`[${name ?? "Object"}: ${primitive(valueOf(object))}]`);

  const flags = [
    [RegExpPrototypeGetHasIndices, "d"], [RegExpPrototypeGetGlobal, "g"], [RegExpPrototypeGetIgnoreCase, "i"],
    [RegExpPrototypeGetMultiline, "m"], [RegExpPrototypeGetDotAll, "s"], [RegExpPrototypeGetUnicode, "u"],
    [RegExpPrototypeGetUnicodeSets, "v"], [RegExpPrototypeGetSticky, "y"],
  ];

  kinds.set(ErrorPrototype, (walk, error, name) =>
    ({ ...literal(errorText(error, name)), items: walk.cause(error), skipped: isErrorKey }));
  kinds.set(MapPrototype, (walk, map, name) => {
    const size = MapPrototypeGetSize(map);
    return { ...plain(map, `${name}(${size})`), items: walk.entries(map, MapPrototypeForEach, size, true) };
  });
  kinds.set(SetPrototype, (walk, set, name) => {
    const size = SetPrototypeGetSize(set);
    return { ...plain(set, `${name}(${size})`), items: walk.entries(set, SetPrototypeForEach, size, false) };
  });
  kinds.set(ArrayBufferPrototype, (walk, buffer, name) => {
    const byteLength = ArrayBufferPrototypeGetByteLength(buffer);
    return { ...plain(buffer, name), items: walk.bytes(buffer, byteLength) };
  });
  kinds.set(DatePrototype, (walk, date) =>
    literal(NumberIsNaN(DatePrototypeGetTime(date)) ? "Invalid Date" : DatePrototypeToISOString(date)));
  kinds.set(RegExpPrototype, (walk, regExp) => {
    // RegExp.prototype.flags would ask the object, and so the app, for each of them.
    let text = `/${RegExpPrototypeGetSource(regExp)}/`;
    for (let i = 0; i < flags.length; i++) if (flags[i][0](regExp)) text += flags[i][1];
    return literal(text);
  });
  kinds.set(PromisePrototype, hidden);
  kinds.set(WeakMapPrototype, hidden);
  kinds.set(WeakSetPrototype, hidden);
  kinds.set(WeakRefPrototype, hidden);
  kinds.set(BigIntPrototype, boxed(BigIntPrototypeValueOf));
  kinds.set(BooleanPrototype, boxed(BooleanPrototypeValueOf));
  kinds.set(NumberPrototype, boxed(NumberPrototypeValueOf));
  kinds.set(StringPrototype, boxed(StringPrototypeValueOf));
  kinds.set(SymbolPrototype, boxed(SymbolPrototypeValueOf));

  // Our own classes, by what they hold: an app may have put anything in the place of their getters.

  const urlMembers = ["href", "origin", "protocol", "username", "password", "host", "hostname", "port", "pathname", "search", "hash"];
  kinds.set(nano.url.URL.prototype, (walk, url, name) => {
    const parts = ops.urlParse(nano.url.hrefOf(url), undefined);
    const items = [];
    for (let i = 0; i < urlMembers.length; i++) {
      if (urlMembers[i] === "hash") ArrayPrototypePush(items, `searchParams: ${walk.value(new nano.url.URLSearchParams(parts[9]))}`);
      ArrayPrototypePush(items, `${urlMembers[i]}: ${walk.value(parts[i])}`);
    }
    return { ...plain(url, name), items };
  });
  kinds.set(nano.url.URLSearchParams.prototype, (walk, params, name) => {
    const pairs = nano.url.pairsOf(params);
    const items = [];
    for (let i = 0; i < pairs.length && i < ITEMS_MAX; i++) {
      ArrayPrototypePush(items, `${walk.value(pairs[i][0])} => ${walk.value(pairs[i][1])}`);
    }
    return { ...plain(params, name), items: withRest(items, pairs.length - items.length) };
  });
  const headerItems = (walk, flat) => {
    const list = nano.fetch.parseFlat(flat);
    const items = [];
    for (let i = 0; i < list.length && items.length < ITEMS_MAX; i += 2) ArrayPrototypePush(items, `${propertyName(list[i])}: ${walk.value(list[i + 1])}`);
    return withRest(items, list.length / 2 - items.length);
  };
  const headersText = (walk, flat) => {
    const items = headerItems(walk, flat);
    return items.length === 0 ? "Headers {}" : `Headers ${layOut(items, walk.path.length, "{", "}", walk.options)}`;
  };
  kinds.set(nano.fetch.Headers.prototype, (walk, headers, name) =>
    ({ ...plain(headers, name), items: headerItems(walk, nano.fetch.toFlat(headers)) }));
  kinds.set(nano.fetch.Response.prototype, (walk, response, name) => {
    const { responseFlatOf, responseMetaOf, responseStatusOf, responseStatusTextOf } = nano.fetch;
    const { redirected, type, url } = responseMetaOf(response);
    const status = responseStatusOf(response);
    const items = [
      `status: ${status}`, `statusText: ${walk.value(responseStatusTextOf(response))}`, `headers: ${headersText(walk, responseFlatOf(response))}`,
      `ok: ${status >= 200 && status < 300}`, `redirected: ${redirected}`, `type: ${walk.value(type)}`, `url: ${walk.value(url)}`,
    ];
    return { ...plain(response, name), items };
  });
  kinds.set(nano.fetch.Request.prototype, (walk, request, name) => {
    const { requestFlatOf, requestMethodOf, requestUrlOf } = nano.fetch;
    const items = [
      `method: ${walk.value(requestMethodOf(request))}`, `url: ${walk.value(requestUrlOf(request))}`, `headers: ${headersText(walk, requestFlatOf(request))}`,
    ];
    return { ...plain(request, name), items };
  });

  // The stack of an error says the most; an app that removed it gets name and message. In V8 it may be an accessor of the
  // engine's own, which is safe to call, while one that an app put there is not.
  const engineStack = getOwnProperty(new Error(), "stack");

  const stackOf = (error) => {
    const descriptor = getOwnProperty(error, "stack");
    if (descriptor === undefined) return undefined;
    if (descriptor.get === undefined) return descriptor.value;
    return descriptor.get === engineStack.get ? attempt((target) => ReflectApply(descriptor.get, target, []), error) : undefined;
  };

  const errorText = (error, name) => {
    const stack = stackOf(error);
    if (typeof stack === "string" && stack !== "") return clip(stack, STRING_CHARS_MAX);
    const ownName = readData(error, "name");
    const message = readData(error, "message");
    const title = typeof ownName === "string" && ownName !== "" ? ownName : name ?? "Error";
    return typeof message === "string" && message !== "" ? `[${title}: ${clip(message, STRING_CHARS_MAX)}]` : `[${title}]`;
  };

  // Short items of a long list share lines.
  const pack = (items, width) => {
    const lines = [];
    let line = "";
    for (let i = 0; i < items.length; i++) {
      if (line !== "" && line.length + items[i].length + 2 > width) {
        ArrayPrototypePush(lines, line);
        line = "";
      }
      line = line === "" ? items[i] : `${line}, ${items[i]}`;
    }
    ArrayPrototypePush(lines, line);
    return lines;
  };

  // On one line when it fits, else one item per line.
  const layOut = (items, depth, open, close, options) => {
    let width = 0;
    let widest = 0;
    let multiline = false;
    for (let i = 0; i < items.length; i++) {
      width += items[i].length + 2;
      widest = MathMax(widest, items[i].length);
      multiline ||= StringPrototypeIncludes(items[i], "\n");
    }
    const isCompact = options.compact !== false && options.compact !== 0;
    if (isCompact && !multiline && width + depth * 2 <= options.width) return `${open} ${ArrayPrototypeJoin(items, ", ")} ${close}`;
    const indent = `\n${StringPrototypePadEnd("", depth * 2)}`;
    if (isCompact && open === "[" && !multiline && widest <= PACKED_ITEM_CHARS_MAX) items = pack(items, options.width - depth * 2);
    return `${open}${indent}  ${ArrayPrototypeJoin(items, `,${indent}  `)}${indent}${close}`;
  };

  // Any value as text. It does not throw: an inspector that does takes the log line with it.
  const inspect = (value, depthMax = DEPTH_MAX, options = USUAL) => {
    try {
      return clip(new Inspection(depthMax, options).value(value), TEXT_CHARS_MAX);
    } catch {
      return "[uninspectable]";
    }
  };

  // https://console.spec.whatwg.org/#formatter

  const asText = (value) => {
    if (typeof value === "string") return value;
    return isObject(value) ? inspect(value, 1) : primitive(value);
  };

  const asNumber = (value, parse) => {
    if (typeof value === "symbol" || isObject(value)) return "NaN";
    const number = parse(String(value), 10);
    return primitive(number);
  };

  const converted = (specifier, value) => {
    switch (specifier) {
      case "s": return asText(value);
      case "d":
      case "i": return asNumber(value, NumberParseInt);
      case "f": return asNumber(value, NumberParseFloat);
      case "o":
      case "O": return inspect(value);
      // There is no style in a log.
      case "c": return "";
      default: return undefined;
    }
  };

  // The arguments of a console call as one line of text. Node's modules have specifiers of their own.
  const format = (args, convert = converted, show = inspect) => {
    let text = "";
    let used = 0;
    if (args.length > 0 && typeof args[0] === "string") {
      const pattern = args[0];
      let from = 0;
      used = 1;
      for (;;) {
        const at = args.length > 1 ? StringPrototypeIndexOf(pattern, "%", from) : -1;
        if (at === -1 || at === pattern.length - 1 || text.length > TEXT_CHARS_MAX) break;
        const specifier = pattern[at + 1];
        const made = specifier === "%" ? "%" : used < args.length ? convert(specifier, args[used]) : undefined;
        text += StringPrototypeSlice(pattern, from, made === undefined ? at + 2 : at);
        if (made !== undefined) text += made;
        if (made !== undefined && specifier !== "%") used++;
        from = at + 2;
      }
      text += StringPrototypeSlice(pattern, from);
    }
    for (let i = used; i < args.length && text.length <= TEXT_CHARS_MAX; i++) {
      text += i === 0 ? "" : " ";
      text += typeof args[i] === "string" ? args[i] : show(args[i]);
    }
    return clip(text, TEXT_CHARS_MAX);
  };

  return { __proto__: null, USUAL, format, inspect };
};
