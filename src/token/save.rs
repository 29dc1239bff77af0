use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, ErrorKind, Write as _};
#[cfg(unix)]
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::{Path, PathBuf, absolute};
use std::time::{Duration, Instant};
use std::{process, str, thread};

use zeroize::Zeroizing;

use super::Jwt;
use super::jwt::read_key_id;

impl Jwt {
    /// Writes the token and a line break into a file.
    ///
    /// The file is replaced as a whole or not at all, even if the process is killed or others save
    /// to the same file: then the last one wins. If the file exists, the new one gets its owner and
    /// its mode, and a symbolic link to it stays a link. Otherwise only its owner can read it (mode
    /// 0600). If a file's mode lets everybody read it, a warning is logged.
    ///
    /// The token is first written into a new file in the same folder, which must be writable, and
    /// synced. A process that is killed may leave that file: its name is the file's own with a
    /// random part and `.new` at its end, such as `token.1b0f5a3c8d92e647.new`, and nobody can read
    /// it who could not read the file. The guide to [rotating tokens](crate::docs::rotating_tokens)
    /// says how to recover from that.
    ///
    /// An access control list (ACL) is not kept, and its mask becomes the rights of the group,
    /// which may then read more than before: give such a file the mode 0600 first.
    ///
    /// Windows has no file modes: the file gets the access control list of its folder. It also
    /// cannot replace a file that another program has open without sharing it, so this tries for
    /// five seconds.
    ///
    /// Requires the [feature](crate#features) `client`.
    ///
    /// # Errors
    ///
    /// An [`io::Error`] that names the path, what could not be done, and why. The file is unchanged
    /// then, and no other file is left behind. If the owner cannot be kept, the error says whose
    /// the file is. A file that is a mount point cannot be replaced: mount its folder instead.
    ///
    /// # Examples
    ///
    /// ```
    /// use ionoscloud_auth::{Client, RotateError, RotateTokenOptions, rotate_token};
    ///
    /// fn rotate(client: &Client) -> Result<(), RotateError> {
    ///     rotate_token(client, &RotateTokenOptions::current(), |jwt| jwt.save("token"))?;
    ///     Ok(())
    /// }
    /// ```
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), io::Error> {
        let (path, old) = find(path.as_ref())?;
        let text = Zeroizing::new(format!("{}\n", self.token()));
        replace(&path, old.as_ref(), &text, b"")
    }

    /// Writes the token in the place of an old one, wherever that is in a text file, such as the
    /// vendor's config file or a `.env`.
    ///
    /// Everything else in the file stays as it is, byte for byte. The file is replaced as
    /// [`save`](Jwt::save) does it. White space around `old` is ignored.
    ///
    /// Requires the [feature](crate#features) `client`.
    ///
    /// # Errors
    ///
    /// As [`save`](Jwt::save), and if `old` is not a JWT with a Key ID, if the file does not
    /// contain it or only as a part of a longer word, if the file is not UTF-8 or is longer than
    /// 1 MiB, or if another program changes it meanwhile. Then this changes nothing. The error
    /// contains no token.
    ///
    /// # Examples
    ///
    /// ```
    /// use ionoscloud_auth::mock::MockAuthApi;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use ionoscloud_auth::{Client, CreateTokenOptions, Credentials, create_token};
    /// # let api = MockAuthApi::start();
    /// # let client =
    /// #     Client::builder().base_url(api.base_url()).credentials(api.credentials()).build()?;
    /// # let jwt = create_token(&client, &CreateTokenOptions::new())?;
    /// # let old = jwt.token();
    /// # let client = client.with_credentials(Credentials::token(old))?;
    /// # let file = std::env::temp_dir().join(format!("env-{}", std::process::id()));
    /// # std::fs::write(&file, format!("export IONOS_TOKEN='{old}' # of the timer\n"))?;
    /// use ionoscloud_auth::{RotateTokenOptions, rotate_token};
    ///
    /// // The file has the line `export IONOS_TOKEN='…' # of the timer`.
    /// let rotation =
    ///     rotate_token(&client, &RotateTokenOptions::current(), |jwt| jwt.save_in(&file, old))?;
    ///
    /// let text = std::fs::read_to_string(&file)?;
    /// let new = rotation.jwt.token();
    /// assert_eq!(text, format!("export IONOS_TOKEN='{new}' # of the timer\n"));
    /// # std::fs::remove_file(file)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn save_in(&self, path: impl AsRef<Path>, old: &str) -> Result<(), io::Error> {
        let old_token = old.trim();
        let (path, old) = find(path.as_ref())?;
        let refused = |reason: &str| about(&path, ErrorKind::InvalidData, reason);
        // A word such as `token` would be replaced where it means something else.
        read_key_id(old_token).map_err(|reason| refused(&format!("the old token: {reason}")))?;
        if old.as_ref().is_some_and(|old| old.len() > 1 << 20) {
            return Err(refused("is longer than 1 MiB"));
        }
        let bytes = Zeroizing::new(fs::read(&path).map_err(cannot("be read", &path))?);
        let text = str::from_utf8(&bytes).map_err(|_| refused("is not UTF-8"))?;
        let new_text = with_token(text, old_token, self.token()).map_err(refused)?;
        replace(&path, old.as_ref(), &new_text, &bytes)
    }
}

/// Finds the file itself, because a rename would replace a symbolic link, and what it is like.
fn find(path: &Path) -> io::Result<(PathBuf, Option<Metadata>)> {
    if matches!(fs::symlink_metadata(path), Err(error) if error.kind() == ErrorKind::NotFound) {
        return Ok((absolute(path).map_err(cannot("be found", path))?, None));
    }
    let found = fs::canonicalize(path).and_then(|path| Ok((fs::metadata(&path)?, path)));
    let (old, path) = found.map_err(cannot("be found", path))?;
    if !old.is_file() {
        let reason = "only a file can be replaced";
        return Err(about(&path, ErrorKind::Other, reason));
    }
    Ok((path, Some(old)))
}

/// Returns the text with the new token in every place where the old one is a word.
fn with_token(text: &str, old: &str, new: &str) -> Result<Zeroizing<String>, &'static str> {
    let is_of_token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let found = text.matches(old).count();
    // A text that grows would leave copies behind.
    let mut new_text = Zeroizing::new(String::with_capacity(text.len() + found * new.len()));
    for word in text.split_inclusive(|c| !is_of_token(c)) {
        match word.strip_prefix(old) {
            Some(end) if !end.starts_with(is_of_token) => new_text.extend([new, end]),
            _ => new_text.push_str(word),
        }
    }
    match found {
        0 => Err("does not contain the old token"),
        _ if *new_text == *text => Err("contains the old token only as a part of a longer word"),
        _ => Ok(new_text),
    }
}

/// Writes a file next to the old one and renames it, unless the old one is no longer as `seen`:
/// another program's change would be lost, and with it perhaps a token.
#[cfg_attr(not(unix), allow(unused_variables))]
fn replace(path: &Path, old: Option<&Metadata>, text: &str, seen: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    let random = RandomState::new().hash_one(process::id());
    name.push(format!(".{random:016x}.new"));
    let new_path = path.with_file_name(name);
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    options.mode(0o600);
    let new = options.write(true).create_new(true).open(&new_path);
    let new = new.map_err(cannot("be replaced: no file can be made next to it", path))?;
    let write = || {
        #[cfg(unix)]
        old.map_or(Ok(()), |old| keep_owner_and_mode(&new, old, path))?;
        let written = (&new).write_all(text.as_bytes());
        let written = written.and_then(|()| new.sync_all());
        written.map_err(cannot("be replaced: the new file cannot be written", path))?;
        let now = || fs::read(path).map(Zeroizing::new);
        if !seen.is_empty() && !now().is_ok_and(|now| now.as_slice() == seen) {
            return Err(about(path, ErrorKind::InvalidData, "has just been changed"));
        }
        Ok(())
    };
    let written = write();
    drop(new);
    if let Err(error) = written.and_then(|()| rename(&new_path, path)) {
        let _ = fs::remove_file(&new_path);
        return Err(error);
    }
    let folder = path.parent().filter(|_| cfg!(unix));
    // The new token is in place. After an error the caller would delete it.
    let _ = folder.map(|folder| File::open(folder).and_then(|folder| folder.sync_all()));
    #[cfg(unix)]
    if old.is_some_and(|old| old.mode() & 0o004 != 0) {
        let path = path.display();
        log::warn!("{path} contains a token and can be read by others: chmod o-r {path}");
    }
    Ok(())
}

/// Sets only what differs: a mount or a container may allow no change, and need none.
#[cfg(unix)]
fn keep_owner_and_mode(new: &File, old: &Metadata, path: &Path) -> io::Result<()> {
    let made = new.metadata().map_err(cannot("be replaced", path))?;
    let user = (old.uid() != made.uid()).then_some(old.uid());
    let group = (old.gid() != made.gid()).then_some(old.gid());
    if user.or(group).is_some() {
        let owner = format!("user {} and group {}", old.uid(), old.gid());
        let what = format!("keep its owner, {owner} (run this as that user, or chown it)");
        fchown(new, user, group).map_err(cannot(&what, path))?;
    }
    if (old.mode() ^ made.mode()) & 0o7777 != 0 {
        new.set_permissions(old.permissions())
            .map_err(cannot("keep its mode", path))?;
    }
    Ok(())
}

/// Windows does not rename over a file that another program, such as a virus scanner, has open
/// without sharing it. Usually that is over soon.
fn rename(new: &Path, path: &Path) -> io::Result<()> {
    let start = Instant::now();
    loop {
        let renamed = fs::rename(new, path);
        let code = renamed.as_ref().err().and_then(io::Error::raw_os_error);
        // Access denied, sharing violation.
        let is_in_use = cfg!(windows) && matches!(code, Some(5 | 32));
        if !is_in_use || start.elapsed() > Duration::from_secs(5) {
            return renamed.map_err(cannot("be replaced", path));
        }
        thread::sleep(Duration::from_millis(50));
    }
}

fn cannot<'a>(what: &'a str, path: &'a Path) -> impl FnOnce(io::Error) -> io::Error + 'a {
    const MOUNT_FOLDER: &str = "; if it is a mount point, mount its folder instead";
    move |error| {
        let is_busy = error.kind() == ErrorKind::ResourceBusy;
        let cure = if is_busy { MOUNT_FOLDER } else { "" };
        about(path, error.kind(), &format!("cannot {what}: {error}{cure}"))
    }
}

fn about(path: &Path, kind: ErrorKind, reason: &str) -> io::Error {
    io::Error::new(kind, format!("{}: {reason}", path.display()))
}
