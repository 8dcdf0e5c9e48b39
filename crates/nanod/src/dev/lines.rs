//! A line for each request. Threads that serve only hand it over: printing may have to wait.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};

use nano_base::limits::DEV_LINES_MAX;
use nano_core::{Answered, Clock, RequestHead};

use super::overlay::Fault;
use crate::output::{self, Ink, paint};

/// What is shown of a longer path, in characters.
const PATH_CHARS_MAX: usize = 120;

/// A request that is over.
struct Line {
    app: Option<String>,
    method: Cow<'static, str>,
    path: String,
    status: u16,
    /// Time and CPU time, in microseconds.
    took_us: Option<(u64, u64)>,
    code: Option<Cow<'static, str>>,
}

/// The way to the printer.
pub struct Lines {
    sender: SyncSender<Line>,
    lost: AtomicU64,
}

impl Lines {
    pub fn start() -> std::io::Result<Self> {
        let (sender, lines) = sync_channel::<Line>(DEV_LINES_MAX);
        std::thread::Builder::new().name("nanod-lines".into()).spawn(move || lines.iter().for_each(|line| line.print()))?;
        Ok(Self { sender, lost: AtomicU64::new(0) })
    }

    /// One that an app had.
    pub fn answered(&self, answered: &Answered<'_>) {
        self.send(Line {
            app: Some(answered.app.to_string()),
            method: answered.request.method.clone(),
            path: path(&answered.request.url),
            status: answered.status,
            took_us: Some((answered.account.wall_us, answered.account.cpu_us)),
            code: answered.error.map(|error| error.status.name().into()),
        });
    }

    /// One that no app had: it was for this one, if for any.
    pub fn routed(&self, head: &RequestHead, fault: &Fault) {
        let (app, code) = (fault.app.clone(), Some(fault.code.clone().into()));
        self.send(Line { app, method: head.method.clone(), path: path(&head.url), status: fault.status, took_us: None, code });
    }

    fn send(&self, line: Line) {
        if self.sender.try_send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        } else if self.lost.load(Ordering::Relaxed) > 0 {
            let lost = self.lost.swap(0, Ordering::Relaxed);
            output::say(&format!("{lost} requests are not shown: they came faster than they could be printed"));
        }
    }
}

/// What follows the host.
fn path(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |slash| &rest[slash..]).to_string()
}

impl Line {
    fn print(&self) {
        if output::is_json() {
            output::print(&format!("{}\n", self.json()));
            return;
        }
        output::say(&self.text());
    }

    fn json(&self) -> serde_json::Value {
        let unix_ms = Clock::system().unix_ms() as u64;
        let mut json = serde_json::json!({
            "unix_ms": unix_ms, "level": "info", "message": "request", "method": self.method, "path": self.path, "status": self.status,
        });
        if let Some(app) = &self.app {
            json["app"] = app.as_str().into();
        }
        if let Some((wall_us, cpu_us)) = self.took_us {
            json["wall_us"] = wall_us.into();
            json["cpu_us"] = cpu_us.into();
        }
        if let Some(code) = &self.code {
            json["code"] = code.as_ref().into();
        }
        json
    }

    fn text(&self) -> String {
        let ink = match self.status {
            0 | 500.. => Ink::Red,
            400.. => Ink::Yellow,
            300.. => Ink::Cyan,
            _ => Ink::Green,
        };
        // The client did not wait for the answer.
        let status = if self.status == 0 { "---".to_string() } else { self.status.to_string() };
        let mut shown: String = self.path.chars().take(PATH_CHARS_MAX).map(|c| if c.is_control() { '?' } else { c }).collect();
        if self.path.chars().count() > PATH_CHARS_MAX {
            shown.push('…');
        }
        let mut text = format!("{} {} {shown}", paint(ink, &status), paint(Ink::Bold, &format!("{:<4}", self.method)));
        let mut rest = Vec::new();
        if let Some(app) = &self.app {
            rest.push(app.clone());
        }
        if let Some((wall_us, cpu_us)) = self.took_us {
            rest.push(format!("{}, CPU {}", time(wall_us), time(cpu_us)));
        }
        rest.extend(self.code.as_deref().map(str::to_string));
        if !rest.is_empty() {
            text.push_str(&format!("  {}", paint(Ink::Dim, &rest.join("  "))));
        }
        text
    }
}

/// A time with as many digits as matter.
fn time(us: u64) -> String {
    match us {
        0..=9_999 => format!("{}.{} ms", us / 1_000, us % 1_000 / 100),
        10_000..=999_999 => format!("{} ms", us / 1_000),
        _ => format!("{}.{} s", us / 1_000_000, us % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_became_of_a_request() {
        let line = |status, code: Option<&'static str>| Line {
            app: Some("shop".into()),
            method: "GET".into(),
            path: path("http://shop.localhost:8787/a?b=\u{1b}"),
            status,
            took_us: Some((12_345, 678)),
            code: code.map(Cow::Borrowed),
        };
        assert_eq!(line(200, None).text(), "200 GET  /a?b=?  shop  12 ms, CPU 0.6 ms");
        assert_eq!(line(0, Some("NANO_E_CANCELED")).text(), "--- GET  /a?b=?  shop  12 ms, CPU 0.6 ms  NANO_E_CANCELED");
        assert_eq!(path("http://x"), "/");
        assert_eq!(time(2_345_000), "2.3 s");
    }
}
