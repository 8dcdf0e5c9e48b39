//! What `nanod` reads and decides before any app runs.
//!
//! - `text`: TOML and JSON with comments, with the place of every value; sizes and durations; errors that suggest.
//! - `cli`: nanod's command line.
//! - `deploy`: folders of apps: what is there, what has changed, when it is safe to deploy.
//! - `manifest`: what an app's folder says about it.
//! - `routes`: which app a request is for.
//! - `secrets`: values that must not be seen, `.dev.vars`.
//! - `types`: an app's `Env` for TypeScript.
//!
//! No V8, no socket, no output: everything here is a function from what was read to a value or to findings.
//!
//! ```
//! use nano_config::deploy::{Deployment, ScanOptions, Scanner, Touched};
//! use nano_config::routes::{Claim, Conventions, Routes};
//!
//! let folder = std::env::temp_dir().join(format!("nano-config-example-{}", std::process::id()));
//! std::fs::create_dir_all(folder.join("shop"))?;
//! std::fs::write(folder.join("shop/index.js"), "export default {}")?;
//! std::fs::write(folder.join("shop/nano.toml"), "routes = [\"shop.example/api\"]\nlimits.cpu_ms = \"200ms\"")?;
//!
//! let mut scanner = Scanner::new(&folder, ScanOptions::default());
//! let mut deployment = Deployment::new(100);
//! let mut changes = Vec::new();
//! // Times come from the clock; the folder must have been still for 100 ms.
//! for now_ms in [0, 100] {
//!     let step = deployment.observe(&scanner.scan(&Touched::All, 0), now_ms, 0);
//!     step.findings.iter().for_each(|finding| panic!("{finding}"));
//!     changes.extend(step.changes);
//! }
//! assert_eq!(changes[0].folder(), "shop");
//!
//! let apps = deployment.deployed().apps.values();
//! let claims: Vec<Claim> = apps.filter_map(|app| Claim::of(&app.reading, &app.shown)).collect();
//! let (routes, conflicts) = Routes::build(&claims, Conventions::default());
//! assert!(conflicts.is_empty());
//! assert_eq!(routes.find("Shop.Example:443", 8787, "/api/cart?x=1"), Some(0));
//! std::fs::remove_dir_all(folder)?;
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

pub mod cli;
pub mod deploy;
pub mod manifest;
pub mod routes;
pub mod secrets;
pub mod text;
pub mod types;
