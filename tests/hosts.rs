//! Where credentials go, and where they do not: redirects, proxies, other hosts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
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
                assert!(!error.outcome_unknown());
                assert_eq!(
                    server.requests().len(),
                    1,
                    "{}: {status} {location}",
                    endpoint.name
                );
            }
        }
    }
    assert_eq!(elsewhere.connections(), 0);
}

/// A proxy that keeps the heads that it was sent, and either tunnels to this port or answers this.
fn proxy(to: Result<u16, &'static str>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let keep = Arc::clone(&heads);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            keep.lock().unwrap().push(String::from_utf8(head).unwrap());
            match to {
                Err(answer) => {
                    let _ = stream.write_all(answer.as_bytes());
                }
                Ok(port) => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                    let target = TcpStream::connect(("127.0.0.1", port)).unwrap();
                    let (mut from, mut back) =
                        (stream.try_clone().unwrap(), target.try_clone().unwrap());
                    thread::spawn(move || std::io::copy(&mut from, &mut &target));
                    thread::spawn(move || std::io::copy(&mut back, &mut stream));
                }
            }
        }
    });
    (port, heads)
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
    ] {
        let output = in_a_child(&[host, ("HTTPS_PROXY", &url), ("NO_PROXY", no_proxy)]);
        assert!(
            output.contains("result: ") && !output.contains("ConnectFailed"),
            "{reason}: {output}"
        );
        assert_eq!(heads.lock().unwrap().len(), 1, "{reason}");
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
