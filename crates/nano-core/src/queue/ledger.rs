//! What the messages of all queues take, and whose they are. Nobody may have more in queues than what is free: whoever has nothing there
//! always has room, however many others fill all they may.

use std::collections::HashMap;
use std::sync::Arc;

use super::message::Message;

/// The bytes of all messages.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    bytes: usize,
    /// By the names of the apps that sent them, for an app that is loaded again must not begin anew. Only those who have some.
    senders: HashMap<Arc<str>, usize>,
}

/// Why messages do not fit.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// All have so many bytes.
    All(usize),
    /// The sender has so many, of which no more are free.
    Sender(usize),
}

impl Ledger {
    /// Whether so many bytes more of an app, or of the host, fit into `max`.
    pub(super) fn check(&self, sender: Option<&str>, bytes: usize, max: usize) -> Result<(), Full> {
        let free = max.saturating_sub(self.bytes);
        if bytes > free {
            return Err(Full::All(self.bytes));
        }
        let held = sender.and_then(|sender| self.senders.get(sender)).copied().unwrap_or_default();
        if sender.is_some() && held + bytes > free { Err(Full::Sender(held)) } else { Ok(()) }
    }

    /// A message waits from now on.
    pub(super) fn add(&mut self, message: &Message) {
        self.bytes += message.bytes();
        if let Some(sender) = &message.sender {
            *self.senders.entry(sender.clone()).or_default() += message.bytes();
        }
    }

    /// A message is done with.
    pub(super) fn remove(&mut self, message: &Message) {
        self.bytes -= message.bytes();
        if let Some(sender) = &message.sender
            && let Some(held) = self.senders.get_mut(sender)
        {
            *held -= message.bytes();
            if *held == 0 {
                self.senders.remove(sender);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::MessageBody;
    use super::*;

    fn message(sender: Option<&str>, bytes: usize) -> Message {
        let empty = Message::new(MessageBody::Text(String::new()), None, 0.0, 0).expect("a message").bytes();
        Message::new(MessageBody::Text("x".repeat(bytes - empty)), sender.map(Arc::from), 0.0, 0).expect("a message")
    }

    #[test]
    fn who_has_nothing_has_room_beside_any_number_who_take_all_they_can() {
        let (max, mut ledger) = (1_000_000, Ledger::default());
        for hog in ["a", "b", "c", "d"] {
            while ledger.check(Some(hog), 10_000, max).is_ok() {
                ledger.add(&message(Some(hog), 10_000));
            }
            assert!(matches!(ledger.check(Some(hog), 10_000, max), Err(Full::Sender(held)) if held > 0), "{hog}");
        }
        assert_eq!(ledger.check(Some("modest"), 10_000, max), Ok(()));
        assert_eq!(ledger.check(None, 10_000, max), Ok(()), "the host's");
    }

    #[test]
    fn what_is_done_with_is_forgotten() {
        let mut ledger = Ledger::default();
        let (of_app, of_host) = (message(Some("a"), 600), message(None, 300));
        ledger.add(&of_app);
        ledger.add(&of_host);
        assert_eq!(ledger.check(None, 101, 1_000), Err(Full::All(900)));
        ledger.remove(&of_app);
        assert_eq!(ledger.check(Some("a"), 700, 1_000), Ok(()));
        ledger.remove(&of_host);
        assert_eq!((ledger.bytes, ledger.senders.len()), (0, 0));
    }
}
