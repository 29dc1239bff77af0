//! Finds the lifetime of the token to replace. It does not depend on the rest of the rotation.

use std::time::Duration;

use crate::client::Client;
use crate::error::Result;
use crate::token::{self, Claims, KeyId, Token};
use crate::tokens::{GetTokenByIdOptions, TTL, get_token_by_id};

/// Returns the time from creation to expiry, within the service's limits, or `None` if it is
/// unknown.
pub(super) fn lifetime(
    client: &Client,
    old: &KeyId,
    contract_number: Option<u32>,
) -> Result<Option<Duration>> {
    let own = client
        .token()
        .filter(|_| client.key_id().as_ref() == Some(old));
    let claimed = own.and_then(|token| token::claims(token).ok());
    if let Some(lifetime) = claimed.and_then(|claims| by_claims(&claims)) {
        return Ok(Some(within_limits(lifetime)));
    }
    let options = GetTokenByIdOptions {
        id: old.clone(),
        contract_number,
    };
    let token = get_token_by_id(client, &options)?;
    Ok(by_dates(&token).map(within_limits))
}

fn by_claims(claims: &Claims) -> Option<Duration> {
    let seconds = claims.exp?.checked_sub(claims.iat?)?;
    Some(Duration::from_secs(seconds))
}

fn by_dates(token: &Token) -> Option<Duration> {
    let (created, expires) = (token.created_at().ok()?, token.expires_at().ok()?);
    expires.duration_since(created).ok()
}

/// Limits the lifetime to what the service accepts for a new token.
fn within_limits(lifetime: Duration) -> Duration {
    lifetime.clamp(
        Duration::from_secs(*TTL.start()),
        Duration::from_secs(*TTL.end()),
    )
}
