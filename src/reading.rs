//! What a response says.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::error::{ApiMessage, ErrorKind};
use crate::outcome::{may_pass, outcome};
use crate::token::{objects, read_json, text_or_number};
use crate::transport::{Failure, Response};

/// How much is kept of the service's messages: their number, and the bytes of each text.
const MAX_MESSAGES: usize = 8;
const MAX_MESSAGE: usize = 500;

impl Response<'_> {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Returns the body of a complete, successful response.
    pub(crate) fn successful_body(&self) -> Result<&[u8], Failure> {
        if !self.is_success() {
            return Err(Failure {
                kind: ErrorKind::Api,
                reason: String::new(),
                outcome: outcome(self.status, self.is_by_service()),
                is_final: !may_pass(self.status),
            });
        }
        match &self.cut_off {
            Some(failure) => Err(failure.clone()),
            None => Ok(&self.body),
        }
    }

    /// Reads a successful response as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        self.json_by(read_json)
    }

    /// Reads a successful response with this function.
    pub(crate) fn json_by<T>(
        &self,
        read: impl Fn(&[u8]) -> Result<T, String>,
    ) -> Result<T, Failure> {
        read(self.successful_body()?).map_err(|fault| Failure::unreadable(format!("it {fault}")))
    }

    /// Whether the response is in the service's own error model: a whole body that repeats the
    /// status and has at least one message.
    pub(crate) fn is_by_service(&self) -> bool {
        !self.messages().is_empty()
    }

    /// Returns the messages of the service's own error model, or none if the response is not in it.
    pub(crate) fn messages(&self) -> &[ApiMessage] {
        self.messages
            .get_or_init(|| self.read_messages().unwrap_or_default())
    }

    fn read_messages(&self) -> Option<Vec<ApiMessage>> {
        if self.is_success() || self.cut_off.is_some() {
            return None;
        }
        let error: ServiceError = read_json(&self.body).ok()?;
        if error.http_status != self.status.to_string() {
            return None;
        }
        let messages = error.messages.into_iter().take(MAX_MESSAGES);
        let shown = messages.map(|message| ApiMessage {
            error_code: self.secrets.show(&message.error_code, MAX_MESSAGE),
            message: self.secrets.show(&message.message, MAX_MESSAGE),
        });
        Some(shown.collect())
    }
}

#[derive(Deserialize)]
struct ServiceError {
    #[serde(rename = "httpStatus", deserialize_with = "text_or_number")]
    http_status: String,
    #[serde(deserialize_with = "objects")]
    messages: Vec<ServiceMessage>,
}

#[derive(Deserialize)]
struct ServiceMessage {
    #[serde(default, rename = "errorCode", deserialize_with = "text_or_number")]
    error_code: String,
    #[serde(default, deserialize_with = "text_or_number")]
    message: String,
}
