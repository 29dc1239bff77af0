//! The models of the API, JWTs, Key IDs and dates, and reading them. It does not depend on HTTP.

mod date;
mod json;
mod jwt;
mod key_id;
mod model;

pub(crate) use json::{read_json, text_or_number};
pub(crate) use jwt::expiry;
pub use jwt::{Claims, Identity, claims, key_id};
pub use key_id::KeyId;
pub use model::{Criteria, DeleteResponse, DueTokens, Jwt, Token, Tokens};
