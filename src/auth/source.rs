//! Where a client's credentials came from. It does not depend on what they are.

use std::fmt;
use std::path::PathBuf;

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
    /// The token of a profile in the config file.
    ConfigFileToken {
        /// The file.
        path: PathBuf,
        /// The name of the profile.
        profile: String,
    },
    /// The user name and password of a profile in the config file.
    ConfigFilePassword {
        /// The file.
        path: PathBuf,
        /// The name of the profile.
        profile: String,
    },
}

impl fmt::Display for CredentialsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, path, profile) = match self {
            CredentialsSource::Program => return f.write_str("the program itself"),
            CredentialsSource::TokenVariable => return f.write_str("IONOS_TOKEN"),
            CredentialsSource::PasswordVariables => {
                return f.write_str("IONOS_USERNAME and IONOS_PASSWORD");
            }
            CredentialsSource::ConfigFileToken { path, profile } => ("token", path, profile),
            CredentialsSource::ConfigFilePassword { path, profile } => {
                ("user name and password", path, profile)
            }
        };
        write!(f, "the {what} of profile {profile:?} in {}", path.display())
    }
}
