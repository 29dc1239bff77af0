//! Tests that run as a process of their own, since an environment or a logger is the whole process's.

use std::ffi::{OsStr, OsString};
use std::process::Command;

/// The test `name`, with the path of its module, of the running test binary. Its environment holds
/// these variables alone, what Windows needs, and one that [`is_child`] looks for.
pub fn child<V: AsRef<OsStr>>(name: &str, variables: &[(&str, V)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--nocapture"])
        .env_clear()
        .env("CHILD", "1")
        // Without this one Windows opens no socket.
        .envs(std::env::var_os("SystemRoot").map(|folder| ("SystemRoot", folder)))
        .envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// What it prints.
pub fn run_child<V: AsRef<OsStr>>(name: &str, variables: &[(&str, V)]) -> String {
    let output = child(name, variables).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{name}: {printed}");
    assert!(
        printed.contains("running 1 test"),
        "there is no test {name}"
    );
    printed
}

/// Whether this process was started by [`child`]. The tests that are meant for it do nothing elsewhere.
pub fn is_child() -> bool {
    std::env::var_os("CHILD").is_some()
}

/// `begin`, and then what is not text.
pub fn not_utf8(begin: &str) -> OsString {
    let mut text = OsString::from(begin);
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt as _;
        text.push(OsString::from_vec(vec![0xff]));
    }
    // Half of a pair.
    #[cfg(windows)]
    {
        use std::os::windows::ffi::OsStringExt as _;
        text.push(OsString::from_wide(&[0xd800]));
    }
    text
}
