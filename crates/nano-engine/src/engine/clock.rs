//! The clock that `Date` reads: within a turn, time stands still (no timing attacks, repeatable runs).

use std::cell::Cell;

thread_local! {
    /// The time that JavaScript sees on this thread; NaN: the real one.
    static FROZEN_MS: Cell<f64> = const { Cell::new(f64::NAN) };
}

/// Stops the clock of the calling thread at a time since 1970.
pub(crate) fn freeze(unix_ms: f64) {
    FROZEN_MS.set(unix_ms);
}

/// Makes the linker keep the wrapped function.
pub(super) fn install() {
    std::hint::black_box(__wrap__ZN2v84base2OS17TimeCurrentMillisEv as *const () as usize);
}

/// Stands in for `v8::base::OS::TimeCurrentMillis` (the linker's `--wrap`).
#[unsafe(no_mangle)]
pub extern "C" fn __wrap__ZN2v84base2OS17TimeCurrentMillisEv() -> f64 {
    let frozen = FROZEN_MS.get();
    if frozen.is_nan() { (nano_base::sys::time::realtime_ns() / 1_000_000) as f64 } else { frozen }
}
