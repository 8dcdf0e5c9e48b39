//! A nanod that runs over a folder of its own, and what it says.

use std::fs;
use std::io::{BufRead, BufReader, PipeReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Long enough for anything that works.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What it says when it serves.
pub const READY: &[&str] = &[" app on 127.0.0.1:", " apps on 127.0.0.1:"];

/// nanod, and the folder it serves.
pub struct Server {
    pub child: Child,
    lines: Receiver<String>,
    pub address: String,
    pub folder: PathBuf,
}

impl Server {
    /// nanod over a folder of these files.
    pub fn start(name: &str, files: &[(&str, &str)]) -> Self {
        Self::with(name, files, &[])
    }

    /// The same with more on its command line.
    pub fn with(name: &str, files: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut server = Self::begin(name, files, arguments);
        server.await_ready(if arguments.contains(&"--workers") { &["workers on 127.0.0.1:"] } else { READY });
        server
    }

    /// The same, which may never be ready.
    pub fn begin(name: &str, files: &[(&str, &str)], arguments: &[&str]) -> Self {
        let folder = folder(name, files);
        Self::run(nanod(&folder, arguments), folder)
    }

    /// What a command starts, which serves this folder.
    pub fn run(mut command: Command, folder: PathBuf) -> Self {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        command.stdout(writer.try_clone().expect("a pipe")).stderr(writer);
        let child = command.spawn().expect("nanod starts");
        drop(command);
        Self { child, lines: read_lines(reader), address: String::new(), folder }
    }

    /// Waits until it says where it serves; all that it has said.
    pub fn await_ready(&mut self, texts: &[&str]) -> String {
        let said = self.read_to_any(texts);
        let ready = said.lines().next_back().expect("a line");
        let address = ready.split(" on ").nth(1).and_then(|rest| rest.split([' ', ',']).next());
        self.address = address.expect("an address").to_string();
        said
    }

    /// Waits for its end: what it ended with, and what it said before.
    pub fn end(&mut self) -> (Option<i32>, String) {
        let code = self.child.wait().expect("its end").code();
        (code, rest(&self.lines))
    }

    /// Reads what it says up to a line with this in it.
    pub fn wait_for(&mut self, text: &str) -> String {
        self.wait_for_any(&[text])
    }

    /// Reads until each of these was in a line, in whatever order they come; all that it says up to there.
    pub fn wait_for_all(&mut self, texts: &[&str]) -> String {
        let (mut missing, mut said) = (texts.to_vec(), String::new());
        while !missing.is_empty() {
            said.push_str(&self.read_to_any(&missing));
            missing.retain(|text| !said.contains(text));
        }
        said
    }

    /// The same with one of several.
    pub fn wait_for_any(&mut self, texts: &[&str]) -> String {
        let said = self.read_to_any(texts);
        said.split_inclusive('\n').next_back().expect("a line").to_string()
    }

    /// The same; all that it says up to there.
    pub fn read_to_any(&mut self, texts: &[&str]) -> String {
        let mut said = String::new();
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            said.push_str(&line);
            if texts.iter().any(|text| line.contains(text)) {
                return said;
            }
        }
        panic!("nanod did not say {texts:?}:\n{said}");
    }

    pub fn ask(&self, host: &str, path: &str) -> (u16, String) {
        let mut stream = self.send(host, path);
        read(&mut stream)
    }

    /// The same of an app that may still be starting.
    pub fn ask_until_deployed(&self, host: &str) -> (u16, String) {
        loop {
            match self.ask(host, "/") {
                (503, _) => std::thread::yield_now(),
                answer => return answer,
            }
        }
    }

    pub fn send(&self, host: &str, path: &str) -> TcpStream {
        send(&self.address, host, path)
    }

    pub fn signal(&self, signal: &str) {
        kill(signal, self.child.id());
    }

    /// Writes a file of the folder, whole, as deployments should.
    pub fn write(&self, file: &str, text: &str) {
        write(&self.folder.join(file), text);
    }

    /// The processes that it has started.
    pub fn workers(&self) -> Vec<u32> {
        let id = self.child.id();
        let text = fs::read_to_string(format!("/proc/{id}/task/{id}/children")).expect("its children");
        text.split_whitespace().filter_map(|id| id.parse().ok()).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A command whose lines are read as they come; it is ended with this.
pub struct Lines {
    child: Child,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Lines {
    /// Of what this starts.
    pub fn of(mut command: Command) -> Self {
        let ((out, out_writer), (err, err_writer)) = (std::io::pipe().expect("a pipe"), std::io::pipe().expect("a pipe"));
        let child = command.stdout(out_writer).stderr(err_writer).spawn().expect("it starts");
        drop(command);
        Self { child, out: read_lines(out), err: read_lines(err) }
    }

    /// The next line of its result.
    pub fn next_line(&mut self) -> String {
        self.out.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("it said no more, but: {}", rest(&self.err)))
    }

    /// The next line that has this.
    pub fn next_with(&mut self, text: &str) -> String {
        self.up_to(text).split_inclusive('\n').next_back().expect("a line").to_string()
    }

    /// All up to a line that has this.
    pub fn up_to(&mut self, text: &str) -> String {
        let mut said = String::new();
        loop {
            let line = self.next_line();
            said.push_str(&line);
            if line.contains(text) {
                return said;
            }
        }
    }

    /// Waits for its end: what it ended with, what was not read yet of its result, and of the rest.
    pub fn end(&mut self) -> (Option<i32>, String, String) {
        let code = self.child.wait().expect("its end").code();
        (code, rest(&self.out), rest(&self.err))
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is left to be read, up to the end.
fn rest(lines: &Receiver<String>) -> String {
    let mut said = String::new();
    while let Ok(line) = lines.recv_timeout(PATIENCE) {
        said.push_str(&line);
    }
    said
}

/// What comes, line by line, on a thread: whoever waits for a line does not wait for ever.
pub fn read_lines(from: PipeReader) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = String::new();
        while from.read_line(&mut line).is_ok_and(|bytes| bytes > 0) && sender.send(std::mem::take(&mut line)).is_ok() {}
    });
    lines
}

/// A folder of these files.
pub fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("nanod-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    for (file, text) in files {
        write(&folder.join(file), text);
    }
    folder
}

/// `nanod serve` over a folder, on a port of its own, and without an admin listener, of which there can be one.
pub fn nanod(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nanod"));
    command.args(["serve", "--no-admin", "--listen", "127.0.0.1:0"]).args(arguments).arg(folder).stdin(Stdio::null());
    command
}

pub fn kill(signal: &str, process: u32) {
    let sent = Command::new("kill").args([signal, &process.to_string()]).status().expect("kill");
    assert!(sent.success());
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let part = path.with_extension("part");
    fs::write(&part, text).unwrap();
    fs::rename(part, path).unwrap();
}

pub fn send(address: &str, host: &str, path: &str) -> TcpStream {
    try_send(address, host, path).expect("it is read")
}

/// An error if the connection broke.
pub fn try_send(address: &str, host: &str, path: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())?;
    Ok(stream)
}

pub fn read(stream: &mut TcpStream) -> (u16, String) {
    try_read(stream).expect("an answer")
}

/// None if the connection broke.
pub fn try_read(stream: &mut TcpStream) -> Option<(u16, String)> {
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    Some((status, text.split_once("\r\n\r\n")?.1.to_string()))
}

pub fn says(text: &str) -> String {
    format!("export default {{ fetch() {{ return new Response('{text}'); }} }};\n")
}
