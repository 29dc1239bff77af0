//! The one table of what an attempt shows about its request.

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The service cannot have acted on it.
    Refused,
    /// The service said what it did.
    Answered,
    /// The service may have acted on it.
    Unknown,
}

/// Returns what an error status shows. `by_service` is whether the response is in the service's own
/// error model. Anybody else may have sent it after the service acted.
pub(crate) fn outcome(status: u16, by_service: bool) -> Outcome {
    match status {
        429 => Outcome::Refused,
        503 if by_service => Outcome::Refused,
        // These can only be given before a request is passed on.
        400 | 401 | 405 | 407 | 411 | 413 | 414 | 415 | 417 | 421 | 426 | 428 | 431 => {
            Outcome::Answered
        }
        501 | 505 | 511 => Outcome::Answered,
        408 | 425 => Outcome::Unknown,
        400..=499 if by_service => Outcome::Answered,
        _ => Outcome::Unknown,
    }
}

/// Whether another attempt may have another result.
pub(crate) fn may_pass(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 502..=504 | 520..=529)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of the design, written a second time.
    #[test]
    fn every_status_has_the_outcome_of_the_table() {
        let before_passing_on = [
            400, 401, 405, 407, 411, 413, 414, 415, 417, 421, 426, 428, 431, 501, 505, 511,
        ];
        for status in 100..1000 {
            for by_service in [false, true] {
                let expected = if status == 429 || status == 503 && by_service {
                    Outcome::Refused
                } else if before_passing_on.contains(&status)
                    || status / 100 == 4 && by_service && ![408, 425].contains(&status)
                {
                    Outcome::Answered
                } else {
                    Outcome::Unknown
                };
                assert_eq!(
                    outcome(status, by_service),
                    expected,
                    "{status} {by_service}"
                );
            }
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let passing = [408, 425, 429, 502, 503, 504];
        for status in 100..1000 {
            let expected = passing.contains(&status) || (520..530).contains(&status);
            assert_eq!(may_pass(status), expected, "{status}");
        }
    }
}
