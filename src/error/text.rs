//! What the texts of errors have in common.

use std::fmt;

pub(super) fn write_request_id(f: &mut fmt::Formatter<'_>, id: Option<&str>) -> fmt::Result {
    match id {
        Some(id) => write!(f, "; request id {id}"),
        None => Ok(()),
    }
}

pub(super) fn write_advice(f: &mut fmt::Formatter<'_>, advice: &str) -> fmt::Result {
    if advice.is_empty() {
        return Ok(());
    }
    write!(f, "; {advice}")
}

/// How many attempts there were, if more than one.
pub(super) struct Attempts(pub(super) u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => Ok(()),
            n => write!(f, " ({n} attempts)"),
        }
    }
}
