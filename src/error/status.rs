//! An HTTP status and its reason phrase.

use std::fmt;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Status {
    pub(crate) code: u16,
    /// The standard reason phrase, or empty.
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
