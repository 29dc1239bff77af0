//! Reads dates as the service writes them. It does not depend on what they are dates of.

use std::time::{Duration, SystemTime};

/// Whether `expiry` is no later than this duration after `at`.
pub(super) fn is_by(expiry: SystemTime, duration: Duration, at: SystemTime) -> bool {
    // A time out of the clock's range is later than any expiry.
    at.checked_add(duration).is_none_or(|end| expiry <= end)
}

/// Reads `2025-09-23T07:29:44Z`, and `2024-05-01T10:00:00Z[UTC]` as the service wrote until 2024.
///
/// That is RFC 3339 with or without fractions of a second, with `Z` or an offset, and with an
/// optional time zone name in brackets, which is ignored. Returns `None` for anything else, and for
/// a time before 1970.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let (text, zone) = match text.split_once('[') {
        Some((text, zone)) => (text, zone.strip_suffix(']')?),
        None => (text, "-"),
    };
    if zone.is_empty() || zone.contains(['[', ']']) {
        return None;
    }
    // humantime reads only UTC, so the offset is subtracted here.
    let (local, offset, ahead) = match text.strip_suffix('Z') {
        Some(local) => (local, Duration::ZERO, true),
        None => {
            let (local, offset) = text.split_at_checked(text.len().checked_sub(6)?)?;
            (local, duration_of(offset)?, offset.starts_with('+'))
        }
    };
    if local.ends_with('.') {
        return None;
    }
    let utc = humantime::parse_rfc3339(&format!("{local}Z")).ok()?;
    let time = if ahead {
        utc.checked_sub(offset)
    } else {
        utc.checked_add(offset)
    };
    time.filter(|time| *time >= SystemTime::UNIX_EPOCH)
}

/// Returns the length of `+hh:mm` or `-hh:mm`.
fn duration_of(offset: &str) -> Option<Duration> {
    let [b'+' | b'-', h1, h2, b':', m1, m2] = offset.as_bytes() else {
        return None;
    };
    let number = |tens: &u8, ones: &u8| {
        (tens.is_ascii_digit() && ones.is_ascii_digit())
            .then(|| u64::from(tens - b'0') * 10 + u64::from(ones - b'0'))
    };
    let (hours, minutes) = (number(h1, h2)?, number(m1, m2)?);
    (hours < 24 && minutes < 60).then(|| Duration::from_secs(hours * 3600 + minutes * 60))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn dates_are_read_in_every_form() {
        let some = |seconds, nanos| Some(SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos));
        for (text, expected, reason) in [
            (
                "2025-09-23T07:29:44Z",
                some(1_758_612_584, 0),
                "the current form",
            ),
            (
                "2024-05-01T10:00:00Z[UTC]",
                some(1_714_557_600, 0),
                "the form until 2024",
            ),
            (
                "2024-05-01T12:00:00+02:00[Europe/Berlin]",
                some(1_714_557_600, 0),
                "a zone with an offset",
            ),
            (
                "2024-05-01T12:00:00+02:00",
                some(1_714_557_600, 0),
                "ahead of UTC",
            ),
            (
                "2024-05-01T04:30:00-05:30",
                some(1_714_557_600, 0),
                "behind UTC",
            ),
            (
                "2024-05-01T10:00:00+00:00",
                some(1_714_557_600, 0),
                "UTC as an offset",
            ),
            (
                "2024-05-01T10:00:00-00:00",
                some(1_714_557_600, 0),
                "RFC 3339's unknown offset",
            ),
            (
                "2025-09-23T07:29:44.5Z",
                some(1_758_612_584, 500_000_000),
                "tenths",
            ),
            (
                "2025-09-23T07:29:44.123456789Z",
                some(1_758_612_584, 123_456_789),
                "nanoseconds",
            ),
            (
                "2025-09-23T07:29:44.1234567891Z",
                some(1_758_612_584, 123_456_789),
                "more digits than fit",
            ),
            (
                "2025-09-23T09:29:44.25+02:00",
                some(1_758_612_584, 250_000_000),
                "fractions with an offset",
            ),
            ("2024-02-29T00:00:00Z", some(1_709_164_800, 0), "a leap day"),
            ("1970-01-01T00:00:00Z", some(0, 0), "the first second"),
            ("", None, "empty"),
            ("Z", None, "no date"),
            ("2025-09-23", None, "no time"),
            ("2025-09-23T07:29:44", None, "no offset"),
            ("2025-09-23 07:29:44Z", None, "not RFC 3339's separator"),
            ("2025-02-29T00:00:00Z", None, "no such day"),
            ("2025-13-01T00:00:00Z", None, "no such month"),
            ("2025-09-23T24:00:00Z", None, "no such hour"),
            ("2025-09-23T07:29:44.Z", None, "a point and no fraction"),
            ("2025-09-23T07:29:44+24:00", None, "no such offset"),
            ("2025-09-23T07:29:44+0200", None, "not RFC 3339's offset"),
            ("2025-09-23T07:29:44Z[UTC", None, "an open bracket"),
            ("2025-09-23T07:29:44Z[]", None, "a zone without a name"),
            ("2025-09-23T07:29:44Z[UTC][UTC]", None, "two zones"),
            ("2025-09-23T07:29:44Z[UTC]x", None, "text after the zone"),
            ("1969-12-31T23:59:59Z", None, "before 1970"),
            ("1970-01-01T00:30:00+01:00", None, "before 1970, in UTC"),
            ("1758612584", None, "a number"),
            ("２０２５-09-23T07:29:44Z", None, "digits of another script"),
        ] {
            assert_eq!(parse(text), expected, "{reason}: {text}");
        }
    }

    /// The end of what `humantime` reads: the year 9999, or 2038 on 32-bit Linux.
    const END: u64 = match cfg!(all(target_pointer_width = "32", target_os = "linux")) {
        true => i32::MAX as u64,
        false => 253_402_300_800,
    };

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in any::<String>()) {
            let _ = parse(&text);
        }

        #[test]
        fn text_like_a_date_is_read_without_a_panic(
            text in "[0-9]{0,5}[-é]?[0-9]{2}-[0-9]{2}T?[0-9:.]{0,12}[Z+-]?[0-9:é]{0,6}\
                     (\\[[A-Zé]*\\]?)?",
        ) {
            let _ = parse(&text);
        }

        #[test]
        fn a_written_date_is_read_back(seconds in 0..END, nanos in 0..1_000_000_000_u32) {
            let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
            prop_assert_eq!(parse(&humantime::format_rfc3339_nanos(time).to_string()), Some(time));
        }
    }
}
