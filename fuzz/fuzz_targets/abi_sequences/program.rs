//! The bytes of an input, read as choices.

/// A program: every byte is a choice, and after the last one it is over.
pub struct Program<'a>(&'a [u8]);

impl<'a> Program<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Two programs of one: every other byte would tear calls apart, so each has one half.
    pub fn split(&self) -> (Self, Self) {
        let (first, second) = self.0.split_at(self.0.len() / 2);
        (Self(first), Self(second))
    }

    pub fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// The next byte; 0 after the last.
    pub fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((byte, rest)) => {
                self.0 = rest;
                *byte
            }
            None => 0,
        }
    }

    /// A number below `count`.
    pub fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) % count
    }

    pub fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}
