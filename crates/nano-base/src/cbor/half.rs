//! Half-precision floats, which stable Rust does not have: widening always, narrowing only when nothing is lost.

/// The value of a half-precision bit pattern. Every NaN becomes the one NaN that JavaScript has.
pub(super) fn widen(bits: u16) -> f64 {
    let sign = u64::from(bits >> 15) << 63;
    let exponent = u64::from(bits >> 10) & 31;
    let fraction = u64::from(bits) & 0x3ff;
    match (exponent, fraction) {
        // Subnormal: a count of 2^-24, which a double holds exactly.
        (0, _) => {
            let magnitude = fraction as f64 / f64::from(1 << 24);
            f64::from_bits(magnitude.to_bits() | sign)
        }
        (31, 0) => f64::from_bits(f64::INFINITY.to_bits() | sign),
        (31, _) => f64::NAN,
        // 1023 - 15: from the bias of a half to the bias of a double.
        _ => f64::from_bits(sign | (exponent + 1008) << 52 | fraction << 42),
    }
}

/// The half-precision bit pattern of a value that has one.
pub(super) fn narrow(value: f64) -> Option<u16> {
    if value.is_nan() {
        return Some(0x7e00);
    }
    let bits = value.to_bits();
    let sign = ((bits >> 63) as u16) << 15;
    let fraction = bits & ((1 << 52) - 1);
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1023;
    match exponent {
        1024 => Some(sign | 0x7c00),
        -14..=15 => Some(sign | ((exponent + 15) as u16) << 10 | exact_shift(fraction, 42)?),
        // Subnormal: the leading one becomes visible, and the unit is 2^-24.
        -24..=-15 => Some(sign | exact_shift(fraction | 1 << 52, (28 - exponent) as u32)?),
        -1023 if fraction == 0 => Some(sign),
        _ => None,
    }
}

/// `bits >> by`, if that drops only zeros. Callers leave at most ten bits.
fn exact_shift(bits: u64, by: u32) -> Option<u16> {
    (bits.trailing_zeros() >= by).then_some((bits >> by) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_survives_both_ways() {
        for bits in 0..=u16::MAX {
            let value = widen(bits);
            let expected = if value.is_nan() { 0x7e00 } else { bits };
            assert_eq!(narrow(value), Some(expected), "{bits:#06x}");
        }
    }

    #[test]
    fn what_a_half_cannot_hold_is_refused() {
        for value in [1.1, 65505.0, 65536.0, 1.0e300, f64::MIN_POSITIVE, 5e-324, 2f64.powi(-25), 1.0 + 2f64.powi(-11)] {
            assert_eq!(narrow(value), None, "{value}");
            assert_eq!(narrow(-value), None, "-{value}");
        }
    }
}
