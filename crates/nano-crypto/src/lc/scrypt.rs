//! scrypt (RFC 7914), which one call of the library does from end to end: whoever calls it sees to its bounds before.

use aws_lc_sys as sys;

use crate::Result;

/// What a scrypt will take, besides the 128 * n * r bytes of its tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScryptWork {
    /// n * r * p: the mixing, which it is meant to be about.
    pub mixing: u64,
    /// The blocks of 64 bytes that SHA-256 takes in before and after that: the salt once for each 32 bytes of all lanes, and all lanes once
    /// for each 32 bytes of the output.
    pub blocks: u64,
}

impl ScryptWork {
    /// Of a password, a salt and an output of these lengths.
    pub fn new(password_bytes: usize, salt_bytes: usize, (n, r, p): (u64, u64, u64), output_bytes: usize) -> Self {
        /// What an HMAC takes besides its message: its end, and the code around it.
        const BLOCKS_OF_HMAC: u64 = 4;
        let lanes = r.saturating_mul(p);
        let blocks_of_salt = salt_bytes as u64 / 64 + BLOCKS_OF_HMAC;
        let blocks_of_lanes = lanes.saturating_mul(2).saturating_add(BLOCKS_OF_HMAC);
        let before = lanes.saturating_mul(4).saturating_mul(blocks_of_salt);
        let after = (output_bytes.div_ceil(32) as u64).saturating_mul(blocks_of_lanes);
        // The password is a key twice.
        let blocks = (password_bytes as u64 / 32).saturating_add(before).saturating_add(after);
        Self { mixing: n.saturating_mul(lanes), blocks }
    }
}

/// `len` bytes by scrypt.
pub fn scrypt(password: &[u8], salt: &[u8], (n, r, p): (u64, u64, u64), memory_bytes_max: usize, len: usize) -> Result<Vec<u8>> {
    let mut out = vec![0; len];
    // SAFETY: every pointer goes with its slice's length.
    let result = unsafe {
        sys::EVP_PBE_scrypt(
            password.as_ptr().cast(),
            password.len(),
            salt.as_ptr(),
            salt.len(),
            n,
            r,
            p,
            memory_bytes_max,
            out.as_mut_ptr(),
            len,
        )
    };
    super::check(result, "Invalid scrypt params")?;
    Ok(out)
}
