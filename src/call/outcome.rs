//! The only table of what an attempt shows about its request. Everything outside it is unknown. It
//! does not depend on how an attempt is made.

/// What an attempt has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shown {
    /// The service says that it carried out the request.
    Done,
    /// The service says that it did not: `{"success": false}`.
    NotDone,
    /// The response claims success but is not readable.
    Unreadable,
    /// The response is an HTTP error.
    Status {
        code: u16,
        /// Whether it is in the service's own error model and complete.
        by_service: bool,
    },
    NoResponse {
        /// `false` only if the record shows that no request was sent.
        may_have_acted: bool,
        would_fail_again: bool,
    },
}

/// What that means for the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The service cannot have acted on it.
    Refused,
    /// The service said what it did.
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
        // A gateway also sends one if its connection to the service breaks after the service acted.
        503 if by_service => Outcome::Refused,
        303 | 408 | 425 => Outcome::Unknown,
        300..=499 | 501 | 505 | 511 => Outcome::Answered,
        _ => Outcome::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule, written a second time.
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
