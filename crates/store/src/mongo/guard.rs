//! The guard of administrators: one document with those who are members, and those whose membership is just moving. Every
//! member is an active administrator, whatever races or crashes; an administrator may be no member, for a moment. So "somebody
//! else is a member" is reason enough to let one go.
//!
//! A change of administrators has three steps, each one write: it *begins* here, by which a member who leaves is none any
//! more; the user's document is written, for the very version with which it began; it *ends* here, by what that document says
//! then. While a user moves nobody else begins with that user. A move whose process died is ended by whoever is in its way:
//! the user's version is raised first, so that the write of before can never come late.

use super::along::{alive, living};
use super::documents::Documents;
use super::shapes::users;
use super::trouble::Trouble;
use super::{GUARDS, USERS};
use keyward_auth::records::{Direction, StoreError, User};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a move of somebody else's is waited for until it is ended. One that is only slow is told that it came too late.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a move is tried to be begun while others come and go.
const LIMIT: Duration = Duration::from_secs(8);
/// Between two looks at the guard.
const GLANCE: Duration = Duration::from_millis(20);

/// Of a user who is new.
const FIRST_VERSION: i64 = 1;
/// Of a move for which no user is written.
const UNWRITTEN: i64 = 0;

const NAME: &str = "administrators";

/// A user whose membership moves, with the version for which it does: an entry of the guard, which is like no other.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Move {
    user: Bson,
    version: i64,
    entry: Document,
    /// There is no such user yet.
    is_new: bool,
}

/// What a change means to the guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wish {
    /// There may be none yet.
    First,
    Joins,
    Leaves,
}

impl From<Direction> for Wish {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Joins => Self::Joins,
            Direction::Leaves => Self::Leaves,
        }
    }
}

impl Move {
    pub(super) fn new(user: &User) -> Self {
        Self { is_new: true, ..Self::of(users::id(user.id), user.version) }
    }

    pub(super) fn of(user: Bson, version: i64) -> Self {
        let entry = doc! { "user": &user, "version": version, "number": ObjectId::new() };
        Self { user, version, entry, is_new: false }
    }

    /// Of an entry that was edited by hand the version may be unknown: then no write can be for it.
    fn read(entry: &Bson) -> Option<Self> {
        let entry = entry.as_document()?.clone();
        let version = entry.get("version").and_then(|version| match version {
            Bson::Int64(version) => Some(*version),
            Bson::Int32(version) => Some((*version).into()),
            _ => None,
        });
        Some(Self {
            user: entry.get("user")?.clone(),
            version: version.unwrap_or_default(),
            entry,
            is_new: false,
        })
    }
}

/// The guard as it was read.
struct Guard {
    members: Vec<Bson>,
    moving: Vec<Move>,
    /// What is no entry.
    unreadable: Vec<Bson>,
}

impl Guard {
    /// What must end before it is known whether the wish can be granted. Whoever moves may come back.
    fn in_the_way(&self, this: &Move, wish: Wish) -> Vec<&Move> {
        let concerns = |other: &&Move| wish != Wish::Joins || other.user == this.user;
        self.moving.iter().filter(concerns).collect()
    }

    /// Whether it cannot be granted, with nothing in the way.
    fn forbids(&self, this: &Move, wish: Wish) -> bool {
        match wish {
            Wish::First => !self.members.is_empty(),
            Wish::Joins => false,
            Wish::Leaves => self.members.iter().all(|member| *member == this.user),
        }
    }
}

/// The guard's document, where it is missing.
pub(super) async fn prepare(documents: &Documents) -> Result<(), Trouble> {
    let empty = doc! { "$setOnInsert": { "members": [], "moving": [] } };
    documents.upsert(GUARDS, doc! { "_id": NAME }, empty).await.map(drop)
}

/// Begins a move, or says `Guarded`; `Stale` if the user is of another version than the move by now.
pub(super) async fn begin(documents: &Documents, this: &Move, wish: Wish) -> Result<(), StoreError> {
    let begun = Instant::now();
    let mut seen: Vec<(Move, Instant)> = Vec::new();
    while begun.elapsed() < LIMIT {
        if documents.update(GUARDS, condition(this, wish), start(this)).await? {
            if !is_true(documents, this, wish).await? {
                settle(documents, this).await?;
                return Err(StoreError::Guarded);
            }
            return Ok(());
        }
        if !this.is_new && !is_of(documents, this).await? {
            return Err(StoreError::Stale);
        }
        let guard = read(documents).await?;
        let in_the_way = guard.in_the_way(this, wish);
        if guard.forbids(this, wish) && (in_the_way.is_empty() || wish == Wish::First) {
            return Err(StoreError::Guarded);
        }
        seen.retain(|(other, _)| in_the_way.contains(&other));
        for other in in_the_way {
            match seen.iter().find(|(known, _)| known == other) {
                None => seen.push((other.clone(), Instant::now())),
                Some((_, since)) if since.elapsed() > PATIENCE => resolve(documents, other).await?,
                Some(_) => {}
            }
        }
        sleep(GLANCE).await;
    }
    Err(StoreError::Backend(format!("{GUARDS}: administrators come and go all the time")))
}

/// Whether the users say the same as the guard: it may have been restored, or they changed, by somebody else than Keyward.
async fn is_true(documents: &Documents, this: &Move, wish: Wish) -> Result<bool, Trouble> {
    if wish == Wish::Joins {
        return Ok(true);
    }
    let mut others = all(documents).await?.into_iter().filter(|user| user.get("_id") != Some(&this.user));
    Ok(others.any(is_administrator) == (wish == Wish::Leaves))
}

/// Of the guard, that the wish may be granted.
fn condition(this: &Move, wish: Wish) -> Document {
    let user = &this.user;
    let mut condition = doc! { "_id": NAME, "moving.user": { "$ne": user } };
    // What is no list is made one first.
    let (mut members, mut moving) = (doc! { "$type": "array" }, doc! { "$type": "array" });
    match wish {
        Wish::First => {
            members.insert("$eq", Bson::Array(Vec::new()));
            moving.insert("$eq", Bson::Array(Vec::new()));
        }
        Wish::Joins => {}
        Wish::Leaves => drop(members.insert("$elemMatch", doc! { "$ne": user })),
    }
    condition.insert("members", members);
    condition.insert("moving", moving);
    condition
}

/// Whoever moves is no member until it is known what came of it.
fn start(this: &Move) -> Document {
    doc! { "$pull": { "members": &this.user }, "$push": { "moving": &this.entry } }
}

/// Ends a move behind the write that it was for. Should that fail, whoever needs to know ends it.
pub(super) async fn close(documents: &Documents, this: &Move) {
    if let Err(error) = settle(documents, this).await {
        tracing::warn!(%error, "the guard of administrators learns of a change later");
    }
}

/// Ends a move, if nobody else has: the user is a member then, or is not.
async fn end(documents: &Documents, this: &Move, is_member: bool) -> Result<(), Trouble> {
    let mut update = doc! { "$pullAll": { "moving": [&this.entry] } };
    if is_member {
        update.insert("$addToSet", doc! { "members": &this.user });
    }
    documents.update(GUARDS, doc! { "_id": NAME, "moving": &this.entry }, update).await.map(drop)
}

/// Ends a move of somebody else's by what the user's document says now, once the write of it can come no more.
async fn resolve(documents: &Documents, other: &Move) -> Result<(), StoreError> {
    let of_version = doc! { "_id": &other.user, "version": other.version };
    documents.update(USERS, of_version, doc! { "$inc": { "version": 1_i64 } }).await?;
    if other.version == FIRST_VERSION {
        // A new user's may still come: so there is a document of that id, which is nobody.
        let grave = doc! { "$setOnInsert": { "deleted": true } };
        documents.upsert(USERS, doc! { "_id": &other.user }, grave).await?;
    }
    settle(documents, other).await
}

/// Ends a move by what the user's document says.
async fn settle(documents: &Documents, this: &Move) -> Result<(), StoreError> {
    let user = documents.find_one(USERS, doc! { "_id": &this.user }).await?;
    Ok(end(documents, this, user.is_some_and(is_administrator)).await?)
}

/// The documents of which [`is_administrator`] may be true.
async fn all(documents: &Documents) -> Result<Vec<Document>, Trouble> {
    let administrators = living(doc! { "roles": "admin", "disabled_at": { "$exists": false } });
    documents.find(USERS, administrators, doc! { "_id": 1 }, usize::MAX).await
}

/// Whoever cannot be read is none.
fn is_administrator(user: Document) -> bool {
    alive(Some(user)).is_some_and(|user| users::read(&user).is_ok_and(|user| user.is_administrator()))
}

/// Whether the user is there, and of the version of the move.
async fn is_of(documents: &Documents, this: &Move) -> Result<bool, StoreError> {
    let filter = doc! { "_id": &this.user, "version": this.version };
    Ok(documents.find_one(USERS, filter).await?.is_some())
}

/// Where somebody has taken the document away, or a list in it, it is made again.
async fn read(documents: &Documents) -> Result<Guard, StoreError> {
    if let Some(guard) = look(documents).await? {
        return Ok(guard);
    }
    make_again(documents).await?;
    Box::pin(repair(documents)).await?;
    let lost = || StoreError::Backend(format!("{GUARDS}: the document {NAME} cannot be read"));
    look(documents).await?.ok_or_else(lost)
}

async fn look(documents: &Documents) -> Result<Option<Guard>, StoreError> {
    let guard = documents.find_one(GUARDS, doc! { "_id": NAME }).await?.unwrap_or_default();
    let (Ok(members), Ok(entries)) = (guard.get_array("members"), guard.get_array("moving")) else {
        return Ok(None);
    };
    let (readable, unreadable): (Vec<&Bson>, Vec<&Bson>) =
        entries.iter().partition(|entry| Move::read(entry).is_some());
    Ok(Some(Guard {
        members: members.clone(),
        moving: readable.into_iter().filter_map(Move::read).collect(),
        unreadable: unreadable.into_iter().cloned().collect(),
    }))
}

/// With empty lists, where there are none.
async fn make_again(documents: &Documents) -> Result<(), StoreError> {
    prepare(documents).await?;
    let guard = documents.find_one(GUARDS, doc! { "_id": NAME }).await?.unwrap_or_default();
    for list in ["members", "moving"] {
        if guard.get_array(list).is_err() {
            let wrong = match guard.get(list) {
                Some(value) => doc! { "_id": NAME, list: value },
                None => doc! { "_id": NAME, list: { "$exists": false } },
            };
            documents.update(GUARDS, wrong, doc! { "$set": { list: [] } }).await?;
        }
    }
    Ok(())
}

/// Whether there is an administrator.
pub(super) async fn has_member(documents: &Documents) -> Result<bool, StoreError> {
    let guard = read(documents).await?;
    if !guard.members.is_empty() {
        return Ok(true);
    }
    for other in guard.moving {
        let user = documents.find_one(USERS, doc! { "_id": other.user }).await?;
        if user.is_some_and(is_administrator) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// At a start: ends what a crash has left, and has members be those who are administrators, whoever has written that.
pub(super) async fn repair(documents: &Documents) -> Result<(), StoreError> {
    make_again(documents).await?;
    let Some(before) = look(documents).await? else { return Ok(()) };
    if !before.unreadable.is_empty() {
        let rubbish = doc! { "$pullAll": { "moving": before.unreadable } };
        documents.update(GUARDS, doc! { "_id": NAME }, rubbish).await?;
    }
    if !before.moving.is_empty() {
        sleep(PATIENCE).await;
    }
    let Some(guard) = look(documents).await? else { return Ok(()) };
    for dead in guard.moving.iter().filter(|this| before.moving.contains(this)) {
        resolve(documents, dead).await?;
    }
    let administrators = all(documents).await?.into_iter().filter(|user| is_administrator(user.clone()));
    let administrators: Vec<Bson> = administrators.filter_map(|mut user| user.remove("_id")).collect();
    let missing = administrators.iter().filter(|user| !guard.members.contains(user));
    let wrong = guard.members.iter().filter(|member| !administrators.contains(member));
    for user in missing.chain(wrong) {
        look_anew(documents, Move::of(user.clone(), UNWRITTEN)).await?;
    }
    Ok(())
}

/// Whether one user is a member. While the entry stands, nobody changes what it is about; and where there is one already,
/// that one sees to it.
async fn look_anew(documents: &Documents, this: Move) -> Result<(), StoreError> {
    if documents.update(GUARDS, condition(&this, Wish::Joins), start(&this)).await? {
        settle(documents, &this).await?;
    }
    Ok(())
}
