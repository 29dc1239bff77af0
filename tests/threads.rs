//! Threads of the library do not outlive their call. This test counts the threads of its process,
//! so it needs one of its own.

// Other systems do not report the number of threads.
#![cfg(any(target_os = "linux", windows))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use support::*;

#[cfg(target_os = "linux")]
fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}

#[cfg(windows)]
fn threads() -> usize {
    tlhelp32::Snapshot::new_thread()
        .unwrap()
        .filter(|thread| thread.owner_process_id == std::process::id())
        .count()
}

fn await_threads(wanted: usize) {
    let until = Instant::now() + Duration::from_secs(20);
    while threads() > wanted && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(threads(), wanted);
}

/// The response to CONNECT arrives byte by byte and never completes.
fn slow_proxy_keeps_no_thread(before: usize) {
    let drip = Play::Drip(
        b"HTTP/1.1 200 OK
X: "
        .repeat(9999),
        Duration::from_millis(20),
    );
    let proxy = FaultServer::start(vec![drip]);
    let client = builder_through_proxy(&proxy.url()).timeout(SHORT / 4).build().unwrap();
    in_parallel(for_a_password(), |endpoint| {
        assert_eq!(kind(&(endpoint.run)(&client).unwrap_err()), ErrorKind::TimedOut);
    });
    // The proxy has a thread that listens. It ends the others when their connection ends.
    await_threads(before + 1);
}

/// Only one test, because two would count each other's threads.
#[test]
fn no_thread_outlives_its_call() {
    let before = threads();
    for endpoint in ENDPOINTS {
        let server = FaultServer::start(vec![Play::Silence]);
        let client = client_of(&server.url().replace("127.0.0.1", "localhost"));
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
    await_threads(before);
    slow_proxy_keeps_no_thread(before);
    await_threads(before);
}
