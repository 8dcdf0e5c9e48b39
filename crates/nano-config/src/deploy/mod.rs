//! Folders of apps: what is there, what has changed, and when it is safe to deploy.
//!
//! - `walk`: one app's folder: which files count, how they are stamped and digested. The only door to the file system here.
//! - `scan`: a folder of apps, now.
//! - `settle`: from what is there to what is deployed: half-copied and broken folders change nothing.
//! - `watch`: when to look again.
//! - `notifier`: the operating system's hints that it is time.

mod notifier;
mod scan;
mod settle;
mod walk;
mod watch;

#[cfg(test)]
mod tests;

pub use notifier::{Hints, Notifier};
pub use scan::{AppState, ScanOptions, Scanner, Snapshot, Touched};
pub use settle::{Change, Deployment, Step, plan};
pub use walk::Digest;
pub use watch::Watch;
