//! Signals belong to the host. Threads of NANO block every asynchronous one, and no handler is ever installed. One exception is made for
//! debuggers, which the host has asked for: V8's profiler, while one of them profiles, stops its thread by SIGPROF to look at its stack.

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

/// Lets the calling thread be looked at by V8's profiler.
pub fn allow_profiler() {
    // SAFETY: the set is initialised by sigemptyset before use, and changing the calling thread's own mask has no other effect.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGPROF);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, std::ptr::null_mut());
    }
}
