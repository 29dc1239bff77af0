//! The example `rotate` as a cron job: its exit codes, and that the file contains a valid token
//! whenever the job is killed.

#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../examples/rotate.rs"]
mod example;

use proptest::prelude::Rng as _;
use proptest::test_runner::TestRunner;

use crate::support::*;

/// Runs the example's `main` with arguments.
#[test]
fn child_runs_the_example() {
    if !is_child() {
        return;
    }
    let arguments = std::env::var("ARGUMENTS").unwrap();
    let arguments: Vec<String> = arguments.split('|').map(str::to_owned).collect();
    std::process::exit(example::run(&arguments).into());
}

fn start(url: &str, arguments: &[&str]) -> Child {
    let arguments = arguments.join("|");
    let variables = [("ARGUMENTS", arguments.as_str()), ("IONOS_API_URL", url)];
    child("rotate_example::child_runs_the_example", &variables)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Returns the exit code and the output.
fn run(url: &str, arguments: &[&str]) -> (i32, String) {
    let output = start(url, arguments).wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(said).unwrap())
}

/// A mock server, and one of its tokens in a file.
struct Setting {
    api: MockAuthApi,
    basic: Client,
    folder: Folder,
    file: PathBuf,
}

impl Setting {
    fn new(mode: u32) -> Setting {
        let api = MockAuthApi::start();
        let basic = builder_for(&api).build().unwrap();
        let jwt = new_jwt(&basic).unwrap();
        let folder = Folder::new();
        let file = folder.0.join("token");
        fs::write(&file, jwt.token()).unwrap();
        set_mode(&file, mode);
        Setting { api, basic, folder, file }
    }

    fn path(&self) -> &str {
        self.file.to_str().unwrap()
    }

    /// Deletes the unused tokens. Returns their number.
    fn delete_all_but(&self, held: &KeyId) -> usize {
        let mut ids = self.api.key_ids();
        ids.retain(|id| id != held);
        for id in &ids {
            let options = DeleteTokenByIdOptions::new(id.clone());
            // A job that was killed may have sent its own deletion just before.
            if let Err(error) = delete_token_by_id(&self.basic, &options) {
                assert_eq!(error.status(), Some(404), "{error}");
            }
        }
        ids.len()
    }

    /// Returns the Key ID of the token in the file, which must be valid.
    fn held(&self) -> KeyId {
        let token = fs::read_to_string(&self.file).unwrap();
        let id = key_id(&token).expect("a whole token");
        let client = self.basic.with_credentials(Credentials::token(token.trim())).unwrap();
        get_token(&client, &id).expect("a valid token");
        id
    }
}

#[test]
fn exit_code_says_what_happened() {
    let refused = |setting: &Setting, status| {
        let own = format!(r#"{{"httpStatus":{status},"messages":[{{"message":"no"}}]}}"#);
        setting.api.answer_next(1, status, &[], &own);
    };
    // (preparation, arguments after the file, exit code, output, whether the token is replaced)
    type Prepare<'a> = &'a (dyn Fn(&Setting) + Sync);
    let nothing: Prepare = &|_| {};
    #[rustfmt::skip]
    let cases = [
        (nothing, vec![], 0, "is not replaced", false),
        (nothing, vec!["--share", "1", "--dry-run"], 0, "would be replaced", false),
        (nothing, vec!["--share", "1"], 0, "was replaced by", true),
        (nothing, vec!["--share", "1", "--ttl", "3600"], 0, "was replaced by", true),
        (nothing, vec!["--share", "1", "--ttl", "1"], 2, "--ttl 1 is not from 60", false),
        (&|setting| refused(setting, 403), vec!["--share", "1"], 1, "403 Forbidden", false),
        (&|setting| refused(setting, 502), vec!["--share", "1"], 4, "502 Bad Gateway", false),
        (nothing, vec!["--share", "2"], 2, "--share 2 is not from 0 to 1", false),
        (nothing, vec!["--share"], 2, "--share needs a value", false),
        (nothing, vec!["--ttl", "x"], 2, "--ttl x is not from 60", false),
        (nothing, vec!["--force"], 2, "there is no --force", false),
        (nothing, vec!["another"], 2, "one file at a time", false),
    ];
    in_parallel(cases, |(prepare, arguments, code, says, replaced)| {
        for mode in [0o600, 0o640] {
            let setting = Setting::new(mode);
            prepare(&setting);
            let before = key_id(&fs::read_to_string(&setting.file).unwrap()).unwrap();
            let (seen, said) =
                run(setting.api.base_url(), &[&[setting.path()], arguments.as_slice()].concat());
            assert_eq!(seen, code, "{arguments:?}: {said}");
            assert!(said.contains(says), "{arguments:?}: {said}");
            let held = setting.held();
            assert_eq!(held != before, replaced, "{arguments:?}: {said}");
            assert_eq!(setting.api.key_ids(), [held], "{arguments:?}: {said}");
            assert_mode(&setting.file, mode);
        }
    });

    let setting = Setting::new(0o600);
    let (code, said) = run(setting.api.base_url(), &["/no/such/file"]);
    // ENOENT, ERROR_PATH_NOT_FOUND. The text before it is in the system's language.
    let number = if cfg!(windows) { 3 } else { 2 };
    let says = format!("(os error {number})");
    assert!(code == 2 && said.contains("/no/such/file: ") && said.contains(&says), "{said}");
    fs::write(&setting.file, "SECRET").unwrap();
    let (code, said) = run(setting.api.base_url(), &[setting.path()]);
    assert!(
        code == 2 && said.contains("a token has three parts") && !said.contains("SECRET"),
        "{said}"
    );
}

#[test]
fn exit_code_is_3_if_the_old_token_can_not_be_deleted() {
    // The third request of a rotation is the deletion.
    // A gateway's 404 does not say that the service has no such token.
    for fault in ["403", "404 of a gateway"] {
        let setting = Setting::new(0o600);
        let relay = FaultServer::with_fault(setting.api.base_url(), 2..3, named(fault), false);
        let before = setting.held();
        let (code, said) = run(&relay.url(), &[setting.path(), "--share", "1"]);
        assert_eq!(code, 3, "{said}");
        let held = setting.held();
        assert_ne!(held, before);
        assert_eq!(setting.api.key_ids(), [before, held]);
    }
}

/// Envoy and Varnish may do so after the service acted.
#[test]
fn exit_code_is_4_if_a_gateway_sends_503_after_the_creation() {
    let setting = Setting::new(0o600);
    let fault = named("503 of a gateway that asks to wait");
    let relay = FaultServer::with_fault(setting.api.base_url(), .., fault, true);
    let before = setting.held();
    let (code, said) = run(&relay.url(), &[setting.path(), "--share", "1"]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("list the tokens"), "{said}");
    assert_eq!(setting.held(), before);
    assert_eq!(setting.api.key_ids().len(), 2, "one token was created, and no more");
}

/// On Windows not every user may create symbolic links.
#[cfg(unix)]
#[test]
fn symlink_is_followed_and_kept() {
    let setting = Setting::new(0o600);
    let link = setting.folder.0.join("link");
    std::os::unix::fs::symlink(&setting.file, &link).unwrap();
    let before = setting.held();
    let (code, said) = run(setting.api.base_url(), &[link.to_str().unwrap(), "--share", "1"]);
    assert_eq!(code, 0, "{said}");
    assert_ne!(setting.held(), before);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

/// If root runs the job, the file keeps its owner. On Windows a file cannot be given to another
/// user.
#[cfg(unix)]
#[test]
fn owner_of_the_file_is_kept() {
    use std::os::unix::fs::{MetadataExt as _, chown};

    let setting = Setting::new(0o600);
    if chown(&setting.file, Some(12_345), Some(12_346)).is_err() {
        println!("only root can give a file away: nothing was looked at");
        return;
    }
    let before = setting.held();
    let (code, said) = run(setting.api.base_url(), &[setting.path(), "--share", "1"]);
    assert_eq!(code, 0, "{said}");
    assert_ne!(setting.held(), before);
    let file = fs::metadata(&setting.file).unwrap();
    assert_eq!((file.uid(), file.gid()), (12_345, 12_346));
    assert_mode(&setting.file, 0o600);
}

/// The token does not contain its lifetime, or an impossible one.
#[test]
fn service_is_asked_for_a_life_that_the_token_does_not_tell() {
    let id = ID;
    let encode = |json: &str| {
        base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, json)
    };
    let folder = Folder::new();
    let file = folder.0.join("token");
    for payload in [
        "{}".to_owned(),
        format!(r#"{{"iat":{},"exp":1}}"#, u64::MAX),
        format!(r#"{{"iat":1,"exp":{}}}"#, u64::MAX),
    ] {
        let header = format!(r#"{{"kid":"{id}"}}"#);
        fs::write(&file, format!("{}.{}.sig", encode(&header), encode(&payload))).unwrap();
        for (expires, says) in [
            ("2037-01-01T00:00:00Z", "is not replaced"),
            ("2021-01-01T00:00:00Z", "would be replaced"),
        ] {
            let body = format!(
                r#"{{"id":"{id}","createdDate":"2020-01-01T00:00:00Z","expirationDate":"{expires}"}}"#
            );
            let server = FaultServer::start(vec![answer(200, &body)]);
            let (code, said) = run(&server.url(), &[file.to_str().unwrap(), "--dry-run"]);
            assert!(code == 0 && said.contains(says), "{payload}: {said}");
            assert_eq!(server.requests().len(), 1);
        }
    }
}

/// On Windows a program that does not share the file prevents its replacement. Then nothing
/// changes.
#[test]
fn file_that_another_program_has_open() {
    const SHARE_READ: u32 = 1;
    const SHARE_ALL: u32 = 7;
    // (how the other program shares the file, whether it closes it soon, exit codes on Windows)
    let cases = [
        (SHARE_READ, false, &[1][..]),
        (SHARE_READ, true, &[0]),
        // Windows 10 replaces such a file since version 1809; older versions and Wine do not.
        (SHARE_ALL, false, &[0, 1]),
    ];
    in_parallel(cases, |(share, closes, on_windows)| {
        let setting = Setting::new(0o600);
        let before = setting.held();
        let opened = open_sharing(&setting.file, share);
        let child = start(setting.api.base_url(), &[setting.path(), "--share", "1"]);
        let opened = if closes {
            std::thread::sleep(Duration::from_secs(1));
            drop(opened);
            None
        } else {
            Some(opened)
        };
        let output = child.wait_with_output().unwrap();
        drop(opened);
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let code = output.status.code().unwrap();
        let expected = if cfg!(windows) { on_windows } else { &[0] };
        assert!(expected.contains(&code), "{share}: {code}: {said}");
        assert_eq!(said.contains("could not be stored"), code == 1, "{said}");
        let held = setting.held();
        assert_eq!(held == before, code == 1, "{share}: {said}");
        assert_eq!(setting.api.key_ids(), [held], "{share}: {said}");
        assert_eq!(setting.folder.names(), ["token"]);
    });
}

#[cfg(windows)]
fn open_sharing(file: &Path, share: u32) -> fs::File {
    use std::os::windows::fs::OpenOptionsExt as _;
    let mut options = fs::OpenOptions::new();
    options.read(true).share_mode(share).open(file).unwrap()
}

/// On Unix an open file is always shared.
#[cfg(unix)]
fn open_sharing(file: &Path, _: u32) -> fs::File {
    fs::File::open(file).unwrap()
}

/// Kills the job 100 times, at random times during a run.
#[test]
fn file_holds_a_valid_token_whenever_the_example_is_killed() {
    let [rotated, left_over] = [(); 2].map(|()| AtomicUsize::new(0));
    in_parallel(0..5, |_| {
        let setting = Setting::new(0o600);
        let arguments = [setting.path(), "--share", "1"];
        let started = Instant::now();
        for _ in 0..3 {
            assert_eq!(run(setting.api.base_url(), &arguments).0, 0);
        }
        let usual = started.elapsed() / 3;
        let mut random = TestRunner::default().new_rng();
        let mut before = setting.held();
        for _ in 0..20 {
            let mut child = start(setting.api.base_url(), &arguments);
            std::thread::sleep(usual.mul_f64(random.random_range(0.0..1.1)));
            // SIGKILL.
            child.kill().unwrap();
            child.wait().unwrap();
            // The server still carries out a request that was already sent.
            std::thread::sleep(Duration::from_millis(2));
            let held = setting.held();
            assert_mode(&setting.file, 0o600);
            rotated.fetch_add(usize::from(held != before), Ordering::SeqCst);
            left_over.fetch_add(setting.delete_all_but(&held), Ordering::SeqCst);
            before = held;
        }
        // The server may carry out the last request late.
        std::thread::sleep(Duration::from_millis(200));
        setting.delete_all_but(&before);
        // The remains of a killed job do not prevent the next one.
        assert_eq!(run(setting.api.base_url(), &arguments).0, 0);
        assert_eq!(setting.api.key_ids(), [setting.held()]);
    });
    let rotated = rotated.into_inner();
    println!("{rotated} runs replaced the token, {left_over:?} tokens were left over");
    // Some were killed before the replacement, some after.
    assert!((5..95).contains(&rotated), "{rotated}");
}
