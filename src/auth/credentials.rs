//! Who calls: a token, or a user name and a password.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::concat_secret::concat_secret;

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

/// A part of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Token,
    Username,
    Password,
}

impl Credentials {
    /// A token, sent as `Authorization: Bearer …`. White space around it is ignored, as a file may
    /// end with a line break.
    pub fn token(token: impl Into<String>) -> Credentials {
        let token = Zeroizing::new(token.into());
        Credentials(Kind::Token(match token.trim() {
            trimmed if trimmed.len() == token.len() => token,
            trimmed => concat_secret(&[trimmed]),
        }))
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

    /// Says, if they can't be sent, which part can't and why.
    pub(crate) fn validate(&self) -> Result<(), (Part, &'static str)> {
        match &self.0 {
            Kind::Token(token) => validate_token(token).map_err(|reason| (Part::Token, reason)),
            Kind::Basic { username, password } => {
                validate_part(username).map_err(|reason| (Part::Username, reason))?;
                if username.contains(':') {
                    let reason = "holds a colon, which ends a user name on the wire (RFC 7617)";
                    return Err((Part::Username, reason));
                }
                validate_part(password).map_err(|reason| (Part::Password, reason))
            }
        }
    }

    /// The value of the `Authorization` header.
    pub(crate) fn authorization(&self) -> Zeroizing<String> {
        match &self.0 {
            Kind::Token(token) => concat_secret(&["Bearer ", token]),
            Kind::Basic { username, password } => {
                let pair = concat_secret(&[username, ":", password]);
                concat_secret(&["Basic ", &Zeroizing::new(STANDARD.encode(pair.as_bytes()))])
            }
        }
    }

    /// What is secret in them, as it is and as it is sent. `authorization` is their own.
    pub(crate) fn secrets<'a>(&'a self, authorization: &'a str) -> impl Iterator<Item = &'a str> {
        // Its padding may be left out by whoever repeats it.
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
    // RFC 6750, section 2.1. A JWT has even fewer.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if !token.bytes().all(allowed) {
        return Err(
            "holds white space, a line break, a quote or another character that no token has: give the token alone, \
             without \"Bearer\"",
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
        return Err("holds a line break or another control character (RFC 7617 allows none)");
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
            (
                Credentials::token("a.b.c"),
                "Bearer a.b.c",
                "a token as it is",
            ),
            (
                Credentials::token(" a.b.c\r\n"),
                "Bearer a.b.c",
                "without the white space around it",
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
            assert!(credentials.validate().is_ok(), "{reason}");
        }
    }

    #[test]
    fn credentials_that_no_header_can_carry_are_refused() {
        for (credentials, part, says) in [
            (Credentials::token(""), Part::Token, "is empty"),
            (Credentials::token(" \n"), Part::Token, "is empty"),
            (Credentials::token("SEC\nRET"), Part::Token, "holds"),
            (
                Credentials::token("SECRET\r\nX-Contract-Number: 1"),
                Part::Token,
                "holds",
            ),
            (Credentials::token("SECRET\0"), Part::Token, "holds"),
            (Credentials::token("SECRET key"), Part::Token, "holds"),
            (Credentials::token("SECRETä"), Part::Token, "holds"),
            (Credentials::token("\"SECRET\""), Part::Token, "holds"),
            (Credentials::token("Bearer SECRET"), Part::Token, "holds"),
            (Credentials::basic("", "SECRET"), Part::Username, "is empty"),
            (Credentials::basic("user", ""), Part::Password, "is empty"),
            (
                Credentials::basic("us:er", "SECRET"),
                Part::Username,
                "holds a colon",
            ),
            (
                Credentials::basic("us\ner", "SECRET"),
                Part::Username,
                "holds a line break",
            ),
            (
                Credentials::basic("user", "SECRET\n"),
                Part::Password,
                "holds a line break",
            ),
            (
                Credentials::basic("user", "SECRET\0"),
                Part::Password,
                "holds a line break",
            ),
            (
                Credentials::basic("user", "SECRET\u{85}"),
                Part::Password,
                "holds a line break",
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
        fn any_credentials_are_sent_as_they_are_or_refused(a in any::<String>(), b in any::<String>()) {
            for credentials in [Credentials::token(a.as_str()), Credentials::basic(a.as_str(), b.as_str())] {
                let header = credentials.authorization();
                if credentials.validate().is_ok() {
                    prop_assert!(header.chars().all(|c| c.is_ascii_graphic() || c == ' '));
                }
            }
        }
    }
}
