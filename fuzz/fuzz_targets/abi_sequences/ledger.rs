//! What is known of every id, and what must never be heard of it.

use std::collections::HashMap;

use nano::*;

/// Ids of calls have this bit.
const CALL_BIT: u64 = 1 << 63;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Request,
    Invocation,
}

/// What has been heard of a request or invocation.
#[derive(Debug, Default)]
struct Heard {
    /// What the host was told when it was accepted: on another thread that may be after its first events.
    accepted: Option<(Kind, usize)>,
    /// The user data of its events.
    user_data: Option<usize>,
    /// A RESPONSE or CHUNK came: it cannot be an invocation. A RESULT: it must be one.
    kind: Option<Kind>,
    head: bool,
    ended: bool,
}

#[derive(Default)]
pub struct Ledger {
    requests: HashMap<u64, Heard>,
    /// Calls, and whether they were canceled.
    calls: HashMap<u64, bool>,
    /// Objects by number: how often each was given, less how often it came back. Another thread may hear of that first.
    objects: HashMap<u64, i64>,
    /// Versions of apps by what was given with them, and whether they have ended.
    versions: HashMap<usize, bool>,
    /// Whether it has been said that nothing comes any more.
    is_over: bool,
    /// Every id, in the order of its appearance: what programs choose from.
    ids: Vec<u64>,
}

impl Ledger {
    /// An id that was or is good, or one that never was.
    pub fn id(&self, choice: u8) -> u64 {
        let made_up = [0, 1, u64::MAX, 1 << 32 | 1, CALL_BIT, CALL_BIT | 1 << 32 | 1, 7 << 32 | 1, 1 << 62];
        let choice = usize::from(choice);
        // The newest first, so that few choices reach what is alive.
        self.ids.iter().rev().take(128).nth(choice).copied().unwrap_or(made_up[choice % made_up.len()])
    }

    /// A call that was or is good, or an id that is none.
    pub fn call(&self, choice: u8) -> u64 {
        let calls = self.ids.iter().rev().filter(|id| **id & CALL_BIT != 0);
        calls.take(128).nth(usize::from(choice)).copied().unwrap_or_else(|| self.id(choice))
    }

    /// The host was told that a request was accepted.
    pub fn accept(&mut self, id: u64, kind: Kind, user_data: usize) {
        assert!(id != 0 && id & CALL_BIT == 0, "{id:#x} is the id of no request");
        let heard = self.heard(id);
        assert_eq!(heard.accepted.replace((kind, user_data)), None, "the id {id:#x} was given twice");
    }

    /// The host gave objects to an app.
    pub fn give(&mut self, objects: &[u64]) {
        for object in objects {
            *self.objects.entry(*object).or_default() += 1;
        }
    }

    /// A version of an app is about to be loaded. When all is over none ends: what is given is the host's.
    pub fn begin_version(&mut self, user_data: usize) {
        assert_eq!(self.versions.insert(user_data, self.is_over), None, "the version {user_data} was loaded twice");
    }

    /// It was loaded or refused, perhaps too late for an event of its end.
    pub fn has_begun_version(&mut self, user_data: usize) {
        if self.is_over {
            self.versions.insert(user_data, true);
        }
    }

    /// The queue was looked at.
    pub fn look(&mut self, status: nano_status) {
        assert!(!self.is_over || status == NANO_E_SHUTDOWN, "status {status} after NANO_E_SHUTDOWN");
        self.is_over = status == NANO_E_SHUTDOWN;
    }

    /// A version of an app calls.
    pub fn version_calls(&self, user_data: usize) {
        assert!(user_data == 0 || self.versions.get(&user_data) == Some(&false), "a call of the version {user_data}: {:?}", self.versions);
    }

    /// Every instance has ended: each giving was paid back, once, and each version has said so.
    pub fn settle_instances(&self) {
        assert!(self.versions.values().all(|ended| *ended), "versions without an end: {:?}", self.versions);
        assert!(self.objects.values().all(|held| *held == 0), "objects given and not paid back: {:?}", self.objects);
    }

    /// Whether a request has ended.
    pub fn has_ended(&self, id: u64) -> bool {
        self.requests.get(&id).is_some_and(|heard| heard.ended)
    }

    /// An event came.
    pub fn hear(&mut self, event: &nano_event) {
        match event.r#type {
            NANO_EVENT_LOG | NANO_EVENT_APP => assert!(event.id == 0 && event.user_data.is_null() && event.flags == 0),
            NANO_EVENT_RELEASE => {
                assert!(event.user_data.is_null() && event.flags == 0);
                *self.objects.entry(event.id).or_default() -= 1;
            }
            NANO_EVENT_VERSION_END => {
                assert!(event.id == 0 && event.flags == 0);
                let ended = self.versions.get_mut(&(event.user_data as usize)).expect("a version that was loaded");
                assert!(!std::mem::replace(ended, true), "a second end of the version {:?}", event.user_data);
            }
            NANO_EVENT_CALL => {
                assert!(event.id & CALL_BIT != 0 && event.user_data.is_null() && event.flags == 0);
                assert_eq!(self.calls.insert(event.id, false), None, "the call {:#x} was made twice", event.id);
                self.ids.push(event.id);
            }
            NANO_EVENT_CALL_CHUNK | NANO_EVENT_CALL_CANCELED => self.hear_of_call(event),
            NANO_EVENT_WRITABLE if event.id & CALL_BIT != 0 => self.hear_of_call(event),
            NANO_EVENT_NONE => panic!("an event that is none"),
            // The event that debug builds make, which belongs to nothing.
            unknown if unknown > NANO_EVENT_APP => assert!(event.id == 0 && event.flags == 0),
            _ => self.hear_of_request(event),
        }
    }

    fn hear_of_call(&mut self, event: &nano_event) {
        let canceled =
            self.calls.get_mut(&event.id).unwrap_or_else(|| panic!("event {} of the unknown call {:#x}", event.r#type, event.id));
        assert!(!*canceled, "event {} after the last one of call {:#x}", event.r#type, event.id);
        *canceled = event.r#type == NANO_EVENT_CALL_CANCELED;
        assert_eq!(event.flags == NANO_FLAG_END, *canceled);
    }

    fn hear_of_request(&mut self, event: &nano_event) {
        let (id, r#type) = (event.id, event.r#type);
        let heard = self.heard(id);
        assert!(!heard.ended, "event {type} after the last one of {id:#x}");
        let user_data = event.user_data as usize;
        assert_eq!(*heard.user_data.get_or_insert(user_data), user_data, "the user data of {id:#x} changed");
        let kind = match r#type {
            NANO_EVENT_RESPONSE | NANO_EVENT_CHUNK | NANO_EVENT_END | NANO_EVENT_WRITABLE => Some(Kind::Request),
            NANO_EVENT_RESULT => Some(Kind::Invocation),
            _ => None,
        };
        if let Some(kind) = kind {
            assert_eq!(*heard.kind.get_or_insert(kind), kind, "event {type} of {id:#x}");
        }
        match r#type {
            NANO_EVENT_RESPONSE => assert!(!std::mem::replace(&mut heard.head, true), "two heads of {id:#x}"),
            NANO_EVENT_CHUNK | NANO_EVENT_END => assert!(heard.head, "a body before the head of {id:#x}"),
            _ => {}
        }
        heard.ended = event.flags & NANO_FLAG_END != 0;
        let must_end = matches!(r#type, NANO_EVENT_END | NANO_EVENT_ERROR | NANO_EVENT_RESULT);
        assert!(heard.ended || !must_end, "event {type} of {id:#x} is not marked as the last");
    }

    /// Nothing more will come: what was accepted has ended, what ended was accepted.
    pub fn settle(&self) {
        for (id, heard) in &self.requests {
            let (kind, user_data) = heard.accepted.unwrap_or_else(|| panic!("events of {id:#x}, which was never accepted"));
            assert!(heard.ended, "{id:#x} was accepted and never ended: {heard:?}");
            assert_eq!(heard.user_data, Some(user_data), "another one's user data came with {id:#x}");
            assert!(heard.kind.is_none_or(|heard| heard == kind), "{id:#x} is a {kind:?}: {heard:?}");
        }
    }

    fn heard(&mut self, id: u64) -> &mut Heard {
        self.requests.entry(id).or_insert_with(|| {
            self.ids.push(id);
            Heard::default()
        })
    }
}
