//! The contents of config files, including malformed, oversized and hostile ones.

use super::*;

#[test]
fn file_is_understood_or_refused_with_the_place() {
    let folder = Home::new();
    let path = folder.write(WRITTEN);
    let shown = path.display().to_string();
    assert!(read(path).contains("base_url: \"https://auth.example/auth/v1\""), "{}", read(path));
    let with = |piece: &str, other: &str| {
        assert!(WRITTEN.contains(piece), "{piece}");
        WRITTEN.replacen(piece, other, 1)
    };
    let without = |piece: &str| with(piece, "");
    let skip = |other: &str| with("skipTlsVerify: false", other);
    let token = "      token: \"SECRET-file-token\"\n";
    let with_token = |other: &str| with("\"SECRET-file-token\"", other);
    // Without a token, so that the user name and password are looked at.
    let basic = |piece: &str, other: &str| without(token).replacen(piece, other, 1);
    let of_endpoint = |pem: &str| {
        let second = "\n          - name: https://second";
        with(&format!("AuthData: \"\"{second}"), &format!("AuthData: {pem}{second}"))
    };
    let default = "base_url: \"https://api.ionos.com/auth/v1\"";
    let auth = "base_url: \"https://auth.example/auth/v1\"";
    let by_token = "the token of profile";
    let by_password = "the user name and password of profile";
    let neither = "neither a token, nor username and password";
    let refused = ": is refused because it would expose";
    let [merge, map] = ["merge keys (<<) are not supported", ": expected a map"];
    let pem = "certificateAuthData of \"auth\" in environment \"prod\": contains no certificate";
    let anchored = "currentProfile: a\nprofiles:\n - &x {name: b, credentials: &c {token: SECRET}}\
                    \n - {name: a, credentials: *c}";
    let unclosed = "did not find expected ',' or ']' at line 3 column 2, while parsing a flow \
                    sequence at line 2 column 4";
    let in_quotes = "found character that cannot start any token";
    #[rustfmt::skip]
    let edited = [
        (without("version: 1.0\n"), auth, "no version"),
        (without("currentProfile: user\n"), "has no currentProfile; available: \"user\"", "none"),
        (with("user", "\"\""), "has no currentProfile", "a blank one"),
        (with("user", "~"), "has no currentProfile", "a null one"),
        (with("user", "\"~\""), "has no profile \"~\"", "one by that name"),
        (with("user", "[user]"), "currentProfile: expected a string at line 2 column 17", "a list"),
        (without("name: user"), "has no profile \"user\"; available: \"Second\"", "no name"),
        (without("    environment: prod\n"), auth, "none: the first that has the product"),
        (with("environment: prod", "environment: x"),
         "there is no environment \"x\"; available: \"prod\", \"test\"", "a missing one"),
        (without(token), by_password, "no token"),
        (with_token("\" \""), by_password, "a blank one"),
        (with_token("\" SECRET-file-token\\n\""), by_token, "white space around it"),
        (with_token("\"SECRET file\""), "the token of profile \"user\": contains white space",
         "no token at all"),
        (basic("      username: \"file@example.com\"\n", ""), neither, "half of a pair"),
        (basic("      password: \"SECRET-file-password\"\n", ""), neither, "the other half"),
        (without("environments:\n"), default, "a list without its key: no environment at all"),
        (with("- name: prod", "- name: Prod"),
         "there is no environment \"prod\"; available: \"Prod\", \"test\"", "its case"),
        (without("      - name: auth\n"),
         "environments[0].products[0]: duplicate field `endpoints`", "a key out of place"),
        (with("name: auth", "name: dns"), default, "no product auth"),
        (with("name: auth", "name: AUTH"), auth, "its case"),
        (without("name: https://auth.example\n            "), default, "no name of the endpoint"),
        (without("skipTlsVerify: false\n            "), auth, "nothing said of TLS"),
        (skip("skipTlsVerify: true"),
         "skipTlsVerify of \"auth\" in environment \"prod\": is refused because it would expose",
         "refused"),
        (skip("skipTlsVerify: yes"), refused, "as YAML 1.1 has it"),
        (skip("skipTlsVerify: \"true\""), "certificateAuthData, or pin its certificate", "the way"),
        (skip("skipTlsVerify: False"), auth, "another case"),
        (with("https://auth.example", "http://auth.example"),
         "name of \"auth\" in environment \"prod\": is plain http", "plain http"),
        (basic("\"SECRET-file-password\"", "|\n        SECRET\n        SECRET"),
         "the user name and password of profile \"user\": contains a line break", "two lines"),
        (with("credentials:\n", "credentials:\n      <<: {token: SECRET}\n"),
         "profiles[0].credentials: merge keys (<<) are not supported", "a merge key"),
        (skip("<<: {skipTlsVerify: true}"),
         "merge keys (<<) are not supported: write the keys themselves at line 32",
         "which may bring in anything"),
        (with("x\"", "x\"\n      \"<<\": x"), merge, "a key that only looks like one"),
        (with("    environment: prod\n", "\0    environment: prod\n"),
         "control characters are not allowed at position", "a NUL, which must not end the file"),
        (with("token: \"", "token:\t\""), by_token, "a tab after a colon"),
        (with("https://auth.example", "https://u:SECRET@auth.example"),
         "name of \"auth\" in environment \"prod\": contains a user name", "a password in the URL"),
        (with("https://auth.example", "auth.example/auth/v1"), auth, "a base URL in another form"),
        (of_endpoint("SECRET"), pem, "no PEM"),
        (with("AuthData: \"\"   #", "AuthData: SECRET   #"), auth, "the environment's: unused"),
        (with("profiles:", "profiles: &all"), auth, "an anchor"),
        ("\u{feff}currentProfile: user\n".to_owned() + &without("currentProfile: user\n"), auth,
         "a byte order mark"),
        (WRITTEN.replace('\n', "\r\n"), auth, "lines as Windows ends them"),
        (format!("{WRITTEN}---\nSECRET\n"), auth, "a second document"),
        (format!("{WRITTEN}---\n\"SECRET"), "while scanning a quoted scalar", "a broken one"),
    ];
    #[rustfmt::skip]
    let whole = [
        (anchored, by_token, "an alias"),
        ("currentProfile: a\ncurrentProfile: b\n", "duplicate field `currentProfile`", "twice"),
        ("currentProfile: a\nprofiles: {name: a}\n",
         "profiles: expected a sequence at line 2 column 11", "a map for a list"),
        ("currentProfile: a\nprofiles: [SECRET]\n",
         "profiles[0]: expected a map at line 2 column 12", "a text for a map"),
        ("SECRET", map, "a text"),
        ("12345", map, "a number, which may be a password"),
        ("profiles: !!int SECRET", "profiles: expected an integer at line 1", "a wrong tag"),
        ("profiles: [{credentials: 12345678}]",
         "profiles[0].credentials: expected a map at line 1", "a password in the place of its map"),
        ("profiles: [{credentials: {token: {SECRET: SECRET}}}]",
         "profiles[0].credentials.token: expected a string at line 1", "a map for a token"),
        ("\na: [SECRET\nb: c", unclosed, "half of a list"),
        ("a: \"SECRET\n",
         "found unexpected end of stream at line 2 column 1, while scanning a quoted scalar",
         "half of a text"),
        ("a: *SECRET", "unknown anchor at line 1 column 4", "an alias of nothing"),
        ("profiles: &a [*a]", "profiles[0]: expected a map", "a circle"),
        ("a:\n\t- SECRET",
         "found character that cannot start any token at line 2 column 1",
         "a tab"),
        ("a: @SECRET", in_quotes, "a text that needs quotes"),
        ("a: b\n c: SECRET", "mapping values are not allowed in this context at line 2 column 3",
         "a key that is indented too much"),
        ("", "has no currentProfile; none is defined", "an empty file"),
        ("# nothing\n---\n...\n", "has no currentProfile", "an empty document"),
    ];
    let whole = whole.map(|(contents, says, reason)| (contents.to_owned(), says, reason));
    let cases = edited.into_iter().chain(whole);
    for (contents, says, reason) in cases {
        let path = folder.write(contents);
        let text = read(path);
        assert!(text.contains(says), "{reason}: {says}: {text}");
        assert!(
            ["Client {", &shown, &format!("config file: {shown}")]
                .iter()
                .any(|start| text.starts_with(*start)),
            "{reason}: {text}"
        );
    }
}

#[test]
fn missing_binary_and_oversized_files_are_refused() {
    let folder = Home::new();
    if cfg!(unix) {
        assert!(read(folder.path()).contains("Is a directory"));
    }
    let absent = match () {
        () if cfg!(windows) => "(os error 2)", // ERROR_FILE_NOT_FOUND
        () => "No such file",
    };
    assert!(read(&folder.path().join("x")).contains(absent));
    #[rustfmt::skip]
    let cases = [
        (&b"currentProfile: a\nb: \xff\n"[..], "invalid leading UTF-8 octet at position 21",
         "another encoding"),
        (b"\xff\xfea\0:\0 \0b\0", "is UTF-16: save it as UTF-8", "as PowerShell writes it"),
        (b"\xfe\xff\0a\0:\0 \0b", "is UTF-16: save it as UTF-8", "the other way round"),
        (b"a\0:\0 \0b\0", "control characters are not allowed", "without a byte order mark"),
    ];
    for (contents, says, reason) in cases {
        let text = read(folder.write(contents));
        assert!(text.contains(says), "{reason}: {says}: {text}");
    }

    let sized = |length: usize| format!("{WRITTEN}{}", "#".repeat(length - WRITTEN.len()));
    let largest = read(folder.write(sized(64 * 1024)));
    assert!(largest.contains("https://auth.example"), "{largest}");
    let larger = read(folder.write(sized(64 * 1024 + 1)));
    assert!(larger.contains("is longer than 64 KiB"), "{larger}");
    // 100 MB, of which only enough is read to see that it is too large.
    let path = folder.write("");
    fs::File::create(path).unwrap().set_len(100_000_000).unwrap();
    assert!(read(path).contains("is longer than 64 KiB"));
}

/// More of what libyaml reads is in `tests/vendor_config.rs`.
#[test]
fn shapes_of_yaml_are_read() {
    let folder = Home::new();
    let profile = |lines: &str| format!("currentProfile: a\nprofiles:\n- name: a\n{lines}");
    let block = profile("  credentials: {token: TOKEN}\n");
    let json = "{\n  \"currentProfile\": \"a\",\n  \"profiles\": [\n    {\n      \"name\": \
                \"a\",\n      \"credentials\": {\n        \"token\": \"TOKEN\"\n      }\n    \
                }\n  ]\n}\n";
    #[rustfmt::skip]
    let cases = [
        (format!("%YAML 1.1\n---\n{block}"), "a directive"),
        (block.replace("- name", "  -   name").replace("\n  cred", "\n      cred"), "indented"),
        (profile("  credentials: {\n    \"token\": \"TOKEN\"\n  }\n"),
         "a brace that closes at the column of the key"),
        (format!("x: {{\n}}\ny: [\n]\n{block}"), "a brace that closes at the start of the line"),
        (profile("  credentials: {token: TOKEN,}\n"), "a comma at the end"),
        (json.to_owned(), "JSON on several lines"),
        (json.replace("  ", "\t"), "JSON with tabs"),
        (json.split_whitespace().collect(), "JSON without blanks"),
        (block.replace("- name", "-\n- name"), "an empty entry"),
    ];
    for (contents, reason) in cases {
        let text = read(folder.write(contents));
        assert!(text.contains("the token of profile \"a\""), "{reason}: {text}");
    }
}

#[test]
fn yaml_bombs_are_harmless() {
    let folder = Home::new();
    let laughs = |depth: usize, lists: bool| {
        let mut text = "a0: &a0 SECRET\n".to_owned();
        for n in 1..=depth {
            let inner = vec![format!("*a{}", n - 1); 9].join(", ");
            let (open, close) = if lists { ("[", "]") } else { ("{name: x, y: [", "]}") };
            text.push_str(&format!("a{n}: &a{n} {open}{inner}{close}\n"));
        }
        format!("{text}currentProfile: a\nprofiles: [*a{depth}]\n")
    };
    #[rustfmt::skip]
    let cases = [
        (laughs(9, true), "profiles[0]: expected a map", "a billion laughs"),
        (laughs(9, false), "has no profile \"a\"; available: \"x\"", "a billion laughs of maps"),
        (laughs(60, true), "profiles[0]: expected a map", "nine to the sixtieth"),
        (laughs(100, true), "profiles[0]: expected a map", "deeper than the file by aliases"),
        ("[".repeat(10_000), "expected a map", "ten thousand brackets"),
        (format!("a: {}{}", "[".repeat(70), "]".repeat(70)), "has no currentProfile",
         "seventy brackets"),
        ("- ".repeat(30_000), "expected a map", "thirty thousand lists"),
        ("{a: ".repeat(2_000), "did not find expected node content", "two thousand maps"),
        ("? ".repeat(30_000), "expected field identifier", "thirty thousand keys"),
        (format!("a: [{}]", "&a x, *a, ".repeat(6_000)), "has no currentProfile",
         "six thousand anchors"),
        (format!("profiles: [{}]", "&a {name: x}, *a, ".repeat(3_000)),
         "has no currentProfile; available: \"x\", \"x\"", "three thousand profiles"),
    ];
    for (contents, says, reason) in cases {
        let path = folder.write(contents);
        let text = read(path);
        assert!(text.contains(says), "{reason}: {says}: {text}");
    }
}
