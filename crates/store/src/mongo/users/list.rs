//! The administrator's list of users: filters and a cursor. Every word of the caller is a value, and none is a pattern, so
//! there is nothing to escape.

use crate::mongo::USERS;
use crate::mongo::along::living;
use crate::mongo::documents::Documents;
use crate::mongo::shapes::users::{id, read};
use crate::mongo::trouble::Trouble;
use keyward_auth::records::{Search, StoreError, User};
use keyward_auth::values::UserId;
use mongodb::bson::{Document, doc};
use std::collections::BTreeMap;

pub(super) async fn run(documents: &Documents, search: &Search) -> Result<Vec<User>, StoreError> {
    let found = match search.prefix.as_deref() {
        None | Some("") => some(documents, search, doc! {}).await?,
        Some(prefix) => {
            // Two ranges of two indexes. As one condition with `$or` a planner may well walk all users instead.
            let range = |name: &str| doc! { name: { "$gte": prefix, "$lt": format!("{prefix}\u{10FFFF}") } };
            let (mut found, more) = tokio::try_join!(
                some(documents, search, range("email_key")),
                some(documents, search, range("username")),
            )?;
            found.extend(more);
            found
        }
    };
    // Whoever is found by both comes once.
    let users: Result<BTreeMap<UserId, User>, StoreError> =
        found.iter().map(|user| read(user).map(|user| (user.id, user))).collect();
    Ok(users?.into_values().take(search.limit).collect())
}

/// As many as are wanted at most, of those who meet this filter, too.
async fn some(documents: &Documents, search: &Search, filter: Document) -> Result<Vec<Document>, Trouble> {
    let mut filter = living(filter);
    if let Some(after) = search.after {
        filter.insert("_id", doc! { "$gt": id(after) });
    }
    if let Some(role) = &search.role {
        filter.insert("roles", role.as_str());
    }
    if let Some(active) = search.active {
        filter.insert("disabled_at", doc! { "$exists": !active });
    }
    if let Some(verified) = search.verified {
        filter.insert("email_verified_at", doc! { "$exists": verified });
    }
    documents.find(USERS, filter, doc! { "_id": 1 }, search.limit).await
}
