//! The algorithms of WebCrypto over byte slices, without V8 and without a thought of JavaScript's types.
//!
//! Everything is AWS-LC, called through `aws-lc-sys`. The safe crate above it (`aws-lc-rs`) speaks for protocols and lacks half of what
//! WebCrypto asks for: GCM with other nonces than 96 bits and other tags than 128, CTR with a counter shorter than its block, PSS with any
//! salt, RSA's components one by one, ECDSA with any hash on any curve, RSA with SHA-1, MD5, PBKDF2 in slices. One library
//! called one way is less to trust than two; `lc` is the only module with `unsafe` in it, and gives out safe types only.
//!
//! Secrets are erased when they are dropped: by [`Secret`] here, by AWS-LC's own `free` there.

#![deny(unsafe_code)]

mod error;
mod lc;
mod okp;
mod secret;

pub use error::{Error, Result};
pub use lc::aes::{self, Direction};
pub use lc::cipher::{Cipher, CipherKind};
pub use lc::ec::{Curve, EcKey};
pub use lc::hash::{Hash, Hasher, Hmac, hkdf};
pub use lc::pbkdf2::Pbkdf2;
pub use lc::rsa::{MODULUS_BITS_MAX, PrivateParts, RsaKey};
pub use lc::scrypt::{ScryptWork, scrypt};
pub use lc::{constant_time_eq, fill_random};
pub use okp::{OkpKey, OkpKind};
pub use secret::Secret;

/// A key of any kind, cheap to share between threads behind an `Arc`.
#[derive(Debug)]
pub enum Key {
    /// Of AES, HMAC, HKDF, PBKDF2.
    Secret(Secret),
    /// Of RSA, public or private.
    Rsa(RsaKey),
    /// Of ECDSA and ECDH, public or private.
    Ec(EcKey),
    /// Of Ed25519 and X25519, public or private.
    Okp(OkpKey),
}

impl Key {
    /// About how much memory it holds.
    pub fn bytes(&self) -> usize {
        match self {
            Key::Secret(secret) => secret.len(),
            // Both halves keep their numbers twice: as numbers and in Montgomery form.
            Key::Rsa(key) => 2048 + key.modulus_bits() as usize,
            Key::Ec(_) => 2048,
            Key::Okp(_) => 128,
        }
    }
}

#[cfg(test)]
mod tests;
