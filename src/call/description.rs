//! What a call is: who makes it, what it asks for, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::hook::Hooks;
use super::retry::{Idempotency, RetryPolicy};
use crate::auth::{ContractNumber, CredentialsSource, Secrets};
use crate::error::Status;
use crate::token::read_json;
use crate::transport::{Authorization, Method, Response, Shutdown, Transport};

/// Who calls: what every call of a client has in common.
pub(crate) struct Caller<'a> {
    pub(crate) transport: &'a Transport,
    pub(crate) authorization: &'a Authorization,
    /// Its own token, if it has one.
    pub(crate) token: Option<&'a str>,
    pub(crate) credentials_source: &'a CredentialsSource,
    /// Where the base URL was given, if it is not the default one.
    pub(crate) base_url_source: Option<&'a str>,
    pub(crate) secrets: &'a Secrets,
    /// The contract that it calls for.
    pub(crate) contract_number: Option<ContractNumber>,
    pub(crate) timeout: Duration,
    pub(crate) shutdown: &'a Arc<Shutdown>,
    pub(crate) retry: &'a RetryPolicy,
    pub(crate) hooks: &'a Hooks,
    pub(crate) allow_secrets_in_trace_log: bool,
}

/// What an endpoint asks for, and what may be done for it.
pub(crate) struct Call<'a> {
    /// Method and path, with placeholders.
    pub(crate) endpoint: &'static str,
    pub(crate) method: Method,
    /// Path and query below the base URL.
    pub(crate) target: &'a str,
    pub(crate) idempotency: Idempotency,
    /// The service's own 404, after an attempt that may have worked, means that it did.
    pub(crate) gone_is_success: bool,
    /// Whether the service's own 404 says that there is no such token.
    pub(crate) names_a_token: bool,
    /// What a caller should do when the outcome is unknown.
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
            method: Method::Get,
            target,
            idempotency,
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
            method: Method::Delete,
            ..Call::get(endpoint, target, idempotency)
        }
    }

    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method.as_str(), self.target)
    }
}

/// Why a success brings no value.
pub(crate) enum Unread {
    /// In a few words, none of them the body's.
    Unreadable(String),
    /// It says itself that it is not a success.
    NotDone,
}

/// The value that a response is in JSON.
pub(crate) fn json<T: DeserializeOwned>(response: &Response) -> Result<T, Unread> {
    read_json(&response.body).map_err(Unread::Unreadable)
}

/// What a call came to that brought a value.
pub(crate) struct Done {
    pub(crate) status: Option<Status>,
    pub(crate) request_id: Option<String>,
    pub(crate) attempts: u32,
}
