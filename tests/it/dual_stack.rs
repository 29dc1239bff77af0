//! A host with an IPv6 and an IPv4 address, of which one does not work. The only such host without
//! a name server is `localhost`, where the hosts file gives it both.

use std::net::{
    IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _,
};

use socket2::{Domain, Socket, Type};

use crate::support::*;

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

fn assert_localhost_has_both() {
    let found: Vec<SocketAddr> = ("localhost", 1).to_socket_addrs().unwrap().collect();
    let both = [V4, V6].iter().all(|ip| found.iter().any(|address| address.ip() == *ip));
    assert!(both, "localhost is {found:?}");
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Address {
    Alive,
    /// There is no listener.
    Refuses,
    /// The listener's queue is full. On Linux it does not answer; other systems may refuse.
    SaysNothing,
}

/// Keeps the address in its state until it is dropped.
struct Held {
    socket: Socket,
    _queued: Vec<TcpStream>,
}

impl Address {
    fn hold(self, ip: IpAddr, port: u16) -> std::io::Result<Held> {
        let address = SocketAddr::new(ip, port);
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.bind(&address.into())?;
        match self {
            Address::Alive => socket.listen(128)?,
            Address::Refuses => {}
            Address::SaysNothing => socket.listen(1)?,
        }
        let bound = socket.local_addr()?.as_socket().unwrap();
        let _queued = match self {
            Address::SaysNothing => fill_accept_queue(&bound),
            _ => Vec::new(),
        };
        Ok(Held { socket, _queued })
    }
}

/// Prepares both addresses of localhost, with the same port.
fn localhost(v4: Address, v6: Address) -> (Held, Held, u16) {
    for _ in 0..100 {
        let v4 = v4.hold(V4, 0).unwrap();
        let port = v4.socket.local_addr().unwrap().as_socket().unwrap().port();
        // The port may be in use there.
        if let Ok(v6) = v6.hold(V6, port) {
            return (v4, v6, port);
        }
    }
    panic!("no port is free at both addresses");
}

/// Responds to the request of each connection, and counts them.
fn serve(listener: TcpListener, response: Vec<u8>) -> Arc<AtomicUsize> {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            // A second connection is closed without a request.
            if read_head(&mut stream).is_some() {
                counted.fetch_add(1, Ordering::SeqCst);
                stream.write_all(&response).unwrap();
            }
        }
    });
    requests
}

/// A dead address costs little. If both are dead, no request was sent, regardless of how.
#[test]
#[ignore = "dev/ci/in-namespace runs it"]
fn one_live_address_of_a_host_is_enough() {
    use Address::{Alive, Refuses, SaysNothing};
    assert_localhost_has_both();
    // Whichever address the system returns first does not work in two of the first four rows.
    let rows = [
        (Alive, Refuses),
        (Alive, SaysNothing),
        (Refuses, Alive),
        (SaysNothing, Alive),
        (Refuses, SaysNothing),
        (SaysNothing, Refuses),
        (SaysNothing, SaysNothing),
    ];
    let cases = ENDPOINTS.iter().flat_map(|endpoint| rows.map(|row| (row, endpoint)));
    in_parallel(cases, |((at_v4, at_v6), endpoint)| {
        let (v4, v6, port) = localhost(at_v4, at_v6);
        let case = format!("{}, {at_v4:?}, {at_v6:?}", endpoint.name);
        let url = format!("http://localhost:{port}");
        let started = Instant::now();
        if at_v4 != Alive && at_v6 != Alive {
            let error = (endpoint.run)(&client_with_timeout(&url, SHORT)).unwrap_err();
            assert!(!error.outcome_unknown(), "{case}: {error}");
            assert!(started.elapsed() < SHORT + SLACK, "{case}: {error}");
            return;
        }
        let (alive, _dead) = if at_v4 == Alive { (v4, v6) } else { (v6, v4) };
        let requests = serve(alive.socket.into(), endpoint.success());
        let result = (endpoint.run)(&client_of(&url));
        assert!(result.is_ok(), "{case}: {result:?}");
        // Half of the time would be 30 s.
        assert!(started.elapsed() < LONG / 4, "{case}");
        assert_eq!(requests.load(Ordering::SeqCst), 1, "{case}");
    });
}

/// One address never answers, and the other one only after more than the 250 ms that each gets at
/// first. On Windows a full queue refuses.
#[cfg(not(windows))]
#[test]
#[ignore = "dev/ci/in-namespace runs it"]
fn slow_address_is_reached_after_a_dead_one() {
    use Address::SaysNothing;
    assert_localhost_has_both();
    in_parallel([true, false], |v4_is_slow| {
        let (v4, v6, port) = localhost(SaysNothing, SaysNothing);
        let (slow, _dead) = if v4_is_slow { (v4, v6) } else { (v6, v4) };
        let Held { socket, _queued } = slow;
        thread::spawn(move || {
            thread::sleep(std::time::Duration::from_millis(800));
            drop(_queued);
            serve(socket.into(), LIST.success());
        });
        let client = client_of(&format!("http://localhost:{port}"));
        let started = Instant::now();
        (LIST.run)(&client).unwrap();
        // Half of the time would be 30 s.
        assert!(started.elapsed() < LONG / 4, "{:?}", started.elapsed());
    });
}

/// The second address has no route. The first one, which refuses, says more.
#[test]
#[ignore = "dev/ci/in-namespace runs it"]
fn address_without_a_route_does_not_hide_a_refusal() {
    let (_taken, port) = closed_port();
    let found: Vec<_> = ("half-routed.test", port).to_socket_addrs().unwrap().collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0].ip(), V4, "{found:?}");
    let client = builder_of(&format!("http://half-routed.test:{port}")).allow_insecure_http(true);
    let error = list_tokens(&client.build().unwrap()).unwrap_err().to_string();
    assert!(error.contains("refused"), "{error}");
}

/// Whose call was shut down goes on to no other address.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "dev/ci/in-namespace runs it"]
fn nobody_connects_for_a_call_that_was_given_up() {
    use crate::namespace::threads_of_the_library;
    assert_localhost_has_both();
    let (_v4, _v6, port) = localhost(Address::SaysNothing, Address::SaysNothing);
    let peer = format!(":{port:04X}");
    let connects = || {
        let sockets = ["tcp", "tcp6"].map(|name| fs::read_to_string(format!("/proc/net/{name}")));
        sockets.map(std::result::Result::unwrap).iter().flat_map(|text| text.lines()).any(|line| {
            let mut words = line.split_whitespace().skip(2);
            // SYN_SENT.
            words.next().is_some_and(|to| to.ends_with(&peer)) && words.next() == Some("02")
        })
    };
    let await_that = |what: &str, is_so: &dyn Fn() -> bool| {
        let started = Instant::now();
        while !is_so() {
            // Half of the time would be 30 s.
            assert!(started.elapsed() < LONG / 4, "{what}");
            thread::sleep(Duration::from_millis(5));
        }
    };
    await_that("earlier tests leave no thread", &|| threads_of_the_library() == 0);
    let client = client_of(&format!("http://localhost:{port}"));
    thread::scope(|scope| {
        let call = scope.spawn(|| (LIST.run)(&client));
        await_that("it connects", &connects);
        client.shutdown();
        call.join().unwrap().unwrap_err();
    });
    await_that("the thread ends", &|| threads_of_the_library() == 0);
}
