//! Shared by the tests: servers, clients, the table of endpoints, child processes, a logger.

#![allow(unreachable_pub, dead_code, unused_imports)] // Each test binary uses a part of this.

pub mod child;
pub mod client;
pub mod endpoints;
pub mod faults;
pub mod logger;
pub mod proxy;
pub mod relay;
pub mod server;
pub mod tls;

// What most tests name.
pub use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
pub use std::fs;
pub use std::io::{Read as _, Write as _};
pub use std::net::{Shutdown, TcpListener, TcpStream};
pub use std::path::{Path, PathBuf};
pub use std::process::{Child, Stdio};
pub use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
pub use std::sync::{Arc, Barrier, Mutex};
pub use std::thread;
pub use std::time::{Duration, Instant, SystemTime};

pub use ionoscloud_auth::mock::{MockAuthApi, MockFault};
pub use ionoscloud_auth::*;

pub use child::*;
pub use client::*;
pub use endpoints::*;
pub use faults::*;
pub use proxy::TunnelProxy;
pub use rcgen::KeyPair;
pub use relay::Step;
pub use server::{FaultServer, Play, fill_accept_queue};
pub use tls::*;

/// A Key ID.
pub const ID: &str = "f13a5c54-8228-4b7e-9414-61313ce723d1";

/// A timeout that tests do not reach.
pub const LONG: Duration = Duration::from_secs(60);
/// A timeout that tests wait for. A busy machine, too, connects in half of it.
pub const SHORT: Duration = Duration::from_secs(2);
/// How late a call may end after its timeout or a shutdown on a busy machine.
pub const SLACK: Duration = Duration::from_secs(5);
/// How late it may end if the machine itself is not late.
const PROMISED: Duration = Duration::from_millis(250);

/// Asserts that the call ends when its time is over. A bare sleep beside it tells how late this
/// machine is. Chance may delay one of the two, so one try of a few is enough: a call that always
/// ends late does so each time.
pub fn assert_in_time(timeout: Duration, case: &str, call: impl Fn()) {
    let late = || {
        let started = Instant::now();
        thread::scope(|scope| {
            let sleeps = scope.spawn(|| {
                thread::sleep(timeout);
                started.elapsed()
            });
            call();
            started.elapsed().saturating_sub(sleeps.join().unwrap())
        })
    };
    let tries: Vec<_> = (0..5).map(|_| late()).take_while(|late| *late >= PROMISED).collect();
    assert!(tries.len() < 5, "{case}: later than a sleep by {tries:?}");
}

/// Returns the text of an error, and all its fields.
pub fn everything(error: &Error) -> String {
    match error {
        Error::Call(fields) => format!("{error} {fields:?}"),
        _ => format!("{error} {error:?}"),
    }
}

/// Returns the fields of a call's error.
pub fn call_error(error: &Error) -> &CallError {
    match error {
        Error::Call(fields) => fields,
        _ => panic!("not the error of a call: {error}"),
    }
}

pub fn kind(error: &Error) -> ErrorKind {
    call_error(error).kind
}

/// A text after which the connection is closed.
pub fn close(text: &str) -> Play {
    Play::WriteAndClose(text.into())
}

/// A complete response without special headers.
pub fn answer(status: u16, body: &str) -> Play {
    Play::Write(response(status, "", body))
}

/// Says which row of a table it was, if one fails.
struct Row(usize);

impl Drop for Row {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("this was row {} of its table", self.0 + 1);
        }
    }
}

/// Runs the cases of a table in parallel, because most of them only wait.
pub fn in_parallel<T: Send>(cases: impl IntoIterator<Item = T>, run: impl Fn(T) + Sync) {
    const WORKERS: usize = 16;
    let cases: Mutex<VecDeque<_>> = Mutex::new(cases.into_iter().enumerate().collect());
    let next = || cases.lock().unwrap().pop_front();
    thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((n, case)) = next() {
                    let _row = Row(n);
                    run(case);
                }
            });
        }
    });
}

/// Runs parts of a test at the same time, because they mostly wait.
pub fn at_once<const N: usize>(parts: [fn(); N]) {
    in_parallel(parts, |part| part());
}

/// A clock that stands still while its thread could run and has no core: a busy machine is no
/// fault of a call. Systems other than Linux do not say for how long that was.
pub struct Clock(Instant, Duration);

impl Clock {
    pub fn start() -> Clock {
        Clock(Instant::now(), Clock::without_a_core())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed().saturating_sub(Clock::without_a_core().saturating_sub(self.1))
    }

    fn without_a_core() -> Duration {
        let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let nanos = stat.split(' ').nth(1).and_then(|nanos| nanos.parse().ok());
        Duration::from_nanos(nanos.unwrap_or(0))
    }
}

/// Serves each connection on a thread, with its number, from 0. Returns the port.
pub fn accept(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || serve(n, stream.unwrap()));
        }
    });
    port
}

/// Returns a port that refuses connections. It stays reserved until the socket is dropped.
pub fn closed_port() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let any = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    (socket, port)
}

/// A folder that is deleted when it is dropped.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Folder {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let n = NEXT.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("ionoscloud-auth-{}-{n}", std::process::id()));
        // A process with the same number may have been killed.
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    /// Returns the names of what is in it, sorted.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<_> = entries.map(|entry| name(entry).into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[cfg(unix)]
pub fn set_mode(file: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

#[cfg(unix)]
pub fn assert_mode(file: &Path, expected: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(file).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode, expected, "{mode:o}");
}

/// Windows has no file modes. A new file gets the access control list of its folder.
#[cfg(windows)]
pub fn set_mode(_: &Path, _: u32) {}
#[cfg(windows)]
pub fn assert_mode(_: &Path, _: u32) {}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Returns an HTTP response with `Content-Length`.
pub fn response(status: u16, headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

/// Reads the header section of a request or response, or returns `None` if the stream ends before.
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

/// The n-th number of a pseudorandom sequence is `mixed(seed + n × SPLITMIX)`.
pub const SPLITMIX: u64 = 0x9e37_79b9_7f4a_7c15;

/// The output function of splitmix64.
pub fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
