//! Bytes that are erased when they are dropped, and never printed.

use crate::lc;

/// Secret bytes.
#[derive(Clone)]
pub struct Secret(Box<[u8]>);

impl Secret {
    /// `len` random bytes.
    pub fn random(len: usize) -> Self {
        let mut bytes = vec![0; len].into_boxed_slice();
        lc::fill_random(&mut bytes);
        Self(bytes)
    }

    /// Keeps the first `bits` of the bytes; what is left of the last byte becomes zero.
    pub fn truncate_bits(self, bits: usize) -> Self {
        let mut kept = self.0[..bits.div_ceil(8).min(self.0.len())].to_vec();
        if let Some(last) = kept.last_mut().filter(|_| !bits.is_multiple_of(8)) {
            *last &= 0xff << (8 - bits % 8);
        }
        Self(kept.into())
    }
}

impl From<Vec<u8>> for Secret {
    fn from(mut bytes: Vec<u8>) -> Self {
        if bytes.len() == bytes.capacity() {
            return Self(bytes.into());
        }
        // Shrinking would move the bytes and leave the old ones where they were.
        let secret = Self(bytes.as_slice().into());
        lc::cleanse(&mut bytes);
        secret
    }
}

impl std::ops::Deref for Secret {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::DerefMut for Secret {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        lc::cleanse(&mut self.0);
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}
