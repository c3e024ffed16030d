//! Roles as types: nobody, a person who is signed in, an administrator.

use super::{Reply, Request, Sender, TestApp, delete, get, patch, post, put};
use keyward_auth::flows::{By, Caller, NewUser};
use keyward_auth::values::{Email, Password, Role, Roles, Username};
use serde_json::{Value, json};

/// Somebody with a living session, at the time of signing in.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) wire: Sender,
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) password: String,
    pub(crate) access: String,
    pub(crate) refresh: String,
}

/// Nobody.
pub(crate) struct Anonymous(Sender);

impl Anonymous {
    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.0.send(&get(path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.0.send(&post(path).json(body)).await
    }
}

impl Person {
    /// The request with this person's token.
    pub(crate) fn by(&self, request: Request) -> Request {
        request.bearer(&self.access)
    }

    pub(crate) async fn send(&self, request: Request) -> Reply {
        self.wire.send(&self.by(request)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(get(path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Reply {
        self.send(post(path).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Reply {
        self.send(put(path).json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Reply {
        self.send(patch(path).json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Reply {
        self.send(delete(path)).await
    }

    /// The status of the simplest thing that needs a session.
    pub(crate) async fn me(&self) -> u16 {
        self.get("/users/me").await.status
    }

    /// Uses the refresh token.
    pub(crate) async fn refreshes(&self) -> Reply {
        self.wire.send(&post("/auth/refresh").json(json!({"refresh_token": self.refresh}))).await
    }

    /// The same person with the tokens of a reply.
    pub(crate) fn with(&self, tokens: &Reply) -> Self {
        let (access, refresh) = (tokens.text("access_token"), tokens.text("refresh_token"));
        assert!(!access.is_empty() && !refresh.is_empty(), "{tokens}");
        Self { access, refresh, ..self.clone() }
    }
}

impl TestApp {
    pub(crate) fn anonymous(&self) -> Anonymous {
        Anonymous(self.sender())
    }

    /// A new ordinary user of this name, signed in.
    pub(crate) async fn signed_in(&self, name: &str) -> Person {
        let body = json!({"email": address(name), "username": name, "password": password(name)});
        let user = self.anonymous().post("/auth/register", body).await.must(201);
        self.sign_in(name, &user.text("id")).await
    }

    /// The first administrator, made as on the command line, signed in.
    pub(crate) async fn admin(&self) -> Person {
        self.administrator("adminone").await
    }

    pub(crate) async fn administrator(&self, name: &str) -> Person {
        let (email, secret) =
            (Email::parse(&address(name)).unwrap(), Password::parse(&password(name)).unwrap());
        let mut new = NewUser::with(Some(email), secret);
        new.username = Some(Username::parse(name).unwrap());
        new.roles = Roles::new([Role::admin(), Role::user()]);
        let user = self.keyward.create_user(By::Operator, new, &Caller::default()).await.unwrap();
        self.sign_in(name, &user.id.to_string()).await
    }

    /// Another session of somebody who is known.
    pub(crate) async fn again(&self, person: &Person) -> Person {
        person.with(&self.login(&person.email, &person.password).await.must(200))
    }

    pub(crate) async fn login(&self, email: &str, password: &str) -> Reply {
        self.anonymous().post("/auth/login", json!({"email": email, "password": password})).await
    }

    pub(crate) async fn sign_in(&self, name: &str, id: &str) -> Person {
        let nobody = Person {
            wire: self.sender(),
            id: id.to_owned(),
            email: address(name),
            password: password(name),
            access: String::new(),
            refresh: String::new(),
        };
        self.again(&nobody).await
    }
}

pub(crate) fn address(name: &str) -> String {
    format!("{name}@example.com")
}

pub(crate) fn password(name: &str) -> String {
    format!("{name} keeps a long secret")
}
