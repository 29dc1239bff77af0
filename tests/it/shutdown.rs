//! A shutdown ends calls at once, whatever they wait for.

use std::sync::mpsc::channel;

use crate::support::*;

/// Shuts the client down while the call waits. Returns the call's error, and how long it took.
fn shut_down_during(
    client: &Client,
    endpoint: &Endpoint,
    waits: impl FnOnce(),
) -> (Error, Duration) {
    thread::scope(|scope| {
        let call = scope.spawn(|| (endpoint.run)(client));
        waits();
        let started = Instant::now();
        client.clone().shutdown();
        let error = call.join().unwrap().unwrap_err();
        (error, started.elapsed())
    })
}

fn assert_shut_down(error: &Error, elapsed: Duration, outcome_unknown: bool, case: &str) {
    assert!(elapsed < SLACK, "{case}: {elapsed:?}");
    assert_eq!(error.outcome_unknown(), outcome_unknown, "{case}: {error}");
    assert_eq!(kind(&error), ErrorKind::ShutDown, "{case}");
}

#[test]
fn shutdown_ends_a_call_that_waits_for_its_response() {
    in_parallel(ENDPOINTS, |endpoint| {
        #[rustfmt::skip]
        let cases = [
            (Play::Silence, "silence"),
            (Play::Drip(endpoint.success(), Duration::from_millis(300)), "a head that drips"),
            (Play::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n".to_vec(), Duration::ZERO),
             "no body"),
            (
                // Without a length the body ends with the connection, which the shutdown closes.
                Play::Drip(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), Duration::ZERO),
                "no length",
            ),
        ];
        for (play, case) in cases {
            let case = format!("{case} × {}", endpoint.name);
            let server = FaultServer::start(vec![play]);
            let client = client_of(&server.url());
            let (error, elapsed) = shut_down_during(&client, endpoint, || server.await_requests(1));
            assert_shut_down(&error, elapsed, true, &case);
            assert_eq!(server.requests().len(), 1, "{case}: nothing is sent again");

            // The client and its clones no longer work.
            let relatives =
                [client.clone(), client.with_credentials(Credentials::token("x.y.z")).unwrap()];
            for client in relatives.iter().chain([&client]) {
                let started = Instant::now();
                let error = (endpoint.run)(client).unwrap_err();
                assert_shut_down(&error, started.elapsed(), false, &case);
            }
            assert_eq!(server.requests().len(), 1, "{case}");
        }
    });
}

#[test]
fn shutdown_ends_a_call_on_a_reused_connection() {
    let server = FaultServer::start(vec![LIST.works(), Play::Silence]);
    let client = client_of(&server.url());
    (LIST.run)(&client).unwrap();
    let (error, elapsed) = shut_down_during(&client, LIST, || server.await_requests(2));
    assert_shut_down(&error, elapsed, true, "reused");
    assert_eq!(server.connections(), 1);
}

#[test]
fn shutdown_ends_the_wait_between_attempts() {
    in_parallel(ENDPOINTS, |endpoint| {
        let server =
            FaultServer::start(vec![Play::Write(response(429, "Retry-After: 30\r\n", ""))]);
        let (attempted, attempts) = channel();
        let hook = move |_: &Attempt<'_>| attempted.send(()).unwrap();
        let client = builder_of(&server.url()).on_attempt(hook).build().unwrap();
        let (error, elapsed) = shut_down_during(&client, endpoint, || attempts.recv().unwrap());
        assert_shut_down(&error, elapsed, false, "between attempts");
    });
}

#[test]
fn shutdown_ends_a_tls_handshake() {
    for endpoint in ENDPOINTS {
        let server = FaultServer::start(vec![Play::Silence]);
        let client = client_of(&server.https_url());
        let (error, elapsed) = shut_down_during(&client, endpoint, || server.await_requests(1));
        assert_shut_down(&error, elapsed, false, "TLS");
    }
}

/// The listener's queue is full, so further attempts to connect hang. On Windows they are refused
/// after three attempts of the system.
#[test]
fn shutdown_and_timeout_end_an_attempt_to_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _queued = fill_accept_queue(&address);
    in_parallel(ENDPOINTS, |endpoint| {
        let client = client_of(&format!("http://{address}"));
        let (error, elapsed) =
            shut_down_during(&client, endpoint, || thread::sleep(Duration::from_millis(300)));
        assert_shut_down(&error, elapsed, false, "connecting");
        // Without a shutdown, the timeout ends it.
        let timeout = Duration::from_millis(500);
        let started = Instant::now();
        let error = (endpoint.run)(&client_with_timeout(&format!("http://{address}"), timeout))
            .unwrap_err();
        assert!(started.elapsed() < timeout + SLACK, "{:?}", started.elapsed());
        assert!(!error.outcome_unknown(), "{error}");
    });
}

#[test]
fn shutdown_ends_many_calls_at_once() {
    let server = FaultServer::start(vec![Play::Silence]);
    let client = client_of(&server.url());
    let started = thread::scope(|scope| {
        let calls: Vec<_> = (0..64)
            .map(|n| {
                let client = client.clone();
                scope.spawn(move || (ENDPOINTS[n % ENDPOINTS.len()].run)(&client))
            })
            .collect();
        server.await_requests(64);
        let started = Instant::now();
        client.shutdown();
        for call in calls {
            assert!(call.join().unwrap().is_err());
        }
        started
    });
    assert!(started.elapsed() < SLACK, "{:?}", started.elapsed());
}

/// `WAITING=3000` makes more calls; it requires a limit of 7,000 open files. Prints the CPU time of
/// the waiting calls, which is meaningful only if no other test is running.
#[test]
fn shutdown_ends_hundreds_of_waiting_calls() {
    let calls = std::env::var("WAITING").map_or(400, |calls| calls.parse().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = client_of(&format!("http://{}", listener.local_addr().unwrap()));
    let (took, cpu) = thread::scope(|scope| {
        let waiting: Vec<_> = (0..calls)
            .map(|n| {
                let (client, endpoint) = (&client, if n % 2 == 0 { LIST } else { CREATE });
                let small = thread::Builder::new().stack_size(256 * 1024);
                small.spawn_scoped(scope, move || (endpoint.run)(client)).unwrap()
            })
            .collect();
        // Each call has sent its request and does not get a response.
        let mut accepted = Vec::new();
        while accepted.len() < calls {
            let (stream, _) = listener.accept().unwrap();
            stream.peek(&mut [0]).unwrap();
            accepted.push(stream);
        }
        let before = cpu_time();
        thread::sleep(Duration::from_secs(1));
        let cpu = cpu_time() - before;
        let started = Instant::now();
        client.shutdown();
        for call in waiting {
            let error = call.join().unwrap().unwrap_err();
            assert_shut_down(&error, Duration::ZERO, true, "one of many");
        }
        (started.elapsed(), cpu)
    });
    println!(
        "{calls} calls that wait took {cpu:?} of CPU a second, and ended {took:?} after shutdown()"
    );
    assert!(took < SLACK, "{took:?}");
}

/// Returns this process's CPU time, with 100 ticks per second, or zero without `/proc`.
fn cpu_time() -> Duration {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return Duration::ZERO;
    };
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

#[test]
fn second_shutdown_does_nothing() {
    let client = client_of("http://127.0.0.1:1");
    client.shutdown();
    client.shutdown();
    assert!((ENDPOINTS[0].run)(&client).is_err());
}

#[test]
fn calls_after_shutdown_fail_and_say_so() {
    let api = MockAuthApi::start();
    let client = client_of(api.base_url());
    let clone = client.clone();
    let other = client.with_credentials(Credentials::token("a.b.c")).unwrap();
    client.shutdown();
    for client in [&client, &clone, &other] {
        let error = create_token(client, &CreateTokenOptions::new()).unwrap_err();
        assert!(error.to_string().contains("the client was shut down"), "{error}");
        assert!(!error.outcome_unknown());
        assert_eq!(kind(&error), ErrorKind::ShutDown);
    }
    assert!(api.requests().is_empty());
}
