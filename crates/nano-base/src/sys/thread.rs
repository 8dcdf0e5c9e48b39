//! Threads as the watchdog sees them: their CPU clocks and their priority.

/// The CPU clock of one thread, readable from any other. After the thread has gone it reads zero.
#[derive(Clone, Copy, Debug)]
pub struct CpuClock(libc::clockid_t);

impl CpuClock {
    /// The clock of the calling thread.
    pub fn of_this_thread() -> Self {
        let mut id: libc::clockid_t = 0;
        // SAFETY: `pthread_self` is always valid for the calling thread and `id` is ours to fill.
        let failed = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), &mut id) };
        Self(if failed == 0 { id } else { libc::CLOCK_THREAD_CPUTIME_ID })
    }

    /// CPU time used so far, in nanoseconds.
    pub fn now_ns(self) -> u64 {
        super::time::read(self.0)
    }
}

/// CPU time of the calling thread, in nanoseconds.
pub fn cpu_ns() -> u64 {
    super::time::read(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// CPU time of all threads of this process, in nanoseconds.
pub fn process_cpu_ns() -> u64 {
    super::time::read(libc::CLOCK_PROCESS_CPUTIME_ID)
}

/// The kernel's id of the calling thread.
pub fn id() -> i32 {
    // SAFETY: gettid takes nothing and cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as i32 }
}

/// Lets a thread run only when nothing else wants the core. Best effort: a host that forbids it loses fairness, not safety.
pub fn make_idle(thread: i32) {
    // SAFETY: the parameter is valid for the call; a thread that has gone is an error that is ignored on purpose.
    unsafe {
        let none: libc::sched_param = std::mem::zeroed();
        libc::sched_setscheduler(thread, libc::SCHED_IDLE, &none);
    }
}

/// Cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}
