//! The address of the last connection, which can be used again for a short time. It does not depend
//! on how an address is found or connected to.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an address is used before it is looked up again.
const MAX_AGE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct KnownAddress(Mutex<Known>);

#[derive(Default)]
struct Known {
    found: Option<(SocketAddr, Instant)>,
    /// An address that did not answer soon.
    slow: Option<SocketAddr>,
}

impl KnownAddress {
    pub(super) fn get(&self) -> Option<SocketAddr> {
        let (address, at) = self.lock().found?;
        (at.elapsed() < MAX_AGE).then_some(address)
    }

    /// Keeps an address that was just looked up.
    pub(super) fn keep(&self, address: SocketAddr) {
        self.lock().found = Some((address, Instant::now()));
    }

    pub(super) fn forget(&self) {
        self.lock().found = None;
    }

    /// Records that this address does not answer soon: it is not worth waiting for it again.
    pub(super) fn was_slow(&self, address: SocketAddr) {
        self.lock().slow = Some(address);
    }

    pub(super) fn is_slow(&self, address: SocketAddr) -> bool {
        self.lock().slow == Some(address)
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_for_a_short_time() {
        let known = KnownAddress::default();
        assert_eq!(known.get(), None);
        let address = SocketAddr::from(([127, 0, 0, 1], 443));
        known.keep(address);
        assert_eq!(known.get(), Some(address));
        if let Some(at) = Instant::now().checked_sub(MAX_AGE) {
            known.lock().found = Some((address, at));
            assert_eq!(known.get(), None, "too old");
        }
        known.keep(address);
        known.forget();
        assert_eq!(known.get(), None);
        known.was_slow(address);
        assert!(known.is_slow(address));
    }
}
