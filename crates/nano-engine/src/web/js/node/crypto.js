"use strict";
// node:crypto: https://nodejs.org/api/crypto.html. What few apps use of it is in files of its own, which are read when they are first called.
(nano) => {
  const { ObjectKeys, ObjectDefineProperty, ReflectApply, ReflectConstruct } = nano.primordials;
  const { asModule, invalidArgType, withCode } = nano.part("node/errors");
  const { unsupported } = nano.part("node/crypto/common");
  const { Hash, Hmac, createHash, createHmac, getHashes, hash } = nano.part("node/crypto/hash");
  const random = nano.part("node/crypto/random");
  const { natives } = nano.part("node/crypto/common");
  const { bytesOf } = nano.encoding;
  const { crypto } = nano.crypto;

  const members = { __proto__: null, Hash, Hmac, createHash, createHmac, getHashes, hash };
  const randoms = ObjectKeys(random);
  for (let i = 0; i < randoms.length; i++) members[randoms[i]] = random[randoms[i]];

  // Functions of a part that is run by the first call, and classes that are called like one.
  const lazy = (part, names) => {
    for (let i = 0; i < names.length; i++) {
      const name = names[i];
      members[name] = (...args) => ReflectApply(nano.part(part)[name], undefined, args);
      ObjectDefineProperty(members[name], "name", { __proto__: null, value: name });
    }
  };
  lazy("node/crypto/kdf", ["pbkdf2", "pbkdf2Sync", "hkdf", "hkdfSync", "scrypt", "scryptSync"]);
  lazy("node/crypto/keys", ["createPrivateKey", "createPublicKey", "createSecretKey", "generateKey", "generateKeySync", "generateKeyPair", "generateKeyPairSync"]);
  lazy("node/crypto/sign", ["createSign", "createVerify", "createECDH", "sign", "verify", "publicEncrypt", "privateDecrypt", "diffieHellman"]);
  lazy("node/crypto/cipher", ["createCipheriv", "createDecipheriv", "getCiphers", "getCipherInfo"]);
  const promisify = nano.primordials.SymbolFor("nodejs.util.promisify.custom");
  ObjectDefineProperty(members.generateKeyPair, promisify, {
    __proto__: null,
    value: (type, options) => nano.part("node/crypto/keys").generateKeyPair[promisify](type, options),
  });

  const lazyClass = (part, name) => {
    function Class(...args) {
      return ReflectConstruct(nano.part(part)[name], args);
    }
    ObjectDefineProperty(Class, "name", { __proto__: null, value: name });
    ObjectDefineProperty(Class, nano.primordials.SymbolHasInstance, { __proto__: null, value: (value) => value instanceof nano.part(part)[name] });
    members[name] = Class;
  };
  lazyClass("node/crypto/sign", "Sign");
  lazyClass("node/crypto/sign", "Verify");
  lazyClass("node/crypto/sign", "ECDH");
  lazyClass("node/crypto/cipher", "Cipheriv");
  lazyClass("node/crypto/cipher", "Decipheriv");
  members.KeyObject = nano.part("node/crypto/keys").KeyObject;

  const absent = [
    "Certificate", "DiffieHellman", "DiffieHellmanGroup", "X509Certificate", "checkPrime", "checkPrimeSync", "createDiffieHellman",
    "createDiffieHellmanGroup", "generatePrime", "generatePrimeSync", "getDiffieHellman", "privateEncrypt", "publicDecrypt", "setEngine",
  ];
  for (let i = 0; i < absent.length; i++) {
    const name = absent[i];
    members[name] = function () {
      throw unsupported(`crypto.${name}() function`);
    };
    ObjectDefineProperty(members[name], "name", { __proto__: null, value: name });
  }

  members.timingSafeEqual = (a, b) => {
    const bytes = (value, name) => {
      if (!nano.primordials.ArrayBufferIsView(value) && !nano.part("node/types").isAnyArrayBuffer(value)) {
        throw invalidArgType(name, "an instance of ArrayBuffer, Buffer, TypedArray, or DataView", value);
      }
      return bytesOf(value);
    };
    const result = natives.equal(bytes(a, "buf1"), bytes(b, "buf2"));
    if (result === undefined) {
      throw withCode(new nano.primordials.RangeError("Input buffers must have the same byte length"), "ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH");
    }
    return result;
  };
  members.getCurves = () => ["prime256v1", "secp384r1", "secp521r1"];
  members.getFips = () => 0;
  members.setFips = (on) => {
    if (on) throw unsupported("FIPS mode");
  };
  members.secureHeapUsed = () => undefined;
  members.fips = false;
  members.webcrypto = crypto;
  members.constants = {
    RSA_PKCS1_PADDING: 1, RSA_NO_PADDING: 3, RSA_PKCS1_OAEP_PADDING: 4, RSA_X931_PADDING: 5, RSA_PKCS1_PSS_PADDING: 6,
    RSA_PSS_SALTLEN_DIGEST: -1, RSA_PSS_SALTLEN_MAX_SIGN: -2, RSA_PSS_SALTLEN_AUTO: -2, defaultCoreCipherList: "", TLS1_VERSION: 769, TLS1_1_VERSION: 770,
    TLS1_2_VERSION: 771, TLS1_3_VERSION: 772, POINT_CONVERSION_COMPRESSED: 2, POINT_CONVERSION_UNCOMPRESSED: 4, POINT_CONVERSION_HYBRID: 6,
  };
  // Reading it loads the part.
  const exports = asModule(members);
  const subtle = { __proto__: null, configurable: true, enumerable: true, get: () => crypto.subtle };
  ObjectDefineProperty(exports, "subtle", subtle);
  ObjectDefineProperty(exports.default, "subtle", subtle);
  return exports;
};
