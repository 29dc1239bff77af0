//! Reads the config file, and checks who else can. It does not depend on what is in it.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::mem;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::error::{MAX_SHOWN, Result, sanitize_line};
use crate::settings::source::Source;

/// The size of the largest file that is read, in bytes. A typical file has about 3,000.
const MAX_LENGTH: u64 = 1024 * 1024;

pub(super) struct ConfigFile {
    /// How errors name the file: `config file`, or the variable that names it.
    named_by: &'static str,
    pub(super) path: PathBuf,
}

impl ConfigFile {
    pub(super) fn new(named_by: &'static str, path: PathBuf) -> ConfigFile {
        ConfigFile { named_by, path }
    }

    /// Returns the place of a value: the file, or a line of it.
    pub(super) fn source(&self, line: Option<usize>) -> Source {
        let path = self.shown();
        let place = match line {
            Some(line) => format!("{path}: line {line}"),
            None => path,
        };
        Source::File {
            named_by: self.named_by,
            place,
        }
    }

    fn shown(&self) -> String {
        sanitize_line(&self.path.to_string_lossy(), MAX_SHOWN)
    }

    pub(super) fn read(&self) -> Result<Zeroizing<String>> {
        let refuse = |line, reason: &str| self.source(line).refuse(reason);
        let mut bytes = bytes(&self.path).map_err(|error| refuse(None, &error.to_string()))?;
        if bytes.len() as u64 > MAX_LENGTH {
            return Err(refuse(None, "is longer than 1 MiB"));
        }
        match String::from_utf8(mem::take(&mut *bytes)) {
            Ok(text) => Ok(Zeroizing::new(text)),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let bytes = Zeroizing::new(error.into_bytes());
                let before = bytes.iter().take(valid);
                let line = 1 + before.filter(|byte| **byte == b'\n').count();
                Err(refuse(Some(line), "is not UTF-8"))
            }
        }
    }

    #[cfg(unix)]
    pub(super) fn warn_if_others_can_read(&self) {
        use std::os::unix::fs::PermissionsExt as _;

        let metadata = fs::metadata(&self.path);
        if metadata.is_ok_and(|metadata| metadata.permissions().mode() & 0o044 != 0) {
            let path = self.shown();
            log::warn!("{path} contains credentials and can be read by others: chmod 600 {path}");
        }
    }

    #[cfg(not(unix))]
    pub(super) fn warn_if_others_can_read(&self) {}
}

/// Whether the file exists. A file that cannot be examined counts as existing, so that reading it
/// reports why.
pub(super) fn is_there(path: &Path) -> bool {
    let absent = fs::symlink_metadata(path).is_err_and(|error| {
        matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        )
    });
    !absent
}

fn bytes(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let metadata = fs::metadata(path)?;
    if metadata.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "is a directory",
        ));
    }
    // A growing buffer would leave copies behind.
    let length = metadata.len().min(MAX_LENGTH);
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        usize::try_from(length).unwrap_or_default() + 1,
    ));
    File::open(path)?
        .take(MAX_LENGTH + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}
