//! What becomes of connections: whose answer lies on one, which one a call rides, and how a call ends
//! that waits for one.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ionoscloud_auth::*;
use support::faults::status;
use support::tls::{
    Stream, alert, authority, certificate, config, config_with_client_auth, listen,
};
use support::*;

const LONG: Duration = Duration::from_secs(20);
/// What the library promises is 250 ms; a machine that is busy with other tests may need more.
const PROMISED: Duration = Duration::from_millis(1500);

fn tls_client(port: u16, roots: &str) -> Client {
    Client::builder()
        .base_url(format!("https://127.0.0.1:{port}"))
        .credentials(Credentials::token("a.b.c"))
        .root_certificates_pem(roots)
        .timeout(LONG)
        .retry(RetryPolicy::default().base_delay(Duration::from_millis(1)))
        .build()
        .unwrap()
}

fn list_of(id: &str, padding: usize) -> Vec<u8> {
    let padding = " ".repeat(padding);
    answer(
        200,
        "",
        &format!(r#"{{"tokens":[{{"id":"{id}"}}]{padding}}}"#),
    )
}

/// How the second of two answers follows the first one.
#[derive(Clone, Copy, Debug)]
enum Follows {
    InTheSameRecord,
    InARecordOfItsOwn,
    /// Some of its record now, and the rest when the next request is there.
    HalfARecordNow(usize),
}

fn send(stream: &mut Stream, bytes: &[u8]) -> Vec<u8> {
    stream.conn.set_buffer_limit(None);
    stream.conn.writer().write_all(bytes).unwrap();
    let mut records = Vec::new();
    while stream.conn.wants_write() {
        stream.conn.write_tls(&mut records).unwrap();
    }
    records
}

/// Answers the first connection's first request twice. Whoever asks it once more gets the second.
fn answers_twice(follows: Follows, padding: usize, mut stream: Stream) {
    if read_head(&mut stream).is_none() {
        return;
    }
    let (first, second) = (list_of("A", padding), list_of("A", 0));
    let (now, later) = match follows {
        Follows::InTheSameRecord => (send(&mut stream, &[first, second].concat()), vec![]),
        Follows::InARecordOfItsOwn => {
            let mut now = send(&mut stream, &first);
            now.extend(send(&mut stream, &second));
            (now, vec![])
        }
        Follows::HalfARecordNow(amount) => {
            let mut now = send(&mut stream, &first);
            let mut later = send(&mut stream, &second);
            now.extend(later.drain(..amount));
            (now, later)
        }
    };
    stream.sock.write_all(&now).unwrap();
    if read_head(&mut stream).is_some() {
        let _ = stream.sock.write_all(&later);
        // Not closed before it is read.
        let _ = stream.sock.read(&mut [0]);
    }
}

#[test]
fn nobody_gets_the_answer_to_another_request() {
    let ca = authority("two answers");
    let follow = [
        Follows::InTheSameRecord,
        Follows::InARecordOfItsOwn,
        Follows::HalfARecordNow(1),
        Follows::HalfARecordNow(4),
        Follows::HalfARecordNow(5),
        Follows::HalfARecordNow(40),
    ];
    for follows in follow {
        for padding in [
            0, 1, 100, 1000, 3900, 4000, 4050, 4096, 5000, 8000, 8192, 10_000, 16_000, 16_200,
            16_384, 20_000, 32_500, 32_700, 33_000, 65_000, 100_000,
        ] {
            let case = format!("{follows:?}, {padding}");
            let identity = certificate("127.0.0.1", 2020..2100, Some(&ca));
            let port = listen(config(identity), move |n, mut stream| {
                if n == 0 {
                    return answers_twice(follows, padding, stream);
                }
                while read_head(&mut stream).is_some() {
                    let _ = stream.write_all(&list_of("B", 0));
                }
            });
            let client = tls_client(port, &ca.pem);
            let list = || get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap();
            assert_eq!(list().tokens[0].id.as_str(), "A", "{case}");
            // The second answer is there, as far as it comes before it is asked for.
            thread::sleep(Duration::from_millis(5));
            assert_eq!(list().tokens[0].id.as_str(), "B", "{case}");
        }
    }
}

#[test]
fn a_connection_over_tls_is_used_again() {
    let ca = authority("again");
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let identity = certificate("127.0.0.1", 2020..2100, Some(&ca));
    let port = listen(config(identity), move |_, mut stream| {
        count.fetch_add(1, Ordering::SeqCst);
        let mut padding = 0;
        while read_head(&mut stream).is_some() {
            let _ = stream.write_all(&list_of("A", padding));
            padding = (padding + 997) % 50_000;
        }
    });
    let client = tls_client(port, &ca.pem);
    for _ in 0..200 {
        get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn a_body_that_ends_without_the_end_of_tls() {
    let ca = authority("cut off");
    for endpoint in &ENDPOINTS {
        let identity = certificate("127.0.0.1", 2020..2100, Some(&ca));
        let port = listen(config(identity), |_, mut stream| {
            if read_head(&mut stream).is_some() {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                // No close_notify, as whoever cuts a connection can't send one.
                stream.sock.shutdown(Shutdown::Write).unwrap();
            }
        });
        let error = (endpoint.run)(&tls_client(port, &ca.pem)).unwrap_err();
        assert!(error.outcome_unknown(), "{}: {error}", endpoint.name);
    }
}

/// Under TLS 1.3 the client has agreed before the server refuses it.
#[test]
fn a_server_that_demands_a_certificate_has_read_no_request() {
    let ca = authority("client certificates");
    for (version, name) in [
        (&rustls::version::TLS13, "TLS 1.3"),
        (&rustls::version::TLS12, "TLS 1.2"),
    ] {
        for endpoint in &ENDPOINTS {
            let connections = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&connections);
            let identity = certificate("127.0.0.1", 2020..2100, Some(&ca));
            let server = config_with_client_auth(identity, &ca, &[version]);
            let port = listen(server, move |_, mut stream| {
                count.fetch_add(1, Ordering::SeqCst);
                assert_eq!(read_head(&mut stream), None);
                // What it said is read before the connection breaks.
                thread::sleep(Duration::from_millis(50));
            });
            let error = (endpoint.run)(&tls_client(port, &ca.pem)).unwrap_err();
            let case = format!("{name}, {}: {error}", endpoint.name);
            if cfg!(feature = "native-tls") {
                // The platform's TLS does not tell its causes apart.
                assert!(error.outcome_unknown() || name == "TLS 1.2", "{case}");
                continue;
            }
            assert!(!error.outcome_unknown(), "{case}");
            assert!(
                error.to_string().contains("a certificate of the client"),
                "{case}"
            );
            assert_eq!(
                connections.load(Ordering::SeqCst),
                1,
                "{case}: it would refuse again"
            );
            let Error::Transport(error) = error else {
                panic!("{case}");
            };
            assert_eq!(error.kind, TransportErrorKind::TlsFailed);
        }
    }
}

/// It has agreed before, with session tickets or with a tunnel: the alert says nothing of the request,
/// which has been read.
#[test]
fn an_alert_after_the_request_was_read_says_nothing_of_it() {
    let ca = authority("late alerts");
    for description in [42, 116] {
        for endpoint in &ENDPOINTS {
            let identity = certificate("127.0.0.1", 2020..2100, Some(&ca));
            let port = listen(config(identity), move |_, mut stream| {
                let Some(mut head) = read_head(&mut stream) else {
                    return;
                };
                if head.starts_with("CONNECT ") {
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                    head = read_head(&mut stream).unwrap();
                }
                assert!(head.contains("/auth/v1/tokens"), "{head}");
                let (mut socket, record) = alert(stream, description);
                socket.write_all(&record).unwrap();
                let _ = socket.read(&mut [0]);
            });
            let through_proxy = Client::builder()
                .base_url("http://auth.example.test")
                .allow_insecure_http(true)
                .credentials(Credentials::token("a.b.c"))
                .root_certificates_pem(ca.pem.clone())
                .proxy(format!("https://127.0.0.1:{port}"))
                .timeout(LONG)
                .retry(RetryPolicy::none())
                .build()
                .unwrap();
            for client in [tls_client(port, &ca.pem), through_proxy] {
                let error = (endpoint.run)(&client).unwrap_err();
                assert!(
                    error.outcome_unknown(),
                    "{description}, {}: {error}",
                    endpoint.name
                );
            }
        }
    }
}

/// It refuses the client where the answer to CONNECT would come, and would do so again.
#[cfg(not(feature = "native-tls"))]
#[test]
fn a_proxy_that_demands_a_certificate() {
    let ca = authority("proxy");
    for endpoint in &ENDPOINTS {
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let identity = certificate("127.0.0.1", 2020..2100, Some(&ca));
        let server = config_with_client_auth(identity, &ca, &[&rustls::version::TLS13]);
        let port = listen(server, move |_, mut stream| {
            count.fetch_add(1, Ordering::SeqCst);
            assert_eq!(read_head(&mut stream), None);
            thread::sleep(Duration::from_millis(50));
        });
        let client = Client::builder()
            .base_url("https://auth.example.test")
            .credentials(Credentials::token("a.b.c"))
            .root_certificates_pem(ca.pem.clone())
            .proxy(format!("https://127.0.0.1:{port}"))
            .timeout(LONG)
            .build()
            .unwrap();
        let error = (endpoint.run)(&client).unwrap_err();
        assert!(!error.outcome_unknown(), "{error}");
        assert!(
            error.to_string().contains("a certificate of the client"),
            "{error}"
        );
        assert_eq!(connections.load(Ordering::SeqCst), 1, "{error}");
    }
}

/// A guard that deletes its token when its thread ends, after the thread's other locals have gone.
#[test]
fn a_call_in_the_destructor_of_a_thread_local() {
    struct Guard(Client, std::sync::mpsc::Sender<bool>);
    impl Drop for Guard {
        fn drop(&mut self) {
            let deleted = (ENDPOINTS[3].run)(&self.0);
            self.1.send(deleted.is_ok()).unwrap();
        }
    }
    thread_local! {
        static GUARD: std::cell::RefCell<Option<Guard>> = const { std::cell::RefCell::new(None) };
    }
    let [list, delete] = [&ENDPOINTS[1], &ENDPOINTS[3]];
    for calls_before in [false, true] {
        let script = [list, delete].map(|endpoint| Play::Write(answer(200, "", endpoint.body)));
        let server = FaultServer::start(script[usize::from(!calls_before)..].to_vec());
        let client = client_of(&server.url(), LONG);
        let (deleted, told) = std::sync::mpsc::channel();
        thread::spawn(move || {
            GUARD.with_borrow_mut(|guard| *guard = Some(Guard(client.clone(), deleted)));
            if calls_before {
                (list.run)(&client).unwrap();
            }
        });
        let deleted = told.recv_timeout(2 * LONG).unwrap();
        // On Windows no other thread can start in the meantime, to connect in.
        assert!(deleted || cfg!(windows) && !calls_before);
    }
}

#[test]
fn what_is_not_trusted_is_not_asked_again() {
    let [ca, other] = [authority("a"), authority("b")];
    for endpoint in &ENDPOINTS {
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let identity = certificate("127.0.0.1", 2020..2100, Some(&ca));
        let port = listen(config(identity), move |_, mut stream| {
            count.fetch_add(1, Ordering::SeqCst);
            let _ = read_head(&mut stream);
        });
        let error = (endpoint.run)(&tls_client(port, &other.pem)).unwrap_err();
        assert!(!error.outcome_unknown(), "{error}");
        if cfg!(not(feature = "native-tls")) {
            assert_eq!(connections.load(Ordering::SeqCst), 1, "{error}");
        }
    }
}

fn through_proxy(port: u16, timeout: Duration) -> Client {
    builder_of("http://auth.example.test", timeout)
        .allow_insecure_http(true)
        .proxy(format!("http://127.0.0.1:{port}"))
        .build()
        .unwrap()
}

#[test]
fn what_a_proxy_answers_to_connect() {
    // (its answer, how often it is asked, why)
    for (answer, attempts, reason) in [
        (
            "HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n",
            1,
            "a wrong password locks accounts",
        ),
        ("HTTP/1.1 401 X\r\n\r\n", 1, "so it does here"),
        (
            "HTTP/1.1 407 X\nServer: x\n\n",
            1,
            "lines may end like this",
        ),
        (
            "HTTP/1.1 407 X\r\nServer: ",
            1,
            "it is cut off, and says enough",
        ),
        ("HTTP/1.1 403 X\r\n\r\n", 1, "it is not allowed"),
        ("HTTP/1.1 502 X\r\n\r\n", 3, "it may come back"),
        ("HTTP/1.1 503 X\r\n\r\n", 3, "it may come back"),
        (
            "HTTP/1.1 200 X\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            3,
            "more than it was asked for",
        ),
        ("SSH-2.0-OpenSSH_9.2\r\n\r\n", 3, "not HTTP"),
        ("", 3, "nothing"),
    ] {
        for endpoint in &ENDPOINTS {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port();
            let asked = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&asked);
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let head = read_head(&mut stream).unwrap_or_default();
                    assert!(head.starts_with("CONNECT auth.example.test:80 HTTP/1.1\r\n"));
                    count.fetch_add(1, Ordering::SeqCst);
                    let _ = stream.write_all(answer.as_bytes());
                }
            });
            let error = (endpoint.run)(&through_proxy(port, LONG)).unwrap_err();
            assert!(!error.outcome_unknown(), "{reason}: {error}");
            assert_eq!(asked.load(Ordering::SeqCst), attempts, "{reason}: {error}");
            let Error::Transport(error) = error else {
                panic!("{error}");
            };
            assert_eq!(error.kind, TransportErrorKind::ConnectFailed, "{reason}");
        }
    }
}

#[test]
fn a_proxy_whose_lines_end_with_a_line_feed_alone() {
    let list = &ENDPOINTS[1];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let head = read_head(&mut stream).unwrap();
        assert!(head.contains("\r\nUser-Agent: ionoscloud-auth/"), "{head}");
        stream.write_all(b"HTTP/1.1 200 OK\nVia: x\n\n").unwrap();
        read_head(&mut stream).unwrap();
        stream
            .write_all(&answer(200, "", ENDPOINTS[1].body))
            .unwrap();
        let _ = stream.read(&mut [0]);
    });
    (list.run)(&through_proxy(port, LONG)).unwrap();
}

/// A byte now and then, and never an end.
fn drips(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            thread::spawn(move || {
                for byte in bytes.iter().cycle() {
                    if stream.write_all(&[*byte]).is_err() {
                        return;
                    }
                    thread::sleep(Duration::from_millis(20));
                }
            });
        }
    });
    port
}

#[test]
fn a_proxy_that_drips_or_says_nothing_ends_with_the_time() {
    let timeout = Duration::from_millis(600);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for port in [
        drips(b"HTTP/1.1 200 OK\r\nX-Drip: drip\r\n"),
        drips(b"x"),
        silent.local_addr().unwrap().port(),
    ] {
        for endpoint in &ENDPOINTS[..2] {
            let started = Instant::now();
            let error = (endpoint.run)(&through_proxy(port, timeout)).unwrap_err();
            assert!(
                started.elapsed() < timeout + PROMISED,
                "{:?}",
                started.elapsed()
            );
            assert!(!error.outcome_unknown(), "{error}");

            // And with the client.
            let client = through_proxy(port, Duration::from_secs(60));
            thread::scope(|scope| {
                let call = scope.spawn(|| (endpoint.run)(&client));
                thread::sleep(Duration::from_millis(100));
                let started = Instant::now();
                client.shutdown();
                let error = call.join().unwrap().unwrap_err();
                assert!(started.elapsed() < PROMISED, "{:?}", started.elapsed());
                assert!(!error.outcome_unknown(), "{error}");
            });
        }
    }
}

/// Whatever ended the connection that was there, the next one is made in a way that time and shutdown
/// can end.
#[cfg(target_os = "linux")]
#[test]
fn a_call_that_finds_its_connection_gone_and_can_not_connect() {
    let list = &ENDPOINTS[1];
    let body = list.body;
    let length = body.len();
    let length = format!("Content-Length: {length}\r\n");
    for (head, closes) in [
        (format!("HTTP/1.1 200 OK\r\n{length}\r\n{body}"), true),
        (format!("HTTP/1.0 200 OK\r\n{length}\r\n{body}"), false),
        (
            format!("HTTP/1.1 200 OK\r\nConnection: close, x\r\n{length}\r\n{body}"),
            true,
        ),
        (format!("HTTP/1.1 200 OK\r\n\r\n{body}"), true),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let client = client_of(&format!("http://{address}"), Duration::from_secs(60));
        thread::scope(|scope| {
            let first = scope.spawn(|| (list.run)(&client));
            let (mut stream, _) = listener.accept().unwrap();
            read_head(&mut stream).unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            if closes {
                stream.shutdown(Shutdown::Both).unwrap();
            }
            first.join().unwrap().unwrap();

            // The listener takes no more: further connects hang.
            let mut queued = Vec::new();
            while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200))
            {
                queued.push(stream);
            }
            let second = scope.spawn(|| (list.run)(&client));
            thread::sleep(Duration::from_millis(200));
            let started = Instant::now();
            client.shutdown();
            let error = second.join().unwrap().unwrap_err();
            assert!(
                started.elapsed() < PROMISED,
                "{head}: {:?}",
                started.elapsed()
            );
            assert!(!error.outcome_unknown(), "{head}: {error}");
        });
    }
}

/// After a failover every idle connection is dead, and none of them says so.
#[test]
fn one_stale_connection_costs_one_attempt() {
    const STALE: usize = 6;
    let list = &ENDPOINTS[1];
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let failed_over = Arc::new(AtomicBool::new(false));
    let over = Arc::clone(&failed_over);
    // So many calls at once need so many connections.
    let at_once = Arc::new(Barrier::new(STALE));
    let alone = Arc::new(AtomicBool::new(false));
    let is_alone = Arc::clone(&alone);
    thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let (over, at_once, alone) = (over.clone(), at_once.clone(), is_alone.clone());
            thread::spawn(move || {
                while read_head(&mut stream).is_some() {
                    if n < STALE && over.load(Ordering::SeqCst) {
                        // It knows nothing of this connection.
                        return;
                    }
                    if !alone.load(Ordering::SeqCst) {
                        at_once.wait();
                    }
                    let body = ENDPOINTS[1].body;
                    stream.write_all(&answer(200, "", body)).unwrap();
                }
            });
        }
    });
    let attempts = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&attempts);
    let client = Client::builder()
        .base_url(url)
        .credentials(Credentials::token("a.b.c"))
        .timeout(LONG)
        .on_try(move |tried| seen.lock().unwrap().push(tried.outcome))
        .build()
        .unwrap();
    let all_at_once = || {
        thread::scope(|scope| {
            for _ in 0..STALE {
                scope.spawn(|| (list.run)(&client).unwrap());
            }
        });
    };
    all_at_once();
    attempts.lock().unwrap().clear();
    failed_over.store(true, Ordering::SeqCst);

    alone.store(true, Ordering::SeqCst);
    (list.run)(&client).unwrap();
    let lost = TryOutcome::NoAnswer(TransportErrorKind::ConnectionLost);
    let works = TryOutcome::Status(200);
    assert_eq!(*attempts.lock().unwrap(), [lost, works]);

    // The others were idle for as long, and are not tried.
    alone.store(false, Ordering::SeqCst);
    all_at_once();
    assert_eq!(attempts.lock().unwrap()[2..], [works; STALE]);
}

/// While it waits for its next attempt, others make connections, and leave them idle.
#[test]
fn the_attempt_after_a_lost_connection_has_a_fresh_one() {
    let list = &ENDPOINTS[1];
    let works = Play::Write(answer(200, "", list.body));
    let server = FaultServer::start(vec![Play::WriteAndReset(vec![]), works]);
    let client = Client::builder()
        .base_url(server.url())
        .credentials(Credentials::token("a.b.c"))
        .timeout(LONG)
        .retry(RetryPolicy::default().base_delay(Duration::from_millis(1000)))
        .build()
        .unwrap();
    thread::scope(|scope| {
        let waits = scope.spawn(|| (list.run)(&client));
        server.await_requests(1);
        thread::sleep(Duration::from_millis(100));
        (list.run)(&client).unwrap();
        assert_eq!(server.connections(), 2);
        waits.join().unwrap().unwrap();
        assert_eq!(server.connections(), 3);
        (list.run)(&client).unwrap();
        assert_eq!(server.connections(), 3, "both are kept");
    });
}

#[test]
fn a_response_that_asks_to_wait_keeps_its_connection() {
    let list = &ENDPOINTS[1];
    let server = FaultServer::start(vec![
        status(503),
        status(429),
        Play::Write(answer(200, "", list.body)),
    ]);
    (list.run)(&client_of(&server.url(), LONG)).unwrap();
    assert_eq!((server.requests().len(), server.connections()), (3, 1));
}

/// In a process of its own, in which no further thread can be started: its stack would be larger than
/// the address space.
#[cfg(target_os = "linux")]
#[test]
fn child_without_threads() {
    let Ok(url) = std::env::var("IONOS_API_URL") else {
        return;
    };
    for endpoint in &ENDPOINTS {
        let error = (endpoint.run)(&client_of(&url, LONG)).unwrap_err();
        println!("{} unknown: {error}", error.outcome_unknown());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_process_that_can_not_start_a_thread() {
    let server = FaultServer::start(vec![Play::Silence]);
    for url in [server.url(), server.url().replace("127.0.0.1", "localhost")] {
        let stack = (1_u64 << 50).to_string();
        let variables = [("IONOS_API_URL", url.as_str()), ("RUST_MIN_STACK", &stack)];
        let output = in_a_child("child_without_threads", &variables);
        let said = output.matches("false unknown: ").count();
        assert_eq!(said, ENDPOINTS.len(), "{output}");
        assert!(output.contains("no thread could be started"), "{output}");
    }
    assert!(server.requests().is_empty());
}
