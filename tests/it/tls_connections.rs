//! TLS connections: which response belongs to which request, and alerts before and after a request.

use std::sync::mpsc::Sender;

use rustls::ServerConfig;

use crate::support::*;

fn client_trusting(port: u16, roots: &str) -> Client {
    builder_of(&format!("https://127.0.0.1:{port}")).root_certificates_pem(roots).build().unwrap()
}

/// Returns an authority and the configuration of a server that it trusts.
fn trusted() -> (Authority, Arc<ServerConfig>) {
    let ca = authority("A test's CA");
    let identity = certificate("127.0.0.1", 2020..2100, Some(&ca));
    (ca, Arc::new(config(identity)))
}

fn list_of(id: &str, padding: usize) -> Vec<u8> {
    let padding = " ".repeat(padding);
    response(200, "", &format!(r#"{{"tokens":[{{"id":"{id}"}}]{padding}}}"#))
}

/// How the second of two responses follows the first one.
#[derive(Clone, Copy, Debug)]
enum Follows {
    InTheSameRecord,
    InARecordOfItsOwn,
    /// A part of its record now, the rest after the next request.
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

/// Responds twice to the first request of a connection, and says when it has. A further request on
/// that connection gets the second response.
fn respond_twice(follows: Follows, padding: usize, mut stream: Stream, written: &Sender<()>) {
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
    written.send(()).unwrap();
    if read_head(&mut stream).is_some() {
        let _ = stream.sock.write_all(&later);
        // Keeps the connection open until the response is read.
        let _ = stream.sock.read(&mut [0]);
    }
}

#[test]
fn unsolicited_response_is_not_given_to_the_next_request() {
    let (ca, config) = trusted();
    let cases = [
        Follows::InTheSameRecord,
        Follows::InARecordOfItsOwn,
        Follows::HalfARecordNow(1),
        Follows::HalfARecordNow(4),
        Follows::HalfARecordNow(5),
        Follows::HalfARecordNow(40),
    ];
    let paddings = [
        0, 1, 100, 1000, 3900, 4000, 4050, 4096, 5000, 8000, 8192, 10_000, 16_000, 16_200, 16_384,
        20_000, 32_500, 32_700, 33_000, 65_000, 100_000,
    ];
    let cases = cases.iter().flat_map(|follows| paddings.map(|padding| (*follows, padding)));
    in_parallel(cases, |(follows, padding)| {
        let case = format!("{follows:?}, {padding}");
        let (written, all) = std::sync::mpsc::channel();
        let port = listen_by_number(config.clone(), move |n, mut stream| {
            if n == 0 {
                return respond_twice(follows, padding, stream, &written);
            }
            while read_head(&mut stream).is_some() {
                let _ = stream.write_all(&list_of("B", 0));
            }
        });
        let client = client_trusting(port, &ca.pem);
        let list = || list_tokens(&client).unwrap();
        assert_eq!(list().tokens[0].id.as_str(), "A", "{case}");
        // Waits for the part of the second response that comes without a request.
        all.recv().unwrap();
        thread::sleep(Duration::from_millis(5));
        assert_eq!(list().tokens[0].id.as_str(), "B", "{case}");
    });
}

/// The first response fills the client's buffer to its last byte, and the last record, of which it
/// is one byte, also has a forged response. What is left of that record stays inside TLS, where
/// neither the socket nor the end of the records shows it.
#[test]
fn plaintext_that_is_left_inside_tls_is_not_a_response() {
    const BUFFER: usize = 32 * 1024;
    const RECORD: usize = 16 * 1024;
    let (ca, config) = trusted();
    // Whether all of it is there at once depends on the system.
    in_parallel(0..64, |_| {
        let port = listen_by_number(config.clone(), move |n, mut stream| {
            if read_head(&mut stream).is_none() {
                return;
            }
            if n > 0 {
                let _ = stream.write_all(&list_of("B", 0));
                return;
            }
            let body = format!(r#"{{"tokens":[{{"id":"A"}}]{}}}"#, " ".repeat(RECORD - 40));
            let pad = RECORD - 70 - body.len().to_string().len();
            let mut first = response(200, &format!("X-Pad: {}\r\n", "p".repeat(pad)), &body);
            let head = first.len() - body.len();
            assert!(head < RECORD, "{head}");
            first.extend(vec![b' '; BUFFER - first.len()]);
            let length = format!("Content-Length: {}", body.len());
            let filled = format!("Content-Length: {}", BUFFER - head);
            let first = String::from_utf8(first).unwrap().replace(&length, &filled);
            let (begin, rest) = first.as_bytes().split_at(head - 1);
            let (middle, end) = rest.split_at(rest.len() - 1);
            let mut records = send(&mut stream, begin);
            records.extend(send(&mut stream, middle));
            records.extend(send(&mut stream, &[end, &list_of("FORGED", 0)].concat()));
            let _ = stream.sock.write_all(&records);
            let _ = stream.sock.read(&mut [0]);
        });
        let client = client_trusting(port, &ca.pem);
        let ids = || list_tokens(&client).unwrap().tokens[0].id.to_string();
        assert_eq!([ids(), ids()], ["A", "B"]);
    });
}

#[test]
fn idle_tls_connection_is_reused() {
    let (ca, config) = trusted();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    let port = listen(config, move |mut stream| {
        count.fetch_add(1, Ordering::SeqCst);
        let mut padding = 0;
        while read_head(&mut stream).is_some() {
            let _ = stream.write_all(&list_of("A", padding));
            padding = (padding + 997) % 50_000;
        }
    });
    let client = client_trusting(port, &ca.pem);
    for _ in 0..60 {
        list_tokens(&client).unwrap();
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn body_that_ends_without_close_notify_leaves_the_outcome_unknown() {
    let (ca, config) = trusted();
    for endpoint in ENDPOINTS {
        let port = listen(config.clone(), |mut stream| {
            if read_head(&mut stream).is_some() {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                // Without close_notify, as if the connection were cut.
                stream.sock.shutdown(Shutdown::Write).unwrap();
            }
        });
        let error = (endpoint.run)(&client_trusting(port, &ca.pem)).unwrap_err();
        assert_eq!(error.outcome_unknown(), endpoint.reports(true), "{}: {error}", endpoint.name);
    }
}

/// Refuses the client's certificate, and reads to the end: unread data would reset the connection,
/// which may drop the alert.
fn refuse(stream: &mut Stream) {
    assert_eq!(read_head(stream), None);
    let _ = stream.sock.shutdown(Shutdown::Write);
    let _ = std::io::copy(&mut stream.sock, &mut std::io::sink());
}

/// With TLS 1.3 the client's handshake is complete before the server refuses it, so the refusal
/// looks like a lost connection.
#[test]
fn demanded_client_certificate_is_named_and_never_looks_like_a_known_outcome() {
    let ca = authority("client certificates");
    let versions = [&rustls::version::TLS13, &rustls::version::TLS12];
    let cases = versions
        .iter()
        .flat_map(|version| ENDPOINTS.iter().map(move |endpoint| (*version, endpoint)));
    in_parallel(cases, |(version, endpoint)| {
        let identity = certificate("127.0.0.1", 2020..2100, Some(&ca));
        let server = config_with_client_auth(identity, &ca, &[version]);
        let port = listen(server, move |mut stream| {
            refuse(&mut stream);
        });
        let error = (endpoint.run)(&client_trusting(port, &ca.pem)).unwrap_err();
        let case = format!("{version:?}, {}: {error}", endpoint.name);
        let is_handshake = version == &rustls::version::TLS12;
        assert_eq!(error.outcome_unknown(), endpoint.reports(!is_handshake), "{case}");
        assert!(error.to_string().contains("received fatal alert: "), "{case}");
    });
}

/// The handshake is complete, as session tickets or a tunnel show, and the request was read.
#[test]
fn tls_alert_after_the_request_leaves_the_outcome_unknown() {
    let (ca, config) = trusted();
    let cases = [42, 116]
        .iter()
        .flat_map(|description| ENDPOINTS.iter().map(|endpoint| (*description, endpoint)));
    in_parallel(cases, |(description, endpoint)| {
        let port = listen(config.clone(), move |mut stream| {
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
        let through_proxy = builder_through_proxy(&format!("https://127.0.0.1:{port}"))
            .root_certificates_pem(ca.pem.clone())
            .retry(RetryPolicy::none())
            .build()
            .unwrap();
        for client in [client_trusting(port, &ca.pem), through_proxy] {
            let error = (endpoint.run)(&client).unwrap_err();
            let case = format!("{description}, {}: {error}", endpoint.name);
            assert_eq!(error.outcome_unknown(), endpoint.reports(true), "{case}");
        }
    });
}

#[test]
fn proxy_that_demands_a_client_certificate_leaves_the_outcome_known() {
    let ca = authority("proxy");
    in_parallel(ENDPOINTS, |endpoint| {
        let identity = certificate("127.0.0.1", 2020..2100, Some(&ca));
        let server = config_with_client_auth(identity, &ca, &[&rustls::version::TLS13]);
        let port = listen(server, |mut stream| {
            refuse(&mut stream);
        });
        let client = builder_through_proxy(&format!("https://127.0.0.1:{port}"))
            .base_url("https://auth.example.test")
            .root_certificates_pem(ca.pem.clone())
            .build()
            .unwrap();
        let error = (endpoint.run)(&client).unwrap_err();
        assert!(!error.outcome_unknown(), "{error}");
        assert!(error.to_string().contains("CertificateRequired"), "{error}");
    });
}
