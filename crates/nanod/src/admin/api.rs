//! What each address means, and what it answers: nothing here waits, and nothing changes what is deployed.

use std::sync::Arc;

use nano_base::clock::Clock;
use nano_base::limits::{ADMIN_BODY_BYTES_MAX, ADMIN_DEPLOY_BYTES_MAX};
use nano_config::cli::PerApp;
use nano_core::{AppMetrics, AppReport, Kill, LogLevel, Outcome, Runtime};
use nano_http::h1;
use serde_json::{Map, Value, json};

use super::auth::{self, Foreign, Token};
use super::board::{Board, Deployed, Mark};
use super::connection::Held;
use super::helper::Job;
use super::logs::{Filter, Logs, Place};
use super::operate::{Action, Command};
use super::process;
use super::reply::{Answer, Refusal, Reply};
use super::stats::{Figures, Windows};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
/// The version that Prometheus' text format has had for years.
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What is sent as it is.
const PAGE: &[(&str, &str, &str)] = &[
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/style.css", "text/css; charset=utf-8", include_str!("page/style.css")),
    ("/main.js", SCRIPT, include_str!("page/main.js")),
    ("/feed.js", SCRIPT, include_str!("page/feed.js")),
    ("/format.js", SCRIPT, include_str!("page/format.js")),
    ("/tabs.js", SCRIPT, include_str!("page/tabs.js")),
    ("/maps.js", SCRIPT, include_str!("page/maps.js")),
    ("/panel.js", SCRIPT, include_str!("page/panel.js")),
    ("/openapi.json", "application/json", include_str!("openapi.json")),
];

/// Lines that a stream of logs begins with, if it does not say.
const TAIL: usize = 100;
/// The most it may ask for.
const TAIL_MAX: usize = 10_000;

/// What is asked for, once its body has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Page(&'static str, &'static str),
    Health,
    Readiness,
    Metrics,
    Apps,
    App(String),
    Stats,
    FollowStats,
    FollowLogs,
    Kill(String),
    Reload(String),
    Drain(String),
    Remove(String),
    Upload(String),
}

impl Wish {
    /// The bytes of body that it may have.
    pub fn body_max(&self) -> usize {
        if matches!(self, Self::Upload(_)) { ADMIN_DEPLOY_BYTES_MAX } else { ADMIN_BODY_BYTES_MAX }
    }

    /// Whether it needs no token.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Page(..) | Self::Health | Self::Readiness | Self::Metrics)
    }
}

/// What follows from a wish.
pub enum Then {
    Answer(Answer),
    /// The helper has been asked to: the answer follows.
    Do(Job),
    Logs(Box<(Filter, From)>),
    Stats,
}

/// Where a stream of logs begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// With the last lines that there are.
    Tail(usize),
    /// Behind this line.
    After(Place),
}

/// Everything there is to answer from.
pub struct Api {
    pub runtime: Arc<Runtime>,
    pub board: Board,
    pub logs: Arc<Logs>,
    pub clock: Clock,
    pub token: Arc<Token>,
    pub per_app: PerApp,
    /// Whether only this machine can connect.
    pub local: bool,
    pub windows: Windows,
}

impl Api {
    /// What a request is for, if it may be.
    pub fn wish(&self, request: &h1::Request) -> Result<Wish, Answer> {
        let headers = &request.head.headers;
        let (host, path, _) = parts(&request.head.url);
        auth::check_site(headers, host, self.local).map_err(|foreign| match foreign {
            Foreign::Host => Refusal::new(421, "FOREIGN_HOST", "ask by an address or as localhost: a name could be anybody's"),
            Foreign::Site => Refusal::new(403, "FOREIGN_SITE", "the request comes from a page of another site"),
        })?;
        let wish = find(&request.head.method, path)?;
        if !wish.is_open() && !self.token.is_in(headers) {
            let refusal = Refusal::new(401, "NO_TOKEN", "send the admin listener's token: Authorization: Bearer TOKEN");
            return Err(Answer::from(refusal).with("www-authenticate", "Bearer realm=\"nanod\""));
        }
        if matches!(wish, Wish::Upload(_)) && headers.value(b"content-type").is_none_or(|kind| kind != b"application/x-tar") {
            return Err(Refusal::new(415, "NOT_TAR", "send a tar archive, with content-type: application/x-tar").into());
        }
        Ok(wish)
    }

    /// Answers it, or says who does.
    pub fn grant(&self, wish: Wish, request: &h1::Request, body: (Vec<u8>, Arc<Held>), reply: impl FnOnce() -> Reply) -> Then {
        let act = |action: Action, reply: Reply| Then::Do(Job::Pass(Command::new(action, reply)));
        match wish {
            Wish::Kill(name) => Then::Do(Job::Kill(name, reply())),
            Wish::Upload(name) => Then::Do(Job::Upload(name, body, reply())),
            Wish::Reload(name) => act(Action::Reload(name), reply()),
            Wish::Drain(name) => act(Action::Drain(name), reply()),
            Wish::Remove(name) => act(Action::Remove(name), reply()),
            Wish::FollowStats => Then::Stats,
            Wish::FollowLogs => match follow(request).and_then(|logs| self.check_followed(logs)) {
                Ok(logs) => Then::Logs(Box::new(logs)),
                Err(refusal) => Then::Answer(refusal.into()),
            },
            Wish::Page(kind, text) => Then::Answer(Answer::new(200, kind, text)),
            Wish::Health => Then::Answer(Answer::new(200, TEXT, "ok\n")),
            Wish::Readiness if self.board.is_ready() => Then::Answer(Answer::new(200, TEXT, "ready\n")),
            Wish::Readiness => Then::Answer(Answer::new(503, TEXT, "not ready\n")),
            Wish::Metrics => Then::Answer(Answer::new(200, PROMETHEUS, self.metrics())),
            Wish::Stats => Then::Answer(Answer::new(200, "application/json", self.figures().whole(self.unix_ms()))),
            Wish::Apps => Then::Answer(Answer::json(&self.apps())),
            Wish::App(name) => Then::Answer(self.app(&name).into()),
        }
    }

    /// The figures as they are.
    pub fn figures(&self) -> Figures {
        Figures::take(&self.runtime, &self.board, &self.windows)
    }

    pub fn unix_ms(&self) -> u64 {
        self.clock.unix_ms() as u64
    }

    fn metrics(&self) -> String {
        let mut text = self.runtime.metrics_of(match self.per_app {
            PerApp::Off => AppMetrics::Off,
            PerApp::Top => AppMetrics::Top,
            PerApp::All => AppMetrics::All,
        });
        process::metrics(&mut text);
        text
    }

    fn apps(&self) -> Value {
        let marks = self.board.marks();
        let mut apps: Vec<(String, Value)> = Vec::new();
        for report in self.runtime.apps() {
            let failing = marks.get(&report.name).is_some_and(|mark| mark.failing);
            let mut value = self.counted(&report);
            value.insert("failing".into(), failing.into());
            apps.push((report.name, value.into()));
        }
        for (name, Mark { state, failing }) in marks {
            if !apps.iter().any(|(known, _)| *known == name) {
                apps.push((name.clone(), json!({ "name": name, "state": state, "failing": failing })));
            }
        }
        apps.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        json!({ "apps": apps.into_iter().map(|(_, app)| app).collect::<Vec<_>>() })
    }

    fn app(&self, name: &str) -> Result<Value, Refusal> {
        let report = self.runtime.find(name).map(|app| app.report());
        let deployed = self.board.find(name);
        if report.is_none() && deployed.is_none() {
            return Err(Refusal::new(404, "NO_APP", self.board.no_app(name)));
        }
        let mut value = match &report {
            Some(report) => {
                let mut value = self.counted(report);
                self.count_more(report, &mut value);
                value
            }
            None => {
                let state = deployed.as_ref().map_or("failed", |(_, deployed)| deployed.state());
                Map::from_iter([("name".to_string(), name.into()), ("state".to_string(), state.into())])
            }
        };
        if let Some((folder, deployed)) = deployed {
            self.describe(&folder, &deployed, &mut value);
        }
        Ok(value.into())
    }

    /// What nobody is called is not waited for: it would be for ever. While nanod starts it does not know all names.
    fn check_followed(&self, logs: (Filter, From)) -> Result<(Filter, From), Refusal> {
        let is_known = |name: &str| self.board.find(name).is_some() || self.runtime.find(name).is_some() || self.logs.knows(name);
        let unknown: Vec<&String> = logs.0.apps.iter().filter(|name| !is_known(name)).collect();
        match unknown.first() {
            None => Ok(logs),
            Some(_) if !self.board.is_ready() => {
                Err(Refusal::new(503, "STARTING", "nanod is not ready, and does not know all apps; try again in a moment"))
            }
            Some(_) => {
                let why: Vec<String> = unknown.iter().map(|name| self.board.no_app(name)).collect();
                Err(Refusal::new(404, "NO_APP", why.join("; ")))
            }
        }
    }

    fn counted(&self, report: &AppReport) -> Map<String, Value> {
        let lately = self.windows.lately(report);
        let stats = &report.stats;
        let value = json!({
            "name": report.name,
            "state": report.state.word(),
            "requests": stats.requests,
            "errors": stats.errors,
            "in_flight": stats.in_flight,
            "p50_us": lately.quantile_us(500),
            "p99_us": lately.quantile_us(990),
            "cpu_us": stats.cpu_us,
            "heap_bytes": report.heap_bytes,
            "external_bytes": report.external_bytes,
            "instances": report.instances,
            "cold_starts": stats.starts,
            "kills": report.kills.iter().sum::<u64>(),
            "evictions": report.evictions,
        });
        if let Value::Object(map) = value { map } else { Map::new() }
    }

    fn count_more(&self, report: &AppReport, value: &mut Map<String, Value>) {
        let outcomes: Map<String, Value> = Outcome::ALL.iter().map(|it| (it.word().into(), report.outcomes[*it as usize].into())).collect();
        let kills: Map<String, Value> = Kill::ALL.iter().map(|it| (it.word().into(), report.kills[*it as usize].into())).collect();
        let idle_ms = report.ended_ms.map(|ended_ms| self.clock.now_ms().saturating_sub(ended_ms));
        let more = [
            ("outcomes", outcomes.into()),
            ("kills_by", kills.into()),
            ("stopped_by", report.stopped_by.map(Kill::word).into()),
            ("idle_ms", idle_ms.into()),
            ("waiting_bytes", report.stats.waiting_bytes.into()),
            ("logs_dropped", report.logs_dropped.into()),
            ("strikes", report.stats.strikes.into()),
            ("home", report.home.into()),
            ("hog", report.hog.into()),
        ];
        value.extend(more.map(|(name, more)| (name.to_string(), more)));
    }

    fn describe(&self, folder: &str, deployed: &Deployed, value: &mut Map<String, Value>) {
        let limits: Map<String, Value> = deployed.limits.iter().map(|(name, number)| ((*name).to_string(), (*number).into())).collect();
        let versions: Vec<Value> = deployed
            .versions
            .iter()
            .rev()
            .map(|version| {
                let digest = version.digest.map(|digest| digest.to_string());
                json!({ "number": version.number, "digest": digest, "unix_ms": version.unix_ms, "error": version.error })
            })
            .collect();
        let (name, scheme) = (&deployed.name, self.board.scheme());
        let ports = self.board.addresses();
        let ports = ports.iter().filter_map(|address| address.rsplit(':').next()).filter(|port| port.parse::<u16>().is_ok());
        let urls: Vec<String> = ports.map(|port| format!("{scheme}://{name}.localhost:{port}/")).collect();
        let more = [
            ("folder", folder.into()),
            ("path", deployed.shown.clone().into()),
            ("manifest", deployed.manifest.clone().into()),
            ("urls", urls.into()),
            ("routes", deployed.routes.clone().into()),
            ("default", deployed.default.into()),
            ("lazy", deployed.lazy.into()),
            ("drained", deployed.drained.into()),
            ("failure", deployed.failure().into()),
            ("limits", limits.into()),
            ("versions", versions.into()),
        ];
        value.extend(more.map(|(name, more)| (name.to_string(), more)));
    }
}

/// What a method and a path ask for.
fn find(method: &str, path: &str) -> Result<Wish, Answer> {
    let page = match path {
        "/healthz" => Some(Wish::Health),
        "/readyz" => Some(Wish::Readiness),
        "/metrics" => Some(Wish::Metrics),
        "/apps" => Some(Wish::Apps),
        "/stats" => Some(Wish::Stats),
        "/stats/stream" => Some(Wish::FollowStats),
        "/logs" => Some(Wish::FollowLogs),
        _ => PAGE.iter().find(|(place, ..)| *place == path).map(|(_, kind, text)| Wish::Page(kind, text)),
    };
    if let Some(wish) = page {
        return if matches!(method, "GET" | "HEAD") { Ok(wish) } else { Err(not_allowed("GET, HEAD")) };
    }
    let nothing = || Answer::from(Refusal::new(404, "NO_SUCH_PAGE", "there is nothing here; the dashboard is at /"));
    let mut parts = path.strip_prefix("/apps/").ok_or_else(nothing)?.split('/');
    let name = parts.next().and_then(decode).filter(|name| !name.is_empty()).ok_or_else(nothing)?;
    let (action, more) = (parts.next(), parts.next());
    if more.is_some() {
        return Err(nothing());
    }
    match (action, method) {
        (None, "GET" | "HEAD") => Ok(Wish::App(name)),
        (None, "PUT") if is_folder_name(&name) => Ok(Wish::Upload(name)),
        (None, "PUT") => {
            let why = "a name has up to 63 small letters, digits, - and _, and begins with a letter or digit";
            Err(Refusal::new(400, "BAD_NAME", why).into())
        }
        (None, "DELETE") => Ok(Wish::Remove(name)),
        (None, _) => Err(not_allowed("GET, HEAD, PUT, DELETE")),
        (Some("kill"), "POST") => Ok(Wish::Kill(name)),
        (Some("reload"), "POST") => Ok(Wish::Reload(name)),
        (Some("drain"), "POST") => Ok(Wish::Drain(name)),
        (Some("kill" | "reload" | "drain"), _) => Err(not_allowed("POST")),
        _ => Err(nothing()),
    }
}

fn not_allowed(allow: &'static str) -> Answer {
    Answer::from(Refusal::new(405, "METHOD", format!("the methods here are {allow}"))).with("allow", allow)
}

fn is_folder_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    name.len() <= 63 && name.bytes().next().is_some_and(plain) && name.bytes().all(|byte| plain(byte) || matches!(byte, b'-' | b'_'))
}

/// Host, path and query of an absolute URL.
fn parts(url: &str) -> (&str, &str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (host, target) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    (host, path, query)
}

/// Takes percent-encoding off.
fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || (rest.next()? as char).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// What a stream of logs is to have.
fn follow(request: &h1::Request) -> Result<(Filter, From), Refusal> {
    let bad = |why: &str| Refusal::new(400, "BAD_QUERY", why);
    let mut filter = Filter::default();
    let mut from = From::Tail(TAIL);
    let (_, _, query) = parts(&request.head.url);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decode(value).ok_or_else(|| bad("the query is not UTF-8 in percent-encoding"))?;
        match name {
            "app" => filter.apps.push(value),
            "search" => filter.search = Some(value.to_lowercase()).filter(|value| !value.is_empty()),
            "level" => {
                let level = match &*value {
                    "debug" => LogLevel::Debug,
                    "info" => LogLevel::Info,
                    "warn" => LogLevel::Warn,
                    "error" => LogLevel::Error,
                    _ => return Err(bad("level is debug, info, warn or error")),
                };
                filter.level = Some(level);
            }
            "tail" => from = From::Tail(value.parse::<usize>().map_err(|_| bad("tail is a number of lines"))?.min(TAIL_MAX)),
            _ => return Err(bad("a stream of logs knows app, level, search and tail")),
        }
    }
    if let Some(last) = request.head.headers.value(b"last-event-id") {
        from = From::After(Place::parse(&String::from_utf8_lossy(last)));
    }
    Ok((filter, from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(method: &str, path: &str) -> u16 {
        find(method, path).map_or_else(|answer| answer.status, |_| 200)
    }

    #[test]
    fn addresses_and_methods() {
        assert_eq!(find("POST", "/apps/a%20b/kill").ok(), Some(Wish::Kill("a b".into())));
        assert_eq!(find("DELETE", "/apps/shop").ok(), Some(Wish::Remove("shop".into())));
        let cases = [
            ("GET", "/", 200),
            ("HEAD", "/metrics", 200),
            ("POST", "/metrics", 405),
            ("GET", "/apps/shop/kill", 405),
            ("PATCH", "/apps/shop", 405),
            ("GET", "/apps/", 404),
            ("POST", "/apps/shop/kill/now", 404),
            ("POST", "/apps/shop/other", 404),
            ("GET", "/apps/%ff", 404),
            ("GET", "/nothing", 404),
            ("PUT", "/apps/shop", 200),
            ("PUT", "/apps/..", 400),
            ("PUT", "/apps/a%2Fb", 400),
            ("PUT", "/apps/.hidden", 400),
            ("PUT", "/apps/Shop", 400),
        ];
        for (method, path, expected) in cases {
            assert_eq!(status(method, path), expected, "{method} {path}");
        }
    }

    #[test]
    fn urls_come_apart() {
        assert_eq!(parts("http://[::1]:9787/logs?app=a"), ("[::1]:9787", "/logs", "app=a"));
        assert_eq!(parts("http://localhost/"), ("localhost", "/", ""));
        assert_eq!((decode("a%2fb+c"), decode("%4"), decode("%zz")), (Some("a/b c".into()), None, None));
    }
}
