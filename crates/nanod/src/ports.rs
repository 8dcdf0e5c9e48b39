//! Where nanod listens: where it was told to, and on the ports that routes name, for as long as they do.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;

use nano_base::sys::file::read_small;
use nano_config::cli::Address;
use nano_core::limits::ROUTE_PORTS_MAX;
use nano_core::{Certificate, CertificatePart, ListenLimits, ListenOptions, Listener, Runtime, TlsOptions};

use crate::routes::Current;
use crate::serve::Options;
use crate::{named, notify, output};

/// The listeners.
pub struct Ports {
    /// Who serves what comes in, once that is known.
    runtime: Option<Arc<Runtime>>,
    current: Current,
    limits: ListenLimits,
    /// The files of the certificates and their key, if TLS is spoken, and what was in them.
    tls: Option<((PathBuf, PathBuf), TlsOptions)>,
    places: Vec<Place>,
    told: Vec<Listener>,
    by_route: BTreeMap<u16, Vec<Listener>>,
    /// Ports that could not be had, which has been said.
    failed: BTreeSet<u16>,
    /// A supervisor has bound what there is: nothing is added here.
    fixed: bool,
}

impl Ports {
    /// Where nanod was told to listen, or the sockets that it was given. Nothing is open yet.
    pub fn new(current: &Current, options: &Options, given: Option<Vec<String>>) -> Result<Self, String> {
        let tls = match &options.tls {
            Some(files) => {
                let certificates = vec![certificate(files)?];
                Some((files.clone(), TlsOptions { certificates, ..TlsOptions::default() }))
            }
            None => None,
        };
        let fixed = given.is_some();
        let places: Vec<Place> = match given {
            Some(given) => given.into_iter().map(Place::One).collect(),
            None => options.listen.iter().map(places).collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect(),
        };
        let (current, limits) = (current.clone(), options.limits.clone());
        let (told, by_route, failed) = (Vec::new(), BTreeMap::new(), BTreeSet::new());
        Ok(Self { runtime: None, current, limits, tls, places, told, by_route, failed, fixed })
    }

    /// Whether the addresses can be had, now. They are not kept: until apps are there nobody is to connect.
    pub fn check(&self) -> Result<(), String> {
        let can_bind = |address: &str| nano_core::bind(address).map(drop).map_err(|error| error.message);
        for place in &self.places {
            match place {
                Place::One(address) if address.starts_with("fd:") => {}
                Place::One(address) => can_bind(address)?,
                Place::Everywhere(port) => {
                    let four = can_bind(&format!("0.0.0.0:{port}"));
                    four.or_else(|why| can_bind(&format!("[::]:{port}")).map_err(|_| why))?;
                }
            }
        }
        Ok(())
    }

    /// Who serves what comes in.
    pub fn set_runtime(&mut self, runtime: &Arc<Runtime>) {
        self.runtime = Some(runtime.clone());
    }

    /// Listens.
    pub fn open(&mut self) -> Result<(), String> {
        for place in std::mem::take(&mut self.places) {
            let listener = match &place {
                Place::One(address) => self.listen(address)?,
                // The same port on all addresses of either family; a machine may have only one of them.
                Place::Everywhere(port) => {
                    let four = self.listen(&format!("0.0.0.0:{port}"));
                    let port = four.as_ref().ok().and_then(port_of).unwrap_or(*port);
                    match (four, self.listen(&format!("[::]:{port}"))) {
                        (Ok(four), six) => {
                            self.told.extend(six.ok());
                            four
                        }
                        (Err(_), Ok(six)) => six,
                        (Err(why), Err(_)) => return Err(why),
                    }
                }
            };
            self.told.push(listener);
        }
        Ok(())
    }

    /// What URLs of what comes in begin with.
    pub fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }

    /// What clients connect to.
    pub fn addresses(&self) -> Vec<String> {
        self.told.iter().chain(self.by_route.values().flatten()).map(|listener| listener.address().to_string()).collect()
    }

    /// A port to show in URLs.
    pub fn port(&self) -> Option<u16> {
        self.told.iter().find_map(port_of)
    }

    /// Listens on the ports that routes name now, and no longer on those that none does.
    pub fn follow(&mut self) {
        let told: BTreeSet<u16> = self.told.iter().filter_map(port_of).collect();
        let wanted: BTreeSet<u16> = self.current.ports().into_iter().filter(|port| !told.contains(port)).collect();
        self.failed.retain(|port| wanted.contains(port));
        let gone: Vec<u16> = self.by_route.keys().filter(|port| !wanted.contains(port)).copied().collect();
        for port in gone {
            // Connections end with the request they are at.
            self.by_route.remove(&port);
            output::say(&format!("no route names port {port} any more: it is closed"));
        }
        for port in wanted {
            if self.by_route.contains_key(&port) {
                continue;
            }
            match self.open_port(port) {
                Ok(listeners) => {
                    output::say(&format!("a route names port {port}: listening on {}", addresses(&listeners)));
                    self.failed.remove(&port);
                    self.by_route.insert(port, listeners);
                }
                Err(why) if self.failed.insert(port) => output::complain(&format!("a route names port {port}: {why}")),
                Err(_) => {}
            }
        }
    }

    /// Accepts no more.
    pub fn close(&mut self) {
        self.told.iter().chain(self.by_route.values().flatten()).for_each(Listener::close);
    }

    /// Reads the certificates again, for the connections to come, also to ports that are opened later.
    pub fn renew_certificates(&mut self) {
        let Some((files, options)) = &mut self.tls else { return };
        let renewed = certificate(files).and_then(|certificate| {
            let certificates = vec![certificate];
            let mut all = self.told.iter().chain(self.by_route.values().flatten());
            all.try_for_each(|listener| listener.set_certificates(&certificates)).map_err(|error| error.message)?;
            options.certificates = certificates;
            Ok(())
        });
        if let Err(why) = renewed {
            output::complain(&format!("{why}; the certificates there are go on"));
        }
    }

    /// The addresses that nanod was told, with another port.
    fn open_port(&self, port: u16) -> Result<Vec<Listener>, String> {
        if self.fixed {
            return Err(format!("with --workers the supervisor listens; add --listen HOST:{port}"));
        }
        if self.by_route.len() >= ROUTE_PORTS_MAX {
            return Err(format!("routes can name {ROUTE_PORTS_MAX} ports at most"));
        }
        let told = self.told.iter().filter_map(|listener| listener.address().parse::<SocketAddr>().ok());
        let hosts: BTreeSet<SocketAddr> = told.map(|address| SocketAddr::new(address.ip(), port)).collect();
        if hosts.is_empty() {
            return Err(format!("nanod was told no address of TCP; add --listen HOST:{port}"));
        }
        hosts.iter().map(|address| self.listen(&address.to_string())).collect()
    }

    fn listen(&self, address: &str) -> Result<Listener, String> {
        let router = Arc::new(self.current.router());
        let tls = self.tls.as_ref().map(|(_, options)| options.clone());
        let options = ListenOptions { address: address.to_string(), router: router.clone(), limits: self.limits.clone(), tls };
        let Some(runtime) = &self.runtime else { return Err("there is nobody to serve".into()) };
        let listener = runtime.listen(options).map_err(|error| error.message)?;
        router.set_address(listener.address());
        Ok(listener)
    }
}

/// A certificate and its key, from their files, if they can be used.
fn certificate((chain, key): &(PathBuf, PathBuf)) -> Result<Certificate, String> {
    let read =
        |path: &PathBuf, option: &str| read_small(path).map_err(|error| format!("{option}: {}", named::unreadable_file(path, &error)));
    let certificate = Certificate { chain: read(chain, "--tls-cert")?, key: read(key, "--tls-key")? };
    certificate.check().map_err(|(part, why)| match part {
        CertificatePart::Chain => format!("--tls-cert: {} cannot be used: {why}", chain.display()),
        CertificatePart::Key => format!("--tls-key: {} cannot be used: {why}", key.display()),
    })?;
    Ok(certificate)
}

/// Whether the certificate can be used that somebody else will serve with.
pub fn check_certificate(options: &Options) -> Result<(), String> {
    options.tls.as_ref().map_or(Ok(()), |files| certificate(files).map(drop))
}

/// Where to listen for one address of the command line.
#[derive(Clone, Debug)]
enum Place {
    One(String),
    Everywhere(u16),
}

fn places(address: &Address) -> Result<Vec<Place>, String> {
    match address {
        Address::Everywhere(port) => Ok(vec![Place::Everywhere(*port)]),
        Address::Tcp(host, port) if host == "localhost" => Ok(vec![Place::One(format!("127.0.0.1:{port}"))]),
        Address::Tcp(host, port) => {
            let failed = |error: &dyn std::fmt::Display| format!("cannot listen on {address}: {error}");
            let found = (host.as_str(), *port).to_socket_addrs().map_err(|error| failed(&error))?;
            let all: BTreeSet<SocketAddr> = found.collect();
            if all.is_empty() {
                return Err(failed(&"the name has no address"));
            }
            Ok(all.iter().map(|address| Place::One(address.to_string())).collect())
        }
        Address::Unix(_) => Ok(vec![Place::One(address.to_string())]),
        Address::Systemd => {
            let inherited = notify::inherited();
            if inherited.is_empty() {
                return Err("--listen systemd: no sockets were handed over (LISTEN_FDS); start nanod from a socket unit".into());
            }
            Ok(inherited.into_iter().map(Place::One).collect())
        }
    }
}

/// The texts that the core listens on for an address of the command line, for whoever binds without a runtime: those in one list are one
/// port of several families, of which one is enough.
pub fn texts(address: &Address) -> Result<Vec<Vec<String>>, String> {
    let text = |place| match place {
        Place::One(text) => vec![text],
        Place::Everywhere(port) => vec![format!("0.0.0.0:{port}"), format!("[::]:{port}")],
    };
    Ok(places(address)?.into_iter().map(text).collect())
}

fn port_of(listener: &Listener) -> Option<u16> {
    listener.address().parse::<SocketAddr>().ok().map(|address| address.port())
}

fn addresses(listeners: &[Listener]) -> String {
    listeners.iter().map(|listener| listener.address().to_string()).collect::<Vec<_>>().join(", ")
}
