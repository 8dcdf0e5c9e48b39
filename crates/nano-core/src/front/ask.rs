//! What the protocols have in common: whose a request is, and what is answered when it is nobody's.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use nano_base::http::{RequestHead, ResponseHead};
use nano_base::problem::Problem;
use nano_base::status::Error;
use nano_http::h1::Scheme;

use super::listen::{Answered, Route, Shared};
use super::sender;
use crate::app::App;
use crate::request::{Job, Work};

/// An answer that no app has given.
pub(super) type Answer = (ResponseHead, Vec<u8>);

/// One of the connections that are at an app: no app may have all of them.
#[derive(Debug)]
pub(super) struct Seat(App);

impl Seat {
    fn take(app: &App, max: usize) -> Option<Self> {
        let occupied = &app.shared.connections;
        // Beyond the limit by as many as there are shards, at worst: nothing depends on the last one.
        if occupied.load(Ordering::Relaxed) >= max {
            return None;
        }
        occupied.fetch_add(1, Ordering::Relaxed);
        Some(Self(app.clone()))
    }

    /// Whose it is.
    pub(super) fn app(&self) -> &App {
        &self.0
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.shared.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The seats of a connection with many requests at once: those for one app share one.
#[derive(Default)]
pub(super) struct Seats(Vec<Weak<Seat>>);

impl Seats {
    fn seat(&mut self, app: &App, max: usize) -> Option<Arc<Seat>> {
        self.0.retain(|seat| seat.strong_count() > 0);
        let mut taken = self.0.iter().filter_map(Weak::upgrade);
        if let Some(seat) = taken.find(|seat| Arc::ptr_eq(&seat.0.shared, &app.shared)) {
            return Some(seat);
        }
        let seat = Arc::new(Seat::take(app, max)?);
        self.0.push(Arc::downgrade(&seat));
        Some(seat)
    }
}

/// The app that a request is for, with a seat at it for the connection, or what it is answered with.
pub(super) fn route(shared: &Shared, head: &RequestHead, server_wide: bool) -> Result<Seat, Answer> {
    route_with(shared, head, server_wide, Seat::take)
}

/// The same for a connection that may have others.
pub(super) fn route_among(shared: &Shared, seats: &mut Seats, head: &RequestHead, server_wide: bool) -> Result<Arc<Seat>, Answer> {
    route_with(shared, head, server_wide, |app, max| seats.seat(app, max))
}

fn route_with<S>(shared: &Shared, head: &RequestHead, server_wide: bool, seat: impl FnOnce(&App, usize) -> Option<S>) -> Result<S, Answer> {
    if server_wide {
        // What `OPTIONS *` is answered with: nothing in particular is offered.
        return Err((ResponseHead { status: 204, ..ResponseHead::default() }, Vec::new()));
    }
    let (host, path) = host_and_path(&head.url);
    let problem = match shared.router.route_request(head, host, path) {
        Route::App(app) => match seat(&app, shared.limits.connections_of_app) {
            Some(seat) => return Ok(seat),
            None => Problem::TOO_MANY_CONNECTIONS,
        },
        Route::Reply(head, body) => return Err((head, body)),
        Route::Nobody => Problem::NO_APP,
        Route::Refused(problem) => problem,
    };
    let id = head.headers.value(b"x-request-id").and_then(|id| std::str::from_utf8(id).ok());
    Err(problem.answer(id.unwrap_or_default()))
}

/// Writes into a request who sends it.
pub(super) fn introduce(head: &mut RequestHead, peer: Option<IpAddr>, scheme: Scheme, shared: &Shared) {
    sender::introduce(head, peer, scheme == Scheme::Https, shared.router.is_behind_proxy());
}

/// What is answered when a request has ended in an error.
pub(super) fn failed(error: &Error, work: &Work) -> Answer {
    Problem::of(error).answer(&format!("{:016x}", work.id.load(Ordering::Relaxed)))
}

/// What is answered when an app has failed for want of a body that its client has not sent in time.
pub(super) fn late(work: &Work) -> Answer {
    Problem::REQUEST_TIMEOUT.answer(&format!("{:016x}", work.id.load(Ordering::Relaxed)))
}

/// Tells a router that wants to hear of it how a request ended.
pub(super) fn tell(shared: &Shared, work: &Work, status: u16, error: Option<&Error>) {
    if shared.router.is_curious()
        && let Some(answered) = answered(work, status, error)
    {
        shared.router.answered(&answered);
    }
}

/// What a client reads whose request has failed, if the router has anything to say.
pub(super) fn explain(shared: &Shared, work: &Work, error: &Error) -> Option<Answer> {
    if !shared.router.is_curious() {
        return None;
    }
    shared.router.explain(&answered(work, error.http_status(), Some(error))?)
}

fn answered<'a>(work: &'a Work, status: u16, error: Option<&'a Error>) -> Option<Answered<'a>> {
    let Job::Fetch(request) = &work.job else { return None };
    let id = work.id.load(Ordering::Relaxed);
    Some(Answered { app: &work.app.name, id, request, status, error, account: work.account() })
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
