//! Starts V8 once per process, on a thread of our own, and never tears it down.
//!
//! The order matters: check the address space first (V8 aborts when it cannot reserve it), block signals before V8 makes
//! threads, use the *unprotected* platform (threads of the host that existed before V8 lack its protection-key rights).

use std::sync::Mutex;

use nano_base::limits::{ADDRESS_SPACE_BYTES, JS_STACK_BYTES};
use nano_base::status::{Error, Result, Status};
use nano_base::sys;

/// What can be chosen once per process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessOptions {
    /// Run without generating machine code, for kernels that forbid it.
    pub jitless: bool,
    /// More V8 flags, for experiments; not part of the stable interface.
    pub v8_flags: String,
    /// The most that all heaps of the process may use together; zero, and anything above it, is what V8 has for them.
    pub heaps_bytes: usize,
}

static STARTED: Mutex<Option<(ProcessOptions, Result<()>)>> = Mutex::new(None);

/// Starts V8; the second call with the same options answers as the first did, with others `ALREADY`.
pub fn start_process(options: &ProcessOptions) -> Result<()> {
    if sys::fork::is_child() {
        return Err(Error::new(Status::Forked, "this process is a fork of one that had started NANO; start it after the fork"));
    }
    let mut started = STARTED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    if let Some((first, result)) = &*started {
        if first != options && result.is_ok() {
            return Err(Error::new(Status::Already, "V8 is running with other options; they can be chosen once per process"));
        }
        return result.clone();
    }
    let result = check_address_space().and_then(|()| start_on_own_thread(options));
    if result.is_ok() {
        sys::fork::guard();
        *started = Some((options.clone(), Ok(())));
    }
    result
}

/// Refuses with a reason where V8 would abort.
fn check_address_space() -> Result<()> {
    if let Some(limit) = sys::memory::address_space_limit()
        && limit < ADDRESS_SPACE_BYTES as u64
    {
        return Err(Error::new(
            Status::AddressSpace,
            format!("the address-space limit (ulimit -v) is {} MiB; V8 needs {} MiB", limit >> 20, ADDRESS_SPACE_BYTES >> 20),
        ));
    }
    if !sys::memory::can_reserve(ADDRESS_SPACE_BYTES) {
        return Err(Error::new(
            Status::AddressSpace,
            format!("cannot reserve {} MiB of address space (vm.overcommit_memory=2 or a sandbox?)", ADDRESS_SPACE_BYTES >> 20),
        ));
    }
    Ok(())
}

fn start_on_own_thread(options: &ProcessOptions) -> Result<()> {
    let options = options.clone();
    let builder = std::thread::Builder::new().name("nano-init".into());
    // V8's own threads inherit its mask.
    let thread = sys::signals::blocked(|| builder.spawn(move || initialize(&options)));
    let joined = thread.map_err(|e| Error::new(Status::Io, format!("cannot start a thread: {e}")))?.join();
    joined.map_err(|_| Error::new(Status::Panic, "V8 did not start"))
}

fn initialize(options: &ProcessOptions) {
    v8::V8::set_flags_from_string(&flags(options));
    sys::malloc::install();
    super::loss::install();
    super::clock::install();
    super::caches::install();
    super::languages::install();
    super::native::install();
    super::json::install();
    super::locks::install();
    super::space::install();
    super::cage::install(options.heaps_bytes);
    super::pages::install();
    // Otherwise V8 reads 4 KiB of /dev/urandom for each of an isolate's seven generators: a twentieth of a start.
    v8::V8::set_entropy_source(fill_entropy);
    let platform = v8::new_custom_platform(1, false, true, super::tasks::Foreground).make_shared();
    v8::V8::initialize_platform(platform);
    v8::V8::initialize();
}

fn fill_entropy(bytes: &mut [u8]) -> bool {
    sys::random::fill(bytes);
    true
}

/// The flags of every process, each with its reason.
fn flags(options: &ProcessOptions) -> String {
    let mut flags = vec![
        // Host threads that existed before V8 have no rights to a protection key.
        "--no-memory-protection-keys".to_string(),
        // Every cycle is spent on the thread of the app that caused it: billed to it, ended with it, and a failure inside
        // V8 can only happen on a shard, which can be given up.
        "--single-threaded".to_string(),
        // Otherwise V8 aborts the process for one app that collects garbage in vain; the heap limit ends that app instead.
        "--no-detect-ineffective-gcs-near-heap-limit".to_string(),
        format!("--stack-size={}", JS_STACK_BYTES >> 10),
        // Pages of disposed isolates go back to the system, not into a pool: a quarter of their memory stayed otherwise.
        "--no-memory-pool-share-memory-on-teardown".to_string(),
        "--memory-pool-timeout=1".to_string(),
        // Baseline code is made in batches: with small ones every app that is used at all takes a page for code, of which there are 2,048.
        "--baseline-batch-compilation-threshold=32768".to_string(),
        // 32 MiB for each wasm memory: the external budget of an app.
        "--wasm-max-mem-pages=512".to_string(),
        "--wasm-enforce-bounds-checks".to_string(),
    ];
    if options.jitless {
        flags.push("--jitless".to_string());
    }
    flags.push(options.v8_flags.clone());
    flags.join(" ")
}
