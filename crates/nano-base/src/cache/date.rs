//! Dates in HTTP headers: https://httpwg.org/specs/rfc9110.html#http.date

const MONTHS: [&[u8]; 12] = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Milliseconds since 1970 of a date in one of the three forms; none for anything else.
pub(super) fn parse(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    let words: Vec<&[u8]> = text.split(|byte| matches!(byte, b' ' | b',' | b'-')).filter(|word| !word.is_empty()).collect();
    // "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"
    let (day, month, year, time) = match words[..] {
        [_, day, month, year, time, b"GMT"] => (day, month, year, time),
        [_, month, day, time, year] => (day, month, year, time),
        _ => return None,
    };
    let day = number(day, 2)?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let year = match number(year, 4)? {
        short if year.len() == 2 && short < 70 => 2000 + short,
        short if year.len() == 2 => 1900 + short,
        year => year,
    };
    let mut parts = time.split(|byte| *byte == b':');
    let hour = number(parts.next()?, 2)?;
    let minute = number(parts.next()?, 2)?;
    let second = number(parts.next()?, 2)?;
    let valid = parts.next().is_none() && (1..=31).contains(&day) && hour < 24 && minute < 60 && second <= 60 && year >= 1970;
    valid.then(|| (((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second) * 1000)
}

fn number(text: &[u8], digits_max: usize) -> Option<u64> {
    let valid = !text.is_empty() && text.len() <= digits_max && text.iter().all(u8::is_ascii_digit);
    valid.then(|| text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// Days from 1970 to a day of the Gregorian calendar.
fn days(year: u64, month: u64, day: u64) -> u64 {
    // Years that begin in March have their odd day at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_are_one_date() {
        let expected = Some(784_111_777_000);
        assert_eq!(parse(b"Sun, 06 Nov 1994 08:49:37 GMT"), expected);
        assert_eq!(parse(b"Sunday, 06-Nov-94 08:49:37 GMT"), expected);
        assert_eq!(parse(b"Sun Nov  6 08:49:37 1994"), expected);
        assert_eq!(parse(b"Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse(b"Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000_000));
        assert_eq!(parse(b"Fri, 01 Mar 2024 12:00:00 GMT"), Some(1_709_294_400_000));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in ["0", "", "-1", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"Sun, 06 Nov 99999999999999999999 08:49:37 GMT"), None);
        assert_eq!(parse(b"Sun, 06 Nov 0001 08:49:37 GMT"), None);
    }
}
