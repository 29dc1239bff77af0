//! The list of tokens as a program without this library would define it.

#[derive(serde::Deserialize)]
pub struct Tokens {
    pub tokens: Vec<Token>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code)]
pub struct Token {
    id: String,
    href: String,
    created_date: String,
    expiration_date: String,
}
