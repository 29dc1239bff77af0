//! Prints a token's claims: `cargo run --example inspect < token`, or `printenv IONOS_TOKEN | cargo
//! run --example inspect`.
//!
//! It sends no request, does not verify the signature, and does not print it.

use std::io::Read as _;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use ionoscloud_auth::{claims, key_id};

/// Longer than any token.
const MAX_LENGTH: u64 = 1024 * 1024;

fn main() -> ExitCode {
    match inspect() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn inspect() -> Result<(), Box<dyn std::error::Error>> {
    let mut token = String::new();
    std::io::stdin()
        .take(MAX_LENGTH)
        .read_to_string(&mut token)?;

    let id = key_id(&token)?;
    let claims = claims(&token)?;
    println!("Key ID      {id}");
    if let Some(identity) = &claims.identity {
        match identity.contract_number {
            Some(number) => println!("contract    {number}"),
            None => println!("contract    unknown"),
        }
        // These texts come from the token, quoted so that they cannot harm a terminal.
        println!(
            "role        {:?}",
            identity.role.as_deref().unwrap_or("unknown")
        );
        println!(
            "privileges  {:?}",
            identity.privileges.as_deref().unwrap_or_default()
        );
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    match claims.exp {
        Some(exp) if exp > now => println!("time left   {}", span(exp - now)),
        Some(exp) => println!("time left   none: it expired {} ago", span(now - exp)),
        None => println!("time left   unknown"),
    }
    Ok(())
}

fn span(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    format!("{days} d {hours} h {minutes} min {} s", seconds % 60)
}
