//! Mails that this Keyward cannot read: they hold up no other.

use super::*;
use keyward_auth::records::MailSearch;
use keyward_auth::values::MailId;

/// Puts mails beside the service: each with its topic and address.
fn with(mails: &[(&str, &str)]) -> (Sqlite, TempDir, Vec<MailId>) {
    let (sqlite, folder) = fresh();
    let plain = rusqlite::Connection::open(&sqlite.path).unwrap();
    let mut ids = Vec::new();
    for (number, (topic, address)) in (1..).zip(mails) {
        let id = MailId::from_bytes([number; 16]);
        let insert = "INSERT INTO keyward_mails VALUES (?1, ?2, 'a@b.test', 'a@b.test', NULL, NULL, ?3, 0, 'waiting', 0, 0, \
                      NULL, NULL)";
        plain.execute(insert, (id.to_string(), topic, address)).unwrap();
        ids.push(id);
    }
    (sqlite, folder, ids)
}

#[tokio::test]
async fn a_mail_that_cannot_be_read_holds_up_no_other() {
    let (sqlite, _folder, ids) = with(&[("reset", "canary"), ("reset", "192.0.2.7")]);
    let store = sqlite.store();
    let claimed = store.mails.claim(NOW, Timestamp::from_micros(2_000_000), 9).await.unwrap();
    assert_eq!(claimed.iter().map(|mail| mail.id).collect::<Vec<_>>(), ids[1..]);
    let told = store.mails.by_id(ids[0]).await.unwrap_err().to_string();
    assert!(told.contains("asked_from") && !told.contains("canary"), "{told}");
}

#[tokio::test]
async fn a_mail_of_a_newer_keyward_is_left_to_it() {
    let (sqlite, _folder, ids) = with(&[("passkey_added", "192.0.2.7"), ("reset", "192.0.2.7")]);
    let store = sqlite.store();
    let claimed = store.mails.claim(NOW, Timestamp::from_micros(2_000_000), 9).await.unwrap();
    assert_eq!(claimed.iter().map(|mail| mail.id).collect::<Vec<_>>(), ids[1..]);
    assert_eq!(store.mails.by_id(ids[0]).await, Ok(None));
    let listed = store.mails.list(&MailSearch { limit: 9, ..MailSearch::default() }).await.unwrap();
    assert_eq!(listed.iter().map(|mail| mail.id).collect::<Vec<_>>(), ids[1..]);
    let plain = rusqlite::Connection::open(&sqlite.path).unwrap();
    let due_at = "SELECT due_at FROM keyward_mails WHERE topic = 'passkey_added'";
    let due_at: i64 = plain.query_row(due_at, [], |row| row.get(0)).unwrap();
    assert_eq!(due_at, 2_000_000, "it comes back when the claim ends");
}
