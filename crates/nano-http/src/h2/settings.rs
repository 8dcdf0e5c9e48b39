//! What the sides tell each other about what they bear.

use super::frame::{self, SETTINGS};
use super::{Code, Fault, Limits};
use nano_base::limits::{H2_FRAME_BYTES_MAX, H2_STREAM_WINDOW_BYTES, H2_TABLE_BYTES_MAX};

const PUSH: u16 = 2;
const STREAMS: u16 = 3;
const WINDOW: u16 = 4;
const FRAME_BYTES: u16 = 5;
const LIST_BYTES: u16 = 6;

/// What a header counts beyond its bytes, by the way that lists are measured.
pub(super) const FIELD_EXTRA: usize = 32;

/// The largest window there is.
pub(super) const WINDOW_MAX: i64 = (1 << 31) - 1;

/// What the other side bears.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub window: i64,
    pub frame_bytes: usize,
    pub streams: u32,
}

impl Settings {
    /// What holds until something is said.
    pub(super) fn new() -> Self {
        Self { window: 65_535, frame_bytes: H2_FRAME_BYTES_MAX, streams: u32::MAX }
    }

    /// Takes what a frame says.
    pub(super) fn take(&mut self, payload: &[u8], from_client: bool) -> Result<(), Fault> {
        if !payload.len().is_multiple_of(6) {
            return Err(Fault::size("the length of SETTINGS is not a multiple of 6"));
        }
        for entry in payload.chunks_exact(6) {
            let value = frame::number(&entry[2..]);
            match u16::from_be_bytes([entry[0], entry[1]]) {
                PUSH if value > 1 || (value == 1 && !from_client) => return Err(Fault::protocol("SETTINGS_ENABLE_PUSH is out of range")),
                STREAMS => self.streams = value,
                WINDOW if i64::from(value) > WINDOW_MAX => {
                    return Err(Fault { code: Code::FLOW_CONTROL, why: "SETTINGS_INITIAL_WINDOW_SIZE is out of range" });
                }
                WINDOW => self.window = i64::from(value),
                FRAME_BYTES if !(0x4000..=0xff_ffff).contains(&value) => {
                    return Err(Fault::protocol("SETTINGS_MAX_FRAME_SIZE is out of range"));
                }
                // Longer frames would only make others wait.
                FRAME_BYTES => self.frame_bytes = (value as usize).min(H2_FRAME_BYTES_MAX),
                // The table of what we write is empty, whatever its size.
                _ => {}
            }
        }
        Ok(())
    }
}

/// How many bytes a list of headers may count.
pub(super) fn list_bytes(limits: &Limits) -> usize {
    limits.head.head_bytes + limits.head.headers * FIELD_EXTRA
}

/// Says what we bear.
pub(super) fn write(out: &mut Vec<u8>, limits: &Limits, is_server: bool) {
    // What the protocol begins with is not said.
    const { assert!(H2_STREAM_WINDOW_BYTES == 65_535 && H2_TABLE_BYTES_MAX == 4_096 && H2_FRAME_BYTES_MAX == 16_384) };
    let own = if is_server { (STREAMS, limits.streams) } else { (PUSH, 0) };
    let entries = [own, (LIST_BYTES, u32::try_from(list_bytes(limits)).unwrap_or(u32::MAX))];
    frame::head(out, entries.len() * 6, SETTINGS, 0, 0);
    for (name, value) in entries {
        out.extend_from_slice(&name.to_be_bytes());
        out.extend_from_slice(&value.to_be_bytes());
    }
}
