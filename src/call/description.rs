//! The description of a call: the caller, the request, and the result. It does not depend on
//! attempts.

use std::time::Duration;

use serde::de::DeserializeOwned;

use super::hook::Hooks;
use super::retry::{Idempotency, RetryPolicy};
use crate::auth::{ContractNumber, CredentialsSource, Secrets};
use crate::error::Status;
use crate::token::read_json;
use crate::transport::{Headers, Method, Response, Transport};

/// What all calls of a client have in common.
pub(crate) struct Caller<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) headers: &'a Headers,
    /// The client's own token, if it uses one.
    pub(crate) token: Option<&'a str>,
    pub(crate) credentials_source: &'a CredentialsSource,
    /// Where the base URL was set, if it is not the default.
    pub(crate) base_url_source: Option<&'a str>,
    pub(crate) secrets: &'a Secrets,
    /// The contract that the call is for.
    pub(crate) contract_number: Option<ContractNumber>,
    pub(crate) timeout: Duration,
    pub(crate) retry: &'a RetryPolicy,
    pub(crate) hooks: &'a Hooks,
    pub(crate) allow_secrets_in_trace_log: bool,
}

/// What an endpoint requests, and how its response is interpreted.
pub(crate) struct Call<'a> {
    /// The method and the path, with placeholders.
    pub(crate) endpoint: &'static str,
    pub(crate) method: Method,
    /// The path and query below the base URL.
    pub(crate) target: &'a str,
    pub(crate) idempotency: Idempotency,
    /// Whether a successful response contains a new token.
    pub(crate) returns_secret: bool,
    /// Whether the service's own 404, after an attempt that may have worked, means success.
    pub(crate) gone_is_success: bool,
    /// Whether the service's own 404 means that there is no such token.
    pub(crate) names_a_token: bool,
    /// What a caller should do if the outcome is unknown.
    pub(crate) unknown_advice: &'static str,
}

impl<'a> Call<'a> {
    pub(crate) fn get(
        endpoint: &'static str,
        target: &'a str,
        idempotency: Idempotency,
    ) -> Call<'a> {
        Call {
            endpoint,
            method: Method::GET,
            target,
            idempotency,
            returns_secret: false,
            gone_is_success: false,
            names_a_token: false,
            unknown_advice: "",
        }
    }

    pub(crate) fn delete(
        endpoint: &'static str,
        target: &'a str,
        idempotency: Idempotency,
    ) -> Call<'a> {
        Call {
            method: Method::DELETE,
            ..Call::get(endpoint, target, idempotency)
        }
    }

    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method.as_str(), self.target)
    }
}

/// Why a success has no value.
pub(crate) enum Unread {
    /// The body is not readable. The reason does not quote it.
    Unreadable(String),
    /// The body says that the request was not carried out.
    NotDone,
}

/// Reads a response as JSON.
pub(crate) fn json<T: DeserializeOwned>(response: &Response) -> Result<T, Unread> {
    read_json(&response.body).map_err(|fault| Unread::Unreadable(format!("it {fault}")))
}

/// How a successful call ended.
pub(crate) struct Done {
    pub(crate) status: Option<Status>,
    pub(crate) request_id: Option<String>,
    pub(crate) attempts: u32,
}
