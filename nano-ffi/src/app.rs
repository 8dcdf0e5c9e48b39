//! Apps: loading, replacing and unloading them.

use std::mem::MaybeUninit;
use std::time::Duration;

use nano_core::{App, AppStats, Error, Status};

use crate::error::nano_error;
use crate::guard;
use crate::open::{self, Open};
use crate::options::nano_app_options;
use crate::runtime::nano_runtime;
use crate::status::nano_status;
use crate::types::nano_bytes;

/// A handle of a loaded app. The app itself lives in its runtime until it is unloaded, however many handles there are.
pub struct nano_app(pub(crate) App);

/// What an app has used since it was loaded. Begin with NANO_APP_COUNTERS_INIT.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_app_counters {
    /// sizeof(nano_app_counters).
    pub size: usize,
    /// Requests and invocations accepted.
    pub requests: u64,
    /// Of these, still waiting or running.
    pub in_flight: u64,
    /// Ended with an error.
    pub errors: u64,
    /// CPU time of all starts and turns, also of those after a request's end, and of its sockets.
    pub cpu_us: u64,
    /// Instances started.
    pub starts: u64,
    /// Instances that broke a limit.
    pub condemned: u64,
    /// Threads the app broke.
    pub strikes: u64,
    /// Versions loaded.
    pub versions: u64,
    /// Bytes of bodies between you and the app that the other side has not taken yet.
    pub waiting_bytes: u64,
    /// Scheduled events that were due and did not take place: the one before had not ended, or there was no room.
    pub skipped: u64,
    /// Events that a tail consumer was not told of, because it was not there or too slow.
    pub untold: u64,
}

// SAFETY: integers only, without padding.
unsafe impl Open for nano_app_counters {
    const NAME: &'static str = "nano_app_counters";
}

/// Loads an app: reads, compiles and starts it, or explains why not, with file, line and column. NANO_E_BUSY if there is
/// one of this name. Blocks.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_app_load(
    runtime: Option<&nano_runtime>,
    options: *const nano_app_options,
    app: Option<&mut MaybeUninit<Option<Box<nano_app>>>>,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    guard::explained(error, || {
        let app = guard::out(app, "app")?.write(None);
        let runtime = guard::handle(runtime, "runtime")?;
        // SAFETY: the caller's struct has as many bytes as its size says.
        let given = unsafe { open::read_known(options) }?;
        // SAFETY: the same, and its pointers are valid for the call.
        let read = unsafe { open::check_tail(options).and_then(|()| given.to_core()) };
        let read = read.inspect_err(|_| runtime.core.version_refused(given.user_data as usize as u64))?;
        *app = Some(Box::new(nano_app(runtime.core.load(read)?)));
        Ok(Status::Ok)
    })
}

/// Loads a new version of the app: its name stays, whatever options says. The old version serves until the new one has
/// started, finishes what it began, and goes on serving if the new one does not start. Blocks.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_app_reload(
    app: Option<&nano_app>,
    options: *const nano_app_options,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    guard::explained(error, || {
        let app = guard::handle(app, "app")?;
        // SAFETY: the caller's struct has as many bytes as its size says.
        let mut given = unsafe { open::read_known(options) }?;
        given.name = nano_bytes::of(app.0.name().as_bytes());
        // SAFETY: the same, and its pointers are valid for the call.
        let read = unsafe { open::check_tail(options).and_then(|()| given.to_core()) };
        app.0.reload(read.inspect_err(|_| app.0.version_refused(given.user_data as usize as u64))?)?;
        Ok(Status::Ok)
    })
}

/// Takes no new requests, lets those in flight end within grace_ms, ends the rest with NANO_E_DRAINING, and forgets the
/// app: its name is free again. The handle is still yours to free. NANO_TIMEOUT if an instance could not be stopped yet.
/// Blocks.
#[unsafe(no_mangle)]
pub extern "C" fn nano_app_unload(
    app: Option<&nano_app>,
    grace_ms: u32,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    guard::explained(error, || {
        guard::handle(app, "app")?.0.unload(Duration::from_millis(grace_ms.into()))?;
        Ok(Status::Ok)
    })
}

/// Ends the app's instances now, in the middle of what they do: requests that it has end with NANO_E_CANCELED, and the next
/// one starts a fresh instance. How many there were is stored in instances, which may be NULL. NANO_TIMEOUT if one could
/// not be stopped yet. Blocks.
#[unsafe(no_mangle)]
pub extern "C" fn nano_app_kill(
    app: Option<&nano_app>,
    instances: Option<&mut MaybeUninit<u32>>,
    error: Option<&mut MaybeUninit<Option<Box<nano_error>>>>,
) -> nano_status {
    guard::explained(error, || {
        let instances = instances.map(|instances| instances.write(0));
        let killed = guard::handle(app, "app")?.0.kill()?;
        if let Some(instances) = instances {
            *instances = killed;
        }
        Ok(Status::Ok)
    })
}

/// A handle of the app with this name; free it with nano_app_free. NANO_E_NOT_FOUND if there is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_app_find(
    runtime: Option<&nano_runtime>,
    name: nano_bytes,
    app: Option<&mut MaybeUninit<Option<Box<nano_app>>>>,
) -> nano_status {
    guard::status(|| {
        let app = guard::out(app, "app")?.write(None);
        // SAFETY: the caller lends the name for the call.
        let name = unsafe { name.text("name") }?;
        let found = guard::handle(runtime, "runtime")?.core.find(name);
        let found = found.ok_or_else(|| Error::new(Status::NotFound, "there is no app of this name"))?;
        *app = Some(Box::new(nano_app(found)));
        Ok(Status::Ok)
    })
}

/// The app's name.
#[unsafe(no_mangle)]
pub extern "C" fn nano_app_name(app: Option<&nano_app>) -> nano_bytes {
    guard::read(app, nano_bytes::EMPTY, |app| nano_bytes::of(app.0.name().as_bytes()))
}

/// What the app has used. counters begins with NANO_APP_COUNTERS_INIT.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_app_stats(app: Option<&nano_app>, counters: *mut nano_app_counters) -> nano_status {
    guard::status(|| {
        let stats = guard::handle(app, "app")?.0.stats();
        // SAFETY: the caller's struct has as many bytes as its size says.
        unsafe { open::write(counters, &nano_app_counters::of(&stats)) }?;
        Ok(Status::Ok)
    })
}

/// Frees the handle. The app goes on serving: it ends with nano_app_unload or with its runtime.
#[unsafe(no_mangle)]
pub extern "C" fn nano_app_free(app: Option<Box<nano_app>>) {
    guard::free(app);
}

impl nano_app_counters {
    fn of(stats: &AppStats) -> Self {
        // A counter that the core gains and this does not copy stops the build.
        let AppStats { requests, in_flight, errors, cpu_us, starts, condemned, strikes, versions, waiting_bytes, skipped, untold } = *stats;
        Self {
            size: size_of::<Self>(),
            requests,
            in_flight,
            errors,
            cpu_us,
            starts,
            condemned,
            strikes: strikes.into(),
            versions,
            waiting_bytes,
            skipped,
            untold,
        }
    }
}
