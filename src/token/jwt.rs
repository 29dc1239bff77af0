//! Reads a JWT's Key ID and claims. It does not verify signatures and does not depend on the
//! network.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};

use super::date;
use super::json::read_json;
use super::key_id::KeyId;
use crate::error::{Error, Result};

/// RFC 7515 requires base64url without padding; padding is tolerated.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Returns the [Key ID](KeyId) in a JWT's header, its `kid`.
///
/// Surrounding white space is ignored, because a file may end with a line break.
///
/// **The signature is not verified.** The result is what the token claims. That is enough to ask
/// the service about your own token, but proves nothing about another one.
///
/// # Errors
///
/// [`Error::Invalid`] if this is not a JWT of three parts, if the header is not base64url (RFC
/// 7515, section 2) or not JSON, or if its `kid` is missing or not a valid [Key ID](KeyId). The
/// error does not quote the token.
///
/// # Examples
///
/// ```
/// let token = "eyJ0eXAiOiJKV1QiLCJraWQiOiJmMTNhNWM1NC04MjI4LTRiN2UtOTQxNC02MTMxM2NlNzIzZDEiLCJhbGciOiJSUzI1NiJ9.e30.c2ln";
/// let id = ionoscloud_auth::key_id(token)?;
/// assert_eq!(id.as_str(), "f13a5c54-8228-4b7e-9414-61313ce723d1");
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
pub fn key_id(jwt: &str) -> Result<KeyId> {
    read_key_id(jwt).map_err(|reason| Error::invalid("jwt", reason))
}

/// Returns the Key ID, or why there is none.
pub(super) fn read_key_id(jwt: &str) -> Result<KeyId, String> {
    #[derive(Deserialize)]
    struct Header {
        kid: Option<String>,
    }

    let [header, _] = parts(jwt)?;
    let Some(kid) = decode::<Header>("header", header)?.kid else {
        return Err("its header has no kid".to_owned());
    };
    KeyId::validated(kid).map_err(|reason| format!("its kid {reason}"))
}

/// Returns the claims in a JWT's payload: whose token it is, and when it expires.
///
/// Surrounding white space is ignored.
///
/// **The signature is not verified**, see [`key_id`]. Never use these claims to decide what
/// somebody is allowed to do.
///
/// # Errors
///
/// [`Error::Invalid`] if this is not a JWT of three parts, or if the payload is not base64url, not
/// JSON, or contains a claim with another type than in [`Claims`]. The error does not quote the
/// token.
///
/// # Examples
///
/// ```
/// # let payload = "eyJpc3MiOiJpb25vc2Nsb3VkIiwiZXhwIjoxNzU4NjEyNTg0LCJpZGVudGl0eSI6eyJjb250cmFjdE51bWJlciI6MzE5NTI3NDZ9fQ";
/// # let token = format!("e30.{payload}.c2ln");
/// let claims = ionoscloud_auth::claims(&token)?;
/// assert_eq!(claims.iss.as_deref(), Some("ionoscloud"));
/// assert_eq!(claims.exp, Some(1_758_612_584));
/// assert_eq!(claims.identity.and_then(|identity| identity.contract_number), Some(31_952_746));
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
pub fn claims(jwt: &str) -> Result<Claims> {
    read_claims(jwt).map_err(|reason| Error::invalid("jwt", reason))
}

/// Returns the claims, or why they are not readable.
pub(super) fn read_claims(jwt: &str) -> Result<Claims, String> {
    let [_, payload] = parts(jwt)?;
    decode("payload", payload)
}

/// Returns only the time of expiry. A program that does not use [`claims`] does not pay for reading
/// all of them.
pub(crate) fn expiry(jwt: &str) -> Option<SystemTime> {
    #[derive(Deserialize)]
    struct Payload {
        exp: Option<u64>,
    }

    let [_, payload] = parts(jwt).ok()?;
    let exp = decode::<Payload>("payload", payload).ok()?.exp?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(exp))
}

/// The claims in a token's payload. Every claim is optional. Other claims are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Claims {
    /// The issuer of the token: `ionoscloud`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iss: Option<String>,
    /// When the token was issued, in seconds since 1970 (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iat: Option<u64>,
    /// When the token expires, in seconds since 1970 (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<u64>,
    /// The kind of client: `USER`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    /// The user that the token belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
}

impl Claims {
    /// Returns when the token expires, from its `exp`.
    ///
    /// # Errors
    ///
    /// [`Error::Malformed`] if `exp` is missing or out of the range of [`SystemTime`].
    pub fn expires_at(&self) -> Result<SystemTime> {
        self.exp
            .and_then(|exp| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(exp)))
            .ok_or_else(|| Error::malformed("jwt", "its exp is missing or not a valid time"))
    }

    /// Returns whether the token has expired at this time, which includes the exact time of expiry
    /// (RFC 7519, section 4.1.4).
    ///
    /// # Errors
    ///
    /// As [`expires_at`](Claims::expires_at).
    pub fn is_expired(&self, at: SystemTime) -> Result<bool> {
        self.expires_within(Duration::ZERO, at)
    }

    /// Returns whether the token expires within this duration after `at`, or has already expired.
    ///
    /// # Errors
    ///
    /// As [`expires_at`](Claims::expires_at).
    ///
    /// # Examples
    ///
    /// ```
    /// # let payload = "eyJpc3MiOiJpb25vc2Nsb3VkIiwiZXhwIjoxNzU4NjEyNTg0LCJpZGVudGl0eSI6eyJjb250cmFjdE51bWJlciI6MzE5NTI3NDZ9fQ";
    /// # let token = format!("e30.{payload}.c2ln");
    /// use std::time::{Duration, SystemTime};
    ///
    /// let week = Duration::from_secs(7 * 24 * 3600);
    /// let due = ionoscloud_auth::claims(&token)?.expires_within(week, SystemTime::now())?;
    /// assert!(due);
    /// # Ok::<(), ionoscloud_auth::Error>(())
    /// ```
    pub fn expires_within(&self, duration: Duration, at: SystemTime) -> Result<bool> {
        Ok(date::is_by(self.expires_at()?, duration, at))
    }
}

/// The user that a token belongs to, and what the user may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Identity {
    /// The user's UUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub uuid: Option<String>,
    /// The contract that the token gives access to. You can pass it to
    /// [`contract_number`](crate::CreateTokenOptions::contract_number).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contract_number: Option<u32>,
    /// The contract's reseller. The type is not documented, so a value that is not a whole number
    /// is ignored.
    #[serde(
        default,
        deserialize_with = "whole_number",
        skip_serializing_if = "Option::is_none"
    )]
    pub reseller_id: Option<u64>,
    /// The user's role in the contract, such as `owner`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Where the contract was registered, such as `ionos.de`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reg_domain: Option<String>,
    /// The user's privileges, such as `DATA_CENTER_CREATE`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub privileges: Option<Vec<String>>,
    /// Whether this contract is the parent of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_parent: Option<bool>,
}

/// Returns the encoded header and payload.
fn parts(jwt: &str) -> Result<[&str; 2], String> {
    let jwt = jwt.trim();
    if jwt.is_empty() {
        return Err("is empty".to_owned());
    }
    // A pass without branches is fast, so the slow search is left for the few texts that need it.
    let is_odd = |byte: &u8| *byte <= b' ' || !byte.is_ascii();
    let has_odd = jwt
        .as_bytes()
        .iter()
        .fold(false, |odd, byte| odd | is_odd(byte));
    if has_odd && jwt.contains(char::is_whitespace) {
        let reason = "contains white space: pass only the token, without \"Bearer\"";
        return Err(reason.to_owned());
    }
    let mut parts = jwt.split('.');
    match [parts.next(), parts.next(), parts.next(), parts.next()] {
        [Some(header), Some(payload), Some(_signature), None] => Ok([header, payload]),
        _ => Err(format!(
            "a token has three parts separated by dots, but this has {}",
            jwt.split('.').count()
        )),
    }
}

fn decode<T: DeserializeOwned>(name: &str, part: &str) -> Result<T, String> {
    // The decoder's error is not passed on, because it may quote the token.
    let json = BASE64URL.decode(part).map_err(|_| {
        format!("its {name} is not base64url (RFC 7515: letters, digits, '-' and '_')")
    })?;
    read_json(&json).map_err(|fault| format!("its {name} {fault}"))
}

/// Reads a whole number, written as a number or a string. Anything else is `None`.
fn whole_number<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Option<u64>, D::Error> {
    let value = serde_json::Value::deserialize(deserializer)?;
    Ok(value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    const ID: &str = "f13a5c54-8228-4b7e-9414-61313ce723d1";

    fn jwt(header: &str, payload: &str) -> String {
        format!(
            "{}.{}.c2lnbmF0dXJl",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(payload)
        )
    }

    #[test]
    fn key_ids_are_read_as_rfc_7515_writes_them() {
        let header = |more: &str| format!(r#"{{"typ":"JWT","kid":"{ID}","alg":"RS256"{more}}}"#);
        let plain = jwt(&header(""), "{}");
        let padded = {
            let header = base64::engine::general_purpose::URL_SAFE.encode(header(" "));
            assert!(header.ends_with('='));
            format!("{header}.e30.sig")
        };
        let unpadded_lengths: Vec<String> =
            ["", " ", "  "].map(|more| jwt(&header(more), "{}")).into();
        // The vendor's CLI fails for these: "illegal base64 data" and "unexpected EOF".
        let hyphen = jwt(&header(r#","x":"~~~>>>""#), "{}");
        assert!(hyphen.split('.').next().unwrap().contains('-'));
        let underscore = jwt(&header(r#","x":"???""#), "{}");
        assert!(underscore.split('.').next().unwrap().contains('_'));
        assert!(
            unpadded_lengths
                .iter()
                .any(|jwt| jwt.find('.').unwrap() % 4 == 2)
        );
        assert!(
            unpadded_lengths
                .iter()
                .any(|jwt| jwt.find('.').unwrap() % 4 == 3)
        );
        let mut cases = vec![
            (plain.clone(), "the service's own"),
            (padded, "padding is tolerated"),
            (
                format!(" \t{plain}\r\n"),
                "surrounding white space is ignored",
            ),
            (hyphen, "'-', for which the vendor's CLI fails"),
            (underscore, "'_', for which the vendor's CLI fails"),
            (
                jwt(&header(r#","kids":[1,{"kid":"no"}]"#), "{}"),
                "other members are ignored",
            ),
            (
                jwt(&header(""), "not JSON").to_string(),
                "the payload is ignored",
            ),
            (
                plain.rsplit_once('.').unwrap().0.to_owned() + ".",
                "the signature is ignored",
            ),
        ];
        cases.extend(
            unpadded_lengths
                .into_iter()
                .map(|jwt| (jwt, "any length of header")),
        );
        for (jwt, reason) in cases {
            match key_id(&jwt) {
                Ok(id) => assert_eq!(id.as_str(), ID, "{reason}"),
                Err(error) => panic!("{reason}: {error}"),
            }
        }
    }

    #[test]
    fn texts_without_a_key_id_are_refused_without_repeating_them() {
        let secret = "SECRETSECRET";
        for (token, says) in [
            (String::new(), "is empty"),
            (" \n".to_owned(), "is empty"),
            (secret.to_owned(), "but this has 1"),
            (format!("{secret}.{secret}"), "but this has 2"),
            (format!("{secret}.e30.sig.x"), "but this has 4"),
            (format!("{secret}+/.e30.sig"), "is not base64url"),
            (format!("{secret}!.e30.sig"), "is not base64url"),
            (format!("Bearer {secret}.e30.sig"), "without \"Bearer\""),
            (jwt(secret, "{}"), "is not JSON"),
            (jwt(r#"{"kid":"SECRETSECRET"#, "{}"), "ends in the middle"),
            (jwt(r#""SECRETSECRET""#, "{}"), "unexpected type"),
            (jwt(r#"{"alg":"SECRETSECRET"}"#, "{}"), "has no kid"),
            (jwt(r#"{"kid":null}"#, "{}"), "has no kid"),
            (jwt(r#"{"kid":["SECRETSECRET"]}"#, "{}"), "unexpected type"),
            (
                jwt(r#"{"kid":"a","kid":"b"}"#, "{}"),
                "duplicate field `kid`",
            ),
            (jwt(r#"{"kid":""}"#, "{}"), "its kid is empty"),
            (
                jwt(r#"{"kid":"generate"}"#, "{}"),
                "its kid is \"generate\"",
            ),
            (
                jwt(r#"{"kid":"../SECRETSECRET"}"#, "{}"),
                "its kid contains '/'",
            ),
            (jwt(&"[".repeat(10_000), "{}"), "unexpected type"),
            (format!("{}.e30.sig", "A".repeat(100_000)), "is not JSON"),
        ] {
            let error = key_id(&token).unwrap_err();
            let text = error.to_string();
            assert!(
                text.starts_with("jwt: ") && text.contains(says),
                "{says}: {text}"
            );
            assert!(
                !text.contains(secret) && !format!("{error:?}").contains(secret),
                "{text}"
            );
            assert!(!error.outcome_unknown());
        }
    }

    #[test]
    fn claims_are_read_as_the_service_writes_them() {
        let payload = r#"{"iss":"ionoscloud","iat":1727076584,"client":"USER","identity":{"role":"owner","contractNumber":31952746,
            "isParent":false,"privileges":["DATA_CENTER_CREATE","SNAPSHOT_CREATE"],"uuid":"86fd1a4d-6d24-4b6a-9b5c-2e1a4d2f0c11",
            "resellerId":1,"regDomain":"ionos.de","new":{}},"exp":1758612584,"jti":[]}"#;
        let claims = claims(&jwt("{}", payload)).unwrap();
        assert_eq!(claims.iss.as_deref(), Some("ionoscloud"));
        assert_eq!(claims.iat, Some(1_727_076_584));
        assert_eq!(claims.exp, Some(1_758_612_584));
        assert_eq!(claims.client.as_deref(), Some("USER"));
        let identity = claims.identity.unwrap();
        assert_eq!(
            identity.uuid.as_deref(),
            Some("86fd1a4d-6d24-4b6a-9b5c-2e1a4d2f0c11")
        );
        assert_eq!(identity.contract_number, Some(31_952_746));
        assert_eq!(identity.reseller_id, Some(1));
        assert_eq!(identity.role.as_deref(), Some("owner"));
        assert_eq!(identity.reg_domain.as_deref(), Some("ionos.de"));
        assert_eq!(
            identity.privileges.unwrap(),
            ["DATA_CENTER_CREATE", "SNAPSHOT_CREATE"]
        );
        assert_eq!(identity.is_parent, Some(false));
    }

    #[test]
    fn every_claim_may_be_missing() {
        let empty = claims(&jwt("{}", "{}")).unwrap();
        assert_eq!(
            (empty.iss, empty.iat, empty.exp, empty.client),
            (None, None, None, None)
        );
        assert!(empty.identity.is_none());
        let nulls = claims(&jwt(
            "{}",
            r#"{"exp":null,"identity":{"contractNumber":null,"resellerId":null}}"#,
        ))
        .unwrap();
        assert_eq!(nulls.exp, None);
        let identity = nulls.identity.unwrap();
        assert_eq!(
            (identity.contract_number, identity.reseller_id),
            (None, None)
        );
    }

    #[test]
    fn a_reseller_of_any_type_leaves_the_other_claims_readable() {
        for (written, expected) in [
            ("7", Some(7)),
            (r#""7""#, Some(7)),
            (r#""x""#, None),
            ("7.5", None),
            ("-7", None),
            ("{}", None),
        ] {
            let claims = claims(&jwt(
                "{}",
                &format!(r#"{{"identity":{{"resellerId":{written}}}}}"#),
            ))
            .unwrap();
            assert_eq!(claims.identity.unwrap().reseller_id, expected, "{written}");
        }
    }

    #[test]
    fn unreadable_claims_are_refused_without_repeating_them() {
        for (payload, says) in [
            ("SECRET", "is not JSON"),
            ("", "ends in the middle"),
            (r#""SECRET""#, "unexpected type"),
            ("[]", "unexpected type"),
            (r#"{"exp":"SECRET"}"#, "unexpected type"),
            (r#"{"exp":1.5}"#, "unexpected type"),
            (r#"{"exp":-1}"#, "unexpected type"),
            (r#"{"exp":18446744073709551616}"#, "unexpected type"),
            (r#"{"exp":NaN}"#, "is not JSON"),
            (
                r#"{"identity":{"contractNumber":4294967296}}"#,
                "unexpected type",
            ),
            (r#"{"exp":1,"exp":2}"#, "duplicate field `exp`"),
            (&"[".repeat(10_000), "unexpected type"),
        ] {
            let text = claims(&jwt("{}", payload)).unwrap_err().to_string();
            assert!(
                text.starts_with("jwt: its payload ") && text.contains(says),
                "{payload}: {text}"
            );
            assert!(!text.contains("SECRET"), "{text}");
        }
    }

    #[test]
    fn claims_expire_at_their_exp() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        for (payload, now, within, expected) in [
            (r#"{"exp":100}"#, 99, 0, Some(false)),
            (r#"{"exp":100}"#, 100, 0, Some(true)),
            (r#"{"exp":100}"#, 90, 10, Some(true)),
            (r#"{"exp":100}"#, 90, 9, Some(false)),
            (r#"{"exp":100}"#, 0, u64::MAX, Some(true)),
            (r#"{"exp":0}"#, 0, 0, Some(true)),
            (r#"{"exp":18446744073709551615}"#, 0, 0, None),
            ("{}", 0, 0, None),
        ] {
            let claims = claims(&jwt("{}", payload)).unwrap();
            let due = claims.expires_within(Duration::from_secs(within), at(now));
            assert_eq!(due.ok(), expected, "{payload} {now} {within}");
            if within == 0 {
                assert_eq!(claims.is_expired(at(now)).ok(), expected, "{payload}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            let _ = (key_id(&text), claims(&text));
        }

        #[test]
        fn any_bytes_in_a_part_are_read_without_a_panic(
            header in any::<Vec<u8>>(),
            payload in any::<Vec<u8>>(),
        ) {
            let encode = |bytes| URL_SAFE_NO_PAD.encode(bytes);
            let token = format!("{}.{}.sig", encode(header), encode(payload));
            let _ = (key_id(&token), claims(&token));
        }

        #[test]
        fn an_encoded_token_is_decoded(
            id in "[A-Za-z0-9._~-]{3,256}",
            contract in any::<u32>(),
            exp in any::<u64>(),
            role in any::<String>(),
        ) {
            prop_assume!(!id.eq_ignore_ascii_case("generate"));
            let header = serde_json::json!({ "kid": &id }).to_string();
            let identity = serde_json::json!({ "contractNumber": contract, "role": &role });
            let payload = serde_json::json!({ "exp": exp, "identity": identity }).to_string();
            let token = jwt(&header, &payload);
            prop_assert_eq!(key_id(&token).unwrap().to_string(), id);
            let claims = claims(&token).unwrap();
            prop_assert_eq!(claims.exp, Some(exp));
            let identity = claims.identity.unwrap();
            prop_assert_eq!(identity.contract_number, Some(contract));
            prop_assert_eq!(identity.role, Some(role));
        }
    }
}
