//! A runtime's counters as its host sees them.

/// What a runtime holds and has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuntimeStats {
    /// Apps registered.
    pub apps: u64,
    /// Instances alive, in this process.
    pub instances: u64,
    /// Requests accepted.
    pub requests: u64,
    /// Of these, waiting or running.
    pub in_flight: u64,
    /// Requests refused because something was full.
    pub refused: u64,
    /// Instances started.
    pub starts: u64,
    /// Instances evicted back to cold.
    pub evictions: u64,
    /// Instances that broke a limit.
    pub condemned: u64,
    /// Requests re-placed from behind a turn that hogged its shard.
    pub rescued: u64,
    /// Threads that V8 gave up, or on which NANO's own code failed.
    pub parked: u64,
    /// Threads left behind in something that could not be stopped.
    pub abandoned: u64,
    /// Heap and outside memory of instances on parked threads: written off.
    pub lost_bytes: u64,
    /// Log lines dropped.
    pub logs_dropped: u64,
    /// Scheduled events that were due and did not take place.
    pub skipped: u64,
    /// Events that tail workers were not told of.
    pub untold: u64,
}

impl RuntimeStats {
    /// All of them by name, as bindings show them. One that is added and not named here stops the build.
    pub fn rows(&self) -> [(&'static str, u64); 15] {
        let Self {
            apps,
            instances,
            requests,
            in_flight,
            refused,
            starts,
            evictions,
            condemned,
            rescued,
            parked,
            abandoned,
            lost_bytes,
            logs_dropped,
            skipped,
            untold,
        } = *self;
        [
            ("apps", apps),
            ("instances", instances),
            ("requests", requests),
            ("in_flight", in_flight),
            ("refused", refused),
            ("starts", starts),
            ("evictions", evictions),
            ("condemned", condemned),
            ("rescued", rescued),
            ("parked", parked),
            ("abandoned", abandoned),
            ("lost_bytes", lost_bytes),
            ("logs_dropped", logs_dropped),
            ("skipped", skipped),
            ("untold", untold),
        ]
    }
}
