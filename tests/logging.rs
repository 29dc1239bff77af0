//! What is logged, in a process of its own, as a logger is the whole process's. Asserts on levels
//! and counts, and that no secret is in it; not on wording.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::sync::Mutex;
use std::time::Duration;

use ionoscloud_auth::*;
use log::{Level, LevelFilter, Log, Metadata, Record};
use support::*;

static RECORDS: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

struct Collect;

impl Log for Collect {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        if record.target().starts_with("ionoscloud_auth") {
            RECORDS
                .lock()
                .unwrap()
                .push((record.level(), record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

fn lines() -> Vec<(Level, String)> {
    std::mem::take(&mut RECORDS.lock().unwrap())
}

#[test]
fn one_line_a_try_and_one_where_it_is_sent_again() {
    log::set_logger(&Collect).unwrap();
    log::set_max_level(LevelFilter::Debug);
    for endpoint in &ENDPOINTS {
        let works = Play::Write(answer(200, "", endpoint.body));
        let busy = Play::Write(answer(429, "", "SECRET"));
        for (script, tries, status) in [
            (vec![works.clone()], 1, "200"),
            (vec![busy.clone(), busy.clone(), works], 3, "429"),
            (vec![busy], 3, "429"),
            (
                vec![Play::WriteAndClose(
                    b"HTTP/1.1 401 X\r\n\r\nSECRET".to_vec(),
                )],
                1,
                "401",
            ),
        ] {
            let server = FaultServer::start(script);
            let client = client_of(&server.url(), Duration::from_secs(20))
                .with_credentials(Credentials::token("SECRET.SECRET.SECRET"))
                .unwrap();
            // One for each client that is made: where its credentials came from.
            let made = lines();
            assert_eq!(made.len(), 2, "{made:?}");
            for (level, line) in &made {
                assert!(*level == Level::Debug && !line.contains("SECRET"), "{line}");
            }
            let answer = (endpoint.run)(&client);
            let lines = lines();
            let of = |level| {
                lines
                    .iter()
                    .filter(|(at, _)| *at == level)
                    .map(|(_, line)| line)
                    .collect::<Vec<_>>()
            };
            let (debug, warn) = (of(Level::Debug), of(Level::Warn));
            assert_eq!(
                (debug.len(), warn.len()),
                (tries, tries - 1),
                "{}: {lines:?}",
                endpoint.name
            );
            assert_eq!(
                lines.len(),
                tries * 2 - 1,
                "nothing at other levels: {lines:?}"
            );
            let sent = server.requests()[0]
                .replace("/auth/v1", "")
                .replace(" HTTP/1.1", "");
            for line in debug.iter().chain(&warn) {
                assert!(line.contains(&sent), "{line}");
                assert!(!line.contains("SECRET") && !line.contains("eyJ"), "{line}");
            }
            assert!(debug[0].contains(status), "{}", debug[0]);
            drop(answer);
        }
    }
}
