//! Certificates against real handshakes: which are taken, and that nothing is sent where one is not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::time::Duration;

use ionoscloud_auth::*;
use rcgen::KeyPair;
use support::tls::*;

fn list(server: &Server, host: &str, roots: Option<&str>) -> Result<Tokens> {
    let mut builder = Client::builder()
        .base_url(format!("https://{host}:{}", server.port))
        .credentials(Credentials::token("a.b.c"))
        .timeout(Duration::from_secs(20))
        .retry(RetryPolicy::none());
    if let Some(roots) = roots {
        builder = builder.root_certificates_pem(roots);
    }
    get_all_tokens(&builder.build().unwrap(), &GetAllTokensOptions::new())
}

#[test]
fn which_certificates_are_taken() {
    let ca = authority("A test's CA");
    let other = authority("Another CA");
    let both = format!("{}\n{}", other.pem, ca.pem);
    let good = 2020..2100;
    let native = cfg!(feature = "native-tls");
    // (the server's name and years, who signed it, the name that the client calls, its roots, what the error names)
    for (name, years, by, host, roots, says, reason) in [
        (
            "localhost",
            good.clone(),
            Some(&ca),
            "localhost",
            Some(&ca.pem),
            None,
            "right, by name",
        ),
        (
            "127.0.0.1",
            good.clone(),
            Some(&ca),
            "127.0.0.1",
            Some(&ca.pem),
            None,
            "right, by address",
        ),
        (
            "localhost",
            good.clone(),
            Some(&ca),
            "localhost",
            Some(&both),
            None,
            "one of two roots",
        ),
        (
            "localhost",
            2020..2021,
            Some(&ca),
            "localhost",
            Some(&ca.pem),
            Some("expired"),
            "expired",
        ),
        (
            "localhost",
            2090..2100,
            Some(&ca),
            "localhost",
            Some(&ca.pem),
            Some("not valid yet"),
            "not yet valid",
        ),
        (
            "localhost",
            good.clone(),
            None,
            "localhost",
            Some(&ca.pem),
            Some("UnknownIssuer"),
            "self-signed",
        ),
        (
            "localhost",
            good.clone(),
            Some(&other),
            "localhost",
            Some(&ca.pem),
            Some("UnknownIssuer"),
            "an unknown CA",
        ),
        (
            "localhost",
            good.clone(),
            Some(&ca),
            "localhost",
            None,
            Some("UnknownIssuer"),
            "a private CA and Mozilla's roots",
        ),
        (
            "example.test",
            good.clone(),
            Some(&ca),
            "localhost",
            Some(&ca.pem),
            Some("not valid for name"),
            "another host",
        ),
        (
            "localhost",
            good.clone(),
            Some(&ca),
            "127.0.0.1",
            Some(&ca.pem),
            Some("not valid for name"),
            "a name for an address",
        ),
    ] {
        let server = serve(certificate(name, years, by));
        let answer = list(&server, host, roots.map(String::as_str));
        match (answer, says) {
            (Ok(tokens), None) => {
                assert!(tokens.tokens.is_empty());
                assert_eq!(server.heads().len(), 1, "{reason}");
            }
            (Err(error), Some(says)) => {
                println!("{reason}: {error}");
                // The platforms' TLS have words of their own.
                assert!(
                    native || error.to_string().contains(says),
                    "{reason}: {error}"
                );
                assert!(!error.outcome_unknown(), "{reason}");
                let Error::Transport(error) = error else {
                    panic!("{reason}: {error}");
                };
                assert_eq!(error.kind, TransportErrorKind::TlsFailed, "{reason}");
                assert_eq!(server.heads().len(), 0, "{reason}: nothing was sent");
            }
            (answer, _) => panic!("{reason}: {answer:?}"),
        }
    }
}

#[test]
fn a_connection_is_agreed_once_for_many_calls() {
    let ca = authority("A test's CA");
    let server = serve(certificate("localhost", 2020..2100, Some(&ca)));
    let client = Client::builder()
        .base_url(format!("https://localhost:{}", server.port))
        .credentials(Credentials::token("a.b.c"))
        .root_certificates_pem(ca.pem)
        .build()
        .unwrap();
    for _ in 0..50 {
        get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap();
    }
    assert_eq!(server.heads().len(), 50);
    assert_eq!(server.agreed(), 1);
}

#[test]
fn roots_that_are_none() {
    let ca = authority("A test's CA");
    let der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = KeyPair::generate().unwrap().serialize_pem();
    for (pem, says, reason) in [
        (String::new(), "holds no certificate", "nothing"),
        (
            "no PEM".to_owned(),
            "holds no certificate",
            "something else",
        ),
        (key, "holds no certificate", "a key"),
        (der.to_owned(), "can't be read", "no certificate inside"),
        (
            format!("{}{der}", ca.pem),
            "can't be read",
            "one good, one bad",
        ),
        (
            ca.pem.replace("CERTIFICATE-----\n", "CERTIFICATE-----\n!"),
            "no valid PEM",
            "no base64",
        ),
    ] {
        let builder = Client::builder().credentials(Credentials::token("a.b.c"));
        let error = builder
            .root_certificates_pem(pem)
            .build()
            .unwrap_err()
            .to_string();
        assert!(
            error.starts_with("root_certificates_pem: ") && error.contains(says),
            "{reason}: {error}"
        );
        assert!(!error.contains("PRIVATE"), "{error}");
    }
}
