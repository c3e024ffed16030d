//! Users in SQL: how one lies in its row, how one is found, and the small writes. Changes are in `change.rs`, the
//! administrator's list in `list.rs`.

mod change;
mod list;

use super::row::{Record, Row, Unreadable};
use super::statement::{Statement, Steps};
use super::value::Value;
use super::{Sql, along, codes, guard, mails};
use async_trait::async_trait;
use keyward_auth::records::{self, Along, Change, Direction, Search, SignIn, StoreError, Undone, User};
use keyward_auth::values::{
    Email, Locale, Metadata, Name, PasswordHash, Picture, Roles, SessionId, Timestamp, UserId, Username,
};

macro_rules! columns {
    () => {
        columns!("")
    };
    ($of:literal) => {
        $crate::sql::row::names!(
            $of: id, version, username, email, email_verified_at, pending_email, first_name, last_name, locale,
            metadata, roles, disabled_at, password, epoch, kept_session, created_at, updated_at, last_login_at,
            undone_to, undone_at, picture
        )
    };
}
pub(super) use columns;

static USER: Record<User> = Record { table: "keyward_users", columns: columns!(), read };

static BY_ID: Statement = Statement::new(concat!("SELECT ", columns!(), " FROM keyward_users WHERE id = $1"));
static BY_EMAIL: Statement =
    Statement::new(concat!("SELECT ", columns!(), " FROM keyward_users WHERE email_key = $1"));
static BY_USERNAME: Statement =
    Statement::new(concat!("SELECT ", columns!(), " FROM keyward_users WHERE username = $1"));
static WAITING_FOR: Statement = Statement::new(concat!(
    "SELECT ",
    columns!(),
    " FROM keyward_users WHERE pending_email_key = $1 ORDER BY updated_at DESC, id DESC LIMIT $2"
));
static INSERT: Statement = Statement::new(concat!(
    "INSERT INTO keyward_users (",
    columns!(),
    ", email_key, username_shape, pending_email_key) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24)"
));
/// One write, though a hash may have to be replaced as well.
static SIGNED_IN: Statement = Statement::new(
    "UPDATE keyward_users SET last_login_at = $2, password = CASE WHEN password = $3 THEN $4 ELSE password END \
     WHERE id = $1",
);
static IS_OF_VERSION: Statement =
    Statement::new("SELECT id FROM keyward_users WHERE id = $1 AND version = $2");
static DELETE: Statement = Statement::new("DELETE FROM keyward_users WHERE id = $1 AND version = $2");

pub(super) fn read(row: &Row<'_>) -> Result<User, Unreadable> {
    Ok(User {
        id: row.id(0)?,
        version: row.int(1)?,
        username: row.text_or_none(2)?.map(|text| Username::stored(text.to_owned())),
        email: row.text_or_none(3)?.map(|text| Email::stored(text.to_owned())),
        email_verified_at: row.time_or_none(4)?,
        pending_email: row.text_or_none(5)?.map(|text| Email::stored(text.to_owned())),
        first_name: row.text_or_none(6)?.map(|text| Name::stored(text.to_owned())),
        last_name: row.text_or_none(7)?.map(|text| Name::stored(text.to_owned())),
        locale: row.text_or_none(8)?.map(|text| Locale::stored(text.to_owned())),
        metadata: Metadata::stored(row.text(9)?.to_owned()),
        roles: Roles::stored(row.text(10)?.split(' ').filter(|name| !name.is_empty())),
        disabled_at: row.time_or_none(11)?,
        password: row.text_or_none(12)?.map(|text| PasswordHash::stored(text.to_owned())),
        epoch: row.int(13)?,
        kept_session: row.word(14, str::parse::<SessionId>)?,
        created_at: row.time(15)?,
        updated_at: row.time(16)?,
        last_login_at: row.time_or_none(17)?,
        undone: row.time_or_none(18)?.zip(row.time_or_none(19)?).map(|(to, at)| Undone { to, at }),
        picture: row.word(20, |text| Picture::parse(text).ok_or(()))?,
    })
}

fn values(user: &User) -> Vec<Value<'static>> {
    vec![
        user.id.into(),
        user.version.into(),
        user.username.as_ref().map(|name| name.as_str().to_owned()).into(),
        user.email.as_ref().map(|email| email.as_str().to_owned()).into(),
        user.email_verified_at.into(),
        user.pending_email.as_ref().map(|email| email.as_str().to_owned()).into(),
        user.first_name.as_ref().map(|name| name.as_str().to_owned()).into(),
        user.last_name.as_ref().map(|name| name.as_str().to_owned()).into(),
        user.locale.as_ref().map(|locale| locale.as_str().to_owned()).into(),
        user.metadata.as_str().to_owned().into(),
        written(&user.roles).into(),
        user.disabled_at.into(),
        user.password.as_ref().map(|hash| hash.expose().to_owned()).into(),
        user.epoch.into(),
        user.kept_session.into(),
        user.created_at.into(),
        user.updated_at.into(),
        user.last_login_at.into(),
        user.undone.map(|undone| undone.to).into(),
        user.undone.map(|undone| undone.at).into(),
        user.picture.map(|picture| picture.to_string()).into(),
        user.email.as_ref().map(|email| email.key().to_owned()).into(),
        user.username.as_ref().map(Username::shape).into(),
        user.pending_email.as_ref().map(|email| email.key().to_owned()).into(),
    ]
}

/// Roles with a space around each: ` admin user `.
fn written(roles: &Roles) -> String {
    roles.iter().fold(" ".to_owned(), |text, role| text + role.as_str() + " ")
}

/// The guard lets an administrator go. A caller whose user is stale learns that rather than `Guarded`, since it will
/// decide again: whoever else makes this one leave is through when the guard is locked.
fn leave(steps: &mut Steps, id: UserId, version: i64) {
    guard::lock(steps);
    steps.hit(&IS_OF_VERSION, vec![id.into(), version.into()], StoreError::Stale);
    guard::pass(steps, Direction::Leaves);
}

pub(crate) struct Users(pub(crate) Sql);

#[async_trait]
impl records::Users for Users {
    async fn insert(&self, user: &User, along: Along<'_>) -> Result<(), StoreError> {
        let mut steps = Steps::default();
        if user.is_administrator() {
            guard::pass(&mut steps, Direction::Joins);
        }
        steps.run(&INSERT, values(user));
        along::insert(&mut steps, along);
        self.0.atomically(steps).await.map(drop)
    }

    async fn insert_first_administrator(&self, user: &User, along: Along<'_>) -> Result<(), StoreError> {
        if !user.is_administrator() {
            return Err(StoreError::Backend("the first administrator is none".into()));
        }
        let mut steps = Steps::default();
        guard::first(&mut steps);
        steps.run(&INSERT, values(user));
        along::insert(&mut steps, along);
        self.0.atomically(steps).await.map(drop)
    }

    async fn by_id(&self, id: UserId) -> Result<Option<User>, StoreError> {
        self.0.one(&BY_ID, &[id.into()], &USER).await
    }

    async fn by_email(&self, email: &Email) -> Result<Option<User>, StoreError> {
        self.0.one(&BY_EMAIL, &[email.key().into()], &USER).await
    }

    async fn by_username(&self, username: &Username) -> Result<Option<User>, StoreError> {
        self.0.one(&BY_USERNAME, &[username.as_str().into()], &USER).await
    }

    async fn waiting_for(&self, email: &Email, most: usize) -> Result<Vec<User>, StoreError> {
        self.0.all(&WAITING_FOR, &[email.key().into(), most.into()], &USER).await
    }

    async fn change(
        &self,
        id: UserId,
        change: &Change,
        at: Timestamp,
        along: Along<'_>,
    ) -> Result<User, StoreError> {
        change::run(&self.0, id, change, at, along).await
    }

    async fn signed_in(&self, sign_in: &SignIn) -> Result<(), StoreError> {
        let (old, new) = sign_in.rehash.as_ref().map(|(old, new)| (old.expose(), new.expose())).unzip();
        let mut steps = Steps::default();
        steps.run(
            &SIGNED_IN,
            vec![
                sign_in.user.into(),
                sign_in.at.into(),
                old.map(str::to_owned).into(),
                new.map(str::to_owned).into(),
            ],
        );
        self.0.atomically(steps).await.map(drop)
    }

    async fn delete(&self, user: &User, along: Along<'_>) -> Result<(), StoreError> {
        let mut steps = Steps::default();
        if user.is_administrator() {
            leave(&mut steps, user.id, user.version);
        }
        steps.hit(&DELETE, vec![user.id.into(), user.version.into()], StoreError::Stale);
        codes::forget_all(&mut steps, user.id);
        mails::forget_all(&mut steps, user.id);
        // Behind those of before: a mail may tell of this.
        along::insert(&mut steps, along);
        self.0.atomically(steps).await.map(drop)
    }

    async fn list(&self, search: &Search) -> Result<Vec<User>, StoreError> {
        list::run(&self.0, search).await
    }

    async fn has_administrator(&self) -> Result<bool, StoreError> {
        Ok(guard::members(&self.0).await? > 0)
    }
}
