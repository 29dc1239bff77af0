//! An HTTP server on 127.0.0.1. It answers one request per connection.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

const MAX_HEAD: u64 = 64 * 1024;

/// A request that a [`MockAuthApi`](super::MockAuthApi) received.
///
/// `Display` and `Debug` show the method and target, such as `GET /auth/v1/tokens`, but not the
/// headers, because they contain credentials.
#[derive(Clone)]
pub struct MockRequest {
    /// The method, such as `DELETE`.
    pub method: String,
    /// The path and query, such as `/auth/v1/tokens?criteria=EXPIRED`.
    pub target: String,
    /// The lines before the body.
    head: String,
}

impl MockRequest {
    /// Returns the value of the first header with this name, in upper or lower case.
    ///
    /// # Examples
    ///
    /// ```
    /// # use ionoscloud_auth::mock::MockAuthApi;
    /// # use ionoscloud_auth::{Client, GetAllTokensOptions, get_all_tokens};
    /// let api = MockAuthApi::start();
    /// let client = Client::builder()
    ///     .base_url(api.base_url())
    ///     .credentials(api.credentials())
    ///     .contract_number(api.contract_number())
    ///     .build()?;
    /// get_all_tokens(&client, &GetAllTokensOptions::new())?;
    ///
    /// let request = &api.requests()[0];
    /// assert_eq!(request.to_string(), "GET /auth/v1/tokens");
    /// assert_eq!(request.header("X-Contract-Number"), Some("31952746"));
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut headers = lines.filter_map(|line| line.split_once(':'));
        let (_, value) = headers.find(|(other, _)| other.eq_ignore_ascii_case(name))?;
        Some(value.trim())
    }

    /// Reads a request up to its body. Returns `None` if it is cut off or not a request.
    fn read(stream: &mut impl BufRead) -> Option<MockRequest> {
        let mut stream = stream.take(MAX_HEAD);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") && !head.ends_with("\n\n") {
            if stream.read_line(&mut head).ok()? == 0 {
                return None;
            }
        }
        let mut words = head.split_whitespace();
        let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
        Some(MockRequest {
            method,
            target,
            head,
        })
    }
}

impl fmt::Display for MockRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.target)
    }
}

impl fmt::Debug for MockRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MockRequest({self})")
    }
}

/// A running server. Dropping it closes its port.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    is_over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server. `answer` returns what it sends, byte for byte.
    pub(super) fn start(
        answer: impl Fn(&MockRequest) -> Vec<u8> + Clone + Send + 'static,
    ) -> io::Result<Server> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        let accepting = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ends.load(Ordering::SeqCst) {
                    break;
                }
                let answer = answer.clone();
                // If no thread can be started, the connection is closed.
                let _ = thread::Builder::new().spawn(move || serve(&stream, answer));
            }
        });
        Ok(Server {
            address,
            is_over,
            accepting: Some(accepting),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::SeqCst);
        // A connection wakes the thread that accepts.
        if TcpStream::connect(self.address).is_ok() {
            let _ = self.accepting.take().map(JoinHandle::join);
        }
    }
}

fn serve(mut stream: &TcpStream, answer: impl Fn(&MockRequest) -> Vec<u8>) {
    let mut reading = BufReader::new(stream);
    if let Some(request) = MockRequest::read(&mut reading) {
        let _ = stream.write_all(&answer(&request));
    }
    let _ = stream.shutdown(Shutdown::Write);
    // Closing it with unread bytes, such as a body, would reset the connection.
    let _ = io::copy(&mut reading, &mut io::sink());
}
