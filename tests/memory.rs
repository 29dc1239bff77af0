//! Secrets are zeroized. This test reads the memory of its own process, in which nothing else may
//! copy what it looks for.

// Other systems do not allow reading the memory without special rights.
#![cfg(any(target_os = "linux", windows))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{LazyLock, Mutex};

use ionoscloud_auth::*;
use read_process_memory::{CopyAddress as _, Pid, ProcessHandle};
use zeroize::{Zeroize as _, Zeroizing};

const LENGTH: usize = 200;

/// Returns a secret that is not a constant of this program: `seed` repeated, each letter moved by
/// one. No seed may be another one's secret.
fn secret(seed: &str) -> String {
    let mut secret = String::with_capacity(LENGTH + 8);
    secret.extend(seed.bytes().cycle().take(LENGTH).map(|byte| char::from(byte + 1)));
    secret
}

/// Whether a large part of the secret of `seed` is in writable memory.
fn is_in_memory(seed: &str) -> bool {
    const CHUNK: usize = 1 << 20;
    // Compared letter by letter, so that this does not find itself.
    let part: Vec<u8> = seed.bytes().cycle().take(LENGTH / 4).collect();
    let memory: ProcessHandle = Pid::try_from(std::process::id()).unwrap().try_into().unwrap();
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

/// A server that writes these parts in response to one request, and a builder of its clients.
fn serve(parts: Vec<Zeroizing<Vec<u8>>>) -> (ClientBuilder, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let builder = Client::builder().base_url(url).credentials(Credentials::token("a.b.c"));
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let head = format!(
            "HTTP/1.1 200 X\r\nX-Request-Id: REQUEST-7\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        parts.iter().for_each(|part| stream.write_all(part).unwrap());
    });
    (builder, server)
}

/// What follows the token overwrites the buffers of HTTP. It is not UTF-8, so that a text made of
/// the body would be a copy.
fn body_of_a_create_is_wiped() {
    let rest = [&b"\",\"x\":\"\xff"[..], &vec![b'x'; 90_000], b"\"}"].concat();
    let token = secret("qsuwyACE").into_bytes();
    let (builder, server) =
        serve([br#"{"token":""#.to_vec(), token, rest].map(Zeroizing::new).into());
    let builder = builder.on_attempt(|attempt| assert_eq!(attempt.request_id, Some("REQUEST-7")));
    let client = builder.build().unwrap();
    let jwt = create_token(&client, &CreateTokenOptions::new()).unwrap();
    server.join().unwrap();
    assert_eq!(jwt.token().len(), LENGTH);
    assert_wiped_with(jwt, "qsuwyACE", "the body of a create");
}

/// Nothing is built of what a field may not be, however much of it comes.
#[cfg(target_os = "linux")]
fn list_of_odd_fields_stays_small() {
    let peak = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap()
    };
    let tree = format!("{}{},", "[".repeat(60), "]".repeat(60));
    let trees = tree.repeat((8 << 20) / tree.len() - 1);
    let body = format!(r#"{{"tokens":[{{"id":"a","href":[{trees}0]}}]}}"#);
    let (builder, server) = serve(vec![Zeroizing::new(body.into_bytes())]);
    let client = builder.retry(RetryPolicy::none()).build().unwrap();
    let before = peak();
    let error = get_all_tokens(&client, &GetAllTokensOptions::new()).unwrap_err();
    server.join().unwrap();
    assert!(error.to_string().contains("unexpected value"), "{error}");
    let grown = (peak() - before) >> 10;
    assert!(grown < 64, "the list of 8 MiB became {grown} MiB");
}

/// The secret of `seed` is there as long as its owner.
fn assert_wiped_with<T>(owner: T, seed: &str, what: &str) {
    assert!(is_in_memory(seed), "{what} has it");
    drop(owner);
    assert!(!is_in_memory(seed), "{what} leaves it");
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
    assert_wiped_with(clone, seed, "the clone of a client with a token");

    let seed = "stuvwxyABC";
    let builder = Client::builder().credentials(Credentials::basic("user", secret(seed)));
    let client = builder.clone().build().unwrap();
    drop(builder);
    assert_wiped_with(client, seed, "a client with a password");

    let seed = "DEFGHIJK";
    drop(Client::new(Credentials::token(secret(seed) + "\0")).unwrap_err());
    assert!(!is_in_memory(seed), "a refused token");

    let seed = "LMNOPQRS";
    let client = Client::new(Credentials::token(secret(seed) + "\n")).unwrap();
    assert_wiped_with(client, seed, "a client with a trimmed token");

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
    assert_wiped_with(client, seed, "a client with a header");

    let seed = "bdfhjlnp";
    drop(builder().header("x-key", long(seed, "\n")).build());
    assert!(!is_in_memory(seed), "the value of a refused header");

    body_of_a_create_is_wiped();

    let seed = "LMNOPQRS";
    let token = Zeroizing::new(secret(seed));
    let mut json = Zeroizing::new(String::with_capacity(2 * LENGTH));
    for part in [r#"{"token":""#, &token, r#""}"#] {
        json.push_str(part);
    }
    drop(token);
    let jwt: Jwt = serde_json::from_str(&json).unwrap();
    drop(json);
    assert_eq!(jwt.token().len(), LENGTH);
    assert_wiped_with(jwt, seed, "a JWT");

    #[cfg(target_os = "linux")]
    list_of_odd_fields_stays_small();
}
