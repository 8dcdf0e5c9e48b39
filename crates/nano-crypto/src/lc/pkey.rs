//! Asymmetric keys in their envelopes: SubjectPublicKeyInfo and PrivateKeyInfo.

use std::mem::MaybeUninit;

use aws_lc_sys as sys;

use super::{Owned, failed, malformed};
use crate::{Result, Secret};

/// A key that threads may share: the library's documentation allows concurrent use of keys that nobody changes, and nothing here changes
/// one after it has been made.
pub(super) struct PKey(Owned<sys::EVP_PKEY>);

// SAFETY: see above.
unsafe impl Send for PKey {}
// SAFETY: see above.
unsafe impl Sync for PKey {}

impl PKey {
    pub(super) fn from_rsa(rsa: &Owned<sys::RSA>) -> Result<Self> {
        // SAFETY: both are valid; the envelope takes a reference of its own.
        unsafe {
            let key = Owned::new(sys::EVP_PKEY_new())?;
            super::check(sys::EVP_PKEY_set1_RSA(key.as_ptr(), rsa.as_ptr()), "the key could not be kept")?;
            Ok(Self(key))
        }
    }

    pub(super) fn from_ec(ec: &Owned<sys::EC_KEY>) -> Result<Self> {
        // SAFETY: as above.
        unsafe {
            let key = Owned::new(sys::EVP_PKEY_new())?;
            super::check(sys::EVP_PKEY_set1_EC_KEY(key.as_ptr(), ec.as_ptr()), "the key could not be kept")?;
            Ok(Self(key))
        }
    }

    /// The key of kind `id` in a SubjectPublicKeyInfo, without anything after it.
    pub(super) fn from_spki(der: &[u8], id: i32) -> Result<Self> {
        Self::parse(der, id, sys::EVP_parse_public_key)
    }

    /// The key of kind `id` in a PrivateKeyInfo.
    pub(super) fn from_pkcs8(der: &[u8], id: i32) -> Result<Self> {
        Self::parse(der, id, sys::EVP_parse_private_key)
    }

    fn parse(der: &[u8], id: i32, parse: unsafe extern "C" fn(*mut sys::CBS) -> *mut sys::EVP_PKEY) -> Result<Self> {
        let mut reader = MaybeUninit::uninit();
        // SAFETY: the reader is set up over the slice and lives no longer than it; the result is new.
        let (key, rest) = unsafe {
            sys::CBS_init(reader.as_mut_ptr(), der.as_ptr(), der.len());
            let key = Owned::new(parse(reader.as_mut_ptr()));
            (key, sys::CBS_len(reader.as_ptr()))
        };
        let key = key.map_err(|_| malformed("the key is not valid in its format"))?;
        // SAFETY: the key is valid.
        if rest != 0 || unsafe { sys::EVP_PKEY_id(key.as_ptr()) } != id {
            return Err(malformed("the key is of another algorithm, or something follows it"));
        }
        Ok(Self(key))
    }

    /// As a SubjectPublicKeyInfo.
    pub(super) fn to_spki(&self) -> Result<Vec<u8>> {
        self.marshal(sys::EVP_marshal_public_key).map(|der| der.to_vec())
    }

    /// As a PrivateKeyInfo.
    pub(super) fn to_pkcs8(&self) -> Result<Secret> {
        self.marshal(sys::EVP_marshal_private_key)
    }

    fn marshal(&self, marshal: unsafe extern "C" fn(*mut sys::CBB, *const sys::EVP_PKEY) -> i32) -> Result<Secret> {
        let mut builder = MaybeUninit::uninit();
        let mut data = std::ptr::null_mut();
        let mut len = 0;
        // SAFETY: the builder is set up before use, and either finished or cleaned up; what it gives is copied and then freed, which
        // erases it.
        unsafe {
            if sys::CBB_init(builder.as_mut_ptr(), 256) != 1 {
                return Err(failed("there is no memory for the key's encoding"));
            }
            if marshal(builder.as_mut_ptr(), self.0.as_ptr()) != 1 || sys::CBB_finish(builder.as_mut_ptr(), &mut data, &mut len) != 1 {
                sys::CBB_cleanup(builder.as_mut_ptr());
                return Err(failed("the key cannot be encoded"));
            }
            let der = Secret::from(std::slice::from_raw_parts(data, len).to_vec());
            sys::OPENSSL_free(data.cast());
            Ok(der)
        }
    }

    /// The RSA key inside; null if it is another kind. Borrowed from `self`.
    pub(super) fn rsa(&self) -> *mut sys::RSA {
        // SAFETY: the key is valid.
        unsafe { sys::EVP_PKEY_get0_RSA(self.0.as_ptr()) }
    }

    /// The EC key inside; null if it is another kind. Borrowed from `self`.
    pub(super) fn ec(&self) -> *mut sys::EC_KEY {
        // SAFETY: the key is valid.
        unsafe { sys::EVP_PKEY_get0_EC_KEY(self.0.as_ptr()) }
    }

    /// The 32 bytes of a private key of Curve25519.
    pub(super) fn raw_private(&self) -> Result<[u8; 32]> {
        self.raw(sys::EVP_PKEY_get_raw_private_key)
    }

    /// The 32 bytes of a public key of Curve25519.
    pub(super) fn raw_public(&self) -> Result<[u8; 32]> {
        self.raw(sys::EVP_PKEY_get_raw_public_key)
    }

    fn raw(&self, read: unsafe extern "C" fn(*const sys::EVP_PKEY, *mut u8, *mut usize) -> i32) -> Result<[u8; 32]> {
        let mut out = [0; 32];
        let mut len = out.len();
        // SAFETY: the library writes at most `len` bytes.
        let result = unsafe { read(self.0.as_ptr(), out.as_mut_ptr(), &mut len) };
        if result == 1 && len == 32 { Ok(out) } else { Err(malformed("the key is not 32 bytes long")) }
    }

    pub(super) fn as_ptr(&self) -> *mut sys::EVP_PKEY {
        self.0.as_ptr()
    }
}
