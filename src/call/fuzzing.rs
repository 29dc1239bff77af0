//! What the fuzz targets and the tests of the error's cost need.

use super::description::{Call, Caller};
use super::error::Failed;
use super::retry::Idempotency;
use super::service_error::ServiceError;
use crate::error::{Error, Status};
use crate::transport::Response;

/// Returns the error for a refusal with this body.
pub(crate) fn refusal(caller: &Caller, body: &[u8]) -> Error {
    let call = Call::get("GET /tokens", "/tokens", Idempotency::Idempotent);
    let failed = Failed {
        caller,
        call: &call,
        attempts: 1,
        outcome_unknown: false,
    };
    let status = Status {
        code: 403,
        reason_phrase: "Forbidden",
    };
    let response = Response::of(status, body.to_vec());
    let service_error = ServiceError::read(&response);
    failed.api_error(response, service_error, None)
}
