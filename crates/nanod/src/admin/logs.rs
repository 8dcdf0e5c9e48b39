//! What apps have said lately, kept for whoever asks, and told to whoever follows. Bounded as a whole and for each app: one that says
//! much loses its own lines, not those of others.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use nano_base::limits::{ADMIN_LOG_APP_BYTES_MAX, ADMIN_LOG_BYTES_MAX};
use nano_core::LogLevel;

/// One line, or something that happened to an app.
#[derive(Clone, Debug)]
pub struct Line {
    /// Its number among all lines.
    pub seq: u64,
    /// Its number among those of its app.
    nth: u64,
    pub unix_ms: u64,
    pub app: Arc<str>,
    pub level: LogLevel,
    /// What happened to the app, if it was not the app that spoke.
    pub event: Option<&'static str>,
    pub text: String,
}

impl Line {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.text.len()
    }

    /// The line as JSON.
    pub fn json(&self) -> String {
        let mut out = format!("{{\"seq\":{},\"unix_ms\":{},\"app\":", self.seq, self.unix_ms);
        // Writing to a string does not fail.
        let _ = write!(out, "{},\"level\":\"{}\"", quoted(&self.app), word(self.level));
        if let Some(event) = self.event {
            let _ = write!(out, ",\"event\":\"{event}\"");
        }
        let _ = write!(out, ",\"text\":{}}}", quoted(&self.text));
        out
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A level's name.
pub fn word(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    }
}

/// How loud a level is.
fn loudness(level: LogLevel) -> u8 {
    match level {
        LogLevel::Debug => 0,
        LogLevel::Info => 1,
        LogLevel::Warn => 2,
        LogLevel::Error => 3,
    }
}

/// What somebody wants to hear.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of these apps; none for all.
    pub apps: Vec<String>,
    /// Nothing below this.
    pub level: Option<LogLevel>,
    /// Lines that have this, whatever the case.
    pub search: Option<String>,
}

impl Filter {
    fn has_app(&self, app: &str) -> bool {
        self.apps.is_empty() || self.apps.iter().any(|wanted| wanted == app)
    }

    fn has(&self, line: &Line) -> bool {
        self.has_app(&line.app)
            && self.level.is_none_or(|level| loudness(line.level) >= loudness(level))
            && self.search.as_ref().is_none_or(|search| line.text.to_lowercase().contains(search))
    }
}

/// Where somebody is who follows.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    seq: u64,
    /// Of the apps that are followed, the number of the line that was looked at last.
    nth: HashMap<Arc<str>, u64>,
}

/// Where a line is among all that have ever been: numbers begin anew with each process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    epoch: u64,
    seq: u64,
}

impl Place {
    /// The place that somebody was told as an event's id. What is none is of no process: nothing has been seen.
    pub fn parse(text: &str) -> Self {
        let numbers = text.split_once('-').and_then(|(epoch, seq)| Some((u64::from_str_radix(epoch, 16).ok()?, seq.parse().ok()?)));
        numbers.map_or_else(Self::default, |(epoch, seq)| Self { epoch, seq })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:x}-{}", self.epoch, self.seq)
    }
}

#[derive(Debug, Default)]
struct Ring {
    lines: BTreeMap<u64, Line>,
    by_app: HashMap<Arc<str>, Tail>,
    next: u64,
    bytes: usize,
}

#[derive(Debug, Default)]
struct Tail {
    seqs: VecDeque<u64>,
    bytes: usize,
    said: u64,
}

/// The lines of all apps.
#[derive(Default)]
pub struct Logs {
    epoch: u64,
    ring: Mutex<Ring>,
    followers: AtomicUsize,
    bell: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl std::fmt::Debug for Logs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Logs")
    }
}

impl Logs {
    /// None yet. `epoch` tells the numbers of its lines from those of every other process, such as the one before.
    pub fn new(epoch: u64) -> Self {
        Self { epoch, ..Self::default() }
    }

    /// What to ring while somebody follows and there is something new.
    pub fn set_bell(&self, bell: Box<dyn Fn() + Send>) {
        *self.bell.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(bell);
    }

    /// So many follow now.
    pub fn set_followers(&self, count: usize) {
        self.followers.store(count, Ordering::Relaxed);
    }

    /// Keeps a line.
    pub fn push(&self, unix_ms: u64, app: &str, level: LogLevel, event: Option<&'static str>, text: String) {
        self.ring().push(unix_ms, app, level, event, text);
        if self.followers.load(Ordering::Relaxed) > 0
            && let Some(bell) = &*self.bell.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
        {
            bell();
        }
    }

    /// Whether there are lines of an app, which may be gone by now.
    pub fn knows(&self, app: &str) -> bool {
        self.ring().by_app.contains_key(app)
    }

    /// Where to begin, to see the last `count` lines of what there is and then what comes.
    pub fn tail(&self, filter: &Filter, count: usize) -> Cursor {
        let ring = self.ring();
        let seq = match count {
            0 => ring.next,
            _ => {
                let first = ring.lines.values().rev().filter(|line| filter.has(line)).take(count).last();
                first.map_or(ring.next, |line| line.seq.saturating_sub(1))
            }
        };
        ring.cursor(filter, seq)
    }

    /// Where to go on behind a line that has been seen. Of a line of another process all here is behind it.
    pub fn after(&self, filter: &Filter, seen: Place) -> Cursor {
        let ring = self.ring();
        if seen.epoch == self.epoch && seen.seq <= ring.next { ring.cursor(filter, seen.seq) } else { Cursor::default() }
    }

    /// What somebody who sees a line may come back with.
    pub fn place(&self, line: &Line) -> Place {
        Place { epoch: self.epoch, seq: line.seq }
    }

    /// What comes behind the cursor: up to so many bytes of lines, and before each how many are gone.
    pub fn read(&self, filter: &Filter, cursor: &mut Cursor, bytes_max: usize, mut each: impl FnMut(u64, &Line)) {
        let ring = self.ring();
        let mut bytes = 0;
        for line in ring.lines.range(cursor.seq + 1..).map(|(_, line)| line) {
            if bytes >= bytes_max {
                return;
            }
            let missing = cursor.pass(filter, line);
            if filter.has(line) || missing > 0 {
                bytes += line.bytes();
                each(missing, line);
            }
        }
        cursor.seq = cursor.seq.max(ring.next);
    }

    /// Whether a line is one that the filter wants; `read` gives others too, when lines before them are gone.
    pub fn wants(filter: &Filter, line: &Line) -> bool {
        filter.has(line)
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Cursor {
    /// Goes on behind a line; how many of those that matter are gone before it.
    fn pass(&mut self, filter: &Filter, line: &Line) -> u64 {
        let before = std::mem::replace(&mut self.seq, line.seq);
        if filter.apps.is_empty() {
            return line.seq - before - 1;
        }
        if !filter.has_app(&line.app) {
            return 0;
        }
        let seen = self.nth.insert(line.app.clone(), line.nth).unwrap_or(0);
        line.nth.saturating_sub(seen + 1)
    }
}

impl Ring {
    fn push(&mut self, unix_ms: u64, app: &str, level: LogLevel, event: Option<&'static str>, text: String) {
        let app = match self.by_app.get_key_value(app) {
            Some((known, _)) => known.clone(),
            None => Arc::from(app),
        };
        self.next += 1;
        let tail = self.by_app.entry(app.clone()).or_default();
        tail.said += 1;
        let line = Line { seq: self.next, nth: tail.said, unix_ms, app: app.clone(), level, event, text };
        let bytes = line.bytes();
        tail.seqs.push_back(line.seq);
        tail.bytes += bytes;
        self.bytes += bytes;
        self.lines.insert(line.seq, line);
        while self.by_app.get(&app).is_some_and(|tail| tail.bytes > ADMIN_LOG_APP_BYTES_MAX && tail.seqs.len() > 1) {
            self.forget_first_of(&app);
        }
        while self.bytes > ADMIN_LOG_BYTES_MAX
            && let Some((_, first)) = self.lines.first_key_value()
        {
            let app = first.app.clone();
            self.forget_first_of(&app);
        }
    }

    fn forget_first_of(&mut self, app: &Arc<str>) {
        let Some(tail) = self.by_app.get_mut(app) else { return };
        let Some(line) = tail.seqs.pop_front().and_then(|seq| self.lines.remove(&seq)) else { return };
        tail.bytes -= line.bytes();
        self.bytes -= line.bytes();
        // Nobody can miss anything of an app of which nothing is left.
        if tail.seqs.is_empty() {
            self.by_app.remove(app);
        }
    }

    fn cursor(&self, filter: &Filter, seq: u64) -> Cursor {
        let mut nth = HashMap::new();
        for app in &filter.apps {
            let Some((app, tail)) = self.by_app.get_key_value(app.as_str()) else { continue };
            // Lines behind the cursor are those that will be given: what is before them has been seen.
            let behind = tail.seqs.len() - tail.seqs.partition_point(|own| *own <= seq);
            nth.insert(app.clone(), tail.said - behind as u64);
        }
        Cursor { seq, nth }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(logs: &Logs, filter: &Filter, cursor: &mut Cursor) -> (Vec<String>, u64) {
        let (mut texts, mut gone) = (Vec::new(), 0);
        logs.read(filter, cursor, usize::MAX, |missing, line| {
            gone += missing;
            if Logs::wants(filter, line) {
                texts.push(line.text.clone());
            }
        });
        (texts, gone)
    }

    fn say(logs: &Logs, app: &str, text: &str) {
        logs.push(0, app, LogLevel::Info, None, text.into());
    }

    #[test]
    fn whoever_follows_gets_what_comes_and_what_was() {
        let logs = Logs::default();
        for number in 0..5 {
            say(&logs, if number % 2 == 0 { "even" } else { "odd" }, &number.to_string());
        }
        let all = Filter::default();
        let mut cursor = logs.tail(&all, 2);
        assert_eq!(read(&logs, &all, &mut cursor), (vec!["3".into(), "4".into()], 0));
        let even = Filter { apps: vec!["even".into()], ..Filter::default() };
        let mut of_even = logs.tail(&even, 2);
        assert_eq!(read(&logs, &even, &mut of_even), (vec!["2".into(), "4".into()], 0));
        say(&logs, "odd", "5");
        say(&logs, "even", "6");
        assert_eq!(read(&logs, &all, &mut cursor), (vec!["5".into(), "6".into()], 0));
        assert_eq!(read(&logs, &even, &mut of_even), (vec!["6".into()], 0));
        assert_eq!(read(&logs, &even, &mut of_even), (vec![], 0));
        let mut from_now = logs.tail(&all, 0);
        assert_eq!(read(&logs, &all, &mut from_now), (vec![], 0));
    }

    #[test]
    fn levels_and_texts_are_chosen() {
        let logs = Logs::default();
        logs.push(0, "app", LogLevel::Debug, None, "Quiet".into());
        logs.push(0, "app", LogLevel::Error, None, "LOUD quiet".into());
        let loud = Filter { level: Some(LogLevel::Warn), ..Filter::default() };
        assert_eq!(read(&logs, &loud, &mut logs.tail(&loud, 10)).0, ["LOUD quiet"]);
        let found = Filter { search: Some("quiet".into()), ..Filter::default() };
        assert_eq!(read(&logs, &found, &mut logs.tail(&found, 10)).0, ["Quiet", "LOUD quiet"]);
    }

    #[test]
    fn an_app_that_says_much_loses_its_own_lines_and_it_is_told() {
        let logs = Logs::default();
        say(&logs, "calm", "still here");
        let noisy = Filter { apps: vec!["noisy".into()], ..Filter::default() };
        let (mut of_noisy, mut of_all) = (logs.tail(&noisy, 0), logs.tail(&Filter::default(), 0));
        let long = "x".repeat(1_000);
        let count = 3 * ADMIN_LOG_APP_BYTES_MAX as u64 / 1_000;
        (0..count).for_each(|_| say(&logs, "noisy", &long));
        let (left, gone) = read(&logs, &noisy, &mut of_noisy);
        assert!(gone > 0 && left.len() as u64 + gone == count, "{} {gone} {count}", left.len());
        assert_eq!(read(&logs, &Filter::default(), &mut of_all).1, gone);
        let calm = Filter { apps: vec!["calm".into()], ..Filter::default() };
        assert_eq!(read(&logs, &calm, &mut logs.tail(&calm, 10)).0, ["still here"]);
    }

    #[test]
    fn whoever_has_seen_another_process_gets_all_of_this_one() {
        let before = Logs::new(1);
        (0..5).for_each(|_| say(&before, "app", "old"));
        let last = |logs: &Logs| logs.place(logs.ring().lines.values().next_back().unwrap());
        let seen = Place::parse(&last(&before).to_string());
        assert_eq!(seen, last(&before));
        let logs = Logs::new(2);
        (0..9).for_each(|number| say(&logs, "app", &number.to_string()));
        for filter in [Filter::default(), Filter { apps: vec!["app".into()], ..Filter::default() }] {
            for other in [seen, Place::parse("5"), Place::parse("")] {
                assert_eq!(read(&logs, &filter, &mut logs.after(&filter, other)).0.len(), 9, "{other}");
            }
            assert_eq!(read(&logs, &filter, &mut logs.after(&filter, last(&logs))), (vec![], 0));
            let third = Place { seq: 3, ..last(&logs) };
            assert_eq!(read(&logs, &filter, &mut logs.after(&filter, third)).0.len(), 6);
        }
        let long = "x".repeat(1_000);
        let count = 3 * ADMIN_LOG_APP_BYTES_MAX as u64 / 1_000;
        (0..count).for_each(|_| say(&logs, "app", &long));
        let app = Filter { apps: vec!["app".into()], ..Filter::default() };
        let (left, gone) = read(&logs, &app, &mut logs.after(&app, seen));
        assert!(gone > 0 && left.len() as u64 + gone == count + 9, "what is gone is told: {} {gone}", left.len());
    }

    #[test]
    fn all_apps_together_are_bounded() {
        let logs = Logs::default();
        let long = "x".repeat(10_000);
        for number in 0..3 * ADMIN_LOG_BYTES_MAX / 10_000 {
            say(&logs, &format!("app{}", number % 997), &long);
        }
        let ring = logs.ring();
        assert!(ring.bytes <= ADMIN_LOG_BYTES_MAX && ring.bytes == ring.lines.values().map(Line::bytes).sum::<usize>());
        assert_eq!(ring.by_app.values().map(|tail| tail.seqs.len()).sum::<usize>(), ring.lines.len());
    }
}
