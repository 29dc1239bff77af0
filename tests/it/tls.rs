//! Which certificates are accepted, and that no request is sent if one is not.

use crate::support::*;

fn list(server: &Server, host: &str, roots: Option<&str>) -> Result<Tokens> {
    let mut builder =
        builder_of(&format!("https://{host}:{}", server.port)).retry(RetryPolicy::none());
    if let Some(roots) = roots {
        builder = builder.root_certificates_pem(roots);
    }
    list_tokens(&builder.build().unwrap())
}

#[test]
fn certificate_must_be_valid_trusted_and_of_the_host() {
    let [ca, other] = ["A test's CA", "Another CA"].map(authority);
    let both = format!("{}\n{}", other.pem, ca.pem);
    let roots = Some(&ca.pem);
    let [v4, good] = ["127.0.0.1", "localhost"].map(|name| (name, 2020..2100, Some(&ca)));
    let of = |years| ("localhost", years, Some(&ca));
    let by = |authority| ("localhost", 2020..2100, authority);
    let elsewhere = ("example.test", 2020..2100, Some(&ca));
    let unknown = "invalid peer certificate: UnknownIssuer: only the authorities in \
                   root_certificates_pem are trusted: add the one that signed it";
    // (the certificate's name, years and authority, the host, the client's roots, the error)
    #[rustfmt::skip]
    let cases = [
        (good.clone(), "localhost", roots, None, "right, by name"),
        (v4, "127.0.0.1", roots, None, "right, by address"),
        (good.clone(), "localhost", Some(&both), None, "one of two roots"),
        (of(2020..2021), "localhost", roots,
         Some("invalid peer certificate: certificate expired: verification time 1"), "expired"),
        (of(2090..2100), "localhost", roots,
         Some("invalid peer certificate: certificate not valid yet: verification time 1"),
         "not yet valid"),
        (by(None), "localhost", roots, Some(unknown), "self-signed"),
        (by(Some(&other)), "localhost", roots, Some(unknown), "an unknown CA"),
        (good.clone(), "localhost", None,
         Some("its authority is not trusted, or the server does not send an intermediate"),
         "a private CA and Mozilla's roots"),
        (elsewhere, "localhost", roots,
         Some("certificate not valid for name \"localhost\"; certificate is only valid for"),
         "another host"),
        (good, "127.0.0.1", roots,
         Some("certificate not valid for name \"127.0.0.1\"; certificate is only valid for"),
         "a name for an address"),
    ];
    for ((name, years, by), host, roots, says, reason) in cases {
        let server = serve(certificate(name, years, by));
        let response = list(&server, host, roots.map(String::as_str));
        match (response, says) {
            (Ok(tokens), None) => {
                assert!(tokens.tokens.is_empty(), "{reason}");
                assert_eq!(server.heads().len(), 1, "{reason}");
            }
            (Err(error), Some(says)) => {
                println!("{reason}: {error}");
                let whom = format!("the TLS handshake with {host}:{} failed: ", server.port);
                assert!(error.to_string().contains(&whom), "{reason}: {error}");
                assert!(error.to_string().contains(says), "{reason}: {error}");
                assert!(!error.outcome_unknown(), "{reason}");
                assert_eq!(kind(&error), ErrorKind::TlsFailed, "{reason}");
                assert_eq!(server.heads().len(), 0, "{reason}: nothing was sent");
            }
            (response, _) => panic!("{reason}: {response:?}"),
        }
    }
}

#[test]
fn untrusted_certificate_is_not_retried() {
    let [ca, other] = [authority("a"), authority("b")];
    for endpoint in ENDPOINTS {
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let identity = certificate("127.0.0.1", 2020..2100, Some(&ca));
        let port = listen(config(identity), move |mut stream| {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = read_head(&mut stream);
        });
        let client = builder_of(&format!("https://127.0.0.1:{port}"))
            .root_certificates_pem(&*other.pem)
            .build()
            .unwrap();
        let error = (endpoint.run)(&client).unwrap_err();
        assert!(!error.outcome_unknown(), "{error}");
        assert_eq!(connections.load(Ordering::SeqCst), 1, "{error}");
    }
}

#[test]
fn each_of_several_root_certificates_is_trusted() {
    let roots = [authority("a"), authority("b")];
    let key = KeyPair::generate().unwrap().serialize_pem();
    let [a, b] = [0, 1].map(|i| roots[i].pem.trim_end());
    let servers =
        roots.each_ref().map(|root| serve(certificate("localhost", 2020..2100, Some(root))));
    for (pem, reason) in [
        (format!("{a}{b}"), "run together"),
        (format!("\u{feff}{a}\n{b}\n"), "after a byte order mark"),
        (format!("{a}\n\u{feff}{b}"), "a byte order mark in between"),
        (format!("{a}\n{b}").replace('\n', "\n    "), "indented"),
        (format!("\t{a}\n{b}").replace('\n', "\n\t"), "all of it"),
        (format!("{a}\n{b}").replace('\n', "\r\n"), "Windows' line ends"),
        (format!("{a}\n{b}").replace('\n', "\r"), "old line ends"),
        (format!("# a\nSubject: a\n{a}\n# BEGIN b\n{b} the end"), "text in between"),
        (format!("{key}{a}\n{b}"), "after a key"),
        (format!("{a}\n{}", &b[1..]), "a hyphen is missing"),
    ] {
        for server in &servers {
            let listed = list(server, "localhost", Some(&pem));
            assert!(listed.is_ok(), "{reason}: {listed:?}");
        }
    }
}

#[test]
fn malformed_root_certificates_are_refused() {
    let ca = authority("A test's CA");
    let one = &*ca.pem;
    let [first, second] = ["certificate 1 is not readable", "certificate 2 is not readable"];
    let none = "contains no certificate";
    let der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let key = KeyPair::generate().unwrap().serialize_pem();
    #[rustfmt::skip]
    let cases = [
        (String::new(), none, "nothing"),
        ("SECRET".to_owned(), none, "something else"),
        (key, none, "a key"),
        (der.to_owned(), first, "no certificate inside"),
        (format!("{}{der}", ca.pem), second, "one good, one bad"),
        (format!("{}{der}{one}", one.trim_end()), second, "run together"),
        (one.replacen('\n', "\n!", 1), first, "no base64"),
        (one.replace("-----END CERTIFICATE-----", "") + one, first,
         "no end"),
        (format!("{one}{}", &one[..one.len() / 2]), second, "cut off"),
        (one.replace('\n', ""), first, "all on one line"),
        (one.replace('\n', "\\n"), first, "line ends as in JSON"),
        (one.to_owned() + &one.replace("CERTIFICATE", "TRUSTED CERTIFICATE"),
         second, "OpenSSL's own form"),
        (one.replace("CERTIFICATE", "CERTIFICATE REQUEST"), none, "a request"),
    ];
    for (pem, says, reason) in cases {
        let builder = Client::builder().credentials(Credentials::token("a.b.c"));
        let builder = builder.root_certificates_pem(pem);
        assert!(!format!("{builder:?}").contains("SECRET"), "{builder:?}");
        let error = builder.build().unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{reason}: {error}");
        let error = error.to_string();
        assert!(error.starts_with("root_certificates_pem: "), "{reason}: {error}");
        assert!(error.contains(says), "{reason}: {error}");
        assert!(!error.contains("PRIVATE") && !error.contains("SECRET"), "{error}");
    }
}

#[cfg(all(feature = "platform-verifier", target_os = "linux"))]
#[test]
fn authorities_of_the_system_are_trusted() {
    let ca = authority("A test's CA");
    let server = serve(certificate("127.0.0.1", 2020..2100, Some(&ca)));
    let url = format!("https://127.0.0.1:{}", server.port);
    let folder = Folder::new();
    let file = folder.0.join("ca.pem");
    std::fs::write(&file, &ca.pem).unwrap();
    let file = file.to_str().unwrap();
    let variables = [("IONOS_TOKEN", "a.b.c"), ("IONOS_API_URL", &url), ("SSL_CERT_FILE", file)];
    let output = run_child("environment::child_lists_tokens", &variables);
    assert!(output.contains("result: 0 tokens"), "{output}");
}
