//! The shutdown of a client, which wakes everything that waits. It does not depend on what waits.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Something that waits for other events than the shutdown, and can be interrupted.
pub(super) trait Interrupt: Send + Sync {
    fn interrupt(&self);
}

/// Set once, by [`Client::shutdown`](crate::Client::shutdown).
#[derive(Default)]
pub(crate) struct Shutdown {
    /// Written only under the lock, but read without it before every wait of a socket.
    is_set: AtomicBool,
    waiting: Mutex<Vec<Weak<dyn Interrupt>>>,
    changed: Condvar,
}

impl Shutdown {
    /// After this returns, every socket of the client is shut down in both directions, and no new
    /// one can be registered.
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

    /// Waits for this delay. Returns whether the shutdown came before its end.
    pub(crate) fn wait(&self, delay: Duration) -> bool {
        let waiting = self.lock();
        let _waited = self
            .changed
            .wait_timeout_while(waiting, delay, |_| !self.is_set());
        self.is_set()
    }

    /// Registers `waits` to be interrupted by the shutdown. Returns false if that has already
    /// happened.
    pub(super) fn register(&self, waits: Weak<dyn Interrupt>) -> bool {
        let mut waiting = self.lock();
        if self.is_set() {
            return false;
        }
        if waiting.len() == waiting.capacity() {
            // Removes what no longer waits before the list grows.
            waiting.retain(|waits| waits.strong_count() > 0);
        }
        waiting.push(waits);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<dyn Interrupt>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
