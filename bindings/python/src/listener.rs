//! The built-in HTTP server: requests go to their apps and responses to their clients, and no word of either to Python.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nano_core::{Certificate, Hosts, ListenLimits, ListenOptions, TlsOptions};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::app::App;
use crate::error::{OrRaise, check_process, exception, is_forked, wrong_type};
use crate::options::{explain, invalid};

/// A chain and a key, each as PEM.
type Given = (Vec<u8>, Vec<u8>);

/// Where to listen, and for whom.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct GivenListener<'py> {
    address: String,
    /// Host, path, and whose they are.
    routes: Vec<(String, String, PyRef<'py, App>)>,
    certificates: Option<Vec<Given>>,
    behind_proxy: bool,
    limits: Bound<'py, PyDict>,
}

impl GivenListener<'_> {
    pub(crate) fn into_core(self, py: Python<'_>) -> PyResult<ListenOptions> {
        let mut hosts = Hosts::new();
        hosts.set_behind_proxy(self.behind_proxy);
        for (host, path, app) in self.routes {
            hosts.insert(&host, &path, app.core().clone()).or_raise(py)?;
        }
        let mut limits = ListenLimits::default();
        let mut tls = TlsOptions::default();
        set_limits(&mut limits, &mut tls, &self.limits)?;
        let tls = self.certificates.map(|given| TlsOptions { certificates: certificates(given), ..tls });
        Ok(ListenOptions { address: self.address, router: Arc::new(hosts), limits, tls })
    }
}

/// A number, wherever it is.
enum Limit<'a> {
    Count(&'a mut usize),
    Milliseconds(&'a mut u64),
}

/// All limits by their names, as `nano_listen_options` has them.
fn by_name<'a>(limits: &'a mut ListenLimits, tls: &'a mut TlsOptions) -> [(&'static str, Limit<'a>); 8] {
    use Limit::{Count, Milliseconds};
    [
        ("connections", Count(&mut limits.connections)),
        ("connections_of_app", Count(&mut limits.connections_of_app)),
        ("head_ms", Milliseconds(&mut limits.head_ms)),
        ("idle_ms", Milliseconds(&mut limits.idle_ms)),
        ("body_ms", Milliseconds(&mut limits.body_ms)),
        ("head_bytes", Count(&mut limits.head.head_bytes)),
        ("headers", Count(&mut limits.head.headers)),
        ("handshake_ms", Milliseconds(&mut tls.handshake_ms)),
    ]
}

fn set_limits(limits: &mut ListenLimits, tls: &mut TlsOptions, given: &Bound<'_, PyDict>) -> PyResult<()> {
    let py = given.py();
    let mut all = by_name(limits, tls);
    for (name, value) in given {
        let name = name.extract::<String>()?;
        let Some((name, limit)) = all.iter_mut().find(|(known, _)| *known == name) else {
            return Err(wrong_type(py, &format!("there is no limit \"{name}\"")));
        };
        match (value.extract::<u32>().map_err(|error| explain(py, name, error))?, limit) {
            // Where C has it for the default.
            (0, _) => return Err(exception(py, invalid(format!("{name} is 0; it is above that, or left out")))),
            (value, Limit::Count(limit)) => **limit = value as usize,
            (value, Limit::Milliseconds(limit)) => **limit = value.into(),
        }
    }
    Ok(())
}

fn certificates(given: Vec<Given>) -> Vec<Certificate> {
    given.into_iter().map(|(chain, key)| Certificate { chain, key }).collect()
}

/// The limits of a listener, with their defaults. What is zero follows from the others.
#[pyfunction]
pub(crate) fn listen_limits(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let (mut limits, mut tls) = (ListenLimits::default(), TlsOptions::default());
    let all = PyDict::new(py);
    for (name, limit) in by_name(&mut limits, &mut tls) {
        match limit {
            Limit::Count(limit) => all.set_item(name, *limit)?,
            Limit::Milliseconds(limit) => all.set_item(name, *limit)?,
        }
    }
    Ok(all)
}

#[pyclass(frozen, module = "nano_isolates._nano")]
pub(crate) struct Listener {
    core: Arc<nano_core::Listener>,
    is_closed: AtomicBool,
}

impl Listener {
    pub(crate) fn new(core: nano_core::Listener) -> Self {
        Self { core: Arc::new(core), is_closed: AtomicBool::new(false) }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // What watches its sockets is the parent's, too: a forked child leaves it as it is.
        if is_forked() {
            std::mem::forget(self.core.clone());
        }
    }
}

#[pymethods]
impl Listener {
    #[getter]
    fn address(&self) -> &str {
        self.core.address()
    }

    #[getter]
    fn closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    #[getter]
    fn connections(&self, py: Python<'_>) -> PyResult<usize> {
        check_process(py)?;
        Ok(self.core.connections())
    }

    #[pyo3(signature = (certificates, /))]
    fn set_certificates(&self, py: Python<'_>, certificates: Vec<Given>) -> PyResult<()> {
        check_process(py)?;
        let certificates = self::certificates(certificates);
        py.detach(|| self.core.set_certificates(&certificates)).or_raise(py)
    }

    fn close(&self, py: Python<'_>) {
        if !is_forked() && !self.is_closed.swap(true, Ordering::AcqRel) {
            py.detach(|| self.core.close());
        }
    }
}
