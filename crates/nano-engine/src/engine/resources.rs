//! Native state that JavaScript holds: hashers, keys, compressors, decoders. Each is freed when the object that stands for it is
//! collected, when it is released, or when its isolate ends, whichever comes first.
//!
//! The objects never reach an app: the platform keeps them in private fields.

use std::any::Any;
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use nano_base::numbers::Numbered;

use super::bytes::Budget;
use super::exceptions;
use crate::isolate::state::State;

/// All resources of one isolate, by number.
#[derive(Default)]
pub(crate) struct Resources {
    template: OnceCell<v8::Global<v8::ObjectTemplate>>,
    table: Rc<RefCell<Table>>,
}

#[derive(Default)]
struct Table {
    entries: Numbered<u32, Entry>,
    next: u32,
}

struct Entry {
    value: Rc<dyn Any>,
    charge: Charge,
    /// Frees the entry when its object is collected.
    _object: v8::Weak<v8::Object>,
}

impl Resources {
    /// Frees everything, before the isolate ends.
    pub(crate) fn clear(&mut self) {
        self.template.take();
        let entries = std::mem::take(&mut self.table.borrow_mut().entries);
        drop(entries);
    }
}

/// Bytes of a budget, given back when dropped.
pub(crate) struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Charge {
    /// Takes `bytes` if they fit.
    pub(crate) fn take(budget: &Arc<Budget>, bytes: usize) -> Option<Self> {
        budget.take(bytes).then(|| Self { budget: budget.clone(), bytes })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget.give(self.bytes);
    }
}

/// What an entry costs besides what its owner says: the object, its weak handle, the row of the table.
const OVERHEAD_BYTES: usize = 256;

/// Keeps `value`, which holds `bytes` outside the heap, and makes the object that stands for it. `None` with a RangeError pending if
/// the app's memory outside the heap is used up.
pub(crate) fn create<'s>(scope: &mut v8::PinScope<'s, '_>, value: Rc<dyn Any>, bytes: usize) -> Option<v8::Local<'s, v8::Object>> {
    let charge = charge(scope, bytes.saturating_add(OVERHEAD_BYTES))?;
    let resources = &State::of(scope)?.resources;
    let template = match resources.template.get() {
        Some(template) => v8::Local::new(scope, template),
        None => {
            let template = v8::ObjectTemplate::new(scope);
            template.set_internal_field_count(1);
            let _ = resources.template.set(v8::Global::new(scope, template));
            template
        }
    };
    let object = template.new_instance(scope)?;
    let id = {
        let mut table = resources.table.borrow_mut();
        loop {
            table.next = table.next.wrapping_add(1);
            if !table.entries.contains_key(&table.next) {
                break table.next;
            }
        }
    };
    let number = v8::Integer::new_from_unsigned(scope, id);
    object.set_internal_field(0, number.into());
    let table = resources.table.clone();
    let finalizer = Box::new(move || {
        let entry = table.borrow_mut().entries.remove(&id);
        // Dropped with the table free again: what it owns may have a drop of its own.
        drop(entry);
    });
    let weak = v8::Weak::with_guaranteed_finalizer(scope, object, finalizer);
    State::of(scope)?.resources.table.borrow_mut().entries.insert(id, Entry { value, charge, _object: weak });
    Some(object)
}

/// Takes `bytes` from the app's budget, if need be after what it holds only by garbage has been freed. `None` with a RangeError pending
/// if they do not fit.
pub(crate) fn charge(scope: &mut v8::PinScope, bytes: usize) -> Option<Charge> {
    let budget = State::of(scope)?.budget.clone();
    if let Some(charge) = Charge::take(&budget, bytes) {
        return Some(charge);
    }
    if bytes <= budget.max() {
        scope.low_memory_notification();
    }
    let charge = Charge::take(&budget, bytes);
    if charge.is_none() {
        exceptions::throw_range_error(scope, "the app's memory outside the heap is used up (limit external_bytes)");
    }
    charge
}

/// What `object` stands for, if it is a `T` and has not been released.
pub(crate) fn get<T: 'static>(scope: &v8::PinScope, object: v8::Local<v8::Value>) -> Option<Rc<T>> {
    let id = id_of(scope, object)?;
    let value = State::of(scope)?.resources.table.borrow().entries.get(&id)?.value.clone();
    value.downcast::<T>().ok()
}

/// Changes what a resource is charged for; false if that does not fit.
pub(crate) fn recharge(scope: &v8::PinScope, object: v8::Local<v8::Value>, bytes: usize) -> bool {
    let Some((id, state)) = id_of(scope, object).zip(State::of(scope)) else { return false };
    let mut table = state.resources.table.borrow_mut();
    let Some(entry) = table.entries.get_mut(&id) else { return false };
    let bytes = bytes.saturating_add(OVERHEAD_BYTES);
    if bytes > entry.charge.bytes && !state.budget.take(bytes - entry.charge.bytes) {
        return false;
    }
    if bytes < entry.charge.bytes {
        state.budget.give(entry.charge.bytes - bytes);
    }
    entry.charge.bytes = bytes;
    true
}

/// Frees a resource before its object is collected.
pub(crate) fn release(scope: &v8::PinScope, object: v8::Local<v8::Value>) {
    if let Some((id, state)) = id_of(scope, object).zip(State::of(scope)) {
        let entry = state.resources.table.borrow_mut().entries.remove(&id);
        drop(entry);
    }
}

fn id_of(scope: &v8::PinScope, object: v8::Local<v8::Value>) -> Option<u32> {
    let object = v8::Local::<v8::Object>::try_from(object).ok()?;
    let field = object.get_internal_field(scope, 0)?;
    v8::Local::<v8::Value>::try_from(field).ok()?.uint32_value(scope)
}
