//! Sending: a mail is somebody's to send until that is settled, or until it is somebody else's.

use super::sample::*;
use keyward_auth::records::{Mail, MailState, Outcome, Store};

pub async fn a_claim_counts_the_attempt_and_holds_until_it_ends(store: &Store) {
    let one = put(store, mail(1, None)).await;
    let claimed = Mail { due_at: second(60), attempts: 1, ..one.clone() };
    assert_eq!(claim(store, 1, 60).await.as_slice(), std::slice::from_ref(&claimed));
    assert_eq!(kept_mail(store, one.id).await, Some(claimed));
    assert_eq!(claim(store, 59, 120).await, []);
}

pub async fn a_mail_is_not_claimed_before_it_is_due(store: &Store) {
    put(store, mail(10, None)).await;
    assert_eq!(claim(store, 9, 60).await, []);
    assert_eq!(claim(store, 10, 60).await.len(), 1);
}

pub async fn mails_are_claimed_in_the_order_of_being_due(store: &Store) {
    // Not in the order in which they were made.
    let due = [(1, 30), (2, 20), (3, 50), (4, 10), (5, 25)];
    for (number, due_at) in due {
        put(store, Mail { due_at: second(due_at), ..mail(number, None) }).await;
    }
    let claim = async |most| {
        let claimed = store.mails.claim(second(45), second(100), most).await.unwrap();
        claimed.into_iter().map(|mail| mail.id).collect::<Vec<_>>()
    };
    assert_eq!(claim(0).await, []);
    assert_eq!(claim(2).await, [mail_id(4), mail_id(2)]);
    assert_eq!(claim(9).await, [mail_id(5), mail_id(1)]);
}

pub async fn one_of_many_claims_gets_a_mail(store: &Store) {
    for round in 1..=20 {
        let mails = [1, 2, 3].map(|number| mail(10 * round + number, None));
        store.mails.put(&mails).await.unwrap();
        let results =
            race(store, RACERS, |store, _| async move { claim(&store, 300, 400 + round).await }).await;
        let mut claimed: Vec<Mail> = results.into_iter().flatten().collect();
        claimed.sort_by_key(|mail| mail.id);
        let expected = mails.map(|mail| Mail { attempts: 1, due_at: second(400 + round), ..mail });
        assert_eq!(claimed, expected);
    }
}

pub async fn a_claim_that_ran_out_is_claimed_again_and_the_late_settle_is_refused(store: &Store) {
    put(store, mail(1, None)).await;
    let late = claim(store, 1, 60).await.remove(0);
    let next = claim(store, 60, 120).await.remove(0);
    assert_eq!((next.attempts, next.due_at), (2, second(120)));
    for outcome in
        [sent(61), dead(61), Outcome::Dropped, Outcome::Again { due_at: second(70), reason: "r".into() }]
    {
        assert_eq!(store.mails.settle(&late, &outcome).await, Ok(false));
        assert_eq!(kept_mail(store, next.id).await, Some(next.clone()));
    }
    assert_eq!(store.mails.settle(&next, &sent(61)).await, Ok(true));
}

pub async fn a_mail_is_settled_once(store: &Store) {
    put(store, mail(1, None)).await;
    let claimed = claim(store, 1, 60).await.remove(0);
    let results = race(store, RACERS, |store, number| {
        let claimed = claimed.clone();
        let outcome = if number % 2 == 0 { sent(number) } else { dead(number) };
        async move { store.mails.settle(&claimed, &outcome).await.unwrap() }
    })
    .await;
    assert_eq!(results.into_iter().filter(|settled| *settled).count(), 1);
}

pub async fn sent_mails_are_never_claimed(store: &Store) {
    let one = ended(store, mail(1, None), &sent(101)).await;
    let expected = Mail { state: MailState::Sent, due_at: second(101), attempts: 1, ..mail(1, None) };
    assert_eq!(one, expected);
    assert_eq!(claim(store, 9_000_000, 9_000_001).await, []);
}

pub async fn dead_mails_are_never_claimed(store: &Store) {
    let one = ended(store, mail(1, None), &dead(101)).await;
    assert_eq!((one.state, one.due_at, one.attempts), (MailState::Dead, second(101), 1));
    assert_eq!(one.reason.as_deref(), Some("550 no such mailbox"));
    assert_eq!(claim(store, 9_000_000, 9_000_001).await, []);
}

pub async fn what_was_not_sent_is_due_again_when_it_was_said(store: &Store) {
    let again = Outcome::Again { due_at: second(500), reason: "451 later".into() };
    let one = ended(store, mail(1, None), &again).await;
    let expected =
        Mail { due_at: second(500), attempts: 1, reason: Some("451 later".into()), ..mail(1, None) };
    assert_eq!(one, expected);
    assert_eq!(claim(store, 499, 600).await, []);
    let claimed = claim(store, 500, 600).await.remove(0);
    assert_eq!(claimed, Mail { due_at: second(600), attempts: 2, ..expected });
    // It was sent in the end: there is no reason any more.
    assert_eq!(store.mails.settle(&claimed, &sent(501)).await, Ok(true));
    assert_eq!(kept_mail(store, one.id).await.unwrap().reason, None);
}

pub async fn a_dropped_mail_is_gone(store: &Store) {
    let (one, other) = (put(store, mail(1, None)).await, put(store, mail(2, None)).await);
    let claimed = claim(store, 1, 60).await.remove(0);
    assert_eq!(store.mails.settle(&claimed, &Outcome::Dropped).await, Ok(true));
    assert_eq!(kept_mail(store, one.id).await, None);
    assert_eq!(kept_mail(store, other.id).await, Some(other));
}

pub async fn settling_keeps_whose_it_turned_out_to_be(store: &Store) {
    let again = Outcome::Again { due_at: second(70), reason: "451 later".into() };
    for (number, outcome) in [(1, sent(2)), (2, dead(3)), (3, again)] {
        put(store, mail(number, None)).await;
        let found = Mail { user: Some(user_id(7)), ..claim(store, 5, 60).await.remove(0) };
        assert_eq!(store.mails.settle(&found, &outcome).await, Ok(true));
        assert_eq!(kept_mail(store, mail_id(number)).await.unwrap().user, Some(user_id(7)));
    }
}
