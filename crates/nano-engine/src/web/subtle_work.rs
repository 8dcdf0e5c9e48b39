//! What `crypto.subtle` does with keys, and digests.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use nano_base::limits::{DERIVED_BYTES_MAX, ED25519_NOW_BYTES_MAX, HKDF_INFO_BYTES_MAX};
use nano_crypto::{Direction, Error, Hash, Hasher, Hmac, Key, Pbkdf2, Result, Secret, aes};

use super::errands;
use super::ops::{integer, text};
use super::subtle::{self, INLINE_BYTES_MAX, Output, Place};
use crate::engine::bytes;
use crate::engine::resources::{self, Charge};
use crate::isolate::errand::{Errand, Progress};

/// Iterations of PBKDF2 done within the turn: about 0.2 ms.
const INLINE_ITERATIONS_MAX: u64 = 500;

/// Iterations between two looks at the clock.
const ITERATIONS_PER_LOOK: u32 = 500;

const WRONG_KEY: Error = Error::InvalidAccess("the key is not for this algorithm");

/// A parameter of an algorithm (iv, label, salt, info, additional data), copied; counted where it is not small.
struct Parameter {
    bytes: Vec<u8>,
    charge: Option<Charge>,
}

impl Parameter {
    /// Up to this it is not worth counting: an instance has a few dozen operations under way at most.
    const FREE_BYTES: usize = 4 << 10;

    /// An argument; `None` with a RangeError pending if there is no room for it.
    fn read(scope: &mut v8::PinScope, args: &v8::FunctionCallbackArguments, index: i32) -> Option<Self> {
        let len = bytes::len(args.get(index)).unwrap_or(0);
        let charge = if len > Self::FREE_BYTES { Some(resources::charge(scope, len)?) } else { None };
        Some(Self { bytes: bytes::from_value(args.get(index)).unwrap_or_default(), charge })
    }

    /// Where an operation with this parameter is done.
    fn place(&self) -> Place {
        if self.bytes.len() > INLINE_BYTES_MAX { Place::Helper } else { Place::Turn }
    }
}

impl std::ops::Deref for Parameter {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// `digest(hash, data)`
pub(super) fn digest(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(hash) = subtle::hash(scope, &args, 0) else { return };
    subtle::perform_in_pieces(scope, &mut rv, args.get(1), move |pieces| {
        let mut hasher = Hasher::new(hash)?;
        pieces.for_each(|piece| hasher.update(piece));
        Ok(Output::Bytes(hasher.finish()))
    });
}

/// `cipher(decrypt, name, key, data, ...)`: "AES-CBC" with iv; "AES-CTR" with counter, length; "AES-GCM" with iv, additionalData,
/// tagLength; "AES-KW"; "RSA-OAEP" with hash, label, and whether it is done at once.
pub(super) fn cipher(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let direction = if args.get(0).is_true() { Direction::Decrypt } else { Direction::Encrypt };
    let name = text(scope, &args, 1);
    let Some(key) = subtle::key(scope, &args, 2) else { return };
    let data = args.get(3);
    if name == "RSA-OAEP" {
        let Some(hash) = subtle::hash(scope, &args, 4) else { return };
        let Some(label) = Parameter::read(scope, &args, 5) else { return };
        let place = if args.get(6).is_true() {
            Place::Now
        } else if direction == Direction::Decrypt {
            Place::Helper
        } else {
            label.place()
        };
        return subtle::perform(scope, &mut rv, place, data, move |data| match &*key {
            Key::Rsa(key) => key.oaep(direction, hash, &label, data).map(Output::Bytes),
            _ => Err(WRONG_KEY),
        });
    }
    let Some(first) = Parameter::read(scope, &args, 4) else { return };
    match name.as_str() {
        "AES-CBC" => subtle::perform(scope, &mut rv, Place::Turn, data, move |data| {
            aes::cbc(direction, secret(&key)?, &first, data).map(Output::Bytes)
        }),
        "AES-CTR" => {
            let bits = integer(scope, &args, 5);
            subtle::perform(scope, &mut rv, Place::Turn, data, move |data| aes::ctr(secret(&key)?, &first, bits, data).map(Output::Bytes));
        }
        "AES-GCM" => {
            let Some(additional) = Parameter::read(scope, &args, 5) else { return };
            let tag_bits = integer(scope, &args, 6);
            let place = if first.place() == Place::Turn { additional.place() } else { Place::Helper };
            subtle::perform(scope, &mut rv, place, data, move |data| {
                aes::gcm(direction, secret(&key)?, &first, &additional, tag_bits, data).map(Output::Bytes)
            });
        }
        "AES-KW" => subtle::perform(scope, &mut rv, Place::Turn, data, move |data| {
            let result = match direction {
                Direction::Encrypt => aes::wrap(secret(&key)?, data),
                Direction::Decrypt => aes::unwrap(secret(&key)?, data),
            };
            result.map(Output::Bytes)
        }),
        _ => {}
    }
}

fn secret(key: &Key) -> Result<&Secret> {
    match key {
        Key::Secret(secret) => Ok(secret),
        _ => Err(WRONG_KEY),
    }
}

/// How a signature is made, besides the key.
#[derive(Clone, Copy)]
enum Scheme {
    Hmac(Hash),
    Pkcs1(Hash),
    /// With a salt of that length, or of any.
    Pss(Hash, Option<u32>),
    Ecdsa(Hash),
    Ed25519,
}

fn scheme(scope: &v8::PinScope, args: &v8::FunctionCallbackArguments) -> Option<Scheme> {
    let name = text(scope, args, 0);
    if name == "Ed25519" {
        return Some(Scheme::Ed25519);
    }
    let hash = subtle::hash(scope, args, 3)?;
    Some(match name.as_str() {
        "HMAC" => Scheme::Hmac(hash),
        "RSASSA-PKCS1-v1_5" => Scheme::Pkcs1(hash),
        "RSA-PSS" => Scheme::Pss(hash, (!args.get(4).is_null()).then(|| integer(scope, args, 4))),
        "ECDSA" => Scheme::Ecdsa(hash),
        _ => return None,
    })
}

/// What is signed or verified at once, for those who cannot wait.
#[derive(Clone, Copy)]
struct Now {
    /// Whether the data is a digest already, made in pieces between which the app can be stopped. Ed25519 has none.
    is_digest: bool,
}

impl Now {
    /// Reads it from an argument; `None` with the text of an exception returned if it would take too long.
    fn read(
        scope: &mut v8::PinScope,
        args: &v8::FunctionCallbackArguments,
        rv: &mut v8::ReturnValue,
        index: i32,
        scheme: Scheme,
    ) -> Option<Self> {
        let is_digest = args.get(index).is_true();
        let len = bytes::len(args.get(2)).unwrap_or(0);
        if is_digest && matches!(scheme, Scheme::Ed25519) && len > ED25519_NOW_BYTES_MAX {
            let error = Error::Operation("Ed25519 takes 8 MiB at most while its caller waits: crypto.subtle takes more");
            subtle::refuse(scope, rv, error);
            return None;
        }
        Some(Self { is_digest })
    }

    fn place(self, otherwise: Place) -> Place {
        if self.is_digest { Place::Now } else { otherwise }
    }

    fn digest(self, hash: Hash, data: &[u8]) -> Cow<'_, [u8]> {
        if self.is_digest { Cow::Borrowed(data) } else { Cow::Owned(hash.digest(data)) }
    }
}

/// `sign(name, key, data, hash, saltLength, now)`: a salt length of null is the longest that there can be. With `now` it is done at once,
/// and the data is what `hash` has made of it, but for Ed25519.
pub(super) fn sign(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(scheme) = scheme(scope, &args) else { return };
    let Some(key) = subtle::key(scope, &args, 1) else { return };
    let Some(now) = Now::read(scope, &args, &mut rv, 5, scheme) else { return };
    let place = now.place(if matches!(&*key, Key::Rsa(_)) { Place::Helper } else { Place::Turn });
    subtle::perform(scope, &mut rv, place, args.get(2), move |data| {
        let signature = match (scheme, &*key) {
            (Scheme::Hmac(hash), Key::Secret(secret)) => Hmac::new(hash, secret)?.sign(data),
            (Scheme::Pkcs1(hash), Key::Rsa(key)) => key.sign_pkcs1(hash, &now.digest(hash, data))?,
            (Scheme::Pss(hash, salt_bytes), Key::Rsa(key)) => key.sign_pss(hash, salt_bytes, &now.digest(hash, data))?,
            (Scheme::Ecdsa(hash), Key::Ec(key)) => key.sign(&now.digest(hash, data))?,
            (Scheme::Ed25519, Key::Okp(key)) => key.sign(data)?,
            _ => return Err(WRONG_KEY),
        };
        Ok(Output::Bytes(signature))
    });
}

/// `verify(name, key, data, hash, saltLength, signature, now)`: as `sign` has them; a salt length of null is any.
pub(super) fn verify(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(scheme) = scheme(scope, &args) else { return };
    let Some(key) = subtle::key(scope, &args, 1) else { return };
    let Some(now) = Now::read(scope, &args, &mut rv, 6, scheme) else { return };
    // What is longer than any signature is none.
    let given = args.get(5);
    let signature = if bytes::len(given).unwrap_or(0) > INLINE_BYTES_MAX { None } else { bytes::from_value(given) };
    let signature = signature.unwrap_or_default();
    subtle::perform(scope, &mut rv, now.place(Place::Turn), args.get(2), move |data| {
        let valid = match (scheme, &*key) {
            (Scheme::Hmac(hash), Key::Secret(secret)) => nano_crypto::constant_time_eq(&Hmac::new(hash, secret)?.sign(data), &signature),
            (Scheme::Pkcs1(hash), Key::Rsa(key)) => key.verify_pkcs1(hash, &now.digest(hash, data), &signature),
            (Scheme::Pss(hash, salt_bytes), Key::Rsa(key)) => key.verify_pss(hash, salt_bytes, &now.digest(hash, data), &signature),
            (Scheme::Ecdsa(hash), Key::Ec(key)) => key.verify(&now.digest(hash, data), &signature),
            (Scheme::Ed25519, Key::Okp(key)) => key.verify(data, &signature),
            _ => return Err(WRONG_KEY),
        };
        Ok(Output::Bool(valid))
    });
}

/// `derive(name, key, bits, ...)`: "ECDH" and "X25519" with the other side's key, and bits or undefined for all of them; "HKDF" with
/// hash, salt, info; "PBKDF2" with hash, salt, iterations.
pub(super) fn derive(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let name = text(scope, &args, 0);
    let Some(key) = subtle::key(scope, &args, 1) else { return };
    let bits = args.get(2).uint32_value(scope).filter(|_| args.get(2).is_number());
    if matches!(name.as_str(), "ECDH" | "X25519") {
        let Some(peer) = subtle::key(scope, &args, 3) else { return };
        let result = agree(&key, &peer, bits).map(Output::Bytes);
        return subtle::give(scope, &mut rv, result);
    }
    let Some(hash) = subtle::hash(scope, &args, 3) else { return };
    let Some(salt) = Parameter::read(scope, &args, 4) else { return };
    let len = bits.unwrap_or(0) as usize / 8;
    if len > DERIVED_BYTES_MAX {
        return subtle::refuse(scope, &mut rv, Error::Operation("a derivation gives 1 MiB at most"));
    }
    if name == "HKDF" {
        let Some(info) = Parameter::read(scope, &args, 5) else { return };
        if info.len() > HKDF_INFO_BYTES_MAX {
            return subtle::refuse(scope, &mut rv, Error::Operation("the info of HKDF is 64 KiB at most"));
        }
        // The info goes into every block of the output, and so do four blocks of the hash.
        let block_bytes = info.len() + 4 * hash.block_bytes();
        let hashed = salt.len().saturating_add(len.div_ceil(hash.output_bytes()).saturating_mul(block_bytes));
        let place = if hashed <= INLINE_BYTES_MAX { Place::Turn } else { Place::Helper };
        let none = v8::undefined(scope).into();
        return subtle::perform(scope, &mut rv, place, none, move |_| {
            nano_crypto::hkdf(hash, secret(&key)?, &salt, &info, len).map(Output::Bytes)
        });
    }
    let iterations = integer(scope, &args, 5);
    match secret(&key).and_then(|secret| Pbkdf2::new(hash, secret, salt.bytes, iterations, len)) {
        Err(error) => subtle::refuse(scope, &mut rv, error),
        Ok(mut derivation) if derivation.work() <= INLINE_ITERATIONS_MAX => {
            derivation.run(u32::MAX);
            subtle::give(scope, &mut rv, Ok(Output::Bytes(derivation.finish())));
        }
        Ok(derivation) => pbkdf2_errand(scope, &mut rv, derivation, salt.charge),
    }
}

fn pbkdf2_errand(scope: &mut v8::PinScope, rv: &mut v8::ReturnValue, mut derivation: Pbkdf2, mut salt: Option<Charge>) {
    let Some(charge) = resources::charge(scope, derivation.output_bytes()) else { return };
    let mut charge = Some(charge);
    let errand = Errand::in_pieces(move |allowance| {
        while !derivation.run(ITERATIONS_PER_LOOK) {
            if allowance.slice_is_over() {
                return Progress::More;
            }
        }
        salt.take();
        Progress::Done(Ok(subtle::brought(Output::Bytes(derivation.finish()), charge.take())))
    });
    errands::send(scope, rv, errand);
}

/// The secret that two keys share, cut to `bits`.
fn agree(key: &Key, peer: &Key, bits: Option<u32>) -> Result<Vec<u8>> {
    let shared = match (key, peer) {
        (Key::Ec(key), Key::Ec(peer)) => key.agree(peer)?,
        (Key::Okp(key), Key::Okp(peer)) => key.agree(peer)?,
        _ => return Err(WRONG_KEY),
    };
    let Some(bits) = bits.map(|bits| bits as usize) else { return Ok(shared.to_vec()) };
    if bits > shared.len() * 8 {
        return Err(Error::Operation("the shared secret has not so many bits"));
    }
    Ok(shared.truncate_bits(bits).to_vec())
}

/// `equal(a, b)`: in a time that depends on their lengths alone; undefined if these differ.
pub(super) fn equal(_scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    if bytes::len(args.get(0)) != bytes::len(args.get(1)) {
        return;
    }
    let equal = bytes::with(args.get(0), |a| bytes::with(args.get(1), |b| nano_crypto::constant_time_eq(a, b)));
    if let Some(Some(equal)) = equal {
        rv.set_bool(equal);
    }
}

/// A digest between two pieces. A helper may hold it while a long piece is added.
pub(super) type Streaming = Arc<Mutex<Option<Hasher>>>;

/// `hasherNew(hash)` -> resource
pub(super) fn hasher_new(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(hash) = subtle::hash(scope, &args, 0) else { return };
    let Ok(hasher) = Hasher::new(hash) else { return };
    let streaming: Streaming = Arc::new(Mutex::new(Some(hasher)));
    if let Some(object) = resources::create(scope, Rc::new(streaming), Hasher::BYTES) {
        rv.set(object.into());
    }
}

/// `hasherUpdate(hasher, bytes)` -> a boolean, or an errand's number. The next piece must wait for the errand.
pub(super) fn hasher_update(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(streaming) = resources::get::<Streaming>(scope, args.get(0)) else { return };
    let streaming = Arc::clone(&streaming);
    subtle::perform_in_pieces(scope, &mut rv, args.get(1), move |pieces| {
        if let Some(hasher) = streaming.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            pieces.for_each(|piece| hasher.update(piece));
        }
        Ok(Output::Bool(true))
    });
}

/// `hasherFinish(hasher)` -> ArrayBuffer
pub(super) fn hasher_finish(scope: &mut v8::PinScope, args: v8::FunctionCallbackArguments, mut rv: v8::ReturnValue) {
    let Some(streaming) = resources::get::<Streaming>(scope, args.get(0)) else { return };
    let hasher = streaming.lock().unwrap_or_else(PoisonError::into_inner).take();
    resources::release(scope, args.get(0));
    if let Some(hasher) = hasher {
        subtle::give(scope, &mut rv, Ok(Output::Bytes(hasher.finish())));
    }
}
