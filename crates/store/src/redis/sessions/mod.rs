//! Sessions in Redis: a hash each, which is gone by itself soon after its session has expired, and for each user a
//! sorted set of the ids. The set is only a list: whether a session lives is said by its hash, by the user's row in the
//! main store, and by the clock.

mod hash;
mod scripts;

use super::Shared;
use super::intents;
use super::stay::{LONGEST, SLACK, millis, stay};
use super::trouble::Failure;
use async_trait::async_trait;
use futures_util::future::join;
use hash::{FIELDS, fields, read};
use keyward_auth::records::{self, Along, Audit, Event, Session, StoreError, User, Users};
use keyward_auth::values::{SessionId, Timestamp, UserId};
use redis::{Cmd, Pipeline, Value};
use scripts::{END, KEEP, LIST, ROTATE};
use std::sync::Arc;

pub(super) struct Sessions {
    pub(super) shared: Arc<Shared>,
    /// Of the main store.
    pub(super) users: Arc<dyn Users>,
    pub(super) audit: Arc<dyn Audit>,
    /// Those that the main store kept before there was a Redis.
    pub(super) earlier: Arc<dyn records::Sessions>,
}

impl Sessions {
    fn key(&self, id: SessionId) -> String {
        format!("{}:s:{{{id}}}", self.shared.prefix)
    }

    fn list_key(&self, user: UserId) -> String {
        format!("{}:u:{{{user}}}", self.shared.prefix)
    }

    fn fetch(&self, id: SessionId) -> Cmd {
        let mut command = redis::cmd("HMGET");
        command.arg(self.key(id)).arg(&FIELDS);
        command
    }

    /// The hash first and then its place in the list: what is listed is there, or over.
    async fn keep(&self, session: &Session, most: usize) -> Result<(), Failure> {
        let connection = &self.shared.connection;
        let key = self.key(session.id);
        let ttl = stay(session.expires_at(), session.last_used_at);
        KEEP.run(connection, &key, (ttl, fields(session))).await?;

        let (list, id) = (self.list_key(session.user), session.id.to_string());
        let ttl = stay(session.ends_at, session.last_used_at);
        let rank = -1 - i64::try_from(most).unwrap_or(i64::MAX - 1);
        let arguments = (id, session.created_at.as_micros(), ttl, rank);
        let surplus = match LIST.run(connection, &list, arguments).await {
            Ok(surplus) => ids(surplus),
            Err(failure) => return Err(self.take_back(&key, failure).await),
        };
        if !surplus.is_empty()
            && let Err(error) = self.trim(session.user, most).await
        {
            // They are still listed: the next sign-in ends them.
            tracing::warn!(%error, "a user's oldest sessions were not ended");
        }
        Ok(())
    }

    /// Ends all but a user's newest sessions. Places of those that are over go as well, and count for nothing.
    async fn trim(&self, user: UserId, most: usize) -> Result<(), StoreError> {
        let (live, over): (Vec<_>, Vec<_>) =
            self.listed(user).await?.into_iter().partition(|(_, session)| session.is_some());
        let surplus = live.into_iter().skip(most).chain(over);
        let surplus: Vec<SessionId> = surplus.map(|(id, _)| id).collect();
        Ok(self.remove(user, &surplus).await?)
    }

    /// Removes what could not be listed; nobody has its tokens yet.
    async fn take_back(&self, key: &str, failure: Failure) -> Failure {
        let text = StoreError::from(failure).to_string();
        match self.shared.connection.ask(redis::cmd("DEL").arg(key)).await {
            Ok(_) => Failure::Refused(text),
            Err(_) => Failure::Unknown(text),
        }
    }

    /// Removes sessions of a user, and then their places in the list.
    async fn remove(&self, user: UserId, ids: &[SessionId]) -> Result<(), Failure> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut commands = Pipeline::new();
        for id in ids {
            commands.cmd("DEL").arg(self.key(*id));
        }
        commands.cmd("ZREM").arg(self.list_key(user));
        for id in ids {
            commands.arg(id.to_string());
        }
        self.shared.connection.ask_all(&commands).await.map(drop)
    }

    /// Those that are listed, newest first, each as it is kept: `None` if it is over.
    async fn listed(&self, user: UserId) -> Result<Vec<(SessionId, Option<Session>)>, StoreError> {
        let connection = &self.shared.connection;
        let listed = connection.ask(redis::cmd("ZREVRANGE").arg(self.list_key(user)).arg(0).arg(-1)).await?;
        let ids = ids(listed);
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let mut commands = Pipeline::with_capacity(ids.len());
        for id in &ids {
            commands.add_command(self.fetch(*id));
        }
        let kept = connection.ask_all(&commands).await?;
        ids.into_iter().zip(kept).map(|(id, value)| Ok((id, read(id, value)?))).collect()
    }
}

#[async_trait]
impl records::Sessions for Sessions {
    async fn insert(&self, session: &Session, most: usize, events: &[Event]) -> Result<(), StoreError> {
        let keep = async {
            self.keep(session, most).await?;
            // Looked for now that the session is listed: whoever deletes the user later removes it with the others.
            match self.users.by_id(session.user).await {
                Ok(Some(_)) => Ok(Some(())),
                Ok(None) => self.remove(session.user, &[session.id]).await.map(|()| None),
                Err(error) => Err(Failure::Unknown(error.to_string())),
            }
        };
        intents::around(&*self.audit, Along::events(events), keep).await?.ok_or(StoreError::Stale)
    }

    async fn by_id(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        read(id, self.shared.connection.ask(&self.fetch(id)).await?)
    }

    async fn with_user(&self, id: SessionId, user: UserId) -> Result<Option<(Session, User)>, StoreError> {
        // Redis first: it works while the main store is asked.
        let (session, user) = join(self.by_id(id), self.users.by_id(user)).await;
        Ok(session?.zip(user?))
    }

    async fn rotate(
        &self,
        id: SessionId,
        generation: i64,
        now: Timestamp,
        idle_at: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let numbers = [generation, generation.saturating_add(1), now.as_micros(), idle_at.as_micros()];
        let bounds = [millis(SLACK), millis(LONGEST)];
        let arguments = (&numbers[..], &bounds[..], &FIELDS[..]);
        match ROTATE.run(&self.shared.connection, &self.key(id), arguments).await? {
            Value::Nil => Ok(None),
            kept => read(id, kept),
        }
    }

    async fn end(&self, id: SessionId, user: UserId, along: Along<'_>) -> Result<bool, StoreError> {
        // Looked at first, so that what is not there costs the main store no write.
        if self.by_id(id).await?.is_none_or(|session| session.user != user) {
            return Ok(false);
        }
        let end = async {
            let ended = END.run(&self.shared.connection, &self.key(id), user.to_string()).await?;
            Ok((ended == Value::Int(1)).then_some(()))
        };
        let ended = intents::around(&*self.audit, along, end).await?.is_some();
        if ended {
            // Only a place in a list.
            let _ = self.remove(user, &[id]).await;
        }
        Ok(ended)
    }

    async fn of_user(&self, user: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError> {
        let listed = self.listed(user).await?;
        let over: Vec<SessionId> =
            listed.iter().filter(|(_, kept)| kept.is_none()).map(|(id, _)| *id).collect();
        if let Err(failure) = self.remove(user, &over).await {
            tracing::debug!(error = %StoreError::from(failure), "places of sessions that are over stay in a list");
        }
        let mut sessions: Vec<Session> = listed.into_iter().filter_map(|(_, kept)| kept).collect();
        sessions.retain(|session| session.user == user && now < session.expires_at());
        Ok(sessions)
    }

    async fn forget(&self, user: UserId, epoch: i64, kept: Option<SessionId>) -> Result<(), StoreError> {
        let mut listed = self.listed(user).await?;
        listed.retain(|(id, session)| match session {
            Some(session) => session.user == user && session.epoch < epoch && kept != Some(*id),
            None => true,
        });
        let over: Vec<SessionId> = listed.into_iter().map(|(id, _)| id).collect();
        Ok(self.remove(user, &over).await?)
    }

    /// Redis does it by itself; what the main store kept before there was one still goes in its time.
    async fn sweep(&self, now: Timestamp, most: usize) -> Result<usize, StoreError> {
        self.earlier.sweep(now, most).await
    }
}

/// The ids of a list. What is none was put there by somebody else.
fn ids(list: Value) -> Vec<SessionId> {
    let texts: Vec<String> = redis::from_redis_value(list).unwrap_or_default();
    texts.iter().filter_map(|text| text.parse().ok()).collect()
}
