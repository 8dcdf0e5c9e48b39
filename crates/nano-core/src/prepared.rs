//! An app between its files and its start: whoever reads files that others write looks in between whether they are still the same.

use nano_base::status::Result;

use crate::app::AppOptions;
use crate::version::Version;

/// An app that has been read and compiled, and not started. What becomes of its files from now on does not matter to it.
pub struct Prepared {
    pub(crate) name: String,
    pub(crate) lazy: bool,
    pub(crate) version: Version,
}

impl Prepared {
    /// Reads and compiles an app, or explains why that cannot be.
    pub fn read(options: AppOptions) -> Result<Self> {
        let (name, lazy) = (options.name.clone(), options.lazy);
        Ok(Self { name, lazy, version: Version::new(options)? })
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared({})", self.name)
    }
}
