//! The places of pictures: a folder, and the bucket of KEYWARD_TEST_S3. Owns which case runs on which; the cases that both
//! must pass are in `cases`, what only one of them has is in the other files.
#![expect(clippy::unwrap_used, reason = "a test")]

mod cases;
mod folder;
mod links;
mod outages;
mod s3;
mod tls;

use keyward_auth::values::{Format, Picture};
use std::sync::atomic::{AtomicU8, Ordering};

/// One that no other test has.
fn picture(format: Format) -> Picture {
    static NUMBER: AtomicU8 = AtomicU8::new(0);
    let mut id = [0x5a; 16];
    id[0] = NUMBER.fetch_add(1, Ordering::Relaxed);
    Picture::new(id, format)
}

/// Bytes that are no other square's.
fn square(picture: Picture, side: u32) -> Vec<u8> {
    let seed = picture.object(side).into_bytes();
    seed.into_iter().cycle().take(side as usize * 40).collect()
}

/// A test of every case, on whatever `open` gives: a gallery, and what must be kept while it is used.
macro_rules! every_case {
    ($open:path, #[$attribute:meta], [$($case:ident,)*]) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            #[$attribute]
            async fn $case() {
                let (gallery, _kept) = $open().await;
                $crate::cases::$case(std::sync::Arc::new(gallery)).await;
            }
        )*
    };
    ($open:path, #[$attribute:meta]) => {
        $crate::every_case!($open, #[$attribute], [
            what_hangs_is_seen_by_its_name_alone,
            absence_is_none,
            hung_again_it_takes_the_place,
            what_is_taken_down_is_gone_and_others_stay,
            what_is_absent_or_not_whole_is_taken_down,
            what_was_taken_down_may_hang_again,
            racers_for_one_name_leave_one_of_them_whole,
            many_hang_at_once,
        ]);
    };
}
use every_case;

#[test]
fn every_case_is_listed() {
    let list = include_str!("main.rs");
    for case in include_str!("cases.rs").split("\npub(crate) async fn ").skip(1) {
        let name = case.split('(').next().unwrap();
        assert!(list.contains(&format!(" {name},")), "{name} is not listed");
    }
}

mod in_a_folder {
    every_case!(crate::folder::open, #[cfg(test)]);
}

mod in_a_bucket {
    every_case!(
        crate::s3::open,
        #[cfg_attr(not(keyward_test_s3), ignore = "no S3: scripts/servers run cargo test")]
    );
}
