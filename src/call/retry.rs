//! Whether and when a call is retried: the policy and the decision. It does not depend on how an
//! attempt is made.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::outcome::{Outcome, Shown, outcome};

/// Whether a request may be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idempotency {
    /// Repeated even if the outcome is unknown.
    Idempotent,
    /// Repeated only if it was refused.
    NotIdempotent,
}

/// The state of a call after an attempt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// The number of attempts so far.
    pub(crate) attempts: u32,
    pub(crate) retry_after: Option<Duration>,
    /// The rest of the call's time, or `None` without a limit.
    pub(crate) time_left: Option<Duration>,
    pub(crate) shut_down: bool,
}

/// Returns how long a call waits before its next attempt, or `None` if there is no next attempt.
pub(super) fn next_delay(
    shown: Shown,
    idempotency: Idempotency,
    policy: &RetryPolicy,
    progress: Progress,
) -> Option<Duration> {
    if progress.shut_down || !may_be_sent_again(shown, idempotency) {
        return None;
    }
    let fits = |delay: &Duration| progress.time_left.is_none_or(|left| *delay < left);
    policy
        .delay_after(progress.attempts, progress.retry_after)
        .filter(fits)
}

fn may_be_sent_again(shown: Shown, idempotency: Idempotency) -> bool {
    match (outcome(shown), shown) {
        (Outcome::Answered, _) => false,
        (
            _,
            Shown::NoResponse {
                would_fail_again: true,
                ..
            },
        ) => false,
        (Outcome::Refused, _) => true,
        // The service itself failed, and would fail again.
        (Outcome::Unknown, Shown::Status { code: 500, .. }) => false,
        (Outcome::Unknown, _) => idempotency == Idempotency::Idempotent,
    }
}

/// How often a call is retried, and how long it waits in between.
///
/// Which requests are retried is not a setting:
///
/// - A request that the service cannot have acted on is retried: DNS or connection failure, 429, or
///   the service's own 503.
/// - A request that it may have acted on is retried only if a repetition is harmless: lost
///   connection, a gateway's 502, 503 or 504, an unreadable response.
///   [`create_token`](crate::create_token) is never among these.
/// - Anything else, such as 500 or 403, is not retried.
///
/// Before the n-th retry a call waits `base_delay` × 2ⁿ⁻¹, at most `max_delay`, minus up to half of
/// that at random. It waits at least as long as the service asks for in `Retry-After`. If that does
/// not fit into the call's [`timeout`](crate::ClientBuilder::timeout), the error is returned at
/// once.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ionoscloud_auth::{Client, Credentials, RetryPolicy};
///
/// let client = Client::builder()
///     .credentials(Credentials::token("eyJ0eXAiOiJKV1QifQ.e30.c2ln"))
///     .retry(RetryPolicy::default().max_retries(5).max_delay(Duration::from_secs(10)))
///     .build()?;
/// # Ok::<(), ionoscloud_auth::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct RetryPolicy {
    max_retries: u32,
    base_delay: Duration,
    max_delay: Duration,
}

impl Default for RetryPolicy {
    /// Returns the default: three retries, 100 ms to 2 s apart.
    fn default() -> RetryPolicy {
        RetryPolicy {
            max_retries: 3,
            base_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(2),
        }
    }
}

impl RetryPolicy {
    /// Returns a policy without retries: every request is sent once.
    pub fn none() -> RetryPolicy {
        RetryPolicy::default().max_retries(0)
    }

    /// Sets how often a call is retried after its first attempt. Default: 3.
    pub fn max_retries(mut self, retries: u32) -> RetryPolicy {
        self.max_retries = retries;
        self
    }

    /// Sets how long to wait before the first retry. Default: 100 ms. The wait doubles with each
    /// further retry.
    pub fn base_delay(mut self, delay: Duration) -> RetryPolicy {
        self.base_delay = delay;
        self
    }

    /// Sets the longest wait between two attempts. Default: 2 s. A longer `Retry-After` is still
    /// obeyed.
    pub fn max_delay(mut self, delay: Duration) -> RetryPolicy {
        self.max_delay = delay;
        self
    }

    /// Returns how long to wait after this many attempts, or `None` if there is no further attempt.
    pub(crate) fn delay_after(
        &self,
        attempts: u32,
        retry_after: Option<Duration>,
    ) -> Option<Duration> {
        if attempts > self.max_retries {
            return None;
        }
        let doublings = attempts.saturating_sub(1);
        let full = 2u32
            .checked_pow(doublings)
            .and_then(|factor| self.base_delay.checked_mul(factor))
            .map_or(self.max_delay, |delay| delay.min(self.max_delay));
        // A hasher's random keys are enough for jitter, and need no dependency.
        let random = RandomState::new().hash_one(attempts) as u32;
        let taken_off = (full / 2).mul_f64(f64::from(random) / f64::from(u32::MAX));
        Some((full - taken_off).max(retry_after.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: Shown = Shown::Status {
        code: 429,
        by_service: false,
    };
    const BAD_GATEWAY: Shown = Shown::Status {
        code: 502,
        by_service: false,
    };
    const FAULT: Shown = Shown::Status {
        code: 500,
        by_service: true,
    };
    const FORBIDDEN: Shown = Shown::Status {
        code: 403,
        by_service: true,
    };

    fn no_response(may_have_acted: bool, would_fail_again: bool) -> Shown {
        Shown::NoResponse {
            may_have_acted,
            would_fail_again,
        }
    }

    #[test]
    fn a_call_is_retried_only_if_that_is_safe_and_fits() {
        use Idempotency::*;
        let first = Progress {
            attempts: 1,
            retry_after: None,
            time_left: Some(Duration::from_secs(9)),
            shut_down: false,
        };
        let last = Progress {
            attempts: 4,
            ..first
        };
        let late = Progress {
            time_left: Some(Duration::ZERO),
            ..first
        };
        let asked = Progress {
            retry_after: Some(Duration::from_secs(8)),
            ..first
        };
        let asked_too_much = Progress {
            retry_after: Some(Duration::from_secs(9)),
            ..first
        };
        let endless = Progress {
            time_left: None,
            ..asked_too_much
        };
        let over = Progress {
            shut_down: true,
            ..first
        };
        for (shown, idempotency, progress, again, reason) in [
            (REFUSED, NotIdempotent, first, true, "it was refused"),
            (REFUSED, Idempotent, first, true, "it was refused"),
            (REFUSED, Idempotent, last, false, "three retries"),
            (REFUSED, Idempotent, late, false, "no time"),
            (REFUSED, Idempotent, asked, true, "the wait fits"),
            (
                REFUSED,
                Idempotent,
                asked_too_much,
                false,
                "the wait does not fit",
            ),
            (REFUSED, Idempotent, endless, true, "no time limit"),
            (REFUSED, Idempotent, over, false, "shut down"),
            (
                BAD_GATEWAY,
                NotIdempotent,
                first,
                false,
                "it may have worked",
            ),
            (BAD_GATEWAY, Idempotent, first, true, "harmless"),
            (BAD_GATEWAY, Idempotent, last, false, "three retries"),
            (
                Shown::Unreadable,
                NotIdempotent,
                first,
                false,
                "it may have worked",
            ),
            (Shown::Unreadable, Idempotent, first, true, "harmless"),
            (
                no_response(false, false),
                NotIdempotent,
                first,
                true,
                "not sent",
            ),
            (
                no_response(false, false),
                Idempotent,
                first,
                true,
                "not sent",
            ),
            (
                no_response(false, true),
                NotIdempotent,
                first,
                false,
                "refused for good",
            ),
            (
                no_response(false, true),
                Idempotent,
                first,
                false,
                "refused for good",
            ),
            (
                no_response(true, false),
                NotIdempotent,
                first,
                false,
                "it may have worked",
            ),
            (
                no_response(true, false),
                Idempotent,
                first,
                true,
                "harmless",
            ),
            (FAULT, NotIdempotent, first, false, "500"),
            (FAULT, Idempotent, first, false, "500 is never retried"),
            (FORBIDDEN, NotIdempotent, first, false, "it was answered"),
            (FORBIDDEN, Idempotent, first, false, "it was answered"),
            (Shown::NotDone, Idempotent, first, false, "it was answered"),
            (Shown::Done, Idempotent, first, false, "it is done"),
            (Shown::Done, NotIdempotent, first, false, "it is done"),
            (Shown::Done, Idempotent, late, false, "it is done"),
            (Shown::Done, Idempotent, over, false, "it is done"),
        ] {
            let delay = next_delay(shown, idempotency, &RetryPolicy::default(), progress);
            assert_eq!(
                delay.is_some(),
                again,
                "{reason}: {shown:?} {idempotency:?} {progress:?}: {delay:?}"
            );
        }
    }

    #[test]
    fn delays_double_up_to_the_maximum_with_jitter() {
        let policy = RetryPolicy::default().max_retries(40);
        for (attempts, full_ms) in [
            (1, 100),
            (2, 200),
            (3, 400),
            (5, 1600),
            (6, 2000),
            (33, 2000),
            (40, 2000),
        ] {
            let full = Duration::from_millis(full_ms);
            for _ in 0..100 {
                let delay = policy.delay_after(attempts, None).unwrap();
                assert!(delay >= full / 2 && delay <= full, "{attempts}: {delay:?}");
            }
        }
        assert_eq!(policy.delay_after(41, None), None);
        let delays: std::collections::HashSet<_> =
            (0..20).map(|_| policy.delay_after(6, None)).collect();
        assert!(delays.len() > 1, "there is no jitter");
    }

    #[test]
    fn delays_do_not_overflow() {
        let endless = RetryPolicy::default()
            .base_delay(Duration::MAX)
            .max_delay(Duration::MAX);
        assert!(
            endless.delay_after(3, None).unwrap() >= Duration::MAX / 2 - Duration::from_secs(1)
        );
        let none = RetryPolicy::default().base_delay(Duration::ZERO);
        assert_eq!(none.delay_after(1, None), Some(Duration::ZERO));
        assert_eq!(RetryPolicy::none().delay_after(1, None), None);
        let asked = Duration::from_secs(9);
        assert_eq!(
            RetryPolicy::default().delay_after(1, Some(asked)),
            Some(asked)
        );
        let short = RetryPolicy::default()
            .delay_after(1, Some(Duration::ZERO))
            .unwrap();
        assert!(
            short >= Duration::from_millis(50),
            "a Retry-After of 0 does not shorten the wait"
        );
    }
}
