"use strict";
// What URLPattern is made of: the tokenizer, the parser of pattern strings, the encoding of components. A part of its own so that
// each file can be read at one sitting.
// Specification: https://urlpattern.spec.whatwg.org/
(nano) => {
  const {
    ArrayPrototypePush, NumberParseInt, RegExpPrototypeExec, SafeSet, StringPrototypeCharCodeAt, StringPrototypeEndsWith,
    StringPrototypeIncludes, StringPrototypeSlice, StringPrototypeToLowerCase, TypeError,
  } = nano.primordials;
  const { ops } = nano;

  const invalid = (what) => {
    throw new TypeError(`URLPattern: ${what}`);
  };

  // Options: https://urlpattern.spec.whatwg.org/#options
  const DEFAULT_OPTIONS = { __proto__: null, delimiter: "", prefix: "" };
  const HOSTNAME_OPTIONS = { __proto__: null, delimiter: ".", prefix: "" };
  const PATHNAME_OPTIONS = { __proto__: null, delimiter: "/", prefix: "/" };

  // The code point that begins at an index, as a string.
  const codePointAt = (text, index) => {
    const code = StringPrototypeCharCodeAt(text, index);
    const isPair = code >= 0xd800 && code <= 0xdbff && index + 1 < text.length;
    return isPair ? StringPrototypeSlice(text, index, index + 2) : text[index];
  };

  const nameStart = /^[$_\p{ID_Start}]$/u;
  const namePart = /^[$_\u200c\u200d\p{ID_Continue}]$/u;

  const isNameCodePoint = (codePoint, first) => RegExpPrototypeExec(first ? nameStart : namePart, codePoint) !== null;

  const isAscii = (codePoint) => StringPrototypeCharCodeAt(codePoint, 0) < 0x80;

  // Tokens: https://urlpattern.spec.whatwg.org/#tokens

  class Tokenizer {
    input;
    lenient;
    tokens = [];
    // Where the token that is being read begins.
    index = 0;

    constructor(input, lenient) {
      this.input = input;
      this.lenient = lenient;
    }

    // The token from here to next; its value is what lies between two positions.
    add(type, next, valueStart, valueEnd) {
      const { index } = this;
      ArrayPrototypePush(this.tokens, { __proto__: null, type, index, value: StringPrototypeSlice(this.input, valueStart, valueEnd) });
      this.index = next;
    }

    fail(next, valueStart) {
      if (!this.lenient) invalid(`'${this.input}' is not a valid pattern: there is an error at character ${valueStart + 1}.`);
      this.add("invalid-char", next, valueStart, next);
    }

    run() {
      const { input } = this;
      while (this.index < input.length) {
        const { index } = this;
        const codePoint = codePointAt(input, index);
        const next = index + codePoint.length;
        switch (codePoint) {
          case "*":
            this.add("asterisk", next, index, next);
            break;
          case "+":
          case "?":
            this.add("other-modifier", next, index, next);
            break;
          case "\\":
            if (next === input.length) {
              this.fail(next, index);
            } else {
              const end = next + codePointAt(input, next).length;
              this.add("escaped-char", end, next, end);
            }
            break;
          case "{":
            this.add("open", next, index, next);
            break;
          case "}":
            this.add("close", next, index, next);
            break;
          case ":":
            this.name(next);
            break;
          case "(":
            this.regExp(next);
            break;
          default:
            this.add("char", next, index, next);
        }
      }
      this.add("end", this.index, this.index, this.index);
      return this.tokens;
    }

    name(start) {
      const { input } = this;
      let end = start;
      while (end < input.length) {
        const codePoint = codePointAt(input, end);
        if (!isNameCodePoint(codePoint, end === start)) break;
        end += codePoint.length;
      }
      if (end <= start) this.fail(start, this.index);
      else this.add("name", end, start, end);
    }

    regExp(start) {
      const { input } = this;
      let depth = 1;
      let position = start;
      while (position < input.length) {
        const codePoint = codePointAt(input, position);
        if (!isAscii(codePoint) || (position === start && codePoint === "?")) return this.fail(start, this.index);
        position++;
        if (codePoint === "\\") {
          if (position === input.length || !isAscii(codePointAt(input, position))) return this.fail(start, this.index);
          position++;
        } else if (codePoint === ")") {
          depth--;
          if (depth === 0) break;
        } else if (codePoint === "(") {
          depth++;
          if (position === input.length || input[position] !== "?") return this.fail(start, this.index);
        }
      }
      if (depth !== 0 || position - start === 1) return this.fail(start, this.index);
      return this.add("regexp", position, start, position - 1);
    }
  }

  const tokenize = (input, lenient) => new Tokenizer(input, lenient).run();

  // Pattern strings: https://urlpattern.spec.whatwg.org/#parse-a-pattern-string

  const FULL_WILDCARD = ".*";

  // Character by character: what replaces by a regular expression goes through methods that an app can patch.
  const escape = (text, special) => {
    let escaped = "";
    for (let i = 0; i < text.length; i++) escaped += StringPrototypeIncludes(special, text[i]) ? `\\${text[i]}` : text[i];
    return escaped;
  };
  const escapeRegExp = (text) => escape(text, ".+*?^${}()[]|/\\");
  const escapePattern = (text) => escape(text, "+*?:{}()\\");

  const segmentWildcard = (options) => `[^${escapeRegExp(options.delimiter)}]+?`;

  class PatternParser {
    options;
    encode;
    tokens;
    segmentWildcard;
    parts = [];
    names = new SafeSet();
    pending = "";
    index = 0;
    nextNumber = 0;

    constructor(input, options, encode) {
      this.options = options;
      this.encode = encode;
      this.tokens = tokenize(input, false);
      this.segmentWildcard = segmentWildcard(options);
    }

    parse() {
      const { tokens } = this;
      while (this.index < tokens.length) {
        const char = this.take("char");
        const name = this.take("name");
        const matcher = this.takeMatcher(name);
        if (name !== null || matcher !== null) {
          let prefix = char === null ? "" : char.value;
          if (prefix !== "" && prefix !== this.options.prefix) {
            this.pending += prefix;
            prefix = "";
          }
          this.flush();
          this.add(prefix, name, matcher, "", this.takeModifier());
          continue;
        }
        const fixed = char ?? this.take("escaped-char");
        if (fixed !== null) {
          this.pending += fixed.value;
          continue;
        }
        if (this.take("open") !== null) {
          const prefix = this.takeText();
          const groupName = this.take("name");
          const groupMatcher = this.takeMatcher(groupName);
          const suffix = this.takeText();
          this.require("close");
          this.add(prefix, groupName, groupMatcher, suffix, this.takeModifier());
          continue;
        }
        this.flush();
        this.require("end");
      }
      return this.parts;
    }

    take(type) {
      const token = this.tokens[this.index];
      if (token.type !== type) return null;
      this.index++;
      return token;
    }

    takeMatcher(name) {
      const token = this.take("regexp");
      return name === null && token === null ? this.take("asterisk") : token;
    }

    takeModifier() {
      const token = this.take("other-modifier") ?? this.take("asterisk");
      return token === null ? "" : token.value;
    }

    takeText() {
      let text = "";
      for (;;) {
        const token = this.take("char") ?? this.take("escaped-char");
        if (token === null) return text;
        text += token.value;
      }
    }

    require(type) {
      if (this.take(type) === null) {
        const { value, index } = this.tokens[this.index];
        invalid(`the pattern has an unexpected '${value}' at character ${index + 1}.`);
      }
    }

    flush() {
      if (this.pending === "") return;
      const value = this.encode(this.pending);
      this.pending = "";
      this.push("fixed-text", value, "", "", "", "");
    }

    push(type, value, modifier, name, prefix, suffix) {
      ArrayPrototypePush(this.parts, { __proto__: null, type, value, modifier, name, prefix, suffix });
    }

    // https://urlpattern.spec.whatwg.org/#add-a-part
    add(prefix, nameToken, matcher, suffix, modifier) {
      if (nameToken === null && matcher === null && modifier === "") {
        this.pending += prefix;
        return;
      }
      this.flush();
      if (nameToken === null && matcher === null) {
        if (prefix !== "") this.push("fixed-text", this.encode(prefix), modifier, "", "", "");
        return;
      }
      let value = matcher === null ? this.segmentWildcard : matcher.type === "asterisk" ? FULL_WILDCARD : matcher.value;
      let type = "regexp";
      if (value === this.segmentWildcard) {
        type = "segment-wildcard";
        value = "";
      } else if (value === FULL_WILDCARD) {
        type = "full-wildcard";
        value = "";
      }
      const name = nameToken === null ? `${this.nextNumber++}` : nameToken.value;
      if (this.names.has(name)) invalid(`the pattern has two groups named '${name}'.`);
      this.names.add(name);
      this.push(type, value, modifier, name, this.encode(prefix), this.encode(suffix));
    }
  }

  const parsePatternString = (input, options, encode) => new PatternParser(input, options, encode).parse();

  // https://urlpattern.spec.whatwg.org/#generate-a-regular-expression-and-name-list
  const generateRegExp = (parts, options) => {
    const names = [];
    let source = "^";
    for (let i = 0; i < parts.length; i++) {
      const { type, value, modifier, name } = parts[i];
      if (type === "fixed-text") {
        source += modifier === "" ? escapeRegExp(value) : `(?:${escapeRegExp(value)})${modifier}`;
        continue;
      }
      ArrayPrototypePush(names, name);
      const matcher = type === "segment-wildcard" ? segmentWildcard(options) : type === "full-wildcard" ? FULL_WILDCARD : value;
      const prefix = escapeRegExp(parts[i].prefix);
      const suffix = escapeRegExp(parts[i].suffix);
      const once = modifier === "" || modifier === "?";
      if (prefix === "" && suffix === "") {
        source += once ? `(${matcher})${modifier}` : `((?:${matcher})${modifier})`;
      } else if (once) {
        source += `(?:${prefix}(${matcher})${suffix})${modifier}`;
      } else {
        source += `(?:${prefix}((?:${matcher})(?:${suffix}${prefix}(?:${matcher}))*)${suffix})`;
        if (modifier === "*") source += "?";
      }
    }
    return { __proto__: null, source: `${source}$`, names };
  };

  const isDigit = (character) => character >= "0" && character <= "9";

  // https://urlpattern.spec.whatwg.org/#generate-a-pattern-string
  const generatePatternString = (parts, options) => {
    let result = "";
    for (let i = 0; i < parts.length; i++) {
      const part = parts[i];
      const previous = i > 0 ? parts[i - 1] : null;
      const next = i + 1 < parts.length ? parts[i + 1] : null;
      const { type, modifier } = part;
      if (type === "fixed-text") {
        result += modifier === "" ? escapePattern(part.value) : `{${escapePattern(part.value)}}${modifier}`;
        continue;
      }
      const customName = !isDigit(part.name[0]);
      let grouping = part.suffix !== "" || (part.prefix !== "" && part.prefix !== options.prefix);
      if (
        !grouping && customName && type === "segment-wildcard" && modifier === "" && next !== null && next.prefix === "" &&
        next.suffix === ""
      ) {
        grouping = next.type === "fixed-text" ? isNameCodePoint(codePointAt(next.value, 0), false) : isDigit(next.name[0]);
      }
      if (
        !grouping && part.prefix === "" && previous !== null && previous.type === "fixed-text" && options.prefix !== "" &&
        StringPrototypeEndsWith(previous.value, options.prefix)
      ) {
        grouping = true;
      }
      if (grouping) result += "{";
      result += escapePattern(part.prefix);
      if (customName) result += `:${part.name}`;
      if (type === "regexp") {
        result += `(${part.value})`;
      } else if (type === "segment-wildcard") {
        if (!customName) result += `(${segmentWildcard(options)})`;
      } else {
        const bare = !customName &&
          (previous === null || previous.type === "fixed-text" || previous.modifier !== "" || grouping || part.prefix !== "");
        result += bare ? "*" : `(${FULL_WILDCARD})`;
      }
      if (type === "segment-wildcard" && customName && part.suffix !== "" && isNameCodePoint(codePointAt(part.suffix, 0), false)) {
        result += "\\";
      }
      result += escapePattern(part.suffix);
      if (grouping) result += "}";
      result += modifier;
    }
    return result;
  };

  // Encoding: https://urlpattern.spec.whatwg.org/#canon-encoding-callbacks

  // What the URL parser drops wherever it is.
  const withoutTabs = (text) => {
    let kept = "";
    for (let i = 0; i < text.length; i++) kept += StringPrototypeIncludes("\t\n\r", text[i]) ? "" : text[i];
    return kept;
  };

  // The part of a URL that has a component set to a value, without the delimiter.
  const DUMMY = "https://dummy.invalid/";
  const set = (part, value, at, skip) => {
    const url = ops.urlSet(DUMMY, part, value);
    if (url === undefined) invalid(`'${value}' cannot be part of a URL.`);
    return StringPrototypeSlice(url[at], skip);
  };

  const hostnameEnd = /[/?#\\]/;
  const plainHostnameEnd = /[/?#]/;
  const colonOutside = /^[^[]*:|\][^[]*:|@/;
  const specialScheme = /^(?:|https?|wss?|ftp|file)$/;
  const leadingDigits = /^[0-9]+/;
  const notIpv6 = /[^0-9A-Fa-f[\]:]/;
  const opaqueEnd = /[?#]/;

  const canonicalize = {
    __proto__: null,
    protocol(value) {
      if (value === "") return value;
      const url = ops.urlParse(`${value}://dummy.invalid`, undefined);
      if (url === undefined) invalid(`'${value}' is not a valid protocol.`);
      return StringPrototypeSlice(url[2], 0, -1);
    },
    username: (value) => (value === "" ? value : set(2, value, 3, 0)),
    password: (value) => (value === "" ? value : set(3, value, 4, 0)),
    // The URL parser's hostname state, which ends at what would begin a path and fails at a port or credentials.
    hostname(value, scheme) {
      if (value === "") return value;
      const isSpecial = RegExpPrototypeExec(specialScheme, scheme) !== null;
      let host = withoutTabs(value);
      const end = RegExpPrototypeExec(isSpecial ? hostnameEnd : plainHostnameEnd, host);
      if (end !== null) host = StringPrototypeSlice(host, 0, end.index);
      if (host === "") {
        if (isSpecial && scheme !== "file") invalid(`'${value}' is not a valid hostname.`);
        return "";
      }
      const url = RegExpPrototypeExec(colonOutside, host) === null
        ? ops.urlParse(`${scheme === "" ? "https" : scheme}://${host}/`, undefined)
        : undefined;
      if (url === undefined) invalid(`'${value}' is not a valid hostname.`);
      return url[6];
    },
    ipv6Hostname(value) {
      if (RegExpPrototypeExec(notIpv6, value) !== null) invalid(`'${value}' is not part of an IPv6 address.`);
      return StringPrototypeToLowerCase(value);
    },
    // The URL parser's port state.
    port(value, defaultPort) {
      if (value === "") return value;
      const digits = RegExpPrototypeExec(leadingDigits, withoutTabs(value));
      const port = digits === null ? 65536 : NumberParseInt(digits[0], 10);
      if (port > 65535) invalid(`'${value}' is not a valid port.`);
      return `${port}` === defaultPort ? "" : `${port}`;
    },
    pathname(value) {
      if (value === "") return value;
      return value[0] === "/" ? set(7, value, 8, 0) : set(7, `/-${value}`, 8, 2);
    },
    // Between two characters that keep the URL parser from seeing a list of segments, or spaces at an end.
    opaquePathname(value) {
      if (value === "") return value;
      const end = RegExpPrototypeExec(opaqueEnd, value);
      const path = end === null ? value : StringPrototypeSlice(value, 0, end.index);
      const url = ops.urlParse(`data:-${path}-`, undefined);
      if (url === undefined) invalid(`'${value}' cannot be a path.`);
      return StringPrototypeSlice(url[8], 1, -1);
    },
    search: (value) => (value === "" ? value : set(8, `?${value}`, 9, 1)),
    hash: (value) => (value === "" ? value : set(9, `#${value}`, 10, 1)),
  };

  return {
    __proto__: null, DEFAULT_OPTIONS, HOSTNAME_OPTIONS, PATHNAME_OPTIONS, canonicalize, escapePattern, generatePatternString,
    generateRegExp, parsePatternString, tokenize,
  };
};
