//! A few threads of lowered priority behind a bounded queue. Knows nothing of pictures.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce() + Send>;

/// The threads end, after the job that they are at, when this is dropped.
pub(crate) struct Lane {
    shared: Arc<Shared>,
    places: usize,
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Nothing was begun.
    Full,
    /// The work panicked; the thread goes on.
    Panicked,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// The lowest: who signs in comes first.
#[cfg(target_os = "linux")]
const NICE: i32 = 19;

impl Lane {
    /// Starts the threads. `places` is how many jobs may wait.
    pub(crate) fn start(name: &str, threads: usize, places: usize) -> io::Result<Self> {
        let lane = Self { shared: Arc::default(), places };
        for number in 0..threads {
            let shared = lane.shared.clone();
            thread::Builder::new().name(format!("{name}-{number}")).spawn(move || shared.work())?;
        }
        Ok(lane)
    }

    /// Waits for a thread and then for the work. Work that has not begun is skipped when nobody waits for it any more.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let (answer, answered) = oneshot::channel();
        let job = move || {
            if !answer.is_closed() {
                // The caller may have gone in the meantime; then the result is nobody's.
                let _ = answer.send(work());
            }
        };
        {
            let mut queue = self.shared.lock();
            if queue.jobs.len() >= self.places {
                return Err(NoAnswer::Full);
            }
            queue.jobs.push_back(Box::new(job));
        }
        self.shared.changed.notify_one();
        answered.await.map_err(|_| NoAnswer::Panicked)
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn work(&self) {
        lower_priority();
        while let Some(job) = self.next() {
            // The job owns all that it works with, so nothing half-done is left.
            let _ = catch_unwind(AssertUnwindSafe(job));
        }
    }

    fn next(&self) -> Option<Job> {
        let queue = self.lock();
        let mut queue = self
            .changed
            .wait_while(queue, |queue| queue.jobs.is_empty() && !queue.closed)
            .unwrap_or_else(PoisonError::into_inner);
        queue.jobs.pop_front()
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Best effort: a container may forbid it, and then painting only competes harder.
#[cfg(target_os = "linux")]
fn lower_priority() {
    // On Linux "this process" is the calling thread, see setpriority(2), "C library/kernel differences".
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "the priority of painting stays as it is");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    /// Occupies the one thread of a lane until the sender is dropped.
    async fn occupied(places: usize) -> (Arc<Lane>, mpsc::Sender<()>) {
        let lane = Arc::new(Lane::start("test", 1, places).unwrap());
        let (release, held) = mpsc::channel::<()>();
        let (begun, has_begun) = oneshot::channel();
        let busy = lane.clone();
        tokio::spawn(async move {
            let work = move || {
                begun.send(()).unwrap();
                held.recv()
            };
            busy.run(work).await
        });
        has_begun.await.unwrap();
        (lane, release)
    }

    #[tokio::test]
    async fn a_full_lane_refuses_and_goes_on_later() {
        let (lane, release) = occupied(1).await;
        let waiting = tokio::spawn({
            let lane = lane.clone();
            async move { lane.run(|| 1).await }
        });
        while lane.shared.lock().jobs.is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(lane.run(|| 2).await, Err(NoAnswer::Full));
        drop(release);
        assert_eq!(waiting.await.unwrap(), Ok(1));
        assert_eq!(lane.run(|| 3).await, Ok(3));
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_is_skipped() {
        let (lane, release) = occupied(2).await;
        let (done, was_done) = mpsc::channel();
        let gone = tokio::time::timeout(Duration::from_millis(1), lane.run(move || done.send(())));
        assert!(gone.await.is_err());
        drop(release);
        assert_eq!(lane.run(|| 1).await, Ok(1));
        assert!(was_done.recv().is_err(), "nobody wanted it");
    }

    #[tokio::test]
    async fn a_panic_ends_the_work_and_not_the_thread() {
        let lane = Lane::start("test", 1, 4).unwrap();
        assert_eq!(lane.run(|| panic!("on purpose")).await, Err::<(), _>(NoAnswer::Panicked));
        assert_eq!(lane.run(|| 1).await, Ok(1));
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn who_signs_in_comes_first() {
        let lane = Lane::start("test", 1, 4).unwrap();
        let stat = lane.run(|| std::fs::read_to_string("/proc/thread-self/stat")).await.unwrap().unwrap();
        // The 19th field is how nice it is; the second, in brackets, may hold anything.
        let nice = stat.rsplit_once(") ").unwrap().1.split(' ').nth(16);
        assert_eq!(nice, Some(NICE.to_string().as_str()));
    }
}
