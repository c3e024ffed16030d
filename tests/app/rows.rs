//! A look into the stores behind the service's back: what is there, and that nothing came or went.

use super::{Reply, Request, TestApp};
use crate::stores::{Kept, Place, objects_in};
use std::collections::BTreeMap;

impl TestApp {
    pub(crate) fn place(&self) -> &Place {
        &self.ground.place
    }

    /// One row a line, its values divided by `|`; nothing is `-`.
    pub(crate) async fn rows(&self, sql: &str) -> Vec<String> {
        self.place().rows(sql).await
    }

    pub(crate) async fn execute(&self, sql: &str) {
        self.place().execute(sql).await;
    }

    pub(crate) async fn count(&self, table: &str) -> usize {
        self.place().count(table).await
    }

    /// All sessions that are kept, by their ids.
    pub(crate) async fn sessions(&self) -> Vec<Kept> {
        self.place().sessions().await
    }

    /// The kinds of all events, in the order in which they were kept.
    pub(crate) async fn events(&self) -> Vec<String> {
        self.place().events("kind").await
    }

    /// These columns of all events, in the order in which they were kept.
    pub(crate) async fn events_with(&self, columns: &str) -> Vec<String> {
        self.place().events(columns).await
    }

    /// How many events of this kind there are.
    pub(crate) async fn noted(&self, kind: &str) -> usize {
        self.events().await.iter().filter(|noted| *noted == kind).count()
    }

    /// Everything that is kept.
    pub(crate) async fn everything(&self) -> Vec<String> {
        self.place().everything().await
    }

    /// The objects of pictures, by their names.
    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        if let Some(folder) = self.pictures() {
            return objects_in(&folder);
        }
        let mut objects = objects_in(&self.place().bucket().unwrap());
        // There are no folders in S3.
        objects.retain(|name, _| !name.ends_with('/'));
        objects
    }

    /// The bytes that a thief of the stores would have.
    pub(crate) async fn stolen(&self) -> Vec<u8> {
        self.place().stolen().await
    }

    /// The request is refused so, and nothing else happened: no row, no event.
    pub(crate) async fn refused(
        &self,
        name: &str,
        request: &Request,
        status: u16,
        code: &str,
        pointer: &str,
    ) -> Reply {
        let before = self.everything().await;
        let reply = self.send(request).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{name}: {reply}");
        let expected: Vec<&str> = Some(pointer).filter(|pointer| !pointer.is_empty()).into_iter().collect();
        assert_eq!(reply.pointers(), expected, "{name}: {reply}");
        assert_eq!(self.everything().await, before, "{name}: something else happened");
        reply
    }

    /// The request is refused so, and one event of this kind is all that happened.
    pub(crate) async fn refused_and_noted(
        &self,
        name: &str,
        request: &Request,
        status: u16,
        code: &str,
        event: &str,
    ) {
        let before = self.everything().await;
        let reply = self.send(request).await;
        assert_eq!((reply.status, reply.code().as_str()), (status, code), "{name}: {reply}");
        let mut after = self.everything().await;
        let new =
            after.iter().position(|row| !before.contains(row)).unwrap_or_else(|| panic!("{name}: no event"));
        let row = after.remove(new);
        assert!(row.starts_with("keyward_events: ") && row.contains(&format!("|{event}|")), "{name}: {row}");
        assert_eq!(after, before, "{name}: something else happened");
    }
}
