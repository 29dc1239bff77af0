//! Calls one endpoint on one client: `gateways-client list|create|delete`. Prints the result as one
//! line of JSON, and the `Debug` output of an error on standard error.
//!
//! Credentials, base URL and proxy come from the environment, as for any program of this library
//! (`IONOS_TOKEN`, `IONOS_API_URL`, `HTTPS_PROXY` and so on). It also reads:
//!
//! - `ROOTS`: a file of root certificates, in PEM
//! - `PROXY`: the proxy to set on the builder, instead of the environment's
//! - `HEADER`: the value of an additional header
//! - `TIMEOUT`: the time limit of a call in seconds
//! - `PAUSES`: the milliseconds to wait after each call, such as `0,950,0` for three calls. The
//!   default is one call. It stops after a call that fails.

use std::env;
use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use ionoscloud_auth::*;
use serde_json::json;

fn main() {
    let endpoint = env::args().nth(1).expect("an endpoint");
    let attempts = Arc::new(AtomicU32::new(0));
    let result = client(&attempts).and_then(|client| calls(&client, &endpoint));
    let error = result.err();
    if let Some(error) = &error {
        eprintln!("{error:?} {:?}", error.source());
    }
    let said = json!({
        "ok": error.is_none(),
        "kind": error.as_ref().map(kind),
        "status": error.as_ref().and_then(Error::status),
        "outcome_unknown": error.as_ref().is_some_and(Error::outcome_unknown),
        "attempts": attempts.load(Ordering::Relaxed),
        "text": error.map(|error| error.to_string()),
    });
    println!("{said}");
}

fn client(attempts: &Arc<AtomicU32>) -> Result<Client> {
    let counted = Arc::clone(attempts);
    let mut builder = ClientBuilder::from_env()?
        .allow_insecure_http(true)
        .on_attempt(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
    if let Ok(path) = env::var("ROOTS") {
        builder = builder.root_certificates_pem(std::fs::read(path).expect("root certificates"));
    }
    if let Ok(url) = env::var("PROXY") {
        builder = builder.proxy(url);
    }
    if let Ok(value) = env::var("HEADER") {
        builder = builder.header("X-Gateway", value);
    }
    if let Ok(seconds) = env::var("TIMEOUT") {
        builder = builder.timeout(Duration::from_secs_f64(seconds.parse().expect("seconds")));
    }
    builder.build()
}

fn calls(client: &Client, endpoint: &str) -> Result<()> {
    let pauses = env::var("PAUSES").unwrap_or_else(|_| "0".to_owned());
    for pause in pauses.split(',') {
        call(client, endpoint)?;
        thread::sleep(Duration::from_millis(pause.parse().expect("milliseconds")));
    }
    Ok(())
}

fn call(client: &Client, endpoint: &str) -> Result<()> {
    match endpoint {
        "list" => get_all_tokens(client, &GetAllTokensOptions::new()).map(|_| ()),
        "create" => create_token(client, &CreateTokenOptions::new()).map(|_| ()),
        "delete" => {
            let id = KeyId::new("f13a5c54-8228-4b7e-9414-61313ce723d1")?;
            delete_token_by_id(client, &DeleteTokenByIdOptions::new(id)).map(|_| ())
        }
        other => panic!("there is no endpoint {other}"),
    }
}

fn kind(error: &Error) -> String {
    match error {
        Error::Invalid { .. } => "Invalid".to_owned(),
        Error::Malformed { .. } => "Malformed".to_owned(),
        Error::Call(call) => format!("{:?}", call.kind),
        _ => "another".to_owned(),
    }
}
