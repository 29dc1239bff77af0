//! Opens a tunnel through an HTTP proxy with `CONNECT` (RFC 9110, section 9.3.6). It does not
//! depend on what is sent through it.

use std::io;

use zeroize::Zeroizing;

use super::headers::MAX_HEAD;
use super::record::Record;
use super::stream::Stream;
use crate::auth::concat_secret;

/// The request to a proxy.
pub(super) struct Asked<'a> {
    /// The host and port of the service.
    pub(super) authority: &'a str,
    pub(super) user_agent: &'a str,
    pub(super) authorization: Option<&'a str>,
    /// The option or variable that configures the proxy.
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

    /// Explains the proxy's refusal, and what to do.
    fn refusal(&self, status: u16) -> String {
        let Asked {
            authority, source, ..
        } = self;
        match (status, self.authorization) {
            (401 | 407, None) => format!(
                "it requires a user name and password ({status}): add them to {source}, as in \
                 http://user:password@proxy.example:3128"
            ),
            (401 | 407, Some(_)) => format!(
                "it rejected the user name and password ({status}): correct them in {source}"
            ),
            (403, _) => format!(
                "it does not allow tunnels to {authority} (403): ask its administrator to allow \
                 that, \
                 or connect without it"
            ),
            (502..=504, _) => {
                format!("it could not reach {authority} ({status})")
            }
            _ => format!("it responded with {status} to CONNECT {authority}"),
        }
    }
}

/// Asks the proxy for a connection to the service.
pub(super) fn open(stream: &mut dyn Stream, asked: &Asked, record: &Record) -> io::Result<()> {
    stream.write_all(asked.request().as_bytes())?;
    stream.flush()?;

    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    let end = loop {
        let amount = match stream.read(&mut buffer) {
            // The proxy closed the connection without close_notify.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            read => read?,
        };
        if amount == 0 {
            break None;
        }
        // LF CR LF: an empty line with the last byte of the line before it.
        let seen = head.len().saturating_sub(2);
        head.extend_from_slice(buffer.get(..amount).unwrap_or_default());
        if let Some(end) = end_of_head(head.get(seen..).unwrap_or_default()) {
            break Some(seen + end);
        }
        if head.len() > MAX_HEAD {
            return Err(io::Error::other("its response is too large"));
        }
    };
    match (status(&head), end) {
        (Some(200..=299), Some(end)) if head.len() == end => Ok(()),
        // The service does not send anything in the tunnel before this side does.
        (Some(200..=299), Some(_)) => Err(io::Error::other("it sent unexpected data")),
        (Some(status @ ..200 | status @ 300..), _) => {
            if matches!(status, 401 | 403 | 407) {
                record.refused_for_good();
            }
            Err(io::Error::other(asked.refusal(status)))
        }
        _ if looks_like_tls(&head) => Err(io::Error::other(format!(
            "it speaks TLS: its URL in {} must begin with https://",
            asked.source
        ))),
        (_, None) => Err(io::Error::other(
            "it closed the connection without a response",
        )),
        (None, Some(_)) => Err(io::Error::other("its response is not HTTP")),
    }
}

/// Whether this is an alert or a handshake record (RFC 8446, section 5.1).
fn looks_like_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [21 | 22, 3, ..])
}

/// Returns the position after the first empty line. Some proxies end lines with only a line feed.
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
            ("HTTP/1.1 407\r\n\r\n", Some(407), "no reason phrase"),
            ("HTTP/1.1 407\n\n", Some(407), "only line feeds"),
            ("HTTP/1.1 407 Auth", Some(407), "cut off after the status"),
            ("HTTP/1.1 407", None, "the status may be incomplete"),
            ("HTTP/2 200\r\n\r\n", None, "another version"),
            ("HTTP/1.1 2000 OK\r\n\r\n", None, "four digits"),
            ("HTTP/1.1 20\r\n\r\n", None, "two digits"),
            ("HTTP/1.1  200 OK\r\n\r\n", None, "two spaces"),
            ("SSH-2.0-OpenSSH_9.2\r\n\r\n", None, "not HTTP"),
            ("\r\n\r\n", None, "empty"),
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
