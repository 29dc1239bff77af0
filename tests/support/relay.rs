//! A network with faults before a service that keeps state.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::faults::Fault;
use super::{Endpoint, Play};

/// What happens to one request.
#[derive(Clone, Copy)]
pub enum Step {
    Pass,
    /// The fault, and whether the service got the request before it.
    Fault(&'static Fault, bool),
}

/// Passes requests on to a service, one connection for each, or plays a fault.
pub struct Relay {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    service: String,
    /// For the n-th request.
    step: Box<dyn Fn(usize) -> Step + Send + Sync>,
    requests: Mutex<usize>,
    stopped: AtomicBool,
}

impl Relay {
    pub fn start(service: &str, step: impl Fn(usize) -> Step + Send + Sync + 'static) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            service: service.to_owned(),
            step: Box::new(step),
            requests: Mutex::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                thread::spawn(move || serve(&shared, stream.unwrap()));
            }
        });
        Relay { port, shared }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    pub fn requests(&self) -> usize {
        *self.shared.requests.lock().unwrap()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(shared: &Shared, mut stream: TcpStream) {
    let Some(head) = peek_head(&stream, shared) else {
        return;
    };
    let n = {
        let mut requests = shared.requests.lock().unwrap();
        *requests += 1;
        *requests - 1
    };
    let mut consume = || stream.read_exact(&mut vec![0; head.len()]).is_ok();
    let (fault, acted) = match (shared.step)(n) {
        Step::Pass => {
            consume();
            let _ = stream.write_all(&ask(&shared.service, &head));
            let _ = stream.shutdown(Shutdown::Write);
            return;
        }
        Step::Fault(fault, acted) => (fault, acted),
    };
    let body = if acted {
        let answer = String::from_utf8(ask(&shared.service, &head)).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    } else {
        "{}".to_owned()
    };
    let endpoint = Endpoint {
        name: "any",
        body: Box::leak(body.into_boxed_str()),
        repeatable: false,
        run: |_| unreachable!("it is only answered"),
    };
    let running = || !shared.stopped.load(Ordering::SeqCst);
    let play = (fault.play)(&endpoint);
    // What was not read makes the system reset the connection when it is closed.
    if !matches!(play, Play::WriteAndReset(_)) {
        consume();
    }
    match play {
        Play::Write(bytes) | Play::WriteAndClose(bytes) => {
            let _ = stream.write_all(&bytes);
            let _ = stream.shutdown(Shutdown::Write);
        }
        Play::WriteAndReset(bytes) => {
            let _ = stream.write_all(&bytes);
            thread::sleep(Duration::from_millis(5));
        }
        Play::Drip(bytes, pause) => {
            for byte in bytes {
                thread::sleep(pause);
                if !running() || stream.write_all(&[byte]).is_err() {
                    return;
                }
            }
        }
        Play::Flood(first, again) => {
            let mut chunk = first;
            while running() && stream.write_all(&chunk).is_ok() {
                chunk.clone_from(&again);
            }
        }
        Play::Silence => {
            while running() {
                thread::sleep(Duration::from_millis(5));
            }
        }
    }
}

fn peek_head(stream: &TcpStream, shared: &Shared) -> Option<Vec<u8>> {
    let mut buffer = vec![0; 16 * 1024];
    while !shared.stopped.load(Ordering::SeqCst) {
        let n = stream.peek(&mut buffer).ok().filter(|n| *n > 0)?;
        let end = buffer[..n].windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            buffer.truncate(end + 4);
            return Some(buffer);
        }
        thread::sleep(Duration::from_millis(1));
    }
    None
}

/// The service's whole answer.
fn ask(service: &str, head: &[u8]) -> Vec<u8> {
    let mut upstream = TcpStream::connect(service).unwrap();
    let head = String::from_utf8(head.to_vec()).unwrap();
    let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
    upstream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    upstream.read_to_end(&mut answer).unwrap();
    answer
}
