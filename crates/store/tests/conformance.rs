//! Every backend against every case. Owns how a test gets an empty store; the cases are in `src/conformance`.
#![expect(clippy::unwrap_used, reason = "a store that cannot be made is a failed test")]

mod sqlite {
    use keyward_auth::records::Store;
    use keyward_auth::values::Timestamp;
    use keyward_store::sql::Sqlite;
    use tempfile::TempDir;

    pub(crate) async fn open() -> (Store, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = Sqlite::open(folder.path().join("keyward.db")).unwrap();
        sqlite.migrate(Timestamp::from_micros(1)).unwrap();
        (sqlite.store(), folder)
    }

    keyward_store::conformance!(crate::sqlite::open);
}

#[test]
fn every_case_is_listed() {
    let list = include_str!("../src/conformance/mod.rs");
    let records = [
        ("users", include_str!("../src/conformance/users.rs")),
        ("changes", include_str!("../src/conformance/changes.rs")),
        ("administrators", include_str!("../src/conformance/administrators.rs")),
        ("lists", include_str!("../src/conformance/lists.rs")),
        ("sessions", include_str!("../src/conformance/sessions.rs")),
        ("keys", include_str!("../src/conformance/keys.rs")),
        ("audit", include_str!("../src/conformance/audit.rs")),
    ];
    for (record, text) in records {
        let names =
            list.split(&format!("{record}: [")).nth(1).and_then(|rest| rest.split(']').next()).unwrap();
        for case in text.split("\npub async fn ").skip(1).filter_map(|rest| rest.split('(').next()) {
            assert!(names.contains(&format!(" {case},")), "{record}::{case} is not listed");
        }
    }
}
