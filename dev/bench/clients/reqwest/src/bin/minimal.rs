//! The smallest program that lists tokens.

use serde::Deserialize;

#[derive(Deserialize)]
struct Tokens {
    tokens: Vec<Token>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    id: String,
    expiration_date: String,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("IONOS_API_URL").unwrap_or("https://api.ionos.com".to_owned());
    let tokens: Tokens = reqwest::blocking::Client::new()
        .get(format!("{url}/auth/v1/tokens"))
        .bearer_auth(std::env::var("IONOS_TOKEN")?)
        .send()?
        .error_for_status()?
        .json()?;
    for token in tokens.tokens {
        println!("{} {}", token.id, token.expiration_date);
    }
    Ok(())
}
