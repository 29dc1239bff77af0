//! Tests that need a process of their own, because environment and logger belong to a process.

use std::ffi::{OsStr, OsString};
use std::process::Command;

/// Returns a command that runs the test `name`, including its module, of the current test binary.
/// Its environment has only these variables, what Windows requires, and one for [`is_child`].
pub fn child<V: AsRef<OsStr>>(name: &str, variables: &[(&str, V)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", name, "--nocapture"])
        .env_clear()
        .env("CHILD", "1")
        // Windows requires this variable to open sockets.
        .envs(std::env::var_os("SystemRoot").map(|folder| ("SystemRoot", folder)))
        .envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// Runs the test after a shell's commands, with a program around both, such as `unshare --user`.
/// Returns `None` if this machine or user cannot do that.
pub fn child_after(
    around: &str,
    before: &str,
    name: &str,
    variables: &[(&str, &OsStr)],
) -> Option<std::process::Output> {
    let command = |script: &str| {
        let mut words = around.split_whitespace().chain(["sh", "-euc", script]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).arg(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]).env("CHILD", "1");
        command.envs(variables.iter().copied()).output()
    };
    if !command("true").is_ok_and(|output| output.status.success()) {
        println!("this machine or user cannot do this, so it was not looked at: {around}");
        return None;
    }
    Some(command(&format!("{before}\nexec \"$0\" \"$@\"")).unwrap())
}

/// Runs the test and returns its output.
pub fn run_child<V: AsRef<OsStr>>(name: &str, variables: &[(&str, V)]) -> String {
    let output = child(name, variables).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{name}: {printed}");
    assert!(printed.contains("running 1 test"), "there is no test {name}");
    printed
}

/// Returns a function that gives the variable a value.
pub fn variable(name: &'static str) -> impl Fn(&str) -> (&'static str, &str) + Copy {
    move |value| (name, value)
}

/// Whether this process was started by [`child`]. Tests for child processes do nothing otherwise.
pub fn is_child() -> bool {
    std::env::var_os("CHILD").is_some()
}

/// Returns `begin` followed by what is not valid Unicode.
pub fn not_utf8(begin: &str) -> OsString {
    let mut text = OsString::from(begin);
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStringExt as _;
        text.push(OsString::from_vec(vec![0xff]));
    }
    // Half of a surrogate pair.
    #[cfg(windows)]
    {
        use std::os::windows::ffi::OsStringExt as _;
        text.push(OsString::from_wide(&[0xd800]));
    }
    text
}
