//! A TCP connection whose waits all end at the attempt's deadline or the client's shutdown. It does
//! not depend on TLS.

use std::io::{self, Read, Write};
use std::net::{Shutdown as Directions, TcpStream};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::record::Record;
use super::shutdown::Interrupt;
use super::stream::Stream;

/// The longest wait inside the system, in case the shutdown does not end it: Windows does not wake
/// a thread that waits. Elsewhere this is only a precaution, and thousands of calls may wait.
const SLICE: Duration = Duration::from_millis(if cfg!(windows) { 100 } else { 5_000 });

pub(super) struct Socket {
    /// The shutdown has a weak reference.
    stream: Arc<TcpStream>,
    /// The time limits that were set last.
    read_timeout: Option<Duration>,
    write_timeout: Option<Duration>,
}

impl Interrupt for TcpStream {
    fn interrupt(&self) {
        // An error means that the socket is already closed.
        let _ = TcpStream::shutdown(self, Directions::Both);
    }
}

impl Socket {
    pub(super) fn new(stream: TcpStream, record: &Record) -> io::Result<Socket> {
        // A request is written at once, so there is nothing to wait for.
        stream.set_nodelay(true)?;
        let stream = Arc::new(stream);
        let waits: Weak<TcpStream> = Arc::downgrade(&stream);
        record.interrupts(waits)?;
        Ok(Socket {
            stream,
            read_timeout: None,
            write_timeout: None,
        })
    }

    fn read_slice(&mut self, buffer: &mut [u8], slice: Duration) -> io::Result<usize> {
        if self.read_timeout != Some(slice) {
            self.stream.set_read_timeout(Some(slice))?;
            self.read_timeout = Some(slice);
        }
        if cfg!(windows) {
            // On Windows a read that times out may lose data. A peek does not.
            self.stream.peek(&mut [0])?;
        }
        (&*self.stream).read(buffer)
    }

    fn write_slice(&mut self, buffer: &[u8], slice: Duration) -> io::Result<usize> {
        if self.write_timeout != Some(slice) {
            self.stream.set_write_timeout(Some(slice))?;
            self.write_timeout = Some(slice);
        }
        (&*self.stream).write(buffer)
    }
}

/// Returns the remaining time of the attempt, at most one slice.
fn slice() -> io::Result<Duration> {
    slice_of(SLICE)
}

fn slice_of(max: Duration) -> io::Result<Duration> {
    let left = Record::current()?.time_left()?;
    Ok(left.map_or(max, |left| left.clamp(Duration::from_millis(1), max)))
}

/// Whether only the slice is over. A connection that timed out has a different kind, except on
/// Windows.
fn is_over(error: &io::Error) -> bool {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted => true,
        io::ErrorKind::TimedOut => cfg!(windows),
        _ => false,
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.read_slice(buffer, slice()?) {
                Ok(0) => {
                    // After a shutdown the socket looks like one that the peer has closed.
                    slice()?;
                    return Ok(0);
                }
                Err(error) if is_over(&error) => {}
                read => return read,
            }
        }
    }
}

impl Write for Socket {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        loop {
            // On Windows a write that times out does not tell how much was sent. A request fits
            // into the system's buffer, so this does not wait.
            let max = if cfg!(windows) { Duration::MAX } else { SLICE };
            match self.write_slice(buffer, slice_of(max)?) {
                Err(error) if cfg!(windows) => return Err(error),
                Err(error) if is_over(&error) => {}
                written => return written,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Socket {
    fn is_quiet(&mut self) -> bool {
        let looked = self.stream.set_nonblocking(true);
        let seen = looked.and_then(|()| self.stream.peek(&mut [0]));
        let nothing = seen.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        self.stream.set_nonblocking(false).is_ok() && nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::record::{Ended, Pooling, Step};
    use crate::transport::shutdown::Shutdown;
    use std::net::TcpListener;
    use std::sync::mpsc::channel;
    use std::thread;
    use std::time::Instant;

    #[cfg(target_os = "linux")]
    #[rustfmt::skip]
    const ERRORS: &[(i32, &str, bool)] = &[
        (11, "EAGAIN: a wait has ended", true),
        (4, "EINTR: a signal has arrived", true),
        (110, "ETIMEDOUT: the system has given up the connection", false),
        (104, "ECONNRESET", false),
        (32, "EPIPE", false),
    ];
    #[cfg(windows)]
    #[rustfmt::skip]
    const ERRORS: &[(i32, &str, bool)] = &[
        (10060, "WSAETIMEDOUT: a wait has ended, or the system has given up the connection", true),
        (10035, "WSAEWOULDBLOCK", true),
        (10004, "WSAEINTR: the wait was cancelled, but not by a signal", false),
        (10054, "WSAECONNRESET", false),
        (10053, "WSAECONNABORTED", false),
        (10058, "WSAESHUTDOWN: the client was shut down", false),
    ];

    /// Uses the kinds that the standard library assigns to the system's numbers.
    #[cfg(any(target_os = "linux", windows))]
    #[test]
    fn an_error_of_the_system_ends_a_slice_or_the_connection() {
        for (number, name, over) in ERRORS {
            let error = io::Error::from_raw_os_error(*number);
            assert_eq!(is_over(&error), *over, "{name}: {error:?}");
        }
    }

    /// Uses the error that the system really returns.
    #[test]
    fn a_read_without_a_byte_ends_a_slice() {
        let (mut socket, _other) = connection();
        let error = socket
            .read_slice(&mut [0], Duration::from_millis(1))
            .unwrap_err();
        assert!(is_over(&error), "{error:?}");
    }

    /// Returns the two ends of a connection. This side's end is not registered with a shutdown.
    fn connection() -> (Socket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let socket = Socket {
            stream: Arc::new(stream),
            read_timeout: None,
            write_timeout: None,
        };
        (socket, listener.accept().unwrap().0)
    }

    /// Simulates a system that does not wake a blocked read.
    #[test]
    fn a_read_ends_with_the_shutdown_even_if_nothing_wakes_it() {
        let (mut socket, mut other) = connection();
        let shutdown = Arc::<Shutdown>::default();
        let record = Record::new(Pooling::Any, Instant::now(), None, Arc::clone(&shutdown));
        record.reached(Step::HandedOver);
        let _entered = record.enter();
        let (end, ended) = channel::<()>();
        let started = Instant::now();
        thread::scope(|scope| {
            let shutdown = &shutdown;
            scope.spawn(move || {
                thread::sleep(Duration::from_millis(50));
                shutdown.set();
                // Ends the read too late, if nothing else does.
                let _ = ended.recv_timeout(SLICE + Duration::from_secs(5));
                other.write_all(b"x").unwrap();
            });
            assert!(socket.read(&mut [0]).is_err());
            drop(end);
            assert_eq!(record.ended(), Some(Ended::ShutDown));
            assert!(started.elapsed() < SLICE + Duration::from_secs(3));
        });
    }

    /// Only Unix wakes a blocked read.
    #[cfg(unix)]
    #[test]
    fn an_interrupt_wakes_a_read() {
        let (socket, _other) = connection();
        thread::scope(|scope| {
            let read = scope.spawn(|| (&*socket.stream).read(&mut [0]));
            thread::sleep(Duration::from_millis(50));
            socket.stream.interrupt();
            assert!(matches!(read.join().unwrap(), Ok(0) | Err(_)));
        });
    }

    #[test]
    fn a_socket_with_an_unsolicited_byte_or_an_end_is_not_quiet() {
        let (mut socket, mut other) = connection();
        assert!(socket.is_quiet() && socket.is_quiet());
        other.write_all(b"x").unwrap();
        thread::sleep(Duration::from_millis(50));
        assert!(!socket.is_quiet());

        let (mut socket, other) = connection();
        drop(other);
        thread::sleep(Duration::from_millis(50));
        assert!(!socket.is_quiet());
    }
}
