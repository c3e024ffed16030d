//! A TCP proxy before a server, which can be slow, silent, cut and gone, as networks and servers are. On a thread of its
//! own, so that tests that block can use it as well as those that do not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, watch};

/// What the network is like now.
#[derive(Clone)]
struct Weather {
    server: SocketAddr,
    delay: Duration,
    /// Bytes wait in the proxy.
    is_silent: bool,
    /// Nobody listens.
    is_gone: bool,
    /// How often all connections were cut; each belongs to the time of its making.
    cuts: u64,
}

pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    weather: watch::Sender<Weather>,
    /// Answers when a change of the listener has happened.
    listening: Option<mpsc::UnboundedSender<std::sync::mpsc::Sender<()>>>,
    connections: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Proxy {
    /// Listens on a free port and passes everything on to `server`, and back.
    pub(crate) fn before(server: SocketAddr) -> Self {
        let fair = Weather { server, delay: Duration::ZERO, is_silent: false, is_gone: false, cuts: 0 };
        let (weather, watched) = watch::channel(fair);
        let (listening, asked) = mpsc::unbounded_channel();
        let connections = Arc::new(AtomicUsize::new(0));
        let (tell, told) = std::sync::mpsc::channel();
        let counted = connections.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                listen(listener, watched, asked, &counted).await;
            });
        });
        let address = told.recv().unwrap();
        Self { address, weather, listening: Some(listening), connections, thread: Some(thread) }
    }

    /// Each piece of data arrives this much later, in both directions.
    pub(crate) fn delay(&self, delay: Duration) {
        self.weather.send_modify(|weather| weather.delay = delay);
    }

    /// Nothing arrives any more, and nobody is told: connections can be made, and hang. What was sent meanwhile arrives
    /// when the proxy is [restored](Self::restore).
    pub(crate) fn silence(&self) {
        self.weather.send_modify(|weather| weather.is_silent = true);
    }

    /// Resets every connection that there is. New ones are served.
    pub(crate) fn cut(&self) {
        self.weather.send_modify(|weather| weather.cuts += 1);
    }

    /// Resets every connection, and refuses new ones as a machine does on which nobody listens.
    pub(crate) fn vanish(&self) {
        self.weather.send_modify(|weather| (weather.is_gone, weather.cuts) = (true, weather.cuts + 1));
        self.settle();
    }

    /// New connections lead to another server; those that there are, are reset.
    pub(crate) fn lead_to(&self, server: SocketAddr) {
        self.weather.send_modify(|weather| (weather.server, weather.cuts) = (server, weather.cuts + 1));
    }

    /// Fair again: nothing is held up, and new connections are served. Those that were cut stay so.
    pub(crate) fn restore(&self) {
        self.weather.send_modify(|weather| {
            (weather.delay, weather.is_silent, weather.is_gone) = (Duration::ZERO, false, false);
        });
        self.settle();
    }

    /// How many connections there are now.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until the listener is as it was told to be.
    fn settle(&self) {
        let (done, settled) = std::sync::mpsc::channel();
        self.listening.as_ref().unwrap().send(done).unwrap();
        settled.recv().unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // A closed channel ends the thread, and that its connections.
        drop(self.listening.take());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the proxy panicked");
        }
    }
}

async fn listen(
    listener: TcpListener,
    weather: watch::Receiver<Weather>,
    mut asked: mpsc::UnboundedReceiver<std::sync::mpsc::Sender<()>>,
    connections: &Arc<AtomicUsize>,
) {
    let address = listener.local_addr().unwrap();
    let mut listener = Some(listener);
    // Keeps the port while nobody listens: who connects is refused.
    let mut reserved = None;
    loop {
        tokio::select! {
            accepted = accept(listener.as_ref()) => {
                let (weather, connections) = (weather.clone(), connections.clone());
                connections.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(async move {
                    connect(accepted, weather).await;
                    connections.fetch_sub(1, Ordering::SeqCst);
                });
            }
            done = asked.recv() => {
                let Some(done) = done else { return };
                let is_gone = weather.borrow().is_gone;
                if is_gone && listener.take().is_some() {
                    reserved = Some(reserve(address).await);
                } else if let Some(socket) = reserved.take_if(|_| !is_gone) {
                    listener = Some(socket.listen(1024).unwrap());
                }
                done.send(()).unwrap();
            }
        }
    }
}

async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    match listener {
        Some(listener) => listener.accept().await.unwrap().0,
        None => std::future::pending().await,
    }
}

async fn reserve(address: SocketAddr) -> TcpSocket {
    loop {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        match socket.bind(address) {
            Ok(()) => return socket,
            // The listener is on its way out.
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// Serves one connection until either side ends it, or it is cut.
async fn connect(mut client: TcpStream, mut weather: watch::Receiver<Weather>) {
    let (server, cuts) = {
        let weather = weather.borrow();
        (weather.server, weather.cuts)
    };
    let Ok(mut server) = TcpStream::connect(server).await else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let is_cut = {
        let pumped = weather.clone();
        let ((client_read, client_write), (server_read, server_write)) = (client.split(), server.split());
        tokio::select! {
            _ = async {
                tokio::join!(
                    pass_on(client_read, server_write, pumped.clone()),
                    pass_on(server_read, client_write, pumped),
                )
            } => false,
            _ = weather.wait_for(|weather| weather.cuts != cuts) => true,
        }
    };
    if is_cut {
        // Dropped with this, a connection is reset and not closed.
        client.set_zero_linger().unwrap();
        server.set_zero_linger().unwrap();
    }
}

/// Passes bytes on in one direction until there are no more.
async fn pass_on(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut weather: watch::Receiver<Weather>) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut piece).await {
        let delay = weather.borrow().delay;
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
        if weather.wait_for(|weather| !weather.is_silent).await.is_err() {
            return;
        }
        if to.write_all(&piece[..read]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
