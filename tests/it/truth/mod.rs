//! What a call reports about its request is true, regardless of what the network, a proxy, a
//! gateway and the service do, and of timeouts and shutdowns. The service counts how often it acted
//! for each call, which it identifies by its contract number.
//!
//! `TRUTH_CALLS=1000000 cargo test --release --test it -- truth` makes a million calls. Setting the
//! `TRUTH_SEED` that a failure prints reproduces it, as far as threads allow.

mod wire;
mod world;

use std::sync::atomic::AtomicU32;

use self::wire::{Configs, Role, listen};
use self::world::{DEALT, Random, World, call_of, dealt};
use crate::support::*;

/// How late a call may end on a busy machine, where a hundred calls of this test run at once. What
/// does not mind its time limit is later, since a silent peer is silent for longer.
const LATE: Duration = Duration::from_secs(60);
const CALLS_A_ROUND: u32 = 24;
const THREADS_A_ROUND: u32 = 6;

/// Makes the call. Its result must belong to it.
fn make(client: &Client, endpoint: &Endpoint, number: u32) -> Result<()> {
    let id = KeyId::new(format!("t-{number}")).unwrap();
    let by = |criteria| {
        let options = DeleteTokenByCriteriaOptions::new(criteria).contract_number(number);
        delete_token_by_criteria(client, &options).map(|response| assert!(response.success))
    };
    match endpoint.name {
        "create" => {
            let jwt = create_token(client, &CreateTokenOptions::new().contract_number(number))?;
            assert_eq!(jwt.token(), format!("{number}.e30.c2ln"));
        }
        "list" => {
            let options = GetAllTokensOptions::new().contract_number(number);
            let tokens = get_all_tokens(client, &options)?.tokens;
            assert_eq!(tokens[0].id, id, "the response to another call");
        }
        "get" => {
            let options = GetTokenByIdOptions::new(&id).contract_number(number);
            let token = get_token_by_id(client, &options)?;
            assert_eq!(token.id, id, "the response to another call");
        }
        "delete" => {
            let options = DeleteTokenByIdOptions::new(id).contract_number(number);
            assert!(delete_token_by_id(client, &options)?.success);
        }
        "delete ALL" => by(Criteria::All)?,
        "delete EXPIRED" => by(Criteria::Expired)?,
        "delete CURRENT" => by(Criteria::Current)?,
        name => panic!("{name} is a new endpoint"),
    }
    Ok(())
}

/// What a call reported.
struct Reported {
    number: u32,
    result: Result<()>,
}

impl World {
    fn check(&self, reported: &Reported) {
        let Reported { number, result } = reported;
        let (endpoint, exists) = call_of(self.seed, *number);
        let name = endpoint.name;
        let acted = self.acted[*number as usize].load(Ordering::SeqCst);
        let case = || {
            let requests = self.requests[*number as usize].load(Ordering::SeqCst);
            format!(
                "seed {}, call {number}, {name}, {requests} requests, acted {acted}: \
                 {result:?}",
                self.seed
            )
        };
        if !endpoint.repeatable {
            assert!(acted <= 1, "it was done twice: {}", case());
        }
        match result {
            Ok(()) if name == "delete" => {
                assert!(acted > 0 || !exists, "the token lives: {}", case());
            }
            Ok(()) => assert!(acted > 0, "it was not done: {}", case()),
            Err(error) if endpoint.only_reads() => {
                assert!(!error.outcome_unknown(), "reading changes nothing: {}", case());
            }
            Err(error) if !error.outcome_unknown() => {
                assert_eq!(acted, 0, "it was done: {}", case());
            }
            Err(_) => {}
        }
    }

    /// Makes the call, checks what it reports, and counts it.
    fn call(&self, client: &Client, number: u32, timeout: Duration) -> Reported {
        let (endpoint, _) = call_of(self.seed, number);
        let started = Clock::start();
        let result = make(client, endpoint, number);
        let elapsed = started.elapsed();
        assert!(elapsed < timeout + LATE, "{elapsed:?}: {result:?}");
        let said = Reported { number, result };
        self.check(&said);
        self.count(number, endpoint.name, &said.result);
        said
    }

    /// Lets each endpoint's call end with this. The first call has this number.
    fn deal(&self, first: u32, ends_with: &str, url: &str) -> Vec<Reported> {
        let timeout = if ends_with.starts_with("TimedOut") { 2 * SHORT } else { LONG };
        let client = client_with_timeout(url, timeout);
        if ends_with == "ShutDown" {
            client.shutdown();
        }
        let numbers = first..first + ENDPOINTS.len() as u32;
        thread::scope(|scope| {
            let call = |number| {
                scope.spawn({
                    let client = &client;
                    move || self.call(client, number, timeout)
                })
            };
            let calls: Vec<_> = numbers.clone().map(call).collect();
            if ends_with == "ShutDown, unknown" {
                for (number, call) in numbers.zip(&calls) {
                    let requests = &self.requests[number as usize];
                    // A call that panicked has ended.
                    while requests.load(Ordering::SeqCst) == 0 && !call.is_finished() {
                        thread::sleep(Duration::from_millis(1));
                    }
                }
                client.shutdown();
            }
            calls.into_iter().map(|call| call.join().unwrap()).collect()
        })
    }

    /// Runs one client with some threads, and perhaps a shutdown.
    fn round(&self, first: u32, urls: &[(String, Option<String>)], roots: &str) -> Vec<Reported> {
        let mut random = Random(self.seed ^ u64::from(first) << 20);
        let (url, proxy) = &urls[random.below(urls.len() as u64) as usize];
        let timeout = Duration::from_millis(random.of(&[30, 100, 100, 300, 300, 300, 1000, 3000]));
        let mut builder = builder_of(url)
            .allow_insecure_http(true)
            .root_certificates_pem(roots)
            .timeout(timeout)
            .retry(retries(random.below(4) as u32));
        builder = match proxy {
            Some(proxy) => builder.proxy(proxy),
            None => builder.no_proxy(),
        };
        let client = builder.build().unwrap();
        let shutdown = random.one_in(3).then(|| Duration::from_micros(random.below(80_000)));
        let next = AtomicU32::new(first);
        let reported = Mutex::new(Vec::new());
        thread::scope(|scope| {
            for _ in 0..THREADS_A_ROUND {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::SeqCst);
                        if number >= first + CALLS_A_ROUND {
                            return;
                        }
                        let said = self.call(&client, number, timeout);
                        reported.lock().unwrap().push(said);
                    }
                });
            }
            if let Some(after) = shutdown {
                thread::sleep(after);
                client.shutdown();
            }
        });
        reported.into_inner().unwrap()
    }

    fn count(&self, number: u32, name: &str, result: &Result<()>) {
        let said = match result {
            Ok(()) => "Ok".to_owned(),
            Err(error) => match (kind(error), error.status()) {
                (ErrorKind::Api, Some(status)) => format!("status {}", status / 100),
                (kind, _) => format!("{kind:?}"),
            },
        };
        let unknown = match result {
            Err(error) if error.outcome_unknown() => ", unknown",
            _ => "",
        };
        let ends_with = format!("{said}{unknown}");
        if let Some(expected) = dealt(number) {
            let reads = ENDPOINTS.iter().any(|other| other.name == name && other.only_reads());
            let expected = if reads { expected.trim_end_matches(", unknown") } else { expected };
            assert_eq!(ends_with, expected, "{name}: {result:?}");
        }
        let kind = format!("{name}: {ends_with}");
        *self.kinds.lock().unwrap().entry(kind).or_default() += 1;
    }
}

#[test]
fn reported_outcome_is_what_the_service_did() {
    let variable = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let calls = variable("TRUTH_CALLS").unwrap_or(4_000);
    let rounds = u32::try_from(calls / u64::from(CALLS_A_ROUND)).unwrap();
    let first_random = 1 + (DEALT.len() * ENDPOINTS.len()) as u32;
    let calls = first_random - 1 + rounds * CALLS_A_ROUND;
    let time = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let seed = variable("TRUTH_SEED").unwrap_or(time.as_nanos() as u64);
    println!("TRUTH_SEED={seed} TRUTH_CALLS={}", rounds * CALLS_A_ROUND);
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
        Arc::new(Configs { proxy: identity("127.0.0.1"), service: identity(service) })
    });
    let mut urls = Vec::new();
    for (https, scheme) in [(false, "http"), (true, "https")] {
        let role = Role { proxy: None, https, is_calm: false };
        let port = listen(&world, role, &direct);
        urls.push((format!("{scheme}://127.0.0.1:{port}"), None));
        for (over_tls, to_proxy) in [(false, "http"), (true, "https")] {
            let proxy = Some(over_tls);
            let port = listen(&world, Role { proxy, https, is_calm: false }, &proxied);
            let proxy = format!("{to_proxy}://127.0.0.1:{port}");
            urls.push((format!("{scheme}://{host}"), Some(proxy)));
        }
    }

    let next = AtomicU32::new(0);
    let reported = Mutex::new(Vec::new());
    let started = Instant::now();
    let calm = listen(&world, Role { proxy: None, https: false, is_calm: true }, &direct);
    let deal = || {
        in_parallel(DEALT.iter().zip((1..).step_by(ENDPOINTS.len())), |(ends_with, first)| {
            let said = world.deal(first, ends_with, &format!("http://127.0.0.1:{calm}"));
            reported.lock().unwrap().extend(said);
        });
    };
    // Calls mostly wait.
    let at_once = if calls > 50_000 { 40 } else { 16 };
    thread::scope(|scope| {
        let dealing = scope.spawn(deal);
        // They have the machine to themselves until their requests, if any, are there.
        let is_there = |number: &u32| {
            dealt(*number) == Some("ShutDown")
                || world.requests[*number as usize].load(Ordering::SeqCst) > 0
        };
        while !(1..first_random).all(|number| is_there(&number)) && !dealing.is_finished() {
            thread::sleep(Duration::from_millis(1));
        }
        for _ in 0..at_once {
            scope.spawn(|| {
                loop {
                    let round = next.fetch_add(1, Ordering::SeqCst);
                    if round >= rounds {
                        return;
                    }
                    let first = first_random + round * CALLS_A_ROUND;
                    let said = world.round(first, &urls, &ca.pem);
                    reported.lock().unwrap().extend(said);
                }
            });
        }
    });
    // Waits for requests that were still in flight when their call ended.
    thread::sleep(Duration::from_millis(500));
    let reported = reported.into_inner().unwrap();
    assert_eq!(reported.len(), calls as usize);
    reported.iter().for_each(|said| world.check(said));

    let kinds = world.kinds.lock().unwrap();
    println!("{:?}, {} connections", started.elapsed(), world.connections.load(Ordering::SeqCst));
    for (kind, count) in kinds.iter() {
        println!("{count:8} {kind}");
    }
}
