//! Settings from environment variables. It does not depend on other sources.

use super::base_url::BaseUrl;
use super::builder::{ClientBuilder, Service};
use super::source::{Setting, Source};
use super::variable::variable;
use crate::auth::{ContractNumber, Credentials, CredentialsSource, Part};
use crate::error::{Error, Result};
use crate::transport::Fingerprint;

const TOKEN: &str = "IONOS_TOKEN";
const USERNAME: &str = "IONOS_USERNAME";
const PASSWORD: &str = "IONOS_PASSWORD";

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
        let credentials = credentials()?;
        let service = setting("IONOS_API_URL", |url| BaseUrl::parse(url).map(Service::at))?;
        let contract_number = setting("IONOS_CONTRACT_NUMBER", ContractNumber::parse)?;
        Ok(ClientBuilder {
            credentials,
            service,
            contract_number,
            pinned_certificate: pin()?,
            ..ClientBuilder::default()
        })
    }
}

fn credentials() -> Result<Option<(Credentials, CredentialsSource)>> {
    let (credentials, source) = match variable(TOKEN)? {
        Some(token) => (Credentials::token(token), CredentialsSource::TokenVariable),
        None => match (variable(USERNAME)?, variable(PASSWORD)?) {
            (Some(username), Some(password)) => (
                Credentials::basic(username, password),
                CredentialsSource::PasswordVariables,
            ),
            (None, None) => return Ok(None),
            (Some(_), None) => {
                return Err(Error::invalid(
                    PASSWORD,
                    "is not set, but IONOS_USERNAME is",
                ));
            }
            (None, Some(_)) => {
                return Err(Error::invalid(
                    USERNAME,
                    "is not set, but IONOS_PASSWORD is",
                ));
            }
        },
    };
    credentials.validate().map_err(|(part, reason)| {
        let name = match part {
            Part::Token => TOKEN,
            Part::Username => USERNAME,
            Part::Password => PASSWORD,
        };
        Source::Variable(name).refuse(reason)
    })?;
    Ok(Some((credentials, source)))
}

/// Returns the environment's pin. Without the feature `pinned-cert` a pin is an error.
pub(super) fn pin() -> Result<Option<Setting<Fingerprint>>> {
    #[cfg(feature = "pinned-cert")]
    let parse = super::fingerprint::parse;
    #[cfg(not(feature = "pinned-cert"))]
    let parse = |_: &str| {
        Err(
            "is set, but this program was built without the feature pinned-cert: unset it, or \
             build with the feature",
        )
    };
    setting("IONOS_PINNED_CERT", parse)
}

/// Reads a setting from a variable, if that is set.
fn setting<T, R: Into<String>>(
    name: &'static str,
    parse: impl Fn(&str) -> std::result::Result<T, R>,
) -> Result<Option<Setting<T>>> {
    let Some(value) = variable(name)? else {
        return Ok(None);
    };
    let setting = Setting::new(Source::Variable(name), parse(&value));
    setting.checked().map(Some)
}
