//! The service and the gateway in front of it: the response to a request, and whether the service
//! acted.

use std::sync::atomic::AtomicU32;

use self::Network::*;
use crate::support::*;

/// A fixed pseudorandom sequence (splitmix64).
#[derive(Clone, Copy)]
pub struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(SPLITMIX);
        mixed(self.0)
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    pub fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// What the first calls end with: each endpoint meets each of these, and what the others meet is
/// random.
pub const DEALT: [&str; 9] = [
    "Ok",
    "status 3, unknown",
    "status 4",
    "status 4, unknown",
    "status 5, unknown",
    "ConnectionLost, unknown",
    "TimedOut, unknown",
    "ShutDown, unknown",
    "ShutDown",
];

/// What the call ends with, if it is not random. Contract numbers begin at 1.
pub fn dealt(number: u32) -> Option<&'static str> {
    DEALT.get((number as usize - 1) / ENDPOINTS.len()).copied()
}

/// The request of a call, determined by the call's number.
pub fn call_of(seed: u64, number: u32) -> (&'static Endpoint, bool) {
    if dealt(number).is_some() {
        return (&ENDPOINTS[(number as usize - 1) % ENDPOINTS.len()], true);
    }
    let mut random = Random(seed ^ u64::from(number) << 32);
    let endpoint = &ENDPOINTS[random.below(ENDPOINTS.len() as u64) as usize];
    // Whether the token exists.
    (endpoint, !random.one_in(8))
}

/// The requests to the service, and what it did.
pub struct World {
    pub seed: u64,
    /// For each call, how often the service acted, and the number of requests.
    pub acted: Vec<AtomicU32>,
    pub requests: Vec<AtomicU32>,
    pub connections: AtomicUsize,
    pub kinds: Mutex<BTreeMap<String, usize>>,
}

/// What happens to written bytes.
#[derive(Clone, Copy, Debug)]
pub enum Network {
    Whole,
    WholeAndClosed,
    Late,
    Twice,
    Drips,
    CutAndClosed,
    CutAndReset,
    CutAndSilent,
}

#[rustfmt::skip]
const NETWORKS: [Network; 20] = [
    Whole, Whole, Whole, Whole, Whole, Whole, Whole, Whole, WholeAndClosed, WholeAndClosed, Late,
    Twice, Twice, Drips, CutAndClosed, CutAndClosed, CutAndReset, CutAndReset, CutAndReset,
    CutAndSilent,
];

impl World {
    /// Acts on the request, if there is something to do.
    fn act(&self, number: u32) -> bool {
        let (endpoint, exists) = call_of(self.seed, number);
        let acted = &self.acted[number as usize];
        match endpoint.name {
            "get" if !exists => false,
            "delete" => exists && acted.fetch_add(1, Ordering::SeqCst) == 0,
            "create" | "list" | "get" | "delete ALL" | "delete EXPIRED" | "delete CURRENT" => {
                acted.fetch_add(1, Ordering::SeqCst);
                true
            }
            name => panic!("{name} is a new endpoint"),
        }
    }

    /// Returns the body of a success.
    fn body(&self, number: u32) -> String {
        let endpoint = call_of(self.seed, number).0;
        match endpoint.name {
            "create" => format!(r#"{{"token":"{number}.e30.c2ln"}}"#),
            "list" => format!(r#"{{"tokens":[{{"id":"t-{number}"}}]}}"#),
            "get" => format!(r#"{{"id":"t-{number}"}}"#),
            name => {
                assert!(endpoint.deletes(), "{name} is a new endpoint");
                endpoint.body.to_owned()
            }
        }
    }

    /// Plays the service's and the network's part in what the call is to end with.
    fn dealt_response(&self, number: u32, ends_with: &str) -> (Vec<u8>, Network) {
        if ends_with == "status 4" {
            return (service_response(403, ""), Whole);
        }
        self.act(number);
        let page = |status| (response(status, "", "<html>"), Whole);
        match ends_with {
            "Ok" => (response(200, "", &self.body(number)), Whole),
            "status 3, unknown" => page(302),
            "status 4, unknown" => page(403),
            "status 5, unknown" => page(502),
            "ConnectionLost, unknown" => (Vec::new(), CutAndReset),
            "TimedOut, unknown" | "ShutDown, unknown" => (Vec::new(), CutAndSilent),
            _ => panic!("there is a request before {ends_with}"),
        }
    }

    /// Returns the service's own response.
    fn statement(&self, number: u32, acted: bool, random: &mut Random) -> Vec<u8> {
        if !acted {
            return service_response(404, "");
        }
        if call_of(self.seed, number).0.deletes() {
            match random.below(16) {
                0..4 => return response(200, "", ""),
                4..7 => return b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
                _ => {}
            }
        }
        let body = self.body(number);
        match random.below(6) {
            0 => format!("HTTP/1.1 200 OK\r\n\r\n{body}").into_bytes(),
            1 => format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            )
            .into_bytes(),
            _ => response(200, "", &body),
        }
    }

    /// Returns the response to a request, and how the network delivers it.
    pub fn respond(&self, number: u32) -> (Vec<u8>, Network) {
        let nth = self.requests[number as usize].fetch_add(1, Ordering::SeqCst);
        if let Some(ends_with) = dealt(number) {
            return self.dealt_response(number, ends_with);
        }
        let mut random = Random(self.seed ^ u64::from(number) << 32 ^ u64::from(nth + 1) << 16);
        let network = random.of(&NETWORKS);
        let maybe_acts = |random: &mut Random| {
            if random.one_in(2) {
                self.act(number);
            }
        };
        let bytes = match random.below(20) {
            0..=8 => {
                let acted = self.act(number);
                self.statement(number, acted, &mut random)
            }
            // A gateway that did not get a response, or does not pass it on.
            9..=11 => {
                maybe_acts(&mut random);
                let status = random.of(&[
                    502, 502, 503, 503, 503, 504, 504, 408, 425, 301, 302, 302, 303, 403, 403, 404,
                    404, 409, 418, 101, 500, 507, 520, 599, 202, 206,
                ]);
                let again = random.of(&["", "", "Retry-After: 0\r\n", "Retry-After: 60\r\n"]);
                response(status, again, "<html>")
            }
            // The service or a gateway refuses without acting.
            12 | 13 => {
                let again = random.of(&["", "Retry-After: 0\r\n", "Retry-After: 60\r\n"]);
                match random.below(3) {
                    0 => service_response(random.of(&[429, 503]), again),
                    1 => service_response(random.of(&[400, 401, 403]), ""),
                    _ => {
                        let statuses = [400, 401, 405, 407, 413, 431, 501, 511, 429, 429];
                        response(random.of(&statuses), again, "<html>")
                    }
                }
            }
            14 => {
                maybe_acts(&mut random);
                service_response(500, "")
            }
            15 => {
                maybe_acts(&mut random);
                Vec::new()
            }
            16 => {
                maybe_acts(&mut random);
                random
                    .of(&[
                        &b"HTTP/1.1 200 OK\r\n\r\n"[..],
                        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
                        b"HTTP/1.0 200 OK\r\n\r\n",
                    ])
                    .to_vec()
            }
            17 => {
                maybe_acts(&mut random);
                random
                    .of(&[&b"SSH-2.0-OpenSSH_9.2\r\n"[..], b"\xff\xff\xff\xff\xff", b"{}"])
                    .to_vec()
            }
            18 => {
                maybe_acts(&mut random);
                response(random.of(&[200, 202]), "", "<html>log in to the hotel</html>")
            }
            _ if call_of(self.seed, number).0.deletes() => {
                response(200, "", r#"{"success":false}"#)
            }
            _ => service_response(403, ""),
        };
        (bytes, network)
    }
}
