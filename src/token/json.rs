//! Reads JSON from outside, and describes what is wrong with it without quoting it.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeOwned, Visitor};
use serde_json::error::Category;

/// Reads one value, or returns why it is not readable. serde's message may quote a token, so it is
/// passed on only if it consists of this library's words.
pub(crate) fn read_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    // Validated once here, instead of once for every string.
    let text = std::str::from_utf8(json).map_err(|_| "is not UTF-8".to_owned())?;
    serde_json::from_str(text).map_err(|error| fault(&error))
}

fn fault(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Io | Category::Syntax => "is not JSON",
        Category::Eof => "ends in the middle of its JSON",
        Category::Data => {
            let text = error.to_string();
            let ours = [
                "missing field `",
                "duplicate field `",
                "key_id: ",
                "token: ",
            ];
            if ours.iter().any(|beginning| text.starts_with(beginning)) {
                return format!("is not valid: {text}");
            }
            "contains a value of an unexpected type"
        }
    };
    format!("{what}, at line {} column {}", error.line(), error.column())
}

/// Reads a string or a number as text. Null is empty.
pub(crate) fn text_or_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<String, D::Error> {
    struct TextOrNumber;

    impl Visitor<'_> for TextOrNumber {
        type Value = String;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a text or a number")
        }

        fn visit_str<E>(self, text: &str) -> Result<String, E> {
            Ok(text.to_owned())
        }

        fn visit_u64<E>(self, number: u64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_i64<E>(self, number: i64) -> Result<String, E> {
            Ok(number.to_string())
        }

        fn visit_unit<E>(self) -> Result<String, E> {
            Ok(String::new())
        }
    }

    deserializer.deserialize_any(TextOrNumber)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::token::{DeleteResponse, Jwt, Token, Tokens};
    use proptest::prelude::*;
    use std::fmt::Debug;

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
            (r#""SECRET""#, "unexpected type"),
            ("{}", "missing field `token`"),
            (r#"{"token":""}"#, "token: is empty"),
            (r#"{"token":" "}"#, "token: is empty"),
            (r#"{"token":null}"#, "unexpected type"),
            (r#"{"token":["SECRET"]}"#, "unexpected type"),
            (
                r#"{"token":"SECRET","token":"SECRET"}"#,
                "duplicate field `token`",
            ),
            (r#"{"token":"SECRET"} SECRET"#, "is not JSON"),
            (
                &format!(r#"{{"token":{}"#, "[".repeat(1000)),
                "unexpected type",
            ),
        ]);
        faults::<Token>(&[
            ("{}", "missing field `id`"),
            (r#"{"id":""}"#, "key_id: is empty"),
            (r#"{"id":null}"#, "unexpected type"),
            (r#"{"id":"generate"}"#, "key_id: is \"generate\""),
            (r#"{"id":"a/SECRET"}"#, "key_id: contains '/'"),
            (r#"{"id":7}"#, "unexpected type"),
        ]);
        faults::<Tokens>(&[
            ("{}", "missing field `tokens`"),
            (r#"{"tokens":null}"#, "unexpected type"),
            (r#"{"tokens":[{"id":"a"},{}]}"#, "missing field `id`"),
            (
                r#"{"tokens":[{"id":"a"},{"id":".."}]}"#,
                "key_id: is \"..\"",
            ),
        ]);
        faults::<DeleteResponse>(&[
            ("{}", "missing field `success`"),
            (r#"{"success":"SECRET"}"#, "unexpected type"),
        ]);
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
