//! A scripted server on a raw socket that misbehaves as networks do.

use std::net::SocketAddr;
use std::ops::RangeBounds;

use super::relay::Relay;
use super::*;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub enum Play {
    /// Writes this, and keeps the connection.
    Write(Vec<u8>),
    /// Writes this, and closes the connection in order.
    WriteAndClose(Vec<u8>),
    /// Writes this, and resets the connection.
    WriteAndReset(Vec<u8>),
    /// Writes this a byte at a time, with a pause before each.
    Drip(Vec<u8>, Duration),
    /// Writes the first, then the second repeatedly.
    Flood(Vec<u8>, Vec<u8>),
    /// Sends nothing, and keeps the connection.
    Silence,
}

#[derive(Default)]
struct Shared {
    script: Mutex<VecDeque<Play>>,
    /// For requests after the end of the script.
    finally: Mutex<Option<Play>>,
    heads: Mutex<Vec<String>>,
    connections: AtomicUsize,
    closed: AtomicUsize,
    written: AtomicUsize,
    stopped: AtomicBool,
    /// Replaces the script.
    relay: Option<Relay>,
}

pub struct FaultServer {
    port: u16,
    shared: Arc<Shared>,
}

impl FaultServer {
    /// Plays the script, one step per request, and the last step for all further requests.
    pub fn start(script: Vec<Play>) -> FaultServer {
        let server = FaultServer::new(Shared::default());
        *server.shared.finally.lock().unwrap() = script.last().cloned();
        *server.shared.script.lock().unwrap() = script.into();
        server
    }

    /// Relays requests to a mock server, and carries out `step` for the n-th request.
    pub fn before(
        base_url: &str,
        step: impl Fn(usize) -> Step + Send + Sync + 'static,
    ) -> FaultServer {
        FaultServer::new(Shared { relay: Some(Relay::new(base_url, step)), ..Shared::default() })
    }

    /// Relays requests to a mock server, and plays the fault for those with these numbers, after
    /// the service has `acted` on them or instead.
    pub fn with_fault(
        base_url: &str,
        at: impl RangeBounds<usize> + Send + Sync + 'static,
        fault: &'static Fault,
        acted: bool,
    ) -> FaultServer {
        FaultServer::before(base_url, move |n| match at.contains(&n) {
            true => Step::Fault(fault, acted),
            false => Step::Pass,
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
                thread::spawn(move || {
                    serve(&shared, stream.unwrap());
                    shared.closed.fetch_add(1, Ordering::SeqCst);
                });
            }
        });
        FaultServer { port, shared }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn https_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    /// The request lines, such as `GET /auth/v1/tokens HTTP/1.1`.
    pub fn requests(&self) -> Vec<String> {
        let first_line = |head: &String| head.lines().next().unwrap_or_default().to_owned();
        let heads = self.shared.heads.lock().unwrap();
        heads.iter().map(first_line).collect()
    }

    /// The requests with their headers.
    pub fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    pub fn written(&self) -> usize {
        self.shared.written.load(Ordering::SeqCst)
    }

    /// Waits until this many requests have come.
    pub fn await_requests(&self, n: usize) {
        while self.shared.heads.lock().unwrap().len() < n {
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Waits until the server has closed this many connections.
    pub fn await_closed(&self, n: usize) {
        while self.shared.closed.load(Ordering::SeqCst) < n {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for FaultServer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(shared: &Shared, mut stream: TcpStream) {
    loop {
        let Some(head) = peek_head(&stream, shared) else {
            return;
        };
        let n = {
            let mut heads = shared.heads.lock().unwrap();
            heads.push(head.clone());
            heads.len() - 1
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
                // Closing a connection with unread data resets it.
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

/// Returns the header section of the next request without removing it from the socket.
fn peek_head(stream: &TcpStream, shared: &Shared) -> Option<String> {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if stopped(shared) {
            return None;
        }
        match stream.peek(&mut buffer) {
            Ok(0) => return None,
            Ok(n) => {
                let head = String::from_utf8_lossy(&buffer[..n]).into_owned();
                // The end of encrypted headers is not visible: the first data is enough.
                if !buffer[..n].is_ascii() {
                    return Some(head);
                }
                if let Some(end) = head.find("\r\n\r\n") {
                    return Some(head[..end + 4].to_owned());
                }
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) if matches!(error.kind(), WouldBlock | TimedOut) => {}
            Err(_) => return None,
        }
    }
}

/// Connects until the listener's queue is full. On Linux, further attempts to connect then hang
/// until these connections are dropped.
pub fn fill_accept_queue(address: &SocketAddr) -> Vec<TcpStream> {
    let mut queued = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(address, Duration::from_millis(200)) {
        queued.push(stream);
        assert!(queued.len() < 10_000, "the queue does not fill");
    }
    queued
}
