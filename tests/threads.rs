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

/// Checks the threads' names, which Windows does not report.
fn assert_no_thread_of_the_library(reason: &str) {
    if cfg!(windows) {
        return;
    }
    let names: Vec<String> = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("comm")).ok())
        .collect();
    assert!(!names.is_empty());
    let library = names.iter().filter(|name| name.trim() == "ionoscloud-auth");
    assert_eq!(library.count(), 0, "{reason}");
}

/// The response to CONNECT arrives byte by byte and never completes.
fn slow_proxy_keeps_no_thread() {
    let drip = Play::Drip(vec![b'x'; 10_000], Duration::from_millis(20));
    let proxy = FaultServer::start(vec![drip]);
    let client =
        builder_through_proxy(&proxy.url()).timeout(Duration::from_millis(300)).build().unwrap();
    for endpoint in for_a_password() {
        (endpoint.run)(&client).unwrap_err();
        assert_no_thread_of_the_library(endpoint.name);
    }
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
    slow_proxy_keeps_no_thread();
    await_threads(before);
}
