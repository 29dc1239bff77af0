//! What this library does with 1,161 config files, beside what the vendor's SDK and CLI did. They
//! were built from their sources and ran behind a proxy that recorded host and credentials. Neither
//! this test nor its data is in the package.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod support;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Value, json};
use support::*;

/// What neither differs nor has to be explained.
const SAME: &[(&str, usize)] = &[("sent", 961), ("refused", 501)];

/// What is refused though the vendor's tools send it, what the error says, and how often.
#[rustfmt::skip]
const STRICTER: &[(&str, &str, usize)] = &[
    ("certificates that are not PEM: they ignore them", ": certificateAuthData of", 102),
    ("an address that is not a base URL, or plain http", ": name of \"auth\" in", 41),
    ("skipTlsVerify: true", ": skipTlsVerify of", 8),
    ("a token with characters that no token has", ": the token of profile", 22),
    ("a colon in a user name, or a control character", ": the user name and password of", 16),
    ("a profile that does not exist, or has a blank name", ": has no ", 23),
    ("an environment that does not exist: they use the default host", ": there is no env", 8),
    ("merge keys", "merge keys (<<) are not supported", 12),
    ("UTF-16", ": is UTF-16", 4),
    ("~ for a map", ": expected a map", 3),
    ("two byte order marks", "did not find expected <document start>", 1),
];

/// What is sent though both refuse the file, and how often; and how often the CLI alone refuses it
/// and the SDK, with a token in the environment, goes on as if there were no file.
const LOOSER: &[(&str, usize, usize)] = &[
    ("a malformed version or failover, which is not read here", 46, 1),
    ("YAML that their reader does not know: \\/ in quotes, and !!int before a text", 12, 4),
    ("white space around a token or an address", 14, 0),
];

fn looser(case: &str, text: &str) -> &'static str {
    let is = |start: &&str| case.starts_with(*start);
    if ["A-version_", "C-key__failover"].iter().any(is) {
        return LOOSER[0].0;
    }
    if text.contains("\\/") || text.contains("!!int") {
        return LOOSER[1].0;
    }
    assert!(["A-token_", "A-url_", "E-creds__token", "G-url_"].iter().any(is), "{case}");
    LOOSER[2].0
}

/// What is sent in another way.
const DIFFERENT: &[(&str, usize)] =
    &[("white space around a token, which is dropped", 3), ("!!binary, which is not decoded", 3)];

fn different(text: &str, ours: &Value, theirs: &[&Value]) -> Option<&'static str> {
    let trimmed = |outcome: &Value| {
        let token = outcome["authorization"].as_str()?.strip_prefix("Bearer ")?.trim();
        Some((outcome["host"].to_string(), token.to_owned()))
    };
    let ours = trimmed(ours);
    match ours.is_some() && theirs.iter().any(|outcome| trimmed(outcome) == ours) {
        true => Some(DIFFERENT[0].0),
        false => text.contains("!!binary").then_some(DIFFERENT[1].0),
    }
}

fn rows() -> Vec<Value> {
    let rows = include_str!("data/vendor-config.jsonl").lines();
    rows.map(|row| serde_json::from_str(row).unwrap()).collect()
}

fn contents(row: &Value) -> Vec<u8> {
    match row["text"].as_str() {
        Some(text) => text.into(),
        None => BASE64_STANDARD.decode(row["base64"].as_str().unwrap()).unwrap(),
    }
}

/// Prints for each file what the library sends, as the rows say it.
#[test]
#[ignore = "the program of other tests"]
fn child_reads_every_file() {
    assert_child();
    let path = std::env::var("IONOS_CONFIG_FILE").unwrap();
    let server = FaultServer::start(vec![LIST.works()]);
    for row in rows() {
        fs::write(&path, contents(&row)).unwrap();
        let outcome = sent(&server).unwrap_or_else(|error| json!({"fails": error.to_string()}));
        println!("{}", json!([row["case"], outcome]));
    }
}

fn sent(server: &FaultServer) -> Result<Value> {
    let builder = ClientBuilder::from_env_or_config()?;
    let client = format!("{:?}", builder.clone().build()?);
    let (_, url) = client.split_once("base_url: \"https://").unwrap();
    let host = url.split('/').next().unwrap();
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    let port = if has_port { "" } else { ":443" };
    // The credentials go to a server that shows them.
    list_tokens(&builder.base_url(server.url()).build()?)?;
    let head = server.heads().pop().unwrap();
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let (_, value) = lines.find(|(name, _)| name.eq_ignore_ascii_case("authorization")).unwrap();
    let authorization = match value.strip_prefix("Basic ") {
        Some(pair) => {
            let pair = BASE64_STANDARD.decode(pair).unwrap();
            format!("Basic, of {}", String::from_utf8(pair).unwrap())
        }
        None => value.to_owned(),
    };
    Ok(json!({"host": format!("{host}{port}"), "authorization": authorization}))
}

#[test]
fn every_file_is_read_as_the_vendors_tools_read_it_or_refused() {
    let folder = Folder::new();
    let counts = Mutex::new(BTreeMap::new());
    let rows = rows();
    assert_eq!(rows.len(), 1161);
    in_parallel(["file", "file_and_IONOS_TOKEN"], |run| {
        let path = folder.0.join(run);
        let mut variables = vec![("IONOS_CONFIG_FILE", path.to_str().unwrap())];
        if run != "file" {
            variables.push(("IONOS_TOKEN", "ENV.t.t"));
        }
        let output = run_child("child_reads_every_file", &variables);
        let outcomes = output.lines().filter(|line| line.starts_with('['));
        let mut outcomes = outcomes.map(|line| serde_json::from_str::<[Value; 2]>(line).unwrap());
        for row in &rows {
            let [case, ours] = outcomes.next().unwrap();
            assert_eq!(case, row["case"]);
            // Without a second run, IONOS_TOKEN made no difference but for the credentials.
            if let Some(theirs) = row[run].as_object() {
                let verdict = compare(row, &ours, &theirs.values().collect::<Vec<_>>());
                *counts.lock().unwrap().entry(verdict).or_insert(0) += 1;
            }
        }
    });
    let mut expected = BTreeMap::new();
    expected.extend(SAME.iter().map(|(how, count)| (("same", *how), *count)));
    expected.extend(STRICTER.iter().map(|(reason, _, count)| (("stricter", *reason), *count)));
    expected.extend(LOOSER.iter().map(|(reason, count, _)| (("looser", *reason), *count)));
    let by_cli = LOOSER.iter().filter(|(_, _, count)| *count > 0);
    expected.extend(by_cli.map(|(reason, _, count)| (("looser than the CLI", *reason), *count)));
    expected.extend(DIFFERENT.iter().map(|(reason, count)| (("different", *reason), *count)));
    assert_eq!(counts.into_inner().unwrap(), expected);
}

/// Returns how what we do compares with what the SDK and the CLI did.
fn compare(row: &Value, ours: &Value, theirs: &[&Value]) -> (&'static str, &'static str) {
    let text = String::from_utf8_lossy(&contents(row)).into_owned();
    let case = row["case"].as_str().unwrap();
    // "tls": their proxy has no certificate for such a host.
    let is_refused = |outcome: &&Value| outcome["fails"] == "file";
    let goes_to_ours =
        |outcome: &&Value| outcome["host"] == ours["host"] && outcome["fails"] == "tls";
    if let Some(error) = ours["fails"].as_str() {
        if theirs.iter().any(is_refused) {
            return ("same", "refused");
        }
        let reason = STRICTER.iter().find(|(_, says, _)| error.contains(says));
        return ("stricter", reason.unwrap_or_else(|| panic!("{case}: {error}: {theirs:?}")).0);
    }
    if theirs.contains(&ours) || theirs.iter().any(goes_to_ours) {
        return ("same", "sent");
    }
    if theirs.iter().any(is_refused) {
        let by_both = theirs.iter().all(is_refused);
        return (if by_both { "looser" } else { "looser than the CLI" }, looser(case, &text));
    }
    let reason = different(&text, ours, theirs);
    ("different", reason.unwrap_or_else(|| panic!("{case}: {ours}, not {theirs:?}")))
}
