//! What the build step makes of the platform, and every isolate starts from.

/// The platform, ready to run. There is one per process.
#[derive(Clone, Copy, Debug)]
pub struct Image {
    /// The heap that an isolate begins with: `build_snapshot`.
    pub snapshot: &'static [u8],
    /// The code of what runs later: `build_part_caches`.
    pub part_caches: &'static [u8],
}
