//! A new token in, the old one out, in an order that never leaves a caller without a valid one.

use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use crate::auth::Credentials;
use crate::call::Done;
use crate::client::Client;
use crate::error::{Error, Result, UnreadableResponse};
use crate::token::{self, Criteria, Jwt, KeyId};
use crate::tokens::{
    CreateTokenOptions, DeleteTokenByCriteriaOptions, DeleteTokenByIdOptions, GetTokenByIdOptions,
    LIST_AND_DELETE, create, delete_token_by_criteria, delete_token_by_id, get,
};

/// Replaces a token: creates a new one, proves that it works, has it stored, and only then deletes
/// the old one.
///
/// 1. The old token's Key ID is found: that of the client's own token, or one that is named.
/// 2. The new token is created, with the client's credentials.
/// 3. It is read back with its own credentials: it works.
/// 4. `store` gets it, and returns once it is safely kept. It must keep it whole or leave things as
///    they were: write it beside the old one, then rename.
/// 5. The old token is deleted, with the new one's credentials.
///
/// At any moment at least one valid token is stored, also if the process dies between two steps. If
/// 2 fails, nothing has changed. If 3 or 4 fails, the new token is deleted again and the old one is
/// untouched. If 5 fails, the new token is in use, and [`Rotation::leftover`] says why the old one
/// still lives.
///
/// If `store` panics, the new token is deleted again too, and the panic goes on; should that
/// deletion fail, its Key ID is in the log, at error level.
///
/// A create is never sent twice, and what a failed one did may not be known: see
/// [`RotateError::NotCreated`].
///
/// The client that was given still has the old token afterwards, where that was its own. For
/// further calls make one of the new token, with [`Client::with_credentials`].
///
/// Users with two-factor authentication can't rotate with a token that was made through this API:
/// the service lets it neither create nor delete. With one from the vendor's web console they can,
/// but the new token, which deletes the old one, is one made through this API: the old one is then
/// the [`leftover`](Rotation::leftover).
///
/// # Errors
///
/// [`RotateError`] tells what was done, and whether a token is left over that nobody uses.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use ionoscloud_auth::{Client, Credentials, RotateTokenOptions, rotate_token};
///
/// # fn write_beside_and_rename(token: &str) -> std::io::Result<()> { Ok(()) }
/// let client = Client::from_env()?;
/// let options = RotateTokenOptions::current().ttl(Duration::from_secs(30 * 24 * 3600));
/// let rotation = rotate_token(&client, &options, |jwt| write_beside_and_rename(jwt.token()))?;
/// println!("the token is now {}", rotation.key_id);
/// let client = client.with_credentials(Credentials::token(rotation.jwt.token()))?;
/// if let Some(error) = rotation.leftover {
///     println!("the old one could not be deleted: {error}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn rotate_token<E>(
    client: &Client,
    options: &RotateTokenOptions,
    store: impl FnOnce(&Jwt) -> Result<(), E>,
) -> Result<Rotation, RotateError<E>> {
    let old = old_key_id(client, options).map_err(RotateError::NotCreated)?;
    let contract_number = options.contract_number;
    let new = CreateTokenOptions {
        ttl: options.ttl,
        contract_number,
    };
    let (jwt, created) = create(client, &new).map_err(RotateError::NotCreated)?;
    if is_known(client, &jwt, &old) {
        // To go on, or to undo it, would delete a token that is in use.
        let reason = "it holds a token that was there already, and no new one: something on the way caches responses";
        let error = finding(CREATE, created, reason, true);
        return Err(RotateError::NotCreated(error));
    }

    let undo = |key_id: Option<KeyId>| undo(client, &jwt, key_id, contract_number);
    let (key_id, renewed) = match prove(client, &jwt, created, contract_number) {
        Ok(proven) => proven,
        Err(error) => {
            let leftover = undo(jwt.key_id().ok());
            return Err(RotateError::NotProven { error, leftover });
        }
    };
    match catch_unwind(AssertUnwindSafe(|| store(&jwt))) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let leftover = undo(Some(key_id));
            return Err(RotateError::NotStored { error, leftover });
        }
        Err(panic) => {
            if let Some(leftover) = undo(Some(key_id)) {
                log::error!("rotate_token: the store panicked, and {leftover}");
            }
            resume_unwind(panic);
        }
    }
    let delete = DeleteTokenByIdOptions {
        id: old,
        contract_number,
    };
    let leftover = delete_token_by_id(&renewed, &delete).err();
    Ok(Rotation {
        jwt,
        key_id,
        leftover,
    })
}

fn old_key_id(client: &Client, options: &RotateTokenOptions) -> Result<KeyId> {
    match (&options.replacing, client.token()) {
        (Some(id), _) => Ok(id.clone()),
        (None, Some(token)) => token::key_id(token),
        (None, None) => Err(Error::invalid(
            "rotate_token",
            "is asked to replace the client's own token, and this client has a user name and a password: name the token with \
             RotateTokenOptions::replacing",
        )),
    }
}

/// Whether the response to a create holds a token that is in use: by the text, as not every token
/// is a JWT, or by the Key ID, as one token may be written in two ways.
fn is_known(client: &Client, jwt: &Jwt, old: &KeyId) -> bool {
    let new = jwt.key_id().ok();
    let own = client.token();
    new.as_ref() == Some(old)
        || own.is_some_and(|own| {
            own.trim() == jwt.token().trim() || new.is_some() && token::key_id(own).ok() == new
        })
}

/// Reads the new token back with its own credentials.
fn prove(
    client: &Client,
    jwt: &Jwt,
    created: Done,
    contract_number: Option<u32>,
) -> Result<(KeyId, Client)> {
    let renewed = client.with_credentials(Credentials::token(jwt.token()));
    let (key_id, renewed) = match (jwt.key_id(), renewed) {
        (Ok(key_id), Ok(renewed)) => (key_id, renewed),
        (Err(error), _) | (_, Err(error)) => return Err(useless(created, &error)),
    };
    let options = GetTokenByIdOptions {
        id: key_id.clone(),
        contract_number,
    };
    let (token, read) = get(&renewed, &options)?;
    if token.id != key_id {
        let request = format!("GET /tokens/{key_id}");
        let reason = "it is about another token than the one that was asked for: something on the way caches responses";
        return Err(finding(&request, read, reason, false));
    }
    Ok((key_id, renewed))
}

const CREATE: &str = "GET /tokens/generate";

/// The response to the create holds a token that can't be used.
fn useless(created: Done, error: &Error) -> Error {
    let reason = format!("it holds a token that can't be used: {error}");
    finding(CREATE, created, &reason, false)
}

/// What is wrong with a response that was read without fault.
fn finding(request: &str, done: Done, reason: &str, outcome_unknown: bool) -> Error {
    Error::UnreadableResponse(Box::new(UnreadableResponse {
        status: done.status.map(|status| status.code),
        reason_phrase: done.status.map_or("", |status| status.reason_phrase),
        request: request.to_owned(),
        reason: reason.to_owned(),
        request_id: done.request_id,
        attempts: done.attempts,
        page: None,
        outcome_unknown,
        advice: if outcome_unknown { LIST_AND_DELETE } else { "" }.to_owned(),
    }))
}

/// Deletes the new token again, with the credentials that made it; one whose Key ID can't be read
/// deletes itself.
fn undo(
    client: &Client,
    jwt: &Jwt,
    key_id: Option<KeyId>,
    contract_number: Option<u32>,
) -> Option<Leftover> {
    let deleted = match &key_id {
        Some(id) => {
            let delete = DeleteTokenByIdOptions {
                id: id.clone(),
                contract_number,
            };
            delete_token_by_id(client, &delete)
        }
        None => client
            .with_credentials(Credentials::token(jwt.token()))
            .and_then(|renewed| {
                let delete = DeleteTokenByCriteriaOptions {
                    criteria: Criteria::Current,
                    contract_number,
                };
                delete_token_by_criteria(&renewed, &delete)
            }),
    };
    let error = deleted.err()?;
    Some(Leftover { key_id, error })
}

/// Options of [`rotate_token`].
#[derive(Debug, Clone)]
#[must_use]
pub struct RotateTokenOptions {
    replacing: Option<KeyId>,
    ttl: Option<Duration>,
    contract_number: Option<u32>,
}

impl RotateTokenOptions {
    /// Replaces the token that the client itself uses. With a client that has a user name and a
    /// password, that is an error before anything is sent.
    pub fn current() -> RotateTokenOptions {
        RotateTokenOptions {
            replacing: None,
            ttl: None,
            contract_number: None,
        }
    }

    /// Replaces the token with this Key ID, whoever the client is.
    pub fn replacing(id: KeyId) -> RotateTokenOptions {
        RotateTokenOptions {
            replacing: Some(id),
            ..RotateTokenOptions::current()
        }
    }

    /// How long the new token lives: 60 s to 31,536,000 s (365 days). Default, by the service: 365
    /// days. Fractions of a second are dropped.
    pub fn ttl(mut self, ttl: Duration) -> RotateTokenOptions {
        self.ttl = Some(ttl);
        self
    }

    /// The contract that the tokens are for, 1 to 2147483647. Default: the client's.
    pub fn contract_number(mut self, number: u32) -> RotateTokenOptions {
        self.contract_number = Some(number);
        self
    }
}

/// A token was replaced: what [`rotate_token`] returns.
#[derive(Debug)]
#[non_exhaustive]
pub struct Rotation {
    /// The new token, which is stored.
    pub jwt: Jwt,
    /// Its Key ID.
    pub key_id: KeyId,
    /// Why the old token could not be deleted; `None` if it was.
    ///
    /// It is still valid then, unless [`outcome_unknown()`](Error::outcome_unknown) says that it
    /// may be gone, or [`status()`](Error::status) is 404 with the service's own
    /// [`messages`](crate::ApiError::messages): the user has no such token. It was deleted already,
    /// or was named wrongly.
    pub leftover: Option<Error>,
}

/// A new token that is not used, and could not be deleted again.
#[derive(Debug)]
#[non_exhaustive]
pub struct Leftover {
    /// The new token's Key ID: delete it by that. `None` if the service sent no JWT that has one:
    /// [list](crate::get_all_tokens) the tokens, and delete the one that nobody knows.
    pub key_id: Option<KeyId>,
    /// Why it could not be deleted.
    pub error: Error,
}

impl fmt::Display for Leftover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the new token ")?;
        if let Some(id) = &self.key_id {
            write!(f, "{id} ")?;
        }
        write!(
            f,
            "is left over, as it could not be deleted: {}",
            self.error
        )
    }
}

/// Why a token was not replaced. The old one is as it was.
///
/// `E` is the error of the caller's own `store`.
#[derive(Debug)]
#[non_exhaustive]
pub enum RotateError<E> {
    /// There is no new token.
    ///
    /// If the error's [`outcome_unknown()`](Error::outcome_unknown) is true, there may be one all
    /// the same, and nobody can tell its Key ID: [list](crate::get_all_tokens) the tokens, and
    /// delete the one that nobody knows. So it is if the response held a token that was in use
    /// already, as one from a cache does: that is an
    /// [`UnreadableResponse`](Error::UnreadableResponse), and nothing is deleted.
    NotCreated(Error),
    /// The new token could not be read back with its own credentials, and was not stored.
    #[non_exhaustive]
    NotProven {
        /// Why not.
        error: Error,
        /// `None` if the new token was deleted again.
        leftover: Option<Leftover>,
    },
    /// The caller's `store` failed.
    #[non_exhaustive]
    NotStored {
        /// What it said.
        error: E,
        /// `None` if the new token was deleted again.
        leftover: Option<Leftover>,
    },
}

impl<E> RotateError<E> {
    /// The new token that could not be deleted again, if there is one.
    pub fn leftover(&self) -> Option<&Leftover> {
        match self {
            RotateError::NotCreated(_) => None,
            RotateError::NotProven { leftover, .. } | RotateError::NotStored { leftover, .. } => {
                leftover.as_ref()
            }
        }
    }
}

impl<E: fmt::Display> fmt::Display for RotateError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RotateError::NotCreated(error) if error.outcome_unknown() => {
                write!(f, "whether a new token was created is not known: {error}")?;
            }
            RotateError::NotCreated(error) => write!(f, "no new token was created: {error}")?,
            RotateError::NotProven { error, .. } => {
                write!(f, "the new token could not be proven to work: {error}")?;
            }
            RotateError::NotStored { error, .. } => {
                write!(f, "the new token could not be stored: {error}")?;
            }
        }
        match (self, self.leftover()) {
            (RotateError::NotCreated(_), _) => f.write_str("; the old token is as it was"),
            (_, None) => f.write_str("; it was deleted again, and the old token is as it was"),
            (_, Some(leftover)) => write!(f, "; the old token is as it was, and {leftover}"),
        }
    }
}

impl<E: StdError + 'static> StdError for RotateError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            RotateError::NotCreated(error) | RotateError::NotProven { error, .. } => Some(error),
            RotateError::NotStored { error, .. } => Some(error),
        }
    }
}
