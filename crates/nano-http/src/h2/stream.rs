//! One stream.

use super::settings::WINDOW_MAX;
use super::{Code, Fault};
use nano_base::limits::H2_STREAM_WINDOW_BYTES;

#[derive(Clone, Debug)]
pub(super) struct Stream {
    /// How much may be sent.
    pub send_window: i64,
    /// How much may come.
    pub receive_window: i64,
    /// What was used of that and has not been given back.
    pub used: u32,
    /// The other side has ended.
    pub ended: bool,
    /// We have.
    pub finished: bool,
    /// A head has come: of responses the final one.
    pub has_head: bool,
    pub interims: u32,
    /// The request's method is HEAD: the response has no body.
    pub to_head: bool,
    /// How long the body is said to be, and how much of it has come.
    pub length: Option<u64>,
    pub received: u64,
}

impl Stream {
    pub(super) fn new(send_window: i64) -> Self {
        Self {
            send_window,
            receive_window: i64::from(H2_STREAM_WINDOW_BYTES),
            used: 0,
            ended: false,
            finished: false,
            has_head: false,
            interims: 0,
            to_head: false,
            length: None,
            received: 0,
        }
    }

    /// Whether the body has the length that it was said to have.
    pub(super) fn is_complete(&self) -> bool {
        self.length.is_none_or(|length| length == self.received)
    }
}

/// A window that is opened, by the other side.
pub(super) fn widen(window: &mut i64, more: u32) -> Result<(), Fault> {
    *window += i64::from(more);
    if *window > WINDOW_MAX {
        return Err(Fault { code: Code::FLOW_CONTROL, why: "a window was opened beyond what there is" });
    }
    Ok(())
}
