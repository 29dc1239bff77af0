//! Validates the settings, each one and all of them together. It does not depend on where they come
//! from.

use std::time::Duration;

use super::base_url::BaseUrl;
use super::builder::{ClientBuilder, Service, user_agent};
use super::source::{Setting, Source};
use crate::auth::{ContractNumber, Credentials, CredentialsSource};
use crate::call::{Hooks, RetryPolicy};
use crate::error::{Error, Result};
use crate::transport;

const BASE_URL: &str = "https://api.ionos.com/auth/v1";
const TIMEOUT: Duration = Duration::from_secs(30);

const NO_CREDENTIALS: &str = "none found: set IONOS_TOKEN, or IONOS_USERNAME and \
    IONOS_PASSWORD, and use from_env(), or call credentials()";

/// Validated settings.
pub(crate) struct Settings {
    pub(crate) credentials: Credentials,
    pub(crate) credentials_source: CredentialsSource,
    pub(crate) base_url: BaseUrl,
    /// Where the base URL was set, if it is not the default.
    pub(crate) base_url_source: Option<String>,
    pub(crate) transport: transport::Settings,
    pub(crate) contract_number: Option<ContractNumber>,
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) hooks: Hooks,
    pub(crate) allow_secrets_in_trace_log: bool,
}

impl ClientBuilder {
    /// Validates the settings. No request is sent.
    pub(crate) fn validate(self) -> Result<Settings> {
        let Some((credentials, credentials_source)) = self.credentials else {
            return Err(no_credentials(&self.missing_files));
        };
        validate_credentials(&credentials)?;
        let timeout = self.timeout.unwrap_or(TIMEOUT);
        validate_timeout(timeout)?;
        let base_url_source = self.service.as_ref();
        let base_url_source = base_url_source.map(|service| service.source().to_string());
        let service = self.service.unwrap_or_else(|| {
            let service = BaseUrl::parse(BASE_URL).map(Service::at);
            Setting::new(Source::Option("base_url"), service)
        });
        let Service {
            base_url,
            certificates,
        } = service.get()?;
        if !base_url.is_https {
            if !base_url.is_loopback() && !self.allow_insecure_http {
                return Err(plain_http(&service));
            }
            if let Some(pin) = &self.pinned_certificate {
                let reason = "is set, but the base URL is plain http, which has no certificate";
                return Err(pin.refuse(reason));
            }
        }
        let user_agent = self.user_agent.unwrap_or_else(|| {
            let user_agent = Ok::<_, String>(user_agent(""));
            Setting::new(Source::Option("user_agent"), user_agent)
        });
        let root_certificates = self.root_certificates.map(Setting::into_given);
        let headers = self.headers.into_iter().map(Setting::into_value);
        Ok(Settings {
            credentials,
            credentials_source,
            base_url: base_url.clone(),
            base_url_source,
            transport: transport::Settings {
                base_url: base_url.to_string(),
                user_agent: user_agent.into_value()?,
                root_certificates: root_certificates.transpose()?.or(certificates.clone()),
                pinned_certificate: value(self.pinned_certificate)?,
                headers: headers.collect::<Result<_>>()?,
                proxy: self.proxy.server(base_url)?,
            },
            contract_number: value(self.contract_number)?,
            timeout,
            retry: self.retry,
            hooks: self.hooks,
            allow_secrets_in_trace_log: self.allow_secrets_in_trace_log,
        })
    }
}

fn no_credentials(missing_files: &[String]) -> Error {
    if missing_files.is_empty() {
        return Error::invalid("credentials", NO_CREDENTIALS);
    }
    let places = missing_files.join(" or ");
    let reason = format!("{NO_CREDENTIALS}; there is no config file at {places} either");
    Error::invalid("credentials", reason)
}

fn plain_http(service: &Setting<Service>) -> Error {
    let or = match service.source() {
        Source::Option(_) => ", or allow_insecure_http(true)",
        Source::Variable(_) | Source::File { .. } => "",
    };
    service.refuse(&format!(
        "is plain http, which shows the credentials to everybody on the network path: use https{or}"
    ))
}

pub(crate) fn validate_timeout(timeout: Duration) -> Result<()> {
    if timeout.is_zero() {
        let reason = "is zero; for no limit, use Duration::MAX";
        return Err(Error::invalid("timeout", reason));
    }
    Ok(())
}

/// Validates the program's credentials. Those of the environment and of a file are also validated
/// where they are read, and so do not fail here.
pub(crate) fn validate_credentials(credentials: &Credentials) -> Result<()> {
    credentials
        .validate()
        .map_err(|(part, reason)| Source::part(part).refuse(reason))
}

fn value<T>(setting: Option<Setting<T>>) -> Result<Option<T>> {
    setting.map(Setting::into_value).transpose()
}
