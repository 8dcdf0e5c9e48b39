//! Errands: native work for an app that is too long for its shard, done by a helper thread.

use nano_base::value::Value;

/// How an errand failed: what the DOMException or error in JavaScript will say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrandError {
    /// A DOMException's name, or `TypeError` or `RangeError`.
    pub name: &'static str,
    /// The message.
    pub message: String,
}

/// How an errand ended.
pub type ErrandResult = std::result::Result<Value, ErrandError>;

/// One errand: what to do, away from V8. Everything it needs it owns.
pub struct Errand(Box<dyn FnOnce() -> ErrandResult + Send>);

impl Errand {
    /// An errand that runs `work`.
    pub fn new(work: impl FnOnce() -> ErrandResult + Send + 'static) -> Self {
        Self(Box::new(work))
    }

    /// Does it.
    pub fn run(self) -> ErrandResult {
        (self.0)()
    }
}

impl std::fmt::Debug for Errand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Errand")
    }
}
