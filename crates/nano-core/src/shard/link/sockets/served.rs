//! A WebSocket that an app has answered a request with. The connection is a pair of pipes to here, those that the request and its response
//! would have had; frames are made and read on the instance's thread, at the app's expense.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use nano_base::http::ResponseHead;
use nano_base::limits::{
    BODY_WINDOW_BYTES, WEBSOCKET_CLOSE_MS_MAX, WEBSOCKET_COMPRESS_BYTES_MIN, WEBSOCKET_FRAME_COST_BYTES, WEBSOCKET_OUTBOX_BYTES_MAX,
    WEBSOCKET_PONGS_BYTES_MAX, WEBSOCKET_SHARE_BYTES,
};
use nano_base::status::{Error, Status};
use nano_base::wheel::TimerKey;
use nano_engine::{Message, Pull, Refusal, SocketEvent};
use nano_http::ws::{self, Deflate, Event, Role, Violation};

use super::Wire;
use super::inbox::Inbox;
use crate::pipe::Held;
use crate::request::{Ending, Job, Listener, Work};
use crate::shard::Command;
use crate::shard::desk::Timer;
use crate::shard::link::Link;
use crate::wait::lock;

/// What a client says when it closes: a code and a reason, or nothing.
type Farewell = Option<(u16, String)>;

/// A server's frames have no mask.
const NO_MASK: [u8; 4] = [0; 4];

/// One of them.
pub(in crate::shard::link) struct Served {
    inbox: Inbox,
    /// The request, and its number here.
    work: Arc<Work>,
    request: u32,
    socket: RefCell<ws::Socket>,
    /// What has come and was not wanted yet, and how far it has been read.
    rest: RefCell<(Vec<u8>, usize)>,
    /// Bytes of messages since all was sent last.
    sent: Cell<usize>,
    /// Frames that wait, as far as is known, and what waited with the last of them.
    frames: Cell<usize>,
    waited: Cell<usize>,
    is_full: Cell<bool>,
    is_over: Cell<bool>,
    /// Nothing more comes; the app hears of that when it has had all that has come.
    is_ended: Cell<bool>,
    /// The client's last word, if that is why: it is answered when the app has had what came before it, and has said what it had to say.
    farewell: RefCell<Option<Farewell>>,
    timer: Cell<Option<TimerKey>>,
    /// What the timer waits for is that the app reads.
    awaits_reader: Cell<bool>,
}

impl Served {
    /// Answers a request with one.
    pub(super) fn accept(link: &Rc<Link>, request: u32, head: &ResponseHead) -> Result<(u32, Rc<Self>), Refusal> {
        let Some(work) = link.work(request) else { return Err(Refusal("the request has ended".into())) };
        // Whoever ends a request tells those sockets that there are by then.
        if work.is_done() || link.app.draining.load(Ordering::Acquire) {
            return Err(Refusal("the request has ended, or the app is being unloaded".into()));
        }
        let Job::Fetch(asked) = &work.job else { return Err(Refusal("an invocation cannot be answered with a WebSocket".into())) };
        let is_carried = match work.listener {
            Listener::Connection(_) => true,
            Listener::Queue => lock(&work.body).is_upgradable(),
            _ => false,
        };
        if !is_carried {
            let why = "the app answered with a WebSocket, and whoever asked did not say that it can carry one";
            link.finish(request, &work, Ending::Error(Error::new(Status::Unsupported, why).with_http_status(501)));
            return Err(Refusal(why.into()));
        }
        let opening = match ws::Opening::read(asked) {
            Ok(opening) => opening,
            Err(refused) => {
                // What a client does wrong is not the app's error: it hears nothing of it, and whoever asked is answered.
                let (head, body) = refused.answer(&format!("{:016x}", work.id.load(Ordering::Relaxed)));
                work.bytes_out.fetch_add(body.len() as u64, Ordering::Relaxed);
                link.finish(request, &work, Ending::Response(head, body));
                return Err(Refusal(format!("the request cannot be answered with a WebSocket: {refused}")));
            }
        };
        let protocol = head.headers.value(b"sec-websocket-protocol").map(String::from_utf8_lossy);
        let (head, agreed) = opening
            .accept(&head.headers, protocol.as_deref(), Some(&Deflate::default()))
            .map_err(|why| Refusal(format!("the headers of the response with the WebSocket cannot be sent: {why}")))?;
        let local = link.number();
        lock(&work.body).begin_anew(&link.app);
        work.socket.store(local, Ordering::Release);
        work.switch(head);
        link.disarm_wall_limit(request);
        let served = Rc::new(Self {
            inbox: Inbox::new(link, local, false),
            work,
            request,
            socket: ws::Socket::new(Role::Server, ws::Limits::default(), agreed.deflate).into(),
            rest: RefCell::default(),
            sent: Cell::new(0),
            frames: Cell::new(0),
            waited: Cell::new(0),
            is_full: Cell::new(false),
            is_over: Cell::new(false),
            is_ended: Cell::new(false),
            farewell: RefCell::default(),
            timer: Cell::new(None),
            awaits_reader: Cell::new(false),
        });
        if !lock(&served.work.body).is_open() {
            // Not before it has its place.
            link.desk.inner.tell_work(&served.work, Command::BodyReady);
        }
        Ok((local, served))
    }

    /// Reads on in what has come, as long as it is wanted.
    pub(super) fn work(&self, link: &Rc<Link>) {
        let mut read = 0;
        while !self.is_over.get() && !self.is_ended.get() && self.inbox.wants() {
            if read > WEBSOCKET_SHARE_BYTES {
                // The rest when others have had their turns.
                let inner = &link.desk.inner;
                return inner.tell_work(&self.work, Command::BodyReady);
            }
            if !self.has_rest() && !self.pull(link) {
                return;
            }
            let received = {
                let (rest, socket) = (&mut *self.rest.borrow_mut(), &mut *self.socket.borrow_mut());
                let received = socket.receive(&rest.0[rest.1..]);
                if let Ok(received) = &received {
                    rest.1 += received.consumed;
                    read += received.consumed;
                    if rest.1 == rest.0.len() {
                        *rest = Default::default();
                    }
                }
                if self.inbox.gathers(socket.gathered()) { received } else { Err(Violation::TooLarge) }
            };
            match received {
                Ok(received) => self.heard(link, received.event),
                Err(violation) => {
                    let mut out = Vec::new();
                    self.socket.borrow_mut().fail(&mut out, violation, NO_MASK);
                    self.put(out);
                    let why = format!("the client broke the rules of WebSockets: {violation}");
                    self.finish(link, SocketEvent::Failed(why, None));
                }
            }
        }
        self.await_reader(link);
    }

    /// When the client has said its last word, or has gone without one, an app that does not read is given a while: nobody carries for it
    /// for ever.
    fn await_reader(&self, link: &Link) {
        let is_left = if self.is_ended.get() { self.farewell.borrow().is_some() } else { !lock(&self.work.body).is_open() };
        if is_left && !self.is_over.get() && self.timer.get().is_none() {
            self.arm(link);
            self.awaits_reader.set(true);
        }
    }

    /// The other side, or the app, has its time from now on.
    fn arm(&self, link: &Link) {
        self.disarm(link);
        let deadline = link.desk.inner.clock.now_ms() + WEBSOCKET_CLOSE_MS_MAX;
        let timer = Timer::Socket { slot: link.slot.get(), id: self.inbox.local };
        self.timer.set(Some(link.desk.wheel.borrow_mut().insert(deadline, timer)));
    }

    fn disarm(&self, link: &Link) {
        self.awaits_reader.set(false);
        if let Some(timer) = self.timer.take() {
            link.desk.wheel.borrow_mut().cancel(timer);
        }
    }

    fn has_rest(&self) -> bool {
        !self.rest.borrow().0.is_empty()
    }

    /// Takes the next bytes of the connection; whether there are any.
    fn pull(&self, link: &Link) -> bool {
        let (pull, tell) = lock(&self.work.body).pull();
        if tell {
            self.work.push_writable();
        }
        match pull {
            Pull::Chunk(bytes) => *self.rest.borrow_mut() = (bytes, 0),
            Pull::Pending => return false,
            Pull::End | Pull::Broken(_) => {
                self.is_ended.set(true);
                self.end_if_read(link);
                return false;
            }
        }
        true
    }

    /// The client has sent all, and the app has had it.
    fn end_if_read(&self, link: &Link) {
        if self.is_ended.get() && !self.is_over.get() && self.inbox.is_empty() {
            self.end_by_client(link);
        }
    }

    /// Nothing more comes: the client's last word, if it has said one, is answered in kind.
    fn end_by_client(&self, link: &Link) {
        let event = match self.farewell.take() {
            Some(said) => {
                let mut out = Vec::new();
                // If this side was first, that has been said.
                let _ = self.socket.borrow_mut().close(&mut out, said.as_ref().map(|(code, _)| (*code, "")), NO_MASK);
                self.put(out);
                let (code, reason) = said.unwrap_or((1005, String::new()));
                SocketEvent::Closed(code, reason, true)
            }
            None => SocketEvent::Closed(1006, String::new(), false),
        };
        self.finish(link, event);
    }

    fn heard(&self, link: &Link, event: Option<Event>) {
        match event {
            None => {}
            // The bytes have been checked.
            Some(Event::Text(text)) => self.inbox.push(Message::Text(String::from_utf8_lossy(&text).into_owned())),
            Some(Event::Binary(bytes)) => self.inbox.push(Message::Binary(bytes)),
            Some(Event::Ping(bytes)) if self.waiting() < WEBSOCKET_PONGS_BYTES_MAX => {
                let mut out = Vec::new();
                let _ = self.socket.borrow_mut().pong(&mut out, &bytes, NO_MASK);
                self.put(out);
            }
            // Who does not read its pongs gets no more of them.
            Some(Event::Ping(_) | Event::Pong(_)) => {}
            Some(Event::Close(said)) => {
                *self.farewell.borrow_mut() = Some(said);
                self.is_ended.set(true);
                self.end_if_read(link);
            }
        }
    }

    /// Frames on their way to the connection.
    fn put(&self, frames: Vec<u8>) {
        if !frames.is_empty() {
            // The connection is told in any case; that it is behind shows in the credit.
            let _ = self.work.send_chunk(frames);
        }
    }

    /// Bytes of frames that the connection has not written.
    fn waiting(&self) -> usize {
        usize::try_from(BODY_WINDOW_BYTES as i64 - self.work.credit.load(Ordering::Acquire)).unwrap_or_default()
    }

    /// Both sides have said their last word, or one is gone: the app hears of it, and the request is over.
    fn finish(&self, link: &Link, event: SocketEvent) {
        self.inbox.tell(event);
        self.stop(link);
        link.finish(self.request, &self.work, Ending::Stream);
    }

    fn stop(&self, link: &Link) {
        self.is_over.set(true);
        *self.rest.borrow_mut() = Default::default();
        self.inbox.gathers(0);
        self.disarm(link);
    }

    /// The connection has room again.
    pub(super) fn writable(&self) {
        if self.is_full.replace(false) {
            self.inbox.tell(SocketEvent::Drained);
        }
    }

    /// The connection is gone, and the request with it.
    pub(super) fn gone(&self, link: &Link) {
        if !self.is_over.get() {
            self.stop(link);
            // What it had said stands, though it did not wait for the answer.
            let (code, reason) = self.farewell.take().map_or((1006, String::new()), |said| said.unwrap_or((1005, String::new())));
            self.inbox.tell(SocketEvent::Closed(code, reason, false));
        }
    }

    /// The other side has not answered the last word in time, or the app not read what came before the end.
    pub(super) fn due(&self, link: &Link) {
        self.timer.set(None);
        if !self.is_over.get() {
            self.end_by_client(link);
        }
    }
}

impl Wire for Served {
    fn send(&self, link: &Link, message: Message) -> bool {
        if self.is_over.get() {
            return false;
        }
        let waiting = self.waiting();
        if waiting < self.waited.get() {
            // As many of them as of the bytes: some hosts tell of each piece that has been written, and the smallest is a frame.
            self.frames.set((self.frames.get() * waiting).div_ceil(self.waited.get()));
        }
        // The smallest frame takes room on its way as well.
        let taken = waiting + self.frames.get() * WEBSOCKET_FRAME_COST_BYTES;
        if taken > WEBSOCKET_OUTBOX_BYTES_MAX || !Held::of(&link.app, 0).has_room_for(message.len()) {
            self.inbox.tell(SocketEvent::Failed(super::TOO_MUCH.into(), None));
            self.stop(link);
            // The client does not read: the connection ends without another word.
            link.finish(self.request, &self.work, Ending::Error(Error::new(Status::Canceled, super::TOO_MUCH)));
            return false;
        }
        let before = if waiting == 0 { 0 } else { self.sent.get() };
        self.sent.set(before + message.len());
        let mut out = Vec::with_capacity(message.len() + 14);
        let compress = message.len() >= WEBSOCKET_COMPRESS_BYTES_MIN;
        let sent = match &message {
            Message::Text(text) => self.socket.borrow_mut().text(&mut out, text, compress, NO_MASK),
            Message::Binary(bytes) => self.socket.borrow_mut().binary(&mut out, bytes, compress, NO_MASK),
        };
        self.put(out);
        self.frames.set(self.frames.get() + 1);
        self.waited.set(self.waiting());
        sent.is_ok()
    }

    fn close(&self, link: &Link, said: Option<(u16, String)>) {
        let mut out = Vec::new();
        let said = said.as_ref().map(|(code, reason)| (*code, reason.as_str()));
        if self.is_over.get() || self.socket.borrow_mut().close(&mut out, said, NO_MASK).is_err() {
            return;
        }
        self.put(out);
        self.arm(link);
        // The answer is waited for, whatever comes before it.
        self.read(link, true);
    }

    fn buffered(&self) -> usize {
        self.sent.get().min(self.waiting())
    }

    fn is_full(&self) -> bool {
        let full = self.waiting() >= BODY_WINDOW_BYTES;
        self.is_full.set(full);
        full
    }

    fn read(&self, link: &Link, wanted: bool) {
        self.inbox.want(wanted);
        if wanted {
            // Not within the turn that asks for it.
            link.desk.inner.tell_work(&self.work, Command::BodyReady);
        }
    }

    fn taken(&self, link: &Link) {
        let wanted = self.inbox.wants();
        self.inbox.taken();
        if self.awaits_reader.get() {
            self.disarm(link);
            self.await_reader(link);
        }
        if self.is_ended.get() {
            self.end_if_read(link);
        } else if !wanted && self.inbox.wants() {
            link.desk.inner.tell_work(&self.work, Command::BodyReady);
        }
    }

    fn hang_up(&self, link: &Link, code: u16, reason: &str) {
        if self.is_over.get() {
            return;
        }
        let mut out = Vec::new();
        let _ = self.socket.borrow_mut().close(&mut out, Some((code, reason)), NO_MASK);
        self.put(out);
        self.finish(link, SocketEvent::Closed(code, reason.into(), false));
    }

    fn end(&self, link: &Link, error: &Error) {
        self.inbox.silence();
        if self.is_over.get() {
            return;
        }
        let mut out = Vec::new();
        let _ = self.socket.borrow_mut().close(&mut out, Some(super::last_word(error)), NO_MASK);
        self.put(out);
        self.stop(link);
        // The word is in the response; as an error it would be said once more.
        self.work.finish(Ending::Stream);
    }

    fn served(&self) -> Option<&Served> {
        Some(self)
    }
}
