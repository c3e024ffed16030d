//! Users in MongoDB: how one lies in its document, how one is found, and the writes that are of a whole user. Changes are in
//! `change.rs`, the administrator's list in `list.rs`.

mod change;
mod list;

use super::USERS;
use super::along::{self, alive, living};
use super::document::{self, Fields, Stored};
use super::documents::{Documents, pause};
use super::guard::{self, Move, Wish};
use super::trouble::Trouble;
use async_trait::async_trait;
use keyward_auth::records::{self, Along, Change, Search, SignIn, StoreError, Undone, Unique, User};
use keyward_auth::values::{
    Email, Locale, Metadata, Name, PasswordHash, Picture, Roles, SessionId, Timestamp, UserId, Username,
};
use mongodb::bson::{Bson, Document, doc};

/// How often a name is tried to be taken that others have and give up at the same time.
const TRIES: u32 = 6;

pub(super) fn id(user: UserId) -> Bson {
    document::id(user.as_bytes())
}

fn written(user: &User) -> Document {
    Fields::default()
        .with("_id", id(user.id))
        .with("version", user.version)
        .with_some("username", user.username.as_ref().map(|name| name.as_str()))
        .with_some("username_shape", user.username.as_ref().map(Username::shape))
        .with_some("email", user.email.as_ref().map(|email| email.as_str()))
        .with_some("email_key", user.email.as_ref().map(|email| email.key()))
        .with_time("email_verified_at", user.email_verified_at)
        .with_some("pending_email", user.pending_email.as_ref().map(|email| email.as_str()))
        .with_some("pending_email_key", user.pending_email.as_ref().map(|email| email.key()))
        .with_some("first_name", user.first_name.as_ref().map(|name| name.as_str()))
        .with_some("last_name", user.last_name.as_ref().map(|name| name.as_str()))
        .with_some("locale", user.locale.as_ref().map(|locale| locale.as_str()))
        .with_some("picture", user.picture.map(|picture| picture.to_string()))
        .with("metadata", user.metadata.as_str())
        .with("roles", roles(&user.roles))
        .with_time("disabled_at", user.disabled_at)
        .with_some("password", user.password.as_ref().map(|hash| hash.expose()))
        .with("epoch", user.epoch)
        .with_some("kept_session", user.kept_session.map(|session| document::id(session.as_bytes())))
        .with_some("undone", user.undone.map(undone))
        .with("created_at", document::time(user.created_at))
        .with("updated_at", document::time(user.updated_at))
        .with_time("last_login_at", user.last_login_at)
        .0
}

fn roles(roles: &Roles) -> Vec<String> {
    roles.iter().map(|role| role.as_str().to_owned()).collect()
}

/// Without a beginning, if it is all of before.
fn undone(undone: Undone) -> Document {
    let from = Some(undone.to).filter(|to| *to != Undone::all(undone.at).to);
    Fields::default().with_time("to", from).with("at", document::time(undone.at)).0
}

pub(super) fn read(document: &Document) -> Result<User, StoreError> {
    let stored = Stored::of(USERS, document);
    let undone = stored.within("undone")?;
    Ok(User {
        id: UserId::from_bytes(stored.id("_id")?),
        version: stored.int("version")?,
        username: stored.text_or_none("username")?.map(|text| Username::stored(text.to_owned())),
        email: stored.text_or_none("email")?.map(|text| Email::stored(text.to_owned())),
        email_verified_at: stored.time_or_none("email_verified_at")?,
        pending_email: stored.text_or_none("pending_email")?.map(|text| Email::stored(text.to_owned())),
        first_name: stored.text_or_none("first_name")?.map(|text| Name::stored(text.to_owned())),
        last_name: stored.text_or_none("last_name")?.map(|text| Name::stored(text.to_owned())),
        locale: stored.text_or_none("locale")?.map(|text| Locale::stored(text.to_owned())),
        picture: match stored.text_or_none("picture")? {
            Some(text) => Some(Picture::parse(text).ok_or_else(|| stored.unreadable("picture"))?),
            None => None,
        },
        metadata: Metadata::stored(stored.text("metadata")?.to_owned()),
        roles: Roles::stored(stored.texts("roles")?),
        disabled_at: stored.time_or_none("disabled_at")?,
        password: stored.text_or_none("password")?.map(|text| PasswordHash::stored(text.to_owned())),
        epoch: stored.int("epoch")?,
        kept_session: stored.id_or_none("kept_session")?.map(SessionId::from_bytes),
        undone: match undone {
            Some(undone) => {
                let at = undone.time("at")?;
                Some(Undone { to: undone.time_or_none("to")?.unwrap_or(Undone::all(at).to), at })
            }
            None => None,
        },
        created_at: stored.time("created_at")?,
        updated_at: stored.time("updated_at")?,
        last_login_at: stored.time_or_none("last_login_at")?,
    })
}

#[derive(Clone)]
pub(super) struct Users(pub(super) Documents);

impl Users {
    async fn one(&self, filter: Document) -> Result<Option<User>, StoreError> {
        alive(self.0.find_one(USERS, filter).await?).as_ref().map(read).transpose()
    }

    /// What of these names another user has: the server's refusal may not say it. None, if it was given up meanwhile.
    async fn taken(&self, own: &Bson, names: &Names) -> Result<Option<Unique>, Trouble> {
        for (field, value, unique) in names.fields() {
            if self.0.is_there(USERS, doc! { "_id": { "$ne": own }, field: value }).await? {
                return Ok(Some(unique));
            }
        }
        Ok(None)
    }

    /// Which name is another's, if it was not kept.
    async fn keep(&self, user: &User, document: Document) -> Result<Option<Unique>, Trouble> {
        let names = Names::of(user.email.as_ref(), user.username.as_ref());
        for number in 1..=TRIES {
            match self.0.insert(USERS, document.clone()).await {
                Err(Trouble::Duplicate) => match self.taken(&id(user.id), &names).await? {
                    None => pause(number).await,
                    taken => return Ok(taken),
                },
                kept => return kept.map(|()| None),
            }
        }
        Err(Trouble::Conflict)
    }

    async fn add(&self, user: User, items: Vec<Document>, wish: Option<Wish>) -> Result<(), StoreError> {
        let this = Move::new(&user);
        if let Some(wish) = wish {
            guard::begin(&self.0, &this, wish).await?;
        }
        let mut document = written(&user);
        if !items.is_empty() {
            document.insert("pending", items.clone());
        }
        let kept = self.keep(&user, document).await;
        // Where it is unknown whether the user is there, the move goes on.
        if wish.is_some() && !matches!(kept, Err(Trouble::Failed(_))) {
            let is_member = kept == Ok(None);
            guard::end(&self.0, &this, is_member).await.unwrap_or_else(|trouble| moves(&trouble));
        }
        if let Some(taken) = kept? {
            return Err(StoreError::Taken(taken));
        }
        along::drain(&self.0, USERS, &id(user.id), items).await;
        Ok(())
    }

    async fn remove(&self, user: User, items: Vec<Document>) -> Result<(), StoreError> {
        let this = Move::new(&user);
        if user.is_administrator() {
            guard::begin(&self.0, &this, Wish::Leaves).await?;
        }
        let own = id(user.id);
        let of_version = living(doc! { "_id": &own, "version": user.version });
        let buried = self.0.modify(USERS, of_version, along::burial(USERS, &items)).await;
        // Where it is unknown whether the user is gone, the move goes on.
        if user.is_administrator() && !matches!(buried, Err(Trouble::Failed(_))) {
            guard::settle(&self.0, &this).await.unwrap_or_else(|error| moves(&error));
        }
        let grave = buried?.ok_or(StoreError::Stale)?;
        // Whatever stays is not the user's any more, and goes when somebody looks at what waits.
        if let Err(error) = along::finish(&self.0, USERS, &grave).await {
            tracing::warn!(%error, "what hung on a deleted user goes later");
        }
        Ok(())
    }
}

/// The write of the user is done; whoever needs to know ends the move.
fn moves(error: &dyn std::error::Error) {
    tracing::warn!(%error, "the guard of administrators learns of a change later");
}

/// Names that only one user may have, as they are compared.
struct Names {
    email: Option<String>,
    username: Option<(String, String)>,
}

impl Names {
    fn of(email: Option<&Email>, username: Option<&Username>) -> Self {
        let shape = |name: &Username| (name.as_str().to_owned(), Username::shape(name));
        Self { email: email.map(|email| email.key().to_owned()), username: username.map(shape) }
    }

    /// One index each.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &str, Unique)> {
        let email = self.email.as_deref().map(|email| ("email_key", email, Unique::Email));
        let username = self.username.as_ref().map(|(name, shape)| {
            [("username", name.as_str(), Unique::Username), ("username_shape", shape, Unique::Username)]
        });
        email.into_iter().chain(username.into_iter().flatten())
    }
}

#[async_trait]
impl records::Users for Users {
    async fn insert(&self, user: &User, along: Along<'_>) -> Result<(), StoreError> {
        along::check(&self.0, along).await?;
        let (users, user, items) = (self.clone(), user.clone(), along::items(along));
        let wish = user.is_administrator().then_some(Wish::Joins);
        self.0.whole(async move { users.add(user, items, wish).await }).await
    }

    async fn insert_first_administrator(&self, user: &User, along: Along<'_>) -> Result<(), StoreError> {
        if !user.is_administrator() {
            return Err(StoreError::Backend("the first administrator is none".into()));
        }
        along::check(&self.0, along).await?;
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
        along::check(&self.0, along).await?;
        let (users, change, items) = (self.clone(), change.clone(), along::items(along));
        self.0.whole(async move { change::run(&users, id(user), &change, at, items).await }).await
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
        along::check(&self.0, along).await?;
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
