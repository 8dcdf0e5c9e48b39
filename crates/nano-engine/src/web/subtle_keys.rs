//! `crypto.subtle`'s keys: generation, and the four formats in and out. The rules of usages and of JSON web keys' other members are in
//! `js/crypto_formats.js`; here are the numbers.

use nano_crypto::{EcKey, Error, Key, MODULUS_BITS_MAX, OkpKey, Result, RsaKey, Secret};

use super::errands;
use super::ops::{byte_string, integer, text};
use super::subtle::{self, Kind, Output};
use crate::engine::{bytes, exceptions};
use crate::isolate::errand::{Errand, Progress};

/// The longest secret key: beyond this it is data.
const SECRET_BYTES_MAX: usize = 1 << 20;

/// The longest text of a number in a JSON web key.
const NUMBER_TEXT_MAX: usize = MODULUS_BITS_MAX as usize / 4;

/// `generate(kind, bits, exponent, checkOnly)`: a secret key of `bits`, or `[private, public]`. RSA is an errand; with `checkOnly` its
/// numbers are looked at and nothing is made.
pub(super) fn generate(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(kind) = subtle::kind(&text(scope, &args, 0)) else { return };
    let bits = integer(scope, &args, 1);
    if kind == Kind::Rsa {
        let exponent = bytes::from_value(args.get(2)).unwrap_or_default();
        return match RsaKey::check_parameters(bits, &exponent) {
            Err(error) => subtle::refuse(scope, &mut rv, error),
            Ok(()) if args.get(3).is_true() => {}
            Ok(()) => generate_rsa(scope, &mut rv, bits, exponent),
        };
    }
    let result = match kind {
        Kind::Secret => secret_of(bits as usize),
        Kind::Ec(curve) => EcKey::generate(curve).and_then(|key| key.public().map(|public| Output::Pair(Key::Ec(key), Key::Ec(public)))),
        Kind::Okp(kind) => OkpKey::generate(kind).map(|key| {
            let public = key.public();
            Output::Pair(Key::Okp(key), Key::Okp(public))
        }),
        Kind::Rsa => return,
    };
    subtle::give(scope, &mut rv, result);
}

fn secret_of(bits: usize) -> Result<Output> {
    if bits.div_ceil(8) > SECRET_BYTES_MAX {
        return Err(Error::Operation("a secret key has 1 MiB at most"));
    }
    Ok(Output::Key(Key::Secret(Secret::random(bits.div_ceil(8)).truncate_bits(bits))))
}

fn generate_rsa(scope: &mut v8::PinScope, rv: &mut v8::ReturnValue, bits: u32, exponent: Vec<u8>) {
    let errand = Errand::long(move |allowance| {
        let mut given_up = false;
        let mut stop = || {
            given_up |= allowance.is_spent();
            given_up
        };
        let pair = RsaKey::generate(bits, &exponent, &mut stop)
            .and_then(|key| key.public().map(|public| Output::Pair(Key::Rsa(key), Key::Rsa(public))));
        if given_up {
            // Nothing is kept between two tries: there is no next one, as no time is left.
            return Progress::More;
        }
        Progress::Done(pair.map(|pair| subtle::brought(pair, None)).map_err(subtle::errand_error))
    });
    errands::send(scope, rv, errand);
}

/// `importKey(kind, format, data, bits)`: format "raw", "spki", "pkcs8" with bytes, or "jwk" with the texts of its numbers: for a
/// secret `[k]`, for RSA `[n, e, d, p, q, dp, dq, qi]` or the first two, for EC `[x, y, d]` or the first two, for OKP `[x, d]`
/// or the first. A secret is cut to `bits` where they are given.
pub(super) fn import(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(kind) = subtle::kind(&text(scope, &args, 0)) else { return };
    let format = text(scope, &args, 1);
    let bits = args.get(3).uint32_value(scope).filter(|_| args.get(3).is_number());
    if bytes::len(args.get(2)).unwrap_or(0) > SECRET_BYTES_MAX {
        return exceptions::throw_range_error(scope, "a key has 1 MiB at most");
    }
    let result = if format == "jwk" {
        let Some(parts) = parts(scope, args.get(2), kind) else {
            return subtle::refuse(scope, &mut rv, Error::Data("a number of the key is not base64url, or too long"));
        };
        let parts: Vec<&[u8]> = parts.iter().map(|part| &**part).collect();
        from_parts(kind, &parts)
    } else {
        bytes::with(args.get(2), |data| from_bytes(kind, &format, data)).unwrap_or(Err(Error::Data("there is no data")))
    };
    let result = result.map(|key| match (key, bits) {
        (Key::Secret(secret), Some(bits)) => Key::Secret(secret.truncate_bits(bits as usize)),
        (key, _) => key,
    });
    subtle::give(scope, &mut rv, result.map(Output::Key));
}

fn from_bytes(kind: Kind, format: &str, data: &[u8]) -> Result<Key> {
    match (kind, format) {
        (Kind::Secret, "raw") => Ok(Key::Secret(data.to_vec().into())),
        (Kind::Rsa, "spki") => RsaKey::from_spki(data).map(Key::Rsa),
        (Kind::Rsa, "pkcs8") => RsaKey::from_pkcs8(data).map(Key::Rsa),
        (Kind::Ec(curve), "raw") => EcKey::from_raw(curve, data).map(Key::Ec),
        (Kind::Ec(curve), "spki") => EcKey::from_spki(curve, data).map(Key::Ec),
        (Kind::Ec(curve), "pkcs8") => EcKey::from_pkcs8(curve, data).map(Key::Ec),
        (Kind::Okp(kind), "raw") => OkpKey::from_raw(kind, data).map(Key::Okp),
        (Kind::Okp(kind), "spki") => OkpKey::from_spki(kind, data).map(Key::Okp),
        (Kind::Okp(kind), "pkcs8") => OkpKey::from_pkcs8(kind, data).map(Key::Okp),
        _ => Err(Error::NotSupported("this kind of key has no such format")),
    }
}

fn from_parts(kind: Kind, parts: &[&[u8]]) -> Result<Key> {
    match (kind, parts) {
        (Kind::Secret, [secret]) => Ok(Key::Secret(secret.to_vec().into())),
        (Kind::Rsa, [n, e]) => RsaKey::from_public_parts(n, e).map(Key::Rsa),
        (Kind::Rsa, [n, e, d, p, q, dp, dq, qi]) => RsaKey::from_private_parts(n, e, &[d, p, q, dp, dq, qi]).map(Key::Rsa),
        (Kind::Ec(curve), [x, y]) => EcKey::from_parts(curve, x, y, None).map(Key::Ec),
        (Kind::Ec(curve), [x, y, d]) => EcKey::from_parts(curve, x, y, Some(d)).map(Key::Ec),
        (Kind::Okp(kind), [x]) => OkpKey::from_raw(kind, x).map(Key::Okp),
        (Kind::Okp(kind), [x, d]) => OkpKey::from_parts(kind, x, d).map(Key::Okp),
        _ => Err(Error::Data("the key lacks a number")),
    }
}

/// The numbers of a JSON web key; `None` if one is not base64url.
fn parts(scope: &mut v8::PinScope, list: v8::Local<v8::Value>, kind: Kind) -> Option<Vec<Secret>> {
    let list = v8::Local::<v8::Array>::try_from(list).ok()?;
    let mut parts = Vec::with_capacity(list.length() as usize);
    for index in 0..list.length() {
        let item = list.get_index(scope, index)?;
        let string = v8::Local::<v8::String>::try_from(item).ok()?;
        let longest = if kind == Kind::Secret { SECRET_BYTES_MAX / 3 * 4 } else { NUMBER_TEXT_MAX };
        if string.length() > longest || !string.contains_only_onebyte() {
            return None;
        }
        parts.push(base64url_decode(&byte_string(scope, item)?)?.into());
    }
    Some(parts)
}

/// `exportKey(key, format)`: an ArrayBuffer for "raw", "spki" and "pkcs8"; for "jwk" the texts of the numbers, as import takes them.
pub(super) fn export(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(key) = subtle::key(scope, &args, 0) else { return };
    let format = text(scope, &args, 1);
    if format != "jwk" {
        let result = to_bytes(&key, &format).map(Output::Bytes);
        return subtle::give(scope, &mut rv, result);
    }
    match to_parts(&key) {
        Err(error) => subtle::refuse(scope, &mut rv, error),
        Ok(parts) => {
            let mut texts = Vec::with_capacity(parts.len());
            for part in parts {
                let Some(text) = v8::String::new_from_one_byte(scope, &base64url_encode(&part), v8::NewStringType::Normal) else { return };
                texts.push(text.into());
            }
            rv.set(v8::Array::new_with_elements(scope, &texts).into());
        }
    }
}

fn to_bytes(key: &Key, format: &str) -> Result<Vec<u8>> {
    match (key, format) {
        (Key::Secret(secret), "raw") => Ok(secret.to_vec()),
        (Key::Rsa(key), "spki") => key.to_spki(),
        (Key::Rsa(key), "pkcs8") => key.to_pkcs8().map(|der| der.to_vec()),
        (Key::Ec(key), "raw") => key.to_raw(),
        (Key::Ec(key), "spki") => key.to_spki(),
        (Key::Ec(key), "pkcs8") => key.to_pkcs8().map(|der| der.to_vec()),
        (Key::Okp(key), "raw") => Ok(key.to_raw()),
        (Key::Okp(key), "spki") => Ok(key.to_spki()),
        (Key::Okp(key), "pkcs8") => key.to_pkcs8().map(|der| der.to_vec()),
        _ => Err(Error::NotSupported("this kind of key has no such format")),
    }
}

fn to_parts(key: &Key) -> Result<Vec<Secret>> {
    let mut parts = Vec::new();
    match key {
        Key::Secret(secret) => parts.push(secret.clone()),
        Key::Rsa(key) => {
            let (n, e) = key.public_parts();
            parts.extend([n.into(), e.into()]);
            if key.is_private() {
                parts.extend(key.private_parts()?);
            }
        }
        Key::Ec(key) => {
            let point = key.to_raw()?;
            let (x, y) = point[1..].split_at(key.curve().field_bytes());
            parts.extend([x.to_vec().into(), y.to_vec().into()]);
            if key.is_private() {
                parts.push(key.private_part()?);
            }
        }
        Key::Okp(key) => {
            parts.push(key.to_raw().into());
            if key.is_private() {
                parts.push(key.private_part()?);
            }
        }
    }
    Ok(parts)
}

/// `keyInfo(key)`: the bits of a secret or of a modulus; for RSA `[bits, exponent]`.
pub(super) fn info(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(key) = subtle::key(scope, &args, 0) else { return };
    match &*key {
        Key::Secret(secret) => rv.set_uint32(secret.len() as u32 * 8),
        Key::Rsa(key) => {
            let bits = v8::Integer::new_from_unsigned(scope, key.modulus_bits());
            let Some(exponent) = subtle::array_buffer(scope, key.public_parts().1) else { return };
            rv.set(v8::Array::new_with_elements(scope, &[bits.into(), exponent.into()]).into());
        }
        Key::Ec(_) | Key::Okp(_) => {}
    }
}

const BASE64URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// RFC 7515's base64url: without padding, and without bits left over.
fn base64url_encode(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        out.extend((0..=chunk.len()).map(|place| BASE64URL[(word >> (18 - 6 * place) & 63) as usize]));
    }
    out
}

fn base64url_decode(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 3);
    for chunk in text.chunks(4) {
        let mut word = 0_u32;
        for byte in chunk {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'-' => 62,
                b'_' => 63,
                _ => return None,
            };
            word = word << 6 | u32::from(digit);
        }
        word <<= 6 * (4 - chunk.len());
        out.extend_from_slice(&word.to_be_bytes()[1..chunk.len()]);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64url_is_strict() {
        assert_eq!(base64url_encode(&[0xfb, 0xff]), b"-_8");
        assert_eq!(base64url_decode(b"-_8"), Some(vec![0xfb, 0xff]));
        assert_eq!(base64url_decode(b""), Some(vec![]));
        for bad in [&b"-_8="[..], b"+/8", b"a", b"a b"] {
            assert_eq!(base64url_decode(bad), None);
        }
    }
}
