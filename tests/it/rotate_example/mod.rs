//! The example `rotate` as a timer's job: its exit codes. What a killed job leaves behind, and jobs
//! at the same time, are in `recovery`.

mod recovery;

use crate::examples::example::rotate;
use crate::support::*;

/// Runs the example's `main` with arguments.
#[test]
#[ignore = "the program of other tests"]
fn child_runs_the_example() {
    assert_child();
    let arguments = std::env::var("ARGUMENTS").unwrap();
    let arguments: Vec<String> = arguments.split('|').map(str::to_owned).collect();
    std::process::exit(rotate::run(&arguments).into());
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
    (output.status.code().unwrap(), said(&output))
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

    /// Rotates the token.
    fn rotate(&self) -> (i32, String) {
        run(self.api.base_url(), &[self.path(), "--share", "1"])
    }

    /// What the next job would do.
    fn noted(&self) -> String {
        fs::read_to_string(self.folder.0.join("token.lock")).unwrap()
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
        (nothing, vec!["--days", "364"], 0, "has 364 days and 100 %", false),
        (nothing, vec!["--days", "365"], 0, "was replaced by", true),
        (nothing, vec!["--days", "365", "--dry-run"], 0, "would be replaced", false),
        (&|setting| refused(setting, 403), vec!["--share", "1"], 2, "403 Forbidden", false),
        (&|setting| setting.api.answer_next(1, 401, &[], "a gateway"), vec!["--share", "1"],
         1, "401 Unauthorized", false),
        (&|setting| refused(setting, 502), vec!["--share", "1"], 4, "502 Bad Gateway", false),
        (nothing, vec!["--share", "2"], 2, "--share 2 is not from 0 to 1", false),
        (nothing, vec!["--share"], 2, "--share needs a value", false),
        (nothing, vec!["--days", "366"], 2, "--days 366 is not from 0 to 365", false),
        (nothing, vec!["--days", "7", "--share", "1"], 2, "either --share or --days", false),
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
            let names = setting.folder.names();
            assert!(names == ["token"] || names == ["token", "token.lock"], "{names:?}");
            assert!(names == ["token"] || setting.noted().is_empty(), "{said}");
        }
    });

    let setting = Setting::new(0o600);
    let (code, said) = run(setting.api.base_url(), &["/no/such/file"]);
    // ENOENT, ERROR_PATH_NOT_FOUND. The text before it is in the system's language.
    let number = if cfg!(windows) { 3 } else { 2 };
    let says = format!("(os error {number})");
    assert!(code == 2 && said.contains("/no/such/file: ") && said.contains(&says), "{said}");
    let another = new_jwt(&setting.basic).unwrap();
    let both = format!("{}\n{}", fs::read_to_string(&setting.file).unwrap(), another.token());
    for (text, says) in [("SECRET", "it contains no token"), (&both, "it contains 2 tokens")] {
        fs::write(&setting.file, text).unwrap();
        let (code, said) = setting.rotate();
        assert!(code == 2 && said.contains(says) && !said.contains(text), "{said}");
        assert_eq!(fs::read_to_string(&setting.file).unwrap(), text, "{says}");
    }
}

/// Trying again later would not help.
#[test]
fn exit_code_is_2_if_a_person_must_act() {
    type Prepare = fn(&Setting) -> Jwt;
    let expired: Prepare = |setting| setting.api.expire(&setting.held()).unwrap();
    let deleted: Prepare = |setting| {
        let jwt = new_jwt(&setting.basic).unwrap();
        let _ = delete_token(&setting.basic, &jwt.key_id().unwrap()).unwrap();
        jwt
    };
    for (prepare, says) in [(expired, "expired"), (deleted, "401 Unauthorized")] {
        let setting = Setting::new(0o600);
        let jwt = prepare(&setting);
        fs::write(&setting.file, jwt.token()).unwrap();
        let before = setting.api.key_ids();
        let (code, said) = setting.rotate();
        assert!(code == 2 && said.contains(says), "{code}: {said}");
        assert_eq!(fs::read_to_string(&setting.file).unwrap(), jwt.token(), "{says}");
        assert_eq!(setting.api.key_ids(), before, "{says}");
    }
}

/// A rotation would replace the console's token by one that can be neither rotated nor deleted.
#[test]
fn token_of_a_user_with_two_factor_authentication_is_not_replaced() {
    let api = MockAuthApi::with_two_factor_authentication();
    let console = builder_of(api.base_url()).credentials(api.console_credentials());
    let console = console.build().unwrap();
    let made_by_the_api = new_jwt(&console).unwrap();
    let requests = api.requests();
    let of_the_console = requests[0].header("Authorization").unwrap();
    let of_the_console = of_the_console.strip_prefix("Bearer ").unwrap();
    let before = api.key_ids();
    for (token, says) in [
        (of_the_console, "it may not delete tokens, as with two-factor authentication"),
        (made_by_the_api.token(), "Endpoint requires a higher level of authentication"),
    ] {
        let folder = Folder::new();
        let file = folder.0.join("token");
        fs::write(&file, token).unwrap();
        let (code, said) = run(api.base_url(), &[file.to_str().unwrap(), "--share", "1"]);
        assert!(code == 2 && said.contains(says), "{code}: {said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), token, "{said}");
        assert_eq!(api.key_ids(), before, "{said}");
    }
}

/// `FILE` may contain more than the token.
#[test]
fn token_in_a_text_is_replaced() {
    let setting = Setting::new(0o640);
    let old = fs::read_to_string(&setting.file).unwrap();
    let text = |token: &str| format!("# of the timer\r\nIONOS_TOKEN=\"{token}\"\r\nA=b.c\r\n");
    fs::write(&setting.file, text(&old)).unwrap();
    let (code, said) = setting.rotate();
    assert_eq!(code, 0, "{said}");
    let new = fs::read_to_string(&setting.file).unwrap();
    let token = new.split('"').nth(1).unwrap();
    assert_eq!(new, text(token));
    assert_eq!(setting.api.key_ids(), [key_id(token).unwrap()]);
    assert_mode(&setting.file, 0o640);
}

#[test]
fn exit_code_is_3_if_the_old_token_can_not_be_deleted() {
    // The fourth request of a rotation is the deletion.
    // A gateway's 404 does not say that the service has no such token.
    for fault in ["403", "404 of a gateway"] {
        let setting = Setting::new(0o600);
        let relay = FaultServer::with_fault(setting.api.base_url(), 3..4, named(fault), false);
        let before = setting.held();
        let (code, said) = run(&relay.url(), &[setting.path(), "--share", "1"]);
        assert_eq!(code, 3, "{said}");
        let held = setting.held();
        assert_ne!(held, before, "{fault}");
        assert_eq!(setting.api.key_ids(), [before.clone(), held.clone()], "{fault}");

        let (code, said) = run(setting.api.base_url(), &[setting.path()]);
        assert!(code == 0 && said.contains(&format!("deleting {before}")), "{said}");
        assert_eq!(setting.api.key_ids(), [held], "the next run deletes it");
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
            assert_eq!(server.requests().len(), 1, "{payload}: {said}");
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
        let mut opened = Some(opened);
        if closes && cfg!(windows) {
            thread::sleep(Duration::from_secs(1));
            opened = None;
        }
        let output = child.wait_with_output().unwrap();
        drop(opened);
        let said = said(&output);
        let code = output.status.code().unwrap();
        let expected = if cfg!(windows) { on_windows } else { &[0] };
        assert!(expected.contains(&code), "{share}: {code}: {said}");
        assert_eq!(said.contains("could not be stored"), code == 1, "{said}");
        let held = setting.held();
        assert_eq!(held == before, code == 1, "{share}: {said}");
        assert_eq!(setting.api.key_ids(), [held], "{share}: {said}");
        assert_eq!(setting.folder.names(), ["token", "token.lock"]);
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
