"use strict";
// node:crypto: keys as files have them: DER, and PEM around it. What is in them is read by the engine; this finds which kind of key it is,
// and turns the older forms (PKCS#1, SEC 1, certificates) into those of all keys (PKCS#8, SPKI). RFC 5208, 5280, 5915, 8017.
(nano) => {
  const { Error, RegExpPrototypeExec, StringPrototypeSlice, TypedArrayPrototypeSet, Uint8Array, Uint8ArraySubarray } = nano.primordials;
  const { withCode } = nano.part("node/errors");
  const { find } = nano.part("node/buffer_codecs");

  const base64 = find("base64");
  const hex = find("hex");
  const SEQUENCE = 0x30, INTEGER = 0x02, OCTETS = 0x04, BITS = 0x03, OID = 0x06;

  const malformed = (why) => withCode(new Error(`error:1E08010C:DECODER routines::unsupported: ${why}`), "ERR_OSSL_UNSUPPORTED");

  // What begins at a place: its tag, where its content begins and where it ends.
  const read = (bytes, at) => {
    if (at + 2 > bytes.length) throw malformed("the key is cut short");
    let length = bytes[at + 1];
    let from = at + 2;
    if (length > 0x80) {
      const count = length - 0x80;
      if (count > 4 || from + count > bytes.length) throw malformed("a length in the key is none");
      length = 0;
      for (let i = 0; i < count; i++) length = length * 256 + bytes[from + i];
      from += count;
    } else if (length === 0x80) {
      throw malformed("a length in the key is none");
    }
    if (from + length > bytes.length) throw malformed("the key is cut short");
    return { __proto__: null, tag: bytes[at], at, from, end: from + length };
  };

  const expect = (bytes, at, tag) => {
    const found = read(bytes, at);
    if (found.tag !== tag) throw malformed("the key is of no kind that is known");
    return found;
  };

  const content = (bytes, element) => Uint8ArraySubarray(bytes, element.from, element.end);

  const write = (tag, ...pieces) => {
    let length = 0;
    for (let i = 0; i < pieces.length; i++) length += pieces[i].length;
    const head = length < 0x80 ? 2 : length < 0x100 ? 3 : length < 0x10000 ? 4 : 5;
    const out = new Uint8Array(head + length);
    out[0] = tag;
    if (head === 2) {
      out[1] = length;
    } else {
      out[1] = 0x80 + head - 2;
      for (let i = 0; i < head - 2; i++) out[2 + i] = (length / 2 ** (8 * (head - 3 - i))) & 255;
    }
    let at = head;
    for (let i = 0; i < pieces.length; i++) {
      TypedArrayPrototypeSet(out, pieces[i], at);
      at += pieces[i].length;
    }
    return out;
  };

  const curves = { __proto__: null, "2a8648ce3d030107": "P-256", "2b81040022": "P-384", "2b81040023": "P-521" };
  const others = { __proto__: null, "2a864886f70d010101": "RSA", "2a864886f70d01010a": "RSA", "2b6570": "Ed25519", "2b656e": "X25519" };
  const EC_PUBLIC_KEY = "2a8648ce3d0201";
  const rsaAlgorithm = hex.encode("300d06092a864886f70d0101010500");

  // The kind of key that an AlgorithmIdentifier names.
  const kindOf = (bytes, at) => {
    const algorithm = expect(bytes, at, SEQUENCE);
    const oid = expect(bytes, algorithm.from, OID);
    const name = hex.decode(content(bytes, oid));
    if (name !== EC_PUBLIC_KEY) {
      if (others[name] === undefined) throw malformed("keys of this algorithm are not supported");
      return others[name];
    }
    const curve = curves[hex.decode(content(bytes, expect(bytes, oid.end, OID)))];
    if (curve === undefined) throw malformed("keys on this curve are not supported");
    return curve;
  };

  const ofSpki = (bytes) => ({ __proto__: null, type: "public", format: "spki", bytes, kind: kindOf(bytes, expect(bytes, 0, SEQUENCE).from) });

  const ofPkcs8 = (bytes) => {
    const version = expect(bytes, expect(bytes, 0, SEQUENCE).from, INTEGER);
    return { __proto__: null, type: "private", format: "pkcs8", bytes, kind: kindOf(bytes, version.end) };
  };

  const zero = new Uint8Array(1);
  const version0 = write(INTEGER, zero);

  const ofPkcs1Public = (bytes) => ofSpki(write(SEQUENCE, rsaAlgorithm, write(BITS, zero, bytes)));
  const ofPkcs1Private = (bytes) => ofPkcs8(write(SEQUENCE, version0, rsaAlgorithm, write(OCTETS, bytes)));

  const ofSec1 = (bytes) => {
    const secret = expect(bytes, expect(bytes, expect(bytes, 0, SEQUENCE).from, INTEGER).end, OCTETS);
    const parameters = expect(bytes, secret.end, 0xa0);
    const algorithm = write(SEQUENCE, write(OID, hex.encode(EC_PUBLIC_KEY)), content(bytes, parameters));
    return ofPkcs8(write(SEQUENCE, version0, algorithm, write(OCTETS, bytes)));
  };

  // tbsCertificate: version, serial, signature, issuer, validity, subject, and then the key.
  const ofCertificate = (bytes) => {
    const tbs = expect(bytes, expect(bytes, 0, SEQUENCE).from, SEQUENCE);
    let element = read(bytes, tbs.from);
    if (element.tag === 0xa0) element = read(bytes, element.end);
    for (let i = 0; i < 5; i++) element = read(bytes, element.end);
    return ofSpki(nano.primordials.Uint8ArraySubarray(bytes, element.at, element.end));
  };

  const pem = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END/;
  const byLabel = {
    __proto__: null,
    "PUBLIC KEY": ofSpki, "PRIVATE KEY": ofPkcs8, "RSA PUBLIC KEY": ofPkcs1Public, "RSA PRIVATE KEY": ofPkcs1Private,
    "EC PRIVATE KEY": ofSec1, CERTIFICATE: ofCertificate,
  };

  // ECDSA's two numbers: side by side, and as Node has them unless told otherwise.
  const toSequence = (signature) => {
    const half = signature.length / 2;
    const number = (from) => {
      let at = from;
      while (at < from + half - 1 && signature[at] === 0) at++;
      const digits = Uint8ArraySubarray(signature, at, from + half);
      return digits[0] >= 0x80 ? write(INTEGER, zero, digits) : write(INTEGER, digits);
    };
    return write(SEQUENCE, number(0), number(half));
  };

  const isSame = (a, b) => {
    if (a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
    return true;
  };

  return {
    __proto__: null,
    // A key's type, kind, format and bytes.
    fromPem: (text) => {
      const match = RegExpPrototypeExec(pem, text);
      if (match === null) throw malformed("there is no PEM in the text");
      const reader = byLabel[match[1]];
      if (reader === undefined || RegExpPrototypeExec(/Proc-Type/, match[2]) !== null) throw malformed(`"${match[1]}" is not supported, or it is encrypted`);
      return reader(base64.encode(match[2]));
    },
    fromDer: (bytes, type) => {
      if (type === "spki") return ofSpki(bytes);
      if (type === "pkcs8") return ofPkcs8(bytes);
      if (type === "sec1") return ofSec1(bytes);
      if (type === "pkcs1-public") return ofPkcs1Public(bytes);
      return ofPkcs1Private(bytes);
    },
    // The key alone: PKCS#1, or SEC 1.
    inner: (bytes, isPrivate) => {
      const first = expect(bytes, 0, SEQUENCE).from;
      if (isPrivate) return content(bytes, expect(bytes, expect(bytes, expect(bytes, first, INTEGER).end, SEQUENCE).end, OCTETS));
      const bits = expect(bytes, expect(bytes, first, SEQUENCE).end, BITS);
      return Uint8ArraySubarray(bytes, bits.from + 1, bits.end);
    },
    toPem: (bytes, label) => {
      const text = base64.decode(bytes);
      let out = `-----BEGIN ${label}-----\n`;
      for (let at = 0; at < text.length; at += 64) out += `${StringPrototypeSlice(text, at, at + 64)}\n`;
      return `${out}-----END ${label}-----\n`;
    },
    toSequence,
    // Undefined for anything but the one encoding that two numbers have: whoever holds a signature could make others of it.
    fromSequence: (bytes, half) => {
      const out = new Uint8Array(half * 2);
      try {
        let element = expect(bytes, expect(bytes, 0, SEQUENCE).from, INTEGER);
        for (let i = 0; i < 2; i++) {
          let { from } = element;
          while (from < element.end && bytes[from] === 0) from++;
          if (element.end - from > half) return undefined;
          TypedArrayPrototypeSet(out, Uint8ArraySubarray(bytes, from, element.end), half * (i + 1) - (element.end - from));
          if (i === 0) element = expect(bytes, element.end, INTEGER);
        }
      } catch {
        return undefined;
      }
      return isSame(toSequence(out), bytes) ? out : undefined;
    },
  };
};
