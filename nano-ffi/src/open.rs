//! The rule by which structs grow: the size comes first, what the caller's header did not know is zero, and what this
//! library does not know must be zero.

use std::mem::MaybeUninit;

use nano_core::{Error, Result, Status};

use crate::guard::invalid;

/// A struct whose first field is its size.
///
/// # Safety
///
/// `repr(C)`, beginning with a `usize`, without padding, and any bytes (all zero too) are a value of it.
pub(crate) unsafe trait Open: Copy {
    /// Its name in the header.
    const NAME: &'static str;
}

/// No struct is this large: a size beyond it was never set.
const STRUCT_BYTES_MAX: usize = 4096;

/// The part of the caller's struct that this library knows; what the caller does not know is zero.
///
/// # Safety
///
/// `pointer` must be NULL or point to as many bytes as its size says.
pub(crate) unsafe fn read_known<T: Open>(pointer: *const T) -> Result<T> {
    // SAFETY: the caller's promise.
    let size = unsafe { size_of_open(pointer) }?;
    let mut known = MaybeUninit::<T>::zeroed();
    // SAFETY: the caller's struct has `size` bytes and ours `size_of::<T>()`; the shorter of both is copied.
    unsafe { std::ptr::copy_nonoverlapping(pointer.cast::<u8>(), known.as_mut_ptr().cast::<u8>(), size.min(size_of::<T>())) };
    // SAFETY: `Open` says that any bytes are a value.
    Ok(unsafe { known.assume_init() })
}

/// Refuses a struct that says things this library does not know.
///
/// # Safety
///
/// As for [`read_known`].
pub(crate) unsafe fn check_tail<T: Open>(pointer: *const T) -> Result<()> {
    // SAFETY: the caller's promise.
    let size = unsafe { size_of_open(pointer) }?;
    let known = size_of::<T>();
    if size > known {
        // SAFETY: the caller's struct has `size` bytes.
        let tail = unsafe { std::slice::from_raw_parts(pointer.cast::<u8>().add(known), size - known) };
        if tail.iter().any(|byte| *byte != 0) {
            return Err(too_new(format!("{} uses fields of a newer header than this library's", T::NAME)));
        }
    }
    Ok(())
}

/// The caller's struct.
///
/// # Safety
///
/// As for [`read_known`].
pub(crate) unsafe fn read<T: Open>(pointer: *const T) -> Result<T> {
    // SAFETY: the caller's promise.
    unsafe {
        check_tail(pointer)?;
        read_known(pointer)
    }
}

/// Fills a struct of the caller's as far as it knows it; what this library does not know becomes zero.
///
/// # Safety
///
/// `pointer` must be NULL or point to as many writable bytes as its size says.
pub(crate) unsafe fn write<T: Open>(pointer: *mut T, value: &T) -> Result<()> {
    // SAFETY: the caller's promise.
    let size = unsafe { size_of_open(pointer) }?;
    let known = size.min(size_of::<T>());
    let head = size_of::<usize>();
    // SAFETY: `known` is within both structs, `size` within the caller's; the size itself stays as it is.
    unsafe {
        let to = pointer.cast::<u8>();
        std::ptr::copy_nonoverlapping(std::ptr::from_ref(value).cast::<u8>().add(head), to.add(head), known - head);
        std::ptr::write_bytes(to.add(known), 0, size - known);
    }
    Ok(())
}

/// The size that the caller's struct gives for itself.
///
/// # Safety
///
/// `pointer` must be NULL or point to at least a `usize`.
unsafe fn size_of_open<T: Open>(pointer: *const T) -> Result<usize> {
    if pointer.is_null() || !pointer.is_aligned() {
        return Err(invalid(format!("{} is NULL or misaligned", T::NAME)));
    }
    // SAFETY: not NULL, aligned, and an open struct begins with its size.
    let size = unsafe { pointer.cast::<usize>().read() };
    if !(size_of::<usize>()..=STRUCT_BYTES_MAX).contains(&size) {
        return Err(invalid(format!("{} has a size of {size}: begin with its _INIT macro", T::NAME)));
    }
    Ok(size)
}

/// The refusal of something newer than this library.
pub(crate) fn too_new(message: String) -> Error {
    Error::new(Status::TooNew, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct Old {
        size: usize,
        a: u64,
    }

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct New {
        size: usize,
        a: u64,
        b: u64,
    }

    // SAFETY: integers without padding.
    unsafe impl Open for Old {
        const NAME: &'static str = "old";
    }
    // SAFETY: integers without padding.
    unsafe impl Open for New {
        const NAME: &'static str = "new";
    }

    #[test]
    fn an_older_callers_struct_reads_as_zero_beyond_its_end() {
        let old = Old { size: size_of::<Old>(), a: 7 };
        // SAFETY: it has as many bytes as it says.
        let new = unsafe { read::<New>((&raw const old).cast()) }.unwrap();
        assert_eq!((new.a, new.b), (7, 0));
    }

    #[test]
    fn a_newer_callers_struct_is_read_if_what_is_new_in_it_is_zero() {
        let mut new = New { size: size_of::<New>(), a: 7, b: 0 };
        // SAFETY: it has as many bytes as it says.
        assert_eq!(unsafe { read::<Old>((&raw const new).cast()) }.unwrap().a, 7);
        new.b = 1;
        // SAFETY: as above.
        let refused = unsafe { read::<Old>((&raw const new).cast()) }.map(|old| old.a);
        assert_eq!(refused.unwrap_err().status, Status::TooNew);
    }

    #[test]
    fn sizes_that_were_never_set_are_refused() {
        for size in [0, 7, STRUCT_BYTES_MAX + 1, usize::MAX] {
            let old = Old { size, a: 0 };
            // SAFETY: a size that is refused is not read further.
            assert_eq!(unsafe { read(&raw const old) }.map(|old: Old| old.a).unwrap_err().status, Status::Invalid);
        }
    }

    #[test]
    fn a_struct_is_filled_as_far_as_its_owner_knows_it() {
        let mut small = [Old { size: size_of::<Old>(), a: 1 }, Old { size: 99, a: 99 }];
        let full = New { size: size_of::<New>(), a: 5, b: 6 };
        // SAFETY: it has as many bytes as it says.
        unsafe { write::<New>((&raw mut small[0]).cast(), &full) }.unwrap();
        assert_eq!((small[0].size, small[0].a, small[1].size), (size_of::<Old>(), 5, 99));
        let mut large = New { size: size_of::<New>(), a: 1, b: 1 };
        // SAFETY: as above.
        unsafe { write::<Old>((&raw mut large).cast(), &small[0]) }.unwrap();
        assert_eq!((large.size, large.a, large.b), (size_of::<New>(), 5, 0));
    }
}
