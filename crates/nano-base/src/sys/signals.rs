//! Signals belong to the host. Threads of NANO block every asynchronous one, and no handler is ever installed.

/// Blocks all asynchronous signals in the calling thread; threads it creates inherit that.
pub fn block_asynchronous() {
    // SAFETY: the set is initialised by sigfillset before use, and changing the calling thread's own mask has no other effect.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&mut set);
        for synchronous in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS] {
            libc::sigdelset(&mut set, synchronous);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &set, std::ptr::null_mut());
    }
}
