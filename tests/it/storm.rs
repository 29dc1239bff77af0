//! One client, many threads, and a service that often fails or is unreachable.

use crate::support::*;

const THREADS: usize = 32;
const CALLS: usize = 3_000;

/// A service that stores tokens by their Key ID, `id-1` and so on. Its tokens contain only
/// `{"kid":"…"}`.
#[derive(Default)]
struct Service {
    tokens: Mutex<HashSet<String>>,
    created: AtomicUsize,
    requests: AtomicUsize,
}

/// Returns the n-th number of a fixed pseudorandom sequence (splitmix64).
fn number(n: usize) -> u64 {
    mixed((n as u64).wrapping_add(1).wrapping_mul(SPLITMIX))
}

impl Service {
    fn act(&self, line: &str) -> (u16, String) {
        let mut tokens = self.tokens.lock().unwrap();
        let path = line.split(' ').nth(1).unwrap().strip_prefix("/auth/v1/tokens").unwrap();
        match (line.split(' ').next().unwrap(), path) {
            ("GET", "/generate") => {
                let id = format!("id-{}", self.created.fetch_add(1, Ordering::SeqCst));
                tokens.insert(id.clone());
                (200, format!(r#"{{"token":"{}"}}"#, token(&id)))
            }
            ("GET", "") => {
                let tokens: Vec<_> =
                    tokens.iter().map(|id| format!(r#"{{"id":"{id}"}}"#)).collect();
                (200, format!(r#"{{"tokens":[{}]}}"#, tokens.join(",")))
            }
            ("GET", id) if tokens.contains(&id[1..]) => {
                (200, format!(r#"{{"id":"{}"}}"#, &id[1..]))
            }
            ("DELETE", id) if tokens.remove(&id[1..]) => (200, r#"{"success":true}"#.to_owned()),
            _ => (404, String::new()),
        }
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let mut filled = 0;
            while !buffer[..filled].ends_with(b"\r\n\r\n") {
                match stream.read(&mut buffer[filled..]) {
                    Ok(n) if n > 0 => filled += n,
                    _ => return,
                }
            }
            let line =
                String::from_utf8_lossy(&buffer[..filled]).lines().next().unwrap().to_owned();
            let n = number(self.requests.fetch_add(1, Ordering::SeqCst));
            let fails = n % 5 == 0;
            // Half of the failures occur after the service has acted.
            let (status, body) =
                if fails && n & 64 == 0 { (0, String::new()) } else { self.act(&line) };
            let whole = response(status, "", &body);
            let written = match n >> 8 & 7 {
                _ if !fails => stream.write_all(&whole),
                0 | 1 => stream.write_all(&response(502, "", "<html>")),
                2 if status == 0 => stream.write_all(&response(503, "", "")),
                3 if status == 0 => stream.write_all(&response(429, "", "")),
                4 => stream.write_all(&response(504, "", "")),
                5 if status != 0 => {
                    let _ = stream.write_all(&whole[..whole.len() / 2]);
                    return;
                }
                6 => stream.write_all(&response(500, "", "")),
                // No response.
                _ => return,
            };
            if written.is_err() {
                return;
            }
        }
    }
}

fn token(id: &str) -> String {
    use base64::Engine as _;
    let encode = |text: String| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.e30.c2ln", encode(format!(r#"{{"kid":"{id}"}}"#)))
}

#[test]
fn no_creation_is_made_twice_while_one_request_in_five_fails() {
    let service = Arc::new(Service::default());
    let serving = Arc::clone(&service);
    let port = accept(move |_, stream| serving.serve(stream));
    let client = builder_of(&format!("http://127.0.0.1:{port}"))
        .retry(RetryPolicy::default().max_retries(5).base_delay(Duration::from_millis(1)))
        .build()
        .unwrap();

    let calls = AtomicUsize::new(0);
    let creations = AtomicUsize::new(0);
    let outcomes: Mutex<HashMap<String, usize>> = Mutex::default();
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                // Only the thread that created a token deletes it.
                let mut own: Vec<KeyId> = Vec::new();
                loop {
                    let n = calls.fetch_add(1, Ordering::SeqCst);
                    if n >= CALLS {
                        return;
                    }
                    let said = match (number(n + CALLS * 100) % 4, own.last().cloned()) {
                        (0, _) | (1.., None) => {
                            creations.fetch_add(1, Ordering::SeqCst);
                            new_jwt(&client).map(|jwt| {
                                let id = jwt.key_id().unwrap();
                                assert!(service.tokens.lock().unwrap().contains(id.as_str()));
                                own.push(id);
                                "create"
                            })
                        }
                        (1, Some(id)) => delete_token(&client, &id).map(|response| {
                            own.pop();
                            assert!(response.success);
                            assert!(!service.tokens.lock().unwrap().contains(id.as_str()));
                            "delete"
                        }),
                        (2, Some(_)) => list_tokens(&client).map(|response| {
                            let listed: HashSet<_> =
                                response.tokens.into_iter().map(|token| token.id).collect();
                            let tokens = service.tokens.lock().unwrap();
                            for id in own.iter().filter(|id| tokens.contains(id.as_str())) {
                                assert!(listed.contains(id));
                            }
                            "list"
                        }),
                        (_, Some(id)) => get_token(&client, &id).map(|token| {
                            assert_eq!(token.id, id);
                            "get"
                        }),
                    };
                    let said = match said {
                        Ok(endpoint) => format!("Ok {endpoint}"),
                        Err(error) => {
                            // A deletion that failed may have worked.
                            if let (Some(404), Some(id)) = (error.status(), own.last()) {
                                assert!(!service.tokens.lock().unwrap().contains(id.as_str()));
                                own.pop();
                            }
                            format!(
                                "status {:?}, unknown {}",
                                error.status(),
                                error.outcome_unknown()
                            )
                        }
                    };
                    *outcomes.lock().unwrap().entry(said).or_default() += 1;
                }
            });
        }
    });
    println!("{:?}\n{:#?}", started.elapsed(), outcomes.lock().unwrap());
    let created = service.created.load(Ordering::SeqCst);
    let asked = creations.load(Ordering::SeqCst);
    println!("{asked} creations asked for, {created} tokens created");
    assert!(created <= asked, "{created} tokens by {asked} calls");
    assert!(created > asked / 2, "most of them worked");
    assert!(started.elapsed() < Duration::from_secs(300));
}

/// Calls from many threads to an unreachable service fail in time, with a known outcome.
fn calls_that_can_not_connect(url: &str, calls: usize, threads: usize) {
    let client = builder_of(url)
        .timeout(Duration::from_secs(10))
        .retry(RetryPolicy::default().max_retries(1).base_delay(Duration::from_millis(1)))
        .build()
        .unwrap();
    let left = AtomicUsize::new(calls);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while left
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok()
                {
                    let endpoint = &ENDPOINTS[left.load(Ordering::SeqCst) % ENDPOINTS.len()];
                    let started = Clock::start();
                    let error = (endpoint.run)(&client).unwrap_err();
                    assert!(!error.outcome_unknown(), "{error}");
                    assert!(started.elapsed() < Duration::from_secs(12));
                }
            });
        }
    });
}

#[test]
fn refused_connections_leave_outcomes_known() {
    let (_taken, port) = closed_port();
    calls_that_can_not_connect(&format!("http://127.0.0.1:{port}"), CALLS / 3, THREADS);
}

/// Fewer calls, because each does a DNS lookup, and some of them take a second.
#[test]
#[ignore = "the program of other tests"]
fn child_calls_a_host_that_does_not_resolve() {
    assert_child();
    calls_that_can_not_connect("https://no-such-host.invalid", 128, 128);
}

/// In a child process, where glibc can be configured to wait one second instead of five for an
/// overloaded name server.
#[test]
fn unresolvable_host_leaves_outcomes_known() {
    run_child(
        "storm::child_calls_a_host_that_does_not_resolve",
        &[("RES_OPTIONS", "timeout:1 attempts:1")],
    );
}
