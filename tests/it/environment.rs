//! Settings from environment variables, read in child processes.

use crate::support::*;

#[test]
#[ignore = "the program of other tests"]
fn child_lists_tokens() {
    assert_child();
    logger::install_printer(log::LevelFilter::Warn);
    let tokens = Client::from_env().and_then(|client| {
        println!("client: {client:?}");
        list_tokens(&client)
    });
    match tokens {
        Ok(tokens) => println!("result: {} tokens", tokens.tokens.len()),
        Err(error) => println!("result: {error}"),
    }
}

#[test]
fn variables_make_a_client_or_are_refused_by_name() {
    let api = MockAuthApi::start();
    let token = new_jwt(&builder_for(&api).build().unwrap()).unwrap();
    let url = ("IONOS_API_URL", api.base_url());
    let token = ("IONOS_TOKEN", token.token());
    let username = ("IONOS_USERNAME", api.username());
    let password = ("IONOS_PASSWORD", api.password());
    let only_host = api.base_url().strip_suffix("/auth/v1").unwrap();
    let with_slash = format!("{only_host}/");
    let [ended, padded] = [format!("{}\r\n", password.1), format!("{} ", password.1)];
    let padded_name = format!(" {}", username.1);
    let works = "result: 1 tokens";
    let [at, by, with] = ["IONOS_API_URL", "IONOS_TOKEN", "IONOS_PASSWORD"].map(variable);
    let [contract, pin] = ["IONOS_CONTRACT_NUMBER", "IONOS_PINNED_CERT"].map(variable);
    let [https, all] = ["HTTPS_PROXY", "ALL_PROXY"].map(variable);
    let host = at("auth.example.test");
    let refused = "Connection refused";
    // Names of variables are case-insensitive on Windows.
    let invalid = match () {
        () if cfg!(windows) => "result: HTTPS_PROXY: is not a valid proxy URL",
        () => "result: https_proxy: is not a valid proxy URL",
    };
    #[rustfmt::skip]
    let cases = [
        (vec![url, token], works),
        (vec![url, username, password], works),
        (vec![url, token, username, with("wrong")], works),
        (vec![url, token, username], works),
        (vec![url, by("wrong"), username, password], "401 Unauthorized"),
        (vec![url, by(""), username, password], works),
        (vec![url, by(" \n"), username, password], works),
        (vec![url, username, with(&ended)], works),
        (vec![url, username, with(&padded)], "401 Unauthorized"),
        (vec![url, ("IONOS_USERNAME", &padded_name), password], "401 Unauthorized"),
        (vec![at(only_host), token], works),
        (vec![at(&with_slash), token], works),
        (vec![url, token, contract(" 31952746 ")], works),
        (vec![url, token, contract("")], works),
        (vec![url, token, pin("")], works),
        (vec![url, token, contract("1")], "403 Forbidden"),
        (vec![url],
         "result: credentials: none found: set IONOS_TOKEN, or IONOS_USERNAME and IONOS_PASSWORD"),
        (vec![url, username], "result: IONOS_PASSWORD: is not set, but IONOS_USERNAME is"),
        (vec![url, username, with("")], "result: IONOS_PASSWORD: is not set"),
        (vec![url, password], "result: IONOS_USERNAME: is not set, but IONOS_PASSWORD is"),
        (vec![url, by("a b")], "result: IONOS_TOKEN: the token contains white space"),
        (vec![url, ("IONOS_USERNAME", "a:b"), password],
         "result: IONOS_USERNAME and IONOS_PASSWORD: the username contains a colon"),
        (vec![url, username, with("a\u{7}b")],
         "result: IONOS_USERNAME and IONOS_PASSWORD: the password contains a line break"),
        (vec![url, token, contract("0")], "result: IONOS_CONTRACT_NUMBER: is not a number from 1"),
        (vec![url, token, contract("-1")], "result: IONOS_CONTRACT_NUMBER: is not a number"),
        (vec![url, token, contract("12x")], "result: IONOS_CONTRACT_NUMBER: is not a number"),
        (vec![url, token, contract("2147483648")], "result: IONOS_CONTRACT_NUMBER: is not a number"),
        (vec![token, at("https://a:b@c")], "result: IONOS_API_URL: contains a user name"),
        (vec![token, at("http://api.example")], "result: IONOS_API_URL: is plain http"),
        (vec![url, token, pin("ab:cd")], "result: IONOS_PINNED_CERT: is "),
        (vec![token], "base_url: \"https://api.ionos.com/auth/v1\""),
        (vec![token, host, all("socks5://127.0.0.1:1")], "result: ALL_PROXY: is a SOCKS proxy"),
        (vec![token, host, all("socks5://127.0.0.1:1"), https("http://127.0.0.1:1")], refused),
        (vec![token, host, all("socks5h://127.0.0.1:1"), ("NO_PROXY", "auth.example.test")],
         "client: "),
        (vec![token, host, https("http://127.0.0.1:1"), ("NO_PROXY", "https://auth.example.test")],
         "WARN NO_PROXY: "),
        (vec![token, host, https("http://127.0.0.1:1"), ("NO_PROXY", "192.0.2.0/99")],
         "WARN NO_PROXY: "),
        (vec![url, token, all("socks4://127.0.0.1:1")], works),
        (vec![token, host, https(" http://127.0.0.1:1 ")], refused),
        (vec![token, host, https("http://a b")], "result: HTTPS_PROXY: is not a valid proxy URL"),
        (vec![token, host, ("https_proxy", "htps://127.0.0.1:1")], invalid),
        (vec![token, host, ("https_proxy", "htps://127.0.0.1:1"), ("NO_PROXY", "*")], "client: "),
        // The proxy is for another scheme.
        (vec![token, host, ("HTTP_PROXY", "socks5://127.0.0.1:1")], "client: "),
        (vec![token, host, https("http://127.0.0.1:1")], refused),
        // A proxy is not used for a loopback address: it would see the credentials, and could not
        // reach it.
        (vec![url, token, ("HTTP_PROXY", "http://127.0.0.1:1"), all("http://127.0.0.1:1")], works),
    ];
    in_parallel(cases, |(variables, says)| {
        // Without IONOS_API_URL a case would call the real service: a missing proxy prevents that.
        let mut variables = variables;
        if !variables.iter().any(|(name, _)| *name == "IONOS_API_URL") {
            variables.push(("HTTPS_PROXY", "http://127.0.0.1:1"));
        }
        let output = run_child("environment::child_lists_tokens", &variables);
        assert!(output.contains(says), "{says}: {output}");
        assert!(!output.contains(token.1) && !output.contains(password.1), "{output}");
    });
}

#[test]
fn variable_that_is_not_utf8_is_refused() {
    let variables = [("IONOS_TOKEN", not_utf8("a"))];
    let output = run_child("environment::child_lists_tokens", &variables);
    assert!(output.contains("result: IONOS_TOKEN: is not UTF-8"), "{output}");
}
