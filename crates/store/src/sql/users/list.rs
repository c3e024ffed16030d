//! The administrator's list of users: filters and a cursor, put together from fixed texts. Every word of the caller is
//! bound, and none is a pattern, so there is nothing to escape.

use super::{USER, columns};
use crate::sql::Sql;
use crate::sql::value::Value;
use keyward_auth::records::{Search, StoreError, User};

pub(super) async fn run(sql: &Sql, search: &Search) -> Result<Vec<User>, StoreError> {
    if search.role.as_deref().is_some_and(|role| role.is_empty() || role.contains(' ')) {
        // No role is called so, but a part of several roles' text is.
        return Ok(Vec::new());
    }
    if [&search.prefix, &search.role].into_iter().flatten().any(|text| text.contains('\0')) {
        // No text holds this character: PostgreSQL keeps none that does, and does not look for it either.
        return Ok(Vec::new());
    }
    let (text, values) = select(search);
    sql.scan(text, values, &USER).await
}

fn select(search: &Search) -> (String, Vec<Value<'static>>) {
    let mut values: Vec<Value<'static>> = Vec::new();
    let mut bind = |value: Value<'static>| {
        values.push(value);
        format!("${}", values.len())
    };
    let mut text = concat!("SELECT ", columns!(), " FROM ").to_owned();
    match search.prefix.as_deref() {
        None | Some("") => text.push_str("keyward_users WHERE 1 = 1"),
        Some(prefix) => {
            // Two ranges of two indexes. As one condition with OR, or with the cursor beside it, a planner may well
            // walk all users instead; CROSS JOIN keeps SQLite from turning the join around, and PostgreSQL is free.
            let from = bind(prefix.to_owned().into());
            let to = bind(format!("{prefix}\u{10FFFF}").into());
            text.push_str(&format!(
                "(SELECT id AS found FROM keyward_users WHERE email_key >= {from} AND email_key < {to} \
                 UNION SELECT id FROM keyward_users WHERE username >= {from} AND username < {to}) AS names \
                 CROSS JOIN keyward_users WHERE id = found"
            ));
        }
    }
    if let Some(after) = search.after {
        text.push_str(&format!(" AND id > {}", bind(after.into())));
    }
    if let Some(role) = &search.role {
        // Not LIKE: SQLite's ignores letter case, PostgreSQL's does not, and `_` is a wildcard in both.
        let name = bind(format!(" {role} ").into());
        text.push_str(&format!(" AND replace(roles, {name}, '') <> roles"));
    }
    if let Some(active) = search.active {
        text.push_str(if active { " AND disabled_at IS NULL" } else { " AND disabled_at IS NOT NULL" });
    }
    if let Some(verified) = search.verified {
        text.push_str(if verified {
            " AND email_verified_at IS NOT NULL"
        } else {
            " AND email_verified_at IS NULL"
        });
    }
    text.push_str(&format!(" ORDER BY id LIMIT {}", bind(search.limit.into())));
    (text, values)
}
