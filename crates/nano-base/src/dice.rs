//! Randomness that repeats: for runs that must go the same way every time, never for secrets.

/// A sequence that follows from its seed (xoshiro256**, seeded by SplitMix64).
#[derive(Clone, Debug)]
pub struct Dice([u64; 4]);

impl Dice {
    /// The sequence of this seed.
    pub fn new(mut seed: u64) -> Self {
        Self(std::array::from_fn(|_| {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = seed;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }))
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        let state = &mut self.0;
        let rolled = state[1].wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        let shifted = state[1] << 17;
        state[2] ^= state[0];
        state[3] ^= state[1];
        state[1] ^= state[2];
        state[0] ^= state[3];
        state[2] ^= shifted;
        state[3] = state[3].rotate_left(45);
        rolled
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let rolled = self.roll().to_le_bytes();
            chunk.copy_from_slice(&rolled[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_one_sequence_and_another_seed_another() {
        let rolls = |seed| {
            let mut dice = Dice::new(seed);
            [dice.roll(), dice.roll(), dice.roll()]
        };
        assert_eq!(rolls(1), rolls(1));
        assert_ne!(rolls(1), rolls(2));
        // The published first values of SplitMix64 for seed 0 are the state; xoshiro256** of that state begins so.
        assert_eq!(Dice::new(0).0[0], 0xe220_a839_7b1d_cdaf);
        assert_eq!(Dice::new(0).roll(), 0x99ec_5f36_cb75_f2b4);
        let mut bytes = [0; 11];
        Dice::new(0).fill(&mut bytes);
        assert_eq!(bytes[..8], 0x99ec_5f36_cb75_f2b4_u64.to_le_bytes());
        assert_ne!(bytes[8..], [0; 3]);
    }
}
