//! The Key ID, the only text from outside that becomes a part of a path. It does not depend on
//! where it comes from.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A token's Key ID: `tokenId` in the API's paths, `id` in its lists, and `kid` in the token's
/// header.
///
/// The service's Key IDs are lower-case UUIDs. This type accepts 1 to 256 unreserved characters of
/// RFC 3986 (letters, digits, `-`, `.`, `_`, `~`), so it is safe in a URL. It rejects `.`, `..`,
/// and, in any case, `generate` and `generate.` followed by anything. (With the vendor's CLI,
/// `token get --token-id generate` creates a token.)
///
/// A Key ID is not secret. It identifies a token but does not give access.
///
/// # Examples
///
/// ```
/// use ionoscloud_auth::KeyId;
///
/// let id = KeyId::new("f13a5c54-8228-4b7e-9414-61313ce723d1")?;
/// assert_eq!(id.as_str(), "f13a5c54-8228-4b7e-9414-61313ce723d1");
///
/// assert!(KeyId::new("generate").is_err());
/// assert!(KeyId::new("../tokens").is_err());
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Cow<str>")]
pub struct KeyId(String);

/// The length of the longest Key ID, in characters.
const MAX_LENGTH: usize = 256;

impl KeyId {
    /// Creates a Key ID from text without surrounding white space.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if the text is empty, longer than 256 characters, contains a character
    /// other than ASCII letters, digits, `-`, `.`, `_` and `~`, or is `.`, `..`, `generate` or
    /// `generate.` followed by anything.
    pub fn new(id: impl Into<String>) -> Result<KeyId> {
        KeyId::validated(id.into()).map_err(|reason| Error::invalid("key_id", reason))
    }

    /// Returns the Key ID, or why it is not valid.
    pub(super) fn validated(id: String) -> Result<KeyId, String> {
        validate(&id).map(|()| KeyId(id))
    }

    /// Returns the Key ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns why `id` is not a valid Key ID. The reason quotes at most one character, because `id`
/// may be a token.
fn validate(id: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err("is empty".to_owned());
    }
    // Without branches, unlike `all`: a list validates many.
    if !id.bytes().fold(true, |all, byte| all & is_unreserved(byte)) {
        let is_other = |c: &char| !u8::try_from(*c).is_ok_and(is_unreserved);
        let other = id.chars().find(is_other).unwrap_or_default();
        return Err(format!(
            "contains {other:?}, but only ASCII letters, digits, '-', '.', '_' and '~' are allowed"
        ));
    }
    if id.len() > MAX_LENGTH {
        return Err(format!(
            "is {} characters long, but at most {MAX_LENGTH} are allowed (to get a token's Key ID, \
             use key_id)",
            id.len()
        ));
    }
    if id == "." || id == ".." {
        return Err(format!("is {id:?}, which has a meaning in paths"));
    }
    // Some servers treat `generate.json` like `generate`.
    let before_dot = id.split_once('.').map_or(id, |(before, _)| before);
    if before_dot.eq_ignore_ascii_case("generate") {
        let reason =
            "is \"generate\" or that with a suffix, which is the path that creates a token";
        return Err(reason.to_owned());
    }
    Ok(())
}

/// RFC 3986, section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
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

impl TryFrom<String> for KeyId {
    type Error = Error;

    fn try_from(id: String) -> Result<KeyId> {
        KeyId::new(id)
    }
}

impl TryFrom<Cow<'_, str>> for KeyId {
    type Error = Error;

    fn try_from(id: Cow<'_, str>) -> Result<KeyId> {
        KeyId::new(id)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({})", self.0)
    }
}

/// Copies the Key ID, so that functions with `impl Into<KeyId>` also accept `&KeyId`.
impl From<&KeyId> for KeyId {
    fn from(id: &KeyId) -> KeyId {
        id.clone()
    }
}

impl PartialEq<str> for KeyId {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for KeyId {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
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
            ("", "is empty"),
            (".", "a meaning in paths"),
            ("..", "a meaning in paths"),
            ("generate", "creates a token"),
            ("Generate", "creates a token"),
            ("generate.json", "creates a token"),
            ("GENERATE.JSON", "creates a token"),
            ("generate.", "creates a token"),
            ("generate.a.b", "creates a token"),
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
            (&too_long, "257 characters"),
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
