//! RSA: RSASSA-PKCS1-v1_5, RSA-PSS, RSA-OAEP.

use std::os::raw::{c_int, c_void};

use aws_lc_sys as sys;

use super::hash::Hash;
use super::pkey::PKey;
use super::{Owned, aes::Direction, bn, check, failed, malformed};
use crate::{Error, Result, Secret};

/// The largest modulus that is taken in: a private operation with it is tens of milliseconds.
pub const MODULUS_BITS_MAX: u32 = 8192;

/// The largest modulus that is generated: with 4096 bits a second, with 8192 half a minute.
const GENERATED_BITS_MAX: u32 = 4096;

/// The smallest modulus that is taken in: below, the paddings do not fit, and it protects nothing anyway.
const MODULUS_BITS_MIN: u32 = 512;

/// The smallest modulus that is generated.
const GENERATED_BITS_MIN: u32 = 1024;

/// The bits of a public exponent at most, as everywhere: larger ones make verification a burden.
const EXPONENT_BITS_MAX: u32 = 33;

/// The numbers of a private key in the order of a JSON web key: d, p, q, dp, dq, qi.
pub type PrivateParts<T> = [T; 6];

/// An RSA key, public or private.
pub struct RsaKey {
    key: PKey,
    private: bool,
}

impl RsaKey {
    /// Whether a key can be generated with these numbers.
    pub fn check_parameters(bits: u32, exponent: &[u8]) -> Result<()> {
        if !(GENERATED_BITS_MIN..=GENERATED_BITS_MAX).contains(&bits) || !bits.is_multiple_of(128) {
            return Err(Error::Operation("an RSA key can be generated with 1024 to 4096 bits, in steps of 128"));
        }
        check_exponent(&bn::from_bytes(exponent)?)
            .map_err(|_| Error::Operation("the public exponent of an RSA key is an odd number from 3 to 2^33"))
    }

    /// A new private key. `stop` is asked now and then and ends the search by returning true.
    pub fn generate(bits: u32, exponent: &[u8], mut stop: &mut dyn FnMut() -> bool) -> Result<Self> {
        Self::check_parameters(bits, exponent)?;
        let exponent = bn::from_bytes(exponent)?;
        // SAFETY: what the library makes is owned here; the callback's argument outlives the call that uses it, and the callback is
        // called within it only.
        unsafe {
            let rsa = Owned::new(sys::RSA_new())?;
            let callback = Owned::new(sys::BN_GENCB_new())?;
            sys::BN_GENCB_set(callback.as_ptr(), Some(keep_going), std::ptr::from_mut(&mut stop).cast::<c_void>());
            let made = sys::RSA_generate_key_ex(rsa.as_ptr(), bits as c_int, exponent.as_ptr(), callback.as_ptr());
            check(made, "the RSA key could not be generated")?;
            Ok(Self { key: PKey::from_rsa(&rsa)?, private: true })
        }
    }

    /// The public key of modulus and exponent.
    pub fn from_public_parts(modulus: &[u8], exponent: &[u8]) -> Result<Self> {
        let (modulus, exponent) = (bn::from_bytes(modulus)?, bn::from_bytes(exponent)?);
        // SAFETY: the numbers are valid; the library copies them.
        let rsa = unsafe { Owned::new(sys::RSA_new_public_key(modulus.as_ptr(), exponent.as_ptr())) };
        let rsa = rsa.map_err(|_| malformed("these numbers are no RSA key"))?;
        Self { key: PKey::from_rsa(&rsa)?, private: false }.checked()
    }

    /// The private key of all its numbers.
    pub fn from_private_parts(modulus: &[u8], exponent: &[u8], parts: &PrivateParts<&[u8]>) -> Result<Self> {
        let (modulus, exponent) = (bn::from_bytes(modulus)?, bn::from_bytes(exponent)?);
        let mut numbers = Vec::with_capacity(parts.len());
        for part in parts {
            numbers.push(bn::from_bytes(part)?);
        }
        let [d, p, q, dp, dq, qi] = &numbers[..] else { unreachable!("as many numbers as parts") };
        // Before the library looks closer, which takes a time that grows with the square.
        for number in numbers.iter().chain([&modulus]) {
            // SAFETY: the number is valid.
            if unsafe { sys::BN_num_bits(number.as_ptr()) } > MODULUS_BITS_MAX {
                return Err(TOO_LARGE);
            }
        }
        // SAFETY: the numbers are valid; the library copies and checks them.
        let rsa = unsafe {
            Owned::new(sys::RSA_new_private_key(
                modulus.as_ptr(),
                exponent.as_ptr(),
                d.as_ptr(),
                p.as_ptr(),
                q.as_ptr(),
                dp.as_ptr(),
                dq.as_ptr(),
                qi.as_ptr(),
            ))
        };
        let rsa = rsa.map_err(|_| malformed("these numbers are no RSA key"))?;
        Self { key: PKey::from_rsa(&rsa)?, private: true }.checked()
    }

    /// The public key in a SubjectPublicKeyInfo.
    pub fn from_spki(der: &[u8]) -> Result<Self> {
        Self { key: PKey::from_spki(der, sys::EVP_PKEY_RSA)?, private: false }.checked()
    }

    /// The private key in a PrivateKeyInfo.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self> {
        // A key of 8192 bits is less than 5 KiB.
        if der.len() > 8 << 10 {
            return Err(TOO_LARGE);
        }
        Self { key: PKey::from_pkcs8(der, sys::EVP_PKEY_RSA)?, private: true }.checked()
    }

    fn checked(self) -> Result<Self> {
        let bits = self.modulus_bits();
        if bits > MODULUS_BITS_MAX {
            return Err(TOO_LARGE);
        }
        if bits < MODULUS_BITS_MIN {
            return Err(Error::Data("an RSA key has 512 bits at least"));
        }
        // SAFETY: the exponent belongs to the key and is valid as long as it.
        let exponent = unsafe { bn::from_bytes(&bn::to_bytes(sys::RSA_get0_e(self.key.rsa())))? };
        check_exponent(&exponent)?;
        Ok(self)
    }

    /// The public half.
    pub fn public(&self) -> Result<Self> {
        let (modulus, exponent) = self.public_parts();
        Self::from_public_parts(&modulus, &exponent)
    }

    /// Whether it can sign and decrypt.
    pub fn is_private(&self) -> bool {
        self.private
    }

    /// The length of the modulus.
    pub fn modulus_bits(&self) -> u32 {
        // SAFETY: the key is valid.
        unsafe { sys::RSA_bits(self.key.rsa()) }
    }

    /// Modulus and public exponent.
    pub fn public_parts(&self) -> (Vec<u8>, Vec<u8>) {
        let rsa = self.key.rsa();
        // SAFETY: every RSA key has both numbers, valid as long as it.
        unsafe { (bn::to_bytes(sys::RSA_get0_n(rsa)), bn::to_bytes(sys::RSA_get0_e(rsa))) }
    }

    /// The numbers of a private key.
    pub fn private_parts(&self) -> Result<PrivateParts<Secret>> {
        let rsa = self.key.rsa();
        // SAFETY: the key is valid; a number that it lacks is null.
        unsafe {
            let numbers = [
                sys::RSA_get0_d(rsa),
                sys::RSA_get0_p(rsa),
                sys::RSA_get0_q(rsa),
                sys::RSA_get0_dmp1(rsa),
                sys::RSA_get0_dmq1(rsa),
                sys::RSA_get0_iqmp(rsa),
            ];
            if numbers.iter().any(|number| number.is_null()) {
                return Err(Error::InvalidAccess("the key is not private"));
            }
            Ok(numbers.map(|number| Secret::from(bn::to_bytes(number))))
        }
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

    /// RSASSA-PKCS1-v1_5 of data whose digest by `hash` is `digest`.
    pub fn sign_pkcs1(&self, hash: Hash, digest: &[u8]) -> Result<Vec<u8>> {
        self.needs_private()?;
        let mut out = vec![0; self.size()];
        let mut len = 0;
        // SAFETY: the output is as long as the modulus, which is what a signature is.
        let result = unsafe { sys::RSA_sign(hash.nid(), digest.as_ptr(), digest.len(), out.as_mut_ptr(), &mut len, self.key.rsa()) };
        check(result, "the key is too short for this hash")?;
        out.truncate(len as usize);
        Ok(out)
    }

    /// Whether `signature` is RSASSA-PKCS1-v1_5's of data whose digest by `hash` is `digest`.
    pub fn verify_pkcs1(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        // SAFETY: pointers go with their slices' lengths.
        let result =
            unsafe { sys::RSA_verify(hash.nid(), digest.as_ptr(), digest.len(), signature.as_ptr(), signature.len(), self.key.rsa()) };
        accepted(result)
    }

    /// RSASSA-PSS of data whose digest by `hash` is `digest`, with a salt of `salt_bytes`, or of as many as there is room for.
    pub fn sign_pss(&self, hash: Hash, salt_bytes: Option<u32>, digest: &[u8]) -> Result<Vec<u8>> {
        self.needs_private()?;
        let salt_bytes = salt_len(salt_bytes).ok_or(Error::Operation(SALT))?;
        let mut out = vec![0; self.size()];
        let mut len = 0;
        // SAFETY: the output is as long as said, and as the modulus.
        let result = unsafe {
            sys::RSA_sign_pss_mgf1(
                self.key.rsa(),
                &mut len,
                out.as_mut_ptr(),
                out.len(),
                digest.as_ptr(),
                digest.len(),
                hash.md(),
                hash.md(),
                salt_bytes,
            )
        };
        check(result, SALT)?;
        out.truncate(len);
        Ok(out)
    }

    /// Whether `signature` is RSASSA-PSS's of data whose digest by `hash` is `digest`, with a salt of `salt_bytes`, or of any length.
    pub fn verify_pss(&self, hash: Hash, salt_bytes: Option<u32>, digest: &[u8], signature: &[u8]) -> bool {
        let Some(salt_bytes) = salt_len(salt_bytes) else { return false };
        // SAFETY: pointers go with their slices' lengths.
        let result = unsafe {
            sys::RSA_verify_pss_mgf1(
                self.key.rsa(),
                digest.as_ptr(),
                digest.len(),
                hash.md(),
                hash.md(),
                salt_bytes,
                signature.as_ptr(),
                signature.len(),
            )
        };
        accepted(result)
    }

    /// RSA-OAEP.
    pub fn oaep(&self, direction: Direction, hash: Hash, label: &[u8], data: &[u8]) -> Result<Vec<u8>> {
        const REFUSED: &str = "The operation failed for an operation-specific reason";
        if direction == Direction::Decrypt {
            self.needs_private()?;
        }
        let mut out = vec![0; self.size()];
        let mut len = out.len();
        // SAFETY: the context belongs to us and keeps the key; the label is handed over as the library's own memory; the output is as
        // long as said.
        unsafe {
            let context = Owned::new(sys::EVP_PKEY_CTX_new(self.key.as_ptr(), std::ptr::null_mut()))?;
            let begun = match direction {
                Direction::Encrypt => sys::EVP_PKEY_encrypt_init(context.as_ptr()),
                Direction::Decrypt => sys::EVP_PKEY_decrypt_init(context.as_ptr()),
            };
            check(begun, REFUSED)?;
            check(sys::EVP_PKEY_CTX_set_rsa_padding(context.as_ptr(), sys::RSA_PKCS1_OAEP_PADDING), REFUSED)?;
            check(sys::EVP_PKEY_CTX_set_rsa_oaep_md(context.as_ptr(), hash.md()), REFUSED)?;
            check(sys::EVP_PKEY_CTX_set_rsa_mgf1_md(context.as_ptr(), hash.md()), REFUSED)?;
            if !label.is_empty() {
                let copy = sys::OPENSSL_malloc(label.len()).cast::<u8>();
                if copy.is_null() {
                    return Err(failed(REFUSED));
                }
                std::ptr::copy_nonoverlapping(label.as_ptr(), copy, label.len());
                if sys::EVP_PKEY_CTX_set0_rsa_oaep_label(context.as_ptr(), copy, label.len()) != 1 {
                    sys::OPENSSL_free(copy.cast());
                    return Err(failed(REFUSED));
                }
            }
            let (to, from) = (out.as_mut_ptr(), data.as_ptr());
            let result = match direction {
                Direction::Encrypt => sys::EVP_PKEY_encrypt(context.as_ptr(), to, &mut len, from, data.len()),
                Direction::Decrypt => sys::EVP_PKEY_decrypt(context.as_ptr(), to, &mut len, from, data.len()),
            };
            check(result, REFUSED)?;
        }
        out.truncate(len);
        Ok(out)
    }

    fn needs_private(&self) -> Result<()> {
        if self.private { Ok(()) } else { Err(Error::InvalidAccess("the key is not private")) }
    }

    /// The length of a signature.
    fn size(&self) -> usize {
        // SAFETY: the key is valid.
        unsafe { sys::RSA_size(self.key.rsa()) as usize }
    }
}

/// The length of a salt as the library takes it.
fn salt_len(salt_bytes: Option<u32>) -> Option<c_int> {
    salt_bytes.map_or(Some(sys::RSA_PSS_SALTLEN_AUTO), |salt_bytes| c_int::try_from(salt_bytes).ok())
}

/// What a verification says; the reasons of a no are not kept.
fn accepted(result: c_int) -> bool {
    check(result, "the signature does not match").is_ok()
}

const SALT: &str = "the key is too short for this hash and this salt";
const TOO_LARGE: Error = Error::Data("an RSA key has 8192 bits at most");

fn check_exponent(exponent: &Owned<sys::BIGNUM>) -> Result<()> {
    // SAFETY: the number is valid.
    let (bits, odd) = unsafe { (sys::BN_num_bits(exponent.as_ptr()), sys::BN_is_odd(exponent.as_ptr()) == 1) };
    if odd && (2..=EXPONENT_BITS_MAX).contains(&bits) { Ok(()) } else { Err(malformed("the public exponent is not a usable one")) }
}

unsafe extern "C" fn keep_going(_event: c_int, _n: c_int, callback: *mut sys::BN_GENCB) -> c_int {
    // SAFETY: the argument is the reference that `generate` keeps for as long as the callback can be called.
    let stop = unsafe { &mut *sys::BN_GENCB_get_arg(callback).cast::<&mut dyn FnMut() -> bool>() };
    c_int::from(!stop())
}

impl std::fmt::Debug for RsaKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RsaKey({} bits, {})", self.modulus_bits(), if self.private { "private" } else { "public" })
    }
}
