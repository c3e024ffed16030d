//! Sixteen bytes as text: how digests are written where they are part of a key.

/// 32 digits, in lower case.
pub(crate) fn written(bytes: [u8; 16]) -> String {
    format!("{:032x}", u128::from_be_bytes(bytes))
}

/// What [`written`] gave; `None` for any other text.
pub(crate) fn read(text: &str) -> Option<[u8; 16]> {
    let bytes = u128::from_str_radix(text, 16).ok()?.to_be_bytes();
    (written(bytes) == text).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_written_is_read() {
        let bytes = std::array::from_fn(|at| 16 * u8::try_from(at).unwrap() + 10);
        let text = written(bytes);
        assert_eq!(text, "0a1a2a3a4a5a6a7a8a9aaabacadaeafa");
        assert_eq!(read(&text), Some(bytes));
        assert_eq!(read(&written([0; 16])), Some([0; 16]));
        for other in
            ["", "0", &text[1..], &text.to_uppercase(), &format!("+{}", &text[1..]), &format!("0{text}")]
        {
            assert_eq!(read(other), None, "{other}");
        }
    }
}
