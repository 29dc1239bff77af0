//! Settings from environment variables.

use std::env::VarError;

use zeroize::Zeroizing;

use crate::credentials::Credentials;
use crate::error::{Error, Result};

/// A setting as it was made. It is checked when a client is built.
#[derive(Clone)]
pub(crate) struct Setting {
    pub(crate) text: Zeroizing<String>,
    /// The variable, or the file and key, or `None` if the program made it.
    pub(crate) source: Option<String>,
}

impl Setting {
    pub(crate) fn of_program(text: impl Into<String>) -> Setting {
        Setting {
            text: Zeroizing::new(text.into()),
            source: None,
        }
    }

    /// Returns the error for this setting. `option` is its name in the builder.
    pub(crate) fn refuse(&self, option: &str, fault: impl Into<String>) -> Error {
        Error::invalid(self.source.as_deref().unwrap_or(option), fault)
    }
}

/// Returns an environment variable without surrounding white space, or `None` if it is unset or
/// empty.
pub(crate) fn variable(name: &str) -> Result<Option<Setting>> {
    match std::env::var(name).map(Zeroizing::new) {
        Ok(value) if value.trim().is_empty() => Ok(None),
        Ok(value) => Ok(Some(Setting {
            text: Zeroizing::new(value.trim().to_owned()),
            source: Some(name.to_owned()),
        })),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::invalid(name, "is not UTF-8")),
    }
}

/// Returns the environment's credentials, with the variables that they are from.
pub(crate) fn credentials() -> Result<Option<(Credentials, Option<String>)>> {
    if let Some(Setting { text, source }) = variable("IONOS_TOKEN")? {
        return Ok(Some((Credentials::token(text.as_str()), source)));
    }
    match (variable("IONOS_USERNAME")?, variable("IONOS_PASSWORD")?) {
        (None, None) => Ok(None),
        (Some(username), Some(password)) => Ok(Some((
            Credentials::basic(username.text.as_str(), password.text.as_str()),
            Some("IONOS_USERNAME and IONOS_PASSWORD".to_owned()),
        ))),
        (Some(_), None) => Err(Error::invalid(
            "IONOS_PASSWORD",
            "is not set, but IONOS_USERNAME is",
        )),
        (None, Some(_)) => Err(Error::invalid(
            "IONOS_USERNAME",
            "is not set, but IONOS_PASSWORD is",
        )),
    }
}
