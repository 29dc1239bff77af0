//! Settings from environment variables.

use std::env::VarError;

use zeroize::Zeroizing;

use crate::builder::ClientBuilder;
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
pub(super) fn variable(name: &str) -> Result<Option<Setting>> {
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

impl ClientBuilder {
    /// Reads the environment variables that the vendor's own tools read.
    ///
    /// | variable | setting |
    /// | --- | --- |
    /// | `IONOS_TOKEN` | a token; takes precedence over user name and password |
    /// | `IONOS_USERNAME`, `IONOS_PASSWORD` | a user name and a password |
    /// | `IONOS_API_URL` | [`base_url`](ClientBuilder::base_url) |
    /// | `IONOS_CONTRACT_NUMBER` | [`contract_number`](ClientBuilder::contract_number) |
    /// | `IONOS_PINNED_CERT` | `pinned_certificate_sha256`; requires the feature `pinned-cert` |
    ///
    /// White space around a value is ignored, even around a password. An empty variable counts as
    /// unset. Settings that you make on the builder take precedence. If there are no credentials,
    /// [`build`](ClientBuilder::build) fails.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if a value is not usable. The error names the variable. Examples are a
    /// URL or number that is not valid, text that is not UTF-8, or, without a token, a user name
    /// without a password or a password without a user name. Without the feature `pinned-cert`,
    /// `IONOS_PINNED_CERT` is an error, so a pin is never silently ignored.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use ionoscloud_auth::ClientBuilder;
    ///
    /// let client = ClientBuilder::from_env()?.timeout(Duration::from_secs(10)).build()?;
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn from_env() -> Result<ClientBuilder> {
        Ok(ClientBuilder {
            credentials: credentials()?,
            base_url: variable("IONOS_API_URL")?,
            contract_number: variable("IONOS_CONTRACT_NUMBER")?,
            pinned_certificate: variable("IONOS_PINNED_CERT")?,
            has_read_environment: true,
            ..ClientBuilder::default()
        })
    }
}

fn credentials() -> Result<Option<(Credentials, Option<String>)>> {
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
