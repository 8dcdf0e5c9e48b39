//! What the kernel says of this process, and what its output has lost, for metrics.

use std::fmt::Write;
use std::fs;

use crate::output;

/// Ticks of a second in /proc, whatever the kernel's own are.
const TICKS: u64 = 100;
/// Linux on x86-64 has no other.
const PAGE_BYTES: u64 = 4_096;

/// Resident memory in bytes and CPU time in milliseconds; zeros if the kernel does not say.
pub fn usage() -> (u64, u64) {
    let pages = fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse::<u64>().ok());
    let ticks = fs::read_to_string("/proc/self/stat").ok().and_then(|text| {
        // What is in parentheses is the program's name, which may have anything.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    });
    (pages.unwrap_or(0) * PAGE_BYTES, ticks.unwrap_or(0) * 1_000 / TICKS)
}

/// The same as Prometheus knows it of other programs.
pub fn metrics(out: &mut String) {
    let (bytes, cpu_ms) = usage();
    let files = fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "# HELP process_resident_memory_bytes Resident memory of the process.\n# TYPE process_resident_memory_bytes gauge\n\
         process_resident_memory_bytes {bytes}\n\
         # HELP process_cpu_seconds_total CPU time of the process.\n# TYPE process_cpu_seconds_total counter\n\
         process_cpu_seconds_total {}.{:03}\n\
         # HELP process_open_fds Files that the process has open.\n# TYPE process_open_fds gauge\nprocess_open_fds {files}\n\
         # HELP nano_lines_lost_total Lines of the process that could not be written.\n\
         # TYPE nano_lines_lost_total counter\nnano_lines_lost_total {}\n",
        cpu_ms / 1_000,
        cpu_ms % 1_000,
        output::lost()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        assert!(usage().0 > 1 << 20);
        let mut out = String::new();
        metrics(&mut out);
        assert!(out.lines().filter(|line| !line.starts_with('#')).all(|line| line.split(' ').count() == 2), "{out}");
    }
}
