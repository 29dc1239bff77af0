//! Creates, reads, lists and deletes a token on a mock server in this process: `cargo run --example
//! lifecycle`.
//!
//! `cargo run --example lifecycle -- --live` uses the real service, with the credentials of the
//! environment. It creates one token that is valid for 60 seconds, and deletes only that token.

use std::time::Duration;

use ionoscloud_auth::mock::MockAuthApi;
use ionoscloud_auth::*;

fn main() -> Result<()> {
    if std::env::args().any(|argument| argument == "--live") {
        lifecycle(&Client::from_env()?)
    } else {
        let api = MockAuthApi::start();
        println!("against a mock server at {}", api.base_url());
        let client = Client::builder()
            .base_url(api.base_url())
            .credentials(api.credentials())
            .build()?;
        lifecycle(&client)?;
        delete_expired(&client, &api)
    }
}

fn lifecycle(client: &Client) -> Result<()> {
    let options = CreateTokenOptions::new().ttl(Duration::from_secs(60));
    let jwt = create_token(client, &options)?;
    let id = jwt.key_id()?;
    println!("created  {id}");

    let claims = jwt.claims()?;
    if let Some(identity) = claims.identity {
        let contract = identity.contract_number.unwrap_or_default();
        let role = identity.role.unwrap_or_default();
        println!("claims   contract {contract}, role {role}");
    }

    let token = get_token_by_id(client, &GetTokenByIdOptions::new(id.clone()))?;
    println!("read     expires {}", token.expiration_date);

    let tokens = get_all_tokens(client, &GetAllTokensOptions::new())?.tokens;
    let ours = tokens.iter().any(|token| token.id == id);
    println!("listed   {}, including ours: {ours}", tokens.len());

    delete_token_by_id(client, &DeleteTokenByIdOptions::new(id.clone()))?;
    println!("deleted  {id}");

    match get_token_by_id(client, &GetTokenByIdOptions::new(id)) {
        Err(error) if error.status() == Some(404) => println!("error    {error}"),
        Err(error) => return Err(error),
        Ok(token) => println!("deleted, but still there: {}", token.id),
    }
    Ok(())
}

fn delete_expired(client: &Client, api: &MockAuthApi) -> Result<()> {
    let id = create_token(client, &CreateTokenOptions::new())?.key_id()?;
    api.expire(&id);
    let expired = DeleteTokenByCriteriaOptions::new(Criteria::Expired);
    delete_token_by_criteria(client, &expired)?;
    let left = get_all_tokens(client, &GetAllTokensOptions::new())?.tokens;
    println!("expired  deleted, {} tokens left", left.len());
    Ok(())
}
