//! What stands at every entry: a panic becomes a status and never unwinds into C, and a forked child is turned away.

use std::any::Any;
use std::mem::MaybeUninit;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nano_core::sys::fork;
use nano_core::{Error, Result, Status};

use crate::error::nano_error;
use crate::status::nano_status;

/// Where a function explains its failure; the caller may not want to know.
pub(crate) type ErrorOut<'a> = Option<&'a mut MaybeUninit<Option<Box<nano_error>>>>;

/// The end of an entry that answers with a status alone.
pub(crate) fn status(entry: impl FnOnce() -> Result<Status>) -> nano_status {
    run(entry).unwrap_or_else(|error| error.status).code()
}

/// The end of an entry that also explains itself; NULL is stored on success.
pub(crate) fn explained(out: ErrorOut<'_>, entry: impl FnOnce() -> Result<Status>) -> nano_status {
    let (status, error) = match run(entry) {
        Ok(status) => (status, None),
        Err(error) => (error.status, Some(Box::new(nano_error::new(error, None)))),
    };
    if let Some(out) = out {
        out.write(error);
    }
    status.code()
}

/// An accessor: it has no status, so a defect or NULL reads as `default`. Works in a forked child: it only reads memory.
pub(crate) fn read<'a, H, T>(handle: Option<&'a H>, default: T, entry: impl FnOnce(&'a H) -> T) -> T {
    let Some(handle) = handle else { return default };
    catch_unwind(AssertUnwindSafe(|| entry(handle))).unwrap_or(default)
}

/// The end of a `_free`. In a forked child the threads and heaps behind a handle are not there, so it is left alone.
pub(crate) fn free<T>(handle: T) {
    if fork::is_child() {
        std::mem::forget(handle);
    } else {
        let _ = catch_unwind(AssertUnwindSafe(|| drop(handle)));
    }
}

/// The handle, or the error for NULL.
pub(crate) fn handle<'a, T>(handle: Option<&'a T>, name: &str) -> Result<&'a T> {
    handle.ok_or_else(|| invalid(format!("{name} is NULL")))
}

/// The out-parameter, or the error for NULL.
pub(crate) fn out<'a, T>(out: Option<&'a mut MaybeUninit<T>>, name: &str) -> Result<&'a mut MaybeUninit<T>> {
    out.ok_or_else(|| invalid(format!("{name} is NULL; it is where the result goes")))
}

/// The error for a wrong argument.
pub(crate) fn invalid(message: impl Into<String>) -> Error {
    Error::new(Status::Invalid, message)
}

fn run(entry: impl FnOnce() -> Result<Status>) -> Result<Status> {
    if fork::is_child() {
        return Err(Error::new(Status::Forked, "this process is a fork of the one that started NANO: make runtimes after the fork"));
    }
    catch_unwind(AssertUnwindSafe(entry)).unwrap_or_else(|panic| Err(Error::new(Status::Panic, describe(&*panic))))
}

fn describe(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("a defect inside NANO was contained, please report it: {}", text.unwrap_or("no message"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{NANO_E_PANIC, NANO_OK};

    #[test]
    fn a_panic_becomes_a_status_and_an_error_that_says_so() {
        let mut error = MaybeUninit::uninit();
        let status = explained(Some(&mut error), || panic!("boom"));
        // SAFETY: `explained` has written it.
        let error = unsafe { error.assume_init() }.expect("an error");
        assert_eq!(status, NANO_E_PANIC);
        assert!(error.message().contains("boom"));
    }

    #[test]
    fn success_stores_no_error() {
        let mut error = MaybeUninit::new(Some(Box::new(nano_error::new(invalid("left over"), None))));
        assert_eq!(explained(Some(&mut error), || Ok(Status::Ok)), NANO_OK);
        // SAFETY: it was initialised above.
        assert!(unsafe { error.assume_init() }.is_none());
    }
}
