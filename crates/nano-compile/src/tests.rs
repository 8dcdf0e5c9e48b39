//! The compiler from its own face, and what its bounds rest on.

mod hostile;
