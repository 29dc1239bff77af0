//! Credentials, and keeping secrets out of texts.

use std::cmp::Reverse;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::sanitize_line;

/// Credentials for the service: a token, or a user name and password.
///
/// They are validated when you build a [`Client`](crate::Client). They are redacted from `Debug`
/// output, and zeroized when the last client that uses them is dropped.
///
/// Users with two-factor authentication must use a token, because the service rejects their
/// password. For them a token that was made through this API cannot create or delete tokens. A
/// token from the vendor's web console may: see the guide to
/// [rotating tokens](crate::docs::rotating_tokens#two-factor-authentication).
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

impl Credentials {
    /// Creates credentials from a token, sent as `Authorization: Bearer …`. Surrounding white space
    /// is ignored, because a file may end with a line break.
    pub fn token(token: impl Into<String>) -> Credentials {
        let token = Zeroizing::new(token.into());
        Credentials(Kind::Token(concat_secret(&[token.trim()])))
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

    /// Returns the part that is not usable and why, if one is not.
    pub(crate) fn validate(&self) -> Result<(), (&'static str, &'static str)> {
        match &self.0 {
            Kind::Token(token) => validate_token(token).map_err(|reason| ("token", reason)),
            Kind::Basic { username, password } => {
                validate_part(username).map_err(|reason| ("username", reason))?;
                if username.contains(':') {
                    let reason = "contains a colon, which RFC 7617 does not allow";
                    return Err(("username", reason));
                }
                validate_part(password).map_err(|reason| ("password", reason))
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

/// Returns the parts as one secret, in one allocation: a growing string would leave copies behind
/// that are not zeroized.
fn concat_secret(parts: &[&str]) -> Zeroizing<String> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut secret = Zeroizing::new(String::with_capacity(length));
    for part in parts {
        secret.push_str(part);
    }
    secret
}

/// Shorter secrets are not looked for: they occur in any text.
const MIN_LENGTH: usize = 4;
/// Shorter values of a caller's headers are not secret: they are words such as `on`.
const MIN_HEADER: usize = 12;

/// The secrets that a client sends, so that no text of a peer shows them.
pub(crate) struct Secrets(Vec<Zeroizing<String>>);

impl Secrets {
    pub(crate) fn new<'a>(
        credentials: [Option<&Credentials>; 2],
        headers: impl Iterator<Item = &'a str>,
    ) -> Secrets {
        // They are compared with cleaned text.
        let cleaned = |secret: &str| Zeroizing::new(sanitize_line(secret, usize::MAX));
        let mut secrets = Vec::new();
        for credentials in credentials.into_iter().flatten() {
            if let Some((_, encoded)) = credentials.authorization().split_once(' ') {
                // A response that repeats base64 may drop the padding.
                secrets.push(cleaned(encoded.trim_end_matches('=')));
            }
            if let Kind::Basic { password, .. } = &credentials.0 {
                secrets.push(cleaned(password));
            }
        }
        secrets.retain(|secret| secret.len() >= MIN_LENGTH);
        let headers = headers.filter(|value| value.len() >= MIN_HEADER);
        secrets.extend(headers.map(cleaned));
        // A secret may be a part of another one.
        secrets.sort_by_key(|secret| Reverse(secret.len()));
        Secrets(secrets)
    }

    /// Returns a peer's text as one line of at most `max` bytes, with the secrets in it replaced.
    pub(crate) fn show(&self, text: &str, max: usize) -> String {
        let mut line = sanitize_line(text, usize::MAX);
        for secret in &self.0 {
            if line.contains(secret.as_str()) {
                line = line.replace(secret.as_str(), "[redacted]");
            }
        }
        sanitize_line(&line, max)
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
    fn secret_that_is_a_part_of_another_does_not_show_the_rest() {
        let credentials = Credentials::basic("u", "hunter22");
        let key = "Key-hunter22-and-the-rest";
        for header in [key, "hunter22-and-the-rest"] {
            let secrets = Secrets::new([Some(&credentials), None], [header].into_iter());
            let line = secrets.show(&format!("sent {header}, hunter22"), 99);
            assert_eq!(line, "sent [redacted], [redacted]");
        }
    }

    #[test]
    fn credentials_that_no_header_can_carry_are_refused() {
        for (credentials, part, says) in [
            (Credentials::token(""), "token", "is empty"),
            (Credentials::token(" \n"), "token", "is empty"),
            (Credentials::token("SEC\nRET"), "token", "contains"),
            (
                Credentials::token("SECRET\r\nX-Contract-Number: 1"),
                "token",
                "contains",
            ),
            (Credentials::token("SECRET\0"), "token", "contains"),
            (Credentials::token("SECRET key"), "token", "contains"),
            (Credentials::token("SECRETä"), "token", "contains"),
            (Credentials::token("\"SECRET\""), "token", "contains"),
            (Credentials::token("Bearer SECRET"), "token", "contains"),
            (Credentials::basic("", "SECRET"), "username", "is empty"),
            (Credentials::basic("user", ""), "password", "is empty"),
            (
                Credentials::basic("us:er", "SECRET"),
                "username",
                "contains a colon",
            ),
            (
                Credentials::basic("us\ner", "SECRET"),
                "username",
                "contains a line break",
            ),
            (
                Credentials::basic("user", "SECRET\n"),
                "password",
                "contains a line break",
            ),
            (
                Credentials::basic("user", "SECRET\0"),
                "password",
                "contains a line break",
            ),
            (
                Credentials::basic("user", "SECRET\u{85}"),
                "password",
                "contains a line break",
            ),
        ] {
            let (refused, reason) = credentials.validate().unwrap_err();
            assert_eq!(refused, part, "{reason}");
            assert!(reason.starts_with(says), "{says}: {reason}");
            let shown = format!("{credentials:?}");
            assert!(shown.contains("[redacted]") && !shown.contains("SECRET"));
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
