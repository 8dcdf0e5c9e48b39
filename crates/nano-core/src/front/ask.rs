//! What the protocols have in common: whose a request is, and what is answered when it is nobody's.

use nano_base::http::{RequestHead, ResponseHead};

use super::listen::{Route, Shared};
use super::problem;
use crate::app::App;

/// An answer that no app has given.
pub(super) type Answer = (ResponseHead, Vec<u8>);

/// The app that a request is for, or what it is answered with.
pub(super) fn route(shared: &Shared, head: &RequestHead, server_wide: bool) -> Result<App, Answer> {
    if server_wide {
        // What `OPTIONS *` is answered with: nothing in particular is offered.
        return Err((ResponseHead { status: 204, ..ResponseHead::default() }, Vec::new()));
    }
    let (host, path) = host_and_path(&head.url);
    match shared.router.route(host, path) {
        Route::App(app) => Ok(app),
        Route::Reply(head, body) => Err((head, body)),
        Route::Nobody => Err(problem::nobody(host)),
    }
}

/// The host, without its port, and the path of a URL as the parser of requests writes it.
fn host_and_path(url: &str) -> (&str, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let path = path.split(['?', '#']).next().unwrap_or(path);
    let host = match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
        _ => authority,
    };
    (host, if path.is_empty() { "/" } else { path })
}
