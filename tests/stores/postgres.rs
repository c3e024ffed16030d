//! A database of its own on the PostgreSQL that `scripts/servers` started, and a look into it. Removed after the test,
//! whoever is still connected.

use super::database::Database;
use super::{TABLES, TABLES_OF_MAIL, aside, server, unique};
use async_trait::async_trait;
use futures_util::TryStreamExt;
use std::sync::{LazyLock, mpsc};
use tokio::sync::{Mutex, MutexGuard};
use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage};

const SERVER: &str = "KEYWARD_TEST_POSTGRES_URL";

pub(super) struct Postgres {
    url: String,
    /// On the server of all tests: to be removed in the end.
    name: Option<String>,
    /// Kept from look to look, for as long as the runtime is the same.
    client: Mutex<Option<Client>>,
}

impl Postgres {
    pub(super) async fn empty() -> Self {
        let (server, name) = (server(SERVER), unique());
        let (before, _) = server.rsplit_once('/').unwrap();
        connect(&server).await.unwrap().batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        Self { url: format!("{before}/{name}"), name: Some(name), client: Mutex::default() }
    }

    /// An empty database on a server that the test brings, and takes away.
    pub(super) fn on(url: &str) -> Self {
        Self { url: url.to_owned(), name: None, client: Mutex::default() }
    }

    async fn client(&self) -> MutexGuard<'_, Option<Client>> {
        let mut client = self.client.lock().await;
        if client.as_ref().is_none_or(Client::is_closed) {
            *client = Some(connect(&self.url).await.unwrap());
        }
        client
    }
}

#[async_trait]
impl Database for Postgres {
    fn name(&self) -> &'static str {
        "postgres"
    }

    fn url(&self) -> String {
        self.url.clone()
    }

    fn patient_url(&self) -> String {
        format!("{}?connect_timeout=60", self.url)
    }

    /// The number of the transaction; a place on disk is used again.
    fn order(&self) -> &'static str {
        "xmin::text::bigint, ctid"
    }

    async fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let client = self.client().await;
        let (mut statements, mut rows) = (Vec::new(), Vec::new());
        for message in client.as_ref().unwrap().simple_query(sql).await.unwrap() {
            match message {
                SimpleQueryMessage::Row(row) => {
                    let texts = (0..row.len()).map(|column| row.get(column).unwrap_or("-"));
                    rows.push(texts.collect::<Vec<_>>().join("|"));
                }
                SimpleQueryMessage::CommandComplete(_) => statements.push(std::mem::take(&mut rows)),
                _ => {}
            }
        }
        statements
    }

    async fn execute(&self, sql: &str) {
        self.client().await.as_ref().unwrap().batch_execute(sql).await.unwrap();
    }

    /// In the binary form, where bytes are bytes.
    async fn stolen(&self) -> Vec<u8> {
        let client = self.client().await;
        let mut stolen = Vec::new();
        for table in TABLES.into_iter().chain(TABLES_OF_MAIL) {
            let copy = client
                .as_ref()
                .unwrap()
                .copy_out(&format!("COPY {table} TO STDOUT (FORMAT binary)"))
                .await
                .unwrap();
            stolen.extend(copy.try_collect::<Vec<_>>().await.unwrap().concat());
        }
        stolen
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let Some(name) = &self.name else { return };
        // Nobody is there to hear of a failure when the last test is over.
        let _ = REMOVER.send(name.clone());
    }
}

/// Removes databases beside the tests. A test that waited for it would hold up its own service, and a service that is
/// held up while it connects holds up the removal. What is left at the end goes with the server.
static REMOVER: LazyLock<mpsc::Sender<String>> = LazyLock::new(|| {
    let (sender, names) = mpsc::channel::<String>();
    std::thread::spawn(move || {
        for name in names {
            let drop = format!("DROP DATABASE {name} WITH (FORCE)");
            let _ = aside(async { connect(&server(SERVER)).await?.batch_execute(&drop).await });
        }
    });
    sender
});

/// A connection that ends with the client.
pub(super) async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
