//! A variable of the environment.

use std::env::VarError;

use crate::error::{Error, Result};

/// A variable of the environment, without the white space around it; `None` if it is empty, too.
pub(super) fn variable(name: &'static str) -> Result<Option<String>> {
    match std::env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::invalid(name, "is not UTF-8")),
    }
}
