//! No thread of the library's is left behind. In a process of its own, as it counts the process's
//! threads.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::thread;
use std::time::{Duration, Instant};

use support::*;

/// The library's threads by their name, and those of ureq, which have none of their own.
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[test]
fn nothing_is_left_behind() {
    let before = threads();
    for endpoint in &ENDPOINTS[..3] {
        let server = FaultServer::start(vec![Play::Silence]);
        let client = client_of(
            &server.url().replace("127.0.0.1", "localhost"),
            Duration::from_secs(60),
        );
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (endpoint.run)(&client));
            }
            server.await_requests(8);
            assert!(threads() > before);
            client.shutdown();
        });
        drop(client);
        drop(server);
    }
    let until = Instant::now() + Duration::from_secs(20);
    while threads() > before && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(threads(), before);
}
