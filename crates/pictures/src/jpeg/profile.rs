//! An ICC profile in the parts in which JPEG carries it: each in a segment, with its number and how many there are.

const MARK: &[u8] = b"ICC_PROFILE\0";

#[derive(Default)]
pub(super) struct Parts<'a>(Vec<(u8, u8, &'a [u8])>);

impl<'a> Parts<'a> {
    /// Takes a segment APP2, whatever is in it.
    pub(super) fn add(&mut self, payload: &'a [u8]) {
        if let Some([number, count, data @ ..]) = payload.strip_prefix(MARK) {
            self.0.push((*number, *count, data));
        }
    }

    /// The profile, if there are exactly its parts.
    pub(super) fn whole(mut self) -> Option<Vec<u8>> {
        self.0.sort_by_key(|(number, ..)| *number);
        let count = self.0.len();
        let is_whole =
            self.0.iter().zip(1..).all(|((number, of, _), expected)| {
                usize::from(*number) == expected && usize::from(*of) == count
            });
        (count > 0 && is_whole).then(|| self.0.iter().flat_map(|(.., data)| *data).copied().collect())
    }
}
