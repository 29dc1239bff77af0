//! A logger that panics, once, at any of the lines that are logged: that is the logger's fault, and the
//! client's no more than for the call that it happened in. In a file of its own, as the logger is the
//! whole process's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use log::{LevelFilter, Log, Metadata, Record};
use support::*;

/// How many lines are logged until one panics.
static LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);

struct Panics;

impl Log for Panics {
    fn enabled(&self, metadata: &Metadata) -> bool {
        !metadata.target().starts_with("ureq_proto")
    }

    fn log(&self, record: &Record) {
        // Once, and never again.
        if self.enabled(record.metadata()) && LEFT.fetch_sub(1, Ordering::SeqCst) == 0 {
            panic!("the logger, at {}", record.args());
        }
    }

    fn flush(&self) {}
}

#[test]
fn a_logger_that_panics_once_breaks_one_call() {
    log::set_logger(&Panics).unwrap();
    log::set_max_level(LevelFilter::Trace);
    let list = &ENDPOINTS[1];
    for closes in [false, true] {
        let body = answer(200, "", list.body);
        let play = if closes {
            Play::WriteAndClose(body)
        } else {
            Play::Write(body)
        };
        let mut lines = 0;
        loop {
            let server = FaultServer::start(vec![play.clone()]);
            let client = client_of(&server.url(), Duration::from_secs(20));
            (list.run)(&client).unwrap();
            LEFT.store(lines, Ordering::SeqCst);
            let called = catch_unwind(AssertUnwindSafe(|| (list.run)(&client)));
            LEFT.store(usize::MAX, Ordering::SeqCst);
            for _ in 0..3 {
                (list.run)(&client).unwrap();
            }
            client.shutdown();
            assert!((list.run)(&client).is_err());
            if called.is_ok() {
                break;
            }
            lines += 1;
        }
        assert!(lines > 3, "it panicked at {lines} lines");
    }
}
