//! The endpoints of the Auth API as a table.

use ionoscloud_auth::*;

use super::{ID, response};

type Run = fn(&Client) -> Result<String>;

/// One of the endpoints.
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

    /// A complete response.
    pub fn success(&self) -> Vec<u8> {
        response(200, "", self.body)
    }
}

fn by(criteria: Criteria, client: &Client) -> Result<String> {
    delete_token_by_criteria(client, &DeleteTokenByCriteriaOptions::new(criteria))
        .map(|response| format!("{response:?}"))
}

pub fn id() -> KeyId {
    KeyId::new(ID).unwrap()
}

/// The body of a successful deletion.
const DELETED: &str = r#"{"success":true}"#;

/// Every fault, status and secret is tested with each row. A new endpoint is one more row.
pub const ENDPOINTS: &[Endpoint] = &[
    Endpoint {
        name: "create",
        endpoint: "GET /tokens/generate",
        target: "/tokens/generate",
        body: r#"{"token":"eyJraWQiOiJhIn0.e30.c2ln"}"#,
        repeatable: false,
        run: |client| {
            create_token(client, &CreateTokenOptions::new()).map(|jwt| jwt.token().to_owned())
        },
    },
    Endpoint {
        name: "list",
        endpoint: "GET /tokens",
        target: "/tokens",
        body: r#"{"tokens":[{"id":"a"},{"id":"b"}]}"#,
        repeatable: true,
        run: |client| {
            get_all_tokens(client, &GetAllTokensOptions::new())
                .map(|response| format!("{response:?}"))
        },
    },
    Endpoint {
        name: "get",
        endpoint: "GET /tokens/{tokenId}",
        target: "/tokens/f13a5c54-8228-4b7e-9414-61313ce723d1",
        body: r#"{"id":"f13a5c54-8228-4b7e-9414-61313ce723d1"}"#,
        repeatable: true,
        run: |client| {
            get_token_by_id(client, &GetTokenByIdOptions::new(id()))
                .map(|response| format!("{response:?}"))
        },
    },
    Endpoint {
        name: "delete",
        endpoint: "DELETE /tokens/{tokenId}",
        target: "/tokens/f13a5c54-8228-4b7e-9414-61313ce723d1",
        body: DELETED,
        repeatable: true,
        run: |client| {
            delete_token_by_id(client, &DeleteTokenByIdOptions::new(id()))
                .map(|response| format!("{response:?}"))
        },
    },
    Endpoint {
        name: "delete ALL",
        endpoint: "DELETE /tokens",
        target: "/tokens?criteria=ALL",
        body: DELETED,
        repeatable: false,
        run: |client| by(Criteria::All, client),
    },
    Endpoint {
        name: "delete EXPIRED",
        endpoint: "DELETE /tokens",
        target: "/tokens?criteria=EXPIRED",
        body: DELETED,
        repeatable: true,
        run: |client| by(Criteria::Expired, client),
    },
    Endpoint {
        name: "delete CURRENT",
        endpoint: "DELETE /tokens",
        target: "/tokens?criteria=CURRENT",
        body: DELETED,
        repeatable: false,
        run: |client| by(Criteria::Current, client),
    },
];

/// The endpoints that a client with a user name and password can call.
pub fn for_a_password() -> impl Iterator<Item = &'static Endpoint> {
    ENDPOINTS.iter().filter(|endpoint| endpoint.name != "delete CURRENT")
}

pub const CREATE: &Endpoint = &ENDPOINTS[0];
pub const LIST: &Endpoint = &ENDPOINTS[1];
pub const DELETE: &Endpoint = &ENDPOINTS[3];
