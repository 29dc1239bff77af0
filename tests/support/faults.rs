//! Faults of networks, gateways and the service, and what each means for a request.

use self::Outcome::*;
use super::Play::*;
use super::*;

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

pub const fn fault(
    name: &'static str,
    outcome: Outcome,
    text: &'static str,
    play: fn(&str) -> Play,
) -> Fault {
    Fault { name, outcome, text, play }
}

/// The fault of this name.
pub fn named(name: &str) -> &'static Fault {
    FAULTS.iter().find(|fault| fault.name == name).unwrap()
}

/// What follows the first line of a success.
fn ok(rest: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{rest}").into_bytes()
}

fn chunked(body: &str) -> Vec<u8> {
    ok(&format!("Transfer-Encoding: chunked\r\n\r\n{body}"))
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
    Write(service_response(code, headers))
}

pub fn service_response(code: u16, headers: &str) -> Vec<u8> {
    response(code, headers, &error_body(code))
}

fn error_body(code: u16) -> String {
    model(code, r#"{"errorCode":"7","message":"no"}"#)
}

/// The service's error model, with these messages.
pub fn model(code: u16, messages: &str) -> String {
    format!(r#"{{"httpStatus":{code},"messages":[{messages}]}}"#)
}

const HTML: &str = "Content-Type: text/html\r\n";

/// The error of a gateway in front of the service.
pub fn gateway(code: u16) -> Play {
    let page = format!("<html><h1>{code}</h1>no</html>");
    Write(response(code, HTML, &page))
}

const LOST: &str = "lost the connection to 127.0.0.1:";
const CUT: &str = "ends in the middle";
const UNREADABLE: &str = "is not readable";
const BUSY: &str = "503 Service Unavailable";

#[rustfmt::skip]
pub const FAULTS: &[Fault] = &[
    // These make a test wait, the last two in a rotation: the others run meanwhile.
    fault("silence", TimedOut, "timed out", |_| Silence),
    fault("a head that drips", TimedOut, "timed out",
          |body| Drip(whole(body), Duration::from_millis(200))),
    fault("401", Conclusive, "401 Unauthorized: no", |_| status(401)),
    fault("401 with half a body", Conclusive, "401 Unauthorized",
          |_| WriteAndClose(b"HTTP/1.1 401 X\r\nContent-Length: 99\r\n\r\n{\"mess".to_vec())),
    fault("none", Success, "", |body| Write(whole(body))),
    fault("no length, and the connection is closed", Success, "",
          |body| WriteAndClose(whole(body))),
    fault("chunked", Success, "",
          |body| Write(chunked(&format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())))),
    fault("100-continue before the response", Success, "",
          |body| Write([b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), whole(body)].concat())),
    fault("no length, ended by the connection", Success, "",
          |body| WriteAndClose(ok(&format!("\r\n{body}")))),
    fault("reset before the head", Unknown, LOST, |_| WriteAndReset(vec![])),
    fault("closed before the head", Unknown, LOST, |_| WriteAndClose(vec![])),
    fault("reset in the head", Unknown, LOST, |_| WriteAndReset(ok("Content-Le"))),
    fault("reset after the head", Unknown, LOST, |body| WriteAndReset(head(body))),
    fault("closed after the head", Unknown, LOST, |body| WriteAndClose(head(body))),
    fault("reset in the body", Unknown, LOST, |body| WriteAndReset(cut(body, 1))),
    fault("closed in the body", Unknown, LOST, |body| WriteAndClose(cut(body, 1))),
    fault("cut, with no length", Unknown, CUT,
          |body| WriteAndClose(ok(&format!("\r\n{}", &body[..5])))),
    fault("a length that is too short", Unknown, CUT,
          |body| WriteAndClose(ok(&format!("Content-Length: 5\r\n\r\n{body}")))),
    fault("a length that is not a number", Unknown, UNREADABLE,
          |body| WriteAndClose(ok(&format!("Content-Length: x\r\n\r\n{body}")))),
    fault("broken chunks", Unknown, UNREADABLE,
          |body| WriteAndClose(chunked(&format!("zz\r\n{body}")))),
    fault("chunks that end early", Unknown, LOST,
          |body| WriteAndClose(chunked(&format!("{:x}\r\n{}", body.len(), &body[..5])))),
    fault("no HTTP", Unknown, UNREADABLE, |_| WriteAndClose(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())),
    fault("bytes", Unknown, UNREADABLE, |_| WriteAndClose(vec![0xff; 300])),
    fault("a page", Unknown, "is not JSON",
          |_| Write(response(200, HTML, "<html>log in to the hotel</html>"))),
    fault("a flood of headers", Unknown, UNREADABLE,
          |_| Flood(ok(""), format!("x: {}\r\n", "y".repeat(1000)).into_bytes())),
    fault("an endless 100-continue", Unknown, UNREADABLE,
          |_| Flood(vec![], b"HTTP/1.1 100 Continue\r\n\r\n".repeat(4000))),
    fault("429", Refused, "429 Too Many Requests: no", |_| status(429)),
    fault("503", Refused, "503 Service Unavailable: no", |_| status(503)),
    fault("503 of a gateway", Unknown, "503 Service Unavailable (", |_| gateway(503)),
    fault("503 of a gateway that asks to wait", Unknown, BUSY,
          |_| Write(response(503, "Retry-After: 0\r\n", ""))),
    fault("503 of the service, cut off", Unknown, BUSY, |_| {
        let mut bytes = service_response(503, "");
        bytes.pop();
        WriteAndClose(bytes)
    }),
    fault("503 of the service, all of it but what its length promises", Unknown, BUSY, |_| {
        let text = String::from_utf8(service_response(503, "")).unwrap();
        WriteAndClose(text.replace("Length: ", "Length: 1").into_bytes())
    }),
    fault("503 with the error of another status", Unknown, BUSY,
          |_| Write(response(503, "", &error_body(500)))),
    fault("503 without a message", Unknown, BUSY,
          |_| Write(response(503, "", r#"{"httpStatus":503,"messages":[]}"#))),
    fault("429 of a gateway", Refused, "429 Too Many Requests", |_| gateway(429)),
    fault("an empty body of undeclared length", Unknown, UNREADABLE, |_| WriteAndClose(ok("\r\n"))),
    fault("an empty body of undeclared length, reset", Unknown, "", |_| WriteAndReset(ok("\r\n"))),
    fault("an empty chunked body", Unknown, UNREADABLE, |_| Write(chunked("0\r\n\r\n"))),
    fault("a blank body", Unknown, UNREADABLE, |_| Write(response(200, "", "\r\n"))),
    fault("502", Unknown, "502 Bad Gateway: no", |_| status(502)),
    fault("504", Unknown, "504 Gateway Timeout: no", |_| status(504)),
    fault("500", UnknownForGood, "500 Internal Server Error: no", |_| status(500)),
    fault("400", Conclusive, "400 Bad Request: no", |_| status(400)),
    fault("403", Conclusive, "403 Forbidden: no", |_| status(403)),
    fault("501", Conclusive, "501 Not Implemented: no", |_| status(501)),
    fault("404", Conclusive, "404 Not Found: no", |_| status(404)),
    fault("302", UnknownForGood, "302 Found",
          |_| Write(response(302, "Location: http://127.0.0.1:1/\r\n", ""))),
    fault("403 of a gateway", UnknownForGood, "403 Forbidden (", |_| gateway(403)),
    fault("404 of a gateway", UnknownForGood, "404 Not Found (", |_| gateway(404)),
];
