//! A few threads of lowered priority behind a bounded queue, for work that takes tens of milliseconds of a core. What
//! needs no hash stays quick beside it, and a storm of sign-ins is refused at the door instead of piling up. Knows
//! nothing of passwords.

use super::memory::{Budget, Memory};
use keyward_auth::outside::Busy;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread, time::Duration};
use tokio::sync::oneshot;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// The threads end, after the job that they are at, when this is dropped.
pub(super) struct Workers {
    shared: Arc<Shared>,
    places: usize,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// How long a thread keeps its memory without work.
const KEPT: Duration = Duration::from_secs(3);

/// About a tenth of the share of a thread that serves requests, where both want a core.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

impl Workers {
    pub(super) fn start(threads: usize, places: usize, budget: &Arc<Budget>) -> io::Result<Self> {
        let workers =
            Self { shared: Arc::new(Shared { queue: Mutex::default(), changed: Condvar::new() }), places };
        for number in 0..threads {
            let (shared, memory) = (workers.shared.clone(), Memory::new(budget.clone()));
            thread::Builder::new().name(format!("hash-{number}")).spawn(move || shared.work(memory))?;
        }
        Ok(workers)
    }

    /// Waits for a thread and then for the work. Full, closed and broken work are all `Busy`.
    ///
    /// Work that has not begun is skipped when nobody waits for it any more: who needs it done keeps waiting.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (answer, answered) = oneshot::channel();
        let job = move |memory: &mut Memory| {
            if !answer.is_closed() {
                // The caller may have gone in the meantime; then the result is nobody's.
                let _ = answer.send(work(memory));
            }
        };
        {
            let mut queue = self.shared.lock();
            if queue.jobs.len() >= self.places {
                return Err(Busy);
            }
            queue.jobs.push_back(Box::new(job));
        }
        self.shared.changed.notify_one();
        answered.await.map_err(|_| Busy)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn work(&self, mut memory: Memory) {
        lower_priority();
        while let Some(job) = self.next(&mut memory) {
            // No job runs while the queue is locked, and `memory` holds nothing that half-done work could spoil.
            if catch_unwind(AssertUnwindSafe(|| job(&mut memory))).is_err() {
                tracing::error!("hashing a password panicked");
            }
            memory.settle();
        }
    }

    fn next(&self, memory: &mut Memory) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if let Some(job) = queue.jobs.pop_front() {
                return Some(job);
            }
            if queue.closed {
                return None;
            }
            if memory.is_empty() {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            let (guard, waited) =
                self.changed.wait_timeout(queue, KEPT).unwrap_or_else(PoisonError::into_inner);
            queue = guard;
            if waited.timed_out() && queue.jobs.is_empty() {
                // Unmapping takes a moment, and nobody should wait at the queue for it.
                drop(queue);
                memory.free();
                queue = self.lock();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Best effort: a container may forbid it, and then hashing only competes harder.
#[cfg(target_os = "linux")]
fn lower_priority() {
    // On Linux "this process" is the calling thread, see setpriority(2), "C library/kernel differences".
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "the priority of hashing stays as it is");
    }
}

#[cfg(not(target_os = "linux"))]
fn lower_priority() {}
