//! The outbox in MongoDB: one document for each mail. Those that a change causes wait beside it, until somebody looks here.
//! What an operator lists is in `list.rs`.

mod list;

use super::document::{self, Update, time};
use super::documents::Documents;
use super::shapes::mails::{id, read, written};
use super::shapes::users;
use super::trouble::Trouble;
use super::{MAILS, along};
use async_trait::async_trait;
use futures_util::future::join_all;
use keyward_auth::records::{self, Mail, MailSearch, MailState, Outcome, StoreError};
use keyward_auth::values::{MailId, Timestamp};
use mongodb::bson::{Document, doc};

#[derive(Clone)]
pub(super) struct Mails(pub(super) Documents);

impl Mails {
    async fn claimed(&self, now: String, until: String, most: usize) -> Result<Vec<Mail>, StoreError> {
        let due = || doc! { "state": MailState::Waiting.as_str(), "due_at": { "$lte": &now } };
        let ids = self.0.ids(MAILS, due(), doc! { "due_at": 1, "_id": 1 }, 0, most).await?;
        let each = ids.into_iter().map(|id| {
            let mut filter = due();
            filter.insert("_id", &id);
            let claim = doc! { "$set": { "due_at": &until }, "$inc": { "attempts": 1_i64 } };
            async move { (self.0.modify(MAILS, filter, claim).await, id) }
        });
        let (mut claimed, mut trouble) = (Vec::new(), None);
        for (mail, id) in join_all(each).await {
            let mail = match mail {
                Err(Trouble::Refused(error)) => {
                    // It holds up no other, and comes again.
                    tracing::error!(%error, id = document::shown(&id), "a mail cannot be claimed");
                    let later = doc! { "$set": { "due_at": &until } };
                    trouble = self.0.update(MAILS, doc! { "_id": id }, later).await.err().or(trouble);
                    continue;
                }
                Err(error) => {
                    trouble = Some(error);
                    continue;
                }
                Ok(mail) => mail,
            };
            match mail.as_ref().map_or(Ok(None), read) {
                Ok(Some(mail)) => claimed.push(mail),
                // Whoever knows it claims it when this claim has ended.
                Ok(None) => {}
                // It holds up no other.
                Err(error) => tracing::error!(%error, "a mail cannot be sent"),
            }
        }
        // What is claimed is sent, whatever became of the others.
        match trouble {
            Some(trouble) if claimed.is_empty() => Err(trouble.into()),
            _ => Ok(claimed),
        }
    }

    /// Whether a write has met its document.
    async fn meets(&self, filter: Document, update: Document) -> Result<bool, StoreError> {
        let documents = self.0.clone();
        self.0.whole(async move { Ok(documents.update(MAILS, filter, update).await?) }).await
    }
}

#[async_trait]
impl records::Mails for Mails {
    async fn put(&self, mails: &[Mail]) -> Result<(), StoreError> {
        let (documents, mails): (_, Vec<Document>) = (self.0.clone(), mails.iter().map(written).collect());
        self.0
            .whole(async move {
                for mail in mails {
                    documents.insert(MAILS, mail).await?;
                }
                Ok(())
            })
            .await
    }

    async fn claim(&self, now: Timestamp, until: Timestamp, most: usize) -> Result<Vec<Mail>, StoreError> {
        let mails = self.clone();
        let claiming = async move {
            along::drain_all(&mails.0).await?;
            mails.claimed(time(now), time(until), most).await
        };
        self.0.whole(claiming).await
    }

    async fn settle(&self, claimed: &Mail, outcome: &Outcome) -> Result<bool, StoreError> {
        let held = doc! {
            "_id": id(claimed.id),
            "state": MailState::Waiting.as_str(),
            "due_at": time(claimed.due_at),
        };
        let (state, due_at, reason) = match outcome {
            Outcome::Sent { at } => (MailState::Sent, *at, None),
            Outcome::Again { due_at, reason } => (MailState::Waiting, *due_at, Some(reason)),
            Outcome::Dead { at, reason } => (MailState::Dead, *at, Some(reason)),
            Outcome::Dropped => {
                let documents = self.0.clone();
                return self.0.whole(async move { Ok(documents.delete(MAILS, held).await?) }).await;
            }
        };
        let mut update = Update::default();
        update.put("state", Some(state.as_str()));
        update.put("due_at", Some(time(due_at)));
        update.put("user_id", claimed.user.map(users::id));
        update.put("reason", reason.map(String::as_str));
        self.meets(held, update.whole()).await
    }

    async fn by_id(&self, mail: MailId) -> Result<Option<Mail>, StoreError> {
        let documents = self.0.clone();
        let reading = async move {
            along::drain_all(&documents).await?;
            Ok(documents.find_one(MAILS, doc! { "_id": id(mail) }).await?)
        };
        let found = self.0.whole(reading).await?;
        Ok(found.as_ref().map(read).transpose()?.flatten())
    }

    async fn list(&self, search: &MailSearch) -> Result<Vec<Mail>, StoreError> {
        let (documents, search) = (self.0.clone(), search.clone());
        let reading = async move {
            along::drain_all(&documents).await?;
            list::run(&documents, &search).await
        };
        self.0.whole(reading).await
    }

    async fn retry(&self, mail: MailId, now: Timestamp) -> Result<bool, StoreError> {
        let unsent = doc! { "_id": id(mail), "state": { "$ne": MailState::Sent.as_str() } };
        let anew = doc! { "state": MailState::Waiting.as_str(), "due_at": time(now), "attempts": 0_i64 };
        self.meets(unsent, doc! { "$set": anew, "$unset": { "reason": "" } }).await
    }

    async fn sweep(&self, before: Timestamp, most: usize) -> Result<usize, StoreError> {
        let ended = [MailState::Sent.as_str(), MailState::Dead.as_str()];
        let over = doc! { "state": { "$in": ended.to_vec() }, "due_at": { "$lt": time(before) } };
        self.0.sweep(MAILS, over, "due_at", most).await
    }
}
