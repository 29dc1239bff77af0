//! What an attempt without a response means. Its record says that, not the kind of its error.

use std::io;

use rustls::{CertificateError, InvalidMessage};
use ureq::Error;

use super::record::{Ended, Record, Step};
use crate::auth::Secrets;
use crate::error::{Status, TransportErrorKind};

/// The maximum length of a peer's words in an error.
const MAX_WORDS: usize = 500;

/// A failed attempt.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// `false` only if the record shows that no request was handed over.
    pub(crate) may_have_acted: bool,
    /// Whether the next attempt would only be refused again.
    pub(crate) is_final: bool,
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
pub(super) fn failure(error: Error, record: &Record, route: &Route, secrets: &Secrets) -> Failure {
    let step = record.step();
    let peer = route.described(step);
    let ended = record.ended();
    let kind = kind(&error, ended, step);
    let reason = match ended {
        Some(Ended::ShutDown) => "the client was shut down".to_owned(),
        Some(Ended::TimedOut) => too_late(step, &peer),
        None => {
            let words = secrets.show(&words(step, &error, route), MAX_WORDS);
            failed(step, kind, &peer, &words)
        }
    };
    Failure {
        kind,
        may_have_acted: step == Step::HandedOver,
        is_final: is_final(&error, step),
        status: None,
        request_id: None,
        peer: route.peer(step).to_owned(),
        reason,
        io_kind: match &error {
            Error::Io(error) if ended.is_none() => Some(error.kind()),
            _ => None,
        },
    }
}

fn kind(error: &Error, ended: Option<Ended>, step: Step) -> FailureKind {
    use TransportErrorKind as Kind;
    FailureKind::NoResponse(match (ended, step) {
        (Some(Ended::ShutDown), _) => Kind::ShutDown,
        (Some(Ended::TimedOut), _) => Kind::TimedOut,
        (None, Step::Lookup) => Kind::AddressNotFound,
        (None, Step::Start | Step::Connect | Step::Tunnel) => Kind::ConnectFailed,
        (None, Step::Tls | Step::ProxyTls) => Kind::TlsFailed,
        (None, Step::HandedOver) => match error {
            Error::Io(_) | Error::BodyStalled => Kind::ConnectionLost,
            _ => return FailureKind::Unreadable,
        },
    })
}

/// Whether the next attempt would only be refused again.
fn is_final(error: &Error, step: Step) -> bool {
    match (step, error) {
        (Step::HandedOver, _) => false,
        (Step::Start, _) => true,
        (_, Error::ConnectProxyFailed(text)) => matches!(proxy_status(text), Some(401 | 403 | 407)),
        _ => rustls_error(error).is_some_and(|error| {
            matches!(
                error,
                rustls::Error::InvalidCertificate(_)
                    // The pin's.
                    | rustls::Error::General(_)
                    | rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)
            )
        }),
    }
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

fn failed(step: Step, kind: FailureKind, peer: &str, why: &str) -> String {
    match step {
        Step::Lookup => format!("could not find the address of {peer}: {why}"),
        Step::Start | Step::Connect => format!("could not connect to {peer}: {why}"),
        Step::Tunnel => format!("could not open a proxy tunnel through {peer}: {why}"),
        Step::Tls | Step::ProxyTls => format!("the TLS handshake with {peer} failed: {why}"),
        Step::HandedOver if kind == FailureKind::Unreadable => format!("from {peer}: {why}"),
        Step::HandedOver => format!("lost the connection to {peer}: {why}"),
    }
}

/// Returns the text of an error, without what only repeats the step.
fn words(step: Step, error: &Error, route: &Route) -> String {
    if let Some(error) = rustls_error(error) {
        return tls_words(error, route);
    }
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => match step {
            Step::HandedOver => "the peer closed it before the response was complete".to_owned(),
            _ => "the peer closed the connection".to_owned(),
        },
        Error::Io(error) => {
            let text = error.to_string();
            let lookup = "failed to lookup address information: ";
            text.strip_prefix(lookup).unwrap_or(&text).to_owned()
        }
        Error::ConnectProxyFailed(text) => route.tunnel_refused(text),
        Error::Protocol(error) if step == Step::Tunnel => format!(
            "its response is not HTTP ({error}): check its port, and whether its URL must begin \
             with https://"
        ),
        Error::Protocol(error) => format!("it is not HTTP/1.1 ({error})"),
        Error::LargeResponseHeader(_, max) => format!("its headers are larger than {max} bytes"),
        Error::BodyExceedsLimit(max) => format!("its body is longer than {} MiB", max >> 20),
        error => error.to_string(),
    }
}

fn tls_words(error: &rustls::Error, route: &Route) -> String {
    match error {
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            format!("{error}: {}", route.trust)
        }
        rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it does not speak TLS: check the port, or whether its URL must begin with http://"
                .to_owned()
        }
        rustls::Error::General(text) => text.clone(),
        error => error.to_string(),
    }
}

fn rustls_error(error: &Error) -> Option<&rustls::Error> {
    match error {
        Error::Rustls(error) => Some(error),
        Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// ureq tells a proxy's status only in a text like `proxy server responded 407/407` (ureq.md 6).
fn proxy_status(text: &str) -> Option<u16> {
    text.rsplit_once('/')?.1.parse().ok()
}

/// The way to the service, as errors name it.
pub(super) struct Route {
    /// The host and port of the service.
    pub(super) service: String,
    pub(super) proxy: Option<ProxyHop>,
    /// Which certificate authorities are trusted, and what to do if another one is needed.
    pub(super) trust: String,
}

pub(super) struct ProxyHop {
    /// The host and port of the proxy.
    pub(super) authority: String,
    /// The option or variable that configures the proxy.
    pub(super) source: String,
    pub(super) has_credentials: bool,
}

impl Route {
    /// Returns the proxy, if it is the peer in this step.
    fn proxy_in(&self, step: Step) -> Option<&ProxyHop> {
        match step {
            Step::Lookup | Step::Connect | Step::ProxyTls | Step::Tunnel => self.proxy.as_ref(),
            Step::Start | Step::Tls | Step::HandedOver => None,
        }
    }

    /// Returns the host and port of the peer in this step.
    fn peer(&self, step: Step) -> &str {
        self.proxy_in(step)
            .map_or(&self.service, |proxy| &proxy.authority)
    }

    /// Describes the peer in this step, with where a proxy was configured.
    fn described(&self, step: Step) -> String {
        let service = &self.service;
        let Some(ProxyHop {
            authority, source, ..
        }) = &self.proxy
        else {
            return service.clone();
        };
        let proxy = format!("{authority} (the proxy from {source})");
        match self.proxy_in(step) {
            Some(_) => proxy,
            None if step == Step::Start => service.clone(),
            None => format!("{service} through {proxy}"),
        }
    }

    /// Explains the proxy's refusal of a tunnel, and what to do.
    fn tunnel_refused(&self, text: &str) -> String {
        let service = &self.service;
        let (source, has_credentials) = match &self.proxy {
            Some(proxy) => (proxy.source.as_str(), proxy.has_credentials),
            None => ("", false),
        };
        match proxy_status(text) {
            Some(status @ (401 | 407)) if has_credentials => format!(
                "it rejected the user name and password ({status}): correct them in {source}"
            ),
            Some(status @ (401 | 407)) => format!(
                "it requires a user name and password ({status}): add them to {source}, as in \
                 http://user:password@proxy.example:3128"
            ),
            Some(403) => format!(
                "it does not allow tunnels to {service} (403): ask its administrator to allow \
                 that, or connect without it"
            ),
            Some(status @ 502..=504) => format!("it could not reach {service} ({status})"),
            _ => text.to_owned(),
        }
    }
}
