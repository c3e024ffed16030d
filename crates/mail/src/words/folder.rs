//! The folder of templates that an operator has written: which files there may be, read once, at the start. Templates
//! name each other by these names alone, so none reaches beyond the folder.

use super::builtin::{BUILTIN, KINDS};
use super::problem::{TemplateProblem, TemplateProblems};
use keyward_auth::values::Locale;
use std::collections::BTreeMap;
use std::path::Path;
use std::{fs, io};

const LARGEST: u64 = 256 * 1024;
const MOST: usize = 2000;

/// All templates of the folder, by their names within it.
pub(super) fn read(folder: &Path) -> Result<BTreeMap<String, String>, TemplateProblems> {
    let mut found = Found::default();
    for (name, path) in entries("", folder).map_err(TemplateProblems::from)? {
        if path.is_dir() {
            if Locale::parse(&name).is_err() {
                let message = "a folder is called after a language, such as en or pt-BR";
                found.problems.push(TemplateProblem::new(name, message));
                continue;
            }
            for (file, path) in entries(&name, &path).map_err(TemplateProblems::from)? {
                found.file(format!("{name}/{file}"), is_of_language(&file), &path);
            }
        } else {
            found.file(name.clone(), is_of_all(&name), &path);
        }
    }
    if found.problems.is_empty() { Ok(found.sources) } else { Err(TemplateProblems(found.problems)) }
}

#[derive(Default)]
struct Found {
    sources: BTreeMap<String, String>,
    problems: Vec<TemplateProblem>,
}

impl Found {
    fn file(&mut self, name: String, is_known: bool, path: &Path) {
        if !is_known {
            self.problems.push(TemplateProblem::new(name, strange()));
        } else if self.sources.len() >= MOST {
            self.problems.push(TemplateProblem::new(name, format!("there are more than {MOST} files")));
        } else {
            match text(path) {
                Ok(text) => drop(self.sources.insert(name, text)),
                Err(message) => self.problems.push(TemplateProblem::new(name, message)),
            }
        }
    }
}

/// Names and paths, sorted. What begins with a dot is of the file system or an editor.
fn entries(name: &str, folder: &Path) -> Result<Vec<(String, std::path::PathBuf)>, TemplateProblem> {
    let unreadable = |error: io::Error| {
        let shown = if name.is_empty() { folder.display().to_string() } else { name.to_owned() };
        TemplateProblem::new(shown, format!("the folder cannot be read: {error}"))
    };
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') {
            found.push((name, entry.path()));
        }
    }
    found.sort();
    Ok(found)
}

fn text(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| format!("the file cannot be read: {error}"))?.len();
    if size > LARGEST {
        return Err(format!("the file has {size} bytes; at most {LARGEST} are read"));
    }
    fs::read_to_string(path).map_err(|error| format!("the file cannot be read: {error}"))
}

/// Which kind of letter a file of a language is for; `None` for what all of them share.
pub(super) fn kind_of(file: &str) -> Option<&'static str> {
    let kind = [".subject.txt", ".txt", ".html"].into_iter().find_map(|end| file.strip_suffix(end))?;
    KINDS.into_iter().find(|known| *known == kind)
}

fn is_of_language(file: &str) -> bool {
    kind_of(file).is_some() || ["footer.txt", "footer.html", "duration.txt"].contains(&file) || is_part(file)
}

fn is_of_all(file: &str) -> bool {
    BUILTIN.iter().any(|(name, _)| *name == file) && !file.contains('/') || is_part(file)
}

/// A file for others to include.
fn is_part(file: &str) -> bool {
    file.starts_with('_') && (file.ends_with(".html") || file.ends_with(".txt"))
}

fn strange() -> String {
    format!(
        "no mail has a file of this name. Known are layout.html, button.html, code.html, and for a language \
         en/TOPIC.subject.txt, en/TOPIC.txt, en/TOPIC.html, en/footer.txt, en/footer.html and en/duration.txt, where \
         TOPIC is one of {}; parts to include begin with _",
        KINDS.join(", ")
    )
}
