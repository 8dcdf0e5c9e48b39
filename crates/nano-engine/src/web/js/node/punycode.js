"use strict";
// node:punycode: https://nodejs.org/api/punycode.html, after RFC 3492.
(nano) => {
  const {
    ArrayPrototypeJoin, ArrayPrototypePush, MathFloor, RangeError, StringFromCharCode, StringPrototypeCharCodeAt, StringPrototypeLastIndexOf,
    StringPrototypeSplit, StringPrototypeSlice, StringPrototypeToLowerCase, StringPrototypeReplaceAll,
  } = nano.primordials;
  const { asModule } = nano.part("node/errors");

  const BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, BIAS = 72, FIRST = 128, MAX = 2147483647;

  const toCodePoints = (text) => {
    const points = [];
    for (let i = 0; i < text.length; i++) {
      const unit = StringPrototypeCharCodeAt(text, i);
      const next = i + 1 < text.length ? StringPrototypeCharCodeAt(text, i + 1) : 0;
      if (unit >= 0xd800 && unit <= 0xdbff && next >= 0xdc00 && next <= 0xdfff) {
        ArrayPrototypePush(points, (unit - 0xd800) * 0x400 + (next - 0xdc00) + 0x10000);
        i++;
      } else {
        ArrayPrototypePush(points, unit);
      }
    }
    return points;
  };

  const fromCodePoints = (points) => {
    let text = "";
    for (let i = 0; i < points.length; i++) {
      const point = points[i];
      text += point < 0x10000 ? StringFromCharCode(point) : StringFromCharCode(0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff));
    }
    return text;
  };

  const adapt = (delta, count, isFirst) => {
    let k = 0;
    delta = isFirst ? MathFloor(delta / DAMP) : delta >> 1;
    delta += MathFloor(delta / count);
    for (; delta > ((BASE - T_MIN) * T_MAX) >> 1; k += BASE) delta = MathFloor(delta / (BASE - T_MIN));
    return MathFloor(k + ((BASE - T_MIN + 1) * delta) / (delta + SKEW));
  };

  const threshold = (k, bias) => (k <= bias ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias);
  const digit = (value) => StringFromCharCode(value < 26 ? value + 97 : value + 22);
  const valueOf = (unit) => (unit >= 48 && unit < 58 ? unit - 22 : unit >= 65 && unit < 91 ? unit - 65 : unit >= 97 && unit < 123 ? unit - 97 : BASE);

  const encode = (text) => {
    const points = toCodePoints(text);
    let out = "";
    for (let i = 0; i < points.length; i++) if (points[i] < FIRST) out += StringFromCharCode(points[i]);
    const basic = out.length;
    if (basic > 0) out += "-";
    let n = FIRST, delta = 0, bias = BIAS;
    for (let handled = basic; handled < points.length; ) {
      let next = MAX;
      for (let i = 0; i < points.length; i++) if (points[i] >= n && points[i] < next) next = points[i];
      if (next - n > MathFloor((MAX - delta) / (handled + 1))) throw new RangeError("Overflow: input needs wider integers to process");
      delta += (next - n) * (handled + 1);
      n = next;
      for (let i = 0; i < points.length; i++) {
        if (points[i] < n) delta++;
        if (points[i] !== n) continue;
        let q = delta;
        for (let k = BASE; ; k += BASE) {
          const t = threshold(k, bias);
          if (q < t) break;
          out += digit(t + ((q - t) % (BASE - t)));
          q = MathFloor((q - t) / (BASE - t));
        }
        out += digit(q);
        bias = adapt(delta, handled + 1, handled === basic);
        delta = 0;
        handled++;
      }
      delta++;
      n++;
    }
    return out;
  };

  const decode = (text) => {
    const points = [];
    const basic = StringPrototypeLastIndexOf(text, "-");
    for (let i = 0; i < basic; i++) {
      if (StringPrototypeCharCodeAt(text, i) >= FIRST) throw new RangeError("Illegal input >= 0x80 (not a basic code point)");
      ArrayPrototypePush(points, StringPrototypeCharCodeAt(text, i));
    }
    let n = FIRST, i = 0, bias = BIAS;
    for (let at = basic > 0 ? basic + 1 : 0; at < text.length; ) {
      const before = i;
      for (let w = 1, k = BASE; ; k += BASE) {
        if (at >= text.length) throw new RangeError("Invalid input");
        const value = valueOf(StringPrototypeCharCodeAt(text, at++));
        if (value >= BASE) throw new RangeError("Invalid input");
        if (value > MathFloor((MAX - i) / w)) throw new RangeError("Overflow: input needs wider integers to process");
        i += value * w;
        const t = threshold(k, bias);
        if (value < t) break;
        w *= BASE - t;
      }
      const length = points.length + 1;
      bias = adapt(i - before, length, before === 0);
      n += MathFloor(i / length);
      i %= length;
      if (n > 0x10ffff) throw new RangeError("Invalid input");
      // A place for it.
      ArrayPrototypePush(points, n);
      for (let j = points.length - 1; j > i; j--) points[j] = points[j - 1];
      points[i++] = n;
    }
    return fromCodePoints(points);
  };

  // Each label of a domain, and what is before the @ of an address as it is.
  const eachLabel = (text, change) => {
    const at = StringPrototypeLastIndexOf(text, "@");
    const domain = StringPrototypeReplaceAll(StringPrototypeReplaceAll(StringPrototypeSlice(text, at + 1), "\u3002", "."), "\uff0e", ".");
    const labels = StringPrototypeSplit(domain, ".");
    const changed = [];
    for (let i = 0; i < labels.length; i++) ArrayPrototypePush(changed, change(labels[i]));
    return StringPrototypeSlice(text, 0, at + 1) + ArrayPrototypeJoin(changed, ".");
  };

  const isAscii = (text) => {
    for (let i = 0; i < text.length; i++) if (StringPrototypeCharCodeAt(text, i) >= FIRST) return false;
    return true;
  };

  return asModule({
    version: "2.1.0",
    ucs2: { decode: toCodePoints, encode: fromCodePoints },
    decode,
    encode,
    toASCII: (text) => eachLabel(text, (label) => (isAscii(label) ? label : `xn--${encode(label)}`)),
    toUnicode: (text) =>
      eachLabel(text, (label) => (StringPrototypeSlice(label, 0, 4) === "xn--" ? decode(StringPrototypeToLowerCase(StringPrototypeSlice(label, 4))) : label)),
  });
};
