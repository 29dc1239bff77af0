//! Secrets in text: whether a text from outside repeats one, what may be shown of it, and how one
//! is put together so that all of it is wiped.

use zeroize::Zeroizing;

use crate::error::{sanitize_line, stands_alone};

/// How many characters of a secret in a row count as a repetition of it.
const TELLING: usize = 12;
/// A shorter secret stands in any text.
const MIN_LENGTH: usize = 4;

/// The secrets that a client sends.
pub(crate) struct Secrets(Vec<Plain>);

impl Secrets {
    /// Of the client's own credentials, and of the headers that its caller has added. A short value
    /// of a header, such as `on`, stands in any text.
    pub(crate) fn new<'a>(
        credentials: impl Iterator<Item = &'a str>,
        headers: impl Iterator<Item = &'a str>,
    ) -> Secrets {
        let headers = headers.filter(|value| value.len() >= TELLING);
        Secrets(credentials.chain(headers).map(Plain::new).collect())
    }

    /// Whether `text` repeats one of them, or so much of it that it must not be shown: a broken
    /// gateway may send a request's headers back, whole or cut, escaped or not.
    pub(crate) fn are_repeated_in(&self, text: &str) -> bool {
        let text = Plain::new(text);
        self.0.iter().any(|secret| text.repeats(secret))
    }

    /// At most `max` characters of `text`, as they may be shown.
    pub(crate) fn show(&self, text: &str, max: usize) -> String {
        let line = sanitize_line(text, max);
        if self.are_repeated_in(&line) {
            return "[not shown: it repeats what is secret in the request]".to_owned();
        }
        line
    }

    /// The id of a request, if it may be shown.
    pub(crate) fn show_id<T: AsRef<str>>(&self, id: Option<T>) -> Option<T> {
        id.filter(|id| !self.are_repeated_in(id.as_ref()))
    }
}

/// Whether `text` repeats this secret: see [`Secrets::are_repeated_in`].
pub(crate) fn repeats(text: &str, secret: &str) -> bool {
    Plain::new(text).repeats(&Plain::new(secret))
}

/// A text without what comes and goes on the way: white space, backslashes, and whatever does not
/// show on its own.
struct Plain(Zeroizing<String>);

impl Plain {
    fn new(text: &str) -> Plain {
        let mut plain = Zeroizing::new(String::with_capacity(text.len()));
        plain.extend(text.chars().filter(|c| counts(*c)));
        Plain(plain)
    }

    fn repeats(&self, secret: &Plain) -> bool {
        let (text, secret) = (self.0.as_bytes(), secret.0.as_bytes());
        let telling = TELLING.min(secret.len());
        if secret.len() < MIN_LENGTH || text.len() < telling {
            return false;
        }
        let mut pieces = text.windows(telling);
        pieces.any(|piece| secret.windows(telling).any(|other| other == piece))
    }
}

fn counts(character: char) -> bool {
    stands_alone(character) && character != '\\'
}

/// The parts as one secret, in one allocation: a string that grows leaves copies behind that are
/// not wiped.
pub(crate) fn concat_secret(parts: &[&str]) -> Zeroizing<String> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut secret = Zeroizing::new(String::with_capacity(length));
    for part in parts {
        secret.push_str(part);
    }
    secret
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Credentials;
    use proptest::prelude::*;

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
            let authorization = credentials.authorization();
            let secrets = Secrets::new(credentials.secrets(&authorization), std::iter::empty());
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
            let secrets = Secrets::new([password].into_iter(), std::iter::empty());
            let shown = secrets.show(&format!("wrong password {password} here"), 1000);
            assert!(shown.starts_with("[not shown"), "{shown}");
            let id = sanitize_line(password, 1000);
            assert_eq!(secrets.show_id(Some(id)), None, "{password}");
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
                "a short one stands in any text",
            ),
        ] {
            let secrets = Secrets::new(std::iter::empty(), [value].into_iter());
            assert_eq!(secrets.are_repeated_in(text), expected, "{reason}");
            assert_eq!(secrets.show_id(Some(text)).is_none(), expected, "{reason}");
            assert_eq!(secrets.show(text, 99) != text, expected, "{reason}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_compared_with_any_secret(text in any::<String>(), secret in any::<String>()) {
            let secrets = Secrets::new([secret.as_str()].into_iter(), std::iter::empty());
            prop_assert_eq!(secrets.are_repeated_in(&text), repeats(&text, &secret));
            let enough = secret.chars().filter(|c| counts(*c)).count() >= MIN_LENGTH;
            let repeated = format!("{text}{secret}{text}");
            prop_assert!(!enough || secrets.are_repeated_in(&repeated));
            let line = sanitize_line(&repeated, usize::MAX);
            prop_assert!(!enough || secrets.are_repeated_in(&line), "{}", line);
        }
    }
}
