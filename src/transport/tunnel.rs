//! A tunnel through an HTTP proxy: `CONNECT`, RFC 9110, section 9.3.6.

use std::io;

use zeroize::Zeroizing;

use super::headers::MAX_HEAD;
use super::record::Record;
use super::stream::Stream;
use crate::auth::concat_secret;

/// What a proxy is told.
pub(super) struct Asked<'a> {
    /// Host and port.
    pub(super) authority: &'a str,
    pub(super) user_agent: &'a str,
    pub(super) authorization: Option<&'a str>,
    /// Which option or variable names the proxy.
    pub(super) source: &'a str,
}

impl Asked<'_> {
    fn request(&self) -> Zeroizing<String> {
        let Asked {
            authority,
            user_agent,
            authorization,
            source: _,
        } = *self;
        let (header, credentials) = match authorization {
            Some(credentials) => ("\r\nProxy-Authorization: ", credentials),
            None => ("", ""),
        };
        concat_secret(&[
            "CONNECT ",
            authority,
            " HTTP/1.1\r\nHost: ",
            authority,
            "\r\nUser-Agent: ",
            user_agent,
            header,
            credentials,
            "\r\n\r\n",
        ])
    }

    /// What the proxy's own refusal means, and what to do.
    fn refusal(&self, status: u16) -> String {
        let Asked {
            authority, source, ..
        } = self;
        match (status, self.authorization) {
            (401 | 407, None) => format!(
                "it demands a user name and a password ({status}): write them into {source}, as in \
                 http://user:password@proxy.example:3128"
            ),
            (401 | 407, Some(_)) => format!(
                "it refused the user name and the password ({status}): correct them in {source}"
            ),
            (403, _) => format!(
                "it forbids a tunnel to {authority} (403): ask whoever runs it to allow that, or reach \
                 the service without it"
            ),
            (502..=504, _) => {
                format!("it could not reach {authority} itself (it answered {status})")
            }
            _ => format!("it answered {status} when asked for one to {authority}"),
        }
    }
}

/// Asks the proxy at the other end for a connection.
pub(super) fn open(stream: &mut dyn Stream, asked: &Asked, record: &Record) -> io::Result<()> {
    stream.write_all(asked.request().as_bytes())?;
    stream.flush()?;

    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    let end = loop {
        let amount = match stream.read(&mut buffer) {
            // It ends without TLS's own goodbye.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            read => read?,
        };
        if amount == 0 {
            break None;
        }
        // An empty line is at most three bytes with what ends the line before it.
        let seen = head.len().saturating_sub(2);
        head.extend_from_slice(buffer.get(..amount).unwrap_or_default());
        if let Some(end) = end_of_head(head.get(seen..).unwrap_or_default()) {
            break Some(seen + end);
        }
        if head.len() > MAX_HEAD {
            return Err(io::Error::other("its response is too long"));
        }
    };
    match (status(&head), end) {
        (Some(200..=299), Some(end)) if head.len() == end => Ok(()),
        // Before this side has said anything in the tunnel, nobody on its other end has either.
        (Some(200..=299), Some(_)) => Err(io::Error::other("it sent more than it was asked for")),
        (Some(status @ ..200 | status @ 300..), _) => {
            if matches!(status, 401 | 403 | 407) {
                record.refused_for_good();
            }
            Err(io::Error::other(asked.refusal(status)))
        }
        _ if looks_like_tls(&head) => Err(io::Error::other(format!(
            "it speaks TLS: in {}, its URL must begin with https://",
            asked.source
        ))),
        (_, None) => Err(io::Error::other(
            "it closed the connection without a response",
        )),
        (None, Some(_)) => Err(io::Error::other("what it sent is not HTTP")),
    }
}

/// An alert, or a part of a handshake: RFC 8446, section 5.1.
fn looks_like_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [21 | 22, 3, ..])
}

/// Behind the first empty line. Some proxies end their lines with a line feed alone.
fn end_of_head(head: &[u8]) -> Option<usize> {
    let mut rest = head;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
        rest = match rest.get(at + 1..)? {
            [b'\n', body @ ..] | [b'\r', b'\n', body @ ..] => {
                return Some(head.len() - body.len());
            }
            rest => rest,
        };
    }
    None
}

fn status(head: &[u8]) -> Option<u16> {
    let version = head.strip_prefix(b"HTTP/1.")?;
    let [_, b' ', code @ ..] = version else {
        return None;
    };
    let (code, rest) = code.split_at_checked(3)?;
    matches!(rest.first(), Some(b' ' | b'\r' | b'\n')).then_some(())?;
    std::str::from_utf8(code).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_of_a_proxy_is_read() {
        for (head, expected, reason) in [
            (
                "HTTP/1.1 200 Connection established\r\n\r\n",
                Some(200),
                "most proxies",
            ),
            ("HTTP/1.0 200 OK\r\n\r\n", Some(200), "tinyproxy"),
            ("HTTP/1.1 407\r\n\r\n", Some(407), "no reason"),
            ("HTTP/1.1 407\n\n", Some(407), "a line feed alone"),
            ("HTTP/1.1 407 Auth", Some(407), "cut off behind it"),
            ("HTTP/1.1 407", None, "it may go on"),
            ("HTTP/2 200\r\n\r\n", None, "another version"),
            ("HTTP/1.1 2000 OK\r\n\r\n", None, "four digits"),
            ("HTTP/1.1 20\r\n\r\n", None, "two digits"),
            ("HTTP/1.1  200 OK\r\n\r\n", None, "two spaces"),
            ("SSH-2.0-OpenSSH_9.2\r\n\r\n", None, "not HTTP"),
            ("\r\n\r\n", None, "nothing"),
        ] {
            assert_eq!(status(head.as_bytes()), expected, "{reason}");
        }
    }

    #[test]
    fn a_head_ends_at_its_first_empty_line() {
        for (head, expected) in [
            ("a\r\n\r\nb", Some(5)),
            ("a\n\nb", Some(3)),
            ("a\n\r\nb", Some(4)),
            ("a\r\n\nb", Some(4)),
            ("a\r\nb\r\n\r\n", Some(8)),
            ("a\r\nb\r\n", None),
            ("a\r\n\r", None),
            ("\r\n", None),
            ("", None),
        ] {
            assert_eq!(end_of_head(head.as_bytes()), expected, "{head:?}");
        }
    }
}
