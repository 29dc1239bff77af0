//! The one table of what may be sent again, and how long to wait before. Knows nothing of
//! endpoints, sockets or clocks.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// What one try has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    AddressNotFound,
    ConnectFailed,
    TlsFailed,
    TimedOutBeforeSending,
    TimedOutAfterSending,
    ConnectionLost,
    /// A success that can't be read, or no HTTP at all.
    Unreadable,
    /// An answer that is no success.
    Status(u16),
}

/// What that says of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The service can't have acted on it.
    Refused,
    /// The service may have acted on it.
    Unknown,
    /// The service has said what became of it.
    Answered,
}

/// When an endpoint may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// Only when it was refused: twice would not be the same as once.
    IfRefused,
    /// Also when nobody knows: twice is the same as once.
    IfUnknown,
}

pub(crate) fn outcome(seen: Seen) -> Outcome {
    match seen {
        Seen::AddressNotFound
        | Seen::ConnectFailed
        | Seen::TlsFailed
        | Seen::TimedOutBeforeSending
        | Seen::Status(429 | 503) => Outcome::Refused,

        Seen::ConnectionLost
        | Seen::TimedOutAfterSending
        | Seen::Unreadable
        | Seen::Status(500 | 502 | 504) => Outcome::Unknown,

        Seen::Status(_) => Outcome::Answered,
    }
}

pub(crate) fn may_be_sent_again(seen: Seen, allowed: Repeat) -> bool {
    match outcome(seen) {
        Outcome::Refused => true,
        // A 500 is the service's own fault, and it will fail again.
        Outcome::Unknown => allowed == Repeat::IfUnknown && seen != Seen::Status(500),
        Outcome::Answered => false,
    }
}

/// How often a call is tried again, and how long it waits in between.
///
/// What is tried again is not a setting: a request that the service can't have acted on (no
/// address, no connection, 429, 503) always is; one that it may have acted on (connection lost, 502,
/// 504, an answer that can't be read) only where twice is the same as once; one that was answered
/// with 500 or anything else, never. [`create_token`](crate::create_token) is never sent again once
/// the service may have acted on it.
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
#[non_exhaustive]
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

    /// How often a call is tried again after its first try. Default 3; 0 for never.
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

    /// How long to wait before the next try, or `None` if there is none after `tries` tries.
    pub(crate) fn delay_after(
        &self,
        tries: u32,
        retry_after: Option<Duration>,
    ) -> Option<Duration> {
        if tries > self.max_retries {
            return None;
        }
        let doublings = tries.saturating_sub(1);
        let full = 2u32
            .checked_pow(doublings)
            .and_then(|factor| self.base_delay.checked_mul(factor))
            .map_or(self.max_delay, |delay| delay.min(self.max_delay));
        // A hasher's random keys are jitter enough, and cost no dependency.
        let random = RandomState::new().hash_one(tries) as u32;
        let taken_off = (full / 2).mul_f64(f64::from(random) / f64::from(u32::MAX));
        Some((full - taken_off).max(retry_after.unwrap_or_default()))
    }
}

/// The longest `Retry-After` that is passed on. What asks for more is nonsense, and could overflow
/// a caller's clock.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Reads `Retry-After`, in seconds or as an HTTP date (RFC 9110, section 10.2.3). `None` for
/// anything else, and for a date gone by.
pub(crate) fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(value).ok()?;
        date.duration_since(std::time::SystemTime::now()).ok()?
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::SystemTime;

    #[test]
    fn the_table_of_the_design() {
        use Outcome::*;
        // (seen, what it says, sent again by a create / ALL / CURRENT, sent again by list / get /
        // delete by id / EXPIRED)
        for (seen, expected, if_refused, if_unknown) in [
            (Seen::AddressNotFound, Refused, true, true),
            (Seen::ConnectFailed, Refused, true, true),
            (Seen::TlsFailed, Refused, true, true),
            (Seen::TimedOutBeforeSending, Refused, true, true),
            (Seen::Status(429), Refused, true, true),
            (Seen::Status(503), Refused, true, true),
            (Seen::ConnectionLost, Unknown, false, true),
            (Seen::TimedOutAfterSending, Unknown, false, true),
            (Seen::Unreadable, Unknown, false, true),
            (Seen::Status(502), Unknown, false, true),
            (Seen::Status(504), Unknown, false, true),
            (Seen::Status(500), Unknown, false, false),
            (Seen::Status(301), Answered, false, false),
            (Seen::Status(400), Answered, false, false),
            (Seen::Status(401), Answered, false, false),
            (Seen::Status(403), Answered, false, false),
            (Seen::Status(404), Answered, false, false),
            (Seen::Status(501), Answered, false, false),
        ] {
            assert_eq!(outcome(seen), expected, "{seen:?}");
            assert_eq!(
                may_be_sent_again(seen, Repeat::IfRefused),
                if_refused,
                "{seen:?}"
            );
            assert_eq!(
                may_be_sent_again(seen, Repeat::IfUnknown),
                if_unknown,
                "{seen:?}"
            );
        }
    }

    #[test]
    fn delays_double_up_to_the_longest_and_lose_at_most_a_half() {
        let policy = RetryPolicy::default().max_retries(40);
        for (tries, full_ms) in [
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
                let delay = policy.delay_after(tries, None).unwrap();
                assert!(delay >= full / 2 && delay <= full, "{tries}: {delay:?}");
            }
        }
        assert_eq!(policy.delay_after(41, None), None);
        let delays: std::collections::HashSet<_> =
            (0..20).map(|_| policy.delay_after(6, None)).collect();
        assert!(delays.len() > 1, "there is no jitter");
    }

    #[test]
    fn delays_at_the_edges() {
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

    #[test]
    fn retry_after_in_both_forms_and_in_none() {
        let seconds = |n| Some(Duration::from_secs(n));
        for (value, expected, reason) in [
            ("0", seconds(0), "now"),
            ("120", seconds(120), "seconds"),
            (" 7 ", seconds(7), "white space around it"),
            ("007", seconds(7), "leading zeros"),
            ("31536001", Some(LONGEST_RETRY_AFTER), "more than a year"),
            (
                "99999999999999999999999",
                Some(LONGEST_RETRY_AFTER),
                "more than fits",
            ),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None, "a date gone by"),
            (
                "Fri, 31 Dec 9999 23:59:59 GMT",
                Some(LONGEST_RETRY_AFTER),
                "a date far off",
            ),
            ("-1", None, "negative"),
            ("1.5", None, "RFC 9110 has whole seconds"),
            ("", None, "empty"),
            ("soon", None, "garbage"),
            ("١٢", None, "digits of another script"),
        ] {
            assert_eq!(retry_after(value), expected, "{reason}: {value}");
        }
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        let wait = retry_after(&date).unwrap();
        assert!(
            wait > Duration::from_secs(30) && wait <= Duration::from_secs(60),
            "{wait:?}"
        );
    }

    proptest! {
        #[test]
        fn no_retry_after_panics_or_overflows_a_clock(value in any::<String>()) {
            if let Some(wait) = retry_after(&value) {
                prop_assert!(std::time::Instant::now().checked_add(wait).is_some());
            }
        }

        #[test]
        fn no_retry_after_like_a_real_one_panics(value in "[0-9]{0,25}|[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT") {
            prop_assert!(retry_after(&value).unwrap_or_default() <= LONGEST_RETRY_AFTER);
        }
    }
}
