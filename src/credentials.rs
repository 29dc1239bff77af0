//! Who calls: a token, or a user name and a password. Knows nothing of where they came from.

use std::fmt;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::{Error, Result};

/// The longest token that is sent, in bytes: those of the service have about 2,000, and servers take
/// headers of 8 to 16 KiB.
const LONGEST_TOKEN: usize = 12 * 1024;
/// The longest user name and the longest password, in bytes: the two of them, encoded, are no longer
/// than that.
const LONGEST_NAME: usize = 4 * 1024;

/// Who calls the service: a token, or a user name and a password.
///
/// They are checked when a [`Client`](crate::Client) is made of them. They are in no `Debug`
/// output, and are wiped from memory when the last client that uses them is dropped.
///
/// Users with two-factor authentication need a token: the service refuses their password. A token
/// that was made through this API can't create or delete tokens for them; one from the vendor's web
/// console can.
///
/// # Examples
///
/// ```
/// use ionoscloud_auth::{Client, Credentials};
///
/// let client = Client::new(Credentials::basic("user@example.com", "correct horse"))?;
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
#[derive(Clone)]
pub struct Credentials(Kind);

#[derive(Clone)]
enum Kind {
    Token(Zeroizing<String>),
    Basic {
        username: Zeroizing<String>,
        password: Zeroizing<String>,
    },
}

/// Where a client's credentials came from: see
/// [`Client::credentials_source`](crate::Client::credentials_source).
///
/// Its text ([`Display`](fmt::Display)) is made for people: `IONOS_TOKEN`, or `the token of profile
/// "user" in /home/user/.ionos/config`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialsSource {
    /// The program itself gave them: [`ClientBuilder::credentials`](crate::ClientBuilder::credentials),
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
    /// The user name and the password of a profile in the config file.
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

/// What the parts are called where they came from, for error messages.
#[derive(Clone)]
pub(crate) struct Names {
    pub(crate) token: &'static str,
    pub(crate) username: &'static str,
    pub(crate) password: &'static str,
}

impl Names {
    pub(crate) const OPTIONS: Names = Names {
        token: "token",
        username: "username",
        password: "password",
    };
}

impl Credentials {
    /// A token, sent as `Authorization: Bearer …`. It is taken as it is: trim what you read from a
    /// file.
    pub fn token(token: impl Into<String>) -> Credentials {
        Credentials(Kind::Token(Zeroizing::new(token.into())))
    }

    /// A user name and a password, sent as `Authorization: Basic …` in UTF-8 (RFC 7617).
    pub fn basic(username: impl Into<String>, password: impl Into<String>) -> Credentials {
        Credentials(Kind::Basic {
            username: Zeroizing::new(username.into()),
            password: Zeroizing::new(password.into()),
        })
    }

    pub(crate) fn as_token(&self) -> Option<&str> {
        match &self.0 {
            Kind::Token(token) => Some(token),
            Kind::Basic { .. } => None,
        }
    }

    /// Whether they can be sent at all.
    pub(crate) fn check(&self, names: &Names) -> Result<()> {
        match &self.0 {
            Kind::Token(token) => {
                sized(names.token, token, LONGEST_TOKEN)?;
                // RFC 6750, section 2.1. A JWT has even fewer.
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
                if !token.bytes().all(allowed) {
                    return Err(Error::invalid(
                        names.token,
                        "holds white space, a line break, a quote or another character that no token has: give the token \
                         alone, trimmed and without \"Bearer\"",
                    ));
                }
            }
            Kind::Basic { username, password } => {
                sized(names.username, username, LONGEST_NAME)?;
                sized(names.password, password, LONGEST_NAME)?;
                for (name, value) in [(names.username, username), (names.password, password)] {
                    if value.chars().any(char::is_control) {
                        return Err(Error::invalid(
                            name,
                            "holds a line break or another control character (RFC 7617 allows none)",
                        ));
                    }
                }
                if username.contains(':') {
                    return Err(Error::invalid(
                        names.username,
                        "holds a colon, which ends a user name on the wire (RFC 7617)",
                    ));
                }
            }
        }
        Ok(())
    }

    /// The value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> Zeroizing<String> {
        match &self.0 {
            Kind::Token(token) => joined("Bearer ", token),
            Kind::Basic { username, password } => {
                let mut pair =
                    Zeroizing::new(String::with_capacity(username.len() + 1 + password.len()));
                pair.push_str(username);
                pair.push(':');
                pair.push_str(password);
                joined("Basic ", &Zeroizing::new(STANDARD.encode(pair.as_bytes())))
            }
        }
    }

    /// Whether `text` [repeats](repeats) these credentials, as they are or as they are sent.
    pub(crate) fn are_repeated_in(&self, text: &str) -> bool {
        let authorization = self.authorization();
        let encoded = authorization.split_once(' ').map(|(_, encoded)| encoded);
        let password = match &self.0 {
            Kind::Token(_) => None,
            Kind::Basic { password, .. } => Some(password.as_str()),
        };
        let mut secrets = [encoded, password].into_iter().flatten();
        secrets.any(|secret| repeats(text, secret))
    }
}

/// So many characters of a secret in a row are no accident.
pub(crate) const TELLING: usize = 12;

/// Whether `text` repeats a secret, or so much of it that it must not be shown: a broken gateway may
/// send a request's headers back, whole or cut, escaped or not.
pub(crate) fn repeats(text: &str, secret: &str) -> bool {
    let plain = |text: &str| {
        // A buffer that grows leaves copies behind.
        let mut plain = Zeroizing::new(String::with_capacity(text.len()));
        plain.extend(text.chars().filter(|c| !c.is_whitespace() && *c != '\\'));
        plain
    };
    let (text, secret) = (plain(text), plain(secret));
    let (text, secret) = (text.as_bytes(), secret.as_bytes());
    let telling = TELLING.min(secret.len());
    // A password of three letters stands in any text.
    if secret.len() <= 3 || text.len() < telling {
        return false;
    }
    let mut pieces = text.windows(telling);
    pieces.any(|piece| secret.windows(telling).any(|other| other == piece))
}

/// One allocation of the right size: a string that grows leaves copies behind that are not wiped.
fn joined(scheme: &str, secret: &str) -> Zeroizing<String> {
    let mut value = Zeroizing::new(String::with_capacity(scheme.len() + secret.len()));
    value.push_str(scheme);
    value.push_str(secret);
    value
}

fn sized(name: &'static str, value: &str, longest: usize) -> Result<()> {
    if value.is_empty() {
        return Err(Error::invalid(name, "is empty"));
    }
    if value.len() > longest {
        return Err(Error::invalid(
            name,
            format!("is {} bytes long; at most {longest} are sent", value.len()),
        ));
    }
    Ok(())
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Token(_) => "Credentials::token([redacted])",
            Kind::Basic { .. } => "Credentials::basic([redacted], [redacted])",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_goes_into_the_header() {
        for (credentials, expected, reason) in [
            (
                Credentials::token("a.b.c"),
                "Bearer a.b.c",
                "a token as it is",
            ),
            (
                Credentials::basic("Aladdin", "open sesame"),
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
                "RFC 7617, section 2",
            ),
            (
                Credentials::basic("test", "123£"),
                "Basic dGVzdDoxMjPCow==",
                "RFC 7617, section 2.1: UTF-8",
            ),
            (
                Credentials::basic("u", "a:b"),
                "Basic dTphOmI=",
                "a password may hold a colon",
            ),
        ] {
            assert_eq!(credentials.authorization().as_str(), expected, "{reason}");
            assert!(credentials.check(&Names::OPTIONS).is_ok(), "{reason}");
        }
    }

    #[test]
    fn what_can_not_be_sent() {
        for (credentials, says) in [
            (Credentials::token(""), "token: is empty"),
            (Credentials::token("SECRET\n"), "token: holds"),
            (
                Credentials::token("SECRET\r\nX-Contract-Number: 1"),
                "token: holds",
            ),
            (Credentials::token("SECRET\0"), "token: holds"),
            (Credentials::token("SECRET key"), "token: holds"),
            (Credentials::token("SECRETä"), "token: holds"),
            (Credentials::token("\"SECRET\""), "token: holds"),
            (Credentials::token("Bearer SECRET"), "token: holds"),
            (Credentials::basic("", "SECRET"), "username: is empty"),
            (Credentials::basic("user", ""), "password: is empty"),
            (
                Credentials::token("A".repeat(LONGEST_TOKEN + 1)),
                "token: is 12289 bytes long",
            ),
            (
                Credentials::basic("A".repeat(LONGEST_NAME + 1), "SECRET"),
                "username: is 4097 bytes long",
            ),
            (
                Credentials::basic("user", "SECRET".repeat(700)),
                "password: is 4200 bytes long",
            ),
            (
                Credentials::basic("us:er", "SECRET"),
                "username: holds a colon",
            ),
            (
                Credentials::basic("us\ner", "SECRET"),
                "username: holds a line break",
            ),
            (
                Credentials::basic("user", "SECRET\n"),
                "password: holds a line break",
            ),
            (
                Credentials::basic("user", "SECRET\0"),
                "password: holds a line break",
            ),
            (
                Credentials::basic("user", "SECRET\u{85}"),
                "password: holds a line break",
            ),
        ] {
            let text = credentials.check(&Names::OPTIONS).unwrap_err().to_string();
            assert!(text.starts_with(says), "{says}: {text}");
            assert!(!text.contains("SECRET") && !format!("{credentials:?}").contains("SECRET"));
        }
    }

    #[test]
    fn what_repeats_the_credentials_is_told() {
        let basic = Credentials::basic("Aladdin", "open\"sesame/1");
        let token = Credentials::token("eyJraWQiOiJhIn0.eyJleHAiOjd9.c2lnbmF0dXJl");
        let short = Credentials::basic("u", "no");
        for (credentials, text, expected, reason) in [
            (
                &basic,
                "got Basic QWxhZGRpbjpvcGVuInNlc2FtZS8x",
                true,
                "the header",
            ),
            (
                &basic,
                "got Basic QWxhZGRpbjpvcGVuInN",
                true,
                "half of the header",
            ),
            (
                &basic,
                "password open\"sesame/1 is wrong",
                true,
                "the password",
            ),
            (&basic, r#"{"password":"open\"sesame\/1"}"#, true, "escaped"),
            (&basic, "open sesame", false, "something like the password"),
            (
                &basic,
                "user Aladdin is locked",
                false,
                "the user name is no secret",
            ),
            (
                &token,
                "Bearer eyJraWQiOiJhIn0.eyJleHAiOjd9.c2lnbmF0dXJl",
                true,
                "the token",
            ),
            (
                &token,
                "eyJraWQi OiJhIn0. eyJleH",
                true,
                "a part, with spaces in it",
            ),
            (&token, "…InJlOjd9.c2lnbmF0dXJl…", true, "its end"),
            (
                &token,
                "Endpoint requires a higher level of authentication.",
                false,
                "the service's text",
            ),
            (&token, "", false, "nothing"),
            (
                &short,
                "no such user",
                false,
                "a short password stands in any text",
            ),
            (&short, "Basic dTpubw==", true, "its encoding does not"),
        ] {
            assert_eq!(
                credentials.are_repeated_in(text),
                expected,
                "{reason}: {text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_credentials_are_sent_as_they_are_or_refused(a in any::<String>(), b in any::<String>(), text in any::<String>()) {
            for credentials in [Credentials::token(a.as_str()), Credentials::basic(a.as_str(), b.as_str())] {
                let header = credentials.authorization();
                if credentials.check(&Names::OPTIONS).is_ok() {
                    prop_assert!(header.chars().all(|c| c.is_ascii_graphic() || c == ' '));
                }
                let _ = credentials.are_repeated_in(&text);
            }
        }
    }
}
