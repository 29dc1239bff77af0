//! What identifies the sender of a response that is not the service's own. It does not depend on
//! HTTP.

use std::fmt;

/// The identifying headers and the length of a response. Nothing here comes from the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    /// The header `Server`.
    pub(crate) server: Option<String>,
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    /// The length of the body as far as it was read, in bytes.
    pub(crate) length: usize,
    /// Whether the body was read completely.
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
