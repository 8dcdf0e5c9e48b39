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
    let whole = "2fb4b8f2b75ee02c32de3b1a4b5a60a3a8c5b0d5f3";
    let got = answer(body);
    assert!(got.starts_with(r#"[true,"3145728","#), "{got}");
    assert!(!got.contains(whole));
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
fn zz_probe() {
    let body = std::fs::read_to_string("/tmp/probe.js").unwrap_or_default();
    println!("{}", answer(&body));
}
