//! Keys of Ed25519 and X25519.

use crate::lc::cfrg;
use crate::{Error, Result, Secret};

/// What a key on Curve25519 is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OkpKind {
    /// Signatures.
    Ed25519,
    /// Key agreement.
    X25519,
}

/// A key on Curve25519, public or private.
#[derive(Debug)]
pub struct OkpKey {
    kind: OkpKind,
    public: [u8; 32],
    /// The 32 bytes of X25519; for Ed25519 its seed and, as signing wants it, the public key once more.
    private: Option<Secret>,
}

/// What comes before the 32 bytes in a SubjectPublicKeyInfo; byte 8 is the last of the object identifier.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0, 0x03, 0x21, 0x00];

/// What comes before the 32 bytes in a PrivateKeyInfo; byte 11 is the last of the object identifier.
const PKCS8: [u8; 16] = [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0, 0x04, 0x22, 0x04, 0x20];

impl OkpKind {
    /// The last byte of its object identifier (RFC 8410).
    fn oid(self) -> u8 {
        match self {
            OkpKind::Ed25519 => 112,
            OkpKind::X25519 => 110,
        }
    }
}

impl OkpKey {
    /// A new private key.
    pub fn generate(kind: OkpKind) -> Result<Self> {
        Self::from_private(kind, &Secret::random(32))
    }

    /// The private key of 32 bytes.
    pub fn from_private(kind: OkpKind, private: &[u8]) -> Result<Self> {
        let private: &[u8; 32] = private.try_into().map_err(|_| LENGTH)?;
        let (public, private) = match kind {
            OkpKind::Ed25519 => cfrg::ed25519_expand(private),
            OkpKind::X25519 => (cfrg::x25519_public(private), Secret::from(private.to_vec())),
        };
        Ok(Self { kind, public, private: Some(private) })
    }

    /// The private key of a JSON web key, which must fit its public one.
    pub fn from_parts(kind: OkpKind, public: &[u8], private: &[u8]) -> Result<Self> {
        let key = Self::from_private(kind, private)?;
        if key.public != public {
            return Err(Error::Data("the public key is not that of the private key"));
        }
        Ok(key)
    }

    /// The public key of 32 bytes.
    pub fn from_raw(kind: OkpKind, public: &[u8]) -> Result<Self> {
        Ok(Self { kind, public: public.try_into().map_err(|_| LENGTH)?, private: None })
    }

    /// The public key in a SubjectPublicKeyInfo.
    pub fn from_spki(kind: OkpKind, der: &[u8]) -> Result<Self> {
        Self::from_raw(kind, &cfrg::public_from_spki(kind == OkpKind::Ed25519, der)?)
    }

    /// The private key in a PrivateKeyInfo.
    pub fn from_pkcs8(kind: OkpKind, der: &[u8]) -> Result<Self> {
        Self::from_private(kind, &cfrg::private_from_pkcs8(kind == OkpKind::Ed25519, der)?)
    }

    /// The public half.
    pub fn public(&self) -> Self {
        Self { kind: self.kind, public: self.public, private: None }
    }

    /// Whether it can sign or derive.
    pub fn is_private(&self) -> bool {
        self.private.is_some()
    }

    /// The public key's 32 bytes.
    pub fn to_raw(&self) -> Vec<u8> {
        self.public.to_vec()
    }

    /// The private key's 32 bytes.
    pub fn private_part(&self) -> Result<Secret> {
        Ok(Secret::from(self.private()?[..32].to_vec()))
    }

    /// As a SubjectPublicKeyInfo.
    pub fn to_spki(&self) -> Vec<u8> {
        let mut der = SPKI;
        der[8] = self.kind.oid();
        [&der[..], &self.public].concat()
    }

    /// As a PrivateKeyInfo.
    pub fn to_pkcs8(&self) -> Result<Secret> {
        let mut der = PKCS8;
        der[11] = self.kind.oid();
        Ok(Secret::from([&der[..], &self.private()?[..32]].concat()))
    }

    /// Ed25519's signature of `data`.
    pub fn sign(&self, data: &[u8]) -> Result<Vec<u8>> {
        cfrg::ed25519_sign(self.private()?, data)
    }

    /// Whether `signature` is Ed25519's of `data`. One with a point of small order, be it the key or in the signature, would be valid for
    /// more than one text: it is never.
    pub fn verify(&self, data: &[u8], signature: &[u8]) -> bool {
        let commitment = signature.first_chunk();
        !has_small_order(&self.public)
            && commitment.is_some_and(|point| !has_small_order(point))
            && cfrg::ed25519_verify(&self.public, data, signature)
    }

    /// The secret shared with the owner of `peer`.
    pub fn agree(&self, peer: &Self) -> Result<Secret> {
        let private: &[u8; 32] = self.private()?.first_chunk().ok_or(LENGTH)?;
        cfrg::x25519(private, &peer.public)
    }

    fn private(&self) -> Result<&Secret> {
        self.private.as_ref().ok_or(Error::InvalidAccess("the key is not private"))
    }
}

/// The y coordinates of the eight points whose order divides eight, in every way of writing them: 0, 1, the two of order eight, p - 1, and
/// 0 and 1 once more with p added.
const SMALL_ORDER: [[u8; 32]; 7] = [
    [0; 32],
    near(0x01, 0x00, 0x00),
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
        0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
        0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    near(0xec, 0xff, 0x7f),
    near(0xed, 0xff, 0x7f),
    near(0xee, 0xff, 0x7f),
];

/// A number in little-endian order whose bytes are alike but for the first and the last.
const fn near(first: u8, middle: u8, last: u8) -> [u8; 32] {
    let mut bytes = [middle; 32];
    bytes[0] = first;
    bytes[31] = last;
    bytes
}

/// The highest bit is the sign of the other coordinate.
fn has_small_order(point: &[u8; 32]) -> bool {
    let mut y = *point;
    y[31] &= 0x7f;
    SMALL_ORDER.contains(&y)
}

const LENGTH: Error = Error::Data("a key on Curve25519 is 32 bytes long");
