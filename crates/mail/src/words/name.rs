//! What a person is called, in a mail. Names are typed by whoever registers, also with addresses of others, so that a mail
//! of ours could carry somebody's advertisement. Here they lose what makes a link, a line or a paragraph.

/// Enough for a name; too little for a message.
const LONGEST: usize = 60;

/// A name that is nothing but a name: one line, no longer than 60 characters, and no client makes a link of it. `None` if
/// nothing is left.
pub(super) fn harmless(name: &str) -> Option<String> {
    let mut plain = String::new();
    // Four bytes of UTF-8 make a character at most, and blanks are not counted: a bound for the work is enough.
    for c in name.chars().take(10 * LONGEST).map(narrow) {
        match c {
            // `evil.test` is linked by clients; `evil. test` is not, and `J. R. R.` is written so anyway.
            '.' => plain.push_str(". "),
            '\'' | '-' | ',' => plain.push(c),
            c if c.is_ascii_punctuation() || c.is_control() => plain.push(' '),
            c if is_invisible(c) => {}
            c => plain.push(c),
        }
    }
    let words: Vec<&str> = plain.split_whitespace().collect();
    let plain = words.join(" ");
    if plain.chars().count() <= LONGEST {
        return Some(plain).filter(|plain| plain.chars().any(char::is_alphanumeric));
    }
    let cut: String = plain.chars().take(LONGEST - 1).collect();
    Some(format!("{}…", cut.trim_end()))
}

/// What addresses take for a dot or a slash (UTS 46), and wide forms, as the ASCII that they stand for.
fn narrow(c: char) -> char {
    match c {
        '\u{3002}' | '\u{FF61}' | '\u{2024}' | '\u{FE52}' => '.',
        '\u{2044}' | '\u{2215}' | '\u{29F8}' => '/',
        '\u{2236}' | '\u{A789}' | '\u{FE55}' => ':',
        '\u{FE6B}' => '@',
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        c => c,
    }
}

/// Without width, or turning the direction of what stands around. The joiners U+200C and U+200D stay: Persian and Hindi
/// are not written without.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
        | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
        | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        for name in [
            "Ada",
            "Ada Lovelace",
            "O'Neil-Smith",
            "Zoë",
            "李小龍",
            "محمد بن سلمان",
            "सुनीता शर्मा",
            "می‌خواهم",
            "D’Arcy",
            "Sammy Davis, Jr.",
            "🦊 Fox",
        ] {
            assert_eq!(harmless(name).as_deref(), Some(name));
        }
        assert_eq!(harmless("J.R.R. Tolkien").as_deref(), Some("J. R. R. Tolkien"));
    }

    #[test]
    fn what_would_be_a_link_is_none() {
        for (name, left) in [
            ("Click https://evil.test/x?y=1#z", "Click https evil. test x y 1 z"),
            ("www.evil.test", "www. evil. test"),
            ("mail me@evil.test", "mail me evil. test"),
            ("evil\u{3002}test", "evil. test"),
            ("ｅｖｉｌ．ｔｅｓｔ", "evil. test"),
            ("evil\u{200b}.\u{2060}test", "evil. test"),
            ("https:\u{2215}\u{2215}evil\u{2024}test", "https evil. test"),
            ("[x](http://evil.test)", "x http evil. test"),
            ("<b>x</b>", "b x b"),
            ("{{ code }}", "code"),
            ("a\r\nBcc: b@c.test", "a Bcc b c. test"),
            ("\u{202e}tset.live", "tset. live"),
            ("+44 20 7946 0000!!!", "44 20 7946 0000"),
        ] {
            assert_eq!(harmless(name).as_deref(), Some(left), "{name}");
        }
        for name in ["", " ", "...", "\u{200b}", "://", "\r\n", "!!!"] {
            assert_eq!(harmless(name), None, "{name:?}");
        }
    }

    #[test]
    fn what_is_long_is_cut() {
        let cut = harmless(&"name ".repeat(10_000)).unwrap();
        assert_eq!(cut.chars().count(), LONGEST);
        assert!(cut.ends_with('…'), "{cut}");
        assert_eq!(harmless(&"n".repeat(60)).unwrap(), "n".repeat(60));
        assert!(harmless(&"\u{200b}".repeat(1_000_000)).is_none());
    }
}
