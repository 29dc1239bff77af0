//! The address of the last connection, which can be used again for a short time. It does not depend
//! on how an address is found or connected to.

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long an address is used before it is looked up again.
const MAX_AGE: Duration = Duration::from_secs(10);

#[derive(Default)]
pub(super) struct KnownAddress(Mutex<Option<Found>>);

struct Found {
    address: SocketAddr,
    at: Instant,
}

impl KnownAddress {
    pub(super) fn get(&self) -> Option<SocketAddr> {
        let found = self.lock();
        let fresh = found
            .as_ref()
            .filter(|found| found.at.elapsed() < MAX_AGE)?;
        Some(fresh.address)
    }

    /// Keeps an address that was just looked up.
    pub(super) fn keep(&self, address: SocketAddr) {
        let at = Instant::now();
        *self.lock() = Some(Found { address, at });
    }

    pub(super) fn forget(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<Found>> {
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
            *known.lock() = Some(Found { address, at });
            assert_eq!(known.get(), None, "too old");
        }
        known.keep(address);
        known.forget();
        assert_eq!(known.get(), None);
    }
}
