"use strict";
// URLPattern: a part. The constructor and what it matches; url_pattern_parser.js turns patterns into regular expressions.
// Specification: https://urlpattern.spec.whatwg.org/
(nano) => {
  const {
    ArrayPrototypePush, ObjectDefineProperty, RegExp, RegExpPrototypeExec, StringPrototypeEndsWith, StringPrototypeLastIndexOf,
    StringPrototypeSlice, StringPrototypeStartsWith, TypeError,
  } = nano.primordials;
  const { ops } = nano;
  const { configureInterface, converters, dictionary, isObject } = nano.webidl;
  const {
    DEFAULT_OPTIONS, HOSTNAME_OPTIONS, PATHNAME_OPTIONS, canonicalize, escapePattern, generatePatternString, generateRegExp,
    parsePatternString, tokenize,
  } = nano.part("url_pattern_parser");

  const USVString = converters.USVString;

  // In the order of Web IDL's dictionaries.
  const initMembers = ["baseURL", "hash", "hostname", "password", "pathname", "port", "protocol", "search", "username"];
  const toInit = (() => {
    const members = [];
    for (let i = 0; i < initMembers.length; i++) ArrayPrototypePush(members, { key: initMembers[i], converter: USVString });
    return dictionary("URLPatternInit", members);
  })();
  const toOptions = dictionary("URLPatternOptions", [
    { key: "ignoreCase", converter: converters.boolean, defaultValue: false },
  ]);

  const components = ["protocol", "username", "password", "hostname", "port", "pathname", "search", "hash"];

  // (USVString or URLPatternInit)
  const toInput = (value, prefix) =>
    value === undefined || value === null || isObject(value)
      ? toInit(value, prefix, "parameter 1")
      : USVString(value, prefix, "parameter 1");

  // Where ops.urlParse puts the parts of a URL.
  const HREF = 0;
  const PROTOCOL = 2;
  const USERNAME = 3;
  const PASSWORD = 4;
  const HOSTNAME = 6;
  const PORT = 7;
  const PATHNAME = 8;
  const SEARCH = 9;
  const HASH = 10;

  const schemeOf = (url) => StringPrototypeSlice(url[PROTOCOL], 0, -1);
  const withoutFirst = (text) => (text === "" ? "" : StringPrototypeSlice(text, 1));
  const hasOpaquePath = (url) => !StringPrototypeStartsWith(url[HREF], `${url[PROTOCOL]}/`);

  const defaultPorts = { __proto__: null, http: "80", https: "443", ws: "80", wss: "443", ftp: "21", file: "" };
  const isSpecial = (scheme) => scheme in defaultPorts;
  const specialSchemes = ["http", "https", "ws", "wss", "ftp", "file"];

  // Components: https://urlpattern.spec.whatwg.org/#component

  const compileComponent = (input, encode, options, ignoreCase) => {
    const parts = parsePatternString(input, options, encode);
    const { source, names } = generateRegExp(parts, options);
    let regExp;
    try {
      regExp = new RegExp(source, ignoreCase ? "vi" : "v");
    } catch {
      throw new TypeError(`Failed to construct 'URLPattern': '${input}' has an invalid regular expression.`);
    }
    let hasRegExpGroups = false;
    for (let i = 0; i < parts.length; i++) hasRegExpGroups ||= parts[i].type === "regexp";
    return { __proto__: null, text: generatePatternString(parts, options), regExp, names, hasRegExpGroups };
  };

  const matchesSpecialScheme = (component) => {
    for (let i = 0; i < specialSchemes.length; i++) {
      if (RegExpPrototypeExec(component.regExp, specialSchemes[i]) !== null) return true;
    }
    return false;
  };

  // https://urlpattern.spec.whatwg.org/#hostname-pattern-is-an-ipv6-address
  const isIpv6Pattern = (hostname) =>
    hostname.length >= 2 &&
    (hostname[0] === "[" || StringPrototypeStartsWith(hostname, "{[") || StringPrototypeStartsWith(hostname, "\\["));

  // Constructor strings: https://urlpattern.spec.whatwg.org/#constructor-string-parsing

  class ConstructorStringParser {
    input;
    tokens;
    result = { __proto__: null };
    state = "init";
    start = 0;
    index = 0;
    increment = 1;
    depth = 0;
    bracketDepth = 0;
    special = false;

    constructor(input) {
      this.input = input;
      this.tokens = tokenize(input, true);
    }

    parse() {
      const { tokens, result } = this;
      while (this.index < tokens.length) {
        this.increment = 1;
        const { type } = tokens[this.index];
        if (type === "end") {
          if (this.state === "init") {
            this.rewind();
            if (this.isChar("#")) this.change("hash", 1);
            else if (this.isSearchPrefix()) this.change("search", 1);
            else this.change("pathname", 0);
            this.index += this.increment;
            continue;
          }
          if (this.state === "authority") {
            this.rewindTo("hostname");
            this.index += this.increment;
            continue;
          }
          this.change("done", 0);
          break;
        }
        if (type === "open") {
          this.depth++;
          this.index += this.increment;
          continue;
        }
        if (this.depth > 0) {
          if (type === "close") {
            this.depth--;
          } else {
            this.index += this.increment;
            continue;
          }
        }
        this.step();
        this.index += this.increment;
      }
      if (result.hostname !== undefined && result.port === undefined) result.port = "";
      return result;
    }

    step() {
      switch (this.state) {
        case "init":
          if (this.isChar(":")) this.rewindTo("protocol");
          break;
        case "protocol":
          if (this.isChar(":")) {
            this.special = matchesSpecialScheme(compileComponent(this.componentString(), canonicalize.protocol, DEFAULT_OPTIONS, false));
            if (this.isChar("/", 1) && this.isChar("/", 2)) this.change("authority", 3);
            else this.change(this.special ? "authority" : "pathname", 1);
          }
          break;
        case "authority":
          if (this.isChar("@")) this.rewindTo("username");
          else if (this.isChar("/") || this.isSearchPrefix() || this.isChar("#")) this.rewindTo("hostname");
          break;
        case "username":
          if (this.isChar(":")) this.change("password", 1);
          else if (this.isChar("@")) this.change("hostname", 1);
          break;
        case "password":
          if (this.isChar("@")) this.change("hostname", 1);
          break;
        case "hostname":
          if (this.isChar("[")) this.bracketDepth++;
          else if (this.isChar("]")) this.bracketDepth--;
          else if (this.isChar(":") && this.bracketDepth === 0) this.change("port", 1);
          else this.endAuthority();
          break;
        case "port":
          this.endAuthority();
          break;
        case "pathname":
          if (this.isSearchPrefix()) this.change("search", 1);
          else if (this.isChar("#")) this.change("hash", 1);
          break;
        case "search":
          if (this.isChar("#")) this.change("hash", 1);
          break;
      }
    }

    endAuthority() {
      if (this.isChar("/")) this.change("pathname", 0);
      else if (this.isSearchPrefix()) this.change("search", 1);
      else if (this.isChar("#")) this.change("hash", 1);
    }

    change(state, skip) {
      const { result } = this;
      const old = this.state;
      if (old !== "init" && old !== "authority" && old !== "done") result[old] = this.componentString();
      if (old !== "init" && state !== "done") {
        const beforeHostname = old === "protocol" || old === "authority" || old === "username" || old === "password";
        const beforePathname = beforeHostname || old === "hostname" || old === "port";
        const afterPathname = state === "search" || state === "hash";
        if (beforeHostname && (state === "port" || state === "pathname" || afterPathname)) result.hostname ??= "";
        if (beforePathname && afterPathname) result.pathname ??= this.special ? "/" : "";
        if ((beforePathname || old === "pathname") && state === "hash") result.search ??= "";
      }
      this.state = state;
      this.index += skip;
      this.start = this.index;
      this.increment = 0;
    }

    rewind() {
      this.index = this.start;
      this.increment = 0;
    }

    rewindTo(state) {
      this.rewind();
      this.state = state;
    }

    token(index) {
      const { tokens } = this;
      return index < tokens.length ? tokens[index] : tokens[tokens.length - 1];
    }

    // https://urlpattern.spec.whatwg.org/#is-a-non-special-pattern-char
    isChar(value, offset = 0) {
      const token = this.token(this.index + offset);
      return token.value === value && (token.type === "char" || token.type === "escaped-char" || token.type === "invalid-char");
    }

    isSearchPrefix() {
      if (this.isChar("?")) return true;
      if (this.token(this.index).value !== "?") return false;
      if (this.index === 0) return true;
      const { type } = this.token(this.index - 1);
      return type !== "name" && type !== "regexp" && type !== "close" && type !== "asterisk";
    }

    componentString() {
      return StringPrototypeSlice(this.input, this.token(this.start).index, this.tokens[this.index].index);
    }
  }

  // https://urlpattern.spec.whatwg.org/#is-an-absolute-pathname
  const isAbsolutePathname = (input, isPattern) => {
    if (input === "") return false;
    if (input[0] === "/") return true;
    return isPattern && (StringPrototypeStartsWith(input, "\\/") || StringPrototypeStartsWith(input, "{/"));
  };

  const withoutPrefix = (value, prefix) => (value[0] === prefix ? StringPrototypeSlice(value, 1) : value);

  // https://urlpattern.spec.whatwg.org/#process-a-urlpatterninit
  const processInit = (init, isPattern, result) => {
    const baseString = (text) => (isPattern ? escapePattern(text) : text);
    const { protocol, username, password, hostname, port, pathname, search, hash } = init;
    let base = null;
    if (init.baseURL !== undefined) {
      base = ops.urlParse(init.baseURL, undefined);
      if (base === undefined) throw new TypeError(`URLPattern: '${init.baseURL}' is not a valid base URL.`);
      const noProtocol = protocol === undefined;
      const noHostname = noProtocol && hostname === undefined;
      const noPort = noHostname && port === undefined;
      const noUsername = noPort && username === undefined;
      const noPathname = noPort && pathname === undefined;
      const noSearch = noPathname && search === undefined;
      if (noProtocol) result.protocol = baseString(schemeOf(base));
      if (!isPattern && noUsername) result.username = base[USERNAME];
      if (!isPattern && noUsername && password === undefined) result.password = base[PASSWORD];
      if (noHostname) result.hostname = baseString(base[HOSTNAME]);
      if (noPort) result.port = base[PORT];
      if (noPathname) result.pathname = baseString(base[PATHNAME]);
      if (noSearch) result.search = baseString(withoutFirst(base[SEARCH]));
      if (noSearch && hash === undefined) result.hash = baseString(withoutFirst(base[HASH]));
    }
    if (protocol !== undefined) {
      const scheme = StringPrototypeEndsWith(protocol, ":") ? StringPrototypeSlice(protocol, 0, -1) : protocol;
      result.protocol = isPattern ? scheme : canonicalize.protocol(scheme);
    }
    if (username !== undefined) result.username = isPattern ? username : canonicalize.username(username);
    if (password !== undefined) result.password = isPattern ? password : canonicalize.password(password);
    const scheme = result.protocol ?? "";
    if (hostname !== undefined) result.hostname = isPattern ? hostname : canonicalize.hostname(hostname, scheme);
    if (port !== undefined) result.port = isPattern ? port : canonicalize.port(port, defaultPorts[scheme]);
    if (pathname !== undefined) {
      let path = pathname;
      if (base !== null && !hasOpaquePath(base) && !isAbsolutePathname(path, isPattern)) {
        const basePath = baseString(base[PATHNAME]);
        const slash = StringPrototypeLastIndexOf(basePath, "/");
        if (slash >= 0) path = StringPrototypeSlice(basePath, 0, slash + 1) + path;
      }
      if (isPattern) result.pathname = path;
      else result.pathname = scheme === "" || isSpecial(scheme) ? canonicalize.pathname(path) : canonicalize.opaquePathname(path);
    }
    if (search !== undefined) {
      const query = withoutPrefix(search, "?");
      result.search = isPattern ? query : canonicalize.search(query);
    }
    if (hash !== undefined) {
      const fragment = withoutPrefix(hash, "#");
      result.hash = isPattern ? fragment : canonicalize.hash(fragment);
    }
    return result;
  };

  const emptyValues = () => ({
    __proto__: null, protocol: "", username: "", password: "", hostname: "", port: "", pathname: "", search: "", hash: "",
  });

  const define = (object, key, value) => {
    ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  };

  // A dictionary as JavaScript sees it, whatever an app has put into Object.prototype.
  const toObject = (record, keys) => {
    const object = {};
    for (let i = 0; i < keys.length; i++) {
      if (record[keys[i]] !== undefined) define(object, keys[i], record[keys[i]]);
    }
    return object;
  };

  const resultKeys = ["hash", "hostname", "inputs", "password", "pathname", "port", "protocol", "search", "username"];

  const componentResult = (component, input, match) => {
    const groups = {};
    for (let i = 0; i < component.names.length; i++) define(groups, component.names[i], match[i + 1]);
    const result = {};
    define(result, "groups", groups);
    define(result, "input", input);
    return result;
  };

  let match;

  class URLPattern {
    // Compiled components by name.
    #parts = { __proto__: null };

    constructor(input = undefined, baseURL = undefined, options = undefined) {
      const prefix = "Failed to construct 'URLPattern'";
      // With two arguments, only what is neither missing nor an object is a base URL.
      const hasBase = arguments.length > 2 || (arguments.length === 2 && baseURL !== undefined && baseURL !== null && !isObject(baseURL));
      input = toInput(input, prefix);
      const base = hasBase ? USVString(baseURL, prefix, "parameter 2") : null;
      const { ignoreCase } = toOptions(hasBase ? options : baseURL, prefix, hasBase ? "parameter 3" : "parameter 2");

      // https://urlpattern.spec.whatwg.org/#url-pattern-create
      let init = input;
      if (typeof input === "string") {
        init = new ConstructorStringParser(input).parse();
        if (base === null && init.protocol === undefined) {
          throw new TypeError(`${prefix}: '${input}' is relative, and there is no base URL.`);
        }
        if (base !== null) init.baseURL = base;
      } else if (base !== null) {
        throw new TypeError(`${prefix}: a base URL goes only with a pattern that is a string.`);
      }
      const processed = processInit(init, true, { __proto__: null });
      for (let i = 0; i < components.length; i++) processed[components[i]] ??= "*";
      if (isSpecial(processed.protocol) && processed.port === defaultPorts[processed.protocol]) processed.port = "";

      const parts = this.#parts;
      parts.protocol = compileComponent(processed.protocol, canonicalize.protocol, DEFAULT_OPTIONS, false);
      parts.username = compileComponent(processed.username, canonicalize.username, DEFAULT_OPTIONS, false);
      parts.password = compileComponent(processed.password, canonicalize.password, DEFAULT_OPTIONS, false);
      const encodeHostname = isIpv6Pattern(processed.hostname) ? canonicalize.ipv6Hostname : canonicalize.hostname;
      parts.hostname = compileComponent(processed.hostname, (value) => encodeHostname(value, ""), HOSTNAME_OPTIONS, false);
      parts.port = compileComponent(processed.port, (value) => canonicalize.port(value, undefined), DEFAULT_OPTIONS, false);
      parts.pathname = matchesSpecialScheme(parts.protocol)
        ? compileComponent(processed.pathname, canonicalize.pathname, PATHNAME_OPTIONS, ignoreCase)
        : compileComponent(processed.pathname, canonicalize.opaquePathname, DEFAULT_OPTIONS, ignoreCase);
      parts.search = compileComponent(processed.search, canonicalize.search, DEFAULT_OPTIONS, ignoreCase);
      parts.hash = compileComponent(processed.hash, canonicalize.hash, DEFAULT_OPTIONS, ignoreCase);
    }

    test(input = undefined, baseURL = undefined) {
      return match(this, input, baseURL, "Failed to execute 'test' on 'URLPattern'") !== null;
    }

    exec(input = undefined, baseURL = undefined) {
      return match(this, input, baseURL, "Failed to execute 'exec' on 'URLPattern'");
    }

    get protocol() {
      return this.#parts.protocol.text;
    }

    get username() {
      return this.#parts.username.text;
    }

    get password() {
      return this.#parts.password.text;
    }

    get hostname() {
      return this.#parts.hostname.text;
    }

    get port() {
      return this.#parts.port.text;
    }

    get pathname() {
      return this.#parts.pathname.text;
    }

    get search() {
      return this.#parts.search.text;
    }

    get hash() {
      return this.#parts.hash.text;
    }

    get hasRegExpGroups() {
      const parts = this.#parts;
      for (let i = 0; i < components.length; i++) {
        if (parts[components[i]].hasRegExpGroups) return true;
      }
      return false;
    }

    static {
      // https://urlpattern.spec.whatwg.org/#url-pattern-match
      match = (pattern, value, baseURL, prefix) => {
        const parts = pattern.#parts;
        const input = toInput(value, prefix);
        const base = baseURL === undefined ? undefined : USVString(baseURL, prefix, "parameter 2");
        const inputs = [];
        let values;
        if (typeof input !== "string") {
          if (base !== undefined) throw new TypeError(`${prefix}: a base URL goes only with an input that is a string.`);
          ArrayPrototypePush(inputs, toObject(input, initMembers));
          try {
            values = processInit(input, false, emptyValues());
          } catch {
            return null;
          }
        } else {
          ArrayPrototypePush(inputs, input);
          if (base !== undefined) {
            if (ops.urlParse(base, undefined) === undefined) return null;
            ArrayPrototypePush(inputs, base);
          }
          const url = ops.urlParse(input, base);
          if (url === undefined) return null;
          values = {
            __proto__: null,
            protocol: schemeOf(url),
            username: url[USERNAME],
            password: url[PASSWORD],
            hostname: url[HOSTNAME],
            port: url[PORT],
            pathname: url[PATHNAME],
            search: withoutFirst(url[SEARCH]),
            hash: withoutFirst(url[HASH]),
          };
        }
        const results = { __proto__: null, inputs };
        for (let i = 0; i < components.length; i++) {
          const name = components[i];
          const found = RegExpPrototypeExec(parts[name].regExp, values[name]);
          if (found === null) return null;
          results[name] = componentResult(parts[name], values[name], found);
        }
        return toObject(results, resultKeys);
      };
    }
  }
  configureInterface(URLPattern);

  return { __proto__: null, URLPattern };
};
