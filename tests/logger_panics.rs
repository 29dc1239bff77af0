//! A logger that panics only fails the call in which it panics. This test installs a logger, so it
//! needs a process of its own.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use log::{Level, LevelFilter};
use support::*;

#[test]
fn panicking_logger_fails_only_the_call_that_logs() {
    logger::install(
        LevelFilter::Trace,
        |metadata| metadata.level() < Level::Trace || !metadata.target().starts_with("ureq_proto"),
        logger::panic_once,
    );
    for closes in [false, true] {
        let body = LIST.success();
        let play = if closes {
            Play::WriteAndClose(body)
        } else {
            Play::Write(body)
        };
        let mut lines = 0;
        loop {
            let server = FaultServer::start(vec![play.clone()]);
            let client = client_of(&server.url());
            (LIST.run)(&client).unwrap();
            let called = logger::panic_after(lines, || (LIST.run)(&client));
            for _ in 0..3 {
                (LIST.run)(&client).unwrap();
            }
            client.shutdown();
            assert!((LIST.run)(&client).is_err());
            if called.is_ok() {
                break;
            }
            lines += 1;
        }
        assert!(lines > 3, "it panicked at {lines} lines");
    }
}
