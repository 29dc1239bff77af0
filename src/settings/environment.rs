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
/// blank.
pub(crate) fn variable(name: &str) -> Result<Option<Setting>> {
    trimmed(name, str::trim)
}

fn trimmed(name: &str, trim: fn(&str) -> &str) -> Result<Option<Setting>> {
    match std::env::var(name).map(Zeroizing::new) {
        Ok(value) if value.trim().is_empty() => Ok(None),
        Ok(value) => Ok(Some(Setting {
            text: Zeroizing::new(trim(&value).to_owned()),
            source: Some(name.to_owned()),
        })),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::invalid(name, "is not UTF-8")),
    }
}

/// Credentials, if there are any, and what set them.
type Found = Option<(Credentials, Option<String>)>;

/// Returns the environment's credentials, and the variables that set them. The inner error is for a
/// user name without a password.
pub(crate) fn credentials() -> Result<Result<Found>> {
    if let Some(Setting { text, source }) = variable("IONOS_TOKEN")? {
        return Ok(Ok(Some((Credentials::token(text.as_str()), source))));
    }
    // White space is a part of them, but not the line break of the file that they were read from.
    let part = |name| trimmed(name, |value| value.trim_end_matches(['\r', '\n']));
    let missing = |name, other| Error::invalid(name, format!("is not set, but {other} is"));
    let [user, pass] = ["IONOS_USERNAME", "IONOS_PASSWORD"];
    match (part(user)?, part(pass)?) {
        (None, None) => Ok(Ok(None)),
        (Some(_), None) => Ok(Err(missing(pass, user))),
        (None, Some(_)) => Err(missing(user, pass)),
        (Some(username), Some(password)) => {
            let credentials = Credentials::basic(username.text.as_str(), password.text.as_str());
            Ok(Ok(Some((credentials, Some(format!("{user} and {pass}"))))))
        }
    }
}
