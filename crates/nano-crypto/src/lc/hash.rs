//! Digests, HMAC, HKDF.

use std::os::raw::c_uint;
use std::ptr::null_mut;

use aws_lc_sys as sys;

use super::{Owned, check, failed};
use crate::Result;

/// A hash function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
    /// MD5, for digests alone: Workers have it, the standard has not.
    Md5,
    /// SHA-224.
    Sha224,
    /// SHA-512/224.
    Sha512Cut224,
    /// SHA-512/256.
    Sha512Cut256,
    /// SHA3-256.
    Sha3With256,
    /// SHA3-384.
    Sha3With384,
    /// SHA3-512.
    Sha3With512,
    /// RIPEMD-160.
    Ripemd160,
}

/// The longest output of a [`Hash`].
pub(super) const OUTPUT_BYTES_MAX: usize = 64;

impl Hash {
    /// The length of its output.
    pub fn output_bytes(self) -> usize {
        match self {
            Hash::Md5 => 16,
            Hash::Sha1 | Hash::Ripemd160 => 20,
            Hash::Sha224 | Hash::Sha512Cut224 => 28,
            Hash::Sha256 | Hash::Sha512Cut256 | Hash::Sha3With256 => 32,
            Hash::Sha384 | Hash::Sha3With384 => 48,
            Hash::Sha512 | Hash::Sha3With512 => 64,
        }
    }

    /// The length of its block.
    pub fn block_bytes(self) -> usize {
        match self {
            Hash::Md5 | Hash::Sha1 | Hash::Sha224 | Hash::Sha256 | Hash::Ripemd160 => 64,
            Hash::Sha384 | Hash::Sha512 | Hash::Sha512Cut224 | Hash::Sha512Cut256 => 128,
            Hash::Sha3With256 => 136,
            Hash::Sha3With384 => 104,
            Hash::Sha3With512 => 72,
        }
    }

    /// The digest of `data`.
    pub fn digest(self, data: &[u8]) -> Vec<u8> {
        let mut out = vec![0; self.output_bytes()];
        // SAFETY: `out` has room for this hash's output; a digest of bytes in memory cannot fail.
        unsafe { sys::EVP_Digest(data.as_ptr().cast(), data.len(), out.as_mut_ptr(), null_mut(), self.md(), null_mut()) };
        out
    }

    pub(super) fn md(self) -> *const sys::EVP_MD {
        // SAFETY: these return static tables.
        unsafe {
            match self {
                Hash::Md5 => sys::EVP_md5(),
                Hash::Sha1 => sys::EVP_sha1(),
                Hash::Sha256 => sys::EVP_sha256(),
                Hash::Sha384 => sys::EVP_sha384(),
                Hash::Sha512 => sys::EVP_sha512(),
                Hash::Sha224 => sys::EVP_sha224(),
                Hash::Sha512Cut224 => sys::EVP_sha512_224(),
                Hash::Sha512Cut256 => sys::EVP_sha512_256(),
                Hash::Sha3With256 => sys::EVP_sha3_256(),
                Hash::Sha3With384 => sys::EVP_sha3_384(),
                Hash::Sha3With512 => sys::EVP_sha3_512(),
                Hash::Ripemd160 => sys::EVP_ripemd160(),
            }
        }
    }

    pub(super) fn nid(self) -> i32 {
        match self {
            Hash::Md5 => sys::NID_md5,
            Hash::Sha1 => sys::NID_sha1,
            Hash::Sha256 => sys::NID_sha256,
            Hash::Sha384 => sys::NID_sha384,
            Hash::Sha512 => sys::NID_sha512,
            Hash::Sha224 => sys::NID_sha224,
            Hash::Sha512Cut224 => sys::NID_sha512_224,
            Hash::Sha512Cut256 => sys::NID_sha512_256,
            Hash::Sha3With256 => sys::NID_sha3_256,
            Hash::Sha3With384 => sys::NID_sha3_384,
            Hash::Sha3With512 => sys::NID_sha3_512,
            Hash::Ripemd160 => sys::NID_ripemd160,
        }
    }
}

/// A digest of what comes in pieces.
pub struct Hasher {
    context: Owned<sys::EVP_MD_CTX>,
    hash: Hash,
}

// SAFETY: the context is memory without ties to a thread.
unsafe impl Send for Hasher {}

impl Hasher {
    /// What one holds.
    pub const BYTES: usize = 320;

    /// A digest of nothing yet.
    pub fn new(hash: Hash) -> Result<Self> {
        // SAFETY: a new context belongs to us; the table is static.
        let context = unsafe { Owned::new(sys::EVP_MD_CTX_new())? };
        // SAFETY: the context is valid.
        check(unsafe { sys::EVP_DigestInit_ex(context.as_ptr(), hash.md(), null_mut()) }, "the digest could not begin")?;
        Ok(Self { context, hash })
    }

    /// Another digest of what has been added so far.
    pub fn copy(&self) -> Result<Self> {
        let copy = Self::new(self.hash)?;
        // SAFETY: both contexts are valid.
        check(unsafe { sys::EVP_MD_CTX_copy_ex(copy.context.as_ptr(), self.context.as_ptr()) }, "the digest could not be copied")?;
        Ok(copy)
    }

    /// Adds `data`.
    pub fn update(&mut self, data: &[u8]) {
        // SAFETY: the context is valid, the length is the slice's.
        unsafe { sys::EVP_DigestUpdate(self.context.as_ptr(), data.as_ptr().cast(), data.len()) };
    }

    /// The digest of everything added.
    pub fn finish(self) -> Vec<u8> {
        let mut out = vec![0; self.hash.output_bytes()];
        // SAFETY: `out` has room for this hash's output.
        unsafe { sys::EVP_DigestFinal_ex(self.context.as_ptr(), out.as_mut_ptr(), null_mut()) };
        out
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hasher({:?})", self.hash)
    }
}

/// HMAC under one key, as often as wanted.
pub struct Hmac {
    context: Owned<sys::HMAC_CTX>,
    hash: Hash,
}

// SAFETY: the context is memory without ties to a thread.
unsafe impl Send for Hmac {}

impl Hmac {
    /// HMAC with `hash` under `key`.
    pub fn new(hash: Hash, key: &[u8]) -> Result<Self> {
        // SAFETY: a new context belongs to us.
        let context = unsafe { Owned::new(sys::HMAC_CTX_new())? };
        // An empty slice may point anywhere, and null would mean "the key you have".
        let pointer = if key.is_empty() { [0_u8; 1].as_ptr() } else { key.as_ptr() };
        // SAFETY: the key is read within the call, and as long as said.
        let result = unsafe { sys::HMAC_Init_ex(context.as_ptr(), pointer.cast(), key.len(), hash.md(), null_mut()) };
        check(result, "the HMAC could not begin")?;
        Ok(Self { context, hash })
    }

    /// Another one under the same key, with as much of a message as this one has been given.
    pub(super) fn copy(&self) -> Result<Self> {
        // SAFETY: a new context belongs to us.
        let mut copy = Self { context: unsafe { Owned::new(sys::HMAC_CTX_new())? }, hash: self.hash };
        copy.take_over(self);
        Ok(copy)
    }

    fn take_over(&mut self, other: &Self) {
        // SAFETY: both contexts are valid, and not the same one; a context owns no memory besides itself.
        unsafe { sys::HMAC_CTX_copy_ex(self.context.as_ptr(), other.context.as_ptr()) };
    }

    /// Adds a piece of a message.
    pub(super) fn add(&mut self, piece: &[u8]) {
        // SAFETY: the context has a key; the length is the slice's.
        unsafe { sys::HMAC_Update(self.context.as_ptr(), piece.as_ptr(), piece.len()) };
    }

    /// The code of the message that `begun` has been given and of `rest`, written to the front of `out`.
    pub(super) fn code_after(&mut self, begun: &Self, rest: &[u8], out: &mut [u8; OUTPUT_BYTES_MAX]) {
        self.take_over(begun);
        self.add(rest);
        self.end_into(out);
    }

    /// The code of a message, written to the front of `out`; its length.
    pub(super) fn code_into(&mut self, message: &[u8], out: &mut [u8; OUTPUT_BYTES_MAX]) -> usize {
        // SAFETY: the context has a key, which null keeps.
        unsafe { sys::HMAC_Init_ex(self.context.as_ptr(), std::ptr::null(), 0, std::ptr::null(), null_mut()) };
        self.add(message);
        self.end_into(out)
    }

    fn end_into(&mut self, out: &mut [u8; OUTPUT_BYTES_MAX]) -> usize {
        let mut len: c_uint = 0;
        // SAFETY: the context has a key; `out` has room for any hash.
        unsafe { sys::HMAC_Final(self.context.as_ptr(), out.as_mut_ptr(), &mut len) };
        len as usize
    }

    /// The code of `message`.
    pub fn sign(&mut self, message: &[u8]) -> Vec<u8> {
        let mut out = [0; OUTPUT_BYTES_MAX];
        let len = self.code_into(message, &mut out);
        out[..len].to_vec()
    }

    /// The length of a code.
    pub fn output_bytes(&self) -> usize {
        self.hash.output_bytes()
    }
}

impl std::fmt::Debug for Hmac {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hmac({:?})", self.hash)
    }
}

/// `len` bytes by HKDF (RFC 5869): at most 255 times the hash's output.
pub fn hkdf(hash: Hash, secret: &[u8], salt: &[u8], info: &[u8], len: usize) -> Result<Vec<u8>> {
    if len > 255 * hash.output_bytes() {
        return Err(failed("HKDF gives at most 255 times the length of its hash"));
    }
    let mut out = vec![0; len];
    if len == 0 {
        return Ok(out);
    }
    // SAFETY: every pointer goes with its slice's length.
    let result = unsafe {
        sys::HKDF(out.as_mut_ptr(), len, hash.md(), secret.as_ptr(), secret.len(), salt.as_ptr(), salt.len(), info.as_ptr(), info.len())
    };
    check(result, "the derivation failed")?;
    Ok(out)
}
