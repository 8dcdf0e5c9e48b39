//! What has come for a WebSocket and has not had its turn: counted, so that no more is read than the app keeps up with.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

use nano_base::limits::{BODY_WINDOW_BYTES, WEBSOCKET_INBOX_BYTES_MAX, WEBSOCKET_INBOX_MESSAGES_MAX};
use nano_engine::{Delivery, Message, SocketEvent};

use crate::pipe::Held;
use crate::shard::link::Link;

/// The app's side of one socket.
pub(super) struct Inbox {
    link: Weak<Link>,
    pub local: u32,
    /// How long the messages are that wait.
    sizes: RefCell<VecDeque<usize>>,
    held: RefCell<Held>,
    /// What has come of a message that is not complete.
    gathered: RefCell<Held>,
    wanted: Cell<bool>,
    over: Cell<bool>,
}

impl Inbox {
    pub(super) fn new(link: &Rc<Link>, local: u32, wanted: bool) -> Self {
        Self {
            link: Rc::downgrade(link),
            local,
            sizes: RefCell::default(),
            held: Held::of(&link.app, 0).into(),
            gathered: Held::of(&link.app, 0).into(),
            wanted: Cell::new(wanted),
            over: Cell::new(false),
        }
    }

    /// The instance, unless it has gone.
    pub(super) fn link(&self) -> Option<Rc<Link>> {
        self.link.upgrade()
    }

    /// Whether another message is wanted.
    pub(super) fn wants(&self) -> bool {
        let waiting = self.sizes.borrow().len();
        self.wanted.get()
            && !self.over.get()
            && waiting < WEBSOCKET_INBOX_MESSAGES_MAX
            && self.held.borrow().bytes() < WEBSOCKET_INBOX_BYTES_MAX
    }

    /// Whether the app has had all that has come.
    pub(super) fn is_empty(&self) -> bool {
        self.sizes.borrow().is_empty()
    }

    /// The app wants messages, or none for a while.
    pub(super) fn want(&self, wanted: bool) {
        self.wanted.set(wanted);
    }

    /// So many bytes have come of a message that is not complete: whether there is room for them. For a window's worth there always is.
    pub(super) fn gathers(&self, bytes: usize) -> bool {
        let mut gathered = self.gathered.borrow_mut();
        gathered.set(bytes);
        bytes <= BODY_WINDOW_BYTES || gathered.has_room_for(0)
    }

    /// A message has come.
    pub(super) fn push(&self, message: Message) {
        self.sizes.borrow_mut().push_back(message.len());
        self.held.borrow_mut().add(message.len());
        self.tell(SocketEvent::Message(message));
    }

    /// The app has had a message.
    pub(super) fn taken(&self) {
        if let Some(bytes) = self.sizes.borrow_mut().pop_front() {
            self.held.borrow_mut().take(bytes);
        }
    }

    /// Something happened. What is the last word is told once.
    pub(super) fn tell(&self, event: SocketEvent) {
        if self.over.get() {
            return;
        }
        self.over.set(matches!(event, SocketEvent::Closed(..) | SocketEvent::Failed(..)));
        if let Some(link) = self.link() {
            link.deliver(Delivery::Socket(self.local, event));
        }
    }

    /// Nothing is told any more.
    pub(super) fn silence(&self) {
        self.over.set(true);
    }
}
