//! How long the token that is replaced was to live.

use std::time::Duration;

use crate::client::Client;
use crate::error::Result;
use crate::token::{self, Claims, KeyId, Token};
use crate::tokens::{GetTokenByIdOptions, TTL, get_token_by_id};

/// From its creation to its expiry, within what the service takes. `None` if nobody can tell.
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

/// A token that lives longer than one can be made gets the longest life there is.
fn within_limits(lifetime: Duration) -> Duration {
    lifetime.clamp(
        Duration::from_secs(*TTL.start()),
        Duration::from_secs(*TTL.end()),
    )
}
