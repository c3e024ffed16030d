//! Keyward over HTTP: routes, bodies, errors and pages. No SQL and no rules: a handler reads a request into values,
//! calls one flow, and writes the answer.

mod api;
mod arrival;
mod body;
mod budget;
mod client_address;
mod conditions;
mod docs;
mod extract;
mod fields;
mod frame;
mod gate;
mod inbox;
mod largest;
mod multipart;
pub mod openapi;
mod pages;
mod parameters;
pub mod problem;
mod routes;
mod run;
mod scope;
mod serve;
mod strict_json;
mod upload;

pub use api::user_json;
pub use fields::Unknown;
pub use inbox::{Inbox, InboxMail};
pub use largest::{LARGEST as LARGEST_BODY, LARGEST_FILE};
pub use pages::Product;
pub use routes::Route;
pub use serve::{Limits, serve};

use api::*;
use arrival::{Door, Takes};
use axum::Router;
use axum::body::Bytes;
use axum::handler::Handler;
use axum::http::{HeaderValue, Method, header};
use budget::Budget;
use keyward_auth::Keyward;
use pages::{Pages, link, setup};
use problem::Problem;
use routes::{PATCH, POST, PUT, Routes};
use run::NOWHERE;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::RwLock;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// What the handlers share.
pub struct Web {
    pub keyward: Arc<Keyward>,
    pub settings: Settings,
    /// The OpenAPI document, as it is served.
    document: Bytes,
    pages: Pages,
    /// Of the memory that uploads take.
    budget: Arc<Budget>,
    /// Held for reading by whatever may be changing something.
    running: Arc<RwLock<()>>,
    /// What begins the request ids of this process.
    boot: String,
}

pub type Shared = Arc<Web>;

/// What HTTP alone needs to know.
#[derive(Clone)]
pub struct Settings {
    /// The URL under which clients reach the service, without a slash at the end.
    pub public_url: String,
    pub is_https: bool,
    pub unknown_fields: Unknown,
    pub cors_origins: Vec<HeaderValue>,
    pub trusted_proxies: Vec<ipnet::IpNet>,
    pub request_timeout: Duration,
    /// The names and secrets of services that may introspect tokens.
    pub introspection_callers: Vec<(String, String)>,
    pub product: Product,
    /// Where mails end up in development; without one `/dev/mail` is no path of this service.
    pub inbox: Option<Arc<dyn Inbox>>,
}

impl Web {
    pub fn new(keyward: Arc<Keyward>, settings: Settings) -> Shared {
        let mut boot = [0; 4];
        keyward.random.fill(&mut boot);
        let table = if settings.inbox.is_some() { table() } else { routes().table };
        let document = openapi::document(&table, &settings.public_url).into();
        Arc::new(Self {
            keyward,
            document,
            pages: Pages::new(&settings.product),
            settings,
            budget: Arc::default(),
            running: Arc::default(),
            boot: format!("{:08x}", u32::from_ne_bytes(boot)),
        })
    }

    /// The URL of what a path of this service names; what is an URL already stays as it is.
    fn absolute(&self, link: &str) -> String {
        if link.starts_with('/') { format!("{}{link}", self.settings.public_url) } else { link.to_owned() }
    }
}

const MY_PICTURE: [&str; 2] = ["/users/me/picture", "/profile/picture"];

/// Every route, its aliases beside it.
fn routes() -> Routes {
    Routes::default()
        .taking(
            Takes::Parts(Door::Anybody),
            POST,
            "register",
            &["/auth/register", "/register"],
            register::post,
        )
        .post("login", &["/auth/login", "/login"], login::post)
        .post("logout", &["/auth/logout", "/logout"], logout::post)
        .post("refresh", &["/auth/refresh", "/refresh"], refresh::post)
        .post("verify", &["/auth/verify", "/verify"], verify::post)
        .post("resend", &["/auth/verify/resend"], ask::resend)
        .post("forgot_password", &["/auth/password/forgot", "/forgot-password"], ask::forgot)
        .post("reset_password", &["/auth/password/reset", "/reset-password"], reset_password::post)
        .post("change_password", &["/auth/password/change"], change_password::post)
        .get("check", &["/auth/check"], check::get)
        .post("introspect", &["/auth/introspect"], introspect::post)
        .get("me", &["/users/me", "/me", "/profile"], users::me)
        .taking(Takes::Parts(Door::Person), PUT, "put_me", &["/users/me", "/me", "/profile"], edit_user::me)
        .taking(Takes::Parts(Door::Person), PATCH, "patch_me", &["/users/me", "/profile"], edit_user::me)
        .delete("delete_me", &["/users/me", "/me"], delete_user::me)
        .taking(Takes::Picture(Door::Person), PUT, "put_my_picture", &MY_PICTURE, pictures::put_mine)
        .taking(Takes::Picture(Door::Person), POST, "put_my_picture", &MY_PICTURE[1..], pictures::put_mine)
        .get("my_picture", &MY_PICTURE[..1], pictures::get_mine)
        .delete("delete_my_picture", &MY_PICTURE[..1], pictures::delete_mine)
        .get("list_sessions", &["/users/me/sessions"], sessions::list)
        .delete("end_session", &["/users/me/sessions/{session}"], sessions::end)
        .get("list_users", &["/users"], users::list)
        .post("create_user", &["/users"], create_user::post)
        .get("get_user", &["/users/{user}", "/profile/{id}"], users::get)
        .taking(
            Takes::Parts(Door::Whom),
            PUT,
            "put_user",
            &["/users/{user}", "/profile/{id}"],
            edit_user::user,
        )
        .taking(Takes::Parts(Door::Whom), PATCH, "patch_user", &["/users/{user}"], edit_user::user)
        .delete("delete_user", &["/users/{user}"], delete_user::user)
        .taking(Takes::Picture(Door::Whom), PUT, "put_picture", &["/users/{user}/picture"], pictures::put)
        .get("get_picture", &["/users/{user}/picture"], pictures::get)
        .delete("delete_picture", &["/users/{user}/picture"], pictures::delete)
        .get("show_picture", &["/pictures/{picture}/{square}"], pictures::show)
        .post("end_user_sessions", &["/users/{user}/logout"], sessions::end_all)
        .post("send_reset", &["/users/{user}/password-reset"], send_reset::post)
        .get("jwks", &["/.well-known/jwks.json"], jwks::get)
        .get("live", &["/health/live"], health::live)
        .get("ready", &["/health/ready", "/health"], health::ready)
        .get("openapi", &["/openapi.json"], openapi::get)
        .get("docs", &["/docs"], docs::swagger)
        .get("redoc", &["/redoc"], docs::redoc)
        .get("link_page", &["/link/{token}"], link::get)
        .post("link", &["/link/{token}"], link::post)
        .get("setup_page", &["/setup/{token}"], setup::get)
        .post("setup", &["/setup/{token}"], setup::post)
}

/// The table of routes, for the document and its test: those of the inbox, too.
pub fn table() -> Vec<Route> {
    [routes().table, inbox::routes().table].concat()
}

pub fn router(web: Shared) -> Router {
    let router = routes()
        .router
        .merge(docs::assets())
        .fallback((async || Problem::not_found()).layer(NOWHERE))
        .method_not_allowed_fallback(method_not_allowed.layer(NOWHERE))
        .with_state(web.clone());
    let origins = web.settings.cors_origins.clone();
    let router = if origins.is_empty() { router } else { router.layer(cors(origins)) };
    if web.settings.inbox.is_some() { inbox::beside(router, web) } else { router }
}

async fn method_not_allowed() -> Problem {
    Problem::new(&problem::METHOD_NOT_ALLOWED, "see the Allow header")
}

/// Browsers of these origins may call; no cookie is ever involved, so no credentials are allowed.
fn cors(origins: Vec<HeaderValue>) -> CorsLayer {
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE])
        .allow_headers([header::AUTHORIZATION, header::CONTENT_TYPE, header::IF_MATCH, frame::X_REQUEST_ID])
        .expose_headers([
            header::ETAG,
            header::LOCATION,
            header::RETRY_AFTER,
            frame::X_REQUEST_ID,
            gate::RATE_LIMIT,
            gate::RATE_LIMIT_POLICY,
        ])
        .max_age(Duration::from_secs(600))
}
