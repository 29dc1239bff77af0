//! Parts that the texts of all errors share.

use std::fmt;
use std::time::SystemTime;

pub(super) fn write_request_id(f: &mut fmt::Formatter<'_>, id: Option<&str>) -> fmt::Result {
    match id {
        Some(id) => write!(f, "; request ID {id}"),
        None => Ok(()),
    }
}

pub(super) fn write_advice(f: &mut fmt::Formatter<'_>, advice: &str) -> fmt::Result {
    if advice.is_empty() {
        return Ok(());
    }
    write!(f, "; {advice}")
}

/// Returns a time as text, in UTC.
pub(crate) fn date(time: SystemTime) -> String {
    let text = humantime::format_rfc3339_seconds(time);
    // humantime does not write dates after the year 9999.
    let mut written = String::new();
    match fmt::write(&mut written, format_args!("{text}")) {
        Ok(()) => written,
        Err(fmt::Error) => "a time after the year 9999".to_owned(),
    }
}

/// The number of attempts, if there was more than one.
pub(super) struct Attempts(pub(super) u32);

impl fmt::Display for Attempts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 | 1 => Ok(()),
            n => write!(f, " ({n} attempts)"),
        }
    }
}
