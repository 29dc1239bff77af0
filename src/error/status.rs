//! A status of HTTP.

use std::fmt;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Status {
    pub(crate) code: u16,
    /// Its usual name; empty if it has none.
    pub(crate) reason_phrase: &'static str,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.reason_phrase {
            "" => write!(f, "{}", self.code),
            name => write!(f, "{} {name}", self.code),
        }
    }
}
