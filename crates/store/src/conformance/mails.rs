//! Mails: kept whole, found, tried again, swept. Who sends them is in `claims.rs`, what they go along with in `along.rs`.

use super::sample::*;
use keyward_auth::records::{Mail, MailSearch, MailState, Outcome, Store, Topic};
use keyward_auth::values::{Email, MailId};

pub async fn a_mail_comes_back_as_it_was_kept(store: &Store) {
    let mut mails = Vec::new();
    for (number, topic) in (1..).zip(Topic::ALL) {
        mails.push(Mail { topic, ..mail(number, None) });
    }
    mails[0].user = Some(user_id(1));
    mails[1].languages = None;
    mails[2].asked_from = Some(std::net::Ipv6Addr::LOCALHOST.into());
    mails[3].asked_from = None;
    for (mail, state) in mails[4..].iter_mut().zip(MailState::ALL) {
        *mail = Mail {
            state,
            attempts: 7,
            reason: Some("451 später".into()),
            due_at: second(99),
            ..mail.clone()
        };
    }
    store.mails.put(&mails).await.unwrap();
    store.mails.put(&[]).await.unwrap();
    for mail in mails {
        assert_eq!(kept_mail(store, mail.id).await, Some(mail));
    }
    assert_eq!(kept_mail(store, mail_id(99)).await, None);
}

pub async fn a_dead_mail_can_be_retried(store: &Store) {
    let one = ended(store, mail(1, None), &dead(101)).await;
    assert_eq!(store.mails.retry(one.id, second(300)).await, Ok(true));
    assert_eq!(kept_mail(store, one.id).await, Some(Mail { due_at: second(300), ..mail(1, None) }));
    assert_eq!(claim(store, 300, 400).await.len(), 1);
}

pub async fn a_waiting_mail_can_be_retried_at_once(store: &Store) {
    let again = Outcome::Again { due_at: second(5000), reason: "451 later".into() };
    let one = ended(store, mail(1, None), &again).await;
    assert_eq!(store.mails.retry(one.id, second(300)).await, Ok(true));
    assert_eq!(kept_mail(store, one.id).await, Some(Mail { due_at: second(300), ..mail(1, None) }));
}

pub async fn a_sent_mail_is_not_retried(store: &Store) {
    let one = ended(store, mail(1, None), &sent(101)).await;
    assert_eq!(store.mails.retry(one.id, second(300)).await, Ok(false));
    assert_eq!(kept_mail(store, one.id).await, Some(one));
    assert_eq!(store.mails.retry(mail_id(9), second(300)).await, Ok(false));
}

pub async fn mails_are_listed_newest_first(store: &Store) {
    for number in [3, 1, 5, 2, 4] {
        put(store, mail(number, None)).await;
    }
    let list = async |before: Option<u64>, limit| {
        let search = MailSearch { before: before.map(mail_id), limit, ..MailSearch::default() };
        let mails = store.mails.list(&search).await.unwrap();
        mails.into_iter().map(|mail| mail.id).collect::<Vec<_>>()
    };
    assert_eq!(list(None, 9).await, [5, 4, 3, 2, 1].map(mail_id));
    assert_eq!(list(None, 2).await, [5, 4].map(mail_id));
    assert_eq!(list(Some(4), 2).await, [3, 2].map(mail_id));
    assert_eq!(list(Some(1), 2).await, []);
    let whole = store.mails.list(&MailSearch { limit: 1, ..MailSearch::default() }).await;
    assert_eq!(whole, Ok(vec![mail(5, None)]));
}

pub async fn mails_are_found_by_state_and_address(store: &Store) {
    for number in 1..=12 {
        let state = MailState::ALL[usize::try_from(number % 3).unwrap()];
        let to = mail(number % 2, None).to;
        put(store, Mail { state, to, ..mail(number, None) }).await;
    }
    let list = async |search: MailSearch| {
        let mails = store.mails.list(&MailSearch { limit: 9, ..search }).await.unwrap();
        mails.into_iter().map(|mail| mail.id).collect::<Vec<_>>()
    };
    let to = |text: &str| Some(Email::parse(text).unwrap());
    for (number, state) in [(12, MailState::Waiting), (10, MailState::Sent), (11, MailState::Dead)] {
        let search = MailSearch { state: Some(state), ..MailSearch::default() };
        assert_eq!(list(search).await, [number, number - 3, number - 6, number - 9].map(mail_id));
    }
    let odd = MailSearch { to: to("uSER1@EXAMPLE.com"), ..MailSearch::default() };
    assert_eq!(list(odd.clone()).await, [11, 9, 7, 5, 3, 1].map(mail_id));
    let both = MailSearch { state: Some(MailState::Sent), before: Some(mail_id(7)), ..odd };
    assert_eq!(list(both).await, [mail_id(1)]);
    assert_eq!(list(MailSearch { to: to("user2@example.com"), ..MailSearch::default() }).await, []);
}

pub async fn a_sweep_takes_exactly_what_has_ended_before(store: &Store) {
    for (number, state) in [(1, MailState::Sent), (2, MailState::Dead), (3, MailState::Waiting)] {
        for (part, due_at) in [(0, 99), (10, 100)] {
            put(store, Mail { state, due_at: second(due_at), ..mail(number + part, None) }).await;
        }
    }
    assert_eq!(store.mails.sweep(second(100), 100).await, Ok(2));
    assert_eq!(store.mails.sweep(second(100), 100).await, Ok(0));
    let left = store.mails.list(&MailSearch { limit: 9, ..MailSearch::default() }).await.unwrap();
    let left: Vec<MailId> = left.into_iter().map(|mail| mail.id).collect();
    assert_eq!(left, [13, 12, 11, 3].map(mail_id));
}

pub async fn a_sweep_keeps_to_its_bound(store: &Store) {
    for number in 1..=7 {
        let state = MailState::ALL[1 + usize::from(number % 2 == 0)];
        put(store, Mail { state, ..mail(number, None) }).await;
    }
    assert_eq!(store.mails.sweep(second(100), 5).await, Ok(5));
    assert_eq!(store.mails.sweep(second(100), 5).await, Ok(2));
    assert_eq!(store.mails.sweep(second(100), 0).await, Ok(0));
}
