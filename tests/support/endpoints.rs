//! The endpoints of the Auth API as a table.

use super::*;

type Run = fn(&Client) -> Result<String>;

/// One of the endpoints.
#[derive(Clone, Copy)]
pub struct Endpoint {
    pub name: &'static str,
    /// The name in hooks.
    pub endpoint: &'static str,
    /// The path and query below the base URL.
    pub target: &'static str,
    /// The body of a success.
    pub body: &'static str,
    /// Whether the library may repeat the request.
    pub repeatable: bool,
    pub run: Run,
}

impl Endpoint {
    /// The request line, up to the version.
    pub fn request(&self) -> String {
        let (method, _) = self.endpoint.split_once(' ').unwrap();
        format!("{method} /auth/v1{}", self.target)
    }

    pub fn only_reads(&self) -> bool {
        self.endpoint.starts_with("GET") && self.name != "create"
    }

    /// What `outcome_unknown()` says if the outcome is unknown. A call that reads changes nothing.
    pub fn reports(&self, unknown: bool) -> bool {
        unknown && !self.only_reads()
    }

    pub fn deletes(&self) -> bool {
        self.name.starts_with("delete")
    }

    /// A server's part in a success.
    pub fn works(&self) -> Play {
        Play::Write(self.success())
    }

    /// A complete response.
    pub fn success(&self) -> Vec<u8> {
        response(200, "", self.body)
    }
}

const fn endpoint(
    name: &'static str,
    endpoint: &'static str,
    target: &'static str,
    body: &'static str,
    repeatable: bool,
    run: Run,
) -> Endpoint {
    Endpoint { name, endpoint, target, body, repeatable, run }
}

fn shown<T: std::fmt::Debug>(result: Result<T>) -> Result<String> {
    result.map(|response| format!("{response:?}"))
}

pub fn id() -> KeyId {
    KeyId::new(ID).unwrap()
}

/// The body of a successful deletion.
const DELETED: &str = r#"{"success":true}"#;
const BY_ID: &str = "/tokens/f13a5c54-8228-4b7e-9414-61313ce723d1";

#[rustfmt::skip]
pub const CREATE: &Endpoint = &endpoint(
    "create", "GET /tokens/generate", "/tokens/generate",
    r#"{"token":"eyJraWQiOiJhIn0.e30.c2ln"}"#, false,
    |client| Ok(new_jwt(client)?.token().to_owned()));
#[rustfmt::skip]
pub const LIST: &Endpoint = &endpoint(
    "list", "GET /tokens", "/tokens", r#"{"tokens":[{"id":"a"},{"id":"b"}]}"#, true,
    |client| shown(list_tokens(client)));
#[rustfmt::skip]
pub const DELETE: &Endpoint = &endpoint(
    "delete", "DELETE /tokens/{tokenId}", BY_ID, DELETED, true,
    |client| shown(delete_token(client, &id())));

/// Every fault, status and secret is tested with each row. A new endpoint is one more row.
#[rustfmt::skip]
pub const ENDPOINTS: &[Endpoint] = &[
    *CREATE, *LIST, *DELETE,
    endpoint("get", "GET /tokens/{tokenId}", BY_ID,
             r#"{"id":"f13a5c54-8228-4b7e-9414-61313ce723d1"}"#, true,
             |client| shown(get_token(client, &id()))),
    endpoint("delete ALL", "DELETE /tokens", "/tokens?criteria=ALL", DELETED, false,
             |client| shown(delete_by(client, Criteria::All))),
    endpoint("delete EXPIRED", "DELETE /tokens", "/tokens?criteria=EXPIRED", DELETED, true,
             |client| shown(delete_by(client, Criteria::Expired))),
    endpoint("delete CURRENT", "DELETE /tokens", "/tokens?criteria=CURRENT", DELETED, false,
             |client| shown(delete_by(client, Criteria::Current))),
];

/// The endpoints that a client with a user name and password can call.
pub fn for_a_password() -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS.iter().filter(|endpoint| endpoint.name != "delete CURRENT")
}

/// The endpoints that delete.
pub fn deletions() -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS.iter().filter(|endpoint| endpoint.deletes())
}
