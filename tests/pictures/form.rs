//! Forms in parts (RFC 7578), as browsers send them and as they never would.

use crate::app::Request;

pub(crate) const BOUNDARY: &str = "----a-boundary-of-tests";

/// The parts so far.
#[derive(Default)]
pub(crate) struct Form(Vec<u8>);

impl Form {
    /// Of one file.
    pub(crate) fn of(name: &str, file_name: &str, kind: &str, content: &[u8]) -> Self {
        Self::default().file(name, file_name, kind, content)
    }

    pub(crate) fn field(self, name: &str, value: &str) -> Self {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        self.part(head.as_bytes(), value.as_bytes())
    }

    pub(crate) fn file(self, name: &str, file_name: &str, kind: &str, content: &[u8]) -> Self {
        let disposition =
            format!("Content-Disposition: form-data; name=\"{name}\"; filename=\"{file_name}\"");
        self.part(format!("{disposition}\r\nContent-Type: {kind}").as_bytes(), content)
    }

    pub(crate) fn part(mut self, head: &[u8], content: &[u8]) -> Self {
        for piece in [b"--", BOUNDARY.as_bytes(), b"\r\n", head, b"\r\n\r\n", content, b"\r\n"] {
            self.0.extend_from_slice(piece);
        }
        self
    }

    pub(crate) fn kind() -> String {
        format!("multipart/form-data; boundary={BOUNDARY}")
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        [self.0, format!("--{BOUNDARY}--\r\n").into_bytes()].concat()
    }

    pub(crate) fn on(self, request: Request) -> Request {
        request.body(&Self::kind(), self.bytes())
    }
}
