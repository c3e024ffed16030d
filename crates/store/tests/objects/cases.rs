//! What every place of pictures must do.

use crate::{picture, square};
use futures_util::future::join_all;
use keyward_auth::outside::Gallery;
use keyward_auth::values::Format::{Jpeg, Png};
use keyward_auth::values::Picture;
use std::sync::Arc;

type Place = Arc<dyn Gallery>;

async fn hang_all(gallery: &Place, picture: Picture) {
    for side in Picture::SIZES {
        gallery.hang(picture, side, square(picture, side)).await.unwrap();
    }
}

async fn seen(gallery: &Place, picture: Picture) -> Vec<Option<Vec<u8>>> {
    join_all(Picture::SIZES.map(|side| async move { gallery.look(picture, side).await.unwrap() })).await
}

fn all_of(picture: Picture) -> Vec<Option<Vec<u8>>> {
    Picture::SIZES.map(|side| Some(square(picture, side))).into()
}

const NOTHING: [Option<Vec<u8>>; 4] = [const { None }; 4];

pub(crate) async fn what_hangs_is_seen_by_its_name_alone(gallery: Place) {
    let (one, other) = (picture(Jpeg), picture(Png));
    hang_all(&gallery, one).await;
    assert_eq!(seen(&gallery, one).await, all_of(one));
    assert_eq!(seen(&gallery, other).await, NOTHING);
    hang_all(&gallery, other).await;
    assert_eq!(seen(&gallery, one).await, all_of(one));
    assert_eq!(seen(&gallery, other).await, all_of(other));
}

pub(crate) async fn absence_is_none(gallery: Place) {
    let picture = picture(Png);
    assert_eq!(seen(&gallery, picture).await, NOTHING);
    gallery.hang(picture, 64, square(picture, 64)).await.unwrap();
    assert_eq!(gallery.look(picture, 128).await.unwrap(), None);
    assert_eq!(gallery.look(picture, 4).await.unwrap(), None);
}

pub(crate) async fn hung_again_it_takes_the_place(gallery: Place) {
    let picture = picture(Jpeg);
    hang_all(&gallery, picture).await;
    for other in [b"shorter".to_vec(), vec![7; 100_000], Vec::new()] {
        gallery.hang(picture, 128, other.clone()).await.unwrap();
        assert_eq!(gallery.look(picture, 128).await.unwrap(), Some(other));
    }
    assert_eq!(gallery.look(picture, 64).await.unwrap(), Some(square(picture, 64)));
}

pub(crate) async fn what_is_taken_down_is_gone_and_others_stay(gallery: Place) {
    let (gone, stays) = (picture(Jpeg), picture(Jpeg));
    hang_all(&gallery, gone).await;
    hang_all(&gallery, stays).await;
    gallery.take_down(gone).await.unwrap();
    assert_eq!(seen(&gallery, gone).await, NOTHING);
    assert_eq!(seen(&gallery, stays).await, all_of(stays));
}

pub(crate) async fn what_is_absent_or_not_whole_is_taken_down(gallery: Place) {
    let picture = picture(Png);
    gallery.take_down(picture).await.unwrap();
    gallery.hang(picture, 256, square(picture, 256)).await.unwrap();
    gallery.take_down(picture).await.unwrap();
    assert_eq!(seen(&gallery, picture).await, NOTHING);
    gallery.take_down(picture).await.unwrap();
}

pub(crate) async fn what_was_taken_down_may_hang_again(gallery: Place) {
    let picture = picture(Jpeg);
    for _ in 0..3 {
        hang_all(&gallery, picture).await;
        assert_eq!(seen(&gallery, picture).await, all_of(picture));
        gallery.take_down(picture).await.unwrap();
        assert_eq!(seen(&gallery, picture).await, NOTHING);
    }
}

pub(crate) async fn racers_for_one_name_leave_one_of_them_whole(gallery: Place) {
    let picture = picture(Jpeg);
    let whole = |found: &[u8]| found.len() == 300_000 && found.iter().all(|byte| *byte == found[0]);
    let racers = (0..8_u8).map(|racer| {
        let gallery = Arc::clone(&gallery);
        tokio::spawn(async move {
            for _ in 0..5 {
                gallery.hang(picture, 512, vec![racer; 300_000]).await.unwrap();
                let found = gallery.look(picture, 512).await.unwrap().unwrap();
                assert!(whole(&found), "{} bytes", found.len());
            }
        })
    });
    for racer in join_all(racers.collect::<Vec<_>>()).await {
        racer.unwrap();
    }
    assert!(whole(&gallery.look(picture, 512).await.unwrap().unwrap()));
}

pub(crate) async fn many_hang_at_once(gallery: Place) {
    let pictures: Vec<Picture> = (0..12).map(|_| picture(Png)).collect();
    let hanging = pictures.iter().map(|picture| {
        let (gallery, picture) = (Arc::clone(&gallery), *picture);
        tokio::spawn(async move {
            let sides = Picture::SIZES.map(|side| gallery.hang(picture, side, square(picture, side)));
            join_all(sides).await.into_iter().for_each(Result::unwrap);
        })
    });
    for hung in join_all(hanging.collect::<Vec<_>>()).await {
        hung.unwrap();
    }
    for picture in pictures {
        assert_eq!(seen(&gallery, picture).await, all_of(picture));
    }
}
