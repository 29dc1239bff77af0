//! What the service says: tokens, their metadata, Key IDs and dates.

mod date;
mod json;
mod jwt;
mod key_id;
#[cfg(feature = "client")]
mod save;

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use zeroize::Zeroizing;

#[cfg(feature = "client")]
pub(crate) use self::json::read_json;
pub(crate) use self::json::{objects, text_or_number};
#[cfg(feature = "client")]
pub(crate) use self::jwt::expiry;
pub use self::jwt::{Claims, Identity, claims, key_id};
pub use self::key_id::KeyId;
use crate::error::{Error, MAX_SHOWN, Result, sanitize_line};

/// A new token, the response to [`create_token`](crate::create_token).
///
/// The service shows the token only once. It is redacted from `Debug` output, cannot be displayed
/// or serialized by accident, and is zeroized when this value is dropped. If you copy
/// [`token()`](Jwt::token), you have to protect the copy.
#[derive(Clone, Deserialize)]
#[must_use = "the service shows a new token only once: store it, or delete it by its Key ID"]
pub struct Jwt {
    #[serde(deserialize_with = "not_empty")]
    token: Zeroizing<String>,
}

fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Zeroizing<String>, D::Error> {
    let token = Zeroizing::new(String::deserialize(deserializer)?);
    if token.trim().is_empty() {
        return Err(D::Error::custom("the token is empty"));
    }
    Ok(token)
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
        jwt::read_key_id(&self.token).map_err(|reason| malformed("jwt", reason))
    }

    /// Returns the token's claims, as [`claims`](crate::claims)`(jwt.token())` does. The signature
    /// is not verified.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if the service sent something that is not a JWT.
    pub fn claims(&self) -> Result<Claims> {
        jwt::read_claims(&self.token).map_err(|reason| malformed("jwt", reason))
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
    #[serde(default, deserialize_with = "text_or_number")]
    #[serde(skip_serializing_if = "str::is_empty")]
    pub href: String,
    /// When the token was created, as text from the service. Empty if the service sent none. See
    /// [`created_at`](Token::created_at).
    #[serde(default, deserialize_with = "text_or_number")]
    #[serde(skip_serializing_if = "str::is_empty")]
    pub created_date: String,
    /// When the token expires, as text from the service. Empty if the service sent none. See
    /// [`expires_at`](Token::expires_at).
    #[serde(default, deserialize_with = "text_or_number")]
    #[serde(skip_serializing_if = "str::is_empty")]
    pub expiration_date: String,
}

impl Token {
    /// Returns when the token was created.
    ///
    /// This reads the forms of RFC 3339, such as `2025-09-23T07:29:44Z`, the same without seconds,
    /// and the form that the service used until 2024, `2024-05-01T10:00:00Z[UTC]`.
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
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use ionoscloud_auth::{Result, Token};
    ///
    /// fn expires_within_a_week(token: &Token) -> Result<bool> {
    ///     let week = Duration::from_secs(7 * 24 * 3600);
    ///     Ok(token.expires_at()? <= SystemTime::now() + week)
    /// }
    /// ```
    pub fn expires_at(&self) -> Result<SystemTime> {
        time("expiration_date", &self.expiration_date)
    }
}

fn time(what: &'static str, text: &str) -> Result<SystemTime> {
    date::parse(text).ok_or_else(|| {
        let text = sanitize_line(text, MAX_SHOWN);
        let reason = format!("{text:?} is not a date like 2025-09-23T07:29:44Z");
        malformed(what, reason)
    })
}

fn malformed(what: &'static str, reason: String) -> Error {
    Error::Malformed { what, reason }
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
/// assert_eq!(tokens.tokens.len(), 1);
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
    #[serde(deserialize_with = "objects")]
    pub tokens: Vec<Token>,
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

/// The response to a deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DeleteResponse {
    /// Always `true` in an `Ok`, because a deletion that failed is an [`Error`].
    pub success: bool,
}

/// Which tokens [`delete_token_by_criteria`](crate::delete_token_by_criteria) deletes. Its text is
/// the API's name.
///
/// # Examples
///
/// ```
/// use ionoscloud_auth::Criteria;
///
/// assert_eq!(Criteria::Expired.to_string(), "EXPIRED");
/// assert_eq!("expired".parse::<Criteria>()?, Criteria::Expired);
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl fmt::Display for Criteria {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Reads the API's name, in upper or lower case.
impl FromStr for Criteria {
    type Err = Error;

    fn from_str(name: &str) -> Result<Criteria> {
        let mut all = [Criteria::All, Criteria::Expired, Criteria::Current].into_iter();
        all.find(|criteria| criteria.as_str().eq_ignore_ascii_case(name))
            .ok_or_else(|| Error::invalid("criteria", "is none of ALL, EXPIRED and CURRENT"))
    }
}

/// Reads a new token, whatever follows it: nobody could get that token again.
#[cfg(feature = "client")]
pub(crate) fn read_jwt(body: &[u8]) -> Result<Jwt, String> {
    json::read_json_at_the_start(body)
}

#[cfg(test)]
mod tests {
    use super::json::read_json;
    use super::*;
    use proptest::prelude::*;
    use serde::de::DeserializeOwned;
    use std::fmt::Debug;
    use std::time::Duration;

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
    fn debug_output_of_a_jwt_is_redacted() {
        let jwt: Jwt = serde_json::from_str(r#"{"token":"SECRET"}"#).unwrap();
        assert_eq!(format!("{jwt:?}"), "Jwt([redacted])");
        assert_eq!(jwt.token(), "SECRET");
    }

    const UNEXPECTED: &str = "lacks a field or has an unexpected value, at line 1 column ";

    fn faults<T: DeserializeOwned + Debug>(cases: &[(&str, &str)]) {
        for (json, says) in cases {
            let fault = read_json::<T>(json.as_bytes()).unwrap_err();
            assert!(fault.contains(says), "{says}: {fault}");
            assert!(!fault.contains("SECRET"), "{fault}");
        }
    }

    #[test]
    fn faults_are_named_without_repeating_the_json() {
        faults::<Jwt>(&[
            ("", "ends in the middle"),
            (r#"{"token":"SECRET"#, "ends in the middle"),
            ("SECRET", "is not JSON"),
            (r#""SECRET""#, UNEXPECTED),
            ("{}", UNEXPECTED),
            (r#"{"token":""}"#, UNEXPECTED),
            (r#"{"token":" "}"#, UNEXPECTED),
            (r#"{"token":null}"#, UNEXPECTED),
            (r#"{"token":["SECRET"]}"#, UNEXPECTED),
            (r#"{"token":"SECRET","token":"SECRET"}"#, UNEXPECTED),
            (r#"{"token":"SECRET"} SECRET"#, "is not JSON"),
            (&format!(r#"{{"token":{}"#, "[".repeat(1000)), UNEXPECTED),
        ]);
        faults::<Token>(&[
            ("{}", UNEXPECTED),
            (r#"{"id":""}"#, UNEXPECTED),
            (r#"{"id":null}"#, UNEXPECTED),
            (r#"{"id":"generate"}"#, UNEXPECTED),
            (r#"{"id":"a/SECRET"}"#, UNEXPECTED),
            (r#"{"id":7}"#, UNEXPECTED),
        ]);
        faults::<Tokens>(&[
            ("{}", UNEXPECTED),
            (r#"{"tokens":null}"#, UNEXPECTED),
            (r#"{"tokens":[{"id":"a"},{}]}"#, "at line 1 column 24"),
            (r#"{"tokens":[{"id":"a"},{"id":".."}]}"#, UNEXPECTED),
        ]);
        faults::<DeleteResponse>(&[("{}", UNEXPECTED), (r#"{"success":"SECRET"}"#, UNEXPECTED)]);
    }

    /// A new token must not be lost because of what stands around it.
    #[test]
    fn a_token_is_read_whatever_stands_around_it() {
        for (body, reason) in [
            (&b"\xEF\xBB\xBF{\"token\":\"t\"}"[..], "a byte order mark"),
            (b"\r\n {\"token\":\"t\"}\r\n", "white space"),
            (
                b"{\"x\":\"\xE4\xFF\",\"token\":\"t\"}",
                "Latin-1 in another field",
            ),
            (
                b"{\"x\":[{\"token\":1}],\"token\":\"t\"}",
                "a token in another field",
            ),
            (b"{\"token\":\"\\u0074\"}", "an escape"),
        ] {
            let jwt = read_json::<Jwt>(body).unwrap_or_else(|fault| panic!("{reason}: {fault}"));
            assert_eq!(jwt.token(), "t", "{reason}");
        }
        assert!(read_json::<Jwt>(b"\xEF\xBB\xBF\xEF\xBB\xBF{\"token\":\"t\"}").is_err());
        assert!(
            read_json::<Jwt>(b"{\"token\":\"\xE4\"}").is_err(),
            "not UTF-8"
        );
    }

    #[test]
    fn a_number_is_read_as_text() {
        for (written, expected) in [
            (r#""text""#, Some("text")),
            ("7", Some("7")),
            ("-7", Some("-7")),
            ("18446744073709551615", Some("18446744073709551615")),
            ("1.5", Some("1.5")),
            ("null", Some("")),
            ("true", None),
            ("[7]", None),
            ("{}", None),
        ] {
            let json = format!(r#"{{"id":"a","href":{written}}}"#);
            let href = read_json::<Token>(json.as_bytes()).map(|token| token.href);
            assert_eq!(href.ok().as_deref(), expected, "{written}");
        }
    }

    #[test]
    fn undocumented_members_are_ignored() {
        let tokens: Tokens = read_json(
            br#"{"tokens":[{"id":"a","href":null,"createdDate":"c","x":{"id":""}},{"id":"b"}],"total":2}"#,
        )
        .unwrap();
        let [a, b] = tokens.tokens.as_slice() else {
            panic!("two tokens");
        };
        assert_eq!(
            (a.id.as_str(), a.href.as_str(), a.created_date.as_str()),
            ("a", "", "c")
        );
        assert_eq!((b.id.as_str(), b.expiration_date.as_str()), ("b", ""));
        assert!(
            read_json::<DeleteResponse>(br#"{"success":true,"x":1}"#)
                .unwrap()
                .success
        );
        assert_eq!(
            read_json::<Jwt>(br#"{"x":1,"token":"t"}"#).unwrap().token(),
            "t"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in any::<Vec<u8>>()) {
            let _ = read_json::<Jwt>(&bytes);
            let _ = read_json::<Tokens>(&bytes);
            let _ = read_json::<DeleteResponse>(&bytes);
        }

        #[test]
        fn pieces_of_a_list_are_read_without_a_panic(cut in 0..200_usize, byte in any::<u8>()) {
            let mut list = br#"{"tokens":[{"id":"f13a5c54","href":"https://api.ionos.com/","createdDate":"2025-09-23T07:29:44Z"}]}"#.to_vec();
            if let Some(changed) = list.get_mut(cut) {
                *changed = byte;
            }
            list.truncate(cut + 1);
            let _ = read_json::<Tokens>(&list);
        }
    }
}
