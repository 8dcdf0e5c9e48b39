//! What the native halves of `crypto.subtle` share: keys as resources, and where the work is done.
//!
//! An operation gives its result at once (an ArrayBuffer, a boolean, a key), or the number of an errand that will, or the text
//! "Name\nmessage" of the exception that the specification asks for.

use std::rc::Rc;
use std::sync::Arc;

use nano_base::limits::SPARE_PIECE_BYTES;
use nano_base::spare::Copied;
use nano_crypto::{Curve, Error, Hash, Key, OkpKind, Result};

use super::{errands, ops};
use crate::engine::resources::{self, Charge};
use crate::engine::{bytes, exceptions};
use crate::isolate::errand::{Errand, ErrandError, ErrandValue};

/// Data up to this is worked on within the turn: at the slowest (SHA-1, AES-CBC) that is about 0.2 ms, and an errand's way there and
/// back costs 0.05.
pub(super) const INLINE_BYTES_MAX: usize = 64 << 10;

const NO_DATA: Result<Output> = Err(Error::Operation("there is no data"));

/// What an operation gives.
pub(super) enum Output {
    Bytes(Vec<u8>),
    Bool(bool),
    /// One key.
    Key(Key),
    /// A private key and its public half.
    Pair(Key, Key),
}

/// A key as the resources hold it.
type Held = Arc<Key>;

/// Where an operation is done.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the turn, however much data there is: for those who cannot wait. The turn's CPU limit holds.
    Now,
    /// In the turn, unless there is much data.
    Turn,
    /// On a helper thread: it takes long however little the data.
    Helper,
}

/// Does `job` over `data`, an array buffer or a view of one, or undefined for none.
pub(super) fn perform(
    scope: &mut v8::PinScope,
    rv: &mut v8::ReturnValue,
    place: Place,
    data: v8::Local<v8::Value>,
    job: impl FnOnce(&[u8]) -> Result<Output> + Send + 'static,
) {
    let len = bytes::len(data).unwrap_or(0);
    if place == Place::Now || (place == Place::Turn && len <= INLINE_BYTES_MAX) {
        let result = if data.is_undefined() { job(&[]) } else { bytes::with(data, job).unwrap_or(NO_DATA) };
        return give(scope, rv, result);
    }
    // The copy and a result of the same length.
    let Some(charge) = resources::charge(scope, len.saturating_mul(2)) else { return };
    let data = bytes::from_value(data).unwrap_or_default();
    let errand = Errand::new(move || {
        let output = job(&data).map_err(errand_error)?;
        drop(data);
        Ok(brought(output, Some(charge)))
    });
    errands::send(scope, rv, errand);
}

/// Does `job` over the pieces of `data`, whose result is small.
pub(super) fn perform_in_pieces(
    scope: &mut v8::PinScope,
    rv: &mut v8::ReturnValue,
    data: v8::Local<v8::Value>,
    job: impl FnOnce(&mut dyn Iterator<Item = &[u8]>) -> Result<Output> + Send + 'static,
) {
    let len = bytes::len(data).unwrap_or(0);
    if len <= INLINE_BYTES_MAX {
        let result = bytes::with(data, |data| job(&mut std::iter::once(data))).unwrap_or(NO_DATA);
        return give(scope, rv, result);
    }
    let Some(charge) = resources::charge(scope, len.next_multiple_of(SPARE_PIECE_BYTES)) else { return };
    let Some(copied) = bytes::with(data, Copied::new) else { return give(scope, rv, NO_DATA) };
    let errand = Errand::new(move || {
        let output = job(&mut copied.pieces()).map_err(errand_error)?;
        drop(copied);
        Ok(brought(output, Some(charge)))
    });
    errands::send(scope, rv, errand);
}

/// An operation's result as what its errand brings back; `charge` is what its bytes have been counted as until then.
pub(super) fn brought(output: Output, charge: Option<Charge>) -> ErrandValue {
    ErrandValue::native(move |scope| {
        drop(charge);
        to_js(scope, output)
    })
}

pub(super) fn errand_error(error: Error) -> ErrandError {
    ErrandError { name: error.name(), message: error.message().into() }
}

/// Returns a result to JavaScript.
pub(super) fn give(scope: &mut v8::PinScope, rv: &mut v8::ReturnValue, result: Result<Output>) {
    match result {
        Ok(output) => {
            if let Some(value) = to_js(scope, output) {
                rv.set(value);
            }
        }
        Err(error) => refuse(scope, rv, error),
    }
}

/// Returns the text that stands for an exception.
pub(super) fn refuse(scope: &mut v8::PinScope, rv: &mut v8::ReturnValue, error: Error) {
    if let Some(text) = v8::String::new(scope, &format!("{}\n{}", error.name(), error.message())) {
        rv.set(text.into());
    }
}

fn to_js<'s>(scope: &mut v8::PinScope<'s, '_>, output: Output) -> Option<v8::Local<'s, v8::Value>> {
    Some(match output {
        Output::Bytes(bytes) => array_buffer(scope, bytes)?.into(),
        Output::Bool(bool) => v8::Boolean::new(scope, bool).into(),
        Output::Key(key) => hold(scope, key)?.into(),
        Output::Pair(private, public) => {
            let private = hold(scope, private)?;
            let public = hold(scope, public)?;
            v8::Array::new_with_elements(scope, &[private.into(), public.into()]).into()
        }
    })
}

/// An ArrayBuffer over `bytes`, without a copy; `None` with a RangeError pending if they do not fit.
pub(super) fn array_buffer<'s>(scope: &mut v8::PinScope<'s, '_>, bytes: Vec<u8>) -> Option<v8::Local<'s, v8::ArrayBuffer>> {
    let array = bytes::to_array(scope, bytes);
    if array.is_none() {
        exceptions::throw_range_error(scope, "the app's memory outside the heap is used up (limit external_bytes)");
    }
    array?.buffer(scope)
}

fn hold<'s>(scope: &mut v8::PinScope<'s, '_>, key: Key) -> Option<v8::Local<'s, v8::Object>> {
    let bytes = key.bytes();
    let held: Held = Arc::new(key);
    resources::create(scope, Rc::new(held), bytes)
}

/// The key that an argument stands for; without one a TypeError is pending, which is a mistake of ours.
pub(super) fn key(scope: &mut v8::PinScope, args: &v8::FunctionCallbackArguments, index: i32) -> Option<Arc<Key>> {
    let held = resources::get::<Held>(scope, args.get(index));
    if held.is_none() {
        exceptions::throw_type_error(scope, "this is not a key");
    }
    held.map(|held| Arc::clone(&held))
}

/// A hash by its name in the specification.
pub(super) fn hash(scope: &v8::PinScope, args: &v8::FunctionCallbackArguments, index: i32) -> Option<Hash> {
    Some(match ops::text(scope, args, index).as_str() {
        "SHA-1" => Hash::Sha1,
        "SHA-256" => Hash::Sha256,
        "SHA-384" => Hash::Sha384,
        "SHA-512" => Hash::Sha512,
        "MD5" => Hash::Md5,
        // What only node:crypto has.
        "SHA-224" => Hash::Sha224,
        "SHA-512/224" => Hash::Sha512Cut224,
        "SHA-512/256" => Hash::Sha512Cut256,
        "SHA3-256" => Hash::Sha3With256,
        "SHA3-384" => Hash::Sha3With384,
        "SHA3-512" => Hash::Sha3With512,
        "RIPEMD-160" => Hash::Ripemd160,
        _ => return None,
    })
}

/// What kind of key an import or a generation makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Secret,
    Rsa,
    Ec(Curve),
    Okp(OkpKind),
}

/// A kind of key by its name: "secret", "RSA", or a curve's.
pub(super) fn kind(name: &str) -> Option<Kind> {
    Some(match name {
        "secret" => Kind::Secret,
        "RSA" => Kind::Rsa,
        "P-256" => Kind::Ec(Curve::P256),
        "P-384" => Kind::Ec(Curve::P384),
        "P-521" => Kind::Ec(Curve::P521),
        "Ed25519" => Kind::Okp(OkpKind::Ed25519),
        "X25519" => Kind::Okp(OkpKind::X25519),
        _ => return None,
    })
}
