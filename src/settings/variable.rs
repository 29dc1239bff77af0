//! Reads an environment variable. It does not depend on what it means.

use std::env::VarError;

use crate::error::{Error, Result};

/// Returns an environment variable without surrounding white space, or `None` if it is unset or
/// empty.
pub(super) fn variable(name: &'static str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::invalid(name, "is not UTF-8")),
    }
}
