//! The queue: events in batches, for one consumer at a time.

use std::mem::MaybeUninit;
use std::sync::{MutexGuard, TryLockError};
use std::time::Duration;

use nano_core::{Clock, Error, Result, Status};

use crate::event::nano_event;
use crate::guard;
use crate::runtime::{Consumer, nano_runtime};
use crate::status::nano_status;
use crate::types::array;

/// Takes up to capacity events; never blocks. How many is stored in count: with fewer than capacity the queue was empty.
/// Release them with nano_event_release. NANO_E_SHUTDOWN when the runtime is closed and nothing is left.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_poll(
    runtime: Option<&nano_runtime>,
    events: *mut nano_event,
    capacity: usize,
    count: Option<&mut MaybeUninit<usize>>,
) -> nano_status {
    guard::status(|| {
        let count = guard::out(count, "count")?.write(0);
        // SAFETY: the caller has room for `capacity` events.
        let into = unsafe { room(events, capacity) }?;
        let runtime = guard::handle(runtime, "runtime")?;
        let mut consumer = runtime.consume()?;
        // Before the look at the queue: what comes between both would be lost.
        let was_closed = runtime.bell.is_closed();
        *count = take(runtime, &mut consumer, into)?;
        if *count == 0 && was_closed { Err(consumer.end()) } else { Ok(Status::Ok) }
    })
}

/// Waits until there are events, then takes up to capacity of them: NANO_OK with at least one, or NANO_TIMEOUT when
/// timeout_ms has passed first. A negative timeout_ms waits without end. nano_runtime_close wakes it. Blocks.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn nano_wait(
    runtime: Option<&nano_runtime>,
    events: *mut nano_event,
    capacity: usize,
    timeout_ms: i32,
    count: Option<&mut MaybeUninit<usize>>,
) -> nano_status {
    guard::status(|| {
        let count = guard::out(count, "count")?.write(0);
        // SAFETY: the caller has room for `capacity` events.
        let into = unsafe { room(events, capacity) }?;
        let runtime = guard::handle(runtime, "runtime")?;
        let mut consumer = runtime.consume()?;
        let clock = Clock::system();
        let deadline_ms = u64::try_from(timeout_ms).ok().map(|timeout_ms| clock.now_ms() + timeout_ms);
        loop {
            let (rings, was_closed) = (runtime.bell.rings(), runtime.bell.is_closed());
            *count = take(runtime, &mut consumer, into)?;
            if *count > 0 {
                return Ok(Status::Ok);
            }
            if was_closed {
                return Err(consumer.end());
            }
            let left = deadline_ms.map(|deadline_ms| Duration::from_millis(deadline_ms.saturating_sub(clock.now_ms())));
            if !runtime.bell.wait(rings, left) {
                return Ok(Status::Timeout);
            }
        }
    })
}

impl nano_runtime {
    /// The right to consume, for as long as the guard lives.
    fn consume(&self) -> Result<MutexGuard<'_, Consumer>> {
        match self.consumer.try_lock() {
            Ok(consumer) => Ok(consumer),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(Status::Busy, "another thread is polling this runtime: its queue has one consumer at a time"))
            }
        }
    }
}

impl Consumer {
    /// From now on nothing comes, also of what is loaded later: the host counts on it.
    fn end(&mut self) -> Error {
        self.has_ended = true;
        Error::new(Status::Shutdown, "the runtime is closed and its queue is empty")
    }
}

/// Moves what waits into the caller's room, as far as it goes.
fn take(runtime: &nano_runtime, consumer: &mut Consumer, into: &mut [MaybeUninit<nano_event>]) -> Result<usize> {
    if consumer.has_ended {
        return Ok(0);
    }
    let mut taken = 0;
    if cfg!(debug_assertions) && !consumer.taught {
        consumer.taught = true;
        into[0].write(nano_event::from_the_future());
        taken = 1;
    }
    if taken < into.len() {
        runtime.core.poll(into.len() - taken, &mut consumer.events)?;
    }
    for event in consumer.events.drain(..) {
        into[taken].write(nano_event::from_core(event));
        taken += 1;
    }
    Ok(taken)
}

/// The caller's room for events.
///
/// # Safety
///
/// `events` must point to room for `capacity` events that nobody else uses for `'a`.
unsafe fn room<'a>(events: *mut nano_event, capacity: usize) -> Result<&'a mut [MaybeUninit<nano_event>]> {
    if capacity == 0 {
        return Err(guard::invalid("capacity is 0"));
    }
    let events = events.cast::<MaybeUninit<nano_event>>();
    // SAFETY: only to check it; uninitialised is a value of the element type.
    unsafe { array(events, capacity, "events") }?;
    // SAFETY: the caller's promise, and what `array` has checked.
    Ok(unsafe { std::slice::from_raw_parts_mut(events, capacity) })
}
