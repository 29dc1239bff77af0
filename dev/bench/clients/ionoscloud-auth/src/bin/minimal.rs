//! The smallest program that lists tokens.

use ionoscloud_auth::{Client, GetAllTokensOptions, get_all_tokens};

fn main() -> ionoscloud_auth::Result<()> {
    let client = Client::from_env()?;
    for token in get_all_tokens(&client, &GetAllTokensOptions::new())?.tokens {
        println!("{} {}", token.id, token.expiration_date);
    }
    Ok(())
}
