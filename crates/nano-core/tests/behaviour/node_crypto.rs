//! node:crypto and node:zlib: what Node answers to the same calls.

use crate::node::check;

#[test]
fn digests_and_codes_of_known_texts() {
    check(
        "import crypto, { createHash, createHmac } from 'node:crypto'; import { createHash as bare } from 'crypto';",
        "t(bare === createHash && crypto.createHash === createHash, true);
        const of = (name) => createHash(name).update('abc').digest('hex');
        t(of('md5'), '900150983cd24fb0d6963f7d28e17f72'); t(of('sha1'), 'a9993e364706816aba3e25717850c26c9cd0d89d');
        t(of('sha224'), '23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7');
        t(of('RSA-SHA256'), 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'); t(of('SHA384').slice(0, 16), 'cb00753f45a35e8b');
        t(of('sha512').slice(0, 16), 'ddaf35a193617aba'); t(of('sha512-256').slice(0, 16), '53048e2681941ef9'); t(of('ripemd160'), '8eb208f7e05d987a9b044a8e98c6b087f15a0bfc');
        t(of('sha3-256').slice(0, 16), '3a985da74fe225b2'); t(of('sha3-512').slice(0, 16), 'b751850b1a57168a');
        const h = createHash('sha256').update('a'); const copy = h.copy(); t(h.update('bc').digest('base64'), copy.update(Buffer.from('bc')).digest().toString('base64'));
        fails(() => h.update('x'), 'ERR_CRYPTO_HASH_FINALIZED'); fails(() => h.digest(), 'ERR_CRYPTO_HASH_FINALIZED'); fails(() => createHash('nope'), 'ERR_CRYPTO_HASH_UNKNOWN');
        fails(() => createHash('md5').update(5), 'ERR_INVALID_ARG_TYPE');
        t(createHmac('sha256', 'key').update('The quick brown fox jumps over the lazy dog').digest('hex'), 'f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8');
        t(createHmac('md5', 'k'.repeat(100)).update('x').digest().length, 16);
        // More than one native call takes.
        const long = Buffer.alloc(200_000, 'a'); const whole = createHash('sha256').update(long).digest('hex');
        t(whole, Buffer.from(await globalThis.crypto.subtle.digest('SHA-256', long)).toString('hex'));
        // As a stream.
        const { Readable } = await import('node:stream'); const { buffer } = await import('node:stream/consumers');
        t((await buffer(Readable.from([long.subarray(0, 7), long.subarray(7)]).pipe(createHash('sha256')))).toString('hex'), whole);
        const written = createHash('sha1'); written.end('abc'); t(written.read().toString('hex'), of('sha1'));
        t(crypto.hash('sha1', 'abc'), of('sha1')); t(crypto.getHashes().includes('sha256'), true);
        t(crypto.timingSafeEqual(Buffer.from('ab'), Buffer.from('ab')), true); t(crypto.timingSafeEqual(Buffer.from('ab'), Buffer.from('ac')), false);
        fails(() => crypto.timingSafeEqual(Buffer.from('a'), Buffer.from('ab')), 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH');
        t(crypto.webcrypto === globalThis.crypto && crypto.subtle === globalThis.crypto.subtle, true);",
    );
}

#[test]
fn random_numbers_and_derived_keys() {
    check(
        "import crypto from 'node:crypto'; import { promisify } from 'node:util';",
        "t(crypto.randomBytes(70_000).length, 70_000); t((await promisify(crypto.randomBytes)(4)).length, 4); t(crypto.randomUUID().length, 36);
        for (let i = 0; i < 50; i++) { const n = crypto.randomInt(3, 6); t(n >= 3 && n < 6, true); } fails(() => crypto.randomInt(5, 5), 'ERR_OUT_OF_RANGE');
        const filled = crypto.randomFillSync(Buffer.alloc(9), 8); t(filled.subarray(0, 8).every((x) => x === 0), true);
        t(crypto.pbkdf2Sync('password', 'salt', 4096, 20, 'sha1').toString('hex'), '4b007901b765489abead49d926f721d065a429c1');
        t((await promisify(crypto.pbkdf2)('password', 'salt', 4096, 20, 'sha1')).toString('hex'), '4b007901b765489abead49d926f721d065a429c1');
        t(crypto.scryptSync('password', 'NaCl', 64, { N: 1024, r: 8, p: 16 }).toString('hex').slice(0, 32), 'fdbabe1c9d3472007856e7190d01e9fe');
        t((await promisify(crypto.scrypt)('', '', 64, { N: 16, r: 1, p: 1 })).toString('hex').slice(0, 32), '77d6576238657b203b19ca42c18a0497');
        fails(() => crypto.scryptSync('a', 'b', 8, { N: 1 << 16 }), 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS'); fails(() => crypto.scryptSync('a', 'b', 8, { N: 3 }), 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS');
        fails(() => crypto.scryptSync('a', 'b', 8, { N: 16384, r: 8, p: 1000 }), 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS');
        const ikm = Buffer.alloc(22, 0x0b), salt = Buffer.from('000102030405060708090a0b0c', 'hex'), info = Buffer.from('f0f1f2f3f4f5f6f7f8f9', 'hex');
        t(Buffer.from(crypto.hkdfSync('sha256', ikm, salt, info, 42)).toString('hex'), '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865');
        t(crypto.createSecretKey(Buffer.from('x')).type, 'secret'); t(crypto.createHmac('sha1', crypto.createSecretKey('k', 'utf8')).digest('hex'), crypto.createHmac('sha1', 'k').digest('hex'));",
    );
}

#[test]
fn derivations_count_all_that_they_hash() {
    check(
        "import crypto from 'node:crypto'; import { promisify } from 'node:util';",
        "const SCRYPT = 'ERR_CRYPTO_INVALID_SCRYPT_PARAMS', { scryptSync, pbkdf2Sync } = crypto, scrypt = promisify(crypto.scrypt), pbkdf2 = promisify(crypto.pbkdf2);
        // Little mixing, and much that is hashed around it: for a long output, and for a long salt.
        fails(() => scryptSync('a', 'b', 512, { N: 2, r: 1, p: 4096 }), SCRYPT); fails(() => scryptSync('a', Buffer.alloc(1 << 20), 32, { N: 2, r: 1, p: 1 }), SCRYPT);
        fails(() => crypto.scrypt('a', 'b', 1024, { N: 2, r: 1, p: 16384 }, () => {}), SCRYPT);
        fails(() => crypto.pbkdf2('p', 's', 1, 2 ** 29 + 20, 'sha1', () => {}), 'ERR_CRYPTO_OPERATION_FAILED'); fails(() => pbkdf2Sync('p', 's', 1, 20.5, 'sha1'), 'ERR_OUT_OF_RANGE');
        fails(() => crypto.hkdfSync('sha256', 'k', '', Buffer.alloc(1025), 32), 'ERR_OUT_OF_RANGE');
        // Where those are not refused these would hash for minutes, and nothing would stop them.
        if (wrong.length === 0) {
            fails(() => scryptSync('a', 'b', 1 << 20, { N: 2, r: 1, p: 131_072 }), SCRYPT); fails(() => crypto.scrypt('a', Buffer.alloc(8 << 20), 32, { N: 2, r: 1, p: 131_072 }, () => {}), SCRYPT);
            t(pbkdf2Sync('p', Buffer.alloc(1 << 20), 1, 64_000, 'sha256').length, 64_000);
        }
        // What is usual.
        t(scryptSync('p', Buffer.alloc(1024), 512).length, 512); t((await scrypt('p', 'salt', 64, { N: 16384, r: 8, p: 3 })).length, 64);
        // RFC 2104: a long password is its digest.
        const long = Buffer.alloc(2 << 20, 'p'), digest = crypto.createHash('sha256').update(long).digest();
        t((await pbkdf2(long, 's', 2, 40, 'sha256').catch(String)).toString('hex'), pbkdf2Sync(digest, 's', 2, 40, 'sha256').toString('hex')); t(scryptSync(long, 's', 8, { N: 16 }).equals(scryptSync(digest, 's', 8, { N: 16 })), true);
        // RFC 8018: all of a long salt goes into every block.
        const salt = Buffer.alloc(300_001, 's'), blocks = [1, 2].map((n) => crypto.createHmac('sha256', 'p').update(salt).update(Buffer.from([0, 0, 0, n])).digest());
        t(pbkdf2Sync('p', salt, 1, 64, 'sha256').equals(Buffer.concat(blocks)), true); t((await pbkdf2('p', salt, 1, 64, 'sha256')).equals(Buffer.concat(blocks)), true);
        // What an app has put in their place is not what derives.
        const known = Buffer.from(crypto.hkdfSync('sha256', 'k', 's', 'i', 40)).toString('hex'), { slice } = ArrayBuffer.prototype, { update } = crypto.Hmac.prototype;
        crypto.Hmac.prototype.update = ArrayBuffer.prototype.slice = () => { throw new Error('the app\\'s'); };
        let again; try { again = crypto.hkdfSync('sha256', 'k', 's', 'i', 40); } catch (error) { again = String(error); }
        crypto.Hmac.prototype.update = update; ArrayBuffer.prototype.slice = slice; t(Buffer.from(again).toString('hex'), known);",
    );
}

#[test]
fn keys_sign_verify_and_travel_as_pem() {
    check(
        "import crypto from 'node:crypto'; import { promisify } from 'node:util';",
        "const data = Buffer.from('text');
        const rsa = await promisify(crypto.generateKeyPair)('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'pem' }, privateKeyEncoding: { type: 'pkcs1', format: 'pem' } });
        t(rsa.publicKey.startsWith('-----BEGIN PUBLIC KEY-----\\n') && rsa.privateKey.startsWith('-----BEGIN RSA PRIVATE KEY-----\\n'), true);
        const signature = crypto.createSign('RSA-SHA256').update('te').update('xt').sign(rsa.privateKey, 'base64');
        t(crypto.createVerify('sha256').update(data).verify(rsa.publicKey, signature, 'base64'), true); t(crypto.createVerify('sha256').update('other').verify(rsa.publicKey, signature, 'base64'), false);
        const pss = { key: rsa.privateKey, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST };
        t(crypto.verify('sha512', data, { ...pss, key: rsa.publicKey }, crypto.sign('sha512', data, pss)), true);
        t(crypto.privateDecrypt(rsa.privateKey, crypto.publicEncrypt(rsa.publicKey, data)).toString(), 'text');
        const key = crypto.createPrivateKey(rsa.privateKey); t([key.type, key.asymmetricKeyType, key.asymmetricKeyDetails.modulusLength, String(key.asymmetricKeyDetails.publicExponent)], ['private', 'rsa', 2048, '65537']);
        t(crypto.createPublicKey(key).export({ type: 'spki', format: 'pem' }), rsa.publicKey); t(key.export({ type: 'pkcs1', format: 'pem' }), rsa.privateKey);
        t(crypto.createPrivateKey({ key: key.export({ format: 'jwk' }), format: 'jwk' }).equals(key), true);
        t(crypto.createPublicKey({ key: crypto.createPublicKey(key).export({ type: 'pkcs1', format: 'der' }), format: 'der', type: 'pkcs1' }).equals(crypto.createPublicKey(key)), true);
        const ec = crypto.generateKeyPairSync('ec', { namedCurve: 'prime256v1' }); const ecSignature = crypto.sign('sha256', data, ec.privateKey);
        t(ecSignature[0], 0x30); t(crypto.verify('sha256', data, ec.publicKey, ecSignature), true); t(crypto.sign('sha256', data, { key: ec.privateKey, dsaEncoding: 'ieee-p1363' }).length, 64);
        t(crypto.verify('sha256', data, ec.publicKey, Buffer.from('no signature')), false);
        const sec1 = '-----BEGIN EC PRIVATE KEY-----\\nMHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY/PuoAoGCCqGSM49\\nAwEHoUQDQgAEPR3tU2Fta9ktY+6P9G0cWO+0kETA6SFs38GecTyudlHz6xvCdz8q\\nEKTcWGekdmdDPsHloRNtsiCa697B2O9IFA==\\n-----END EC PRIVATE KEY-----';
        t(crypto.createPrivateKey(sec1).asymmetricKeyDetails, { namedCurve: 'prime256v1' }); t(crypto.verify('sha256', data, crypto.createPublicKey(sec1), crypto.sign('sha256', data, sec1)), true);
        const ed = crypto.generateKeyPairSync('ed25519'); t(crypto.verify(null, data, ed.publicKey, crypto.sign(null, data, ed.privateKey)), true);
        const a = crypto.createECDH('secp384r1'), b = crypto.createECDH('secp384r1'); a.generateKeys(); t(a.computeSecret(b.generateKeys()).equals(b.computeSecret(a.getPublicKey())), true);
        const x = crypto.generateKeyPairSync('x25519'), y = crypto.generateKeyPairSync('x25519');
        t(crypto.diffieHellman({ privateKey: x.privateKey, publicKey: y.publicKey }).equals(crypto.diffieHellman({ privateKey: y.privateKey, publicKey: x.publicKey })), true);
        fails(() => crypto.createPrivateKey('-----BEGIN PRIVATE KEY-----\\nMAA=\\n-----END PRIVATE KEY-----'), 'ERR_OSSL_UNSUPPORTED'); fails(() => crypto.createPublicKey('text'), 'ERR_OSSL_UNSUPPORTED');
        fails(() => crypto.createPublicKey('-----BEGIN PUBLIC KEY-----\\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\\n-----END PUBLIC KEY-----'), 'ERR_OSSL_UNSUPPORTED');
        fails(() => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }), 'ERR_METHOD_NOT_IMPLEMENTED'); fails(() => crypto.createPrivateKey(rsa.publicKey), 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE');",
    );
}

#[test]
fn ciphers_work_in_pieces() {
    check(
        "import crypto from 'node:crypto'; import { Readable } from 'node:stream'; import { buffer } from 'node:stream/consumers';",
        "const key = Buffer.alloc(32, 1), iv = Buffer.alloc(16, 2), text = 'The quick brown fox jumps over the lazy dog';
        for (const name of ['aes-256-cbc', 'aes-256-ctr', 'aes-256-ecb', 'AES-256-CBC']) {
            const c = crypto.createCipheriv(name, key, name.includes('ecb') ? null : iv); const hidden = c.update(text.slice(0, 20), 'utf8', 'hex') + c.update(text.slice(20), 'utf8', 'hex') + c.final('hex');
            const d = crypto.createDecipheriv(name, key, name.includes('ecb') ? '' : iv); t(d.update(hidden, 'hex', 'utf8') + d.final('utf8'), text);
        }
        const g = crypto.createCipheriv('aes-128-gcm', Buffer.alloc(16), Buffer.alloc(12)); t(g.update(Buffer.alloc(16)).toString('hex') + g.final('hex'), '0388dace60b6a392f328c2b971b2fe78');
        t(g.getAuthTag().toString('hex'), 'ab6e47d42cec13bdf53a67b21257bddf');
        const seal = (aad) => { const c = crypto.createCipheriv('aes-256-gcm', key, iv.subarray(4)); c.setAAD(Buffer.from(aad)); return [c.update(text), c.final(), c.getAuthTag()]; };
        const [hidden, , tag] = seal('a'); const open = (aad, tag) => { const d = crypto.createDecipheriv('aes-256-gcm', key, iv.subarray(4)); d.setAAD(Buffer.from(aad)); if (tag) d.setAuthTag(tag); return d.update(hidden, undefined, 'utf8') + d.final('utf8'); };
        t(open('a', tag), text); fails(() => open('b', tag), 'ERR_OSSL_BAD_DECRYPT'); fails(() => open('a'), 'ERR_CRYPTO_INVALID_STATE');
        t((await buffer(Readable.from([Buffer.from(text)]).pipe(crypto.createCipheriv('aes-256-cbc', key, iv)).pipe(crypto.createDecipheriv('aes-256-cbc', key, iv)))).toString(), text);
        fails(() => crypto.createCipheriv('aes-256-cbc', key.subarray(1), iv), 'ERR_CRYPTO_INVALID_KEYLEN'); fails(() => crypto.createCipheriv('aes-256-cbc', key, iv.subarray(1)), 'ERR_CRYPTO_INVALID_IV');
        fails(() => crypto.createCipheriv('rot13', key, iv), 'ERR_CRYPTO_UNKNOWN_CIPHER'); const bad = crypto.createDecipheriv('aes-256-cbc', key, iv); bad.update(Buffer.alloc(16)); fails(() => bad.final(), 'ERR_OSSL_BAD_DECRYPT'); fails(() => bad.update('x'), 'ERR_CRYPTO_INVALID_STATE');
        t(crypto.getCiphers().includes('aes-256-gcm'), true); t(crypto.getCipherInfo('aes-256-cbc').ivLength, 16); t(crypto.createCipheriv('aes-256-cbc', key, iv) instanceof crypto.Cipheriv, true);",
    );
}

#[test]
fn ciphers_give_text_of_all_their_pieces() {
    check(
        "import crypto from 'node:crypto';",
        "const key = Buffer.alloc(32, 1), iv = Buffer.alloc(16, 2), text = 'Grüße, 世界 und 🌍!';
        for (const encoding of ['utf8', 'utf16le', 'base64', 'base64url', 'hex', 'latin1']) {
            const whole = Buffer.from(text, 'utf16le'), plain = encoding === 'utf16le' ? whole : Buffer.from(text);
            const c = crypto.createCipheriv('aes-256-ctr', key, iv), hidden = c.update(plain); let said = '';
            const d = crypto.createDecipheriv('aes-256-ctr', key, iv);
            for (const byte of hidden) said += d.update(Buffer.from([byte]), undefined, encoding);
            t(said + d.final(encoding), plain.toString(encoding), encoding);
        }
        const c = crypto.createCipheriv('aes-256-cbc', key, iv); const hidden = c.update(text, 'utf8', 'base64') + c.final('base64'); t(Buffer.from(hidden, 'base64').toString('base64'), hidden);
        const mixed = crypto.createCipheriv('aes-256-cbc', key, iv); mixed.update(text, 'utf8', 'hex'); fails(() => mixed.final('base64'), 'ERR_INTERNAL_ASSERTION');
        // More than one native call takes, at lengths that are none of a block.
        const long = Buffer.alloc(200_001, 'long text '), cbc = crypto.createCipheriv('aes-256-cbc', key, iv), parts = [cbc.update('a'), cbc.update(long), cbc.final()];
        const open = crypto.createDecipheriv('aes-256-cbc', key, iv); t(Buffer.concat([open.update(Buffer.concat(parts)), open.final()]).equals(Buffer.concat([Buffer.from('a'), long])), true);
        const seal = (pieces) => { const g = crypto.createCipheriv('aes-256-gcm', key, iv); for (const piece of pieces) g.setAAD(piece); g.final(); return g.getAuthTag().toString('hex'); };
        t(seal([long]), seal([long.subarray(0, 70_000), long.subarray(70_000)]));
        fails(() => crypto.createCipheriv('aes-256-cbc', key, iv).setAAD(Buffer.alloc(1)), 'ERR_CRYPTO_INVALID_STATE');",
    );
}

#[test]
fn tags_of_gcm_have_the_length_that_was_asked_for() {
    check(
        "import crypto from 'node:crypto';",
        "const key = Buffer.alloc(16, 1), iv = Buffer.alloc(12, 2), TAG = 'ERR_CRYPTO_INVALID_AUTH_TAG';
        const c = crypto.createCipheriv('aes-128-gcm', key, iv, { authTagLength: 12 }); const hidden = Buffer.concat([c.update('text'), c.final()]), tag = c.getAuthTag(); t(tag.length, 12);
        const open = (tag, options) => { const d = crypto.createDecipheriv('aes-128-gcm', key, iv, options); d.setAuthTag(tag); return d.update(hidden, undefined, 'utf8') + d.final('utf8'); };
        t(open(tag, { authTagLength: 12 }), 'text'); t(open(tag), 'text'); t(open(tag.subarray(0, 4), { authTagLength: 4 }), 'text');
        fails(() => open(tag.subarray(0, 4), { authTagLength: 12 }), TAG); fails(() => open(tag, { authTagLength: 16 }), TAG);
        for (const length of [0, 1, 3, 5, 7, 9, 11, 17]) { fails(() => open(Buffer.alloc(length)), TAG); fails(() => crypto.createCipheriv('aes-128-gcm', key, iv, { authTagLength: length }), TAG); }
        fails(() => crypto.createCipheriv('aes-128-gcm', key, iv, { authTagLength: '12' }), 'ERR_INVALID_ARG_VALUE');",
    );
}

#[test]
fn signatures_are_of_one_encoding_and_of_data_of_any_length() {
    check(
        "import crypto from 'node:crypto'; import { promisify } from 'node:util';",
        "const data = Buffer.from('text'), ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const verify = (signature) => crypto.verify('sha256', data, ec.publicKey, signature);
        // One whose first number begins with a zero, as its first bit is set.
        let s; do s = crypto.sign('sha256', data, ec.privateKey); while (s[3] !== 33);
        const other = (length, ...rest) => Buffer.concat([Buffer.from([0x30, length]), ...rest.map((bytes) => Buffer.from(bytes))]);
        t(verify(s), true); t(verify(Buffer.concat([s, Buffer.alloc(1)])), false, 'after the end'); t(verify(other(s[1] + 1, s.subarray(2), [0])), false, 'after the numbers');
        t(verify(other(s[1] + 1, [2, 34, 0], s.subarray(4))), false, 'another zero'); t(verify(other(s[1] - 1, [2, 32], s.subarray(5))), false, 'a negative number');
        t(verify(Buffer.concat([Buffer.from([0x30, 0x81, s[1]]), s.subarray(2)])), false, 'a long length'); t(verify(Buffer.alloc(0)), false);
        const { publicKey, privateKey } = await promisify(crypto.generateKeyPair)('rsa', { modulusLength: 1024 });
        const pss = (key, saltLength) => ({ key, padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength });
        for (const name of ['sha3-384', 'ripemd160', 'sha512-224']) {
            const length = crypto.hash(name, '', 'buffer').length, signature = crypto.sign(name, data, pss(privateKey, -1)); t(crypto.verify(name, data, pss(publicKey, length), signature), true, name);
        }
        const odd = crypto.sign('sha256', data, pss(privateKey, 17)); t(crypto.verify('sha256', data, pss(publicKey), odd), true); t(crypto.verify('sha256', data, pss(publicKey, 18), odd), false);
        t(crypto.verify('sha256', data, pss(publicKey, 1024 / 8 - 32 - 2), crypto.sign('sha256', data, pss(privateKey))), true);
        for (const f of [crypto.publicEncrypt, crypto.privateDecrypt]) { fails(() => f({ key: privateKey, oaepHash: 'Hello world' }, data), 'ERR_OSSL_EVP_INVALID_DIGEST'); fails(() => f({ key: privateKey, oaepHash: null }, data), 'ERR_INVALID_ARG_TYPE'); }
        fails(() => crypto.publicEncrypt({ key: publicKey, oaepLabel: Buffer.alloc(65_537) }, data), 'ERR_OUT_OF_RANGE');
        t(crypto.privateDecrypt({ key: privateKey, oaepHash: 'sha256' }, crypto.publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, data)).toString(), 'text');
        // Most of the memory that an app has outside its heap: it is not kept for the signature.
        const piece = Buffer.alloc(2 << 20, 'x'), signing = crypto.createSign('sha256'), checking = crypto.createVerify('sha256');
        try { for (let i = 0; i < 10; i++) { signing.update(piece); checking.update(piece); } } catch (error) { wrong.push(String(error)); } t(checking.verify(publicKey, signing.sign(privateKey)), true);
        const ed = crypto.generateKeyPairSync('ed25519'); fails(() => crypto.createSign('sha256').update(data).sign(ed.privateKey), 'ERR_CRYPTO_UNSUPPORTED_OPERATION');
        const long = Buffer.alloc((8 << 20) + 1); fails(() => crypto.sign(null, long, ed.privateKey), 'ERR_CRYPTO_OPERATION_FAILED'); fails(() => crypto.verify(null, long, ed.publicKey, Buffer.alloc(64)), 'ERR_CRYPTO_OPERATION_FAILED');
        t(crypto.verify(null, long.subarray(1), ed.publicKey, crypto.sign(null, long.subarray(1), ed.privateKey)), true);
        const ecdh = crypto.createECDH('prime256v1'), plain = ecdh.generateKeys('hex'), x = plain.slice(2, 66), odds = parseInt(plain.slice(-1), 16) & 1;
        t(ecdh.getPublicKey('hex', 'compressed'), '0' + (2 + odds) + x); t(ecdh.getPublicKey('hex', 'hybrid'), '0' + (6 + odds) + plain.slice(2)); t(ecdh.getPublicKey('hex', 'uncompressed'), plain); t(ecdh.getPublicKey(null, 'compressed').length, 33);
        t(ecdh.generateKeys('hex', 'compressed').length, 66); fails(() => ecdh.getPublicKey('hex', 'short'), 'ERR_CRYPTO_ECDH_INVALID_FORMAT');",
    );
}

#[test]
fn what_is_used_up_or_contradicts_itself_is_refused() {
    check(
        "import crypto from 'node:crypto'; import { promisify } from 'node:util';",
        "const STATE = 'ERR_CRYPTO_INVALID_STATE', TWICE = 'ERR_CRYPTO_SCRYPT_INVALID_PARAMETER', TYPE = 'ERR_INVALID_ARG_TYPE', RANGE = 'ERR_OUT_OF_RANGE', { scryptSync, getCipherInfo } = crypto;
        const usual = scryptSync('p', 's', 5).toString('hex');
        for (const options of [{ N: 0, r: 0, p: 0 }, { cost: 0 }, { blockSize: 0, parallelization: 0, maxmem: 0 }, { N: undefined, cost: 16384 }, null]) t(scryptSync('p', 's', 5, options).toString('hex'), usual);
        for (const options of [{ N: 16, cost: 16 }, { r: 8, blockSize: 8 }, { p: 0, parallelization: 1 }]) { fails(() => scryptSync('p', 's', 5, options), TWICE); fails(() => crypto.scrypt('p', 's', 5, options, () => {}), TWICE); }
        for (const options of [{ N: null }, { cost: '16' }, { maxmem: 'x' }]) fails(() => scryptSync('p', 's', 5, options), TYPE);
        for (const options of [{ N: 1.5 }, { r: -1 }, { maxmem: -1 }, { N: 2 ** 32 + 16 }]) fails(() => scryptSync('p', 's', 5, options), RANGE);
        const rsa = await promisify(crypto.generateKeyPair)('rsa', { modulusLength: 2048 }), ec = crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }), ed = crypto.generateKeyPairSync('ed25519');
        const signing = crypto.createSign('sha256').update('x'), checking = crypto.createVerify('sha256').update('x');
        // One that fails before it signs is not used up.
        fails(() => signing.sign({ key: ec.privateKey, dsaEncoding: 'zzz' }), 'ERR_INVALID_ARG_VALUE'); fails(() => signing.sign('no key'), 'ERR_OSSL_UNSUPPORTED'); fails(() => signing.sign(ed.privateKey), 'ERR_CRYPTO_UNSUPPORTED_OPERATION');
        t(checking.verify(ec.publicKey, signing.sign(ec.privateKey)), true);
        for (const f of [() => signing.sign(ec.privateKey), () => signing.update('x'), () => signing.write('x'), () => checking.verify(ec.publicKey, ''), () => checking.update('x')]) fails(f, STATE);
        for (const dsaEncoding of ['zzz', '', null, 5]) for (const { privateKey, publicKey } of [ec, rsa, ed]) { const name = privateKey === ed.privateKey ? null : 'sha256'; fails(() => crypto.sign(name, 'x', { key: privateKey, dsaEncoding }), 'ERR_INVALID_ARG_VALUE'); fails(() => crypto.verify(name, 'x', { key: publicKey, dsaEncoding }, Buffer.alloc(64)), 'ERR_INVALID_ARG_VALUE'); }
        const opening = crypto.createDecipheriv('aes-128-gcm', Buffer.alloc(16), Buffer.alloc(12)); fails(() => opening.setAuthTag(Buffer.alloc(5)), 'ERR_CRYPTO_INVALID_AUTH_TAG'); opening.setAuthTag(Buffer.alloc(16)); fails(() => opening.setAuthTag(Buffer.alloc(16)), STATE);
        for (const [name, ivLength, length] of [['aes-256-gcm', 12, 12], ['aes-256-gcm', 16, 16], ['aes-256-gcm', 0], ['aes-256-cbc', 16, 16], ['aes-256-cbc', 12], ['aes-256-ctr', 15], ['aes-128-ecb', 16], ['aes-256-cbc', -1]]) t(getCipherInfo(name, { ivLength })?.ivLength, length, name);
        t(getCipherInfo('aes-128-ecb', { ivLength: 0 }).blockSize, 16); t(getCipherInfo('aes-256-cbc', { keyLength: 16 }), undefined); fails(() => getCipherInfo('aes-256-cbc', { ivLength: '16' }), TYPE); fails(() => getCipherInfo('aes-256-cbc', { keyLength: 1.5 }), RANGE); fails(() => getCipherInfo('aes-256-cbc', null), TYPE);
        // Every digest signs, but for one, which says so.
        for (const name of crypto.getHashes()) {
            if (!/ripemd/i.test(name)) { t(crypto.verify(name, 'x', rsa.publicKey, crypto.sign(name, 'x', rsa.privateKey)), true, name); continue; }
            fails(() => crypto.sign(name, 'x', rsa.privateKey), 'ERR_METHOD_NOT_IMPLEMENTED'); fails(() => crypto.verify(name, 'x', rsa.publicKey, Buffer.alloc(256)), 'ERR_METHOD_NOT_IMPLEMENTED');
            const padding = crypto.constants.RSA_PKCS1_PSS_PADDING; t(crypto.verify(name, 'x', { key: rsa.publicKey, padding }, crypto.sign(name, 'x', { key: rsa.privateKey, padding })), true, name);
        }",
    );
}

#[test]
fn zlib_packs_and_unpacks() {
    check(
        "import zlib, { gzipSync, gunzipSync } from 'node:zlib'; import { promisify } from 'node:util'; import { Readable } from 'node:stream'; import { pipeline } from 'node:stream/promises'; import { text } from 'node:stream/consumers';",
        "const long = 'a text that is said again and again, '.repeat(10_000);
        for (const [pack, unpack] of [['gzip', 'gunzip'], ['deflate', 'inflate'], ['deflateRaw', 'inflateRaw'], ['brotliCompress', 'brotliDecompress'], ['gzip', 'unzip'], ['deflate', 'unzip']]) {
            const packed = zlib[`${pack}Sync`](long, { level: 9 }); t(packed.length < 10_000, true, pack); t(zlib[`${unpack}Sync`](packed).toString() === long, true, unpack);
            t((await promisify(zlib[unpack])(await promisify(zlib[pack])('x'))).toString(), 'x');
        }
        t(gunzipSync(Buffer.from('H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==', 'base64')).toString(), 'hello'); t(gunzipSync(gzipSync('')).length, 0);
        t(await text(Readable.from([Buffer.from(long.slice(0, 999)), Buffer.from(long.slice(999))]).pipe(zlib.createGzip()).pipe(zlib.createGunzip())) === long, true);
        t(await text(Readable.from([zlib.brotliCompressSync('b')]).pipe(new zlib.BrotliDecompress())), 'b'); t(zlib.createGzip() instanceof zlib.Gzip, true); t(zlib.createGzip() instanceof zlib.Gunzip, false);
        fails(() => gunzipSync('no gzip'), 'Z_DATA_ERROR'); fails(() => gunzipSync(gzipSync(long), { maxOutputLength: 1000 }), 'ERR_BUFFER_TOO_LARGE'); fails(() => gzipSync(5), 'ERR_INVALID_ARG_TYPE');
        t(await pipeline(Readable.from([Buffer.from('no gzip')]), zlib.createGunzip(), async (s) => { for await (const _ of s); }).catch((e) => e.code), 'Z_DATA_ERROR');
        t(zlib.crc32('hello'), 907060870); t(zlib.crc32('lo', zlib.crc32('hel')), 907060870); t([zlib.constants.Z_BEST_SPEED, zlib.Z_BEST_SPEED, zlib.constants.BROTLI_PARAM_QUALITY], [1, 1, 1]);",
    );
}
