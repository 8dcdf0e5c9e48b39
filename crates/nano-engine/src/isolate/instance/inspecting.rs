//! An instance that debuggers look into.

use std::sync::Arc;

use super::{Instance, Outcome};
use crate::inspector::{Attached, Inspector};

impl Instance {
    /// From now on this instance listens to the app's debuggers, and those who have listened to another are told. For breakpoints in
    /// what an app does at its start it comes before `start`. `root` is the URL of the app's folder.
    pub fn inspect(&mut self, inspector: &Arc<Inspector>, name: &str, root: &str) {
        self.enter(|scope, instance| {
            let attached = instance.state.attached();
            let attached = attached.unwrap_or_else(|| Attached::new(scope, inspector, name, root));
            *instance.state.attached.borrow_mut() = Some(attached.clone());
            attached.listen(instance.state.handle.isolate());
        });
    }

    /// Whether it is the one that listens to the app's debuggers.
    pub fn is_listening(&self) -> bool {
        self.state.attached.borrow().as_ref().is_some_and(|attached| attached.is_listening())
    }

    /// Hears what debuggers have said since, and does what follows of it.
    pub fn hear(&mut self) -> Outcome {
        self.enter(|scope, instance| {
            v8::scope!(let scope, scope);
            if let Some(attached) = instance.state.attached() {
                attached.hear();
            }
            instance.after(scope)
        })
    }

    /// Another instance listens, or nobody speaks any more.
    pub fn end_inspection(&mut self) {
        if self.is_listening() {
            self.enter(|_, instance| {
                let attached = instance.state.attached();
                if let Some(attached) = attached {
                    attached.silence();
                }
            });
        }
    }

    /// The isolate ends; called with it entered.
    pub(super) fn detach(&mut self) {
        let Some(attached) = self.state.attached.take() else { return };
        let Some(context) = self.context.clone() else { return };
        v8::scope!(let scope, &mut *self.isolate);
        let context = v8::Local::new(scope, context);
        attached.end(context);
    }
}
