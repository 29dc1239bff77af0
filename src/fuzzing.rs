//! What the fuzz targets need of the inside.
#![doc(hidden)]

#[cfg(feature = "config-file")]
pub use crate::settings::fuzzed_config_file;

use crate::{Client, Error};

/// The error that a refusal with this body becomes for this client.
pub fn refusal(client: &Client, body: &[u8]) -> Result<Error, Error> {
    Ok(crate::call::fuzzing::refusal(&client.caller(None)?, body))
}
