//! What nanod's apps handle besides requests: times, messages, the events of other apps, all from manifests.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

/// Long enough for anything that works: a cron expression is due within a minute.
const PATIENCE: Duration = Duration::from_secs(100);

struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    folder: PathBuf,
}

impl Server {
    /// nanod over a folder of these files, and the line that says it serves.
    fn start(name: &str, files: &[(&str, &str)]) -> (Self, String) {
        let folder = std::env::temp_dir().join(format!("nanod-handlers-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        for (file, text) in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let mut child = Command::new(env!("CARGO_BIN_EXE_nanod"))
            .args(["serve", "--no-admin", "--listen", "127.0.0.1:0"])
            .arg(&folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("nanod starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut server = Self { child, lines, folder };
        let ready = server.wait_for(" on 127.0.0.1:");
        (server, ready)
    }

    /// Reads what it says up to a line with this in it.
    fn wait_for(&mut self, text: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).expect("text") > 0 {
            if line.contains(text) {
                return line;
            }
            line.clear();
        }
        panic!("nanod ended without saying \"{text}\"");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn ask(ready: &str, host: &str) -> String {
    let address = ready.split(" on ").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address");
    let mut stream = TcpStream::connect(address.trim()).expect("a connection");
    stream.set_read_timeout(Some(PATIENCE)).expect("a time");
    write!(stream, "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").expect("it is sent");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("an answer");
    text
}

const PRODUCER: &str = "export default { async fetch(request, env) { \
    await env.JOBS.send({ n: 7 }); console.log('sending'); return new Response('sent'); } };\n";

#[test]
fn messages_go_from_app_to_app_and_failures_to_the_dead_letters() {
    let (mut server, ready) = Server::start(
        "queues",
        &[
            ("shop/index.js", PRODUCER),
            ("shop/nano.toml", "tail = [\"logs\"]\n[queues.producers]\nJOBS = \"jobs\"\n"),
            (
                "worker/index.js",
                "export default { queue(batch) { const [m] = batch.messages; console.log('got', batch.queue, m.body.n, m.attempts); throw 1; } };\n",
            ),
            (
                "worker/wrangler.toml",
                "name = \"worker\"\nmain = \"index.js\"\n[[queues.consumers]]\nqueue = \"jobs\"\nmax_batch_size = 1\nmax_retries = 1\n\
                 dead_letter_queue = \"dead\"\n",
            ),
            ("dead/index.js", "export default { queue(batch) { console.log('buried', batch.queue, batch.messages[0].body.n); } };\n"),
            ("dead/nano.toml", "[queues.consumers.dead]\nbatch_wait_ms = 0\n"),
            (
                "logs/index.js",
                "export default { tail(events) { for (const e of events) console.log('told', e.scriptName, e.outcome, e.logs[0].message[0]); } };\n",
            ),
        ],
    );
    assert!(ask(&ready, "shop.localhost").ends_with("sent"));
    let mut expected = vec!["got jobs 7 1", "got jobs 7 2", "buried dead 7", "told shop ok sending"];
    while !expected.is_empty() {
        let line = server.wait_for("");
        expected.retain(|text| !line.contains(text));
    }
}

#[test]
fn a_cron_expression_of_a_manifest_is_followed() {
    let (mut server, _) = Server::start(
        "crons",
        &[
            (
                "clock/index.js",
                "export default { scheduled(c) { console.log('ticked', c.cron, c.scheduledTime % 60000, Date.now() - c.scheduledTime < 60000); } };\n",
            ),
            ("clock/nano.toml", "crons = [\"* * * * *\"]\n"),
        ],
    );
    let line = server.wait_for("ticked");
    assert!(line.contains("ticked * * * * * 0 true"), "{line}");
}
