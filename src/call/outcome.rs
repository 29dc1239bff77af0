//! What an attempt says of the request: the one table. What is not in it is unknown.

/// What an attempt has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The service says that it did what was asked.
    Done,
    /// The service says that it did not: `{"success": false}`.
    NotDone,
    /// A success that can't be read, or says nothing.
    Unreadable,
    /// A response that is not a success.
    Status {
        code: u16,
        /// Whether it is in the service's own error model, and whole.
        by_service: bool,
    },
    NoResponse {
        /// `false` only where it is on record that the service has not got the request.
        may_have_acted: bool,
        would_fail_again: bool,
    },
}

/// What that says of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The service can't have acted on it.
    Refused,
    /// The service has said what became of it.
    Answered,
    /// The service may have acted on it.
    Unknown,
}

pub(crate) fn outcome(shown: Shown) -> Outcome {
    match shown {
        Shown::Done | Shown::NotDone => Outcome::Answered,
        Shown::NoResponse {
            may_have_acted: false,
            ..
        } => Outcome::Refused,
        Shown::Status { code, by_service } => status_outcome(code, by_service),
        Shown::Unreadable | Shown::NoResponse { .. } => Outcome::Unknown,
    }
}

fn status_outcome(code: u16, by_service: bool) -> Outcome {
    match code {
        429 => Outcome::Refused,
        // Gateways send one, too, when the connection behind them breaks after the service acted.
        503 if by_service => Outcome::Refused,
        303 | 408 | 425 => Outcome::Unknown,
        300..=499 | 501 | 505 | 511 => Outcome::Answered,
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule, written down a second time.
    #[test]
    fn every_status_has_the_outcome_of_the_table() {
        for code in (100..200).chain(300..1000) {
            for by_service in [false, true] {
                let expected = match code {
                    429 => Outcome::Refused,
                    503 if by_service => Outcome::Refused,
                    501 | 505 | 511 => Outcome::Answered,
                    303 | 408 | 425 => Outcome::Unknown,
                    _ if code / 100 == 3 || code / 100 == 4 => Outcome::Answered,
                    _ => Outcome::Unknown,
                };
                let shown = Shown::Status { code, by_service };
                assert_eq!(outcome(shown), expected, "{shown:?}");
            }
        }
    }

    #[test]
    fn every_attempt_without_a_refusing_status_has_the_outcome_of_the_table() {
        let no_response = |may_have_acted, would_fail_again| Shown::NoResponse {
            may_have_acted,
            would_fail_again,
        };
        for (shown, expected) in [
            (Shown::Done, Outcome::Answered),
            (Shown::NotDone, Outcome::Answered),
            (Shown::Unreadable, Outcome::Unknown),
            (no_response(false, false), Outcome::Refused),
            (no_response(false, true), Outcome::Refused),
            (no_response(true, false), Outcome::Unknown),
            (no_response(true, true), Outcome::Unknown),
        ] {
            assert_eq!(outcome(shown), expected, "{shown:?}");
        }
    }
}
