//! Decides whether a text from outside repeats a secret, and what of it may be shown. It does not
//! depend on where the text comes from.

use std::collections::HashSet;
use std::hash::BuildHasher as _;

use zeroize::Zeroizing;

use super::credentials::Credentials;
use crate::error::{is_visible_by_itself, sanitize_line};

/// The number of consecutive characters of a secret that count as a repetition.
const TELLING: usize = 12;
/// Shorter secrets are ignored: they occur in any text.
const MIN_LENGTH: usize = 4;

/// The secrets that a client sends.
pub(crate) struct Secrets {
    pieces: Pieces,
    can_be_disguised: bool,
}

impl Secrets {
    /// Collects the secrets of the client's credentials and of the headers that its caller added.
    /// Short header values, such as `on`, are ignored: they occur in any text.
    pub(crate) fn new<'a>(
        credentials: &'a Credentials,
        authorization: &'a str,
        headers: impl Iterator<Item = &'a str>,
    ) -> Secrets {
        let headers = headers.filter(|value| value.len() >= TELLING);
        let secrets: Vec<_> = credentials.secrets(authorization).chain(headers).collect();
        let is_password = credentials.as_token().is_none();
        Secrets {
            pieces: Pieces::of(secrets.iter().copied()),
            can_be_disguised: is_password || !secrets.iter().all(|secret| is_plain(secret)),
        }
    }

    /// Whether a response may repeat one of them in a form that is not recognizable. A password may
    /// be encoded, and a secret with other characters than a JWT's may come back as HTML entities
    /// or percent-encoded.
    pub(crate) fn can_be_disguised(&self) -> bool {
        self.can_be_disguised
    }

    /// Whether `text` repeats one of them, or a large part of it. A broken gateway may send a
    /// request's headers back, complete or cut, escaped or not.
    pub(crate) fn are_repeated_in(&self, text: &str) -> bool {
        self.pieces.are_in(text)
    }

    /// Returns at most `max` bytes of `text`, or a placeholder if it repeats a secret.
    pub(crate) fn show(&self, text: &str, max: usize) -> String {
        let line = sanitize_line(text, max);
        if self.are_repeated_in(&line) {
            return "[redacted: it repeats a secret of the request]".to_owned();
        }
        line
    }

    /// Returns `text`, unless it repeats a secret.
    pub(crate) fn if_shown<T: AsRef<str>>(&self, text: Option<T>) -> Option<T> {
        text.filter(|text| !self.are_repeated_in(text.as_ref()))
    }
}

/// Whether `text` contains the secret `short`.
pub(crate) fn have_in_common(short: &str, text: &str) -> bool {
    short.len() >= TELLING && Pieces::of([short].into_iter()).are_in(text)
}

/// The pieces of the secrets, each as long as what counts as a repetition, so that a text is
/// compared in linear time. They are stored as keyed hashes, and so are not secret.
struct Pieces {
    hashes: HashSet<u64>,
    /// The lengths of the pieces. A short secret is one piece.
    lengths: Vec<usize>,
}

impl Pieces {
    fn of<'a>(secrets: impl Iterator<Item = &'a str>) -> Pieces {
        let mut pieces = Pieces {
            hashes: HashSet::new(),
            lengths: Vec::new(),
        };
        for secret in secrets {
            let secret = plain(secret);
            if secret.len() < MIN_LENGTH {
                continue;
            }
            let length = TELLING.min(secret.len());
            if !pieces.lengths.contains(&length) {
                pieces.lengths.push(length);
            }
            pieces.hashes.reserve(secret.len());
            for piece in secret.as_bytes().windows(length) {
                pieces.hashes.insert(pieces.hash(piece));
            }
        }
        pieces
    }

    fn are_in(&self, text: &str) -> bool {
        let text = plain(text);
        let is_piece = |piece| self.hashes.contains(&self.hash(piece));
        let mut lengths = self.lengths.iter();
        lengths.any(|length| text.as_bytes().windows(*length).any(is_piece))
    }

    fn hash(&self, piece: &[u8]) -> u64 {
        #[cfg(test)]
        HASHED.with(|hashed| hashed.set(hashed.get() + 1));
        self.hashes.hasher().hash_one(piece)
    }
}

#[cfg(test)]
thread_local! {
    /// The number of pieces that this thread has hashed, a measure of the work.
    pub(crate) static HASHED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Whether the text has only characters that no encoding changes.
fn is_plain(secret: &str) -> bool {
    let mut bytes = secret.bytes();
    bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// Returns the text without what a repetition may add or drop: white space, backslashes, and
/// characters that are not visible on their own.
fn plain(text: &str) -> Zeroizing<String> {
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    plain.extend(text.chars().filter(|c| counts(*c)));
    plain
}

fn counts(character: char) -> bool {
    is_visible_by_itself(character) && character != '\\'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secrets_of(credentials: &Credentials, headers: &[&str]) -> Secrets {
        let authorization = credentials.authorization();
        Secrets::new(credentials, &authorization, headers.iter().copied())
    }

    #[test]
    fn text_that_repeats_credentials_is_recognized() {
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
                "the user name is not secret",
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
                "a part with spaces",
            ),
            (&token, "…InJlOjd9.c2lnbmF0dXJl…", true, "its end"),
            (
                &token,
                "Endpoint requires a higher level of authentication.",
                false,
                "the service's text",
            ),
            (&token, "", false, "empty"),
            (
                &short,
                "no such user",
                false,
                "a short password occurs in any text",
            ),
            (&short, "Basic dTpubw==", true, "its encoding does not"),
            (
                &short,
                "Basic dTpubw",
                true,
                "nor does its encoding without padding",
            ),
        ] {
            let secrets = secrets_of(credentials, &[]);
            assert_eq!(secrets.are_repeated_in(text), expected, "{reason}: {text}");
        }
    }

    #[test]
    fn passwords_are_recognized_in_the_line_that_would_be_shown() {
        for password in [
            "pa\u{308}sswo\u{308}rd-vo\u{308}n-mu\u{308}ller",
            "รหัสผ่านที่ดีมาก",
            "correct\u{200b}horse\u{ad}battery",
            "  leading, trailing, and\ttabs  ",
            "quotes \"and\" \\backslashes\\",
        ] {
            let secrets = secrets_of(&Credentials::basic("u", password), &[]);
            let shown = secrets.show(&format!("wrong password {password} here"), 1000);
            assert!(shown.starts_with("[redacted"), "{shown}");
            let id = sanitize_line(password, 1000);
            assert_eq!(secrets.if_shown(Some(id)), None, "{password}");
        }
    }

    #[test]
    fn headers_count_from_twelve_characters_on() {
        for (value, text, expected, reason) in [
            (
                "key-of-a-gateway",
                "key-of-a-gateway?",
                true,
                "the whole value",
            ),
            (
                "key-of-a-gateway",
                "key-of-a-gat",
                true,
                "twelve of its characters",
            ),
            ("key-of-a-gateway", "key-of-a-ga", false, "eleven"),
            (
                "production",
                "production",
                false,
                "a short value occurs in any text",
            ),
        ] {
            let secrets = secrets_of(&Credentials::token("a"), &[value]);
            assert_eq!(secrets.are_repeated_in(text), expected, "{reason}");
            assert_eq!(secrets.if_shown(Some(text)).is_none(), expected, "{reason}");
            assert_eq!(secrets.show(text, 99) != text, expected, "{reason}");
        }
    }

    /// Whether the text contains a piece of any of them, by a slow search.
    fn repeats(text: &str, secrets: &[&str]) -> bool {
        let text = plain(text);
        secrets.iter().any(|secret| {
            let secret = plain(secret);
            let length = secret.len().min(TELLING);
            let mut pieces = secret.as_bytes().windows(length.max(1));
            let text = || text.as_bytes().windows(length.max(1));
            length >= MIN_LENGTH && pieces.any(|piece| text().any(|other| other == piece))
        })
    }

    #[test]
    fn the_work_of_comparing_is_linear() {
        let token = "aB3.".repeat(3_000);
        let headers: Vec<_> = (0..64)
            .map(|n| format!("{n:02}-{}", "k".repeat(40)))
            .collect();
        let headers: Vec<_> = headers.iter().map(String::as_str).collect();
        let hashed = || HASHED.take();
        hashed();
        let secrets = secrets_of(&Credentials::token(token.as_str()), &headers);
        assert!(hashed() < token.len() + 64 * 43);
        // Everything except each last character is a piece.
        let text = "aB3.aB3.aB3_".repeat(64 * 1024 / 12);
        assert!(!secrets.are_repeated_in(&text));
        assert!(hashed() <= text.len(), "a text is read once");
        assert!(!have_in_common(&"x".repeat(200), &text));
        assert!(hashed() <= text.len() + 200);
    }

    proptest! {
        #[test]
        fn pieces_are_found_as_the_slow_way_finds_them(
            text in "[ab\\\\ ]{0,60}",
            secrets in proptest::collection::vec("[ab]{0,20}", 0..3),
        ) {
            let secrets: Vec<_> = secrets.iter().map(String::as_str).collect();
            let found = Pieces::of(secrets.iter().copied()).are_in(&text);
            prop_assert_eq!(found, repeats(&text, &secrets));
        }

        #[test]
        fn any_text_is_compared_with_any_secret(
            text in any::<String>(),
            secret in any::<String>(),
        ) {
            let secrets = secrets_of(&Credentials::basic("", secret.as_str()), &[]);
            let enough = secret.chars().filter(|c| counts(*c)).count() >= MIN_LENGTH;
            let repeated = format!("{text}{secret}{text}");
            prop_assert!(!enough || secrets.are_repeated_in(&repeated));
            let line = sanitize_line(&repeated, usize::MAX);
            prop_assert!(!enough || secrets.are_repeated_in(&line), "{}", line);
        }
    }
}
