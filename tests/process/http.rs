//! A client that hides nothing: one connection for each request, blocking, and what comes back as it came.

use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

#[derive(Clone)]
pub(super) struct Call {
    method: String,
    path: String,
    host: String,
    headers: String,
    body: Vec<u8>,
}

pub(super) fn call(method: &str, path: &str) -> Call {
    Call {
        method: method.into(),
        path: path.into(),
        host: "localhost".into(),
        headers: String::new(),
        body: Vec::new(),
    }
}

impl Call {
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers += &format!("{name}: {value}\r\n");
        self
    }

    pub(super) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    pub(super) fn body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", kind)
    }

    /// Another host than this machine's usual name, as a signed link wants it.
    pub(super) fn host(mut self, host: &str) -> Self {
        self.host = host.into();
        self
    }

    #[expect(clippy::needless_pass_by_value, reason = "tests write json!() in place")]
    pub(super) fn json(self, value: Value) -> Self {
        self.body("application/json", value.to_string())
    }

    pub(super) fn form(self, fields: &[(&str, &str)]) -> Self {
        let pairs: Vec<String> =
            fields.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect();
        self.body("application/x-www-form-urlencoded", pairs.join("&"))
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!(
            "{} {} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n",
            self.method,
            self.path,
            self.host,
            self.headers,
            self.body.len()
        )
        .into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    pub(super) fn send_to(&self, address: SocketAddr) -> io::Result<Reply> {
        let mut stream = connect(address)?;
        // A server that refuses early may be done before all is sent; its answer is there all the same.
        let sent = stream.write_all(&self.bytes());
        Reply::read(&mut stream).or_else(|error| sent.and(Err(error)))
    }
}

/// How long a test waits for bytes: much longer than any answer takes.
const SILENCE: Duration = Duration::from_secs(30);

pub(super) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(SILENCE))?;
    stream.set_write_timeout(Some(SILENCE))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Every byte but letters and digits as `%XX`.
pub(super) fn percent(text: &str) -> String {
    let encoded = |byte: u8| match byte {
        b if b.is_ascii_alphanumeric() => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    text.bytes().map(encoded).collect()
}

#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    head: String,
    pub(super) text: String,
    /// The text as it came.
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// The one reply on a connection that the server closes.
    pub(super) fn read(stream: &mut TcpStream) -> io::Result<Self> {
        let mut bytes = Vec::new();
        let ended = stream.read_to_end(&mut bytes);
        let cut = |what: &str| io::Error::new(io::ErrorKind::UnexpectedEof, what.to_owned());
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Err(ended.err().unwrap_or_else(|| cut("no whole head of a reply")));
        };
        let body = bytes.split_off(end + 4);
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let reply = Self {
            status: status.ok_or_else(|| cut("no status"))?,
            head,
            text: String::from_utf8_lossy(&body).into_owned(),
            body,
        };
        let announced = reply.header("content-length").parse::<usize>();
        if announced.is_ok_and(|length| reply.body.len() < length) {
            return Err(cut("half a body"));
        }
        Ok(reply)
    }

    /// The value of a header, empty where there is none.
    pub(super) fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self}"))
    }

    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self}");
        self
    }

    /// A problem document of this status and code.
    #[track_caller]
    pub(super) fn expect_problem(self, status: u16, code: &str) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.header("content-type"), "application/problem+json", "{reply}");
        assert_eq!(reply.json()["code"], code, "{reply}");
        assert!(status != 503 || !reply.header("retry-after").is_empty(), "{reply}");
        reply
    }
}

impl std::fmt::Display for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n\n{}", self.head, self.text)
    }
}
