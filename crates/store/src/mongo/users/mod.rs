//! Users in MongoDB: how one is found, and the writes that are of a whole user. Changes are in `change.rs`, names that only
//! one may have in `names.rs`, the administrator's list in `list.rs`; how one lies in its document is in `shapes`.

mod change;
mod list;
mod names;

use super::USERS;
use super::along::{self, alive, living};
use super::document;
use super::documents::Documents;
use super::guard::{self, Move, Wish};
use super::shapes::users::{id, read, written};
use super::trouble::Trouble;
use async_trait::async_trait;
use keyward_auth::records::{self, Along, Change, Search, SignIn, StoreError, User};
use keyward_auth::values::{Email, Timestamp, UserId, Username};
use mongodb::bson::{Document, doc};
use names::Names;

#[derive(Clone)]
pub(super) struct Users(pub(super) Documents);

impl Users {
    async fn one(&self, filter: Document) -> Result<Option<User>, StoreError> {
        alive(self.0.find_one(USERS, filter).await?).as_ref().map(read).transpose()
    }

    async fn add(&self, user: User, items: Vec<Document>, wish: Option<Wish>) -> Result<(), StoreError> {
        along::check(&self.0, &items).await?;
        let this = Move::new(&user);
        if let Some(wish) = wish {
            guard::begin(&self.0, &this, wish).await?;
        }
        let mut document = written(&user);
        if !items.is_empty() {
            document.insert("pending", items.clone());
        }
        let (own, names) = (id(user.id), Names::of(user.email.as_ref(), user.username.as_ref()));
        let kept = names.write(&self.0, &own, || self.0.insert(USERS, document.clone())).await;
        // Where it is unknown whether the user is there, the move goes on.
        if wish.is_some() && !matches!(kept, Err(Trouble::Failed(_))) {
            guard::close(&self.0, &this).await;
        }
        kept?.map_err(StoreError::Taken)?;
        along::drain(&self.0, USERS, &own, items).await;
        Ok(())
    }

    async fn remove(&self, user: User, items: Vec<Document>) -> Result<(), StoreError> {
        along::check(&self.0, &items).await?;
        let own = id(user.id);
        let this = Move::of(own.clone(), user.version);
        if user.is_administrator() {
            guard::begin(&self.0, &this, Wish::Leaves).await?;
        }
        let of_version = living(doc! { "_id": &own, "version": user.version });
        let buried = self.0.modify(USERS, of_version, along::burial(USERS, &items)).await;
        // Where it is unknown whether the user is gone, the move goes on.
        if user.is_administrator() && !matches!(buried, Err(Trouble::Failed(_))) {
            guard::close(&self.0, &this).await;
        }
        let grave = buried?.ok_or(StoreError::Stale)?;
        // Whatever stays is not the user's any more, and goes when somebody looks at what waits.
        if let Err(error) = along::finish(&self.0, USERS, &grave).await {
            tracing::warn!(%error, "what hung on a deleted user goes later");
        }
        Ok(())
    }
}

#[async_trait]
impl records::Users for Users {
    async fn insert(&self, user: &User, along: Along<'_>) -> Result<(), StoreError> {
        let (users, user, items) = (self.clone(), user.clone(), along::items(along));
        let wish = user.is_administrator().then_some(Wish::Joins);
        self.0.whole(async move { users.add(user, items, wish).await }).await
    }

    async fn insert_first_administrator(&self, user: &User, along: Along<'_>) -> Result<(), StoreError> {
        if !user.is_administrator() {
            return Err(StoreError::Backend("the first administrator is none".into()));
        }
        let (users, user, items) = (self.clone(), user.clone(), along::items(along));
        self.0.whole(async move { users.add(user, items, Some(Wish::First)).await }).await
    }

    async fn by_id(&self, user: UserId) -> Result<Option<User>, StoreError> {
        self.one(doc! { "_id": id(user) }).await
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        self.one(doc! { "email_key": email.key() }).await
    }

    async fn by_username(&self, username: &Username) -> Result<Option<User>, StoreError> {
        self.one(doc! { "username": username.as_str() }).await
    }

    async fn waiting_for(&self, email: &Email, most: usize) -> Result<Vec<User>, StoreError> {
        let (filter, latest) =
            (doc! { "pending_email_key": email.key() }, doc! { "updated_at": -1, "_id": -1 });
        self.0.find(USERS, filter, latest, most).await?.iter().map(read).collect()
    }

    async fn change(
        &self,
        user: UserId,
        change: &Change,
        at: Timestamp,
        along: Along<'_>,
    ) -> Result<User, StoreError> {
        let (users, change, items) = (self.clone(), change.clone(), along::items(along));
        self.0.whole(async move { change::run(&users.0, id(user), &change, at, items).await }).await
    }

    async fn signed_in(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        let (documents, user, at) = (self.0.clone(), id(sign_in.user), document::time(sign_in.at));
        let rehash = sign_in.rehash.clone();
        self.0
            .whole(async move {
                let noted = doc! { "last_login_at": at };
                if let Some((old, new)) = rehash {
                    let mut both = noted.clone();
                    both.insert("password", new.expose());
                    let of_old = living(doc! { "_id": &user, "password": old.expose() });
                    if documents.update(USERS, of_old, doc! { "$set": both }).await? {
                        return Ok(());
                    }
                }
                documents.update(USERS, living(doc! { "_id": user }), doc! { "$set": noted }).await?;
                Ok(())
            })
            .await
    }

    async fn delete(&self, user: &User, along: Along<'_>) -> Result<(), StoreError> {
        let (users, user, items) = (self.clone(), user.clone(), along::items(along));
        self.0.whole(async move { users.remove(user, items).await }).await
    }

    async fn list(&self, search: &Search) -> Result<Vec<User>, StoreError> {
        list::run(&self.0, search).await
    }

    async fn has_administrator(&self) -> Result<bool, StoreError> {
        guard::has_member(&self.0).await
    }
}
