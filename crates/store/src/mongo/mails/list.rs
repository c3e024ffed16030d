//! The operator's list of mails: filters and a cursor. Every word of the caller is a value.

use crate::mongo::MAILS;
use crate::mongo::documents::Documents;
use crate::mongo::shapes::mails::{id, read};
use keyward_auth::records::{Mail, MailSearch, StoreError};
use mongodb::bson::doc;

pub(super) async fn run(documents: &Documents, search: &MailSearch) -> Result<Vec<Mail>, StoreError> {
    let mut filter = doc! {};
    if let Some(state) = search.state {
        filter.insert("state", state.as_str());
    }
    if let Some(to) = &search.to {
        filter.insert("email_key", to.key());
    }
    if let Some(before) = search.before {
        filter.insert("_id", doc! { "$lt": id(before) });
    }
    let mails = documents.find(MAILS, filter, doc! { "_id": -1 }, search.limit).await?;
    let mails: Result<Vec<Option<Mail>>, StoreError> = mails.iter().map(read).collect();
    Ok(mails?.into_iter().flatten().collect())
}
