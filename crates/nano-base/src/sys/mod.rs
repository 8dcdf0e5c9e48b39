//! The wall to the operating system: one small file per thing we ask of it. No other module calls libc.

pub mod board;
pub mod eventfd;
pub mod file;
pub mod fork;
pub mod malloc;
pub mod memory;
pub mod process;
pub mod random;
pub mod signals;
pub mod sockets;
pub mod terminal;
pub mod thread;
pub mod time;
