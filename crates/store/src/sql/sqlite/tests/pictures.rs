//! Pictures and leftovers where something goes wrong: names that cannot be read, and a commit that fails.

use super::*;
use keyward_auth::outside::Random;
use keyward_auth::records::{Along, Change, Leftover, User};
use keyward_auth::values::{Format, Metadata, Picture, Roles, UserId};
use rusqlite::Connection;

const LATER: Timestamp = Timestamp::from_micros(2_000_000);

struct Zeros;

impl Random for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

fn picture(number: u8) -> Picture {
    Picture::new([number; 16], Format::Jpeg)
}

async fn ada(sqlite: &Sqlite) -> User {
    let ada = User {
        id: UserId::new(NOW, &Zeros),
        version: 1,
        username: None,
        email: None,
        email_verified_at: None,
        pending_email: None,
        first_name: None,
        last_name: None,
        locale: None,
        picture: Some(picture(1)),
        metadata: Metadata::default(),
        roles: Roles::default(),
        disabled_at: None,
        password: None,
        epoch: 0,
        kept_session: None,
        undone: None,
        created_at: NOW,
        updated_at: NOW,
        last_login_at: None,
    };
    sqlite.store().users.insert(&ada, Along::default()).await.unwrap();
    ada
}

#[tokio::test]
async fn a_picture_that_cannot_be_read_is_named_and_not_shown() {
    let (sqlite, _folder) = fresh();
    let (ada, store) = (ada(&sqlite).await, sqlite.store());
    let plain = Connection::open(&sqlite.path).unwrap();
    for name in ["canary", "", "../canary.jpg", "01010101010101010101010101010101.gif"] {
        plain.execute("UPDATE keyward_users SET picture = ?1", [name]).unwrap();
        let told = store.users.by_id(ada.id).await;
        let expected = format!("keyward_users: what is stored in picture of {} cannot be read", ada.id);
        assert_eq!(told, Err(StoreError::Backend(expected)), "{name}");
    }
    plain.execute("UPDATE keyward_users SET picture = ?1", [picture(1).to_string()]).unwrap();
    assert_eq!(store.users.by_id(ada.id).await, Ok(Some(ada)));
}

#[tokio::test]
async fn a_leftover_that_cannot_be_read_holds_up_no_other_and_stays() {
    let (sqlite, _folder) = fresh();
    let store = sqlite.store();
    let user = UserId::new(NOW, &Zeros);
    let plain = Connection::open(&sqlite.path).unwrap();
    let insert = "INSERT INTO keyward_leftovers VALUES ('canary', ?1, 0, NULL)";
    plain.execute(insert, [user.to_string()]).unwrap();
    let good = Leftover { picture: picture(1), user, due_at: NOW };
    store.leftovers.put(&good).await.unwrap();
    let claimed = store.leftovers.claim(NOW, LATER, 9).await;
    assert_eq!(claimed, Ok(vec![Leftover { due_at: LATER, ..good }]));
    let due_at = "SELECT due_at FROM keyward_leftovers WHERE picture = 'canary'";
    let due_at: i64 = plain.query_row(due_at, [], |row| row.get(0)).unwrap();
    assert_eq!(due_at, 2_000_000, "it comes back when the claim ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_commit_leaves_neither_picture_nor_leftover() {
    let (sqlite, _folder) = fresh();
    let (ada, store) = (ada(&sqlite).await, sqlite.store());
    let held = hold(&sqlite);
    let changing = queued({
        let (store, id) = (store.clone(), ada.id);
        async move {
            let left = [Leftover { picture: picture(1), user: id, due_at: NOW }];
            let change = Change { picture: Some(Some(picture(2))), ..Change::default() };
            let along = Along { leftovers: &left, ..Along::default() };
            store.users.change(id, &change, NOW, along).await
        }
    })
    .await;
    let deleting = queued({
        let (store, ada) = (store.clone(), User { version: 2, ..ada.clone() });
        async move {
            let left = [Leftover { picture: picture(2), user: ada.id, due_at: NOW }];
            store.users.delete(&ada, Along { leftovers: &left, ..Along::default() }).await
        }
    })
    .await;
    let owing = queued(owe(&sqlite)).await;
    drop(held);
    assert!(matches!(changing.await.unwrap(), Err(StoreError::Backend(_))));
    assert!(matches!(deleting.await.unwrap(), Err(StoreError::Backend(_))));
    assert!(matches!(owing.await.unwrap(), Err(StoreError::Backend(_))));
    assert_eq!(store.users.by_id(ada.id).await, Ok(Some(ada)));
    assert_eq!(store.leftovers.claim(NOW, LATER, 9).await, Ok(vec![]));
}
