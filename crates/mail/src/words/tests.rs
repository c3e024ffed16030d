//! The words as their readers see them, and folders of templates as their authors get them wrong.

use super::builtin::{BUILTIN, KINDS};
use super::check::sample;
use super::*;
use crate::product::Colour;
use keyward_auth::records::Topic;
use keyward_auth::values::{Email, Locale};
use std::fs;

fn product() -> Product {
    Product { name: "Example".to_owned(), colour: Colour::parse("#1f5fbf").unwrap(), logo: None }
}

fn words() -> Words {
    Words::open(None, "en", product(), "https://app.example.com").unwrap()
}

fn letter(topic: Topic, locale: &str) -> Letter {
    Letter { locale: Some(Locale::parse(locale).unwrap()), ..sample(topic, false) }
}

fn written(topic: Topic, locale: &str) -> Written {
    let letter = letter(topic, locale);
    words().write(Kind::of(&letter), &letter).unwrap()
}

/// Every kind of letter, with what differs from one to the other.
fn all_in(locale: &str) -> (String, String) {
    let (mut texts, mut bodies) = (String::new(), String::new());
    for kind in KINDS {
        let letter =
            Topic::stored(kind).map_or_else(|| sample(Topic::Verify, true), |topic| letter(topic, locale));
        let letter = Letter { locale: Some(Locale::parse(locale).unwrap()), ..letter };
        let written = words().write(Kind(kind), &letter).unwrap();
        texts += &format!("=== {kind}: {}\n{}\n", written.subject, written.text);
        let body = written.html.split("<td class=\"card\"").nth(1).unwrap().split("</h1>").nth(1).unwrap();
        let body = body
            .split("<td class=\"faint\"")
            .next()
            .unwrap()
            .trim_end_matches(['<', '>', '/', 't', 'd', 'r', '\n']);
        bodies += &format!("=== {kind}\n{}\n\n", body.trim());
    }
    (texts, bodies)
}

#[test]
fn texts_and_bodies_in_english() {
    let (texts, bodies) = all_in("en");
    insta::assert_snapshot!("english_texts", texts);
    insta::assert_snapshot!("english_bodies", bodies);
}

#[test]
fn texts_and_bodies_in_arabic() {
    let (texts, bodies) = all_in("ar");
    insta::assert_snapshot!("arabic_texts", texts);
    insta::assert_snapshot!("arabic_bodies", bodies);
}

#[test]
fn whole_pages() {
    insta::assert_snapshot!("english_page", written(Topic::Reset, "en-GB").html);
    insta::assert_snapshot!("arabic_page", written(Topic::Reset, "ar").html);
}

#[test]
fn a_page_is_ready_for_the_dark_and_for_either_direction() {
    for (locale, direction) in [("en", "ltr"), ("ar", "rtl")] {
        let page = written(Topic::Reset, locale).html;
        for part in [
            "<meta name=\"color-scheme\" content=\"light dark\">",
            "<meta name=\"supported-color-schemes\" content=\"light dark\">",
            "@media (prefers-color-scheme: dark)",
            &format!("<html lang=\"{locale}\" dir=\"{direction}\">"),
            "href=\"https://app.example.com/link/kwl_sample\"",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
        // Nothing is loaded from anywhere.
        for part in ["src=", "url(", "@import", "<script", "<link"] {
            assert!(!page.contains(part), "{part}");
        }
    }
}

#[test]
fn the_logo_is_all_that_is_loaded() {
    let logo = Some("https://cdn.example.com/logo.png?a=1&b=2".to_owned());
    let words = Words::open(None, "en", Product { logo, ..product() }, "https://app.example.com").unwrap();
    let page = words.write(Kind::TEST, &sample(Topic::Verify, true)).unwrap().html;
    assert!(
        page.contains("<img src=\"https://cdn.example.com/logo.png?a=1&amp;b=2\" alt=\"Example\""),
        "{page}"
    );
    assert_eq!(page.matches("src=").count(), 1);
}

#[test]
fn k_14_nothing_that_is_typed_becomes_markup() {
    let product = Product { name: "<i>\"R&D'".to_owned(), ..product() };
    let words = Words::open(None, "en", product, "https://app.example.com").unwrap();
    for topic in Topic::ALL {
        let letter = Letter {
            name: Some("<script>alert(1)</script><a href=\"https://evil.test\">".to_owned()),
            to: Email::parse("a'b&c@example.com").unwrap(),
            other: Some("<img src=x>***@evil.test".to_owned()),
            ..sample(topic, false)
        };
        let written = words.write(Kind::of(&letter), &letter).unwrap();
        for part in ["<script", "<img", "<i>", "https://evil.test", "a'b"] {
            assert!(!written.html.contains(part), "{part}\n{}", written.html);
        }
        assert!(written.html.contains("&lt;i&gt;&quot;R&amp;D&#39;"), "{}", written.html);
        assert!(
            !written.text.contains("https://evil.test") && !written.text.contains("<script"),
            "{}",
            written.text
        );
    }
}

#[test]
fn the_name_of_a_stranger_carries_no_message() {
    for name in ["You won! https://evil.test/claim", "evil.test", "a\r\n\r\nVisit evil.test now"] {
        let letter = Letter { name: Some(name.to_owned()), ..sample(Topic::Reset, false) };
        let written = words().write(Kind::of(&letter), &letter).unwrap();
        for body in [&written.text, &written.html] {
            assert!(!body.contains("evil.test") && !body.contains("evil.test/claim"), "{body}");
        }
        assert_eq!(written.text.lines().nth(1), Some(""), "{}", written.text);
    }
}

/// Anybody may have given the address, and the name with it.
#[test]
fn no_name_goes_to_an_address_that_may_be_a_strangers() {
    for topic in Topic::ALL {
        for locale in ["en", "ar"] {
            let written = written(topic, locale);
            let nameless = [Topic::Verify, Topic::Change, Topic::Undone, Topic::Taken].contains(&topic);
            for body in [&written.text, &written.html] {
                assert_eq!(body.contains("Ada"), !nameless, "{topic:?}: {body}");
            }
            let greeting = written.text.lines().next().unwrap();
            assert_eq!(["Hello,", "مرحبًا،"].contains(&greeting), nameless, "{topic:?}: {greeting}");
        }
    }
    let own = open(&[("en/verify.txt", "{% if name %}{{ name }}{% endif %}{{ code }}")]).unwrap();
    let letter = letter(Topic::Verify, "en");
    assert_eq!(own.write(Kind::of(&letter), &letter).unwrap().text, "314159\n");
}

/// Its domain is chosen by whoever wants the change.
#[test]
fn the_other_address_is_no_link() {
    for topic in [Topic::ChangeAsked, Topic::Changed, Topic::Replaced, Topic::Undone] {
        for locale in ["en", "ar"] {
            let other = Some("n***@pay.now.evil.test".to_owned());
            let letter = Letter { other, ..letter(topic, locale) };
            let written = words().write(Kind::of(&letter), &letter).unwrap();
            for body in [&written.text, &written.html] {
                assert!(
                    body.contains("n***@pay\u{2060}.\u{2060}now\u{2060}.\u{2060}evil\u{2060}.\u{2060}test"),
                    "{body}"
                );
                assert!(!body.contains("evil.test") && !body.contains("pay.now"), "{body}");
            }
        }
    }
}

#[test]
fn the_digits_are_copied_without_a_blank() {
    let page = written(Topic::Verify, "en").html;
    let shown = page.split("class=\"code\"").nth(1).unwrap().split("</td>").next().unwrap();
    let shown = shown
        .split_once('>')
        .unwrap()
        .1
        .replace("<span style=\"padding-left:14px;\">", "")
        .replace("</span>", "");
    assert_eq!(shown, "314159");
    assert!(written(Topic::Verify, "en").text.contains("Your code: 314159\n"));
}

fn open(files: &[(&str, &str)]) -> Result<Words, String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Words::open(Some(folder.path()), "en", product(), "https://app.example.com")
        .map_err(|found| found.to_string())
}

#[test]
fn a_folder_takes_the_place_of_single_files() {
    let words = open(&[
        ("en/reset.subject.txt", "Forgot it{% if name %}, {{ name }}{% endif %}?\n"),
        ("pt-BR/reset.txt", "Olá{% if name %} {{ name }}{% endif %}, {{ code }} vale {{ code_for }}. {% include '_sign.txt' %}"),
        ("pt-BR/duration.txt", "{{ number }} {{ {'minute': 'minutos', 'hour': 'hora'}[unit] }}"),
        ("_sign.txt", "-- {{ product }}"),
        (".DS_Store", "\u{0}"),
    ])
    .unwrap();
    let write = |topic, locale| {
        let letter = letter(topic, locale);
        words.write(Kind::of(&letter), &letter).unwrap()
    };
    assert_eq!(write(Topic::Reset, "en").subject, "Forgot it, Ada?");
    let portuguese = write(Topic::Reset, "pt-br");
    assert_eq!(portuguese.text, "Olá Ada, 314159 vale 10 minutos. -- Example\n");
    // What it has no file for is English.
    assert_eq!((portuguese.subject.as_str(), portuguese.language.as_str()), ("Forgot it, Ada?", "pt-BR"));
    assert_eq!(write(Topic::Taken, "pt-BR").language, "en");
}

/// The file, the line, and what to do.
#[test]
fn a_wrong_template_is_refused_at_the_start() {
    for (name, text, problem) in [
        ("en/reset.txt", "a\n{{ code }}\n{% if %}", "en/reset.txt, line 3: syntax error: "),
        (
            "en/reset.txt",
            "a\n{{ code }} {{ nmae }}",
            "en/reset.txt, line 2: `nmae` is not a value; known are address, code, ",
        ),
        (
            "en/reset.txt",
            "{{ code }}{% if 1 == 2 %}\n{{ nmae }}{% endif %}",
            "en/reset.txt, line 2: `nmae` is not a value",
        ),
        ("en/reset.txt", "{{ code }}\n{{ name }}", "en/reset.txt, line 2: a mail may be without this value"),
        ("en/reset.txt", "{{ code|shout }}", "en/reset.txt, line 1: "),
        (
            "en/reset.txt",
            "{{ code }}{% include '../../etc/passwd' %}",
            "en/reset.txt, line 1: tried to include non-existing template '../../etc/passwd'; a template can only name others",
        ),
        ("en/reset.html", "hello", "en/reset.html: neither the code nor the link is in this mail"),
        ("en/invite.txt", "{{ code }}", "en/invite.txt, line 1: a mail may be without this value"),
        ("en/taken.html", "\n \n", "en/taken.html: the mail is empty"),
        ("en/reset.subject.txt", "\n", "en/reset.subject.txt: the subject is empty"),
        ("en/reset.subject.txt", "a\nb", "en/reset.subject.txt: the subject is one line"),
        ("en/reset.subject.txt", "{{ code }}", "en/reset.subject.txt: a code has no place in the subject"),
        ("ar/duration.txt", "{{ nmae }}", "ar/duration.txt, line 1: a value that is not known stands here"),
        (
            "layout.html",
            "{% block body %}{% endblock %}\n{{ nmae }}",
            "layout.html, line 2: a value that is not known",
        ),
        ("en/reste.txt", "", "en/reste.txt: no mail has a file of this name. Known are layout.html"),
        ("reset.txt", "", "reset.txt: no mail has a file of this name"),
        ("en/layout.html", "", "en/layout.html: no mail has a file of this name"),
        ("english_words/reset.txt", "", "english_words: a folder is called after a language"),
        ("EN/reset.txt", "{{ code }}", "en: `EN` and `en` are one language"),
    ] {
        let message = open(&[(name, text)]).err().unwrap_or_else(|| panic!("{name}: {text}"));
        assert!(message.lines().any(|line| line.starts_with(problem)), "{problem}\n{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    let long = "{{ product }}".repeat(30);
    assert!(open(&[("en/reset.subject.txt", &long)]).err().unwrap().contains("more than 200 characters"));
    let large = " ".repeat(300 * 1024);
    assert!(open(&[("en/reset.txt", &large)]).err().unwrap().contains("307200 bytes"));
}

#[test]
fn all_problems_are_told_at_once() {
    let message = open(&[("en/a.txt", ""), ("ar/b.html", ""), ("c", "")]).err().unwrap();
    assert_eq!(message.lines().count(), 3, "{message}");
    let missing =
        Words::open(Some(Path::new("/nowhere/at/all")), "en", product(), "https://a.test").err().unwrap();
    assert!(missing.to_string().starts_with("/nowhere/at/all: the folder cannot be read"), "{missing}");
}

/// A template that failed for one letter only would keep that letter for ever; what a letter has is in the samples.
#[test]
fn every_letter_with_less_can_be_written() {
    let words = words();
    for topic in Topic::ALL {
        for locale in ["en", "ar"] {
            let full = letter(topic, locale);
            let link_alone = Letter { digits: None, ..full.clone() };
            let digits_alone = Letter { token: None, ..full.clone() };
            let bare = Letter { digits: None, token: None, name: None, asked_from: None, ..full.clone() };
            for letter in [full, link_alone, digits_alone, bare] {
                let written = words.write(Kind::of(&letter), &letter).unwrap();
                assert!(
                    !written.text.contains("none") && !written.text.contains("\n\n\n"),
                    "{}",
                    written.text
                );
            }
        }
    }
}

#[test]
fn the_page_of_documentation_knows_every_value_and_every_file() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/mail.md")).unwrap();
    let values = words().values("en", &sample(Topic::Verify, false)).unwrap();
    for name in values.keys().chain(["subject", "number", "unit"].iter()).chain(&KINDS) {
        assert!(page.contains(&format!("`{name}`")), "docs/mail.md does not name `{name}`");
    }
    for (name, _) in BUILTIN.iter().filter(|(name, _)| !name.contains('/')) {
        assert!(page.contains(&format!("`{name}`")), "docs/mail.md does not name `{name}`");
    }
}
