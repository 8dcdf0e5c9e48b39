//! Tables by our own numbers, which no client and no app chooses: they need no hash that withstands anybody.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A table whose keys are such numbers.
pub type Numbered<K, V> = HashMap<K, V, BuildHasherDefault<OwnNumber>>;

/// Hashes numbers that come one after the other: an odd factor spreads them over the table's rows and over the seven bits by which it tells
/// them apart.
#[derive(Clone, Copy, Debug, Default)]
pub struct OwnNumber(u64);

impl Hasher for OwnNumber {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.write_u64(u64::from(number));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
