//! A blocking client for the [IONOS Cloud Auth API](https://api.ionos.com/docs/authentication/v1/):
//! create, list, read and delete API tokens, and read the Key ID out of one. No async runtime.
//!
//! ```no_run
//! use std::time::Duration;
//! use ionoscloud_auth::{Client, CreateTokenOptions, GetAllTokensOptions, create_token, get_all_tokens};
//!
//! fn main() -> ionoscloud_auth::Result<()> {
//!     let client = Client::from_env()?; // IONOS_TOKEN, or IONOS_USERNAME and IONOS_PASSWORD
//!     let jwt = create_token(&client, &CreateTokenOptions::new().ttl(Duration::from_secs(3600)))?;
//!     println!("created {}", jwt.key_id()?); // jwt.token() is the secret itself
//!     for token in get_all_tokens(&client, &GetAllTokensOptions::new())?.tokens {
//!         println!("{} expires {}", token.id, token.expiration_date);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Tokens and Key IDs
//!
//! A *token* is a JWT: a text of three parts that opens a whole cloud contract for whoever holds
//! it, for a year if nothing else is asked for. The service shows it once, when it is created. From
//! then on it is spoken of by its *Key ID*, which is the `kid` in the token's own header:
//! [`key_id`] reads it, and a [`KeyId`] is what reads and deletes a token.
//!
//! | endpoint | function | options |
//! | --- | --- | --- |
//! | `GET /tokens/generate` | [`create_token`] | [`CreateTokenOptions`] |
//! | `GET /tokens` | [`get_all_tokens`] | [`GetAllTokensOptions`] |
//! | `GET /tokens/{tokenId}` | [`get_token_by_id`] | [`GetTokenByIdOptions`] |
//! | `DELETE /tokens/{tokenId}` | [`delete_token_by_id`] | [`DeleteTokenByIdOptions`] |
//! | `DELETE /tokens?criteria=…` | [`delete_token_by_criteria`] | [`DeleteTokenByCriteriaOptions`] |
//! | three of them | [`rotate_token`] | [`RotateTokenOptions`] |
//! | none | [`key_id`], [`claims`] | |
//!
//! # What can go wrong
//!
//! Every call gives a [`Result`] with an [`Error`] of few kinds, whose text says what was tried,
//! what came back and what to do. [`Error::status`] tells 401, 403, 404 and 429 apart.
//! [`Error::outcome_unknown`] says whether the service may have acted although no response says so:
//! after a creation, there may then be a token that nobody knows.
//!
//! What is sent again is fixed: what the service can't have acted on, always; what it may have
//! acted on, only where twice is the same as once. A creation is not. [`RetryPolicy`]
//! sets how often and when, and [`ClientBuilder::timeout`] the time for all of it.
//!
//! # What is kept secret
//!
//! [`Credentials`] and [`Jwt`] show nothing in `Debug`, are wiped when dropped, and are in no
//! error. Redirects are not followed, plain http is refused but to this machine, and certificates
//! are always verified.
//!
//! The library below this one writes every byte of the wire to the log target `ureq_proto` at trace
//! level. So where the installed logger takes that, a call fails before anything is sent, and says
//! which filter to set: see [`ClientBuilder::allow_secrets_in_trace_log`].
//!
//! # Settings, and rotating tokens
//!
//! Two pages of their own: [settings](docs::settings) has every variable and the config file, with
//! what wins over what; [rotating tokens](docs::rotating_tokens) how [`rotate_token`] replaces a
//! token, and what a crash leaves.
//!
//! # Tests of your own
//!
//! With the feature `mock`, `mock::MockAuthApi` is a mock server of the API in your test's own
//! process: it keeps state, and when told to it responds with errors, or breaks, also after it has
//! acted. It needs no other crate.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod auth;
mod call;
mod client;
#[cfg(any(doc, doctest))]
pub mod docs;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
#[cfg(feature = "mock")]
pub mod mock;
mod rotation;
mod settings;
mod token;
mod tokens;
mod transport;

pub use auth::{Credentials, CredentialsSource};
pub use call::{Attempt, AttemptOutcome, FinishedCall, RetryPolicy};
pub use client::Client;
pub use error::{
    ApiError, ApiMessage, Error, Result, TransportError, TransportErrorKind, UnreadableResponse,
};
pub use rotation::{Orphan, RotateError, RotateTokenOptions, Rotation, rotate_token};
pub use settings::ClientBuilder;
pub use token::{
    Claims, Criteria, DeleteResponse, DueTokens, Identity, Jwt, KeyId, Token, Tokens, claims,
    key_id,
};
// The endpoints and their options, however many there are.
pub use tokens::*;

/// The README's programs are tests too.
#[cfg(all(doctest, feature = "mock"))]
#[doc = include_str!("../README.md")]
struct Readme;
