//! The config file of the vendor's tools: what is read from it, in which order, and what is refused.

#![cfg(feature = "config-file")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use ionoscloud_auth::*;
use support::Folder;

/// A home with a config file in it.
struct Home(Folder);

impl Home {
    fn new() -> Home {
        let folder = Folder::new();
        fs::create_dir(folder.0.join(".ionos")).unwrap();
        Home(folder)
    }

    fn path(&self) -> &Path {
        &self.0.0
    }

    fn file(&self) -> PathBuf {
        self.path().join(".ionos/config")
    }

    fn write(&self, contents: impl AsRef<[u8]>) -> PathBuf {
        fs::write(self.file(), contents).unwrap();
        self.file()
    }
}

/// As the vendor's CLI writes it.
const WRITTEN: &str = r#"version: 1.0
currentProfile: user
profiles:
  - name: user                # compared without case
    environment: prod
    credentials:
      token: "SECRET-file-token"
      username: "file@example.com"
      password: "SECRET-file-password"
      s3AccessKey: "x"
      s3SecretKey: "SECRET-s3"
  - name: Second
    environment: test
    credentials:
      token: SECRET-second-token
  - name: bare
    credentials:
      username: "bare@example.com"
      password: 12345678
  - name: none
    environment: prod
environments:
  - name: prod
    certificateAuthData: ""   # PEM
    products:
      - name: compute
        endpoints:
          - name: https://compute.example
            skipTlsVerify: true
      - name: auth
        endpoints:
          - name: https://auth.example
            skipTlsVerify: false
            certificateAuthData: ""
          - name: https://second.example
  - name: test
    products: []
"#;

/// In a process of its own: makes a client of the environment and the file, and says what came of it.
#[test]
fn child_that_reads_environment_and_file() {
    if std::env::var_os("CHILD").is_none() {
        return;
    }
    let client = match std::env::var("FILE_ALONE") {
        Ok(path) => ClientBuilder::from_config_file(path).and_then(ClientBuilder::build),
        Err(_) => Client::from_env_or_config(),
    };
    match client {
        Ok(client) => {
            println!("source: {}\n{client:?}", client.credentials_source());
            let other = client
                .with_credentials(Credentials::token("a.b.c"))
                .unwrap();
            println!("then: {}", other.credentials_source());
        }
        Err(error) => println!("error: {error}"),
    }
}

fn in_a_child(variables: &[(&str, &str)]) -> String {
    let output = support::in_a_child("child_that_reads_environment_and_file", variables);
    assert!(!output.contains("SECRET"), "{output}");
    if output.contains("source: ") {
        assert!(output.contains("then: the program itself"), "{output}");
    }
    output
}

#[test]
fn who_wins() {
    let folder = Home::new();
    let home = ("HOME", folder.path().to_str().unwrap());
    let home = [home, ("USERPROFILE", home.1)];
    let file = folder.file();
    // Every combination of the environment's pairs, the file's, and how the profile is named.
    for n in 0..48 {
        let [env_token, env_basic, file_token, file_basic] =
            [1, 2, 4, 8].map(|bit| (n % 16) & bit != 0);
        let named_by = ["file", "variable", "nobody"][n / 16];
        let mut contents =
            "profiles:\n  - {name: other, credentials: {token: SECRET-other}}\n".to_owned();
        contents.push_str("  - name: mine\n    credentials:\n      s3AccessKey: x\n");
        if file_token {
            contents.push_str("      token: SECRET-file\n");
        }
        if file_basic {
            contents.push_str("      username: file\n      password: SECRET-file\n");
        }
        let mut variables = home.to_vec();
        match named_by {
            "file" => contents.push_str("currentProfile: MINE\n"),
            // It wins over the file's.
            "variable" => {
                contents.push_str("currentProfile: other\n");
                variables.push(("IONOS_CURRENT_PROFILE", "Mine"));
            }
            _ => {}
        }
        folder.write(contents);
        if env_token {
            variables.push(("IONOS_TOKEN", "SECRET-variable"));
        }
        if env_basic {
            variables.push(("IONOS_USERNAME", "variable"));
            variables.push(("IONOS_PASSWORD", "SECRET-variable"));
        }
        let of_file = |what| {
            format!(
                "source: the {what} of profile {:?} in {}",
                "mine",
                file.display()
            )
        };
        let expected = match (env_token, env_basic, named_by, file_token, file_basic) {
            (true, ..) => "source: IONOS_TOKEN".to_owned(),
            (_, true, ..) => "source: IONOS_USERNAME and IONOS_PASSWORD".to_owned(),
            (_, _, "nobody", ..) => {
                "names no currentProfile; there are \"other\", \"mine\"".to_owned()
            }
            (_, _, _, true, _) => of_file("token"),
            (_, _, _, _, true) => of_file("user name and password"),
            _ => "the profile \"mine\" holds no credentials".to_owned(),
        }
        .to_lowercase();
        let output = in_a_child(&variables).to_lowercase();
        assert!(
            output.contains(&expected),
            "{variables:?}: {expected}: {output}"
        );
    }
}

#[test]
fn which_file_and_which_address() {
    let folder = Home::new();
    let elsewhere = Home::new();
    let home = ("HOME", folder.path().to_str().unwrap());
    let there = elsewhere.write(WRITTEN);
    let named = ("IONOS_CONFIG_FILE", there.to_str().unwrap());
    let missing = ("IONOS_CONFIG_FILE", "/nowhere/at/all");
    let token = ("IONOS_TOKEN", "SECRET-variable");
    let second = ("IONOS_CURRENT_PROFILE", "SECOND");
    for (variables, says, reason) in [
        (
            vec![home, token],
            "https://api.ionos.com",
            "no file, and none needed",
        ),
        (
            vec![home],
            "credentials: there are none",
            "no file, and nothing else",
        ),
        (vec![token], "https://api.ionos.com", "no home"),
        (vec![], "credentials: there are none", "nothing at all"),
        (
            vec![home, named],
            "source: the token of profile \"user\"",
            "the file that is named",
        ),
        (vec![named], "https://auth.example/auth/v1", "its endpoint"),
        (
            vec![named, token],
            "https://auth.example/auth/v1",
            "its endpoint, whoever calls",
        ),
        (
            vec![named, ("IONOS_API_URL", "other.example")],
            "https://other.example/auth/v1",
            "the variable wins",
        ),
        (
            vec![named, second],
            "https://api.ionos.com/auth/v1",
            "an environment without the product",
        ),
        (
            vec![named, second],
            "source: the token of profile \"SECOND\"",
            "the profile that is named",
        ),
        (
            vec![named, ("IONOS_CURRENT_PROFILE", "bare")],
            "user name and password of profile",
            "no environment, a number for a password",
        ),
        (
            vec![named, ("IONOS_CURRENT_PROFILE", "none")],
            "line 20: the profile \"none\" holds no credentials",
            "no credentials",
        ),
        (
            vec![named, token, ("IONOS_CURRENT_PROFILE", "none")],
            "source: IONOS_TOKEN",
            "and none needed",
        ),
        (
            vec![named, ("IONOS_CURRENT_PROFILE", "x")],
            "has no profile \"x\"; there are \"user\", \"Second\", \"bare\", \"none\"",
            "a profile that is not there",
        ),
        (
            vec![named, token, ("IONOS_CURRENT_PROFILE", "x")],
            "has no profile \"x\"",
            "though it is not needed",
        ),
        (
            vec![missing],
            "IONOS_CONFIG_FILE: /nowhere/at/all: No such file",
            "a named file must be there",
        ),
        (
            vec![missing, token],
            "IONOS_CONFIG_FILE: /nowhere/at/all: No such file",
            "whoever calls",
        ),
        (
            vec![named, ("IONOS_USERNAME", "u")],
            "IONOS_PASSWORD: is not set",
            "half of a pair",
        ),
    ] {
        let output = in_a_child(&variables);
        assert!(output.contains(says), "{reason}: {says}: {output}");
    }
    // An endpoint that is not used is not looked at, and its certificates are for nobody else.
    let ca = support::tls::authority("A test's CA")
        .pem
        .replace('\n', "\\n");
    let refused = WRITTEN.replacen("skipTlsVerify: false", "skipTlsVerify: true", 1);
    let spoiled = elsewhere.write(refused);
    let spoiled = ("IONOS_CONFIG_FILE", spoiled.to_str().unwrap());
    assert!(in_a_child(&[spoiled]).contains("is refused: remove it"));
    let output = in_a_child(&[spoiled, ("IONOS_API_URL", "other.example")]);
    assert!(output.contains("source: the token of profile"), "{output}");
    let private = WRITTEN.replacen(
        "certificateAuthData: \"\"",
        &format!("certificateAuthData: \"{ca}\""),
        1,
    );
    let nameless = private.replacen("name: https://auth.example\n            ", "", 1);
    for (contents, has_roots) in [
        (WRITTEN.to_owned(), false),
        (private, true),
        (nameless, false),
    ] {
        let path = elsewhere.write(contents);
        let builder = ClientBuilder::from_config_file(path).unwrap();
        assert_eq!(
            format!("{builder:?}").contains("file_certificates: true"),
            has_roots
        );
        let other = builder.base_url("https://other.example");
        assert!(format!("{other:?}").contains("file_certificates: false"));
    }

    // A pin is never passed over.
    elsewhere.write(WRITTEN);
    let pin = ("IONOS_PINNED_CERT", "ab:cd");
    for variables in [vec![named, token, pin], vec![("FILE_ALONE", named.1), pin]] {
        let output = in_a_child(&variables);
        assert!(output.contains("error: IONOS_PINNED_CERT: is "), "{output}");
    }

    // Credentials that are not used are not looked at either.
    for credentials in [
        "{token: \"<SECRET token>\"}",
        "{username: u}",
        "{username: \"us:er\", password: SECRET}",
    ] {
        elsewhere.write(format!(
            "currentProfile: a\nprofiles:\n- {{name: a, credentials: {credentials}}}\n"
        ));
        assert!(
            in_a_child(&[named, token]).contains("source: IONOS_TOKEN"),
            "{credentials}"
        );
        assert!(in_a_child(&[named]).contains("line 3: "), "{credentials}");
    }

    // The default file is read as well.
    folder.write(WRITTEN);
    assert!(in_a_child(&[home]).contains("source: the token of profile \"user\""));
    // An empty one is no error where the environment suffices.
    folder.write("");
    assert!(in_a_child(&[home, token]).contains("source: IONOS_TOKEN"));
    assert!(in_a_child(&[home]).contains("names no currentProfile; there are none"));
}

#[cfg(target_os = "linux")]
#[test]
fn paths_that_are_no_text() {
    use std::os::unix::ffi::OsStrExt as _;

    let home = Home::new();
    let folder = home.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir_all(folder.join(".ionos")).unwrap();
    let file = folder.join(".ionos/config");
    fs::write(&file, WRITTEN).unwrap();
    for (name, value) in [("HOME", &folder), ("IONOS_CONFIG_FILE", &file)] {
        let output = support::in_a_child("child_that_reads_environment_and_file", &[(name, value)]);
        assert!(
            output.contains("source: the token of profile"),
            "{name}: {output}"
        );
    }

    // A default file that can't be looked at is not taken for absent.
    let folder = Folder::new();
    std::os::unix::fs::symlink(".ionos", folder.0.join(".ionos")).unwrap();
    let output = in_a_child(&[("HOME", folder.0.to_str().unwrap())]);
    assert!(
        output.contains(".ionos/config: Too many levels"),
        "{output}"
    );
}

#[test]
fn whose_certificates() {
    use support::tls::*;

    let folder = Home::new();
    let (right, wrong) = (authority("One CA"), authority("Another CA"));
    let server = serve(certificate("127.0.0.1", 2020..2100, Some(&right)));
    let line = |authority: Option<&Authority>| {
        authority.map_or_else(String::new, |authority| {
            format!(
                "certificateAuthData: \"{}\", ",
                authority.pem.replace('\n', "\\n")
            )
        })
    };
    for (endpoint, environment, program, agreed, reason) in [
        (Some(&right), None, None, true, "the endpoint's"),
        (None, Some(&right), None, true, "the environment's"),
        (
            Some(&right),
            Some(&wrong),
            None,
            true,
            "the endpoint's wins",
        ),
        (
            Some(&wrong),
            Some(&right),
            None,
            false,
            "also where it is wrong",
        ),
        (
            Some(&wrong),
            None,
            Some(&right),
            true,
            "the program's wins over both",
        ),
        (
            Some(&right),
            None,
            Some(&wrong),
            false,
            "also where it is wrong",
        ),
        (None, None, None, false, "a CA that nobody knows"),
    ] {
        let path = folder.write(format!(
            "currentProfile: a\nprofiles:\n- {{name: a, environment: e, credentials: {{token: a.b.c}}}}\nenvironments:\n\
             - {{name: e, {}products: [{{name: auth, endpoints: [{{{}name: 'https://127.0.0.1:{}'}}]}}]}}\n",
            line(environment),
            line(endpoint),
            server.port
        ));
        let mut builder = ClientBuilder::from_config_file(path)
            .unwrap()
            .retry(RetryPolicy::none());
        if let Some(authority) = program {
            builder = builder.root_certificates_pem(authority.pem.clone());
        }
        let list = get_all_tokens(&builder.build().unwrap(), &GetAllTokensOptions::new());
        match list {
            Ok(_) => assert!(agreed, "{reason}"),
            Err(Error::Transport(error)) => {
                assert_eq!(
                    error.kind,
                    TransportErrorKind::TlsFailed,
                    "{reason}: {error}"
                );
                assert!(!agreed, "{reason}: {error}");
            }
            Err(error) => panic!("{reason}: {error}"),
        }
    }
}

/// What the file alone makes of the builder, as text.
fn read(path: &Path) -> String {
    let text = match ClientBuilder::from_config_file(path).and_then(ClientBuilder::build) {
        Ok(client) => format!("{client:?}"),
        Err(error) => error.to_string(),
    };
    assert!(!text.contains("SECRET"), "{text}");
    text
}

#[test]
fn what_the_file_says() {
    let folder = Home::new();
    let path = folder.write(WRITTEN);
    let shown = path.display().to_string();
    assert!(
        read(&path).contains("base_url: \"https://auth.example/auth/v1\""),
        "{}",
        read(&path)
    );
    let without = |piece: &str| {
        assert!(WRITTEN.contains(piece), "{piece}");
        WRITTEN.replacen(piece, "", 1)
    };
    let with = |piece: &str, other: &str| {
        assert!(WRITTEN.contains(piece), "{piece}");
        WRITTEN.replacen(piece, other, 1)
    };
    let ca = support::tls::authority("A test's CA")
        .pem
        .replace('\n', "\\n");
    let default = "base_url: \"https://api.ionos.com/auth/v1\"";
    let auth = "base_url: \"https://auth.example/auth/v1\"";
    let token = "      token: \"SECRET-file-token\"\n";
    for (contents, says, reason) in [
        (without("version: 1.0\n"), auth, "no version"),
        (without("currentProfile: user\n"), "names no currentProfile; there are \"user\"", "no current profile"),
        (with("user", "\"\""), "names no currentProfile", "a blank one"),
        (with("user", "~"), "names no currentProfile", "a null one"),
        (with("user", "\"~\""), "has no profile \"~\"", "one by that name"),
        (with("user", "[user]"), "line 2: \"currentProfile\" is no text", "a list for a text"),
        (without("name: user"), "has no profile \"user\"; there are \"Second\"", "no name"),
        (without("    environment: prod\n"), default, "no environment"),
        (with("environment: prod", "environment: x"), "line 4: there is no environment \"x\"; there are \"prod\", \"test\"", "a missing one"),
        (without(token), "ConfigFilePassword", "no token"),
        (with("\"SECRET-file-token\"", "\" \""), "ConfigFilePassword", "a blank one"),
        (with("\"SECRET-file-token\"", "\" SECRET-file-token\\n\""), "ConfigFileToken", "white space around it"),
        (with("\"SECRET-file-token\"", "\"SECRET file\""), "line 7: token: holds white space", "no token at all"),
        (without(token).replacen("      username: \"file@example.com\"\n", "", 1), "there is a password and no username", "half of a pair"),
        (without(token).replacen("      password: \"SECRET-file-password\"\n", "", 1), "there is a username and no password", "half of a pair"),
        (without("environments:\n"), "there is no environment \"prod\"", "a list without its key"),
        (with("environments:", "x:"), "there is no environment \"prod\"; there are none", "no environments"),
        (without("      - name: auth\n"), default, "a key out of place"),
        (with("name: auth", "name: dns"), default, "no product auth"),
        (with("name: auth", "name: AUTH"), auth, "its case"),
        (without("name: https://auth.example\n            "), default, "no name of the endpoint"),
        (without("skipTlsVerify: false\n            "), auth, "nothing said of TLS"),
        (with("skipTlsVerify: false", "skipTlsVerify: true"), "line 33: skipTlsVerify would show the credentials", "refused"),
        (with("skipTlsVerify: false", "skipTlsVerify: yes"), "skipTlsVerify would show", "as YAML 1.1 has it"),
        (with("skipTlsVerify: false", "skipTlsVerify: \"true\""), "certificateAuthData, or pin its certificate", "and what to do"),
        (with("skipTlsVerify: false", "skipTlsVerify: False"), auth, "another case"),
        (with("https://auth.example", "http://auth.example"), "line 32: is plain http", "plain http"),
        (without(token).replacen("\"SECRET-file-password\"", "|\n        SECRET\n        SECRET", 1), "line 9: password: holds a line break", "two lines"),
        (with("credentials:\n", "credentials:\n      <<: {token: SECRET}\n"), "line 7: merge keys (<<) are not read", "a merge key"),
        (with("skipTlsVerify: false", "<<: {skipTlsVerify: true}"), "line 33: merge keys (<<) are not read", "which may bring in anything"),
        (with("x\"", "x\"\n      \"<<\": x"), auth, "a key that only looks like one"),
        (with("    environment: prod\n", "\0    environment: prod\n"), "line 5: is no YAML", "a NUL, which must not end the file"),
        (with("token: \"", "token:\t\""), "ConfigFileToken", "a tab after a colon"),
        (with("https://auth.example", "https://u:SECRET@auth.example"), "line 32: name: has a user name", "a password in the URL"),
        (with("https://auth.example", "auth.example/auth/v1"), auth, "a base URL in another form"),
        (with("certificateAuthData: \"\"\n          - name: https://second", "certificateAuthData: SECRET\n          - name: https://second"), "line 34: certificateAuthData: holds no certificate", "no PEM"),
        (with("certificateAuthData: \"\"   #", "certificateAuthData: SECRET   #"), "certificateAuthData: holds no certificate", "the environment's"),
        (with("certificateAuthData: \"\"   #", &format!("certificateAuthData: \"{ca}\"   #")), auth, "the environment's is good"),
        (with("profiles:", "profiles: &all"), auth, "an anchor"),
        ("currentProfile: a\nprofiles:\n - &x {name: b, credentials: &c {token: SECRET}}\n - {name: a, credentials: *c}".to_owned(), "ConfigFileToken", "an alias"),
        ("currentProfile: a\ncurrentProfile: b\n".to_owned(), "line 2: \"currentProfile\" stands here twice", "a key twice"),
        ("currentProfile: a\nprofiles: {name: a}\n".to_owned(), "line 2: \"profiles\" is no list", "a map for a list"),
        ("currentProfile: a\nprofiles: [SECRET]\n".to_owned(), "line 2: a map is expected here, with the key \"name\"", "a text for a map"),
        ("SECRET".to_owned(), "line 1: a map is expected here", "a text"),
        ("a: [SECRET".to_owned(), "is no YAML", "half of a list"),
        ("a: *SECRET".to_owned(), "is no YAML", "an alias of nothing"),
        ("a: &a [*a]".to_owned(), "an alias stands within its own anchor", "a circle"),
        ("a:\n\t- SECRET".to_owned(), "line 2: is no YAML; there is a tab in it", "a tab"),
        (String::new(), "names no currentProfile; there are none", "an empty file"),
        ("# nothing\n---\n...\n".to_owned(), "names no currentProfile", "an empty document"),
        ("\u{feff}currentProfile: user\n".to_owned() + &without("currentProfile: user\n"), auth, "a byte order mark"),
        (WRITTEN.replace('\n', "\r\n"), auth, "lines as Windows ends them"),
        (format!("{WRITTEN}---\nSECRET\n"), auth, "a second document"),
    ] {
        let path = folder.write(contents);
        let text = read(&path);
        assert!(text.contains(says), "{reason}: {says}: {text}");
        assert!(text.starts_with("Client {") || text.starts_with(&format!("config file: {shown}")), "{reason}: {text}");
    }
}

#[test]
fn files_that_are_none() {
    let folder = Home::new();
    assert!(read(folder.path()).contains("is a directory"));
    assert!(read(&folder.path().join("x")).contains("No such file"));
    let path = folder.write(b"currentProfile: a\nb: \xff\n");
    assert!(read(&path).contains("line 2 is no UTF-8"));

    // 100 MB, of which no more is read than what shows that it is too long.
    let path = folder.write("");
    fs::File::create(&path)
        .unwrap()
        .set_len(100_000_000)
        .unwrap();
    assert!(read(&path).contains("is longer than 1 MiB"));

    let laughs = |depth: usize, lists: bool| {
        let mut text = "a0: &a0 SECRET\n".to_owned();
        for n in 1..=depth {
            let inner = vec![format!("*a{}", n - 1); 9].join(", ");
            let (open, close) = if lists {
                ("[", "]")
            } else {
                ("{name: x, y: [", "]}")
            };
            text.push_str(&format!("a{n}: &a{n} {open}{inner}{close}\n"));
        }
        format!("{text}currentProfile: a\nprofiles: [*a{depth}]\n")
    };
    for (contents, says, reason) in [
        (
            laughs(9, true),
            "a map is expected here",
            "a billion laughs",
        ),
        (
            laughs(9, false),
            "has no profile \"a\"; there are \"x\"",
            "a billion laughs of maps",
        ),
        (
            laughs(60, true),
            "a map is expected here",
            "nine to the sixtieth",
        ),
        (
            laughs(100, true),
            "is nested more than 64 deep",
            "deeper than the file by aliases",
        ),
        ("[".repeat(1_000_000), "is no YAML", "a million brackets"),
        (
            format!("a: {}{}", "[".repeat(70), "]".repeat(70)),
            "is nested more than 64 deep",
            "seventy brackets",
        ),
        (
            "- ".repeat(500_000),
            "is nested more than 64 deep",
            "half a million lists",
        ),
        (
            "{a: ".repeat(250_000),
            "is no YAML",
            "a quarter of a million maps",
        ),
        (
            "? ".repeat(500_000),
            "is nested more than 64 deep",
            "half a million keys",
        ),
        (
            format!("a: [{}]", "&a x, *a, ".repeat(100_000)),
            "has more than 1000 aliases",
            "a hundred thousand anchors",
        ),
    ] {
        let path = folder.write(contents);
        let text = read(&path);
        assert!(text.contains(says), "{reason}: {says}: {text}");
    }
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt as _;

    let of = |profile: &str| format!("currentProfile: a\nprofiles:\n- name: a\n- {profile}\n");
    for (mode, contents, warned) in [
        (0o600, WRITTEN.to_owned(), false),
        (0o640, WRITTEN.to_owned(), true),
        (0o604, WRITTEN.to_owned(), true),
        (0o644, WRITTEN.to_owned(), true),
        (0o644, "a: b".to_owned(), false),
        (
            0o644,
            of("{name: b, credentials: {username: u, token: \"\"}}"),
            false,
        ),
        // Whether it is used makes no difference.
        (0o644, of("{name: b, credentials: {token: SECRET}}"), true),
        (
            0o644,
            of("{name: b, credentials: {password: SECRET}}"),
            true,
        ),
        (
            0o644,
            of("{name: b, credentials: {s3SecretKey: SECRET}}"),
            true,
        ),
        (
            0o644,
            of("{credentials: {token: SECRET}}").replace("currentProfile: a\n", ""),
            true,
        ),
    ] {
        let folder = Home::new();
        let path = folder.write(&contents);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let variables = [
            ("IONOS_CONFIG_FILE", path.to_str().unwrap()),
            ("IONOS_TOKEN", "SECRET-variable"),
        ];
        let output = support::in_a_child("child_with_a_logger", &variables);
        let warning = output.lines().find(|line| line.starts_with("WARN "));
        assert_eq!(warning.is_some(), warned, "{mode:o}: {contents}: {output}");
        if let Some(warning) = warning {
            assert!(warning.contains(variables[0].1), "{warning}");
        }
        // Which credentials are used is logged, too.
        assert!(
            output
                .lines()
                .any(|line| line.starts_with("DEBUG ") && line.contains("IONOS_TOKEN"))
        );
        assert!(!output.contains("SECRET"), "{output}");
    }
}

#[cfg(unix)]
#[test]
fn child_with_a_logger() {
    struct Printer;

    impl log::Log for Printer {
        fn enabled(&self, _: &log::Metadata) -> bool {
            true
        }

        fn log(&self, record: &log::Record) {
            println!("{} {}", record.level(), record.args());
        }

        fn flush(&self) {}
    }

    if std::env::var_os("CHILD").is_none() {
        return;
    }
    log::set_logger(&Printer).unwrap();
    log::set_max_level(log::LevelFilter::Debug);
    Client::from_env_or_config().unwrap();
}
