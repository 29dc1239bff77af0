//! A new token in, the old one out, in an order that never leaves a caller without a valid one.

mod error;
mod lifetime;
mod options;

use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::auth::Credentials;
use crate::call::Done;
use crate::client::Client;
use crate::error::{Error, Result, UnreadableResponse};
use crate::token::{self, Criteria, Jwt, KeyId};
use crate::tokens::{
    CreateTokenOptions, DeleteTokenByCriteriaOptions, DeleteTokenByIdOptions, GetTokenByIdOptions,
    LIST_AND_DELETE, create, delete_token_by_criteria, delete_token_by_id, get,
};

pub use error::{Orphan, RotateError};
pub use options::RotateTokenOptions;

/// Replaces a token: creates a new one, proves that it works, has it stored, and only then deletes
/// the old one.
///
/// 1. The old token's Key ID and lifetime are found: those of the client's own token, or of one
///    that is named.
/// 2. The new token is created, with the client's credentials and for the same
///    [lifetime](RotateTokenOptions::ttl).
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
/// [`Client::shutdown`] ends a rotation as it ends a call, but for the deletion of a new token that
/// is not stored: that goes on for up to 5 s, so that none is orphaned. Wait for `rotate_token` to
/// return before the process exits.
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
/// [`RotateError`] tells what was done, and whether a token is orphaned. `store` may return any
/// error that a `Box<dyn Error + Send + Sync>` can be made of: `io::Error`, `anyhow::Error`, a
/// `String`.
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
pub fn rotate_token<E: Into<Box<dyn StdError + Send + Sync>>>(
    client: &Client,
    options: &RotateTokenOptions,
    store: impl FnOnce(&Jwt) -> Result<(), E>,
) -> Result<Rotation, RotateError> {
    let (old, new) = begin(client, options).map_err(RotateError::NotCreated)?;
    let contract_number = options.contract_number;
    let (jwt, created) = create(client, &new).map_err(RotateError::NotCreated)?;
    if is_known(client, &jwt, &old) {
        // To go on, or to undo it, would delete a token that is in use.
        let reason = "it contains a token that was there already, and no new one: something on the way caches responses";
        let error = finding(CREATE, created, reason, true);
        return Err(RotateError::NotCreated(error));
    }

    let undo = |key_id: Option<KeyId>| undo(client, &jwt, key_id, contract_number);
    let (key_id, renewed) = match prove(client, &jwt, created, contract_number) {
        Ok(proven) => proven,
        Err(error) => {
            let orphan = undo(jwt.key_id().ok());
            return Err(RotateError::NotProven { error, orphan });
        }
    };
    match catch_unwind(AssertUnwindSafe(|| store(&jwt))) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            let error = error.into();
            let orphan = undo(Some(key_id));
            return Err(RotateError::NotStored { error, orphan });
        }
        Err(panic) => {
            if let Some(orphan) = undo(Some(key_id)) {
                log::error!("rotate_token: the store panicked, and {orphan}");
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

/// What is replaced, and by what.
fn begin(client: &Client, options: &RotateTokenOptions) -> Result<(KeyId, CreateTokenOptions)> {
    let old = old_key_id(client, options)?;
    let contract_number = options.contract_number;
    let ttl = match options.ttl {
        Some(ttl) => Some(ttl),
        None => lifetime::lifetime(client, &old, contract_number)?,
    };
    let new = CreateTokenOptions {
        ttl,
        contract_number,
    };
    Ok((old, new))
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
    let reason = format!("it contains a token that can't be used: {error}");
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

/// Deletes the new token again, also after a shutdown, with the credentials that made it; one whose
/// Key ID can't be read deletes itself.
fn undo(
    client: &Client,
    jwt: &Jwt,
    key_id: Option<KeyId>,
    contract_number: Option<u32>,
) -> Option<Orphan> {
    let client = client.for_clean_up();
    let deleted = match &key_id {
        Some(id) => {
            let delete = DeleteTokenByIdOptions {
                id: id.clone(),
                contract_number,
            };
            delete_token_by_id(&client, &delete)
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
    Some(Orphan { key_id, error })
}

/// A token was replaced: what [`rotate_token`] returns. Look at [`leftover`](Rotation::leftover).
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "`leftover` says whether the old token still lives"]
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
