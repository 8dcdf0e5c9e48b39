//! Which of a debugger's requests hold for every version of an app: breakpoints, and what is switched on. They are said again to a new
//! version, so that a debugger goes on when the app is reloaded.

use std::collections::HashMap;

use serde_json::Value;

/// Requests that switch something on, or say how: the last one of each counts.
const SETTINGS: [&str; 14] = [
    "Console.enable",
    "Debugger.enable",
    "Debugger.setAsyncCallStackDepth",
    "Debugger.setBlackboxPatterns",
    "Debugger.setBreakpointsActive",
    "Debugger.setPauseOnExceptions",
    "Debugger.setSkipAllPauses",
    "HeapProfiler.enable",
    "Profiler.enable",
    "Runtime.enable",
    "Runtime.setAsyncCallStackDepth",
    "Runtime.setCustomObjectFormatterEnabled",
    "Runtime.setMaxCallStackSizeToCapture",
    "Runtime.runIfWaitingForDebugger",
];

/// Requests of which there may be several.
const SEVERAL: [&str; 3] = ["Debugger.setBreakpointByUrl", "Debugger.setInstrumentationBreakpoint", "Runtime.addBinding"];

/// What a debugger has asked for, as far as it has to be told from other things it has asked for.
#[derive(Debug, Default)]
pub struct Kept {
    /// Breakpoints whose ids have not come yet, by the numbers of the requests.
    asked: HashMap<i64, String>,
    /// The names that they are kept by, by their ids.
    breakpoints: HashMap<String, String>,
}

/// What follows of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Said {
    pub keep: Option<String>,
    pub forget: Option<Forget>,
}

/// What does not hold any more.
#[derive(Debug, PartialEq, Eq)]
pub enum Forget {
    /// All of a domain.
    Domain(String),
    /// What is kept by this name.
    One(String),
}

impl Forget {
    pub fn covers(&self, name: &str) -> bool {
        match self {
            Self::Domain(domain) => name.starts_with(domain),
            Self::One(one) => name == one,
        }
    }
}

impl Kept {
    /// The debugger asks for something.
    pub fn say(&mut self, text: &str) -> Said {
        let Ok(request) = serde_json::from_str::<Value>(text) else { return Said::default() };
        let (Some(id), Some(method)) = (request["id"].as_i64(), request["method"].as_str()) else { return Said::default() };
        if SETTINGS.contains(&method) {
            return Said { keep: Some(method.to_string()), forget: None };
        }
        if SEVERAL.contains(&method) {
            let name = format!("{method} {}", request["params"]);
            if method.starts_with("Debugger.") {
                self.asked.insert(id, name.clone());
            }
            return Said { keep: Some(name), forget: None };
        }
        let forget = match method {
            "Debugger.removeBreakpoint" => {
                request["params"]["breakpointId"].as_str().and_then(|id| self.breakpoints.remove(id)).map(Forget::One)
            }
            "Debugger.disable" => {
                self.breakpoints.clear();
                Some(Forget::Domain("Debugger.".into()))
            }
            _ => method.strip_suffix(".disable").map(|domain| Forget::Domain(format!("{domain}."))),
        };
        Said { keep: None, forget }
    }

    /// The app answers, or tells of something.
    pub fn hear(&mut self, text: &str) {
        if self.asked.is_empty() || !text.starts_with("{\"id\":") {
            return;
        }
        let Ok(answer) = serde_json::from_str::<Value>(text) else { return };
        let Some(name) = answer["id"].as_i64().and_then(|id| self.asked.remove(&id)) else { return };
        if let Some(id) = answer["result"]["breakpointId"].as_str() {
            self.breakpoints.insert(id.to_string(), name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn breakpoints_hold_until_they_are_removed() {
        let mut kept = Kept::default();
        let said = kept.say(r#"{"id":7,"method":"Debugger.setBreakpointByUrl","params":{"lineNumber":1,"url":"a"}}"#);
        let name = said.keep.expect("it is kept");
        kept.hear(r#"{"method":"Debugger.scriptParsed","params":{}}"#);
        kept.hear(r#"{"id":7,"result":{"breakpointId":"1:1:0:a","locations":[]}}"#);
        let said = kept.say(r#"{"id":8,"method":"Debugger.removeBreakpoint","params":{"breakpointId":"1:1:0:a"}}"#);
        assert_eq!(said, Said { keep: None, forget: Some(Forget::One(name)) });
        assert_eq!(kept.say(r#"{"id":9,"method":"Debugger.enable"}"#).keep.as_deref(), Some("Debugger.enable"));
        let off = kept.say(r#"{"id":10,"method":"Debugger.disable"}"#).forget.expect("all of it");
        assert!(off.covers("Debugger.enable") && !off.covers("Runtime.enable"));
        assert_eq!(kept.say(r#"{"id":11,"method":"Runtime.evaluate"}"#), Said::default());
        assert_eq!(kept.say("no json"), Said::default());
    }
}
