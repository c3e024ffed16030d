//! Pictures in a bucket of S3, or of what speaks like it. Owns what is asked of the bucket and how long it is waited for;
//! links to it are signed in `presign`, with what `keys` keeps at hand.

mod keys;
mod place;
mod presign;
mod settings;
#[cfg(test)]
mod tests;
mod trouble;
mod wire;

pub use settings::BucketSettings;

use super::OpenError;
use async_trait::async_trait;
use futures_util::future::join_all;
use keys::Keys;
use keyward_auth::outside::{Gallery, GalleryError};
use keyward_auth::values::{Picture, Timestamp};
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::list::{PaginatedListOptions, PaginatedListStore};
use object_store::path::Path as Name;
use object_store::{Attribute, Attributes, BackoffConfig, ObjectStore, ObjectStoreExt, RetryConfig};
use place::Place;
use std::fmt;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use trouble::Trouble;

/// An object never changes under its name.
const KEPT: &str = "private, max-age=31536000, immutable";

/// A bucket. What it is asked takes no longer than [`BucketSettings::timeout`], tries again included.
pub struct Bucket {
    store: AmazonS3,
    place: Place,
    prefix: String,
    keys: Keys,
    timeout: Duration,
}

impl Bucket {
    /// Judges the settings, and asks nobody: whether bucket and keys are right shows [`look_around`](Gallery::look_around).
    /// Without keys in the settings it takes those of the environment (`AWS_ACCESS_KEY_ID` and so on), a web identity, or
    /// the role of the task, the pod or the machine, and keeps these fresh in the background. Needs a tokio runtime, which
    /// must be there for as long as the bucket.
    ///
    /// # Errors
    /// One line that says which setting is wrong.
    pub async fn open(settings: BucketSettings) -> Result<Self, OpenError> {
        Self::open_in(settings, |name| std::env::var(name).ok()).await
    }

    async fn open_in(
        settings: BucketSettings,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, OpenError> {
        let judged = settings::judge(settings, environment)?;
        let is_plain = judged.place.is_plain();
        let tls = tokio::task::spawn_blocking(move || wire::tls(is_plain)).await;
        let tls = tls.unwrap_or_else(|error| Err(OpenError(error.to_string())))?;
        let mut builder = AmazonS3Builder::new();
        for (key, value) in judged.credentials {
            builder = builder.with_config(key, value);
        }
        let store = builder
            .with_bucket_name(judged.bucket)
            .with_region(judged.region.clone())
            // The bucket's name is in there already, wherever it stands.
            .with_endpoint(judged.place.url())
            .with_virtual_hosted_style_request(true)
            .with_config(
                AmazonS3ConfigKey::Client(object_store::ClientConfigKey::AllowHttp),
                is_plain.to_string(),
            )
            // One delete for each: some that speak like S3 know no other.
            .with_disable_bulk_delete(true)
            .with_retry(retries(judged.timeout))
            .with_http_connector(wire::Wire::new(tls, judged.timeout))
            .build()
            .map_err(|error| OpenError(format!("the bucket cannot be used: {error}")))?;
        let keys = Keys::keep(store.credentials().clone(), judged.region, judged.are_given).await;
        Ok(Self { store, place: judged.place, prefix: judged.prefix, keys, timeout: judged.timeout })
    }

    fn key(&self, picture: Picture, side: u32) -> String {
        format!("{}{}", self.prefix, picture.object(side))
    }

    async fn ask<T>(
        &self,
        what: &'static str,
        question: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, GalleryError> {
        self.answer(question).await.map_err(|trouble| trouble.of(what, &self.place))
    }

    async fn answer<T>(&self, question: impl Future<Output = object_store::Result<T>>) -> Result<T, Trouble> {
        let end = Instant::now() + self.timeout;
        // Asked for alone, so that a role that is not there is not taken for a bucket that is not.
        let keys = timeout_at(end, self.store.credentials().get_credential()).await;
        keys.map_err(|_| Trouble::NoKeys("gave no answer in time"))?
            .map_err(|error| Trouble::of_keys(&error))?;
        let answer = timeout_at(end, question).await.map_err(|_| Trouble::Late)?;
        answer.map_err(|error| Trouble::of_answer(&error))
    }

    async fn take(&self, picture: Picture, side: u32) -> Result<(), Trouble> {
        let name = Name::from(self.key(picture, side));
        match self.answer(self.store.delete(&name)).await {
            Err(Trouble::NoObject) => Ok(()),
            taken => taken,
        }
    }
}

#[async_trait]
impl Gallery for Bucket {
    async fn hang(&self, picture: Picture, side: u32, square: Vec<u8>) -> Result<(), GalleryError> {
        let name = Name::from(self.key(picture, side));
        let attributes = Attributes::from_iter([
            (Attribute::ContentType, picture.format().media_type()),
            (Attribute::CacheControl, KEPT),
        ]);
        self.ask("put", self.store.put_opts(&name, square.into(), attributes.into())).await?;
        Ok(())
    }

    async fn look(&self, picture: Picture, side: u32) -> Result<Option<Vec<u8>>, GalleryError> {
        let name = Name::from(self.key(picture, side));
        let found = async { self.store.get(&name).await?.bytes().await };
        match self.answer(found).await {
            Ok(square) => Ok(Some(square.into())),
            Err(Trouble::NoObject) => Ok(None),
            Err(trouble) => Err(trouble.of("get", &self.place)),
        }
    }

    async fn take_down(&self, picture: Picture) -> Result<(), GalleryError> {
        let taken = join_all(Picture::SIZES.map(|side| self.take(picture, side))).await;
        let taken: Result<(), Trouble> = taken.into_iter().collect();
        taken.map_err(|trouble| trouble.of("delete", &self.place))
    }

    /// Asks whether the bucket answers, is there, and lets these keys look into it.
    async fn look_around(&self) -> Result<(), GalleryError> {
        let prefix = (!self.prefix.is_empty()).then_some(self.prefix.as_str());
        let options = PaginatedListOptions { max_keys: Some(1), ..PaginatedListOptions::default() };
        self.ask("list", self.store.list_paginated(prefix, options)).await?;
        Ok(())
    }

    /// With the keys of a role the link ends when these end, should that be before `until`: nobody says when that is.
    fn link(&self, picture: Picture, side: u32, from: Timestamp, until: Timestamp) -> Option<String> {
        let pass = self.keys.now()?;
        let seconds = until.as_seconds().saturating_sub(from.as_seconds()).max(1);
        // No longer than the link is the same, since what is signed cannot say how much of its life is left.
        let kept = format!("private, max-age={}, immutable", seconds / 3);
        let reply = [
            ("response-cache-control", kept.as_str()),
            ("response-content-type", picture.format().media_type()),
        ];
        presign::link(&pass, &self.place, &self.key(picture, side), &reply, from, seconds)
    }
}

/// The bucket's place alone.
impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket({}/{})", self.place.url(), self.prefix)
    }
}

fn retries(timeout: Duration) -> RetryConfig {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(50),
        max_backoff: Duration::from_millis(500),
        base: 2.0,
    };
    RetryConfig { backoff, max_retries: 2, retry_timeout: timeout }
}
