//! Where credentials go, and where they do not: redirects, proxies, other hosts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::time::Duration;

use ionoscloud_auth::*;
use support::*;

const LONG: Duration = Duration::from_secs(20);

#[test]
fn no_redirect_is_followed() {
    let elsewhere = FaultServer::start(vec![Play::Write(answer(200, "", r#"{"tokens":[]}"#))]);
    for endpoint in &ENDPOINTS {
        for status in [300, 301, 302, 303, 307, 308] {
            for location in [
                elsewhere.url(),
                "/auth/v1/tokens".to_owned(),
                "//[".to_owned(),
            ] {
                let headers = format!("Location: {location}\r\n");
                let server = FaultServer::start(vec![Play::Write(answer(status, &headers, ""))]);
                let error = (endpoint.run)(&client_of(&server.url(), LONG)).unwrap_err();
                assert_eq!(error.status(), Some(status), "{}: {error}", endpoint.name);
                // What a 303 points to may be the result of what was done.
                assert_eq!(error.outcome_unknown(), status == 303, "{error}");
                let again = status == 303 && endpoint.repeatable;
                assert_eq!(
                    server.requests().len(),
                    if again { 3 } else { 1 },
                    "{}: {status} {location}",
                    endpoint.name
                );
            }
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

/// In a process of its own, as the environment is the whole process's.
#[test]
fn child_that_lists() {
    if std::env::var_os("CHILD").is_none() {
        return;
    }
    let mut builder = ClientBuilder::from_env()
        .unwrap()
        .retry(RetryPolicy::none())
        .timeout(LONG);
    if let Ok(roots) = std::env::var("ROOTS") {
        builder = builder.root_certificates_pem(roots);
    }
    let client = builder.allow_insecure_http(true).build();
    println!("{client:?}");
    match client.and_then(|client| get_all_tokens(&client, &GetAllTokensOptions::new())) {
        Ok(tokens) => println!("result: {} tokens", tokens.tokens.len()),
        Err(error) => println!("result: {error} {error:?}"),
    }
}

fn in_a_child(variables: &[(&str, &str)]) -> String {
    let variables = [&[("IONOS_TOKEN", "SECRET.SECRET.SECRET")], variables].concat();
    let output = support::in_a_child("child_that_lists", &variables);
    assert!(
        !output.contains("SECRET") && !output.contains("PROXYPASS"),
        "{output}"
    );
    output
}

#[test]
fn a_proxy_sees_the_name_of_the_host_and_no_credentials() {
    let ca = tls::authority("A test's CA");
    let service = tls::serve(tls::certificate("auth.example.test", 2020..2100, Some(&ca)));
    let (port, heads) = proxy(Ok(service.port));
    for (url, authorized) in [
        (format!("http://127.0.0.1:{port}"), false),
        (format!("http://user:PROXYPASS@127.0.0.1:{port}"), true),
    ] {
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            heads.lock().unwrap().clear();
            let output = in_a_child(&[
                ("IONOS_API_URL", "auth.example.test"),
                ("ROOTS", &ca.pem),
                (variable, &url),
            ]);
            assert!(output.contains("result: 0 tokens"), "{variable}: {output}");
            let heads = heads.lock().unwrap();
            let [head] = heads.as_slice() else {
                panic!("one connection: {heads:?}");
            };
            assert!(
                head.starts_with("CONNECT auth.example.test:443 HTTP/1.1\r\n"),
                "{head}"
            );
            assert_eq!(
                head.contains("Proxy-Authorization: Basic "),
                authorized,
                "{head}"
            );
            let head = head.replace("Proxy-Authorization", "");
            assert!(
                !head.contains("uthorization") && !head.contains("SECRET"),
                "{head}"
            );
        }
    }
}

#[test]
fn a_proxy_that_will_not_and_one_that_is_passed_by() {
    let (refusing, heads) = proxy(Err("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"));
    let url = format!("http://user:PROXYPASS@127.0.0.1:{refusing}");
    let host = ("IONOS_API_URL", "auth.example.invalid");
    let output = in_a_child(&[host, ("HTTPS_PROXY", &url)]);
    assert!(
        output.contains("kind: ConnectFailed") && output.contains("outcome_unknown: false"),
        "{output}"
    );
    assert_eq!(heads.lock().unwrap().len(), 1);
    for (no_proxy, reason) in [
        ("auth.example.invalid", "the host"),
        ("*", "all"),
        (".example.invalid", "its domain"),
        (" other.example , example.invalid", "among others"),
    ] {
        let output = in_a_child(&[host, ("HTTPS_PROXY", &url), ("NO_PROXY", no_proxy)]);
        assert!(
            output.contains("result: ") && !output.contains("ConnectFailed"),
            "{reason}: {output}"
        );
        assert_eq!(heads.lock().unwrap().len(), 1, "{reason}");
    }
    // One for the other scheme is none for this; nor does one for all of them win over the scheme's own.
    for variables in [
        vec![("HTTP_PROXY", url.as_str()), ("http_proxy", &url)],
        vec![("HTTPS_PROXY", "http://127.0.0.1:1"), ("ALL_PROXY", &url)],
    ] {
        let output = in_a_child(&[&[host], variables.as_slice()].concat());
        assert!(output.contains("result: "), "{output}");
        assert_eq!(heads.lock().unwrap().len(), 1, "{variables:?}");
    }
    // Plain http, where it is allowed: a tunnel as well, and the credentials do not reach a proxy that refuses it.
    let output = in_a_child(&[
        ("IONOS_API_URL", "http://auth.example.invalid"),
        ("HTTP_PROXY", &url),
    ]);
    assert!(output.contains("kind: ConnectFailed"), "{output}");
    let heads = heads.lock().unwrap();
    assert!(
        heads[1].starts_with("CONNECT auth.example.invalid:80 ") && !heads[1].contains("SECRET"),
        "{}",
        heads[1]
    );
}
