//! What the error of a failed call advises, naming the setting to change. It does not depend on
//! HTTP.

use std::time::SystemTime;

use super::error::Failed;
use crate::auth::CredentialsSource;
use crate::error::date;
use crate::token::expiry;

impl Failed<'_> {
    /// Advice for an HTTP error. `by_service` is whether it is in the service's own error model.
    pub(super) fn advice_on(&self, status: u16, by_service: bool, retry_after: bool) -> String {
        let about_status = match status {
            200..=299 => "the service says that nothing was deleted".to_owned(),
            300..=399 => joined([
                "redirects are not followed".to_owned(),
                self.about_base_url(),
            ]),
            401 | 403 => self.about_credentials(status, by_service),
            404 if self.call.names_a_token && by_service => {
                "this user has no such token".to_owned()
            }
            404 if self.call.names_a_token => joined([
                "this user has no such token, or the response did not come from the service"
                    .to_owned(),
                self.about_base_url(),
            ]),
            404 => self.about_base_url(),
            // If the outcome is unknown, that is more important.
            429 | 503 if !retry_after && !self.outcome_unknown => "try again later".to_owned(),
            _ => String::new(),
        };
        joined([about_status, self.about_outcome()])
    }

    /// Advice for a success that is not readable. A compressed one may well be the service's.
    pub(super) fn advice_on_unreadable(&self, is_compressed: bool) -> String {
        let about_sender = match is_compressed {
            true => "a proxy or gateway in between compresses responses".to_owned(),
            false => self.about_base_url(),
        };
        joined([about_sender, self.about_outcome()])
    }

    /// Advice for a call whose outcome may be unknown.
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
            None => "a proxy or gateway in between may have sent it".to_owned(),
        }
    }

    fn about_credentials(&self, status: u16, by_service: bool) -> String {
        if let Some(expiry) = self.expiry().filter(|_| status == 401) {
            let from = match self.caller.credentials_source {
                CredentialsSource::Program => String::new(),
                source => format!(", from {source},"),
            };
            return format!(
                "the client's token{from} expired at {} according to its exp claim: replace it",
                date(expiry)
            );
        }
        if !by_service {
            let sender = "this is not the service's own error model, so a proxy or gateway in \
                          between may have refused"
                .to_owned();
            return joined([sender, self.check_credentials()]);
        }
        let two_factors = match self.caller.token {
            Some(_) => {
                "for users with two-factor authentication, a token made through this API cannot \
                 create or delete tokens"
            }
            None => "users with two-factor authentication must use a token instead of a password",
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

    /// Returns when the client's own token expired, if it has.
    fn expiry(&self) -> Option<SystemTime> {
        expiry(self.caller.token?).filter(|expiry| *expiry <= SystemTime::now())
    }
}

fn joined<const N: usize>(parts: [String; N]) -> String {
    let mut parts = parts.into_iter().filter(|part| !part.is_empty());
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |joined, part| joined + "; " + &part)
}
