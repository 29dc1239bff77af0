//! Benchmarks without an external server: reading a Key ID, lists of growing length, and the most
//! expensive error responses.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use criterion::{Criterion, criterion_group, criterion_main};
use ionoscloud_auth::{Client, Credentials, GetAllTokensOptions, Tokens, get_all_tokens, key_id};

/// A token like the service's, but with a fake signature.
const TOKEN: &str = concat!(
    "eyJ0eXAiOiJKV1QiLCJraWQiOiJmMTNhNWM1NC04MjI4LTRiN2UtOTQxNC02MTMxM2NlNzIzZDEiLCJhbGciOiJSUzI1NiJ9.",
    "eyJpc3MiOiJpb25vc2Nsb3VkIiwiaWF0IjoxNzU4NjEyNTg0LCJjbGllbnQiOiJVU0VSIiwiZXhwIjoxNzkwMTQ4NTg0fQ.",
    "c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl"
);

fn reading_a_key_id(criterion: &mut Criterion) {
    let expected = "f13a5c54-8228-4b7e-9414-61313ce723d1";
    assert_eq!(key_id(TOKEN).unwrap().as_str(), expected);
    assert_eq!(
        jsonwebtoken::decode_header(TOKEN).unwrap().kid.unwrap(),
        expected
    );
    let mut group = criterion.benchmark_group("key_id");
    group.bench_function("key_id", |b| b.iter(|| key_id(black_box(TOKEN)).unwrap()));
    group.bench_function("jsonwebtoken", |b| {
        b.iter(|| jsonwebtoken::decode_header(black_box(TOKEN)).unwrap())
    });
    group.finish();
}

fn list(count: usize) -> Vec<u8> {
    let token = r#"{"id":"f13a5c54-8228-4b7e-9414-61313ce723d1","href":"https://api.ionos.com/auth/v1/tokens/f13a5c54-8228-4b7e-9414-61313ce723d1","createdDate":"2025-09-23T07:29:44Z","expirationDate":"2026-09-23T07:29:44Z"}"#;
    format!(r#"{{"tokens":[{}]}}"#, vec![token; count].join(",")).into_bytes()
}

/// Responds to every request with the same body, one connection after the other.
fn serve(status: &str, body: &[u8]) -> String {
    let length = body.len();
    let mut answer = format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n").into_bytes();
    answer.extend_from_slice(body);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut last = [0; 4];
            let mut received = [0; 32 * 1024];
            while let Ok(count @ 1..) = stream.read(&mut received) {
                for byte in &received[..count] {
                    last = [last[1], last[2], last[3], *byte];
                    if last == *b"\r\n\r\n" {
                        stream.write_all(&answer).unwrap();
                    }
                }
            }
        }
    });
    url
}

/// A call, compared with only parsing its response into the same type.
fn lists(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("list");
    for count in [1, 10, 100, 1_000, 10_000] {
        let body = list(count);
        let client = Client::builder()
            .base_url(serve("200 OK", &body))
            .credentials(Credentials::token(TOKEN))
            .build()
            .unwrap();
        let options = GetAllTokensOptions::new();
        assert_eq!(
            get_all_tokens(&client, &options).unwrap().tokens.len(),
            count
        );
        group.bench_function(format!("call/{count}"), |b| {
            b.iter(|| get_all_tokens(&client, &options).unwrap())
        });
        group.bench_function(format!("from_slice/{count}"), |b| {
            b.iter(|| serde_json::from_slice::<Tokens>(black_box(&body)).unwrap())
        });
    }
    group.finish();
}

/// Error responses of 64 KiB to a client with the longest token and 64 headers, including the
/// error's text, compared with a response of a few bytes.
fn refusals(criterion: &mut Criterion) {
    let token = "aB3.".repeat(2_500);
    // Everything except each last character is a piece of the token.
    let near = "aB3.aB3.aB3_".repeat(80);
    let messages = |message: &str| {
        let messages = vec![message; 64 * 1024 / (message.len() + 1)].join(",");
        format!(r#"{{"httpStatus":403,"messages":[{messages}]}}"#)
    };
    let long = format!(r#"{{"errorCode":"{near}","message":"{near}"}}"#);
    let mut group = criterion.benchmark_group("refusal");
    for (name, body) in [
        ("a few bytes", messages(&long)[..100].to_owned()),
        ("many messages", messages(r#"{"message":"m"}"#)),
        ("long messages", messages(&long)),
        ("text", near.repeat(68)),
        ("HTML", format!("<html>{}", near.repeat(68))),
        ("only markup", "<a>".repeat(21_000)),
        ("nothing that shows", "\u{ad}".repeat(32_000)),
        ("deep", "[".repeat(64 * 1024)),
        ("escapes", format!(r#""{}""#, r"\u0061".repeat(10_900))),
    ] {
        let mut builder = Client::builder()
            .base_url(serve("403 Forbidden", body.as_bytes()))
            .credentials(Credentials::token(token.as_str()));
        for n in 0..64 {
            builder = builder.header(format!("x-{n:02}"), format!("{n:02}-{}", "k".repeat(60)));
        }
        let client = builder.build().unwrap();
        let options = GetAllTokensOptions::new();
        let refusal = || get_all_tokens(&client, &options).unwrap_err().to_string();
        assert!(refusal().contains("403"), "{name}: {}", refusal());
        group.bench_function(name, |b| b.iter(refusal));
    }
    group.finish();
}

criterion_group!(benches, reading_a_key_id, lists, refusals);
criterion_main!(benches);
