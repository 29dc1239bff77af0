//! Text from outside, as it may be shown.

/// How many characters are shown of a text that may be anything, and of one of the service's
/// messages.
pub(crate) const SHORT: usize = 200;
pub(crate) const LONG: usize = 1000;

/// `text` as one line that a terminal can't be harmed by: control characters and runs of white
/// space become one space, invisible and direction-changing characters go, and it is cut after
/// `most` characters.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut shown = 0;
    let mut gap = false;
    for character in text.chars() {
        if character.is_whitespace() || character.is_control() {
            gap = shown > 0;
            continue;
        }
        if invisible(character) {
            continue;
        }
        if shown + usize::from(gap) >= most {
            line.push('…');
            break;
        }
        if gap {
            line.push(' ');
            shown += 1;
            gap = false;
        }
        line.push(character);
        shown += 1;
    }
    line
}

fn invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn printable_is_one_short_harmless_line() {
        let long = "x".repeat(500);
        let cut = format!("{}…", "x".repeat(SHORT));
        for (text, expected, reason) in [
            ("plain", "plain", "stays as it is"),
            ("", "", "nothing stays nothing"),
            (" \r\n\t ", "", "white space alone is nothing"),
            (
                "<html>\r\n  <body>",
                "<html> <body>",
                "lines are joined by one space",
            ),
            (
                "a\u{1b}[31mred\u{7}",
                "a [31mred",
                "a terminal escape loses its escape character",
            ),
            (
                "a\u{9b}2Jb",
                "a 2Jb",
                "so does the one-character form of it",
            ),
            (
                "user\u{202e}nimda",
                "usernimda",
                "text can't be turned around",
            ),
            (
                "a\u{200b}b\u{feff}c",
                "abc",
                "invisible characters are left out",
            ),
            ("Grüße, 世界", "Grüße, 世界", "other languages stay"),
            (&long, &cut, "a long text is cut, and says so"),
        ] {
            assert_eq!(printable(text, SHORT), expected, "{reason}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_shown_is_one_short_line(text in any::<String>(), most in 0..300_usize) {
            let line = printable(&text, most);
            prop_assert!(line.chars().count() <= most + 1);
            prop_assert!(!line.chars().any(|c| c.is_control() || invisible(c)));
            prop_assert_eq!(printable(&line, most + 1), line.trim_end());
        }
    }
}
