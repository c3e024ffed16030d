//! The guard of administrators: one document with those who are members, and those whose membership is just moving. Every
//! member is an active administrator, whatever races or crashes; an administrator may be no member, for a moment. So "somebody
//! else is a member" is reason enough to let one go.
//!
//! A change of administrators has three steps, each one write: it *begins* here, by which a member who leaves is none any
//! more; the user's document is written, for the very version with which it began; it *ends* here, by what that document says
//! then. While a user moves nobody else begins with that user. A move whose process died is ended by whoever is in its way:
//! the user's version is raised first, so that the write of before can never come late.

use super::documents::Documents;
use super::trouble::Trouble;
use super::{GUARDS, USERS};
use keyward_auth::records::{Direction, StoreError, User};
use mongodb::bson::{Bson, Document, doc};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a move of somebody else's is waited for until it is taken for dead. Longer than any that lives takes.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(20);

const NAME: &str = "administrators";

/// A user whose membership moves, with the version for which it does.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Move {
    user: Bson,
    version: i64,
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
        Self::of(super::document::id(user.id.as_bytes()), user.version)
    }

    pub(super) fn of(user: Bson, version: i64) -> Self {
        Self { user, version }
    }

    fn entry(&self) -> Document {
        doc! { "user": self.user.clone(), "version": self.version }
    }

    fn read(entry: &Document) -> Option<Self> {
        Some(Self { user: entry.get("user")?.clone(), version: entry.get_i64("version").ok()? })
    }
}

/// The guard's document, where it is missing.
pub(super) async fn prepare(documents: &Documents) -> Result<(), Trouble> {
    let empty = doc! { "$setOnInsert": { "members": [], "moving": [] } };
    documents.upsert(GUARDS, doc! { "_id": NAME }, empty).await.map(drop)
}

/// Begins a move, or says `Guarded`; `Stale` if the user is of another version than the move by now.
pub(super) async fn begin(documents: &Documents, this: &Move, wish: Wish) -> Result<(), StoreError> {
    let mut since = Instant::now();
    let mut in_the_way = Vec::new();
    loop {
        if documents.update(GUARDS, condition(this, wish), start(this)).await? {
            return Ok(());
        }
        let (members, moving) = read(documents).await?;
        if wish != Wish::First && !is_of(documents, this).await? {
            return Err(StoreError::Stale);
        }
        let others: Vec<Move> = match wish {
            Wish::First if members > 0 => return Err(StoreError::Guarded),
            // Whoever moves may come back.
            Wish::First | Wish::Leaves => moving,
            Wish::Joins => moving.into_iter().filter(|other| other.user == this.user).collect(),
        };
        match (others.is_empty(), wish) {
            // Somebody has ended meanwhile: the condition holds now, or it never will.
            (true, _) if !in_the_way.is_empty() => in_the_way.clear(),
            (true, Wish::Joins) => {}
            (true, _) => return Err(StoreError::Guarded),
            (false, _) if others != in_the_way => (in_the_way, since) = (others, Instant::now()),
            (false, _) if since.elapsed() < PATIENCE => sleep(PAUSE).await,
            (false, _) => {
                for dead in &others {
                    resolve(documents, dead).await?;
                }
            }
        }
    }
}

/// Of the guard, that the wish may be granted.
fn condition(this: &Move, wish: Wish) -> Document {
    let user = &this.user;
    match wish {
        Wish::First => {
            doc! { "_id": NAME, "members.0": { "$exists": false }, "moving.0": { "$exists": false } }
        }
        Wish::Joins => doc! { "_id": NAME, "moving.user": { "$ne": user } },
        Wish::Leaves => {
            doc! { "_id": NAME, "moving.user": { "$ne": user }, "members": { "$elemMatch": { "$ne": user } } }
        }
    }
}

/// Whoever moves is no member until it is known what came of it.
fn start(this: &Move) -> Document {
    doc! { "$pull": { "members": &this.user }, "$push": { "moving": this.entry() } }
}

/// Ends a move, if nobody else has: the user is a member then, or is not.
pub(super) async fn end(documents: &Documents, this: &Move, is_member: bool) -> Result<(), Trouble> {
    let mut update = doc! { "$pull": { "moving": this.entry() } };
    if is_member {
        update.insert("$addToSet", doc! { "members": &this.user });
    }
    let entry = doc! { "_id": NAME, "moving": { "$elemMatch": this.entry() } };
    documents.update(GUARDS, entry, update).await.map(drop)
}

/// Ends a move by what the user's document says now, where the write of it is over, or can be kept from coming.
pub(super) async fn resolve(documents: &Documents, dead: &Move) -> Result<(), StoreError> {
    // A document of that version could be written still, and so could a new one.
    let of_version = doc! { "_id": &dead.user, "version": dead.version };
    documents.update(USERS, of_version, doc! { "$inc": { "version": 1_i64 } }).await?;
    let grave = doc! { "$setOnInsert": { "deleted": true } };
    documents.upsert(USERS, doc! { "_id": &dead.user }, grave).await?;
    settle(documents, dead).await
}

/// Ends a move by what the user's document says.
pub(super) async fn settle(documents: &Documents, this: &Move) -> Result<(), StoreError> {
    let user = documents.find_one(USERS, doc! { "_id": &this.user }).await?;
    Ok(end(documents, this, user.is_some_and(|user| is_administrator(&user))).await?)
}

/// As [`User::is_administrator`], of the document.
pub(super) fn is_administrator(user: &Document) -> bool {
    let has_role =
        user.get_array("roles").is_ok_and(|roles| roles.iter().any(|role| role.as_str() == Some("admin")));
    has_role && user.get("disabled_at").is_none() && user.get("deleted").is_none()
}

/// Whether the user is there, and of the version of the move.
async fn is_of(documents: &Documents, this: &Move) -> Result<bool, StoreError> {
    let filter = doc! { "_id": &this.user, "version": this.version };
    Ok(documents.find_one(USERS, filter).await?.is_some())
}

/// How many members there are, and who moves.
async fn read(documents: &Documents) -> Result<(usize, Vec<Move>), StoreError> {
    let lost = || StoreError::Backend(format!("{GUARDS}: the document {NAME} is missing"));
    let guard = documents.find_one(GUARDS, doc! { "_id": NAME }).await?.ok_or_else(lost)?;
    let moving = guard.get_array("moving").map_err(|_| lost())?;
    let moving = moving.iter().filter_map(|entry| Move::read(entry.as_document()?)).collect();
    Ok((guard.get_array("members").map_err(|_| lost())?.len(), moving))
}

/// Whether there is an administrator.
pub(super) async fn has_member(documents: &Documents) -> Result<bool, StoreError> {
    let (members, moving) = read(documents).await?;
    if members > 0 || moving.is_empty() {
        return Ok(members > 0);
    }
    for other in &moving {
        if documents
            .find_one(USERS, doc! { "_id": &other.user })
            .await?
            .is_some_and(|user| is_administrator(&user))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// At a start: ends what a crash has left, and has members be those who are administrators, whoever has written that.
pub(super) async fn repair(documents: &Documents) -> Result<(), StoreError> {
    let (_, moving) = read(documents).await?;
    if !moving.is_empty() {
        sleep(PATIENCE).await;
        let (_, still) = read(documents).await?;
        for dead in still.iter().filter(|this| moving.contains(this)) {
            resolve(documents, dead).await?;
        }
    }
    let guard = documents.find_one(GUARDS, doc! { "_id": NAME }).await?.unwrap_or_default();
    let members = guard.get_array("members").cloned().unwrap_or_default();
    let administrators =
        doc! { "roles": "admin", "disabled_at": { "$exists": false }, "deleted": { "$exists": false } };
    let administrators = documents.find(USERS, administrators, doc! { "_id": 1 }, usize::MAX).await?;
    let known = |user: &Bson| members.contains(user);
    let missing = administrators.iter().filter(|user| user.get("_id").is_some_and(|id| !known(id)));
    let is_one = |member: &&Bson| administrators.iter().any(|user| user.get("_id") == Some(*member));
    let wrong: Vec<&Bson> = members.iter().filter(|member| !is_one(member)).collect();
    for user in missing {
        let (Some(id), Ok(version)) = (user.get("_id"), user.get_i64("version")) else { continue };
        again(documents, &Move::of(id.clone(), version)).await?;
    }
    for member in wrong {
        again(documents, &Move::of(member.clone(), 0)).await?;
    }
    Ok(())
}

/// Looks at one user anew: while the entry stands, nobody changes what it is about.
async fn again(documents: &Documents, this: &Move) -> Result<(), StoreError> {
    if !documents.update(GUARDS, condition(this, Wish::Joins), start(this)).await? {
        // One that moves: by a process that lives, or by one that does not.
        let (_, moving) = read(documents).await?;
        for other in moving.iter().filter(|other| other.user == this.user) {
            resolve(documents, other).await?;
        }
        return Ok(());
    }
    settle(documents, this).await
}
