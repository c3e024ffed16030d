//! Names that only one user may have, as they are compared, and a write that takes them.

use crate::mongo::USERS;
use crate::mongo::documents::{Documents, pause};
use crate::mongo::trouble::Trouble;
use keyward_auth::records::Unique;
use keyward_auth::values::{Email, Username};
use mongodb::bson::{Bson, doc};

/// How often names are tried to be taken that others have and give up at the same time.
const TRIES: u32 = 6;

pub(super) struct Names {
    email: Option<String>,
    username: Option<(String, String)>,
}

impl Names {
    pub(super) fn of(email: Option<&Email>, username: Option<&Username>) -> Self {
        let shape = |name: &Username| (name.as_str().to_owned(), Username::shape(name));
        Self { email: email.map(|email| email.key().to_owned()), username: username.map(shape) }
    }

    /// One index each.
    fn fields(&self) -> impl Iterator<Item = (&'static str, &str, Unique)> {
        let email = self.email.as_deref().map(|email| ("email_key", email, Unique::Email));
        let username = self.username.as_ref().map(|(name, shape)| {
            [("username", name.as_str(), Unique::Username), ("username_shape", shape, Unique::Username)]
        });
        email.into_iter().chain(username.into_iter().flatten())
    }

    /// Does a write that gives this user the names, or says which of them is another's.
    pub(super) async fn write<T, F>(
        &self,
        documents: &Documents,
        own: &Bson,
        write: impl Fn() -> F,
    ) -> Result<Result<T, Unique>, Trouble>
    where
        F: Future<Output = Result<T, Trouble>>,
    {
        for number in 1..=TRIES {
            match write().await {
                Err(Trouble::Duplicate) => match self.taken(documents, own).await {
                    Ok(Some(taken)) => return Ok(Err(taken)),
                    Ok(None) => pause(number).await,
                    // Who has it is unknown; that nothing was written is not.
                    Err(trouble) => return Err(Trouble::Refused(trouble.to_string())),
                },
                done => return done.map(Ok),
            }
        }
        Err(Trouble::Conflict)
    }

    /// What of them another user has: the server's refusal may not say it. None, if it was given up meanwhile.
    async fn taken(&self, documents: &Documents, own: &Bson) -> Result<Option<Unique>, Trouble> {
        for (field, value, unique) in self.fields() {
            if documents.is_there(USERS, doc! { "_id": { "$ne": own }, field: value }).await? {
                return Ok(Some(unique));
            }
        }
        Ok(None)
    }
}
