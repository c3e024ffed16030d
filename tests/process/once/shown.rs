//! Whether a reply is the one that a page shows: word by word, where all but what is made anew each time is the same. That
//! is ids, names of pictures, cursors and times, which stand for each other throughout the page; what the page cuts with
//! three dots; and seconds that run.

use std::collections::BTreeMap;

const CUT: &str = "...";
const REQUEST: &str = "urn:keyward:request:";

/// How long a test may take where seconds are shown.
const SECONDS: u64 = 60;

/// What stands for what on a page.
#[derive(Default)]
pub(super) struct Shown(BTreeMap<String, String>);

impl Shown {
    /// Fails the test at the first word that is another one.
    #[track_caller]
    pub(super) fn assert_is(&mut self, shown: &str, said: &str) {
        let (shown_words, said_words) = (words(shown), words(&heads_cut(said)));
        let mut rest = said_words.iter().map(String::as_str).peekable();
        for (at, word) in shown_words.iter().enumerate() {
            let next = rest.next();
            assert!(
                next.is_some_and(|next| self.is(&shown_words[..at], word, next)),
                "the page shows {word:?} after {:?}, and it is {next:?}\n\nshown:\n{shown}\n\nsaid:\n{said}",
                &shown_words[at.saturating_sub(6)..at],
            );
            if word == CUT {
                // Whatever it stands for, up to what is shown next.
                let until = shown_words.get(at + 1);
                while rest.next_if(|word| until.is_none_or(|until| word != until)).is_some() {}
            }
        }
        assert_eq!(rest.next(), None, "more is said than the page shows\n\nshown:\n{shown}\n\nsaid:\n{said}");
    }

    fn is(&mut self, before: &[String], shown: &str, said: &str) -> bool {
        if let Some(stem) = shown.strip_suffix(CUT) {
            return said.len() > stem.len() && said.starts_with(stem);
        }
        if shown.starts_with(REQUEST) {
            return said.len() > REQUEST.len() && said.starts_with(REQUEST);
        }
        let last = &before[before.len().saturating_sub(2)..];
        let runs = last.iter().any(|word| word == "refresh_expires_in" || word == "retry-after:");
        let number = |word: &str| word.trim_start_matches(':').parse::<u64>();
        if let (true, Ok(shown), Ok(said)) = (runs, number(shown), number(said)) {
            return said <= shown + 1 && said >= shown.saturating_sub(SECONDS);
        }
        match (Made::of(shown), Made::of(said)) {
            (None, _) => shown == said,
            // When a link to a picture ends is counted in steps of minutes, and the next may have begun.
            (Some(Made::Minute), Some(Made::Minute)) => true,
            (shown_made, said_made) => {
                shown_made == said_made && self.0.entry(shown.into()).or_insert_with(|| said.into()) == said
            }
        }
    }
}

/// What is made anew each time, by its looks.
#[derive(PartialEq)]
enum Made {
    Time,
    Minute,
    /// With dashes at these places, of this length.
    Id(Vec<usize>, usize),
}

impl Made {
    fn of(word: &str) -> Option<Self> {
        let is_time = |word: &str| {
            word.len() > 19
                && word.ends_with('Z')
                && word.chars().all(|char| char.is_ascii_digit() || "-:.TZ".contains(char))
        };
        let is_id = |word: &str| {
            word.len() >= 32
                && word.chars().all(|char| char.is_ascii_alphanumeric() || char == '-')
                && word.contains(|char: char| char.is_ascii_digit())
        };
        if is_time(word) {
            return Some(if word.contains('.') { Self::Time } else { Self::Minute });
        }
        let dashes = || word.match_indices('-').map(|(at, _)| at).collect();
        is_id(word).then(|| Self::Id(dashes(), word.len()))
    }
}

/// Of a head stays what the pages show.
fn heads_cut(said: &str) -> String {
    let mut is_head = false;
    let stays = said.lines().filter(|line| {
        is_head = line.starts_with("HTTP/1.1 ") || is_head && !line.trim().is_empty();
        !is_head || ["HTTP/1.1 ", "location: ", "retry-after: "].iter().any(|name| line.starts_with(name))
    });
    stays.collect::<Vec<_>>().join("\n")
}

/// Without blanks and breaks of lines, which pages set as they like; what divides JSON and URLs is a word each.
fn words(text: &str) -> Vec<String> {
    let mut spread = text.to_owned();
    for divider in ["\"", "{", "}", "[", "]", ",", "/", "?"] {
        spread = spread.replace(divider, &format!(" {divider} "));
    }
    spread.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn what_is_another_is_seen() {
    let one = "01a201d4-0caa-71ac-98f0-b7f1b3ad2220";
    let other = "01a201d4-1235-7076-9878-39fab14309cb";
    let page =
        format!("HTTP/1.1 200 OK\n{{\"id\":\"{one}\",\n \"token\":\"eyJ...\",\"sizes\":{{...}},\"n\":7}}");
    let head = "HTTP/1.1 200 OK\r\nserver: x\r\n\r\n";
    let reply = |id: &str, token: &str, more: &str| {
        format!("{head}{{\"id\":\"{id}\",\"token\":\"{token}\",\"sizes\":{{\"64\":\"/a\"}},\"n\":7{more}}}")
    };
    let is = |shown: &mut Shown, said: String| {
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| shown.assert_is(&page, &said))).is_ok()
    };
    let mut shown = Shown::default();
    assert!(is(&mut shown, reply(other, "eyJx.y-z", "")));
    assert!(!is(&mut shown, reply(one, "eyJx", "")), "it stood for another one");
    assert!(!is(&mut shown, reply("7", "eyJx", "")));
    assert!(!is(&mut shown, reply(other, "xyz", "")));
    assert!(!is(&mut shown, reply(other, "eyJx", ",\"m\":8")));
    assert!(!is(&mut shown, reply(other, "eyJx", "").replace("200", "201")));
    assert!(!is(&mut shown, reply(other, "eyJx", "").replace(":7", ":8")));
}
