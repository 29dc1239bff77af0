//! Replaces a token, in an order that never leaves the caller without a valid one. It depends only
//! on the endpoints.

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

/// Replaces a token: creates a new one, verifies it, stores it, and then deletes the old one.
///
/// 1. Find the old token's Key ID and lifetime. The old token is the client's own or one that you
///    name in the options.
/// 2. Create the new token with the client's credentials, for the same
///    [lifetime](RotateTokenOptions::ttl).
/// 3. Read the new token back with its own credentials.
/// 4. Call `store`. It returns `Ok` once the token is safely stored. If it fails, the old token
///    must still be in place; for a file, write the new one next to it and rename.
/// 5. Delete the old token, using the new one.
///
/// At any time at least one valid token is stored, even if the process dies between two steps. If
/// step 2 fails, nothing has changed. If step 3 or 4 fails, the new token is deleted again. If step
/// 5 fails, the rotation has succeeded, and [`Rotation::leftover`] contains the error.
///
/// If `store` panics, the new token is deleted again and the panic continues. If that deletion
/// fails, the Key ID is logged at error level.
///
/// A create is never sent twice, and its outcome may be unknown: see [`RotateError::NotCreated`].
///
/// [`Client::shutdown`] ends a rotation, except that a new token that is not stored is still
/// deleted, which takes up to 5 s. Wait for `rotate_token` to return before the process exits.
///
/// Afterwards `client` still uses the old token, if that was its own. Make a client with the new
/// token by [`Client::with_credentials`].
///
/// For users with two-factor authentication, a token made through this API can neither create nor
/// delete tokens, so it cannot be rotated. With a token from the vendor's web console only step 5
/// fails, because the new token is made through this API.
///
/// The guide to [rotating tokens](crate::docs::rotating_tokens) has a `store` for files, and says
/// what a crash leaves behind at each step.
///
/// # Errors
///
/// [`RotateError`] says which step failed, and whether there is an orphaned token. `store` may
/// return any error that converts into a `Box<dyn Error + Send + Sync>`, such as `io::Error`,
/// `anyhow::Error` or `String`.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use ionoscloud_auth::{Client, Credentials, RotateTokenOptions, rotate_token};
///
/// # fn replace_file(token: &str) -> std::io::Result<()> { Ok(()) }
/// let client = Client::from_env()?;
/// let options = RotateTokenOptions::current().ttl(Duration::from_secs(30 * 24 * 3600));
/// let rotation = rotate_token(&client, &options, |jwt| replace_file(jwt.token()))?;
/// println!("the new token is {}", rotation.key_id);
/// let client = client.with_credentials(Credentials::token(rotation.jwt.token()))?;
/// if let Some(error) = rotation.leftover {
///     println!("the old token could not be deleted: {error}");
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
        // Continuing or cleaning up would delete a token that is in use.
        let reason = "it contains a token that existed before: a proxy or gateway in between \
                      caches responses";
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

/// Returns the token to replace, and the options of the new one.
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
            "replaces the client's own token, but this client uses a user name and password: name \
             the token with RotateTokenOptions::replacing",
        )),
    }
}

/// Whether the response to a create contains a token that is in use. It compares the text, because
/// not every token is a JWT, and the Key ID, because a token can be written in two ways.
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
        let reason = "it describes another token than the requested one: a proxy or gateway in \
                      between caches responses";
        return Err(finding(&request, read, reason, false));
    }
    Ok((key_id, renewed))
}

const CREATE: &str = "GET /tokens/generate";

/// Returns the error for a create whose response contains an unusable token.
fn useless(created: Done, error: &Error) -> Error {
    let reason = format!("it contains a token that is not usable: {error}");
    finding(CREATE, created, &reason, false)
}

/// Returns the error for a response that is readable but wrong.
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

/// Deletes the new token again, even after a shutdown, with the credentials that created it. A
/// token without a readable Key ID deletes itself.
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

/// The result of a successful [`rotate_token`]. Check [`leftover`](Rotation::leftover).
#[derive(Debug)]
#[non_exhaustive]
#[must_use = "`leftover` says whether the old token is still valid"]
pub struct Rotation {
    /// The new token, which is stored.
    pub jwt: Jwt,
    /// The new token's Key ID.
    pub key_id: KeyId,
    /// Why the old token could not be deleted, or `None` if it was deleted.
    ///
    /// If this is an error, the old token is still valid, with two exceptions. If
    /// [`outcome_unknown()`](Error::outcome_unknown) is true, it may be gone. If
    /// [`status()`](Error::status) is 404 with the service's own
    /// [`messages`](crate::ApiError::messages), the user has no such token: it was already deleted,
    /// or you named the wrong one.
    pub leftover: Option<Error>,
}
