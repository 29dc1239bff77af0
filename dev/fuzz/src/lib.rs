//! The assertions of the fuzz targets, which must hold for any input. `cargo test` also runs them.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::{fs, process, thread};

use ionoscloud_auth::{
    Client, ClientBuilder, Credentials, DeleteResponse, Error, GetAllTokensOptions, Jwt, KeyId,
    Token, Tokens, claims, get_all_tokens, key_id,
};

/// The maximum length of the text of an error, in bytes: 8 messages, each with a text and a code of
/// 500 bytes, and the library's own words.
const MAX_TEXT: usize = 9 * 1024;

pub const TOKEN: &str = "eyJraWQiOiJhIn0.eyJleHAiOjd9.c2lnbmF0dXJl";
pub const PASSWORD: &str = "correct horse battery staple";

/// Any text as a JWT: the result is a valid Key ID, or an error that does not quote the text.
pub fn jwt(text: &str) {
    match key_id(text) {
        Ok(id) => assert_eq!(KeyId::new(id.as_str()).unwrap(), id),
        Err(error) => says_nothing_of(&error, text),
    }
    match claims(text) {
        Ok(claims) => drop(format!("{claims:?}")),
        Err(error) => says_nothing_of(&error, text),
    }
}

fn says_nothing_of(error: &Error, text: &str) {
    let said = harmless(error, 400);
    for part in text.split(['.', ' ', '\n']).filter(|part| part.len() > 30) {
        assert!(!said.contains(part), "{said}");
    }
}

/// Any bytes as the body of a success: the result has only valid Key IDs, and its dates are
/// readable or errors.
pub fn list(body: &[u8]) {
    let tokens = serde_json::from_slice::<Tokens>(body).map(|list| list.tokens);
    let token = serde_json::from_slice::<Token>(body).map(|token| vec![token]);
    for token in [tokens, token].into_iter().flatten().flatten() {
        assert!(KeyId::new(token.id.as_str()).is_ok());
        let _ = (token.created_at(), token.expires_at());
    }
    if let Ok(jwt) = serde_json::from_slice::<Jwt>(body) {
        assert!(!jwt.token().is_empty());
        let _ = (jwt.key_id(), jwt.claims());
    }
    let _ = serde_json::from_slice::<DeleteResponse>(body);
}

thread_local! {
    /// Each with the secret that no error of it may show.
    static REFUSED: (Service, [(Client, &'static str); 2]) = {
        let service = Service::start();
        let token = service.client(Credentials::token(TOKEN));
        let basic = service.client(Credentials::basic("user", PASSWORD));
        (service, [(token, TOKEN), (basic, PASSWORD)])
    };
}

/// Any bytes as the body of a refusal: the error is short and harmless, does not contain
/// credentials, and takes nothing for the service's word that is not in its error model.
pub fn error(body: &[u8]) {
    REFUSED.with(|(service, clients)| {
        *service.body.lock().unwrap() = body.to_vec();
        for (client, secret) in clients {
            let error = get_all_tokens(client, &GetAllTokensOptions::new()).unwrap_err();
            let said = harmless(&error, MAX_TEXT);
            let Error::Call(call) = error else {
                panic!("{said}");
            };
            let debug = format!("{call:?}");
            assert!(!said.contains(secret) && !debug.contains(secret), "{said}");
            assert_eq!(call.status, Some(403), "{said}");
            assert!(!call.outcome_unknown, "{said}");
        }
    });
}

/// Responds to every request with 403 and the same body, on connections that stay open.
struct Service {
    url: String,
    body: Arc<Mutex<Vec<u8>>>,
}

impl Service {
    fn start() -> Service {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let service = Service {
            url: format!("http://{}", listener.local_addr().unwrap()),
            body: Arc::default(),
        };
        let body = Arc::clone(&service.body);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let body = Arc::clone(&body);
                // Fails when the client hangs up, after a body that is too long.
                thread::spawn(move || serve(stream, &body));
            }
        });
        service
    }

    fn client(&self, credentials: Credentials) -> Client {
        let builder = Client::builder().base_url(&self.url);
        builder.credentials(credentials).build().unwrap()
    }
}

fn serve(mut stream: TcpStream, body: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    let mut received = BufReader::new(stream.try_clone()?).lines();
    while let Some(line) = received.next() {
        if line?.is_empty() {
            let body = body.lock().unwrap();
            let head = format!(
                "HTTP/1.1 403 Forbidden\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(&[head.as_bytes(), &body].concat())?;
        }
    }
    Ok(())
}

/// Any bytes as the config file: it is read or refused with one short line.
pub fn config(bytes: &[u8]) {
    let name = format!(
        "ionoscloud-auth-fuzz-{}-{:?}",
        process::id(),
        thread::current().id()
    );
    let path = std::env::temp_dir().join(name);
    fs::write(&path, bytes).unwrap();
    let read = ClientBuilder::from_config_file(&path);
    fs::remove_file(&path).unwrap();
    if let Err(error) = read {
        harmless(&error, MAX_TEXT);
    }
}

/// Returns the text of an error, which must be one line of at most `max` bytes.
fn harmless(error: &Error, max: usize) -> String {
    let said = error.to_string();
    assert!(said.len() <= max, "{said}");
    assert!(!said.chars().any(char::is_control), "{said:?}");
    said
}
