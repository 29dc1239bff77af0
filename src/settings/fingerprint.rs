//! Reads the fingerprint of a pinned certificate.

use crate::transport::Fingerprint;

/// Reads hex, with or without colons and white space.
pub(super) fn parse(text: &str) -> Result<Fingerprint, &'static str> {
    const NONE: &str =
        "is not a valid SHA-256 fingerprint (64 hexadecimal digits, with or without colons)";
    let mut digits = text
        .chars()
        .filter(|c| *c != ':' && !c.is_whitespace())
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()));
    let mut bytes = [0; 32];
    for byte in &mut bytes {
        let mut digit = || digits.next().flatten().ok_or(NONE);
        *byte = digit()? << 4 | digit()?;
    }
    match digits.next() {
        None => Ok(bytes),
        Some(_) => Err(NONE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_in_every_form() {
        let hex = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let empty = parse(hex).unwrap();
        assert!(empty.starts_with(&[0xe3, 0xb0]) && empty.ends_with(&[0xb8, 0x55]));
        let pairs: Vec<_> = hex
            .as_bytes()
            .chunks(2)
            .map(String::from_utf8_lossy)
            .collect();
        let colons = pairs.join(":").to_uppercase();
        for text in [
            hex,
            &hex.to_uppercase(),
            &colons,
            &colons.to_lowercase(),
            &colons.replace(':', " "),
            &format!(" {hex}\n"),
        ] {
            assert_eq!(parse(text).unwrap(), empty, "{text}");
        }
        for text in [
            "",
            ":",
            &hex[1..],
            &format!("{hex}0"),
            &format!("{hex}00"),
            &hex.replace('e', "g"),
            &format!("sha256:{hex}"),
            &hex.replace('e', "é"),
            &hex[..40],
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
