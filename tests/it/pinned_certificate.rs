//! A pinned certificate, which replaces every other check.

use crate::support::*;

fn fingerprint(der: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, der);
    let hex: Vec<String> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    hex.join(":")
}

fn pem_der(pem: &str) -> Vec<u8> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec()
}

fn builder_for(server: &Server) -> ClientBuilder {
    builder_of(&format!("https://127.0.0.1:{}", server.port)).retry(RetryPolicy::none())
}

#[test]
fn only_the_pinned_certificate_is_accepted() {
    let ca = authority("A test's CA");
    let good = 2020..2100;
    #[rustfmt::skip]
    let cases = [
        ("127.0.0.1", good.clone(), None, "own", true, "self-signed"),
        ("127.0.0.1", good.clone(), Some(&ca), "own", true, "of an unknown CA"),
        ("other.example", good.clone(), None, "own", true,
         "of another name: the pin replaces that check"),
        ("127.0.0.1", 2020..2021, None, "own", true, "expired: that one, too"),
        ("127.0.0.1", good.clone(), Some(&ca), "authority", false,
         "the pin of the CA, not of the leaf"),
        ("127.0.0.1", good.clone(), None, "other", false, "another pin"),
    ];
    for (name, years, by, pin, taken, reason) in cases {
        let (certificate, key) = certificate(name, years, by);
        let own = fingerprint(&certificate);
        let server = serve((certificate, key));
        let pin = match pin {
            "own" => own.clone(),
            "authority" => fingerprint(&pem_der(&ca.pem)),
            _ => fingerprint(b"other"),
        };
        for pin in [pin.clone(), pin.replace(':', "").to_lowercase()] {
            // Trusting its authority makes no difference.
            let builder = builder_for(&server).root_certificates_pem(ca.pem.clone());
            let client = builder.pinned_certificate_sha256(pin).build().unwrap();
            let before = server.heads().len();
            for _ in 0..3 {
                match list_tokens(&client) {
                    Ok(_) => assert!(taken, "{reason}"),
                    Err(error) => {
                        assert!(!taken, "{reason}: {error}");
                        assert_eq!(kind(&error), ErrorKind::TlsFailed, "{reason}: {error}");
                        assert!(error.to_string().contains(&own), "{reason}: {error}");
                    }
                }
            }
            let create = new_jwt(&client);
            assert!(create.is_err_and(|error| error.outcome_unknown() == taken), "{reason}");
            let sent = server.heads().len() - before;
            assert_eq!(sent, if taken { 4 } else { 0 }, "{reason}");
        }
    }
}

#[test]
fn server_without_the_key_of_the_certificate_is_refused() {
    // Each TLS version has its own signatures and its own check.
    for version in rustls::ALL_VERSIONS {
        let (pinned, _) = certificate("127.0.0.1", 2020..2100, None);
        let (_, other_key) = certificate("127.0.0.1", 2020..2100, None);
        let pin = fingerprint(&pinned);
        let server = serve_unchecked((pinned, other_key), &[version]);
        let client = builder_for(&server).pinned_certificate_sha256(pin).build().unwrap();
        let error = list_tokens(&client).unwrap_err();
        assert!(
            error.to_string().contains("the TLS handshake with 127.0.0.1:"),
            "{version:?}: {error}"
        );
        assert!(!error.outcome_unknown(), "{version:?}: {error}");
        assert!(server.heads().is_empty(), "{version:?}: {error}");
    }
}

/// The first connection serves two requests. The response of the second one ends with it.
#[test]
fn pieces_and_the_end_of_a_response_are_seen() {
    let identity = certificate("127.0.0.1", 2020..2100, None);
    let pin = fingerprint(&identity.0);
    let (sender, closed) = std::sync::mpsc::channel();
    let port = listen_by_number(config(identity), move |n, mut stream| {
        let whole = "HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"tokens\":[]}";
        let open = "HTTP/1.1 200 OK\r\n\r\n{\"tokens\":[]}";
        for response in [&[whole, whole][..], &[open]][n] {
            if read_head(&mut stream).is_none() {
                return;
            }
            for piece in response.as_bytes().chunks(20) {
                stream.write_all(piece).unwrap();
                thread::sleep(Duration::from_millis(5));
            }
        }
        stream.conn.send_close_notify();
        stream.flush().unwrap();
        drop(stream);
        sender.send(()).unwrap();
    });
    let builder = builder_of(&format!("https://127.0.0.1:{port}")).retry(RetryPolicy::none());
    let client = builder.pinned_certificate_sha256(pin).build().unwrap();
    for _ in 0..2 {
        list_tokens(&client).unwrap();
    }
    closed.recv_timeout(LONG).unwrap();
    list_tokens(&client).unwrap();
}

#[test]
fn silent_server_times_out_with_a_known_outcome() {
    let server = FaultServer::start(vec![Play::Silence]);
    let client = builder_of(&server.https_url())
        .timeout(SHORT / 4)
        .pinned_certificate_sha256(fingerprint(b"any"))
        .build()
        .unwrap();
    let started = Clock::start();
    assert_eq!(kind(&list_tokens(&client).unwrap_err()), ErrorKind::TimedOut);
    assert!(started.elapsed() < SHORT / 4 + SLACK);
    // The handshake times out, so it is known that no request was sent.
    let create = new_jwt(&client);
    assert!(create.is_err_and(|error| !error.outcome_unknown()));
}

#[test]
fn pin_applies_through_a_proxy_tunnel() {
    let ca = authority("A test's CA");
    let pinned = certificate("auth.example.test", 2020..2100, None);
    let pin = fingerprint(&pinned.0);
    let other = certificate("auth.example.test", 2020..2100, Some(&ca));
    for (identity, taken) in [(pinned, true), (other, false)] {
        let server = serve(identity);
        let proxy = TunnelProxy::to(server.port);
        let client = builder_through_proxy(&format!("http://127.0.0.1:{}", proxy.port))
            .base_url("https://auth.example.test")
            .root_certificates_pem(ca.pem.clone())
            .retry(RetryPolicy::none())
            .pinned_certificate_sha256(&pin)
            .build()
            .unwrap();
        let list = list_tokens(&client);
        assert_eq!(list.is_ok(), taken, "{list:?}");
        assert_eq!(server.heads().len(), usize::from(taken), "{list:?}");
        assert_eq!(proxy.take_heads().len(), 1, "{list:?}");
    }
}

#[test]
fn malformed_pins_are_refused() {
    let server = serve(certificate("127.0.0.1", 2020..2100, None));
    let good = fingerprint(b"");
    for pin in ["", "ab:cd", &good[1..], &format!("{good}:00"), &good.replace('E', "x")] {
        let error = builder_for(&server).pinned_certificate_sha256(pin).build().unwrap_err();
        assert!(
            error.to_string().starts_with("pinned_certificate_sha256: is not a valid SHA-256"),
            "{error}"
        );
    }
    let plain = builder_for(&server).base_url("http://127.0.0.1:1");
    let error = plain.pinned_certificate_sha256(&good).build().unwrap_err();
    assert!(error.to_string().contains("plain http"), "{error}");
}

#[test]
fn pin_is_read_from_the_environment() {
    let identity = certificate("127.0.0.1", 2020..2100, None);
    let right = fingerprint(&identity.0);
    let server = serve(identity);
    let url = format!("https://127.0.0.1:{}", server.port);
    let works = "result: 0 tokens";
    for (pin, says) in [
        (right.as_str(), works),
        (&format!(" {} ", right.replace(':', " ")), works),
        (&format!("sha256 Fingerprint={right}\n"), works),
        (&format!("SHA256 Fingerprint={right}"), works),
        (&format!("sha1 Fingerprint={right}"), "result: IONOS_PINNED_CERT: is not a valid SHA-256"),
        (&fingerprint(b"other"), right.as_str()),
        ("ab:cd", "result: IONOS_PINNED_CERT: is not a valid SHA-256 fingerprint"),
        ("", "UnknownIssuer"),
    ] {
        let variables =
            [("IONOS_TOKEN", "a.b.c"), ("IONOS_API_URL", &url), ("IONOS_PINNED_CERT", pin)];
        let output = run_child("environment::child_lists_tokens", &variables);
        assert!(output.contains(says), "{pin}: {says}: {output}");
    }
}

#[test]
fn pin_does_not_apply_to_the_proxy() {
    let identity = certificate("127.0.0.1", 2020..2100, None);
    let pin = fingerprint(&identity.0);
    let proxy = serve(certificate("127.0.0.1", 2020..2100, None));
    let client = builder_through_proxy(&format!("https://127.0.0.1:{}", proxy.port))
        .base_url("https://auth.example.test")
        .retry(RetryPolicy::none())
        .pinned_certificate_sha256(&pin)
        .build()
        .unwrap();
    let error = list_tokens(&client).unwrap_err().to_string();
    // The pin does not apply to the proxy, whose authority is not trusted.
    assert!(error.contains("the TLS handshake with 127.0.0.1:"), "{error}");
    assert!(!error.contains("fingerprint"), "{error}");
}
