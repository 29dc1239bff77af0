//! What an attempt without a response says: by its record, and not by its error.

use std::io;

use super::record::{Ended, Record, Step};
use super::tls::ClientRefused;
use crate::error::{MAX_SHOWN, Status, TransportErrorKind, sanitize_line};

/// An attempt without a response.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// `false` only where it is on record that the service has not got the request.
    pub(crate) may_have_acted: bool,
    /// Whether the next attempt would meet the same: a certificate that is not trusted, a proxy
    /// that wants a password.
    pub(crate) would_fail_again: bool,
    /// If the response had begun.
    pub(crate) status: Option<Status>,
    pub(crate) request_id: Option<String>,
    pub(crate) reason: String,
    pub(crate) source: Option<io::Error>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    NoResponse(TransportErrorKind),
    /// What came is not HTTP, or not a response that is taken.
    Unreadable,
}

impl Failure {
    pub(crate) fn connection_was_lost(&self) -> bool {
        self.kind == FailureKind::NoResponse(TransportErrorKind::ConnectionLost)
    }
}

/// What an error says, by the record of how far the attempt had come.
pub(super) fn failure(error: ureq::Error, record: &Record) -> Failure {
    use TransportErrorKind as Kind;
    let handed_over = record.step() == Step::HandedOver;
    let client_refused = record.client_was_refused();
    let kind = match (record.ended(), record.step(), &error) {
        (Some(Ended::ShutDown), ..) => FailureKind::NoResponse(Kind::ShutDown),
        (Some(Ended::TimedOut), ..) => FailureKind::NoResponse(Kind::TimedOut),
        (None, Step::Lookup, _) => FailureKind::NoResponse(Kind::AddressNotFound),
        (None, Step::Tls, _) => FailureKind::NoResponse(Kind::TlsFailed),
        (None, Step::HandedOver, _) if client_refused => FailureKind::NoResponse(Kind::TlsFailed),
        (None, Step::HandedOver, ureq::Error::Io(_)) => {
            FailureKind::NoResponse(Kind::ConnectionLost)
        }
        (None, Step::HandedOver, _) => FailureKind::Unreadable,
        (None, Step::Start | Step::Connect | Step::Tunnel, _) => {
            FailureKind::NoResponse(Kind::ConnectFailed)
        }
    };
    let (reason, source) = match (record.ended(), error) {
        (Some(Ended::TimedOut), _) => (too_late(record.step()).to_owned(), None),
        (Some(Ended::ShutDown), _) => ("it was shut down".to_owned(), None),
        (None, _) if client_refused => (ClientRefused.to_string(), None),
        (None, ureq::Error::BodyExceedsLimit(limit)) => {
            (format!("it is longer than {} MiB", limit >> 20), None)
        }
        (None, ureq::Error::Io(error)) => (error.to_string(), Some(error)),
        (None, error) => (error.to_string(), None),
    };
    Failure {
        kind,
        may_have_acted: handed_over && !client_refused,
        would_fail_again: record.would_fail_again() || record.step() == Step::Start,
        status: None,
        request_id: None,
        reason: sanitize_line(&reason, MAX_SHOWN),
        source,
    }
}

fn too_late(step: Step) -> &'static str {
    match step {
        Step::Start => "its time was over before it began",
        Step::Lookup => "the host's address was not found in time",
        Step::Connect => "no connection was made in time",
        Step::Tunnel => "the proxy opened no tunnel in time",
        Step::Tls => "TLS was not agreed in time",
        Step::HandedOver => "no whole response came in time",
    }
}
