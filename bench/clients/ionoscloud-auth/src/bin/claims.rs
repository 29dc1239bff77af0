//! The smallest program that lists tokens, and reads the claims of its own.

use ionoscloud_auth::{Client, GetAllTokensOptions, claims, get_all_tokens};

fn main() -> ionoscloud_auth::Result<()> {
    let jwt = std::env::var("IONOS_TOKEN").unwrap_or_default();
    println!("{:?}", claims(&jwt)?);
    let client = Client::from_env()?;
    for token in get_all_tokens(&client, &GetAllTokensOptions::new())?.tokens {
        println!("{} {}", token.id, token.expiration_date);
    }
    Ok(())
}
