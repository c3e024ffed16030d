//! Header values such as `form-data; name="a"`: a word and its parameters. Owns their syntax (RFC 9110, section 5.6.6, as
//! RFC 7578 has it for forms), not what any of them means.

/// A word in lower case, and parameters of which none stands twice.
#[derive(Debug, Default)]
pub(crate) struct Parameters {
    pub(crate) word: String,
    parameters: Vec<(String, Vec<u8>)>,
}

impl Parameters {
    /// `None` if it cannot be read in one way alone: a parameter twice, or a quote that does not end.
    pub(crate) fn parse(value: &[u8]) -> Option<Self> {
        let (word, mut rest) = until(value, |byte| byte == b';');
        let word = lower_case(word)?;
        let mut parameters: Vec<(String, Vec<u8>)> = Vec::new();
        while let Some(begin) = rest.strip_prefix(b";") {
            let (name, value) = until(begin, |byte| matches!(byte, b'=' | b';'));
            let (value, after) = match value.strip_prefix(b"=").map(<[u8]>::trim_ascii_start) {
                None => (Vec::new(), value),
                Some(quoted) if quoted.first() == Some(&b'"') => unquote(quoted.get(1..)?)?,
                Some(bare) => {
                    let (value, after) = until(bare, |byte| byte == b';');
                    (value.trim_ascii_end().to_vec(), after)
                }
            };
            rest = after;
            let name = lower_case(name)?;
            if name.is_empty() {
                // A semicolon too many.
                continue;
            }
            if parameters.iter().any(|(known, _)| *known == name) {
                return None;
            }
            parameters.push((name, value));
        }
        Some(Self { word, parameters })
    }

    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let found = self.parameters.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_slice())
    }

    /// Whether texts are in UTF-8, as far as this says.
    pub(crate) fn is_utf8(&self) -> bool {
        self.get("charset").is_none_or(|set| {
            [&b"utf-8"[..], b"utf8", b"us-ascii"].iter().any(|known| known.eq_ignore_ascii_case(set))
        })
    }
}

fn until(text: &[u8], ends: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    text.split_at(text.iter().position(|byte| ends(*byte)).unwrap_or(text.len()))
}

fn lower_case(text: &[u8]) -> Option<String> {
    std::str::from_utf8(text.trim_ascii()).ok().map(str::to_ascii_lowercase)
}

/// What stands before the closing quote, and what comes after it. A backslash is one, as in the paths that some browsers
/// sent, unless it stands before a quote or another.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut bytes = text.iter().copied().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                let after = text.get(at + 1..)?.trim_ascii_start();
                return (after.is_empty() || after.starts_with(b";")).then_some((value, after));
            }
            b'\\' => {
                let escaped = bytes.next_if(|(_, next)| matches!(next, b'"' | b'\\'));
                value.push(escaped.map_or(byte, |(_, escaped)| escaped));
            }
            byte => value.push(byte),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_name(value: &str) -> Option<String> {
        let parameters = Parameters::parse(value.as_bytes())?;
        assert_eq!(parameters.word, "form-data");
        parameters.get("filename").map(|name| String::from_utf8(name.to_vec()).unwrap())
    }

    #[test]
    fn read_as_browsers_write_them() {
        for (value, name) in [
            ("form-data; name=\"a\"; filename=\"me.png\"", "me.png"),
            ("Form-Data;NAME=a;FileName=me.png", "me.png"),
            ("form-data; name=a; filename = me.png ; other", "me.png"),
            ("form-data; filename=\"a;b=c.png\"; name=\"a\"", "a;b=c.png"),
            ("form-data; filename=\"a \\\"b\\\".png\"", "a \"b\".png"),
            ("form-data; filename=\"C:\\fake\\me.png\";", "C:\\fake\\me.png"),
            ("form-data; filename=\"\"", ""),
            ("form-data; filename=", ""),
            ("form-data; filename=\"你好.png\"", "你好.png"),
        ] {
            assert_eq!(file_name(value).as_deref(), Some(name), "{value}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_read() {
        for value in [
            "form-data; filename=\"me.png\"; filename=\"me.html\"",
            "form-data; filename=\"me.png",
            "form-data; filename=\"me.png\\\"",
            "form-data; filename=\"me.png\"x",
        ] {
            assert!(Parameters::parse(value.as_bytes()).is_none(), "{value}");
        }
    }

    #[test]
    fn only_utf8_is_utf8() {
        for (value, is) in [
            ("text/plain", true),
            ("text/plain; charset=UTF-8", true),
            ("text/plain; charset=\"utf-8\"", true),
            ("text/plain; charset=utf-16", false),
        ] {
            assert_eq!(Parameters::parse(value.as_bytes()).unwrap().is_utf8(), is, "{value}");
        }
    }
}
