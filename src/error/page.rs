//! A response that is not in the service's own words, by what identifies its sender.

use std::fmt;

/// What its head and its length say. Nothing in it comes from the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// The header `Server`.
    pub(crate) server: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    /// In bytes, of what was read of the body.
    pub(crate) length: usize,
    /// Whether that is all of it.
    pub(crate) is_complete: bool,
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (name, value) in [
            ("Server", &self.server),
            ("Content-Type", &self.content_type),
            ("Content-Encoding", &self.content_encoding),
        ] {
            if let Some(value) = value {
                write!(f, "{name}: {value}, ")?;
            }
        }
        let at_least = if self.is_complete { "" } else { "at least " };
        write!(f, "{at_least}{} bytes)", self.length)
    }
}
