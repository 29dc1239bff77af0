//! What `Jwt::save` and `Jwt::save_in` promise of a file, whatever runs beside and wherever it is.

#[cfg(unix)]
use std::os::unix::fs::{chown, symlink};

use crate::support::*;

/// Returns a token like the service's, of a length that depends on the number.
fn jwt(n: usize) -> Jwt {
    let header = "eyJraWQiOiJmMTNhNWM1NC04MjI4LTRiN2UtOTQxNC02MTMxM2NlNzIzZDEifQ";
    let signature = "SECRET".repeat(300 * n);
    serde_json::from_value(serde_json::json!({"token": format!("{header}.e30.{n}-{signature}")}))
        .unwrap()
}

#[test]
fn new_file_is_whole_and_private() {
    // (the old file's mode, the mode then)
    for (old, expected, reason) in [
        (None, 0o600, "a new file"),
        (Some(0o600), 0o600, "a private file"),
        (Some(0o640), 0o640, "a file for a group"),
        (Some(0o644), 0o644, "others may need it"),
        (Some(0o400), 0o400, "a file that nobody may write"),
    ] {
        let folder = Folder::new();
        let file = folder.0.join("token");
        if let Some(mode) = old {
            fs::write(&file, "the old token").unwrap();
            set_mode(&file, mode);
        }
        jwt(1).save(&file).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}\n", jwt(1).token()), "{reason}");
        assert_mode(&file, expected);
        assert_eq!(folder.names(), ["token"], "{reason}");
    }
}

#[test]
fn an_error_names_the_path_and_leaves_everything_as_before() {
    let folder = Folder::new();
    let inside = |name: &str| folder.0.join(name);
    fs::create_dir(inside("folder")).unwrap();
    fs::write(inside("file"), "the old token").unwrap();
    // (path, what the error says on Unix)
    for (path, says) in [
        (inside("folder"), "only a file can be replaced"),
        (inside("missing/token"), "no file can be made next to it: No such file"),
        (inside("file/token"), "cannot be found: Not a directory"),
        (inside(&"x".repeat(255)), "no file can be made next to it: File"),
        (inside("nul\0"), "cannot be found"),
        (PathBuf::new(), "cannot be found"),
    ] {
        for error in [jwt(1).save(&path), jwt(1).save_in(&path, jwt(2).token())] {
            let error = error.unwrap_err().to_string();
            // Windows spells the rest in another way.
            let end = path.file_name().unwrap_or_default();
            let named = if cfg!(windows) { end } else { path.as_os_str() };
            assert!(error.contains(&*named.to_string_lossy()), "{error}");
            assert!(!error.contains("SECRET"), "{error}");
        }
        let error = jwt(1).save(&path).unwrap_err().to_string();
        assert!(error.contains(says) || cfg!(windows), "{error}");
        assert_eq!(folder.names(), ["file", "folder"], "{says}");
    }
    assert_eq!(fs::read_to_string(inside("file")).unwrap(), "the old token");
}

/// On Windows not every user may create symbolic links.
#[cfg(unix)]
#[test]
fn symbolic_link_is_followed_and_kept() {
    let [folder, elsewhere] = [(); 2].map(|()| Folder::new());
    let file = elsewhere.0.join("token");
    fs::write(&file, "the old token").unwrap();
    let names = ["broken", "device", "link", "second"];
    let [broken, device, link, second] = names.map(|name| folder.0.join(name));
    symlink(&file, &link).unwrap();
    symlink("link", &second).unwrap();
    symlink("nothing", &broken).unwrap();
    symlink("/dev/null", &device).unwrap();
    jwt(1).save(&second).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{}\n", jwt(1).token()));
    // A new file in the place of a link would hide a mistake.
    let error = jwt(1).save(&broken).unwrap_err().to_string();
    assert!(error.contains("broken: cannot be found: "), "{error}");
    // Root could replace it.
    let error = jwt(1).save(&device).unwrap_err().to_string();
    assert_eq!(error, "/dev/null: only a file can be replaced");
    assert!(names.iter().all(|name| folder.0.join(name).is_symlink()));
    assert_eq!(folder.names(), names);
    assert_eq!(elsewhere.names(), ["token"]);
}

/// Without a lock, one of the new tokens is in no file. The file's own works all the same.
#[test]
fn two_rotations_of_one_file_leave_a_valid_token_in_it() {
    type Store = fn(&Jwt, &Path, &str) -> std::io::Result<()>;
    let stores: [Store; 2] =
        [|jwt, file, _| jwt.save(file), |jwt, file, old| jwt.save_in(file, old)];
    in_parallel(stores.into_iter().cycle().take(30), |store| {
        let api = MockAuthApi::start();
        let basic = builder_for(&api).build().unwrap();
        let folder = Folder::new();
        let file = folder.0.join("token");
        let jwt = new_jwt(&basic).unwrap();
        jwt.save(&file).unwrap();
        let (client, together) = (with_token(&basic, &jwt), Barrier::new(2));
        let rotate = || {
            together.wait();
            let options = RotateTokenOptions::current();
            rotate_token(&client, &options, |new| store(new, &file, jwt.token())).is_ok()
        };
        let rotated = thread::scope(|scope| {
            [(); 2].map(|()| scope.spawn(rotate)).map(|thread| thread.join().unwrap())
        });
        assert!(rotated.contains(&true));
        let held = key_id(&fs::read_to_string(&file).unwrap()).unwrap();
        assert!(api.key_ids().contains(&held), "a deleted token");
        assert_eq!(folder.names(), ["token"]);
    });
}

/// `SAVES` says how many saves each thread makes.
#[test]
fn saves_of_two_threads_never_meet() {
    let saves = std::env::var("SAVES").map_or(200, |saves| saves.parse().unwrap());
    let folder = Folder::new();
    let file = folder.0.join("token");
    let jwts = [1, 2].map(jwt);
    jwts[0].save(&file).unwrap();
    let running = AtomicUsize::new(2);
    let reads = thread::scope(|scope| {
        for jwt in &jwts {
            let (file, running) = (&file, &running);
            scope.spawn(move || {
                let results: Vec<_> = (0..saves).map(|_| jwt.save(file)).collect();
                running.fetch_sub(1, Ordering::SeqCst);
                let errors: Vec<_> = results.into_iter().filter_map(Result::err).collect();
                assert!(errors.is_empty(), "{} errors: {}", errors.len(), errors[0]);
            });
        }
        let mut reads = 0;
        while running.load(Ordering::SeqCst) > 0 || reads == 0 {
            let text = fs::read_to_string(&file).unwrap();
            let is_whole = |jwt: &Jwt| text.strip_suffix('\n') == Some(jwt.token());
            assert!(jwts.iter().any(is_whole), "{} bytes were read", text.len());
            reads += 1;
            if cfg!(windows) {
                // Otherwise it is always open, and cannot be replaced.
                thread::sleep(Duration::from_millis(5));
            }
        }
        reads
    });
    println!("{} saves, {reads} reads", 2 * saves);
    assert_eq!(folder.names(), ["token"]);
}

#[test]
fn old_token_is_replaced_wherever_it_is_a_word() {
    let [old, new, another] = [1, 2, 3].map(jwt);
    let part = &old.token()[..200];
    // `OLD` and `NEW` stand for the tokens. (the text, whether it changes, reason)
    let replaced = [
        ("OLD", "a file that is the token alone"),
        ("OLD\n", "and a line break"),
        ("\u{feff}OLD\r\n", "a byte order mark and CRLF"),
        ("IONOS_TOKEN=OLD\r\nIONOS_CONTRACT_NUMBER=7\r\n", "an environment file, with CRLF"),
        ("export IONOS_TOKEN='OLD' # ä\n", "a shell's file"),
        ("a:\n  token: \"OLD\"\nb:\n- {token: OLD, x: 1}\n", "YAML, with the token twice"),
        (r#"{"token":"OLD","again":"OLD"}"#, "JSON"),
        ("token = \"OLD\"", "tfvars"),
        ("OLD OLD\tOLD", "several in a line"),
        ("# the old one was PART...\ntoken: OLD # PART\n", "a comment with a part of it"),
        ("xOLD OLDx OLD-OLD OLD\n", "longer words stay"),
        ("token: OLD\nother: ANOTHER\n", "another token"),
        ("https://OLD:x@host/?t=OLD&u", "a URL"),
    ];
    let of = |text: &str, jwt: &Jwt| {
        let text = text.replace("ANOTHER", another.token()).replace("PART", part);
        let longer = [format!("x{}", old.token()), format!("{}x", old.token())];
        let twice = format!("{0}-{0}", old.token());
        let text = text.replace("xOLD", &longer[0]).replace("OLDx", &longer[1]);
        text.replace("OLD-OLD", &twice).replace("OLD", jwt.token())
    };
    for (text, reason) in replaced {
        let folder = Folder::new();
        let file = folder.0.join("file");
        fs::write(&file, of(text, &old)).unwrap();
        set_mode(&file, 0o640);
        new.save_in(&file, &format!("{}\n", old.token()))
            .unwrap_or_else(|e| panic!("{reason}: {e}"));
        assert_eq!(fs::read_to_string(&file).unwrap(), of(text, &new), "{reason}");
        assert_mode(&file, 0o640);
        assert_eq!(folder.names(), ["file"], "{reason}");
    }

    // As PowerShell writes it.
    let utf_16 = format!("\u{feff}{}", old.token());
    let utf_16: Vec<u8> = utf_16.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let long = format!("{}{}", old.token(), " ".repeat((1 << 20) + 1 - old.token().len()));
    let refused = [
        (b"".to_vec(), old.token(), "does not contain the old token"),
        (of("PART", &old).into(), old.token(), "does not contain the old token"),
        (of("xOLD", &old).into(), old.token(), "only as a part of a longer word"),
        (of("OLDx", &old).into(), old.token(), "only as a part of a longer word"),
        (of("OLD-OLD", &old).into(), old.token(), "only as a part of a longer word"),
        (of("OLD.", &old).into(), old.token(), "only as a part of a longer word"),
        (utf_16, old.token(), "is not UTF-8"),
        (long.clone().into(), old.token(), "is longer than 1 MiB"),
        (b"token: SECRET".to_vec(), "token", "the old token: a token has three parts"),
        (b"token: SECRET".to_vec(), " ", "the old token: a token has three parts"),
    ];
    for (text, old, says) in refused {
        let folder = Folder::new();
        let file = folder.0.join("file");
        fs::write(&file, &text).unwrap();
        let error = new.save_in(&file, old).unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains("SECRET"), "{error}");
        assert!(error.starts_with(&file.canonicalize().unwrap().display().to_string()), "{error}");
        assert_eq!(fs::read(&file).unwrap(), text, "{says}");
        assert_eq!(folder.names(), ["file"], "{says}");
    }
    let folder = Folder::new();
    let file = folder.0.join("file");
    fs::write(&file, &long[..1 << 20]).unwrap();
    new.save_in(&file, old.token()).unwrap();
}

#[cfg(feature = "config-file")]
#[test]
#[ignore = "the program of other tests"]
fn child_reads_the_config_file() {
    assert_child();
    println!("{}", Client::from_env_or_config().unwrap().key_id().unwrap());
}

#[cfg(feature = "config-file")]
#[test]
fn token_in_the_config_file_is_rotated() {
    let api = MockAuthApi::start();
    let basic = builder_for(&api).build().unwrap();
    let jwt = new_jwt(&basic).unwrap();
    let old = jwt.token();
    let text = format!(
        "version: 1.0\r\ncurrentProfile: user\r\nprofiles:\r\n  - name: user # {}...\r\n    \
         credentials:\r\n      token: \"{old}\"\r\n  - name: again\r\n    credentials: \
         {{token: {old}, s3AccessKey: x}}\r\n",
        &old[..40]
    );
    let folder = Folder::new();
    let file = folder.0.join("config.yaml");
    fs::write(&file, &text).unwrap();
    set_mode(&file, 0o600);
    let variables = [("IONOS_CONFIG_FILE", file.to_str().unwrap())];
    let read = || run_child("token_file::child_reads_the_config_file", &variables);
    assert!(read().contains(jwt.key_id().unwrap().as_str()));

    let rotated = rotate_token(&with_token(&basic, &jwt), &RotateTokenOptions::current(), |jwt| {
        jwt.save_in(&file, old)
    });
    let new = rotated.unwrap().jwt;
    assert_eq!(fs::read_to_string(&file).unwrap(), text.replace(old, new.token()));
    let id = new.key_id().unwrap();
    assert!(read().contains(id.as_str()));
    assert_eq!(api.key_ids(), [id]);
}

/// Its change would be lost: another job's new token, whose old one is then deleted.
#[test]
fn file_that_another_program_changes_meanwhile() {
    let folder = Folder::new();
    let file = folder.0.join("file");
    let [old, new] = [1, 2].map(jwt);
    let text = |n: u32| format!("{} {n}", old.token());
    fs::write(&file, text(0)).unwrap();
    let is_refused = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Until a change falls between the reading and the renaming, most of which is a sync.
            for n in (0..).take_while(|_| !is_refused.load(Ordering::SeqCst)) {
                let other = folder.0.join("other");
                fs::write(&other, text(n)).unwrap();
                // On Windows it may be open.
                while fs::rename(&other, &file).is_err() && !is_refused.load(Ordering::SeqCst) {}
            }
        });
        let start = Instant::now();
        let mut errors = std::iter::repeat_with(|| new.save_in(&file, old.token()))
            .take_while(|_| start.elapsed() < LONG)
            .filter_map(|saved| Some(saved.err()?.to_string()))
            .filter(|error| !error.contains("does not contain the old token"));
        let error = errors.next();
        is_refused.store(true, Ordering::SeqCst);
        let error = error.expect("no change was noticed");
        assert!(error.contains("file: has just been changed"), "{error}");
    });
    assert_eq!(folder.names(), ["file"]);
}

/// Saves to `FILE`, and says what is then in its folder.
#[test]
#[ignore = "the program of other tests"]
fn child_saves() {
    assert_child();
    logger::install_printer(log::LevelFilter::Warn);
    let file = PathBuf::from(std::env::var_os("FILE").unwrap());
    match jwt(1).save(&file) {
        Ok(()) => println!("saved"),
        Err(error) => println!("not saved: {error}"),
    }
    let is_new = fs::read_to_string(&file).unwrap() == format!("{}\n", jwt(1).token());
    let others = fs::read_dir(file.parent().unwrap()).unwrap().count() - 1;
    println!("the token is {}, {others} other files", if is_new { "new" } else { "old" });
}

/// A command around the child, the shell's commands before it, and what the child says.
#[cfg(target_os = "linux")]
type Case = (&'static str, &'static str, &'static str, std::result::Result<(), &'static str>);

/// Saves to a file that belongs to this user, if one is named.
#[cfg(target_os = "linux")]
fn save_in_each_case(owner: Option<u32>, cases: &[Case]) {
    use std::os::unix::fs::MetadataExt as _;

    for (reason, around, before, expected) in cases {
        let folder = Folder::new();
        let file = folder.0.join("token");
        fs::write(&file, "the old token").unwrap();
        if let Some(id) = owner {
            chown(&file, Some(id), Some(id + 1)).unwrap();
        }
        let variables = [("FILE", file.as_os_str()), ("FOLDER", folder.0.as_os_str())];
        let output = child_after(around, before, "token_file::child_saves", &variables);
        let said = said(&output);
        assert!(output.status.success(), "{reason}: {said}");
        let (says, state) = match expected {
            Ok(()) => ("saved", "the token is new, 0 other files"),
            Err(says) => (*says, "the token is old, 0 other files"),
        };
        assert!(said.contains(says) && said.contains(state), "{reason}: {said}");
        assert!(!said.contains("SECRET"), "{reason}: {said}");
        if let (Some(id), Ok(())) = (owner, expected) {
            let file = fs::metadata(&file).unwrap();
            assert_eq!((file.uid(), file.gid()), (id, id + 1), "{reason}");
        }
        assert_eq!(folder.names(), ["token"], "{reason}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn file_that_may_not_grow() {
    let says = "the new file cannot be written: File too large";
    save_in_each_case(None, &[("a limit", "", "ulimit -f 0; trap '' XFSZ", Err(says))]);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "only root can give a file away: .ci/run runs it for root"]
fn file_of_another_user_as_root() {
    #[rustfmt::skip]
    save_in_each_case(Some(12_345), &[
        ("root may give files away", "", "", Ok(())),
        ("the file of another user", "setpriv --bounding-set -chown", "",
         Err("cannot keep its owner, user 12345 and group 12346 (run this as that user")),
        ("whom the container does not know", "unshare --map-root-user", "",
         Err("cannot keep its owner, user ")),
    ]);
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "dev/ci/in-namespace runs it"]
fn file_in_a_namespace_of_its_own() {
    const MOUNT: &str = "unshare --map-root-user --mount";
    #[rustfmt::skip]
    save_in_each_case(None, &[
        ("every file is nobody's, and no chown works", "unshare --user", "", Ok(())),
        ("a file that is a mount point", MOUNT, r#"mount --bind "$FILE" "$FILE""#,
         Err("if it is a mount point, mount its folder instead")),
        ("a read-only mount", MOUNT,
         r#"mount --bind "$FOLDER" "$FOLDER"; mount -o remount,ro,bind "$FOLDER""#,
         Err("no file can be made next to it: Read-only file system")),
        ("a full disk", MOUNT,
         r#"mount -t tmpfs -o size=4k none "$FOLDER"; echo the old token >"$FILE""#,
         Err("the new file cannot be written: No space left on device")),
    ]);
}

#[cfg(unix)]
#[test]
fn warns_if_others_can_read_the_file() {
    for (mode, warned) in
        [(0o600, false), (0o640, false), (0o660, false), (0o604, true), (0o644, true)]
    {
        let folder = Folder::new();
        let file = folder.0.join("token");
        fs::write(&file, "the old token").unwrap();
        set_mode(&file, mode);
        let said = run_child("token_file::child_saves", &[("FILE", &file)]);
        let path = file.canonicalize().unwrap().display().to_string();
        let warning =
            format!("WARN {path} contains a token and can be read by others: chmod o-r {path}");
        assert_eq!(said.contains(&warning), warned, "{mode:o}: {said}");
        assert!(said.contains("the token is new"), "{mode:o}: {said}");
    }
}
