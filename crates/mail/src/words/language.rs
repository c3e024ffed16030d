//! Which language a letter is in: what its reader wants, as far as there are words. Owns the direction of scripts.

use super::problem::TemplateProblem;
use super::{Kind, folder};
use keyward_auth::values::{AcceptLanguage, Locale};
use std::collections::BTreeMap;

/// The languages that there are words in, by their tags in lower case.
pub(super) struct Languages {
    known: BTreeMap<String, Language>,
    /// For whoever wants none of them.
    default: String,
}

struct Language {
    /// As the folder is called.
    tag: String,
    /// The kinds of letters that it has words of its own for.
    kinds: Vec<String>,
}

/// There are words in it for every letter.
const ENGLISH: &str = "en";

impl Languages {
    /// Finds the languages among the templates, and gives each the English words that it has none for.
    pub(super) fn of(sources: &mut BTreeMap<String, String>, default: &str) -> Result<Self, TemplateProblem> {
        let mut known: BTreeMap<String, Language> = BTreeMap::new();
        for (tag, file) in sources.keys().filter_map(|name| name.split_once('/')) {
            let language = known.entry(tag.to_ascii_lowercase());
            let language = language.or_insert_with(|| Language { tag: tag.to_owned(), kinds: Vec::new() });
            if language.tag != tag {
                let message = format!("`{}` and `{tag}` are one language; name the folder {0}", language.tag);
                return Err(TemplateProblem::new(tag, message));
            }
            language.kinds.extend(folder::kind_of(file).map(str::to_owned));
        }
        let english: Vec<String> =
            sources.keys().filter_map(|name| name.strip_prefix("en/")).map(str::to_owned).collect();
        for language in known.values() {
            for file in &english {
                let name = format!("{}/{file}", language.tag);
                sources.entry(name).or_insert_with(|| format!("{{% include \"{ENGLISH}/{file}\" %}}"));
            }
        }
        let languages = Self { known, default: default.to_owned() };
        match languages.find(default) {
            Some(_) => Ok(languages),
            None => {
                let tags: Vec<&str> = languages.tags().collect();
                let message = format!("there are no words in `{default}`, only in {}", tags.join(", "));
                Err(TemplateProblem::new("mail.language", message))
            }
        }
    }

    pub(super) fn tags(&self) -> impl Iterator<Item = &str> {
        self.known.values().map(|language| language.tag.as_str())
    }

    /// Whether there are words of its own, rather than English ones.
    pub(super) fn has(&self, tag: &str, kind: Kind) -> bool {
        self.known.get(&tag.to_ascii_lowercase()).is_some_and(|language| language.has(kind))
    }

    /// The first that is wanted and known: the reader's locale, then what the request accepted, then the default. English,
    /// should there be no words for this kind of letter in it.
    pub(super) fn choose(
        &self,
        kind: Kind,
        (locale, accepted): (Option<&Locale>, Option<&AcceptLanguage>),
    ) -> &str {
        let accepted = accepted.map(AcceptLanguage::wanted).unwrap_or_default();
        let tags = locale.map(Locale::as_str).into_iter().chain(accepted);
        let language = tags.chain([self.default.as_str()]).find_map(|tag| self.find(tag));
        language.filter(|language| language.has(kind)).map_or(ENGLISH, |language| language.tag.as_str())
    }

    /// The language of this tag, or of the longest beginning of it (RFC 4647, lookup): `pt` for `pt-BR`.
    fn find(&self, tag: &str) -> Option<&Language> {
        let tag = tag.to_ascii_lowercase();
        let mut rest = tag.as_str();
        loop {
            if let Some(language) = self.known.get(rest) {
                return Some(language);
            }
            rest = rest.rsplit_once('-')?.0;
        }
    }
}

impl Language {
    fn has(&self, kind: Kind) -> bool {
        self.kinds.iter().any(|known| known == kind.0)
    }
}

/// Languages and scripts that are written from right to left.
const RIGHT_TO_LEFT: [&str; 20] = [
    "ar", "arc", "ckb", "dv", "fa", "he", "iw", "ks", "nqo", "ps", "sd", "syr", "ug", "ur", "yi", "adlm",
    "arab", "hebr", "nkoo", "thaa",
];

/// `rtl` or `ltr`. A script in the tag says more than the language.
pub(super) fn direction(tag: &str) -> &'static str {
    let tag = tag.to_ascii_lowercase();
    let language = tag.split('-').next().unwrap_or_default();
    let script =
        tag.split('-').skip(1).find(|part| part.len() == 4 && part.bytes().all(|b| b.is_ascii_alphabetic()));
    if RIGHT_TO_LEFT.contains(&script.unwrap_or(language)) { "rtl" } else { "ltr" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn languages(default: &str) -> Result<Languages, TemplateProblem> {
        let names = ["layout.html", "en/reset.txt", "en/verify.txt", "ar/reset.txt", "pt/reset.html"];
        let names = names.into_iter().chain(["zh-Hant/reset.subject.txt", "de/footer.txt"]);
        let mut sources = names.map(|name| (name.to_owned(), String::new())).collect();
        Languages::of(&mut sources, default)
    }

    #[test]
    fn the_first_wanted_that_is_known() {
        let languages = languages("ar").unwrap();
        for (locale, accepted, chosen) in [
            (None, None, "ar"),
            (Some("pt"), None, "pt"),
            (Some("pt-BR"), Some("en"), "pt"),
            (Some("PT-br"), None, "pt"),
            (Some("fr"), Some("it, pt;q=0.5"), "pt"),
            (Some("zh-Hant-TW"), None, "zh-Hant"),
            (Some("zh-Hans"), None, "ar"),
            (None, Some("en-GB"), "en"),
            // It is known, and has no words for this letter.
            (Some("de"), Some("pt"), "en"),
        ] {
            let locale = locale.map(|tag| Locale::parse(tag).unwrap());
            let accepted = accepted.and_then(AcceptLanguage::parse);
            assert_eq!(languages.choose(Kind("reset"), (locale.as_ref(), accepted.as_ref())), chosen);
        }
        let accepted = AcceptLanguage::parse("pt");
        assert_eq!(languages.choose(Kind("verify"), (None, accepted.as_ref())), "en");
    }

    #[test]
    fn a_default_without_words_is_refused() {
        let message = languages("fr").err().unwrap().to_string();
        assert_eq!(message, "mail.language: there are no words in `fr`, only in ar, de, en, pt, zh-Hant");
        assert!(languages("pt-BR").is_ok());
    }

    #[test]
    fn directions() {
        for (tag, expected) in [
            ("en", "ltr"),
            ("ar", "rtl"),
            ("ar-EG", "rtl"),
            ("fa", "rtl"),
            ("he-IL", "rtl"),
            ("az-Arab", "rtl"),
            ("ks-Deva", "ltr"),
            ("ur-Latn-PK", "ltr"),
            ("de-1996", "ltr"),
        ] {
            assert_eq!(direction(tag), expected, "{tag}");
        }
    }
}
