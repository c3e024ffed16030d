//! Where pictures are kept: what the keys of `pictures` come to together with the database's place.

use super::problem::Problem;
use super::settings::Config;
use std::fmt;
use std::path::{Path, PathBuf};

/// The folder where there is nothing else to say where it is.
const FOLDER: &str = "./keyward-data/pictures";

/// Where pictures are kept, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PicturePlace {
    Folder(PathBuf),
    /// A bucket's name, and where it is if not at AWS.
    Bucket(String, Option<String>),
}

impl fmt::Display for PicturePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "{}", path.display()),
            Self::Bucket(bucket, None) => write!(f, "s3://{bucket}"),
            Self::Bucket(bucket, Some(endpoint)) => write!(f, "s3://{bucket} at {endpoint}"),
        }
    }
}

impl Config {
    pub fn picture_place(&self) -> PicturePlace {
        let pictures = &self.pictures;
        if let Some(bucket) = &pictures.bucket {
            return PicturePlace::Bucket(bucket.clone(), pictures.endpoint.as_ref().map(ToString::to_string));
        }
        let beside = || self.store.url.folder().map(|folder| folder.join("pictures"));
        let folder = pictures.folder.clone().or_else(beside);
        PicturePlace::Folder(folder.unwrap_or_else(|| Path::new(FOLDER).to_owned()))
    }

    pub(super) fn picture_conflicts(&self) -> Vec<Problem> {
        let pictures = &self.pictures;
        let mut found = Vec::new();
        let mut problem = |key: &str, text: &str| found.push(Problem::new(key, text));
        if pictures.bucket.is_some() && pictures.folder.is_some() {
            problem(
                "pictures.folder",
                "pictures.bucket is set too, and pictures are kept in one place; leave one of them out",
            );
        }
        if pictures.bucket.is_none() && pictures.endpoint.is_some() {
            problem(
                "pictures.bucket",
                "pictures.endpoint is set, and the bucket there is not named (S3_BUCKET)",
            );
        }
        // Names of AWS may be set for others; they matter only to who has a bucket.
        let has = (pictures.access_key_id.is_some(), pictures.secret_access_key.is_some());
        match has {
            (true, false) if pictures.bucket.is_some() => problem(
                "pictures.secret_access_key",
                "pictures.access_key_id is set, and its secret is not (AWS_SECRET_ACCESS_KEY)",
            ),
            (false, true) if pictures.bucket.is_some() => problem(
                "pictures.access_key_id",
                "pictures.secret_access_key is set, and the key's id is not (AWS_ACCESS_KEY_ID)",
            ),
            (false, false) if pictures.bucket.is_some() && pictures.session_token.is_some() => problem(
                "pictures.session_token",
                "a token goes with the key that was lent with it; give AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, too",
            ),
            _ => {}
        }
        found
    }

    pub(super) fn picture_warnings(&self) -> Vec<String> {
        let pictures = &self.pictures;
        let mut found = Vec::new();
        if pictures.bucket.is_some()
            && pictures
                .endpoint
                .as_ref()
                .is_some_and(|endpoint| !endpoint.is_https() && !endpoint.is_loopback())
        {
            found.push(
                "pictures.endpoint begins with http://: pictures and links to them cross the network in the clear"
                    .into(),
            );
        }
        if self.store.url.file().is_none() && pictures.bucket.is_none() && pictures.folder.is_none() {
            found.push(format!(
                "pictures are kept in {} on this machine, where other servers of the same database do not see them; set \
                 pictures.bucket (S3_BUCKET), or pictures.folder if this is the only one",
                self.picture_place()
            ));
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;
    use crate::config::tests::{env, only_problem, strong};

    const BUCKET: (&str, &str) = ("S3_BUCKET", "faces");
    const ENDPOINT: (&str, &str) = ("S3_ENDPOINT", "http://minio:9000");
    const FOLDER: (&str, &str) = ("KEYWARD_PICTURES_FOLDER", "/srv/pictures");
    const POSTGRES: (&str, &str) = ("DATABASE_URL", "postgres://u@10.0.0.7/d");
    const ID: (&str, &str) = ("AWS_ACCESS_KEY_ID", "AKIA");
    const KEY: (&str, &str) = ("AWS_SECRET_ACCESS_KEY", "c4nary");

    fn load(given: &[(&str, &str)]) -> Config {
        Config::load(&env(given)).unwrap_or_else(|problems| panic!("{given:?}: {problems}"))
    }

    #[test]
    fn where_pictures_are_kept() {
        let secret = strong();
        let secret = ("SECRET_KEY", secret.as_str());
        for (given, place, warnings) in [
            (&[][..], "./keyward-data/pictures", 0),
            (&[("DATABASE_URL", "sqlite:/var/lib/keyward/k.db")], "/var/lib/keyward/pictures", 0),
            (&[FOLDER], "/srv/pictures", 0),
            (&[POSTGRES, secret], "./keyward-data/pictures", 1),
            (&[POSTGRES, secret, FOLDER], "/srv/pictures", 0),
            (&[POSTGRES, secret, BUCKET], "s3://faces", 0),
            (&[BUCKET, ENDPOINT, ID, KEY], "s3://faces at http://minio:9000", 1),
            (&[BUCKET, ("S3_ENDPOINT", "https://r2.example.com")], "s3://faces at https://r2.example.com", 0),
            (&[ID], "./keyward-data/pictures", 0),
        ] {
            let config = load(given);
            assert_eq!(config.picture_place().to_string(), place, "{given:?}");
            assert_eq!(config.picture_warnings().len(), warnings, "{:?}", config.picture_warnings());
            assert!(!format!("{config:?}").contains("c4nary"), "{config:?}");
        }
    }

    #[test]
    fn what_does_not_fit_together() {
        for (given, key) in [
            (&[BUCKET, FOLDER][..], "pictures.folder"),
            (&[ENDPOINT], "pictures.bucket"),
            (&[BUCKET, ID], "pictures.secret_access_key"),
            (&[BUCKET, KEY], "pictures.access_key_id"),
            (&[BUCKET, ("AWS_SESSION_TOKEN", "c4nary")], "pictures.session_token"),
            (&[("S3_BUCKET", "faces/of")], "pictures.bucket"),
        ] {
            let message = only_problem(&env(given));
            assert!(message.starts_with(key) && !message.contains("c4nary"), "{given:?}: {message}");
        }
    }
}
