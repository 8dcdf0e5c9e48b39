//! Curve25519: the functions beneath Ed25519 and X25519.

use aws_lc_sys as sys;

use super::pkey::PKey;
use super::{check, malformed};
use crate::{Result, Secret};

/// The public key of an Ed25519 seed, and the 64 bytes that signing takes.
pub(crate) fn ed25519_expand(seed: &[u8; 32]) -> ([u8; 32], Secret) {
    let mut public = [0; 32];
    let mut private = Secret::from(vec![0; 64]);
    // SAFETY: 32 bytes out, 64 bytes out, 32 bytes in.
    unsafe { sys::ED25519_keypair_from_seed(public.as_mut_ptr(), private.as_mut_ptr(), seed.as_ptr()) };
    (public, private)
}

/// The signature of `message`; `private` is what [`ed25519_expand`] gave.
pub(crate) fn ed25519_sign(private: &Secret, message: &[u8]) -> Result<Vec<u8>> {
    let Some(private) = private.first_chunk::<64>() else { return Err(malformed("the key is not private")) };
    let mut out = vec![0; 64];
    // SAFETY: 64 bytes out, 64 bytes of key in.
    let result = unsafe { sys::ED25519_sign(out.as_mut_ptr(), message.as_ptr(), message.len(), private.as_ptr()) };
    check(result, "the signature could not be made")?;
    Ok(out)
}

/// Whether `signature` is that of `message`.
pub(crate) fn ed25519_verify(public: &[u8; 32], message: &[u8], signature: &[u8]) -> bool {
    let Ok(signature) = <&[u8; 64]>::try_from(signature) else { return false };
    // SAFETY: 64 bytes of signature and 32 of key in.
    let result = unsafe { sys::ED25519_verify(message.as_ptr(), message.len(), signature.as_ptr(), public.as_ptr()) };
    check(result, "the signature does not match").is_ok()
}

/// The public key of an X25519 private key.
pub(crate) fn x25519_public(private: &[u8; 32]) -> [u8; 32] {
    let mut public = [0; 32];
    // SAFETY: 32 bytes out, 32 bytes in.
    unsafe { sys::X25519_public_from_private(public.as_mut_ptr(), private.as_ptr()) };
    public
}

/// The shared secret; an error if it would be zero, that is, if the other side's point has a small order.
pub(crate) fn x25519(private: &[u8; 32], peer: &[u8; 32]) -> Result<Secret> {
    let mut out = Secret::from(vec![0; 32]);
    // SAFETY: 32 bytes out, 32 and 32 bytes in.
    let result = unsafe { sys::X25519(out.as_mut_ptr(), private.as_ptr(), peer.as_ptr()) };
    check(result, "the other key is not usable: the shared secret would be zero")?;
    Ok(out)
}

/// The public key in a SubjectPublicKeyInfo.
pub(crate) fn public_from_spki(ed25519: bool, der: &[u8]) -> Result<[u8; 32]> {
    PKey::from_spki(der, id(ed25519))?.raw_public()
}

/// The private key in a PrivateKeyInfo.
pub(crate) fn private_from_pkcs8(ed25519: bool, der: &[u8]) -> Result<[u8; 32]> {
    PKey::from_pkcs8(der, id(ed25519))?.raw_private()
}

fn id(ed25519: bool) -> i32 {
    if ed25519 { sys::EVP_PKEY_ED25519 } else { sys::EVP_PKEY_X25519 }
}
