//! A bare socket with a prepared request under load: the minimum without any error handling.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Mutex;

#[path = "../../../load.rs"]
mod load;
#[path = "../../../tokens.rs"]
mod tokens;

fn main() {
    load::run(|settings| {
        let host = settings.url.strip_prefix("http://").expect("plain http");
        let stream = TcpStream::connect(host).expect("a connection");
        stream.set_nodelay(true).expect("a socket option");
        let request = format!(
            "GET /auth/v1/tokens HTTP/1.1\r\nHost: {host}\r\nUser-Agent: socket\r\nAccept: \
             application/json\r\nAuthorization: Bearer {}\r\n\r\n",
            load::TOKEN
        );
        let connection = Mutex::new((stream, vec![0; 2 * 1024 * 1024]));
        move || {
            let (stream, buffer) = &mut *connection.lock().expect("no panic");
            stream.write_all(request.as_bytes()).expect("a request");
            let mut filled = 0;
            let body = loop {
                filled += match stream.read(&mut buffer[filled..]).expect("an answer") {
                    0 => panic!("the connection ended"),
                    n => n,
                };
                let answer = &buffer[..filled];
                let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
                    continue;
                };
                let head = std::str::from_utf8(&answer[..end]).expect("a head");
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("Content-Length: "))
                    .and_then(|length| length.parse::<usize>().ok())
                    .expect("a length");
                if answer.len() >= end + 4 + length {
                    break &answer[end + 4..];
                }
            };
            let tokens: tokens::Tokens = serde_json::from_slice(body).expect("a list");
            tokens.tokens.len()
        }
    });
}
