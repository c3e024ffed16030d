//! What is asked of a server: only what every server of the protocol and every size of a set can do, and what is done once if the
//! driver asks for it again.

use crate::message::name_of;
use crate::place::{Place, SOON, open};
use crate::wire::{Wire, is_about_data};
use keyward_auth::records::Store;
use keyward_auth::values::Timestamp;
use keyward_store::conformance::*;
use mongodb::bson::{Bson, Document};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// All that are used.
const COMMANDS: [&str; 7] =
    ["createIndexes", "delete", "find", "findAndModify", "getMore", "insert", "update"];
/// What transactions, and servers of some kinds alone, have.
const SPECIAL: [&str; 7] =
    ["startTransaction", "autocommit", "$changeStream", "$where", "$function", "collation", "hint"];

/// What a URI may not change.
const UNSAFE: &str =
    "&w=0&journal=false&readConcernLevel=available&readPreference=secondaryPreferred&retryWrites=false";

/// Databases whose commands are seen, one for each case.
#[derive(Default)]
struct Seen {
    kept: Vec<(Place, Wire)>,
    commands: Arc<Mutex<Vec<Document>>>,
}

impl Seen {
    /// An empty store.
    async fn store(&mut self) -> Store {
        let place = Place::new();
        let wire = Wire::to(&place.server).await;
        let commands = self.commands.clone();
        wire.watch(move |command| commands.lock().unwrap().push(command.clone()));
        let mongo = open(&format!("{}{UNSAFE}", place.url_at(&wire.address)), SOON).await.unwrap();
        mongo.migrate(Timestamp::from_micros(1)).await.unwrap();
        self.kept.push((place, wire));
        mongo.store()
    }

    fn all(&self) -> Vec<Document> {
        let commands = self.commands.lock().unwrap();
        commands.iter().filter(|command| is_about_data(name_of(command))).cloned().collect()
    }
}

fn keys(value: &Bson, into: &mut BTreeSet<String>) {
    match value {
        Bson::Document(document) => {
            into.extend(document.keys().cloned());
            document.values().for_each(|value| keys(value, into));
        }
        Bson::Array(items) => items.iter().for_each(|item| keys(item, into)),
        _ => {}
    }
}

/// The only statement of a write.
fn statement(command: &Document) -> Option<Document> {
    let list = match name_of(command) {
        "insert" => "documents",
        "update" => "updates",
        "delete" => "deletes",
        _ => return None,
    };
    let statements = command.get_array(list).unwrap();
    assert_eq!(statements.len(), 1, "{command}");
    Some(statements[0].as_document().unwrap().clone())
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(keyward_test_mongodb), ignore = "no MongoDB: scripts/servers run cargo test")]
async fn nothing_is_asked_that_a_server_may_lack_and_writes_are_safe() {
    let mut seen = Seen::default();
    users::a_sign_in_is_noted_without_a_new_version(&seen.store().await).await;
    users::a_hash_is_upgraded_only_if_it_is_still_there(&seen.store().await).await;
    users::a_deleted_user_takes_the_sessions_along(&seen.store().await).await;
    users::a_deleted_user_takes_codes_and_mails_along(&seen.store().await).await;
    users::those_who_wait_for_an_address_are_found_whoever_has_it(&seen.store().await).await;
    changes::every_field_changes_alone(&seen.store().await).await;
    changes::a_taken_name_changes_nothing(&seen.store().await).await;
    administrators::the_first_administrator_comes_once(&seen.store().await).await;
    administrators::a_demoted_administrator_can_come_back(&seen.store().await).await;
    administrators::two_who_delete_each_other_leave_one(&seen.store().await).await;
    lists::filters_narrow_and_combine(&seen.store().await).await;
    lists::a_prefix_keeps_cursor_and_limit(&seen.store().await).await;
    along::a_picture_and_what_was_before_it_change_together(&seen.store().await).await;
    along::mails_are_there_with_a_change(&seen.store().await).await;
    sessions::the_oldest_sessions_end_beyond_the_cap(&seen.store().await).await;
    sessions::a_rotated_session_outlives_its_old_end(&seen.store().await).await;
    sessions::ending_tells_whether_there_was_one(&seen.store().await).await;
    sessions::forgetting_spares_the_kept_and_the_new(&seen.store().await).await;
    sweeping::a_sweep_takes_exactly_what_has_expired(&seen.store().await).await;
    sweeping::a_sweep_takes_exactly_the_codes_that_have_expired(&seen.store().await).await;
    codes::codes_of_two_users_in_one_place_do_not_disturb_each_other(&seen.store().await).await;
    codes::a_code_is_consumed_however_often_it_was_tried(&seen.store().await).await;
    codes::forgetting_takes_a_users_codes_in_these_places(&seen.store().await).await;
    mails::a_dead_mail_can_be_retried(&seen.store().await).await;
    mails::mails_are_found_by_state_and_address(&seen.store().await).await;
    mails::a_sweep_takes_exactly_what_has_ended_before(&seen.store().await).await;
    claims::a_dropped_mail_is_gone(&seen.store().await).await;
    intents::several_are_settled_together(&seen.store().await).await;
    intents::the_mail_of_what_has_not_happened_is_gone(&seen.store().await).await;
    audit::a_sweep_takes_exactly_what_is_older(&seen.store().await).await;
    leftovers::a_leftover_is_removed_only_as_it_is_due(&seen.store().await).await;
    leases::only_the_holder_gives_it_back(&seen.store().await).await;
    keys::a_removed_key_is_gone(&seen.store().await).await;
    seen.store().await.parts[0].check().await.unwrap();
    let (mut names, mut of_many, mut levels) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for command in seen.all() {
        let name = name_of(&command);
        names.insert(name.to_owned());
        let mut used = BTreeSet::new();
        keys(&Bson::Document(command.clone()), &mut used);
        let special: Vec<_> = SPECIAL.iter().filter(|special| used.contains(**special)).collect();
        assert!(special.is_empty(), "{special:?} in {command}");
        if let Ok(preference) = command.get_document("$readPreference") {
            assert!(preference.get_str("mode").is_ok_and(|mode| mode.starts_with("primary")), "{command}");
        }
        if name == "find" {
            let level = command.get_document("readConcern").unwrap().get_str("level").unwrap().to_owned();
            // One document at most, to see what a write will meet.
            let is_of_one = command.get("limit").is_some_and(|limit| limit == &Bson::Int64(1));
            assert!(level == "majority" || level == "local" && is_of_one, "{command}");
            levels.insert((is_of_one, level));
        }
        if !["insert", "update", "delete", "findAndModify"].contains(&name) {
            continue;
        }
        // The server of the tests takes any concern; what is asked for is what can be seen here.
        let concern = command.get_document("writeConcern").unwrap();
        assert_eq!(concern.get_str("w").ok(), Some("majority"), "{name}");
        assert_eq!(concern.get_bool("j").ok(), Some(true), "{name}");
        assert!(concern.contains_key("wtimeout"), "{name}");
        let statement = statement(&command).unwrap_or_default();
        // Shards know by it where to look.
        let filter = statement.get_document("q").or_else(|_| command.get_document("query"));
        let is_of_one = name != "delete" || statement.get("limit") == Some(&Bson::Int32(1));
        assert!(
            filter.map_or(name == "insert", |filter| filter.contains_key("_id") || !is_of_one),
            "{command}"
        );
        assert!(!statement.get_bool("multi").unwrap_or_default(), "{command}");
        // What is of many is not asked again by a driver: each of them is asked again by Keyward, or by a sweep.
        if !is_of_one {
            of_many.insert(command.get_str(name).unwrap().to_owned());
        }
    }
    assert!(names.iter().all(|name| COMMANDS.contains(&name.as_str())), "{names:?}");
    assert!(["delete", "find", "findAndModify", "insert", "update"].iter().all(|name| names.contains(*name)));
    assert!(levels.contains(&(true, "majority".into())) && levels.contains(&(false, "majority".into())));
    let expected = ["keyward_codes", "keyward_events", "keyward_mails", "keyward_sessions"];
    assert_eq!(of_many.iter().map(String::as_str).collect::<Vec<_>>(), expected);
}
