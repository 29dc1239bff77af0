//! What the fuzz targets need of the inside.
#![doc(hidden)]

#[cfg(feature = "config-file")]
pub use crate::settings::fuzzed_config_file;

/// The error that a refusal with this body becomes, as text, for a client with this token.
pub fn refusal(body: &[u8], token: &str) -> String {
    let client = crate::Client::new(crate::Credentials::token(token));
    let caller = client.as_ref().map(|client| client.caller(None));
    match caller {
        Ok(Ok(caller)) => crate::call::fuzzing::refusal(&caller, body),
        _ => String::new(),
    }
}
