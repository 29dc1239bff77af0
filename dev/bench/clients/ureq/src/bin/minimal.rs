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
    let token = std::env::var("IONOS_TOKEN")?;
    let mut answer = ureq::get(format!("{url}/auth/v1/tokens"))
        .header("Authorization", format!("Bearer {token}"))
        .call()?;
    let tokens: Tokens = serde_json::from_slice(&answer.body_mut().read_to_vec()?)?;
    for token in tokens.tokens {
        println!("{} {}", token.id, token.expiration_date);
    }
    Ok(())
}
