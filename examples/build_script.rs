//! A build script that checks the token in the environment: copy it to `build.rs`.
//!
//! It warns if the token expires within two weeks, and makes its Key ID available to the program as
//! `env!("TOKEN_KEY_ID")`. If anything fails, the build continues: without a network, behind a
//! firewall, or without a token.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ionoscloud_auth::{
    ClientBuilder, GetTokenByIdOptions, Result, RetryPolicy, claims, get_token_by_id,
};

const TWO_WEEKS: Duration = Duration::from_secs(14 * 24 * 3600);
/// The longest time that a build waits for the service.
const TIMEOUT: Duration = Duration::from_secs(3);

pub(crate) fn main() {
    for variable in ["IONOS_TOKEN", "IONOS_API_URL"] {
        println!("cargo::rerun-if-env-changed={variable}");
    }
    let mut key_id = String::new();
    match look_after(&mut key_id) {
        Ok(None) => {}
        Ok(Some(warning)) => println!("cargo::warning={warning}"),
        Err(error) => println!("cargo::warning=the token was not checked: {error}"),
    }
    println!("cargo::rustc-env=TOKEN_KEY_ID={key_id}");
}

/// Returns the warning, if there is one.
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
    let soon = SystemTime::now() + TWO_WEEKS;
    if claimed_expiry().is_some_and(|expiry| expiry > soon) {
        // The token contains its expiry, so no request is needed.
        return Ok(None);
    }
    let token = get_token_by_id(&client, &GetTokenByIdOptions::new(&id))?;
    let warning = format!("the token {id} expires at {}", token.expiration_date);
    Ok((token.expires_at()? <= soon).then_some(warning))
}

/// Returns when the token in the environment expires, if it says so.
fn claimed_expiry() -> Option<SystemTime> {
    let token = std::env::var("IONOS_TOKEN").ok()?;
    let seconds = claims(&token).ok()?.exp?;
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
