//! Internals that the fuzz targets need.
#![doc(hidden)]

use crate::{Client, Error};

/// Returns the client's error for a refusal with this body.
pub fn refusal(client: &Client, body: &[u8]) -> Result<Error, Error> {
    Ok(crate::call::fuzzing::refusal(&client.caller(None)?, body))
}
