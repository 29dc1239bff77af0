//! A build script that looks at the token in the environment: copy it to `build.rs`.
//!
//! It warns if the token expires within two weeks, and makes its Key ID available to the program as
//! `env!("TOKEN_KEY_ID")`. If anything fails, the build continues.
//!
//! It needs no network, so it does without the feature `client`. The library then builds within
//! seconds, without TLS and without a C compiler:
//!
//! ```toml
//! [build-dependencies]
//! ionoscloud-auth = { path = "../ionoscloud-auth", default-features = false }
//! ```

use std::error::Error;
use std::time::{SystemTime, UNIX_EPOCH};

use ionoscloud_auth::{claims, key_id};

const DAY: u64 = 24 * 3600;

pub(crate) fn main() {
    println!("cargo::rerun-if-env-changed=IONOS_TOKEN");
    let mut id = String::new();
    if let Err(problem) = check_token(&mut id) {
        println!("cargo::warning=IONOS_TOKEN: {problem}");
    }
    println!("cargo::rustc-env=TOKEN_KEY_ID={id}");
}

fn check_token(id: &mut String) -> Result<(), Box<dyn Error>> {
    // The error of `var` may quote the token.
    let token = std::env::var("IONOS_TOKEN").map_err(|_| "not set, or not text")?;
    *id = key_id(&token)?.to_string();
    let expiry = claims(&token)?.exp.ok_or("it has no exp claim")?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    if expiry <= now {
        return Err(format!("{id} has expired").into());
    }
    match (expiry - now) / DAY {
        days @ ..14 => Err(format!("{id} expires in {days} days").into()),
        _ => Ok(()),
    }
}
