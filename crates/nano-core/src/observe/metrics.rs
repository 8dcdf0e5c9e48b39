//! Reports as Prometheus text. The number of series is bounded whatever apps do: labels are words of closed sets, shards, and apps up to
//! a limit.

use std::fmt::{Display, Write};

use nano_base::limits::{APPS_LABELLED_MAX, METRICS_TOP_APPS};

use super::durations::BOUNDS_US;
use super::{AppReport, AppState, Durations, Kill, Outcome, Totals};
use crate::runtime::Runtime;

/// Which apps have metrics of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AppMetrics {
    /// None.
    Off,
    /// Those that have used the most CPU time.
    Top,
    /// All, unless there are more than `APPS_LABELLED_MAX`: then none, or the text would not fit a scrape.
    #[default]
    All,
}

/// Bounds of the distributions of single apps, in microseconds: enough to see which app is slow, few enough for a thousand of them.
const COARSE_US: [u64; 9] = [1_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 10_000_000];

impl Runtime {
    /// Everything as Prometheus text, labelled by app where there are not too many.
    pub fn metrics(&self) -> String {
        self.metrics_of(AppMetrics::All)
    }

    /// The same, and which apps to label.
    pub fn metrics_of(&self, which: AppMetrics) -> String {
        let mut apps = self.apps();
        let mut out = Text::default();
        out.runtime(self, &apps);
        out.shards(self);
        match which {
            AppMetrics::Off => apps.clear(),
            AppMetrics::Top => {
                apps.sort_unstable_by(|a, b| b.stats.cpu_us.cmp(&a.stats.cpu_us).then_with(|| a.name.cmp(&b.name)));
                apps.truncate(METRICS_TOP_APPS);
            }
            AppMetrics::All if apps.len() > APPS_LABELLED_MAX => apps.clear(),
            AppMetrics::All => {}
        }
        if !apps.is_empty() {
            apps.sort_unstable_by(|a, b| a.name.cmp(&b.name));
            out.apps(&apps);
        }
        out.0
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string does not fail; so below.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.head(name, kind, help);
        let _ = writeln!(self.0, "{name} {value}");
    }

    /// One series for each word of a closed set.
    fn by<'a>(&mut self, name: &str, kind: &str, help: &str, label: &str, rows: impl Iterator<Item = (&'a str, u64)>) {
        self.head(name, kind, help);
        for (word, value) in rows {
            let _ = writeln!(self.0, "{name}{{{label}=\"{word}\"}} {value}");
        }
    }

    fn runtime(&mut self, runtime: &Runtime, apps: &[AppReport]) {
        let stats = runtime.stats();
        let totals = runtime.inner().totals();
        let ceilings = runtime.ceilings();
        self.one("nano_active_apps", "gauge", "Apps that are registered.", stats.apps);
        let in_state = |state: &AppState| apps.iter().filter(|app| app.state == *state).count() as u64;
        let states = AppState::ALL.iter().map(|state| (state.word(), in_state(state)));
        self.by("nano_apps", "gauge", "Apps by what they are doing.", "state", states);
        self.one("nano_isolates_active", "gauge", "Instances alive in this process.", stats.instances);
        self.one("nano_isolates_max", "gauge", "Instances that there may be.", ceilings.instances_max);
        self.one("nano_requests_in_flight", "gauge", "Requests that are waiting or running.", stats.in_flight);
        self.one("nano_requests_total", "counter", "Requests and invocations accepted.", stats.requests);
        let outcomes = Outcome::ALL.iter().map(|outcome| (outcome.word(), totals.outcomes[*outcome as usize]));
        self.by("nano_requests_ended_total", "counter", "Requests and invocations by how they ended.", "outcome", outcomes);
        self.one("nano_requests_refused_total", "counter", "Requests refused because something was full.", stats.refused);
        self.one("nano_requests_rescued_total", "counter", "Requests moved from behind a turn that hogged its shard.", stats.rescued);
        self.durations(&totals.durations);
        self.one("nano_cpu_seconds_total", "counter", "CPU time of all apps.", Seconds(totals.cpu_ns / 1_000));
        self.one("nano_cold_starts_total", "counter", "Instances started.", stats.starts);
        self.one("nano_evictions_total", "counter", "Instances evicted back to cold.", stats.evictions);
        let kills = Kill::ALL.iter().map(|why| (why.word(), totals.kills[*why as usize]));
        self.by("nano_kills_total", "counter", "Instances stopped, by what stopped them.", "reason", kills);
        self.one("nano_heap_bytes", "gauge", "What all heaps hold of the cage they share.", ceilings.heaps_bytes);
        self.one("nano_heap_max_bytes", "gauge", "What all heaps may hold of it.", ceilings.heaps_bytes_max);
        self.one("nano_code_bytes", "gauge", "What the machine code of all instances holds of the region they share.", ceilings.code_bytes);
        self.one("nano_code_max_bytes", "gauge", "What it may hold of it.", ceilings.code_bytes_max);
        self.one("nano_lost_bytes_total", "counter", "Memory of instances on threads that were given up.", stats.lost_bytes);
        self.one("nano_lost_threads", "gauge", "Threads that were given up and have not returned.", ceilings.lost_threads);
        self.one("nano_shards_parked_total", "counter", "Threads that V8 gave up, or on which NANO's own code failed.", stats.parked);
        self.one("nano_shards_abandoned_total", "counter", "Threads left behind in what could not be stopped.", stats.abandoned);
        self.one("nano_scheduled_skipped_total", "counter", "Scheduled events that were due and did not take place.", stats.skipped);
        self.one("nano_tail_dropped_total", "counter", "Events that a tail consumer was not told of.", stats.untold);
        self.one("nano_logs_dropped_total", "counter", "Lines of log dropped.", stats.logs_dropped);
    }

    /// The distribution of durations in seconds, and for whoever counts so in milliseconds.
    fn durations(&mut self, durations: &Durations) {
        let bounds = || BOUNDS_US.iter().copied().filter(|bound| matches!(leading_digit(*bound), (1 | 2 | 5, 0)));
        self.head("nano_request_duration_seconds", "histogram", "Time from a request's acceptance to its end.");
        for bound in bounds() {
            let _ = writeln!(self.0, "nano_request_duration_seconds_bucket{{le=\"{}\"}} {}", Seconds(bound), durations.up_to(bound));
        }
        self.histogram_end("nano_request_duration_seconds", "", durations, Seconds(durations.sum_us()));
        self.head("nano_request_duration_ms", "histogram", "The same in milliseconds.");
        for bound in bounds() {
            let _ = writeln!(self.0, "nano_request_duration_ms_bucket{{le=\"{}\"}} {}", Millis(bound), durations.up_to(bound));
        }
        self.histogram_end("nano_request_duration_ms", "", durations, Millis(durations.sum_us()));
    }

    fn histogram_end(&mut self, name: &str, app: &str, durations: &Durations, sum: impl Display) {
        let count = durations.count();
        let (all, alone) = match app {
            "" => ("{le=\"+Inf\"}".to_string(), String::new()),
            app => (format!("{{app=\"{app}\",le=\"+Inf\"}}"), format!("{{app=\"{app}\"}}")),
        };
        let _ = writeln!(self.0, "{name}_bucket{all} {count}\n{name}_sum{alone} {sum}\n{name}_count{alone} {count}");
    }

    fn shards(&mut self, runtime: &Runtime) {
        let shards = runtime.shard_views();
        let numbers: Vec<String> = shards.iter().map(|shard| shard.index.to_string()).collect();
        let mut by = |name, kind, help, value: fn(&super::ShardView) -> u64| {
            self.by(name, kind, help, "shard", numbers.iter().map(String::as_str).zip(shards.iter().map(value)));
        };
        by("nano_shard_busy", "gauge", "Whether the shard runs a turn.", |shard| u64::from(shard.turn.is_some()));
        by("nano_shard_queue_length", "gauge", "Requests that wait for the shard.", |shard| shard.queued as u64);
        by("nano_shard_isolates", "gauge", "Instances alive on the shard.", |shard| shard.instances as u64);
        by("nano_shard_threads_lost_total", "counter", "Threads that the shard has lost.", |shard| u64::from(shard.lost));
    }

    fn apps(&mut self, apps: &[AppReport]) {
        let labels: Vec<String> = apps.iter().map(|app| escape(&app.name)).collect();
        let mut by = |name, kind, help, value: fn(&AppReport) -> u64| {
            self.by(name, kind, help, "app", labels.iter().map(String::as_str).zip(apps.iter().map(value)));
        };
        by("nano_app_requests_total", "counter", "Requests and invocations of the app.", |app| app.stats.requests);
        by("nano_app_errors_total", "counter", "Of these, ended with an error.", |app| app.stats.errors);
        by("nano_app_requests_in_flight", "gauge", "Requests of the app that are waiting or running.", |app| app.stats.in_flight);
        by("nano_app_isolates", "gauge", "Instances of the app.", |app| u64::from(app.instances));
        by("nano_app_heap_bytes", "gauge", "Heaps of the app's instances, as last looked at.", |app| app.heap_bytes);
        by("nano_app_external_bytes", "gauge", "What they hold outside, as last looked at.", |app| app.external_bytes);
        by("nano_app_waiting_bytes", "gauge", "Bodies that wait between host and app.", |app| app.stats.waiting_bytes);
        by("nano_app_cold_starts_total", "counter", "Instances of the app started.", |app| app.stats.starts);
        by("nano_app_evictions_total", "counter", "Instances of the app evicted.", |app| app.evictions);
        by("nano_app_kills_total", "counter", "Instances of the app stopped.", |app| app.kills.iter().sum());
        by("nano_app_logs_dropped_total", "counter", "Lines of the app's log dropped.", |app| app.logs_dropped);
        self.head("nano_app_cpu_seconds_total", "counter", "CPU time of the app.");
        for (app, label) in apps.iter().zip(&labels) {
            let _ = writeln!(self.0, "nano_app_cpu_seconds_total{{app=\"{label}\"}} {}", Seconds(app.stats.cpu_us));
        }
        let name = "nano_app_request_duration_seconds";
        self.head(name, "histogram", "Time from a request's acceptance to its end.");
        for (app, label) in apps.iter().zip(&labels) {
            for bound in COARSE_US {
                let count = app.durations.up_to(bound);
                let _ = writeln!(self.0, "{name}_bucket{{app=\"{label}\",le=\"{}\"}} {count}", Seconds(bound));
            }
            self.histogram_end(name, label, &app.durations, Seconds(app.durations.sum_us()));
        }
    }
}

/// The first digit of a number, and what is behind it: zero if only zeros are.
fn leading_digit(number: u64) -> (u64, u64) {
    let power = 10_u64.pow(number.ilog10());
    (number / power, number % power)
}

/// Microseconds as seconds.
struct Seconds(u64);

impl Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        decimal(f, self.0, 1_000_000, 6)
    }
}

/// Microseconds as milliseconds.
struct Millis(u64);

impl Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        decimal(f, self.0, 1_000, 3)
    }
}

fn decimal(f: &mut std::fmt::Formatter<'_>, number: u64, unit: u64, digits: usize) -> std::fmt::Result {
    let fraction = format!("{:0digits$}", number % unit);
    match fraction.trim_end_matches('0') {
        "" => write!(f, "{}", number / unit),
        fraction => write!(f, "{}.{fraction}", number / unit),
    }
}

fn escape(label: &str) -> String {
    label.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

impl crate::runtime::Inner {
    /// What all apps there have been have counted: with those that are gone, or sums would go down.
    pub(super) fn totals(&self) -> Totals {
        self.sum_up(|app, totals| {
            if let Some(meter) = app.meter_if_any() {
                totals.add(meter);
            }
            totals.cpu_ns += app.cpu.ns();
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_without_more_digits_than_they_have() {
        let written = [0, 10, 1_500, 1_000_000, 12_345_678].map(|us| (Seconds(us).to_string(), Millis(us).to_string()));
        let expected = [("0", "0"), ("0.00001", "0.01"), ("0.0015", "1.5"), ("1", "1000"), ("12.345678", "12345.678")];
        assert_eq!(written, expected.map(|(seconds, millis)| (seconds.to_string(), millis.to_string())));
    }

    #[test]
    fn names_of_apps_cannot_leave_their_label() {
        assert_eq!(escape("a\"} 1\n\\"), "a\\\"} 1\\n\\\\");
    }
}
