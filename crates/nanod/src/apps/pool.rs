//! Threads for what takes an app's time: they are few, and made when there is something to do. Whoever gives them work is told when some of
//! it has been done, and never waits.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nano_base::limits::DEPLOYS_AT_ONCE;

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
    closed: bool,
}

impl<T: Send + 'static> Pool<T> {
    /// No thread yet.
    pub fn new(bell: impl Fn() + Send + Sync + 'static) -> Self {
        let queue = Queue { jobs: VecDeque::new(), threads: 0, idle: 0, closed: false };
        Self(Arc::new(Shared { queue: Mutex::new(queue), more: Condvar::new(), done: Mutex::default(), bell: Box::new(bell) }))
    }

    /// Has something done after what was given before. It fails if there is no thread to do it.
    pub fn give(&self, job: impl FnOnce() -> T + Send + 'static) -> std::io::Result<()> {
        let mut queue = lock(&self.0.queue);
        queue.jobs.push_back(Box::new(job));
        if queue.idle < queue.jobs.len() && queue.threads < DEPLOYS_AT_ONCE {
            let shared = self.0.clone();
            match std::thread::Builder::new().name("nanod-deploy".into()).spawn(move || shared.work()) {
                Ok(_) => queue.threads += 1,
                Err(error) if queue.threads == 0 => {
                    queue.jobs.pop_back();
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        self.0.more.notify_one();
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
    fn what_takes_long_holds_up_nobody_until_all_threads_have_it() {
        let (ring, rung) = channel();
        let pool = Pool::new(move || ring.send(()).expect("somebody listens"));
        let (go, stopped) = channel::<()>();
        let stopped = Arc::new(Mutex::new(stopped));
        for number in 0..DEPLOYS_AT_ONCE - 1 {
            let stopped = stopped.clone();
            pool.give(move || {
                let _ = lock(&stopped).recv();
                number
            })
            .expect("a thread");
        }
        pool.give(|| 100).expect("a thread");
        rung.recv().expect("it is done");
        assert_eq!(pool.take(), [100]);
        drop(go);
        let mut all = Vec::new();
        while all.len() < DEPLOYS_AT_ONCE - 1 {
            rung.recv().expect("they are done");
            all.extend(pool.take());
        }
        pool.close();
        pool.give(|| 200).expect("it is taken");
        assert_eq!(pool.take(), Vec::<usize>::new());
    }
}
