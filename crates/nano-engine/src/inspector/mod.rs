//! Debuggers of one app: what they say on its way to the app's thread, and what the app says back.
//!
//! An [`Inspector`] belongs to an app and outlives its instances; `attached` is the side of one isolate. The language between them is the
//! Chrome DevTools Protocol, which V8 speaks: nothing here reads it.

mod attached;
mod console;

use std::collections::{BTreeMap, VecDeque};
use std::ffi::c_void;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use nano_base::limits::{INSPECTOR_KEPT_MAX, INSPECTOR_MAIL_BYTES_MAX, INSPECTOR_SESSIONS_MAX};
use nano_base::status::{Error, Result, Status};

use crate::isolate::state::State;
pub(crate) use attached::Attached;

/// A debugger, as an app's thread sees it. Nothing here may block.
pub trait Debugger: Send + Sync {
    /// The app says something.
    fn message(&self, text: String);
    /// The app cannot be debugged any more. The session is for another thread to drop.
    fn gone(&self, why: &str);
    /// The text of a file of the app's as its author wrote it, for source maps.
    fn text(&self, file: &str) -> Option<String>;
}

/// What a debugger says.
#[derive(Debug)]
pub struct Post {
    /// The message.
    pub text: String,
    /// The name under which it is said again to each new version of the app, whose answers to it nobody hears. A later one of the same
    /// name takes its place.
    pub keep: Option<String>,
}

/// The debuggers of one app.
pub struct Inspector {
    desk: Mutex<Desk>,
    /// For a thread that waits in a pause.
    arrived: Condvar,
    /// For one that does not.
    bell: Box<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Desk {
    peers: BTreeMap<u32, Peer>,
    next: u32,
    mail: VecDeque<(u32, Post)>,
    mail_bytes: usize,
    /// Something has come that has not been looked at.
    news: bool,
    /// Pauses end at once, until an instance is attached anew.
    hurry: bool,
    /// The isolate that listens.
    isolate: Option<v8::IsolateHandle>,
    /// It has been asked to listen in the middle of a turn, and has not yet.
    interrupting: bool,
}

/// One debugger.
struct Peer {
    debugger: Arc<dyn Debugger>,
    kept: Vec<(String, String)>,
    /// It has seen an instance already.
    greeted: bool,
}

impl fmt::Debug for Inspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Inspector({} debuggers)", self.count())
    }
}

impl Inspector {
    /// One without debuggers. The bell is rung when an instance that is in no turn has something to hear; it must not block.
    pub fn new(bell: Box<dyn Fn() + Send + Sync>) -> Self {
        Self { desk: Mutex::default(), arrived: Condvar::new(), bell }
    }

    /// A debugger comes; its number.
    pub fn open(&self, debugger: Arc<dyn Debugger>) -> Result<u32> {
        let mut desk = self.lock();
        if desk.peers.len() >= INSPECTOR_SESSIONS_MAX {
            return Err(Error::new(Status::Capacity, format!("the app has {INSPECTOR_SESSIONS_MAX} debuggers already")));
        }
        desk.next += 1;
        let id = desk.next;
        desk.peers.insert(id, Peer { debugger, kept: Vec::new(), greeted: false });
        self.tell(desk);
        Ok(id)
    }

    /// A debugger says something.
    pub fn post(&self, id: u32, post: Post) -> Result<()> {
        let mut desk = self.lock();
        if !desk.peers.contains_key(&id) {
            return Err(Error::new(Status::NotFound, "the debugger has been sent away"));
        }
        if desk.mail_bytes + post.text.len() > INSPECTOR_MAIL_BYTES_MAX {
            return Err(Error::new(Status::Overloaded, "the debugger says more than the app can hear"));
        }
        desk.mail_bytes += post.text.len();
        desk.mail.push_back((id, post));
        self.tell(desk);
        Ok(())
    }

    /// What was kept under these names is not said again.
    pub fn forget(&self, id: u32, is_meant: impl Fn(&str) -> bool) {
        if let Some(peer) = self.lock().peers.get_mut(&id) {
            peer.kept.retain(|(name, _)| !is_meant(name));
        }
    }

    /// A debugger goes; how many are left. The last one that goes ends a pause.
    pub fn close(&self, id: u32) -> usize {
        let mut desk = self.lock();
        desk.peers.remove(&id);
        let left = desk.peers.len();
        self.tell(desk);
        left
    }

    /// Sends all of them away.
    pub fn close_all(&self, why: &str) {
        let mut desk = self.lock();
        let peers = std::mem::take(&mut desk.peers);
        self.tell(desk);
        peers.into_values().for_each(|peer| peer.debugger.gone(why));
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().peers.len()
    }

    /// A pause ends, and there is no other until an instance is attached anew.
    pub fn hurry(&self) {
        self.lock().hurry = true;
        self.arrived.notify_all();
    }

    /// Pauses are pauses again, for the instance that was attached.
    pub fn ease(&self) {
        self.lock().hurry = false;
    }

    /// Whether something has been said, or somebody come or gone, that no instance has heard of.
    pub fn has_news(&self) -> bool {
        self.lock().news
    }

    fn tell(&self, mut desk: MutexGuard<'_, Desk>) {
        let was_told = std::mem::replace(&mut desk.news, true);
        if let Some(isolate) = &desk.isolate
            && !desk.interrupting
        {
            desk.interrupting = isolate.request_interrupt(on_interrupt, std::ptr::null_mut());
        }
        drop(desk);
        self.arrived.notify_all();
        if !was_told {
            (self.bell)();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// From now on this isolate listens.
    fn attach(&self, isolate: v8::IsolateHandle) {
        let mut desk = self.lock();
        desk.isolate = Some(isolate);
        desk.interrupting = false;
        desk.hurry = false;
    }

    fn is_hurried(&self) -> bool {
        self.lock().hurry
    }

    /// Those who are there, before what they have said.
    fn look(&self) -> Vec<(u32, Arc<dyn Debugger>)> {
        let mut desk = self.lock();
        desk.news = false;
        desk.peers.iter().map(|(id, peer)| (*id, peer.debugger.clone())).collect()
    }

    /// The next message, kept if it is to be.
    fn take(&self) -> Option<(u32, String)> {
        let mut desk = self.lock();
        let (id, post) = desk.mail.pop_front()?;
        desk.mail_bytes -= post.text.len();
        if let Some(name) = post.keep
            && let Some(peer) = desk.peers.get_mut(&id)
        {
            match peer.kept.iter().position(|(kept, _)| *kept == name) {
                Some(at) => peer.kept[at].1.clone_from(&post.text),
                None if peer.kept.len() < INSPECTOR_KEPT_MAX => peer.kept.push((name, post.text.clone())),
                None => {}
            }
        }
        Some((id, post.text))
    }

    /// An instance greets a debugger: what it is to be told again, and whether it has seen another instance before.
    fn greet(&self, id: u32) -> Option<(Vec<String>, bool)> {
        let mut desk = self.lock();
        let peer = desk.peers.get_mut(&id)?;
        let again = std::mem::replace(&mut peer.greeted, true);
        Some((peer.kept.iter().map(|(_, text)| text.clone()).collect(), again))
    }

    /// Waits in a pause until there is something to hear; false if the pause is to end.
    fn wait(&self) -> bool {
        let desk = self.lock();
        let over = |desk: &mut Desk| !desk.news && !desk.hurry && !desk.peers.is_empty();
        let desk = self.arrived.wait_while(desk, over).unwrap_or_else(|poisoned| poisoned.into_inner());
        !desk.hurry && !desk.peers.is_empty()
    }

    /// The text of a file as its author wrote it.
    fn text(&self, file: &str) -> Option<String> {
        let debugger = self.lock().peers.values().next()?.debugger.clone();
        debugger.text(file)
    }
}

/// V8 has come to a point in the middle of a turn at which an app that does nothing else can listen.
unsafe extern "C" fn on_interrupt(_isolate: v8::UnsafeRawIsolatePtr, _data: *mut c_void) {
    // The isolate that is interrupted is the one that is entered.
    if let Some(attached) = State::current().and_then(State::attached) {
        attached.inspector.lock().interrupting = false;
        attached.hear();
    }
}

/// Tells the debuggers of an app, if it has any, of an exception that it did not catch.
pub(crate) fn uncaught(scope: &mut v8::PinScope, value: v8::Local<v8::Value>, what: &str) {
    if let Some(attached) = State::of(scope).and_then(State::attached) {
        attached.exception(scope, value, what);
    }
}
