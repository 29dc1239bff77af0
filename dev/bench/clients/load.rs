//! Shared by the load programs: `load <url> <calls> <threads> [ca.pem]`. Prints the number of
//! tokens, and the peak memory in KiB. If the variable `CREATES` is set, each call creates a token
//! on a new connection, and the number is that of the letters of all tokens.
#![allow(dead_code)] // Not every client reads every setting.

pub const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln";

pub struct Settings {
    pub url: String,
    pub ca: Option<Vec<u8>>,
    pub creates: bool,
}

/// Makes `calls` calls, distributed over the threads, which share one client. `worker` makes the
/// client and returns a function that makes a call.
pub fn run<W: Fn() -> usize + Sync>(worker: impl FnOnce(&Settings) -> W) {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |n: usize| arguments[n].parse::<usize>().expect("a number");
    let ca = arguments.get(4).map(std::fs::read);
    let worker = worker(&Settings {
        url: arguments[1].clone(),
        ca: ca.map(|pem| pem.expect("a certificate")),
        creates: std::env::var_os("CREATES").is_some(),
    });
    let (calls, threads) = (number(2), number(3));
    let calls_of_a_thread = || (0..calls / threads).map(|_| worker()).sum::<usize>();
    let tokens: usize = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|_| scope.spawn(calls_of_a_thread))
            .collect();
        let tokens = handles.into_iter().map(|handle| handle.join());
        tokens.map(|tokens| tokens.expect("no panic")).sum()
    });
    println!("{tokens} {}", peak_memory());
}

/// Returns the peak memory in KiB. The system's value for an ended process may include its
/// parent's.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let mut lines = status.lines();
    let peak = lines.find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.expect("a peak").trim().trim_end_matches(" kB");
    peak.parse().expect("a number")
}
