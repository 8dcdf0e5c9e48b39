//! What a browser is shown instead of an answer: a page of its own with the error, where it happened and the code around, which loads
//! again when something is deployed. Other clients read the same as a problem (RFC 9457). All text of an app's is escaped.

use std::fmt::Write;

use nano_config::text::Finding;
use nano_core::problem;
use nano_core::{Answered, Error, Headers, RequestHead, ResponseHead, Status};
use serde_json::json;

use super::sources::Sources;
use crate::frame::{self, Place};

/// Where pages ask whether something was deployed. Nobody would name a route so.
pub const STATE_PATH: &str = "/__nanod/state";

const PAGE: &str = include_str!("overlay.html");

/// Lines of code before and behind the one that is meant.
const AROUND: u32 = 4;

/// Characters shown of a line of code.
const LINE_CHARS_MAX: usize = 240;

/// Lines of a stack that are shown with their code.
const FRAMES_MAX: usize = 32;

/// Something that went wrong, to be shown.
pub struct Fault {
    pub status: u16,
    pub code: String,
    /// The app that was meant, if it is known.
    pub app: Option<String>,
    /// What kind of thing it is, in two or three words.
    label: &'static str,
    message: String,
    help: String,
    steps: Vec<Step>,
    findings: Vec<Finding>,
    /// The apps there are, if none was meant.
    apps: Vec<String>,
    facts: Vec<(&'static str, String)>,
    generation: u64,
    request_id: String,
}

/// A line of a stack.
struct Step {
    /// The function, as V8 says it.
    function: String,
    at: String,
    is_own: bool,
    /// Its lines with their numbers, and which of them is meant.
    code: Vec<(u32, String)>,
    line: u32,
    column: u32,
}

impl Fault {
    /// A request ended with an error.
    pub fn of_request(answered: &Answered<'_>, error: &Error, sources: &Sources, generation: u64) -> Self {
        let request_id = format!("{:016x}", answered.id);
        let facts = vec![
            ("App", answered.app.to_string()),
            ("Request", format!("{} {}", answered.request.method, answered.request.url)),
            ("Request id", request_id.clone()),
            ("CPU time", format!("{:.1} ms", answered.account.cpu_us as f64 / 1_000.0)),
        ];
        Self { request_id, ..Self::of(error, answered.status, sources, facts, generation) }
    }

    /// An app could not be loaded.
    pub fn of_load(app: &str, error: &Error, sources: &Sources, generation: u64) -> Self {
        Self { app: Some(app.to_string()), ..Self::of(error, 500, sources, vec![("App", app.to_string())], generation) }
    }

    /// No app answers for a host.
    pub fn of_nobody(host: &str, apps: &[String], generation: u64) -> Self {
        let message = format!("No app answers for {host}");
        Self { message, apps: apps.to_vec(), ..Self::of_problem(&problem::Problem::NO_APP, "Nobody here", generation) }
    }

    /// The same of a host that no route names and that may be anybody's.
    pub fn of_foreign(host: &str) -> Self {
        let help =
            "nanod dev answers by addresses, localhost, NAME.localhost and the hosts that routes name: add this one to an app's routes";
        Self { help: help.into(), ..Self::of_nobody(host, &[], 0) }
    }

    /// Manifests are wrong: of the app that is meant, or of any.
    pub fn of_manifests(app: Option<&str>, findings: &[Finding], generation: u64) -> Self {
        let message = "The manifest cannot be used".to_string();
        let (app, findings) = (app.map(str::to_string), findings.to_vec());
        Self { app, message, findings, ..Self::of_problem(&problem::Problem::NOT_DEPLOYED, "Not deployed", generation) }
    }

    fn of_problem(problem: &problem::Problem, label: &'static str, generation: u64) -> Self {
        Self {
            status: problem.status,
            code: problem.code.to_string(),
            app: None,
            label,
            message: String::new(),
            help: String::new(),
            steps: Vec::new(),
            findings: Vec::new(),
            apps: Vec::new(),
            facts: Vec::new(),
            generation,
            request_id: String::new(),
        }
    }

    fn of(error: &Error, status: u16, sources: &Sources, facts: Vec<(&'static str, String)>, generation: u64) -> Self {
        let finding = frame::finding(error, ".");
        let mut steps: Vec<Step> = error.stack.lines().filter_map(|line| Step::of(line, sources)).take(FRAMES_MAX).collect();
        if finding.line > 0 && !steps.iter().any(|step| step.is_own) {
            let file = finding.file.strip_prefix("./").unwrap_or(&finding.file).to_string();
            steps.insert(0, Step::at(String::new(), Place { file, line: finding.line, column: finding.column }, sources));
        }
        let label = match error.status {
            Status::Compile => "Does not compile",
            Status::Exception => "Uncaught exception",
            Status::CpuLimit | Status::MemoryLimit | Status::WallLimit => "Stopped at a limit",
            _ => "Cannot be answered",
        };
        Self {
            status,
            code: error.status.name().to_string(),
            app: None,
            label,
            message: finding.message,
            help: finding.help,
            steps,
            findings: Vec::new(),
            apps: Vec::new(),
            facts,
            generation,
            request_id: String::new(),
        }
    }

    /// A page for browsers, a problem for everybody else.
    pub fn answer(&self, request: &RequestHead) -> (ResponseHead, Vec<u8>) {
        let accepts = request.headers.iter().any(|(name, value)| name == b"accept" && value.windows(9).any(|part| part == b"text/html"));
        let mut headers = Headers::new();
        let kind: &[u8] = if accepts { b"text/html;charset=utf-8" } else { problem::CONTENT_TYPE.as_bytes() };
        let mut pushed = headers.push(b"content-type", kind) && headers.push(b"cache-control", b"no-store");
        if accepts {
            let policy = b"default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'";
            pushed &= headers.push(b"content-security-policy", policy);
        }
        if !self.request_id.is_empty() {
            pushed &= headers.push(b"x-request-id", self.request_id.as_bytes());
        }
        debug_assert!(pushed, "constants, and hexadecimal digits");
        let body = if accepts { self.page() } else { self.problem() };
        (ResponseHead { status: self.status, status_text: String::new(), headers }, body.into_bytes())
    }

    fn problem(&self) -> String {
        let mut json = json!({
            "type": "about:blank", "title": nano_http::h1::reason(self.status), "status": self.status, "detail": self.message, "code": self.code,
        });
        let own: Vec<String> = self.steps.iter().filter(|step| step.is_own).map(Step::text).collect();
        if !own.is_empty() {
            json["stack"] = own.into();
        }
        if !self.findings.is_empty() {
            json["findings"] = self.findings.iter().map(Finding::to_string).collect::<Vec<_>>().into();
        }
        if !self.apps.is_empty() {
            json["apps"] = self.apps.clone().into();
        }
        if !self.request_id.is_empty() {
            json["request_id"] = self.request_id.as_str().into();
        }
        format!("{json}\n")
    }

    fn page(&self) -> String {
        let mut main = String::new();
        let (kind, message) = match self.message.split_once(": ") {
            Some((kind, rest)) if kind.ends_with("Error") && !kind.contains(' ') => (Some(kind), rest),
            _ => (None, self.message.as_str()),
        };
        let _ = write!(main, "<header><p class=label><span>{}</span>", escape(self.label));
        if let Some(kind) = kind {
            let _ = write!(main, "<code>{}</code>", escape(kind));
        }
        let _ = write!(main, "</p><h1>{}</h1>", escape(message));
        if !self.help.is_empty() {
            let _ = write!(main, "<p class=help>{}</p>", escape(&self.help));
        }
        main.push_str("</header>");
        self.write_stack(&mut main);
        for finding in &self.findings {
            let place =
                if finding.line > 0 { format!("{}:{}:{}", finding.file, finding.line, finding.column) } else { finding.file.clone() };
            let _ = write!(main, "<section class=card><p class=where>{}</p><p class=finding>{}", escape(&place), escape(&finding.message));
            if !finding.help.is_empty() {
                let _ = write!(main, " <small>{}</small>", escape(&finding.help));
            }
            main.push_str("</p></section>");
        }
        if !self.apps.is_empty() {
            main.push_str("<section class=card><p class=where>Apps</p><ul class=apps>");
            for app in &self.apps {
                let _ = write!(main, "<li><a data-app=\"{0}\">{0}</a></li>", escape(app));
            }
            main.push_str("</ul></section>");
        }
        if !self.facts.is_empty() {
            main.push_str("<dl>");
            for (name, value) in &self.facts {
                let _ = write!(main, "<div><dt>{}</dt><dd>{}</dd></div>", escape(name), escape(value));
            }
            let _ = write!(main, "<div><dt>Code</dt><dd>{}</dd></div></dl>", escape(&self.code));
        }
        // What comes from an app comes last: it may say the name of a placeholder.
        PAGE.replace("GENERATION", &self.generation.to_string())
            .replace("STATE_PATH", STATE_PATH)
            .replace(
                "TITLE",
                &escape(&format!("{}: {}", self.label, self.message.lines().next().unwrap_or_default())).replace("MAIN", "MA\u{200b}IN"),
            )
            .replacen("MAIN", &main, 1)
    }

    fn write_stack(&self, main: &mut String) {
        let first = self.steps.iter().position(|step| step.is_own && !step.code.is_empty());
        if let Some(step) = first.map(|index| &self.steps[index]) {
            let _ = write!(main, "<section class=card><p class=where>{}</p>", escape(&step.at));
            step.write_code(main);
            main.push_str("</section>");
        }
        if self.steps.iter().filter(|step| !step.function.is_empty() || !step.is_own).count() == 0 {
            return;
        }
        main.push_str("<section class=stack><h2>Stack</h2><ol>");
        for (index, step) in self.steps.iter().enumerate() {
            let class = if step.is_own { "own" } else { "platform" };
            let name = if step.function.is_empty() { "(anonymous)" } else { &step.function };
            let line = format!("<code>{}</code> <span>{}</span>", escape(name), escape(&step.at));
            if step.code.is_empty() || Some(index) == first {
                let _ = write!(main, "<li class={class}>{line}</li>");
            } else {
                let _ = write!(main, "<li class={class}><details><summary>{line}</summary>");
                step.write_code(main);
                main.push_str("</details></li>");
            }
        }
        main.push_str("</ol></section>");
    }
}

impl Step {
    /// A line of a stack; none for what is no place.
    fn of(line: &str, sources: &Sources) -> Option<Self> {
        let at = line.trim().strip_prefix("at ").filter(|_| !frame::is_platform_line(line))?;
        let (function, place) = match at.strip_suffix(')').and_then(|at| at.split_once(" (")) {
            Some((function, place)) => (function, place),
            None => ("", at),
        };
        Some(match Place::of_frame(line) {
            Some(own) => Self::at(function.to_string(), own, sources),
            None => Self { function: function.into(), at: place.into(), is_own: false, code: Vec::new(), line: 0, column: 0 },
        })
    }

    fn at(function: String, place: Place, sources: &Sources) -> Self {
        let Place { file, line, column } = place;
        let first = line.saturating_sub(AROUND).max(1);
        let text = sources.text(&file).unwrap_or_default();
        let lines = (1..).zip(text.lines()).skip(first as usize - 1).take((line.saturating_sub(first) + AROUND) as usize + 1);
        let mut code: Vec<(u32, String)> = lines.map(|(number, line)| (number, line.chars().take(LINE_CHARS_MAX).collect())).collect();
        if !code.iter().any(|(number, _)| *number == line) {
            code.clear();
        }
        Self { function, at: format!("{file}:{line}:{column}"), is_own: true, code, line, column }
    }

    fn text(&self) -> String {
        if self.function.is_empty() { self.at.clone() } else { format!("{} ({})", self.function, self.at) }
    }

    fn write_code(&self, out: &mut String) {
        let width = self.code.last().map_or(1, |(number, _)| number.to_string().len());
        out.push_str("<pre>");
        for (number, line) in &self.code {
            let gutter = format!("<i>{number:>width$}</i>");
            if *number == self.line {
                let at = (self.column as usize - 1).min(line.chars().count());
                let (before, rest): (String, String) = (line.chars().take(at).collect(), line.chars().skip(at).collect());
                // The word that is meant, or the one character.
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$')).unwrap_or(rest.len());
                let end = if end == 0 { rest.chars().next().map_or(0, char::len_utf8) } else { end };
                let (word, after) = rest.split_at(end);
                let word = if word.is_empty() { " " } else { word };
                let _ = write!(out, "<b>{gutter}{}<mark>{}</mark>{}</b>", escape(&before), escape(word), escape(after));
            } else {
                let _ = write!(out, "<span>{gutter}{}</span>", escape(line));
            }
        }
        out.push_str("</pre>");
    }
}

/// The answer to a page that asks whether something was deployed.
pub fn state(generation: u64) -> (ResponseHead, Vec<u8>) {
    let mut headers = Headers::new();
    let pushed = headers.push(b"content-type", b"application/json") && headers.push(b"cache-control", b"no-store");
    debug_assert!(pushed, "constants");
    (ResponseHead { status: 200, status_text: String::new(), headers }, format!("{{\"generation\":{generation}}}\n").into_bytes())
}

/// Text in HTML, also in an attribute's quotes.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
