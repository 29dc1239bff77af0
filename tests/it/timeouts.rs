//! A call's timeout covers all of its attempts and the waits between them.

use crate::support::*;

#[test]
fn timeout_covers_attempts_and_waits() {
    at_once([
        timeout_ends_endless_retries,
        timeout_includes_the_wait_between_attempts,
        silent_handshake_leaves_time_for_another_attempt,
        timeout_ends_a_body_that_stalls,
        retry_after_is_obeyed_if_it_fits_the_timeout,
    ]);
}

/// What the tests wait for that have to send a request before it is over.
const TIMEOUT: Duration = Duration::from_secs(6);

/// Attempts are a second apart. The wait after the last does not fit, so no attempt is cut short.
fn timeout_ends_endless_retries() {
    let server = FaultServer::start(vec![service_error(503, "Retry-After: 1\r\n")]);
    let endless = RetryPolicy::default().max_retries(u32::MAX);
    let client = builder_of(&server.url()).timeout(TIMEOUT).retry(endless).build().unwrap();
    let started = Clock::start();
    let error = list_tokens(&client).unwrap_err();
    assert_eq!(error.status(), Some(503));
    assert!(started.elapsed() < TIMEOUT + SLACK);
    assert!(server.requests().len() > 2);
}

/// The second attempt has the time that the first one and the wait have left.
fn timeout_includes_the_wait_between_attempts() {
    in_parallel([(LIST, false), (LIST, true), (CREATE, false)], |(endpoint, closes)| {
        let busy = match service_error(503, "Retry-After: 2\r\n") {
            Play::Write(busy) if closes => Play::WriteAndClose(busy),
            busy => busy,
        };
        let server = FaultServer::start(vec![busy, Play::Silence]);
        let (began, clock) = (Instant::now(), Clock::start());
        let error = (endpoint.run)(&client_with_timeout(&server.url(), TIMEOUT)).unwrap_err();
        assert!(began.elapsed() >= TIMEOUT && clock.elapsed() < TIMEOUT + SLACK, "{error}");
        assert_eq!(error.outcome_unknown(), endpoint.reports(true), "{error}");
        assert_eq!(server.requests().len(), 2, "{error}");
    });
}

/// The promise's own scale, for each wait that a peer can draw out.
#[test]
fn call_is_at_most_250_ms_late() {
    let drip = |bytes: &[u8]| Play::Drip(bytes.to_vec(), Duration::from_millis(20));
    let endless = [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", &[b' '; 9999][..]].concat();
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    let _queued = fill_accept_queue(&full.local_addr().unwrap());
    let silent = FaultServer::start(vec![Play::Silence]);
    let [body, head, proxy] =
        [&endless, &b"HTTP/1.1 200 OK\r\nX: ".repeat(99)[..], b"HTTP/1.1 200 OK\r\nX: X"]
            .map(|bytes| FaultServer::start(vec![drip(bytes)]));
    let mut cases = vec![
        (builder_of(&silent.url()), "no response"),
        (builder_of(&silent.https_url()), "a silent TLS handshake"),
        (builder_of(&head.url()), "a head that drips"),
        (builder_of(&body.url()), "a body that drips"),
        (builder_through_proxy(&proxy.url()), "a tunnel that drips"),
    ];
    // Elsewhere the system may refuse.
    if cfg!(target_os = "linux") {
        let url = format!("http://{}", full.local_addr().unwrap());
        cases.push((builder_of(&url), "nobody accepts"));
    }
    let timeout = Duration::from_millis(1200);
    in_parallel(cases, |(builder, case)| {
        let client = builder.timeout(timeout).build().unwrap();
        assert_in_time(timeout, case, || {
            let error = list_tokens(&client).unwrap_err();
            assert_eq!(kind(&error), ErrorKind::TimedOut, "{case}: {error}");
        });
    });
}

/// Until it has a connection, an attempt uses half of the time, if another one may follow.
fn silent_handshake_leaves_time_for_another_attempt() {
    let silent = FaultServer::start(vec![Play::Silence]);
    in_parallel([(1, TIMEOUT / 2), (0, TIMEOUT)], |(retries, share)| {
        let (began, clock) = (Instant::now(), Clock::start());
        let (ended, attempts) = std::sync::mpsc::channel();
        let retry = RetryPolicy::default().max_retries(retries).base_delay(Duration::ZERO);
        let builder = builder_of(&silent.https_url()).timeout(TIMEOUT).retry(retry);
        // In the thread of the call, whose clock it is.
        let hook = move |_: &Attempt<'_>| ended.send((began.elapsed(), clock.elapsed())).unwrap();
        let error = list_tokens(&builder.on_attempt(hook).build().unwrap()).unwrap_err();
        assert_eq!(kind(&error), ErrorKind::TimedOut, "{error}");
        assert_eq!(call_error(&error).attempts, retries + 1, "{error}");
        let (first, without_delays) = attempts.recv().unwrap();
        assert!(first >= share && without_delays < share + TIMEOUT / 3, "{retries}: {first:?}");
    });
}

fn timeout_ends_a_body_that_stalls() {
    let body = b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n{".to_vec();
    let silent = FaultServer::start(vec![Play::Drip(body, Duration::ZERO)]);
    let error = new_jwt(&client_with_timeout(&silent.url(), TIMEOUT)).unwrap_err();
    assert_eq!((kind(&error), error.status()), (ErrorKind::TimedOut, Some(200)), "{error}");
    assert!(error.outcome_unknown(), "{error}");
}

fn retry_after_is_obeyed_if_it_fits_the_timeout() {
    let busy = |value: &str| service_error(503, &format!("Retry-After: {value}\r\n"));
    let works = LIST.works();
    let list = |server: &FaultServer| {
        let started = Clock::start();
        let client = client_with_timeout(&server.url(), Duration::from_secs(20));
        let error = list_tokens(&client).err();
        (error, started.elapsed())
    };

    // A date has only whole seconds.
    let now = SystemTime::now();
    let date = httpdate::fmt_http_date(now + Duration::from_secs(4));
    for (value, until) in
        [("1", now + Duration::from_secs(1)), (&date, now + Duration::from_secs(3))]
    {
        let server = FaultServer::start(vec![busy(value), works.clone()]);
        let (error, _) = list(&server);
        assert!(error.is_none(), "{value}: {error:?}");
        assert!(SystemTime::now() >= until, "{value}");
    }

    // It does not fit: the error is returned at once, with the wait, which is a year at most.
    for (value, seconds) in [
        ("60", 60),
        ("31535999", 31_535_999),
        ("31536001", 31_536_000),
        ("99999999999999999999999", 31_536_000),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 31_536_000),
    ] {
        let server = FaultServer::start(vec![busy(value), works.clone()]);
        let (error, elapsed) = list(&server);
        let error = error.unwrap();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(seconds)), "{value}");
        assert_eq!((server.requests().len(), error.outcome_unknown()), (1, false), "{value}");
        assert!(elapsed < SLACK && error.to_string().contains(&format!("{seconds} s")), "{error}");
    }

    // Malformed values and dates in the past are ignored.
    for value in ["-1", "soon", "1.5", "", "Sun, 06 Nov 1994 08:49:37 GMT", "\u{fc}"] {
        let server = FaultServer::start(vec![busy(value), works.clone()]);
        let (error, _) = list(&server);
        assert!(error.is_none(), "{value}: {error:?}");
        assert_eq!(server.requests().len(), 2, "{value}");
    }
}

#[test]
fn extreme_timeouts_are_respected() {
    let long =
        [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_secs(99 * 365 * 86_400)];
    in_parallel(long, |timeout| {
        let server = FaultServer::start(vec![status(503), LIST.works()]);
        (LIST.run)(&client_with_timeout(&server.url(), timeout)).unwrap();
    });
    // A nanosecond is too short to send a request.
    let server = FaultServer::start(vec![LIST.works()]);
    let error =
        (LIST.run)(&client_with_timeout(&server.url(), Duration::from_nanos(1))).unwrap_err();
    assert_eq!(kind(&error), ErrorKind::TimedOut);
    assert!(server.requests().is_empty() && !error.outcome_unknown());
}

/// The program handles a signal while it waits for a response without a time limit.
#[cfg(unix)]
#[test]
#[ignore = "the program of other tests"]
fn child_handles_a_signal() {
    assert_child();
    ctrlc::set_handler(|| println!("a signal")).unwrap();
    let url = std::env::var("IONOS_API_URL").unwrap();
    (LIST.run)(&client_with_timeout(&url, Duration::MAX)).unwrap();
    println!("done");
}

#[cfg(unix)]
#[test]
fn signal_does_not_end_a_wait() {
    let meeting = Arc::new(Barrier::new(2));
    let at_server = Arc::clone(&meeting);
    let port = accept(move |_, mut stream| {
        read_head(&mut stream).unwrap();
        at_server.wait();
        at_server.wait();
        stream.write_all(&LIST.success()).unwrap();
    });
    let url = format!("http://127.0.0.1:{port}");
    let mut child = child("timeouts::child_handles_a_signal", &[("IONOS_API_URL", &url)]);
    let mut child = child.stdout(Stdio::piped()).spawn().unwrap();
    meeting.wait();
    send_signal(&child, "-INT");
    let printed = std::io::BufReader::new(child.stdout.take().unwrap());
    let mut lines = std::io::BufRead::lines(printed).map_while(|line| line.ok());
    assert!(lines.any(|line| line.contains("a signal")));
    // For the wait to end, if that ends it.
    thread::sleep(Duration::from_millis(200));
    meeting.wait();
    assert!(lines.any(|line| line.contains("done")));
    assert!(child.wait().unwrap().success());
}
