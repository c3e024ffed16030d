//! A connection that takes nothing in before TLS but what was asked for.
//!
//! What stands before STARTTLS anybody on the way can have written. lettre reads ahead and keeps what it has read when TLS
//! begins, so that lines of an attacker would pass for answers of the server. Read a byte at a time, nothing is read
//! ahead: what comes behind the answer to STARTTLS goes to the handshake, which fails of it.

use lettre::transport::smtp::client::AsyncTokioStream;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

#[derive(Debug)]
pub(super) struct Stream {
    tcp: TcpStream,
    talk: Talk,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Talk {
    Plain,
    /// STARTTLS was sent; the next that we write is TLS.
    Asked,
    Tls,
}

impl Stream {
    /// Tries each address of the host, for at most `each`: one that is silent does not use up the time of the others.
    pub(super) async fn connect(place: (&str, u16), each: Duration) -> io::Result<Self> {
        let mut failure = io::Error::other("the host has no address");
        for address in lookup_host(place).await? {
            match timeout(each, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return Ok(Self { tcp, talk: Talk::Plain }),
                Ok(Err(error)) => failure = error,
                Err(_) => failure = io::Error::other(format!("nobody answers at {address}")),
            }
        }
        Err(failure)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.talk == Talk::Tls || into.remaining() == 0 {
            return Pin::new(&mut self.tcp).poll_read(context, into);
        }
        let mut byte = [0];
        let mut one = ReadBuf::new(&mut byte);
        ready!(Pin::new(&mut self.tcp).poll_read(context, &mut one))?;
        into.put_slice(one.filled());
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.tcp).poll_write(context, bytes))?;
        self.talk = match self.talk {
            Talk::Plain if bytes.starts_with(b"STARTTLS\r\n") => Talk::Asked,
            Talk::Plain => Talk::Plain,
            Talk::Asked | Talk::Tls => Talk::Tls,
        };
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(context)
    }
}

impl AsyncTokioStream for Stream {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.peer_addr()
    }
}
