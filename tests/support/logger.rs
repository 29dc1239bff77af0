//! A logger made of two functions. A test that installs one needs a process of its own.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};

use log::{LevelFilter, Log, Metadata, Record};

struct Logger {
    takes: fn(&Metadata) -> bool,
    log: fn(&Record),
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata) -> bool {
        (self.takes)(metadata)
    }

    fn log(&self, record: &Record) {
        if self.enabled(record.metadata()) {
            (self.log)(record);
        }
    }

    fn flush(&self) {}
}

/// Passes the records that `takes` accepts to `log`.
pub fn install(level: LevelFilter, takes: fn(&Metadata) -> bool, log: fn(&Record)) {
    log::set_logger(Box::leak(Box::new(Logger { takes, log }))).unwrap();
    log::set_max_level(level);
}

/// The number of lines before the one at which [`panic_once`] panics.
static LEFT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// For [`install`]: panics at the line that [`panic_after`] says.
pub fn panic_once(record: &Record) {
    if LEFT.fetch_sub(1, Ordering::SeqCst) == 0 {
        panic!("the logger, at {}", record.args());
    }
}

/// Lets [`panic_once`] panic after this number of lines during `call`.
pub fn panic_after<T>(lines: usize, call: impl FnOnce() -> T) -> std::thread::Result<T> {
    LEFT.store(lines, Ordering::SeqCst);
    let called = catch_unwind(AssertUnwindSafe(call));
    LEFT.store(usize::MAX, Ordering::SeqCst);
    called
}

/// Prints each record on a line.
pub fn install_printer(level: LevelFilter) {
    install(
        level,
        |_| true,
        |record| println!("{} {}", record.level(), record.args()),
    );
}
