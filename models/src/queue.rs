//! The end of a request comes once and last, and its queue's flag is up while something waits.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicBool, Ordering};
use loom::thread;

use crate::meet::{Ended, Flag, Queue};

#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Piece,
    End,
}

/// A descriptor.
struct Descriptor(AtomicBool);

impl Flag for Descriptor {
    fn raise(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn lower(&self) {
        self.0.store(false, Ordering::Release);
    }
}

struct Request {
    ended: Ended,
    queue: Queue<Entry, Descriptor>,
}

fn request() -> Arc<Request> {
    Arc::new(Request { ended: Ended::new(), queue: Queue::new(Descriptor(AtomicBool::new(false))) })
}

impl Request {
    fn end(&self) -> bool {
        let first = self.ended.end();
        if first {
            self.queue.push(Entry::End);
        }
        first
    }

    fn is_announced(&self) -> bool {
        self.queue.flag().0.load(Ordering::Acquire)
    }

    fn take(&self) -> Vec<Entry> {
        let mut taken = Vec::new();
        self.queue.take(10, &mut taken);
        taken
    }
}

#[test]
fn a_request_has_one_end_and_nothing_comes_after_it() {
    loom::model(|| {
        let request = request();
        let canceler = thread::spawn({
            let request = request.clone();
            move || request.end()
        });
        let limit = thread::spawn({
            let request = request.clone();
            move || request.end()
        });
        request.queue.push_if(Entry::Piece, || !request.ended.is());
        let ends = [canceler, limit].map(|other| usize::from(other.join().unwrap()));
        assert_eq!(ends.iter().sum::<usize>(), 1);
        let taken = request.take();
        assert_eq!(taken.iter().position(|entry| *entry == Entry::End), Some(taken.len() - 1), "{taken:?}");
    });
}

#[test]
fn the_flag_is_up_while_something_waits_and_down_when_nothing_does() {
    loom::model(|| {
        let request = request();
        let others = [(); 2].map(|()| {
            let request = request.clone();
            thread::spawn(move || {
                request.queue.push(Entry::Piece);
                request.queue.announce()
            })
        });
        let before = request.take().len();
        let told = others.map(|other| usize::from(other.join().unwrap()));
        assert_eq!(request.is_announced(), before < 2, "{before} taken, announced {told:?} times");
        assert_eq!(before + request.take().len(), 2);
        assert!(!request.is_announced());
    });
}
