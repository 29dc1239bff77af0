//! Concatenates secrets without leaving copies behind. It does not depend on what they mean.

use zeroize::Zeroizing;

/// Returns the parts as one secret, in one allocation. A growing string would leave copies behind
/// that are not zeroized.
pub(crate) fn concat_secret(parts: &[&str]) -> Zeroizing<String> {
    let length = parts.iter().map(|part| part.len()).sum();
    let mut secret = Zeroizing::new(String::with_capacity(length));
    for part in parts {
        secret.push_str(part);
    }
    secret
}
