//! How a secret is put together so that all of it is wiped. It knows no secret.

use zeroize::Zeroizing;

/// The parts as one secret, in one allocation: a string that grows leaves copies behind that are
/// not wiped.
pub(crate) fn concat_secret(parts: &[&str]) -> Zeroizing<String> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut secret = Zeroizing::new(String::with_capacity(length));
    for part in parts {
        secret.push_str(part);
    }
    secret
}
