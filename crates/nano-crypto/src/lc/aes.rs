//! AES: CBC, CTR, GCM, and key wrapping.

use std::os::raw::c_int;
use std::ptr::null_mut;

use aws_lc_sys as sys;

use super::{Owned, check, failed};
use crate::{Error, Result};

/// Which way a cipher goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Plaintext to ciphertext.
    Encrypt,
    /// Back.
    Decrypt,
}

const BLOCK_BYTES: usize = 16;

/// What one call of the library takes.
const INPUT_BYTES_MAX: usize = i32::MAX as usize - 2 * BLOCK_BYTES;

/// Why a decryption failed is nobody's business.
const REFUSED: &str = "The operation failed for an operation-specific reason";

/// AES-CBC with PKCS#7 padding.
pub fn cbc(direction: Direction, key: &[u8], iv: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    if iv.len() != BLOCK_BYTES {
        return Err(Error::Operation("the iv of AES-CBC is 16 bytes long"));
    }
    // SAFETY: these return static tables.
    let cipher = unsafe {
        match key.len() {
            16 => sys::EVP_aes_128_cbc(),
            24 => sys::EVP_aes_192_cbc(),
            32 => sys::EVP_aes_256_cbc(),
            _ => return Err(BAD_KEY),
        }
    };
    let context = Context::new(cipher, direction)?;
    context.start(key, iv)?;
    let mut out = Vec::with_capacity(data.len() + BLOCK_BYTES);
    context.update(data, &mut out)?;
    context.finish(&mut out)?;
    Ok(out)
}

/// AES-CTR whose counter is the last `counter_bits` of the block; the rest is the nonce and never changes.
pub fn ctr(key: &[u8], block: &[u8], counter_bits: u32, data: &[u8]) -> Result<Vec<u8>> {
    let Ok(block) = <[u8; BLOCK_BYTES]>::try_from(block) else {
        return Err(Error::Operation("the counter of AES-CTR is 16 bytes long"));
    };
    if !(1..=128).contains(&counter_bits) {
        return Err(Error::Operation("the length of AES-CTR's counter is 1 to 128 bits"));
    }
    // SAFETY: these return static tables.
    let cipher = unsafe {
        match key.len() {
            16 => sys::EVP_aes_128_ctr(),
            24 => sys::EVP_aes_192_ctr(),
            32 => sys::EVP_aes_256_ctr(),
            _ => return Err(BAD_KEY),
        }
    };
    let blocks = data.len().div_ceil(BLOCK_BYTES) as u128;
    let mask = if counter_bits == 128 { u128::MAX } else { (1 << counter_bits) - 1 };
    if blocks > 0 && blocks - 1 > mask {
        return Err(Error::Operation("the data is longer than AES-CTR's counter can count"));
    }
    let block = u128::from_be_bytes(block);
    // Blocks until the counter is at zero again; the library's counter is all 128 bits and would carry into the nonce.
    let until_wrap = (mask - (block & mask)).saturating_add(1);
    let first_bytes = if blocks > until_wrap { until_wrap as usize * BLOCK_BYTES } else { data.len() };
    let mut out = Vec::with_capacity(data.len() + BLOCK_BYTES);
    for (block, part) in [(block, &data[..first_bytes]), (block & !mask, &data[first_bytes..])] {
        if !part.is_empty() {
            let context = Context::new(cipher, Direction::Encrypt)?;
            context.start(key, &block.to_be_bytes())?;
            context.update(part, &mut out)?;
        }
    }
    Ok(out)
}

/// AES-GCM; the tag follows the ciphertext.
pub fn gcm(direction: Direction, key: &[u8], iv: &[u8], additional: &[u8], tag_bits: u32, data: &[u8]) -> Result<Vec<u8>> {
    if !matches!(tag_bits, 32 | 64 | 96 | 104 | 112 | 120 | 128) {
        return Err(Error::Operation("the tag of AES-GCM is 32, 64, 96, 104, 112, 120 or 128 bits long"));
    }
    if iv.is_empty() || iv.len() > INPUT_BYTES_MAX || additional.len() > INPUT_BYTES_MAX {
        return Err(Error::Operation("the iv of AES-GCM must not be empty"));
    }
    // SAFETY: these return static tables.
    let cipher = unsafe {
        match key.len() {
            16 => sys::EVP_aes_128_gcm(),
            24 => sys::EVP_aes_192_gcm(),
            32 => sys::EVP_aes_256_gcm(),
            _ => return Err(BAD_KEY),
        }
    };
    let tag_bytes = tag_bits as usize / 8;
    let context = Context::new(cipher, direction)?;
    context.control(sys::EVP_CTRL_AEAD_SET_IVLEN, iv.len(), null_mut())?;
    context.start(key, iv)?;
    context.authenticate(additional)?;
    let mut out = Vec::with_capacity(data.len() + BLOCK_BYTES);
    match direction {
        Direction::Encrypt => {
            context.update(data, &mut out)?;
            context.finish(&mut out)?;
            let mut tag = [0_u8; BLOCK_BYTES];
            context.control(sys::EVP_CTRL_AEAD_GET_TAG, tag_bytes, tag.as_mut_ptr())?;
            out.extend_from_slice(&tag[..tag_bytes]);
        }
        Direction::Decrypt => {
            let Some(split) = data.len().checked_sub(tag_bytes) else {
                return Err(Error::Operation("the data is shorter than its tag"));
            };
            let (data, tag) = data.split_at(split);
            let mut tag = tag.to_vec();
            context.update(data, &mut out)?;
            context.control(sys::EVP_CTRL_AEAD_SET_TAG, tag_bytes, tag.as_mut_ptr())?;
            if let Err(error) = context.finish(&mut out) {
                super::cleanse(&mut out);
                return Err(error);
            }
        }
    }
    Ok(out)
}

/// Wraps a key (RFC 3394).
pub fn wrap(key: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    if data.len() < 16 || !data.len().is_multiple_of(8) {
        return Err(Error::Operation("AES-KW wraps a multiple of 8 bytes, at least 16"));
    }
    let schedule = Schedule::new(key, Direction::Encrypt)?;
    let mut out = vec![0; data.len() + 8];
    // SAFETY: the schedule is set, a null iv is the standard's, the output is 8 bytes longer than the input.
    let len = unsafe { sys::AES_wrap_key(&schedule.0, std::ptr::null(), out.as_mut_ptr(), data.as_ptr(), data.len()) };
    if len == out.len() as c_int { Ok(out) } else { Err(failed(REFUSED)) }
}

/// Unwraps it.
pub fn unwrap(key: &[u8], data: &[u8]) -> Result<Vec<u8>> {
    if data.len() < 24 || !data.len().is_multiple_of(8) {
        return Err(Error::Operation(REFUSED));
    }
    let schedule = Schedule::new(key, Direction::Decrypt)?;
    let mut out = vec![0; data.len() - 8];
    // SAFETY: as above, the output 8 bytes shorter.
    let len = unsafe { sys::AES_unwrap_key(&schedule.0, std::ptr::null(), out.as_mut_ptr(), data.as_ptr(), data.len()) };
    if len == out.len() as c_int { Ok(out) } else { Err(failed(REFUSED)) }
}

const BAD_KEY: Error = Error::Operation("an AES key is 128, 192 or 256 bits long");

/// An expanded key, erased when dropped.
struct Schedule(sys::AES_KEY);

impl Schedule {
    fn new(key: &[u8], direction: Direction) -> Result<Self> {
        if !matches!(key.len(), 16 | 24 | 32) {
            return Err(BAD_KEY);
        }
        // SAFETY: plain numbers, for which zero is a value.
        let mut schedule = Self(unsafe { std::mem::zeroed() });
        let bits = key.len() as u32 * 8;
        // SAFETY: the key is `bits` long, one of the three lengths.
        let result = unsafe {
            match direction {
                Direction::Encrypt => sys::AES_set_encrypt_key(key.as_ptr(), bits, &mut schedule.0),
                Direction::Decrypt => sys::AES_set_decrypt_key(key.as_ptr(), bits, &mut schedule.0),
            }
        };
        if result == 0 { Ok(schedule) } else { Err(failed(REFUSED)) }
    }
}

impl Drop for Schedule {
    fn drop(&mut self) {
        // SAFETY: the schedule's own memory.
        unsafe { sys::OPENSSL_cleanse(std::ptr::from_mut(&mut self.0).cast(), size_of::<sys::AES_KEY>()) };
    }
}

/// A cipher at work.
pub(super) struct Context(Owned<sys::EVP_CIPHER_CTX>);

impl Context {
    /// Chooses the cipher; key and iv follow.
    pub(super) fn new(cipher: *const sys::EVP_CIPHER, direction: Direction) -> Result<Self> {
        // SAFETY: a new context belongs to us.
        let context = unsafe { Owned::new(sys::EVP_CIPHER_CTX_new())? };
        let encrypt = c_int::from(direction == Direction::Encrypt);
        // SAFETY: the context is valid, the cipher a static table.
        let result = unsafe { sys::EVP_CipherInit_ex(context.as_ptr(), cipher, null_mut(), std::ptr::null(), std::ptr::null(), encrypt) };
        check(result, REFUSED)?;
        Ok(Self(context))
    }

    /// Sets key and iv. Their lengths have been checked against the cipher.
    pub(super) fn start(&self, key: &[u8], iv: &[u8]) -> Result<()> {
        // SAFETY: the cipher is chosen; -1 keeps its direction; it reads as many bytes as were checked.
        let result = unsafe { sys::EVP_CipherInit_ex(self.0.as_ptr(), std::ptr::null(), null_mut(), key.as_ptr(), iv.as_ptr(), -1) };
        check(result, REFUSED)
    }

    pub(super) fn control(&self, command: i32, argument: usize, pointer: *mut u8) -> Result<()> {
        let argument = c_int::try_from(argument).map_err(|_| failed(REFUSED))?;
        // SAFETY: the commands used here read or write `argument` bytes at the pointer, or only take the argument.
        check(unsafe { sys::EVP_CIPHER_CTX_ctrl(self.0.as_ptr(), command, argument, pointer.cast()) }, REFUSED)
    }

    /// Additional data of an authenticated cipher.
    pub(super) fn authenticate(&self, data: &[u8]) -> Result<()> {
        if data.is_empty() {
            return Ok(());
        }
        let mut len: c_int = 0;
        // SAFETY: without an output the data is authenticated only; its length was checked.
        let result = unsafe { sys::EVP_CipherUpdate(self.0.as_ptr(), null_mut(), &mut len, data.as_ptr(), data.len() as c_int) };
        check(result, REFUSED)
    }

    /// Appends what `data` gives to `out`, which has room for the data and a block.
    pub(super) fn update(&self, data: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if data.len() > INPUT_BYTES_MAX {
            return Err(Error::Operation("the data is too long"));
        }
        if data.is_empty() {
            return Ok(());
        }
        out.reserve(data.len() + BLOCK_BYTES);
        let mut len: c_int = 0;
        let room = out.spare_capacity_mut().as_mut_ptr().cast();
        // SAFETY: an update writes at most the input's length and one block, for which there is room.
        let result = unsafe { sys::EVP_CipherUpdate(self.0.as_ptr(), room, &mut len, data.as_ptr(), data.len() as c_int) };
        check(result, REFUSED)?;
        // SAFETY: that many bytes have been written.
        unsafe { out.set_len(out.len() + len as usize) };
        Ok(())
    }

    /// Whether blocks are filled up at the end.
    pub(super) fn pad(&self, pad: bool) {
        // SAFETY: the context is valid.
        unsafe { sys::EVP_CIPHER_CTX_set_padding(self.0.as_ptr(), c_int::from(pad)) };
    }

    /// Appends the last block.
    pub(super) fn finish(&self, out: &mut Vec<u8>) -> Result<()> {
        out.reserve(BLOCK_BYTES);
        let mut len: c_int = 0;
        // SAFETY: the end writes at most one block.
        let result = unsafe { sys::EVP_CipherFinal_ex(self.0.as_ptr(), out.spare_capacity_mut().as_mut_ptr().cast(), &mut len) };
        check(result, REFUSED)?;
        // SAFETY: that many bytes have been written.
        unsafe { out.set_len(out.len() + len as usize) };
        Ok(())
    }
}
