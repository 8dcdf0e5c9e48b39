//! Versions of apps: code and what it was given, read and checked; and until when they may call the host.

use std::collections::HashSet;
use std::sync::{Arc, Weak};

use nano_base::cron::Cron;
use nano_base::limits::{AppLimits, CLASS_MEMBERS_MAX, NAME_BYTES_MAX, START_WALL_MS};
use nano_base::status::{Error, Result, Status};
use nano_base::sys;
use nano_base::url::Url;
use nano_engine::{AppCode, AppSettings, Shape, Variables};
use nano_net::policy::{Mode, Policy};

use crate::app::AppOptions;
use crate::binding::{Binding, BindingKind};
use crate::event::{Event, Payload};
use crate::pipe::Held;
use crate::queue::{self, QueueConsumer};
use crate::runtime::Inner;
use crate::schedule;
use crate::shard::NETWORK;
use crate::tail;

/// One version: code and what it was given. Immutable.
pub(crate) struct Version {
    /// What the host knows it by, or zero.
    pub user_data: u64,
    life: Weak<Life>,
    pub code: Arc<AppCode>,
    pub env: Variables,
    pub bindings: Vec<Binding>,
    /// The bindings as JavaScript sees them.
    pub shapes: Vec<nano_engine::Binding>,
    pub random_seed: Option<u64>,
    pub host_files: bool,
    pub settings: AppSettings,
    /// Where it may connect to, unless a binding answers for the network.
    pub egress: Option<Arc<Policy>>,
    pub limits: AppLimits,
    pub crons: Vec<(String, Cron)>,
    pub consumers: Vec<QueueConsumer>,
    pub tail: Vec<String>,
}

impl Version {
    /// How long a start that awaits something may take, and which limit that is.
    pub(crate) fn start_wall(&self) -> (u32, &'static str) {
        let own = self.limits.wall_ms;
        if self.settings.program || own <= START_WALL_MS { (own, "wall_ms") } else { (START_WALL_MS, "start_wall_ms") }
    }

    /// Reads the source and checks env and names.
    pub(crate) fn new(options: AppOptions) -> Result<Self> {
        check_name(&options.name)?;
        check_env(&options)?;
        let settings = AppSettings {
            outbound: outbound(&options)?,
            base_url: base_url(&options)?,
            code_generation: options.code_generation,
            program: options.program,
        };
        let code = Arc::new(options.source.read(&options.name)?);
        let crons = schedule::read(&options.crons)?;
        check_queues(&options)?;
        tail::check(&options.tail)?;
        let shapes = options.bindings.iter().map(Binding::shape).collect();
        let egress = options.outbound.is_none().then(|| Arc::new(options.egress));
        let AppOptions { env, bindings, limits, random_seed, host_files, consumers, tail, user_data, .. } = options;
        let json = bindings.iter().filter_map(|binding| Some((binding.name.clone(), binding.json()?.to_string()))).collect();
        let env = Variables { texts: env, json };
        let life = Weak::new();
        Ok(Self { user_data, life, code, env, bindings, shapes, settings, random_seed, host_files, egress, limits, crons, consumers, tail })
    }

    /// The same with the life that it has.
    pub(crate) fn living(mut self, life: Option<&Arc<Life>>) -> Arc<Self> {
        self.life = life.map(Arc::downgrade).unwrap_or_default();
        Arc::new(self)
    }

    /// What may call the host, or holds what it was given by it, keeps its life. A version that has ended has no more instances.
    pub(crate) fn live(&self) -> Result<Option<Arc<Life>>> {
        match self.life.upgrade() {
            None if self.user_data != 0 => Err(Error::new(Status::Draining, "this version of the app has ended")),
            life => Ok(life),
        }
    }

    /// Whether it has.
    pub(crate) fn has_ended(&self) -> bool {
        self.user_data != 0 && self.life.strong_count() == 0
    }
}

/// The time in which the host may hear of a version: while it is being loaded, while its app serves by it, and while there is an instance of
/// it, or an object of the host's that one holds. When all of them have let go the host is told, after everything else of the version.
pub(crate) struct Life {
    inner: Weak<Inner>,
    user_data: u64,
}

impl Life {
    /// Of a version that the host wants to know the end of.
    pub(crate) fn begin(inner: &Arc<Inner>, user_data: u64) -> Option<Arc<Self>> {
        (user_data != 0).then(|| Arc::new(Self { inner: Arc::downgrade(inner), user_data }))
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        // In a forked child there is nobody who would tell of it.
        if let Some(inner) = self.inner.upgrade().filter(|_| !sys::fork::is_child()) {
            inner.queue.push(Event { id: 0, user_data: self.user_data, payload: Payload::VersionEnd }, Held::NONE);
            inner.ring_soon();
        }
    }
}

/// Refuses consumers that could not be, and more than one of a queue.
fn check_queues(options: &AppOptions) -> Result<()> {
    let mut names = HashSet::new();
    for consumer in &options.consumers {
        consumer.check()?;
        if !names.insert(&consumer.queue) {
            return Err(Error::new(Status::Invalid, format!("the app takes the queue \"{}\" twice", consumer.queue)));
        }
    }
    for binding in &options.bindings {
        if let BindingKind::Queue { queue } = &binding.kind {
            queue::check_name(queue)?;
        }
    }
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
        return Err(Error::new(Status::Invalid, format!("an app's name has 1 to {NAME_BYTES_MAX} bytes and no control characters")));
    }
    Ok(())
}

fn check_env(options: &AppOptions) -> Result<()> {
    let limits = &options.limits;
    let entries = options.env.len() + options.bindings.len();
    if entries > limits.env_entries as usize {
        return Err(Error::new(Status::Invalid, format!("env has {entries} entries; the limit env_entries is {}", limits.env_entries)));
    }
    let mut names = HashSet::new();
    for name in options.env.iter().map(|(name, _)| name).chain(options.bindings.iter().map(|binding| &binding.name)) {
        if name.is_empty() {
            return Err(Error::new(Status::Invalid, "an entry of env has no name"));
        }
        if !names.insert(name) {
            return Err(Error::new(Status::Invalid, format!("env has two entries named \"{name}\"")));
        }
    }
    for binding in &options.bindings {
        binding.check(CLASS_MEMBERS_MAX)?;
    }
    let json = options.bindings.iter().filter_map(|binding| Some((&binding.name, binding.json()?)));
    for (name, value) in options.env.iter().map(|(name, text)| (name, text.as_str())).chain(json) {
        let bytes = name.len() + value.len();
        if bytes > limits.env_entry_bytes as usize {
            let max = limits.env_entry_bytes;
            return Err(Error::new(Status::Invalid, format!("env.{name} has {bytes} bytes; the limit env_entry_bytes is {max}")));
        }
    }
    Ok(())
}

/// What answers the global `fetch`: a binding, by its index, or the network, unless all of it is forbidden.
fn outbound(options: &AppOptions) -> Result<Option<u32>> {
    let Some(name) = &options.outbound else {
        let is_closed = options.egress == Policy::new(Mode::Deny, Vec::new(), Vec::new());
        return Ok((!is_closed).then_some(NETWORK));
    };
    match options.bindings.iter().position(|binding| binding.name == *name && binding.shape().shape == Shape::Object) {
        Some(index) => Ok(Some(index as u32)),
        None => Err(Error::new(Status::Invalid, format!("outbound is \"{name}\", which is no binding of the app that can fetch"))),
    }
}

/// What relative URLs are relative to.
fn base_url(options: &AppOptions) -> Result<Option<String>> {
    match &options.base_url {
        Some(base) if Url::parse(base, None).is_none() => {
            Err(Error::new(Status::Invalid, format!("base_url, \"{base}\", is not an absolute URL")))
        }
        base => Ok(base.clone()),
    }
}
