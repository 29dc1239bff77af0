//! The options of a rotation. They do not depend on how it is carried out.

use std::time::Duration;

use crate::token::KeyId;

/// Options of [`rotate_token`](crate::rotate_token).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct RotateTokenOptions {
    pub(super) replacing: Option<KeyId>,
    pub(super) ttl: Option<Duration>,
    pub(super) contract_number: Option<u32>,
}

impl RotateTokenOptions {
    /// Replaces the client's own token. If the client uses a user name and password,
    /// [`rotate_token`](crate::rotate_token) returns an error before it sends a request.
    pub fn current() -> RotateTokenOptions {
        RotateTokenOptions {
            replacing: None,
            ttl: None,
            contract_number: None,
        }
    }

    /// Replaces the token with this Key ID. The client may use any credentials of the same user.
    pub fn replacing(id: impl Into<KeyId>) -> RotateTokenOptions {
        RotateTokenOptions {
            replacing: Some(id.into()),
            ..RotateTokenOptions::current()
        }
    }

    /// Sets how long the new token is valid, from 60 s to 31,536,000 s (365 days). Fractions of a
    /// second are dropped.
    ///
    /// By default the new token lives as long as the old one did from creation to expiry, so a
    /// one-hour token does not become a one-year token. The old token contains these times (`iat`
    /// and `exp`). If it does not, one request asks the service before anything is created. If that
    /// does not tell either, the service's default of 365 days applies.
    pub fn ttl(mut self, ttl: Duration) -> RotateTokenOptions {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the contract that the tokens are for, from 1 to 2147483647. Default: the client's.
    pub fn contract_number(mut self, number: u32) -> RotateTokenOptions {
        self.contract_number = Some(number);
        self
    }
}
