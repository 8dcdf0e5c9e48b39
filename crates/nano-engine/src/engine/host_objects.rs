//! Objects of the host's in JavaScript: each is a wrapper around the host's number for it.
//!
//! A wrapper is a resource, so that it is recognised by what no app can make, and so that the host hears when it is collected. For
//! one object of the host's there is one wrapper at a time.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use nano_base::limits::CONSTRUCTING_MAX;
use nano_base::status::Status;
use nano_base::value::{HostObject, Value};

use super::{exceptions, resources, values};
use crate::isolate::state::State;

/// All objects of the host's that one instance holds.
#[derive(Default)]
pub(crate) struct HostObjects {
    table: Rc<RefCell<Table>>,
    /// The classes by binding: name, prototype.
    classes: RefCell<HashMap<u32, (String, v8::Global<v8::Object>)>>,
    /// Wrappers whose construction has not been answered, by the number of the call.
    constructing: RefCell<HashMap<u32, v8::Weak<v8::Object>>>,
}

#[derive(Default)]
struct Table {
    wrappers: HashMap<(u32, u64), v8::Weak<v8::Object>>,
    held: u32,
}

/// What a wrapper stands for.
pub(crate) struct Held {
    /// The class.
    pub binding: u32,
    state: RefCell<HeldState>,
    table: Rc<RefCell<Table>>,
}

/// How far a wrapper has come.
#[derive(Clone)]
pub(crate) enum HeldState {
    /// The host has not answered `new` yet, or has refused it.
    Constructing,
    /// It can be used.
    Ready(HostObject),
    /// The app has given it back.
    Disposed,
}

impl Held {
    pub(crate) fn state(&self) -> HeldState {
        self.state.borrow().clone()
    }

    /// Gives the object back before the wrapper is collected.
    pub(crate) fn dispose(&self) {
        let old = self.state.replace(HeldState::Disposed);
        if let HeldState::Ready(object) = &old {
            let wrapper = self.table.borrow_mut().wrappers.remove(&(self.binding, object.id));
            drop(wrapper);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut table = self.table.borrow_mut();
        table.held -= 1;
        let HeldState::Ready(object) = self.state.get_mut() else { return };
        let key = (self.binding, object.id);
        // The host may have given the object again since: then the number has a new wrapper.
        if table.wrappers.get(&key).is_some_and(v8::Weak::is_empty) {
            table.wrappers.remove(&key);
        }
    }
}

impl HostObjects {
    /// Frees everything, before the isolate ends.
    pub(crate) fn clear(&mut self) {
        self.classes.get_mut().clear();
        self.constructing.get_mut().clear();
        let wrappers = std::mem::take(&mut self.table.borrow_mut().wrappers);
        drop(wrappers);
    }

    /// Remembers what objects of a class look like.
    pub(crate) fn define(&self, binding: u32, name: String, prototype: v8::Global<v8::Object>) {
        self.classes.borrow_mut().insert(binding, (name, prototype));
    }

    fn binding_of(&self, class: &str) -> Option<u32> {
        self.classes.borrow().iter().find(|(_, (name, _))| name == class).map(|(binding, _)| *binding)
    }

    /// The answer to this call makes the wrapper ready.
    pub(crate) fn construct(&self, scope: &mut v8::Isolate, call: u32, wrapper: v8::Local<v8::Object>) {
        let weak = v8::Weak::new(scope, wrapper);
        let mut constructing = self.constructing.borrow_mut();
        if constructing.len() >= CONSTRUCTING_MAX {
            constructing.retain(|_, wrapper| !wrapper.is_empty());
        }
        constructing.insert(call, weak);
    }

    /// A call has failed.
    pub(crate) fn failed(&self, call: u32) {
        self.constructing.borrow_mut().remove(&call);
    }
}

/// What a value wraps, if it is an object of the host's.
pub(crate) fn held(scope: &v8::PinScope, value: v8::Local<v8::Value>) -> Option<Rc<Held>> {
    resources::get::<Held>(scope, value)
}

/// A wrapper that waits for its object. `None` with an exception pending at a limit.
pub(crate) fn new_wrapper<'s>(scope: &mut v8::PinScope<'s, '_>, binding: u32, held: HeldState) -> Option<v8::Local<'s, v8::Object>> {
    let max = State::host(scope)?.host_objects_max();
    let table = State::of(scope)?.host_objects.table.clone();
    if table.borrow().held >= max {
        scope.low_memory_notification();
    }
    if table.borrow().held >= max {
        exceptions::throw_range_error(scope, &format!("{max} objects of the host's are held already (limit host_objects)"));
        return None;
    }
    table.borrow_mut().held += 1;
    let held = Rc::new(Held { binding, state: RefCell::new(held), table });
    let wrapper = resources::create(scope, held, 0)?;
    let prototype = State::of(scope)?.host_objects.classes.borrow().get(&binding).map(|(_, prototype)| prototype.clone());
    if let Some(prototype) = prototype {
        let prototype = v8::Local::new(scope, prototype);
        wrapper.set_prototype(scope, prototype.into());
    }
    Some(wrapper)
}

/// The wrapper of an object that the host has given. `None` with an exception pending at a limit.
pub(crate) fn to_js<'s>(scope: &mut v8::PinScope<'s, '_>, object: HostObject) -> Option<v8::Local<'s, v8::Object>> {
    let objects = &State::of(scope)?.host_objects;
    let Some(binding) = objects.binding_of(&object.class) else {
        exceptions::throw_type_error(scope, &format!("env has no class {}", object.class));
        return None;
    };
    let (key, table) = ((binding, object.id), objects.table.clone());
    let known = table.borrow().wrappers.get(&key).and_then(|wrapper| wrapper.to_local(scope));
    if known.is_some() {
        return known;
    }
    let wrapper = new_wrapper(scope, binding, HeldState::Ready(object))?;
    let weak = v8::Weak::new(scope, wrapper);
    let old = table.borrow_mut().wrappers.insert(key, weak);
    drop(old);
    Some(wrapper)
}

/// What a call's result becomes: the value, or why it can be none.
pub(crate) fn result<'s>(scope: &mut v8::PinScope<'s, '_>, call: u32, value: Value) -> Result<v8::Local<'s, v8::Value>, String> {
    let constructing = State::of(scope).and_then(|state| state.host_objects.constructing.borrow_mut().remove(&call));
    if let Some(wrapper) = constructing {
        return constructed(scope, &wrapper, value).map(|()| v8::undefined(scope).into());
    }
    v8::tc_scope!(let scope, scope);
    match values::to_js(scope, value) {
        Some(value) => Ok(value),
        None => Err(exceptions::caught(scope, Status::Exception).message),
    }
}

fn constructed(scope: &mut v8::PinScope, wrapper: &v8::Weak<v8::Object>, value: Value) -> Result<(), String> {
    // Nobody holds it any more: the value is given back by being dropped.
    let Some(wrapper) = wrapper.to_local(scope) else { return Ok(()) };
    let Some((held, state)) = held(scope, wrapper.into()).zip(State::of(scope)) else { return Ok(()) };
    let class = state.host_objects.classes.borrow().get(&held.binding).map(|(name, _)| name.clone()).unwrap_or_default();
    let Value::HostObject(object) = value else { return Err(format!("the host answered new {class}() with no object")) };
    if object.class != class {
        return Err(format!("the host answered new {class}() with a {}", object.class));
    }
    if matches!(*held.state.borrow(), HeldState::Disposed) {
        return Ok(());
    }
    let key = (held.binding, object.id);
    let known = state.host_objects.table.borrow().wrappers.get(&key).is_some_and(|wrapper| !wrapper.is_empty());
    held.state.replace(HeldState::Ready(object));
    if !known {
        let weak = v8::Weak::new(scope, wrapper);
        let old = held.table.borrow_mut().wrappers.insert(key, weak);
        drop(old);
    }
    Ok(())
}
