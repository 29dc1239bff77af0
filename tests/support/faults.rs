//! Faults of networks, gateways and the service, and what each means for a request.

use std::time::Duration;

use super::{Play, response};

/// What a fault means for the request: the library's documentation, written a second time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    Success,
    /// The service cannot have acted: every endpoint is retried.
    Refused,
    /// It may have acted: only endpoints that may be repeated are retried.
    Unknown,
    /// It may have acted, and no endpoint is retried.
    UnknownForGood,
    /// It may have acted, and there is no time left.
    TimedOut,
    /// The response says what the service did.
    Conclusive,
}

pub struct Fault {
    pub name: &'static str,
    pub outcome: Outcome,
    /// A part of the error's text.
    pub text: &'static str,
    /// What the server plays, given the body of a success.
    pub play: fn(&str) -> Play,
}

fn chunked(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}").into_bytes()
}

fn whole(body: &str) -> Vec<u8> {
    response(200, "", body)
}

/// A complete response without its last `n` bytes.
fn cut(body: &str, n: usize) -> Vec<u8> {
    let mut bytes = whole(body);
    bytes.truncate(bytes.len() - n);
    bytes
}

fn head(body: &str) -> Vec<u8> {
    cut(body, body.len())
}

/// The service's own error, in its documented model.
pub fn status(code: u16) -> Play {
    service_error(code, "")
}

pub fn service_error(code: u16, headers: &str) -> Play {
    Play::Write(service_response(code, headers))
}

pub fn service_response(code: u16, headers: &str) -> Vec<u8> {
    let messages = r#"[{"errorCode":"7","message":"no"}]"#;
    let body = format!(r#"{{"httpStatus":{code},"messages":{messages}}}"#);
    response(code, headers, &body)
}

/// The error of a gateway in front of the service.
pub fn gateway(code: u16) -> Play {
    let page = format!("<html><h1>{code}</h1>no</html>");
    Play::Write(response(code, "Content-Type: text/html\r\n", &page))
}

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "none",
        outcome: Outcome::Success,
        text: "",
        play: |body| Play::Write(whole(body)),
    },
    Fault {
        name: "no length, and the connection is closed",
        outcome: Outcome::Success,
        text: "",
        play: |body| Play::WriteAndClose(whole(body)),
    },
    Fault {
        name: "chunked",
        outcome: Outcome::Success,
        text: "",
        play: |body| Play::Write(chunked(&format!("{:x}\r\n{}\r\n0\r\n\r\n", body.len(), body))),
    },
    Fault {
        name: "100-continue before the response",
        outcome: Outcome::Success,
        text: "",
        play: |body| Play::Write([b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), whole(body)].concat()),
    },
    Fault {
        name: "no length, ended by the connection",
        outcome: Outcome::Success,
        text: "",
        play: |body| Play::WriteAndClose(format!("HTTP/1.1 200 OK\r\n\r\n{}", body).into_bytes()),
    },
    Fault {
        name: "reset before the head",
        outcome: Outcome::Unknown,
        text: "lost the connection to 127.0.0.1:",
        play: |_| Play::WriteAndReset(vec![]),
    },
    Fault {
        name: "closed before the head",
        outcome: Outcome::Unknown,
        text: "lost the connection to 127.0.0.1:",
        play: |_| Play::WriteAndClose(vec![]),
    },
    Fault {
        name: "reset in the head",
        outcome: Outcome::Unknown,
        text: "lost the connection to 127.0.0.1:",
        play: |_| Play::WriteAndReset(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()),
    },
    Fault {
        name: "reset after the head",
        outcome: Outcome::Unknown,
        text: "lost the connection to 127.0.0.1:",
        play: |body| Play::WriteAndReset(head(body)),
    },
    Fault {
        name: "closed after the head",
        outcome: Outcome::Unknown,
        text: "lost the connection to 127.0.0.1:",
        play: |body| Play::WriteAndClose(head(body)),
    },
    Fault {
        name: "reset in the body",
        outcome: Outcome::Unknown,
        text: "lost the connection to 127.0.0.1:",
        play: |body| Play::WriteAndReset(cut(body, 1)),
    },
    Fault {
        name: "closed in the body",
        outcome: Outcome::Unknown,
        text: "lost the connection to 127.0.0.1:",
        play: |body| Play::WriteAndClose(cut(body, 1)),
    },
    Fault {
        name: "cut, with no length",
        outcome: Outcome::Unknown,
        text: "ends in the middle",
        play: |body| {
            Play::WriteAndClose(format!("HTTP/1.1 200 OK\r\n\r\n{}", &body[..5]).into_bytes())
        },
    },
    Fault {
        name: "a length that is too short",
        outcome: Outcome::Unknown,
        text: "ends in the middle",
        play: |body| {
            Play::WriteAndClose(
                format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", body).into_bytes(),
            )
        },
    },
    Fault {
        name: "a length that is not a number",
        outcome: Outcome::Unknown,
        text: "is not readable",
        play: |body| {
            Play::WriteAndClose(
                format!("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}", body).into_bytes(),
            )
        },
    },
    Fault {
        name: "broken chunks",
        outcome: Outcome::Unknown,
        text: "is not readable",
        play: |body| Play::WriteAndClose(chunked(&format!("zz\r\n{}", body))),
    },
    Fault {
        name: "chunks that end early",
        outcome: Outcome::Unknown,
        text: "lost the connection to 127.0.0.1:",
        play: |body| Play::WriteAndClose(chunked(&format!("{:x}\r\n{}", body.len(), &body[..5]))),
    },
    Fault {
        name: "no HTTP",
        outcome: Outcome::Unknown,
        text: "is not readable",
        play: |_| Play::WriteAndClose(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
    },
    Fault {
        name: "bytes",
        outcome: Outcome::Unknown,
        text: "is not readable",
        play: |_| Play::WriteAndClose(vec![0xff; 300]),
    },
    Fault {
        name: "a page",
        outcome: Outcome::Unknown,
        text: "is not JSON",
        play: |_| {
            Play::Write(response(
                200,
                "Content-Type: text/html\r\n",
                "<html>log in to the hotel</html>",
            ))
        },
    },
    Fault {
        name: "a flood of headers",
        outcome: Outcome::Unknown,
        text: "is not readable",
        play: |_| {
            Play::Flood(
                b"HTTP/1.1 200 OK\r\n".to_vec(),
                format!("x: {}\r\n", "y".repeat(1000)).into_bytes(),
            )
        },
    },
    Fault {
        name: "silence",
        outcome: Outcome::TimedOut,
        text: "timed out",
        play: |_| Play::Silence,
    },
    Fault {
        name: "a head that drips",
        outcome: Outcome::TimedOut,
        text: "timed out",
        play: |body| Play::Drip(whole(body), Duration::from_millis(20)),
    },
    Fault {
        name: "an endless 100-continue",
        outcome: Outcome::Unknown,
        text: "is not readable",
        play: |_| Play::Flood(vec![], b"HTTP/1.1 100 Continue\r\n\r\n".repeat(4000)),
    },
    Fault {
        name: "429",
        outcome: Outcome::Refused,
        text: "429 Too Many Requests: no",
        play: |_| status(429),
    },
    Fault {
        name: "503",
        outcome: Outcome::Refused,
        text: "503 Service Unavailable: no",
        play: |_| status(503),
    },
    Fault {
        name: "503 of a gateway",
        outcome: Outcome::Unknown,
        text: "503 Service Unavailable (",
        play: |_| gateway(503),
    },
    Fault {
        name: "503 of a gateway that asks to wait",
        outcome: Outcome::Unknown,
        text: "503 Service Unavailable",
        play: |_| Play::Write(response(503, "Retry-After: 0\r\n", "")),
    },
    Fault {
        name: "503 of the service, cut off",
        outcome: Outcome::Unknown,
        text: "503 Service Unavailable",
        play: |_| {
            let Play::Write(mut bytes) = status(503) else { unreachable!("it is written") };
            bytes.pop();
            Play::WriteAndClose(bytes)
        },
    },
    Fault {
        name: "503 of the service, all of it but what its length promises",
        outcome: Outcome::Unknown,
        text: "503 Service Unavailable",
        play: |_| {
            let Play::Write(bytes) = status(503) else { unreachable!("it is written") };
            let text = String::from_utf8(bytes).unwrap();
            Play::WriteAndClose(text.replace("Length: ", "Length: 1").into_bytes())
        },
    },
    Fault {
        name: "503 with the error of another status",
        outcome: Outcome::Unknown,
        text: "503 Service Unavailable",
        play: |_| {
            let body = r#"{"httpStatus":500,"messages":[{"errorCode":"7","message":"no"}]}"#;
            Play::Write(response(503, "", body))
        },
    },
    Fault {
        name: "503 without a message",
        outcome: Outcome::Unknown,
        text: "503 Service Unavailable",
        play: |_| Play::Write(response(503, "", r#"{"httpStatus":503,"messages":[]}"#)),
    },
    Fault {
        name: "429 of a gateway",
        outcome: Outcome::Refused,
        text: "429 Too Many Requests",
        play: |_| gateway(429),
    },
    Fault {
        name: "an empty body of undeclared length",
        outcome: Outcome::Unknown,
        text: "is not readable",
        play: |_| Play::WriteAndClose(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
    },
    Fault {
        name: "an empty body of undeclared length, reset",
        outcome: Outcome::Unknown,
        text: "",
        play: |_| Play::WriteAndReset(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
    },
    Fault {
        name: "an empty chunked body",
        outcome: Outcome::Unknown,
        text: "is not readable",
        play: |_| Play::Write(chunked("0\r\n\r\n")),
    },
    Fault {
        name: "a blank body",
        outcome: Outcome::Unknown,
        text: "is not readable",
        play: |_| Play::Write(response(200, "", "\r\n")),
    },
    Fault {
        name: "502",
        outcome: Outcome::Unknown,
        text: "502 Bad Gateway: no",
        play: |_| status(502),
    },
    Fault {
        name: "504",
        outcome: Outcome::Unknown,
        text: "504 Gateway Timeout: no",
        play: |_| status(504),
    },
    Fault {
        name: "500",
        outcome: Outcome::UnknownForGood,
        text: "500 Internal Server Error: no",
        play: |_| status(500),
    },
    Fault {
        name: "400",
        outcome: Outcome::Conclusive,
        text: "400 Bad Request: no",
        play: |_| status(400),
    },
    Fault {
        name: "401",
        outcome: Outcome::Conclusive,
        text: "401 Unauthorized: no",
        play: |_| status(401),
    },
    Fault {
        name: "403",
        outcome: Outcome::Conclusive,
        text: "403 Forbidden: no",
        play: |_| status(403),
    },
    Fault {
        name: "501",
        outcome: Outcome::Conclusive,
        text: "501 Not Implemented: no",
        play: |_| status(501),
    },
    Fault {
        name: "404",
        outcome: Outcome::Conclusive,
        text: "404 Not Found: no",
        play: |_| status(404),
    },
    Fault {
        name: "302",
        outcome: Outcome::UnknownForGood,
        text: "302 Found",
        play: |_| Play::Write(response(302, "Location: http://127.0.0.1:1/\r\n", "")),
    },
    Fault {
        name: "403 of a gateway",
        outcome: Outcome::UnknownForGood,
        text: "403 Forbidden (",
        play: |_| gateway(403),
    },
    Fault {
        name: "404 of a gateway",
        outcome: Outcome::UnknownForGood,
        text: "404 Not Found (",
        play: |_| gateway(404),
    },
    Fault {
        name: "401 with half a body",
        outcome: Outcome::Conclusive,
        text: "401 Unauthorized",
        play: |_| {
            Play::WriteAndClose(b"HTTP/1.1 401 X\r\nContent-Length: 99\r\n\r\n{\"mess".to_vec())
        },
    },
];
