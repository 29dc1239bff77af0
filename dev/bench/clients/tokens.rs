//! The models as a program without this library would define them.
#![allow(dead_code)]

#[derive(serde::Deserialize)]
pub struct Tokens {
    pub tokens: Vec<Token>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Token {
    pub id: String,
    pub href: String,
    pub created_date: String,
    pub expiration_date: String,
}

#[derive(serde::Deserialize)]
pub struct Jwt {
    pub token: String,
}
