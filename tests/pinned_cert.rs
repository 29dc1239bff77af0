//! A pinned certificate against real handshakes.

#![cfg(feature = "pinned-cert")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::net::TcpListener;
use std::time::{Duration, Instant};

use ionoscloud_auth::*;
use support::tls::*;

fn fingerprint(der: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    let hex: Vec<String> = digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    hex.join(":")
}

fn pem_der(pem: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes())
        .unwrap()
        .to_vec()
}

fn builder(server: &Server) -> ClientBuilder {
    Client::builder()
        .base_url(format!("https://127.0.0.1:{}", server.port))
        .credentials(Credentials::token("a.b.c"))
        .timeout(Duration::from_secs(20))
        .retry(RetryPolicy::none())
}

#[test]
fn the_one_certificate_and_no_other() {
    let ca = authority("A test's CA");
    let good = 2020..2100;
    for (name, years, by, pin, taken, reason) in [
        ("127.0.0.1", good.clone(), None, "own", true, "self-signed"),
        (
            "127.0.0.1",
            good.clone(),
            Some(&ca),
            "own",
            true,
            "of a CA that nobody knows",
        ),
        (
            "other.example",
            good.clone(),
            None,
            "own",
            true,
            "of another name: the pin replaces that check",
        ),
        (
            "127.0.0.1",
            2020..2021,
            None,
            "own",
            true,
            "expired: that one, too",
        ),
        (
            "127.0.0.1",
            good.clone(),
            Some(&ca),
            "authority",
            false,
            "the pin of the CA, not of the leaf",
        ),
        (
            "127.0.0.1",
            good.clone(),
            None,
            "other",
            false,
            "another pin",
        ),
    ] {
        let (certificate, key) = certificate(name, years, by);
        let own = fingerprint(&certificate);
        let server = serve((certificate, key));
        let pin = match pin {
            "own" => own.clone(),
            "authority" => fingerprint(&pem_der(&ca.pem)),
            _ => fingerprint(b"other"),
        };
        for pin in [pin.clone(), pin.replace(':', "").to_lowercase()] {
            // Roots that would take it make no difference.
            let builder = builder(&server).root_certificates_pem(ca.pem.clone());
            let client = builder.pinned_certificate_sha256(pin).build().unwrap();
            let before = server.heads().len();
            for _ in 0..3 {
                match get_all_tokens(&client, &GetAllTokensOptions::new()) {
                    Ok(_) => assert!(taken, "{reason}"),
                    Err(Error::Transport(error)) => {
                        assert!(!taken, "{reason}: {error}");
                        assert_eq!(
                            error.kind,
                            TransportErrorKind::TlsFailed,
                            "{reason}: {error}"
                        );
                        assert!(error.to_string().contains(&own), "{reason}: {error}");
                    }
                    Err(error) => panic!("{reason}: {error}"),
                }
            }
            let create = create_token(&client, &CreateTokenOptions::new());
            assert!(
                create.is_err_and(|error| error.outcome_unknown() == taken),
                "{reason}"
            );
            let sent = server.heads().len() - before;
            assert_eq!(sent, if taken { 4 } else { 0 }, "{reason}");
        }
    }
}

#[test]
fn a_server_without_the_key_is_refused() {
    // Each version has its own way to sign, and its own check.
    for version in rustls::ALL_VERSIONS {
        let (pinned, _) = certificate("127.0.0.1", 2020..2100, None);
        let (_, other_key) = certificate("127.0.0.1", 2020..2100, None);
        let pin = fingerprint(&pinned);
        let server = serve_unchecked((pinned, other_key), &[version]);
        let client = builder(&server)
            .pinned_certificate_sha256(pin)
            .build()
            .unwrap();
        let error = get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap_err();
        assert!(
            error.to_string().contains("TLS was not agreed"),
            "{version:?}: {error}"
        );
        assert!(!error.outcome_unknown());
        assert_eq!(server.heads(), Vec::<String>::new());
    }
}

#[test]
fn a_silent_server_is_given_up() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", silent.local_addr().unwrap());
    let client = Client::builder()
        .base_url(url)
        .credentials(Credentials::token("a.b.c"))
        .timeout(Duration::from_millis(500))
        .pinned_certificate_sha256(fingerprint(b"any"))
        .build()
        .unwrap();
    let started = Instant::now();
    match get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap_err() {
        Error::Transport(error) => assert_eq!(error.kind, TransportErrorKind::TimedOut),
        error => panic!("{error}"),
    }
    assert!(started.elapsed() < Duration::from_secs(10));
    // The handshake ends by its own limit, and that nothing was sent is known.
    let create = create_token(&client, &CreateTokenOptions::new());
    assert!(create.is_err_and(|error| !error.outcome_unknown()));
}

#[test]
fn a_pin_holds_behind_a_proxy() {
    let ca = authority("A test's CA");
    let pinned = certificate("auth.example.test", 2020..2100, None);
    let pin = fingerprint(&pinned.0);
    let other = certificate("auth.example.test", 2020..2100, Some(&ca));
    for (identity, taken) in [(pinned, true), (other, false)] {
        let server = serve(identity);
        let (port, heads) = support::proxy(Ok(server.port));
        let client = Client::builder()
            .base_url("https://auth.example.test")
            .credentials(Credentials::token("a.b.c"))
            .proxy(format!("http://127.0.0.1:{port}"))
            .root_certificates_pem(ca.pem.clone())
            .retry(RetryPolicy::none())
            .timeout(Duration::from_secs(20))
            .pinned_certificate_sha256(&pin)
            .build()
            .unwrap();
        let list = get_all_tokens(&client, &GetAllTokensOptions::new());
        assert_eq!(list.is_ok(), taken, "{list:?}");
        assert_eq!(server.heads().len(), usize::from(taken));
        assert_eq!(heads.lock().unwrap().len(), 1);
    }
}

#[test]
fn pins_that_are_none() {
    let server = serve(certificate("127.0.0.1", 2020..2100, None));
    let good = fingerprint(b"");
    for pin in [
        "",
        "ab:cd",
        &good[1..],
        &format!("{good}:00"),
        &good.replace('E', "x"),
    ] {
        let error = builder(&server)
            .pinned_certificate_sha256(pin)
            .build()
            .unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("pinned_certificate_sha256: is no SHA-256"),
            "{error}"
        );
    }
    let plain = builder(&server).base_url("http://127.0.0.1:1");
    let error = plain.pinned_certificate_sha256(&good).build().unwrap_err();
    assert!(error.to_string().contains("plain http"), "{error}");
}

/// In a process of its own.
#[test]
fn child_with_a_pin() {
    if std::env::var_os("CHILD").is_none() {
        return;
    }
    match Client::from_env().and_then(|client| get_all_tokens(&client, &GetAllTokensOptions::new()))
    {
        Ok(_) => println!("it is taken"),
        Err(error) => println!("error: {error}"),
    }
}

#[test]
fn the_variable() {
    let identity = certificate("127.0.0.1", 2020..2100, None);
    let right = fingerprint(&identity.0);
    let server = serve(identity);
    let url = format!("https://127.0.0.1:{}", server.port);
    for (pin, says) in [
        (right.as_str(), "it is taken"),
        (&format!(" {} ", right.replace(':', " ")), "it is taken"),
        (&fingerprint(b"other"), right.as_str()),
        (
            "ab:cd",
            "error: IONOS_PINNED_CERT: is no SHA-256 fingerprint",
        ),
        ("", "UnknownIssuer"),
    ] {
        if cfg!(feature = "native-tls") && pin.is_empty() {
            continue;
        }
        let variables = [
            ("IONOS_TOKEN", "a.b.c"),
            ("IONOS_API_URL", &url),
            ("IONOS_PINNED_CERT", pin),
        ];
        let output = support::in_a_child("child_with_a_pin", &variables);
        assert!(output.contains(says), "{pin}: {says}: {output}");
    }
}

#[test]
fn a_proxy_has_its_own_certificate() {
    let identity = certificate("127.0.0.1", 2020..2100, None);
    let pin = fingerprint(&identity.0);
    let proxy = serve(certificate("127.0.0.1", 2020..2100, None));
    let client = Client::builder()
        .base_url("https://auth.example.test")
        .credentials(Credentials::token("a.b.c"))
        .proxy(format!("https://127.0.0.1:{}", proxy.port))
        .retry(RetryPolicy::none())
        .timeout(Duration::from_secs(20))
        .pinned_certificate_sha256(&pin)
        .build()
        .unwrap();
    let error = get_all_tokens(&client, &GetAllTokensOptions::new())
        .unwrap_err()
        .to_string();
    // The pin is not asked of it: its own authority is unknown.
    assert!(error.contains("TLS was not agreed"), "{error}");
    assert!(!error.contains("fingerprint"), "{error}");
}
