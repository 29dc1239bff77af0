//! How often and when a call is tried again, and what a hook gets to see of each attempt.

use std::hash::{BuildHasher, RandomState};
use std::time::{Duration, SystemTime};

/// How often a call is retried, and how long it waits in between.
///
/// Which requests are retried is not a setting: the guide to
/// [errors](crate::docs::errors#what-is-retried) has the list.
///
/// Before the n-th retry a call waits `base_delay` × 2ⁿ⁻¹, at most `max_delay`, reduced at random by
/// up to half. It waits at least as long as the service asks for in `Retry-After`. If that does not
/// fit into the call's [`timeout`](crate::ClientBuilder::timeout), the error is returned at once.
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
    /// Returns the default: three retries, after 100 ms, 200 ms and 400 ms, minus the random part.
    fn default() -> RetryPolicy {
        RetryPolicy {
            max_retries: 3,
            base_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(2),
        }
    }
}

impl RetryPolicy {
    /// Returns a policy without retries: each call makes one attempt. (A
    /// [rotation](crate::rotate_token) still asks for a new token more than once.)
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
        let factor = 2u32.saturating_pow(attempts.saturating_sub(1));
        let full = self.base_delay.saturating_mul(factor).min(self.max_delay);
        // A hasher's random keys are enough for jitter, and need no dependency.
        let random = RandomState::new().hash_one(attempts) as u32;
        let taken_off = (full / 2).mul_f64(f64::from(random) / f64::from(u32::MAX));
        Some((full - taken_off).max(retry_after.unwrap_or_default()))
    }
}

/// Reads `Retry-After`, in seconds or as an HTTP date, which counts from `now` (RFC 9110, section
/// 10.2.3). A fraction, which some gateways send, is rounded up. More than a year makes no sense,
/// and could overflow a caller's clock.
pub(crate) fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = [whole, fraction].concat();
    let wait = if !whole.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let rest = u64::from(fraction.bytes().any(|digit| digit != b'0'));
        Duration::from_secs(whole.parse().unwrap_or(u64::MAX).saturating_add(rest))
    } else {
        let date = httpdate::parse_http_date(text).ok()?;
        date.duration_since(now).ok()?
    };
    Some(wait.min(Duration::from_secs(31_536_000)))
}

/// A finished attempt, as [`ClientBuilder::on_attempt`](crate::ClientBuilder::on_attempt) reports
/// it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt<'a> {
    /// The method and path, without the query and with a placeholder for the Key ID: one of the
    /// five in the table of [endpoints](crate#tokens-and-key-ids).
    pub endpoint: &'static str,
    /// The number of the attempt in its call, from 1.
    pub number: u32,
    /// The HTTP status, even if the rest of the response did not arrive.
    pub status: Option<u16>,
    /// `success`, or else what [`ErrorKind::as_str`](crate::ErrorKind::as_str) returns, for the
    /// label of a metric.
    pub label: &'static str,
    /// How long the attempt took, without the wait before it.
    pub elapsed: Duration,
    /// The request ID of the response: see [`Error::request_id`](crate::Error::request_id).
    pub request_id: Option<&'a str>,
    /// How long the call waits before it retries, or `None` if this was the last attempt.
    pub retry_in: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    fn wait(retry_after: &str, date: &str) -> Option<Duration> {
        let date = httpdate::parse_http_date(date);
        super::retry_after(retry_after, date.unwrap_or_else(|_| SystemTime::now()))
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

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let seconds = |n| Some(Duration::from_secs(n));
        let no_date = "";
        for (value, date, expected, reason) in [
            ("0", no_date, seconds(0), "now"),
            ("120", no_date, seconds(120), "seconds"),
            ("007", no_date, seconds(7), "leading zeros"),
            ("31536001", no_date, Some(YEAR), "more than a year"),
            (
                "99999999999999999999999",
                no_date,
                Some(YEAR),
                "more than a u64",
            ),
            (
                "Sun, 06 Nov 1994 08:49:37 GMT",
                no_date,
                None,
                "in the past",
            ),
            (
                "Fri, 31 Dec 9999 23:59:59 GMT",
                no_date,
                Some(YEAR),
                "in the distant future",
            ),
            (
                "Sun, 06 Nov 1994 08:49:37 GMT",
                "Sun, 06 Nov 1994 08:49:36 GMT",
                seconds(1),
                "the server's clock counts, however late it is",
            ),
            (
                "Thu, 06 Nov 2194 08:49:37 GMT",
                "Thu, 06 Nov 2194 08:49:30 GMT",
                seconds(7),
                "the server's clock counts, however early it is",
            ),
            (
                "Thu, 06 Nov 2194 08:49:37 GMT",
                "yesterday",
                Some(YEAR),
                "a date that is none does not count",
            ),
            ("-1", no_date, None, "negative"),
            ("299.997", no_date, seconds(300), "a fraction is rounded up"),
            ("7.000", no_date, seconds(7), "a fraction of nothing"),
            ("7.", no_date, seconds(7), "a point"),
            (".5", no_date, None, "the other half"),
            ("7.5.5", no_date, None, "two fractions"),
            (
                "99999999999999999999999.9",
                no_date,
                Some(YEAR),
                "more than a u64",
            ),
            ("", no_date, None, "empty"),
            ("soon", no_date, None, "garbage"),
        ] {
            assert_eq!(wait(value, date), expected, "{reason}: {value}");
        }
        let date = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(60));
        let wait = wait(&date, no_date).unwrap();
        assert!(
            wait > Duration::from_secs(30) && wait <= Duration::from_secs(60),
            "{wait:?}"
        );
    }

    proptest! {
        #[test]
        fn any_retry_after_is_at_most_a_year(
            value in "[0-9]{0,25}|\\PC*|\
                      [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} \
                      [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        ) {
            let wait = wait(&value, "").unwrap_or_default();
            prop_assert!(wait <= YEAR);
        }
    }
}
