//! AWS-LC behind safe types. The only module of this crate with `unsafe`: every pointer here is owned by an [`Owned`] or borrowed from one
//! for the length of a call, and every length is that of the slice it goes with.

#![allow(unsafe_code, reason = "this is the border to the C library")]

use std::os::raw::c_int;
use std::ptr::NonNull;

use aws_lc_sys as sys;

use crate::{Error, Result};

pub mod aes;
mod bn;
pub(crate) mod cfrg;
pub(crate) mod cipher;
pub(crate) mod ec;
pub(crate) mod hash;
pub(crate) mod pbkdf2;
mod pkey;
pub(crate) mod rsa;
pub(crate) mod scrypt;

/// What the library can free.
trait Foreign {
    /// # Safety
    /// `object` came from the library and nobody else will use or free it.
    unsafe fn free(object: *mut Self);
}

macro_rules! foreign {
    ($($type:ident freed by $free:ident,)*) => {
        $(impl Foreign for sys::$type {
            unsafe fn free(object: *mut Self) {
                // SAFETY: as the trait's method demands.
                unsafe { sys::$free(object) }
            }
        })*
    };
}

foreign! {
    BIGNUM freed by BN_clear_free,
    BN_GENCB freed by BN_GENCB_free,
    RSA freed by RSA_free,
    EC_KEY freed by EC_KEY_free,
    EC_POINT freed by EC_POINT_free,
    ECDSA_SIG freed by ECDSA_SIG_free,
    EVP_PKEY freed by EVP_PKEY_free,
    EVP_PKEY_CTX freed by EVP_PKEY_CTX_free,
    EVP_MD_CTX freed by EVP_MD_CTX_free,
    EVP_CIPHER_CTX freed by EVP_CIPHER_CTX_free,
    HMAC_CTX freed by HMAC_CTX_free,
}

/// One object of the library's, freed when dropped.
struct Owned<T: Foreign>(NonNull<T>);

impl<T: Foreign> Owned<T> {
    /// Takes what the library made; null means that it failed.
    ///
    /// # Safety
    /// `object` is null or belongs to the caller alone.
    unsafe fn new(object: *mut T) -> Result<Self> {
        NonNull::new(object).map(Self).ok_or_else(|| failed("the cryptographic library refused"))
    }

    fn as_ptr(&self) -> *mut T {
        self.0.as_ptr()
    }

    /// Gives it to someone who will free it.
    fn into_raw(self) -> *mut T {
        let object = self.0.as_ptr();
        std::mem::forget(self);
        object
    }
}

impl<T: Foreign> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: owned, and dropped once.
        unsafe { T::free(self.0.as_ptr()) }
    }
}

/// An `OperationError` after the library said no. Its own reasons go: they would pile up on this thread, and an app must not learn
/// from them why a decryption failed.
fn failed(message: &'static str) -> Error {
    // SAFETY: no preconditions.
    unsafe { sys::ERR_clear_error() };
    Error::Operation(message)
}

/// The same for imports.
fn malformed(message: &'static str) -> Error {
    let _ = failed(message);
    Error::Data(message)
}

/// 1 is success everywhere in the library.
fn check(result: c_int, message: &'static str) -> Result<()> {
    if result == 1 { Ok(()) } else { Err(failed(message)) }
}

/// Fills `bytes` with the library's randomness.
pub fn fill_random(bytes: &mut [u8]) {
    // SAFETY: the pointer and the length are those of one slice. It always succeeds or aborts, says the library.
    unsafe { sys::RAND_bytes(bytes.as_mut_ptr(), bytes.len()) };
}

/// Whether two slices are equal, in a time that depends on their lengths alone.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    // SAFETY: both are as long as the length given.
    a.len() == b.len() && unsafe { sys::CRYPTO_memcmp(a.as_ptr().cast(), b.as_ptr().cast(), a.len()) } == 0
}

/// Zeroes in a way that the compiler keeps.
pub(crate) fn cleanse(bytes: &mut [u8]) {
    // SAFETY: the pointer and the length are those of one slice.
    unsafe { sys::OPENSSL_cleanse(bytes.as_mut_ptr().cast(), bytes.len()) };
}
