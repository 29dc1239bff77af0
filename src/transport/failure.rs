//! What an attempt without a response means. Its record says that, not the kind of its error.

use std::io;

use rustls::CertificateError as Fault;
use rustls::Error::{self as Tls, General, InvalidCertificate, InvalidMessage};
use rustls::InvalidMessage::InvalidContentType;
use ureq::Error;

use super::record::{Record, Step};
use super::settings::Settings;
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
pub(super) fn failure(
    error: Error,
    record: &Record,
    settings: &Settings,
    secrets: &Secrets,
) -> Failure {
    let step = record.step();
    let is_late = record.is_late() || matches!(error, Error::Timeout(_));
    let kind = kind_of(&error, step, is_late);
    let mut reason = what(step, kind).replace("PEER", &peer_of(step, settings));
    if !is_late {
        reason += ": ";
        reason += &secrets.show(&cause_of(step, &error, settings), MAX_WORDS);
    }
    Failure {
        kind,
        reason,
        outcome: match step {
            Step::HandedOver => Outcome::Unknown,
            _ => Outcome::Refused,
        },
        is_final: is_final(&error, step),
    }
}

fn kind_of(error: &Error, step: Step, is_late: bool) -> ErrorKind {
    match (step, error) {
        _ if is_late => ErrorKind::TimedOut,
        (Step::Lookup, _) => ErrorKind::AddressNotFound,
        (Step::Start | Step::Connect | Step::Tunnel, _) => ErrorKind::ConnectFailed,
        (Step::Tls | Step::ProxyTls, _) => ErrorKind::TlsFailed,
        // A logger that takes the wire has ended the attempt.
        (Step::HandedOver, Error::Io(error)) if error.kind() == io::ErrorKind::Other => {
            ErrorKind::Unreadable
        }
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
        _ => matches!(
            rustls_error(error),
            Some(General(_) | InvalidCertificate(_) | InvalidMessage(InvalidContentType))
        ),
    }
}

/// Names the peer of this step, and where a proxy was configured.
fn peer_of(step: Step, settings: &Settings) -> String {
    let service = &settings.service;
    let Some((proxy, source)) = &settings.proxy else {
        return service.clone();
    };
    let (host, port) = (proxy.host(), proxy.port());
    let from = source.as_ref().map(|source| format!(" from {source}"));
    let proxy = format!("{host}:{port} (the proxy{})", from.unwrap_or_default());
    match step {
        Step::Start => service.clone(),
        Step::Lookup | Step::Connect | Step::ProxyTls | Step::Tunnel => proxy,
        Step::Tls | Step::HandedOver => format!("{service} through {proxy}"),
    }
}

/// Says what failed. PEER stands for the peer.
fn what(step: Step, kind: ErrorKind) -> &'static str {
    match (step, kind) {
        (Step::Start, ErrorKind::TimedOut) => "timed out before connecting to PEER",
        (Step::Lookup, ErrorKind::TimedOut) => "timed out looking up the address of PEER",
        (Step::Connect, ErrorKind::TimedOut) => "timed out connecting to PEER",
        (Step::Tunnel, ErrorKind::TimedOut) => "timed out waiting for a proxy tunnel through PEER",
        (Step::HandedOver, ErrorKind::TimedOut) => "timed out waiting for the response from PEER",
        (Step::ProxyTls, ErrorKind::TimedOut) => {
            "timed out in the TLS handshake with PEER: an http proxy has an http:// URL"
        }
        (_, ErrorKind::TimedOut) => "timed out in the TLS handshake with PEER",
        (Step::Lookup, _) => "could not find the address of PEER",
        (Step::Start | Step::Connect, _) => "could not connect to PEER",
        (Step::Tunnel, _) => "could not open a proxy tunnel through PEER",
        (Step::Tls | Step::ProxyTls, _) => "the TLS handshake with PEER failed",
        (Step::HandedOver, ErrorKind::Unreadable) => "the response from PEER is not readable",
        (Step::HandedOver, _) => "lost the connection to PEER",
    }
}

/// Returns the text of an error, without what only repeats the step.
fn cause_of(step: Step, error: &Error, settings: &Settings) -> String {
    if let Some(error) = rustls_error(error) {
        return tls_cause(error, settings);
    }
    match error {
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => match step {
            Step::Tls | Step::ProxyTls => format!("the peer closed the connection: {NO_TLS}"),
            _ => "the peer closed the connection".to_owned(),
        },
        Error::Io(error) => error.to_string(),
        Error::ConnectProxyFailed(text) => tunnel_refused(text, settings),
        Error::Protocol(error) if step == Step::Tunnel => format!(
            "its response is not HTTP ({error}): check its port, and whether its URL must begin \
             with https://"
        ),
        Error::Protocol(error) => format!("it is not HTTP/1.1 ({error})"),
        error => error.to_string(),
    }
}

fn tls_cause(error: &Tls, settings: &Settings) -> String {
    use Fault::{BadSignature, ExpiredContext, NotValidYetContext, Other, UnknownIssuer};
    match error {
        // The system has no authorities, or another one of the same name made a bad signature.
        General(_) | InvalidCertificate(UnknownIssuer | BadSignature) => untrusted(error, settings),
        InvalidCertificate(ExpiredContext { .. } | NotValidYetContext { .. }) => {
            format!("{error}: renew it, or set this machine's clock if that is wrong")
        }
        InvalidCertificate(Other(fault)) => match fault.to_string().as_str() {
            fault @ ("CaUsedAsEndEntity" | "UnsupportedCertVersion") => format!(
                "the certificate is an authority's own, or of version 1 ({fault}): issue one of \
                 version 3 with CA:FALSE for the server, or pin it"
            ),
            // What the pin says, or the name of another fault of webpki's.
            fault => fault.to_owned(),
        },
        InvalidMessage(InvalidContentType) => format!("it does not speak TLS: {NO_TLS}"),
        error => error.to_string(),
    }
}

const NO_TLS: &str = "check the port, or whether its URL must begin with http://";

/// Says which certificate authorities are trusted, and what to do if another one is needed.
fn untrusted(error: &Tls, settings: &Settings) -> String {
    match &settings.root_certificates {
        Some((_, source)) => format!(
            "{error}: only the authorities in {} are trusted: add the one that signed it, if the \
             server does send all intermediate certificates",
            source.as_deref().unwrap_or("root_certificates_pem")
        ),
        None => format!(
            "{error}: its authority is not trusted, or the server does not send an intermediate \
             certificate: for a private authority, or a proxy that inspects TLS, a program has to \
             pass its certificate to root_certificates_pem; one with the feature platform-verifier \
             uses the system's trust store (on Linux the package ca-certificates, or what \
             SSL_CERT_FILE and SSL_CERT_DIR name, even if that is empty)"
        ),
    }
}

fn rustls_error(error: &Error) -> Option<&Tls> {
    match error {
        Error::Rustls(error) => Some(error),
        Error::Io(error) => error.get_ref()?.downcast_ref(),
        _ => None,
    }
}

/// Says why the proxy refused a tunnel, and what to do.
fn tunnel_refused(text: &str, settings: &Settings) -> String {
    let Some((proxy, source)) = &settings.proxy else {
        return text.to_owned();
    };
    let service = &settings.service;
    let has_credentials = proxy.username().or(proxy.password()).is_some();
    let source = source.as_deref().unwrap_or("its URL");
    match proxy_status(text) {
        Some(status @ (401 | 407)) if has_credentials => format!(
            "it rejected the user name and password ({status}): correct them in {source}, and \
             percent-encode what is not a letter or digit; a proxy that wants NTLM, Negotiate or \
             Digest, which are not supported, says the same: a local relay helps"
        ),
        Some(status @ (401 | 407)) => format!(
            "it requires a user name and password ({status}): add them to {source}, as in \
             http://user:password@proxy.example:3128"
        ),
        Some(403) => format!(
            "it does not allow tunnels to {service} (403): ask its administrator to allow that, or \
             connect without it"
        ),
        Some(status @ 502..=504) => format!("it could not reach {service} ({status})"),
        _ => text.to_owned(),
    }
}

/// ureq tells a proxy's status only in a text like `proxy server responded 407/407` (docs/ureq.md
/// 6).
fn proxy_status(text: &str) -> Option<u16> {
    text.rsplit_once('/')?.1.parse().ok()
}
