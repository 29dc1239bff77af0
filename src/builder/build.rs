//! Checks the settings, and makes a client.

use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::ClientBuilder;
use crate::client::{Client, Identity, Shared, contract_number, validate_timeout};
use crate::credentials::Credentials;
use crate::error::{Error, Result};
use crate::settings::{BASE_URL, BaseUrl, Setting};
use crate::transport::{self, Fingerprint, RootCerts, Roots, Transport};

impl Client {
    /// Creates a client for `https://api.ionos.com/auth/v1` with the default settings.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if the credentials are empty, too long for a
    /// request, or contain characters that are not valid in them, such as a line break or a colon
    /// in the user name, or if a proxy variable of the environment is not usable.
    pub fn new(credentials: Credentials) -> Result<Client> {
        Client::builder().credentials(credentials).build()
    }

    /// Creates a client with the credentials and settings of the environment. See
    /// [`ClientBuilder::from_env`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if a variable is not usable, or if there are no
    /// credentials. The error names the variable.
    pub fn from_env() -> Result<Client> {
        ClientBuilder::from_env()?.build()
    }

    /// Creates a client with the settings of the environment, or else of the vendor's config file.
    /// See [`ClientBuilder::from_env_or_config`]. Requires the [feature](crate#features)
    /// `config-file`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if a setting is not usable, or if there are no
    /// credentials. The error names the variable, or the file and line.
    #[cfg(feature = "config-file")]
    pub fn from_env_or_config() -> Result<Client> {
        ClientBuilder::from_env_or_config()?.build()
    }

    /// Returns a builder with the default settings and without credentials.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }
}

impl ClientBuilder {
    /// Builds the client. No request is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there are no credentials, or if a setting is not usable. The error
    /// names the option, the variable, or the file and key.
    pub fn build(self) -> Result<Client> {
        let timeout = self.timeout.unwrap_or(TIMEOUT);
        validate_timeout(timeout)?;
        let missing = || no_credentials(self.has_read_environment, &self.missing_files);
        let (credentials, source) = self.credentials.ok_or_else(missing)?;
        let default = Setting::of_program(BASE_URL);
        let setting = self.base_url.as_ref().unwrap_or(&default);
        let base_url = BaseUrl::parse(&setting.text);
        let base_url = base_url.map_err(|fault| setting.refuse("base_url", fault))?;
        if !base_url.is_https && !base_url.is_loopback() && !self.allow_insecure_http {
            return Err(setting.refuse("base_url", PLAIN_HTTP));
        }
        let set_by = setting.source.as_deref();
        let from = set_by.map(|source| format!(" (from {source})"));
        let contract_number = self.contract_number.map(|setting| {
            let number = setting.text.parse().map(contract_number);
            let fault = "is not a number from 1 to 2147483647";
            let number = number.ok().and_then(Result::ok);
            number.ok_or_else(|| setting.refuse("contract_number", fault))
        });
        let headers = self.headers.iter().map(|(name, value)| header(name, value));
        let pin = self.pinned_certificate.map(|pin| pin_of(&pin, &base_url));
        let transport = Transport::new(transport::Settings {
            base_url: base_url.to_string(),
            service: format!("{}{}", base_url.service(), from.unwrap_or_default()),
            user_agent: user_agent(&self.product)?,
            root_certificates: roots(self.root_certificates, self.certificates_of_file)?,
            pinned_certificate: pin.transpose()?,
            headers: headers.collect::<Result<_>>()?,
            proxy: self.proxy.for_service(&base_url)?,
        })?;
        let shared = Shared {
            base_url: base_url.to_string(),
            base_url_source: self.base_url.and_then(|setting| setting.source),
            contract_number: contract_number.transpose()?,
            retry: self.retry,
            on_attempt: self.on_attempt,
        };
        let identity = Identity::new(&shared, &transport, credentials, source)?;
        Ok(Client {
            shared: Arc::new(shared),
            transport: Arc::new(transport),
            identity: Arc::new(identity),
            timeout,
        })
    }
}

const PLAIN_HTTP: &str = "is plain http, which shows the credentials to everybody on the network \
    path: use https (a program may call allow_insecure_http)";
const TIMEOUT: Duration = Duration::from_secs(30);

fn no_credentials(has_read_environment: bool, missing_files: &[String]) -> Error {
    let mut reason = match has_read_environment {
        true => "none found: set IONOS_TOKEN, or IONOS_USERNAME and IONOS_PASSWORD",
        false => "none set: call credentials(), or start with from_env()",
    }
    .to_owned();
    if !missing_files.is_empty() {
        let places = missing_files.join(" or ");
        reason += &format!("; there is no config file at {places} either");
    }
    Error::invalid("credentials", reason)
}

fn user_agent(product: &str) -> Result<String> {
    const OWN: &str = concat!("ionoscloud-auth/", env!("CARGO_PKG_VERSION"));
    validate_header_value(product).map_err(|fault| Error::invalid("user_agent", fault))?;
    Ok(match product.trim() {
        "" => OWN.to_owned(),
        product => format!("{product} {OWN}"),
    })
}

/// Returns the certificates of the program, else those that a file lists for the base URL.
fn roots(
    of_program: Option<Roots>,
    of_file: Option<(Roots, Option<String>)>,
) -> Result<Option<(RootCerts, Option<String>)>> {
    let of_program = of_program.map(|roots| (roots, None));
    let Some((roots, source)) = of_program.or(of_file) else {
        return Ok(None);
    };
    let what = source.as_deref().unwrap_or("root_certificates_pem");
    let roots = roots.map_err(|fault| Error::invalid(what, fault))?;
    Ok(Some((roots, source)))
}

fn pin_of(pin: &Setting, base_url: &BaseUrl) -> Result<Fingerprint> {
    let read = match base_url.is_https {
        _ if !cfg!(feature = "pinned-cert") => Err(
            "is set, but this program was built without the feature pinned-cert: unset it, or \
             build with the feature",
        ),
        false => Err("is set, but the base URL is plain http, which has no certificate"),
        true => fingerprint(&pin.text),
    };
    read.map_err(|fault| pin.refuse("pinned_certificate_sha256", fault))
}

/// Reads a SHA-256 in hex, with or without colons, white space and the label of `openssl`.
fn fingerprint(text: &str) -> Result<Fingerprint, &'static str> {
    const NONE: &str =
        "is not a valid SHA-256 fingerprint (64 hexadecimal digits, with or without colons)";
    let text = text.trim().to_ascii_lowercase();
    let text = text.strip_prefix("sha256 fingerprint=").unwrap_or(&text);
    let digits = text.chars().filter(|c| *c != ':' && !c.is_whitespace());
    let digits: Option<Vec<u32>> = digits.map(|c| c.to_digit(16)).collect();
    let digits = digits.filter(|digits| digits.len() == 64).ok_or(NONE)?;
    let byte = |pair: &[u32]| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8);
    let bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
    bytes.try_into().map_err(|_| NONE)
}

/// Headers that a caller may not set: the library's own, those that determine the end of a request,
/// those that change the response, and the one that would send a proxy's password to the service.
/// Headers that begin with `if-` also change the response: a create could return a 304 without the
/// token.
const RESERVED: &str = "accept accept-encoding authorization connection content-length expect host \
    proxy-authorization range transfer-encoding upgrade user-agent x-contract-number x-http-method \
    x-http-method-override x-method-override";

/// Returns a caller's header as it is sent.
fn header(name: &str, value: &str) -> Result<(String, Zeroizing<String>)> {
    // RFC 9110, section 5.6.2.
    let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_valid) {
        // It may be a whole header, with its value.
        let reason = "has a name that is not valid (letters, digits and hyphens)";
        return Err(Error::invalid("header", reason));
    }
    let refuse = |fault: &str| Error::invalid("header", format!("{name:?} {fault}"));
    let lower = name.to_ascii_lowercase();
    if RESERVED.split(' ').any(|name| name == lower) || lower.starts_with("if-") {
        return Err(refuse(
            "cannot be set: the library sets it, or requires it to be unset",
        ));
    }
    validate_header_value(value).map_err(|fault| refuse(&format!("has a value that {fault}")))?;
    Ok((lower, Zeroizing::new(value.trim_matches(' ').to_owned())))
}

fn validate_header_value(text: &str) -> Result<(), &'static str> {
    if !text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Err("contains a line break or another character that is not printable ASCII");
    }
    Ok(())
}
