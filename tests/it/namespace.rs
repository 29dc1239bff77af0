//! What needs a network of its own: a name server, or small socket buffers. `dev/ci/in-namespace`
//! runs these tests.

use std::net::UdpSocket;

use crate::support::*;

/// Serves names for a client at this port: `slow-MILLIS-*.test` is found after that time, `silent*`
/// gets no answer, and any other name does not exist. Returns the names that were asked for.
fn name_server() -> Arc<Mutex<Vec<String>>> {
    let socket = UdpSocket::bind("127.0.0.1:53").unwrap();
    let asked = Arc::<Mutex<Vec<String>>>::default();
    let seen = Arc::clone(&asked);
    thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            let question = query[..length].to_vec();
            let end = 12 + question[12..].iter().position(|byte| *byte == 0).unwrap();
            let name: String = question[13..end]
                .iter()
                .map(|byte| if byte.is_ascii_graphic() { char::from(*byte) } else { '.' })
                .collect();
            let is_ipv4 = question[end + 2] == 1;
            seen.lock().unwrap().push(name.clone());
            let Some(millis) = name.strip_prefix("slow-").and_then(|rest| rest.split('-').next())
            else {
                if !name.starts_with("silent") {
                    let mut answer = question[..end + 5].to_vec();
                    answer[2..12].copy_from_slice(&[0x81, 0x83, 0, 1, 0, 0, 0, 0, 0, 0]);
                    socket.send_to(&answer, from).unwrap();
                }
                continue;
            };
            let wait = Duration::from_millis(millis.parse().unwrap());
            let mut answer = question[..end + 5].to_vec();
            answer[2..12].copy_from_slice(&[0x81, 0x80, 0, 1, 0, u8::from(is_ipv4), 0, 0, 0, 0]);
            if is_ipv4 {
                answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
            }
            let socket = socket.try_clone().unwrap();
            thread::spawn(move || {
                thread::sleep(wait);
                socket.send_to(&answer, from).unwrap();
            });
        }
    });
    asked
}

pub fn threads_of_the_library() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    names.filter(|name| name.trim() == "ionoscloud-auth").count()
}

/// One test, because there is one name server.
#[test]
#[ignore = "dev/ci/in-namespace runs it"]
fn lookup_is_shared_and_has_all_of_the_time() {
    let asked = name_server();
    let names_asked = |name: &str| {
        let asked = asked.lock().unwrap();
        asked.iter().filter(|other| *other == name).count()
    };
    let server = FaultServer::start(vec![LIST.works()]);
    let url = |name: &str| format!("http://{name}:{}", server.port());
    let client = |name: &str, timeout| {
        builder_of(&url(name)).allow_insecure_http(true).timeout(timeout).build().unwrap()
    };

    // More than half of the time.
    let slow = client("slow-3000-a.test", Duration::from_millis(5500));
    list_tokens(&slow).unwrap();

    // Calls that need the addresses at once share one lookup (A and AAAA), and no later call has it.
    let shared = client("slow-700-b.test", LONG);
    let other = shared.with_credentials(Credentials::token("other")).unwrap();
    for lookups in [1, 2] {
        let connections = server.connections();
        thread::scope(|scope| {
            for client in [&shared, &other].into_iter().cycle().take(20) {
                scope.spawn(|| {
                    // Nothing idle is left for it.
                    let _ = new_jwt(client);
                });
            }
        });
        assert!(server.connections() > connections);
        assert_eq!(names_asked("slow-700-b.test"), 2 * lookups);
    }

    // A resolver that hangs costs one thread, and each call returns in time.
    let hangs = client("silent.test", Duration::from_millis(20));
    for _ in 0..100 {
        let started = Instant::now();
        let error = list_tokens(&hangs).unwrap_err();
        assert_eq!((kind(&error), error.outcome_unknown()), (ErrorKind::TimedOut, false));
        assert!(started.elapsed() < SLACK, "{error}");
        assert!(threads_of_the_library() <= 1, "{}", threads_of_the_library());
    }
    hangs.shutdown();
    assert_eq!(kind(&list_tokens(&hangs).unwrap_err()), ErrorKind::ShutDown);

    let error = list_tokens(&client("missing.test", LONG)).unwrap_err();
    assert_eq!(kind(&error), ErrorKind::AddressNotFound, "{error}");
}

/// A peer takes a large request in bites, and the socket's buffer is small. No bite must get the
/// whole time again (docs/ureq.md 18).
#[test]
#[ignore = "dev/ci/in-namespace runs it"]
fn timeout_ends_a_request_that_is_taken_in_bites() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(1).unwrap();
    socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
    socket.listen(16).unwrap();
    let listener = TcpListener::from(socket);
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            thread::spawn(move || {
                let mut stream = stream.unwrap();
                while let Ok(1..) = stream.read(&mut [0; 256]) {
                    thread::sleep(Duration::from_millis(150));
                }
            });
        }
    });
    let timeout = Duration::from_secs(1);
    let client = builder_of(&url).header("x-padding", "x".repeat(14 << 10)).timeout(timeout);
    let client = client.build().unwrap();
    assert_in_time(timeout, "bites", || drop(list_tokens(&client).unwrap_err()));
}
