//! `nanod dev` on a terminal: what its keys do.

use std::fs;
use std::io::{BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::{Folder, GOOD};

/// Long enough for anything that works.
const PATIENCE: Duration = Duration::from_secs(60);

/// Counts what it is asked.
const COUNTS: &str = "let count = 0; export default { fetch() { return new Response(String(++count)); } };\n";

/// nanod dev on a terminal of its own, which somebody types on.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    shown: Receiver<u8>,
    /// Where it listens.
    port: String,
    /// What it said until it listened to keys.
    said: String,
}

impl Terminal {
    /// With what is set before the command's name, and more words after it.
    fn start(folder: &Folder, before: &str, words: &str) -> Self {
        let nanod = env!("CARGO_BIN_EXE_nanod");
        // Ctrl-C is for all that runs on the terminal, and some shells end by it.
        let command = format!("trap : INT; {before} {nanod} dev . --listen 127.0.0.1:0 --color never {words}; echo ended $?; stty -a");
        let mut child = Command::new("script")
            .args(["-qec", &command, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .current_dir(&folder.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of util-linux");
        let keys = child.stdin.take().expect("a pipe");
        let shown = read(child.stdout.take().expect("a pipe"));
        let mut terminal = Self { child, keys, shown, port: String::new(), said: String::new() };
        let said = terminal.until("press ? for keys\r\n");
        terminal.port = said.split(" on 127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()).expect("a port").to_string();
        terminal.said = said;
        terminal
    }

    /// Presses keys, and reads until this is shown.
    fn press(&mut self, keys: &str, text: &str) -> String {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.until(text)
    }

    /// Reads until this is shown; all that is shown up to there.
    fn until(&mut self, text: &str) -> String {
        let mut all = Vec::new();
        while !all.ends_with(text.as_bytes()) {
            let byte = self.shown.recv_timeout(PATIENCE);
            all.push(byte.unwrap_or_else(|_| panic!("{text:?} is not shown:\n{}", String::from_utf8_lossy(&all))));
        }
        String::from_utf8(all).expect("text")
    }

    /// The body that the app alone answers with.
    fn ask(&self) -> String {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{}", self.port)).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).expect("an answer");
        text.split_once("\r\n\r\n").expect("a head").1.to_string()
    }

    /// What it ended with, and how it left the terminal.
    fn end(mut self, key: &str) -> (String, String) {
        self.keys.write_all(key.as_bytes()).unwrap();
        let mut all = Vec::new();
        while let Ok(byte) = self.shown.recv_timeout(PATIENCE) {
            all.push(byte);
        }
        let all = String::from_utf8(all).expect("text");
        assert!(self.child.wait().expect("its end").success());
        let (_, after) = all.rsplit_once("ended ").expect("an end");
        let (code, modes) = after.split_once('\n').expect("a line");
        (code.trim().to_string(), modes.to_string())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // nanod goes when its terminal does.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is shown, on a thread: whoever waits for it does not wait for ever.
fn read(from: ChildStdout) -> Receiver<u8> {
    let (sender, shown) = channel();
    std::thread::spawn(move || BufReader::new(from).bytes().map_while(Result::ok).try_for_each(|byte| sender.send(byte)));
    shown
}

/// A folder with apps, and one for programs in which `xdg-open` tells on the terminal what it is to open.
fn with_browser(name: &str) -> Folder {
    let folder = Folder::new(
        name,
        &[("shop/index.js", GOOD), ("zoo/index.js", GOOD), (".bin/xdg-open", "#!/bin/sh\necho \"opened $*.\" >/dev/tty\n")],
    );
    fs::set_permissions(folder.0.join(".bin/xdg-open"), fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

#[test]
fn each_key_is_explained_and_the_terminal_is_given_back() {
    let folder = Folder::new("keys", &[("shop/index.js", GOOD)]);
    for key in ["q", "Q", "\u{3}"] {
        let mut terminal = Terminal::start(&folder, "", "");
        for question in ["?", "h"] {
            let shown = terminal.press(question, "show this\r\n");
            for line in ["  b  open the browser", "  r  reload all apps", "  c  clear the screen", "  q  quit", "  ?  show this"] {
                assert!(shown.contains(line), "{line}: {shown}");
            }
        }
        let (code, modes) = terminal.end(key);
        assert_eq!(code, "0", "{key:?}");
        assert!(modes.contains(" echo ") && modes.contains(" icanon ") && !modes.contains("-icanon"), "{modes}");
    }
}

#[test]
fn r_starts_all_apps_anew() {
    let folder = Folder::new("key-r", &[("nano.toml", "name = \"counts\"\n"), ("index.js", COUNTS)]);
    // With one thread there is one instance.
    let mut terminal = Terminal::start(&folder, "", "--threads 1");
    assert_eq!((terminal.ask().as_str(), terminal.ask().as_str()), ("1", "2"));
    terminal.press("r", "1 reloaded\r\n");
    assert_eq!(terminal.ask(), "1");
    terminal.press("R", "1 reloaded\r\n");
    assert_eq!((terminal.ask(), terminal.end("q").0), ("1".into(), "0".into()));
}

#[test]
fn c_clears_what_is_shown_and_what_has_scrolled_away() {
    let folder = Folder::new("key-c", &[("shop/index.js", GOOD)]);
    let mut terminal = Terminal::start(&folder, "", "");
    let shown = terminal.press("xc", "\u{1b}[H\u{1b}[2J\u{1b}[3J");
    assert_eq!(shown, "\u{1b}[H\u{1b}[2J\u{1b}[3J", "a key that is none does nothing");
    assert_eq!(terminal.press("\n", "\r\n"), "\r\n", "Enter makes room");
    assert_eq!(terminal.end("q").0, "0");
}

#[test]
fn b_opens_the_first_app_in_the_browser() {
    let folder = with_browser("key-b");
    let mut terminal = Terminal::start(&folder, "PATH=$PWD/.bin:$PATH", "");
    let expected = format!("opened http://shop.localhost:{}/.\r\n", terminal.port);
    terminal.press("b", &expected);
    terminal.press("b", &expected);
    assert_eq!(terminal.end("q").0, "0");
}

#[test]
fn the_browser_opens_at_the_start_if_it_is_asked_for() {
    let folder = with_browser("open");
    let mut terminal = Terminal::start(&folder, "PATH=$PWD/.bin:$PATH", "--open");
    let expected = format!("opened http://shop.localhost:{}/.\r\n", terminal.port);
    // The browser may be quicker than what nanod says.
    if !terminal.said.contains(&expected) {
        terminal.until(&expected);
    }
    assert_eq!(terminal.end("q").0, "0");
}

#[test]
fn without_a_browser_the_address_is_said() {
    let folder = Folder::new("no-browser", &[("shop/index.js", GOOD)]);
    let mut terminal = Terminal::start(&folder, "PATH=/nowhere", "");
    let expected = format!("no browser was found here: open http://shop.localhost:{}/\r\n", terminal.port);
    terminal.press("b", &expected);
    assert_eq!(terminal.end("q").0, "0");
}

#[test]
fn it_ends_with_its_terminal() {
    let folder = Folder::new("hangup", &[("shop/index.js", GOOD)]);
    let terminal = Terminal::start(&folder, "", "");
    let address = format!("127.0.0.1:{}", terminal.port);
    drop(terminal);
    while TcpStream::connect(&address).is_ok() {
        std::thread::yield_now();
    }
}
