//! Big numbers, as bytes from the most significant on.

use aws_lc_sys as sys;

use super::{Owned, failed};
use crate::Result;

/// The number that `bytes` spell.
pub(super) fn from_bytes(bytes: &[u8]) -> Result<Owned<sys::BIGNUM>> {
    // SAFETY: the pointer and the length are those of one slice; with a null third argument the result is new.
    unsafe { Owned::new(sys::BN_bin2bn(bytes.as_ptr(), bytes.len(), std::ptr::null_mut())) }
}

/// The shortest bytes that spell the number.
///
/// # Safety
/// `number` is a valid number.
pub(super) unsafe fn to_bytes(number: *const sys::BIGNUM) -> Vec<u8> {
    // SAFETY: by this function's contract; the vector is as long as the library says the number is.
    unsafe {
        let mut bytes = vec![0; sys::BN_num_bytes(number) as usize];
        sys::BN_bn2bin(number, bytes.as_mut_ptr());
        bytes
    }
}

/// Writes the number into all of `out`, with zeros in front.
///
/// # Safety
/// `number` is a valid number.
pub(super) unsafe fn write_padded(number: *const sys::BIGNUM, out: &mut [u8]) -> Result<()> {
    // SAFETY: by this function's contract; the length is the slice's.
    let result = unsafe { sys::BN_bn2bin_padded(out.as_mut_ptr(), out.len(), number) };
    if result == 1 { Ok(()) } else { Err(failed("a number is too large")) }
}
