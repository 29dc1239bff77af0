//! The examples as their users run them, each in a process of its own.

#[allow(dead_code)]
#[rustfmt::skip]
#[path = "../../examples"]
pub mod example { pub mod build_script; pub mod cancel; pub mod cleanup; pub mod mock_server; pub mod rotate; }

use self::example::*;
use crate::support::*;
use std::io::{BufRead as _, BufReader};

#[test]
#[ignore = "the program of other tests"]
fn child_runs_an_example() {
    assert_child();
    let arguments = std::env::var("ARGUMENTS").unwrap_or_default();
    let arguments: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
    let code = match std::env::var("EXAMPLE").unwrap().as_str() {
        "build_script" => {
            build_script::main();
            0
        }
        "cancel" => cancel::run(),
        "mock_server" => mock_server::main(),
        _ => cleanup::run(&arguments),
    };
    std::process::exit(code.into());
}

fn run(example: &str, url: &str, token: &str, arguments: &str) -> (i32, String) {
    let variables = [
        ("EXAMPLE", example),
        ("ARGUMENTS", arguments),
        ("IONOS_API_URL", url),
        ("IONOS_TOKEN", token),
    ];
    let output = child("examples::child_runs_an_example", &variables).output().unwrap();
    (output.status.code().unwrap(), said(&output))
}

/// Starts a mock server with a token for each of these lifetimes.
fn with_tokens<const N: usize>(seconds: [u64; N]) -> (MockAuthApi, [Jwt; N]) {
    let api = MockAuthApi::start();
    let client = builder_for(&api).build().unwrap();
    let jwts = seconds.map(|seconds| {
        let options = CreateTokenOptions::new().ttl(Duration::from_secs(seconds));
        create_token(&client, &options).unwrap()
    });
    (api, jwts)
}

#[test]
fn cleanup_deletes_what_is_due_but_not_its_own() {
    let (api, jwts) = with_tokens([3600, 3600, 100 * 24 * 3600, 3600]);
    let [own, due, later, expired] = jwts.each_ref().map(|jwt| jwt.key_id().unwrap());
    assert!(api.expire(&expired).is_some());
    let token = jwts[0].token();
    let clean_up = |arguments| run("cleanup", api.base_url(), token, arguments);

    let (code, said) = clean_up("");
    assert_eq!(code, 0, "{said}");
    assert!(said.contains(&format!("{expired}  ")) && said.contains("  due"), "{said}");
    assert!(!said.contains(due.as_str()), "{said}");
    assert_eq!(api.key_ids().len(), 4, "nothing is deleted unasked");

    let (code, said) = clean_up("--days 7 --json --delete");
    assert_eq!(code, 0, "{said}");
    assert_eq!(api.key_ids(), [own.clone(), later]);
    let line = said.lines().find(|line| line.starts_with('[')).unwrap();
    let rows: serde_json::Value = serde_json::from_str(line).unwrap();
    assert_eq!(rows.as_array().unwrap().len(), 3, "{rows}");
    let of = |id: &KeyId| {
        let rows = rows.as_array().unwrap().iter();
        let mut found = rows.filter(|row| row["token"]["id"] == id.as_str());
        found.next().unwrap()["what"].clone()
    };
    assert_eq!(of(&due), "deleted");
    assert_eq!(of(&expired), "deleted");
    assert_eq!(of(&own), "kept: it is the one in use");

    api.fail_next_delete(MockFault::Status(403));
    let (code, said) = clean_up("--days 365 --delete");
    assert!(code == 1 && said.contains("not deleted: DELETE"), "{said}");
    assert_eq!(clean_up("--what").0, 2);

    api.answer_next(1, 200, &[], r#"{"tokens":[{"id":"a","expirationDate":"tomorrow"}]}"#);
    let (code, said) = clean_up("--delete");
    assert!(code == 1 && said.contains("kept: expiration_date: \"tomorrow\" is not"), "{said}");
}

#[test]
fn build_script_warns_and_never_fails() {
    let (api, [soon, late, expired]) = with_tokens([3 * 24 * 3600 + 60, 100 * 24 * 3600, 3600]);
    let expired = api.expire(&expired.key_id().unwrap()).unwrap();
    let [soon_id, late_id, expired_id] =
        [&soon, &late, &expired].map(|jwt| jwt.key_id().unwrap().to_string());
    let soon_says = format!("{soon_id} expires in 3 days");
    let expired_says = format!("{expired_id} has expired");
    for (token, id, warning) in [
        (soon.token(), soon_id.as_str(), Some(soon_says.as_str())),
        (late.token(), &late_id, None),
        (expired.token(), &expired_id, Some(&expired_says)),
        ("eyJraWQiOiJvbGQifQ.e30.SECRET", "old", Some("it has no exp claim")),
        ("e30.SECRET", "", Some("jwt: a token has three parts")),
        (" ", "", Some("jwt: a token has three parts")),
    ] {
        let (code, said) = run("build_script", "", token, "");
        assert_eq!(code, 0, "{said}");
        assert!(said.contains(&format!("TOKEN_KEY_ID={id}\n")), "{said}");
        assert_eq!(said.contains("cargo::warning"), warning.is_some(), "{said}");
        let warning = format!("cargo::warning=IONOS_TOKEN: {}", warning.unwrap_or_default());
        assert!(!said.contains("cargo::warning") || said.contains(&warning), "{said}");
        assert!(!said.contains("SECRET"), "{said}");
    }
}

/// Ends when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn mock_server_prints_what_a_program_needs() {
    let variables = [("EXAMPLE", "mock_server")];
    let started = child("examples::child_runs_an_example", &variables)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut server = Running(started.unwrap());
    let printed = BufReader::new(server.0.stdout.take().unwrap()).lines();
    let mut variables = printed.filter_map(|line| {
        let line = line.unwrap();
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        let value = value.strip_prefix('\'')?.strip_suffix('\'')?;
        Some((name.to_owned(), value.to_owned()))
    });
    let mut next = |expected: &str| {
        let (name, value) = variables.next().unwrap();
        assert_eq!(name, expected);
        value
    };
    let url = next("IONOS_API_URL");
    let credentials = Credentials::basic(next("IONOS_USERNAME"), next("IONOS_PASSWORD"));
    let client = builder_of(&url).credentials(credentials).build().unwrap();
    let _ = new_jwt(&client).unwrap();
    let mut requests = BufReader::new(server.0.stderr.take().unwrap()).lines();
    let request = requests.next().unwrap().unwrap();
    assert_eq!(request, "GET /auth/v1/tokens/generate");
}

/// On Windows, Ctrl-C cannot be sent to another process without sending it to this one.
#[cfg(unix)]
#[test]
fn signal_ends_a_call() {
    for signal in ["-INT", "-TERM"] {
        let server = FaultServer::start(vec![Play::Silence]);
        let variables =
            [("EXAMPLE", "cancel"), ("IONOS_API_URL", &server.url()), ("IONOS_TOKEN", "a.b.c")];
        let child = child("examples::child_runs_an_example", &variables)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        server.await_requests(1);
        send_signal(&child, signal);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(130), "{said}");
        assert!(said.contains("cancelled: GET /tokens: the client was shut down"), "{said}");
    }

    let (api, jwts) = with_tokens([3600]);
    let (code, said) = run("cancel", api.base_url(), jwts[0].token(), "");
    assert!(code == 0 && said.contains("1 tokens"), "{said}");
}
