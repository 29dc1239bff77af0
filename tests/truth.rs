//! The truth: whatever a network, a proxy, a gateway and the service do, and whenever time runs out or
//! the client is shut down, what a call says of its request is so. The service counts for each call how
//! often it acted; the calls are told apart by their contract number.
//!
//! Some thousands of calls; `TRUTH_CALLS=1000000 cargo test --release --test truth` makes a million.
//! What fails is made again by `TRUTH_SEED`, as far as threads allow.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ionoscloud_auth::*;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use support::faults::service_answer;
use support::tls::{authority, certificate, config};
use support::{SPLITMIX, answer, mixed, read_head};

/// How late a call may be on a machine that is busy with all of this.
const SLACK: Duration = Duration::from_secs(3);
const CALLS_A_ROUND: u32 = 24;
const THREADS_A_ROUND: u32 = 6;

/// A sequence that looks random and is the same each time (splitmix64).
#[derive(Clone, Copy)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(SPLITMIX);
        mixed(self.0)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Endpoint {
    Create,
    List,
    Get,
    Delete,
    All,
    Expired,
    Current,
}

impl Endpoint {
    const EVERY: [Endpoint; 7] = [
        Endpoint::Create,
        Endpoint::List,
        Endpoint::Get,
        Endpoint::Delete,
        Endpoint::All,
        Endpoint::Expired,
        Endpoint::Current,
    ];

    fn deletes(self) -> bool {
        !matches!(self, Endpoint::Create | Endpoint::List | Endpoint::Get)
    }

    fn may_be_repeated(self) -> bool {
        !matches!(self, Endpoint::Create | Endpoint::All | Endpoint::Current)
    }
}

/// What one call asks for: its number says all of it.
fn call_of(seed: u64, number: u32) -> (Endpoint, bool) {
    let mut random = Random(seed ^ u64::from(number) << 32);
    let endpoint = random.of(&Endpoint::EVERY);
    // Whether the user has the token that it names.
    (endpoint, !random.one_in(8))
}

/// The service, the gateway before it, a proxy, and the network.
struct World {
    seed: u64,
    /// For each call, how often the service acted on it, and how many requests it was sent.
    acted: Vec<AtomicU32>,
    requests: Vec<AtomicU32>,
    connections: AtomicUsize,
    kinds: Mutex<BTreeMap<String, usize>>,
}

/// What happens to what is written.
#[derive(Clone, Copy, Debug)]
enum Network {
    Whole,
    WholeAndClosed,
    Late,
    Twice,
    Drips,
    CutAndClosed,
    CutAndReset,
    CutAndSilent,
}

const NETWORKS: [Network; 20] = [
    Network::Whole,
    Network::Whole,
    Network::Whole,
    Network::Whole,
    Network::Whole,
    Network::Whole,
    Network::Whole,
    Network::Whole,
    Network::WholeAndClosed,
    Network::WholeAndClosed,
    Network::Late,
    Network::Twice,
    Network::Twice,
    Network::Drips,
    Network::CutAndClosed,
    Network::CutAndClosed,
    Network::CutAndReset,
    Network::CutAndReset,
    Network::CutAndReset,
    Network::CutAndSilent,
];

impl World {
    /// Acts, if there is something to act on.
    fn act(&self, number: u32) -> bool {
        let (endpoint, exists) = call_of(self.seed, number);
        let acted = &self.acted[number as usize];
        match endpoint {
            Endpoint::Get if !exists => false,
            Endpoint::Delete => exists && acted.fetch_add(1, Ordering::SeqCst) == 0,
            _ => {
                acted.fetch_add(1, Ordering::SeqCst);
                true
            }
        }
    }

    /// What the service itself answers to what it has acted on, or not.
    fn statement(&self, number: u32, acted: bool, random: &mut Random) -> Vec<u8> {
        if !acted {
            return service_answer(404, "");
        }
        let body = match call_of(self.seed, number).0 {
            Endpoint::Create => format!(r#"{{"token":"{number}.e30.c2ln"}}"#),
            Endpoint::List => format!(r#"{{"tokens":[{{"id":"t-{number}"}}]}}"#),
            Endpoint::Get => format!(r#"{{"id":"t-{number}"}}"#),
            _ if random.one_in(4) => return answer(200, "", ""),
            _ if random.one_in(4) => return b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
            _ => r#"{"success":true}"#.to_owned(),
        };
        match random.below(6) {
            0 => format!("HTTP/1.1 200 OK\r\n\r\n{body}").into_bytes(),
            1 => format!(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            )
            .into_bytes(),
            _ => answer(200, "", &body),
        }
    }

    /// What comes back for a request, and whether it ends by closing the connection.
    fn respond(&self, number: u32) -> (Vec<u8>, Network) {
        let nth = self.requests[number as usize].fetch_add(1, Ordering::SeqCst);
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
            // A gateway that got no answer, and knows nothing.
            9..=11 => {
                maybe_acts(&mut random);
                let status = random.of(&[
                    502, 502, 503, 503, 503, 504, 504, 408, 425, 303, 101, 500, 507, 520, 599, 202,
                    206,
                ]);
                let again = random.of(&["", "", "Retry-After: 0\r\n", "Retry-After: 60\r\n"]);
                answer(status, again, "<html>")
            }
            // The service or a gateway that refuses, and has done nothing.
            12 | 13 => {
                let again = random.of(&["", "Retry-After: 0\r\n", "Retry-After: 60\r\n"]);
                match random.below(3) {
                    0 => service_answer(random.of(&[429, 503]), again),
                    1 => service_answer(random.of(&[400, 401, 403]), ""),
                    _ => {
                        let statuses = [400, 403, 404, 404, 413, 501, 511, 302, 429];
                        answer(random.of(&statuses), again, "<html>")
                    }
                }
            }
            14 => {
                maybe_acts(&mut random);
                service_answer(500, "")
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
                    .of(&[
                        &b"SSH-2.0-OpenSSH_9.2\r\n"[..],
                        b"\xff\xff\xff\xff\xff",
                        b"{}",
                    ])
                    .to_vec()
            }
            18 => {
                maybe_acts(&mut random);
                answer(
                    random.of(&[200, 202]),
                    "",
                    "<html>log in to the hotel</html>",
                )
            }
            _ if call_of(self.seed, number).0.deletes() => answer(200, "", r#"{"success":false}"#),
            _ => service_answer(403, ""),
        };
        (bytes, network)
    }
}

/// What is written through, and the socket below it.
struct Wire<S> {
    socket: TcpStream,
    stream: S,
}

fn reset(socket: &TcpStream) {
    let _ = socket2::SockRef::from(socket).set_linger(Some(Duration::ZERO));
}

/// Until the other side goes.
fn wait_for_the_end(mut socket: &TcpStream) {
    let _ = socket.set_read_timeout(Some(Duration::from_secs(30)));
    while socket.read(&mut [0; 1024]).is_ok_and(|n| n > 0) {}
}

impl<S: Read + Write> Wire<S> {
    /// Whether the connection goes on.
    fn write(&mut self, bytes: &[u8], network: Network, random: &mut Random) -> bool {
        // What declares no length ends with the connection.
        let is_open_ended = bytes.is_empty()
            || !bytes
                .windows(8)
                .any(|part| part == b"Content-" || part == b"Transfer")
                && !bytes.starts_with(b"HTTP/1.1 204");
        let cut = random.below(bytes.len() as u64 + 1) as usize;
        match network {
            Network::Whole if !is_open_ended => self.stream.write_all(bytes).is_ok(),
            Network::Late if !is_open_ended => {
                thread::sleep(Duration::from_millis(random.below(120)));
                self.stream.write_all(bytes).is_ok()
            }
            Network::Twice if !is_open_ended => {
                self.stream.write_all(&[bytes, bytes].concat()).is_ok()
            }
            Network::Drips if !is_open_ended => bytes.chunks(7).all(|piece| {
                thread::sleep(Duration::from_millis(2));
                self.stream.write_all(piece).is_ok()
            }),
            Network::CutAndReset => {
                let _ = self.stream.write_all(&bytes[..cut]);
                thread::sleep(Duration::from_millis(random.below(3)));
                reset(&self.socket);
                false
            }
            Network::CutAndSilent => {
                let _ = self.stream.write_all(&bytes[..cut]);
                wait_for_the_end(&self.socket);
                false
            }
            Network::CutAndClosed => {
                let _ = self.stream.write_all(&bytes[..cut]);
                let _ = self.socket.shutdown(Shutdown::Write);
                false
            }
            _ => {
                let _ = self.stream.write_all(bytes);
                let _ = self.socket.shutdown(Shutdown::Write);
                false
            }
        }
    }

    fn serve(mut self, world: &World, random: &mut Random) {
        while let Some(head) = read_head(&mut self.stream) {
            let number = head
                .lines()
                .find_map(|line| {
                    let line = line.to_ascii_lowercase();
                    line.strip_prefix("x-contract-number: ")?.parse().ok()
                })
                .unwrap();
            let (bytes, network) = world.respond(number);
            if !self.write(&bytes, network, random) {
                return;
            }
        }
    }

    /// TLS on what is there; `None` where it is not agreed.
    fn with_tls(
        mut self,
        config: &Arc<ServerConfig>,
        random: &mut Random,
    ) -> Option<Wire<StreamOwned<ServerConnection, S>>> {
        match random.below(30) {
            0 => reset(&self.socket),
            1 => wait_for_the_end(&self.socket),
            2 => drop(self.stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
            3 => drop(self.stream.write_all(b"\x15\x03\x03\x00\x02\x02\x28")),
            _ => {
                let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                let stream = StreamOwned::new(connection, self.stream);
                let socket = self.socket;
                return Some(Wire { socket, stream });
            }
        }
        None
    }

    /// Answers CONNECT; `None` where there is no tunnel.
    fn tunnelled(mut self, random: &mut Random) -> Option<Wire<S>> {
        read_head(&mut self.stream)?;
        let refusal: &[u8] = match random.below(30) {
            0 => b"HTTP/1.1 407 X\r\nContent-Length: 0\r\n\r\n",
            1 => b"HTTP/1.1 502 X\r\n\r\n",
            2 => b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            3 => b"garbage\r\n\r\n",
            4 => {
                reset(&self.socket);
                return None;
            }
            5 => {
                wait_for_the_end(&self.socket);
                return None;
            }
            6 => {
                for byte in b"HTTP/1.1 200 OK\r\nX-Drip: drip\r\n\r\n" {
                    thread::sleep(Duration::from_millis(random.below(8)));
                    self.stream.write_all(&[*byte]).ok()?;
                }
                return Some(self);
            }
            _ => {
                self.stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").ok()?;
                return Some(self);
            }
        };
        let _ = self.stream.write_all(refusal);
        None
    }
}

/// What a listener is.
#[derive(Clone, Copy)]
struct Door {
    /// A proxy, by http or https.
    proxy: Option<bool>,
    https: bool,
}

struct Configs {
    proxy: Arc<ServerConfig>,
    service: Arc<ServerConfig>,
}

fn serve(world: &World, door: Door, configs: &Configs, socket: TcpStream) -> Option<()> {
    let n = world.connections.fetch_add(1, Ordering::SeqCst) as u64;
    let mut random = Random(world.seed ^ n << 8);
    if random.one_in(40) {
        reset(&socket);
        return None;
    }
    let stream = socket.try_clone().unwrap();
    let wire = Wire { socket, stream };
    match door.proxy {
        None => reach(world, door, configs, wire, &mut random),
        Some(false) => {
            let wire = wire.tunnelled(&mut random)?;
            reach(world, door, configs, wire, &mut random)
        }
        Some(true) => {
            let wire = wire.with_tls(&configs.proxy, &mut random)?;
            let wire = wire.tunnelled(&mut random)?;
            reach(world, door, configs, wire, &mut random)
        }
    }
}

/// The service itself.
fn reach<S: Read + Write>(
    world: &World,
    door: Door,
    configs: &Configs,
    wire: Wire<S>,
    random: &mut Random,
) -> Option<()> {
    if door.https {
        wire.with_tls(&configs.service, random)?
            .serve(world, random);
    } else {
        wire.serve(world, random);
    }
    Some(())
}

fn listen(world: &Arc<World>, door: Door, configs: &Arc<Configs>) -> u16 {
    let (world, configs) = (Arc::clone(world), Arc::clone(configs));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for socket in listener.incoming() {
            let (world, configs) = (Arc::clone(&world), Arc::clone(&configs));
            thread::spawn(move || serve(&world, door, &configs, socket.unwrap()));
        }
    });
    port
}

/// Makes the call. What it brings must be its own.
fn make(client: &Client, endpoint: Endpoint, number: u32) -> Result<()> {
    let id = format!("t-{number}");
    let by = |criteria| {
        let options = DeleteTokenByCriteriaOptions::new(criteria).contract_number(number);
        delete_token_by_criteria(client, &options).map(|answer| assert!(answer.success))
    };
    let key_id = KeyId::new(id.as_str()).unwrap();
    match endpoint {
        Endpoint::Create => {
            let jwt = create_token(client, &CreateTokenOptions::new().contract_number(number))?;
            assert_eq!(jwt.token(), format!("{number}.e30.c2ln"));
            Ok(())
        }
        Endpoint::List => {
            let options = GetAllTokensOptions::new().contract_number(number);
            let tokens = get_all_tokens(client, &options)?.tokens;
            assert_eq!(tokens[0].id.as_str(), id, "the answer to another call");
            Ok(())
        }
        Endpoint::Get => {
            let options = GetTokenByIdOptions::new(key_id).contract_number(number);
            let token = get_token_by_id(client, &options)?;
            assert_eq!(token.id.as_str(), id, "the answer to another call");
            Ok(())
        }
        Endpoint::Delete => {
            let options = DeleteTokenByIdOptions::new(key_id).contract_number(number);
            delete_token_by_id(client, &options).map(|answer| assert!(answer.success))
        }
        Endpoint::All => by(Criteria::All),
        Endpoint::Expired => by(Criteria::Expired),
        Endpoint::Current => by(Criteria::Current),
    }
}

/// What the caller was told.
struct Told {
    number: u32,
    result: Result<()>,
}

impl World {
    fn check(&self, told: &Told) {
        let Told { number, result } = told;
        let (endpoint, exists) = call_of(self.seed, *number);
        let acted = self.acted[*number as usize].load(Ordering::SeqCst);
        let case = || {
            let requests = self.requests[*number as usize].load(Ordering::SeqCst);
            format!(
                "seed {}, call {number}, {endpoint:?}, {requests} requests, acted {acted}: {result:?}",
                self.seed
            )
        };
        if !endpoint.may_be_repeated() {
            assert!(acted <= 1, "it was done twice: {}", case());
        }
        match result {
            Ok(()) if endpoint == Endpoint::Delete => {
                assert!(acted > 0 || !exists, "the token lives: {}", case());
            }
            Ok(()) => assert!(acted > 0, "it was not done: {}", case()),
            Err(error) if !error.outcome_unknown() => {
                assert_eq!(acted, 0, "it was done: {}", case());
            }
            Err(_) => {}
        }
    }

    /// One client, some threads, and perhaps a shutdown.
    fn round(&self, first: u32, urls: &[(String, Option<String>)], roots: &str) -> Vec<Told> {
        let mut random = Random(self.seed ^ u64::from(first) << 20);
        let (url, proxy) = &urls[random.below(urls.len() as u64) as usize];
        let timeout = Duration::from_millis(random.of(&[30, 100, 100, 300, 300, 300, 1000, 3000]));
        let mut builder = Client::builder()
            .base_url(url)
            .allow_insecure_http(true)
            .credentials(Credentials::token("a.b.c"))
            .root_certificates_pem(roots)
            .timeout(timeout)
            .retry(
                RetryPolicy::default()
                    .max_retries(random.below(4) as u32)
                    .base_delay(Duration::from_millis(1)),
            );
        builder = match proxy {
            Some(proxy) => builder.proxy(proxy),
            None => builder.no_proxy(),
        };
        let client = builder.build().unwrap();
        let shutdown = random
            .one_in(3)
            .then(|| Duration::from_micros(random.below(80_000)));
        let next = AtomicU32::new(first);
        let told = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..THREADS_A_ROUND {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        if number >= first + CALLS_A_ROUND {
                            return;
                        }
                        let (endpoint, _) = call_of(self.seed, number);
                        let started = Instant::now();
                        let result = make(&client, endpoint, number);
                        let elapsed = started.elapsed();
                        assert!(elapsed < timeout + SLACK, "{elapsed:?}: {result:?}");
                        let said = Told { number, result };
                        self.check(&said);
                        self.count(endpoint, &said.result);
                        told.lock().unwrap().push(said);
                    }
                });
            }
            if let Some(after) = shutdown {
                thread::sleep(after);
                client.shutdown();
            }
        });
        told.into_inner().unwrap()
    }

    fn count(&self, endpoint: Endpoint, result: &Result<()>) {
        let said = match result {
            Ok(()) => "Ok".to_owned(),
            Err(Error::Transport(error)) => format!("{:?}", error.kind),
            Err(error) => format!("status {}", error.status().unwrap_or_default() / 100),
        };
        let unknown = match result {
            Err(error) if error.outcome_unknown() => ", unknown",
            _ => "",
        };
        let kind = format!("{endpoint:?}: {said}{unknown}");
        *self.kinds.lock().unwrap().entry(kind).or_default() += 1;
    }
}

#[test]
fn what_a_call_says_is_so() {
    let variable = |name| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let calls = variable("TRUTH_CALLS").unwrap_or(6_000);
    let rounds = u32::try_from(calls / u64::from(CALLS_A_ROUND)).unwrap();
    let calls = rounds * CALLS_A_ROUND;
    let time = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let seed = variable("TRUTH_SEED").unwrap_or(time.as_nanos() as u64);
    println!("TRUTH_SEED={seed} TRUTH_CALLS={calls}");
    let count = || (0..=calls).map(|_| AtomicU32::new(0)).collect();
    let world = Arc::new(World {
        seed,
        acted: count(),
        requests: count(),
        connections: AtomicUsize::new(0),
        kinds: Mutex::default(),
    });
    let ca = authority("truth");
    let host = "auth.example.test";
    let identity = |name| Arc::new(config(certificate(name, 2020..2100, Some(&ca))));
    let [direct, proxied] = ["127.0.0.1", host].map(|service| {
        Arc::new(Configs {
            proxy: identity("127.0.0.1"),
            service: identity(service),
        })
    });
    let mut urls = Vec::new();
    for (https, scheme) in [(false, "http"), (true, "https")] {
        let door = Door { proxy: None, https };
        let port = listen(&world, door, &direct);
        urls.push((format!("{scheme}://127.0.0.1:{port}"), None));
        for (over_tls, to_proxy) in [(false, "http"), (true, "https")] {
            let proxy = Some(over_tls);
            let port = listen(&world, Door { proxy, https }, &proxied);
            let proxy = format!("{to_proxy}://127.0.0.1:{port}");
            urls.push((format!("{scheme}://{host}"), Some(proxy)));
        }
    }

    let next = AtomicU32::new(0);
    let told = Mutex::new(Vec::new());
    let started = Instant::now();
    // Most of a call is waiting.
    let at_once = if calls > 50_000 { 40 } else { 10 };
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let round = next.fetch_add(1, Ordering::SeqCst);
                    if round >= rounds {
                        return;
                    }
                    // Contract numbers begin with 1.
                    let said = world.round(1 + round * CALLS_A_ROUND, &urls, &ca.pem);
                    told.lock().unwrap().extend(said);
                }
            });
        }
    });
    // What was still on its way to the service when its caller was told.
    thread::sleep(Duration::from_millis(500));
    let told = told.into_inner().unwrap();
    assert_eq!(told.len(), calls as usize);
    told.iter().for_each(|said| world.check(said));

    let kinds = world.kinds.lock().unwrap();
    println!(
        "{:?}, {} connections",
        started.elapsed(),
        world.connections.load(Ordering::SeqCst)
    );
    for (kind, count) in kinds.iter() {
        println!("{count:8} {kind}");
    }
    // Each endpoint has met all of it: a test that sees nothing shows nothing.
    for endpoint in Endpoint::EVERY {
        for said in [
            "Ok",
            "status 5, unknown",
            "ConnectionLost, unknown",
            "TimedOut, unknown",
            "ShutDown",
            "status 4",
        ] {
            let kind = format!("{endpoint:?}: {said}");
            assert!(kinds.contains_key(&kind), "{kind} was not met");
        }
    }
}
