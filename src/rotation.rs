//! Replaces a token, in an order that never leaves the caller without a valid one. It is made of
//! the endpoints alone.

use std::error::Error as StdError;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use crate::client::Client;
use crate::credentials::Credentials;
use crate::error::{Error, ErrorKind, Result};
use crate::token::{self, Criteria, Jwt, KeyId};
use crate::tokens::{
    CreateTokenOptions, DeleteTokenByCriteriaOptions, DeleteTokenByIdOptions, GetTokenByIdOptions,
    TTL, create, delete_token_by_criteria, delete_token_by_id, get_token_by_id,
};

/// Replaces a token: creates a new one, verifies it, stores it, and then deletes the old one.
///
/// 1. Find the old token's Key ID and lifetime. The old token is the client's own or one that you
///    name in the options.
/// 2. Create the new token with the client's credentials, for the same
///    [lifetime](RotateTokenOptions::ttl).
/// 3. Read the new token back with its own credentials. A service may need a moment before it knows
///    a new token, so this asks again for up to 5 s before it believes a 401.
/// 4. Call `store`. It returns `Ok` once the token is safely stored. If it fails, the old token
///    must still be in place. [`Jwt::save`] does this for a file.
/// 5. Delete the old token, using the new one.
///
/// At any time at least one valid token is stored, even if the process dies between two steps. If
/// step 1 or 2 fails, nothing has changed, unless the outcome of the create is unknown. If step 3
/// or 4 fails, the new token is deleted again, or [`RotateError::orphan`] returns it. If step 5
/// fails, the rotation has succeeded, and [`Rotation::leftover`] contains the error.
///
/// If `store` panics, the new token is deleted again and the panic continues. If that deletion
/// fails, the Key ID is logged at error level.
///
/// A create that may have worked is never sent again, so its outcome may be unknown: see
/// [`RotateError::NotCreated`].
///
/// [`Client::shutdown`] ends a rotation, with two exceptions: `store` runs to its end, and a new
/// token that is not stored is still deleted, which then takes up to 5 s. Wait for `rotate_token`
/// to return before the process exits.
///
/// Afterwards `client` still uses the old token, if that was its own. Make a client with the new
/// token by [`Client::with_credentials`].
///
/// For users with two-factor authentication, a token made through this API can neither create nor
/// delete tokens, so it cannot be rotated. With a token from the vendor's web console only step 5
/// fails, because the new token is made through this API.
///
/// The guide to [rotating tokens](crate::docs::rotating_tokens) says what a crash leaves behind at
/// each step.
///
/// # Errors
///
/// [`RotateError`] says which step failed, and whether there is an orphaned token. `store` may
/// return any error that converts into a `Box<dyn Error + Send + Sync>`, such as `io::Error`,
/// `anyhow::Error` or `String`. If it uses `?`, its type has to be named, as in the second example.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use ionoscloud_auth::{Client, Credentials, RotateTokenOptions, rotate_token};
///
/// let client = Client::from_env()?;
/// let options = RotateTokenOptions::current().ttl(Duration::from_secs(30 * 24 * 3600));
/// let rotation = rotate_token(&client, &options, |jwt| jwt.save("token"))?;
/// println!("the new token is {}", rotation.key_id);
/// let client = client.with_credentials(Credentials::token(rotation.jwt.token()))?;
/// if let Some(error) = rotation.leftover {
///     println!("the old token could not be deleted: {error}");
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Store the token somewhere else. The last line names the closure's error type:
///
/// ```no_run
/// use std::io::{self, Write};
/// use std::process::{Command, Stdio};
/// use ionoscloud_auth::{Client, RotateTokenOptions, rotate_token};
///
/// let client = Client::from_env()?;
/// let rotation = rotate_token(&client, &RotateTokenOptions::current(), |jwt| {
///     let mut vault = Command::new("vault")
///         .args(["kv", "put", "secret/ionos", "token=-"])
///         .stdin(Stdio::piped())
///         .spawn()?;
///     // Dropping it closes it, and so ends the token.
///     vault.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(jwt.token().as_bytes()))?;
///     if !vault.wait()?.success() {
///         return Err(io::Error::other("vault failed"));
///     }
///     Ok::<(), io::Error>(())
/// })?;
/// # drop(rotation);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn rotate_token<E: Into<Box<dyn StdError + Send + Sync>>>(
    client: &Client,
    options: &RotateTokenOptions,
    store: impl FnOnce(&Jwt) -> Result<(), E>,
) -> Result<Rotation, RotateError> {
    let client = client.for_contract(options.contract_number);
    let client = &client.map_err(RotateError::NotStarted)?;
    let old = old_key_id(client, options).map_err(RotateError::NotStarted)?;
    let mut new = CreateTokenOptions::new();
    new.ttl = match options.ttl {
        Some(ttl) => Some(ttl),
        None => lifetime(client, &old).map_err(RotateError::NotStarted)?,
    };
    let jwt = create(client, &new, Some(&old)).map_err(RotateError::NotCreated)?;

    let undo = |key_id: Option<&KeyId>| undo(client, &jwt, key_id);
    let (key_id, renewed) = match verify(client, &jwt) {
        Ok(verified) => verified,
        Err(error) => {
            let orphan = undo(jwt.key_id().ok().as_ref());
            return Err(RotateError::NotVerified { error, orphan });
        }
    };
    match catch_unwind(AssertUnwindSafe(|| store(&jwt))) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            return Err(RotateError::NotStored {
                error: error.into(),
                orphan: undo(Some(&key_id)),
            });
        }
        Err(panic) => {
            if let Some(orphan) = undo(Some(&key_id)) {
                log::error!("rotate_token: the store panicked, and {orphan}");
            }
            resume_unwind(panic);
        }
    }
    let leftover = delete_token_by_id(&renewed, &DeleteTokenByIdOptions::new(old)).err();
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
            "replaces the client's own token, but this client uses a user name and password: name \
             the token with RotateTokenOptions::replacing",
        )),
    }
}

/// Returns the old token's time from creation to expiry, within the service's limits, or `None` if
/// nobody tells.
fn lifetime(client: &Client, old: &KeyId) -> Result<Option<Duration>> {
    let is_own = client.key_id().as_ref() == Some(old);
    let own = client.token().filter(|_| is_own);
    let claims = own.and_then(|token| token::claims(token).ok());
    let claimed = claims.and_then(|claims| claims.exp?.checked_sub(claims.iat?));
    let lifetime = match claimed {
        Some(seconds) => Some(Duration::from_secs(seconds)),
        None => match get_token_by_id(client, &GetTokenByIdOptions::new(old)) {
            Ok(token) => {
                let dates = token.created_at().ok().zip(token.expires_at().ok());
                dates.and_then(|(created, expires)| expires.duration_since(created).ok())
            }
            Err(error) if is_refusal(&error) => return Err(error),
            Err(error) => {
                log::warn!(
                    "rotate_token: the lifetime of the old token is not known, so the new one gets \
                     the service's default: {error}"
                );
                None
            }
        },
    };
    let [min, max] = [TTL.start(), TTL.end()].map(|limit| Duration::from_secs(*limit));
    Ok(lifetime.map(|lifetime| lifetime.clamp(min, max)))
}

/// Whether the service itself refuses these credentials or does not know the token, or the client
/// makes no more calls.
fn is_refusal(error: &Error) -> bool {
    match error {
        Error::Call(call) => {
            call.kind == ErrorKind::ShutDown
                || !call.messages.is_empty() && matches!(call.status, Some(401 | 403 | 404))
        }
        _ => true,
    }
}

/// How long a new token may be refused with 401 before the rotation gives it up: a service may need
/// a moment before it knows a new key.
const DISBELIEF: Duration = Duration::from_secs(5);

/// Reads the new token back with its own credentials.
fn verify(client: &Client, jwt: &Jwt) -> Result<(KeyId, Client)> {
    let options = GetTokenByIdOptions::new(jwt.key_id()?);
    let renewed = client.with_credentials(Credentials::token(jwt.token()))?;
    let until = Instant::now() + DISBELIEF.min(client.timeout);
    loop {
        match get_token_by_id(&renewed, &options) {
            Ok(_) => return Ok((options.id, renewed)),
            Err(error) if error.status() == Some(401) && Instant::now() < until => {
                client.transport.common.wait(Duration::from_millis(500));
            }
            Err(error) => return Err(error),
        }
    }
}

/// Deletes the new token again, even after a shutdown, with the credentials that created it. A
/// token without a readable Key ID deletes itself.
fn undo(client: &Client, jwt: &Jwt, key_id: Option<&KeyId>) -> Option<Orphan> {
    let client = client.for_clean_up();
    let deleted = match key_id {
        Some(id) => delete_token_by_id(&client, &DeleteTokenByIdOptions::new(id)),
        None => {
            let current = DeleteTokenByCriteriaOptions::new(Criteria::Current);
            let renewed = client.with_credentials(Credentials::token(jwt.token()));
            renewed.and_then(|renewed| delete_token_by_criteria(&renewed, &current))
        }
    };
    let error = deleted.err()?;
    Some(Orphan {
        key_id: key_id.cloned(),
        error,
    })
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
    /// [`messages`](crate::CallError::messages), the user has no such token: it was already
    /// deleted, or you named the wrong one.
    pub leftover: Option<Error>,
}

/// A new token that is not in use and could not be deleted again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Orphan {
    /// The new token's Key ID, with which you can delete it. `None` if the service did not send a
    /// JWT with a Key ID: [list](crate::get_all_tokens) the tokens to find it.
    pub key_id: Option<KeyId>,
    /// Why it could not be deleted.
    pub error: Error,
}

impl fmt::Display for Orphan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the new token ")?;
        if let Some(id) = &self.key_id {
            write!(f, "{id} ")?;
        }
        write!(
            f,
            "is orphaned because it could not be deleted: {}",
            self.error
        )
    }
}

/// Why a token was not replaced. The old token is unchanged.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum RotateError {
    /// Nothing was created: an option is not usable, the old token has no Key ID, the service does
    /// not know it or refuses the credentials, or the client was shut down.
    #[error("no new token was created: {0}; the old token is unchanged")]
    NotStarted(Error),
    /// The new token was not received, or it could not be asked for because its lifetime is out of
    /// range.
    ///
    /// If the error's [`outcome_unknown()`](Error::outcome_unknown) is true, there may still be an
    /// orphaned token: [list](crate::get_all_tokens) the tokens to find it. This is also the case
    /// if the response contained a token that is already in use, for example from a cache.
    #[error("no new token was received: {0}; the old token is unchanged")]
    NotCreated(Error),
    /// The new token could not be read back with its own credentials, and was not stored.
    #[error("the new token could not be verified: {error}; {}", rest(orphan))]
    #[non_exhaustive]
    NotVerified {
        /// Why it could not be read back.
        error: Error,
        /// `None` if the new token was deleted again.
        orphan: Option<Orphan>,
    },
    /// The caller's `store` returned an error.
    #[error("the new token could not be stored: {}; {}", chain(error.as_ref()), rest(orphan))]
    #[non_exhaustive]
    NotStored {
        /// The error. Its `downcast_ref` returns it in its own type.
        error: Box<dyn StdError + Send + Sync>,
        /// `None` if the new token was deleted again.
        orphan: Option<Orphan>,
    },
}

/// Returns the text of an error and of its causes.
fn chain(error: &dyn StdError) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

fn rest(orphan: &Option<Orphan>) -> String {
    match orphan {
        None => "it was deleted again, and the old token is unchanged".to_owned(),
        Some(orphan) => format!("the old token is unchanged, and {orphan}"),
    }
}

impl RotateError {
    /// Returns the new token that could not be deleted again, if there is one. The error's text has
    /// it, too.
    pub fn orphan(&self) -> Option<&Orphan> {
        match self {
            RotateError::NotStarted(_) | RotateError::NotCreated(_) => None,
            RotateError::NotVerified { orphan, .. } | RotateError::NotStored { orphan, .. } => {
                orphan.as_ref()
            }
        }
    }

    /// Returns whether there may be a new token that this error does not name.
    pub fn outcome_unknown(&self) -> bool {
        match self {
            RotateError::NotCreated(error) => error.outcome_unknown(),
            _ => self.orphan().is_some_and(|orphan| orphan.key_id.is_none()),
        }
    }

    /// Returns what failed in the call of the step that failed: see [`Error::kind`].
    pub fn kind(&self) -> Option<ErrorKind> {
        self.error()?.kind()
    }

    /// Returns the HTTP status of the step that failed, if there was a response.
    pub fn status(&self) -> Option<u16> {
        self.error()?.status()
    }

    /// Returns how long the service asks to wait before the next request.
    pub fn retry_after(&self) -> Option<Duration> {
        self.error()?.retry_after()
    }

    /// Returns the request ID of the step that failed: see [`Error::request_id`].
    pub fn request_id(&self) -> Option<&str> {
        self.error()?.request_id()
    }

    fn error(&self) -> Option<&Error> {
        match self {
            RotateError::NotStarted(error)
            | RotateError::NotCreated(error)
            | RotateError::NotVerified { error, .. } => Some(error),
            RotateError::NotStored { .. } => None,
        }
    }
}

/// Writes the text that [`Display`](fmt::Display) writes, as [`Error`] does.
impl fmt::Debug for RotateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Options of [`rotate_token`](crate::rotate_token).
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct RotateTokenOptions {
    pub(crate) replacing: Option<KeyId>,
    pub(crate) ttl: Option<Duration>,
    pub(crate) contract_number: Option<u32>,
}

impl RotateTokenOptions {
    /// Replaces the client's own token. If the client uses a user name and password,
    /// [`rotate_token`](crate::rotate_token) returns an error before it sends a request.
    pub fn current() -> RotateTokenOptions {
        RotateTokenOptions {
            replacing: None,
            ttl: None,
            contract_number: None,
        }
    }

    /// Replaces the token with this Key ID. The client may use any credentials of the same user.
    pub fn replacing(id: impl Into<KeyId>) -> RotateTokenOptions {
        RotateTokenOptions {
            replacing: Some(id.into()),
            ..RotateTokenOptions::current()
        }
    }

    /// Sets how long the new token is valid, from 60 s to 31,536,000 s (365 days). Fractions of a
    /// second are dropped.
    ///
    /// By default the new token lives as long as the old one did from creation to expiry, within
    /// this range, so a one-hour token does not become a one-year token. The client's own token
    /// contains these times (`iat` and `exp`). For another token, or if it does not, one call asks
    /// the service before anything is created. If the service itself refuses that, the rotation
    /// ends. If it does not tell for another reason, its default of 365 days applies; a call that
    /// fails is logged as a warning.
    pub fn ttl(mut self, ttl: Duration) -> RotateTokenOptions {
        self.ttl = Some(ttl);
        self
    }

    /// Sets the contract that the tokens are for, from 1 to 2147483647. Default: the client's.
    pub fn contract_number(mut self, number: u32) -> RotateTokenOptions {
        self.contract_number = Some(number);
        self
    }
}
