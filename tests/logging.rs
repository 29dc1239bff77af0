//! Levels and numbers of log lines, without secrets. This test installs a logger, so it needs a
//! process of its own.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use log::{Level, LevelFilter, Record};
use support::*;

static RECORDS: Mutex<Vec<(Level, String)>> = Mutex::new(Vec::new());

fn keep(record: &Record) {
    if record.target().starts_with("ionoscloud_auth") {
        let line = (record.level(), record.args().to_string());
        RECORDS.lock().unwrap().push(line);
    }
}

fn lines() -> Vec<(Level, String)> {
    std::mem::take(&mut RECORDS.lock().unwrap())
}

#[test]
fn each_attempt_logs_one_line_and_each_retry_one_warning() {
    logger::install(LevelFilter::Debug, |_| true, keep);
    for endpoint in ENDPOINTS {
        let works = endpoint.works();
        let busy = answer(429, "SECRET");
        for (script, attempts, status) in [
            (vec![works.clone()], 1, "200"),
            (vec![busy.clone(), busy.clone(), works], 3, "429"),
            (vec![busy], 3, "429"),
            (vec![close("HTTP/1.1 401 X\r\n\r\nSECRET")], 1, "401"),
        ] {
            let server = FaultServer::start(script);
            let client = client_of(&server.url())
                .with_credentials(Credentials::token("SECRET.SECRET.SECRET"))
                .unwrap();
            // One line for each client: its base URL and credentials, and where they came from.
            let made = lines();
            assert_eq!(made.len(), 2, "{made:?}");
            let says = format!(
                "calls go to {}/auth/v1 (the program itself), with credentials from the program \
                 itself",
                server.url()
            );
            assert_eq!(made[0].1, says);
            for (level, line) in &made {
                assert!(*level == Level::Debug && !line.contains("SECRET"), "{line}");
            }
            let result = (endpoint.run)(&client);
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
                (attempts, attempts - 1),
                "{}: {lines:?}",
                endpoint.name
            );
            assert_eq!(lines.len(), attempts * 2 - 1, "nothing at other levels: {lines:?}");
            let sent = server.requests()[0].replace("/auth/v1", "").replace(" HTTP/1.1", "");
            for line in debug.iter().chain(&warn) {
                assert!(line.contains(&sent), "{line}");
                assert!(!line.contains("SECRET") && !line.contains("eyJ"), "{line}");
            }
            assert!(debug[0].contains(status), "{}", debug[0]);
            drop(result);
        }
    }
}
