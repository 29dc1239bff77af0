//! What the texts of errors have in common.

use std::fmt;
use std::time::SystemTime;

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

/// A time as people read it, in UTC.
pub(crate) fn date(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(time);
    // Dates beyond the year 9999 can't be written, and humantime says so by an error.
    let mut written = String::new();
    match fmt::write(&mut written, format_args!("{text}")) {
        Ok(()) => written,
        Err(fmt::Error) => "a time beyond the year 9999".to_owned(),
    }
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
