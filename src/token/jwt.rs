use std::str::FromStr;
#[cfg(feature = "client")]
use std::time::{Duration, SystemTime};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::json::{Object, read_json, text_or_number};
use super::key_id::KeyId;
use crate::error::{Error, Result};

/// Returns the [Key ID](KeyId) in a JWT's header, its `kid`.
///
/// Surrounding white space is ignored, because a file may end with a line break.
///
/// **The signature is not verified.** The result is what the token claims. That is enough to ask
/// the service about your own token, but proves nothing about another one.
///
/// # Errors
///
/// [`Error::Invalid`] if this is longer than 16 KiB or not a JWT of three parts, if the header is
/// not base64url (RFC 7515, section 2) or not JSON, or if its `kid` is missing or not a valid
/// [Key ID](KeyId). The error does not quote the token.
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
    let kid = decode::<Header>("header", header)?.kid;
    KeyId::checked(kid.ok_or("its header has no kid")?)
        .map_err(|reason| format!("its kid {reason}"))
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
/// [`Error::Invalid`] if this is longer than 16 KiB or not a JWT of three parts, or if the payload
/// is not base64url or not JSON, or has a number that is out of range, such as `1e999`. The error
/// does not quote the token.
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

/// Returns when the token expires.
#[cfg(feature = "client")]
pub(crate) fn expiry(jwt: &str) -> Option<SystemTime> {
    let seconds = read_claims(jwt).ok()?.exp?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

/// The claims in a token's payload. A claim is `None` if it is missing or has another form than
/// here. Other claims are ignored.
///
/// Numbers may also be written as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Claims {
    /// The issuer of the token: `ionoscloud`, or the name of another brand.
    #[serde(default, deserialize_with = "if_readable")]
    pub iss: Option<String>,
    /// When the token was issued, in seconds since 1970 (UTC). A fraction is cut off.
    #[serde(default, deserialize_with = "seconds")]
    pub iat: Option<u64>,
    /// When the token expires, in seconds since 1970 (UTC). A fraction is cut off.
    ///
    /// The token has expired at this very second (RFC 7519, section 4.1.4).
    #[serde(default, deserialize_with = "seconds")]
    pub exp: Option<u64>,
    /// The kind of client: `USER`.
    #[serde(default, deserialize_with = "if_readable")]
    pub client: Option<String>,
    /// The user that the token belongs to.
    #[serde(default, deserialize_with = "object_if_readable")]
    pub identity: Option<Identity>,
}

/// The user that a token belongs to, and what the user may do. As in [`Claims`], what is missing or
/// has another form is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Identity {
    /// The user's UUID.
    #[serde(default, deserialize_with = "if_readable")]
    pub uuid: Option<String>,
    /// The contract that the token gives access to. You can pass it to
    /// [`contract_number`](crate::CreateTokenOptions::contract_number).
    #[serde(default, deserialize_with = "number")]
    pub contract_number: Option<u32>,
    /// The contract's reseller.
    #[serde(default, deserialize_with = "number")]
    pub reseller_id: Option<u64>,
    /// The user's role in the contract, such as `owner`.
    #[serde(default, deserialize_with = "if_readable")]
    pub role: Option<String>,
    /// Where the contract was registered, such as `ionos.de`.
    #[serde(default, deserialize_with = "if_readable")]
    pub reg_domain: Option<String>,
    /// The user's privileges, such as `DATA_CENTER_CREATE`.
    #[serde(default, deserialize_with = "if_readable")]
    pub privileges: Option<Vec<String>>,
    /// Whether this contract is the parent of others.
    #[serde(default, deserialize_with = "if_readable")]
    pub is_parent: Option<bool>,
}

/// The longest token that is read, in bytes. A longer one fits into no request, and could become a
/// hundred times as large in memory.
const MAX_LENGTH: usize = 16 * 1024;

/// Returns the encoded header and payload.
fn parts(jwt: &str) -> Result<[&str; 2], String> {
    if jwt.len() > MAX_LENGTH {
        return Err("is longer than 16 KiB".to_owned());
    }
    let parts: Vec<&str> = jwt.trim().split('.').collect();
    let [header, payload, _signature] = parts[..] else {
        let n = parts.len();
        let reason = format!("a token has three parts separated by dots, but this has {n}");
        return Err(reason);
    };
    Ok([header, payload])
}

fn decode<T: DeserializeOwned>(name: &str, part: &str) -> Result<T, String> {
    // RFC 7515 wants no padding, but it does no harm. The error may quote the token.
    let json = BASE64_URL_SAFE_NO_PAD
        .decode(part.trim_end_matches('='))
        .map_err(|_| {
            format!("its {name} is not base64url: pass only the token, without \"Bearer\"")
        })?;
    read_json(&json).map_err(|fault| format!("its {name} {fault}"))
}

fn if_readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(T::deserialize(Value::deserialize(deserializer)?).ok())
}

fn object_if_readable<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    let object: Option<Object<T>> = if_readable(deserializer)?;
    Ok(object.map(|object| object.0))
}

fn number<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<Option<T>, D::Error> {
    let text = text_or_number(Value::deserialize(deserializer)?).ok();
    Ok(text.and_then(|text| text.trim().parse().ok()))
}

fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = text_or_number(Value::deserialize(deserializer)?).unwrap_or_default();
    let (whole, fraction) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let is_number = fraction.bytes().all(|byte| byte.is_ascii_digit());
    Ok(whole.parse().ok().filter(|_| is_number))
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
            (String::new(), "but this has 1"),
            (" \n".to_owned(), "but this has 1"),
            (secret.to_owned(), "but this has 1"),
            (format!("{secret}.{secret}"), "but this has 2"),
            (format!("{secret}.e30.sig.x"), "but this has 4"),
            (format!("{secret}+/.e30.sig"), "is not base64url"),
            (format!("{secret}!.e30.sig"), "is not base64url"),
            (format!("Bearer {secret}.e30.sig"), "without \"Bearer\""),
            (jwt(secret, "{}"), "is not JSON"),
            (jwt(r#"{"kid":"SECRETSECRET"#, "{}"), "ends in the middle"),
            (jwt(r#""SECRETSECRET""#, "{}"), "an unexpected value"),
            (jwt(r#"{"alg":"SECRETSECRET"}"#, "{}"), "has no kid"),
            (jwt(r#"{"kid":null}"#, "{}"), "has no kid"),
            (
                jwt(r#"{"kid":["SECRETSECRET"]}"#, "{}"),
                "an unexpected value",
            ),
            (jwt(r#"{"kid":"a","kid":"b"}"#, "{}"), "an unexpected value"),
            (jwt(r#"{"kid":""}"#, "{}"), "its kid has 0 characters"),
            (
                jwt(r#"{"kid":"generate"}"#, "{}"),
                "its kid is \".\", \"..\" or \"generate\"",
            ),
            (
                jwt(r#"{"kid":"../SECRETSECRET"}"#, "{}"),
                "its kid contains '/'",
            ),
            (jwt(&"[".repeat(10_000), "{}"), "an unexpected value"),
            (format!("{}.e30.sig", "A".repeat(10_000)), "is not JSON"),
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

    /// serde would read an array as the struct whose fields it has.
    #[test]
    fn objects_are_read_only_from_objects() {
        assert!(key_id(&jwt(r#"["evil"]"#, "{}")).is_err());
        let claims = |payload: &str| claims(&jwt("{}", payload));
        assert!(claims(r#"["ionoscloud",1,2,"USER",null]"#).is_err());
        let identity = r#"["86fd1a4d","31952746",1,"owner","ionos.de",[],false]"#;
        let odd = claims(&format!(r#"{{"exp":7,"identity":{identity}}}"#)).unwrap();
        assert_eq!((odd.exp, odd.identity), (Some(7), None));
    }

    /// A token that no request can carry is not read: its claims could fill the memory.
    #[test]
    fn longest_token_is_sixteen_kibibytes() {
        let of_length = |length: usize| {
            let rest = length - jwt(r#"{"kid":"a"}"#, "{}").len();
            jwt(r#"{"kid":"a"}"#, "{}") + &"s".repeat(rest)
        };
        assert!(key_id(&of_length(16 * 1024)).is_ok());
        for refused in [
            key_id(&of_length(16 * 1024 + 1)).map(drop),
            claims(&of_length(1 << 20)).map(drop),
        ] {
            assert!(
                refused
                    .unwrap_err()
                    .to_string()
                    .contains("longer than 16 KiB")
            );
        }
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

    /// What `claims` reads of an odd claim, as JSON. `null` stands for `None`.
    #[test]
    fn an_odd_claim_hides_no_other() {
        for (name, written, expected, reason) in [
            ("exp", "1758612584.9", "1758612584", "Python's time.time()"),
            ("exp", "1758612584.0", "1758612584", "a float"),
            ("exp", "1.758612584e9", "1758612584", "an exponent"),
            ("exp", r#""1758612584""#, "1758612584", "text"),
            (
                "exp",
                r#"" 1758612584\n""#,
                "1758612584",
                "text with white space",
            ),
            (
                "exp",
                r#""1758612584.9""#,
                "1758612584",
                "a fraction as text",
            ),
            ("exp", "0", "0", "the first second"),
            ("exp", "0.5", "0", "within the first second"),
            ("exp", "-1", "null", "before 1970"),
            ("exp", "-0.5", "null", "before 1970"),
            ("exp", "1e300", "null", "later than can be said"),
            ("exp", r#""1.75e9""#, "null", "an exponent as text"),
            ("exp", r#""2025-09-23T07:29:44Z""#, "null", "a date"),
            ("exp", r#""never""#, "null", "a word"),
            ("exp", r#""inf""#, "null", "no number of JSON's"),
            ("exp", r#""NaN""#, "null", "no number of JSON's"),
            ("exp", r#""""#, "null", "empty"),
            ("exp", "true", "null", "another type"),
            ("exp", "[1758612584]", "null", "another type"),
            ("exp", r#"{"seconds":1758612584}"#, "null", "another type"),
            ("iat", "1727076584.25", "1727076584", "a fraction"),
            ("iat", r#""1727076584""#, "1727076584", "text"),
            ("iat", "{}", "null", "another type"),
            ("iss", "7", "null", "a number"),
            ("iss", r#"["ionoscloud"]"#, "null", "a list"),
            ("client", "null", "null", "null"),
            ("client", "{}", "null", "another type"),
            ("identity", r#""86fd1a4d""#, "null", "the user alone"),
            ("identity", "31952746", "null", "the contract alone"),
            ("identity", "true", "null", "another type"),
            ("contractNumber", r#""31952746""#, "31952746", "text"),
            ("contractNumber", "4294967296", "null", "too large"),
            ("contractNumber", "-1", "null", "negative"),
            ("contractNumber", "31952746.5", "null", "no contract"),
            ("contractNumber", r#""DE-31952746""#, "null", "a word"),
            ("contractNumber", "[31952746]", "null", "another type"),
            ("resellerId", r#""7""#, "7", "text"),
            (
                "resellerId",
                "18446744073709551615",
                "18446744073709551615",
                "the largest",
            ),
            ("resellerId", "18446744073709551616", "null", "too large"),
            ("resellerId", "7.5", "null", "no whole number"),
            ("resellerId", "-7", "null", "negative"),
            ("resellerId", "{}", "null", "another type"),
            ("uuid", "7", "null", "a number"),
            ("role", r#"["owner"]"#, "null", "a list"),
            ("regDomain", "false", "null", "another type"),
            ("privileges", r#""ALL""#, "null", "a word"),
            (
                "privileges",
                r#"["A",7]"#,
                "null",
                "a list that is read in part would lie",
            ),
            ("privileges", "[]", "[]", "none"),
            ("isParent", r#""true""#, "null", "text"),
            ("isParent", "1", "null", "a number"),
        ] {
            let all = r#"{"iss":"i","iat":1,"exp":2,"client":"c","identity":{"uuid":"u",
                "contractNumber":3,"resellerId":4,"role":"r","regDomain":"d","privileges":["p"],
                "isParent":false}}"#;
            let with = |value: &str| {
                let mut claims: Value = serde_json::from_str(all).unwrap();
                let value: Value = serde_json::from_str(value).unwrap();
                match claims.get_mut(name) {
                    Some(claim) => *claim = value,
                    None => claims["identity"][name] = value,
                }
                claims
            };
            let read = claims(&jwt("{}", &with(written).to_string()))
                .unwrap_or_else(|error| panic!("{reason}: {error}"));
            let read = serde_json::to_value(read).unwrap();
            assert_eq!(read, with(expected), "{reason}: {name} is {written}");
        }
    }

    #[test]
    fn unreadable_claims_are_refused_without_repeating_them() {
        for (payload, says) in [
            ("SECRET", "is not JSON"),
            ("", "ends in the middle"),
            (r#""SECRET""#, "an unexpected value"),
            ("7", "an unexpected value"),
            ("null", "an unexpected value"),
            (r#"{"exp":NaN}"#, "is not JSON"),
            (r#"{"exp":1,"exp":2}"#, "an unexpected value"),
            (&"[".repeat(10_000), "an unexpected value"),
            (&format!(r#"{{"exp":{}"#, "[".repeat(10_000)), "is not JSON"),
        ] {
            let text = claims(&jwt("{}", payload)).unwrap_err().to_string();
            assert!(
                text.starts_with("jwt: its payload ") && text.contains(says),
                "{payload}: {text}"
            );
            assert!(!text.contains("SECRET"), "{text}");
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
            exp in 0..1_u64 << 53,
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
