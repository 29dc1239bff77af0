//! The error of a failed rotation, and what it has left behind. It does not depend on HTTP.

use std::error::Error as StdError;
use std::fmt;

use crate::error::Error;
use crate::token::KeyId;

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
#[non_exhaustive]
pub enum RotateError {
    /// The new token was not created.
    ///
    /// If the error's [`outcome_unknown()`](Error::outcome_unknown) is true, there may still be an
    /// orphaned token: [list](crate::get_all_tokens) the tokens to find it. This is also the case
    /// if the response contained a token that is already in use, for example from a cache. The
    /// error is then an [`UnreadableResponse`](Error::UnreadableResponse), and nothing is deleted.
    NotCreated(Error),
    /// The new token could not be read back with its own credentials, and was not stored.
    #[non_exhaustive]
    NotProven {
        /// Why it could not be read back.
        error: Error,
        /// `None` if the new token was deleted again.
        orphan: Option<Orphan>,
    },
    /// The caller's `store` returned an error.
    #[non_exhaustive]
    NotStored {
        /// The error. [`RotateError::store_error`] returns it in its own type.
        error: Box<dyn StdError + Send + Sync>,
        /// `None` if the new token was deleted again.
        orphan: Option<Orphan>,
    },
}

impl RotateError {
    /// Returns the new token that could not be deleted again, if there is one.
    pub fn orphan(&self) -> Option<&Orphan> {
        match self {
            RotateError::NotCreated(_) => None,
            RotateError::NotProven { orphan, .. } | RotateError::NotStored { orphan, .. } => {
                orphan.as_ref()
            }
        }
    }

    /// Returns whether there is, or may be, an orphaned token. See
    /// [`orphan`](RotateError::orphan).
    pub fn may_have_left_a_token(&self) -> bool {
        match self {
            RotateError::NotCreated(error) => error.outcome_unknown(),
            RotateError::NotProven { orphan, .. } | RotateError::NotStored { orphan, .. } => {
                orphan.is_some()
            }
        }
    }

    /// Returns the error of the caller's `store`, if that failed and the error is of this type.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::io;
    /// use ionoscloud_auth::{Client, RotateTokenOptions, rotate_token};
    ///
    /// # fn replace_file(token: &str) -> io::Result<()> { Ok(()) }
    /// let client = Client::from_env()?;
    /// let store = |jwt: &ionoscloud_auth::Jwt| replace_file(jwt.token());
    /// match rotate_token(&client, &RotateTokenOptions::current(), store) {
    ///     Ok(rotation) => println!("the new token is {}", rotation.key_id),
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
                write!(f, "a new token may have been created: {error}")?;
            }
            RotateError::NotCreated(error) => write!(f, "no new token was created: {error}")?,
            RotateError::NotProven { error, .. } => {
                write!(f, "the new token could not be verified: {error}")?;
            }
            RotateError::NotStored { error, .. } => {
                write!(f, "the new token could not be stored: {error}")?;
            }
        }
        match (self, self.orphan()) {
            (RotateError::NotCreated(_), _) => f.write_str("; the old token is unchanged"),
            (_, None) => f.write_str("; it was deleted again, and the old token is unchanged"),
            (_, Some(orphan)) => write!(f, "; the old token is unchanged, and {orphan}"),
        }
    }
}

/// Writes the text that [`Display`](fmt::Display) writes, and then the kind.
impl fmt::Debug for RotateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            RotateError::NotCreated(_) => "NotCreated",
            RotateError::NotProven { .. } => "NotProven",
            RotateError::NotStored { .. } => "NotStored",
        };
        write!(f, "{self} [RotateError::{kind}]")
    }
}

/// The text says everything, except for the sources of the error that `store` returned.
impl StdError for RotateError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            RotateError::NotCreated(_) | RotateError::NotProven { .. } => None,
            RotateError::NotStored { error, .. } => error.source(),
        }
    }
}
