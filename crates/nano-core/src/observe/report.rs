//! What there is at a moment: apps, shards and what they hold, ceilings.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use nano_base::limits::LOST_THREADS_MAX;
use nano_base::sys::time;
use nano_engine::{code_fill, heaps_fill};

use super::{Durations, Kill, Outcome, Totals};
use crate::app::{App, AppShared, AppStats};
use crate::runtime::{Inner, Runtime};
use crate::shard::{Shard, admission};
use crate::version::{Life, Version};
use crate::wait::lock;

/// What an app is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppState {
    /// It has no instance: source and code cache only.
    Cold,
    /// An instance is being started.
    Starting,
    /// It has an instance, and nothing to do.
    Warm,
    /// Requests are waiting or running.
    Busy,
    /// Its last instance was stopped, and none has started since.
    Condemned,
    /// It broke so many threads that it is not started any more.
    Quarantined,
    /// It takes no more requests.
    Draining,
}

impl AppState {
    /// Its name in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Starting => "starting",
            Self::Warm => "warm",
            Self::Busy => "busy",
            Self::Condemned => "condemned",
            Self::Quarantined => "quarantined",
            Self::Draining => "draining",
        }
    }

    /// All of them.
    pub const ALL: &'static [Self] =
        &[Self::Cold, Self::Starting, Self::Warm, Self::Busy, Self::Condemned, Self::Quarantined, Self::Draining];
}

/// One app at a moment.
#[derive(Clone, Debug)]
pub struct AppReport {
    /// Its name.
    pub name: String,
    /// What it is doing.
    pub state: AppState,
    /// What it has used.
    pub stats: AppStats,
    /// How its requests ended, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// How long they took.
    pub durations: Durations,
    /// When one ended last, in the clock's milliseconds; none if none has.
    pub ended_ms: Option<u64>,
    /// Instances that were stopped, in the order of [`Kill::ALL`].
    pub kills: [u64; Kill::ALL.len()],
    /// What stopped the last one, if none has started since.
    pub stopped_by: Option<Kill>,
    /// Instances evicted.
    pub evictions: u64,
    /// Lines of log dropped.
    pub logs_dropped: u64,
    /// Instances alive.
    pub instances: u32,
    /// Their heaps, as last looked at.
    pub heap_bytes: u64,
    /// Their memory outside the heaps, as last looked at.
    pub external_bytes: u64,
    /// The shard its requests go to.
    pub home: usize,
    /// Other apps' requests were taken away from behind it.
    pub hog: bool,
}

/// An instance, as its thread's place in a shard lists it.
pub(crate) struct Tenant {
    pub app: Arc<AppShared>,
    version: Arc<Version>,
    /// The version's, until the instance has ended.
    life: Mutex<Option<Arc<Life>>>,
    starting: AtomicBool,
    heap: AtomicU64,
    external: AtomicU64,
    /// Bytes of pages that its heap has taken, at any moment.
    pages: Arc<AtomicUsize>,
}

impl Tenant {
    pub(crate) fn new(app: &Arc<AppShared>, version: &Arc<Version>, life: Option<Arc<Life>>, pages: Arc<AtomicUsize>) -> Self {
        Self {
            app: app.clone(),
            version: version.clone(),
            life: life.into(),
            starting: AtomicBool::new(true),
            heap: AtomicU64::new(0),
            external: AtomicU64::new(0),
            pages,
        }
    }

    /// Bytes of pages that its heap holds, whatever it is at.
    pub(crate) fn pages(&self) -> u64 {
        self.pages.load(Ordering::Relaxed) as u64
    }

    /// It makes no more calls: it has ended, or its thread will not go on.
    pub(crate) fn end(&self) {
        let life = lock(&self.life).take();
        drop(life);
    }

    /// It takes requests.
    pub(crate) fn set_started(&self) {
        self.starting.store(false, Ordering::Relaxed);
    }

    pub(crate) fn set_memory(&self, heap: u64, external: u64) {
        self.heap.store(heap, Ordering::Relaxed);
        self.external.store(external, Ordering::Relaxed);
    }
}

/// An instance that a shard holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Its app.
    pub app: String,
    /// Its start is not over.
    pub starting: bool,
    /// A newer version serves.
    pub retiring: bool,
    /// Its heap, as last looked at.
    pub heap_bytes: u64,
    /// Its memory outside the heap, as last looked at.
    pub external_bytes: u64,
}

/// What a shard's thread is running.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardTurn {
    /// Whose turn it is.
    pub app: String,
    /// Since when, in microseconds.
    pub age_us: u64,
    /// It has been told to stop.
    pub stopped: bool,
}

/// One shard at a moment, without what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardView {
    /// Its number.
    pub index: usize,
    /// The turn that runs.
    pub turn: Option<ShardTurn>,
    /// Requests that wait for it.
    pub queued: usize,
    /// Instances alive on its thread.
    pub instances: usize,
    /// Their heaps and what is outside, as last looked at.
    pub memory_bytes: u64,
    /// CPU time of its thread, in microseconds.
    pub cpu_us: u64,
    /// Threads it has lost.
    pub lost: u32,
    /// Other shards move its connections, because its thread cannot.
    pub stuck: bool,
}

/// One shard at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardReport {
    /// The shard itself.
    pub view: ShardView,
    /// What it holds.
    pub residents: Vec<Resident>,
}

/// What all runtimes of the process share, and how much of it there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceilings {
    /// Bytes that all heaps hold.
    pub heaps_bytes: u64,
    /// Bytes that they may hold.
    pub heaps_bytes_max: u64,
    /// Bytes that the machine code of all instances holds.
    pub code_bytes: u64,
    /// Bytes that it may hold.
    pub code_bytes_max: u64,
    /// Instances alive.
    pub instances: u64,
    /// Instances that there may be.
    pub instances_max: u64,
    /// Threads given up.
    pub lost_threads: u64,
    /// Threads that may be.
    pub lost_threads_max: u64,
    /// Bytes of heaps that are lost with them.
    pub lost_heap_bytes: u64,
}

impl Runtime {
    /// All apps at this moment, in no order.
    pub fn apps(&self) -> Vec<AppReport> {
        let inner = self.inner();
        let memory = inner.memory_by_app();
        inner.named_apps().iter().map(|app| app.report(inner, memory.get(&app.key).copied().unwrap_or_default())).collect()
    }

    /// All shards at this moment, with what they hold.
    pub fn shards(&self) -> Vec<ShardReport> {
        self.inner().shards.iter().map(|shard| ShardReport { view: shard.view(), residents: shard.residents() }).collect()
    }

    /// All shards at this moment, without what they hold.
    pub fn shard_views(&self) -> Vec<ShardView> {
        self.inner().shards.iter().map(|shard| shard.view()).collect()
    }

    /// The apps that have broken threads which are lost, in no order.
    pub fn culprits(&self) -> Vec<String> {
        self.inner().culprits.names()
    }

    /// How near the process is to what it cannot go beyond.
    pub fn ceilings(&self) -> Ceilings {
        let ((heaps, heaps_max), (code, code_max)) = (heaps_fill(), code_fill());
        Ceilings {
            heaps_bytes: heaps as u64,
            heaps_bytes_max: heaps_max as u64,
            code_bytes: code as u64,
            code_bytes_max: code_max as u64,
            instances: admission::instances() as u64,
            instances_max: admission::instances_max(self.inner().limits.instances) as u64,
            lost_threads: admission::lost_threads() as u64,
            lost_threads_max: u64::from(LOST_THREADS_MAX),
            lost_heap_bytes: self.inner().culprits.heap_bytes(),
        }
    }
}

impl App {
    /// The app at this moment.
    pub fn report(&self) -> AppReport {
        let memory = self.inner.memory_by_app().get(&self.shared.key).copied().unwrap_or_default();
        self.shared.report(&self.inner, memory)
    }
}

/// What the instances of an app hold together.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Holding {
    instances: u32,
    starting: u32,
    heap: u64,
    external: u64,
}

impl Inner {
    pub(super) fn memory_by_app(&self) -> HashMap<u64, Holding> {
        let mut all: HashMap<u64, Holding> = HashMap::new();
        for seat in self.shards.iter().filter_map(|shard| shard.seat()) {
            seat.each_tenant(|tenant| {
                let holding = all.entry(tenant.app.key).or_default();
                holding.instances += 1;
                holding.starting += u32::from(tenant.starting.load(Ordering::Relaxed));
                holding.heap += tenant.heap.load(Ordering::Relaxed);
                holding.external += tenant.external.load(Ordering::Relaxed);
            });
        }
        all
    }
}

impl AppShared {
    fn report(&self, inner: &Inner, holding: Holding) -> AppReport {
        let stats = self.stats();
        let mut totals = Totals::default();
        let meter = self.meter_if_any();
        if let Some(meter) = meter {
            totals.add(meter);
        }
        let stopped_by = meter.and_then(super::Meter::stopped_by);
        AppReport {
            name: self.name.clone(),
            state: self.state(inner, &stats, holding, stopped_by),
            stats,
            outcomes: totals.outcomes,
            durations: totals.durations,
            ended_ms: meter.map(super::Meter::ended_ms).filter(|ended_ms| *ended_ms > 0),
            kills: totals.kills,
            stopped_by,
            evictions: totals.evictions,
            logs_dropped: totals.logs_dropped,
            instances: holding.instances,
            heap_bytes: holding.heap,
            external_bytes: holding.external,
            home: inner.home(self),
            hog: inner.is_hog(self),
        }
    }

    fn state(&self, inner: &Inner, stats: &AppStats, holding: Holding, stopped_by: Option<Kill>) -> AppState {
        if self.draining.load(Ordering::Relaxed) {
            AppState::Draining
        } else if inner.is_quarantined(self) {
            AppState::Quarantined
        } else if stats.in_flight > 0 {
            AppState::Busy
        } else if holding.instances > holding.starting {
            AppState::Warm
        } else if holding.starting > 0 {
            AppState::Starting
        } else if stopped_by.is_some_and(|why| why != Kill::Operator) {
            AppState::Condemned
        } else {
            AppState::Cold
        }
    }
}

impl Shard {
    fn view(&self) -> ShardView {
        let seat = self.seat();
        let (mut instances, mut memory_bytes) = (0, 0);
        if let Some(seat) = &seat {
            seat.each_tenant(|tenant| {
                instances += 1;
                memory_bytes += tenant.heap.load(Ordering::Relaxed) + tenant.external.load(Ordering::Relaxed);
            });
        }
        let turn = seat.as_ref().and_then(|seat| {
            let turn = seat.view()?;
            let app = seat.app()?.name.clone();
            Some(ShardTurn { app, age_us: time::monotonic_ns().saturating_sub(turn.times.started_ns) / 1_000, stopped: turn.stopped })
        });
        ShardView {
            index: self.index,
            turn,
            queued: self.queued(),
            instances,
            memory_bytes,
            cpu_us: seat.as_ref().map_or(0, |seat| seat.cpu_ns() / 1_000),
            lost: seat.as_ref().map_or(0, |seat| seat.incarnation),
            stuck: self.is_stuck(),
        }
    }

    fn residents(&self) -> Vec<Resident> {
        let mut residents = Vec::new();
        if let Some(seat) = self.seat() {
            seat.each_tenant(|tenant| {
                residents.push(Resident {
                    app: tenant.app.name.clone(),
                    starting: tenant.starting.load(Ordering::Relaxed),
                    retiring: !Arc::ptr_eq(&tenant.version, &tenant.app.version()),
                    heap_bytes: tenant.heap.load(Ordering::Relaxed),
                    external_bytes: tenant.external.load(Ordering::Relaxed),
                });
            });
        }
        residents
    }
}
