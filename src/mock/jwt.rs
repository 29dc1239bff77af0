//! Tokens like the service's. They do not depend on the mock server's state.

use std::hash::{BuildHasher, RandomState};
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::user::{CONTRACT_NUMBER, USER_UUID};
use crate::token::KeyId;

/// Returns a token like the service's, with a random signature.
pub(super) fn jwt(id: &KeyId, created: SystemTime, expires: SystemTime) -> String {
    let seconds = |time: SystemTime| {
        time.duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs()
    };
    let header = json!({ "typ": "JWT", "kid": id.as_str(), "alg": "RS256" });
    let payload = json!({
        "iss": "ionoscloud",
        "iat": seconds(created),
        "exp": seconds(expires),
        "client": "USER",
        "identity": {
            "uuid": USER_UUID,
            "contractNumber": CONTRACT_NUMBER,
            "resellerId": 1,
            "role": "owner",
            "regDomain": "ionos.de",
            "privileges": ["DATA_CENTER_CREATE", "SNAPSHOT_CREATE", "IP_BLOCK_RESERVE"],
            "isParent": false,
        },
    });
    let signature: Vec<u8> = (0..16).flat_map(|_| random().to_le_bytes()).collect();
    format!(
        "{}.{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(payload.to_string()),
        URL_SAFE_NO_PAD.encode(signature)
    )
}

/// Returns a random UUID (version 4, RFC 9562) in lower case, like the service's.
pub(super) fn uuid() -> String {
    let (high, low) = (random(), random());
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 48 & 0x3fff | 0x8000,
        low & 0xffff_ffff_ffff
    )
}

fn random() -> u64 {
    RandomState::new().hash_one(SystemTime::now())
}
