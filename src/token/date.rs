use std::time::SystemTime;

/// Reads the forms of RFC 3339, as `2025-09-23T07:29:44Z`, without the seconds that Java leaves out
/// if they are zero, or without the colon of an offset, and the form that the service used until
/// 2024, `2024-05-01T10:00:00Z[UTC]`. Returns `None` for anything else, and for a time before 1970.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    // A zone's name in brackets says no more than the offset before it.
    let text = text.split('[').next()?.to_ascii_uppercase();
    let (local, offset) = match text.strip_suffix('Z') {
        Some(local) => (local, "+00:00"),
        None => text.split_at_checked(text.rfind(['+', '-'])?)?,
    };
    // humantime reads UTC alone. An offset is as far from UTC as that time of day from midnight.
    let time = utc(local)?;
    let (sign, offset) = offset.split_at_checked(1)?;
    let (hours, rest) = offset.split_at_checked(2)?;
    let minutes = rest.strip_prefix(':').unwrap_or(rest);
    let ahead = (minutes.len() == 2).then(|| utc(&format!("1970-01-01T{hours}:{minutes}")))??;
    let ahead = ahead.duration_since(SystemTime::UNIX_EPOCH);
    let time = match sign {
        "+" => time.checked_sub(ahead.ok()?)?,
        "-" => time.checked_add(ahead.ok()?)?,
        _ => return None,
    };
    (time >= SystemTime::UNIX_EPOCH).then_some(time)
}

/// Reads a date without its offset.
fn utc(date: &str) -> Option<SystemTime> {
    // humantime takes these for the end of a date, whatever follows.
    if date.contains(['Z', '+']) || date.ends_with('.') {
        return None;
    }
    let has_seconds = date.len() > "2025-09-23T07:29".len();
    let seconds = if has_seconds { "" } else { ":00" };
    humantime::parse_rfc3339_weak(&format!("{date}{seconds}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

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
            (
                "2025-09-23T07:29Z",
                some(1_758_612_540, 0),
                "Java, without seconds",
            ),
            (
                "2025-09-23T09:29+02:00[Europe/Berlin]",
                some(1_758_612_540, 0),
                "Java's ZonedDateTime, without seconds",
            ),
            (
                "2025-09-23t07:29:44z",
                some(1_758_612_584, 0),
                "RFC 3339, section 5.6: in any case",
            ),
            (
                "2025-09-23t09:29:44.5+02:00",
                some(1_758_612_584, 500_000_000),
                "a small t with an offset",
            ),
            (
                "2025-09-23 07:29:44Z",
                some(1_758_612_584, 0),
                "RFC 3339, section 5.6: a blank for the T",
            ),
            (
                "2025-09-23 07:29:44+00:00",
                some(1_758_612_584, 0),
                "as Python writes it",
            ),
            (
                "2016-12-31T23:59:60Z",
                some(1_483_228_799, 0),
                "a leap second, which is the one before it",
            ),
            (
                "2016-12-31T15:59:60-08:00",
                some(1_483_228_799, 0),
                "a leap second with an offset",
            ),
            (
                "2025-09-23T23:59:59-23:59",
                some(1_758_758_339, 0),
                "the largest offset",
            ),
            (
                "2025-09-23T07:29:44Z[UTC",
                some(1_758_612_584, 0),
                "what a bracket begins is not looked at",
            ),
            ("2024-02-29T00:00:00Z", some(1_709_164_800, 0), "a leap day"),
            ("1970-01-01T00:00:00Z", some(0, 0), "the first second"),
            ("", None, "empty"),
            ("Z", None, "no date"),
            ("2025-09-23", None, "no time"),
            ("2025-09-23T07:29:44", None, "no offset"),
            ("2025-02-29T00:00:00Z", None, "no such day"),
            ("2025-13-01T00:00:00Z", None, "no such month"),
            ("2025-09-23T24:00:00Z", None, "no such hour"),
            ("2025-09-23T07:29:44.Z", None, "a point and no fraction"),
            ("2025-09-23T07:29:44+24:00", None, "no such offset"),
            (
                "2025-09-23T07:29:44.5+0200",
                some(1_758_605_384, 500_000_000),
                "an offset as Java writes it",
            ),
            (
                "2025-09-23T07:29-0000",
                some(1_758_612_540, 0),
                "without seconds",
            ),
            ("2025-09-23T07:29:44+200", None, "half of an offset"),
            ("2025-09-23T07:29:44+02000", None, "more than an offset"),
            (
                "2025-09-23T07:29:44+02:00:00",
                None,
                "an offset with seconds",
            ),
            ("2025-09-23T07:29:44+02é0", None, "no digits"),
            ("2025-09-23T07:29:44[UTC]", None, "a zone and no offset"),
            ("2025-09-23T07:29:44Z+02:00", None, "two offsets"),
            ("2025-09-23T07:29:44.5+00:00+02:00", None, "two offsets"),
            (
                "2025-09-23T07:29:44Zx+02:00",
                None,
                "text before the offset",
            ),
            ("2025-09-23T07:29:44Z ", None, "text after the offset"),
            ("2025-09-23T07:29:44.5.5Z", None, "two fractions"),
            ("2025-09-23T07:29:.5Z", None, "a fraction and no seconds"),
            ("2025-09-23T07:2Z", None, "half of the minutes"),
            ("2025-09-23T07:29:Z", None, "a colon and no seconds"),
            ("2025-09-23T07Z", None, "no minutes"),
            ("2025-09-23T07:29:44+02", None, "half of an offset"),
            ("2025-09-23T07:29:44*02:00", None, "not RFC 3339's offset"),
            ("2025-09-23T07:29:44+02:60", None, "no such offset"),
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
            text in "[0-9]{0,5}[-é]?[0-9]{2}-[0-9]{2}[Tt ]?[0-9:.]{0,12}[Zz+-]?[0-9:é]{0,6}\
                     (\\[[A-Zé]*\\]?)?",
        ) {
            let _ = parse(&text);
        }

        #[test]
        fn an_offset_changes_the_clock_and_not_the_time(
            seconds in 86_400..END - 86_400,
            minutes in 0..1440_u64,
            ahead in any::<bool>(),
        ) {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let offset = Duration::from_secs(minutes * 60);
            let (local, sign) = if ahead { (time + offset, '+') } else { (time - offset, '-') };
            let local = humantime::format_rfc3339_seconds(local).to_string();
            let local = local.trim_end_matches('Z');
            let text = format!("{local}{sign}{:02}:{:02}", minutes / 60, minutes % 60);
            prop_assert_eq!(parse(&text), Some(time));
        }

        #[test]
        fn a_written_date_is_read_back(seconds in 0..END, nanos in 0..1_000_000_000_u32) {
            let time = SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos);
            prop_assert_eq!(parse(&humantime::format_rfc3339_nanos(time).to_string()), Some(time));
        }
    }
}
