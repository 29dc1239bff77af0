//! An HTTP/1.1 server on 127.0.0.1, with a thread per connection. It does not depend on the API.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The maximum sizes of a request's header section and body.
const MAX_HEAD: u64 = 64 * 1024;
const MAX_BODY: u64 = 1024 * 1024;

/// A request, without its body.
pub(super) struct Request {
    pub(super) method: String,
    /// The path and query.
    pub(super) target: String,
    headers: Vec<(String, String)>,
    is_http_1_0: bool,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let found = |(other, _): &&(String, String)| other.eq_ignore_ascii_case(name);
        self.headers
            .iter()
            .find(found)
            .map(|(_, value)| value.as_str())
    }

    fn closes(&self) -> bool {
        let connection = self.header("connection").unwrap_or_default();
        connection.eq_ignore_ascii_case("close")
            || self.is_http_1_0 && !connection.eq_ignore_ascii_case("keep-alive")
    }
}

pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

/// How the server answers a request.
pub(super) enum Answer {
    Whole(Response),
    /// Sends half of the body, then closes the connection.
    Half(Response),
    /// Closes the connection.
    Nothing,
    Late(Duration, Box<Answer>),
}

type Handler = dyn Fn(&Request) -> Answer + Send + Sync;

/// A running server. Dropping it ends the server and all of its connections.
pub(super) struct Server {
    address: SocketAddr,
    open: Arc<Mutex<Open>>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Open {
    connections: Vec<TcpStream>,
    is_over: bool,
}

impl Server {
    pub(super) fn start(
        handler: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> io::Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let open = Arc::<Mutex<Open>>::default();
        let (handler, accepted): (Arc<Handler>, _) = (Arc::new(handler), Arc::clone(&open));
        let accepting = thread::Builder::new()
            .name("mock-auth-api".to_owned())
            .spawn(move || accept(&listener, &handler, &accepted))?;
        Ok(Server {
            address,
            open,
            accepting: Some(accepting),
        })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let connections = {
            let mut open = lock(&self.open);
            open.is_over = true;
            std::mem::take(&mut open.connections)
        };
        for connection in connections {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the accepting thread, which then sees that the server has ended.
        if TcpStream::connect(self.address).is_ok() {
            if let Some(accepting) = self.accepting.take() {
                let _ = accepting.join();
            }
        }
    }
}

fn accept(listener: &TcpListener, handler: &Arc<Handler>, open: &Mutex<Open>) {
    for stream in listener.incoming() {
        // For example, too many open files.
        let Ok((stream, closer)) = stream.and_then(|stream| Ok((stream.try_clone()?, stream)))
        else {
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        {
            let mut open = lock(open);
            if open.is_over {
                return;
            }
            open.connections
                .retain(|connection| connection.peer_addr().is_ok());
            open.connections.push(closer);
        }
        let handler = Arc::clone(handler);
        // If no thread can be started, the connection is closed.
        let _ = thread::Builder::new()
            .name("mock-auth-api".to_owned())
            .spawn(move || serve(stream, &*handler));
    }
}

/// Answers requests until one side closes the connection.
fn serve(stream: TcpStream, handler: &Handler) {
    let _ = stream.set_nodelay(true);
    let Ok(mut writing) = stream.try_clone() else {
        return;
    };
    let mut reading = BufReader::new(stream);
    while let Some(request) = read_request(&mut reading) {
        if !answer(&mut writing, &request, handler(&request)) {
            break;
        }
    }
    // The server has another handle, which would keep the connection open.
    let _ = writing.shutdown(Shutdown::Both);
}

/// Sends the answer. Returns whether the connection stays open.
fn answer(stream: &mut TcpStream, request: &Request, answer: Answer) -> bool {
    let (response, is_whole) = match answer {
        Answer::Nothing => return false,
        Answer::Late(delay, then) => {
            thread::sleep(delay);
            return self::answer(stream, request, *then);
        }
        Answer::Whole(response) => (response, true),
        Answer::Half(response) => (response, false),
    };
    let Response {
        status,
        headers,
        body,
    } = response;
    // These have neither a body nor a length.
    let is_bodiless = matches!(status, 204 | 304);
    let mut bytes = format!("HTTP/1.1 {status} {}\r\n", reason_phrase(status));
    for (name, value) in &headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    if !is_bodiless {
        bytes.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    if !is_bodiless && request.method != "HEAD" {
        let length = if is_whole { body.len() } else { body.len() / 2 };
        bytes.extend(body.bytes().take(length));
    }
    stream.write_all(&bytes).is_ok() && is_whole && !request.closes()
}

fn reason_phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

/// Reads a request. Returns `None` at the end of the connection, and if it is not valid.
fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut head = stream.by_ref().take(MAX_HEAD);
    let line = read_line(&mut head)?;
    let mut words = line.split(' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let mut request = Request {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
        is_http_1_0: version == "HTTP/1.0",
    };
    loop {
        let line = read_line(&mut head)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        let header = (name.to_owned(), value.trim().to_owned());
        request.headers.push(header);
    }
    // The body is skipped, because no endpoint uses it.
    let length: u64 = match request.header("content-length") {
        Some(length) => length.parse().ok().filter(|length| *length <= MAX_BODY)?,
        None if request.header("transfer-encoding").is_some() => return None,
        None => 0,
    };
    let mut body = stream.by_ref().take(length);
    io::copy(&mut body, &mut io::sink()).ok()?;
    Some(request)
}

fn read_line(stream: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    stream.read_line(&mut line).ok()?;
    let line = line.strip_suffix('\n')?;
    Some(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

/// Locks even after a panic, so that one failed test does not make others fail.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
