//! Settings of the environment.

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
    /// | `IONOS_TOKEN` | a token; wins over user name and password |
    /// | `IONOS_USERNAME`, `IONOS_PASSWORD` | a user name and a password |
    /// | `IONOS_API_URL` | [`base_url`](ClientBuilder::base_url) |
    /// | `IONOS_CONTRACT_NUMBER` | [`contract_number`](ClientBuilder::contract_number) |
    /// | `IONOS_PINNED_CERT` | `pinned_certificate_sha256`, with the feature `pinned-cert`; else an error |
    ///
    /// White space around a value is ignored, also around a password; a variable that is empty
    /// counts as unset. What is set on the builder afterwards wins. Without any credentials it is
    /// [`build`](ClientBuilder::build) that fails.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`], naming the variable, if a value can't be used: a URL or number that is
    /// none, a user name without a password or a password without a user name (where no token is
    /// set), text that is not UTF-8. So it is if `IONOS_PINNED_CERT` is set and the feature
    /// `pinned-cert` is off: nobody should believe in a pin that is not there.
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
                    "is not set, and IONOS_USERNAME is",
                ));
            }
            (None, Some(_)) => {
                return Err(Error::invalid(
                    USERNAME,
                    "is not set, and IONOS_PASSWORD is",
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

/// The pin of the environment. Without the feature `pinned-cert` there must be none.
pub(super) fn pin() -> Result<Option<Setting<Fingerprint>>> {
    setting("IONOS_PINNED_CERT", Fingerprint::parse)
}

/// A setting of a variable, if that is set.
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
