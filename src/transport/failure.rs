//! What an attempt without a response says: by its record, and not by its error.

use std::io;

use super::record::{Ended, Record, Step};
use super::route::Route;
use super::tls::ClientRefused;
use crate::error::{Status, TransportErrorKind, sanitize_line};

/// How many bytes a reason may have: two host names, and what was wrong.
const MAX_REASON: usize = 1000;

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
    /// The host and the port of the other side.
    pub(crate) peer: String,
    /// What was seen, and with whom.
    pub(crate) reason: String,
    /// What the system calls it, if it was the system that said so.
    pub(crate) io_kind: Option<io::ErrorKind>,
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

/// What an error says, by the record of how far the attempt had come on its way.
pub(super) fn failure(error: ureq::Error, record: &Record, route: &Route) -> Failure {
    let step = record.step();
    let client_refused = record.client_was_refused();
    let kind = kind(&error, record);
    let peer = route.described(step);
    let (reason, io_kind) = match (record.ended(), error) {
        (Some(Ended::ShutDown), _) => ("the client was shut down".to_owned(), None),
        (Some(Ended::TimedOut), _) => (too_late(step, &peer), None),
        (None, _) if client_refused => (failed(step, &peer, &ClientRefused.to_string()), None),
        (None, ureq::Error::BodyExceedsLimit(limit)) => {
            (format!("it is longer than {} MiB", limit >> 20), None)
        }
        (None, ureq::Error::Io(error)) => (
            failed(step, &peer, &words(step, &error)),
            Some(error.kind()),
        ),
        (None, error) if kind == FailureKind::Unreadable => {
            (format!("what came from {peer}: {error}"), None)
        }
        (None, error) => (failed(step, &peer, &error.to_string()), None),
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

fn kind(error: &ureq::Error, record: &Record) -> FailureKind {
    use TransportErrorKind as Kind;
    let client_refused = record.client_was_refused();
    FailureKind::NoResponse(match (record.ended(), record.step(), error) {
        (Some(Ended::ShutDown), ..) => Kind::ShutDown,
        (Some(Ended::TimedOut), ..) => Kind::TimedOut,
        (None, Step::Lookup, _) => Kind::AddressNotFound,
        (None, Step::Tls | Step::ProxyTls, _) => Kind::TlsFailed,
        (None, Step::HandedOver, _) if client_refused => Kind::TlsFailed,
        (None, Step::HandedOver, ureq::Error::Io(_)) => Kind::ConnectionLost,
        (None, Step::HandedOver, _) => return FailureKind::Unreadable,
        (None, Step::Start | Step::Connect | Step::Tunnel, _) => Kind::ConnectFailed,
    })
}

fn too_late(step: Step, peer: &str) -> String {
    match step {
        Step::Start => format!("timed out before it began to connect to {peer}"),
        Step::Lookup => format!("timed out looking up the address of {peer}"),
        Step::Connect => format!("timed out connecting to {peer}"),
        Step::Tunnel => format!("timed out waiting for a tunnel through {peer}"),
        Step::Tls | Step::ProxyTls => format!("timed out agreeing on TLS with {peer}"),
        Step::HandedOver => format!("timed out waiting for the response of {peer}"),
    }
}

fn failed(step: Step, peer: &str, why: &str) -> String {
    match step {
        Step::Lookup => format!("could not find the address of {peer}: {why}"),
        Step::Start | Step::Connect => format!("could not connect to {peer}: {why}"),
        Step::Tunnel => format!("got no tunnel through {peer}: {why}"),
        Step::Tls | Step::ProxyTls => format!("could not agree on TLS with {peer}: {why}"),
        Step::HandedOver => format!("lost the connection to {peer}: {why}"),
    }
}

/// What an error of the system or of TLS says, without what only repeats the step.
fn words(step: Step, error: &io::Error) -> String {
    match (step, error.kind()) {
        // TLS that ends without a goodbye, and a socket that ends, are the same to a reader.
        (Step::HandedOver, io::ErrorKind::UnexpectedEof) => {
            "it was closed by the other side before the whole response was there".to_owned()
        }
        (Step::Tls | Step::ProxyTls, io::ErrorKind::UnexpectedEof) => {
            "the other side closed the connection in the middle of the handshake".to_owned()
        }
        _ => {
            let text = error.to_string();
            let lookup = "failed to lookup address information: ";
            text.strip_prefix(lookup).unwrap_or(&text).to_owned()
        }
    }
}
