//! `nanod run FILE`: one app, once. Standard output has the response or the result and nothing else; logs go to standard error.

mod json;

use std::io::Read;
use std::path::Path;

use nano_config::cli::{Exit, Run};
use nano_config::manifest::{self, GRANTS_FILE, Grants, Reading};
use nano_config::text::Severity;
use nano_core::{
    App, AppOptions, Body, Clock, Error, Event, EventMask, Headers, LogLevel, Payload, RequestHead, RequestInit, ResponseHead, Runtime,
    RuntimeLimits, RuntimeOptions, Source, limits,
};

use crate::output::{Ink, paint};
use crate::{apps, events, frame, named, output, serve, trust};

/// Events taken at once.
const BATCH: usize = 64;

/// How an app's console begins what it says of an exception.
const UNCAUGHT: &str = "Uncaught ";

/// Runs it; fails if the app does.
pub fn run(run: &Run) -> Exit {
    output::keep_apart();
    let real = match named::anything(&run.file) {
        Ok(real) => real,
        Err(why) => return ended(Exit::Machine, &why),
    };
    let options = match options(run, &real) {
        Ok(options) => options,
        Err(why) => return ended(Exit::Failed, &why),
    };
    let data = match run.data.as_deref().map(|text| data(text, options.limits.body_bytes)).transpose() {
        Ok(data) => data,
        Err(why) => return ended(Exit::Machine, &why),
    };
    let limits = RuntimeLimits { threads: 1, ..RuntimeLimits::default() };
    let events = EventMask { logs: true, apps: true };
    let roots = serve::roots(&run.roots);
    let runtime = match Runtime::new(RuntimeOptions { limits, events, roots, ..RuntimeOptions::default() }) {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&error.to_string());
            return Exit::Machine;
        }
    };
    let folder = if real.is_dir() { real } else { real.parent().map(Path::to_path_buf).unwrap_or_default() };
    let mut session =
        Session { runtime: &runtime, folder: &folder, name: options.name.clone(), head: None, body: Vec::new(), uncaught: None };
    let exit = session.go(run, options, data);
    runtime.free();
    exit
}

fn ended(exit: Exit, why: &str) -> Exit {
    output::complain(why);
    exit
}

/// The app as its manifest says, with what the file beside its folder grants it.
fn of_folder(reading: &Reading, folder: &Path, shown: &str, name: &str) -> Result<AppOptions, String> {
    let Some(manifest) = &reading.manifest else { return Err(format!("{shown} cannot be run")) };
    let grants = match folder.parent() {
        Some(parent) => Grants::load(&parent.join(GRANTS_FILE)).map_err(|findings| {
            findings.iter().for_each(output::finding);
            "what is granted to apps cannot be read".to_string()
        })?,
        None => None,
    };
    let grants = grants.unwrap_or_default();
    let refusals = trust::refusals(&grants, name, folder, reading, Severity::Error, "beside the app's folder");
    if !refusals.is_empty() {
        refusals.iter().for_each(output::finding);
        return Err(format!("{shown} asks for more than it is granted"));
    }
    let allowed = |real: &Path| real.starts_with(folder) || grants.allows_file(name, real);
    let end_ms = Clock::system().now_ms() + limits::SECRET_PROGRAMS_MS;
    let secret = |source: &manifest::SecretSource| Ok(apps::read_secret(source, folder, &allowed, end_ms)?.reveal().to_string());
    apps::options(manifest, folder, &secret, &|rule| grants.allows_egress(name, rule))
}

/// The app as its folder says, or of the file alone; the command line has the last word.
fn options(run: &Run, real: &Path) -> Result<AppOptions, String> {
    let shown = run.file.display().to_string();
    let stem = if real.is_dir() { real.file_name() } else { real.file_stem() };
    let name = stem.and_then(|name| name.to_str()).unwrap_or("app").to_string();
    let mut options = if real.is_dir() {
        let environment = run.env.as_deref();
        let reading = manifest::load(real, &shown, &name, environment);
        reading.findings.iter().for_each(output::finding);
        let mut options = of_folder(&reading, real, &shown, &name)?;
        let findings = apps::add_dev_vars(&mut options, real, &shown, environment);
        findings.iter().for_each(output::finding);
        if findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Err(format!("{shown} cannot be run without its variables for development"));
        }
        let given = |name: &str| options.env.iter().chain(&run.vars).any(|(known, _)| known == name);
        apps::not_given(&reading, &given).iter().for_each(output::finding);
        options
    } else if run.env.is_some() {
        return Err(format!("--env: {shown} is a file, and has no environments: name its folder"));
    } else {
        match (real.parent(), real.file_name().and_then(|name| name.to_str())) {
            // What the file imports lies beside it.
            (Some(parent), Some(file)) => AppOptions::new(name, Source::Main(parent.to_path_buf(), file.to_string())),
            _ => AppOptions::new(name, Source::File(real.to_path_buf())),
        }
    };
    for (name, value) in &run.vars {
        options.env.retain(|(known, _)| known != name);
        options.bindings.retain(|binding| !apps::is_value(binding) || binding.name != *name);
        options.env.push((name.clone(), value.clone()));
    }
    // What was not said is left as the manifest has it.
    if let Some(cpu_ms) = run.cpu_ms {
        options.limits.cpu_ms = cpu_ms;
        options.limits.start_cpu_ms = options.limits.start_cpu_ms.max(cpu_ms);
    }
    options.limits.heap_bytes = run.heap_bytes.unwrap_or(options.limits.heap_bytes);
    options.limits.wall_ms = run.timeout_ms.unwrap_or(options.limits.wall_ms);
    options.lazy = false;
    options.program = run.request.is_none() && run.call.is_none();
    Ok(options)
}

/// Whether it is what the app's log says of an exception that nobody caught.
fn is_uncaught(payload: &Payload) -> bool {
    matches!(payload, Payload::Log { level: LogLevel::Error, text, .. } if text.starts_with(UNCAUGHT))
}

/// Whether the stack of an exception is of one with this message, which the stack of a `DOMException` need not have behind its name.
fn says(stack: &str, message: &str) -> bool {
    let name = stack.lines().next().unwrap_or_default();
    stack.starts_with(message) || message.strip_prefix(name).is_some_and(|rest| rest.starts_with(": "))
}

struct Session<'a> {
    runtime: &'a Runtime,
    folder: &'a Path,
    name: String,
    head: Option<ResponseHead>,
    /// What came of a response, if it is to be shown as JSON.
    body: Vec<u8>,
    /// What the app's console said of an exception: the request's end may say the same, and better.
    uncaught: Option<Payload>,
}

impl Session<'_> {
    fn go(&mut self, run: &Run, options: AppOptions, data: Option<Vec<u8>>) -> Exit {
        let app = match self.runtime.load(options.clone()) {
            Ok(app) => app,
            Err(error) => return self.explain(&error),
        };
        let begun = match (&run.request, &run.call) {
            (Some(url), _) => request(run, url, data).and_then(|init| app.dispatch(init)),
            (None, Some(export)) => json::arguments(&run.args).and_then(|args| app.invoke(export, args, 0)),
            (None, None) => {
                let wall_ms = options.limits.wall_ms.into();
                return self.wait_for_idle(&app, options, wall_ms);
            }
        };
        match begun {
            Ok(id) => self.follow(id),
            Err(error) => self.explain(&error),
        }
    }

    /// Lets what the module has started come to its end: an instance that is replaced ends when it has nothing left to do.
    fn wait_for_idle(&mut self, app: &App, options: AppOptions, timeout_ms: u64) -> Exit {
        let successor = AppOptions { source: Source::Text(b"export default {}".to_vec()), lazy: true, ..options };
        if let Err(error) = app.reload(successor) {
            return self.explain(&error);
        }
        let mut events = Vec::new();
        let wait_ms = i32::try_from(timeout_ms).unwrap_or(i32::MAX);
        let clock = nano_core::Clock::system();
        let end_ms = clock.now_ms() + timeout_ms;
        // What nobody catches fails the whole, as in Node, and lets the rest come to its end.
        let mut exit = Exit::Success;
        while clock.now_ms() < end_ms {
            let left_ms = end_ms.saturating_sub(clock.now_ms()).min(wait_ms as u64) as i32;
            if let Err(error) = self.runtime.wait(BATCH, left_ms, &mut events) {
                return self.explain(&error);
            }
            for event in events.drain(..) {
                match event.payload {
                    Payload::App { state: "evicted", .. } => return exit,
                    Payload::App { state: "condemned" | "quarantined", reason, .. } => return ended(Exit::Failed, &reason),
                    other => {
                        if is_uncaught(&other) {
                            exit = Exit::Failed;
                        }
                        events::show(other);
                    }
                }
            }
        }
        ended(Exit::Failed, &format!("what the module started did not end within {timeout_ms} ms (--timeout)"))
    }

    /// Prints what comes of a request or a call until it is over.
    fn follow(&mut self, id: u64) -> Exit {
        let mut events: Vec<Event> = Vec::new();
        loop {
            if let Err(error) = self.runtime.wait(BATCH, -1, &mut events) {
                return self.explain(&error);
            }
            let mut ended = None;
            for event in events.drain(..) {
                match event.payload {
                    Payload::Response { head, body, end, .. } => {
                        show_head(&head);
                        self.head = Some(head);
                        if !self.take(&body) {
                            return Exit::Machine;
                        }
                        ended = ended.or(end.then_some(Exit::Success));
                    }
                    Payload::Chunk(bytes) => {
                        if !self.take(&bytes) {
                            return Exit::Machine;
                        }
                        // The request may have ended meanwhile: then nobody waits for it.
                        let _ = self.runtime.credit(id, bytes.len() as u32);
                    }
                    Payload::End(_) => ended = Some(Exit::Success),
                    Payload::Result(value, _) => {
                        let printed = output::print(&format!("{}\n", json::of(&value)));
                        ended = Some(if printed { Exit::Success } else { Exit::Machine });
                    }
                    Payload::Error(error, _) => ended = Some(self.explain(&error)),
                    other => self.tell(other),
                }
            }
            if let Some(exit) = ended {
                return self.finish(exit);
            }
        }
    }

    /// Shows what the app says, one exception behind.
    fn tell(&mut self, payload: Payload) {
        let is_uncaught = is_uncaught(&payload);
        if let Some(before) = self.uncaught.take() {
            events::show(before);
        }
        match is_uncaught {
            true => self.uncaught = Some(payload),
            false => events::show(payload),
        }
    }

    fn take(&mut self, bytes: &[u8]) -> bool {
        if output::is_json() {
            self.body.extend_from_slice(bytes);
            return true;
        }
        output::print_bytes(bytes)
    }

    fn finish(&mut self, exit: Exit) -> Exit {
        if let Some(uncaught) = self.uncaught.take() {
            events::show(uncaught);
        }
        let Some(head) = self.head.as_ref().filter(|_| output::is_json() && exit == Exit::Success) else { return exit };
        let headers: Vec<[String; 2]> = head.headers.iter().map(|(name, value)| [lossy(name), lossy(value)]).collect();
        let body = match std::str::from_utf8(&self.body) {
            Ok(text) => serde_json::Value::from(text),
            Err(_) => self.body.clone().into(),
        };
        let whole = serde_json::json!({ "status": head.status, "headers": headers, "body": body });
        if output::print(&format!("{whole}\n")) { exit } else { Exit::Machine }
    }

    fn explain(&mut self, error: &Error) -> Exit {
        // What the app has said before comes first.
        let mut events = Vec::new();
        while self.runtime.wait(BATCH, 0, &mut events).is_ok_and(|taken| taken > 0) {
            events.drain(..).for_each(|event| self.tell(event.payload));
        }
        let said = |payload: &Payload| matches!(payload, Payload::Log { text, .. } if says(&text[UNCAUGHT.len()..], &error.message));
        if let Some(other) = self.uncaught.take().filter(|payload| !said(payload)) {
            events::show(other);
        }
        output::app_error(&self.name, error, &frame::of_error(error, self.folder));
        Exit::Failed
    }
}

/// The body that is meant: a text, `@FILE`, or `-` for standard input.
fn data(text: &str, bytes_max: usize) -> Result<Vec<u8>, String> {
    // One byte more than may be, so that the refusal names the limit.
    let whole = |from: &mut dyn Read| {
        let mut body = Vec::new();
        from.take(bytes_max as u64 + 1).read_to_end(&mut body).map(|_| body)
    };
    match text.strip_prefix('@') {
        Some(file) if file != "-" => {
            let opened = nano_base::sys::file::open_named(Path::new(file));
            opened.and_then(|mut opened| whole(&mut opened)).map_err(|error| named::unreadable_file(Path::new(file), &error))
        }
        Some(_) => data("-", bytes_max),
        None if text == "-" => whole(&mut std::io::stdin().lock()).map_err(|error| format!("cannot read standard input: {error}")),
        None => Ok(text.as_bytes().to_vec()),
    }
}

fn request(run: &Run, url: &str, data: Option<Vec<u8>>) -> Result<RequestInit, Error> {
    let mut headers = Headers::new();
    for (name, value) in &run.headers {
        if !headers.push(name.to_ascii_lowercase().as_bytes(), value.as_bytes()) {
            return Err(Error::new(nano_core::Status::Invalid, format!("\"{name}: {value}\" is no header")));
        }
    }
    // A path is enough where the host does not matter.
    let url = if url.starts_with('/') { format!("http://localhost{url}") } else { url.to_string() };
    let head = RequestHead { method: run.method.clone().into(), url, headers };
    Ok(RequestInit { head, body: data.map_or(Body::None, Body::Whole), ..RequestInit::default() })
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The status, and with `--verbose` the headers, beside the body.
fn show_head(head: &ResponseHead) {
    if output::is_json() || output::is_quiet() {
        return;
    }
    let ink = match head.status {
        500.. => Ink::Red,
        400.. => Ink::Yellow,
        _ => Ink::Green,
    };
    let phrase = if head.status_text.is_empty() { nano_http::h1::reason(head.status) } else { &head.status_text };
    let mut text = paint(ink, format!("{} {phrase}", head.status).trim_end());
    if output::is_verbose() {
        for (name, value) in head.headers.iter() {
            text.push_str(&format!("\n{}: {}", paint(Ink::Dim, &lossy(name)), lossy(value)));
        }
    }
    output::say(&text);
}
