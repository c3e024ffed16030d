//! The syntax of `.env` files as the common tools read it: `NAME=value`, `export `, comments, single and double quotes
//! that may span lines. Nothing is expanded: a `$` in a secret stays one. Owns no meaning of names.

/// The names and values in order. A line that makes no sense is left out here: it is another program's, or
/// `broken` finds it.
pub(super) fn parse(text: &str) -> Vec<(String, String)> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut found = Vec::new();
    while !rest.is_empty() {
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let Some(name) = name(line) else {
            rest = after;
            continue;
        };
        let (_, value) = rest.split_once('=').unwrap_or((rest, ""));
        let value = value.trim_start_matches([' ', '\t']);
        let quoted = match value.chars().next() {
            Some('\'') => single(value),
            Some('"') => double(value),
            _ => None,
        };
        if let Some((value, behind)) = quoted {
            found.push((name.to_owned(), value));
            rest = behind.split_once('\n').map_or("", |(_, after)| after);
        } else {
            let value = line.split_once('=').map_or("", |(_, value)| value);
            found.push((name.to_owned(), bare(value).to_owned()));
            rest = after;
        }
    }
    found
}

/// The name that a line sets, if it sets one.
fn name(line: &str) -> Option<&str> {
    let (name, _) = line.split_once('=')?;
    let name = name.trim();
    let name =
        name.strip_prefix("export").filter(|n| n.starts_with([' ', '\t'])).map_or(name, str::trim_start);
    let right = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    right.then_some(name)
}

/// Without quotes: up to a comment, which needs a blank before it.
fn bare(value: &str) -> &str {
    let comment = value.char_indices().find(|(at, c)| {
        *c == '#' && value.get(..*at).is_none_or(|b| b.is_empty() || b.ends_with([' ', '\t']))
    });
    comment.and_then(|(at, _)| value.get(..at)).unwrap_or(value).trim()
}

/// In single quotes: everything is itself.
fn single(value: &str) -> Option<(String, &str)> {
    let (inside, behind) = value.strip_prefix('\'')?.split_once('\'')?;
    Some((inside.to_owned(), behind))
}

/// In double quotes: with the escapes of a shell and of C.
fn double(value: &str) -> Option<(String, &str)> {
    let inside = value.strip_prefix('"')?;
    let mut text = String::new();
    let mut chars = inside.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((text, inside.get(at + 1..)?)),
            '\\' => match chars.next()?.1 {
                'n' => text.push('\n'),
                'r' => text.push('\r'),
                't' => text.push('\t'),
                c @ ('"' | '\\' | '$' | '`' | '\'') => text.push(c),
                c => text.extend(['\\', c]),
            },
            c => text.push(c),
        }
    }
    None
}

/// Whether a line seems to be ours and sets nothing, with the line's number.
pub(super) fn broken(text: &str) -> Option<usize> {
    let ours = |line: &str| line.trim_start().trim_start_matches("export ").starts_with("KEYWARD_");
    text.lines().position(|line| ours(line) && name(line).is_none()).map(|at| at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table() {
        for (text, expected) in [
            ("", &[] as &[(&str, &str)]),
            ("A=1\nB = 2 \n", &[("A", "1"), ("B", "2")]),
            ("\u{feff}A=1\r\nB=2\r\n", &[("A", "1"), ("B", "2")]),
            ("# A=1\n  # B=2\n\nexport C=3\nexport\tD=4", &[("C", "3"), ("D", "4")]),
            ("A=a b # comment\nB=a#b\nC=#c\nD=", &[("A", "a b"), ("B", "a#b"), ("C", ""), ("D", "")]),
            (
                "A='a \"#$b\\n' # c\nB=\"a '#\\\"\\n$b\\q\" # c",
                &[("A", "a \"#$b\\n"), ("B", "a '#\"\n$b\\q")],
            ),
            (
                "KEY=\"-----BEGIN\nNOT=us\n-----END\"\nB=2",
                &[("KEY", "-----BEGIN\nNOT=us\n-----END"), ("B", "2")],
            ),
            ("A=\"never closed\nB=2", &[("A", "\"never closed"), ("B", "2")]),
            ("nonsense\n=1\n1A=2\nA B=3\nexported=4", &[("exported", "4")]),
            (
                "A==\nB=a=b\nC=postgres://u:p@h/d?x=y",
                &[("A", "="), ("B", "a=b"), ("C", "postgres://u:p@h/d?x=y")],
            ),
        ] {
            let found = parse(text);
            let found: Vec<(&str, &str)> = found.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn a_line_of_ours_that_sets_nothing_is_found() {
        assert_eq!(broken("A\nKEYWARD_SERVER_LISTEN :80"), Some(2));
        assert_eq!(broken("A\n# KEYWARD_SERVER_LISTEN\nKEYWARD_X=1"), None);
    }
}
