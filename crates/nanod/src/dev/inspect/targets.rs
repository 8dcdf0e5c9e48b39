//! The apps that debuggers can attach to, each under an id that cannot be guessed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

use nano_base::sys::random;
use nano_core::App;
use serde_json::{Value, json};

use super::super::lock;

/// The apps by their names.
#[derive(Default)]
pub struct Targets(Mutex<BTreeMap<String, Target>>);

/// One app.
#[derive(Clone)]
pub struct Target {
    pub id: String,
    pub app: App,
    /// Where its files are.
    pub folder: PathBuf,
}

impl Targets {
    /// An app serves, or serves anew.
    pub fn add(&self, app: &App, folder: PathBuf) {
        let mut targets = lock(&self.0);
        let id = targets.get(app.name()).map_or_else(make_id, |target| target.id.clone());
        targets.insert(app.name().to_string(), Target { id, app: app.clone(), folder });
    }

    /// It does not serve any more.
    pub fn remove(&self, name: &str) {
        lock(&self.0).remove(name);
    }

    /// The one with this id.
    pub fn find(&self, id: &str) -> Option<Target> {
        lock(&self.0).values().find(|target| target.id == id).cloned()
    }

    /// All of them, as debuggers read it; `host` is what they have connected to.
    pub fn list(&self, host: &str) -> Value {
        lock(&self.0)
            .values()
            .map(|target| {
                let place = format!("{host}/{}", target.id);
                json!({
                    "id": target.id,
                    "title": target.app.name(),
                    "description": "an app in nanod",
                    "type": "node",
                    "url": format!("file://{}/", target.folder.display()),
                    "webSocketDebuggerUrl": format!("ws://{place}"),
                    "devtoolsFrontendUrl": format!("devtools://devtools/bundled/js_app.html?experiments=true&v8only=true&ws={place}"),
                    "devtoolsFrontendUrlCompat": format!("devtools://devtools/bundled/inspector.html?experiments=true&v8only=true&ws={place}"),
                })
            })
            .collect()
    }
}

/// 128 random bits, in the form that editors expect of an id.
fn make_id() -> String {
    let mut bytes = [0; 16];
    random::fill(&mut bytes);
    let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}
