//! A blocking client for the [IONOS Cloud Auth API](https://api.ionos.com/docs/authentication/v1/).
//! It creates, lists, reads, deletes and rotates API tokens. It is built on ureq and rustls,
//! without an async runtime.
//!
#![cfg_attr(feature = "client", doc = "```no_run")]
#![cfg_attr(not(feature = "client"), doc = "```ignore")]
//! use ionoscloud_auth::{Client, GetAllTokensOptions, get_all_tokens};
//!
//! fn main() -> ionoscloud_auth::Result<()> {
//!     let client = Client::from_env()?; // IONOS_TOKEN, or IONOS_USERNAME and IONOS_PASSWORD
//!     for token in get_all_tokens(&client, &GetAllTokensOptions::new())?.tokens {
//!         println!("{} expires {}", token.id, token.expiration_date);
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Tokens and Key IDs
//!
//! A *token* is a JWT that gives its holder access to a whole cloud contract, by default for a
//! year. The service shows it once, when it is created. After that, a token is identified by its
//! *Key ID*, the `kid` in the token's header. [`key_id`] reads it from a token, and you pass a
//! [`KeyId`] to read or delete one.
//!
//! | endpoint | function | options |
//! | --- | --- | --- |
//! | `GET /tokens/generate` | [`create_token`] | [`CreateTokenOptions`] |
//! | `GET /tokens` | [`get_all_tokens`] | [`GetAllTokensOptions`] |
//! | `GET /tokens/{tokenId}` | [`get_token_by_id`] | [`GetTokenByIdOptions`] |
//! | `DELETE /tokens/{tokenId}` | [`delete_token_by_id`] | [`DeleteTokenByIdOptions`] |
//! | `DELETE /tokens?criteria=…` | [`delete_token_by_criteria`] | [`DeleteTokenByCriteriaOptions`] |
//! | several of these | [`rotate_token`] | [`RotateTokenOptions`] |
//! | no request | [`key_id`], [`claims`] | |
//!
//! # Errors
//!
//! Each of these functions returns a [`Result`]. The text of an [`Error`] says what was tried, what
//! came back, and what to do. [`Error::kind`] returns what failed, [`Error::status`] the HTTP
//! status. [`Error::outcome_unknown`] returns whether something may have changed although no
//! response says so: after a create, there may then be an orphaned token.
//!
//! A request is retried only if the service cannot have acted on it, or if a repetition is
//! harmless, so a create that may have worked is not. [`RetryPolicy`] sets how often and when, and
//! [`ClientBuilder::timeout`] limits the whole call. The guide to [errors](docs::errors) has the
//! list.
//!
//! # Rotate a token
//!
//! [`rotate_token`] creates, verifies and stores a new token before it deletes the old one:
//!
#![cfg_attr(feature = "client", doc = "```no_run")]
#![cfg_attr(not(feature = "client"), doc = "```ignore")]
//! # use ionoscloud_auth::{Client, RotateTokenOptions, rotate_token};
//! let client = Client::from_env()?;
//! let options = RotateTokenOptions::current();
//! let rotation = rotate_token(&client, &options, |jwt| jwt.save("token"))?;
//! if let Some(error) = rotation.leftover {
//!     println!("the old token could not be deleted: {error}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Secrets
//!
//! [`Credentials`] and [`Jwt`] are redacted from `Debug` output, never appear in errors, and are
//! wiped from memory when dropped. Redirects are not followed. Certificates are always verified, or
//! compared with the one that is pinned. Plain http is refused except to a loopback address, or
//! with [`allow_insecure_http`](ClientBuilder::allow_insecure_http). The page on
//! [security](docs::security) names the limits.
//!
//! ureq logs every byte of a connection to the target `ureq_proto` at trace level. If the installed
//! logger accepts that, calls are refused with an error that says which filter to set.
//!
//! # Threads and async
//!
//! A [`Client`] can be used from any number of threads at once, and [`Client::shutdown`] ends all
//! its calls. From async code, make a call in a thread for blocking work, such as tokio's
//! `spawn_blocking`. Dropping the future does not cancel the call: the guide to
//! [async and cancellation](docs::async_and_cancellation) says what does.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `client` (default) | everything that uses the network |
//! | `config-file` | [`Client::from_env_or_config`] reads what `ionosctl login` wrote |
//! | `pinned-cert` | [`ClientBuilder::pinned_certificate_sha256`] and `IONOS_PINNED_CERT` |
//! | `platform-verifier` | trusts the system's certificate authorities instead of Mozilla's |
//! | `mock` | the mock server in [`mock`] |
//!
//! Without `client`, Key IDs, claims and the models remain, and the build needs no C compiler. That
//! is enough for a build script that reads a Key ID:
//!
//! ```toml
//! [build-dependencies]
//! ionoscloud-auth = { path = "../ionoscloud-auth", default-features = false }
//! ```
//!
//! The library requires Rust 1.85 or later.
//!
//! # Guides
//!
//! - [Errors](docs::errors): what is retried, and what to do about an unknown outcome
//! - [Settings](docs::settings): what you can set, environment variables, the config file
//! - [Rotating tokens](docs::rotating_tokens): each step, and what a crash leaves behind
//! - [Async and cancellation](docs::async_and_cancellation): how to end a call, long-running
//!   programs
//! - [Coming from Go](docs::coming_from_go), [performance](docs::performance), [platforms and
//!   dependencies](docs::platforms), [security](docs::security)

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "client")]
mod builder;
#[cfg(feature = "client")]
mod call;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod credentials;
mod error;
#[cfg(feature = "mock")]
pub mod mock;
#[cfg(feature = "client")]
mod outcome;
#[cfg(feature = "client")]
mod reading;
#[cfg(feature = "client")]
mod retry;
#[cfg(feature = "client")]
mod rotation;
#[cfg(feature = "client")]
mod settings;
mod token;
#[cfg(feature = "client")]
mod tokens;
#[cfg(feature = "client")]
mod transport;

pub use error::{ApiMessage, CallError, Error, ErrorKind, Result};
pub use token::{
    Claims, Criteria, DeleteResponse, Identity, Jwt, KeyId, Token, Tokens, claims, key_id,
};
// All public items of `tokens` are endpoints and their options.
#[cfg(feature = "client")]
pub use {
    builder::ClientBuilder,
    client::Client,
    credentials::Credentials,
    retry::{Attempt, RetryPolicy},
    rotation::{Orphan, RotateError, RotateTokenOptions, Rotation, rotate_token},
    tokens::*,
};

/// Guides that go further than an item's own documentation.
// Each page ends with links to files, for those who read it as one. The links here win.
#[cfg(all(feature = "client", any(doc, doctest)))]
pub mod docs {
    /// [`RetryPolicy`]: crate::RetryPolicy
    /// [`mock`]: crate::mock
    /// [`timeout`]: crate::ClientBuilder::timeout
    ///
    #[doc = include_str!("../docs/errors.md")]
    pub mod errors {}
    /// [`ClientBuilder`]: crate::ClientBuilder
    /// [`RetryPolicy`]: crate::RetryPolicy
    ///
    #[doc = include_str!("../docs/settings.md")]
    pub mod settings {}
    /// [`Jwt::save`]: crate::Jwt::save
    /// [`Jwt::save_in`]: crate::Jwt::save_in
    /// [`Token::expires_at`]: crate::Token::expires_at
    /// [async and cancellation]: crate::docs::async_and_cancellation
    ///
    #[doc = include_str!("../docs/rotating_tokens.md")]
    pub mod rotating_tokens {}
    /// [`Client::shutdown`]: crate::Client::shutdown
    /// [`Client::with_timeout`]: crate::Client::with_timeout
    /// [`ClientBuilder`]: crate::ClientBuilder
    /// [`Jwt::save`]: crate::Jwt::save
    /// [`rotate_token`]: crate::rotate_token
    /// [errors]: crate::docs::errors
    /// [rotating tokens]: crate::docs::rotating_tokens
    ///
    #[doc = include_str!("../docs/async_and_cancellation.md")]
    pub mod async_and_cancellation {}
    // The page's own picture is a file next to it, which rustdoc does not copy: it is inlined.
    /// What a call costs, compared with other clients.
    ///
    /// <style>img[src="performance.svg"] { display: none }</style>
    #[doc = include_str!("../docs/performance.svg")]
    ///
    #[doc = include_str!("../docs/performance.md")]
    pub mod performance {}
    #[doc = include_str!("../docs/platforms.md")]
    pub mod platforms {}
    /// [async and cancellation]: crate::docs::async_and_cancellation
    ///
    #[doc = include_str!("../docs/coming_from_go.md")]
    pub mod coming_from_go {}
    /// What the library promises, which test shows it, and what it cannot do.
    ///
    #[doc = include_str!("../SECURITY.md")]
    pub mod security {}
}

/// Runs the programs in the README as tests.
#[cfg(all(doctest, feature = "mock"))]
#[doc = include_str!("../README.md")]
struct Readme;
