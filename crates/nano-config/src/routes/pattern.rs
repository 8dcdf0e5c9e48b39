//! One route: which hosts, which port and which paths are an app's.

use std::fmt;

use nano_base::url::Url;

/// What an app answers for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Route {
    /// The hosts.
    pub host: Host,
    /// The port of the listener, if only one.
    pub port: Option<u16>,
    /// The paths.
    pub path: Path,
}

/// Hosts, in lower case and in ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// All of them.
    Any,
    /// One.
    Exact(String),
    /// All below one, itself not among them: `*.example.com` is kept as `example.com`.
    Below(String),
}

/// Paths, compared as they were sent: percent-encoding is not taken off.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Path {
    /// How they begin, with a slash.
    pub text: String,
    /// What may follow.
    pub kind: PathKind,
}

/// What may follow the beginning of a path; of two with the same beginning the later one here is preferred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PathKind {
    /// Anything: `/api*` has `/api`, `/api/x` and `/apix`.
    Starts,
    /// Nothing, or more of the path: `/api` has `/api` and `/api/x`.
    Under,
    /// Nothing.
    Exact,
}

/// How a path without an asterisk is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// `/api` is everything under it.
    Nano,
    /// `/api` is that path alone.
    Wrangler,
}

impl Route {
    /// Everything on a host.
    pub fn host(host: Host) -> Self {
        Self { host, port: None, path: Path::all() }
    }

    /// Reads `host`, `host/path`, `/path`, `:port`, `host:port/path*`, each also behind `http://` or `https://`. A wildcard that stands
    /// for a host and all below it is two routes.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Vec<Self>, String> {
        let rest = ["http://", "https://"].iter().find_map(|scheme| text.strip_prefix(scheme)).unwrap_or(text);
        if rest.is_empty() || rest.contains("://") {
            return Err(format!("\"{text}\" is no route: write host, host/path, /path or :port"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(authority);
        let port = match port {
            Some(port) => Some(parse_port(port)?),
            None => None,
        };
        let path = match (path, dialect) {
            ("", Dialect::Nano) => Path::all(),
            ("", Dialect::Wrangler) => Path { text: "/".into(), kind: PathKind::Exact },
            _ => Path::parse(path, dialect)?,
        };
        let route = |host| Self { host, port, path: path.clone() };
        Ok(match host.strip_prefix('*') {
            // Cloudflare's `*example.com`.
            Some(suffix) if !suffix.is_empty() && !suffix.starts_with('.') => {
                let suffix = canonical_host(suffix)?;
                vec![route(Host::Exact(suffix.clone())), route(Host::Below(suffix))]
            }
            _ => vec![route(Host::parse(host)?)],
        })
    }
}

impl Route {
    /// The narrowest that `nano.toml` can say and that covers this one.
    pub fn text(&self) -> String {
        let kind = if self.path.kind == PathKind::Exact { PathKind::Under } else { self.path.kind };
        Self { path: Path { kind, ..self.path.clone() }, ..self.clone() }.to_string()
    }

    /// Whether everything that the other one is for is this one's too.
    pub fn covers(&self, other: &Self) -> bool {
        self.host.covers(&other.host) && (self.port.is_none() || self.port == other.port) && self.path.covers(&other.path)
    }
}

impl Host {
    fn covers(&self, other: &Self) -> bool {
        let below = |host: &str, suffix: &str| host.strip_suffix(suffix).is_some_and(|front| front.ends_with('.'));
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Exact(host), Self::Exact(other)) => host == other,
            (Self::Below(suffix), Self::Below(other)) => suffix == other || below(other, suffix),
            (Self::Below(suffix), Self::Exact(other)) => below(other, suffix),
            _ => false,
        }
    }

    /// Reads `example.com`, `*.example.com`, `*` or nothing, without a port.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.strip_prefix("*.") {
            Some(suffix) => Ok(Self::Below(canonical_host(suffix)?)),
            None if text.is_empty() || text == "*" => Ok(Self::Any),
            None => Ok(Self::Exact(canonical_host(text)?)),
        }
    }
}

impl Path {
    /// All paths.
    pub fn all() -> Self {
        Self { text: "/".into(), kind: PathKind::Under }
    }

    /// Reads `/path` or `/path*`.
    pub fn parse(text: &str, dialect: Dialect) -> Result<Self, String> {
        let (begin, kind) = match (text.strip_suffix('*'), dialect) {
            (Some(begin), _) => (begin, PathKind::Starts),
            (None, Dialect::Nano) => (text, PathKind::Under),
            (None, Dialect::Wrangler) => (text, PathKind::Exact),
        };
        if !begin.starts_with('/') {
            return Err(format!("the path \"{text}\" does not begin with /"));
        }
        if begin.contains('*') {
            return Err(format!("\"{text}\": an asterisk can only be the end of a path"));
        }
        if let Some(bad) = begin.chars().find(|c| !c.is_ascii_graphic() || matches!(c, '?' | '#')) {
            return Err(format!("\"{text}\": {bad:?} cannot be in a path; write it as %XX"));
        }
        Ok(match kind {
            PathKind::Starts if begin == "/" => Self::all(),
            PathKind::Under if begin.len() > 1 => Self { text: begin.trim_end_matches('/').to_string(), kind }.or_root(),
            _ => Self { text: begin.to_string(), kind },
        })
    }

    fn or_root(self) -> Self {
        if self.text.is_empty() { Self::all() } else { self }
    }

    fn covers(&self, other: &Self) -> bool {
        match (self.kind, other.kind) {
            (PathKind::Exact, _) => self == other,
            // What begins like a segment may go on within it.
            (PathKind::Under, PathKind::Starts) => {
                self.text == "/" || other.text.strip_prefix(&*self.text).is_some_and(|rest| rest.starts_with('/'))
            }
            _ => self.matches(&other.text),
        }
    }

    /// Whether a path without its query is one of these.
    pub fn matches(&self, path: &str) -> bool {
        path.strip_prefix(&*self.text).is_some_and(|rest| self.kind.allows(&self.text, rest))
    }
}

impl PathKind {
    /// Whether `rest` may follow the beginning `text`.
    pub(super) fn allows(self, text: &str, rest: &str) -> bool {
        match self {
            Self::Starts => true,
            Self::Under => rest.is_empty() || rest.starts_with('/') || text.ends_with('/'),
            Self::Exact => rest.is_empty(),
        }
    }
}

/// Host and port of an authority; of an IPv6 address the colons inside its brackets are its own.
pub(super) fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn parse_port(text: &str) -> Result<u16, String> {
    let number = text.parse::<u16>().ok().filter(|port| *port > 0 && text.bytes().all(|byte| byte.is_ascii_digit()));
    number.ok_or_else(|| format!("\"{text}\" is no port: 1 to 65535"))
}

/// As browsers send it: names of other alphabets in punycode, addresses in their one form, without a dot at the end.
fn canonical_host(text: &str) -> Result<String, String> {
    let bad = || format!("\"{text}\" is no host name");
    if text.contains(['@', '/', '?', '#', '\\', '*', '%']) || text.contains(char::is_whitespace) {
        let asterisk = || format!("\"{text}\": an asterisk can only be the front of a host, as in *.example.com");
        return Err(if text.contains('*') { asterisk() } else { bad() });
    }
    let url = Url::parse(&format!("http://{}/", text.strip_suffix('.').unwrap_or(text)), None).ok_or_else(bad)?;
    let host = url.hostname().filter(|host| !host.is_empty() && host.len() <= HOST_BYTES_MAX).ok_or_else(bad)?;
    // The URL would have taken it for one.
    if split_port(text).1.is_some() { Err(bad()) } else { Ok(host.to_string()) }
}

/// A host name: DNS allows no longer one.
pub(super) const HOST_BYTES_MAX: usize = 253;

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Any => f.write_str("*")?,
            Host::Exact(host) => f.write_str(host)?,
            Host::Below(host) => write!(f, "*.{host}")?,
        }
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        match self.path.kind {
            _ if self.path == Path::all() => Ok(()),
            PathKind::Starts => write!(f, "{}*", self.path.text),
            PathKind::Under => f.write_str(&self.path.text),
            PathKind::Exact => write!(f, "{} (exactly)", self.path.text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, dialect: Dialect) -> String {
        match Route::parse(text, dialect) {
            Ok(routes) => routes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + "),
            Err(why) => why,
        }
    }

    #[test]
    fn routes_are_read() {
        let cases = [
            ("example.com", "example.com"),
            ("EXAMPLE.com.", "example.com"),
            ("https://example.com/api", "example.com/api"),
            ("example.com/api/", "example.com/api"),
            ("example.com/api*", "example.com/api*"),
            ("example.com/api/*", "example.com/api/*"),
            ("example.com/*", "example.com"),
            ("example.com//", "example.com"),
            ("*.example.com/x", "*.example.com/x"),
            ("*example.com", "example.com + *.example.com"),
            ("/api", "*/api"),
            ("*/api", "*/api"),
            ("*", "*"),
            (":8081", "*:8081"),
            ("example.com:8081/a", "example.com:8081/a"),
            ("[::1]:80", "[::1]:80"),
            ("[0:0::1]", "[::1]"),
            ("bücher.example", "xn--bcher-kva.example"),
            ("0x7f.1", "127.0.0.1"),
            ("", "\"\" is no route: write host, host/path, /path or :port"),
            ("ftp://x", "\"ftp://x\" is no route: write host, host/path, /path or :port"),
            ("a b", "\"a b\" is no host name"),
            ("user@host", "\"user@host\" is no host name"),
            ("host:0", "\"0\" is no port: 1 to 65535"),
            ("host:+80", "\"+80\" is no port: 1 to 65535"),
            ("host:99999", "\"99999\" is no port: 1 to 65535"),
            ("host/a*b", "\"/a*b\": an asterisk can only be the end of a path"),
            ("host/a?b", "\"/a?b\": '?' cannot be in a path; write it as %XX"),
        ];
        for (text, expected) in cases {
            assert_eq!(shown(text, Dialect::Nano), expected, "{text}");
        }
        assert!(Route::parse("a.*.com", Dialect::Nano).is_err());
        assert!(Route::parse(&format!("{}.com", "a.".repeat(130)), Dialect::Nano).is_err());
    }

    #[test]
    fn wranglers_paths_are_exact_without_an_asterisk() {
        for (text, expected) in [
            ("example.com/api", "example.com/api (exactly)"),
            ("example.com", "example.com/ (exactly)"),
            ("example.com/*", "example.com"),
            ("*.example.com/a/*", "*.example.com/a/*"),
        ] {
            assert_eq!(shown(text, Dialect::Wrangler), expected, "{text}");
        }
    }

    #[test]
    fn a_route_covers_what_is_inside_it() {
        let route = |text: &str| Route::parse(text, Dialect::Nano).expect("a route").remove(0);
        let cases = [
            ("a.com", vec!["a.com", "a.com/x", "a.com:81/x*"], vec!["b.com", "*.a.com", "*", "/x"]),
            ("*.a.com", vec!["b.a.com", "*.b.a.com", "*.a.com/x"], vec!["a.com", "xa.com", "*"]),
            ("a.com/x", vec!["a.com/x", "a.com/x/y", "a.com/x/*"], vec!["a.com", "a.com/xy", "a.com/x*"]),
            ("a.com/x*", vec!["a.com/xy", "a.com/x*", "a.com/x/y"], vec!["a.com/y"]),
            ("a.com:81", vec!["a.com:81/x"], vec!["a.com", "a.com:82"]),
            ("*", vec!["*", "/x", "a.com", ":81", "/x*"], vec![]),
        ];
        for (granted, inside, outside) in cases {
            inside.iter().for_each(|text| assert!(route(granted).covers(&route(text)), "{granted} {text}"));
            outside.iter().for_each(|text| assert!(!route(granted).covers(&route(text)), "{granted} {text}"));
        }
    }

    #[test]
    fn paths_end_where_they_say() {
        let cases = [
            ("/api", Dialect::Nano, vec!["/api", "/api/", "/api/x"], vec!["/apix", "/", "/ap", "/API"]),
            ("/api*", Dialect::Nano, vec!["/api", "/apix", "/api/x"], vec!["/ap"]),
            ("/api/*", Dialect::Nano, vec!["/api/", "/api/x"], vec!["/api", "/apix"]),
            ("/api", Dialect::Wrangler, vec!["/api"], vec!["/api/", "/api/x"]),
            ("/", Dialect::Nano, vec!["/", "/x", "//"], vec![]),
        ];
        for (text, dialect, inside, outside) in cases {
            let path = Path::parse(text, dialect).expect("a path");
            assert!(inside.iter().all(|path_sent| path.matches(path_sent)), "{text} {inside:?}");
            assert!(!outside.iter().any(|path_sent| path.matches(path_sent)), "{text} {outside:?}");
        }
    }
}
