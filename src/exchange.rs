//! One call: its tries, the waits between them, its deadline and its end by `shutdown`. Knows
//! nothing of what is asked or answered.

use std::time::{Duration, Instant};

use serde_json::Value;
use zeroize::Zeroize as _;

use crate::client::Client;
use crate::error::{
    ApiError, ApiMessage, Error, LONG, Result, SHORT, TransportError, TransportErrorKind,
    UnreadableAnswer, printable,
};
use crate::retry::{self, Outcome, Repeat, Seen};
use crate::transport::{Answer, Failure, Method, Request};

/// What an endpoint asks for, and what may be done for it.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// Path and query below the base URL.
    pub(crate) target: &'a str,
    pub(crate) contract_number: Option<u32>,
    pub(crate) repeat: Repeat,
    /// The answer holds a new token: it has a connection of its own, and is wiped.
    pub(crate) creates: bool,
    /// A 404 after a try that may have worked means that it did.
    pub(crate) gone_is_success: bool,
    /// What a caller should do when the outcome is unknown.
    pub(crate) unknown_advice: &'static str,
}

impl Call<'_> {
    fn name(&self) -> String {
        format!("{} {}", self.method.as_str(), self.target)
    }

    fn advice(&self, outcome_unknown: bool) -> &'static str {
        if outcome_unknown {
            self.unknown_advice
        } else {
            ""
        }
    }
}

/// Makes the call. `read` gets the body of a success, and says in a few words, none of them the
/// body's, why it can't be read.
///
/// A 404 that counts as success reads as an empty body.
pub(crate) fn run<T>(
    client: &Client,
    call: &Call,
    read: impl Fn(&[u8]) -> std::result::Result<T, String>,
) -> Result<T> {
    let mut value = None;
    // The loop is compiled once, not once for every type of answer.
    run_until(client, call, &mut |body| {
        value = Some(read(body)?);
        Ok(())
    })?;
    value.ok_or_else(|| Error::invalid("answer", "was not read"))
}

type Read<'a> = dyn FnMut(&[u8]) -> std::result::Result<(), String> + 'a;

fn run_until(client: &Client, call: &Call, read: &mut Read) -> Result<()> {
    let contract_number = call.contract_number.or(client.contract_number());
    if let Some(number) = contract_number {
        check_contract_number("contract_number", number)?;
    }
    let started = Instant::now();
    let deadline = client.timeout().map(|timeout| started + timeout);
    let mut outcome_unknown = false;
    let mut tries = 0;
    loop {
        if client.shutdown_signal().is_set() {
            return Err(shut_down(call, outcome_unknown));
        }
        let request = Request {
            method: call.method,
            target: call.target,
            authorization: client.authorization(),
            contract_number,
            own_connection: call.creates,
            remaining: match deadline {
                Some(deadline) if tries > 0 => {
                    Some(deadline.saturating_duration_since(Instant::now()))
                }
                _ => None,
            },
        };
        let tried_at = Instant::now();
        let tried = client.transport().send(&request);
        tries += 1;
        log::debug!(
            "{}: {} after {} ms, try {tries}",
            call.name(),
            match &tried {
                Ok(answer) => format!("status {}", answer.status),
                Err(failure) => format!("{:?}", failure.seen),
            },
            tried_at.elapsed().as_millis(),
        );

        let (seen, retry_after, failed) = match tried {
            Ok(mut answer) if (200..300).contains(&answer.status) => {
                let read = read(&answer.body);
                if call.creates {
                    answer.body.zeroize();
                }
                match read {
                    Ok(()) => return Ok(()),
                    Err(reason) => {
                        let unreadable = Failure {
                            seen: Seen::Unreadable,
                            status: Some(answer.status),
                            reason,
                            source: None,
                        };
                        (Seen::Unreadable, None, Failed::Transport(unreadable))
                    }
                }
            }
            Ok(answer) if answer.status == 404 && outcome_unknown && call.gone_is_success => {
                if read(b"").is_ok() {
                    return Ok(());
                }
                (Seen::Status(404), None, Failed::Answered(answer))
            }
            Ok(answer) => (
                Seen::Status(answer.status),
                answer.retry_after,
                Failed::Answered(answer),
            ),
            Err(failure) => (failure.seen, None, Failed::Transport(failure)),
        };

        outcome_unknown |= retry::outcome(seen) == Outcome::Unknown;
        if client.shutdown_signal().is_set() {
            return Err(shut_down(call, outcome_unknown));
        }
        let delay = retry::may_be_sent_again(seen, call.repeat)
            .then(|| client.retry_policy().delay_after(tries, retry_after))
            .flatten()
            .filter(|delay| {
                deadline.is_none_or(|deadline| {
                    *delay < deadline.saturating_duration_since(Instant::now())
                })
            });
        let Some(delay) = delay else {
            return Err(failed.into_error(client, call, outcome_unknown));
        };
        log::warn!(
            "{}: trying again in {} ms, as try {tries} brought {seen:?}",
            call.name(),
            delay.as_millis()
        );
        if client.shutdown_signal().wait(delay) {
            return Err(shut_down(call, outcome_unknown));
        }
        if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(failed.into_error(client, call, outcome_unknown));
        }
    }
}

/// The service takes an int32, and a contract has a positive number.
pub(crate) fn check_contract_number(what: &'static str, number: u32) -> Result<()> {
    if number == 0 || i32::try_from(number).is_err() {
        return Err(Error::invalid(
            what,
            format!("is {number}; a contract number is from 1 to {}", i32::MAX),
        ));
    }
    Ok(())
}

fn shut_down(call: &Call, outcome_unknown: bool) -> Error {
    Error::Transport(Box::new(TransportError {
        kind: TransportErrorKind::ShutDown,
        request: call.name(),
        reason: "make a new one to call again".to_owned(),
        outcome_unknown,
        advice: call.advice(outcome_unknown),
        source: None,
    }))
}

enum Failed {
    Answered(Answer),
    Transport(Failure),
}

impl Failed {
    fn into_error(self, client: &Client, call: &Call, outcome_unknown: bool) -> Error {
        match self {
            Failed::Answered(answer) => api_error(
                client,
                call,
                answer.status,
                answer.retry_after,
                &answer.body,
                outcome_unknown,
            ),
            Failed::Transport(failure) => transport_error(call, failure, outcome_unknown),
        }
    }
}

fn transport_error(call: &Call, failure: Failure, outcome_unknown: bool) -> Error {
    let kind = match failure.seen {
        Seen::AddressNotFound => TransportErrorKind::AddressNotFound,
        Seen::ConnectFailed => TransportErrorKind::ConnectFailed,
        Seen::TlsFailed => TransportErrorKind::TlsFailed,
        Seen::TimedOutBeforeSending | Seen::TimedOutAfterSending => TransportErrorKind::TimedOut,
        Seen::ConnectionLost => TransportErrorKind::ConnectionLost,
        Seen::Unreadable | Seen::Status(_) => {
            return Error::UnreadableAnswer(Box::new(UnreadableAnswer {
                status: failure.status,
                request: call.name(),
                reason: failure.reason,
                outcome_unknown,
                advice: call.advice(outcome_unknown),
            }));
        }
    };
    Error::Transport(Box::new(TransportError {
        kind,
        request: call.name(),
        reason: failure.reason,
        outcome_unknown,
        advice: call.advice(outcome_unknown),
        source: failure.source,
    }))
}

pub(crate) fn api_error(
    client: &Client,
    call: &Call,
    status: u16,
    retry_after: Option<Duration>,
    body: &[u8],
    outcome_unknown: bool,
) -> Error {
    let shown = |text: &str, most| printable(&client.credentials().redact(text), most);
    let messages = messages(body, |text| shown(text, LONG));
    let excerpt = messages
        .is_empty()
        .then(|| shown(&String::from_utf8_lossy(body), SHORT))
        .filter(|excerpt| !excerpt.is_empty());
    Error::Api(Box::new(ApiError {
        status,
        messages,
        retry_after,
        request: call.name(),
        excerpt,
        outcome_unknown,
        advice: call.advice(outcome_unknown),
    }))
}

/// The messages of the service's error model; none if the body is something else.
fn messages(body: &[u8], shown: impl Fn(&str) -> String) -> Vec<ApiMessage> {
    let text = |value: Option<&Value>| match value {
        Some(Value::String(text)) => shown(text),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else {
        return Vec::new();
    };
    let Some(Value::Array(messages)) = answer.get("messages") else {
        return Vec::new();
    };
    messages
        .iter()
        .map(|message| ApiMessage {
            error_code: text(message.get("errorCode")),
            message: text(message.get("message")),
        })
        .filter(|message| !message.error_code.is_empty() || !message.message.is_empty())
        .collect()
}
