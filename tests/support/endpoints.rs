//! The endpoints of the Auth API as a table.

use ionoscloud_auth::*;

use super::{ID, response};

type Run = fn(&Client) -> Result<String>;

/// One of the endpoints.
pub struct Endpoint {
    pub name: &'static str,
    /// The body of a success.
    pub body: &'static str,
    /// Whether twice is the same as once, so that the library may send it again.
    pub repeatable: bool,
    pub run: Run,
}

impl Endpoint {
    /// A whole response.
    pub fn success(&self) -> Vec<u8> {
        response(200, "", self.body)
    }
}

fn by(criteria: Criteria, client: &Client) -> Result<String> {
    delete_token_by_criteria(client, &DeleteTokenByCriteriaOptions::new(criteria))
        .map(|response| format!("{response:?}"))
}

fn id() -> KeyId {
    KeyId::new(ID).unwrap()
}

/// The body of a deletion that worked.
const DELETED: &str = r#"{"success":true}"#;

pub const ENDPOINTS: [Endpoint; 7] = [
    Endpoint {
        name: "create",
        body: r#"{"token":"eyJraWQiOiJhIn0.e30.c2ln"}"#,
        repeatable: false,
        run: |client| {
            create_token(client, &CreateTokenOptions::new()).map(|jwt| jwt.token().to_owned())
        },
    },
    Endpoint {
        name: "list",
        body: r#"{"tokens":[{"id":"a"},{"id":"b"}]}"#,
        repeatable: true,
        run: |client| {
            get_all_tokens(client, &GetAllTokensOptions::new())
                .map(|response| format!("{response:?}"))
        },
    },
    Endpoint {
        name: "get",
        body: r#"{"id":"a"}"#,
        repeatable: true,
        run: |client| {
            get_token_by_id(client, &GetTokenByIdOptions::new(id()))
                .map(|response| format!("{response:?}"))
        },
    },
    Endpoint {
        name: "delete",
        body: DELETED,
        repeatable: true,
        run: |client| {
            delete_token_by_id(client, &DeleteTokenByIdOptions::new(id()))
                .map(|response| format!("{response:?}"))
        },
    },
    Endpoint {
        name: "delete ALL",
        body: DELETED,
        repeatable: false,
        run: |client| by(Criteria::All, client),
    },
    Endpoint {
        name: "delete EXPIRED",
        body: DELETED,
        repeatable: true,
        run: |client| by(Criteria::Expired, client),
    },
    Endpoint {
        name: "delete CURRENT",
        body: DELETED,
        repeatable: false,
        run: |client| by(Criteria::Current, client),
    },
];

pub const CREATE: &Endpoint = &ENDPOINTS[0];
pub const LIST: &Endpoint = &ENDPOINTS[1];
pub const DELETE: &Endpoint = &ENDPOINTS[3];
