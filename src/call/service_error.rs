//! Recognizes the service's own error model. It does not depend on attempts.

use std::fmt;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::token::{read_json, text_or_number};
use crate::transport::Response;

/// The number of messages kept. Further ones are skipped.
const MAX_MESSAGES: usize = 16;

#[derive(Default)]
pub(super) struct ServiceError {
    /// The error codes and messages, or empty if the body is something else.
    pub(super) messages: Vec<(String, String)>,
    /// Whether the body is complete and in the documented model, with the status and at least one
    /// message. A gateway's own error is not.
    pub(super) is_service: bool,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default, rename = "httpStatus", deserialize_with = "text_or_number")]
    http_status: String,
    #[serde(deserialize_with = "first_messages")]
    messages: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default, rename = "errorCode", deserialize_with = "text_or_number")]
    error_code: String,
    #[serde(default, deserialize_with = "text_or_number")]
    message: String,
}

impl ServiceError {
    pub(super) fn read(response: &Response) -> ServiceError {
        let Ok(body) = read_json::<Body>(&response.body) else {
            return ServiceError::default();
        };
        ServiceError {
            is_service: response.is_complete
                && !body.messages.is_empty()
                && body.http_status == response.status.code.to_string(),
            messages: body.messages,
        }
    }
}

/// Reads the first messages that are not empty.
fn first_messages<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<(String, String)>, D::Error> {
    struct First;

    impl<'de> Visitor<'de> for First {
        type Value = Vec<(String, String)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list of messages")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut messages = Vec::new();
            while messages.len() < MAX_MESSAGES {
                match list.next_element::<Message>()? {
                    None => return Ok(messages),
                    Some(Message {
                        error_code,
                        message,
                    }) if !error_code.is_empty() || !message.is_empty() => {
                        messages.push((error_code, message));
                    }
                    Some(_) => {}
                }
            }
            while list.next_element::<IgnoredAny>()?.is_some() {}
            Ok(messages)
        }
    }

    deserializer.deserialize_seq(First)
}
