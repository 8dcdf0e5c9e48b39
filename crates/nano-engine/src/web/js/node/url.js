"use strict";
// node:url: https://nodejs.org/api/url.html
(nano) => {
  const {
    Number, RegExpPrototypeExec, StringPrototypeCharCodeAt, StringPrototypeEndsWith, StringPrototypeIndexOf,
    StringPrototypeReplaceAll, StringPrototypeSlice, StringPrototypeStartsWith, TypeError, decodeURIComponent,
  } = nano.primordials;
  const { ops } = nano;
  const { URL, URLSearchParams } = nano.url;
  const { asModule, invalidArgType, invalidArgValue, validateObject, validateString, withCode } = nano.part("node/errors");
  const { Url, formatUrl, invalidUrl, parse, resolve, resolveObject } = nano.part("node/url_legacy");
  const { toHost, toUnicode } = nano.part("node/url_domains");
  const posix = nano.part("node/path");

  const isUrl = (value) => typeof value === "object" && value !== null && typeof value.href === "string" && typeof value.protocol === "string" &&
    value.auth === undefined && value.path === undefined;
  const needsArguments = (count, name) => {
    if (count > 0) return;
    throw withCode(new TypeError(`The "${name}" argument must be specified`), "ERR_MISSING_ARGS");
  };

  // Of a URL of the standard's class, without what is not wanted.
  const formatStandard = (href, fragment, unicode, search, auth) => {
    const parts = ops.urlParse(href, undefined);
    if (parts === undefined) return href;
    const { 0: all, 2: protocol, 3: username, 4: password, 5: host, 6: hostname, 7: port, 8: pathname, 9: query, 10: hash } = parts;
    const hasAuthority = host !== "" || StringPrototypeStartsWith(all, `${protocol}//`);
    const user = auth && username + password !== "" ? `${username}${password === "" ? "" : `:${password}`}@` : "";
    const name = (unicode ? toUnicode(hostname) : hostname) + (port === "" ? "" : `:${port}`);
    return `${protocol}${hasAuthority ? `//${user}${name}` : ""}${pathname}${search ? query : ""}${fragment ? hash : ""}`;
  };

  const format = (urlObject, options) => {
    if (typeof urlObject === "string") return formatUrl(parse(urlObject));
    if (typeof urlObject !== "object" || urlObject === null) throw invalidArgType("urlObject", ["object", "string"], urlObject);
    if (!isUrl(urlObject)) return formatUrl(urlObject);
    const flag = (name, usual) => (options?.[name] === undefined || options[name] === null ? usual : !!options[name]);
    if (options !== undefined && options !== null && options !== false) validateObject(options, "options");
    return formatStandard(urlObject.href, flag("fragment", true), flag("unicode", false), flag("search", true), flag("auth", true));
  };

  const invalidPath = (why) => withCode(new TypeError(`File URL path ${why}`), "ERR_INVALID_FILE_URL_PATH");
  const encodedSlash = /%2f/i;
  const encodedSeparator = /%2f|%5c/i;
  const drive = /^\/[a-z]:/i;

  const windowsPath = (url) => {
    if (RegExpPrototypeExec(encodedSeparator, url.pathname) !== null) throw invalidPath("must not include encoded \\ or / characters");
    const path = decodeURIComponent(StringPrototypeReplaceAll(url.pathname, "/", "\\"));
    if (url.hostname !== "") return `\\\\${toUnicode(url.hostname)}${path}`;
    if (RegExpPrototypeExec(drive, `/${StringPrototypeSlice(path, 1)}`) === null) throw invalidPath("must be absolute");
    return StringPrototypeSlice(path, 1);
  };

  const fileURLToPath = (path, options = undefined) => {
    if (typeof path === "string") {
      if (ops.urlParse(path, undefined) === undefined) throw invalidUrl(path);
      path = new URL(path);
    } else if (!isUrl(path)) {
      throw invalidArgType("path", "of type string or an instance of URL", path);
    }
    if (path.protocol !== "file:") throw withCode(new TypeError("The URL must be of scheme file"), "ERR_INVALID_URL_SCHEME");
    if (options?.windows) return windowsPath(path);
    if (path.hostname !== "") throw withCode(new TypeError('File URL host must be "localhost" or empty on linux'), "ERR_INVALID_FILE_URL_HOST");
    if (RegExpPrototypeExec(encodedSlash, path.pathname) !== null) throw invalidPath("must not include encoded / characters");
    return decodeURIComponent(path.pathname);
  };

  const pathCodes = [["%", "%25"], ["\\", "%5C"], ["\n", "%0A"], ["\r", "%0D"], ["\t", "%09"], ["?", "%3F"], ["#", "%23"]];
  const encodePath = (path, windows) => {
    for (let i = 0; i < pathCodes.length; i++) {
      if (!windows || pathCodes[i][0] !== "\\") path = StringPrototypeReplaceAll(path, pathCodes[i][0], pathCodes[i][1]);
    }
    return path;
  };

  const pathToFileURL = (path, options = undefined) => {
    validateString(path, "path");
    const windows = !!options?.windows;
    const url = new URL("file://");
    if (windows && StringPrototypeStartsWith(path, "\\\\")) {
      const end = StringPrototypeIndexOf(path, "\\", 2);
      if (end < 0) throw invalidArgValue("path", path, "Missing UNC resource path");
      if (end === 2) throw invalidArgValue("path", path, "Empty UNC servername");
      url.hostname = toHost(StringPrototypeSlice(path, 2, end));
      url.pathname = encodePath(StringPrototypeReplaceAll(StringPrototypeSlice(path, end), "\\", "/"), true);
      return url;
    }
    let resolved = (windows ? nano.part("node/path_win32") : posix).resolve(path);
    const last = StringPrototypeCharCodeAt(path, path.length - 1);
    const separator = windows ? "\\" : "/";
    if ((last === 47 || (windows && last === 92)) && !StringPrototypeEndsWith(resolved, separator)) resolved += "/";
    if (windows) resolved = StringPrototypeReplaceAll(encodePath(resolved, true), "\\", "/");
    else resolved = encodePath(resolved, false);
    url.pathname = resolved;
    return url;
  };

  const urlToHttpOptions = (url) => {
    const { hostname, pathname, port, username, password, search } = url;
    const options = {
      __proto__: null,
      ...url,
      protocol: url.protocol,
      hostname: hostname && hostname[0] === "[" ? StringPrototypeSlice(hostname, 1, -1) : hostname,
      hash: url.hash,
      search,
      pathname,
      path: `${pathname || ""}${search || ""}`,
      href: url.href,
    };
    if (port !== "") options.port = Number(port);
    if (username || password) options.auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return options;
  };

  return asModule({
    Url, parse, resolve, resolveObject, format, URL, URLSearchParams,
    domainToASCII(domain) {
      needsArguments(arguments.length, "domain");
      return toHost(`${domain}`);
    },
    domainToUnicode(domain) {
      needsArguments(arguments.length, "domain");
      return toUnicode(toHost(`${domain}`));
    },
    pathToFileURL, fileURLToPath, urlToHttpOptions,
  });
};
