//! Proxies: what they see, which hosts they are used for, and how a call ends without a tunnel.

use crate::support::*;

/// A proxy's response that opens a tunnel.
const TUNNEL: &[u8] = b"HTTP/1.1 200 OK\r\n\r\n";
const SECRET: &str = "eyJhbGciOiJSUzI1NiJ9.U0VDUkVU.c2ln";

#[test]
fn connect_is_retried_unless_the_proxy_refuses_for_good() {
    // (response, number of attempts, why)
    for (response, attempts, reason) in [
        ("HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n", 1, "a wrong password locks accounts"),
        ("HTTP/1.1 401 X\r\n\r\n", 1, "so it does here"),
        ("HTTP/1.1 407 X\nServer: x\n\n", 1, "lines may end like this"),
        ("HTTP/1.1 407 X\r\nServer: ", 3, "cut off"),
        ("HTTP/1.1 403 X\r\n\r\n", 1, "it is not allowed"),
        ("HTTP/1.1 502 X\r\n\r\n", 3, "it may come back"),
        ("HTTP/1.1 503 X\r\n\r\n", 3, "it may come back"),
        ("HTTP/1.1 200 X\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 3, "more than one response"),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", 3, "not HTTP"),
        ("", 3, "nothing"),
    ] {
        for endpoint in ENDPOINTS {
            let proxy = FaultServer::start(vec![Play::WriteAndClose(response.into())]);
            let client = builder_through_proxy(&proxy.url()).build().unwrap();
            let error = (endpoint.run)(&client).unwrap_err();
            assert!(!error.outcome_unknown(), "{reason}: {error}");
            let connects = vec!["CONNECT auth.example.test:80 HTTP/1.1"; attempts];
            assert_eq!(proxy.requests(), connects, "{reason}: {error}");
            assert_eq!(kind(&error), ErrorKind::ConnectFailed, "{reason}");
        }
    }
}

#[test]
fn connect_response_with_bare_line_feeds_is_accepted() {
    let proxy = FaultServer::start(vec![
        Play::Write(b"HTTP/1.1 200 OK\nVia: x\n\n".to_vec()),
        LIST.works(),
    ]);
    (LIST.run)(&builder_through_proxy(&proxy.url()).build().unwrap()).unwrap();
    let connect = &proxy.heads()[0];
    assert!(connect.contains("\r\nUser-Agent: ionoscloud-auth/"), "{connect}");
}

/// A proxy that repeats what it was sent, behind its own tunnel.
#[test]
fn proxy_password_that_comes_back_is_not_shown() {
    let pair = "c3ZjOlBST1hZLVBBU1NXT1JE";
    let headers = format!("Server: svc:PROXY-PASSWORD\r\nX-Request-Id: Basic {pair}\r\n");
    let proxy = FaultServer::start(vec![
        Play::Write(TUNNEL.to_vec()),
        Play::Write(response(502, &headers, "")),
    ]);
    let url = format!("http://svc:PROXY-PASSWORD@127.0.0.1:{}", proxy.port());
    let client = builder_through_proxy(&url).retry(RetryPolicy::none()).build().unwrap();
    let error = list_tokens(&client).unwrap_err();
    assert!(proxy.heads()[0].contains(pair), "{:?}", proxy.heads());
    let text = everything(&error);
    assert_eq!(error.status(), Some(502), "{text}");
    assert!(!text.contains("PASSWORD") && !text.contains(pair), "{text}");
}

#[test]
fn timeout_and_shutdown_end_a_call_to_a_slow_or_silent_proxy() {
    let drip = |bytes: &[u8]| Play::Drip(bytes.repeat(10_000), Duration::from_millis(20));
    let plays = [drip(b"HTTP/1.1 200 OK\r\nX-Drip: drip\r\n"), drip(b"x"), Play::Silence];
    let cases = plays.iter().flat_map(|play| [LIST, CREATE].map(|endpoint| (play, endpoint)));
    in_parallel(cases, |(play, endpoint)| {
        let [proxy, another] = [(); 2].map(|()| FaultServer::start(vec![play.clone()]));
        let builder = builder_through_proxy(&another.url()).timeout(SHORT / 4);
        let started = Clock::start();
        let error = (endpoint.run)(&builder.build().unwrap()).unwrap_err();
        assert!(started.elapsed() < SHORT / 4 + SLACK, "{:?}", started.elapsed());
        assert!(!error.outcome_unknown(), "{error}");

        let client = builder_through_proxy(&proxy.url()).build().unwrap();
        thread::scope(|scope| {
            let call = scope.spawn(|| (endpoint.run)(&client));
            proxy.await_requests(1);
            let started = Instant::now();
            client.shutdown();
            let error = call.join().unwrap().unwrap_err();
            assert!(started.elapsed() < SLACK, "{:?}", started.elapsed());
            assert!(!error.outcome_unknown(), "{error}");
        });
    });
}

#[test]
fn explicit_proxy_tunnels_all_but_local_hosts() {
    let proxy = FaultServer::start(vec![Play::Write(TUNNEL.to_vec()), LIST.works()]);
    let url = proxy.url().replace("//", "//user:pass@");
    let through_proxy = || {
        let builder = builder_through_proxy(&url);
        builder.credentials(Credentials::token(SECRET))
    };
    list_tokens(&through_proxy().build().unwrap()).unwrap();
    let [connect, get] = proxy.heads().try_into().unwrap();
    assert!(connect.starts_with("CONNECT auth.example.test:80 "), "{connect}");
    let authorization = "proxy-authorization: basic dxnlcjpwyxnz";
    assert!(connect.to_lowercase().contains(authorization), "{connect}");
    assert!(!connect.contains(SECRET), "{connect}");
    assert!(get.starts_with("GET /auth/v1/tokens "), "{get}");
    assert!(!get.to_lowercase().contains("proxy-authorization"), "{get}");

    let server = FaultServer::start(vec![LIST.works()]);
    list_tokens(&through_proxy().base_url(server.url()).build().unwrap()).unwrap();
    assert_eq!((server.requests().len(), proxy.requests().len()), (1, 2));
}

#[test]
fn malformed_proxy_addresses_are_refused() {
    for (proxy, says) in [
        ("socks5://127.0.0.1:1", "proxy: is a SOCKS proxy"),
        ("", "proxy: is not a valid proxy URL"),
        ("http://", "proxy: is not a valid proxy URL"),
        ("ftp://user:SECRET@x", "proxy: is not a valid proxy URL"),
        ("http://a b:SECRET@c", "proxy: is not a valid proxy URL"),
        ("http://a:2024#SECRET@c", "proxy: is not a valid proxy URL"),
    ] {
        let builder = builder_through_proxy(proxy).base_url("https://auth.example.test");
        let error = builder.build().unwrap_err().to_string();
        assert!(error.starts_with(says), "{proxy}: {error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
}

/// The proxy in the environment does not exist.
#[test]
#[ignore = "the program of other tests"]
fn child_calls_with_and_without_proxy() {
    assert_child();
    let builder =
        builder_of("http://auth.invalid").allow_insecure_http(true).retry(RetryPolicy::none());
    let [with, without] = [builder.clone(), builder.no_proxy()]
        .map(|builder| kind(&list_tokens(&builder.build().unwrap()).unwrap_err()));
    println!("{with:?}, then {without:?}");
}

#[test]
fn no_proxy_setting_ignores_the_environment() {
    let variables = [("HTTP_PROXY", "http://127.0.0.1:1")];
    let output = run_child("proxy::child_calls_with_and_without_proxy", &variables);
    assert!(output.contains("ConnectFailed, then AddressNotFound"), "{output}");
}

#[test]
#[ignore = "the program of other tests"]
fn child_lists_tokens() {
    assert_child();
    let mut builder = ClientBuilder::from_env().unwrap().retry(RetryPolicy::none()).timeout(LONG);
    if let Ok(roots) = std::env::var("ROOTS") {
        builder = builder.root_certificates_pem(roots);
    }
    let client = builder.allow_insecure_http(true).build();
    println!("{client:?}");
    match client.and_then(|client| list_tokens(&client)) {
        Ok(tokens) => println!("result: {} tokens", tokens.tokens.len()),
        Err(error) => println!("result: {}", everything(&error)),
    }
}

fn run_child_with(variables: &[(&str, &str)]) -> String {
    let variables = [&[("IONOS_TOKEN", "SECRET.SECRET.SECRET")], variables].concat();
    let output = run_child("proxy::child_lists_tokens", &variables);
    assert!(!output.contains("SECRET") && !output.contains("PROXYPASS"), "{output}");
    output
}

#[test]
fn https_proxy_sees_the_host_and_no_credentials() {
    let ca = authority("A test's CA");
    let service = serve(certificate("auth.example.test", 2020..2100, Some(&ca)));
    let proxy = TunnelProxy::to(service.port);
    let port = proxy.port;
    for (url, authorized) in [
        (format!("http://127.0.0.1:{port}"), false),
        (format!("http://user:PROXYPASS@127.0.0.1:{port}"), true),
    ] {
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"] {
            let output = run_child_with(&[
                ("IONOS_API_URL", "auth.example.test"),
                ("ROOTS", &ca.pem),
                (variable, &url),
            ]);
            assert!(output.contains("result: 0 tokens"), "{variable}: {output}");
            let heads = proxy.take_heads();
            let [head] = heads.as_slice() else {
                panic!("one connection: {heads:?}");
            };
            assert!(head.starts_with("CONNECT auth.example.test:443 HTTP/1.1\r\n"), "{head}");
            assert_eq!(head.contains("Proxy-Authorization: Basic "), authorized, "{head}");
            let head = head.replace("Proxy-Authorization", "");
            assert!(!head.contains("uthorization") && !head.contains("SECRET"), "{head}");
        }
    }
}

#[test]
fn no_proxy_and_other_schemes_bypass_the_proxy() {
    let refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n";
    let proxy = FaultServer::start(vec![Play::WriteAndClose(refusal.to_vec())]);
    let url = proxy.url().replace("//", "//user:PROXYPASS@");
    let host = ("IONOS_API_URL", "auth.example.invalid");
    let output = run_child_with(&[host, ("HTTPS_PROXY", &url)]);
    for says in ["kind: ConnectFailed", "outcome_unknown: false"] {
        assert!(output.contains(says), "{output}");
    }
    assert_eq!(proxy.requests().len(), 1);
    for (no_proxy, reason) in [
        ("auth.example.invalid", "the host"),
        ("*", "all"),
        (".example.invalid", "its domain"),
        (" other.example , example.invalid", "among others"),
        ("10.0.0.0/8,auth.example.invalid.", "with a dot at its end"),
    ] {
        let output = run_child_with(&[host, ("HTTPS_PROXY", &url), ("NO_PROXY", no_proxy)]);
        assert!(output.contains("result: "), "{reason}: {output}");
        assert!(!output.contains("ConnectFailed"), "{reason}: {output}");
        assert_eq!(proxy.requests().len(), 1, "{reason}");
    }
    // A proxy for another scheme is not used, and ALL_PROXY does not override the scheme's own.
    for variables in [
        vec![("HTTP_PROXY", url.as_str()), ("http_proxy", &url)],
        vec![("HTTPS_PROXY", "http://127.0.0.1:1"), ("ALL_PROXY", &url)],
    ] {
        let output = run_child_with(&[&[host], variables.as_slice()].concat());
        assert!(output.contains("result: "), "{output}");
        assert_eq!(proxy.requests().len(), 1, "{variables:?}");
    }
    // Plain http also uses a tunnel, so a proxy that refuses it does not see credentials.
    let output =
        run_child_with(&[("IONOS_API_URL", "http://auth.example.invalid"), ("HTTP_PROXY", &url)]);
    assert!(output.contains("kind: ConnectFailed"), "{output}");
    let heads = proxy.heads();
    assert!(heads[1].starts_with("CONNECT auth.example.invalid:80 "), "{heads:?}");
    assert!(!heads[1].contains("SECRET"), "{heads:?}");
}
