//! Case F-01 for all that is not a registration: passwords changed, sessions ended, users deleted, profiles edited while
//! the service is killed. What was acknowledged holds after the restart; of what was not, all of it or nothing.

use super::http::call;
use super::server::{Home, PASSWORD, SOON, Server, registration, sign_in, until};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// A client's work; `None` where the service was gone before it answered.
trait Client: Send {
    /// Does one thing, and remembers what was acknowledged.
    fn act(&mut self, at: SocketAddr) -> Option<()>;
    /// The service is back: everything is as it was acknowledged.
    fn check(&mut self, server: &Server);
}

/// Who signed in, as it was told.
fn tokens(at: SocketAddr, email: &str, password: &str) -> Option<Value> {
    Some(sign_in(email, password).send_to(at).ok()?.expect(200).json())
}

fn text(tokens: &Value, name: &str) -> String {
    tokens[name].as_str().unwrap().to_owned()
}

struct ChangesPassword {
    email: String,
    password: String,
    /// The one of a change that was not answered.
    perhaps: Option<String>,
    count: usize,
}

impl Client for ChangesPassword {
    fn act(&mut self, at: SocketAddr) -> Option<()> {
        let access = text(&tokens(at, &self.email, &self.password)?, "access_token");
        self.count += 1;
        let new = format!("{PASSWORD} number {}", self.count);
        self.perhaps = Some(new.clone());
        let change = json!({"current_password": self.password, "password": new});
        let reply = call("POST", "/auth/password/change").bearer(&access).json(change).send_to(at).ok()?;
        reply.expect(200);
        self.password = new;
        self.perhaps = None;
        Some(())
    }

    fn check(&mut self, server: &Server) {
        let status = |password: &str| server.login(&self.email, password).status;
        match self.perhaps.take() {
            None => assert_eq!(status(&self.password), 200, "the new password was acknowledged"),
            Some(new) => match (status(&self.password), status(&new)) {
                (200, 401) => {}
                (401, 200) => self.password = new,
                other => panic!("{} has both passwords or none: {other:?}", self.email),
            },
        }
    }
}

struct SignsOut {
    email: String,
    ended: Vec<Value>,
    everywhere: bool,
}

impl Client for SignsOut {
    fn act(&mut self, at: SocketAddr) -> Option<()> {
        let (one, other) = (tokens(at, &self.email, PASSWORD)?, tokens(at, &self.email, PASSWORD)?);
        let logout = call("POST", "/auth/logout").bearer(&text(&one, "access_token"));
        logout.json(json!({"everywhere": self.everywhere})).send_to(at).ok()?.expect(204);
        self.ended.push(one);
        if self.everywhere {
            self.ended.push(other);
        }
        Some(())
    }

    fn check(&mut self, server: &Server) {
        for tokens in self.ended.drain(..) {
            server.me(&text(&tokens, "access_token")).expect(401);
            let refresh = json!({"refresh_token": text(&tokens, "refresh_token")});
            server.send(&call("POST", "/auth/refresh").json(refresh)).expect(401);
        }
    }
}

struct Deletes {
    count: usize,
    gone: Vec<String>,
}

impl Client for Deletes {
    fn act(&mut self, at: SocketAddr) -> Option<()> {
        self.count += 1;
        let email = format!("short{}@example.com", self.count);
        registration(&email, PASSWORD).send_to(at).ok()?.expect(201);
        let access = text(&tokens(at, &email, PASSWORD)?, "access_token");
        let delete = call("DELETE", "/users/me").bearer(&access).json(json!({"password": PASSWORD}));
        delete.send_to(at).ok()?.expect(204);
        self.gone.push(email);
        Some(())
    }

    fn check(&mut self, server: &Server) {
        self.gone.drain(..).for_each(|email| drop(server.login(&email, PASSWORD).expect(401)));
    }
}

struct Edits {
    access: String,
    written: usize,
    tried: usize,
}

impl Client for Edits {
    fn act(&mut self, at: SocketAddr) -> Option<()> {
        self.tried += 1;
        let edit = json!({"first_name": self.tried.to_string()});
        call("PUT", "/users/me").bearer(&self.access).json(edit).send_to(at).ok()?.expect(200);
        self.written = self.tried;
        Some(())
    }

    fn check(&mut self, server: &Server) {
        let profile = server.me(&self.access).expect(200).json();
        let kept: usize = profile["first_name"].as_str().unwrap_or("0").parse().unwrap();
        assert!((self.written..=self.tried).contains(&kept), "{} to {}: {kept}", self.written, self.tried);
        self.written = kept;
    }
}

#[test]
fn f_01_kill_9_under_changes_undoes_nothing_that_was_acknowledged() {
    // The same after each start, whatever the port.
    let home = Home::on_chosen_store().set("KEYWARD_TOKENS_ISSUER", "https://accounts.example.com");
    let mut server = home.start();
    let names = ["changes", "leaves", "everywhere", "edits"].map(|name| format!("{name}@example.com"));
    names.iter().for_each(|email| drop(server.register(email, PASSWORD).expect(201)));
    let [changes, leaves, everywhere, edits] = names;
    let access = server.token(&edits, PASSWORD);
    let mut clients: [Box<dyn Client>; 5] = [
        Box::new(ChangesPassword { email: changes, password: PASSWORD.into(), perhaps: None, count: 0 }),
        Box::new(SignsOut { email: leaves, ended: Vec::new(), everywhere: false }),
        Box::new(SignsOut { email: everywhere, ended: Vec::new(), everywhere: true }),
        Box::new(Deletes { count: 0, gone: Vec::new() }),
        Box::new(Edits { access, written: 0, tried: 0 }),
    ];
    for round in 0..5 {
        let done: [AtomicUsize; 5] = Default::default();
        std::thread::scope(|scope| {
            for (client, done) in clients.iter_mut().zip(&done) {
                let at = server.address;
                scope.spawn(move || {
                    while client.act(at).is_some() {
                        done.fetch_add(1, SeqCst);
                    }
                });
            }
            until("changes", SOON, || done.iter().all(|done| done.load(SeqCst) > round % 3).then_some(()));
            server.kill();
        });
        server = home.start();
        clients.iter_mut().for_each(|client| client.check(&server));
    }
    for half in [
        "SELECT count(*) FROM keyward_users WHERE password IS NULL OR email_key IS NULL",
        "SELECT count(*) FROM keyward_users WHERE id NOT IN (SELECT user_id FROM keyward_events WHERE kind = 'registered')",
    ] {
        assert_eq!(home.count(half), 0, "{half}");
    }
}
