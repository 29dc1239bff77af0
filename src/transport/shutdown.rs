//! The end of every call of a client: whoever waits is woken, at once and from any thread.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// What waits for something other than this signal, and can be made to look at it.
pub(super) trait Interrupt: Send + Sync {
    fn interrupt(&self);
}

/// Set once, by [`Client::shutdown`](crate::Client::shutdown).
#[derive(Default)]
pub(crate) struct Shutdown {
    /// Written under the lock alone; read without it before every wait of a socket.
    is_set: AtomicBool,
    waiting: Mutex<Vec<Weak<dyn Interrupt>>>,
    changed: Condvar,
}

impl Shutdown {
    /// Once this has returned, every socket of the client is closed to both sides, and no new one
    /// can be made.
    pub(crate) fn set(&self) {
        let waiting = {
            let mut waiting = self.lock();
            self.is_set.store(true, Ordering::SeqCst);
            std::mem::take(&mut *waiting)
        };
        self.changed.notify_all();
        for waits in waiting.iter().filter_map(Weak::upgrade) {
            waits.interrupt();
        }
    }

    pub(crate) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    /// Waits `delay`, and says whether the signal was set before it was over.
    pub(crate) fn wait(&self, delay: Duration) -> bool {
        let waiting = self.lock();
        let _waited = self
            .changed
            .wait_timeout_while(waiting, delay, |_| !self.is_set());
        self.is_set()
    }

    /// Has `waits` interrupted when the signal is set. `false` if it is set already.
    pub(super) fn register(&self, waits: Weak<dyn Interrupt>) -> bool {
        let mut waiting = self.lock();
        if self.is_set() {
            return false;
        }
        if waiting.len() == waiting.capacity() {
            // Before it grows: what is gone makes room.
            waiting.retain(|waits| waits.strong_count() > 0);
        }
        waiting.push(waits);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<dyn Interrupt>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
