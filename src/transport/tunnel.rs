//! A tunnel through an HTTP proxy: `CONNECT`, RFC 9110, section 9.3.6.

use std::io;

use zeroize::Zeroizing;

use super::record::Record;
use super::stream::Stream;

/// The longest head of a proxy's response that is read, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Asks the proxy for a connection to `authority`, host and port.
pub(super) fn open(
    stream: &mut dyn Stream,
    authority: &str,
    authorization: Option<&str>,
    record: &Record,
) -> io::Result<()> {
    let credentials = authorization.unwrap_or_default();
    let mut request = Zeroizing::new(String::with_capacity(
        100 + 2 * authority.len() + credentials.len(),
    ));
    for part in ["CONNECT ", authority, " HTTP/1.1\r\nHost: ", authority] {
        request.push_str(part);
    }
    if authorization.is_some() {
        request.push_str("\r\nProxy-Authorization: ");
        request.push_str(credentials);
    }
    request.push_str("\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    stream.flush()?;

    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    let end = loop {
        let amount = stream.read(&mut buffer)?;
        if amount == 0 {
            let reason = "the proxy closed the connection and opened no tunnel";
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, reason));
        }
        head.extend_from_slice(buffer.get(..amount).unwrap_or_default());
        if let Some(end) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break end + 4;
        }
        if head.len() > MAX_HEAD {
            return Err(io::Error::other("the proxy's response is too long"));
        }
    };
    match status(&head) {
        None => Err(io::Error::other("what came from the proxy is not HTTP")),
        // Before this side has said anything in the tunnel, nobody on its other end has either.
        Some(200..=299) if head.len() > end => Err(io::Error::other(
            "the proxy sent more than it was asked for",
        )),
        Some(200..=299) => Ok(()),
        Some(status) => {
            if matches!(status, 401 | 403 | 407) {
                record.refused_for_good();
            }
            Err(io::Error::other(refusal(status)))
        }
    }
}

fn refusal(status: u16) -> String {
    match status {
        401 | 407 => format!(
            "the proxy answered {status}: it wants a user name and a password, or others than it was given"
        ),
        _ => format!("the proxy answered {status} and opened no tunnel"),
    }
}

fn status(head: &[u8]) -> Option<u16> {
    let version = head.strip_prefix(b"HTTP/1.")?;
    let [_, b' ', code @ ..] = version else {
        return None;
    };
    let (code, rest) = code.split_at_checked(3)?;
    matches!(rest.first(), Some(b' ' | b'\r')).then_some(())?;
    std::str::from_utf8(code).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_of_a_proxy() {
        for (head, expected, reason) in [
            (
                "HTTP/1.1 200 Connection established\r\n\r\n",
                Some(200),
                "most proxies",
            ),
            ("HTTP/1.0 200 OK\r\n\r\n", Some(200), "tinyproxy"),
            ("HTTP/1.1 407\r\n\r\n", Some(407), "no reason"),
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
}
