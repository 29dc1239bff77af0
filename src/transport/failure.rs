//! What an attempt without a response means. Its record says that, not the kind of its error.

use std::io;

use rustls::{CertificateError, Error as Tls, InvalidMessage};
use ureq::Error;

use super::record::{Record, Step};
use crate::credentials::Secrets;
use crate::error::ErrorKind;
use crate::outcome::Outcome;

/// The maximum length of a peer's words in an error.
const MAX_WORDS: usize = 500;

/// Why an attempt has no value, whoever says so: the transport, or an endpoint that has judged a
/// response.
#[derive(Debug, Clone)]
pub(crate) struct Failure {
    pub(crate) kind: ErrorKind,
    /// What happened, and with which peer.
    pub(crate) reason: String,
    pub(crate) outcome: Outcome,
    /// Whether the next attempt would only end the same way.
    pub(crate) is_final: bool,
}

impl Failure {
    /// The response claims success, but does not say what the endpoint says.
    pub(crate) fn unreadable(reason: impl Into<String>) -> Failure {
        Failure {
            kind: ErrorKind::Unreadable,
            reason: reason.into(),
            outcome: Outcome::Unknown,
            is_final: false,
        }
    }

    /// The client was shut down, which says nothing of the request.
    pub(crate) fn was_shut_down(&mut self) {
        self.kind = ErrorKind::ShutDown;
        self.reason = "the client was shut down: create a new one to call again".to_owned();
        self.is_final = true;
    }
}

/// Makes a failure from an error and the record of how far the attempt had come. Whether the client
/// was shut down is for the call to say.
pub(super) fn failure(error: Error, record: &Record, route: &Route, secrets: &Secrets) -> Failure {
    let step = record.step();
    let peer = route.described(step);
    let (kind, reason) = if record.is_late() || matches!(error, Error::Timeout(_)) {
        (ErrorKind::TimedOut, too_late(step, &peer))
    } else {
        let kind = kind(&error, step);
        let words = secrets.show(&words(step, &error, route), MAX_WORDS);
        (kind, failed(step, kind, &peer, &words))
    };
    Failure {
        kind,
        reason,
        // The record says that, not the error.
        outcome: match step {
            Step::HandedOver => Outcome::Unknown,
            _ => Outcome::Refused,
        },
        is_final: is_final(&error, step),
    }
}

fn kind(error: &Error, step: Step) -> ErrorKind {
    match (step, error) {
        (Step::Lookup, _) => ErrorKind::AddressNotFound,
        (Step::Start | Step::Connect | Step::Tunnel, _) => ErrorKind::ConnectFailed,
        (Step::Tls | Step::ProxyTls, _) => ErrorKind::TlsFailed,
        (Step::HandedOver, Error::Io(_) | Error::BodyStalled) => ErrorKind::ConnectionLost,
        (Step::HandedOver, _) => ErrorKind::Unreadable,
    }
}

/// Whether the next attempt would only be refused again.
fn is_final(error: &Error, step: Step) -> bool {
    match (step, error) {
        (Step::HandedOver, _) => false,
        (Step::Start, _) | (_, Error::Tls(_)) => true,
        (_, Error::ConnectProxyFailed(text)) => matches!(proxy_status(text), Some(401 | 403 | 407)),
        // `General` is the pin's.
        _ => matches!(
            rustls_error(error),
            Some(
                Tls::InvalidCertificate(_)
                    | Tls::General(_)
                    | Tls::InvalidMessage(InvalidMessage::InvalidContentType)
            )
        ),
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

fn failed(step: Step, kind: ErrorKind, peer: &str, why: &str) -> String {
    match step {
        Step::Lookup => format!("could not find the address of {peer}: {why}"),
        Step::Start | Step::Connect => format!("could not connect to {peer}: {why}"),
        Step::Tunnel => format!("could not open a proxy tunnel through {peer}: {why}"),
        Step::Tls | Step::ProxyTls => format!("the TLS handshake with {peer} failed: {why}"),
        Step::HandedOver if kind == ErrorKind::Unreadable => {
            format!("the response from {peer} is not readable: {why}")
        }
        Step::HandedOver => format!("lost the connection to {peer}: {why}"),
    }
}

/// Returns the text of an error, without what only repeats the step.
fn words(step: Step, error: &Error, route: &Route) -> String {
    if let Some(error) = rustls_error(error) {
        return tls_words(error, route);
    }
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the peer closed the connection".to_owned()
        }
        Error::Io(error) => error.to_string(),
        Error::ConnectProxyFailed(text) => route.tunnel_refused(text),
        Error::Protocol(error) if step == Step::Tunnel => format!(
            "its response is not HTTP ({error}): check its port, and whether its URL must begin \
             with https://"
        ),
        Error::Protocol(error) => format!("it is not HTTP/1.1 ({error})"),
        error => error.to_string(),
    }
}

fn tls_words(error: &Tls, route: &Route) -> String {
    match error {
        Tls::InvalidCertificate(CertificateError::UnknownIssuer) => {
            format!("{error}: {}", route.trust)
        }
        Tls::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "it does not speak TLS: check the port, or whether its URL must begin with http://"
                .to_owned()
        }
        Tls::General(text) => text.clone(),
        error => error.to_string(),
    }
}

fn rustls_error(error: &Error) -> Option<&Tls> {
    match error {
        Error::Rustls(error) => Some(error),
        Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// ureq tells a proxy's status only in a text like `proxy server responded 407/407` (docs/ureq.md
/// 6).
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
    /// The variable that configures the proxy, or `None` if the program does.
    pub(super) source: Option<String>,
    pub(super) has_credentials: bool,
}

impl Route {
    /// Describes the peer in this step, with where a proxy was configured.
    fn described(&self, step: Step) -> String {
        let service = &self.service;
        let Some(ProxyHop {
            authority, source, ..
        }) = &self.proxy
        else {
            return service.clone();
        };
        let proxy = match source {
            Some(source) => format!("{authority} (the proxy from {source})"),
            None => format!("{authority} (the proxy)"),
        };
        match step {
            Step::Start => service.clone(),
            Step::Lookup | Step::Connect | Step::ProxyTls | Step::Tunnel => proxy,
            Step::Tls | Step::HandedOver => format!("{service} through {proxy}"),
        }
    }

    /// Explains the proxy's refusal of a tunnel, and what to do.
    fn tunnel_refused(&self, text: &str) -> String {
        let service = &self.service;
        let proxy = self.proxy.as_ref();
        let has_credentials = proxy.is_some_and(|proxy| proxy.has_credentials);
        let source = proxy
            .and_then(|proxy| proxy.source.as_deref())
            .unwrap_or("its URL");
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
