//! How an operation fails, in the words of the WebCrypto specification.

/// A failure: its kind decides the name of the exception that an app sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// The operation failed for a reason that is its own.
    Operation(&'static str),
    /// The data given to an import is not what it should be.
    Data(&'static str),
    /// Nothing here does that.
    NotSupported(&'static str),
    /// The key is not for this.
    InvalidAccess(&'static str),
}

/// What an operation gives.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// The name of the DOMException.
    pub fn name(&self) -> &'static str {
        match self {
            Error::Operation(_) => "OperationError",
            Error::Data(_) => "DataError",
            Error::NotSupported(_) => "NotSupportedError",
            Error::InvalidAccess(_) => "InvalidAccessError",
        }
    }

    /// The sentence.
    pub fn message(&self) -> &'static str {
        match self {
            Error::Operation(text) | Error::Data(text) | Error::NotSupported(text) | Error::InvalidAccess(text) => text,
        }
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.name(), self.message())
    }
}

impl std::error::Error for Error {}
