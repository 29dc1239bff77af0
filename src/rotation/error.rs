//! Why a token was not replaced, and what that has left behind.

use std::error::Error as StdError;
use std::fmt;

use crate::error::Error;
use crate::token::KeyId;

/// A new token that nobody uses, and that could not be deleted again.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Orphan {
    /// The new token's Key ID: delete it by that. `None` if the service sent no JWT that has one:
    /// [list](crate::get_all_tokens) the tokens, and delete the one that nobody knows.
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
        write!(f, "is orphaned, as it could not be deleted: {}", self.error)
    }
}

/// Why a token was not replaced. The old one is as it was.
#[non_exhaustive]
pub enum RotateError {
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
        orphan: Option<Orphan>,
    },
    /// The caller's `store` failed.
    #[non_exhaustive]
    NotStored {
        /// What it said. [`RotateError::store_error`] gives it in its own type.
        error: Box<dyn StdError + Send + Sync>,
        /// `None` if the new token was deleted again.
        orphan: Option<Orphan>,
    },
}

impl RotateError {
    /// The new token that could not be deleted again, if there is one.
    pub fn orphan(&self) -> Option<&Orphan> {
        match self {
            RotateError::NotCreated(_) => None,
            RotateError::NotProven { orphan, .. } | RotateError::NotStored { orphan, .. } => {
                orphan.as_ref()
            }
        }
    }

    /// Whether there may be a new token that nobody knows, or there is an
    /// [orphan](RotateError::orphan).
    pub fn may_have_left_a_token(&self) -> bool {
        match self {
            RotateError::NotCreated(error) => error.outcome_unknown(),
            RotateError::NotProven { orphan, .. } | RotateError::NotStored { orphan, .. } => {
                orphan.is_some()
            }
        }
    }

    /// What the caller's own `store` returned, if that is why and it is of this type.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::io;
    /// use ionoscloud_auth::{Client, RotateTokenOptions, rotate_token};
    ///
    /// # fn write_beside_and_rename(token: &str) -> io::Result<()> { Ok(()) }
    /// let client = Client::from_env()?;
    /// let store = |jwt: &ionoscloud_auth::Jwt| write_beside_and_rename(jwt.token());
    /// match rotate_token(&client, &RotateTokenOptions::current(), store) {
    ///     Ok(rotation) => println!("the token is now {}", rotation.key_id),
    ///     Err(error) => match error.store_error::<io::Error>() {
    ///         Some(io) if io.kind() == io::ErrorKind::StorageFull => println!("make room"),
    ///         _ => return Err(error.into()),
    ///     },
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn store_error<E: StdError + 'static>(&self) -> Option<&E> {
        match self {
            RotateError::NotStored { error, .. } => error.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for RotateError {
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
        match (self, self.orphan()) {
            (RotateError::NotCreated(_), _) => f.write_str("; the old token is as it was"),
            (_, None) => f.write_str("; it was deleted again, and the old token is as it was"),
            (_, Some(orphan)) => write!(f, "; the old token is as it was, and {orphan}"),
        }
    }
}

/// The text that [`Display`](fmt::Display) gives, and then the kind; with `{:#?}`, also the errors
/// it is made of.
impl fmt::Debug for RotateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, error): (_, &dyn fmt::Debug) = match self {
            RotateError::NotCreated(error) => ("NotCreated", error),
            RotateError::NotProven { error, .. } => ("NotProven", error),
            RotateError::NotStored { error, .. } => ("NotStored", error),
        };
        write!(f, "{self} [RotateError::{kind}]")?;
        match self.orphan() {
            _ if !f.alternate() => Ok(()),
            None => write!(f, " {error:#?}"),
            Some(orphan) => write!(f, " {error:#?}, {orphan:#?}"),
        }
    }
}

/// The text says all of it, but for what lies behind the error of the caller's `store`.
impl StdError for RotateError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            RotateError::NotCreated(_) | RotateError::NotProven { .. } => None,
            RotateError::NotStored { error, .. } => error.source(),
        }
    }
}
