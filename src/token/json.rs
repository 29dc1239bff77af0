use serde::Deserializer;
use serde::de::{Deserialize as _, DeserializeOwned, Error as _};
use serde_json::Value;
use serde_json::error::Category;

/// Reads JSON of the service or of a token. The error has no words of serde's, which may quote a
/// secret.
pub(crate) fn read_json<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    serde_json::from_slice(without_mark(json)).map_err(described)
}

/// Reads JSON as [`read_json`] does, whatever follows it.
#[cfg(feature = "client")]
pub(super) fn read_json_at_the_start<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    let mut json = serde_json::Deserializer::from_slice(without_mark(json));
    T::deserialize(&mut json).map_err(described)
}

/// Returns the text without a byte order mark.
fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(text)
}

fn described(error: serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Io | Category::Syntax => "is not JSON",
        Category::Eof => "ends in the middle of its JSON",
        Category::Data => "lacks a field or has an unexpected value",
    };
    format!("{what}, at line {} column {}", error.line(), error.column())
}

/// Reads a string or a number as text. Null is empty.
pub(crate) fn text_or_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<String, D::Error> {
    let text = text_of(Value::deserialize(deserializer)?);
    text.ok_or_else(|| D::Error::custom("neither text nor a number"))
}

pub(super) fn text_of(value: Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
