//! What every backend must do, as plain async functions named as sentences, one file for each record. Owns no backend:
//! each case gets an empty [`Store`](keyward_auth::records::Store) and panics where that breaks a promise. Time and ids
//! are the cases' own, so that a run can be repeated.
//!
//! [`conformance!`](crate::conformance) lists every case and makes tests of them.
#![expect(clippy::unwrap_used, reason = "a case tells of a broken promise by panicking")]

pub mod administrators;
pub mod along;
pub mod audit;
pub mod changes;
pub mod claims;
pub mod codes;
pub mod counters;
pub mod intents;
pub mod keys;
pub mod leases;
pub mod leftovers;
pub mod lists;
pub mod mails;
pub mod sample;
pub mod sessions;
pub mod sweeping;
pub mod users;

/// Makes a test of every case: `conformance!(crate::sqlite::open)` in a module `sqlite` gives
/// `sqlite::users::one_of_many_racers_wins` and so on. `open` is an async function without arguments that returns an
/// empty [`Store`](keyward_auth::records::Store) and whatever must be kept while it is used.
///
/// `conformance!(expiring: crate::redis::open)` is for a store that only keeps what expires. After a comma comes an
/// attribute for each test, as for a backend that may be missing:
/// `conformance!(crate::postgres::open, #[cfg_attr(not(keyward_test_postgres), ignore = "no server")])`.
///
/// The caller needs `tokio` with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! conformance {
    ($open:path) => {
        $crate::conformance!($open, #[cfg(test)]);
    };
    ($open:path, #$attribute:tt) => {
        $crate::conformance!(expiring: $open, #$attribute);
        $crate::conformance! { $open, $attribute =>
            users: [
                a_user_comes_back_as_it_was_kept,
                a_user_may_lack_whatever_is_optional,
                absence_is_none,
                an_email_is_taken_in_any_letter_case,
                a_username_and_its_look_alikes_are_taken,
                one_of_many_racers_wins,
                a_refused_insert_leaves_neither_row_nor_event,
                a_sign_in_is_noted_without_a_new_version,
                a_hash_is_upgraded_only_if_it_is_still_there,
                a_sign_in_of_nobody_does_nothing,
                a_deleted_user_takes_the_sessions_along,
                a_deleted_user_takes_codes_and_mails_along,
                a_deleted_users_names_are_free_again,
                deleting_a_stale_user_deletes_nothing,
                one_of_many_deletions_wins,
                those_who_wait_for_an_address_are_found_whoever_has_it,
            ],
            changes: [
                every_field_changes_alone,
                a_field_is_cleared_by_none,
                a_change_returns_the_user_as_it_is_then,
                a_change_to_a_stale_version_changes_nothing,
                a_change_of_nobody_is_stale,
                a_taken_name_changes_nothing,
                an_email_may_change_its_letter_case,
                a_freed_name_is_free,
                one_of_many_changes_of_one_version_wins,
                changes_of_different_fields_all_stay,
                ending_sessions_raises_the_epoch_and_keeps_one,
                racers_for_one_email_get_it_once,
                who_waits_for_an_address_follows_the_change,
            ],
            administrators: [
                the_first_administrator_comes_once,
                the_first_administrator_is_one,
                one_of_many_first_administrators_wins,
                a_failed_first_administrator_leaves_the_way_open,
                the_last_administrator_cannot_leave,
                a_guarded_change_changes_nothing,
                stale_comes_before_guarded,
                a_stale_promotion_does_not_count,
                a_demoted_administrator_can_come_back,
                a_change_of_administrators_needs_a_version,
                two_who_demote_each_other_leave_one,
                two_who_disable_each_other_leave_one,
                two_who_delete_each_other_leave_one,
                many_who_leave_at_once_leave_one,
            ],
            lists: [
                a_cursor_meets_everybody_once,
                filters_narrow_and_combine,
                a_prefix_finds_emails_and_usernames,
                a_prefix_is_no_pattern,
                a_role_is_found_whole,
                a_prefix_keeps_cursor_and_limit,
            ],
            sweeping: [
                a_sweep_takes_exactly_what_has_expired,
                a_sweep_keeps_to_its_bound,
                a_sweep_goes_by_the_end_after_the_last_rotation,
                a_sweep_takes_exactly_the_codes_that_have_expired,
                a_sweep_of_codes_keeps_to_its_bound,
                a_code_that_is_issued_anew_is_not_swept,
            ],
            keys: [
                keys_come_back_by_algorithm_and_sequence,
                one_of_many_keys_of_a_sequence_wins,
                a_sequence_is_of_one_algorithm,
                a_removed_key_is_gone,
            ],
            audit: [
                an_event_comes_back_as_it_was_kept,
                the_latest_events_come_first,
                events_are_written_with_and_only_with_a_change,
                events_outlive_their_user,
                a_sweep_takes_exactly_what_is_older,
                a_sweep_keeps_to_its_bound,
            ],
            intents: [
                an_intent_is_shown_as_one,
                what_has_happened_is_an_event,
                what_has_not_happened_is_gone,
                an_event_cannot_be_taken_back,
                several_are_settled_together,
                intents_grow_old_as_events_do,
                an_intended_mail_waits_until_it_is_due,
                the_mail_of_what_has_happened_is_due_when_it_was_made,
                the_mail_of_what_has_not_happened_is_gone,
                a_mail_that_was_begun_is_not_settled_any_more,
            ],
            mails: [
                a_mail_comes_back_as_it_was_kept,
                a_dead_mail_can_be_retried,
                a_waiting_mail_can_be_retried_at_once,
                a_sent_mail_is_not_retried,
                mails_are_listed_newest_first,
                mails_are_found_by_state_and_address,
                a_sweep_takes_exactly_what_has_ended_before,
                a_sweep_keeps_to_its_bound,
            ],
            claims: [
                a_claim_counts_the_attempt_and_holds_until_it_ends,
                a_mail_is_not_claimed_before_it_is_due,
                mails_are_claimed_in_the_order_of_being_due,
                one_of_many_claims_gets_a_mail,
                a_claim_that_ran_out_is_claimed_again_and_the_late_settle_is_refused,
                a_mail_is_settled_once,
                sent_mails_are_never_claimed,
                dead_mails_are_never_claimed,
                what_was_not_sent_is_due_again_when_it_was_said,
                a_dropped_mail_is_gone,
                settling_keeps_whose_it_turned_out_to_be,
            ],
            along: [
                mails_are_there_with_a_change,
                a_refused_change_leaves_no_mail,
                a_mail_that_cannot_be_kept_takes_the_change_back,
                a_mail_that_tells_of_a_deletion_stays,
                leftovers_are_there_with_a_change,
                a_picture_and_what_was_before_it_change_together,
                what_was_put_before_is_due_when_the_change_says,
                a_refused_change_leaves_no_leftover,
                what_cannot_be_kept_takes_change_and_leftover_back,
                a_leftover_outlives_its_user,
                of_racing_pictures_one_stays_and_all_others_are_left_over,
            ],
            leftovers: [
                a_leftover_is_claimed_when_it_is_due,
                a_claim_holds_until_it_ends,
                leftovers_are_claimed_in_the_order_of_being_due,
                of_a_leftover_that_is_put_again_only_the_time_changes,
                one_of_many_claims_gets_a_leftover,
                racers_who_take_a_few_at_a_time_get_each_once,
                a_leftover_is_removed_only_as_it_is_due,
                a_claim_that_ran_out_removes_nothing,
                what_is_put_while_it_is_claimed_stays,
                one_of_many_removals_wins,
                of_a_removal_and_another_putting_the_leftover_stays,
            ],
            leases: [
                one_of_many_racers_gets_it,
                the_holder_prolongs_it,
                an_expired_lease_is_taken,
                only_the_holder_gives_it_back,
                leases_do_not_mix,
            ],
        }
    };
    (expiring: $open:path, #$attribute:tt) => {
        $crate::conformance! { $open, $attribute =>
            sessions: [
                a_session_comes_back_as_it_was_kept,
                a_session_and_a_user_are_read_side_by_side,
                a_session_of_nobody_is_refused,
                the_oldest_sessions_end_beyond_the_cap,
                racing_sign_ins_keep_to_the_cap,
                a_rotation_moves_on_by_one,
                one_of_many_rotations_wins,
                an_expired_session_does_not_rotate,
                what_is_gone_or_moved_on_does_not_rotate,
                ending_tells_whether_there_was_one,
                only_its_user_ends_a_session,
                one_of_many_endings_wins,
                a_rotation_racing_an_end_does_not_revive,
                a_users_sessions_are_listed_newest_first,
                forgetting_spares_the_kept_and_the_new,
                a_rotated_session_outlives_its_old_end,
            ],
            codes: [
                a_code_comes_back_as_it_was_kept,
                an_expired_code_is_read_all_the_same,
                an_older_code_replaces_no_newer_one,
                a_newer_code_replaces_the_older,
                the_same_code_again_keeps_its_tries,
                a_code_is_newer_by_when_it_was_asked_for,
                of_racing_codes_the_newest_stays,
                digits_are_tried_so_often_and_no_more,
                two_hundred_racers_get_no_more_tries_than_there_are,
                expired_digits_get_no_try,
                a_link_alone_gets_no_try,
                nobodys_code_is_tried_like_any,
                codes_of_two_users_in_one_place_do_not_disturb_each_other,
                places_do_not_mix,
                all_codes_of_a_place_are_seen,
                one_of_many_racers_consumes_a_code,
                an_expired_code_is_not_consumed,
                a_code_is_consumed_however_often_it_was_tried,
                forgetting_takes_a_users_codes_in_these_places,
            ],
            counters: [
                so_many_at_once_and_then_one_in_each_interval,
                racers_get_no_more_than_there_are,
                what_is_given_back_can_be_taken_again,
                a_full_bucket_stays_full,
                buckets_do_not_mix,
                many_are_taken_from_at_once_each_for_itself,
                a_clock_that_ran_ahead_empties_a_bucket_and_no_more,
                every_answer_is_the_rates_own,
            ],
        }
    };
    ($open:path, $attribute:tt => $($record:ident: [$($case:ident),* $(,)?]),* $(,)?) => {$(
        mod $record {$(
            #$attribute
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $case() {
                let (store, _kept) = $open().await;
                $crate::conformance::$record::$case(&store).await;
            }
        )*}
    )*};
}
