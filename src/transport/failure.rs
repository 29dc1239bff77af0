//! What an attempt without a response means, by its record and not by the kind of its error. It
//! does not depend on retries.

use std::io;

use super::exchange::Broken;
use super::headers::MAX_HEAD;
use super::record::{Ended, Record, Step};
use super::route::Route;
use super::tls::ClientRefused;
use crate::error::{Status, TransportErrorKind, sanitize_line};

/// The maximum length of a reason, enough for two host names and a description.
const MAX_REASON: usize = 1000;

/// A failed attempt.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// `false` only if the record shows that no request was sent.
    pub(crate) may_have_acted: bool,
    /// Whether the next attempt would fail the same way, for example because the certificate is not
    /// trusted or the proxy requires a password.
    pub(crate) would_fail_again: bool,
    /// The status, if the response had begun.
    pub(crate) status: Option<Status>,
    pub(crate) request_id: Option<String>,
    /// The host and port of the peer.
    pub(crate) peer: String,
    /// What happened, and with which peer.
    pub(crate) reason: String,
    /// The system's kind of error, if the error came from the system.
    pub(crate) io_kind: Option<io::ErrorKind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FailureKind {
    NoResponse(TransportErrorKind),
    /// The response is not HTTP, or exceeds a limit.
    Unreadable,
}

impl Failure {
    pub(crate) fn connection_was_lost(&self) -> bool {
        self.kind == FailureKind::NoResponse(TransportErrorKind::ConnectionLost)
    }
}

/// Makes a failure from an error and the record of how far the attempt had come.
pub(super) fn failure(broken: Broken, record: &Record, route: &Route) -> Failure {
    let step = record.step();
    if let (Step::HandedOver, Some(_), Broken::Connection(error)) = (step, &route.tls, &broken) {
        if ClientRefused::is_in(error) {
            record.client_refused();
        }
    }
    let client_refused = record.client_was_refused();
    let kind = kind(&broken, record);
    let peer = route.described(step);
    let (reason, io_kind) = match (record.ended(), broken) {
        (Some(Ended::ShutDown), _) => ("the client was shut down".to_owned(), None),
        (Some(Ended::TimedOut), _) => (too_late(step, &peer), None),
        (None, _) if client_refused => (failed(step, &peer, &ClientRefused.to_string()), None),
        (None, Broken::Connection(error)) => (
            failed(step, &peer, &words(step, &error)),
            Some(error.kind()),
        ),
        (None, Broken::Protocol(error)) => {
            let fault = match error {
                ureq_proto::Error::HttpParseFail(fault) => fault,
                other => other.to_string(),
            };
            (format!("from {peer}: it is not HTTP/1.1 ({fault})"), None)
        }
        (None, Broken::LargeHead) => {
            let reason = format!("from {peer}: its headers are larger than {MAX_HEAD} bytes");
            (reason, None)
        }
        (None, Broken::LargeBody(limit)) => {
            (format!("the body is longer than {} MiB", limit >> 20), None)
        }
    };
    Failure {
        kind,
        may_have_acted: step == Step::HandedOver && !client_refused,
        would_fail_again: record.would_fail_again() || step == Step::Start,
        status: None,
        request_id: None,
        peer: route.peer(step),
        reason: sanitize_line(&reason, MAX_REASON),
        io_kind,
    }
}

fn kind(broken: &Broken, record: &Record) -> FailureKind {
    use TransportErrorKind as Kind;
    let client_refused = record.client_was_refused();
    FailureKind::NoResponse(match (record.ended(), record.step(), broken) {
        (Some(Ended::ShutDown), ..) => Kind::ShutDown,
        (Some(Ended::TimedOut), ..) => Kind::TimedOut,
        (None, Step::Lookup, _) => Kind::AddressNotFound,
        (None, Step::Tls | Step::ProxyTls, _) => Kind::TlsFailed,
        (None, Step::HandedOver, _) if client_refused => Kind::TlsFailed,
        (None, Step::HandedOver, Broken::Connection(_)) => Kind::ConnectionLost,
        (None, Step::HandedOver, _) => return FailureKind::Unreadable,
        (None, Step::Start | Step::Connect | Step::Tunnel, _) => Kind::ConnectFailed,
    })
}

fn too_late(step: Step, peer: &str) -> String {
    match step {
        Step::Start => format!("timed out before connecting to {peer}"),
        Step::Lookup => format!("timed out looking up the address of {peer}"),
        Step::Connect => format!("timed out connecting to {peer}"),
        Step::Tunnel => format!("timed out waiting for a proxy tunnel through {peer}"),
        Step::Tls | Step::ProxyTls => format!("timed out in the TLS handshake with {peer}"),
        Step::HandedOver => format!("timed out waiting for the response from {peer}"),
    }
}

fn failed(step: Step, peer: &str, why: &str) -> String {
    match step {
        Step::Lookup => format!("could not find the address of {peer}: {why}"),
        Step::Start | Step::Connect => format!("could not connect to {peer}: {why}"),
        Step::Tunnel => format!("could not open a proxy tunnel through {peer}: {why}"),
        Step::Tls | Step::ProxyTls => format!("the TLS handshake with {peer} failed: {why}"),
        Step::HandedOver => format!("lost the connection to {peer}: {why}"),
    }
}

/// Returns the text of a system or TLS error, without what only repeats the step.
fn words(step: Step, error: &io::Error) -> String {
    match (step, error.kind()) {
        // A missing close_notify and a closed socket mean the same to a reader of the error.
        (Step::HandedOver, io::ErrorKind::UnexpectedEof) => {
            "the peer closed it before the response was complete".to_owned()
        }
        (Step::Tls | Step::ProxyTls, io::ErrorKind::UnexpectedEof) => {
            "the peer closed the connection".to_owned()
        }
        _ => {
            let text = error.to_string();
            let lookup = "failed to lookup address information: ";
            text.strip_prefix(lookup).unwrap_or(&text).to_owned()
        }
    }
}
