//! The writer: what shares a transaction, what fails with it, and what is durable.

use super::*;
use keyward_auth::records::Unique;
use rusqlite::Connection;

#[tokio::test(flavor = "multi_thread")]
async fn a_panicking_job_takes_no_other_with_it() {
    let (sqlite, _folder) = fresh();
    let held = hold(&sqlite);
    let before = queued(insert(&sqlite, 1)).await;
    let panicking = queued(run(
        &sqlite,
        Box::new(|connection| {
            connection.execute("DELETE FROM keyward_keys", []).unwrap();
            panic!("as arranged")
        }),
    ))
    .await;
    let refused = queued(insert(&sqlite, 1)).await;
    let after = queued(insert(&sqlite, 2)).await;
    drop(held);
    assert_eq!(before.await.unwrap(), Ok(()));
    assert!(matches!(panicking.await.unwrap(), Err(StoreError::Backend(_))));
    // Its id is taken as well, which a database may tell of first.
    assert!(matches!(refused.await.unwrap(), Err(StoreError::Taken(Unique::Key) | StoreError::Backend(_))));
    assert_eq!(after.await.unwrap(), Ok(()));
    assert_eq!(sqlite.store().keys.all().await.unwrap(), [key(1), key(2)]);
    assert_eq!(insert(&sqlite, 3).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_transaction_fails_every_job_in_it() {
    let (sqlite, _folder) = fresh();
    let held = hold(&sqlite);
    let before = queued(insert(&sqlite, 1)).await;
    // As SQLite does by itself after an I/O error.
    let losing = queued(run(
        &sqlite,
        Box::new(|connection| {
            connection.execute_batch("ROLLBACK").unwrap();
            Err(StoreError::Backend("disk I/O error".into()))
        }),
    ))
    .await;
    let after = queued(insert(&sqlite, 2)).await;
    drop(held);
    for task in [before, losing, after] {
        assert!(matches!(task.await.unwrap(), Err(StoreError::Backend(_))));
    }
    assert_eq!(sqlite.store().keys.all().await.unwrap(), []);
    assert_eq!(insert(&sqlite, 3).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_commit_fails_every_job() {
    let (sqlite, _folder) = fresh();
    let held = hold(&sqlite);
    let before = queued(insert(&sqlite, 1)).await;
    let owing = queued(owe(&sqlite)).await;
    drop(held);
    for task in [before, owing] {
        assert!(matches!(task.await.unwrap(), Err(StoreError::Backend(_))));
    }
    assert_eq!(sqlite.store().keys.all().await.unwrap(), []);
    assert_eq!(insert(&sqlite, 2).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn after_a_full_disk_what_was_answered_is_there_and_nothing_else() {
    let (sqlite, _folder) = fresh();
    let pages = |most: u32| -> Work {
        Box::new(move |connection: &Connection| {
            connection.query_row(&format!("PRAGMA max_page_count = {most}"), [], |_| Ok(())).unwrap();
            Ok(Default::default())
        })
    };
    run(&sqlite, pages(60)).await.unwrap();
    let tasks: Vec<_> =
        (1..=200).map(|sequence| (sequence, tokio::spawn(insert(&sqlite, sequence)))).collect();
    let (mut there, mut failed) = (Vec::new(), 0);
    for (sequence, task) in tasks {
        match task.await.unwrap() {
            Ok(()) => there.push(key(sequence)),
            Err(StoreError::Backend(_)) => failed += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(failed > 0);
    assert_eq!(sqlite.store().keys.all().await.unwrap(), there);
    run(&sqlite, pages(1_000_000)).await.unwrap();
    assert_eq!(insert(&sqlite, 1000).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_goes_on_when_nobody_waits() {
    let (sqlite, _folder) = fresh();
    let held = hold(&sqlite);
    let task = queued(insert(&sqlite, 1)).await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    drop(held);
    // Whatever comes later is written later.
    insert(&sqlite, 2).await.unwrap();
    assert_eq!(sqlite.store().keys.all().await.unwrap(), [key(1), key(2)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_is_an_error_at_once() {
    let (sqlite, _folder) = fresh();
    let held = hold(&sqlite);
    let mut tasks = Vec::new();
    for _ in 0..writer::QUEUE + 3 {
        tasks.push(queued(run(&sqlite, Box::new(|_| Ok(Default::default())))).await);
    }
    drop(held);
    let full = Err(StoreError::Backend("too many writes are waiting".into()));
    let mut refused = 0;
    for task in tasks {
        let answer = task.await.unwrap();
        refused += usize::from(answer == full);
        assert!(answer.is_ok() || answer == full);
    }
    assert_eq!(refused, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_answered_is_there_after_reopening() {
    let (sqlite, folder) = fresh();
    let tasks: Vec<_> = (1..=100).map(|sequence| tokio::spawn(insert(&sqlite, sequence))).collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    drop(sqlite);
    let again = Sqlite::open(folder.path().join("keyward.db")).unwrap();
    assert_eq!(again.migrate(NOW).unwrap(), []);
    assert_eq!(again.store().keys.all().await.unwrap().len(), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_is_written_when_the_store_goes() {
    let (sqlite, folder) = fresh();
    let connections = Arc::clone(&sqlite.connections);
    for sequence in 1..=50 {
        let task = queued(insert(&sqlite, sequence)).await;
        task.abort();
        let _ = task.await;
    }
    drop((sqlite, connections));
    let plain = Connection::open(folder.path().join("keyward.db")).unwrap();
    let count: i64 = plain.query_row("SELECT count(*) FROM keyward_keys", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 50);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn reads_go_on_while_another_process_writes() {
    let (sqlite, folder) = fresh();
    let store = sqlite.store();
    store.keys.insert(&key(1)).await.unwrap();
    let other = Connection::open(folder.path().join("keyward.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE; DELETE FROM keyward_keys").unwrap();
    assert_eq!(store.keys.all().await.unwrap(), [key(1)]);
    let waiting = queued(insert(&sqlite, 2)).await;
    assert_eq!(store.keys.all().await.unwrap(), [key(1)]);
    other.execute_batch("COMMIT").unwrap();
    waiting.await.unwrap().unwrap();
    assert_eq!(store.keys.all().await.unwrap(), [key(2)]);
}
