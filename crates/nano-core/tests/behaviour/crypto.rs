//! WebCrypto as an app uses it: published vectors, every key format, what is refused and how, and neighbours that are not delayed.

use nano_core::{App, Payload, Runtime};

use crate::support::*;

/// What the tests' apps share: bytes from and to hex, and `attempt`, which gives the name of what was thrown.
const PRELUDE: &str = r#"
const hex = (bytes) => [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
const bytes = (text) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16));
const utf8 = (text) => new TextEncoder().encode(text);
const attempt = async (work) => { try { await work(); return 'done'; } catch (error) { return error.name; } };
const { subtle } = crypto;
"#;

/// An app whose answer is what `body`, an async function's, returns.
fn app_of(runtime: &Runtime, name: &str, body: &str) -> App {
    let source = format!("{PRELUDE}\nexport default {{ async fetch(request) {{ {body} }} }}");
    let mut options = options(name, &source);
    options.limits.cpu_ms = 10_000;
    runtime.load(options).expect("the app loads")
}

/// What such an app answers, as JSON.
fn answer(body: &str) -> String {
    let runtime = runtime(1);
    let app = app_of(&runtime, "crypto", &format!("const give = (value) => Response.json(value); {body}"));
    text(&app, "/")
}

#[test]
fn digests_match_the_published_ones() {
    let body = r#"
        const result = [];
        for (const name of ['md5', 'sha-1', 'SHA-256', { name: 'Sha-384' }, 'SHA-512']) result.push(hex(await subtle.digest(name, utf8('abc'))));
        return give(result);"#;
    let expected = [
        "900150983cd24fb0d6963f7d28e17f72",
        "a9993e364706816aba3e25717850c26c9cd0d89d",
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ];
    assert_eq!(answer(body), format!("[{}]", expected.map(|digest| format!("\"{digest}\"")).join(",")));
}

#[test]
fn ed25519_has_the_name_that_workers_gave_it_first() {
    let body = r#"
        const name = { name: 'NODE-ED25519', namedCurve: 'NODE-ED25519' };
        const pair = await subtle.generateKey(name, true, ['sign', 'verify']);
        const data = utf8('data'), signature = await subtle.sign('NODE-ED25519', pair.privateKey, data);
        const raw = await subtle.exportKey('raw', pair.publicKey), jwk = await subtle.exportKey('jwk', pair.privateKey);
        const again = await subtle.importKey('raw', raw, { ...name, public: true }, true, ['verify']);
        const plain = await subtle.importKey('raw', raw, 'Ed25519', true, ['verify']);
        const secret = await subtle.importKey('jwk', jwk, name, true, ['sign']);
        // RFC 8032, 7.1, test 2
        const known = await subtle.importKey('raw', bytes('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c'), name, false, ['verify']);
        return give([pair.publicKey.algorithm, raw.byteLength, jwk.kty, jwk.crv, await subtle.verify(name, again, signature, data), await subtle.verify('Ed25519', plain, signature, data),
            await subtle.verify(name, again, await subtle.sign(name, secret, data), data), await subtle.verify(name, known, bytes('92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00'), bytes('72')),
            await attempt(() => subtle.verify('Ed25519', again, signature, data)), await attempt(() => subtle.importKey('raw', raw, { name: 'NODE-ED25519', namedCurve: 'P-256' }, true, ['verify'])),
            await attempt(() => subtle.importKey('raw', raw, 'NODE-ED25519', true, ['verify']))]);"#;
    let expected = r#"[{"name":"NODE-ED25519","namedCurve":"NODE-ED25519"},32,"OKP","Ed25519",true,true,true,true,"InvalidAccessError","NotSupportedError","TypeError"]"#;
    assert_eq!(answer(body), expected);
}

#[test]
fn a_digest_of_much_data_is_the_same_as_of_its_pieces() {
    let body = r#"
        const data = new Uint8Array(3 << 20).fill(7);
        const promise = subtle.digest('SHA-256', data);
        data.fill(8);
        const stream = new crypto.DigestStream('SHA-256');
        const writer = stream.getWriter();
        for (let at = 0; at < data.length; at += 1 << 20) writer.write(new Uint8Array(1 << 20).fill(7));
        await writer.close();
        const whole = hex(await promise);
        return give([whole === hex(await stream.digest), String(stream.bytesWritten), whole]);"#;
    let got = answer(body);
    assert!(got.starts_with(r#"[true,"3145728","#), "{got}");
}

#[test]
fn a_digest_of_much_data_takes_every_byte_in_its_place() {
    let body = r#"
        const data = new Uint8Array(300_001).map((_, at) => at * 31 + (at >> 8));
        const parts = [0, 1, 65_536, 131_072, 234_465].map((start) => data.subarray(start));
        const digests = await Promise.all(parts.map((part) => subtle.digest('SHA-256', part)));
        const wrong = [];
        for (let n = 0; n < parts.length; n++) {
            const stream = new crypto.DigestStream('SHA-256');
            const writer = stream.getWriter();
            for (let at = 0; at < parts[n].length; at += 999) writer.write(parts[n].subarray(at, at + 999));
            await writer.close();
            if (hex(digests[n]) !== hex(await stream.digest)) wrong.push(n);
        }
        return give(wrong);"#;
    assert_eq!(answer(body), "[]");
}

#[test]
fn every_algorithm_goes_both_ways() {
    let body = r#"
        const data = utf8('the same as before');
        const results = {};
        const cipher = async (algorithm, parameters, key) => {
            const pair = key ?? await subtle.generateKey(algorithm, true, ['encrypt', 'decrypt']);
            const sealed = await subtle.encrypt(parameters, pair.publicKey ?? pair, data);
            results[algorithm.name] = hex(await subtle.decrypt(parameters, pair.privateKey ?? pair, sealed)) === hex(data) && hex(sealed) !== hex(data);
        };
        await cipher({ name: 'AES-CBC', length: 256 }, { name: 'AES-CBC', iv: new Uint8Array(16) });
        await cipher({ name: 'AES-CTR', length: 192 }, { name: 'AES-CTR', counter: new Uint8Array(16).fill(255), length: 7 });
        await cipher({ name: 'AES-GCM', length: 128 }, { name: 'AES-GCM', iv: new Uint8Array(12), additionalData: utf8('x'), tagLength: 96 });
        const rsa = { modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' };
        await cipher({ name: 'RSA-OAEP', ...rsa }, { name: 'RSA-OAEP', label: utf8('l') });
        const signer = async (algorithm, parameters) => {
            const key = await subtle.generateKey(algorithm, true, ['sign', 'verify']);
            const signature = await subtle.sign(parameters, key.privateKey ?? key, data);
            const good = await subtle.verify(parameters, key.publicKey ?? key, signature, data);
            const bad = await subtle.verify(parameters, key.publicKey ?? key, signature, utf8('another'));
            results[algorithm.name + (algorithm.namedCurve ?? '')] = good && !bad;
        };
        await signer({ name: 'HMAC', hash: 'SHA-384' }, 'HMAC');
        await signer({ name: 'RSASSA-PKCS1-v1_5', ...rsa }, 'RSASSA-PKCS1-v1_5');
        await signer({ name: 'RSA-PSS', ...rsa }, { name: 'RSA-PSS', saltLength: 17 });
        for (const namedCurve of ['P-256', 'P-384', 'P-521']) await signer({ name: 'ECDSA', namedCurve }, { name: 'ECDSA', hash: 'SHA-1' });
        await signer({ name: 'Ed25519' }, 'Ed25519');
        const agree = async (algorithm) => {
            const a = await subtle.generateKey(algorithm, true, ['deriveBits']);
            const b = await subtle.generateKey(algorithm, true, ['deriveBits']);
            const one = await subtle.deriveBits({ name: algorithm.name, public: b.publicKey }, a.privateKey);
            const two = await subtle.deriveBits({ name: algorithm.name, public: a.publicKey }, b.privateKey, null);
            results[algorithm.name + (algorithm.namedCurve ?? '')] = hex(one) === hex(two) && one.byteLength;
        };
        for (const namedCurve of ['P-256', 'P-384', 'P-521']) await agree({ name: 'ECDH', namedCurve });
        await agree({ name: 'X25519' });
        return give(results);"#;
    let expected = r#"{"AES-CBC":true,"AES-CTR":true,"AES-GCM":true,"RSA-OAEP":true,"HMAC":true,"RSASSA-PKCS1-v1_5":true,"RSA-PSS":true,"ECDSAP-256":true,"ECDSAP-384":true,"ECDSAP-521":true,"Ed25519":true,"ECDHP-256":32,"ECDHP-384":48,"ECDHP-521":66,"X25519":32}"#;
    assert_eq!(answer(body), expected);
}

#[test]
fn published_vectors_hold_through_javascript() {
    let body = r#"
        const key = (format, data, algorithm, usages) => subtle.importKey(format, data, algorithm, format !== 'raw', usages);
        const result = [];
        const password = await key('raw', utf8('password'), 'PBKDF2', ['deriveBits']);
        result.push(hex(await subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt: utf8('salt'), iterations: 4096 }, password, 160)));
        const ikm = await key('raw', new Uint8Array(22).fill(11), 'HKDF', ['deriveBits']);
        const hkdf = { name: 'HKDF', hash: 'SHA-256', salt: bytes('000102030405060708090a0b0c'), info: bytes('f0f1f2f3f4f5f6f7f8f9') };
        result.push(hex(await subtle.deriveBits(hkdf, ikm, 336)));
        const jefe = await key('raw', utf8('Jefe'), { name: 'HMAC', hash: 'SHA-256' }, ['sign']);
        result.push(hex(await subtle.sign('hmac', jefe, utf8('what do ya want for nothing?'))));
        const kek = await key('raw', bytes('000102030405060708090a0b0c0d0e0f'), 'AES-KW', ['wrapKey']);
        const inner = await subtle.importKey('raw', bytes('00112233445566778899aabbccddeeff'), 'AES-CBC', true, ['encrypt']);
        result.push(hex(await subtle.wrapKey('raw', inner, kek, 'AES-KW')));
        const d = 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A', x = '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo';
        const signer = await key('jwk', { kty: 'OKP', crv: 'Ed25519', d, x }, 'Ed25519', ['sign']);
        result.push(hex(await subtle.sign('Ed25519', signer, utf8(''))).slice(0, 32));
        return give(result);"#;
    let expected = [
        "4b007901b765489abead49d926f721d065a429c1",
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
        "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5",
        "e5564300c360ac729086e2cc806e828a",
    ];
    assert_eq!(answer(body), format!("[{}]", expected.map(|text| format!("\"{text}\"")).join(",")));
}

#[test]
fn keys_survive_every_format_and_every_wrapping() {
    let body = r#"
        const result = [];
        const rsa = { modulusLength: 1024, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' };
        const wrapper = await subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['wrapKey', 'unwrapKey']);
        const gcm = { name: 'AES-GCM', iv: new Uint8Array(12) };
        const text = async (format, key) => { const out = await subtle.exportKey(format, key); return out instanceof ArrayBuffer ? hex(out) : JSON.stringify(out); };
        const same = async (format, key) => {
            const out = await subtle.exportKey(format, key);
            const back = await subtle.importKey(format, out, key.algorithm, true, key.usages);
            const wrapped = await subtle.wrapKey(format, key, wrapper, gcm);
            const unwrapped = await subtle.unwrapKey(format, wrapped, wrapper, gcm, key.algorithm, true, key.usages);
            const before = await text(format, key);
            return before === await text(format, back) && before === await text(format, unwrapped) && back.type === key.type;
        };
        for (const [algorithm, usages] of [
            [{ name: 'RSA-PSS', ...rsa }, ['sign', 'verify']], [{ name: 'RSA-OAEP', ...rsa }, ['decrypt', 'encrypt']],
            [{ name: 'ECDSA', namedCurve: 'P-521' }, ['sign', 'verify']], [{ name: 'ECDH', namedCurve: 'P-256' }, ['deriveKey']],
            [{ name: 'Ed25519' }, ['sign', 'verify']], [{ name: 'X25519' }, ['deriveBits']],
        ]) {
            const { privateKey, publicKey } = await subtle.generateKey(algorithm, true, usages);
            const formats = { spki: publicKey, pkcs8: privateKey };
            if (!algorithm.modulusLength) formats.raw = publicKey;
            for (const format in formats) result.push(await same(format, formats[format]));
            result.push(await same('jwk', publicKey), await same('jwk', privateKey));
        }
        for (const algorithm of [{ name: 'AES-CTR', length: 192 }, { name: 'HMAC', hash: 'SHA-1', length: 160 }]) {
            const key = await subtle.generateKey(algorithm, true, algorithm.hash ? ['sign'] : ['encrypt']);
            result.push(await same('raw', key), await same('jwk', key));
        }
        return give([result.length, result.every((good) => good)]);"#;
    assert_eq!(answer(body), "[32,true]");
}

#[test]
fn refusals_have_the_names_of_the_specification() {
    let body = r#"
        const aes = await subtle.generateKey({ name: 'AES-GCM', length: 128 }, false, ['encrypt']);
        const raw = new Uint8Array(16);
        const cases = {
            algorithm: () => subtle.digest('SHA-3', raw),
            parameter: () => subtle.encrypt({ name: 'AES-GCM' }, aes, raw),
            usage: () => subtle.decrypt({ name: 'AES-GCM', iv: raw }, aes, raw),
            other: () => subtle.encrypt({ name: 'AES-CBC', iv: raw }, aes, raw),
            iv: async () => subtle.encrypt({ name: 'AES-CBC', iv: new Uint8Array(3) }, await subtle.importKey('raw', raw, 'AES-CBC', true, ['encrypt']), raw),
            extractable: () => subtle.exportKey('raw', aes),
            usages: () => subtle.importKey('raw', raw, 'AES-GCM', true, ['sign']),
            none: () => subtle.importKey('raw', raw, 'AES-GCM', true, []),
            data: () => subtle.importKey('raw', raw.subarray(1), 'AES-GCM', true, ['encrypt']),
            der: () => subtle.importKey('spki', raw, { name: 'ECDSA', namedCurve: 'P-256' }, true, ['verify']),
            curve: () => subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-192' }, true, ['sign']),
            format: () => subtle.importKey('pem', raw, 'AES-GCM', true, ['encrypt']),
            key: () => subtle.encrypt('AES-GCM', {}, raw),
            few: () => subtle.digest('SHA-1'),
            shape: () => subtle.importKey('jwk', raw, 'AES-GCM', true, ['encrypt']),
            exponent: () => subtle.generateKey({ name: 'RSA-PSS', hash: 'SHA-1', modulusLength: 2048, publicExponent: Uint8Array.of(4) }, true, ['sign']),
            modulus: () => subtle.generateKey({ name: 'RSA-PSS', hash: 'SHA-1', modulusLength: 1 << 20, publicExponent: Uint8Array.of(3) }, true, ['sign']),
            brand: () => subtle.digest.call({}, 'SHA-1', raw),
            construct: async () => new CryptoKey(),
            lengths: async () => subtle.timingSafeEqual(raw, raw.subarray(1)),
        };
        const result = {};
        for (const name in cases) result[name] = await attempt(cases[name]);
        return give([result, subtle.timingSafeEqual(raw, new ArrayBuffer(16)), subtle.timingSafeEqual(raw, Uint8Array.from(raw, () => 1))]);"#;
    let expected = r#"[{"algorithm":"NotSupportedError","parameter":"TypeError","usage":"InvalidAccessError","other":"InvalidAccessError","iv":"OperationError","extractable":"InvalidAccessError","usages":"SyntaxError","none":"SyntaxError","data":"DataError","der":"DataError","curve":"NotSupportedError","format":"TypeError","key":"TypeError","few":"TypeError","shape":"TypeError","exponent":"OperationError","modulus":"OperationError","brand":"TypeError","construct":"TypeError","lengths":"TypeError"},true,false]"#;
    assert_eq!(answer(body), expected);
}

#[test]
fn what_the_standard_says_at_the_edges_holds() {
    let body = r#"
        const zeros = new Uint8Array(32);
        const seen = {};
        // The neutral element as the key and in the signature: valid for every text, if small orders were let through.
        const neutral = zeros.with(0, 1);
        const signature = new Uint8Array(64).with(0, 1);
        const weak = await subtle.importKey('raw', neutral, 'Ed25519', true, ['verify']);
        seen.weak = await subtle.verify('Ed25519', weak, signature, zeros);
        // Names are compared in ASCII, and read once.
        seen.kelvin = await attempt(() => subtle.importKey('raw', zeros, 'H\u212aDF', false, ['deriveBits']));
        let reads = 0;
        await subtle.digest({ get name() { reads++; return 'sha-256'; } }, zeros);
        await subtle.generateKey({ get name() { reads++; return 'hmac'; }, hash: 'SHA-1' }, true, ['sign']);
        seen.reads = reads;
        const password = await subtle.importKey('raw', zeros, 'PBKDF2', false, ['deriveBits']);
        seen.nothing = (await subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt: zeros, iterations: 1 }, password, 0)).byteLength;
        seen.usage = await attempt(() => subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['encapsulateKey']));
        const jwk = await subtle.exportKey('jwk', weak);
        seen.alg = jwk.alg;
        for (const alg of ['EdDSA', 'Ed25519', 'ES256']) {
            seen[alg] = await attempt(async () => void await subtle.importKey('jwk', { ...jwk, alg }, 'Ed25519', true, ['verify']));
        }
        return give(seen);"#;
    let expected = r#"{"weak":false,"kelvin":"NotSupportedError","reads":2,"nothing":0,"usage":"SyntaxError","alg":"Ed25519","EdDSA":"done","Ed25519":"done","ES256":"DataError"}"#;
    assert_eq!(answer(body), expected);
}

#[test]
fn long_salts_and_infos_are_hashed_once_or_refused() {
    let body = r#"
        const base = (name) => subtle.importKey('raw', utf8('p'), name, false, ['deriveBits']);
        const info = (length, bits) => async () => subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt: utf8('s'), info: new Uint8Array(length) }, await base('HKDF'), bits);
        const salt = new Uint8Array(1 << 20).fill(7), index = Uint8Array.of(0, 0, 0, 1);
        const mac = await subtle.importKey('raw', utf8('p'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
        const message = new Uint8Array(salt.length + 4); message.set(salt); message.set(index, salt.length);
        // Where the salt is hashed for each of 250 blocks these are 250 MiB within the turn.
        const many = await subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations: 1 }, await base('PBKDF2'), 8 * 8_000);
        const first = hex(await subtle.sign('HMAC', mac, message));
        return give([await attempt(info((64 << 10) + 1, 256)), await attempt(info(64 << 10, 255 * 256)), hex(many).slice(0, 64) === first]);"#;
    assert_eq!(answer(body), r#"["OperationError","done",true]"#);
}

#[test]
fn a_token_is_signed_and_checked_as_a_jwt_library_does() {
    let body = r#"
        const url = (data) => btoa(String.fromCharCode(...new Uint8Array(data))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
        const from = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
        // RFC 7515, A.1 and A.3.
        const secret = { kty: 'oct', k: 'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow' };
        const hs256 = 'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
        const check = async (token, jwk, algorithm) => {
            const at = token.lastIndexOf('.');
            const key = await subtle.importKey('jwk', jwk, algorithm, false, ['verify']);
            return subtle.verify(algorithm, key, from(token.slice(at + 1)), utf8(token.slice(0, at)));
        };
        const results = [await check(hs256, secret, { name: 'HMAC', hash: 'SHA-256' })];
        for (const algorithm of [{ name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }, { name: 'Ed25519' },
            { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1) }]) {
            const { privateKey, publicKey } = await subtle.generateKey(algorithm, false, ['sign', 'verify']);
            const head = url(utf8(JSON.stringify({ alg: 'x' }))) + '.' + url(utf8(JSON.stringify({ sub: 'me' })));
            const token = head + '.' + url(await subtle.sign(algorithm, privateKey, utf8(head)));
            const jwk = await subtle.exportKey('jwk', publicKey);
            results.push(await check(token, jwk, algorithm), await check('x' + token, jwk, algorithm));
        }
        return give(results);"#;
    assert_eq!(answer(body), "[true,true,false,true,false,true,false]");
}

#[test]
fn what_an_app_has_patched_is_not_used() {
    let body = r#"
        const seen = [];
        const note = (what) => { seen[seen.length] = what; };
        const spy = (name) => function () { note(name); throw new Error(name); };
        const secret = { kty: 'oct', k: 'AyM1SysPpbyDfgZld3umjw', alg: 'A128GCM', key_ops: ['encrypt', 'wrapKey', 'unwrapKey'] };
        const key = await subtle.importKey('jwk', secret, 'AES-GCM', true, ['encrypt', 'wrapKey', 'unwrapKey']);
        const own = Object.getOwnPropertyDescriptors, prototypes = [Array.prototype, Uint8Array.prototype, Object.prototype], before = prototypes.map(own);
        const each = (list, work) => { for (let i = 0; i < list.length; i++) work(list[i]); };
        const traps = ['k', 'kty', 'alg', 'toJSON', 'hash', 'iv', 'name', 'privateKey', 'get', 'value', 'writable'];
        const spied = ['push', 'slice', 'includes', 'map', 'indexOf', 'join', 'set', 'subarray', Symbol.iterator].map((name) => [name, String(name)]);
        each(spied, (pair) => { each(prototypes.slice(0, 2), (target) => { target[pair[0] === 'slice' ? 'concat' : pair[0]] = spy(pair[1]); }); });
        Array.prototype.slice = spy('slice');
        const getter = (name) => Object.defineProperty(Object.prototype, name, { __proto__: null, configurable: true, get() { note('get ' + name); return undefined; }, set() { note('set ' + name); } });
        each(traps, getter);
        // What an app resolves its own promises with is looked at for "then"; what the platform keeps to itself must not be.
        Object.defineProperty(Object.prototype, 'then', { __proto__: null, configurable: true, get() { if (!(this instanceof CryptoKey) && !(this instanceof ArrayBuffer) && !(this instanceof Response) && !Object.hasOwn(this, 'privateKey')) note('then'); return undefined; } });
        Object.defineProperty(Array.prototype, 'toJSON', { __proto__: null, configurable: true, value: spy('Array toJSON') });
        JSON.stringify = spy('JSON.stringify'); JSON.parse = spy('JSON.parse');
        const gcm = { __proto__: null, name: 'AES-GCM', iv: new Uint8Array(12) };
        const wrapped = await subtle.wrapKey('jwk', key, key, gcm);
        const back = await subtle.unwrapKey('jwk', wrapped, key, gcm, 'AES-GCM', true, { __proto__: null, *[Symbol.iterator]() { yield 'encrypt'; } });
        const pair = await subtle.generateKey({ __proto__: null, name: 'RSA-PSS', hash: 'SHA-256', modulusLength: 1024, publicExponent: new Uint8Array(3).fill(1) },
            true, { __proto__: null, *[Symbol.iterator]() { yield 'sign'; } });
        const answer = seen.length + ' ' + seen[0] + ' ' + back.type + ' ' + pair.privateKey.type;
        delete Object.prototype.then;
        each(traps, (name) => delete Object.prototype[name]);
        delete Array.prototype.toJSON;
        for (let i = 0; i < 2; i++) { each(Reflect.ownKeys(prototypes[i]), (name) => { if (!Object.hasOwn(before[i], name)) delete prototypes[i][name]; }); Object.defineProperties(prototypes[i], before[i]); }
        return new Response(answer);"#;
    assert_eq!(answer(body), "0 undefined secret private");
}

#[test]
fn an_app_that_derives_without_end_is_stopped_and_delays_nobody() {
    let runtime = runtime(2);
    let hog = r#"
        const key = await subtle.importKey('raw', utf8('x'), 'PBKDF2', false, ['deriveBits']);
        const derive = (iterations) => subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: utf8('s'), iterations }, key, 256);
        try { await Promise.all(Array.from({ length: 8 }, () => derive(10_000_000))); return new Response('derived'); }
        catch (error) { return new Response(error.name + ': ' + error.message); }"#;
    let source = format!("{PRELUDE}\nexport default {{ async fetch(request) {{ {hog} }} }}");
    let mut limited = options("hog", &source);
    limited.limits.errand_cpu_ms = 300;
    // What its own turns take on a busy machine is not what this is about.
    limited.limits.cpu_ms = 5_000;
    let hog = runtime.load(limited).expect("the app loads");
    // More than is done within a turn, so that it has to have a helper.
    let neighbour = app_of(&runtime, "neighbour", "return new Response(hex(await subtle.digest('SHA-1', new Uint8Array(1 << 20))));");
    let digest = text(&neighbour, "/");
    let id = hog.dispatch(get("/")).expect("accepted");
    // The neighbour goes first again and again while the hog's errands have used but a part of their time: each answer came before
    // the hog's end, which takes 300 ms of CPU.
    let mut answers = 0;
    for _ in 0..5 {
        assert_eq!(text(&neighbour, "/"), digest);
        answers += 1;
    }
    assert_eq!(answers, 5);
    match until_end(&runtime, id).pop() {
        Some(Payload::Response { body, .. }) => {
            let said = String::from_utf8_lossy(&body).into_owned();
            assert!(said.starts_with("RangeError: ") && said.contains("300 ms") && said.contains("errand_cpu_ms"), "{said}");
        }
        other => panic!("unexpected {other:?}"),
    }
    // And the app is well again with its next request.
    let polite = app_of(&runtime, "polite", "return new Response(String((await subtle.digest('SHA-512', new Uint8Array(1))).byteLength));");
    assert_eq!(text(&polite, "/"), "64");
}

/// Eight apps that do nothing but this on helpers, which `made` waits for, leave some of them to a neighbour.
fn delay_nobody(before: &str, made: &str) {
    let runtime = runtime(2);
    let maker = format!("{before} for (;;) {{ const made = {made}; console.log('asked'); await made; console.log('made'); }}");
    let makers: Vec<App> = (0..8).map(|index| app_of(&runtime, &format!("maker {index}"), &maker)).collect();
    // More than is done within a turn, so that it has to have a helper.
    let neighbour = app_of(&runtime, "neighbour", "return new Response(hex(await subtle.digest('SHA-1', new Uint8Array(1 << 20))));");
    text(&neighbour, "/");
    for app in &makers {
        app.dispatch(get("/")).expect("accepted");
    }
    let mut asked = 0;
    wait_for(&runtime, |event| {
        asked += i32::from(matches!(&event.payload, Payload::Log { text, .. } if text == "asked"));
        (asked == 8).then_some(())
    });
    let id = neighbour.dispatch(get("/")).expect("accepted");
    let mut made = 0;
    wait_for(&runtime, |event| {
        made += i32::from(matches!(&event.payload, Payload::Log { text, .. } if text == "made"));
        (event.id == id && event.payload.is_terminal()).then_some(())
    });
    assert!(made <= 2, "{made} were made first");
    for app in &makers {
        app.kill().expect("asked");
    }
}

#[test]
fn apps_that_generate_large_keys_together_delay_nobody() {
    let rsa = "const rsa = { name: 'RSA-PSS', modulusLength: 4096, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' };";
    delay_nobody(rsa, "subtle.generateKey(rsa, false, ['sign', 'verify'])");
}

#[test]
fn apps_that_derive_by_scrypt_together_delay_nobody() {
    let scrypt = "const { scrypt } = await import('node:crypto');";
    delay_nobody(scrypt, "new Promise((done) => scrypt('p', 's', 32, { N: 16384, r: 8, p: 16 }, done))");
}

#[test]
fn keys_that_are_garbage_are_given_back_and_keys_that_are_kept_are_charged() {
    let runtime = runtime(1);
    let source = format!(
        "{PRELUDE}\nexport default {{ async fetch(request) {{
        const kept = [];
        const keep = request.url.endsWith('keep');
        try {{
            for (let i = 0; i < 3000; i++) {{
                const key = await subtle.importKey('raw', new Uint8Array(1024), 'HKDF', false, ['deriveBits']);
                if (keep) kept.push(key);
            }}
        }} catch (error) {{ return new Response(error.name); }}
        return new Response('all');
    }} }}"
    );
    let mut limited = options("keys", &source);
    limited.limits.external_bytes = 1 << 20;
    limited.limits.cpu_ms = 10_000;
    let app = runtime.load(limited).expect("the app loads");
    assert_eq!(text(&app, "/drop"), "all");
    assert_eq!(text(&app, "/keep"), "RangeError");
    assert_eq!(text(&app, "/drop"), "all");
}

#[test]
fn what_was_copied_at_the_call_is_what_counts() {
    let body = r#"
        const key = await subtle.generateKey({ name: 'HMAC', hash: 'SHA-256' }, true, ['sign', 'verify']);
        const results = [];
        for (const size of [10, 1 << 20]) {
            const data = new Uint8Array(size);
            const signing = subtle.sign('HMAC', key, data);
            data[0] = 1;
            const signature = await signing;
            results.push(await subtle.verify('HMAC', key, signature, new Uint8Array(size)));
            const checking = subtle.verify('HMAC', key, signature, new Uint8Array(size));
            new Uint8Array(signature).fill(0);
            results.push(await checking);
        }
        const algorithm = key.algorithm;
        algorithm.hash.name = 'SHA-1'; algorithm.name = 'AES-GCM'; key.usages.length = 0;
        results.push(key.algorithm === algorithm, (await subtle.sign('HMAC', key, new Uint8Array(1))).byteLength);
        return give(results);"#;
    assert_eq!(answer(body), "[true,true,true,true,true,32]");
}
