//! Whether a call goes on after an attempt, and how long it waits before: the policy, and the
//! decision.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use super::outcome::{Outcome, Shown, outcome};

/// Whether twice is the same as once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Idempotency {
    /// It is: sent again even if nobody knows what became of it.
    Idempotent,
    /// It is not: sent again only if it was refused.
    NotIdempotent,
}

/// What is known when an attempt is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    /// How many attempts were made.
    pub(crate) attempts: u32,
    pub(crate) retry_after: Option<Duration>,
    /// What is left of the call's time; `None` without a limit.
    pub(crate) time_left: Option<Duration>,
    pub(crate) shut_down: bool,
}

/// How long a call waits before its next attempt; `None` if there is none.
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
        // It is the service's own fault, and it will fail again.
        (Outcome::Unknown, Shown::Status { code: 500, .. }) => false,
        (Outcome::Unknown, _) => idempotency == Idempotency::Idempotent,
    }
}

/// How often a call is tried again, and how long it waits in between.
///
/// What is tried again is not a setting: a request that the service can't have acted on (no
/// address, no connection, 429, a 503 that the service itself sent) always is; one that it may have
/// acted on (connection lost, a gateway's 502, 503 or 504, a response that can't be read) only
/// where twice is the same as once; one that was answered with 500 or anything else, never.
/// [`create_token`](crate::create_token) is never sent again once the service may have acted on it.
///
/// Before the n-th repetition a call waits `base_delay` × 2ⁿ⁻¹, at most `max_delay`, of which up to
/// one half is taken off at random; and if the service says `Retry-After`, at least that long. A
/// wait that does not fit into the call's [`timeout`](crate::ClientBuilder::timeout) is not begun:
/// the error comes back at once.
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
    /// Three retries, waits from 100 ms to 2 s.
    fn default() -> RetryPolicy {
        RetryPolicy {
            max_retries: 3,
            base_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(2),
        }
    }
}

impl RetryPolicy {
    /// No retries: every request is sent once.
    pub fn none() -> RetryPolicy {
        RetryPolicy::default().max_retries(0)
    }

    /// How often a call is tried again after its first attempt. Default 3; 0 for never.
    pub fn max_retries(mut self, retries: u32) -> RetryPolicy {
        self.max_retries = retries;
        self
    }

    /// How long to wait before the first retry. Default 100 ms; it doubles with each further one.
    pub fn base_delay(mut self, delay: Duration) -> RetryPolicy {
        self.base_delay = delay;
        self
    }

    /// The longest that the library waits of its own accord. Default 2 s. `Retry-After` may ask for
    /// more, and is obeyed.
    pub fn max_delay(mut self, delay: Duration) -> RetryPolicy {
        self.max_delay = delay;
        self
    }

    /// How long to wait before the next attempt, or `None` if there is none after `attempts`
    /// attempts.
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
        // A hasher's random keys are jitter enough, and cost no dependency.
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
    fn another_attempt_follows_only_where_that_is_safe_and_fits() {
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
            (REFUSED, Idempotent, endless, true, "there is no limit"),
            (REFUSED, Idempotent, over, false, "shut down"),
            (
                BAD_GATEWAY,
                NotIdempotent,
                first,
                false,
                "it may have worked",
            ),
            (BAD_GATEWAY, Idempotent, first, true, "twice is once"),
            (BAD_GATEWAY, Idempotent, last, false, "three retries"),
            (
                Shown::Unreadable,
                NotIdempotent,
                first,
                false,
                "it may have worked",
            ),
            (Shown::Unreadable, Idempotent, first, true, "twice is once"),
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
                "twice is once",
            ),
            (FAULT, NotIdempotent, first, false, "500"),
            (FAULT, Idempotent, first, false, "500 is repeated for none"),
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
    fn delays_double_up_to_the_maximum_and_lose_at_most_half() {
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
    fn delays_hold_at_the_extremes() {
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
            "a Retry-After of 0 is no leave to hammer"
        );
    }
}
