//! A change of a user: one statement that sets what is to change and hands back the row, after the guard where the
//! number of administrators changes, before what goes along.

use super::{USER, columns, leave, written};
use crate::sql::row::Row;
use crate::sql::statement::Steps;
use crate::sql::value::Value;
use crate::sql::{Sql, along, guard};
use keyward_auth::records::{Along, Change, Direction, StoreError, User};
use keyward_auth::values::{Timestamp, UserId, Username};

pub(super) async fn run(
    sql: &Sql,
    id: UserId,
    change: &Change,
    at: Timestamp,
    along: Along<'_>,
) -> Result<User, StoreError> {
    let mut steps = Steps::default();
    match (change.administrators, change.if_version) {
        (None, _) => {}
        // Whether somebody joins or leaves is true of one version only.
        (Some(_), None) => {
            return Err(StoreError::Backend("a change of administrators needs a version".into()));
        }
        (Some(Direction::Joins), Some(_)) => guard::pass(&mut steps, Direction::Joins),
        (Some(Direction::Leaves), Some(version)) => leave(&mut steps, id, version),
    }
    let (text, values) = update(id, change, at);
    steps.returning(text, values, Some(StoreError::Stale));
    along::insert(&mut steps, along);
    let done = sql.atomically(steps).await?;
    let row = done.rows.first().ok_or(StoreError::Stale)?;
    USER.read(&Row::Kept(row))
}

/// The assignments of an update in the making. Their order is fixed, so that equal changes are equal texts, and the
/// database need not prepare them again.
struct Update {
    text: String,
    values: Vec<Value<'static>>,
}

impl Update {
    fn set(&mut self, column: &'static str, value: impl Into<Value<'static>>) {
        self.values.push(value.into());
        self.text.push_str(&format!(", {column} = ${}", self.values.len()));
    }

    fn set_text<T>(&mut self, column: &'static str, value: Option<&Option<T>>, text: fn(&T) -> &str) {
        if let Some(value) = value {
            self.set(column, value.as_ref().map(|value| text(value).to_owned()));
        }
    }

    fn set_time(&mut self, column: &'static str, value: Option<Option<Timestamp>>) {
        if let Some(value) = value {
            self.set(column, value);
        }
    }
}

fn update(id: UserId, change: &Change, at: Timestamp) -> (String, Vec<Value<'static>>) {
    let mut update = Update {
        text: "UPDATE keyward_users SET version = version + 1, updated_at = $2".to_owned(),
        values: vec![id.into(), at.into()],
    };
    update.set_text("username", change.username.as_ref(), |name| name.as_str());
    if let Some(username) = &change.username {
        update.set("username_shape", username.as_ref().map(Username::shape));
    }
    update.set_text("email", change.email.as_ref(), |email| email.as_str());
    update.set_text("email_key", change.email.as_ref(), |email| email.key());
    update.set_time("email_verified_at", change.email_verified_at);
    update.set_text("pending_email", change.pending_email.as_ref(), |email| email.as_str());
    update.set_text("pending_email_key", change.pending_email.as_ref(), |email| email.key());
    update.set_text("first_name", change.first_name.as_ref(), |name| name.as_str());
    update.set_text("last_name", change.last_name.as_ref(), |name| name.as_str());
    update.set_text("locale", change.locale.as_ref(), |locale| locale.as_str());
    if let Some(picture) = change.picture {
        update.set("picture", picture.map(|picture| picture.to_string()));
    }
    if let Some(metadata) = &change.metadata {
        update.set("metadata", metadata.as_str().to_owned());
    }
    if let Some(roles) = &change.roles {
        update.set("roles", written(roles));
    }
    update.set_time("disabled_at", change.disabled_at);
    update.set_text("password", change.password.as_ref(), |hash| hash.expose());
    if let Some(kept) = change.end_sessions {
        update.text.push_str(", epoch = epoch + 1");
        update.set("kept_session", kept);
    }
    if let Some(undone) = change.undone {
        update.set("undone_to", undone.to);
        update.set("undone_at", undone.at);
    }
    update.text.push_str(" WHERE id = $1");
    if let Some(version) = change.if_version {
        update.values.push(version.into());
        update.text.push_str(&format!(" AND version = ${}", update.values.len()));
    }
    update.text.push_str(concat!(" RETURNING ", columns!()));
    (update.text, update.values)
}
