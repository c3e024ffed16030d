//! Messages between driver and server: an OP_MSG is one document, however it was cut into sections; any other is bytes.

use mongodb::bson::{Bson, Document};
use std::io;
use tokio::io::AsyncReadExt;
use tokio::net::tcp::OwnedReadHalf;

const OP_MSG: i32 = 2013;
const HEADER: usize = 16;
/// Behind the header and the flags.
const SECTIONS: usize = HEADER + 4;

pub(crate) struct Message {
    pub(crate) id: i32,
    pub(crate) answers: i32,
    /// With the header.
    pub(crate) bytes: Vec<u8>,
    pub(crate) document: Option<Document>,
}

fn number(bytes: &[u8], at: usize) -> i32 {
    i32::from_le_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn size(bytes: &[u8], at: usize) -> usize {
    usize::try_from(number(bytes, at)).unwrap()
}

impl Message {
    pub(crate) async fn read(from: &mut OwnedReadHalf) -> io::Result<Self> {
        let mut bytes = vec![0; HEADER];
        from.read_exact(&mut bytes).await?;
        bytes.resize(size(&bytes, 0), 0);
        from.read_exact(&mut bytes[HEADER..]).await?;
        let document = (number(&bytes, 12) == OP_MSG).then(|| whole(&bytes));
        Ok(Self { id: number(&bytes, 4), answers: number(&bytes, 8), bytes, document })
    }
}

/// The name of a command.
pub(crate) fn name_of(command: &Document) -> &str {
    command.keys().next().map_or("", String::as_str)
}

/// The body, and in it as lists what was sent apart from it.
fn whole(bytes: &[u8]) -> Document {
    let (mut whole, mut at) = (Document::new(), SECTIONS);
    while at < bytes.len() {
        let (is_list, mut next) = (bytes[at] == 1, at + 1);
        at = next + size(bytes, next);
        if !is_list {
            whole.extend(Document::from_reader(&bytes[next..at]).unwrap());
            continue;
        }
        let name_at = next + 4;
        let length = bytes[name_at..].iter().position(|byte| *byte == 0).unwrap();
        let name = String::from_utf8(bytes[name_at..name_at + length].to_vec()).unwrap();
        let mut list = Vec::new();
        next = name_at + length + 1;
        while next < at {
            let end = next + size(bytes, next);
            list.push(Bson::Document(Document::from_reader(&bytes[next..end]).unwrap()));
            next = end;
        }
        whole.insert(name, list);
    }
    whole
}

pub(crate) fn answer_to(id: i32, document: &Document) -> Vec<u8> {
    let mut body = Vec::new();
    document.to_writer(&mut body).unwrap();
    let length = i32::try_from(SECTIONS + 1 + body.len()).unwrap();
    let mut bytes: Vec<u8> = [length, 1, id, OP_MSG, 0].iter().flat_map(|part| part.to_le_bytes()).collect();
    bytes.push(0);
    bytes.extend(body);
    bytes
}
