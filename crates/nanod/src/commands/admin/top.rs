//! `nanod top`: what apps use, as it happens.

use std::collections::HashMap;
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

use nano_base::sys::terminal;
use nano_config::cli::{Exit, Top};
use serde_json::Value;

use super::client::{Client, Failure};
use super::{pause, time_of_day};
use crate::output::{self, Ink, paint};

/// Rows where the terminal does not say how many it has.
const ROWS: usize = 40;

/// Lines above the first app.
const HEAD_LINES: usize = 5;

/// What was counted when it was looked at last.
#[derive(Default)]
struct Before {
    unix_ms: u64,
    /// Requests and CPU time of each app.
    apps: HashMap<String, (u64, u64)>,
}

/// An app's figures.
struct Row {
    name: String,
    state: String,
    requests_per_s: f64,
    cpu_percent: f64,
    p50_us: u64,
    p99_us: u64,
    heap_bytes: u64,
    external_bytes: u64,
    in_flight: u64,
    errors: u64,
    kills: u64,
}

/// Shows figures until it is interrupted, or once.
pub fn top(top: &Top) -> Exit {
    match watch(top) {
        Ok(exit) => exit,
        Err(failure) => failure.tell(),
    }
}

fn watch(top: &Top) -> Result<Exit, Failure> {
    let client = Client::new(&top.admin, top.token_file.as_deref())?;
    let interval = Duration::from_millis(top.interval_ms);
    let mut before = Before::default();
    // Rates are of the time between two looks: the first one has none.
    take(&client, &mut before)?;
    let redraws = std::io::stdout().is_terminal() && !top.once && !output::is_json();
    loop {
        pause(interval);
        let (stats, mut rows) = take(&client, &mut before)?;
        sort(&mut rows, &top.sort);
        let text = if output::is_json() { format!("{}\n", json(&stats, &rows)) } else { table(&stats, &rows, redraws) };
        let text = if redraws { format!("\x1b[H\x1b[J{text}") } else { text };
        if !output::print(&text) || top.once {
            return Ok(Exit::Success);
        }
    }
}

/// Asks once.
fn take(client: &Client, before: &mut Before) -> Result<(Value, Vec<Row>), Failure> {
    let text = client.get("/stats", None)?.whole()?;
    let stats: Value = serde_json::from_str(&text).map_err(|error| Failure::Refused(format!("the figures cannot be read: {error}")))?;
    let unix_ms = stats["unix_ms"].as_u64().unwrap_or(0);
    let passed_ms = unix_ms.saturating_sub(before.unix_ms).max(1) as f64;
    let mut now = Before { unix_ms, apps: HashMap::new() };
    let mut rows = Vec::new();
    for app in stats["apps"].as_array().into_iter().flatten() {
        let number = |key: &str| app[key].as_u64().unwrap_or(0);
        let name = app["name"].as_str().unwrap_or_default().to_string();
        let (requests, cpu_us) = (number("requests"), number("cpu_us"));
        // An app that was not there before, or was loaded anew, has all it has counted since.
        let (old_requests, old_cpu_us) = before.apps.get(&name).copied().unwrap_or((0, 0));
        rows.push(Row {
            state: app["state"].as_str().unwrap_or_default().to_string(),
            requests_per_s: requests.saturating_sub(old_requests) as f64 * 1_000.0 / passed_ms,
            cpu_percent: cpu_us.saturating_sub(old_cpu_us) as f64 / passed_ms / 10.0,
            p50_us: number("p50_us"),
            p99_us: number("p99_us"),
            heap_bytes: number("heap_bytes"),
            external_bytes: number("external_bytes"),
            in_flight: number("in_flight"),
            errors: number("errors"),
            kills: number("kills"),
            name: name.clone(),
        });
        now.apps.insert(name, (requests, cpu_us));
    }
    *before = now;
    Ok((stats, rows))
}

fn sort(rows: &mut [Row], by: &str) {
    rows.sort_by(|a, b| {
        let order = match by {
            "requests" => b.requests_per_s.total_cmp(&a.requests_per_s),
            "heap" => b.heap_bytes.cmp(&a.heap_bytes),
            "p99" => b.p99_us.cmp(&a.p99_us),
            "errors" => b.errors.cmp(&a.errors),
            "name" => std::cmp::Ordering::Equal,
            _ => b.cpu_percent.total_cmp(&a.cpu_percent),
        };
        order.then_with(|| a.name.cmp(&b.name))
    });
}

fn json(stats: &Value, rows: &[Row]) -> Value {
    let app = |row: &Row| {
        serde_json::json!({
            "name": row.name, "state": row.state, "requests_per_s": row.requests_per_s, "cpu_percent": row.cpu_percent, "p50_us": row.p50_us,
            "p99_us": row.p99_us, "heap_bytes": row.heap_bytes, "external_bytes": row.external_bytes, "in_flight": row.in_flight,
            "errors": row.errors, "kills": row.kills,
        })
    };
    serde_json::json!({
        "unix_ms": stats["unix_ms"], "runtime": stats["runtime"], "process": stats["process"], "ceilings": stats["ceilings"],
        "apps": rows.iter().map(app).collect::<Vec<_>>(),
    })
}

fn table(stats: &Value, rows: &[Row], redraws: bool) -> String {
    let number = |part: &str, key: &str| stats[part][key].as_u64().unwrap_or(0);
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "{}  {} apps, {} instances, {} requests in flight",
        paint(Ink::Bold, &format!("nanod top {}", time_of_day(stats["unix_ms"].as_u64().unwrap_or(0)))),
        number("runtime", "apps"),
        number("runtime", "instances"),
        number("runtime", "in_flight"),
    );
    let _ = writeln!(
        out,
        "heaps {} of {}, resident {}; refused {}, condemned {}",
        size(number("ceilings", "heaps_bytes")),
        size(number("ceilings", "heaps_bytes_max")),
        size(number("process", "resident_bytes")),
        number("runtime", "refused"),
        number("runtime", "condemned"),
    );
    let width = rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0).clamp(3, 32);
    let title = format!(
        "{:<width$}  {:<11} {:>8} {:>6} {:>8} {:>8} {:>9} {:>9} {:>6} {:>6} {:>6}",
        "APP", "STATE", "REQ/S", "CPU %", "P50", "P99", "HEAP", "OUTSIDE", "ACTIVE", "ERRORS", "KILLS"
    );
    let _ = writeln!(out, "\n{}", paint(Ink::Dim, &title));
    let room = if redraws { terminal::rows(&std::io::stdout()).unwrap_or(ROWS).saturating_sub(HEAD_LINES) } else { rows.len() };
    for row in rows.iter().take(room) {
        let name: String = row.name.chars().take(width).collect();
        let ink = match row.state.as_str() {
            "condemned" | "quarantined" | "failed" => Some(Ink::Red),
            "busy" | "starting" => Some(Ink::Green),
            "cold" | "drained" | "draining" => Some(Ink::Dim),
            _ => None,
        };
        let state = format!("{:<11}", row.state);
        let _ = writeln!(
            out,
            "{name:<width$}  {} {:>8.1} {:>6.1} {:>8} {:>8} {:>9} {:>9} {:>6} {:>6} {:>6}",
            ink.map_or(state.clone(), |ink| paint(ink, &state)),
            row.requests_per_s,
            row.cpu_percent,
            time(row.p50_us),
            time(row.p99_us),
            size(row.heap_bytes),
            size(row.external_bytes),
            row.in_flight,
            row.errors,
            row.kills,
        );
    }
    if rows.len() > room {
        let _ = write!(out, "{}", paint(Ink::Dim, &format!("and {} more", rows.len() - room)));
    }
    out
}

fn time(us: u64) -> String {
    match us {
        0 => "-".to_string(),
        1..=9_999 => format!("{:.1} ms", us as f64 / 1_000.0),
        10_000..=999_999 => format!("{} ms", us / 1_000),
        _ => format!("{:.1} s", us as f64 / 1_000_000.0),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0 => "-".to_string(),
        1..=1_048_575 => format!("{} KiB", bytes / 1_024),
        1_048_576..=1_073_741_823 => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
        _ => format!("{:.1} GiB", bytes as f64 / 1_073_741_824.0),
    }
}
