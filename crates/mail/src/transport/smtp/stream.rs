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
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

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
    pub(super) async fn connect((host, port): (&str, u16)) -> io::Result<Self> {
        Ok(Self { tcp: TcpStream::connect((host, port)).await?, talk: Talk::Plain })
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
