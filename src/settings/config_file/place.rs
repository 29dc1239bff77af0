//! Where the file is, and its bytes.

use std::env;
use std::fmt::Display;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{Error, MAX_SHOWN, sanitize_line};

/// The size of the largest file that is read, in bytes. A typical file has about 3,000.
pub(super) const MAX_LENGTH: usize = 64 * 1024;

pub(crate) struct ConfigFile {
    /// How errors name the file: `config file`, or the variable that names it.
    named_by: &'static str,
    path: PathBuf,
}

impl ConfigFile {
    /// Returns the file that the program names.
    pub(crate) fn at(path: &Path) -> ConfigFile {
        ConfigFile {
            named_by: "config file",
            path: path.to_owned(),
        }
    }

    /// Returns the file to use, or else the places that were searched.
    pub(crate) fn find() -> Result<ConfigFile, Vec<String>> {
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

    pub(super) fn bytes(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        // A growing buffer would leave copies behind.
        let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_LENGTH + 1));
        let file = File::open(&self.path)?;
        file.take(MAX_LENGTH as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn warn_if_others_can_read(&self) {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let metadata = fs::metadata(&self.path);
            if metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0) {
                let path = self.shown();
                log::warn!(
                    "{path} contains credentials and can be read by others: chmod o-r {path}"
                );
            }
        }
    }

    pub(super) fn shown(&self) -> String {
        sanitize_line(&self.path.to_string_lossy(), MAX_SHOWN)
    }

    pub(super) fn refuse(&self, reason: impl Display) -> Error {
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
    match path.to_str().map(str::trim) {
        Some("") => None,
        Some(text) => Some(PathBuf::from(text)),
        None => Some(PathBuf::from(path)),
    }
}
