"use strict";
// The arguments of request() and get(), and where a request goes: a scheme, a host and a port that no path can change.
(nano) => {
  const {
    Number, ObjectKeys, RangeError, RegExpPrototypeExec, StringPrototypeIncludes, TypeError, decodeURIComponent,
  } = nano.primordials;
  const { invalidArgType, invalidArgValue, unsupported, withCode } = nano.part("node/errors");
  const { isObject } = nano.webidl;
  const { ops } = nano;

  const PORT_MAX = 65_535;
  // What a URL would leave out of a host, or end it by.
  const notOfHosts = /[\0-\x20"#%/<>?@\\^`{|}\x7f]/;
  // What Node refuses, and what a URL would end a path by, or take for a slash.
  const notOfPaths = /[^\x21-\xff]|#|^[^?]*\\/;

  const isUrl = (value) => isObject(value) && !!value.href && !!value.protocol && value.auth === undefined && value.path === undefined;

  const ofUrl = (options, input) => {
    const parts = ops.urlParse(`${input}`, undefined);
    if (parts === undefined) throw withCode(new TypeError("Invalid URL"), "ERR_INVALID_URL");
    options.href = parts[0];
    options.protocol = parts[2];
    options.hostname = parts[6];
    if (parts[7] !== "") options.port = Number(parts[7]);
    options.path = parts[8] + parts[9];
    if (parts[3] !== "" || parts[4] !== "") options.auth = `${decodeURIComponent(parts[3])}:${decodeURIComponent(parts[4])}`;
  };

  // A URL or not, options or not, a listener or not: what is not there may be undefined or null.
  const readArguments = (args) => {
    let at = 0;
    const options = { __proto__: null };
    if (typeof args[0] === "string" || isUrl(args[0])) ofUrl(options, args[at++]);
    if (typeof args[at] !== "function") {
      const given = args[at++];
      const names = isObject(given) ? ObjectKeys(given) : [];
      for (let i = 0; i < names.length; i++) options[names[i]] = given[names[i]];
    }
    while (at < args.length && typeof args[at] !== "function") at++;
    return { __proto__: null, options, listener: args[at] };
  };

  const hostOf = (options) => {
    const host = checkedHost(options.hostname, "options.hostname") || checkedHost(options.host, "options.host") || "localhost";
    if (RegExpPrototypeExec(notOfHosts, host) !== null) throw invalidArgValue("options.host", host, "has a character that no host has");
    return host;
  };
  const checkedHost = (host, name) => {
    if (host !== undefined && host !== null && typeof host !== "string") throw invalidArgType(name, "one of type string, undefined, or null", host);
    return host;
  };

  const portOf = (options, usual) => {
    const given = options.port || options.defaultPort || usual;
    const port = Number(given);
    if (!(port >= 0 && port <= PORT_MAX) || port % 1 !== 0) {
      throw withCode(new RangeError(`options.port should be >= 0 and < 65536. Received ${nano.inspect(given, 1)}.`), "ERR_SOCKET_BAD_PORT");
    }
    return port;
  };

  // As URLs write it, or undefined if there can be no such host.
  const originOf = (protocol, host, port) => {
    const isBare = StringPrototypeIncludes(host, ":") && host[0] !== "[";
    const parts = ops.urlParse(`${protocol}//${isBare ? `[${host}]` : host}:${port}`, undefined);
    const isWhole = parts !== undefined && parts[3] === "" && parts[4] === "" && parts[8] === "/" && parts[9] === "" && parts[10] === "";
    return isWhole ? parts[1] : undefined;
  };

  const pathOf = (path) => {
    const text = `${path || "/"}`;
    if (RegExpPrototypeExec(notOfPaths, text) !== null) {
      throw withCode(new TypeError("Request path contains unescaped characters"), "ERR_UNESCAPED_CHARACTERS");
    }
    if (text[0] !== "/") throw unsupported(`The request path '${text}'`, "requests go through fetch(), whose paths begin with a slash");
    return text;
  };

  return { __proto__: null, hostOf, originOf, pathOf, portOf, readArguments };
};
