//! The conventions of this repository, where a compiler does not keep them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            found.extend(files(&path, extension));
        } else if path.extension().is_some_and(|is| is == extension) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The source of the product; tests have their own rules.
fn sources() -> Vec<PathBuf> {
    let folders = [
        "src",
        "crates/auth/src",
        "crates/mail/src",
        "crates/pictures/src",
        "crates/store/src",
        "crates/web/src",
    ];
    let found: Vec<PathBuf> = folders.iter().flat_map(|folder| files(&root().join(folder), "rs")).collect();
    assert!(found.len() > 80, "{}", found.len());
    found
}

fn name(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

#[test]
fn every_file_begins_by_saying_what_it_owns() {
    for path in sources().into_iter().chain(files(&root().join("tests"), "rs")) {
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not begin with //!", name(&path));
    }
}

#[test]
fn no_file_is_longer_than_400_lines() {
    for path in sources().into_iter().chain(files(&root().join("tests"), "rs")) {
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 400, "{} has {lines} lines", name(&path));
    }
}

#[test]
fn no_file_is_named_after_nothing() {
    let banned = [
        "core",
        "domain",
        "infrastructure",
        "models",
        "model",
        "services",
        "service",
        "managers",
        "manager",
        "utils",
        "util",
        "helpers",
        "helper",
        "common",
        "shared",
        "types",
        "misc",
    ];
    for path in sources() {
        for part in name(&path).split('/') {
            assert!(!banned.contains(&part.trim_end_matches(".rs")), "{}", name(&path));
        }
    }
}

#[test]
fn the_walls_stand() {
    let manifest =
        |krate: &str| fs::read_to_string(root().join(format!("crates/{krate}/Cargo.toml"))).unwrap();
    for (krate, forbidden) in [
        ("web", vec!["keyward-mail", "keyward-store", "lettre", "rusqlite"]),
        ("store", vec!["keyward-mail", "keyward-web", "axum", "hyper"]),
        ("mail", vec!["keyward-store", "keyward-web", "axum", "hyper", "rusqlite"]),
        ("pictures", vec!["keyward-mail", "keyward-store", "keyward-web", "axum", "hyper", "rusqlite"]),
        ("auth", vec!["keyward-mail", "keyward-store", "keyward-web", "axum", "hyper", "rusqlite", "tokio"]),
    ] {
        let manifest = manifest(krate);
        let lines: Vec<&str> =
            manifest.lines().map(str::trim).filter(|line| !line.starts_with('#')).collect();
        for name in forbidden {
            let dependency =
                |line: &&&str| line.starts_with(&format!("{name} ")) || line.starts_with(&format!("{name}."));
            assert!(lines.iter().find(dependency).is_none(), "crates/{krate} names {name}");
        }
    }
    // One file of the binary names a concrete store; others know URLs and what can be wrong with an opening.
    let naming = sources().into_iter().filter(|path| name(path).starts_with("src/"));
    let names_it = |line: &str| {
        let is_passive = [
            "Url;",
            "OpenError;",
            "OpenError as RedisError;",
            "OpenError as GalleryError;",
            "OpenError as MongoError;",
        ]
        .iter()
        .any(|end| line.ends_with(end));
        line.contains("keyward_store") && !line.trim_start().starts_with("//") && !is_passive
    };
    let naming = naming.filter(|path| fs::read_to_string(path).unwrap().lines().any(names_it));
    let naming: Vec<String> = naming.map(|path| name(&path)).collect();
    assert_eq!(naming, ["src/wiring/stores.rs"]);
}

#[test]
fn one_word_for_one_thing() {
    let names = |folder: &str| -> BTreeSet<String> {
        let names = files(&root().join(folder), "rs").into_iter();
        names.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect()
    };
    let flows = names("crates/auth/src/flows");
    let api = &names("crates/web/src/api") | &names("crates/web/src/pages");
    // What has no counterpart over there, and why: no flow of its own, or no route of its own.
    let only_api =
        ["mod", "view", "tokens", "check", "health", "jwks", "users", "link", "password", "reader", "words"];
    let only_flows = [
        "mod",
        "authenticate",
        "change",
        "codes",
        "decide",
        "deliver",
        "events",
        "keys",
        "letter",
        "limit",
        "list_mails",
        "list_users",
        "mails",
        "new_user",
        "proof",
        "spend",
        "sweep",
        "tries",
        "undo_change",
        "view_user",
        "who",
    ];
    let strange: Vec<_> = api.difference(&flows).filter(|name| !only_api.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "web/api has words of its own: {strange:?}");
    let strange: Vec<_> =
        flows.difference(&api).filter(|name| !only_flows.contains(&name.as_str())).collect();
    assert!(strange.is_empty(), "auth/flows has words of its own: {strange:?}");
}

#[test]
fn the_rights_in_the_documents_are_of_every_table() {
    let folder = root().join("crates/store/migrations");
    let text: String = files(&folder, "sql").iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let tables = text.split("CREATE TABLE ").skip(1).map(|rest| rest.split_whitespace().next().unwrap());
    let tables: BTreeSet<&str> = tables.collect();
    assert!(tables.len() > 7 && tables.contains("keyward_users"), "{tables:?}");

    let deploy = fs::read_to_string(root().join("docs/deploy.md")).unwrap();
    let granted = deploy.split("GRANT SELECT, INSERT, UPDATE, DELETE ON ").nth(1).unwrap();
    let granted = granted.split(" TO ").next().unwrap().split(',').map(str::trim);
    assert_eq!(granted.collect::<BTreeSet<&str>>(), tables);
}

#[test]
fn the_page_about_mongodb_names_every_collection_and_index() {
    let folder = root().join("crates/store/src/mongo");
    let source = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    let page = fs::read_to_string(root().join("docs/mongodb.md")).unwrap();
    let (collections, schema) = (source("mod.rs"), source("schema.rs"));
    let collections = collections.lines().filter_map(|line| line.split(": &str = \"keyward_").nth(1));
    let collections: BTreeSet<&str> = collections.filter_map(|rest| rest.split('"').next()).collect();
    assert!(collections.len() > 7, "{collections:?}");
    for name in collections {
        assert!(page.contains(&format!("| `keyward_{name}` |")), "keyward_{name}");
    }
    // As the first text of an index, or behind whose it is.
    let indexes = schema.split("index(").chain(schema.split("unique(")).skip(1);
    let names: BTreeSet<&str> = indexes
        .filter_map(|rest| rest.split(')').next()?.split('"').nth(1))
        .filter(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        .collect();
    assert!(names.len() > 7 && names.contains("email_key") && names.contains("due"), "{names:?}");
    for name in names {
        assert!(page.contains(&format!("`{name}`")), "the index {name}");
    }
}

#[test]
fn the_page_about_mongodb_names_every_operator() {
    let page = fs::read_to_string(root().join("docs/mongodb.md")).unwrap();
    let sources = files(&root().join("crates/store/src/mongo"), "rs");
    let text: String = sources.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    // What is a key; a text with such a sign is the value of a field.
    let keys = text.split("\"$").skip(1).filter_map(|rest| rest.split_once("\":")).map(|(key, _)| key);
    let (operators, others): (BTreeSet<&str>, BTreeSet<&str>) =
        keys.partition(|key| key.bytes().all(|byte| byte.is_ascii_alphabetic()));
    assert!(operators.len() > 20 && operators.contains("exists"), "{operators:?}, not {others:?}");
    for name in operators {
        assert!(page.contains(&format!("`${name}`")) || page.contains(&format!("`${name}: ")), "${name}");
    }
}

/// What looks like a path of this repository in a document: in backticks, or the target of a link.
fn paths(text: &str) -> Vec<&str> {
    let ours = ["src/", "crates/", "tests/", "docs/", "bench/", "scripts/", ".ci/"];
    let in_backticks = text.split('`').skip(1).step_by(2);
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let found = in_backticks
        .chain(links)
        .map(|path| path.split('#').next().unwrap_or_default().trim_start_matches("./"));
    found
        .filter(|path| {
            ours.iter().any(|begin| path.starts_with(begin)) && !path.contains([' ', '*', '{', '<'])
        })
        .collect()
}

#[test]
fn every_path_in_the_documents_is_there() {
    let mut documents = files(&root().join("docs"), "md");
    documents.extend(["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| root().join(name)));
    for document in documents {
        let Ok(text) = fs::read_to_string(&document) else { continue };
        // Only what stands outside of examples: a block of code may name files of the reader.
        let prose: Vec<&str> = text.split("```").step_by(2).collect();
        for path in paths(&prose.join("\n")) {
            let path = path.split("::").next().unwrap_or_default();
            let beside = document.parent().is_some_and(|folder| folder.join(path).exists());
            assert!(
                root().join(path).exists() || beside,
                "{} names {path}, which is not there",
                name(&document)
            );
        }
    }
}
