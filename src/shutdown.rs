//! The signal that ends every call of a client. Knows nothing of who sends it, or of what it ends.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Set once, by `shutdown`, and waited for by every call between its tries.
#[derive(Default)]
pub(crate) struct ShutdownSignal {
    set: Mutex<bool>,
    changed: Condvar,
}

impl ShutdownSignal {
    pub(crate) fn set(&self) {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_set(&self) -> bool {
        *self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits `delay`, and says whether the signal was set before it was over.
    pub(crate) fn wait(&self, delay: Duration) -> bool {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        let (set, _) = self
            .changed
            .wait_timeout_while(set, delay, |set| !*set)
            .unwrap_or_else(PoisonError::into_inner);
        *set
    }
}
