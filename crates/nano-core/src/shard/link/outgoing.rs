//! A request that an instance sends to the network: between its JavaScript and the shard's HTTP client, all on one thread.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use nano_base::http::{Headers, RequestHead, ResponseHead};
use nano_base::limits::{BODY_STEP_BYTES, BODY_WINDOW_BYTES, HTTP_HEAD_BYTES_MAX, WAITING_RESPONSES_MAX};
use nano_engine::{Delivery, Outbound, Pull, Refusal};
use nano_net::failure::{Failure, FailureKind};
use nano_net::http::{Body as Upload, Exchange, Handle, Piece, Request};
use nano_net::policy::Policy;
use nano_net::reactor::Reactor;

use super::expense::Credit;
use super::waiting::Opening;
use super::{Active, Link};
use crate::pipe::{Held, Pipe, Pushed};
use crate::request::{Body, Spent};

/// The binding that stands for the network.
pub(crate) const NETWORK: u32 = u32::MAX;

/// One request to the network.
pub(super) struct Outgoing {
    link: Weak<Link>,
    local: u32,
    handle: RefCell<Option<Handle>>,
    /// The response's body.
    body: RefCell<Pipe>,
    /// What is sent and has not been taken.
    upload: RefCell<VecDeque<Vec<u8>>>,
    /// How much of the first of it has been.
    at: Cell<usize>,
    uploading: Cell<bool>,
    /// The app was told that there is no room.
    full: Cell<bool>,
    /// Of the upload, or of a whole body until it is sent.
    held: RefCell<Held>,
    /// What undoing the response's coding takes.
    window: RefCell<Held>,
    /// What has come of the response that its body has no room for.
    early: RefCell<Held>,
    credit: Credit,
    pub answered: Cell<bool>,
    over: Cell<bool>,
}

impl Link {
    /// Sends a request to the network, within the limits of the event that asks for it.
    pub(super) fn open_fetch(self: &Rc<Self>, policy: &Arc<Policy>, head: RequestHead, body: Outbound) -> Result<u32, Refusal> {
        let head_bytes = head.url.len() + head.headers.bytes();
        if head_bytes > HTTP_HEAD_BYTES_MAX {
            return Err(Refusal(format!("the request's URL and headers have {head_bytes} bytes; the most is {HTTP_HEAD_BYTES_MAX}")));
        }
        let current = self.count_call()?;
        let local = self.number();
        let held = Held::of(&self.app, bytes_held(&head, &body));
        let outgoing = Rc::new(Outgoing {
            link: Rc::downgrade(self),
            local,
            handle: RefCell::default(),
            body: Pipe::new(Body::None, &self.app).into(),
            upload: RefCell::default(),
            at: Cell::new(0),
            uploading: Cell::new(matches!(body, Outbound::Stream(_))),
            full: Cell::new(false),
            held: held.into(),
            window: Held::of(&self.app, 0).into(),
            early: Held::of(&self.app, 0).into(),
            credit: Credit::default(),
            answered: Cell::new(false),
            over: Cell::new(false),
        });
        let body = match body {
            Outbound::None => Upload::None,
            Outbound::Whole(bytes) => {
                outgoing.credit.moved(bytes.len());
                Upload::Whole(bytes)
            }
            Outbound::Stream(length) => Upload::Stream(length),
        };
        let request = Request { app: self.app.key, policy: policy.clone(), head, body };
        self.open_soon(local, current.as_ref(), Opening::Fetch(outgoing.clone(), request))?;
        self.active.borrow_mut().insert(local, Active::Fetch(outgoing, current));
        Ok(local)
    }

    /// Counts one more call of the current event, if its limits allow that.
    pub(super) fn count_call(&self) -> Result<Option<Arc<Spent>>, Refusal> {
        let limits = &self.version.limits;
        let current = self.current.borrow().clone();
        if let Some(spent) = &current
            && spent.subrequests.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= limits.subrequests
        {
            return Err(Refusal(format!("the request has made {} calls (limit subrequests)", limits.subrequests)));
        }
        Ok(current)
    }

    /// The next call of the current event counts for nothing.
    pub(super) fn uncount_call(&self) {
        if let Some(spent) = &*self.current.borrow() {
            let order = std::sync::atomic::Ordering::Relaxed;
            let _ = spent.subrequests.fetch_update(order, order, |count| count.checked_sub(1));
        }
    }

    pub(super) fn fetch(&self, id: u32) -> Option<Rc<Outgoing>> {
        match self.active.borrow().get(&id)? {
            Active::Fetch(outgoing, _) => Some(outgoing.clone()),
            _ => None,
        }
    }

    /// The instance wants nothing more of a request to the network.
    pub(super) fn end_fetch(&self, outgoing: &Outgoing) {
        self.active.borrow_mut().remove(&outgoing.local);
        self.let_go(outgoing);
        if outgoing.uploading.replace(false) {
            // It wakes up to find that nobody takes the rest.
            self.deliver(Delivery::WriteReady(outgoing.local));
        }
    }

    /// It ends without a word to the instance.
    pub(super) fn let_go(&self, outgoing: &Outgoing) {
        outgoing.answered.set(true);
        self.settled(outgoing.local);
        self.waits_no_more(outgoing.local);
        outgoing.over.set(true);
        outgoing.drop_upload();
        let handle = outgoing.handle.borrow_mut().take();
        if let (Some(handle), Some(reactor)) = (handle, self.desk.outside.reactor()) {
            handle.abort(reactor);
        }
    }

    /// Something has come that is not a command: the thread sees to it before it sleeps.
    pub(super) fn deliver(&self, delivery: Delivery) {
        self.pending.borrow_mut().push_back(delivery);
        self.desk.outside.woken.borrow_mut().push(self.slot.get());
    }
}

/// The app's side.
impl Outgoing {
    /// Sends it off.
    pub(super) fn open(self: &Rc<Self>, link: &Link, request: Request) -> Result<(), Refusal> {
        let desk = &link.desk;
        let sent = desk.outside.send(desk, &link.app, request, self.clone());
        *self.handle.borrow_mut() = Some(sent.map_err(|failure| Refusal(failure.message))?);
        Ok(())
    }

    /// 0 none, 1 whole, 2 streaming.
    pub(super) fn kind(&self) -> u32 {
        self.body.borrow().kind()
    }

    /// How many bytes it has, if that is known.
    pub(super) fn length(&self) -> Option<u64> {
        self.body.borrow().length
    }

    /// The next piece of the response's body.
    pub(super) fn pull(&self, link: &Link) -> Pull {
        let (pull, tell) = self.body.borrow_mut().pull();
        if tell {
            self.with_client(link, Handle::resume);
        }
        if matches!(pull, Pull::End | Pull::Broken(_)) {
            link.end_fetch(self);
        }
        pull
    }

    /// A piece of the request's body; the room that is left, or none when nobody takes it.
    pub(super) fn write(&self, link: &Link, bytes: Vec<u8>) -> Option<i64> {
        if self.over.get() || !self.uploading.get() {
            return None;
        }
        if !bytes.is_empty() {
            self.held.borrow_mut().add(bytes.len());
            let mut upload = self.upload.borrow_mut();
            match upload.back_mut().filter(|last| last.len() + bytes.len() <= BODY_STEP_BYTES) {
                // Many small pieces would take more memory than is counted.
                Some(last) => last.extend_from_slice(&bytes),
                None => upload.push_back(bytes),
            }
            drop(upload);
            self.with_client(link, Handle::body_ready);
        }
        let room = BODY_WINDOW_BYTES as i64 - self.held.borrow().bytes() as i64;
        self.full.set(room <= 0);
        Some(room)
    }

    /// The request's body is complete.
    pub(super) fn end(&self, link: &Link) {
        self.uploading.set(false);
        self.with_client(link, Handle::body_ready);
    }

    fn with_client(&self, link: &Link, act: impl FnOnce(&Handle, &Reactor)) {
        let handle = self.handle.borrow().clone();
        if let (Some(handle), Some(reactor)) = (handle, link.desk.outside.reactor()) {
            act(&handle, reactor);
        }
    }

    /// The app hears of the network, in a turn that follows.
    fn tell(&self, delivery: Delivery) {
        if let Some(link) = self.link.upgrade() {
            link.deliver(delivery);
        }
    }

    /// The network is left, and the app hears why, unless it has heard the end.
    pub(super) fn give_up(&self, link: &Link, why: &str) {
        let handle = self.handle.borrow_mut().take();
        if let (Some(handle), Some(reactor)) = (handle, link.desk.outside.reactor()) {
            handle.abort(reactor);
            self.fail(reactor, Failure::new(FailureKind::Limit, why));
        }
    }

    /// Nothing of the request's body is needed any more.
    fn drop_upload(&self) {
        self.upload.borrow_mut().clear();
        self.at.set(0);
        let mut held = self.held.borrow_mut();
        let bytes = held.bytes();
        held.take(bytes);
    }

    fn answer(&self) {
        self.answered.set(true);
        if let Some(link) = self.link.upgrade() {
            link.settled(self.local);
        }
    }
}

/// The network's side.
impl Exchange for Outgoing {
    fn head(&self, _: &Reactor, head: ResponseHead, decoded: bool) {
        if let Some(link) = self.link.upgrade() {
            let length = head.headers.content_length().filter(|_| !decoded);
            *self.body.borrow_mut() = Pipe::stream(length, &link.app);
        }
        self.answer();
        let head = if decoded { without_coding(head) } else { head };
        self.tell(Delivery::CallHead(self.local, head));
    }

    fn room(&self) -> usize {
        let mut body = self.body.borrow_mut();
        // Nobody reads on: the rest is dropped as it comes, until the request is let go.
        body.room_to_write().min(BODY_WINDOW_BYTES)
    }

    fn data(&self, _: &Reactor, bytes: Vec<u8>) {
        self.credit.moved(bytes.len());
        let (pushed, tell) = self.body.borrow_mut().push(bytes);
        debug_assert!(!matches!(pushed, Pushed::TooLarge(_)), "there was room");
        if tell {
            self.tell(Delivery::BodyReady(self.local));
        }
    }

    fn sent(&self) {
        self.drop_upload();
    }

    fn end(&self, _: &Reactor) {
        self.handle.borrow_mut().take();
        self.drop_upload();
        if self.body.borrow_mut().end() {
            self.tell(Delivery::BodyReady(self.local));
        }
    }

    fn fail(&self, _: &Reactor, failure: Failure) {
        self.over.set(true);
        self.handle.borrow_mut().take();
        self.drop_upload();
        if !self.answered.get() {
            self.answer();
            self.tell(Delivery::CallFail(self.local, format!("fetch failed: {failure}")));
        } else if self.body.borrow_mut().break_off(&failure.message) {
            self.tell(Delivery::BodyReady(self.local));
        }
    }

    fn pull(&self, _: usize) -> Piece {
        let mut upload = self.upload.borrow_mut();
        let at = self.at.get();
        let Some(first) = upload.front() else {
            return if self.uploading.get() { Piece::Wait } else { Piece::End };
        };
        // What the network has is not counted: it is never more than the window.
        if first.len() - at > BODY_WINDOW_BYTES {
            let bytes = first[at..at + BODY_WINDOW_BYTES].to_vec();
            self.credit.moved(bytes.len());
            self.at.set(at + bytes.len());
            return Piece::Bytes(bytes);
        }
        let Some(mut bytes) = upload.pop_front() else { return Piece::Wait };
        self.at.set(0);
        let mut held = self.held.borrow_mut();
        held.take(bytes.len());
        if at > 0 {
            bytes = bytes.split_off(at);
        }
        self.credit.moved(bytes.len());
        if held.bytes() <= BODY_WINDOW_BYTES / 2 && self.full.replace(false) {
            self.tell(Delivery::WriteReady(self.local));
        }
        Piece::Bytes(bytes)
    }

    fn hold(&self, before: usize, after: usize) -> bool {
        let mut window = self.window.borrow_mut();
        let fits = after <= before || window.has_room_for(after - before);
        if fits {
            window.add(after.saturating_sub(before));
            window.take(before.saturating_sub(after));
        }
        fits
    }

    fn keep(&self, _: usize, after: usize) -> bool {
        let mut early = self.early.borrow_mut();
        // The server was told that it may send it: an app that has no room for more takes less from then on, and that has to be enough.
        let app = self.link.upgrade().map(|link| link.app.clone()).filter(|_| after > early.bytes());
        let fits = app.is_none_or(|app| {
            let max = app.limits().external_bytes.saturating_mul(WAITING_RESPONSES_MAX);
            app.waiting_bytes() + (after - early.bytes()) as u64 <= max as u64
        });
        if fits {
            early.set(after);
        }
        fits
    }

    fn worked(&self, _: &Reactor) {
        if let Some(link) = self.link.upgrade() {
            link.bill_outside(self.local, &self.credit);
        }
    }
}

/// What is kept of a request until it is sent. What may have to be sent again is kept twice; of a stream only its pieces are counted, by
/// which it is held back.
fn bytes_held(head: &RequestHead, body: &Outbound) -> usize {
    let Outbound::Whole(body) = body else { return 0 };
    let copies = if matches!(&*head.method, "PUT" | "DELETE") { 2 } else { 1 };
    copies * body.len()
}

/// What is decoded has neither the coding nor the length that it had: an app that passes the response on must not say so.
fn without_coding(head: ResponseHead) -> ResponseHead {
    let mut headers = Headers::new();
    let mut kept = true;
    for (name, value) in head.headers.iter().filter(|(name, _)| !matches!(*name, b"content-encoding" | b"content-length")) {
        kept &= headers.push(name, value);
    }
    debug_assert!(kept, "what was a header is one");
    ResponseHead { headers, ..head }
}
