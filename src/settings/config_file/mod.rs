//! Settings from the vendor's config file. It does not depend on the other sources.

mod file;
mod places;
mod profile;
mod yaml;

use std::path::Path;

use super::builder::ClientBuilder;
use super::environment::pin;
use super::variable::variable;
use crate::error::Result;

use file::ConfigFile;
use profile::{Needed, Profile};
use yaml::{Document, Fault};

impl ClientBuilder {
    /// Reads a config file as `ionosctl login` writes it: a profile's credentials, and the endpoint
    /// of the product `auth` in the profile's environment.
    ///
    /// The profile is the one that `IONOS_CURRENT_PROFILE` names, else the file's `currentProfile`,
    /// ignoring case. Its token takes precedence over its user name and password. The endpoint's
    /// `name` becomes the [`base_url`](ClientBuilder::base_url). Its `certificateAuthData`, else
    /// its environment's, become the [root certificates](ClientBuilder::root_certificates_pem), but
    /// only for that base URL. `IONOS_PINNED_CERT` is also read, as in
    /// [`from_env`](ClientBuilder::from_env). Settings that you make on the builder take
    /// precedence.
    ///
    /// On Unix a warning is logged if others can read a file that contains credentials.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid) if the file is not readable, longer than 1 MiB or
    /// not YAML, if the profile or environment is missing, if the profile has no credentials, or if
    /// the endpoint has `skipTlsVerify: true`. The error names the file and usually the line, and
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
            pinned_certificate: pin()?,
            ..ClientBuilder::default()
        };
        builder.take_from(&ConfigFile::new("config file", path.as_ref().to_owned()))?;
        Ok(builder)
    }

    /// Reads the environment, and the vendor's config file for settings that are not in the
    /// environment.
    ///
    /// Credentials are looked for in the same order as in the vendor's CLI: `IONOS_TOKEN`,
    /// `IONOS_USERNAME` and `IONOS_PASSWORD`, the file's token, the file's user name and password.
    /// [`credentials_source`](crate::Client::credentials_source) returns which was used.
    /// `IONOS_API_URL` takes precedence over the file's endpoint and its certificates. Everything
    /// else is as in [`from_env`](ClientBuilder::from_env) and
    /// [`from_config_file`](ClientBuilder::from_config_file).
    ///
    /// The file is looked for in the same places as by the vendor's CLI. The first that exists is
    /// used:
    ///
    /// 1. `ionosctl/config.yaml` in the settings folder, where `ionosctl login` writes it:
    ///    `$XDG_CONFIG_HOME` or `~/.config`, `~/Library/Application Support` on macOS, `%AppData%`
    ///    on Windows
    /// 2. the file that `IONOS_CONFIG_FILE` names, which must exist
    /// 3. `~/.ionos/config`
    ///
    /// `~` is `$HOME`, or `%USERPROFILE%` on Windows.
    ///
    /// # Errors
    ///
    /// As [`from_env`](ClientBuilder::from_env) and
    /// [`from_config_file`](ClientBuilder::from_config_file). If the environment has credentials, a
    /// file without the profile or without usable credentials is not an error.
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
        let mut builder = ClientBuilder::from_env()?;
        match places::find() {
            Ok(file) => builder.take_from(&file)?,
            Err(missing) => builder.missing_files = missing,
        }
        Ok(builder)
    }

    /// Adds the file's settings. Existing ones take precedence.
    fn take_from(&mut self, file: &ConfigFile) -> Result<()> {
        let name = variable("IONOS_CURRENT_PROFILE")?;
        let needed = Needed {
            credentials: self.credentials.is_none(),
            service: self.service.is_none(),
        };
        let Profile {
            credentials,
            service,
        } = read(file, name.as_deref(), needed)?;
        self.credentials = self.credentials.take().or(credentials);
        self.service = self.service.take().or(service);
        Ok(())
    }
}

/// Reads the file and selects the profile with this name, or else the file's `currentProfile`.
fn read(file: &ConfigFile, name: Option<&str>, needed: Needed) -> Result<Profile> {
    let text = file.read()?;
    let refuse = |fault: Fault| file.source(fault.line).refuse(&fault.reason);
    let document = Document::parse(&text).map_err(refuse)?;
    if profile::holds_credentials(&document) {
        file.warn_if_others_can_read();
    }
    profile::choose(&document, file, name, needed).map_err(refuse)
}

/// Reads a config file with this text, for the fuzz target.
#[cfg(fuzzing)]
pub fn fuzzed(text: &str) -> Result<()> {
    let file = ConfigFile::new("config file", "config".into());
    let refuse = |fault: Fault| file.source(fault.line).refuse(&fault.reason);
    let needed = Needed {
        credentials: true,
        service: true,
    };
    let document = Document::parse(text).map_err(refuse)?;
    let _ = profile::holds_credentials(&document);
    for name in [None, Some("a")] {
        profile::choose(&document, &file, name, needed).map_err(refuse)?;
    }
    Ok(())
}
