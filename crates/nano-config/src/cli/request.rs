//! What a command line asks for, in types.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::parse::{Parsed, parse};
use super::{Address, Common, Usage};

/// What to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// `nanod serve`.
    Serve(Serve),
    /// `nanod dev`.
    Dev(Dev),
    /// `nanod run`.
    Run(Run),
    /// `nanod check`.
    Check(Check),
    /// `nanod types`.
    Types(Types),
    /// `nanod tail`.
    Tail(Tail),
    /// `nanod top`.
    Top(Top),
    /// `nanod new`.
    New(New),
    /// `nanod doctor`.
    Doctor,
    /// `nanod completions`.
    Completions(Shell),
    /// Help, of a command or in all.
    Help(Option<&'static str>),
    /// `nanod version`.
    Version,
}

/// Serve a folder of apps.
#[derive(Clone, Debug, PartialEq)]
pub struct Serve {
    /// The folder.
    pub dir: PathBuf,
    /// Where to listen.
    pub listen: Vec<Address>,
    /// Where the admin listener is, if there is one.
    pub admin: Option<Address>,
    /// The file with its token.
    pub token_file: Option<PathBuf>,
    /// The environment.
    pub env: Option<String>,
    /// Worker processes.
    pub workers: u32,
    /// Threads; none for one per core.
    pub threads: Option<u32>,
    /// Certificates and their key.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Whose certificates apps trust: `webpki`, `system` or `file:PATH`.
    pub roots: String,
    /// Whether changes are deployed without being asked.
    pub watch: bool,
    /// Whether links may lead outside.
    pub follow_links: bool,
    /// Whether manifests may have what only an operator should grant.
    pub trust: bool,
    /// The file that grants single apps such things, if it is not in the folder.
    pub grants: Option<PathBuf>,
    /// Whether forwarded headers are believed.
    pub trust_proxy: bool,
    /// What requests in flight have to end in.
    pub drain_ms: u64,
    /// How long to go on after readiness has gone.
    pub drain_delay_ms: u64,
    /// How long a connection may be idle.
    pub idle_ms: u64,
    /// Connections at once.
    pub connections: u32,
    /// Which apps have metrics of their own.
    pub metrics_per_app: PerApp,
    /// How logs are written.
    pub log_format: LogFormat,
}

/// Serve while apps are written.
#[derive(Clone, Debug, PartialEq)]
pub struct Dev {
    /// The folder.
    pub dir: PathBuf,
    /// Where to listen.
    pub listen: Vec<Address>,
    /// The environment.
    pub env: Option<String>,
    /// Where debuggers attach, if they may.
    pub inspect: Option<Address>,
    /// Whether to open the browser.
    pub open: bool,
    /// Whether links may lead outside.
    pub follow_links: bool,
    /// Whose certificates apps trust: `webpki`, `system` or `file:PATH`.
    pub roots: String,
    /// Threads; none for one per core.
    pub threads: Option<u32>,
    /// How logs are written.
    pub log_format: LogFormat,
}

/// Run one app once.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The file or folder.
    pub file: PathBuf,
    /// The URL of a request.
    pub request: Option<String>,
    /// Its method.
    pub method: String,
    /// Its headers, in order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub data: Option<String>,
    /// The export to call.
    pub call: Option<String>,
    /// Its arguments.
    pub args: Vec<serde_json::Value>,
    /// Variables in `env`.
    pub vars: Vec<(String, String)>,
    /// The environment.
    pub env: Option<String>,
    /// CPU time of one event, if not as the manifest says.
    pub cpu_ms: Option<u32>,
    /// The heap, the same.
    pub heap_bytes: Option<usize>,
    /// How long it may take, the same.
    pub timeout_ms: Option<u32>,
    /// Whose certificates apps trust: `webpki`, `system` or `file:PATH`.
    pub roots: String,
}

/// Check without serving.
#[derive(Clone, Debug, PartialEq)]
pub struct Check {
    /// Folders, each an app or of apps.
    pub dirs: Vec<PathBuf>,
    /// The environment.
    pub env: Option<String>,
    /// Whether warnings are errors.
    pub strict: bool,
    /// Whether code is compiled too.
    pub compile: bool,
    /// Whether links may lead outside.
    pub follow_links: bool,
}

/// Write the types of `env`.
#[derive(Clone, Debug, PartialEq)]
pub struct Types {
    /// The app.
    pub dir: PathBuf,
    /// Where to; none for standard output.
    pub out: Option<PathBuf>,
    /// Only compare.
    pub check: bool,
}

/// Follow logs.
#[derive(Clone, Debug, PartialEq)]
pub struct Tail {
    /// Of these apps; none for all.
    pub apps: Vec<String>,
    /// The admin listener.
    pub admin: Address,
    /// The file with its token.
    pub token_file: Option<PathBuf>,
    /// The least level.
    pub level: String,
    /// What lines must have.
    pub search: Option<String>,
}

/// Show what apps use.
#[derive(Clone, Debug, PartialEq)]
pub struct Top {
    /// The admin listener.
    pub admin: Address,
    /// The file with its token.
    pub token_file: Option<PathBuf>,
    /// How often.
    pub interval_ms: u64,
    /// What decides the order.
    pub sort: String,
    /// Once.
    pub once: bool,
}

/// Begin an app.
#[derive(Clone, Debug, PartialEq)]
pub struct New {
    /// Where.
    pub dir: PathBuf,
    /// With what.
    pub template: String,
}

/// Which apps have metrics of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PerApp {
    /// None.
    Off,
    /// Those that are used most.
    Top,
    /// All, up to the limit.
    All,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// As the terminal likes it.
    Auto,
    /// For people.
    Pretty,
    /// For machines.
    Json,
}

/// A shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    /// bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

/// What the words behind the program's name ask for.
pub fn request(words: impl IntoIterator<Item = OsString>) -> Result<(Request, Common), Usage> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    // What `--version` is in every program.
    let options = words.iter_mut().take_while(|word| word.as_bytes().starts_with(b"-"));
    if let Some(word) = options.into_iter().find(|word| **word == "--version" || **word == "-V") {
        *word = "version".into();
    }
    let parsed = parse(words)?;
    let (json, quiet, verbose) = (parsed.flag("json"), parsed.flag("quiet"), parsed.flag("verbose"));
    let common = Common { json, quiet, verbose, color: parsed.text("color").and_then(color) };
    if parsed.flag("help") {
        return Ok((Request::Help(Some(parsed.command.name).filter(|name| *name != "help")), common));
    }
    if common.quiet && common.verbose {
        return Err(parsed.wrong("--quiet and --verbose contradict each other"));
    }
    Ok((parsed.request()?, common))
}

/// How whoever wrote these words wants to be told what is wrong with them.
pub fn how_to_complain(words: &[OsString]) -> Common {
    let words: Vec<&str> = words.iter().map_while(|word| if word == "--" { None } else { Some(word.to_str().unwrap_or("")) }).collect();
    let value = |(index, word): (usize, &&str)| match word.strip_prefix("--color")? {
        "" => words.get(index + 1).and_then(|word| color(word)),
        word => color(word.strip_prefix('=')?),
    };
    Common { json: words.contains(&"--json"), color: words.iter().enumerate().find_map(value), ..Common::default() }
}

fn color(word: &str) -> Option<bool> {
    match word {
        "always" => Some(true),
        "never" => Some(false),
        _ => None,
    }
}

impl Parsed {
    fn request(&self) -> Result<Request, Usage> {
        Ok(match self.command.name {
            "serve" => Request::Serve(self.serve()?),
            "dev" => Request::Dev(Dev {
                dir: self.dir(),
                listen: self.listen(),
                env: self.string("env"),
                inspect: (self.flag("inspect") || self.flag("inspect-address")).then(|| self.address("inspect-address", 9229)),
                open: self.flag("open"),
                follow_links: self.flag("follow-links"),
                roots: self.roots()?,
                threads: self.small("threads"),
                log_format: self.log_format(),
            }),
            "run" => Request::Run(self.run()?),
            "check" => Request::Check(Check {
                dirs: match self.positional.is_empty() {
                    true => vec![".".into()],
                    false => self.positional.iter().map(PathBuf::from).collect(),
                },
                env: self.string("env"),
                strict: self.flag("strict"),
                compile: !self.flag("no-compile"),
                follow_links: self.flag("follow-links"),
            }),
            "types" => Request::Types(Types {
                dir: self.dir(),
                out: match self.path("out") {
                    Some(path) if path.as_os_str() == "-" => None,
                    Some(path) => Some(path),
                    None => Some(self.dir().join("worker-configuration.d.ts")),
                },
                check: self.flag("check"),
            }),
            "tail" => Request::Tail(Tail {
                apps: self.positional.iter().map(|app| app.to_string_lossy().into_owned()).collect(),
                admin: self.address("admin", 9787),
                token_file: self.path("token-file"),
                level: self.level()?.to_string(),
                search: self.string("search"),
            }),
            "top" => Request::Top(Top {
                admin: self.address("admin", 9787),
                token_file: self.path("token-file"),
                interval_ms: self.number("interval").unwrap_or(1_000),
                sort: self.text("sort").unwrap_or("cpu").to_string(),
                once: self.flag("once"),
            }),
            "new" => Request::New(New { dir: self.dir(), template: self.text("template").unwrap_or("plain").to_string() }),
            "doctor" => Request::Doctor,
            "completions" => Request::Completions(match self.positional.first().and_then(|shell| shell.to_str()) {
                Some("zsh") => Shell::Zsh,
                Some("fish") => Shell::Fish,
                _ => Shell::Bash,
            }),
            "version" => Request::Version,
            _ => Request::Help(self.help_for()?),
        })
    }

    fn serve(&self) -> Result<Serve, Usage> {
        let tls = match (self.path("tls-cert"), self.path("tls-key")) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err(self.wrong("--tls-cert and --tls-key need each other")),
        };
        if self.flag("no-admin") && self.flag("admin") {
            return Err(self.wrong("--admin and --no-admin contradict each other"));
        }
        let admin = (!self.flag("no-admin")).then(|| self.address("admin", 9787));
        // Whoever reaches it can deploy: a token that only the operator knows must stand before that. Probes and scrapes come from elsewhere.
        if admin.as_ref().is_some_and(|admin| !admin.is_local()) && !self.flag("token-file") {
            return Err(self.wrong("--admin needs --token-file if more than this machine reaches it"));
        }
        Ok(Serve {
            dir: self.dir(),
            listen: self.listen(),
            admin,
            token_file: self.path("token-file"),
            env: self.string("env"),
            workers: self.small("workers").unwrap_or(1),
            threads: self.small("threads"),
            tls,
            roots: self.roots()?,
            watch: !self.flag("no-watch"),
            follow_links: self.flag("follow-links"),
            trust: self.flag("trust"),
            grants: self.path("grants"),
            trust_proxy: self.flag("trust-proxy"),
            drain_ms: self.number("drain").unwrap_or(30_000),
            drain_delay_ms: self.number("drain-delay").unwrap_or(0),
            idle_ms: self.number("idle").unwrap_or(75_000),
            connections: self.small("connections").unwrap_or(10_000),
            metrics_per_app: match self.text("metrics-per-app") {
                Some("off") => PerApp::Off,
                Some("all") => PerApp::All,
                _ => PerApp::Top,
            },
            log_format: self.log_format(),
        })
    }

    fn run(&self) -> Result<Run, Usage> {
        if self.flag("request") && self.flag("call") {
            return Err(self.wrong("--request and --call contradict each other"));
        }
        for (name, needs) in [("method", "request"), ("header", "request"), ("data", "request"), ("arg", "call")] {
            if self.flag(name) && !self.flag(needs) {
                return Err(self.wrong(&format!("--{name} needs --{needs}")));
            }
        }
        let pairs = |name: &str, between: char| -> Result<Vec<(String, String)>, Usage> {
            let texts = self.texts(name);
            let pair = |text: &String| match text.split_once(between) {
                Some((left, right)) if !left.trim().is_empty() => {
                    let right = if between == ':' { right.trim() } else { right };
                    Ok((left.trim().to_string(), right.to_string()))
                }
                _ => Err(self.wrong(&format!("--{name}: \"{text}\" has no {between}"))),
            };
            texts.iter().map(pair).collect()
        };
        let args = self.texts("arg");
        let args = args
            .iter()
            .map(|text| serde_json::from_str(text).map_err(|error| self.wrong(&format!("--arg: \"{text}\" is no JSON: {error}"))));
        let data = self.string("data");
        Ok(Run {
            file: self.dir(),
            request: self.string("request"),
            method: self.string("method").unwrap_or_else(|| if data.is_some() { "POST" } else { "GET" }.into()),
            headers: pairs("header", ':')?,
            data,
            call: self.string("call"),
            args: args.collect::<Result<_, _>>()?,
            vars: pairs("var", '=')?,
            env: self.string("env"),
            cpu_ms: self.small("cpu"),
            heap_bytes: self.number("heap").map(|bytes| bytes as usize),
            timeout_ms: self.small("timeout"),
            roots: self.roots()?,
        })
    }

    fn roots(&self) -> Result<String, Usage> {
        let text = self.text("roots").unwrap_or("webpki");
        if matches!(text, "webpki" | "system") || text.strip_prefix("file:").is_some_and(|path| !path.is_empty()) {
            return Ok(text.into());
        }
        Err(self.wrong(&format!("--roots: \"{text}\" is none of webpki, system and file:PATH")))
    }

    fn level(&self) -> Result<&str, Usage> {
        match (self.flag("errors"), self.text("level")) {
            (true, Some(level)) if level != "error" => Err(self.wrong("--errors and --level contradict each other")),
            (true, _) => Ok("error"),
            (false, level) => Ok(level.unwrap_or("debug")),
        }
    }

    fn help_for(&self) -> Result<Option<&'static str>, Usage> {
        let Some(name) = self.positional.first() else { return Ok(None) };
        let parsed = parse([name.clone(), "--help".into()])?;
        Ok(Some(parsed.command.name))
    }

    fn wrong(&self, message: &str) -> Usage {
        Usage::new(Some(self.command), message, "")
    }

    fn dir(&self) -> PathBuf {
        self.positional.first().map_or_else(|| ".".into(), PathBuf::from)
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.last(name).map(PathBuf::from)
    }

    fn string(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_string)
    }

    fn small(&self, name: &str) -> Option<u32> {
        self.number(name).and_then(|number| u32::try_from(number).ok())
    }

    fn listen(&self) -> Vec<Address> {
        let all: Vec<Address> = self.texts("listen").iter().filter_map(|text| Address::parse(text).ok()).collect();
        if all.is_empty() { vec![Address::Tcp("127.0.0.1".into(), 8787)] } else { all }
    }

    fn address(&self, name: &str, port: u16) -> Address {
        self.text(name).and_then(|text| Address::parse(text).ok()).unwrap_or_else(|| Address::Tcp("127.0.0.1".into(), port))
    }

    fn log_format(&self) -> LogFormat {
        match self.text("log-format") {
            Some("pretty") => LogFormat::Pretty,
            Some("json") => LogFormat::Json,
            _ => LogFormat::Auto,
        }
    }
}
