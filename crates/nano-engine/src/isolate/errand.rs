//! Errands: native work for an app that is too long for its shard, done by a helper thread.

use nano_base::sys::thread;
use nano_base::value::Value;

/// How an errand failed: what the DOMException or error in JavaScript will say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrandError {
    /// A DOMException's name, or `TypeError` or `RangeError`.
    pub name: &'static str,
    /// The message.
    pub message: String,
}

/// What an errand brings back.
pub struct ErrandValue(pub(crate) Answer);

pub(crate) enum Answer {
    /// Plain data.
    Value(Value),
    /// What only the engine can make of it, once it is in the isolate: a resource, an array buffer.
    Native(Native),
}

/// Makes the value on the isolate's own thread; `None` with an exception pending.
pub(crate) type Native = Box<dyn for<'s, 'i> FnOnce(&mut v8::PinScope<'s, 'i>) -> Option<v8::Local<'s, v8::Value>> + Send>;

impl ErrandValue {
    /// A value that `make` makes on the isolate's own thread; what it needs for that it owns.
    pub(crate) fn native(
        make: impl for<'s, 'i> FnOnce(&mut v8::PinScope<'s, 'i>) -> Option<v8::Local<'s, v8::Value>> + Send + 'static,
    ) -> Self {
        Self(Answer::Native(Box::new(make)))
    }
}

impl From<Value> for ErrandValue {
    fn from(value: Value) -> Self {
        Self(Answer::Value(value))
    }
}

impl std::fmt::Debug for ErrandValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ErrandValue")
    }
}

/// How an errand ended.
pub type ErrandResult<T = ErrandValue> = std::result::Result<T, ErrandError>;

/// How far an errand has come.
#[derive(Debug)]
pub enum Progress {
    /// To its end.
    Done(ErrandResult),
    /// There is more to do: others may go first.
    More,
}

/// The CPU time that an errand has, on the thread that runs it.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    slice_end_ns: u64,
    end_ns: u64,
}

impl Allowance {
    /// `slice_ns` until others should go first, `left_ns` until it must end.
    pub fn new(slice_ns: u64, left_ns: u64) -> Self {
        let now_ns = thread::cpu_ns();
        Self { slice_end_ns: now_ns.saturating_add(slice_ns.min(left_ns)), end_ns: now_ns.saturating_add(left_ns) }
    }

    /// Whether an errand that can be done in pieces should return [`Progress::More`].
    pub fn slice_is_over(&self) -> bool {
        thread::cpu_ns() >= self.slice_end_ns
    }

    /// Whether an errand that cannot should give up.
    pub fn is_spent(&self) -> bool {
        thread::cpu_ns() >= self.end_ns
    }
}

type Work = Box<dyn FnMut(&Allowance) -> Progress + Send>;

/// One errand: what to do, away from V8. Everything it needs it owns.
pub struct Errand {
    work: Work,
    is_long: bool,
}

impl Errand {
    /// An errand that runs `work`, in one piece.
    pub fn new<V: Into<ErrandValue>>(work: impl FnOnce() -> ErrandResult<V> + Send + 'static) -> Self {
        let mut work = Some(work);
        Self::in_pieces(move |_| match work.take() {
            Some(work) => Progress::Done(work().map(Into::into)),
            None => Progress::More,
        })
    }

    /// An errand whose length an app chooses: `work` is called again as long as it returns [`Progress::More`], and looks at its
    /// allowance as it goes.
    pub fn in_pieces(work: impl FnMut(&Allowance) -> Progress + Send + 'static) -> Self {
        Self { work: Box::new(work), is_long: false }
    }

    /// An errand that may take all the time that its event has left, and cannot be done in pieces: it looks at its allowance to give up.
    /// Others never wait for as many of these as there are helpers.
    pub fn long(work: impl FnMut(&Allowance) -> Progress + Send + 'static) -> Self {
        Self { work: Box::new(work), is_long: true }
    }

    /// The same errand, for one that may take as long as those of [`Errand::long`] and has no place at which to look at its allowance.
    pub(crate) fn counted_as_long(mut self, is_long: bool) -> Self {
        self.is_long |= is_long;
        self
    }

    /// Whether it is one that others may have to wait for.
    pub fn is_long(&self) -> bool {
        self.is_long
    }

    /// Does it, or a piece of it.
    pub fn run(&mut self, allowance: &Allowance) -> Progress {
        (self.work)(allowance)
    }
}

impl std::fmt::Debug for Errand {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Errand")
    }
}
