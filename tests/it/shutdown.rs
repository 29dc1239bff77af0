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
    assert_eq!(kind(error), ErrorKind::ShutDown, "{case}");
    assert!(error.to_string().contains("the client was shut down"), "{case}: {error}");
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
            // Without a length the body ends with the connection, which the shutdown closes.
            (Play::Drip(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), Duration::ZERO), "no length"),
            (Play::Drip(format!("HTTP/1.1 200 OK\r\n\r\n{}", endpoint.body).into(), Duration::ZERO),
             "no length, all of a body"),
        ];
        for (play, case) in cases {
            let case = format!("{case} × {}", endpoint.name);
            let server = FaultServer::start(vec![play]);
            let client = client_of(&server.url());
            let (error, elapsed) = shut_down_during(&client, endpoint, || {
                server.await_requests(1);
                // For the rest of the response.
                thread::sleep(Duration::from_millis(50));
            });
            assert_shut_down(&error, elapsed, endpoint.reports(true), &case);
            assert_eq!(server.requests().len(), 1, "{case}: nothing is sent again");

            // The client and its clones no longer work. A second shutdown does nothing.
            client.shutdown();
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
    assert_shut_down(&error, elapsed, false, "reused");
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
        let client = client_with_timeout(&format!("http://{address}"), SHORT / 4);
        let started = Clock::start();
        let error = (endpoint.run)(&client).unwrap_err();
        assert!(started.elapsed() < SHORT / 4 + SLACK, "{:?}", started.elapsed());
        assert!(!error.outcome_unknown(), "{error}");
    });
}

/// `WAITING=3000` makes more calls; it requires a limit of 7,000 open files. It also prints the CPU
/// time of the waiting calls, which is meaningful only if no other test is running.
#[test]
fn shutdown_ends_hundreds_of_waiting_calls() {
    let waiting = std::env::var("WAITING").ok();
    let calls = waiting.as_ref().map_or(400, |calls| calls.parse().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = client_of(&format!("http://{}", listener.local_addr().unwrap()));
    thread::scope(|scope| {
        let made: Vec<_> = (0..calls)
            .map(|n| {
                let (client, endpoint) = (client.clone(), &ENDPOINTS[n % ENDPOINTS.len()]);
                let small = thread::Builder::new().stack_size(256 * 1024);
                small.spawn_scoped(scope, move || (endpoint.run)(&client)).unwrap()
            })
            .collect();
        // Each call has sent its request and does not get a response.
        let mut accepted = Vec::new();
        while accepted.len() < calls {
            let (stream, _) = listener.accept().unwrap();
            stream.peek(&mut [0]).unwrap();
            accepted.push(stream);
        }
        if waiting.is_some() {
            let before = cpu_time();
            thread::sleep(Duration::from_secs(1));
            println!("{calls} calls that wait took {:?} of CPU a second", cpu_time() - before);
        }
        let started = Clock::start();
        client.shutdown();
        for (call, endpoint) in made.into_iter().zip(ENDPOINTS.iter().cycle()) {
            let error = call.join().unwrap().unwrap_err();
            assert_shut_down(&error, started.elapsed(), endpoint.reports(true), "one of many");
        }
        println!("they ended {:?} after shutdown()", started.elapsed());
    });
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
