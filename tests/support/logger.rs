//! A logger made of two functions. A test that installs one needs a process of its own.

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

/// Prints each record on a line.
pub fn install_printer(level: LevelFilter) {
    install(level, |_| true, |record| println!("{} {}", record.level(), record.args()));
}
