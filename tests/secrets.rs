//! Secrets are not logged. This test installs a logger, so it needs a process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use std::sync::atomic::Ordering::SeqCst;

use log::{LevelFilter, Metadata, Record};
use support::*;

static FILTER: Mutex<fn(&str) -> LevelFilter> = Mutex::new(|_| LevelFilter::Off);
static RECORDS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

/// Matches the beginning of the target, like `env_logger`.
fn takes(metadata: &Metadata) -> bool {
    let filter = *FILTER.lock().unwrap();
    metadata.level() <= filter(metadata.target())
}

fn keep(record: &Record) {
    let line = (record.target().to_owned(), record.args().to_string());
    RECORDS.lock().unwrap().push(line);
}

const PASSWORD: &str = "correct horse battery staple";
const TOKEN: &str = "eyJraWQiOiJvbGQifQ.e30.VEhJU0lTVEhFU0lHTkFUVVJF";
const NEW_TOKEN: &str = "eyJraWQiOiJuZXcifQ.e30.QU5PVEhFUlNJR05BVFVSRQ";

/// What must not be logged: the secrets, and how they are sent.
fn secrets() -> Vec<String> {
    use base64::Engine as _;
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("user:{PASSWORD}"));
    vec![PASSWORD.to_owned(), pair, TOKEN.to_owned(), NEW_TOKEN.to_owned()]
}

/// Returns a line that contains eight consecutive characters of a secret, as text or hex.
fn leak() -> Option<String> {
    let hex = |piece: &[u8]| piece.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let pieces: Vec<(String, String)> = secrets()
        .iter()
        .flat_map(|secret| secret.as_bytes().windows(8))
        .map(|piece| (String::from_utf8_lossy(piece).into_owned(), hex(piece)))
        .collect();
    let records = RECORDS.lock().unwrap();
    let leak = records.iter().find(|(_, line)| {
        let dense = line.split_whitespace().collect::<String>().to_lowercase();
        pieces.iter().any(|(text, hex)| line.contains(text) || dense.contains(hex))
    });
    leak.map(|(target, line)| format!("{target}: {line}"))
}

/// Calls every endpoint with both kinds of credentials and every kind of response, and shows the
/// settings. Returns the numbers of calls and connections, and the errors.
fn calls() -> (usize, usize, Vec<Error>) {
    let (mut made, mut connections) = (0, 0);
    let mut errors = Vec::new();
    let [token, basic] = [Credentials::token(TOKEN), Credentials::basic("user", PASSWORD)];
    let with_password: Vec<_> = for_a_password().collect();
    for (credentials, endpoints) in [(token, ENDPOINTS.iter().collect()), (basic, with_password)] {
        for endpoint in endpoints {
            let body = if endpoint.name == "create" {
                format!(r#"{{"token":"{NEW_TOKEN}"}}"#)
            } else {
                endpoint.body.to_owned()
            };
            let whole = response(200, "", &body);
            let half = whole[..whole.len() - 10].to_vec();
            for play in [
                Play::Write(whole),
                Play::WriteAndReset(half),
                Play::WriteAndClose(response(200, "", NEW_TOKEN)),
                Play::Write(response(403, "", &format!("you sent {TOKEN} and {PASSWORD}"))),
                Play::Write(response(302, "Location: http://127.0.0.1:1/\r\n", "")),
            ] {
                let server = FaultServer::start(vec![play]);
                let builder = builder_of(&server.url()).credentials(credentials.clone());
                let client = builder.retry(retries(1)).build().unwrap();
                log::info!("{client:?}");
                if let Err(error) = (endpoint.run)(&client) {
                    log::info!("{}", everything(&error));
                    errors.push(error);
                }
                made += 1;
                connections += server.connections();
            }
        }
    }
    (made, connections, errors)
}

/// The second attempt would be logged. The error is that of the first one, whose outcome counts.
fn level_that_rises_between_two_attempts_ends_the_call() {
    for endpoint in ENDPOINTS {
        for (first, outcome_unknown) in
            [(faults::status(429), false), (Play::WriteAndReset(vec![]), true)]
        {
            *FILTER.lock().unwrap() = |_| LevelFilter::Off;
            let server = FaultServer::start(vec![first, endpoint.works()]);
            let client = builder_of(&server.url())
                .on_attempt(|_| *FILTER.lock().unwrap() = |_| LevelFilter::Trace)
                .build()
                .unwrap();
            let error = (endpoint.run)(&client).unwrap_err();
            assert!(matches!(error, Error::Call(_)), "{error}");
            assert_eq!(error.outcome_unknown(), endpoint.reports(outcome_unknown), "{error}");
            assert_eq!(server.requests().len(), 1, "{error}");
        }
    }
}

/// The wire would be logged while the connection is made, or while the response is on its way.
fn level_that_rises_during_an_attempt_shows_no_secret() {
    let authority = tls::authority("A test's CA");
    let identity = || tls::config(tls::certificate("localhost", 2000..2100, Some(&authority)));
    let rise = || *FILTER.lock().unwrap() = |_| LevelFilter::Trace;
    for endpoint in ENDPOINTS {
        RECORDS.lock().unwrap().clear();
        let requests = Arc::<AtomicUsize>::default();
        let count = |stream: &mut dyn std::io::Read, requests: &AtomicUsize| {
            requests.fetch_add(usize::from(stream.read(&mut [0]).is_ok_and(|n| n > 0)), SeqCst);
        };
        let [by_tls, by_proxy] = [(); 2].map(|()| Arc::clone(&requests));
        let tls = tls::listen(identity(), move |mut stream| {
            rise();
            count(&mut stream, &by_tls);
        });
        let proxy = accept(move |_, mut stream| {
            read_head(&mut stream).unwrap();
            rise();
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
            count(&mut stream, &by_proxy);
        });
        for builder in [
            builder_of(&format!("https://localhost:{tls}")).root_certificates_pem(&*authority.pem),
            builder_through_proxy(&format!("http://127.0.0.1:{proxy}")),
        ] {
            *FILTER.lock().unwrap() = |_| LevelFilter::Off;
            let client = builder.credentials(Credentials::token(TOKEN)).build().unwrap();
            let error = (endpoint.run)(&client).unwrap_err();
            assert!(!error.outcome_unknown(), "{error}");
            assert!(error.to_string().contains("ureq_proto"), "{error}");
            assert_eq!((requests.load(SeqCst), leak()), (0, None), "{}", endpoint.name);
        }

        *FILTER.lock().unwrap() = |_| LevelFilter::Off;
        let body = match endpoint.name {
            "create" => format!(r#"{{"token":"{NEW_TOKEN}"}}"#),
            _ => endpoint.body.to_owned(),
        };
        let port = accept(move |_, mut stream| {
            read_head(&mut stream).unwrap();
            rise();
            stream.write_all(&response(200, "", &body)).unwrap();
        });
        let client = client_of(&format!("http://127.0.0.1:{port}"));
        let error = (endpoint.run)(&client).unwrap_err();
        assert_eq!(error.outcome_unknown(), endpoint.reports(true), "{error}");
        assert_eq!(kind(&error), ErrorKind::Unreadable);
        assert!(error.to_string().contains("ureq_proto"), "{error}");
        assert_eq!(leak(), None, "{}", endpoint.name);
    }
}

/// The logger takes all of the time after the connection is ready. The request is not handed over,
/// and that is known.
fn time_is_looked_at_before_a_request_is_handed_over() {
    *FILTER.lock().unwrap() = |target| {
        if target == "ureq_proto" {
            thread::sleep(SHORT);
        }
        LevelFilter::Off
    };
    in_parallel(ENDPOINTS, |endpoint| {
        let server = FaultServer::start(vec![endpoint.works()]);
        let error = (endpoint.run)(&client_with_timeout(&server.url(), SHORT)).unwrap_err();
        assert_eq!((kind(&error), error.outcome_unknown()), (ErrorKind::TimedOut, false));
        assert_eq!((server.connections(), server.requests().len()), (1, 0), "{error}");
    });
}

#[test]
fn no_secret_is_logged() {
    logger::install(LevelFilter::Trace, takes, keep);

    // If the logger accepts everything, or just the critical lines, no call is made.
    let all: fn(&str) -> LevelFilter = |_| LevelFilter::Trace;
    let wire: fn(&str) -> LevelFilter = |target| match target {
        "ureq_proto::util" => LevelFilter::Trace,
        _ => LevelFilter::Off,
    };
    for filter in [all, wire] {
        *FILTER.lock().unwrap() = filter;
        let (made, connections, errors) = calls();
        assert_eq!((connections, errors.len()), (0, made));
        for error in errors {
            assert!(matches!(error, Error::Invalid { .. }), "{error}");
            assert!(error.to_string().contains("RUST_LOG=trace,ureq_proto=debug"), "{error}");
            assert!(!error.outcome_unknown());
        }
        assert_eq!(leak(), None);
    }

    // With the filter that the error suggests, calls are made.
    *FILTER.lock().unwrap() = |target| {
        if target.starts_with("ureq_proto") { LevelFilter::Debug } else { LevelFilter::Trace }
    };
    let (made, connections, _) = calls();
    assert!(connections > made, "{connections}");
    for target in ["ionoscloud_auth", "ureq_proto::", "secrets"] {
        let records = RECORDS.lock().unwrap();
        assert!(records.iter().any(|(at, _)| at.starts_with(target)), "{target} logs nothing");
    }
    assert_eq!(leak(), None);

    time_is_looked_at_before_a_request_is_handed_over();
    level_that_rises_between_two_attempts_ends_the_call();
    level_that_rises_during_an_attempt_shows_no_secret();

    // A secret that is logged is found, so this test can fail.
    log::info!("{TOKEN}");
    assert!(leak().is_some());
}
