//! The list as somebody would write it down who has no library.

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
