//! Credentials: a token, or a user name and password. They do not depend on where they come from.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::concat_secret::concat_secret;

/// Credentials for the service: a token, or a user name and password.
///
/// They are validated when you build a [`Client`](crate::Client). They are redacted from `Debug`
/// output, and zeroized when the last client that uses them is dropped.
///
/// Users with two-factor authentication must use a token, because the service rejects their
/// password. For them a token that was made through this API cannot create or delete tokens, but a
/// token from the vendor's web console can.
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

/// A part of the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Token,
    Username,
    Password,
}

impl Credentials {
    /// Creates credentials from a token, sent as `Authorization: Bearer …`. Surrounding white space
    /// is ignored, because a file may end with a line break.
    pub fn token(token: impl Into<String>) -> Credentials {
        let token = Zeroizing::new(token.into());
        Credentials(Kind::Token(match token.trim() {
            trimmed if trimmed.len() == token.len() => token,
            trimmed => concat_secret(&[trimmed]),
        }))
    }

    /// Creates credentials from a user name and password, sent as `Authorization: Basic …` in UTF-8
    /// (RFC 7617).
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

    /// Returns which part is not usable and why, if any is not.
    pub(crate) fn validate(&self) -> Result<(), (Part, &'static str)> {
        match &self.0 {
            Kind::Token(token) => validate_token(token).map_err(|reason| (Part::Token, reason)),
            Kind::Basic { username, password } => {
                validate_part(username).map_err(|reason| (Part::Username, reason))?;
                if username.contains(':') {
                    let reason = "contains a colon, which RFC 7617 does not allow";
                    return Err((Part::Username, reason));
                }
                validate_part(password).map_err(|reason| (Part::Password, reason))
            }
        }
    }

    /// Returns the value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> Zeroizing<String> {
        match &self.0 {
            Kind::Token(token) => concat_secret(&["Bearer ", token]),
            Kind::Basic { username, password } => {
                let pair = concat_secret(&[username, ":", password]);
                concat_secret(&["Basic ", &Zeroizing::new(STANDARD.encode(pair.as_bytes()))])
            }
        }
    }

    /// Returns the secret parts, plain and as they are sent in this `authorization` header.
    pub(crate) fn secrets<'a>(&'a self, authorization: &'a str) -> impl Iterator<Item = &'a str> {
        // A response that repeats it may drop the padding.
        let encoded = authorization.split_once(' ');
        let encoded = encoded.map(|(_, encoded)| encoded.trim_end_matches('='));
        let password = match &self.0 {
            Kind::Token(_) => None,
            Kind::Basic { password, .. } => Some(password.as_str()),
        };
        [encoded, password].into_iter().flatten()
    }
}

fn validate_token(token: &str) -> Result<(), &'static str> {
    if token.is_empty() {
        return Err("is empty");
    }
    // RFC 6750, section 2.1. A JWT uses fewer characters.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if !token.bytes().all(allowed) {
        return Err(
            "contains white space, a line break, a quote or another character that is not valid in \
             a token: pass only the token, without \"Bearer\"",
        );
    }
    Ok(())
}

/// A user name or a password.
fn validate_part(part: &str) -> Result<(), &'static str> {
    if part.is_empty() {
        return Err("is empty");
    }
    if part.chars().any(char::is_control) {
        return Err("contains a line break or another control character");
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
    fn credentials_become_an_authorization_header() {
        for (credentials, expected, reason) in [
            (Credentials::token("a.b.c"), "Bearer a.b.c", "a token"),
            (
                Credentials::token(" a.b.c\r\n"),
                "Bearer a.b.c",
                "surrounding white space is dropped",
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
                "a password may contain a colon",
            ),
        ] {
            assert_eq!(credentials.authorization().as_str(), expected, "{reason}");
            assert!(credentials.validate().is_ok(), "{reason}");
        }
    }

    #[test]
    fn credentials_that_no_header_can_carry_are_refused() {
        for (credentials, part, says) in [
            (Credentials::token(""), Part::Token, "is empty"),
            (Credentials::token(" \n"), Part::Token, "is empty"),
            (Credentials::token("SEC\nRET"), Part::Token, "contains"),
            (
                Credentials::token("SECRET\r\nX-Contract-Number: 1"),
                Part::Token,
                "contains",
            ),
            (Credentials::token("SECRET\0"), Part::Token, "contains"),
            (Credentials::token("SECRET key"), Part::Token, "contains"),
            (Credentials::token("SECRETä"), Part::Token, "contains"),
            (Credentials::token("\"SECRET\""), Part::Token, "contains"),
            (Credentials::token("Bearer SECRET"), Part::Token, "contains"),
            (Credentials::basic("", "SECRET"), Part::Username, "is empty"),
            (Credentials::basic("user", ""), Part::Password, "is empty"),
            (
                Credentials::basic("us:er", "SECRET"),
                Part::Username,
                "contains a colon",
            ),
            (
                Credentials::basic("us\ner", "SECRET"),
                Part::Username,
                "contains a line break",
            ),
            (
                Credentials::basic("user", "SECRET\n"),
                Part::Password,
                "contains a line break",
            ),
            (
                Credentials::basic("user", "SECRET\0"),
                Part::Password,
                "contains a line break",
            ),
            (
                Credentials::basic("user", "SECRET\u{85}"),
                Part::Password,
                "contains a line break",
            ),
        ] {
            let (refused, reason) = credentials.validate().unwrap_err();
            assert_eq!(refused, part, "{reason}");
            assert!(reason.starts_with(says), "{says}: {reason}");
            assert!(!format!("{credentials:?}").contains("SECRET"));
        }
    }

    proptest! {
        #[test]
        fn any_credentials_are_sent_unchanged_or_refused(
            a in any::<String>(),
            b in any::<String>(),
        ) {
            let basic = Credentials::basic(a.as_str(), b.as_str());
            for credentials in [Credentials::token(a.as_str()), basic] {
                let header = credentials.authorization();
                if credentials.validate().is_ok() {
                    prop_assert!(header.chars().all(|c| c.is_ascii_graphic() || c == ' '));
                }
            }
        }
    }
}
