//! What is counted of one app, from its first request on, and the same of all apps there have been.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use nano_base::status::Status;

use super::durations::{BUCKETS, Durations, bucket};
use crate::request::Ending;

/// Defines a closed set of words that metrics use as the values of a label.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// All of them, in the order of counts.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in metrics and reports.
            pub const fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }
        }
    };
}

words! {
    /// How a request ended.
    Outcome {
        /// With a response or a value.
        Ok = "ok",
        /// With a response that says the client is wrong (400 to 499).
        ClientError = "client_error",
        /// With a response that says the app has failed (from 500 on).
        ServerError = "server_error",
        /// The app threw.
        Exception = "exception",
        /// CPU time was used up.
        CpuLimit = "cpu_limit",
        /// Memory was used up.
        MemoryLimit = "memory_limit",
        /// It took too long.
        WallLimit = "wall_limit",
        /// Whoever wanted it gave it up, or an operator did.
        Canceled = "canceled",
        /// There was no room for it, or no time left.
        Refused = "refused",
        /// Another app broke the thread it ran on.
        Lost = "lost",
        /// Anything else, such as an app that does not compile.
        Failed = "failed",
    }
}

words! {
    /// Why an instance was stopped.
    Kill {
        /// It used up its CPU time.
        Cpu = "cpu",
        /// It used up its heap.
        Heap = "heap",
        /// Its heap grew when all heaps together were full.
        Heaps = "heaps",
        /// V8 gave up the thread it was on.
        Crash = "crash",
        /// It did not see that it was stopped, and took the thread along.
        Stuck = "stuck",
        /// An operator stopped it.
        Operator = "operator",
        /// Anything else.
        Other = "other",
    }
}

impl Outcome {
    /// Of an end; `streamed` is the status of a response whose head went ahead.
    pub(crate) fn of(end: &Ending, streamed: u16) -> Self {
        let of_status = |status: u16| match status {
            400..=499 => Self::ClientError,
            500.. => Self::ServerError,
            _ => Self::Ok,
        };
        match end {
            Ending::Response(head, _) => of_status(head.status),
            Ending::Stream => of_status(streamed),
            Ending::Value(_) => Self::Ok,
            Ending::Error(error) => match error.status {
                Status::Exception => Self::Exception,
                Status::CpuLimit => Self::CpuLimit,
                Status::MemoryLimit => Self::MemoryLimit,
                Status::WallLimit | Status::Timeout => Self::WallLimit,
                Status::Canceled => Self::Canceled,
                Status::Overloaded | Status::Capacity | Status::Draining | Status::Shutdown => Self::Refused,
                Status::ShardLost => Self::Lost,
                _ => Self::Failed,
            },
        }
    }
}

impl Kill {
    /// Of the limit that an instance broke.
    pub(crate) fn of(status: Status) -> Self {
        match status {
            Status::CpuLimit => Self::Cpu,
            Status::MemoryLimit => Self::Heap,
            Status::Capacity => Self::Heaps,
            Status::Canceled => Self::Operator,
            _ => Self::Other,
        }
    }
}

const OUTCOMES: usize = Outcome::ALL.len();
const KILLS: usize = Kill::ALL.len();

/// What is counted of one app.
#[derive(Debug)]
pub(crate) struct Meter {
    counts: [AtomicU64; BUCKETS],
    sum_us: AtomicU64,
    outcomes: [AtomicU64; OUTCOMES],
    /// When a request ended last, in the clock's milliseconds.
    ended_ms: AtomicU64,
    kills: [AtomicU64; KILLS],
    /// What stopped its last instance, counted from one; zero if it was nothing, or an instance has started since.
    stopped_by: AtomicU8,
    pub evictions: AtomicU64,
    pub logs_dropped: AtomicU64,
}

impl Default for Meter {
    fn default() -> Self {
        Self {
            counts: [const { AtomicU64::new(0) }; BUCKETS],
            sum_us: AtomicU64::new(0),
            outcomes: [const { AtomicU64::new(0) }; OUTCOMES],
            ended_ms: AtomicU64::new(0),
            kills: [const { AtomicU64::new(0) }; KILLS],
            stopped_by: AtomicU8::new(0),
            evictions: AtomicU64::new(0),
            logs_dropped: AtomicU64::new(0),
        }
    }
}

impl Meter {
    /// A request has ended, after so many microseconds, at `now_ms`.
    pub(crate) fn ended(&self, outcome: Outcome, us: u64, now_ms: u64) {
        self.counts[bucket(us)].fetch_add(1, Ordering::Relaxed);
        self.sum_us.fetch_add(us, Ordering::Relaxed);
        self.outcomes[outcome as usize].fetch_add(1, Ordering::Relaxed);
        self.ended_ms.store(now_ms, Ordering::Relaxed);
    }

    /// So many instances have been stopped.
    pub(crate) fn killed(&self, why: Kill, instances: u32) {
        self.kills[why as usize].fetch_add(u64::from(instances), Ordering::Relaxed);
        self.stopped_by.store(why as u8 + 1, Ordering::Relaxed);
    }

    /// An instance has started.
    pub(crate) fn started(&self) {
        self.stopped_by.store(0, Ordering::Relaxed);
    }

    /// What stopped its last instance, if none has started since.
    pub(crate) fn stopped_by(&self) -> Option<Kill> {
        Kill::ALL.get(usize::from(self.stopped_by.load(Ordering::Relaxed)).checked_sub(1)?).copied()
    }

    /// When a request ended last.
    pub(crate) fn ended_ms(&self) -> u64 {
        self.ended_ms.load(Ordering::Relaxed)
    }
}

/// What meters say, as plain numbers, of one app or of several.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub durations: Durations,
    pub outcomes: [u64; OUTCOMES],
    pub kills: [u64; KILLS],
    pub evictions: u64,
    pub logs_dropped: u64,
    pub cpu_ns: u64,
}

impl Totals {
    /// Adds what a meter says.
    pub(crate) fn add(&mut self, meter: &Meter) {
        let add = |sums: &mut [u64], counts: &[AtomicU64]| {
            sums.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count.load(Ordering::Relaxed));
        };
        add(&mut self.durations.counts, &meter.counts);
        self.durations.sum_us += meter.sum_us.load(Ordering::Relaxed);
        add(&mut self.outcomes, &meter.outcomes);
        add(&mut self.kills, &meter.kills);
        self.evictions += meter.evictions.load(Ordering::Relaxed);
        self.logs_dropped += meter.logs_dropped.load(Ordering::Relaxed);
    }
}
