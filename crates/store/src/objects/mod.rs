//! Where pictures hang: a folder of this machine, or a bucket of S3 and of what speaks like it. Owns that a square is there
//! whole or not at all, and that nothing of a picture stays; knows no user, and decides nothing.

mod bucket;
mod folder;

pub use bucket::{Bucket, BucketSettings};
pub use folder::Folder;

/// Why a place cannot be used, in one line for the operator. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OpenError(String);
