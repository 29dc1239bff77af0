//! The documented behavior of the API, and the mock server's state. It does not depend on sockets.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::fault::Orders;
use super::jwt::{jwt, uuid};
use super::server::{Answer, Request, Response};
use super::user::{CONTRACT_NUMBER, PASSWORD, USERNAME};
use crate::token::KeyId;

const YEAR: u64 = 31_536_000;

#[derive(Default)]
pub(super) struct State {
    pub(super) base_url: String,
    pub(super) tokens: Vec<Issued>,
    /// The method and target of each request, oldest first.
    pub(super) requests: Vec<String>,
    pub(super) orders: Orders,
    /// Whether the user has two-factor authentication.
    pub(super) has_two_factors: bool,
}

pub(super) struct Issued {
    pub(super) id: KeyId,
    pub(super) jwt: String,
    pub(super) created: SystemTime,
    pub(super) expires: SystemTime,
    /// Whether the token comes from the vendor's web console.
    pub(super) is_of_console: bool,
}

/// The sender of a request.
enum Requester {
    User,
    Token { id: KeyId, is_of_console: bool },
}

/// Carries out a request, or the order for it.
pub(super) fn answer(state: &mut State, request: &Request) -> Answer {
    let Request { method, target, .. } = request;
    state.requests.push(format!("{method} {target}"));
    let order = state.orders.take(request);
    let mut act = || response(reply(state, request));
    match order {
        None => Answer::Whole(act()),
        Some(order) => order.answer(act, |status| {
            response(error(status, "500", "Ordered by the test."))
        }),
    }
}

fn response((status, body): Reply) -> Response {
    Response {
        status,
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: body.to_string(),
    }
}

type Reply = (u16, Value);

fn reply(state: &mut State, request: &Request) -> Reply {
    let requester = match authenticated(state, request) {
        Ok(requester) => requester,
        Err(reply) => return reply,
    };
    if request
        .header("x-contract-number")
        .is_some_and(|number| number != CONTRACT_NUMBER.to_string())
    {
        return error(403, "302", "The user has no such contract.");
    }
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, query),
        None => (request.target.as_str(), ""),
    };
    let path = path.strip_prefix("/auth/v1").unwrap_or_default();
    let method = request.method.as_str();
    let changes = method == "DELETE" || path == "/tokens/generate";
    if state.has_two_factors && changes && !requester.is_console() {
        return higher_level();
    }
    match (method, path) {
        ("GET", "/tokens/generate") => create(state, parameter(query, "ttl"), false),
        ("GET", "/tokens") => {
            let tokens = state.tokens.iter();
            let tokens: Vec<Value> = tokens
                .map(|token| described(token, &state.base_url))
                .collect();
            (200, json!({ "tokens": tokens }))
        }
        ("DELETE", "/tokens") => delete_by_criteria(state, parameter(query, "criteria"), requester),
        (_, path) => {
            let id = path.strip_prefix("/tokens/");
            let is_named = |token: &Issued| id == Some(token.id.as_str());
            match (method, state.tokens.iter().find(|token| is_named(token))) {
                ("GET", Some(token)) => (200, described(token, &state.base_url)),
                ("DELETE", Some(_)) => {
                    state.tokens.retain(|token| !is_named(token));
                    deleted()
                }
                _ => error(404, "309", "Resource does not exist."),
            }
        }
    }
}

impl Requester {
    fn is_console(&self) -> bool {
        matches!(
            self,
            Requester::Token {
                is_of_console: true,
                ..
            }
        )
    }
}

fn authenticated(state: &State, request: &Request) -> Result<Requester, Reply> {
    let authorization = request.header("authorization").unwrap_or_default();
    let pair = STANDARD.encode(format!("{USERNAME}:{PASSWORD}"));
    if !state.has_two_factors && authorization == format!("Basic {pair}") {
        return Ok(Requester::User);
    }
    authorization
        .strip_prefix("Bearer ")
        .and_then(|jwt| state.tokens.iter().find(|token| token.jwt == jwt))
        .filter(|token| token.expires > SystemTime::now())
        .map(|token| Requester::Token {
            id: token.id.clone(),
            is_of_console: token.is_of_console,
        })
        .ok_or_else(|| error(401, "315", "Unauthorized."))
}

/// Returns a token like one from the vendor's web console, valid for a year.
pub(super) fn console_token(state: &mut State) -> Option<String> {
    create(state, None, true);
    state.tokens.last().map(|token| token.jwt.clone())
}

/// Returns the first parameter with this name. Others are ignored.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut parameters = query.split('&').filter_map(|pair| pair.split_once('='));
    parameters
        .find(|(other, _)| *other == name)
        .map(|(_, value)| value)
}

fn create(state: &mut State, ttl: Option<&str>, is_of_console: bool) -> Reply {
    let ttl = match ttl {
        None => Some(YEAR),
        Some(ttl) => ttl.parse().ok().filter(|ttl| (60..=YEAR).contains(ttl)),
    };
    let Some(ttl) = ttl else {
        return error(400, "100", "The ttl must be a number from 60 to 31536000.");
    };
    let created = SystemTime::now();
    let expires = created + Duration::from_secs(ttl);
    // A UUID is always a valid Key ID.
    let Ok(id) = KeyId::new(uuid()) else {
        return error(500, "500", "Internal error.");
    };
    let jwt = jwt(&id, created, expires);
    let body = json!({ "token": jwt });
    state.tokens.push(Issued {
        id,
        jwt,
        created,
        expires,
        is_of_console,
    });
    (200, body)
}

fn delete_by_criteria(state: &mut State, criteria: Option<&str>, requester: Requester) -> Reply {
    match (criteria, requester) {
        (Some("ALL"), _) => state.tokens.clear(),
        (Some("EXPIRED"), _) => {
            let now = SystemTime::now();
            state.tokens.retain(|token| token.expires > now);
        }
        (Some("CURRENT"), Requester::Token { id, .. }) => {
            state.tokens.retain(|token| token.id != id);
        }
        (Some("CURRENT"), Requester::User) => return higher_level(),
        _ => return error(400, "100", "The criteria must be ALL, EXPIRED or CURRENT."),
    }
    deleted()
}

fn deleted() -> Reply {
    (200, json!({ "success": true }))
}

fn higher_level() -> Reply {
    let message = "Endpoint requires a higher level of authentication.";
    error(401, "501", message)
}

fn error(status: u16, code: &str, message: &str) -> Reply {
    let messages = json!([{ "errorCode": code, "message": message }]);
    (
        status,
        json!({ "httpStatus": status, "messages": messages }),
    )
}

fn described(token: &Issued, base_url: &str) -> Value {
    let date = |time| humantime::format_rfc3339_seconds(time).to_string();
    json!({
        "id": token.id.as_str(),
        "href": format!("{base_url}/tokens/{}", token.id),
        "createdDate": date(token.created),
        "expirationDate": date(token.expires),
    })
}
