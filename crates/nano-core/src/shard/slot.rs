//! An instance as its shard keeps it.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::limits::FRESH_HEAP_BYTES;
use nano_base::status::Result;
use nano_engine::Instance;

use super::admission::Permit;
use super::link::Link;
use crate::app::AppShared;
use crate::observe::Tenant;
use crate::request::Work;
use crate::wait::Slot as Ticket;

/// How far an instance has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// A top-level `await` is pending; who waits for it.
    Starting(Option<Arc<Ticket<Result<()>>>>, Vec<Arc<Work>>),
    /// It takes requests.
    Warm,
}

/// One instance on its shard.
pub(super) struct Slot {
    pub instance: Instance,
    pub link: Rc<Link>,
    /// How others see it.
    pub tenant: Arc<Tenant>,
    pub phase: Phase,
    pub permit: Permit,
    /// A newer version serves: end when nothing is left to do.
    pub retiring: bool,
    /// In the queue of instances that have something to do.
    pub ready: bool,
    /// Since when it has had nothing to do, in the clock's milliseconds.
    pub idle_since_ms: u64,
    /// Visits since its memory was looked at.
    pub visits: u32,
}

/// An instance that waits to be disposed of.
pub(super) struct Buried {
    pub instance: Instance,
    pub app: Arc<AppShared>,
    pub permit: Permit,
}

impl Buried {
    /// What it holds until then.
    pub(super) fn bytes(&self) -> usize {
        self.instance.heap_pages().load(Ordering::Relaxed) + self.instance.external_used() + FRESH_HEAP_BYTES
    }

    /// Disposes of it.
    pub(super) fn dispose(self) {
        let Self { instance, app, permit } = self;
        app.left_behind.fetch_add(instance.dispose(), Ordering::Relaxed);
        drop(permit);
    }
}

impl Slot {
    /// Its start is over: from here on it is as good as any.
    pub(super) fn has_started(&self) {
        self.tenant.set_started();
        self.link.app.meter().started();
    }

    /// Whether sockets alone keep it alive.
    pub(super) fn is_idle_but_for_sockets(&self) -> bool {
        matches!(self.phase, Phase::Warm) && self.link.is_idle_but_for_sockets()
    }

    /// Whether debuggers look into it: it stays until they have gone, or look into another one.
    pub(super) fn is_looked_into(&self) -> bool {
        !self.retiring && self.instance.is_listening() && self.link.app.is_inspected()
    }

    /// Whether nothing keeps it alive.
    pub(super) fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Warm) && self.link.is_idle()
    }
}
