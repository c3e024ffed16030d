//! Sessions in MongoDB: one document each. What ends them all is in the user's document and not here.

use super::along::{self, alive, living, settled};
use super::document::{self, Fields, Stored, gone_at, time};
use super::documents::Documents;
use super::shapes::users;
use super::{SESSIONS, USERS};
use async_trait::async_trait;
use keyward_auth::records::{self, Along, Event, Session, StoreError, User};
use keyward_auth::values::{SessionId, Timestamp, UserId};
use mongodb::bson::{Bson, Document, doc};

fn id(session: SessionId) -> Bson {
    document::id(session.as_bytes())
}

fn written(session: &Session) -> Document {
    Fields::default()
        .with("_id", id(session.id))
        .with("user_id", users::id(session.user))
        .with("epoch", session.epoch)
        .with("generation", session.generation)
        .with("rotated_at", time(session.rotated_at))
        .with("created_at", time(session.created_at))
        .with("last_used_at", time(session.last_used_at))
        .with("idle_at", time(session.idle_at))
        .with("ends_at", time(session.ends_at))
        .with_some("address", session.address.map(|address| address.to_string()))
        .with_some("agent", session.agent.as_deref())
        .with("expires_at", time(session.expires_at()))
        // However often it is used, it ends then; the sweep takes those that end earlier.
        .with("gone_at", gone_at(session.ends_at))
        .0
}

fn read(document: &Document) -> Result<Session, StoreError> {
    let stored = Stored::of(SESSIONS, document);
    Ok(Session {
        id: SessionId::from_bytes(stored.id("_id")?),
        user: UserId::from_bytes(stored.id("user_id")?),
        epoch: stored.int("epoch")?,
        generation: stored.int("generation")?,
        rotated_at: stored.time("rotated_at")?,
        created_at: stored.time("created_at")?,
        last_used_at: stored.time("last_used_at")?,
        idle_at: stored.time("idle_at")?,
        ends_at: stored.time("ends_at")?,
        address: stored.word("address")?,
        agent: stored.text_or_none("agent")?.map(str::to_owned),
    })
}

#[derive(Clone)]
pub(super) struct Sessions(pub(super) Documents);

impl Sessions {
    async fn add(&self, session: Session, most: usize, events: &[Event]) -> Result<(), StoreError> {
        let items = along::items(Along::events(events));
        let (own, user) = (id(session.id), users::id(session.user));
        let mut document = written(&session);
        if !items.is_empty() {
            document.insert("pending", items.clone());
        }
        // Before the insert: from then on anybody may drain what waits here.
        along::check(&self.0, &items).await?;
        self.0.insert(SESSIONS, document).await?;
        // Behind it: who is deleted from now on takes this session along.
        let refused = match self.0.find_one(USERS, doc! { "_id": &user }).await {
            Ok(owner) => alive(owner).is_none().then_some(StoreError::Stale),
            Err(trouble) => Some(trouble.into()),
        };
        if let Some(error) = refused {
            self.0.delete(SESSIONS, doc! { "_id": own }).await?;
            return Err(error);
        }
        let (_, trimmed) = tokio::join!(along::drain(&self.0, SESSIONS, &own, items), self.trim(&user, most));
        trimmed
    }

    /// Ends all but the newest.
    async fn trim(&self, user: &Bson, most: usize) -> Result<(), StoreError> {
        let newest = doc! { "created_at": -1, "_id": -1 };
        let own = living(doc! { "user_id": user });
        let over = self.0.ids(SESSIONS, own, newest, most, usize::MAX).await?;
        if !over.is_empty() {
            along::delete_all(&self.0, SESSIONS, doc! { "_id": { "$in": over } }).await?;
        }
        Ok(())
    }

    async fn remove(&self, own: Bson, user: Bson, items: Vec<Document>) -> Result<bool, StoreError> {
        along::check(&self.0, &items).await?;
        let its_users = living(doc! { "_id": &own, "user_id": user });
        let Some(grave) = self.0.modify(SESSIONS, its_users, along::burial(SESSIONS, &items)).await? else {
            return Ok(false);
        };
        if let Err(error) = along::finish(&self.0, SESSIONS, &grave).await {
            tracing::warn!(%error, "events and mails of a session's end wait beside it");
        }
        Ok(true)
    }
}

#[async_trait]
impl records::Sessions for Sessions {
    async fn insert(&self, session: &Session, most: usize, events: &[Event]) -> Result<(), StoreError> {
        let (sessions, session, events) = (self.clone(), session.clone(), events.to_vec());
        self.0.whole(async move { sessions.add(session, most, &events).await }).await
    }

    async fn by_id(&self, session: SessionId) -> Result<Option<Session>, StoreError> {
        let found = self.0.find_one(SESSIONS, doc! { "_id": id(session) }).await?;
        alive(found).as_ref().map(read).transpose()
    }

    async fn with_user(
        &self,
        session: SessionId,
        user: UserId,
    ) -> Result<Option<(Session, User)>, StoreError> {
        let (session, user) = tokio::try_join!(
            self.0.find_one(SESSIONS, doc! { "_id": id(session) }),
            self.0.find_one(USERS, doc! { "_id": users::id(user) }),
        )?;
        let Some((session, user)) = alive(session).zip(alive(user)) else { return Ok(None) };
        Ok(Some((read(&session)?, users::read(&user)?)))
    }

    async fn rotate(
        &self,
        session: SessionId,
        generation: i64,
        now: Timestamp,
        idle_at: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let (documents, now, idle_at) = (self.0.clone(), time(now), time(idle_at));
        let filter = doc! { "_id": id(session), "generation": generation, "expires_at": { "$gt": &now } };
        // A pipeline, since the end hangs on another field.
        let update = vec![doc! { "$set": {
            "generation": generation + 1,
            "rotated_at": &now,
            "last_used_at": &now,
            "idle_at": &idle_at,
            "expires_at": { "$min": [&idle_at, "$ends_at"] },
        } }];
        let moved =
            self.0.whole(async move { Ok(documents.modify(SESSIONS, filter, update).await?) }).await?;
        moved.as_ref().map(read).transpose()
    }

    async fn end(&self, session: SessionId, user: UserId, along: Along<'_>) -> Result<bool, StoreError> {
        let (sessions, items) = (self.clone(), along::items(along));
        self.0.whole(async move { sessions.remove(id(session), users::id(user), items).await }).await
    }

    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        // Which have ended is seen here: of two conditions a planner may take the one that most sessions meet.
        let (own, newest) =
            (living(doc! { "user_id": users::id(user) }), doc! { "created_at": -1, "_id": -1 });
        let sessions = self.0.find(SESSIONS, own, newest, usize::MAX).await?;
        let sessions: Result<Vec<Session>, StoreError> = sessions.iter().map(read).collect();
        Ok(sessions?.into_iter().filter(|session| session.expires_at() > now).collect())
    }

    async fn forget(&self, user: UserId, epoch: i64, kept: Option<SessionId>) -> Result<(), StoreError> {
        let mut over = doc! { "user_id": users::id(user), "epoch": { "$lt": epoch } };
        if let Some(kept) = kept {
            over.insert("_id", doc! { "$ne": id(kept) });
        }
        let documents = self.0.clone();
        self.0.whole(async move { along::delete_all(&documents, SESSIONS, over).await }).await
    }

    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError> {
        let over = settled(doc! { "expires_at": { "$lte": time(now) } });
        self.0.sweep(SESSIONS, over, "expires_at", most).await
    }
}
