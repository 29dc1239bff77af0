//! What the service says: its models, what a token says of itself, and how both are read.

mod date;
mod json;
mod jwt;
mod key_id;
mod model;

pub(crate) use json::{read_json, text_or_number};
pub use jwt::{Claims, Identity, claims, key_id};
pub use key_id::KeyId;
pub use model::{Criteria, DeleteResponse, DueTokens, Jwt, Token, Tokens};
