//! The contract number. It does not depend on where it comes from.

/// A contract number that the service accepts: a positive int32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ContractNumber(u32);

const MAX: u32 = i32::MAX.unsigned_abs();

impl ContractNumber {
    pub(crate) fn new(number: u32) -> Result<ContractNumber, String> {
        if (1..=MAX).contains(&number) {
            return Ok(ContractNumber(number));
        }
        Err(format!("is {number}, but must be from 1 to {MAX}"))
    }

    pub(crate) fn parse(text: &str) -> Result<ContractNumber, String> {
        let number = text.parse();
        let number = number.map_err(|_| format!("is not a number from 1 to {MAX}"))?;
        ContractNumber::new(number)
    }

    pub(crate) fn get(self) -> u32 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contract_number_is_a_positive_int32() {
        for (text, expected, reason) in [
            ("1", Some(1), "the smallest"),
            ("31952746", Some(31_952_746), "a typical one"),
            ("2147483647", Some(2_147_483_647), "the largest"),
            ("0", None, "zero"),
            ("2147483648", None, "more than an int32 contains"),
            ("4294967296", None, "more than a u32 contains"),
            ("-1", None, "negative"),
            ("1.5", None, "not whole"),
            (" 1", None, "white space"),
            ("", None, "empty"),
        ] {
            let number = ContractNumber::parse(text).ok();
            assert_eq!(number.map(ContractNumber::get), expected, "{reason}");
        }
    }
}
