//! One call: its attempts, the waits between them, its deadline, and its end by `shutdown`. It does
//! not depend on sockets or TLS.

mod advice;
mod attempt;
mod description;
mod error;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod hook;
mod outcome;
mod retry;
mod service_error;

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::transport::{Method, Request, Response, WIRE_LOG, wire_is_logged};

use attempt::{Finished, Sent};
use error::Failed;
use outcome::{Outcome, outcome};
use retry::{Progress, next_delay};

pub(crate) use description::{Call, Caller, Done, Unread, json};
pub(crate) use hook::Hooks;
pub use hook::{Attempt, AttemptOutcome, FinishedCall};
pub(crate) use retry::Idempotency;
pub use retry::RetryPolicy;

/// Makes the call. `read` reads the value of a successful response, which is empty if the service
/// says that the token to delete is already gone.
pub(crate) fn run<T>(
    caller: &Caller,
    call: &Call,
    read: impl Fn(&Response) -> Result<T, Unread>,
) -> Result<(T, Done)> {
    // This function is compiled for every type of value, the rest only once.
    let mut running = Running::new(caller, call)?;
    loop {
        match running.attempt() {
            Sent::Success(success) => match read(&success.response) {
                Ok(value) => return Ok((value, running.succeed(success.read()))),
                Err(unread) => running.go_on(success.unread(unread))?,
            },
            Sent::Other(attempt) => running.go_on(attempt)?,
        }
    }
}

/// A call in progress.
struct Running<'a> {
    caller: &'a Caller<'a>,
    call: &'a Call<'a>,
    started: Instant,
    deadline: Option<Instant>,
    attempts: u32,
    /// Whether the outcome of any attempt so far is unknown.
    outcome_unknown: bool,
    /// Whether the last attempt lost its connection.
    connection_was_lost: bool,
}

impl<'a> Running<'a> {
    fn new(caller: &'a Caller, call: &'a Call) -> Result<Running<'a>> {
        if wire_is_logged() && !caller.allow_secrets_in_trace_log {
            return Err(Error::invalid(
                "logger",
                format!(
                    "accepts the target {WIRE_LOG} at trace level, which logs every byte of a \
                     connection, including credentials and new tokens: silence it (for env_logger: \
                     RUST_LOG=trace,{WIRE_LOG}=debug)"
                ),
            ));
        }
        let started = Instant::now();
        Ok(Running {
            caller,
            call,
            started,
            // A timeout beyond the range of the clock does not limit the call.
            deadline: started.checked_add(caller.timeout),
            attempts: 0,
            outcome_unknown: false,
            connection_was_lost: false,
        })
    }

    fn attempt(&self) -> Sent {
        let started = match self.attempts {
            0 => self.started,
            _ => Instant::now(),
        };
        let result = self.caller.transport.send(&Request {
            method: &self.call.method,
            target: self.call.target,
            headers: self.caller.headers,
            contract_number: self.caller.contract_number,
            // A response that crosses the request on the wire looks like its answer.
            may_use_idle: self.call.method == Method::GET
                && self.call.idempotency == Idempotency::Idempotent
                && !self.connection_was_lost,
            returns_secret: self.call.returns_secret,
            deadline: self.deadline,
            secrets: self.caller.secrets,
        });
        let elapsed = started.elapsed();
        let shut_down = self.caller.transport.is_shut_down();
        let gone_is_success = self.call.gone_is_success && self.outcome_unknown;
        Sent::new(
            result,
            self.caller.secrets,
            elapsed,
            shut_down,
            gone_is_success,
        )
    }

    /// Ends the call after a success that was read.
    fn succeed(&mut self, attempt: Finished) -> Done {
        self.record(&attempt);
        self.report_attempt(&attempt, None);
        self.report_call(None);
        Done {
            status: attempt.status(),
            request_id: attempt.facts.request_id,
            attempts: self.attempts,
        }
    }

    /// Waits for the next attempt, or returns the error if there is none.
    fn go_on(&mut self, mut attempt: Finished) -> Result<()> {
        self.record(&attempt);
        let delay = self.next_delay(&attempt);
        self.report_attempt(&attempt, delay);
        if delay.is_some_and(|delay| self.wait(delay, &mut attempt)) {
            return Ok(());
        }
        let error = self.failed().into_error(attempt);
        self.report_call(Some(&error));
        Err(error)
    }

    fn failed(&self) -> Failed<'_> {
        Failed {
            caller: self.caller,
            call: self.call,
            attempts: self.attempts,
            outcome_unknown: self.outcome_unknown,
        }
    }

    /// Counts the attempt and records what it has shown.
    fn record(&mut self, attempt: &Finished) {
        self.attempts = self.attempts.saturating_add(1);
        self.outcome_unknown |= outcome(attempt.shown) == Outcome::Unknown;
        self.connection_was_lost = attempt.connection_was_lost();
    }

    fn report_attempt(&self, attempt: &Finished, retry_in: Option<Duration>) {
        let outcome = attempt.reported();
        log::debug!(
            "{}: {outcome:?} after {} ms, attempt {}",
            self.call.name(),
            attempt.facts.elapsed.as_millis(),
            self.attempts,
        );
        self.caller.hooks.report_attempt(&Attempt {
            endpoint: self.call.endpoint,
            number: self.attempts,
            outcome,
            elapsed: attempt.facts.elapsed,
            request_id: attempt.facts.request_id.as_deref(),
            retry_in,
        });
    }

    fn report_call(&self, error: Option<&Error>) {
        self.caller.hooks.report_call(|| FinishedCall {
            endpoint: self.call.endpoint,
            attempts: self.attempts,
            elapsed: self.started.elapsed(),
            error,
        });
    }

    fn next_delay(&self, attempt: &Finished) -> Option<Duration> {
        let now = Instant::now();
        next_delay(
            attempt.shown,
            self.call.idempotency,
            self.caller.retry,
            Progress {
                attempts: self.attempts,
                retry_after: attempt.retry_after(),
                time_left: self
                    .deadline
                    .map(|deadline| deadline.saturating_duration_since(now)),
                shut_down: attempt.facts.shut_down,
            },
        )
    }

    /// Waits. Returns false if the client was shut down meanwhile.
    fn wait(&self, delay: Duration, attempt: &mut Finished) -> bool {
        log::warn!(
            "{}: retrying in {} ms, because attempt {} ended with {:?}",
            self.call.name(),
            delay.as_millis(),
            self.attempts,
            attempt.shown,
        );
        attempt.facts.shut_down = self.caller.transport.wait(delay);
        !attempt.facts.shut_down
    }
}
