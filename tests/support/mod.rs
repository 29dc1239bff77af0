//! A server that misbehaves as networks do, on a raw socket; and the endpoints as a table.

#![allow(unreachable_pub, dead_code)] // Each test file uses a part of it.

pub mod faults;
pub mod relay;
pub mod tls;

use std::collections::VecDeque;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use ionoscloud_auth::*;

pub const ID: &str = "f13a5c54-8228-4b7e-9414-61313ce723d1";

/// What the server does with one request.
#[derive(Clone, Debug)]
pub enum Play {
    /// Writes this, and goes on with the connection.
    Write(Vec<u8>),
    /// Writes this, and ends the connection in order.
    WriteAndClose(Vec<u8>),
    /// Writes this, and resets the connection.
    WriteAndReset(Vec<u8>),
    /// Writes this a byte at a time, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Writes the first, and then the second again and again.
    Flood(Vec<u8>, Vec<u8>),
    /// Answers nothing, and keeps the connection.
    Silence,
}

#[derive(Default)]
struct Shared {
    script: Mutex<VecDeque<Play>>,
    /// For the requests that come when the script is over.
    finally: Mutex<Option<Play>>,
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
    written: AtomicUsize,
    reset_on_accept: AtomicBool,
    stopped: AtomicBool,
    /// In place of the script.
    relay: Option<relay::Relay>,
}

pub struct FaultServer {
    port: u16,
    shared: Arc<Shared>,
}

impl FaultServer {
    /// Plays the script, a request at a time, and the last of it for all further ones.
    pub fn start(script: Vec<Play>) -> FaultServer {
        let server = FaultServer::new(Shared::default());
        *server.shared.finally.lock().unwrap() = script.last().cloned();
        *server.shared.script.lock().unwrap() = script.into();
        server
    }

    /// Resets every connection before it has read from it.
    pub fn resetting() -> FaultServer {
        let server = FaultServer::new(Shared::default());
        server.shared.reset_on_accept.store(true, Ordering::SeqCst);
        server
    }

    /// Stands before a service that keeps state, and does with the n-th request what `step` says.
    pub fn before(
        base_url: &str,
        step: impl Fn(usize) -> relay::Step + Send + Sync + 'static,
    ) -> FaultServer {
        FaultServer::new(Shared {
            relay: Some(relay::Relay::new(base_url, step)),
            ..Shared::default()
        })
    }

    fn new(shared: Shared) -> FaultServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(shared);
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                shared.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || serve(&shared, stream.unwrap()));
            }
        });
        FaultServer { port, shared }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn https_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub fn written(&self) -> usize {
        self.shared.written.load(Ordering::SeqCst)
    }

    /// Waits until this many requests have come.
    pub fn await_requests(&self, n: usize) {
        while self.requests().len() < n {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // So that the listener looks up.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(shared: &Shared, mut stream: TcpStream) {
    if shared.reset_on_accept.load(Ordering::SeqCst) {
        return reset(&mut stream);
    }
    loop {
        let Some(head) = peek_head(&stream, shared) else {
            return;
        };
        let line = head.lines().next().unwrap_or_default().to_owned();
        let n = {
            let mut requests = shared.requests.lock().unwrap();
            requests.push(line);
            requests.len() - 1
        };
        let play = match &shared.relay {
            Some(relay) => Some(relay.play(n, &head)),
            None => {
                let play = shared.script.lock().unwrap().pop_front();
                play.or_else(|| shared.finally.lock().unwrap().clone())
            }
        };
        let mut consume = || {
            let mut request = vec![0; head.len()];
            stream.read_exact(&mut request).is_ok()
        };
        match play.unwrap_or(Play::Silence) {
            Play::Write(bytes) => {
                if !consume() || stream.write_all(&bytes).is_err() {
                    return;
                }
            }
            Play::WriteAndClose(bytes) => {
                consume();
                let _ = stream.write_all(&bytes);
                let _ = stream.shutdown(Shutdown::Write);
                return;
            }
            Play::WriteAndReset(bytes) => {
                // What was not read makes the system reset the connection when it is closed.
                let _ = stream.write_all(&bytes);
                thread::sleep(Duration::from_millis(20));
                return;
            }
            Play::Drip(bytes, pause) => {
                consume();
                for byte in bytes {
                    thread::sleep(pause);
                    if stopped(shared) || stream.write_all(&[byte]).is_err() {
                        return;
                    }
                }
            }
            Play::Flood(first, again) => {
                consume();
                let mut chunk = first;
                while !stopped(shared) && stream.write_all(&chunk).is_ok() {
                    shared.written.fetch_add(chunk.len(), Ordering::SeqCst);
                    chunk.clone_from(&again);
                }
                return;
            }
            Play::Silence => {
                while !stopped(shared) {
                    thread::sleep(Duration::from_millis(5));
                }
                return;
            }
        }
    }
}

fn stopped(shared: &Shared) -> bool {
    shared.stopped.load(Ordering::SeqCst)
}

/// Closing a connection from which something was not read resets it.
fn reset(stream: &mut TcpStream) {
    let _ = stream.peek(&mut [0]);
}

/// The head of the next request, not yet read from the socket.
fn peek_head(stream: &TcpStream, shared: &Shared) -> Option<String> {
    stream
        .set_read_timeout(Some(Duration::from_millis(20)))
        .unwrap();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if stopped(shared) {
            return None;
        }
        match stream.peek(&mut buffer) {
            Ok(0) => return None,
            Ok(n) => {
                let head = String::from_utf8_lossy(&buffer[..n]).into_owned();
                // On TLS there is no end of a head to be seen: the first of it will do.
                if !buffer[..n].is_ascii() {
                    return Some(head);
                }
                if let Some(end) = head.find("\r\n\r\n") {
                    return Some(head[..end + 4].to_owned());
                }
                thread::sleep(Duration::from_millis(1));
            }
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) => {}
            Err(_) => return None,
        }
    }
}

/// A test of the running file as a process of its own, whose environment holds `CHILD` and these
/// variables alone.
pub fn child<V: AsRef<std::ffi::OsStr>>(test: &str, variables: &[(&str, V)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--nocapture"])
        .env_clear()
        .env("CHILD", "1")
        .envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// What it prints.
pub fn in_a_child<V: AsRef<std::ffi::OsStr>>(test: &str, variables: &[(&str, V)]) -> String {
    let output = child(test, variables).output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// A port that nobody listens on, nor can while the socket is there.
pub fn closed_port() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

/// A folder that goes when the test does.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("ionoscloud-auth-{}-{n}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An HTTP answer with a length.
pub fn answer(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

type Run = fn(&Client) -> Result<String>;

/// One of the endpoints.
pub struct Endpoint {
    pub name: &'static str,
    /// The body of a success.
    pub body: &'static str,
    /// Whether twice is the same as once, by the design's decision 1.
    pub repeatable: bool,
    pub run: Run,
}

fn by(criteria: Criteria, client: &Client) -> Result<String> {
    delete_token_by_criteria(client, &DeleteTokenByCriteriaOptions::new(criteria))
        .map(|answer| format!("{answer:?}"))
}

fn id() -> KeyId {
    KeyId::new(ID).unwrap()
}

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
            get_all_tokens(client, &GetAllTokensOptions::new()).map(|answer| format!("{answer:?}"))
        },
    },
    Endpoint {
        name: "get",
        body: r#"{"id":"a"}"#,
        repeatable: true,
        run: |client| {
            get_token_by_id(client, &GetTokenByIdOptions::new(id()))
                .map(|answer| format!("{answer:?}"))
        },
    },
    Endpoint {
        name: "delete",
        body: DELETED,
        repeatable: true,
        run: |client| {
            delete_token_by_id(client, &DeleteTokenByIdOptions::new(id()))
                .map(|answer| format!("{answer:?}"))
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

/// A client whose waits are short.
pub fn client_of(url: &str, timeout: Duration) -> Client {
    builder_of(url, timeout).build().unwrap()
}

pub fn builder_of(url: &str, timeout: Duration) -> ClientBuilder {
    Client::builder()
        .base_url(url)
        .credentials(Credentials::token("a.b.c"))
        .timeout(timeout)
        .retry(
            RetryPolicy::default()
                .max_retries(2)
                .base_delay(Duration::from_millis(1)),
        )
}

/// Reads the head of one request or response; `None` if the stream ends before.
pub fn read_head(stream: &mut impl std::io::Read) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) if head.len() < 10_000 => head.push(byte[0]),
            _ => return None,
        }
    }
    String::from_utf8(head).ok()
}

/// What the n-th number of a sequence that looks random is made of: `seed` + n × `SPLITMIX`.
pub const SPLITMIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// The finish of splitmix64.
pub fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A proxy that keeps the heads that it was sent, and either tunnels to this port or answers this.
pub fn proxy(to: Result<u16, &'static str>) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heads = Arc::<Mutex<Vec<String>>>::default();
    let keep = Arc::clone(&heads);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                head.push(byte[0]);
            }
            keep.lock().unwrap().push(String::from_utf8(head).unwrap());
            match to {
                Err(answer) => {
                    let _ = stream.write_all(answer.as_bytes());
                }
                Ok(port) => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
                    let target = TcpStream::connect(("127.0.0.1", port)).unwrap();
                    let (mut from, mut back) =
                        (stream.try_clone().unwrap(), target.try_clone().unwrap());
                    thread::spawn(move || std::io::copy(&mut from, &mut &target));
                    thread::spawn(move || std::io::copy(&mut back, &mut stream));
                }
            }
        }
    });
    (port, heads)
}
