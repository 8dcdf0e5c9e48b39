//! Sizes and durations as people write them, the same in manifests and on the command line.

/// Units of size: those of 1,000 and those of 1,024.
const SIZES: [(&str, u64); 12] = [
    ("b", 1),
    ("", 1),
    ("k", 1 << 10),
    ("kb", 1_000),
    ("kib", 1 << 10),
    ("m", 1 << 20),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("g", 1 << 30),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
    ("bytes", 1),
];

/// Units of time, in microseconds.
const TIMES: [(&str, u64); 10] = [
    ("us", 1),
    ("µs", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("sec", 1_000_000),
    ("m", 60_000_000),
    ("min", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
    ("days", 86_400_000_000),
];

/// A size in bytes: `512`, `64 KiB`, `1.5 MiB`, `10MB`. `K`, `M` and `G` alone are of 1,024.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let lower = unit.to_ascii_lowercase();
    let Some((_, factor)) = SIZES.iter().find(|(name, _)| *name == lower) else {
        return Err(format!("\"{unit}\" is no unit of size: B, KiB, MiB, GiB, or KB, MB, GB"));
    };
    scale(number, *factor).ok_or_else(|| format!("\"{text}\" is not a whole number of bytes"))
}

/// A duration in milliseconds: `50ms`, `30 s`, `1.5m`, `2h`, `1d`. A number needs its unit, for what it would be without one is
/// what everybody remembers differently.
pub fn duration_ms(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text)?;
    let Some((_, factor)) = TIMES.iter().find(|(name, _)| *name == unit) else {
        return Err(match unit {
            "" => format!("\"{text}\" needs a unit: ms, s, m, h or d"),
            _ => format!("\"{unit}\" is no unit of time: ms, s, m, h or d"),
        });
    };
    let us = scale(number, *factor).ok_or_else(|| format!("\"{text}\" is not a whole number of microseconds"))?;
    match us % 1_000 {
        0 => Ok(us / 1_000),
        _ => Err(format!("\"{text}\" is not a whole number of milliseconds")),
    }
}

/// The size in the largest unit that keeps it whole.
pub fn show_size(bytes: u64) -> String {
    for (unit, factor) in [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1u64 << 10)] {
        if bytes >= factor && bytes.is_multiple_of(factor) {
            return format!("{} {unit}", bytes / factor);
        }
    }
    format!("{bytes} B")
}

/// The duration in the largest unit that keeps it whole.
pub fn show_duration_ms(ms: u64) -> String {
    for (unit, factor) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if ms >= factor && ms.is_multiple_of(factor) {
            return format!("{}{unit}", ms / factor);
        }
    }
    format!("{ms}ms")
}

/// The whole part, the digits after the point, and the unit.
type Number<'a> = (&'a str, &'a str);

fn split(text: &str) -> Result<(Number<'_>, &str), String> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| part.starts_with(|c: char| c.is_ascii_digit()) && part.bytes().all(|b| b.is_ascii_digit() || b == b'_');
    if !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return Err(format!("\"{text}\" does not begin with a number"));
    }
    Ok(((whole, fraction), unit.trim_start()))
}

/// The number times the factor, if that is whole and fits.
fn scale((whole, fraction): Number<'_>, factor: u64) -> Option<u64> {
    let parse = |part: &str| part.replace('_', "").parse::<u64>().ok();
    let digits = fraction.replace('_', "").len() as u32;
    let parts = u128::from(parse(whole)?) * 10u128.pow(digits) + u128::from(parse(fraction)?);
    let product = parts.checked_mul(u128::from(factor))?;
    if product % 10u128.pow(digits) != 0 {
        return None;
    }
    u64::try_from(product / 10u128.pow(digits)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        let cases = [
            ("0", Some(0)),
            ("512", Some(512)),
            ("1_000", Some(1000)),
            ("32 MiB", Some(32 << 20)),
            ("32MiB", Some(32 << 20)),
            ("32m", Some(32 << 20)),
            ("1.5 KiB", Some(1536)),
            ("10MB", Some(10_000_000)),
            (" 2 gib ", Some(2 << 30)),
            ("17179869184G", None),
            ("0.3 B", None),
            ("-1", None),
            ("", None),
            ("MiB", None),
            ("1.2.3", None),
            ("5 parsecs", None),
            ("1. MiB", None),
        ];
        for (text, expected) in cases {
            assert_eq!(size(text).ok(), expected, "{text}");
        }
    }

    #[test]
    fn durations_are_read_and_need_a_unit() {
        let cases = [
            ("50ms", Some(50)),
            ("50 ms", Some(50)),
            ("30s", Some(30_000)),
            ("1.5m", Some(90_000)),
            ("2h", Some(7_200_000)),
            ("1d", Some(86_400_000)),
            ("3000us", Some(3)),
            ("3500us", None),
            ("50", None),
            ("M", None),
            ("1M", None),
            ("99999999999999d", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration_ms(text).ok(), expected, "{text}");
        }
        assert_eq!(duration_ms("50"), Err("\"50\" needs a unit: ms, s, m, h or d".into()));
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for n in [1, 999, 1024, 1500, 1 << 20, 3 << 30, 60_000, 86_400_000, 7_200_000] {
            assert_eq!(size(&show_size(n)), Ok(n));
            assert_eq!(duration_ms(&show_duration_ms(n)), Ok(n));
        }
    }
}
