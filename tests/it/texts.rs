//! What went wrong, and what the error says to do about it.

use crate::support::*;

#[test]
fn each_text_names_the_cure() {
    let ca = authority("A test's CA");
    let trusting = |server: &Server| {
        builder_of(&format!("https://127.0.0.1:{}", server.port))
            .root_certificates_pem(ca.pem.clone())
    };
    let by_ca = |years| serve(certificate("127.0.0.1", years, Some(&ca)));
    let [own, old, early] = [serve(ca.as_server()), by_ca(2020..2021), by_ca(2090..2100)];
    let unknown = serve(certificate("127.0.0.1", 2020..2100, None));
    let other = authority("A test's CA");
    let renewed = serve(certificate("127.0.0.1", 2020..2100, Some(&other)));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let https_proxy = format!("https://{}", silent.local_addr().unwrap());
    let play = |play: Play| FaultServer::start(vec![play]);
    let hangs_up = play(close(""));
    let refuses = play(close("HTTP/1.1 407 X\r\n\r\n"));
    let user = refuses.url().replace("//", "//user:PROXYPASS@");
    let not_found = play(gateway(404));
    let odd_id = play(answer(200, r#"{"tokens":[{"id":"odd id"}]}"#));
    // (what went wrong, the client, the call, what the text says)
    #[rustfmt::skip]
    let cases = [
        ("a proxy wants another scheme, or another password", builder_through_proxy(&user), LIST,
         "NTLM, Negotiate or Digest, which are not supported"),
        ("an authority's own certificate", trusting(&own), LIST,
         "own, or of version 1 (CaUsedAsEndEntity): issue one of version 3 with CA:FALSE"),
        ("an expired certificate, or a wrong clock", trusting(&old), LIST,
         "renew it, or set this machine's clock"),
        ("a certificate of the future, or a wrong clock", trusting(&early), LIST,
         "renew it, or set this machine's clock"),
        ("an authority that is not known, or a missing intermediate", trusting(&unknown), LIST,
         "add the one that signed it, if the server does send all intermediate certificates"),
        ("an authority with a new key", trusting(&renewed), LIST,
         "add the one that signed it, if the server does send all intermediate certificates"),
        ("no authority of one's own", builder_of(&format!("https://127.0.0.1:{}", unknown.port)),
         LIST, "with the feature platform-verifier uses the system's trust store (on Linux the \
                package ca-certificates, or what SSL_CERT_FILE and SSL_CERT_DIR name"),
        ("https to a server that speaks http and hangs up", builder_of(&hangs_up.https_url()), LIST,
         "the peer closed the connection: check the port, or whether its URL must begin with http"),
        ("an https URL for an http proxy", builder_through_proxy(&hangs_up.https_url()), LIST,
         "the peer closed the connection: check the port, or whether its URL must begin with http"),
        ("an https URL for an http proxy that waits for more",
         builder_through_proxy(&https_proxy).timeout(2 * SHORT), LIST,
         "(the proxy): an http proxy has an http:// URL"),
        ("one odd ID in a list", builder_of(&odd_id.url()), LIST,
         "if the Auth API sent it, this library cannot read it; if not, check the base URL"),
        ("a gateway's 404 after a deletion", builder_of(&not_found.url()), DELETE,
         "delete it again; the service's own 404 then means that it is gone"),
    ];
    for (situation, builder, endpoint, says) in cases {
        let error = (endpoint.run)(&builder.build().unwrap()).unwrap_err().to_string();
        assert!(error.contains(says), "{situation}: {error}");
        assert!(!error.contains("PROXYPASS"), "{error}");
    }
}

/// Some gateways send one.
#[test]
fn fraction_in_retry_after_is_rounded_up() {
    let busy = Play::Write(response(429, "Retry-After: 299.997\r\n", ""));
    let server = FaultServer::start(vec![busy]);
    let error = list_tokens(&client_of(&server.url())).unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(300)));
    assert_eq!(server.requests().len(), 1, "{error}");
    assert!(!error.to_string().contains("base URL"), "{error}");
}

/// This machine's clock may be wrong.
#[test]
fn token_has_expired_by_the_clock_of_the_service() {
    let [late, early] = ["4102444800", "1758612584"].map(|exp| {
        let claims = format!(r#"{{"exp":{exp}}}"#);
        let part = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, claims);
        format!("eyJraWQiOiJhIn0.{part}.c2ln")
    });
    for (token, date, is_expired) in [
        (&late, "Fri, 01 Jan 2100 00:00:00 GMT", true),
        (&late, "Thu, 31 Dec 2099 23:59:59 GMT", false),
        (&early, "Tue, 23 Sep 2025 07:29:43 GMT", false),
        (&early, "Tue, 23 Sep 2025 07:29:44 GMT", true),
        (&early, "yesterday", true),
    ] {
        let refused = service_error(401, &format!("Date: {date}\r\n"));
        let server = FaultServer::start(vec![refused]);
        let client = builder_of(&server.url()).credentials(Credentials::token(token.as_str()));
        let error = list_tokens(&client.build().unwrap()).unwrap_err().to_string();
        assert_eq!(error.contains("token expired at 2"), is_expired, "{date}: {error}");
        assert_eq!(error.contains("check the credentials"), !is_expired, "{date}: {error}");
    }
}
