//! The list of users: complete, without duplicates, and taken at its word.

use super::sample::*;
use keyward_auth::records::{Search, Store, User};
use keyward_auth::values::{Email, Roles, UserId, Username};

fn search() -> Search {
    Search { limit: 100, ..Search::default() }
}

async fn ids(store: &Store, search: &Search) -> Vec<UserId> {
    store.users.list(search).await.unwrap().into_iter().map(|user| user.id).collect()
}

/// Everybody, page by page.
async fn pages(store: &Store, mut search: Search) -> Vec<UserId> {
    let mut met = Vec::new();
    loop {
        let page = ids(store, &search).await;
        assert!(page.len() <= search.limit);
        let Some(last) = page.last() else { return met };
        search.after = Some(*last);
        met.extend(page);
    }
}

fn numbers(numbers: impl IntoIterator<Item = u64>) -> Vec<UserId> {
    numbers.into_iter().map(user_id).collect()
}

pub async fn a_cursor_meets_everybody_once(store: &Store) {
    // Not in the order of their ids.
    for number in (0..23).map(|number| (number * 7) % 23) {
        kept(store, user(number)).await;
    }
    for limit in [1, 5, 23, 100] {
        assert_eq!(pages(store, Search { limit, ..search() }).await, numbers(0..23));
    }
    let whole = store.users.list(&Search { limit: 1, ..search() }).await.unwrap();
    assert_eq!(whole, [user(0)]);
}

pub async fn filters_narrow_and_combine(store: &Store) {
    for number in 0..16 {
        let mut own = if number & 1 == 1 { administrator(number) } else { user(number) };
        own.disabled_at = (number & 2 == 2).then(|| second(1));
        own.email_verified_at = (number & 4 == 4).then(|| second(1));
        kept(store, own).await;
    }
    let bit = |bit: u64, set: bool| move |number: &u64| (number & bit == bit) == set;
    let role = |name: &str| Search { role: Some(name.into()), ..search() };
    assert_eq!(ids(store, &role("admin")).await, numbers((0..16).filter(bit(1, true))));
    assert_eq!(ids(store, &role("user")).await, numbers(0..16));
    for yes in [true, false] {
        let active = Search { active: Some(yes), ..search() };
        assert_eq!(ids(store, &active).await, numbers((0..16).filter(bit(2, !yes))));
        let verified = Search { verified: Some(yes), ..search() };
        assert_eq!(ids(store, &verified).await, numbers((0..16).filter(bit(4, yes))));
    }
    let all = Search {
        role: Some("admin".into()),
        active: Some(true),
        verified: Some(true),
        prefix: Some("user".into()),
        limit: 1,
        after: None,
    };
    assert_eq!(pages(store, all).await, numbers([5, 13]));
}

pub async fn a_prefix_finds_emails_and_usernames(store: &Store) {
    let named = |number, email: Option<&str>, username: Option<&str>| User {
        email: email.map(|text| Email::parse(text).unwrap()),
        username: username.map(|text| Username::parse(text).unwrap()),
        ..user(number)
    };
    for own in [
        named(0, Some("Ada@x.test"), None),
        named(1, None, Some("adalbert")),
        named(2, Some("adam@x.test"), Some("adam")),
        named(3, Some("bob@ada.test"), Some("bobada")),
        named(4, Some("ad@x.test"), Some("ads")),
    ] {
        kept(store, own).await;
    }
    let found = async |text: &str| ids(store, &Search { prefix: Some(text.into()), ..search() }).await;
    assert_eq!(found("ada").await, numbers([0, 1, 2]));
    assert_eq!(found("ada@x.test").await, numbers([0]));
    assert_eq!(found("adam").await, numbers([2]));
    assert_eq!(found("").await, numbers(0..5));
    assert_eq!(found("zz").await, numbers([]));
}

pub async fn a_prefix_is_no_pattern(store: &Store) {
    let odd = User { email: Some(Email::parse("a_b%c@x.test").unwrap()), username: None, ..user(0) };
    kept(store, odd).await;
    kept(store, User { email: Some(Email::parse("axbyc@x.test").unwrap()), username: None, ..user(1) }).await;
    let found = async |text: &str| ids(store, &Search { prefix: Some(text.into()), ..search() }).await;
    assert_eq!(found("a_b%").await, numbers([0]));
    for text in ["%", "_", "a%c", "*", "'", "a' OR '1'='1", "\u{10FFFF}", "\\", "\0"] {
        assert_eq!(found(text).await, numbers([]), "{text}");
    }
}

pub async fn a_role_is_found_whole(store: &Store) {
    kept(store, User { roles: Roles::stored(["app_editor"]), ..user(0) }).await;
    kept(store, User { roles: Roles::stored(["app-editor", "user"]), ..user(1) }).await;
    kept(store, User { roles: Roles::default(), ..user(2) }).await;
    let found = async |text: &str| ids(store, &Search { role: Some(text.into()), ..search() }).await;
    assert_eq!(found("app_editor").await, numbers([0]));
    assert_eq!(found("app-editor").await, numbers([1]));
    for text in ["app", "editor", "App_editor", "app%", "%", "_", "", "app-editor user"] {
        assert_eq!(found(text).await, numbers([]), "{text}");
    }
}

pub async fn a_prefix_keeps_cursor_and_limit(store: &Store) {
    for number in 0..12 {
        // Found by both indexes, and once.
        let email = Email::parse(&format!("same{number}@x.test")).unwrap();
        let username = Username::parse(&format!("same{number}")).unwrap();
        kept(store, User { email: Some(email), username: Some(username), ..user(number) }).await;
    }
    let paged = Search { prefix: Some("same".into()), limit: 5, ..search() };
    assert_eq!(pages(store, paged).await, numbers(0..12));
}
