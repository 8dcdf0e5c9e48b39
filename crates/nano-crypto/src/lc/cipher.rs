//! Ciphers whose data comes in pieces: AES in CBC, CTR, ECB and GCM, and ChaCha20-Poly1305.

use std::ptr::null_mut;

use aws_lc_sys as sys;

use super::aes::{Context, Direction};
use crate::{Error, Result};

/// The longest tag of an authenticated cipher.
const TAG_BYTES_MAX: usize = 16;

/// The longest iv that is read.
const IV_BYTES_MAX: usize = 1 << 10;

/// The longest piece, or additional data, of one call.
const PIECE_BYTES_MAX: usize = i32::MAX as usize / 2;

/// What a cipher is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CipherKind {
    /// The length of its key.
    pub key_bytes: usize,
    /// The length of its iv, 0 for none; where it is authenticated another may be taken.
    pub iv_bytes: usize,
    /// Whether it makes a tag.
    pub authenticated: bool,
}

impl CipherKind {
    /// What the cipher of that name is like, in Node's spelling, lower case.
    pub fn find(name: &str) -> Option<Self> {
        find(name).map(|(kind, _)| kind)
    }
}

type Table = unsafe extern "C" fn() -> *const sys::EVP_CIPHER;

fn find(name: &str) -> Option<(CipherKind, Table)> {
    let (key_bytes, iv_bytes, authenticated, table): (usize, usize, bool, Table) = match name {
        "aes-128-cbc" => (16, 16, false, sys::EVP_aes_128_cbc),
        "aes-192-cbc" => (24, 16, false, sys::EVP_aes_192_cbc),
        "aes-256-cbc" => (32, 16, false, sys::EVP_aes_256_cbc),
        "aes-128-ctr" => (16, 16, false, sys::EVP_aes_128_ctr),
        "aes-192-ctr" => (24, 16, false, sys::EVP_aes_192_ctr),
        "aes-256-ctr" => (32, 16, false, sys::EVP_aes_256_ctr),
        "aes-128-ecb" => (16, 0, false, sys::EVP_aes_128_ecb),
        "aes-192-ecb" => (24, 0, false, sys::EVP_aes_192_ecb),
        "aes-256-ecb" => (32, 0, false, sys::EVP_aes_256_ecb),
        "aes-128-gcm" => (16, 12, true, sys::EVP_aes_128_gcm),
        "aes-192-gcm" => (24, 12, true, sys::EVP_aes_192_gcm),
        "aes-256-gcm" => (32, 12, true, sys::EVP_aes_256_gcm),
        _ => return None,
    };
    Some((CipherKind { key_bytes, iv_bytes, authenticated }, table))
}

/// One encryption or decryption under way.
pub struct Cipher {
    context: Context,
    kind: CipherKind,
    direction: Direction,
}

impl Cipher {
    /// What one holds.
    pub const BYTES: usize = 1 << 10;

    /// The cipher of that name; key and iv must be as long as it wants.
    pub fn new(name: &str, direction: Direction, key: &[u8], iv: &[u8]) -> Result<Self> {
        let (kind, table) = find(name).ok_or(Error::NotSupported("there is no such cipher"))?;
        if key.len() != kind.key_bytes {
            return Err(Error::Operation("Invalid key length"));
        }
        let fits = if kind.authenticated { !iv.is_empty() && iv.len() <= IV_BYTES_MAX } else { iv.len() == kind.iv_bytes };
        if !fits {
            return Err(Error::Operation("Invalid initialization vector"));
        }
        // SAFETY: it returns a static table.
        let context = Context::new(unsafe { table() }, direction)?;
        if kind.authenticated {
            context.control(sys::EVP_CTRL_AEAD_SET_IVLEN, iv.len(), null_mut())?;
        }
        context.start(key, iv)?;
        Ok(Self { context, kind, direction })
    }

    /// Whether the last block is filled up.
    pub fn pad(&mut self, pad: bool) {
        self.context.pad(pad);
    }

    /// Data that is authenticated and not encrypted.
    pub fn authenticate(&mut self, data: &[u8]) -> Result<()> {
        if !self.kind.authenticated || data.len() > PIECE_BYTES_MAX {
            return Err(Error::Operation("there can be no such additional data"));
        }
        self.context.authenticate(data)
    }

    /// What `data` gives.
    pub fn update(&mut self, data: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(data.len() + TAG_BYTES_MAX);
        self.context.update(data, &mut out)?;
        Ok(out)
    }

    /// The rest, and the tag of what was encrypted; `tag` is what a decryption has to find.
    pub fn finish(&mut self, tag: &[u8]) -> Result<(Vec<u8>, [u8; TAG_BYTES_MAX])> {
        let mut found = [0; TAG_BYTES_MAX];
        let mut out = Vec::new();
        if self.kind.authenticated && self.direction == Direction::Decrypt {
            let Some(expected) = found.get_mut(..tag.len()).filter(|tag| !tag.is_empty()) else {
                return Err(Error::Operation("Unsupported state or unable to authenticate data"));
            };
            expected.copy_from_slice(tag);
            self.context.control(sys::EVP_CTRL_AEAD_SET_TAG, tag.len(), found.as_mut_ptr())?;
        }
        let refused = if self.kind.authenticated { "Unsupported state or unable to authenticate data" } else { "bad decrypt" };
        self.context.finish(&mut out).map_err(|_| Error::Operation(refused))?;
        if self.kind.authenticated && self.direction == Direction::Encrypt {
            self.context.control(sys::EVP_CTRL_AEAD_GET_TAG, TAG_BYTES_MAX, found.as_mut_ptr())?;
        }
        Ok((out, found))
    }
}

impl std::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Cipher({:?})", self.kind)
    }
}
