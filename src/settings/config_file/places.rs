//! The places of the vendor's config file. It does not depend on what is in it.

use std::path::{Path, PathBuf};

use super::file::{ConfigFile, is_there};
use crate::error::{MAX_SHOWN, sanitize_line};

/// Returns the first file that exists, in the order of the vendor's CLI, or else the places that
/// were searched.
pub(super) fn find() -> Result<ConfigFile, Vec<String>> {
    let by_login = config_folder().map(|folder| folder.join("ionosctl").join("config.yaml"));
    let by_sdk = home().map(|home| home.join(".ionos").join("config"));
    if let Some(path) = by_login.as_deref().filter(|path| is_there(path)) {
        return Ok(ConfigFile::new("config file", path.to_owned()));
    }
    if let Some(path) = path_variable("IONOS_CONFIG_FILE") {
        // If it does not exist, reading it reports that.
        return Ok(ConfigFile::new("IONOS_CONFIG_FILE", path));
    }
    if let Some(path) = by_sdk.as_deref().filter(|path| is_there(path)) {
        return Ok(ConfigFile::new("config file", path.to_owned()));
    }
    let shown = |path: &Path| sanitize_line(&path.to_string_lossy(), MAX_SHOWN);
    let places = [by_login, by_sdk];
    Err(places.iter().flatten().map(|path| shown(path)).collect())
}

/// Returns the folder where programs store a user's settings.
fn config_folder() -> Option<PathBuf> {
    if cfg!(windows) {
        return path_variable("APPDATA");
    }
    if cfg!(target_vendor = "apple") {
        return home().map(|home| home.join("Library").join("Application Support"));
    }
    let named = path_variable("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    named.or_else(|| home().map(|home| home.join(".config")))
}

fn home() -> Option<PathBuf> {
    path_variable(if cfg!(windows) { "USERPROFILE" } else { "HOME" })
}

/// Returns a variable that names a file or folder. It does not have to be UTF-8.
fn path_variable(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os(name)?;
    let path = match path.to_str() {
        Some(text) => text.trim().into(),
        None => path,
    };
    (!path.is_empty()).then(|| path.into())
}
