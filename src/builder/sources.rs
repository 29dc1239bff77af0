//! Clients and builders with the settings of the environment and the config file.

#[cfg(feature = "config-file")]
use std::path::Path;

use super::ClientBuilder;
use crate::client::Client;
use crate::error::Result;
use crate::settings;
#[cfg(feature = "config-file")]
use crate::settings::{ConfigFile, FileSettings};
#[cfg(feature = "config-file")]
use crate::transport::root_certificates;

impl Client {
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
    /// White space around a value is ignored, except in a user name and a password: of these only
    /// line breaks at the end are. A blank variable counts as unset. Settings that you make on the
    /// builder take precedence. If there are no credentials, [`build`](ClientBuilder::build) fails.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if a value is not usable. The error names the
    /// variable. Examples are a URL or number that is not valid, text that is not UTF-8, or,
    /// without a token, a user name without a password or a password without a user name. Without
    /// the feature `pinned-cert`, `IONOS_PINNED_CERT` is an error, so a pin is never silently
    /// ignored.
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
            credentials: settings::credentials()??,
            ..ClientBuilder::of_environment()?
        })
    }

    /// Reads all but the credentials.
    fn of_environment() -> Result<ClientBuilder> {
        Ok(ClientBuilder {
            base_url: settings::variable("IONOS_API_URL")?,
            contract_number: settings::variable("IONOS_CONTRACT_NUMBER")?,
            pinned_certificate: settings::variable("IONOS_PINNED_CERT")?,
            has_read_environment: true,
            ..ClientBuilder::default()
        })
    }
}

#[cfg(feature = "config-file")]
impl ClientBuilder {
    /// Reads a config file as `ionosctl login` writes it: a profile's credentials, and the endpoint
    /// of the product `auth` in the profile's environment, or else in the first environment that
    /// has the product.
    ///
    /// The profile is the one that `IONOS_CURRENT_PROFILE` names, else the file's `currentProfile`,
    /// ignoring case. Its token takes precedence over its user name and password. The endpoint's
    /// `name` becomes the [`base_url`](ClientBuilder::base_url). Its `certificateAuthData` becomes
    /// the [root certificates](ClientBuilder::root_certificates_pem), but only for that base URL.
    /// `IONOS_PINNED_CERT` is also read, as in [`from_env`](ClientBuilder::from_env). Settings that
    /// you make on the builder take precedence. The guide to [settings](crate::docs::settings) says
    /// which host counts.
    ///
    /// On Unix a warning is logged if others can read a file that contains credentials.
    ///
    /// Requires the [feature](crate#features) `config-file`.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if the file is not readable, longer than 64 KiB or
    /// not YAML, if the profile or environment is missing, if the profile has no credentials, or if
    /// the endpoint has `skipTlsVerify: true`. The error names the file and the line or key, and
    /// never contains a value that may be secret.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use ionoscloud_auth::ClientBuilder;
    ///
    /// let client = ClientBuilder::from_config_file("/etc/token-sync/ionos.yaml")?.build()?;
    /// println!("{}", client.credentials_source());
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn from_config_file(path: impl AsRef<Path>) -> Result<ClientBuilder> {
        let mut builder = ClientBuilder {
            pinned_certificate: settings::variable("IONOS_PINNED_CERT")?,
            ..ClientBuilder::default()
        };
        builder.add(ConfigFile::at(path.as_ref()).read()?)?;
        Ok(builder)
    }

    /// Reads the environment, and the vendor's config file for settings that are not in the
    /// environment.
    ///
    /// Credentials are looked for in the same order as in the vendor's CLI: `IONOS_TOKEN`,
    /// `IONOS_USERNAME` and `IONOS_PASSWORD`, the file's token, the file's user name and password.
    /// Beside a file, an `IONOS_USERNAME` without a password is only a warning in the log.
    /// [`credentials_source`](crate::Client::credentials_source) returns which was used.
    /// `IONOS_API_URL` takes precedence over the file's endpoint and its certificates. Everything
    /// else is as in [`from_env`](ClientBuilder::from_env) and
    /// [`from_config_file`](ClientBuilder::from_config_file).
    ///
    /// The file is the first of these:
    ///
    /// 1. the file that `IONOS_CONFIG_FILE` names, which must exist
    /// 2. `ionosctl/config.yaml` in the settings folder, where `ionosctl login` writes it:
    ///    `$XDG_CONFIG_HOME` or `~/.config`, `~/Library/Application Support` on macOS, `%AppData%`
    ///    on Windows
    /// 3. `~/.ionos/config`
    ///
    /// `~` is `$HOME`, or `%USERPROFILE%` on Windows.
    ///
    /// Requires the [feature](crate#features) `config-file`.
    ///
    /// # Errors
    ///
    /// As [`from_env`](ClientBuilder::from_env) and
    /// [`from_config_file`](ClientBuilder::from_config_file). If the environment has credentials, a
    /// profile without usable credentials is not an error. If it also has `IONOS_API_URL`, whatever
    /// is wrong with the file is only a warning in the log.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use ionoscloud_auth::ClientBuilder;
    ///
    /// let client = ClientBuilder::from_env_or_config()?.user_agent("token-sync/1.2").build()?;
    /// println!("using {}", client.credentials_source());
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn from_env_or_config() -> Result<ClientBuilder> {
        let mut builder = ClientBuilder::of_environment()?;
        let found = ConfigFile::find().map(|file| file.read());
        builder.credentials = match settings::credentials()? {
            Err(incomplete) if found.is_ok() => {
                log::warn!("{incomplete} (ignored: there is a config file)");
                None
            }
            credentials => credentials?,
        };
        match found {
            Err(places) => builder.missing_files = places,
            Ok(Err(error)) if builder.credentials.is_some() && builder.base_url.is_some() => {
                log::warn!("{error} (ignored: IONOS_API_URL and the credentials are set)");
            }
            Ok(settings) => builder.add(settings?)?,
        }
        Ok(builder)
    }

    /// Adds the file's settings. Existing ones take precedence.
    fn add(&mut self, settings: FileSettings) -> Result<()> {
        if self.credentials.is_none() {
            let (credentials, source) = settings.credentials?;
            self.credentials = Some((credentials, Some(source)));
        }
        if self.base_url.is_none() {
            if let Some(endpoint) = settings.endpoint? {
                self.base_url = Some(endpoint.url);
                self.certificates_of_file = endpoint
                    .certificates_pem
                    .map(|pem| (root_certificates(pem.text.as_bytes()), pem.source));
            }
        }
        Ok(())
    }
}
