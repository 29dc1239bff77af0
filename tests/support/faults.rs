//! Every fault of a network, and what it says of a request.

use std::time::Duration;

use super::{Endpoint, Play, answer};

/// What a fault says of the request, as decision 1 of the design has it, written down anew.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Says {
    Success,
    /// The service can't have acted: all endpoints try again.
    Refused,
    /// It may have: those try again for which twice is the same as once.
    Unknown,
    /// It may have, and nobody tries again.
    UnknownForGood,
    /// It may have, and there is no time left.
    TimedOut,
    /// It said what became of it.
    Answered,
}

pub struct Fault {
    pub name: &'static str,
    pub says: Says,
    /// What the error's text names, apart from the request.
    pub text: &'static str,
    pub play: fn(&Endpoint) -> Play,
}

fn chunked(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{body}").into_bytes()
}

pub fn whole(endpoint: &Endpoint) -> Vec<u8> {
    answer(200, "", endpoint.body)
}

/// All but the last `n` bytes of a whole answer.
fn cut(endpoint: &Endpoint, n: usize) -> Vec<u8> {
    let mut bytes = whole(endpoint);
    bytes.truncate(bytes.len() - n);
    bytes
}

fn head(endpoint: &Endpoint) -> Vec<u8> {
    cut(endpoint, endpoint.body.len())
}

/// The service's own error, in its documented model.
pub fn status(code: u16) -> Play {
    service_error(code, "")
}

pub fn service_error(code: u16, headers: &str) -> Play {
    Play::Write(service_answer(code, headers))
}

pub fn service_answer(code: u16, headers: &str) -> Vec<u8> {
    let messages = r#"[{"errorCode":"7","message":"no"}]"#;
    let body = format!(r#"{{"httpStatus":{code},"messages":{messages}}}"#);
    answer(code, headers, &body)
}

/// The error of a gateway before the service.
pub fn gateway(code: u16) -> Play {
    let page = format!("<html><h1>{code}</h1>no</html>");
    Play::Write(answer(code, "Content-Type: text/html\r\n", &page))
}

/// Statuses that say what became of a request, whoever sends them: decision 1 of the design.
pub const ANSWERED: [u16; 24] = [
    300, 301, 302, 304, 305, 307, 308, 400, 401, 402, 403, 404, 405, 406, 409, 410, 413, 418, 422,
    451, 499, 501, 505, 511,
];
/// Statuses that say nothing, even in the service's own model.
pub const UNKNOWN: [u16; 27] = [
    101, 303, 408, 425, 502, 504, 506, 507, 508, 509, 510, 520, 521, 522, 523, 524, 525, 526, 527,
    529, 530, 561, 598, 599, 600, 700, 999,
];

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "none",
        says: Says::Success,
        text: "",
        play: |e| Play::Write(whole(e)),
    },
    Fault {
        name: "none, and the connection is closed",
        says: Says::Success,
        text: "",
        play: |e| Play::WriteAndClose(whole(e)),
    },
    Fault {
        name: "chunked",
        says: Says::Success,
        text: "",
        play: |e| {
            Play::Write(chunked(&format!(
                "{:x}\r\n{}\r\n0\r\n\r\n",
                e.body.len(),
                e.body
            )))
        },
    },
    Fault {
        name: "100-continue before the answer",
        says: Says::Success,
        text: "",
        play: |e| Play::Write([b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), whole(e)].concat()),
    },
    Fault {
        name: "no length, ended by the connection",
        says: Says::Success,
        text: "",
        play: |e| Play::WriteAndClose(format!("HTTP/1.1 200 OK\r\n\r\n{}", e.body).into_bytes()),
    },
    Fault {
        name: "reset before the head",
        says: Says::Unknown,
        text: "connection was lost",
        play: |_| Play::WriteAndReset(vec![]),
    },
    Fault {
        name: "closed before the head",
        says: Says::Unknown,
        text: "connection was lost",
        play: |_| Play::WriteAndClose(vec![]),
    },
    Fault {
        name: "reset in the head",
        says: Says::Unknown,
        text: "connection was lost",
        play: |_| Play::WriteAndReset(b"HTTP/1.1 200 OK\r\nContent-Le".to_vec()),
    },
    Fault {
        name: "reset after the head",
        says: Says::Unknown,
        text: "connection was lost",
        play: |e| Play::WriteAndReset(head(e)),
    },
    Fault {
        name: "closed after the head",
        says: Says::Unknown,
        text: "connection was lost",
        play: |e| Play::WriteAndClose(head(e)),
    },
    Fault {
        name: "reset in the body",
        says: Says::Unknown,
        text: "connection was lost",
        play: |e| Play::WriteAndReset(cut(e, 1)),
    },
    Fault {
        name: "closed in the body",
        says: Says::Unknown,
        text: "connection was lost",
        play: |e| Play::WriteAndClose(cut(e, 1)),
    },
    Fault {
        name: "cut, with no length",
        says: Says::Unknown,
        text: "ends in the middle",
        play: |e| {
            Play::WriteAndClose(format!("HTTP/1.1 200 OK\r\n\r\n{}", &e.body[..5]).into_bytes())
        },
    },
    Fault {
        name: "a length that is too short",
        says: Says::Unknown,
        text: "ends in the middle",
        play: |e| {
            Play::WriteAndClose(
                format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", e.body).into_bytes(),
            )
        },
    },
    Fault {
        name: "a length that is none",
        says: Says::Unknown,
        text: "can't be understood",
        play: |e| {
            Play::WriteAndClose(
                format!("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}", e.body).into_bytes(),
            )
        },
    },
    Fault {
        name: "broken chunks",
        says: Says::Unknown,
        text: "can't be understood",
        play: |e| Play::WriteAndClose(chunked(&format!("zz\r\n{}", e.body))),
    },
    Fault {
        name: "chunks that end early",
        says: Says::Unknown,
        text: "connection was lost",
        play: |e| Play::WriteAndClose(chunked(&format!("{:x}\r\n{}", e.body.len(), &e.body[..5]))),
    },
    Fault {
        name: "no HTTP",
        says: Says::Unknown,
        text: "can't be understood",
        play: |_| Play::WriteAndClose(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
    },
    Fault {
        name: "bytes",
        says: Says::Unknown,
        text: "can't be understood",
        play: |_| Play::WriteAndClose(vec![0xff; 300]),
    },
    Fault {
        name: "a page",
        says: Says::Unknown,
        text: "is no JSON",
        play: |_| {
            Play::Write(answer(
                200,
                "Content-Type: text/html\r\n",
                "<html>log in to the hotel</html>",
            ))
        },
    },
    Fault {
        name: "a flood of headers",
        says: Says::Unknown,
        text: "can't be understood",
        play: |_| {
            Play::Flood(
                b"HTTP/1.1 200 OK\r\n".to_vec(),
                format!("x: {}\r\n", "y".repeat(1000)).into_bytes(),
            )
        },
    },
    Fault {
        name: "silence",
        says: Says::TimedOut,
        text: "timed out",
        play: |_| Play::Silence,
    },
    Fault {
        name: "a head that drips",
        says: Says::TimedOut,
        text: "timed out",
        play: |e| Play::Drip(whole(e), Duration::from_millis(20)),
    },
    Fault {
        name: "an endless 100-continue",
        says: Says::Unknown,
        text: "can't be understood",
        play: |_| Play::Flood(vec![], b"HTTP/1.1 100 Continue\r\n\r\n".repeat(4000)),
    },
    Fault {
        name: "429",
        says: Says::Refused,
        text: "429 Too Many Requests: no",
        play: |_| status(429),
    },
    Fault {
        name: "503",
        says: Says::Refused,
        text: "503 Service Unavailable: no",
        play: |_| status(503),
    },
    Fault {
        name: "503 of a gateway",
        says: Says::Unknown,
        text: "503 Service Unavailable: <html>",
        play: |_| gateway(503),
    },
    Fault {
        name: "503 of a gateway that asks to wait",
        says: Says::Unknown,
        text: "503 Service Unavailable",
        play: |_| Play::Write(answer(503, "Retry-After: 0\r\n", "")),
    },
    Fault {
        name: "503 of the service, cut off",
        says: Says::Unknown,
        text: "503 Service Unavailable",
        play: |_| {
            let Play::Write(mut bytes) = status(503) else {
                unreachable!("it is written")
            };
            bytes.pop();
            Play::WriteAndClose(bytes)
        },
    },
    Fault {
        name: "503 of the service, all of it but what its length promises",
        says: Says::Unknown,
        text: "503 Service Unavailable",
        play: |_| {
            let Play::Write(bytes) = status(503) else {
                unreachable!("it is written")
            };
            let text = String::from_utf8(bytes).unwrap();
            Play::WriteAndClose(text.replace("Length: ", "Length: 1").into_bytes())
        },
    },
    Fault {
        name: "503 with the error of another status",
        says: Says::Unknown,
        text: "503 Service Unavailable",
        play: |_| {
            let body = r#"{"httpStatus":500,"messages":[{"errorCode":"7","message":"no"}]}"#;
            Play::Write(answer(503, "", body))
        },
    },
    Fault {
        name: "503 without a message",
        says: Says::Unknown,
        text: "503 Service Unavailable",
        play: |_| Play::Write(answer(503, "", r#"{"httpStatus":503,"messages":[]}"#)),
    },
    Fault {
        name: "429 of a gateway",
        says: Says::Refused,
        text: "429 Too Many Requests",
        play: |_| gateway(429),
    },
    Fault {
        name: "an empty body of undeclared length",
        says: Says::Unknown,
        text: "can't be understood",
        play: |_| Play::WriteAndClose(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
    },
    Fault {
        name: "an empty body of undeclared length, reset",
        says: Says::Unknown,
        text: "",
        play: |_| Play::WriteAndReset(b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
    },
    Fault {
        name: "an empty chunked body",
        says: Says::Unknown,
        text: "can't be understood",
        play: |_| Play::Write(chunked("0\r\n\r\n")),
    },
    Fault {
        name: "a blank body",
        says: Says::Unknown,
        text: "can't be understood",
        play: |_| Play::Write(answer(200, "", "\r\n")),
    },
    Fault {
        name: "502",
        says: Says::Unknown,
        text: "502 Bad Gateway: no",
        play: |_| status(502),
    },
    Fault {
        name: "504",
        says: Says::Unknown,
        text: "504 Gateway Timeout: no",
        play: |_| status(504),
    },
    Fault {
        name: "500",
        says: Says::UnknownForGood,
        text: "500 Internal Server Error: no",
        play: |_| status(500),
    },
    Fault {
        name: "400",
        says: Says::Answered,
        text: "400 Bad Request: no",
        play: |_| status(400),
    },
    Fault {
        name: "401",
        says: Says::Answered,
        text: "401 Unauthorized: no",
        play: |_| status(401),
    },
    Fault {
        name: "403",
        says: Says::Answered,
        text: "403 Forbidden: no",
        play: |_| status(403),
    },
    Fault {
        name: "501",
        says: Says::Answered,
        text: "501: no",
        play: |_| status(501),
    },
    Fault {
        name: "302",
        says: Says::Answered,
        text: "302 Found",
        play: |_| Play::Write(answer(302, "Location: http://127.0.0.1:1/\r\n", "")),
    },
    Fault {
        name: "401 with half a body",
        says: Says::Answered,
        text: "401 Unauthorized",
        play: |_| {
            Play::WriteAndClose(b"HTTP/1.1 401 X\r\nContent-Length: 99\r\n\r\n{\"mess".to_vec())
        },
    },
];
