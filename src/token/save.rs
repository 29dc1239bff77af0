use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
#[cfg(unix)]
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

pub(super) fn save(token: &str, path: &Path) -> io::Result<()> {
    // A rename would replace a symbolic link, and not the file.
    let path = match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && !path.is_symlink() => path.to_owned(),
        found => found?,
    };
    let old = fs::metadata(&path).ok();
    if old.as_ref().is_some_and(|old| !old.is_file()) {
        return Err(io::Error::other("only a file can be replaced"));
    }
    let mut new_path = path.clone().into_os_string();
    new_path.push(".new");
    // The remains of a process that was killed may have another mode.
    match fs::remove_file(&new_path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }

    let mut options = OpenOptions::new();
    #[cfg(unix)]
    options.mode(0o600);
    let new = options.write(true).create_new(true).open(&new_path)?;
    let write = || {
        #[cfg(unix)]
        if let Some(old) = old {
            fchown(&new, Some(old.uid()), Some(old.gid()))?;
            new.set_permissions(old.permissions())?;
        }
        writeln!(&new, "{token}")?;
        new.sync_all()
    };
    let written = write();
    drop(new);
    if let Err(error) = written.and_then(|()| rename(new_path.as_ref(), &path)) {
        let _ = fs::remove_file(&new_path);
        return Err(error);
    }
    if let Some(folder) = path.parent().filter(|_| cfg!(unix)) {
        let folder = if folder.as_os_str().is_empty() {
            Path::new(".")
        } else {
            folder
        };
        // The new token is in place. After an error the caller would delete it.
        let _ = File::open(folder).and_then(|folder| folder.sync_all());
    }
    Ok(())
}

/// Windows does not rename over a file that another program, such as a virus scanner, has open
/// without sharing it. Usually that is over soon.
fn rename(new: &Path, path: &Path) -> io::Result<()> {
    const ERROR_ACCESS_DENIED: i32 = 5;
    const ERROR_SHARING_VIOLATION: i32 = 32;
    let start = Instant::now();
    loop {
        let renamed = fs::rename(new, path);
        let code = renamed.as_ref().err().and_then(io::Error::raw_os_error);
        let is_in_use =
            cfg!(windows) && matches!(code, Some(ERROR_ACCESS_DENIED | ERROR_SHARING_VIOLATION));
        if !is_in_use || start.elapsed() > Duration::from_secs(5) {
            return renamed;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    /// Deleted when dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let name = format!("ionoscloud-auth-save-{}-{name}", std::process::id());
            let folder = std::env::temp_dir().join(name);
            fs::create_dir(&folder).unwrap();
            Folder(folder)
        }

        fn names(&self) -> Vec<String> {
            let entries = fs::read_dir(&self.0).unwrap();
            let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
            let mut names: Vec<_> = entries
                .map(|entry| name(entry).into_string().unwrap())
                .collect();
            names.sort();
            names
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[cfg(unix)]
    fn set_mode(file: &Path, mode: u32) {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[cfg(unix)]
    fn assert_mode(file: &Path, expected: u32, reason: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(file).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode, expected, "{reason}: {mode:o}");
    }

    #[cfg(windows)]
    fn set_mode(_: &Path, _: u32) {}
    #[cfg(windows)]
    fn assert_mode(_: &Path, _: u32, _: &str) {}

    #[test]
    fn new_file_is_whole_and_private() {
        // (the old file's mode, the mode of what a killed process left, the mode then)
        for (old, remains, expected, reason) in [
            (None, None, 0o600, "a new file"),
            (None, Some(0o666), 0o600, "the remains are not used"),
            (Some(0o600), None, 0o600, "a private file"),
            (Some(0o640), None, 0o640, "a file for a group"),
            (Some(0o400), None, 0o400, "a file that nobody may write"),
            (Some(0o600), Some(0o666), 0o600, "the remains are not used"),
        ] {
            let folder = Folder::new("modes");
            let file = folder.0.join("token");
            for (path, mode) in [(file.clone(), old), (folder.0.join("token.new"), remains)] {
                if let Some(mode) = mode {
                    fs::write(&path, "a longer text than the token").unwrap();
                    set_mode(&path, mode);
                }
            }
            save("a.b.c", &file).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), "a.b.c\n", "{reason}");
            assert_mode(&file, expected, reason);
            assert_eq!(folder.names(), ["token"], "{reason}");
        }
    }

    #[test]
    fn after_an_error_everything_is_as_before() {
        let folder = Folder::new("errors");
        let inside = |name: &str| folder.0.join(name);
        fs::create_dir(inside("folder")).unwrap();
        fs::create_dir(inside("blocked.new")).unwrap();
        fs::write(inside("blocked"), "old").unwrap();
        fs::write(inside("file"), "old").unwrap();
        let before = folder.names();
        for (path, reason) in [
            (inside("folder"), "a folder"),
            (inside("blocked"), "the new file can't be made"),
            (inside("missing/token"), "no such folder"),
            (inside("file/token"), "a file for a folder"),
            (inside(&"x".repeat(255)), "a name that is too long"),
            (inside("nul\0"), "no path"),
            (PathBuf::new(), "made, but can't be renamed"),
        ] {
            assert!(save("a.b.c", &path).is_err(), "{reason}");
            assert_eq!(folder.names(), before, "{reason}");
        }
        for file in ["blocked", "file"] {
            assert_eq!(fs::read_to_string(inside(file)).unwrap(), "old", "{file}");
        }
        assert!(!Path::new(".new").exists());
    }

    /// On Windows not every user may create symbolic links.
    #[cfg(unix)]
    #[test]
    fn symbolic_link_is_followed_and_kept() {
        use std::os::unix::fs::symlink;

        let [folder, elsewhere] = ["links", "elsewhere"].map(Folder::new);
        let file = elsewhere.0.join("token");
        fs::write(&file, "old").unwrap();
        let [link, second, broken] = ["link", "second", "broken"].map(|name| folder.0.join(name));
        symlink(&file, &link).unwrap();
        symlink("link", &second).unwrap();
        symlink("nothing", &broken).unwrap();
        save("a.b.c", &second).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "a.b.c\n");
        // A new file in the place of a link would hide a mistake.
        assert!(save("a.b.c", &broken).is_err());
        assert!(link.is_symlink() && second.is_symlink() && broken.is_symlink());
        assert_eq!(folder.names(), ["broken", "link", "second"]);
        assert_eq!(elsewhere.names(), ["token"]);
    }

    /// Root could replace it.
    #[cfg(unix)]
    #[test]
    fn device_is_not_replaced() {
        let folder = Folder::new("devices");
        let link = folder.0.join("link");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        for path in ["/dev/null".as_ref(), link.as_path()] {
            let error = save("a.b.c", path).unwrap_err();
            assert_eq!(error.to_string(), "only a file can be replaced");
        }
        assert!(!fs::metadata("/dev/null").unwrap().is_file());
    }
}
