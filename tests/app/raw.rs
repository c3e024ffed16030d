//! Bytes on a socket, where a well-behaved client would not let a test send them.

use super::TestApp;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What came back until the server closed the connection or had nothing more to say.
#[derive(Debug)]
pub(crate) struct RawReply {
    pub(crate) text: String,
    pub(crate) closed: bool,
}

impl RawReply {
    /// The status of the first reply; 0 if there was none.
    pub(crate) fn status(&self) -> u16 {
        self.text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0)
    }

    pub(crate) fn replies(&self) -> usize {
        self.text.matches("HTTP/1.1 ").count()
    }
}

/// How long a server that still has something to say may be silent.
const SILENCE: Duration = Duration::from_millis(400);

/// Sends the bytes while it reads. Ends when the server closes, or is silent after the last byte was sent.
pub(crate) async fn exchange(app: &TestApp, bytes: &[u8]) -> RawReply {
    let (mut read, mut write) = TcpStream::connect(app.address).await.unwrap().into_split();
    let bytes = bytes.to_vec();
    let sending = tokio::spawn(async move {
        // A server that has refused need not listen to the rest.
        let _ = write.write_all(&bytes).await;
        write
    });
    let (mut text, mut closed, mut buffer) = (Vec::new(), false, [0; 4096]);
    loop {
        let silence = if text.is_empty() { Duration::from_secs(8) } else { SILENCE };
        match timeout(silence, read.read(&mut buffer)).await {
            Ok(Ok(0) | Err(_)) => {
                closed = true;
                break;
            }
            Ok(Ok(read)) => text.extend_from_slice(&buffer[..read]),
            Err(_) => break,
        }
    }
    sending.abort();
    RawReply { text: String::from_utf8_lossy(&text).into_owned(), closed }
}

/// The head of a request that announces a body of this length.
pub(crate) fn announce(method: &str, path: &str, headers: &str, length: u64) -> String {
    format!(
        "{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
}
