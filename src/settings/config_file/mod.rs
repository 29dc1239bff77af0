//! Settings of the config file of the vendor's tools.

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
    /// Reads the config file that the vendor's CLI writes at `ionosctl login`: a profile's
    /// credentials, and of its environment the endpoint of the product `auth`.
    ///
    /// The profile is the one that `IONOS_CURRENT_PROFILE` names, else the file's `currentProfile`;
    /// case does not matter. Its token wins over its user name and password. The endpoint's `name`
    /// is the [`base_url`](ClientBuilder::base_url), and its `certificateAuthData`, else that of
    /// its environment, are the [root certificates](ClientBuilder::root_certificates_pem); with
    /// another base URL they are not used. Of other variables only `IONOS_PINNED_CERT` is read, as
    /// in [`from_env`](ClientBuilder::from_env). What is set on the builder afterwards wins.
    ///
    /// Where a file with credentials can be read by others (on Unix), a warning is logged.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`](crate::Error::Invalid), naming the file and mostly the line, and never a
    /// value that may be secret: if the file can't be read, is longer than 1 MiB, is not YAML, does
    /// not have the profile or the environment, or the profile has no credentials; and if the
    /// endpoint has `skipTlsVerify: true`, as that would show the credentials to whoever stands on
    /// the way.
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

    /// Reads the environment, and the config file of the vendor's tools for what is not there.
    ///
    /// Credentials are looked for in the order of the vendor's CLI: `IONOS_TOKEN`; `IONOS_USERNAME`
    /// and `IONOS_PASSWORD`; the file's token; the file's user name and password.
    /// [`credentials_source`](crate::Client::credentials_source) tells which it was.
    /// `IONOS_API_URL` wins over the file's endpoint, which is then not looked at: its certificates
    /// are its own. For the rest see [`from_env`](ClientBuilder::from_env) and
    /// [`from_config_file`](ClientBuilder::from_config_file).
    ///
    /// The file is looked for where the vendor's CLI looks, and the first that is there counts:
    ///
    /// 1. `ionosctl/config.yaml` in the system's folder for settings, where `ionosctl login`
    ///    writes: `$XDG_CONFIG_HOME` or `~/.config`, on macOS `~/Library/Application Support`, on
    ///    Windows `%AppData%`
    /// 2. the one that `IONOS_CONFIG_FILE` names, which must be there
    /// 3. `~/.ionos/config`
    ///
    /// `~` is `$HOME`, and on Windows `%USERPROFILE%`.
    ///
    /// # Errors
    ///
    /// As those two; but a file without a profile, or a profile without credentials that can be
    /// used, is none where the environment has credentials.
    pub fn from_env_or_config() -> Result<ClientBuilder> {
        let mut builder = ClientBuilder::from_env()?;
        match places::find() {
            Ok(file) => builder.take_from(&file)?,
            Err(missing) => builder.missing_files = missing,
        }
        Ok(builder)
    }

    /// What is there already wins.
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

/// Reads the file and picks a profile: the one of this name, or the file's `currentProfile`.
fn read(file: &ConfigFile, name: Option<&str>, needed: Needed) -> Result<Profile> {
    let text = file.read()?;
    let refuse = |fault: Fault| file.source(fault.line).refuse(&fault.reason);
    let document = Document::parse(&text).map_err(refuse)?;
    if profile::holds_credentials(&document) {
        file.warn_if_others_can_read();
    }
    profile::choose(&document, file, name, needed).map_err(refuse)
}

/// What becomes of a config file with this text, whoever is named in it.
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
