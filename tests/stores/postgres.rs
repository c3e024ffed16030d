//! A database of its own on the PostgreSQL that `scripts/servers` started, and a look into it. Removed in the end,
//! whoever is still connected.

use super::{TABLES, aside, server, unique};
use futures_util::TryStreamExt;
use tokio_postgres::{Client, Error, NoTls, SimpleQueryMessage};

const SERVER: &str = "KEYWARD_TEST_POSTGRES_URL";

pub(super) struct Postgres {
    pub(super) url: String,
    name: String,
}

impl Postgres {
    pub(super) async fn empty() -> Self {
        let (server, name) = (server(SERVER), unique());
        let (before, _) = server.rsplit_once('/').unwrap();
        connect(&server).await.unwrap().batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
        Self { url: format!("{before}/{name}"), name }
    }

    pub(super) async fn rows(&self, sql: &str) -> Vec<String> {
        let mut rows = Vec::new();
        for message in connect(&self.url).await.unwrap().simple_query(sql).await.unwrap() {
            if let SimpleQueryMessage::Row(row) = message {
                let texts = (0..row.len()).map(|column| row.get(column).unwrap_or("-"));
                rows.push(texts.collect::<Vec<_>>().join("|"));
            }
        }
        rows
    }

    pub(super) async fn execute(&self, sql: &str) {
        connect(&self.url).await.unwrap().batch_execute(sql).await.unwrap();
    }

    /// In the binary form, where bytes are bytes.
    pub(super) async fn stolen(&self) -> Vec<u8> {
        let client = connect(&self.url).await.unwrap();
        let mut stolen = Vec::new();
        for table in TABLES {
            let copy = client.copy_out(&format!("COPY {table} TO STDOUT (FORMAT binary)")).await.unwrap();
            stolen.extend(copy.try_collect::<Vec<_>>().await.unwrap().concat());
        }
        stolen
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE {} WITH (FORCE)", self.name);
        let dropped = aside(async { connect(&server(SERVER)).await?.batch_execute(&drop).await });
        // A test that fails tells of one thing at a time.
        assert!(dropped.is_ok() || std::thread::panicking(), "{dropped:?}");
    }
}

/// A connection that ends with the client.
async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}
