//! Reads `Retry-After`. It does not depend on what is done with it.

use std::time::Duration;

/// The maximum `Retry-After`. Larger values make no sense, and could overflow a caller's clock.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Reads `Retry-After`, in seconds or as an HTTP date (RFC 9110, section 10.2.3). Returns `None`
/// for anything else, and for a date in the past.
pub(super) fn retry_after(value: &str) -> Option<Duration> {
    let value = value.trim();
    let wait = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        Duration::from_secs(value.parse().unwrap_or(u64::MAX))
    } else {
        let date = httpdate::parse_http_date(value).ok()?;
        date.duration_since(std::time::SystemTime::now()).ok()?
    };
    Some(wait.min(MAX_RETRY_AFTER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::SystemTime;

    #[test]
    fn retry_after_is_read_as_seconds_or_as_a_date() {
        let seconds = |n| Some(Duration::from_secs(n));
        for (value, expected, reason) in [
            ("0", seconds(0), "now"),
            ("120", seconds(120), "seconds"),
            (" 7 ", seconds(7), "surrounding white space"),
            ("007", seconds(7), "leading zeros"),
            ("31536001", Some(MAX_RETRY_AFTER), "more than a year"),
            (
                "99999999999999999999999",
                Some(MAX_RETRY_AFTER),
                "more than a u64",
            ),
            ("Sun, 06 Nov 1994 08:49:37 GMT", None, "a date in the past"),
            (
                "Fri, 31 Dec 9999 23:59:59 GMT",
                Some(MAX_RETRY_AFTER),
                "a date in the distant future",
            ),
            ("-1", None, "negative"),
            ("1.5", None, "RFC 9110 requires whole seconds"),
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
        fn any_retry_after_fits_a_clock(value in any::<String>()) {
            if let Some(wait) = retry_after(&value) {
                prop_assert!(std::time::Instant::now().checked_add(wait).is_some());
            }
        }

        #[test]
        fn retry_after_is_at_most_a_year(
            value in "[0-9]{0,25}|\
                      [A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} \
                      [0-9]{2}:[0-9]{2}:[0-9]{2} GMT",
        ) {
            prop_assert!(retry_after(&value).unwrap_or_default() <= MAX_RETRY_AFTER);
        }
    }
}
