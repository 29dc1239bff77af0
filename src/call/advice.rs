//! What to do about a failed call, in words that name the place where it is done.

use std::time::{Duration, SystemTime};

use super::error::Failed;
use crate::auth::CredentialsSource;
use crate::error::date;
use crate::token::claims;

impl Failed<'_> {
    /// About a response that is not a success. `by_service` is whether it is in the service's own
    /// error model.
    pub(super) fn advice_on(&self, status: u16, by_service: bool, retry_after: bool) -> String {
        let about_status = match status {
            200..=299 => "nothing was deleted, as it says".to_owned(),
            300..=399 => joined([
                "redirects are not followed".to_owned(),
                self.about_base_url(),
            ]),
            401 | 403 => self.about_credentials(status, by_service),
            404 if self.call.names_a_token && by_service => {
                "this user has no such token".to_owned()
            }
            404 if self.call.names_a_token => joined([
                "this user has no such token, or the response is not the service's".to_owned(),
                self.about_base_url(),
            ]),
            404 => self.about_base_url(),
            // First of all, what became of this request.
            429 | 503 if !retry_after && !self.outcome_unknown => "try again later".to_owned(),
            _ => String::new(),
        };
        joined([about_status, self.about_outcome()])
    }

    /// About a success that can't be read. A compressed one may well be the service's.
    pub(super) fn advice_on_unreadable(&self, is_compressed: bool) -> String {
        let about_sender = match is_compressed {
            true => "what compresses it stands between here and the service".to_owned(),
            false => self.about_base_url(),
        };
        joined([about_sender, self.about_outcome()])
    }

    /// About a call whose outcome may be unknown.
    pub(super) fn about_outcome(&self) -> String {
        let advice = match self.outcome_unknown {
            true => self.call.unknown_advice,
            false => "",
        };
        advice.to_owned()
    }

    fn about_base_url(&self) -> String {
        match self.caller.base_url_source {
            Some(source) => {
                format!("check that the base URL, from {source}, is that of the Auth API")
            }
            None => "something between here and the service may have sent it".to_owned(),
        }
    }

    fn about_credentials(&self, status: u16, by_service: bool) -> String {
        if let Some(expiry) = self.expiry().filter(|_| status == 401) {
            let from = match self.caller.credentials_source {
                CredentialsSource::Program => String::new(),
                source => format!(", from {source},"),
            };
            return format!(
                "the client's token{from} expired at {}, by its own exp: replace it",
                date(expiry)
            );
        }
        if !by_service {
            let sender = "it is not in the service's own words, so something between here and \
                          the service may have refused"
                .to_owned();
            return joined([sender, self.check_credentials()]);
        }
        let two_factors = match self.caller.token {
            Some(_) => {
                "for users with two-factor authentication, a token made through this API can't \
                 create or delete tokens"
            }
            None => {
                "users with two-factor authentication need a token, as their password does not work"
            }
        };
        joined([self.check_credentials(), two_factors.to_owned()])
    }

    fn check_credentials(&self) -> String {
        match self.caller.credentials_source {
            CredentialsSource::Program => {
                "check the credentials and the contract number".to_owned()
            }
            source => format!("check the credentials, from {source}, and the contract number"),
        }
    }

    /// When the client's own token expired, if it has.
    fn expiry(&self) -> Option<SystemTime> {
        let exp = claims(self.caller.token?).ok()?.exp?;
        let expiry = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(exp))?;
        (expiry <= SystemTime::now()).then_some(expiry)
    }
}

fn joined<const N: usize>(parts: [String; N]) -> String {
    let mut parts = parts.into_iter().filter(|part| !part.is_empty());
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |joined, part| joined + "; " + &part)
}
