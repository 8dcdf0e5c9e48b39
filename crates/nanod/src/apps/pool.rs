//! Threads for what takes an app's time: they are few, and made when there is something to do. Whoever gives them work is told when some of
//! it has been done, and never waits.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nano_base::limits::{DEPLOYS_AT_ONCE, DEPLOYS_MAX};

type Job<T> = Box<dyn FnOnce() -> T + Send>;

/// The threads, and what has come of their work.
pub struct Pool<T>(Arc<Shared<T>>);

struct Shared<T> {
    queue: Mutex<Queue<T>>,
    more: Condvar,
    done: Mutex<Vec<T>>,
    /// Called when something is done and nothing was.
    bell: Box<dyn Fn() + Send + Sync>,
}

struct Queue<T> {
    jobs: VecDeque<Job<T>>,
    threads: usize,
    idle: usize,
    /// Jobs that have taken long already: there are as many threads more.
    slow: usize,
    closed: bool,
}

impl<T: Send + 'static> Pool<T> {
    /// No thread yet.
    pub fn new(bell: impl Fn() + Send + Sync + 'static) -> Self {
        let queue = Queue { jobs: VecDeque::new(), threads: 0, idle: 0, slow: 0, closed: false };
        Self(Arc::new(Shared { queue: Mutex::new(queue), more: Condvar::new(), done: Mutex::default(), bell: Box::new(bell) }))
    }

    /// Has something done after what was given before. It fails if there is no thread to do it.
    pub fn give(&self, job: impl FnOnce() -> T + Send + 'static) -> std::io::Result<()> {
        let mut queue = lock(&self.0.queue);
        queue.jobs.push_back(Box::new(job));
        if let Err(error) = self.grow(&mut queue)
            && queue.threads == 0
        {
            queue.jobs.pop_back();
            return Err(error);
        }
        self.0.more.notify_one();
        Ok(())
    }

    /// So many jobs have taken long already: they are not to hold up the others.
    pub fn set_slow(&self, slow: usize) {
        let mut queue = lock(&self.0.queue);
        queue.slow = slow;
        // Without more threads the others wait.
        let _ = self.grow(&mut queue);
    }

    fn grow(&self, queue: &mut Queue<T>) -> std::io::Result<()> {
        let wanted = queue.jobs.len().saturating_sub(queue.idle);
        for _ in 0..wanted.min(queue.room().saturating_sub(queue.threads)) {
            let shared = self.0.clone();
            std::thread::Builder::new().name("nanod-deploy".into()).spawn(move || shared.work())?;
            queue.threads += 1;
        }
        Ok(())
    }

    /// What has been done since this was last asked.
    pub fn take(&self) -> Vec<T> {
        std::mem::take(&mut *lock(&self.0.done))
    }

    /// A word for threads of others: what they have done counts like the pool's own.
    pub fn reporter(&self) -> impl FnOnce(T) + Send + use<T> {
        let shared = self.0.clone();
        move |done| shared.report(done)
    }

    /// Begins nothing more. What has begun is left to itself.
    pub fn close(&self) {
        let mut queue = lock(&self.0.queue);
        queue.closed = true;
        queue.jobs.clear();
        self.0.more.notify_all();
    }
}

impl<T> Drop for Pool<T> {
    fn drop(&mut self) {
        lock(&self.0.queue).closed = true;
        self.0.more.notify_all();
    }
}

impl<T> Queue<T> {
    /// How many threads there may be.
    fn room(&self) -> usize {
        (DEPLOYS_AT_ONCE + self.slow).min(DEPLOYS_MAX)
    }
}

impl<T> Shared<T> {
    fn work(&self) {
        let mut queue = lock(&self.queue);
        loop {
            if queue.closed {
                return;
            }
            match queue.jobs.pop_front() {
                Some(job) => {
                    drop(queue);
                    self.report(job());
                    queue = lock(&self.queue);
                }
                None if queue.threads > DEPLOYS_AT_ONCE => {
                    queue.threads -= 1;
                    return;
                }
                None => {
                    queue.idle += 1;
                    queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
                    queue.idle -= 1;
                }
            }
        }
    }

    fn report(&self, result: T) {
        let mut done = lock(&self.done);
        done.push(result);
        if done.len() == 1 {
            (self.bell)();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn what_takes_long_holds_up_nobody() {
        let (ring, rung) = channel();
        let pool = Pool::new(move || ring.send(()).expect("somebody listens"));
        let (go, stopped) = channel::<()>();
        let stopped = Arc::new(Mutex::new(stopped));
        let stop = |number: usize| {
            let stopped = stopped.clone();
            move || {
                let _ = lock(&stopped).recv();
                number
            }
        };
        (1..DEPLOYS_AT_ONCE).for_each(|number| pool.give(stop(number)).expect("a thread"));
        pool.give(|| 100).expect("a thread");
        rung.recv().expect("it is done");
        assert_eq!(pool.take(), [100]);
        // From here on all threads have something that takes long.
        pool.give(stop(0)).expect("a thread");
        pool.give(|| 101).expect("it is taken");
        pool.set_slow(1);
        rung.recv().expect("it is done");
        assert_eq!(pool.take(), [101]);
        drop(go);
        let mut all = Vec::new();
        while all.len() < DEPLOYS_AT_ONCE {
            rung.recv().expect("they are done");
            all.extend(pool.take());
        }
        pool.close();
        pool.give(|| 200).expect("it is taken");
        assert_eq!(pool.take(), Vec::<usize>::new());
    }
}
