//! What each endpoint sends, and how it interprets a response.

mod errors;
mod pages;
mod requests;
mod responses;

use mockito::{Matcher, Server, ServerGuard};

use crate::support::*;

const TOKEN: &str = "eyJ0eXAiOiJKV1QifQ.e30.c2ln";
const BEARER: &str = "Bearer eyJ0eXAiOiJKV1QifQ.e30.c2ln";

type Headers = BTreeMap<String, String>;
type Seen = Arc<Mutex<Vec<(String, Headers)>>>;

/// Starts a server that sends the same response to every request, and records the requests.
fn server(status: usize, body: &str) -> (ServerGuard, Seen) {
    let mut server = Server::new();
    let seen = Seen::default();
    for method in ["GET", "DELETE"] {
        let seen = Arc::clone(&seen);
        server
            .mock(method, Matcher::Any)
            .with_status_code_from_request(move |request| {
                let mut headers = Headers::new();
                for (name, value) in request.headers() {
                    let value = value.to_str().unwrap().to_owned();
                    let twice = headers.insert(name.to_string(), value);
                    assert_eq!(twice, None, "{name} was sent twice");
                }
                assert!(request.body().unwrap().is_empty());
                let line = format!("{} {}", request.method(), request.path_and_query());
                seen.lock().unwrap().push((line, headers));
                status
            })
            .with_body(body)
            .create();
    }
    (server, seen)
}

fn builder_for(server: &ServerGuard) -> ClientBuilder {
    builder_of(&server.url()).credentials(Credentials::token(TOKEN)).retry(RetryPolicy::none())
}

/// A call, with its result as text.
type Call = Box<dyn Fn(&Client) -> Result<String>>;

fn call<T: std::fmt::Debug>(call: impl Fn(&Client) -> Result<T> + 'static) -> Call {
    Box::new(move |client| call(client).map(|result| format!("{result:?}")))
}

fn create(options: CreateTokenOptions) -> Call {
    call(move |client| create_token(client, &options))
}

fn list(options: GetAllTokensOptions) -> Call {
    call(move |client| get_all_tokens(client, &options))
}

fn get(options: GetTokenByIdOptions) -> Call {
    call(move |client| get_token_by_id(client, &options))
}

fn delete(options: DeleteTokenByIdOptions) -> Call {
    call(move |client| delete_token_by_id(client, &options))
}

fn delete_by(options: DeleteTokenByCriteriaOptions) -> Call {
    call(move |client| delete_token_by_criteria(client, &options))
}
