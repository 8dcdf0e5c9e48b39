//! Published vectors (RFC 3394, 4231, 5869, 6070, 7748, 8032, NIST SP 800-38A, the GCM specification), formats, and what is refused.

use crate::*;

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).expect("ASCII"), 16).expect("hex")).collect()
}

#[test]
fn hmac_as_in_rfc_4231() {
    let mut hmac = Hmac::new(Hash::Sha256, b"Jefe").expect("a key");
    let expected = hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    assert_eq!(hmac.sign(b"what do ya want for nothing?"), expected);
    assert_eq!(hmac.sign(b"what do ya want for nothing?"), expected, "the key is kept");
}

#[test]
fn hkdf_as_in_rfc_5869() {
    let okm = hkdf(Hash::Sha256, &[0x0b; 22], &hex("000102030405060708090a0b0c"), &hex("f0f1f2f3f4f5f6f7f8f9"), 42).expect("short enough");
    assert_eq!(okm, hex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"));
    assert!(hkdf(Hash::Sha256, b"k", b"", b"", 255 * 32 + 1).is_err());
}

#[test]
fn pbkdf2_as_in_rfc_6070_in_slices_of_any_size() {
    for slice in [1, 7, 5000] {
        let mut derivation =
            Pbkdf2::new(Hash::Sha1, b"passwordPASSWORDpassword", b"saltSALTsaltSALTsaltSALTsaltSALTsalt".to_vec(), 4096, 25)
                .expect("valid");
        assert_eq!(derivation.work(), 8192);
        let mut slices = 1;
        while !derivation.run(slice) {
            slices += 1;
        }
        assert_eq!(slices, 8192_u32.div_ceil(slice));
        assert_eq!(derivation.finish(), hex("3d2eec4fe41c849b80c8d83662c0e44a8b291a964cf2f07038"));
    }
    assert!(Pbkdf2::new(Hash::Sha1, b"p", vec![], 0, 8).is_err());
}

#[test]
fn pbkdf2_hashes_a_long_salt_once_and_counts_it() {
    let salt = vec![7; 1 << 20];
    let mut derivation = Pbkdf2::new(Hash::Sha256, b"password", salt.clone(), 1, 96).expect("valid");
    assert_eq!(derivation.work(), 8192 + 3);
    let mut calls = 1;
    while !derivation.run(500) {
        calls += 1;
    }
    assert_eq!(calls, 8195_u32.div_ceil(500));
    let mut hmac = Hmac::new(Hash::Sha256, b"password").expect("a key");
    let blocks: Vec<Vec<u8>> = (1_u32..=3).map(|index| hmac.sign(&[&salt[..], &index.to_be_bytes()].concat())).collect();
    assert_eq!(derivation.finish(), blocks.concat());
}

#[test]
fn all_that_a_scrypt_hashes_is_counted() {
    let usual = ScryptWork::new(8, 16, (16_384, 8, 1), 64);
    assert_eq!(usual, ScryptWork { mixing: 131_072, blocks: 32 * 4 + 2 * 20 });
    // Each 32 bytes of the output hash 16 MiB of lanes, or each 32 bytes of the lanes 8 MiB of salt.
    let lanes = ScryptWork::new(1, 1, (2, 1, 131_072), 1 << 20);
    assert!(lanes.mixing == 1 << 18 && lanes.blocks > 1 << 33, "{lanes:?}");
    assert!(ScryptWork::new(1, 8 << 20, (2, 1, 131_072), 32).blocks > 1 << 35);
    assert!(ScryptWork::new(32 << 20, 1, (2, 1, 1), 32).blocks > 1 << 20, "the password");
    let largest = ScryptWork::new(usize::MAX, usize::MAX, (u64::MAX, u64::MAX, u64::MAX), usize::MAX);
    assert_eq!(largest, ScryptWork { mixing: u64::MAX, blocks: u64::MAX });
}

#[test]
fn aes_cbc_and_ctr_as_in_sp_800_38a() {
    let key = hex("2b7e151628aed2a6abf7158809cf4f3c");
    let block = hex("6bc1bee22e409f96e93d7e117393172a");
    let sealed = aes::cbc(Direction::Encrypt, &key, &hex("000102030405060708090a0b0c0d0e0f"), &block).expect("valid");
    assert_eq!(sealed[..16], hex("7649abac8119b246cee98e9b12e9197d"));
    assert_eq!(sealed.len(), 32);
    let counter = hex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff");
    assert_eq!(aes::ctr(&key, &counter, 128, &block).expect("valid"), hex("874d6191b620e3261bef6864990db6ce"));
}

#[test]
fn aes_ctr_wraps_its_counter_and_not_its_nonce() {
    let key = [7; 16];
    let data = [0; 64];
    let mut start = [9; 16];
    start[15] = 0xfe;
    let stream = aes::ctr(&key, &start, 8, &data).expect("valid");
    // Blocks fe, ff, 00, 01 with the same 15 bytes before.
    for (index, last) in [0xfe, 0xff, 0, 1].into_iter().enumerate() {
        let mut block = start;
        block[15] = last;
        assert_eq!(stream[16 * index..][..16], aes::ctr(&key, &block, 128, &[0; 16]).expect("valid"));
    }
    assert!(aes::ctr(&key, &start, 2, &data).is_ok());
    assert!(aes::ctr(&key, &start, 1, &data).is_err(), "the counter would repeat");
    assert!(aes::ctr(&key, &start, 0, &data).is_err());
    assert!(aes::ctr(&key, &start, 129, &data).is_err());
}

#[test]
fn aes_gcm_as_in_its_specification() {
    let key = hex("feffe9928665731c6d6a8f9467308308");
    let iv = hex("cafebabefacedbaddecaf888");
    let additional = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let plain =
        hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
    let sealed = aes::gcm(Direction::Encrypt, &key, &iv, &additional, 128, &plain).expect("valid");
    assert_eq!(sealed[sealed.len() - 16..], hex("5bc94fbc3221a5db94fae95ae7121a47"));
    assert_eq!(aes::gcm(Direction::Decrypt, &key, &iv, &additional, 128, &sealed).expect("genuine"), plain);
    let mut forged = sealed;
    forged[0] ^= 1;
    assert!(aes::gcm(Direction::Decrypt, &key, &iv, &additional, 128, &forged).is_err());
    assert!(aes::gcm(Direction::Decrypt, &key, &iv, &[], 128, &[0; 15]).is_err());
    assert!(aes::gcm(Direction::Encrypt, &key, &[], &[], 128, &[]).is_err());
    assert!(aes::gcm(Direction::Encrypt, &key, &iv, &[], 127, &[]).is_err());
}

#[test]
fn aes_kw_as_in_rfc_3394() {
    let key = hex("000102030405060708090a0b0c0d0e0f1011121314151617");
    let wrapped = aes::wrap(&key, &hex("00112233445566778899aabbccddeeff")).expect("valid");
    assert_eq!(wrapped, hex("96778b25ae6ca435f92b5b97c050aed2468ab8a17ad84e5d"));
    assert_eq!(aes::unwrap(&key, &wrapped).expect("genuine"), hex("00112233445566778899aabbccddeeff"));
    assert!(aes::unwrap(&key, &[0; 24]).is_err());
    assert!(aes::wrap(&key, &[0; 9]).is_err());
    assert!(aes::wrap(&[0; 15], &[0; 16]).is_err());
}

#[test]
fn x25519_as_in_rfc_7748() {
    assert!(OkpKey::from_private(OkpKind::X25519, &[1; 31]).is_err());
    let scalar = hex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    let point = hex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    let key = OkpKey::from_private(OkpKind::X25519, &scalar).expect("32 bytes");
    let peer = OkpKey::from_raw(OkpKind::X25519, &point).expect("32 bytes");
    assert_eq!(&key.agree(&peer).expect("no small order")[..], hex("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"));
    let zero = OkpKey::from_raw(OkpKind::X25519, &[0; 32]).expect("32 bytes");
    assert!(key.agree(&zero).is_err());
}

#[test]
fn ed25519_as_in_rfc_8032() {
    let key =
        OkpKey::from_private(OkpKind::Ed25519, &hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb")).expect("32 bytes");
    assert_eq!(key.to_raw(), hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"));
    let signature = key.sign(&[0x72]).expect("private");
    assert_eq!(signature[..8], hex("92a009a9f0d4cab8"));
    assert!(key.public().verify(&[0x72], &signature));
    assert!(!key.public().verify(&[0x73], &signature));
    assert!(!key.public().verify(&[0x72], &signature[..63]));
    assert!(key.public().sign(b"").is_err());
    let again = OkpKey::from_pkcs8(OkpKind::Ed25519, &key.to_pkcs8().expect("private")).expect("our own");
    assert_eq!(again.to_raw(), key.to_raw());
    assert_eq!(OkpKey::from_spki(OkpKind::Ed25519, &key.to_spki()).expect("our own").to_raw(), key.to_raw());
    assert!(OkpKey::from_spki(OkpKind::X25519, &key.to_spki()).is_err());
}

#[test]
fn keys_on_the_curves_survive_their_formats() {
    for curve in [Curve::P256, Curve::P384, Curve::P521] {
        let key = EcKey::generate(curve).expect("random");
        let digest = Hash::Sha512.digest(b"data");
        let signature = key.sign(&digest).expect("private");
        assert_eq!(signature.len(), 2 * curve.field_bytes());
        let point = key.to_raw().expect("a point");
        let (x, y) = point[1..].split_at(curve.field_bytes());
        let private = key.private_part().expect("private");
        let copies = [
            EcKey::from_pkcs8(curve, &key.to_pkcs8().expect("private")),
            EcKey::from_spki(curve, &key.to_spki().expect("a point")),
            EcKey::from_raw(curve, &point),
            EcKey::from_parts(curve, x, y, Some(&private)),
            key.public(),
        ];
        for copy in copies {
            assert!(copy.expect("our own").verify(&digest, &signature));
        }
        let mut compressed = point[..=curve.field_bytes()].to_vec();
        compressed[0] = 2 + (point[point.len() - 1] & 1);
        assert_eq!(EcKey::from_raw(curve, &compressed).expect("a point").to_raw().expect("a point"), point);
        let mut off = point.clone();
        off[5] ^= 1;
        assert!(EcKey::from_raw(curve, &off).is_err(), "not on the curve");
        let other = EcKey::generate(curve).expect("random").private_part().expect("private");
        assert!(EcKey::from_parts(curve, x, y, Some(&other)).is_err(), "not a pair");
        assert!(EcKey::from_parts(curve, &x[1..], y, None).is_err());
        assert!(EcKey::from_raw(curve, &[]).is_err());
        assert!(!key.verify(&digest, &vec![0; signature.len()]));
    }
    let key = EcKey::generate(Curve::P256).expect("random");
    assert!(EcKey::from_spki(Curve::P384, &key.to_spki().expect("a point")).is_err());
    let mut trailing = key.to_spki().expect("a point");
    trailing.push(0);
    assert!(EcKey::from_spki(Curve::P256, &trailing).is_err());
}

#[test]
fn rsa_keys_survive_their_formats() {
    let key = RsaKey::generate(1024, &[1, 0, 1], &mut || false).expect("random");
    assert_eq!(key.modulus_bits(), 1024);
    let digest = Hash::Sha256.digest(b"data");
    let signature = key.sign_pss(Hash::Sha256, Some(20), &digest).expect("private");
    let (modulus, exponent) = key.public_parts();
    let parts = key.private_parts().expect("private");
    let parts: Vec<&[u8]> = parts.iter().map(|part| &**part).collect();
    let parts: &PrivateParts<&[u8]> = parts[..].try_into().expect("as many");
    let copies = [
        RsaKey::from_pkcs8(&key.to_pkcs8().expect("private")),
        RsaKey::from_spki(&key.to_spki().expect("a key")),
        RsaKey::from_public_parts(&modulus, &exponent),
        RsaKey::from_private_parts(&modulus, &exponent, parts),
        key.public(),
    ];
    for copy in copies {
        let copy = copy.expect("our own");
        assert!(copy.verify_pss(Hash::Sha256, Some(20), &digest, &signature));
        assert!(copy.verify_pss(Hash::Sha256, None, &digest, &signature));
        assert!(!copy.verify_pss(Hash::Sha256, Some(21), &digest, &signature));
        let sealed = copy.oaep(Direction::Encrypt, Hash::Sha1, b"label", b"secret").expect("short");
        assert_eq!(key.oaep(Direction::Decrypt, Hash::Sha1, b"label", &sealed).expect("genuine"), b"secret");
        assert!(key.oaep(Direction::Decrypt, Hash::Sha1, b"", &sealed).is_err());
    }
    let mut wrong = parts.to_owned();
    wrong.swap(1, 3);
    assert!(RsaKey::from_private_parts(&modulus, &exponent, &wrong).is_err());
    assert!(key.public().expect("a key").sign_pkcs1(Hash::Sha1, &[0; 20]).is_err());
    assert!(key.sign_pkcs1(Hash::Sha1, &[0; 32]).is_err() && key.sign_pss(Hash::Sha1, None, &[0; 32]).is_err(), "no digest of this hash");
    assert!(key.sign_pss(Hash::Sha512, Some(4096), &[0; 64]).is_err(), "no room for the salt");
    assert!(RsaKey::from_public_parts(&vec![0xff; 2048], &[3]).is_err(), "too large");
}

#[test]
fn an_rsa_search_is_bounded_and_can_be_stopped() {
    assert!(RsaKey::generate(2048, &[1, 0, 1], &mut || true).is_err());
    for (bits, exponent) in
        [(512, &[3][..]), (2049, &[3]), (8192, &[3]), (2048, &[]), (2048, &[1]), (2048, &[1, 0, 0]), (2048, &[3, 0, 0, 0, 1])]
    {
        assert!(RsaKey::check_parameters(bits, exponent).is_err(), "{bits} {exponent:?}");
    }
}

#[test]
fn secrets_are_not_printed_and_are_cut_to_bits() {
    let secret = Secret::from(vec![0xff; 4]);
    assert_eq!(format!("{:?}", Key::Secret(secret.clone())), "Secret(Secret(4 bytes))");
    assert_eq!(secret.truncate_bits(11)[..], [0xff, 0xe0]);
    assert!(constant_time_eq(b"ab", b"ab") && !constant_time_eq(b"ab", b"ac") && !constant_time_eq(b"ab", b"abc"));
}
