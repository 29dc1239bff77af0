//! The contents of config files, including malformed, oversized and hostile ones.

use std::fs;

use super::*;
use crate::support::tls::authority;

#[test]
fn file_is_understood_or_refused_with_the_line() {
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
    let ca = authority("A test's CA").pem.replace('\n', "\\n");
    let default = "base_url: \"https://api.ionos.com/auth/v1\"";
    let auth = "base_url: \"https://auth.example/auth/v1\"";
    let token = "      token: \"SECRET-file-token\"\n";
    for (contents, says, reason) in [
        (without("version: 1.0\n"), auth, "no version"),
        (
            without("currentProfile: user\n"),
            "has no currentProfile; available: \"user\"",
            "no current profile",
        ),
        (with("user", "\"\""), "has no currentProfile", "a blank one"),
        (with("user", "~"), "has no currentProfile", "a null one"),
        (
            with("user", "\"~\""),
            "has no profile \"~\"",
            "one by that name",
        ),
        (
            with("user", "[user]"),
            "line 2: \"currentProfile\" is not a text",
            "a list for a text",
        ),
        (
            without("name: user"),
            "has no profile \"user\"; available: \"Second\"",
            "no name",
        ),
        (
            without("    environment: prod\n"),
            auth,
            "no environment: the first that has the product",
        ),
        (
            with("environment: prod", "environment: x"),
            "line 4: there is no environment \"x\"; available: \"prod\", \"test\"",
            "a missing one",
        ),
        (without(token), "ConfigFilePassword", "no token"),
        (
            with("\"SECRET-file-token\"", "\" \""),
            "ConfigFilePassword",
            "a blank one",
        ),
        (
            with("\"SECRET-file-token\"", "\" SECRET-file-token\\n\""),
            "ConfigFileToken",
            "white space around it",
        ),
        (
            with("\"SECRET-file-token\"", "\"SECRET file\""),
            "line 7: token: contains white space",
            "no token at all",
        ),
        (
            without(token).replacen("      username: \"file@example.com\"\n", "", 1),
            "there is a password but no username",
            "half of a pair",
        ),
        (
            without(token).replacen("      password: \"SECRET-file-password\"\n", "", 1),
            "there is a username but no password",
            "half of a pair",
        ),
        (
            without("environments:\n"),
            "there is no environment \"prod\"",
            "a list without its key",
        ),
        (
            with("environments:", "x:"),
            "there is no environment \"prod\"; none is defined",
            "no environments",
        ),
        (
            without("      - name: auth\n"),
            default,
            "a key out of place",
        ),
        (with("name: auth", "name: dns"), default, "no product auth"),
        (with("name: auth", "name: AUTH"), auth, "its case"),
        (
            without("name: https://auth.example\n            "),
            default,
            "no name of the endpoint",
        ),
        (
            without("skipTlsVerify: false\n            "),
            auth,
            "nothing said of TLS",
        ),
        (
            with("skipTlsVerify: false", "skipTlsVerify: true"),
            "line 33: skipTlsVerify is refused because it would expose the credentials",
            "refused",
        ),
        (
            with("skipTlsVerify: false", "skipTlsVerify: yes"),
            "skipTlsVerify is refused",
            "as YAML 1.1 has it",
        ),
        (
            with("skipTlsVerify: false", "skipTlsVerify: \"true\""),
            "certificateAuthData, or pin its certificate",
            "and what to do",
        ),
        (
            with("skipTlsVerify: false", "skipTlsVerify: False"),
            auth,
            "another case",
        ),
        (
            with("https://auth.example", "http://auth.example"),
            "line 32: is plain http",
            "plain http",
        ),
        (
            without(token).replacen(
                "\"SECRET-file-password\"",
                "|\n        SECRET\n        SECRET",
                1,
            ),
            "line 9: password: contains a line break",
            "two lines",
        ),
        (
            with(
                "credentials:\n",
                "credentials:\n      <<: {token: SECRET}\n",
            ),
            "line 7: merge keys (<<) are not supported",
            "a merge key",
        ),
        (
            with("skipTlsVerify: false", "<<: {skipTlsVerify: true}"),
            "line 33: merge keys (<<) are not supported",
            "which may bring in anything",
        ),
        (
            with("x\"", "x\"\n      \"<<\": x"),
            auth,
            "a key that only looks like one",
        ),
        (
            with("    environment: prod\n", "\0    environment: prod\n"),
            "line 5: is not YAML",
            "a NUL, which must not end the file",
        ),
        (
            with("token: \"", "token:\t\""),
            "ConfigFileToken",
            "a tab after a colon",
        ),
        (
            with("https://auth.example", "https://u:SECRET@auth.example"),
            "line 32: name: contains a user name",
            "a password in the URL",
        ),
        (
            with("https://auth.example", "auth.example/auth/v1"),
            auth,
            "a base URL in another form",
        ),
        (
            with(
                "certificateAuthData: \"\"\n          - name: https://second",
                "certificateAuthData: SECRET\n          - name: https://second",
            ),
            "line 34: certificateAuthData: contains no certificate",
            "no PEM",
        ),
        (
            with(
                "certificateAuthData: \"\"   #",
                "certificateAuthData: SECRET   #",
            ),
            "certificateAuthData: contains no certificate",
            "the environment's",
        ),
        (
            with(
                "certificateAuthData: \"\"   #",
                &format!("certificateAuthData: \"{ca}\"   #"),
            ),
            auth,
            "the environment's is good",
        ),
        (with("profiles:", "profiles: &all"), auth, "an anchor"),
        (
            "currentProfile: a\nprofiles:\n - &x {name: b, credentials: &c {token: SECRET}}\n - \
             {name: a, credentials: *c}"
                .to_owned(),
            "ConfigFileToken",
            "an alias",
        ),
        (
            "currentProfile: a\ncurrentProfile: b\n".to_owned(),
            "line 2: \"currentProfile\" is here twice",
            "a key twice",
        ),
        (
            "currentProfile: a\nprofiles: {name: a}\n".to_owned(),
            "line 2: \"profiles\" is not a list",
            "a map for a list",
        ),
        (
            "currentProfile: a\nprofiles: [SECRET]\n".to_owned(),
            "line 2: a map is expected here, with the key \"name\"",
            "a text for a map",
        ),
        (
            "SECRET".to_owned(),
            "line 1: a map is expected here",
            "a text",
        ),
        ("a: [SECRET".to_owned(), "is not YAML", "half of a list"),
        (
            "a: *SECRET".to_owned(),
            "is not YAML",
            "an alias of nothing",
        ),
        (
            "a: &a [*a]".to_owned(),
            "an alias is inside its own anchor",
            "a circle",
        ),
        (
            "a:\n\t- SECRET".to_owned(),
            "line 2: is not YAML; it contains a tab",
            "a tab",
        ),
        (
            String::new(),
            "has no currentProfile; none is defined",
            "an empty file",
        ),
        (
            "# nothing\n---\n...\n".to_owned(),
            "has no currentProfile",
            "an empty document",
        ),
        (
            "\u{feff}currentProfile: user\n".to_owned() + &without("currentProfile: user\n"),
            auth,
            "a byte order mark",
        ),
        (
            WRITTEN.replace('\n', "\r\n"),
            auth,
            "lines as Windows ends them",
        ),
        (format!("{WRITTEN}---\nSECRET\n"), auth, "a second document"),
    ] {
        let path = folder.write(contents);
        let text = read(&path);
        assert!(text.contains(says), "{reason}: {says}: {text}");
        assert!(
            text.starts_with("Client {") || text.starts_with(&format!("config file: {shown}")),
            "{reason}: {text}"
        );
    }
}

#[test]
fn missing_binary_and_oversized_files_are_refused() {
    let folder = Home::new();
    assert!(read(folder.path()).contains("is a directory"));
    let absent = match () {
        () if cfg!(windows) => "(os error 2)", // ERROR_FILE_NOT_FOUND
        () => "No such file",
    };
    assert!(read(&folder.path().join("x")).contains(absent));
    let path = folder.write(b"currentProfile: a\nb: \xff\n");
    assert!(read(&path).contains("line 2: is not UTF-8"));

    // 100 MB, of which only enough is read to see that it is too large.
    let path = folder.write("");
    fs::File::create(&path)
        .unwrap()
        .set_len(100_000_000)
        .unwrap();
    assert!(read(&path).contains("is longer than 1 MiB"));
}

#[test]
fn yaml_bombs_are_refused() {
    let folder = Home::new();
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
            "has no profile \"a\"; available: \"x\"",
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
        ("[".repeat(1_000_000), "is not YAML", "a million brackets"),
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
            "is not YAML",
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
