//! A wire between the store and a server that a test may cut: at once, or when certain words pass.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Through,
    /// Nothing passes any more, and nobody is told.
    Swallow,
    /// Connections are cut, and no new one is taken.
    Cut,
}

/// What happens when the client sends certain words.
#[derive(Clone, Copy)]
pub(super) enum Trap {
    /// The words do not arrive.
    Before(&'static str),
    /// They arrive, and the answer does not.
    After(&'static str),
}

pub(super) struct Proxy {
    pub(super) port: u16,
    way: watch::Sender<Way>,
    trap: Arc<Mutex<Option<Trap>>>,
}

impl Proxy {
    pub(super) async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let (way, watched) = watch::channel(Way::Through);
        let trap: Arc<Mutex<Option<Trap>>> = Arc::default();
        let traps = Arc::clone(&trap);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (way, trap) = (watched.clone(), Arc::clone(&traps));
                tokio::spawn(pass(client, SocketAddr::from(([127, 0, 0, 1], port)), way, trap));
            }
        });
        Self { port: own, way, trap }
    }

    pub(super) fn turn(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Once: the connection on which the words pass is cut.
    pub(super) fn set(&self, trap: Trap) {
        *self.trap.lock().unwrap() = Some(trap);
    }

    pub(super) fn is_sprung(&self) -> bool {
        self.trap.lock().unwrap().is_none()
    }
}

async fn pass(
    client: TcpStream,
    server: SocketAddr,
    mut way: watch::Receiver<Way>,
    trap: Arc<Mutex<Option<Trap>>>,
) {
    if *way.borrow() == Way::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let deaf = AtomicBool::new(false);
    tokio::select! {
        () = forth(from_client, to_server, way.clone(), &trap, &deaf) => {}
        () = back(from_server, to_client, way.clone(), &deaf) => {}
        _ = way.wait_for(|way| *way == Way::Cut) => {}
    }
}

async fn forth(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut way: watch::Receiver<Way>,
    trap: &Mutex<Option<Trap>>,
    deaf: &AtomicBool,
) {
    let mut bytes = vec![0; 65_536];
    while let Ok(count) = from.read(&mut bytes).await {
        if count == 0 || way.wait_for(|way| *way != Way::Swallow).await.is_err() {
            return;
        }
        let holds = |words: &str| bytes[..count].windows(words.len()).any(|part| part == words.as_bytes());
        let sprung = trap.lock().unwrap().take_if(|trap| match trap {
            Trap::Before(words) | Trap::After(words) => holds(words),
        });
        match sprung {
            Some(Trap::Before(_)) => return,
            Some(Trap::After(_)) => deaf.store(true, Ordering::SeqCst),
            None => {}
        }
        if to.write_all(&bytes[..count]).await.is_err() {
            return;
        }
    }
}

async fn back(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut way: watch::Receiver<Way>,
    deaf: &AtomicBool,
) {
    let mut bytes = vec![0; 65_536];
    while let Ok(count) = from.read(&mut bytes).await {
        // What was to arrive has been answered: now the wire may break.
        if count == 0 || deaf.load(Ordering::SeqCst) {
            return;
        }
        if way.wait_for(|way| *way != Way::Swallow).await.is_err()
            || to.write_all(&bytes[..count]).await.is_err()
        {
            return;
        }
    }
}
