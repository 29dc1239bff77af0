//! The only room that knows ureq: the agent, one try, and what its failure means. Knows nothing of
//! endpoints or retries.

use std::env::VarError;
use std::io::{self, Read as _};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustls::RootCertStore;
use ureq::http::HeaderMap;
use ureq::http::Uri;
use ureq::http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT,
};
use ureq::http::uri::{Authority, PathAndQuery, Scheme};
use ureq::tls::{PemItem, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Proxy, ProxyProtocol, Timeout, http};
use zeroize::Zeroizing;

use crate::base_url::BaseUrl;
use crate::credentials::{Credentials, TELLING, repeats};
use crate::error::{Error, Result, SHORT, printable};
use crate::retry::{self, Seen};
use crate::shutdown::ShutdownSignal;

/// The longest answer that is read, in bytes: some forty thousand tokens.
const LONGEST_ANSWER: u64 = 8 * 1024 * 1024;
/// The longest status line and headers that are read, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;
/// How much is read of an answer that is no success.
const LONGEST_ERROR: u64 = 64 * 1024;

/// More than the longest head, or ureq could not tell that one is too long. The list of all the
/// tokens that a user may hold is read at once.
const INPUT_BUFFER: usize = 2 * LONGEST_HEAD;
/// Every header that is sent fits.
const OUTPUT_BUFFER: usize = 16 * 1024;
/// ureq gives a request whose buffers have another size than the agent's a connection of its own,
/// which is not kept either.
const OWN_OUTPUT_BUFFER: usize = OUTPUT_BUFFER - 1024;

const CONTRACT_NUMBER: HeaderName = HeaderName::from_static("x-contract-number");

/// Where gateways put the id of a request, in the order in which they are looked at.
const REQUEST_IDS: [HeaderName; 3] = [
    HeaderName::from_static("x-requestid"),
    HeaderName::from_static("x-request-id"),
    HeaderName::from_static("x-correlation-id"),
];

/// Headers that are no caller's to set: this library's own, and those that change how an answer comes.
const RESERVED: [&str; 27] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "range",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-contract-number",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
];
/// How many a caller may set.
const MOST_HEADERS: usize = 64;
/// The longest header of a caller, in bytes.
const LONGEST_HEADER: usize = 8 * 1024;

/// How many connections are kept open between calls.
const KEPT: usize = 16;
/// For how long one is counted on: ureq keeps it for 15 s.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// How often a call that waits for another thread looks for a shutdown.
const LOOK: Duration = Duration::from_millis(50);
/// How long an interrupted thread has to say what it was doing, and one whose time is over to say
/// that it is.
const GRACE: Duration = Duration::from_millis(100);

pub(crate) struct Transport {
    tries: Arc<Tries>,
    shutdown: Arc<ShutdownSignal>,
    timeout: Option<Duration>,
}

pub(crate) struct Settings<'a> {
    pub(crate) base_url: BaseUrl,
    pub(crate) timeout: Option<Duration>,
    pub(crate) user_agent: &'a str,
    pub(crate) root_certificates: Option<RootCertificates>,
    #[cfg(feature = "pinned-cert")]
    pub(crate) pinned_certificate: Option<crate::pinned_cert::Fingerprint>,
    pub(crate) headers: Vec<ExtraHeader>,
    pub(crate) proxy: &'a ProxyChoice,
    pub(crate) shutdown: Arc<ShutdownSignal>,
}

#[derive(Clone, Default)]
pub(crate) enum ProxyChoice {
    #[default]
    Environment,
    None,
    Url(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Delete,
}

impl Method {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Delete => "DELETE",
        }
    }
}

/// The value of the `Authorization` header. Its one copy is wiped when the last request that uses
/// it is gone.
pub(crate) struct Authorization(HeaderValue);

impl Authorization {
    pub(crate) fn new(credentials: &Credentials) -> Result<Authorization> {
        let value = Bytes::from_owner(credentials.authorization());
        let mut value = HeaderValue::from_maybe_shared(value)
            .map_err(|_| Error::invalid("credentials", "can't be put into a header"))?;
        value.set_sensitive(true);
        Ok(Authorization(value))
    }
}

/// The library to whose log target ureq writes every byte of the wire, at trace level.
pub(crate) const WIRE_LOG: &str = "ureq_proto";

/// Whether the installed logger would take that. Where it takes no trace at all, this is two
/// comparisons.
pub(crate) fn wire_is_logged() -> bool {
    // The first is what filters name, the second what the lines are written to.
    log::log_enabled!(target: WIRE_LOG, log::Level::Trace)
        || log::log_enabled!(target: "ureq_proto::util", log::Level::Trace)
}

pub(crate) struct Request<'a> {
    pub(crate) method: Method,
    /// Path and query below the base URL.
    pub(crate) target: &'a str,
    pub(crate) authorization: &'a Authorization,
    pub(crate) contract_number: Option<u32>,
    /// Not a pooled connection, whose silent death would leave the outcome unknown.
    pub(crate) own_connection: bool,
    /// What is left of the call's time, where that is less than [`Settings::timeout`].
    pub(crate) remaining: Option<Duration>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) request_id: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

/// Why one try brought no answer.
pub(crate) struct Failure {
    pub(crate) seen: Seen,
    pub(crate) status: Option<u16>,
    pub(crate) request_id: Option<String>,
    pub(crate) reason: String,
    pub(crate) source: Option<io::Error>,
}

impl Transport {
    pub(crate) fn new(settings: Settings) -> Result<Transport> {
        let Settings {
            base_url,
            timeout,
            user_agent,
            root_certificates,
            #[cfg(feature = "pinned-cert")]
            pinned_certificate,
            headers,
            proxy,
            shutdown,
        } = settings;
        let mut tls = TlsConfig::builder();
        if cfg!(feature = "native-tls") {
            tls = tls.provider(TlsProvider::NativeTls);
        }
        if cfg!(feature = "platform-verifier") {
            tls = tls.root_certs(RootCerts::PlatformVerifier);
        }
        if let Some(RootCertificates(certificates)) = root_certificates {
            tls = tls.root_certs(certificates);
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .https_only(base_url.https)
            .max_response_header_size(LONGEST_HEAD)
            .input_buffer_size(INPUT_BUFFER)
            .output_buffer_size(OUTPUT_BUFFER)
            .max_idle_connections(KEPT)
            .max_idle_connections_per_host(KEPT)
            .tls_config(tls.build());
        config = config.proxy(chosen_proxy(proxy, &base_url)?);
        if let Some(timeout) = timeout {
            let limits = Limits::of(timeout);
            config = config
                .timeout_global(Some(timeout))
                .timeout_resolve(Some(limits.resolve))
                .timeout_connect(Some(limits.connect));
        }
        let scheme = if base_url.https {
            Scheme::HTTPS
        } else {
            Scheme::HTTP
        };
        let authority = Authority::try_from(base_url.authority.as_str())
            .map_err(|_| Error::invalid("base_url", "its host can't be put into a request"))?;
        #[cfg(feature = "pinned-cert")]
        let pinned = crate::pinned_cert::PinnedTls::new(
            pinned_certificate.map(|fingerprint| (authority.clone(), fingerprint)),
        )?;
        #[cfg(feature = "address-cache")]
        let agent = crate::resolver::agent(
            config.build(),
            #[cfg(feature = "pinned-cert")]
            pinned,
        );
        #[cfg(not(feature = "address-cache"))]
        let agent = config.build().new_agent();
        Ok(Transport {
            tries: Arc::new(Tries {
                agent,
                scheme,
                authority,
                path: base_url.path,
                headers: prepared_headers(user_agent, headers)?,
                idle: Mutex::default(),
            }),
            shutdown,
            timeout,
        })
    }

    /// Ends what is in flight; later requests fail.
    pub(crate) fn shut_down(&self) {
        self.tries.agent.clone().shutdown();
    }

    /// One try. `Ok` is whatever the other side answered in HTTP.
    ///
    /// ureq can't be interrupted while it looks up an address or connects. So a try that will have
    /// to connect has a thread of its own, and this one waits for it, for the deadline and for the
    /// shutdown. On a connection that is open already, ureq ends at once for both.
    pub(crate) fn send(&self, request: &Request) -> Tried {
        let prepared = self.tries.prepare(request)?;
        let pooled = !request.own_connection;
        if pooled && self.tries.expects_open_connection() {
            return self.tries.send(prepared, pooled);
        }
        let tries = Arc::clone(&self.tries);
        let limit = request.remaining.or(self.timeout);
        self.apart(limit, move || tries.send(prepared, pooled))
    }

    /// Whether `text` repeats what a caller has put into every request, such as a gateway's key. An
    /// id of the request is there to be repeated, and a short value stands in any text.
    pub(crate) fn headers_are_repeated_in(&self, text: &str) -> bool {
        let headers = self.tries.headers.iter();
        let mut secrets = headers
            .filter(|(name, value)| value.is_sensitive() && !REQUEST_IDS.contains(name))
            .filter_map(|(_, value)| value.to_str().ok())
            .filter(|value| value.len() >= TELLING);
        secrets.any(|secret| repeats(text, secret))
    }

    fn apart(
        &self,
        limit: Option<Duration>,
        work: impl FnOnce() -> Tried + Send + 'static,
    ) -> Tried {
        let end = limit.map(|limit| Instant::now() + limit + GRACE);
        let slot = Arc::new(Slot::default());
        let filled = Arc::clone(&slot);
        let thread = thread::Builder::new()
            .name("ionoscloud-auth".to_owned())
            .spawn(move || filled.put(work()))
            .map_err(|error| {
                let reason = format!("no thread could be started: {error}");
                Failure::new(Seen::ConnectFailed, reason)
            })?;
        loop {
            let left = end.map(|end| end.saturating_duration_since(Instant::now()));
            let ended = thread.is_finished();
            if let Some(tried) = slot.take_within(left.map_or(LOOK, |left| left.min(LOOK))) {
                return tried;
            }
            if ended {
                return Err(Failure::new(Seen::ConnectionLost, "its thread ended"));
            }
            if left == Some(Duration::ZERO) {
                let reason = "it did not end when its time was over";
                return Err(Failure::new(Seen::TimedOutAfterSending, reason));
            }
            if self.shutdown.is_set() {
                // Whatever is on a socket has been interrupted, and no new one is used from now
                // on. What is still not over has not come as far as sending.
                return slot
                    .take_within(GRACE)
                    .unwrap_or_else(|| Err(Failure::new(Seen::ConnectFailed, "it was given up")));
            }
        }
    }
}

type Tried = std::result::Result<Answer, Failure>;

/// Where one thread waits for what another one brings.
#[derive(Default)]
struct Slot {
    tried: Mutex<Option<Tried>>,
    brought: Condvar,
}

impl Slot {
    fn put(&self, tried: Tried) {
        *self.tried.lock().unwrap_or_else(PoisonError::into_inner) = Some(tried);
        self.brought.notify_one();
    }

    fn take_within(&self, wait: Duration) -> Option<Tried> {
        let tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut tried, _) = self
            .brought
            .wait_timeout_while(tried, wait, |tried| tried.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        tried.take()
    }
}

/// What tries share. A thread that hangs in the system may outlive the transport with it.
struct Tries {
    agent: Agent,
    scheme: Scheme,
    authority: Authority,
    /// Of the base URL.
    path: String,
    /// Those of every request.
    headers: HeaderMap,
    idle: Mutex<Idle>,
}

/// How many connections lie open in ureq's pool, as far as can be told from outside.
#[derive(Default)]
struct Idle {
    count: usize,
    since: Option<Instant>,
}

impl Tries {
    /// Whether there should be an open connection for one more try; if so, that try takes it.
    fn expects_open_connection(&self) -> bool {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.since.is_none_or(|since| since.elapsed() >= KEPT_FOR) {
            idle.count = 0;
        }
        let expected = idle.count > 0;
        idle.count = idle.count.saturating_sub(1);
        expected
    }

    fn leaves_open_connection(&self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.count = (idle.count + 1).min(KEPT);
        idle.since = Some(Instant::now());
    }

    fn uri(&self, target: &str) -> std::result::Result<Uri, http::Error> {
        let mut path = String::with_capacity(self.path.len() + target.len());
        path.push_str(&self.path);
        path.push_str(target);
        let mut parts = Uri::default().into_parts();
        parts.scheme = Some(self.scheme.clone());
        parts.authority = Some(self.authority.clone());
        parts.path_and_query = Some(PathAndQuery::try_from(path)?);
        Ok(Uri::from_parts(parts)?)
    }

    fn prepare(&self, request: &Request) -> std::result::Result<http::Request<()>, Failure> {
        let mut prepared = http::Request::new(());
        *prepared.method_mut() = match request.method {
            Method::Get => http::Method::GET,
            Method::Delete => http::Method::DELETE,
        };
        *prepared.uri_mut() = self
            .uri(request.target)
            .map_err(|error| Failure::new(Seen::ConnectFailed, error.to_string()))?;
        let headers = prepared.headers_mut();
        headers.clone_from(&self.headers);
        headers.insert(AUTHORIZATION, request.authorization.0.clone());
        if let Some(number) = request.contract_number {
            headers.insert(CONTRACT_NUMBER, HeaderValue::from(number));
        }
        if !request.own_connection && request.remaining.is_none() {
            return Ok(prepared);
        }
        let mut config = self.agent.configure_request(prepared);
        if request.own_connection {
            config = config.output_buffer_size(OWN_OUTPUT_BUFFER);
        }
        if let Some(remaining) = request.remaining {
            let limits = Limits::of(remaining);
            config = config
                .timeout_global(Some(remaining))
                .timeout_resolve(Some(limits.resolve))
                .timeout_connect(Some(limits.connect));
        }
        Ok(config.build())
    }

    fn send(&self, request: http::Request<()>, pooled: bool) -> Tried {
        let response = self.agent.run(request)?;
        let status = response.status().as_u16();
        let retry_after = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| retry::retry_after(value.to_str().ok()?));
        let request_id = REQUEST_IDS
            .iter()
            .find_map(|name| response.headers().get(name))
            .map(|value| printable(&String::from_utf8_lossy(value.as_bytes()), SHORT))
            .filter(|id| !id.is_empty());
        let closes = response
            .headers()
            .get_all(CONNECTION)
            .iter()
            .any(|value| value.as_bytes().eq_ignore_ascii_case(b"close"));
        let success = (200..300).contains(&status);
        let limit = if success {
            LONGEST_ANSWER
        } else {
            LONGEST_ERROR
        };
        let body = response.into_body();
        // A buffer that grows leaves copies behind. What is never filled costs nothing.
        let expected = body.content_length().unwrap_or(4096).min(limit);
        let mut bytes = Vec::with_capacity(usize::try_from(expected).unwrap_or_default() + 1);
        let read = body
            .into_with_config()
            .limit(limit)
            .reader()
            .read_to_end(&mut bytes);
        // The body of a creation is a token, which no id may repeat.
        let request_id = request_id
            .filter(|id| pooled || !success || !repeats(id, &String::from_utf8_lossy(&bytes)));
        match read {
            Err(error) if success => {
                // It may be half of an answer that holds a token.
                drop(Zeroizing::new(bytes));
                let mut failure = Failure::from(ureq::Error::from(error));
                failure.status = Some(status);
                failure.request_id = request_id;
                return Err(failure);
            }
            Ok(_) if pooled && !closes => self.leaves_open_connection(),
            // The status says enough, with however much of the body.
            _ => {}
        }
        Ok(Answer {
            status,
            retry_after,
            request_id,
            body: bytes,
        })
    }
}

/// How long the phases before sending may take. Together they take less than the whole, so that a
/// time-out tells by its phase whether the request had been sent.
struct Limits {
    resolve: Duration,
    connect: Duration,
}

impl Limits {
    fn of(whole: Duration) -> Limits {
        Limits {
            resolve: whole * 9 / 20,
            connect: whole / 2,
        }
    }
}

/// The proxy that the environment names for such a service, and the variable. It is read here, as ureq
/// takes any of them for any scheme, and passes over one that it can't read: nobody who set a proxy
/// wants that.
fn proxy_variable(base_url: &BaseUrl) -> Result<Option<(&'static str, String)>> {
    let read = |name| match std::env::var(name) {
        Ok(value) => Ok(Some(value.trim().to_owned()).filter(|value| !value.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err(Error::invalid(name, NO_PROXY_ADDRESS)),
    };
    let own = if base_url.https {
        ["HTTPS_PROXY", "https_proxy"]
    } else {
        ["HTTP_PROXY", "http_proxy"]
    };
    for variable in own.into_iter().chain(["ALL_PROXY", "all_proxy"]) {
        if let Some(url) = read(variable)? {
            for name in ["NO_PROXY", "no_proxy"] {
                if let Some(list) = read(name)? {
                    return Ok(Some((variable, url)).filter(|_| !base_url.is_in(&list)));
                }
            }
            return Ok(Some((variable, url)));
        }
    }
    Ok(None)
}

fn prepared_headers(user_agent: &str, extra: Vec<ExtraHeader>) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    let user_agent = HeaderValue::from_str(user_agent)
        .map_err(|_| Error::invalid("user_agent", "can't be put into a header"))?;
    headers.insert(USER_AGENT, user_agent);
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if extra.len() > MOST_HEADERS {
        let reason = format!("there are more than {MOST_HEADERS}");
        return Err(Error::invalid("header", reason));
    }
    for ExtraHeader(name, value) in extra {
        headers.insert(name, value);
    }
    Ok(headers)
}

/// A header of a caller, for every request.
#[derive(Clone)]
pub(crate) struct ExtraHeader(HeaderName, HeaderValue);

impl ExtraHeader {
    pub(crate) fn new(name: &str, value: &str) -> std::result::Result<ExtraHeader, String> {
        let refuse = |reason: &str| format!("{:?} {reason}", printable(name, SHORT));
        let name = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| refuse("is no name of a header: letters, digits and hyphens"))?;
        if RESERVED.contains(&name.as_str()) {
            return Err(refuse(
                "can't be set: this library sets it, or needs it unset",
            ));
        }
        if value.len() > LONGEST_HEADER {
            return Err(refuse("has a value of more than 8 KiB"));
        }
        let mut value = value
            .bytes()
            .all(|byte| matches!(byte, b' '..=b'~'))
            .then(|| HeaderValue::from_str(value.trim()).ok())
            .flatten()
            .ok_or_else(|| {
                refuse(
                    "has a value with a line break or another character that is no printable ASCII",
                )
            })?;
        value.set_sensitive(true);
        Ok(ExtraHeader(name, value))
    }

    pub(crate) fn name(&self) -> &str {
        self.0.as_str()
    }
}

const NO_PROXY_ADDRESS: &str = "is no address of a proxy, such as http://proxy.example:3128";

/// No proxy reaches this machine's own loopback; and over plain http it would see the credentials.
fn chosen_proxy(choice: &ProxyChoice, base_url: &BaseUrl) -> Result<Option<Proxy>> {
    let (what, url) = match choice {
        ProxyChoice::None => return Ok(None),
        ProxyChoice::Environment if base_url.is_loopback() => return Ok(None),
        ProxyChoice::Environment => match proxy_variable(base_url)? {
            None => return Ok(None),
            Some(set) => set,
        },
        ProxyChoice::Url(url) => ("proxy", url.trim().to_owned()),
    };
    // ureq's error repeats the text, which may hold a password.
    let proxy = Proxy::new(&url).map_err(|_| Error::invalid(what, NO_PROXY_ADDRESS))?;
    if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
        return Err(Error::invalid(
            what,
            "names a SOCKS proxy, and only http and https proxies are supported: unset it, or name the host in NO_PROXY",
        ));
    }
    Ok(Some(proxy).filter(|_| !base_url.is_loopback()))
}

/// The certificates of a private authority.
#[derive(Clone)]
pub(crate) struct RootCertificates(RootCerts);

impl RootCertificates {
    pub(crate) fn from_pem(pem: &[u8]) -> std::result::Result<RootCertificates, &'static str> {
        let mut certificates = Vec::new();
        // ureq passes over a certificate that it can't use: a CA that is not there would be found out
        // only by calls that fail.
        let mut usable = RootCertStore::empty();
        for item in ureq::tls::parse_pem(pem) {
            match item {
                Ok(PemItem::Certificate(certificate)) => {
                    usable
                        .add(certificate.der().to_vec().into())
                        .map_err(|_| "holds a certificate that can't be read")?;
                    certificates.push(certificate);
                }
                Ok(_) => {}
                Err(_) => return Err("is no valid PEM"),
            }
        }
        if certificates.is_empty() {
            return Err("holds no certificate");
        }
        let certificates = RootCerts::new_with_certs(&certificates);
        Ok(RootCertificates(certificates))
    }
}

impl Failure {
    pub(crate) fn new(seen: Seen, reason: impl Into<String>) -> Failure {
        Failure {
            seen,
            status: None,
            request_id: None,
            reason: reason.into(),
            source: None,
        }
    }
}

impl From<ureq::Error> for Failure {
    fn from(error: ureq::Error) -> Failure {
        #[cfg(feature = "address-cache")]
        let (error, sent) = crate::connector::sent(error);
        #[cfg(not(feature = "address-cache"))]
        let (error, sent) = (error, None);
        let seen = seen(&error, sent);
        let (reason, source) = match error {
            ureq::Error::Timeout(Timeout::Resolve) => {
                ("the host's address was not found in time".to_owned(), None)
            }
            ureq::Error::Timeout(Timeout::Connect) => {
                ("no connection was made in time".to_owned(), None)
            }
            ureq::Error::Timeout(_) => ("no whole answer came in time".to_owned(), None),
            ureq::Error::BodyExceedsLimit(limit) => {
                (format!("it is longer than {} MiB", limit >> 20), None)
            }
            ureq::Error::Io(error) => (error.to_string(), Some(error)),
            other => (other.to_string(), None),
        };
        Failure {
            source,
            ..Failure::new(seen, printable(&reason, SHORT))
        }
    }
}

/// Which step failed. `sent` says whether that was after the request had been sent, where that is
/// known; where it is not, what could have happened after sending counts as that.
fn seen(error: &ureq::Error, sent: Option<bool>) -> Seen {
    use ureq::Error as E;
    match error {
        // ureq's own word for an agent that was shut down; a socket's has the system's number.
        E::Io(error)
            if error.kind() == io::ErrorKind::NotConnected && error.raw_os_error().is_none() =>
        {
            Seen::ConnectFailed
        }
        E::HostNotFound => Seen::AddressNotFound,
        E::Timeout(Timeout::Resolve | Timeout::Connect) => Seen::TimedOutBeforeSending,
        E::Timeout(_) if sent == Some(false) => Seen::TimedOutBeforeSending,
        E::Timeout(_) => Seen::TimedOutAfterSending,
        E::ConnectionFailed | E::ConnectProxyFailed(_) => Seen::ConnectFailed,
        E::Rustls(_) | E::Tls(_) | E::TlsRequired if sent != Some(true) => Seen::TlsFailed,
        #[cfg(feature = "native-tls")]
        E::NativeTls(_) | E::Der(_) if sent != Some(true) => Seen::TlsFailed,
        E::Io(_) | E::Rustls(_) | E::Tls(_) if sent == Some(true) => Seen::ConnectionLost,
        E::Io(error) if is_lookup(error) => Seen::AddressNotFound,
        E::Io(error) if is_connect(error, sent) => Seen::ConnectFailed,
        // rustls reports a certificate that it does not trust as invalid data.
        E::Io(error) if sent == Some(false) || is_certificate(error) => Seen::TlsFailed,
        E::Io(_) => Seen::ConnectionLost,
        _ if sent == Some(false) => Seen::ConnectFailed,
        _ => Seen::Unreadable,
    }
}

fn is_connect(error: &io::Error, sent: Option<bool>) -> bool {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::AddrNotAvailable => true,
        // A connection that was there can end with these as well.
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => {
            sent == Some(false)
        }
        _ => false,
    }
}

fn is_certificate(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
        && error.to_string().starts_with("invalid peer certificate")
}

/// Whether a host's address was not found, which has no `ErrorKind`: Windows has numbers for it,
/// the others a text.
fn is_lookup(error: &io::Error) -> bool {
    if cfg!(windows) {
        matches!(error.raw_os_error(), Some(11001..=11004))
    } else {
        error
            .to_string()
            .starts_with("failed to lookup address information")
    }
}
