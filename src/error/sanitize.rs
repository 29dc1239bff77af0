//! Text from outside, as it may be shown.

/// How many bytes are shown of a text that may be anything.
pub(crate) const MAX_SHOWN: usize = 200;
/// How many characters are left out before the rest is not looked at: they cost much to tell.
const MAX_LEFT_OUT: usize = 1000;

/// `text` as one line that can't harm a terminal: control characters and runs of white space become
/// one space, characters that do not show or that turn text around go, and it is cut after `max`
/// bytes.
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

/// What Rust would not escape in a string. It keeps a mark that combines with the character before
/// it, as many languages need them, but for those that never show: a joiner, selectors and tags.
fn is_visible(character: char) -> bool {
    stands_alone(character)
        || !matches!(character, '\u{200c}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
            && marks_another(character)
}

/// Whether it is visible on another character, as an accent is.
fn marks_another(character: char) -> bool {
    let mut marked = [0; 5];
    marked[0] = b'a';
    character.encode_utf8(&mut marked[1..]);
    let length = 1 + character.len_utf8();
    let marked = marked.get(..length).map(std::str::from_utf8);
    matches!(marked, Some(Ok(marked)) if marked.escape_debug().count() == 2)
}

/// Whether it is visible without another character.
pub(crate) fn stands_alone(character: char) -> bool {
    // Of ASCII, quotes and backslashes are escaped, too.
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
            ("a \"b\" \\c 'd'", "a \"b\" \\c 'd'", "so do quotes"),
            (
                "u\u{308}, สวัสดี, नमस्ते",
                "u\u{308}, สวัสดี, नमस्ते",
                "so do marks on other characters",
            ),
            (
                "a\u{e0041}b\u{fe0f}c",
                "abc",
                "tags and selectors are left out",
            ),
            (&long, &cut, "a long text is cut, and says so"),
            (&unseen, "ab", "much may be left out"),
            (&too_many_unseen, "a…", "but not without an end"),
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
