//! A build script that looks after the token of the environment: copy it to `build.rs`.
//!
//! It warns if the token expires within two weeks, and bakes its Key ID into the program as
//! `env!("TOKEN_KEY_ID")`. Whatever goes wrong, the build goes on: on a train, behind a firewall,
//! or with no token at all.

use std::time::{Duration, SystemTime};

use ionoscloud_auth::{
    ClientBuilder, GetTokenByIdOptions, Result, RetryPolicy, claims, get_token_by_id,
};

const TWO_WEEKS: Duration = Duration::from_secs(14 * 24 * 3600);
/// A build waits no longer than this for the service.
const TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) fn main() {
    for variable in ["IONOS_TOKEN", "IONOS_API_URL"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let mut key_id = String::new();
    match look_after(&mut key_id) {
        Ok(None) => {}
        Ok(Some(warning)) => println!("cargo::warning={warning}"),
        Err(error) => println!("cargo::warning=the token was not looked after: {error}"),
    }
    println!("cargo::rustc-env=TOKEN_KEY_ID={key_id}");
}

/// What to warn of.
fn look_after(key_id: &mut String) -> Result<Option<String>> {
    let client = ClientBuilder::from_env()?
        .timeout(TIMEOUT)
        .retry(RetryPolicy::none())
        .build()?;
    let Some(id) = client.key_id() else {
        return Ok(Some(
            "the environment has no token with a Key ID".to_owned(),
        ));
    };
    *key_id = id.to_string();
    let now = SystemTime::now();
    if expires_soon_by_itself(now) == Some(false) {
        // Nobody has to be asked.
        return Ok(None);
    }
    let token = get_token_by_id(&client, &GetTokenByIdOptions::new(&id))?;
    let warning = format!("the token {id} expires at {}", token.expiration_date);
    Ok(token.expires_within(TWO_WEEKS, now)?.then_some(warning))
}

/// What the token says of itself; `None` if it doesn't.
fn expires_soon_by_itself(now: SystemTime) -> Option<bool> {
    let token = std::env::var("IONOS_TOKEN").ok()?;
    claims(&token).ok()?.expires_within(TWO_WEEKS, now).ok()
}
