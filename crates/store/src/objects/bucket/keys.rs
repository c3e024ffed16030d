//! The keys that sign links, at hand without a wait. Owns that those of a role are fetched in the background and renewed
//! before they end; what lends them is `object_store`'s part.

use super::presign::Pass;
use object_store::aws::AwsCredentialProvider;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

/// How often whoever lends keys is asked: it hands out what it has until five minutes before that ends, and new ones then.
const RENEWAL: Duration = Duration::from_secs(60);
/// Where they cannot be had: at first soon, then each time after twice as long, up to [`RENEWAL`].
const AGAIN: Duration = Duration::from_secs(1);
const ASKING: Duration = Duration::from_secs(10);
/// Keys that could not be renewed for so long have ended.
const LEFT: Duration = Duration::from_secs(300);

type Shown = Arc<RwLock<Option<Arc<Pass>>>>;

pub(super) struct Keys {
    shown: Shown,
    renewal: Option<JoinHandle<()>>,
}

impl Keys {
    /// `are_given`: there from the beginning, and for ever.
    pub(super) async fn keep(lender: AwsCredentialProvider, region: String, are_given: bool) -> Self {
        let shown = Shown::default();
        if are_given {
            ask(&lender, &shown, &region).await;
            return Self { shown, renewal: None };
        }
        let renewal = tokio::spawn(renew(lender, Arc::clone(&shown), region));
        Self { shown, renewal: Some(renewal) }
    }

    /// `None` while there are none.
    pub(super) fn now(&self) -> Option<Arc<Pass>> {
        self.shown.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        if let Some(renewal) = &self.renewal {
            renewal.abort();
        }
    }
}

async fn renew(lender: AwsCredentialProvider, shown: Shown, region: String) {
    let mut pause = AGAIN;
    let mut had = Instant::now();
    loop {
        if ask(&lender, &shown, &region).await {
            (pause, had) = (AGAIN, Instant::now());
            sleep(RENEWAL).await;
            continue;
        }
        if had.elapsed() + pause > LEFT {
            show(&shown, None);
        }
        sleep(pause).await;
        pause = (2 * pause).min(RENEWAL);
    }
}

/// Whether there are keys.
async fn ask(lender: &AwsCredentialProvider, shown: &Shown, region: &str) -> bool {
    let Ok(Ok(keys)) = timeout(ASKING, lender.get_credential()).await else { return false };
    let is_known = |pass: &Arc<Pass>| pass.is_of(&keys);
    // The same ones keep the key of their day.
    if !shown.read().unwrap_or_else(PoisonError::into_inner).as_ref().is_some_and(is_known) {
        show(shown, Some(Arc::new(Pass::new(keys, region.to_owned()))));
    }
    true
}

fn show(shown: &Shown, pass: Option<Arc<Pass>>) {
    *shown.write().unwrap_or_else(PoisonError::into_inner) = pass;
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use object_store::CredentialProvider;
    use object_store::aws::AwsCredential;
    use std::sync::Mutex;

    /// Lends what it is told to, and counts.
    #[derive(Debug, Default)]
    struct Lender {
        lends: Mutex<Option<&'static str>>,
        asked: Mutex<u32>,
    }

    impl Lender {
        fn lends(&self, id: Option<&'static str>) {
            *self.lends.lock().unwrap() = id;
        }

        fn asked(&self) -> u32 {
            *self.asked.lock().unwrap()
        }
    }

    #[async_trait]
    impl CredentialProvider for Lender {
        type Credential = AwsCredential;

        async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
            *self.asked.lock().unwrap() += 1;
            let key_id = self.lends.lock().unwrap().ok_or(object_store::Error::NotImplemented {
                operation: "lending".into(),
                implementer: "this one".into(),
            })?;
            Ok(Arc::new(AwsCredential { key_id: key_id.into(), secret_key: "s".into(), token: None }))
        }
    }

    async fn kept() -> (Arc<Lender>, Keys) {
        let lender = Arc::new(Lender::default());
        let keys = Keys::keep(lender.clone(), "us-east-1".into(), false).await;
        (lender, keys)
    }

    async fn after(seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn new_keys_take_the_place_of_old_ones_and_the_same_stay() {
        let (lender, keys) = kept().await;
        assert!(keys.now().is_none());
        lender.lends(Some("first"));
        after(5).await;
        let first = keys.now().unwrap();
        after(200).await;
        assert!(Arc::ptr_eq(&keys.now().unwrap(), &first));
        lender.lends(Some("second"));
        after(61).await;
        assert!(!Arc::ptr_eq(&keys.now().unwrap(), &first));
    }

    #[tokio::test(start_paused = true)]
    async fn keys_that_are_not_renewed_are_shown_no_longer_than_they_last() {
        let (lender, keys) = kept().await;
        lender.lends(Some("first"));
        after(5).await;
        lender.lends(None);
        after(200).await;
        assert!(keys.now().is_some());
        after(100).await;
        assert!(keys.now().is_none());
        lender.lends(Some("first"));
        after(61).await;
        assert!(keys.now().is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_asked_often_or_by_what_is_gone() {
        let (lender, keys) = kept().await;
        after(3600).await;
        let asked = lender.asked();
        assert!((60..75).contains(&asked), "{asked}");
        drop(keys);
        after(3600).await;
        assert_eq!(lender.asked(), asked);
    }
}
