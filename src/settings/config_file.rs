mod contents;

use std::env;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::environment::{Setting, variable};
use crate::builder::ClientBuilder;
use crate::credentials::Credentials;
use crate::error::{Error, MAX_SHOWN, Result, sanitize_line};
use crate::transport::root_certificates;

use contents::{Contents, MAX_LENGTH};

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
            pinned_certificate: variable("IONOS_PINNED_CERT")?,
            ..ClientBuilder::default()
        };
        let path = path.as_ref().to_owned();
        let named_by = "config file";
        builder.add(ConfigFile { named_by, path }.read()?)?;
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
        let mut builder = ClientBuilder::from_env()?;
        match ConfigFile::find().map(|file| file.read()) {
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

/// What the file says to a client. An error counts only where the part is needed.
pub(super) struct FileSettings {
    /// The credentials, and where they come from, for people.
    pub(super) credentials: Result<(Credentials, String)>,
    pub(super) endpoint: Result<Option<FileEndpoint>>,
}

pub(super) struct FileEndpoint {
    pub(super) url: Setting,
    pub(super) certificates_pem: Option<Setting>,
}

pub(super) struct ConfigFile {
    /// How errors name the file: `config file`, or the variable that names it.
    named_by: &'static str,
    path: PathBuf,
}

impl ConfigFile {
    /// Returns the file to use, or else the places that were searched.
    pub(super) fn find() -> Result<ConfigFile, Vec<String>> {
        if let Some(path) = path_variable("IONOS_CONFIG_FILE") {
            let named_by = "IONOS_CONFIG_FILE";
            return Ok(ConfigFile { named_by, path });
        }
        let by_login = settings_folder().map(|folder| folder.join("ionosctl/config.yaml"));
        let by_sdk = home().map(|home| home.join(".ionos/config"));
        let named_by = "config file";
        let places = [by_login, by_sdk].into_iter().flatten();
        let files: Vec<_> = places.map(|path| ConfigFile { named_by, path }).collect();
        let missing = files.iter().map(ConfigFile::shown).collect();
        files.into_iter().find(ConfigFile::exists).ok_or(missing)
    }

    /// A file that cannot be examined counts as existing, so that reading it reports why.
    fn exists(&self) -> bool {
        let absent = [ErrorKind::NotFound, ErrorKind::NotADirectory];
        !fs::metadata(&self.path).is_err_and(|error| absent.contains(&error.kind()))
    }

    pub(super) fn read(&self) -> Result<FileSettings> {
        let bytes = self.bytes().map_err(|error| self.refuse(error))?;
        let contents = Contents::parse(&bytes).map_err(|reason| self.refuse(reason))?;
        if contents.has_credentials() {
            self.warn_if_others_can_read();
        }
        self.select(&contents)
    }

    fn bytes(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        // A growing buffer would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LENGTH + 1));
        let file = File::open(&self.path)?;
        file.take(MAX_LENGTH as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn warn_if_others_can_read(&self) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let metadata = fs::metadata(&self.path);
            if metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0) {
                let path = self.shown();
                log::warn!(
                    "{path} contains credentials and can be read by others: chmod 600 {path}"
                );
            }
        }
    }

    fn shown(&self) -> String {
        sanitize_line(&self.path.to_string_lossy(), MAX_SHOWN)
    }

    fn refuse(&self, reason: impl Display) -> Error {
        Error::invalid(self.named_by, format!("{}: {reason}", self.shown()))
    }
}

/// Returns the folder where programs store a user's settings.
fn settings_folder() -> Option<PathBuf> {
    if cfg!(windows) {
        return path_variable("APPDATA");
    }
    if cfg!(target_vendor = "apple") {
        return home().map(|home| home.join("Library/Application Support"));
    }
    let named = path_variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    named.or_else(|| home().map(|home| home.join(".config")))
}

fn home() -> Option<PathBuf> {
    path_variable(if cfg!(windows) { "USERPROFILE" } else { "HOME" })
}

/// Returns a variable that names a file or folder. It does not have to be UTF-8.
fn path_variable(name: &'static str) -> Option<PathBuf> {
    let path = env::var_os(name)?;
    match path.to_str() {
        Some(text) if text.trim().is_empty() => None,
        Some(text) => Some(PathBuf::from(text.trim())),
        None => Some(PathBuf::from(path)),
    }
}
