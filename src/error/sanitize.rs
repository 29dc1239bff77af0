//! Makes text from outside safe to show. It does not depend on where the text comes from.

/// The number of bytes shown of arbitrary text.
pub(crate) const MAX_SHOWN: usize = 200;
/// The number of characters dropped before the rest is ignored: recognizing them is expensive.
const MAX_LEFT_OUT: usize = 1000;

/// Returns `text` as one line that cannot harm a terminal. Control characters and runs of white
/// space become one space, invisible and bidirectional control characters are dropped, and the
/// result is cut after `max` bytes.
pub(crate) fn sanitize_line(text: &str, max: usize) -> String {
    let mut line = String::new();
    let mut gap = false;
    let mut left_out = 0;
    for character in text.chars() {
        if character.is_whitespace() || character.is_control() {
            gap = !line.is_empty();
            continue;
        }
        if !is_visible(character) {
            left_out += 1;
            if left_out > MAX_LEFT_OUT {
                line.push('…');
                break;
            }
            continue;
        }
        if line.len() + usize::from(gap) + character.len_utf8() > max {
            line.push('…');
            break;
        }
        if gap {
            line.push(' ');
            gap = false;
        }
        line.push(character);
    }
    line
}

/// Whether Rust would not escape the character in a string. Combining marks stay, because many
/// languages need them, except joiners, selectors and tags, which never show.
fn is_visible(character: char) -> bool {
    is_visible_by_itself(character)
        || !matches!(character, '\u{200c}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
            && marks_another(character)
}

/// Whether the character is visible on another one, like an accent.
fn marks_another(character: char) -> bool {
    let mut marked = [0; 5];
    marked[0] = b'a';
    character.encode_utf8(&mut marked[1..]);
    let length = 1 + character.len_utf8();
    let marked = marked.get(..length).map(std::str::from_utf8);
    matches!(marked, Some(Ok(marked)) if marked.escape_debug().count() == 2)
}

/// Whether the character is visible without another one.
pub(crate) fn is_visible_by_itself(character: char) -> bool {
    // Rust also escapes quotes and backslashes, which are visible.
    character.is_ascii_graphic() || !character.is_ascii() && character.escape_debug().len() == 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_becomes_one_short_harmless_line() {
        let long = "x".repeat(500);
        let cut = format!("{}…", "x".repeat(MAX_SHOWN));
        let unseen = format!("a{}b", "\u{ad}".repeat(MAX_LEFT_OUT));
        let too_many_unseen = format!("a{}b", "\u{ad}".repeat(MAX_LEFT_OUT + 1));
        for (text, expected, reason) in [
            ("plain", "plain", "unchanged"),
            ("", "", "empty"),
            (" \r\n\t ", "", "only white space"),
            ("<html>\r\n  <body>", "<html> <body>", "lines are joined"),
            (
                "a\u{1b}[31mred\u{7}",
                "a [31mred",
                "terminal escapes lose the escape character",
            ),
            (
                "a\u{9b}2Jb",
                "a 2Jb",
                "and so does their one-character form",
            ),
            (
                "user\u{202e}nimda",
                "usernimda",
                "bidirectional controls are dropped",
            ),
            (
                "a\u{200b}b\u{feff}c",
                "abc",
                "invisible characters are dropped",
            ),
            ("Grüße, 世界", "Grüße, 世界", "other languages are kept"),
            ("a \"b\" \\c 'd'", "a \"b\" \\c 'd'", "quotes are kept"),
            (
                "u\u{308}, สวัสดี, नमस्ते",
                "u\u{308}, สวัสดี, नमस्ते",
                "combining marks are kept",
            ),
            (
                "a\u{e0041}b\u{fe0f}c",
                "abc",
                "tags and selectors are dropped",
            ),
            (&long, &cut, "long text is cut and marked"),
            (&unseen, "ab", "as many dropped characters as are allowed"),
            (&too_many_unseen, "a…", "one more"),
        ] {
            assert_eq!(sanitize_line(text, MAX_SHOWN), expected, "{reason}");
        }
    }

    proptest! {
        #[test]
        fn any_text_becomes_one_short_line(text in any::<String>(), max in 0..300_usize) {
            let line = sanitize_line(&text, max);
            prop_assert!(line.len() <= max + '…'.len_utf8());
            prop_assert!(!line.chars().any(|c| c.is_control() || !is_visible(c)));
            prop_assert_eq!(sanitize_line(&line, max + '…'.len_utf8()), line.trim_end());
        }
    }
}
