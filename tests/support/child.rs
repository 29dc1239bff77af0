//! Tests that need a process of their own, because environment and logger belong to a process.

use std::ffi::{OsStr, OsString};
use std::process::Command;

/// What runs only the test `name`, including its module. It is ignored, since it is the program of
/// other tests: it must not look like a test that passed.
fn only(name: &str) -> [&str; 4] {
    ["--ignored", "--exact", name, "--nocapture"]
}

/// Returns a command that runs the test `name` of the current test binary. Its environment has only
/// these variables, what Windows requires, and one for [`assert_child`].
pub fn child<V: AsRef<OsStr>>(name: &str, variables: &[(&str, V)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(only(name))
        .env_clear()
        .env("CHILD", "1")
        // Windows requires this variable to open sockets.
        .envs(std::env::var_os("SystemRoot").map(|folder| ("SystemRoot", folder)))
        .envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// Runs the test after a shell's commands, with a program around both, such as `unshare --user`.
pub fn child_after(
    around: &str,
    before: &str,
    name: &str,
    variables: &[(&str, &OsStr)],
) -> std::process::Output {
    let script = format!("{before}\nexec \"$0\" \"$@\"");
    let mut words = around.split_whitespace().chain(["sh", "-euc", &script]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg(std::env::current_exe().unwrap()).args(only(name));
    command.env("CHILD", "1").envs(variables.iter().copied()).output().unwrap()
}

/// Returns all that a program said.
pub fn said(output: &std::process::Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

#[cfg(unix)]
pub fn send_signal(child: &std::process::Child, signal: &str) {
    let number = child.id().to_string();
    assert!(Command::new("kill").args([signal, &number]).status().unwrap().success());
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

/// Panics if this process was not started by a test, for example with `--include-ignored`: the
/// program could call the service with the credentials of this environment.
pub fn assert_child() {
    assert!(std::env::var_os("CHILD").is_some(), "this is the program of other tests");
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
