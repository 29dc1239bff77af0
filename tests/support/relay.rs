//! Faults in front of a mock server.

use super::*;

/// What happens to one request.
#[derive(Clone, Copy)]
pub enum Step {
    Pass,
    /// The fault, and whether the service receives the request before it.
    Fault(&'static Fault, bool),
}

pub struct Relay {
    /// The host and port.
    service: String,
    /// Chooses the step for the n-th request.
    step: Box<dyn Fn(usize) -> Step + Send + Sync>,
}

impl Relay {
    pub fn new(base_url: &str, step: impl Fn(usize) -> Step + Send + Sync + 'static) -> Relay {
        let host = base_url.strip_prefix("http://").unwrap();
        Relay { service: host.strip_suffix("/auth/v1").unwrap().to_owned(), step: Box::new(step) }
    }

    pub fn play(&self, n: usize, head: &str) -> Play {
        let (fault, acted) = match (self.step)(n) {
            Step::Pass => return Play::WriteAndClose(self.ask(head)),
            Step::Fault(fault, acted) => (fault, acted),
        };
        let body = if acted {
            let response = String::from_utf8(self.ask(head)).unwrap();
            response.split_once("\r\n\r\n").unwrap().1.to_owned()
        } else {
            // Long enough for every fault that cuts it.
            r#"{"nothing":"was done"}"#.to_owned()
        };
        (fault.play)(&body)
    }

    /// Returns the service's complete response.
    fn ask(&self, head: &str) -> Vec<u8> {
        let mut upstream = TcpStream::connect(&self.service).unwrap();
        let head = head.replacen("\r\n", "\r\nConnection: close\r\n", 1);
        upstream.write_all(head.as_bytes()).unwrap();
        let mut response = Vec::new();
        upstream.read_to_end(&mut response).unwrap();
        response
    }
}
