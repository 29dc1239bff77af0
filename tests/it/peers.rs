//! Errors name the peer, and the setting that configured it.

use crate::support::*;

fn error_of(builder: ClientBuilder, endpoint: &Endpoint) -> CallError {
    match (endpoint.run)(&builder.build().unwrap()) {
        Err(Error::Call(error)) => *error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn error_names_the_host_and_the_port_of_the_service() {
    let (_taken, closed) = closed_port();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let hangs_up = FaultServer::start(vec![Play::WriteAndClose(vec![])]);
    let hangs_up_port = hangs_up.port();
    let ssh = FaultServer::start(vec![close("SSH-2.0\r\n\r\n")]);
    let short = |url: String| builder_of(&url).timeout(2 * SHORT).allow_insecure_http(true);
    // (client, the error's text after the request)
    #[rustfmt::skip]
    let cases = [
        (builder_of(&format!("http://127.0.0.1:{closed}")),
         format!("could not connect to 127.0.0.1:{closed}: "), "there is no listener"),
        (builder_of("http://auth.invalid:8080").allow_insecure_http(true).no_proxy(),
         "could not find the address of auth.invalid:8080: ".to_owned(), "no such host"),
        (builder_of(&hangs_up.url()),
         format!("lost the connection to 127.0.0.1:{hangs_up_port}: the peer closed \
                   the connection"), "it hangs up"),
        (builder_of(&hangs_up.https_url()),
         format!("the TLS handshake with 127.0.0.1:{hangs_up_port} failed: "), "no TLS"),
        (builder_of(&ssh.url()), "it is not HTTP/1.1 (".to_owned(), "no HTTP"),
        (short(format!("http://127.0.0.1:{silent_port}")),
         format!("timed out waiting for the response from 127.0.0.1:{silent_port}; the call's \
                  time limit is {:?}", 2 * SHORT), "it is silent"),
        (short(format!("https://127.0.0.1:{silent_port}")),
         format!("timed out in the TLS handshake with 127.0.0.1:{silent_port}"), "it is silent"),
    ];
    in_parallel(cases, |(builder, says, reason)| {
        for endpoint in [LIST, CREATE] {
            let error = error_of(builder.clone(), endpoint);
            let request = format!("GET {}", endpoint.target);
            let text = error.to_string();
            assert!(
                text.starts_with(&request) && text.contains(&format!(": {says}")),
                "{reason}: {text}"
            );
        }
    });
    let client = client_of("http://127.0.0.1:1");
    client.shutdown();
    let error = list_tokens(&client).unwrap_err().to_string();
    assert!(error.contains(": the client was shut down: create a new one"), "{error}");
}

#[test]
fn error_names_the_proxy_and_the_option_that_names_it() {
    let (_taken, closed) = closed_port();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_port = silent.local_addr().unwrap().port();
    let answers = |head: &str| FaultServer::start(vec![Play::WriteAndClose(head.into())]);
    let [forbids, demands, fails, speaks_tls, hangs_up] = [
        answers("HTTP/1.1 403 X\r\n\r\n"),
        answers("HTTP/1.1 407 X\r\n\r\n"),
        answers("HTTP/1.1 503 X\r\n\r\n"),
        answers("\u{15}\u{3}\u{3}\0\u{2}\u{2}\n"),
        answers(""),
    ];
    let from = "(the proxy)";
    let named = |proxy: &FaultServer, says: &str| {
        format!("could not open a proxy tunnel through 127.0.0.1:{} {from}: {says}", proxy.port())
    };
    let through = |proxy: &FaultServer| builder_through_proxy(&proxy.url());
    let user = |proxy: &FaultServer| {
        builder_through_proxy(&proxy.url().replace("//", "//user:PROXYPASS@"))
    };
    let tunnel = Play::Write(b"HTTP/1.1 200 X\r\n\r\n".to_vec());
    let lost = FaultServer::start(vec![[tunnel, Play::WriteAndClose(vec![])]; 3].concat());
    #[rustfmt::skip]
    let cases = [
        (builder_through_proxy(&format!("http://u:PROXYPASS@127.0.0.1:{closed}")),
         format!("could not connect to 127.0.0.1:{closed} {from}: "), "it is down"),
        (builder_through_proxy("http://u:PROXYPASS@proxy.invalid:3128"),
         format!("could not find the address of proxy.invalid:3128 {from}: "), "it does not exist"),
        (builder_through_proxy(&hangs_up.https_url()),
         format!("the TLS handshake with 127.0.0.1:{} {from} failed: ", hangs_up.port()),
         "its TLS"),
        (builder_through_proxy(&format!("http://127.0.0.1:{silent_port}")).timeout(2 * SHORT),
         format!("timed out waiting for a proxy tunnel through 127.0.0.1:{silent_port} {from}"),
         "it is silent"),
        (through(&forbids),
         named(&forbids, "it does not allow tunnels to auth.example.test:80 (403): ask its \
                          administrator"), "its rules"),
        (through(&demands),
         named(&demands, "it requires a user name and password (407): add them to its URL, as in \
                          http://user:password@proxy.example:3128"), "without credentials"),
        (user(&demands),
         named(&demands, "it rejected the user name and password (407): correct them in its URL"),
         "wrong ones were given"),
        (through(&fails), named(&fails, "it could not reach auth.example.test:80 (503)"),
         "the service behind it"),
        (through(&speaks_tls),
         named(&speaks_tls, "its response is not HTTP (http parse fail: invalid HTTP version): \
                             check its port, and whether its URL must begin with https://"),
         "it is an https proxy"),
        (through(&hangs_up), named(&hangs_up, "proxy server did not respond"), "it hangs up"),
        (user(&lost),
         format!("lost the connection to auth.example.test:80 through 127.0.0.1:{} {from}: the \
                  peer closed the connection", lost.port()), "the service behind it hangs up"),
    ];
    for (builder, says, reason) in cases {
        let error = error_of(builder, LIST);
        let text = format!("{error} {error:?}");
        assert!(text.contains(&says), "{reason}: {says}: {text}");
        assert!(!text.contains("PROXYPASS"), "{reason}: {text}");
    }
}

#[test]
#[ignore = "the program of other tests"]
fn child_calls_as_the_environment_says() {
    assert_child();
    let client =
        ClientBuilder::from_env().and_then(|builder| builder.retry(RetryPolicy::none()).build());
    match client.and_then(|client| list_tokens(&client)) {
        Ok(_) => println!("result: ok"),
        Err(error) => println!("result: {error}"),
    }
}

#[test]
fn error_names_the_variable_to_correct() {
    let (_taken, closed) = closed_port();
    let proxy = format!("http://user:PROXYPASS@127.0.0.1:{closed}");
    let page = |status, body: &str| FaultServer::start(vec![answer(status, body)]);
    let [not_found, unauthorized, not_json] = [page(404, ""), page(401, ""), page(200, "<html>")];
    let own = r#"{"httpStatus":401,"messages":[{"errorCode":"1","message":"no"}]}"#;
    let [own, refused] = [page(401, own), page(407, "")];
    let refused = refused.url().replace("//", "//user:PROXYPASS@");
    let service = ("IONOS_API_URL", "https://auth.example.test");
    let down = format!("127.0.0.1:{closed}");
    let of_service = format!("could not connect to {down} (from IONOS_API_URL): ");
    let urls = [&not_found, &not_json, &unauthorized, &own].map(FaultServer::url);
    let [not_found, not_json, unauthorized, own] =
        urls.each_ref().map(|url| ("IONOS_API_URL", &**url));
    let token = ("IONOS_TOKEN", "a.b.c");
    let user = [("IONOS_USERNAME", "user"), ("IONOS_PASSWORD", "password")];
    let expired = ("IONOS_TOKEN", "eyJraWQiOiJhIn0.eyJleHAiOjE3NTg2MTI1ODR9.c2ln");
    let of_proxy =
        format!("could not connect to 127.0.0.1:{closed} (the proxy from HTTPS_PROXY): ");
    let all_proxy = if cfg!(windows) { "ALL_PROXY" } else { "all_proxy" };
    let of_all = format!("could not connect to 127.0.0.1:{closed} (the proxy from {all_proxy}): ");
    let check = "check the base URL, from IONOS_API_URL, and any proxy or gateway in between";
    #[rustfmt::skip]
    let cases = [
        (vec![token, service, ("HTTPS_PROXY", &proxy)], of_proxy.as_str()),
        (vec![token, service, ("all_proxy", &proxy)], &of_all),
        (vec![token, service, ("HTTPS_PROXY", &refused)],
         "it rejected the user name and password (407): correct them in HTTPS_PROXY"),
        (vec![token, service, ("HTTPS_PROXY", "http://proxy.invalid")],
         "could not find the address of proxy.invalid:80 (the proxy from HTTPS_PROXY): "),
        (vec![token, service, ("HTTPS_PROXY", "socks5://127.0.0.1:1")],
         "HTTPS_PROXY: is a SOCKS proxy, but only http and https proxies are supported: correct or \
          unset it, or add the service's host to NO_PROXY"),
        (vec![token, ("IONOS_API_URL", "http://api.example")],
         "IONOS_API_URL: is plain http, which shows the credentials to everybody on the network \
          path: use https"),
        (vec![token, ("IONOS_API_URL", &down)], &of_service),
        (vec![token, not_found], check),
        (vec![token, not_json], check),
        (vec![token, unauthorized], check),
        (vec![expired, own],
         "the client's own token expired at 2025-09-23T07:29:44Z according to its exp claim, from \
          IONOS_TOKEN: replace it"),
        (vec![user[0], user[1], own],
         "check the credentials, from IONOS_USERNAME and IONOS_PASSWORD; users with two-factor \
          authentication must use a token"),
    ];
    in_parallel(cases, |(variables, says)| {
        let output = run_child("peers::child_calls_as_the_environment_says", &variables);
        assert!(output.contains(says), "{says}: {output}");
        // Methods are only useful advice to a program that calls them.
        assert!(!output.contains("ClientBuilder") && !output.contains("(true)"), "{output}");
        assert!(!output.contains("PROXYPASS"), "{output}");
    });
}
