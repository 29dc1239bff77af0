//! Secrets are zeroized. This test reads the memory of its own process, in which nothing else may
//! copy what it looks for.

// Other systems do not allow reading the memory without special rights.
#![cfg(any(target_os = "linux", windows))]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{LazyLock, Mutex};
use std::thread::{self, JoinHandle};

use ionoscloud_auth::{
    Client, CreateTokenOptions, Credentials, GetAllTokensOptions, Jwt, create_token, get_all_tokens,
};
use log::LevelFilter;
use read_process_memory::{CopyAddress as _, Pid, ProcessHandle};
use support::logger;
use zeroize::{Zeroize as _, Zeroizing};

const LENGTH: usize = 200;

/// Returns a secret that is not a constant of this program: `seed` repeated, each letter moved by
/// one. No seed may be another one's secret.
fn secret(seed: &str) -> String {
    let mut secret = String::with_capacity(LENGTH + 8);
    secret.extend(
        seed.bytes()
            .cycle()
            .take(LENGTH)
            .map(|byte| char::from(byte + 1)),
    );
    secret
}

/// Whether a large part of the secret of `seed` is in writable memory.
fn is_in_memory(seed: &str) -> bool {
    const CHUNK: usize = 1 << 20;
    // Compared letter by letter, so that this does not find itself.
    let part: Vec<u8> = seed.bytes().cycle().take(LENGTH / 4).collect();
    let memory: ProcessHandle = Pid::try_from(std::process::id())
        .unwrap()
        .try_into()
        .unwrap();
    // Allocated only once, because it could overwrite what was freed.
    static BUFFER: LazyLock<Mutex<Vec<u8>>> = LazyLock::new(|| Mutex::new(vec![0; CHUNK]));
    let mut buffer = BUFFER.lock().unwrap();
    let mut found = false;
    let mut looked_at = 0;
    for region in region::query_range(std::ptr::null::<u8>(), usize::MAX).unwrap() {
        let region = region.unwrap();
        if !region.is_committed() || !region.is_writable() || region.is_guarded() {
            continue;
        }
        let mut start = region.as_range().start;
        let end = region.as_range().end;
        while start < end {
            let part_of_memory = &mut buffer[..CHUNK.min(end - start)];
            let length = part_of_memory.len();
            // The region may have been unmapped since it was listed.
            if memory.copy_address(start, part_of_memory).is_ok() {
                found |= holds(part_of_memory, &part);
                looked_at += length;
            }
            if length < CHUNK {
                break;
            }
            // The chunks overlap, because a secret may cross their boundary.
            start += length - LENGTH;
        }
    }
    assert!(looked_at > CHUNK, "only {looked_at} bytes could be read");
    buffer.as_mut_slice().zeroize();
    found
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    let first = part[0] + 1;
    let mut rest = bytes;
    // Searching for one byte is fast.
    while let Some(at) = rest.iter().position(|byte| *byte == first) {
        rest = &rest[at..];
        let same = |(letter, seed): (&u8, &u8)| letter.wrapping_sub(1) == *seed;
        if rest.len() >= part.len() && rest.iter().zip(part).all(same) {
            return true;
        }
        rest = &rest[1..];
    }
    false
}

/// Starts a service that responds once with this body, and leaves no copy of it or of the request
/// in memory. Returns its URL and its thread.
fn service(
    framing: Framing,
    body: impl FnOnce() -> Zeroizing<String> + Send + 'static,
) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = thread::spawn(move || {
        let mut stream = listener.accept().unwrap().0;
        let mut request = Zeroizing::new([0; 8192]);
        let mut length = 0;
        while !request[..length].ends_with(b"\r\n\r\n") {
            match stream.read(&mut request[length..]) {
                Ok(amount @ 1..) => length += amount,
                _ => return,
            }
        }
        let body = body();
        let size = body.len();
        let (head, end) = match framing {
            Framing::Length => (format!("Content-Length: {size}\r\n\r\n"), ""),
            Framing::Cut => (format!("Content-Length: {}\r\n\r\n", size + 1), ""),
            Framing::Chunked => (
                format!("Transfer-Encoding: chunked\r\n\r\n{size:x}\r\n"),
                "\r\n0\r\n\r\n",
            ),
        };
        // One piece, so that most of it is in the client's buffer at once.
        let mut response = Zeroizing::new(String::with_capacity(size + 200));
        for part in ["HTTP/1.1 200 OK\r\n", &head, &body, end] {
            response.push_str(part);
        }
        drop(stream.write_all(response.as_bytes()));
    });
    (url, thread)
}

/// Returns the response to a create, with the secret of `seed`, `times` times.
fn created(seed: &str, times: usize) -> Zeroizing<String> {
    let part = Zeroizing::new(secret(seed));
    let mut json = Zeroizing::new(String::with_capacity(times * LENGTH + 20));
    json.push_str(r#"{"token":""#);
    (0..times).for_each(|_| json.push_str(&part));
    json.push_str(r#""}"#);
    json
}

#[derive(Clone, Copy, PartialEq)]
enum Framing {
    Length,
    Chunked,
    /// With a length, but cut off.
    Cut,
}

/// Only one test, because two would find each other's copies.
#[test]
fn secrets_are_wiped_from_memory() {
    // A secret that is not zeroized is found, so this test can fail.
    let seed = "cdefghij";
    let plain = secret(seed);
    assert!(is_in_memory(seed));
    drop(plain);
    assert!(is_in_memory(seed));

    let seed = "klmnopqr";
    let client = Client::new(Credentials::token(secret(seed))).unwrap();
    let clone = client.clone();
    drop(client);
    assert!(is_in_memory(seed), "a clone still has it");
    drop(clone);
    assert!(!is_in_memory(seed), "the token of a dropped client");

    let seed = "stuvwxyABC";
    let builder = Client::builder().credentials(Credentials::basic("user", secret(seed)));
    let client = builder.clone().build().unwrap();
    drop(builder);
    assert!(is_in_memory(seed));
    drop(client);
    assert!(!is_in_memory(seed), "the password of a dropped client");

    let seed = "DEFGHIJK";
    drop(Client::new(Credentials::token(secret(seed) + "\0")).unwrap_err());
    assert!(!is_in_memory(seed), "a refused token");

    let seed = "LMNOPQRS";
    let client = Client::new(Credentials::token(secret(seed) + "\n")).unwrap();
    assert!(is_in_memory(seed));
    drop(client);
    assert!(!is_in_memory(seed), "a trimmed token");

    // Long enough that the allocator does not overwrite it when it is freed.
    let long = |seed: &str, end: &str| {
        let part = Zeroizing::new(secret(seed));
        let mut long = String::with_capacity(20 * LENGTH + end.len());
        (0..20).for_each(|_| long.push_str(&part));
        long + end
    };
    let builder = || Client::builder().credentials(Credentials::token("a.b.c"));
    let seed = "TUVWXYZa";
    let client = builder().header("x-key", long(seed, "")).build().unwrap();
    assert!(is_in_memory(seed));
    drop(client);
    assert!(!is_in_memory(seed), "the value of a header");

    let seed = "bdfhjlnp";
    drop(builder().header("x-key", long(seed, "\n")).build());
    assert!(!is_in_memory(seed), "the value of a refused header");

    let seed = "adgjmpsv";
    let mut url = String::with_capacity(40 * LENGTH);
    url.push_str("http://user:");
    url.push_str(&Zeroizing::new(long(seed, "%41@proxy.example")));
    let builder_with_proxy = builder().proxy(url);
    assert!(!is_in_memory(seed), "the password in a proxy's URL");
    drop(builder_with_proxy);

    let seed = "LMNOPQRS";
    let json = created(seed, 1);
    let jwt: Jwt = serde_json::from_str(&json).unwrap();
    drop(json);
    assert_eq!(jwt.token().len(), LENGTH);
    assert!(is_in_memory(seed));
    drop(jwt);
    assert!(!is_in_memory(seed), "a dropped JWT");

    // What a call sends and receives.
    let sent = "ACEGIKMO";
    let client = |url: &str| {
        let builder = Client::builder().credentials(Credentials::token(secret(sent)));
        builder.base_url(url).build().unwrap()
    };
    for (seed, times, framing) in [
        ("BEHKNQTW", 1, Framing::Length),
        ("xtpligdb", 100, Framing::Length),
        ("QSUWYbdf", 100, Framing::Chunked),
        ("hjlnprtv", 100, Framing::Cut),
    ] {
        let (url, service) = service(framing, move || created(seed, times));
        let client = client(&url);
        let created = create_token(&client, &CreateTokenOptions::new());
        service.join().unwrap();
        assert!(is_in_memory(sent));
        match created {
            Ok(jwt) => {
                assert_eq!(jwt.token().len(), times * LENGTH);
                assert!(is_in_memory(seed));
            }
            Err(error) => assert!(framing == Framing::Cut, "{error}"),
        }
        assert!(!is_in_memory(seed), "a new token, {seed}");
        drop(client);
        assert!(!is_in_memory(sent), "a token that was sent");
    }

    // A connection that is kept, by a client that has other credentials.
    let list = || Zeroizing::new(r#"{"tokens":[]}"#.to_owned());
    let (url, service) = service(Framing::Length, list);
    let kept = builder().base_url(url).build().unwrap();
    let client = kept.with_credentials(Credentials::token(secret(sent)));
    let client = client.unwrap();
    get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap();
    service.join().unwrap();
    assert!(is_in_memory(sent));
    drop(client);
    assert!(!is_in_memory(sent), "a token that was sent on a connection");
    drop(kept);

    a_panicking_logger_leaves_no_token();
}

fn a_panicking_logger_leaves_no_token() {
    logger::install(LevelFilter::Debug, |_| true, logger::panic_once);
    let seed = "prtvxzBD";
    for lines in 0.. {
        let (url, service) = service(Framing::Length, || created(seed, 100));
        let builder = Client::builder().credentials(Credentials::token("a.b.c"));
        let client = builder.base_url(&url).build().unwrap();
        let called = logger::panic_after(lines, || {
            drop(create_token(&client, &CreateTokenOptions::new()).unwrap());
        });
        // A call that panicked early has not connected.
        drop(TcpStream::connect(url.trim_start_matches("http://")));
        drop(service.join());
        assert!(!is_in_memory(seed), "a panic after {lines} lines");
        if called.is_ok() {
            assert!(lines > 3, "only {lines} lines were logged");
            break;
        }
    }
}
