//! What the mock server keeps, and how it answers: the API as its documentation has it.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mockito::Request;
use serde_json::{Value, json};

use super::jwt::{jwt, uuid};
use super::user::{CONTRACT_NUMBER, PASSWORD, USERNAME};
use crate::token::KeyId;

const YEAR: u64 = 31_536_000;

#[derive(Default)]
pub(super) struct State {
    pub(super) tokens: Vec<Issued>,
    pub(super) requests: Vec<String>,
    /// Responses that were ordered, and how often each is still to be sent.
    pub(super) ordered: VecDeque<(u64, usize)>,
    pub(super) orders: u64,
    /// The body that belongs to the status just given.
    pub(super) body: String,
}

pub(super) struct Issued {
    pub(super) id: KeyId,
    pub(super) jwt: String,
    pub(super) created: SystemTime,
    pub(super) expires: SystemTime,
}

pub(super) fn next_order(state: &mut State) -> Option<u64> {
    while let Some((order, left)) = state.ordered.front() {
        if *left > 0 {
            return Some(*order);
        }
        state.ordered.pop_front();
    }
    None
}

pub(super) fn record(state: &mut State, request: &Request) {
    let line = format!("{} {}", request.method(), request.path_and_query());
    state.requests.push(line);
}

type Reply = (u16, Value);

pub(super) fn reply(state: &mut State, request: &Request, base_url: &str) -> Reply {
    record(state, request);
    let current = match authenticated(state, request) {
        Ok(current) => current,
        Err(reply) => return reply,
    };
    if header(request, "x-contract-number")
        .is_some_and(|number| number != CONTRACT_NUMBER.to_string())
    {
        return error(403, "302", "The user has no such contract.");
    }
    let path = request.path().strip_prefix("/auth/v1").unwrap_or_default();
    let query = request
        .path_and_query()
        .split_once('?')
        .map(|(_, query)| query);
    match (request.method(), path) {
        ("GET", "/tokens/generate") => create(state, query),
        ("GET", "/tokens") => {
            let tokens: Vec<Value> = state
                .tokens
                .iter()
                .map(|token| described(token, base_url))
                .collect();
            (200, json!({ "tokens": tokens }))
        }
        ("DELETE", "/tokens") => delete_by_criteria(state, query, current),
        (method, path) => {
            let id = path.strip_prefix("/tokens/");
            let found = state
                .tokens
                .iter()
                .position(|token| id == Some(token.id.as_str()));
            match (
                method,
                found.and_then(|index| Some((index, state.tokens.get(index)?))),
            ) {
                ("GET", Some((_, token))) => (200, described(token, base_url)),
                ("DELETE", Some((index, _))) => {
                    state.tokens.remove(index);
                    deleted()
                }
                _ => error(404, "309", "Resource does not exist."),
            }
        }
    }
}

/// The Key ID of the token that the request is made with, if it is made with one.
fn authenticated(state: &State, request: &Request) -> Result<Option<KeyId>, Reply> {
    let authorization = header(request, "authorization").unwrap_or_default();
    if authorization
        == format!(
            "Basic {}",
            STANDARD.encode(format!("{USERNAME}:{PASSWORD}"))
        )
    {
        return Ok(None);
    }
    authorization
        .strip_prefix("Bearer ")
        .and_then(|jwt| state.tokens.iter().find(|token| token.jwt == jwt))
        .filter(|token| token.expires > SystemTime::now())
        .map(|token| Some(token.id.clone()))
        .ok_or_else(|| error(401, "315", "Unauthorized."))
}

fn header<'a>(request: &'a Request, name: &'static str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

fn create(state: &mut State, query: Option<&str>) -> Reply {
    let ttl = match query.map(|query| query.strip_prefix("ttl=")) {
        None => Some(YEAR),
        Some(ttl) => ttl
            .and_then(|ttl| ttl.parse().ok())
            .filter(|ttl| (60..=YEAR).contains(ttl)),
    };
    let Some(ttl) = ttl else {
        return error(400, "100", "The ttl is a number from 60 to 31536000.");
    };
    let created = SystemTime::now();
    let expires = created + Duration::from_secs(ttl);
    // A UUID of version 4 can't be refused as a Key ID.
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
    });
    (200, body)
}

fn delete_by_criteria(state: &mut State, query: Option<&str>, current: Option<KeyId>) -> Reply {
    match (query, current) {
        (Some("criteria=ALL"), _) => state.tokens.clear(),
        (Some("criteria=EXPIRED"), _) => {
            let now = SystemTime::now();
            state.tokens.retain(|token| token.expires > now);
        }
        (Some("criteria=CURRENT"), Some(current)) => {
            state.tokens.retain(|token| token.id != current);
        }
        (Some("criteria=CURRENT"), None) => {
            return error(
                401,
                "501",
                "Endpoint requires a higher level of authentication.",
            );
        }
        _ => return error(400, "100", "The criteria are ALL, EXPIRED or CURRENT."),
    }
    deleted()
}

fn deleted() -> Reply {
    (200, json!({ "success": true }))
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
