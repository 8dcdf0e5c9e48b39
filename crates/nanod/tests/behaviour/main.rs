//! nanod as its operator and its clients see it: a folder, addresses, signals.

mod folders;
mod logs;
mod manifests;
mod serving;
mod sockets;
mod starting;
mod support;
mod systemd;
mod trust;
mod watching;
mod workers;
