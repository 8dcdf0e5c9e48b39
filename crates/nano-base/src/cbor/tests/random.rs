//! Many values and many wrong bytes, the same ones on every run.

use super::*;

/// Marsaglia's xorshift64: the same numbers for the same seed, everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    /// Mostly short.
    fn len(&mut self) -> usize {
        if self.below(50) == 0 { self.below(300) } else { self.below(6) }
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }

    fn text(&mut self) -> String {
        const ALPHABET: [char; 8] = ['a', '"', '\0', '\u{fc}', '\u{6c34}', '\u{1f600}', '\u{ffff}', '\u{10ffff}'];
        (0..self.len()).map(|_| ALPHABET[self.below(8)]).collect()
    }

    /// A number of any magnitude.
    fn bits(&mut self) -> u64 {
        self.next() >> self.below(64)
    }

    fn float(&mut self) -> f64 {
        match self.below(4) {
            0 => f64::from_bits(self.next()),
            1 => f64::from(f32::from_bits(self.next() as u32)),
            2 => half::widen(self.next() as u16),
            _ => self.bits() as f64 / 8.0,
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        let sign = self.below(2) == 0;
        match self.below(if depth == 0 { 16 } else { 22 }) {
            0 => Value::Undefined,
            1 => Value::Null,
            2 => Value::Bool(sign),
            3 | 4 => {
                let int = (self.bits() & SAFE_INTEGER_MAX) as i64;
                Value::Int(if sign { int } else { -int })
            }
            5 => {
                let len = self.len();
                Value::bigint(sign, self.bytes(len))
            }
            6 => Value::Float(self.float()),
            7 => Value::Text(self.text()),
            8 => {
                let len = self.len();
                Value::Bytes(self.bytes(len))
            }
            9 => Value::Date(time_clip(self.float())),
            10 => {
                let kind = TypedArrayKind::ALL[self.below(TypedArrayKind::ALL.len())];
                let len = self.len() * kind.element_bytes();
                Value::TypedArray { kind, bytes: self.bytes(len) }
            }
            11 => Value::text_of_units((0..self.len()).map(|_| 0xd7f0 + self.below(0x820) as u16).collect()),
            12 => {
                let len = self.len();
                Value::Buffer(self.bytes(len))
            }
            13 => {
                let len = self.len();
                Value::View(self.bytes(len))
            }
            14 => Value::RegExp { source: self.text(), flags: self.text() },
            15 => Value::Boxed(Box::new(if sign { Value::Bool(sign) } else { Value::Text(self.text()) })),
            16 => {
                let mut items = self.values(depth);
                items.insert(self.below(items.len() + 1), Value::Hole);
                Value::Array(items)
            }
            17 => Value::Array(self.values(depth)),
            18 => Value::Set(self.values(depth)),
            19 => Value::Object(self.values(depth).into_iter().map(|value| (self.text(), value)).collect()),
            20 => Value::Map(self.values(depth).into_iter().map(|value| (self.value(depth - 1), value)).collect()),
            _ => {
                let properties = if sign || depth < 2 { Vec::new() } else { self.values(depth - 1) };
                let properties = properties.into_iter().map(|value| (self.text(), value)).collect();
                Value::Error(Box::new(ErrorValue { name: self.text(), message: self.text(), properties }))
            }
        }
    }

    fn values(&mut self, depth: usize) -> Vec<Value> {
        (0..self.below(5)).map(|_| self.value(depth - 1)).collect()
    }
}

/// What must hold for any input at all: an answer, and one that has one encoding.
fn check_any_input(input: &[u8]) -> bool {
    let Ok(value) = decode(input, &CborLimits::default()) else { return false };
    let bytes = from_hex(&written(&value));
    let again = decode(&bytes, &CborLimits::default());
    assert_eq!(again.as_ref(), Ok(&value), "{}", to_hex(input));
    assert_eq!(to_hex(&from_hex(&written(&again.unwrap()))), to_hex(&bytes), "{}", to_hex(input));
    true
}

#[test]
fn random_values_come_back_as_they_were() {
    let mut random = Random(0x5eed);
    for _ in 0..20_000 {
        let value = random.value(4);
        assert_eq!(read(&written(&value)), Ok(value));
    }
}

#[test]
fn random_bytes_never_panic() {
    let mut random = Random(0xbad_5eed);
    let mut accepted = 0;
    for _ in 0..20_000 {
        // Short ones are values often enough, long ones go deep.
        let len = [1 + random.below(4), random.below(40)][random.below(2)];
        accepted += usize::from(check_any_input(&random.bytes(len)));
    }
    assert!(accepted > 500, "only {accepted} of the inputs were values: they test too little");
}

#[test]
fn values_with_wrong_bytes_never_panic() {
    let mut random = Random(0xf11b);
    let mut accepted = 0;
    for _ in 0..20_000 {
        let mut bytes = from_hex(&written(&random.value(3)));
        for _ in 0..=random.below(3) {
            let at = random.below(bytes.len());
            match random.below(3) {
                0 => bytes[at] = random.next() as u8,
                1 => bytes[at] ^= 1 << random.below(8),
                _ => bytes.truncate(at.max(1)),
            }
        }
        accepted += usize::from(check_any_input(&bytes));
    }
    assert!((2_000..18_000).contains(&accepted), "{accepted} of the inputs were values: they test one side only");
}
