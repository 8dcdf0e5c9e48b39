//! What the process may map and what it has mapped.

use std::fs;

/// The limit on address space (`ulimit -v`), if there is one.
pub fn address_space_limit() -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is ours to fill.
    let failed = unsafe { libc::getrlimit(libc::RLIMIT_AS, &mut limit) } != 0;
    (!failed && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// Whether `bytes` of address space can be reserved in one piece right now.
pub fn can_reserve(bytes: usize) -> bool {
    // SAFETY: an inaccessible private mapping at an address of the kernel's choice, unmapped at once.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let at = libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0);
        at != libc::MAP_FAILED && libc::munmap(at, bytes) == 0
    }
}

/// Reserves address space without access, which a forked child does not inherit.
pub fn reserve(bytes: usize, alignment: usize) -> Option<usize> {
    let bytes = bytes.checked_add(alignment)?;
    // SAFETY: an inaccessible private mapping at an address of the kernel's choice; what is cut off at its ends is part of it.
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE;
        let at = libc::mmap(std::ptr::null_mut(), bytes, libc::PROT_NONE, flags, -1, 0);
        if at == libc::MAP_FAILED {
            return None;
        }
        let start = (at as usize).next_multiple_of(alignment);
        let end = start + bytes - alignment;
        if start > at as usize {
            libc::munmap(at, start - at as usize);
        }
        libc::munmap(end as *mut libc::c_void, at as usize + bytes - end);
        libc::madvise(start as *mut libc::c_void, end - start, libc::MADV_DONTFORK);
        Some(start)
    }
}

/// Takes the access and the memory from a range that was reserved; whether it could.
///
/// # Safety
/// The range must be the caller's own, by [`reserve`], and nobody may use it any more.
pub unsafe fn reserve_again(address: usize, bytes: usize) -> bool {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE | libc::MAP_FIXED;
    // SAFETY: by this function's own contract.
    unsafe {
        let at = libc::mmap(address as *mut libc::c_void, bytes, libc::PROT_NONE, flags, -1, 0);
        at != libc::MAP_FAILED && libc::madvise(at, bytes, libc::MADV_DONTFORK) == 0
    }
}

/// The most mappings the kernel lets this process have.
pub fn mappings_max() -> usize {
    fs::read_to_string("/proc/sys/vm/max_map_count").ok().and_then(|text| text.trim().parse().ok()).unwrap_or(65_530)
}

/// Resident memory of this process in bytes, as the kernel counts it.
pub fn resident_bytes() -> u64 {
    let pages = fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

/// Gives the memory behind a range back; it reads as zeros afterwards.
///
/// # Safety
/// The range must be the caller's own anonymous private mapping, and nobody may need its contents.
pub unsafe fn discard(address: usize, bytes: usize) {
    // SAFETY: by this function's own contract.
    unsafe { libc::madvise(address as *mut libc::c_void, bytes, libc::MADV_DONTNEED) };
}

/// The size of the kernel's pages.
pub const PAGE: usize = 4096;

/// Gives back those of the kernel's pages in the range that are resident and hold nothing but zeros; how many bytes.
///
/// # Safety
/// The range must be readable, anonymous and private, and nobody may write to it during the call.
pub unsafe fn discard_zeros(address: usize, bytes: usize) -> usize {
    let mut resident = vec![0_u8; bytes / PAGE];
    // SAFETY: one byte of `resident` for each page of the range.
    if unsafe { libc::mincore(address as *mut libc::c_void, bytes, resident.as_mut_ptr()) } != 0 {
        return 0;
    }
    let mut released = 0;
    let mut run = 0;
    for page in 0..=resident.len() {
        // SAFETY: resident pages of a readable range; by the contract nobody writes to them.
        let zero = page < resident.len() && resident[page] & 1 == 1 && unsafe { is_zero(address + page * PAGE) };
        if zero {
            run += PAGE;
        } else if run > 0 {
            // SAFETY: these pages hold zeros, and will again.
            unsafe { discard(address + page * PAGE - run, run) };
            released += run;
            run = 0;
        }
    }
    released
}

/// Whether one page holds nothing but zeros.
///
/// # Safety
/// The page must be readable and nobody may write to it.
unsafe fn is_zero(address: usize) -> bool {
    // SAFETY: by this function's own contract; pages are aligned for any integer.
    let words = unsafe { std::slice::from_raw_parts(address as *const u64, PAGE / 8) };
    words.chunks_exact(64).all(|chunk| chunk.iter().fold(0, |all, word| all | word) == 0)
}
