//! How many mails an address is sent that somebody asks for, and how many addresses somebody may ask for.

use super::Way;
use crate::app::{TestApp, all, post};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn o_06_five_mails_an_hour_and_ten_a_day_for_an_address() {
    for way in [Way::Verify, Way::Reset] {
        let app = TestApp::with(|setup| {
            let setup = setup.limits_as_shipped().behind("127.0.0.1");
            setup.set("limits.registrations", "1000")
        })
        .await;
        app.signed_in("ada").await;
        app.posted().await;
        let mut number = 0;
        // Registration has sent one to the first; those that set a password are counted by themselves.
        let left = if way == Way::Reset { 5 } else { 4 };
        for (address, at_once) in [("ada@example.com", left), ("nobody@example.com", 5)] {
            let mut ask = async |expected: u16| {
                number += 1;
                let path = if way == Way::Reset { "/auth/password/forgot" } else { "/auth/verify/resend" };
                let request = post(path).json(json!({"email": address}));
                let request = request.header("x-forwarded-for", &format!("10.{number}.0.1"));
                let reply = app.send(&request).await.must(expected);
                // Of two that wait to be sent, the older may be left out.
                app.posted().await;
                reply
            };
            for _ in 0..at_once {
                ask(202).await;
            }
            let reply = ask(429).await;
            assert_eq!(reply.header("retry-after"), "3600", "{reply}");
            app.clock.advance(Duration::from_secs(60 * 60 - 1));
            ask(429).await;
            app.clock.advance(Duration::from_secs(1));
            for _ in 0..5 {
                ask(202).await;
            }
            let reply = ask(429).await;
            let wait: u64 = reply.header("retry-after").parse().unwrap();
            assert_eq!(wait, 23 * 60 * 60, "until the first of the day is a day ago: {reply}");
            app.clock.advance(Duration::from_secs(wait));
            ask(202).await;
        }
        let mails = if way == Way::Reset { 12 } else { 11 };
        assert_eq!(app.mails_to("ada@example.com").await.len(), mails);
        app.no_mail_to("nobody@example.com").await;
    }
}

#[tokio::test]
async fn o_06_whoever_asks_every_minute_of_a_day_has_ten_mails_sent() {
    let app = TestApp::with(|setup| setup.limits_as_shipped().behind("127.0.0.1")).await;
    app.signed_in("ada").await;
    let mut mails = 1;
    // Where the clock moves on while a mail is being sent, it is sent again.
    app.posted().await;
    for minute in 1..24 * 60 {
        app.clock.advance(Duration::from_secs(60));
        let from = format!("10.{}.{}.1", minute / 200, minute % 200);
        let asked = post("/auth/verify/resend").json(json!({"email": "ada@example.com"}));
        match app.send(&asked.header("x-forwarded-for", &from)).await.status {
            202 => {
                mails += 1;
                // Of two that wait to be sent, the older may be left out.
                app.posted().await;
            }
            other => assert_eq!(other, 429),
        }
    }
    assert_eq!(mails, 10);
    assert_eq!(app.mails_to("ada@example.com").await.len(), mails);
}

#[tokio::test]
async fn o_06_many_addresses_from_one_place_are_too_many() {
    let app = TestApp::with(|setup| setup.limits_as_shipped()).await;
    for path in ["/auth/password/forgot", "/auth/verify/resend"] {
        app.clock.advance(Duration::from_secs(60));
        let mut replies = Vec::new();
        // As many at a time as a busy machine answers in time.
        for begin in (0..1000).step_by(50) {
            replies.extend(
                all((begin..begin + 50).map(|number| {
                    let (sender, email) = (app.sender(), format!("person{number}@example.com"));
                    let request = post(path).json(json!({"email": email}));
                    async move { sender.send(&request).await }
                }))
                .await,
            );
        }
        assert_eq!(replies.iter().filter(|reply| reply.status == 202).count(), 120, "{path}");
        assert!(replies.iter().all(|reply| [202, 429].contains(&reply.status)), "{path}");
    }
}
