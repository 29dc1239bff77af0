//! The service's own error model, told from whatever else sends an error.

use serde::Deserialize;

use crate::token::{read_json, text_or_number};
use crate::transport::Response;

#[derive(Default)]
pub(super) struct ServiceError {
    /// The error codes and messages; none where the body is something else.
    pub(super) messages: Vec<(String, String)>,
    /// Whether the body is whole, and in the documented model: the status, and at least one
    /// message. A gateway's own error is not.
    pub(super) is_service: bool,
}

#[derive(Deserialize)]
struct Body {
    #[serde(default, rename = "httpStatus", deserialize_with = "text_or_number")]
    http_status: String,
    messages: Vec<Message>,
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
        let messages: Vec<_> = body
            .messages
            .into_iter()
            .map(|message| (message.error_code, message.message))
            .filter(|(code, text)| !code.is_empty() || !text.is_empty())
            .collect();
        ServiceError {
            is_service: response.is_complete
                && !messages.is_empty()
                && body.http_status == response.status.code.to_string(),
            messages,
        }
    }
}
