//! Whatever kills a job or runs beside it, the file holds a valid token, and the next job deletes
//! what was left behind.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::TestRunner;

use super::*;

fn number_of(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |number| number.parse().unwrap())
}

/// `KILLS` says how often a job is killed, at a random time of its run.
#[test]
fn file_holds_a_valid_token_whenever_the_example_is_killed() {
    const SETTINGS: usize = 4;
    let kills = number_of("KILLS", 20) / SETTINGS;
    let [killed, rotated, orphans] = [(); 3].map(|()| AtomicUsize::new(0));
    in_parallel(0..SETTINGS, |_| {
        let setting = Setting::new(0o600);
        let started = Instant::now();
        for _ in 0..3 {
            assert_eq!(setting.rotate().0, 0);
        }
        let usual = started.elapsed() / 3;
        let mut random = TestRunner::default();
        let mut before = setting.held();
        let mut announced = 0;
        let count = |said: &[u8]| {
            String::from_utf8_lossy(said).matches("killed while it made a token").count()
        };
        // Some are killed before the replacement, some after, however slow the machine is.
        let [mut kept, mut replaced] = [0, 0];
        while kept + replaced < kills || kept == 0 || replaced == 0 {
            let mut child = start(setting.api.base_url(), &[setting.path(), "--share", "1"]);
            let share = (0.0..1.1_f64).new_tree(&mut random).unwrap().current();
            thread::sleep(usual.mul_f64(share));
            // SIGKILL.
            child.kill().unwrap();
            announced += count(&child.wait_with_output().unwrap().stderr);
            // The server still carries out a request that was already sent.
            thread::sleep(Duration::from_millis(2));
            let held = setting.held();
            assert_mode(&setting.file, 0o600);
            if held == before {
                kept += 1
            } else {
                replaced += 1
            }
            before = held;
        }
        // The server may carry out the last request late.
        thread::sleep(Duration::from_millis(200));
        let (code, said) = setting.rotate();
        assert!(code == 3 * i32::from(said.contains("killed while it made")), "{code}: {said}");
        announced += count(said.as_bytes());
        assert_eq!(setting.folder.names(), ["token", "token.lock"]);
        assert_eq!(setting.noted(), "");
        setting.held();
        let left = setting.api.key_ids().len() - 1;
        assert!(left <= announced, "{left} tokens were left, {announced} times that was said");
        killed.fetch_add(kept + replaced, Ordering::SeqCst);
        rotated.fetch_add(replaced, Ordering::SeqCst);
        orphans.fetch_add(left, Ordering::SeqCst);
    });
    let [killed, rotated, orphans] = [killed, rotated, orphans].map(AtomicUsize::into_inner);
    println!("{killed} kills: {rotated} tokens were replaced all the same, {orphans} are orphaned");
}

/// `ROTATIONS` says how often two jobs start at the same time.
#[test]
fn two_jobs_take_turns() {
    let setting = Setting::new(0o600);
    for _ in 0..number_of("ROTATIONS", 5) {
        let before = setting.held();
        let arguments = [setting.path(), "--share", "1"];
        let jobs = [(); 2].map(|()| start(setting.api.base_url(), &arguments));
        for job in jobs {
            let output = job.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        }
        let held = setting.held();
        assert_ne!(held, before);
        assert_eq!(setting.api.key_ids(), [held]);
        assert_eq!(setting.folder.names(), ["token", "token.lock"]);
    }
}

/// What a job can leave if it is killed, or another program with `Jwt::save`.
#[test]
fn what_was_left_is_deleted() {
    const NEW: &str = "token.1b0f5a3c8d92e647.new";
    const LEFT: &str = "token.1b0f5a3c8d92e647.left";
    // `H`, `A` and `B` stand for tokens, `h`, `a` and `b` for their Key IDs. (what is in the file
    // and in the lock, another file and what is in it, exit code, which tokens are deleted and
    // which are named, which other file stays)
    #[rustfmt::skip]
    let cases = [
        ("nothing was left", "{H}", "", "x", "", 0, "", "", "x"),
        ("killed while it created a token", "{H}", "{h}", "x", "", 3, "", "", "x"),
        ("killed after the replacement", "{H}\n", "{a} {h}", "x", "", 0, "a", "a", "x"),
        ("killed before it", "{H}\n", "{h} {a}", "x", "", 0, "a", "a", "x"),
        ("and while there was a new file", "{H}\n", "{h} {a}", NEW, "{A}\n", 0, "a", "a", ""),
        ("and while it was empty", "{H}\n", "{h} {a}", NEW, "", 0, "a", "a", ""),
        ("killed while it recovered", "{H}\n", "{h} {a}", LEFT, "{A}\n", 0, "a", "a", ""),
        ("another program's", "{H}\r\n", "", NEW, "{A}\n", 0, "a", "a", ""),
        ("two of them", "{H}\n", "{h} {b}", NEW, "{A}\n", 0, "ab", "ab", ""),
        ("the file's own token", "{H}\n", "", NEW, "{H}\n", 0, "", "", ""),
        ("a part of a token", "{H}\n", "", NEW, "eyJ", 0, "", "", ""),
        ("more than the token", "t: '{H}' # x", "", NEW, "t: '{A}' # x", 0, "a", "a", ""),
        ("changed since", "t: '{H}' # y", "", NEW, "t: '{A}' # x", 3, "", "a", LEFT),
        ("with another token", "t: {H}", "", NEW, "t: {A}, u: {B}", 3, "", "ab", LEFT),
        ("somebody has replaced the token", "{H}", "{a} {b}", "x", "", 0, "", "ab", "x"),
        ("another file's", "{H}", "", "other.1b0f5a3c8d92e647.new", "{A}", 0, "", "",
         "other.1b0f5a3c8d92e647.new"),
        ("a user's", "{H}", "", "token.of-yesterday.new", "{A}", 0, "", "",
         "token.of-yesterday.new"),
    ];
    in_parallel(cases, |(reason, text, noted, name, other, code, deleted, named, stays)| {
        let setting = Setting::new(0o600);
        let jwts = [(); 2].map(|()| new_jwt(&setting.basic).unwrap());
        let ids = setting.api.key_ids();
        let held = fs::read_to_string(&setting.file).unwrap();
        let filled = |text: &str| {
            let tokens = [held.as_str(), jwts[0].token(), jwts[1].token()];
            let filled = ["{H}", "{A}", "{B}"].iter().zip(tokens);
            let filled =
                filled.chain(["{h}", "{a}", "{b}"].iter().zip(ids.iter().map(KeyId::as_str)));
            filled.fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
        };
        for (name, text) in [("token", text), ("token.lock", noted), (name, other)] {
            fs::write(setting.folder.0.join(name), filled(text)).unwrap();
        }
        let (seen, said) = run(setting.api.base_url(), &[setting.path()]);
        assert_eq!(seen, code, "{reason}: {said}");
        assert_eq!(fs::read_to_string(&setting.file).unwrap(), filled(text), "{reason}");
        let valid = setting.api.key_ids();
        for (name, id) in ["h", "a", "b"].iter().zip(&ids) {
            assert_eq!(!valid.contains(id), deleted.contains(name), "{reason}: {name}: {said}");
            let is_named = said.contains(id.as_str());
            assert_eq!(is_named, named.contains(name) || *name == "h", "{reason}: {said}");
        }
        let mut names = vec!["token", "token.lock", stays];
        names.retain(|name| !name.is_empty());
        names.sort();
        assert_eq!(setting.folder.names(), names, "{reason}");
        assert_eq!(setting.noted(), "", "{reason}");
    });
}

/// Nothing is replaced then: the notes of two runs at once would be too many.
#[test]
fn what_can_not_be_deleted_yet_waits_for_the_next_run() {
    for (status, code) in [(500, 1), (403, 2)] {
        let setting = Setting::new(0o600);
        let jwt = new_jwt(&setting.basic).unwrap();
        let before = setting.api.key_ids();
        jwt.save(setting.folder.0.join("token.1b0f5a3c8d92e647.new")).unwrap();
        setting.api.fail_next_delete(MockFault::Status(status));
        let (seen, said) = setting.rotate();
        assert!(seen == code && said.contains(&format!("deleting {}", before[1])), "{said}");
        assert_eq!(setting.api.key_ids(), before, "{said}");
        assert_eq!(setting.held(), before[0], "{said}");

        let (seen, said) = run(setting.api.base_url(), &[setting.path()]);
        assert_eq!(seen, 0, "{said}");
        assert_eq!(setting.api.key_ids(), [setting.held()], "{said}");
        assert_eq!(setting.folder.names(), ["token", "token.lock"], "{said}");
    }
}

#[test]
fn named_orphan_is_deleted_by_the_next_run() {
    let setting = Setting::new(0o600);
    let before = setting.held();
    // The new token can be neither verified nor deleted again.
    setting.api.fail_nth(2, MockFault::Gateway(404));
    setting.api.fail_next_delete(MockFault::Status(500));
    let (code, said) = setting.rotate();
    assert_eq!(code, 4, "{said}");
    assert_eq!(setting.held(), before);
    let orphan = setting.api.key_ids().pop().unwrap();
    assert!(said.contains(&format!("the new token {orphan} is orphaned")), "{said}");

    let (code, said) = run(setting.api.base_url(), &[setting.path()]);
    assert!(code == 0 && said.contains(&format!("deleting {orphan}")), "{said}");
    assert_eq!(setting.api.key_ids(), [before]);
}

/// SIGTERM is what ends a job of systemd and of Kubernetes.
#[cfg(unix)]
#[test]
fn signal_ends_a_job_in_order() {
    for signal in ["-TERM", "-INT"] {
        let setting = Setting::new(0o600);
        let before = setting.held();
        let seen = setting.api.requests().len();
        // The new token is created and not stored.
        setting.api.fail_nth(2, MockFault::Delay(LONG));
        let started = Instant::now();
        let job = start(setting.api.base_url(), &[setting.path(), "--share", "1"]);
        while setting.api.requests().len() < seen + 2 {
            assert!(started.elapsed() < LONG, "the job has not begun");
            thread::sleep(Duration::from_millis(5));
        }
        send_signal(&job, signal);
        let output = job.wait_with_output().unwrap();
        let said = said(&output);
        assert_eq!(output.status.code(), Some(1), "{said}");
        for says in ["the client was shut down", "it was deleted again"] {
            assert!(said.contains(says), "{said}");
        }
        assert_eq!(setting.held(), before, "{signal}: {said}");
        assert_eq!(setting.api.key_ids(), [before], "{signal}: {said}");
        assert_eq!(setting.folder.names(), ["token", "token.lock"], "{signal}: {said}");
    }
}

/// Runs the job in each case: a command around it, the shell's commands before it, its exit code,
/// and what it says.
#[cfg(target_os = "linux")]
fn not_replaced(cases: &[(&str, &str, i32, &str)]) {
    for (around, before, code, says) in cases {
        let setting = Setting::new(0o600);
        let held = setting.held();
        let arguments = format!("{}|--share|1", setting.path());
        let variables = [
            ("ARGUMENTS", arguments.as_ref()),
            ("IONOS_API_URL", setting.api.base_url().as_ref()),
            ("FILE", setting.file.as_os_str()),
            ("FOLDER", setting.folder.0.as_os_str()),
        ];
        let name = "rotate_example::child_runs_the_example";
        let output = child_after(around, before, name, &variables);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(*code), "{says}: {said}");
        assert!(said.contains(says), "{says}: {said}");
        assert_eq!(setting.held(), held, "{says}: {said}");
        assert_eq!(setting.api.key_ids(), [held], "{says}: {said}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn file_that_may_not_grow() {
    not_replaced(&[("", "ulimit -f 0; trap '' XFSZ", 1, "File too large")]);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "dev/ci/in-namespace runs it"]
fn file_in_a_namespace_of_its_own() {
    const MOUNT: &str = "unshare --map-root-user --mount";
    #[rustfmt::skip]
    not_replaced(&[
        (MOUNT, r#"mount --bind "$FOLDER" "$FOLDER"; mount -o remount,ro,bind "$FOLDER""#, 2,
         "token.lock: Read-only file system"),
        (MOUNT, r#"mount --bind "$FILE" "$FILE""#, 2, "mount its folder instead"),
        (MOUNT,
         r#"text=$(cat "$FILE"); mount -t tmpfs -o size=4k none "$FOLDER"
            echo "$text" >"$FILE""#, 1, "No space left on device"),
    ]);
}
