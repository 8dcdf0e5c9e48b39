//! Dates in HTTP headers: https://httpwg.org/specs/rfc9110.html#http.date

const MONTHS: [&[u8]; 12] = [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// Milliseconds since 1970 of a date in one of the three forms; none for anything else.
pub fn parse(text: &[u8]) -> Option<u64> {
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

/// A date as it is written today, of milliseconds since 1970; from the year 10000 on, that year's last second before.
pub fn write(unix_ms: u64) -> [u8; 29] {
    const LAST_S: u64 = 253_402_300_799;
    const WEEKDAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
    let seconds = (unix_ms / 1000).min(LAST_S);
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = day_of(days);
    let mut text = *b"Thu, 01 Jan 1970 00:00:00 GMT";
    text[..3].copy_from_slice(WEEKDAYS[(days % 7) as usize]);
    text[8..11].copy_from_slice(MONTHS[month as usize - 1]);
    let mut two = |at: usize, number: u64| text[at..at + 2].copy_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
    two(5, day);
    two(12, year / 100);
    two(14, year % 100);
    two(17, second / 3600);
    two(20, second / 60 % 60);
    two(23, second % 60);
    text
}

fn number(text: &[u8], digits_max: usize) -> Option<u64> {
    let valid = !text.is_empty() && text.len() <= digits_max && text.iter().all(u8::is_ascii_digit);
    valid.then(|| text.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// Days from 1970 to a day of the Gregorian calendar.
pub(crate) fn days(year: u64, month: u64, day: u64) -> u64 {
    // Years that begin in March have their odd day at their end.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// Year, month and day of so many days after 1970 began.
pub(crate) fn day_of(days: u64) -> (u64, u64, u64) {
    // Eras of 400 years that begin on the first of March of the year 0.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = (era * 400 + year_of_era, if month < 10 { month + 3 } else { month - 9 });
    (if month <= 2 { year + 1 } else { year }, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        assert_eq!(&write(784_111_777_999), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(&write(0), b"Thu, 01 Jan 1970 00:00:00 GMT");
        for day in (0..2_932_896_u64).step_by(13) {
            let ms = (day * 86_400 + day % 86_400) * 1000;
            assert_eq!(parse(&write(ms)), Some(ms));
        }
        assert_eq!(&write(u64::MAX), b"Fri, 31 Dec 9999 23:59:59 GMT");
    }

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
