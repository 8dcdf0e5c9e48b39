//! Signals belong to the host. Threads of NANO block every asynchronous one, and no handler is ever installed. One exception is made for
//! debuggers, which the host has asked for: V8's profiler, while one of them profiles, stops its thread by SIGPROF to look at its stack.

/// Has `start` create a thread that has all asynchronous signals blocked, from its first moment on: one of the host's never comes to it. The
/// calling thread gets what comes meanwhile afterwards.
pub fn blocked<T>(start: impl FnOnce() -> T) -> T {
    let _before = Mask::block_asynchronous();
    start()
}

/// A thread's own mask as it was, which it gets back.
struct Mask(libc::sigset_t);

impl Mask {
    fn block_asynchronous() -> Self {
        // SAFETY: the set is initialised by sigfillset before use, the one before it by pthread_sigmask, and changing the calling thread's own
        // mask has no other effect.
        unsafe {
            let (mut set, mut before): (libc::sigset_t, libc::sigset_t) = (std::mem::zeroed(), std::mem::zeroed());
            libc::sigfillset(&mut set);
            for synchronous in [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGABRT, libc::SIGSYS] {
                libc::sigdelset(&mut set, synchronous);
            }
            libc::pthread_sigmask(libc::SIG_SETMASK, &set, &mut before);
            Self(before)
        }
    }
}

impl Drop for Mask {
    fn drop(&mut self) {
        // SAFETY: the set is the one that this thread had.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &self.0, std::ptr::null_mut()) };
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
