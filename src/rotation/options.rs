//! What a caller may ask of a rotation.

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
    /// Replaces the token that the client itself uses. With a client that has a user name and a
    /// password, that is an error before anything is sent.
    pub fn current() -> RotateTokenOptions {
        RotateTokenOptions {
            replacing: None,
            ttl: None,
            contract_number: None,
        }
    }

    /// Replaces the token with this Key ID, whoever the client is.
    pub fn replacing(id: impl Into<KeyId>) -> RotateTokenOptions {
        RotateTokenOptions {
            replacing: Some(id.into()),
            ..RotateTokenOptions::current()
        }
    }

    /// How long the new token lives: 60 s to 31,536,000 s (365 days). Fractions of a second are
    /// dropped.
    ///
    /// Default: as long as the old one, from its creation to its expiry: a token for an hour does
    /// not become one for a year. The old token says itself how long that is (`iat` and `exp`), or
    /// else the service does, which is asked before anything is created. Where neither does, it is
    /// the service's default: 365 days.
    pub fn ttl(mut self, ttl: Duration) -> RotateTokenOptions {
        self.ttl = Some(ttl);
        self
    }

    /// The contract that the tokens are for, 1 to 2147483647. Default: the client's.
    pub fn contract_number(mut self, number: u32) -> RotateTokenOptions {
        self.contract_number = Some(number);
        self
    }
}
