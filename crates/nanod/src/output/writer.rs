//! A stream of lines that is written by a thread of its own: whoever has something to say never waits for whoever reads it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use nano_core::limits::{LOG_FLUSH_MS, LOG_WAITING_BYTES_MAX};

/// A stream, and what waits for it.
pub struct Writer {
    name: &'static str,
    write: fn(&[u8]) -> io::Result<()>,
    /// What is written where lines were lost.
    gap: fn(u64) -> String,
    state: Mutex<State>,
    /// There is something to write.
    filled: Condvar,
    /// Everything is written.
    emptied: Condvar,
}

struct State {
    waiting: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The thread is at a line.
    busy: bool,
    started: bool,
    /// Lines that could not be written, and how many of these have been told.
    lost: u64,
    told: u64,
}

impl Writer {
    /// What writes lines by `write`. The thread begins with the first of them.
    pub const fn new(name: &'static str, write: fn(&[u8]) -> io::Result<()>, gap: fn(u64) -> String) -> Self {
        let state = State { waiting: VecDeque::new(), bytes: 0, busy: false, started: false, lost: 0, told: 0 };
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
            return;
        }
        state.bytes += line.len();
        state.waiting.push_back(line);
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
        drop(self.emptied.wait_timeout_while(state, wait, |state| state.busy || !state.waiting.is_empty()));
    }

    fn run(&self) {
        let mut state = self.lock();
        loop {
            let Some(line) = state.waiting.pop_front() else {
                self.emptied.notify_all();
                state = self.filled.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
                continue;
            };
            state.bytes -= line.len();
            state.busy = true;
            let untold = state.lost - state.told;
            drop(state);
            // What was lost stands where it is missing.
            let told = untold > 0 && (self.write)((self.gap)(untold).as_bytes()).is_ok();
            let written = (self.write)(&line).is_ok();
            state = self.lock();
            state.busy = false;
            if told {
                state.told += untold;
            }
            state.lost += u64::from(!written);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
