//! The smallest program that lists tokens, with a hook.

use ionoscloud_auth::{ClientBuilder, GetAllTokensOptions, get_all_tokens};

fn main() -> ionoscloud_auth::Result<()> {
    let builder = ClientBuilder::from_env()?;
    let client = builder
        .on_attempt(|attempt| println!("{attempt:?}"))
        .build()?;
    for token in get_all_tokens(&client, &GetAllTokensOptions::new())?.tokens {
        println!("{} {}", token.id, token.expiration_date);
    }
    Ok(())
}
