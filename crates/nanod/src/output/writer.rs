//! A stream of lines that is written by a thread of its own: whoever has something to say never waits for whoever reads it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use nano_core::limits::{LOG_FLUSH_MS, LOG_WAITING_BYTES_MAX};

/// A stream, and what waits for it.
pub struct Writer {
    name: &'static str,
    /// Writes some of it, or all; how much that was.
    write: fn(&[u8]) -> io::Result<usize>,
    /// What is written where lines were lost.
    gap: fn(u64) -> String,
    state: Mutex<State>,
    /// There is something to write.
    filled: Condvar,
    /// Everything is written.
    emptied: Condvar,
}

struct State {
    /// Lines, and how many were lost before each.
    waiting: VecDeque<(u64, Vec<u8>)>,
    bytes: usize,
    /// The thread is at a line.
    busy: bool,
    started: bool,
    /// Lines that could not be written.
    lost: u64,
    /// How many of these came after all that wait.
    missing: u64,
}

impl Writer {
    /// What writes lines by `write`. The thread begins with the first of them.
    pub const fn new(name: &'static str, write: fn(&[u8]) -> io::Result<usize>, gap: fn(u64) -> String) -> Self {
        let state = State { waiting: VecDeque::new(), bytes: 0, busy: false, started: false, lost: 0, missing: 0 };
        Self { name, write, gap, state: Mutex::new(state), filled: Condvar::new(), emptied: Condvar::new() }
    }

    /// Leaves a line to be written. One that there is no room for is lost, and counted.
    pub fn push(&'static self, line: Vec<u8>) {
        let mut state = self.lock();
        if !state.started {
            state.started = std::thread::Builder::new().name(self.name.into()).spawn(|| self.run()).is_ok();
        }
        if !state.started || state.bytes + line.len() > LOG_WAITING_BYTES_MAX {
            state.lost += 1;
            state.missing += 1;
        } else {
            state.bytes += line.len();
            let missing = std::mem::take(&mut state.missing);
            state.waiting.push_back((missing, line));
        }
        drop(state);
        self.filled.notify_one();
    }

    /// Lines that could not be written.
    pub fn lost(&self) -> u64 {
        self.lock().lost
    }

    /// Waits, a little, until everything is written.
    pub fn flush(&self) {
        let state = self.lock();
        let wait = Duration::from_millis(LOG_FLUSH_MS);
        // What is not written by then is not waited for.
        drop(self.emptied.wait_timeout_while(state, wait, |state| state.started && !state.is_done()));
    }

    fn run(&self) {
        // Lost at this place, and not told yet.
        let mut untold = 0;
        // What could not be written of the line before.
        let mut rest = Vec::new();
        let mut state = self.lock();
        loop {
            if state.is_done() {
                self.emptied.notify_all();
                state = self.filled.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
                continue;
            }
            // Without a line to write it is those that were lost last.
            let (missing, line) = match state.waiting.pop_front() {
                Some((missing, line)) => (missing, Some(line)),
                None => (std::mem::take(&mut state.missing), None),
            };
            state.bytes -= line.as_ref().map_or(0, Vec::len);
            state.busy = true;
            drop(state);
            untold += missing;
            // What was lost stands where it is missing.
            if untold > 0 && self.write_line(&mut rest, (self.gap)(untold).as_bytes()) {
                untold = 0;
            }
            let unwritten = u64::from(line.is_some_and(|line| !self.write_line(&mut rest, &line)));
            untold += unwritten;
            state = self.lock();
            state.busy = false;
            state.lost += unwritten;
        }
    }

    /// Writes a line behind what is left of the one before; whether it is in the stream, if only by its beginning. That is never without
    /// its end: what is left of it then comes before the next.
    fn write_line(&self, rest: &mut Vec<u8>, line: &[u8]) -> bool {
        let done = self.write_some(rest);
        rest.drain(..done);
        if !rest.is_empty() {
            return false;
        }
        let done = self.write_some(line);
        if done > 0 {
            rest.extend_from_slice(&line[done..]);
        }
        done > 0
    }

    /// Writes as much of it as can be written; how much that was.
    fn write_some(&self, bytes: &[u8]) -> usize {
        let mut done = 0;
        while done < bytes.len() {
            match (self.write)(&bytes[done..]) {
                Ok(0) => break,
                Ok(more) => done += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => break,
            }
        }
        done
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl State {
    /// Whether there is nothing left to write.
    fn is_done(&self) -> bool {
        !self.busy && self.waiting.is_empty() && self.missing == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static STREAM: Mutex<Vec<String>> = Mutex::new(Vec::new());
    static WRITER: Writer = Writer::new(
        "test",
        |bytes| {
            let mut stream = STREAM.lock().expect("a stream");
            stream.push(String::from_utf8_lossy(&bytes[..bytes.len().min(8)]).into());
            Ok(bytes.len())
        },
        |lines| format!("gap: {lines}"),
    );

    #[test]
    fn what_was_lost_is_told_also_where_nothing_comes_after_it() {
        // Nobody reads.
        let unread = STREAM.lock().expect("a stream");
        WRITER.push(b"first".into());
        while !WRITER.lock().busy {
            std::thread::yield_now();
        }
        WRITER.push(vec![b'-'; LOG_WAITING_BYTES_MAX]);
        WRITER.push(b"second".into());
        WRITER.push(b"third".into());
        drop(unread);
        WRITER.flush();
        assert_eq!(*STREAM.lock().expect("a stream"), ["first", "--------", "gap: 2"]);
        assert_eq!(WRITER.lost(), 2);
    }
}
