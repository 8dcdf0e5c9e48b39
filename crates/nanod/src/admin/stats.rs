//! The figures, as the dashboard sees them: everything once, and then each second what has changed. A thousand apps that do nothing cost
//! their comparison, and no byte.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;

use nano_base::limits::ADMIN_APPS_MAX;
use nano_core::{AppReport, Ceilings, Durations, Runtime, RuntimeStats, ShardReport, ShardView};

use super::board::{Board, Mark};
use super::process;

/// How long a distribution counts in a quantile: this at least, twice at most.
pub const WINDOW_MS: u64 = 30_000;

/// The numbers of an app, in the order of [`Row::numbers`].
const FIELDS: [&str; 14] = [
    "requests",
    "errors",
    "in_flight",
    "p50_us",
    "p99_us",
    "cpu_us",
    "heap_bytes",
    "external_bytes",
    "instances",
    "cold_starts",
    "kills",
    "evictions",
    "failing",
    "hog",
];

/// Words of 64 shards each.
const SHARD_WORDS: usize = 4;

/// One app's figures.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    state: &'static str,
    numbers: [u64; FIELDS.len()],
    shards: [u64; SHARD_WORDS],
}

/// Distributions as they were a while ago: quantiles are of what has come since.
#[derive(Debug, Default)]
pub struct Windows {
    apps: HashMap<String, [Durations; 2]>,
    turned_ms: u64,
}

impl Windows {
    /// Forgets what is too long ago, if it is time; to be asked now and then.
    pub fn turn(&mut self, runtime: &Runtime, now_ms: u64) {
        if self.turned_ms > 0 && now_ms < self.turned_ms + WINDOW_MS {
            return;
        }
        if self.turned_ms == 0 {
            // Nothing is too long ago yet.
            self.turned_ms = now_ms.max(1);
            return;
        }
        let behind = now_ms >= self.turned_ms + 2 * WINDOW_MS;
        self.turned_ms = now_ms;
        let mut apps = HashMap::new();
        for app in runtime.apps().into_iter().filter(|app| app.ended_ms.is_some()) {
            let middle =
                if behind { app.durations } else { self.apps.get(&app.name).map_or_else(Durations::default, |[_, middle]| *middle) };
            apps.insert(app.name, [middle, app.durations]);
        }
        self.apps = apps;
    }

    /// What has come lately.
    pub fn lately(&self, app: &AppReport) -> Durations {
        self.apps.get(&app.name).map_or(app.durations, |[old, _]| app.durations.since(old))
    }
}

/// What was there last.
#[derive(Debug, Default)]
pub struct Figures {
    rows: BTreeMap<String, Row>,
    hidden: usize,
    runtime: RuntimeStats,
    shards: Vec<ShardView>,
    ceilings: Option<Ceilings>,
    process: (u64, u64),
}

impl Figures {
    /// What is there now.
    pub fn take(runtime: &Runtime, board: &Board, windows: &Windows) -> Self {
        let shards = runtime.shards();
        let places = places(&shards);
        let marks = board.marks();
        let mut apps = runtime.apps();
        apps.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        let hidden = apps.len().saturating_sub(ADMIN_APPS_MAX);
        apps.truncate(ADMIN_APPS_MAX);
        let mut rows: BTreeMap<String, Row> = BTreeMap::new();
        for (name, Mark { state, failing }) in &marks {
            // Known to the runtime or not: those that are get their figures below.
            let mut numbers = [0; FIELDS.len()];
            numbers[12] = u64::from(*failing);
            rows.insert(name.clone(), Row { state, numbers, shards: [0; SHARD_WORDS] });
        }
        for app in apps {
            let failing = marks.get(&app.name).is_some_and(|mark| mark.failing);
            let row = Row::of(&app, windows, failing, places.get(app.name.as_str()).copied().unwrap_or_default());
            rows.insert(app.name, row);
        }
        Self {
            rows,
            hidden,
            runtime: runtime.stats(),
            shards: shards.into_iter().map(|shard| shard.view).collect(),
            ceilings: Some(runtime.ceilings()),
            process: process::usage(),
        }
    }

    /// All of it as JSON.
    pub fn whole(&self, unix_ms: u64) -> String {
        self.written(unix_ms, None)
    }

    /// What has changed since `before`, as JSON.
    pub fn since(&self, before: &Self, unix_ms: u64) -> String {
        self.written(unix_ms, Some(before))
    }

    fn written(&self, unix_ms: u64, before: Option<&Self>) -> String {
        let mut out = String::with_capacity(if before.is_some() { 1_024 } else { 1_024 + 320 * self.rows.len() });
        // Writing to a string does not fail; so below.
        let _ = write!(out, "{{\"unix_ms\":{unix_ms},\"whole\":{}", before.is_none());
        self.write_process(&mut out);
        self.write_shards(&mut out);
        out.push_str(",\"apps\":[");
        let mut separator = "";
        for (name, row) in &self.rows {
            let last = before.and_then(|before| before.rows.get(name));
            if last != Some(row) {
                out.push_str(separator);
                row.write(name, last, &mut out);
                separator = ",";
            }
        }
        out.push_str("],\"gone\":[");
        let mut separator = "";
        for name in before.iter().flat_map(|before| before.rows.keys()).filter(|name| !self.rows.contains_key(*name)) {
            let _ = write!(out, "{separator}{}", quoted(name));
            separator = ",";
        }
        let _ = write!(out, "],\"hidden\":{}}}", self.hidden);
        out
    }

    fn write_process(&self, out: &mut String) {
        let RuntimeStats { apps, instances, requests, in_flight, refused, starts, evictions, condemned, rescued, lost_bytes, .. } =
            self.runtime;
        let _ = write!(
            out,
            ",\"runtime\":{{\"apps\":{apps},\"instances\":{instances},\"requests\":{requests},\"in_flight\":{in_flight},\
             \"refused\":{refused},\"cold_starts\":{starts},\"evictions\":{evictions},\"condemned\":{condemned},\"rescued\":{rescued},\
             \"lost_bytes\":{lost_bytes},\"logs_dropped\":{}}}",
            self.runtime.logs_dropped
        );
        if let Some(ceilings) = &self.ceilings {
            let Ceilings {
                heaps_bytes,
                heaps_bytes_max,
                instances,
                instances_max,
                lost_threads,
                lost_threads_max,
                lost_heap_bytes,
                code_bytes,
                code_bytes_max,
            } = ceilings;
            let _ = write!(
                out,
                ",\"ceilings\":{{\"heaps_bytes\":{heaps_bytes},\"heaps_bytes_max\":{heaps_bytes_max},\"instances\":{instances},\
                 \"instances_max\":{instances_max},\"lost_threads\":{lost_threads},\"lost_threads_max\":{lost_threads_max},\
                 \"lost_heap_bytes\":{lost_heap_bytes},\"code_bytes\":{code_bytes},\"code_bytes_max\":{code_bytes_max}}}"
            );
        }
        let _ = write!(out, ",\"process\":{{\"resident_bytes\":{},\"cpu_ms\":{}}}", self.process.0, self.process.1);
    }

    fn write_shards(&self, out: &mut String) {
        out.push_str(",\"shards\":[");
        for (position, shard) in self.shards.iter().enumerate() {
            let ShardView { index, queued, instances, memory_bytes, cpu_us, lost, stuck, .. } = shard;
            let _ = write!(
                out,
                "{}{{\"index\":{index},\"queued\":{queued},\"instances\":{instances},\"memory_bytes\":{memory_bytes},\"cpu_us\":{cpu_us},\
                 \"lost\":{lost},\"stuck\":{stuck}",
                if position == 0 { "" } else { "," }
            );
            if let Some(turn) = &shard.turn {
                let _ = write!(out, ",\"turn\":{{\"app\":{},\"age_us\":{},\"stopped\":{}}}", quoted(&turn.app), turn.age_us, turn.stopped);
            }
            out.push('}');
        }
        out.push(']');
    }
}

impl Row {
    fn of(app: &AppReport, windows: &Windows, failing: bool, shards: [u64; SHARD_WORDS]) -> Self {
        let lately = windows.lately(app);
        let numbers = [
            app.stats.requests,
            app.stats.errors,
            app.stats.in_flight,
            lately.quantile_us(500).unwrap_or(0),
            lately.quantile_us(990).unwrap_or(0),
            app.stats.cpu_us,
            app.heap_bytes,
            app.external_bytes,
            u64::from(app.instances),
            app.stats.starts,
            app.kills.iter().sum(),
            app.evictions,
            u64::from(failing),
            u64::from(app.hog),
        ];
        Self { state: app.state.word(), numbers, shards }
    }

    /// Writes what is different from `last`; all of it if there was nothing.
    fn write(&self, name: &str, last: Option<&Self>, out: &mut String) {
        let _ = write!(out, "{{\"name\":{}", quoted(name));
        if last.is_none_or(|last| last.state != self.state) {
            let _ = write!(out, ",\"state\":\"{}\"", self.state);
        }
        for (index, (field, number)) in FIELDS.iter().zip(self.numbers).enumerate() {
            if last.is_none_or(|last| last.numbers[index] != number) {
                let _ = write!(out, ",\"{field}\":{number}");
            }
        }
        if last.is_none_or(|last| last.shards != self.shards) {
            out.push_str(",\"shards\":[");
            let on = (0..SHARD_WORDS * 64).filter(|shard| self.shards[shard / 64] & 1 << (shard % 64) != 0);
            for (position, shard) in on.enumerate() {
                let _ = write!(out, "{}{shard}", if position == 0 { "" } else { "," });
            }
            out.push(']');
        }
        out.push('}');
    }
}

/// The shards that hold an instance of an app, a bit each.
fn places(shards: &[ShardReport]) -> HashMap<&str, [u64; SHARD_WORDS]> {
    let mut places: HashMap<&str, [u64; SHARD_WORDS]> = HashMap::new();
    for shard in shards {
        let at = shard.view.index % (SHARD_WORDS * 64);
        for resident in &shard.residents {
            places.entry(&resident.app).or_default()[at / 64] |= 1 << (at % 64);
        }
    }
    places
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(requests: u64, shard: usize) -> Row {
        let mut row = Row { state: "warm", numbers: [0; FIELDS.len()], shards: [0; SHARD_WORDS] };
        row.numbers[0] = requests;
        row.shards[shard / 64] |= 1 << (shard % 64);
        row
    }

    fn figures(rows: &[(&str, Row)]) -> Figures {
        Figures { rows: rows.iter().map(|(name, row)| (name.to_string(), row.clone())).collect(), ..Figures::default() }
    }

    #[test]
    fn what_has_not_changed_is_not_said_again() {
        let before = figures(&[("same", row(1, 0)), ("more", row(1, 3)), ("gone", row(1, 1))]);
        let after = figures(&[("same", row(1, 0)), ("more", row(2, 3)), ("new\"", row(0, 255))]);
        let delta: serde_json::Value = serde_json::from_str(&after.since(&before, 7)).unwrap();
        assert_eq!(delta["apps"][0], serde_json::json!({ "name": "more", "requests": 2 }));
        assert_eq!((&delta["apps"][1]["name"], &delta["apps"][1]["shards"]), (&"new\"".into(), &serde_json::json!([255])));
        assert_eq!((delta["apps"].as_array().unwrap().len(), &delta["gone"]), (2, &serde_json::json!(["gone"])));
        let whole: serde_json::Value = serde_json::from_str(&after.whole(7)).unwrap();
        assert_eq!((whole["apps"].as_array().unwrap().len(), &whole["whole"]), (3, &true.into()));
        assert_eq!(whole["apps"][0].as_object().unwrap().len(), FIELDS.len() + 3);
    }
}
