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

    /// Where to go on behind a line that has been seen.
    pub fn after(&self, filter: &Filter, seq: u64) -> Cursor {
        let ring = self.ring();
        ring.cursor(filter, seq.min(ring.next))
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
