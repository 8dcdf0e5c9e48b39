//! Limits of nanod's admin listener.

/// Connections of the admin listener at once; more are closed as they come.
pub const ADMIN_CONNECTIONS_MAX: usize = 256;
/// Of these, streams of logs and of figures.
pub const ADMIN_STREAMS_MAX: usize = 64;
/// The head of a request to the admin listener.
pub const ADMIN_HEAD_BYTES_MAX: usize = 16 << 10;
/// A body that a request there may have without need.
pub const ADMIN_BODY_BYTES_MAX: usize = 64 << 10;
/// An archive that is deployed there, and its files together.
pub const ADMIN_DEPLOY_BYTES_MAX: usize = 64 << 20;
/// What waits to be sent on a stream before what comes is left for later.
pub const ADMIN_STREAM_BYTES_MAX: usize = 1 << 20;
/// How long a client of the admin listener may stand still, unless it follows a stream.
pub const ADMIN_IDLE_MS: u64 = 30_000;
/// How long one that follows may take nothing although there is something.
pub const ADMIN_STALL_MS: u64 = 60_000;
/// Actions that wait for those before them.
pub const ADMIN_ACTIONS_MAX: usize = 64;
/// Apps that the figures of the admin listener name one by one.
pub const ADMIN_APPS_MAX: usize = 10_000;
/// Versions of an app that are remembered.
pub const ADMIN_VERSIONS_MAX: usize = 20;
/// Lines of log that are kept, of all apps together.
pub const ADMIN_LOG_BYTES_MAX: usize = 16 << 20;
/// Of these, of one app.
pub const ADMIN_LOG_APP_BYTES_MAX: usize = 256 << 10;
/// The admin listener's token.
pub const ADMIN_TOKEN_BYTES_MIN: usize = 16;
/// The same at most.
pub const ADMIN_TOKEN_BYTES_MAX: usize = 256;
/// The largest answer of an admin listener's that a command reads: the figures of 10,000 apps have 3 MiB.
pub const ADMIN_ANSWER_BYTES_MAX: usize = 16 << 20;
/// The longest event of one.
pub const ADMIN_EVENT_BYTES_MAX: usize = 1 << 20;
