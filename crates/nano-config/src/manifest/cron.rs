//! Whether a cron expression is one. When it is due next is the business of who runs it.

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A field: its name, its least and largest number, and the words for its numbers.
type Field = (&'static str, u32, u32, &'static [&'static str]);

const FIELDS: [Field; 5] = [
    ("minute", 0, 59, &[]),
    ("hour", 0, 23, &[]),
    ("day of the month", 1, 31, &[]),
    ("month", 1, 12, &MONTHS),
    ("day of the week", 0, 7, &DAYS),
];

/// Says what is wrong with an expression of five fields, as cron and Workers have them: `*`, numbers, names, `a-b`, `/n`, lists, and
/// in the days `L`, `nW` and `n#m`.
pub fn check(text: &str) -> Result<(), String> {
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    if fields.len() != FIELDS.len() {
        return Err(format!("\"{text}\" has {} fields; a cron expression has 5: minute, hour, day, month, day of the week", fields.len()));
    }
    for (written, field) in fields.iter().zip(FIELDS) {
        for item in written.split(',') {
            if !is_item(item, field) {
                let (name, min, max, _) = field;
                return Err(format!("\"{text}\": \"{item}\" is no {name} ({min} to {max}, a range, or * with or without /n)"));
            }
        }
    }
    Ok(())
}

fn is_item(item: &str, field: Field) -> bool {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(step)),
        None => (item, None),
    };
    let (name, min, max, _) = field;
    let step_fits = step.is_none_or(|step| plain(step).is_some_and(|step| step >= 1 && step <= max));
    let range_fits = match range.split_once('-') {
        Some((from, to)) => matches!((value(from, field), value(to, field)), (Some(from), Some(to)) if from <= to),
        None => range == "*" || value(range, field).is_some() || (step.is_none() && is_special(range, name, min, max, field)),
    };
    step_fits && range_fits
}

/// The last one, the weekday nearest to one, the n-th weekday of a month.
fn is_special(text: &str, name: &str, min: u32, max: u32, field: Field) -> bool {
    let text = text.to_ascii_uppercase();
    let day_of = |text: &str| plain(text).is_some_and(|day| (min..=max).contains(&day));
    match name {
        "day of the month" => matches!(&*text, "L" | "LW") || text.strip_suffix('W').is_some_and(day_of),
        "day of the week" => {
            let nth = |(day, nth): (&str, &str)| value(day, field).is_some() && plain(nth).is_some_and(|nth| (1..=5).contains(&nth));
            text == "L" || text.strip_suffix('L').is_some_and(|day| value(day, field).is_some()) || text.split_once('#').is_some_and(nth)
        }
        _ => false,
    }
}

fn value(text: &str, (_, min, max, words): Field) -> Option<u32> {
    if let Some(index) = words.iter().position(|word| word.eq_ignore_ascii_case(text)) {
        // Sunday is 0, January is 1.
        return Some(index as u32 + min);
    }
    plain(text).filter(|number| (min..=max).contains(number))
}

fn plain(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_told_from_what_is_none() {
        let good = [
            "* * * * *",
            "*/15 0-6 1,15 JAN-mar MON",
            "0 0 L * *",
            "0 0 LW * *",
            "5 4 15W * *",
            "0 9 * * 5L",
            "0 9 * * mon#2",
            "0 0 * * 7",
            "59 23 31 12 6",
            "0-30/5 * * * *",
            "5/10 * * * *",
        ];
        let bad = [
            "",
            "* * * *",
            "* * * * * *",
            "60 * * * *",
            "* 24 * * *",
            "* * 0 * *",
            "* * * 13 *",
            "* * * FOO *",
            "* * * * 8",
            "30-0 * * * *",
            "*/0 * * * *",
            "*/99 * * * *",
            "a * * * *",
            "1, * * * *",
            "-1 * * * *",
            "+1 * * * *",
            "0 0 32W * *",
            "0 0 * * 1#6",
            "L * * * *",
            "99999999999 * * * *",
        ];
        for text in good {
            assert_eq!(check(text), Ok(()));
        }
        for text in bad {
            assert!(check(text).is_err(), "{text}");
        }
        assert_eq!(check("0 25 * * *"), Err("\"0 25 * * *\": \"25\" is no hour (0 to 23, a range, or * with or without /n)".into()));
    }
}
