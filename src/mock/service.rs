//! The documented behavior of the API.

use std::hash::{BuildHasher as _, RandomState};
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::fault::{MockFault, Order, Orders};
use super::server::MockRequest;

pub(super) const USERNAME: &str = "user@example.com";
pub(super) const PASSWORD: &str = "correct horse battery staple";
pub(super) const CONTRACT_NUMBER: u32 = 31_952_746;
pub(super) const YEAR: u64 = 31_536_000;

const JSON: (&str, &str) = ("Content-Type", "application/json");
const HTML: (&str, &str) = ("Content-Type", "text/html");

type Reply = Result<Value, Refusal>;
/// The status, code and message of an error.
type Refusal = (u16, &'static str, &'static str);

const UNAUTHORIZED: Refusal = (401, "315", "Unauthorized.");
const HIGHER_LEVEL: Refusal = (
    401,
    "501",
    "Endpoint requires a higher level of authentication.",
);
const NOT_FOUND: Refusal = (404, "309", "Resource does not exist.");

#[derive(Default)]
pub(super) struct State {
    pub(super) base_url: String,
    pub(super) tokens: Vec<Issued>,
    pub(super) requests: Vec<MockRequest>,
    pub(super) orders: Orders,
    pub(super) has_two_factors: bool,
    pub(super) refuses_current: bool,
}

pub(super) struct Issued {
    pub(super) id: String,
    jwt: String,
    /// In Unix seconds.
    created: u64,
    expires: u64,
    /// Whether the token comes from the vendor's web console.
    is_of_console: bool,
}

impl State {
    /// Carries out a request, or the order for it. Returns the response, and how long to wait
    /// before it is sent.
    pub(super) fn answer(&mut self, request: &MockRequest) -> (Vec<u8>, Duration) {
        self.requests.push(request.clone());
        let fault = match self.orders.take(request) {
            None => return (self.act(request), Duration::ZERO),
            Some(Order::Response(response)) => return (response, Duration::ZERO),
            Some(Order::Fault(fault)) => fault,
        };
        let response = match fault {
            MockFault::HangUp => Vec::new(),
            MockFault::LoseAnswer => {
                self.act(request);
                Vec::new()
            }
            MockFault::Truncate => {
                let mut response = self.act(request);
                response.truncate(response.len().saturating_sub(8));
                response
            }
            MockFault::Delay(delay) => return (self.act(request), delay),
            MockFault::Status(status) => answer_of(Err((status, "500", "Ordered by the test."))),
            MockFault::Gateway(status) => page(status),
            MockFault::GatewayAfterActing(status) => {
                self.act(request);
                page(status)
            }
        };
        (response, Duration::ZERO)
    }

    fn act(&mut self, request: &MockRequest) -> Vec<u8> {
        answer_of(self.reply(request))
    }

    fn reply(&mut self, request: &MockRequest) -> Reply {
        let own = self.authenticate(request)?;
        let may_change = !self.has_two_factors || own.is_some_and(|token| token.is_of_console);
        let own = own.map(|token| token.id.clone());
        let contract = request.header("X-Contract-Number");
        if contract.is_some_and(|number| number != CONTRACT_NUMBER.to_string()) {
            return Err((403, "302", "The user has no such contract."));
        }
        let target = request.target.as_str();
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path = path.strip_prefix("/auth/v1").unwrap_or_default();
        let method = request.method.as_str();
        if (method == "DELETE" || path == "/tokens/generate") && !may_change {
            return Err(HIGHER_LEVEL);
        }
        match (method, path) {
            ("GET", "/tokens/generate") => {
                match parameter(query, "ttl=").map_or(Ok(YEAR), str::parse) {
                    Ok(ttl @ 60..=YEAR) => Ok(json!({ "token": self.issue(ttl, false) })),
                    _ => Err((400, "100", "The ttl must be a number from 60 to 31536000.")),
                }
            }
            ("GET", "/tokens") => {
                let tokens = self.tokens.iter().map(|token| self.metadata(token));
                Ok(json!({ "tokens": tokens.collect::<Vec<_>>() }))
            }
            ("DELETE", "/tokens") => self.delete_by_criteria(parameter(query, "criteria="), own),
            _ => {
                let id = path.strip_prefix("/tokens/").ok_or(NOT_FOUND)?;
                let token = self.tokens.iter().find(|token| token.id == id);
                match (method, token) {
                    ("GET", Some(token)) => Ok(self.metadata(token)),
                    ("DELETE", Some(_)) => self.delete(|token| token.id == id),
                    _ => Err(NOT_FOUND),
                }
            }
        }
    }

    /// Returns the token that was sent, or `None` for the password.
    fn authenticate(&self, request: &MockRequest) -> Result<Option<&Issued>, Refusal> {
        let authorization = request.header("Authorization").unwrap_or_default();
        let pair = STANDARD.encode(format!("{USERNAME}:{PASSWORD}"));
        if !self.has_two_factors && authorization == format!("Basic {pair}") {
            return Ok(None);
        }
        let jwt = authorization.strip_prefix("Bearer ").ok_or(UNAUTHORIZED)?;
        let mut valid = self.tokens.iter().filter(|token| token.expires > now());
        let token = valid.find(|token| token.jwt == jwt);
        token.map(Some).ok_or(UNAUTHORIZED)
    }

    /// Returns the JWT of a new token.
    pub(super) fn issue(&mut self, ttl: u64, is_of_console: bool) -> String {
        let (id, created) = (uuid(), now());
        let expires = created + ttl;
        let token = jwt(&id, created, expires);
        self.tokens.push(Issued {
            id,
            jwt: token.clone(),
            created,
            expires,
            is_of_console,
        });
        token
    }

    /// Returns the token's new JWT, which has expired.
    pub(super) fn expire(&mut self, id: &str) -> Option<String> {
        let token = self.tokens.iter_mut().find(|token| token.id == id)?;
        token.expires = now().saturating_sub(1);
        token.jwt = jwt(id, token.created, token.expires);
        Some(token.jwt.clone())
    }

    fn delete_by_criteria(&mut self, criteria: Option<&str>, own: Option<String>) -> Reply {
        match (criteria, own) {
            (Some("ALL"), _) => self.delete(|_| true),
            (Some("EXPIRED"), _) => self.delete(|token| token.expires <= now()),
            (Some("CURRENT"), Some(own)) if !self.refuses_current => {
                self.delete(|token| token.id == own)
            }
            (Some("CURRENT"), _) => Err(HIGHER_LEVEL),
            _ => Err((400, "100", "The criteria must be ALL, EXPIRED or CURRENT.")),
        }
    }

    fn delete(&mut self, is_meant: impl Fn(&Issued) -> bool) -> Reply {
        self.tokens.retain(|token| !is_meant(token));
        Ok(json!({ "success": true }))
    }

    fn metadata(&self, token: &Issued) -> Value {
        let date = |seconds| {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            humantime::format_rfc3339_seconds(time).to_string()
        };
        json!({
            "id": token.id,
            "href": format!("{}/tokens/{}", self.base_url, token.id),
            "createdDate": date(token.created),
            "expirationDate": date(token.expires),
        })
    }
}

fn answer_of(reply: Reply) -> Vec<u8> {
    let (status, body) = match reply {
        Ok(body) => (200, body),
        Err((status, code, message)) => {
            let messages = json!([{ "errorCode": code, "message": message }]);
            let body = json!({ "httpStatus": status, "messages": messages });
            (status, body)
        }
    };
    response(status, &[JSON], &body.to_string())
}

/// Returns a gateway's page.
fn page(status: u16) -> Vec<u8> {
    let body = format!("<html><body><h1>{status}</h1>a page of a gateway</body></html>");
    response(status, &[HTML], &body)
}

pub(super) fn response(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let length = body.len();
    let mut head = format!("HTTP/1.1 {status} \r\nContent-Length: {length}\r\n");
    for (name, value) in headers.iter().chain(&[("Connection", "close")]) {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    format!("{head}\r\n{body}").into_bytes()
}

fn parameter<'a>(query: &'a str, prefix: &str) -> Option<&'a str> {
    query.split('&').find_map(|pair| pair.strip_prefix(prefix))
}

/// Returns a token like the service's, with a random signature.
fn jwt(id: &str, created: u64, expires: u64) -> String {
    let header = json!({ "typ": "JWT", "kid": id, "alg": "RS256" });
    let payload = json!({
        "iss": "ionoscloud",
        "iat": created,
        "exp": expires,
        "client": "USER",
        "identity": {
            "uuid": "86fd1a4d-6d24-4b6a-9b5c-2e1a4d2f0c11",
            "contractNumber": CONTRACT_NUMBER,
            "resellerId": 1,
            "role": "owner",
            "regDomain": "ionos.de",
            "privileges": ["DATA_CENTER_CREATE", "SNAPSHOT_CREATE", "IP_BLOCK_RESERVE"],
            "isParent": false,
        },
    });
    let parts = [header.to_string(), payload.to_string(), uuid()];
    parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
}

/// Returns a random UUID (version 4, RFC 9562) in lower case, like the service's.
fn uuid() -> String {
    let random = RandomState::new().hash_one(());
    let (first, last) = (random >> 32, random & 0xffff_ffff);
    format!("{first:08x}-{:04x}-4000-8000-0000{last:08x}", last >> 16)
}

/// Returns the time in Unix seconds.
fn now() -> u64 {
    UNIX_EPOCH.elapsed().unwrap_or_default().as_secs()
}
