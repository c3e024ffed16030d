//! What is SQLite's alone: files, locks, and the writer's batches. What every backend must do is in `conformance`.

mod batches;
mod files;
mod mails;
mod pictures;

use super::*;
use keyward_auth::records::StoredKey;
use std::sync::mpsc;
use tempfile::TempDir;
use writer::Work;

const NOW: Timestamp = Timestamp::from_micros(1_000_000);

fn fresh() -> (Sqlite, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = Sqlite::open(folder.path().join("keyward.db")).unwrap();
    sqlite.migrate(NOW).unwrap();
    (sqlite, folder)
}

fn key(sequence: i64) -> StoredKey {
    StoredKey {
        id: format!("key-{sequence}"),
        algorithm: "ES256".into(),
        sequence,
        sealed: vec![7; 3000],
        created_at: NOW,
        signs_from: NOW,
    }
}

/// Keeps the writer busy until the sender is dropped, so that what follows shares a batch.
fn hold(sqlite: &Sqlite) -> mpsc::Sender<()> {
    let (started, begun) = mpsc::channel::<()>();
    let (release, released) = mpsc::channel::<()>();
    let connections = Arc::clone(&sqlite.connections);
    tokio::spawn(async move {
        let work: Work = Box::new(move |_| {
            drop(started);
            let _ = released.recv();
            Ok(Default::default())
        });
        connections.writer.run(work).await
    });
    tokio::task::block_in_place(|| begun.recv().unwrap_err());
    release
}

/// Starts a write, and returns when it waits in the queue.
async fn queued<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let (polled, ready) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(async move {
        let mut future = Box::pin(future);
        let mut polled = Some(polled);
        std::future::poll_fn(move |context| {
            let answer = future.as_mut().poll(context);
            if let Some(polled) = polled.take() {
                let _ = polled.send(());
            }
            answer
        })
        .await
    });
    ready.await.unwrap();
    task
}

fn run(sqlite: &Sqlite, work: Work) -> impl Future<Output = Result<(), StoreError>> + Send + 'static {
    let connections = Arc::clone(&sqlite.connections);
    async move { connections.writer.run(work).await.map(drop) }
}

fn insert(sqlite: &Sqlite, sequence: i64) -> impl Future<Output = Result<(), StoreError>> + Send + 'static {
    let store = sqlite.store();
    async move { store.keys.insert(&key(sequence)).await }
}

/// A violation that is only looked for at the commit.
fn owe(sqlite: &Sqlite) -> impl Future<Output = Result<(), StoreError>> + Send + 'static {
    run(
        sqlite,
        Box::new(|connection| {
            connection
                .execute_batch(
                    "PRAGMA defer_foreign_keys = ON; INSERT INTO keyward_sessions VALUES ('s', 'nobody', 0, 1, 0, 0, 0, 0, 0, 0, NULL, NULL)",
                )
                .unwrap();
            Ok(Default::default())
        }),
    )
}
