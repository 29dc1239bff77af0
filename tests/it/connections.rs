//! Which connection a call uses, and how a call ends while it waits for one.

use crate::support::*;

#[test]
fn only_calls_that_read_reuse_a_connection() {
    let server = FaultServer::start((0..100).map(|_| LIST.works()).collect());
    let client = client_of(&server.url());
    for _ in 0..100 {
        (LIST.run)(&client).unwrap();
    }
    assert_eq!((server.requests().len(), server.connections()), (100, 1));

    let script: Vec<_> = ENDPOINTS
        .iter()
        .flat_map(|endpoint| [LIST, endpoint, LIST])
        .map(|endpoint| endpoint.works())
        .collect();
    let server = FaultServer::start(script);
    let client = client_of(&server.url());
    let mut expected = 1;
    for endpoint in ENDPOINTS {
        (LIST.run)(&client).unwrap();
        (endpoint.run)(&client).unwrap();
        expected += usize::from(!endpoint.only_reads());
        assert_eq!(server.connections(), expected, "{}", endpoint.name);
        (LIST.run)(&client).unwrap();
        assert_eq!(server.connections(), expected, "the idle one is still there");
    }
}

/// A response that comes late, on a connection that another user opened, would show that user's
/// tokens. Each has idle connections of its own, whoever calls in between.
#[test]
fn idle_connection_serves_only_the_credentials_that_opened_it() {
    let of_connection = Arc::new(Mutex::new(BTreeMap::<usize, HashSet<String>>::new()));
    let seen = Arc::clone(&of_connection);
    let port = accept(move |n, mut stream| {
        while let Some(head) = read_head(&mut stream) {
            let line = head.lines().find(|line| line.starts_with("authorization")).unwrap();
            seen.lock().unwrap().entry(n).or_default().insert(line.to_owned());
            stream.write_all(&LIST.success()).unwrap();
        }
    });
    let alice = client_of(&format!("http://127.0.0.1:{port}"));
    let bob = alice.with_credentials(Credentials::basic("bob", "secret")).unwrap();
    let carol = bob.with_credentials(Credentials::token("carol")).unwrap();
    for _ in 0..3 {
        for client in [&alice, &bob, &carol, &bob.clone(), &bob.with_timeout(LONG).unwrap()] {
            list_tokens(client).unwrap();
        }
    }
    let seen = of_connection.lock().unwrap();
    assert_eq!(seen.len(), 3, "{seen:?}");
    assert!(seen.values().all(|identities| identities.len() == 1), "{seen:?}");
    drop(seen);
    alice.shutdown();
    for client in [&alice, &bob, &carol] {
        assert_eq!(kind(&list_tokens(client).unwrap_err()), ErrorKind::ShutDown);
    }
}

/// The server closes the connection between two calls. No request is sent twice.
#[test]
fn closed_idle_connection_is_replaced() {
    in_parallel(ENDPOINTS, |endpoint| {
        let server =
            FaultServer::start(vec![Play::WriteAndClose(endpoint.success()), endpoint.works()]);
        let client = client_of(&server.url());
        (endpoint.run)(&client).unwrap();
        server.await_closed(1);
        (endpoint.run)(&client).unwrap();
        assert_eq!((server.requests().len(), server.connections()), (2, 2), "{}", endpoint.name);
    });
}

/// The connection is reset when the next request arrives. Calls that change something never use an
/// idle connection.
#[test]
fn lost_idle_connection_costs_repeatable_calls_one_attempt() {
    for endpoint in ENDPOINTS {
        let server =
            FaultServer::start(vec![LIST.works(), Play::WriteAndReset(vec![]), endpoint.works()]);
        let client = client_of(&server.url());
        (LIST.run)(&client).unwrap();
        let error = (endpoint.run)(&client).err();
        assert_eq!(error.is_none(), endpoint.repeatable, "{}", endpoint.name);
        assert!(error.is_none_or(|error| error.outcome_unknown()), "{}", endpoint.name);
        let expected = if endpoint.repeatable { 3 } else { 2 };
        assert_eq!(server.requests().len(), expected, "{}", endpoint.name);
    }
}

/// After a failover every idle connection is stale, without being closed.
#[test]
fn one_stale_connection_costs_one_attempt() {
    const STALE: usize = 6;
    // Parallel calls need as many connections.
    let barrier = Barrier::new(STALE);
    let [failed_over, single_request] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
    let (over, single) = (failed_over.clone(), single_request.clone());
    let port = accept(move |n, mut stream| {
        while read_head(&mut stream).is_some() {
            if n < STALE && over.load(Ordering::SeqCst) {
                // The new server does not know the connection.
                return;
            }
            if !single.load(Ordering::SeqCst) {
                barrier.wait();
            }
            stream.write_all(&LIST.success()).unwrap();
        }
    });
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&attempts);
    let client = builder_of(&format!("http://127.0.0.1:{port}"))
        .on_attempt(move |attempt| seen.lock().unwrap().push(attempt.label))
        .build()
        .unwrap();
    let all_at_once = || {
        thread::scope(|scope| {
            for _ in 0..STALE {
                scope.spawn(|| (LIST.run)(&client).unwrap());
            }
        });
    };
    all_at_once();
    attempts.lock().unwrap().clear();
    failed_over.store(true, Ordering::SeqCst);

    single_request.store(true, Ordering::SeqCst);
    (LIST.run)(&client).unwrap();
    let lost = ErrorKind::ConnectionLost.as_str();
    let works = "success";
    assert_eq!(*attempts.lock().unwrap(), [lost, works]);

    // The others were idle for just as long, and are not used.
    single_request.store(false, Ordering::SeqCst);
    all_at_once();
    assert_eq!(attempts.lock().unwrap()[2..], [works; STALE]);
}

/// Another call leaves an idle connection between two attempts of this one.
#[test]
fn attempt_after_a_lost_connection_uses_a_new_one() {
    let server = FaultServer::start(vec![Play::WriteAndReset(vec![]), LIST.works()]);
    let other = Arc::<Mutex<Option<Client>>>::default();
    let calls = Arc::clone(&other);
    let hook = move |_: &Attempt<'_>| {
        let other = calls.lock().unwrap().take();
        other.map(|client| (LIST.run)(&client).unwrap());
    };
    let client = builder_of(&server.url()).on_attempt(hook).build().unwrap();
    *other.lock().unwrap() = Some(client.clone());
    (LIST.run)(&client).unwrap();
    assert_eq!((server.requests().len(), server.connections()), (3, 3));
    (LIST.run)(&client).unwrap();
    assert_eq!(server.connections(), 3, "both are kept");
}

#[test]
fn retry_after_429_or_503_reuses_the_connection() {
    let server = FaultServer::start(vec![status(503), status(429), LIST.works()]);
    (LIST.run)(&client_of(&server.url())).unwrap();
    assert_eq!((server.requests().len(), server.connections()), (3, 1));
}

/// A shutdown ends the attempt to connect, regardless of how the idle connection ended.
#[test]
fn shutdown_ends_a_reconnect_after_a_stale_connection() {
    let body = LIST.body;
    let length = body.len();
    let length = format!("Content-Length: {length}\r\n");
    let cases = [
        (format!("HTTP/1.1 200 OK\r\n{length}\r\n{body}"), true),
        (format!("HTTP/1.0 200 OK\r\n{length}\r\n{body}"), false),
        (format!("HTTP/1.1 200 OK\r\nConnection: close, x\r\n{length}\r\n{body}"), true),
        (format!("HTTP/1.1 200 OK\r\n\r\n{body}"), true),
    ];
    in_parallel(cases, |(head, closes)| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = client_of(&format!("http://{address}"));
        thread::scope(|scope| {
            let first = scope.spawn(|| (LIST.run)(&client));
            let (mut stream, _) = listener.accept().unwrap();
            read_head(&mut stream).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            if closes {
                stream.shutdown(Shutdown::Both).unwrap();
            }
            first.join().unwrap().unwrap();

            // The queue is full, so further attempts to connect hang.
            let _queued = fill_accept_queue(&address);
            let second = scope.spawn(|| (LIST.run)(&client));
            thread::sleep(Duration::from_millis(200));
            let started = Instant::now();
            client.shutdown();
            let error = second.join().unwrap().unwrap_err();
            assert!(started.elapsed() < SLACK, "{head}: {:?}", started.elapsed());
            assert!(!error.outcome_unknown(), "{head}: {error}");
        });
    });
}

/// A guard deletes its token when its thread ends, after the other thread locals have gone.
#[test]
fn call_in_a_thread_local_destructor_succeeds() {
    struct Guard(Client, std::sync::mpsc::Sender<Result<String>>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.1.send((DELETE.run)(&self.0)).unwrap();
        }
    }
    thread_local! {
        static GUARD: std::cell::RefCell<Option<Guard>> = const { std::cell::RefCell::new(None) };
    }
    for calls_before in [false, true] {
        let script = [LIST, DELETE].map(|endpoint| endpoint.works());
        let server = FaultServer::start(script[usize::from(!calls_before)..].to_vec());
        // Windows does not start the thread that connects during that.
        let can_connect = !cfg!(windows);
        let url = server.url().replace("127.0.0.1", "localhost");
        let client = client_with_timeout(&url, if can_connect { LONG } else { SHORT });
        let (deleted, result) = std::sync::mpsc::channel();
        let started = Instant::now();
        thread::spawn(move || {
            GUARD.with_borrow_mut(|guard| *guard = Some(Guard(client.clone(), deleted)));
            if calls_before {
                (LIST.run)(&client).unwrap();
            }
        });
        match result.recv_timeout(2 * LONG).unwrap() {
            Ok(_) => assert!(can_connect),
            Err(error) => {
                assert!(!can_connect && !error.outcome_unknown(), "{error}");
                assert!(started.elapsed() < SHORT + SLACK, "{error}");
                assert_eq!(server.requests().len(), usize::from(calls_before), "{error}");
            }
        }
    }
}

/// No further thread can be started, because its stack would be larger than the address space. On
/// Windows the test would not start either: it runs without a thread only if the system reports
/// EAGAIN.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "the program of other tests"]
fn child_cannot_start_threads() {
    assert_child();
    let url = std::env::var("IONOS_API_URL").unwrap();
    for endpoint in ENDPOINTS {
        let error = (endpoint.run)(&client_of(&url)).unwrap_err();
        println!("{} unknown: {error}", error.outcome_unknown());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn call_fails_with_a_known_outcome_if_no_thread_can_start() {
    let server = FaultServer::start(vec![Play::Silence]);
    // An address would not have to be looked up.
    let url = server.url().replace("127.0.0.1", "localhost");
    // musl accepts at most a quarter of the address space.
    let stack = match usize::BITS {
        64 => usize::MAX / 8,
        _ => usize::MAX - (1 << 20),
    };
    let stack = stack.to_string();
    let variables = [("IONOS_API_URL", url.as_str()), ("RUST_MIN_STACK", &stack)];
    let output = run_child("connections::child_cannot_start_threads", &variables);
    let said = output.matches("false unknown: ").count();
    assert_eq!(said, ENDPOINTS.len(), "{output}");
    assert!(output.contains("could not start a thread"), "{output}");
    assert!(server.requests().is_empty());
}
