//! The Key ID: the one thing from outside that is ever put into a path.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// The Key ID of a token: the `tokenId` of the API's paths, the `id` in its lists, the `kid` in the
/// token's own header.
///
/// Key IDs seen are lower-case UUIDs. This type takes 1 to 256 of the characters that RFC 3986
/// calls unreserved (letters, digits, `-`, `.`, `_`, `~`), and neither `.` nor `..` nor `generate`,
/// in any case, with or without something after a dot (`generate.json`): whoever holds a `KeyId`
/// can put it into a URL. (With the vendor's CLI, `token get --token-id generate` creates a token.)
///
/// It is not secret: it names a token, and opens nothing.
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

/// The longest Key ID that is taken, in characters.
const MAX_LENGTH: usize = 256;

impl KeyId {
    /// Takes a Key ID as it is, with no white space around it.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if it is empty, longer than 256 characters, holds any character but ASCII
    /// letters, digits, `-`, `.`, `_` and `~`, or is `.`, `..`, `generate` or `generate.` with anything
    /// after the dot.
    pub fn new(id: impl Into<String>) -> Result<KeyId> {
        KeyId::validated(id.into()).map_err(|reason| Error::invalid("key_id", reason))
    }

    /// Says, if it can't be one, why not.
    pub(super) fn validated(id: String) -> Result<KeyId, String> {
        validate(&id).map(|()| KeyId(id))
    }

    /// The Key ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Says why `id` can't be a Key ID, and repeats none of it but a single character: somebody may
/// have passed a token.
fn validate(id: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err("is empty".to_owned());
    }
    if !id.bytes().all(is_unreserved) {
        let is_other = |c: &char| !u8::try_from(*c).is_ok_and(is_unreserved);
        let other = id.chars().find(is_other).unwrap_or_default();
        return Err(format!(
            "holds {other:?}; only ASCII letters, digits, '-', '.', '_' and '~' are allowed"
        ));
    }
    if id.len() > MAX_LENGTH {
        return Err(format!(
            "is {} characters long; at most {MAX_LENGTH} are allowed (a token is not its Key ID: see key_id)",
            id.len()
        ));
    }
    if id == "." || id == ".." {
        return Err(format!("is {id:?}, which is a step in a path"));
    }
    // A backend that goes by suffixes takes `generate.json` for `generate`.
    let before_dot = id.split_once('.').map_or(id, |(before, _)| before);
    if before_dot.eq_ignore_ascii_case("generate") {
        let reason =
            "is \"generate\", or that and a suffix, which is the path that creates a token";
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

/// A copy: what takes `impl Into<KeyId>` takes `&KeyId`, too.
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
            (
                "AZaz09-._~",
                "every kind of character that RFC 3986 calls unreserved",
            ),
            ("...", "three dots are no step in a path"),
            ("generated", "only begins like the path"),
            ("generate-1.json", "so does this"),
            ("a.generate", "only ends like it"),
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
            (".", "a step in a path"),
            ("..", "a step in a path"),
            ("generate", "creates a token"),
            ("Generate", "creates a token"),
            ("generate.json", "creates a token"),
            ("GENERATE.JSON", "creates a token"),
            ("generate.", "creates a token"),
            ("generate.a.b", "creates a token"),
            ("a/b", "holds '/'"),
            ("a%2Fb", "holds '%'"),
            ("a?b", "holds '?'"),
            ("a#b", "holds '#'"),
            ("a;b", "holds ';'"),
            ("a\\b", "holds '\\\\'"),
            (" a", "holds ' '"),
            ("a\n", "holds '\\n'"),
            ("a\0", "holds '\\0'"),
            ("ä", "holds 'ä'"),
            ("ａ", "holds 'ａ'"),
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
        fn any_text_is_taken_as_it_is_or_refused(id in "\\PC{0,300}|[A-Za-z0-9._~-]{0,300}|.{0,3}|[gG]enerate[.a-]{0,3}") {
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
