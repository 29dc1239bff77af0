//! Shared by the load programs: `load <url> <calls> <threads> [ca.pem]`. Prints the number of
//! tokens, the peak memory in KiB, and the number of allocations (feature `allocations`, else 0).

#[cfg(feature = "allocations")]
#[global_allocator]
static ALLOCATOR: &stats_alloc::StatsAlloc<std::alloc::System> = &stats_alloc::INSTRUMENTED_SYSTEM;

fn allocations() -> usize {
    #[cfg(feature = "allocations")]
    return ALLOCATOR.stats().allocations + ALLOCATOR.stats().reallocations;
    #[cfg(not(feature = "allocations"))]
    0
}

pub struct Settings {
    pub url: String,
    #[allow(dead_code)] // A bare socket has no TLS.
    pub ca: Option<Vec<u8>>,
}

/// Makes `calls` calls, distributed over the threads. They share one client, or as many as the
/// variable `CLIENTS` says. `worker` makes a client and returns a function that makes a call.
pub fn run<W: Fn() -> usize + Send + Sync>(worker: impl Fn(&Settings) -> W) {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |n: usize| arguments[n].parse::<usize>().expect("a number");
    let settings = Settings {
        url: arguments[1].clone(),
        ca: arguments
            .get(4)
            .map(|path| std::fs::read(path).expect("a certificate")),
    };
    let (calls, threads) = (number(2), number(3));
    let clients = std::env::var("CLIENTS").map_or(1, |n| n.parse().expect("a number"));
    let workers: Vec<W> = (0..clients).map(|_| worker(&settings)).collect();
    let tokens: usize = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads)
            .map(|n| {
                let worker = &workers[n % clients];
                scope.spawn(move || (0..calls / threads).map(|_| worker()).sum::<usize>())
            })
            .collect();
        handles
            .into_iter()
            .map(|handle| handle.join().expect("no panic"))
            .sum()
    });
    println!("{tokens} {} {}", peak_memory(), allocations());
}

/// Returns the peak memory in KiB. The system's value for an ended process may include its
/// parent's.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .expect("a peak");
    line.trim()
        .trim_end_matches(" kB")
        .parse()
        .expect("a number")
}
