//! The NIST curves: ECDSA and ECDH.

use std::ptr::null_mut;

use aws_lc_sys as sys;

use super::pkey::PKey;
use super::{Owned, bn, check, failed, malformed};
use crate::{Error, Result, Secret};

/// A curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// P-256.
    P256,
    /// P-384.
    P384,
    /// P-521.
    P521,
}

/// The longest uncompressed point.
const POINT_BYTES_MAX: usize = 1 + 2 * 66;

impl Curve {
    /// The length of a coordinate, and of a private key.
    pub fn field_bytes(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    fn nid(self) -> i32 {
        match self {
            Curve::P256 => sys::NID_X9_62_prime256v1,
            Curve::P384 => sys::NID_secp384r1,
            Curve::P521 => sys::NID_secp521r1,
        }
    }
}

/// A key on a curve, public or private.
pub struct EcKey {
    key: PKey,
    curve: Curve,
    private: bool,
}

impl EcKey {
    /// A new private key.
    pub fn generate(curve: Curve) -> Result<Self> {
        let ec = blank(curve)?;
        // SAFETY: the key is valid and ours.
        check(unsafe { sys::EC_KEY_generate_key(ec.as_ptr()) }, "the key could not be generated")?;
        Self::finish(&ec, curve, true)
    }

    /// The public key at a point, compressed or not.
    pub fn from_raw(curve: Curve, point: &[u8]) -> Result<Self> {
        let ec = blank(curve)?;
        set_point(&ec, point)?;
        Self::finish(&ec, curve, false)
    }

    /// The key at the point (x, y), with its private number if there is one. All must have their full length.
    pub fn from_parts(curve: Curve, x: &[u8], y: &[u8], private: Option<&[u8]>) -> Result<Self> {
        let len = curve.field_bytes();
        if x.len() != len || y.len() != len || private.is_some_and(|private| private.len() != len) {
            return Err(Error::Data("a number of this key is not as long as its curve demands"));
        }
        let ec = blank(curve)?;
        set_point(&ec, &[&[4], x, y].concat())?;
        if let Some(private) = private {
            let number = bn::from_bytes(private)?;
            // SAFETY: both are valid; the number is copied.
            let result = unsafe { sys::EC_KEY_set_private_key(ec.as_ptr(), number.as_ptr()) };
            check(result, "").map_err(|_| malformed("the private key is out of range"))?;
        }
        Self::finish(&ec, curve, private.is_some())
    }

    /// The public key in a SubjectPublicKeyInfo.
    pub fn from_spki(curve: Curve, der: &[u8]) -> Result<Self> {
        Self::opened(PKey::from_spki(der, sys::EVP_PKEY_EC)?, curve, false)
    }

    /// The private key in a PrivateKeyInfo.
    pub fn from_pkcs8(curve: Curve, der: &[u8]) -> Result<Self> {
        Self::opened(PKey::from_pkcs8(der, sys::EVP_PKEY_EC)?, curve, true)
    }

    fn opened(key: PKey, curve: Curve, private: bool) -> Result<Self> {
        let ec = key.ec();
        // SAFETY: the key is of this kind and valid.
        unsafe {
            if sys::EC_GROUP_get_curve_name(sys::EC_KEY_get0_group(ec)) != curve.nid() {
                return Err(Error::Data("the key is on another curve"));
            }
            check(sys::EC_KEY_check_key(ec), "").map_err(|_| malformed(NO_KEY))?;
            // A key that came compressed would be given back compressed. Nobody else has the key yet.
            sys::EC_KEY_set_conv_form(ec, sys::point_conversion_form_t::POINT_CONVERSION_UNCOMPRESSED);
        }
        Ok(Self { key, curve, private })
    }

    fn finish(ec: &Owned<sys::EC_KEY>, curve: Curve, private: bool) -> Result<Self> {
        // SAFETY: the key is valid.
        let result = unsafe { sys::EC_KEY_check_key(ec.as_ptr()) };
        check(result, "").map_err(|_| malformed(NO_KEY))?;
        Ok(Self { key: PKey::from_ec(ec)?, curve, private })
    }

    /// The public half.
    pub fn public(&self) -> Result<Self> {
        Self::from_raw(self.curve, &self.to_raw()?)
    }

    /// Whether it can sign and derive.
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// The curve.
    pub fn curve(&self) -> Curve {
        self.curve
    }

    /// The public point, uncompressed: 4, x, y.
    pub fn to_raw(&self) -> Result<Vec<u8>> {
        let mut out = [0; POINT_BYTES_MAX];
        let ec = self.key.ec();
        // SAFETY: the key is valid and has a point; the library writes no more than the length given.
        let len = unsafe {
            sys::EC_POINT_point2oct(
                sys::EC_KEY_get0_group(ec),
                sys::EC_KEY_get0_public_key(ec),
                sys::point_conversion_form_t::POINT_CONVERSION_UNCOMPRESSED,
                out.as_mut_ptr(),
                out.len(),
                null_mut(),
            )
        };
        if len == 0 { Err(failed("the key cannot be encoded")) } else { Ok(out[..len].to_vec()) }
    }

    /// The private number, at its full length.
    pub fn private_part(&self) -> Result<Secret> {
        self.needs_private()?;
        let mut out = Secret::from(vec![0; self.curve.field_bytes()]);
        // SAFETY: a private key has the number, valid as long as it.
        unsafe { bn::write_padded(sys::EC_KEY_get0_private_key(self.key.ec()), &mut out)? };
        Ok(out)
    }

    /// As a SubjectPublicKeyInfo.
    pub fn to_spki(&self) -> Result<Vec<u8>> {
        self.key.to_spki()
    }

    /// As a PrivateKeyInfo.
    pub fn to_pkcs8(&self) -> Result<Secret> {
        self.needs_private()?;
        self.key.to_pkcs8()
    }

    /// ECDSA's signature of data whose digest is `digest`: r and s, each as long as a coordinate.
    pub fn sign(&self, digest: &[u8]) -> Result<Vec<u8>> {
        self.needs_private()?;
        let len = self.curve.field_bytes();
        let mut out = vec![0; 2 * len];
        // SAFETY: the key is valid; what the library makes is owned here, and the numbers live as long as it.
        unsafe {
            let signature = Owned::new(sys::ECDSA_do_sign(digest.as_ptr(), digest.len(), self.key.ec()))?;
            let (mut r, mut s) = (std::ptr::null(), std::ptr::null());
            sys::ECDSA_SIG_get0(signature.as_ptr(), &mut r, &mut s);
            bn::write_padded(r, &mut out[..len])?;
            bn::write_padded(s, &mut out[len..])?;
        }
        Ok(out)
    }

    /// Whether `signature` is ECDSA's of data whose digest is `digest`.
    pub fn verify(&self, digest: &[u8], signature: &[u8]) -> bool {
        let len = self.curve.field_bytes();
        if signature.len() != 2 * len {
            return false;
        }
        let (Ok(r), Ok(s)) = (bn::from_bytes(&signature[..len]), bn::from_bytes(&signature[len..])) else { return false };
        // SAFETY: a new signature takes both numbers over, so they are not freed here.
        let result = unsafe {
            let Ok(pair) = Owned::new(sys::ECDSA_SIG_new()) else { return false };
            if sys::ECDSA_SIG_set0(pair.as_ptr(), r.into_raw(), s.into_raw()) != 1 {
                return false;
            }
            sys::ECDSA_do_verify(digest.as_ptr(), digest.len(), pair.as_ptr(), self.key.ec())
        };
        check(result, "the signature does not match").is_ok()
    }

    /// The secret shared with the owner of `peer`: an x coordinate.
    pub fn agree(&self, peer: &Self) -> Result<Secret> {
        self.needs_private()?;
        if self.curve != peer.curve {
            return Err(Error::InvalidAccess("the keys are on different curves"));
        }
        let mut out = Secret::from(vec![0; self.curve.field_bytes()]);
        // SAFETY: both keys are valid and on one curve; the library writes no more than the length given.
        let len = unsafe {
            let point = sys::EC_KEY_get0_public_key(peer.key.ec());
            sys::ECDH_compute_key(out.as_mut_ptr().cast(), out.len(), point, self.key.ec(), None)
        };
        if len == out.len() as i32 { Ok(out) } else { Err(failed("the keys do not agree")) }
    }

    fn needs_private(&self) -> Result<()> {
        if self.private { Ok(()) } else { Err(Error::InvalidAccess("the key is not private")) }
    }
}

const NO_KEY: &str = "the key is not one of its curve";

fn blank(curve: Curve) -> Result<Owned<sys::EC_KEY>> {
    // SAFETY: a new key belongs to us.
    unsafe { Owned::new(sys::EC_KEY_new_by_curve_name(curve.nid())) }
}

fn set_point(ec: &Owned<sys::EC_KEY>, bytes: &[u8]) -> Result<()> {
    // The library also knows a hybrid form, which WebCrypto does not.
    if !matches!(bytes.first(), Some(2..=4)) {
        return Err(Error::Data("the public key is not a point"));
    }
    // SAFETY: the key is valid; the point is ours until the key has copied it.
    unsafe {
        let group = sys::EC_KEY_get0_group(ec.as_ptr());
        let point = Owned::new(sys::EC_POINT_new(group))?;
        let read = sys::EC_POINT_oct2point(group, point.as_ptr(), bytes.as_ptr(), bytes.len(), null_mut());
        check(read, "").map_err(|_| malformed("the public key is not a point of its curve"))?;
        check(sys::EC_KEY_set_public_key(ec.as_ptr(), point.as_ptr()), "").map_err(|_| malformed(NO_KEY))
    }
}

impl std::fmt::Debug for EcKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EcKey({:?}, {})", self.curve, if self.private { "private" } else { "public" })
    }
}
