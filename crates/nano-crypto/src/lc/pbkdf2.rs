//! PBKDF2 (RFC 8018) in slices: its length is chosen by an app, so whoever computes it must be able to stop or to let others go first.

use super::hash::{Hash, Hmac, OUTPUT_BYTES_MAX};
use crate::{Error, Result, Secret};

/// Bytes of the salt that are as much hashing as an iteration is.
const SALT_BYTES_PER_ITERATION: usize = 128;

/// A derivation under way.
#[derive(Debug)]
pub struct Pbkdf2 {
    hmac: Hmac,
    /// With the salt, with which every block begins: it is hashed once for all of them.
    salted: Hmac,
    salt: Vec<u8>,
    /// Bytes of the salt that `salted` has.
    absorbed: usize,
    iterations: u32,
    out: Secret,
    /// Bytes of `out` that are final.
    done: usize,
    /// Iterations done of the current block.
    round: u32,
    last: [u8; OUTPUT_BYTES_MAX],
    sum: [u8; OUTPUT_BYTES_MAX],
}

impl Pbkdf2 {
    /// What one holds besides its salt and its output.
    pub const BYTES: usize = 2 << 10;

    /// A derivation of `len` bytes. The password is hashed here, if it is longer than the hash's block.
    pub fn new(hash: Hash, password: &[u8], salt: Vec<u8>, iterations: u32, len: usize) -> Result<Self> {
        if iterations == 0 {
            return Err(Error::Operation("PBKDF2 needs at least one iteration"));
        }
        if len.div_ceil(hash.output_bytes()) > u32::MAX as usize {
            return Err(Error::Operation("the output is longer than PBKDF2 can give"));
        }
        let hmac = Hmac::new(hash, password)?;
        let salted = hmac.copy()?;
        let zeros = [0; OUTPUT_BYTES_MAX];
        Ok(Self { hmac, salted, salt, absorbed: 0, iterations, out: vec![0; len].into(), done: 0, round: 0, last: zeros, sum: zeros })
    }

    /// The length of the output.
    pub fn output_bytes(&self) -> usize {
        self.out.len()
    }

    /// How many iterations all of it takes; a long salt counts as some.
    pub fn work(&self) -> u64 {
        let blocks = self.out.len().div_ceil(self.hmac.output_bytes()) as u64;
        (self.salt.len() / SALT_BYTES_PER_ITERATION) as u64 + u64::from(self.iterations) * blocks
    }

    /// Does up to `iterations` more; true when the output is complete.
    pub fn run(&mut self, mut iterations: u32) -> bool {
        let block_bytes = self.hmac.output_bytes();
        if !self.absorb(&mut iterations) {
            return false;
        }
        while self.done < self.out.len() {
            if self.round == 0 {
                // The first iteration of a block counts like any other: a long output may be many short blocks.
                if iterations == 0 {
                    return false;
                }
                iterations -= 1;
                let index = (self.done / block_bytes + 1) as u32;
                self.hmac.code_after(&self.salted, &index.to_be_bytes(), &mut self.last);
                self.sum = self.last;
                self.round = 1;
            }
            while self.round < self.iterations {
                if iterations == 0 {
                    return false;
                }
                iterations -= 1;
                let last = self.last;
                self.hmac.code_into(&last[..block_bytes], &mut self.last);
                for (sum, byte) in self.sum.iter_mut().zip(&self.last) {
                    *sum ^= byte;
                }
                self.round += 1;
            }
            let len = block_bytes.min(self.out.len() - self.done);
            self.out[self.done..self.done + len].copy_from_slice(&self.sum[..len]);
            self.done += len;
            self.round = 0;
        }
        true
    }

    /// Hashes what is left of the salt, as far as there are iterations for it; whether all of it has been.
    fn absorb(&mut self, iterations: &mut u32) -> bool {
        let rest = &self.salt[self.absorbed..];
        let wanted = rest.len() / SALT_BYTES_PER_ITERATION;
        let spent = wanted.min(*iterations as usize);
        let len = if spent == wanted { rest.len() } else { spent * SALT_BYTES_PER_ITERATION };
        self.salted.add(&rest[..len]);
        self.absorbed += len;
        *iterations -= spent as u32;
        spent == wanted
    }

    /// The output, once `run` has said that it is complete.
    pub fn finish(&self) -> Vec<u8> {
        self.out.to_vec()
    }
}

impl Drop for Pbkdf2 {
    fn drop(&mut self) {
        super::cleanse(&mut self.last);
        super::cleanse(&mut self.sum);
    }
}
