//! Cron expressions as Workers have them: five fields in UTC, with Quartz's `L`, `W` and `#` in the days, and 1 for Sunday.
//!
//! Time here is whole minutes since 1970, and nothing reads a clock.

use crate::date::{day_of, days};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const MINUTES_PER_DAY: u64 = 1_440;
/// Every date there is comes within so many years: a fifth weekday of February takes longest, across a year without a leap day.
const YEARS_MAX: u64 = 45;

/// A field: its name, its least and largest number, and the words for its numbers.
struct Field {
    name: &'static str,
    min: u32,
    max: u32,
    words: &'static [&'static str],
}

const fn field(name: &'static str, min: u32, max: u32, words: &'static [&'static str]) -> Field {
    Field { name, min, max, words }
}

const MINUTE: Field = field("minute", 0, 59, &[]);
const HOUR: Field = field("hour", 0, 23, &[]);
const DAY: Field = field("day of the month", 1, 31, &[]);
const MONTH: Field = field("month", 1, 12, &MONTHS);
const WEEKDAY: Field = field("day of the week", 1, 7, &DAYS);

/// An expression that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cron {
    minutes: u64,
    hours: u64,
    months: u64,
    days: Days,
    weekdays: Weekdays,
}

/// Days of a month, a bit for each number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Days {
    any: bool,
    set: u64,
    /// The weekday nearest to the day.
    nearest: u64,
    last: bool,
    last_weekday: bool,
}

/// Days of the week, a bit for each number: Sunday is 1.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Weekdays {
    any: bool,
    set: u64,
    /// The last such day of the month.
    last: u64,
    /// The n-th such day of the month.
    nth: [u64; 6],
}

impl Cron {
    /// Reads an expression: `*`, numbers, names, `a-b`, `/n`, lists, and in the days `L`, `LW`, `nW`, `nL` and `n#m`. Says what is
    /// wrong with one that is none, or that no day can fulfil.
    pub fn parse(text: &str) -> Result<Self, String> {
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let &[minute, hour, day, month, weekday] = &fields[..] else {
            let count = fields.len();
            return Err(format!("\"{text}\" has {count} fields; a cron expression has 5: minute, hour, day, month, day of the week"));
        };
        let mut cron = Self {
            minutes: 0,
            hours: 0,
            months: 0,
            days: Days { any: day == "*", ..Days::default() },
            weekdays: Weekdays { any: weekday == "*", ..Weekdays::default() },
        };
        each(text, minute, &MINUTE, |item| plain_items(item, &MINUTE).map(|set| cron.minutes |= set))?;
        each(text, hour, &HOUR, |item| plain_items(item, &HOUR).map(|set| cron.hours |= set))?;
        each(text, month, &MONTH, |item| plain_items(item, &MONTH).map(|set| cron.months |= set))?;
        each(text, day, &DAY, |item| cron.days.add(item))?;
        each(text, weekday, &WEEKDAY, |item| cron.weekdays.add(item))?;
        if cron.next_after(0).is_none() {
            return Err(format!("\"{text}\" is never due: there is no such day"));
        }
        Ok(cron)
    }

    /// The first minute after this one that it is due in.
    pub fn next_after(&self, minute: u64) -> Option<u64> {
        let first = minute + 1;
        let today = first / MINUTES_PER_DAY;
        if self.is_day(today)
            && let Some(at) = self.time_from(first % MINUTES_PER_DAY)
        {
            return Some(today * MINUTES_PER_DAY + at);
        }
        let mut day = today + 1;
        let (year, ..) = day_of(day);
        loop {
            let (now, month, _) = day_of(day);
            if now > year + YEARS_MAX {
                return None;
            }
            if self.months & (1 << month) == 0 {
                day = month_after(now, month);
            } else if self.is_day(day) {
                return Some(day * MINUTES_PER_DAY + self.time_from(0)?);
            } else {
                day += 1;
            }
        }
    }

    /// The first time of a day at which it is due, not before this one, in minutes.
    fn time_from(&self, minute: u64) -> Option<u64> {
        let (hour, minute) = (minute / 60, minute % 60);
        let in_hour = |from: u64| (from..60).find(|minute| self.minutes & (1 << minute) != 0);
        if self.hours & (1 << hour) != 0
            && let Some(minute) = in_hour(minute)
        {
            return Some(hour * 60 + minute);
        }
        let hour = (hour + 1..24).find(|hour| self.hours & (1 << hour) != 0)?;
        Some(hour * 60 + in_hour(0)?)
    }

    fn is_day(&self, day: u64) -> bool {
        let (year, month, date) = day_of(day);
        if self.months & (1 << month) == 0 {
            return false;
        }
        let first = day - (date - 1);
        let month = Month { first, length: month_after(year, month) - first };
        match (self.days.any, self.weekdays.any) {
            (true, true) => true,
            (true, false) => self.weekdays.has(&month, date),
            (false, true) => self.days.has(&month, date),
            // As every cron has it: what both fields say adds up.
            (false, false) => self.days.has(&month, date) || self.weekdays.has(&month, date),
        }
    }
}

/// A month: its first day since 1970, and how many it has.
struct Month {
    first: u64,
    length: u64,
}

impl Month {
    /// The day of the week, 1 for Sunday: 1970 began with a Thursday.
    fn weekday(&self, date: u64) -> u64 {
        (self.first + date - 1 + 4) % 7 + 1
    }

    /// The day from Monday to Friday that is nearest, within the month.
    fn nearest_weekday(&self, date: u64) -> u64 {
        match self.weekday(date) {
            7 if date > 1 => date - 1,
            7 => date + 2,
            1 if date < self.length => date + 1,
            1 => date - 2,
            _ => date,
        }
    }
}

impl Days {
    fn add(&mut self, item: &str) -> Option<()> {
        if item.eq_ignore_ascii_case("L") {
            self.last = true;
        } else if item.eq_ignore_ascii_case("LW") {
            self.last_weekday = true;
        } else if let Some(day) = item.strip_suffix(['W', 'w']) {
            self.nearest |= 1 << value(day, &DAY)?;
        } else {
            self.set |= plain_items(item, &DAY)?;
        }
        Some(())
    }

    fn has(&self, month: &Month, date: u64) -> bool {
        self.set & (1 << date) != 0
            || (self.last && date == month.length)
            || (self.last_weekday && date == month.nearest_weekday(month.length))
            || (self.nearest != 0 && (1..=month.length).any(|day| self.nearest & (1 << day) != 0 && month.nearest_weekday(day) == date))
    }
}

impl Weekdays {
    fn add(&mut self, item: &str) -> Option<()> {
        if item.eq_ignore_ascii_case("L") {
            self.set |= 1 << 7;
        } else if let Some((day, nth)) = item.split_once('#') {
            let nth = number(nth).filter(|nth| (1..=5).contains(nth))?;
            self.nth[nth as usize] |= 1 << value(day, &WEEKDAY)?;
        } else if let Some(day) = item.strip_suffix(['L', 'l']) {
            self.last |= 1 << value(day, &WEEKDAY)?;
        } else {
            self.set |= plain_items(item, &WEEKDAY)?;
        }
        Some(())
    }

    fn has(&self, month: &Month, date: u64) -> bool {
        let bit = 1 << month.weekday(date);
        self.set & bit != 0 || (self.last & bit != 0 && date + 7 > month.length) || self.nth[((date - 1) / 7 + 1) as usize] & bit != 0
    }
}

/// Reads every item of a field's list.
fn each(text: &str, written: &str, field: &Field, mut read: impl FnMut(&str) -> Option<()>) -> Result<(), String> {
    for item in written.split(',') {
        if read(item).is_none() {
            let Field { name, min, max, words } = field;
            let also = if words.len() == 7 { "1 is Sunday, or SUN to SAT, " } else { "" };
            return Err(format!("\"{text}\": \"{item}\" is no {name} ({min} to {max}, {also}a range, or * with or without /n)"));
        }
    }
    Ok(())
}

/// `*`, a number, a range, each with a step or without.
fn plain_items(item: &str, field: &Field) -> Option<u64> {
    let (range, step) = match item.split_once('/') {
        Some((range, step)) => (range, Some(number(step).filter(|step| (1..=field.max).contains(step))?)),
        None => (item, None),
    };
    let (from, to) = match range.split_once('-') {
        Some((from, to)) => (value(from, field)?, value(to, field)?),
        None if range == "*" => (field.min, field.max),
        None => {
            let from = value(range, field)?;
            (from, if step.is_some() { field.max } else { from })
        }
    };
    let set = (from..=to).step_by(step.unwrap_or(1) as usize).fold(0, |set, number| set | 1 << number);
    (from <= to).then_some(set)
}

fn value(text: &str, field: &Field) -> Option<u32> {
    if let Some(index) = field.words.iter().position(|word| word.eq_ignore_ascii_case(text)) {
        return Some(index as u32 + field.min);
    }
    number(text).filter(|number| (field.min..=field.max).contains(number))
}

fn number(text: &str) -> Option<u32> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// The first day of the month after this one.
fn month_after(year: u64, month: u64) -> u64 {
    if month == 12 { days(year + 1, 1, 1) } else { days(year, month + 1, 1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A date and time as minutes.
    fn at(year: u64, month: u64, day: u64, hour: u64, minute: u64) -> u64 {
        days(year, month, day) * MINUTES_PER_DAY + hour * 60 + minute
    }

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
            "0 0 29 2 *",
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
            "* * * * 0",
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
            "0 0 30 2 *",
        ];
        for text in good {
            assert!(Cron::parse(text).is_ok(), "{text}");
        }
        for text in bad {
            assert!(Cron::parse(text).is_err(), "{text}");
        }
        let why = |text| Cron::parse(text).expect_err("no expression");
        assert_eq!(why("0 25 * * *"), "\"0 25 * * *\": \"25\" is no hour (0 to 23, a range, or * with or without /n)");
        assert!(why("0 0 * * 0").contains("(1 to 7, 1 is Sunday, or SUN to SAT, a range"));
        assert_eq!(why("0 0 31 4 *"), "\"0 0 31 4 *\" is never due: there is no such day");
    }

    #[test]
    fn the_next_time_is_found() {
        // Thursday, the first of January 2026, ten past eight.
        let now = at(2026, 1, 1, 8, 10);
        let cases = [
            ("* * * * *", at(2026, 1, 1, 8, 11)),
            ("10 8 * * *", at(2026, 1, 2, 8, 10)),
            ("*/15 * * * *", at(2026, 1, 1, 8, 15)),
            ("5/20 8 * * *", at(2026, 1, 1, 8, 25)),
            ("0 0 * * *", at(2026, 1, 2, 0, 0)),
            ("30 7-9 * * *", at(2026, 1, 1, 8, 30)),
            ("0 17 * * 1", at(2026, 1, 4, 17, 0)),
            ("0 17 * * sun", at(2026, 1, 4, 17, 0)),
            ("10 7 * * 2-6", at(2026, 1, 2, 7, 10)),
            ("0 0 * * L", at(2026, 1, 3, 0, 0)),
            ("0 18 * * 6L", at(2026, 1, 30, 18, 0)),
            ("0 10 * * MON#2", at(2026, 1, 12, 10, 0)),
            ("0 0 L 2 *", at(2026, 2, 28, 0, 0)),
            ("0 0 29 feb *", at(2028, 2, 29, 0, 0)),
            // The last day of May 2026 is a Sunday.
            ("59 23 LW 5 *", at(2026, 5, 29, 23, 59)),
            // The 15th of February 2026 is a Sunday, the first a Sunday, and the first of August a Saturday.
            ("0 0 15W 2 *", at(2026, 2, 16, 0, 0)),
            ("0 0 1W 2 *", at(2026, 2, 2, 0, 0)),
            ("0 0 1W 8 *", at(2026, 8, 3, 0, 0)),
            ("0 0 31 * *", at(2026, 1, 31, 0, 0)),
            // What both days say adds up.
            ("0 0 13 * fri", at(2026, 1, 2, 0, 0)),
            ("0 0 * 2 1#5", at(2032, 2, 29, 0, 0)),
        ];
        for (text, next) in cases {
            assert_eq!(Cron::parse(text).map(|cron| cron.next_after(now)), Ok(Some(next)), "{text}");
        }
        let daily = Cron::parse("0 0 * * *").expect("an expression");
        assert_eq!(daily.next_after(at(2026, 12, 31, 0, 0)), Some(at(2027, 1, 1, 0, 0)));
    }
}
