//! `nanod doctor`: what of this machine would stand in the way, and what to do about it.

use std::fs;
use std::net::TcpListener;

use nano_base::limits::{MAPPINGS_PER_INSTANCE, MAPPINGS_PERCENT_MAX, RuntimeLimits};
use nano_base::sys::memory;
use nano_config::cli::Exit;
use nano_config::text::units::show_size;

use crate::output::{self, Ink, paint};

/// Warm apps that are worth being ready for.
const WARM_APPS: usize = 1_000;

/// Watches that a folder of so many apps takes, with some folders in each.
const WATCHES: u64 = 8_192;

/// Descriptors for the connections that are the default, and what else there is.
const FILES: u64 = 16_384;

/// The oldest kernel that this is tried on.
const KERNEL: (u32, u32) = (5, 4);

/// Where nanod listens if it is not told.
const PORTS: [(u16, &str); 3] = [(8787, "--listen"), (9787, "--admin"), (9229, "--inspect-address")];

/// How a thing is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ok,
    Warn,
    Fail,
}

/// One thing that was looked at.
struct Diagnosis {
    name: &'static str,
    state: State,
    found: String,
    /// What to do, if it is not in order.
    remedy: String,
}

impl Diagnosis {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, state: State::Ok, found: found.into(), remedy: String::new() }
    }

    fn not(state: State, name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, state, found: found.into(), remedy: remedy.into() }
    }
}

/// Looks at everything; fails if something would keep nanod from serving.
pub fn doctor() -> Exit {
    let mut all = vec![kernel(), processor(), address_space(), overcommit(), memory_free(), mappings(), open_files()];
    all.extend(inotify());
    all.extend(PORTS.map(|(port, option)| port_free(port, option)));
    all.push(localhost());
    for diagnosis in &all {
        if !show(diagnosis) {
            return Exit::Machine;
        }
    }
    let count = |state: State| all.iter().filter(|diagnosis| diagnosis.state == state).count();
    let (warnings, failures) = (count(State::Warn), count(State::Fail));
    if !output::is_json() && !output::is_quiet() {
        let verdict = match (failures, warnings) {
            (0, 0) => paint(Ink::Green, "Everything is in order."),
            (0, _) => paint(Ink::Yellow, &format!("nanod runs here; {warnings} of these may limit it.")),
            _ => paint(Ink::Red, &format!("nanod cannot run well here: {failures} of these must be mended.")),
        };
        output::print(&format!("\n{verdict}\n"));
    }
    if failures > 0 { Exit::Machine } else { Exit::Success }
}

fn show(diagnosis: &Diagnosis) -> bool {
    let Diagnosis { name, state, found, remedy } = diagnosis;
    let (word, ink) = match state {
        State::Ok => ("ok", Ink::Green),
        State::Warn => ("warn", Ink::Yellow),
        State::Fail => ("fail", Ink::Red),
    };
    if output::is_json() {
        let json = serde_json::json!({ "check": name, "state": word, "found": found, "remedy": remedy });
        return output::print(&format!("{json}\n"));
    }
    if output::is_quiet() && *state != State::Fail {
        return true;
    }
    let mut text = format!("{}{} {name:<20} {found}\n", paint(ink, word), " ".repeat(4 - word.len()));
    if !remedy.is_empty() {
        text.push_str(&format!("{:26}{}\n", "", paint(Ink::Bold, remedy)));
    }
    output::print(&text)
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_string())
}

fn number(path: &str) -> Option<u64> {
    read(path)?.parse().ok()
}

fn kernel() -> Diagnosis {
    let release = read("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    if version >= KERNEL {
        return Diagnosis::ok("kernel", release);
    }
    let remedy = format!("nanod is tried on Linux {}.{} and newer", KERNEL.0, KERNEL.1);
    Diagnosis::not(State::Warn, "kernel", release, remedy)
}

fn processor() -> Diagnosis {
    let info = read("/proc/cpuinfo").unwrap_or_default();
    let line = info.lines().find(|line| line.starts_with("flags") || line.starts_with("Features")).unwrap_or_default();
    let has = |name: &str| line.split_ascii_whitespace().any(|flag| flag == name);
    let cores = nano_base::sys::thread::cores();
    let fast: Vec<&str> = ["aes", "sha_ni", "sha2", "avx2", "pclmulqdq"].into_iter().filter(|name| has(name)).collect();
    let pkeys = if has("ospke") { "protection keys" } else { "no protection keys" };
    let found = format!("{cores} cores; {}; {pkeys}", if fast.is_empty() { "no fast cryptography".to_string() } else { fast.join(" ") });
    if cfg!(target_arch = "x86_64") && !has("sse4_2") {
        return Diagnosis::not(State::Fail, "processor", found, "V8 needs SSE 4.2: give the virtual machine the host's processor");
    }
    if !has("aes") {
        return Diagnosis::not(State::Warn, "processor", found, "TLS and WebCrypto are slower without AES instructions");
    }
    Diagnosis::ok("processor", found)
}

fn address_space() -> Diagnosis {
    let needed = nano_base::limits::ADDRESS_SPACE_BYTES;
    let limit = memory::address_space_limit().map_or("unlimited".to_string(), show_size);
    let found = format!("{limit}; {} are reserved at the start", show_size(needed as u64));
    if memory::can_reserve(needed) {
        return Diagnosis::ok("address space", found);
    }
    let remedy = "remove the limit: ulimit -v unlimited; for services LimitAS=infinity; and see overcommit";
    Diagnosis::not(State::Fail, "address space", found, remedy)
}

fn overcommit() -> Diagnosis {
    let (mode, word) = match number("/proc/sys/vm/overcommit_memory") {
        Some(0) => (0, "0, heuristic"),
        Some(1) => (1, "1, always"),
        Some(2) => (2, "2, never"),
        _ => (0, "unknown"),
    };
    if mode == 2 {
        return Diagnosis::not(State::Warn, "overcommit", word, "sysctl vm.overcommit_memory=0: V8 reserves more memory than it uses");
    }
    Diagnosis::ok("overcommit", word)
}

fn memory_free() -> Diagnosis {
    let info = read("/proc/meminfo").unwrap_or_default();
    let kib = |name: &str| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()
    };
    let Some(free) = kib("MemAvailable:") else { return Diagnosis::ok("memory", "unknown") };
    let cgroup = number("/sys/fs/cgroup/memory.max").map_or(String::new(), |max| format!("; this group may use {}", show_size(max)));
    let found = format!("{} MiB available{cgroup}", free / 1024);
    if free < 256 << 10 {
        return Diagnosis::not(State::Warn, "memory", found, "one busy app may use its 32 MiB of heap and as much outside");
    }
    Diagnosis::ok("memory", found)
}

fn mappings() -> Diagnosis {
    let max = memory::mappings_max();
    // As admission counts; an app that is warm has an instance, and a runtime has no more than these.
    let warm = (max * MAPPINGS_PERCENT_MAX / 100 / MAPPINGS_PER_INSTANCE).min(RuntimeLimits::default().instances as usize);
    let found = format!("{max} (vm.max_map_count): about {warm} warm apps");
    if warm >= WARM_APPS {
        return Diagnosis::ok("mappings", found);
    }
    Diagnosis::not(State::Warn, "mappings", found, "sysctl vm.max_map_count=1048576")
}

fn open_files() -> Diagnosis {
    let limits = read("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap_or_default();
    let mut numbers = line["Max open files".len().min(line.len())..].split_ascii_whitespace();
    let mut next = || numbers.next().and_then(|text| if text == "unlimited" { Some(u64::MAX) } else { text.parse().ok() });
    let (soft, hard) = (next().unwrap_or(0), next().unwrap_or(0));
    let show = |number: u64| if number == u64::MAX { "unlimited".to_string() } else { number.to_string() };
    let found = format!("{}, at most {}", show(soft), show(hard));
    // Whatever it begins with, it takes all that it may.
    if hard >= FILES {
        return Diagnosis::ok("open files", found);
    }
    let remedy = format!("ulimit -n {FILES}; for services LimitNOFILE={FILES}: each connection is a file");
    Diagnosis::not(State::Warn, "open files", found, remedy)
}

fn inotify() -> Vec<Diagnosis> {
    let mut all = Vec::new();
    for (name, file, wanted) in [("inotify watches", "max_user_watches", WATCHES), ("inotify instances", "max_user_instances", 32)] {
        let path = format!("/proc/sys/fs/inotify/{file}");
        all.push(match number(&path) {
            Some(max) if max >= wanted => Diagnosis::ok(name, max.to_string()),
            Some(max) => Diagnosis::not(State::Warn, name, max.to_string(), format!("sysctl fs.inotify.{file}={}", wanted * 8)),
            None => Diagnosis::not(State::Warn, name, "not available", "changes are found by looking once a second"),
        });
    }
    all
}

fn port_free(port: u16, option: &str) -> Diagnosis {
    let name = match port {
        8787 => "port 8787",
        9787 => "port 9787",
        _ => "port 9229",
    };
    match TcpListener::bind(("127.0.0.1", port)) {
        Ok(_) => Diagnosis::ok(name, "free"),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            let found = format!("in use{}", owner(port).map_or(String::new(), |owner| format!(" by {owner}")));
            Diagnosis::not(State::Warn, name, found, format!("choose another one with {option}"))
        }
        Err(error) => Diagnosis::not(State::Warn, name, error.to_string(), format!("choose another one with {option}")),
    }
}

/// Who listens on a port, if that may be known.
fn owner(port: u16) -> Option<String> {
    const LISTENS: &str = "0A";
    let inode_in = |table: &str| {
        let text = read(table)?;
        text.lines().skip(1).find_map(|line| {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let (_, local) = fields.get(1)?.rsplit_once(':')?;
            let is_it = u16::from_str_radix(local, 16).ok()? == port && *fields.get(3)? == LISTENS;
            is_it.then(|| fields.get(9).map(|inode| inode.to_string())).flatten()
        })
    };
    let inode = inode_in("/proc/self/net/tcp").or_else(|| inode_in("/proc/self/net/tcp6"))?;
    let socket = format!("socket:[{inode}]");
    for process in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let Ok(descriptors) = fs::read_dir(process.path().join("fd")) else { continue };
        let mut links = descriptors.flatten().filter_map(|fd| fs::read_link(fd.path()).ok());
        if links.any(|link| link.as_os_str() == socket.as_str()) {
            let name = read(&format!("/proc/{pid}/comm")).unwrap_or_default();
            return Some(format!("{name} (process {pid})"));
        }
    }
    None
}

/// Apps answer at NAME.localhost: browsers know that it is this machine, other programs ask the system.
fn localhost() -> Diagnosis {
    use std::net::ToSocketAddrs;
    let name = "nanod-doctor.localhost";
    match (name, 80).to_socket_addrs() {
        Ok(addresses) if addresses.as_slice().iter().all(|address| address.ip().is_loopback()) => {
            Diagnosis::ok("NAME.localhost", "is this machine")
        }
        _ => {
            let remedy = "browsers and curl know it anyway; for others add \"127.0.0.1 NAME.localhost\" to /etc/hosts";
            Diagnosis::not(State::Warn, "NAME.localhost", "is not known to the system's resolver", remedy)
        }
    }
}
