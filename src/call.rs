//! One call: attempts until there is an outcome, the waits between them, and the error if there is
//! no value.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::client::{Client, contract_number};
use crate::error::{ApiMessage, CallError, Error, ErrorKind, Result};
use crate::outcome::{Outcome, may_pass, outcome};
use crate::token::{expiry, read_json, text_or_number};
use crate::transport::{Failure, Method, Request, Response, WIRE_LOG, wire_is_logged};

/// How much is kept of the service's messages: their number, and the bytes of each text.
const MAX_MESSAGES: usize = 8;
const MAX_MESSAGE: usize = 500;

/// What to send.
pub(crate) struct Call<'a> {
    /// The method and the path, with a placeholder for the Key ID.
    pub(crate) endpoint: &'static str,
    /// The path and query below the base URL.
    pub(crate) target: &'a str,
    pub(crate) contract_number: Option<u32>,
    /// Whether the request may be sent again although it may have worked.
    pub(crate) may_be_repeated: bool,
    /// Whether a successful response contains a new token.
    pub(crate) returns_secret: bool,
    /// What to do if the outcome is unknown.
    pub(crate) if_unknown: &'static str,
}

/// Makes the call. `read` judges a response, and knows whether an earlier attempt may have worked.
pub(crate) fn run<T>(
    client: &Client,
    call: &Call,
    read: impl Fn(&Response, bool) -> Result<T, Failure>,
) -> Result<T> {
    // This function is compiled for every type of value, the rest only once.
    let mut attempts = Attempts::new(client, call)?;
    loop {
        let (response, value) = match attempts.send() {
            Ok(response) => {
                let value = read(&response, attempts.may_have_worked);
                (Some(response), value)
            }
            Err(failure) => (None, Err(failure)),
        };
        match value {
            Ok(value) => {
                attempts.report(response.as_ref(), "success", None);
                return Ok(value);
            }
            Err(failure) => attempts.go_on_after(failure, response.as_ref())?,
        }
    }
}

/// The attempts of a call so far.
struct Attempts<'a> {
    client: &'a Client,
    call: &'a Call<'a>,
    contract_number: Option<u32>,
    deadline: Option<Instant>,
    number: u32,
    /// When the last attempt began.
    began: Instant,
    /// Whether the outcome of any attempt is unknown.
    may_have_worked: bool,
    connection_was_lost: bool,
}

impl<'a> Attempts<'a> {
    fn new(client: &'a Client, call: &'a Call) -> Result<Attempts<'a>> {
        if wire_is_logged() {
            return Err(Error::invalid(
                "logger",
                format!(
                    "accepts the target {WIRE_LOG} at trace level, which logs every byte of a \
                     connection, including credentials and new tokens: silence it (for env_logger: \
                     RUST_LOG=trace,{WIRE_LOG}=debug)"
                ),
            ));
        }
        let own = call.contract_number.map(contract_number).transpose();
        let own = own.map_err(|reason| Error::invalid("contract_number", reason))?;
        let now = Instant::now();
        Ok(Attempts {
            client,
            call,
            contract_number: own.or(client.shared.contract_number),
            // A timeout beyond the range of the clock does not limit the call.
            deadline: now.checked_add(client.timeout),
            number: 0,
            began: now,
            may_have_worked: false,
            connection_was_lost: false,
        })
    }

    fn send(&mut self) -> Result<Response, Failure> {
        self.number = self.number.saturating_add(1);
        if self.number > 1 {
            self.began = Instant::now();
        }
        self.client.transport.send(&Request {
            method: self.method(),
            target: self.call.target,
            headers: &self.client.identity.headers,
            contract_number: self.contract_number,
            // A response that crosses the request on the wire looks like its answer.
            may_use_idle: self.only_reads() && !self.connection_was_lost,
            returns_secret: self.call.returns_secret,
            deadline: self.deadline,
            secrets: &self.client.identity.secrets,
        })
    }

    /// Waits for the next attempt, or returns the error if there is none.
    fn go_on_after(&mut self, mut failure: Failure, response: Option<&Response>) -> Result<()> {
        self.may_have_worked |= failure.outcome == Outcome::Unknown;
        self.connection_was_lost = failure.kind == ErrorKind::ConnectionLost;
        let transport = &self.client.transport;
        if transport.shutdown.is_set() {
            failure.was_shut_down();
        }
        let retry_after = response.and_then(|response| response.retry_after);
        let wait = self.wait_after(&failure, retry_after);
        let label = failure.kind.as_str();
        self.report(response, label, wait);
        if let Some(wait) = wait {
            let (name, number) = (self.name(), self.number);
            log::warn!(
                "{name}: retrying in {} ms after attempt {number}: {label}",
                wait.as_millis()
            );
            if transport.shutdown.wait(wait) {
                failure.was_shut_down();
            } else if !wire_is_logged() {
                return Ok(());
            }
        }
        Err(self.error(failure, response))
    }

    fn wait_after(&self, failure: &Failure, retry_after: Option<Duration>) -> Option<Duration> {
        let again = match failure.outcome {
            Outcome::Refused => true,
            Outcome::Unknown => self.call.may_be_repeated,
            Outcome::Answered => false,
        };
        if !again || failure.is_final {
            return None;
        }
        let left = |deadline: Instant| deadline.saturating_duration_since(Instant::now());
        let wait = self
            .client
            .shared
            .retry
            .delay_after(self.number, retry_after)?;
        self.deadline
            .is_none_or(|deadline| wait < left(deadline))
            .then_some(wait)
    }

    fn report(&self, response: Option<&Response>, label: &'static str, wait: Option<Duration>) {
        let elapsed = self.began.elapsed();
        let status = response.map(|response| response.status);
        log::debug!(
            "{}: attempt {} ended after {} ms: {label}{}",
            self.name(),
            self.number,
            elapsed.as_millis(),
            status.map_or(String::new(), |status| format!(" ({status})")),
        );
        let Some(hook) = &self.client.shared.on_attempt else {
            return;
        };
        let secrets = &self.client.identity.secrets;
        let request_id = response.and_then(|response| response.request_id(secrets));
        let attempt = Attempt {
            endpoint: self.call.endpoint,
            number: self.number,
            status,
            label,
            elapsed,
            request_id: request_id.as_deref(),
            retry_in: wait,
        };
        // A panic would lose the response, which may contain a new token.
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| hook(&attempt))) {
            // Dropping the payload may panic, too.
            if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
                std::mem::forget(second);
            }
            log::warn!("the on_attempt hook panicked; the call continues");
        }
    }

    fn only_reads(&self) -> bool {
        self.call.may_be_repeated && self.method() == Method::GET
    }

    fn method(&self) -> Method {
        match self.call.endpoint.starts_with("GET ") {
            true => Method::GET,
            false => Method::DELETE,
        }
    }

    fn name(&self) -> String {
        format!("{} {}", self.method(), self.call.target)
    }

    /// Errors of calls are made only here.
    fn error(&self, failure: Failure, response: Option<&Response>) -> Error {
        let secrets = &self.client.identity.secrets;
        let own = response.and_then(service_messages);
        // A readable success, too, is the service's.
        let is_service = own.is_some() || failure.outcome == Outcome::Answered && is_2xx(response);
        let messages = own.unwrap_or_default().into_iter().take(MAX_MESSAGES);
        let messages: Vec<_> = messages
            .map(|message| ApiMessage {
                error_code: secrets.show(&message.error_code, MAX_MESSAGE),
                message: secrets.show(&message.message, MAX_MESSAGE),
            })
            .collect();
        let mut parts = vec![failure.reason];
        let is_judged = matches!(failure.kind, ErrorKind::Api | ErrorKind::Unreadable);
        if let Some(response) = response.filter(|_| is_judged) {
            let sender = match is_service {
                true => String::new(),
                false => response.sender(secrets),
            };
            let status = response.status_line();
            let mut said = match failure.kind {
                ErrorKind::Unreadable => format!("the response {status}{sender} is not readable"),
                _ => format!("the response was {status}{sender}"),
            };
            let texts = messages.iter().map(ToString::to_string);
            let texts: Vec<_> = texts
                .chain(parts.pop().filter(|text| !text.is_empty()))
                .collect();
            if !texts.is_empty() {
                said = format!("{said}: {}", texts.join("; "));
            }
            parts.push(said);
            parts.extend(self.advice(response, &messages, is_service));
        }
        if failure.kind == ErrorKind::TimedOut {
            parts.push(format!(
                "the call's time limit is {:?}",
                self.client.timeout
            ));
        }
        if self.may_have_worked && !self.call.if_unknown.is_empty() {
            parts.push(self.call.if_unknown.to_owned());
        }
        Error::Call(Box::new(CallError {
            kind: failure.kind,
            request: self.name(),
            status: response.map(|response| response.status),
            messages,
            reason: parts.join("; "),
            request_id: response.and_then(|response| response.request_id(secrets)),
            retry_after: response.and_then(|response| response.retry_after),
            attempts: self.number,
            outcome_unknown: self.may_have_worked,
        }))
    }

    /// What to do about a response, naming the setting to change.
    fn advice(
        &self,
        response: &Response,
        messages: &[ApiMessage],
        is_service: bool,
    ) -> Option<String> {
        let base_url = match &self.client.shared.base_url_source {
            Some(source) => format!("check the base URL, from {source}"),
            None => "check the base URL".to_owned(),
        };
        let names_a_token = self.call.endpoint.contains('{');
        if let Some(expired) = (response.status == 401).then(|| self.expired()).flatten() {
            return Some(expired);
        }
        Some(match response.status {
            401 | 403 if is_service => self.check_credentials(messages),
            404 if is_service && names_a_token => "this user has no such token".to_owned(),
            404 if is_service => base_url,
            429 | 503 if !self.may_have_worked && response.retry_after.is_none() => {
                "try again later".to_owned()
            }
            429 => return None,
            200..=499 if is_service => return None,
            300..=399 => format!(
                "redirects are not followed, and this one is not the Auth API's own: {base_url}, \
                 and any proxy or gateway in between"
            ),
            200..=499 => format!(
                "it is not the Auth API's own response: {base_url}, and any proxy or gateway in \
                 between"
            ),
            _ => return None,
        })
    }

    /// Says when the client's own token expired, if it has.
    fn expired(&self) -> Option<String> {
        let expiry = expiry(self.client.token()?)?;
        let from = match &self.client.identity.source {
            Some(source) => format!(", from {source},"),
            None => String::new(),
        };
        let expiry = Some(expiry).filter(|expiry| *expiry <= SystemTime::now())?;
        let at = humantime::format_rfc3339_seconds(expiry);
        Some(format!(
            "the client's token{from} expired at {at} according to its exp claim: replace it"
        ))
    }

    fn check_credentials(&self, messages: &[ApiMessage]) -> String {
        let mut advice = "check the credentials".to_owned();
        if let Some(source) = &self.client.identity.source {
            advice += &format!(", from {source}");
        }
        if let Some(number) = self.contract_number {
            advice += &format!(", and the contract number {number}");
        }
        let wants_more = messages.iter().any(|message| message.error_code == "501");
        advice += match self.client.token() {
            Some(_) if self.only_reads() && !wants_more => "",
            Some(_) => {
                "; for users with two-factor authentication, a token made through this API cannot \
                 create or delete tokens"
            }
            None => "; users with two-factor authentication must use a token instead of a password",
        };
        advice
    }
}

/// Reads a successful response as JSON.
pub(crate) fn json<T: DeserializeOwned>(response: &Response) -> Result<T, Failure> {
    json_by(response, read_json)
}

/// Reads a successful response with this function.
pub(crate) fn json_by<T>(
    response: &Response,
    read: impl Fn(&[u8]) -> Result<T, String>,
) -> Result<T, Failure> {
    read(successful_body(response)?).map_err(|fault| {
        Failure::unreadable(match &response.encoding {
            Some(encoding) => {
                format!("it is compressed (Content-Encoding: {encoding}), which was not requested")
            }
            None => format!("it {fault}"),
        })
    })
}

fn is_2xx(response: Option<&Response>) -> bool {
    response.is_some_and(|response| (200..300).contains(&response.status))
}

/// Returns the body of a complete, successful response.
pub(crate) fn successful_body(response: &Response) -> Result<&[u8], Failure> {
    if !is_2xx(Some(response)) {
        return Err(Failure {
            kind: ErrorKind::Api,
            reason: String::new(),
            outcome: outcome(response.status, is_by_service(response)),
            is_final: !may_pass(response.status),
        });
    }
    if let Some(failure) = &response.cut_off {
        return Err(failure.clone());
    }
    Ok(&response.body)
}

/// Whether the response is in the service's own error model: a whole body that repeats the status
/// and has at least one message.
pub(crate) fn is_by_service(response: &Response) -> bool {
    service_messages(response).is_some()
}

#[derive(Deserialize)]
struct ServiceError {
    #[serde(rename = "httpStatus", deserialize_with = "text_or_number")]
    http_status: String,
    messages: Vec<ServiceMessage>,
}

#[derive(Deserialize)]
struct ServiceMessage {
    #[serde(default, rename = "errorCode", deserialize_with = "text_or_number")]
    error_code: String,
    #[serde(default, deserialize_with = "text_or_number")]
    message: String,
}

fn service_messages(response: &Response) -> Option<Vec<ServiceMessage>> {
    let error: ServiceError = read_json(&response.body).ok()?;
    let is_whole = response.cut_off.is_none() && !error.messages.is_empty();
    let is_own = is_whole && error.http_status == response.status.to_string();
    is_own.then_some(error.messages)
}

/// A finished attempt, as [`ClientBuilder::on_attempt`](crate::ClientBuilder::on_attempt) reports
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The method and path, with a placeholder for the Key ID: one of four values such as
    /// `GET /tokens/{tokenId}`.
    pub endpoint: &'static str,
    /// The number of the attempt in its call, from 1.
    pub number: u32,
    /// The HTTP status, even if the rest of the response did not arrive.
    pub status: Option<u16>,
    /// `success`, or else what [`ErrorKind::as_str`] returns, for the label of a metric.
    pub label: &'static str,
    /// How long the attempt took, without the wait before it.
    pub elapsed: Duration,
    /// The request ID of the response: see [`Error::request_id`].
    pub request_id: Option<&'a str>,
    /// How long the call waits before it retries, or `None` if this was the last attempt.
    pub retry_in: Option<Duration>,
}
