//! The templates that are in the binary: for English and Arabic, of every kind of letter.

/// The kinds of letters: the topics, and the test.
pub(super) const KINDS: [&str; 12] = [
    "verify",
    "change",
    "reset",
    "invite",
    "change_asked",
    "changed",
    "replaced",
    "undone",
    "password_changed",
    "session_ended",
    "taken",
    "test",
];

/// Names and texts, one after the other.
macro_rules! templates {
    ($($name:literal)*) => { &[$(($name, include_str!(concat!("../../templates/", $name)))),*] };
}

pub(super) const BUILTIN: &[(&str, &str)] = templates![
    "layout.html" "button.html" "code.html"
    "en/footer.txt" "en/footer.html" "en/duration.txt"
    "en/verify.subject.txt" "en/verify.txt" "en/verify.html"
    "en/change.subject.txt" "en/change.txt" "en/change.html"
    "en/reset.subject.txt" "en/reset.txt" "en/reset.html"
    "en/invite.subject.txt" "en/invite.txt" "en/invite.html"
    "en/change_asked.subject.txt" "en/change_asked.txt" "en/change_asked.html"
    "en/changed.subject.txt" "en/changed.txt" "en/changed.html"
    "en/replaced.subject.txt" "en/replaced.txt" "en/replaced.html"
    "en/undone.subject.txt" "en/undone.txt" "en/undone.html"
    "en/password_changed.subject.txt" "en/password_changed.txt" "en/password_changed.html"
    "en/session_ended.subject.txt" "en/session_ended.txt" "en/session_ended.html"
    "en/taken.subject.txt" "en/taken.txt" "en/taken.html"
    "en/test.subject.txt" "en/test.txt" "en/test.html"
    "ar/footer.txt" "ar/footer.html" "ar/duration.txt"
    "ar/verify.subject.txt" "ar/verify.txt" "ar/verify.html"
    "ar/change.subject.txt" "ar/change.txt" "ar/change.html"
    "ar/reset.subject.txt" "ar/reset.txt" "ar/reset.html"
    "ar/invite.subject.txt" "ar/invite.txt" "ar/invite.html"
    "ar/change_asked.subject.txt" "ar/change_asked.txt" "ar/change_asked.html"
    "ar/changed.subject.txt" "ar/changed.txt" "ar/changed.html"
    "ar/replaced.subject.txt" "ar/replaced.txt" "ar/replaced.html"
    "ar/undone.subject.txt" "ar/undone.txt" "ar/undone.html"
    "ar/password_changed.subject.txt" "ar/password_changed.txt" "ar/password_changed.html"
    "ar/session_ended.subject.txt" "ar/session_ended.txt" "ar/session_ended.html"
    "ar/taken.subject.txt" "ar/taken.txt" "ar/taken.html"
    "ar/test.subject.txt" "ar/test.txt" "ar/test.html"
];

#[cfg(test)]
mod tests {
    use super::*;
    use keyward_auth::records::Topic;

    #[test]
    fn every_topic_has_its_words() {
        let topics = Topic::ALL.map(Topic::as_str);
        assert_eq!(KINDS[..11], topics);
        for language in ["en", "ar"] {
            for kind in KINDS {
                for end in ["subject.txt", "txt", "html"] {
                    let name = format!("{language}/{kind}.{end}");
                    assert!(BUILTIN.iter().any(|(known, _)| *known == name), "{name}");
                }
            }
        }
    }
}
