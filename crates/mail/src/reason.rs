//! Reasons are kept and shown to operators, and some of their words are those of strangers: mail servers repeat what they
//! were sent. Here they become one short line without secrets.

/// What is longer is cut behind this, in characters.
const LONGEST: usize = 240;

/// The text as a line, without these secrets and without what else looks like a link of ours.
pub(crate) fn cleaned(text: &str, secrets: &[&str]) -> String {
    let text = text.chars().take(16 * LONGEST);
    let mut plain: String = text.map(|c| if c.is_control() { ' ' } else { c }).collect();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        plain = plain.replace(secret, "…");
    }
    // Also what is left of a link that was cut or broken up.
    let is_link = |word: &str| word.contains("kwl_") || word.contains("/link/");
    let words: Vec<&str> =
        plain.split_whitespace().map(|word| if is_link(word) { "…" } else { word }).collect();
    let plain = words.join(" ");
    match plain.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", plain.get(..end).unwrap_or_default()),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_without_secrets() {
        for (text, expected) in [
            ("a\r\nb\tc\0d", "a b c d"),
            ("code 314159 in subject", "code … in subject"),
            ("URL https://a.test/link/kwl_abcDEF is listed", "URL … is listed"),
            ("URL https://a.test/link/kwl_ab= c", "URL … c"),
            ("URL kwl_other", "URL …"),
            ("password p4ss is wrong", "password … is wrong"),
        ] {
            assert_eq!(cleaned(text, &["314159", "kwl_abc", "p4ss", ""]), expected);
        }
        assert_eq!(cleaned(&"é".repeat(100_000), &[]).chars().count(), LONGEST + 1);
    }
}
