//! Bindings: what apps find in env besides strings.

use nano_core::{Binding, BindingKind, ClassShape, Result};

use crate::guard::invalid;
use crate::open::too_new;
use crate::types::{array, nano_bytes};

/// env.NAME.fetch(request) and env.NAME.method(...args): calls of the kinds FETCH and METHOD.
pub const NANO_BINDING_OBJECT: u32 = 0;
/// env.NAME(...args): calls of the kind FUNCTION.
pub const NANO_BINDING_FUNCTION: u32 = 1;
/// new env.NAME(...args): calls of the kind CONSTRUCT, and OBJECT_METHOD, OBJECT_GET and OBJECT_SET of what came of it.
pub const NANO_BINDING_CLASS: u32 = 2;
/// env.NAME.fetch(request) and env.NAME.method(...args), answered by another app of the runtime. You see nothing of it.
pub const NANO_BINDING_APP: u32 = 3;
/// env.NAME.send(value) and env.NAME.sendBatch(messages): a queue of the runtime's, for the app among whose consumers it is.
pub const NANO_BINDING_QUEUE: u32 = 4;
/// env.NAME, a variable that is no string: a number, a list, an object.
pub const NANO_BINDING_JSON: u32 = 5;

/// Of a class: apps cannot make objects, they only get those you return from calls.
pub const NANO_CLASS_NOT_CONSTRUCTIBLE: u32 = 1;

/// One entry of env that is not a string. Begin with zeros: nano_binding binding = {0};
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct nano_binding {
    /// Its name in env.
    pub name: nano_bytes,
    /// NANO_BINDING_...
    pub kind: u32,
    /// Of CLASS: NANO_CLASS_...
    pub flags: u32,
    /// Of APP: the other app's name. It need not be loaded before it is called; who has that name then, answers. Of QUEUE: the queue's.
    /// Of JSON: the value, as JSON.
    pub app: nano_bytes,
    /// Of APP: the export of its main module that answers, an object or a class; empty for the default export.
    pub entrypoint: nano_bytes,
    /// Of CLASS: the names of its methods. Not "then", "constructor", "toJSON" or "__proto__".
    pub methods: *const nano_bytes,
    /// How many there are.
    pub methods_count: usize,
    /// Of CLASS: the names of its properties. In JavaScript, reading one gives a promise.
    pub properties: *const nano_bytes,
    /// How many there are.
    pub properties_count: usize,
    /// Zero.
    pub reserved: [u64; 2],
}

impl nano_binding {
    /// # Safety
    ///
    /// Its pointers must be valid.
    pub(crate) unsafe fn to_core(self) -> Result<Binding> {
        if self.reserved != [0; 2] {
            return Err(too_new("nano_binding.reserved is not zero".into()));
        }
        // SAFETY: the caller's promise, for these and all that follow.
        let (name, app, entrypoint) =
            unsafe { (self.name.text("a binding's name")?, self.app.text("app")?, self.entrypoint.text("entrypoint")?) };
        let known = if self.kind == NANO_BINDING_CLASS { NANO_CLASS_NOT_CONSTRUCTIBLE } else { 0 };
        if self.flags & !known != 0 {
            return Err(too_new(format!("nano_binding.flags of {name} has flags that this library does not know: {:#x}", self.flags)));
        }
        if self.kind != NANO_BINDING_CLASS && (self.methods_count > 0 || self.properties_count > 0) {
            return Err(invalid(format!("the binding {name} has methods or properties, but is no class")));
        }
        let named = matches!(self.kind, NANO_BINDING_APP | NANO_BINDING_QUEUE | NANO_BINDING_JSON);
        if !(named || app.is_empty()) || !(self.kind == NANO_BINDING_APP || entrypoint.is_empty()) {
            return Err(invalid(format!("the binding {name} has an app or an entrypoint, but is not of the kind NANO_BINDING_APP")));
        }
        let kind = match self.kind {
            NANO_BINDING_OBJECT => BindingKind::Object,
            NANO_BINDING_FUNCTION => BindingKind::Function,
            NANO_BINDING_CLASS => {
                // SAFETY: as above.
                let (methods, properties) = unsafe {
                    (names(self.methods, self.methods_count, "methods")?, names(self.properties, self.properties_count, "properties")?)
                };
                let constructible = self.flags & NANO_CLASS_NOT_CONSTRUCTIBLE == 0;
                BindingKind::Class(ClassShape { methods, properties, constructible })
            }
            NANO_BINDING_QUEUE => BindingKind::Queue { queue: app.to_string() },
            NANO_BINDING_JSON => BindingKind::Json { json: app.to_string() },
            NANO_BINDING_APP if app.is_empty() => return Err(invalid(format!("the binding {name} names no app"))),
            NANO_BINDING_APP => {
                let entrypoint = (!entrypoint.is_empty()).then(|| entrypoint.to_string());
                BindingKind::App { app: app.to_string(), entrypoint }
            }
            other => return Err(too_new(format!("the binding {name} is of kind {other}, which this library does not know"))),
        };
        Ok(Binding { name: name.to_string(), kind })
    }
}

/// # Safety
///
/// As for [`array`], and for the bytes of every name.
pub(crate) unsafe fn names(ptr: *const nano_bytes, count: usize, what: &str) -> Result<Vec<String>> {
    // SAFETY: the caller's promise.
    unsafe { array(ptr, count, what) }?
        .iter()
        .map(|name| {
            // SAFETY: as above.
            Ok(unsafe { name.text(what) }?.to_string())
        })
        .collect()
}
