//! The file: who may read it, what is wrong with it, its schema, and what stands in it.

use super::*;
use crate::sql::migrate::Migration;
use keyward_auth::outside::Random;
use keyward_auth::records::{Along, Change};
use keyward_auth::values::{Format, Picture};
use rusqlite::Connection;

#[tokio::test]
async fn each_store_reads_its_own_file() {
    let ((one, _folder), (two, _other)) = (fresh(), fresh());
    one.store().keys.insert(&key(1)).await.unwrap();
    assert_eq!(one.store().keys.all().await.unwrap(), [key(1)]);
    assert_eq!(two.store().keys.all().await.unwrap(), []);
}

#[tokio::test]
async fn readiness_reads_and_writes() {
    let (sqlite, folder) = fresh();
    let part = sqlite.store().parts[0].clone();
    let wal = folder.path().join("keyward.db-wal");
    for _ in 0..3 {
        let before = std::fs::read(&wal).unwrap();
        assert_eq!((part.name(), part.check().await), ("sqlite", Ok(None)));
        assert_ne!(std::fs::read(&wal).unwrap(), before, "nothing was written");
    }
}

struct Zeros;

impl Random for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_not_shown() {
    let (sqlite, _folder) = fresh();
    let id = keyward_auth::values::UserId::new(NOW, &Zeros);
    let text = format!(
        "INSERT INTO keyward_users VALUES ('{id}', 1, NULL, NULL, 'a@b.test', 'a@b.test', NULL, NULL, NULL, NULL, NULL, \
         '{{}}', ' user ', NULL, NULL, 0, 'canary', 0, 0, NULL, NULL, NULL, NULL, NULL)"
    );
    let work: Work = Box::new(move |connection| {
        connection.execute(&text, []).unwrap();
        Ok(Default::default())
    });
    run(&sqlite, work).await.unwrap();
    let Err(StoreError::Backend(text)) = sqlite.store().users.by_id(id).await else { panic!("it was read") };
    assert_eq!(text, format!("keyward_users: what is stored in kept_session of {id} cannot be read"));
}

#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/keyward.db");
    let sqlite = Sqlite::open(&path).unwrap();
    sqlite.migrate(NOW).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(&path), mode(path.parent().unwrap()), mode(&folder.path().join("a"))),
        (0o600, 0o700, 0o700)
    );
    assert_eq!(mode(&folder.path().join("a/b/keyward.db-wal")), 0o600);
}

#[test]
fn a_wrong_path_is_one_line_that_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.txt");
    std::fs::write(&file, "not a database, but long enough to be taken for one at first sight".repeat(20))
        .unwrap();
    let told = |path: &Path| Sqlite::open(path).err().unwrap().to_string();
    assert!(told(folder.path()).ends_with("is a folder; give the path of the database file in it"));
    assert!(told(&file).contains("is not an SQLite database"));
    assert!(told(&file.join("keyward.db")).contains("choose a path"));
    assert_eq!(std::fs::read(&file).unwrap().len(), 66 * 20);
}

#[test]
fn a_locked_file_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keyward.db");
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE t (x); BEGIN EXCLUSIVE").unwrap();
    let refused = Sqlite::open_within(&path, Duration::from_millis(50));
    assert!(matches!(refused.err(), Some(OpenError::File(FileError::Locked { .. }))));
}

#[tokio::test]
async fn a_write_waits_so_long_for_another_process_and_no_longer() {
    let (_, folder) = fresh();
    let path = folder.path().join("keyward.db");
    let hasty = Sqlite::open_within(&path, Duration::from_millis(50)).unwrap().store();
    let patient = Sqlite::open_within(&path, Duration::from_secs(60)).unwrap().store();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let waiting = tokio::spawn(async move { patient.keys.insert(&key(1)).await });
    assert!(matches!(hasty.keys.insert(&key(2)).await, Err(StoreError::Backend(_))));
    assert_eq!(hasty.keys.all().await.unwrap(), []);
    other.execute_batch("COMMIT").unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(hasty.keys.all().await.unwrap(), [key(1)]);
}

#[test]
fn an_applications_own_tables_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let own = Connection::open(&path).unwrap();
    own.execute_batch("CREATE TABLE users (id INTEGER); INSERT INTO users VALUES (7)").unwrap();
    Sqlite::open(&path).unwrap().migrate(NOW).unwrap();
    assert_eq!(own.query_row("SELECT id FROM users", [], |row| row.get::<_, i64>(0)).unwrap(), 7);
}

#[test]
fn a_status_tells_what_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(folder.path().join("keyward.db")).unwrap();
    let line = |applied_at| MigrationStatus { version: 1, name: "accounts".into(), applied_at };
    assert_eq!(sqlite.status().unwrap()[0], line(None));
    assert_eq!(sqlite.migrate(NOW).unwrap()[0], line(Some(NOW)));
    assert_eq!(sqlite.status().unwrap()[0], line(Some(NOW)));
}

#[test]
fn many_who_migrate_at_once_do_it_once() {
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keyward.db");
        let start = || Sqlite::open(&path).unwrap().migrate(NOW).unwrap().len();
        let made: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(made, migrate::ALL.len());
    }
}

#[test]
fn a_newer_or_changed_schema_is_refused() {
    let (sqlite, _folder) = fresh();
    let plain = Connection::open(&sqlite.path).unwrap();
    plain.execute("INSERT INTO keyward_migrations VALUES (999, 'later', 'x', 5)", []).unwrap();
    for text in [sqlite.migrate(NOW).err().unwrap().to_string(), sqlite.status().err().unwrap().to_string()] {
        assert!(text.contains("newer Keyward") && text.contains("999"), "{text}");
    }
    plain.execute("DELETE FROM keyward_migrations WHERE version = 999", []).unwrap();
    plain.execute("UPDATE keyward_migrations SET checksum = 'x'", []).unwrap();
    assert!(sqlite.migrate(NOW).err().unwrap().to_string().contains("migration 1 (accounts)"));
}

#[test]
fn a_failing_migration_leaves_nothing() {
    let (sqlite, _folder) = fresh();
    let broken = Migration {
        version: migrate::ALL.len() as i64 + 1,
        name: "broken",
        text: "CREATE TABLE keyward_half (x BIGINT); CREATE GARBAGE",
    };
    let mut known: Vec<Migration> = migrate::ALL.iter().map(|own| Migration { ..*own }).collect();
    known.push(broken);
    assert!(matches!(schema::migrate(&sqlite.path, &known, NOW, PATIENCE), Err(FileError::Sqlite { .. })));
    assert!(Connection::open(&sqlite.path).unwrap().prepare("SELECT * FROM keyward_half").is_err());
    assert_eq!(sqlite.status().unwrap().len(), migrate::ALL.len());
}

/// A database of before there were mails.
#[tokio::test]
async fn whoever_waited_for_an_address_before_an_upgrade_is_found_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(folder.path().join("keyward.db")).unwrap();
    schema::migrate(&sqlite.path, &migrate::ALL[..2], NOW, PATIENCE).unwrap();
    let id = keyward_auth::values::UserId::new(NOW, &Zeros);
    let insert = format!(
        "INSERT INTO keyward_users VALUES ('{id}', 1, NULL, NULL, 'a@b.test', 'a@b.test', NULL, 'Wanted@b.test', NULL, \
         NULL, NULL, '{{}}', ' user ', NULL, NULL, 0, NULL, 0, 0, NULL)"
    );
    Connection::open(&sqlite.path).unwrap().execute_batch(&insert).unwrap();
    assert_eq!(sqlite.migrate(NOW).unwrap().len(), migrate::ALL.len() - 2);
    let wanted = keyward_auth::values::Email::parse("wANTED@b.test").unwrap();
    let waiting = sqlite.store().users.waiting_for(&wanted, 9).await.unwrap();
    assert_eq!(waiting.iter().map(|user| user.id).collect::<Vec<_>>(), [id]);
}

/// A database of before there were pictures.
#[tokio::test]
async fn whoever_was_there_before_pictures_has_none_and_is_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(folder.path().join("keyward.db")).unwrap();
    schema::migrate(&sqlite.path, &migrate::ALL[..3], NOW, PATIENCE).unwrap();
    let id = keyward_auth::values::UserId::new(NOW, &Zeros);
    let insert = format!(
        "INSERT INTO keyward_users VALUES ('{id}', 7, 'ada', 'ada', 'A@b.test', 'a@b.test', 5, NULL, 'Ada', NULL, 'en', \
         '{{\"a\":1}}', ' admin user ', NULL, '$hash', 3, NULL, 1, 2, 4, 8, 9, NULL)"
    );
    let plain = Connection::open(&sqlite.path).unwrap();
    plain.execute_batch(&insert).unwrap();
    assert_eq!(sqlite.migrate(NOW).unwrap().len(), migrate::ALL.len() - 3);
    let there = sqlite.store().users.by_id(id).await.unwrap().unwrap();
    assert_eq!((there.version, there.epoch, there.picture), (7, 3, None));
    assert_eq!((there.email.as_ref().unwrap().as_str(), there.metadata.as_str()), ("A@b.test", "{\"a\":1}"));
    let undone = there.undone.map(|undone| (undone.to.as_micros(), undone.at.as_micros()));
    assert_eq!((there.is_administrator(), undone), (true, Some((8, 9))));
    // And can have one.
    let picture = Picture::new([7; 16], Format::Jpeg);
    let change = Change { picture: Some(Some(picture)), ..Change::default() };
    let hung = sqlite.store().users.change(id, &change, NOW, Along::default()).await.unwrap();
    assert_eq!((hung.version, hung.picture), (8, Some(picture)));
}

#[tokio::test]
async fn what_another_process_writes_is_seen_by_the_next_read() {
    let (sqlite, folder) = fresh();
    let store = sqlite.store();
    let other = rusqlite::Connection::open(folder.path().join("keyward.db")).unwrap();
    for members in 1..200 {
        other.execute("UPDATE keyward_guards SET members = ?1 % 2", [members]).unwrap();
        assert_eq!(store.users.has_administrator().await, Ok(members % 2 == 1));
        assert_eq!(store.users.has_administrator().await, Ok(members % 2 == 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_stay_in_their_snapshot_do_not_keep_the_wal_from_starting_anew() {
    let (sqlite, folder) = fresh();
    let store = sqlite.store();
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let reading = tokio::spawn({
        let (store, stop) = (sqlite.store(), Arc::clone(&stop));
        async move {
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                store.users.has_administrator().await.unwrap();
                tokio::task::yield_now().await;
            }
        }
    });
    // Some 8 KiB of WAL each: without a fresh start these would be 24 MiB, and a checkpoint is due every 4.
    for sequence in 1..=3000 {
        store.keys.insert(&key(sequence)).await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::SeqCst);
    reading.await.unwrap();
    let wal = std::fs::metadata(folder.path().join("keyward.db-wal")).unwrap().len();
    assert!(wal < 12 * 1024 * 1024, "the WAL has {wal} bytes");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn closed_the_file_holds_everything() {
    let (sqlite, folder) = fresh();
    sqlite.store().keys.insert(&key(1)).await.unwrap();
    tokio::spawn({
        let store = sqlite.store();
        async move { store.keys.all().await.unwrap().len() }
    })
    .await
    .unwrap();
    drop(sqlite);
    assert!(
        !folder.path().join("keyward.db-wal").exists(),
        "a copy of the file alone would lose what is in the WAL"
    );
    let left = rusqlite::Connection::open(folder.path().join("keyward.db")).unwrap();
    let keys: i64 = left.query_row("SELECT count(*) FROM keyward_keys", [], |row| row.get(0)).unwrap();
    assert_eq!(keys, 1);
}

#[tokio::test]
async fn nothing_is_written_into_a_file_that_was_taken_away() {
    let (sqlite, folder) = fresh();
    let (here, there) = (folder.path().join("keyward.db"), folder.path().join("away.db"));
    std::fs::rename(&here, &there).unwrap();
    let refused = sqlite.store().keys.insert(&key(1)).await;
    assert!(matches!(refused, Err(StoreError::Backend(_))), "{refused:?}");
    std::fs::rename(&there, &here).unwrap();
    sqlite.store().keys.insert(&key(1)).await.unwrap();
}
