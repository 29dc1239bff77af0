//! One call: attempts until there is an outcome, the waits between them, and the error if there is
//! no value.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime};

use crate::client::{Client, contract_number};
use crate::error::{ApiMessage, CallError, Error, ErrorKind, Result};
use crate::outcome::Outcome;
use crate::retry::Attempt;
use crate::settings::BASE_URL;
use crate::token::expiry;
use crate::transport::{Failure, LOGS_THE_WIRE, Method, Request, Response, wire_is_logged};

/// What to send.
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// The method and the path, with a placeholder for the Key ID.
    pub(crate) endpoint: &'static str,
    /// The path and query below the base URL.
    pub(crate) target: &'a str,
    pub(crate) contract_number: Option<u32>,
    pub(crate) effect: Effect,
    /// Whether a successful response contains a new token.
    pub(crate) returns_secret: bool,
}

/// What a request changes. The text is the advice for an unknown outcome.
pub(crate) enum Effect {
    Reads,
    /// A repetition changes nothing more.
    Repeatable(&'static str),
    /// A repetition may change more.
    Once(&'static str),
}

impl Effect {
    fn only_reads(&self) -> bool {
        matches!(self, Effect::Reads)
    }

    fn advice(&self) -> Option<&'static str> {
        match self {
            Effect::Reads => None,
            Effect::Repeatable(advice) | Effect::Once(advice) => Some(advice),
        }
    }
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
        let mut value = None;
        attempts.make(&mut |response, may_have_worked| {
            value = Some(read(response, may_have_worked)?);
            Ok(())
        })?;
        if let Some(value) = value {
            return Ok(value);
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
            return Err(Error::invalid("logger", LOGS_THE_WIRE));
        }
        let own = call.contract_number.map(contract_number).transpose()?;
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

    /// Makes one attempt, and waits if another one is to follow. An error ends the call.
    fn make(&mut self, read: &mut dyn FnMut(&Response, bool) -> Result<(), Failure>) -> Result<()> {
        let (response, judged) = match self.send() {
            Ok(response) => {
                let judged = read(&response, self.may_have_worked);
                (Some(response), judged)
            }
            Err(failure) => (None, Err(failure)),
        };
        let response = response.as_ref();
        let failure = judged.err().map(|failure| self.noted(failure));
        let wait = failure.as_ref().and_then(|failure| {
            self.wait_after(failure, response.and_then(|response| response.retry_after))
        });
        let kind = failure.as_ref().map(|failure| failure.kind);
        let label = kind.map_or("success", ErrorKind::as_str);
        self.report(response, label, wait);
        let Some(mut failure) = failure else {
            return Ok(());
        };
        if let Some(wait) = wait {
            let (name, number, millis) = (self.name(), self.number, wait.as_millis());
            log::warn!("{name}: retrying in {millis} ms after attempt {number}: {label}");
            if self.client.transport.common.wait(wait) {
                failure.was_shut_down();
            } else if !wire_is_logged() {
                return Ok(());
            }
            // A logger that takes the wire by now ends the call with the last error: `Invalid`
            // would deny an outcome that may be unknown.
        }
        Err(self.error(failure, response))
    }

    fn send(&mut self) -> Result<Response<'a>, Failure> {
        self.number = self.number.saturating_add(1);
        self.began = Instant::now();
        let retry = &self.client.shared.retry;
        self.client.transport.send(&Request {
            method: &self.call.method,
            target: self.call.target,
            headers: &self.client.identity.headers,
            contract_number: self.contract_number,
            // A response that crosses the request on the wire looks like its answer.
            may_use_idle: self.call.effect.only_reads() && !self.connection_was_lost,
            returns_secret: self.call.returns_secret,
            deadline: self.deadline,
            is_last: retry.delay_after(self.number, None).is_none(),
            secrets: &self.client.identity.secrets,
        })
    }

    /// Remembers what a failure says of the request, and whether a shutdown caused it.
    fn noted(&mut self, mut failure: Failure) -> Failure {
        self.may_have_worked |= failure.outcome == Outcome::Unknown;
        self.connection_was_lost = failure.kind == ErrorKind::ConnectionLost;
        if self.client.transport.common.is_shut_down() {
            failure.was_shut_down();
        }
        failure
    }

    fn wait_after(&self, failure: &Failure, retry_after: Option<Duration>) -> Option<Duration> {
        let again = matches!(
            (failure.outcome, &self.call.effect),
            (Outcome::Refused, _) | (Outcome::Unknown, Effect::Reads | Effect::Repeatable(_))
        );
        if !again || failure.is_final {
            return None;
        }
        let policy = &self.client.shared.retry;
        let wait = policy.delay_after(self.number, retry_after)?;
        let fits = |deadline: Instant| wait < deadline.saturating_duration_since(Instant::now());
        self.deadline.is_none_or(fits).then_some(wait)
    }

    fn report(&self, response: Option<&Response>, label: &'static str, wait: Option<Duration>) {
        let elapsed = self.began.elapsed();
        let status = response.map(|response| response.status);
        let (name, number, millis) = (self.name(), self.number, elapsed.as_millis());
        log::debug!("{name}: attempt {number} ended after {millis} ms: {label} {status:?}");
        let Some(hook) = &self.client.shared.on_attempt else {
            return;
        };
        let request_id = response.and_then(Response::request_id);
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

    fn name(&self) -> String {
        format!("{} {}", self.call.method, self.call.target)
    }

    /// Errors of calls are made only here.
    fn error(&self, failure: Failure, response: Option<&Response>) -> Error {
        let kind = failure.kind;
        let is_judged = matches!(kind, ErrorKind::Api | ErrorKind::Unreadable);
        let mut parts = Vec::new();
        if let Some(response) = response.filter(|_| is_judged) {
            // A success that can be read is the service's, too.
            let is_service = response.is_by_service()
                || failure.outcome == Outcome::Answered && response.is_success();
            parts.push(said(response, failure, is_service));
            parts.extend(self.advice(response, is_service));
        } else {
            parts.push(failure.reason);
        }
        if kind == ErrorKind::TimedOut {
            let limit = self.client.timeout;
            parts.push(format!("the call's time limit is {limit:?}"));
        }
        if self.may_have_worked {
            parts.extend(self.call.effect.advice().map(str::to_owned));
        }
        Error::Call(Box::new(CallError {
            kind,
            request: self.name(),
            status: response.map(|response| response.status),
            messages: response.map_or(Vec::new(), |response| response.messages().to_vec()),
            reason: parts.join("; "),
            request_id: response.and_then(Response::request_id),
            retry_after: response.and_then(|response| response.retry_after),
            attempts: self.number,
            outcome_unknown: self.may_have_worked && !self.call.effect.only_reads(),
        }))
    }

    /// Says what to do about a response, and names the setting to change.
    fn advice(&self, response: &Response, is_service: bool) -> Option<String> {
        let source = self.client.shared.base_url_source.as_deref();
        let base_url = format!("check the base URL{}", from(source));
        let between = format!("{base_url}, and any proxy or gateway in between");
        let (url, no_such) = (&self.client.shared.base_url, "this user has no such token");
        let refused_at = Some(response.date).filter(|_| response.status == 401);
        if let Some(expired) = refused_at.and_then(|date| self.expired(date)) {
            return Some(expired);
        }
        Some(match response.status {
            401 | 403 if is_service => self.check_credentials(response.messages()),
            404 if is_service && !self.call.endpoint.contains("{tokenId}") => base_url,
            404 if is_service && url == BASE_URL => no_such.to_owned(),
            // The Cloud API has the same error model.
            404 if is_service => format!("{no_such}, or {url} is not the Auth API: {base_url}"),
            429 | 503 if !self.may_have_worked && response.retry_after.is_none() => {
                "try again later".to_owned()
            }
            429 => return None,
            _ if is_service => return None,
            300..=399 => format!(
                "redirects are not followed, and this one is not the Auth API's own: {between}"
            ),
            200..=299 => {
                format!("if the Auth API sent it, this library cannot read it; if not, {between}")
            }
            400..=499 => format!("it is not the Auth API's own response: {between}"),
            _ => return None,
        })
    }

    /// Says when the client's own token expired, if it has by then.
    fn expired(&self, now: SystemTime) -> Option<String> {
        let exp = expiry(self.client.token()?)?;
        let from = from(self.client.identity.source.as_deref());
        let exp = Some(exp).filter(|exp| *exp <= now)?;
        let at = humantime::format_rfc3339_seconds(exp);
        Some(format!(
            "the client's own token expired at {at} according to its exp claim{from}: replace it"
        ))
    }

    fn check_credentials(&self, messages: &[ApiMessage]) -> String {
        let source = self.client.identity.source.as_deref();
        let mut advice = format!("check the credentials{}", from(source));
        if let Some(number) = self.contract_number {
            advice += &format!(", and the contract number {number}");
        }
        let wants_more = messages.iter().any(|message| message.error_code == "501");
        advice += match self.client.token() {
            Some(_) if self.call.effect.only_reads() && !wants_more => "",
            Some(_) => {
                "; for users with two-factor authentication, a token made through this API cannot \
                 create or delete tokens"
            }
            None => "; users with two-factor authentication must use a token instead of a password",
        };
        advice
    }
}

/// Says what made a setting, if the program did not.
fn from(source: Option<&str>) -> String {
    source.map_or(String::new(), |source| format!(", from {source}"))
}

/// Says what the response was, and what is wrong with it.
fn said(response: &Response, failure: Failure, is_service: bool) -> String {
    let status = response.status_line();
    let sender = (!is_service).then(|| response.sender());
    let sender = sender.unwrap_or_default();
    let what = match failure.kind {
        ErrorKind::Unreadable => format!("the response {status}{sender} is not readable"),
        _ => format!("the response was {status}{sender}"),
    };
    let messages = response.messages().iter().map(ToString::to_string);
    let own = Some(failure.reason).filter(|reason| !reason.is_empty());
    let faults: Vec<_> = messages.chain(own).collect();
    match faults.is_empty() {
        true => what,
        false => format!("{what}: {}", faults.join("; ")),
    }
}
