"use strict";
// The older interface of node:url, which takes URLs apart by rules of its own: https://nodejs.org/api/url.html#legacy-url-api
(nano) => {
  const {
    ArrayPrototypeJoin, ArrayPrototypePop, ArrayPrototypePush, ArrayPrototypeShift, ArrayPrototypeRemoveAt,
    ArrayPrototypeUnshift, ObjectDefineProperty, ObjectKeys, RegExpPrototypeExec, StringPrototypeEndsWith,
    StringPrototypeIncludes, StringPrototypeIndexOf, StringPrototypeReplaceAll, StringPrototypeSlice, StringPrototypeSplit,
    StringPrototypeStartsWith, StringPrototypeToLowerCase, TypeError, decodeURIComponent,
  } = nano.primordials;
  const { validateString, withCode } = nano.part("node/errors");
  const querystring = nano.part("node/querystring").default;

  const HOST_CHARS_MAX = 255;

  const setOf = (names) => {
    const set = { __proto__: null };
    for (let i = 0; i < names.length; i++) set[names[i]] = set[`${names[i]}:`] = true;
    return set;
  };
  // Of these no host is looked for; of those there always are two slashes.
  const hostless = setOf(["javascript"]);
  const slashed = setOf(["http", "https", "ftp", "gopher", "file", "ws", "wss"]);

  const protocolPattern = /^[a-z0-9.+-]+:/i;
  const portPattern = /:[0-9]*$/;
  const hostPattern = /^\/\/[^@/]+@[^@/]+/;
  const plainPattern = /^(\/\/?(?!\/)[^?\s]*)(\?[^\s]*)?$/;
  const forbiddenInHost = /[\0\t\n\r #%/:<>?@[\\\]^|]/;
  const forbiddenInAddress = /[\0\t\n\r #%/<>?@\\^|]/;
  const surrounding = /^[\t\n\f\r \u00a0\ufeff]$/;
  const escapes = {
    __proto__: null, "\t": "%09", "\n": "%0A", "\r": "%0D", " ": "%20", '"': "%22", "'": "%27", "<": "%3C", ">": "%3E", "\\": "%5C", "^": "%5E",
    "`": "%60", "{": "%7B", "|": "%7C", "}": "%7D",
  };

  const invalidUrl = (input) => {
    const error = withCode(new TypeError("Invalid URL"), "ERR_INVALID_URL");
    ObjectDefineProperty(error, "input", { __proto__: null, value: input, writable: true, enumerable: true, configurable: true });
    return error;
  };

  const isAddress = (host) => host[0] === "[" && host[host.length - 1] === "]";
  const has = (set, protocol) => protocol !== null && protocol !== undefined && set[protocol] === true;
  const firstIs = (text, char) => typeof text === "string" && text[0] === char;
  const emptyQuery = () => ({ __proto__: null });

  // What surrounds it is cut off; backslashes are slashes in front of the query and the fragment.
  const tidy = (input) => {
    let from = 0;
    let to = input.length;
    while (from < to && RegExpPrototypeExec(surrounding, input[from]) !== null) from++;
    while (to > from && RegExpPrototypeExec(surrounding, input[to - 1]) !== null) to--;
    const text = StringPrototypeSlice(input, from, to);
    let split = 0;
    while (split < text.length && text[split] !== "?" && text[split] !== "#") split++;
    return StringPrototypeReplaceAll(StringPrototypeSlice(text, 0, split), "\\", "/") + StringPrototypeSlice(text, split);
  };

  const escapeRest = (rest) => {
    let out = "";
    for (let i = 0; i < rest.length; i++) out += escapes[rest[i]] ?? rest[i];
    return out;
  };

  class Url {
    protocol = null;
    slashes = null;
    auth = null;
    host = null;
    port = null;
    hostname = null;
    hash = null;
    search = null;
    query = null;
    pathname = null;
    path = null;
    href = null;
  }

  const setPath = (url) => {
    if (url.pathname || url.search) url.path = (url.pathname || "") + (url.search || "");
  };

  const parseHost = (url) => {
    let { host } = url;
    const port = RegExpPrototypeExec(portPattern, host);
    if (port !== null) {
      if (port[0] !== ":") url.port = StringPrototypeSlice(port[0], 1);
      host = StringPrototypeSlice(host, 0, host.length - port[0].length);
    }
    if (host) url.hostname = host;
  };

  // Takes the part with the host from what follows the slashes; the rest.
  const takeHost = (url, rest, input) => {
    let at = -1;
    let end = -1;
    for (let i = 0; i < rest.length; i++) {
      const char = rest[i];
      if (char === "\t" || char === "\n" || char === "\r") {
        rest = StringPrototypeSlice(rest, 0, i) + StringPrototypeSlice(rest, i + 1);
        i--;
      } else if (char === "#" || char === "/" || char === "?") {
        if (end < 0) end = i;
        break;
      } else if (char === "@") {
        at = i;
        end = -1;
      } else if (end < 0 && StringPrototypeIncludes(" \"%';<>\\^`{|}", char)) {
        end = i;
      }
    }
    if (at >= 0) url.auth = decodeURIComponent(StringPrototypeSlice(rest, 0, at));
    url.host = StringPrototypeSlice(rest, at + 1, end < 0 ? rest.length : end);
    rest = end < 0 ? "" : StringPrototypeSlice(rest, end);
    parseHost(url);
    if (typeof url.hostname !== "string") url.hostname = "";
    const { hostname } = url;
    const isBracketed = isAddress(hostname);
    if (!isBracketed) {
      for (let i = 0; i < hostname.length; i++) {
        if (!StringPrototypeIncludes("/\\#?:", hostname[i])) continue;
        url.hostname = StringPrototypeSlice(hostname, 0, i);
        rest = `/${StringPrototypeSlice(hostname, i)}${rest}`;
        break;
      }
    }
    url.hostname = url.hostname.length > HOST_CHARS_MAX ? "" : StringPrototypeToLowerCase(url.hostname);
    if (url.hostname !== "") {
      if (isBracketed) {
        if (RegExpPrototypeExec(forbiddenInAddress, url.hostname) !== null) throw invalidUrl(input);
      } else {
        url.hostname = nano.part("node/url_domains").toAscii(url.hostname);
        if (url.hostname === "" || RegExpPrototypeExec(forbiddenInHost, url.hostname) !== null) throw invalidUrl(input);
      }
    }
    url.host = url.hostname + (url.port ? `:${url.port}` : "");
    if (!isBracketed) return rest;
    url.hostname = StringPrototypeSlice(url.hostname, 1, -1);
    return rest[0] === "/" ? rest : `/${rest}`;
  };

  const takeQuery = (url, rest, wantsQuery) => {
    const hashAt = StringPrototypeIndexOf(rest, "#");
    if (hashAt >= 0) {
      url.hash = StringPrototypeSlice(rest, hashAt);
      rest = StringPrototypeSlice(rest, 0, hashAt);
    }
    const queryAt = StringPrototypeIndexOf(rest, "?");
    if (queryAt >= 0) {
      url.search = StringPrototypeSlice(rest, queryAt);
      url.query = StringPrototypeSlice(rest, queryAt + 1);
      if (wantsQuery) url.query = querystring.parse(url.query);
      rest = StringPrototypeSlice(rest, 0, queryAt);
    } else if (wantsQuery) {
      url.query = emptyQuery();
    }
    if (rest.length > 0) url.pathname = rest;
  };

  const parseInto = (url, input, wantsQuery, slashesDenoteHost) => {
    validateString(input, "url");
    let rest = tidy(input);
    if (!slashesDenoteHost && !StringPrototypeIncludes(rest, "#") && !StringPrototypeIncludes(rest, "@")) {
      const plain = RegExpPrototypeExec(plainPattern, rest);
      if (plain !== null) {
        url.path = url.href = rest;
        url.pathname = plain[1];
        if (plain[2]) {
          url.search = plain[2];
          url.query = StringPrototypeSlice(plain[2], 1);
          if (wantsQuery) url.query = querystring.parse(url.query);
        } else if (wantsQuery) {
          url.query = emptyQuery();
        }
        return url;
      }
    }
    const scheme = RegExpPrototypeExec(protocolPattern, rest);
    let protocol = null;
    if (scheme !== null) {
      url.protocol = protocol = StringPrototypeToLowerCase(scheme[0]);
      rest = StringPrototypeSlice(rest, scheme[0].length);
    }
    let slashes = false;
    if (slashesDenoteHost || scheme !== null || RegExpPrototypeExec(hostPattern, rest) !== null) {
      slashes = StringPrototypeStartsWith(rest, "//");
      if (slashes && !has(hostless, protocol)) {
        rest = StringPrototypeSlice(rest, 2);
        url.slashes = true;
      }
    }
    // In capitals no scheme has slashes.
    if (!has(hostless, protocol) && (slashes || (scheme !== null && !has(slashed, scheme[0])))) rest = takeHost(url, rest, input);
    if (!has(hostless, protocol)) rest = escapeRest(rest);
    takeQuery(url, rest, wantsQuery);
    if (has(slashed, protocol) && url.hostname && !url.pathname) url.pathname = "/";
    setPath(url);
    url.href = formatUrl(url);
    return url;
  };

  const formatUrl = (url) => {
    let auth = url.auth || "";
    if (auth !== "") auth = `${StringPrototypeReplaceAll(querystring.escape(auth), "%3A", ":")}@`;
    let protocol = url.protocol || "";
    let pathname = url.pathname || "";
    let hash = url.hash || "";
    let host = "";
    if (url.host) {
      host = auth + url.host;
    } else if (url.hostname) {
      host = auth + (StringPrototypeIncludes(url.hostname, ":") && !isAddress(url.hostname) ? `[${url.hostname}]` : url.hostname);
      if (url.port) host += `:${url.port}`;
    }
    const query = url.query !== null && typeof url.query === "object" ? querystring.stringify(url.query) : "";
    let search = url.search || (query && `?${query}`) || "";
    if (protocol && !StringPrototypeEndsWith(protocol, ":")) protocol += ":";
    pathname = StringPrototypeReplaceAll(StringPrototypeReplaceAll(pathname, "#", "%23"), "?", "%3F");
    if (url.slashes || has(slashed, protocol)) {
      if (url.slashes || host) {
        if (pathname && pathname[0] !== "/") pathname = `/${pathname}`;
        host = `//${host}`;
      } else if (StringPrototypeStartsWith(protocol, "file")) {
        host = "//";
      }
    }
    search = StringPrototypeReplaceAll(search, "#", "%23");
    if (hash && hash[0] !== "#") hash = `#${hash}`;
    if (search && search[0] !== "?") search = `?${search}`;
    return protocol + host + pathname + search + hash;
  };

  const parse = (url, parseQueryString, slashesDenoteHost) =>
    url instanceof Url ? url : parseInto(new Url(), url, parseQueryString, slashesDenoteHost);

  const copy = (to, from, without = undefined) => {
    const keys = ObjectKeys(from);
    for (let i = 0; i < keys.length; i++) if (keys[i] !== without) to[keys[i]] = from[keys[i]];
  };
  const finished = (url) => {
    url.href = formatUrl(url);
    return url;
  };
  const segments = (url) => (url.pathname ? StringPrototypeSplit(url.pathname, "/") : []);
  // Names and a host in one stay together in what has no slashes: mailto:user@host.
  const splitAuth = (url) => {
    if (!url.host || StringPrototypeIndexOf(url.host, "@") <= 0) return;
    const halves = StringPrototypeSplit(url.host, "@");
    url.auth = halves[0];
    url.host = url.hostname = halves[1];
  };

  // To a URL of another scheme.
  const resolveForeign = (result, relative) => {
    const { protocol } = relative;
    if (!has(slashed, protocol)) {
      copy(result, relative);
      return finished(result);
    }
    result.protocol = protocol;
    if (!relative.host && protocol !== "file" && protocol !== "file:" && !has(hostless, protocol)) {
      const path = StringPrototypeSplit(relative.pathname || "", "/");
      while (path.length > 0 && !(relative.host = ArrayPrototypeShift(path)));
      relative.host ||= "";
      relative.hostname ||= "";
      if (path[0] !== "") ArrayPrototypeUnshift(path, "");
      if (path.length < 2) ArrayPrototypeUnshift(path, "");
      result.pathname = ArrayPrototypeJoin(path, "/");
    } else {
      result.pathname = relative.pathname;
    }
    result.search = relative.search;
    result.query = relative.query;
    result.host = relative.host || "";
    result.auth = relative.auth;
    result.hostname = relative.hostname || relative.host;
    result.port = relative.port;
    setPath(result);
    result.slashes = result.slashes || relative.slashes;
    return finished(result);
  };

  // Without its dots; what leads above the root is counted.
  const withoutDots = (path) => {
    let up = 0;
    for (let i = path.length - 1; i >= 0; i--) {
      if (path[i] === ".") {
        ArrayPrototypeRemoveAt(path, i);
      } else if (path[i] === "..") {
        ArrayPrototypeRemoveAt(path, i);
        up++;
      } else if (up > 0) {
        ArrayPrototypeRemoveAt(path, i);
        up--;
      }
    }
    return up;
  };

  const resolveUrls = (base, relative) => {
    const result = new Url();
    copy(result, base);
    result.hash = relative.hash;
    if (relative.href === "") return finished(result);
    if (relative.slashes && !relative.protocol) {
      copy(result, relative, "protocol");
      if (has(slashed, result.protocol) && result.hostname && !result.pathname) result.path = result.pathname = "/";
      return finished(result);
    }
    if (relative.protocol && relative.protocol !== result.protocol) return resolveForeign(result, relative);

    const isBaseAbsolute = firstIs(result.pathname, "/");
    const isAbsolute = relative.host || firstIs(relative.pathname, "/");
    let endsAbsolute = isAbsolute || isBaseAbsolute || (result.host && relative.pathname);
    const dropsDots = endsAbsolute;
    let path = segments(result);
    const more = segments(relative);
    const isOpaque = result.protocol && !has(slashed, result.protocol);
    if (isOpaque) {
      result.hostname = "";
      result.port = null;
      if (result.host) {
        if (path[0] === "") path[0] = result.host;
        else ArrayPrototypeUnshift(path, result.host);
      }
      result.host = "";
      if (relative.protocol) {
        relative.hostname = null;
        relative.port = null;
        result.auth = null;
        if (relative.host) {
          if (more[0] === "") more[0] = relative.host;
          else ArrayPrototypeUnshift(more, relative.host);
        }
        relative.host = null;
      }
      endsAbsolute = endsAbsolute && (more[0] === "" || path[0] === "");
    }
    if (isAbsolute) {
      if (relative.host || relative.host === "") {
        if (result.host !== relative.host) result.auth = null;
        result.host = relative.host;
        result.port = relative.port;
      }
      if (relative.hostname || relative.hostname === "") {
        if (result.hostname !== relative.hostname) result.auth = null;
        result.hostname = relative.hostname;
      }
      result.search = relative.search;
      result.query = relative.query;
      path = more;
    } else if (more.length > 0) {
      ArrayPrototypePop(path);
      for (let i = 0; i < more.length; i++) ArrayPrototypePush(path, more[i]);
      result.search = relative.search;
      result.query = relative.query;
    } else if (relative.search !== null && relative.search !== undefined) {
      if (isOpaque) {
        result.hostname = result.host = ArrayPrototypeShift(path);
        splitAuth(result);
      }
      result.search = relative.search;
      result.query = relative.query;
      if (result.pathname !== null || result.search !== null) result.path = (result.pathname || "") + (result.search || "");
      return finished(result);
    }
    if (path.length === 0) {
      result.pathname = null;
      result.path = result.search ? `/${result.search}` : null;
      return finished(result);
    }
    const last = path[path.length - 1];
    const endsInSlash = ((result.host || relative.host || path.length > 1) && (last === "." || last === "..")) || last === "";
    let up = withoutDots(path);
    if (!endsAbsolute && !dropsDots) while (up-- > 0) ArrayPrototypeUnshift(path, "..");
    if (endsAbsolute && path[0] !== "" && !firstIs(path[0], "/")) ArrayPrototypeUnshift(path, "");
    if (endsInSlash && !StringPrototypeEndsWith(ArrayPrototypeJoin(path, "/"), "/")) ArrayPrototypePush(path, "");
    const startsAtRoot = path[0] === "" || firstIs(path[0], "/");
    if (isOpaque) {
      result.hostname = result.host = startsAtRoot ? "" : path.length > 0 ? ArrayPrototypeShift(path) : "";
      splitAuth(result);
    }
    endsAbsolute = endsAbsolute || (result.host && path.length > 0);
    if (endsAbsolute && !startsAtRoot) ArrayPrototypeUnshift(path, "");
    if (path.length === 0) {
      result.pathname = null;
      result.path = null;
    } else {
      result.pathname = ArrayPrototypeJoin(path, "/");
    }
    if (result.pathname !== null || result.search !== null) result.path = (result.pathname || "") + (result.search || "");
    result.auth = relative.auth || result.auth;
    result.slashes = result.slashes || relative.slashes;
    return finished(result);
  };

  // As Node has them: methods that any code may call and replace.
  const method = (name, value) =>
    ObjectDefineProperty(Url.prototype, name, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
  method("parse", function (url, parseQueryString, slashesDenoteHost) {
    return parseInto(this, url, parseQueryString, slashesDenoteHost);
  });
  method("format", function () {
    return formatUrl(this);
  });
  method("resolve", function (relative) {
    return formatUrl(resolveUrls(this, parse(relative, false, true)));
  });
  method("resolveObject", function (relative) {
    return resolveUrls(this, typeof relative === "string" ? parse(relative, false, true) : relative);
  });
  method("parseHost", function () {
    parseHost(this);
  });

  return {
    __proto__: null,
    Url,
    formatUrl,
    invalidUrl,
    parse,
    resolve: (from, to) => formatUrl(resolveUrls(parse(from, false, true), parse(to, false, true))),
    resolveObject: (from, to) => (from ? resolveUrls(parse(from, false, true), typeof to === "string" ? parse(to, false, true) : to) : to),
  };
};
