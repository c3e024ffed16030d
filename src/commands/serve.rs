//! `keyward serve`: starts, says where it is, and stops in order on SIGTERM or SIGINT.

use super::out::Out;
use super::{Common, Failure};
use crate::wiring::{self, StartError, World};
use crate::{config, logging};
use serde_json::json;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

pub(super) fn run(common: &Common, out: Out) -> Result<(), Failure> {
    let config = common.load()?;
    // Kept to the end: dropped, it writes the last lines.
    let _log = logging::start(&config.log.level, config.log.format);
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Failure::refused)?;
    let done = runtime.block_on(serve(&config, out));
    // What still runs was told to stop; a list that takes long on the blocking pool is not worth waiting for.
    runtime.shutdown_timeout(Duration::from_secs(1));
    done
}

async fn serve(config: &config::Config, out: Out) -> Result<(), Failure> {
    let listen = config.server.listen;
    let listener = TcpListener::bind(listen).await.map_err(|error| StartError::Listen(listen, error))?;
    let bound = listener.local_addr().map_err(|error| StartError::Listen(listen, error))?;
    let opened = wiring::open(config, bound, World::real(config)?).await?;
    opened.look_around();
    let keyward = &opened.keyward;
    let has_administrator = keyward.store.users.has_administrator().await.map_err(Failure::refused)?;
    let link = (!has_administrator).then(|| keyward.setup.expose().to_owned());
    let web = wiring::web(config, bound, opened);
    // Whoever reads the address may tell it to stop in the same moment.
    let stop = stopped().map_err(Failure::refused)?;
    announce(config, bound, link.as_deref(), out);
    if let Some(what) = config.inbox_means(bound) {
        tracing::info!("{what}");
    }
    wiring::serve(config, listener, web, stop).await;
    tracing::info!("stopped");
    Ok(())
}

fn announce(config: &config::Config, bound: SocketAddr, link: Option<&str>, out: Out) {
    // Every address is none to follow a link to; on this machine this one is.
    let here = if bound.ip().is_unspecified() {
        SocketAddr::from((Ipv4Addr::LOCALHOST, bound.port()))
    } else {
        bound
    };
    let url = config.public_url(bound).unwrap_or_else(|| format!("http://{here}"));
    let store = config.store.url.to_string();
    let sessions = config.redis.url.as_ref().map(ToString::to_string);
    let (mail, pictures) = (config.mail_goes(bound), config.picture_place().to_string());
    let setup = link.map(|secret| format!("{url}/setup/{secret}"));
    let mut text = format!(
        "Keyward {} listens on http://{bound}\n  store     {store}{}\n  mail      {}\n  pictures  {pictures}\n  docs      {url}/docs",
        env!("CARGO_PKG_VERSION"),
        sessions.as_ref().map(|url| format!(", sessions in {url}")).unwrap_or_default(),
        mail.as_deref().unwrap_or("none: set mail.url (SMTP_URL)"),
    );
    if let Some(setup) = &setup {
        text += &format!(
            "\n  setup     {setup}\n            makes the first administrator; works once, until there is one"
        );
    }
    let value = json!({"listen": bound.to_string(), "url": url, "store": store, "sessions": sessions, "mail": mail, "pictures": pictures, "docs": format!("{url}/docs"), "setup": setup});
    out.answer(&text, &value);
}

/// Done when the process is told to stop.
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: running requests may finish");
    })
}
