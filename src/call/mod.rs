//! One call: its attempts, the waits between them, its deadline and its end by `shutdown`.

mod attempt;
mod description;
mod error;
mod hook;
mod outcome;
mod retry;
mod service_error;

use std::time::{Duration, Instant};

use crate::error::{Error, Result, TransportErrorKind};
use crate::transport::{Failure, FailureKind, Pooling, Request, WIRE_LOG, wire_is_logged};

use attempt::{Attempt, Came};
use error::Failed;
use outcome::{Outcome, Shown, outcome};
use retry::{Next, Progress, next};
use service_error::ServiceError;

pub(crate) use crate::transport::{Method, Response};
pub(crate) use description::{Call, Caller, Done, Secrets, Unread};
pub(crate) use hook::OnTry;
pub use hook::{Try, TryOutcome};
pub(crate) use retry::Idempotency;
pub use retry::RetryPolicy;

#[cfg(fuzzing)]
pub(crate) use error::refusal;

/// Makes the call. `read` gets the value out of a success. Where the service says that what is to be
/// deleted is gone already, that is an empty success.
pub(crate) fn run<T>(
    caller: &Caller,
    call: &Call,
    read: impl Fn(&Response) -> Result<T, Unread>,
) -> Result<(T, Done)> {
    let mut value = None;
    // The loop is compiled once, not once for every type of answer.
    let done = Running::new(caller, call)?.run(&mut |response| {
        value = Some(read(response)?);
        Ok(())
    })?;
    let value = value.ok_or_else(|| Error::invalid("answer", "was not read"))?;
    Ok((value, done))
}

type Read<'a> = dyn FnMut(&Response) -> Result<(), Unread> + 'a;

/// A call under way.
struct Running<'a> {
    caller: &'a Caller<'a>,
    call: &'a Call<'a>,
    contract_number: Option<u32>,
    deadline: Option<Instant>,
    attempts: u32,
    /// Once an attempt's outcome is unknown, that of the call is, until a success tells.
    outcome_unknown: bool,
    /// By the last attempt.
    connection_was_lost: bool,
}

impl<'a> Running<'a> {
    fn new(caller: &'a Caller, call: &'a Call) -> Result<Running<'a>> {
        let contract_number = call.contract_number.or(caller.contract_number);
        if let Some(number) = contract_number {
            check_contract_number("contract_number", number)?;
        }
        if wire_is_logged() && !caller.allow_secrets_in_trace_log {
            return Err(Error::invalid(
                "logger",
                format!(
                    "takes the target {WIRE_LOG} at trace level, where every byte of the wire goes, credentials and new tokens \
                     among them: silence it (for env_logger: RUST_LOG=trace,{WIRE_LOG}=debug), or \
                     allow_secrets_in_trace_log(true)"
                ),
            ));
        }
        Ok(Running {
            caller,
            call,
            contract_number,
            deadline: caller.timeout.map(|timeout| Instant::now() + timeout),
            attempts: 0,
            outcome_unknown: false,
            connection_was_lost: false,
        })
    }

    fn run(mut self, read: &mut Read) -> Result<Done> {
        loop {
            let mut attempt = self.attempt(read);
            self.record(&attempt);
            match self.next(&attempt) {
                Next::Done => return Ok(self.done(attempt)),
                Next::Retry(delay) if self.wait(delay, &mut attempt) => {}
                Next::Retry(_) | Next::Fail => return Err(self.failed().into_error(attempt)),
            }
        }
    }

    fn attempt(&self, read: &mut Read) -> Attempt {
        let started = Instant::now();
        let result = self.caller.transport.send(&Request {
            method: self.call.method,
            target: self.call.target,
            authorization: self.caller.authorization,
            contract_number: self.contract_number,
            pooling: match self.call.idempotency {
                Idempotency::NotIdempotent => Pooling::Own,
                Idempotency::Idempotent if self.connection_was_lost => Pooling::Fresh,
                Idempotency::Idempotent => Pooling::Any,
            },
            deadline: self.deadline,
        });
        let elapsed = started.elapsed();
        let (shown, mut came) = match result {
            Ok(response) if response.is_success() => self.read(response, read),
            Ok(response) => {
                let service_error = ServiceError::read(&response);
                let by_service = service_error.is_service;
                let code = response.status;
                let is_gone = code == 404 && by_service;
                let shown = if is_gone && self.outcome_unknown && self.call.gone_is_success {
                    read_gone(read)
                } else {
                    Shown::Status { code, by_service }
                };
                (shown, Came::Response(response, service_error))
            }
            Err(failure) => {
                let shown = match failure.kind {
                    FailureKind::Unreadable => Shown::Unreadable,
                    FailureKind::NoResponse(_) => Shown::NoResponse {
                        may_have_acted: failure.may_have_acted,
                        would_fail_again: failure.would_fail_again,
                    },
                };
                (shown, Came::Failure(failure))
            }
        };
        let request_id = match &mut came {
            Came::Response(response, _) => response.request_id.take(),
            Came::Failure(failure) => failure.request_id.take(),
        };
        Attempt {
            shown,
            came,
            request_id,
            elapsed,
            shut_down: self.caller.transport.shutdown().is_set(),
        }
    }

    fn failed(&self) -> Failed<'_> {
        Failed {
            caller: self.caller,
            call: self.call,
            attempts: self.attempts,
            outcome_unknown: self.outcome_unknown,
        }
    }

    fn done(&self, attempt: Attempt) -> Done {
        Done {
            status: attempt.status(),
            request_id: attempt.request_id,
            attempts: self.attempts,
        }
    }

    /// What a success says.
    fn read(&self, mut response: Response, read: &mut Read) -> (Shown, Came) {
        match read(&response) {
            Ok(()) => (
                Shown::Done,
                Came::Response(response, ServiceError::default()),
            ),
            Err(Unread::NotDone) => {
                let service_error = ServiceError::read(&response);
                (Shown::NotDone, Came::Response(response, service_error))
            }
            Err(Unread::Unreadable(reason)) => {
                let failure = Failure {
                    kind: FailureKind::Unreadable,
                    may_have_acted: true,
                    would_fail_again: false,
                    status: Some(response.status),
                    request_id: response.request_id.take(),
                    reason,
                    source: None,
                };
                (Shown::Unreadable, Came::Failure(failure))
            }
        }
    }

    /// Counts the attempt, and tells of it.
    fn record(&mut self, attempt: &Attempt) {
        self.attempts = self.attempts.saturating_add(1);
        self.outcome_unknown |= outcome(attempt.shown) == Outcome::Unknown;
        self.connection_was_lost = attempt.connection_was_lost();
        let told = self.told(attempt);
        log::debug!(
            "{}: {told:?} after {} ms, try {}",
            self.call.name(),
            attempt.elapsed.as_millis(),
            self.attempts,
        );
        if let Some(hook) = self.caller.on_try {
            let request_id = attempt.request_id.as_deref();
            hook.call(&Try {
                endpoint: self.call.endpoint,
                number: self.attempts,
                outcome: told,
                elapsed: attempt.elapsed,
                request_id: request_id.filter(|id| !self.caller.secrets.are_repeated_in(id)),
            });
        }
    }

    fn told(&self, attempt: &Attempt) -> TryOutcome {
        match &attempt.came {
            _ if attempt.shown != Shown::Done && attempt.shut_down => {
                TryOutcome::NoAnswer(TransportErrorKind::ShutDown)
            }
            Came::Response(response, _) => TryOutcome::Status(response.status),
            Came::Failure(failure) => match failure.kind {
                FailureKind::NoResponse(kind) => TryOutcome::NoAnswer(kind),
                FailureKind::Unreadable => TryOutcome::Unreadable,
            },
        }
    }

    fn next(&self, attempt: &Attempt) -> Next {
        let now = Instant::now();
        next(
            attempt.shown,
            self.call.idempotency,
            self.caller.retry,
            Progress {
                attempts: self.attempts,
                retry_after: attempt.retry_after(),
                time_left: self
                    .deadline
                    .map(|deadline| deadline.saturating_duration_since(now)),
                shut_down: attempt.shut_down,
            },
        )
    }

    /// Whether the client was not shut down meanwhile.
    fn wait(&self, delay: Duration, attempt: &mut Attempt) -> bool {
        log::warn!(
            "{}: trying again in {} ms, as try {} brought {:?}",
            self.call.name(),
            delay.as_millis(),
            self.attempts,
            attempt.shown,
        );
        attempt.shut_down = self.caller.transport.shutdown().wait(delay);
        !attempt.shut_down
    }
}

/// What is gone is as good as deleted: the service's answer to that is empty.
fn read_gone(read: &mut Read) -> Shown {
    match read(&Response::empty()) {
        Ok(()) => Shown::Done,
        Err(_) => Shown::Unreadable,
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
