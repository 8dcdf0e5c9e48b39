//! Memory that is used again, in pieces of one size: of streaming bodies on their way to apps, and of copies for helper threads.
//!
//! They live for a moment, and memory that comes from the kernel for each costs more than the work: of a digest of 1 MiB, half. Some
//! pieces are kept for all threads until the process has nothing to do. What they held is never read: a piece that is taken is empty.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::limits::{SPARE_PIECE_BYTES, SPARE_PIECES_MAX};

static SPARE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A copy of bytes, in pieces.
#[derive(Debug)]
pub struct Copied(Vec<Vec<u8>>);

impl Copied {
    /// Copies `bytes`.
    pub fn new(bytes: &[u8]) -> Self {
        let mut pieces = Vec::with_capacity(bytes.len().div_ceil(SPARE_PIECE_BYTES));
        {
            let mut spare = spare();
            let kept = spare.len().saturating_sub(pieces.capacity());
            pieces.extend(spare.drain(kept..));
        }
        pieces.resize_with(pieces.capacity(), || Vec::with_capacity(SPARE_PIECE_BYTES));
        for (piece, bytes) in pieces.iter_mut().zip(bytes.chunks(SPARE_PIECE_BYTES)) {
            piece.extend_from_slice(bytes);
        }
        Self(pieces)
    }

    /// The pieces, in order.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        self.0.iter().map(Vec::as_slice)
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        let mut spare = spare();
        let room = SPARE_PIECES_MAX.saturating_sub(spare.len()).min(self.0.len());
        spare.extend(self.0.drain(..room).map(|mut piece| {
            piece.clear();
            piece
        }));
        // What has no room goes with the lock free.
        drop(spare);
    }
}

/// A copy of `bytes`; of a whole piece, in memory that may have been kept.
pub fn copy(bytes: &[u8]) -> Vec<u8> {
    if bytes.len() != SPARE_PIECE_BYTES {
        return bytes.to_vec();
    }
    let kept = spare().pop();
    let mut piece = kept.unwrap_or_else(|| Vec::with_capacity(SPARE_PIECE_BYTES));
    piece.extend_from_slice(bytes);
    piece
}

/// Drops `memory`, or keeps it if it is a piece.
pub fn give(mut memory: Vec<u8>) {
    if memory.capacity() != SPARE_PIECE_BYTES {
        return;
    }
    memory.clear();
    let mut spare = spare();
    if spare.len() < SPARE_PIECES_MAX {
        spare.push(memory);
    }
}

/// Gives back what is kept: nothing is going on.
pub fn release() {
    let kept = std::mem::take(&mut *spare());
    drop(kept);
}

fn spare() -> MutexGuard<'static, Vec<Vec<u8>>> {
    SPARE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_has_all_bytes_in_order_whatever_its_memory_has_held_before() {
        for len in [0, 1, SPARE_PIECE_BYTES - 1, SPARE_PIECE_BYTES, SPARE_PIECE_BYTES + 1, 3 * SPARE_PIECE_BYTES + 5, 7] {
            let bytes: Vec<u8> = (0..len).map(|index| (index % 251) as u8 ^ len as u8).collect();
            let copied = Copied::new(&bytes);
            assert_eq!(copied.pieces().collect::<Vec<_>>().concat(), bytes);
            let whole = copy(&bytes);
            assert_eq!(whole, bytes);
            give(whole);
            assert!(copied.pieces().all(|piece| !piece.is_empty() && piece.len() <= SPARE_PIECE_BYTES));
        }
    }

    #[test]
    fn what_is_kept_is_bounded_and_given_back() {
        let many: Vec<Copied> = (0..4).map(|_| Copied::new(&vec![1; SPARE_PIECE_BYTES * SPARE_PIECES_MAX / 2])).collect();
        drop(many);
        assert!(spare().len() <= SPARE_PIECES_MAX);
        for _ in 0..=SPARE_PIECES_MAX {
            give(Vec::with_capacity(SPARE_PIECE_BYTES));
        }
        assert!(spare().len() <= SPARE_PIECES_MAX);
        release();
        // Another test may have put some there since.
        assert!(spare().len() <= SPARE_PIECES_MAX);
    }
}
