//! A client of the admin listener: one request on a connection of its own, whose answer is read whole or event by event.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use nano_base::limits::{ADMIN_ANSWER_BYTES_MAX, ADMIN_EVENT_BYTES_MAX, HTTP_READ_BYTES};
use nano_base::sys::file::read_small_text;
use nano_config::cli::{Address, Exit};
use nano_http::h1::{self, Asked, BodyDecoder, ResponseParser};

use crate::admin::{TOKEN_VARIABLE, kept_token};
use crate::named::unreadable_file;
use crate::output;

/// How long it may take until an answer begins.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where to ask, and with what.
pub struct Client {
    address: Address,
    token: Option<String>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// Nobody listens, or the connection broke.
    Gone(String),
    /// It answered that it will not.
    Refused(String),
    /// It is not ready yet, and will be.
    Starting(String),
    /// It has no such app.
    NoApp(String),
    /// What the command line names is not there.
    Missing(String),
}

impl Failure {
    /// Tells it; what the command ends with.
    pub fn tell(&self) -> Exit {
        let (Self::Gone(why) | Self::Refused(why) | Self::Starting(why) | Self::NoApp(why) | Self::Missing(why)) = self;
        output::complain(why);
        match self {
            Self::Gone(_) | Self::Refused(_) | Self::Starting(_) => Exit::Unreachable,
            Self::NoApp(_) => Exit::Failed,
            Self::Missing(_) => Exit::Machine,
        }
    }
}

trait Stream: Read + Write + Send {
    fn wait(&self, limit: Option<Duration>) -> std::io::Result<()>;
}

impl Stream for TcpStream {
    fn wait(&self, limit: Option<Duration>) -> std::io::Result<()> {
        self.set_read_timeout(limit)
    }
}

impl Stream for UnixStream {
    fn wait(&self, limit: Option<Duration>) -> std::io::Result<()> {
        self.set_read_timeout(limit)
    }
}

/// An answer's body.
pub struct Answer {
    stream: Box<dyn Stream>,
    decoder: BodyDecoder,
    /// Read and not decoded.
    input: Vec<u8>,
    /// Decoded and not taken.
    text: Vec<u8>,
    /// It says that it is made of events.
    is_events: bool,
}

/// One server-sent event.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub name: String,
    pub id: String,
    pub data: String,
}

impl Client {
    /// For a listener, with the token of a file, of the environment, or of where a nanod on this machine keeps its own.
    pub fn new(address: &Address, token_file: Option<&Path>) -> Result<Self, Failure> {
        let read = |path: &Path| read_small_text(path).map(|text| text.trim().to_string());
        let token = match token_file {
            Some(file) => {
                let why = |error| Failure::Missing(format!("--token-file: {}", unreadable_file(file, &error)));
                Some(read(file).map_err(why)?)
            }
            None => std::env::var(TOKEN_VARIABLE).ok().map(|text| text.trim().to_string()).or_else(|| kept_token(&address.to_string())),
        };
        let sendable = |token: &String| !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        if token.as_ref().is_some_and(|token| !sendable(token)) {
            return Err(Failure::Refused("the token is none: it has characters that are not visible ASCII".into()));
        }
        Ok(Self { address: address.clone(), token })
    }

    /// Asks for events, from behind the last one that is known.
    pub fn follow(&self, path: &str, last_event: Option<&str>) -> Result<Answer, Failure> {
        let answer = self.get(path, last_event)?;
        match answer.is_events {
            true => Ok(answer),
            false => Err(Failure::Refused(format!("{} is no nanod: it answers something else than logs (see --admin)", self.address))),
        }
    }

    /// Asks for a path.
    pub fn get(&self, path: &str, last_event: Option<&str>) -> Result<Answer, Failure> {
        let gone = |error: std::io::Error| Failure::Gone(format!("no nanod answers at {}: {error} (see --admin)", self.address));
        let (mut stream, host): (Box<dyn Stream>, String) = match &self.address {
            Address::Tcp(host, port) => {
                let bare = (host.as_str(), *port);
                (Box::new(TcpStream::connect(bare).map_err(gone)?), self.address.to_string())
            }
            Address::Unix(path) => (Box::new(UnixStream::connect(path).map_err(gone)?), "localhost".into()),
            Address::Everywhere(port) => (Box::new(TcpStream::connect(("127.0.0.1", *port)).map_err(gone)?), format!("127.0.0.1:{port}")),
            Address::Systemd => return Err(Failure::Refused("--admin systemd cannot be connected to: give its address".into())),
        };
        let mut request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        if let Some(token) = &self.token {
            request.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        if let Some(id) = last_event.filter(|id| id.bytes().all(|byte| byte.is_ascii_graphic())) {
            request.push_str(&format!("Last-Event-ID: {id}\r\n"));
        }
        request.push_str("\r\n");
        stream.wait(Some(PATIENCE)).and_then(|()| stream.write_all(request.as_bytes())).map_err(gone)?;
        self.read_head(stream)
    }

    fn read_head(&self, mut stream: Box<dyn Stream>) -> Result<Answer, Failure> {
        let mut parser = ResponseParser::new();
        let mut input = Vec::new();
        loop {
            let mut buffer = [0; HTTP_READ_BYTES];
            let bytes = match stream.read(&mut buffer) {
                Ok(0) => return Err(Failure::Gone(format!("{} closed the connection without an answer", self.address))),
                Ok(bytes) => bytes,
                Err(error) => return Err(Failure::Gone(format!("{} does not answer: {error}", self.address))),
            };
            input.extend_from_slice(&buffer[..bytes]);
            let parsed = parser.parse(&input, Asked::Other, &h1::Limits::default());
            let parsed = parsed.map_err(|fault| Failure::Refused(format!("{} is no nanod: {}", self.address, fault.sentence())))?;
            let Some(response) = parsed else { continue };
            input.drain(..response.bytes);
            if response.interim {
                continue;
            }
            // From here on it may be still for as long as it likes.
            stream.wait(None).map_err(|error| Failure::Gone(error.to_string()))?;
            let kind = response.head.headers.value(b"content-type").unwrap_or_default();
            let is_events = kind.split(|byte| *byte == b';').next().is_some_and(|kind| kind.trim_ascii() == b"text/event-stream");
            let answer = Answer { stream, decoder: BodyDecoder::new(response.framing), input, text: Vec::new(), is_events };
            return match response.head.status {
                200 => Ok(answer),
                status => Err(self.refusal(status, answer)),
            };
        }
    }

    fn refusal(&self, status: u16, mut answer: Answer) -> Failure {
        let body = answer.whole().unwrap_or_default();
        let problem: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
        let detail = problem["detail"].as_str().unwrap_or_else(|| h1::reason(status));
        let remedy = match (status, &self.token) {
            (401, None) => ": give --token-file FILE or NANOD_TOKEN",
            (401, Some(_)) => ": the token is another nanod's; give --token-file FILE or NANOD_TOKEN",
            _ => "",
        };
        let code = problem["code"].as_str().unwrap_or_default();
        let space = if code.is_empty() { "" } else { " " };
        let why = format!("{} answers {status}{space}{code}: {detail}{remedy}", self.address);
        match code {
            "NO_APP" => Failure::NoApp(why),
            "STARTING" => Failure::Starting(why),
            _ => Failure::Refused(why),
        }
    }
}

impl Answer {
    /// Reads more of it; false at its end.
    fn read(&mut self) -> Result<bool, Failure> {
        let broken = |why: String| Failure::Gone(format!("the connection broke: {why}"));
        while !self.decoder.is_done() {
            if !self.input.is_empty() {
                let step = self.decoder.decode(&self.input).map_err(|fault| broken(fault.sentence().to_string()))?;
                let (consumed, got) = (step.consumed, step.data.len());
                self.text.extend_from_slice(step.data);
                self.input.drain(..consumed);
                if got > 0 {
                    return Ok(true);
                }
                if consumed > 0 {
                    continue;
                }
            }
            let mut buffer = [0; HTTP_READ_BYTES];
            match self.stream.read(&mut buffer) {
                Ok(0) => {
                    self.decoder.close().map_err(|fault| broken(fault.sentence().to_string()))?;
                    return Ok(false);
                }
                Ok(bytes) => self.input.extend_from_slice(&buffer[..bytes]),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(broken(error.to_string())),
            }
        }
        Ok(false)
    }

    /// All of it.
    pub fn whole(&mut self) -> Result<String, Failure> {
        while self.read()? {
            if self.text.len() > ADMIN_ANSWER_BYTES_MAX {
                return Err(Failure::Refused(format!("the answer has more than {ADMIN_ANSWER_BYTES_MAX} bytes")));
            }
        }
        Ok(String::from_utf8_lossy(&self.text).into_owned())
    }

    /// The next event; none when the stream has ended.
    pub fn event(&mut self) -> Result<Option<Event>, Failure> {
        let mut event = Event::default();
        loop {
            while let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                let line = line.trim_end_matches(['\n', '\r']);
                if line.is_empty() {
                    if event != Event::default() {
                        return Ok(Some(event));
                    }
                    continue;
                }
                let (field, value) = line.split_once(':').unwrap_or((line, ""));
                let value = value.strip_prefix(' ').unwrap_or(value);
                match field {
                    "event" => event.name = value.to_string(),
                    "id" => event.id = value.to_string(),
                    "data" if event.data.is_empty() => event.data = value.to_string(),
                    "data" => event.data.push_str(&format!("\n{value}")),
                    _ => {}
                }
            }
            if self.text.len() + event.data.len() > ADMIN_EVENT_BYTES_MAX {
                return Err(Failure::Refused(format!("an event has more than {ADMIN_EVENT_BYTES_MAX} bytes")));
            }
            if !self.read()? {
                return Ok(None);
            }
        }
    }
}
