//! What stands for a person without a picture.

use super::{Look, RED, png, start};
use crate::app::Person;
use serde_json::json;

/// The initials at this size, as they come.
async fn initials(person: &Person, path: &str, side: u32) -> Vec<u8> {
    let reply = person.get(&format!("{path}?fallback=initials&size={side}")).await.must(200);
    assert_eq!(reply.header("content-type"), "image/png");
    assert_eq!(reply.header("cache-control"), "private, max-age=300");
    assert_eq!(reply.header("vary").to_lowercase(), "authorization");
    assert_eq!(
        reply.header("content-security-policy"),
        "default-src 'none'; sandbox; frame-ancestors 'none'"
    );
    assert!(reply.header("content-disposition").starts_with("inline"), "{:?}", reply.headers);
    let look = Look::of(&reply.body);
    assert_eq!((look.width, look.height), (side, side));
    reply.body
}

#[tokio::test]
async fn initials_stand_for_a_picture_until_there_is_one() {
    let app = start().await;
    let (ada, bob, root) = (app.signed_in("ada").await, app.signed_in("bob").await, app.admin().await);
    let mine = "/users/me/picture";
    for side in [64, 128, 256, 512] {
        initials(&ada, mine, side).await;
    }
    let whole = ada.get(&format!("{mine}?fallback=initials")).await.must(200);
    assert_eq!(Look::of(&whole.body).width, 512);
    let first = initials(&ada, mine, 64).await;
    assert_eq!(initials(&ada, mine, 64).await, first, "the same each time");
    assert_eq!(initials(&root, "/users/ada/picture", 64).await, first, "and for everybody");
    assert_ne!(initials(&bob, mine, 64).await, first);
    ada.put("/users/me", json!({"first_name": "Zoë", "last_name": "Łoś"})).await.must(200);
    assert_ne!(initials(&ada, mine, 64).await, first);
    for name in ["\u{5b50}", "\u{1f600}", "\u{0645}", "<script>", "\u{0301}\u{0301}"] {
        let reply = ada.put("/users/me", json!({"first_name": name, "last_name": null})).await;
        if reply.status == 200 {
            initials(&ada, mine, 128).await;
        }
    }
    for query in
        ["fallback=svg", "fallback=initials&size=65", "fallback=initials&size=4096", "fallback=Initials"]
    {
        ada.get(&format!("{mine}?{query}")).await.must(422);
    }
    let reply = ada.get(mine).await.must(404);
    assert_eq!(reply.code(), "no_picture");
    app.anonymous().get(&format!("{mine}?fallback=initials")).await.must(401);
    bob.get(&format!("/users/{}/picture?fallback=initials", ada.id)).await.must(404);
    // Nothing is kept of them.
    assert!(app.objects().is_empty());

    ada.uploads(png(RED)).await.must(200);
    ada.get(&format!("{mine}?fallback=initials")).await.must(303);
    ada.delete(mine).await.must(204);
    initials(&ada, mine, 64).await;
}
