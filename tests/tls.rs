//! Certificates against real handshakes: which are taken, and that nothing is sent where one is not.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use ionoscloud_auth::*;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A certificate authority made for this test.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(name: &str) -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    Authority {
        pem,
        issuer: Issuer::new(params, key),
    }
}

/// A server's certificate and its key.
type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

fn certificate(name: &str, years: std::ops::Range<i32>, by: Option<&Authority>) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_before = date_time_ymd(years.start, 1, 1);
    params.not_after = date_time_ymd(years.end, 1, 1);
    let certificate = match by {
        Some(authority) => params.signed_by(&key, &authority.issuer),
        None => params.self_signed(&key),
    };
    let der = certificate.unwrap().der().clone();
    (der, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

/// A server that answers a list over TLS, and counts the handshakes that were agreed and the requests.
struct Server {
    port: u16,
    agreed: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

fn serve((certificate, key): Identity) -> Server {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server {
        port: listener.local_addr().unwrap().port(),
        agreed: Arc::default(),
        requests: Arc::default(),
    };
    let (agreed, requests) = (Arc::clone(&server.agreed), Arc::clone(&server.requests));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            let mut buffer = [0; 16 * 1024];
            while stream.conn.is_handshaking() && stream.conn.complete_io(&mut stream.sock).is_ok()
            {
            }
            if !stream.conn.is_handshaking() {
                agreed.fetch_add(1, Ordering::SeqCst);
            }
            while stream.read(&mut buffer).is_ok_and(|n| n > 0) {
                requests.fetch_add(1, Ordering::SeqCst);
                let answer = support::answer(200, "", r#"{"tokens":[]}"#);
                stream.write_all(&answer).unwrap();
            }
        }
    });
    server
}

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
                assert_eq!(server.requests.load(Ordering::SeqCst), 1, "{reason}");
            }
            (Err(error), Some(says)) => {
                println!("{reason}: {error}");
                assert!(error.to_string().contains(says), "{reason}: {error}");
                assert!(!error.outcome_unknown(), "{reason}");
                let Error::Transport(error) = error else {
                    panic!("{reason}: {error}");
                };
                assert_eq!(error.kind, TransportErrorKind::TlsFailed, "{reason}");
                assert_eq!(
                    server.requests.load(Ordering::SeqCst),
                    0,
                    "{reason}: nothing was sent"
                );
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
    assert_eq!(server.requests.load(Ordering::SeqCst), 50);
    assert_eq!(server.agreed.load(Ordering::SeqCst), 1);
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
