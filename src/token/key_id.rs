use std::fmt;
use std::str::FromStr;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};

/// A token's Key ID: `tokenId` in the API's paths, `id` in its lists, and `kid` in the token's
/// header.
///
/// The service's Key IDs are lower-case UUIDs. This type accepts 1 to 256 unreserved characters of
/// RFC 3986 (letters, digits, `-`, `.`, `_`, `~`), so it is safe in a URL. It rejects `.` and
/// `..`, and, in upper or lower case, `generate` and `generate.` followed by anything. (With the
/// vendor's CLI, `token get --token-id generate` creates a token.)
///
/// A Key ID is not secret. It identifies a token but does not give access.
///
/// # Examples
///
/// ```
/// use ionoscloud_auth::KeyId;
///
/// let id = KeyId::new("f13a5c54-8228-4b7e-9414-61313ce723d1")?;
/// assert_eq!(id, "f13a5c54-8228-4b7e-9414-61313ce723d1");
///
/// assert!(KeyId::new("generate").is_err());
/// assert!(KeyId::new("../tokens").is_err());
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct KeyId(String);

impl KeyId {
    /// Creates a Key ID from text without surrounding white space.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the text is empty, longer than 256 characters, contains a character
    /// other than ASCII letters, digits, `-`, `.`, `_` and `~`, or is `.`, `..`, `generate` or
    /// `generate.` followed by anything.
    pub fn new(id: impl Into<String>) -> Result<KeyId> {
        KeyId::checked(id.into()).map_err(|reason| Error::invalid("key_id", reason))
    }

    /// Returns the Key ID, or why it is not valid. The reason quotes one character at most, because
    /// `id` may be a token.
    pub(super) fn checked(id: String) -> Result<KeyId, String> {
        // RFC 3986, section 2.3.
        let is_unreserved = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
        if let Some(position) = id.bytes().position(|byte| !is_unreserved(byte)) {
            let rest = id.get(position..).unwrap_or_default();
            let other = rest.chars().next().unwrap_or_default();
            return Err(format!(
                "contains {other:?}, but may only contain ASCII letters, digits and \"-._~\""
            ));
        }
        if !(1..=256).contains(&id.len()) {
            return Err(format!(
                "has {} characters, but must have 1 to 256 (key_id reads it from a token)",
                id.len()
            ));
        }
        // Some servers treat `generate.json` like `generate`.
        let before_dot = id.split('.').next().unwrap_or_default();
        if id == "." || id == ".." || before_dot.eq_ignore_ascii_case("generate") {
            let reason = "is \".\", \"..\" or \"generate\", which have another meaning in a path";
            return Err(reason.to_owned());
        }
        Ok(KeyId(id))
    }

    /// Returns the Key ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = Error;

    fn from_str(id: &str) -> Result<KeyId> {
        KeyId::new(id)
    }
}

impl TryFrom<&str> for KeyId {
    type Error = Error;

    fn try_from(id: &str) -> Result<KeyId> {
        KeyId::new(id)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<KeyId, D::Error> {
        KeyId::checked(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Copies the Key ID, so that functions with `impl Into<KeyId>` also accept `&KeyId`.
impl From<&KeyId> for KeyId {
    fn from(id: &KeyId) -> KeyId {
        id.clone()
    }
}

impl PartialEq<str> for KeyId {
    fn eq(&self, id: &str) -> bool {
        self.0 == id
    }
}

impl PartialEq<&str> for KeyId {
    fn eq(&self, id: &&str) -> bool {
        self.0 == *id
    }
}

impl AsRef<str> for KeyId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn key_ids_of_unreserved_characters_are_taken() {
        let longest = "k".repeat(256);
        for (id, reason) in [
            (
                "f13a5c54-8228-4b7e-9414-61313ce723d1",
                "the form that the service uses",
            ),
            ("a", "one character"),
            ("AZaz09-._~", "all unreserved characters of RFC 3986"),
            ("...", "three dots have no meaning in paths"),
            ("generated", "not the path"),
            ("generate-1.json", "not the path"),
            ("a.generate", "not the path"),
            (&longest, "the longest"),
        ] {
            let key_id = KeyId::new(id).unwrap_or_else(|error| panic!("{reason}: {error}"));
            assert_eq!(key_id.as_str(), id);
            assert_eq!(key_id.to_string(), id);
            assert_eq!(id.parse::<KeyId>().unwrap(), key_id);
        }
    }

    #[test]
    fn texts_that_could_change_a_path_are_refused() {
        let too_long = "k".repeat(257);
        for (id, says) in [
            ("", "has 0 characters"),
            (".", "another meaning in a path"),
            ("..", "another meaning in a path"),
            ("generate", "another meaning in a path"),
            ("Generate", "another meaning in a path"),
            ("generate.json", "another meaning in a path"),
            ("GENERATE.JSON", "another meaning in a path"),
            ("generate.", "another meaning in a path"),
            ("generate.a.b", "another meaning in a path"),
            ("a/b", "contains '/'"),
            ("a%2Fb", "contains '%'"),
            ("a?b", "contains '?'"),
            ("a#b", "contains '#'"),
            ("a;b", "contains ';'"),
            ("a\\b", "contains '\\\\'"),
            (" a", "contains ' '"),
            ("a\n", "contains '\\n'"),
            ("a\0", "contains '\\0'"),
            ("ä", "contains 'ä'"),
            ("ａ", "contains 'ａ'"),
            (&too_long, "has 257 characters"),
        ] {
            let text = KeyId::new(id).unwrap_err().to_string();
            assert!(
                text.starts_with("key_id: ") && text.contains(says),
                "{id:?}: {text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_unchanged_or_refused(
            id in "\\PC{0,300}|[A-Za-z0-9._~-]{0,300}|.{0,3}|[gG]enerate[.a-]{0,3}",
        ) {
            let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
            let allowed = (1..=256).contains(&id.len())
                && id.chars().all(unreserved)
                && ![".", ".."].contains(&id.as_str())
                && id.to_lowercase().split('.').next() != Some("generate");
            match KeyId::new(id.as_str()) {
                Ok(key_id) => prop_assert!(allowed && key_id.as_str() == id),
                Err(_) => prop_assert!(!allowed),
            }
        }
    }
}
