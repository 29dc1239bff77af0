//! The front door.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod base_url;
mod client;
mod credentials;
mod date;
mod error;
mod exchange;
mod json;
mod jwt;
mod key_id;
#[cfg(feature = "mock")]
pub mod mock;
mod model;
mod retry;
mod tokens;
mod transport;

pub use client::{Client, ClientBuilder};
pub use credentials::Credentials;
pub use error::{
    ApiError, ApiMessage, Error, Result, TransportError, TransportErrorKind, UnreadableAnswer,
};
pub use jwt::{Claims, Identity, claims, key_id};
pub use key_id::KeyId;
pub use model::{Criteria, DeleteResponse, Jwt, Token, Tokens};
pub use retry::RetryPolicy;
pub use tokens::{
    CreateTokenOptions, DeleteTokenByCriteriaOptions, DeleteTokenByIdOptions, GetAllTokensOptions,
    GetTokenByIdOptions, create_token, delete_token_by_criteria, delete_token_by_id,
    get_all_tokens, get_token_by_id,
};
