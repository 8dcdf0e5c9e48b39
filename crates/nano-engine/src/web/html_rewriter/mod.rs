//! HTMLRewriter.

mod machine;
#[cfg(test)]
mod tests;
mod token;
