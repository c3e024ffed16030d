//! Which passwords are good enough. Length and a blocklist, compared whole; no rules of composition (NIST SP 800-63B,
//! section 3.1.1). Outer limits and normal form are [`Password`]'s.

use crate::values::{Email, Invalid, Name, Password, Username};
use std::sync::LazyLock;

/// Whole passwords of eight characters and more that attackers try first, sorted, in lower case.
static COMMON: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| include_str!("common-passwords.txt").lines().collect());

const PRODUCT: &str = "keyward";

/// Whose password it is to be: words that are no secret about this person.
#[derive(Default)]
pub(crate) struct Owner<'a> {
    pub(crate) email: Option<&'a Email>,
    pub(crate) username: Option<&'a Username>,
    pub(crate) names: [Option<&'a Name>; 2],
}

/// Refuses what is too short, known to everybody, or the owner's own name; and what the hash would cut.
pub(crate) fn check(
    password: &Password,
    shortest: usize,
    most_bytes: usize,
    owner: &Owner<'_>,
) -> Result<(), Invalid> {
    let text = password.expose();
    if text.chars().count() < shortest {
        return Err(Invalid::new(
            "password_too_short",
            format!("a password has at least {shortest} characters"),
        ));
    }
    if text.len() > most_bytes {
        let detail = format!("a password has at most {most_bytes} bytes in UTF-8 with the configured hash");
        return Err(Invalid::new("password_too_long", detail));
    }
    let folded = text.to_lowercase();
    if COMMON.binary_search(&folded.as_str()).is_ok() || is_repetition(&folded) {
        return Err(Invalid::new("common_password", "this password is too common; choose another"));
    }
    if is_about(&folded, owner) || names_the_product(&folded) {
        return Err(Invalid::new(
            "guessable_password",
            "a password is not one's own name or address, nor the product's name",
        ));
    }
    Ok(())
}

/// One character over and over.
fn is_repetition(folded: &str) -> bool {
    let mut chars = folded.chars();
    let first = chars.next();
    chars.all(|c| Some(c) == first)
}

fn is_about(folded: &str, owner: &Owner<'_>) -> bool {
    let [first, last] = owner.names.map(|name| name.map(|n| n.as_str().to_lowercase()).unwrap_or_default());
    let words = [
        owner.email.map(|e| e.key().to_owned()).unwrap_or_default(),
        owner.email.map(|e| e.local().to_owned()).unwrap_or_default(),
        owner.username.map(|u| u.as_str().to_owned()).unwrap_or_default(),
        format!("{first}{last}"),
        format!("{first} {last}"),
        first,
        last,
    ];
    words.iter().any(|word| word == folded)
}

/// The product's name, also followed by one to four digits (a year).
fn names_the_product(folded: &str) -> bool {
    folded
        .strip_prefix(PRODUCT)
        .is_some_and(|rest| rest.len() <= 4 && rest.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(text: &str) -> Result<(), &'static str> {
        let email = Email::parse("test.person@example.com").unwrap();
        let username = Username::parse("adalovelace").unwrap();
        let (first, last) = (Name::parse("Augusta").unwrap(), Name::parse("Byronson").unwrap());
        let owner =
            Owner { email: Some(&email), username: Some(&username), names: [Some(&first), Some(&last)] };
        check(&Password::parse(text).unwrap(), 8, 72, &owner).map_err(|invalid| invalid.code)
    }

    #[test]
    fn the_list_is_sorted_and_lower_case() {
        assert!(COMMON.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(COMMON.iter().all(|word| word.chars().count() >= 8 && *word == word.to_lowercase()));
        assert!(COMMON.len() > 1000);
    }

    #[test]
    fn refused() {
        for (text, code) in [
            ("sh0rt!!", "password_too_short"),
            ("пароль7", "password_too_short"),
            ("password", "common_password"),
            ("PassWord1", "common_password"),
            ("12345678", "common_password"),
            ("aaaaaaaaaaaaaaaa", "common_password"),
            ("test.person", "guessable_password"),
            ("Test.Person@Example.com", "guessable_password"),
            ("AdaLovelace", "guessable_password"),
            ("byronson", "guessable_password"),
            ("augusta byronson", "guessable_password"),
            ("keyward2026", "guessable_password"),
        ] {
            assert_eq!(verdict(text), Err(code), "{text}");
        }
        assert_eq!(verdict(&"é7".repeat(30)), Err("password_too_long"));
    }

    #[test]
    fn accepted() {
        for text in [
            "testpass123",
            "a long enough one",
            "eight or more",
            "qpwoeirutyalskdj",
            "73918264509182736450",
            " tab\tand  space ",
            "adalovelace and more",
            "keyward20261",
            "correct horse 1",
        ] {
            assert_eq!(verdict(text), Ok(()), "{text}");
        }
    }
}
