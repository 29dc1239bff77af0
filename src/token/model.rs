//! The models of the API as the vendor documents them. They do not depend on how they are sent.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

use super::date;
use super::jwt::{self, Claims};
use super::key_id::KeyId;
use crate::error::{Error, MAX_SHOWN, Result, sanitize_line};

/// A new token, the response to [`create_token`](crate::create_token).
///
/// The service shows the token only once. It is redacted from `Debug` output, cannot be displayed
/// or serialized by accident, and is zeroized when this value is dropped. If you copy
/// [`token()`](Jwt::token), you have to protect the copy.
#[derive(Clone, Deserialize)]
#[serde(try_from = "JwtResponse")]
#[must_use = "the service shows a new token only once: store it, or delete it by its Key ID"]
pub struct Jwt {
    token: Zeroizing<String>,
}

#[derive(Deserialize)]
struct JwtResponse {
    token: String,
}

impl TryFrom<JwtResponse> for Jwt {
    type Error = &'static str;

    fn try_from(response: JwtResponse) -> std::result::Result<Jwt, &'static str> {
        if response.token.trim().is_empty() {
            return Err("token: is empty");
        }
        Ok(Jwt {
            token: Zeroizing::new(response.token),
        })
    }
}

impl Jwt {
    /// Returns the token itself, which is secret. Pass it to
    /// [`Credentials::token`](crate::Credentials::token).
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the token's Key ID, as [`key_id`](crate::key_id)`(jwt.token())` does.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the service sent something that is not a JWT.
    pub fn key_id(&self) -> Result<KeyId> {
        jwt::read_key_id(&self.token).map_err(|reason| Error::malformed("jwt", reason))
    }

    /// Returns the token's claims, as [`claims`](crate::claims)`(jwt.token())` does. The signature
    /// is not verified.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the service sent something that is not a JWT.
    pub fn claims(&self) -> Result<Claims> {
        jwt::read_claims(&self.token).map_err(|reason| Error::malformed("jwt", reason))
    }
}

/// Tokens cannot be printed or serialized by accident.
///
/// ```compile_fail,E0277
/// fn print(jwt: &ionoscloud_auth::Jwt) {
///     println!("{jwt}");
/// }
/// ```
///
/// ```compile_fail,E0277
/// fn write(jwt: &ionoscloud_auth::Jwt) -> String {
///     serde_json::to_string(jwt).unwrap()
/// }
/// ```
#[cfg(doctest)]
struct NoAccident;

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jwt([redacted])")
    }
}

/// A token's metadata. It does not contain the token itself.
///
/// It serializes with the service's own field names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Token {
    /// The token's Key ID.
    pub id: KeyId,
    /// The token's URL in the API. Empty if the service sent none.
    #[serde(
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "String::is_empty"
    )]
    pub href: String,
    /// When the token was created, as text from the service. Empty if the service sent none. See
    /// [`created_at`](Token::created_at).
    #[serde(
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "String::is_empty"
    )]
    pub created_date: String,
    /// When the token expires, as text from the service. Empty if the service sent none. See
    /// [`expires_at`](Token::expires_at).
    #[serde(
        default,
        deserialize_with = "null_is_empty",
        skip_serializing_if = "String::is_empty"
    )]
    pub expiration_date: String,
}

impl Token {
    /// Returns when the token was created.
    ///
    /// This reads dates such as `2025-09-23T07:29:44Z`, with or without fractions of a second and
    /// offsets, and the form that the service used until 2024, `2024-05-01T10:00:00Z[UTC]`.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the date is missing, not valid, or before 1970.
    pub fn created_at(&self) -> Result<SystemTime> {
        time("created_date", &self.created_date)
    }

    /// Returns when the token expires. It reads the same forms as
    /// [`created_at`](Token::created_at).
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the date is missing, not valid, or before 1970.
    pub fn expires_at(&self) -> Result<SystemTime> {
        time("expiration_date", &self.expiration_date)
    }

    /// Returns whether the token has expired at this time, which includes the exact time of expiry.
    ///
    /// # Errors
    ///
    /// As [`expires_at`](Token::expires_at).
    pub fn is_expired(&self, at: SystemTime) -> Result<bool> {
        self.expires_within(Duration::ZERO, at)
    }

    /// Returns whether the token expires within this duration after `at`, or has already expired.
    ///
    /// # Errors
    ///
    /// As [`expires_at`](Token::expires_at).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use ionoscloud_auth::{Result, Token};
    ///
    /// fn is_due(token: &Token) -> Result<bool> {
    ///     token.expires_within(Duration::from_secs(7 * 24 * 3600), SystemTime::now())
    /// }
    /// ```
    pub fn expires_within(&self, duration: Duration, at: SystemTime) -> Result<bool> {
        Ok(date::is_by(self.expires_at()?, duration, at))
    }
}

fn time(what: &'static str, text: &str) -> Result<SystemTime> {
    date::parse(text).ok_or_else(|| {
        Error::malformed(
            what,
            format!(
                "{:?} is not a date like 2025-09-23T07:29:44Z",
                sanitize_line(text, MAX_SHOWN)
            ),
        )
    })
}

/// All tokens of a user, the response to [`get_all_tokens`](crate::get_all_tokens).
///
/// It serializes with the service's own field names and can be deserialized again.
///
/// # Examples
///
/// ```
/// use ionoscloud_auth::Tokens;
///
/// let text = r#"{"tokens":[{"id":"f13a5c54-8228-4b7e-9414-61313ce723d1","expirationDate":"2026-09-23T07:29:44Z"}]}"#;
/// let tokens: Tokens = serde_json::from_str(text)?;
/// assert_eq!(tokens.len(), 1);
/// for token in &tokens {
///     assert_eq!(token.expiration_date, "2026-09-23T07:29:44Z");
/// }
/// assert_eq!(serde_json::to_string(&tokens)?, text);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tokens {
    /// All tokens of the user, at most 100, in the service's order.
    pub tokens: Vec<Token>,
}

impl Tokens {
    /// Returns the number of tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Returns whether the list is empty.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Iterates over the tokens in the service's order.
    pub fn iter(&self) -> std::slice::Iter<'_, Token> {
        self.tokens.iter()
    }

    /// Returns the tokens that expire within this duration after `at` or have already expired, and
    /// separately the tokens whose date is not readable.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use std::time::{Duration, SystemTime};
    /// use ionoscloud_auth::{Client, GetAllTokensOptions, get_all_tokens};
    ///
    /// let client = Client::from_env()?;
    /// let tokens = get_all_tokens(&client, &GetAllTokensOptions::new())?;
    /// let due = tokens.due(Duration::from_secs(7 * 24 * 3600), SystemTime::now());
    /// for token in due.tokens {
    ///     println!("{} expires {}", token.id, token.expiration_date);
    /// }
    /// for (token, error) in due.unreadable {
    ///     println!("{}: {error}", token.id);
    /// }
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn due(&self, within: Duration, at: SystemTime) -> DueTokens<'_> {
        let mut dated = Vec::new();
        let mut unreadable = Vec::new();
        for token in &self.tokens {
            match token.expires_at() {
                Ok(expiry) if date::is_by(expiry, within, at) => dated.push((expiry, token)),
                Ok(_) => {}
                Err(error) => unreadable.push((token, error)),
            }
        }
        dated.sort_by_key(|(expiry, _)| *expiry);
        DueTokens {
            tokens: dated.into_iter().map(|(_, token)| token).collect(),
            unreadable,
        }
    }
}

impl IntoIterator for Tokens {
    type Item = Token;
    type IntoIter = std::vec::IntoIter<Token>;

    fn into_iter(self) -> Self::IntoIter {
        self.tokens.into_iter()
    }
}

impl<'a> IntoIterator for &'a Tokens {
    type Item = &'a Token;
    type IntoIter = std::slice::Iter<'a, Token>;

    fn into_iter(self) -> Self::IntoIter {
        self.tokens.iter()
    }
}

/// The tokens that [`Tokens::due`] returns.
#[derive(Debug)]
#[non_exhaustive]
#[must_use]
pub struct DueTokens<'a> {
    /// The tokens that are due, by time of expiry.
    pub tokens: Vec<&'a Token>,
    /// The tokens whose date is not readable, in the service's order, with the reason.
    pub unreadable: Vec<(&'a Token, Error)>,
}

/// The response to a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeleteResponse {
    /// Always `true` in an `Ok`, because a deletion that failed is an [`Error`].
    pub success: bool,
}

/// Which tokens [`delete_token_by_criteria`](crate::delete_token_by_criteria) deletes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Criteria {
    /// All tokens of the user, including the client's own.
    All,
    /// All expired tokens.
    Expired,
    /// The client's own token. The client must use a [token](crate::Credentials::token).
    Current,
}

impl Criteria {
    /// Returns the API's name: `ALL`, `EXPIRED` or `CURRENT`.
    pub fn as_str(self) -> &'static str {
        match self {
            Criteria::All => "ALL",
            Criteria::Expired => "EXPIRED",
            Criteria::Current => "CURRENT",
        }
    }
}

/// Writes the API's name.
impl fmt::Display for Criteria {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Reads the API's name, in any case.
impl FromStr for Criteria {
    type Err = Error;

    fn from_str(name: &str) -> Result<Criteria> {
        [Criteria::All, Criteria::Expired, Criteria::Current]
            .into_iter()
            .find(|criteria| criteria.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let name = sanitize_line(name, MAX_SHOWN);
                let reason = format!("is {name:?}, but must be ALL, EXPIRED or CURRENT");
                Error::invalid("criteria", reason)
            })
    }
}

fn null_is_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<String, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dates_are_read() {
        let token = |created: &str, expires: &str| Token {
            id: KeyId::new("k").unwrap(),
            href: String::new(),
            created_date: created.to_owned(),
            expiration_date: expires.to_owned(),
        };
        let read = token("2024-05-01T10:00:00Z[UTC]", "2025-09-23T07:29:44Z");
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(read.created_at().unwrap(), at(1_714_557_600));
        assert_eq!(read.expires_at().unwrap(), at(1_758_612_584));

        let unread = token("", "tomorrow\u{1b}[2J");
        let created = unread.created_at().unwrap_err().to_string();
        assert!(
            created.starts_with("created_date: \"\" is not a date"),
            "{created}"
        );
        let expires = unread.expires_at().unwrap_err().to_string();
        assert!(
            expires.starts_with("expiration_date: \"tomorrow [2J\""),
            "{expires}"
        );
    }

    #[test]
    fn due_tokens_come_in_the_order_of_their_expiry() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let token = |id: &str, expires: &str| Token {
            id: KeyId::new(id).unwrap(),
            href: String::new(),
            created_date: String::new(),
            expiration_date: expires.to_owned(),
        };
        let tokens = Tokens {
            tokens: vec![
                token("later", "1970-01-01T00:05:01Z"),
                token("broken", "tomorrow"),
                token("then", "1970-01-01T00:05:00Z"),
                token("missing", ""),
                token("now", "1970-01-01T00:01:40Z[UTC]"),
                token("past", "1970-01-01T00:00:01Z"),
            ],
        };
        let ids = |within, now| {
            let due = tokens.due(Duration::from_secs(within), at(now));
            let unreadable: Vec<&str> = due.unreadable.iter().map(|(t, _)| t.id.as_str()).collect();
            assert_eq!(unreadable, ["broken", "missing"]);
            due.tokens.iter().map(|t| t.id.as_str()).collect::<Vec<_>>()
        };
        assert_eq!(ids(200, 100), ["past", "now", "then"]);
        assert_eq!(ids(0, 100), ["past", "now"]);
        assert_eq!(ids(0, 99), ["past"]);
        assert_eq!(ids(0, 0), [""; 0]);
        assert_eq!(ids(u64::MAX, 0), ["past", "now", "then", "later"]);

        let now = &tokens.tokens[4];
        assert!(!now.is_expired(at(99)).unwrap() && now.is_expired(at(100)).unwrap());
        assert!(now.expires_within(Duration::from_secs(1), at(99)).unwrap());
        assert!(!now.expires_within(Duration::from_secs(1), at(98)).unwrap());
        assert!(tokens.tokens[1].is_expired(at(99)).is_err());
    }

    #[test]
    fn debug_output_of_a_jwt_is_redacted() {
        let jwt: Jwt = serde_json::from_str(r#"{"token":"SECRET"}"#).unwrap();
        assert_eq!(format!("{jwt:?}"), "Jwt([redacted])");
        assert_eq!(jwt.token(), "SECRET");
    }
}
