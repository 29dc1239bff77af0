//! One request and its response on a connection, with the HTTP/1.1 of ureq-proto. It does not
//! depend on what a response means.

use std::io;

use ureq_proto::client::state::{Prepare, RecvBody, RecvResponse};
use ureq_proto::client::{Call, RecvBodyResult, RecvResponseResult, SendRequestResult};
use ureq_proto::http::response::Parts;
use ureq_proto::{BodyMode, Error};
use zeroize::Zeroize as _;

use super::connection::Connection;
use super::headers::MAX_HEAD;

/// What ended an exchange.
pub(super) enum Broken {
    /// The connection failed, or the peer closed it.
    Connection(io::Error),
    /// What came is not HTTP/1.1.
    Protocol(Error),
    /// The head of the response is larger than [`MAX_HEAD`].
    LargeHead,
    /// The body is larger than this limit, in bytes.
    LargeBody(usize),
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Broken {
        Broken::Connection(error)
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Broken {
        Broken::Protocol(error)
    }
}

impl Broken {
    /// The peer closed the connection too early.
    fn closed() -> Broken {
        Broken::Connection(io::ErrorKind::UnexpectedEof.into())
    }
}

/// A response whose body is not read yet.
pub(super) struct Incoming {
    pub(super) head: Parts,
    /// `None` if the response has no body.
    body: Option<Call<RecvBody>>,
    /// Whether the connection can be used again after a response without a body.
    is_reusable: bool,
}

/// Sends the request, and waits for the head of the response.
pub(super) fn exchange(
    call: Call<Prepare>,
    connection: &mut Connection,
) -> Result<Incoming, Broken> {
    let mut call = call.proceed();
    while !call.can_proceed() {
        connection.send(|buffer| call.write(buffer).map_err(Broken::from))?;
    }
    match call.proceed()? {
        Some(SendRequestResult::RecvResponse(call)) => receive_head(call, connection),
        // A request has no body.
        _ => Err(Error::BodyNotAllowed.into()),
    }
}

fn receive_head(
    mut call: Call<RecvResponse>,
    connection: &mut Connection,
) -> Result<Incoming, Broken> {
    // Interim responses, such as 103, count as a part of the head: there must not be too many.
    let mut size = 0;
    let head = loop {
        let (used, head) = call.try_response(connection.received(), false)?;
        size += used;
        connection.consume(used);
        let incomplete = match used {
            0 => connection.received().len(),
            _ => 0,
        };
        if size + incomplete > MAX_HEAD {
            return Err(Broken::LargeHead);
        }
        match head {
            Some(head) => break head,
            None if used > 0 => {}
            None if connection.receive()? => {}
            None => return Err(Broken::closed()),
        }
    };
    let (body, is_reusable) = match call.proceed() {
        Some(RecvResponseResult::RecvBody(call)) => (Some(call), false),
        Some(RecvResponseResult::Redirect(call)) => (None, !call.must_close_connection()),
        Some(RecvResponseResult::Cleanup(call)) => (None, !call.must_close_connection()),
        None => return Err(Broken::closed()),
    };
    let (head, ()) = head.into_parts();
    Ok(Incoming {
        head,
        body,
        is_reusable,
    })
}

/// The buffer for a body of unknown length, in bytes. Larger than the response to a create.
const UNKNOWN_LENGTH: usize = 8 * 1024;

/// The body of a response.
pub(super) struct Body {
    pub(super) bytes: Vec<u8>,
    /// Whether the connection can be used again, or why the body is not complete.
    pub(super) end: Result<bool, Broken>,
}

impl Incoming {
    /// Reads the body, of at most `limit` bytes. If it `may_be_token`, no copy is left behind.
    pub(super) fn read(
        self,
        limit: usize,
        may_be_token: bool,
        connection: &mut Connection,
    ) -> (Parts, Body) {
        let body = match self.body {
            None => Body {
                bytes: Vec::new(),
                end: Ok(self.is_reusable),
            },
            Some(call) => {
                let mut buffer = Buffer::new(call.body_mode(), limit, may_be_token);
                let end = read_body(call, &mut buffer, connection);
                Body {
                    bytes: buffer.into_bytes(),
                    end,
                }
            }
        };
        (self.head, body)
    }
}

/// Returns whether the connection can be used again.
fn read_body(
    mut call: Call<RecvBody>,
    buffer: &mut Buffer,
    connection: &mut Connection,
) -> Result<bool, Broken> {
    let ends_with_connection = call.body_mode() == BodyMode::CloseDelimited;
    loop {
        if buffer.is_too_small() {
            return Err(Broken::LargeBody(buffer.limit));
        }
        if !ends_with_connection && call.can_proceed() {
            break;
        }
        let (used, amount) = call.read(connection.received(), buffer.room())?;
        connection.consume(used);
        buffer.filled += amount;
        if used > 0 {
            continue;
        }
        if connection.is_full() {
            // A line between chunks does not end.
            return Err(Error::ChunkExpectedCrLf.into());
        }
        match connection.receive() {
            Ok(true) => {}
            // The last chunk is there, but not the empty line after it.
            _ if call.is_ended_chunked() => return Ok(false),
            Ok(false) if ends_with_connection => return Ok(false),
            Ok(false) => return Err(Broken::closed()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(match call.proceed() {
        Some(RecvBodyResult::Redirect(call)) => !call.must_close_connection(),
        Some(RecvBodyResult::Cleanup(call)) => !call.must_close_connection(),
        None => false,
    })
}

struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
    limit: usize,
    may_be_token: bool,
}

impl Buffer {
    fn new(mode: BodyMode, limit: usize, may_be_token: bool) -> Buffer {
        let expected = match mode {
            BodyMode::LengthDelimited(length) => usize::try_from(length).unwrap_or(usize::MAX),
            _ => UNKNOWN_LENGTH,
        };
        Buffer {
            bytes: vec![0; expected.min(limit)],
            filled: 0,
            limit,
            may_be_token,
        }
    }

    /// Whether the body is larger than the limit.
    fn is_too_small(&self) -> bool {
        self.filled > self.limit
    }

    /// Returns space for at least one more byte. One more than the limit shows that a body is too
    /// large.
    fn room(&mut self) -> &mut [u8] {
        if self.filled == self.bytes.len() {
            let mut larger = vec![0; (2 * self.filled).clamp(1, self.limit + 1)];
            if let Some(start) = larger.get_mut(..self.filled) {
                start.copy_from_slice(&self.bytes);
            }
            let mut old = std::mem::replace(&mut self.bytes, larger);
            if self.may_be_token {
                old.zeroize();
            }
        }
        self.bytes.get_mut(self.filled..).unwrap_or_default()
    }

    fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.truncate(self.filled.min(self.limit));
        std::mem::take(&mut self.bytes)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.may_be_token {
            self.bytes.zeroize();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::stream::Stream;
    use proptest::prelude::*;
    use std::io::{Read, Write};
    use ureq_proto::http::Request;

    /// A peer that has sent these bytes, which arrive in pieces.
    struct Peer {
        bytes: Vec<u8>,
        piece: usize,
        /// How the connection ends.
        end: Option<io::ErrorKind>,
    }

    impl Read for Peer {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let amount = self.bytes.len().min(self.piece).min(buffer.len());
            if let (0, Some(end)) = (amount, self.end) {
                return Err(end.into());
            }
            buffer[..amount].copy_from_slice(&self.bytes[..amount]);
            self.bytes.drain(..amount);
            Ok(amount)
        }
    }

    impl Write for Peer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Stream for Peer {
        fn is_quiet(&mut self) -> bool {
            self.bytes.is_empty()
        }
    }

    const LIMIT: usize = 20;

    /// Describes the response: status, body, and how it ended.
    fn received(bytes: &[u8], piece: usize, end: Option<io::ErrorKind>) -> String {
        let peer = Peer {
            bytes: bytes.to_vec(),
            piece,
            end,
        };
        let mut connection = Connection::new(Box::new(peer));
        let describe = |broken| match broken {
            Broken::Connection(error) => format!("{:?}", error.kind()),
            Broken::Protocol(_) => "not HTTP".to_owned(),
            Broken::LargeHead => "large head".to_owned(),
            Broken::LargeBody(_) => "large body".to_owned(),
        };
        let call = Call::new(Request::new(())).unwrap();
        let incoming = match exchange(call, &mut connection) {
            Ok(incoming) => incoming,
            Err(broken) => return describe(broken),
        };
        let (head, body) = incoming.read(LIMIT, true, &mut connection);
        let end = match body.end {
            Err(broken) => describe(broken),
            Ok(true) if connection.is_quiet() => "reusable".to_owned(),
            Ok(true) => "more bytes".to_owned(),
            Ok(false) => "last".to_owned(),
        };
        let text = String::from_utf8_lossy(&body.bytes).into_owned();
        format!("{} {text:?} {end}", head.status.as_u16())
    }

    #[test]
    fn responses_are_read_to_their_end_in_any_pieces() {
        let large = "x".repeat(MAX_HEAD);
        for (head, body, expected, reason) in [
            (
                "Content-Length: 3",
                "abc",
                "200 \"abc\" reusable",
                "the usual one",
            ),
            (
                "Content-Length: 3",
                "ab",
                "200 \"ab\" UnexpectedEof",
                "cut off",
            ),
            (
                "Content-Length: 3",
                "abcd",
                "200 \"abc\" more bytes",
                "too long",
            ),
            (
                "Content-Length: 0",
                "",
                "200 \"\" reusable",
                "declared empty",
            ),
            (
                "Content-Length: 3, 3",
                "abc",
                "200 \"abc\" reusable",
                "said twice",
            ),
            ("Content-Length: 3, 4", "abcd", "not HTTP", "two lengths"),
            ("Content-Length: -3", "abc", "not HTTP", "not a length"),
            (
                "Content-Length: 20",
                &"x".repeat(20),
                "200 \"xxxxxxxxxxxxxxxxxxxx\" reusable",
                "at the limit",
            ),
            (
                "Content-Length: 21",
                &"x".repeat(21),
                "200 \"xxxxxxxxxxxxxxxxxxxx\" large body",
                "above the limit",
            ),
            (
                "X: y",
                "abc",
                "200 \"abc\" last",
                "ends with the connection",
            ),
            ("X: y", "", "200 \"\" last", "nothing, but undeclared"),
            (
                "X: y",
                &"x".repeat(21),
                "200 \"xxxxxxxxxxxxxxxxxxxx\" large body",
                "undeclared and above the limit",
            ),
            (
                "Connection: close\r\nContent-Length: 1",
                "a",
                "200 \"a\" last",
                "the peer closes",
            ),
            (
                "Transfer-Encoding: chunked",
                "1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n",
                "200 \"abc\" reusable",
                "chunks",
            ),
            (
                "Transfer-Encoding: chunked",
                "3\r\nabc\r\n0\r\nX: y\r\n\r\n",
                "200 \"abc\" reusable",
                "a trailer",
            ),
            (
                "Transfer-Encoding: chunked",
                "3\r\nabc\r\n0\r\n",
                "200 \"abc\" last",
                "the empty line is missing",
            ),
            (
                "Transfer-Encoding: chunked",
                "3\r\nabc\r\n",
                "200 \"abc\" UnexpectedEof",
                "the last chunk is missing",
            ),
            (
                "Transfer-Encoding: chunked",
                "3\r\nab",
                "200 \"ab\" UnexpectedEof",
                "cut off in a chunk",
            ),
            (
                "Transfer-Encoding: chunked",
                "z\r\nabc\r\n",
                "200 \"\" not HTTP",
                "not a size",
            ),
            (
                "Transfer-Encoding: chunked",
                "15\r\nxxxxxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n",
                "200 \"xxxxxxxxxxxxxxxxxxxx\" large body",
                "a chunk above the limit",
            ),
            (
                "Transfer-Encoding: chunked\r\nContent-Length: 9",
                "1\r\na\r\n0\r\n\r\n",
                "200 \"a\" reusable",
                "chunks win",
            ),
            (
                &format!("X: {large}"),
                "",
                "large head",
                "a header that ends too late",
            ),
            ("no header", "", "not HTTP", "no colon"),
        ] {
            let response = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}");
            for piece in [1, 2, 7, usize::MAX] {
                let seen = received(response.as_bytes(), piece, None);
                assert_eq!(seen, expected, "{reason}, in pieces of {piece}");
            }
        }
    }

    #[test]
    fn heads_are_read_in_any_pieces() {
        let much = "x".repeat(MAX_HEAD);
        let early = format!("HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 X\r\n\r\n{much}");
        let interim = "HTTP/1.1 100 X\r\n\r\n".repeat(MAX_HEAD / 18 + 1);
        let endless = format!("HTTP/1.1 200 X\r\nX: {}", "x".repeat(MAX_HEAD));
        for (response, expected, reason) in [
            ("HTTP/1.1 204 X\r\n\r\n", "204 \"\" reusable", "no body"),
            (
                "HTTP/1.1 204 X\r\nContent-Length: 3\r\n\r\nabc",
                "204 \"\" more bytes",
                "a body that may not be",
            ),
            (
                "HTTP/1.1 302 X\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
                "302 \"\" reusable",
                "a redirect is a response",
            ),
            (
                "HTTP/1.1 302 X\r\nLocation: /x\r\n",
                "UnexpectedEof",
                "a redirect without an end",
            ),
            (
                "HTTP/1.1 103 X\r\nLink: x\r\n\r\nHTTP/1.1 204 X\r\n\r\n",
                "204 \"\" reusable",
                "an interim response",
            ),
            (
                "HTTP/1.1 100 X\r\n\r\nHTTP/1.1 204 X\r\n\r\n",
                "204 \"\" reusable",
                "another one",
            ),
            (
                "HTTP/1.1 103 X\r\n\r\n",
                "UnexpectedEof",
                "only an interim response",
            ),
            (
                &early,
                "200 \"xxxxxxxxxxxxxxxxxxxx\" large body",
                "an interim response, and much with it",
            ),
            (
                "HTTP/1.1 101 X\r\n\r\n",
                "101 \"\" last",
                "another protocol",
            ),
            (
                "HTTP/1.0 200 X\r\nContent-Length: 1\r\n\r\na",
                "200 \"a\" last",
                "the old version",
            ),
            ("HTTP/1.1 200 X\r\n", "UnexpectedEof", "cut off"),
            (&endless, "large head", "a header without an end"),
            (&interim, "large head", "too many interim responses"),
            ("", "UnexpectedEof", "nothing"),
            ("HTTP/2 200\r\n\r\n", "not HTTP", "another version"),
            (
                "SSH-2.0-OpenSSH_9.2\r\n\r\n",
                "not HTTP",
                "another protocol",
            ),
        ] {
            for piece in [1, 2, 7, usize::MAX] {
                let seen = received(response.as_bytes(), piece, None);
                assert_eq!(seen, expected, "{reason}, in pieces of {piece}");
            }
        }
    }

    #[test]
    fn a_connection_that_fails_is_not_an_end() {
        use io::ErrorKind::{ConnectionReset, TimedOut, UnexpectedEof};
        let chunked = "Transfer-Encoding: chunked";
        #[rustfmt::skip]
        let cases = [
            ("X: y", "a", UnexpectedEof, "200 \"a\" last", "TLS without close_notify"),
            ("X: y", "a", ConnectionReset, "200 \"a\" ConnectionReset", "there may be more"),
            ("X: y", "a", TimedOut, "200 \"a\" TimedOut", "there may be more"),
            ("Content-Length: 2", "a", UnexpectedEof, "200 \"a\" UnexpectedEof", "there is more"),
            ("Content-Length: 1", "a", ConnectionReset, "200 \"a\" reusable", "it is complete"),
            (chunked, "1\r\na\r\n0\r\n", ConnectionReset, "200 \"a\" last", "it is complete"),
            (chunked, "1\r\na\r\n0\r\n", TimedOut, "200 \"a\" last", "it is complete"),
            (chunked, "1\r\na\r\n", ConnectionReset, "200 \"a\" ConnectionReset", "there is more"),
        ];
        for (head, body, end, expected, reason) in cases {
            let response = format!("HTTP/1.1 200 OK\r\n{head}\r\n\r\n{body}");
            let seen = received(response.as_bytes(), 1, Some(end));
            assert_eq!(seen, expected, "{reason}");
        }
    }

    #[test]
    fn a_line_between_chunks_that_does_not_end_is_not_http() {
        for length in [2 * MAX_HEAD, 40_000] {
            let endless = "x".repeat(length);
            let response =
                format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{endless}");
            let seen = received(response.as_bytes(), usize::MAX, None);
            assert_eq!(seen, "200 \"\" not HTTP", "{length}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in any::<Vec<u8>>(), piece in 1..9_usize) {
            received(&bytes, piece, None);
            let response = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &*bytes];
            let response = response.concat();
            let seen = received(&response, piece, None);
            prop_assert_eq!(seen, received(&response, usize::MAX, None));
        }
    }
}
