//! What `node:crypto` has beyond `crypto.subtle`: work that is done while the caller waits, and in pieces.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use nano_base::limits::{
    DERIVED_BYTES_MAX, SCRYPT_BLOCKS_MAX, SCRYPT_BLOCKS_NOW_MAX, SCRYPT_BYTES_MAX, SCRYPT_WORK_MAX, SCRYPT_WORK_NOW_MAX,
};
use nano_crypto::{Cipher, CipherKind, Direction, Error, Hasher, Pbkdf2, ScryptWork};

use super::ops::{integer, text};
use super::subtle::{self, Output};
use super::subtle_work::Streaming;
use super::{encoding, errands};
use crate::engine::bytes;
use crate::engine::resources::{self, Charge};
use crate::isolate::errand::Errand;

type Args<'s> = v8::FunctionCallbackArguments<'s>;
type Return<'s> = v8::ReturnValue<'s>;

/// Iterations of PBKDF2 between two looks at whether the app is to be stopped: about 0.2 ms.
const ITERATIONS_PER_CALL: u32 = 500;

/// A derivation under way, and what its salt and its output are charged as.
type Deriving = (RefCell<Pbkdf2>, Charge);

/// `hasherCopy(hasher)` -> resource
pub(super) fn hasher_copy(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(streaming) = resources::get::<Streaming>(scope, args.get(0)) else { return };
    let copy = streaming.lock().unwrap_or_else(PoisonError::into_inner).as_ref().and_then(|hasher| hasher.copy().ok());
    let Some(copy) = copy else { return };
    let copy: Streaming = Arc::new(Mutex::new(Some(copy)));
    if let Some(object) = resources::create(scope, Rc::new(copy), Hasher::BYTES) {
        rv.set(object.into());
    }
}

/// `cipherInfo(name)` -> `[key bytes, iv bytes, whether it is authenticated]`, or undefined if there is none of that name
pub(super) fn cipher_info(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(kind) = CipherKind::find(&text(scope, &args, 0)) else { return };
    let key = v8::Integer::new_from_unsigned(scope, kind.key_bytes as u32);
    let iv = v8::Integer::new_from_unsigned(scope, kind.iv_bytes as u32);
    let authenticated = v8::Boolean::new(scope, kind.authenticated);
    rv.set(v8::Array::new_with_elements(scope, &[key.into(), iv.into(), authenticated.into()]).into());
}

/// `cipherNew(name, decrypt, key, iv)` -> resource, or the text of an exception
pub(super) fn cipher_new(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let direction = if args.get(1).is_true() { Direction::Decrypt } else { Direction::Encrypt };
    let name = text(scope, &args, 0);
    let iv = bytes::from_value(args.get(3)).unwrap_or_default();
    match bytes::with(args.get(2), |key| Cipher::new(&name, direction, key, &iv)) {
        None => {}
        Some(Err(error)) => subtle::refuse(scope, &mut rv, error),
        Some(Ok(cipher)) => {
            if let Some(object) = resources::create(scope, Rc::new(RefCell::new(cipher)), Cipher::BYTES) {
                rv.set(object.into());
            }
        }
    }
}

/// `cipherUpdate(cipher, bytes)` -> ArrayBuffer, or the text of an exception
pub(super) fn cipher_update(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(cipher) = resources::get::<RefCell<Cipher>>(scope, args.get(0)) else { return };
    let len = bytes::len(args.get(1)).unwrap_or(0);
    let Some(room) = resources::charge(scope, len) else { return };
    let result = bytes::with(args.get(1), |data| cipher.borrow_mut().update(data)).unwrap_or_else(|| Ok(Vec::new()));
    drop(room);
    subtle::give(scope, &mut rv, result.map(Output::Bytes));
}

/// `cipherSet(cipher, pad, bytes)`: whether blocks are filled up, and data that is only authenticated; true, or the text of an exception
pub(super) fn cipher_set(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(cipher) = resources::get::<RefCell<Cipher>>(scope, args.get(0)) else { return };
    if args.get(1).is_boolean() {
        cipher.borrow_mut().pad(args.get(1).is_true());
    }
    let result = bytes::with(args.get(2), |data| cipher.borrow_mut().authenticate(data)).unwrap_or(Ok(()));
    subtle::give(scope, &mut rv, result.map(|()| Output::Bool(true)));
}

/// `cipherFinal(cipher, tag)` -> `[bytes, tag]`, or the text of an exception
pub(super) fn cipher_final(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(cipher) = resources::get::<RefCell<Cipher>>(scope, args.get(0)) else { return };
    let tag = bytes::from_value(args.get(1)).unwrap_or_default();
    let result = cipher.borrow_mut().finish(&tag);
    match result {
        Err(error) => subtle::refuse(scope, &mut rv, error),
        Ok((rest, tag)) => {
            let Some(rest) = subtle::array_buffer(scope, rest) else { return };
            let Some(tag) = subtle::array_buffer(scope, tag.to_vec()) else { return };
            rv.set(v8::Array::new_with_elements(scope, &[rest.into(), tag.into()]).into());
        }
    }
}

/// `pbkdf2New(hash, password, salt, iterations, length)` -> resource, or the text of an exception. The password is hashed at once if it is
/// longer than a block: who has a long one hashes it before, in pieces, which makes no difference to what comes out.
pub(super) fn pbkdf2_new(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(hash) = subtle::hash(scope, &args, 0) else { return };
    let (iterations, len) = (integer(scope, &args, 3), integer(scope, &args, 4) as usize);
    if len > DERIVED_BYTES_MAX {
        return subtle::refuse(scope, &mut rv, Error::Operation("a derivation gives 1 MiB at most"));
    }
    let Some(charge) = resources::charge(scope, bytes::len(args.get(2)).unwrap_or(0) + len) else { return };
    let salt = bytes::from_value(args.get(2)).unwrap_or_default();
    match bytes::with(args.get(1), |password| Pbkdf2::new(hash, password, salt, iterations, len)) {
        None => {}
        Some(Err(error)) => subtle::refuse(scope, &mut rv, error),
        Some(Ok(derivation)) => {
            let deriving: Deriving = (RefCell::new(derivation), charge);
            if let Some(object) = resources::create(scope, Rc::new(deriving), Pbkdf2::BYTES) {
                rv.set(object.into());
            }
        }
    }
}

/// `pbkdf2Run(derivation)` -> bytes, or undefined: it has to be called again. So the app can be stopped between two calls.
pub(super) fn pbkdf2_run(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let Some(deriving) = resources::get::<Deriving>(scope, args.get(0)) else { return };
    if deriving.0.borrow_mut().run(ITERATIONS_PER_CALL) {
        let output = deriving.0.borrow().finish();
        drop(deriving);
        resources::release(scope, args.get(0));
        encoding::return_bytes(scope, &mut rv, output);
    }
}

/// `scrypt(now, password, salt, n, r, p, length)` -> ArrayBuffer, an errand's number, or the text of an exception. Once it has begun
/// nothing stops it, so all that it will do is counted first.
pub(super) fn scrypt(scope: &mut v8::PinScope, args: Args, mut rv: Return) {
    let [n, r, p] = [3, 4, 5].map(|index| u64::from(integer(scope, &args, index)));
    let len = integer(scope, &args, 6) as usize;
    let is_now = args.get(0).is_true();
    let memory = n.saturating_mul(r).saturating_mul(128);
    let [password_bytes, salt_bytes] = [1, 2].map(|index| bytes::len(args.get(index)).unwrap_or(0));
    let work = ScryptWork::new(password_bytes, salt_bytes, (n, r, p), len);
    if len > DERIVED_BYTES_MAX || memory > SCRYPT_BYTES_MAX || work.mixing > SCRYPT_WORK_MAX || work.blocks > SCRYPT_BLOCKS_MAX {
        return subtle::refuse(scope, &mut rv, Error::Operation("Invalid scrypt params: too much memory or work"));
    }
    let is_long = work.mixing > SCRYPT_WORK_NOW_MAX || work.blocks > SCRYPT_BLOCKS_NOW_MAX;
    if is_now && is_long {
        return subtle::refuse(scope, &mut rv, Error::Operation("scryptSync() would take too long for one turn: call scrypt()"));
    }
    // Its tables, a little for each of the lanes, what is copied and what comes out.
    let tables = (memory + 128 * r * (p + 2)) as usize;
    let Some(charge) = resources::charge(scope, tables + password_bytes + salt_bytes + len) else { return };
    let password = bytes::from_value(args.get(1)).unwrap_or_default();
    let salt = bytes::from_value(args.get(2)).unwrap_or_default();
    let job = move || {
        let result = nano_crypto::scrypt(&password, &salt, (n, r, p), tables + (1 << 20), len);
        drop(charge);
        result.map(Output::Bytes)
    };
    if is_now {
        let result = job();
        return subtle::give(scope, &mut rv, result);
    }
    let errand = Errand::new(move || job().map(|output| subtle::brought(output, None)).map_err(subtle::errand_error));
    errands::send(scope, &mut rv, errand.counted_as_long(is_long));
}
