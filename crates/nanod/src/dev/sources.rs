//! The texts of an app's files as they were when it was deployed: errors are shown with them, whatever has been typed since, and the
//! threads that serve read no files.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use nano_base::limits::{DEPLOY_DEPTH_MAX, DEV_SOURCES_BYTES_MAX, DEV_SOURCES_MAX};

use crate::frame::read_source;

/// Files that stacks can name.
const ENDINGS: [&str; 9] = ["js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "json"];

/// Texts by their paths in the app's folder.
#[derive(Debug, Default)]
pub struct Sources {
    texts: HashMap<String, String>,
    bytes: usize,
}

impl Sources {
    /// Reads what an app's author has written: not what is installed, and nothing that is hidden.
    pub fn read(folder: &Path) -> Self {
        let mut sources = Self::default();
        sources.add(folder, "", 0);
        sources
    }

    fn add(&mut self, folder: &Path, inside: &str, depth: usize) {
        let Ok(entries) = fs::read_dir(folder.join(inside)) else { return };
        for entry in entries.flatten() {
            if depth > DEPLOY_DEPTH_MAX || self.texts.len() >= DEV_SOURCES_MAX || self.bytes >= DEV_SOURCES_BYTES_MAX {
                return;
            }
            let Ok(name) = entry.file_name().into_string() else { continue };
            let path = if inside.is_empty() { name.clone() } else { format!("{inside}/{name}") };
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && name != "node_modules" && !name.starts_with('.') => self.add(folder, &path, depth + 1),
                Ok(kind) if kind.is_file() && name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending)) => {
                    if let Some(text) = read_source(folder, &path) {
                        self.bytes += text.len();
                        self.texts.insert(path, text);
                    }
                }
                _ => {}
            }
        }
    }

    /// The text of a file.
    pub fn text(&self, file: &str) -> Option<&str> {
        self.texts.get(file).map(String::as_str)
    }
}
