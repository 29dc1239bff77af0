//! Where a client's credentials came from. It does not depend on what they are.

use std::fmt;

/// Where a client's credentials came from: see
/// [`Client::credentials_source`](crate::Client::credentials_source).
///
/// Its text ([`Display`](fmt::Display)) is meant for people: `IONOS_TOKEN`, or `the token of
/// profile "user" in /home/user/.ionos/config`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsSource {
    /// The program itself:
    /// [`ClientBuilder::credentials`](crate::ClientBuilder::credentials),
    /// [`Client::new`](crate::Client::new) or
    /// [`Client::with_credentials`](crate::Client::with_credentials).
    Program,
    /// The variable `IONOS_TOKEN`.
    TokenVariable,
    /// The variables `IONOS_USERNAME` and `IONOS_PASSWORD`.
    PasswordVariables,
    /// A profile in the config file. The text names it, and the file.
    ConfigFile(String),
}

impl fmt::Display for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CredentialsSource::Program => "the program itself",
            CredentialsSource::TokenVariable => "IONOS_TOKEN",
            CredentialsSource::PasswordVariables => "IONOS_USERNAME and IONOS_PASSWORD",
            CredentialsSource::ConfigFile(profile) => profile,
        })
    }
}
