//! Which apps there are: loading them, finding them by their names, and the taking of names from one another.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::status::{Error, Result, Status};

use super::{Inner, Runtime};
use crate::app::{App, AppOptions, AppShared};
use crate::observe::Totals;
use crate::prepared::Prepared;
use crate::shard::Command;
use crate::version::{Life, Version};
use crate::wait::lock;

impl Runtime {
    /// Loads an app: reads, compiles and starts it, or explains why not. Blocks.
    pub fn load(&self, options: AppOptions) -> Result<App> {
        let life = Life::begin(&self.inner, options.user_data);
        self.inner.check_open()?;
        self.load_for(Prepared::read(options)?, life)
    }

    /// The same with an app that has been read already.
    pub fn load_prepared(&self, prepared: Prepared) -> Result<App> {
        let life = Life::begin(&self.inner, prepared.version.user_data);
        self.load_for(prepared, life)
    }

    fn load_for(&self, prepared: Prepared, life: Option<Arc<Life>>) -> Result<App> {
        let inner = &self.inner;
        inner.check_open()?;
        let lazy = prepared.lazy;
        let shared = self.share(prepared, life);
        inner.register(&shared)?;
        let version = shared.version();
        let started =
            inner.check_consumers(&shared, &version, &[]).and_then(|()| if lazy { Ok(()) } else { inner.try_start(&shared, &version) });
        let followed = started.and_then(|()| inner.follow(&shared));
        let is_late = || inner.is_closed().then(|| Error::new(Status::Shutdown, "the runtime has been freed"));
        if let Some(error) = followed.err().or_else(is_late) {
            inner.give_up(&shared, &error);
            return Err(error);
        }
        inner.app_event(&shared.name, "loaded", "");
        Ok(App { shared, inner: inner.clone() })
    }

    /// Loads apps that may have the names of others, which lose them: all of them start, or nothing changes and the error says which one did
    /// not. What was `of` these apps goes on with the requests it has, and with those that its [`App`] is given, until it is unloaded.
    pub fn load_in_place(&self, prepared: Vec<Prepared>, of: &[App]) -> std::result::Result<Vec<App>, (usize, Error)> {
        let inner = &self.inner;
        // Whatever becomes of them, the host hears the end of each.
        let lives: Vec<_> = prepared.iter().map(|prepared| Life::begin(inner, prepared.version.user_data)).collect();
        let others: Vec<u64> = of.iter().map(|app| app.shared.key).collect();
        let mut begun: Vec<Arc<AppShared>> = Vec::new();
        let mut begin = |(prepared, life): (Prepared, Option<Arc<Life>>)| {
            inner.check_open()?;
            let lazy = prepared.lazy;
            let shared = self.share(prepared, life);
            let version = shared.version();
            let together = check_together(&shared, &version, &begun);
            begun.push(shared.clone());
            together?;
            inner.check_consumers(&shared, &version, &others)?;
            if lazy { Ok(()) } else { inner.try_start(&shared, &version) }
        };
        let failed = prepared.into_iter().zip(lives).enumerate().find_map(|(index, one)| Some((index, begin(one).err()?)));
        let failed = failed.or_else(|| inner.serve_in_place(&begun, &others).err());
        if let Some((index, error)) = failed {
            begun.iter().for_each(|shared| inner.give_up(shared, &error));
            return Err((index, error));
        }
        of.iter().for_each(|app| inner.end_events(&app.shared));
        for shared in &begun {
            inner.look_at_queues_of(&shared.version());
            inner.app_event(&shared.name, "loaded", "");
        }
        Ok(begun.into_iter().map(|shared| App { shared, inner: inner.clone() }).collect())
    }

    fn share(&self, prepared: Prepared, life: Option<Arc<Life>>) -> Arc<AppShared> {
        let inner = &self.inner;
        let Prepared { name, version, .. } = prepared;
        let key = inner.next_app.fetch_add(1, Ordering::Relaxed);
        let home = inner.next_home.fetch_add(1, Ordering::Relaxed) % inner.working;
        let version = version.living(life.as_ref());
        Arc::new(AppShared::new(key, name, version, life, home))
    }

    /// The app with this name.
    pub fn find(&self, name: &str) -> Option<App> {
        self.inner.find(name).map(|shared| App { shared, inner: self.inner.clone() })
    }
}

impl Inner {
    /// Of an app that has not come to serve: whoever has found it meanwhile may have asked it for something, or be reloading it. Nothing of
    /// it stays.
    fn give_up(&self, shared: &Arc<AppShared>, error: &Error) {
        let key = shared.key;
        shared.draining.store(true, Ordering::Release);
        self.end_all(|work| (work.app.key == key).then(|| error.clone()));
        self.forget(shared);
        shared.retire();
        self.tell_shards(|| Command::Refuse(key, error.clone()));
        self.tell_shards(|| Command::Evict(key, error.clone(), Arc::default()));
    }

    /// An app that has been loaded has its events: those of the version that serves, which may be another by now.
    fn follow(self: &Arc<Self>, shared: &Arc<AppShared>) -> Result<()> {
        let version = {
            let _changing = lock(&shared.changing);
            shared.check_open()?;
            let version = shared.version();
            self.take_queues(&[(shared, &version)], &[], || Ok(())).map_err(|(_, error)| error)?;
            self.follow_crons(shared, &version);
            version
        };
        self.look_at_queues_of(&version);
        Ok(())
    }

    /// Registers apps and gives them their events, in place of others: all, or none, and which of them it is that cannot be.
    fn serve_in_place(&self, all: &[Arc<AppShared>], others: &[u64]) -> std::result::Result<(), (usize, Error)> {
        // As soon as one is registered it may be reloaded.
        let _changing: Vec<_> = all.iter().map(|shared| lock(&shared.changing)).collect();
        let versions: Vec<_> = all.iter().map(|shared| shared.version()).collect();
        let pairs: Vec<_> = all.iter().zip(&versions).map(|(shared, version)| (shared, &**version)).collect();
        self.take_queues(&pairs, others, || self.register_in_place(all, others))?;
        pairs.iter().for_each(|(shared, version)| self.follow_crons(shared, version));
        Ok(())
    }

    /// Registers apps by the names of others, by their keys, or by free ones: all, or none, and which of them it is that cannot be.
    fn register_in_place(&self, all: &[Arc<AppShared>], others: &[u64]) -> std::result::Result<(), (usize, Error)> {
        let mut apps = self.apps.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if self.is_closed() {
            return Err((0, Error::new(Status::Shutdown, "the runtime has been freed")));
        }
        let room = (self.limits.apps as usize).saturating_sub(apps.len());
        if all.len() > room {
            return Err((room, Error::new(Status::Capacity, format!("{} apps are registered (limit apps)", apps.len()))));
        }
        let is_taken = |shared: &Arc<AppShared>| apps.get(&shared.name).is_some_and(|found| !others.contains(&found.key));
        if let Some(index) = all.iter().position(is_taken) {
            return Err((index, Error::new(Status::Busy, format!("there is an app named \"{}\" already", all[index].name))));
        }
        let lost: Vec<String> = apps.iter().filter(|(_, app)| others.contains(&app.key)).map(|(name, _)| name.clone()).collect();
        for name in lost {
            if let Some(other) = apps.remove(&name) {
                apps.insert(nameless(&other), other);
            }
        }
        apps.extend(all.iter().map(|shared| (shared.name.clone(), shared.clone())));
        Ok(())
    }

    fn register(&self, shared: &Arc<AppShared>) -> Result<()> {
        let mut apps = self.apps.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        if apps.len() >= self.limits.apps as usize {
            return Err(Error::new(Status::Capacity, format!("{} apps are registered (limit apps)", apps.len())));
        }
        if apps.contains_key(&shared.name) {
            return Err(Error::new(
                Status::Busy,
                format!("there is an app named \"{}\" already: reload it, or unload it first", shared.name),
            ));
        }
        apps.insert(shared.name.clone(), shared.clone());
        Ok(())
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<AppShared>> {
        self.apps.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(name).cloned()
    }

    /// Takes an app out of the registry.
    pub(crate) fn forget(&self, shared: &Arc<AppShared>) {
        let mut apps = self.apps.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        let names = [shared.name.clone(), nameless(shared)];
        let name = names.iter().find(|name| apps.get(*name).is_some_and(|found| found.key == shared.key));
        if let Some(name) = name {
            apps.remove(name);
            let mut past = lock(&self.past);
            past.cpu_ns += shared.cpu.take_over();
            if let Some(meter) = shared.meter_if_any() {
                past.add(meter);
            }
        }
        drop(apps);
        self.end_events(shared);
        self.caches.forget(shared.key);
    }

    /// Bills an app for CPU time, also one that is gone: somebody may still see to what it has left.
    pub(crate) fn bill(&self, app: &AppShared, used_ns: u64) {
        if app.cpu.add(used_ns) {
            lock(&self.past).cpu_ns += used_ns;
        }
    }

    pub(crate) fn app_list(&self) -> Vec<Arc<AppShared>> {
        self.apps.read().unwrap_or_else(|poisoned| poisoned.into_inner()).values().cloned().collect()
    }

    /// Those of them that have a name.
    pub(crate) fn named_apps(&self) -> Vec<Arc<AppShared>> {
        let apps = self.apps.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        apps.iter().filter(|(name, app)| **name == app.name).map(|(_, app)| app.clone()).collect()
    }

    /// Adds up what apps have counted, those that are gone among them.
    pub(crate) fn sum_up(&self, mut add: impl FnMut(&AppShared, &mut Totals)) -> Totals {
        // An app goes from one to the other under both locks.
        let apps = self.apps.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        let mut totals = *lock(&self.past);
        apps.values().for_each(|app| add(app, &mut totals));
        totals
    }
}

/// Refuses an app that is loaded together with others and would take the name or the queue of one of them.
fn check_together(app: &AppShared, version: &Version, others: &[Arc<AppShared>]) -> Result<()> {
    if others.iter().any(|other| other.name == app.name) {
        return Err(Error::new(Status::Busy, format!("two of the apps are named \"{}\"", app.name)));
    }
    for other in others {
        let theirs = other.version();
        let shared = version.consumers.iter().find(|own| theirs.consumers.iter().any(|other| other.queue == own.queue));
        if let Some(consumer) = shared {
            let why = format!("the queue \"{}\" has a consumer already, the app \"{}\"", consumer.queue, other.name);
            return Err(Error::new(Status::Busy, why));
        }
    }
    Ok(())
}

/// What stands for the name of an app that has lost it, in a form that no name has.
fn nameless(shared: &AppShared) -> String {
    format!("{}\0{}", shared.name, shared.key)
}
