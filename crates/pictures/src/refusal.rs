//! Why an upload does not become a picture, in the words that its sender reads. Nothing of the upload is repeated in them.

use keyward_auth::values::Invalid;

/// It is no picture that can be read.
pub(crate) fn unreadable(detail: &str) -> Invalid {
    Invalid::new("invalid_picture", detail)
}

/// It begins like a picture, and then it is not as its format wants it.
pub(crate) fn broken() -> Invalid {
    unreadable("the picture is broken")
}

/// The end is missing.
pub(crate) fn cut_short() -> Invalid {
    unreadable("the picture is cut short")
}

/// It may be a right picture, but it would take too much to paint it.
pub(crate) fn too_large(detail: &str) -> Invalid {
    Invalid::new("picture_too_large", detail)
}
