//! Memory that belongs to an app but lives outside its heap: every byte is counted before it is allocated.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use nano_base::spare;

use super::pages;
use crate::isolate::state::State;

/// What one instance holds outside the JavaScript heap, and the most it may.
#[derive(Debug, Default)]
pub struct Budget {
    used: AtomicUsize,
    max: AtomicUsize,
    /// Of what is used, the part of texts and objects of languages.
    languages: AtomicUsize,
    /// Wasm memories and resizable buffers, whose address space is reserved.
    reservations: AtomicUsize,
}

impl Budget {
    /// A budget of `max` bytes, unused.
    pub fn new(max: usize) -> Arc<Self> {
        Arc::new(Self { max: AtomicUsize::new(max), ..Self::default() })
    }

    /// Takes `bytes` if they fit.
    #[must_use]
    pub fn take(&self, bytes: usize) -> bool {
        let max = self.max.load(Ordering::Relaxed);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| used.checked_add(bytes).filter(|sum| *sum <= max)).is_ok()
    }

    /// Takes `bytes` though they may not fit: for what may not fail, and is bounded by something else.
    pub fn overdraw(&self, bytes: usize) {
        self.used.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives `bytes` back.
    pub fn give(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Takes `bytes` for languages: V8 does not bear a refusal.
    pub(super) fn overdraw_for_languages(&self, bytes: usize) {
        self.overdraw(bytes);
        self.languages.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Gives them back.
    pub(super) fn give_for_languages(&self, bytes: usize) {
        self.languages.fetch_sub(bytes, Ordering::Relaxed);
        self.give(bytes);
    }

    /// Bytes held for languages now.
    pub(crate) fn languages(&self) -> usize {
        self.languages.load(Ordering::Relaxed)
    }

    /// Bytes held now, but for those: V8 does not know of them.
    pub(crate) fn used_without_languages(&self) -> usize {
        self.used().saturating_sub(self.languages())
    }

    /// Whether languages alone have more than may be held.
    pub(crate) fn is_overdrawn_by_languages(&self) -> bool {
        self.languages() > self.max()
    }

    /// Takes one of `count_max` reservations, of something that will not become larger than all that may be held.
    #[must_use]
    pub fn reserve(&self, bytes: usize, count_max: usize) -> bool {
        let fits = bytes <= self.max.load(Ordering::Relaxed).next_multiple_of(RESERVATION_STEP);
        fits && self
            .reservations
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| (count < count_max).then_some(count + 1))
            .is_ok()
    }

    /// Gives a reservation back.
    pub fn unreserve(&self) {
        self.reservations.fetch_sub(1, Ordering::Relaxed);
    }

    /// Changes the most that may be held.
    pub fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    /// The most that may be held.
    pub fn max(&self) -> usize {
        self.max.load(Ordering::Relaxed)
    }

    /// Bytes held now.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }
}

/// The page of wasm, in which V8 reserves.
const RESERVATION_STEP: usize = 64 << 10;

/// The allocator of array buffers: refuses by budget, so that JavaScript sees a RangeError and V8 never sees a failure.
pub(crate) fn allocator(budget: &Arc<Budget>) -> v8::UniqueRef<v8::Allocator> {
    // SAFETY: the handle is one strong count of the Arc, returned by `drop_budget`; the functions match its type.
    unsafe { v8::new_rust_allocator(Arc::into_raw(budget.clone()), &VTABLE) }
}

static VTABLE: v8::RustAllocatorVtable<Budget> = v8::RustAllocatorVtable {
    allocate,
    // A guest must never see what another one left behind, so "uninitialized" memory is zeroed as well.
    allocate_uninitialized: allocate,
    free,
    drop: drop_budget,
};

unsafe extern "C" fn allocate(budget: &Budget, len: usize) -> *mut c_void {
    // V8 does not survive a failure when it gives a buffer to a typed array that it kept on the heap. The heap bounds their number.
    if len <= ON_HEAP_BYTES_MAX {
        budget.overdraw(len);
    } else {
        let fits = budget.take(len);
        pages::note(fits);
        if !fits {
            return std::ptr::null_mut();
        }
    }
    let Ok(layout) = std::alloc::Layout::from_size_align(len.max(1), 16) else {
        budget.give(len);
        return std::ptr::null_mut();
    };
    // SAFETY: the layout's size is never zero.
    let memory = unsafe { std::alloc::alloc_zeroed(layout) };
    if memory.is_null() {
        budget.give(len);
    }
    memory.cast()
}

unsafe extern "C" fn free(budget: &Budget, data: *mut c_void, len: usize) {
    budget.give(len);
    if let Ok(layout) = std::alloc::Layout::from_size_align(len.max(1), 16) {
        // SAFETY: `data` came from `allocate` with the same length.
        unsafe { std::alloc::dealloc(data.cast(), layout) };
    }
}

unsafe extern "C" fn drop_budget(budget: *const Budget) {
    // SAFETY: this is the strong count that `allocator` gave away.
    drop(unsafe { Arc::from_raw(budget) });
}

/// A `Uint8Array` over `bytes`, without a copy, counted in the budget; `None` if they do not fit, also after garbage was collected.
pub(crate) fn to_array<'s>(scope: &mut v8::PinScope<'s, '_>, bytes: Vec<u8>) -> Option<v8::Local<'s, v8::Uint8Array>> {
    let len = bytes.len();
    if len == 0 {
        let buffer = v8::ArrayBuffer::new(scope, 0);
        return v8::Uint8Array::new(scope, buffer, 0, 0);
    }
    let budget = State::of(scope)?.budget.clone();
    if !budget.take(len) {
        // Not where it can be of no use: a collection takes its time.
        if len > budget.max() {
            return None;
        }
        scope.low_memory_notification();
        if !budget.take(len) {
            return None;
        }
    }
    let owner = Box::new((bytes.into_boxed_slice(), budget));
    let data = owner.0.as_ptr() as *mut c_void;
    // SAFETY: the memory is owned by the box that `release` frees, once, when V8 is done with it.
    let store = unsafe { v8::ArrayBuffer::new_backing_store_from_ptr(data, len, release, Box::into_raw(owner).cast()) };
    let buffer = v8::ArrayBuffer::with_backing_store(scope, &store.make_shared());
    v8::Uint8Array::new(scope, buffer, 0, len)
}

unsafe extern "C" fn release(_data: *mut c_void, len: usize, owner: *mut c_void) {
    // SAFETY: `owner` is the box that `to_array` leaked for this call.
    let owner = unsafe { Box::from_raw(owner.cast::<(Box<[u8]>, Arc<Budget>)>()) };
    owner.1.give(len);
    spare::give(owner.0.into_vec());
}

/// V8 keeps typed arrays up to this on the heap, until somebody asks for their buffer.
const ON_HEAP_BYTES_MAX: usize = 64;

/// Lends the bytes of an array buffer or a view of one to `read`, which cannot run JavaScript; `None` for anything else.
pub(crate) fn with<T>(value: v8::Local<v8::Value>, read: impl FnOnce(&[u8]) -> T) -> Option<T> {
    let (data, len) = if let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
        if !view.has_buffer() {
            // It is small and on the heap, where a collection moves it. V8 would give it a buffer, or die if the budget has none.
            let mut copy = [0; ON_HEAP_BYTES_MAX];
            let copied = view.copy_contents(&mut copy);
            return Some(read(&copy[..copied]));
        }
        (view.data().cast::<u8>().cast_const(), view.byte_length())
    } else {
        let buffer = v8::Local::<v8::ArrayBuffer>::try_from(value).ok()?;
        (buffer.data().map_or(std::ptr::null(), |data| data.as_ptr().cast::<u8>().cast_const()), buffer.byte_length())
    };
    if len == 0 || data.is_null() {
        return Some(read(&[]));
    }
    // SAFETY: the memory is `len` bytes, and nothing changes it while no JavaScript runs: `read` has no scope to run any with.
    Some(read(unsafe { std::slice::from_raw_parts(data, len) }))
}

/// The same for a `read` that makes strings: it must run no JavaScript, and may let V8 allocate.
pub(crate) fn with_scope<'s, 'i, T>(
    scope: &mut v8::PinScope<'s, 'i>,
    value: v8::Local<v8::Value>,
    read: impl FnOnce(&mut v8::PinScope<'s, 'i>, &[u8]) -> T,
) -> Option<T> {
    // What `with` lends is off the heap, where a collection moves nothing.
    with(value, |bytes| read(scope, bytes))
}

/// The length of an array buffer or a view of one.
pub(crate) fn len(value: v8::Local<v8::Value>) -> Option<usize> {
    if let Ok(view) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
        return Some(view.byte_length());
    }
    v8::Local::<v8::ArrayBuffer>::try_from(value).ok().map(|buffer| buffer.byte_length())
}

/// The bytes of an array buffer or a view of one, copied; `None` for anything else.
pub(crate) fn from_value(value: v8::Local<v8::Value>) -> Option<Vec<u8>> {
    with(value, <[u8]>::to_vec)
}
