//! The operator's list of mails: filters and a cursor, put together from fixed texts, each answered by an index of its
//! own. Every word of the caller is bound.

use super::{MAIL, columns};
use crate::sql::Sql;
use crate::sql::value::Value;
use keyward_auth::records::{Mail, MailSearch, StoreError};

pub(super) async fn run(sql: &Sql, search: &MailSearch) -> Result<Vec<Mail>, StoreError> {
    let (text, values) = select(search);
    let mails = sql.scan(text, values, &MAIL).await?;
    Ok(mails.into_iter().flatten().collect())
}

fn select(search: &MailSearch) -> (String, Vec<Value<'static>>) {
    let mut values: Vec<Value<'static>> = Vec::new();
    let mut bind = |value: Value<'static>| {
        values.push(value);
        format!("${}", values.len())
    };
    let mut text = concat!("SELECT ", columns!(), " FROM keyward_mails WHERE 1 = 1").to_owned();
    if let Some(state) = search.state {
        text.push_str(&format!(" AND state = {}", bind(state.as_str().into())));
    }
    if let Some(to) = &search.to {
        text.push_str(&format!(" AND email_key = {}", bind(to.key().to_owned().into())));
    }
    if let Some(before) = search.before {
        text.push_str(&format!(" AND id < {}", bind(before.into())));
    }
    text.push_str(&format!(" ORDER BY id DESC LIMIT {}", bind(search.limit.into())));
    (text, values)
}
