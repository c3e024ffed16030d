//! The administrator's list of users: filters and a cursor. Every word of the caller is a value, and none is a pattern, so
//! there is nothing to escape.

use super::{id, read};
use crate::mongo::USERS;
use crate::mongo::along::living;
use crate::mongo::documents::Documents;
use keyward_auth::records::{Search, StoreError, User};
use mongodb::bson::doc;

pub(super) async fn run(documents: &Documents, search: &Search) -> Result<Vec<User>, StoreError> {
    let mut filter = living(doc! {});
    if let Some(prefix) = search.prefix.as_deref().filter(|prefix| !prefix.is_empty()) {
        let range = || doc! { "$gte": prefix, "$lt": format!("{prefix}\u{10FFFF}") };
        filter.insert("$or", vec![doc! { "email_key": range() }, doc! { "username": range() }]);
    }
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
    documents.find(USERS, filter, doc! { "_id": 1 }, search.limit).await?.iter().map(read).collect()
}
