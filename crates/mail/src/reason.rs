//! Reasons are kept and shown to operators, and some of their words are those of strangers: mail servers repeat what they
//! were sent. Here they become one short line without secrets.

use base64::Engine;
use base64::prelude::BASE64_STANDARD_NO_PAD as BASE64;

/// What is longer is cut behind this, in characters.
const LONGEST: usize = 240;
/// What stands for words that are left out.
const LEFT_OUT: &str = "…";
/// Fewer letters and digits than this are in every other text, and are looked for as they are written only.
const SHORTEST: usize = 4;

/// The text as a line, without these secrets, without addresses and without what else looks like a link of ours.
pub(crate) fn cleaned(text: &str, secrets: &[&str]) -> String {
    let mut plain = visible(text);
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        plain = plain.replace(secret, LEFT_OUT);
    }
    // Also what is left of a link that was cut or broken up.
    let is_link = |word: &str| word.contains("kwl_") || word.contains("/link/");
    let is_hidden = |word: &str| is_link(word) || word.contains('@');
    let words: Vec<&str> =
        plain.split_whitespace().map(|word| if is_hidden(word) { LEFT_OUT } else { word }).collect();
    let plain = words.join(" ");
    match plain.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", plain.get(..end).unwrap_or_default()),
        None => plain,
    }
}

/// What a server said, [`cleaned`]; nothing of it where it holds one of these secrets, also in pieces, between tags or
/// in base64.
pub(crate) fn quoted(words: &str, secrets: &[&str]) -> String {
    let visible = visible(words);
    let said = [squeezed(&visible), squeezed(&without_tags(&visible))];
    let is_said = |form: String| said.iter().any(|said| said.contains(&form));
    if secrets.iter().flat_map(|secret| forms(secret)).any(is_said) {
        return LEFT_OUT.to_owned();
    }
    cleaned(words, secrets)
}

/// What people would see of the beginning, and blanks for what breaks lines.
fn visible(text: &str) -> String {
    let text = text.chars().take(16 * LONGEST).filter(|c| !is_invisible(*c));
    text.map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Without width, or turning the direction of what stands around.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}')
}

/// Mails show digits in groups, with tags between.
fn without_tags(text: &str) -> String {
    let mut is_tag = false;
    let mut outside = |c: &char| {
        is_tag = *c == '<' || is_tag && *c != '>';
        !is_tag
    };
    text.chars().filter(|c| outside(c)).collect()
}

/// Letters and digits alone, in lower case.
fn squeezed(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A secret as it may be repeated, [`squeezed`]: plain, and in base64 wherever it begins within the three bytes that make
/// four characters.
fn forms(secret: &str) -> impl Iterator<Item = String> {
    let bare = secret.strip_prefix("kwl_").unwrap_or(secret);
    let encoded = (0..3).map(move |before: usize| {
        let text = BASE64.encode([&[0; 2][..before.min(2)], bare.as_bytes()].concat());
        // The characters that hold nothing but bits of it.
        let (begin, end) = ((before * 8).div_ceil(6), (before + bare.len()) * 8 / 6);
        text.get(begin..end).unwrap_or_default().to_owned()
    });
    let forms = encoded.chain([bare.to_owned()]).map(|form| squeezed(&form));
    forms.filter(|form| form.chars().count() >= SHORTEST)
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
            ("<Ada@Example.com>: nobody here", "… nobody here"),
        ] {
            assert_eq!(cleaned(text, &["314159", "kwl_abc", "p4ss", ""]), expected);
        }
        assert_eq!(cleaned(&"é".repeat(100_000), &[]).chars().count(), LONGEST + 1);
    }

    #[test]
    fn what_is_not_seen_is_not_kept() {
        for (text, expected) in [
            ("re\u{200b}lay\u{200f} \u{202e}denied\u{202c}", "relay denied"),
            ("\u{feff}kwl_\u{2060}abc\u{2066}def", "…"),
            ("31\u{200c}41\u{200d}59", "…"),
            ("a\u{2028}b\u{85}c", "a b c"),
        ] {
            assert_eq!(cleaned(text, &["314159", "kwl_abcdef"]), expected, "{text:?}");
        }
    }

    #[test]
    fn a_server_that_repeats_a_secret_is_not_quoted() {
        let token = "kwl_AbC-dEf_gHiJ0123";
        let secrets = ["314159", token, "p4$$wörd", "!!a"];
        let encoded = |text: &str| BASE64.encode(text);
        for words in [
            "code 314159 in subject".to_owned(),
            "code 3 1 4-1.5,9 in subject".into(),
            "code 314\r\n 159".into(),
            "code 31\u{200b}41\u{202e}59".into(),
            "<td>314<span style=\"padding-left:14px;\">159</span></td>".into(),
            format!("URL https://a.test/link/{token} is listed"),
            "AbC-dEf_gHiJ0123".into(),
            "abc def ghi j0 123".into(),
            "KWL_ABC-DEF_GHIJ0123".into(),
            "kwl_AbC-=\r\ndEf_gHiJ0123".into(),
            encoded("314159"),
            encoded("Your code: 314159\nIt is good"),
            encoded("Your code:  314159\nIt is good"),
            encoded("Your code:   314159\nIt is good"),
            encoded(&format!("open https://a.test/link/{token} now")),
            encoded(&format!("open  https://a.test/link/{token} now")),
            encoded(&format!("open   https://a.test/link/{token} now")).replace('a', "a\r\n"),
            format!("AUTH PLAIN {}", encoded("\0kim\0p4$$wörd")),
            format!("AUTH PLAIN {}", encoded("\0k\0p4$$wörd").to_lowercase()),
            "P4 WÖRD".into(),
        ] {
            assert_eq!(quoted(&words, &secrets), "…", "{words}");
        }
        for words in ["5.1.1 Recipient: 314 158 nobody", "kwa_AbC", "", "it is a!"] {
            assert_eq!(quoted(words, &secrets), words);
        }
        assert_eq!(quoted("!!a is a", &secrets), "… is a");
        assert_eq!(quoted(&"314158 ".repeat(1000), &secrets).chars().count(), LONGEST + 1);
    }
}
