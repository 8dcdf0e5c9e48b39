//! Apps that are being unloaded: each waits for its requests, a while, on one of a few threads. Thousands of folders that go at once make no
//! thousands of threads, and nothing is lost where there are none to be had: one thread is there from the beginning, for what has no more
//! time to wait.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use nano_base::limits::UNLOADS_AT_ONCE;
use nano_core::{App, Clock, Status};

use crate::output;

/// The list of what is to be done, and its threads.
pub struct Leaving(Arc<Shared>);

/// Waits for so long at most, and ends what has not ended by then.
type End = Box<dyn FnOnce(Duration) + Send>;

struct One {
    begin_ms: u64,
    end: End,
}

struct Shared {
    list: Mutex<List>,
    more: Condvar,
    clock: Clock,
}

#[derive(Default)]
struct List {
    /// By the time that each has, and the order they have come in.
    waiting: BTreeMap<(u64, u64), One>,
    last: u64,
    /// Threads beside the first one.
    threads: usize,
    closed: bool,
}

impl Leaving {
    /// With its first thread.
    pub fn new() -> std::io::Result<Self> {
        let shared = Arc::new(Shared { list: Mutex::default(), more: Condvar::new(), clock: Clock::system() });
        let its = shared.clone();
        std::thread::Builder::new().name("nanod-unload".into()).spawn(move || its.end_overdue())?;
        Ok(Self(shared))
    }

    /// Lets an app's requests end, `after` a while, within `grace`. Then this is called.
    pub fn add(&self, app: App, after: Duration, grace: Duration, then: impl FnOnce() + Send + 'static) {
        let end = move |grace| {
            // A runtime that has ended has let go of all.
            if let Err(error) = app.unload(grace).or_else(|error| if error.status == Status::Shutdown { Ok(()) } else { Err(error) }) {
                output::complain(&format!("{}: {error}", app.name()));
            }
            then();
        };
        self.put(after, grace, Box::new(end), UNLOADS_AT_ONCE);
    }

    fn put(&self, after: Duration, grace: Duration, end: End, threads_max: usize) {
        let begin_ms = self.0.clock.now_ms() + after.as_millis() as u64;
        let mut list = self.0.list();
        list.last += 1;
        let key = (begin_ms + grace.as_millis() as u64, list.last);
        list.waiting.insert(key, One { begin_ms, end });
        if list.threads < threads_max {
            let its = self.0.clone();
            // Without one it has the time of its grace, and is then the first thread's.
            let spawned = std::thread::Builder::new().name("nanod-unload".into()).spawn(move || its.end_all());
            list.threads += usize::from(spawned.is_ok());
        }
        self.0.more.notify_one();
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.list().closed = true;
        self.0.more.notify_one();
    }
}

impl Shared {
    /// Does what there is, and ends.
    fn end_all(&self) {
        let mut list = self.list();
        while let Some(((due_ms, _), one)) = list.waiting.pop_first() {
            drop(list);
            let now_ms = self.clock.now_ms();
            if let Some(wait_ms) = one.begin_ms.checked_sub(now_ms).filter(|wait_ms| *wait_ms > 0) {
                let (_sender, never) = channel::<()>();
                // Nothing is ever sent: this is a wait.
                let _: Result<(), RecvTimeoutError> = never.recv_timeout(Duration::from_millis(wait_ms));
            }
            (one.end)(Duration::from_millis(due_ms.saturating_sub(now_ms.max(one.begin_ms))));
            list = self.list();
        }
        list.threads -= 1;
    }

    /// Does what nobody else has come to in its time.
    fn end_overdue(&self) {
        let mut list = self.list();
        while !list.closed {
            let now_ms = self.clock.now_ms();
            list = match list.waiting.first_entry() {
                None => self.more.wait(list).unwrap_or_else(PoisonError::into_inner),
                Some(first) if first.key().0 > now_ms => {
                    let wait = Duration::from_millis(first.key().0 - now_ms);
                    self.more.wait_timeout(list, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                Some(first) => {
                    let one = first.remove();
                    drop(list);
                    (one.end)(Duration::ZERO);
                    self.list()
                }
            };
        }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_thread_is_had_for_is_ended_when_its_time_is_over() {
        let leaving = Leaving::new().expect("a thread");
        let (ended, ends) = channel();
        let end = |name: &'static str| {
            let ended = ended.clone();
            Box::new(move |grace| ended.send((name, grace)).expect("it is listened to")) as End
        };
        leaving.put(Duration::ZERO, Duration::from_secs(1), end("waits"), 0);
        leaving.put(Duration::ZERO, Duration::ZERO, end("at once"), 0);
        assert_eq!([ends.recv(), ends.recv()], [Ok(("at once", Duration::ZERO)), Ok(("waits", Duration::ZERO))]);
    }

    #[test]
    fn there_are_few_threads_and_all_is_ended() {
        let leaving = Leaving::new().expect("a thread");
        let (go, stopped) = channel::<()>();
        let stopped = Arc::new(Mutex::new(stopped));
        let (ended, ends) = channel();
        for number in 0..100 {
            let (stopped, ended) = (stopped.clone(), ended.clone());
            let end = Box::new(move |_| {
                let _ = stopped.lock().map(|stopped| stopped.recv());
                let _ = ended.send(number);
            });
            leaving.put(Duration::ZERO, Duration::from_secs(3_600), end, 3);
        }
        assert_eq!(leaving.0.list().threads, 3);
        drop(go);
        let mut all: Vec<i32> = (0..100).map(|_| ends.recv().expect("it is ended")).collect();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    }
}
